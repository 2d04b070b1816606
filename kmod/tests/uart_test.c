// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of the UART, serial.rst 3
 */
#include "tap.h"
#include "uart.h"
#include "world.h"

#define FIFOS	0xc0	/* in IIR */
#define ERRORS	UART_LSR_BRK_ERROR_BITS
#define IDLE	(UART_LSR_THRE | UART_LSR_TEMT)

static struct uart power_on(void)
{
	struct uart u = {};

	uart_reset(&u);
	return u;
}

/* As a driver sets it up. */
static struct uart set_up(u8 fcr)
{
	struct uart u = power_on();

	uart_write(&u, UART_LCR, UART_LCR_WLEN8);
	uart_write(&u, UART_FCR, fcr);
	return u;
}

static void receive(struct uart *u, u8 data, u8 flags)
{
	uart_rx(u, (struct uart_char) { .data = data, .flags = flags });
}

static void receive_many(struct uart *u, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		receive(u, i, 0);
}

/* The line takes one character. */
static int line_takes(struct uart *u)
{
	if (!uart_tx_load(u))
		return -1;
	uart_tx_sent(u);
	return u->shift.data;
}

static u8 iir(struct uart *u)
{
	return uart_read(u, UART_IIR) & 0x0f;
}

/* ---- reset ---- */

TEST(power_on_state_is_that_of_the_spec)
{
	struct uart u = power_on();

	EXPECT_EQ(0, uart_read(&u, UART_RX));
	EXPECT_EQ(0, uart_read(&u, UART_IER));
	EXPECT_EQ(UART_IIR_NO_INT, uart_read(&u, UART_IIR));
	EXPECT_EQ(0, uart_read(&u, UART_LCR));
	EXPECT_EQ(0, uart_read(&u, UART_MCR));
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR));
	EXPECT_EQ(0, uart_read(&u, UART_MSR));
	EXPECT_EQ(0, uart_read(&u, UART_SCR));
	EXPECT_EQ(12, u.divisor);
	EXPECT_FALSE(uart_irq(&u));
}

TEST(reset_forgets_all_but_the_far_ends_lines)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);
	unsigned int reg;

	uart_set_inputs(&u, UART_MSR_CTS);
	receive(&u, 1, UART_LSR_PE);
	uart_rx_error(&u, UART_LSR_OE);
	for (reg = 0; reg < UART_REGS; reg++)
		uart_write(&u, reg, 0xdb);
	uart_tx_load(&u);
	uart_reset(&u);
	for (reg = UART_IER; reg <= UART_MCR; reg++)
		EXPECT_EQ(reg == UART_IIR ? UART_IIR_NO_INT : 0, uart_read(&u, reg));
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR));
	EXPECT_EQ(UART_MSR_CTS, uart_read(&u, UART_MSR));
	EXPECT_EQ(0, uart_read(&u, UART_SCR));
	EXPECT_EQ(12, u.divisor);
	EXPECT_FALSE(uart_tx_load(&u));
}

/* ---- registers that keep bits ---- */

TEST(registers_keep_the_bits_that_exist)
{
	static const struct {
		u8 reg, keeps;
	} row[] = {
		{ UART_IER, 0x0f }, { UART_LCR, 0xff }, { UART_MCR, 0x1f }, { UART_SCR, 0xff },
	};
	struct uart u = power_on();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uart_write(&u, row[i].reg, 0xff);
		EXPECT_EQ(row[i].keeps, uart_read(&u, row[i].reg));
		uart_write(&u, row[i].reg, 0);
		EXPECT_EQ(0, uart_read(&u, row[i].reg));
	}
}

TEST(status_registers_ignore_writes)
{
	struct uart u = power_on();

	uart_write(&u, UART_LSR, 0xff);
	uart_write(&u, UART_MSR, 0xff);
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR));
	EXPECT_EQ(0, uart_read(&u, UART_MSR));
}

TEST(divisor_latch_is_behind_dlab)
{
	struct uart u = power_on();

	uart_write(&u, UART_LCR, UART_LCR_DLAB);
	uart_write(&u, UART_DLL, 0x34);
	uart_write(&u, UART_DLM, 0x12);
	EXPECT_EQ(0x34, uart_read(&u, UART_DLL));
	EXPECT_EQ(0x12, uart_read(&u, UART_DLM));
	EXPECT_EQ(0x1234, u.divisor);
	uart_write(&u, UART_LCR, 0);
	EXPECT_EQ(0, uart_read(&u, UART_IER));
	EXPECT_FALSE(uart_tx_load(&u));
}

TEST(dlab_leaves_fcr_iir_and_the_rest)
{
	struct uart u = power_on();

	uart_write(&u, UART_LCR, UART_LCR_DLAB);
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(FIFOS | UART_IIR_NO_INT, uart_read(&u, UART_IIR));
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR));
}

/* ---- transmitter ---- */

TEST(characters_are_sent_in_order)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);
	unsigned int i;

	for (i = 0; i < UART_FIFO_LEN; i++)
		uart_write(&u, UART_TX, 0x40 + i);
	for (i = 0; i < UART_FIFO_LEN; i++)
		EXPECT_EQ(0x40 + i, line_takes(&u));
	EXPECT_EQ(-1, line_takes(&u));
}

TEST(write_to_a_full_fifo_is_lost)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);
	unsigned int i;

	for (i = 0; i <= UART_FIFO_LEN; i++)
		uart_write(&u, UART_TX, i);
	for (i = 0; i < UART_FIFO_LEN; i++)
		EXPECT_EQ(i, line_takes(&u));
	EXPECT_EQ(-1, line_takes(&u));
}

TEST(write_to_a_full_holding_register_replaces)
{
	struct uart u = set_up(0);

	uart_write(&u, UART_TX, 'a');
	uart_write(&u, UART_TX, 'b');
	EXPECT_EQ('b', line_takes(&u));
	EXPECT_EQ(-1, line_takes(&u));
}

TEST(thre_and_temt_follow_the_character)
{
	struct uart u = set_up(0);

	uart_write(&u, UART_TX, 'a');
	EXPECT_EQ(0, uart_read(&u, UART_LSR) & IDLE);
	uart_tx_load(&u);
	EXPECT_EQ(UART_LSR_THRE, uart_read(&u, UART_LSR) & IDLE);
	uart_tx_sent(&u);
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR) & IDLE);
}

TEST(word_length_masks_what_is_sent)
{
	struct uart u = set_up(0);
	unsigned int bits;

	for (bits = 5; bits <= 8; bits++) {
		uart_write(&u, UART_LCR, bits - 5);
		uart_write(&u, UART_TX, 0xff);
		EXPECT_EQ((1 << bits) - 1, line_takes(&u));
	}
}

TEST(loading_twice_sends_once)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	uart_write(&u, UART_TX, 'a');
	uart_write(&u, UART_TX, 'b');
	EXPECT_TRUE(uart_tx_load(&u));
	EXPECT_TRUE(uart_tx_load(&u));
	EXPECT_EQ('a', u.shift.data);
}

/* ---- receiver ---- */

TEST(characters_are_read_in_order)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);
	unsigned int i;

	receive_many(&u, UART_FIFO_LEN);
	for (i = 0; i < UART_FIFO_LEN; i++) {
		EXPECT_EQ(UART_LSR_DR, uart_read(&u, UART_LSR) & UART_LSR_DR);
		EXPECT_EQ(i, uart_read(&u, UART_RX));
	}
	EXPECT_EQ(0, uart_read(&u, UART_LSR) & UART_LSR_DR);
	EXPECT_EQ(0, uart_read(&u, UART_RX));
}

TEST(word_length_masks_what_is_received)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	uart_write(&u, UART_LCR, UART_LCR_WLEN7);
	receive(&u, 0xff, 0);
	EXPECT_EQ(0x7f, uart_read(&u, UART_RX));
}

TEST(overrun_keeps_the_fifo_and_tells_once)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);
	unsigned int i;

	receive_many(&u, UART_FIFO_LEN);
	EXPECT_FALSE(uart_rx_room(&u));
	receive(&u, 0x99, 0);
	EXPECT_EQ(UART_LSR_OE, uart_read(&u, UART_LSR) & ERRORS);
	EXPECT_EQ(0, uart_read(&u, UART_LSR) & ERRORS);
	for (i = 0; i < UART_FIFO_LEN; i++)
		EXPECT_EQ(i, uart_read(&u, UART_RX));
}

TEST(overrun_without_fifos_keeps_the_last)
{
	struct uart u = set_up(0);

	receive(&u, 'a', UART_LSR_PE);
	EXPECT_FALSE(uart_rx_room(&u));
	receive(&u, 'b', 0);
	EXPECT_EQ(UART_LSR_OE, uart_read(&u, UART_LSR) & ERRORS);
	EXPECT_EQ('b', uart_read(&u, UART_RX));
	EXPECT_EQ(0, uart_read(&u, UART_LSR) & UART_LSR_DR);
}

TEST(errors_travel_with_their_character)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	receive(&u, 'a', 0);
	receive(&u, 'b', UART_LSR_PE);
	receive(&u, 0, UART_LSR_BI | UART_LSR_FE);
	EXPECT_EQ(UART_LSR_FIFOE, uart_read(&u, UART_LSR) & (UART_LSR_FIFOE | ERRORS));
	uart_read(&u, UART_RX);
	EXPECT_EQ(UART_LSR_FIFOE | UART_LSR_PE,
		  uart_read(&u, UART_LSR) & (UART_LSR_FIFOE | ERRORS));
	EXPECT_EQ(UART_LSR_FIFOE, uart_read(&u, UART_LSR) & (UART_LSR_FIFOE | ERRORS));
	EXPECT_EQ('b', uart_read(&u, UART_RX));
	EXPECT_EQ(UART_LSR_FIFOE | UART_LSR_BI | UART_LSR_FE,
		  uart_read(&u, UART_LSR) & (UART_LSR_FIFOE | ERRORS));
	EXPECT_EQ(0, uart_read(&u, UART_LSR) & (UART_LSR_FIFOE | ERRORS));
}

TEST(reading_a_character_takes_its_error_away)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	uart_write(&u, UART_IER, UART_IER_RLSI);
	receive(&u, 'a', UART_LSR_PE);
	EXPECT_EQ(UART_IIR_RLSI, iir(&u));
	uart_read(&u, UART_RX);
	EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
	EXPECT_EQ(0, uart_read(&u, UART_LSR) & ERRORS);
}

TEST(fifo_error_needs_the_fifos)
{
	struct uart u = set_up(0);

	receive(&u, 'a', UART_LSR_FE);
	EXPECT_EQ(UART_LSR_FE, uart_read(&u, UART_LSR) & (UART_LSR_FIFOE | ERRORS));
}

TEST(flags_that_are_no_errors_are_not_taken)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	receive(&u, 'a', 0xff);
	EXPECT_EQ(UART_LSR_PE | UART_LSR_FE | UART_LSR_BI, u.rx.c[u.rx.head].flags);
}

/* ---- FIFO control ---- */

TEST(fifo_enable_shows_in_iir)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	EXPECT_EQ(FIFOS, uart_read(&u, UART_IIR) & FIFOS);
	uart_write(&u, UART_FCR, 0);
	EXPECT_EQ(0, uart_read(&u, UART_IIR) & FIFOS);
}

TEST(toggling_the_fifos_empties_both)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	receive_many(&u, 3);
	uart_write(&u, UART_TX, 'x');
	uart_write(&u, UART_FCR, 0);
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR));
	receive(&u, 'a', 0);
	uart_write(&u, UART_TX, 'x');
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR));
}

TEST(fifos_are_cleared_one_by_one)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	receive_many(&u, 3);
	uart_write(&u, UART_TX, 'x');
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	EXPECT_EQ(0, uart_read(&u, UART_LSR));
	receive_many(&u, 3);
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	EXPECT_EQ(UART_LSR_DR | IDLE, uart_read(&u, UART_LSR));
}

TEST(clearing_the_transmitter_leaves_the_shift_register)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	uart_write(&u, UART_TX, 'a');
	uart_write(&u, UART_TX, 'b');
	uart_tx_load(&u);
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	EXPECT_EQ(UART_LSR_THRE, uart_read(&u, UART_LSR) & IDLE);
	EXPECT_EQ('a', line_takes(&u));
	EXPECT_EQ(-1, line_takes(&u));
}

TEST(fcr_without_enable_programs_nothing)
{
	struct uart u = set_up(0);

	receive(&u, 'a', 0);
	uart_write(&u, UART_FCR, UART_FCR_CLEAR_RCVR | UART_FCR_TRIGGER_14);
	EXPECT_EQ(0, u.fcr);
	EXPECT_EQ('a', uart_read(&u, UART_RX));
}

TEST(clear_bits_do_not_stick)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);

	EXPECT_EQ(UART_FCR_ENABLE_FIFO, u.fcr);
}

/* ---- interrupts ---- */

TEST(trigger_levels_are_1_4_8_14)
{
	static const u8 level[] = { 1, 4, 8, 14 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(level); i++) {
		struct uart u = set_up(UART_FCR_ENABLE_FIFO | i << 6);

		uart_write(&u, UART_IER, UART_IER_RDI);
		receive_many(&u, level[i] - 1);
		EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
		receive(&u, 0, 0);
		EXPECT_EQ(UART_IIR_RDI, iir(&u));
		uart_read(&u, UART_RX);
		EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
	}
}

TEST(without_fifos_one_character_interrupts)
{
	struct uart u = set_up(0);

	uart_write(&u, UART_IER, UART_IER_RDI);
	receive(&u, 'a', 0);
	EXPECT_EQ(UART_IIR_RDI, iir(&u));
}

TEST(interrupts_come_by_priority)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	receive(&u, 'a', UART_LSR_PE);
	uart_set_inputs(&u, UART_MSR_CTS);
	uart_write(&u, UART_IER, 0x0f);
	EXPECT_EQ(UART_IIR_RLSI, iir(&u));
	uart_read(&u, UART_LSR);
	EXPECT_EQ(UART_IIR_RDI, iir(&u));
	uart_read(&u, UART_RX);
	EXPECT_EQ(UART_IIR_THRI, iir(&u));
	EXPECT_EQ(UART_IIR_MSI, iir(&u));
	uart_read(&u, UART_MSR);
	EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
}

TEST(interrupts_need_their_enable)
{
	unsigned int ier;

	for (ier = 0; ier < 16; ier++) {
		struct uart u = set_up(UART_FCR_ENABLE_FIFO);

		receive(&u, 'a', UART_LSR_PE);
		uart_set_inputs(&u, UART_MSR_CTS);
		uart_write(&u, UART_IER, ier);
		EXPECT_EQ(!!ier, uart_irq(&u));
	}
}

TEST(iir_read_acknowledges_thre_only_when_it_names_it)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	receive(&u, 'a', 0);
	uart_write(&u, UART_IER, UART_IER_THRI | UART_IER_RDI);
	EXPECT_EQ(UART_IIR_RDI, iir(&u));
	uart_read(&u, UART_RX);
	EXPECT_EQ(UART_IIR_THRI, iir(&u));
	EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
}

TEST(thre_comes_with_its_enable_each_time)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		uart_write(&u, UART_IER, UART_IER_THRI);
		EXPECT_EQ(UART_IIR_THRI, iir(&u));
		EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
		uart_write(&u, UART_IER, UART_IER_THRI);
		EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
		uart_write(&u, UART_IER, 0);
	}
}

TEST(thre_does_not_come_while_there_is_something_to_send)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	uart_write(&u, UART_TX, 'a');
	uart_write(&u, UART_IER, UART_IER_THRI);
	EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
	uart_tx_load(&u);
	EXPECT_EQ(UART_IIR_THRI, iir(&u));
}

TEST(thre_is_acknowledged_by_writing_data)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	uart_write(&u, UART_IER, UART_IER_THRI);
	uart_write(&u, UART_TX, 'a');
	EXPECT_FALSE(uart_irq(&u));
}

TEST(thre_comes_when_the_transmitter_is_cleared)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO);

	uart_write(&u, UART_IER, UART_IER_THRI);
	uart_write(&u, UART_TX, 'a');
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	EXPECT_EQ(UART_IIR_THRI, iir(&u));
}

TEST(line_status_interrupt_is_for_overrun_too)
{
	struct uart u = set_up(0);

	uart_write(&u, UART_IER, UART_IER_RLSI);
	receive_many(&u, 2);
	EXPECT_EQ(UART_IIR_RLSI, iir(&u));
	uart_read(&u, UART_LSR);
	EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
}

/* What the kernel's 8250 driver tries on a port before it believes in it. */
TEST(linux_8250_start_up_tests_pass)
{
	struct uart u = power_on();

	uart_write(&u, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	EXPECT_EQ(UART_MSR_DCD | UART_MSR_CTS, uart_read(&u, UART_MSR) & 0xf0);
	uart_write(&u, UART_MCR, 0);
	uart_write(&u, UART_LCR, UART_LCR_CONF_MODE_B);
	uart_write(&u, UART_EFR, 0);
	uart_write(&u, UART_LCR, 0);
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(3, uart_read(&u, UART_IIR) >> 6);
	uart_write(&u, UART_IER, UART_IER_THRI);
	EXPECT_FALSE(uart_read(&u, UART_IIR) & UART_IIR_NO_INT);
	uart_write(&u, UART_IER, 0);
	uart_write(&u, UART_IER, UART_IER_THRI);
	EXPECT_FALSE(uart_read(&u, UART_IIR) & UART_IIR_NO_INT);
}

/* ---- time-out ---- */

TEST(timeout_counts_below_the_trigger_only)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_4);

	EXPECT_FALSE(uart_wants_timeout(&u));
	receive_many(&u, 3);
	EXPECT_TRUE(uart_wants_timeout(&u));
	receive(&u, 0, 0);
	EXPECT_FALSE(uart_wants_timeout(&u));
}

TEST(timeout_interrupts_until_a_character_is_read)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);

	uart_write(&u, UART_IER, UART_IER_RDI);
	receive_many(&u, 2);
	uart_timeout(&u);
	EXPECT_EQ(UART_IIR_RX_TIMEOUT, iir(&u));
	EXPECT_EQ(UART_IIR_RX_TIMEOUT, iir(&u));
	EXPECT_FALSE(uart_wants_timeout(&u));
	uart_read(&u, UART_RX);
	EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
	EXPECT_TRUE(uart_wants_timeout(&u));
}

TEST(timeout_gives_way_to_the_trigger)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_4);

	uart_write(&u, UART_IER, UART_IER_RDI);
	receive_many(&u, 2);
	uart_timeout(&u);
	receive_many(&u, 2);
	EXPECT_EQ(UART_IIR_RDI, iir(&u));
}

TEST(timeout_needs_the_fifos)
{
	struct uart u = set_up(0);

	receive(&u, 'a', 0);
	EXPECT_FALSE(uart_wants_timeout(&u));
	uart_timeout(&u);
	EXPECT_FALSE(u.timed_out);
}

TEST(timeout_ends_when_the_receiver_is_cleared)
{
	struct uart u = set_up(UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);

	uart_write(&u, UART_IER, UART_IER_RDI);
	receive_many(&u, 2);
	uart_timeout(&u);
	uart_write(&u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	EXPECT_EQ(UART_IIR_NO_INT, iir(&u));
}

TEST(character_time_follows_format_and_divisor)
{
	static const struct {
		u8 lcr;
		unsigned int half_bits;
	} row[] = {
		{ UART_LCR_WLEN8, 20 },
		{ UART_LCR_WLEN7, 18 },
		{ UART_LCR_WLEN8 | UART_LCR_PARITY, 22 },
		{ UART_LCR_WLEN8 | UART_LCR_STOP, 22 },
		{ UART_LCR_WLEN5 | UART_LCR_STOP, 15 },
		{ UART_LCR_WLEN8 | UART_LCR_PARITY | UART_LCR_STOP, 24 },
	};
	struct uart u = power_on();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		u.lcr = row[i].lcr;
		u.divisor = 1;
		EXPECT_EQ(row[i].half_bits * 1000000000ULL / 230400, uart_char_ns(&u));
		u.divisor = 96;
		EXPECT_EQ(96 * row[i].half_bits * 1000000000ULL / 230400, uart_char_ns(&u));
		u.divisor = 0;
		EXPECT_EQ(65536 * row[i].half_bits * 1000000000ULL / 230400, uart_char_ns(&u));
	}
}

/* ---- modem lines ---- */

TEST(deltas_tell_what_changed_and_are_told_once)
{
	struct uart u = power_on();

	uart_set_inputs(&u, UART_MSR_CTS | UART_MSR_DCD);
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DCD | UART_MSR_DCTS | UART_MSR_DDCD,
		  uart_read(&u, UART_MSR));
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DCD, uart_read(&u, UART_MSR));
	uart_set_inputs(&u, UART_MSR_CTS | UART_MSR_DSR);
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DDSR | UART_MSR_DDCD,
		  uart_read(&u, UART_MSR));
}

TEST(ring_counts_at_its_end)
{
	struct uart u = power_on();

	uart_set_inputs(&u, UART_MSR_RI);
	EXPECT_EQ(UART_MSR_RI, uart_read(&u, UART_MSR));
	uart_set_inputs(&u, 0);
	EXPECT_EQ(UART_MSR_TERI, uart_read(&u, UART_MSR));
}

TEST(delta_of_a_line_that_went_and_came_stays)
{
	struct uart u = power_on();

	uart_set_inputs(&u, UART_MSR_DSR);
	uart_set_inputs(&u, 0);
	EXPECT_EQ(UART_MSR_DDSR, uart_read(&u, UART_MSR));
}

TEST(loop_mode_connects_outputs_to_inputs)
{
	static const u8 line[] = { UART_MSR_DSR, UART_MSR_CTS, UART_MSR_RI, UART_MSR_DCD };
	struct uart u = power_on();
	unsigned int i;

	uart_set_inputs(&u, UART_MSR_CTS);
	for (i = 0; i < ARRAY_SIZE(line); i++) {
		uart_write(&u, UART_MCR, UART_MCR_LOOP | 1 << i);
		EXPECT_EQ(line[i], uart_read(&u, UART_MSR) & 0xf0);
	}
	uart_write(&u, UART_MCR, 0);
	EXPECT_EQ(UART_MSR_CTS, uart_read(&u, UART_MSR) & 0xf0);
}

TEST(loop_mode_hides_outputs_and_break)
{
	struct uart u = power_on();

	uart_write(&u, UART_LCR, UART_LCR_SBC);
	uart_write(&u, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2);
	EXPECT_EQ(UART_MCR_DTR | UART_MCR_RTS, uart_outputs(&u));
	EXPECT_TRUE(uart_breaks(&u));
	uart_write(&u, UART_MCR, 0xff);
	EXPECT_EQ(0, uart_outputs(&u));
	EXPECT_FALSE(uart_breaks(&u));
}

TEST(modem_interrupt_follows_the_deltas)
{
	struct uart u = power_on();

	uart_write(&u, UART_IER, UART_IER_MSI);
	EXPECT_FALSE(uart_irq(&u));
	uart_set_inputs(&u, UART_MSR_DCD);
	EXPECT_EQ(UART_IIR_MSI, iir(&u));
	uart_read(&u, UART_MSR);
	EXPECT_FALSE(uart_irq(&u));
}

/* ---- hostile ---- */

static void check_invariants(struct uart *u)
{
	u8 lsr;

	assert(u->rx.len <= UART_FIFO_LEN && u->tx.len <= UART_FIFO_LEN);
	assert(u->fcr & UART_FCR_ENABLE_FIFO || (u->rx.len <= 1 && u->tx.len <= 1));
	assert(!(u->ier & 0xf0) && !(u->mcr & 0xe0));
	assert(!u->timed_out || u->rx.len);
	assert(!u->thre_due || !u->tx.len);
	assert(uart_irq(u) == !(uart_iir(u) & 1));
	assert(u->ier || !uart_irq(u));
	assert(uart_char_ns(u));
	lsr = uart_read(u, UART_LSR);
	assert(!(lsr & UART_LSR_TEMT) || lsr & UART_LSR_THRE);
	assert(!(lsr & UART_LSR_DR) == !u->rx.len);
}

static void do_anything(struct uart *u)
{
	u32 r = world_random();

	switch (r >> 8 & 7) {
	case 0:
		receive(u, r, r >> 16);
		break;
	case 1:
		line_takes(u);
		break;
	case 2:
		uart_tx_load(u);
		break;
	case 3:
		uart_timeout(u);
		uart_set_inputs(u, r);
		break;
	case 4:
	case 5:
		uart_read(u, r % UART_REGS);
		break;
	default:
		uart_write(u, r % UART_REGS, r >> 16);
	}
}

TEST(a_million_random_events_break_nothing)
{
	struct uart u = power_on();
	unsigned int i;

	for (i = 0; i < 1000000; i++) {
		do_anything(&u);
		check_invariants(&u);
	}
	uart_reset(&u);
	uart_set_inputs(&u, 0);
	uart_read(&u, UART_MSR);
	EXPECT_EQ(IDLE, uart_read(&u, UART_LSR));
	EXPECT_FALSE(uart_irq(&u));
}
