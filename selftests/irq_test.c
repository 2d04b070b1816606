// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts through VFIO_DEVICE_SET_IRQS: real ones of the ports and of the
 * DMA engine (serial.rst, dma.rst), loopback, masks, and what must be refused.
 *
 * A register write has raised its interrupt before it returns, since the card
 * sends from the CPU that wrote: "silent" is asked right after the cause, and
 * again after a later event has come.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define PORTS		8
#define MAX_VECTORS	64

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD

/* A transfer inside of the card needs no mapping. */
static void engine_raise(struct vst_dev *dev, unsigned int vector)
{
	struct vst_dma dma = {
		.dst = 64,
		.len = 64,
		.flags = VLAB_DMA_CTRL_SRC_CARD | VLAB_DMA_CTRL_DST_CARD | VLAB_DMA_CTRL_IRQ,
		.vector = vector,
	};

	vst_dma_run(dev, &dma);
}

static void engine_clear(struct vst_dev *dev)
{
	vst_dma_write32(dev, VLAB_DMA_STATUS, VLAB_DMA_ST_DONE);
}

static void engine_send(struct vst_dev *dev, unsigned int vector)
{
	vst_dma_write32(dev, VLAB_DMA_SEND, vector);
}

static u32 irq_status(struct vst_dev *dev)
{
	return vst_read32(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_IRQ_STATUS);
}

static unsigned int irq_count(struct vst_dev *dev, unsigned int index)
{
	struct vfio_irq_info info;

	vst_irq_info(dev, index, &info);
	return info.count;
}

/* Enable vectors from 0 on, an eventfd each. */
static void enable(struct vst_dev *dev, unsigned int index, unsigned int n, int *fd)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		fd[i] = vst_eventfd();
	vst_irq_eventfds(dev, index, 0, n, fd);
}

static u64 count_all(const int *fd, unsigned int n)
{
	u64 sum = 0;

	while (n--)
		sum += vst_event_count(fd[n]);
	return sum;
}

/* ---- what INTx, MSI and MSI-X have in common, on vector 0 ---- */

FIXTURE(any) {
	struct vst_dev *dev;
	int fd;
};

FIXTURE_VARIANT(any) {
	unsigned int index, other;
};

FIXTURE_VARIANT_ADD(any, intx) { .index = INTX, .other = MSI };
FIXTURE_VARIANT_ADD(any, msi) { .index = MSI, .other = MSIX };
FIXTURE_VARIANT_ADD(any, msix) { .index = MSIX, .other = INTX };

FIXTURE_SETUP(any)
{
	VST_NEEDS(VST_CAN_IRQ);
	self->dev = vst_open_master(vst_bdf());
	self->fd = vst_eventfd();
}

FIXTURE_TEARDOWN(any)
{
	vst_close(self->dev);
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(any, interrupt_of_a_port_arrives)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(any, interrupt_of_the_engine_arrives)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	engine_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.LOOPBACK SET_IRQS.MSI.LOOPBACK */
TEST_F(any, loopback_none_signals)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_loopback(self->dev, variant->index, 0);
	EXPECT_EQ(1, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.INTX.LOOPBACK SET_IRQS.MSI.LOOPBACK */
TEST_F(any, loopback_true_signals)
{
	u8 yes = 1;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_set_irqs(self->dev, variant->index, TRIGGER | BOOL, 0, 1, &yes);
	EXPECT_EQ(1, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.INTX.LOOPBACK SET_IRQS.MSI.LOOPBACK */
TEST_F(any, loopback_false_is_silent)
{
	u8 no = 0;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_set_irqs(self->dev, variant->index, TRIGGER | BOOL, 0, 1, &no);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.INTX.LOOPBACK SET_IRQS.MSI.LOOPBACK */
TEST_F(any, loopback_before_enable_is_refused)
{
	u8 yes = 1;

	EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, variant->index, 0));
	EXPECT_EQ(-EINVAL, __vst_set_irqs(self->dev, variant->index, TRIGGER | BOOL, 0, 1, &yes));
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(any, new_eventfd_takes_over)
{
	int other = vst_eventfd();

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &other);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(other));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(any, same_eventfd_again_still_works)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(any, no_eventfd_is_silent_until_there_is_one)
{
	int none = -1;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &none);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));

	vst_uart_lower(self->dev, 0);
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	if (variant->index == INTX)
		vst_irq_unmask(self->dev, INTX);
	vst_event_count(self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(any, disabled_is_silent)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_disable(self->dev, variant->index);
	vst_uart_raise(self->dev, 0);
	engine_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.ARGUMENTS */
TEST_F(any, disabled_twice_is_refused)
{
	EXPECT_EQ(-EINVAL, __vst_irq_disable(self->dev, variant->index));
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	EXPECT_EQ(0, __vst_irq_disable(self->dev, variant->index));
	EXPECT_EQ(-EINVAL, __vst_irq_disable(self->dev, variant->index));
}

TEST_F(any, enabled_again_works)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_disable(self->dev, variant->index);
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.ARGUMENTS */
TEST_F(any, closed_file_is_refused)
{
	int closed = self->fd;

	close(closed);
	EXPECT_EQ(-EBADF, __vst_irq_eventfds(self->dev, variant->index, 0, 1, &closed));
	self->fd = vst_eventfd();
	EXPECT_EQ(0, __vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd));
}

/* uapi: SET_IRQS.ARGUMENTS */
TEST_F(any, file_that_is_no_eventfd_is_refused)
{
	int null = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->index, 0, 1, &null));
	EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, variant->index, 0));
	EXPECT_EQ(0, __vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd));
}

TEST_F(any, eventfd_closed_by_its_user_does_no_harm)
{
	int fd = dup(self->fd);

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	close(self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
}

TEST_F(any, full_counter_loses_no_later_interrupt)
{
	u64 full = UINT64_MAX - 1, val;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	ASSERT_EQ(sizeof(full), write(self->fd, &full, sizeof(full)));
	vst_uart_raise(self->dev, 0);
	ASSERT_EQ(sizeof(val), read(self->fd, &val, sizeof(val)));
	EXPECT_EQ(UINT64_MAX, val);

	vst_uart_lower(self->dev, 0);
	if (variant->index == INTX)
		vst_irq_unmask(self->dev, INTX);
	vst_event_count(self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.SWITCH */
TEST_F(any, other_index_is_refused_while_enabled)
{
	int other = vst_eventfd();

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->other, 0, 1, &other));
	EXPECT_EQ(-EINVAL, __vst_irq_disable(self->dev, variant->other));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(0, vst_event_count(other));
}

/* uapi: SET_IRQS.SWITCH */
TEST_F(any, other_index_works_after_disable)
{
	int other = vst_eventfd();

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_disable(self->dev, variant->index);
	vst_irq_eventfds(self->dev, variant->other, 0, 1, &other);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(other));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.ARGUMENTS */
TEST_F(any, vectors_past_the_end_are_refused)
{
	unsigned int max = irq_count(self->dev, variant->index);
	int fds[MAX_VECTORS + 1];

	ASSERT_LE(max, MAX_VECTORS);
	memset(fds, 0xff, sizeof(fds));
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->index, 0, max + 1, fds));
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->index, max, 1, fds));
	EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, variant->index, max));
	EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, variant->index, UINT32_MAX));
	EXPECT_EQ(-EINVAL, __vst_set_irqs(self->dev, variant->index, TRIGGER | NONE, 1,
					  UINT32_MAX, NULL));
}

/* uapi: SET_IRQS.ARGUMENTS */
TEST_F(any, no_vectors_enable_nothing)
{
	EXPECT_GT(0, __vst_irq_eventfds(self->dev, variant->index, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, __vst_irq_disable(self->dev, variant->index));
}

TEST_F(any, interrupt_comes_again_after_the_cause_was_cleared)
{
	int i;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	for (i = 0; i < 8; i++) {
		vst_uart_raise(self->dev, 0);
		EXPECT_EQ(1, vst_event_wait(self->fd));
		vst_uart_lower(self->dev, 0);
		if (variant->index == INTX)
			vst_irq_unmask(self->dev, INTX);
	}
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* ---- INTx ---- */

FIXTURE(intx) {
	struct vst_dev *dev;
	int fd;
};

FIXTURE_SETUP(intx)
{
	VST_NEEDS(VST_CAN_IRQ);
	self->dev = vst_open_master(vst_bdf());
	self->fd = vst_eventfd();
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
}

FIXTURE_TEARDOWN(intx)
{
	vst_close(self->dev);
}

/* uapi: INTX.LEVEL */
TEST_F(intx, sends_one_event_and_masks_itself)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_uart_raise(self->dev, 1);
	engine_raise(self->dev, 2);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(intx, every_source_drives_the_line)
{
	unsigned int port;

	for (port = 0; port < PORTS; port++) {
		vst_uart_raise(self->dev, port);
		EXPECT_EQ(1, vst_event_wait(self->fd));
		vst_uart_lower(self->dev, port);
		vst_irq_unmask(self->dev, INTX);
	}
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(intx, masked_is_silent)
{
	vst_irq_mask(self->dev, INTX);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(intx, masked_by_true_is_silent)
{
	u8 yes = 1;

	vst_set_irqs(self->dev, INTX, MASK | BOOL, 0, 1, &yes);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_set_irqs(self->dev, INTX, UNMASK | BOOL, 0, 1, &yes);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(intx, mask_by_false_changes_nothing)
{
	u8 no = 0;

	vst_set_irqs(self->dev, INTX, MASK | BOOL, 0, 1, &no);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(intx, unmask_by_false_changes_nothing)
{
	u8 no = 0;

	vst_irq_mask(self->dev, INTX);
	vst_uart_raise(self->dev, 0);
	vst_set_irqs(self->dev, INTX, UNMASK | BOOL, 0, 1, &no);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(intx, masked_twice_needs_one_unmask)
{
	vst_irq_mask(self->dev, INTX);
	vst_irq_mask(self->dev, INTX);
	vst_irq_unmask(self->dev, INTX);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: INTX.LEVEL, mtty: 13 */
TEST_F(intx, unmask_fires_again_while_asserted)
{
	int i;

	vst_uart_raise(self->dev, 0);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(1, vst_event_wait(self->fd));
		vst_irq_unmask(self->dev, INTX);
	}
}

/* uapi: INTX.LEVEL */
TEST_F(intx, unmask_is_silent_when_cleared)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_uart_lower(self->dev, 0);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: INTX.LEVEL */
TEST_F(intx, unmask_fires_while_another_source_is_asserted)
{
	vst_uart_raise(self->dev, 0);
	vst_uart_raise(self->dev, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_uart_lower(self->dev, 0);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_uart_lower(self->dev, 1);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(intx, unmask_without_mask_is_harmless)
{
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.LOOPBACK */
TEST_F(intx, loopback_does_not_mask)
{
	vst_irq_loopback(self->dev, INTX, 0);
	vst_irq_loopback(self->dev, INTX, 0);
	EXPECT_EQ(2, vst_event_count(self->fd));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.MASK */
TEST_F(intx, mask_and_unmask_before_enable_are_refused)
{
	vst_irq_disable(self->dev, INTX);
	EXPECT_EQ(-EINVAL, __vst_irq_mask(self->dev, INTX));
	EXPECT_EQ(-EINVAL, __vst_irq_unmask(self->dev, INTX));
}

/* uapi: SET_IRQS.INTX.MASK_EVENTFD */
TEST_F(intx, mask_by_eventfd_is_not_offered)
{
	EXPECT_EQ(-ENOTTY, __vst_set_irqs(self->dev, INTX, MASK | EVENTFD, 0, 1, &self->fd));
}

/* An unmask eventfd: what KVM's resample irqfd rings at the end of interrupt. */
static int unmask_eventfd(struct vst_dev *dev)
{
	int fd = vst_eventfd();

	vst_set_irqs(dev, INTX, UNMASK | EVENTFD, 0, 1, &fd);
	return fd;
}

static void ring(int fd)
{
	vst_assert(eventfd_write(fd, 1) == 0);
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD, mtty: 12 */
TEST_F(intx, unmask_eventfd_fires_again_while_asserted)
{
	int unmask = unmask_eventfd(self->dev);

	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(unmask);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(unmask);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(intx, unmask_eventfd_lets_the_next_interrupt_through)
{
	int unmask = unmask_eventfd(self->dev);

	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_uart_lower(self->dev, 0);
	ring(unmask);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(intx, unmask_eventfd_rung_before_it_is_set_counts)
{
	int unmask = vst_eventfd();

	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(unmask);
	vst_set_irqs(self->dev, INTX, UNMASK | EVENTFD, 0, 1, &unmask);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(intx, second_unmask_eventfd_is_refused)
{
	int second = vst_eventfd();

	unmask_eventfd(self->dev);
	EXPECT_EQ(-EBUSY, __vst_set_irqs(self->dev, INTX, UNMASK | EVENTFD, 0, 1, &second));
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(intx, unmask_eventfd_taken_off_does_nothing)
{
	int unmask = unmask_eventfd(self->dev), none = -1;

	vst_set_irqs(self->dev, INTX, UNMASK | EVENTFD, 0, 1, &none);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(unmask);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(intx, unmask_file_that_is_no_eventfd_is_refused)
{
	int null = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EINVAL, __vst_set_irqs(self->dev, INTX, UNMASK | EVENTFD, 0, 1, &null));
	close(null);
	EXPECT_EQ(-EBADF, __vst_set_irqs(self->dev, INTX, UNMASK | EVENTFD, 0, 1, &null));
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(intx, unmask_eventfd_closed_by_its_user_does_no_harm)
{
	close(unmask_eventfd(self->dev));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(intx, eventfd_as_its_own_unmask_does_no_harm)
{
	vst_set_irqs(self->dev, INTX, UNMASK | EVENTFD, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	vst_uart_lower(self->dev, 0);
	vst_irq_disable(self->dev, INTX);
	vst_event_count(self->fd);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: INTX.DISABLE */
TEST_F(intx, disable_bit_silences_and_clearing_it_fires)
{
	vst_command(self->dev, PCI_COMMAND_INTX_DISABLE, 0);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_command(self->dev, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: INTX.DISABLE */
TEST_F(intx, unmask_does_not_override_the_disable_bit)
{
	vst_command(self->dev, PCI_COMMAND_INTX_DISABLE, 0);
	vst_uart_raise(self->dev, 0);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
	EXPECT_NE(0, vst_cfg_read16(self->dev, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

/* uapi: INTX.DISABLE */
TEST_F(intx, disable_bit_set_before_enable_holds)
{
	vst_irq_disable(self->dev, INTX);
	vst_command(self->dev, PCI_COMMAND_INTX_DISABLE, 0);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_command(self->dev, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* uapi: INTX.DISABLE */
TEST_F(intx, automask_is_hidden_from_the_command_register)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(0, vst_cfg_read16(self->dev, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

/* uapi: INTX.LEVEL */
TEST_F(intx, status_bit_follows_the_cause_masked_or_not)
{
	EXPECT_EQ(0, vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(PCI_STATUS_INTERRUPT,
		  vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	vst_uart_lower(self->dev, 0);
	EXPECT_EQ(0, vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT);
}

TEST_F(intx, irq_status_register_names_the_sources)
{
	vst_uart_raise(self->dev, 1);
	vst_uart_raise(self->dev, 3);
	EXPECT_EQ(1 << 1 | 1 << 3, irq_status(self->dev));
	vst_uart_lower(self->dev, 1);
	EXPECT_EQ(1 << 3, irq_status(self->dev));
	vst_uart_lower(self->dev, 3);
	EXPECT_EQ(0, irq_status(self->dev));
}

TEST_F(intx, send_has_no_message_to_send)
{
	engine_send(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(intx, engine_asserts_until_its_status_is_cleared)
{
	engine_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	engine_clear(self->dev);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* ---- MSI and MSI-X ---- */

FIXTURE(message) {
	struct vst_dev *dev;
	unsigned int max;
	int fd[MAX_VECTORS];
};

FIXTURE_VARIANT(message) {
	unsigned int index, cap, enable;
};

FIXTURE_VARIANT_ADD(message, msi) { MSI, PCI_CAP_ID_MSI, PCI_MSI_FLAGS_ENABLE };
FIXTURE_VARIANT_ADD(message, msix) { MSIX, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS_ENABLE };

FIXTURE_SETUP(message)
{
	VST_NEEDS(VST_CAN_IRQ);
	self->dev = vst_open_master(vst_bdf());
	self->max = irq_count(self->dev, variant->index);
	ASSERT_LE(self->max, MAX_VECTORS);
	ASSERT_GE(self->max, PORTS);
}

FIXTURE_TEARDOWN(message)
{
	vst_close(self->dev);
}

/* uapi: MSI.MESSAGE SET_IRQS.MSIX.EVENTFD */
TEST_F(message, port_n_interrupts_on_vector_n)
{
	unsigned int port;

	enable(self->dev, variant->index, self->max, self->fd);
	for (port = 0; port < PORTS; port++) {
		vst_uart_raise(self->dev, port);
		EXPECT_EQ(1, vst_event_wait(self->fd[port]));
		EXPECT_EQ(0, count_all(self->fd, self->max));
	}
}

/* uapi: MSI.MESSAGE */
TEST_F(message, engine_completes_on_any_vector)
{
	unsigned int vec;

	enable(self->dev, variant->index, self->max, self->fd);
	for (vec = 0; vec < self->max; vec++) {
		engine_raise(self->dev, vec);
		EXPECT_EQ(1, vst_event_wait(self->fd[vec]));
		EXPECT_EQ(0, count_all(self->fd, self->max));
		engine_clear(self->dev);
	}
}

/* uapi: MSI.MESSAGE */
TEST_F(message, engine_sends_on_any_vector)
{
	unsigned int vec;

	enable(self->dev, variant->index, self->max, self->fd);
	for (vec = 0; vec < self->max; vec++) {
		engine_send(self->dev, vec);
		EXPECT_EQ(1, vst_event_wait(self->fd[vec]));
		EXPECT_EQ(0, count_all(self->fd, self->max));
	}
}

TEST_F(message, send_past_the_last_vector_does_nothing)
{
	enable(self->dev, variant->index, self->max, self->fd);
	engine_send(self->dev, UINT32_MAX);
	engine_send(self->dev, 0x10000);
	EXPECT_EQ(0, count_all(self->fd, self->max));
	engine_send(self->dev, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, count_all(self->fd, self->max));
}

TEST_F(message, level_that_stays_sends_one_message)
{
	enable(self->dev, variant->index, 2, self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	vst_uart_raise(self->dev, 0);
	engine_send(self->dev, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
}

TEST_F(message, status_bit_and_irq_status_follow_the_cause)
{
	enable(self->dev, variant->index, 2, self->fd);
	vst_uart_raise(self->dev, 1);
	EXPECT_EQ(PCI_STATUS_INTERRUPT,
		  vst_cfg_read16(self->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	EXPECT_EQ(1 << 1, irq_status(self->dev));
	vst_uart_lower(self->dev, 1);
	EXPECT_EQ(0, irq_status(self->dev));
}

/* uapi: SET_IRQS.MSI.LOOPBACK */
TEST_F(message, loopback_bools_choose_vectors)
{
	u8 pick[] = { 1, 0, 0, 1 };

	enable(self->dev, variant->index, 4, self->fd);
	vst_set_irqs(self->dev, variant->index, TRIGGER | BOOL, 0, 4, pick);
	EXPECT_EQ(1, vst_event_count(self->fd[0]));
	EXPECT_EQ(0, vst_event_count(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[2]));
	EXPECT_EQ(1, vst_event_count(self->fd[3]));
}

/* uapi: SET_IRQS.MSI.LOOPBACK */
TEST_F(message, loopback_from_start_signals_count_vectors)
{
	enable(self->dev, variant->index, 4, self->fd);
	vst_set_irqs(self->dev, variant->index, TRIGGER | NONE, 1, 2, NULL);
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
	EXPECT_EQ(1, vst_event_count(self->fd[1]));
	EXPECT_EQ(1, vst_event_count(self->fd[2]));
	EXPECT_EQ(0, vst_event_count(self->fd[3]));
}

/* uapi: SET_IRQS.MESSAGE_MASK */
TEST_F(message, mask_and_unmask_are_not_offered)
{
	u8 yes = 1;

	enable(self->dev, variant->index, 1, self->fd);
	EXPECT_EQ(-ENOTTY, __vst_irq_mask(self->dev, variant->index));
	EXPECT_EQ(-ENOTTY, __vst_irq_unmask(self->dev, variant->index));
	EXPECT_EQ(-ENOTTY, __vst_set_irqs(self->dev, variant->index, MASK | BOOL, 0, 1, &yes));
	EXPECT_EQ(-ENOTTY, __vst_set_irqs(self->dev, variant->index, UNMASK | EVENTFD, 0, 1,
					  self->fd));
}

/* uapi: MSIX.SPARSE */
TEST_F(message, vector_without_eventfd_leaves_the_others_alone)
{
	int none = -1;

	enable(self->dev, variant->index, 3, self->fd);
	vst_irq_eventfds(self->dev, variant->index, 1, 1, &none);
	vst_uart_raise(self->dev, 1);
	vst_uart_raise(self->dev, 2);
	EXPECT_EQ(1, vst_event_wait(self->fd[2]));
	EXPECT_EQ(0, vst_event_count(self->fd[1]));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
}

/* uapi: MSIX.SPARSE */
TEST_F(message, sparse_eventfds_are_served)
{
	int fds[] = { -1, vst_eventfd(), -1, vst_eventfd() };
	unsigned int port;

	vst_irq_eventfds(self->dev, variant->index, 0, 4, fds);
	for (port = 0; port < 4; port++)
		vst_uart_raise(self->dev, port);
	EXPECT_EQ(1, vst_event_wait(fds[1]));
	EXPECT_EQ(1, vst_event_wait(fds[3]));
}

/* uapi: SET_IRQS.MSIX.EVENTFD */
TEST_F(message, last_vector_alone_can_be_enabled)
{
	int fd = vst_eventfd();

	vst_irq_eventfds(self->dev, variant->index, self->max - 1, 1, &fd);
	engine_send(self->dev, self->max - 1);
	EXPECT_EQ(1, vst_event_wait(fd));
}

/* uapi: SET_IRQS.ARGUMENTS */
TEST_F(message, one_bad_eventfd_enables_nothing)
{
	int fds[] = { vst_eventfd(), vst_eventfd(), open("/dev/null", O_RDWR) };

	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->index, 0, 3, fds));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(fds[0]));
	EXPECT_EQ(-EINVAL, __vst_irq_disable(self->dev, variant->index));
	EXPECT_EQ(0, vst_cfg_read16(self->dev, vst_cap(self->dev, variant->cap) + PCI_CAP_FLAGS) &
		  variant->enable);
}

/* uapi: MSI.NORESIZE MSIX.DYNAMIC */
TEST_F(message, more_vectors_later_only_as_irq_info_says)
{
	struct vfio_irq_info info;
	int more = vst_eventfd(), ret;

	vst_irq_info(self->dev, variant->index, &info);
	enable(self->dev, variant->index, 2, self->fd);
	ret = __vst_irq_eventfds(self->dev, variant->index, 5, 1, &more);
	if (info.flags & VFIO_IRQ_INFO_NORESIZE) {
		EXPECT_EQ(-EINVAL, ret);
	} else {
		ASSERT_EQ(0, ret);
		engine_send(self->dev, 5);
		EXPECT_EQ(1, vst_event_wait(more));
	}
	engine_send(self->dev, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
}

/* uapi: MSI.NORESIZE */
TEST_F(message, all_off_and_on_again_with_more_vectors)
{
	enable(self->dev, variant->index, 1, self->fd);
	vst_irq_disable(self->dev, variant->index);
	enable(self->dev, variant->index, self->max, self->fd);
	engine_send(self->dev, self->max - 1);
	EXPECT_EQ(1, vst_event_wait(self->fd[self->max - 1]));
}

/* uapi: MSI.NORESIZE */
TEST_F(message, all_off_and_on_again_with_fewer_vectors)
{
	enable(self->dev, variant->index, self->max, self->fd);
	vst_irq_disable(self->dev, variant->index);
	enable(self->dev, variant->index, 1, self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
}

TEST_F(message, one_eventfd_may_serve_all_vectors)
{
	int fds[4] = { vst_eventfd() }, i;

	for (i = 1; i < 4; i++)
		fds[i] = fds[0];
	vst_irq_eventfds(self->dev, variant->index, 0, 4, fds);
	for (i = 0; i < 4; i++) {
		engine_send(self->dev, i);
		EXPECT_EQ(1, vst_event_wait(fds[0]));
	}
}

/* A message is a memory write: serial.rst and the PCI specification agree. */
/* uapi: MSI.MESSAGE */
TEST_F(message, waits_for_bus_master)
{
	enable(self->dev, variant->index, 1, self->fd);
	vst_master(self->dev, false);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
	vst_master(self->dev, true);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
}

TEST_F(message, line_is_quiet_while_messages_are_on)
{
	enable(self->dev, variant->index, 1, self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	vst_irq_disable(self->dev, variant->index);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd[0]);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
}

/* uapi: MSI.MESSAGE */
TEST_F(message, storm_is_counted_one_by_one)
{
	u64 seen = 0;
	int i;

	enable(self->dev, variant->index, 1, self->fd);
	for (i = 0; i < 1000; i++)
		engine_send(self->dev, 0);
	EXPECT_TRUE(vst_until((seen += vst_event_count(self->fd[0])) >= 1000, VST_DEADLINE_MS));
	EXPECT_EQ(1000, seen);
}

/* ---- MSI alone ---- */

FIXTURE(msi) {
	struct vst_dev *dev;
	unsigned int cap;
	int fd[PORTS];
};

FIXTURE_SETUP(msi)
{
	VST_NEEDS(VST_CAN_IRQ);
	self->dev = vst_open_master(vst_bdf());
	self->cap = vst_cap(self->dev, PCI_CAP_ID_MSI);
	ASSERT_NE(0, self->cap);
}

FIXTURE_TEARDOWN(msi)
{
	vst_close(self->dev);
}

/* uapi: SET_IRQS.MSI.EVENTFD */
TEST_F(msi, sources_fold_onto_one_message)
{
	unsigned int port;

	enable(self->dev, MSI, 1, self->fd);
	for (port = 0; port < PORTS; port++) {
		vst_uart_raise(self->dev, port);
		EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	}
}

/* uapi: SET_IRQS.MSI.EVENTFD */
TEST_F(msi, sources_fold_onto_four_messages_by_number)
{
	unsigned int port;

	enable(self->dev, MSI, 4, self->fd);
	for (port = 0; port < PORTS; port++) {
		vst_uart_raise(self->dev, port);
		EXPECT_EQ(1, vst_event_wait(self->fd[port % 4]));
		EXPECT_EQ(0, count_all(self->fd, 4));
	}
}

static unsigned int mask_bits(struct vst_dev *dev, unsigned int cap)
{
	u16 flags = vst_cfg_read16(dev, cap + PCI_MSI_FLAGS);

	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	return cap + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
}

/* uapi: MSI.MESSAGE REGION.CONFIG */
TEST_F(msi, mask_bit_keeps_a_message_pending)
{
	unsigned int mask = mask_bits(self->dev, self->cap);

	if (!mask)
		SKIP(return, "MSI capability has no mask bits");
	enable(self->dev, MSI, 4, self->fd);
	vst_cfg_write32(self->dev, mask, 1 << 2);
	vst_uart_raise(self->dev, 2);
	EXPECT_EQ(0, vst_event_count(self->fd[2]));
	EXPECT_EQ(1 << 2, vst_cfg_read32(self->dev, mask + 4));
	vst_cfg_write32(self->dev, mask, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[2]));
	EXPECT_EQ(0, vst_cfg_read32(self->dev, mask + 4));
}

/* uapi: MSI.MESSAGE REGION.CONFIG */
TEST_F(msi, mask_bit_of_one_message_leaves_the_others_alone)
{
	unsigned int mask = mask_bits(self->dev, self->cap);

	if (!mask)
		SKIP(return, "MSI capability has no mask bits");
	enable(self->dev, MSI, 4, self->fd);
	vst_cfg_write32(self->dev, mask, 1 << 2);
	vst_uart_raise(self->dev, 3);
	EXPECT_EQ(1, vst_event_wait(self->fd[3]));
}

/* uapi: SET_IRQS.MSI.EVENTFD */
TEST_F(msi, three_vectors_are_three_vectors)
{
	int fds[4];

	enable(self->dev, MSI, 3, fds);
	fds[3] = vst_eventfd();
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, MSI, 3, 1, &fds[3]));
	vst_uart_raise(self->dev, 2);
	EXPECT_EQ(1, vst_event_wait(fds[2]));
}

/* ---- ERR and REQ ---- */

/* uapi: SET_IRQS.ERR SET_IRQS.REQ */
FIXTURE(single) {
	struct vst_dev *dev;
	int fd;
};

FIXTURE_VARIANT(single) {
	unsigned int index;
};

FIXTURE_VARIANT_ADD(single, err) { .index = VFIO_PCI_ERR_IRQ_INDEX };
FIXTURE_VARIANT_ADD(single, req) { .index = VFIO_PCI_REQ_IRQ_INDEX };

FIXTURE_SETUP(single)
{
	VST_NEEDS(VST_CAN_IRQ);
	self->dev = vst_open(vst_bdf());
	self->fd = vst_eventfd();
}

FIXTURE_TEARDOWN(single)
{
	vst_close(self->dev);
}

TEST_F(single, loopback_none_signals)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_loopback(self->dev, variant->index, 0);
	EXPECT_EQ(1, vst_event_count(self->fd));
}

TEST_F(single, loopback_true_signals_and_false_does_not)
{
	u8 yes = 1, no = 0;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_set_irqs(self->dev, variant->index, TRIGGER | BOOL, 0, 1, &no);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_set_irqs(self->dev, variant->index, TRIGGER | BOOL, 0, 1, &yes);
	EXPECT_EQ(1, vst_event_count(self->fd));
}

TEST_F(single, loopback_without_eventfd_is_refused)
{
	EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, variant->index, 0));
}

TEST_F(single, new_eventfd_takes_over)
{
	int other = vst_eventfd();

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &other);
	vst_irq_loopback(self->dev, variant->index, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	EXPECT_EQ(1, vst_event_count(other));
}

TEST_F(single, minus_one_takes_it_off)
{
	int none = -1;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &none);
	EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, variant->index, 0));
}

TEST_F(single, count_zero_takes_it_off)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_disable(self->dev, variant->index);
	EXPECT_EQ(-EINVAL, __vst_irq_loopback(self->dev, variant->index, 0));
}

TEST_F(single, second_vector_is_refused)
{
	int fds[] = { self->fd, self->fd };

	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->index, 0, 2, fds));
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->index, 1, 1, fds));
}

TEST_F(single, mask_and_unmask_are_not_offered)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	EXPECT_EQ(-ENOTTY, __vst_irq_mask(self->dev, variant->index));
	EXPECT_EQ(-ENOTTY, __vst_irq_unmask(self->dev, variant->index));
}

TEST_F(single, file_that_is_no_eventfd_is_refused_and_the_old_one_stays)
{
	int null = open("/dev/null", O_RDWR);

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, variant->index, 0, 1, &null));
	vst_irq_loopback(self->dev, variant->index, 0);
	EXPECT_EQ(1, vst_event_count(self->fd));
}

TEST_F(single, goes_with_any_interrupt_mode)
{
	int irq = vst_eventfd();

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd);
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &irq);
	vst_irq_loopback(self->dev, variant->index, 0);
	vst_irq_disable(self->dev, MSIX);
	EXPECT_EQ(1, vst_event_count(self->fd));
	EXPECT_EQ(0, vst_event_count(irq));
}

/* ---- the ioctl's argument ---- */

/* uapi: SET_IRQS.ARGUMENTS */
FIXTURE(ioctl) {
	struct vst_dev *dev;
	int fd;
};

FIXTURE_SETUP(ioctl)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	self->fd = vst_eventfd();
}

FIXTURE_TEARDOWN(ioctl)
{
	vst_close(self->dev);
}

TEST_F(ioctl, short_argsz_is_refused)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set) - 1,
		.flags = TRIGGER | NONE,
		.index = MSI,
	};

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_SET_IRQS, &set));
}

TEST_F(ioctl, data_shorter_than_count_is_refused)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} arg = {
		.set = {
			.argsz = sizeof(arg),
			.flags = TRIGGER | EVENTFD,
			.index = MSI,
			.count = 2,
		},
		.fd = self->fd,
	};

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_SET_IRQS, &arg));
	EXPECT_EQ(-EINVAL, __vst_irq_disable(self->dev, MSI));
}

TEST_F(ioctl, bad_pointer_is_refused)
{
	EXPECT_EQ(-EFAULT, __vst_ioctl(self->dev, VFIO_DEVICE_SET_IRQS, NULL));
	EXPECT_EQ(-EFAULT, __vst_ioctl(self->dev, VFIO_DEVICE_SET_IRQS, (void *)-4096L));
}

TEST_F(ioctl, unknown_index_is_refused)
{
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, VFIO_PCI_NUM_IRQS, 0, 1, &self->fd));
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(self->dev, UINT32_MAX, 0, 1, &self->fd));
}

TEST_F(ioctl, no_data_type_and_two_data_types_are_refused)
{
	EXPECT_EQ(-EINVAL, __vst_set_irqs(self->dev, MSI, TRIGGER, 0, 1, NULL));
	EXPECT_EQ(-EINVAL, __vst_set_irqs(self->dev, MSI, TRIGGER | NONE | EVENTFD, 0, 1,
					  &self->fd));
	EXPECT_EQ(-EINVAL, __vst_set_irqs(self->dev, MSI, TRIGGER | BOOL | EVENTFD, 0, 1,
					  &self->fd));
}

TEST_F(ioctl, no_action_and_two_actions_are_refused)
{
	EXPECT_EQ(-ENOTTY, __vst_set_irqs(self->dev, INTX, EVENTFD, 0, 1, &self->fd));
	EXPECT_EQ(-ENOTTY, __vst_set_irqs(self->dev, INTX, TRIGGER | MASK | EVENTFD, 0, 1,
					  &self->fd));
	EXPECT_EQ(-ENOTTY, __vst_set_irqs(self->dev, INTX, MASK | UNMASK | NONE, 0, 1, NULL));
}

TEST_F(ioctl, unknown_flags_are_refused)
{
	unsigned int bit;

	for (bit = 6; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, __vst_set_irqs(self->dev, MSI, TRIGGER | EVENTFD | 1U << bit,
						  0, 1, &self->fd));
}

/* ---- a card with other numbers of vectors, and two cards ---- */

/* uapi: SET_IRQS.MSI.EVENTFD */
TEST(msi_of_32_vectors_sends_on_the_last)
{
	struct vst_card card;
	struct vst_dev *dev;
	int fd[32];

	VST_NEEDS(VST_CAN_IRQ);
	VST_NEEDS_CARDS();
	vst_card_plug(&card, "ports=1", "msi=32", "msix=0");
	dev = vst_open_master(card.bdf[0]);
	ASSERT_EQ(32, irq_count(dev, MSI));
	enable(dev, MSI, 32, fd);
	engine_send(dev, 31);
	EXPECT_EQ(1, vst_event_wait(fd[31]));
	EXPECT_EQ(0, count_all(fd, 32));
	vst_close(dev);
	vst_card_destroy(&card);
}

/* uapi: SET_IRQS.MSIX.EVENTFD */
TEST(msix_of_2048_vectors_sends_on_the_last)
{
	struct vst_card card;
	struct vst_dev *dev;
	int fd = vst_eventfd();

	VST_NEEDS(VST_CAN_IRQ);
	VST_NEEDS_CARDS();
	vst_card_plug(&card, "ports=1", "msi=0", "msix=2048");
	dev = vst_open_master(card.bdf[0]);
	ASSERT_EQ(2048, irq_count(dev, MSIX));
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(dev, MSIX, 2048, 1, &fd));
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(dev, MSI, 0, 1, &fd));
	vst_irq_eventfds(dev, MSIX, 2047, 1, &fd);
	engine_send(dev, 2047);
	EXPECT_EQ(1, vst_event_wait(fd));
	vst_close(dev);
	vst_card_destroy(&card);
}

/* uapi: IRQ.GET_INFO */
TEST(line_is_all_a_card_without_messages_has)
{
	int fd = vst_eventfd();
	struct vst_card card;
	struct vst_dev *dev;

	VST_NEEDS(VST_CAN_IRQ);
	VST_NEEDS_CARDS();
	vst_card_plug(&card, "ports=1", "msi=0", "msix=0");
	dev = vst_open_master(card.bdf[0]);
	EXPECT_EQ(0, irq_count(dev, MSI));
	EXPECT_EQ(0, irq_count(dev, MSIX));
	EXPECT_EQ(0, vst_cap(dev, PCI_CAP_ID_MSI));
	EXPECT_EQ(0, vst_cap(dev, PCI_CAP_ID_MSIX));
	vst_irq_eventfds(dev, INTX, 0, 1, &fd);
	vst_uart_raise(dev, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
	vst_close(dev);
	vst_card_destroy(&card);
}

FIXTURE(two_cards) {
	struct vst_card card;
	struct vst_dev *one, *two;
	int fd[2];
};

FIXTURE_VARIANT(two_cards) {
	unsigned int index;
};

FIXTURE_VARIANT_ADD(two_cards, intx) { .index = INTX };
FIXTURE_VARIANT_ADD(two_cards, msi) { .index = MSI };
FIXTURE_VARIANT_ADD(two_cards, msix) { .index = MSIX };

FIXTURE_SETUP(two_cards)
{
	VST_NEEDS(VST_CAN_IRQ);
	VST_NEEDS_CARDS();
	vst_card_plug(&self->card, "ports=1");
	self->one = vst_open_master(vst_bdf());
	self->two = vst_open_in(self->card.bdf[0], self->one->iommu);
	vst_master(self->two, true);
	enable(self->one, variant->index, 1, &self->fd[0]);
	enable(self->two, variant->index, 1, &self->fd[1]);
}

FIXTURE_TEARDOWN(two_cards)
{
	vst_close(self->two);
	vst_close(self->one);
	vst_card_destroy(&self->card);
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(two_cards, interrupt_each_for_itself)
{
	vst_uart_raise(self->two, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
	vst_uart_raise(self->one, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	EXPECT_EQ(0, vst_event_count(self->fd[1]));
}

TEST_F(two_cards, reset_of_one_keeps_the_other_going)
{
	vst_reset(self->one);
	vst_uart_raise(self->two, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
}

VST_MAIN("ports=8")
