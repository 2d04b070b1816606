// SPDX-License-Identifier: GPL-2.0-only
/*
 * Serial by DMA: a ring of bytes per direction (serial.rst, the rings). Port 0
 * and 2 have a loopback plug, port 1 the same at the pace of its line.
 */
#include <linux/serial_reg.h>
#include <string.h>

#include "kselftest_harness.h"
#include "vst.h"

#define BUF_SIZE	(32 * VST_PAGE)
#define RX_AT		(16 * VST_PAGE)	/* of the receive ring in the buffer */
#define SMALL		16		/* the smallest ring */
#define MANY		600		/* more than a ring and all that waits for it */
#define BIG		(16 * VST_PAGE)
#define NO_FAULT	UINT64_MAX

/* ---- registers of a port's rings ---- */

struct rings {
	struct vst_dev *dev;
	unsigned int port;
};

static u64 at(const struct rings *r, unsigned int reg)
{
	return VLAB_SERIAL_RING + r->port * VLAB_SERIAL_RING_STRIDE + reg;
}

static u32 get32(const struct rings *r, unsigned int reg)
{
	return vst_read32(r->dev, VLAB_SERIAL_BAR_CTRL, at(r, reg));
}

static void set32(const struct rings *r, unsigned int reg, u32 val)
{
	vst_write32(r->dev, VLAB_SERIAL_BAR_CTRL, at(r, reg), val);
}

static u64 get64(const struct rings *r, unsigned int reg)
{
	return vst_read64(r->dev, VLAB_SERIAL_BAR_CTRL, at(r, reg));
}

static void set64(const struct rings *r, unsigned int reg, u64 val)
{
	vst_write64(r->dev, VLAB_SERIAL_BAR_CTRL, at(r, reg), val);
}

static void set_tx(const struct rings *r, u64 base, u32 size)
{
	set64(r, VLAB_RING_TX_BASE, base);
	set32(r, VLAB_RING_TX_SIZE, size);
}

static void set_rx(const struct rings *r, u64 base, u32 size)
{
	set64(r, VLAB_RING_RX_BASE, base);
	set32(r, VLAB_RING_RX_SIZE, size);
}

static bool becomes(const struct rings *r, unsigned int reg, u32 val)
{
	return vst_until(get32(r, reg) == val, VST_DEADLINE_MS);
}

static bool status_has(const struct rings *r, u32 bits)
{
	return vst_until((get32(r, VLAB_RING_STATUS) & bits) == bits, VST_DEADLINE_MS);
}

static void clear_status(const struct rings *r)
{
	set32(r, VLAB_RING_STATUS, UINT32_MAX);
}

FIXTURE(ring) {
	struct vst_dev *dev;
	struct vst_buf buf;
	struct rings r;
	struct vst_uart u;
	u64 tx, rx;		/* IOVAs */
	u8 *sent, *got;		/* the same, seen from here */
};

FIXTURE_SETUP(ring)
{
	VST_NEEDS(VST_CAN_DMA);
	self->dev = vst_open(vst_bdf());
	vst_master(self->dev, true);
	self->buf = vst_buf(self->dev->iommu, BUF_SIZE, VST_RW);
	self->r = (struct rings){ self->dev, 0 };
	self->u = vst_uart(self->dev, 0);
	vst_uart_setup(&self->u, 1);
	self->tx = self->buf.iova;
	self->rx = self->buf.iova + RX_AT;
	self->sent = self->buf.va;
	self->got = self->buf.va + RX_AT;
}

FIXTURE_TEARDOWN(ring)
{
	vst_close(self->dev);
}

/* Both rings of a size, on. */
#define start(self, size) do {						\
	set_tx(&(self)->r, (self)->tx, size);				\
	set_rx(&(self)->r, (self)->rx, size);				\
	set32(&(self)->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);	\
} while (0)

/* ---- what goes well ---- */

TEST_F(ring, reset_state_is_off_and_empty)
{
	EXPECT_EQ(0, get64(&self->r, VLAB_RING_TX_BASE));
	EXPECT_EQ(0, get64(&self->r, VLAB_RING_RX_BASE));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_TX_SIZE));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_RX_SIZE));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_TX_HEAD));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_TX_TAIL));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_RX_HEAD));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_RX_TAIL));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_CTRL));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_STATUS));
	EXPECT_EQ(NO_FAULT, get64(&self->r, VLAB_RING_FAULT));
}

TEST_F(ring, bytes_go_from_ring_to_ring)
{
	vst_fill(self->sent, 100, 1);
	start(self, 128);
	set32(&self->r, VLAB_RING_TX_TAIL, 100);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 100));
	EXPECT_EQ(100, get32(&self->r, VLAB_RING_TX_HEAD));
	EXPECT_EQ(-1, vst_differs(self->sent, self->got, 100));
	EXPECT_EQ(0, self->got[100]);
}

TEST_F(ring, nearly_64_kib_arrive_whole)
{
	vst_fill(self->sent, BIG - 1, 2);
	start(self, BIG);
	set32(&self->r, VLAB_RING_TX_TAIL, BIG - 1);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, BIG - 1));
	EXPECT_EQ(-1, vst_differs(self->sent, self->got, BIG - 1));
}

TEST_F(ring, transmit_ring_alone_feeds_the_line)
{
	u8 got[40];

	vst_fill(self->sent, sizeof(got), 3);
	set_tx(&self->r, self->tx, 64);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX);
	set32(&self->r, VLAB_RING_TX_TAIL, sizeof(got));
	vst_uart_recv(&self->u, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(self->sent, got, sizeof(got)));
}

TEST_F(ring, receive_ring_alone_takes_from_the_line)
{
	u8 sent[40];

	vst_fill(sent, sizeof(sent), 4);
	set_rx(&self->r, self->rx, 64);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_RX);
	vst_uart_send(&self->u, sent, sizeof(sent));
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, sizeof(sent)));
	EXPECT_EQ(-1, vst_differs(sent, self->got, sizeof(sent)));
	EXPECT_EQ(0, vst_in(&self->u, UART_LSR) & UART_LSR_DR);
}

TEST_F(ring, holding_register_is_ignored_while_the_ring_transmits)
{
	start(self, SMALL);
	vst_out(&self->u, UART_TX, 'x');
	self->sent[0] = 'y';
	set32(&self->r, VLAB_RING_TX_TAIL, 1);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 1));
	EXPECT_EQ('y', self->got[0]);
}

TEST_F(ring, switched_off_the_fifos_are_back)
{
	u8 got;

	start(self, SMALL);
	set32(&self->r, VLAB_RING_CTRL, 0);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_CTRL));
	vst_out(&self->u, UART_TX, 'x');
	vst_uart_recv(&self->u, &got, 1);
	EXPECT_EQ('x', got);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_RX_HEAD));
}

TEST_F(ring, smallest_ring_wraps_and_wraps)
{
	unsigned int round, i;
	u32 pos = 0;

	start(self, SMALL);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 7; i++)
			self->sent[(pos + i) % SMALL] = round * 7 + i;
		pos = (pos + 7) % SMALL;
		set32(&self->r, VLAB_RING_TX_TAIL, pos);
		ASSERT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, pos));
		for (i = 0; i < 7; i++)
			EXPECT_EQ((u8)(round * 7 + i), self->got[(pos + SMALL - 7 + i) % SMALL]);
		set32(&self->r, VLAB_RING_RX_TAIL, pos);
	}
}

TEST_F(ring, base_may_be_any_address)
{
	const u64 off = VST_PAGE - 5;

	vst_fill(self->sent + off, SMALL, 5);
	set_tx(&self->r, self->tx + off, SMALL);
	set_rx(&self->r, self->rx + off, SMALL);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);
	set32(&self->r, VLAB_RING_TX_TAIL, SMALL - 1);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, SMALL - 1));
	EXPECT_EQ(-1, vst_differs(self->sent + off, self->got + off, SMALL - 1));
}

TEST_F(ring, ports_have_rings_of_their_own)
{
	struct rings other = { self->dev, 2 };
	struct vst_uart u = vst_uart(self->dev, 2);

	vst_uart_setup(&u, 1);
	start(self, SMALL);
	set_tx(&other, self->tx + VST_PAGE, 32);
	set_rx(&other, self->rx + VST_PAGE, 32);
	set32(&other, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);
	memset(self->sent, 'a', 8);
	memset(self->sent + VST_PAGE, 'b', 20);
	set32(&self->r, VLAB_RING_TX_TAIL, 8);
	set32(&other, VLAB_RING_TX_TAIL, 20);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 8));
	EXPECT_TRUE(becomes(&other, VLAB_RING_RX_HEAD, 20));
	EXPECT_EQ(0, memcmp(self->got, "aaaaaaaa", 9));
	EXPECT_EQ(0, memcmp(self->got + VST_PAGE, "bbbbbbbbbbbbbbbbbbbb", 21));
}

/* ---- empty, full ---- */

TEST_F(ring, empty_ring_says_so_once)
{
	start(self, SMALL);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_STATUS));
	set32(&self->r, VLAB_RING_TX_TAIL, 3);
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_TX_EMPTY | VLAB_RING_ST_RX_DATA));
	set32(&self->r, VLAB_RING_STATUS, VLAB_RING_ST_TX_EMPTY);
	EXPECT_EQ(VLAB_RING_ST_RX_DATA, get32(&self->r, VLAB_RING_STATUS));
	clear_status(&self->r);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_STATUS));
}

TEST_F(ring, tail_that_does_not_move_sends_nothing)
{
	start(self, SMALL);
	set32(&self->r, VLAB_RING_TX_TAIL, 0);
	set32(&self->r, VLAB_RING_TX_TAIL, 2);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 2));
	set32(&self->r, VLAB_RING_TX_TAIL, 2);
	EXPECT_EQ(2, get32(&self->r, VLAB_RING_RX_HEAD));
}

TEST_F(ring, full_ring_keeps_one_place_free_and_says_so)
{
	set_tx(&self->r, self->tx, 64);
	set_rx(&self->r, self->rx, SMALL);
	memset(self->sent, 'x', 40);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);
	set32(&self->r, VLAB_RING_TX_TAIL, 40);
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_RX_FULL));
	EXPECT_EQ(SMALL - 1, get32(&self->r, VLAB_RING_RX_HEAD));
	EXPECT_EQ('x', self->got[SMALL - 2]);
	EXPECT_EQ(0, self->got[SMALL - 1]);
}

TEST_F(ring, unpaced_line_loses_nothing_to_a_full_ring)
{
	u8 got[40];
	u32 tail = 0, head;
	unsigned int n = 0;

	set_tx(&self->r, self->tx, 64);
	set_rx(&self->r, self->rx, SMALL);
	vst_fill(self->sent, sizeof(got), 6);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);
	set32(&self->r, VLAB_RING_TX_TAIL, sizeof(got));
	while (n < sizeof(got)) {
		ASSERT_TRUE(vst_until((head = get32(&self->r, VLAB_RING_RX_HEAD)) != tail,
				      VST_DEADLINE_MS));
		for (; tail != head; tail = (tail + 1) % SMALL)
			got[n++] = self->got[tail];
		set32(&self->r, VLAB_RING_RX_TAIL, tail);
	}
	EXPECT_EQ(-1, vst_differs(self->sent, got, sizeof(got)));
}

TEST_F(ring, paced_line_loses_bytes_to_a_full_ring)
{
	struct rings r = { self->dev, 1 };
	struct vst_uart u = vst_uart(self->dev, 1);
	u32 tail = 0, sent = MANY;
	unsigned int n;

	vst_uart_setup(&u, 1);
	memset(self->sent, 'x', MANY);
	memset(self->sent + MANY, 'y', 1024 - MANY);
	set_tx(&r, self->tx, 1024);
	set_rx(&r, self->rx, SMALL);
	set32(&r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);
	set32(&r, VLAB_RING_TX_TAIL, MANY);
	EXPECT_TRUE(vst_until(vst_in(&u, UART_LSR) & UART_LSR_TEMT &&
			      get32(&r, VLAB_RING_TX_HEAD) == MANY, VST_DEADLINE_MS));
	EXPECT_TRUE(status_has(&r, VLAB_RING_ST_RX_FULL));
	/* Another y whenever the ring is empty: one may be lost behind what was on its way. */
	for (n = 0; ; n++) {
		if (get32(&r, VLAB_RING_RX_HEAD) == tail) {
			ASSERT_GT(1023, sent);
			set32(&r, VLAB_RING_TX_TAIL, ++sent);
			ASSERT_TRUE(vst_until(get32(&r, VLAB_RING_RX_HEAD) != tail,
					      VST_DEADLINE_MS));
		}
		if (self->got[tail] == 'y')
			break;
		tail = (tail + 1) % SMALL;
		set32(&r, VLAB_RING_RX_TAIL, tail);
	}
	EXPECT_LE(SMALL - 1, n);
	EXPECT_GT(MANY, n);
}

/* ---- interrupts ---- */

TEST_F(ring, interrupt_follows_the_status)
{
	int fd[4], i;

	for (i = 0; i < 4; i++)
		fd[i] = vst_eventfd();
	vst_irq_eventfds(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, 0, 4, fd);
	self->r.port = 2;
	self->u = vst_uart(self->dev, 2);
	vst_uart_setup(&self->u, 1);
	start(self, SMALL);
	set32(&self->r, VLAB_RING_CTRL,
	      VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX | VLAB_RING_CTRL_IRQ);
	set32(&self->r, VLAB_RING_TX_TAIL, 1);
	EXPECT_EQ(1, vst_event_wait(fd[2]));
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_TX_EMPTY | VLAB_RING_ST_RX_DATA));
	EXPECT_EQ(1 << 2, vst_read32(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_IRQ_STATUS));
	clear_status(&self->r);
	EXPECT_EQ(0, vst_read32(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_IRQ_STATUS));
	set32(&self->r, VLAB_RING_TX_TAIL, 2);
	EXPECT_EQ(1, vst_event_wait(fd[2]));
	EXPECT_EQ(0, vst_event_count(fd[0]) + vst_event_count(fd[1]) + vst_event_count(fd[3]));
}

TEST_F(ring, interrupt_needs_its_enable)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &fd);
	start(self, SMALL);
	set32(&self->r, VLAB_RING_TX_TAIL, 1);
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_TX_EMPTY | VLAB_RING_ST_RX_DATA));
	EXPECT_EQ(0, vst_event_count(fd));
	set32(&self->r, VLAB_RING_CTRL,
	      VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX | VLAB_RING_CTRL_IRQ);
	EXPECT_EQ(1, vst_event_wait(fd));
}

/* ---- what is wrong with a ring ---- */

FIXTURE(bad) {
	struct vst_dev *dev;
	struct rings r;
};

FIXTURE_VARIANT(bad) {
	u64 base;
	u32 size;
};

FIXTURE_VARIANT_ADD(bad, size_of_0) { 0x10000, 0 };
FIXTURE_VARIANT_ADD(bad, size_of_8) { 0x10000, 8 };
FIXTURE_VARIANT_ADD(bad, size_of_24) { 0x10000, 24 };
FIXTURE_VARIANT_ADD(bad, size_of_2_mib) { 0x10000, 0x200000 };
FIXTURE_VARIANT_ADD(bad, size_of_2_gib) { 0x10000, 0x80000000 };
FIXTURE_VARIANT_ADD(bad, end_past_2_to_64) { UINT64_MAX - 14, 16 };

FIXTURE_SETUP(bad)
{
	VST_NEEDS(VST_CAN_DMA);
	self->dev = vst_open(vst_bdf());
	vst_master(self->dev, true);
	self->r = (struct rings){ self->dev, 0 };
}

FIXTURE_TEARDOWN(bad)
{
	vst_close(self->dev);
}

TEST_F(bad, transmit_ring_stays_off_with_an_error)
{
	set_tx(&self->r, variant->base, variant->size);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_CTRL));
	EXPECT_EQ(VLAB_RING_ST_ERROR, get32(&self->r, VLAB_RING_STATUS));
	EXPECT_EQ(NO_FAULT, get64(&self->r, VLAB_RING_FAULT));
}

TEST_F(bad, receive_ring_stays_off_with_an_error)
{
	set_rx(&self->r, variant->base, variant->size);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_RX);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_CTRL));
	EXPECT_EQ(VLAB_RING_ST_ERROR, get32(&self->r, VLAB_RING_STATUS));
}

TEST_F(ring, tail_past_the_end_is_ignored)
{
	start(self, SMALL);
	set32(&self->r, VLAB_RING_TX_TAIL, SMALL);
	set32(&self->r, VLAB_RING_TX_TAIL, UINT32_MAX);
	set32(&self->r, VLAB_RING_RX_TAIL, SMALL);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_TX_TAIL));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_RX_TAIL));
	set32(&self->r, VLAB_RING_TX_TAIL, 1);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 1));
}

TEST_F(ring, tail_is_ignored_while_off)
{
	set_tx(&self->r, self->tx, SMALL);
	set32(&self->r, VLAB_RING_TX_TAIL, 4);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_TX_TAIL));
}

TEST_F(ring, heads_are_the_cards)
{
	start(self, SMALL);
	set32(&self->r, VLAB_RING_TX_HEAD, 5);
	set32(&self->r, VLAB_RING_RX_HEAD, 5);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_TX_HEAD));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_RX_HEAD));
}

TEST_F(ring, base_and_size_are_taken_when_it_is_switched_on)
{
	self->sent[0] = 'a';
	self->sent[VST_PAGE] = 'b';
	start(self, SMALL);
	set_tx(&self->r, self->tx + VST_PAGE, 64);
	set32(&self->r, VLAB_RING_TX_TAIL, 1);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 1));
	EXPECT_EQ('a', self->got[0]);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_RX);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_RX | VLAB_RING_CTRL_TX);
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_TX_HEAD));
	set32(&self->r, VLAB_RING_TX_TAIL, 1);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 2));
	EXPECT_EQ('b', self->got[1]);
}

/* ---- accesses that are denied ---- */

static u32 faults(struct vst_dev *dev)
{
	return vst_dma_read32(dev, VLAB_DMA_FAULTS);
}

TEST_F(ring, transmit_from_nowhere_stops_with_the_address)
{
	u64 nowhere = vst_iova(self->dev->iommu, VST_PAGE);

	set_tx(&self->r, nowhere, SMALL);
	set_rx(&self->r, self->rx, SMALL);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);
	set32(&self->r, VLAB_RING_TX_TAIL, 4);
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_ERROR));
	EXPECT_EQ(nowhere, get64(&self->r, VLAB_RING_FAULT));
	EXPECT_EQ(VLAB_RING_CTRL_RX, get32(&self->r, VLAB_RING_CTRL));
	EXPECT_EQ(1, faults(self->dev));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_RX_HEAD));
}

TEST_F(ring, receive_to_nowhere_stops_with_the_address)
{
	u64 nowhere = vst_iova(self->dev->iommu, VST_PAGE);

	set_rx(&self->r, nowhere, SMALL);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_RX);
	vst_out(&self->u, UART_TX, 'x');
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_ERROR));
	EXPECT_EQ(nowhere, get64(&self->r, VLAB_RING_FAULT));
	EXPECT_EQ(0, get32(&self->r, VLAB_RING_CTRL));
	EXPECT_EQ(1, faults(self->dev));
}

TEST_F(ring, receive_to_read_only_memory_stops)
{
	struct vst_buf ro = vst_buf(self->dev->iommu, VST_PAGE, VST_READ);

	set_rx(&self->r, ro.iova, SMALL);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_RX);
	vst_out(&self->u, UART_TX, 'x');
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_ERROR));
	EXPECT_EQ(ro.iova, get64(&self->r, VLAB_RING_FAULT));
	EXPECT_EQ(0, ro.va[0]);
	vst_buf_free(&ro);
}

TEST_F(ring, fault_names_the_page_where_mapped_memory_ends)
{
	struct vst_buf one = vst_buf(self->dev->iommu, VST_PAGE, VST_RW);

	set_tx(&self->r, one.iova + VST_PAGE - 8, SMALL);
	set_rx(&self->r, self->rx, 64);
	set32(&self->r, VLAB_RING_CTRL, VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX);
	set32(&self->r, VLAB_RING_TX_TAIL, 12);
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_ERROR));
	EXPECT_EQ(one.iova + VST_PAGE, get64(&self->r, VLAB_RING_FAULT));
	EXPECT_EQ(8, get32(&self->r, VLAB_RING_TX_HEAD));
	vst_buf_free(&one);
}

TEST_F(ring, stops_without_bus_master)
{
	start(self, SMALL);
	vst_master(self->dev, false);
	set32(&self->r, VLAB_RING_TX_TAIL, 4);
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_ERROR));
	EXPECT_EQ(self->tx, get64(&self->r, VLAB_RING_FAULT));
}

TEST_F(ring, works_again_after_an_error)
{
	vst_master(self->dev, false);
	start(self, SMALL);
	set32(&self->r, VLAB_RING_TX_TAIL, 4);
	ASSERT_TRUE(status_has(&self->r, VLAB_RING_ST_ERROR));
	vst_master(self->dev, true);
	clear_status(&self->r);
	EXPECT_EQ(NO_FAULT, get64(&self->r, VLAB_RING_FAULT));
	set32(&self->r, VLAB_RING_CTRL, 0);
	start(self, SMALL);
	self->sent[0] = 'x';
	set32(&self->r, VLAB_RING_TX_TAIL, 1);
	EXPECT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, 1));
	EXPECT_EQ('x', self->got[0]);
}

TEST_F(ring, unmap_at_work_stops_it)
{
	u32 head = 0, i;

	start(self, BIG);
	for (i = 0; i < 8; i++) {
		head = (head + BIG / 2) % BIG;
		set32(&self->r, VLAB_RING_TX_TAIL, head);
		ASSERT_TRUE(becomes(&self->r, VLAB_RING_RX_HEAD, head));
		set32(&self->r, VLAB_RING_RX_TAIL, head);
	}
	vst_unmap(self->dev->iommu, self->buf.iova, self->buf.size, NULL);
	set32(&self->r, VLAB_RING_TX_TAIL, head + 1);
	EXPECT_TRUE(status_has(&self->r, VLAB_RING_ST_ERROR));
}

/* An access that has begun may still end: Transactions Pending tells when. */
static bool transactions_end(struct vst_dev *dev)
{
	unsigned int sta = vst_cap(dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVSTA;

	return vst_until(!(vst_cfg_read16(dev, sta) & PCI_EXP_DEVSTA_TRPND), VST_DEADLINE_MS);
}

TEST_F(ring, switched_off_at_work_moves_no_byte_more)
{
	u32 head;

	vst_fill(self->sent, BIG, 7);
	start(self, BIG);
	set32(&self->r, VLAB_RING_TX_TAIL, BIG - 1);
	set32(&self->r, VLAB_RING_CTRL, 0);
	ASSERT_TRUE(transactions_end(self->dev));
	head = get32(&self->r, VLAB_RING_RX_HEAD);
	memset(self->got, 0, BIG);
	vst_dma_run(self->dev, &(struct vst_dma) {
		.src = self->tx,
		.dst = self->tx + RX_AT - VST_PAGE,
		.len = VST_PAGE,
		.count = 100,
	});
	EXPECT_EQ(head, get32(&self->r, VLAB_RING_RX_HEAD));
	EXPECT_EQ(0, self->got[0]);
	EXPECT_EQ(-1, vst_differs(self->got, self->got + 1, BIG - 1));
}

VST_MAIN("ports=3", "port1/pace=line")
