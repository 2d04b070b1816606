// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the I/OAT card
 *
 * A DMA engine that stock drivers know: Intel's QuickData engine of Skylake
 * servers. Its registers are in a BAR that drivers map. uapi/ioat.rst is its
 * manual; numbers in comments are sections of that file.
 */
#include "compat.h"
#include "ioat_chan.h"
#include "vfiolab.h"
#include "vlab_ioat.h"

/**
 * struct ioat - a function of an I/OAT card
 * @fn: the function
 * @chan: its only channel
 */
struct ioat {
	struct vlab_fn fn;
	struct ioat_chan chan;
};

struct ioat_chan *ioat_chan(struct vlab_fn *fn)
{
	return &container_of(fn, struct ioat, fn)->chan;
}

static const struct vlab_ident ioat_ident = {
	.vendor = VLAB_IOAT_VENDOR,
	.device = VLAB_IOAT_DEVICE,
	.subvendor = VLAB_IOAT_VENDOR,
	.class = 0x088000,
	.revision = 4,
	.pin = 1,
};

/* 2.2 */
static void add_error_registers(struct vlab_cfg *cfg)
{
	vlab_cfg_reg(cfg, VLAB_IOAT_CFG_UNCERRSTS, 4, 0, 0, VLAB_IOAT_UNCERR_ALL);
	vlab_cfg_reg(cfg, VLAB_IOAT_CFG_UNCERRMSK, 4, 0, VLAB_IOAT_UNCERR_ALL, 0);
	vlab_cfg_reg(cfg, VLAB_IOAT_CFG_UNCERRSEV, 4, 0, VLAB_IOAT_UNCERR_ALL, 0);
	vlab_cfg_reg(cfg, VLAB_IOAT_CFG_CHANERR, 4, 0, 0, VLAB_IOAT_ERR_ALL);
	vlab_cfg_reg(cfg, VLAB_IOAT_CFG_ERRMSK, 4, 0, VLAB_IOAT_ERR_ALL, 0);
	vlab_cfg_reg(cfg, VLAB_IOAT_CFG_ERRSEV, 4, 0, VLAB_IOAT_ERR_ALL, 0);
}

/* 2.1 */
static int ioat_init(struct vlab_fn *fn)
{
	vlab_cfg_header(fn, &ioat_ident);
	vlab_cap_msix(fn, 0x80, 1, VLAB_IOAT_MSIX_TABLE | VLAB_IOAT_BAR,
		      VLAB_IOAT_MSIX_PBA | VLAB_IOAT_BAR);
	vlab_cap_pcie(fn, 0x90, PCI_EXP_TYPE_ENDPOINT, true);
	vlab_cap_pm(fn, 0xe0, false);
	add_error_registers(&fn->cfg);
	return vlab_bar_init(fn, VLAB_IOAT_BAR, VLAB_IOAT_BAR_SIZE,
			     PCI_BASE_ADDRESS_MEM_TYPE_64, 0) ?:
	       vlab_irq_init(fn, 1) ?:
	       ioat_chan_init(ioat_chan(fn), fn, VLAB_IOAT_BAR) ?:
	       vlab_poll_init(fn, VLAB_IOAT_BAR) ?:
	       vlab_bar_back(fn, VLAB_IOAT_BAR);
}

static void ioat_stop(struct vlab_fn *fn)
{
	ioat_chan_stop(ioat_chan(fn));
}

static void ioat_reset(struct vlab_fn *fn)
{
	ioat_chan_reset(ioat_chan(fn));
}

static void ioat_cfg_written(struct vlab_fn *fn, unsigned int off, unsigned int len)
{
	ioat_chan_cfg_written(ioat_chan(fn));
}

static void ioat_touched(struct vlab_fn *fn)
{
	ioat_chan_touched(ioat_chan(fn));
}

static const struct vlab_model ioat_model = {
	.name = "ioat",
	.owner = THIS_MODULE,
	.fn_size = sizeof(struct ioat),
	.features = "dma polled msix intx",
	.init = ioat_init,
	.stop = ioat_stop,
	.reset = ioat_reset,
	.cfg_written = ioat_cfg_written,
	.touched = ioat_touched,
};
module_vlab_model(ioat_model);

MODULE_DESCRIPTION("vfiolab: the I/OAT card");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
