// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cards in other places than below the first host bridge: below a second one
 * (QEMU's pxb-pcie), and in a PCI segment of their own (vfiolab's segment=).
 *
 * To the IOMMU, functions of that segment are the root port that has given it its
 * windows: they are in its group, and their DMA is its DMA. So it is with real
 * segments behind Intel's VMD.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define BAR	VLAB_SERIAL_BAR_CTRL
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define LEN	(4 * VST_PAGE)

/* ---- loaded anew, with a segment ---- */

/* What a kernel or a machine may lack; all else that is refused is a failure. */
static bool is_lack(const char *line)
{
	return strstr(line, "CONFIG_VMD is not set") || strstr(line, "an AMD IOMMU does not ask") ||
	       strstr(line, "no root port for a segment");
}

/* Return: NULL when it is loaded, else what is lacking. */
static const char *load(const char *params)
{
	static char line[256];
	int log = vst_log_open(), ret;

	vst_modules_unload();
	ret = __vst_module_load("vfiolab", params);
	vst_log_count(log, "vfiolab: ", line, sizeof(line));
	close(log);
	if (ret && is_lack(line))
		return line;
	vst_ok(ret);
	vst_module_load("vfiolab_null", "");
	vst_module_load("vfiolab_serial", "");
	vst_module_load(VST_DRIVER, "check_iommu=1");
	return NULL;
}

/* Where the segment hangs: what its first bridge is below. */
static void root_port(char port[VST_BDF_LEN])
{
	vst_assert(vst_pci_find(VLAB_DEVICE_UPSTREAM, port));
	vst_pci_above(port, port);
}

static bool as_the_runner_left_it(void)
{
	return !access("/sys/module/vfiolab_tty", F_OK);
}

/* By the case before: anew takes most of the time here. */
static bool is_loaded_with(const char *params)
{
	char number[16], now[32], port[VST_BDF_LEN];

	if (as_the_runner_left_it() || !vst_pci_find(VLAB_DEVICE_UPSTREAM, port) ||
	    __vst_file_read("/sys/module/vfiolab/parameters/segment", number, sizeof(number)) < 0)
		return false;
	snprintf(now, sizeof(now), "segment=%#lx", strtoul(number, NULL, 0));
	return !strcmp(params, now);
}

/* ---- a card in each of these places does what it does elsewhere ---- */

FIXTURE(far) {
	struct vst_card card;
	struct vst_dev *dev;
	struct vst_buf buf;
	char port[VST_BDF_LEN];
};

FIXTURE_VARIANT(far) {
	const char *params;	/* NULL: as loaded */
	const char *bus;
};

FIXTURE_VARIANT_ADD(far, second_host_bridge) { .bus = "0000:[!0]*" };
FIXTURE_VARIANT_ADD(far, segment_as_of_vmd) { .params = "segment=0x10000", .bus = "10000:02" };
FIXTURE_VARIANT_ADD(far, segment_as_of_acpi) { .params = "segment=0x7fff", .bus = "7fff:02" };

static void plug_into(struct vst_card *card, const char *port)
{
	char slot[32];

	snprintf(slot, sizeof(slot), "slot=%s", port);
	vst_card_plug(card, slot);
}

FIXTURE_SETUP(far)
{
	const char *lack;

	VST_NEEDS(VST_CAN_DMA);
	if (variant->params) {
		VST_NEEDS_MODULES();
		lack = is_loaded_with(variant->params) ? NULL : load(variant->params);
		if (lack)
			SKIP(return, "%s", lack);
		vst_card_plug(&self->card);
		root_port(self->port);
	} else {
		if (!vst_pci_empty_port(variant->bus, 0, self->port))
			SKIP(return, "no empty root port below a second host bridge (pxb-pcie)");
		if (!as_the_runner_left_it())
			vst_modules_restore();
		plug_into(&self->card, self->port);
	}
	if (__vst_group(self->card.bdf[0]) < 0) {
		vst_card_destroy(&self->card);
		SKIP(return, "no IOMMU groups here");
	}
	self->dev = vst_open_master(self->card.bdf[0]);
	self->buf = vst_buf(self->dev->iommu, LEN, VST_RW);
}

FIXTURE_TEARDOWN(far)
{
	if (self->dev)
		vst_buf_free(&self->buf);
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

static void parse(const char *bdf, unsigned int *domain, unsigned int *bus)
{
	vst_assert(sscanf(bdf, "%x:%x", domain, bus) == 2);
}

/* Below a second host bridge, whose number whoever starts QEMU chose, the port says. */
TEST_F(far, address_names_segment_and_bus)
{
	unsigned int domain, bus, port_domain, port_bus;
	char secondary[16];

	parse(self->card.bdf[0], &domain, &bus);
	parse(self->port, &port_domain, &port_bus);
	if (variant->params) {
		EXPECT_EQ(0, strncmp(variant->bus, self->card.bdf[0], strlen(variant->bus)));
		EXPECT_NE(port_domain, domain);
	} else {
		vst_pci_attr(self->port, "secondary_bus_number", secondary, sizeof(secondary));
		EXPECT_EQ(port_domain, domain);
		EXPECT_EQ(atoi(secondary), (int)bus);
		EXPECT_NE(0, port_bus);
	}
}

TEST_F(far, registers_answer)
{
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, BAR, VLAB_SERIAL_ID));
	vst_write32(self->dev, BAR, VLAB_SERIAL_LIVENESS, 0x1234);
	EXPECT_EQ(~0x1234u, vst_read32(self->dev, BAR, VLAB_SERIAL_LIVENESS));
}

TEST_F(far, memory_is_mapped)
{
	u64 off = self->dev->region[BAR].area[0].offset;
	u8 *mem = vst_mmap(self->dev, BAR, off, VST_PAGE);

	vst_fill(mem, VST_PAGE, 1);
	vst_read(self->dev, BAR, off, self->buf.va, VST_PAGE);
	EXPECT_EQ(-1, vst_differs(mem, self->buf.va, VST_PAGE));
	munmap(mem, VST_PAGE);
}

TEST_F(far, dma_reads_and_writes)
{
	vst_fill(self->buf.va, LEN / 2, 2);
	vst_dma_run(self->dev, &(struct vst_dma) {
		.src = self->buf.iova,
		.dst = self->buf.iova + LEN / 2,
		.len = LEN / 2,
	});
	EXPECT_EQ(-1, vst_differs(self->buf.va, self->buf.va + LEN / 2, LEN / 2));
}

TEST_F(far, dma_without_a_mapping_is_denied)
{
	u64 iova = vst_iova(self->dev->iommu, VST_PAGE);

	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, iova, 8, false));
	EXPECT_EQ(iova, vst_dma_result(self->dev).fault);
	vst_unmap(self->dev->iommu, self->buf.iova, LEN, NULL);
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->buf.iova, 8, true));
}

static void expect_message(struct __test_metadata *_metadata, struct vst_dev *dev,
			   unsigned int index)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(dev, index, 0, 1, &fd);
	vst_dma_write32(dev, VLAB_DMA_SEND, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
	vst_irq_disable(dev, index);
	close(fd);
}

TEST_F(far, messages_arrive)
{
	expect_message(_metadata, self->dev, MSI);
	expect_message(_metadata, self->dev, MSIX);
}

TEST_F(far, intx_arrives)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(self->dev, INTX, 0, 1, &fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
	vst_uart_lower(self->dev, 0);
	close(fd);
}

static u32 resets(struct vst_dev *dev)
{
	return vst_read32(dev, BAR, VLAB_SERIAL_RESETS);
}

TEST_F(far, each_reset_reaches_it)
{
	u32 before = resets(self->dev);

	vst_reset(self->dev);
	EXPECT_EQ(before + 1, resets(self->dev));
	vst_hot_reset(self->dev);
	EXPECT_EQ(before + 2, resets(self->dev));
}

/* The segment's number has 16 bits there: 10000 reads as 0 (docs/surprises.md). */
/* uapi: HOT_RESET.INFO */
TEST_F(far, hot_reset_info_names_it)
{
	struct {
		struct vfio_pci_hot_reset_info info;
		struct vfio_pci_dependent_device dev[4];
	} a = { .info.argsz = sizeof(a) };
	unsigned int domain, bus;

	parse(self->card.bdf[0], &domain, &bus);
	vst_ioctl(self->dev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &a);
	ASSERT_EQ(1, a.info.count);
	EXPECT_EQ(domain & 0xffff, a.dev[0].segment);
	EXPECT_EQ(bus, a.dev[0].bus);
	EXPECT_EQ(0, a.dev[0].devfn);
}

/* Opened it is by the whole address; by another segment's it is not found. */
/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(far, group_knows_it_by_its_whole_address)
{
	char other[VST_BDF_LEN];

	VST_NEEDS(VST_CAN_GROUP);
	snprintf(other, sizeof(other), "0001%s", strchr(self->card.bdf[0], ':'));
	EXPECT_EQ(-ENODEV, __vst_xioctl(vst_group_fd(self->dev), VFIO_GROUP_GET_DEVICE_FD, other));
	EXPECT_EQ(-ENODEV, __vst_xioctl(vst_group_fd(self->dev), VFIO_GROUP_GET_DEVICE_FD,
					strchr(self->card.bdf[0], ':') + 1));
}

/* ---- the segment itself ---- */

FIXTURE(segment) {
	struct vst_card a, b;
	char port[VST_BDF_LEN];
	char *before;
};

/* Below the last empty root port, which nobody else needs. */
FIXTURE_SETUP(segment)
{
	char params[64], port[VST_BDF_LEN];
	const char *lack;

	VST_NEEDS_MODULES();
	vst_modules_unload();
	self->before = vst_pci_state();
	if (!vst_pci_empty_port("0000:00", 0, port))
		SKIP(return, "no empty root port");
	snprintf(params, sizeof(params), "segment=0x10000 slots=2 port=%s", port);
	lack = load(params);
	if (lack)
		SKIP(return, "%s", lack);
	root_port(self->port);
	ASSERT_STREQ(port, self->port);
}

FIXTURE_TEARDOWN(segment)
{
	if (!self->before)
		return;
	vst_card_destroy(&self->a);
	vst_card_destroy(&self->b);
	vst_modules_unload();
	EXPECT_TRUE(vst_pci_unchanged(self->before));
}

#define plug(card, ...) vst_card_plug(card, "driver=", ##__VA_ARGS__)

TEST_F(segment, all_of_it_is_in_the_group_of_the_root_port)
{
	char port[VST_BDF_LEN];
	int group = __vst_group(self->port);

	if (group < 0)
		SKIP(return, "no IOMMU groups here");
	plug(&self->a);
	plug(&self->b, "model=null");
	EXPECT_EQ(group, vst_group(self->a.bdf[0]));
	EXPECT_EQ(group, vst_group(self->b.bdf[0]));
	vst_pci_above(self->a.bdf[0], port);
	EXPECT_EQ(group, vst_group(port));
}

TEST_F(segment, two_cards_do_dma_in_one_address_space)
{
	struct vst_dev *a, *b;
	struct vst_buf buf;

	VST_NEEDS(VST_CAN_DMA);
	vst_card_plug(&self->a);
	vst_card_plug(&self->b);
	if (__vst_group(self->port) < 0)
		SKIP(return, "no IOMMU groups here");
	a = vst_open_master(self->a.bdf[0]);
	b = vst_open_in(self->b.bdf[0], a->iommu);
	vst_master(b, true);
	buf = vst_buf(a->iommu, LEN, VST_RW);
	vst_fill(buf.va, VST_PAGE, 3);
	vst_dma_run(a, &(struct vst_dma) {
		.src = buf.iova, .dst = buf.iova + VST_PAGE, .len = VST_PAGE });
	vst_dma_run(b, &(struct vst_dma) {
		.src = buf.iova + VST_PAGE, .dst = buf.iova + 2 * VST_PAGE, .len = VST_PAGE });
	EXPECT_EQ(-1, vst_differs(buf.va, buf.va + 2 * VST_PAGE, VST_PAGE));
	vst_buf_free(&buf);
	vst_close(b);
	vst_close(a);
}

TEST_F(segment, root_port_has_a_driver_of_ours_and_gets_its_own_back)
{
	char driver[32], path[128];

	vst_driver(self->port, driver, sizeof(driver));
	EXPECT_STREQ("vfiolab_segment", driver);
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/unbind", driver);
	EXPECT_EQ(-ENOENT, __vst_file_write(path, self->port));
	vst_modules_unload();
	vst_driver(self->port, driver, sizeof(driver));
	EXPECT_STREQ("pcieport", driver);
}

TEST_F(segment, leaves_other_root_ports_to_other_cards)
{
	char port[VST_BDF_LEN];

	if (!vst_pci_empty_port("0000:00", 0, port))
		SKIP(return, "no second empty root port");
	plug_into(&self->a, port);
	EXPECT_EQ(0, strncmp("0000:", self->a.bdf[0], 5));
	plug(&self->b);
	EXPECT_EQ(0, strncmp("10000:", self->b.bdf[0], 6));
	EXPECT_NE(__vst_group(self->a.bdf[0]), __vst_group(self->b.bdf[0]));
}

TEST_F(segment, its_root_port_takes_no_card)
{
	char line[256] = "";
	int log = vst_log_open();

	vst_card_create(&self->a, "null");
	vst_card_set(&self->a, "slot", self->port);
	EXPECT_EQ(-EBUSY, __vst_card_live(&self->a));
	EXPECT_EQ(1, vst_log_count(log, self->a.name, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, "is not empty"));
	close(log);
}

TEST_F(segment, card_and_switch_come_back_by_rescan)
{
	char before[512], after[512], bdf[VST_BDF_LEN];

	plug(&self->a);
	vst_pci_attr(self->a.bdf[0], "resource", before, sizeof(before));
	vst_pci_remove(self->a.bdf[0]);
	vst_pci_rescan();
	ASSERT_TRUE(vst_pci_exists(self->a.bdf[0]));
	vst_pci_attr(self->a.bdf[0], "resource", after, sizeof(after));
	EXPECT_STREQ(before, after);
	ASSERT_TRUE(vst_pci_find(VLAB_DEVICE_UPSTREAM, bdf));
	vst_pci_remove(bdf);
	EXPECT_FALSE(vst_pci_exists(self->a.bdf[0]));
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_exists(self->a.bdf[0]));
	EXPECT_EQ(__vst_group(self->port), __vst_group(self->a.bdf[0]));
	vst_card_pull(&self->a);
	EXPECT_EQ(0, __vst_card_live(&self->a));
}

TEST_F(segment, rescan_changes_nothing)
{
	char *before;

	plug(&self->a);
	before = vst_pci_state();
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_unchanged(before));
}

TEST_F(segment, root_port_that_is_removed_takes_all_of_it_along)
{
	char line[256] = "";
	int log = vst_log_open();

	plug(&self->a);
	vst_pci_remove(self->port);
	EXPECT_FALSE(vst_pci_exists(self->a.bdf[0]));
	EXPECT_NE(0, access("/sys/class/pci_bus/10000:00", F_OK));
	EXPECT_EQ(0, __vst_card_pull(&self->a));
	EXPECT_EQ(-ENODEV, __vst_card_live(&self->a));
	vst_log_count(log, self->a.name, line, sizeof(line));
	EXPECT_NE(NULL, strstr(line, "the port above was removed"));
	vst_card_destroy(&self->a);
	close(log);
	EXPECT_EQ(0, __vst_modules_unload());
	vst_pci_rescan();
	EXPECT_TRUE(vst_pci_exists(self->port));
	/* The kernel may give a port that it finds again other addresses. */
	free(self->before);
	self->before = vst_pci_state();
}

TEST_F(segment, open_card_holds_the_modules)
{
	struct vst_dev *dev;

	vst_card_plug(&self->a);
	if (__vst_group(self->port) < 0)
		SKIP(return, "no IOMMU groups here");
	dev = vst_open(self->a.bdf[0]);
	EXPECT_EQ(-EWOULDBLOCK, __vst_module_unload(VST_DRIVER));
	EXPECT_EQ(-EWOULDBLOCK, __vst_module_unload("vfiolab"));
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(dev, BAR, VLAB_SERIAL_ID));
	vst_close(dev);
}

/* ---- segments that cannot be had ---- */

FIXTURE(refused) {
	char *before;
	int log;
};

FIXTURE_SETUP(refused)
{
	VST_NEEDS_MODULES();
	vst_modules_unload();
	self->before = vst_pci_state();
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(refused)
{
	if (!self->before)
		return;
	vst_modules_unload();
	EXPECT_TRUE(vst_pci_unchanged(self->before));
	close(self->log);
}

/* Return: false when what is refused is any segment at all, and with the right reason. */
static bool expect_no_load(struct __test_metadata *_metadata, int log, const char *params,
			   int err, const char *why)
{
	char line[256] = "";
	int ret = __vst_module_load("vfiolab", params);

	EXPECT_NE(0, access("/sys/module/vfiolab", F_OK));
	EXPECT_EQ(1, vst_log_count(log, "vfiolab: ", line, sizeof(line)));
	if (ret == -EOPNOTSUPP && is_lack(line))
		return false;
	EXPECT_EQ(err, ret);
	EXPECT_NE(NULL, strstr(line, why)) TH_LOG("kernel said: %s", line);
	return true;
}

TEST_F(refused, number_out_of_range)
{
	expect_no_load(_metadata, self->log, "segment=0x80000000", -EINVAL,
		       "1 to 0x7fffffff is allowed");
	expect_no_load(_metadata, self->log, "segment=0xffffffff", -EINVAL,
		       "1 to 0x7fffffff is allowed");
}

/* The kernel's own refusal, with the name of the parameter. */
TEST_F(refused, what_is_no_number)
{
	char line[256] = "";

	EXPECT_EQ(-EINVAL, __vst_module_load("vfiolab", "segment=own"));
	EXPECT_EQ(1, vst_log_count(self->log, "for parameter `segment'", line, sizeof(line))) {
		TH_LOG("kernel said: %s", line);
	}
	EXPECT_EQ(-EINVAL, __vst_module_load("vfiolab", "segment=-1"));
	EXPECT_NE(0, __vst_module_load("vfiolab", "segment=0x100000000"));
	EXPECT_NE(0, access("/sys/module/vfiolab", F_OK));
}

TEST_F(refused, root_port_that_is_not_empty)
{
	expect_no_load(_metadata, self->log, "segment=0x10000 port=0000:00:00.0", -EINVAL,
		       "is not a root port");
}

/* Something that no driver of ours can take. */
TEST_F(refused, root_port_that_is_kept_from_us)
{
	char port[VST_BDF_LEN], params[64], override[128];

	if (!vst_pci_empty_port("0000:00", 0, port))
		SKIP(return, "no empty root port");
	snprintf(override, sizeof(override), "/sys/bus/pci/devices/%s/driver_override", port);
	vst_file_write(override, "pcieport");
	snprintf(params, sizeof(params), "segment=0x10000 port=%s", port);
	if (!expect_no_load(_metadata, self->log, params, -EBUSY, "has it a driver_override"))
		TH_LOG("not by its driver_override, no segment can be had here");
	vst_assert(!vst_driver(port, params, sizeof(params)));
	EXPECT_STREQ("pcieport", params);
	vst_file_write(override, "\n");
}

/* ---- as the runner left it ---- */

int main(int argc, char **argv)
{
	bool loaded = as_the_runner_left_it();
	int ret = vst_main(argc, argv, NULL, test_harness_run);

	if (loaded && !as_the_runner_left_it())
		vst_modules_restore();
	return ret;
}
