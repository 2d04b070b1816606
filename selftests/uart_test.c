// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ports, register by register, as serial.rst has them. Runs in a nested
 * guest too (VLAB_BACKEND=sysfs): only registers are touched.
 *
 * Port 0 has a loopback plug, port 1 the same at the pace of its line, port 2
 * nothing at all, port 3 a loopback plug again.
 */
#include <linux/serial_reg.h>
#include <string.h>
#include <time.h>

#include "kselftest_harness.h"
#include "vst.h"

#define PORTS		4
#define PLUG		0
#define PACED		1
#define OPEN		2
#define FIFO		16

#define BIT_NS		(1000000000ull / 115200)	/* of divisor 1 */
#define ERRORS		(UART_LSR_OE | UART_LSR_PE | UART_LSR_FE | UART_LSR_BI)
#define LCR_8E2		(UART_LCR_WLEN8 | UART_LCR_PARITY | UART_LCR_EPAR | UART_LCR_STOP)
#define IDLE		(UART_LSR_THRE | UART_LSR_TEMT)
#define IDS		0x0f

static u8 iir_id(const struct vst_uart *u)
{
	return vst_in(u, UART_IIR) & IDS;
}

static void send(const struct vst_uart *u, const void *buf, size_t len)
{
	const u8 *p = buf;

	while (len--)
		vst_out(u, UART_TX, *p++);
}

static bool has_data(const struct vst_uart *u)
{
	return vst_in(u, UART_LSR) & UART_LSR_DR;
}

static u8 recv_one(const struct vst_uart *u)
{
	u8 c;

	vst_uart_recv(u, &c, 1);
	return c;
}

static bool lsr_becomes(const struct vst_uart *u, u8 bits)
{
	return vst_until((vst_in(u, UART_LSR) & bits) == bits, VST_DEADLINE_MS);
}

static bool iir_becomes(const struct vst_uart *u, u8 id)
{
	return vst_until(iir_id(u) == id, VST_DEADLINE_MS);
}

static void set_divisor(const struct vst_uart *u, u16 divisor)
{
	u8 lcr = vst_in(u, UART_LCR);

	vst_out(u, UART_LCR, lcr | UART_LCR_DLAB);
	vst_out(u, UART_DLL, divisor & 0xff);
	vst_out(u, UART_DLM, divisor >> 8);
	vst_out(u, UART_LCR, lcr);
}

static u16 get_divisor(const struct vst_uart *u)
{
	u8 lcr = vst_in(u, UART_LCR);
	u16 divisor;

	vst_out(u, UART_LCR, lcr | UART_LCR_DLAB);
	divisor = vst_in(u, UART_DLL) | vst_in(u, UART_DLM) << 8;
	vst_out(u, UART_LCR, lcr);
	return divisor;
}

static void send_break(const struct vst_uart *u)
{
	u8 lcr = vst_in(u, UART_LCR);

	vst_out(u, UART_LCR, lcr | UART_LCR_SBC);
	vst_out(u, UART_LCR, lcr);
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

FIXTURE(port) {
	struct vst_dev *dev;
	struct vst_uart all[PORTS];
	struct vst_uart *u;		/* the one with the plug */
	struct vst_uart *paced;
	struct vst_uart *open;		/* nothing is connected to it */
};

FIXTURE_SETUP(port)
{
	unsigned int i;

	self->dev = vst_open(vst_bdf());
	vst_reset(self->dev);
	for (i = 0; i < PORTS; i++) {
		self->all[i] = vst_uart(self->dev, i);
		vst_uart_setup(&self->all[i], 1);
	}
	self->u = &self->all[PLUG];
	self->paced = &self->all[PACED];
	self->open = &self->all[OPEN];
}

FIXTURE_TEARDOWN(port)
{
	vst_close(self->dev);
}

/* ---- registers that just keep bits ---- */

TEST_F(port, reset_state_is_that_of_the_spec)
{
	unsigned int i;

	for (i = 0; i < PORTS; i++)
		vst_out(&self->all[i], UART_SCR, 0x5a);
	vst_reset(self->dev);
	for (i = 0; i < PORTS; i++) {
		struct vst_uart *u = &self->all[i];

		EXPECT_EQ(0, vst_in(u, UART_IER));
		EXPECT_EQ(UART_IIR_NO_INT, vst_in(u, UART_IIR));
		EXPECT_EQ(0, vst_in(u, UART_LCR));
		EXPECT_EQ(0, vst_in(u, UART_MCR));
		EXPECT_EQ(IDLE, vst_in(u, UART_LSR));
		EXPECT_EQ(0, vst_in(u, UART_MSR) & 0x0f);
		EXPECT_EQ(0, vst_in(u, UART_SCR));
		EXPECT_EQ(12, get_divisor(u));
	}
}

TEST_F(port, scratch_keeps_every_value)
{
	unsigned int val;

	for (val = 0; val < 256; val++) {
		vst_out(self->u, UART_SCR, val);
		EXPECT_EQ(val, vst_in(self->u, UART_SCR));
	}
}

TEST_F(port, scratch_is_each_ports_own)
{
	unsigned int i;

	for (i = 0; i < PORTS; i++)
		vst_out(&self->all[i], UART_SCR, 0x10 + i);
	for (i = 0; i < PORTS; i++)
		EXPECT_EQ(0x10 + i, vst_in(&self->all[i], UART_SCR));
}

TEST_F(port, interrupt_enable_keeps_four_bits)
{
	vst_out(self->u, UART_IER, 0xff);
	EXPECT_EQ(0x0f, vst_in(self->u, UART_IER));
	vst_out(self->u, UART_IER, 0);
	EXPECT_EQ(0, vst_in(self->u, UART_IER));
}

TEST_F(port, modem_control_keeps_five_bits)
{
	vst_out(self->u, UART_MCR, 0xff);
	EXPECT_EQ(0x1f, vst_in(self->u, UART_MCR));
	vst_out(self->u, UART_MCR, 0);
	EXPECT_EQ(0, vst_in(self->u, UART_MCR));
}

TEST_F(port, line_control_keeps_eight_bits)
{
	unsigned int bit;

	for (bit = 0; bit < 8; bit++) {
		vst_out(self->u, UART_LCR, 1 << bit);
		EXPECT_EQ(1 << bit, vst_in(self->u, UART_LCR));
	}
}

TEST_F(port, divisor_latch_keeps_sixteen_bits)
{
	unsigned int bit;

	for (bit = 0; bit < 16; bit++) {
		set_divisor(self->u, 1 << bit);
		EXPECT_EQ(1 << bit, get_divisor(self->u));
	}
}

TEST_F(port, divisor_latch_hides_data_and_interrupt_enable)
{
	vst_out(self->u, UART_IER, UART_IER_RDI);
	set_divisor(self->u, 0x0a41);
	EXPECT_FALSE(has_data(self->u));
	EXPECT_EQ(UART_IER_RDI, vst_in(self->u, UART_IER));
}

TEST_F(port, divisor_latch_leaves_the_other_registers_alone)
{
	vst_out(self->u, UART_SCR, 0x77);
	vst_out(self->u, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	EXPECT_EQ(0x77, vst_in(self->u, UART_SCR));
	EXPECT_EQ(IDLE, vst_in(self->u, UART_LSR));
	EXPECT_EQ(UART_LCR_DLAB | UART_LCR_WLEN8, vst_in(self->u, UART_LCR));
}

TEST_F(port, line_and_modem_status_ignore_writes)
{
	u8 msr = vst_in(self->u, UART_MSR);

	vst_out(self->u, UART_LSR, 0xff);
	vst_out(self->u, UART_MSR, 0xff);
	EXPECT_EQ(IDLE, vst_in(self->u, UART_LSR));
	EXPECT_EQ(msr, vst_in(self->u, UART_MSR));
}

TEST_F(port, wide_access_is_one_register_after_the_other)
{
	vst_out(self->u, UART_LCR, UART_LCR_WLEN7);
	vst_write32(self->dev, self->u->bar, self->u->off + UART_MCR, 0xaa000003);
	EXPECT_EQ(UART_MCR_DTR | UART_MCR_RTS, vst_in(self->u, UART_MCR));
	EXPECT_EQ(0xaa, vst_in(self->u, UART_SCR));
	EXPECT_EQ(UART_LCR_WLEN7, vst_read16(self->dev, self->u->bar,
					     self->u->off + UART_IIR) >> 8);
}

/* ---- data ---- */

TEST_F(port, character_comes_back_through_the_plug)
{
	vst_out(self->u, UART_TX, 0xa5);
	EXPECT_EQ(0xa5, recv_one(self->u));
	EXPECT_EQ(IDLE, vst_in(self->u, UART_LSR));
}

TEST_F(port, every_value_comes_back)
{
	unsigned int val;

	for (val = 0; val < 256; val++) {
		vst_out(self->u, UART_TX, val);
		EXPECT_EQ(val, recv_one(self->u));
	}
}

TEST_F(port, fifo_keeps_sixteen_characters_in_order)
{
	u8 sent[FIFO], got[FIFO];

	vst_fill(sent, sizeof(sent), 3);
	send(self->u, sent, sizeof(sent));
	vst_uart_recv(self->u, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(sent, got, sizeof(got)));
	EXPECT_FALSE(has_data(self->u));
}

TEST_F(port, unpaced_line_holds_back_what_does_not_fit)
{
	u8 sent[2 * FIFO], got[2 * FIFO];

	vst_fill(sent, sizeof(sent), 4);
	send(self->u, sent, sizeof(sent));
	EXPECT_EQ(UART_LSR_DR, vst_in(self->u, UART_LSR));
	vst_uart_recv(self->u, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(sent, got, sizeof(got)));
	EXPECT_EQ(IDLE, vst_in(self->u, UART_LSR));
}

/* Wait for a character, as long as one may still come. */
static bool more_data(const struct vst_uart *u)
{
	u8 lsr;

	do
		lsr = vst_in(u, UART_LSR);
	while (!(lsr & (UART_LSR_DR | UART_LSR_TEMT)));
	return lsr & UART_LSR_DR;
}

TEST_F(port, write_to_a_full_fifo_is_lost)
{
	u8 sent[4 * FIFO], got;
	unsigned int n = 0;

	memset(sent, 'x', sizeof(sent));
	send(self->u, sent, sizeof(sent));
	for (; more_data(self->u); n++) {
		got = vst_in(self->u, UART_RX);
		EXPECT_EQ('x', got);
	}
	EXPECT_LE(2 * FIFO, n);
	EXPECT_GE(2 * FIFO + 1, n);
}

TEST_F(port, ports_do_not_hear_each_other)
{
	unsigned int i;

	vst_out(self->u, UART_TX, 'x');
	EXPECT_EQ('x', recv_one(self->u));
	for (i = 0; i < PORTS; i++)
		EXPECT_FALSE(has_data(&self->all[i]));
}

TEST_F(port, without_a_far_end_characters_are_sent_and_gone)
{
	u8 sent[FIFO] = { 0 };

	send(self->open, sent, sizeof(sent));
	EXPECT_TRUE(lsr_becomes(self->open, IDLE));
	EXPECT_FALSE(has_data(self->open));
}

TEST_F(port, read_of_an_empty_receiver_takes_nothing)
{
	vst_in(self->u, UART_RX);
	vst_out(self->u, UART_TX, 'a');
	EXPECT_EQ('a', recv_one(self->u));
	EXPECT_FALSE(has_data(self->u));
}

FIXTURE(word) {
	struct vst_dev *dev;
	struct vst_uart u;
};

FIXTURE_VARIANT(word) {
	u8 lcr, mask;
};

FIXTURE_VARIANT_ADD(word, of_5) { UART_LCR_WLEN5, 0x1f };
FIXTURE_VARIANT_ADD(word, of_6) { UART_LCR_WLEN6, 0x3f };
FIXTURE_VARIANT_ADD(word, of_7) { UART_LCR_WLEN7, 0x7f };
FIXTURE_VARIANT_ADD(word, of_8) { UART_LCR_WLEN8, 0xff };

FIXTURE_SETUP(word)
{
	self->dev = vst_open(vst_bdf());
	self->u = vst_uart(self->dev, PLUG);
	vst_reset(self->dev);
	vst_uart_setup(&self->u, 1);
}

FIXTURE_TEARDOWN(word)
{
	vst_close(self->dev);
}

TEST_F(word, length_masks_the_character)
{
	vst_out(&self->u, UART_LCR, variant->lcr);
	vst_out(&self->u, UART_TX, 0xff);
	EXPECT_EQ(variant->mask, recv_one(&self->u));
	vst_out(&self->u, UART_TX, 0xa5);
	EXPECT_EQ(0xa5 & variant->mask, recv_one(&self->u));
}

/* ---- FIFO control ---- */

TEST_F(port, fifos_show_in_the_interrupt_register)
{
	EXPECT_EQ(0xc0 | UART_IIR_NO_INT, vst_in(self->u, UART_IIR));
	vst_out(self->u, UART_FCR, 0);
	EXPECT_EQ(UART_IIR_NO_INT, vst_in(self->u, UART_IIR));
	vst_out(self->u, UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(0xc0 | UART_IIR_NO_INT, vst_in(self->u, UART_IIR));
}

TEST_F(port, clearing_the_receiver_empties_it)
{
	send(self->u, "abc", 3);
	EXPECT_TRUE(has_data(self->u));
	vst_out(self->u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	EXPECT_FALSE(has_data(self->u));
	vst_out(self->u, UART_TX, 'd');
	EXPECT_EQ('d', recv_one(self->u));
}

TEST_F(port, clearing_the_transmitter_leaves_the_character_under_way)
{
	u8 sent[FIFO] = "0123456789abcdef";

	set_divisor(self->paced, 12);
	send(self->paced, sent, sizeof(sent));
	vst_out(self->paced, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	EXPECT_TRUE(vst_in(self->paced, UART_LSR) & UART_LSR_THRE);
	EXPECT_TRUE(lsr_becomes(self->paced, IDLE));
	EXPECT_EQ('0', recv_one(self->paced));
}

TEST_F(port, switching_the_fifos_off_and_on_empties_them)
{
	send(self->u, "abc", 3);
	vst_out(self->u, UART_FCR, 0);
	EXPECT_FALSE(has_data(self->u));
	vst_out(self->u, UART_TX, 'd');
	EXPECT_TRUE(has_data(self->u));
	vst_out(self->u, UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_FALSE(has_data(self->u));
}

TEST_F(port, clear_bits_without_the_enable_bit_switch_the_fifos_off)
{
	vst_out(self->u, UART_FCR, UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	EXPECT_EQ(0, vst_in(self->u, UART_IIR) & 0xc0);
}

TEST_F(port, without_fifos_one_character_is_held)
{
	vst_out(self->u, UART_FCR, 0);
	vst_out(self->u, UART_TX, 'a');
	vst_out(self->u, UART_TX, 'b');
	EXPECT_EQ('a', recv_one(self->u));
	EXPECT_EQ('b', recv_one(self->u));
	EXPECT_FALSE(has_data(self->u));
}

/* ---- interrupts, as the interrupt register tells them ---- */

TEST_F(port, nothing_pending_reads_one)
{
	vst_out(self->u, UART_IER, UART_IER_RDI | UART_IER_RLSI | UART_IER_MSI);
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, transmitter_interrupt_comes_with_its_enable)
{
	vst_out(self->u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(UART_IIR_THRI, iir_id(self->u));
}

TEST_F(port, transmitter_interrupt_is_cleared_by_reading_its_name)
{
	vst_out(self->u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(UART_IIR_THRI, iir_id(self->u));
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, transmitter_interrupt_comes_again_with_its_enable)
{
	vst_out(self->u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(UART_IIR_THRI, iir_id(self->u));
	vst_out(self->u, UART_IER, 0);
	vst_out(self->u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(UART_IIR_THRI, iir_id(self->u));
}

TEST_F(port, transmitter_interrupt_comes_again_when_sent)
{
	vst_out(self->open, UART_IER, UART_IER_THRI);
	EXPECT_EQ(UART_IIR_THRI, iir_id(self->open));
	vst_out(self->open, UART_TX, 'a');
	EXPECT_TRUE(iir_becomes(self->open, UART_IIR_THRI));
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->open));
}

TEST_F(port, transmitter_interrupt_is_cleared_by_writing_data)
{
	set_divisor(self->paced, 192);
	vst_out(self->paced, UART_IER, UART_IER_THRI);
	send(self->paced, "abcd", 4);
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->paced));
	EXPECT_TRUE(iir_becomes(self->paced, UART_IIR_THRI));
}

TEST_F(port, receiver_interrupt_is_no_matter_of_reading_its_name)
{
	vst_out(self->u, UART_IER, UART_IER_RDI);
	vst_out(self->u, UART_TX, 'a');
	EXPECT_TRUE(iir_becomes(self->u, UART_IIR_RDI));
	EXPECT_EQ(UART_IIR_RDI, iir_id(self->u));
	vst_in(self->u, UART_RX);
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, line_interrupt_is_cleared_by_line_status)
{
	vst_out(self->u, UART_IER, UART_IER_RLSI);
	send_break(self->u);
	EXPECT_TRUE(iir_becomes(self->u, UART_IIR_RLSI));
	EXPECT_EQ(UART_LSR_BI, vst_in(self->u, UART_LSR) & UART_LSR_BI);
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, modem_interrupt_is_cleared_by_modem_status)
{
	vst_out(self->u, UART_IER, UART_IER_MSI);
	vst_out(self->u, UART_MCR, 0);
	EXPECT_TRUE(iir_becomes(self->u, UART_IIR_MSI));
	vst_in(self->u, UART_MSR);
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, interrupts_are_told_by_priority)
{
	vst_out(self->u, UART_MCR, 0);
	vst_out(self->u, UART_TX, 'a');
	send_break(self->u);
	ASSERT_TRUE(vst_until(vst_in(self->u, UART_LSR) & UART_LSR_FIFOE, VST_DEADLINE_MS));
	EXPECT_EQ('a', vst_in(self->u, UART_RX));
	vst_out(self->u, UART_IER, 0x0f);

	EXPECT_EQ(UART_IIR_RLSI, iir_id(self->u));
	vst_in(self->u, UART_LSR);
	EXPECT_EQ(UART_IIR_RDI, iir_id(self->u));
	vst_in(self->u, UART_RX);
	EXPECT_EQ(UART_IIR_THRI, iir_id(self->u));
	EXPECT_EQ(UART_IIR_MSI, iir_id(self->u));
	vst_in(self->u, UART_MSR);
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, interrupts_that_are_not_enabled_are_not_told)
{
	vst_out(self->u, UART_MCR, 0);
	vst_out(self->u, UART_TX, 'a');
	send_break(self->u);
	ASSERT_TRUE(lsr_becomes(self->u, UART_LSR_DR));
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

FIXTURE(trigger) {
	struct vst_dev *dev;
	struct vst_uart u;
};

FIXTURE_VARIANT(trigger) {
	u8 fcr;
	unsigned int level;
};

FIXTURE_VARIANT_ADD(trigger, of_1) { UART_FCR_TRIGGER_1, 1 };
FIXTURE_VARIANT_ADD(trigger, of_4) { UART_FCR_TRIGGER_4, 4 };
FIXTURE_VARIANT_ADD(trigger, of_8) { UART_FCR_TRIGGER_8, 8 };
FIXTURE_VARIANT_ADD(trigger, of_14) { UART_FCR_TRIGGER_14, 14 };

FIXTURE_SETUP(trigger)
{
	self->dev = vst_open(vst_bdf());
	self->u = vst_uart(self->dev, PLUG);
	vst_reset(self->dev);
	vst_uart_setup(&self->u, 1);
	vst_out(&self->u, UART_FCR, UART_FCR_ENABLE_FIFO | variant->fcr);
	vst_out(&self->u, UART_IER, UART_IER_RDI);
}

FIXTURE_TEARDOWN(trigger)
{
	vst_close(self->dev);
}

TEST_F(trigger, level_reached_interrupts_and_one_less_does_not)
{
	unsigned int i;

	for (i = 1; i < variant->level; i++) {
		vst_out(&self->u, UART_TX, i);
		EXPECT_NE(UART_IIR_RDI, iir_id(&self->u));
	}
	vst_out(&self->u, UART_TX, i);
	EXPECT_TRUE(iir_becomes(&self->u, UART_IIR_RDI));
}

TEST_F(trigger, interrupt_ends_below_the_level)
{
	u8 sent[FIFO] = { 0 };
	unsigned int left;

	send(&self->u, sent, sizeof(sent));
	for (left = FIFO; left >= variant->level; left--) {
		EXPECT_TRUE(iir_becomes(&self->u, UART_IIR_RDI));
		vst_in(&self->u, UART_RX);
	}
	EXPECT_NE(UART_IIR_RDI, iir_id(&self->u));
}

TEST_F(port, timeout_interrupt_comes_for_few_characters)
{
	vst_out(self->u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	vst_out(self->u, UART_IER, UART_IER_RDI);
	send(self->u, "abc", 3);
	EXPECT_TRUE(iir_becomes(self->u, UART_IIR_RX_TIMEOUT));
	EXPECT_EQ('a', vst_in(self->u, UART_RX));
	EXPECT_EQ('b', vst_in(self->u, UART_RX));
	EXPECT_EQ('c', vst_in(self->u, UART_RX));
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, timeout_interrupt_comes_again_for_what_is_left)
{
	vst_out(self->u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	vst_out(self->u, UART_IER, UART_IER_RDI);
	send(self->u, "ab", 2);
	EXPECT_TRUE(iir_becomes(self->u, UART_IIR_RX_TIMEOUT));
	EXPECT_EQ('a', vst_in(self->u, UART_RX));
	EXPECT_TRUE(iir_becomes(self->u, UART_IIR_RX_TIMEOUT));
	EXPECT_EQ('b', vst_in(self->u, UART_RX));
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->u));
}

TEST_F(port, timeout_takes_four_character_times)
{
	const u16 divisor = 96;
	u64 start;

	set_divisor(self->paced, divisor);
	vst_out(self->paced, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	vst_out(self->paced, UART_IER, UART_IER_RDI);
	start = now_ns();
	vst_out(self->paced, UART_TX, 'a');
	EXPECT_TRUE(iir_becomes(self->paced, UART_IIR_RX_TIMEOUT));
	EXPECT_LE((1 + 4) * 10 * BIT_NS * divisor, now_ns() - start);
}

/* ---- line status ---- */

TEST_F(port, break_is_one_zero_character_with_its_mark)
{
	vst_out(self->u, UART_LCR, UART_LCR_WLEN8 | UART_LCR_SBC);
	EXPECT_TRUE(vst_until(vst_in(self->u, UART_LSR) & UART_LSR_BI, VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_in(self->u, UART_RX));
	EXPECT_FALSE(has_data(self->u));
	vst_out(self->u, UART_LCR, UART_LCR_WLEN8);
	EXPECT_FALSE(has_data(self->u));
}

TEST_F(port, error_is_told_once)
{
	send_break(self->u);
	EXPECT_TRUE(vst_until(vst_in(self->u, UART_LSR) & UART_LSR_BI, VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_in(self->u, UART_LSR) & ERRORS);
}

TEST_F(port, error_waits_for_its_character)
{
	send(self->u, "ab", 2);
	send_break(self->u);
	EXPECT_EQ(UART_LSR_FIFOE | UART_LSR_DR | IDLE, vst_in(self->u, UART_LSR));
	EXPECT_EQ('a', vst_in(self->u, UART_RX));
	EXPECT_EQ(0, vst_in(self->u, UART_LSR) & ERRORS);
	EXPECT_EQ('b', vst_in(self->u, UART_RX));
	EXPECT_EQ(UART_LSR_BI, vst_in(self->u, UART_LSR) & UART_LSR_BI);
	EXPECT_EQ(0, vst_in(self->u, UART_LSR) & (ERRORS | UART_LSR_FIFOE));
}

TEST_F(port, fifo_error_bit_needs_the_fifos)
{
	vst_out(self->u, UART_FCR, 0);
	send_break(self->u);
	EXPECT_TRUE(lsr_becomes(self->u, UART_LSR_DR));
	EXPECT_EQ(0, vst_in(self->u, UART_LSR) & UART_LSR_FIFOE);
}

TEST_F(port, overrun_on_a_paced_line_keeps_the_first_sixteen)
{
	u8 sent[FIFO] = "0123456789ABCDEF", got[FIFO];

	send(self->paced, sent, sizeof(sent));
	ASSERT_TRUE(lsr_becomes(self->paced, IDLE | UART_LSR_DR));
	vst_out(self->paced, UART_TX, 'x');
	EXPECT_TRUE(vst_until(vst_in(self->paced, UART_LSR) & UART_LSR_OE, VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_in(self->paced, UART_LSR) & UART_LSR_OE);
	vst_uart_recv(self->paced, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(sent, got, sizeof(got)));
	EXPECT_FALSE(has_data(self->paced));
}

TEST_F(port, overrun_without_fifos_keeps_the_last)
{
	vst_out(self->paced, UART_FCR, 0);
	vst_out(self->paced, UART_TX, 'a');
	ASSERT_TRUE(lsr_becomes(self->paced, IDLE | UART_LSR_DR));
	vst_out(self->paced, UART_TX, 'b');
	EXPECT_TRUE(vst_until(vst_in(self->paced, UART_LSR) & UART_LSR_OE, VST_DEADLINE_MS));
	EXPECT_EQ('b', vst_in(self->paced, UART_RX));
}

TEST_F(port, overrun_interrupts_as_line_status)
{
	u8 sent[FIFO + 1] = { 0 };

	vst_out(self->paced, UART_IER, UART_IER_RLSI);
	vst_uart_send(self->paced, sent, sizeof(sent));
	EXPECT_TRUE(iir_becomes(self->paced, UART_IIR_RLSI));
	EXPECT_EQ(UART_LSR_OE, vst_in(self->paced, UART_LSR) & ERRORS);
	EXPECT_EQ(UART_IIR_NO_INT, iir_id(self->paced));
}

TEST_F(port, transmitter_is_busy_while_its_line_is)
{
	u8 lsr;

	set_divisor(self->paced, 0x300);
	send(self->paced, "ab", 2);
	EXPECT_EQ(0, vst_in(self->paced, UART_LSR) & IDLE);
	EXPECT_TRUE(vst_until((lsr = vst_in(self->paced, UART_LSR)) & UART_LSR_THRE,
			      VST_DEADLINE_MS));
	EXPECT_EQ(0, lsr & UART_LSR_TEMT);
	EXPECT_TRUE(lsr_becomes(self->paced, IDLE));
}

/* ---- conditions that the port's line attribute makes ---- */

static int line_does(unsigned int port, const char *what)
{
	char attr[16];

	snprintf(attr, sizeof(attr), "port%u/line", port);
	return __vst_card_set(vst_card(), attr, what);
}

FIXTURE(condition) {
	struct vst_dev *dev;
	struct vst_uart u;
};

FIXTURE_VARIANT(condition) {
	const char *word;
	u8 lsr;
};

FIXTURE_VARIANT_ADD(condition, parity) { "parity", UART_LSR_PE };
FIXTURE_VARIANT_ADD(condition, framing) { "framing", UART_LSR_FE };
FIXTURE_VARIANT_ADD(condition, overrun) { "overrun", UART_LSR_OE };
FIXTURE_VARIANT_ADD(condition, breaks) { "break", UART_LSR_BI };

FIXTURE_SETUP(condition)
{
	if (!vst_card())
		SKIP(return, "the card's attributes are in another machine");
	self->dev = vst_open(vst_bdf());
	self->u = vst_uart(self->dev, PLUG);
	vst_uart_setup(&self->u, 1);
}

FIXTURE_TEARDOWN(condition)
{
	vst_close(self->dev);
}

TEST_F(condition, shows_in_line_status_once)
{
	ASSERT_EQ(0, line_does(PLUG, variant->word));
	vst_out(&self->u, UART_TX, 'a');
	EXPECT_TRUE(vst_until(vst_in(&self->u, UART_LSR) & variant->lsr, VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_in(&self->u, UART_LSR) & variant->lsr);
	vst_out(&self->u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	vst_out(&self->u, UART_TX, 'b');
	EXPECT_EQ(0, vst_in(&self->u, UART_LSR) & ERRORS);
	EXPECT_EQ('b', recv_one(&self->u));
}

TEST_F(condition, interrupts_as_line_status)
{
	vst_out(&self->u, UART_IER, UART_IER_RLSI);
	ASSERT_EQ(0, line_does(PLUG, variant->word));
	vst_out(&self->u, UART_TX, 'a');
	EXPECT_TRUE(iir_becomes(&self->u, UART_IIR_RLSI));
}

TEST_F(condition, leaves_other_ports_alone)
{
	struct vst_uart other = vst_uart(self->dev, PORTS - 1);

	vst_uart_setup(&other, 1);
	ASSERT_EQ(0, line_does(PLUG, variant->word));
	vst_out(&other, UART_TX, 'a');
	EXPECT_EQ(0, vst_in(&other, UART_LSR) & ERRORS);
}

TEST_F(condition, misspelt_is_refused)
{
	char word[16];

	snprintf(word, sizeof(word), "%sx", variant->word);
	EXPECT_EQ(-EINVAL, line_does(PLUG, word));
	vst_out(&self->u, UART_TX, 'a');
	EXPECT_EQ(0, vst_in(&self->u, UART_LSR) & ERRORS);
}

/* ---- modem lines and loopback mode ---- */

#define LINES	(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_RI | UART_MSR_DCD)

TEST_F(port, plug_returns_dtr_and_rts)
{
	vst_out(self->u, UART_MCR, 0);
	EXPECT_EQ(0, vst_in(self->u, UART_MSR) & LINES);
	vst_out(self->u, UART_MCR, UART_MCR_RTS);
	EXPECT_EQ(UART_MSR_CTS, vst_in(self->u, UART_MSR) & LINES);
	vst_out(self->u, UART_MCR, UART_MCR_DTR);
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DCD, vst_in(self->u, UART_MSR) & LINES);
}

TEST_F(port, deltas_tell_what_changed_and_are_told_once)
{
	vst_out(self->u, UART_MCR, UART_MCR_DTR);
	EXPECT_EQ(UART_MSR_DCTS, vst_in(self->u, UART_MSR) & UART_MSR_ANY_DELTA);
	EXPECT_EQ(0, vst_in(self->u, UART_MSR) & UART_MSR_ANY_DELTA);
	vst_out(self->u, UART_MCR, 0);
	EXPECT_EQ(UART_MSR_DDSR | UART_MSR_DDCD, vst_in(self->u, UART_MSR) & UART_MSR_ANY_DELTA);
}

TEST_F(port, delta_of_a_line_that_went_and_came_stays)
{
	vst_out(self->u, UART_MCR, UART_MCR_DTR);
	vst_out(self->u, UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DCTS,
		  vst_in(self->u, UART_MSR) & (UART_MSR_CTS | UART_MSR_DCTS));
}

TEST_F(port, loop_mode_returns_characters_without_a_far_end)
{
	vst_out(self->open, UART_MCR, UART_MCR_LOOP);
	vst_out(self->open, UART_TX, 'x');
	EXPECT_EQ('x', recv_one(self->open));
}

TEST_F(port, loop_mode_returns_the_four_outputs)
{
	static const u8 line[] = {
		[0] = UART_MSR_DSR,	/* DTR */
		[1] = UART_MSR_CTS,	/* RTS */
		[2] = UART_MSR_RI,	/* OUT1 */
		[3] = UART_MSR_DCD,	/* OUT2 */
	};
	unsigned int bit;

	for (bit = 0; bit < ARRAY_SIZE(line); bit++) {
		vst_out(self->open, UART_MCR, UART_MCR_LOOP | 1 << bit);
		EXPECT_EQ(line[bit], vst_in(self->open, UART_MSR) & LINES);
	}
}

TEST_F(port, ring_delta_is_for_the_end_of_the_ring)
{
	vst_out(self->open, UART_MCR, UART_MCR_LOOP);
	vst_in(self->open, UART_MSR);
	vst_out(self->open, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	EXPECT_EQ(0, vst_in(self->open, UART_MSR) & UART_MSR_TERI);
	vst_out(self->open, UART_MCR, UART_MCR_LOOP);
	EXPECT_EQ(UART_MSR_TERI, vst_in(self->open, UART_MSR) & UART_MSR_ANY_DELTA);
}

TEST_F(port, loop_mode_interrupts_as_ever)
{
	vst_out(self->open, UART_MCR, UART_MCR_LOOP);
	vst_in(self->open, UART_MSR);
	vst_out(self->open, UART_IER, UART_IER_RDI | UART_IER_MSI);
	vst_out(self->open, UART_MCR, UART_MCR_LOOP | UART_MCR_RTS);
	EXPECT_EQ(UART_IIR_MSI, iir_id(self->open));
	vst_out(self->open, UART_TX, 'x');
	EXPECT_TRUE(iir_becomes(self->open, UART_IIR_RDI));
}

/* ---- time ---- */

static u64 time_to_send(const struct vst_uart *u, size_t len)
{
	u8 sent[FIFO] = { 0 };
	u64 start = now_ns();

	send(u, sent, len);
	vst_assert(lsr_becomes(u, IDLE));
	return now_ns() - start;
}

FIXTURE(pace) {
	struct vst_dev *dev;
	struct vst_uart u;
};

FIXTURE_VARIANT(pace) {
	u8 lcr;
	unsigned int bits;
	u16 divisor;
};

FIXTURE_VARIANT_ADD(pace, of_8n1) { UART_LCR_WLEN8, 10, 48 };
FIXTURE_VARIANT_ADD(pace, of_8n1_at_half_the_rate) { UART_LCR_WLEN8, 10, 96 };
FIXTURE_VARIANT_ADD(pace, of_8e2) { LCR_8E2, 12, 48 };
FIXTURE_VARIANT_ADD(pace, of_5n1) { UART_LCR_WLEN5, 7, 96 };

FIXTURE_SETUP(pace)
{
	self->dev = vst_open(vst_bdf());
	self->u = vst_uart(self->dev, PACED);
	vst_reset(self->dev);
	vst_uart_setup(&self->u, variant->divisor);
	vst_out(&self->u, UART_LCR, variant->lcr);
}

FIXTURE_TEARDOWN(pace)
{
	vst_close(self->dev);
}

TEST_F(pace, takes_its_time)
{
	EXPECT_LE(8 * variant->bits * BIT_NS * variant->divisor, time_to_send(&self->u, 8));
}

TEST_F(port, unpaced_line_does_not_wait_for_the_divisor)
{
	set_divisor(self->open, 0xffff);
	EXPECT_GT(FIFO * 10 * BIT_NS * 0xffff, time_to_send(self->open, FIFO));
}

/* ---- hostile ---- */

TEST_F(port, random_accesses_leave_a_port_that_works)
{
	struct vst_uart *u = &self->all[3];
	u8 random[4000];
	unsigned int i;

	vst_fill(random, sizeof(random), 5);
	for (i = 0; i < sizeof(random); i += 2) {
		if (random[i] & 8)
			vst_out(u, random[i] & 7, random[i + 1]);
		else
			vst_in(u, random[i] & 7);
	}
	vst_uart_setup(u, 1);
	EXPECT_TRUE(lsr_becomes(u, IDLE));
	vst_out(u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	vst_out(u, UART_TX, 0x42);
	EXPECT_EQ(0x42, recv_one(u));
	EXPECT_EQ(IDLE, vst_in(u, UART_LSR));
}

TEST_F(port, behind_the_last_one_there_is_nothing)
{
	struct vst_uart none = vst_uart(self->dev, PORTS);

	vst_out(&none, UART_SCR, 0x5a);
	EXPECT_EQ(0xff, vst_in(&none, UART_SCR));
	EXPECT_EQ(0xff, vst_in(&none, UART_LSR));
}

/* ---- two ports and a null-modem cable ---- */

FIXTURE(cable) {
	struct vst_card card;
	struct vst_dev *dev;
	struct vst_uart a, b;
};

static void wire(const struct vst_card *card, unsigned int port, const struct vst_card *to,
		 unsigned int far_port)
{
	char attr[16], far[64];

	snprintf(attr, sizeof(attr), "port%u/far", port);
	snprintf(far, sizeof(far), "null-modem:%s/%u", to->name, far_port);
	vst_card_set(card, attr, far);
}

FIXTURE_SETUP(cable)
{
	if (!vst_card())
		SKIP(return, "cards are plugged into another machine");
	vst_card_create(&self->card, "serial");
	vst_card_set(&self->card, "ports", "3");
	wire(&self->card, 0, &self->card, 1);
	wire(&self->card, 1, &self->card, 0);
	wire(&self->card, 2, &self->card, 0);
	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	self->dev = vst_open(self->card.bdf[0]);
	self->a = vst_uart(self->dev, 0);
	self->b = vst_uart(self->dev, 1);
	vst_uart_setup(&self->a, 1);
	vst_uart_setup(&self->b, 1);
	vst_in(&self->a, UART_MSR);
}

FIXTURE_TEARDOWN(cable)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

TEST_F(cable, characters_cross)
{
	vst_out(&self->a, UART_TX, 'a');
	EXPECT_EQ('a', recv_one(&self->b));
	vst_out(&self->b, UART_TX, 'b');
	EXPECT_EQ('b', recv_one(&self->a));
	EXPECT_FALSE(has_data(&self->b));
}

TEST_F(cable, kilobyte_each_way_arrives_whole)
{
	u8 sent[1024], got[1024];
	unsigned int i;

	vst_fill(sent, sizeof(sent), 6);
	for (i = 0; i < sizeof(sent); i += FIFO) {
		send(&self->a, sent + i, FIFO);
		send(&self->b, sent + i, FIFO);
		vst_uart_recv(&self->b, got + i, FIFO);
		EXPECT_EQ(-1, vst_differs(sent + i, got + i, FIFO));
		vst_uart_recv(&self->a, got + i, FIFO);
		EXPECT_EQ(-1, vst_differs(sent + i, got + i, FIFO));
	}
}

TEST_F(cable, dtr_is_the_other_ends_dsr_and_dcd)
{
	vst_out(&self->a, UART_MCR, UART_MCR_DTR);
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DCD, vst_in(&self->b, UART_MSR) & LINES);
	vst_out(&self->a, UART_MCR, 0);
	EXPECT_EQ(UART_MSR_DDSR | UART_MSR_DDCD,
		  vst_in(&self->b, UART_MSR) & (LINES | UART_MSR_DDSR | UART_MSR_DDCD));
}

TEST_F(cable, rts_is_the_other_ends_cts)
{
	vst_out(&self->a, UART_MCR, UART_MCR_RTS);
	EXPECT_EQ(UART_MSR_CTS, vst_in(&self->b, UART_MSR) & LINES);
}

TEST_F(cable, break_crosses)
{
	send_break(&self->a);
	EXPECT_TRUE(vst_until(vst_in(&self->b, UART_LSR) & UART_LSR_BI, VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_in(&self->a, UART_LSR) & ERRORS);
}

TEST_F(cable, loop_mode_cuts_it)
{
	vst_out(&self->a, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_LOOP);
	EXPECT_EQ(0, vst_in(&self->b, UART_MSR) & LINES);
	vst_out(&self->a, UART_TX, 'a');
	EXPECT_EQ('a', recv_one(&self->a));
	EXPECT_FALSE(has_data(&self->b));
}

TEST_F(cable, that_only_one_end_asks_for_is_none)
{
	struct vst_uart c = vst_uart(self->dev, 2);

	vst_uart_setup(&c, 1);
	vst_out(&c, UART_TX, 'c');
	EXPECT_TRUE(lsr_becomes(&c, IDLE));
	EXPECT_FALSE(has_data(&self->a));
	EXPECT_FALSE(has_data(&self->b));
	EXPECT_EQ(0, vst_in(&c, UART_MSR) & LINES);
}

TEST_F(cable, ends_on_two_cards_join_and_part)
{
	struct vst_card card;
	struct vst_dev *dev;
	struct vst_uart far, near;

	vst_card_create(&card, "serial");
	vst_close(self->dev);
	vst_card_pull(&self->card);
	wire(&self->card, 2, &card, 0);
	vst_card_live(&self->card);
	wire(&card, 0, &self->card, 2);
	vst_card_live(&card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	vst_bind(card.bdf[0], VST_DRIVER);
	self->dev = vst_open(self->card.bdf[0]);
	dev = vst_open_in(card.bdf[0], self->dev->iommu);
	near = vst_uart(self->dev, 2);
	far = vst_uart(dev, 0);
	vst_uart_setup(&near, 1);
	vst_uart_setup(&far, 1);
	vst_out(&near, UART_TX, 'n');
	EXPECT_EQ('n', recv_one(&far));
	vst_close(dev);
	vst_card_destroy(&card);
	EXPECT_EQ(0, vst_in(&near, UART_MSR) & LINES);
}

/* ---- the other personalities ---- */

FIXTURE(personality) {
	struct vst_card card;
	struct vst_dev *dev[VST_MAX_FNS];
	struct vst_iommu *iommu;
	struct vst_uart u[PORTS];
};

FIXTURE_VARIANT(personality) {
	const char *attr;
	unsigned int functions;
};

FIXTURE_VARIANT_ADD(personality, mcs9922) { "personality=mcs9922", 4 };
FIXTURE_VARIANT_ADD(personality, qemu4x) { "personality=qemu4x", 1 };

FIXTURE_SETUP(personality)
{
	unsigned int i;

	if (!vst_card())
		SKIP(return, "cards are plugged into another machine");
	vst_card_plug(&self->card, variant->attr, "ports=4");
	ASSERT_EQ(variant->functions, self->card.nfns);
	self->iommu = vst_iommu_open();
	for (i = 0; i < self->card.nfns; i++)
		self->dev[i] = vst_open_in(self->card.bdf[i], self->iommu);
	for (i = 0; i < PORTS; i++) {
		bool many = self->card.nfns > 1;

		self->u[i] = vst_uart(self->dev[many ? i : 0], many ? 0 : i);
		vst_command(self->u[i].dev, PCI_COMMAND_IO, 0);
		vst_uart_setup(&self->u[i], 1);
	}
}

FIXTURE_TEARDOWN(personality)
{
	unsigned int i;

	for (i = 0; i < self->card.nfns; i++)
		vst_close(self->dev[i]);
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

TEST_F(personality, each_port_has_registers_of_its_own)
{
	unsigned int i;

	for (i = 0; i < PORTS; i++)
		vst_out(&self->u[i], UART_SCR, 0x20 + i);
	for (i = 0; i < PORTS; i++)
		EXPECT_EQ(0x20 + i, vst_in(&self->u[i], UART_SCR));
}

TEST_F(personality, each_port_is_a_16550a)
{
	unsigned int i;

	for (i = 0; i < PORTS; i++) {
		EXPECT_EQ(0xc0 | UART_IIR_NO_INT, vst_in(&self->u[i], UART_IIR));
		EXPECT_EQ(IDLE, vst_in(&self->u[i], UART_LSR));
		vst_out(&self->u[i], UART_TX, 'a' + i);
		EXPECT_EQ('a' + i, recv_one(&self->u[i]));
	}
}

VST_MAIN("ports=4", "port1/pace=line", "port2/far=none")
