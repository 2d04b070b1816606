// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four ways back to the reset state (serial.rst 8, dma.rst 8): FLR by ioctl and by
 * config write, D3hot and back, hot reset by the bridge above. Each must do the
 * same to the card, idle or at work. A hot reset may take a second of waiting in
 * the kernel, so its tests look at more at once.
 */
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define CTRL		VLAB_SERIAL_BAR_CTRL
#define BUF_SIZE	(16 * VST_PAGE)
#define HALF		(BUF_SIZE / 2)
#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX

/* ---- the four ways ---- */

static int flr_by_ioctl(struct vst_dev *dev)
{
	return __vst_reset(dev);
}

static int flr_by_config(struct vst_dev *dev)
{
	unsigned int ctl = vst_cap(dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	vst_cfg_write16(dev, ctl, vst_cfg_read16(dev, ctl) | PCI_EXP_DEVCTL_BCR_FLR);
	return 0;
}

static int d3hot_and_back(struct vst_dev *dev)
{
	vst_power(dev, 3);
	vst_power(dev, 0);
	return 0;
}

/* By @n files that are said to be groups; @n may be a lie. */
static int hot_reset_with(struct vst_dev *dev, const int *fds, unsigned int n)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int fds[8];
	} arg = {
		.reset = { .argsz = sizeof(arg.reset) + n * sizeof(int), .count = n },
	};

	memcpy(arg.fds, fds, (n < 8 ? n : 8) * sizeof(int));
	return __vst_ioctl(dev, VFIO_DEVICE_PCI_HOT_RESET, &arg);
}

/* uapi: DEVICE.RESET */
FIXTURE(reset) {
	struct vst_dev *dev;
	struct vst_buf buf;
	struct vst_uart u;
	u32 resets;
};

FIXTURE_VARIANT(reset) {
	int (*go)(struct vst_dev *dev);
};

FIXTURE_VARIANT_ADD(reset, flr_by_ioctl) { .go = flr_by_ioctl };
FIXTURE_VARIANT_ADD(reset, flr_by_config) { .go = flr_by_config };
FIXTURE_VARIANT_ADD(reset, d3hot_and_back) { .go = d3hot_and_back };

static u32 resets(struct vst_dev *dev)
{
	return vst_read32(dev, CTRL, VLAB_SERIAL_RESETS);
}

FIXTURE_SETUP(reset)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	vst_master(self->dev, true);
	self->buf = vst_buf(self->dev->iommu, BUF_SIZE, VST_RW);
	self->u = vst_uart(self->dev, 0);
	vst_uart_setup(&self->u, 1);
	self->resets = resets(self->dev);
}

FIXTURE_TEARDOWN(reset)
{
	vst_close(self->dev);
}

/* Half of the buffer to the other, for as good as ever. */
static void start_endless(struct vst_dev *dev, const struct vst_buf *buf)
{
	vst_dma_start(dev, &(struct vst_dma) {
		.src = buf->iova,
		.dst = buf->iova + HALF,
		.len = HALF,
		.flags = VLAB_DMA_CTRL_IRQ,
		.vector = 1,
		.count = UINT32_MAX,
	});
	vst_assert(vst_until(vst_dma_read64(dev, VLAB_DMA_DONE), VST_DEADLINE_MS));
}

static void ring_set(struct vst_dev *dev, unsigned int reg, u64 val)
{
	if (reg == VLAB_RING_TX_BASE || reg == VLAB_RING_RX_BASE)
		vst_write64(dev, CTRL, VLAB_SERIAL_RING + reg, val);
	else
		vst_write32(dev, CTRL, VLAB_SERIAL_RING + reg, val);
}

static u32 ring_get(struct vst_dev *dev, unsigned int reg)
{
	return vst_read32(dev, CTRL, VLAB_SERIAL_RING + reg);
}

static void start_rings(struct vst_dev *dev, const struct vst_buf *buf)
{
	ring_set(dev, VLAB_RING_TX_BASE, buf->iova);
	ring_set(dev, VLAB_RING_TX_SIZE, HALF);
	ring_set(dev, VLAB_RING_RX_BASE, buf->iova + HALF);
	ring_set(dev, VLAB_RING_RX_SIZE, HALF);
	ring_set(dev, VLAB_RING_CTRL,
		 VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX | VLAB_RING_CTRL_IRQ);
}

/* Nothing writes to @va any more: other transfers come and go meanwhile. */
static bool stays_zero(struct vst_dev *dev, const struct vst_buf *buf, size_t off, size_t len)
{
	memset(buf->va + off, 0, len);
	vst_dma_run(dev, &(struct vst_dma) {
		.src = buf->iova,
		.dst = buf->iova + VST_PAGE,
		.len = VST_PAGE,
		.count = 100,
	});
	return !buf->va[off] && vst_differs(buf->va + off, buf->va + off + 1, len - 1) < 0;
}

/* ---- the reset state, as the specs have it ---- */

static void check_port(struct __test_metadata *_metadata, const struct vst_uart *u)
{
	EXPECT_EQ(0, vst_in(u, UART_IER));
	EXPECT_EQ(UART_IIR_NO_INT, vst_in(u, UART_IIR));
	EXPECT_EQ(0, vst_in(u, UART_LCR));
	EXPECT_EQ(0, vst_in(u, UART_MCR));
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, vst_in(u, UART_LSR));
	EXPECT_EQ(0, vst_in(u, UART_SCR));
	vst_out(u, UART_LCR, UART_LCR_DLAB);
	EXPECT_EQ(12, vst_in(u, UART_DLL));
	EXPECT_EQ(0, vst_in(u, UART_DLM));
}

static void check_engine(struct __test_metadata *_metadata, struct vst_dev *dev)
{
	EXPECT_EQ(VLAB_DMA_MAGIC, vst_dma_read32(dev, VLAB_DMA_ID));
	EXPECT_EQ(0, vst_dma_read32(dev, VLAB_DMA_CTRL));
	EXPECT_EQ(0, vst_dma_read32(dev, VLAB_DMA_STATUS));
	EXPECT_EQ(0, vst_dma_read32(dev, VLAB_DMA_ERROR));
	EXPECT_EQ(0, vst_dma_read64(dev, VLAB_DMA_SRC));
	EXPECT_EQ(0, vst_dma_read64(dev, VLAB_DMA_DST));
	EXPECT_EQ(0, vst_dma_read64(dev, VLAB_DMA_LEN));
	EXPECT_EQ(0, vst_dma_read64(dev, VLAB_DMA_DONE));
	EXPECT_EQ(UINT64_MAX, vst_dma_read64(dev, VLAB_DMA_FAULT));
	EXPECT_EQ(1, vst_dma_read32(dev, VLAB_DMA_COUNT));
	EXPECT_EQ(0, vst_dma_read32(dev, VLAB_DMA_VECTOR));
	EXPECT_EQ(0, vst_dma_read32(dev, VLAB_DMA_FAULTS));
}

static void check_rings(struct __test_metadata *_metadata, struct vst_dev *dev)
{
	EXPECT_EQ(0, ring_get(dev, VLAB_RING_CTRL));
	EXPECT_EQ(0, ring_get(dev, VLAB_RING_STATUS));
	EXPECT_EQ(0, ring_get(dev, VLAB_RING_TX_BASE));
	EXPECT_EQ(0, ring_get(dev, VLAB_RING_TX_SIZE));
	EXPECT_EQ(0, ring_get(dev, VLAB_RING_TX_HEAD));
	EXPECT_EQ(0, ring_get(dev, VLAB_RING_TX_TAIL));
	EXPECT_EQ(0, ring_get(dev, VLAB_RING_RX_HEAD));
	EXPECT_EQ(UINT32_MAX, ring_get(dev, VLAB_RING_FAULT));
}

/* ---- what is back ---- */

TEST_F(reset, is_one_reset)
{
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(self->resets + 1, resets(self->dev));
}

/* mtty: 9 */
TEST_F(reset, port_registers_are_back)
{
	vst_out(&self->u, UART_IER, 0x0f);
	vst_out(&self->u, UART_SCR, 0x5a);
	ASSERT_EQ(0, variant->go(self->dev));
	check_port(_metadata, &self->u);
}

TEST_F(reset, characters_are_gone)
{
	vst_uart_send(&self->u, "abcdef", 6);
	ASSERT_NE(0, vst_in(&self->u, UART_LSR) & UART_LSR_DR);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, vst_in(&self->u, UART_LSR));
}

TEST_F(reset, characters_under_way_are_gone)
{
	struct vst_uart paced = vst_uart(self->dev, 1);
	unsigned int i;

	vst_uart_setup(&paced, 0x300);
	for (i = 0; i < 16; i++)
		vst_out(&paced, UART_TX, i);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, vst_in(&paced, UART_LSR));
	vst_uart_setup(&paced, 1);
	vst_uart_send(&paced, "x", 1);
	EXPECT_EQ('x', ({ u8 c; vst_uart_recv(&paced, &c, 1); c; }));
}

TEST_F(reset, engine_registers_are_back)
{
	vst_dma_run(self->dev, &(struct vst_dma) {
		.src = self->buf.iova, .dst = self->buf.iova + HALF, .len = 64,
		.count = 2, .vector = 1, .flags = VLAB_DMA_CTRL_IRQ,
	});
	ASSERT_EQ(0, variant->go(self->dev));
	check_engine(_metadata, self->dev);
}

TEST_F(reset, latched_error_is_gone)
{
	u64 nowhere = vst_iova(self->dev->iommu, VST_PAGE);

	ASSERT_EQ(-EIO, __vst_dma_run(self->dev, &(struct vst_dma) {
		.src = nowhere, .dst = self->buf.iova, .len = 64 }));
	ASSERT_EQ(1, vst_dma_read32(self->dev, VLAB_DMA_FAULTS));
	ASSERT_EQ(0, variant->go(self->dev));
	check_engine(_metadata, self->dev);
}

TEST_F(reset, ring_registers_are_back)
{
	start_rings(self->dev, &self->buf);
	ring_set(self->dev, VLAB_RING_TX_TAIL, 4);
	ASSERT_TRUE(vst_until(ring_get(self->dev, VLAB_RING_RX_HEAD) == 4, VST_DEADLINE_MS));
	ASSERT_EQ(0, variant->go(self->dev));
	check_rings(_metadata, self->dev);
}

TEST_F(reset, liveness_is_back)
{
	vst_write32(self->dev, CTRL, VLAB_SERIAL_LIVENESS, 0x1234);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(0, vst_read32(self->dev, CTRL, VLAB_SERIAL_LIVENESS));
}

TEST_F(reset, card_memory_is_kept)
{
	vst_write32(self->dev, CTRL, VLAB_SERIAL_MEM + 0x100, 0xfeedface);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(0xfeedface, vst_read32(self->dev, CTRL, VLAB_SERIAL_MEM + 0x100));
}

/* The kernel saves and restores these around each of the four. */
TEST_F(reset, config_space_is_as_before)
{
	u32 header[16], after;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(header); i++)
		header[i] = vst_cfg_read32(self->dev, i * 4);
	ASSERT_EQ(0, variant->go(self->dev));
	for (i = 0; i < ARRAY_SIZE(header); i++) {
		after = vst_cfg_read32(self->dev, i * 4);
		EXPECT_EQ(header[i], after)
			TH_LOG("config offset %#x", i * 4);
	}
}

/* ---- interrupts ---- */

/* mtty: 9 */
TEST_F(reset, cause_is_gone)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(self->dev, INTX, 0, 1, &fd);
	vst_out(&self->u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(1, vst_event_wait(fd));
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(0, vst_read32(self->dev, CTRL, VLAB_SERIAL_IRQ_STATUS));
	EXPECT_EQ(0, vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(fd));
}

TEST_F(reset, line_interrupts_again)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(self->dev, INTX, 0, 1, &fd);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(0, vst_event_count(fd));
	vst_out(&self->u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(1, vst_event_wait(fd));
}

TEST_F(reset, armed_messages_are_sent_again)
{
	int fd[3] = { vst_eventfd(), vst_eventfd(), vst_eventfd() };
	unsigned int i;

	vst_irq_eventfds(self->dev, MSIX, 0, 3, fd);
	ASSERT_EQ(0, variant->go(self->dev));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, vst_event_count(fd[i]));
		vst_dma_write32(self->dev, VLAB_DMA_SEND, i);
		EXPECT_EQ(1, vst_event_wait(fd[i]));
	}
}

TEST_F(reset, pending_message_is_forgotten)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(self->dev, MSIX, 0, 1, &fd);
	vst_master(self->dev, false);
	vst_dma_write32(self->dev, VLAB_DMA_SEND, 0);
	ASSERT_EQ(0, variant->go(self->dev));
	vst_master(self->dev, true);
	EXPECT_EQ(0, vst_event_count(fd));
	vst_dma_write32(self->dev, VLAB_DMA_SEND, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
}

/* ---- at work ---- */

TEST_F(reset, transfer_ends_and_no_byte_lands_after)
{
	int fd[2] = { vst_eventfd(), vst_eventfd() };

	vst_irq_eventfds(self->dev, MSIX, 0, 2, fd);
	vst_fill(self->buf.va, HALF, 1);
	start_endless(self->dev, &self->buf);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	EXPECT_TRUE(stays_zero(self->dev, &self->buf, HALF, HALF));
	EXPECT_EQ(0, vst_event_count(fd[1]));
}

TEST_F(reset, rings_end_and_no_byte_lands_after)
{
	vst_fill(self->buf.va, HALF, 2);
	start_rings(self->dev, &self->buf);
	ring_set(self->dev, VLAB_RING_TX_TAIL, HALF - 1);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(0, ring_get(self->dev, VLAB_RING_CTRL));
	EXPECT_TRUE(stays_zero(self->dev, &self->buf, HALF, HALF));
}

TEST_F(reset, engine_works_again)
{
	start_endless(self->dev, &self->buf);
	ASSERT_EQ(0, variant->go(self->dev));
	vst_fill(self->buf.va, HALF, 3);
	vst_dma_run(self->dev, &(struct vst_dma) {
		.src = self->buf.iova, .dst = self->buf.iova + HALF, .len = HALF });
	EXPECT_EQ(-1, vst_differs(self->buf.va, self->buf.va + HALF, HALF));
}

TEST_F(reset, ten_in_a_row_at_work)
{
	int i;

	for (i = 0; i < 10; i++) {
		start_endless(self->dev, &self->buf);
		ASSERT_EQ(0, variant->go(self->dev));
	}
	EXPECT_EQ(self->resets + 10, resets(self->dev));
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
}

TEST_F(reset, mapped_memory_is_there_again)
{
	u64 off = self->dev->region[CTRL].area[0].offset;
	u8 *mem = vst_mmap(self->dev, CTRL, off, VST_PAGE), val;

	mem[0] = 0x77;
	ASSERT_EQ(0, variant->go(self->dev));
	ASSERT_EQ(0, __vst_peek(mem, &val, 1));
	EXPECT_EQ(val, vst_read8(self->dev, CTRL, off));
	mem[1] = 0x55;
	EXPECT_EQ(0x55, vst_read8(self->dev, CTRL, off + 1));
	munmap(mem, VST_PAGE);
}

TEST_F(reset, works_with_memory_off)
{
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	ASSERT_EQ(0, variant->go(self->dev));
	EXPECT_EQ(0, vst_cfg_read16(self->dev, PCI_COMMAND) & PCI_COMMAND_MEMORY);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(self->resets + 1, resets(self->dev));
}

TEST_F(reset, mappings_of_the_iommu_stay)
{
	ASSERT_EQ(0, variant->go(self->dev));
	vst_dma_run(self->dev, &(struct vst_dma) {
		.src = self->buf.iova, .dst = self->buf.iova + HALF, .len = HALF });
	EXPECT_EQ(HALF, vst_dma_read64(self->dev, VLAB_DMA_DONE));
}

/* ---- D3hot itself ---- */

/* uapi: REGION.CONFIG */
FIXTURE(d3hot) {
	struct vst_dev *dev;
	struct vst_buf buf;
};

FIXTURE_SETUP(d3hot)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	vst_master(self->dev, true);
	self->buf = vst_buf(self->dev->iommu, BUF_SIZE, VST_RW);
}

FIXTURE_TEARDOWN(d3hot)
{
	vst_close(self->dev);
}

static unsigned int power_state(struct vst_dev *dev)
{
	return vst_cfg_read16(dev, vst_cap(dev, PCI_CAP_ID_PM) + PCI_PM_CTRL) &
	       PCI_PM_CTRL_STATE_MASK;
}

TEST_F(d3hot, is_told_by_the_power_register)
{
	EXPECT_EQ(0, power_state(self->dev));
	vst_power(self->dev, 3);
	EXPECT_EQ(3, power_state(self->dev));
	vst_power(self->dev, 0);
	EXPECT_EQ(0, power_state(self->dev));
}

TEST_F(d3hot, keeps_config_space_and_shuts_the_bars)
{
	u32 val;

	vst_power(self->dev, 3);
	EXPECT_EQ(VLAB_VENDOR, vst_cfg_read16(self->dev, PCI_VENDOR_ID));
	EXPECT_EQ(-EIO, __vst_read(self->dev, CTRL, VLAB_SERIAL_ID, &val, sizeof(val)));
	EXPECT_EQ(-EIO, __vst_write(self->dev, CTRL, VLAB_SERIAL_LIVENESS, &val, sizeof(val)));
	vst_power(self->dev, 0);
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, CTRL, VLAB_SERIAL_ID));
}

TEST_F(d3hot, transfer_writes_nothing_more)
{
	unsigned int i;

	vst_fill(self->buf.va, HALF, 4);
	start_endless(self->dev, &self->buf);
	vst_power(self->dev, 3);
	memset(self->buf.va + HALF, 0, HALF);
	for (i = 0; i < 100; i++)
		vst_cfg_read32(self->dev, 0);
	EXPECT_EQ(0, self->buf.va[HALF]);
	EXPECT_EQ(-1, vst_differs(self->buf.va + HALF, self->buf.va + HALF + 1, HALF - 1));
}

TEST_F(d3hot, without_reset_in_between_is_one_reset)
{
	u32 before = resets(self->dev);

	vst_power(self->dev, 3);
	vst_power(self->dev, 3);
	vst_power(self->dev, 0);
	vst_power(self->dev, 0);
	EXPECT_EQ(before + 1, resets(self->dev));
}

TEST_F(d3hot, reset_from_there_ends_in_d0)
{
	vst_power(self->dev, 3);
	ASSERT_EQ(0, __vst_reset(self->dev));
	EXPECT_EQ(0, power_state(self->dev));
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, CTRL, VLAB_SERIAL_ID));
}

TEST_F(d3hot, closed_there_opens_in_d0)
{
	vst_power(self->dev, 3);
	vst_close(self->dev);
	self->dev = vst_open(vst_bdf());
	EXPECT_EQ(0, power_state(self->dev));
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, CTRL, VLAB_SERIAL_ID));
}

TEST_F(d3hot, d1_and_d2_do_not_exist)
{
	vst_write32(self->dev, CTRL, VLAB_SERIAL_LIVENESS, 1);
	vst_power(self->dev, 1);
	EXPECT_EQ(0, power_state(self->dev));
	vst_power(self->dev, 2);
	EXPECT_EQ(0, power_state(self->dev));
	EXPECT_EQ(~1u, vst_read32(self->dev, CTRL, VLAB_SERIAL_LIVENESS));
}

TEST_F(d3hot, character_that_arrives_there_interrupts_nobody)
{
	struct vst_uart paced = vst_uart(self->dev, 1);
	int fd[2] = { vst_eventfd(), vst_eventfd() };
	u8 byte;

	vst_irq_eventfds(self->dev, MSIX, 0, 2, fd);
	vst_uart_setup(&paced, 1152);	/* 100 ms each */
	vst_out(&paced, UART_IER, UART_IER_RDI);
	vst_out(&paced, UART_TX, 'x');
	vst_power(self->dev, 3);
	EXPECT_EQ(-ETIMEDOUT, __vst_event_wait(fd[1], 200));
	vst_power(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(fd[1]));
	vst_uart_setup(&paced, 1);
	vst_out(&paced, UART_IER, UART_IER_RDI);
	vst_out(&paced, UART_TX, 'y');
	EXPECT_EQ(1, vst_event_wait(fd[1]));
	vst_uart_recv(&paced, &byte, 1);
	EXPECT_EQ('y', byte);
}

/* ---- FLR itself ---- */

/* uapi: DEVICE.RESET */
FIXTURE(flr) {
	struct vst_dev *dev;
};

FIXTURE_SETUP(flr)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
}

FIXTURE_TEARDOWN(flr)
{
	vst_close(self->dev);
}

TEST_F(flr, bit_reads_zero)
{
	unsigned int ctl = vst_cap(self->dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	flr_by_config(self->dev);
	EXPECT_EQ(0, vst_cfg_read16(self->dev, ctl) & PCI_EXP_DEVCTL_BCR_FLR);
}

TEST_F(flr, other_bits_of_its_register_reset_nothing)
{
	unsigned int ctl = vst_cap(self->dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	u32 before = resets(self->dev);

	vst_cfg_write16(self->dev, ctl, 0x7fff);
	vst_cfg_write16(self->dev, ctl, 0);
	EXPECT_EQ(before, resets(self->dev));
}

TEST_F(flr, leaves_no_transaction_pending)
{
	unsigned int sta = vst_cap(self->dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVSTA;
	struct vst_buf buf = vst_buf(self->dev->iommu, BUF_SIZE, VST_RW);

	vst_master(self->dev, true);
	start_endless(self->dev, &buf);
	vst_reset(self->dev);
	EXPECT_EQ(0, vst_cfg_read16(self->dev, sta) & PCI_EXP_DEVSTA_TRPND);
	vst_buf_free(&buf);
}

/* uapi: DEVICE.FLAGS_RESET, mtty: 9 */
TEST_F(flr, device_info_offers_it)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info);
	EXPECT_NE(0, info.flags & VFIO_DEVICE_FLAGS_RESET);
}

TEST_F(flr, leaves_the_neighbour_alone)
{
	struct vst_card card;
	struct vst_dev *other;

	vst_card_plug(&card, "ports=1");
	other = vst_open_in(card.bdf[0], self->dev->iommu);
	vst_write32(other, CTRL, VLAB_SERIAL_LIVENESS, 7);
	vst_reset(self->dev);
	EXPECT_EQ(~7u, vst_read32(other, CTRL, VLAB_SERIAL_LIVENESS));
	vst_close(other);
	vst_card_destroy(&card);
}

/* No capability at all (serial.rst 2.2): alone in its slot, it is reset with that. */
/* uapi: DEVICE.RESET DEVICE.FLAGS_RESET */
TEST(card_with_no_way_of_its_own_is_reset_by_its_slot)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vst_card card;
	struct vst_dev *dev;
	struct vst_uart u;

	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	vst_card_plug(&card, "personality=qemu4x", "ports=4");
	dev = vst_open(card.bdf[0]);
	u = vst_uart(dev, 3);
	vst_out(&u, UART_SCR, 0x5a);
	vst_ioctl(dev, VFIO_DEVICE_GET_INFO, &info);
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_RESET);
	EXPECT_EQ(0, __vst_reset(dev));
	EXPECT_EQ(0, vst_in(&u, UART_SCR));
	vst_out(&u, UART_SCR, 0xa5);
	EXPECT_EQ(0xa5, vst_in(&u, UART_SCR));
	vst_close(dev);
	vst_card_destroy(&card);
}

/* ---- hot reset ---- */

FIXTURE(hot) {
	struct vst_dev *dev;
	struct vst_buf buf;
	struct vst_uart u;
};

FIXTURE_SETUP(hot)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	vst_master(self->dev, true);
	self->buf = vst_buf(self->dev->iommu, BUF_SIZE, VST_RW);
	self->u = vst_uart(self->dev, 0);
}

FIXTURE_TEARDOWN(hot)
{
	vst_close(self->dev);
}

/* uapi: HOT_RESET.DO */
TEST_F(hot, puts_everything_back)
{
	u32 before = resets(self->dev), bar = vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_2);
	int fd = vst_eventfd();

	vst_irq_eventfds(self->dev, INTX, 0, 1, &fd);
	vst_uart_setup(&self->u, 1);
	vst_uart_send(&self->u, "abc", 3);
	vst_out(&self->u, UART_IER, 0x0f);
	vst_out(&self->u, UART_SCR, 0x5a);
	start_rings(self->dev, &self->buf);
	EXPECT_EQ(-EIO, __vst_dma_run(self->dev, &(struct vst_dma) {
		.src = vst_iova(self->dev->iommu, VST_PAGE), .len = 1 }));
	vst_write32(self->dev, CTRL, VLAB_SERIAL_LIVENESS, 0x1234);
	EXPECT_EQ(1, vst_event_wait(fd));

	vst_hot_reset(self->dev);
	EXPECT_EQ(before + 1, resets(self->dev));
	check_port(_metadata, &self->u);
	check_engine(_metadata, self->dev);
	check_rings(_metadata, self->dev);
	EXPECT_EQ(0, vst_read32(self->dev, CTRL, VLAB_SERIAL_LIVENESS));
	EXPECT_EQ(bar, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_2));
	EXPECT_NE(0, vst_cfg_read16(self->dev, PCI_COMMAND) & PCI_COMMAND_MASTER);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(fd));
	vst_out(&self->u, UART_LCR, 0);
	vst_out(&self->u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(1, vst_event_wait(fd));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot, ends_a_card_at_work_and_it_works_again)
{
	u64 off = self->dev->region[CTRL].area[0].offset;
	u8 *mem = vst_mmap(self->dev, CTRL, off, VST_PAGE);
	int fd[2] = { vst_eventfd(), vst_eventfd() };

	mem[0] = 0x77;
	vst_fill(self->buf.va, HALF, 5);
	vst_irq_eventfds(self->dev, MSIX, 0, 2, fd);
	start_endless(self->dev, &self->buf);
	vst_hot_reset(self->dev);
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	EXPECT_TRUE(stays_zero(self->dev, &self->buf, HALF, HALF));
	EXPECT_EQ(0, vst_event_count(fd[1]));
	vst_dma_write32(self->dev, VLAB_DMA_SEND, 1);
	EXPECT_EQ(1, vst_event_wait(fd[1]));
	EXPECT_EQ(0x77, mem[0]);
	munmap(mem, VST_PAGE);
}

struct affected {
	struct vfio_pci_hot_reset_info info;
	struct vfio_pci_dependent_device dev[8];
};

static int get_affected(struct vst_dev *dev, struct affected *a, unsigned int room)
{
	*a = (struct affected){
		.info.argsz = sizeof(a->info) + room * sizeof(a->dev[0]),
	};
	return __vst_ioctl(dev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, a);
}

/* uapi: HOT_RESET.INFO */
TEST_F(hot, info_names_this_function)
{
	unsigned int domain, bus, slot, fn;
	struct affected a;
	int n;

	ASSERT_EQ(0, get_affected(self->dev, &a, 8));
	ASSERT_EQ(1, a.info.count);
	n = sscanf(vst_bdf(), "%x:%x:%x.%x", &domain, &bus, &slot, &fn);
	ASSERT_EQ(4, n);
	EXPECT_EQ((u16)domain, a.dev[0].segment);	/* that is all there is room for */
	EXPECT_EQ(bus, a.dev[0].bus);
	EXPECT_EQ(slot << 3 | fn, a.dev[0].devfn);
}

/* uapi: HOT_RESET.INFO */
TEST_F(hot, info_names_the_group)
{
	struct affected a;

	VST_NEEDS(VST_CAN_GROUP);
	ASSERT_EQ(0, get_affected(self->dev, &a, 8));
	EXPECT_EQ(0, a.info.flags);
	EXPECT_EQ(vst_group(vst_bdf()), (int)a.dev[0].group_id);
}

/* uapi: HOT_RESET.INFO */
TEST_F(hot, info_without_room_tells_how_much_is_needed)
{
	struct affected a;

	EXPECT_EQ(-ENOSPC, get_affected(self->dev, &a, 0));
	EXPECT_EQ(1, a.info.count);
}

/* uapi: HOT_RESET.INFO */
TEST_F(hot, info_with_short_argsz_is_refused)
{
	struct vfio_pci_hot_reset_info info = { .argsz = sizeof(info) - 1 };

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot, without_groups_is_refused)
{
	u32 before = resets(self->dev);

	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(-EINVAL, hot_reset_with(self->dev, NULL, 0));
	EXPECT_EQ(before, resets(self->dev));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot, with_a_closed_file_is_refused)
{
	u32 before = resets(self->dev);
	int closed = dup(vst_group_fd(self->dev));

	VST_NEEDS(VST_CAN_GROUP);
	close(closed);
	EXPECT_EQ(-EBADF, hot_reset_with(self->dev, &closed, 1));
	EXPECT_EQ(before, resets(self->dev));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot, with_a_file_that_is_no_group_is_refused)
{
	u32 before = resets(self->dev);
	int null = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EINVAL, hot_reset_with(self->dev, &null, 1));
	EXPECT_EQ(-EINVAL, hot_reset_with(self->dev, &self->dev->fd, 1));
	EXPECT_EQ(before, resets(self->dev));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot, with_more_groups_than_functions_is_refused)
{
	int fds[2] = { vst_group_fd(self->dev), vst_group_fd(self->dev) };
	u32 before = resets(self->dev);

	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(-EINVAL, hot_reset_with(self->dev, fds, 2));
	EXPECT_EQ(before, resets(self->dev));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot, with_flags_or_short_argsz_is_refused)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int fd;
	} arg = {
		.reset = { .argsz = sizeof(arg), .count = 1, .flags = 1 },
		.fd = vst_group_fd(self->dev),
	};
	u32 before = resets(self->dev);

	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_PCI_HOT_RESET, &arg));
	arg.reset.flags = 0;
	arg.reset.argsz = sizeof(arg.reset) - 1;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_PCI_HOT_RESET, &arg));
	EXPECT_EQ(before, resets(self->dev));
}

/* uapi: HOT_RESET.DO */
FIXTURE(hot_two) {
	struct vst_card card;
	struct vst_dev *one, *two;
};

FIXTURE_SETUP(hot_two)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_card_plug(&self->card, "ports=1");
	self->one = vst_open(vst_bdf());
	self->two = vst_open_in(self->card.bdf[0], self->one->iommu);
}

FIXTURE_TEARDOWN(hot_two)
{
	vst_close(self->two);
	vst_close(self->one);
	vst_card_destroy(&self->card);
}

TEST_F(hot_two, with_the_group_of_another_slot_is_refused)
{
	u32 before = resets(self->one);
	int group = vst_group_fd(self->two);

	VST_NEEDS(VST_CAN_GROUP);
	if (vst_group(vst_bdf()) == vst_group(self->card.bdf[0]))
		SKIP(return, "both are in one IOMMU group");
	EXPECT_EQ(-EINVAL, hot_reset_with(self->one, &group, 1));
	EXPECT_EQ(before, resets(self->one));
}

TEST_F(hot_two, leaves_the_next_slot_alone)
{
	u32 before = resets(self->two);

	vst_write32(self->two, CTRL, VLAB_SERIAL_LIVENESS, 9);
	vst_hot_reset(self->one);
	EXPECT_EQ(before, resets(self->two));
	EXPECT_EQ(~9u, vst_read32(self->two, CTRL, VLAB_SERIAL_LIVENESS));
}

/* A card of four functions, one port each, in one slot and one group. */
FIXTURE(hot_many) {
	struct vst_card card;
	struct vst_iommu *iommu;
	struct vst_dev *dev[4];
	struct vst_uart u[4];
};

FIXTURE_SETUP(hot_many)
{
	unsigned int i;

	VST_NEEDS(VST_CAN_VFIO);
	vst_card_plug(&self->card, "personality=mcs9922", "ports=4");
	ASSERT_EQ(4, self->card.nfns);
	self->iommu = vst_iommu_open();
	for (i = 0; i < 4; i++) {
		self->dev[i] = vst_open_in(self->card.bdf[i], self->iommu);
		self->u[i] = vst_uart(self->dev[i], 0);
		vst_out(&self->u[i], UART_SCR, 0x5a);
	}
}

FIXTURE_TEARDOWN(hot_many)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		vst_close(self->dev[i]);
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

/* uapi: HOT_RESET.INFO */
TEST_F(hot_many, info_names_every_function)
{
	struct affected a;
	unsigned int i, seen = 0;

	ASSERT_EQ(0, get_affected(self->dev[0], &a, 8));
	ASSERT_EQ(4, a.info.count);
	for (i = 0; i < 4; i++)
		seen |= 1 << (a.dev[i].devfn & 7);
	EXPECT_EQ(0xf, seen);
}

/* uapi: HOT_RESET.DO */
TEST_F(hot_many, resets_every_function)
{
	unsigned int i;

	vst_hot_reset(self->dev[2]);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, vst_in(&self->u[i], UART_SCR));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot_many, wakes_and_resets_a_function_that_sleeps)
{
	vst_power(self->dev[1], 3);
	vst_hot_reset(self->dev[2]);
	EXPECT_EQ(0, power_state(self->dev[1]));
	EXPECT_EQ(0, vst_in(&self->u[1], UART_SCR));
	EXPECT_EQ(0, vst_in(&self->u[2], UART_SCR));
}

/* uapi: DEVICE.RESET */
TEST_F(hot_many, function_resets_alone_by_its_power_state)
{
	ASSERT_EQ(0, __vst_reset(self->dev[2]));
	EXPECT_EQ(0x5a, vst_in(&self->u[1], UART_SCR));
	EXPECT_EQ(0, vst_in(&self->u[2], UART_SCR));
	EXPECT_EQ(0x5a, vst_in(&self->u[3], UART_SCR));
}

/* uapi: HOT_RESET.DO */
TEST_F(hot_many, is_refused_while_a_function_has_no_vfio_driver)
{
	vst_close(self->dev[3]);
	vst_bind(self->card.bdf[3], "");
	EXPECT_GT(0, __vst_hot_reset(self->dev[0]));
	EXPECT_EQ(0x5a, vst_in(&self->u[0], UART_SCR));
	vst_bind(self->card.bdf[3], VST_DRIVER);
	self->dev[3] = vst_open_in(self->card.bdf[3], self->iommu);
}

VST_MAIN("ports=4", "port1/pace=line")
