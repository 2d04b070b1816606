// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the null card: the smallest model there is
 *
 * A BAR with four registers and one interrupt. uapi/null.rst is its manual;
 * scripts/new model makes a copy to start from.
 */
#include <linux/build_bug.h>

#include "compat.h"
#include "vfiolab.h"
#include "vlab_ids.h"
#include "vlab_null.h"

#define NULL_BAR_SIZE	4096

static const struct vlab_reg null_regs[];

enum { REG_ID, REG_SCRATCH, REG_IRQ, REG_RAISE };

static void null_changed(struct vlab_fn *fn)
{
	vlab_irq_set(fn, 0, *vlab_reg_val(fn, &null_regs[REG_IRQ], 0));
}

static void irq_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	null_changed(fn);
}

static void raise_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	*vlab_reg_val(fn, &null_regs[REG_IRQ], 0) = 1;
	null_changed(fn);
}

static const struct vlab_reg null_regs[] = {
	[REG_ID] = { .name = "ID", .off = VLAB_NULL_ID, .width = 4, .reset = VLAB_NULL_MAGIC },
	[REG_SCRATCH] = { .name = "SCRATCH", .off = VLAB_NULL_SCRATCH, .width = 4, .rw = ~0U },
	[REG_IRQ] = { .name = "IRQ", .off = VLAB_NULL_IRQ, .width = 4, .w1c = 1,
		      .write = irq_written },
	[REG_RAISE] = { .name = "RAISE", .off = VLAB_NULL_RAISE, .width = 4,
			.write = raise_written },
};

static const struct vlab_regs null_block = {
	.bar = 0,
	.stride = NULL_BAR_SIZE,
	.count = 1,
	.regs = null_regs,
	.nregs = ARRAY_SIZE(null_regs),
};

static const struct vlab_ident null_ident = {
	.vendor = VLAB_VENDOR,
	.device = VLAB_DEVICE_NULL,
	.subvendor = VLAB_VENDOR,
	.subdevice = VLAB_DEVICE_NULL,
	.class = 0xff0000,
	.pin = 1,
};

static int null_init(struct vlab_fn *fn)
{
	vlab_cfg_header(fn, &null_ident);
	vlab_cap_pm(fn, 0x40, false);
	vlab_cap_msi(fn, 0x50, 1, PCI_MSI_FLAGS_64BIT);
	vlab_cap_pcie(fn, 0x70, PCI_EXP_TYPE_ENDPOINT, true);
	return vlab_bar_init(fn, 0, NULL_BAR_SIZE, 0, NULL_BAR_SIZE) ?:
	       vlab_irq_init(fn, 1) ?:
	       vlab_regs_add(fn, &null_block);
}

static const struct vlab_model null_model = {
	.name = "null",
	.owner = THIS_MODULE,
	.fn_size = sizeof(struct vlab_fn),
	.init = null_init,
};
module_vlab_model(null_model);

MODULE_DESCRIPTION("vfiolab: the null card");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
