// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slot front end: groups by ACS, windows that run out, cards straight in a
 * root port, parameters that cannot be had, and what a user's own remove and
 * rescan do to cards, ports and modules.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"
#include "vlab_shape.h"

#define PCI		"/sys/bus/pci"
#define DEVICES		PCI "/devices"
#define STATE_LEN	(128 * 1024)

/* ---- cards that no driver needs to have ---- */

#define plug(card, ...) vst_card_plug(card, "driver=", ##__VA_ARGS__)

/* Configure, but do not plug in: for places that are refused. */
static void prepare(struct vst_card *card, const char *slot)
{
	vst_card_create(card, "null");
	vst_card_set(card, "slot", slot);
}

static void function_number(const char *bdf, unsigned int fn, char other[VST_BDF_LEN])
{
	snprintf(other, VST_BDF_LEN, "%.*s%u", (int)strlen(bdf) - 1, bdf, fn % 8);
}

/* ---- the backplane as it was loaded ---- */

FIXTURE(slot) {
	struct vst_card a, b;
	int log;
};

FIXTURE_SETUP(slot)
{
	if (!vst_slots())
		vst_pci_rescan();	/* a test that failed may have left it so */
	if (!vst_slots())
		SKIP(return, "there is no backplane");
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(slot)
{
	vst_card_destroy(&self->a);
	vst_card_destroy(&self->b);
	close(self->log);
}

TEST_F(slot, has_an_iommu_group_of_its_own)
{
	char port[VST_BDF_LEN];
	int group;

	plug(&self->a);
	plug(&self->b);
	group = __vst_group(self->a.bdf[0]);
	if (group < 0)
		SKIP(return, "no IOMMU groups here");
	if (vst_segment())
		SKIP(return, "all in a segment of its own is one group");
	vst_pci_above(self->a.bdf[0], port);
	EXPECT_NE(group, __vst_group(self->b.bdf[0]));
	EXPECT_NE(group, __vst_group(port));
}

TEST_F(slot, functions_of_one_card_share_a_group)
{
	unsigned int i;

	plug(&self->a, "ports=4", "personality=mcs9922");
	ASSERT_EQ(4, self->a.nfns);
	if (__vst_group(self->a.bdf[0]) < 0)
		SKIP(return, "no IOMMU groups here");
	for (i = 1; i < self->a.nfns; i++)
		EXPECT_EQ(vst_group(self->a.bdf[0]), vst_group(self->a.bdf[i]));
}

TEST_F(slot, functions_of_one_card_are_neighbours)
{
	char bdf[VST_BDF_LEN];
	unsigned int i;

	plug(&self->a, "ports=4", "personality=mcs9922");
	for (i = 0; i < self->a.nfns; i++) {
		function_number(self->a.bdf[0], i, bdf);
		EXPECT_STREQ(bdf, self->a.bdf[i]);
	}
}

TEST_F(slot, port_is_bound_by_pcieport)
{
	char port[VST_BDF_LEN], driver[32];

	plug(&self->a);
	vst_pci_above(self->a.bdf[0], port);
	EXPECT_EQ(0, __vst_driver(port, driver, sizeof(driver)));
	EXPECT_STREQ("pcieport", driver);
	vst_pci_above(port, port);
	EXPECT_EQ(0, __vst_driver(port, driver, sizeof(driver)));
	EXPECT_STREQ("pcieport", driver);
}

TEST_F(slot, intx_of_each_function_is_its_own)
{
	char a[16], b[16];

	plug(&self->a);
	plug(&self->b);
	vst_pci_attr(self->a.bdf[0], "irq", a, sizeof(a));
	vst_pci_attr(self->b.bdf[0], "irq", b, sizeof(b));
	EXPECT_STRNE("0", a);
	EXPECT_STRNE("255", a);
	EXPECT_STRNE(a, b);
}

TEST_F(slot, windows_come_back_with_each_pull)
{
	char *before = vst_pci_state();
	unsigned int i;

	for (i = 0; i < 6; i++) {
		plug(&self->a, "memory=256M");
		vst_card_destroy(&self->a);
	}
	EXPECT_TRUE(vst_pci_unchanged(before));
}

/* Cards until there is no room, or no slot, for one more. */
static unsigned int fill_window(struct vst_card *card, const char *model, const char *attr,
				const char *value)
{
	unsigned int n, slots = vst_slots();

	/* The 8250 driver would look for a port behind each BAR. */
	vst_file_write(PCI "/drivers_autoprobe", "0");
	for (n = 0; n < slots; n++) {
		vst_card_create(&card[n], model);
		vst_card_set(&card[n], attr, value);
		if (__vst_card_live(&card[n]))
			break;
	}
	vst_file_write(PCI "/drivers_autoprobe", "1");
	return n;
}

/* The first of @n cards makes room for the one that had none; all go then. */
static void make_room(struct __test_metadata *_metadata, struct vst_card *card, unsigned int n)
{
	bool full = n < vst_slots();
	unsigned int i;

	vst_card_destroy(&card[0]);
	if (full && n)
		EXPECT_EQ(0, __vst_card_live(&card[n]));
	for (i = 1; i < n + full; i++)
		vst_card_destroy(&card[i]);
}

/* 4 KiB of I/O space for each of them, and a window has 32 KiB, if it has any. */
TEST_F(slot, io_window_runs_out_and_comes_back)
{
	static struct vst_card card[32];
	unsigned int n = fill_window(card, "serial", "personality", "mcs9922");
	bool full = n < vst_slots();
	char line[256] = "";

	if (full)
		EXPECT_EQ(1, vst_log_count(self->log, card[n].name, line, sizeof(line)));
	if (full)
		EXPECT_NE(NULL, strstr(line, "I/O window"));
	make_room(_metadata, card, n);
	if (!full)
		SKIP(return, "there is I/O space for a card in each slot");
}

static u32 shape_id(const char *bdf)
{
	struct vst_dev *dev;
	u32 id;

	vst_bind(bdf, VST_DRIVER);
	dev = vst_open(bdf);
	id = vst_read32(dev, 2, VLAB_SHAPE_ID);
	vst_close(dev);
	return id;
}

/* 2 MiB and a bit of 32-bit memory for each, and a window has 64 MiB. */
TEST_F(slot, memory_window_runs_out_and_the_others_go_on)
{
	static struct vst_card card[32];
	unsigned int n = fill_window(card, "shape", "bar0", "mem32:2M"), i;
	bool full = n < vst_slots();
	char line[256] = "";

	if (full)
		EXPECT_EQ(1, vst_log_count(self->log, card[n].name, line, sizeof(line)));
	if (full)
		EXPECT_NE(NULL, strstr(line, ": slot: the memory window of "));
	for (i = 0; i < n; i += 5)
		EXPECT_EQ(VLAB_SHAPE_MAGIC, shape_id(card[i].bdf[0]));
	make_room(_metadata, card, n);
	if (!full)
		SKIP(return, "there is 32-bit memory for a card in each slot");
}

TEST_F(slot, removed_card_can_be_pulled)
{
	plug(&self->a);
	vst_pci_remove(self->a.bdf[0]);
	EXPECT_FALSE(vst_pci_exists(self->a.bdf[0]));
	EXPECT_EQ(0, __vst_card_pull(&self->a));
}

TEST_F(slot, removed_card_comes_back_by_rescan)
{
	char irq[2][16], bar[2][512];

	plug(&self->a);
	vst_pci_attr(self->a.bdf[0], "irq", irq[0], sizeof(irq[0]));
	vst_pci_attr(self->a.bdf[0], "resource", bar[0], sizeof(bar[0]));
	vst_pci_remove(self->a.bdf[0]);
	vst_pci_rescan();
	ASSERT_TRUE(vst_pci_exists(self->a.bdf[0]));
	vst_pci_attr(self->a.bdf[0], "irq", irq[1], sizeof(irq[1]));
	vst_pci_attr(self->a.bdf[0], "resource", bar[1], sizeof(bar[1]));
	EXPECT_STREQ(irq[0], irq[1]);
	EXPECT_STREQ(bar[0], bar[1]);
}

TEST_F(slot, rescan_changes_nothing)
{
	char *before;

	plug(&self->a);
	before = vst_pci_state();
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_unchanged(before));
}

TEST_F(slot, removed_port_takes_its_card_only)
{
	char port[VST_BDF_LEN];

	plug(&self->a);
	plug(&self->b);
	vst_pci_above(self->a.bdf[0], port);
	vst_pci_remove(port);
	EXPECT_FALSE(vst_pci_exists(self->a.bdf[0]));
	EXPECT_TRUE(vst_pci_exists(self->b.bdf[0]));
	EXPECT_EQ(0, __vst_card_pull(&self->a));
	EXPECT_EQ(-ENODEV, __vst_card_live(&self->a));
	vst_pci_rescan();
	EXPECT_EQ(0, __vst_card_live(&self->a));
}

TEST_F(slot, removed_port_comes_back_with_its_card)
{
	char port[VST_BDF_LEN];

	plug(&self->a);
	vst_pci_above(self->a.bdf[0], port);
	vst_pci_remove(port);
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_exists(self->a.bdf[0]));
	EXPECT_EQ(0, __vst_card_pull(&self->a));
	EXPECT_FALSE(vst_pci_exists(self->a.bdf[0]));
	EXPECT_EQ(0, __vst_card_live(&self->a));
}

TEST_F(slot, removed_switch_refuses_cards_until_it_is_back)
{
	char bdf[VST_BDF_LEN], line[256];

	ASSERT_TRUE(vst_pci_find(VLAB_DEVICE_UPSTREAM, bdf));
	vst_pci_remove(bdf);
	prepare(&self->a, "\n");
	EXPECT_EQ(-ENODEV, __vst_card_live(&self->a));
	EXPECT_EQ(1, vst_log_count(self->log, self->a.name, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, "the port above was removed"));
	vst_pci_rescan();
	EXPECT_EQ(0, __vst_card_live(&self->a));
}

TEST_F(slot, removed_switch_comes_back_with_its_cards)
{
	char bdf[VST_BDF_LEN];

	plug(&self->a);
	plug(&self->b);
	ASSERT_TRUE(vst_pci_find(VLAB_DEVICE_UPSTREAM, bdf));
	vst_pci_remove(bdf);
	EXPECT_FALSE(vst_pci_exists(self->a.bdf[0]));
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_exists(self->a.bdf[0]));
	EXPECT_TRUE(vst_pci_exists(self->b.bdf[0]));
	EXPECT_EQ(0, __vst_card_pull(&self->a));
	EXPECT_EQ(0, __vst_card_live(&self->a));
}

/* Nothing is behind the bus: no wait for a link or a slow device. */
TEST_F(slot, bus_reset_does_not_wait)
{
	u64 start, best = UINT64_MAX;
	char path[128];
	unsigned int i;

	plug(&self->a);
	snprintf(path, sizeof(path), DEVICES "/%s/reset_method", self->a.bdf[0]);
	vst_file_write(path, "bus");
	snprintf(path, sizeof(path), DEVICES "/%s/reset", self->a.bdf[0]);
	for (i = 0; i < 5; i++) {
		start = vst_now_ms();
		vst_file_write(path, "1");
		best = best < vst_now_ms() - start ? best : vst_now_ms() - start;
	}
	TH_LOG("%llu ms", (unsigned long long)best);
	EXPECT_GT(90, best);
}

/* ---- places that are refused ---- */

FIXTURE(place) {
	struct vst_card card;
	int log;
};

FIXTURE_SETUP(place)
{
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(place)
{
	vst_card_destroy(&self->card);
	close(self->log);
}

static void expect_refused(struct __test_metadata *_metadata, struct vst_card *card, int log,
			   int ret, const char *why)
{
	char line[256] = "";

	EXPECT_EQ(ret, __vst_card_live(card));
	EXPECT_EQ(1, vst_log_count(log, card->name, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, why)) TH_LOG("kernel said: %s", line);
}

TEST_F(place, that_is_no_root_port_is_refused)
{
	prepare(&self->card, "0000:00:00.0");
	expect_refused(_metadata, &self->card, self->log, -EINVAL, "is not a root port");
}

TEST_F(place, that_does_not_exist_is_refused)
{
	prepare(&self->card, "ffff:ff:1f.7");
	expect_refused(_metadata, &self->card, self->log, -EINVAL, "does not exist");
}

TEST_F(place, of_the_backplane_is_refused)
{
	char bdf[VST_BDF_LEN];

	if (!vst_pci_find(VLAB_DEVICE_UPSTREAM, bdf))
		SKIP(return, "there is no backplane");
	vst_pci_above(bdf, bdf);
	prepare(&self->card, bdf);
	expect_refused(_metadata, &self->card, self->log, -EBUSY, "is not empty");
}

TEST_F(place, in_the_backplane_is_refused)
{
	char bdf[VST_BDF_LEN];

	if (!vst_pci_find(VLAB_DEVICE_DOWNSTREAM, bdf))
		SKIP(return, "there is no backplane");
	prepare(&self->card, bdf);
	expect_refused(_metadata, &self->card, self->log, -EINVAL, "is not a root port");
}

/* ---- straight in a root port ---- */

FIXTURE(straight) {
	struct vst_card card, other;
	char port[VST_BDF_LEN], slot[32];
};

/* The last empty root port that has windows: one that was removed may have none. */
static int find_port(struct vst_card *card, char port[VST_BDF_LEN])
{
	int ret = -ENODEV;
	unsigned int i;

	for (i = 0; vst_pci_empty_port("0000:00", i, port); i++) {
		vst_card_create(card, "serial");
		vst_card_set(card, "slot", port);
		ret = __vst_card_live(card);
		vst_card_destroy(card);
		if (ret != -ENOSPC)
			break;
	}
	return ret;
}

FIXTURE_SETUP(straight)
{
	switch (find_port(&self->card, self->port)) {
	case -ENODEV:
		SKIP(return, "no empty root port");
	case -EOPNOTSUPP:
		SKIP(return, "the IOMMU does not cover what is below the root port");
	case -ENOSPC:
		SKIP(return, "no empty root port has windows");
	}
	snprintf(self->slot, sizeof(self->slot), "slot=%s", self->port);
}

FIXTURE_TEARDOWN(straight)
{
	vst_card_destroy(&self->card);
	vst_card_destroy(&self->other);
}

TEST_F(straight, card_sits_below_its_root_port)
{
	char port[VST_BDF_LEN];

	plug(&self->card, self->slot);
	vst_pci_above(self->card.bdf[0], port);
	EXPECT_STREQ(self->port, port);
}

TEST_F(straight, second_card_in_a_root_port_is_refused)
{
	plug(&self->card, self->slot);
	prepare(&self->other, self->port);
	EXPECT_EQ(-EBUSY, __vst_card_live(&self->other));
}

TEST_F(straight, removed_card_still_holds_its_root_port)
{
	plug(&self->card, self->slot);
	vst_pci_remove(self->card.bdf[0]);
	prepare(&self->other, self->port);
	EXPECT_EQ(-EBUSY, __vst_card_live(&self->other));
	EXPECT_EQ(0, __vst_card_pull(&self->card));
	EXPECT_EQ(0, __vst_card_live(&self->other));
}

TEST_F(straight, pulled_card_leaves_its_root_port_as_it_was)
{
	char *before = vst_pci_state();

	plug(&self->card, self->slot);
	vst_card_destroy(&self->card);
	EXPECT_TRUE(vst_pci_unchanged(before));
	plug(&self->other, self->slot);
}

/* The root port is not ours, but its secondary bus reset reaches the card. */
/* uapi: HOT_RESET.DO */
TEST_F(straight, hot_reset_by_the_root_port_resets_the_card)
{
	struct vst_dev *dev;
	u32 resets;

	vst_card_plug(&self->card, self->slot);
	if (__vst_group(self->card.bdf[0]) < 0)
		SKIP(return, "no IOMMU groups here");
	dev = vst_open(self->card.bdf[0]);
	resets = vst_read32(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_RESETS);
	vst_hot_reset(dev);
	EXPECT_EQ(resets + 1, vst_read32(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_RESETS));
	vst_close(dev);
}

/* Newer kernels give a port that they find again no windows. */
TEST_F(straight, removed_root_port_lets_its_card_be_pulled)
{
	plug(&self->card, self->slot);
	vst_pci_remove(self->port);
	EXPECT_FALSE(vst_pci_exists(self->card.bdf[0]));
	EXPECT_EQ(0, __vst_card_pull(&self->card));
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_exists(self->port));
}

/* ---- loaded again, with other parameters ---- */

FIXTURE(reload) {
	struct vst_card a, b;
	char *before;
	int log;
};

FIXTURE_SETUP(reload)
{
	const char *dir = getenv("VLAB_MODULES");

	if (!dir || !*dir)
		SKIP(return, "VLAB_MODULES names no directory of modules");
	if (!vst_slots() && !access("/sys/module/vfiolab", F_OK))
		SKIP(return, "there is no backplane");
	self->log = vst_log_open();
	vst_modules_unload();
	self->before = vst_pci_state();
}

FIXTURE_TEARDOWN(reload)
{
	if (!self->before)
		return;
	vst_card_destroy(&self->a);
	vst_card_destroy(&self->b);
	vst_modules_unload();
	EXPECT_TRUE(vst_pci_unchanged(self->before));
}

static void load_null(const char *params)
{
	vst_module_load("vfiolab", params);
	vst_module_load("vfiolab_null", "");
}

TEST_F(reload, without_acs_all_is_one_group)
{
	char port[VST_BDF_LEN];
	int group;

	load_null("acs=0");
	plug(&self->a, "model=null");
	plug(&self->b, "model=null");
	group = __vst_group(self->a.bdf[0]);
	if (group < 0)
		SKIP(return, "no IOMMU groups here");
	EXPECT_EQ(group, __vst_group(self->b.bdf[0]));
	ASSERT_TRUE(vst_pci_find(VLAB_DEVICE_UPSTREAM, port));
	EXPECT_EQ(group, __vst_group(port));
}

TEST_F(reload, last_slot_is_the_last)
{
	load_null("slots=2");
	EXPECT_EQ(2, vst_slots());
	prepare(&self->a, "2");
	expect_refused(_metadata, &self->a, self->log, -EINVAL, "not one of the slots 0 to 1");
	vst_card_set(&self->a, "slot", "1");
	EXPECT_EQ(0, __vst_card_live(&self->a));
}

TEST_F(reload, card_finds_all_slots_taken)
{
	load_null("slots=1");
	plug(&self->a, "model=null");
	prepare(&self->b, "\n");
	expect_refused(_metadata, &self->b, self->log, -EBUSY, "all 1 slots are taken");
}

TEST_F(reload, live_card_pins_the_modules)
{
	load_null("");
	plug(&self->a, "model=null");
	EXPECT_GT(0, __vst_modules_unload());
	EXPECT_TRUE(vst_pci_exists(self->a.bdf[0]));
}

static void expect_no_load(struct __test_metadata *_metadata, int log, const char *params,
			   int ret, const char *why)
{
	char line[256] = "";

	EXPECT_EQ(ret, __vst_module_load("vfiolab", params));
	EXPECT_EQ(1, vst_log_count(log, "vfiolab: ", line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, why)) TH_LOG("kernel said: %s", line);
	EXPECT_NE(0, access("/sys/module/vfiolab", F_OK));
}

TEST_F(reload, bad_parameters_are_refused)
{
	expect_no_load(_metadata, self->log, "slots=0", -EINVAL, "1 to 31");
	expect_no_load(_metadata, self->log, "slots=32", -EINVAL, "1 to 31");
	expect_no_load(_metadata, self->log, "port=here", -EINVAL, "does not exist");
	expect_no_load(_metadata, self->log, "port=1", -EINVAL, "does not exist");
	expect_no_load(_metadata, self->log, "port=ffff:ff:1f.7", -EINVAL, "does not exist");
	expect_no_load(_metadata, self->log, "port=0000:00:00.0", -EINVAL, "not a root port");
}

static unsigned int bus_of(const char *port, const char *which)
{
	char text[16];

	vst_pci_attr(port, which, text, sizeof(text));
	return strtoul(text, NULL, 10);
}

/* A port that was removed and found again may have got more of them. */
static bool find_port_with_few_buses(char port[VST_BDF_LEN])
{
	unsigned int skip;

	for (skip = 0; vst_pci_empty_port("0000:00", skip, port); skip++)
		if (bus_of(port, "subordinate_bus_number") -
		    bus_of(port, "secondary_bus_number") < 31)
			return true;
	return false;
}

TEST_F(reload, root_port_with_too_few_bus_numbers_is_refused)
{
	char port[VST_BDF_LEN], params[64];

	if (!find_port_with_few_buses(port))
		SKIP(return, "no empty root port with less than 32 buses");
	snprintf(params, sizeof(params), "slots=31 port=%s", port);
	expect_no_load(_metadata, self->log, params, -ENOSPC, "too few bus numbers");
}

/* Not with the first root port, which others need yet. */
TEST_F(reload, removed_root_port_lets_the_module_go)
{
	char port[VST_BDF_LEN], params[64];

	if (!vst_pci_empty_port("0000:00", 1, port) || !vst_pci_empty_port("0000:00", 0, port))
		SKIP(return, "no second empty root port");
	snprintf(params, sizeof(params), "slots=1 port=%s", port);
	if (__vst_module_load("vfiolab", params))
		SKIP(return, "the root port has too few bus numbers, or no windows");
	vst_module_load("vfiolab_null", "");
	plug(&self->a, "model=null");
	vst_pci_remove(port);
	EXPECT_FALSE(vst_pci_exists(self->a.bdf[0]));
	vst_card_destroy(&self->a);
	EXPECT_EQ(0, __vst_modules_unload());
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_exists(port));
	/* The kernel may give a port that it finds again other addresses. */
	free(self->before);
	self->before = vst_pci_state();
}

/* ---- as the runner left it ---- */

int main(int argc, char **argv)
{
	bool loaded = !access("/sys/module/vfiolab", F_OK);
	int ret = vst_main(argc, argv, NULL, test_harness_run);

	if (loaded && access("/sys/module/vfiolab_vfio_pci", F_OK))
		vst_modules_restore();
	return ret;
}
