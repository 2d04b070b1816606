// SPDX-License-Identifier: GPL-2.0-only
/*
 * The type1 IOMMU, <linux/vfio.h>: what a container maps and unmaps, what it
 * says of itself, and what kinds of memory it takes. dma_test has the simplest
 * refusals and all that needs permissions.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define BUF		(8 * VST_PAGE)
#define NESTING		6	/* VFIO_TYPE1_NESTING_IOMMU, which newer headers lack */
#define NO_EXTENSION	0x7fff

static int raw_map(struct vst_iommu *iommu, u64 vaddr, u64 iova, u64 size, u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = vaddr, .iova = iova, .size = size,
	};

	return __vst_xioctl(iommu->fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int raw_unmap(struct vst_iommu *iommu, u64 iova, u64 size, u32 flags, u64 *done)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .flags = flags, .iova = iova, .size = size,
	};
	int ret = __vst_xioctl(iommu->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

	if (done)
		*done = ret ? 0 : unmap.size;
	return ret;
}

/* Sums that overflow are EINVAL or, by kernels that look closer, EOVERFLOW. */
static bool is_overflow(int ret)
{
	return ret == -EINVAL || ret == -EOVERFLOW;
}

/* ---- what GET_INFO says ---- */

union info {
	struct vfio_iommu_type1_info info;
	u8 room[1024];
};

static const void *find_cap(const union info *u, u16 id)
{
	u32 off = u->info.cap_offset;
	const struct vfio_info_cap_header *cap;

	for (; off; off = cap->next) {
		vst_assert(off + sizeof(*cap) <= u->info.argsz);
		cap = (const void *)(u->room + off);
		if (cap->id == id)
			return cap;
	}
	return NULL;
}

static void get_info(struct vst_iommu *iommu, union info *u)
{
	memset(u, 0, sizeof(*u));
	u->info.argsz = sizeof(*u);
	vst_xioctl(iommu->fd, VFIO_IOMMU_GET_INFO, u);
}

/* How many more mappings the container takes. */
static u32 available(struct vst_iommu *iommu)
{
	const struct vfio_iommu_type1_info_dma_avail *cap;
	union info u;

	get_info(iommu, &u);
	cap = find_cap(&u, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	vst_assert(cap);
	return cap->avail;
}

FIXTURE(type1) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	u8 *va;
	u64 iova;
};

FIXTURE_SETUP(type1)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	self->va = vst_anon(BUF);
	self->iova = vst_iova(self->iommu, 4 * BUF) + 2 * BUF;
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(type1)
{
	vst_close(self->dev);
}

/* uapi: TYPE1.CAP.IOVA_RANGE TYPE1.CAP.MIGRATION TYPE1.CAP.DMA_AVAIL TYPE1.PGSIZES */
TEST_F(type1, info_has_each_capability_once)
{
	static const u16 ids[] = {
		VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
		VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
	};
	unsigned int i, n = 0;
	union info u;
	u32 off;

	get_info(self->iommu, &u);
	EXPECT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, u.info.flags);
	for (off = u.info.cap_offset; off; n++)
		off = ((struct vfio_info_cap_header *)(u.room + off))->next;
	EXPECT_EQ(ARRAY_SIZE(ids), n);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct vfio_info_cap_header *cap = find_cap(&u, ids[i]);

		ASSERT_NE(NULL, cap);
		EXPECT_EQ(1, cap->version);
	}
}

/* uapi: TYPE1.CAP.MIGRATION */
TEST_F(type1, info_names_the_smallest_page_for_dirty_bitmaps)
{
	const struct vfio_iommu_type1_info_cap_migration *cap;
	union info u;

	get_info(self->iommu, &u);
	cap = find_cap(&u, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	ASSERT_NE(NULL, cap);
	EXPECT_EQ(u.info.iova_pgsizes & -u.info.iova_pgsizes, cap->pgsize_bitmap);
	EXPECT_EQ(VST_PAGE, cap->pgsize_bitmap);
	EXPECT_EQ(1ULL << 28, cap->max_dirty_bitmap_size);
}

/* uapi: TYPE1.CAP.DMA_AVAIL */
TEST_F(type1, info_counts_what_can_still_be_mapped)
{
	u32 before = available(self->iommu);

	EXPECT_LT(0, before);
	vst_map(self->iommu, self->va, self->iova, VST_PAGE, VST_RW);
	EXPECT_EQ(before - 1, available(self->iommu));
	vst_map(self->iommu, self->va, self->iova + VST_PAGE, VST_PAGE, VST_RW);
	EXPECT_EQ(before - 2, available(self->iommu));
	vst_unmap(self->iommu, self->iova, BUF, NULL);
	EXPECT_EQ(before, available(self->iommu));
}

/* uapi: TYPE1.PGSIZES */
TEST_F(type1, info_without_room_for_capabilities_tells_how_much_is_needed)
{
	union info u = { .info.argsz = sizeof(u.info) };
	u32 need;

	memset(u.room + sizeof(u.info), 0xa5, 16);
	vst_xioctl(self->iommu->fd, VFIO_IOMMU_GET_INFO, &u);
	need = u.info.argsz;
	EXPECT_LT(sizeof(u.info), need);
	EXPECT_TRUE(u.info.flags & VFIO_IOMMU_INFO_CAPS);
	EXPECT_EQ(0, u.info.cap_offset);
	EXPECT_EQ(0xa5, u.room[sizeof(u.info)]);

	u.info.argsz = need - 1;
	vst_xioctl(self->iommu->fd, VFIO_IOMMU_GET_INFO, &u);
	EXPECT_EQ(0, u.info.cap_offset);
	EXPECT_EQ(need, u.info.argsz);

	vst_xioctl(self->iommu->fd, VFIO_IOMMU_GET_INFO, &u);
	EXPECT_NE(0, u.info.cap_offset);
	EXPECT_EQ(need, u.info.argsz);
}

/* uapi: TYPE1.PGSIZES */
TEST_F(type1, info_of_the_first_version_is_not_written_beyond)
{
	union info u;

	memset(&u, 0xa5, sizeof(u));
	u.info.argsz = offsetof(struct vfio_iommu_type1_info, cap_offset);
	ASSERT_EQ(0, __vst_xioctl(self->iommu->fd, VFIO_IOMMU_GET_INFO, &u));
	EXPECT_TRUE(u.info.iova_pgsizes & VST_PAGE);
	EXPECT_EQ(0xa5a5a5a5, u.info.cap_offset);
}

/* uapi: TYPE1.PGSIZES */
TEST_F(type1, info_with_short_argsz_is_refused)
{
	union info u = { .info.argsz = offsetof(struct vfio_iommu_type1_info, cap_offset) - 1 };

	EXPECT_EQ(-EINVAL, __vst_xioctl(self->iommu->fd, VFIO_IOMMU_GET_INFO, &u));
}

/*
 * The last page of a range, or the one before when it is the last there can be:
 * kernels that compute with ends do not find a mapping whose end is 2^64.
 */
static u64 last_page(const struct vst_range *range)
{
	return range->end - (VST_PAGE - 1) - (range->end == ~0ULL ? VST_PAGE : 0);
}

/* Ranges ascend, have gaps between them, and are good to the last page of each. */
/* uapi: TYPE1.CAP.IOVA_RANGE */
TEST_F(type1, iova_ranges_are_what_can_be_mapped)
{
	struct vst_range range[16];
	int i, n = vst_ok(self->iommu->ops->iommu_ranges(self->iommu, range, ARRAY_SIZE(range)));

	for (i = 0; i < n; i++) {
		u64 page[2] = { range[i].start, last_page(&range[i]) };

		EXPECT_LT(page[0], page[1]);
		if (i)
			EXPECT_LT(range[i - 1].end + 1, range[i].start);
		EXPECT_EQ(0, __vst_map(self->iommu, self->va, page[0], VST_PAGE, VST_RW));
		EXPECT_EQ(0, __vst_map(self->iommu, self->va, page[1], VST_PAGE, VST_RW));
		EXPECT_EQ(0, __vst_dma_touch(self->dev, page[0], VST_PAGE, true));
		EXPECT_EQ(0, __vst_dma_touch(self->dev, page[1], VST_PAGE, true));
	}
}

/* uapi: TYPE1.CAP.IOVA_RANGE */
TEST_F(type1, map_outside_of_the_ranges_is_refused)
{
	struct vst_range range[16];
	int i, n = vst_ok(self->iommu->ops->iommu_ranges(self->iommu, range, ARRAY_SIZE(range)));
	u32 before = available(self->iommu);

	for (i = 0; i < n; i++) {
		if (range[i].end == ~0ULL)
			continue;
		EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, range[i].end + 1, VST_PAGE,
					     VST_RW));
		EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, last_page(&range[i]),
					     2 * VST_PAGE, VST_RW));
	}
	EXPECT_EQ(before, available(self->iommu));
}

/* ---- mappings that touch each other ---- */

/* uapi: MAP_DMA.RULES */
FIXTURE(beside) {
	struct vst_dev *dev;
	struct vst_buf buf;
	u8 *va;
};

/* A second mapping, in pages from the start of one of eight. */
FIXTURE_VARIANT(beside) {
	int start, pages;
	int ret;
};

FIXTURE_VARIANT_ADD(beside, before) { .start = -2, .pages = 2 };
FIXTURE_VARIANT_ADD(beside, behind) { .start = 8, .pages = 2 };
FIXTURE_VARIANT_ADD(beside, same) { .start = 0, .pages = 8, .ret = -EEXIST };
FIXTURE_VARIANT_ADD(beside, over_the_first_page) { .start = -1, .pages = 2, .ret = -EEXIST };
FIXTURE_VARIANT_ADD(beside, over_the_last_page) { .start = 7, .pages = 2, .ret = -EEXIST };
FIXTURE_VARIANT_ADD(beside, inside) { .start = 3, .pages = 1, .ret = -EEXIST };
FIXTURE_VARIANT_ADD(beside, around) { .start = -1, .pages = 10, .ret = -EEXIST };

FIXTURE_SETUP(beside)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->dev = vst_open(vst_bdf());
	vst_iova(self->dev->iommu, BUF);	/* room before it */
	self->buf = vst_buf(self->dev->iommu, BUF, VST_RW);
	self->va = vst_anon(10 * VST_PAGE);
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(beside)
{
	vst_close(self->dev);
}

TEST_F(beside, map_is_done_or_eexist_and_the_first_one_stays)
{
	u64 iova = self->buf.iova + variant->start * (long)VST_PAGE;
	u32 before = available(self->dev->iommu);
	u8 out[4] = { 0 };

	memset(self->buf.va, 0x11, BUF);
	memset(self->va, 0x22, 10 * VST_PAGE);
	EXPECT_EQ(variant->ret, __vst_map(self->dev->iommu, self->va, iova,
					  variant->pages * VST_PAGE, VST_RW));
	EXPECT_EQ(before - !variant->ret, available(self->dev->iommu));
	vst_dma_touch(self->dev, self->buf.iova, BUF, false);
	vst_read(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEM, out, 4);
	EXPECT_EQ(0x11, out[0]);
	EXPECT_EQ(variant->ret ? -EIO : 0,
		  __vst_dma_touch(self->dev, variant->start < 0 ? iova : self->buf.iova + BUF,
				  VST_PAGE, false));
}

/* ---- maps that cannot be right ---- */

/* uapi: MAP_DMA.RULES */
TEST_F(type1, map_that_overflows_is_refused)
{
	const u64 top = -BUF;

	EXPECT_TRUE(is_overflow(raw_map(self->iommu, (uintptr_t)self->va, top, 2 * BUF, VST_RW)));
	EXPECT_TRUE(is_overflow(raw_map(self->iommu, top, self->iova, 2 * BUF, VST_RW)));
	EXPECT_TRUE(is_overflow(raw_map(self->iommu, (uintptr_t)self->va, self->iova, top,
					VST_RW)));
}

/* uapi: MAP_DMA */
TEST_F(type1, map_of_more_than_there_is_is_refused_and_leaves_nothing)
{
	u32 before = available(self->iommu);

	/* The first page of 128 GiB is there, the last one cannot be. */
	EXPECT_EQ(-EFAULT, raw_map(self->iommu, (uintptr_t)self->va, self->iova, 1ULL << 37,
				   VST_RW));
	EXPECT_EQ(before, available(self->iommu));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->iova, VST_PAGE, false));
	EXPECT_EQ(0, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
}

/* 256 MiB of IOVA, all of it the same four MiB of memory. */
/* uapi: MAP_DMA */
TEST_F(type1, huge_map_is_one_mapping)
{
	const size_t part = 4 << 20, size = 256 << 20;
	int fd = syscall(SYS_memfd_create, "huge", MFD_CLOEXEC);
	u64 iova = vst_iova(self->iommu, size), done;
	u32 before = available(self->iommu);
	size_t off;
	u8 *va;

	ASSERT_EQ(0, ftruncate(fd, part));
	va = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, va);
	for (off = 0; off < size; off += part)
		vst_assert(mmap(va + off, part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				fd, 0) == va + off);
	vst_map(self->iommu, va, iova, size, VST_RW);
	EXPECT_EQ(before - 1, available(self->iommu));
	va[part - VST_PAGE] = 0x5a;
	vst_dma_touch(self->dev, iova + size - VST_PAGE, 1, false);
	EXPECT_EQ(0x5a, vst_read8(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEM));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, iova + size, 1, false));
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, iova, size / 2, NULL));
	vst_unmap(self->iommu, iova, size, &done);
	EXPECT_EQ(size, done);
	close(fd);
}

/* uapi: MAP_DMA UNMAP_DMA */
TEST_F(type1, bad_pointers_are_efault)
{
	static const unsigned long request[] = {
		VFIO_IOMMU_GET_INFO, VFIO_IOMMU_MAP_DMA, VFIO_IOMMU_UNMAP_DMA,
		VFIO_IOMMU_DIRTY_PAGES,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(request); i++)
		EXPECT_EQ(-EFAULT, __vst_xioctl(self->iommu->fd, request[i], NULL));
}

/* ---- unmapping part of it ---- */

/* uapi: MAP_DMA.RULES UNMAP_DMA */
FIXTURE(part) {
	struct vst_iommu *iommu;
	struct vst_dev *dev;
	struct vst_buf buf;
};

/* An unmap, in pages from the start of a mapping of eight. */
FIXTURE_VARIANT(part) {
	int type;
	int start, pages;
	int ret, done;
};

#define V1	VFIO_TYPE1_IOMMU
#define V2	VFIO_TYPE1v2_IOMMU

/* Version 1: what holds the first page takes all, anything else nothing. */
FIXTURE_VARIANT_ADD(part, v1_whole) { V1, 0, 8, 0, 8 };
FIXTURE_VARIANT_ADD(part, v1_first_page) { V1, 0, 1, 0, 8 };
FIXTURE_VARIANT_ADD(part, v1_last_page) { V1, 7, 1, 0, 0 };
FIXTURE_VARIANT_ADD(part, v1_inside) { V1, 3, 2, 0, 0 };
FIXTURE_VARIANT_ADD(part, v1_around) { V1, -1, 10, 0, 8 };
FIXTURE_VARIANT_ADD(part, v1_before_to_inside) { V1, -1, 3, 0, 8 };
FIXTURE_VARIANT_ADD(part, v1_inside_to_behind) { V1, 4, 8, 0, 0 };
FIXTURE_VARIANT_ADD(part, v1_beside) { V1, 8, 1, 0, 0 };

/* Version 2: a mapping goes as a whole or the call is refused. */
FIXTURE_VARIANT_ADD(part, v2_whole) { V2, 0, 8, 0, 8 };
FIXTURE_VARIANT_ADD(part, v2_first_page) { V2, 0, 1, -EINVAL, 0 };
FIXTURE_VARIANT_ADD(part, v2_last_page) { V2, 7, 1, -EINVAL, 0 };
FIXTURE_VARIANT_ADD(part, v2_inside) { V2, 3, 2, -EINVAL, 0 };
FIXTURE_VARIANT_ADD(part, v2_around) { V2, -1, 10, 0, 8 };
FIXTURE_VARIANT_ADD(part, v2_before_to_inside) { V2, -1, 3, -EINVAL, 0 };
FIXTURE_VARIANT_ADD(part, v2_inside_to_behind) { V2, 4, 8, -EINVAL, 0 };
FIXTURE_VARIANT_ADD(part, v2_beside) { V2, 8, 1, 0, 0 };

FIXTURE_SETUP(part)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->iommu = vst_iommu_open();
	self->iommu->type = variant->type;
	self->dev = vst_open_in(vst_bdf(), self->iommu);
	vst_iova(self->iommu, BUF);		/* room before it */
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(part)
{
	vst_close(self->dev);
	vst_iommu_close(self->iommu);
}

TEST_F(part, unmap_takes_all_of_a_mapping_or_nothing)
{
	u64 iova = self->buf.iova + variant->start * (long)VST_PAGE, done;
	int reach = variant->done ? -EIO : 0;

	EXPECT_EQ(variant->ret, __vst_unmap(self->iommu, iova, variant->pages * VST_PAGE, &done));
	EXPECT_EQ(variant->done * VST_PAGE, done);
	EXPECT_EQ(reach, __vst_dma_touch(self->dev, self->buf.iova, VST_PAGE, true));
	EXPECT_EQ(reach, __vst_dma_touch(self->dev, self->buf.iova + 7 * VST_PAGE, VST_PAGE,
					 true));
}

/* uapi: MAP_DMA.RULES */
TEST_F(type1, unmap_between_two_mappings_is_refused_and_takes_neither)
{
	vst_map(self->iommu, self->va, self->iova, 2 * VST_PAGE, VST_RW);
	vst_map(self->iommu, self->va, self->iova + 2 * VST_PAGE, 2 * VST_PAGE, VST_RW);
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, self->iova, 3 * VST_PAGE, NULL));
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, self->iova + VST_PAGE, 3 * VST_PAGE, NULL));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, 4 * VST_PAGE, true));
}

/* uapi: UNMAP_DMA */
TEST_F(type1, unmap_of_all_there_can_be_takes_everything)
{
	u64 done;

	vst_map(self->iommu, self->va, 0, VST_PAGE, VST_RW);
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	vst_unmap(self->iommu, 0, 1ULL << 63, &done);
	EXPECT_EQ(VST_PAGE + BUF, done);
}

/* uapi: UNMAP_DMA */
TEST_F(type1, unmap_that_overflows_is_refused)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_TRUE(is_overflow(__vst_unmap(self->iommu, self->iova, -VST_PAGE, NULL)));
	EXPECT_TRUE(is_overflow(__vst_unmap(self->iommu, -VST_PAGE, 2 * VST_PAGE, NULL)));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF, true));
}

/* uapi: UNMAP_DMA */
TEST_F(type1, unmap_all_of_an_empty_container_is_nothing)
{
	u64 done = 1;

	ASSERT_EQ(0, raw_unmap(self->iommu, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL, &done));
	EXPECT_EQ(0, done);
}

/* uapi: UNMAP_DMA */
TEST_F(type1, unmap_all_with_a_range_is_refused_and_takes_nothing)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(-EINVAL, raw_unmap(self->iommu, 0, BUF, VFIO_DMA_UNMAP_FLAG_ALL, NULL));
	EXPECT_EQ(-EINVAL, raw_unmap(self->iommu, self->iova, 0, VFIO_DMA_UNMAP_FLAG_ALL, NULL));
	EXPECT_EQ(-EINVAL, raw_unmap(self->iommu, self->iova, BUF, VFIO_DMA_UNMAP_FLAG_ALL, NULL));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF, true));
}

/* uapi: UNMAP_DMA */
TEST_F(type1, unmap_with_unknown_flags_or_short_argsz_is_refused)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap) - 1, .iova = self->iova, .size = BUF,
	};

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->iommu->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(-EINVAL, raw_unmap(self->iommu, self->iova, BUF, 1U << 31, NULL));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF, true));
}

/* ---- a new address for the same memory; the device is idle meanwhile ---- */

/* uapi: MAP_DMA.VADDR UNMAP_DMA.VADDR */
FIXTURE(vaddr) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	int fd;
	u8 *old, *new;
	u64 iova;
};

static u8 *map_file(int fd)
{
	void *va = mmap(NULL, BUF, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	vst_assert(va != MAP_FAILED);
	return va;
}

FIXTURE_SETUP(vaddr)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	if (!vst_xioctl(self->iommu->fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR))
		SKIP(return, "the container has no VFIO_UPDATE_VADDR");
	self->fd = syscall(SYS_memfd_create, "vaddr", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(self->fd, BUF));
	self->old = map_file(self->fd);
	self->new = map_file(self->fd);
	self->iova = vst_iova(self->iommu, 2 * BUF);
	vst_map(self->iommu, self->old, self->iova, BUF, VST_RW);
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(vaddr)
{
	close(self->fd);
	vst_close(self->dev);
}

static int take_vaddr(struct vst_iommu *iommu, u64 iova, u64 size, u64 *done)
{
	return raw_unmap(iommu, iova, size, VFIO_DMA_UNMAP_FLAG_VADDR, done);
}

static int give_vaddr(struct vst_iommu *iommu, void *va, u64 iova, u64 size)
{
	return raw_map(iommu, (uintptr_t)va, iova, size, VFIO_DMA_MAP_FLAG_VADDR);
}

TEST_F(vaddr, device_goes_on_through_the_new_address)
{
	u64 done;

	ASSERT_EQ(0, take_vaddr(self->iommu, self->iova, BUF, &done));
	EXPECT_EQ(BUF, done);
	munmap(self->old, BUF);
	ASSERT_EQ(0, give_vaddr(self->iommu, self->new, self->iova, BUF));
	vst_fill(self->new, BUF, 7);
	vst_dma_touch(self->dev, self->iova, BUF, false);
	memset(self->new, 0, BUF);
	vst_dma_touch(self->dev, self->iova, BUF, true);
	vst_fill(self->new + BUF - 8, 8, 8);	/* and it is not a copy */
	vst_dma_touch(self->dev, self->iova + BUF - 8, 8, false);
	EXPECT_EQ(*(u64 *)(self->new + BUF - 8),
		  vst_read64(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEM));
}

TEST_F(vaddr, mapping_keeps_its_place_while_it_has_no_address)
{
	u32 before = available(self->iommu);

	ASSERT_EQ(0, take_vaddr(self->iommu, self->iova, BUF, NULL));
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, self->new, self->iova, BUF, VST_RW));
	EXPECT_EQ(before, available(self->iommu));
	EXPECT_EQ(0, give_vaddr(self->iommu, self->new, self->iova, BUF));
}

TEST_F(vaddr, mapping_without_an_address_can_be_unmapped)
{
	struct vst_buf other = vst_buf(self->iommu, BUF, VST_RW);
	u64 done;

	ASSERT_EQ(0, take_vaddr(self->iommu, self->iova, BUF, NULL));
	vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(BUF, done);
	EXPECT_EQ(-ENOENT, give_vaddr(self->iommu, self->new, self->iova, BUF));
	/* Nothing is without an address any more: the device may work. */
	EXPECT_EQ(0, __vst_dma_touch(self->dev, other.iova, BUF, true));
	vst_buf_free(&other);
}

TEST_F(vaddr, all_can_be_taken_at_once)
{
	u64 done;

	vst_map(self->iommu, self->old, self->iova + BUF, BUF, VST_READ);
	ASSERT_EQ(0, raw_unmap(self->iommu, 0, 0,
			       VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL, &done));
	EXPECT_EQ(2 * BUF, done);
	EXPECT_EQ(0, give_vaddr(self->iommu, self->new, self->iova, BUF));
	EXPECT_EQ(0, give_vaddr(self->iommu, self->new, self->iova + BUF, BUF));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF + VST_PAGE, false));
	/* Permissions stay those of the first map. */
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->iova + BUF, VST_PAGE, true));
}

TEST_F(vaddr, taken_twice_is_refused_and_changes_nothing)
{
	vst_map(self->iommu, self->old, self->iova + BUF, BUF, VST_RW);
	ASSERT_EQ(0, take_vaddr(self->iommu, self->iova + BUF, BUF, NULL));
	EXPECT_EQ(-EINVAL, take_vaddr(self->iommu, self->iova + BUF, BUF, NULL));
	EXPECT_EQ(-EINVAL, take_vaddr(self->iommu, self->iova, 2 * BUF, NULL));
	EXPECT_EQ(-EINVAL, give_vaddr(self->iommu, self->new, self->iova, BUF));
	EXPECT_EQ(0, give_vaddr(self->iommu, self->new, self->iova + BUF, BUF));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF + VST_PAGE, true));
}

TEST_F(vaddr, taken_of_part_of_a_mapping_is_refused)
{
	EXPECT_EQ(-EINVAL, take_vaddr(self->iommu, self->iova, VST_PAGE, NULL));
	EXPECT_EQ(-EINVAL, take_vaddr(self->iommu, self->iova + VST_PAGE, BUF, NULL));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF, true));
}

TEST_F(vaddr, given_to_what_has_one_is_refused)
{
	EXPECT_EQ(-EINVAL, give_vaddr(self->iommu, self->new, self->iova, BUF));
	EXPECT_EQ(-ENOENT, give_vaddr(self->iommu, self->new, self->iova + BUF, BUF));
}

TEST_F(vaddr, given_in_another_shape_is_refused)
{
	ASSERT_EQ(0, take_vaddr(self->iommu, self->iova, BUF, NULL));
	EXPECT_EQ(-EINVAL, give_vaddr(self->iommu, self->new, self->iova, VST_PAGE));
	EXPECT_EQ(-EINVAL, give_vaddr(self->iommu, self->new, self->iova + VST_PAGE,
				      BUF - VST_PAGE));
	EXPECT_EQ(-EINVAL, give_vaddr(self->iommu, self->new + 8, self->iova, BUF));
	EXPECT_EQ(-EINVAL, raw_map(self->iommu, (uintptr_t)self->new, self->iova, BUF,
				   VFIO_DMA_MAP_FLAG_VADDR | VST_RW));
	EXPECT_EQ(0, give_vaddr(self->iommu, self->new, self->iova, BUF));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF, true));
}

/* ---- kinds of memory ---- */

/* uapi: UNMAP_DMA */
TEST_F(type1, memory_unmapped_by_the_process_can_still_be_unmapped)
{
	u64 done;

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	munmap(self->va, BUF);
	/* dma.rst 9.3: hardware would reach the page, which is pinned. */
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->iova, VST_PAGE, true));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, vst_dma_read32(self->dev, VLAB_DMA_ERROR));
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, vst_anon(BUF), self->iova, BUF, VST_RW));
	vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(BUF, done);
}

/* uapi: MAP_DMA */
TEST_F(type1, hole_in_the_memory_leaves_the_rest_mapped)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	munmap(self->va + VST_PAGE, VST_PAGE);
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, VST_PAGE, true));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->iova, 3 * VST_PAGE, true));
	EXPECT_EQ(self->iova + VST_PAGE, vst_dma_read64(self->dev, VLAB_DMA_FAULT));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova + 2 * VST_PAGE, VST_PAGE, true));
}

/* Pinned pages are copied for the child at once, so that the parent keeps them. */
/* uapi: TYPE1.ACCOUNTING */
TEST_F(type1, pages_stay_the_parents_when_it_forks)
{
	struct vst_child c;

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	c = vst_fork();
	if (!c.pid) {
		vst_linger(c.sock);
		_exit(0);
	}
	memset(self->va, 0x5a, BUF);
	vst_dma_touch(self->dev, self->iova, BUF, false);	/* with check_iommu: CHECK */
	EXPECT_EQ(0x5a, vst_read8(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEM));
	EXPECT_EQ(0, vst_child_end(&c));
}

/* uapi: MAP_DMA */
TEST_F(type1, memory_of_a_file_opened_for_reading_takes_reads_only)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	u8 *va = mmap(NULL, VST_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	ASSERT_NE(MAP_FAILED, va);
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, va, self->iova, VST_PAGE, VST_RW));
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, va, self->iova, VST_PAGE, VST_WRITE));
	ASSERT_EQ(0, __vst_map(self->iommu, va, self->iova, VST_PAGE, VST_READ));
	vst_dma_touch(self->dev, self->iova, 4, false);
	EXPECT_EQ(*(u32 *)va, vst_read32(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEM));
	close(fd);
}

/* ---- huge pages ---- */

#define HUGE_PAGE	(2UL << 20)
#define HUGE_SIZE	(2 * HUGE_PAGE)
#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"

static unsigned long meminfo(const char *file, const char *key)
{
	char text[8192], *line;
	unsigned long val;

	vst_file_read(file, text, sizeof(text));
	line = strstr(text, key);
	vst_assert(line && sscanf(line + strlen(key), " %lu", &val) == 1);
	return val;
}

/* uapi: TYPE1.ACCOUNTING */
FIXTURE(hugetlb) {
	struct vst_iommu *iommu;
	struct vst_dev *dev;
	char before[16];
	u8 *va;
	u64 iova;
};

FIXTURE_VARIANT(hugetlb) {
	int type;
};

FIXTURE_VARIANT_ADD(hugetlb, v1) { .type = VFIO_TYPE1_IOMMU };
FIXTURE_VARIANT_ADD(hugetlb, v2) { .type = VFIO_TYPE1v2_IOMMU };

FIXTURE_SETUP(hugetlb)
{
	char more[16];

	VST_NEEDS(VST_CAN_TYPE1);
	if (__vst_file_read(NR_HUGEPAGES, self->before, sizeof(self->before)) < 0)
		SKIP(return, "no hugetlbfs in this kernel");
	snprintf(more, sizeof(more), "%d", atoi(self->before) + 2);
	vst_file_write(NR_HUGEPAGES, more);
	self->va = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (self->va == MAP_FAILED) {
		vst_file_write(NR_HUGEPAGES, self->before);
		SKIP(return, "no two huge pages are free");
	}
	self->iommu = vst_iommu_open();
	self->iommu->type = variant->type;
	self->dev = vst_open_in(vst_bdf(), self->iommu);
	self->iova = vst_iova(self->iommu, HUGE_SIZE);
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(hugetlb)
{
	vst_close(self->dev);
	vst_iommu_close(self->iommu);
	munmap(self->va, HUGE_SIZE);
	__vst_file_write(NR_HUGEPAGES, self->before);
}

TEST_F(hugetlb, is_reached_across_its_pages)
{
	u64 done, mid = HUGE_PAGE - VST_PAGE - 8;

	vst_map(self->iommu, self->va, self->iova, HUGE_SIZE, VST_RW);
	vst_fill(self->va + mid, 3 * VST_PAGE, 1);
	vst_dma_touch(self->dev, self->iova + mid, 3 * VST_PAGE, false);
	vst_dma_touch(self->dev, self->iova + 8, 3 * VST_PAGE, true);
	EXPECT_EQ(-1, vst_differs(self->va + mid, self->va + 8, 3 * VST_PAGE));
	vst_unmap(self->iommu, self->iova, HUGE_SIZE, &done);
	EXPECT_EQ(HUGE_SIZE, done);
}

/* The parameter is everybody's: it is set for as long as one call. */
TEST_F(hugetlb, is_reached_when_the_iommu_is_to_use_small_pages)
{
	static const char param[] = "/sys/module/vfio_iommu_type1/parameters/disable_hugepages";
	char before[4];
	u64 done;
	int ret;

	vst_file_read(param, before, sizeof(before));
	vst_file_write(param, "Y");
	ret = __vst_map(self->iommu, self->va, self->iova, HUGE_SIZE, VST_RW);
	vst_file_write(param, before);
	ASSERT_EQ(0, ret);
	vst_fill(self->va + HUGE_PAGE - 100, 200, 1);
	vst_dma_touch(self->dev, self->iova + HUGE_PAGE - 100, 200, false);
	vst_dma_touch(self->dev, self->iova, 200, true);
	EXPECT_EQ(-1, vst_differs(self->va, self->va + HUGE_PAGE - 100, 200));
	vst_unmap(self->iommu, self->iova, HUGE_SIZE, &done);
	EXPECT_EQ(HUGE_SIZE, done);
}

/* Version 2 never splits, version 1 takes the whole mapping: of two huge pages. */
TEST_F(hugetlb, is_not_split_by_an_unmap)
{
	bool v1 = variant->type == VFIO_TYPE1_IOMMU;
	u64 done;

	vst_map(self->iommu, self->va, self->iova, HUGE_SIZE, VST_RW);
	EXPECT_EQ(v1 ? 0 : -EINVAL,
		  __vst_unmap(self->iommu, self->iova + VST_PAGE, VST_PAGE, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova + VST_PAGE, VST_PAGE, true));
	EXPECT_EQ(v1 ? 0 : -EINVAL, __vst_unmap(self->iommu, self->iova, VST_PAGE, &done));
	EXPECT_EQ(v1 ? HUGE_SIZE : 0, done);
}

TEST_F(hugetlb, part_of_a_page_can_be_mapped)
{
	u8 *part = self->va + 3 * VST_PAGE;

	vst_map(self->iommu, part, self->iova, VST_PAGE, VST_RW);
	memset(part - VST_PAGE, 0x11, 3 * VST_PAGE);
	vst_dma_touch(self->dev, self->iova, VST_PAGE, true);
	EXPECT_EQ(0x11, part[-1]);
	EXPECT_EQ(0x11, part[VST_PAGE]);
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->iova + VST_PAGE, 1, true));
}

TEST_F(hugetlb, is_counted_by_small_pages)
{
	unsigned long before = vst_locked(0);

	vst_map(self->iommu, self->va, self->iova, HUGE_SIZE, VST_RW);
	EXPECT_EQ(before + HUGE_SIZE / VST_PAGE, vst_locked(0));
	vst_unmap(self->iommu, self->iova, HUGE_SIZE, NULL);
	EXPECT_EQ(before, vst_locked(0));
}

/* What is mapped is pinned: the pool gets its pages back by UNMAP_DMA only. */
TEST_F(hugetlb, unmapped_by_the_process_is_held_until_it_is_unmapped)
{
	unsigned long used = meminfo("/proc/meminfo", "HugePages_Free:");

	vst_map(self->iommu, self->va, self->iova, HUGE_SIZE, VST_RW);
	munmap(self->va, HUGE_SIZE);
	EXPECT_EQ(used, meminfo("/proc/meminfo", "HugePages_Free:"));
	vst_unmap(self->iommu, self->iova, HUGE_SIZE, NULL);
	EXPECT_EQ(used + 2, meminfo("/proc/meminfo", "HugePages_Free:"));
}

/* Two transparent huge pages, NULL when the kernel would not. */
static u8 *transparent(void)
{
	u8 *va = mmap(NULL, 2 * HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);

	vst_assert(va != MAP_FAILED);
	va = (u8 *)(((uintptr_t)va + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	if (madvise(va, HUGE_SIZE, MADV_HUGEPAGE))
		return NULL;
	memset(va, 0, HUGE_SIZE);
	if (meminfo("/proc/self/smaps_rollup", "AnonHugePages:") < HUGE_SIZE >> 10)
		return NULL;
	return va;
}

/* uapi: TYPE1.ACCOUNTING */
TEST_F(type1, transparent_huge_pages_are_reached)
{
	u64 iova = vst_iova(self->iommu, HUGE_SIZE), mid = HUGE_PAGE - VST_PAGE - 8;
	u8 *va = transparent();

	if (!va)
		SKIP(return, "the kernel gave no transparent huge pages");
	vst_map(self->iommu, va, iova, HUGE_SIZE, VST_RW);
	vst_fill(va + mid, 3 * VST_PAGE, 1);
	vst_dma_touch(self->dev, iova + mid, 3 * VST_PAGE, false);
	vst_dma_touch(self->dev, iova + 8, 3 * VST_PAGE, true);
	EXPECT_EQ(-1, vst_differs(va + mid, va + 8, 3 * VST_PAGE));
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, iova, HUGE_PAGE, NULL));
}

/* uapi: TYPE1.ACCOUNTING */
TEST_F(type1, transparent_huge_page_that_the_process_splits_stays_in_place)
{
	u64 iova = vst_iova(self->iommu, HUGE_SIZE);
	u8 *va = transparent();

	if (!va)
		SKIP(return, "the kernel gave no transparent huge pages");
	vst_map(self->iommu, va, iova, HUGE_SIZE, VST_RW);
	ASSERT_EQ(0, mprotect(va + VST_PAGE, VST_PAGE, PROT_READ));
	munmap(va + 3 * VST_PAGE, VST_PAGE);
	/* With check_iommu, pages that moved would end these by CHECK. */
	EXPECT_EQ(0, __vst_dma_touch(self->dev, iova, 3 * VST_PAGE, false));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, iova + 2 * VST_PAGE, VST_PAGE, true));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, iova + 4 * VST_PAGE, VST_PAGE, true));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, iova + VST_PAGE, VST_PAGE, true));
}

/* ---- two cards, one container ---- */

FIXTURE(two) {
	struct vst_iommu *iommu;
	struct vst_card card;
	struct vst_dev *one, *two;
	u8 *va;
	u64 iova;
};

FIXTURE_SETUP(two)
{
	VST_NEEDS(VST_CAN_TYPE1);
	VST_PLUG_APART(&self->card, "memory=64K");
	self->iommu = vst_iommu_open();
	self->one = vst_open_in(vst_bdf(), self->iommu);
	self->va = vst_anon(BUF);
	self->iova = vst_iova(self->iommu, BUF);
}

FIXTURE_TEARDOWN(two)
{
	vst_close(self->two);
	vst_close(self->one);
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

static struct vst_dev *second(struct vst_iommu *iommu, const struct vst_card *card)
{
	struct vst_dev *dev = vst_open_in(card->bdf[0], iommu);

	vst_master(dev, true);
	return dev;
}

/* uapi: TYPE1.DMA */
TEST_F(two, second_one_finds_what_was_mapped_before_it_came)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	self->two = second(self->iommu, &self->card);
	vst_fill(self->va, BUF, 3);
	EXPECT_EQ(0, __vst_dma_touch(self->two, self->iova, BUF, false));
	EXPECT_EQ(*(u64 *)self->va, vst_read64(self->two, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEM));
}

/* uapi: TYPE1.DMA */
TEST_F(two, mappings_stay_when_the_first_one_leaves)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	self->two = second(self->iommu, &self->card);
	vst_close(self->one);
	self->one = NULL;
	EXPECT_EQ(0, __vst_dma_touch(self->two, self->iova, BUF, true));
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
}

/* uapi: UNMAP_DMA */
TEST_F(two, mappings_go_with_the_last_one)
{
	u32 before = available(self->iommu);

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	vst_close(self->one);
	self->one = NULL;
	self->two = second(self->iommu, &self->card);
	EXPECT_EQ(before, available(self->iommu));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->two, self->iova, BUF, true));
	EXPECT_EQ(0, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
}

/* uapi: UNMAP_DMA.VADDR */
TEST_F(two, second_one_is_refused_while_a_mapping_has_no_address)
{
	struct vst_dev *dev;

	if (!vst_xioctl(self->iommu->fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR))
		SKIP(return, "the container has no VFIO_UPDATE_VADDR");
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	ASSERT_EQ(0, take_vaddr(self->iommu, self->iova, BUF, NULL));
	EXPECT_EQ(-EBUSY, __vst_open_in(&dev, self->card.bdf[0], self->iommu));
	ASSERT_EQ(0, give_vaddr(self->iommu, self->va, self->iova, BUF));
	self->two = second(self->iommu, &self->card);
	EXPECT_EQ(0, __vst_dma_touch(self->two, self->iova, BUF, true));
}

/* ---- a container by hand ---- */

FIXTURE(container) {
	int fd, group;
};

FIXTURE_SETUP(container)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->fd = vst_container_open();
	self->group = vst_group_open(vst_bdf());
}

FIXTURE_TEARDOWN(container)
{
	close(self->group);
	close(self->fd);
}

static const struct {
	unsigned int number;
	bool unset, set;	/* what a container says before and after SET_IOMMU */
} extensions[] = {
	{ VFIO_TYPE1_IOMMU, true, true },
	{ VFIO_SPAPR_TCE_IOMMU, false, false },
	{ VFIO_TYPE1v2_IOMMU, true, true },
	{ VFIO_EEH, false, false },
	{ VFIO_SPAPR_TCE_v2_IOMMU, false, false },
	{ VFIO_NOIOMMU_IOMMU, false, false },
	{ VFIO_UNMAP_ALL, true, true },
	{ VFIO_UPDATE_VADDR, false, true },
	{ 0, false, false },
	{ NO_EXTENSION, false, false },
	{ ~0U, false, false },
};

/*
 * uapi: CONTAINER.CHECK_EXTENSION CONTAINER.EXT.TYPE1 CONTAINER.EXT.UNMAP_ALL
 * uapi: CONTAINER.EXT.NOIOMMU CONTAINER.EXT.SPAPR
 */
TEST_F(container, extensions_are_those_of_type1)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		EXPECT_EQ(extensions[i].unset, __vst_xioctl(self->fd, VFIO_CHECK_EXTENSION,
							    extensions[i].number))
			TH_LOG("extension %u", extensions[i].number);
	}
	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		EXPECT_EQ(extensions[i].set, __vst_xioctl(self->fd, VFIO_CHECK_EXTENSION,
							  extensions[i].number))
			TH_LOG("extension %u", extensions[i].number);
	}
}

/* Whether writes are forced to be coherent is the IOMMU's to say, once there is one. */
/* uapi: CONTAINER.EXT.DMA_CC */
TEST_F(container, coherency_is_not_promised_without_an_iommu)
{
	int ret;

	EXPECT_EQ(0, __vst_xioctl(self->fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU));
	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	ret = __vst_xioctl(self->fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU);
	EXPECT_TRUE(ret == 0 || ret == 1);
}

/* uapi: CONTAINER.SET_IOMMU */
TEST_F(container, iommu_without_a_group_is_refused)
{
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	EXPECT_EQ(0, __vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
}

/* uapi: CONTAINER.SET_IOMMU CONTAINER.EXT.NOIOMMU CONTAINER.EXT.SPAPR */
TEST_F(container, iommu_of_a_wrong_type_is_enodev_and_leaves_it_unset)
{
	static const int type[] = {
		0, VFIO_SPAPR_TCE_IOMMU, VFIO_DMA_CC_IOMMU, VFIO_NOIOMMU_IOMMU, NO_EXTENSION,
	};
	unsigned int i;

	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	for (i = 0; i < ARRAY_SIZE(type); i++) {
		EXPECT_EQ(-ENODEV, __vst_xioctl(self->fd, VFIO_SET_IOMMU, type[i]))
			TH_LOG("type %d", type[i]);
	}
	EXPECT_EQ(0, __vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
}

/* An extension of type1 that is no type: its driver says so itself. */
/* uapi: CONTAINER.SET_IOMMU */
TEST_F(container, iommu_of_a_type_that_is_a_feature_is_refused)
{
	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_UNMAP_ALL));
	EXPECT_EQ(0, __vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
}

/* uapi: CONTAINER.SET_IOMMU */
TEST_F(container, second_iommu_is_refused)
{
	static const int type[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, NO_EXTENSION };
	unsigned int i;

	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	for (i = 0; i < ARRAY_SIZE(type); i++)
		EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_SET_IOMMU, type[i]));
}

/*
 * Kernels that still have the extension leave it to the IOMMU driver, and none on
 * x86 nests by it: the container stays unset. Those without do not know the type.
 */
/* uapi: CONTAINER.SET_IOMMU */
TEST_F(container, nesting_is_refused_where_the_iommu_has_none)
{
	int promised = __vst_xioctl(self->fd, VFIO_CHECK_EXTENSION, NESTING);
	int ret;

	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	ret = __vst_xioctl(self->fd, VFIO_SET_IOMMU, NESTING);
	EXPECT_EQ(promised ? -EINVAL : -ENODEV, ret);
	EXPECT_EQ(0, __vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
}

/* uapi: MAP_DMA */
TEST_F(container, maps_nothing_without_an_iommu)
{
	union info u = { .info.argsz = sizeof(u) };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .flags = VST_RW };

	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_IOMMU_GET_INFO, &u));
	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_IOMMU_GET_INFO, &u));
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_IOMMU_MAP_DMA, &map));
}

/* uapi: CONTAINER.SET_IOMMU GROUP.UNSET_CONTAINER */
TEST_F(container, loses_its_iommu_with_its_last_group)
{
	union info u = { .info.argsz = sizeof(u) };

	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	vst_xioctl(self->group, VFIO_GROUP_UNSET_CONTAINER);
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_IOMMU_GET_INFO, &u));
	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	/* It may be another one the next time. */
	EXPECT_EQ(0, __vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
}

TEST_F(container, unknown_request_is_refused)
{
	const unsigned long none = _IO(VFIO_TYPE, VFIO_BASE + 99);

	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, none));
	vst_xioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd);
	vst_xioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(-ENOTTY, __vst_xioctl(self->fd, none));
}

VST_MAIN("memory=64K")
