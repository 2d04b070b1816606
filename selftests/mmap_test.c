// SPDX-License-Identifier: GPL-2.0-only
/*
 * Card memory mapped by user space: what can be mapped and what cannot, that it
 * is the memory that reads and writes see, and that it goes away when the
 * function is reset, put to sleep or its memory switched off.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define CARD	VLAB_SERIAL_BAR_CTRL
#define UART	VLAB_SERIAL_BAR_UART
#define MEM	VLAB_SERIAL_MEM
#define SIZE	0x10000UL
#define LEN	(SIZE - MEM)

/* uapi: REGION.MMAP */
FIXTURE(mmap) {
	struct vst_dev *dev;
	u8 *va;		/* all of card memory */
};

FIXTURE_SETUP(mmap)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	self->va = vst_mmap(self->dev, CARD, MEM, LEN);
}

FIXTURE_TEARDOWN(mmap)
{
	munmap(self->va, LEN);
	vst_close(self->dev);
}

static int try_mmap(struct vst_dev *dev, unsigned int bar, u64 off, size_t len)
{
	void *va;
	int ret = __vst_mmap(dev, bar, off, len, PROT_READ | PROT_WRITE, MAP_SHARED, &va);

	if (!ret)
		munmap(va, len);
	return ret;
}

static bool is_there(const void *va)
{
	u8 byte;

	return !__vst_peek(va, &byte, 1);
}

/* ---- the same memory ---- */

/* mtty: 6 */
TEST_F(mmap, stores_are_seen_by_reads)
{
	u8 out[LEN];

	vst_fill(self->va, LEN, 1);
	vst_read(self->dev, CARD, MEM, out, LEN);
	EXPECT_EQ(-1, vst_differs(self->va, out, LEN));
}

TEST_F(mmap, writes_are_seen_by_loads)
{
	u8 in[LEN];

	vst_fill(in, LEN, 2);
	vst_write(self->dev, CARD, MEM, in, LEN);
	EXPECT_EQ(-1, vst_differs(self->va, in, LEN));
}

TEST_F(mmap, part_shows_what_is_at_its_offset)
{
	u8 *part = vst_mmap(self->dev, CARD, MEM + 3 * VST_PAGE, 2 * VST_PAGE);

	vst_fill(self->va, LEN, 3);
	EXPECT_EQ(-1, vst_differs(self->va + 3 * VST_PAGE, part, 2 * VST_PAGE));
	munmap(part, 2 * VST_PAGE);
}

TEST_F(mmap, last_page_can_be_mapped)
{
	u8 *last = vst_mmap(self->dev, CARD, SIZE - VST_PAGE, VST_PAGE);

	last[VST_PAGE - 1] = 0x5a;
	EXPECT_EQ(0x5a, vst_read8(self->dev, CARD, SIZE - 1));
	munmap(last, VST_PAGE);
}

TEST_F(mmap, two_mappings_are_the_same_memory)
{
	u8 *twin = vst_mmap(self->dev, CARD, MEM, LEN);

	vst_fill(self->va, LEN, 4);
	EXPECT_EQ(-1, vst_differs(self->va, twin, LEN));
	munmap(twin, LEN);
	EXPECT_TRUE(is_there(self->va));
}

TEST_F(mmap, mapping_survives_holes)
{
	vst_fill(self->va, LEN, 5);
	ASSERT_EQ(0, munmap(self->va + VST_PAGE, VST_PAGE));
	EXPECT_FALSE(is_there(self->va + VST_PAGE));
	EXPECT_TRUE(is_there(self->va));
	EXPECT_EQ(self->va[2 * VST_PAGE], vst_read8(self->dev, CARD, MEM + 2 * VST_PAGE));
}

TEST_F(mmap, mapping_can_move)
{
	u8 *place = vst_anon(LEN);

	vst_write32(self->dev, CARD, MEM, 0x600d);
	EXPECT_TRUE(is_there(self->va));
	ASSERT_EQ(place, mremap(self->va, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, place));
	self->va = place;
	EXPECT_EQ(0x600d, *(u32 *)place);
}

TEST_F(mmap, read_only_mapping_is_read_only)
{
	void *va;
	u8 byte = 1;

	vst_ok(__vst_mmap(self->dev, CARD, MEM, VST_PAGE, PROT_READ, MAP_SHARED, &va));
	EXPECT_EQ(0, __vst_peek(va, &byte, 1));
	EXPECT_EQ(-EFAULT, __vst_poke(va, &byte, 1));
	munmap(va, VST_PAGE);
}

TEST_F(mmap, kernel_can_read_and_write_through_the_mapping)
{
	int pipe_fd[2];
	u8 out[64];

	ASSERT_EQ(0, pipe(pipe_fd));
	vst_fill(self->va, sizeof(out), 6);
	ASSERT_EQ(sizeof(out), write(pipe_fd[1], self->va, sizeof(out)));
	ASSERT_EQ(sizeof(out), read(pipe_fd[0], self->va + 0x800, sizeof(out)));
	vst_read(self->dev, CARD, MEM + 0x800, out, sizeof(out));
	EXPECT_EQ(-1, vst_differs(self->va, out, sizeof(out)));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/* ---- what is refused ---- */

TEST_F(mmap, trapped_page_is_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, 0, VST_PAGE));
}

TEST_F(mmap, whole_bar_is_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, 0, SIZE));
}

TEST_F(mmap, bar_without_memory_is_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, UART, 0, VST_PAGE));
}

TEST_F(mmap, bar_that_is_not_there_is_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, 1, 0, VST_PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, 5, 0, VST_PAGE));
}

TEST_F(mmap, config_space_and_rom_are_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, VST_CONFIG, 0, VST_PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, VFIO_PCI_ROM_REGION_INDEX, 0, VST_PAGE));
}

TEST_F(mmap, past_the_end_is_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, SIZE, VST_PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, SIZE * 16, VST_PAGE));
}

TEST_F(mmap, across_the_end_is_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, SIZE - VST_PAGE, 2 * VST_PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, MEM, SIZE));
}

TEST_F(mmap, into_the_next_region_is_refused)
{
	u64 end = 1ULL << 40;

	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, end - VST_PAGE, VST_PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, CARD, end - VST_PAGE, 2 * VST_PAGE));
}

TEST_F(mmap, past_the_last_region_is_refused)
{
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, VFIO_PCI_NUM_REGIONS, 0, VST_PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(self->dev, 1 << 20, 0, VST_PAGE));
}

TEST_F(mmap, private_mapping_is_refused)
{
	void *va;

	EXPECT_EQ(-EINVAL, __vst_mmap(self->dev, CARD, MEM, VST_PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE, &va));
}

TEST_F(mmap, mapping_cannot_grow)
{
	void *va = vst_mmap(self->dev, CARD, MEM, VST_PAGE);

	EXPECT_EQ(MAP_FAILED, mremap(va, VST_PAGE, 2 * VST_PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	munmap(va, VST_PAGE);
}

/* ---- taken away and given back ---- */

TEST_F(mmap, memory_disable_takes_it_away)
{
	EXPECT_TRUE(is_there(self->va));
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_FALSE(is_there(self->va));
	EXPECT_FALSE(is_there(self->va + LEN - 1));
}

TEST_F(mmap, memory_enable_gives_it_back)
{
	*(u32 *)self->va = 0xcafe;
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(is_there(self->va));
	EXPECT_EQ(0xcafe, *(u32 *)self->va);
}

TEST_F(mmap, mapping_made_while_memory_is_disabled_works_later)
{
	void *va;

	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	va = vst_mmap(self->dev, CARD, MEM, VST_PAGE);
	EXPECT_FALSE(is_there(va));
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(is_there(va));
	munmap(va, VST_PAGE);
}

TEST_F(mmap, d3hot_takes_it_away_and_d0_gives_it_back)
{
	EXPECT_TRUE(is_there(self->va));
	vst_power(self->dev, 3);
	EXPECT_FALSE(is_there(self->va));
	vst_power(self->dev, 0);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(is_there(self->va));
}

TEST_F(mmap, mapping_works_again_after_reset)
{
	*(u32 *)self->va = 0xcafe;
	vst_reset(self->dev);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(is_there(self->va));
	EXPECT_EQ(vst_read32(self->dev, CARD, MEM), *(u32 *)self->va);
	*(u32 *)self->va = 0xbeef;
	EXPECT_EQ(0xbeef, vst_read32(self->dev, CARD, MEM));
}

TEST_F(mmap, flr_by_config_space_keeps_mapping_and_reads_the_same)
{
	unsigned int ctl = vst_cap(self->dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	*(u32 *)self->va = 0xcafe;
	vst_cfg_write16(self->dev, ctl,
			vst_cfg_read16(self->dev, ctl) | PCI_EXP_DEVCTL_BCR_FLR);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(is_there(self->va));
	EXPECT_EQ(vst_read32(self->dev, CARD, MEM), *(u32 *)self->va);
}

/* ---- touched while it comes and goes ---- */

static void memory_off_and_on(struct vst_dev *dev)
{
	vst_command(dev, 0, PCI_COMMAND_MEMORY);
	vst_command(dev, PCI_COMMAND_MEMORY, 0);
}

static void asleep_and_awake(struct vst_dev *dev)
{
	vst_power(dev, 3);
	vst_power(dev, 0);
}

static void reset_it(struct vst_dev *dev)
{
	vst_reset(dev);
}

static void hot_reset_it(struct vst_dev *dev)
{
	vst_hot_reset(dev);
}

static int set_feature(struct vst_dev *dev, u32 number)
{
	struct vfio_device_feature arg = {
		.argsz = sizeof(arg), .flags = VFIO_DEVICE_FEATURE_SET | number,
	};

	return __vst_ioctl(dev, VFIO_DEVICE_FEATURE, &arg);
}

static void let_sleep_and_wake(struct vst_dev *dev)
{
	vst_ok(set_feature(dev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY));
	vst_ok(set_feature(dev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
}

struct toggle {
	struct vst_dev *dev;
	void (*go)(struct vst_dev *dev);
	unsigned int rounds;
	atomic_bool over;
};

static void *run_toggle(void *arg)
{
	struct toggle *t = arg;
	unsigned int i;

	for (i = 0; i < t->rounds; i++)
		t->go(t->dev);
	atomic_store(&t->over, true);
	return NULL;
}

/* uapi: REGION.MMAP */
FIXTURE(race) {
	struct vst_dev *dev;
	u8 *va;
};

FIXTURE_VARIANT(race) {
	void (*go)(struct vst_dev *dev);
	unsigned int rounds;
};

FIXTURE_VARIANT_ADD(race, memory_off) { memory_off_and_on, 50 };
FIXTURE_VARIANT_ADD(race, d3hot) { asleep_and_awake, 20 };
FIXTURE_VARIANT_ADD(race, reset) { reset_it, 10 };
FIXTURE_VARIANT_ADD(race, hot_reset) { hot_reset_it, 1 };
FIXTURE_VARIANT_ADD(race, low_power) { let_sleep_and_wake, 20 };

FIXTURE_SETUP(race)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	self->va = vst_mmap(self->dev, CARD, MEM, LEN);
}

FIXTURE_TEARDOWN(race)
{
	munmap(self->va, LEN);
	vst_close(self->dev);
}

/* Each load is of the memory, or of nothing: what was stored is kept all the time. */
TEST_F(race, loads_find_what_was_stored_or_nothing)
{
	struct toggle t = { self->dev, variant->go, variant->rounds, false };
	unsigned int i, found = 0, wrong = 0;
	pthread_t thread;
	u8 byte;

	for (i = 0; i < LEN / VST_PAGE; i++)
		self->va[i * VST_PAGE] = 0x40 + i;
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_toggle, &t));
	for (i = 0; i < 100 || !atomic_load(&t.over); i++) {
		unsigned int page = i % (LEN / VST_PAGE);

		if (__vst_peek(self->va + page * VST_PAGE, &byte, 1))
			continue;
		found++;
		wrong += byte != 0x40 + page;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, wrong);
	EXPECT_NE(0, found);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(is_there(self->va));
}

TEST_F(race, stores_land_or_fail_and_nothing_else_changes)
{
	struct toggle t = { self->dev, variant->go, variant->rounds, false };
	u8 out[LEN] = { 0 }, val = 0x5a;
	pthread_t thread;
	unsigned int i, wrong = 0;

	memset(self->va, 0, LEN);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_toggle, &t));
	for (i = 0; i < 100 || !atomic_load(&t.over); i++)
		__vst_poke(self->va + i % (LEN / VST_PAGE) * VST_PAGE, &val, 1);
	pthread_join(thread, NULL);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	vst_read(self->dev, CARD, MEM, out, LEN);
	for (i = 0; i < LEN; i++)
		wrong += out[i] && (out[i] != val || i % VST_PAGE);
	EXPECT_EQ(0, wrong);
}

struct toucher {
	u8 *va;
	u8 val;
};

static void *touch_all(void *arg)
{
	struct toucher *t = arg;
	unsigned int page;

	for (page = 0; page < LEN / VST_PAGE; page++)
		t->va[page * VST_PAGE + t->val] = t->val;
	return NULL;
}

TEST_F(mmap, first_touch_by_four_at_once_is_of_the_same_pages)
{
	struct toucher t[4];
	pthread_t thread[4];
	unsigned int i, page;

	vst_write8(self->dev, CARD, MEM, 0);
	for (i = 0; i < 4; i++) {
		t[i] = (struct toucher){ self->va, i + 1 };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, touch_all, &t[i]));
	}
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (page = 0; page < LEN / VST_PAGE; page++)
		EXPECT_EQ(0x04030201, vst_read32(self->dev, CARD, MEM + page * VST_PAGE + 1));
}

static void *peek_all(void *arg)
{
	u8 *va = arg;
	unsigned long i, wrong = 0;

	for (i = 0; i < 300; i++)
		wrong += !is_there(va + i % (LEN / VST_PAGE) * VST_PAGE);
	return (void *)wrong;
}

TEST_F(mmap, touched_while_the_device_is_closed_stays_until_it_is_unmapped)
{
	pthread_t thread;
	void *wrong;

	ASSERT_EQ(0, pthread_create(&thread, NULL, peek_all, self->va));
	vst_close(self->dev);
	pthread_join(thread, &wrong);
	EXPECT_EQ(NULL, wrong);
	munmap(self->va, LEN);
	self->dev = vst_open(vst_bdf());
	self->va = vst_mmap(self->dev, CARD, MEM, LEN);
	EXPECT_TRUE(is_there(self->va));
}

/* ---- and the file's life ---- */

TEST_F(mmap, mapping_outlives_the_descriptor)
{
	int fd = dup(self->dev->fd);
	u8 *va = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      self->dev->region[CARD].offset + MEM);

	ASSERT_NE(MAP_FAILED, va);
	close(fd);
	vst_fill(va, LEN, 7);
	EXPECT_EQ(-1, vst_differs(self->va, va, LEN));
	munmap(va, LEN);
}

TEST_F(mmap, child_sees_the_parents_mapping)
{
	int status;
	pid_t pid;

	self->va[0] = 1;
	pid = fork();
	if (!pid) {
		self->va[0]++;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(2, self->va[0]);
	EXPECT_EQ(2, vst_read8(self->dev, CARD, MEM));
}

TEST_F(mmap, memory_of_an_eight_megabyte_card_is_all_there)
{
	const size_t len = (8 << 20) - MEM;
	struct vst_card card;
	struct vst_dev *dev;
	u32 *va;
	size_t off;

	VST_NEEDS_CARDS();
	vst_card_plug(&card, "memory=8M");
	dev = vst_open_in(card.bdf[0], self->dev->iommu);
	va = vst_mmap(dev, CARD, MEM, len);
	for (off = 0; off < len; off += 0x10000 + VST_PAGE)
		va[off / 4] = off;
	for (off = 0; off < len; off += 0x10000 + VST_PAGE)
		ASSERT_EQ(off, vst_read32(dev, CARD, MEM + off));
	munmap(va, len);
	vst_close(dev);
	vst_card_destroy(&card);
}

TEST_F(mmap, card_with_no_memory_behind_its_registers_maps_nothing)
{
	struct vst_card card;
	struct vst_dev *dev;

	VST_NEEDS_CARDS();
	vst_card_plug(&card, "memory=4K");
	dev = vst_open_in(card.bdf[0], self->dev->iommu);
	EXPECT_EQ(4096, dev->region[CARD].size);
	EXPECT_EQ(0, dev->region[CARD].nareas);
	EXPECT_EQ(-EINVAL, try_mmap(dev, CARD, 0, VST_PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(dev, CARD, MEM, VST_PAGE));
	EXPECT_EQ(0, vst_read64(dev, CARD, VLAB_SERIAL_MEMORY));
	vst_close(dev);
	vst_card_destroy(&card);
}

VST_MAIN("ports=4", "memory=64K", "msi=8", "msix=16")
