// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may go first: processes that are killed, drivers that are unbound, cards
 * that are pulled and files that are closed while the device is at work.
 */
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define BUF_SIZE	(16 * VST_PAGE)

/* ---- a device at work ---- */

/* All that one can have going at once. */
struct work {
	struct vst_dev *dev;
	struct vst_buf buf;
	u8 *mem;		/* card memory, mapped */
	int irq[4];		/* MSI-X */
	int req;		/* "let go of the device" */
};

static u64 mem_offset(struct vst_dev *dev)
{
	struct vst_region region;

	vst_region(dev, VLAB_SERIAL_BAR_CTRL, &region);
	vst_assert(region.nareas);
	return region.area[0].offset;
}

/* Copies the first half of the buffer to the second, for as good as ever. */
static void start_endless(struct work *w)
{
	vst_dma_start(w->dev, &(struct vst_dma) {
		.src = w->buf.iova,
		.dst = w->buf.iova + BUF_SIZE / 2,
		.len = BUF_SIZE / 2,
		.flags = VLAB_DMA_CTRL_IRQ,
		.count = UINT32_MAX,
	});
	vst_assert(vst_until(vst_dma_read64(w->dev, VLAB_DMA_DONE), VST_DEADLINE_MS));
}

static void map_card(struct work *w)
{
	w->mem = vst_mmap(w->dev, VLAB_SERIAL_BAR_CTRL, mem_offset(w->dev), VST_PAGE);
	w->mem[0] = 0x5a;
}

static void arm(struct work *w)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(w->irq); i++)
		w->irq[i] = vst_eventfd();
	vst_irq_eventfds(w->dev, VFIO_PCI_MSIX_IRQ_INDEX, 0, ARRAY_SIZE(w->irq), w->irq);
}

static void watch_request(struct work *w)
{
	w->req = vst_eventfd();
	vst_irq_eventfds(w->dev, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &w->req);
}

static void open_work(struct work *w, const char *bdf)
{
	w->dev = vst_open(bdf);
	vst_master(w->dev, true);
	w->buf = vst_buf(w->dev->iommu, BUF_SIZE, VST_RW);
}

static void open_all(struct work *w, const char *bdf)
{
	open_work(w, bdf);
	map_card(w);
	arm(w);
	watch_request(w);
	start_endless(w);
}

/*
 * A process is dead before the last of its memory is: the card may have had that
 * in hand, and with it a mapping of the device, and so the device.
 */
static void open_when_free(struct work *w, const char *bdf)
{
	int ret;

	vst_assert(vst_until((ret = __vst_open_in(&w->dev, bdf, NULL)) != vst_backend()->busy,
			     VST_DEADLINE_MS));
	vst_ok(ret);
	vst_master(w->dev, true);
	w->buf = vst_buf(w->dev->iommu, BUF_SIZE, VST_RW);
}

/* The device as a fresh user must find it: idle, and able to work. */
static void check_fresh(struct __test_metadata *_metadata, const char *bdf)
{
	struct work w;

	open_when_free(&w, bdf);
	EXPECT_EQ(0, vst_dma_read32(w.dev, VLAB_DMA_STATUS));
	EXPECT_EQ(0, vst_read32(w.dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_IRQ_STATUS));
	vst_fill(w.buf.va, VST_PAGE, 1);
	vst_dma_run(w.dev, &(struct vst_dma) {
		.src = w.buf.iova,
		.dst = w.buf.iova + VST_PAGE,
		.len = VST_PAGE,
	});
	EXPECT_EQ(-1, vst_differs(w.buf.va, w.buf.va + VST_PAGE, VST_PAGE));
	vst_buf_free(&w.buf);
	vst_close(w.dev);
}

/* Started before what it is to have no copy of is open. */
static struct vst_child child_start(void (*run)(const char *what, int sock), const char *what)
{
	struct vst_child c = vst_fork();

	if (!c.pid) {
		run(what, c.sock);
		_exit(0);
	}
	return c;
}

static bool child_ended(struct vst_child *c)
{
	siginfo_t info = { 0 };

	vst_assert(!waitid(P_PID, c->pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid == c->pid;
}

static void kill_child(struct vst_child *c)
{
	kill(c->pid, SIGKILL);
	vst_assert(WIFSIGNALED(vst_child_end(c)));
}

/* ---- processes that end without a word ---- */

FIXTURE(process) {
	const char *bdf;
};

FIXTURE_SETUP(process)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->bdf = vst_bdf();
}

FIXTURE_TEARDOWN(process)
{
}

static void run_transfer(const char *bdf, int sock)
{
	struct work w;

	open_work(&w, bdf);
	start_endless(&w);
	vst_say(sock);
	pause();
}

TEST_F(process, killed_in_mid_transfer_leaves_the_card_fresh)
{
	struct vst_child c = child_start(run_transfer, self->bdf);

	vst_hear(c.sock);
	kill_child(&c);
	check_fresh(_metadata, self->bdf);
}

static void run_everything(const char *bdf, int sock)
{
	struct work w;

	open_all(&w, bdf);
	vst_say(sock);
	pause();
}

TEST_F(process, killed_with_everything_going_leaves_the_card_fresh)
{
	struct vst_child c = child_start(run_everything, self->bdf);

	vst_hear(c.sock);
	kill_child(&c);
	check_fresh(_metadata, self->bdf);
}

static void run_register_storm(const char *bdf, int sock)
{
	struct vst_dev *dev = vst_open(bdf);
	struct vst_uart u = vst_uart(dev, 0);

	vst_say(sock);
	for (;;) {
		vst_out(&u, UART_LCR, 0);
		vst_in(&u, UART_RX);
	}
}

TEST_F(process, killed_between_register_accesses_leaves_the_card_fresh)
{
	struct vst_child c = child_start(run_register_storm, self->bdf);

	vst_hear(c.sock);
	kill_child(&c);
	check_fresh(_metadata, self->bdf);
}

static void run_reset_storm(const char *bdf, int sock)
{
	struct work w;

	open_work(&w, bdf);
	vst_say(sock);
	for (;;) {
		start_endless(&w);
		vst_reset(w.dev);
	}
}

TEST_F(process, killed_between_resets_leaves_the_card_fresh)
{
	struct vst_child c = child_start(run_reset_storm, self->bdf);

	vst_hear(c.sock);
	kill_child(&c);
	check_fresh(_metadata, self->bdf);
}

static void run_and_exit(const char *bdf, int sock)
{
	struct work w;

	open_all(&w, bdf);
	vst_say(sock);
}

TEST_F(process, that_just_exits_leaves_the_card_fresh)
{
	struct vst_child c = child_start(run_and_exit, self->bdf);

	vst_hear(c.sock);
	EXPECT_EQ(0, vst_child_end(&c));
	check_fresh(_metadata, self->bdf);
}

/* uapi: CDEV.OPEN */
TEST_F(process, child_keeps_the_device_open)
{
	struct vst_child c;
	struct work w;

	open_work(&w, self->bdf);
	c = vst_fork();
	if (!c.pid) {
		vst_linger(c.sock);
		_exit(0);
	}
	vst_buf_free(&w.buf);
	vst_close(w.dev);
	EXPECT_EQ(vst_backend()->busy, __vst_open_in(&w.dev, self->bdf, NULL));
	EXPECT_EQ(0, vst_child_end(&c));
	check_fresh(_metadata, self->bdf);
}

/* ---- opening ---- */

FIXTURE(file) {
	struct work w;
};

FIXTURE_SETUP(file)
{
	VST_NEEDS(VST_CAN_VFIO);
	open_work(&self->w, vst_bdf());
}

FIXTURE_TEARDOWN(file)
{
	vst_close(self->w.dev);
}

/* uapi: CDEV.OPEN */
TEST_F(file, device_has_one_user)
{
	struct vst_dev *dev;

	EXPECT_EQ(vst_backend()->busy, __vst_open_in(&dev, vst_bdf(), NULL));
}

/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(file, second_file_of_a_device_is_as_good_as_the_first)
{
	struct vst_dev *second;

	VST_NEEDS(VST_CAN_GROUP);
	second = vst_open_in(vst_bdf(), self->w.dev->iommu);
	vst_write32(self->w.dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_LIVENESS, 0x12345678);
	EXPECT_EQ(~0x12345678u,
		  vst_read32(second, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_LIVENESS));
	vst_close(second);
	EXPECT_EQ(~0x12345678u,
		  vst_read32(self->w.dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_LIVENESS));
}

/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(file, device_of_another_name_is_not_in_the_group)
{
	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(-1, ioctl(vst_group_fd(self->w.dev), VFIO_GROUP_GET_DEVICE_FD, "0000:ff:1f.7"));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(file, last_close_ends_a_transfer)
{
	u8 *va = self->w.buf.va;
	struct vst_dev *dev;

	start_endless(&self->w);
	vst_close(self->w.dev);
	memset(va, 0, BUF_SIZE);
	vst_fill(va, BUF_SIZE / 2, 2);
	dev = vst_open(vst_bdf());
	EXPECT_EQ(0, vst_dma_read32(dev, VLAB_DMA_STATUS));
	EXPECT_EQ(0, va[BUF_SIZE / 2]);
	EXPECT_EQ(-1, vst_differs(va + BUF_SIZE / 2, va + BUF_SIZE / 2 + 1, BUF_SIZE / 2 - 1));
	self->w.dev = dev;
}

/* uapi: DEVICE.RESET */
TEST_F(file, open_finds_the_reset_state)
{
	struct vst_uart u = vst_uart(self->w.dev, 0);

	vst_out(&u, UART_SCR, 0x5a);
	vst_write32(self->w.dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_LIVENESS, 1);
	vst_close(self->w.dev);
	self->w.dev = vst_open(vst_bdf());
	u = vst_uart(self->w.dev, 0);
	EXPECT_EQ(0, vst_in(&u, UART_SCR));
	EXPECT_EQ(0, vst_read32(self->w.dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_LIVENESS));
	EXPECT_EQ(0, vst_cfg_read16(self->w.dev, PCI_COMMAND) & PCI_COMMAND_MASTER);
}

TEST_F(file, fifty_opens_leave_nothing_behind)
{
	int i;

	for (i = 0; i < 50; i++) {
		vst_close(self->w.dev);
		self->w.dev = vst_open(vst_bdf());
	}
	vst_close(self->w.dev);
	check_fresh(_metadata, vst_bdf());
	self->w.dev = vst_open(vst_bdf());
}

/* ---- order of closing; each leaves a card that can be opened again ---- */

FIXTURE(order) {
	struct work w;
};

FIXTURE_SETUP(order)
{
	VST_NEEDS(VST_CAN_VFIO);
	open_all(&self->w, vst_bdf());
}

FIXTURE_TEARDOWN(order)
{
}

TEST_F(order, container_first)
{
	struct vst_dev *dev = self->w.dev;

	close(dev->iommu->fd);
	vst_dma_abort(dev);
	start_endless(&self->w);
	vst_dma_abort(dev);
	EXPECT_EQ(-ECANCELED, __vst_dma_wait(dev));
	munmap(self->w.mem, VST_PAGE);
	close(dev->fd);
	close(vst_group_fd(dev));
	check_fresh(_metadata, vst_bdf());
}

TEST_F(order, group_first)
{
	struct vst_dev *dev = self->w.dev;

	close(vst_group_fd(dev));
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_ID));
	EXPECT_EQ(VLAB_DMA_ST_BUSY, vst_dma_read32(dev, VLAB_DMA_STATUS));
	munmap(self->w.mem, VST_PAGE);
	close(dev->fd);
	close(dev->iommu->fd);
	check_fresh(_metadata, vst_bdf());
}

TEST_F(order, mapping_last)
{
	struct vst_dev *dev = self->w.dev;
	u8 val;

	close(dev->fd);
	close(vst_group_fd(dev));
	close(dev->iommu->fd);
	EXPECT_EQ(0, __vst_peek(self->w.mem, &val, 1));
	EXPECT_EQ(0x5a, val);
	munmap(self->w.mem, VST_PAGE);
	check_fresh(_metadata, vst_bdf());
}

TEST_F(order, eventfds_first)
{
	struct vst_dev *dev = self->w.dev;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(self->w.irq); i++)
		close(self->w.irq[i]);
	close(self->w.req);
	vst_dma_write32(dev, VLAB_DMA_SEND, 1);
	munmap(self->w.mem, VST_PAGE);
	vst_close(dev);
	check_fresh(_metadata, vst_bdf());
}

TEST_F(order, memory_of_the_transfer_first)
{
	munmap(self->w.buf.va, BUF_SIZE);
	munmap(self->w.mem, VST_PAGE);
	vst_close(self->w.dev);
	check_fresh(_metadata, vst_bdf());
}

/* uapi: GROUP.UNSET_CONTAINER */
TEST_F(order, unset_container_is_refused_while_open)
{
	struct vst_dev *dev = self->w.dev;

	VST_NEEDS(VST_CAN_TYPE1);
	EXPECT_EQ(-1, ioctl(vst_group_fd(dev), VFIO_GROUP_UNSET_CONTAINER));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(VLAB_DMA_ST_BUSY, vst_dma_read32(dev, VLAB_DMA_STATUS));
	munmap(self->w.mem, VST_PAGE);
	vst_close(dev);
	check_fresh(_metadata, vst_bdf());
}

/* ---- drivers and cards that go while the device is open ---- */

/* uapi: REQUEST */
FIXTURE(pull) {
	struct vst_card card;
	struct work w;
	struct vst_child child;
};

FIXTURE_VARIANT(pull) {
	void (*go)(const char *what, int sock);
	bool card;
};

/* Each does not return before the device is closed. */
static void go_unbind(const char *bdf, int sock)
{
	vst_hear(sock);
	vst_unbind(bdf);
}

static void go_live(const char *name, int sock)
{
	struct vst_card card = { 0 };

	snprintf(card.name, sizeof(card.name), "%s", name);
	vst_hear(sock);
	vst_card_pull(&card);
}

static void go_remove(const char *bdf, int sock)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	vst_hear(sock);
	vst_file_write(path, "1");
}

FIXTURE_VARIANT_ADD(pull, unbind) { .go = go_unbind };
FIXTURE_VARIANT_ADD(pull, live_0) { .go = go_live, .card = true };
FIXTURE_VARIANT_ADD(pull, sysfs_remove) { .go = go_remove };

FIXTURE_SETUP(pull)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_card_plug(&self->card, "ports=1");
	self->child = child_start(variant->go,
				  variant->card ? self->card.name : self->card.bdf[0]);
	open_work(&self->w, self->card.bdf[0]);
}

FIXTURE_TEARDOWN(pull)
{
	vst_card_destroy(&self->card);
}

static void finish_pull(struct __test_metadata *_metadata, struct vst_child *c,
			struct vst_card *card)
{
	char now[64];

	EXPECT_EQ(0, vst_child_end(c));
	EXPECT_EQ(-ENODEV, __vst_driver(card->bdf[0], now, sizeof(now)));
}

/* mtty: 17 */
TEST_F(pull, asks_by_the_request_eventfd_and_waits_for_the_close)
{
	watch_request(&self->w);
	vst_say(self->child.sock);
	EXPECT_LE(1, vst_event_wait(self->w.req));
	EXPECT_FALSE(child_ended(&self->child));
	vst_close(self->w.dev);
	finish_pull(_metadata, &self->child, &self->card);
}

TEST_F(pull, device_works_until_it_is_closed)
{
	watch_request(&self->w);
	vst_say(self->child.sock);
	EXPECT_LE(1, vst_event_wait(self->w.req));
	vst_dma_run(self->w.dev, &(struct vst_dma) {
		.src = self->w.buf.iova,
		.dst = self->w.buf.iova + VST_PAGE,
		.len = VST_PAGE,
	});
	EXPECT_EQ(VLAB_SERIAL_MAGIC,
		  vst_read32(self->w.dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_ID));
	EXPECT_FALSE(child_ended(&self->child));
	vst_close(self->w.dev);
	finish_pull(_metadata, &self->child, &self->card);
}

TEST_F(pull, works_in_mid_transfer_with_everything_going)
{
	map_card(&self->w);
	arm(&self->w);
	watch_request(&self->w);
	start_endless(&self->w);
	vst_say(self->child.sock);
	EXPECT_LE(1, vst_event_wait(self->w.req));
	munmap(self->w.mem, VST_PAGE);
	vst_close(self->w.dev);
	finish_pull(_metadata, &self->child, &self->card);
}

TEST_F(pull, user_that_does_not_listen_can_be_killed)
{
	struct vst_child user;

	vst_close(self->w.dev);
	user = child_start(run_everything, self->card.bdf[0]);
	vst_hear(user.sock);
	vst_say(self->child.sock);
	kill_child(&user);
	finish_pull(_metadata, &self->child, &self->card);
}

TEST_F(pull, card_comes_back_as_new)
{
	vst_close(self->w.dev);
	vst_say(self->child.sock);
	finish_pull(_metadata, &self->child, &self->card);
	vst_card_pull(&self->card);
	vst_card_live(&self->card);
	vst_bind(self->card.bdf[0], VST_DRIVER);
	check_fresh(_metadata, self->card.bdf[0]);
}

/* ---- modules ---- */

static int delete_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

TEST_F(file, driver_module_stays_while_a_device_is_open)
{
	EXPECT_EQ(-EAGAIN, delete_module("vfiolab_vfio_pci"));
}

TEST_F(file, model_module_stays_while_a_card_is_live)
{
	EXPECT_EQ(-EAGAIN, delete_module("vfiolab_serial"));
}

TEST_F(file, core_module_stays_while_its_models_are_loaded)
{
	EXPECT_EQ(-EAGAIN, delete_module("vfiolab"));
}

TEST(model_module_stays_while_a_closed_card_is_live)
{
	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(-EAGAIN, delete_module("vfiolab_serial"));
}

/* ---- binding ---- */

FIXTURE(driver) {
	struct vst_card card;
	const char *bdf;
};

FIXTURE_SETUP(driver)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_card_plug(&self->card, "ports=1", "driver=");
	self->bdf = self->card.bdf[0];
}

FIXTURE_TEARDOWN(driver)
{
	vst_card_destroy(&self->card);
}

TEST_F(driver, binds_by_new_id)
{
	char now[64];

	EXPECT_EQ(-ENODEV, __vst_driver(self->bdf, now, sizeof(now)));
	vst_new_id(VST_DRIVER, VLAB_VENDOR, VLAB_DEVICE_SERIAL, true);
	vst_driver(self->bdf, now, sizeof(now));
	EXPECT_STREQ(VST_DRIVER, now);
	vst_new_id(VST_DRIVER, VLAB_VENDOR, VLAB_DEVICE_SERIAL, false);
	check_fresh(_metadata, self->bdf);
}

TEST_F(driver, does_not_bind_by_itself)
{
	char now[64];

	vst_file_write("/sys/bus/pci/drivers_probe", self->bdf);
	EXPECT_EQ(-ENODEV, __vst_driver(self->bdf, now, sizeof(now)));
}

TEST_F(driver, binds_and_lets_go_again_and_again)
{
	int i;

	for (i = 0; i < 20; i++) {
		vst_bind(self->bdf, VST_DRIVER);
		vst_unbind(self->bdf);
	}
	vst_bind(self->bdf, VST_DRIVER);
	check_fresh(_metadata, self->bdf);
}

TEST_F(driver, stock_vfio_pci_has_config_space_and_interrupts)
{
	int fd = vst_eventfd();
	struct vst_dev *dev;

	if (__vst_bind(self->bdf, "vfio-pci"))
		SKIP(return, "no vfio-pci driver in this kernel");
	dev = vst_open(self->bdf);
	EXPECT_EQ(VLAB_VENDOR, vst_cfg_read16(dev, PCI_VENDOR_ID));
	EXPECT_EQ(VLAB_DEVICE_SERIAL, vst_cfg_read16(dev, PCI_DEVICE_ID));
	vst_irq_eventfds(dev, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &fd);
	vst_irq_loopback(dev, VFIO_PCI_MSI_IRQ_INDEX, 0);
	EXPECT_EQ(1, vst_event_count(fd));
	EXPECT_EQ(0, __vst_reset(dev));
	vst_close(dev);
}

TEST_F(driver, stock_vfio_pci_reads_trapped_bars_as_an_empty_bus)
{
	struct vst_dev *dev;
	struct vst_uart u;

	if (__vst_bind(self->bdf, "vfio-pci"))
		SKIP(return, "no vfio-pci driver in this kernel");
	dev = vst_open(self->bdf);
	u = vst_uart(dev, 0);
	vst_out(&u, UART_SCR, 0x5a);
	EXPECT_NE(0x5a, vst_in(&u, UART_SCR));
	EXPECT_NE(VLAB_SERIAL_MAGIC, vst_read32(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_ID));
	vst_close(dev);
}

TEST_F(driver, ours_after_stock_finds_the_card_fresh)
{
	if (__vst_bind(self->bdf, "vfio-pci"))
		SKIP(return, "no vfio-pci driver in this kernel");
	vst_close(vst_open(self->bdf));
	vst_bind(self->bdf, VST_DRIVER);
	check_fresh(_metadata, self->bdf);
}

TEST_F(driver, refuses_what_is_no_card)
{
	/* The host bridge: it is on every machine and no driver has it. */
	const char *bdf = "0000:00:00.0";
	char now[64];
	int log;

	if (access("/sys/bus/pci/devices/0000:00:00.0", F_OK) ||
	    !__vst_driver(bdf, now, sizeof(now)))
		SKIP(return, "no unbound host bridge at %s", bdf);
	log = vst_log_open();
	EXPECT_EQ(-ENODEV, __vst_bind(bdf, VST_DRIVER));
	EXPECT_EQ(1, vst_log_count(log, "vfiolab", now, sizeof(now)));
	vst_file_write("/sys/bus/pci/devices/0000:00:00.0/driver_override", "\n");
}

VST_MAIN("ports=8")
