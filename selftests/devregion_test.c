// SPDX-License-Identifier: GPL-2.0-only
/*
 * A region behind those of PCI (shape.rst 3.5): what it is for is told by its type,
 * and it answers whatever the function's own bits say.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define OWN	VFIO_PCI_NUM_REGIONS	/* index of the first one */
#define SIZE	(64UL << 10)

/**
 * struct told - what GET_REGION_INFO says
 * @info: see there
 * @room: for capabilities
 */
struct told {
	struct vfio_region_info info;
	u8 room[256];
};

static int ask(struct vst_dev *dev, u32 index, u32 argsz, struct told *told)
{
	*told = (struct told) { .info = { .argsz = argsz, .index = index } };
	return __vst_ioctl(dev, VFIO_DEVICE_GET_REGION_INFO, told);
}

static u32 regions(struct vst_dev *dev)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	vst_ioctl(dev, VFIO_DEVICE_GET_INFO, &info);
	return info.num_regions;
}

static const struct vfio_region_info_cap_type *type_of(const struct told *told)
{
	const struct vfio_info_cap_header *cap;
	u32 off = told->info.flags & VFIO_REGION_INFO_FLAG_CAPS ? told->info.cap_offset : 0;

	for (; off; off = cap->next) {
		cap = (const void *)((const u8 *)told + off);
		if (cap->id == VFIO_REGION_INFO_CAP_TYPE)
			return (const void *)cap;
	}
	return NULL;
}

/* uapi: REGION.DEVICE */
FIXTURE(own) {
	struct vst_card card;
	struct vst_dev *dev;
	struct told told;
};

FIXTURE_SETUP(own)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_card_plug(&self->card, "model=shape", "region=64K");
	self->dev = vst_open(self->card.bdf[0]);
	vst_ok(ask(self->dev, OWN, sizeof(self->told), &self->told));
}

FIXTURE_TEARDOWN(own)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

#define get(self, off, buf, len)						\
	pread((self)->dev->fd, buf, len, (self)->told.info.offset + (off))
#define put(self, off, buf, len)						\
	pwrite((self)->dev->fd, buf, len, (self)->told.info.offset + (off))

/* uapi: DEVICE.GET_INFO REGION.GET_INFO */
TEST_F(own, region_is_counted_and_described)
{
	struct told none;

	EXPECT_EQ(OWN + 1, regions(self->dev));
	EXPECT_EQ(OWN, self->told.info.index);
	EXPECT_EQ(SIZE, self->told.info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		  VFIO_REGION_INFO_FLAG_CAPS, self->told.info.flags);
	EXPECT_EQ(-EINVAL, ask(self->dev, OWN + 1, sizeof(none), &none));
	EXPECT_EQ(-EINVAL, ask(self->dev, ~0U, sizeof(none), &none));
}

/* uapi: REGION.CAP.TYPE */
TEST_F(own, region_has_a_type_of_its_vendor)
{
	const struct vfio_region_info_cap_type *type = type_of(&self->told);

	ASSERT_NE(NULL, type);
	EXPECT_EQ(1, type->header.version);
	EXPECT_EQ(VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VLAB_VENDOR, type->type);
	EXPECT_EQ(VLAB_REGION_MEMORY, type->subtype);
}

/* uapi: REGION.CAP.TYPE */
TEST_F(own, type_that_has_no_room_is_asked_for_again)
{
	struct told told;

	EXPECT_EQ(0, ask(self->dev, OWN, sizeof(told.info), &told));
	EXPECT_NE(0, told.info.flags & VFIO_REGION_INFO_FLAG_CAPS);
	EXPECT_EQ(0, told.info.cap_offset);
	EXPECT_LE(sizeof(told.info) + sizeof(struct vfio_region_info_cap_type), told.info.argsz);
	EXPECT_EQ(SIZE, told.info.size);
	EXPECT_EQ(-EINVAL, ask(self->dev, OWN, 8, &told));
}

/* uapi: REGION.CAP.TYPE */
TEST_F(own, regions_of_pci_have_no_type)
{
	struct told told;
	u32 i;

	for (i = 0; i < OWN; i++)
		if (!ask(self->dev, i, sizeof(told), &told))
			EXPECT_EQ(NULL, type_of(&told));
}

TEST_F(own, memory_is_zero_and_keeps_what_is_written)
{
	u8 wrote[3 * VST_PAGE + 7], got[sizeof(wrote)], zero[sizeof(wrote)] = {};

	EXPECT_EQ(sizeof(got), get(self, 0, got, sizeof(got)));
	EXPECT_EQ(-1, vst_differs(zero, got, sizeof(got)));
	vst_fill(wrote, sizeof(wrote), 3);
	EXPECT_EQ(sizeof(wrote), put(self, VST_PAGE - 3, wrote, sizeof(wrote)));
	EXPECT_EQ(sizeof(got), get(self, VST_PAGE - 3, got, sizeof(got)));
	EXPECT_EQ(-1, vst_differs(wrote, got, sizeof(got)));
	EXPECT_EQ(1, get(self, VST_PAGE - 4, got, 1));
	EXPECT_EQ(0, got[0]);
}

TEST_F(own, nothing_is_past_its_end)
{
	u8 buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	EXPECT_EQ(3, put(self, SIZE - 3, buf, sizeof(buf)));
	memset(buf, 0, sizeof(buf));
	EXPECT_EQ(3, get(self, SIZE - 3, buf, sizeof(buf)));
	EXPECT_EQ(3, buf[2]);
	EXPECT_EQ(0, buf[3]);
	EXPECT_EQ(-1, get(self, SIZE, buf, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, put(self, SIZE, buf, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, get(self, 1ULL << 39, buf, 1));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(own, memory_that_is_not_the_callers_is_refused_and_leaves_the_rest)
{
	u8 *page = mmap(NULL, 2 * VST_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	u8 byte = 0;

	vst_assert(page != MAP_FAILED && !munmap(page + VST_PAGE, VST_PAGE));
	EXPECT_EQ(-1, get(self, 0, page + VST_PAGE, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, put(self, 0, page + VST_PAGE, 1));
	EXPECT_EQ(EFAULT, errno);
	memset(page, 0x42, VST_PAGE);
	EXPECT_EQ(VST_PAGE, put(self, 0, page, 2 * VST_PAGE));
	EXPECT_EQ(1, get(self, VST_PAGE - 1, &byte, 1));
	EXPECT_EQ(0x42, byte);
}

TEST_F(own, region_cannot_be_mapped)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, VST_PAGE, PROT_READ, MAP_SHARED, self->dev->fd,
				   self->told.info.offset));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(own, memory_answers_while_that_of_the_bars_does_not)
{
	u32 val = 0x12345678, got = 0;

	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-EIO, __vst_read(self->dev, 2, 0, &got, sizeof(got)));
	EXPECT_EQ(sizeof(val), put(self, 0, &val, sizeof(val)));
	EXPECT_EQ(sizeof(got), get(self, 0, &got, sizeof(got)));
	EXPECT_EQ(val, got);
}

TEST_F(own, memory_outlives_a_reset_and_its_user)
{
	u32 val = 0x12345678, got = 0;

	EXPECT_EQ(sizeof(val), put(self, SIZE - 4, &val, sizeof(val)));
	vst_reset(self->dev);
	EXPECT_EQ(sizeof(got), get(self, SIZE - 4, &got, sizeof(got)));
	EXPECT_EQ(val, got);
	vst_close(self->dev);
	self->dev = vst_open(self->card.bdf[0]);
	EXPECT_EQ(OWN + 1, regions(self->dev));
	EXPECT_EQ(sizeof(got), get(self, SIZE - 4, &got, sizeof(got)));
	EXPECT_EQ(val, got);
}

TEST_F(own, region_is_the_variant_drivers_not_the_kernels)
{
	struct told told;

	vst_close(self->dev);
	vst_bind(self->card.bdf[0], "vfio-pci");
	self->dev = vst_open(self->card.bdf[0]);
	EXPECT_EQ(OWN, regions(self->dev));
	EXPECT_EQ(-EINVAL, ask(self->dev, OWN, sizeof(told), &told));
}

TEST_F(own, card_without_it_has_none)
{
	struct vst_card card;
	struct vst_dev *dev;
	u8 byte;

	vst_card_plug(&card, "model=shape");
	dev = vst_open_in(card.bdf[0], self->dev->iommu);
	EXPECT_EQ(OWN, regions(dev));
	EXPECT_EQ(-1, pread(dev->fd, &byte, 1, self->told.info.offset));
	EXPECT_EQ(EINVAL, errno);
	vst_close(dev);
	vst_card_destroy(&card);
}

VST_MAIN_NO_CARD
