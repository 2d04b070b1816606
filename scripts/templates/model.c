// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the sample card
 *
 * Say here, in a few lines, what the card does. What a driver must know is in
 * uapi/vlab_sample.h. The API of models is vfiolab.h.
 */
#include <linux/build_bug.h>

#include "compat.h"
#include "vfiolab.h"
#include "vlab_ids.h"
#include "vlab_sample.h"

#define SAMPLE_BAR_SIZE	4096

/* What the card remembers beside config space and registers. */
struct sample {
	struct vlab_fn fn;	/* first */
};

static const struct vlab_reg sample_regs[];

enum { REG_ID, REG_SCRATCH, REG_LEVEL };

/*
 * The one place that derives the interrupt from the state. Call it after each
 * change of what it looks at.
 */
static void sample_changed(struct vlab_fn *fn)
{
	vlab_irq_set(fn, 0, *vlab_reg_val(fn, &sample_regs[REG_LEVEL], 0) & 1);
}

/* Hooks run with fn->lock held: bounded work, nothing that sleeps. */
static void level_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	sample_changed(fn);
}

/* Registers are data, only side effects are code. Offsets ascend. */
static const struct vlab_reg sample_regs[] = {
	[REG_ID] = { .name = "ID", .off = VLAB_SAMPLE_ID, .width = 4,
		     .reset = VLAB_SAMPLE_MAGIC },
	[REG_SCRATCH] = { .name = "SCRATCH", .off = VLAB_SAMPLE_SCRATCH, .width = 4,
			  .rw = ~0U },
	[REG_LEVEL] = { .name = "LEVEL", .off = VLAB_SAMPLE_LEVEL, .width = 4, .rw = 1,
			.write = level_written },
};

static const struct vlab_regs sample_block = {
	.bar = 0,
	.stride = SAMPLE_BAR_SIZE,
	.count = 1,
	.regs = sample_regs,
	.nregs = ARRAY_SIZE(sample_regs),
};

static const struct vlab_ident sample_ident = {
	.vendor = VLAB_VENDOR,
	.device = VLAB_DEVICE_SAMPLE,
	.subvendor = VLAB_VENDOR,
	.subdevice = VLAB_DEVICE_SAMPLE,
	.class = 0xff0000,	/* no class: no built-in driver grabs it */
	.pin = 1,
};

/* Config space first, then BARs, interrupts and registers. */
static int sample_init(struct vlab_fn *fn)
{
	vlab_cfg_header(fn, &sample_ident);
	vlab_cap_pm(fn, 0x40, false);
	vlab_cap_msi(fn, 0x50, 1, PCI_MSI_FLAGS_64BIT);
	vlab_cap_pcie(fn, 0x70, PCI_EXP_TYPE_ENDPOINT, true);
	return vlab_bar_init(fn, 0, SAMPLE_BAR_SIZE, 0, SAMPLE_BAR_SIZE) ?:
	       vlab_irq_init(fn, 1) ?:
	       vlab_regs_add(fn, &sample_block);
}

/* Registers are back at their reset values already. */
static void sample_reset(struct vlab_fn *fn)
{
	sample_changed(fn);
}

static const struct vlab_model sample_model = {
	.name = "sample",
	.owner = THIS_MODULE,
	.fn_size = sizeof(struct sample),
	.init = sample_init,
	.reset = sample_reset,
};
module_vlab_model(sample_model);

MODULE_DESCRIPTION("vfiolab: the sample card");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
