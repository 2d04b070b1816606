// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR given out as a dma-buf, by the kernel's own driver: its addresses are what an
 * importer gets, so it does not matter what answers there. The variant driver gives
 * out nothing (iommufd_test).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"
#include "vst_iommufd.h"

/* In <linux/vfio.h> since 6.19. */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF	11
#endif

#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE

#define BAR	0
#define SIZE	(64UL << 10)

struct range {
	u64 offset, length;
};

struct request {
	struct vfio_device_feature feature;
	u32 bar, open_flags, flags, count;
	struct range range[2];
};

static int get(struct vst_dev *dev, u32 bar, u32 count, struct range one, struct range two)
{
	struct request r = {
		.feature = { .argsz = sizeof(r), .flags = GET | VFIO_DEVICE_FEATURE_DMA_BUF },
		.bar = bar,
		.open_flags = O_RDWR | O_CLOEXEC,
		.count = count,
		.range = { one, two },
	};

	return __vst_ioctl(dev, VFIO_DEVICE_FEATURE, &r);
}

static int get_one(struct vst_dev *dev, u64 offset, u64 length)
{
	return get(dev, BAR, 1, (struct range) { offset, length }, (struct range) {});
}

/* uapi: FEATURE.DMA_BUF */
FIXTURE(dmabuf) {
	struct vst_card card;
	struct vst_dev *dev;
	int fd;
};

FIXTURE_SETUP(dmabuf)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_card_plug(&self->card, "model=shape", "driver=vfio-pci", "bar0=mem32:64K",
		      "bar1=io:32", "bar4=none", "msix=0");
	self->dev = vst_open(self->card.bdf[0]);
	self->fd = get_one(self->dev, 0, SIZE);
	if (self->fd == -ENOTTY) {
		vst_close(self->dev);
		vst_card_destroy(&self->card);
		SKIP(return, "the kernel gives out no dma-bufs");
	}
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(dmabuf)
{
	if (self->fd >= 0)
		close(self->fd);
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

TEST_F(dmabuf, is_as_large_as_what_was_asked_for)
{
	int fd = get(self->dev, BAR, 2, (struct range) { VST_PAGE, VST_PAGE },
		     (struct range) { 0x8000, 0x8000 });

	EXPECT_EQ(SIZE, lseek(self->fd, 0, SEEK_END));
	ASSERT_LE(0, fd);
	EXPECT_EQ(VST_PAGE + 0x8000, lseek(fd, 0, SEEK_END));
	close(fd);
}

TEST_F(dmabuf, cannot_be_set_and_is_told_of)
{
	struct request r = {
		.feature = { .argsz = sizeof(r),
			     .flags = PROBE | GET | VFIO_DEVICE_FEATURE_DMA_BUF },
	};

	EXPECT_EQ(0, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &r));
	r.feature.flags = PROBE | SET | VFIO_DEVICE_FEATURE_DMA_BUF;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &r));
	r.feature.flags = SET | VFIO_DEVICE_FEATURE_DMA_BUF;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &r));
	r.feature.flags = GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	r.feature.argsz = sizeof(r.feature);
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &r));
}

TEST_F(dmabuf, ranges_that_make_no_sense_are_refused)
{
	const struct range page = { 0, VST_PAGE };
	static const struct range bad[] = {
		{ 0, 0 }, { 1, VST_PAGE }, { 0, 1 }, { 0, SIZE + VST_PAGE },
		{ SIZE, VST_PAGE }, { SIZE - VST_PAGE, 2 * VST_PAGE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, get_one(self->dev, bad[i].offset, bad[i].length)) {
			TH_LOG("range %u", i);
		}
		EXPECT_EQ(-EINVAL, get(self->dev, BAR, 2, page, bad[i]));
	}
	EXPECT_GT(0, get_one(self->dev, -VST_PAGE, 2 * VST_PAGE));
	EXPECT_EQ(-EINVAL, get(self->dev, BAR, 0, page, page));
	EXPECT_EQ(-EINVAL, get(self->dev, BAR, 2, (struct range) { 0, -VST_PAGE },
			       (struct range) { 0, 2 * VST_PAGE }));
}

TEST_F(dmabuf, of_a_region_that_is_no_memory_is_refused)
{
	const struct range page = { 0, VST_PAGE };

	EXPECT_EQ(-ENODEV, get(self->dev, VFIO_PCI_ROM_REGION_INDEX, 1, page, page));
	EXPECT_EQ(-ENODEV, get(self->dev, VST_CONFIG, 1, page, page));
	EXPECT_EQ(-ENODEV, get(self->dev, 99, 1, page, page));
	EXPECT_GT(0, get(self->dev, 1, 1, page, page));
	EXPECT_GT(0, get(self->dev, 5, 1, page, page));
}

/* It outlives its device, and gives nothing any more. */
TEST_F(dmabuf, does_not_hold_the_device)
{
	vst_close(self->dev);
	self->dev = NULL;
	vst_unbind(self->card.bdf[0]);
	EXPECT_EQ(SIZE, lseek(self->fd, 0, SEEK_END));
}

TEST_F(dmabuf, outlives_resets_and_memory_that_is_off)
{
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(SIZE, lseek(self->fd, 0, SEEK_END));
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	vst_reset(self->dev);
	EXPECT_EQ(SIZE, lseek(self->fd, 0, SEEK_END));
}

/* Mapped, and unmapped again. */
static int map(struct vst_iommu *iommu, int fd, u64 start, u64 length)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = iommu->ioas,
		.fd = fd,
		.start = start,
		.length = length,
		.iova = vst_iova(iommu, SIZE),
	};
	int ret = __vst_xioctl(iommu->fd, IOMMU_IOAS_MAP_FILE, &map);

	return ret ?: __vst_unmap(iommu, map.iova, length, NULL);
}

/* uapi: IOAS.DMA_BUF */
TEST_F(dmabuf, is_mapped_for_devices_while_its_own_answers)
{
	if (vst_backend() != &vst_iommufd)
		SKIP(return, "needs iommufd");
	EXPECT_EQ(0, map(self->dev->iommu, self->fd, 0, SIZE));
	EXPECT_EQ(0, map(self->dev->iommu, self->fd, VST_PAGE, VST_PAGE));
	EXPECT_GT(0, map(self->dev->iommu, self->fd, VST_PAGE, SIZE));
	EXPECT_GT(0, map(self->dev->iommu, self->fd, SIZE, VST_PAGE));
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-ENODEV, map(self->dev->iommu, self->fd, 0, SIZE));
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0, map(self->dev->iommu, self->fd, 0, SIZE));
}

VST_MAIN_NO_CARD
