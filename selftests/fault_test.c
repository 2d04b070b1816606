// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations that fail: each step on the way from a directory in configfs to a
 * device at work is taken again and again, and each time another allocation of it
 * fails. Then the step may fail, or do without; if it failed, the next try succeeds.
 * Warnings show in the kernel's log, what is left behind in unreferenced_test.sh.
 *
 * Needs CONFIG_FAULT_INJECTION with its stack trace filter, so that only allocations
 * made on behalf of VFIO, iommufd or our modules count. Of a step with many, an even
 * choice of VLAB_FAULTS (default 60, 0: all) is made to fail.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define VECTORS		8
#define BUF_SIZE	(64 * VST_PAGE)

/* ---- the kernel's side ---- */

/* Addresses of code, the last is not of it. */
struct range {
	unsigned long long start, end;
};

/* VFIO, iommufd and our modules. */
static struct range module_text(void)
{
	struct range range = { ULLONG_MAX, 0 };
	FILE *file = fopen("/proc/modules", "r");
	unsigned long long addr, size;
	char name[64];

	vst_assert(file);
	while (fscanf(file, "%63s %llu %*s %*s %*s %llx%*[^\n]", name, &size, &addr) == 3) {
		if (strncmp(name, "vfio", 4) && strncmp(name, "iommufd", 7))
			continue;
		range.start = addr < range.start ? addr : range.start;
		range.end = addr + size > range.end ? addr + size : range.end;
	}
	fclose(file);
	return range;
}

/* Symbols in no order: the address of @name, or the least one above @above. */
static unsigned long long symbol(const char *name, unsigned long long above)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long addr, found = 0;
	char text[256];

	vst_assert(file);
	while (fscanf(file, "%llx %*c %255s%*[^\n]", &addr, text) == 2)
		if (name ? !strcmp(text, name) : addr > above && (!found || addr < found))
			found = addr;
	fclose(file);
	vst_assert(found);
	return found;
}

/* A function of the kernel, up to where the next one begins. */
static struct range function(const char *name)
{
	struct range range;

	range.start = symbol(name, 0);
	range.end = symbol(NULL, range.start);
	return range;
}

static int set_knob(const char *what, const char *knob, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", what, knob);
	return __vst_file_write(path, value);
}

static int set_address(const char *what, const char *knob, unsigned long long addr)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", addr);
	return set_knob(what, knob, text);
}

/* Every kind of allocation counts that is made with code of the range in its stack. */
static int set_filter(const char *what, struct range wanted)
{
	return set_knob(what, "ignore-gfp-wait", "N") ?:
	       set_knob(what, "verbose", "0") ?:
	       set_knob(what, "stacktrace-depth", "32") ?:
	       set_address(what, "require-start", wanted.start) ?:
	       set_address(what, "require-end", wanted.end);
}

/* But not with code of that one. */
static void spare(const char *what, struct range spared)
{
	vst_ok(set_address(what, "reject-start", spared.start));
	vst_ok(set_address(what, "reject-end", spared.end));
}

/* What the kernel lacks, NULL: nothing. */
static const char *set_up_faults(void)
{
	struct range wanted = module_text();

	if (access(FAIL_NTH, W_OK))
		return "no " FAIL_NTH ": the kernel has no CONFIG_FAULT_INJECTION";
	if (wanted.start > wanted.end)
		return "VFIO is no module here";
	if (set_filter("failslab", wanted) || set_filter("fail_page_alloc", wanted) ||
	    set_knob("fail_page_alloc", "min-order", "0"))
		return "the kernel has no CONFIG_FAULT_INJECTION_STACKTRACE_FILTER";
	return NULL;
}

/* The @nth allocation of this thread from now on fails; 0: none. */
static void fail_nth(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	vst_assert(pwrite(fd, text, len, 0) == len);
}

/* How many allocations are left until one fails, 0: it has. No more fail. */
static unsigned int fail_no_more(int fd)
{
	char text[16] = "";

	vst_assert(pread(fd, text, sizeof(text) - 1, 0) > 0);
	fail_nth(fd, 0);
	return strtoul(text, NULL, 10);
}

/* ---- steps ---- */

struct bench {
	struct vst_card card;
	struct vst_iommu *iommu;
	struct vst_dev *dev;
	u8 *mem;
	u64 iova;
	int fd[VECTORS];
	void *va;
};

/* How far a bench is before a step. */
enum stage { EMPTY, CREATED, LIVE, BOUND, OPEN, ARMED };

/**
 * struct step - one of them
 * @from: how far the bench must be
 * @take: take it; 0, or -errno, or how many of several there would be
 * @undo: back to where it was; NULL: it may be taken again as it is
 * @spared: no allocation of this function of the kernel fails; NULL: all may
 */
struct step {
	enum stage from;
	int (*take)(struct bench *b);
	void (*undo)(struct bench *b);
	const char *spared;
};

static int create(struct bench *b)
{
	return __vst_card_create(&b->card, "serial");
}

static void destroy(struct bench *b)
{
	vst_card_destroy(&b->card);
}

static int remove_card(struct bench *b)
{
	return __vst_card_destroy(&b->card);
}

static void create_again(struct bench *b)
{
	vst_card_create(&b->card, "serial");
}

static int plug_in(struct bench *b)
{
	return __vst_card_live(&b->card);
}

static void pull_out(struct bench *b)
{
	vst_card_pull(&b->card);
}

static int pull(struct bench *b)
{
	return __vst_card_pull(&b->card);
}

static void plug_in_again(struct bench *b)
{
	vst_card_live(&b->card);
}

static int bind_ours(struct bench *b)
{
	return __vst_bind(b->card.bdf[0], VST_DRIVER);
}

static int bind_stock(struct bench *b)
{
	return __vst_bind(b->card.bdf[0], "vfio-pci");
}

static void unbind(struct bench *b)
{
	vst_bind(b->card.bdf[0], "");
}

static int open_device(struct bench *b)
{
	return __vst_open_in(&b->dev, b->card.bdf[0], b->iommu);
}

static void close_device(struct bench *b)
{
	vst_close(b->dev);
	b->dev = NULL;
}

static int map(struct bench *b)
{
	return __vst_map(b->iommu, b->mem, b->iova, BUF_SIZE, VST_RW);
}

static void unmap(struct bench *b)
{
	vst_unmap(b->iommu, b->iova, BUF_SIZE, NULL);
}

static int map_bar(struct bench *b)
{
	struct vst_region region;
	u32 val;
	int ret;

	ret = __vst_region(b->dev, VLAB_SERIAL_BAR_CTRL, &region);
	if (ret)
		return ret;
	ret = __vst_mmap(b->dev, VLAB_SERIAL_BAR_CTRL, region.area[0].offset, VST_PAGE,
			 PROT_READ | PROT_WRITE, MAP_SHARED, &b->va);
	if (ret)
		return ret;
	ret = __vst_peek(b->va, &val, sizeof(val));
	if (ret)
		munmap(b->va, VST_PAGE);
	return ret;
}

static void unmap_bar(struct bench *b)
{
	munmap(b->va, VST_PAGE);
}

static int arm(struct bench *b, unsigned int index, unsigned int count)
{
	return __vst_irq_eventfds(b->dev, index, 0, count, b->fd);
}

static int arm_intx(struct bench *b)
{
	return arm(b, VFIO_PCI_INTX_IRQ_INDEX, 1);
}

static void disarm_intx(struct bench *b)
{
	vst_irq_disable(b->dev, VFIO_PCI_INTX_IRQ_INDEX);
}

static int arm_msi(struct bench *b)
{
	return arm(b, VFIO_PCI_MSI_IRQ_INDEX, VECTORS);
}

static void disarm_msi(struct bench *b)
{
	vst_irq_disable(b->dev, VFIO_PCI_MSI_IRQ_INDEX);
}

static int arm_msix(struct bench *b)
{
	return arm(b, VFIO_PCI_MSIX_IRQ_INDEX, VECTORS);
}

static void disarm_msix(struct bench *b)
{
	vst_irq_disable(b->dev, VFIO_PCI_MSIX_IRQ_INDEX);
}

static int arm_request(struct bench *b)
{
	return arm(b, VFIO_PCI_REQ_IRQ_INDEX, 1);
}

static void disarm_request(struct bench *b)
{
	vst_irq_disable(b->dev, VFIO_PCI_REQ_IRQ_INDEX);
}

/* Unmask INTx by eventfd: a virqfd. */
static int arm_unmask(struct bench *b)
{
	return __vst_set_irqs(b->dev, VFIO_PCI_INTX_IRQ_INDEX,
			      VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD,
			      0, 1, &b->fd[1]);
}

static void disarm_unmask(struct bench *b)
{
	int none = -1;

	vst_set_irqs(b->dev, VFIO_PCI_INTX_IRQ_INDEX,
		     VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD, 0, 1, &none);
}

static int ioeventfd(struct bench *b, int fd)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = b->dev->region[VLAB_SERIAL_BAR_CTRL].offset + VLAB_SERIAL_DMA +
			  VLAB_DMA_SEND,
		.data = 1,
		.fd = fd,
	};

	return __vst_ioctl(b->dev, VFIO_DEVICE_IOEVENTFD, &arg);
}

static int add_ioeventfd(struct bench *b)
{
	return ioeventfd(b, b->fd[0]);
}

static void remove_ioeventfd(struct bench *b)
{
	vst_ok(ioeventfd(b, -1));
}

static int reset(struct bench *b)
{
	return __vst_reset(b->dev);
}

static int hot_reset(struct bench *b)
{
	return __vst_hot_reset(b->dev);
}

static int transfer(struct bench *b)
{
	return __vst_dma_run(b->dev, &(struct vst_dma) {
		.src = b->iova,
		.dst = b->iova + BUF_SIZE / 2,
		.len = BUF_SIZE / 2,
	});
}

/* Config space and BARs as a driver reads them. */
static int look(struct bench *b)
{
	u8 buf[256];
	ssize_t ret = __vst_read(b->dev, VST_CONFIG, 0, buf, sizeof(buf));

	if (ret >= 0)
		ret = __vst_read(b->dev, VLAB_SERIAL_BAR_CTRL, 0, buf, sizeof(buf));
	return ret < 0 ? ret : 0;
}

/* ---- a bench for a step, and its end ---- */

static void build(struct bench *b, enum stage stage)
{
	unsigned int i;

	for (i = 0; i < VECTORS; i++)
		b->fd[i] = vst_eventfd();
	b->mem = vst_anon(BUF_SIZE);
	if (stage >= CREATED)
		vst_card_create(&b->card, "serial");
	if (stage >= LIVE)
		vst_card_live(&b->card);
	if (stage >= BOUND) {
		vst_bind(b->card.bdf[0], VST_DRIVER);
		b->iommu = vst_iommu_open();
	}
	if (stage >= OPEN) {
		vst_ok(open_device(b));
		vst_master(b->dev, true);
		b->iova = vst_iova(b->iommu, BUF_SIZE);
	}
	if (stage >= ARMED) {
		vst_ok(map(b));
		vst_ok(arm_intx(b));
	}
}

static void tear_down(struct bench *b)
{
	vst_close(b->dev);
	vst_iommu_close(b->iommu);
	vst_card_destroy(&b->card);
}

/* ---- the sweep ---- */

FIXTURE(step) {
	struct bench bench;
	int fd;
};

FIXTURE_VARIANT(step) {
	struct step step;
};

FIXTURE_VARIANT_ADD(step, create) { .step = { EMPTY, create, destroy } };
FIXTURE_VARIANT_ADD(step, remove) { .step = { CREATED, remove_card, create_again } };
/* The PCI core warns when device_add() fails: docs/kernel-bugs. */
FIXTURE_VARIANT_ADD(step, plug_in) { .step = { CREATED, plug_in, pull_out, "device_add" } };
FIXTURE_VARIANT_ADD(step, pull) { .step = { LIVE, pull, plug_in_again } };
/* So does VFIO when a group cannot be made. */
#define GROUP "vfio_create_group"
FIXTURE_VARIANT_ADD(step, bind) { .step = { LIVE, bind_ours, unbind, GROUP } };
FIXTURE_VARIANT_ADD(step, bind_stock) { .step = { LIVE, bind_stock, unbind, GROUP } };
FIXTURE_VARIANT_ADD(step, open) { .step = { BOUND, open_device, close_device } };
FIXTURE_VARIANT_ADD(step, look) { .step = { OPEN, look } };
FIXTURE_VARIANT_ADD(step, map) { .step = { OPEN, map, unmap } };
FIXTURE_VARIANT_ADD(step, map_bar) { .step = { OPEN, map_bar, unmap_bar } };
FIXTURE_VARIANT_ADD(step, arm_intx) { .step = { OPEN, arm_intx, disarm_intx } };
/* And procfs, of an interrupt's directory that could not be made. */
#define IRQ "register_irq_proc"
FIXTURE_VARIANT_ADD(step, arm_msi) { .step = { OPEN, arm_msi, disarm_msi, IRQ } };
FIXTURE_VARIANT_ADD(step, arm_msix) { .step = { OPEN, arm_msix, disarm_msix, IRQ } };
FIXTURE_VARIANT_ADD(step, arm_request) { .step = { OPEN, arm_request, disarm_request } };
FIXTURE_VARIANT_ADD(step, arm_unmask) { .step = { ARMED, arm_unmask, disarm_unmask } };
FIXTURE_VARIANT_ADD(step, ioeventfd) { .step = { OPEN, add_ioeventfd, remove_ioeventfd } };
FIXTURE_VARIANT_ADD(step, reset) { .step = { ARMED, reset } };
FIXTURE_VARIANT_ADD(step, hot_reset) { .step = { ARMED, hot_reset } };
FIXTURE_VARIANT_ADD(step, transfer) { .step = { ARMED, transfer } };

FIXTURE_SETUP(step)
{
	struct range spared = { 0 };

	VST_NEEDS(VST_CAN_VFIO);
	if (variant->step.spared)
		spared = function(variant->step.spared);
	spare("failslab", spared);
	spare("fail_page_alloc", spared);
	self->fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	build(&self->bench, variant->step.from);
}

FIXTURE_TEARDOWN(step)
{
	tear_down(&self->bench);
}

static void undo(const struct step *step, struct bench *b)
{
	if (step->undo)
		step->undo(b);
}

/* How many allocations a step makes when none fails. */
static unsigned int count_allocations(const struct step *step, struct bench *b, int fd)
{
	unsigned int left;
	int ret;

	fail_nth(fd, INT_MAX);
	ret = step->take(b);
	left = fail_no_more(fd);
	vst_ok(ret);
	undo(step, b);
	return INT_MAX - left;
}

static unsigned int tries(void)
{
	return vst_number("VLAB_FAULTS", 60) ?: UINT_MAX;
}

TEST_F(step, succeeds_after_each_allocation_that_failed)
{
	const struct step *step = &variant->step;
	unsigned int n, failed = 0, all = count_allocations(step, &self->bench, self->fd);

	for (n = 1; n <= all; n += 1 + all / tries()) {
		bool fault;
		int ret;

		fail_nth(self->fd, n);
		ret = step->take(&self->bench);
		fault = !fail_no_more(self->fd);
		if (fault && ret) {
			failed++;
			ret = step->take(&self->bench);
		}
		ASSERT_EQ(0, ret)
			TH_LOG("allocation %u of %u%s", n, all, fault ? ", tried again" : "");
		undo(step, &self->bench);
	}
	TH_LOG("%u allocations, %u tries failed", all, failed);
}

int main(int argc, char **argv)
{
	const char *lack = set_up_faults();

	if (lack && !geteuid()) {
		ksft_print_header();
		ksft_exit_skip("%s\n", lack);
	}
	exit(vst_main(argc, argv, NULL, test_harness_run));
}
