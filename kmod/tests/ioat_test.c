// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of polled registers and of the I/OAT channel, ioat.rst 3
 * to 7: a function, its page and a little memory
 */
#include "ioat_chan.h"
#include "tap.h"
#include "vlab_ioat.h"
#include "world.h"

#define MSIX		0x80
#define CHAIN		WORLD_MEM_IOVA			/* descriptors */
#define SRC		(WORLD_MEM_IOVA + 0x4000)
#define DST		(WORLD_MEM_IOVA + 0x8000)
#define STATUS		(WORLD_MEM_IOVA + 0x1000)	/* where CHANCMP points */
#define NOWHERE		0x4000
#define LONGEST		BIT(VLAB_IOAT_XFERCAP_LOG2)

struct ioat {
	struct vlab_fn fn;
	struct ioat_chan chan;
};

static struct vlab_fn *fn;
static struct vlab_card card = { .name = "card" };
static struct vlab_owner owner;
static unsigned int protected;
static void (*on_protect)(void);	/* what user space does in the meantime, once */
static u64 behind_bar[PAGE_SIZE / 8];	/* what a driver of the kernel's own maps */
static unsigned int seen_during;

struct ioat_chan *ioat_chan(struct vlab_fn *f)
{
	return &container_of(f, struct ioat, fn)->chan;
}

static int model_init(struct vlab_fn *f)
{
	static const struct vlab_ident id = { .vendor = 0x8086, .pin = 1 };

	vlab_cfg_header(f, &id);
	vlab_cap_msix(f, MSIX, 1, 0x2000, 0x3000);
	vlab_cap_pcie(f, 0x90, PCI_EXP_TYPE_ENDPOINT, true);
	vlab_cfg_reg(&f->cfg, VLAB_IOAT_CFG_CHANERR, 4, 0, 0, VLAB_IOAT_ERR_ALL);
	return vlab_bar_init(f, 0, VLAB_IOAT_BAR_SIZE, 0, 0) ?:
	       vlab_irq_init(f, 1) ?:
	       ioat_chan_init(ioat_chan(f), f, 0) ?:
	       vlab_poll_init(f, 0);
}

static void model_reset(struct vlab_fn *f)
{
	ioat_chan_reset(ioat_chan(f));
}

static void model_cfg_written(struct vlab_fn *f, unsigned int off, unsigned int len)
{
	ioat_chan_cfg_written(ioat_chan(f));
}

static void model_touched(struct vlab_fn *f)
{
	ioat_chan_touched(ioat_chan(f));
}

static const struct vlab_model model = {
	.name = "ioat",
	.fn_size = sizeof(struct ioat),
	.init = model_init,
	.reset = model_reset,
	.cfg_written = model_cfg_written,
	.touched = model_touched,
};

static void protect(struct vlab_owner *o)
{
	void (*meantime)(void) = on_protect;

	protected++;
	on_protect = NULL;
	if (meantime)
		meantime();
}

/* With messages on. */
static void start_for(const struct vlab_owner *who)
{
	fn = world_fn(&card, &model);
	owner = *who;
	fn->owner = &owner;
	protected = 0;
	on_protect = NULL;
	vlab_poll_start(fn, owner.page);
	vlab_cfg_write(fn, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	vlab_cfg_write(fn, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	vlab_irq_vec_set(fn, 0, 1);
	vlab_irq_vec_mask(fn, 0, false);
}

static void start(void)
{
	start_for(&(struct vlab_owner) { .protect = protect });
}

/* By a driver of the kernel's own: nobody holds up its stores. */
static void start_native(void)
{
	memset(behind_bar, 0xa5, sizeof(behind_bar));
	start_for(&(struct vlab_owner) { .page = behind_bar });
}

static void stop(void)
{
	vlab_poll_stop(fn);
	fn->owner = NULL;
	ioat_chan_stop(ioat_chan(fn));
	vlab_fn_destroy(fn);
}

static u64 in(unsigned int reg, unsigned int width)
{
	return world_read(fn, 0, reg, width);
}

static void out(unsigned int reg, unsigned int width, u64 val)
{
	world_write(fn, 0, reg, width, val);
	shim_run();
}

static u8 *card_page(void)
{
	return (u8 *)vlab_mem_page(fn->bar[0].mem, 0);
}

static u8 *page(void)
{
	return owner.page ?: card_page();
}

/* A store of user space to the page it maps. */
static void poke(unsigned int reg, unsigned int width, u64 val)
{
	memcpy(page() + reg, &val, width);
}

static u64 peek(unsigned int reg, unsigned int width)
{
	u64 val = 0;

	memcpy(&val, page() + reg, width);
	return val;
}

static void let_it_look(void)
{
	shim_advance(10 * NSEC_PER_MSEC);
}

static unsigned int state(void)
{
	return in(VLAB_IOAT_CHANSTS, 8) & VLAB_IOAT_CHANSTS_STATE;
}

static void *mem(u64 iova)
{
	return &world.mem[iova - WORLD_MEM_IOVA];
}

/* Descriptor @n of a chain that goes round after @of. */
static void desc(unsigned int n, unsigned int of, u32 ctl, u64 src, u64 dst, u32 size)
{
	const struct vlab_ioat_desc d = {
		.size = size,
		.ctl = ctl,
		.src = src,
		.dst = dst,
		.next = CHAIN + (n + 1) % of * sizeof(d),
	};

	memcpy(mem(CHAIN + n * sizeof(d)), &d, sizeof(d));
}

static void fill_source(void)
{
	unsigned int i;

	for (i = 0; i < LONGEST; i++)
		world.mem[SRC - WORLD_MEM_IOVA + i] = world_random();
}

static bool copied(u32 size)
{
	return !memcmp(mem(SRC), mem(DST), size);
}

static void go(u64 chain, u16 count)
{
	out(VLAB_IOAT_CHAINADDR, 8, chain);
	out(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_REARM);
	out(VLAB_IOAT_DMACOUNT, 2, count);
}

/* One descriptor that must fail; what CHANERR says. */
static u32 error_of(u32 ctl, u64 src, u64 dst, u32 size)
{
	desc(0, 1, ctl, src, dst, size);
	go(CHAIN, 1);
	EXPECT_EQ(VLAB_IOAT_HALTED, state());
	return in(VLAB_IOAT_CHANERR, 4);
}

/* ---- polled registers (7) ---- */

TEST(page_shows_reset_values)
{
	start();
	EXPECT_EQ(VLAB_IOAT_VERSION, peek(VLAB_IOAT_CBVER, 1));
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8));
	stop();
}

TEST(store_to_the_page_reaches_the_register)
{
	start();
	poke(VLAB_IOAT_CHANCMP, 8, STATUS);
	let_it_look();
	EXPECT_EQ(STATUS, *vlab_reg_val(fn, fn->block[0].regs, 0) ? in(VLAB_IOAT_CHANCMP, 8) : 0);
	stop();
}

TEST(page_is_not_looked_at_without_an_owner)
{
	start();
	vlab_poll_stop(fn);
	EXPECT_EQ(0, shim_timers());
	stop();
}

TEST(looks_get_rare_when_nothing_happens)
{
	unsigned int looks = 0;

	start();
	let_it_look();
	/* A look puts a scribbled constant right, so it shows. */
	for (; looks < 100; looks++) {
		poke(VLAB_IOAT_CBVER, 1, 0);
		shim_advance(NSEC_PER_MSEC / 10);
		if (peek(VLAB_IOAT_CBVER, 1))
			break;
	}
	EXPECT_TRUE(looks >= 5 && looks < 40);
	stop();
}

TEST(constant_is_put_back)
{
	start();
	poke(VLAB_IOAT_XFERCAP, 1, 31);
	poke(VLAB_IOAT_CHANSTS, 8, ~0ULL);
	let_it_look();
	EXPECT_EQ(VLAB_IOAT_XFERCAP_LOG2, peek(VLAB_IOAT_XFERCAP, 1));
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8));
	stop();
}

TEST(access_through_the_door_sees_stores_before_it)
{
	start();
	poke(VLAB_IOAT_DCACTRL, 4, 0x1234);
	EXPECT_EQ(0x1234, in(VLAB_IOAT_DCACTRL, 4));
	stop();
}

TEST(write_through_the_door_shows_in_the_page)
{
	start();
	out(VLAB_IOAT_DCACTRL, 4, 0x5678);
	EXPECT_EQ(0x5678, peek(VLAB_IOAT_DCACTRL, 4));
	stop();
}

TEST(bell_acts_on_what_was_stored_before_it)
{
	start();
	fill_source();
	desc(0, 1, 0, SRC, DST, 64);
	poke(VLAB_IOAT_DMACOUNT, 2, 1);
	poke(VLAB_IOAT_CHAINADDR, 8, CHAIN);
	let_it_look();
	EXPECT_EQ(CHAIN | VLAB_IOAT_DONE, peek(VLAB_IOAT_CHANSTS, 8));
	EXPECT_TRUE(copied(64));
	stop();
}

TEST(same_count_stored_again_after_suspend_is_noticed)
{
	unsigned int i;

	start();
	desc(0, 1, VLAB_IOAT_CTL_INT, SRC, DST, 8);
	for (i = 1; i <= 3; i++) {
		poke(VLAB_IOAT_CHAINADDR, 8, CHAIN);
		poke(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_REARM);
		poke(VLAB_IOAT_DMACOUNT, 2, 1);
		let_it_look();
		EXPECT_EQ(i, world.sent[1]);
		poke(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_SUSPEND);
		let_it_look();
		EXPECT_EQ(VLAB_IOAT_SUSPENDED, peek(VLAB_IOAT_CHANSTS, 8) & 7);
		EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMD, 1));
	}
	stop();
}

TEST(reset_by_the_page_is_answered_there)
{
	start();
	out(VLAB_IOAT_CHANCMP, 8, STATUS);
	poke(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	let_it_look();
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMD, 1));
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMP, 8));
	stop();
}

static void start_and_reset_again(void)
{
	poke(VLAB_IOAT_CHAINADDR, 8, NOWHERE);
	poke(VLAB_IOAT_DMACOUNT, 2, 5);
	poke(VLAB_IOAT_CHANCMD, 1, 0);
	poke(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
}

/* The page has RESET before and after: one answer has to be right for both. */
TEST(reset_while_one_is_under_way_resets_what_was_stored_between)
{
	start();
	on_protect = start_and_reset_again;
	poke(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	let_it_look();
	EXPECT_EQ(1, protected);
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMD, 1));
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, peek(VLAB_IOAT_CHAINADDR, 8));
	EXPECT_EQ(0, peek(VLAB_IOAT_DMACOUNT, 2));
	stop();
}

static void set_interrupts_up(void)
{
	poke(VLAB_IOAT_INTRCTRL, 1, VLAB_IOAT_INTRCTRL_MASTER);
}

TEST(reset_of_the_channel_takes_no_store_from_other_registers)
{
	start();
	on_protect = set_interrupts_up;
	poke(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	let_it_look();
	EXPECT_EQ(VLAB_IOAT_INTRCTRL_MASTER, peek(VLAB_IOAT_INTRCTRL, 1));
	EXPECT_EQ(VLAB_IOAT_INTRCTRL_MASTER, in(VLAB_IOAT_INTRCTRL, 1));
	stop();
}

TEST(store_after_a_reset_arms_before_it_is_done)
{
	start();
	out(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	EXPECT_EQ(1, protected);
	vlab_poll_touched(fn);
	EXPECT_EQ(VLAB_IOAT_ARMED, peek(VLAB_IOAT_CHANSTS, 8));
	stop();
}

static void store_in_the_meantime(void)
{
	vlab_poll_touched(fn);
	poke(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_ABORT);
}

/* Nothing holds up what comes next, and HALTED would be taken for its end. */
TEST(store_while_a_reset_is_under_way_leaves_it_armed)
{
	start();
	on_protect = store_in_the_meantime;
	poke(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	let_it_look();
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMD, 1));
	EXPECT_EQ(VLAB_IOAT_ARMED, peek(VLAB_IOAT_CHANSTS, 8));
	out(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8));
	stop();
}

TEST(store_after_an_error_leaves_it_halted)
{
	start();
	error_of(0, NOWHERE, DST, 8);
	vlab_poll_touched(fn);
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8) & 7);
	stop();
}

TEST(flr_forgets_stores_not_looked_at)
{
	start();
	poke(VLAB_IOAT_CHAINADDR, 8, CHAIN);
	poke(VLAB_IOAT_DMACOUNT, 2, 1);
	vlab_cfg_write(fn, 0x90 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	let_it_look();
	EXPECT_EQ(0, peek(VLAB_IOAT_DMACOUNT, 2));
	EXPECT_EQ(0, peek(VLAB_IOAT_CHAINADDR, 8));
	EXPECT_EQ(0, world.accesses);
	stop();
}

/* ---- a driver of the kernel's own (7.4) ---- */

TEST(page_of_the_driver_shows_registers_and_nothing_else_changes)
{
	start_native();
	EXPECT_EQ(VLAB_IOAT_VERSION, peek(VLAB_IOAT_CBVER, 1));
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, peek(VLAB_IOAT_DMACAP, 4));
	EXPECT_EQ(0xa5, peek(VLAB_IOAT_DMACAP + 4, 1));
	stop();
}

TEST(stores_to_card_memory_are_nothing_to_it)
{
	const u64 chain = CHAIN;

	start_native();
	memcpy(card_page() + VLAB_IOAT_CHAINADDR, &chain, 8);
	let_it_look();
	EXPECT_EQ(0, in(VLAB_IOAT_CHAINADDR, 8));
	poke(VLAB_IOAT_CHAINADDR, 8, CHAIN + 64);
	let_it_look();
	EXPECT_EQ(CHAIN + 64, in(VLAB_IOAT_CHAINADDR, 8));
	stop();
}

/* 20 us later it must be on its way, and we may not have looked. */
TEST(reset_leaves_it_as_if_it_had_started)
{
	start_native();
	poke(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	let_it_look();
	EXPECT_EQ(VLAB_IOAT_DONE, peek(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMD, 1));
	poke(VLAB_IOAT_CHAINADDR, 8, CHAIN);
	let_it_look();
	EXPECT_EQ(VLAB_IOAT_DONE, peek(VLAB_IOAT_CHANSTS, 8));
	stop();
}

TEST(flr_leaves_it_so_too)
{
	start_native();
	vlab_cfg_write(fn, 0x90 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_EQ(VLAB_IOAT_DONE, peek(VLAB_IOAT_CHANSTS, 8));
	stop();
}

TEST(error_halts_it_all_the_same)
{
	start_native();
	EXPECT_EQ(VLAB_IOAT_ERR_READ_DATA, error_of(0, NOWHERE, DST, 8));
	EXPECT_EQ(VLAB_IOAT_HALTED, peek(VLAB_IOAT_CHANSTS, 8) & 7);
	stop();
}

static void command_now(u8 cmd)
{
	world_write(fn, 0, VLAB_IOAT_CHANCMD, 1, cmd);
}

TEST(command_needs_no_worker_when_nothing_is_under_way)
{
	start_native();
	desc(0, 1, 0, SRC, DST, 8);
	go(CHAIN, 1);
	command_now(VLAB_IOAT_CHANCMD_SUSPEND);
	EXPECT_EQ(VLAB_IOAT_SUSPENDED, state());
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMD, 1));
	command_now(VLAB_IOAT_CHANCMD_RESET);
	EXPECT_EQ(VLAB_IOAT_DONE, in(VLAB_IOAT_CHANSTS, 8));
	stop();
}

static void reset_during(void)
{
	world.during = NULL;
	command_now(VLAB_IOAT_CHANCMD_RESET);
	seen_during = in(VLAB_IOAT_CHANCMD, 1);
}

TEST(command_waits_for_the_descriptor_under_way)
{
	start_native();
	fill_source();
	desc(0, 1, 0, SRC, DST, LONGEST);
	world.during = reset_during;
	go(CHAIN, 100);
	EXPECT_EQ(VLAB_IOAT_CHANCMD_RESET, seen_during);
	EXPECT_TRUE(copied(LONGEST));
	EXPECT_EQ(VLAB_IOAT_DONE, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, in(VLAB_IOAT_CHAINADDR, 8));
	stop();
}

TEST(last_store_of_the_driver_counts_and_then_none)
{
	start_native();
	poke(VLAB_IOAT_DCACTRL, 4, 0x1234);
	vlab_poll_stop(fn);
	EXPECT_EQ(0x1234, in(VLAB_IOAT_DCACTRL, 4));
	poke(VLAB_IOAT_DCACTRL, 4, 0x5678);
	out(VLAB_IOAT_CHANCMP, 8, STATUS);
	EXPECT_EQ(0x1234, in(VLAB_IOAT_DCACTRL, 4));
	EXPECT_EQ(0x5678, peek(VLAB_IOAT_DCACTRL, 4));
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANCMP, 8));
	stop();
}

/* ---- descriptors (3) ---- */

TEST(one_descriptor_copies_and_is_reported)
{
	start();
	fill_source();
	desc(0, 1, 0, SRC, DST, 100);
	go(CHAIN, 1);
	EXPECT_EQ(CHAIN | VLAB_IOAT_DONE, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_TRUE(copied(100));
	EXPECT_FALSE(copied(101));
	EXPECT_EQ(0, world.sent[1]);
	stop();
}

TEST(longest_descriptor_goes_page_by_page)
{
	start();
	fill_source();
	desc(0, 1, 0, SRC, DST + 3, LONGEST);
	go(CHAIN, 1);
	EXPECT_EQ(VLAB_IOAT_DONE, state());
	EXPECT_EQ(0, memcmp(mem(SRC), mem(DST + 3), LONGEST));
	EXPECT_TRUE(world.longest <= PAGE_SIZE);
	stop();
}

TEST(chain_is_followed)
{
	unsigned int i;

	start();
	fill_source();
	for (i = 0; i < 4; i++)
		desc(i, 4, 0, SRC + i * 10, DST + i * 10, 10);
	go(CHAIN, 3);
	EXPECT_EQ((CHAIN + 2 * 64) | VLAB_IOAT_DONE, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_TRUE(copied(30));
	EXPECT_FALSE(copied(40));
	stop();
}

TEST(count_is_cumulative)
{
	unsigned int i;

	start();
	fill_source();
	for (i = 0; i < 4; i++)
		desc(i, 4, 0, SRC + i * 10, DST + i * 10, 10);
	go(CHAIN, 1);
	EXPECT_FALSE(copied(20));
	out(VLAB_IOAT_DMACOUNT, 2, 4);
	EXPECT_EQ((CHAIN + 3 * 64) | VLAB_IOAT_DONE, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_TRUE(copied(40));
	stop();
}

TEST(count_wraps_at_2_to_16)
{
	start();
	desc(0, 1, VLAB_IOAT_CTL_NULL, 0, 0, 1);
	go(CHAIN, 0xffff);
	EXPECT_EQ(0xffff, world.accesses);
	out(VLAB_IOAT_DMACOUNT, 2, 1);
	EXPECT_EQ(0x10001, world.accesses);
	EXPECT_EQ(VLAB_IOAT_DONE, state());
	stop();
}

TEST(null_descriptor_touches_no_data)
{
	start();
	desc(0, 1, VLAB_IOAT_CTL_NULL, NOWHERE, NOWHERE, 1);
	go(CHAIN, 1);
	EXPECT_EQ(VLAB_IOAT_DONE, state());
	EXPECT_EQ(1, world.accesses);
	stop();
}

TEST(status_is_written_to_memory_when_asked)
{
	u64 sts;

	start();
	out(VLAB_IOAT_CHANCMP, 8, STATUS);
	desc(0, 2, VLAB_IOAT_CTL_CMP, SRC, DST, 8);
	desc(1, 2, 0, SRC, DST, 8);
	go(CHAIN, 2);
	memcpy(&sts, mem(STATUS), 8);
	EXPECT_EQ(CHAIN | VLAB_IOAT_ACTIVE, sts);
	EXPECT_EQ((CHAIN + 64) | VLAB_IOAT_DONE, in(VLAB_IOAT_CHANSTS, 8));
	stop();
}

TEST(chainaddr_starts_anew)
{
	start();
	desc(0, 1, 0, SRC, DST, 8);
	go(CHAIN, 1);
	out(VLAB_IOAT_CHAINADDR, 8, CHAIN);
	EXPECT_EQ(0, in(VLAB_IOAT_DMACOUNT, 2));
	world.accesses = 0;
	out(VLAB_IOAT_DMACOUNT, 2, 1);
	EXPECT_EQ(3, world.accesses);
	stop();
}

TEST(count_of_what_is_done_starts_nothing)
{
	start();
	go(CHAIN, 0);
	EXPECT_EQ(0, world.accesses);
	EXPECT_EQ(VLAB_IOAT_ARMED, state());
	stop();
}

/* ---- commands (4) ---- */

static void suspend_now(void)
{
	world.during = NULL;
	world_write(fn, 0, VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_SUSPEND);
}

TEST(suspend_lets_the_descriptor_end)
{
	start();
	fill_source();
	desc(0, 1, 0, SRC, DST, LONGEST);
	world.during = suspend_now;
	go(CHAIN, 100);
	EXPECT_EQ(CHAIN | VLAB_IOAT_SUSPENDED, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_TRUE(copied(LONGEST));
	EXPECT_EQ(0, in(VLAB_IOAT_DMACOUNT, 2));
	stop();
}

TEST(suspended_channel_starts_from_chainaddr)
{
	start();
	desc(0, 2, 0, SRC, DST, 8);
	desc(1, 2, 0, SRC, DST, 8);
	go(CHAIN, 1);
	out(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_SUSPEND);
	out(VLAB_IOAT_DMACOUNT, 2, 1);
	EXPECT_EQ(CHAIN | VLAB_IOAT_DONE, in(VLAB_IOAT_CHANSTS, 8));
	stop();
}

TEST(suspend_leaves_a_halted_channel_alone)
{
	start();
	out(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_SUSPEND);
	EXPECT_EQ(VLAB_IOAT_HALTED, state());
	EXPECT_EQ(0, in(VLAB_IOAT_CHANCMD, 1));
	stop();
}

static void reset_now(void)
{
	world.during = NULL;
	world_write(fn, 0, VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	EXPECT_EQ(VLAB_IOAT_CHANCMD_RESET, world_read(fn, 0, VLAB_IOAT_CHANCMD, 1));
	/* A write of nothing does not take it back. */
	world_write(fn, 0, VLAB_IOAT_CHANCMD, 1, 0);
}

TEST(reset_waits_for_the_descriptor_and_ends_the_chain)
{
	start();
	desc(0, 1, 0, SRC, DST, 8);
	world.during = reset_now;
	go(CHAIN, 100);
	EXPECT_EQ(VLAB_IOAT_HALTED, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, in(VLAB_IOAT_CHANCMD, 1));
	EXPECT_EQ(3, world.accesses);
	stop();
}

TEST(reset_keeps_chanctrl_and_clears_errors)
{
	start();
	error_of(0, NOWHERE, DST, 8);
	out(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_ERR_CMP);
	out(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	EXPECT_EQ(VLAB_IOAT_CHANCTRL_ERR_CMP, in(VLAB_IOAT_CHANCTRL, 2));
	EXPECT_EQ(0, in(VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, vlab_cfg_read(fn, VLAB_IOAT_CFG_CHANERR, 4));
	EXPECT_EQ(0, in(VLAB_IOAT_CHAINADDR, 8));
	stop();
}

TEST(two_commands_at_once_are_an_error)
{
	start();
	out(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET | VLAB_IOAT_CHANCMD_SUSPEND);
	EXPECT_EQ(VLAB_IOAT_ERR_CHANCMD, in(VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, in(VLAB_IOAT_CHANCMD, 1));
	stop();
}

static void two_commands_now(void)
{
	world.during = NULL;
	world_write(fn, 0, VLAB_IOAT_CHANCMD, 1,
		    VLAB_IOAT_CHANCMD_RESET | VLAB_IOAT_CHANCMD_SUSPEND);
}

TEST(descriptor_under_way_does_not_end_an_error)
{
	start();
	desc(0, 1, VLAB_IOAT_CTL_INT, SRC, DST, 8);
	world.during = two_commands_now;
	go(CHAIN, 5);
	EXPECT_EQ(VLAB_IOAT_HALTED, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(VLAB_IOAT_ERR_CHANCMD, in(VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, world.sent[1]);
	stop();
}

static void flr_now(void)
{
	world.during = NULL;
	vlab_cfg_write(fn, 0x90 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

TEST(flr_drops_the_descriptor_under_way)
{
	start();
	desc(0, 1, VLAB_IOAT_CTL_INT, SRC, DST, 8);
	world.during = flr_now;
	go(CHAIN, 5);
	EXPECT_EQ(VLAB_IOAT_HALTED, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(0, in(VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, world.sent[1]);
	stop();
}

/* ---- interrupts (5) ---- */

TEST(descriptor_interrupts_once_until_rearmed)
{
	start();
	desc(0, 1, VLAB_IOAT_CTL_INT, SRC, DST, 8);
	go(CHAIN, 3);
	EXPECT_EQ(1, world.sent[1]);
	out(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_REARM);
	EXPECT_EQ(1, world.sent[1]);
	out(VLAB_IOAT_DMACOUNT, 2, 4);
	EXPECT_EQ(2, world.sent[1]);
	stop();
}

TEST(rearm_reads_zero)
{
	start();
	out(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_RW | VLAB_IOAT_CHANCTRL_REARM);
	EXPECT_EQ(VLAB_IOAT_CHANCTRL_RW, in(VLAB_IOAT_CHANCTRL, 2));
	stop();
}

static void by_intx(void)
{
	vlab_cfg_write(fn, MSIX + PCI_MSIX_FLAGS, 2, 0);
	desc(0, 1, VLAB_IOAT_CTL_INT, SRC, DST, 8);
}

TEST(intx_wants_master_enable)
{
	start();
	by_intx();
	go(CHAIN, 1);
	EXPECT_FALSE(world.intx);
	EXPECT_EQ(VLAB_IOAT_INTRCTRL_STATUS, in(VLAB_IOAT_INTRCTRL, 1));
	out(VLAB_IOAT_INTRCTRL, 1, VLAB_IOAT_INTRCTRL_MASTER);
	EXPECT_TRUE(world.intx);
	stop();
}

TEST(reading_intrctrl_takes_the_line_back)
{
	start();
	by_intx();
	out(VLAB_IOAT_INTRCTRL, 1, VLAB_IOAT_INTRCTRL_MASTER);
	go(CHAIN, 1);
	EXPECT_TRUE(world.intx);
	EXPECT_EQ(VLAB_IOAT_INTRCTRL_MASTER | VLAB_IOAT_INTRCTRL_STATUS |
		  VLAB_IOAT_INTRCTRL_INT, in(VLAB_IOAT_INTRCTRL, 1));
	shim_run();
	EXPECT_FALSE(world.intx);
	EXPECT_EQ(VLAB_IOAT_INTRCTRL_STATUS, in(VLAB_IOAT_INTRCTRL, 1));
	stop();
}

TEST(reading_attnstatus_clears_it)
{
	start();
	by_intx();
	go(CHAIN, 1);
	EXPECT_EQ(1, in(VLAB_IOAT_ATTNSTATUS, 4));
	EXPECT_EQ(0, in(VLAB_IOAT_ATTNSTATUS, 4));
	EXPECT_EQ(0, in(VLAB_IOAT_INTRCTRL, 1));
	stop();
}

TEST(switching_to_messages_drops_the_line)
{
	start();
	by_intx();
	out(VLAB_IOAT_INTRCTRL, 1, VLAB_IOAT_INTRCTRL_MASTER);
	go(CHAIN, 1);
	vlab_cfg_write(fn, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	shim_run();
	EXPECT_FALSE(world.intx);
	stop();
}

/* ---- errors (6) ---- */

static void expect_error(u32 want, u32 ctl, u64 src, u64 dst, u32 size)
{
	start();
	EXPECT_EQ(want, error_of(ctl, src, dst, size));
	EXPECT_EQ(want, vlab_cfg_read(fn, VLAB_IOAT_CFG_CHANERR, 4));
	EXPECT_EQ(0, in(VLAB_IOAT_DMACOUNT, 2));
	EXPECT_EQ(__builtin_ctz(want), vlab_cfg_read(fn, VLAB_IOAT_CFG_ERRPTR, 1));
	EXPECT_EQ(0, world.sent[1]);
	stop();
}

TEST(unmapped_source_is_a_read_error)
{
	expect_error(VLAB_IOAT_ERR_READ_DATA, 0, NOWHERE, DST, 8);
}

TEST(unmapped_destination_is_a_write_error)
{
	expect_error(VLAB_IOAT_ERR_WRITE_DATA, 0, SRC, NOWHERE, 8);
}

TEST(source_past_the_end_of_addresses)
{
	expect_error(VLAB_IOAT_ERR_SRC_ADDR, 0, U64_MAX - 6, DST, 8);
}

TEST(destination_past_the_end_of_addresses)
{
	expect_error(VLAB_IOAT_ERR_DST_ADDR, 0, SRC, U64_MAX - 6, 8);
}

TEST(length_of_zero_is_refused)
{
	expect_error(VLAB_IOAT_ERR_LENGTH, 0, SRC, DST, 0);
}

TEST(length_of_zero_is_refused_for_null_too)
{
	expect_error(VLAB_IOAT_ERR_LENGTH, VLAB_IOAT_CTL_NULL, SRC, DST, 0);
}

TEST(length_above_xfercap_is_refused)
{
	expect_error(VLAB_IOAT_ERR_LENGTH, 0, SRC, DST, LONGEST + 1);
}

TEST(unknown_operation_is_refused)
{
	expect_error(VLAB_IOAT_ERR_CONTROL, 0x87000000, SRC, DST, 8);
}

TEST(page_break_flags_are_refused)
{
	expect_error(VLAB_IOAT_ERR_CONTROL, 0x40, SRC, DST, 8);
}

TEST(hints_are_taken_and_ignored)
{
	start();
	desc(0, 1, VLAB_IOAT_CTL_HINTS, SRC, DST, 8);
	go(CHAIN, 1);
	EXPECT_EQ(VLAB_IOAT_DONE, state());
	stop();
}

TEST(misaligned_chainaddr_is_an_error)
{
	start();
	go(CHAIN + 32, 1);
	EXPECT_EQ(VLAB_IOAT_ERR_CHAIN_ADDR, in(VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, world.accesses);
	stop();
}

TEST(unmapped_chainaddr_is_an_error)
{
	start();
	go(NOWHERE, 1);
	EXPECT_EQ(VLAB_IOAT_ERR_CHAIN_ADDR, in(VLAB_IOAT_CHANERR, 4));
	stop();
}

TEST(bad_next_address_is_found_when_it_is_needed)
{
	const u64 nowhere = NOWHERE;

	start();
	desc(0, 1, 0, SRC, DST, 8);
	memcpy(mem(CHAIN + offsetof(struct vlab_ioat_desc, next)), &nowhere, 8);
	go(CHAIN, 1);
	EXPECT_EQ(VLAB_IOAT_DONE, state());
	out(VLAB_IOAT_DMACOUNT, 2, 2);
	EXPECT_EQ(CHAIN | VLAB_IOAT_HALTED, in(VLAB_IOAT_CHANSTS, 8));
	EXPECT_EQ(VLAB_IOAT_ERR_NEXT_ADDR, in(VLAB_IOAT_CHANERR, 4));
	stop();
}

TEST(bad_completion_address_is_an_error)
{
	start();
	out(VLAB_IOAT_CHANCMP, 8, STATUS + 4);
	EXPECT_EQ(VLAB_IOAT_ERR_CMP_ADDR, error_of(VLAB_IOAT_CTL_CMP, SRC, DST, 8));
	stop();
}

TEST(error_is_written_to_memory_when_asked)
{
	u64 sts;

	start();
	out(VLAB_IOAT_CHANCMP, 8, STATUS);
	out(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_ERR_CMP);
	desc(0, 1, 0, NOWHERE, DST, 8);
	out(VLAB_IOAT_CHAINADDR, 8, CHAIN);
	out(VLAB_IOAT_DMACOUNT, 2, 1);
	memcpy(&sts, mem(STATUS), 8);
	EXPECT_EQ(VLAB_IOAT_HALTED, sts);
	stop();
}

TEST(error_interrupts_when_asked)
{
	start();
	out(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_ERR_INT);
	desc(0, 1, 0, NOWHERE, DST, 8);
	out(VLAB_IOAT_CHAINADDR, 8, CHAIN);
	out(VLAB_IOAT_DMACOUNT, 2, 1);
	EXPECT_EQ(1, world.sent[1]);
	stop();
}

TEST(masked_error_does_not_interrupt)
{
	start();
	out(VLAB_IOAT_CHANCTRL, 2, VLAB_IOAT_CHANCTRL_ERR_INT);
	out(VLAB_IOAT_CHANERRMSK, 4, VLAB_IOAT_ERR_READ_DATA);
	desc(0, 1, 0, NOWHERE, DST, 8);
	out(VLAB_IOAT_CHAINADDR, 8, CHAIN);
	out(VLAB_IOAT_DMACOUNT, 2, 1);
	EXPECT_EQ(VLAB_IOAT_HALTED, state());
	EXPECT_EQ(0, world.sent[1]);
	stop();
}

TEST(halted_channel_ignores_the_count)
{
	start();
	error_of(0, NOWHERE, DST, 8);
	world.accesses = 0;
	out(VLAB_IOAT_DMACOUNT, 2, 7);
	EXPECT_EQ(0, world.accesses);
	EXPECT_EQ(VLAB_IOAT_HALTED, state());
	stop();
}

TEST(cleared_error_lets_it_start_again)
{
	start();
	error_of(0, NOWHERE, DST, 8);
	out(VLAB_IOAT_CHANERR, 4, VLAB_IOAT_ERR_READ_DATA);
	EXPECT_EQ(0, vlab_cfg_read(fn, VLAB_IOAT_CFG_CHANERR, 4));
	desc(0, 1, 0, SRC, DST, 8);
	go(CHAIN, 1);
	EXPECT_EQ(VLAB_IOAT_DONE, state());
	stop();
}

TEST(error_cleared_in_config_space_is_cleared_in_the_page)
{
	start();
	error_of(0, NOWHERE, DST, 8);
	vlab_cfg_write(fn, VLAB_IOAT_CFG_CHANERR, 4, VLAB_IOAT_ERR_READ_DATA);
	EXPECT_EQ(0, peek(VLAB_IOAT_CHANERR, 4));
	EXPECT_EQ(0, in(VLAB_IOAT_CHANERR, 4));
	stop();
}

/* ---- anything ---- */

static void random_step(void)
{
	static const u8 regs[] = {
		VLAB_IOAT_INTRCTRL, VLAB_IOAT_CHANCTRL, VLAB_IOAT_CHANCMD, VLAB_IOAT_CHANSTS,
		VLAB_IOAT_CHANERR, VLAB_IOAT_CHAINADDR, VLAB_IOAT_CHANCMP, VLAB_IOAT_DMACOUNT,
	};
	unsigned int reg = regs[world_random() % sizeof(regs)], width = 1U << world_random() % 4;
	u64 val = world_random() % 3 ? CHAIN + world_random() % 64 * 64 : world_random();

	if (reg == VLAB_IOAT_DMACOUNT || reg == VLAB_IOAT_CHANCMD)
		val = world_random() % 64;
	reg &= ~(width - 1);
	switch (world_random() % 5) {
	case 0:
		poke(reg, width, val);
		break;
	case 1:
		out(reg, width, val);
		break;
	case 2:
		in(reg, width);
		break;
	case 3:
		vlab_poll_touched(fn);
		break;
	default:
		shim_advance(world_random() % NSEC_PER_MSEC);
	}
}

/* Descriptors, registers, page: whatever is in them, it comes to an end. */
TEST(nothing_that_is_stored_breaks_it)
{
	unsigned int i, n;

	start();
	for (i = 0; i < 64; i++)
		desc(i, 64, world_random() % 4 ? VLAB_IOAT_CTL_NULL | (world_random() & 9) :
		     world_random(), SRC + world_random() % 0x6000, DST + world_random() % 0x6000,
		     world_random() % (LONGEST + 2));
	for (n = 0; n < 100000; n++)
		random_step();
	out(VLAB_IOAT_CHANCMD, 1, VLAB_IOAT_CHANCMD_RESET);
	EXPECT_EQ(VLAB_IOAT_HALTED, in(VLAB_IOAT_CHANSTS, 8));
	stop();
}
