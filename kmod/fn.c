// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - one PCI function: its life, its config accesses, its resets
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "core.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(vlab_access);
EXPORT_TRACEPOINT_SYMBOL_GPL(vlab_dma);

bool vlab_fn_in_d0(const struct vlab_fn *fn)
{
	return !fn->pm ||
	       !(vlab_cfg_get(&fn->cfg, fn->pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
}

bool vlab_fn_may_dma(const struct vlab_fn *fn)
{
	return vlab_cfg_get(&fn->cfg, PCI_COMMAND, 2) & PCI_COMMAND_MASTER && vlab_fn_in_d0(fn);
}

bool vlab_fn_io_enabled(struct vlab_fn *fn)
{
	unsigned long flags;
	bool enabled;

	raw_spin_lock_irqsave(&fn->lock, flags);
	enabled = vlab_cfg_get(&fn->cfg, PCI_COMMAND, 2) & PCI_COMMAND_IO && vlab_fn_in_d0(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return enabled;
}
EXPORT_SYMBOL_VLAB(vlab_fn_io_enabled);

void vlab_fn_reset(struct vlab_fn *fn, const char *why)
{
	lockdep_assert_held(&fn->lock);
	trace_vlab_reset(fn, why);
	fn->resets++;
	memcpy(fn->cfg.val, fn->cfg.reset, sizeof(fn->cfg.val));
	vlab_regs_reset(fn);
	vlab_irq_reset(fn);
	if (fn->model->reset)
		fn->model->reset(fn);
	vlab_poll_reset(fn);
}

/* ---- config accesses ---- */

static u16 pm_state(const struct vlab_fn *fn)
{
	if (!fn->pm)
		return 0;
	return vlab_cfg_get(&fn->cfg, fn->pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK;
}

static bool soft_reset(const struct vlab_fn *fn)
{
	return fn->pm && !(vlab_cfg_get(&fn->cfg, fn->pm + PCI_PM_CTRL, 2) &
			   PCI_PM_CTRL_NO_SOFT_RESET);
}

/* The byte that a write of @len bytes at @off stores at @at; 0 when it does not. */
static u8 byte_written(unsigned int at, unsigned int off, unsigned int len, u32 val)
{
	return at >= off && at < off + len ? val >> (at - off) * 8 : 0;
}

static bool has_flr(const struct vlab_fn *fn)
{
	return fn->pcie &&
	       vlab_cfg_get(&fn->cfg, fn->pcie + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR;
}

/* Initiate FLR reads as 0, so it must be caught as it is written. */
static bool starts_flr(const struct vlab_fn *fn, unsigned int off, unsigned int len, u32 val)
{
	if (has_flr(fn) && byte_written(fn->pcie + PCI_EXP_DEVCTL + 1, off, len, val) &
	    PCI_EXP_DEVCTL_BCR_FLR >> 8)
		return true;
	return fn->af && byte_written(fn->af + PCI_AF_CTRL, off, len, val) & PCI_AF_CTRL_FLR;
}

static void show_bit(u8 *reg, u8 bit, bool on)
{
	*reg = (*reg & ~bit) | (on ? bit : 0);
}

static void show_transactions(struct vlab_fn *fn)
{
	if (fn->pcie)
		show_bit(&fn->cfg.val[fn->pcie + PCI_EXP_DEVSTA], PCI_EXP_DEVSTA_TRPND,
			 fn->dma_busy);
	if (fn->af)
		show_bit(&fn->cfg.val[fn->af + PCI_AF_STATUS], PCI_AF_STATUS_TP, fn->dma_busy);
}

static void write_locked(struct vlab_fn *fn, unsigned int off, unsigned int len, u32 val)
{
	u16 was = pm_state(fn);

	vlab_cfg_store(&fn->cfg, off, len, val);
	if (starts_flr(fn, off, len, val))
		vlab_fn_reset(fn, "flr");
	else if (was && !pm_state(fn) && soft_reset(fn))
		vlab_fn_reset(fn, "d3hot-d0");
	else
		vlab_irq_update(fn);
	if (fn->model->cfg_written)
		fn->model->cfg_written(fn, off, len);
	vlab_poll_show(fn);
}

static bool outside(const struct vlab_fn *fn, unsigned int off, unsigned int len)
{
	return (len != 1 && len != 2 && len != 4) || off & (len - 1) || off >= fn->cfg.size;
}

u32 vlab_cfg_read(struct vlab_fn *fn, unsigned int off, unsigned int len)
{
	unsigned long flags;
	u32 val;

	if (outside(fn, off, len))
		return ~0U;

	raw_spin_lock_irqsave(&fn->lock, flags);
	show_transactions(fn);
	val = vlab_cfg_get(&fn->cfg, off, len);
	raw_spin_unlock_irqrestore(&fn->lock, flags);

	trace_vlab_config(fn, off, len, val, false);
	return val;
}

void vlab_cfg_write(struct vlab_fn *fn, unsigned int off, unsigned int len, u32 val)
{
	unsigned long flags;

	if (outside(fn, off, len))
		return;

	trace_vlab_config(fn, off, len, val, true);
	raw_spin_lock_irqsave(&fn->lock, flags);
	write_locked(fn, off, len, val);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

/* ---- BARs ---- */

/**
 * vlab_bar_init() - a BAR of registers, memory or both
 * @fn: the function
 * @bar: 0 to 5; a 64-bit one takes the next as well
 * @size: bytes, a power of two; 16 or more, I/O 4 or more
 * @flags: PCI_BASE_ADDRESS_SPACE_IO, _MEM_TYPE_64, _MEM_PREFETCH
 * @mem_off: from here on it is memory (page aligned); @size: none
 *
 * Return: 0, -ENOMEM.
 */
int vlab_bar_init(struct vlab_fn *fn, unsigned int bar, u64 size, u32 flags, u64 mem_off)
{
	struct vlab_bar *b = &fn->bar[bar];

	*b = (struct vlab_bar) { .size = size, .flags = flags, .mem_off = mem_off };
	vlab_cfg_bar(&fn->cfg, bar, size, flags);
	if (mem_off >= size)
		return 0;
	b->mem = vlab_mem_create(PAGE_ALIGN(size - mem_off));
	return b->mem ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_VLAB(vlab_bar_init);

/**
 * vlab_bar_hole() - a BAR with nothing behind it
 * @fn: the function
 * @bar: 0 to 5
 * @size: bytes, a power of two, 16 or more
 * @flags: as for vlab_bar_init()
 *
 * For an MSI-X table: the kernel's accesses vanish, messages take the domain's
 * way. Drivers behind vfio see what vfio_pci_core makes of such a BAR.
 *
 * Return: 0.
 */
int vlab_bar_hole(struct vlab_fn *fn, unsigned int bar, u64 size, u32 flags)
{
	fn->bar[bar] = (struct vlab_bar) { .size = size, .flags = flags, .hole = true };
	vlab_cfg_bar(&fn->cfg, bar, size, flags);
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_bar_hole);

/**
 * vlab_rom_init() - an expansion ROM
 * @fn: the function
 * @size: bytes, a power of two, 2048 or more
 *
 * The image is what the model puts into its memory, bar[VLAB_ROM].mem.
 *
 * Return: 0, -ENOMEM.
 */
int vlab_rom_init(struct vlab_fn *fn, u32 size)
{
	struct vlab_bar *b = &fn->bar[VLAB_ROM];

	*b = (struct vlab_bar) { .size = size, .mem = vlab_mem_create(PAGE_ALIGN(size)) };
	vlab_cfg_reg(&fn->cfg, PCI_ROM_ADDRESS, 4, 0, ~(size - 1) | PCI_ROM_ADDRESS_ENABLE, 0);
	fn->cfg.wmask[PCI_COMMAND] |= PCI_COMMAND_MEMORY;
	return b->mem ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_VLAB(vlab_rom_init);

/**
 * vlab_region_init() - card memory that no BAR has
 * @fn: the function
 * @size: bytes, a multiple of PAGE_SIZE
 *
 * Behind vfio a region of its own, with type and subtype of vlab_ids.h.
 *
 * Return: 0, -ENOMEM.
 */
int vlab_region_init(struct vlab_fn *fn, u32 size)
{
	fn->region = vlab_mem_create(size);
	return fn->region ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_VLAB(vlab_region_init);

/* ---- life ---- */

static void set_reset_state(struct vlab_fn *fn)
{
	unsigned long flags;

	memcpy(fn->cfg.reset, fn->cfg.val, sizeof(fn->cfg.reset));
	raw_spin_lock_irqsave(&fn->lock, flags);
	vlab_fn_reset(fn, "power-on");
	fn->resets = 0;
	raw_spin_unlock_irqrestore(&fn->lock, flags);
}

/**
 * vlab_fn_create() - make a function
 * @card: its card; NULL for a port of the backplane
 * @model: what it is
 * @index: function number on the card
 *
 * Return: the function in its reset state, or an ERR_PTR: -ENOMEM or what the
 * model's init() says.
 */
struct vlab_fn *vlab_fn_create(struct vlab_card *card, const struct vlab_model *model,
			       unsigned int index)
{
	struct vlab_fn *fn = kvzalloc(model->fn_size, GFP_KERNEL_ACCOUNT);
	int ret;

	if (!fn)
		return ERR_PTR(-ENOMEM);

	fn->model = model;
	fn->card = card;
	fn->index = index;
	raw_spin_lock_init(&fn->lock);
	init_rwsem(&fn->dma_gate);
	snprintf(fn->name, sizeof(fn->name), "%.28s.%u", card ? card->name : model->name, index);

	ret = model->init(fn);
	if (ret) {
		vlab_fn_destroy(fn);
		return ERR_PTR(ret);
	}
	set_reset_state(fn);
	return fn;
}

/**
 * vlab_fn_start() - it is about to be plugged in
 * @fn: the function
 */
void vlab_fn_start(struct vlab_fn *fn)
{
	if (fn->model->start)
		fn->model->start(fn);
}

/**
 * vlab_fn_stop() - it has been pulled: no timer, work or message is left
 * @fn: the function; nothing but the caller can reach it any more
 */
void vlab_fn_stop(struct vlab_fn *fn)
{
	if (fn->model->stop)
		fn->model->stop(fn);
}

/**
 * vlab_fn_destroy() - free a function
 * @fn: a stopped function, or one whose init() failed
 */
void vlab_fn_destroy(struct vlab_fn *fn)
{
	unsigned int i;

	if (fn->model->exit)
		fn->model->exit(fn);
	vlab_irq_free(fn);
	vlab_poll_free(fn);
	vlab_regs_free(fn);
	vlab_mem_put(fn->region);
	for (i = 0; i < ARRAY_SIZE(fn->bar); i++) {
		vlab_mem_put(fn->bar[i].mem);
		vlab_bar_real_put(&fn->bar[i]);
	}
	kvfree(fn);
}
