// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - far end of a line: a tty
 *
 * /dev/ttyVLABn, as if a null-modem cable led from the card's port to a serial
 * port of this machine. It is there while the card is; pulling the card hangs
 * up who has it open.
 */
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/kfifo.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_flip.h>
#include <linux/tty_port.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "line.h"

#define TTYS		512	/* more than ports of all cards in all slots */
#define OUT_LEN		4096
#define IN_LEN		1024
#define WAKEUP_LEN	(OUT_LEN / 2)

/**
 * struct vlab_tty - one tty
 * @port: the tty layer's side; its reference count keeps all of this
 * @end: the card's side
 * @index: number in the driver and in the node's name
 * @node: name of the node
 * @work: brings to the tty layer what must not be brought from interrupts
 * @lock: protects all below
 * @out: written, to be sent
 * @next: the character that is being sent
 * @loaded: there is one in @next
 * @xchar: sent before anything in @out; 0 none
 * @in: received, to be handed to the tty layer
 * @drives: LINE_* that the user asks for
 * @wired: LINE_* that the card's port drives
 * @gone: the card was pulled
 * @open: somebody has the node open
 * @held: the card's port was refused a character
 * @overrun: a character was lost
 * @stopped: by ^S
 * @throttled: the reader is slow
 * @crtscts: RTS and CTS control the flow
 * @wakeup: writers are to be woken
 * @dropped: the carrier was lost, if only for a moment
 *
 * Made by tty_attach(); given up by tty_detach() and freed when the last one
 * who has it open closes it.
 */
struct vlab_tty {
	struct tty_port port;
	struct line_end end;
	unsigned int index;
	char node[24];
	struct delayed_work work;
	raw_spinlock_t lock;
	DECLARE_KFIFO(out, u8, OUT_LEN);
	u8 next;
	bool loaded;
	u8 xchar;
	DECLARE_KFIFO(in, struct uart_char, IN_LEN);
	u8 drives, wired;
	bool gone, open, held, overrun, stopped, throttled, crtscts, wakeup, dropped;
};

static struct tty_driver *driver;
static DEFINE_IDA(indices);

/* By index, those that can be opened; ttys_lock protects it. */
static struct vlab_tty *ttys[TTYS];
static DEFINE_MUTEX(ttys_lock);

static struct vlab_tty *end_to_tty(struct line_end *end)
{
	return container_of(end, struct vlab_tty, end);
}

static struct vlab_tty *port_to_tty(struct tty_port *port)
{
	return container_of(port, struct vlab_tty, port);
}

static void kick(struct vlab_tty *t)
{
	lockdep_assert_held(&t->lock);
	t->held = false;
	if (!t->gone)
		line_kick(&t->end);
}

static void work_soon(struct vlab_tty *t)
{
	lockdep_assert_held(&t->lock);
	if (!t->gone)
		schedule_delayed_work(&t->work, 0);
}

/* ---- the line's side ---- */

static u8 end_outputs(struct line_end *end)
{
	struct vlab_tty *t = end_to_tty(end);
	unsigned long flags;
	u8 out;

	raw_spin_lock_irqsave(&t->lock, flags);
	out = t->drives;
	if (t->crtscts && t->throttled)
		out &= ~LINE_RTS;
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return out;
}

static void end_inputs(struct line_end *end, u8 outputs)
{
	struct vlab_tty *t = end_to_tty(end);
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	t->dropped |= t->wired & ~outputs & LINE_DTR;
	t->wired = outputs;
	work_soon(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

static bool may_send(const struct vlab_tty *t)
{
	return !t->stopped && !(t->drives & LINE_BREAK) &&
	       !(t->crtscts && !(t->wired & LINE_RTS));
}

static bool load(struct vlab_tty *t)
{
	if (t->loaded)
		return true;
	if (t->xchar) {
		t->next = t->xchar;
		t->xchar = 0;
		t->loaded = true;
	} else if (may_send(t)) {
		t->loaded = kfifo_get(&t->out, &t->next);
	}
	return t->loaded;
}

static bool end_peek(struct line_end *end, struct uart_char *c)
{
	struct vlab_tty *t = end_to_tty(end);
	unsigned long flags;
	bool any;

	raw_spin_lock_irqsave(&t->lock, flags);
	any = load(t);
	*c = (struct uart_char) { .data = t->next };
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return any;
}

static void end_sent(struct line_end *end)
{
	struct vlab_tty *t = end_to_tty(end);
	unsigned int left;
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	t->loaded = false;
	left = kfifo_len(&t->out);
	if (!left || left == WAKEUP_LEN) {
		t->wakeup = true;
		work_soon(t);
	}
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

static bool end_put(struct line_end *end, struct uart_char c, bool force)
{
	struct vlab_tty *t = end_to_tty(end);
	unsigned long flags;
	bool taken = true;

	raw_spin_lock_irqsave(&t->lock, flags);
	/* Nobody listens to a port that is not open. */
	if (t->open && !kfifo_put(&t->in, c)) {
		t->overrun |= force;
		t->held = !force;
		taken = force;
	}
	work_soon(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return taken;
}

static const struct line_ops end_ops = {
	.outputs = end_outputs,
	.inputs = end_inputs,
	.peek = end_peek,
	.sent = end_sent,
	.put = end_put,
};

/* ---- from the line to the tty layer ---- */

static u8 flip_flag(struct uart_char c)
{
	if (c.flags & UART_LSR_BI)
		return TTY_BREAK;
	if (c.flags & UART_LSR_PE)
		return TTY_PARITY;
	return c.flags & UART_LSR_FE ? TTY_FRAME : TTY_NORMAL;
}

static bool next_in(struct vlab_tty *t, struct uart_char *c)
{
	unsigned long flags;
	bool any;

	raw_spin_lock_irqsave(&t->lock, flags);
	any = !t->throttled && kfifo_peek(&t->in, c);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return any;
}

static void drop_in(struct vlab_tty *t)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	kfifo_skip(&t->in);
	if (t->held)
		kick(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

/* Returns false when the tty layer's buffer is full. */
static bool deliver_in(struct vlab_tty *t)
{
	struct uart_char c;
	bool room = true;

	while (room && next_in(t, &c)) {
		room = tty_insert_flip_char(&t->port, c.data, flip_flag(c));
		if (room)
			drop_in(t);
	}
	if (t->overrun)
		t->overrun = !tty_insert_flip_char(&t->port, 0, TTY_OVERRUN);
	tty_flip_buffer_push(&t->port);
	return room;
}

/* Says whether there was such an event, and forgets it. */
static bool take_event(struct vlab_tty *t, bool *event)
{
	unsigned long flags;
	bool was;

	raw_spin_lock_irqsave(&t->lock, flags);
	was = *event;
	*event = false;
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return was;
}

static void deliver_carrier(struct vlab_tty *t)
{
	if (take_event(t, &t->dropped))
		tty_port_tty_hangup(&t->port, true);
	if (READ_ONCE(t->wired) & LINE_DTR)
		wake_up_interruptible(&t->port.open_wait);
}

static void tty_work(struct work_struct *work)
{
	struct vlab_tty *t = container_of(to_delayed_work(work), struct vlab_tty, work);

	if (take_event(t, &t->wakeup))
		tty_port_tty_wakeup(&t->port);
	deliver_carrier(t);
	/* There is no event for room in that buffer. */
	if (!deliver_in(t))
		schedule_delayed_work(&t->work, 1);
}

/* ---- operations of the port ---- */

static vlab_tty_bool port_carrier_raised(struct tty_port *port)
{
	return !!(READ_ONCE(port_to_tty(port)->wired) & LINE_DTR);
}

static void drive(struct vlab_tty *t, u8 set, u8 clear)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	t->drives = (t->drives & ~clear) | set;
	kick(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

static void port_dtr_rts(struct tty_port *port, vlab_tty_bool on)
{
	u8 lines = LINE_DTR | LINE_RTS;

	drive(port_to_tty(port), on ? lines : 0, lines);
}

static int port_activate(struct tty_port *port, struct tty_struct *tty)
{
	struct vlab_tty *t = port_to_tty(port);
	unsigned long flags;
	bool gone;

	raw_spin_lock_irqsave(&t->lock, flags);
	gone = t->gone;
	t->open = !gone;
	t->dropped = false;
	t->crtscts = C_CRTSCTS(tty);
	t->stopped = false;
	t->throttled = false;
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return gone ? -ENODEV : 0;
}

static void forget_out(struct vlab_tty *t)
{
	kfifo_reset(&t->out);
	t->loaded = false;
}

static void port_shutdown(struct tty_port *port)
{
	struct vlab_tty *t = port_to_tty(port);
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	t->open = false;
	t->xchar = 0;
	kfifo_reset(&t->in);
	forget_out(t);
	t->drives &= ~LINE_BREAK;
	kick(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

static void port_destruct(struct tty_port *port)
{
	struct vlab_tty *t = port_to_tty(port);

	/* The next card's tty starts with settings of its own. */
	kfree(driver->termios[t->index]);
	driver->termios[t->index] = NULL;
	ida_free(&indices, t->index);
	tty_port_destroy(port);
	kfree(t);
}

static const struct tty_port_operations port_ops = {
	.carrier_raised = port_carrier_raised,
	.dtr_rts = port_dtr_rts,
	.activate = port_activate,
	.shutdown = port_shutdown,
	.destruct = port_destruct,
};

/* ---- operations of the tty ---- */

static struct vlab_tty *get_tty(unsigned int index)
{
	struct vlab_tty *t;

	mutex_lock(&ttys_lock);
	t = ttys[index];
	if (t)
		tty_port_get(&t->port);
	mutex_unlock(&ttys_lock);
	return t;
}

static int ops_install(struct tty_driver *drv, struct tty_struct *tty)
{
	struct vlab_tty *t = get_tty(tty->index);
	int ret;

	if (!t)
		return -ENODEV;
	ret = tty_port_install(&t->port, drv, tty);
	if (ret)
		tty_port_put(&t->port);
	else
		tty->driver_data = t;
	return ret;
}

static void ops_cleanup(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;

	tty_port_put(&t->port);
}

static int ops_open(struct tty_struct *tty, struct file *filp)
{
	return tty_port_open(tty->port, tty, filp);
}

static void ops_close(struct tty_struct *tty, struct file *filp)
{
	tty_port_close(tty->port, tty, filp);
}

static void ops_hangup(struct tty_struct *tty)
{
	tty_port_hangup(tty->port);
}

static vlab_tty_ssize ops_write(struct tty_struct *tty, const u8 *buf, vlab_tty_size n)
{
	struct vlab_tty *t = tty->driver_data;
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	n = kfifo_in(&t->out, buf, n);
	kick(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return n;
}

static unsigned int ops_write_room(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;

	return kfifo_avail(&t->out);
}

static unsigned int ops_chars_in_buffer(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;

	return kfifo_len(&t->out) + READ_ONCE(t->loaded);
}

static void ops_flush_buffer(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	forget_out(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	tty_wakeup(tty);
}

static void ops_set_termios(struct tty_struct *tty, const struct ktermios *old)
{
	struct vlab_tty *t = tty->driver_data;
	bool was_b0 = old && !(old->c_cflag & CBAUD);
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	t->crtscts = C_CRTSCTS(tty);
	if (!C_BAUD(tty))
		t->drives &= ~(LINE_DTR | LINE_RTS);
	else if (was_b0)
		t->drives |= LINE_DTR | LINE_RTS;
	kick(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

static void set_flow(struct vlab_tty *t, bool *what, bool on, u8 xchar)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	*what = on;
	if (xchar)
		t->xchar = xchar;
	kick(t);
	work_soon(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

static void ops_throttle(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;

	set_flow(t, &t->throttled, true, I_IXOFF(tty) ? STOP_CHAR(tty) : 0);
}

static void ops_unthrottle(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;

	set_flow(t, &t->throttled, false, I_IXOFF(tty) ? START_CHAR(tty) : 0);
}

static void ops_stop(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;

	set_flow(t, &t->stopped, true, 0);
}

static void ops_start(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;

	set_flow(t, &t->stopped, false, 0);
}

static int ops_break_ctl(struct tty_struct *tty, int state)
{
	drive(tty->driver_data, state ? LINE_BREAK : 0, LINE_BREAK);
	return 0;
}

static int ops_tiocmget(struct tty_struct *tty)
{
	struct vlab_tty *t = tty->driver_data;
	u8 drives = READ_ONCE(t->drives), wired = READ_ONCE(t->wired);

	return (drives & LINE_DTR ? TIOCM_DTR : 0) |
	       (drives & LINE_RTS ? TIOCM_RTS : 0) |
	       (wired & LINE_RTS ? TIOCM_CTS : 0) |
	       (wired & LINE_DTR ? TIOCM_DSR | TIOCM_CAR : 0);
}

static u8 tiocm_to_line(unsigned int bits)
{
	return (bits & TIOCM_DTR ? LINE_DTR : 0) | (bits & TIOCM_RTS ? LINE_RTS : 0);
}

static int ops_tiocmset(struct tty_struct *tty, unsigned int set, unsigned int clear)
{
	drive(tty->driver_data, tiocm_to_line(set), tiocm_to_line(clear));
	return 0;
}

static const struct tty_operations tty_ops = {
	.install = ops_install,
	.cleanup = ops_cleanup,
	.open = ops_open,
	.close = ops_close,
	.hangup = ops_hangup,
	.write = ops_write,
	.write_room = ops_write_room,
	.chars_in_buffer = ops_chars_in_buffer,
	.flush_buffer = ops_flush_buffer,
	.set_termios = ops_set_termios,
	.throttle = ops_throttle,
	.unthrottle = ops_unthrottle,
	.stop = ops_stop,
	.start = ops_start,
	.break_ctl = ops_break_ctl,
	.tiocmget = ops_tiocmget,
	.tiocmset = ops_tiocmset,
};

/* ---- one for each port whose far end is a tty ---- */

static struct vlab_tty *tty_create(void)
{
	struct vlab_tty *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	int index;

	if (!t)
		return ERR_PTR(-ENOMEM);
	index = ida_alloc_max(&indices, TTYS - 1, GFP_KERNEL);
	if (index < 0) {
		kfree(t);
		return ERR_PTR(index);
	}
	t->index = index;
	snprintf(t->node, sizeof(t->node), "ttyVLAB%d", index);
	raw_spin_lock_init(&t->lock);
	INIT_KFIFO(t->out);
	INIT_KFIFO(t->in);
	INIT_DELAYED_WORK(&t->work, tty_work);
	line_init(&t->end, &end_ops, false);
	tty_port_init(&t->port);
	t->port.ops = &port_ops;
	/* A port that nobody reads takes nothing: do not wait for it for long. */
	t->port.closing_wait = msecs_to_jiffies(500);
	return t;
}

static void set_openable(struct vlab_tty *t, bool openable)
{
	mutex_lock(&ttys_lock);
	ttys[t->index] = openable ? t : NULL;
	mutex_unlock(&ttys_lock);
}

static struct line_end *tty_attach(void)
{
	struct vlab_tty *t = tty_create();
	struct device *dev;

	if (IS_ERR(t))
		return ERR_CAST(t);
	set_openable(t, true);
	dev = tty_port_register_device(&t->port, driver, t->index, NULL);
	if (!IS_ERR(dev))
		return &t->end;
	set_openable(t, false);
	tty_port_put(&t->port);
	return ERR_CAST(dev);
}

static void set_gone(struct vlab_tty *t)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	t->gone = true;
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

static void hang_up(struct vlab_tty *t)
{
	struct tty_struct *tty = tty_port_tty_get(&t->port);

	if (tty)
		tty_vhangup(tty);
	tty_kref_put(tty);
}

static void tty_detach(struct line_end *end)
{
	struct vlab_tty *t = end_to_tty(end);

	set_openable(t, false);
	set_gone(t);
	hang_up(t);
	tty_unregister_device(driver, t->index);

	line_leave(end);
	irq_work_sync(&end->work);
	/* It may have been queued again, on another CPU, while it ran. */
	synchronize_rcu_expedited();
	cancel_delayed_work_sync(&t->work);
	tty_port_put(&t->port);
}

static const char *tty_node(const struct line_end *end)
{
	return container_of(end, struct vlab_tty, end)->node;
}

static struct line_far tty_far = {
	.name = "tty",
	.owner = THIS_MODULE,
	.attach = tty_attach,
	.detach = tty_detach,
	.node = tty_node,
};

/* ---- the driver ---- */

static void describe(struct tty_driver *drv)
{
	drv->driver_name = "vfiolab_tty";
	drv->name = "ttyVLAB";
	drv->type = TTY_DRIVER_TYPE_SERIAL;
	drv->subtype = SERIAL_TYPE_NORMAL;
	drv->init_termios = tty_std_termios;
	drv->init_termios.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL;
	drv->init_termios.c_ispeed = 115200;
	drv->init_termios.c_ospeed = 115200;
	tty_set_operations(drv, &tty_ops);
}

static int __init vlab_tty_init(void)
{
	int ret;

	driver = tty_alloc_driver(TTYS, TTY_DRIVER_REAL_RAW | TTY_DRIVER_DYNAMIC_DEV);
	if (IS_ERR(driver))
		return PTR_ERR(driver);
	describe(driver);
	ret = tty_register_driver(driver);
	if (ret)
		tty_driver_kref_put(driver);
	else
		line_far_register(&tty_far);
	return ret;
}
module_init(vlab_tty_init);

static void __exit vlab_tty_exit(void)
{
	line_far_unregister(&tty_far);
	tty_unregister_driver(driver);
	tty_driver_kref_put(driver);
	ida_destroy(&indices);
}
module_exit(vlab_tty_exit);

MODULE_DESCRIPTION("vfiolab: tty at the far end of a serial card's line");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
