// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - registers in card memory
 *
 * A driver that insists on mmap stores to its registers and nobody is told. So
 * while the function has an owner a timer looks at the page: what differs from
 * what the device last left there was stored, and goes the way of any write to a
 * register. What the device changes is put into the page with cmpxchg(), so
 * that a store that came in between is not lost but found the next time.
 *
 * The page is plain memory. Two things follow: a store of what is there already
 * is no store, and a load has no side effect. For the one case in which a driver
 * could outrun the timer, see vlab_poll_protect().
 *
 * It is one of two: the first of card memory, which front ends map for their users,
 * or what is behind the BAR's address, for drivers of the kernel's own.
 */
#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "core.h"

#define WAIT_MIN	(50 * NSEC_PER_USEC)
#define WAIT_MAX	(2 * NSEC_PER_MSEC)

/**
 * struct polled - one register in the page
 * @block: its block
 * @reg: the register
 * @inst: instance, counted from 0
 * @off: where in the page
 * @at: the same, in the page of now
 * @seen: what the device last found or left there
 * @now: what is there in this look
 */
struct polled {
	struct vlab_regs *block;
	const struct vlab_reg *reg;
	unsigned int inst;
	unsigned int off;
	void *at;
	u64 seen, now;
};

/**
 * struct vlab_poll - registers of a function that are polled
 * @fn: the function; fn->lock protects @page and @reg
 * @timer: runs while the function has an owner
 * @wait: ns to the next look: short after a store, then longer and longer
 * @memory: the first page of card memory
 * @page: that, or the owner's own
 * @nregs: how many
 * @reg: the registers, in the order of their blocks
 *
 * Made in a model's init() by vlab_poll_init(), freed with the function.
 */
struct vlab_poll {
	struct vlab_fn *fn;
	struct hrtimer timer;
	u64 wait;
	void *memory, *page;
	unsigned int nregs;
	struct polled reg[];
};

/* ---- the page ---- */

static u64 load(const struct polled *r)
{
	switch (r->reg->width) {
	case 1:
		return READ_ONCE(*(u8 *)r->at);
	case 2:
		return le16_to_cpu(READ_ONCE(*(__le16 *)r->at));
	case 4:
		return le32_to_cpu(READ_ONCE(*(__le32 *)r->at));
	default:
		return le64_to_cpu(READ_ONCE(*(__le64 *)r->at));
	}
}

/* Unless something else than @old is there. */
static void exchange(const struct polled *r, u64 old, u64 val)
{
	__le16 old16 = cpu_to_le16(old);
	__le32 old32 = cpu_to_le32(old);
	__le64 old64 = cpu_to_le64(old);

	switch (r->reg->width) {
	case 1:
		cmpxchg((u8 *)r->at, (u8)old, (u8)val);
		break;
	case 2:
		cmpxchg((__le16 *)r->at, old16, cpu_to_le16(val));
		break;
	case 4:
		cmpxchg((__le32 *)r->at, old32, cpu_to_le32(val));
		break;
	default:
		cmpxchg((__le64 *)r->at, old64, cpu_to_le64(val));
	}
}

static u64 *stored(const struct polled *r)
{
	return &r->block->val[r->inst * r->block->nregs + (r->reg - r->block->regs)];
}

/*
 * Backwards: with what a register has, all is seen that was stored before to those
 * that take effect earlier.
 */
static void look(struct vlab_poll *p)
{
	struct polled *r = p->reg + p->nregs;

	while (r-- > p->reg) {
		r->now = load(r);
		smp_rmb();	/* pairs with whatever orders the driver's stores */
	}
}

/* Returns whether somebody stored something. */
static bool take(struct vlab_poll *p)
{
	bool any = false;
	struct polled *r;

	look(p);
	for (r = p->reg; r < p->reg + p->nregs; r++) {
		if (r->now == r->seen)
			continue;
		any = true;
		r->seen = r->now;
		vlab_reg_store(p->fn, r->block, r->reg, r->inst, r->now);
	}
	return any;
}

void vlab_poll_take(struct vlab_fn *fn)
{
	lockdep_assert_held(&fn->lock);
	if (fn->poll)
		take(fn->poll);
}
EXPORT_SYMBOL_VLAB(vlab_poll_take);

void vlab_poll_show(struct vlab_fn *fn)
{
	struct vlab_poll *p = fn->poll;
	struct polled *r;

	lockdep_assert_held(&fn->lock);
	if (!p)
		return;
	for (r = p->reg; r < p->reg + p->nregs; r++) {
		if (r->seen == *stored(r))
			continue;
		/* If not, a store came in between: it differs from what we have. */
		exchange(r, r->seen, *stored(r));
		r->seen = *stored(r);
	}
}
EXPORT_SYMBOL_VLAB(vlab_poll_show);

void vlab_poll_reset(struct vlab_fn *fn)
{
	struct vlab_poll *p = fn->poll;
	struct polled *r;

	lockdep_assert_held(&fn->lock);
	if (!p)
		return;
	look(p);
	for (r = p->reg; r < p->reg + p->nregs; r++)
		r->seen = r->now;
	vlab_poll_show(fn);
}

/* Whatever that page said before, it says what the registers say. */
static void move_to(struct vlab_poll *p, void *page)
{
	struct polled *r;

	p->page = page;
	for (r = p->reg; r < p->reg + p->nregs; r++) {
		r->at = page + r->off;
		exchange(r, load(r), *stored(r));
		r->seen = *stored(r);
	}
}

/* ---- the timer ---- */

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct vlab_poll *p = container_of(timer, struct vlab_poll, timer);
	unsigned long flags;
	bool any;

	raw_spin_lock_irqsave(&p->fn->lock, flags);
	any = take(p);
	vlab_poll_show(p->fn);
	raw_spin_unlock_irqrestore(&p->fn->lock, flags);

	p->wait = any ? WAIT_MIN : min_t(u64, p->wait * 2, WAIT_MAX);
	hrtimer_forward_now(timer, ns_to_ktime(p->wait));
	return HRTIMER_RESTART;
}

void vlab_poll_start(struct vlab_fn *fn, void *page)
{
	struct vlab_poll *p = fn->poll;
	unsigned long flags;

	if (!p)
		return;
	raw_spin_lock_irqsave(&fn->lock, flags);
	if (page)
		move_to(p, page);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	p->wait = WAIT_MIN;
	hrtimer_start(&p->timer, ns_to_ktime(p->wait), HRTIMER_MODE_REL_HARD);
}

void vlab_poll_stop(struct vlab_fn *fn)
{
	struct vlab_poll *p = fn->poll;
	unsigned long flags;

	if (!p)
		return;
	hrtimer_cancel(&p->timer);
	raw_spin_lock_irqsave(&fn->lock, flags);
	if (p->page != p->memory) {
		take(p);
		move_to(p, p->memory);
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

/* ---- stores that are waited for ---- */

bool vlab_poll_can_protect(const struct vlab_fn *fn)
{
	lockdep_assert_held(&fn->lock);
	return fn->poll && fn->poll->page == fn->poll->memory;
}
EXPORT_SYMBOL_VLAB(vlab_poll_can_protect);

void vlab_poll_protect(struct vlab_fn *fn)
{
	down_read(&fn->dma_gate);
	if (fn->owner && fn->owner->protect)
		fn->owner->protect(fn->owner);
	up_read(&fn->dma_gate);
}
EXPORT_SYMBOL_VLAB(vlab_poll_protect);

void vlab_poll_touched(struct vlab_fn *fn)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if (fn->model->touched)
		fn->model->touched(fn);
	vlab_poll_show(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}
EXPORT_SYMBOL_VLAB(vlab_poll_touched);

/* ---- for models ---- */

static void add_block(struct vlab_poll *p, struct vlab_regs *block)
{
	unsigned int inst, i;
	struct polled *r;

	for (inst = 0; inst < block->count; inst++) {
		for (i = 0; i < block->nregs; i++) {
			r = &p->reg[p->nregs++];
			r->block = block;
			r->reg = &block->regs[i];
			r->inst = inst;
			r->off = block->off + inst * block->stride + r->reg->off;
			r->at = p->page + r->off;
		}
	}
}

static unsigned int count_regs(const struct vlab_fn *fn, unsigned int bar)
{
	unsigned int i, n = 0;

	for (i = 0; i < fn->nblocks; i++)
		if (fn->block[i].bar == bar)
			n += fn->block[i].count * fn->block[i].nregs;
	return n;
}

int vlab_poll_init(struct vlab_fn *fn, unsigned int bar)
{
	struct page *page = vlab_mem_page(fn->bar[bar].mem, 0);
	struct vlab_poll *p;
	unsigned int i;

	p = kzalloc(struct_size(p, reg, count_regs(fn, bar)), GFP_KERNEL_ACCOUNT);
	if (!p || !page) {
		kfree(p);
		return -ENOMEM;
	}
	p->fn = fn;
	p->memory = page_address(page);
	p->page = p->memory;
	vlab_hrtimer_setup(&p->timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	for (i = 0; i < fn->nblocks; i++)
		if (fn->block[i].bar == bar)
			add_block(p, &fn->block[i]);
	fn->bar[bar].polled = PAGE_SIZE;
	fn->poll = p;
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_poll_init);

void vlab_poll_free(struct vlab_fn *fn)
{
	kfree(fn->poll);
}
