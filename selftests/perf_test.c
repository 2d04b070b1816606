// SPDX-License-Identifier: GPL-2.0-only
/*
 * What things cost: measured, printed, and judged by bounds so wide that only
 * something broken goes past them. An idle card costs nothing: that is exact.
 */
#include <linux/serial_reg.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define ROUNDS	1000
#define DMA	(2 << 20)

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static u64 median(u64 *ns, unsigned int n)
{
	qsort(ns, n, sizeof(*ns), compare);
	return ns[n / 2];
}

FIXTURE(cost) {
	struct vst_dev *dev;
	struct vst_uart u;
};

FIXTURE_SETUP(cost)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	vst_master(self->dev, true);
	self->u = vst_uart(self->dev, 0);
}

FIXTURE_TEARDOWN(cost)
{
	vst_close(self->dev);
}

TEST_F(cost, one_byte_trapped_read)
{
	u64 ns[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		u64 start = now_ns();

		vst_in(&self->u, UART_SCR);
		ns[i] = now_ns() - start;
	}
	ksft_print_msg("one-byte trapped read: %llu ns, median of %u\n",
		       (unsigned long long)median(ns, ROUNDS), ROUNDS);
	EXPECT_GT(10000000, ns[ROUNDS / 2]);
}

TEST_F(cost, event_of_the_device_to_its_eventfd)
{
	int fd = vst_eventfd();
	u64 ns[ROUNDS];
	unsigned int i;

	vst_irq_eventfds(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &fd);
	for (i = 0; i < ROUNDS; i++) {
		u64 start = now_ns();

		vst_dma_write32(self->dev, VLAB_DMA_SEND, 0);
		ASSERT_EQ(1, vst_event_wait(fd));
		ns[i] = now_ns() - start;
	}
	ksft_print_msg("register write to eventfd read by the same thread: %llu ns, median of %u\n",
		       (unsigned long long)median(ns, ROUNDS), ROUNDS);
	EXPECT_GT(100000000, ns[ROUNDS / 2]);
}

/* A thread that blocks in poll() and notes when it was woken. */
struct sleeper {
	int fd;
	int told;		/* eventfd: "I have the time" */
	u64 woken[ROUNDS];
};

static void *sleep_and_note(void *arg)
{
	struct sleeper *s = arg;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		u64 one = 1;

		vst_event_wait(s->fd);
		s->woken[i] = now_ns();
		vst_assert(write(s->told, &one, sizeof(one)) == sizeof(one));
	}
	return NULL;
}

TEST_F(cost, event_of_the_device_to_a_thread_that_waits)
{
	struct sleeper s = { .fd = vst_eventfd(), .told = vst_eventfd() };
	u64 sent[ROUNDS];
	pthread_t thread;
	unsigned int i;

	vst_irq_eventfds(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &s.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_and_note, &s));
	for (i = 0; i < ROUNDS; i++) {
		sent[i] = now_ns();
		vst_dma_write32(self->dev, VLAB_DMA_SEND, 0);
		ASSERT_EQ(1, vst_event_wait(s.told));
		sent[i] = s.woken[i] - sent[i];
	}
	pthread_join(thread, NULL);
	ksft_print_msg("register write to another thread's eventfd: %llu ns, median of %u\n",
		       (unsigned long long)median(sent, ROUNDS), ROUNDS);
	EXPECT_GT(100000000, sent[ROUNDS / 2]);
}

TEST_F(cost, dma_of_2_mib_against_memcpy)
{
	struct vst_buf from = vst_buf(self->dev->iommu, DMA, VST_READ);
	struct vst_buf to = vst_buf(self->dev->iommu, DMA, VST_RW);
	struct vst_dma dma = { .src = from.iova, .dst = to.iova, .len = DMA };
	u8 *copy = vst_anon(DMA);
	u64 engine[9], cpu[9];
	unsigned int i;

	vst_fill(from.va, DMA, 1);
	for (i = 0; i < ARRAY_SIZE(engine); i++) {
		u64 start = now_ns();

		vst_dma_run(self->dev, &dma);
		engine[i] = now_ns() - start;
		start = now_ns();
		memcpy(copy, from.va, DMA);
		__asm__ volatile("" : : "r"(copy) : "memory");
		cpu[i] = now_ns() - start;
	}
	EXPECT_EQ(-1, vst_differs(from.va, to.va, DMA));
	ksft_print_msg("DMA of 2 MiB: %llu us, memcpy %llu us, ratio %.1f\n",
		       (unsigned long long)median(engine, ARRAY_SIZE(engine)) / 1000,
		       (unsigned long long)median(cpu, ARRAY_SIZE(cpu)) / 1000,
		       (double)engine[ARRAY_SIZE(engine) / 2] / cpu[ARRAY_SIZE(cpu) / 2]);
	EXPECT_GT(10000000000, engine[ARRAY_SIZE(engine) / 2]);
	vst_buf_free(&to);
	vst_buf_free(&from);
	munmap(copy, DMA);
}

/* ---- an idle card ---- */

#define TRACING	"/sys/kernel/tracing/instances/vst"

/* Everything that could run for a card on its own account. */
static const char *const idle_events[] = {
	"events/vfiolab/enable",
	"events/workqueue/workqueue_execute_start/enable",
	"events/timer/timer_expire_entry/enable",
	"events/timer/hrtimer_expire_entry/enable",
	"events/irq/irq_handler_entry/enable",
};

static void trace_set(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "/%s", file);
	vst_file_write(path, text);
}

static bool trace_start(void)
{
	unsigned int i;

	if (mkdir(TRACING, 0755) && errno != EEXIST)
		return false;
	for (i = 0; i < ARRAY_SIZE(idle_events); i++)
		trace_set(idle_events[i], "1");
	trace_set("trace", "\n");
	return true;
}

/* Our functions are in modules: "name [vfiolab]"; our interrupts "vfio-msi...". */
static bool is_ours(const char *line)
{
	return strstr(line, "vlab") || strstr(line, "[vfiolab") || strstr(line, "name=vfio-");
}

static unsigned int trace_stop(char *last, size_t len)
{
	FILE *f = fopen(TRACING "/trace", "r");
	unsigned int n = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (line[0] != '#' && is_ours(line) && ++n)
			snprintf(last, len, "%s", line);
	if (f)
		fclose(f);
	rmdir(TRACING);
	return n;
}

/* Waits for an event that must not come: the measuring time itself. */
static void let_a_second_pass(int fd)
{
	vst_assert(__vst_event_wait(fd, 1000) == -ETIMEDOUT);
}

TEST_F(cost, idle_card_wakes_nobody)
{
	struct vst_buf buf = vst_buf(self->dev->iommu, VST_PAGE, VST_RW);
	int fds[4] = { vst_eventfd(), vst_eventfd(), vst_eventfd(), vst_eventfd() };
	char last[512] = "";
	struct vst_dma copy = { .src = buf.iova, .dst = buf.iova + 64, .len = 64 };
	unsigned int n;
	u8 byte;

	/* It has worked before: engine, port and interrupts have been used. */
	vst_irq_eventfds(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, 0, 4, fds);
	vst_uart_setup(&self->u, 1);
	vst_out(&self->u, UART_IER, 0x0f);
	vst_uart_send(&self->u, "x", 1);
	vst_uart_recv(&self->u, &byte, 1);
	vst_dma_run(self->dev, &copy);
	vst_event_count(fds[0]);
	if (!trace_start())
		SKIP(return, "no tracefs at /sys/kernel/tracing");
	let_a_second_pass(fds[1]);
	n = trace_stop(last, sizeof(last));
	ksft_print_msg("idle live card, bound and open: %u wakeups in a second\n", n);
	EXPECT_EQ(0, n)
		TH_LOG("the last one: %s", last);
	EXPECT_EQ(0, vst_event_count(fds[0]));
	vst_buf_free(&buf);
}

/* ---- memory ---- */

/*
 * What the kernel has for itself. Free memory would tell all, but for the pages that
 * each processor has at hand: megabytes, which come and go. Objects that wait for
 * RCU and caches do not count.
 */
static long kernel_kib(void)
{
	static const char *const parts[] = {
		"Slab", "Percpu", "PageTables", "KernelStack", "VmallocUsed",
	};
	unsigned int i;
	long kib = 0;

	vst_kernel_settle();
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		kib += vst_meminfo_kib(parts[i]);
	return kib;
}

/*
 * What comes back when cards go, as many as there is room for: one alone is less
 * than what the kernel's counters know. The first look is to have caches dropped.
 * The pages of the card's memory are counted nowhere, but their number is known.
 */
TEST(memory_of_a_live_card)
{
	static const char *const attrs[] = { "model=serial", "ports=4", NULL };
	struct vst_card card[24];
	unsigned int i, n = 0;
	long kib;

	VST_NEEDS(VST_CAN_VFIO);
	while (n < ARRAY_SIZE(card) && !__vst_card_plug(&card[n], attrs))
		n++;
	ASSERT_LT(0, n);
	kernel_kib();
	kib = kernel_kib();
	for (i = 0; i < n; i++)
		vst_card_destroy(&card[i]);
	kib -= kernel_kib();
	ksft_print_msg("a live card, bound: %ld KiB, mean of %u, and 64 KiB of card memory\n",
		       kib / (long)n, n);
	if (n < 8)
		SKIP(return, "room for %u cards, too few to tell", n);
	EXPECT_LT(0, kib);
	EXPECT_GT(1024, kib / (long)n);
}

VST_MAIN("ports=4")
