// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge faults: a BAR of real memory (shape.rst 3.4) is mapped by vfio_pci_core two
 * mebibytes at a time, wherever the virtual and the physical address let it; and it
 * is taken away, split and left in small pages as any other. What it is mapped by
 * is told by how many faults it takes to touch each of its pages.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define HUGE		(2UL << 20)
#define SIZE		(2 * HUGE)	/* of the BAR */
#define PAGES(len)	((len) / VST_PAGE)
#define FEW		8		/* faults that come from elsewhere are less */

static bool has_aperture(void)
{
	char range[64] = "";

	__vst_file_read("/sys/module/vfiolab/parameters/aperture", range, sizeof(range));
	return *range && *range != '(';
}

static bool has_symbol(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	bool found = false;
	char line[512];

	vst_assert(f);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, name);
	fclose(f);
	return found;
}

/* Looked for once, by main(): it takes a while. */
static const char *lacks;

static const char *find_lack(void)
{
	if (!has_aperture())
		return "vfiolab was loaded without an aperture";
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		return "the kernel has no CONFIG_TRANSPARENT_HUGEPAGE";
	if (!has_symbol(" vfio_pci_mmap_huge_fault\t"))
		return "the kernel's vfio_pci_core has no huge faults";
	return NULL;
}

/**
 * struct part - a part of the BAR in our memory
 * @va: where
 * @len: its bytes
 * @room: what it is in
 */
struct part {
	u8 *va;
	size_t len;
	void *room;
};

#define ROOM	(SIZE + 2 * HUGE)

/* Virtual addresses are as far from a multiple of 2 MiB as @skew says. */
static struct part map_part(struct vst_dev *dev, u64 off, size_t len, size_t skew)
{
	struct part part = { .len = len };
	void *va;

	part.room = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vst_assert(part.room != MAP_FAILED);
	part.va = (u8 *)(((uintptr_t)part.room + HUGE - 1) & -HUGE) + skew;
	va = mmap(part.va, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, dev->fd,
		  dev->region[0].offset + off);
	vst_assert(va == part.va);
	return part;
}

static void unmap_part(struct part *part)
{
	munmap(part->room, ROOM);
}

static unsigned long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* How many faults it takes to touch each page. */
static unsigned long touch(const u8 *va, size_t len)
{
	unsigned long before = faults();
	size_t off;

	for (off = 0; off < len; off += VST_PAGE)
		*(volatile const u8 *)(va + off);
	return faults() - before;
}

/* Mapped by @n faults, and whatever else came meanwhile. */
static bool took(unsigned long n, unsigned long had)
{
	if (had >= n && had < n + FEW)
		return true;
	ksft_print_msg("%lu faults, not %lu\n", had, n);
	return false;
}

/* uapi: REGION.MMAP */
FIXTURE(huge) {
	struct vst_dev *dev;
};

FIXTURE_VARIANT(huge) {
	const char *driver;
};

FIXTURE_VARIANT_ADD(huge, vfio_pci) { "vfio-pci" };
FIXTURE_VARIANT_ADD(huge, vfiolab) { VST_DRIVER };

FIXTURE_SETUP(huge)
{
	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	if (lacks)
		SKIP(return, "%s", lacks);
	vst_bind(vst_bdf(), variant->driver);
	self->dev = vst_open(vst_bdf());
	faults();
}

FIXTURE_TEARDOWN(huge)
{
	vst_close(self->dev);
}

TEST_F(huge, fault_maps_two_mebibytes)
{
	struct part part = map_part(self->dev, 0, SIZE, 0);

	EXPECT_TRUE(took(1, touch(part.va, HUGE)));
	EXPECT_TRUE(took(1, touch(part.va + HUGE, HUGE)));
	EXPECT_TRUE(took(0, touch(part.va, SIZE)));
	unmap_part(&part);
}

TEST_F(huge, mapping_and_file_are_the_same_memory)
{
	struct part part = map_part(self->dev, 0, SIZE, 0);
	u8 wrote[3 * VST_PAGE], got[sizeof(wrote)];
	u64 at = HUGE - VST_PAGE - 1;

	vst_fill(wrote, sizeof(wrote), 7);
	memcpy(part.va + at, wrote, sizeof(wrote));
	vst_read(self->dev, 0, at, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(wrote, got, sizeof(got)));
	vst_write32(self->dev, 0, HUGE - 2, 0xfeedf00d);
	EXPECT_EQ(0xf00d, *(u16 *)(part.va + HUGE - 2));
	EXPECT_EQ(0xfeed, *(u16 *)(part.va + HUGE));
	unmap_part(&part);
}

TEST_F(huge, virtual_address_that_is_not_aligned_gets_small_pages)
{
	struct part part = map_part(self->dev, 0, SIZE, VST_PAGE);

	EXPECT_TRUE(took(PAGES(SIZE), touch(part.va, SIZE)));
	vst_write32(self->dev, 0, SIZE - 4, 0x12345678);
	EXPECT_EQ(0x12345678, *(u32 *)(part.va + SIZE - 4));
	unmap_part(&part);
}

TEST_F(huge, offset_that_is_not_aligned_gets_small_pages)
{
	struct part part = map_part(self->dev, VST_PAGE, HUGE, 0);

	EXPECT_TRUE(took(PAGES(HUGE), touch(part.va, HUGE)));
	vst_write32(self->dev, 0, HUGE, 0x12345678);
	EXPECT_EQ(0x12345678, *(u32 *)(part.va + HUGE - VST_PAGE));
	unmap_part(&part);
}

TEST_F(huge, what_is_left_before_and_behind_gets_small_pages)
{
	const size_t before = 16 * VST_PAGE;
	struct part part = map_part(self->dev, HUGE - before, before + HUGE, HUGE - before);

	EXPECT_TRUE(took(16, touch(part.va, before)));
	EXPECT_TRUE(took(1, touch(part.va + before, HUGE)));
	unmap_part(&part);
	part = map_part(self->dev, 0, HUGE + before, 0);
	EXPECT_TRUE(took(16, touch(part.va + HUGE, before)));
	EXPECT_TRUE(took(1, touch(part.va, HUGE)));
	unmap_part(&part);
}

TEST_F(huge, part_of_two_mebibytes_less_a_page_gets_small_pages)
{
	struct part part = map_part(self->dev, 0, HUGE - VST_PAGE, 0);

	EXPECT_TRUE(took(PAGES(HUGE) - 1, touch(part.va, part.len)));
	unmap_part(&part);
}

static void expect_gone(struct __test_metadata *_metadata, const struct part *part)
{
	u32 val;

	EXPECT_EQ(-EFAULT, __vst_peek(part->va, &val, sizeof(val)));
	EXPECT_EQ(-EFAULT, __vst_peek(part->va + HUGE - 4, &val, sizeof(val)));
	EXPECT_EQ(-EFAULT, __vst_poke(part->va + part->len - 4, &val, sizeof(val)));
}

TEST_F(huge, mapping_is_gone_while_memory_is_off_and_comes_back)
{
	struct part part = map_part(self->dev, 0, SIZE, 0);

	memset(part.va, 0x42, SIZE);
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	expect_gone(_metadata, &part);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_TRUE(took(2, touch(part.va, SIZE)));
	EXPECT_EQ(0x42, part.va[SIZE - 1]);
	unmap_part(&part);
}

TEST_F(huge, mapping_is_gone_while_the_card_sleeps_and_comes_back)
{
	struct part part = map_part(self->dev, 0, SIZE, 0);

	memset(part.va, 0x42, SIZE);
	vst_power(self->dev, 3);
	expect_gone(_metadata, &part);
	vst_power(self->dev, 0);
	EXPECT_TRUE(took(2, touch(part.va, SIZE)));
	EXPECT_EQ(0x42, part.va[SIZE - 1]);
	unmap_part(&part);
}

/* Split by the kernel: what is left has to be found again, now in small pages. */
TEST_F(huge, page_unmapped_in_the_middle_leaves_the_others)
{
	struct part part = map_part(self->dev, 0, HUGE, 0);
	u8 *hole = part.va + HUGE / 2;
	u32 val;

	memset(part.va, 0x42, HUGE);
	munmap(hole, VST_PAGE);
	EXPECT_EQ(-EFAULT, __vst_peek(hole, &val, sizeof(val)));
	EXPECT_TRUE(took(PAGES(HUGE) - 1, touch(part.va, HUGE / 2) +
			 touch(hole + VST_PAGE, HUGE / 2 - VST_PAGE)));
	EXPECT_EQ(0x42, hole[-1]);
	EXPECT_EQ(0x42, hole[VST_PAGE]);
	unmap_part(&part);
}

TEST_F(huge, page_made_read_only_in_the_middle_is_alone)
{
	struct part part = map_part(self->dev, 0, HUGE, 0);
	u8 *page = part.va + HUGE / 2;
	u32 val = 0x12345678;

	memset(part.va, 0x42, HUGE);
	vst_assert(!mprotect(page, VST_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __vst_poke(page, &val, sizeof(val)));
	EXPECT_EQ(0x42, *page);
	EXPECT_EQ(0, __vst_poke(page - 4, &val, sizeof(val)));
	EXPECT_EQ(0, __vst_poke(page + VST_PAGE, &val, sizeof(val)));
	EXPECT_EQ(val, vst_read32(self->dev, 0, HUGE / 2 - 4));
	EXPECT_EQ(val, vst_read32(self->dev, 0, HUGE / 2 + VST_PAGE));
	unmap_part(&part);
}

TEST_F(huge, mappings_of_one_part_are_each_its_own)
{
	struct part one = map_part(self->dev, 0, HUGE, 0), two = map_part(self->dev, 0, HUGE, 0);

	EXPECT_TRUE(took(1, touch(one.va, HUGE)));
	EXPECT_TRUE(took(1, touch(two.va, HUGE)));
	one.va[HUGE - 1] = 0x42;
	EXPECT_EQ(0x42, two.va[HUGE - 1]);
	unmap_part(&one);
	EXPECT_TRUE(took(0, touch(two.va, HUGE)));
	unmap_part(&two);
}

TEST_F(huge, mapping_outlives_a_reset)
{
	struct part part = map_part(self->dev, 0, SIZE, 0);

	memset(part.va, 0x42, SIZE);
	vst_reset(self->dev);
	EXPECT_TRUE(took(2, touch(part.va, SIZE)));
	EXPECT_EQ(0x42, part.va[SIZE - 1]);
	unmap_part(&part);
}

/* A child's copy of the mapping is empty, and filled by a fault of its own. */
TEST_F(huge, child_has_it_too)
{
	struct part part = map_part(self->dev, 0, HUGE, 0);
	struct vst_child child;

	touch(part.va, HUGE);
	child = vst_fork();
	if (!child.pid) {
		part.va[HUGE - 1] = 0x42;
		_exit(0);
	}
	EXPECT_EQ(0, vst_child_end(&child));
	EXPECT_EQ(0x42, part.va[HUGE - 1]);
	unmap_part(&part);
}

int main(int argc, char **argv)
{
	static const char *const attrs[] = {
		"model=shape", "driver=vfio-pci", "bar0=mem32:4M", "bar4=none", "msix=0", NULL
	};

	lacks = find_lack();
	exit(vst_main(argc, argv, attrs, test_harness_run));
}
