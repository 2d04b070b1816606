/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - a serial port: a uart with its rings and timers, at the end of a line
 */
#ifndef VFIOLAB_SERPORT_H
#define VFIOLAB_SERPORT_H

#include <linux/hrtimer.h>

#include "line.h"
#include "ring.h"
#include "uart.h"

/**
 * struct serport - one port
 * @fn: its function; fn->lock protects all but @end, which line.c protects,
 *	and what is set once
 * @uart: registers and FIFOs
 * @ring: transfers by DMA
 * @vec: interrupt source of the port
 * @end: its end of the line
 * @kind: where the far end comes from, NULL when it needs no module
 * @far: far end that @kind made
 * @looped: a loopback plug is on the connector
 * @live: between serport_plug() and serport_stop(): timers and work may start
 * @held: the far end was refused a character and waits for room
 * @saw_empty: the driver's last read was one of LSR that found no data
 * @elapsed: the character in the shift register has taken its time
 * @tx_timer: runs while a character takes its time
 * @rx_timer: the time-out counter, somewhat: it looks at @rx_at when it fires
 * @feed_timer: what was held back may go on
 * @fed_at: when a character last came into the empty FIFO
 * @rx_at: when a character was last received or read
 * @wired: LINE_* that the far end drives
 * @ringing: the telephone does
 * @carrier_lost: DCD is off, whatever the far end drives
 * @spoil: errors that the next character arrives with
 *
 * Embedded in a model, from serport_init() to serport_stop().
 */
struct serport {
	struct vlab_fn *fn;
	struct uart uart;
	struct ring ring;
	unsigned int vec;
	struct line_end end;
	const struct line_far *kind;
	struct line_end *far;
	bool looped;
	bool live, held, elapsed, saw_empty;
	struct hrtimer tx_timer, rx_timer, feed_timer;
	ktime_t rx_at, fed_at;
	u8 wired;
	bool ringing, carrier_lost;
	u8 spoil;
};

void serport_init(struct serport *port, struct vlab_fn *fn, unsigned int vec, bool paced);
int serport_attach(struct serport *port, const char *far);
void serport_plug(struct serport *port, unsigned int number, const char *far);
void serport_stop(struct serport *port);
void serport_detach(struct serport *port);

/* Registers and resets; fn->lock held. */
u8 serport_in(struct serport *port, unsigned int reg);
void serport_out(struct serport *port, unsigned int reg, u8 val);
void serport_reset(struct serport *port);
void serport_changed(struct serport *port);

int serport_check_far(const char *far);
int serport_act(struct serport *port, const char *what);
int serport_node(const struct serport *port, char *buf, size_t len);

#endif
