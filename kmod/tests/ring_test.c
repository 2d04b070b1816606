// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of the DMA rings, serial.rst 5: a ring alone, its worker
 * and a world with a little memory
 */
#include "ring.h"
#include "tap.h"
#include "vlab_serial.h"
#include "world.h"

#define TX_BASE		WORLD_MEM_IOVA
#define RX_BASE		(WORLD_MEM_IOVA + 0x10000)
#define BOTH		(VLAB_RING_CTRL_TX | VLAB_RING_CTRL_RX)
#define NOWHERE		0x1000

static struct vlab_fn function;
static struct ring ring;
static unsigned int changes;

static void changed(struct ring *r)
{
	assert(function.lock.held);
	changes++;
}

static void start_with(bool lossy, u32 ctrl, const struct ring_setup *setup)
{
	world_reset();
	memset(&ring, 0, sizeof(ring));
	ring_init(&ring, &function, lossy, changed);
	ring_set_ctrl(&ring, ctrl, setup);
}

static void start(u32 size)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, size, size };

	start_with(false, BOTH, &setup);
}

static u8 *tx_mem(void)
{
	return &world.mem[TX_BASE - WORLD_MEM_IOVA];
}

static u8 *rx_mem(void)
{
	return &world.mem[RX_BASE - WORLD_MEM_IOVA];
}

static void set_tail(struct ring_dir *dir, u32 tail)
{
	EXPECT_TRUE(ring_set_tail(&ring, dir, tail));
	shim_run();
}

/* The line takes all there is, while the worker goes on. */
static unsigned int take(u8 *to, unsigned int most)
{
	unsigned int n = 0;

	while (n < most && ring_tx_get(&ring, &to[n])) {
		n++;
		shim_run();
	}
	return n;
}

static void give(u8 from, unsigned int n)
{
	while (n--)
		ring_rx_put(&ring, from++);
	shim_run();
}

/* ---- switching ---- */

TEST(ring_is_off_after_reset)
{
	start(64);
	set_tail(&ring.tx, 5);
	ring_reset(&ring);
	EXPECT_EQ(0, ring_ctrl(&ring));
	EXPECT_EQ(0, ring.status);
	EXPECT_EQ(0, ring.tx.head);
	EXPECT_EQ(0, ring.tx.tail);
	EXPECT_EQ(~0ULL, ring.fault);
	EXPECT_FALSE(ring_tx_staged(&ring));
	EXPECT_FALSE(ring_irq(&ring));
}

TEST(sizes_that_are_none_leave_it_off_with_an_error)
{
	static const u32 bad[] = { 0, 1, 8, 15, 17, 24, 0x100001, 0x200000, 0x80000000, ~0U };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(bad[i]);
		EXPECT_EQ(0, ring_ctrl(&ring));
		EXPECT_EQ(VLAB_RING_ST_ERROR, ring.status);
		EXPECT_EQ(~0ULL, ring.fault);
	}
}

TEST(sizes_from_16_to_a_mebibyte_are_taken)
{
	u32 size;

	for (size = 16; size <= 0x100000; size *= 2) {
		start(size);
		EXPECT_EQ(BOTH, ring_ctrl(&ring));
		EXPECT_EQ(0, ring.status);
	}
}

TEST(ring_may_end_at_the_last_address_and_not_behind)
{
	struct ring_setup setup = { .tx_base = -16ULL, .tx_size = 16 };

	start_with(false, VLAB_RING_CTRL_TX, &setup);
	EXPECT_EQ(VLAB_RING_CTRL_TX, ring_ctrl(&ring));
	setup.tx_base++;
	start_with(false, VLAB_RING_CTRL_TX, &setup);
	EXPECT_EQ(0, ring_ctrl(&ring));
}

TEST(directions_are_switched_one_by_one)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, 64, 64 };

	start(64);
	give('a', 3);
	EXPECT_EQ(3, ring.rx.head);
	ring_set_ctrl(&ring, VLAB_RING_CTRL_RX, &setup);
	EXPECT_EQ(3, ring.rx.head);
	ring_set_ctrl(&ring, BOTH, &setup);
	EXPECT_EQ(3, ring.rx.head);
	EXPECT_EQ(BOTH, ring_ctrl(&ring));
}

TEST(switching_on_starts_at_0)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, 64, 64 };

	start(64);
	set_tail(&ring.tx, 9);
	ring_set_ctrl(&ring, 0, &setup);
	EXPECT_EQ(9, ring.tx.head);
	EXPECT_FALSE(ring_tx_staged(&ring));
	ring_set_ctrl(&ring, BOTH, &setup);
	EXPECT_EQ(0, ring.tx.head);
	EXPECT_EQ(0, ring.tx.tail);
}

/* ---- tail ---- */

TEST(tail_must_be_in_the_ring)
{
	start(64);
	EXPECT_FALSE(ring_set_tail(&ring, &ring.tx, 64));
	EXPECT_FALSE(ring_set_tail(&ring, &ring.rx, ~0U));
	EXPECT_EQ(0, ring.tx.tail);
	EXPECT_EQ(0, ring.rx.tail);
	EXPECT_TRUE(ring_set_tail(&ring, &ring.tx, 63));
	shim_run();
}

TEST(tail_is_ignored_while_off)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, 64, 64 };

	start(64);
	ring_set_ctrl(&ring, 0, &setup);
	EXPECT_FALSE(ring_set_tail(&ring, &ring.tx, 1));
	EXPECT_EQ(0, world.accesses);
}

/* ---- transmit ---- */

TEST(bytes_are_fetched_and_sent_in_order)
{
	u8 got[64];
	unsigned int i;

	start(64);
	for (i = 0; i < 40; i++)
		tx_mem()[i] = 0x80 + i;
	set_tail(&ring.tx, 40);
	EXPECT_EQ(40, ring.tx.head);
	EXPECT_EQ(VLAB_RING_ST_TX_EMPTY, ring.status);
	EXPECT_EQ(40, take(got, sizeof(got)));
	EXPECT_EQ(0, memcmp(tx_mem(), got, 40));
}

TEST(transmit_wraps)
{
	u8 got[16];
	unsigned int round;

	start(16);
	for (round = 0; round < 16; round++) {
		set_tail(&ring.tx, (round + 1) * 13 % 16);
		EXPECT_EQ(13, take(got, sizeof(got)));
		EXPECT_EQ((round + 1) * 13 % 16, ring.tx.head);
	}
}

TEST(ring_longer_than_the_stage_is_fetched_as_it_empties)
{
	static u8 got[4096];
	unsigned int i;

	start(4096);
	for (i = 0; i < 4095; i++)
		tx_mem()[i] = i * 7;
	set_tail(&ring.tx, 4095);
	EXPECT_EQ(RING_STAGE, ring.tx.head);
	EXPECT_EQ(0, ring.status);
	EXPECT_EQ(4095, take(got, sizeof(got)));
	EXPECT_EQ(0, memcmp(tx_mem(), got, 4095));
	EXPECT_EQ(VLAB_RING_ST_TX_EMPTY, ring.status);
}

/* vlab_dma_rw() of the world asserts it. */
TEST(accesses_do_not_cross_a_page)
{
	const struct ring_setup setup = { TX_BASE + 4090, RX_BASE + 4095, 64, 64 };
	u8 got[64];

	start_with(false, BOTH, &setup);
	memset(&world.mem[4090], 'x', 64);
	set_tail(&ring.tx, 20);
	EXPECT_EQ(20, take(got, sizeof(got)));
	give('a', 20);
	EXPECT_EQ('a', world.mem[0x10000 + 4095]);
	EXPECT_EQ('b', world.mem[0x10000 + 4096]);
	EXPECT_EQ(4, world.accesses);
}

/* ---- receive ---- */

TEST(bytes_are_stored_in_order_and_told)
{
	unsigned int i;

	start(64);
	give('a', 20);
	EXPECT_EQ(20, ring.rx.head);
	EXPECT_EQ(VLAB_RING_ST_RX_DATA, ring.status);
	for (i = 0; i < 20; i++)
		EXPECT_EQ('a' + i, rx_mem()[i]);
}

TEST(full_ring_keeps_one_place_and_what_waits)
{
	start(16);
	give('a', 18);
	EXPECT_EQ(15, ring.rx.head);
	EXPECT_EQ(VLAB_RING_ST_RX_DATA | VLAB_RING_ST_RX_FULL, ring.status);
	EXPECT_EQ(0, rx_mem()[15]);
	set_tail(&ring.rx, 15);
	EXPECT_EQ(2, ring.rx.head);
	EXPECT_EQ('a' + 15, rx_mem()[15]);
	EXPECT_EQ('a' + 16, rx_mem()[0]);
	EXPECT_EQ('a' + 17, rx_mem()[1]);
}

TEST(lossy_ring_loses_what_waits)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, 16, 16 };

	start_with(true, BOTH, &setup);
	give('a', 18);
	EXPECT_EQ(VLAB_RING_ST_RX_DATA | VLAB_RING_ST_RX_FULL, ring.status);
	set_tail(&ring.rx, 15);
	EXPECT_EQ(15, ring.rx.head);
	give('z', 1);
	EXPECT_EQ('z', rx_mem()[15]);
}

TEST(exactly_full_is_not_told)
{
	start(16);
	give('a', 15);
	EXPECT_EQ(VLAB_RING_ST_RX_DATA, ring.status);
}

TEST(full_stage_has_no_room)
{
	unsigned int n = 0;

	start(16);
	while (ring_rx_room(&ring)) {
		give(n++, 1);
		assert(n < 1000);
	}
	EXPECT_EQ(15 + RING_STAGE, n);
	ring_rx_put(&ring, 'x');
	EXPECT_FALSE(ring_rx_room(&ring));
	shim_run();
}

/* ---- status and interrupt ---- */

TEST(interrupt_is_status_and_enable)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, 64, 64 };

	start(64);
	give('a', 1);
	EXPECT_FALSE(ring_irq(&ring));
	ring_set_ctrl(&ring, BOTH | VLAB_RING_CTRL_IRQ, &setup);
	EXPECT_TRUE(ring_irq(&ring));
	ring_clear_status(&ring, VLAB_RING_ST_RX_DATA);
	EXPECT_FALSE(ring_irq(&ring));
}

TEST(status_bits_are_cleared_one_by_one)
{
	start(64);
	give('a', 1);
	set_tail(&ring.tx, 1);
	ring_clear_status(&ring, VLAB_RING_ST_TX_EMPTY | VLAB_RING_ST_ERROR);
	EXPECT_EQ(VLAB_RING_ST_RX_DATA, ring.status);
}

TEST(worker_tells_of_each_change)
{
	start(64);
	changes = 0;
	give('a', 1);
	EXPECT_TRUE(changes);
}

/* ---- errors ---- */

TEST(denied_fetch_stops_with_its_address)
{
	const struct ring_setup setup = { NOWHERE, RX_BASE, 64, 64 };

	start_with(false, BOTH, &setup);
	set_tail(&ring.tx, 4);
	EXPECT_EQ(VLAB_RING_CTRL_RX, ring_ctrl(&ring));
	EXPECT_EQ(VLAB_RING_ST_ERROR, ring.status);
	EXPECT_EQ(NOWHERE, ring.fault);
	EXPECT_EQ(0, ring.tx.head);
	EXPECT_EQ(1, world.accesses);
	give('a', 1);
	EXPECT_EQ(1, ring.rx.head);
}

TEST(denied_store_stops_with_its_address)
{
	const struct ring_setup setup = { TX_BASE, NOWHERE, 64, 64 };

	start_with(false, BOTH, &setup);
	give('a', 4);
	EXPECT_EQ(VLAB_RING_CTRL_TX, ring_ctrl(&ring));
	EXPECT_EQ(NOWHERE, ring.fault);
	EXPECT_EQ(0, ring.rx.head);
}

TEST(head_counts_what_went_before_the_error)
{
	const struct ring_setup setup = {
		.tx_base = WORLD_MEM_IOVA + WORLD_MEM_SIZE - 8, .tx_size = 16,
	};

	start_with(false, VLAB_RING_CTRL_TX, &setup);
	set_tail(&ring.tx, 12);
	EXPECT_EQ(8, ring.tx.head);
	EXPECT_EQ(WORLD_MEM_IOVA + WORLD_MEM_SIZE, ring.fault);
}

TEST(clearing_the_error_clears_the_address)
{
	const struct ring_setup bad = { NOWHERE, RX_BASE, 64, 64 };
	const struct ring_setup good = { TX_BASE, RX_BASE, 64, 64 };

	start_with(false, BOTH, &bad);
	set_tail(&ring.tx, 4);
	ring_clear_status(&ring, VLAB_RING_ST_RX_DATA);
	EXPECT_EQ(NOWHERE, ring.fault);
	ring_clear_status(&ring, VLAB_RING_ST_ERROR);
	EXPECT_EQ(~0ULL, ring.fault);
	ring_set_ctrl(&ring, BOTH, &good);
	set_tail(&ring.tx, 4);
	EXPECT_EQ(4, ring.tx.head);
}

/* ---- switched and reset in the middle of an access ---- */

static void reset_now(void)
{
	ring_reset(&ring);
	world.during = NULL;
}

TEST(reset_during_a_fetch_forgets_it)
{
	u8 got;

	start(64);
	world.during = reset_now;
	set_tail(&ring.tx, 10);
	EXPECT_EQ(0, ring.tx.head);
	EXPECT_EQ(0, ring.status);
	EXPECT_EQ(0, take(&got, 1));
}

TEST(reset_during_a_failing_store_leaves_no_error)
{
	start(64);
	world.during = reset_now;
	world.dma_ret = -EACCES;
	give('a', 5);
	EXPECT_EQ(0, ring.status);
	EXPECT_EQ(~0ULL, ring.fault);
}

static void switch_rx_off(void)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, 64, 64 };

	ring_set_ctrl(&ring, VLAB_RING_CTRL_TX, &setup);
	world.during = NULL;
}

TEST(switching_one_way_during_a_fetch_loses_nothing_of_the_other)
{
	u8 got[64];

	start(64);
	memset(tx_mem(), 'x', 10);
	world.during = switch_rx_off;
	set_tail(&ring.tx, 10);
	EXPECT_EQ(10, take(got, sizeof(got)));
	EXPECT_EQ('x', got[9]);
}

static void switch_off(void)
{
	const struct ring_setup setup = { TX_BASE, RX_BASE, 64, 64 };

	ring_set_ctrl(&ring, 0, &setup);
	world.before = NULL;
}

/* Transactions Pending says when one that had begun is over; none begins after that. */
TEST(switched_off_before_an_access_begins_moves_no_byte)
{
	start(64);
	world.before = switch_off;
	give('a', 5);
	EXPECT_EQ(0, world.accesses);
	EXPECT_EQ(0, rx_mem()[0]);
	start(64);
	world.before = switch_off;
	set_tail(&ring.tx, 5);
	EXPECT_EQ(0, world.accesses);
	EXPECT_FALSE(ring_tx_staged(&ring));
}

/* ---- hostile ---- */

static void do_anything(void)
{
	static const u32 sizes[] = { 16, 64, 4096, 17, 0 };
	u32 r = world_random();
	struct ring_setup setup = {
		.tx_base = TX_BASE + (r & 0x1fff), .tx_size = sizes[r % ARRAY_SIZE(sizes)],
		.rx_base = RX_BASE + (r & 0x1fff), .rx_size = sizes[r / 8 % ARRAY_SIZE(sizes)],
	};
	u8 got[RING_STAGE];

	world.dma_ret = r >> 24 == 1 ? -EFAULT : 0;
	switch (r >> 28) {
	case 0:
		ring_set_ctrl(&ring, r >> 20, &setup);
		break;
	case 1:
		ring_clear_status(&ring, r);
		break;
	case 2 ... 5:
		ring_set_tail(&ring, &ring.tx, r & 0x1fff);
		break;
	case 6 ... 9:
		ring_set_tail(&ring, &ring.rx, r & 0x1fff);
		break;
	case 10 ... 12:
		take(got, r % sizeof(got));
		break;
	default:
		give(r, r & 0x7f);
	}
	shim_run();
}

static void check_dir(const struct ring_dir *dir)
{
	assert(dir->put - dir->get <= RING_STAGE);
	assert(!dir->on || (dir->head < dir->size && dir->tail < dir->size));
	assert(dir->on || dir->put == dir->get || dir == &ring.rx);
}

TEST(two_hundred_thousand_random_events_break_no_ring)
{
	unsigned int i;

	start(64);
	for (i = 0; i < 200000; i++) {
		do_anything();
		check_dir(&ring.tx);
		check_dir(&ring.rx);
	}
	EXPECT_TRUE(world.longest <= RING_STAGE);
	ring_stop(&ring);
}
