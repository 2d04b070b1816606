// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's sample of an emulated serial device, samples/vfio-mdev/mtty.c,
 * gets wrong, done to our cards. The defects, as docs/uapi.rows numbers them, and
 * where they are tested; docs/uapi.md has the names, by tags at the tests.
 *
 *	 1 reads past the end of config space		config_test
 *	 2 BARs that are not there			region_test
 *	 3 bytes that nobody wrote			here, region_test
 *	 4 writes of one and two bytes to a BAR		here
 *	 5 closing at work				irq_storm_test, here
 *	 6 no mmap					mmap_test
 *	 7 interrupt indexes counted but unknown	here, info_test
 *	 8 interrupts without a capability		here, config_test
 *	 9 a reset that is none				reset_test
 *	10 a command register that forgets		config_test, region_test
 *	11 no DMA					dma_test
 *	12 no eventfd to unmask by			irq_test
 *	13 an interrupt lost at unmask			irq_test
 *	14 interrupts only after GET_INFO		here
 *	15 flags of regions that are not there		info_test
 *	16 config space of 255 bytes			here, info_test
 *	17 no request to let go				lifetime_test
 *	18 to 21, migration				our cards have none yet
 *	22 a line in the log for each access		here
 */
#include <linux/serial_reg.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define UART	VLAB_SERIAL_BAR_UART
#define CARD	VLAB_SERIAL_BAR_CTRL
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

FIXTURE(mtty) {
	struct vst_dev *dev;
};

FIXTURE_SETUP(mtty)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
}

FIXTURE_TEARDOWN(mtty)
{
	vst_close(self->dev);
}

static void read_bytes(struct vst_dev *dev, unsigned int index, u64 off, u8 *buf, size_t len)
{
	while (len--)
		buf[len] = vst_read8(dev, index, off + len);
}

/* ---- regions ---- */

/* mtty: 3 */
TEST_F(mtty, wide_reads_of_a_port_have_no_byte_but_its_registers)
{
	static const unsigned int width[] = { 2, 4, 8 };
	unsigned int i, off;
	u8 reg[8], got[8];

	vst_write8(self->dev, UART, UART_SCR, 0x3c);
	/* What reading clears is clear the second time. */
	read_bytes(self->dev, UART, 0, reg, sizeof(reg));
	read_bytes(self->dev, UART, 0, reg, sizeof(reg));
	for (i = 0; i < ARRAY_SIZE(width); i++) {
		for (off = 0; off < sizeof(reg); off += width[i]) {
			vst_read(self->dev, UART, off, got, width[i]);
			EXPECT_EQ(-1, vst_differs(reg + off, got, width[i]))
				TH_LOG("%u bytes at %u", width[i], off);
		}
	}
}

/* mtty: 4 */
TEST_F(mtty, bar_takes_bytes_and_words_and_leaves_what_is_beside_them)
{
	unsigned int bar = PCI_BASE_ADDRESS_2;
	u32 before = vst_cfg_read32(self->dev, bar);
	u32 beside = vst_cfg_read32(self->dev, bar + 4);

	vst_cfg_write8(self->dev, bar + 3, 0xd5);
	EXPECT_EQ((before & 0xffffff) | 0xd5000000, vst_cfg_read32(self->dev, bar));
	vst_cfg_write16(self->dev, bar + 2, 0xe1a7);
	EXPECT_EQ((before & 0xffff) | 0xe1a70000, vst_cfg_read32(self->dev, bar));
	EXPECT_EQ(beside, vst_cfg_read32(self->dev, bar + 4));
	vst_cfg_write8(self->dev, bar + 4, 0x01);
	EXPECT_EQ((beside & ~0xffU) | 0x01, vst_cfg_read32(self->dev, bar + 4));
	EXPECT_EQ((before & 0xffff) | 0xe1a70000, vst_cfg_read32(self->dev, bar));
}

/* mtty: 4 */
TEST_F(mtty, bar_tells_its_size_by_bytes_as_by_a_long_word)
{
	unsigned int i, bar = PCI_BASE_ADDRESS_2;
	u32 mask;

	vst_cfg_write32(self->dev, bar, ~0U);
	mask = vst_cfg_read32(self->dev, bar);
	vst_cfg_write32(self->dev, bar, 0);
	EXPECT_EQ(0, vst_cfg_read32(self->dev, bar) & ~0xfU);
	for (i = 0; i < 4; i++)
		vst_cfg_write8(self->dev, bar + i, 0xff);
	EXPECT_EQ(mask, vst_cfg_read32(self->dev, bar));
	EXPECT_EQ(self->dev->region[CARD].size, -(mask & ~0xfU));
}

/* ---- interrupts ---- */

/* mtty: 7 */
TEST_F(mtty, every_interrupt_index_that_is_counted_works)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = vst_eventfd();
	unsigned int index;

	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info);
	for (index = 0; index < info.num_irqs; index++) {
		struct vfio_irq_info irq;

		ASSERT_EQ(0, __vst_irq_info(self->dev, index, &irq));
		ASSERT_NE(0, irq.count);
		EXPECT_EQ(-EINVAL, __vst_irq_disable(self->dev, index));
		EXPECT_EQ(0, __vst_irq_eventfds(self->dev, index, 0, 1, &fd));
		EXPECT_EQ(0, __vst_irq_loopback(self->dev, index, 0));
		EXPECT_EQ(1, vst_event_count(fd));
		EXPECT_EQ(0, __vst_irq_disable(self->dev, index));
	}
}

/* The library does not ask for it either. mtty: 14 */
TEST_F(mtty, interrupts_work_when_nobody_asked_for_device_info)
{
	struct vfio_irq_info info;
	int fd = vst_eventfd();

	EXPECT_EQ(0, __vst_irq_info(self->dev, MSI, &info));
	EXPECT_EQ(8, info.count);
	EXPECT_EQ(0, __vst_irq_eventfds(self->dev, MSI, 0, 1, &fd));
	EXPECT_EQ(0, __vst_irq_loopback(self->dev, MSI, 0));
	EXPECT_EQ(1, vst_event_count(fd));
}

/* ---- what is offered is what there is, for every kind of card ---- */

FIXTURE(offer) {
	struct vst_card card;
	struct vst_dev *dev;
};

FIXTURE_VARIANT(offer) {
	const char *attrs[4];
};

FIXTURE_VARIANT_ADD(offer, vlab) { { "model=serial", "personality=vlab" } };
FIXTURE_VARIANT_ADD(offer, vlab_without_messages) { { "model=serial", "msi=0", "msix=0" } };
FIXTURE_VARIANT_ADD(offer, mcs9922) { { "model=serial", "personality=mcs9922", "ports=1" } };
FIXTURE_VARIANT_ADD(offer, qemu4x) { { "model=serial", "personality=qemu4x", "ports=4" } };
FIXTURE_VARIANT_ADD(offer, null) { { "model=null" } };

FIXTURE_SETUP(offer)
{
	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	vst_ok(__vst_card_plug(&self->card, variant->attrs));
	self->dev = vst_open(self->card.bdf[0]);
}

FIXTURE_TEARDOWN(offer)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

/* -errno or how many. */
static int vectors(struct vst_dev *dev, unsigned int index)
{
	struct vfio_irq_info info;

	return __vst_irq_info(dev, index, &info) ?: (int)info.count;
}

/* mtty: 8 */
TEST_F(offer, interrupts_are_those_of_config_space)
{
	EXPECT_EQ(!!vst_cfg_read8(self->dev, PCI_INTERRUPT_PIN), vectors(self->dev, INTX));
	EXPECT_EQ(!!vst_cap(self->dev, PCI_CAP_ID_MSI), vectors(self->dev, MSI) > 0);
	EXPECT_EQ(!!vst_cap(self->dev, PCI_CAP_ID_MSIX), vectors(self->dev, MSIX) > 0);
	EXPECT_EQ(vst_cap(self->dev, PCI_CAP_ID_EXP) ? 1 : -EINVAL,
		  vectors(self->dev, VFIO_PCI_ERR_IRQ_INDEX));
}

/* mtty: 16 */
TEST_F(offer, config_space_is_whole)
{
	size_t size = vst_cap(self->dev, PCI_CAP_ID_EXP) ? 4096 : 256;
	u8 all[4096];

	EXPECT_EQ(size, self->dev->region[VST_CONFIG].size);
	EXPECT_EQ(size, __vst_read(self->dev, VST_CONFIG, 0, all, size));
}

/* ---- all the time ---- */

struct user {
	int fd;
	unsigned int failed;
};

/* A hundred accesses and interrupts by a descriptor of its own, the last to close. */
static void *use_and_close(void *arg)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE,
		.index = MSI,
		.count = 1,
	};
	struct user *user = arg;
	unsigned int i;
	u32 id;

	for (i = 0; i < 100; i++) {
		user->failed += pread(user->fd, &id, sizeof(id), (off_t)CARD << 40) != sizeof(id);
		user->failed += ioctl(user->fd, VFIO_DEVICE_SET_IRQS, &set) != 0;
	}
	close(user->fd);
	return NULL;
}

/* mtty: 5 */
TEST_F(mtty, closed_by_one_thread_it_works_for_another_and_ends_with_that)
{
	int fd = vst_eventfd();
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct user user = { .fd = dup(self->dev->fd) };
		pthread_t thread;

		vst_irq_eventfds(self->dev, MSI, 0, 1, &fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, use_and_close, &user));
		vst_close(self->dev);
		pthread_join(thread, NULL);
		EXPECT_EQ(0, user.failed);
		EXPECT_EQ(100, vst_event_count(fd));
		self->dev = vst_open(vst_bdf());
		EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, MSI, 0));
	}
}

/* Newer kernels tell of each reset by themselves. mtty: 22 */
TEST_F(mtty, log_has_no_line_for_what_a_user_does)
{
	static const char *const text[] = { "vfio", ": resetting", ": reset done" };
	int i, fd = vst_eventfd(), log[ARRAY_SIZE(text)], n[ARRAY_SIZE(text)];
	char last[256] = "";
	u32 val = 0;

	for (i = 0; i < (int)ARRAY_SIZE(text); i++)
		log[i] = vst_log_open();
	for (i = 0; i < 20; i++) {
		vst_cfg_write32(self->dev, PCI_BASE_ADDRESS_0, ~0U);
		vst_write32(self->dev, CARD, VLAB_SERIAL_LIVENESS, i);
		__vst_read(self->dev, 1, 0, &val, sizeof(val));
		__vst_write(self->dev, VST_CONFIG, 4096, &val, sizeof(val));
		vst_irq_eventfds(self->dev, MSIX, 0, 1, &fd);
		__vst_irq_eventfds(self->dev, INTX, 0, 1, &fd);
		vst_irq_disable(self->dev, MSIX);
		vst_reset(self->dev);
	}
	for (i = 0; i < (int)ARRAY_SIZE(text); i++) {
		n[i] = vst_log_count(log[i], text[i], last, sizeof(last));
		close(log[i]);
	}
	EXPECT_EQ(n[1] + n[2], n[0])
		TH_LOG("the last line: %s", last);
}

/* With mtty of 6.1 this ended in a corrupted slab, within a second. */
TEST_F(mtty, what_a_plain_program_does_leaves_the_kernel_in_order)
{
	int fd = vst_eventfd();
	unsigned int i;

	vst_cfg_write16(self->dev, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &fd);
	for (i = 0; i < 20000; i++)
		vst_read8(self->dev, UART, UART_LSR);
	for (i = 0; i < 100; i++)
		vst_irq_loopback(self->dev, INTX, 0);
	EXPECT_EQ(100, vst_event_count(fd));
	vst_cfg_write16(self->dev, PCI_COMMAND, PCI_COMMAND_MEMORY);
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, vst_read8(self->dev, UART, UART_LSR));
}

VST_MAIN("ports=4", "memory=64K", "msi=8", "msix=16")
