// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the shape card: BARs, capabilities and interrupts by attribute
 *
 * For tests of whatever looks at the shape of a function. uapi/shape.rst is its
 * manual; numbers in comments are sections of that file.
 */
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "compat.h"
#include "vfiolab.h"
#include "vlab_dma.h"
#include "vlab_ids.h"
#include "vlab_shape.h"

#define NO_REGS		VLAB_BARS
#define MSIX_ENTRY	16

/* ---- attributes: text to what it means (2) ---- */

/**
 * struct bar_spec - a BAR as an attribute asks for it
 * @size: bytes, 0 none
 * @flags: PCI_BASE_ADDRESS_*
 */
struct bar_spec {
	u64 size;
	u32 flags;
};

static const struct bar_kind {
	const char *name;
	u64 min, max;
	u32 flags;
} bar_kinds[] = {
	{ "io", 4, 256, PCI_BASE_ADDRESS_SPACE_IO },
	{ "mem32", 16, SZ_2G, 0 },
	{ "mem64", 16, 512ULL * SZ_1G, PCI_BASE_ADDRESS_MEM_TYPE_64 },
};

static const struct bar_kind *find_kind(const char *text, const char **rest)
{
	unsigned int i;
	size_t len;

	for (i = 0; i < ARRAY_SIZE(bar_kinds); i++) {
		len = strlen(bar_kinds[i].name);
		*rest = text + len + 1;
		if (!strncmp(text, bar_kinds[i].name, len) && text[len] == ':')
			return &bar_kinds[i];
	}
	return NULL;
}

static int parse_bar(const char *text, struct bar_spec *bar)
{
	const struct bar_kind *kind;
	const char *rest;
	char *end;
	u64 size;

	*bar = (struct bar_spec) {};
	if (!strcmp(text, "none"))
		return 0;
	kind = find_kind(text, &rest);
	if (!kind)
		return -EINVAL;
	size = memparse(rest, &end);
	if (*rest == '-' || size < kind->min || size > kind->max || !is_power_of_2(size))
		return -EINVAL;
	*bar = (struct bar_spec) { .size = size, .flags = kind->flags };
	if (!*end)
		return 0;
	bar->flags |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	return strcmp(end, ":pref") || kind->flags & PCI_BASE_ADDRESS_SPACE_IO ? -EINVAL : 0;
}

static int check_bar(const char *text)
{
	struct bar_spec bar;

	return parse_bar(text, &bar);
}

/**
 * struct place - where the MSI-X table or its pending bits are
 * @bar: which BAR
 * @off: offset in it
 */
struct place {
	unsigned int bar;
	u64 off;
};

static int parse_place(const char *text, struct place *place)
{
	char *end;
	u64 off;

	if (*text < '0' || *text >= '0' + VLAB_BARS || text[1] != ':' || text[2] == '-')
		return -EINVAL;
	off = memparse(text + 2, &end);
	if (end == text + 2 || *end || off > U32_MAX || off & ~PCI_MSIX_TABLE_OFFSET)
		return -EINVAL;
	*place = (struct place) { .bar = *text - '0', .off = off };
	return 0;
}

static int check_place(const char *text)
{
	struct place place;

	return parse_place(text, &place);
}

/* Those that have a word in "caps", then those that other attributes ask for. */
enum {
	CAP_VPD, CAP_VENDOR, CAP_DSN, CAP_AER, CAP_LTR, CAP_ATOMICS, CAP_WORDS,
	CAP_PM = CAP_WORDS, CAP_MSI, CAP_MSIX, CAP_PCIE, CAP_AF,
};

static const char *const cap_names[CAP_WORDS] = {
	"vpd", "vendor", "dsn", "aer", "ltr", "atomics",
};

static int parse_cap(const char *word, size_t len, u32 *caps)
{
	unsigned int i;

	for (i = 0; i < CAP_WORDS; i++) {
		if (strlen(cap_names[i]) != len || strncmp(cap_names[i], word, len))
			continue;
		*caps |= BIT(i);
		return 0;
	}
	return -EINVAL;
}

static int parse_caps(const char *text, u32 *caps)
{
	size_t len;
	int ret = 0;

	*caps = 0;
	if (!strcmp(text, "none"))
		return 0;
	for (; !ret; text += len + 1) {
		len = strcspn(text, ",");
		ret = parse_cap(text, len, caps);
		if (!text[len])
			break;
	}
	return ret;
}

static int check_caps(const char *text)
{
	u32 caps;

	return parse_caps(text, &caps);
}

/* ---- all attributes of a card ---- */

enum { FLR_PCIE, FLR_AF, FLR_NONE };
static const char *const flr_names[] = { "pcie", "af", "none", NULL };

enum { PM_RESET, PM_KEEP, PM_NONE };
static const char *const pm_names[] = { "soft-reset", "no-soft-reset", "none", NULL };

enum { TYPE_PCIE, TYPE_CONVENTIONAL };
static const char *const type_names[] = { "pcie", "conventional", NULL };

enum { CHAIN_PLAIN, CHAIN_ODD };
static const char *const chain_names[] = { "plain", "odd", NULL };

static const char *const pin_names[] = { "none", "A", "B", "C", "D", NULL };
static const char *const regs_names[] = { "0", "1", "2", "3", "4", "5", "none", NULL };

/**
 * struct spec - what the attributes of a card ask for
 * @bar: the BARs
 * @regs: BAR of the registers, NO_REGS none
 * @msix: vectors
 * @table: of MSI-X
 * @pba: of MSI-X
 * @msi: messages
 * @msi_flags: PCI_MSI_FLAGS_64BIT and _MASKBIT
 * @flr: FLR_*
 * @pm: PM_*
 * @caps: bits CAP_*
 * @odd: of the chain
 * @rom: bytes
 * @region: bytes
 */
struct spec {
	struct bar_spec bar[VLAB_BARS];
	unsigned int regs;
	unsigned int msix;
	struct place table, pba;
	unsigned int msi;
	u16 msi_flags;
	unsigned int flr, pm;
	u32 caps;
	bool odd;
	u32 rom;
	u32 region;
};

/* Each text has been checked as it was written. */
static void read_texts(const struct vlab_card *card, struct spec *s)
{
	char name[] = "bar0";
	unsigned int i;

	for (i = 0; i < VLAB_BARS; i++) {
		name[3] = '0' + i;
		parse_bar(vlab_card_text(card, name), &s->bar[i]);
	}
	parse_place(vlab_card_text(card, "msix_table"), &s->table);
	parse_place(vlab_card_text(card, "msix_pba"), &s->pba);
	parse_caps(vlab_card_text(card, "caps"), &s->caps);
}

static void read_spec(const struct vlab_card *card, struct spec *s)
{
	*s = (struct spec) {
		.regs = vlab_card_num(card, "regs"),
		.msix = vlab_card_num(card, "msix"),
		.msi = vlab_card_num(card, "msi"),
		.flr = vlab_card_num(card, "flr"),
		.pm = vlab_card_num(card, "pm"),
		.odd = vlab_card_num(card, "chain") == CHAIN_ODD,
		.rom = vlab_card_num(card, "rom"),
		.region = vlab_card_num(card, "region"),
	};
	if (vlab_card_num(card, "msi_64"))
		s->msi_flags |= PCI_MSI_FLAGS_64BIT;
	if (vlab_card_num(card, "msi_mask"))
		s->msi_flags |= PCI_MSI_FLAGS_MASKBIT;
	read_texts(card, s);
	s->caps |= (s->pm != PM_NONE) << CAP_PM | !!s->msi << CAP_MSI | !!s->msix << CAP_MSIX |
		   (s->flr == FLR_AF) << CAP_AF |
		   (vlab_card_num(card, "type") == TYPE_PCIE) << CAP_PCIE;
}

static bool has_cap(const struct spec *s, unsigned int cap)
{
	return s->caps & BIT(cap);
}

static u32 table_size(const struct spec *s)
{
	return s->msix * MSIX_ENTRY;
}

static u32 pba_size(const struct spec *s)
{
	return DIV_ROUND_UP(s->msix, 64) * 8;
}

/* ---- what goes together (2.3) ---- */

static bool is_memory(const struct bar_spec *bar)
{
	return bar->size && !(bar->flags & PCI_BASE_ADDRESS_SPACE_IO);
}

static bool is_wide(const struct bar_spec *bar)
{
	return bar->flags & PCI_BASE_ADDRESS_MEM_TYPE_64;
}

static bool fits(const struct spec *s, const struct place *at, u32 size)
{
	const struct bar_spec *bar = &s->bar[at->bar];
	u64 start = s->regs == at->bar ? VLAB_SHAPE_REGS_SIZE : 0;

	return is_memory(bar) && at->off >= start && at->off + size <= bar->size;
}

static bool good_flr(const struct spec *s)
{
	return s->flr != FLR_PCIE || has_cap(s, CAP_PCIE);
}

static bool good_caps(const struct spec *s)
{
	const u32 express = BIT(CAP_DSN) | BIT(CAP_AER) | BIT(CAP_LTR) | BIT(CAP_ATOMICS);

	return has_cap(s, CAP_PCIE) || !(s->caps & express);
}

static bool good_regs(const struct spec *s)
{
	return s->regs == NO_REGS || (is_memory(&s->bar[s->regs]) &&
				      s->bar[s->regs].size >= VLAB_SHAPE_REGS_SIZE);
}

static bool good_table(const struct spec *s)
{
	return !s->msix || fits(s, &s->table, table_size(s));
}

static bool good_pba(const struct spec *s)
{
	if (!s->msix)
		return true;
	if (!fits(s, &s->pba, pba_size(s)))
		return false;
	return s->pba.bar != s->table.bar || s->pba.off >= s->table.off + table_size(s) ||
	       s->table.off >= s->pba.off + pba_size(s);
}

static bool good_rom(const struct spec *s)
{
	return !s->rom || s->rom >= SZ_2K;
}

static bool good_region(const struct spec *s)
{
	return !s->region || s->region >= PAGE_SIZE;
}

static const struct {
	const char *attr;
	bool (*good)(const struct spec *s);
	const char *right;
} rules[] = {
	{ "flr", good_flr, "type=conventional has no pcie: af or none" },
	{ "caps", good_caps, "type=conventional has none but vpd and vendor" },
	{ "regs", good_regs, "a memory BAR of 4K or more, or none" },
	{ "msix_table", good_table,
	  "a memory BAR with room for 16 bytes a vector, not where the registers are" },
	{ "msix_pba", good_pba,
	  "a memory BAR with room for a bit a vector, not where table or registers are" },
	{ "rom", good_rom, "0, or a power of two from 2K to 16M" },
	{ "region", good_region, "0, or a power of two from 4K to 1M" },
};

static int check_bars(const struct vlab_card *card, const struct spec *s)
{
	unsigned int i;

	for (i = 0; i < VLAB_BARS; i++) {
		if (!is_wide(&s->bar[i]) || (i + 1 < VLAB_BARS && !s->bar[i + 1].size))
			continue;
		vlab_bad(card, "bar%u: mem64 takes two: bar0 to bar4, and none after it", i);
		return -EINVAL;
	}
	return 0;
}

static int shape_check(const struct vlab_card *card)
{
	struct spec s;
	unsigned int i;

	read_spec(card, &s);
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].good(&s))
			continue;
		vlab_bad(card, "%s: does not go with the others: %s", rules[i].attr,
			 rules[i].right);
		return -EINVAL;
	}
	return check_bars(card, &s);
}

/* ---- the function ---- */

/**
 * struct shape - a function of the card
 * @fn: the function
 * @spec: what was asked for
 * @vpd_cap: offset of the VPD capability, 0 none
 * @vpd: vital product data; fn.lock
 */
struct shape {
	struct vlab_fn fn;
	struct spec spec;
	unsigned int vpd_cap;
	u8 vpd[VLAB_SHAPE_VPD_SIZE];
};

static struct shape *to_shape(struct vlab_fn *fn)
{
	return container_of(fn, struct shape, fn);
}

/* ---- vital product data (6) ---- */

/* What is before the checksum. */
static const u8 vpd_fixed[] = {
	0x82, 13, 0, 'v', 'f', 'i', 'o', 'l', 'a', 'b', ' ', 's', 'h', 'a', 'p', 'e',
	0x90, 19, 0,
	'P', 'N', 5, 'S', 'H', 'A', 'P', 'E',
	'S', 'N', 4, '1', 'a', 'f', '4',
	'R', 'V', 1,
};

#define VPD_SUM		sizeof(vpd_fixed)
#define VPD_END		(VLAB_SHAPE_VPD_SIZE - 1)

static u8 negative_sum(const u8 *buf, unsigned int len)
{
	u8 sum = 0;

	while (len--)
		sum -= *buf++;
	return sum;
}

static void vpd_init(struct shape *s)
{
	const u8 rw[] = { 0x91, VPD_END - VPD_SUM - 4, 0, 'R', 'W', VPD_END - VLAB_SHAPE_VPD_RW };

	BUILD_BUG_ON(VPD_SUM + 1 + sizeof(rw) != VLAB_SHAPE_VPD_RW);
	memcpy(s->vpd, vpd_fixed, sizeof(vpd_fixed));
	s->vpd[VPD_SUM] = negative_sum(s->vpd, VPD_SUM);
	memcpy(&s->vpd[VPD_SUM + 1], rw, sizeof(rw));
	s->vpd[VPD_END] = 0x78;
}

static u32 vpd_load(const struct shape *s, unsigned int addr)
{
	u32 val = 0;
	unsigned int i;

	for (i = 0; i < 4 && addr + i < sizeof(s->vpd); i++)
		val |= (u32)s->vpd[addr + i] << i * 8;
	return val;
}

static void vpd_store(struct shape *s, unsigned int addr, u32 val)
{
	unsigned int i;

	for (i = 0; i < 4; i++, val >>= 8)
		if (addr + i >= VLAB_SHAPE_VPD_RW && addr + i < VPD_END)
			s->vpd[addr + i] = val;
}

/* 6.1: the flag tells the direction, and turns over when it is done. */
static void vpd_access(struct shape *s)
{
	struct vlab_cfg *cfg = &s->fn.cfg;
	unsigned int data = s->vpd_cap + PCI_VPD_DATA;
	u16 addr = vlab_cfg_get(cfg, s->vpd_cap + PCI_VPD_ADDR, 2);
	unsigned int at = addr & PCI_VPD_ADDR_MASK & ~3;

	if (addr & PCI_VPD_ADDR_F)
		vpd_store(s, at, vlab_cfg_get(cfg, data, 4));
	else
		vlab_cfg_set(cfg, data, 4, vpd_load(s, at));
	vlab_cfg_set(cfg, s->vpd_cap + PCI_VPD_ADDR, 2, addr ^ PCI_VPD_ADDR_F);
}

static void shape_cfg_written(struct vlab_fn *fn, unsigned int off, unsigned int len)
{
	struct shape *s = to_shape(fn);
	unsigned int flag = s->vpd_cap + PCI_VPD_ADDR + 1;

	if (s->vpd_cap && flag >= off && flag < off + len)
		vpd_access(s);
}

/* ---- capabilities (4) ---- */

static void add_pm(struct vlab_fn *fn, unsigned int off)
{
	vlab_cap_pm(fn, off, to_shape(fn)->spec.pm == PM_KEEP);
}

static void add_msi(struct vlab_fn *fn, unsigned int off)
{
	const struct spec *s = &to_shape(fn)->spec;

	vlab_cap_msi(fn, off, s->msi, s->msi_flags);
}

static void add_msix(struct vlab_fn *fn, unsigned int off)
{
	const struct spec *s = &to_shape(fn)->spec;

	vlab_cap_msix(fn, off, s->msix, s->table.off | s->table.bar, s->pba.off | s->pba.bar);
}

static void add_pcie(struct vlab_fn *fn, unsigned int off)
{
	const struct spec *s = &to_shape(fn)->spec;

	vlab_cap_pcie(fn, off, PCI_EXP_TYPE_ENDPOINT, s->flr == FLR_PCIE);
	if (!has_cap(s, CAP_ATOMICS))
		return;
	vlab_cfg_reg(&fn->cfg, off + PCI_EXP_DEVCAP2, 4, PCI_EXP_DEVCAP2_ATOMIC_COMP32 |
		     PCI_EXP_DEVCAP2_ATOMIC_COMP64 | PCI_EXP_DEVCAP2_ATOMIC_COMP128, 0, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_EXP_DEVCTL2, 2, 0, PCI_EXP_DEVCTL2_ATOMIC_REQ, 0);
}

static void add_vpd(struct vlab_fn *fn, unsigned int off)
{
	to_shape(fn)->vpd_cap = vlab_cap_raw(fn, off, PCI_CAP_ID_VPD, NULL, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_VPD_ADDR, 2, 0, 0xffff, 0);
	vlab_cfg_reg(&fn->cfg, off + PCI_VPD_DATA, 4, 0, ~0U, 0);
	vpd_init(to_shape(fn));
}

/* 4.2: its length, a register, a word. */
static void add_vendor(struct vlab_fn *fn, unsigned int off)
{
	static const u8 body[] = { 16, 0, 0, 0, 0, 0, 'v', 'f', 'i', 'o', 'l', 'a', 'b', 0 };

	vlab_cap_raw(fn, off, PCI_CAP_ID_VNDR, body, sizeof(body));
	vlab_cfg_reg(&fn->cfg, off + 4, 4, 0, ~0U, 0);
}

static void add_dsn(struct vlab_fn *fn, unsigned int off)
{
	const u64 number = (u64)VLAB_VENDOR << 48 | (u64)VLAB_DEVICE_SHAPE << 32;

	vlab_ext_cap_dsn(fn, off, number | fn->index);
}

struct cap {
	unsigned int cap;
	void (*add)(struct vlab_fn *fn, unsigned int off);
	unsigned int off;
};

static const struct cap caps[] = {
	{ CAP_PM, add_pm, 0x40 },
	{ CAP_MSI, add_msi, 0x50 },
	{ CAP_MSIX, add_msix, 0x70 },
	{ CAP_PCIE, add_pcie, 0x80 },
	{ CAP_AF, vlab_cap_af, 0xc0 },
	{ CAP_VPD, add_vpd, 0xc8 },
	{ CAP_VENDOR, add_vendor, 0xd0 },
};

/* The first one has to be at 0x100, whichever it is. */
static const struct cap ext_caps[] = {
	{ CAP_AER, vlab_ext_cap_aer },
	{ CAP_DSN, add_dsn },
	{ CAP_LTR, vlab_ext_cap_ltr },
};

static const u16 ext_places[][ARRAY_SIZE(ext_caps)] = {
	[CHAIN_PLAIN] = { 0x100, 0x140, 0x180 },
	[CHAIN_ODD] = { 0x100, 0xf00, 0x800 },
};

/* 4.1: an odd chain goes from the last to the first. */
static void add_caps(struct vlab_fn *fn, const struct spec *s)
{
	const struct cap *cap;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		cap = &caps[s->odd ? ARRAY_SIZE(caps) - 1 - i : i];
		if (has_cap(s, cap->cap))
			cap->add(fn, cap->off);
	}
}

static void add_ext_caps(struct vlab_fn *fn, const struct spec *s)
{
	const u16 *place = ext_places[s->odd];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ext_caps); i++)
		if (has_cap(s, ext_caps[i].cap))
			ext_caps[i].add(fn, *place++);
}

/* ---- interrupts (5) ---- */

/* One that is up already comes again. */
static void raise(struct vlab_fn *fn, unsigned int vec)
{
	vlab_irq_set(fn, vec, false);
	vlab_irq_set(fn, vec, true);
}

static void lower(struct vlab_fn *fn, unsigned int vec)
{
	vlab_irq_set(fn, vec, false);
}

/* [FUNCTION:]VECTOR */
static int set_vector(struct vlab_card *card, const char *text,
		      void (*set)(struct vlab_fn *fn, unsigned int vec))
{
	struct vlab_fn *fn = vlab_card_fn(card, 0);
	unsigned long flags;
	char *end;
	u64 num = memparse(text, &end);

	if (end != text && *end == ':') {
		fn = num < VLAB_MAX_FNS ? vlab_card_fn(card, num) : NULL;
		text = end + 1;
		num = memparse(text, &end);
	}
	if (end == text || *end || !fn || num >= fn->nvec)
		return -EINVAL;
	raw_spin_lock_irqsave(&fn->lock, flags);
	set(fn, num);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return 0;
}

static int raise_act(struct vlab_card *card, unsigned int port, const char *text)
{
	return set_vector(card, text, raise);
}

static int lower_act(struct vlab_card *card, unsigned int port, const char *text)
{
	return set_vector(card, text, lower);
}

/* ---- registers (3) ---- */

static void raise_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	raise(fn, val);
}

static void lower_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	lower(fn, val);
}

static u64 resets_read(struct vlab_fn *fn, unsigned int inst)
{
	return fn->resets;
}

static u64 vectors_read(struct vlab_fn *fn, unsigned int inst)
{
	return fn->nvec;
}

static const struct vlab_reg shape_regs[] = {
	{ .name = "ID", .off = VLAB_SHAPE_ID, .width = 4, .reset = VLAB_SHAPE_MAGIC },
	{ .name = "SCRATCH", .off = VLAB_SHAPE_SCRATCH, .width = 4, .rw = ~0U },
	{ .name = "RAISE", .off = VLAB_SHAPE_RAISE, .width = 4, .write = raise_written },
	{ .name = "LOWER", .off = VLAB_SHAPE_LOWER, .width = 4, .write = lower_written },
	{ .name = "VECTORS", .off = VLAB_SHAPE_VECTORS, .width = 4, .read = vectors_read },
	{ .name = "RESETS", .off = VLAB_SHAPE_RESETS, .width = 4, .read = resets_read },
};

static int add_regs(struct shape *s)
{
	const struct vlab_regs block = {
		.bar = s->spec.regs,
		.stride = VLAB_SHAPE_DMA,
		.count = 1,
		.regs = shape_regs,
		.nregs = ARRAY_SIZE(shape_regs),
	};

	if (s->spec.regs == NO_REGS)
		return 0;
	return vlab_regs_add(&s->fn, &block) ?:
	       vlab_dma_init(&s->fn, s->spec.regs, VLAB_SHAPE_DMA);
}

static u64 pba_read(struct vlab_fn *fn, unsigned int inst)
{
	unsigned int i, first = inst * 64;
	u64 bits = 0;

	for (i = 0; i < 64 && first + i < fn->nvec; i++)
		bits |= (u64)fn->vec[first + i].pending << i;
	return bits;
}

static const struct vlab_reg pba_regs[] = {
	{ .name = "PBA", .width = 8, .read = pba_read },
};

static int add_pba(struct shape *s)
{
	const struct vlab_regs block = {
		.bar = s->spec.pba.bar,
		.off = s->spec.pba.off,
		.stride = 8,
		.count = pba_size(&s->spec) / 8,
		.regs = pba_regs,
		.nregs = ARRAY_SIZE(pba_regs),
	};

	return s->spec.msix ? vlab_regs_add(&s->fn, &block) : 0;
}

/* ---- BARs (3.1) ---- */

/* Registers, MSI-X table and pending bits are trapped, and what is before them. */
static u64 trapped(const struct spec *s, unsigned int bar)
{
	u64 end = s->regs == bar ? VLAB_SHAPE_REGS_SIZE : 0;

	if (s->msix && s->table.bar == bar)
		end = max_t(u64, end, s->table.off + table_size(s));
	if (s->msix && s->pba.bar == bar)
		end = max_t(u64, end, s->pba.off + pba_size(s));
	return PAGE_ALIGN(end);
}

/* 3.4: real memory where it can be, as long as there is some. */
static int add_bar(struct shape *s, unsigned int i)
{
	const struct bar_spec *bar = &s->spec.bar[i];
	u64 mem_off = trapped(&s->spec, i);

	if (!mem_off && is_memory(bar) && bar->size >= PAGE_SIZE &&
	    !vlab_bar_real(&s->fn, i, bar->size, bar->flags))
		return 0;
	return vlab_bar_init(&s->fn, i, bar->size, bar->flags, mem_off);
}

static int add_bars(struct shape *s)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < VLAB_BARS; i++)
		if (s->spec.bar[i].size)
			ret = add_bar(s, i);
	return ret;
}

/* ---- expansion ROM (7) ---- */

#define ROM_UNIT	512
#define ROM_PCIR	0x1c
#define ROM_TEXT	0x34

static const char rom_text[] = "vfiolab shape";

static void put16(u8 *to, u16 val)
{
	to[0] = val;
	to[1] = val >> 8;
}

/* PCI Firmware Specification 3.0, 5.1: header, data structure; the rest is zero. */
static void make_image(u8 *rom, const struct vlab_cfg *cfg, u32 size)
{
	u8 *pcir = rom + ROM_PCIR;

	put16(rom, 0xaa55);
	rom[2] = min(size / ROM_UNIT, 255U);
	put16(rom + 0x18, ROM_PCIR);
	memcpy(pcir, "PCIR", 4);
	memcpy(pcir + 4, &cfg->val[PCI_VENDOR_ID], 4);
	put16(pcir + 0x0a, 0x18);
	memcpy(pcir + 0x0d, &cfg->val[PCI_CLASS_PROG], 3);
	put16(pcir + 0x10, size / ROM_UNIT);
	pcir[0x14] = 0xff;	/* code: none that a machine would run */
	pcir[0x15] = 0x80;	/* the last image */
	memcpy(rom + ROM_TEXT, rom_text, sizeof(rom_text));
	rom[ROM_UNIT - 1] = negative_sum(rom, ROM_UNIT - 1);
}

static int add_rom(struct shape *s)
{
	u8 rom[ROM_UNIT] = {};
	int ret;

	if (!s->spec.rom)
		return 0;
	ret = vlab_rom_init(&s->fn, s->spec.rom);
	if (ret)
		return ret;
	make_image(rom, &s->fn.cfg, s->spec.rom);
	return vlab_mem_rw(s->fn.bar[VLAB_ROM].mem, 0, rom, sizeof(rom), true);
}

/* 3.5 */
static int add_region(struct shape *s)
{
	return s->spec.region ? vlab_region_init(&s->fn, s->spec.region) : 0;
}

/* ---- life ---- */

static unsigned int shape_functions(const struct vlab_card *card)
{
	return vlab_card_num(card, "functions");
}

static int shape_init(struct vlab_fn *fn)
{
	const struct vlab_ident ident = {
		.vendor = VLAB_VENDOR,
		.device = VLAB_DEVICE_SHAPE,
		.subvendor = VLAB_VENDOR,
		.subdevice = VLAB_DEVICE_SHAPE,
		.class = 0xff0000,
		.pin = vlab_card_num(fn->card, "pin"),
	};
	struct shape *s = to_shape(fn);

	read_spec(fn->card, &s->spec);
	vlab_cfg_header(fn, &ident);
	if (!vlab_card_num(fn->card, "disintx"))
		fn->cfg.wmask[PCI_COMMAND + 1] &= ~(PCI_COMMAND_INTX_DISABLE >> 8);
	add_caps(fn, &s->spec);
	add_ext_caps(fn, &s->spec);
	return vlab_irq_init(fn, max3(1U, s->spec.msi, s->spec.msix)) ?:
	       add_bars(s) ?: add_regs(s) ?: add_pba(s) ?: add_rom(s) ?: add_region(s);
}

#define BAR_PARAM(_name, _def)							\
	{									\
		.name = _name,							\
		.type = VLAB_PARAM_TEXT,					\
		.def_text = _def,						\
		.check = check_bar,						\
		.help = "none, io:SIZE, mem32:SIZE[:pref] or mem64:SIZE[:pref], "	\
			"SIZE a power of two: io 4 to 256, mem 16 to 2G or 512G",	\
	}

#define PLACE_PARAM(_name, _def)						\
	{									\
		.name = _name,							\
		.type = VLAB_PARAM_TEXT,					\
		.def_text = _def,						\
		.check = check_place,						\
		.help = "BAR:OFFSET as 4:0x1000, a multiple of 8",		\
	}

#define CHOICE_PARAM(_name, _choices, _def)					\
	{ .name = _name, .type = VLAB_PARAM_CHOICE, .choices = _choices, .def = _def }

#define ACTION_PARAM(_name, _act)						\
	{									\
		.name = _name,							\
		.type = VLAB_PARAM_ACTION,					\
		.act = _act,							\
		.help = "VECTOR or FUNCTION:VECTOR, counted from 0",		\
	}

static const struct vlab_param shape_params[] = {
	{ .name = "functions", .type = VLAB_PARAM_UINT, .min = 1, .max = VLAB_MAX_FNS, .def = 1 },
	BAR_PARAM("bar0", "mem32:4K"),
	BAR_PARAM("bar1", "none"),
	BAR_PARAM("bar2", "mem64:64K:pref"),
	BAR_PARAM("bar3", "none"),
	BAR_PARAM("bar4", "mem32:64K"),
	BAR_PARAM("bar5", "none"),
	CHOICE_PARAM("regs", regs_names, 2),
	{ .name = "msix", .type = VLAB_PARAM_UINT, .max = 2048, .def = 16 },
	PLACE_PARAM("msix_table", "4:0x1000"),
	PLACE_PARAM("msix_pba", "4:0xa000"),
	{ .name = "msi", .type = VLAB_PARAM_POW2, .max = 32, .def = 8 },
	{ .name = "msi_64", .type = VLAB_PARAM_UINT, .max = 1, .def = 1 },
	{ .name = "msi_mask", .type = VLAB_PARAM_UINT, .max = 1, .def = 1 },
	CHOICE_PARAM("pin", pin_names, 1),
	{ .name = "disintx", .type = VLAB_PARAM_UINT, .max = 1, .def = 1 },
	CHOICE_PARAM("type", type_names, TYPE_PCIE),
	CHOICE_PARAM("flr", flr_names, FLR_PCIE),
	CHOICE_PARAM("pm", pm_names, PM_RESET),
	{ .name = "caps", .type = VLAB_PARAM_TEXT, .def_text = "none", .check = check_caps,
	  .help = "none, or words of vpd,vendor,dsn,aer,ltr,atomics" },
	CHOICE_PARAM("chain", chain_names, CHAIN_PLAIN),
	{ .name = "rom", .type = VLAB_PARAM_POW2, .max = SZ_16M },
	{ .name = "region", .type = VLAB_PARAM_POW2, .max = SZ_1M },
	ACTION_PARAM("raise", raise_act),
	ACTION_PARAM("lower", lower_act),
	{}
};

static const struct vlab_model shape_model = {
	.name = "shape",
	.owner = THIS_MODULE,
	.fn_size = sizeof(struct shape),
	.params = shape_params,
	.features = "shape raise dma msix msi intx rom vpd",
	.functions = shape_functions,
	.check = shape_check,
	.init = shape_init,
	.stop = vlab_dma_stop,
	.exit = vlab_dma_exit,
	.reset = vlab_dma_reset,
	.cfg_written = shape_cfg_written,
};
module_vlab_model(shape_model);

MODULE_DESCRIPTION("vfiolab: the shape card");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
