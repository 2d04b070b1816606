// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/OAT card, ioat.rst: what its channel does, through the mapped page, as
 * user-space drivers do it, and through the device's file, as QEMU does when a
 * guest's driver must be trapped; then what only a mapped page can do.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vlab_ioat.h"
#include "vst.h"

#define BAR		VLAB_IOAT_BAR
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX
#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define LONGEST		(1UL << VLAB_IOAT_XFERCAP_LOG2)
#define AREA		(4 * LONGEST)

/* In the buffer: descriptors, where CHANCMP points, source, destination. */
#define CHAIN		0UL
#define STATUS		VST_PAGE
#define SRC		AREA
#define DST		(2 * AREA)
#define BUF_SIZE	(3 * AREA)

/* ---- two ways to a register ---- */

struct way;

/**
 * struct ioat - a channel under test
 * @dev: the device
 * @way: to its registers
 * @page: BAR0 mapped, all of it
 * @buf: memory that it may read and write
 * @nowhere: an IOVA without a mapping
 */
struct ioat {
	struct vst_dev *dev;
	const struct way *way;
	u8 *page;
	struct vst_buf buf;
	u64 nowhere;
};

struct way {
	u64 (*in)(struct ioat *io, unsigned int reg, unsigned int width);
	void (*out)(struct ioat *io, unsigned int reg, unsigned int width, u64 val);
};

/* Aligned, and one instruction each. */
static u64 load(struct ioat *io, unsigned int reg, unsigned int width)
{
	void *at = io->page + reg;

	switch (width) {
	case 1:
		return __atomic_load_n((u8 *)at, __ATOMIC_ACQUIRE);
	case 2:
		return __atomic_load_n((u16 *)at, __ATOMIC_ACQUIRE);
	case 4:
		return __atomic_load_n((u32 *)at, __ATOMIC_ACQUIRE);
	default:
		return __atomic_load_n((u64 *)at, __ATOMIC_ACQUIRE);
	}
}

static void store(struct ioat *io, unsigned int reg, unsigned int width, u64 val)
{
	void *at = io->page + reg;

	switch (width) {
	case 1:
		__atomic_store_n((u8 *)at, val, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((u16 *)at, val, __ATOMIC_RELEASE);
		break;
	case 4:
		__atomic_store_n((u32 *)at, val, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((u64 *)at, val, __ATOMIC_RELEASE);
	}
}

static u64 read_file(struct ioat *io, unsigned int reg, unsigned int width)
{
	u64 val = 0;

	vst_read(io->dev, BAR, reg, &val, width);
	return val;
}

static void write_file(struct ioat *io, unsigned int reg, unsigned int width, u64 val)
{
	vst_write(io->dev, BAR, reg, &val, width);
}

static const struct way by_page = { load, store };
static const struct way by_file = { read_file, write_file };

static u64 in(struct ioat *io, unsigned int reg, unsigned int width)
{
	return io->way->in(io, reg, width);
}

static void out(struct ioat *io, unsigned int reg, unsigned int width, u64 val)
{
	io->way->out(io, reg, width, val);
}

/* ---- the channel, as a driver sees it ---- */

static unsigned int state(struct ioat *io)
{
	return in(io, VLAB_IOAT_CHANSTS, 8) & VLAB_IOAT_CHANSTS_STATE;
}

static void reset_channel(struct ioat *io)
{
	out(io, VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	vst_assert(vst_until(!(in(io, VLAB_IOAT_CHANCMD, 1) & VLAB_IOAT_CHANCMD_RESET),
			     VST_DEADLINE_MS));
}

static void suspend_channel(struct ioat *io)
{
	out(io, VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_SUSPEND);
	vst_assert(vst_until(state(io) == VLAB_IOAT_SUSPENDED, VST_DEADLINE_MS));
}

/* Descriptor @n of a chain that goes round after @of. */
static void desc(struct ioat *io, unsigned int n, unsigned int of, u32 ctl, u64 src, u64 dst,
		 u32 size)
{
	struct vlab_ioat_desc d = {
		.size = size,
		.ctl = ctl,
		.src = src,
		.dst = dst,
		.next = io->buf.iova + CHAIN + (n + 1) % of * sizeof(d),
	};

	memcpy(io->buf.va + CHAIN + n * sizeof(d), &d, sizeof(d));
}

static void copy_desc(struct ioat *io, unsigned int n, unsigned int of, u32 ctl, u64 pos,
		      u32 size)
{
	desc(io, n, of, ctl, io->buf.iova + SRC + pos, io->buf.iova + DST + pos, size);
}

static void go(struct ioat *io, u64 chain, u16 ctrl, u16 count)
{
	out(io, VLAB_IOAT_CHAINADDR, 8, chain);
	out(io, VLAB_IOAT_CHANCTRL, 2, ctrl);
	out(io, VLAB_IOAT_DMACOUNT, 2, count);
}

/* DONE or HALTED; SUSPENDED and ARMED are what it was before. */
static unsigned int end(struct ioat *io)
{
	unsigned int st;

	vst_assert(vst_until((st = state(io)) == VLAB_IOAT_DONE || st == VLAB_IOAT_HALTED,
			     VST_DEADLINE_MS));
	return st;
}

static unsigned int run(struct ioat *io, u16 count)
{
	go(io, io->buf.iova + CHAIN, VLAB_IOAT_CHANCTRL_REARM, count);
	return end(io);
}

static bool copied(struct ioat *io, size_t size)
{
	return !memcmp(io->buf.va + SRC, io->buf.va + DST, size);
}

/* One who was killed lets go a little later, when the card was using his memory. */
static int open_device(struct vst_dev **dev)
{
	const int busy = vst_backend()->busy;
	int ret;

	return vst_until((ret = __vst_open_in(dev, vst_bdf(), NULL)) != busy,
			 VST_DEADLINE_MS) ? ret : busy;
}

static void open_channel(struct ioat *io, const struct way *way)
{
	io->way = way;
	vst_ok(open_device(&io->dev));
	io->page = vst_mmap(io->dev, BAR, 0, VLAB_IOAT_BAR_SIZE);
	io->buf = vst_buf(io->dev->iommu, BUF_SIZE, VST_RW);
	io->nowhere = vst_iova(io->dev->iommu, AREA);
	vst_fill(io->buf.va + SRC, AREA, 1);
	vst_master(io->dev, true);
	reset_channel(io);
}

static void close_channel(struct ioat *io)
{
	vst_buf_free(&io->buf);
	munmap(io->page, VLAB_IOAT_BAR_SIZE);
	vst_close(io->dev);
}

/* ---- both ways ---- */

FIXTURE(ioat) {
	struct ioat io;
};

FIXTURE_VARIANT(ioat) {
	const struct way *way;
};

FIXTURE_VARIANT_ADD(ioat, page) { .way = &by_page };
FIXTURE_VARIANT_ADD(ioat, file) { .way = &by_file };

FIXTURE_SETUP(ioat)
{
	VST_NEEDS(VST_CAN_VFIO);
	open_channel(&self->io, variant->way);
}

FIXTURE_TEARDOWN(ioat)
{
	close_channel(&self->io);
}

TEST_F(ioat, says_what_it_is)
{
	struct ioat *io = &self->io;

	EXPECT_EQ(1, in(io, VLAB_IOAT_CHANCNT, 1));
	EXPECT_EQ(VLAB_IOAT_XFERCAP_LOG2, in(io, VLAB_IOAT_XFERCAP, 1));
	EXPECT_EQ(VLAB_IOAT_VERSION, in(io, VLAB_IOAT_CBVER, 1));
	EXPECT_EQ(0, in(io, VLAB_IOAT_DMACAP, 4));
}

TEST_F(ioat, reset_halts)
{
	EXPECT_EQ(VLAB_IOAT_HALTED, state(&self->io));
}

TEST_F(ioat, reset_rewinds_and_keeps_chanctrl)
{
	struct ioat *io = &self->io;

	copy_desc(io, 0, 1, 0, 0, 8);
	out(io, VLAB_IOAT_CHANCMP, 8, io->buf.iova + STATUS);
	run(io, 1);
	out(io, VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_ABORT);
	reset_channel(io);
	EXPECT_EQ(VLAB_IOAT_HALTED, in(io, VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, in(io, VLAB_IOAT_CHAINADDR, 8));
	EXPECT_EQ(0, in(io, VLAB_IOAT_CHANCMP, 8));
	EXPECT_EQ(0, in(io, VLAB_IOAT_DMACOUNT, 2));
	EXPECT_EQ(VLAB_IOAT_CHANCTRL_ABORT, in(io, VLAB_IOAT_CHANCTRL, 2));
}

TEST_F(ioat, copies_and_names_the_descriptor)
{
	struct ioat *io = &self->io;

	copy_desc(io, 0, 1, 0, 0, 100);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ((io->buf.iova + CHAIN) | VLAB_IOAT_DONE, in(io, VLAB_IOAT_CHANSTS, 8));
	EXPECT_TRUE(copied(io, 100));
	EXPECT_FALSE(copied(io, 101));
}

TEST_F(ioat, copies_the_longest_across_pages)
{
	struct ioat *io = &self->io;

	desc(io, 0, 1, 0, io->buf.iova + SRC + 1, io->buf.iova + DST + 3, LONGEST);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ(-1, vst_differs(io->buf.va + SRC + 1, io->buf.va + DST + 3, LONGEST));
}

TEST_F(ioat, follows_the_chain_as_far_as_counted)
{
	struct ioat *io = &self->io;
	unsigned int i;

	for (i = 0; i < 4; i++)
		copy_desc(io, i, 4, 0, i * 1000, 1000);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 3));
	EXPECT_TRUE(copied(io, 3000));
	EXPECT_FALSE(copied(io, 4000));
}

TEST_F(ioat, goes_on_when_the_count_is_raised)
{
	struct ioat *io = &self->io;
	u64 last = io->buf.iova + CHAIN + 3 * sizeof(struct vlab_ioat_desc);
	unsigned int i;

	for (i = 0; i < 4; i++)
		copy_desc(io, i, 4, 0, i * 1000, 1000);
	run(io, 1);
	out(io, VLAB_IOAT_DMACOUNT, 2, 4);
	EXPECT_TRUE(vst_until(in(io, VLAB_IOAT_CHANSTS, 8) == (last | VLAB_IOAT_DONE),
			      VST_DEADLINE_MS));
	EXPECT_TRUE(copied(io, 4000));
}

TEST_F(ioat, same_count_again_after_suspend_is_done_again)
{
	struct ioat *io = &self->io;
	unsigned int i;

	copy_desc(io, 0, 1, 0, 0, 8);
	for (i = 0; i < 50; i++) {
		memset(io->buf.va + SRC, i, 8);
		ASSERT_EQ(VLAB_IOAT_DONE, run(io, 1));
		ASSERT_TRUE(copied(io, 8));
		suspend_channel(io);
	}
}

TEST_F(ioat, null_descriptor_touches_no_data)
{
	struct ioat *io = &self->io;

	desc(io, 0, 1, VLAB_IOAT_CTL_NULL, io->nowhere, io->nowhere, 1);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
}

TEST_F(ioat, writes_status_to_memory)
{
	struct ioat *io = &self->io;
	u64 *status = (u64 *)(io->buf.va + STATUS);

	out(io, VLAB_IOAT_CHANCMP, 8, io->buf.iova + STATUS);
	copy_desc(io, 0, 1, VLAB_IOAT_CTL_CMP, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ((io->buf.iova + CHAIN) | VLAB_IOAT_DONE, *status);
}

TEST_F(ioat, suspend_stops_a_long_chain)
{
	struct ioat *io = &self->io;

	copy_desc(io, 0, 1, 0, 0, LONGEST);
	go(io, io->buf.iova + CHAIN, 0, 0xffff);
	EXPECT_TRUE(vst_until(in(io, VLAB_IOAT_CHANSTS, 8) & VLAB_IOAT_CHANSTS_ADDR,
			      VST_DEADLINE_MS));
	suspend_channel(io);
	EXPECT_EQ(0, in(io, VLAB_IOAT_DMACOUNT, 2));
}

/* Nothing lands after the end of what stopped it. */
static bool is_quiet(struct ioat *io)
{
	unsigned int i;

	memset(io->buf.va + DST, 0x55, LONGEST);
	for (i = 0; i < 1000; i++)
		vst_relax();
	for (i = 0; i < LONGEST; i++)
		if (io->buf.va[DST + i] != 0x55)
			return false;
	return true;
}

static void start_long(struct ioat *io)
{
	copy_desc(io, 0, 1, 0, 0, LONGEST);
	go(io, io->buf.iova + CHAIN, 0, 0xffff);
	vst_assert(vst_until(in(io, VLAB_IOAT_CHANSTS, 8) & VLAB_IOAT_CHANSTS_ADDR,
			     VST_DEADLINE_MS));
}

TEST_F(ioat, reset_stops_a_long_chain)
{
	struct ioat *io = &self->io;

	start_long(io);
	reset_channel(io);
	EXPECT_EQ(VLAB_IOAT_HALTED, in(io, VLAB_IOAT_CHANSTS, 8));
	EXPECT_TRUE(is_quiet(io));
}

TEST_F(ioat, flr_stops_a_long_chain)
{
	struct ioat *io = &self->io;

	start_long(io);
	vst_reset(io->dev);
	EXPECT_TRUE(is_quiet(io));
	EXPECT_EQ(VLAB_IOAT_HALTED, in(io, VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, in(io, VLAB_IOAT_CHANERR, 4));
}

TEST_F(ioat, both_commands_at_once_are_an_error)
{
	struct ioat *io = &self->io;

	out(io, VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET | VLAB_IOAT_CHANCMD_SUSPEND);
	EXPECT_TRUE(vst_until(in(io, VLAB_IOAT_CHANERR, 4) == VLAB_IOAT_ERR_CHANCMD,
			      VST_DEADLINE_MS));
	EXPECT_EQ(VLAB_IOAT_HALTED, state(io));
}

/* ---- errors ---- */

/* A descriptor that must fail: CHANERR, there and in config space. */
static u32 error_of(struct ioat *io, u32 ctl, u64 src, u64 dst, u32 size)
{
	desc(io, 0, 1, ctl, src, dst, size);
	vst_assert(run(io, 1) == VLAB_IOAT_HALTED);
	vst_assert(vst_cfg_read32(io->dev, VLAB_IOAT_CFG_CHANERR) ==
		   in(io, VLAB_IOAT_CHANERR, 4));
	return in(io, VLAB_IOAT_CHANERR, 4);
}

TEST_F(ioat, unmapped_source_is_a_read_error)
{
	struct ioat *io = &self->io;

	EXPECT_EQ(VLAB_IOAT_ERR_READ_DATA,
		  error_of(io, 0, io->nowhere, io->buf.iova + DST, 8));
	EXPECT_EQ(VLAB_IOAT_UNCERR_READ, vst_cfg_read32(io->dev, VLAB_IOAT_CFG_UNCERRSTS));
	vst_cfg_write32(io->dev, VLAB_IOAT_CFG_UNCERRSTS, VLAB_IOAT_UNCERR_READ);
	EXPECT_EQ(0, vst_cfg_read32(io->dev, VLAB_IOAT_CFG_UNCERRSTS));
}

TEST_F(ioat, unmapped_destination_is_a_write_error)
{
	struct ioat *io = &self->io;

	EXPECT_EQ(VLAB_IOAT_ERR_WRITE_DATA,
		  error_of(io, 0, io->buf.iova + SRC, io->nowhere, 8));
	EXPECT_EQ(9, vst_cfg_read8(io->dev, VLAB_IOAT_CFG_ERRPTR));
}

TEST_F(ioat, read_only_destination_is_a_write_error)
{
	struct ioat *io = &self->io;
	struct vst_buf ro = vst_buf(io->dev->iommu, VST_PAGE, VST_READ);

	EXPECT_EQ(VLAB_IOAT_ERR_WRITE_DATA, error_of(io, 0, io->buf.iova + SRC, ro.iova, 8));
	EXPECT_EQ(0, ro.va[0]);
	vst_buf_free(&ro);
}

TEST_F(ioat, unmapped_chain_is_a_chain_error)
{
	struct ioat *io = &self->io;

	go(io, io->nowhere, 0, 1);
	EXPECT_EQ(VLAB_IOAT_HALTED, end(io));
	EXPECT_EQ(VLAB_IOAT_ERR_CHAIN_ADDR, in(io, VLAB_IOAT_CHANERR, 4));
}

TEST_F(ioat, misaligned_chain_is_a_chain_error)
{
	struct ioat *io = &self->io;

	go(io, io->buf.iova + 32, 0, 1);
	EXPECT_EQ(VLAB_IOAT_HALTED, end(io));
	EXPECT_EQ(VLAB_IOAT_ERR_CHAIN_ADDR, in(io, VLAB_IOAT_CHANERR, 4));
}

TEST_F(ioat, bad_next_address_fails_when_it_is_needed)
{
	struct ioat *io = &self->io;
	u64 nowhere = io->nowhere;

	copy_desc(io, 0, 1, 0, 0, 8);
	memcpy(io->buf.va + CHAIN + offsetof(struct vlab_ioat_desc, next), &nowhere, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	out(io, VLAB_IOAT_DMACOUNT, 2, 2);
	EXPECT_TRUE(vst_until(state(io) == VLAB_IOAT_HALTED, VST_DEADLINE_MS));
	EXPECT_EQ(VLAB_IOAT_ERR_NEXT_ADDR, in(io, VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(io->buf.iova + CHAIN,
		  in(io, VLAB_IOAT_CHANSTS, 8) & VLAB_IOAT_CHANSTS_ADDR);
}

TEST_F(ioat, length_of_zero_and_above_xfercap_are_refused)
{
	struct ioat *io = &self->io;
	u64 src = io->buf.iova + SRC, dst = io->buf.iova + DST;

	EXPECT_EQ(VLAB_IOAT_ERR_LENGTH, error_of(io, 0, src, dst, 0));
	reset_channel(io);
	EXPECT_EQ(VLAB_IOAT_ERR_LENGTH, error_of(io, 0, src, dst, LONGEST + 1));
}

TEST_F(ioat, other_operations_are_refused)
{
	struct ioat *io = &self->io;
	u64 src = io->buf.iova + SRC, dst = io->buf.iova + DST;

	EXPECT_EQ(VLAB_IOAT_ERR_CONTROL, error_of(io, 0x87000000, src, dst, 8));
	EXPECT_FALSE(copied(io, 8));
}

TEST_F(ioat, addresses_do_not_wrap)
{
	struct ioat *io = &self->io;
	u64 src = io->buf.iova + SRC, dst = io->buf.iova + DST, top = ~0ULL - 6;

	EXPECT_EQ(VLAB_IOAT_ERR_SRC_ADDR, error_of(io, 0, top, dst, 8));
	reset_channel(io);
	EXPECT_EQ(VLAB_IOAT_ERR_DST_ADDR, error_of(io, 0, src, top, 8));
}

TEST_F(ioat, misaligned_completion_address_is_an_error)
{
	struct ioat *io = &self->io;

	out(io, VLAB_IOAT_CHANCMP, 8, io->buf.iova + STATUS + 4);
	EXPECT_EQ(VLAB_IOAT_ERR_CMP_ADDR,
		  error_of(io, VLAB_IOAT_CTL_CMP, io->buf.iova + SRC, io->buf.iova + DST, 8));
}

TEST_F(ioat, error_is_written_to_memory)
{
	struct ioat *io = &self->io;
	u64 *status = (u64 *)(io->buf.va + STATUS);

	out(io, VLAB_IOAT_CHANCMP, 8, io->buf.iova + STATUS);
	desc(io, 0, 1, 0, io->nowhere, io->buf.iova + DST, 8);
	go(io, io->buf.iova + CHAIN, VLAB_IOAT_CHANCTRL_ERR_CMP, 1);
	EXPECT_EQ(VLAB_IOAT_HALTED, end(io));
	EXPECT_EQ(VLAB_IOAT_HALTED, *status);
}

TEST_F(ioat, works_again_after_error_and_reset)
{
	struct ioat *io = &self->io;

	error_of(io, 0, io->nowhere, io->buf.iova + DST, 8);
	reset_channel(io);
	EXPECT_EQ(0, in(io, VLAB_IOAT_CHANERR, 4));
	copy_desc(io, 0, 1, 0, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_TRUE(copied(io, 8));
}

TEST_F(ioat, works_again_after_error_cleared_in_config_space)
{
	struct ioat *io = &self->io;

	error_of(io, 0, io->nowhere, io->buf.iova + DST, 8);
	vst_cfg_write32(io->dev, VLAB_IOAT_CFG_CHANERR, VLAB_IOAT_ERR_READ_DATA);
	EXPECT_EQ(0, in(io, VLAB_IOAT_CHANERR, 4));
	copy_desc(io, 0, 1, 0, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
}

TEST_F(ioat, nothing_moves_without_bus_master)
{
	struct ioat *io = &self->io;

	vst_master(io->dev, false);
	copy_desc(io, 0, 1, 0, 0, 8);
	EXPECT_EQ(VLAB_IOAT_HALTED, run(io, 1));
	EXPECT_EQ(VLAB_IOAT_ERR_CHAIN_ADDR, in(io, VLAB_IOAT_CHANERR, 4));
	EXPECT_FALSE(copied(io, 8));
}

TEST_F(ioat, unmap_ends_a_long_chain)
{
	struct ioat *io = &self->io;

	start_long(io);
	vst_unmap(io->dev->iommu, io->buf.iova, io->buf.size, NULL);
	EXPECT_TRUE(is_quiet(io));
	EXPECT_TRUE(vst_until(state(io) == VLAB_IOAT_HALTED, VST_DEADLINE_MS));
	EXPECT_NE(0, in(io, VLAB_IOAT_CHANERR, 4));
}

/* ---- interrupts ---- */

static int arm(struct ioat *io, unsigned int index)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(io->dev, index, 0, 1, &fd);
	return fd;
}

TEST_F(ioat, interrupts_once_until_rearmed)
{
	struct ioat *io = &self->io;
	int fd = arm(io, MSIX);

	copy_desc(io, 0, 1, VLAB_IOAT_CTL_INT, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 3));
	EXPECT_EQ(1, vst_event_wait(fd));
	out(io, VLAB_IOAT_DMACOUNT, 2, 5);
	EXPECT_TRUE(vst_until(in(io, VLAB_IOAT_DMACOUNT, 2) == 5 &&
			      state(io) == VLAB_IOAT_DONE, VST_DEADLINE_MS));
	suspend_channel(io);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	/* One for run(), which rearms, and none for those before it. */
	EXPECT_EQ(1, vst_event_wait(fd));
	EXPECT_EQ(0, vst_event_count(fd));
	close(fd);
}

TEST_F(ioat, no_interrupt_unless_asked)
{
	struct ioat *io = &self->io;
	int fd = arm(io, MSIX);

	copy_desc(io, 0, 1, 0, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	suspend_channel(io);
	copy_desc(io, 0, 1, VLAB_IOAT_CTL_INT, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ(1, vst_event_wait(fd));
	EXPECT_EQ(0, vst_event_count(fd));
	close(fd);
}

TEST_F(ioat, error_interrupts_when_asked)
{
	struct ioat *io = &self->io;
	int fd = arm(io, MSIX);

	desc(io, 0, 1, 0, io->nowhere, io->buf.iova + DST, 8);
	go(io, io->buf.iova + CHAIN, VLAB_IOAT_CHANCTRL_ERR_INT, 1);
	EXPECT_EQ(1, vst_event_wait(fd));
	close(fd);
}

TEST_F(ioat, intx_wants_master_enable)
{
	struct ioat *io = &self->io;
	int fd = arm(io, INTX);

	copy_desc(io, 0, 1, VLAB_IOAT_CTL_INT, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ(0, vst_event_count(fd));
	out(io, VLAB_IOAT_INTRCTRL, 1, VLAB_IOAT_INTRCTRL_MASTER);
	EXPECT_EQ(1, vst_event_wait(fd));
	close(fd);
}

TEST_F(ioat, intx_goes_when_rearmed)
{
	struct ioat *io = &self->io;
	int fd = arm(io, INTX);

	out(io, VLAB_IOAT_INTRCTRL, 1, VLAB_IOAT_INTRCTRL_MASTER);
	copy_desc(io, 0, 1, VLAB_IOAT_CTL_INT, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ(1, vst_event_wait(fd));
	out(io, VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_REARM);
	EXPECT_TRUE(vst_until(!(vst_cfg_read16(io->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT),
			      VST_DEADLINE_MS));
	vst_irq_unmask(io->dev, INTX);
	EXPECT_EQ(0, vst_event_count(fd));
	close(fd);
}

/* ---- only through the file: reads that have an effect ---- */

FIXTURE(ioat_file) {
	struct ioat io;
};

FIXTURE_SETUP(ioat_file)
{
	VST_NEEDS(VST_CAN_VFIO);
	open_channel(&self->io, &by_file);
}

FIXTURE_TEARDOWN(ioat_file)
{
	close_channel(&self->io);
}

TEST_F(ioat_file, reading_intrctrl_takes_the_line_back)
{
	struct ioat *io = &self->io;
	u8 all = VLAB_IOAT_INTRCTRL_MASTER | VLAB_IOAT_INTRCTRL_STATUS | VLAB_IOAT_INTRCTRL_INT;
	int fd = arm(io, INTX);

	out(io, VLAB_IOAT_INTRCTRL, 1, VLAB_IOAT_INTRCTRL_MASTER);
	copy_desc(io, 0, 1, VLAB_IOAT_CTL_INT, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ(1, vst_event_wait(fd));
	EXPECT_EQ(all, in(io, VLAB_IOAT_INTRCTRL, 1));
	EXPECT_EQ(VLAB_IOAT_INTRCTRL_STATUS, in(io, VLAB_IOAT_INTRCTRL, 1));
	EXPECT_EQ(1, in(io, VLAB_IOAT_ATTNSTATUS, 4));
	EXPECT_EQ(0, in(io, VLAB_IOAT_ATTNSTATUS, 4));
	EXPECT_EQ(0, in(io, VLAB_IOAT_INTRCTRL, 1));
	close(fd);
}

TEST_F(ioat_file, writing_chainaddr_takes_the_count_back)
{
	struct ioat *io = &self->io;

	copy_desc(io, 0, 1, 0, 0, 8);
	run(io, 5);
	EXPECT_EQ(5, in(io, VLAB_IOAT_DMACOUNT, 2));
	out(io, VLAB_IOAT_CHAINADDR, 8, io->buf.iova + CHAIN);
	EXPECT_EQ(0, in(io, VLAB_IOAT_DMACOUNT, 2));
}

TEST_F(ioat_file, errors_are_cleared_by_writing_ones)
{
	struct ioat *io = &self->io;

	error_of(io, 0, io->nowhere, io->buf.iova + DST, 8);
	out(io, VLAB_IOAT_CHANERR, 4, VLAB_IOAT_ERR_WRITE_DATA);
	EXPECT_EQ(VLAB_IOAT_ERR_READ_DATA, in(io, VLAB_IOAT_CHANERR, 4));
	out(io, VLAB_IOAT_CHANERR, 4, VLAB_IOAT_ERR_READ_DATA);
	EXPECT_EQ(0, in(io, VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, vst_cfg_read32(io->dev, VLAB_IOAT_CFG_CHANERR));
}

TEST_F(ioat_file, unclaimed_offset_reads_ones)
{
	EXPECT_EQ(0xffffffff, in(&self->io, 0xff8, 4));
}

TEST_F(ioat_file, what_is_stored_to_the_page_is_there_at_once)
{
	struct ioat *io = &self->io;

	store(io, VLAB_IOAT_DCACTRL, 4, 0x1234);
	EXPECT_EQ(0x1234, in(io, VLAB_IOAT_DCACTRL, 4));
	out(io, VLAB_IOAT_DCACTRL, 4, 0x5678);
	EXPECT_EQ(0x5678, load(io, VLAB_IOAT_DCACTRL, 4));
}

/* ---- only through the page (7) ---- */

FIXTURE(ioat_page) {
	struct ioat io;
};

FIXTURE_SETUP(ioat_page)
{
	VST_NEEDS(VST_CAN_VFIO);
	open_channel(&self->io, &by_page);
}

FIXTURE_TEARDOWN(ioat_page)
{
	close_channel(&self->io);
}

TEST_F(ioat_page, started_channel_never_looks_halted)
{
	struct ioat *io = &self->io;
	unsigned int i;

	copy_desc(io, 0, 1, 0, 0, 8);
	for (i = 0; i < 100; i++) {
		go(io, io->buf.iova + CHAIN, 0, 1);
		ASSERT_NE(VLAB_IOAT_HALTED, state(io));
		ASSERT_EQ(VLAB_IOAT_DONE, end(io));
		reset_channel(io);
		ASSERT_EQ(VLAB_IOAT_HALTED, state(io));
	}
}

TEST_F(ioat_page, started_channel_never_looks_halted_after_errors)
{
	struct ioat *io = &self->io;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		ASSERT_NE(0, error_of(io, 0, io->nowhere, io->buf.iova + DST, 8));
		reset_channel(io);
		copy_desc(io, 0, 1, 0, 0, 8);
		go(io, io->buf.iova + CHAIN, 0, 1);
		ASSERT_NE(VLAB_IOAT_HALTED, state(io));
		ASSERT_EQ(VLAB_IOAT_DONE, end(io));
		suspend_channel(io);
	}
}

TEST_F(ioat_page, started_channel_never_looks_halted_in_a_new_mapping)
{
	struct ioat *io = &self->io;

	munmap(io->page, VLAB_IOAT_BAR_SIZE);
	io->page = vst_mmap(io->dev, BAR, 0, VLAB_IOAT_BAR_SIZE);
	copy_desc(io, 0, 1, 0, 0, 8);
	go(io, io->buf.iova + CHAIN, 0, 1);
	EXPECT_NE(VLAB_IOAT_HALTED, state(io));
	EXPECT_EQ(VLAB_IOAT_DONE, end(io));
}

TEST_F(ioat_page, constants_come_back)
{
	struct ioat *io = &self->io;

	store(io, VLAB_IOAT_XFERCAP, 1, 31);
	store(io, VLAB_IOAT_CHANSTS, 8, ~0ULL);
	EXPECT_TRUE(vst_until(load(io, VLAB_IOAT_XFERCAP, 1) == VLAB_IOAT_XFERCAP_LOG2,
			      VST_DEADLINE_MS));
	EXPECT_TRUE(vst_until(load(io, VLAB_IOAT_CHANSTS, 8) <= VLAB_IOAT_ARMED,
			      VST_DEADLINE_MS));
}

TEST_F(ioat_page, two_mappings_are_the_same_registers)
{
	struct ioat *io = &self->io;
	u8 *twin = vst_mmap(io->dev, BAR, 0, VST_PAGE);

	copy_desc(io, 0, 1, 0, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_EQ(load(io, VLAB_IOAT_CHANSTS, 8), *(u64 *)(twin + VLAB_IOAT_CHANSTS));
	munmap(twin, VST_PAGE);
}

TEST_F(ioat_page, rest_of_the_bar_is_memory)
{
	struct ioat *io = &self->io;

	memset(io->page + VST_PAGE, 0x77, VLAB_IOAT_BAR_SIZE - VST_PAGE);
	EXPECT_EQ(0x77777777, vst_read32(io->dev, BAR, VLAB_IOAT_MSIX_TABLE));
	EXPECT_EQ(0x77777777, vst_read32(io->dev, BAR, VLAB_IOAT_BAR_SIZE - 4));
}

/* The copy to the page comes from the device itself. */
TEST_F(ioat_page, device_may_write_its_own_registers)
{
	struct ioat *io = &self->io;
	u64 iova = vst_iova(io->dev->iommu, VST_PAGE);
	u32 val = 0x4321;

	if (__vst_map(io->dev->iommu, io->page, iova, VST_PAGE, VST_RW))
		SKIP(return, "this kernel pins no pages of such a mapping");
	memcpy(io->buf.va + SRC, &val, 4);
	desc(io, 0, 1, 0, io->buf.iova + SRC, iova + VLAB_IOAT_DCACTRL, 4);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_TRUE(vst_until(read_file(io, VLAB_IOAT_DCACTRL, 4) == val, VST_DEADLINE_MS));
	vst_unmap(io->dev->iommu, iova, VST_PAGE, NULL);
}

TEST_F(ioat_page, scribbling_breaks_nothing)
{
	struct ioat *io = &self->io;
	u32 noise[VST_PAGE / 4];
	unsigned int i, n;

	for (n = 0; n < 200; n++) {
		vst_fill(noise, sizeof(noise), n);
		vst_fill(io->buf.va + CHAIN, VST_PAGE, n);
		for (i = 0; i < VST_PAGE / 4; i++)
			store(io, i * 4, 4, n & 1 ? noise[i] : io->buf.iova + noise[i] % VST_PAGE);
	}
	store(io, VLAB_IOAT_CHANCMD, 1, 0);
	reset_channel(io);
	copy_desc(io, 0, 1, 0, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
	EXPECT_TRUE(copied(io, 8));
}

TEST_F(ioat_page, killed_in_the_middle_leaves_a_channel_that_works)
{
	struct ioat *io = &self->io;
	int status;
	pid_t pid;

	close_channel(io);
	pid = fork();
	if (!pid) {
		open_channel(io, &by_page);
		start_long(io);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	open_channel(io, &by_page);
	copy_desc(io, 0, 1, 0, 0, 8);
	EXPECT_EQ(VLAB_IOAT_DONE, run(io, 1));
}

VST_MAIN("model=ioat")
