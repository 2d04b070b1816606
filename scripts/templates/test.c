// SPDX-License-Identifier: GPL-2.0-only
/*
 * sample - say here what these tests are about
 *
 * Run it alone in a guest: selftests/run.sh sample_test. The library is vst.h:
 * vst_x() ends the test when it fails, __vst_x() returns -errno for you to look
 * at.
 */
#include "kselftest_harness.h"
#include "vst.h"

FIXTURE(sample) {
	struct vst_dev *dev;
};

FIXTURE_SETUP(sample)
{
	self->dev = vst_open(vst_bdf());
}

FIXTURE_TEARDOWN(sample)
{
	vst_close(self->dev);
}

/* The name is the claim, the comment cites the spec: serial.rst 2. */
TEST_F(sample, vendor_is_that_of_our_cards)
{
	EXPECT_EQ(VLAB_VENDOR, vst_cfg_read16(self->dev, PCI_VENDOR_ID));
}

/* Its hostile twin: what must be refused, and leave no trace. */
TEST_F(sample, vendor_cannot_be_written)
{
	vst_cfg_write16(self->dev, PCI_VENDOR_ID, 0);
	EXPECT_EQ(VLAB_VENDOR, vst_cfg_read16(self->dev, PCI_VENDOR_ID));
}

/* Attributes of the card that is plugged in for this program. */
VST_MAIN("ports=1")
