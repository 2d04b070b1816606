// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - DMA by the device
 *
 * First who may be asked for memory and when; then the engine of uapi/dma.rst.
 * Numbers in comments are sections of that file.
 */
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "core.h"
#include "trace.h"
#include "vlab_dma.h"

static struct workqueue_struct *dma_wq;

static void count_fault(struct vlab_fn *fn);

/* ---- accesses ---- */

static int access_begin(struct vlab_fn *fn, const unsigned int *era, unsigned int then)
{
	unsigned long flags;
	int ret = 0;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if (*era != then)
		ret = -ECANCELED;
	else if (!vlab_fn_may_dma(fn))
		ret = -EACCES;
	else if (!fn->owner)
		ret = -ENXIO;
	else
		fn->dma_busy++;
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return ret;
}

static void access_end(struct vlab_fn *fn)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	fn->dma_busy--;
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

int vlab_dma_rw(struct vlab_fn *fn, const unsigned int *era, unsigned int then, u64 iova,
		void *buf, size_t len, bool write)
{
	int ret;

	down_read(&fn->dma_gate);
	ret = access_begin(fn, era, then);
	if (!ret) {
		ret = fn->owner->rw(fn->owner, iova, buf, len, write);
		access_end(fn);
	}
	up_read(&fn->dma_gate);

	if (ret && ret != -ECANCELED)
		count_fault(fn);
	trace_vlab_dma(fn, iova, len, write, ret);
	return ret;
}
EXPORT_SYMBOL_VLAB(vlab_dma_rw);

/**
 * vlab_owner_set() - a driver takes the function
 * @fn: the function
 * @owner: whom to ask for memory, until vlab_owner_clear()
 *
 * Return: 0, -EBUSY when another one has it.
 */
int vlab_owner_set(struct vlab_fn *fn, struct vlab_owner *owner)
{
	int ret = 0;

	down_write(&fn->dma_gate);
	if (fn->owner)
		ret = -EBUSY;
	else
		fn->owner = owner;
	up_write(&fn->dma_gate);
	if (!ret)
		vlab_poll_start(fn, owner->page);
	return ret;
}
EXPORT_SYMBOL_VLAB(vlab_owner_set);

void vlab_owner_clear(struct vlab_fn *fn)
{
	vlab_poll_stop(fn);
	down_write(&fn->dma_gate);
	fn->owner = NULL;
	up_write(&fn->dma_gate);
}
EXPORT_SYMBOL_VLAB(vlab_owner_clear);

void vlab_dma_drain(struct vlab_fn *fn)
{
	down_write(&fn->dma_gate);
	up_write(&fn->dma_gate);
}
EXPORT_SYMBOL_VLAB(vlab_dma_drain);

/**
 * vlab_dma_queue() - run work where vlab_dma_rw() may be called
 * @work: the work; its owner cancels it in the model's stop()
 *
 * Any context.
 *
 * Return: false when it was queued already.
 */
bool vlab_dma_queue(struct work_struct *work)
{
	return queue_work(dma_wq, work);
}
EXPORT_SYMBOL_VLAB(vlab_dma_queue);

int vlab_dma_module_init(void)
{
	dma_wq = alloc_workqueue("vfiolab_dma", WQ_UNBOUND, 0);
	return dma_wq ? 0 : -ENOMEM;
}

void vlab_dma_module_exit(void)
{
	destroy_workqueue(dma_wq);
}

/* ---- the engine ---- */

#define NO_FAULT	U64_MAX
#define ENDED		(VLAB_DMA_ST_DONE | VLAB_DMA_ST_ERROR | VLAB_DMA_ST_ABORTED)

/**
 * struct end - one end of a transfer
 * @addr: IOVA, or offset in card memory
 * @card: which of them
 */
struct end {
	u64 addr;
	bool card;
};

/**
 * struct vlab_dma - an engine
 * @fn: its function
 * @work: moves the chunks
 * @mem: card memory, may be NULL
 * @val: stored values of its registers
 * @src: where to read; latched by START, as the next three
 * @dst: where to write
 * @len: bytes from @src to @dst
 * @total: bytes of all repetitions
 * @abort: ABORT was written
 * @epoch: counts resets, so that a chunk that was under way does not count for
 *	the transfer that came after, and one that was not stays undone
 * @chunk: where a chunk is while it is between its two ends; the worker's
 *
 * Made and freed by the model through vlab_dma_init() and vlab_dma_exit(). All
 * but @chunk is protected by fn->lock.
 */
struct vlab_dma {
	struct vlab_fn *fn;
	struct work_struct work;
	struct vlab_mem *mem;
	u64 *val;
	struct end src, dst;
	u64 len, total;
	bool abort;
	unsigned int epoch;
	u8 chunk[VLAB_DMA_CHUNK];
};

enum {
	REG_ID, REG_CTRL, REG_STATUS, REG_ERROR, REG_SRC, REG_DST, REG_LEN, REG_DONE,
	REG_FAULT, REG_COUNT, REG_VECTOR, REG_SEND, REG_FAULTS,
};

/* 7.1; after each change of CTRL, STATUS or VECTOR */
static void engine_changed(struct vlab_dma *dma)
{
	bool want = dma->val[REG_CTRL] & VLAB_DMA_CTRL_IRQ && dma->val[REG_STATUS] & ENDED;

	vlab_irq_source(dma->fn, dma->val[REG_VECTOR], VLAB_IRQ_DMA, want);
}

static void finish(struct vlab_dma *dma, u32 how, u32 error, u64 fault)
{
	dma->val[REG_STATUS] &= ~VLAB_DMA_ST_BUSY;
	dma->val[REG_STATUS] |= how;
	dma->val[REG_ERROR] = error;
	dma->val[REG_FAULT] = fault;
	engine_changed(dma);
}

static bool fits(const struct vlab_dma *dma, const struct end *end)
{
	u64 size = dma->mem ? vlab_mem_size(dma->mem) : 0, last;

	if (check_add_overflow(end->addr, dma->len - 1, &last))
		return false;
	return !end->card || last < size;
}

/* 2.3; returns a code, and the address to blame */
static u32 judge(struct vlab_dma *dma, u64 *fault)
{
	*fault = NO_FAULT;
	if (!dma->len)
		return VLAB_DMA_ERR_LEN;
	if (!fits(dma, &dma->src)) {
		*fault = dma->src.addr;
		return VLAB_DMA_ERR_RANGE;
	}
	if (!fits(dma, &dma->dst)) {
		*fault = dma->dst.addr;
		return VLAB_DMA_ERR_RANGE;
	}
	if (check_mul_overflow(dma->len, dma->val[REG_COUNT], &dma->total))
		return VLAB_DMA_ERR_RANGE;
	return VLAB_DMA_ERR_NONE;
}

static void latch(struct vlab_dma *dma)
{
	u64 ctrl = dma->val[REG_CTRL];

	dma->src = (struct end) { dma->val[REG_SRC], ctrl & VLAB_DMA_CTRL_SRC_CARD };
	dma->dst = (struct end) { dma->val[REG_DST], ctrl & VLAB_DMA_CTRL_DST_CARD };
	dma->len = dma->val[REG_LEN];
	dma->abort = false;
}

static void start(struct vlab_dma *dma)
{
	u32 error;
	u64 fault;

	if (dma->val[REG_STATUS] & VLAB_DMA_ST_BUSY)
		return;

	latch(dma);
	dma->val[REG_STATUS] &= ~ENDED;
	dma->val[REG_DONE] = 0;
	/* What ended before no longer interrupts, however soon this one ends. */
	engine_changed(dma);

	error = judge(dma, &fault);
	if (error) {
		finish(dma, VLAB_DMA_ST_ERROR, error, fault);
		return;
	}
	finish(dma, VLAB_DMA_ST_BUSY, VLAB_DMA_ERR_NONE, NO_FAULT);
	vlab_dma_queue(&dma->work);
}

static void ctrl_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	struct vlab_dma *dma = fn->dma;

	if (val & VLAB_DMA_CTRL_ABORT)
		dma->abort = true;
	else if (val & VLAB_DMA_CTRL_START)
		start(dma);
	engine_changed(dma);
}

static void status_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	engine_changed(fn->dma);
}

static void count_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	if (!val)
		fn->dma->val[REG_COUNT] = 1;
}

static void vector_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	if (val >= fn->nvec) {
		fn->dma->val[REG_VECTOR] = old;
		return;
	}
	if (val != old)
		vlab_irq_source(fn, old, VLAB_IRQ_DMA, false);
	engine_changed(fn->dma);
}

static void send_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	vlab_irq_pulse(fn, val);
}

static const struct vlab_reg dma_regs[] = {
	[REG_ID] = { .name = "DMA_ID", .off = VLAB_DMA_ID, .width = 4,
		     .reset = VLAB_DMA_MAGIC },
	[REG_CTRL] = { .name = "DMA_CTRL", .off = VLAB_DMA_CTRL, .width = 4,
		       .rw = VLAB_DMA_CTRL_IRQ | VLAB_DMA_CTRL_SRC_CARD |
			     VLAB_DMA_CTRL_DST_CARD,
		       .write = ctrl_written },
	[REG_STATUS] = { .name = "DMA_STATUS", .off = VLAB_DMA_STATUS, .width = 4,
			 .w1c = ENDED, .write = status_written },
	[REG_ERROR] = { .name = "DMA_ERROR", .off = VLAB_DMA_ERROR, .width = 4 },
	[REG_SRC] = { .name = "DMA_SRC", .off = VLAB_DMA_SRC, .width = 8, .rw = U64_MAX },
	[REG_DST] = { .name = "DMA_DST", .off = VLAB_DMA_DST, .width = 8, .rw = U64_MAX },
	[REG_LEN] = { .name = "DMA_LEN", .off = VLAB_DMA_LEN, .width = 8, .rw = U64_MAX },
	[REG_DONE] = { .name = "DMA_DONE", .off = VLAB_DMA_DONE, .width = 8 },
	[REG_FAULT] = { .name = "DMA_FAULT", .off = VLAB_DMA_FAULT, .width = 8,
			.reset = NO_FAULT },
	[REG_COUNT] = { .name = "DMA_COUNT", .off = VLAB_DMA_COUNT, .width = 4, .reset = 1,
			.rw = U32_MAX, .write = count_written },
	[REG_VECTOR] = { .name = "DMA_VECTOR", .off = VLAB_DMA_VECTOR, .width = 4,
			 .rw = U32_MAX, .write = vector_written },
	[REG_SEND] = { .name = "DMA_SEND", .off = VLAB_DMA_SEND, .width = 4,
		       .write = send_written },
	[REG_FAULTS] = { .name = "DMA_FAULTS", .off = VLAB_DMA_FAULTS, .width = 4 },
};

static void count_fault(struct vlab_fn *fn)
{
	unsigned long flags;
	u64 *faults;

	if (!fn->dma)
		return;
	raw_spin_lock_irqsave(&fn->lock, flags);
	faults = &fn->dma->val[REG_FAULTS];
	if (*faults < U32_MAX)
		++*faults;
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

/* ---- the worker ---- */

/* One chunk under way. */
struct chunk {
	struct end src, dst;
	size_t len;
	unsigned int epoch;
};

static u64 to_boundary(u64 addr)
{
	return VLAB_DMA_CHUNK - (addr & (VLAB_DMA_CHUNK - 1));
}

/* 3.2 */
static void cut(const struct vlab_dma *dma, struct chunk *c)
{
	u64 pos;

	div64_u64_rem(dma->val[REG_DONE], dma->len, &pos);
	c->src = (struct end) { dma->src.addr + pos, dma->src.card };
	c->dst = (struct end) { dma->dst.addr + pos, dma->dst.card };
	c->len = min3(dma->len - pos, to_boundary(c->src.addr), to_boundary(c->dst.addr));
	c->epoch = dma->epoch;
}

/* False when there is nothing to do: it ended, or was reset. */
static bool next_chunk(struct vlab_dma *dma, struct chunk *c)
{
	struct vlab_fn *fn = dma->fn;
	unsigned long flags;
	bool busy;

	raw_spin_lock_irqsave(&fn->lock, flags);
	busy = dma->val[REG_STATUS] & VLAB_DMA_ST_BUSY;
	if (busy && dma->abort)
		finish(dma, VLAB_DMA_ST_ABORTED, VLAB_DMA_ERR_NONE, NO_FAULT);
	else if (busy && !vlab_fn_in_d0(fn))
		finish(dma, VLAB_DMA_ST_ERROR, VLAB_DMA_ERR_MASTER, NO_FAULT);
	else if (busy)
		cut(dma, c);
	busy = dma->val[REG_STATUS] & VLAB_DMA_ST_BUSY;
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return busy;
}

static bool is_of_the_past(struct vlab_dma *dma, const struct chunk *c)
{
	unsigned long flags;
	bool past;

	raw_spin_lock_irqsave(&dma->fn->lock, flags);
	past = c->epoch != dma->epoch;
	raw_spin_unlock_irqrestore(&dma->fn->lock, flags);
	return past;
}

/* Resets wait for it as for an access to memory behind the IOMMU. */
static int card_rw(struct vlab_dma *dma, const struct chunk *c, u64 off, bool write)
{
	int ret = -ECANCELED;

	down_read(&dma->fn->dma_gate);
	if (!is_of_the_past(dma, c))
		ret = vlab_mem_rw(dma->mem, off, dma->chunk, c->len, write);
	up_read(&dma->fn->dma_gate);
	return ret;
}

static int end_rw(struct vlab_dma *dma, const struct chunk *c, const struct end *end, bool write)
{
	if (end->card)
		return card_rw(dma, c, end->addr, write);
	return vlab_dma_rw(dma->fn, &dma->epoch, c->epoch, end->addr, dma->chunk, c->len, write);
}

/* Returns where it failed, and why. */
static u64 move(struct vlab_dma *dma, const struct chunk *c, int *ret)
{
	*ret = end_rw(dma, c, &c->src, false);
	if (*ret)
		return c->src.addr;
	*ret = end_rw(dma, c, &c->dst, true);
	return c->dst.addr;
}

static u32 error_code(int ret)
{
	switch (ret) {
	case -EPERM:
		return VLAB_DMA_ERR_PERM;
	case -EACCES:
		return VLAB_DMA_ERR_MASTER;
	case -ENXIO:
		return VLAB_DMA_ERR_OWNER;
	case -EIO:
		return VLAB_DMA_ERR_CHECK;
	case -ENOMEM:
		return VLAB_DMA_ERR_NOMEM;
	default:
		return VLAB_DMA_ERR_NOMAP;
	}
}

static void chunk_done(struct vlab_dma *dma, const struct chunk *c, int ret, u64 fault)
{
	struct vlab_fn *fn = dma->fn;
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if (c->epoch == dma->epoch && ret) {
		finish(dma, VLAB_DMA_ST_ERROR, error_code(ret), fault);
	} else if (c->epoch == dma->epoch) {
		dma->val[REG_DONE] += c->len;
		if (dma->val[REG_DONE] == dma->total)
			finish(dma, VLAB_DMA_ST_DONE, VLAB_DMA_ERR_NONE, NO_FAULT);
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

static void dma_work(struct work_struct *work)
{
	struct vlab_dma *dma = container_of(work, struct vlab_dma, work);
	struct chunk c;
	u64 fault;
	int ret;

	while (next_chunk(dma, &c)) {
		fault = move(dma, &c, &ret);
		chunk_done(dma, &c, ret, fault);
		cond_resched();
	}
}

/* ---- for models ---- */

/**
 * vlab_dma_init() - give a function an engine
 * @fn: the function; one engine each
 * @bar: the BAR of the registers, whose memory SRC_CARD and DST_CARD mean; made
 *	before
 * @off: where in it the registers start
 *
 * From a model's init(); the model forwards its reset(), stop() and exit() to
 * vlab_dma_reset(), vlab_dma_stop() and vlab_dma_exit().
 *
 * Return: 0, -ENOMEM, -ENOSPC too many register blocks.
 */
int vlab_dma_init(struct vlab_fn *fn, unsigned int bar, u32 off)
{
	const struct vlab_regs block = {
		.bar = bar,
		.off = off,
		.stride = VLAB_DMA_SIZE,
		.count = 1,
		.regs = dma_regs,
		.nregs = ARRAY_SIZE(dma_regs),
	};
	struct vlab_dma *dma;
	int ret;

	ret = vlab_regs_add(fn, &block);
	if (ret)
		return ret;
	dma = kzalloc(sizeof(*dma), GFP_KERNEL_ACCOUNT);
	if (!dma)
		return -ENOMEM;

	dma->fn = fn;
	dma->mem = fn->bar[bar].mem;
	dma->val = vlab_reg_val(fn, dma_regs, 0);
	INIT_WORK(&dma->work, dma_work);
	fn->dma = dma;
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_dma_init);

/**
 * vlab_dma_reset() - forget the transfer under way
 * @fn: the function; its registers already have their reset values. It need not have
 *	an engine
 *
 * fn->lock held.
 */
void vlab_dma_reset(struct vlab_fn *fn)
{
	lockdep_assert_held(&fn->lock);
	if (fn->dma)
		fn->dma->epoch++;
}
EXPORT_SYMBOL_VLAB(vlab_dma_reset);

/**
 * vlab_dma_stop() - end the transfer under way and wait for the worker
 * @fn: the function; nobody can start another one. It need not have an engine
 */
void vlab_dma_stop(struct vlab_fn *fn)
{
	unsigned long flags;

	if (!fn->dma)
		return;
	raw_spin_lock_irqsave(&fn->lock, flags);
	fn->dma->val[REG_STATUS] &= ~VLAB_DMA_ST_BUSY;
	fn->dma->epoch++;
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	cancel_work_sync(&fn->dma->work);
}
EXPORT_SYMBOL_VLAB(vlab_dma_stop);

/**
 * vlab_dma_exit() - take the engine away
 * @fn: a stopped function; it need not have an engine
 */
void vlab_dma_exit(struct vlab_fn *fn)
{
	kfree(fn->dma);
	fn->dma = NULL;
}
EXPORT_SYMBOL_VLAB(vlab_dma_exit);
