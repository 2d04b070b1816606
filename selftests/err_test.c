// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors of a card reach its user: what the kernel's aer_inject has the root port
 * report goes through its error recovery to vfio-pci, and from there to the eventfd
 * of VFIO_PCI_ERR_IRQ_INDEX.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vlab_shape.h"
#include "vst.h"

#define ERR	VFIO_PCI_ERR_IRQ_INDEX
#define REGS	2		/* BAR */
#define INJECT	"/dev/aer_inject"

/* drivers/pci/pcie/aer_inject.c */
struct injection {
	u8 bus, dev, fn;
	u32 uncorrectable, correctable;
	u32 header[4];
	u32 domain;
};

FIXTURE(error) {
	struct vst_card card;
	struct vst_dev *dev;
	int fd, log;
};

FIXTURE_VARIANT(error) {
	const char *driver;
};

FIXTURE_VARIANT_ADD(error, vfio_pci) { "driver=vfio-pci" };
FIXTURE_VARIANT_ADD(error, vfiolab) { "driver=" VST_DRIVER };

/* As long as it is loaded, config accesses go through it. */
FIXTURE_SETUP(error)
{
	VST_NEEDS(VST_CAN_IRQ);
	if (vst_segment())
		SKIP(return, "a segment of its own has no root port to report errors to");
	if (system("modprobe -q aer_inject"))
		SKIP(return, "the kernel has no aer_inject");
	vst_card_plug(&self->card, "model=shape", "caps=aer", variant->driver);
	self->dev = vst_open(self->card.bdf[0]);
	self->log = vst_log_open();
	self->fd = vst_eventfd();
	vst_irq_eventfds(self->dev, ERR, 0, 1, &self->fd);
}

FIXTURE_TEARDOWN(error)
{
	vst_close(self->dev);
	/* First, as it puts back what it found as it took the buses' operations. */
	__vst_module_unload("aer_inject");
	vst_card_destroy(&self->card);
	close(self->log);
}

/* Returns 0 or -errno. */
static int inject(const char *bdf, u32 uncorrectable, u32 correctable)
{
	struct injection what = { .uncorrectable = uncorrectable, .correctable = correctable };
	unsigned int domain, bus, dev, fn;
	int fd = vst_ok(open(INJECT, O_WRONLY | O_CLOEXEC)), ret = 0;

	vst_assert(sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) == 4);
	what.domain = domain;
	what.bus = bus;
	what.dev = dev;
	what.fn = fn;
	if (write(fd, &what, sizeof(what)) != sizeof(what))
		ret = -errno;
	close(fd);
	return ret;
}

/* What aer_inject is needed for is over: the last that recovery says. */
static bool has_recovered(int log)
{
	return vst_until(vst_log_count(log, "device recovery successful", NULL, 0),
			 VST_DEADLINE_MS);
}

/* Nothing but the eventfd: a function in trouble is its user's affair. */
static void expect_working(struct __test_metadata *_metadata, struct vst_dev *dev)
{
	u16 id = vst_cfg_read16(dev, PCI_DEVICE_ID);

	EXPECT_EQ(VLAB_DEVICE_SHAPE, id);
	vst_reset(dev);
	EXPECT_EQ(VLAB_DEVICE_SHAPE, vst_cfg_read16(dev, PCI_DEVICE_ID));
}

/* uapi: SET_IRQS.ERR */
TEST_F(error, that_is_not_fatal_signals_its_user)
{
	ASSERT_EQ(0, inject(self->card.bdf[0], PCI_ERR_UNC_COMP_TIME, 0));
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_TRUE(has_recovered(self->log));
	expect_working(_metadata, self->dev);
}

/* The last one counts; one that was replaced is told nothing. uapi: SET_IRQS.ERR */
TEST_F(error, signals_the_eventfd_that_took_the_others_place)
{
	int other = vst_eventfd();

	vst_irq_eventfds(self->dev, ERR, 0, 1, &other);
	ASSERT_EQ(0, inject(self->card.bdf[0], PCI_ERR_UNC_UNX_COMP, 0));
	EXPECT_EQ(1, vst_event_wait(other));
	EXPECT_TRUE(has_recovered(self->log));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

/*
 * Of another card, with a user of its own: that one is told. uapi: SET_IRQS.ERR
 */
TEST_F(error, is_told_to_the_user_of_that_card_alone)
{
	struct vst_card card;
	struct vst_dev *dev;
	int fd = vst_eventfd();

	vst_card_plug(&card, "model=shape", "caps=aer", variant->driver);
	dev = vst_open(card.bdf[0]);
	vst_irq_eventfds(dev, ERR, 0, 1, &fd);
	EXPECT_EQ(0, inject(card.bdf[0], PCI_ERR_UNC_COMP_TIME, 0));
	EXPECT_EQ(1, __vst_event_wait(fd, VST_DEADLINE_MS));
	EXPECT_TRUE(has_recovered(self->log));
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_close(dev);
	vst_card_destroy(&card);
}

/* The kernel counts before it does anything else about it. */
static bool has_corrected_one(const char *bdf)
{
	char path[96], text[2048];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/aer_dev_correctable", bdf);
	vst_file_read(path, text, sizeof(text));
	return strstr(text, "TOTAL_ERR_COR 1");
}

TEST_F(error, that_was_corrected_is_no_affair_of_its_user)
{
	ASSERT_EQ(0, inject(self->card.bdf[0], 0, PCI_ERR_COR_RCVR));
	EXPECT_TRUE(vst_until(has_corrected_one(self->card.bdf[0]), VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_event_count(self->fd));
}

TEST_F(error, without_an_eventfd_is_lost)
{
	vst_irq_disable(self->dev, ERR);
	ASSERT_EQ(0, inject(self->card.bdf[0], PCI_ERR_UNC_COMP_TIME, 0));
	EXPECT_TRUE(has_recovered(self->log));
	EXPECT_EQ(0, vst_event_count(self->fd));
	expect_working(_metadata, self->dev);
}

/* A card without the capability has no way to tell of errors. */
TEST_F(error, of_a_card_that_cannot_report_any_does_not_come)
{
	struct vst_card card;

	vst_card_plug(&card, "model=shape", variant->driver);
	EXPECT_EQ(-EPROTONOSUPPORT, inject(card.bdf[0], PCI_ERR_UNC_COMP_TIME, 0));
	vst_card_destroy(&card);
}

/* ---- who goes first: aer_inject, a card straight in a root port, the modules ---- */

FIXTURE(injected) {
	struct vst_card card;
	char port[VST_BDF_LEN], slot[32];
	u16 id;			/* the port's */
};

static u16 device_id(const char *bdf)
{
	char config[PCI_STD_HEADER_SIZEOF];
	u16 id;

	vst_pci_attr(bdf, "config", config, sizeof(config));
	memcpy(&id, config + PCI_DEVICE_ID, sizeof(id));
	return id;
}

static void plug_and_inject(struct vst_card *card, const char *slot)
{
	vst_card_plug(card, "model=shape", "caps=aer", "driver=", slot);
	vst_assert(!inject(card->bdf[0], 0, PCI_ERR_COR_RCVR));
	vst_assert(vst_until(has_corrected_one(card->bdf[0]), VST_DEADLINE_MS));
}

/* A card is found there and answers. */
static bool takes_a_card(const char *slot)
{
	struct vst_card card;
	u16 id;

	vst_card_plug(&card, "model=shape", "driver=", slot);
	id = device_id(card.bdf[0]);
	vst_card_destroy(&card);
	return id == VLAB_DEVICE_SHAPE;
}

FIXTURE_SETUP(injected)
{
	VST_NEEDS_MODULES();
	if (!vst_pci_empty_port("0000:00", 0, self->port))
		SKIP(return, "no empty root port");
	if (system("modprobe -q aer_inject"))
		SKIP(return, "the kernel has no aer_inject");
	snprintf(self->slot, sizeof(self->slot), "slot=%s", self->port);
	self->id = device_id(self->port);
	plug_and_inject(&self->card, self->slot);
}

FIXTURE_TEARDOWN(injected)
{
	if (!*self->slot)
		return;
	vst_card_destroy(&self->card);
	__vst_module_unload("aer_inject");
	if (access("/sys/module/vfiolab", F_OK))
		vst_modules_restore();
}

TEST_F(injected, card_goes_before_aer_inject)
{
	vst_card_destroy(&self->card);
	vst_module_unload("aer_inject");
	EXPECT_TRUE(takes_a_card(self->slot));
	EXPECT_EQ(0, __vst_modules_unload());
	vst_pci_rescan();
	EXPECT_EQ(self->id, device_id(self->port));
}

TEST_F(injected, card_goes_and_another_comes_before_aer_inject_goes)
{
	vst_card_destroy(&self->card);
	EXPECT_TRUE(takes_a_card(self->slot));
	plug_and_inject(&self->card, self->slot);
	vst_card_destroy(&self->card);
	vst_module_unload("aer_inject");
	EXPECT_TRUE(takes_a_card(self->slot));
}

TEST_F(injected, aer_inject_goes_before_the_card)
{
	vst_module_unload("aer_inject");
	EXPECT_EQ(VLAB_DEVICE_SHAPE, device_id(self->card.bdf[0]));
	vst_card_destroy(&self->card);
	EXPECT_TRUE(takes_a_card(self->slot));
}

TEST_F(injected, modules_go_before_aer_inject)
{
	vst_card_destroy(&self->card);
	EXPECT_EQ(0, __vst_modules_unload());
	vst_pci_rescan();
	EXPECT_EQ(self->id, device_id(self->port));
	vst_module_unload("aer_inject");
	vst_pci_rescan();
	EXPECT_EQ(self->id, device_id(self->port));
	vst_modules_restore();
	EXPECT_TRUE(takes_a_card(self->slot));
}

/* Nobody else's accesses are to go through it, whatever became of the tests. */
int main(int argc, char **argv)
{
	int ret = vst_main(argc, argv, NULL, test_harness_run);

	__vst_module_unload("aer_inject");
	exit(ret);
}
