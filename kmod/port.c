// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the ports of the backplane, a PCI Express switch
 *
 * Models like any other, on no card. What a bridge does with bus numbers,
 * windows and its secondary bus reset is the business of bus.c and window.c.
 */
#include <linux/module.h>

#include "compat.h"
#include "slot.h"
#include "vlab_ids.h"

#define PORT_PM		0x40
#define PORT_MSI	0x48
#define PORT_PCIE	0x60
#define PORT_SSVID	0xa0
#define PORT_ACS	0x100

/*
 * What the kernel asks of a port before it isolates what is below it, see
 * PCI Express Base Specification, 6.12.1.1.
 */
#define PORT_ACS_BITS	(PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

static bool acs = true;
module_param(acs, bool, 0444);
MODULE_PARM_DESC(acs, "Access Control Services in the backplane: each slot its own IOMMU group (default 1); 0: all in one group");

static const struct vlab_ident upstream_ident = {
	.vendor = VLAB_VENDOR,
	.device = VLAB_DEVICE_UPSTREAM,
	.class = 0x060400,
};

static const struct vlab_ident downstream_ident = {
	.vendor = VLAB_VENDOR,
	.device = VLAB_DEVICE_DOWNSTREAM,
	.class = 0x060400,
};

/* The kernel takes a base not above its limit for a window that is in use. */
static void close_windows(struct vlab_cfg *cfg)
{
	cfg->val[PCI_IO_BASE] |= PCI_IO_RANGE_MASK & 0xff;
	vlab_cfg_set(cfg, PCI_MEMORY_BASE, 2, PCI_MEMORY_RANGE_MASK & 0xffff);
	vlab_cfg_set(cfg, PCI_PREF_MEMORY_BASE, 2,
		     (PCI_PREF_RANGE_MASK & 0xffff) | PCI_PREF_RANGE_TYPE_64);
}

static int port_init(struct vlab_fn *fn, const struct vlab_ident *id, unsigned int type)
{
	static const u8 ssvid[] = {
		0, 0, VLAB_VENDOR & 0xff, VLAB_VENDOR >> 8, 0, 0,
	};

	vlab_cfg_bridge_header(fn, id);
	close_windows(&fn->cfg);
	vlab_cap_pm(fn, PORT_PM, true);
	vlab_cap_msi(fn, PORT_MSI, 1, PCI_MSI_FLAGS_64BIT);
	vlab_cap_pcie(fn, PORT_PCIE, type, false);
	vlab_cap_raw(fn, PORT_SSVID, PCI_CAP_ID_SSVID, ssvid, sizeof(ssvid));
	vlab_cfg_set(&fn->cfg, PORT_SSVID + PCI_SSVID_DEVICE_ID, 2, id->device);
	return vlab_irq_init(fn, 1);
}

/*
 * Without ACS the kernel still gives each downstream port a group of its own,
 * and with it what is below; unless the upstream port is one function of several
 * that are not isolated from each other (6.12.1.2): then all below is one group.
 */
static int upstream_init(struct vlab_fn *fn)
{
	int ret = port_init(fn, &upstream_ident, PCI_EXP_TYPE_UPSTREAM);

	if (!acs)
		fn->cfg.val[PCI_HEADER_TYPE] |= PCI_HEADER_TYPE_MFD;
	return ret;
}

static int downstream_init(struct vlab_fn *fn)
{
	int ret = port_init(fn, &downstream_ident, PCI_EXP_TYPE_DOWNSTREAM);

	/* The port number, LNKCAP 31:24; the upstream port is number 0. */
	fn->cfg.val[PORT_PCIE + PCI_EXP_LNKCAP + 3] = fn->index + 1;
	if (!acs)
		return ret;
	vlab_ext_cap_raw(fn, PORT_ACS, PCI_EXT_CAP_ID_ACS, 1, NULL, 0);
	vlab_cfg_reg(&fn->cfg, PORT_ACS + PCI_ACS_CAP, 2, PORT_ACS_BITS, 0, 0);
	vlab_cfg_reg(&fn->cfg, PORT_ACS + PCI_ACS_CTRL, 2, 0, PORT_ACS_BITS, 0);
	return ret;
}

const struct vlab_model vlab_upstream_model = {
	.name = "upstream",
	.owner = THIS_MODULE,
	.fn_size = sizeof(struct vlab_fn),
	.init = upstream_init,
};

const struct vlab_model vlab_downstream_model = {
	.name = "downstream",
	.owner = THIS_MODULE,
	.fn_size = sizeof(struct vlab_fn),
	.init = downstream_init,
};
