/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - lines: what a serial port is connected to
 *
 * A line has two ends, each a port of a card or a tty. Ends know how to give
 * and take one character and how to drive and see modem lines; line.c moves
 * them from end to end. A loopback plug is an end that is its own peer.
 *
 * Locking: one lock (line.c) for who is connected to whom and for moving; an
 * end's own lock is taken below it, by the end, for one call at a time. So two
 * cards' locks are never held together, and an end that holds its own lock may
 * only line_kick().
 */
#ifndef VFIOLAB_LINE_H
#define VFIOLAB_LINE_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/module.h>

#include "uart.h"

/* What an end drives; crossed over on the way, as in a null-modem cable. */
#define LINE_DTR	0x01	/* the far end's DSR and DCD */
#define LINE_RTS	0x02	/* the far end's CTS */
#define LINE_BREAK	0x04	/* its receiver sees a break */

#define LINE_NAME_LEN	48

struct line_end;

/**
 * struct line_ops - what an end does
 * @outputs: LINE_* that it drives now
 * @inputs: LINE_* that the far end drives; called when they change
 * @peek: the next character to send, if its time has come; it stays there
 * @sent: that character is through
 * @put: a character arrives. @force false: refuse it when there is no room, and
 *	kick the line when there is; @force true: it is an overrun. Returns
 *	false when it refused
 *
 * Called with the line's lock held and interrupts off; they take the end's own
 * lock, a raw spinlock, and do not call back.
 */
struct line_ops {
	u8 (*outputs)(struct line_end *end);
	void (*inputs)(struct line_end *end, u8 outputs);
	bool (*peek)(struct line_end *end, struct uart_char *c);
	void (*sent)(struct line_end *end);
	bool (*put)(struct line_end *end, struct uart_char c, bool force);
};

/**
 * struct line_end - one end of a line
 * @ops: what it does
 * @paced: its characters take their time, so the far end must take them
 * @peer: the far end, NULL none
 * @told: outputs that the peer was told of
 * @break_due: the peer has yet to see a break
 * @node: among the ends that look for a peer by name
 * @name: "CARD/PORT"; "" cannot be looked for
 * @far: name of the end that it wants to be connected to
 * @work: moves what there is to move
 *
 * Embedded in its owner, who calls line_init() first and line_leave() before
 * it goes.
 */
struct line_end {
	const struct line_ops *ops;
	bool paced;
	struct line_end *peer;
	u8 told;
	bool break_due;
	struct list_head node;
	char name[LINE_NAME_LEN];
	char far[LINE_NAME_LEN];
	struct irq_work work;
};

void line_init(struct line_end *end, const struct line_ops *ops, bool paced);
void line_join(struct line_end *a, struct line_end *b);
void line_seek(struct line_end *end, const char *card, unsigned int port, const char *far);
void line_leave(struct line_end *end);
void line_run(struct line_end *end);

/* Have the line moved soon. Any context, any lock. */
static inline void line_kick(struct line_end *end)
{
	irq_work_queue(&end->work);
}

/**
 * struct line_far - a kind of far end that lives in a module of its own
 * @list: all kinds
 * @name: of the kind; the module is vfiolab_NAME
 * @owner: THIS_MODULE, pinned while an end of it exists
 * @attach: make an end, or an ERR_PTR; process context
 * @detach: its peer is gone, and so is the end when this returns; process context
 * @node: name of what user space opens
 */
struct line_far {
	struct list_head list;
	const char *name;
	struct module *owner;
	struct line_end *(*attach)(void);
	void (*detach)(struct line_end *end);
	const char *(*node)(const struct line_end *end);
};

void line_far_register(struct line_far *far);
void line_far_unregister(struct line_far *far);
const struct line_far *line_far_get(const char *name);
void line_far_put(const struct line_far *far);

#endif
