/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - serial by DMA: a ring of bytes per direction (serial.rst 5)
 *
 * Between ring and line is a stage of a few bytes: the worker fills or drains it
 * by DMA, the line takes or gives one byte at a time.
 */
#ifndef VFIOLAB_RING_H
#define VFIOLAB_RING_H

#include <linux/workqueue.h>

#include "vfiolab.h"

#define RING_STAGE	256	/* a power of two: the indices run freely */

/**
 * struct ring_dir - one direction
 * @on: enabled
 * @base: IOVA of the ring, taken when it was enabled; @size likewise
 * @size: bytes, a power of two
 * @head: the card's index: next byte to fetch (transmit), or to store (receive)
 * @tail: the driver's index
 * @put: bytes ever staged
 * @get: bytes ever taken from the stage
 * @stage: the bytes between
 */
struct ring_dir {
	bool on;
	u64 base;
	u32 size, head, tail;
	u32 put, get;
	u8 stage[RING_STAGE];
};

/**
 * struct ring - the rings of a port
 * @fn: function that does the DMA; its lock protects all here
 * @changed: called under that lock when the worker moved bytes or failed
 * @lossy: bytes that find the receive ring full are lost instead of held back
 * @tx: transmit
 * @rx: receive
 * @irq: VLAB_RING_CTRL_IRQ
 * @status: VLAB_RING_ST_*
 * @fault: IOVA that failed, all ones none
 * @era: counts what makes an access under way pointless: resets, on and off
 * @work: the worker
 *
 * Embedded in a port; ring_stop() before it goes.
 */
struct ring {
	struct vlab_fn *fn;
	void (*changed)(struct ring *ring);
	bool lossy;
	struct ring_dir tx, rx;
	bool irq;
	u32 status;
	u64 fault;
	u32 era;
	struct work_struct work;
};

/**
 * struct ring_span - one access of the worker
 * @iova: where
 * @len: how much, at most a stage and not across a page boundary
 * @era: of the ring when it was planned
 */
struct ring_span {
	u64 iova;
	u32 len;
	u32 era;
};

void ring_init(struct ring *ring, struct vlab_fn *fn, bool lossy,
	       void (*changed)(struct ring *ring));
void ring_reset(struct ring *ring);
void ring_stop(struct ring *ring);

/* Registers; fn->lock held. BASE and SIZE are taken when a direction is enabled. */
struct ring_setup {
	u64 tx_base, rx_base;
	u32 tx_size, rx_size;
};

u32 ring_ctrl(const struct ring *ring);
void ring_set_ctrl(struct ring *ring, u32 val, const struct ring_setup *setup);
bool ring_set_tail(struct ring *ring, struct ring_dir *dir, u32 tail);
void ring_clear_status(struct ring *ring, u32 bits);

static inline bool ring_irq(const struct ring *ring)
{
	return ring->irq && ring->status;
}

/* The line's side; fn->lock held. */
bool ring_tx_get(struct ring *ring, u8 *data);
bool ring_rx_room(const struct ring *ring);
void ring_rx_put(struct ring *ring, u8 data);

static inline bool ring_tx_staged(const struct ring *ring)
{
	return ring->tx.put != ring->tx.get;
}

/* The worker's side; fn->lock held. */
bool ring_plan(struct ring *ring, struct ring_dir *dir, struct ring_span *span, u8 *buf);
void ring_finish(struct ring *ring, struct ring_dir *dir, const struct ring_span *span,
		 const u8 *buf, int ret);

#endif
