/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - the channel of an I/OAT card
 */
#ifndef VFIOLAB_IOAT_CHAN_H
#define VFIOLAB_IOAT_CHAN_H

#include <linux/workqueue.h>

#include "vfiolab.h"

#define IOAT_CHUNK	4096	/* no access crosses a multiple of it */

/**
 * struct ioat_chan - the channel
 * @fn: its function; fn->lock protects all but @chunk
 * @val: stored values of the registers
 * @work: does descriptors and commands, one after the other
 * @last: descriptor that was completed last, 0 none
 * @next: the one to be done next
 * @first: @next comes from CHAINADDR
 * @done: descriptors completed since CHAINADDR was written
 * @quiet: it has interrupted and waits to be rearmed
 * @busy: a descriptor is under way
 * @touched: somebody stored something since mappings were last made read-only
 * @epoch: counts what ends a descriptor from outside, a reset of the function and
 *	a bad command, so that it does not count for what comes after
 * @chunk: bytes on their way; the worker's
 *
 * Embedded in a model, from ioat_chan_init() to ioat_chan_stop().
 */
struct ioat_chan {
	struct vlab_fn *fn;
	u64 *val;
	struct work_struct work;
	u64 last, next;
	bool first;
	u16 done;
	bool quiet;
	bool busy;
	bool touched;
	unsigned int epoch;
	u8 chunk[IOAT_CHUNK];
};

/* The channel of a function; the model has it. */
struct ioat_chan *ioat_chan(struct vlab_fn *fn);

int ioat_chan_init(struct ioat_chan *c, struct vlab_fn *fn, unsigned int bar);
void ioat_chan_stop(struct ioat_chan *c);

/* Hooks of the model; fn->lock held. */
void ioat_chan_reset(struct ioat_chan *c);
void ioat_chan_cfg_written(struct ioat_chan *c);
void ioat_chan_touched(struct ioat_chan *c);

#endif
