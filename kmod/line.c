// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - lines: what a serial port is connected to
 */
#include <linux/kmod.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "compat.h"
#include "line.h"

#define BATCH		32	/* characters moved before others get their turn */
#define TOLD_NOTHING	0x80	/* differs from all that an end can drive */

/* Protects who is connected to whom, and is held while a line is moved. */
static DEFINE_RAW_SPINLOCK(line_lock);

/* Ends that look for a peer by name. */
static LIST_HEAD(seekers);

/* ---- moving ---- */

static bool give(struct line_end *from, struct uart_char c)
{
	struct line_end *to = from->peer;

	return !to || to->ops->put(to, c, from->paced);
}

static void move_outputs(struct line_end *from)
{
	u8 now = from->ops->outputs(from);

	if (now == from->told)
		return;
	if (now & ~from->told & LINE_BREAK)
		from->break_due = true;
	from->told = now;
	if (from->peer)
		from->peer->ops->inputs(from->peer, now);
}

/* On the line a break is a character of zeros whose stop bit is missing. */
static bool move_break(struct line_end *from)
{
	static const struct uart_char brk = { .flags = UART_LSR_BI | UART_LSR_FE };

	if (from->break_due)
		from->break_due = !give(from, brk);
	return !from->break_due;
}

static void move(struct line_end *from)
{
	struct uart_char c;
	unsigned int n;

	move_outputs(from);
	if (!move_break(from))
		return;
	for (n = 0; n < BATCH; n++) {
		if (!from->ops->peek(from, &c) || !give(from, c))
			return;
		from->ops->sent(from);
	}
	line_kick(from);
}

static void run_locked(struct line_end *end)
{
	move(end);
	if (end->peer && end->peer != end)
		move(end->peer);
}

/**
 * line_run() - move what there is to move, both ways
 * @end: an end of the line
 *
 * From a timer of the end, or its work. Interrupts may be off; the end's own
 * lock must not be held.
 */
void line_run(struct line_end *end)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&line_lock, flags);
	run_locked(end);
	raw_spin_unlock_irqrestore(&line_lock, flags);
}
EXPORT_SYMBOL_VLAB(line_run);

static void run_work(struct irq_work *work)
{
	line_run(container_of(work, struct line_end, work));
}

/* ---- connecting ---- */

/**
 * line_init() - an end without a peer
 * @end: the end
 * @ops: what it does
 * @paced: its characters take their time
 */
void line_init(struct line_end *end, const struct line_ops *ops, bool paced)
{
	*end = (struct line_end) {
		.ops = ops,
		.paced = paced,
		.told = TOLD_NOTHING,
		.node = LIST_HEAD_INIT(end->node),
		.work = IRQ_WORK_INIT_HARD(run_work),
	};
}
EXPORT_SYMBOL_VLAB(line_init);

static void join_locked(struct line_end *a, struct line_end *b)
{
	a->peer = b;
	b->peer = a;
	a->told = TOLD_NOTHING;
	b->told = TOLD_NOTHING;
	run_locked(a);
}

/**
 * line_join() - connect two ends
 * @a: an end without a peer
 * @b: another, or @a itself: a loopback plug
 */
void line_join(struct line_end *a, struct line_end *b)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&line_lock, flags);
	join_locked(a, b);
	raw_spin_unlock_irqrestore(&line_lock, flags);
}

static struct line_end *find_peer(const struct line_end *end)
{
	struct line_end *other;

	list_for_each_entry(other, &seekers, node)
		if (!strcmp(other->name, end->far) && !strcmp(other->far, end->name))
			return other;
	return NULL;
}

/**
 * line_seek() - connect to an end by name, as soon as that wants it too
 * @end: an end without a peer
 * @card: card's name; with the port it is the name by which @end is looked for
 * @port: port's number
 * @far: "CARD/PORT" of the other end
 *
 * Names are unique: configfs makes a card's name so.
 */
void line_seek(struct line_end *end, const char *card, unsigned int port, const char *far)
{
	struct line_end *other;
	unsigned long flags;

	/* A name that does not fit does not fit the attribute that would ask for it. */
	if (snprintf(end->name, sizeof(end->name), "%s/%u", card, port) >= sizeof(end->name))
		end->name[0] = '\0';
	strscpy(end->far, far, sizeof(end->far));

	raw_spin_lock_irqsave(&line_lock, flags);
	list_add_tail(&end->node, &seekers);
	other = find_peer(end);
	if (other)
		join_locked(end, other);
	raw_spin_unlock_irqrestore(&line_lock, flags);
}

static void part_locked(struct line_end *end)
{
	struct line_end *other = end->peer;

	end->peer = NULL;
	if (!other || other == end)
		return;
	other->peer = NULL;
	other->ops->inputs(other, 0);
}

/**
 * line_leave() - pull the plug
 * @end: an end, connected or not
 *
 * No operation of @end is called by its peer any more. One by its own
 * line_kick() may still be: synchronise before @end is freed. A peer that
 * looked for @end by name goes on looking.
 */
void line_leave(struct line_end *end)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&line_lock, flags);
	list_del_init(&end->node);
	part_locked(end);
	raw_spin_unlock_irqrestore(&line_lock, flags);
}
EXPORT_SYMBOL_VLAB(line_leave);

/* ---- kinds of far ends ---- */

static LIST_HEAD(fars);
static DEFINE_MUTEX(fars_lock);	/* protects the list */

/**
 * line_far_register() - a module offers a kind of far end
 * @far: the kind
 */
void line_far_register(struct line_far *far)
{
	mutex_lock(&fars_lock);
	list_add_tail(&far->list, &fars);
	mutex_unlock(&fars_lock);
}
EXPORT_SYMBOL_VLAB(line_far_register);

/**
 * line_far_unregister() - from the module's exit: nobody uses the kind
 * @far: the kind
 */
void line_far_unregister(struct line_far *far)
{
	mutex_lock(&fars_lock);
	list_del(&far->list);
	mutex_unlock(&fars_lock);
}
EXPORT_SYMBOL_VLAB(line_far_unregister);

static const struct line_far *far_find(const char *name)
{
	const struct line_far *far, *found = NULL;

	mutex_lock(&fars_lock);
	list_for_each_entry(far, &fars, list)
		if (!strcmp(far->name, name) && try_module_get(far->owner))
			found = far;
	mutex_unlock(&fars_lock);
	return found;
}

/**
 * line_far_get() - a kind of far end, its module loaded if need be
 * @name: of the kind
 *
 * Return: the kind, its module pinned; NULL when there is no such module.
 */
const struct line_far *line_far_get(const char *name)
{
	const struct line_far *far = far_find(name);

	if (far)
		return far;
	request_module("vfiolab_%s", name);
	return far_find(name);
}

/**
 * line_far_put() - the last end of it is gone
 * @far: what line_far_get() returned
 */
void line_far_put(const struct line_far *far)
{
	module_put(far->owner);
}
