// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: one process does a thing again and again while others do
 * whatever comes, to one open device, or to a card that comes and goes. Nothing of
 * that may hang, or make the kernel complain; and after it the card works.
 *
 * VLAB_ROUNDS is how often (default 200), VLAB_SEED which things the others do (see
 * vst_seed()).
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/serial_reg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define OTHERS	2
#define TRIES	16	/* for each time that it is to be done */
#define MAPPING	(4 * VST_PAGE)
#define LIMIT	3600	/* seconds for a test; the runner has a limit of its own */

/**
 * struct arena - where it happens
 * @bdf: the function
 * @card: its card; not with a device that was given to us
 * @dev: the open device, or NULL
 * @va: memory of each process for itself
 * @iova: where mappings of all of them are, one behind the other
 * @mine: which of them is that of this process
 * @random: what happens next
 * @stop: shared by all: it is enough
 */
struct arena {
	const char *bdf;
	struct vst_card card;
	struct vst_dev *dev;
	void *va;
	u64 iova;
	unsigned int mine;
	u64 random;
	int *stop;
};

/* Does something once. Returns whether it could be done. */
typedef bool actor(struct arena *a);

static u32 pick(struct arena *a, u32 n)
{
	a->random ^= a->random << 13;
	a->random ^= a->random >> 7;
	a->random ^= a->random << 17;
	return (a->random >> 16) % n;
}

static unsigned int rounds(void)
{
	return vst_number("VLAB_ROUNDS", 200);
}

/* ---- things to do with an open device; errors are part of it ---- */

static bool do_reset(struct arena *a)
{
	return !__vst_reset(a->dev);
}

static bool do_hot_reset(struct arena *a)
{
	return !__vst_hot_reset(a->dev);
}

static bool put(struct arena *a, unsigned int region, u64 off, const void *val, size_t len)
{
	return __vst_write(a->dev, region, off, val, len) == (ssize_t)len;
}

static bool engine(struct arena *a, unsigned int reg, u64 val, size_t len)
{
	return put(a, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + reg, &val, len);
}

static bool do_dma(struct arena *a)
{
	static const u32 how[] = {
		VLAB_DMA_CTRL_START | VLAB_DMA_CTRL_SRC_CARD | VLAB_DMA_CTRL_IRQ,
		VLAB_DMA_CTRL_START | VLAB_DMA_CTRL_DST_CARD | VLAB_DMA_CTRL_IRQ,
		VLAB_DMA_CTRL_START,
		VLAB_DMA_CTRL_ABORT,
	};
	unsigned int mapping = pick(a, 2) ? a->mine : pick(a, 1 + OTHERS);
	u64 iova = a->iova + mapping * MAPPING;

	engine(a, VLAB_DMA_SRC, iova, 8);
	engine(a, VLAB_DMA_DST, iova + VST_PAGE, 8);
	engine(a, VLAB_DMA_LEN, 1 + pick(a, MAPPING), 8);
	return engine(a, VLAB_DMA_CTRL, how[pick(a, ARRAY_SIZE(how))], 4);
}

/* Each has its own: two that unmap the same are a defect of the kernel, see docs/kernel-bugs. */
static u64 my_iova(const struct arena *a)
{
	return a->iova + a->mine * MAPPING;
}

static bool do_map(struct arena *a)
{
	bool mapped = !__vst_map(a->dev->iommu, a->va, my_iova(a), MAPPING, VST_RW);

	do_dma(a);
	__vst_unmap(a->dev->iommu, my_iova(a), MAPPING, NULL);
	return mapped;
}

/* Without INTx: a mask that gets lost in a reset lets it scream, see docs/kernel-bugs. */
static bool do_interrupts(struct arena *a)
{
	unsigned int index = pick(a, 2) ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_MSIX_IRQ_INDEX;
	unsigned int n = 1 + pick(a, 8), i;
	int fds[8], ret;

	switch (pick(a, 3)) {
	case 0:
		for (i = 0; i < n; i++)
			fds[i] = vst_eventfd();
		ret = __vst_irq_eventfds(a->dev, index, 0, n, fds);
		for (i = 0; i < n; i++)
			close(fds[i]);
		return !ret;
	case 1:
		return !__vst_irq_disable(a->dev, index);
	default:
		return !__vst_irq_loopback(a->dev, index, 0);
	}
}

/* Memory off and on, Bus Master off and on. */
static bool do_command(struct arena *a)
{
	u16 val = pick(a, 8) << 1;

	return put(a, VST_CONFIG, PCI_COMMAND, &val, sizeof(val));
}

static bool do_power(struct arena *a)
{
	u16 val = pick(a, 2) ? 3 : 0;

	return put(a, VST_CONFIG, vst_cap(a->dev, PCI_CAP_ID_PM) + PCI_PM_CTRL, &val, sizeof(val));
}

static bool do_ports(struct arena *a)
{
	u64 off = pick(a, 4 * VLAB_SERIAL_UART_STRIDE);
	u8 val = pick(a, 256);

	if (pick(a, 2))
		return put(a, VLAB_SERIAL_BAR_UART, off, &val, 1);
	return __vst_read(a->dev, VLAB_SERIAL_BAR_UART, off, &val, 1) == 1;
}

static bool do_mapping(struct arena *a)
{
	u32 val = 0;
	void *va;
	int ret;

	if (__vst_mmap(a->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEM, VST_PAGE,
		       PROT_READ | PROT_WRITE, MAP_SHARED, &va))
		return false;
	ret = __vst_poke(va, &val, sizeof(val));
	__vst_peek(va, &val, sizeof(val));
	munmap(va, VST_PAGE);
	return !ret;
}

static actor *const with_device[] = {
	do_reset, do_hot_reset, do_dma, do_map, do_interrupts, do_command, do_power, do_ports,
	do_mapping,
};

static bool do_anything(struct arena *a)
{
	return with_device[pick(a, ARRAY_SIZE(with_device))](a);
}

/* ---- things to do with a card ---- */

/* As somebody who is in a hurry: a descriptor is closed with all that is under way. */
static bool do_open(struct arena *a)
{
	struct vst_iommu *iommu = vst_iommu_open();
	struct arena in = *a;
	unsigned int i;
	int ret;

	ret = __vst_open_in(&in.dev, a->bdf, iommu);
	if (!ret) {
		do_command(&in);
		do_map(&in);
		for (i = 0; i < 4; i++)
			do_anything(&in);
		vst_close(in.dev);
	}
	vst_iommu_close(iommu);
	a->random = in.random;
	return !ret;
}

static bool do_kill(struct arena *a)
{
	pid_t pid = fork();

	vst_assert(pid >= 0);
	if (!pid) {
		struct vst_iommu *iommu = vst_iommu_open();

		if (!__vst_open_in(&a->dev, a->bdf, iommu)) {
			do_interrupts(a);
			__vst_map(iommu, a->va, my_iova(a), MAPPING, VST_RW);
			do_dma(a);
		}
		raise(SIGKILL);
	}
	pick(a, 2);
	return waitpid(pid, NULL, 0) == pid;
}

static bool do_rebind(struct arena *a)
{
	return !__vst_bind(a->bdf, "") && !__vst_bind(a->bdf, VST_DRIVER);
}

static bool do_replug(struct arena *a)
{
	return !__vst_card_pull(&a->card) && !__vst_card_live(&a->card) &&
	       !__vst_bind(a->bdf, VST_DRIVER);
}

static bool do_use(struct arena *a)
{
	return (pick(a, 3) ? do_open : do_kill)(a);
}

/* ---- the others ---- */

static pid_t start(struct arena *a, actor *what, unsigned int number)
{
	pid_t pid = fork();

	vst_assert(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a->mine = number + 1;
	a->random += (u64)a->mine << 32;
	while (!__atomic_load_n(a->stop, __ATOMIC_RELAXED))
		what(a);
	_exit(0);
}

static bool ends_well(pid_t pid)
{
	int status;

	if (vst_until(waitpid(pid, &status, WNOHANG) == pid, VST_DEADLINE_MS))
		return WIFEXITED(status) && !WEXITSTATUS(status);
	kill(pid, SIGKILL);
	return false;
}

/*
 * @what @n times while others do @whatever. What they make impossible is tried again,
 * for a while; now and then it must be possible, once before the deadline at least.
 */
static bool race(struct arena *a, actor *what, actor *whatever, unsigned int n)
{
	unsigned int i, tries, done = 0;
	pid_t others[OTHERS];
	bool well = true;
	u64 end;

	a->stop = mmap(NULL, VST_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	vst_assert(a->stop != MAP_FAILED);
	ksft_print_msg("VLAB_ROUNDS=%u\n", rounds());
	a->random = vst_seed() * 0x9e3779b97f4a7c15ULL + 1;
	for (i = 0; i < OTHERS; i++)
		others[i] = start(a, whatever, i);
	end = vst_now_ms() + VST_DEADLINE_MS;
	for (tries = 0; done < n && (tries < n * TRIES || (!done && vst_now_ms() < end)); tries++) {
		if (what(a))
			done++;
		else
			vst_relax();
	}
	__atomic_store_n(a->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < OTHERS; i++)
		well &= ends_well(others[i]);
	munmap(a->stop, VST_PAGE);
	ksft_print_msg("%u of %u could be done\n", done, tries);
	return well && done;
}

/* ---- what is left of it in memory ---- */

/**
 * struct traces - what the kernel had before
 * @objects: from kmalloc(), if it tells
 * @slab: KiB of all objects
 * @free: KiB that nobody has; only megabytes of it mean anything
 */
struct traces {
	struct vst_objects objects;
	long slab, free;
};

static void look(struct traces *t)
{
	if (__vst_kernel_objects(&t->objects))
		vst_kernel_settle();
	t->slab = vst_meminfo_kib("Slab");
	t->free = vst_meminfo_kib("MemFree");
}

/*
 * Less than an object for eight times that something was done, and what one time
 * leaves behind for the next: names, numbers, a first page. Some 50 have been seen.
 */
#define SOME_OBJECTS	80
#define SOME_SLAB	512
#define SOME_MEMORY	(16 << 10)

/* KASAN keeps slabs of what was freed; where it is, kmemleak is, for unreferenced_test. */
static bool keeps_what_was_freed(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

static bool leaked(const struct traces *before, const struct traces *now)
{
	long allowed = SOME_OBJECTS + rounds() / 8;

	return vst_objects_more(&before->objects, &now->objects, false) > allowed ||
	       (now->slab - before->slab > SOME_SLAB + allowed && !keeps_what_was_freed()) ||
	       before->free - now->free > SOME_MEMORY;
}

/* Some of it is freed in batches, seconds later. */
static bool leaves_no_traces(const struct traces *before)
{
	u64 end = vst_now_ms() + VST_DEADLINE_MS;
	static struct traces now;
	bool bad;

	do {
		look(&now);
		bad = leaked(before, &now);
	} while (bad && vst_now_ms() < end);
	ksft_print_msg("left behind: %ld objects, %ld KiB of slabs, %ld KiB in all\n",
		       vst_objects_more(&before->objects, &now.objects, bad),
		       now.slab - before->slab, before->free - now.free);
	return !bad;
}

/*
 * What counting opens is open before the cases fork: else each that ends would free
 * it, and the next one's "before" would still have some of that.
 */
static __attribute__((constructor)) void look_once(void)
{
	static struct vst_objects objects;

	__vst_kernel_objects(&objects);
}

/* A byte through a port, and a page by DMA, both ways. */
static void works(struct __test_metadata *_metadata, struct vst_dev *dev)
{
	struct vst_uart u = vst_uart(dev, 0);
	struct vst_buf buf;
	u8 c = 0;

	vst_power(dev, 0);
	vst_reset(dev);
	vst_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	vst_uart_setup(&u, 1);
	vst_out(&u, UART_MCR, UART_MCR_LOOP);
	vst_uart_send(&u, "x", 1);
	vst_uart_recv(&u, &c, 1);
	EXPECT_EQ('x', c);
	buf = vst_buf(dev->iommu, VST_PAGE, VST_RW);
	EXPECT_EQ(0, __vst_dma_touch(dev, buf.iova, VST_PAGE, false));
	EXPECT_EQ(0, __vst_dma_touch(dev, buf.iova, VST_PAGE, true));
	vst_buf_free(&buf);
}

/* ---- one open device ---- */

/* uapi: DEVICE.RESET HOT_RESET.DO REGION.BAR REGION.CONFIG REGION.MMAP */
FIXTURE(device) {
	struct arena a;
	struct traces before;
};

FIXTURE_VARIANT(device) {
	actor *what;
};

FIXTURE_VARIANT_ADD(device, reset) { .what = do_reset };
FIXTURE_VARIANT_ADD(device, hot_reset) { .what = do_hot_reset };
FIXTURE_VARIANT_ADD(device, dma) { .what = do_dma };
FIXTURE_VARIANT_ADD(device, map) { .what = do_map };
FIXTURE_VARIANT_ADD(device, interrupts) { .what = do_interrupts };
FIXTURE_VARIANT_ADD(device, command) { .what = do_command };
FIXTURE_VARIANT_ADD(device, power) { .what = do_power };
FIXTURE_VARIANT_ADD(device, ports) { .what = do_ports };
FIXTURE_VARIANT_ADD(device, mapping) { .what = do_mapping };

FIXTURE_SETUP(device)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->a.bdf = vst_bdf();
	self->a.va = vst_anon(MAPPING);
	look(&self->before);
	self->a.dev = vst_open(self->a.bdf);
	self->a.iova = vst_iova(self->a.dev->iommu, (1 + OTHERS) * MAPPING);
}

FIXTURE_TEARDOWN(device)
{
	vst_close(self->a.dev);
}

TEST_F_TIMEOUT(device, survives_all_that_can_be_done_to_it_at_once, LIMIT)
{
	unsigned int i;

	EXPECT_TRUE(race(&self->a, variant->what, do_anything, rounds()));
	for (i = 0; i <= OTHERS; i++)
		__vst_unmap(self->a.dev->iommu, self->a.iova + i * MAPPING, MAPPING, NULL);
	works(_metadata, self->a.dev);
	vst_close(self->a.dev);
	self->a.dev = NULL;
	EXPECT_TRUE(leaves_no_traces(&self->before));
}

/* ---- a card ---- */

FIXTURE(card) {
	struct arena a;
	struct traces before;
	unsigned long locked;
};

/* A card that is plugged in again takes as long as four that are bound again. */
FIXTURE_VARIANT(card) {
	actor *what, *whatever;
	unsigned int part;
};

FIXTURE_VARIANT_ADD(card, opened) { .what = do_open, .whatever = do_use, .part = 1 };
FIXTURE_VARIANT_ADD(card, killed) { .what = do_kill, .whatever = do_use, .part = 1 };
FIXTURE_VARIANT_ADD(card, bound_again) { .what = do_rebind, .whatever = do_use, .part = 1 };
FIXTURE_VARIANT_ADD(card, plugged_again) { .what = do_replug, .whatever = do_use, .part = 4 };

FIXTURE_SETUP(card)
{
	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	self->locked = vst_locked(getpid());
	look(&self->before);
	vst_card_plug(&self->a.card, "ports=4");
	self->a.bdf = self->a.card.bdf[0];
	self->a.va = vst_anon(MAPPING);
	self->a.iova = 0x100000;
}

FIXTURE_TEARDOWN(card)
{
	vst_card_destroy(&self->a.card);
}

TEST_F_TIMEOUT(card, works_whatever_was_done_to_it_at_once, LIMIT)
{
	struct vst_dev *dev;

	EXPECT_TRUE(race(&self->a, variant->what, variant->whatever,
			 (rounds() + variant->part - 1) / variant->part));
	vst_bind(self->a.bdf, VST_DRIVER);
	EXPECT_EQ(self->locked, vst_locked(getpid()));
	dev = vst_open(self->a.bdf);
	works(_metadata, dev);
	vst_close(dev);
	vst_card_destroy(&self->a.card);
	EXPECT_TRUE(leaves_no_traces(&self->before));
}

/* ---- a user who does not let go ---- */

#define ASKED_AGAIN	10000	/* ms, vfio_unregister_group_dev() */
#define PATIENT		1000	/* rounds: somebody has time */

static struct vst_child unbinds_when_told(const char *bdf)
{
	struct vst_child c = vst_fork();

	if (c.pid)
		return c;
	vst_hear(c.sock);
	vst_unbind(bdf);
	_exit(0);
}

FIXTURE(asked) {
	struct vst_card card;
	struct vst_child child;
	struct vst_dev *dev;
	int req;
};

FIXTURE_SETUP(asked)
{
	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_CARDS();
	if (rounds() < PATIENT)
		SKIP(return, "takes 20 seconds: VLAB_ROUNDS=%u and more asks for it", PATIENT);
	vst_card_plug(&self->card, "ports=1");
	self->child = unbinds_when_told(self->card.bdf[0]);
	self->dev = vst_open(self->card.bdf[0]);
	self->req = vst_eventfd();
	vst_irq_eventfds(self->dev, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &self->req);
}

FIXTURE_TEARDOWN(asked)
{
	vst_close(self->dev);
	vst_card_destroy(&self->card);
}

/* uapi: REQUEST SET_IRQS.REQ */
TEST_F_TIMEOUT(asked, again_every_ten_seconds_until_he_lets_go, LIMIT)
{
	u64 then, now;
	int i;

	vst_say(self->child.sock);
	EXPECT_EQ(1, vst_event_wait(self->req));
	then = vst_now_ms();
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, __vst_event_wait(self->req, ASKED_AGAIN + VST_DEADLINE_MS));
		now = vst_now_ms();
		EXPECT_LE(ASKED_AGAIN - ASKED_AGAIN / 10, now - then);
		then = now;
	}
	EXPECT_EQ(VLAB_SERIAL_MAGIC,
		  vst_read32(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_ID));
	vst_close(self->dev);
	self->dev = NULL;
	EXPECT_EQ(0, vst_child_end(&self->child));
	EXPECT_EQ(0, vst_event_count(self->req));
}

VST_MAIN("ports=4")
