// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space: the header and every capability of each personality
 * (serial.rst), accesses of any length at any offset, what cannot be written,
 * and the end.
 */
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"
#include "vst.h"

#define SIZE	4096

/* uapi: REGION.CONFIG */
FIXTURE(config) {
	struct vst_dev *dev;
};

FIXTURE_SETUP(config)
{
	self->dev = vst_open(vst_bdf());
}

FIXTURE_TEARDOWN(config)
{
	vst_close(self->dev);
}

static void read_all(struct vst_dev *dev, u8 *buf, size_t len, size_t step)
{
	size_t off;

	for (off = 0; off < len; off += step)
		vst_read(dev, VST_CONFIG, off, buf + off, step);
}

/* Writes ones, reads, puts the old value back: the bits that can be set. */
static u32 writable(struct vst_dev *dev, unsigned int off)
{
	u32 old = vst_cfg_read32(dev, off), now;

	vst_cfg_write32(dev, off, ~0U);
	now = vst_cfg_read32(dev, off);
	vst_cfg_write32(dev, off, old);
	return now ^ old;
}

/* ---- lengths and offsets ---- */

TEST_F(config, bytes_words_and_dwords_agree)
{
	u8 by1[SIZE], by2[SIZE], by4[SIZE];

	read_all(self->dev, by1, SIZE, 1);
	read_all(self->dev, by2, SIZE, 2);
	read_all(self->dev, by4, SIZE, 4);
	EXPECT_EQ(-1, vst_differs(by1, by2, SIZE));
	EXPECT_EQ(-1, vst_differs(by1, by4, SIZE));
}

TEST_F(config, one_read_of_it_all_agrees)
{
	u8 by1[SIZE], whole[SIZE];

	read_all(self->dev, by1, SIZE, 1);
	vst_read(self->dev, VST_CONFIG, 0, whole, SIZE);
	EXPECT_EQ(-1, vst_differs(by1, whole, SIZE));
}

TEST_F(config, reads_at_odd_offsets_agree)
{
	u8 whole[SIZE], part[8];
	size_t off, len;

	vst_read(self->dev, VST_CONFIG, 0, whole, SIZE);
	for (off = 1; off < 0x100; off += 2) {
		for (len = 1; len <= sizeof(part); len++) {
			vst_read(self->dev, VST_CONFIG, off, part, len);
			ASSERT_EQ(-1, vst_differs(whole + off, part, len)) {
				TH_LOG("%zu bytes at %zu", len, off);
			}
		}
	}
}

TEST_F(config, write_of_one_byte_leaves_its_neighbours)
{
	vst_cfg_write16(self->dev, PCI_INTERRUPT_LINE & ~1, 0);
	vst_cfg_write8(self->dev, PCI_INTERRUPT_LINE, 0x5a);
	EXPECT_EQ(0x5a, vst_cfg_read8(self->dev, PCI_INTERRUPT_LINE));
	EXPECT_EQ(1, vst_cfg_read8(self->dev, PCI_INTERRUPT_PIN));
}

TEST_F(config, write_across_registers_reaches_each)
{
	u8 bytes[5] = { 0xff, 0xff, 0xff, 0xff, 0x33 };

	/* Capability pointer and what is reserved, then the interrupt line. */
	vst_write(self->dev, VST_CONFIG, PCI_INTERRUPT_LINE - 4, bytes, sizeof(bytes));
	EXPECT_EQ(0, vst_cfg_read32(self->dev, PCI_INTERRUPT_LINE - 4));
	EXPECT_EQ(0x33, vst_cfg_read8(self->dev, PCI_INTERRUPT_LINE));
}

TEST_F(config, empty_access_does_nothing)
{
	u8 byte = 0xa5;

	EXPECT_EQ(0, __vst_read(self->dev, VST_CONFIG, 0, &byte, 0));
	EXPECT_EQ(0, __vst_write(self->dev, VST_CONFIG, PCI_COMMAND, &byte, 0));
	EXPECT_EQ(0xa5, byte);
}

/* ---- the end ---- */

/* mtty: 1 */
TEST_F(config, read_past_the_end_is_refused)
{
	u32 val = 0x12345678;

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, VST_CONFIG, SIZE, &val, sizeof(val)));
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, VST_CONFIG, SIZE + 256, &val, 1));
	EXPECT_EQ(0x12345678, val);
}

TEST_F(config, read_across_the_end_is_refused)
{
	u8 buf[8];

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, VST_CONFIG, SIZE - 4, buf, sizeof(buf)));
}

TEST_F(config, write_past_and_across_the_end_is_refused)
{
	u8 buf[8] = { 0 };

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(-EFAULT, __vst_write(self->dev, VST_CONFIG, SIZE, buf, 1));
	EXPECT_EQ(-EFAULT, __vst_write(self->dev, VST_CONFIG, SIZE - 4, buf, sizeof(buf)));
}

/* mtty: 1 */
TEST_F(config, access_at_the_last_offset_of_the_region_is_refused)
{
	u32 val = 0;

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, VST_CONFIG, (1ULL << 40) - 4, &val, 4));
	EXPECT_EQ(-EFAULT, __vst_write(self->dev, VST_CONFIG, (1ULL << 40) - 4, &val, 4));
}

TEST_F(config, huge_length_is_refused)
{
	u32 val = 0;

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, VST_CONFIG, 0, &val, 0x7ffff000));
	EXPECT_EQ(-EFAULT, __vst_write(self->dev, VST_CONFIG, 0, &val, 0x7ffff000));
}

TEST_F(config, bad_buffer_is_efault)
{
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, VST_CONFIG, 0, (void *)8, 4));
	EXPECT_EQ(-EFAULT, __vst_write(self->dev, VST_CONFIG, PCI_CACHE_LINE_SIZE, (void *)8, 1));
}

/* ---- the header ---- */

TEST_F(config, ids_and_class_cannot_be_written)
{
	const unsigned int regs[] = { PCI_VENDOR_ID, PCI_CLASS_REVISION, PCI_SUBSYSTEM_VENDOR_ID,
				      PCI_CARDBUS_CIS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++)
		EXPECT_EQ(0, writable(self->dev, regs[i]));
}

TEST_F(config, header_type_cannot_be_written)
{
	vst_cfg_write8(self->dev, PCI_HEADER_TYPE, 0xff);
	EXPECT_EQ(PCI_HEADER_TYPE_NORMAL, vst_cfg_read8(self->dev, PCI_HEADER_TYPE));
}

TEST_F(config, capability_pointer_cannot_be_written)
{
	u8 first = vst_cfg_read8(self->dev, PCI_CAPABILITY_LIST);

	vst_cfg_write8(self->dev, PCI_CAPABILITY_LIST, 0);
	EXPECT_EQ(first, vst_cfg_read8(self->dev, PCI_CAPABILITY_LIST));
	vst_cfg_write8(self->dev, first + PCI_CAP_LIST_ID, 0);
	EXPECT_NE(0, vst_cfg_read8(self->dev, first + PCI_CAP_LIST_ID));
}

TEST_F(config, bus_master_is_off_after_open)
{
	EXPECT_FALSE(vst_cfg_read16(self->dev, PCI_COMMAND) & PCI_COMMAND_MASTER);
	EXPECT_TRUE(vst_cfg_read16(self->dev, PCI_COMMAND) & PCI_COMMAND_MEMORY);
}

/* mtty: 10 */
TEST_F(config, command_bits_stick)
{
	const u16 bits[] = { PCI_COMMAND_MEMORY, PCI_COMMAND_MASTER, PCI_COMMAND_INTX_DISABLE };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		vst_command(self->dev, bits[i], 0);
		EXPECT_TRUE(vst_cfg_read16(self->dev, PCI_COMMAND) & bits[i]);
		vst_command(self->dev, 0, bits[i]);
		EXPECT_FALSE(vst_cfg_read16(self->dev, PCI_COMMAND) & bits[i]);
	}
}

/* serial.rst 1: no I/O BAR; and the upper five bits are reserved. */
TEST_F(config, command_bits_that_mean_nothing_stay_clear)
{
	vst_command(self->dev, 0xf800 | PCI_COMMAND_SPECIAL | PCI_COMMAND_VGA_PALETTE, 0);
	EXPECT_EQ(0, vst_cfg_read16(self->dev, PCI_COMMAND) &
		     (0xf800 | PCI_COMMAND_SPECIAL | PCI_COMMAND_VGA_PALETTE));
}

TEST_F(config, status_has_a_capability_list_whatever_is_written)
{
	vst_cfg_write16(self->dev, PCI_STATUS, 0);
	EXPECT_TRUE(vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_CAP_LIST);
	vst_cfg_write16(self->dev, PCI_STATUS, 0xffff);
	EXPECT_TRUE(vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_CAP_LIST);
	EXPECT_FALSE(vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_DETECTED_PARITY);
}

TEST_F(config, command_takes_a_byte_as_well_and_leaves_the_other)
{
	vst_command(self->dev, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_MASTER);
	vst_cfg_write8(self->dev, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	EXPECT_EQ(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
		  vst_cfg_read16(self->dev, PCI_COMMAND) &
		  (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE));
	vst_cfg_write8(self->dev, PCI_COMMAND + 1, 0);
	EXPECT_EQ(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
		  vst_cfg_read16(self->dev, PCI_COMMAND) &
		  (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE));
}

TEST_F(config, interrupt_line_keeps_what_was_written)
{
	vst_cfg_write8(self->dev, PCI_INTERRUPT_LINE, 0x0b);
	EXPECT_EQ(0x0b, vst_cfg_read8(self->dev, PCI_INTERRUPT_LINE));
}

TEST_F(config, interrupt_pin_is_inta_and_cannot_be_written)
{
	vst_cfg_write8(self->dev, PCI_INTERRUPT_PIN, 2);
	EXPECT_EQ(1, vst_cfg_read8(self->dev, PCI_INTERRUPT_PIN));
}

/* ---- BARs ---- */

static u32 size_of_bar(struct vst_dev *dev, unsigned int bar)
{
	unsigned int off = PCI_BASE_ADDRESS_0 + bar * 4;
	u32 old = vst_cfg_read32(dev, off), mask;

	vst_cfg_write32(dev, off, ~0U);
	mask = vst_cfg_read32(dev, off);
	vst_cfg_write32(dev, off, old);
	return mask;
}

TEST_F(config, bar_sizes_are_those_of_the_regions)
{
	const unsigned int bars[] = { VLAB_SERIAL_BAR_UART, VLAB_SERIAL_BAR_CTRL,
				      VLAB_SERIAL_BAR_MSIX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bars); i++)
		EXPECT_EQ(self->dev->region[bars[i]].size,
			  -(size_of_bar(self->dev, bars[i]) & ~0xfU));
}

/* serial.rst 1: BAR2 is 64-bit and prefetchable. */
TEST_F(config, bar_types_are_those_of_the_spec)
{
	EXPECT_EQ(PCI_BASE_ADDRESS_MEM_TYPE_32,
		  vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_0) & 0xf);
	EXPECT_EQ(PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
		  vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_2) & 0xf);
	EXPECT_EQ(PCI_BASE_ADDRESS_MEM_TYPE_32,
		  vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_4) & 0xf);
}

TEST_F(config, upper_half_of_the_64_bit_bar_sizes_as_ones)
{
	EXPECT_EQ(~0U, size_of_bar(self->dev, VLAB_SERIAL_BAR_CTRL + 1));
}

TEST_F(config, bars_that_are_not_there_read_zero)
{
	EXPECT_EQ(0, size_of_bar(self->dev, 1));
	EXPECT_EQ(0, size_of_bar(self->dev, 5));
	EXPECT_EQ(0, writable(self->dev, PCI_ROM_ADDRESS));
}

TEST_F(config, bar_can_be_moved_and_the_region_stays)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_cfg_write32(self->dev, PCI_BASE_ADDRESS_2, 0xd0000000);
	EXPECT_EQ(0xd0000000, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_2) & ~0xfU);
	EXPECT_EQ(VLAB_SERIAL_MAGIC,
		  vst_read32(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_ID));
}

/* ---- capabilities ---- */

TEST_F(config, capability_list_ends_and_stays_in_its_place)
{
	unsigned int off = vst_cfg_read8(self->dev, PCI_CAPABILITY_LIST), n;

	for (n = 0; off; n++) {
		ASSERT_LT(n, 16);
		ASSERT_GE(off, PCI_STD_HEADER_SIZEOF);
		ASSERT_EQ(0, off % 4);
		off = vst_cfg_read8(self->dev, off + PCI_CAP_LIST_NEXT);
	}
	EXPECT_EQ(4, n);	/* PM, MSI, MSI-X, PCI Express */
}

TEST_F(config, pm_is_version_3_and_loses_state_in_d3hot)
{
	unsigned int pm = vst_cap(self->dev, PCI_CAP_ID_PM);
	u16 pmc;

	ASSERT_NE(0, pm);
	pmc = vst_cfg_read16(self->dev, pm + PCI_PM_PMC);
	EXPECT_EQ(3, pmc & PCI_PM_CAP_VER_MASK);
	EXPECT_EQ(0, pmc & (PCI_PM_CAP_D1 | PCI_PM_CAP_D2));
	EXPECT_EQ(0, vst_cfg_read16(self->dev, pm + PCI_PM_CTRL) & PCI_PM_CTRL_NO_SOFT_RESET);
}

TEST_F(config, pm_goes_to_d3hot_and_back)
{
	unsigned int ctrl = vst_cap(self->dev, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	EXPECT_EQ(0, vst_cfg_read16(self->dev, ctrl) & PCI_PM_CTRL_STATE_MASK);
	vst_power(self->dev, 3);
	EXPECT_EQ(3, vst_cfg_read16(self->dev, ctrl) & PCI_PM_CTRL_STATE_MASK);
	vst_power(self->dev, 0);
	EXPECT_EQ(0, vst_cfg_read16(self->dev, ctrl) & PCI_PM_CTRL_STATE_MASK);
}

TEST_F(config, pm_has_no_d1_and_no_d2)
{
	unsigned int ctrl = vst_cap(self->dev, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	unsigned int state;

	VST_NEEDS(VST_CAN_VFIO);
	for (state = 1; state <= 2; state++) {
		vst_power(self->dev, state);
		EXPECT_EQ(0, vst_cfg_read16(self->dev, ctrl) & PCI_PM_CTRL_STATE_MASK);
	}
}

/* The kernel keeps wakeup events to itself. */
TEST_F(config, pm_has_no_wakeup_events)
{
	unsigned int pm = vst_cap(self->dev, PCI_CAP_ID_PM);

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(0, vst_cfg_read16(self->dev, pm + PCI_PM_PMC) & PCI_PM_CAP_PME_MASK);
	vst_cfg_write16(self->dev, pm + PCI_PM_CTRL,
			PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS);
	EXPECT_EQ(0, vst_cfg_read16(self->dev, pm + PCI_PM_CTRL) &
		     (PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS));
}

TEST_F(config, pmc_cannot_be_written)
{
	unsigned int pm = vst_cap(self->dev, PCI_CAP_ID_PM);
	u16 pmc = vst_cfg_read16(self->dev, pm + PCI_PM_PMC);

	vst_cfg_write16(self->dev, pm + PCI_PM_PMC, ~pmc);
	EXPECT_EQ(pmc, vst_cfg_read16(self->dev, pm + PCI_PM_PMC));
}

/* mtty: 8 */
TEST_F(config, msi_offers_eight_vectors_with_64_bit_addresses)
{
	unsigned int msi = vst_cap(self->dev, PCI_CAP_ID_MSI);
	u16 flags;

	ASSERT_NE(0, msi);
	flags = vst_cfg_read16(self->dev, msi + PCI_MSI_FLAGS);
	EXPECT_EQ(3, (flags & PCI_MSI_FLAGS_QMASK) >> 1);
	EXPECT_TRUE(flags & PCI_MSI_FLAGS_64BIT);
	EXPECT_FALSE(flags & PCI_MSI_FLAGS_ENABLE);
}

/* Enabling is SET_IRQS' business. */
TEST_F(config, msi_cannot_be_enabled_through_config_space)
{
	unsigned int flags = vst_cap(self->dev, PCI_CAP_ID_MSI) + PCI_MSI_FLAGS;

	VST_NEEDS(VST_CAN_VFIO);
	vst_cfg_write16(self->dev, flags,
			vst_cfg_read16(self->dev, flags) | PCI_MSI_FLAGS_ENABLE);
	EXPECT_FALSE(vst_cfg_read16(self->dev, flags) & PCI_MSI_FLAGS_ENABLE);
}

TEST_F(config, msi_address_and_data_keep_what_was_written)
{
	unsigned int msi = vst_cap(self->dev, PCI_CAP_ID_MSI);

	vst_cfg_write32(self->dev, msi + PCI_MSI_ADDRESS_LO, 0xfee01000);
	vst_cfg_write32(self->dev, msi + PCI_MSI_ADDRESS_HI, 0x1);
	vst_cfg_write16(self->dev, msi + PCI_MSI_DATA_64, 0x4041);
	EXPECT_EQ(0xfee01000, vst_cfg_read32(self->dev, msi + PCI_MSI_ADDRESS_LO));
	EXPECT_EQ(0x1, vst_cfg_read32(self->dev, msi + PCI_MSI_ADDRESS_HI));
	EXPECT_EQ(0x4041, vst_cfg_read16(self->dev, msi + PCI_MSI_DATA_64));
}

TEST_F(config, msix_table_and_pending_bits_are_in_bar4)
{
	unsigned int msix = vst_cap(self->dev, PCI_CAP_ID_MSIX);

	ASSERT_NE(0, msix);
	EXPECT_EQ(16 - 1, vst_cfg_read16(self->dev, msix + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE);
	EXPECT_EQ(VLAB_SERIAL_BAR_MSIX,
		  vst_cfg_read32(self->dev, msix + PCI_MSIX_TABLE) & PCI_MSIX_TABLE_BIR);
	EXPECT_EQ(VLAB_SERIAL_BAR_MSIX,
		  vst_cfg_read32(self->dev, msix + PCI_MSIX_PBA) & PCI_MSIX_PBA_BIR);
}

TEST_F(config, msix_table_size_and_place_cannot_be_written)
{
	unsigned int msix = vst_cap(self->dev, PCI_CAP_ID_MSIX);
	u16 flags = vst_cfg_read16(self->dev, msix + PCI_MSIX_FLAGS);

	vst_cfg_write16(self->dev, msix + PCI_MSIX_FLAGS, 0x7ff & ~flags);
	EXPECT_EQ(flags & PCI_MSIX_FLAGS_QSIZE,
		  vst_cfg_read16(self->dev, msix + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE);
	EXPECT_EQ(0, writable(self->dev, msix + PCI_MSIX_TABLE));
	EXPECT_EQ(0, writable(self->dev, msix + PCI_MSIX_PBA));
}

TEST_F(config, msix_can_neither_be_enabled_nor_masked_through_config_space)
{
	unsigned int flags = vst_cap(self->dev, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;
	u16 before = vst_cfg_read16(self->dev, flags);

	VST_NEEDS(VST_CAN_VFIO);
	vst_cfg_write16(self->dev, flags, before | PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	EXPECT_EQ(before, vst_cfg_read16(self->dev, flags));
}

/* Of what SET_IRQS turned on, config space may turn off some, and no more on. */
TEST_F(config, msi_goes_off_and_on_through_config_space_while_set_irqs_has_it_on)
{
	unsigned int flags = vst_cap(self->dev, PCI_CAP_ID_MSI) + PCI_MSI_FLAGS;
	int fd[4] = { vst_eventfd(), vst_eventfd(), vst_eventfd(), vst_eventfd() };

	VST_NEEDS(VST_CAN_IRQ);
	vst_master(self->dev, true);
	vst_irq_eventfds(self->dev, VFIO_PCI_MSI_IRQ_INDEX, 0, 4, fd);
	vst_cfg_write16(self->dev, flags, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	EXPECT_TRUE(vst_cfg_read16(self->dev, flags) & PCI_MSI_FLAGS_ENABLE);
	vst_dma_write32(self->dev, VLAB_DMA_SEND, 3);
	EXPECT_EQ(1, vst_event_wait(fd[3]));
	vst_cfg_write16(self->dev, flags, 2 << 4);
	EXPECT_FALSE(vst_cfg_read16(self->dev, flags) & PCI_MSI_FLAGS_ENABLE);
	vst_dma_write32(self->dev, VLAB_DMA_SEND, 3);
	vst_cfg_write16(self->dev, flags, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	vst_dma_write32(self->dev, VLAB_DMA_SEND, 0);
	EXPECT_EQ(1, vst_event_wait(fd[0]));
	EXPECT_EQ(0, vst_event_count(fd[3]));
}

TEST_F(config, msi_has_no_more_messages_than_set_irqs_turned_on)
{
	unsigned int flags = vst_cap(self->dev, PCI_CAP_ID_MSI) + PCI_MSI_FLAGS;
	int fd[4] = { vst_eventfd(), vst_eventfd(), vst_eventfd(), vst_eventfd() };
	unsigned int size;

	VST_NEEDS(VST_CAN_IRQ);
	vst_irq_eventfds(self->dev, VFIO_PCI_MSI_IRQ_INDEX, 0, 4, fd);
	for (size = 0; size < 8; size++) {
		vst_cfg_write16(self->dev, flags, PCI_MSI_FLAGS_ENABLE | size << 4);
		EXPECT_EQ(size < 2 ? size : 2,
			  (vst_cfg_read16(self->dev, flags) & PCI_MSI_FLAGS_QSIZE) >> 4U);
	}
}

TEST_F(config, express_is_an_endpoint_with_flr)
{
	unsigned int exp = vst_cap(self->dev, PCI_CAP_ID_EXP);
	u16 flags;

	ASSERT_NE(0, exp);
	flags = vst_cfg_read16(self->dev, exp + PCI_EXP_FLAGS);
	EXPECT_EQ(2, flags & PCI_EXP_FLAGS_VERS);
	EXPECT_EQ(PCI_EXP_TYPE_ENDPOINT, (flags & PCI_EXP_FLAGS_TYPE) >> 4);
	EXPECT_TRUE(vst_cfg_read32(self->dev, exp + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
}

TEST_F(config, express_control_bits_stick)
{
	unsigned int ctl = vst_cap(self->dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	u16 before = vst_cfg_read16(self->dev, ctl);

	vst_cfg_write16(self->dev, ctl, before ^ PCI_EXP_DEVCTL_RELAX_EN);
	EXPECT_EQ(before ^ PCI_EXP_DEVCTL_RELAX_EN, vst_cfg_read16(self->dev, ctl));
	vst_cfg_write16(self->dev, ctl, before);
	EXPECT_EQ(before, vst_cfg_read16(self->dev, ctl));
}

/* Emulated, as what is right depends on all of the way to memory. */
TEST_F(config, express_payload_and_read_request_keep_what_was_written)
{
	unsigned int i, ctl = vst_cap(self->dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	u16 others = vst_cfg_read16(self->dev, ctl) &
		     ~(PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_READRQ);

	VST_NEEDS(VST_CAN_VFIO);
	for (i = 0; i < 6; i++) {
		vst_cfg_write16(self->dev, ctl, others | i << 5 | (5 - i) << 12);
		EXPECT_EQ(others | i << 5 | (5 - i) << 12, vst_cfg_read16(self->dev, ctl));
	}
}

TEST_F(config, express_phantom_functions_and_ari_cannot_be_turned_on)
{
	unsigned int exp = vst_cap(self->dev, PCI_CAP_ID_EXP);
	u16 ctl2 = vst_cfg_read16(self->dev, exp + PCI_EXP_DEVCTL2);

	VST_NEEDS(VST_CAN_VFIO);
	vst_cfg_write16(self->dev, exp + PCI_EXP_DEVCTL, 0x7fff);
	EXPECT_FALSE(vst_cfg_read16(self->dev, exp + PCI_EXP_DEVCTL) & PCI_EXP_DEVCTL_PHANTOM);
	vst_cfg_write16(self->dev, exp + PCI_EXP_DEVCTL2, 0xffff);
	EXPECT_EQ(ctl2 & PCI_EXP_DEVCTL2_ARI,
		  vst_cfg_read16(self->dev, exp + PCI_EXP_DEVCTL2) & PCI_EXP_DEVCTL2_ARI);
}

TEST_F(config, express_link_control_cannot_be_written)
{
	unsigned int exp = vst_cap(self->dev, PCI_CAP_ID_EXP);

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(0, writable(self->dev, exp + PCI_EXP_LNKCTL));
}

TEST_F(config, express_flr_bit_reads_zero)
{
	unsigned int ctl = vst_cap(self->dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	vst_cfg_write16(self->dev, ctl,
			vst_cfg_read16(self->dev, ctl) | PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_FALSE(vst_cfg_read16(self->dev, ctl) & PCI_EXP_DEVCTL_BCR_FLR);
}

TEST_F(config, express_capabilities_cannot_be_written)
{
	unsigned int exp = vst_cap(self->dev, PCI_CAP_ID_EXP);

	EXPECT_EQ(0, writable(self->dev, exp + PCI_EXP_DEVCAP));
	EXPECT_EQ(0, writable(self->dev, exp + PCI_EXP_LNKCAP));
}

TEST_F(config, no_transaction_is_pending_when_idle)
{
	unsigned int exp = vst_cap(self->dev, PCI_CAP_ID_EXP);

	EXPECT_FALSE(vst_cfg_read16(self->dev, exp + PCI_EXP_DEVSTA) & PCI_EXP_DEVSTA_TRPND);
}

/* What no register is behind cannot keep anything either. */
TEST_F(config, gaps_and_extended_space_cannot_be_written)
{
	u8 before[SIZE], after[SIZE];
	unsigned int off;

	vst_read(self->dev, VST_CONFIG, 0, before, SIZE);
	for (off = 0x100; off < SIZE; off += 4)
		vst_cfg_write32(self->dev, off, ~0U);
	vst_read(self->dev, VST_CONFIG, 0, after, SIZE);
	EXPECT_EQ(-1, vst_differs(before, after, SIZE));
}

/* Any bytes anywhere, as a careless guest would: a reset brings all back. */
TEST_F(config, random_writes_leave_nothing_that_a_reset_does_not_mend)
{
	u8 before[SIZE], after[SIZE], junk[8];
	unsigned int i;

	VST_NEEDS(VST_CAN_VFIO);
	vst_read(self->dev, VST_CONFIG, 0, before, PCI_STD_HEADER_SIZEOF);
	for (i = 0; i < 500; i++) {
		struct {
			u16 off;
			u8 len;
		} at;

		vst_fill(&at, sizeof(at), i);
		vst_fill(junk, sizeof(junk), ~(u64)i);
		__vst_write(self->dev, VST_CONFIG, at.off % (i & 1 ? SIZE : 256), junk,
			    at.len % sizeof(junk) + 1);
	}
	vst_power(self->dev, 0);
	vst_reset(self->dev);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0xffff);
	vst_write(self->dev, VST_CONFIG, PCI_BASE_ADDRESS_0, before + PCI_BASE_ADDRESS_0, 24);
	vst_read(self->dev, VST_CONFIG, 0, after, PCI_STD_HEADER_SIZEOF);
	after[PCI_CACHE_LINE_SIZE] = before[PCI_CACHE_LINE_SIZE];
	after[PCI_INTERRUPT_LINE] = before[PCI_INTERRUPT_LINE];
	EXPECT_EQ(-1, vst_differs(before, after, PCI_STD_HEADER_SIZEOF));
	EXPECT_EQ(VLAB_SERIAL_MAGIC,
		  vst_read32(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_ID));
}

/* ---- the other personalities and models ---- */

#define MAX_CAPS	6

struct cap {
	u8 id, off;
};

/* uapi: REGION.CONFIG */
FIXTURE(identity) {
	struct vst_card card;
};

FIXTURE_VARIANT(identity) {
	const char *attrs[4];
	u16 vendor, device, subvendor, subdevice;
	u32 class;
	unsigned int nfns;
	u64 size[VST_BARS];
	struct cap cap[MAX_CAPS];
};

FIXTURE_VARIANT_ADD(identity, vlab) {
	.attrs = { "model=serial", "personality=vlab", "ports=8" },
	.vendor = VLAB_VENDOR,
	.device = VLAB_DEVICE_SERIAL,
	.subvendor = VLAB_VENDOR,
	.subdevice = VLAB_DEVICE_SERIAL,
	.class = 0x078000,
	.nfns = 1,
	.size = { 0x1000, 0, 0x10000, 0, 0x10000 },
	.cap = {
		{ PCI_CAP_ID_PM, 0 }, { PCI_CAP_ID_MSI, 0 }, { PCI_CAP_ID_MSIX, 0 },
		{ PCI_CAP_ID_EXP, 0 },
	},
};

/* As lspci shows the real card: 50 MSI, 78 PM, 80 PCI Express. */
FIXTURE_VARIANT_ADD(identity, mcs9922) {
	.attrs = { "model=serial", "personality=mcs9922", "ports=4" },
	.vendor = 0x9710,
	.device = 0x9922,
	.subvendor = 0xa000,
	.subdevice = 0x1000,
	.class = 0x070002,
	.nfns = 4,
	.size = { 8, 0x1000, 0, 0, 0, 0x1000 },
	.cap = {
		{ PCI_CAP_ID_MSI, 0x50 }, { PCI_CAP_ID_PM, 0x78 }, { PCI_CAP_ID_EXP, 0x80 },
	},
};

/* As QEMU's pci-serial-4x: no capability at all. */
FIXTURE_VARIANT_ADD(identity, qemu4x) {
	.attrs = { "model=serial", "personality=qemu4x", "ports=4" },
	.vendor = 0x1b36,
	.device = 0x0004,
	.subvendor = 0x1af4,
	.subdevice = 0x1100,
	.class = 0x070002,
	.nfns = 1,
	.size = { 32 },
};

FIXTURE_VARIANT_ADD(identity, null) {
	.attrs = { "model=null" },
	.vendor = VLAB_VENDOR,
	.device = VLAB_DEVICE_NULL,
	.subvendor = VLAB_VENDOR,
	.subdevice = VLAB_DEVICE_NULL,
	.class = 0xff0000,
	.nfns = 1,
	.size = { 0x1000 },
	.cap = {
		{ PCI_CAP_ID_PM, 0x40 }, { PCI_CAP_ID_MSI, 0x50 }, { PCI_CAP_ID_EXP, 0x70 },
	},
};

FIXTURE_SETUP(identity)
{
	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	vst_ok(__vst_card_plug(&self->card, variant->attrs));
}

FIXTURE_TEARDOWN(identity)
{
	vst_card_destroy(&self->card);
}

static void check_ids(struct __test_metadata *_metadata, struct vst_dev *dev,
		      const struct _fixture_variant_identity *v, u8 pin)
{
	EXPECT_EQ(v->vendor, vst_cfg_read16(dev, PCI_VENDOR_ID));
	EXPECT_EQ(v->device, vst_cfg_read16(dev, PCI_DEVICE_ID));
	EXPECT_EQ(v->subvendor, vst_cfg_read16(dev, PCI_SUBSYSTEM_VENDOR_ID));
	EXPECT_EQ(v->subdevice, vst_cfg_read16(dev, PCI_SUBSYSTEM_ID));
	EXPECT_EQ(v->class, vst_cfg_read32(dev, PCI_CLASS_REVISION) >> 8);
	EXPECT_EQ(pin, vst_cfg_read8(dev, PCI_INTERRUPT_PIN));
}

static void check_caps(struct __test_metadata *_metadata, struct vst_dev *dev,
		       const struct _fixture_variant_identity *v)
{
	unsigned int i, n = 0, off = 0;

	for (i = 0; i < MAX_CAPS && v->cap[i].id; i++) {
		EXPECT_NE(0, vst_cap(dev, v->cap[i].id));
		if (v->cap[i].off)
			EXPECT_EQ(v->cap[i].off, vst_cap(dev, v->cap[i].id));
	}
	if (vst_cfg_read16(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST)
		off = vst_cfg_read8(dev, PCI_CAPABILITY_LIST);
	for (; off && n <= MAX_CAPS; n++)
		off = vst_cfg_read8(dev, off + PCI_CAP_LIST_NEXT);
	EXPECT_EQ(i, n);
}

TEST_F(identity, every_function_is_as_in_the_spec)
{
	unsigned int i, bar;

	ASSERT_EQ(variant->nfns, self->card.nfns);
	for (i = 0; i < self->card.nfns; i++) {
		struct vst_dev *dev = vst_open(self->card.bdf[i]);

		check_ids(_metadata, dev, variant, i % 4 + 1);
		check_caps(_metadata, dev, variant);
		for (bar = 0; bar < VST_BARS; bar++)
			EXPECT_EQ(variant->size[bar], dev->region[bar].size);
		EXPECT_EQ(self->card.nfns > 1,
			  !!(vst_cfg_read8(dev, PCI_HEADER_TYPE) & 0x80));
		vst_close(dev);
	}
}

/* serial.rst 2.2: function 0 has virtual channels, all have error reporting. */
TEST(mcs9922_has_the_extended_capabilities_of_the_card)
{
	struct vst_card card;
	struct vst_dev *dev;

	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	vst_card_plug(&card, "personality=mcs9922", "ports=2");
	dev = vst_open(card.bdf[0]);
	EXPECT_EQ(0x100, vst_ext_cap(dev, PCI_EXT_CAP_ID_VC));
	EXPECT_EQ(0x800, vst_ext_cap(dev, PCI_EXT_CAP_ID_ERR));
	vst_close(dev);
	dev = vst_open(card.bdf[1]);
	EXPECT_EQ(0, vst_ext_cap(dev, PCI_EXT_CAP_ID_VC));
	EXPECT_EQ(0x100, vst_ext_cap(dev, PCI_EXT_CAP_ID_ERR));
	vst_close(dev);
	vst_card_destroy(&card);
}

VST_MAIN("ports=4", "memory=64K", "msi=8", "msix=16")
