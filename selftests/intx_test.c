// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line of a card through VFIO, where irq_test.c ends: the eventfd that unmasks,
 * and the Interrupt Disable bit that the user has in the command register.
 *
 * A register write has raised its interrupt before it returns, since the card sends
 * from the CPU that wrote: "silent" is asked right after the cause.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD

#define DISABLE	PCI_COMMAND_INTX_DISABLE

static void ring(int fd, u64 times)
{
	vst_assert(eventfd_write(fd, times) == 0);
}

static int __set_unmask(struct vst_dev *dev, int fd)
{
	return __vst_set_irqs(dev, INTX, UNMASK | EVENTFD, 0, 1, &fd);
}

#define set_unmask(...) vst_ok(__set_unmask(__VA_ARGS__))

/* ---- the eventfd that unmasks ---- */

/* uapi: SET_IRQS.INTX.UNMASK_EVENTFD */
FIXTURE(unmask) {
	struct vst_dev *dev;
	int fd, unmask;
};

FIXTURE_SETUP(unmask)
{
	VST_NEEDS(VST_CAN_IRQ);
	self->dev = vst_open(vst_bdf());
	self->fd = vst_eventfd();
	self->unmask = vst_eventfd();
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	set_unmask(self->dev, self->unmask);
}

FIXTURE_TEARDOWN(unmask)
{
	vst_close(self->dev);
}

TEST_F(unmask, lifts_a_mask_that_was_set_by_ioctl)
{
	vst_irq_mask(self->dev, INTX);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	ring(self->unmask, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(unmask, of_a_line_that_is_not_masked_is_harmless)
{
	ring(self->unmask, 1);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(unmask, rung_many_times_at_once_fires_once)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(self->unmask, 1000);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(unmask, each_ring_fires_once_while_the_cause_stays)
{
	int i;

	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	for (i = 0; i < 20; i++) {
		ring(self->unmask, 1);
		EXPECT_EQ(1, vst_event_wait(self->fd));
	}
	vst_uart_lower(self->dev, 0);
	ring(self->unmask, 1);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(unmask, is_read_by_the_kernel_not_left_to_us)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(self->unmask, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(0, vst_event_count(self->unmask));
}

TEST_F(unmask, goes_on_with_a_new_trigger)
{
	int other = vst_eventfd();

	vst_irq_eventfds(self->dev, INTX, 0, 1, &other);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(other));
	ring(self->unmask, 1);
	EXPECT_EQ(1, vst_event_wait(other));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/* The line is masked and unmasked while nobody listens, and nobody is told. */
TEST_F(unmask, goes_on_without_a_trigger)
{
	int none = -1;

	vst_irq_eventfds(self->dev, INTX, 0, 1, &none);
	vst_uart_raise(self->dev, 0);
	ring(self->unmask, 1);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	ring(self->unmask, 1);
	EXPECT_LE(1, vst_event_wait(self->fd));
}

TEST_F(unmask, is_replaced_by_way_of_none)
{
	int other = vst_eventfd();

	EXPECT_EQ(-EBUSY, __set_unmask(self->dev, other));
	set_unmask(self->dev, -1);
	set_unmask(self->dev, other);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(self->unmask, 1);
	EXPECT_EQ(0, vst_event_count(self->fd));
	ring(other, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(unmask, none_where_there_is_none_is_fine)
{
	set_unmask(self->dev, -1);
	EXPECT_EQ(0, __set_unmask(self->dev, -1));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(unmask, ends_when_the_line_is_turned_off)
{
	int other = vst_eventfd();

	vst_irq_disable(self->dev, INTX);
	ring(self->unmask, 1);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	ring(self->unmask, 1);
	EXPECT_EQ(0, vst_event_count(self->fd));
	set_unmask(self->dev, other);
	ring(other, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(unmask, ends_when_the_device_is_closed)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_close(self->dev);
	ring(self->unmask, 1);
	self->dev = vst_open(vst_bdf());
	EXPECT_EQ(0, vst_event_count(self->fd));
	EXPECT_EQ(1, vst_event_count(self->unmask));
}

TEST_F(unmask, does_not_override_the_disable_bit)
{
	vst_command(self->dev, DISABLE, 0);
	vst_uart_raise(self->dev, 0);
	ring(self->unmask, 1);
	EXPECT_EQ(0, vst_event_count(self->fd));
	EXPECT_NE(0, vst_cfg_read16(self->dev, PCI_COMMAND) & DISABLE);
	vst_command(self->dev, 0, DISABLE);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(unmask, is_refused_while_messages_are_on)
{
	vst_irq_disable(self->dev, INTX);
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &self->fd);
	EXPECT_EQ(-EINVAL, __set_unmask(self->dev, self->unmask));
	EXPECT_EQ(-EINVAL, __set_unmask(self->dev, -1));
	EXPECT_EQ(-EINVAL, __vst_irq_mask(self->dev, INTX));
	EXPECT_EQ(-EINVAL, __vst_irq_unmask(self->dev, INTX));
}

TEST_F(unmask, one_eventfd_unmasks_two_cards)
{
	struct vst_card card;
	struct vst_dev *two;
	int fd = vst_eventfd();

	vst_card_plug(&card, "ports=1");
	two = vst_open_in(card.bdf[0], self->dev->iommu);
	vst_irq_eventfds(two, INTX, 0, 1, &fd);
	set_unmask(two, self->unmask);
	vst_uart_raise(self->dev, 0);
	vst_uart_raise(two, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(1, vst_event_wait(fd));
	ring(self->unmask, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(1, vst_event_wait(fd));
	vst_close(two);
	vst_card_destroy(&card);
}

/* ---- the Interrupt Disable bit ---- */

/* uapi: INTX.DISABLE */
FIXTURE(disable) {
	struct vst_dev *dev;
	int fd;
};

FIXTURE_SETUP(disable)
{
	VST_NEEDS(VST_CAN_IRQ);
	self->dev = vst_open(vst_bdf());
	self->fd = vst_eventfd();
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
}

FIXTURE_TEARDOWN(disable)
{
	vst_close(self->dev);
}

TEST_F(disable, works_by_a_byte_and_by_a_long_word)
{
	u32 both = vst_cfg_read32(self->dev, PCI_COMMAND) & 0xffff;

	vst_cfg_write8(self->dev, PCI_COMMAND + 1, DISABLE >> 8);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_cfg_write32(self->dev, PCI_COMMAND, both);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_cfg_write32(self->dev, PCI_COMMAND, both | DISABLE);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_cfg_write8(self->dev, PCI_COMMAND + 1, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(disable, byte_beside_it_leaves_it_alone)
{
	vst_command(self->dev, DISABLE, 0);
	vst_cfg_write8(self->dev, PCI_COMMAND, vst_cfg_read8(self->dev, PCI_COMMAND));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	EXPECT_NE(0, vst_cfg_read16(self->dev, PCI_COMMAND) & DISABLE);
}

TEST_F(disable, other_bits_of_the_register_unmask_nothing)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_command(self->dev, PCI_COMMAND_MASTER, 0);
	vst_command(self->dev, PCI_COMMAND_PARITY, PCI_COMMAND_MASTER);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(disable, silences_loopback_as_well)
{
	u8 yes = 1;

	vst_command(self->dev, DISABLE, 0);
	EXPECT_EQ(0, __vst_irq_loopback(self->dev, INTX, 0));
	EXPECT_EQ(0, __vst_set_irqs(self->dev, INTX, TRIGGER | BOOL, 0, 1, &yes));
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_command(self->dev, 0, DISABLE);
	vst_irq_loopback(self->dev, INTX, 0);
	EXPECT_EQ(1, vst_event_count(self->fd));
}

TEST_F(disable, set_in_a_handler_keeps_the_next_one_back)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_command(self->dev, DISABLE, 0);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_command(self->dev, 0, DISABLE);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(disable, set_and_cleared_without_a_cause_is_silent)
{
	int i;

	for (i = 0; i < 8; i++) {
		vst_command(self->dev, DISABLE, 0);
		vst_command(self->dev, 0, DISABLE);
	}
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(disable, cause_that_went_away_meanwhile_is_silent)
{
	vst_command(self->dev, DISABLE, 0);
	vst_uart_raise(self->dev, 0);
	vst_uart_lower(self->dev, 0);
	vst_command(self->dev, 0, DISABLE);
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(disable, outlives_the_line)
{
	vst_command(self->dev, DISABLE, 0);
	vst_irq_disable(self->dev, INTX);
	EXPECT_NE(0, vst_cfg_read16(self->dev, PCI_COMMAND) & DISABLE);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_command(self->dev, 0, DISABLE);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(disable, cleared_before_the_line_is_on_again_lets_it_fire)
{
	vst_command(self->dev, DISABLE, 0);
	vst_irq_disable(self->dev, INTX);
	vst_uart_raise(self->dev, 0);
	vst_command(self->dev, 0, DISABLE);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(disable, does_not_hold_for_messages)
{
	int fd = vst_eventfd();

	vst_irq_disable(self->dev, INTX);
	vst_command(self->dev, DISABLE | PCI_COMMAND_MASTER, 0);
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &fd);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
}

/* A reset puts config space back as it was. */
TEST_F(disable, outlives_a_reset)
{
	vst_command(self->dev, DISABLE, 0);
	vst_reset(self->dev);
	EXPECT_NE(0, vst_cfg_read16(self->dev, PCI_COMMAND) & DISABLE);
	vst_uart_raise(self->dev, 0);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_command(self->dev, 0, DISABLE);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* ---- while interrupts come ---- */

struct storm {
	struct vst_dev *dev;
	int unmask;
	atomic_bool stop;
	pthread_t thread;
};

static void *toggle(void *arg)
{
	struct storm *storm = arg;

	while (!atomic_load(&storm->stop)) {
		vst_uart_raise(storm->dev, 0);
		vst_uart_lower(storm->dev, 0);
		ring(storm->unmask, 1);
	}
	return NULL;
}

static void storm_start(struct storm *storm, struct vst_dev *dev, int unmask)
{
	*storm = (struct storm){ .dev = dev, .unmask = unmask };
	vst_assert(pthread_create(&storm->thread, NULL, toggle, storm) == 0);
}

static void storm_stop(struct storm *storm)
{
	atomic_store(&storm->stop, true);
	pthread_join(storm->thread, NULL);
}

/* The line works: exactly one interrupt for one cause, when all is quiet. */
static void expect_line(struct __test_metadata *_metadata, struct vst_dev *dev, int fd)
{
	vst_uart_lower(dev, 0);
	vst_irq_unmask(dev, INTX);
	vst_event_count(fd);
	vst_uart_raise(dev, 0);
	EXPECT_EQ(1, vst_event_wait(fd));
	EXPECT_EQ(0, vst_event_count(fd));
}

TEST_F(unmask, rings_while_the_line_goes_off_and_on)
{
	struct storm storm;
	int i;

	storm_start(&storm, self->dev, self->unmask);
	for (i = 0; i < 40; i++) {
		vst_irq_disable(self->dev, INTX);
		vst_event_count(self->fd);
		vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
		set_unmask(self->dev, self->unmask);
		EXPECT_LE(1, vst_event_wait(self->fd));
	}
	storm_stop(&storm);
	set_unmask(self->dev, -1);
	expect_line(_metadata, self->dev, self->fd);
}

TEST_F(unmask, rings_while_it_comes_and_goes)
{
	struct storm storm;
	int i;

	storm_start(&storm, self->dev, self->unmask);
	for (i = 0; i < 100; i++) {
		set_unmask(self->dev, -1);
		vst_event_count(self->fd);
		set_unmask(self->dev, self->unmask);
		EXPECT_LE(1, vst_event_wait(self->fd));
	}
	storm_stop(&storm);
	set_unmask(self->dev, -1);
	expect_line(_metadata, self->dev, self->fd);
}

TEST_F(unmask, rings_while_the_line_is_masked_and_unmasked)
{
	struct storm storm;
	int i;

	storm_start(&storm, self->dev, self->unmask);
	for (i = 0; i < 100; i++) {
		vst_irq_mask(self->dev, INTX);
		vst_event_count(self->fd);
		vst_irq_unmask(self->dev, INTX);
		EXPECT_LE(1, vst_event_wait(self->fd));
	}
	storm_stop(&storm);
	set_unmask(self->dev, -1);
	expect_line(_metadata, self->dev, self->fd);
}

TEST_F(unmask, rings_while_the_disable_bit_changes)
{
	struct storm storm;
	int i;

	storm_start(&storm, self->dev, self->unmask);
	for (i = 0; i < 100; i++) {
		vst_command(self->dev, DISABLE, 0);
		vst_event_count(self->fd);
		vst_command(self->dev, 0, DISABLE);
		EXPECT_LE(1, vst_event_wait(self->fd));
	}
	storm_stop(&storm);
	set_unmask(self->dev, -1);
	expect_line(_metadata, self->dev, self->fd);
}

VST_MAIN("ports=1")
