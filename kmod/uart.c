// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - a 16550A as its data sheet and Linux's 8250 driver expect it
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "uart.h"

#define CLOCK_DIV16	115200		/* 1.8432 MHz / 16: baud rate of divisor 1 */
#define CHAR_ERRORS	(UART_LSR_PE | UART_LSR_FE | UART_LSR_BI)
#define MSR_LINES	(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_RI | UART_MSR_DCD)
#define MCR_BITS	(UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | \
			 UART_MCR_LOOP)
#define IER_BITS	(UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define IIR_TIMEOUT	(UART_IIR_RDI | UART_IIR_TOD)
#define IIR_FIFOS	0xc0
#define RESET_DIVISOR	12		/* 9600 baud */

/* ---- buffers ---- */

static bool fifos_on(const struct uart *u)
{
	return u->fcr & UART_FCR_ENABLE_FIFO;
}

static unsigned int depth(const struct uart *u)
{
	return fifos_on(u) ? UART_FIFO_LEN : 1;
}

/* The character @at places behind the oldest. */
static struct uart_char *fifo_at(struct uart_fifo *f, unsigned int at)
{
	return &f->c[(f->head + at) % UART_FIFO_LEN];
}

static void fifo_push(struct uart_fifo *f, struct uart_char c)
{
	*fifo_at(f, f->len++) = c;
}

static struct uart_char fifo_pop(struct uart_fifo *f)
{
	struct uart_char c = *fifo_at(f, 0);

	f->head = (f->head + 1) % UART_FIFO_LEN;
	f->len--;
	return c;
}

static void rx_clear(struct uart *u)
{
	u->rx.len = 0;
	u->timed_out = false;
}

static void tx_clear(struct uart *u)
{
	if (u->tx.len)
		u->thre_due = true;
	u->tx.len = 0;
}

/* ---- state that follows from other state ---- */

static u8 lsr(const struct uart *u)
{
	u8 val = u->errors;
	unsigned int i;

	if (u->rx.len)
		val |= UART_LSR_DR | u->rx.c[u->rx.head].flags;
	if (!u->tx.len)
		val |= UART_LSR_THRE;
	if (!u->tx.len && !u->shifting)
		val |= UART_LSR_TEMT;
	for (i = 0; fifos_on(u) && i < u->rx.len; i++)
		if (u->rx.c[(u->rx.head + i) % UART_FIFO_LEN].flags)
			val |= UART_LSR_FIFOE;
	return val;
}

static unsigned int trigger(const struct uart *u)
{
	static const u8 level[] = { 1, 4, 8, 14 };

	return fifos_on(u) ? level[u->fcr >> 6] : 1;
}

/**
 * uart_iir() - the interrupt that has priority
 * @u: the port
 *
 * All of the port's interrupt logic.
 *
 * Return: what a read of IIR returns.
 */
u8 uart_iir(const struct uart *u)
{
	u8 fifos = fifos_on(u) ? IIR_FIFOS : 0;

	if (u->ier & UART_IER_RLSI && lsr(u) & UART_LSR_BRK_ERROR_BITS)
		return fifos | UART_IIR_RLSI;
	if (u->ier & UART_IER_RDI && u->rx.len >= trigger(u))
		return fifos | UART_IIR_RDI;
	if (u->ier & UART_IER_RDI && u->timed_out)
		return fifos | IIR_TIMEOUT;
	if (u->ier & UART_IER_THRI && u->thre_due)
		return fifos | UART_IIR_THRI;
	if (u->ier & UART_IER_MSI && u->delta)
		return fifos | UART_IIR_MSI;
	return fifos | UART_IIR_NO_INT;
}

/* DTR, RTS, OUT1 and OUT2 in the place of DSR, CTS, RI and DCD. */
static u8 looped_lines(u8 mcr)
{
	return (mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
	       (mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
	       (mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
	       (mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
}

static void update_lines(struct uart *u)
{
	u8 now = uart_looped(u) ? looped_lines(u->mcr) : u->inputs;
	u8 changed = now ^ u->lines;

	/* The ring indicator counts when it ends, not when it begins. */
	changed &= ~(now & UART_MSR_RI);
	u->lines = now;
	u->delta |= changed >> 4;
}

/* ---- registers ---- */

static u8 rbr_read(struct uart *u)
{
	if (!u->rx.len)
		return 0;
	u->timed_out = false;
	return fifo_pop(&u->rx).data;
}

static void thr_write(struct uart *u, u8 val)
{
	u->thre_due = false;
	/* The holding register is overwritten, a full FIFO is not. */
	if (!fifos_on(u))
		u->tx.len = 0;
	if (u->tx.len < depth(u))
		fifo_push(&u->tx, (struct uart_char) { .data = val });
}

static u8 ier_read(struct uart *u)
{
	return u->ier;
}

static void ier_write(struct uart *u, u8 val)
{
	if (val & ~u->ier & UART_IER_THRI && !u->tx.len)
		u->thre_due = true;
	u->ier = val & IER_BITS;
}

static u8 iir_read(struct uart *u)
{
	u8 val = uart_iir(u);

	if ((val & UART_IIR_ID) == UART_IIR_THRI)
		u->thre_due = false;
	return val;
}

static void fcr_write(struct uart *u, u8 val)
{
	bool on = val & UART_FCR_ENABLE_FIFO, toggled = on != fifos_on(u);

	if (toggled || (on && val & UART_FCR_CLEAR_RCVR))
		rx_clear(u);
	if (toggled || (on && val & UART_FCR_CLEAR_XMIT))
		tx_clear(u);
	u->fcr = on ? val & ~(UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT) : 0;
}

static u8 lcr_read(struct uart *u)
{
	return u->lcr;
}

static void lcr_write(struct uart *u, u8 val)
{
	u->lcr = val;
}

static u8 mcr_read(struct uart *u)
{
	return u->mcr;
}

static void mcr_write(struct uart *u, u8 val)
{
	u->mcr = val & MCR_BITS;
	update_lines(u);
}

static u8 lsr_read(struct uart *u)
{
	u8 val = lsr(u);

	u->errors = 0;
	if (u->rx.len)
		fifo_at(&u->rx, 0)->flags = 0;
	return val;
}

static u8 msr_read(struct uart *u)
{
	u8 val = u->lines | u->delta;

	u->delta = 0;
	return val;
}

static void ignore_write(struct uart *u, u8 val)
{
}

static u8 scr_read(struct uart *u)
{
	return u->scr;
}

static void scr_write(struct uart *u, u8 val)
{
	u->scr = val;
}

static u8 dll_read(struct uart *u)
{
	return u->divisor;
}

static void dll_write(struct uart *u, u8 val)
{
	u->divisor = (u->divisor & 0xff00) | val;
}

static u8 dlm_read(struct uart *u)
{
	return u->divisor >> 8;
}

static void dlm_write(struct uart *u, u8 val)
{
	u->divisor = (u->divisor & 0x00ff) | val << 8;
}

struct uart_reg {
	u8 (*read)(struct uart *u);
	void (*write)(struct uart *u, u8 val);
};

static const struct uart_reg regs[UART_REGS] = {
	[UART_RX] = { rbr_read, thr_write },
	[UART_IER] = { ier_read, ier_write },
	[UART_IIR] = { iir_read, fcr_write },
	[UART_LCR] = { lcr_read, lcr_write },
	[UART_MCR] = { mcr_read, mcr_write },
	[UART_LSR] = { lsr_read, ignore_write },
	[UART_MSR] = { msr_read, ignore_write },
	[UART_SCR] = { scr_read, scr_write },
};

static const struct uart_reg divisor_regs[] = {
	[UART_DLL] = { dll_read, dll_write },
	[UART_DLM] = { dlm_read, dlm_write },
};

static const struct uart_reg *find_reg(const struct uart *u, unsigned int reg)
{
	if (u->lcr & UART_LCR_DLAB && reg < ARRAY_SIZE(divisor_regs))
		return &divisor_regs[reg];
	return &regs[reg];
}

/**
 * uart_read() - read a register
 * @u: the port
 * @reg: UART_RX to UART_SCR
 *
 * Return: the value; side effects have happened.
 */
u8 uart_read(struct uart *u, unsigned int reg)
{
	return find_reg(u, reg)->read(u);
}

/**
 * uart_write() - write a register
 * @u: the port
 * @reg: UART_TX to UART_SCR
 * @val: the value
 */
void uart_write(struct uart *u, unsigned int reg, u8 val)
{
	find_reg(u, reg)->write(u, val);
}

/**
 * uart_reset() - master reset
 * @u: the port
 *
 * All but the lines that the far end drives goes back to the state after
 * power-on; that includes what a real chip leaves alone (divisor, scratch).
 */
void uart_reset(struct uart *u)
{
	*u = (struct uart) {
		.divisor = RESET_DIVISOR,
		.inputs = u->inputs,
		.lines = u->inputs,
	};
}

/* ---- transmitter ---- */

static u8 data_mask(const struct uart *u)
{
	return 0xff >> (3 - (u->lcr & UART_LCR_WLEN8));
}

/**
 * uart_tx_shift() - a character begins to be sent
 * @u: the port, whose shift register is empty
 * @data: the character
 */
void uart_tx_shift(struct uart *u, u8 data)
{
	u->shift = (struct uart_char) { .data = data & data_mask(u) };
	u->shifting = true;
}

/**
 * uart_tx_load() - move the next character into the shift register
 * @u: the port
 *
 * Return: true: there is one in @u->shift, now or before.
 */
bool uart_tx_load(struct uart *u)
{
	if (u->shifting || !u->tx.len)
		return u->shifting;

	uart_tx_shift(u, fifo_pop(&u->tx).data);
	if (!u->tx.len)
		u->thre_due = true;
	return true;
}

/**
 * uart_tx_sent() - the character in the shift register is through
 * @u: the port
 */
void uart_tx_sent(struct uart *u)
{
	u->shifting = false;
}

/* ---- receiver ---- */

/**
 * uart_rx_room() - could a character be received without an overrun?
 * @u: the port
 *
 * Return: whether.
 */
bool uart_rx_room(const struct uart *u)
{
	return u->rx.len < depth(u);
}

/**
 * uart_rx_mask() - a character as this receiver's word length takes it
 * @u: the port
 * @c: as it was on the line
 *
 * Return: what is stored.
 */
struct uart_char uart_rx_mask(const struct uart *u, struct uart_char c)
{
	c.data &= data_mask(u);
	c.flags &= CHAR_ERRORS;
	return c;
}

/**
 * uart_rx() - a character arrives
 * @u: the port
 * @c: the character
 *
 * Without room it is an overrun: the one character of 16450 mode is replaced, a
 * full FIFO keeps what it has.
 */
void uart_rx(struct uart *u, struct uart_char c)
{
	if (!uart_rx_room(u)) {
		u->errors |= UART_LSR_OE;
		if (fifos_on(u))
			return;
		u->rx.len = 0;
	}
	fifo_push(&u->rx, uart_rx_mask(u, c));
}

/**
 * uart_rx_error() - something went wrong that belongs to no character in the FIFO
 * @u: the port
 * @flags: UART_LSR_OE, UART_LSR_PE, UART_LSR_FE, UART_LSR_BI
 */
void uart_rx_error(struct uart *u, u8 flags)
{
	u->errors |= flags & UART_LSR_BRK_ERROR_BITS;
}

/* ---- time ---- */

/**
 * uart_wants_timeout() - is the time-out counter running?
 * @u: the port
 *
 * It starts again with each character received or read.
 *
 * Return: whether.
 */
bool uart_wants_timeout(const struct uart *u)
{
	return fifos_on(u) && u->rx.len && u->rx.len < trigger(u) && !u->timed_out;
}

/**
 * uart_timeout() - four character times have passed
 * @u: the port
 */
void uart_timeout(struct uart *u)
{
	if (uart_wants_timeout(u))
		u->timed_out = true;
}

/**
 * uart_char_ns() - how long a character takes on the line
 * @u: the port
 *
 * Return: nanoseconds, by divisor and LCR; never 0.
 */
u64 uart_char_ns(const struct uart *u)
{
	unsigned int half_bits = 2 + 2 * (5 + (u->lcr & UART_LCR_WLEN8)) + 2;
	u64 divisor = u->divisor ?: 0x10000;

	if (u->lcr & UART_LCR_PARITY)
		half_bits += 2;
	/* The second stop bit of 5-bit characters is half a bit long. */
	if (u->lcr & UART_LCR_STOP)
		half_bits += u->lcr & UART_LCR_WLEN8 ? 2 : 1;
	return div_u64(half_bits * divisor * NSEC_PER_SEC, 2 * CLOCK_DIV16);
}

/* ---- modem lines ---- */

/**
 * uart_outputs() - modem lines that the port drives
 * @u: the port
 *
 * Return: UART_MCR_DTR and UART_MCR_RTS; inactive in loopback mode.
 */
u8 uart_outputs(const struct uart *u)
{
	return uart_looped(u) ? 0 : u->mcr & (UART_MCR_DTR | UART_MCR_RTS);
}

/**
 * uart_breaks() - does the port hold the line in a break?
 * @u: the port
 *
 * Return: whether.
 */
bool uart_breaks(const struct uart *u)
{
	return !uart_looped(u) && u->lcr & UART_LCR_SBC;
}

/**
 * uart_set_inputs() - modem lines as the far end drives them
 * @u: the port
 * @inputs: UART_MSR_CTS, UART_MSR_DSR, UART_MSR_RI, UART_MSR_DCD
 */
void uart_set_inputs(struct uart *u, u8 inputs)
{
	u->inputs = inputs & MSR_LINES;
	update_lines(u);
}
