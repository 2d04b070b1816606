// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of a function: config accesses, resets, interrupts
 */
#include "tap.h"
#include "world.h"

#define PM	0x40
#define MSI	0x50
#define MSIX	0x70
#define EXP	0x80
#define AF	0xc0
#define VECTORS	4

static unsigned int resets;

static int init(struct vlab_fn *fn)
{
	static const struct vlab_ident ident = { .vendor = 0x1234, .pin = 1 };

	vlab_cfg_header(fn, &ident);
	vlab_cap_pm(fn, PM, false);
	vlab_cap_msi(fn, MSI, VECTORS, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	vlab_cap_msix(fn, MSIX, VECTORS, 4, 0x8004);
	vlab_cap_pcie(fn, EXP, PCI_EXP_TYPE_ENDPOINT, true);
	vlab_cap_af(fn, AF);
	return vlab_irq_init(fn, VECTORS);
}

static void reset(struct vlab_fn *fn)
{
	assert(fn->lock.held);
	resets++;
}

static const struct vlab_model model = {
	.name = "fn", .fn_size = sizeof(struct vlab_fn), .init = init, .reset = reset,
};

static struct vlab_fn *create(void)
{
	struct vlab_fn *fn = world_fn(NULL, &model);

	resets = 0;
	return fn;
}

static void set_level(struct vlab_fn *fn, unsigned int vec, bool level)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	vlab_irq_set(fn, vec, level);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	shim_run();
}

static void pulse(struct vlab_fn *fn, unsigned int vec)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	vlab_irq_pulse(fn, vec);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	shim_run();
}

static void config_write(struct vlab_fn *fn, unsigned int off, unsigned int len, u32 val)
{
	vlab_cfg_write(fn, off, len, val);
	shim_run();
}

static void set_master(struct vlab_fn *fn, bool on)
{
	config_write(fn, PCI_COMMAND, 2, on ? PCI_COMMAND_MASTER : 0);
}

/* As the kernel does when a driver asks for interrupt @hwirq. */
static void request(struct vlab_fn *fn, unsigned int vec, unsigned int hwirq)
{
	vlab_irq_vec_set(fn, vec, hwirq);
	vlab_irq_vec_mask(fn, vec, false);
	shim_run();
}

/* 2^@order messages, hardware interrupt 10 and up. */
static void enable_msi(struct vlab_fn *fn, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++)
		request(fn, i, 10 + i);
	config_write(fn, MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | order << 4);
	set_master(fn, true);
}

static void enable_msix(struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VECTORS; i++)
		request(fn, i, 20 + i);
	config_write(fn, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	set_master(fn, true);
}

/* ---- config accesses ---- */

TEST(config_accesses_are_checked_for_their_form)
{
	static const struct {
		unsigned int off, len;
	} bad[] = {
		{ 0, 0 }, { 0, 3 }, { 0, 8 }, { 1, 2 }, { 2, 4 }, { 0x1000, 1 }, { 0x1000, 4 },
		{ ~0U, 1 }, { ~3U, 4 },
	};
	struct vlab_fn *fn = create();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(~0U, vlab_cfg_read(fn, bad[i].off, bad[i].len));
		vlab_cfg_write(fn, bad[i].off, bad[i].len, ~0U);
	}
	EXPECT_EQ(0x1234, vlab_cfg_read(fn, 0, 4));
	EXPECT_EQ(0, vlab_cfg_read(fn, 0xffc, 4));
	vlab_fn_destroy(fn);
}

/* ---- resets ---- */

TEST(flr_resets_and_reads_0)
{
	struct vlab_fn *fn = create();

	set_master(fn, true);
	config_write(fn, EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_EQ(1, resets);
	EXPECT_EQ(0, vlab_cfg_read(fn, PCI_COMMAND, 2));
	EXPECT_EQ(0, vlab_cfg_read(fn, EXP + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR);
	vlab_fn_destroy(fn);
}

TEST(flr_bit_is_in_one_byte_of_any_access_to_it)
{
	struct vlab_fn *fn = create();

	config_write(fn, EXP + PCI_EXP_DEVCTL + 1, 1, 0x80);
	EXPECT_EQ(1, resets);
	config_write(fn, EXP + PCI_EXP_DEVCTL, 4, 0x8000);
	EXPECT_EQ(2, resets);
	config_write(fn, EXP + PCI_EXP_DEVCTL, 1, 0x80);
	config_write(fn, EXP + PCI_EXP_DEVCTL, 4, 0x80000000);
	config_write(fn, EXP + PCI_EXP_DEVCAP, 4, ~0U);
	EXPECT_EQ(2, resets);
	vlab_fn_destroy(fn);
}

TEST(flr_of_advanced_features_resets_and_reads_0)
{
	struct vlab_fn *fn = create();

	config_write(fn, AF + PCI_AF_CTRL, 1, ~PCI_AF_CTRL_FLR & 0xff);
	EXPECT_EQ(0, resets);
	config_write(fn, AF + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	EXPECT_EQ(1, resets);
	config_write(fn, AF + PCI_AF_CTRL, 2, PCI_AF_CTRL_FLR);
	EXPECT_EQ(2, resets);
	config_write(fn, AF, 4, ~0U);
	EXPECT_EQ(2, resets);
	EXPECT_EQ(0, vlab_cfg_read(fn, AF + PCI_AF_CTRL, 1));
	vlab_fn_destroy(fn);
}

TEST(transactions_pending_is_shown_by_both_capabilities)
{
	struct vlab_fn *fn = create();

	EXPECT_EQ(0, vlab_cfg_read(fn, AF + PCI_AF_STATUS, 1));
	fn->dma_busy = 1;
	EXPECT_EQ(PCI_AF_STATUS_TP, vlab_cfg_read(fn, AF + PCI_AF_STATUS, 1));
	EXPECT_EQ(PCI_EXP_DEVSTA_TRPND, vlab_cfg_read(fn, EXP + PCI_EXP_DEVSTA, 2));
	fn->dma_busy = 0;
	EXPECT_EQ(0, vlab_cfg_read(fn, AF + PCI_AF_STATUS, 1));
	EXPECT_EQ(0, vlab_cfg_read(fn, EXP + PCI_EXP_DEVSTA, 2));
	vlab_fn_destroy(fn);
}

TEST(d3hot_to_d0_resets)
{
	struct vlab_fn *fn = create();

	config_write(fn, PM + PCI_PM_CTRL, 2, 3);
	EXPECT_EQ(0, resets);
	EXPECT_EQ(3, vlab_cfg_read(fn, PM + PCI_PM_CTRL, 2) & 3);
	config_write(fn, PM + PCI_PM_CTRL, 2, 0);
	EXPECT_EQ(1, resets);
	config_write(fn, PM + PCI_PM_CTRL, 2, 0);
	EXPECT_EQ(1, resets);
	vlab_fn_destroy(fn);
}

TEST(reset_takes_interrupts_back)
{
	struct vlab_fn *fn = create();

	set_level(fn, 0, true);
	EXPECT_TRUE(world.intx);
	config_write(fn, EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_FALSE(world.intx);
	EXPECT_EQ(0, vlab_cfg_read(fn, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	vlab_fn_destroy(fn);
}

TEST(reset_forgets_what_was_pending)
{
	struct vlab_fn *fn = create();

	enable_msix(fn);
	set_master(fn, false);
	set_level(fn, 1, true);
	config_write(fn, EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	config_write(fn, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	set_master(fn, true);
	EXPECT_EQ(0, world.sent[21]);
	set_level(fn, 1, true);
	EXPECT_EQ(1, world.sent[21]);
	vlab_fn_destroy(fn);
}

/* ---- INTx ---- */

TEST(intx_is_the_or_of_all_levels)
{
	struct vlab_fn *fn = create();

	set_level(fn, 0, true);
	set_level(fn, 3, true);
	EXPECT_TRUE(world.intx);
	EXPECT_TRUE(vlab_cfg_read(fn, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	set_level(fn, 0, false);
	EXPECT_TRUE(world.intx);
	set_level(fn, 3, false);
	EXPECT_FALSE(world.intx);
	vlab_fn_destroy(fn);
}

TEST(intx_disable_hides_the_line_not_the_status)
{
	struct vlab_fn *fn = create();

	config_write(fn, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	set_level(fn, 0, true);
	EXPECT_FALSE(world.intx);
	EXPECT_TRUE(vlab_cfg_read(fn, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	config_write(fn, PCI_COMMAND, 2, 0);
	EXPECT_TRUE(world.intx);
	vlab_fn_destroy(fn);
}

TEST(intx_is_silent_outside_d0)
{
	struct vlab_fn *fn = create();

	set_level(fn, 0, true);
	config_write(fn, PM + PCI_PM_CTRL, 2, 3);
	EXPECT_FALSE(world.intx);
	vlab_fn_destroy(fn);
}

TEST(intx_is_silent_while_messages_are_enabled)
{
	struct vlab_fn *fn = create();

	enable_msi(fn, 0);
	set_level(fn, 0, true);
	EXPECT_FALSE(world.intx);
	EXPECT_EQ(1, world.sent[10]);
	vlab_fn_destroy(fn);
}

/* ---- messages ---- */

TEST(message_goes_out_on_the_rising_edge_only)
{
	struct vlab_fn *fn = create();

	enable_msi(fn, 2);
	set_level(fn, 2, true);
	set_level(fn, 2, true);
	EXPECT_EQ(1, world.sent[12]);
	set_level(fn, 2, false);
	EXPECT_EQ(1, world.sent[12]);
	set_level(fn, 2, true);
	EXPECT_EQ(2, world.sent[12]);
	vlab_fn_destroy(fn);
}

TEST(two_sources_of_a_vector_send_a_message_each)
{
	struct vlab_fn *fn = create();
	unsigned long flags;

	enable_msi(fn, 2);
	set_level(fn, 1, true);
	raw_spin_lock_irqsave(&fn->lock, flags);
	vlab_irq_source(fn, 1, VLAB_IRQ_RING, true);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	shim_run();
	EXPECT_EQ(2, world.sent[11]);
	vlab_fn_destroy(fn);
}

TEST(fewer_messages_are_shared)
{
	struct vlab_fn *fn = create();

	enable_msi(fn, 1);
	set_level(fn, 2, true);
	set_level(fn, 3, true);
	EXPECT_EQ(1, world.sent[10]);
	EXPECT_EQ(1, world.sent[11]);
	vlab_fn_destroy(fn);
}

TEST(masked_message_is_pending_and_goes_out_later)
{
	struct vlab_fn *fn = create();

	enable_msi(fn, 2);
	config_write(fn, MSI + PCI_MSI_MASK_64, 4, 1 << 1);
	set_level(fn, 1, true);
	EXPECT_EQ(0, world.sent[11]);
	EXPECT_EQ(1 << 1, vlab_cfg_read(fn, MSI + PCI_MSI_PENDING_64, 4));
	config_write(fn, MSI + PCI_MSI_MASK_64, 4, 0);
	EXPECT_EQ(1, world.sent[11]);
	EXPECT_EQ(0, vlab_cfg_read(fn, MSI + PCI_MSI_PENDING_64, 4));
	vlab_fn_destroy(fn);
}

TEST(message_waits_for_bus_master)
{
	struct vlab_fn *fn = create();

	enable_msix(fn);
	set_master(fn, false);
	set_level(fn, 0, true);
	EXPECT_EQ(0, world.sent[20]);
	set_master(fn, true);
	EXPECT_EQ(1, world.sent[20]);
	vlab_fn_destroy(fn);
}

TEST(message_waits_for_the_controllers_mask)
{
	struct vlab_fn *fn = create();

	enable_msix(fn);
	vlab_irq_vec_mask(fn, 3, true);
	set_level(fn, 3, true);
	set_level(fn, 3, false);
	EXPECT_EQ(0, world.sent[23]);
	vlab_irq_vec_mask(fn, 3, false);
	shim_run();
	EXPECT_EQ(1, world.sent[23]);
	vlab_fn_destroy(fn);
}

TEST(mask_all_holds_every_message)
{
	struct vlab_fn *fn = create();

	enable_msix(fn);
	config_write(fn, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pulse(fn, 0);
	pulse(fn, 2);
	EXPECT_EQ(0, world.sent[20] + world.sent[22]);
	config_write(fn, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	EXPECT_EQ(1, world.sent[20]);
	EXPECT_EQ(1, world.sent[22]);
	vlab_fn_destroy(fn);
}

TEST(message_without_an_interrupt_is_sent_when_it_gets_one)
{
	struct vlab_fn *fn = create();

	enable_msix(fn);
	vlab_irq_vec_set(fn, 1, 0);
	pulse(fn, 1);
	EXPECT_EQ(0, world.sent[21]);
	request(fn, 1, 21);
	EXPECT_EQ(1, world.sent[21]);
	vlab_fn_destroy(fn);
}

TEST(pulse_means_nothing_to_intx)
{
	struct vlab_fn *fn = create();

	pulse(fn, 0);
	EXPECT_FALSE(world.intx);
	enable_msi(fn, 2);
	EXPECT_EQ(0, world.sent[10]);
	vlab_fn_destroy(fn);
}

TEST(vectors_that_are_none_are_ignored)
{
	struct vlab_fn *fn = create();

	enable_msix(fn);
	set_level(fn, VECTORS, true);
	pulse(fn, ~0U);
	vlab_irq_vec_set(fn, VECTORS, 30);
	vlab_irq_vec_mask(fn, ~0U, true);
	shim_run();
	EXPECT_EQ(0, world.sent[20] + world.sent[30]);
	vlab_fn_destroy(fn);
}

/* ---- hostile ---- */

TEST(random_config_writes_change_no_read_only_bit)
{
	struct vlab_fn *fn = create();
	unsigned int i, off;

	for (i = 0; i < 200000; i++) {
		u32 r = world_random();

		vlab_cfg_write(fn, r >> 16, 1 << (r & 3), world_random());
		set_level(fn, r >> 2 & 7, r & 0x80);
	}
	config_write(fn, EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	for (off = 0; off < VLAB_CFG_SIZE; off++)
		EXPECT_EQ(fn->cfg.reset[off], vlab_cfg_read(fn, off, 1));
	vlab_fn_destroy(fn);
}
