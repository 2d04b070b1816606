// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - serial by DMA: a ring of bytes per direction (serial.rst 5)
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "ring.h"
#include "vlab_serial.h"

#define RING_MIN	16
#define RING_MAX	0x100000
#define NO_FAULT	(~0ULL)

/* ---- indices ---- */

static u32 staged(const struct ring_dir *dir)
{
	return dir->put - dir->get;
}

static u32 stage_room(const struct ring_dir *dir)
{
	return RING_STAGE - staged(dir);
}

/* Bytes that the driver has put in. */
static u32 tx_filled(const struct ring_dir *dir)
{
	return (dir->tail - dir->head) & (dir->size - 1);
}

/* Bytes that may be stored: one place stays free, or full would look empty. */
static u32 rx_free(const struct ring_dir *dir)
{
	return (dir->tail - dir->head - 1) & (dir->size - 1);
}

static void advance(struct ring_dir *dir, u32 len)
{
	dir->head = (dir->head + len) & (dir->size - 1);
}

static void stage_put(struct ring_dir *dir, const u8 *buf, u32 len)
{
	while (len--)
		dir->stage[dir->put++ % RING_STAGE] = *buf++;
}

static void stage_copy(const struct ring_dir *dir, u8 *buf, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		buf[i] = dir->stage[(dir->get + i) % RING_STAGE];
}

/* ---- registers ---- */

static bool setup_is_good(u64 base, u32 size)
{
	return size >= RING_MIN && size <= RING_MAX && is_power_of_2(size) &&
	       base <= ~0ULL - (size - 1);
}

static void switch_off(struct ring *ring, struct ring_dir *dir)
{
	dir->on = false;
	dir->get = dir->put;
	ring->era++;
}

static void switch_on(struct ring *ring, struct ring_dir *dir, u64 base, u32 size)
{
	if (!setup_is_good(base, size)) {
		ring->status |= VLAB_RING_ST_ERROR;
		return;
	}
	dir->on = true;
	dir->base = base;
	dir->size = size;
	dir->head = 0;
	dir->tail = 0;
	ring->era++;
}

static void set_dir(struct ring *ring, struct ring_dir *dir, bool on, u64 base, u32 size)
{
	if (on == dir->on)
		return;
	if (on)
		switch_on(ring, dir, base, size);
	else
		switch_off(ring, dir);
}

/**
 * ring_set_ctrl() - a write to CTRL
 * @ring: the rings
 * @val: what was written
 * @setup: BASE and SIZE of both directions
 */
void ring_set_ctrl(struct ring *ring, u32 val, const struct ring_setup *setup)
{
	ring->irq = val & VLAB_RING_CTRL_IRQ;
	set_dir(ring, &ring->tx, val & VLAB_RING_CTRL_TX, setup->tx_base, setup->tx_size);
	set_dir(ring, &ring->rx, val & VLAB_RING_CTRL_RX, setup->rx_base, setup->rx_size);
}

/**
 * ring_ctrl() - a read of CTRL
 * @ring: the rings
 *
 * Return: the value; a direction that failed is off.
 */
u32 ring_ctrl(const struct ring *ring)
{
	return (ring->tx.on ? VLAB_RING_CTRL_TX : 0) |
	       (ring->rx.on ? VLAB_RING_CTRL_RX : 0) |
	       (ring->irq ? VLAB_RING_CTRL_IRQ : 0);
}

/**
 * ring_set_tail() - a write to a TAIL: it rings
 * @ring: the rings
 * @dir: one of its directions
 * @tail: what was written
 *
 * Return: false: refused, the direction is off or has no such place.
 */
bool ring_set_tail(struct ring *ring, struct ring_dir *dir, u32 tail)
{
	if (!dir->on || tail >= dir->size)
		return false;
	dir->tail = tail;
	vlab_dma_queue(&ring->work);
	return true;
}

/**
 * ring_clear_status() - a write to STATUS
 * @ring: the rings
 * @bits: what was written
 */
void ring_clear_status(struct ring *ring, u32 bits)
{
	ring->status &= ~bits;
	if (bits & VLAB_RING_ST_ERROR)
		ring->fault = NO_FAULT;
}

/**
 * ring_reset() - both directions off, nothing staged, nothing latched
 * @ring: the rings
 */
void ring_reset(struct ring *ring)
{
	memset(&ring->tx, 0, sizeof(ring->tx));
	memset(&ring->rx, 0, sizeof(ring->rx));
	ring->irq = false;
	ring->status = 0;
	ring->fault = NO_FAULT;
	ring->era++;
}

/* ---- the line's side ---- */

/**
 * ring_tx_get() - the next byte to send
 * @ring: the rings
 * @data: the byte
 *
 * Return: false when there is none yet; the worker has been told if there may be.
 */
bool ring_tx_get(struct ring *ring, u8 *data)
{
	struct ring_dir *dir = &ring->tx;
	bool any = staged(dir);

	if (any)
		*data = dir->stage[dir->get++ % RING_STAGE];
	if (dir->on && staged(dir) < RING_STAGE / 2 && tx_filled(dir))
		vlab_dma_queue(&ring->work);
	return any;
}

/**
 * ring_rx_room() - is there room for a received byte?
 * @ring: the rings
 *
 * Return: whether.
 */
bool ring_rx_room(const struct ring *ring)
{
	return stage_room(&ring->rx);
}

/**
 * ring_rx_put() - a byte was received
 * @ring: the rings
 * @data: the byte; lost when there is no room
 */
void ring_rx_put(struct ring *ring, u8 data)
{
	if (ring_rx_room(ring))
		stage_put(&ring->rx, &data, 1);
	else
		ring->status |= VLAB_RING_ST_RX_FULL;
	vlab_dma_queue(&ring->work);
}

/* ---- the worker's side ---- */

static void check_full(struct ring *ring, struct ring_dir *dir)
{
	if (dir != &ring->rx || !dir->on || !staged(dir) || rx_free(dir))
		return;
	ring->status |= VLAB_RING_ST_RX_FULL;
	if (ring->lossy)
		dir->get = dir->put;
}

static u32 movable(const struct ring *ring, const struct ring_dir *dir)
{
	if (!dir->on)
		return 0;
	if (dir == &ring->tx)
		return min(tx_filled(dir), stage_room(dir));
	return min(rx_free(dir), staged(dir));
}

/**
 * ring_plan() - the next access of a direction
 * @ring: the rings
 * @dir: one of its directions
 * @span: the access
 * @buf: RING_STAGE bytes; filled with what is to be stored
 *
 * Return: false when there is nothing to do.
 */
bool ring_plan(struct ring *ring, struct ring_dir *dir, struct ring_span *span, u8 *buf)
{
	u32 len = movable(ring, dir);
	u64 iova = dir->base + dir->head;

	if (!len) {
		check_full(ring, dir);
		return false;
	}
	len = min(len, dir->size - dir->head);
	len = min_t(u64, len, PAGE_SIZE - offset_in_page(iova));
	*span = (struct ring_span) {
		.iova = iova,
		.len = len,
		.era = ring->era,
	};
	if (dir == &ring->rx)
		stage_copy(dir, buf, len);
	return true;
}

static void fail(struct ring *ring, struct ring_dir *dir, u64 iova)
{
	switch_off(ring, dir);
	ring->status |= VLAB_RING_ST_ERROR;
	ring->fault = iova;
}

static void tx_fetched(struct ring *ring, const u8 *buf, u32 len)
{
	stage_put(&ring->tx, buf, len);
	advance(&ring->tx, len);
	if (!tx_filled(&ring->tx))
		ring->status |= VLAB_RING_ST_TX_EMPTY;
}

static void rx_stored(struct ring *ring, u32 len)
{
	ring->rx.get += len;
	advance(&ring->rx, len);
	ring->status |= VLAB_RING_ST_RX_DATA;
}

/**
 * ring_finish() - an access is over
 * @ring: the rings
 * @dir: its direction
 * @span: what ring_plan() said
 * @buf: what was fetched
 * @ret: 0 or -errno
 *
 * Nothing happens when the ring was switched or reset meanwhile.
 */
void ring_finish(struct ring *ring, struct ring_dir *dir, const struct ring_span *span,
		 const u8 *buf, int ret)
{
	if (span->era != ring->era)
		return;
	if (ret)
		fail(ring, dir, span->iova);
	else if (dir == &ring->tx)
		tx_fetched(ring, buf, span->len);
	else
		rx_stored(ring, span->len);
}

static bool step(struct ring *ring, struct ring_dir *dir)
{
	u8 buf[RING_STAGE];
	struct ring_span span;
	unsigned long flags;
	bool more;
	int ret;

	raw_spin_lock_irqsave(&ring->fn->lock, flags);
	more = ring_plan(ring, dir, &span, buf);
	ring->changed(ring);
	raw_spin_unlock_irqrestore(&ring->fn->lock, flags);
	if (!more)
		return false;

	ret = vlab_dma_rw(ring->fn, &ring->era, span.era, span.iova, buf, span.len,
			  dir == &ring->rx);

	raw_spin_lock_irqsave(&ring->fn->lock, flags);
	ring_finish(ring, dir, &span, buf, ret);
	ring->changed(ring);
	raw_spin_unlock_irqrestore(&ring->fn->lock, flags);
	return true;
}

static void run(struct work_struct *work)
{
	struct ring *ring = container_of(work, struct ring, work);
	bool more;

	do {
		more = step(ring, &ring->tx);
		more |= step(ring, &ring->rx);
		cond_resched();
	} while (more);
}

/**
 * ring_init() - rings in their reset state
 * @ring: the rings, zeroed
 * @fn: function that does the DMA
 * @lossy: bytes that find the receive ring full are lost
 * @changed: see struct ring
 */
void ring_init(struct ring *ring, struct vlab_fn *fn, bool lossy,
	       void (*changed)(struct ring *ring))
{
	ring->fn = fn;
	ring->lossy = lossy;
	ring->changed = changed;
	INIT_WORK(&ring->work, run);
	ring_reset(ring);
}

/**
 * ring_stop() - no access is under way any more
 * @ring: the rings, which nobody touches any more
 */
void ring_stop(struct ring *ring)
{
	cancel_work_sync(&ring->work);
}
