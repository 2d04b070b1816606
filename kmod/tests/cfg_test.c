// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of config space as bytes and masks
 */
#include "tap.h"
#include "world.h"

static const struct vlab_ident ident = {
	.vendor = 0x1234, .device = 0x5678, .subvendor = 0x9abc, .subdevice = 0xdef0,
	.class = 0x078002, .revision = 3, .pin = 1,
};

static struct vlab_fn *header(void)
{
	static struct vlab_fn fn;

	memset(&fn, 0, sizeof(fn));
	vlab_cfg_header(&fn, &ident);
	return &fn;
}

TEST(values_are_little_endian)
{
	struct vlab_cfg cfg = {};

	vlab_cfg_set(&cfg, 0x10, 4, 0x11223344);
	EXPECT_EQ(0x44, cfg.val[0x10]);
	EXPECT_EQ(0x11, cfg.val[0x13]);
	EXPECT_EQ(0x2233, vlab_cfg_get(&cfg, 0x11, 2));
	EXPECT_EQ(0x11223344, vlab_cfg_get(&cfg, 0x10, 4));
}

TEST(write_mask_keeps_the_other_bits)
{
	struct vlab_cfg cfg = {};

	vlab_cfg_reg(&cfg, 0x40, 4, 0xf0f0f0f0, 0x00ffff00, 0);
	vlab_cfg_store(&cfg, 0x40, 4, 0x12345678);
	EXPECT_EQ(0xf03456f0, vlab_cfg_get(&cfg, 0x40, 4));
}

TEST(written_ones_clear)
{
	struct vlab_cfg cfg = {};

	vlab_cfg_reg(&cfg, 0x40, 2, 0xffff, 0, 0x0ff0);
	vlab_cfg_store(&cfg, 0x40, 2, 0x1230);
	EXPECT_EQ(0xfdcf, vlab_cfg_get(&cfg, 0x40, 2));
}

TEST(bit_that_is_written_is_not_cleared_by_ones)
{
	struct vlab_cfg cfg = {};

	vlab_cfg_reg(&cfg, 0x40, 1, 0, 0x0f, 0xff);
	vlab_cfg_store(&cfg, 0x40, 1, 0x0f);
	EXPECT_EQ(0x0f, vlab_cfg_get(&cfg, 0x40, 1));
}

TEST(part_write_leaves_the_rest_alone)
{
	struct vlab_cfg cfg = {};

	vlab_cfg_reg(&cfg, 0x40, 4, 0x11223344, ~0U, 0);
	vlab_cfg_store(&cfg, 0x42, 1, 0xff);
	EXPECT_EQ(0x11ff3344, vlab_cfg_get(&cfg, 0x40, 4));
}

TEST(header_says_who_it_is)
{
	const struct vlab_cfg *cfg = &header()->cfg;

	EXPECT_EQ(0x56781234, vlab_cfg_get(cfg, PCI_VENDOR_ID, 4));
	EXPECT_EQ(0xdef09abc, vlab_cfg_get(cfg, PCI_SUBSYSTEM_VENDOR_ID, 4));
	EXPECT_EQ(0x07800203, vlab_cfg_get(cfg, PCI_CLASS_REVISION, 4));
	EXPECT_EQ(1, vlab_cfg_get(cfg, PCI_INTERRUPT_PIN, 1));
	EXPECT_EQ(256, cfg->size);
}

TEST(identity_cannot_be_written)
{
	static const u8 off[] = {
		PCI_VENDOR_ID, PCI_DEVICE_ID, PCI_CLASS_REVISION, PCI_CLASS_DEVICE,
		PCI_SUBSYSTEM_VENDOR_ID, PCI_SUBSYSTEM_ID,
	};
	struct vlab_cfg *cfg = &header()->cfg;
	unsigned int i;
	u32 was;

	for (i = 0; i < ARRAY_SIZE(off); i++) {
		was = vlab_cfg_get(cfg, off[i], 2);
		vlab_cfg_store(cfg, off[i], 2, ~was & 0xffff);
		EXPECT_EQ(was, vlab_cfg_get(cfg, off[i], 2));
	}
}

TEST(bar_sizing_needs_no_special_case)
{
	static const struct {
		u64 size;
		u32 flags, reads;
	} row[] = {
		{ 16, 0, 0xfffffff0 },
		{ 4096, 0, 0xfffff000 },
		{ 0x80000000, 0, 0x80000000 },
		{ 8, PCI_BASE_ADDRESS_SPACE_IO, 0xfffffff9 },
		{ 4, PCI_BASE_ADDRESS_SPACE_IO, 0xfffffffd },
		{ 4096, PCI_BASE_ADDRESS_MEM_PREFETCH, 0xfffff008 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct vlab_cfg *cfg = &header()->cfg;

		vlab_cfg_bar(cfg, 1, row[i].size, row[i].flags);
		EXPECT_EQ(row[i].flags, vlab_cfg_get(cfg, PCI_BASE_ADDRESS_1, 4));
		vlab_cfg_store(cfg, PCI_BASE_ADDRESS_1, 4, ~0U);
		EXPECT_EQ(row[i].reads, vlab_cfg_get(cfg, PCI_BASE_ADDRESS_1, 4));
	}
}

TEST(wide_bar_takes_two_registers)
{
	struct vlab_cfg *cfg = &header()->cfg;

	vlab_cfg_bar(cfg, 2, 1ULL << 33, PCI_BASE_ADDRESS_MEM_TYPE_64);
	vlab_cfg_store(cfg, PCI_BASE_ADDRESS_2, 4, ~0U);
	vlab_cfg_store(cfg, PCI_BASE_ADDRESS_3, 4, ~0U);
	EXPECT_EQ(0x00000004, vlab_cfg_get(cfg, PCI_BASE_ADDRESS_2, 4));
	EXPECT_EQ(0xfffffffe, vlab_cfg_get(cfg, PCI_BASE_ADDRESS_3, 4));
}

TEST(command_has_the_bits_of_its_bars)
{
	struct vlab_cfg *cfg = &header()->cfg;

	vlab_cfg_store(cfg, PCI_COMMAND, 2, 0xffff);
	EXPECT_EQ(0, vlab_cfg_get(cfg, PCI_COMMAND, 2) & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	vlab_cfg_bar(cfg, 0, 8, PCI_BASE_ADDRESS_SPACE_IO);
	vlab_cfg_bar(cfg, 1, 4096, 0);
	vlab_cfg_store(cfg, PCI_COMMAND, 2, 0xffff);
	EXPECT_EQ(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
		  PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE,
		  vlab_cfg_get(cfg, PCI_COMMAND, 2));
}

TEST(capabilities_are_chained_in_order)
{
	struct vlab_fn *fn = header();
	unsigned int off;

	EXPECT_EQ(0, vlab_cfg_get(&fn->cfg, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	vlab_cap_pm(fn, 0x78, false);
	vlab_cap_msi(fn, 0x50, 8, PCI_MSI_FLAGS_64BIT);
	vlab_cap_pcie(fn, 0x80, PCI_EXP_TYPE_ENDPOINT, true);
	EXPECT_TRUE(vlab_cfg_get(&fn->cfg, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	off = vlab_cfg_get(&fn->cfg, PCI_CAPABILITY_LIST, 1);
	EXPECT_EQ(0x78, off);
	EXPECT_EQ(PCI_CAP_ID_PM, vlab_cfg_get(&fn->cfg, off, 1));
	off = vlab_cfg_get(&fn->cfg, off + PCI_CAP_LIST_NEXT, 1);
	EXPECT_EQ(0x50, off);
	EXPECT_EQ(PCI_CAP_ID_MSI, vlab_cfg_get(&fn->cfg, off, 1));
	off = vlab_cfg_get(&fn->cfg, off + PCI_CAP_LIST_NEXT, 1);
	EXPECT_EQ(0x80, off);
	EXPECT_EQ(PCI_CAP_ID_EXP, vlab_cfg_get(&fn->cfg, off, 1));
	EXPECT_EQ(0, vlab_cfg_get(&fn->cfg, off + PCI_CAP_LIST_NEXT, 1));
	EXPECT_EQ(4096, fn->cfg.size);
}

TEST(extended_capabilities_are_chained_in_order)
{
	static const u8 body[] = { 1, 2, 3, 4 };
	struct vlab_fn *fn = header();

	vlab_ext_cap_raw(fn, 0x100, PCI_EXT_CAP_ID_VC, 1, NULL, 0);
	vlab_ext_cap_raw(fn, 0x800, PCI_EXT_CAP_ID_ERR, 2, body, sizeof(body));
	EXPECT_EQ(PCI_EXT_CAP_ID_VC | 1 << 16 | 0x800U << 20, vlab_cfg_get(&fn->cfg, 0x100, 4));
	EXPECT_EQ(PCI_EXT_CAP_ID_ERR | 2 << 16, vlab_cfg_get(&fn->cfg, 0x800, 4));
	EXPECT_EQ(0x04030201, vlab_cfg_get(&fn->cfg, 0x804, 4));
	EXPECT_EQ(4096, fn->cfg.size);
}

TEST(msi_says_how_many_and_takes_what_it_may)
{
	struct vlab_fn *fn = header();
	u16 flags;

	vlab_cap_msi(fn, 0x50, 8, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	vlab_cfg_store(&fn->cfg, 0x52, 2, 0xffff);
	flags = vlab_cfg_get(&fn->cfg, 0x52, 2);
	EXPECT_EQ(3 << 1, flags & PCI_MSI_FLAGS_QMASK);
	EXPECT_EQ(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE | PCI_MSI_FLAGS_64BIT |
		  PCI_MSI_FLAGS_MASKBIT, flags & ~PCI_MSI_FLAGS_QMASK);
	vlab_cfg_store(&fn->cfg, 0x50 + PCI_MSI_MASK_64, 4, ~0U);
	EXPECT_EQ(0xff, vlab_cfg_get(&fn->cfg, 0x50 + PCI_MSI_MASK_64, 4));
}

TEST(msix_table_is_where_it_says)
{
	struct vlab_fn *fn = header();

	vlab_cap_msix(fn, 0x70, 2048, 4, 0x8004);
	EXPECT_EQ(2047, vlab_cfg_get(&fn->cfg, 0x72, 2));
	EXPECT_EQ(4, vlab_cfg_get(&fn->cfg, 0x74, 4));
	EXPECT_EQ(0x8004, vlab_cfg_get(&fn->cfg, 0x78, 4));
	vlab_cfg_store(&fn->cfg, 0x72, 2, 0xffff);
	EXPECT_EQ(0xc7ff, vlab_cfg_get(&fn->cfg, 0x72, 2));
}

TEST(af_offers_flr_and_transactions_pending)
{
	struct vlab_fn *fn = header();

	vlab_cap_af(fn, 0xc0);
	vlab_cfg_store(&fn->cfg, 0xc0, 4, ~0U);
	vlab_cfg_store(&fn->cfg, 0xc4, 2, ~0U);
	EXPECT_EQ(0x03060013, vlab_cfg_get(&fn->cfg, 0xc0, 4));
	EXPECT_EQ(0, vlab_cfg_get(&fn->cfg, 0xc4, 2));
	EXPECT_EQ(256, fn->cfg.size);
}

TEST(aer_masks_what_the_specification_has)
{
	struct vlab_fn *fn = header();
	unsigned int i;

	vlab_ext_cap_aer(fn, 0x100);
	EXPECT_EQ(PCI_EXT_CAP_ID_ERR | 1 << 16, vlab_cfg_get(&fn->cfg, 0x100, 4));
	EXPECT_EQ(0x00062030, vlab_cfg_get(&fn->cfg, 0x100 + PCI_ERR_UNCOR_SEVER, 4));
	for (i = 4; i < 0x2c; i += 4)
		vlab_cfg_store(&fn->cfg, 0x100 + i, 4, ~0U);
	EXPECT_EQ(0, vlab_cfg_get(&fn->cfg, 0x100 + PCI_ERR_UNCOR_STATUS, 4));
	EXPECT_EQ(0x003ff030, vlab_cfg_get(&fn->cfg, 0x100 + PCI_ERR_UNCOR_MASK, 4));
	EXPECT_EQ(0x000031c1, vlab_cfg_get(&fn->cfg, 0x100 + PCI_ERR_COR_MASK, 4));
}

TEST(serial_number_is_in_two_words)
{
	struct vlab_fn *fn = header();

	vlab_ext_cap_dsn(fn, 0x150, 0x1122334455667788);
	EXPECT_EQ(0x55667788, vlab_cfg_get(&fn->cfg, 0x154, 4));
	EXPECT_EQ(0x11223344, vlab_cfg_get(&fn->cfg, 0x158, 4));
}

TEST(ltr_is_offered_and_can_be_enabled)
{
	struct vlab_fn *fn = header();

	vlab_cap_pcie(fn, 0x80, PCI_EXP_TYPE_ENDPOINT, true);
	vlab_ext_cap_ltr(fn, 0x160);
	EXPECT_EQ(PCI_EXP_DEVCAP2_LTR, vlab_cfg_get(&fn->cfg, 0x80 + PCI_EXP_DEVCAP2, 4));
	vlab_cfg_store(&fn->cfg, 0x80 + PCI_EXP_DEVCTL2, 2, 0xffff);
	EXPECT_EQ(PCI_EXP_DEVCTL2_LTR_EN, vlab_cfg_get(&fn->cfg, 0x80 + PCI_EXP_DEVCTL2, 2));
	vlab_cfg_store(&fn->cfg, 0x160 + PCI_LTR_MAX_SNOOP_LAT, 4, ~0U);
	EXPECT_EQ(0x1fff1fff, vlab_cfg_get(&fn->cfg, 0x160 + PCI_LTR_MAX_SNOOP_LAT, 4));
}

TEST(rom_is_sized_and_has_an_enable_bit)
{
	struct vlab_fn *fn = header();

	EXPECT_EQ(0, vlab_rom_init(fn, 0x10000));
	vlab_cfg_store(&fn->cfg, PCI_ROM_ADDRESS, 4, ~0U);
	EXPECT_EQ(0xffff0001, vlab_cfg_get(&fn->cfg, PCI_ROM_ADDRESS, 4));
	vlab_cfg_store(&fn->cfg, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	EXPECT_EQ(PCI_COMMAND_MEMORY, vlab_cfg_get(&fn->cfg, PCI_COMMAND, 2));
	vlab_mem_put(fn->bar[VLAB_ROM].mem);
}

TEST(bridge_takes_bus_numbers_and_windows)
{
	static struct vlab_fn fn;
	struct vlab_cfg *cfg = &fn.cfg;

	vlab_cfg_bridge_header(&fn, &ident);
	EXPECT_EQ(PCI_HEADER_TYPE_BRIDGE, vlab_cfg_get(cfg, PCI_HEADER_TYPE, 1));
	vlab_cfg_store(cfg, PCI_PRIMARY_BUS, 4, 0xff030201);
	EXPECT_EQ(0x00030201, vlab_cfg_get(cfg, PCI_PRIMARY_BUS, 4));
	vlab_cfg_store(cfg, PCI_MEMORY_BASE, 4, ~0U);
	EXPECT_EQ(0xfff0fff0, vlab_cfg_get(cfg, PCI_MEMORY_BASE, 4));
	vlab_cfg_store(cfg, PCI_PREF_MEMORY_BASE, 4, ~0U);
	EXPECT_EQ(0xfff1fff1, vlab_cfg_get(cfg, PCI_PREF_MEMORY_BASE, 4));
}

TEST(masks_are_disjoint_whatever_is_built)
{
	struct vlab_fn *fn = header();
	unsigned int i;

	vlab_cap_pm(fn, 0x40, true);
	vlab_cap_msi(fn, 0x50, 32, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	vlab_cap_msix(fn, 0x70, 16, 4, 0x8004);
	vlab_cap_pcie(fn, 0x80, PCI_EXP_TYPE_ENDPOINT, true);
	vlab_cap_af(fn, 0xc0);
	vlab_ext_cap_aer(fn, 0x100);
	vlab_ext_cap_dsn(fn, 0x150, ~0ULL);
	vlab_ext_cap_ltr(fn, 0x160);
	for (i = 0; i < VLAB_CFG_SIZE; i++)
		EXPECT_EQ(0, fn->cfg.wmask[i] & fn->cfg.w1c[i]);
}
