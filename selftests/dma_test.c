// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA by the device into memory of its user, byte for byte: the engine of dma.rst
 * reads and writes, and the address space decides what it may reach.
 */
#include <linux/memfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define CARD		VLAB_SERIAL_BAR_CTRL
#define MEM		VLAB_SERIAL_MEM
#define CARD_MEMORY	0xf000U		/* memory=64K without the control page */
#define BUF		0x10000UL
#define NO_FAULT	(~0ULL)
#define BOTH_CARD	(VLAB_DMA_CTRL_SRC_CARD | VLAB_DMA_CTRL_DST_CARD)
#define MANY		1000000		/* repetitions that last longer than the test */

FIXTURE(dma) {
	struct vst_dev *dev;
	struct vst_buf src, dst;
};

FIXTURE_SETUP(dma)
{
	VST_NEEDS(VST_CAN_DMA);
	self->dev = vst_open(vst_bdf());
	self->src = vst_buf(self->dev->iommu, BUF, VST_RW);
	self->dst = vst_buf(self->dev->iommu, BUF, VST_RW);
	vst_fill(self->src.va, BUF, 1);
	memset(self->dst.va, 0xa5, BUF);
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(dma)
{
	vst_buf_free(&self->src);
	vst_buf_free(&self->dst);
	vst_close(self->dev);
}

/* Bytes of @buf other than from @off on, @len of them, are still 0xa5. */
static bool rest_untouched(const struct vst_buf *buf, size_t off, size_t len)
{
	size_t i;

	for (i = 0; i < buf->size; i++)
		if ((i < off || i >= off + len) && buf->va[i] != 0xa5)
			return false;
	return true;
}

/* Starts a transfer that does not end by itself and waits until it moves. */
static void start_endless(struct vst_dev *dev, u64 src, u64 dst, u64 len, u32 flags)
{
	struct vst_dma dma = {
		.src = src, .dst = dst, .len = len, .flags = flags, .count = MANY,
	};

	vst_dma_start(dev, &dma);
	vst_assert(vst_until(vst_dma_read64(dev, VLAB_DMA_DONE), VST_DEADLINE_MS));
}

/* ---- what is copied: any length, any alignment ---- */

FIXTURE(copy) {
	struct vst_dev *dev;
};

FIXTURE_VARIANT(copy) {
	u64 len, src, dst;
};

FIXTURE_VARIANT_ADD(copy, one_byte) { .len = 1 };
FIXTURE_VARIANT_ADD(copy, misaligned) { .len = 61, .src = 3, .dst = 4091 };
FIXTURE_VARIANT_ADD(copy, one_page) { .len = 4096 };
FIXTURE_VARIANT_ADD(copy, page_across_a_boundary) { .len = 4096, .src = 1, .dst = 4095 };
FIXTURE_VARIANT_ADD(copy, pages_64k) { .len = 0x10000 };
FIXTURE_VARIANT_ADD(copy, pages_64k_at_odd_offsets) { .len = 0x10000, .src = 4094, .dst = 17 };
FIXTURE_VARIANT_ADD(copy, pages_1m) { .len = 0x100000, .src = 8, .dst = 2048 };
FIXTURE_VARIANT_ADD(copy, pages_64m) { .len = 0x4000000 };

FIXTURE_SETUP(copy)
{
	VST_NEEDS(VST_CAN_DMA);
	self->dev = vst_open(vst_bdf());
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(copy)
{
	vst_close(self->dev);
}

/* dma.rst 3.2, 4.2 */
TEST_F(copy, arrives_byte_for_byte_and_nothing_beside_it)
{
	const size_t size = (variant->len + 2 * VST_PAGE - 1) & ~(VST_PAGE - 1);
	struct vst_buf src = vst_buf(self->dev->iommu, size, VST_READ);
	struct vst_buf dst = vst_buf(self->dev->iommu, size, VST_RW);
	struct vst_dma dma = {
		.src = src.iova + variant->src,
		.dst = dst.iova + variant->dst,
		.len = variant->len,
	};
	struct vst_dma_result res;

	vst_fill(src.va, size, variant->len);
	memset(dst.va, 0xa5, size);
	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(-1, vst_differs(src.va + variant->src, dst.va + variant->dst, variant->len));
	EXPECT_TRUE(rest_untouched(&dst, variant->dst, variant->len));
	res = vst_dma_result(self->dev);
	EXPECT_EQ(VLAB_DMA_ST_DONE, res.status);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, res.error);
	EXPECT_EQ(variant->len, res.done);
	EXPECT_EQ(NO_FAULT, res.fault);
	EXPECT_EQ(0, res.faults);
	vst_buf_free(&src);
	vst_buf_free(&dst);
}

/* ---- card memory as source, as destination, as both ---- */

/* uapi: TYPE1.DMA, mtty: 11 */
TEST_F(dma, memory_to_card_arrives)
{
	struct vst_dma dma = {
		.src = self->src.iova, .dst = 0, .len = CARD_MEMORY,
		.flags = VLAB_DMA_CTRL_DST_CARD,
	};
	u8 *out = vst_anon(CARD_MEMORY);

	vst_dma_run(self->dev, &dma);
	vst_read(self->dev, CARD, MEM, out, CARD_MEMORY);
	EXPECT_EQ(-1, vst_differs(self->src.va, out, CARD_MEMORY));
}

/* uapi: TYPE1.DMA, mtty: 11 */
TEST_F(dma, card_to_memory_arrives)
{
	struct vst_dma dma = {
		.src = 0, .dst = self->dst.iova, .len = CARD_MEMORY,
		.flags = VLAB_DMA_CTRL_SRC_CARD,
	};

	vst_write(self->dev, CARD, MEM, self->src.va, CARD_MEMORY);
	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(-1, vst_differs(self->src.va, self->dst.va, CARD_MEMORY));
	EXPECT_TRUE(rest_untouched(&self->dst, 0, CARD_MEMORY));
}

TEST_F(dma, card_to_card_arrives)
{
	struct vst_dma dma = { .src = 5, .dst = 0x8003, .len = 0x6ffd, .flags = BOTH_CARD };
	u8 *out = vst_anon(0x6ffd);

	vst_write(self->dev, CARD, MEM, self->src.va, 0x8000);
	vst_dma_run(self->dev, &dma);
	vst_read(self->dev, CARD, MEM + 0x8003, out, 0x6ffd);
	EXPECT_EQ(-1, vst_differs(self->src.va + 5, out, 0x6ffd));
}

TEST_F(dma, card_to_card_needs_no_bus_master)
{
	struct vst_dma dma = { .src = 0, .dst = 0x8000, .len = 0x1000, .flags = BOTH_CARD };

	vst_master(self->dev, false);
	EXPECT_EQ(0, __vst_dma_run(self->dev, &dma));
}

TEST_F(dma, mapped_card_memory_shows_what_arrived)
{
	struct vst_dma dma = {
		.src = self->src.iova, .dst = 0x2000, .len = 0x3000,
		.flags = VLAB_DMA_CTRL_DST_CARD,
	};
	u8 *va = vst_mmap(self->dev, CARD, MEM, CARD_MEMORY);

	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(-1, vst_differs(self->src.va, va + 0x2000, 0x3000));
	munmap(va, CARD_MEMORY);
}

/* ---- repetitions and overlap ---- */

/* dma.rst 3.3 */
TEST_F(dma, count_repeats_the_transfer)
{
	struct vst_dma dma = {
		.src = self->src.iova, .dst = self->dst.iova, .len = 5000, .count = 7,
	};

	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(7 * 5000, vst_dma_read64(self->dev, VLAB_DMA_DONE));
	EXPECT_EQ(-1, vst_differs(self->src.va, self->dst.va, 5000));
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 5000));
}

TEST_F(dma, count_of_zero_is_one)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = self->dst.iova, .len = 100 };

	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(1, vst_dma_read32(self->dev, VLAB_DMA_COUNT));
	EXPECT_EQ(100, vst_dma_read64(self->dev, VLAB_DMA_DONE));
}

/* dma.rst 3.2: ascending, a chunk at a time, so a page runs through. */
TEST_F(dma, overlap_moves_in_ascending_chunks)
{
	struct vst_dma dma = {
		.src = self->src.iova, .dst = self->src.iova + VST_PAGE, .len = 3 * VST_PAGE,
	};
	unsigned int i;

	vst_dma_run(self->dev, &dma);
	for (i = 1; i <= 3; i++)
		EXPECT_EQ(-1, vst_differs(self->src.va, self->src.va + i * VST_PAGE, VST_PAGE));
}

/* ---- mappings ---- */

#define PAGES	32

/* uapi: TYPE1.DMA */
TEST_F(dma, scattered_pages_are_found_in_the_order_of_their_iovas)
{
	u64 iova = vst_iova(self->dev->iommu, PAGES * VST_PAGE);
	u8 *va = vst_anon(PAGES * VST_PAGE), *want = vst_anon(PAGES * VST_PAGE);
	struct vst_dma dma = { .src = iova, .dst = self->dst.iova, .len = BUF };
	unsigned int i;

	vst_fill(va, PAGES * VST_PAGE, 2);
	for (i = 0; i < PAGES; i++) {
		unsigned int page = i * 13 % PAGES;

		vst_map(self->dev->iommu, va + page * VST_PAGE, iova + i * VST_PAGE, VST_PAGE,
			VST_RW);
		memcpy(want + i * VST_PAGE, va + page * VST_PAGE, VST_PAGE);
	}
	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(-1, vst_differs(want, self->dst.va, BUF));

	dma = (struct vst_dma){ .src = self->src.iova, .dst = iova + BUF, .len = BUF };
	vst_dma_run(self->dev, &dma);
	for (i = 0; i < PAGES / 2; i++)
		EXPECT_EQ(-1, vst_differs(self->src.va + i * VST_PAGE,
					  va + (i + PAGES / 2) * 13 % PAGES * VST_PAGE,
					  VST_PAGE));
}

/* uapi: MAP_DMA */
TEST_F(dma, memory_mapped_twice_is_the_same_at_both_iovas)
{
	u64 twin = vst_iova(self->dev->iommu, BUF);
	struct vst_dma dma = { .src = self->src.iova, .dst = twin, .len = BUF };

	vst_map(self->dev->iommu, self->dst.va, twin, BUF, VST_RW);
	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(-1, vst_differs(self->src.va, self->dst.va, BUF));
	vst_unmap(self->dev->iommu, twin, BUF, NULL);
	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &dma));
	dma.dst = self->dst.iova;
	EXPECT_EQ(0, __vst_dma_run(self->dev, &dma));
}

/* uapi: MAP_DMA */
TEST_F(dma, shared_memory_of_a_file_is_reached)
{
	int fd = syscall(SYS_memfd_create, "dma", MFD_CLOEXEC);
	u64 iova = vst_iova(self->dev->iommu, BUF);
	struct vst_dma dma = { .src = self->src.iova, .dst = iova, .len = BUF };
	u8 *va, *out = vst_anon(BUF);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, ftruncate(fd, BUF));
	va = mmap(NULL, BUF, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, va);
	vst_map(self->dev->iommu, va, iova, BUF, VST_RW);
	vst_dma_run(self->dev, &dma);
	ASSERT_EQ(BUF, pread(fd, out, BUF, 0));
	EXPECT_EQ(-1, vst_differs(self->src.va, out, BUF));
	close(fd);
}

/* uapi: TYPE1.DMA */
TEST_F(dma, iova_that_is_mapped_anew_leads_to_the_new_memory)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = self->dst.iova, .len = BUF };
	u8 *other = vst_anon(BUF);

	vst_dma_run(self->dev, &dma);
	memset(self->dst.va, 0xa5, BUF);
	vst_unmap(self->dev->iommu, self->dst.iova, BUF, NULL);
	vst_map(self->dev->iommu, other, self->dst.iova, BUF, VST_RW);
	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(-1, vst_differs(self->src.va, other, BUF));
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* ---- permissions ---- */

/* uapi: MAP_DMA */
TEST_F(dma, read_only_map_can_be_read)
{
	struct vst_buf ro = vst_buf(self->dev->iommu, BUF, VST_READ);
	struct vst_dma dma = { .src = ro.iova, .dst = self->dst.iova, .len = BUF };

	vst_fill(ro.va, BUF, 3);
	vst_dma_run(self->dev, &dma);
	EXPECT_EQ(-1, vst_differs(ro.va, self->dst.va, BUF));
	vst_buf_free(&ro);
}

/* dma.rst 3.4, 3.5 */
/* uapi: MAP_DMA */
TEST_F(dma, read_only_map_cannot_be_written)
{
	struct vst_buf ro = vst_buf(self->dev->iommu, BUF, VST_READ);
	struct vst_dma dma = { .src = self->src.iova, .dst = ro.iova + 0x1234, .len = 0x4000 };
	struct vst_dma_result res;

	memset(ro.va, 0xa5, BUF);
	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &dma));
	res = vst_dma_result(self->dev);
	EXPECT_EQ(VLAB_DMA_ERR_PERM, res.error);
	EXPECT_EQ(ro.iova + 0x1234, res.fault);
	EXPECT_EQ(0, res.done);
	EXPECT_EQ(1, res.faults);
	EXPECT_TRUE(rest_untouched(&ro, 0, 0));
	vst_buf_free(&ro);
}

/* uapi: MAP_DMA TYPE1.EMULATED */
TEST_F(dma, write_only_map_can_be_written)
{
	struct vst_buf wo = vst_buf(self->dev->iommu, BUF, VST_WRITE);
	struct vst_dma dma = { .src = self->src.iova, .dst = wo.iova, .len = BUF };

	EXPECT_EQ(0, __vst_dma_run(self->dev, &dma));
	EXPECT_EQ(-1, vst_differs(self->src.va, wo.va, BUF));
	vst_buf_free(&wo);
}

/* uapi: MAP_DMA */
TEST_F(dma, write_only_map_cannot_be_read)
{
	struct vst_buf wo = vst_buf(self->dev->iommu, BUF, VST_WRITE);
	struct vst_dma dma = { .src = wo.iova, .dst = self->dst.iova, .len = BUF };
	struct vst_dma_result res;

	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &dma));
	res = vst_dma_result(self->dev);
	EXPECT_EQ(VLAB_DMA_ERR_PERM, res.error);
	EXPECT_EQ(wo.iova, res.fault);
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
	vst_buf_free(&wo);
}

/* ---- what is not mapped ---- */

static void expect_nomap(struct __test_metadata *_metadata, struct vst_dev *dev,
			 const struct vst_dma *dma, u64 fault, u64 done)
{
	struct vst_dma_result res;

	EXPECT_EQ(-EIO, __vst_dma_run(dev, dma));
	res = vst_dma_result(dev);
	EXPECT_EQ(VLAB_DMA_ST_ERROR, res.status);
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, res.error);
	EXPECT_EQ(fault, res.fault);
	EXPECT_EQ(done, res.done);
}

/* uapi: TYPE1.DMA */
TEST_F(dma, unmapped_source_is_an_error_with_its_iova)
{
	u64 hole = vst_iova(self->dev->iommu, BUF);
	struct vst_dma dma = { .src = hole + 0x123, .dst = self->dst.iova, .len = BUF };

	expect_nomap(_metadata, self->dev, &dma, hole + 0x123, 0);
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* uapi: TYPE1.DMA */
TEST_F(dma, unmapped_destination_is_an_error_with_its_iova)
{
	u64 hole = vst_iova(self->dev->iommu, BUF);
	struct vst_dma dma = { .src = self->src.iova, .dst = hole + 0x456, .len = BUF };

	expect_nomap(_metadata, self->dev, &dma, hole + 0x456, 0);
}

/* uapi: TYPE1.DMA */
TEST_F(dma, fault_in_the_middle_keeps_what_came_before)
{
	struct vst_dma dma = { .src = self->src.iova + 100, .dst = self->dst.iova + 100 };

	dma.len = 2 * BUF;	/* a page behind each buffer is never mapped */
	expect_nomap(_metadata, self->dev, &dma, self->src.iova + BUF, BUF - 100);
	EXPECT_EQ(-1, vst_differs(self->src.va + 100, self->dst.va + 100, BUF - 100));
}

/* uapi: TYPE1.DMA */
TEST_F(dma, fault_in_the_middle_of_the_destination_names_its_iova)
{
	struct vst_dma dma = {
		.src = self->src.iova, .dst = self->dst.iova + BUF - 0x1800, .len = 0x8000,
	};

	expect_nomap(_metadata, self->dev, &dma, self->dst.iova + BUF, 0x1800);
	EXPECT_TRUE(rest_untouched(&self->dst, BUF - 0x1800, 0x1800));
	EXPECT_EQ(-1, vst_differs(self->src.va, self->dst.va + BUF - 0x1800, 0x1800));
}

/* uapi: TYPE1.DMA */
TEST_F(dma, iova_beyond_any_page_table_is_not_mapped)
{
	struct vst_dma dma = { .src = 1ULL << 60, .dst = self->dst.iova, .len = 64 };

	expect_nomap(_metadata, self->dev, &dma, 1ULL << 60, 0);
	dma.src = -64ULL;
	expect_nomap(_metadata, self->dev, &dma, -64ULL, 0);
}

/* uapi: TYPE1.DMA UNMAP_DMA */
TEST_F(dma, unmapped_memory_is_not_reached_any_more)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = self->dst.iova, .len = BUF };

	vst_dma_run(self->dev, &dma);
	memset(self->dst.va, 0xa5, BUF);
	vst_unmap(self->dev->iommu, self->dst.iova, BUF, NULL);
	expect_nomap(_metadata, self->dev, &dma, self->dst.iova, 0);
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* dma.rst 5.1 */
TEST_F(dma, engine_works_again_after_an_error)
{
	struct vst_dma bad = { .src = 0x10, .dst = self->dst.iova, .len = BUF };
	struct vst_dma good = { .src = self->src.iova, .dst = self->dst.iova, .len = BUF };
	struct vst_dma_result res;

	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &bad));
	EXPECT_EQ(0, __vst_dma_run(self->dev, &good));
	res = vst_dma_result(self->dev);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, res.error);
	EXPECT_EQ(NO_FAULT, res.fault);
	EXPECT_EQ(-1, vst_differs(self->src.va, self->dst.va, BUF));
}

TEST_F(dma, every_denied_access_is_counted)
{
	struct vst_dma bad = { .src = 0x10, .dst = self->dst.iova, .len = BUF };
	unsigned int i;

	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &bad));
		EXPECT_EQ(i, vst_dma_read32(self->dev, VLAB_DMA_FAULTS));
	}
}

/* ---- arguments that cannot be right: dma.rst 2.3 ---- */

static void expect_refused(struct __test_metadata *_metadata, struct vst_dev *dev,
			   const struct vst_dma *dma, u32 error, u64 fault)
{
	struct vst_dma_result res;

	vst_dma_start(dev, dma);
	res = vst_dma_result(dev);	/* at once: it was never busy */
	EXPECT_EQ(VLAB_DMA_ST_ERROR, res.status);
	EXPECT_EQ(error, res.error);
	EXPECT_EQ(fault, res.fault);
	EXPECT_EQ(0, res.done);
	EXPECT_EQ(0, res.faults);
}

TEST_F(dma, length_of_zero_is_refused)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = self->dst.iova };

	expect_refused(_metadata, self->dev, &dma, VLAB_DMA_ERR_LEN, NO_FAULT);
}

TEST_F(dma, source_that_wraps_is_refused)
{
	struct vst_dma dma = { .src = -64ULL, .dst = self->dst.iova, .len = 65 };

	expect_refused(_metadata, self->dev, &dma, VLAB_DMA_ERR_RANGE, -64ULL);
}

TEST_F(dma, destination_that_wraps_is_refused)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = -1ULL, .len = 2 };

	expect_refused(_metadata, self->dev, &dma, VLAB_DMA_ERR_RANGE, -1ULL);
}

TEST_F(dma, source_is_blamed_first_when_both_wrap)
{
	struct vst_dma dma = { .src = -4ULL, .dst = -8ULL, .len = 0x100 };

	expect_refused(_metadata, self->dev, &dma, VLAB_DMA_ERR_RANGE, -4ULL);
}

TEST_F(dma, total_that_overflows_is_refused)
{
	struct vst_dma dma = {
		.src = 0, .dst = 0, .len = 1ULL << 40, .count = 1U << 24,
	};

	expect_refused(_metadata, self->dev, &dma, VLAB_DMA_ERR_RANGE, NO_FAULT);
}

TEST_F(dma, last_byte_of_card_memory_is_in_range)
{
	struct vst_dma dma = {
		.src = self->src.iova, .dst = CARD_MEMORY - 1, .len = 1,
		.flags = VLAB_DMA_CTRL_DST_CARD,
	};

	EXPECT_EQ(0, __vst_dma_run(self->dev, &dma));
	EXPECT_EQ(self->src.va[0], vst_read8(self->dev, CARD, MEM + CARD_MEMORY - 1));
}

TEST_F(dma, byte_behind_card_memory_is_out_of_range)
{
	struct vst_dma dma = {
		.src = CARD_MEMORY, .dst = self->dst.iova, .len = 1,
		.flags = VLAB_DMA_CTRL_SRC_CARD,
	};

	expect_refused(_metadata, self->dev, &dma, VLAB_DMA_ERR_RANGE, CARD_MEMORY);
}

TEST_F(dma, end_behind_card_memory_is_out_of_range)
{
	struct vst_dma dma = {
		.src = self->src.iova, .dst = CARD_MEMORY - 10, .len = 11,
		.flags = VLAB_DMA_CTRL_DST_CARD,
	};

	expect_refused(_metadata, self->dev, &dma, VLAB_DMA_ERR_RANGE, CARD_MEMORY - 10);
}

/* ---- starting and stopping ---- */

TEST_F(dma, bus_master_off_is_an_error)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = self->dst.iova, .len = BUF };
	struct vst_dma_result res;

	vst_master(self->dev, false);
	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &dma));
	res = vst_dma_result(self->dev);
	EXPECT_EQ(VLAB_DMA_ERR_MASTER, res.error);
	EXPECT_EQ(self->src.iova, res.fault);
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
	vst_master(self->dev, true);
	EXPECT_EQ(0, __vst_dma_run(self->dev, &dma));
}

/* dma.rst 8.2: when the write has returned, nothing moves any more. */
TEST_F(dma, bus_master_off_stops_a_transfer)
{
	start_endless(self->dev, self->src.iova, self->dst.iova, BUF, 0);
	vst_master(self->dev, false);
	memset(self->dst.va, 0xa5, BUF);
	EXPECT_EQ(-EIO, __vst_dma_wait(self->dev));
	EXPECT_EQ(VLAB_DMA_ERR_MASTER, vst_dma_read32(self->dev, VLAB_DMA_ERROR));
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* dma.rst 6.1 */
TEST_F(dma, abort_ends_a_transfer)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = self->dst.iova, .len = BUF };
	u64 done;

	start_endless(self->dev, self->src.iova, self->dst.iova, BUF, 0);
	vst_dma_write32(self->dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_ABORT);
	EXPECT_EQ(-ECANCELED, __vst_dma_wait(self->dev));
	EXPECT_EQ(VLAB_DMA_ST_ABORTED, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, vst_dma_read32(self->dev, VLAB_DMA_ERROR));
	done = vst_dma_read64(self->dev, VLAB_DMA_DONE);
	memset(self->dst.va, 0xa5, BUF);
	EXPECT_EQ(0, __vst_dma_run(self->dev, &dma));
	EXPECT_NE(0, done);
	EXPECT_EQ(0, done % VST_PAGE);
}

TEST_F(dma, abort_when_idle_does_nothing)
{
	vst_dma_write32(self->dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_ABORT);
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
}

/* dma.rst 2.2 */
TEST_F(dma, start_together_with_abort_starts_nothing)
{
	vst_dma_write64(self->dev, VLAB_DMA_SRC, self->src.iova);
	vst_dma_write64(self->dev, VLAB_DMA_DST, self->dst.iova);
	vst_dma_write64(self->dev, VLAB_DMA_LEN, BUF);
	vst_dma_write32(self->dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_START | VLAB_DMA_CTRL_ABORT);
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* dma.rst 2.1 */
TEST_F(dma, writes_while_busy_are_for_the_next_transfer)
{
	start_endless(self->dev, self->src.iova, self->src.iova, BUF, 0);
	vst_dma_write64(self->dev, VLAB_DMA_DST, self->dst.iova);
	vst_dma_write64(self->dev, VLAB_DMA_LEN, 0x2000);
	vst_dma_write32(self->dev, VLAB_DMA_COUNT, 1);
	vst_dma_abort(self->dev);
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
	vst_dma_write32(self->dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_START);
	vst_dma_wait(self->dev);
	EXPECT_EQ(-1, vst_differs(self->src.va, self->dst.va, 0x2000));
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0x2000));
}

TEST_F(dma, start_while_busy_is_ignored)
{
	u64 done;

	start_endless(self->dev, self->src.iova, self->src.iova, BUF, 0);
	vst_dma_write64(self->dev, VLAB_DMA_DST, self->dst.iova);
	done = vst_dma_read64(self->dev, VLAB_DMA_DONE);
	vst_dma_write32(self->dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_START);
	EXPECT_GE(vst_dma_read64(self->dev, VLAB_DMA_DONE), done);
	EXPECT_TRUE(vst_dma_read32(self->dev, VLAB_DMA_STATUS) & VLAB_DMA_ST_BUSY);
	vst_dma_abort(self->dev);
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* dma.rst 2.3 */
TEST_F(dma, start_clears_what_the_last_transfer_left)
{
	struct vst_dma bad = { .src = 0x10, .dst = self->dst.iova, .len = 64 };
	struct vst_dma_result res;

	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &bad));
	vst_dma_write64(self->dev, VLAB_DMA_SRC, 0);
	vst_dma_write64(self->dev, VLAB_DMA_DST, 0x8000);
	vst_dma_write32(self->dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_START | BOTH_CARD);
	vst_dma_wait(self->dev);
	res = vst_dma_result(self->dev);
	EXPECT_EQ(VLAB_DMA_ST_DONE, res.status);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, res.error);
	EXPECT_EQ(NO_FAULT, res.fault);
}

/* dma.rst 8.3 */
TEST_F(dma, close_ends_a_transfer)
{
	struct vst_iommu *iommu = self->dev->iommu;

	start_endless(self->dev, self->src.iova, self->dst.iova, BUF, 0);
	self->dev->own_iommu = false;	/* the mappings outlive the device's file */
	vst_close(self->dev);
	memset(self->dst.va, 0xa5, BUF);
	self->dev = vst_open_in(vst_bdf(), iommu);
	self->dev->own_iommu = true;
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* ---- unmap during a transfer ---- */

/* uapi: TYPE1.EMULATED UNMAP_DMA */
TEST_F(dma, unmap_of_the_destination_ends_a_transfer)
{
	u64 done, fault;

	start_endless(self->dev, self->src.iova, self->dst.iova, BUF, 0);
	vst_unmap(self->dev->iommu, self->dst.iova, BUF, &done);
	EXPECT_EQ(BUF, done);
	memset(self->dst.va, 0xa5, BUF);
	EXPECT_EQ(-EIO, __vst_dma_wait(self->dev));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, vst_dma_read32(self->dev, VLAB_DMA_ERROR));
	fault = vst_dma_read64(self->dev, VLAB_DMA_FAULT);
	EXPECT_GE(fault, self->dst.iova);
	EXPECT_LT(fault, self->dst.iova + BUF);
	EXPECT_TRUE(rest_untouched(&self->dst, 0, 0));
}

/* uapi: TYPE1.EMULATED UNMAP_DMA */
TEST_F(dma, unmap_of_the_source_ends_a_transfer)
{
	start_endless(self->dev, self->src.iova, self->dst.iova, BUF, 0);
	vst_unmap(self->dev->iommu, self->src.iova, BUF, NULL);
	EXPECT_EQ(-EIO, __vst_dma_wait(self->dev));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, vst_dma_read32(self->dev, VLAB_DMA_ERROR));
	EXPECT_LT(vst_dma_read64(self->dev, VLAB_DMA_FAULT) - self->src.iova, BUF);
}

/* uapi: TYPE1.EMULATED */
TEST_F(dma, maps_and_unmaps_beside_it_do_not_disturb_a_transfer)
{
	unsigned int i;

	start_endless(self->dev, self->src.iova, self->dst.iova, BUF, 0);
	for (i = 0; i < 30; i++) {
		struct vst_buf buf = vst_buf(self->dev->iommu, 4 * VST_PAGE, VST_RW);

		vst_buf_free(&buf);
	}
	EXPECT_EQ(VLAB_DMA_ST_BUSY, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	vst_dma_abort(self->dev);
	EXPECT_EQ(-1, vst_differs(self->src.va, self->dst.va, VST_PAGE));
}

/* dma.rst 5.2, 9.3: the IOMMU leads to the page that was mapped, not the new one. */
/* uapi: TYPE1.DMA */
TEST_F(dma, page_replaced_behind_the_mapping_is_found_by_check_iommu)
{
	struct vst_dma dma = { .src = self->src.iova, .dst = self->dst.iova, .len = BUF };
	char on[4] = "N";

	VST_NEEDS(VST_CAN_TYPE1);
	__vst_file_read("/sys/module/" VST_DRIVER "/parameters/check_iommu", on, sizeof(on));
	if (*on != 'Y')
		SKIP(return, VST_DRIVER " was loaded without check_iommu=1");
	ASSERT_EQ(self->dst.va, mmap(self->dst.va, VST_PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE,
				     -1, 0));
	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &dma));
	EXPECT_EQ(VLAB_DMA_ERR_CHECK, vst_dma_read32(self->dev, VLAB_DMA_ERROR));
	EXPECT_EQ(self->dst.iova, vst_dma_read64(self->dev, VLAB_DMA_FAULT));
}

/* ---- two devices ---- */

FIXTURE(pair) {
	struct vst_iommu *iommu;
	struct vst_card card;
	struct vst_dev *dev[2];
	struct vst_buf buf;
};

FIXTURE_SETUP(pair)
{
	VST_NEEDS(VST_CAN_DMA);
	VST_NEEDS_CARDS();
	vst_card_plug(&self->card, "memory=64K");
	self->iommu = vst_iommu_open();
	self->dev[0] = vst_open_in(vst_bdf(), self->iommu);
	self->dev[1] = vst_open_in(self->card.bdf[0], self->iommu);
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	vst_fill(self->buf.va, BUF, 4);
	vst_master(self->dev[0], true);
	vst_master(self->dev[1], true);
}

FIXTURE_TEARDOWN(pair)
{
	vst_buf_free(&self->buf);
	vst_close(self->dev[0]);
	vst_close(self->dev[1]);
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

/* uapi: TYPE1.DMA */
TEST_F(pair, one_container_is_seen_by_both)
{
	struct vst_dma put = {
		.src = 0, .dst = self->buf.iova, .len = 0x1000, .flags = VLAB_DMA_CTRL_SRC_CARD,
	};
	struct vst_dma get = {
		.src = self->buf.iova, .dst = 0, .len = 0x1000, .flags = VLAB_DMA_CTRL_DST_CARD,
	};
	u8 in[0x1000], out[0x1000];

	vst_fill(in, sizeof(in), 5);
	vst_write(self->dev[0], CARD, MEM, in, sizeof(in));
	vst_dma_run(self->dev[0], &put);
	vst_dma_run(self->dev[1], &get);
	vst_read(self->dev[1], CARD, MEM, out, sizeof(out));
	EXPECT_EQ(-1, vst_differs(in, out, sizeof(in)));
}

TEST_F(pair, both_work_at_once)
{
	struct vst_dma dma[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		dma[i] = (struct vst_dma){
			.src = self->buf.iova, .dst = self->buf.iova + (i + 1) * 0x4000,
			.len = 0x4000, .count = 20,
		};
		vst_dma_start(self->dev[i], &dma[i]);
	}
	for (i = 0; i < 2; i++)
		vst_dma_wait(self->dev[i]);
	EXPECT_EQ(-1, vst_differs(self->buf.va, self->buf.va + 0x4000, 0x4000));
	EXPECT_EQ(-1, vst_differs(self->buf.va, self->buf.va + 0x8000, 0x4000));
}

TEST_F(pair, fault_of_one_is_not_seen_by_the_other)
{
	struct vst_dma bad = { .src = 0x10, .dst = self->buf.iova, .len = 64 };

	EXPECT_EQ(-EIO, __vst_dma_run(self->dev[0], &bad));
	EXPECT_EQ(0, vst_dma_read32(self->dev[1], VLAB_DMA_FAULTS));
	EXPECT_EQ(0, vst_dma_read32(self->dev[1], VLAB_DMA_STATUS));
}

/* uapi: TYPE1.DMA */
TEST_F(pair, container_of_its_own_hides_the_other_ones_mappings)
{
	struct vst_dma dma = { .src = self->buf.iova, .dst = 0, .len = 64,
			       .flags = VLAB_DMA_CTRL_DST_CARD };

	if (vst_group(vst_bdf()) == vst_group(self->card.bdf[0]))
		SKIP(return, "both are in one IOMMU group");
	vst_close(self->dev[1]);
	self->dev[1] = vst_open(self->card.bdf[0]);
	vst_master(self->dev[1], true);
	expect_nomap(_metadata, self->dev[1], &dma, self->buf.iova, 0);
	EXPECT_EQ(0, __vst_dma_run(self->dev[0], &dma));
}

/* uapi: TYPE1.MMIO */
TEST_F(pair, memory_of_one_card_is_reached_by_the_other)
{
	u64 iova = vst_iova(self->iommu, CARD_MEMORY);
	u8 *va = vst_mmap(self->dev[1], CARD, MEM, CARD_MEMORY);
	struct vst_dma dma = { .src = self->buf.iova, .dst = iova, .len = CARD_MEMORY };
	u8 *out = vst_anon(CARD_MEMORY);

	vst_map(self->iommu, va, iova, CARD_MEMORY, VST_RW);
	vst_dma_run(self->dev[0], &dma);
	vst_read(self->dev[1], CARD, MEM, out, CARD_MEMORY);
	EXPECT_EQ(-1, vst_differs(self->buf.va, out, CARD_MEMORY));
	vst_unmap(self->iommu, iova, CARD_MEMORY, NULL);
	munmap(va, CARD_MEMORY);
}

/* ---- what the address space itself refuses: <linux/vfio.h>, <linux/iommufd.h> ---- */

FIXTURE(map) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	u8 *va;
	u64 iova;
};

FIXTURE_SETUP(map)
{
	VST_NEEDS(VST_CAN_DMA);
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	self->va = vst_anon(BUF);
	self->iova = vst_iova(self->iommu, BUF);
}

FIXTURE_TEARDOWN(map)
{
	vst_close(self->dev);
}

/* uapi: MAP_DMA.RULES */
TEST_F(map, map_over_a_mapping_is_eexist)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, self->va, self->iova + BUF - VST_PAGE,
				     2 * VST_PAGE, VST_RW));
}

/* uapi: MAP_DMA.RULES */
TEST_F(map, map_that_is_not_whole_pages_is_refused)
{
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, self->iova, VST_PAGE - 1, VST_RW));
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, self->iova + 8, VST_PAGE, VST_RW));
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va + 8, self->iova, VST_PAGE, VST_RW));
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, self->iova, 0, VST_RW));
}

/* uapi: MAP_DMA */
TEST_F(map, map_without_permission_is_refused)
{
	VST_NEEDS(VST_CAN_NOPROT);
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, self->iova, BUF, 0));
}

/* uapi: MAP_DMA */
TEST_F(map, map_with_unknown_flags_is_refused)
{
	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW | 1U << 31));
}

/* uapi: MAP_DMA.RULES */
TEST_F(map, map_that_wraps_is_refused)
{
	EXPECT_GT(0, __vst_map(self->iommu, self->va, -VST_PAGE, 2 * VST_PAGE, VST_RW));
	EXPECT_GT(0, __vst_map(self->iommu, (void *)-VST_PAGE, self->iova, 2 * VST_PAGE, VST_RW));
}

/* uapi: TYPE1.RESERVED */
TEST_F(map, map_into_the_message_window_is_refused)
{
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->va, 0xfee00000, VST_PAGE, VST_RW));
}

/* uapi: MAP_DMA */
TEST_F(map, map_of_memory_that_is_not_there_is_efault)
{
	munmap(self->va + VST_PAGE, VST_PAGE);
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
	EXPECT_EQ(0, __vst_map(self->iommu, self->va, self->iova, VST_PAGE, VST_RW));
}

/* uapi: MAP_DMA */
TEST_F(map, read_only_memory_cannot_be_mapped_writable)
{
	ASSERT_EQ(0, mprotect(self->va, BUF, PROT_READ));
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
	EXPECT_EQ(0, __vst_map(self->iommu, self->va, self->iova, BUF, VST_READ));
}

/* uapi: MAP_DMA */
TEST_F(map, map_with_short_argsz_is_refused)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map) - 8, .flags = VST_RW };

	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(-1, ioctl(self->iommu->fd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(EINVAL, errno);
}

/* uapi: UNMAP_DMA */
TEST_F(map, unmap_says_how_much_it_was)
{
	u64 done;

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(BUF, done);
}

/* uapi: UNMAP_DMA */
TEST_F(map, unmap_of_nothing_unmaps_nothing)
{
	u64 done;

	__vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(0, done);
}

/* uapi: MAP_DMA.RULES */
TEST_F(map, unmap_of_part_of_a_mapping_is_refused)
{
	u64 done;

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_GT(0, __vst_unmap(self->iommu, self->iova, VST_PAGE, NULL));
	EXPECT_GT(0, __vst_unmap(self->iommu, self->iova + VST_PAGE, BUF, NULL));
	vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(BUF, done);
}

/* uapi: UNMAP_DMA */
TEST_F(map, unmap_of_a_range_takes_all_mappings_in_it)
{
	u64 done;

	vst_map(self->iommu, self->va, self->iova, VST_PAGE, VST_RW);
	vst_map(self->iommu, self->va + VST_PAGE, self->iova + 2 * VST_PAGE, VST_PAGE, VST_READ);
	vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(2 * VST_PAGE, done);
}

/* uapi: UNMAP_DMA */
TEST_F(map, unmap_all_takes_everything)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};

	VST_NEEDS(VST_CAN_GROUP);
	if (ioctl(self->iommu->fd, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL) != 1)
		SKIP(return, "the container has no VFIO_UNMAP_ALL");
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	ASSERT_EQ(0, ioctl(self->iommu->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(BUF, unmap.size);
}

/* uapi: UNMAP_DMA */
TEST_F(map, unmap_is_refused_as_type1_does)
{
	VST_NEEDS(VST_CAN_TYPE1);
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, self->iova, VST_PAGE, NULL));
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, self->iova + VST_PAGE, BUF, NULL));
	vst_unmap(self->iommu, self->iova, BUF, NULL);
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, self->iova + 1, VST_PAGE, NULL));
	EXPECT_EQ(0, __vst_unmap(self->iommu, self->iova, BUF, NULL));
}

/* uapi: MAP_DMA.RULES */
TEST_F(map, unmap_that_wraps_is_refused)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_GT(0, __vst_unmap(self->iommu, -VST_PAGE, 2 * VST_PAGE, NULL));
	EXPECT_GT(0, __vst_unmap(self->iommu, self->iova + 1, VST_PAGE, NULL));
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, self->iova, 0, NULL));
}

VST_MAIN("ports=4", "memory=64K", "msi=8", "msix=16")
