// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of registers as data: the door, masks and hooks
 */
#include "tap.h"
#include "world.h"

#define BAR_SIZE	0x100

static const struct vlab_reg regs[];

static u64 last_val, last_old;
static unsigned int last_inst, writes;

static u64 inst_read(struct vlab_fn *fn, unsigned int inst)
{
	assert(fn->lock.held);
	return 0xa0 + inst;
}

static void written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	assert(fn->lock.held);
	last_inst = inst;
	last_val = val;
	last_old = old;
	writes++;
}

enum { REG_RW, REG_RO, REG_MIXED, REG_WIDE, REG_HOOKS };

static const struct vlab_reg regs[] = {
	[REG_RW] = { .name = "RW", .off = 0x00, .width = 4, .rw = ~0U, .reset = 0x11223344 },
	[REG_RO] = { .name = "RO", .off = 0x04, .width = 2, .reset = 0xbeef },
	[REG_MIXED] = { .name = "MIXED", .off = 0x06, .width = 1, .rw = 0x0f, .w1c = 0x30,
			.reset = 0xff, .write = written },
	[REG_WIDE] = { .name = "WIDE", .off = 0x08, .width = 8, .rw = ~0ULL, .write = written },
	[REG_HOOKS] = { .name = "HOOKS", .off = 0x10, .width = 1, .read = inst_read,
			.write = written },
};

static const struct vlab_regs block = {
	.bar = 0, .off = 0x20, .stride = 0x20, .count = 3, .first = 5,
	.regs = regs, .nregs = ARRAY_SIZE(regs),
};

static int init(struct vlab_fn *fn)
{
	int ret = vlab_bar_init(fn, 0, BAR_SIZE, 0, BAR_SIZE);

	return ret ?: vlab_regs_add(fn, &block);
}

static const struct vlab_model model = {
	.name = "regs", .fn_size = sizeof(struct vlab_fn), .init = init,
};

static struct vlab_fn *create(void)
{
	writes = 0;
	return world_fn(NULL, &model);
}

TEST(registers_have_their_reset_values)
{
	struct vlab_fn *fn = create();

	EXPECT_EQ(0x11223344, world_read(fn, 0, 0x20, 4));
	EXPECT_EQ(0xbeef, world_read(fn, 0, 0x44, 2));
	EXPECT_EQ(0, world_read(fn, 0, 0x68, 8));
	vlab_fn_destroy(fn);
}

TEST(instances_are_apart)
{
	struct vlab_fn *fn = create();

	world_write(fn, 0, 0x20, 4, 1);
	world_write(fn, 0, 0x40, 4, 2);
	world_write(fn, 0, 0x60, 4, 3);
	EXPECT_EQ(1, world_read(fn, 0, 0x20, 4));
	EXPECT_EQ(2, world_read(fn, 0, 0x40, 4));
	EXPECT_EQ(3, world_read(fn, 0, 0x60, 4));
	EXPECT_EQ(2, *vlab_reg_val(fn, &regs[REG_RW], 6));
	vlab_fn_destroy(fn);
}

TEST(hooks_know_their_instance)
{
	struct vlab_fn *fn = create();

	EXPECT_EQ(0xa5, world_read(fn, 0, 0x30, 1));
	EXPECT_EQ(0xa7, world_read(fn, 0, 0x70, 1));
	world_write(fn, 0, 0x50, 1, 9);
	EXPECT_EQ(6, last_inst);
	EXPECT_EQ(9, last_val);
	vlab_fn_destroy(fn);
}

TEST(value_of_a_register_that_is_not_there_is_null)
{
	struct vlab_fn *fn = create();

	EXPECT_TRUE(!vlab_reg_val(fn, &regs[REG_RW], 4));
	EXPECT_TRUE(!vlab_reg_val(fn, &regs[REG_RW], 8));
	EXPECT_TRUE(!vlab_reg_val(fn, regs + ARRAY_SIZE(regs), 5));
	vlab_fn_destroy(fn);
}

TEST(masks_apply_before_the_hook)
{
	struct vlab_fn *fn = create();

	world_write(fn, 0, 0x26, 1, 0x15);
	EXPECT_EQ(0xe5, world_read(fn, 0, 0x26, 1));
	EXPECT_EQ(0x15, last_val);
	EXPECT_EQ(0xff, last_old);
	vlab_fn_destroy(fn);
}

TEST(read_only_register_stays)
{
	struct vlab_fn *fn = create();

	world_write(fn, 0, 0x24, 2, 0);
	EXPECT_EQ(0xbeef, world_read(fn, 0, 0x24, 2));
	vlab_fn_destroy(fn);
}

TEST(parts_of_a_register_are_read_and_written)
{
	struct vlab_fn *fn = create();

	EXPECT_EQ(0x22, world_read(fn, 0, 0x22, 1));
	world_write(fn, 0, 0x22, 2, 0xaabb);
	EXPECT_EQ(0xaabb3344, world_read(fn, 0, 0x20, 4));
	world_write(fn, 0, 0x2c, 4, 0x12345678);
	EXPECT_EQ(0x1234567800000000ULL, last_val);
	world_write(fn, 0, 0x28, 4, 0x9abcdef0);
	EXPECT_EQ(0x123456789abcdef0ULL, world_read(fn, 0, 0x28, 8));
	vlab_fn_destroy(fn);
}

TEST(part_write_clears_no_bit_of_the_part_left_out)
{
	static const struct vlab_reg one[] = {
		{ .name = "W1C", .off = 0, .width = 4, .w1c = ~0U, .reset = ~0U },
	};
	const struct vlab_regs w1c = {
		.off = 0xc0, .stride = 4, .count = 1, .regs = one, .nregs = 1,
	};
	struct vlab_fn *fn = create();

	EXPECT_EQ(0, vlab_regs_add(fn, &w1c));
	vlab_regs_reset(fn);
	world_write(fn, 0, 0xc1, 1, 0xff);
	EXPECT_EQ(0xffff00ff, world_read(fn, 0, 0xc0, 4));
	vlab_fn_destroy(fn);
}

TEST(access_to_several_registers_reaches_each)
{
	struct vlab_fn *fn = create();

	EXPECT_EQ(0xffffbeef11223344ULL, world_read(fn, 0, 0x20, 8));
	world_write(fn, 0, 0x20, 8, 0x0022bbbb55667788ULL);
	EXPECT_EQ(0x55667788, world_read(fn, 0, 0x20, 4));
	EXPECT_EQ(0xbeef, world_read(fn, 0, 0x24, 2));
	EXPECT_EQ(0xd2, world_read(fn, 0, 0x26, 1));
	EXPECT_EQ(1, writes);
	vlab_fn_destroy(fn);
}

TEST(what_no_register_claims_reads_ones_and_ignores_writes)
{
	static const u8 off[] = { 0x00, 0x1f, 0x27, 0x31, 0x80, 0xff };
	struct vlab_fn *fn = create();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(off); i++) {
		world_write(fn, 0, off[i], 1, 0);
		EXPECT_EQ(0xff, world_read(fn, 0, off[i], 1));
	}
	EXPECT_EQ(~0ULL, world_read(fn, 0, 0xf8, 8));
	EXPECT_EQ(0, writes);
	vlab_fn_destroy(fn);
}

TEST(door_refuses_what_is_not_an_access)
{
	static const struct {
		u64 off;
		unsigned int bar, len;
	} row[] = {
		{ 0, 0, 0 }, { 0, 0, 3 }, { 0, 0, 16 }, { 1, 0, 2 }, { 4, 0, 8 },
		{ BAR_SIZE, 0, 1 }, { BAR_SIZE - 4, 0, 8 }, { ~0ULL, 0, 1 }, { ~7ULL, 0, 8 },
		{ 1ULL << 40, 0, 1 }, { 0, 1, 1 }, { 0, 5, 8 },
	};
	struct vlab_fn *fn = create();
	u8 buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		EXPECT_EQ(-EINVAL, vlab_bar_rw(fn, row[i].bar, row[i].off, buf, row[i].len, false));
		EXPECT_EQ(-EINVAL, vlab_bar_rw(fn, row[i].bar, row[i].off, buf, row[i].len, true));
	}
	EXPECT_EQ(8, buf[7]);
	vlab_fn_destroy(fn);
}

TEST(door_ends_where_card_memory_begins)
{
	struct vlab_fn *fn = create();
	u8 buf[8];

	EXPECT_EQ(0, vlab_bar_init(fn, 2, 0x4000, 0, 0x1000));
	EXPECT_EQ(0, vlab_bar_rw(fn, 2, 0xff8, buf, 8, false));
	EXPECT_EQ(-EINVAL, vlab_bar_rw(fn, 2, 0x1000, buf, 1, false));
	vlab_fn_destroy(fn);
}

TEST(too_many_blocks_are_refused)
{
	struct vlab_fn *fn = create();
	unsigned int i;

	for (i = 1; i < VLAB_MAX_BLOCKS; i++)
		EXPECT_EQ(0, vlab_regs_add(fn, &block));
	EXPECT_EQ(-ENOSPC, vlab_regs_add(fn, &block));
	vlab_fn_destroy(fn);
}

TEST(random_accesses_never_write_past_their_buffer)
{
	struct vlab_fn *fn = create();
	unsigned int i;

	for (i = 0; i < 200000; i++) {
		u32 r = world_random();
		unsigned int len = r & 0xf;
		u8 *buf = calloc(1, max(len, 1U));

		vlab_bar_rw(fn, r >> 4 & 3 ? 0 : r >> 6 & 7 % VLAB_BARS, r >> 8 & 0x1ff, buf, len,
			    r >> 31);
		free(buf);
	}
	vlab_fn_destroy(fn);
}
