// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - config space as bytes and masks
 *
 * Pure logic: builders fill value, write mask and w1c mask; a write is the same
 * three lines for each byte. What a write causes is fn.c's business.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "compat.h"
#include "core.h"

u32 vlab_cfg_get(const struct vlab_cfg *cfg, unsigned int off, unsigned int len)
{
	u32 val = 0;

	while (len--)
		val = val << 8 | cfg->val[off + len];
	return val;
}
EXPORT_SYMBOL_VLAB(vlab_cfg_get);

static void put_bytes(u8 *to, unsigned int len, u32 val)
{
	for (; len--; val >>= 8)
		*to++ = val;
}

void vlab_cfg_set(struct vlab_cfg *cfg, unsigned int off, unsigned int len, u32 val)
{
	put_bytes(&cfg->val[off], len, val);
}
EXPORT_SYMBOL_VLAB(vlab_cfg_set);

void vlab_cfg_reg(struct vlab_cfg *cfg, unsigned int off, unsigned int len,
		  u32 val, u32 wmask, u32 w1c)
{
	put_bytes(&cfg->val[off], len, val);
	put_bytes(&cfg->wmask[off], len, wmask);
	put_bytes(&cfg->w1c[off], len, w1c & ~wmask);
}
EXPORT_SYMBOL_VLAB(vlab_cfg_reg);

void vlab_cfg_store(struct vlab_cfg *cfg, unsigned int off, unsigned int len, u32 val)
{
	for (; len--; off++, val >>= 8) {
		u8 keep = cfg->val[off] & ~cfg->wmask[off];

		cfg->val[off] = (keep & ~(val & cfg->w1c[off])) | (val & cfg->wmask[off]);
	}
}

static void ident(struct vlab_cfg *cfg, const struct vlab_ident *id)
{
	vlab_cfg_reg(cfg, PCI_VENDOR_ID, 2, id->vendor, 0, 0);
	vlab_cfg_reg(cfg, PCI_DEVICE_ID, 2, id->device, 0, 0);
	/* IMM_READY: no need to wait after a reset, ours is over at once. */
	vlab_cfg_reg(cfg, PCI_STATUS, 2, PCI_STATUS_IMM_READY, 0,
		     PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT |
		     PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT |
		     PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY);
	vlab_cfg_reg(cfg, PCI_CLASS_REVISION, 4, id->class << 8 | id->revision, 0, 0);
	vlab_cfg_reg(cfg, PCI_CACHE_LINE_SIZE, 1, 0, 0xff, 0);
	vlab_cfg_reg(cfg, PCI_INTERRUPT_LINE, 1, 0, 0xff, 0);
	vlab_cfg_reg(cfg, PCI_INTERRUPT_PIN, 1, id->pin, 0, 0);
}

/**
 * vlab_cfg_header() - a type 0 header
 * @fn: the function
 * @id: who it says it is
 *
 * The first call of a model's init(). BARs and the bits of the command register
 * that depend on them are added by vlab_bar_init().
 */
void vlab_cfg_header(struct vlab_fn *fn, const struct vlab_ident *id)
{
	struct vlab_cfg *cfg = &fn->cfg;

	cfg->size = PCI_CFG_SPACE_SIZE;
	ident(cfg, id);
	vlab_cfg_reg(cfg, PCI_COMMAND, 2, 0,
		     PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
		     (id->pin ? PCI_COMMAND_INTX_DISABLE : 0), 0);
	vlab_cfg_reg(cfg, PCI_SUBSYSTEM_VENDOR_ID, 2, id->subvendor, 0, 0);
	vlab_cfg_reg(cfg, PCI_SUBSYSTEM_ID, 2, id->subdevice, 0, 0);
}
EXPORT_SYMBOL_VLAB(vlab_cfg_header);

/**
 * vlab_cfg_bridge_header() - a type 1 header
 * @fn: the function
 * @id: who it says it is; a bridge has no subsystem ids here
 *
 * Windows: 32-bit I/O, 32-bit memory, 64-bit prefetchable memory, as in the
 * PCI-to-PCI Bridge Architecture Specification, 3.2.5.
 */
void vlab_cfg_bridge_header(struct vlab_fn *fn, const struct vlab_ident *id)
{
	struct vlab_cfg *cfg = &fn->cfg;

	cfg->size = PCI_CFG_SPACE_SIZE;
	ident(cfg, id);
	vlab_cfg_reg(cfg, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE, 0, 0);
	vlab_cfg_reg(cfg, PCI_COMMAND, 2, 0,
		     PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		     PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE, 0);
	vlab_cfg_reg(cfg, PCI_PRIMARY_BUS, 4, 0, 0x00ffffff, 0);
	vlab_cfg_reg(cfg, PCI_IO_BASE, 2, PCI_IO_RANGE_TYPE_32 | PCI_IO_RANGE_TYPE_32 << 8,
		     0xf0f0, 0);
	vlab_cfg_reg(cfg, PCI_SEC_STATUS, 2, 0, 0, 0xf900);
	vlab_cfg_reg(cfg, PCI_MEMORY_BASE, 4, 0, 0xfff0fff0, 0);
	vlab_cfg_reg(cfg, PCI_PREF_MEMORY_BASE, 4,
		     PCI_PREF_RANGE_TYPE_64 | PCI_PREF_RANGE_TYPE_64 << 16, 0xfff0fff0, 0);
	vlab_cfg_reg(cfg, PCI_PREF_BASE_UPPER32, 4, 0, ~0, 0);
	vlab_cfg_reg(cfg, PCI_PREF_LIMIT_UPPER32, 4, 0, ~0, 0);
	vlab_cfg_reg(cfg, PCI_IO_BASE_UPPER16, 4, 0, ~0, 0);
	vlab_cfg_reg(cfg, PCI_BRIDGE_CONTROL, 2, 0,
		     PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR | PCI_BRIDGE_CTL_ISA |
		     PCI_BRIDGE_CTL_VGA | PCI_BRIDGE_CTL_BUS_RESET, 0);
}

/**
 * vlab_cap_raw() - chain a capability
 * @fn: the function
 * @off: where, 0x40 to 0xfc, 4-aligned
 * @id: PCI_CAP_ID_*
 * @body: what follows the id and next bytes, all read-only; may be NULL
 * @len: bytes of @body
 *
 * Return: @off, for vlab_cfg_reg() on parts of it.
 */
unsigned int vlab_cap_raw(struct vlab_fn *fn, unsigned int off, u8 id,
			  const u8 *body, unsigned int len)
{
	struct vlab_cfg *cfg = &fn->cfg;

	cfg->val[cfg->tail ? cfg->tail + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST] = off;
	cfg->val[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	cfg->val[off] = id;
	if (body)
		memcpy(&cfg->val[off + PCI_CAP_FLAGS], body, len);
	cfg->tail = off;
	return off;
}
EXPORT_SYMBOL_VLAB(vlab_cap_raw);

/**
 * vlab_ext_cap_raw() - chain an extended capability
 * @fn: the function; it becomes one of 4096 bytes of config space
 * @off: where; the first one must be at 0x100
 * @id: PCI_EXT_CAP_ID_*
 * @ver: capability version
 * @body: what follows the 4-byte header, all read-only; may be NULL
 * @len: bytes of @body
 *
 * Return: @off, for vlab_cfg_reg() on parts of it.
 */
unsigned int vlab_ext_cap_raw(struct vlab_fn *fn, unsigned int off, u16 id, u8 ver,
			      const u8 *body, unsigned int len)
{
	struct vlab_cfg *cfg = &fn->cfg;

	cfg->size = PCI_CFG_SPACE_EXP_SIZE;
	if (cfg->ext_tail)
		vlab_cfg_set(cfg, cfg->ext_tail + 2, 2,
			     off << 4 | (vlab_cfg_get(cfg, cfg->ext_tail + 2, 2) & 0xf));
	vlab_cfg_set(cfg, off, 4, id | ver << 16);
	if (body)
		memcpy(&cfg->val[off + 4], body, len);
	cfg->ext_tail = off;
	return off;
}
EXPORT_SYMBOL_VLAB(vlab_ext_cap_raw);

/**
 * vlab_cap_pm() - power management, version 3: D0 and D3hot
 * @fn: the function
 * @off: offset, 8 bytes
 * @no_soft_reset: true: D3hot to D0 keeps the state; false: it is a reset
 *
 * PCI Bus Power Management Interface Specification 1.2, 3.2.
 */
void vlab_cap_pm(struct vlab_fn *fn, unsigned int off, bool no_soft_reset)
{
	fn->pm = vlab_cap_raw(fn, off, PCI_CAP_ID_PM, NULL, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_PM_PMC, 2, 3, 0, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_PM_CTRL, 2,
		     no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0,
		     PCI_PM_CTRL_STATE_MASK, 0);
}
EXPORT_SYMBOL_VLAB(vlab_cap_pm);

/**
 * vlab_cap_msi() - message signalled interrupts
 * @fn: the function
 * @off: offset, 10 to 24 bytes by @flags
 * @vectors: 1, 2, 4 ... 32
 * @flags: PCI_MSI_FLAGS_64BIT and PCI_MSI_FLAGS_MASKBIT
 */
void vlab_cap_msi(struct vlab_fn *fn, unsigned int off, unsigned int vectors, u16 flags)
{
	bool wide = flags & PCI_MSI_FLAGS_64BIT;
	u32 used = vectors == 32 ? ~0U : (1U << vectors) - 1;

	fn->msi = vlab_cap_raw(fn, off, PCI_CAP_ID_MSI, NULL, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_MSI_FLAGS, 2, flags | __ffs(vectors) << 1,
		     PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_MSI_ADDRESS_LO, 4, 0, ~3U, 0);
	if (wide)
		vlab_cfg_reg(&fn->cfg, off + PCI_MSI_ADDRESS_HI, 4, 0, ~0U, 0);
	vlab_cfg_reg(&fn->cfg, off + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, 0, 0xffff, 0);
	if (flags & PCI_MSI_FLAGS_MASKBIT)
		vlab_cfg_reg(&fn->cfg, off + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32), 4,
			     0, used, 0);
}
EXPORT_SYMBOL_VLAB(vlab_cap_msi);

/**
 * vlab_cap_msix() - MSI-X
 * @fn: the function
 * @off: offset, 12 bytes
 * @vectors: 1 to 2048
 * @table: where the table is: offset, 8-aligned, | BAR
 * @pba: where the pending bits are, likewise
 */
void vlab_cap_msix(struct vlab_fn *fn, unsigned int off, unsigned int vectors,
		   u32 table, u32 pba)
{
	fn->msix = vlab_cap_raw(fn, off, PCI_CAP_ID_MSIX, NULL, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_MSIX_FLAGS, 2, vectors - 1,
		     PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_MSIX_TABLE, 4, table, 0, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_MSIX_PBA, 4, pba, 0, 0);
}
EXPORT_SYMBOL_VLAB(vlab_cap_msix);

/**
 * vlab_cap_pcie() - PCI Express, version 2
 * @fn: the function; it becomes one of 4096 bytes of config space
 * @off: offset, 60 bytes
 * @type: PCI_EXP_TYPE_*
 * @flr: it can do a function level reset
 *
 * A 2.5 GT/s x1 link that is always up. PCI Express Base Specification, 7.5.3.
 */
void vlab_cap_pcie(struct vlab_fn *fn, unsigned int off, unsigned int type, bool flr)
{
	struct vlab_cfg *cfg = &fn->cfg;

	cfg->size = PCI_CFG_SPACE_EXP_SIZE;
	fn->pcie = vlab_cap_raw(fn, off, PCI_CAP_ID_EXP, NULL, 0);
	vlab_cfg_reg(cfg, off + PCI_EXP_FLAGS, 2, 2 | type << 4, 0, 0);
	vlab_cfg_reg(cfg, off + PCI_EXP_DEVCAP, 4,
		     PCI_EXP_DEVCAP_RBER | (flr ? PCI_EXP_DEVCAP_FLR : 0), 0, 0);
	/* BCR_FLR is not in the mask: it reads as 0, fn.c sees it written. */
	vlab_cfg_reg(cfg, off + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN | 2 << 12,
		     0x7cff & ~PCI_EXP_DEVCTL_EXT_TAG, 0);
	vlab_cfg_reg(cfg, off + PCI_EXP_DEVSTA, 2, 0, 0, 0x000f);
	vlab_cfg_reg(cfg, off + PCI_EXP_LNKCAP, 4, PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4, 0, 0);
	vlab_cfg_reg(cfg, off + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_CCC, 0);
	vlab_cfg_reg(cfg, off + PCI_EXP_LNKSTA, 2,
		     PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1, 0, 0);
}
EXPORT_SYMBOL_VLAB(vlab_cap_pcie);

/**
 * vlab_cap_af() - advanced features of a conventional function: FLR
 * @fn: the function
 * @off: offset, 6 bytes
 *
 * Advanced Capabilities for Conventional PCI, ECN of 2006.
 */
void vlab_cap_af(struct vlab_fn *fn, unsigned int off)
{
	fn->af = vlab_cap_raw(fn, off, PCI_CAP_ID_AF, NULL, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_AF_LENGTH, 1, PCI_CAP_AF_SIZEOF, 0, 0);
	/* AF_CTRL_FLR is not in the mask: it reads as 0, fn.c sees it written. */
	vlab_cfg_reg(&fn->cfg, off + PCI_AF_CAP, 1, PCI_AF_CAP_TP | PCI_AF_CAP_FLR, 0, 0);
}
EXPORT_SYMBOL_VLAB(vlab_cap_af);

/**
 * vlab_ext_cap_aer() - advanced error reporting
 * @fn: the function
 * @off: offset, 44 bytes
 *
 * Errors never happen. Defaults are those of the PCI Express Base Specification,
 * 7.8.4.
 */
void vlab_ext_cap_aer(struct vlab_fn *fn, unsigned int off)
{
	static const struct {
		u8 off;
		u32 val, wmask, w1c;
	} regs[] = {
		{ PCI_ERR_UNCOR_STATUS, 0, 0, 0x003ff030 },
		{ PCI_ERR_UNCOR_MASK, 0, 0x003ff030, 0 },
		{ PCI_ERR_UNCOR_SEVER, 0x00062030, 0x003ff030, 0 },
		{ PCI_ERR_COR_STATUS, 0, 0, 0x000031c1 },
		{ PCI_ERR_COR_MASK, PCI_ERR_COR_ADV_NFAT, 0x000031c1, 0 },
	};
	unsigned int i;

	vlab_ext_cap_raw(fn, off, PCI_EXT_CAP_ID_ERR, 1, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		vlab_cfg_reg(&fn->cfg, off + regs[i].off, 4, regs[i].val, regs[i].wmask,
			     regs[i].w1c);
}
EXPORT_SYMBOL_VLAB(vlab_ext_cap_aer);

/**
 * vlab_ext_cap_dsn() - device serial number
 * @fn: the function
 * @off: offset, 12 bytes
 * @serial: the number
 */
void vlab_ext_cap_dsn(struct vlab_fn *fn, unsigned int off, u64 serial)
{
	vlab_ext_cap_raw(fn, off, PCI_EXT_CAP_ID_DSN, 1, NULL, 0);
	vlab_cfg_reg(&fn->cfg, off + 4, 4, serial, 0, 0);
	vlab_cfg_reg(&fn->cfg, off + 8, 4, serial >> 32, 0, 0);
}
EXPORT_SYMBOL_VLAB(vlab_ext_cap_dsn);

/**
 * vlab_ext_cap_ltr() - latency tolerance reporting
 * @fn: the function, with a PCI Express capability
 * @off: offset, 8 bytes
 */
void vlab_ext_cap_ltr(struct vlab_fn *fn, unsigned int off)
{
	struct vlab_cfg *cfg = &fn->cfg;

	vlab_ext_cap_raw(fn, off, PCI_EXT_CAP_ID_LTR, 1, NULL, 0);
	vlab_cfg_reg(cfg, off + PCI_LTR_MAX_SNOOP_LAT, 4, 0, 0x1fff1fff, 0);
	cfg->val[fn->pcie + PCI_EXP_DEVCAP2 + 1] |= PCI_EXP_DEVCAP2_LTR >> 8;
	cfg->wmask[fn->pcie + PCI_EXP_DEVCTL2 + 1] |= PCI_EXP_DEVCTL2_LTR_EN >> 8;
}
EXPORT_SYMBOL_VLAB(vlab_ext_cap_ltr);

/**
 * vlab_cfg_bar() - a base address register
 * @cfg: config space
 * @bar: 0 to 5
 * @size: bytes, a power of two
 * @flags: PCI_BASE_ADDRESS_*
 *
 * The address bits below @size are not writable, hence sizing works by itself.
 */
void vlab_cfg_bar(struct vlab_cfg *cfg, unsigned int bar, u64 size, u32 flags)
{
	unsigned int off = PCI_BASE_ADDRESS_0 + bar * 4;
	bool io = flags & PCI_BASE_ADDRESS_SPACE_IO;
	u64 mask = ~(size - 1);

	vlab_cfg_reg(cfg, off, 4, flags, mask & ~(io ? 3U : 0xfU), 0);
	if (flags & PCI_BASE_ADDRESS_MEM_TYPE_64)
		vlab_cfg_reg(cfg, off + 4, 4, 0, mask >> 32, 0);
	cfg->wmask[PCI_COMMAND] |= io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
}
