// SPDX-License-Identifier: GPL-2.0-only
/*
 * The low power features of <linux/vfio.h>: a device that its user lets go to sleep,
 * wakes for an access, and gets up at its user's word or at a wakeup by eventfd.
 * Asleep is D3hot (serial.rst 8), which costs all but config space and card memory.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define ENTRY	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY
#define WAKEUP	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP
#define EXIT	VFIO_DEVICE_FEATURE_LOW_POWER_EXIT
#define SET	VFIO_DEVICE_FEATURE_SET
#define GET	VFIO_DEVICE_FEATURE_GET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE

#define CARD	VLAB_SERIAL_BAR_CTRL
#define MEM	VLAB_SERIAL_MEM
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define BUF	(16 * VST_PAGE)

#define GRACE_MS	200	/* for what must not happen */

struct request {
	struct vfio_device_feature feature;
	struct vfio_device_low_power_entry_with_wakeup wakeup;
};

static int feature(struct vst_dev *dev, u32 flags)
{
	struct vfio_device_feature arg = { .argsz = sizeof(arg), .flags = flags };

	return __vst_ioctl(dev, VFIO_DEVICE_FEATURE, &arg);
}

static int enter(struct vst_dev *dev)
{
	return feature(dev, SET | ENTRY);
}

static int leave(struct vst_dev *dev)
{
	return feature(dev, SET | EXIT);
}

static int enter_with_wakeup(struct vst_dev *dev, int fd)
{
	struct request arg = {
		.feature = { .argsz = sizeof(arg), .flags = SET | WAKEUP },
		.wakeup.wakeup_eventfd = fd,
	};

	return __vst_ioctl(dev, VFIO_DEVICE_FEATURE, &arg);
}

/* What the kernel's power management has the device in. */
static bool is_status(const struct vst_dev *dev, const char *what)
{
	char path[96], now[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status", dev->bdf);
	vst_file_read(path, now, sizeof(now));
	return !strcmp(now, what);
}

static bool is_awake(const struct vst_dev *dev)
{
	return is_status(dev, "active");
}

/* Whether the kernel may put it to sleep at all: "auto", or "on", which is always on. */
static void set_control(const struct vst_dev *dev, const char *what)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", dev->bdf);
	vst_file_write(path, what);
}

/* Nobody is told when it happens: the kernel does it by a worker. */
static bool falls_asleep(const struct vst_dev *dev)
{
	return vst_until(is_status(dev, "suspended"), VST_DEADLINE_MS);
}

static bool answers(struct vst_dev *dev)
{
	return vst_read32(dev, CARD, VLAB_SERIAL_ID) == VLAB_SERIAL_MAGIC;
}

static bool is_there(const void *va)
{
	u8 byte;

	return !__vst_peek(va, &byte, 1);
}

/* uapi: FEATURE.LOW_POWER */
FIXTURE(low) {
	struct vst_dev *dev;
	int fd;
};

FIXTURE_SETUP(low)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	self->fd = vst_eventfd();
	if (feature(self->dev, PROBE | SET | ENTRY) == -ENOTTY)
		SKIP(return, "the kernel has no low power features");
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(low)
{
	set_control(self->dev, "auto");
	vst_close(self->dev);
	close(self->fd);
}

/* ---- to sleep and back ---- */

/* uapi: FEATURE */
TEST_F(low, features_can_be_set_and_not_got)
{
	static const u32 all[] = { ENTRY, WAKEUP, EXIT };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		EXPECT_EQ(0, feature(self->dev, PROBE | SET | all[i]));
		EXPECT_EQ(-EINVAL, feature(self->dev, PROBE | GET | all[i]));
		EXPECT_EQ(-EINVAL, feature(self->dev, PROBE | GET | SET | all[i]));
		EXPECT_EQ(-EINVAL, feature(self->dev, GET | all[i]));
	}
	EXPECT_TRUE(is_awake(self->dev));
}

TEST_F(low, device_is_awake_while_nobody_lets_it_sleep)
{
	EXPECT_TRUE(is_awake(self->dev));
	vst_power(self->dev, 3);
	EXPECT_TRUE(is_awake(self->dev));
	vst_power(self->dev, 0);
	EXPECT_TRUE(answers(self->dev));
}

TEST_F(low, falls_asleep_and_gets_up)
{
	ASSERT_EQ(0, enter(self->dev));
	EXPECT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_TRUE(is_awake(self->dev));
	EXPECT_TRUE(answers(self->dev));
}

TEST_F(low, sleep_is_one_reset)
{
	u32 before = vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS);

	vst_write32(self->dev, CARD, VLAB_SERIAL_LIVENESS, 1);
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_EQ(before + 1, vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS));
	EXPECT_EQ(0, vst_read32(self->dev, CARD, VLAB_SERIAL_LIVENESS));
}

TEST_F(low, config_space_and_memory_are_kept)
{
	u8 before[PCI_STD_HEADER_SIZEOF], after[PCI_STD_HEADER_SIZEOF];

	vst_write32(self->dev, CARD, MEM, 0x600d);
	vst_read(self->dev, VST_CONFIG, 0, before, sizeof(before));
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	vst_read(self->dev, VST_CONFIG, 0, after, sizeof(after));
	EXPECT_EQ(-1, vst_differs(before, after, sizeof(before)));
	EXPECT_EQ(0x600d, vst_read32(self->dev, CARD, MEM));
}

TEST_F(low, entered_twice_is_refused)
{
	ASSERT_EQ(0, enter(self->dev));
	EXPECT_EQ(-EINVAL, enter(self->dev));
	EXPECT_EQ(-EINVAL, enter_with_wakeup(self->dev, self->fd));
	EXPECT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(0, vst_event_count(self->fd));
	/* The refused ones do not count: one word is enough to get up. */
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_TRUE(answers(self->dev));
	EXPECT_TRUE(is_awake(self->dev));
}

TEST_F(low, left_without_being_entered_is_nothing)
{
	EXPECT_EQ(0, leave(self->dev));
	EXPECT_EQ(0, leave(self->dev));
	EXPECT_TRUE(is_awake(self->dev));
	ASSERT_EQ(0, enter(self->dev));
	EXPECT_TRUE(falls_asleep(self->dev));
}

TEST_F(low, again_and_again)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, enter(self->dev));
		ASSERT_TRUE(falls_asleep(self->dev));
		ASSERT_EQ(0, leave(self->dev));
		ASSERT_TRUE(answers(self->dev));
	}
}

TEST_F(low, from_d3hot_gets_up_in_d0)
{
	vst_power(self->dev, 3);
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_TRUE(answers(self->dev));
}

TEST_F(low, closed_there_opens_fresh_and_awake)
{
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	vst_close(self->dev);
	self->dev = vst_open(vst_bdf());
	EXPECT_TRUE(is_awake(self->dev));
	EXPECT_TRUE(answers(self->dev));
	EXPECT_EQ(0, enter(self->dev));
}

/* ---- access while asleep ---- */

TEST_F(low, access_wakes_for_as_long_as_it_takes)
{
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(VLAB_VENDOR, vst_cfg_read16(self->dev, PCI_VENDOR_ID));
	EXPECT_TRUE(falls_asleep(self->dev));
	EXPECT_TRUE(answers(self->dev));
	EXPECT_TRUE(falls_asleep(self->dev));
	vst_write32(self->dev, CARD, MEM, 0x600d);
	EXPECT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(0x600d, vst_read32(self->dev, CARD, MEM));
}

TEST_F(low, ioctl_wakes_for_as_long_as_it_takes)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(0, __vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_TRUE(falls_asleep(self->dev));
}

TEST_F(low, reset_while_asleep_leaves_it_to_sleep_again)
{
	u32 before = vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS);

	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(0, __vst_reset(self->dev));
	EXPECT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	/* Two sleeps and the one that was asked for. */
	EXPECT_EQ(before + 3, vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS));
}

/* uapi: HOT_RESET.DO */
TEST_F(low, hot_reset_while_asleep_resets)
{
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(0, __vst_hot_reset(self->dev));
	EXPECT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_TRUE(answers(self->dev));
}

/* uapi: REGION.MMAP */
TEST_F(low, mapping_goes_and_comes_back_when_it_gets_up)
{
	u8 *va = vst_mmap(self->dev, CARD, MEM, VST_PAGE);

	va[0] = 0x5a;
	ASSERT_EQ(0, enter(self->dev));
	EXPECT_FALSE(is_there(va));
	EXPECT_TRUE(falls_asleep(self->dev));
	EXPECT_FALSE(is_there(va));
	/* Nor does another access, which wakes it, give it back. */
	EXPECT_TRUE(answers(self->dev));
	EXPECT_FALSE(is_there(va));
	ASSERT_EQ(0, leave(self->dev));
	ASSERT_TRUE(is_there(va));
	EXPECT_EQ(0x5a, va[0]);
	munmap(va, VST_PAGE);
}

/* uapi: REGION.MMAP */
TEST_F(low, mapping_is_gone_though_the_machine_keeps_it_awake)
{
	u8 *va = vst_mmap(self->dev, CARD, MEM, VST_PAGE);

	va[0] = 0x5a;
	set_control(self->dev, "on");
	ASSERT_EQ(0, enter(self->dev));
	EXPECT_FALSE(is_there(va));
	EXPECT_TRUE(answers(self->dev));
	EXPECT_TRUE(is_awake(self->dev));
	EXPECT_FALSE(is_there(va));
	ASSERT_EQ(0, leave(self->dev));
	ASSERT_TRUE(is_there(va));
	EXPECT_EQ(0x5a, va[0]);
	munmap(va, VST_PAGE);
}

/* ---- by wakeup ---- */

TEST_F(low, wakeup_rings_at_the_first_access_and_it_stays_awake)
{
	u8 *va = vst_mmap(self->dev, CARD, MEM, VST_PAGE);

	ASSERT_EQ(0, enter_with_wakeup(self->dev, self->fd));
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(0, vst_event_count(self->fd));
	EXPECT_FALSE(is_there(va));
	EXPECT_EQ(VLAB_VENDOR, vst_cfg_read16(self->dev, PCI_VENDOR_ID));
	EXPECT_EQ(1, vst_event_count(self->fd));
	EXPECT_TRUE(answers(self->dev));
	EXPECT_TRUE(is_awake(self->dev));
	EXPECT_TRUE(is_there(va));
	EXPECT_EQ(0, vst_event_count(self->fd));
	munmap(va, VST_PAGE);
}

TEST_F(low, wakeup_rings_once_for_each_sleep)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, enter_with_wakeup(self->dev, self->fd));
		ASSERT_TRUE(falls_asleep(self->dev));
		EXPECT_TRUE(answers(self->dev));
		EXPECT_EQ(1, vst_event_count(self->fd));
	}
	EXPECT_EQ(0, leave(self->dev));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(low, wakeup_that_was_closed_by_its_user_does_no_harm)
{
	int fd = vst_eventfd();

	ASSERT_EQ(0, enter_with_wakeup(self->dev, fd));
	close(fd);
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_TRUE(answers(self->dev));
	EXPECT_TRUE(is_awake(self->dev));
}

TEST_F(low, sleep_without_wakeup_rings_nobody)
{
	ASSERT_EQ(0, enter_with_wakeup(self->dev, self->fd));
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_TRUE(answers(self->dev));
	ASSERT_EQ(1, vst_event_count(self->fd));
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_TRUE(answers(self->dev));
	EXPECT_EQ(0, vst_event_count(self->fd));
	EXPECT_TRUE(falls_asleep(self->dev));
}

TEST_F(low, wakeup_by_what_is_no_eventfd_is_refused_and_it_stays_awake)
{
	int null = open("/dev/null", O_RDWR), closed = dup(null);

	close(closed);
	EXPECT_EQ(-EINVAL, enter_with_wakeup(self->dev, -1));
	EXPECT_EQ(-EBADF, enter_with_wakeup(self->dev, closed));
	EXPECT_EQ(-EINVAL, enter_with_wakeup(self->dev, null));
	EXPECT_EQ(-EINVAL, enter_with_wakeup(self->dev, self->dev->fd));
	EXPECT_TRUE(is_awake(self->dev));
	ASSERT_EQ(0, enter_with_wakeup(self->dev, self->fd));
	EXPECT_TRUE(falls_asleep(self->dev));
	close(null);
}

/* uapi: FEATURE */
TEST_F(low, requests_that_are_too_short_are_refused)
{
	struct request arg = {
		.feature = { .argsz = sizeof(arg) - 1, .flags = SET | WAKEUP },
		.wakeup.wakeup_eventfd = self->fd,
	};

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &arg));
	arg.feature.argsz = sizeof(arg.feature) - 1;
	arg.feature.flags = SET | ENTRY;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &arg));
	EXPECT_EQ(-EFAULT, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, NULL));
	EXPECT_TRUE(is_awake(self->dev));
}

/* ---- at work ---- */

/* uapi: SET_IRQS.INTX.EVENTFD */
TEST_F(low, line_is_quiet_asleep_and_interrupts_again)
{
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(low, line_that_was_masked_stays_masked)
{
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	vst_irq_mask(self->dev, INTX);
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	ASSERT_EQ(0, leave(self->dev));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(low, messages_are_sent_again)
{
	static const unsigned int index[] = { MSI, MSIX };
	int fd[2] = { vst_eventfd(), vst_eventfd() };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(index); i++) {
		vst_irq_eventfds(self->dev, index[i], 0, 2, fd);
		ASSERT_EQ(0, enter(self->dev));
		ASSERT_TRUE(falls_asleep(self->dev));
		ASSERT_EQ(0, leave(self->dev));
		vst_dma_write32(self->dev, VLAB_DMA_SEND, 1);
		EXPECT_EQ(1, vst_event_wait(fd[1]));
		EXPECT_EQ(0, vst_event_count(fd[0]));
		vst_irq_disable(self->dev, index[i]);
	}
}

/* What was on its way as it fell asleep has arrived by then. */
TEST_F(low, transfer_ends_and_no_byte_lands_after_it_fell_asleep)
{
	struct vst_buf buf = vst_buf(self->dev->iommu, BUF, VST_RW);
	u8 *dst = buf.va + BUF / 2;

	vst_fill(buf.va, BUF / 2, 1);
	vst_dma_start(self->dev, &(struct vst_dma) {
		.src = buf.iova, .dst = buf.iova + BUF / 2, .len = BUF / 2,
		.count = UINT32_MAX,
	});
	ASSERT_TRUE(vst_until(vst_dma_read64(self->dev, VLAB_DMA_DONE), VST_DEADLINE_MS));
	ASSERT_EQ(0, enter(self->dev));
	ASSERT_TRUE(falls_asleep(self->dev));
	memset(dst, 0, BUF / 2);
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, buf.iova, BUF / 2, true));
	EXPECT_EQ(0, dst[0]);
	EXPECT_EQ(-1, vst_differs(dst, dst + 1, BUF / 2 - 1));
	vst_buf_free(&buf);
}

/*
 * Nothing is behind a page: the kernel's next access to it, for the device, waits
 * for fill_page(). Returns a descriptor, -1 where there is no userfaultfd.
 */
static int empty_page(void *page)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)page, VST_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	vst_ok(__vst_xioctl(fd, UFFDIO_API, &api));
	vst_ok(__vst_xioctl(fd, UFFDIO_REGISTER, &reg));
	vst_assert(!madvise(page, VST_PAGE, MADV_DONTNEED));
	return fd;
}

static void fill_page(int fd, void *page)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, VST_PAGE } };

	vst_ok(__vst_xioctl(fd, UFFDIO_ZEROPAGE, &zero));
}

/*
 * A chunk is in hand, its user has let the device go, and only now the machine lets
 * it sleep: it does so when the chunk has landed, and no other one comes.
 */
TEST_F(low, transfer_in_hand_has_landed_when_the_machine_has_put_it_to_sleep)
{
	struct vst_buf buf;
	struct uffd_msg msg;
	u8 *page;
	int uffd;

	VST_NEEDS(VST_CAN_TYPE1);
	buf = vst_buf(self->dev->iommu, 2 * VST_PAGE, VST_RW);
	page = buf.va + VST_PAGE;
	memset(buf.va, 0x42, VST_PAGE);
	set_control(self->dev, "on");
	vst_dma_start(self->dev, &(struct vst_dma) {
		.src = buf.iova, .dst = buf.iova + VST_PAGE, .len = VST_PAGE,
		.count = UINT32_MAX,
	});
	ASSERT_EQ(0, enter(self->dev));
	uffd = empty_page(page);
	if (uffd < 0)
		SKIP(return, "the kernel has no userfaultfd");
	ASSERT_TRUE(vst_until(read(uffd, &msg, sizeof(msg)) == sizeof(msg), VST_DEADLINE_MS));
	set_control(self->dev, "auto");
	EXPECT_TRUE(vst_until(!is_awake(self->dev), VST_DEADLINE_MS));
	EXPECT_FALSE(vst_until(is_status(self->dev, "suspended"), GRACE_MS));
	fill_page(uffd, page);
	ASSERT_TRUE(falls_asleep(self->dev));
	EXPECT_EQ(0x42, page[VST_PAGE - 1]);
	memset(page, 0, VST_PAGE);
	ASSERT_EQ(0, leave(self->dev));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, buf.iova, VST_PAGE, false));
	EXPECT_EQ(0, page[VST_PAGE - 1]);
	close(uffd);
	vst_buf_free(&buf);
}

struct reader {
	struct vst_dev *dev;
	atomic_bool stop;
	unsigned int wrong;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;

	while (!atomic_load(&r->stop))
		r->wrong += !answers(r->dev);
	return NULL;
}

TEST_F(low, reads_beside_it_always_find_it_awake)
{
	struct reader r = { .dev = self->dev };
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_on, &r));
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, i & 1 ? enter_with_wakeup(self->dev, self->fd) : enter(self->dev));
		EXPECT_EQ(0, leave(self->dev));
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, r.wrong);
	EXPECT_TRUE(is_awake(self->dev));
}

VST_MAIN("memory=64K", "ports=1", "msi=8", "msix=16")
