// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - interrupts of a function
 *
 * Models say which of their sources wants attention. This file derives the rest
 * from config space: INTx line and status, which message goes out now, which
 * stays pending. Everything is sent from the irq_work, never from here: config
 * accesses come with locks held that an interrupt handler takes again.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "compat.h"
#include "core.h"
#include "trace.h"

enum mode { MODE_INTX, MODE_MSI, MODE_MSIX };

static u16 cap_flags(const struct vlab_fn *fn, unsigned int cap, unsigned int reg)
{
	return cap ? vlab_cfg_get(&fn->cfg, cap + reg, 2) : 0;
}

static enum mode mode(const struct vlab_fn *fn)
{
	if (cap_flags(fn, fn->msix, PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE)
		return MODE_MSIX;
	if (cap_flags(fn, fn->msi, PCI_MSI_FLAGS) & PCI_MSI_FLAGS_ENABLE)
		return MODE_MSI;
	return MODE_INTX;
}

/* With fewer messages than sources, sources share: the number modulo messages. */
static unsigned int message(const struct vlab_fn *fn, unsigned int vec)
{
	u16 flags;

	if (mode(fn) != MODE_MSI)
		return vec;
	flags = cap_flags(fn, fn->msi, PCI_MSI_FLAGS);
	return vec & ((1U << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4)) - 1);
}

static unsigned int msi_mask_reg(const struct vlab_fn *fn)
{
	u16 flags = cap_flags(fn, fn->msi, PCI_MSI_FLAGS);

	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	return fn->msi + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
}

static bool masked_by_config(const struct vlab_fn *fn, unsigned int msg)
{
	unsigned int reg = msi_mask_reg(fn);

	if (mode(fn) == MODE_MSIX)
		return cap_flags(fn, fn->msix, PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_MASKALL;
	return reg && msg < 32 && vlab_cfg_get(&fn->cfg, reg, 4) & 1U << msg;
}

/* A message is a memory write: it needs Bus Master and D0 as any other. */
static bool can_send(const struct vlab_fn *fn, unsigned int msg)
{
	return fn->vec[msg].hwirq && !fn->vec[msg].masked &&
	       !masked_by_config(fn, msg) && vlab_fn_may_dma(fn);
}

static void show_pending(struct vlab_fn *fn)
{
	unsigned int reg = msi_mask_reg(fn), i;
	u32 bits = 0;

	if (!reg)
		return;
	for (i = 0; i < min(fn->nvec, 32U); i++)
		bits |= (u32)fn->vec[i].pending << i;
	vlab_cfg_set(&fn->cfg, reg + 4, 4, bits);
}

static void send_pending(struct vlab_fn *fn)
{
	unsigned int i;

	if (mode(fn) == MODE_INTX)
		return;
	for (i = 0; i < fn->nvec; i++) {
		if (!fn->vec[i].pending || !can_send(fn, i))
			continue;
		fn->vec[i].pending = false;
		__set_bit(i, fn->due);
		irq_work_queue(&fn->irq_work);
	}
	show_pending(fn);
}

static bool any_level(const struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < fn->nvec; i++)
		if (fn->vec[i].level)
			return true;
	return false;
}

static void drive_intx(struct vlab_fn *fn)
{
	bool want = any_level(fn), line;
	u8 *status = &fn->cfg.val[PCI_STATUS];

	if (!fn->cfg.val[PCI_INTERRUPT_PIN])
		return;

	*status = (*status & ~PCI_STATUS_INTERRUPT) | (want ? PCI_STATUS_INTERRUPT : 0);
	line = want && mode(fn) == MODE_INTX && vlab_fn_in_d0(fn) &&
	       !(vlab_cfg_get(&fn->cfg, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	if (line == fn->intx)
		return;

	fn->intx = line;
	fn->intx_due = true;
	irq_work_queue(&fn->irq_work);
}

void vlab_irq_update(struct vlab_fn *fn)
{
	lockdep_assert_held(&fn->lock);
	drive_intx(fn);
	send_pending(fn);
}

void vlab_irq_pulse(struct vlab_fn *fn, unsigned int vec)
{
	lockdep_assert_held(&fn->lock);
	if (vec >= fn->nvec || mode(fn) == MODE_INTX)
		return;
	fn->vec[message(fn, vec)].pending = true;
	send_pending(fn);
}
EXPORT_SYMBOL_VLAB(vlab_irq_pulse);

void vlab_irq_source(struct vlab_fn *fn, unsigned int vec, enum vlab_irq_source source,
		     bool level)
{
	u8 bit = 1 << source;

	lockdep_assert_held(&fn->lock);
	if (vec >= fn->nvec || !!(fn->vec[vec].level & bit) == level)
		return;

	fn->vec[vec].level ^= bit;
	if (level)
		vlab_irq_pulse(fn, vec);
	drive_intx(fn);
}
EXPORT_SYMBOL_VLAB(vlab_irq_source);

void vlab_irq_set(struct vlab_fn *fn, unsigned int vec, bool level)
{
	vlab_irq_source(fn, vec, VLAB_IRQ_MODEL, level);
}
EXPORT_SYMBOL_VLAB(vlab_irq_set);

/**
 * vlab_irq_vec_set() - a message got, or lost, its interrupt
 * @fn: the function
 * @vec: index of the message, as in the MSI-X table
 * @hwirq: number in the slot's domain, 0: none any more
 *
 * It starts masked: the chip unmasks it when there is a handler. From the chip's
 * callbacks: interrupts may be off, any context.
 */
void vlab_irq_vec_set(struct vlab_fn *fn, unsigned int vec, unsigned long hwirq)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if (vec < fn->nvec) {
		fn->vec[vec].hwirq = hwirq;
		fn->vec[vec].masked = true;
		vlab_irq_update(fn);
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

/**
 * vlab_irq_vec_mask() - the interrupt controller's side masks a message
 * @fn: the function
 * @vec: index of the message
 * @masked: true: keep it pending; false: what is pending goes out
 *
 * From the chip's callbacks: interrupts may be off, any context.
 */
void vlab_irq_vec_mask(struct vlab_fn *fn, unsigned int vec, bool masked)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if (vec < fn->nvec) {
		fn->vec[vec].masked = masked;
		vlab_irq_update(fn);
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

/* What is to be sent next; one at a time, since sending is outside the lock. */
struct due {
	bool intx;
	unsigned int vec;
	unsigned long hwirq;
};

static bool next_due(struct vlab_fn *fn, struct due *due)
{
	unsigned long flags;
	bool found = true;

	*due = (struct due) {};
	raw_spin_lock_irqsave(&fn->lock, flags);
	due->vec = find_first_bit(fn->due, fn->nvec);
	if (fn->intx_due) {
		fn->intx_due = false;
		due->intx = true;
	} else if (due->vec < fn->nvec) {
		__clear_bit(due->vec, fn->due);
		due->hwirq = fn->vec[due->vec].hwirq;
	} else {
		found = false;
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return found;
}

static void send_due(struct irq_work *work)
{
	struct vlab_fn *fn = container_of(work, struct vlab_fn, irq_work);
	struct due due;

	while (next_due(fn, &due)) {
		if (due.intx) {
			trace_vlab_irq(fn, -1, READ_ONCE(fn->intx));
			vlab_slot_intx(fn);
		} else if (due.hwirq) {
			trace_vlab_irq(fn, due.vec, true);
			vlab_slot_msi(fn, due.hwirq);
		}
	}
}

/**
 * vlab_irq_init() - give a function its interrupt sources
 * @fn: the function
 * @nvec: sources, at least as many as messages in its capabilities
 *
 * Once, from a model's init(). Freed with the function.
 *
 * Return: 0, -ENOMEM.
 */
int vlab_irq_init(struct vlab_fn *fn, unsigned int nvec)
{
	fn->vec = kcalloc(nvec, sizeof(*fn->vec), GFP_KERNEL);
	fn->due = bitmap_zalloc(nvec, GFP_KERNEL);
	if (!fn->vec || !fn->due)
		return -ENOMEM;
	fn->nvec = nvec;
	fn->irq_work = IRQ_WORK_INIT_HARD(send_due);
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_irq_init);

/**
 * vlab_irq_reset() - no source wants attention, nothing is pending
 * @fn: the function
 *
 * What the kernel set up (hwirq, mask) is its own and stays. fn->lock held.
 */
void vlab_irq_reset(struct vlab_fn *fn)
{
	unsigned int i;

	lockdep_assert_held(&fn->lock);
	for (i = 0; i < fn->nvec; i++) {
		fn->vec[i].level = 0;
		fn->vec[i].pending = false;
	}
	if (fn->nvec)
		bitmap_zero(fn->due, fn->nvec);
	vlab_irq_update(fn);
}

void vlab_irq_free(struct vlab_fn *fn)
{
	if (fn->nvec)
		irq_work_sync(&fn->irq_work);
	bitmap_free(fn->due);
	kfree(fn->vec);
}
