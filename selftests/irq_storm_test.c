// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_SET_IRQS while the card sends all the time: more vectors, fewer, other
 * eventfds, another index. And the end of a device that has all its interrupts armed.
 *
 * What is left behind is looked for in /proc/interrupts, where VFIO names each of
 * its handlers after the device.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define ERR	VFIO_PCI_ERR_IRQ_INDEX
#define REQ	VFIO_PCI_REQ_IRQ_INDEX

#define UNMASK_EVENTFD	(VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD)

#define VECTORS	16

/* ---- the card sends on all vectors and moves its line ---- */

struct storm {
	struct vst_dev *dev;
	atomic_bool stop;
	pthread_t thread;
};

static void send(struct vst_dev *dev, unsigned int vector)
{
	vst_dma_write32(dev, VLAB_DMA_SEND, vector);
}

static void *send_all(void *arg)
{
	struct storm *storm = arg;
	unsigned int i;

	for (i = 0; !atomic_load(&storm->stop); i++) {
		send(storm->dev, i % VECTORS);
		(i & 1 ? vst_uart_raise : vst_uart_lower)(storm->dev, 0);
	}
	return NULL;
}

static void storm_start(struct storm *storm, struct vst_dev *dev)
{
	storm->dev = dev;
	vst_assert(pthread_create(&storm->thread, NULL, send_all, storm) == 0);
}

static void storm_stop(struct storm *storm)
{
	atomic_store(&storm->stop, true);
	pthread_join(storm->thread, NULL);
	vst_uart_lower(storm->dev, 0);
}

static void count_all(const int *fd, unsigned int n)
{
	while (n--)
		vst_event_count(fd[n]);
}

/* An open device that sends, and an eventfd for each of its vectors. */
struct noisy {
	struct vst_dev *dev;
	struct storm storm;
	int fd[VECTORS];
};

static void noisy_open(struct noisy *n)
{
	unsigned int i;

	n->dev = vst_open(vst_bdf());
	vst_master(n->dev, true);
	for (i = 0; i < VECTORS; i++)
		n->fd[i] = vst_eventfd();
	storm_start(&n->storm, n->dev);
}

static void noisy_close(struct noisy *n)
{
	if (!atomic_load(&n->storm.stop))
		storm_stop(&n->storm);
	vst_close(n->dev);
}

FIXTURE(storm) {
	struct noisy noisy;
};

FIXTURE_VARIANT(storm) {
	unsigned int index;
};

FIXTURE_VARIANT_ADD(storm, intx) { .index = INTX };
FIXTURE_VARIANT_ADD(storm, msi) { .index = MSI };
FIXTURE_VARIANT_ADD(storm, msix) { .index = MSIX };

FIXTURE_SETUP(storm)
{
	VST_NEEDS(VST_CAN_IRQ);
	noisy_open(&self->noisy);
}

FIXTURE_TEARDOWN(storm)
{
	noisy_close(&self->noisy);
}

/* Quiet again: one cause, one interrupt, and only on the eventfd of its vector. */
static void expect_order(struct __test_metadata *_metadata, struct vst_dev *dev,
			 unsigned int index, const int *fd, unsigned int n)
{
	unsigned int i;

	if (index == INTX)
		vst_irq_unmask(dev, INTX);
	count_all(fd, VECTORS);
	for (i = 0; i < n; i++) {
		if (index == INTX)
			vst_uart_raise(dev, 0);
		else
			send(dev, i);
		EXPECT_EQ(1, vst_event_wait(fd[i]));
	}
	for (i = 0; i < VECTORS; i++)
		EXPECT_EQ(0, vst_event_count(fd[i]));
	EXPECT_EQ(n, vst_irq_handlers(dev->bdf));
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(storm, goes_off_and_on)
{
	struct noisy *n = &self->noisy;
	int i;

	for (i = 0; i < 30; i++) {
		vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
		EXPECT_LE(1, vst_event_wait(n->fd[0]));
		vst_irq_disable(n->dev, variant->index);
		vst_event_count(n->fd[0]);
		EXPECT_EQ(0, vst_event_count(n->fd[0]));
	}
	EXPECT_EQ(0, vst_irq_handlers(n->dev->bdf));
	vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
	storm_stop(&n->storm);
	expect_order(_metadata, n->dev, variant->index, n->fd, 1);
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(storm, eventfd_is_replaced)
{
	struct noisy *n = &self->noisy;
	int i, now;

	vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
	for (i = 0; i < 60; i++) {
		now = n->fd[i % 3];
		vst_irq_eventfds(n->dev, variant->index, 0, 1, &now);
		count_all(n->fd, 3);
		if (variant->index == INTX)
			vst_irq_unmask(n->dev, INTX);
		EXPECT_LE(1, vst_event_wait(now));
		EXPECT_EQ(0, vst_event_count(n->fd[(i + 1) % 3]));
		EXPECT_EQ(0, vst_event_count(n->fd[(i + 2) % 3]));
	}
	storm_stop(&n->storm);
	vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
	expect_order(_metadata, n->dev, variant->index, n->fd, 1);
}

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(storm, eventfd_comes_and_goes)
{
	struct noisy *n = &self->noisy;
	int i, none = -1;

	vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
	for (i = 0; i < 60; i++) {
		vst_irq_eventfds(n->dev, variant->index, 0, 1, &none);
		vst_event_count(n->fd[0]);
		EXPECT_EQ(0, vst_event_count(n->fd[0]));
		vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
		if (variant->index == INTX)
			vst_irq_unmask(n->dev, INTX);
		EXPECT_LE(1, vst_event_wait(n->fd[0]));
	}
	storm_stop(&n->storm);
	expect_order(_metadata, n->dev, variant->index, n->fd, 1);
}

/* uapi: SET_IRQS.SWITCH */
TEST_F(storm, is_refused_another_index_all_the_time)
{
	struct noisy *n = &self->noisy;
	const unsigned int all[] = { INTX, MSI, MSIX };
	unsigned int i;

	vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
	for (i = 0; i < 60; i++) {
		if (all[i % 3] == variant->index)
			continue;
		EXPECT_EQ(-EINVAL, __vst_irq_eventfds(n->dev, all[i % 3], 0, 1, &n->fd[1]));
	}
	storm_stop(&n->storm);
	expect_order(_metadata, n->dev, variant->index, n->fd, 1);
}

/* uapi: SET_IRQS.SWITCH */
TEST_F(storm, index_is_switched_to_and_from)
{
	struct noisy *n = &self->noisy;
	const unsigned int all[] = { INTX, MSIX, MSI };
	unsigned int i, now;

	for (i = 0; i < 30; i++) {
		now = i & 1 ? all[i / 2 % 3] : variant->index;
		vst_irq_eventfds(n->dev, now, 0, 1, &n->fd[i % 2]);
		EXPECT_LE(1, vst_event_wait(n->fd[i % 2]));
		vst_irq_disable(n->dev, now);
		count_all(n->fd, 2);
	}
	storm_stop(&n->storm);
	vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
	expect_order(_metadata, n->dev, variant->index, n->fd, 1);
}

/* uapi: SET_IRQS.ERR SET_IRQS.REQ */
TEST_F(storm, err_and_req_come_and_go_beside_it)
{
	struct noisy *n = &self->noisy;
	int i, none = -1, err = vst_eventfd(), req = vst_eventfd();

	vst_irq_eventfds(n->dev, variant->index, 0, 1, n->fd);
	for (i = 0; i < 60; i++) {
		vst_irq_eventfds(n->dev, ERR, 0, 1, &err);
		vst_irq_eventfds(n->dev, REQ, 0, 1, &req);
		vst_irq_loopback(n->dev, ERR, 0);
		vst_irq_loopback(n->dev, REQ, 0);
		vst_irq_eventfds(n->dev, ERR, 0, 1, &none);
		vst_irq_disable(n->dev, REQ);
	}
	EXPECT_EQ(60, vst_event_count(err));
	EXPECT_EQ(60, vst_event_count(req));
	storm_stop(&n->storm);
	expect_order(_metadata, n->dev, variant->index, n->fd, 1);
}

/* ---- with many vectors ---- */

FIXTURE(vectors) {
	struct noisy noisy;
};

FIXTURE_VARIANT(vectors) {
	unsigned int index;
};

FIXTURE_VARIANT_ADD(vectors, msi) { .index = MSI };
FIXTURE_VARIANT_ADD(vectors, msix) { .index = MSIX };

FIXTURE_SETUP(vectors)
{
	VST_NEEDS(VST_CAN_IRQ);
	noisy_open(&self->noisy);
}

FIXTURE_TEARDOWN(vectors)
{
	noisy_close(&self->noisy);
}

/* uapi: MSI.NORESIZE */
TEST_F(vectors, grow_and_shrink_with_all_off_between)
{
	struct noisy *n = &self->noisy;
	static const u8 size[] = { 1, 16, 3, 8, 2, 15, 4, 16, 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		vst_irq_eventfds(n->dev, variant->index, 0, size[i], n->fd);
		EXPECT_EQ(size[i], vst_irq_handlers(n->dev->bdf));
		EXPECT_LE(1, vst_event_wait(n->fd[0]));
		EXPECT_LE(1, vst_event_wait(n->fd[size[i] - 1]));
		vst_irq_disable(n->dev, variant->index);
	}
	vst_irq_eventfds(n->dev, variant->index, 0, VECTORS, n->fd);
	storm_stop(&n->storm);
	expect_order(_metadata, n->dev, variant->index, n->fd, VECTORS);
}

/* By eventfds of -1: the vectors stay the device's, their handlers go. */
/* uapi: MSIX.SPARSE */
TEST_F(vectors, shrink_and_grow_while_on)
{
	struct noisy *n = &self->noisy;
	int none[VECTORS];
	unsigned int i, few;

	memset(none, 0xff, sizeof(none));
	vst_irq_eventfds(n->dev, variant->index, 0, VECTORS, n->fd);
	for (i = 0; i < 20; i++) {
		few = 1 + i * 7 % (VECTORS - 1);
		vst_irq_eventfds(n->dev, variant->index, few, VECTORS - few, none);
		EXPECT_EQ(few, vst_irq_handlers(n->dev->bdf));
		vst_event_count(n->fd[few - 1]);
		EXPECT_LE(1, vst_event_wait(n->fd[few - 1]));
		vst_irq_eventfds(n->dev, variant->index, few, VECTORS - few, &n->fd[few]);
		EXPECT_LE(1, vst_event_wait(n->fd[VECTORS - 1]));
	}
	storm_stop(&n->storm);
	expect_order(_metadata, n->dev, variant->index, n->fd, VECTORS);
}

/* What IRQ_INFO says of NORESIZE holds while messages fly, too. */
/* uapi: MSI.NORESIZE MSIX.DYNAMIC */
TEST_F(vectors, grow_past_what_was_asked_for_as_irq_info_says)
{
	struct noisy *n = &self->noisy;
	struct vfio_irq_info info;
	unsigned int i;
	int ret;

	vst_irq_info(n->dev, variant->index, &info);
	vst_irq_eventfds(n->dev, variant->index, 0, 2, n->fd);
	for (i = 2; i < VECTORS; i++) {
		ret = __vst_irq_eventfds(n->dev, variant->index, i, 1, &n->fd[i]);
		EXPECT_EQ(info.flags & VFIO_IRQ_INFO_NORESIZE ? -EINVAL : 0, ret);
		if (!ret)
			EXPECT_LE(1, vst_event_wait(n->fd[i]));
	}
	storm_stop(&n->storm);
	expect_order(_metadata, n->dev, variant->index, n->fd,
		     info.flags & VFIO_IRQ_INFO_NORESIZE ? 2 : VECTORS);
}

/* uapi: MSIX.SPARSE */
TEST_F(vectors, holes_move)
{
	struct noisy *n = &self->noisy;
	unsigned int i, v;
	int fds[VECTORS];

	vst_irq_eventfds(n->dev, variant->index, 0, VECTORS, n->fd);
	for (i = 0; i < 20; i++) {
		for (v = 0; v < VECTORS; v++)
			fds[v] = (v + i) % 3 ? n->fd[v] : -1;
		vst_irq_eventfds(n->dev, variant->index, 0, VECTORS, fds);
		count_all(n->fd, VECTORS);
		for (v = 0; v < VECTORS; v++)
			if (fds[v] < 0)
				EXPECT_EQ(0, vst_event_count(n->fd[v]));
		EXPECT_LE(1, vst_event_wait(fds[(4 - i % 3) % 3 + 3]));
	}
	storm_stop(&n->storm);
	vst_irq_eventfds(n->dev, variant->index, 0, VECTORS, n->fd);
	expect_order(_metadata, n->dev, variant->index, n->fd, VECTORS);
}

/* ---- the end, with everything armed ---- */

struct eventfds {
	int vector[VECTORS], err, req, unmask;
};

/* uapi: SET_IRQS.INTX.EVENTFD SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
FIXTURE(end) {
	struct eventfds e;
};

FIXTURE_VARIANT(end) {
	unsigned int index, count;
};

FIXTURE_VARIANT_ADD(end, intx) { .index = INTX, .count = 1 };
FIXTURE_VARIANT_ADD(end, msi) { .index = MSI, .count = VECTORS };
FIXTURE_VARIANT_ADD(end, msix) { .index = MSIX, .count = VECTORS };

FIXTURE_SETUP(end)
{
	unsigned int i;

	VST_NEEDS(VST_CAN_IRQ);
	for (i = 0; i < VECTORS; i++)
		self->e.vector[i] = vst_eventfd();
	self->e.err = vst_eventfd();
	self->e.req = vst_eventfd();
	self->e.unmask = vst_eventfd();
}

FIXTURE_TEARDOWN(end)
{
}

static struct vst_dev *open_armed(const struct eventfds *e, unsigned int index,
				  unsigned int count)
{
	struct vst_dev *dev = vst_open(vst_bdf());

	vst_master(dev, true);
	vst_irq_eventfds(dev, index, 0, count, e->vector);
	vst_irq_eventfds(dev, ERR, 0, 1, &e->err);
	vst_irq_eventfds(dev, REQ, 0, 1, &e->req);
	if (index == INTX)
		vst_set_irqs(dev, INTX, UNMASK_EVENTFD, 0, 1, &e->unmask);
	vst_uart_raise(dev, 0);
	return dev;
}

/* No handler is left, nothing is armed, and the eventfds are plain eventfds. */
static void expect_clean(struct __test_metadata *_metadata, const struct eventfds *e)
{
	struct vst_dev *dev;
	unsigned int index;

	EXPECT_EQ(0, vst_irq_handlers(vst_bdf()));
	count_all(e->vector, VECTORS);
	vst_assert(eventfd_write(e->unmask, 1) == 0);
	dev = vst_open(vst_bdf());
	vst_master(dev, true);
	for (index = 0; index < VFIO_PCI_NUM_IRQS; index++)
		EXPECT_EQ(-EINVAL, __vst_irq_disable(dev, index));
	vst_uart_raise(dev, 0);
	send(dev, 0);
	EXPECT_EQ(0, vst_event_count(e->vector[0]));
	EXPECT_EQ(1, vst_event_count(e->unmask));
	vst_close(dev);
}

TEST_F(end, by_close_leaves_nothing)
{
	struct vst_dev *dev = open_armed(&self->e, variant->index, variant->count);

	EXPECT_EQ(variant->count, vst_irq_handlers(vst_bdf()));
	EXPECT_LE(1, vst_event_wait(self->e.vector[0]));
	vst_close(dev);
	expect_clean(_metadata, &self->e);
}

TEST_F(end, by_close_after_a_reset_leaves_nothing)
{
	struct vst_dev *dev = open_armed(&self->e, variant->index, variant->count);

	vst_reset(dev);
	EXPECT_EQ(variant->count, vst_irq_handlers(vst_bdf()));
	vst_close(dev);
	expect_clean(_metadata, &self->e);
}

TEST_F(end, by_close_asleep_leaves_nothing)
{
	struct vst_dev *dev = open_armed(&self->e, variant->index, variant->count);

	vst_power(dev, 3);
	vst_close(dev);
	expect_clean(_metadata, &self->e);
}

/* Says so by err, and is killed while the card sends. */
static void __noreturn arm_and_send(const struct eventfds *e, unsigned int index,
				    unsigned int count)
{
	struct storm storm = {};

	storm_start(&storm, open_armed(e, index, count));
	vst_irq_loopback(storm.dev, ERR, 0);
	pthread_join(storm.thread, NULL);
	_exit(KSFT_FAIL);
}

/* mtty: 5 */
TEST_F(end, by_kill_in_a_storm_leaves_nothing)
{
	pid_t pid = fork();
	int status;

	ASSERT_LE(0, pid);
	if (!pid)
		arm_and_send(&self->e, variant->index, variant->count);
	EXPECT_EQ(1, vst_event_wait(self->e.err));
	EXPECT_LE(1, vst_event_wait(self->e.vector[0]));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	expect_clean(_metadata, &self->e);
}

VST_MAIN("ports=1", "msi=16", "msix=16")
