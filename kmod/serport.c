// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - a serial port: a uart with its rings and timers, at the end of a line
 */
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "compat.h"
#include "serport.h"

#define TIMEOUT_CHARS	4	/* PC16550D, FIFO interrupt mode operation */
#define MIN_REST	(10 * NSEC_PER_USEC)
#define MAX_REST	(20 * NSEC_PER_MSEC)
#define BLIND_REST	8
#define NULL_MODEM	"null-modem:"

static struct serport *end_to_port(struct line_end *end)
{
	return container_of(end, struct serport, end);
}

/* ---- what follows from a change ---- */

/* Unpaced, the time-out is that of the highest speed. */
static u64 timeout_ns(const struct serport *port)
{
	u64 ns = TIMEOUT_CHARS * uart_char_ns(&port->uart);

	return port->end.paced ? ns : div_u64(ns, port->uart.divisor ?: 0x10000);
}

static void start_timer(struct serport *port, struct hrtimer *timer, u64 ns)
{
	if (port->live)
		hrtimer_start(timer, ns_to_ktime(ns), HRTIMER_MODE_REL_HARD);
}

/**
 * serport_changed() - derive interrupt and time-out from the port's state
 * @port: the port
 *
 * After each change. fn->lock held.
 */
void serport_changed(struct serport *port)
{
	lockdep_assert_held(&port->fn->lock);
	vlab_irq_set(port->fn, port->vec, uart_irq(&port->uart));
	vlab_irq_source(port->fn, port->vec, VLAB_IRQ_RING, ring_irq(&port->ring));
	if (uart_wants_timeout(&port->uart) && !hrtimer_is_queued(&port->rx_timer))
		start_timer(port, &port->rx_timer, timeout_ns(port));
}

static void kick(struct serport *port)
{
	port->held = false;
	if (port->live)
		line_kick(&port->end);
}

static void ring_changed(struct ring *ring)
{
	struct serport *port = container_of(ring, struct serport, ring);

	serport_changed(port);
	kick(port);
}

/* ---- modem lines ---- */

static void update_inputs(struct serport *port)
{
	u8 in = 0;

	if (port->wired & LINE_RTS)
		in |= UART_MSR_CTS;
	if (port->wired & LINE_DTR)
		in |= UART_MSR_DSR;
	if (port->wired & LINE_DTR && !port->carrier_lost)
		in |= UART_MSR_DCD;
	if (port->ringing)
		in |= UART_MSR_RI;
	uart_set_inputs(&port->uart, in);
}

static u8 port_outputs(struct line_end *end)
{
	struct serport *port = end_to_port(end);
	unsigned long flags;
	u8 mcr, out = 0;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	mcr = uart_outputs(&port->uart);
	if (mcr & UART_MCR_DTR)
		out |= LINE_DTR;
	if (mcr & UART_MCR_RTS)
		out |= LINE_RTS;
	if (uart_breaks(&port->uart))
		out |= LINE_BREAK;
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	return out;
}

static void port_inputs(struct line_end *end, u8 outputs)
{
	struct serport *port = end_to_port(end);
	unsigned long flags;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	port->wired = outputs;
	update_inputs(port);
	serport_changed(port);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
}

/* ---- receiver ---- */

static bool has_room(const struct serport *port)
{
	return port->ring.rx.on ? ring_rx_room(&port->ring) : uart_rx_room(&port->uart);
}

static void receive(struct serport *port, struct uart_char c)
{
	c.flags |= port->spoil;
	port->spoil = 0;
	port->rx_at = ktime_get();
	if (!port->uart.rx.len)
		port->fed_at = port->rx_at;
	if (!port->ring.rx.on) {
		uart_rx(&port->uart, c);
		return;
	}
	c = uart_rx_mask(&port->uart, c);
	uart_rx_error(&port->uart, c.flags);
	ring_rx_put(&port->ring, c.data);
}

static bool port_put(struct line_end *end, struct uart_char c, bool force)
{
	struct serport *port = end_to_port(end);
	unsigned long flags;
	bool taken = true;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	/* In loopback mode the receiver is not connected to the line. */
	if (!uart_looped(&port->uart)) {
		taken = force || has_room(port);
		port->held = !taken;
		if (taken)
			receive(port, c);
	}
	serport_changed(port);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	return taken;
}

static enum hrtimer_restart rx_timer(struct hrtimer *timer)
{
	struct serport *port = container_of(timer, struct serport, rx_timer);
	unsigned long flags;
	s64 left;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	left = timeout_ns(port) - ktime_to_ns(ktime_sub(ktime_get(), port->rx_at));
	if (left <= 0)
		uart_timeout(&port->uart);
	else if (uart_wants_timeout(&port->uart))
		start_timer(port, timer, left);
	serport_changed(port);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	return HRTIMER_NORESTART;
}

/* ---- transmitter ---- */

/* Have the next character in the shift register: from the FIFO, then the ring. */
static bool load(struct serport *port)
{
	struct uart *u = &port->uart;
	u8 data;

	if (u->shifting)
		return true;
	if (!uart_tx_load(u)) {
		if (!ring_tx_get(&port->ring, &data))
			return false;
		uart_tx_shift(u, data);
	}
	port->elapsed = !port->end.paced;
	if (!port->elapsed)
		start_timer(port, &port->tx_timer, uart_char_ns(u));
	return true;
}

/* Characters that never reach the line: looped back, or lost in a break. */
static bool stays_inside(struct serport *port)
{
	struct uart *u = &port->uart;

	if (!uart_looped(u) && !uart_breaks(u))
		return false;
	if (uart_looped(u))
		receive(port, u->shift);
	uart_tx_sent(u);
	return true;
}

static bool port_peek(struct line_end *end, struct uart_char *c)
{
	struct serport *port = end_to_port(end);
	unsigned long flags;
	bool ready;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	do
		ready = load(port) && port->elapsed;
	while (ready && stays_inside(port));
	*c = port->uart.shift;
	serport_changed(port);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	return ready;
}

static void port_sent(struct line_end *end)
{
	struct serport *port = end_to_port(end);
	unsigned long flags;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	uart_tx_sent(&port->uart);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
}

static enum hrtimer_restart tx_timer(struct hrtimer *timer)
{
	struct serport *port = container_of(timer, struct serport, tx_timer);
	unsigned long flags;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	/* Queued again: a reset came first, and another character since. */
	if (!hrtimer_is_queued(timer))
		port->elapsed = true;
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	line_run(&port->end);
	return HRTIMER_NORESTART;
}

static const struct line_ops port_ops = {
	.outputs = port_outputs,
	.inputs = port_inputs,
	.peek = port_peek,
	.sent = port_sent,
	.put = port_put,
};

/* ---- registers ---- */

static bool is_data(const struct serport *port, unsigned int reg)
{
	return reg == UART_RX && !(port->uart.lcr & UART_LCR_DLAB);
}

/*
 * Has the driver seen that nothing is left to do? IIR says so to an interrupt
 * handler, and to one that polls LSR does, the second time.
 */
static bool saw_idle(struct serport *port, unsigned int reg, u8 val)
{
	bool empty = reg == UART_LSR && !(val & UART_LSR_DR);
	bool again = empty && port->saw_empty;

	port->saw_empty = empty;
	return again || (reg == UART_IIR && val & UART_IIR_NO_INT);
}

/*
 * A far end without pace is held back while the FIFO is full. If it went on with
 * each byte read, an interrupt handler, which reads until nothing is left, would
 * stay in its loop for as long as there is data. So it rests for as long as the
 * driver was busy with what it got last: the driver has half of its time for
 * itself, however fast it is. A driver that read all and does not look again is
 * given more time, and then more data.
 */
static void rest(struct serport *port, bool idle)
{
	s64 ns = ktime_to_ns(ktime_sub(ktime_get(), port->fed_at));

	ns = clamp_t(s64, idle ? ns : BLIND_REST * ns, MIN_REST, MAX_REST);
	if (!hrtimer_is_queued(&port->feed_timer) ||
	    ktime_to_ns(hrtimer_get_remaining(&port->feed_timer)) > ns)
		start_timer(port, &port->feed_timer, ns);
}

static enum hrtimer_restart feed_timer(struct hrtimer *timer)
{
	struct serport *port = container_of(timer, struct serport, feed_timer);
	unsigned long flags;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	kick(port);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	return HRTIMER_NORESTART;
}

/**
 * serport_in() - read a register
 * @port: the port
 * @reg: UART_RX to UART_SCR
 *
 * fn->lock held.
 *
 * Return: the value; side effects have happened.
 */
u8 serport_in(struct serport *port, unsigned int reg)
{
	bool data = is_data(port, reg), idle;
	u8 val = uart_read(&port->uart, reg);

	if (data)
		port->rx_at = ktime_get();
	idle = saw_idle(port, reg, val);
	if (port->held && (idle || (data && !port->uart.rx.len)))
		rest(port, idle);
	if (reg == UART_LSR && ring_tx_staged(&port->ring))
		val &= ~UART_LSR_TEMT;
	serport_changed(port);
	return val;
}

/**
 * serport_out() - write a register
 * @port: the port
 * @reg: UART_TX to UART_SCR
 * @val: the value
 *
 * fn->lock held.
 */
void serport_out(struct serport *port, unsigned int reg, u8 val)
{
	static const u8 moves = 1 << UART_TX | 1 << UART_FCR | 1 << UART_LCR | 1 << UART_MCR;

	if (is_data(port, reg) && port->ring.tx.on)
		return;
	uart_write(&port->uart, reg, val);
	if (moves & 1 << reg)
		kick(port);
	serport_changed(port);
}

/**
 * serport_reset() - back to the state after power-on
 * @port: the port
 *
 * What the far end drives stays; a loopback plug drives what the port does.
 * fn->lock held.
 */
void serport_reset(struct serport *port)
{
	if (port->looped)
		port->wired = 0;
	port->ringing = false;
	port->carrier_lost = false;
	port->spoil = 0;
	ring_reset(&port->ring);
	update_inputs(port);
	uart_reset(&port->uart);
	kick(port);
	serport_changed(port);
}

/* ---- line conditions on demand ---- */

static void act_break(struct serport *port)
{
	receive(port, (struct uart_char) { .flags = UART_LSR_BI | UART_LSR_FE });
}

static void act_parity(struct serport *port)
{
	port->spoil |= UART_LSR_PE;
}

static void act_framing(struct serport *port)
{
	port->spoil |= UART_LSR_FE;
}

static void act_overrun(struct serport *port)
{
	uart_rx_error(&port->uart, UART_LSR_OE);
}

static void act_ring(struct serport *port)
{
	port->ringing = true;
	update_inputs(port);
	port->ringing = false;
	update_inputs(port);
}

static void act_carrier_loss(struct serport *port)
{
	port->carrier_lost = true;
	update_inputs(port);
}

static void act_carrier(struct serport *port)
{
	port->carrier_lost = false;
	update_inputs(port);
}

static const struct {
	const char *what;
	void (*act)(struct serport *port);
} acts[] = {
	{ "break", act_break },
	{ "parity", act_parity },
	{ "framing", act_framing },
	{ "overrun", act_overrun },
	{ "ring", act_ring },
	{ "carrier-loss", act_carrier_loss },
	{ "carrier", act_carrier },
};

/**
 * serport_act() - let something happen on the line
 * @port: the port
 * @what: one word
 *
 * Return: 0, -EINVAL unknown word.
 */
int serport_act(struct serport *port, const char *what)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (strcmp(acts[i].what, what))
			continue;
		raw_spin_lock_irqsave(&port->fn->lock, flags);
		acts[i].act(port);
		serport_changed(port);
		raw_spin_unlock_irqrestore(&port->fn->lock, flags);
		return 0;
	}
	return -EINVAL;
}

/* ---- far ends and life ---- */

/* "CARD/PORT", both there. */
static bool is_endpoint(const char *text)
{
	const char *slash = strrchr(text, '/');

	return slash && slash != text && slash[1] >= '0' && slash[1] < '0' + VLAB_MAX_PORTS &&
	       !slash[2];
}

/**
 * serport_check_far() - is it a far end?
 * @far: text
 *
 * Return: 0, -EINVAL.
 */
int serport_check_far(const char *far)
{
	if (!strcmp(far, "loopback") || !strcmp(far, "none") || !strcmp(far, "tty"))
		return 0;
	if (!strncmp(far, NULL_MODEM, strlen(NULL_MODEM)) &&
	    is_endpoint(far + strlen(NULL_MODEM)))
		return 0;
	return -EINVAL;
}

/**
 * serport_init() - a port that is connected to nothing
 * @port: the port, zeroed
 * @fn: its function
 * @vec: its interrupt source
 * @paced: its characters take their time
 *
 * First in a model's init().
 */
void serport_init(struct serport *port, struct vlab_fn *fn, unsigned int vec, bool paced)
{
	port->fn = fn;
	port->vec = vec;
	line_init(&port->end, &port_ops, paced);
	ring_init(&port->ring, fn, paced, ring_changed);
	vlab_hrtimer_setup(&port->tx_timer, tx_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	vlab_hrtimer_setup(&port->rx_timer, rx_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	vlab_hrtimer_setup(&port->feed_timer, feed_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
}

/**
 * serport_attach() - get the far end that is not a port, if it is one
 * @port: the port
 * @far: a far end that serport_check_far() likes
 *
 * Process context.
 *
 * Return: 0, -ENOENT no module for it, or its error.
 */
int serport_attach(struct serport *port, const char *far)
{
	struct line_end *end;

	port->looped = !strcmp(far, "loopback");
	if (strcmp(far, "tty"))
		return 0;
	port->kind = line_far_get(far);
	if (!port->kind)
		return -ENOENT;
	end = port->kind->attach();
	if (IS_ERR(end))
		return PTR_ERR(end);
	port->far = end;
	return 0;
}

/**
 * serport_plug() - connect the port
 * @port: the port
 * @number: of the port on its card
 * @far: the far end, as for serport_attach()
 *
 * From a model's start().
 */
void serport_plug(struct serport *port, unsigned int number, const char *far)
{
	port->live = true;
	if (port->far)
		line_join(&port->end, port->far);
	else if (port->looped)
		line_join(&port->end, &port->end);
	else if (!strncmp(far, NULL_MODEM, strlen(NULL_MODEM)))
		line_seek(&port->end, vlab_card_name(port->fn->card), number,
			  far + strlen(NULL_MODEM));
}

/**
 * serport_stop() - disconnect it, and wait for timers and work
 * @port: the port, which nobody accesses any more
 *
 * From a model's stop(), before a grace period of RCU: irq_work_sync() alone
 * misses work that was queued again, on another CPU, while it ran.
 */
void serport_stop(struct serport *port)
{
	unsigned long flags;

	line_leave(&port->end);
	raw_spin_lock_irqsave(&port->fn->lock, flags);
	port->live = false;
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	ring_stop(&port->ring);
	irq_work_sync(&port->end.work);
	hrtimer_cancel(&port->tx_timer);
	hrtimer_cancel(&port->rx_timer);
	hrtimer_cancel(&port->feed_timer);
}

/**
 * serport_detach() - give back what serport_attach() got
 * @port: the port
 */
void serport_detach(struct serport *port)
{
	if (port->far)
		port->kind->detach(port->far);
	if (port->kind)
		line_far_put(port->kind);
	port->far = NULL;
	port->kind = NULL;
}

/**
 * serport_node() - name of what user space opens at the far end
 * @port: the port
 * @buf: text
 * @len: its size
 *
 * Return: 0.
 */
int serport_node(const struct serport *port, char *buf, size_t len)
{
	scnprintf(buf, len, "%s", port->far ? port->kind->node(port->far) : "");
	return 0;
}
