// SPDX-License-Identifier: GPL-2.0-only
/*
 * One INTx line for two functions: those of a device with the same pin share the
 * interrupt, as they share the wire. Each masks itself by Interrupt Disable, so
 * what one does is nothing to the other; one that cannot wants the line for itself.
 * See shape.rst 5.1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define FNS	2

/* uapi: INTX.LEVEL INTX.DISABLE */
FIXTURE(line) {
	struct vst_card card;
	struct vst_iommu *iommu;
	struct vst_dev *dev[FNS];
	int fd[FNS];
};

FIXTURE_VARIANT(line) {
	const char *driver, *disintx;
	bool shared;
};

FIXTURE_VARIANT_ADD(line, vfiolab) { "driver=" VST_DRIVER, "disintx=1", true };
FIXTURE_VARIANT_ADD(line, vfio_pci) { "driver=vfio-pci", "disintx=1", true };
FIXTURE_VARIANT_ADD(line, without_the_bit) { "driver=vfio-pci", "disintx=0", false };

FIXTURE_SETUP(line)
{
	int i;

	VST_NEEDS(VST_CAN_IRQ);
	vst_card_plug(&self->card, "model=shape", "functions=2", "bar4=none", "msix=0",
		      variant->driver, variant->disintx);
	self->iommu = vst_iommu_open();
	for (i = 0; i < FNS; i++) {
		self->dev[i] = vst_open_in(self->card.bdf[i], self->iommu);
		self->fd[i] = vst_eventfd();
	}
	vst_irq_eventfds(self->dev[0], INTX, 0, 1, &self->fd[0]);
	if (variant->shared)
		vst_irq_eventfds(self->dev[1], INTX, 0, 1, &self->fd[1]);
}

FIXTURE_TEARDOWN(line)
{
	int i;

	for (i = 0; i < FNS; i++) {
		vst_close(self->dev[i]);
		close(self->fd[i]);
	}
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

#define NEEDS_BOTH() do {						\
	if (!variant->shared)						\
		SKIP(return, "the second function cannot have the line");	\
} while (0)

#define assert_line(self, which)	vst_card_set(&(self)->card, "raise", which)
#define release_line(self, which)	vst_card_set(&(self)->card, "lower", which)

static int interrupt_of(const char *bdf)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/irq", bdf);
	vst_ok(__vst_file_read(path, text, sizeof(text)));
	return atoi(text);
}

TEST_F(line, is_one_interrupt_for_both)
{
	EXPECT_LT(0, interrupt_of(self->card.bdf[0]));
	EXPECT_EQ(interrupt_of(self->card.bdf[0]), interrupt_of(self->card.bdf[1]));
}

TEST_F(line, of_a_function_that_cannot_mask_itself_is_for_it_alone)
{
	int ret = __vst_irq_eventfds(self->dev[1], INTX, 0, 1, &self->fd[1]);

	EXPECT_EQ(variant->shared ? 0 : -EBUSY, ret);
	assert_line(self, "0:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	if (variant->shared)
		return;
	vst_irq_disable(self->dev[0], INTX);
	EXPECT_EQ(0, __vst_irq_eventfds(self->dev[1], INTX, 0, 1, &self->fd[1]));
}

TEST_F(line, tells_who_has_the_cause_and_nobody_else)
{
	NEEDS_BOTH();
	assert_line(self, "0:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	EXPECT_EQ(0, vst_event_count(self->fd[1]));
	release_line(self, "0:0");
	vst_irq_unmask(self->dev[0], INTX);
	assert_line(self, "1:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
}

TEST_F(line, tells_both_when_both_have_a_cause)
{
	int i;

	NEEDS_BOTH();
	assert_line(self, "0:0");
	assert_line(self, "1:0");
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(1, vst_event_wait(self->fd[0]));
		EXPECT_EQ(1, vst_event_wait(self->fd[1]));
		vst_irq_unmask(self->dev[0], INTX);
		vst_irq_unmask(self->dev[1], INTX);
	}
}

/* It masked itself, and its cause is still there: the wire is not up for that. */
TEST_F(line, is_not_held_by_one_that_is_masked)
{
	int i;

	NEEDS_BOTH();
	assert_line(self, "0:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	for (i = 0; i < 20; i++) {
		assert_line(self, "1:0");
		EXPECT_EQ(1, vst_event_wait(self->fd[1]));
		release_line(self, "1:0");
		vst_irq_unmask(self->dev[1], INTX);
	}
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
	EXPECT_EQ(0, vst_event_count(self->fd[1]));
	vst_irq_unmask(self->dev[0], INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	EXPECT_EQ(0, vst_event_count(self->fd[1]));
}

TEST_F(line, masked_by_one_user_is_open_to_the_other)
{
	NEEDS_BOTH();
	vst_irq_mask(self->dev[0], INTX);
	assert_line(self, "0:0");
	assert_line(self, "1:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
	vst_irq_unmask(self->dev[0], INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
}

TEST_F(line, goes_on_when_one_is_closed_with_its_cause_there)
{
	NEEDS_BOTH();
	assert_line(self, "0:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	vst_close(self->dev[0]);
	self->dev[0] = NULL;
	assert_line(self, "1:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
}

TEST_F(line, goes_on_when_one_is_reset_with_its_cause_there)
{
	NEEDS_BOTH();
	assert_line(self, "0:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	vst_reset(self->dev[0]);
	assert_line(self, "1:0");
	EXPECT_EQ(1, vst_event_wait(self->fd[1]));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
}

VST_MAIN_NO_CARD
