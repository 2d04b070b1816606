// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cards by configfs: what attributes take and what they refuse, with one line in
 * the kernel's log that says what is right; many cards; and pulling them in
 * whatever they are doing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define CONFIGFS	"/sys/kernel/config/vfiolab"
#define CARD		VLAB_SERIAL_BAR_CTRL
#define MAX_CARDS	31

FIXTURE(card) {
	struct vst_card card;
	int log;
};

FIXTURE_SETUP(card)
{
	vst_card_create(&self->card, "serial");
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(card)
{
	vst_card_destroy(&self->card);
	close(self->log);
}

/* Lines about this card since the last call; @last gets the last one. */
static int lines(int log, const struct vst_card *card, char *last, size_t len)
{
	char who[64];

	snprintf(who, sizeof(who), "vfiolab: %s: ", card->name);
	return vst_log_count(log, who, last, len);
}

static bool exists(const char *bdf)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	return !access(path, F_OK);
}

static int slot_of(struct vst_card *card, unsigned int slot)
{
	char text[12];

	snprintf(text, sizeof(text), "%u", slot);
	return __vst_card_set(card, "slot", text);
}

/* ---- values ---- */

FIXTURE(refused) {
	struct vst_card card;
	int log;
};

FIXTURE_VARIANT(refused) {
	const char *attr, *value, *hint;
};

FIXTURE_VARIANT_ADD(refused, no_ports) {
	"ports", "0", "1 to 8"
};

FIXTURE_VARIANT_ADD(refused, nine_ports) {
	"ports", "9", "1 to 8"
};

FIXTURE_VARIANT_ADD(refused, negative_ports) {
	"ports", "-1", "1 to 8"
};

FIXTURE_VARIANT_ADD(refused, two_words_of_ports) {
	"ports", "1 2", "1 to 8"
};

FIXTURE_VARIANT_ADD(refused, empty_ports) {
	"ports", "\n", "1 to 8"
};

FIXTURE_VARIANT_ADD(refused, unknown_personality) {
	"personality", "pc16550", "mcs9922"
};

FIXTURE_VARIANT_ADD(refused, memory_that_is_no_power_of_two) {
	"memory", "5000", "power of two"
};

FIXTURE_VARIANT_ADD(refused, too_little_memory) {
	"memory", "2K", "power of two"
};

FIXTURE_VARIANT_ADD(refused, too_much_memory) {
	"memory", "2G", "power of two"
};

FIXTURE_VARIANT_ADD(refused, memory_that_overflows) {
	"memory", "18446744073709551616", "power of two"
};

FIXTURE_VARIANT_ADD(refused, msi_that_is_no_power_of_two) {
	"msi", "3", "power of two"
};

FIXTURE_VARIANT_ADD(refused, too_many_msi) {
	"msi", "64", "power of two"
};

FIXTURE_VARIANT_ADD(refused, too_many_msix) {
	"msix", "2049", "0 to 2048"
};

FIXTURE_VARIANT_ADD(refused, unknown_far_end) {
	"port0/far", "moon", "null-modem:CARD/PORT"
};

FIXTURE_VARIANT_ADD(refused, null_modem_to_nobody) {
	"port0/far", "null-modem:", "null-modem:CARD/PORT"
};

FIXTURE_VARIANT_ADD(refused, null_modem_without_port) {
	"port0/far", "null-modem:card0", "null-modem:CARD/PORT"
};

FIXTURE_VARIANT_ADD(refused, null_modem_to_port_99) {
	"port0/far", "null-modem:card0/99", "null-modem:CARD/PORT"
};

FIXTURE_VARIANT_ADD(refused, unknown_pace) {
	"port0/pace", "fast", "line"
};

FIXTURE_VARIANT_ADD(refused, port_that_the_card_has_not) {
	"port5/far", "none", "1 ports"
};

FIXTURE_VARIANT_ADD(refused, slot_that_is_no_number) {
	"slot", "first", "slot number"
};

FIXTURE_VARIANT_ADD(refused, slot_above_all) {
	"slot", "31", "slot number"
};

FIXTURE_VARIANT_ADD(refused, negative_slot) {
	"slot", "-1", "slot number"
};

FIXTURE_VARIANT_ADD(refused, half_an_address_as_slot) {
	"slot", "0000:00:04", "slot number"
};

FIXTURE_VARIANT_ADD(refused, unknown_model) {
	"model", "teapot", "serial"
};

FIXTURE_VARIANT_ADD(refused, path_as_model) {
	"model", "../serial", "serial"
};

FIXTURE_VARIANT_ADD(refused, live_with_a_word) {
	"live", "perhaps", "0 or 1"
};

FIXTURE_SETUP(refused)
{
	vst_card_create(&self->card, "serial");
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(refused)
{
	vst_card_destroy(&self->card);
	close(self->log);
}

TEST_F(refused, is_einval_with_a_line_that_says_what_is_right)
{
	char before[64], after[64], line[512] = "";

	vst_card_get(&self->card, variant->attr, before, sizeof(before));
	EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, variant->attr, variant->value));
	EXPECT_EQ(1, lines(self->log, &self->card, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, variant->hint)) {
		TH_LOG("the line is: %s", line);
	}
	vst_card_get(&self->card, variant->attr, after, sizeof(after));
	EXPECT_STREQ(before, after);
}

TEST_F(card, attributes_keep_what_was_written)
{
	static const struct {
		const char *attr, *in, *out;
	} values[] = {
		{ "ports", "8", "8" }, { "personality", "qemu4x", "qemu4x" },
		{ "memory", "1M", "1048576" }, { "msi", "0", "0" }, { "msix", "2048", "2048" },
		{ "slot", "0", "0" }, { "slot", "", "" }, { "port7/far", "none", "none" },
		{ "port0/far", "null-modem:other/3", "null-modem:other/3" },
		{ "port0/pace", "line", "line" }, { "model", "null", "null" },
	};
	char text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		/* An empty write() is none at all. */
		EXPECT_EQ(0, __vst_card_set(&self->card, values[i].attr,
					    *values[i].in ? values[i].in : "\n"));
		vst_card_get(&self->card, values[i].attr, text, sizeof(text));
		EXPECT_STREQ(values[i].out, text);
	}
	EXPECT_EQ(0, lines(self->log, &self->card, NULL, 0));
}

TEST_F(card, new_model_brings_its_own_defaults)
{
	char text[64];

	vst_card_set(&self->card, "ports", "8");
	vst_card_set(&self->card, "model", "null");
	EXPECT_EQ(-ENOENT, __vst_card_get(&self->card, "ports", text, sizeof(text)));
	vst_card_set(&self->card, "model", "serial");
	vst_card_get(&self->card, "ports", text, sizeof(text));
	EXPECT_STREQ("1", text);
}

TEST_F(card, overlong_values_are_refused)
{
	static const char *const attrs[] = { "ports", "personality", "memory", "slot", "model",
					     "port0/far", "port0/pace" };
	char text[4096];
	unsigned int i;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, attrs[i], text));
		EXPECT_EQ(1, lines(self->log, &self->card, NULL, 0));
	}
}

TEST_F(card, read_only_attributes_cannot_be_written)
{
	EXPECT_GT(0, __vst_card_set(&self->card, "address", "0000:00:1f.0"));
	EXPECT_GT(0, __vst_card_set(&self->card, "features", "all"));
	EXPECT_GT(0, __vst_card_set(&self->card, "port0/node", "ttyS0"));
}

TEST_F(card, features_name_what_there_is)
{
	EXPECT_TRUE(vst_card_feature(&self->card, "loopback"));
	EXPECT_TRUE(vst_card_feature(&self->card, "dma"));
	EXPECT_FALSE(vst_card_feature(&self->card, "teleport"));
}

/* ---- live ---- */

TEST_F(card, address_is_empty_until_live_and_after)
{
	char text[64];

	vst_card_get(&self->card, "address", text, sizeof(text));
	EXPECT_STREQ("", text);
	vst_card_live(&self->card);
	EXPECT_EQ(1, self->card.nfns);
	EXPECT_TRUE(exists(self->card.bdf[0]));
	vst_card_pull(&self->card);
	EXPECT_FALSE(exists(self->card.bdf[0]));
	vst_card_get(&self->card, "address", text, sizeof(text));
	EXPECT_STREQ("", text);
}

TEST_F(card, live_twice_and_pulled_twice_is_once)
{
	char first[VST_BDF_LEN];

	vst_card_live(&self->card);
	memcpy(first, self->card.bdf[0], sizeof(first));
	EXPECT_EQ(0, __vst_card_live(&self->card));
	EXPECT_STREQ(first, self->card.bdf[0]);
	EXPECT_EQ(0, __vst_card_pull(&self->card));
	EXPECT_EQ(0, __vst_card_pull(&self->card));
}

TEST_F(card, changes_while_live_are_ebusy)
{
	static const char *const change[][2] = {
		{ "ports", "2" }, { "personality", "vlab" }, { "memory", "128K" },
		{ "msi", "4" }, { "msix", "32" }, { "slot", "3" }, { "model", "null" },
		{ "port0/far", "none" }, { "port0/pace", "line" },
	};
	char before[64], after[64];
	unsigned int i;

	vst_card_live(&self->card);
	for (i = 0; i < ARRAY_SIZE(change); i++) {
		vst_card_get(&self->card, change[i][0], before, sizeof(before));
		EXPECT_EQ(-EBUSY, __vst_card_set(&self->card, change[i][0], change[i][1])) {
			TH_LOG("%s", change[i][0]);
		}
		vst_card_get(&self->card, change[i][0], after, sizeof(after));
		EXPECT_STREQ(before, after);
	}
}

TEST_F(card, directory_of_a_live_card_stays)
{
	char path[128];

	vst_card_live(&self->card);
	snprintf(path, sizeof(path), CONFIGFS "/%s", self->card.name);
	EXPECT_EQ(-1, rmdir(path));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(exists(self->card.bdf[0]));
}

TEST_F(card, directory_of_that_name_is_there_once)
{
	char path[128];

	snprintf(path, sizeof(path), CONFIGFS "/%s", self->card.name);
	EXPECT_EQ(-1, mkdir(path, 0755));
	EXPECT_EQ(EEXIST, errno);
}

TEST_F(card, line_conditions_need_a_live_card)
{
	EXPECT_EQ(-ENODEV, __vst_card_set(&self->card, "port0/line", "break"));
	EXPECT_EQ(1, lines(self->log, &self->card, NULL, 0));
	vst_card_live(&self->card);
	EXPECT_EQ(0, __vst_card_set(&self->card, "port0/line", "break"));
	EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, "port0/line", "thunder"));
	EXPECT_EQ(1, lines(self->log, &self->card, NULL, 0));
}

TEST(card_without_a_model_does_not_go_live)
{
	char name[] = "vst-no-model", path[128], line[256] = "";
	int log = vst_log_open();

	snprintf(path, sizeof(path), CONFIGFS "/%s", name);
	ASSERT_EQ(0, mkdir(path, 0755));
	snprintf(path, sizeof(path), CONFIGFS "/%s/live", name);
	EXPECT_EQ(-EINVAL, __vst_file_write(path, "1"));
	EXPECT_EQ(1, vst_log_count(log, name, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, "model"));
	snprintf(path, sizeof(path), CONFIGFS "/%s", name);
	EXPECT_EQ(0, rmdir(path));
	close(log);
}

/* ---- combinations that only all attributes together show to be wrong ---- */

FIXTURE(combination) {
	struct vst_card card;
};

FIXTURE_VARIANT(combination) {
	const char *attr[3][2];
	const char *hint;
};

FIXTURE_VARIANT_ADD(combination, qemu4x_with_two_ports) {
	.attr = { { "personality", "qemu4x" }, { "ports", "2" } },
	.hint = "4",
};

FIXTURE_VARIANT_ADD(combination, qemu2x_with_four_ports) {
	.attr = { { "personality", "qemu2x" }, { "ports", "4" } },
	.hint = "2",
};

FIXTURE_VARIANT_ADD(combination, mcs9922_with_more_memory) {
	.attr = { { "personality", "mcs9922" }, { "memory", "1M" } },
	.hint = "memory",
};

FIXTURE_VARIANT_ADD(combination, fewer_msix_vectors_than_ports) {
	.attr = { { "ports", "4" }, { "msix", "2" } },
	.hint = "msix",
};

FIXTURE_SETUP(combination)
{
	vst_card_create(&self->card, "serial");
}

FIXTURE_TEARDOWN(combination)
{
	vst_card_destroy(&self->card);
}

TEST_F(combination, does_not_go_live_and_says_why)
{
	int log = vst_log_open();
	char line[256] = "";
	unsigned int i;

	for (i = 0; i < 3 && variant->attr[i][0]; i++)
		vst_card_set(&self->card, variant->attr[i][0], variant->attr[i][1]);
	EXPECT_EQ(-EINVAL, __vst_card_live(&self->card));
	EXPECT_EQ(1, lines(log, &self->card, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, variant->hint)) {
		TH_LOG("the line is: %s", line);
	}
	/* Nothing half made: it works once that is put right. */
	vst_card_set(&self->card, "model", "serial");
	EXPECT_EQ(0, __vst_card_live(&self->card));
	close(log);
}

/* ---- slots ---- */

TEST_F(card, slot_given_is_the_slot_taken)
{
	char first[VST_BDF_LEN];

	if (vst_slots() < 4)
		SKIP(return, "needs a backplane with 4 slots");
	vst_ok(slot_of(&self->card, 3));
	vst_card_live(&self->card);
	memcpy(first, self->card.bdf[0], sizeof(first));
	vst_card_pull(&self->card);
	vst_card_live(&self->card);
	EXPECT_STREQ(first, self->card.bdf[0]);
	vst_card_pull(&self->card);
	vst_ok(slot_of(&self->card, 2));
	vst_card_live(&self->card);
	EXPECT_STRNE(first, self->card.bdf[0]);
}

TEST_F(card, slot_in_use_is_ebusy_and_named)
{
	struct vst_card other;
	char line[256] = "";

	if (vst_slots() < 2)
		SKIP(return, "needs a backplane with 2 slots");
	vst_ok(slot_of(&self->card, 1));
	vst_card_live(&self->card);
	vst_card_create(&other, "serial");
	vst_ok(slot_of(&other, 1));
	EXPECT_EQ(-EBUSY, __vst_card_live(&other));
	EXPECT_EQ(1, lines(self->log, &other, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, self->card.name));
	vst_card_pull(&self->card);
	EXPECT_EQ(0, __vst_card_live(&other));
	vst_card_destroy(&other);
}

TEST_F(card, own_function_as_root_port_is_refused)
{
	char bdf[VST_BDF_LEN];

	vst_card_live(&self->card);
	memcpy(bdf, self->card.bdf[0], sizeof(bdf));
	vst_card_pull(&self->card);
	vst_card_set(&self->card, "slot", bdf);
	EXPECT_EQ(-EINVAL, __vst_card_live(&self->card));
	EXPECT_EQ(1, lines(self->log, &self->card, NULL, 0));
}

/* ---- functions ---- */

TEST_F(card, each_port_of_a_split_card_is_a_function)
{
	unsigned int i;

	vst_card_set(&self->card, "personality", "mcs9922");
	vst_card_set(&self->card, "ports", "8");
	vst_card_live(&self->card);
	EXPECT_EQ(8, self->card.nfns);
	for (i = 0; i < self->card.nfns; i++) {
		EXPECT_EQ('0' + i, self->card.bdf[i][strlen(self->card.bdf[i]) - 1]);
		EXPECT_TRUE(exists(self->card.bdf[i]));
	}
}

/* ---- many ---- */

static void shuffle(unsigned int *order, unsigned int n, u64 seed)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i > 0; i--) {
		unsigned int j, tmp = order[i];

		vst_fill(&j, sizeof(j), seed + i);
		j %= i + 1;
		order[i] = order[j];
		order[j] = tmp;
	}
}

static void expect_alive(struct __test_metadata *_metadata, const char *bdf)
{
	struct vst_dev *dev = vst_open(bdf);

	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(dev, CARD, VLAB_SERIAL_ID));
	vst_close(dev);
}

TEST(a_card_in_each_slot_made_and_removed_in_any_order)
{
	struct vst_card card[MAX_CARDS] = { 0 }, more;
	unsigned int order[MAX_CARDS], n = vst_slots(), i;
	int log = vst_log_open();

	if (n < 2)
		SKIP(return, "needs a backplane");
	shuffle(order, n, 1);
	for (i = 0; i < n; i++) {
		vst_card_create(&card[order[i]], "serial");
		vst_ok(slot_of(&card[order[i]], order[i]));
		vst_card_live(&card[order[i]]);
		vst_bind(card[order[i]].bdf[0], VST_DRIVER);
	}
	vst_card_create(&more, "serial");
	EXPECT_EQ(-EBUSY, __vst_card_live(&more));
	EXPECT_EQ(1, lines(log, &more, NULL, 0));
	for (i = 0; i < n; i++)
		expect_alive(_metadata, card[i].bdf[0]);

	shuffle(order, n, 2);
	for (i = 0; i < n / 2; i++)
		vst_card_destroy(&card[order[i]]);
	EXPECT_EQ(0, __vst_card_live(&more));
	for (; i < n; i++) {
		expect_alive(_metadata, card[order[i]].bdf[0]);
		vst_card_destroy(&card[order[i]]);
	}
	vst_card_destroy(&more);
	close(log);
}

/* However much room there is, no card may break another one. */
TEST(card_that_does_not_fit_leaves_the_others_working)
{
	struct vst_card small, big = { 0 };
	int log = vst_log_open();

	if (!vst_slots())
		SKIP(return, "needs a backplane");
	vst_card_plug(&small);
	vst_card_create(&big, "shape");
	vst_card_set(&big, "bar2", "mem64:256G:pref");
	EXPECT_EQ(-ENOSPC, __vst_card_live(&big));
	EXPECT_EQ(1, lines(log, &big, NULL, 0));
	expect_alive(_metadata, small.bdf[0]);
	vst_card_set(&big, "bar2", "mem64:64K:pref");
	EXPECT_EQ(0, __vst_card_live(&big));
	vst_card_destroy(&big);
	vst_card_destroy(&small);
	close(log);
}

/* ---- pulled ---- */

/*
 * Somebody else pulls the card: a program of its own, since a mere child would
 * have the device open too, and wait for itself.
 */
static pid_t pull_elsewhere(struct vst_card *card)
{
	char path[128];
	pid_t pid;

	snprintf(path, sizeof(path), CONFIGFS "/%s/live", card->name);
	pid = fork();
	vst_assert(pid >= 0);
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "echo 0 >\"$0\"", path, NULL);
		_exit(127);
	}
	return pid;
}

static int result_of(pid_t pid)
{
	int status;

	vst_assert(waitpid(pid, &status, 0) == pid);
	return status;
}

static int request_eventfd(struct vst_dev *dev)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(dev, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &fd);
	return fd;
}

TEST_F(card, bound_card_can_be_pulled)
{
	char driver[32];

	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	vst_driver(self->card.bdf[0], driver, sizeof(driver));
	EXPECT_STREQ(VST_DRIVER, driver);
	EXPECT_EQ(0, __vst_card_pull(&self->card));
	EXPECT_FALSE(exists(self->card.bdf[0]));
}

/* uapi: REQUEST */
TEST_F(card, open_card_asks_its_user_and_waits)
{
	struct vst_dev *dev;
	pid_t pid;
	int req;

	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	dev = vst_open(self->card.bdf[0]);
	req = request_eventfd(dev);
	pid = pull_elsewhere(&self->card);
	vst_event_wait(req);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(dev, CARD, VLAB_SERIAL_ID));
	vst_close(dev);
	EXPECT_EQ(0, result_of(pid));
	EXPECT_FALSE(exists(self->card.bdf[0]));
	close(req);
}

/* uapi: REQUEST REGION.MMAP */
TEST_F(card, mapped_card_waits_for_the_mapping_too)
{
	struct vst_dev *dev;
	pid_t pid;
	u8 *va;
	int req;

	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	dev = vst_open(self->card.bdf[0]);
	req = request_eventfd(dev);
	va = vst_mmap(dev, CARD, VLAB_SERIAL_MEM, VST_PAGE);
	pid = pull_elsewhere(&self->card);
	vst_event_wait(req);
	vst_close(dev);
	va[0] = 1;
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	munmap(va, VST_PAGE);
	EXPECT_EQ(0, result_of(pid));
	close(req);
}

TEST_F(card, card_pulled_in_mid_transfer_touches_memory_no_more)
{
	struct vst_iommu *iommu = vst_iommu_open();
	struct vst_buf src, dst;
	struct vst_dev *dev;
	struct vst_dma dma;
	pid_t pid;
	int req;

	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	dev = vst_open_in(self->card.bdf[0], iommu);
	req = request_eventfd(dev);
	src = vst_buf(iommu, 16 * VST_PAGE, VST_RW);
	dst = vst_buf(iommu, 16 * VST_PAGE, VST_RW);
	memset(src.va, 0x5a, src.size);
	dma = (struct vst_dma){
		.src = src.iova, .dst = dst.iova, .len = src.size, .count = 1000000,
	};
	vst_master(dev, true);
	vst_dma_start(dev, &dma);
	EXPECT_TRUE(vst_until(vst_dma_read64(dev, VLAB_DMA_DONE), VST_DEADLINE_MS));
	pid = pull_elsewhere(&self->card);
	vst_event_wait(req);
	EXPECT_EQ(VLAB_DMA_ST_BUSY, vst_dma_read32(dev, VLAB_DMA_STATUS));
	vst_close(dev);
	memset(dst.va, 0xa5, dst.size);
	EXPECT_EQ(0, result_of(pid));
	EXPECT_EQ(0xa5, dst.va[0]);
	EXPECT_EQ(-1, vst_differs(dst.va, dst.va + 1, dst.size - 1));
	vst_iommu_close(iommu);
	close(req);
}

TEST_F(card, pulled_by_two_at_once_is_pulled)
{
	pid_t pid[2];

	vst_card_live(&self->card);
	pid[0] = pull_elsewhere(&self->card);
	pid[1] = pull_elsewhere(&self->card);
	EXPECT_EQ(0, result_of(pid[0]));
	EXPECT_EQ(0, result_of(pid[1]));
	EXPECT_FALSE(exists(self->card.bdf[0]));
}

static void toggle(const struct vst_card *card)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		__vst_card_set(card, "live", "1");
		__vst_card_set(card, "live", "0");
	}
	_exit(0);
}

TEST_F(card, plugged_and_pulled_by_three_at_once_stays_sane)
{
	pid_t pid[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i])
			toggle(&self->card);
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, result_of(pid[i]));
	EXPECT_EQ(0, __vst_card_pull(&self->card));
	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	expect_alive(_metadata, self->card.bdf[0]);
}

TEST_F(card, attributes_can_be_read_while_it_comes_and_goes)
{
	static const char *const attrs[] = { "address", "live", "ports", "features", "slot",
					     "port0/far", "port0/node", "port7/pace" };
	pid_t pid = fork();
	char text[128];
	unsigned int i;

	if (!pid)
		toggle(&self->card);
	for (i = 0; !waitpid(pid, NULL, WNOHANG); i++)
		__vst_card_get(&self->card, attrs[i % ARRAY_SIZE(attrs)], text, sizeof(text));
	EXPECT_EQ(0, __vst_card_pull(&self->card));
}

/* ---- modules ---- */

static int users(const char *module)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return vst_file_read(path, text, sizeof(text)) ? atoi(text) : -1;
}

TEST_F(card, model_in_use_pins_its_module)
{
	struct vst_card other;
	int before = users("vfiolab_serial");

	vst_card_create(&other, "serial");
	EXPECT_EQ(before + 1, users("vfiolab_serial"));
	EXPECT_EQ(-EWOULDBLOCK, __vst_module_unload("vfiolab_serial"));
	vst_card_set(&other, "model", "null");
	EXPECT_EQ(before, users("vfiolab_serial"));
	vst_card_destroy(&other);
	EXPECT_EQ(before, users("vfiolab_serial"));
}

TEST_F(card, refused_values_pin_nothing)
{
	int before = users("vfiolab_serial");

	EXPECT_EQ(-EINVAL, __vst_card_set(&self->card, "model", "teapot"));
	vst_card_live(&self->card);
	EXPECT_EQ(-EBUSY, __vst_card_set(&self->card, "model", "serial"));
	vst_card_pull(&self->card);
	EXPECT_EQ(before, users("vfiolab_serial"));
}

TEST_F(card, driver_of_an_open_card_cannot_be_unloaded)
{
	struct vst_dev *dev;
	int before = users(VST_DRIVER);

	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	dev = vst_open(self->card.bdf[0]);
	EXPECT_LT(before, users(VST_DRIVER));
	EXPECT_EQ(-EWOULDBLOCK, __vst_module_unload(VST_DRIVER));
	vst_close(dev);
	EXPECT_EQ(before, users(VST_DRIVER));
}

VST_MAIN_NO_CARD
