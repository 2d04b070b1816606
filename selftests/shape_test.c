// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shape card (shape.rst): what the kernel and /dev/vfio make of a function is
 * what its attributes asked for; and shapes that cannot be are refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vlab_shape.h"
#include "vst.h"

#define REGS		2		/* BAR, unless the shape says otherwise */
#define MAX_ATTRS	14
#define MAX_CAPS	8
#define MAX_EXT_CAPS	4
#define MAX_VECTORS	2048

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define ROM	VFIO_PCI_ROM_REGION_INDEX

#define RO	VFIO_REGION_INFO_FLAG_READ
#define RW	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM	(RW | VFIO_REGION_INFO_FLAG_MMAP)
#define SPARSE	(RWM | VFIO_REGION_INFO_FLAG_CAPS)

#define IO	PCI_BASE_ADDRESS_SPACE_IO
#define WIDE	PCI_BASE_ADDRESS_MEM_TYPE_64
#define PREF	PCI_BASE_ADDRESS_MEM_PREFETCH

#define K	1024ULL
#define M	(1024 * K)

/* A card of these attributes, each function bound. */
static void plug(struct vst_card *card, const char *const *attrs)
{
	const char *all[MAX_ATTRS + 2] = { "model=shape" };
	unsigned int n;

	for (n = 0; n < MAX_ATTRS && attrs[n]; n++)
		all[n + 1] = attrs[n];
	vst_ok(__vst_card_plug(card, all));
}

static u32 reg_read(struct vst_dev *dev, unsigned int reg)
{
	return vst_read32(dev, REGS, reg);
}

static void reg_write(struct vst_dev *dev, unsigned int reg, u32 val)
{
	vst_write32(dev, REGS, reg, val);
}

static struct vfio_irq_info irq_info(struct vst_dev *dev, unsigned int index)
{
	struct vfio_irq_info info;

	vst_irq_info(dev, index, &info);
	return info;
}

/* ---- shapes ---- */

FIXTURE(shape) {
	struct vst_card card;
	struct vst_dev *dev;
};

/* What is not said is not there. */
FIXTURE_VARIANT(shape) {
	const char *attrs[MAX_ATTRS];
	struct {
		u64 size;
		u32 type, flags;
		u64 memory;	/* where it begins: behind what is trapped */
	} bar[VST_BARS];
	unsigned int irqs[3];
	u8 caps[MAX_CAPS];
	u16 ext_caps[MAX_EXT_CAPS];
	u32 rom;
	u32 config;
};

FIXTURE_VARIANT_ADD(shape, by_default) {
	.attrs = { NULL },
	.bar = {
		[0] = { 4 * K, 0, RWM },
		[2] = { 64 * K, WIDE | PREF, SPARSE, 0x1000 },
		[4] = { 64 * K, 0, SPARSE, 0xb000 },
	},
	.irqs = { 1, 8, 16 },
	.caps = { PCI_CAP_ID_PM, PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP },
	.config = 4096,
};

FIXTURE_VARIANT_ADD(shape, nothing_at_all) {
	.attrs = { "bar0=none", "bar2=none", "bar4=none", "regs=none", "msix=0", "msi=0",
		   "pin=none", "type=conventional", "flr=none", "pm=none" },
	.config = 256,
};

FIXTURE_VARIANT_ADD(shape, pages_that_bars_share) {
	.attrs = { "bar0=io:4", "bar1=mem32:16", "bar2=io:256", "bar3=mem32:2K",
		   "bar4=mem32:4K:pref", "bar5=mem32:1M", "regs=none", "msix=0" },
	.bar = {
		{ 4, IO, RW }, { 16, 0, RW }, { 256, IO, RW }, { 2 * K, 0, RW },
		{ 4 * K, PREF, RWM }, { 1 * M, 0, RWM },
	},
	.irqs = { 1, 8, 0 },
	.caps = { PCI_CAP_ID_PM, PCI_CAP_ID_MSI, PCI_CAP_ID_EXP },
	.config = 4096,
};

FIXTURE_VARIANT_ADD(shape, small_bar_with_its_page_alone) {
	.attrs = { "bar0=mem32:128", "bar2=none", "bar4=none", "regs=none", "msix=0", "msi=0" },
	.bar = { { 128, 0, RWM } },
	.irqs = { 1 },
	.caps = { PCI_CAP_ID_PM, PCI_CAP_ID_EXP },
	.config = 4096,
};

FIXTURE_VARIANT_ADD(shape, wide_bars_only) {
	.attrs = { "bar0=mem64:128M:pref", "bar2=mem64:16", "bar4=mem64:1M", "regs=4",
		   "msix_table=4:0x80000", "msix_pba=0:0x10", "msi=0" },
	.bar = {
		[0] = { 128 * M, WIDE | PREF, SPARSE, 0x1000 },
		[2] = { 16, WIDE, RWM },
		[4] = { 1 * M, WIDE, SPARSE, 0x81000 },
	},
	.irqs = { 1, 0, 16 },
	.caps = { PCI_CAP_ID_PM, PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP },
	.config = 4096,
};

FIXTURE_VARIANT_ADD(shape, all_capabilities) {
	.attrs = { "bar0=none", "bar4=none", "msix_table=2:0x1000", "msix_pba=2:0x2000",
		   "flr=af", "caps=vpd,vendor,dsn,aer,ltr,atomics", "rom=64K" },
	.bar = { [2] = { 64 * K, WIDE | PREF, SPARSE, 0x3000 } },
	.irqs = { 1, 8, 16 },
	.caps = { PCI_CAP_ID_PM, PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP,
		  PCI_CAP_ID_AF, PCI_CAP_ID_VPD, PCI_CAP_ID_VNDR },
	.ext_caps = { PCI_EXT_CAP_ID_ERR, PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_ID_LTR },
	.rom = 64 * K,
	.config = 4096,
};

FIXTURE_VARIANT_ADD(shape, odd_chain) {
	.attrs = { "bar0=none", "bar4=none", "msix=0", "chain=odd",
		   "caps=aer,dsn,ltr,vendor", "rom=2K" },
	.bar = { [2] = { 64 * K, WIDE | PREF, SPARSE, 0x1000 } },
	.irqs = { 1, 8, 0 },
	.caps = { PCI_CAP_ID_VNDR, PCI_CAP_ID_EXP, PCI_CAP_ID_MSI, PCI_CAP_ID_PM },
	.ext_caps = { PCI_EXT_CAP_ID_ERR, PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_ID_LTR },
	.rom = 2 * K,
	.config = 4096,
};

FIXTURE_VARIANT_ADD(shape, conventional) {
	.attrs = { "type=conventional", "flr=af", "caps=vpd,vendor", "bar4=none", "msix=0",
		   "msi=1", "msi_64=0", "msi_mask=0", "pin=D", "rom=1M" },
	.bar = {
		[0] = { 4 * K, 0, RWM },
		[2] = { 64 * K, WIDE | PREF, SPARSE, 0x1000 },
	},
	.irqs = { 1, 1, 0 },
	.caps = { PCI_CAP_ID_PM, PCI_CAP_ID_MSI, PCI_CAP_ID_AF, PCI_CAP_ID_VPD,
		  PCI_CAP_ID_VNDR },
	.rom = 1 * M,
	.config = 256,
};

FIXTURE_SETUP(shape)
{
	VST_NEEDS(VST_CAN_VFIO);
	plug(&self->card, variant->attrs);
	self->dev = vst_open_master(self->card.bdf[0]);
}

FIXTURE_TEARDOWN(shape)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

/* Sizes of the six BARs and the ROM; all that there are have an address. */
TEST_F(shape, is_what_sysfs_tells)
{
	unsigned long long start, end;
	char path[96];
	unsigned int i;
	u64 want;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", self->card.bdf[0]);
	f = fopen(path, "r");
	ASSERT_NE(NULL, f);
	for (i = 0; i <= VST_BARS; i++) {
		ASSERT_EQ(2, fscanf(f, "%llx %llx %*x", &start, &end));
		want = i < VST_BARS ? variant->bar[i].size : variant->rom;
		EXPECT_EQ(want, end ? end - start + 1 : 0);
		EXPECT_EQ(!want, !start);
	}
	fclose(f);
}

/* Information on regions and interrupts. */
TEST_F(shape, is_what_vfio_tells)
{
	const struct vst_region *r;
	unsigned int i;

	for (i = 0; i < VST_BARS; i++) {
		r = &self->dev->region[i];
		EXPECT_EQ(variant->bar[i].size, r->size);
		EXPECT_EQ(variant->bar[i].flags, r->flags) {
			TH_LOG("bar%u", i);
		}
		EXPECT_EQ(variant->bar[i].memory, r->area[0].offset);
		if (r->nareas)
			EXPECT_EQ(r->size, r->area[0].offset + r->area[0].size);
	}
	EXPECT_EQ(variant->rom, self->dev->region[ROM].size);
	EXPECT_EQ(variant->rom ? RO : 0, self->dev->region[ROM].flags);
	for (i = INTX; i <= MSIX; i++)
		EXPECT_EQ(variant->irqs[i], irq_info(self->dev, i).count);
}

static u32 sized(struct vst_dev *dev, unsigned int off)
{
	u32 was = vst_cfg_read32(dev, off), val;

	vst_cfg_write32(dev, off, ~0U);
	val = vst_cfg_read32(dev, off);
	vst_cfg_write32(dev, off, was);
	return val;
}

static void check_bar(struct __test_metadata *_metadata, struct vst_dev *dev, unsigned int bar,
		      u64 size, u32 type)
{
	unsigned int off = PCI_BASE_ADDRESS_0 + bar * 4;

	EXPECT_EQ((u32)-size | type, sized(dev, off));
	if (type & WIDE)
		EXPECT_EQ(-size >> 32, sized(dev, off + 4));
}

static void walk(struct vst_dev *dev, u8 *ids)
{
	unsigned int off = vst_cfg_read8(dev, PCI_CAPABILITY_LIST), n;

	for (n = 0; off && n < MAX_CAPS; n++) {
		ids[n] = vst_cfg_read8(dev, off);
		off = vst_cfg_read8(dev, off + 1);
	}
}

static void walk_ext(struct vst_dev *dev, u16 *ids)
{
	unsigned int off = PCI_CFG_SPACE_SIZE, n = 0;
	u32 head;

	if (dev->region[VST_CONFIG].size <= PCI_CFG_SPACE_SIZE)
		return;
	for (; off && n < MAX_EXT_CAPS; off = PCI_EXT_CAP_NEXT(head)) {
		head = vst_cfg_read32(dev, off);
		if (PCI_EXT_CAP_ID(head))
			ids[n++] = PCI_EXT_CAP_ID(head);
	}
}

/* Sizes of BARs, chains of capabilities. */
TEST_F(shape, is_what_config_space_tells)
{
	u16 ext_ids[MAX_EXT_CAPS] = {};
	u8 ids[MAX_CAPS] = {};
	unsigned int i;

	for (i = 0; i < VST_BARS; i++)
		if (!i || !(variant->bar[i - 1].type & WIDE))
			check_bar(_metadata, self->dev, i, variant->bar[i].size,
				  variant->bar[i].type);
	EXPECT_EQ(variant->rom ? -variant->rom | PCI_ROM_ADDRESS_ENABLE : 0,
		  sized(self->dev, PCI_ROM_ADDRESS));
	EXPECT_EQ(variant->config, self->dev->region[VST_CONFIG].size);
	walk(self->dev, ids);
	walk_ext(self->dev, ext_ids);
	for (i = 0; i < MAX_CAPS; i++)
		EXPECT_EQ(variant->caps[i], ids[i]);
	for (i = 0; i < MAX_EXT_CAPS; i++)
		EXPECT_EQ(variant->ext_caps[i], ext_ids[i]);
}

/* A mapping left behind would hold the card up. */
static int map_error(struct vst_dev *dev, unsigned int index, u64 off, size_t len)
{
	void *va;
	int ret = __vst_mmap(dev, index, off, len, PROT_READ, MAP_SHARED, &va);

	if (!ret)
		munmap(va, len);
	return ret;
}

/* The first and the last bytes of card memory, by file and by mapping. */
static void check_memory(struct __test_metadata *_metadata, struct vst_dev *dev, unsigned int bar,
			 u64 start)
{
	const struct vst_region *r = &dev->region[bar];
	u8 wrote[4] = { 0x5a, 0xa5, bar, 0x42 }, got[4];
	u64 page = r->size > VST_PAGE ? r->size - VST_PAGE : 0;
	u8 *va;

	vst_write(dev, bar, start, wrote, sizeof(wrote));
	vst_write(dev, bar, r->size - sizeof(wrote), wrote, sizeof(wrote));
	vst_read(dev, bar, start, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(wrote, got, sizeof(got)));
	EXPECT_EQ(2, __vst_read(dev, bar, r->size - 2, got, sizeof(got)));
	if (!(r->flags & VFIO_REGION_INFO_FLAG_MMAP)) {
		EXPECT_EQ(-EINVAL, map_error(dev, bar, 0, VST_PAGE));
		return;
	}
	va = vst_mmap(dev, bar, page, VST_PAGE);
	EXPECT_EQ(-1, vst_differs(wrote, va + (r->size - page) - sizeof(wrote), sizeof(wrote)));
	va[(r->size - page) - 1] = 0x24;
	EXPECT_EQ(0x24, vst_read8(dev, bar, r->size - 1));
	munmap(va, VST_PAGE);
}

/* What is trapped cannot be mapped, nor what crosses into it. */
static void check_trapped(struct __test_metadata *_metadata, struct vst_dev *dev,
			  unsigned int bar, u64 end)
{
	EXPECT_EQ(-EINVAL, map_error(dev, bar, 0, VST_PAGE));
	EXPECT_EQ(-EINVAL, map_error(dev, bar, end - VST_PAGE, 2 * VST_PAGE));
}

TEST_F(shape, is_what_bars_keep_and_let_map)
{
	unsigned int i;

	vst_command(self->dev, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	for (i = 0; i < VST_BARS; i++) {
		if (!variant->bar[i].size)
			continue;
		check_memory(_metadata, self->dev, i, variant->bar[i].memory);
		if (variant->bar[i].memory)
			check_trapped(_metadata, self->dev, i, variant->bar[i].memory);
	}
}

/* ---- the program's card, with all that goes together; and one of another shape ---- */

FIXTURE(full) {
	struct vst_dev *dev;
	int fd[MAX_VECTORS];
};

FIXTURE_SETUP(full)
{
	struct rlimit files = { 2 * MAX_VECTORS, 2 * MAX_VECTORS };

	VST_NEEDS(VST_CAN_VFIO);
	vst_assert(!setrlimit(RLIMIT_NOFILE, &files));
	self->dev = vst_open_master(vst_bdf());
}

FIXTURE_TEARDOWN(full)
{
	vst_close(self->dev);
}

FIXTURE(one) {
	struct vst_card card;
	struct vst_dev *dev;
	int fd[8];
};

FIXTURE_SETUP(one)
{
	VST_NEEDS(VST_CAN_VFIO);
}

FIXTURE_TEARDOWN(one)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

#define PLUG(...) do {							\
	plug(&self->card, (const char *const []){ __VA_ARGS__, NULL });	\
	self->dev = vst_open_master(self->card.bdf[0]);			\
} while (0)

static void enable(struct vst_dev *dev, unsigned int index, unsigned int n, int *fd)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		fd[i] = vst_eventfd();
	vst_irq_eventfds(dev, index, 0, n, fd);
}

/* Each vector signals its own eventfd, once. */
static void raise_all(struct __test_metadata *_metadata, struct vst_dev *dev, unsigned int n,
		      const int *fd)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		reg_write(dev, VLAB_SHAPE_RAISE, i);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(1, vst_event_wait(fd[i])) {
			TH_LOG("vector %u", i);
		}
	}
}

TEST_F(full, registers_are_those_of_the_manual)
{
	EXPECT_EQ(VLAB_SHAPE_MAGIC, reg_read(self->dev, VLAB_SHAPE_ID));
	EXPECT_EQ(MAX_VECTORS, reg_read(self->dev, VLAB_SHAPE_VECTORS));
	reg_write(self->dev, VLAB_SHAPE_SCRATCH, 0x12345678);
	EXPECT_EQ(0x12345678, reg_read(self->dev, VLAB_SHAPE_SCRATCH));
	EXPECT_EQ(0, reg_read(self->dev, VLAB_SHAPE_RAISE));
	EXPECT_EQ(0xffffffff, reg_read(self->dev, 0x20));
	EXPECT_EQ(VLAB_DMA_MAGIC, reg_read(self->dev, VLAB_SHAPE_DMA));
}

/* ---- MSI-X (5) ---- */

TEST_F(one, msix_of_one_vector_works)
{
	PLUG("msix=1", "msi=0");
	EXPECT_EQ(1, irq_info(self->dev, MSIX).count);
	enable(self->dev, MSIX, 1, self->fd);
	raise_all(_metadata, self->dev, 1, self->fd);
}

TEST_F(full, msix_of_2048_vectors_works)
{
	EXPECT_EQ(2048, irq_info(self->dev, MSIX).count);
	enable(self->dev, MSIX, MAX_VECTORS, self->fd);
	raise_all(_metadata, self->dev, MAX_VECTORS, self->fd);
}

static u64 pending(struct vst_dev *dev, unsigned int word)
{
	return vst_read64(dev, 4, 0xa000 + word * 8);
}

/* Where vectors can be added later, the last one is; elsewhere that is refused. */
TEST_F(full, msix_vector_that_is_not_set_up_pends)
{
	const unsigned int last = 2047;
	bool fixed;

	fixed = irq_info(self->dev, MSIX).flags & VFIO_IRQ_INFO_NORESIZE;
	enable(self->dev, MSIX, 2, self->fd);
	reg_write(self->dev, VLAB_SHAPE_RAISE, last);
	reg_write(self->dev, VLAB_SHAPE_RAISE, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(1ULL << 63, pending(self->dev, last / 64));
	EXPECT_EQ(0, pending(self->dev, 0));
	self->fd[last] = vst_eventfd();
	EXPECT_EQ(fixed ? -EINVAL : 0,
		  __vst_irq_eventfds(self->dev, MSIX, last, 1, &self->fd[last]));
	if (fixed)
		return;
	EXPECT_EQ(1, vst_event_wait(self->fd[last]));
	EXPECT_EQ(0, pending(self->dev, last / 64));
}

TEST_F(full, pending_vector_is_sent_when_msix_is_enabled)
{
	reg_write(self->dev, VLAB_SHAPE_RAISE, 1);
	EXPECT_EQ(0, pending(self->dev, 0));
	enable(self->dev, MSIX, 1, self->fd);
	reg_write(self->dev, VLAB_SHAPE_RAISE, 1);
	EXPECT_EQ(2, pending(self->dev, 0));
	vst_irq_disable(self->dev, MSIX);
	enable(self->dev, MSIX, 2, self->fd);
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
	EXPECT_EQ(0, pending(self->dev, 0));
}

TEST_F(one, msix_table_and_pba_are_in_the_bars_asked_for)
{
	unsigned int cap;

	PLUG("bar5=mem32:256", "bar4=none", "msix=3", "msix_table=2:0x3008", "msix_pba=5:0x20");
	cap = vst_cap(self->dev, PCI_CAP_ID_MSIX);
	EXPECT_EQ(2, vst_cfg_read16(self->dev, cap + PCI_MSIX_FLAGS));
	EXPECT_EQ(0x3008 | 2, vst_cfg_read32(self->dev, cap + PCI_MSIX_TABLE));
	EXPECT_EQ(0x20 | 5, vst_cfg_read32(self->dev, cap + PCI_MSIX_PBA));
	EXPECT_EQ(0x4000, self->dev->region[2].area[0].offset);
	vst_write32(self->dev, 2, 0x3008, 0);
	EXPECT_EQ(~0U, vst_read32(self->dev, 2, 0x3008));
	EXPECT_EQ(0, vst_read64(self->dev, 5, 0x20));
	EXPECT_EQ(~0ULL, vst_read64(self->dev, 5, 0x28));
	enable(self->dev, MSIX, 3, self->fd);
	raise_all(_metadata, self->dev, 3, self->fd);
}

/* ---- MSI ---- */

static void check_msi(struct __test_metadata *_metadata, struct vst_dev *dev, unsigned int n,
		      u16 form)
{
	u16 flags = vst_cfg_read16(dev, vst_cap(dev, PCI_CAP_ID_MSI) + PCI_MSI_FLAGS);
	int fd[32];

	EXPECT_EQ(form, flags & (PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT));
	EXPECT_EQ(n, 1U << ((flags & PCI_MSI_FLAGS_QMASK) >> 1));
	EXPECT_EQ(n, irq_info(dev, MSI).count);
	enable(dev, MSI, n, fd);
	raise_all(_metadata, dev, n, fd);
	while (n--)
		close(fd[n]);
}

TEST_F(one, msi_of_every_form_works)
{
	static const struct {
		unsigned int vectors;
		const char *attrs[4];
		u16 form;
	} forms[] = {
		{ 1, { "msi=1", "msi_64=0", "msi_mask=0" }, 0 },
		{ 2, { "msi=2", "msi_64=1", "msi_mask=0" }, PCI_MSI_FLAGS_64BIT },
		{ 4, { "msi=4", "msi_64=0", "msi_mask=1" }, PCI_MSI_FLAGS_MASKBIT },
		{ 8, { "msi=8", "msi_64=0", "msi_mask=0" }, 0 },
		{ 16, { "msi=16" }, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT },
		{ 32, { "msi=32", "msi_mask=0" }, PCI_MSI_FLAGS_64BIT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		plug(&self->card, forms[i].attrs);
		self->dev = vst_open_master(self->card.bdf[0]);
		check_msi(_metadata, self->dev, forms[i].vectors, forms[i].form);
		vst_close(self->dev);
		self->dev = NULL;
		vst_card_destroy(&self->card);
	}
}

/* ---- raise and lower (5) ---- */

TEST_F(one, raise_and_lower_drive_intx)
{
	const char *const attr[] = { "raise", "lower" };
	unsigned int i;
	int fd;

	PLUG("msix=0");
	fd = vst_eventfd();
	vst_irq_eventfds(self->dev, INTX, 0, 1, &fd);
	for (i = 0; i < 2; i++) {
		vst_card_set(&self->card, "raise", "7");
		EXPECT_EQ(1, vst_event_wait(fd));
		EXPECT_TRUE(vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT);
		vst_card_set(&self->card, "lower", "0:7");
		EXPECT_FALSE(vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT);
		vst_irq_unmask(self->dev, INTX);
		EXPECT_EQ(0, vst_event_count(fd));
	}
	for (i = 0; i < ARRAY_SIZE(attr); i++) {
		EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, attr[i], "8"));
		EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, attr[i], "1:0"));
		EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, attr[i], "0:"));
		EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, attr[i], "-1"));
		EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, attr[i], "8589934592:0"));
	}
	EXPECT_EQ(0, vst_event_count(fd));
}

TEST_F(full, raise_of_a_vector_that_is_up_is_a_new_message)
{
	if (!vst_card())
		SKIP(return, "VLAB_BDF: the attribute raise is not at hand");
	enable(self->dev, MSIX, 4, self->fd);
	vst_card_set(vst_card(), "raise", "3");
	EXPECT_EQ(1, vst_event_wait(self->fd[3]));
	vst_card_set(vst_card(), "raise", "3");
	EXPECT_EQ(1, vst_event_wait(self->fd[3]));
	vst_card_set(vst_card(), "lower", "3");
	EXPECT_EQ(0, vst_event_count(self->fd[3]));
}

TEST_F(one, function_without_a_pin_has_no_intx)
{
	int fd = vst_eventfd();

	PLUG("pin=none");
	EXPECT_EQ(0, vst_cfg_read8(self->dev, PCI_INTERRUPT_PIN));
	EXPECT_EQ(0, irq_info(self->dev, INTX).count);
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, INTX, 0, 1, &fd));
}

/* ---- resets (8) ---- */

/* uapi: DEVICE.RESET */
FIXTURE(reset) {
	struct vst_card card;
	struct vst_dev *dev;
	char methods[64];
};

FIXTURE_VARIANT(reset) {
	const char *attrs[MAX_ATTRS];
	const char *first;	/* of the kernel's reset methods */
	bool d3_resets;
};

FIXTURE_VARIANT_ADD(reset, flr_of_pcie) {
	{ "flr=pcie", "pm=soft-reset" }, "flr", true,
};

FIXTURE_VARIANT_ADD(reset, flr_of_af) {
	{ "flr=af", "pm=no-soft-reset" }, "af_flr", false,
};

FIXTURE_VARIANT_ADD(reset, flr_of_af_conventional) {
	{ "flr=af", "type=conventional" }, "af_flr", true,
};

FIXTURE_VARIANT_ADD(reset, power_management) {
	{ "flr=none" }, "pm", true,
};

FIXTURE_VARIANT_ADD(reset, power_management_conventional) {
	{ "flr=none", "type=conventional" }, "pm", true,
};

FIXTURE_VARIANT_ADD(reset, bus) {
	{ "flr=none", "pm=no-soft-reset" }, "bus", false,
};

static void method_path(const struct vst_card *card, char *path, size_t len)
{
	snprintf(path, len, "/sys/bus/pci/devices/%s/reset_method", card->bdf[0]);
}

FIXTURE_SETUP(reset)
{
	char path[96];

	VST_NEEDS(VST_CAN_VFIO);
	plug(&self->card, variant->attrs);
	method_path(&self->card, path, sizeof(path));
	vst_file_read(path, self->methods, sizeof(self->methods));
	self->dev = vst_open(self->card.bdf[0]);
}

FIXTURE_TEARDOWN(reset)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

/* What was stored is gone, and the card counted one. */
static void check_reset(struct __test_metadata *_metadata, struct vst_dev *dev,
			int (*reset)(struct vst_dev *dev), bool resets)
{
	u32 count = reg_read(dev, VLAB_SHAPE_RESETS);

	reg_write(dev, VLAB_SHAPE_SCRATCH, 0x5ca7c4);
	EXPECT_EQ(0, reset(dev));
	EXPECT_EQ(resets ? 0 : 0x5ca7c4, reg_read(dev, VLAB_SHAPE_SCRATCH));
	EXPECT_EQ(count + resets, reg_read(dev, VLAB_SHAPE_RESETS));
}

TEST_F(reset, device_reset_by_each_method_resets)
{
	char path[96], *method, *save;

	method_path(&self->card, path, sizeof(path));
	method = strtok_r(self->methods, " ", &save);
	EXPECT_STREQ(variant->first, method);
	for (; method; method = strtok_r(NULL, " ", &save)) {
		TH_LOG("method %s", method);
		vst_file_write(path, method);
		check_reset(_metadata, self->dev, __vst_reset, true);
	}
}

static int sleep_and_wake(struct vst_dev *dev)
{
	vst_power(dev, 3);
	vst_power(dev, 0);
	return 0;
}

/* What a driver in a guest does. */
static int flr_by_config(struct vst_dev *dev)
{
	unsigned int cap = vst_cap(dev, PCI_CAP_ID_AF);

	if (cap) {
		vst_cfg_write8(dev, cap + PCI_AF_CTRL, PCI_AF_CTRL_FLR);
		return 0;
	}
	cap = vst_cap(dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	vst_cfg_write16(dev, cap, vst_cfg_read16(dev, cap) | PCI_EXP_DEVCTL_BCR_FLR);
	return 0;
}

TEST_F(reset, config_space_resets_if_the_function_says_so)
{
	check_reset(_metadata, self->dev, sleep_and_wake, variant->d3_resets);
	if (vst_cap(self->dev, PCI_CAP_ID_AF) || vst_cap(self->dev, PCI_CAP_ID_EXP))
		check_reset(_metadata, self->dev, flr_by_config, strstr(variant->first, "flr"));
}

/* No FLR, no way through D3hot, and a bus reset would hit the sibling. */
TEST_F(one, function_that_cannot_be_reset_alone_says_so)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	PLUG("flr=none", "pm=none", "functions=2");
	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info);
	EXPECT_FALSE(info.flags & VFIO_DEVICE_FLAGS_RESET);
	EXPECT_EQ(-EINVAL, __vst_reset(self->dev));
	EXPECT_EQ(0, reg_read(self->dev, VLAB_SHAPE_RESETS));
}

/* ---- vital product data (6) ---- */

static u32 vpd_get(struct vst_dev *dev, unsigned int addr)
{
	unsigned int cap = vst_cap(dev, PCI_CAP_ID_VPD);

	vst_cfg_write16(dev, cap + PCI_VPD_ADDR, addr);
	vst_assert(vst_cfg_read16(dev, cap + PCI_VPD_ADDR) == (addr | PCI_VPD_ADDR_F));
	return vst_cfg_read32(dev, cap + PCI_VPD_DATA);
}

static void vpd_put(struct vst_dev *dev, unsigned int addr, u32 val)
{
	unsigned int cap = vst_cap(dev, PCI_CAP_ID_VPD);

	vst_cfg_write32(dev, cap + PCI_VPD_DATA, val);
	vst_cfg_write16(dev, cap + PCI_VPD_ADDR, addr | PCI_VPD_ADDR_F);
	vst_assert(vst_cfg_read16(dev, cap + PCI_VPD_ADDR) == addr);
}

static void vpd_get_all(struct vst_dev *dev, u8 *vpd)
{
	unsigned int i;
	u32 val;

	for (i = 0; i < VLAB_SHAPE_VPD_SIZE; i += 4) {
		val = vpd_get(dev, i);
		memcpy(vpd + i, &val, 4);
	}
}

static u8 sum(const u8 *buf, unsigned int len)
{
	u8 sum = 0;

	while (len--)
		sum += *buf++;
	return sum;
}

/* The kernel's reader walks the tags, so it gets all only if they are right. */
TEST_F(full, vpd_is_valid_and_the_kernel_reads_the_same)
{
	u8 vpd[VLAB_SHAPE_VPD_SIZE], kernel[256];
	char path[96];
	u8 *rv;
	int fd;

	vpd_get_all(self->dev, vpd);
	EXPECT_EQ(0x82, vpd[0]);
	EXPECT_EQ(0, memcmp(vpd + 3, "vfiolab shape", 13));
	rv = memmem(vpd, sizeof(vpd), "RV\1", 3);
	ASSERT_NE(NULL, rv);
	EXPECT_EQ(0, sum(vpd, rv + 4 - vpd));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vpd", vst_bdf());
	fd = vst_ok(open(path, O_RDONLY));
	EXPECT_EQ(sizeof(vpd), pread(fd, kernel, sizeof(kernel), 0));
	EXPECT_EQ(-1, vst_differs(vpd, kernel, sizeof(vpd)));
	close(fd);
}

TEST_F(full, vpd_takes_writes_to_its_rw_part_alone)
{
	u8 before[VLAB_SHAPE_VPD_SIZE], vpd[VLAB_SHAPE_VPD_SIZE];
	const unsigned int last = VLAB_SHAPE_VPD_SIZE - 4;

	vpd_get_all(self->dev, before);
	vpd_put(self->dev, VLAB_SHAPE_VPD_RW, 0x64636261);
	vpd_put(self->dev, last, 0xffffffff);
	vpd_put(self->dev, 0, 0);
	vpd_put(self->dev, VLAB_SHAPE_VPD_RW - 4, 0);
	vst_reset(self->dev);
	vpd_get_all(self->dev, vpd);
	EXPECT_EQ(0, memcmp(vpd + VLAB_SHAPE_VPD_RW, "abcd", 4));
	EXPECT_EQ(0, memcmp(vpd + last, "\xff\xff\xff\x78", 4));
	EXPECT_EQ(-1, vst_differs(before, vpd, VLAB_SHAPE_VPD_RW));
}

/* ---- vendor capability (4.2) ---- */

TEST_F(full, vendor_capability_goes_to_the_card)
{
	unsigned int cap;
	char text[8];

	cap = vst_cap(self->dev, PCI_CAP_ID_VNDR);
	EXPECT_EQ(16, vst_cfg_read8(self->dev, cap + 2));
	vst_read(self->dev, VST_CONFIG, cap + 8, text, sizeof(text));
	EXPECT_STREQ("vfiolab", text);
	vst_cfg_write32(self->dev, cap + 4, 0xfeedf00d);
	EXPECT_EQ(0xfeedf00d, vst_cfg_read32(self->dev, cap + 4));
	vst_cfg_write32(self->dev, cap + 8, 0);
	EXPECT_EQ('v', vst_cfg_read8(self->dev, cap + 8));
	vst_reset(self->dev);
	EXPECT_EQ(0, vst_cfg_read32(self->dev, cap + 4));
}

/* ---- capabilities of PCI Express (4) ---- */

TEST_F(full, express_words_show_in_its_registers)
{
	unsigned int exp;

	exp = vst_cap(self->dev, PCI_CAP_ID_EXP);
	EXPECT_EQ(PCI_EXP_DEVCAP2_ATOMIC_COMP32 | PCI_EXP_DEVCAP2_ATOMIC_COMP64 |
		  PCI_EXP_DEVCAP2_ATOMIC_COMP128 | PCI_EXP_DEVCAP2_LTR,
		  vst_cfg_read32(self->dev, exp + PCI_EXP_DEVCAP2));
	EXPECT_EQ(0, vst_cfg_read32(self->dev,
				    vst_ext_cap(self->dev, PCI_EXT_CAP_ID_DSN) + 4));
	EXPECT_EQ(0x1af410f2, vst_cfg_read32(self->dev,
					     vst_ext_cap(self->dev, PCI_EXT_CAP_ID_DSN) + 8));
}

#ifndef VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP
#define VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP	5
#endif

/*
 * What the card completes does not matter to who has memory behind a root port that
 * completes none, and no QEMU of ours has another. uapi: DEVICE.CAP.ATOMICS
 */
TEST_F(full, atomic_operations_that_reach_no_memory_are_not_told)
{
	union {
		struct vfio_device_info info;
		u8 bytes[512];
	} u = { .info.argsz = sizeof(u) };
	const struct vfio_info_cap_header *cap;
	unsigned int off, exp = vst_cap(self->dev, PCI_CAP_ID_EXP);

	EXPECT_NE(0, vst_cfg_read32(self->dev, exp + PCI_EXP_DEVCAP2) &
		  PCI_EXP_DEVCAP2_ATOMIC_COMP64);
	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &u.info);
	off = u.info.flags & VFIO_DEVICE_FLAGS_CAPS ? u.info.cap_offset : 0;
	for (; off; off = cap->next) {
		cap = (const void *)&u.bytes[off];
		EXPECT_NE(VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP, cap->id);
	}
}

TEST_F(one, odd_chain_goes_down_with_gaps)
{
	unsigned int off, next, ext[3], i;

	PLUG("chain=odd", "caps=vpd,vendor,dsn,aer,ltr");
	off = vst_cfg_read8(self->dev, PCI_CAPABILITY_LIST);
	EXPECT_EQ(0xd0, off);
	for (; off; off = next) {
		next = vst_cfg_read8(self->dev, off + 1);
		EXPECT_LT(next, off);
	}
	for (off = 0x100, i = 0; off && i < 3; i++) {
		ext[i] = off;
		off = PCI_EXT_CAP_NEXT(vst_cfg_read32(self->dev, off));
	}
	EXPECT_EQ(0, off);
	EXPECT_EQ(0xf00, ext[1]);
	EXPECT_EQ(0x800, ext[2]);
}

/* ---- expansion ROM (7) ---- */

/* uapi: REGION.ROM */
TEST_F(full, rom_has_a_valid_image)
{
	u8 rom[4096];
	const u8 *pcir = rom + 0x1c;

	vst_read(self->dev, ROM, 0, rom, sizeof(rom));
	EXPECT_EQ(0xaa55, rom[0] | rom[1] << 8);
	EXPECT_EQ(8, rom[2]);
	EXPECT_EQ(0x1c, rom[0x18] | rom[0x19] << 8);
	EXPECT_EQ(0, memcmp(pcir, "PCIR\xf4\x1a\xf2\x10", 8));
	EXPECT_EQ(8, pcir[0x10] | pcir[0x11] << 8);
	EXPECT_EQ(0x80, pcir[0x15]);
	EXPECT_EQ(0, sum(rom, sizeof(rom)));
}

/* uapi: REGION.ROM */
TEST_F(full, rom_is_read_only_and_ends)
{
	u32 val = 0;

	EXPECT_EQ(-EINVAL, __vst_write(self->dev, ROM, 0, &val, sizeof(val)));
	EXPECT_EQ(2, __vst_read(self->dev, ROM, 4094, &val, sizeof(val)));
	EXPECT_EQ(-EINVAL, __vst_read(self->dev, ROM, 4096, &val, sizeof(val)));
	EXPECT_EQ(-EINVAL, map_error(self->dev, ROM, 0, VST_PAGE));
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-EIO, __vst_read(self->dev, ROM, 0, &val, sizeof(val)));
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0xaa55, vst_read16(self->dev, ROM, 0));
}

/* ---- BARs (3) ---- */

TEST_F(full, io_bar_answers_only_while_it_may)
{
	vst_command(self->dev, PCI_COMMAND_IO, 0);
	vst_write32(self->dev, 1, 4, 0x11223344);
	EXPECT_EQ(0x22, vst_read8(self->dev, 1, 6));
	vst_command(self->dev, 0, PCI_COMMAND_IO);
	vst_write32(self->dev, 1, 4, 0);
	EXPECT_EQ(~0U, vst_read32(self->dev, 1, 4));
	vst_command(self->dev, PCI_COMMAND_IO, 0);
	EXPECT_EQ(0x11223344, vst_read32(self->dev, 1, 4));
}

/* uapi: REGION.MMAP */
TEST_F(full, small_bar_that_is_mapped_is_gone_while_memory_is_off)
{
	u32 val = 0;
	u8 *va;

	va = vst_mmap(self->dev, 0, 0, VST_PAGE);
	va[5] = 0x77;
	EXPECT_EQ(0x77, vst_read8(self->dev, 0, 5));
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-EFAULT, __vst_peek(va, &val, 1));
	EXPECT_EQ(-EIO, __vst_read(self->dev, 0, 0, &val, 4));
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0, __vst_peek(va + 5, &val, 1));
	EXPECT_EQ(0x77, val);
	munmap(va, VST_PAGE);
}

TEST_F(full, engine_moves_bytes_between_memory_and_card)
{
	struct vst_buf buf;
	u8 got[64];

	buf = vst_buf(self->dev->iommu, VST_PAGE, VST_RW);
	vst_fill(buf.va, 64, 1);
	vst_dma_touch(self->dev, buf.iova, 64, false);
	vst_read(self->dev, REGS, VLAB_SHAPE_REGS_SIZE, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(buf.va, got, sizeof(got)));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, buf.iova + VST_PAGE, 64, true));
	vst_buf_free(&buf);
}

/* ---- BARs that are real memory, behind the kernel's own driver (3.4) ---- */

/* uapi: REGION.BAR REGION.MMAP */
FIXTURE(real) {
	struct vst_card card;
	struct vst_dev *dev;
};

static void plug_real(struct vst_card *card)
{
	static const char *const attrs[] = {
		"driver=vfio-pci", "bar0=mem32:4M", "bar4=none", "msix=0", NULL
	};

	plug(card, attrs);
}

FIXTURE_SETUP(real)
{
	char range[64] = "";

	VST_NEEDS(VST_CAN_VFIO);
	__vst_file_read("/sys/module/vfiolab/parameters/aperture", range, sizeof(range));
	if (!*range || *range == '(')
		SKIP(return, "vfiolab was loaded without an aperture");
	plug_real(&self->card);
	self->dev = vst_open_master(self->card.bdf[0]);
}

FIXTURE_TEARDOWN(real)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

TEST_F(real, memory_is_the_same_by_file_and_by_mapping)
{
	u8 *va = vst_mmap(self->dev, 0, 0, 4 * M), wrote[4099], got[sizeof(wrote)];

	EXPECT_EQ(4 * M, self->dev->region[0].size);
	EXPECT_EQ(0, vst_read64(self->dev, 0, 2 * M));
	vst_fill(wrote, sizeof(wrote), 4);
	vst_write(self->dev, 0, 2 * M - 3, wrote, sizeof(wrote));
	EXPECT_EQ(-1, vst_differs(wrote, va + 2 * M - 3, sizeof(wrote)));
	va[4 * M - 1] = 0x42;
	EXPECT_EQ(0x42, vst_read8(self->dev, 0, 4 * M - 1));
	vst_read(self->dev, 0, 2 * M - 3, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(wrote, got, sizeof(got)));
	munmap(va, 4 * M);
}

TEST_F(real, memory_is_gone_while_it_is_off)
{
	u8 *va = vst_mmap(self->dev, 0, 0, 4 * M);
	u32 val;

	va[1 * M] = 0x42;
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(-EFAULT, __vst_peek(va + 1 * M, &val, 1));
	EXPECT_EQ(-EIO, __vst_read(self->dev, 0, 1 * M, &val, 4));
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0x42, va[1 * M]);
	munmap(va, 4 * M);
}

/* uapi: IOEVENTFD */
TEST_F(real, memory_takes_an_ioeventfd)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = self->dev->region[0].offset + 0x100,
		.data = 0xfeedf00d,
		.fd = vst_eventfd(),
	};
	u64 one = 1;

	vst_ioctl(self->dev, VFIO_DEVICE_IOEVENTFD, &io);
	EXPECT_EQ(0, vst_read32(self->dev, 0, 0x100));
	EXPECT_EQ(sizeof(one), write(io.fd, &one, sizeof(one)));
	EXPECT_TRUE(vst_until(vst_read32(self->dev, 0, 0x100) == 0xfeedf00d, VST_DEADLINE_MS));
}

TEST_F(real, memory_is_zero_for_the_next_card)
{
	vst_write32(self->dev, 0, 0, 0xfeedf00d);
	vst_close(self->dev);
	vst_card_destroy(&self->card);
	plug_real(&self->card);
	self->dev = vst_open(self->card.bdf[0]);
	EXPECT_EQ(0, vst_read32(self->dev, 0, 0));
}

/* uapi: TYPE1.MMIO */
TEST_F(real, memory_takes_dma_of_another_card)
{
	u8 *va = vst_mmap(self->dev, 0, 0, 4 * M);
	struct vst_dev *other;
	u64 iova;

	VST_NEEDS(VST_CAN_TYPE1);
	other = vst_open_in(vst_bdf(), self->dev->iommu);
	vst_master(other, true);
	iova = vst_iova(other->iommu, 4 * M);
	vst_map(other->iommu, va, iova, 4 * M, VST_RW);
	vst_write32(other, REGS, VLAB_SHAPE_REGS_SIZE, 0x12345678);
	vst_dma_touch(other, iova + 3 * M, 64, true);
	EXPECT_EQ(0x12345678, vst_read32(self->dev, 0, 3 * M));
	vst_unmap(other->iommu, iova, 4 * M, NULL);
	vst_close(other);
	munmap(va, 4 * M);
}

/* ---- siblings ---- */

TEST_F(one, functions_are_in_one_group_and_each_its_own)
{
	struct vst_dev *other;
	unsigned int i;
	int fd[2];

	PLUG("functions=8", "bar4=none", "msix_table=2:0x1000", "msix_pba=2:0x2000");
	ASSERT_EQ(8, self->card.nfns);
	for (i = 1; i < self->card.nfns; i++)
		EXPECT_EQ(vst_group(self->card.bdf[0]), vst_group(self->card.bdf[i]));
	other = vst_open_in(self->card.bdf[7], self->dev->iommu);
	vst_master(other, true);
	reg_write(self->dev, VLAB_SHAPE_SCRATCH, 1);
	reg_write(other, VLAB_SHAPE_SCRATCH, 7);
	fd[0] = vst_eventfd();
	fd[1] = vst_eventfd();
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &fd[0]);
	vst_irq_eventfds(other, MSIX, 0, 1, &fd[1]);
	vst_card_set(&self->card, "raise", "7:0");
	EXPECT_EQ(1, vst_event_wait(fd[1]));
	EXPECT_EQ(0, vst_event_count(fd[0]));
	vst_reset(other);
	EXPECT_EQ(0, reg_read(other, VLAB_SHAPE_SCRATCH));
	EXPECT_EQ(1, reg_read(self->dev, VLAB_SHAPE_SCRATCH));
	vst_close(other);
}

/* ---- what is refused (2) ---- */

FIXTURE(refused) {
	struct vst_card card;
	int log;
};

FIXTURE_SETUP(refused)
{
	vst_card_create(&self->card, "shape");
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(refused)
{
	vst_card_destroy(&self->card);
	close(self->log);
}

static void expect_line(struct __test_metadata *_metadata, int log, const char *attr,
			const char *hint)
{
	char line[512] = "", what[32];

	snprintf(what, sizeof(what), ": %s: ", attr);
	EXPECT_EQ(1, vst_log_count(log, what, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, hint)) {
		TH_LOG("%s: the line is: %s", attr, line);
	}
}

TEST_F(refused, values_that_no_card_can_have)
{
	static const char size[] = "io 4 to 256, mem 16 to 2G or 512G";
	static const char offset[] = "a multiple of 8", words[] = "vpd,vendor,dsn,aer,ltr,atomics";
	static const struct {
		const char *attr, *value, *hint;
	} values[] = {
		{ "functions", "0", "1 to 8" }, { "functions", "9", "1 to 8" },
		{ "bar0", "io:2", size }, { "bar0", "io:512", size },
		{ "bar1", "io:32:pref", size }, { "bar1", "mem32:8", size },
		{ "bar2", "mem32:4G", size }, { "bar2", "mem64:1024G", size },
		{ "bar3", "mem64:3K", size }, { "bar3", "mem:4K", size },
		{ "bar4", "mem32", size }, { "bar4", "mem32:4K:", size },
		{ "bar5", "mem32:4K:pref:pref", size }, { "bar5", "mem32:-4K", size },
		{ "regs", "6", "0, 1, 2, 3, 4, 5, none" },
		{ "msix", "2049", "0 to 2048" },
		{ "msix_table", "6:0", offset }, { "msix_table", "0:4", offset },
		{ "msix_table", "0", offset }, { "msix_table", "0:0x100000000", offset },
		{ "msix_pba", "4:", offset }, { "msix_pba", "4:-8", offset },
		{ "msi", "64", "power of two" }, { "msi", "3", "power of two" },
		{ "msi_64", "2", "0 to 1" }, { "msi_mask", "yes", "0 to 1" },
		{ "disintx", "2", "0 to 1" },
		{ "pin", "E", "none, A, B, C, D" }, { "type", "pcix", "pcie, conventional" },
		{ "flr", "maybe", "pcie, af, none" },
		{ "pm", "yes", "soft-reset, no-soft-reset, none" },
		{ "caps", "vpd,", words }, { "caps", "vp", words }, { "caps", "vpd vendor", words },
		{ "chain", "even", "plain, odd" },
		{ "region", "5K", "power of two" }, { "region", "2M", "power of two" },
		{ "rom", "3K", "power of two" }, { "rom", "32M", "power of two" },
	};
	char before[64], after[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		vst_card_get(&self->card, values[i].attr, before, sizeof(before));
		EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, values[i].attr, values[i].value)) {
			TH_LOG("%s=%s", values[i].attr, values[i].value);
		}
		expect_line(_metadata, self->log, values[i].attr, values[i].hint);
		vst_card_get(&self->card, values[i].attr, after, sizeof(after));
		EXPECT_STREQ(before, after);
	}
}

TEST_F(refused, vectors_are_raised_while_the_card_is_live_alone)
{
	EXPECT_EQ(-ENODEV, __vst_card_set(&self->card, "raise", "0"));
	expect_line(_metadata, self->log, "raise", "only while the card is live");
	vst_card_live(&self->card);
	EXPECT_EQ(0, __vst_card_set(&self->card, "raise", "0"));
	EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, "lower", "99"));
	expect_line(_metadata, self->log, "lower", "VECTOR or FUNCTION:VECTOR");
}

FIXTURE(apart) {
	struct vst_card card;
	int log;
};

FIXTURE_VARIANT(apart) {
	const char *attrs[MAX_ATTRS];
	const char *attr, *hint;	/* which is blamed, what would be right */
	const char *repair;		/* and a value of it that is right */
};

FIXTURE_VARIANT_ADD(apart, wide_bar_before_another) {
	{ "bar1=mem32:4K", "bar0=mem64:4K" }, "bar0", "none after it", "mem32:4K",
};

FIXTURE_VARIANT_ADD(apart, wide_bar_at_the_end) {
	{ "bar5=mem64:4K" }, "bar5", "bar0 to bar4", "none",
};

FIXTURE_VARIANT_ADD(apart, registers_in_an_io_bar) {
	{ "bar1=io:256", "regs=1" }, "regs", "a memory BAR of 4K", "none",
};

FIXTURE_VARIANT_ADD(apart, registers_in_a_small_bar) {
	{ "bar1=mem32:2K", "regs=1" }, "regs", "a memory BAR of 4K", "2",
};

FIXTURE_VARIANT_ADD(apart, registers_in_no_bar) {
	{ "regs=5" }, "regs", "a memory BAR of 4K", "0",
};

FIXTURE_VARIANT_ADD(apart, table_over_the_end) {
	{ "msix=2048", "msix_table=4:0x8008" }, "msix_table", "16 bytes a vector", "4:0x1000",
};

FIXTURE_VARIANT_ADD(apart, table_in_an_io_bar) {
	{ "bar5=io:256", "msix_table=5:0", "msix=1" }, "msix_table", "a memory BAR", "0:0",
};

FIXTURE_VARIANT_ADD(apart, table_over_the_registers) {
	{ "msix_table=2:0xff8" }, "msix_table", "not where the registers are", "2:0x1000",
};

FIXTURE_VARIANT_ADD(apart, pending_bits_over_the_table) {
	{ "msix=2", "msix_pba=4:0x1018" }, "msix_pba", "not where table", "4:0x1020",
};

FIXTURE_VARIANT_ADD(apart, table_over_pending_bits) {
	{ "msix=65", "msix_pba=4:0xff8" }, "msix_pba", "not where table", "4:0xff0",
};

FIXTURE_VARIANT_ADD(apart, conventional_with_flr_of_pcie) {
	{ "type=conventional" }, "flr", "af or none", "af",
};

FIXTURE_VARIANT_ADD(apart, conventional_with_extended_capabilities) {
	{ "type=conventional", "flr=none", "caps=vpd,dsn" }, "caps", "vpd and vendor", "vpd",
};

FIXTURE_VARIANT_ADD(apart, rom_of_a_kilobyte) {
	{ "rom=1K" }, "rom", "2K to 16M", "2K",
};

FIXTURE_VARIANT_ADD(apart, region_of_less_than_a_page) {
	{ "region=2K" }, "region", "4K to 1M", "4K",
};

FIXTURE_VARIANT_ADD(apart, more_than_the_window_has) {
	{ "bar4=none", "msix=0", "bar0=mem64:256G:pref" }, "slot", "memory window", NULL,
};

FIXTURE_SETUP(apart)
{
	const char *const *attr;
	char name[16];

	vst_card_create(&self->card, "shape");
	for (attr = variant->attrs; *attr; attr++) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*attr, "="), *attr);
		vst_card_set(&self->card, name, strchr(*attr, '=') + 1);
	}
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(apart)
{
	vst_card_destroy(&self->card);
	close(self->log);
}

TEST_F(apart, values_that_do_not_go_together_leave_nothing)
{
	char text[64];
	int ret = __vst_card_live(&self->card);

	EXPECT_EQ(variant->repair ? -EINVAL : -ENOSPC, ret);
	expect_line(_metadata, self->log, variant->attr, variant->hint);
	vst_card_get(&self->card, "live", text, sizeof(text));
	EXPECT_STREQ("0", text);
	EXPECT_EQ(0, vst_card_get(&self->card, "address", text, sizeof(text)));
	if (!variant->repair)
		return;
	vst_card_set(&self->card, variant->attr, variant->repair);
	EXPECT_EQ(0, __vst_card_live(&self->card));
}

VST_MAIN("model=shape", "bar0=mem32:64", "bar1=io:8", "msix=2048", "rom=4K",
	 "caps=vpd,vendor,dsn,aer,ltr,atomics")
