// SPDX-License-Identifier: GPL-2.0-only
/*
 * What monitors on rust-vmm, cloud-hypervisor above all, ask of a function and QEMU
 * does not: they size BARs by config writes and put nothing back, find the MSI-X table
 * by its capability alone, map a page where a BAR is less, take each access to a BAR
 * for the end of an interrupt, and walk capabilities without looking where they have
 * been. All is done here as they do it.
 */
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vlab_shape.h"
#include "vst.h"

#define MAX_ATTRS	10
#define MAX_VECTORS	300

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define ROM	VFIO_PCI_ROM_REGION_INDEX

#define REGS	2		/* BAR of the shape card's registers */
#define MEM	0x1000		/* and where its memory begins */

#define IO	PCI_BASE_ADDRESS_SPACE_IO
#define WIDE	PCI_BASE_ADDRESS_MEM_TYPE_64
#define PREF	PCI_BASE_ADDRESS_MEM_PREFETCH

/* ---- sizing, by the steps of a VMM ---- */

static unsigned int reg_of(unsigned int bar)
{
	return bar == ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + bar * 4;
}

static bool is_wide(struct vst_dev *dev, unsigned int bar)
{
	u32 val = vst_cfg_read32(dev, reg_of(bar));

	return bar != ROM && !(val & IO) && val & WIDE;
}

static u32 address_bits(unsigned int bar, u32 val)
{
	if (bar == ROM)
		return (u32)PCI_ROM_ADDRESS_MASK;
	return val & IO ? (u32)PCI_BASE_ADDRESS_IO_MASK : (u32)PCI_BASE_ADDRESS_MEM_MASK;
}

/* All ones, and they stay; 0 when there is no such BAR. */
static u64 size_one(struct vst_dev *dev, unsigned int bar, bool wide)
{
	unsigned int reg = reg_of(bar);
	u64 val;
	u32 low;

	vst_cfg_write32(dev, reg, ~0U);
	low = vst_cfg_read32(dev, reg);
	low &= address_bits(bar, low);
	if (!wide)
		return (u32)-low;
	vst_cfg_write32(dev, reg + 4, ~0U);
	val = (u64)vst_cfg_read32(dev, reg + 4) << 32 | low;
	return -val;
}

static void expect_sizes(struct __test_metadata *_metadata, struct vst_dev *dev)
{
	unsigned int bar;

	for (bar = 0; bar <= ROM; bar++) {
		bool wide = is_wide(dev, bar);

		EXPECT_EQ(dev->region[bar].size, size_one(dev, bar, wide)) {
			TH_LOG("bar%u", bar);
		}
		bar += wide;
	}
}

/* uapi: REGION.CONFIG */
FIXTURE(sizing) {
	struct vst_dev *dev;
	u32 was[6];
};

FIXTURE_SETUP(sizing)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open_master(vst_bdf());
	vst_read(self->dev, VST_CONFIG, PCI_BASE_ADDRESS_0, self->was, sizeof(self->was));
}

FIXTURE_TEARDOWN(sizing)
{
	vst_close(self->dev);
}

TEST_F(sizing, pass_that_puts_nothing_back_finds_every_region)
{
	expect_sizes(_metadata, self->dev);
	expect_sizes(_metadata, self->dev);
	EXPECT_EQ(IO, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_1) & 3);
	EXPECT_EQ(WIDE | PREF, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_2) & 0xf);
}

TEST_F(sizing, memory_that_is_off_has_the_same_sizes)
{
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	expect_sizes(_metadata, self->dev);
}

TEST_F(sizing, bars_of_ones_go_on_to_answer)
{
	u8 *va = vst_mmap(self->dev, REGS, MEM, VST_PAGE);

	va[0] = 0x42;
	expect_sizes(_metadata, self->dev);
	EXPECT_EQ(0x42, vst_read8(self->dev, REGS, MEM));
	vst_write8(self->dev, REGS, MEM + 1, 0x43);
	EXPECT_EQ(0x43, va[1]);
	EXPECT_EQ(VLAB_SHAPE_MAGIC, vst_read32(self->dev, REGS, VLAB_SHAPE_ID));
	EXPECT_EQ(0xaa55, vst_read16(self->dev, ROM, 0));
	vst_command(self->dev, PCI_COMMAND_IO, 0);
	vst_write8(self->dev, 1, 0, 0x44);
	EXPECT_EQ(0x44, vst_read8(self->dev, 1, 0));
	munmap(va, VST_PAGE);
}

TEST_F(sizing, bars_of_ones_go_on_to_do_dma_and_interrupts)
{
	struct vst_buf buf = vst_buf(self->dev->iommu, VST_PAGE, VST_RW);
	int fd = vst_eventfd();

	expect_sizes(_metadata, self->dev);
	EXPECT_EQ(0, __vst_dma_touch(self->dev, buf.iova, VST_PAGE, true));
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &fd);
	vst_write32(self->dev, REGS, VLAB_SHAPE_RAISE, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
	vst_buf_free(&buf);
}

/* Where a guest might have them; with the bits that say what kind of BAR it is. */
static const struct {
	unsigned int reg;
	u32 val;
} guest[] = {
	{ PCI_BASE_ADDRESS_0, 0xc0000040 },
	{ PCI_BASE_ADDRESS_1, 0xc008 | IO },
	{ PCI_BASE_ADDRESS_2, 0x80010000 | WIDE | PREF },
	{ PCI_BASE_ADDRESS_3, 0x47 },
	{ PCI_BASE_ADDRESS_4, 0x90010000 },
	{ PCI_ROM_ADDRESS, 0xfe010000 | PCI_ROM_ADDRESS_ENABLE },
};

static void give_addresses(struct vst_dev *dev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(guest); i++)
		vst_cfg_write32(dev, guest[i].reg, guest[i].val);
}

static void expect_addresses(struct __test_metadata *_metadata, struct vst_dev *dev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(guest); i++) {
		EXPECT_EQ(guest[i].val, vst_cfg_read32(dev, guest[i].reg)) {
			TH_LOG("config offset %#x", guest[i].reg);
		}
	}
}

TEST_F(sizing, addresses_of_the_guest_are_kept)
{
	expect_sizes(_metadata, self->dev);
	give_addresses(self->dev);
	expect_addresses(_metadata, self->dev);
	EXPECT_EQ(VLAB_SHAPE_MAGIC, vst_read32(self->dev, REGS, VLAB_SHAPE_ID));
}

TEST_F(sizing, addresses_of_the_guest_outlive_a_reset)
{
	give_addresses(self->dev);
	vst_reset(self->dev);
	expect_addresses(_metadata, self->dev);
}

TEST_F(sizing, address_between_two_multiples_of_the_size_is_cut)
{
	vst_cfg_write32(self->dev, PCI_BASE_ADDRESS_4, 0x9001ffff);
	EXPECT_EQ(0x90010000, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_4));
	vst_cfg_write32(self->dev, PCI_BASE_ADDRESS_1, 0xc00f);
	EXPECT_EQ(0xc008 | IO, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_1));
	vst_cfg_write32(self->dev, PCI_ROM_ADDRESS, 0xfe01fffe);
	EXPECT_EQ(0xfe010000, vst_cfg_read32(self->dev, PCI_ROM_ADDRESS));
}

/* What one leaves is not what the next is told. */
TEST_F(sizing, next_user_finds_the_real_addresses)
{
	u32 now[6];

	expect_sizes(_metadata, self->dev);
	vst_close(self->dev);
	self->dev = vst_open_master(vst_bdf());
	vst_read(self->dev, VST_CONFIG, PCI_BASE_ADDRESS_0, now, sizeof(now));
	EXPECT_EQ(-1, vst_differs(self->was, now, sizeof(now)));
}

/* What the kernel has of BARs and ROM, by a file of sysfs. */
static void read_sysfs(const char *file, u8 *buf, size_t len, off_t off)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", vst_bdf(), file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	vst_assert(fd >= 0);
	vst_assert(pread(fd, buf, len, off) == (ssize_t)len);
	close(fd);
}

TEST_F(sizing, card_and_kernel_never_see_it)
{
	u8 config[2][PCI_STD_HEADER_SIZEOF], resource[2][256];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		read_sysfs("config", config[i], sizeof(config[i]), 0);
		read_sysfs("resource", resource[i], sizeof(resource[i]), 0);
		expect_sizes(_metadata, self->dev);
	}
	EXPECT_EQ(-1, vst_differs(config[0], config[1], sizeof(config[0])));
	EXPECT_EQ(-1, vst_differs(resource[0], resource[1], sizeof(resource[0])));
}

/* ---- and by writes that are no long words ---- */

/* A register after ones in pieces of a width, from the first to the last. */
static u32 ones_in_pieces(struct vst_dev *dev, unsigned int reg, unsigned int width)
{
	static const u8 ones[4] = { 0xff, 0xff, 0xff, 0xff };
	unsigned int off;

	vst_cfg_write32(dev, reg, 0);
	for (off = 0; off < 4; off += width)
		vst_write(dev, VST_CONFIG, reg + off, ones, width);
	return vst_cfg_read32(dev, reg);
}

TEST_F(sizing, bytes_and_words_find_what_long_words_find)
{
	unsigned int bar, reg;
	u32 whole;

	for (bar = 0; bar <= ROM; bar++) {
		reg = reg_of(bar);
		whole = ones_in_pieces(self->dev, reg, 4);
		EXPECT_EQ(whole, ones_in_pieces(self->dev, reg, 2));
		EXPECT_EQ(whole, ones_in_pieces(self->dev, reg, 1));
	}
}

TEST_F(sizing, byte_or_word_leaves_the_rest_of_the_register)
{
	vst_cfg_write32(self->dev, PCI_BASE_ADDRESS_4, 0x12340000);
	vst_cfg_write8(self->dev, PCI_BASE_ADDRESS_4 + 3, 0xff);
	EXPECT_EQ(0xff340000, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_4));
	vst_cfg_write16(self->dev, PCI_BASE_ADDRESS_4, 0xffff);
	EXPECT_EQ(0xff340000, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_4));
	vst_cfg_write16(self->dev, PCI_BASE_ADDRESS_4 + 2, 0x5678);
	EXPECT_EQ(0x56780000, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_4));
}

TEST_F(sizing, half_of_a_wide_bar_leaves_the_other)
{
	give_addresses(self->dev);
	vst_cfg_write32(self->dev, PCI_BASE_ADDRESS_2, ~0U);
	EXPECT_EQ(0xffff0000 | WIDE | PREF, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_2));
	EXPECT_EQ(0x47, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_3));
	give_addresses(self->dev);
	vst_cfg_write32(self->dev, PCI_BASE_ADDRESS_3, ~0U);
	EXPECT_EQ(~0U, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_3));
	EXPECT_EQ(0x80010000 | WIDE | PREF, vst_cfg_read32(self->dev, PCI_BASE_ADDRESS_2));
}

TEST_F(sizing, one_write_over_all_bars_sizes_them_all)
{
	u32 one[6], all[6];
	unsigned int bar;

	for (bar = 0; bar < VST_BARS; bar++)
		one[bar] = ones_in_pieces(self->dev, reg_of(bar), 4);
	memset(all, 0, sizeof(all));
	vst_write(self->dev, VST_CONFIG, PCI_BASE_ADDRESS_0, all, sizeof(all));
	memset(all, 0xff, sizeof(all));
	vst_write(self->dev, VST_CONFIG, PCI_BASE_ADDRESS_0, all, sizeof(all));
	vst_read(self->dev, VST_CONFIG, PCI_BASE_ADDRESS_0, all, sizeof(all));
	EXPECT_EQ(-1, vst_differs(one, all, sizeof(all)));
}

struct other {
	struct vst_dev *dev;
	atomic_bool stop;
};

static void *size_until_stopped(void *arg)
{
	struct other *other = arg;

	while (!atomic_load(&other->stop)) {
		size_one(other->dev, 0, false);
		size_one(other->dev, 2, true);
		give_addresses(other->dev);
	}
	return NULL;
}

/* What they read meanwhile is not looked at: it may be wrong, see docs/kernel-bugs. */
TEST_F(sizing, two_at_once_and_memory_off_and_on_break_nothing)
{
	struct other other = { .dev = self->dev };
	pthread_t thread;
	unsigned int i;

	if (!access("/sys/kernel/debug/kcsan", F_OK))
		SKIP(return, "KCSAN sees that the kernel's BARs have no lock: docs/kernel-bugs");
	ASSERT_EQ(0, pthread_create(&thread, NULL, size_until_stopped, &other));
	for (i = 0; i < 50; i++) {
		vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
		size_one(self->dev, 4, false);
		vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
		EXPECT_EQ(VLAB_SHAPE_MAGIC, vst_read32(self->dev, REGS, VLAB_SHAPE_ID));
	}
	atomic_store(&other.stop, true);
	pthread_join(thread, NULL);
	expect_sizes(_metadata, self->dev);
	give_addresses(self->dev);
	expect_addresses(_metadata, self->dev);
}

TEST(size_of_one_function_leaves_its_neighbour_alone)
{
	u32 was[6], now[6];
	struct vst_card card;
	struct vst_dev *dev, *other;

	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	vst_card_plug(&card, "model=shape", "functions=2", "bar4=none", "msix=0");
	dev = vst_open(card.bdf[0]);
	other = vst_open_in(card.bdf[1], dev->iommu);
	vst_read(other, VST_CONFIG, PCI_BASE_ADDRESS_0, was, sizeof(was));
	expect_sizes(_metadata, dev);
	vst_read(other, VST_CONFIG, PCI_BASE_ADDRESS_0, now, sizeof(now));
	EXPECT_EQ(-1, vst_differs(was, now, sizeof(was)));
	vst_close(other);
	vst_close(dev);
	vst_card_destroy(&card);
}

/* ---- MSI-X, by its capability ---- */

struct range {
	u64 start, end;
};

FIXTURE(table) {
	struct vst_card card;
	struct vst_dev *dev;
	struct range table, pba;
	int fd[MAX_VECTORS];
};

FIXTURE_VARIANT(table) {
	const char *attrs[MAX_ATTRS];
	unsigned int bar, vectors;
	u32 table, pba;
};

FIXTURE_VARIANT_ADD(table, at_the_start) {
	{ "msix_table=4:0", "msix_pba=4:0x800" }, 4, 16, 0, 0x800,
};

/* cloud-hypervisor's issue 139: none of the devices it was tested with had this. */
FIXTURE_VARIANT_ADD(table, at_an_offset) {
	{ "msix_table=4:0x8000", "msix_pba=4:0x9000" }, 4, 16, 0x8000, 0x9000,
};

FIXTURE_VARIANT_ADD(table, at_no_page) {
	{ "msix_table=4:0x31f8", "msix_pba=4:0x3008", "msix=3" }, 4, 3, 0x31f8, 0x3008,
};

FIXTURE_VARIANT_ADD(table, across_pages) {
	{ "msix_table=4:0x2f00", "msix_pba=4:0x4ff8", "msix=300" }, 4, 300, 0x2f00, 0x4ff8,
};

FIXTURE_VARIANT_ADD(table, beside_the_registers) {
	{ "bar4=none", "msix_table=2:0x1000", "msix_pba=2:0x1100" }, 2, 16, 0x1000, 0x1100,
};

FIXTURE_VARIANT_ADD(table, in_the_middle_of_a_wide_bar) {
	{ "bar4=mem64:1M:pref", "msix_table=4:0x80000", "msix_pba=4:0x80400" },
	4, 16, 0x80000, 0x80400,
};

static struct range range_of(struct vst_dev *dev, unsigned int reg, u64 size)
{
	u64 start = vst_cfg_read32(dev, vst_cap(dev, PCI_CAP_ID_MSIX) + reg) &
		    PCI_MSIX_TABLE_OFFSET;

	return (struct range){ start, start + size };
}

FIXTURE_SETUP(table)
{
	const char *all[MAX_ATTRS + 2] = { "model=shape" };

	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	memcpy(all + 1, variant->attrs, sizeof(variant->attrs));
	vst_ok(__vst_card_plug(&self->card, all));
	self->dev = vst_open_master(self->card.bdf[0]);
	self->table = range_of(self->dev, PCI_MSIX_TABLE, variant->vectors * 16);
	self->pba = range_of(self->dev, PCI_MSIX_PBA, (variant->vectors + 63) / 64 * 8);
}

FIXTURE_TEARDOWN(table)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

/* uapi: IRQ.GET_INFO */
TEST_F(table, is_with_its_pending_bits_in_the_bar_of_the_capability)
{
	unsigned int cap = vst_cap(self->dev, PCI_CAP_ID_MSIX);
	u64 size = self->dev->region[variant->bar].size;
	struct vfio_irq_info info;

	EXPECT_EQ(variant->table | variant->bar, vst_cfg_read32(self->dev, cap + PCI_MSIX_TABLE));
	EXPECT_EQ(variant->pba | variant->bar, vst_cfg_read32(self->dev, cap + PCI_MSIX_PBA));
	vst_irq_info(self->dev, MSIX, &info);
	EXPECT_EQ(variant->vectors, info.count);
	EXPECT_LE(self->table.end, size);
	EXPECT_LE(self->pba.end, size);
}

static bool has_region_cap(struct vst_dev *dev, unsigned int index, u16 id)
{
	union {
		struct vfio_region_info info;
		u8 room[512];
	} u = { .info = { .argsz = sizeof(u), .index = index } };
	const struct vfio_info_cap_header *cap;
	u32 off;

	vst_ioctl(dev, VFIO_DEVICE_GET_REGION_INFO, &u);
	off = u.info.flags & VFIO_REGION_INFO_FLAG_CAPS ? u.info.cap_offset : 0;
	for (; off; off = cap->next) {
		cap = (const void *)(u.room + off);
		if (cap->id == id)
			return true;
	}
	return false;
}

static bool overlap(struct range a, u64 start, u64 size)
{
	return a.start < start + size && start < a.end;
}

/*
 * Only a BAR that says so may be mapped with table and all; the VMM then leaves out
 * the pages of the table by itself. uapi: REGION.CAP.SPARSE_MMAP REGION.CAP.MSIX_MAPPABLE
 */
TEST_F(table, is_in_no_page_that_a_guest_is_given)
{
	const struct vst_region *r = &self->dev->region[variant->bar];
	bool mappable = has_region_cap(self->dev, variant->bar,
				       VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
	unsigned int i;

	EXPECT_EQ(0, r->size % VST_PAGE);
	for (i = 0; i < r->nareas; i++) {
		u64 start = r->area[i].offset, size = r->area[i].size;

		EXPECT_EQ(0, start % VST_PAGE);
		EXPECT_EQ(0, size % VST_PAGE);
		EXPECT_TRUE(mappable || !overlap(self->table, start, size));
		EXPECT_TRUE(mappable || !overlap(self->pba, start, size));
		munmap(vst_mmap(self->dev, variant->bar, start, size), size);
	}
}

static void enable(struct vst_dev *dev, unsigned int n, int *fd)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		fd[i] = vst_eventfd();
	vst_irq_eventfds(dev, MSIX, 0, n, fd);
}

/* uapi: SET_IRQS.MSIX.EVENTFD */
TEST_F(table, serves_every_vector_turned_on_in_one_call)
{
	unsigned int i;

	enable(self->dev, variant->vectors, self->fd);
	for (i = 0; i < variant->vectors; i++)
		vst_write32(self->dev, REGS, VLAB_SHAPE_RAISE, i);
	for (i = 0; i < variant->vectors; i++) {
		ASSERT_EQ(1, vst_event_wait(self->fd[i])) {
			TH_LOG("vector %u", i);
		}
	}
}

/* A guest's table is its VMM's; one that passes it on harms nobody. */
TEST_F(table, ignores_what_a_guest_writes_to_it)
{
	u8 junk[64];
	u64 off;

	enable(self->dev, variant->vectors, self->fd);
	vst_fill(junk, sizeof(junk), 1);
	for (off = self->table.start; off < self->table.end; off += 16)
		vst_write(self->dev, variant->bar, off, junk, 16);
	vst_write(self->dev, variant->bar, self->pba.start, junk, self->pba.end - self->pba.start);
	vst_write32(self->dev, REGS, VLAB_SHAPE_RAISE, variant->vectors - 1);
	EXPECT_EQ(1, vst_event_wait(self->fd[variant->vectors - 1]));
	EXPECT_EQ(~0U, vst_read32(self->dev, variant->bar, self->table.start));
}

TEST_F(table, has_pending_bits_that_can_be_read)
{
	unsigned int last = variant->vectors - 1;
	u64 off = self->pba.start + last / 64 * 8;

	enable(self->dev, 1, self->fd);
	EXPECT_EQ(0, vst_read64(self->dev, variant->bar, off));
	vst_write32(self->dev, REGS, VLAB_SHAPE_RAISE, last);
	EXPECT_EQ(1ULL << last % 64, vst_read64(self->dev, variant->bar, off));
}

/* ---- BARs of less than a page ---- */

#define SMALL	128

static const char *const small_attrs[] = {
	"model=shape", "bar0=mem32:128", "bar2=none", "bar4=none", "regs=none", "msix=0", NULL
};

/* uapi: REGION.MMAP */
FIXTURE(small) {
	struct vst_card card;
	struct vst_dev *dev;
	u8 *va;
};

FIXTURE_SETUP(small)
{
	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	vst_ok(__vst_card_plug(&self->card, small_attrs));
	self->dev = vst_open(self->card.bdf[0]);
	self->va = vst_mmap(self->dev, 0, 0, VST_PAGE);
}

FIXTURE_TEARDOWN(small)
{
	munmap(self->va, VST_PAGE);
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

TEST_F(small, mapping_of_its_size_is_that_of_its_page)
{
	u8 *va = vst_mmap(self->dev, 0, 0, SMALL);

	EXPECT_EQ(SMALL, self->dev->region[0].area[0].size);
	vst_fill(va, SMALL, 1);
	EXPECT_EQ(-1, vst_differs(va, self->va, SMALL));
	va[SMALL] = 0x5a;
	EXPECT_EQ(0x5a, self->va[SMALL]);
	munmap(va, SMALL);
}

/* The page is the guest's, whatever it does with what is behind the BAR. */
TEST_F(small, rest_of_its_page_is_nobody_elses)
{
	struct vst_card card;
	struct vst_dev *dev;
	u8 *va, byte;

	vst_ok(__vst_card_plug(&card, small_attrs));
	dev = vst_open(card.bdf[0]);
	va = vst_mmap(dev, 0, 0, VST_PAGE);
	memset(self->va + SMALL, 0x77, VST_PAGE - SMALL);
	EXPECT_EQ(0, va[SMALL]);
	EXPECT_EQ(0, va[VST_PAGE - 1]);
	EXPECT_EQ(0, vst_read64(self->dev, 0, SMALL - 8));
	EXPECT_EQ(-EINVAL, __vst_read(self->dev, 0, SMALL, &byte, 1));
	EXPECT_EQ(-EINVAL, __vst_write(self->dev, 0, SMALL, &byte, 1));
	munmap(va, VST_PAGE);
	vst_close(dev);
	vst_card_destroy(&card);
}

static int map_error(struct vst_dev *dev, u64 off, size_t len)
{
	void *va;
	int ret = __vst_mmap(dev, 0, off, len, PROT_READ, MAP_SHARED, &va);

	if (!ret)
		munmap(va, len);
	return ret;
}

TEST_F(small, page_behind_its_own_is_refused)
{
	EXPECT_EQ(-EINVAL, map_error(self->dev, 0, VST_PAGE + 1));
	EXPECT_EQ(-EINVAL, map_error(self->dev, VST_PAGE, VST_PAGE));
	EXPECT_EQ(-EINVAL, map_error(self->dev, VST_PAGE, SMALL));
}

/* ---- and what the kernel's own driver says of them ---- */

/* uapi: REGION.GET_INFO */
FIXTURE(region) {
	struct vst_card card;
	struct vst_dev *dev;
};

/* Nothing in them is trapped, so the two drivers have no reason to differ. */
FIXTURE_VARIANT(region) {
	const char *attrs[MAX_ATTRS];
};

FIXTURE_VARIANT_ADD(region, of_a_page_for_itself) {
	{ "bar0=mem32:16", "bar2=none" },
};

FIXTURE_VARIANT_ADD(region, of_pages_that_are_shared) {
	{ "bar0=mem32:16", "bar1=mem32:2K", "bar2=mem32:128", "bar3=mem32:64", "bar5=mem32:1K" },
};

FIXTURE_VARIANT_ADD(region, of_all_kinds) {
	{ "bar0=io:8", "bar1=mem32:2K", "bar2=mem64:512", "bar4=mem64:8K:pref" },
};

FIXTURE_VARIANT_ADD(region, of_a_page_and_of_less) {
	{ "bar0=mem32:4K", "bar1=mem32:256", "bar2=mem32:1M:pref", "bar3=io:256" },
};

FIXTURE_SETUP(region)
{
	const char *all[MAX_ATTRS + 5] = { "model=shape", "regs=none", "msix=0", "bar4=none" };

	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	memcpy(all + 4, variant->attrs, sizeof(variant->attrs));
	vst_ok(__vst_card_plug(&self->card, all));
	self->dev = vst_open(self->card.bdf[0]);
}

FIXTURE_TEARDOWN(region)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

TEST_F(region, is_what_the_kernels_driver_makes_of_it)
{
	struct vst_region ours[VST_BARS];
	unsigned int bar;

	memcpy(ours, self->dev->region, sizeof(ours));
	vst_close(self->dev);
	self->dev = NULL;
	vst_bind(self->card.bdf[0], "vfio-pci");
	self->dev = vst_open(self->card.bdf[0]);
	for (bar = 0; bar < VST_BARS; bar++) {
		EXPECT_EQ(-1, vst_differs(&self->dev->region[bar], &ours[bar], sizeof(ours[0]))) {
			TH_LOG("bar%u: flags %#x, expected %#x", bar, ours[bar].flags,
			       self->dev->region[bar].flags);
		}
	}
}

/* ---- each access is an end of interrupt ---- */

/* uapi: INTX.LEVEL SET_IRQS.INTX.MASK */
FIXTURE(eoi) {
	struct vst_card card;
	struct vst_dev *dev;
	struct vst_uart u;
	int fd;
};

/* In that order: reset, then the line, then everything else. */
FIXTURE_SETUP(eoi)
{
	VST_NEEDS(VST_CAN_IRQ);
	VST_NEEDS_CARDS();
	vst_card_plug(&self->card, "ports=1");
	self->dev = vst_open_master(self->card.bdf[0]);
	self->u = vst_uart(self->dev, 0);
	self->fd = vst_eventfd();
	vst_reset(self->dev);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
}

FIXTURE_TEARDOWN(eoi)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

/* An access of the guest: the VMM does it, and unmasks the line whatever it was. */
static u8 guest_in(const struct vst_uart *u, unsigned int reg)
{
	u8 val = vst_in(u, reg);

	vst_irq_unmask(u->dev, INTX);
	return val;
}

static void guest_out(const struct vst_uart *u, unsigned int reg, u8 val)
{
	vst_out(u, reg, val);
	vst_irq_unmask(u->dev, INTX);
}

TEST_F(eoi, of_a_line_with_no_cause_is_silent)
{
	unsigned int reg;

	for (reg = 0; reg < 8; reg++)
		guest_in(&self->u, reg);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(eoi, comes_with_each_access_and_fires_as_long_as_there_is_a_cause)
{
	int i;

	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	for (i = 0; i < 8; i++) {
		guest_in(&self->u, UART_LSR);
		EXPECT_EQ(1, vst_event_wait(self->fd));
	}
	guest_out(&self->u, UART_IER, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(eoi, leaves_the_line_open_for_the_next_interrupt)
{
	int i;

	for (i = 0; i < 8; i++) {
		vst_uart_raise(self->dev, 0);
		EXPECT_EQ(1, vst_event_wait(self->fd));
		guest_out(&self->u, UART_IER, 0);
	}
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* A driver that acts on interrupts alone. Returns how many bytes it got in order. */
static unsigned int echo(const struct vst_uart *u, int fd, unsigned int bytes)
{
	unsigned int got;

	for (got = 0; got < bytes; got++) {
		guest_out(u, UART_TX, got);
		if (__vst_event_wait(fd, VST_DEADLINE_MS) < 1)
			break;
		if ((guest_in(u, UART_IIR) & UART_IIR_ID) != UART_IIR_RDI)
			break;
		if (guest_in(u, UART_RX) != (u8)got || !(guest_in(u, UART_IIR) & UART_IIR_NO_INT))
			break;
		vst_event_count(fd);
	}
	return got;
}

TEST_F(eoi, is_all_that_a_driver_in_the_guest_needs)
{
	vst_uart_setup(&self->u, 1);
	guest_out(&self->u, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2);
	guest_out(&self->u, UART_FCR, 0);
	guest_out(&self->u, UART_IER, UART_IER_RDI);
	EXPECT_EQ(256, echo(&self->u, self->fd, 256));
}

/* uapi: SET_IRQS.SWITCH */
TEST_F(eoi, works_again_after_the_guest_had_messages)
{
	int message = vst_eventfd(), i;

	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	for (i = 0; i < 4; i++) {
		vst_irq_disable(self->dev, INTX);
		vst_irq_eventfds(self->dev, MSIX, 0, 1, &message);
		vst_uart_lower(self->dev, 0);
		vst_uart_raise(self->dev, 0);
		EXPECT_LE(1, vst_event_wait(message));
		vst_irq_disable(self->dev, MSIX);
		vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
		EXPECT_EQ(1, vst_event_wait(self->fd));
		guest_in(&self->u, UART_LSR);
		EXPECT_EQ(1, vst_event_wait(self->fd));
	}
}

struct processor {
	const struct vst_uart *u;
	atomic_bool stop;
};

static void *access_until_stopped(void *arg)
{
	struct processor *p = arg;

	while (!atomic_load(&p->stop))
		guest_in(p->u, UART_SCR);
	return NULL;
}

TEST_F(eoi, by_many_processors_at_once_loses_no_interrupt)
{
	struct processor p = { .u = &self->u };
	pthread_t thread[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(thread); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, access_until_stopped, &p));
	for (i = 0; i < 100; i++) {
		vst_event_count(self->fd);
		guest_out(&self->u, UART_IER, UART_IER_THRI);
		EXPECT_LE(1, vst_event_wait(self->fd));
		guest_out(&self->u, UART_IER, 0);
	}
	atomic_store(&p.stop, true);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	guest_in(&self->u, UART_LSR);
	vst_event_count(self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* ---- every card, as it is walked through ---- */

FIXTURE(walk) {
	struct vst_card card;
	struct vst_dev *dev;
};

FIXTURE_VARIANT(walk) {
	const char *attrs[MAX_ATTRS];
};

FIXTURE_VARIANT_ADD(walk, serial) {
	{ "model=serial", "ports=4" },
};

FIXTURE_VARIANT_ADD(walk, mcs9922) {
	{ "model=serial", "personality=mcs9922", "ports=2" },
};

FIXTURE_VARIANT_ADD(walk, qemu4x) {
	{ "model=serial", "personality=qemu4x", "ports=4" },
};

FIXTURE_VARIANT_ADD(walk, null) {
	{ "model=null" },
};

FIXTURE_VARIANT_ADD(walk, ioat) {
	{ "model=ioat" },
};

FIXTURE_VARIANT_ADD(walk, plain_chain) {
	{ "model=shape", "flr=af", "caps=vpd,vendor,dsn,aer,ltr", "region=4K" },
};

FIXTURE_VARIANT_ADD(walk, odd_chain) {
	{ "model=shape", "flr=af", "caps=vpd,vendor,dsn,aer,ltr", "chain=odd" },
};

FIXTURE_VARIANT_ADD(walk, conventional) {
	{ "model=shape", "type=conventional", "flr=af", "caps=vpd,vendor" },
};

FIXTURE_VARIANT_ADD(walk, nothing_at_all) {
	{ "model=shape", "bar0=none", "bar2=none", "bar4=none", "regs=none", "msix=0", "msi=0",
	  "pin=none", "flr=none", "pm=none" },
};

FIXTURE_SETUP(walk)
{
	const char *all[MAX_ATTRS + 1] = { NULL };

	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	memcpy(all, variant->attrs, sizeof(variant->attrs));
	vst_ok(__vst_card_plug(&self->card, all));
	self->dev = vst_open(self->card.bdf[0]);
}

FIXTURE_TEARDOWN(walk)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

static unsigned int msi_length(u16 flags)
{
	unsigned int wide = flags & PCI_MSI_FLAGS_64BIT ? 4 : 0;

	return flags & PCI_MSI_FLAGS_MASKBIT ? PCI_MSI_PENDING_32 + 4 + wide :
					       PCI_MSI_DATA_32 + 2 + wide;
}

/* Bytes of a capability, as the kernel's headers have them. */
static unsigned int cap_length(struct vst_dev *dev, unsigned int off)
{
	switch (vst_cfg_read8(dev, off)) {
	case PCI_CAP_ID_PM:
		return PCI_PM_SIZEOF;
	case PCI_CAP_ID_MSI:
		return msi_length(vst_cfg_read16(dev, off + PCI_MSI_FLAGS));
	case PCI_CAP_ID_MSIX:
		return PCI_CAP_MSIX_SIZEOF;
	case PCI_CAP_ID_EXP:
		return PCI_CAP_EXP_ENDPOINT_SIZEOF_V2;
	case PCI_CAP_ID_AF:
		return PCI_CAP_AF_SIZEOF;
	case PCI_CAP_ID_VPD:
		return PCI_CAP_VPD_SIZEOF;
	case PCI_CAP_ID_VNDR:
		return vst_cfg_read8(dev, off + 2);
	default:
		return 0;
	}
}

/* uapi: REGION.CONFIG */
TEST_F(walk, standard_list_ends_and_its_parts_do_not_overlap)
{
	u8 taken[PCI_CFG_SPACE_SIZE] = { 0 };
	unsigned int off = 0, len, i;

	if (vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_CAP_LIST)
		off = vst_cfg_read8(self->dev, PCI_CAPABILITY_LIST);
	else
		EXPECT_EQ(0, vst_cfg_read8(self->dev, PCI_CAPABILITY_LIST));
	for (; off; off = vst_cfg_read8(self->dev, off + PCI_CAP_LIST_NEXT)) {
		len = cap_length(self->dev, off);
		ASSERT_LT(0, len);
		ASSERT_EQ(0, off % 4);
		ASSERT_LE(PCI_STD_HEADER_SIZEOF, off);
		ASSERT_LE(off + len, sizeof(taken));
		for (i = off; i < off + len; i++) {
			ASSERT_EQ(0, taken[i]++) {
				TH_LOG("offset %#x is taken twice", i);
			}
		}
	}
}

/* uapi: REGION.CONFIG */
TEST_F(walk, extended_list_is_there_for_express_alone_and_ends)
{
	bool express = vst_cap(self->dev, PCI_CAP_ID_EXP), seen[PCI_CFG_SPACE_EXP_SIZE] = { 0 };
	unsigned int off;
	u32 head;

	EXPECT_EQ(express ? PCI_CFG_SPACE_EXP_SIZE : PCI_CFG_SPACE_SIZE,
		  self->dev->region[VST_CONFIG].size);
	if (!express) {
		EXPECT_EQ(-EFAULT, __vst_read(self->dev, VST_CONFIG, PCI_CFG_SPACE_SIZE, &head, 4));
		return;
	}
	for (off = PCI_CFG_SPACE_SIZE; off; off = PCI_EXT_CAP_NEXT(head)) {
		ASSERT_EQ(0, off % 4);
		ASSERT_LE(PCI_CFG_SPACE_SIZE, off);
		ASSERT_FALSE(seen[off]);
		seen[off] = true;
		head = vst_cfg_read32(self->dev, off);
		ASSERT_NE(~0U, head);
	}
}

/* uapi: DEVICE.GET_INFO REGION.GET_INFO IRQ.GET_INFO */
TEST_F(walk, every_region_and_interrupt_that_is_counted_answers)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_irq_info irq;
	struct vst_region region;
	unsigned int i;

	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info);
	EXPECT_LE(VFIO_PCI_CONFIG_REGION_INDEX + 1, info.num_regions);
	EXPECT_LE(MSIX + 1, info.num_irqs);
	for (i = 0; i < info.num_regions; i++)
		EXPECT_EQ(i == VFIO_PCI_VGA_REGION_INDEX ? -EINVAL : 0,
			  __vst_region(self->dev, i, &region));
	for (i = 0; i <= MSIX; i++)
		EXPECT_EQ(0, __vst_irq_info(self->dev, i, &irq));
}

VST_MAIN("model=shape", "bar0=mem32:64", "bar1=io:8", "rom=64K")
