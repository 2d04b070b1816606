// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the channel of an I/OAT card
 *
 * Register hooks note what was asked for; a worker does it, so that all that is
 * under way ends before a command is answered. Numbers in comments are sections
 * of uapi/ioat.rst.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched.h>

#include "compat.h"
#include "ioat_chan.h"
#include "vlab_ioat.h"

/* In the order in which stores take effect and changes become visible. */
enum {
	REG_CHANCNT, REG_XFERCAP, REG_GENCTRL, REG_INTRCTRL, REG_ATTNSTATUS, REG_CBVER,
	REG_INTRDELAY, REG_CS_STATUS, REG_DMACAP,
	REG_CHANCTRL, REG_DMA_COMP, REG_CHAINADDR, REG_CHANCMP, REG_CDAR, REG_CHANERR,
	REG_CHANERRMSK, REG_DCACTRL, REG_DMACOUNT, REG_CHANSTS, REG_CHANCMD,
	NREGS
};

static unsigned int state(const struct ioat_chan *c)
{
	return c->val[REG_CHANSTS] & VLAB_IOAT_CHANSTS_STATE;
}

static void set_state(struct ioat_chan *c, unsigned int state)
{
	c->val[REG_CHANSTS] = c->last | state;
}

static bool in_error(const struct ioat_chan *c)
{
	return state(c) == VLAB_IOAT_HALTED && c->val[REG_CHANERR];
}

/* ---- interrupts (5) ---- */

static bool by_message(const struct vlab_fn *fn)
{
	return vlab_cfg_get(&fn->cfg, fn->msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_ENABLE;
}

/* After each change of ATTNSTATUS, INTRCTRL or the kind of interrupt. */
static void changed(struct ioat_chan *c)
{
	u64 *ctrl = &c->val[REG_INTRCTRL];
	bool attn = c->val[REG_ATTNSTATUS];
	bool line = attn && *ctrl & VLAB_IOAT_INTRCTRL_MASTER;

	*ctrl &= ~(VLAB_IOAT_INTRCTRL_STATUS | VLAB_IOAT_INTRCTRL_INT);
	*ctrl |= (attn ? VLAB_IOAT_INTRCTRL_STATUS : 0) | (line ? VLAB_IOAT_INTRCTRL_INT : 0);
	vlab_irq_set(c->fn, 0, by_message(c->fn) ? attn : line);
}

static void interrupt(struct ioat_chan *c)
{
	if (c->quiet)
		return;
	c->quiet = true;
	c->val[REG_ATTNSTATUS] = 1;
	changed(c);
}

static void rearm(struct ioat_chan *c)
{
	c->quiet = false;
	c->val[REG_ATTNSTATUS] = 0;
	changed(c);
}

static u64 intrctrl_read(struct vlab_fn *fn, unsigned int inst)
{
	struct ioat_chan *c = ioat_chan(fn);
	u64 val = c->val[REG_INTRCTRL];

	c->val[REG_INTRCTRL] &= ~VLAB_IOAT_INTRCTRL_MASTER;
	changed(c);
	return val;
}

static void intrctrl_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	changed(ioat_chan(fn));
}

static u64 attnstatus_read(struct vlab_fn *fn, unsigned int inst)
{
	struct ioat_chan *c = ioat_chan(fn);
	u64 val = c->val[REG_ATTNSTATUS];

	c->val[REG_ATTNSTATUS] = 0;
	changed(c);
	return val;
}

static void chanctrl_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	if (val & VLAB_IOAT_CHANCTRL_REARM)
		rearm(ioat_chan(fn));
}

/* Back to the start of the chain. */
static void start_over(struct ioat_chan *c)
{
	c->val[REG_DMACOUNT] = 0;
	c->done = 0;
	c->next = c->val[REG_CHAINADDR];
	c->first = true;
}

/* ---- errors (6) ---- */

static void cfg_set_bits(struct vlab_fn *fn, unsigned int reg, u32 bits)
{
	vlab_cfg_set(&fn->cfg, reg, 4, vlab_cfg_get(&fn->cfg, reg, 4) | bits);
}

static void show_errors(struct ioat_chan *c)
{
	u32 err = c->val[REG_CHANERR];

	vlab_cfg_set(&c->fn->cfg, VLAB_IOAT_CFG_CHANERR, 4, err);
	vlab_cfg_set(&c->fn->cfg, VLAB_IOAT_CFG_ERRPTR, 1, err ? __ffs(err) : 0);
}

static void fail(struct ioat_chan *c, u32 err)
{
	c->val[REG_CHANERR] |= err;
	start_over(c);
	show_errors(c);
	if (err & VLAB_IOAT_ERR_READ_DATA)
		cfg_set_bits(c->fn, VLAB_IOAT_CFG_UNCERRSTS, VLAB_IOAT_UNCERR_READ);
	set_state(c, VLAB_IOAT_HALTED);
	if (c->val[REG_CHANCTRL] & VLAB_IOAT_CHANCTRL_ERR_INT &&
	    err & ~c->val[REG_CHANERRMSK])
		interrupt(c);
}

static void chanerr_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	show_errors(ioat_chan(fn));
}

/* ---- commands (4) ---- */

/* Whoever sets it up must not take HALTED for an end (7.3). */
static void arm(struct ioat_chan *c)
{
	if (state(c) == VLAB_IOAT_HALTED && !c->val[REG_CHANERR])
		set_state(c, VLAB_IOAT_ARMED);
}

static void chainaddr_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	struct ioat_chan *c = ioat_chan(fn);

	if (state(c) != VLAB_IOAT_ACTIVE)
		start_over(c);
	arm(c);
}

static void dmacount_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	struct ioat_chan *c = ioat_chan(fn);

	if (in_error(c) || (u16)val == c->done)
		return;
	set_state(c, VLAB_IOAT_ACTIVE);
	vlab_dma_queue(&c->work);
}

static void suspend(struct ioat_chan *c)
{
	c->val[REG_CHANCMD] &= ~VLAB_IOAT_CHANCMD_SUSPEND;
	if (state(c) != VLAB_IOAT_ACTIVE && state(c) != VLAB_IOAT_DONE)
		return;
	start_over(c);
	set_state(c, VLAB_IOAT_SUSPENDED);
}

/* 7.4 */
static unsigned int at_rest(const struct ioat_chan *c)
{
	return vlab_poll_can_protect(c->fn) ? VLAB_IOAT_HALTED : VLAB_IOAT_DONE;
}

static void reset(struct ioat_chan *c)
{
	c->val[REG_CHANCMD] = 0;
	c->val[REG_CHAINADDR] = 0;
	c->val[REG_CHANCMP] = 0;
	c->val[REG_CDAR] = 0;
	c->val[REG_CHANERR] = 0;
	c->last = 0;
	start_over(c);
	rearm(c);
	show_errors(c);
	set_state(c, at_rest(c));
}

/*
 * By the worker, unless there is nothing to wait for: a driver of the kernel's own
 * may wait for it in a softirq, and the worker for a processor.
 */
static void command(struct ioat_chan *c)
{
	if (c->busy || vlab_poll_can_protect(c->fn))
		vlab_dma_queue(&c->work);
	else if (c->val[REG_CHANCMD] & VLAB_IOAT_CHANCMD_RESET)
		reset(c);
	else
		suspend(c);
}

static void chancmd_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	const u64 all = VLAB_IOAT_CHANCMD_RESET | VLAB_IOAT_CHANCMD_SUSPEND;
	struct ioat_chan *c = ioat_chan(fn);

	c->val[REG_CHANCMD] = old;
	if ((val & all) == all) {
		c->epoch++;
		fail(c, VLAB_IOAT_ERR_CHANCMD);
		return;
	}
	/* It stays there until it is done. */
	c->val[REG_CHANCMD] |= val & all;
	if (val & all)
		command(c);
}

static const struct vlab_reg ioat_regs[NREGS] = {
	[REG_CHANCNT] = { .name = "CHANCNT", .off = VLAB_IOAT_CHANCNT, .width = 1, .reset = 1 },
	[REG_XFERCAP] = { .name = "XFERCAP", .off = VLAB_IOAT_XFERCAP, .width = 1,
			  .reset = VLAB_IOAT_XFERCAP_LOG2 },
	[REG_GENCTRL] = { .name = "GENCTRL", .off = VLAB_IOAT_GENCTRL, .width = 1, .rw = 1 },
	[REG_INTRCTRL] = { .name = "INTRCTRL", .off = VLAB_IOAT_INTRCTRL, .width = 1,
			   .rw = VLAB_IOAT_INTRCTRL_MASTER | VLAB_IOAT_INTRCTRL_MSIX,
			   .read = intrctrl_read, .write = intrctrl_written },
	[REG_ATTNSTATUS] = { .name = "ATTNSTATUS", .off = VLAB_IOAT_ATTNSTATUS, .width = 4,
			     .read = attnstatus_read },
	[REG_CBVER] = { .name = "CBVER", .off = VLAB_IOAT_CBVER, .width = 1,
			.reset = VLAB_IOAT_VERSION },
	[REG_INTRDELAY] = { .name = "INTRDELAY", .off = VLAB_IOAT_INTRDELAY, .width = 2 },
	[REG_CS_STATUS] = { .name = "CS_STATUS", .off = VLAB_IOAT_CS_STATUS, .width = 2 },
	[REG_DMACAP] = { .name = "DMACAP", .off = VLAB_IOAT_DMACAP, .width = 4 },
	[REG_CHANCTRL] = { .name = "CHANCTRL", .off = VLAB_IOAT_CHANCTRL, .width = 2,
			   .rw = VLAB_IOAT_CHANCTRL_RW, .write = chanctrl_written },
	[REG_DMA_COMP] = { .name = "DMA_COMP", .off = VLAB_IOAT_DMA_COMP, .width = 2,
			   .reset = 6 },
	[REG_CHAINADDR] = { .name = "CHAINADDR", .off = VLAB_IOAT_CHAINADDR, .width = 8,
			    .rw = U64_MAX, .write = chainaddr_written },
	[REG_CHANCMP] = { .name = "CHANCMP", .off = VLAB_IOAT_CHANCMP, .width = 8,
			  .rw = U64_MAX },
	[REG_CDAR] = { .name = "CDAR", .off = VLAB_IOAT_CDAR, .width = 8 },
	[REG_CHANERR] = { .name = "CHANERR", .off = VLAB_IOAT_CHANERR, .width = 4,
			  .w1c = VLAB_IOAT_ERR_ALL, .write = chanerr_written },
	[REG_CHANERRMSK] = { .name = "CHANERRMSK", .off = VLAB_IOAT_CHANERRMSK, .width = 4,
			     .rw = VLAB_IOAT_ERR_ALL },
	[REG_DCACTRL] = { .name = "DCACTRL", .off = VLAB_IOAT_DCACTRL, .width = 4,
			  .rw = U32_MAX },
	[REG_DMACOUNT] = { .name = "DMACOUNT", .off = VLAB_IOAT_DMACOUNT, .width = 2,
			   .rw = U16_MAX, .write = dmacount_written },
	[REG_CHANSTS] = { .name = "CHANSTS", .off = VLAB_IOAT_CHANSTS, .width = 8,
			  .reset = VLAB_IOAT_HALTED },
	[REG_CHANCMD] = { .name = "CHANCMD", .off = VLAB_IOAT_CHANCMD, .width = 1,
			  .write = chancmd_written },
};

/* ---- the worker (3) ---- */

/**
 * struct job - one descriptor under way
 * @addr: where it is
 * @first: CHAINADDR said so
 * @final: no more are due after it
 * @control: CHANCTRL as it began
 * @cmp: CHANCMP as it began
 * @last: the one before
 * @epoch: of the channel
 * @resets: of the function
 * @size: what it says, as from here on
 * @ctl: see uapi/vlab_ioat.h
 * @src: see there
 * @dst: see there
 * @next: see there
 */
struct job {
	u64 addr;
	bool first, final;
	u16 control;
	u64 cmp;
	u64 last;
	unsigned int epoch, resets;
	u32 size, ctl;
	u64 src, dst, next;
};

enum step { STEP_NONE, STEP_RESET, STEP_DESC };

static void prepare(struct ioat_chan *c, struct job *job)
{
	*job = (struct job) {
		.addr = c->next,
		.first = c->first,
		.final = (u16)(c->done + 1) == c->val[REG_DMACOUNT],
		.control = c->val[REG_CHANCTRL],
		.cmp = c->val[REG_CHANCMP],
		.last = c->last,
		.epoch = c->epoch,
		.resets = c->fn->resets,
	};
	c->val[REG_CDAR] = c->next;
}

static enum step next_step(struct ioat_chan *c, struct job *job)
{
	enum step step = STEP_NONE;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->fn->lock, flags);
	vlab_poll_take(c->fn);
	job->epoch = c->epoch;
	if (c->val[REG_CHANCMD] & VLAB_IOAT_CHANCMD_RESET)
		step = STEP_RESET;
	else if (c->val[REG_CHANCMD] & VLAB_IOAT_CHANCMD_SUSPEND)
		suspend(c);
	if (!step && state(c) == VLAB_IOAT_ACTIVE) {
		step = STEP_DESC;
		prepare(c, job);
	}
	c->busy = step == STEP_DESC;
	c->touched = false;
	vlab_poll_show(c->fn);
	raw_spin_unlock_irqrestore(&c->fn->lock, flags);
	return step;
}

static int job_rw(struct ioat_chan *c, const struct job *job, u64 iova, void *buf, size_t len,
		  bool write)
{
	return vlab_dma_rw(c->fn, &c->fn->resets, job->resets, iova, buf, len, write);
}

/* 3.2 */
static u32 fetch(struct ioat_chan *c, struct job *job)
{
	u32 err = job->first ? VLAB_IOAT_ERR_CHAIN_ADDR : VLAB_IOAT_ERR_NEXT_ADDR;
	struct vlab_ioat_desc d;

	if (job->addr % sizeof(d) ||
	    job_rw(c, job, job->addr, &d, sizeof(d), false))
		return err;
	job->size = le32_to_cpu(d.size);
	job->ctl = le32_to_cpu(d.ctl);
	job->src = le64_to_cpu(d.src);
	job->dst = le64_to_cpu(d.dst);
	job->next = le64_to_cpu(d.next);
	return 0;
}

/* 3.3 */
static u32 judge(const struct job *job)
{
	const u32 known = VLAB_IOAT_CTL_INT | VLAB_IOAT_CTL_CMP | VLAB_IOAT_CTL_NULL |
			  VLAB_IOAT_CTL_HINTS;
	u64 last;

	if (job->ctl & ~known)
		return VLAB_IOAT_ERR_CONTROL;
	if (!job->size || job->size > 1U << VLAB_IOAT_XFERCAP_LOG2)
		return VLAB_IOAT_ERR_LENGTH;
	if (job->ctl & VLAB_IOAT_CTL_NULL)
		return 0;
	if (check_add_overflow(job->src, (u64)job->size - 1, &last))
		return VLAB_IOAT_ERR_SRC_ADDR;
	if (check_add_overflow(job->dst, (u64)job->size - 1, &last))
		return VLAB_IOAT_ERR_DST_ADDR;
	return 0;
}

static u32 to_boundary(u64 addr)
{
	return IOAT_CHUNK - (addr & (IOAT_CHUNK - 1));
}

/* 3.4 */
static u32 copy(struct ioat_chan *c, const struct job *job)
{
	u32 pos, n;

	if (job->ctl & VLAB_IOAT_CTL_NULL)
		return 0;
	for (pos = 0; pos < job->size; pos += n) {
		n = min3(job->size - pos, to_boundary(job->src + pos),
			 to_boundary(job->dst + pos));
		if (job_rw(c, job, job->src + pos, c->chunk, n, false))
			return VLAB_IOAT_ERR_READ_DATA;
		if (job_rw(c, job, job->dst + pos, c->chunk, n, true))
			return VLAB_IOAT_ERR_WRITE_DATA;
	}
	return 0;
}

/* 3.5; memory hears of it before the register and before the interrupt */
static u32 post(struct ioat_chan *c, const struct job *job, u32 err)
{
	unsigned int then = job->final ? VLAB_IOAT_DONE : VLAB_IOAT_ACTIVE;
	__le64 sts = cpu_to_le64(err ? job->last | VLAB_IOAT_HALTED : job->addr | then);

	if (!(err ? job->control & VLAB_IOAT_CHANCTRL_ERR_CMP : job->ctl & VLAB_IOAT_CTL_CMP))
		return err;
	if (job->cmp % sizeof(sts) ||
	    job_rw(c, job, job->cmp, &sts, sizeof(sts), true))
		err |= VLAB_IOAT_ERR_CMP_ADDR;
	return err;
}

static void complete_job(struct ioat_chan *c, const struct job *job)
{
	c->done++;
	c->last = job->addr;
	c->next = job->next;
	c->first = false;
	set_state(c, c->val[REG_DMACOUNT] == c->done ? VLAB_IOAT_DONE : VLAB_IOAT_ACTIVE);
	if (job->ctl & VLAB_IOAT_CTL_INT)
		interrupt(c);
}

/*
 * Before the channel is HALTED mappings are made read-only: whoever sets it up
 * anew, and then looks at CHANSTS, must not see that (7.3).
 */
static void do_descriptor(struct ioat_chan *c, struct job *job)
{
	u32 err = fetch(c, job) ?: judge(job) ?: copy(c, job);
	unsigned long flags;

	err = post(c, job, err);
	if (err)
		vlab_poll_protect(c->fn);
	raw_spin_lock_irqsave(&c->fn->lock, flags);
	if (job->epoch == c->epoch && err)
		fail(c, err);
	else if (job->epoch == c->epoch)
		complete_job(c, job);
	c->busy = false;
	vlab_poll_show(c->fn);
	raw_spin_unlock_irqrestore(&c->fn->lock, flags);
}

/*
 * Whoever has stored something since mappings were made read-only will not be held up
 * another time: that one sets the channel up already.
 */
static void do_reset(struct ioat_chan *c, const struct job *job)
{
	unsigned long flags;

	vlab_poll_protect(c->fn);
	raw_spin_lock_irqsave(&c->fn->lock, flags);
	if (job->epoch == c->epoch) {
		vlab_poll_take(c->fn);
		reset(c);
		if (c->touched)
			arm(c);
	}
	vlab_poll_show(c->fn);
	raw_spin_unlock_irqrestore(&c->fn->lock, flags);
}

static void ioat_work(struct work_struct *work)
{
	struct ioat_chan *c = container_of(work, struct ioat_chan, work);
	enum step step;
	struct job job;

	while ((step = next_step(c, &job))) {
		if (step == STEP_RESET)
			do_reset(c, &job);
		else
			do_descriptor(c, &job);
		cond_resched();
	}
}

/* ---- for the model ---- */

/**
 * ioat_chan_init() - give a function its channel
 * @c: the channel, zeroed
 * @fn: the function
 * @bar: BAR of the registers, made before
 *
 * From a model's init().
 *
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int ioat_chan_init(struct ioat_chan *c, struct vlab_fn *fn, unsigned int bar)
{
	const struct vlab_regs block = {
		.bar = bar,
		.stride = IOAT_CHUNK,
		.count = 1,
		.regs = ioat_regs,
		.nregs = NREGS,
	};
	int ret = vlab_regs_add(fn, &block);

	if (ret)
		return ret;
	c->fn = fn;
	c->val = vlab_reg_val(fn, ioat_regs, 0);
	INIT_WORK(&c->work, ioat_work);
	return 0;
}

/**
 * ioat_chan_stop() - stop the worker and wait for it
 * @c: the channel; nobody can start it again
 */
void ioat_chan_stop(struct ioat_chan *c)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&c->fn->lock, flags);
	c->epoch++;
	c->val[REG_CHANCMD] = 0;
	set_state(c, VLAB_IOAT_HALTED);
	raw_spin_unlock_irqrestore(&c->fn->lock, flags);
	cancel_work_sync(&c->work);
}

/**
 * ioat_chan_reset() - the function is reset
 * @c: the channel; its registers have their reset values already
 */
void ioat_chan_reset(struct ioat_chan *c)
{
	c->epoch++;
	c->last = 0;
	c->quiet = false;
	start_over(c);
	set_state(c, at_rest(c));
}

/**
 * ioat_chan_cfg_written() - config space was written
 * @c: the channel
 *
 * The error bits there are the same as in CHANERR, and there is the switch
 * between messages and INTx.
 */
void ioat_chan_cfg_written(struct ioat_chan *c)
{
	c->val[REG_CHANERR] &= vlab_cfg_get(&c->fn->cfg, VLAB_IOAT_CFG_CHANERR, 4);
	show_errors(c);
	changed(c);
}

/**
 * ioat_chan_touched() - somebody begins to set the channel up
 * @c: the channel
 */
void ioat_chan_touched(struct ioat_chan *c)
{
	c->touched = true;
	arm(c);
}
