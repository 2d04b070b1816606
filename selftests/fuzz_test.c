// SPDX-License-Identifier: GPL-2.0-only
/*
 * Anything, at any time: random calls on two open devices, by one thread or several.
 * What a call returns does not matter; that all of them return does, that the kernel
 * has nothing to complain of, and that nothing of it is left when the devices are
 * opened anew.
 *
 * VLAB_SEED says which calls, in each thread in the same order (see vst_seed());
 * VLAB_CALLS how many there are, a third of them in each test (default 30000).
 */
#include <linux/pci_regs.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define TESTS		3	/* variants */
#define DEVICES		2
#define MAX_THREADS	4
#define BUF_SIZE	(16 * VST_PAGE)
#define CONFIG_SIZE	4096
#define NFDS		4
#define LIMIT		3600	/* seconds for a test; the runner has a limit of its own */

/* What does not go together: see race_test. */
enum kind { RESETS, INTX };

struct thread {
	pthread_t id;
	u64 random;
	unsigned int calls;
	enum kind kind;
	struct vst_dev *const *devs;
	struct vst_dev *dev;	/* of this call */
	u8 *mem;		/* what mappings are made of; all threads have the same */
	int fd[NFDS];		/* eventfds */
	int pipe[2];		/* memory that may not be there is read and written by it */
	union {
		u8 arg[1024];
		u32 argsz;
	};
};

/* ---- random numbers ---- */

static u64 any(struct thread *t)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return t->random * 0x2545f4914f6cdd1dULL;
}

static u64 below(struct thread *t, u64 n)
{
	return (any(t) >> 16) % n;
}

static bool seldom(struct thread *t)
{
	return !below(t, 16);
}

/* Bytes of @arg, which mostly are small numbers. */
static void fill(struct thread *t, size_t len)
{
	size_t i;

	vst_fill(t->arg, len, any(t) | 1);
	for (i = 0; i + sizeof(u32) <= len; i += sizeof(u32)) {
		u32 val = below(t, 9);

		if (!seldom(t))
			memcpy(t->arg + i, &val, sizeof(val));
	}
}

/* Somewhere in what is @size large, at its end, or nowhere near. */
static u64 offset(struct thread *t, u64 size)
{
	if (seldom(t))
		return any(t) >> below(t, 64);
	if (seldom(t) || !size)
		return size - below(t, 9);
	return below(t, size);
}

/* Config space has more than one register that resets. */
static unsigned int region(struct thread *t)
{
	unsigned int index = seldom(t) ? below(t, 64) : below(t, VFIO_PCI_NUM_REGIONS);

	return t->kind == INTX && index == VST_CONFIG ? VFIO_PCI_BAR0_REGION_INDEX : index;
}

static u64 region_size(struct thread *t, unsigned int index)
{
	return index < VFIO_PCI_NUM_REGIONS ? t->dev->region[index].size : VST_PAGE;
}

static size_t length(struct thread *t)
{
	return seldom(t) ? below(t, sizeof(t->arg) + 1) : 1UL << below(t, 4);
}

/* ---- calls ---- */

static void read_region(struct thread *t)
{
	unsigned int index = region(t);

	__vst_read(t->dev, index, offset(t, region_size(t, index)), t->arg, length(t));
}

static void write_region(struct thread *t)
{
	unsigned int index = region(t);
	size_t len = length(t);

	fill(t, sizeof(t->arg));
	__vst_write(t->dev, index, offset(t, region_size(t, index)), t->arg, len);
}

static void write_config(struct thread *t)
{
	fill(t, sizeof(t->arg));
	__vst_write(t->dev, VST_CONFIG, offset(t, 256), t->arg, 1UL << below(t, 3));
}

/* Mostly on, so that there is something to hit. */
static void write_command(struct thread *t)
{
	u16 command = seldom(t) ? any(t) : PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	__vst_write(t->dev, VST_CONFIG, PCI_COMMAND, &command, sizeof(command));
}

static void raw_access(struct thread *t)
{
	u64 off = any(t) >> below(t, 64);

	if (below(t, 2))
		(void)!pread(t->dev->fd, t->arg, length(t), off);
	else
		(void)!pwrite(t->dev->fd, t->arg, length(t), off);
}

static void map_region(struct thread *t)
{
	unsigned int index = region(t);
	u64 off = offset(t, region_size(t, index)) & -VST_PAGE;
	size_t len = (1 + below(t, 4)) * VST_PAGE;
	void *va;

	if (__vst_mmap(t->dev, index, off, len, PROT_READ | PROT_WRITE,
		       seldom(t) ? MAP_PRIVATE : MAP_SHARED, &va))
		return;
	if (write(t->pipe[1], (u8 *)va + below(t, len - 8), 8) == 8)
		(void)!read(t->pipe[0], (u8 *)va + below(t, len - 8), 8);
	munmap(va, len);
}

/* Each index; INTx, or what resets. */
static unsigned int irq_index(struct thread *t)
{
	unsigned int index = seldom(t) ? below(t, 16) : below(t, VFIO_PCI_NUM_IRQS);

	return t->kind == RESETS && index == VFIO_PCI_INTX_IRQ_INDEX ?
	       VFIO_PCI_MSI_IRQ_INDEX : index;
}

static void set_irqs(struct thread *t)
{
	struct vfio_irq_set *set = (void *)t->arg;
	int *fd = (int *)set->data;
	unsigned int i;

	for (i = 0; i < 32; i++)
		fd[i] = seldom(t) ? -1 : t->fd[below(t, NFDS)];
	set->argsz = sizeof(*set) + (seldom(t) ? below(t, 256) : 32 * sizeof(*fd));
	set->flags = seldom(t) ? any(t) : 1U << below(t, 3) | 1U << (3 + below(t, 3));
	set->index = irq_index(t);
	set->start = seldom(t) ? offset(t, 32) : 0;
	set->count = seldom(t) ? offset(t, 32) : below(t, 17);
	__vst_ioctl(t->dev, VFIO_DEVICE_SET_IRQS, set);
}

static void add_ioeventfd(struct thread *t)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = seldom(t) ? any(t) : 1U << below(t, 4),
		.offset = t->dev->region[below(t, VFIO_PCI_NUM_REGIONS)].offset +
			  offset(t, VST_PAGE),
		.data = below(t, 4),
		.fd = below(t, 2) ? -1 : t->fd[below(t, NFDS)],
	};

	__vst_ioctl(t->dev, VFIO_DEVICE_IOEVENTFD, &arg);
}

/* Those that reset have a call of their own, as they take their time, and so has SET_IRQS. */
static void any_ioctl(struct thread *t)
{
	static const unsigned long request[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
		VFIO_DEVICE_QUERY_GFX_PLANE, VFIO_DEVICE_IOEVENTFD, VFIO_DEVICE_FEATURE,
		VFIO_DEVICE_FEATURE, VFIO_DEVICE_FEATURE,
	};

	fill(t, sizeof(t->arg));
	if (!seldom(t))
		t->argsz = below(t, sizeof(t->arg) + 1);
	__vst_ioctl(t->dev, request[below(t, ARRAY_SIZE(request))], t->arg);
}

static void odd_ioctl(struct thread *t)
{
	unsigned long request = any(t);

	if (request == VFIO_DEVICE_RESET || request == VFIO_DEVICE_PCI_HOT_RESET)
		return;
	fill(t, sizeof(t->arg));
	__vst_ioctl(t->dev, request, t->arg);
}

static void feature(struct thread *t)
{
	struct vfio_device_feature *arg = (void *)t->arg;

	fill(t, sizeof(t->arg));
	t->argsz = sizeof(*arg) + below(t, 64);
	arg->flags = below(t, 20) | (u32)below(t, 8) << 16;
	__vst_ioctl(t->dev, VFIO_DEVICE_FEATURE, arg);
}

static void map_memory(struct thread *t)
{
	u64 page = below(t, BUF_SIZE / VST_PAGE), iova = below(t, 64) * VST_PAGE;
	u64 size = (1 + below(t, BUF_SIZE / VST_PAGE - page)) * VST_PAGE;

	if (seldom(t))
		iova = any(t);
	__vst_map(t->dev->iommu, t->mem + page * VST_PAGE, iova, size, 1 + below(t, 3));
}

/* One at a time: two that unmap the same are a defect of the kernel, see docs/kernel-bugs. */
static void unmap_memory(struct thread *t)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	__vst_unmap(t->dev->iommu, seldom(t) ? any(t) : below(t, 64) * VST_PAGE,
		    (1 + below(t, 64)) * VST_PAGE, NULL);
	pthread_mutex_unlock(&lock);
}

static void write_engine(struct thread *t, u64 reg, u64 val, size_t len)
{
	__vst_write(t->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + reg, &val, len);
}

/* Others write these registers as well: there is no telling what it will move. */
static void transfer(struct thread *t)
{
	write_engine(t, VLAB_DMA_SRC, below(t, 64 * VST_PAGE), 8);
	write_engine(t, VLAB_DMA_DST, below(t, 64 * VST_PAGE), 8);
	write_engine(t, VLAB_DMA_LEN, below(t, 4 * VST_PAGE), 8);
	write_engine(t, VLAB_DMA_CTRL, below(t, 64), 4);
}

static void reset(struct thread *t)
{
	__vst_reset(t->dev);
}

static void hot_reset(struct thread *t)
{
	__vst_hot_reset(t->dev);
}

/* A reset sleeps for a tenth of a second, or more. */
static const struct call {
	unsigned int weight;
	void (*make)(struct thread *t);
	bool resets;		/* it does, or may */
} calls[] = {
	{ .weight = 1000, .make = read_region },
	{ .weight = 1000, .make = write_region },
	{ .weight = 200, .make = write_config, .resets = true },
	{ .weight = 300, .make = write_command },
	{ .weight = 300, .make = raw_access, .resets = true },
	{ .weight = 400, .make = map_region },
	{ .weight = 500, .make = set_irqs },
	{ .weight = 200, .make = add_ioeventfd },
	{ .weight = 400, .make = any_ioctl, .resets = true },
	{ .weight = 200, .make = odd_ioctl, .resets = true },
	{ .weight = 200, .make = feature, .resets = true },
	{ .weight = 200, .make = map_memory },
	{ .weight = 200, .make = unmap_memory },
	{ .weight = 300, .make = transfer },
	{ .weight = 5, .make = reset, .resets = true },
	{ .weight = 1, .make = hot_reset, .resets = true },
};

static const struct call *choose(struct thread *t)
{
	unsigned int i, all = 0, number;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		all += calls[i].weight;
	number = below(t, all);
	for (i = 0; number >= calls[i].weight; i++)
		number -= calls[i].weight;
	return &calls[i];
}

static void *run(void *arg)
{
	struct thread *t = arg;

	while (t->calls) {
		const struct call *call = choose(t);

		if (t->kind == INTX && call->resets)
			continue;
		t->dev = t->devs[below(t, DEVICES)];
		call->make(t);
		t->calls--;
	}
	return NULL;
}

static void start(struct thread *t, u64 seed, unsigned int count)
{
	unsigned int i;

	t->random = (seed + 1) * 0x9e3779b97f4a7c15ULL ?: 1;
	t->calls = count;
	for (i = 0; i < NFDS; i++)
		t->fd[i] = vst_eventfd();
	vst_assert(!pipe(t->pipe));
	vst_assert(!pthread_create(&t->id, NULL, run, t));
}

static void end(struct thread *t)
{
	unsigned int i;

	vst_assert(!pthread_join(t->id, NULL));
	for (i = 0; i < NFDS; i++)
		close(t->fd[i]);
	close(t->pipe[0]);
	close(t->pipe[1]);
}

/* ---- what is looked at ---- */

static void read_config(struct vst_dev *dev, u8 *config)
{
	size_t size = dev->region[VST_CONFIG].size;

	vst_assert(size <= CONFIG_SIZE);
	vst_read(dev, VST_CONFIG, 0, config, size);
}

static void expect_same_config(struct __test_metadata *_metadata, struct vst_dev *dev,
			       const u8 *want)
{
	u8 got[CONFIG_SIZE] = {};
	ssize_t at;

	read_config(dev, got);
	at = vst_differs(want, got, sizeof(got));
	EXPECT_EQ(-1, at)
		TH_LOG("config space at 0x%zx: 0x%02x, was 0x%02x", at, got[at], want[at]);
}

/* A byte through a port, and a page by DMA. */
static void expect_works(struct __test_metadata *_metadata, struct vst_dev *dev)
{
	struct vst_uart u = vst_uart(dev, 0);
	struct vst_buf buf;
	u8 byte = 0;

	vst_uart_setup(&u, 1);
	vst_out(&u, UART_MCR, UART_MCR_LOOP);
	vst_uart_send(&u, "x", 1);
	vst_uart_recv(&u, &byte, 1);
	EXPECT_EQ('x', byte);
	vst_master(dev, true);
	buf = vst_buf(dev->iommu, 2 * VST_PAGE, VST_RW);
	vst_fill(buf.va, VST_PAGE, 1);
	EXPECT_EQ(0, __vst_dma_run(dev, &(struct vst_dma) {
		.src = buf.iova,
		.dst = buf.iova + VST_PAGE,
		.len = VST_PAGE,
	}));
	EXPECT_EQ(-1, vst_differs(buf.va, buf.va + VST_PAGE, VST_PAGE));
	vst_buf_free(&buf);
}

/* ---- the test ---- */

/**
 * struct bench - what the calls are made on
 * @card: a card for each device
 * @config: its config space, as it was found
 * @locked: memory that we had locked before
 * @iommu: address space of both
 * @dev: the open devices
 * @mem: what mappings are made of
 */
struct bench {
	struct vst_card card[DEVICES];
	u8 config[DEVICES][CONFIG_SIZE];
	unsigned long locked;
	struct vst_iommu *iommu;
	struct vst_dev *dev[DEVICES];
	u8 *mem;
};

FIXTURE(fuzz) {
	struct bench bench;
};

FIXTURE_VARIANT(fuzz) {
	unsigned int threads;
	enum kind kind;
};

FIXTURE_VARIANT_ADD(fuzz, one_thread) { .threads = 1, .kind = RESETS };
FIXTURE_VARIANT_ADD(fuzz, threads) { .threads = MAX_THREADS, .kind = RESETS };
FIXTURE_VARIANT_ADD(fuzz, threads_and_intx) { .threads = MAX_THREADS, .kind = INTX };

static void open_all(struct bench *b)
{
	unsigned int i;

	b->iommu = vst_iommu_open();
	for (i = 0; i < DEVICES; i++)
		b->dev[i] = vst_open_in(b->card[i].bdf[0], b->iommu);
}

static void close_all(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++)
		vst_close(b->dev[i]);
	vst_iommu_close(b->iommu);
}

FIXTURE_SETUP(fuzz)
{
	struct bench *b = &self->bench;
	unsigned int i;

	VST_NEEDS(VST_CAN_VFIO);
	b->mem = vst_anon(BUF_SIZE);
	b->locked = vst_locked(getpid());
	for (i = 0; i < DEVICES; i++)
		vst_card_plug(&b->card[i]);
	open_all(b);
	for (i = 0; i < DEVICES; i++)
		read_config(b->dev[i], b->config[i]);
}

FIXTURE_TEARDOWN(fuzz)
{
	struct bench *b = &self->bench;
	unsigned int i;

	close_all(b);
	for (i = 0; i < DEVICES; i++)
		vst_card_destroy(&b->card[i]);
}

static void make_calls(struct bench *b, unsigned int threads, enum kind kind)
{
	u64 seed = vst_seed(), begin = vst_now_ms();
	unsigned int all = vst_number("VLAB_CALLS", TESTS * 10000), count = all / TESTS, i;
	struct thread thread[MAX_THREADS];

	ksft_print_msg("VLAB_CALLS=%u\n", all);
	for (i = 0; i < threads; i++) {
		thread[i].devs = b->dev;
		thread[i].mem = b->mem;
		thread[i].kind = kind;
		start(&thread[i], seed * MAX_THREADS + i, count / threads);
	}
	for (i = 0; i < threads; i++)
		end(&thread[i]);
	ksft_print_msg("%u calls in %u ms\n", count, (unsigned int)(vst_now_ms() - begin));
}

TEST_F_TIMEOUT(fuzz, leaves_no_trace, LIMIT)
{
	struct bench *b = &self->bench;
	unsigned int i;

	make_calls(b, variant->threads, variant->kind);
	close_all(b);
	EXPECT_EQ(b->locked, vst_locked(getpid()));
	for (i = 0; i < DEVICES; i++)
		EXPECT_EQ(0, vst_irq_handlers(b->card[i].bdf[0]));
	open_all(b);
	for (i = 0; i < DEVICES; i++) {
		expect_same_config(_metadata, b->dev[i], b->config[i]);
		expect_works(_metadata, b->dev[i]);
	}
}

VST_MAIN_NO_CARD
