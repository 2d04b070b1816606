// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR of 4 GiB (shape.rst 3): more than 32 bits can say, and than a guest has
 * memory. Its offsets, its size in config space and what becomes of its parts.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vlab_shape.h"
#include "vst.h"

#define G	(1ULL << 30)
#define BAR	2		/* the big one */
#define REGS	0		/* the one of the registers */
#define SIZE	(4 * G)
#define MEM_BAR	(PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH)

/* What is said of a window in sysfs (include/linux/ioport.h). */
#define WINDOW	0x102200ULL	/* memory, prefetchable, 64 bit */

/* The root port that a device is below of. */
static void root_port(const char *bdf, char *port)
{
	char path[96], real[PATH_MAX], *at;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	vst_assert(realpath(path, real));
	at = strstr(real, "/pci0000:");
	vst_assert(at);
	snprintf(port, VST_BDF_LEN, "%.12s", strchr(at + 1, '/') + 1);
}

/* How much of prefetchable memory there is for cards. */
static u64 window_size(const char *bdf)
{
	unsigned long long start, end, flags;
	char path[96], port[VST_BDF_LEN];
	u64 size = 0;
	FILE *f;

	root_port(bdf, port);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", port);
	f = fopen(path, "r");
	vst_assert(f);
	while (fscanf(f, "%llx %llx %llx", &start, &end, &flags) == 3)
		if ((flags & WINDOW) == WINDOW)
			size = end - start + 1;
	fclose(f);
	return size;
}

static const struct {
	u64 off;
	u64 val;
} places[] = {
	{ 0, 0x0123456789abcdefULL },
	{ SIZE / 2 - 8, 0x1122334455667788ULL },	/* the last of what 31 bits reach */
	{ SIZE / 2, 0xfedcba9876543210ULL },
	{ SIZE - 8, 0xa5a5a5a55a5a5a5aULL },
};

/* uapi: REGION.BAR REGION.GET_INFO */
FIXTURE(big) {
	struct vst_card card;
	struct vst_dev *dev;
	u64 free;
};

/* Memory that nobody has, in KiB; some megabytes of it are a guess. */
static u64 free_memory(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	vst_assert(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "MemFree: %lu", &kib) != 1)
		;
	fclose(f);
	return kib;
}

FIXTURE_SETUP(big)
{
	u64 window;

	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	window = window_size(vst_bdf());
	if (window < 2 * SIZE)
		SKIP(return, "the root port's window of %llu MiB may have no room for 4 GiB",
		     (unsigned long long)window >> 20);
	self->free = free_memory();
	vst_card_plug(&self->card, "model=shape", "bar0=mem32:4K", "regs=0",
		      "bar2=mem64:4G:pref", "bar4=none", "msix=0");
	self->dev = vst_open_master(self->card.bdf[0]);
}

FIXTURE_TEARDOWN(big)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

TEST_F(big, size_is_told_by_vfio)
{
	EXPECT_EQ(SIZE, self->dev->region[BAR].size);
	EXPECT_NE(0, self->dev->region[BAR].flags & VFIO_REGION_INFO_FLAG_MMAP);
	EXPECT_EQ(0, self->dev->region[BAR + 1].size);
}

/* All of its address is in the upper half. uapi: REGION.CONFIG */
TEST_F(big, size_is_told_by_config_space)
{
	const unsigned int low = PCI_BASE_ADDRESS_0 + 4 * BAR, high = low + 4;
	u32 was[2] = { vst_cfg_read32(self->dev, low), vst_cfg_read32(self->dev, high) };

	vst_cfg_write32(self->dev, low, ~0U);
	vst_cfg_write32(self->dev, high, ~0U);
	EXPECT_EQ(MEM_BAR, vst_cfg_read32(self->dev, low));
	EXPECT_EQ(~0U, vst_cfg_read32(self->dev, high));
	vst_cfg_write32(self->dev, low, was[0]);
	vst_cfg_write32(self->dev, high, was[1]);
	EXPECT_EQ(was[0], vst_cfg_read32(self->dev, low));
	EXPECT_EQ(was[1], vst_cfg_read32(self->dev, high));
	EXPECT_EQ(MEM_BAR, was[0]);
	EXPECT_NE(0, was[1]);
}

TEST_F(big, first_middle_and_last_bytes_are_read_and_written)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_EQ(0, vst_read64(self->dev, BAR, places[i].off));
		vst_write64(self->dev, BAR, places[i].off, places[i].val);
	}
	for (i = 0; i < ARRAY_SIZE(places); i++)
		EXPECT_EQ(places[i].val, vst_read64(self->dev, BAR, places[i].off));
}

/* uapi: REGION.MMAP */
TEST_F(big, first_middle_and_last_bytes_are_mapped)
{
	u8 *va = vst_mmap(self->dev, BAR, 0, SIZE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_EQ(0, *(u64 *)(va + places[i].off));
		*(u64 *)(va + places[i].off) = places[i].val;
	}
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_EQ(places[i].val, *(u64 *)(va + places[i].off));
		EXPECT_EQ(places[i].val, vst_read64(self->dev, BAR, places[i].off));
	}
	munmap(va, SIZE);
}

TEST_F(big, last_page_is_mapped_alone)
{
	u8 *va = vst_mmap(self->dev, BAR, SIZE - VST_PAGE, VST_PAGE);

	va[VST_PAGE - 1] = 0x42;
	EXPECT_EQ(0x42, vst_read8(self->dev, BAR, SIZE - 1));
	munmap(va, VST_PAGE);
}

TEST_F(big, nothing_is_past_its_end)
{
	u64 val = 0;
	void *va;

	EXPECT_EQ(4, __vst_read(self->dev, BAR, SIZE - 4, &val, sizeof(val)));
	EXPECT_EQ(4, __vst_write(self->dev, BAR, SIZE - 4, &val, sizeof(val)));
	EXPECT_EQ(-EINVAL, __vst_read(self->dev, BAR, SIZE, &val, sizeof(val)));
	EXPECT_EQ(-EINVAL, __vst_write(self->dev, BAR, SIZE, &val, sizeof(val)));
	EXPECT_EQ(-EINVAL, __vst_mmap(self->dev, BAR, SIZE, VST_PAGE, PROT_READ, MAP_SHARED, &va));
	EXPECT_EQ(-EINVAL, __vst_mmap(self->dev, BAR, SIZE - VST_PAGE, 2 * VST_PAGE, PROT_READ,
				      MAP_SHARED, &va));
	EXPECT_EQ(-EINVAL, __vst_mmap(self->dev, BAR, VST_PAGE, SIZE, PROT_READ, MAP_SHARED, &va));
}

TEST_F(big, mapping_is_gone_while_memory_is_off_and_comes_back)
{
	u8 *va = vst_mmap(self->dev, BAR, 0, SIZE);
	u8 val;

	va[0] = 0x24;
	va[SIZE - 1] = 0x42;
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-EFAULT, __vst_peek(va, &val, 1));
	EXPECT_EQ(-EFAULT, __vst_peek(va + SIZE - 1, &val, 1));
	EXPECT_EQ(-EIO, __vst_read(self->dev, BAR, SIZE - 1, &val, 1));
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0x24, va[0]);
	EXPECT_EQ(0x42, va[SIZE - 1]);
	munmap(va, SIZE);
}

/* The guest has less than this; and what is not touched is not there. */
TEST_F(big, memory_comes_into_being_when_it_is_touched)
{
	u8 *va = vst_mmap(self->dev, BAR, 0, SIZE);
	u64 off;

	for (off = 0; off < SIZE; off += SIZE / 64)
		va[off] = 0x42;
	EXPECT_GT(free_memory() + (256 << 10), self->free);
	munmap(va, SIZE);
}

/* ---- what does not fit ---- */

FIXTURE(refused) {
	struct vst_card card;
	int log;
};

FIXTURE_VARIANT(refused) {
	const char *size;	/* of BAR 2 */
	u64 kib;
	const char *window;
};

FIXTURE_VARIANT_ADD(refused, bar_larger_than_the_window) {
	"mem64:512G:pref", 512 * G / 1024, "prefetchable memory window",
};

FIXTURE_VARIANT_ADD(refused, bar_that_is_not_prefetchable) {
	"mem64:4G", 4 * G / 1024, " memory window",
};

FIXTURE_SETUP(refused)
{
	VST_NEEDS_CARDS();
	vst_card_create(&self->card, "shape");
	vst_card_set(&self->card, "bar0", "none");
	vst_card_set(&self->card, "bar4", "none");
	vst_card_set(&self->card, "msix", "0");
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(refused)
{
	vst_card_destroy(&self->card);
	close(self->log);
}

TEST_F(refused, is_told_which_window_is_short_and_of_what)
{
	char line[512] = "", need[48];

	vst_card_set(&self->card, "bar2", variant->size);
	EXPECT_EQ(-ENOSPC, __vst_card_live(&self->card));
	EXPECT_EQ(1, vst_log_count(self->log, ": slot: ", line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, variant->window));
	snprintf(need, sizeof(need), " %llu KiB", (unsigned long long)variant->kib);
	EXPECT_NE(NULL, strstr(line, need)) {
		TH_LOG("the line is: %s", line);
	}
	vst_card_set(&self->card, "bar2", "mem64:64K:pref");
	EXPECT_EQ(0, __vst_card_live(&self->card));
}

VST_MAIN("model=shape")
