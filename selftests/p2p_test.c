// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA from card to card: the memory BAR of one, mapped in a container, is what
 * the engine of another reads and writes.
 *
 * Our card memory is ordinary pages in a mapping of the device's file, which type1
 * pins and counts like any memory. So it does on all kernels; a BAR of hardware has
 * no pages that can be pinned, and is not counted. That a card's memory can be
 * written at all is in dma_test.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define CARD	VLAB_SERIAL_BAR_CTRL
#define MEM	VLAB_SERIAL_MEM
#define PAGES	8UL
#define LEN	(PAGES * VST_PAGE)
#define DIRTY	0xa5	/* what card memory has before a test */

/**
 * struct side - one of two cards
 * @dev: its device
 * @va: its memory, mapped
 * @iova: where the other one finds it
 */
struct side {
	struct vst_dev *dev;
	u8 *va;
	u64 iova;
};

/* uapi: TYPE1.MMIO */
FIXTURE(p2p) {
	struct vst_card card;
	const char *peer;
	struct vst_iommu *iommu;
	struct side a, b;
	struct vst_buf buf;
	unsigned long before;	/* pages locked by all but card memory */
};

static struct side open_side(struct vst_iommu *iommu, const char *bdf)
{
	struct side s = { .dev = vst_open_in(bdf, iommu) };

	s.va = vst_mmap(s.dev, CARD, MEM, LEN);
	s.iova = vst_iova(iommu, LEN);
	vst_master(s.dev, true);
	memset(s.va, DIRTY, LEN);
	return s;
}

FIXTURE_SETUP(p2p)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->peer = getenv("VLAB_PEER");
	if (!self->peer) {
		VST_NEEDS_CARDS();
		vst_card_plug(&self->card, "memory=64K");
		self->peer = self->card.bdf[0];
	}
	self->iommu = vst_iommu_open();
	self->a = open_side(self->iommu, vst_bdf());
	self->b = open_side(self->iommu, self->peer);
	self->buf = vst_buf(self->iommu, LEN, VST_RW);
	vst_fill(self->buf.va, LEN, 1);
	self->before = vst_locked(0);
	vst_map(self->iommu, self->a.va, self->a.iova, LEN, VST_RW);
	vst_map(self->iommu, self->b.va, self->b.iova, LEN, VST_RW);
}

FIXTURE_TEARDOWN(p2p)
{
	vst_buf_free(&self->buf);
	munmap(self->a.va, LEN);	/* NULL is fine */
	munmap(self->b.va, LEN);
	vst_close(self->a.dev);
	vst_close(self->b.dev);
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

static int copy(struct vst_dev *dev, u64 src, u64 dst)
{
	struct vst_dma dma = { .src = src, .dst = dst, .len = LEN };

	return __vst_dma_run(dev, &dma);
}

/* The memory of a card, as its own registers show it. */
static bool holds(struct vst_dev *dev, const u8 *want)
{
	u8 mem[LEN];

	vst_read(dev, CARD, MEM, mem, LEN);
	return vst_differs(mem, want, LEN) < 0;
}

static bool untouched(struct vst_dev *dev)
{
	u8 want[LEN];

	memset(want, DIRTY, LEN);
	return holds(dev, want);
}

/* ---- both ways ---- */

TEST_F(p2p, memory_of_the_other_card_is_read)
{
	vst_write(self->b.dev, CARD, MEM, self->buf.va, LEN);
	vst_dma_touch(self->a.dev, self->b.iova, LEN, false);
	EXPECT_TRUE(holds(self->a.dev, self->buf.va));
}

TEST_F(p2p, memory_of_the_other_card_is_written)
{
	vst_write(self->a.dev, CARD, MEM, self->buf.va, LEN);
	vst_dma_touch(self->a.dev, self->b.iova, LEN, true);
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
}

TEST_F(p2p, cards_write_to_each_other_at_once)
{
	struct vst_dma to_b = { .src = self->buf.iova, .dst = self->b.iova, .len = LEN,
				.count = 20 };
	struct vst_dma to_a = { .src = self->buf.iova, .dst = self->a.iova, .len = LEN,
				.count = 20 };

	vst_dma_start(self->a.dev, &to_b);
	vst_dma_start(self->b.dev, &to_a);
	EXPECT_EQ(0, __vst_dma_wait(self->a.dev));
	EXPECT_EQ(0, __vst_dma_wait(self->b.dev));
	EXPECT_TRUE(holds(self->a.dev, self->buf.va));
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
}

TEST_F(p2p, memory_of_one_card_is_copied_to_the_other)
{
	vst_write(self->a.dev, CARD, MEM, self->buf.va, LEN);
	EXPECT_EQ(0, copy(self->a.dev, self->a.iova, self->b.iova));
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
}

TEST_F(p2p, card_reaches_its_own_memory_through_the_iommu)
{
	EXPECT_EQ(0, copy(self->a.dev, self->buf.iova, self->a.iova));
	EXPECT_TRUE(holds(self->a.dev, self->buf.va));
	EXPECT_TRUE(untouched(self->b.dev));
}

/* ---- permissions ---- */

TEST_F(p2p, memory_mapped_for_reading_is_not_written)
{
	u64 iova = vst_iova(self->iommu, LEN);

	vst_map(self->iommu, self->b.va, iova, LEN, VST_READ);
	EXPECT_EQ(-EIO, copy(self->a.dev, self->buf.iova, iova));
	EXPECT_EQ(VLAB_DMA_ERR_PERM, vst_dma_read32(self->a.dev, VLAB_DMA_ERROR));
	EXPECT_TRUE(untouched(self->b.dev));
	EXPECT_EQ(0, copy(self->a.dev, iova, self->buf.iova));
	EXPECT_EQ(DIRTY, self->buf.va[LEN - 1]);
}

TEST_F(p2p, memory_mapped_for_writing_is_written_but_not_read)
{
	u64 iova = vst_iova(self->iommu, LEN);

	vst_map(self->iommu, self->b.va, iova, LEN, VST_WRITE);
	EXPECT_EQ(0, copy(self->a.dev, self->buf.iova, iova));
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
	EXPECT_EQ(-EIO, copy(self->a.dev, iova, self->buf.iova));
	EXPECT_EQ(VLAB_DMA_ERR_PERM, vst_dma_read32(self->a.dev, VLAB_DMA_ERROR));
}

TEST_F(p2p, memory_that_the_process_may_only_read_cannot_be_mapped_for_writing)
{
	u64 iova = vst_iova(self->iommu, LEN);
	void *va;

	vst_ok(__vst_mmap(self->b.dev, CARD, MEM, LEN, PROT_READ, MAP_SHARED, &va));
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, va, iova, LEN, VST_RW));
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, va, iova, LEN, VST_WRITE));
	EXPECT_EQ(0, __vst_map(self->iommu, va, iova, LEN, VST_READ));
	munmap(va, LEN);
}

/* ---- what it costs ---- */

TEST_F(p2p, memory_of_a_card_is_counted_like_any)
{
	EXPECT_EQ(self->before + 2 * PAGES, vst_locked(0));
	vst_unmap(self->iommu, self->b.iova, LEN, NULL);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
}

/* ---- the other card is reset, shut or asleep ---- */

TEST_F(p2p, memory_is_reached_after_a_reset_of_its_card)
{
	ASSERT_EQ(0, __vst_reset(self->b.dev));
	EXPECT_TRUE(untouched(self->b.dev));
	EXPECT_EQ(0, copy(self->a.dev, self->buf.iova, self->b.iova));
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
}

TEST_F(p2p, reset_of_its_card_ends_no_transfer)
{
	struct vst_dma dma = { .src = self->buf.iova, .dst = self->b.iova, .len = LEN,
			       .count = 200 };
	unsigned int i;

	vst_dma_start(self->a.dev, &dma);
	for (i = 0; i < 5; i++)
		vst_reset(self->b.dev);
	EXPECT_EQ(0, __vst_dma_wait(self->a.dev));
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
}

TEST_F(p2p, memory_that_is_shut_is_not_reached_until_it_is_open)
{
	vst_command(self->b.dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-EIO, copy(self->a.dev, self->buf.iova, self->b.iova));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, vst_dma_read32(self->a.dev, VLAB_DMA_ERROR));
	EXPECT_EQ(-EIO, copy(self->a.dev, self->b.iova, self->buf.iova));
	vst_command(self->b.dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(untouched(self->b.dev));
	EXPECT_EQ(0, copy(self->a.dev, self->buf.iova, self->b.iova));
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
}

TEST_F(p2p, memory_that_is_shut_cannot_be_mapped)
{
	u64 iova = vst_iova(self->iommu, LEN);

	vst_command(self->b.dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, self->b.va, iova, LEN, VST_RW));
	vst_command(self->b.dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0, __vst_map(self->iommu, self->b.va, iova, LEN, VST_RW));
}

TEST_F(p2p, memory_of_a_card_in_d3hot_is_not_reached_until_it_wakes)
{
	vst_power(self->b.dev, 3);
	EXPECT_EQ(-EIO, copy(self->a.dev, self->buf.iova, self->b.iova));
	vst_power(self->b.dev, 0);
	EXPECT_EQ(0, copy(self->a.dev, self->buf.iova, self->b.iova));
	EXPECT_TRUE(holds(self->b.dev, self->buf.va));
}

/* ---- the other card's memory is unmapped, closed, gone ---- */

static void forget(struct side *s)
{
	munmap(s->va, LEN);
	s->va = NULL;
}

TEST_F(p2p, memory_unmapped_by_the_process_is_not_reached)
{
	u64 done;

	forget(&self->b);
	EXPECT_EQ(-EIO, copy(self->a.dev, self->buf.iova, self->b.iova));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, vst_dma_read32(self->a.dev, VLAB_DMA_ERROR));
	EXPECT_TRUE(untouched(self->b.dev));
	vst_unmap(self->iommu, self->b.iova, LEN, &done);
	EXPECT_EQ(LEN, done);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
}

/* A mapping of its memory keeps a device open, and so does the container's use. */
TEST_F(p2p, memory_of_a_closed_card_is_reached_while_it_is_mapped)
{
	vst_close(self->b.dev);
	self->b.dev = NULL;
	EXPECT_EQ(0, copy(self->a.dev, self->buf.iova, self->b.iova));
	EXPECT_EQ(-1, vst_differs(self->buf.va, self->b.va, LEN));
}

TEST_F(p2p, pages_of_a_closed_card_stay_the_containers)
{
	u64 done;

	vst_close(self->b.dev);
	self->b.dev = NULL;
	forget(&self->b);
	EXPECT_EQ(self->before + 2 * PAGES, vst_locked(0));
	EXPECT_EQ(-EIO, copy(self->a.dev, self->buf.iova, self->b.iova));
	vst_unmap(self->iommu, self->b.iova, LEN, &done);
	EXPECT_EQ(LEN, done);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
}

/* The container's pages do not hold up the pull, nor does the pull free them. */
TEST_F(p2p, pages_of_a_card_that_was_pulled_stay_the_containers)
{
	u64 done;

	VST_NEEDS_CARDS();
	vst_close(self->b.dev);
	self->b.dev = NULL;
	forget(&self->b);
	vst_card_pull(&self->card);
	EXPECT_EQ(self->before + 2 * PAGES, vst_locked(0));
	EXPECT_EQ(-EIO, copy(self->a.dev, self->buf.iova, self->b.iova));
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, self->buf.va, self->b.iova, LEN, VST_RW));
	vst_unmap(self->iommu, self->b.iova, LEN, &done);
	EXPECT_EQ(LEN, done);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
}

TEST_F(p2p, pages_left_to_the_container_go_with_it)
{
	forget(&self->a);
	forget(&self->b);
	vst_close(self->a.dev);
	vst_close(self->b.dev);
	EXPECT_EQ(self->before - PAGES, vst_locked(0));
	self->a.dev = vst_open_in(vst_bdf(), self->iommu);
	self->b.dev = vst_open_in(self->peer, self->iommu);
	EXPECT_EQ(self->before - PAGES, vst_locked(0));
}

VST_MAIN("memory=64K")
