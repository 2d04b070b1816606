// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty page tracking of type1, <linux/vfio.h> VFIO_IOMMU_DIRTY_PAGES.
 *
 * The IOMMU is not asked. As long as a group that may write by itself is attached,
 * every page mapped counts as dirty, each time one asks. A device whose driver pins
 * the pages that it accesses takes its group out of that: from its first pin on,
 * bits are those of pages that were pinned, or written by the kernel for it. Our
 * driver pins to write where reading is not allowed, and for check_iommu.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define PAGES	64U
#define BUF	(PAGES * VST_PAGE)
#define ALL	(~0ULL)
#define WORDS	8

static int dirty(struct vst_iommu *iommu, u32 flags)
{
	struct vfio_iommu_type1_dirty_bitmap cmd = { .argsz = sizeof(cmd), .flags = flags };

	return __vst_xioctl(iommu->fd, VFIO_IOMMU_DIRTY_PAGES, &cmd);
}

static int start(struct vst_iommu *iommu)
{
	return dirty(iommu, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

static int stop(struct vst_iommu *iommu)
{
	return dirty(iommu, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

/* struct vfio_iommu_type1_dirty_bitmap with its data. */
struct get {
	u32 argsz, flags;
	struct vfio_iommu_type1_dirty_bitmap_get range;
};

/* One bit a page. */
static struct vfio_bitmap bitmap_of(u64 pages, u64 *bits)
{
	return (struct vfio_bitmap){
		.pgsize = VST_PAGE,
		.size = (pages + 63) / 64 * 8,
		.data = (void *)bits,
	};
}

/* The call for a range of pages; for tests to spoil. */
static struct get get_cmd(u64 iova, u64 pages, u64 *bits)
{
	return (struct get){
		.argsz = sizeof(struct get),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.range.iova = iova,
		.range.size = pages * VST_PAGE,
		.range.bitmap = bitmap_of(pages, bits),
	};
}

static int run_get(struct vst_iommu *iommu, struct get *get)
{
	return __vst_xioctl(iommu->fd, VFIO_IOMMU_DIRTY_PAGES, get);
}

static int get_bits(struct vst_iommu *iommu, u64 iova, u64 pages, u64 *bits)
{
	struct get get = get_cmd(iova, pages, bits);

	return run_get(iommu, &get);
}

/* struct vfio_iommu_type1_dma_unmap with its data. */
struct unmap {
	u32 argsz, flags;
	u64 iova, size;
	struct vfio_bitmap bitmap;
};

static struct unmap unmap_cmd(u64 iova, u64 pages, u64 *bits)
{
	return (struct unmap){
		.argsz = sizeof(struct unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.iova = iova,
		.size = pages * VST_PAGE,
		.bitmap = bitmap_of(pages, bits),
	};
}

static int run_unmap(struct vst_iommu *iommu, struct unmap *unmap)
{
	return __vst_xioctl(iommu->fd, VFIO_IOMMU_UNMAP_DMA, unmap);
}

static int write_page(struct vst_dev *dev, u64 iova, unsigned int page)
{
	return __vst_dma_touch(dev, iova + page * VST_PAGE, VST_PAGE, true);
}

/* Make the driver pin a page: one that the device may write, but not read. */
static void make_pin(struct vst_dev *dev)
{
	struct vst_buf buf = vst_buf(dev->iommu, VST_PAGE, VST_WRITE);

	vst_dma_touch(dev, buf.iova, 8, true);
	vst_buf_free(&buf);
}

/* ---- a group that has pinned nothing yet: all is dirty ---- */

/* uapi: DIRTY_PAGES */
FIXTURE(coarse) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	struct vst_buf buf;
	u64 bits[WORDS];
};

FIXTURE_SETUP(coarse)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	memset(self->bits, 0, sizeof(self->bits));
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(coarse)
{
	vst_buf_free(&self->buf);
	vst_close(self->dev);
}

TEST_F(coarse, every_mapped_page_is_dirty_each_time)
{
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(ALL, self->bits[0]);
	self->bits[0] = 0;
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(ALL, self->bits[0]);
}

TEST_F(coarse, pages_the_device_may_only_read_are_dirty_too)
{
	struct vst_buf ro = vst_buf(self->iommu, BUF, VST_READ);

	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, get_bits(self->iommu, ro.iova, PAGES, self->bits));
	EXPECT_EQ(ALL, self->bits[0]);
	vst_buf_free(&ro);
}

TEST_F(coarse, pages_not_mapped_are_clean)
{
	u64 iova = vst_iova(self->iommu, BUF);

	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, get_bits(self->iommu, iova, PAGES, self->bits));
	EXPECT_EQ(0, self->bits[0]);
}

/* uapi: UNMAP_DMA.DIRTY */
TEST_F(coarse, unmap_tells_that_all_was_dirty)
{
	struct unmap unmap = unmap_cmd(self->buf.iova, PAGES, self->bits);

	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, run_unmap(self->iommu, &unmap));
	EXPECT_EQ(BUF, unmap.size);
	EXPECT_EQ(ALL, self->bits[0]);
	EXPECT_EQ(-EIO, write_page(self->dev, self->buf.iova, 0));
}

/* ---- a group that has pinned: what the device wrote ---- */

/* uapi: DIRTY_PAGES */
FIXTURE(fine) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	struct vst_buf buf;
	bool pins;	/* check_iommu: what is accessed is pinned, hence dirty */
	u64 bits[WORDS];
};

FIXTURE_SETUP(fine)
{
	char on[4] = "N";

	VST_NEEDS(VST_CAN_TYPE1);
	__vst_file_read("/sys/module/" VST_DRIVER "/parameters/check_iommu", on, sizeof(on));
	self->pins = *on == 'Y';
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	memset(self->bits, 0, sizeof(self->bits));
	vst_master(self->dev, true);
	make_pin(self->dev);
}

FIXTURE_TEARDOWN(fine)
{
	vst_buf_free(&self->buf);
	vst_close(self->dev);
}

TEST_F(fine, nothing_is_dirty_before_the_device_writes)
{
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(0, self->bits[0]);
}

TEST_F(fine, bits_are_the_pages_the_device_wrote)
{
	static const unsigned int page[] = { 0, 1, 17, 62, 63 };
	unsigned int i;
	u64 want = 0;

	ASSERT_EQ(0, start(self->iommu));
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		want |= 1ULL << page[i];
		ASSERT_EQ(0, write_page(self->dev, self->buf.iova, page[i]));
	}
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(want, self->bits[0]);
}

TEST_F(fine, one_byte_makes_its_page_dirty)
{
	ASSERT_EQ(0, start(self->iommu));
	vst_dma_touch(self->dev, self->buf.iova + 5 * VST_PAGE + 4095, 1, true);
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 5, self->bits[0]);
}

TEST_F(fine, two_bytes_across_a_boundary_make_two_pages_dirty)
{
	ASSERT_EQ(0, start(self->iommu));
	vst_dma_touch(self->dev, self->buf.iova + 5 * VST_PAGE + 4095, 2, true);
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(3ULL << 5, self->bits[0]);
}

TEST_F(fine, pages_that_were_read_are_clean_unless_they_were_pinned)
{
	ASSERT_EQ(0, start(self->iommu));
	vst_dma_touch(self->dev, self->buf.iova + 7 * VST_PAGE, 2 * VST_PAGE, false);
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(self->pins ? 3ULL << 7 : 0, self->bits[0]);
}

TEST_F(fine, pages_that_the_processor_wrote_are_clean)
{
	ASSERT_EQ(0, start(self->iommu));
	memset(self->buf.va, 1, BUF);
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(0, self->bits[0]);
}

TEST_F(fine, write_that_was_denied_is_not_there)
{
	struct vst_buf ro = vst_buf(self->iommu, BUF, VST_READ);

	ASSERT_EQ(0, start(self->iommu));
	EXPECT_EQ(-EIO, write_page(self->dev, ro.iova, 3));
	ASSERT_EQ(0, get_bits(self->iommu, ro.iova, PAGES, self->bits));
	EXPECT_EQ(0, self->bits[0]);
	vst_buf_free(&ro);
}

/* uapi: TYPE1.EMULATED */
TEST_F(fine, write_by_a_pin_is_there)
{
	struct vst_buf wo = vst_buf(self->iommu, BUF, VST_WRITE);

	ASSERT_EQ(0, start(self->iommu));
	EXPECT_EQ(0, write_page(self->dev, wo.iova, 9));
	ASSERT_EQ(0, get_bits(self->iommu, wo.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 9, self->bits[0]);
	vst_buf_free(&wo);
}

TEST_F(fine, asking_makes_clean)
{
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 4));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 4, self->bits[0]);
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 6));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 6, self->bits[0]);
}

TEST_F(fine, writes_before_the_start_are_not_there)
{
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 4));
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(0, self->bits[0]);
}

TEST_F(fine, stop_forgets)
{
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 4));
	ASSERT_EQ(0, stop(self->iommu));
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(0, self->bits[0]);
}

TEST_F(fine, started_twice_keeps_the_bits)
{
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 4));
	EXPECT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 4, self->bits[0]);
}

TEST_F(fine, memory_mapped_after_the_start_is_tracked)
{
	struct vst_buf late;

	ASSERT_EQ(0, start(self->iommu));
	late = vst_buf(self->iommu, BUF, VST_RW);
	ASSERT_EQ(0, write_page(self->dev, late.iova, 11));
	ASSERT_EQ(0, get_bits(self->iommu, late.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 11, self->bits[0]);
	vst_buf_free(&late);
}

/* uapi: UNMAP_DMA.DIRTY */
TEST_F(fine, unmap_tells_what_was_written_since)
{
	struct unmap unmap = unmap_cmd(self->buf.iova, PAGES, self->bits);

	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 4));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 33));
	ASSERT_EQ(0, run_unmap(self->iommu, &unmap));
	EXPECT_EQ(BUF, unmap.size);
	EXPECT_EQ(1ULL << 33, self->bits[0]);
}

/* ---- one range, several mappings that begin in the middle of a word ---- */

#define SPAN	300U	/* pages of the range */

static const struct {
	unsigned int start, pages;
} layout[] = {
	{ 0, 3 }, { 3, 61 }, { 64, 1 }, { 65, 130 }, { 200, 7 }, { 207, 65 }, { 290, 10 },
};

static const unsigned int written[] = {
	0, 2, 3, 63, 64, 65, 127, 128, 194, 200, 206, 207, 255, 256, 271, 290, 299,
};

static bool bit(const u64 *bits, unsigned int i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static bool is_written(unsigned int page)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(written); i++)
		if (written[i] == page)
			return true;
	return false;
}

static u64 map_layout(struct vst_iommu *iommu)
{
	u64 iova = vst_iova(iommu, SPAN * VST_PAGE);
	u8 *va = vst_anon(SPAN * VST_PAGE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(layout); i++)
		vst_map(iommu, va + layout[i].start * VST_PAGE,
			iova + layout[i].start * VST_PAGE, layout[i].pages * VST_PAGE, VST_RW);
	return iova;
}

static void write_layout(struct vst_dev *dev, u64 iova)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(written); i++)
		vst_ok(write_page(dev, iova, written[i]));
}

/* Bits of pages in a mapping only; what is told of holes is not promised. */
static void expect_layout(struct __test_metadata *_metadata, const u64 *bits)
{
	unsigned int i, page;

	for (i = 0; i < ARRAY_SIZE(layout); i++) {
		for (page = layout[i].start; page < layout[i].start + layout[i].pages; page++) {
			EXPECT_EQ(is_written(page), bit(bits, page))
				TH_LOG("page %u", page);
		}
	}
}

TEST_F(fine, bits_of_neighbours_do_not_mix)
{
	u64 iova = map_layout(self->iommu);

	ASSERT_EQ(0, start(self->iommu));
	write_layout(self->dev, iova);
	ASSERT_EQ(0, get_bits(self->iommu, iova, SPAN, self->bits));
	expect_layout(_metadata, self->bits);
}

/*
 * No more is promised of a mapping in the middle of a word than that no page is
 * missing: update_user_bitmap() shifts its bits in place, what was shifted out at
 * the end is not cleared, and tells of pages behind it the next time.
 */
TEST_F(fine, asked_again_neighbours_lack_no_page)
{
	u64 iova = map_layout(self->iommu);
	unsigned int i;

	ASSERT_EQ(0, start(self->iommu));
	write_layout(self->dev, iova);
	ASSERT_EQ(0, get_bits(self->iommu, iova, SPAN, self->bits));
	write_layout(self->dev, iova);
	memset(self->bits, 0, sizeof(self->bits));
	ASSERT_EQ(0, get_bits(self->iommu, iova, SPAN, self->bits));
	for (i = 0; i < ARRAY_SIZE(written); i++) {
		EXPECT_TRUE(bit(self->bits, written[i]))
			TH_LOG("page %u", written[i]);
	}
}

/* uapi: UNMAP_DMA.DIRTY */
TEST_F(fine, bits_of_neighbours_do_not_mix_when_they_are_unmapped)
{
	u64 iova = map_layout(self->iommu);
	struct unmap unmap = unmap_cmd(iova, SPAN, self->bits);

	ASSERT_EQ(0, start(self->iommu));
	write_layout(self->dev, iova);
	ASSERT_EQ(0, run_unmap(self->iommu, &unmap));
	expect_layout(_metadata, self->bits);
	EXPECT_EQ((3 + 61 + 1 + 130 + 7 + 65 + 10) * VST_PAGE, unmap.size);
}

TEST_F(fine, range_from_one_mapping_to_another_tells_of_those_in_it)
{
	u64 iova = map_layout(self->iommu);

	ASSERT_EQ(0, start(self->iommu));
	write_layout(self->dev, iova);
	/* The second to the fourth: 3..194. */
	ASSERT_EQ(0, get_bits(self->iommu, iova + 3 * VST_PAGE, 192, self->bits));
	EXPECT_TRUE(bit(self->bits, 3 - 3));
	EXPECT_FALSE(bit(self->bits, 4 - 3));
	EXPECT_TRUE(bit(self->bits, 194 - 3));
	/* The others were not asked for, hence are dirty still. */
	ASSERT_EQ(0, get_bits(self->iommu, iova, SPAN, self->bits));
	EXPECT_TRUE(bit(self->bits, 0));
	EXPECT_FALSE(bit(self->bits, 3));
	EXPECT_TRUE(bit(self->bits, 299));
}

/* ---- a second group ---- */

/* uapi: DIRTY_PAGES */
FIXTURE(two) {
	struct vst_iommu *iommu;
	struct vst_card card;
	struct vst_dev *one, *two;
	struct vst_buf buf;
	u64 bits[WORDS];
};

FIXTURE_SETUP(two)
{
	VST_NEEDS(VST_CAN_TYPE1);
	VST_PLUG_APART(&self->card, "memory=64K");
	self->iommu = vst_iommu_open();
	self->one = vst_open_in(vst_bdf(), self->iommu);
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	memset(self->bits, 0, sizeof(self->bits));
	vst_master(self->one, true);
	make_pin(self->one);
	ASSERT_EQ(0, start(self->iommu));
	self->two = vst_open_in(self->card.bdf[0], self->iommu);
	vst_master(self->two, true);
}

FIXTURE_TEARDOWN(two)
{
	vst_close(self->two);
	vst_close(self->one);
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

TEST_F(two, one_that_pins_nothing_makes_all_dirty)
{
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(ALL, self->bits[0]);
}

/* uapi: TYPE1.EMULATED */
TEST_F(two, bits_are_what_both_wrote_once_both_have_pinned)
{
	make_pin(self->two);
	ASSERT_EQ(0, write_page(self->one, self->buf.iova, 1));
	ASSERT_EQ(0, write_page(self->two, self->buf.iova, 2));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(3ULL << 1, self->bits[0]);
}

/* It may have written anything until it left: that is told once. */
TEST_F(two, all_is_dirty_once_more_when_one_that_pinned_nothing_leaves)
{
	vst_close(self->two);
	self->two = NULL;
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(ALL, self->bits[0]);
	ASSERT_EQ(0, write_page(self->one, self->buf.iova, 1));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 1, self->bits[0]);
}

/* ---- what is refused ---- */

TEST_F(coarse, bits_without_a_start_are_refused)
{
	EXPECT_EQ(-EINVAL, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
}

TEST_F(coarse, bits_after_a_stop_are_refused)
{
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, stop(self->iommu));
	EXPECT_EQ(-EINVAL, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(0, stop(self->iommu));	/* twice is once */
}

TEST_F(coarse, flags_that_are_not_one_command_are_refused)
{
	EXPECT_EQ(-EINVAL, dirty(self->iommu, 0));
	EXPECT_EQ(-EINVAL, dirty(self->iommu, VFIO_IOMMU_DIRTY_PAGES_FLAG_START |
					      VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP));
	EXPECT_EQ(-EINVAL, dirty(self->iommu, VFIO_IOMMU_DIRTY_PAGES_FLAG_START | 1U << 31));
	EXPECT_EQ(-EINVAL, dirty(self->iommu, 1U << 3));
	EXPECT_EQ(-EINVAL, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
}

TEST_F(coarse, short_argsz_is_refused)
{
	struct vfio_iommu_type1_dirty_bitmap cmd = {
		.argsz = sizeof(cmd) - 1, .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};
	struct get get = get_cmd(self->buf.iova, PAGES, self->bits);

	EXPECT_EQ(-EINVAL, __vst_xioctl(self->iommu->fd, VFIO_IOMMU_DIRTY_PAGES, &cmd));
	ASSERT_EQ(0, start(self->iommu));
	get.argsz--;
	EXPECT_EQ(-EINVAL, run_get(self->iommu, &get));
	get.argsz = offsetof(struct get, range);
	EXPECT_EQ(-EINVAL, run_get(self->iommu, &get));
}

/* A call that is spoilt in one place, for GET_BITMAP and for the unmap. */
FIXTURE(spoilt) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	struct vst_buf buf;
	u64 bits[WORDS];
};

FIXTURE_VARIANT(spoilt) {
	int iova, pages;	/* added to a right one, iova in bytes */
	u64 pgsize, size;	/* 0: as it should be */
	bool no_data;
	int ret;
};

FIXTURE_VARIANT_ADD(spoilt, iova_not_of_a_page) { .iova = 8, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, start_inside) { .iova = 4096, .pages = -1, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, end_inside) { .pages = -1, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, no_pages) { .pages = -64, .size = 8, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, larger_pages) { .pgsize = 1 << 21, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, smaller_pages) { .pgsize = 2048, .size = 64, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, pages_of_two_sizes) { .pgsize = 0x201000, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, bitmap_too_small) { .pages = 64, .size = 8, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, bitmap_too_large) { .size = (1 << 28) + 8, .ret = -EINVAL };
FIXTURE_VARIANT_ADD(spoilt, no_bitmap) { .no_data = true, .ret = -EFAULT };

FIXTURE_SETUP(spoilt)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	memset(self->bits, 0, sizeof(self->bits));
	vst_master(self->dev, true);
	make_pin(self->dev);
	ASSERT_EQ(0, start(self->iommu));
	ASSERT_EQ(0, write_page(self->dev, self->buf.iova, 5));
}

FIXTURE_TEARDOWN(spoilt)
{
	vst_buf_free(&self->buf);
	vst_close(self->dev);
}

static void spoil(struct vfio_bitmap *bitmap, u64 pgsize, u64 size, bool no_data)
{
	bitmap->pgsize = pgsize ?: bitmap->pgsize;
	bitmap->size = size ?: bitmap->size;
	if (no_data)
		bitmap->data = NULL;
}

/* uapi: DIRTY_PAGES */
TEST_F(spoilt, get_is_refused_and_forgets_nothing)
{
	struct get get = get_cmd(self->buf.iova + variant->iova, PAGES + variant->pages,
				 self->bits);

	spoil(&get.range.bitmap, variant->pgsize, variant->size, variant->no_data);
	EXPECT_EQ(variant->ret, run_get(self->iommu, &get));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 5, self->bits[0]);
}

/* uapi: UNMAP_DMA.DIRTY */
TEST_F(spoilt, unmap_is_refused_and_unmaps_nothing)
{
	struct unmap unmap = unmap_cmd(self->buf.iova + variant->iova, PAGES + variant->pages,
				       self->bits);

	spoil(&unmap.bitmap, variant->pgsize, variant->size, variant->no_data);
	EXPECT_EQ(variant->ret, run_unmap(self->iommu, &unmap));
	EXPECT_EQ(0, write_page(self->dev, self->buf.iova, 63));
	ASSERT_EQ(0, get_bits(self->iommu, self->buf.iova, PAGES, self->bits));
	EXPECT_EQ(1ULL << 63 | 1ULL << 5, self->bits[0]);
}

/* uapi: DIRTY_PAGES */
TEST_F(spoilt, range_that_overflows_is_refused)
{
	struct get get = get_cmd(-4 * VST_PAGE, 8, self->bits);
	int ret = run_get(self->iommu, &get);

	/* EOVERFLOW by kernels that tell it from other bad ranges. */
	EXPECT_TRUE(ret == -EINVAL || ret == -EOVERFLOW);
}

/* uapi: UNMAP_DMA.DIRTY */
TEST_F(coarse, unmap_with_bits_without_a_start_is_refused)
{
	struct unmap unmap = unmap_cmd(self->buf.iova, PAGES, self->bits);

	EXPECT_EQ(-EINVAL, run_unmap(self->iommu, &unmap));
	EXPECT_EQ(0, write_page(self->dev, self->buf.iova, 0));
}

/* uapi: UNMAP_DMA.DIRTY */
TEST_F(coarse, unmap_with_bits_of_all_or_of_addresses_is_refused)
{
	struct unmap unmap = unmap_cmd(self->buf.iova, PAGES, self->bits);

	ASSERT_EQ(0, start(self->iommu));
	unmap.flags |= VFIO_DMA_UNMAP_FLAG_VADDR;
	EXPECT_EQ(-EINVAL, run_unmap(self->iommu, &unmap));
	unmap = unmap_cmd(0, 0, self->bits);
	unmap.flags |= VFIO_DMA_UNMAP_FLAG_ALL;
	EXPECT_EQ(-EINVAL, run_unmap(self->iommu, &unmap));
	unmap = unmap_cmd(self->buf.iova, PAGES, self->bits);
	unmap.argsz = offsetof(struct unmap, bitmap);
	EXPECT_EQ(-EINVAL, run_unmap(self->iommu, &unmap));
	EXPECT_EQ(0, write_page(self->dev, self->buf.iova, 0));
}

/* uapi: DIRTY_PAGES */
TEST(container_of_version_1_tracks_nothing)
{
	struct vst_iommu *iommu;
	struct vst_dev *dev;

	VST_NEEDS(VST_CAN_TYPE1);
	iommu = vst_iommu_open();
	iommu->type = VFIO_TYPE1_IOMMU;
	dev = vst_open_in(vst_bdf(), iommu);
	EXPECT_EQ(-EACCES, start(iommu));
	EXPECT_EQ(-EACCES, stop(iommu));
	vst_close(dev);
	vst_iommu_close(iommu);
}

VST_MAIN("memory=64K")
