// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - registers as data
 *
 * One access is cut into the registers that it touches; each is masked by the
 * table, then its hook runs. What no register claims reads as ones.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "core.h"
#include "trace.h"

/* Where in a block an offset falls. */
struct place {
	struct vlab_regs *block;
	const struct vlab_reg *reg;
	unsigned int inst;		/* counted from 0 */
	unsigned int byte;		/* in the register */
};

static u64 *stored(const struct place *at)
{
	return &at->block->val[at->inst * at->block->nregs + (at->reg - at->block->regs)];
}

static bool find_in_block(struct vlab_regs *block, u64 off, struct place *at)
{
	unsigned int in, i;

	if (off < block->off || off - block->off >= (u64)block->stride * block->count)
		return false;

	in = (off - block->off) % block->stride;
	for (i = 0; i < block->nregs; i++) {
		const struct vlab_reg *reg = &block->regs[i];

		if (in < reg->off || in >= reg->off + reg->width)
			continue;
		*at = (struct place) {
			.block = block,
			.reg = reg,
			.inst = (off - block->off) / block->stride,
			.byte = in - reg->off,
		};
		return true;
	}
	return false;
}

static bool find(struct vlab_fn *fn, unsigned int bar, u64 off, struct place *at)
{
	unsigned int i;

	for (i = 0; i < fn->nblocks; i++)
		if (fn->block[i].bar == bar && find_in_block(&fn->block[i], off, at))
			return true;
	return false;
}

static void reg_read(struct vlab_fn *fn, const struct place *at, u8 *buf, unsigned int n)
{
	const struct vlab_reg *reg = at->reg;
	u64 val = reg->read ? reg->read(fn, at->block->first + at->inst) : *stored(at);

	for (val >>= at->byte * 8; n--; val >>= 8)
		*buf++ = val;
}

static u64 merge(u64 old, const u8 *buf, unsigned int byte, unsigned int n)
{
	for (; n--; byte++) {
		old &= ~(0xffULL << byte * 8);
		old |= (u64)*buf++ << byte * 8;
	}
	return old;
}

static void place_write(struct vlab_fn *fn, const struct place *at, u64 full)
{
	const struct vlab_reg *reg = at->reg;
	u64 *val = stored(at), old = *val;

	*val = (old & ~reg->rw & ~(full & reg->w1c)) | (full & reg->rw);
	if (reg->write)
		reg->write(fn, at->block->first + at->inst, full, old);
}

/* Bytes that a part access leaves out keep their value and clear nothing. */
static void reg_write(struct vlab_fn *fn, const struct place *at, const u8 *buf, unsigned int n)
{
	place_write(fn, at, merge(*stored(at) & ~at->reg->w1c, buf, at->byte, n));
}

void vlab_reg_store(struct vlab_fn *fn, struct vlab_regs *block, const struct vlab_reg *reg,
		    unsigned int inst, u64 val)
{
	const struct place at = { .block = block, .reg = reg, .inst = inst };

	lockdep_assert_held(&fn->lock);
	place_write(fn, &at, val);
}

static void access_locked(struct vlab_fn *fn, unsigned int bar, u64 off, u8 *buf,
			  unsigned int len, bool write)
{
	struct place at;
	unsigned int n;

	for (; len; off += n, buf += n, len -= n) {
		n = 1;
		if (!find(fn, bar, off, &at)) {
			if (!write)
				*buf = 0xff;
			continue;
		}
		n = min_t(unsigned int, len, at.reg->width - at.byte);
		if (write)
			reg_write(fn, &at, buf, n);
		else
			reg_read(fn, &at, buf, n);
	}
}

static u64 bytes_to_num(const u8 *buf, unsigned int len)
{
	return merge(0, buf, 0, len);
}

int vlab_bar_rw(struct vlab_fn *fn, unsigned int bar, u64 off, void *buf,
		unsigned int len, bool write)
{
	const struct vlab_bar *b = &fn->bar[bar];
	u64 end = max_t(u64, min(b->size, b->mem_off), b->polled);
	unsigned long flags;

	if (!len || len > 8 || len & (len - 1) || off & (len - 1) ||
	    off >= end || len > end - off)
		return -EINVAL;

	raw_spin_lock_irqsave(&fn->lock, flags);
	vlab_poll_take(fn);
	access_locked(fn, bar, off, buf, len, write);
	vlab_poll_show(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);

	trace_vlab_access(fn, bar, off, len, bytes_to_num(buf, len), write);
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_bar_rw);

/**
 * vlab_regs_add() - add a block of registers to a function
 * @fn: the function
 * @block: the block; copied, @block->val is ignored
 *
 * From a model's init(). The values are freed with the function.
 *
 * Return: 0, -ENOSPC too many blocks, -ENOMEM.
 */
int vlab_regs_add(struct vlab_fn *fn, const struct vlab_regs *block)
{
	struct vlab_regs *to = &fn->block[fn->nblocks];

	if (fn->nblocks == VLAB_MAX_BLOCKS)
		return -ENOSPC;

	*to = *block;
	to->val = kcalloc(block->count * block->nregs, sizeof(*to->val), GFP_KERNEL);
	if (!to->val)
		return -ENOMEM;
	fn->nblocks++;
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_regs_add);

/**
 * vlab_reg_val() - the stored value of a register
 * @fn: the function
 * @reg: the register, from the table that was added
 * @inst: instance, as hooks see it
 *
 * fn->lock held, or before the function is plugged in.
 *
 * Return: where it is stored; NULL when no block has the register.
 */
u64 *vlab_reg_val(struct vlab_fn *fn, const struct vlab_reg *reg, unsigned int inst)
{
	unsigned int i;

	for (i = 0; i < fn->nblocks; i++) {
		struct vlab_regs *b = &fn->block[i];

		if (reg >= b->regs && reg < b->regs + b->nregs &&
		    inst >= b->first && inst - b->first < b->count)
			return &b->val[(inst - b->first) * b->nregs + (reg - b->regs)];
	}
	return NULL;
}
EXPORT_SYMBOL_VLAB(vlab_reg_val);

static void block_reset(struct vlab_regs *block)
{
	unsigned int i;

	for (i = 0; i < block->count * block->nregs; i++)
		block->val[i] = block->regs[i % block->nregs].reset;
}

void vlab_regs_reset(struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < fn->nblocks; i++)
		block_reset(&fn->block[i]);
}

void vlab_regs_free(struct vlab_fn *fn)
{
	while (fn->nblocks)
		kfree(fn->block[--fn->nblocks].val);
}
