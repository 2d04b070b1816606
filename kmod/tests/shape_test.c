// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of the shape card: attributes to config space, and back to a
 * line that says what is right
 */
#include "tap.h"
#include "vlab_shape.h"
#include "world.h"

#define MAX_ATTRS	8

static struct vlab_card card;

/* "name=value" through the table, as configfs does it. */
static int set(const char *attr)
{
	const struct vlab_param *p;
	char name[16];
	unsigned int i;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(attr, "="), attr);
	p = vlab_param_find(card.model, name, &i);
	assert(p);
	return vlab_param_parse(p, strchr(attr, '=') + 1, &card.val[i]);
}

static int plug(const char *const *attrs)
{
	unsigned int i;

	world_reset();
	card = (struct vlab_card) { .name = "card0", .model = vlab_model_get("shape") };
	vlab_param_defaults(&card);
	for (i = 0; i < MAX_ATTRS && attrs[i]; i++)
		assert(!set(attrs[i]));
	mutex_lock(&card.lock);
	return vlab_card_live(&card);
}

static void pull(void)
{
	vlab_card_pull(&card);
	mutex_unlock(&card.lock);
	vlab_model_put(card.model);
}

#define PLUG(...) EXPECT_EQ(0, plug((const char *const []){ __VA_ARGS__, NULL }))

static u32 config(unsigned int off, unsigned int len)
{
	return vlab_cfg_read(card.fn[0], off, len);
}

static void config_write(unsigned int off, unsigned int len, u32 val)
{
	vlab_cfg_write(card.fn[0], off, len, val);
	shim_run();
}

static u32 sized(unsigned int bar)
{
	config_write(PCI_BASE_ADDRESS_0 + bar * 4, 4, ~0U);
	return config(PCI_BASE_ADDRESS_0 + bar * 4, 4);
}

TEST(shape_bar_texts_become_bars)
{
	PLUG("bar0=io:256", "bar1=mem32:16", "bar2=mem64:512G:pref", "bar4=mem32:2G:pref",
	     "bar5=none", "regs=none", "msix=0");
	EXPECT_EQ(0xffffff01, sized(0));
	EXPECT_EQ(0xfffffff0, sized(1));
	EXPECT_EQ(0x0000000c, sized(2));
	EXPECT_EQ(0xffffff80, sized(3));
	EXPECT_EQ(0x80000008, sized(4));
	EXPECT_EQ(0, sized(5));
	pull();
}

TEST(shape_values_that_no_card_can_have_are_refused)
{
	static const char *const bad[] = {
		"bar0=", "bar0=io", "bar0=io:", "bar0=io:2", "bar0=io:512", "bar0=io:8:pref",
		"bar0=mem32:8", "bar0=mem32:4G", "bar0=mem32:4K:", "bar0=mem32:4K:prefx",
		"bar0=mem32:-4K", "bar0=mem64:1024G", "bar0=mem64:3K", "bar0=mem16:4K",
		"bar0=none:4K", "msix_table=", "msix_table=4", "msix_table=4:", "msix_table=6:0",
		"msix_table=/:0", "msix_table=4:4", "msix_table=4:-8", "msix_table=4:8x",
		"msix_table=4:0x100000000", "caps=", "caps=,", "caps=vpd,", "caps=vpdx",
		"caps=vp", "caps=none,vpd", "rom=3K", "functions=9",
	};
	unsigned int i;

	PLUG("functions=1");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, set(bad[i]));
		if (!set(bad[i]))
			printf("# %s\n", bad[i]);
	}
	pull();
}

/* Each is right but for the last one. */
TEST(shape_attributes_are_judged_together)
{
	static const char *const bad[][MAX_ATTRS] = {
		{ "bar1=mem32:4K", "bar0=mem64:4K" }, { "bar5=mem64:4K" }, { "regs=1" },
		{ "bar1=io:256", "regs=1" }, { "bar1=mem32:2K", "regs=1" },
		{ "msix=1", "msix_table=5:0" }, { "msix=2048", "msix_table=4:0x8008" },
		{ "msix_table=2:0xff8" }, { "msix_table=4:0x7fffff8" },
		{ "msix=2", "msix_pba=4:0x1018" }, { "msix=65", "msix_pba=4:0xff8" },
		{ "msix_pba=4:0xfff8", "msix=65" }, { "type=conventional" },
		{ "type=conventional", "flr=af", "caps=ltr" }, { "rom=1K" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, plug(bad[i]));
		EXPECT_EQ(0, card.nfns);
		vlab_model_put(card.model);
	}
	PLUG("msix=2", "msix_table=4:0xffe0", "msix_pba=4:0xffd8");
	pull();
	PLUG("msix=65", "msix_pba=4:0xff0");
	pull();
	PLUG("msix=2048", "bar4=mem64:8G", "msix_table=4:0xfffff000", "regs=none");
	EXPECT_EQ(0x100007000, card.fn[0]->bar[4].mem_off);
	pull();
	PLUG("type=conventional", "flr=none", "caps=vpd,vendor");
	EXPECT_EQ(~0U, config(256, 4));
	pull();
}

TEST(shape_vpd_is_read_by_its_handshake)
{
	u8 sum = 0, vpd[VLAB_SHAPE_VPD_SIZE];
	unsigned int i;
	u32 val;

	PLUG("caps=vpd");
	for (i = 0; i < sizeof(vpd); i += 4) {
		config_write(0xc8 + PCI_VPD_ADDR, 2, i);
		EXPECT_EQ(i | PCI_VPD_ADDR_F, config(0xc8 + PCI_VPD_ADDR, 2));
		val = config(0xc8 + PCI_VPD_DATA, 4);
		memcpy(vpd + i, &val, 4);
	}
	for (i = 0; i < 38; i++)
		sum += vpd[i];
	EXPECT_EQ(0, sum);
	EXPECT_EQ(0x91, vpd[38]);
	EXPECT_EQ(sizeof(vpd) - 1, 38 + 3 + (vpd[39] | vpd[40] << 8));
	EXPECT_EQ(0x78, vpd[sizeof(vpd) - 1]);
	pull();
}

static u32 vpd_at(unsigned int addr)
{
	config_write(0xc8 + PCI_VPD_ADDR, 2, addr);
	return config(0xc8 + PCI_VPD_DATA, 4);
}

static void vpd_write(unsigned int addr, u32 val)
{
	config_write(0xc8 + PCI_VPD_DATA, 4, val);
	config_write(0xc8 + PCI_VPD_ADDR, 2, addr | PCI_VPD_ADDR_F);
	EXPECT_EQ(addr, config(0xc8 + PCI_VPD_ADDR, 2));
}

TEST(shape_vpd_takes_writes_where_it_may)
{
	u32 before;

	PLUG("caps=vpd", "flr=af");
	before = vpd_at(40);
	vpd_write(40, 0);
	vpd_write(44, 0x01020304);
	vpd_write(124, ~0U);
	vpd_write(128, ~0U);
	vpd_write(0x7ffc, ~0U);
	config_write(0xc0 + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	EXPECT_EQ(before, vpd_at(40));
	EXPECT_EQ(0x01020304, vpd_at(44));
	EXPECT_EQ(0x78ffffff, vpd_at(124));
	EXPECT_EQ(0, vpd_at(128));
	EXPECT_EQ(0, vpd_at(0x7ffc));
	pull();
}

/* Half of the address without its flag asks for nothing. */
TEST(shape_vpd_low_byte_alone_does_nothing)
{
	PLUG("caps=vpd");
	config_write(0xc8 + PCI_VPD_ADDR, 1, 4);
	EXPECT_EQ(4, config(0xc8 + PCI_VPD_ADDR, 2));
	EXPECT_EQ(0, config(0xc8 + PCI_VPD_DATA, 4));
	pull();
}

TEST(shape_pending_bits_are_where_they_should)
{
	struct vlab_fn *fn;

	PLUG("msix=130", "msix_pba=4:0x4010");
	fn = card.fn[0];
	config_write(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	config_write(0x70 + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	vlab_irq_vec_set(fn, 5, 10);
	vlab_irq_vec_mask(fn, 5, false);
	world_write(fn, 2, VLAB_SHAPE_RAISE, 4, 5);
	shim_run();
	EXPECT_EQ(1, world.sent[10]);
	world_write(fn, 2, VLAB_SHAPE_RAISE, 4, 129);
	world_write(fn, 2, VLAB_SHAPE_RAISE, 4, 3);
	world_write(fn, 2, VLAB_SHAPE_RAISE, 4, 130);
	EXPECT_EQ(1 << 3, world_read(fn, 4, 0x4010, 8));
	EXPECT_EQ(0, world_read(fn, 4, 0x4018, 8));
	EXPECT_EQ(2, world_read(fn, 4, 0x4020, 8));
	EXPECT_EQ(U64_MAX, world_read(fn, 4, 0x4028, 8));
	EXPECT_EQ(U64_MAX, world_read(fn, 4, 0x1000, 8));
	pull();
}

static int act(const char *name, const char *text)
{
	return vlab_param_find(card.model, name, NULL)->act(&card, 0, text);
}

TEST(shape_vectors_are_raised_by_function_and_number)
{
	PLUG("functions=2", "msi=4", "msix=0");
	EXPECT_EQ(0, act("raise", "1:3"));
	EXPECT_EQ(0, card.fn[0]->vec[3].level);
	EXPECT_EQ(1, card.fn[1]->vec[3].level);
	EXPECT_EQ(0, act("raise", "2"));
	EXPECT_EQ(1, card.fn[0]->vec[2].level);
	EXPECT_EQ(0, act("lower", "1:3"));
	EXPECT_EQ(0, card.fn[1]->vec[3].level);
	EXPECT_EQ(-EINVAL, act("raise", "4"));
	EXPECT_EQ(-EINVAL, act("raise", "2:0"));
	EXPECT_EQ(-EINVAL, act("raise", "4294967296:0"));
	EXPECT_EQ(-EINVAL, act("raise", "4294967296"));
	EXPECT_EQ(-EINVAL, act("raise", ""));
	EXPECT_EQ(-EINVAL, act("raise", ":1"));
	EXPECT_EQ(-EINVAL, act("raise", "1:"));
	EXPECT_EQ(-EINVAL, act("raise", "1 "));
	pull();
}

TEST(shape_rom_image_adds_up)
{
	u8 rom[512], sum = 0;
	unsigned int i;

	PLUG("rom=16M");
	EXPECT_EQ(0, vlab_mem_rw(card.fn[0]->bar[VLAB_ROM].mem, 0, rom, sizeof(rom), false));
	for (i = 0; i < sizeof(rom); i++)
		sum += rom[i];
	EXPECT_EQ(0, sum);
	EXPECT_EQ(255, rom[2]);
	EXPECT_EQ(0x8000, rom[0x2c] | rom[0x2d] << 8);
	pull();
}
