/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - a 16550A as its data sheet and Linux's 8250 driver expect it
 *
 * Pure logic: no lock, no timer, no line. Whoever has a uart asks it what it
 * wants (interrupt, time-out, something to send) after each call that changes
 * something, and moves its characters. Sections are those of serial.rst.
 */
#ifndef VFIOLAB_UART_H
#define VFIOLAB_UART_H

#include <linux/serial_reg.h>
#include <linux/types.h>

#define UART_FIFO_LEN	16
#define UART_REGS	8

/**
 * struct uart_char - a character on its way
 * @data: the character
 * @flags: UART_LSR_PE, UART_LSR_FE and UART_LSR_BI: what went wrong with it
 */
struct uart_char {
	u8 data;
	u8 flags;
};

/**
 * struct uart_fifo - characters in order
 * @c: the characters, from @head on, round the end
 * @head: index of the oldest
 * @len: how many
 */
struct uart_fifo {
	struct uart_char c[UART_FIFO_LEN];
	u8 head, len;
};

/**
 * struct uart - registers and buffers of one port
 * @ier: interrupt enable
 * @fcr: FIFO control, without the bits that reset a FIFO
 * @lcr: line control
 * @mcr: modem control
 * @scr: scratch
 * @divisor: divisor latch
 * @rx: received and not yet read
 * @tx: written and not yet sent; its last character is the holding register
 * @shift: the character that is being sent
 * @shifting: there is one in @shift
 * @errors: UART_LSR_OE, UART_LSR_PE, ... that belong to no character in @rx
 * @thre_due: the holding register ran empty and nobody was told yet
 * @timed_out: characters wait in @rx and nothing has happened for too long
 * @inputs: modem lines as the far end drives them, UART_MSR_CTS to _DCD
 * @lines: modem lines as the MSR shows them
 * @delta: UART_MSR_DCTS to _DDCD
 *
 * Zeroed and reset it is as after power-on. Its owner has the lock.
 */
struct uart {
	u8 ier, fcr, lcr, mcr, scr;
	u16 divisor;
	struct uart_fifo rx, tx;
	struct uart_char shift;
	bool shifting;
	u8 errors;
	bool thre_due, timed_out;
	u8 inputs, lines, delta;
};

void uart_reset(struct uart *u);
u8 uart_read(struct uart *u, unsigned int reg);
void uart_write(struct uart *u, unsigned int reg, u8 val);
u8 uart_iir(const struct uart *u);

/* Does the port's interrupt output want attention? */
static inline bool uart_irq(const struct uart *u)
{
	return !(uart_iir(u) & UART_IIR_NO_INT);
}

/* Is the transmitter connected to the receiver (MCR.LOOP)? */
static inline bool uart_looped(const struct uart *u)
{
	return u->mcr & UART_MCR_LOOP;
}

bool uart_tx_load(struct uart *u);
void uart_tx_shift(struct uart *u, u8 data);
void uart_tx_sent(struct uart *u);

bool uart_rx_room(const struct uart *u);
void uart_rx(struct uart *u, struct uart_char c);
void uart_rx_error(struct uart *u, u8 flags);
struct uart_char uart_rx_mask(const struct uart *u, struct uart_char c);

bool uart_wants_timeout(const struct uart *u);
void uart_timeout(struct uart *u);
u64 uart_char_ns(const struct uart *u);

u8 uart_outputs(const struct uart *u);
bool uart_breaks(const struct uart *u);
void uart_set_inputs(struct uart *u, u8 inputs);

#endif
