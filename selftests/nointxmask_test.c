// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTx behind the kernel's own driver, masked in one of two ways: by Interrupt
 * Disable of the command register, or, where the function lacks that bit or vfio-pci
 * was loaded with nointxmask=1, by the interrupt controller. The user is to see no
 * difference; who looks at the function itself, through sysfs, does.
 *
 * A line that nothing else can mask must not be shared: see sharedline_test.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD

#define DISABLE	PCI_COMMAND_INTX_DISABLE

/* vfio_pci hands it to the core, for good or for the devices it binds from then on. */
static void load_vfio_pci(const char *nointxmask)
{
	char command[64], now[8] = "";

	__vst_file_read("/sys/module/vfio_pci/parameters/nointxmask", now, sizeof(now));
	if (!strcmp(now, nointxmask))
		return;
	snprintf(command, sizeof(command), "modprobe vfio-pci nointxmask=%s", nointxmask);
	vst_assert(!*now || !__vst_module_unload("vfio_pci"));
	vst_assert(!system(command));
}

/* uapi: INTX.DISABLE */
FIXTURE(line) {
	struct vst_card card;
	struct vst_dev *dev;
	int fd;
};

FIXTURE_VARIANT(line) {
	const char *nointxmask;	/* parameter of vfio-pci */
	const char *disintx;	/* attribute of the card */
	bool by_function;	/* it is masked by its own bit */
};

FIXTURE_VARIANT_ADD(line, bit) { "N", "disintx=1", true };
FIXTURE_VARIANT_ADD(line, nointxmask) { "Y", "disintx=1", false };
FIXTURE_VARIANT_ADD(line, card_without_the_bit) { "N", "disintx=0", false };

FIXTURE_SETUP(line)
{
	VST_NEEDS(VST_CAN_IRQ);
	load_vfio_pci(variant->nointxmask);
	vst_card_plug(&self->card, "model=shape", "driver=vfio-pci", variant->disintx);
	self->dev = vst_open(self->card.bdf[0]);
	self->fd = vst_eventfd();
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
}

FIXTURE_TEARDOWN(line)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

#define assert_line(self)	vst_card_set(&(self)->card, "raise", "0")
#define release_line(self)	vst_card_set(&(self)->card, "lower", "0")

/* The function's own command register, behind what vfio shows of it. */
static bool is_disabled(const struct vst_dev *dev)
{
	char path[96];
	u16 command;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", dev->bdf);
	fd = vst_ok(open(path, O_RDONLY));
	vst_assert(pread(fd, &command, sizeof(command), PCI_COMMAND) == sizeof(command));
	close(fd);
	return command & DISABLE;
}

TEST_F(line, bit_is_set_while_it_masked_itself_if_that_is_how)
{
	EXPECT_FALSE(is_disabled(self->dev));
	assert_line(self);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(variant->by_function, is_disabled(self->dev));
	EXPECT_EQ(0, vst_cfg_read16(self->dev, PCI_COMMAND) & DISABLE);
	release_line(self);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_FALSE(is_disabled(self->dev));
}

TEST_F(line, bit_is_set_while_the_user_masks_it_if_that_is_how)
{
	vst_irq_mask(self->dev, INTX);
	EXPECT_EQ(variant->by_function, is_disabled(self->dev));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_FALSE(is_disabled(self->dev));
}

TEST_F(line, fires_once_and_again_when_it_is_unmasked)
{
	int i;

	assert_line(self);
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(1, vst_event_wait(self->fd));
		vst_irq_unmask(self->dev, INTX);
	}
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(line, cause_that_came_while_it_was_masked_fires_later)
{
	vst_irq_mask(self->dev, INTX);
	vst_irq_mask(self->dev, INTX);
	assert_line(self);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* It is a level: what is over before somebody looks has never been. */
TEST_F(line, cause_that_came_and_went_while_it_was_masked_is_forgotten)
{
	int other = vst_eventfd();

	vst_irq_mask(self->dev, INTX);
	assert_line(self);
	release_line(self);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &other);
	vst_irq_unmask(self->dev, INTX);
	assert_line(self);
	EXPECT_EQ(1, vst_event_wait(other));
	EXPECT_EQ(0, vst_event_count(self->fd));
	release_line(self);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(other));
}

TEST_F(line, is_unmasked_by_an_eventfd)
{
	int fd = vst_eventfd();

	vst_set_irqs(self->dev, INTX, UNMASK | EVENTFD, 0, 1, &fd);
	assert_line(self);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	eventfd_write(fd, 1);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(line, users_bit_holds_it_back_however_it_is_masked)
{
	vst_command(self->dev, DISABLE, 0);
	EXPECT_EQ(DISABLE, vst_cfg_read16(self->dev, PCI_COMMAND) & DISABLE);
	EXPECT_EQ(variant->by_function, is_disabled(self->dev));
	assert_line(self);
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_command(self->dev, 0, DISABLE);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* What masked it is left balanced: a disable for each enable. */
TEST_F(line, closed_while_masked_opens_unmasked)
{
	assert_line(self);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	vst_close(self->dev);
	self->dev = vst_open(self->card.bdf[0]);
	EXPECT_FALSE(is_disabled(self->dev));
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	assert_line(self);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

TEST_F(line, messages_come_and_go_while_it_is_masked)
{
	int fd = vst_eventfd();

	vst_master(self->dev, true);
	vst_irq_mask(self->dev, INTX);
	vst_irq_disable(self->dev, INTX);
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &fd);
	assert_line(self);
	EXPECT_EQ(1, vst_event_wait(fd));
	release_line(self);
	vst_irq_disable(self->dev, MSIX);
	vst_irq_eventfds(self->dev, INTX, 0, 1, &self->fd);
	assert_line(self);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/*
 * The bit goes with all else of the function, and the kernel does not set it again
 * (docs/kernel-bugs); a mask at the controller stays.
 */
TEST_F(line, mask_at_the_controller_outlives_a_reset)
{
	if (variant->by_function)
		SKIP(return, "it is masked by the function, which forgets it");
	vst_irq_mask(self->dev, INTX);
	vst_reset(self->dev);
	assert_line(self);
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* As it was, whatever became of the tests. */
int main(int argc, char **argv)
{
	int ret = vst_main(argc, argv, NULL, test_harness_run);

	load_vfio_pci("N");
	exit(ret);
}
