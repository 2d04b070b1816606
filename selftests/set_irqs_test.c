// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_SET_IRQS as <linux/vfio.h> has it: each index with each action and
 * each type of data, while the interrupt is off, on and masked; then what a caller
 * can get wrong in the header and its data. What the interrupts of the card are
 * like is in irq_test.c, what happens while they come in irq_storm_test.c.
 */
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define ERR	VFIO_PCI_ERR_IRQ_INDEX
#define REQ	VFIO_PCI_REQ_IRQ_INDEX

#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD

#define HEADER	offsetof(struct vfio_irq_set, data)
#define MAX_VECTORS	16

static const u32 actions[] = { MASK, UNMASK, TRIGGER };
static const u32 types[] = { NONE, BOOL, EVENTFD };
static const u8 yes = 1;

static bool is_message(unsigned int index)
{
	return index == MSI || index == MSIX;
}

/* ---- all combinations ---- */

enum effect {
	NOTTY,		/* refused with ENOTTY */
	INVAL,		/* refused with EINVAL */
	STAYS,		/* done, and nothing changes */
	RINGS,		/* the eventfd that is there is signalled */
	TAKES,		/* the eventfd given is signalled from now on */
	MASKS,
	UNMASKS,
	OBEYS,		/* the eventfd given unmasks */
};

enum state { OFF, ON, MASKED };

enum { OLD, NEW, LINE, NFDS };

struct row {
	unsigned int index;
	u32 action, type;
	enum effect effect[3];
};

/* An interrupt, and what is expected of it. */
struct irq {
	struct vst_dev *dev;
	int fd[NFDS];
	int armed;		/* which of them it signals, -1: none */
	bool masked;
};

/* uapi: SET_IRQS SET_IRQS.INTX.MASK_EVENTFD SET_IRQS.MESSAGE_MASK */
FIXTURE(combination) {
	struct irq irq;
};

FIXTURE_VARIANT(combination) {
	const struct row *row;
};

/*
 * "Off" is without eventfds. "Masked" is by MASK for INTx. A message has no such
 * thing: its eventfd is taken away while another vector keeps its own. ERR and REQ
 * are armed while INTx is on and masked, and neither minds the other.
 */
#define COMBINATION(_index, _action, _type, _off, _on, _masked)		\
	static const struct row row_##_index##_##_action##_##_type = {	\
		.index = VFIO_PCI_##_index##_IRQ_INDEX,			\
		.action = VFIO_IRQ_SET_ACTION_##_action,		\
		.type = VFIO_IRQ_SET_DATA_##_type,			\
		.effect = { _off, _on, _masked },			\
	};								\
	FIXTURE_VARIANT_ADD(combination, _index##_##_action##_##_type) {	\
		.row = &row_##_index##_##_action##_##_type,		\
	}

/*          index action   type     off    on     masked */
COMBINATION(INTX, MASK,    NONE,    INVAL, MASKS, STAYS);
COMBINATION(INTX, MASK,    BOOL,    INVAL, MASKS, STAYS);
COMBINATION(INTX, MASK,    EVENTFD, INVAL, NOTTY, NOTTY);
COMBINATION(INTX, UNMASK,  NONE,    INVAL, STAYS, UNMASKS);
COMBINATION(INTX, UNMASK,  BOOL,    INVAL, STAYS, UNMASKS);
COMBINATION(INTX, UNMASK,  EVENTFD, INVAL, OBEYS, OBEYS);
COMBINATION(INTX, TRIGGER, NONE,    INVAL, RINGS, RINGS);
COMBINATION(INTX, TRIGGER, BOOL,    INVAL, RINGS, RINGS);
COMBINATION(INTX, TRIGGER, EVENTFD, TAKES, TAKES, TAKES);
COMBINATION(MSI,  MASK,    NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSI,  MASK,    BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSI,  MASK,    EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(MSI,  UNMASK,  NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSI,  UNMASK,  BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSI,  UNMASK,  EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(MSI,  TRIGGER, NONE,    INVAL, RINGS, STAYS);
COMBINATION(MSI,  TRIGGER, BOOL,    INVAL, RINGS, STAYS);
COMBINATION(MSI,  TRIGGER, EVENTFD, TAKES, TAKES, TAKES);
COMBINATION(MSIX, MASK,    NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSIX, MASK,    BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSIX, MASK,    EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(MSIX, UNMASK,  NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSIX, UNMASK,  BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(MSIX, UNMASK,  EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(MSIX, TRIGGER, NONE,    INVAL, RINGS, STAYS);
COMBINATION(MSIX, TRIGGER, BOOL,    INVAL, RINGS, STAYS);
COMBINATION(MSIX, TRIGGER, EVENTFD, TAKES, TAKES, TAKES);
COMBINATION(ERR,  MASK,    NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(ERR,  MASK,    BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(ERR,  MASK,    EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(ERR,  UNMASK,  NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(ERR,  UNMASK,  BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(ERR,  UNMASK,  EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(ERR,  TRIGGER, NONE,    INVAL, RINGS, RINGS);
COMBINATION(ERR,  TRIGGER, BOOL,    STAYS, RINGS, RINGS);
COMBINATION(ERR,  TRIGGER, EVENTFD, TAKES, TAKES, TAKES);
COMBINATION(REQ,  MASK,    NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(REQ,  MASK,    BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(REQ,  MASK,    EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(REQ,  UNMASK,  NONE,    NOTTY, NOTTY, NOTTY);
COMBINATION(REQ,  UNMASK,  BOOL,    NOTTY, NOTTY, NOTTY);
COMBINATION(REQ,  UNMASK,  EVENTFD, NOTTY, NOTTY, NOTTY);
COMBINATION(REQ,  TRIGGER, NONE,    INVAL, RINGS, RINGS);
COMBINATION(REQ,  TRIGGER, BOOL,    STAYS, RINGS, RINGS);
COMBINATION(REQ,  TRIGGER, EVENTFD, TAKES, TAKES, TAKES);

FIXTURE_SETUP(combination)
{
	unsigned int i;

	VST_NEEDS(VST_CAN_IRQ);
	self->irq.dev = vst_open(vst_bdf());
	vst_master(self->irq.dev, true);
	for (i = 0; i < NFDS; i++)
		self->irq.fd[i] = vst_eventfd();
	self->irq.armed = -1;
}

FIXTURE_TEARDOWN(combination)
{
	vst_close(self->irq.dev);
}

static void arm_line_masked(struct vst_dev *dev, const int *fd)
{
	vst_irq_eventfds(dev, INTX, 0, 1, fd);
	vst_irq_mask(dev, INTX);
}

static void arm_masked(struct irq *irq, unsigned int index)
{
	int fds[] = { -1, irq->fd[OLD] };

	if (is_message(index)) {
		vst_irq_eventfds(irq->dev, index, 0, 2, fds);
		return;
	}
	irq->armed = OLD;
	if (index == INTX) {
		arm_line_masked(irq->dev, &irq->fd[OLD]);
		irq->masked = true;
	} else {
		arm_line_masked(irq->dev, &irq->fd[LINE]);
		vst_irq_eventfds(irq->dev, index, 0, 1, &irq->fd[OLD]);
	}
}

static void arm(struct irq *irq, unsigned int index, enum state state)
{
	if (state == ON) {
		vst_irq_eventfds(irq->dev, index, 0, 1, &irq->fd[OLD]);
		irq->armed = OLD;
	} else if (state == MASKED) {
		arm_masked(irq, index);
	}
}

/* All eventfds are silent but @which; that one is signalled once. -1: none. */
static void expect_only(struct __test_metadata *_metadata, struct irq *irq, int which)
{
	int i;

	if (which >= 0)
		EXPECT_EQ(1, vst_event_wait(irq->fd[which]));
	for (i = 0; i < NFDS; i++)
		EXPECT_EQ(0, vst_event_count(irq->fd[i]));
}

static int result_of(enum effect effect)
{
	switch (effect) {
	case NOTTY:
		return -ENOTTY;
	case INVAL:
		return -EINVAL;
	default:
		return 0;
	}
}

static void call(struct __test_metadata *_metadata, struct irq *irq, const struct row *row,
		 enum effect effect)
{
	const void *data = row->type == BOOL ? (void *)&yes : &irq->fd[NEW];

	EXPECT_EQ(result_of(effect),
		  __vst_set_irqs(irq->dev, row->index, row->action | row->type, 0, 1, data));
	expect_only(_metadata, irq, effect == RINGS ? irq->armed : -1);
	if (effect == TAKES)
		irq->armed = NEW;
	else if (effect == MASKS)
		irq->masked = true;
	else if (effect == UNMASKS)
		irq->masked = false;
}

static void raise_interrupt(struct __test_metadata *_metadata, struct irq *irq,
			    unsigned int index)
{
	if (index == INTX)
		vst_uart_raise(irq->dev, 0);
	else if (is_message(index))
		vst_dma_write32(irq->dev, VLAB_DMA_SEND, 0);
	else
		EXPECT_EQ(irq->armed < 0 ? -EINVAL : 0, __vst_irq_loopback(irq->dev, index, 0));
}

static void check_delivery(struct __test_metadata *_metadata, struct irq *irq,
			   const struct row *row, enum effect effect)
{
	raise_interrupt(_metadata, irq, row->index);
	expect_only(_metadata, irq, irq->masked ? -1 : irq->armed);
	if (effect == OBEYS) {
		vst_assert(eventfd_write(irq->fd[NEW], 1) == 0);
		EXPECT_EQ(1, vst_event_wait(irq->fd[irq->armed]));
	} else if (irq->masked) {
		vst_irq_unmask(irq->dev, INTX);
		expect_only(_metadata, irq, irq->armed);
	}
}

/* The line that ERR and REQ share the function with is on and masked as before. */
static void check_line(struct __test_metadata *_metadata, struct irq *irq)
{
	vst_uart_raise(irq->dev, 0);
	expect_only(_metadata, irq, -1);
	vst_irq_unmask(irq->dev, INTX);
	expect_only(_metadata, irq, LINE);
}

static void check(struct __test_metadata *_metadata, struct irq *irq, const struct row *row,
		  enum state state)
{
	enum effect effect = row->effect[state];

	arm(irq, row->index, state);
	call(_metadata, irq, row, effect);
	check_delivery(_metadata, irq, row, effect);
	if (state == MASKED && (row->index == ERR || row->index == REQ))
		check_line(_metadata, irq);
}

TEST_F(combination, does_what_the_table_says_while_off)
{
	check(_metadata, &self->irq, variant->row, OFF);
}

TEST_F(combination, does_what_the_table_says_while_on)
{
	check(_metadata, &self->irq, variant->row, ON);
}

TEST_F(combination, does_what_the_table_says_while_masked)
{
	check(_metadata, &self->irq, variant->row, MASKED);
}

/* ---- what each index makes of bad arguments ---- */

/* A device, and eventfds enough for all vectors of an index. */
struct args {
	struct vst_dev *dev;
	unsigned int max;
	int fd[MAX_VECTORS];
};

static void args_open(struct args *a, unsigned int index)
{
	struct vfio_irq_info info;
	unsigned int i;

	a->dev = vst_open(vst_bdf());
	vst_master(a->dev, true);
	vst_irq_info(a->dev, index, &info);
	a->max = info.count;
	vst_assert(a->max < MAX_VECTORS);
	for (i = 0; i < MAX_VECTORS; i++)
		a->fd[i] = vst_eventfd();
}

/* uapi: SET_IRQS.ARGUMENTS */
FIXTURE(argument) {
	struct args a;
};

FIXTURE_VARIANT(argument) {
	unsigned int index;
};

FIXTURE_VARIANT_ADD(argument, intx) { .index = INTX };
FIXTURE_VARIANT_ADD(argument, msi) { .index = MSI };
FIXTURE_VARIANT_ADD(argument, msix) { .index = MSIX };
FIXTURE_VARIANT_ADD(argument, err) { .index = ERR };
FIXTURE_VARIANT_ADD(argument, req) { .index = REQ };

FIXTURE_SETUP(argument)
{
	VST_NEEDS(VST_CAN_IRQ | VST_CAN_VFIO);
	args_open(&self->a, variant->index);
}

FIXTURE_TEARDOWN(argument)
{
	vst_close(self->a.dev);
}

/* The argument as it is, with room for data. */
struct raw {
	struct vfio_irq_set set;
	int data[MAX_VECTORS];
};

static int set_raw(struct args *a, u32 argsz, u32 flags, unsigned int index, u32 start, u32 count)
{
	struct raw raw = {
		.set = {
			.argsz = argsz,
			.flags = flags,
			.index = index,
			.start = start,
			.count = count,
		},
	};

	if (flags & EVENTFD)
		memcpy(raw.data, a->fd, sizeof(raw.data));
	else
		memset(raw.data, true, sizeof(raw.data));
	return __vst_ioctl(a->dev, VFIO_DEVICE_SET_IRQS, &raw);
}

static void arm_all(struct args *a, unsigned int index)
{
	vst_irq_eventfds(a->dev, index, 0, a->max, a->fd);
}

static void expect_silence(struct __test_metadata *_metadata, struct args *a)
{
	unsigned int i;

	for (i = 0; i < MAX_VECTORS; i++)
		EXPECT_EQ(0, vst_event_count(a->fd[i]));
}

/* Each vector signals its own eventfd, as arm_all() left it. */
static void expect_armed(struct __test_metadata *_metadata, struct args *a, unsigned int index)
{
	unsigned int i;

	expect_silence(_metadata, a);
	for (i = 0; i < a->max; i++) {
		EXPECT_EQ(0, __vst_irq_loopback(a->dev, index, i));
		EXPECT_EQ(1, vst_event_count(a->fd[i]));
	}
	expect_silence(_metadata, a);
}

static void expect_off(struct __test_metadata *_metadata, struct args *a, unsigned int index)
{
	EXPECT_EQ(-EINVAL, __vst_irq_loopback(a->dev, index, 0));
	EXPECT_EQ(-EINVAL, __vst_irq_disable(a->dev, index));
}

static bool is_one_bit(u32 bits)
{
	return bits && !(bits & (bits - 1));
}

static int verdict_on_flags(u32 flags)
{
	if (!is_one_bit(flags & VFIO_IRQ_SET_DATA_TYPE_MASK))
		return -EINVAL;
	return is_one_bit(flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) ? 0 : -ENOTTY;
}

TEST_F(argument, all_flags_but_one_action_with_one_type_are_refused)
{
	u32 flags, all = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
	int verdict;

	for (flags = 0; flags <= all; flags++) {
		verdict = verdict_on_flags(flags);
		if (verdict)
			EXPECT_EQ(verdict, set_raw(&self->a, sizeof(struct raw), flags,
						   variant->index, 0, 1));
	}
	expect_off(_metadata, &self->a, variant->index);
}

TEST_F(argument, flags_that_nobody_defined_are_refused_with_all_others)
{
	u32 bit;

	arm_all(&self->a, variant->index);
	for (bit = 1U << 31; bit > VFIO_IRQ_SET_ACTION_TRIGGER; bit >>= 1)
		EXPECT_EQ(-EINVAL, set_raw(&self->a, sizeof(struct raw), TRIGGER | NONE | bit,
					   variant->index, 0, 1));
	expect_armed(_metadata, &self->a, variant->index);
}

TEST_F(argument, argsz_below_the_header_is_refused)
{
	u32 argsz;

	arm_all(&self->a, variant->index);
	for (argsz = 0; argsz < HEADER; argsz++)
		EXPECT_EQ(-EINVAL, set_raw(&self->a, argsz, TRIGGER | NONE, variant->index, 0, 0));
	expect_armed(_metadata, &self->a, variant->index);
}

TEST_F(argument, argsz_below_the_data_is_refused)
{
	u32 argsz;

	arm_all(&self->a, variant->index);
	for (argsz = HEADER; argsz < HEADER + sizeof(int) * self->a.max; argsz++)
		EXPECT_EQ(-EINVAL, set_raw(&self->a, argsz, TRIGGER | EVENTFD, variant->index, 0,
					   self->a.max));
	for (argsz = HEADER; argsz < HEADER + sizeof(u8) * self->a.max; argsz++)
		EXPECT_EQ(-EINVAL, set_raw(&self->a, argsz, TRIGGER | BOOL, variant->index, 0,
					   self->a.max));
	expect_armed(_metadata, &self->a, variant->index);
}

TEST_F(argument, argsz_past_the_data_is_fine)
{
	EXPECT_EQ(0, set_raw(&self->a, UINT32_MAX, TRIGGER | EVENTFD, variant->index, 0,
			     self->a.max));
	EXPECT_EQ(0, set_raw(&self->a, UINT32_MAX, TRIGGER | BOOL, variant->index, 0, 1));
	EXPECT_EQ(1, vst_event_count(self->a.fd[0]));
	EXPECT_EQ(0, set_raw(&self->a, UINT32_MAX, TRIGGER | NONE, variant->index, 0, 1));
	EXPECT_EQ(1, vst_event_count(self->a.fd[0]));
}

TEST_F(argument, argsz_of_the_header_is_all_it_takes_without_data)
{
	arm_all(&self->a, variant->index);
	EXPECT_EQ(0, set_raw(&self->a, HEADER, TRIGGER | NONE, variant->index, 0, 1));
	EXPECT_EQ(1, vst_event_count(self->a.fd[0]));
	EXPECT_EQ(0, set_raw(&self->a, HEADER, TRIGGER | NONE, variant->index, 0, 0));
	expect_off(_metadata, &self->a, variant->index);
}

/* A header in the last bytes of memory, data behind its end. */
TEST_F(argument, data_that_cannot_be_read_is_efault)
{
	u8 *page = vst_anon(2 * VST_PAGE);
	struct vfio_irq_set *set = (void *)(page + VST_PAGE - HEADER);

	vst_assert(mprotect(page + VST_PAGE, VST_PAGE, PROT_NONE) == 0);
	arm_all(&self->a, variant->index);
	*set = (struct vfio_irq_set){
		.argsz = HEADER + sizeof(int),
		.flags = TRIGGER | EVENTFD,
		.index = variant->index,
		.count = 1,
	};
	EXPECT_EQ(-EFAULT, __vst_ioctl(self->a.dev, VFIO_DEVICE_SET_IRQS, set));
	set->flags = TRIGGER | BOOL;
	EXPECT_EQ(-EFAULT, __vst_ioctl(self->a.dev, VFIO_DEVICE_SET_IRQS, set));
	set->flags = TRIGGER | NONE;
	EXPECT_EQ(0, __vst_ioctl(self->a.dev, VFIO_DEVICE_SET_IRQS, set));
	EXPECT_EQ(1, vst_event_count(self->a.fd[0]));
	expect_armed(_metadata, &self->a, variant->index);
}

/* Vectors that are not there, some of them by sums that wrap. */
static const struct {
	u32 start, count;
} outside[] = {
	{ 1, UINT32_MAX }, { 2, UINT32_MAX - 1 }, { 2, UINT32_MAX }, { UINT32_MAX, 1 },
	{ UINT32_MAX, 2 }, { UINT32_MAX, UINT32_MAX }, { UINT32_MAX, 0 },
	{ 0, UINT32_MAX }, { 0, 1U << 31 }, { 1U << 31, 1U << 31 }, { 0, (1U << 30) + 1 },
	{ INT_MAX, 1 }, { 1U << 31, 1 },
};

TEST_F(argument, vectors_outside_are_refused_whatever_is_wanted_of_them)
{
	unsigned int i, a, t;

	arm_all(&self->a, variant->index);
	for (i = 0; i < ARRAY_SIZE(outside); i++)
		for (a = 0; a < ARRAY_SIZE(actions); a++)
			for (t = 0; t < ARRAY_SIZE(types); t++)
				EXPECT_EQ(-EINVAL, set_raw(&self->a, sizeof(struct raw),
							   actions[a] | types[t], variant->index,
							   outside[i].start, outside[i].count));
	expect_armed(_metadata, &self->a, variant->index);
}

TEST_F(argument, one_vector_too_many_is_refused_from_any_start)
{
	unsigned int start, t;

	arm_all(&self->a, variant->index);
	for (start = 0; start <= self->a.max; start++)
		for (t = 0; t < ARRAY_SIZE(types); t++)
			EXPECT_EQ(-EINVAL, set_raw(&self->a, sizeof(struct raw), TRIGGER | types[t],
						   variant->index, start,
						   self->a.max - start + 1));
	expect_armed(_metadata, &self->a, variant->index);
}

TEST_F(argument, index_past_the_last_is_refused_whatever_is_wanted_of_it)
{
	unsigned int a, t;

	arm_all(&self->a, variant->index);
	for (a = 0; a < ARRAY_SIZE(actions); a++)
		for (t = 0; t < ARRAY_SIZE(types); t++)
			EXPECT_EQ(-EINVAL, set_raw(&self->a, sizeof(struct raw),
						   actions[a] | types[t],
						   VFIO_PCI_NUM_IRQS + variant->index, 0, 1));
	expect_armed(_metadata, &self->a, variant->index);
}

/* uapi: SET_IRQS.MSI.LOOPBACK SET_IRQS.INTX.LOOPBACK */
TEST_F(argument, loopback_of_all_vectors_signals_each_once)
{
	unsigned int t, i;

	arm_all(&self->a, variant->index);
	for (t = 0; t < 2; t++) {
		EXPECT_EQ(0, set_raw(&self->a, sizeof(struct raw), TRIGGER | types[t],
				     variant->index, 0, self->a.max));
		for (i = 0; i < self->a.max; i++)
			EXPECT_EQ(1, vst_event_count(self->a.fd[i]));
		expect_silence(_metadata, &self->a);
	}
}

TEST_F(argument, any_bool_but_zero_is_true)
{
	const u8 value[] = { 2, 0x80, 0xff };
	unsigned int i;

	arm_all(&self->a, variant->index);
	for (i = 0; i < ARRAY_SIZE(value); i++) {
		vst_set_irqs(self->a.dev, variant->index, TRIGGER | BOOL, 0, 1, &value[i]);
		EXPECT_EQ(1, vst_event_count(self->a.fd[0]));
	}
	expect_silence(_metadata, &self->a);
}

/* Only DATA_NONE turns off by a count of zero. For messages the rest is nothing to do. */
TEST_F(argument, zero_bools_and_zero_eventfds_change_nothing)
{
	int expected = is_message(variant->index) ? 0 : -EINVAL;

	arm_all(&self->a, variant->index);
	EXPECT_EQ(expected, set_raw(&self->a, HEADER, TRIGGER | BOOL, variant->index, 0, 0));
	EXPECT_EQ(expected, set_raw(&self->a, HEADER, TRIGGER | EVENTFD, variant->index, 0, 0));
	expect_armed(_metadata, &self->a, variant->index);
}

TEST_F(argument, zero_vectors_are_neither_masked_nor_unmasked)
{
	int expected = variant->index == INTX ? -EINVAL : -ENOTTY;
	unsigned int t;

	arm_all(&self->a, variant->index);
	for (t = 0; t < ARRAY_SIZE(types); t++) {
		EXPECT_EQ(expected, set_raw(&self->a, HEADER, MASK | types[t], variant->index,
					    0, 0));
		EXPECT_EQ(expected, set_raw(&self->a, HEADER, UNMASK | types[t], variant->index,
					    0, 0));
	}
	expect_armed(_metadata, &self->a, variant->index);
}

/*
 * What -2 means is nowhere said. Kernels take it for -1 or refuse it, and for ERR
 * and REQ some say yes and do nothing: no eventfd is signalled that was not asked
 * for, and no descriptor is looked up.
 */
TEST_F(argument, other_negative_eventfds_signal_nobody_new)
{
	const int odd[] = { -2, INT_MIN };
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		arm_all(&self->a, variant->index);
		ret = __vst_irq_eventfds(self->a.dev, variant->index, 0, 1, &odd[i]);
		EXPECT_TRUE(ret == 0 || ret == -EINVAL);
		expect_silence(_metadata, &self->a);
		if (!__vst_irq_loopback(self->a.dev, variant->index, 0))
			EXPECT_GE(1, vst_event_count(self->a.fd[0]));
		expect_silence(_metadata, &self->a);
	}
}

/* ---- eventfds of messages ---- */

FIXTURE(messages) {
	struct args a;
};

FIXTURE_VARIANT(messages) {
	unsigned int index;
};

FIXTURE_VARIANT_ADD(messages, msi) { .index = MSI };
FIXTURE_VARIANT_ADD(messages, msix) { .index = MSIX };

FIXTURE_SETUP(messages)
{
	VST_NEEDS(VST_CAN_IRQ | VST_CAN_VFIO);
	args_open(&self->a, variant->index);
}

FIXTURE_TEARDOWN(messages)
{
	vst_close(self->a.dev);
}

static void send_message(struct args *a, unsigned int vector)
{
	vst_dma_write32(a->dev, VLAB_DMA_SEND, vector);
}

/* uapi: MSIX.SPARSE */
TEST_F(messages, nothing_but_holes_is_on_and_silent)
{
	const int holes[] = { -1, -1, -1 };
	struct args *a = &self->a;

	vst_irq_eventfds(a->dev, variant->index, 0, 3, holes);
	send_message(a, 1);
	EXPECT_EQ(0, set_raw(a, sizeof(struct raw), TRIGGER | BOOL, variant->index, 0, 3));
	expect_silence(_metadata, a);
	EXPECT_EQ(-EINVAL, __vst_irq_eventfds(a->dev, INTX, 0, 1, a->fd));
	EXPECT_EQ(0, __vst_irq_disable(a->dev, variant->index));
	expect_off(_metadata, a, variant->index);
}

/* uapi: MSIX.SPARSE */
TEST_F(messages, every_other_one_a_hole_and_then_the_other_way_round)
{
	struct args *a = &self->a;
	int even[] = { a->fd[0], -1, a->fd[2], -1 }, odd[] = { -1, a->fd[1], -1, a->fd[3] };
	unsigned int i;

	vst_irq_eventfds(a->dev, variant->index, 0, 4, even);
	vst_irq_eventfds(a->dev, variant->index, 0, 4, odd);
	for (i = 0; i < 4; i++) {
		send_message(a, i);
		EXPECT_EQ(i & 1, vst_event_count(a->fd[i]));
	}
	expect_silence(_metadata, a);
}

/* uapi: MSIX.SPARSE */
TEST_F(messages, hole_is_filled_again_and_interrupts)
{
	struct args *a = &self->a;
	int none = -1;

	arm_all(a, variant->index);
	vst_irq_eventfds(a->dev, variant->index, 2, 1, &none);
	expect_silence(_metadata, a);
	vst_irq_eventfds(a->dev, variant->index, 2, 1, &a->fd[2]);
	send_message(a, 2);
	EXPECT_EQ(1, vst_event_wait(a->fd[2]));
	expect_armed(_metadata, a, variant->index);
}

/* uapi: SET_IRQS.ARGUMENTS */
TEST_F(messages, bad_eventfd_amid_good_ones_leaves_vectors_beside_them_alone)
{
	struct args *a = &self->a;
	int fds[] = { a->fd[8], dup(a->fd[8]), a->fd[9] };

	close(fds[1]);
	arm_all(a, variant->index);
	EXPECT_EQ(-EBADF, __vst_irq_eventfds(a->dev, variant->index, 2, 3, fds));
	send_message(a, 1);
	EXPECT_EQ(1, vst_event_wait(a->fd[1]));
	send_message(a, 5);
	EXPECT_EQ(1, vst_event_wait(a->fd[5]));
	expect_silence(_metadata, a);
	arm_all(a, variant->index);
	expect_armed(_metadata, a, variant->index);
}

/* uapi: SET_IRQS.MSI.EVENTFD SET_IRQS.MSIX.EVENTFD */
TEST_F(messages, vectors_move_to_eventfds_of_others)
{
	struct args *a = &self->a;
	int swapped[] = { a->fd[1], a->fd[0] };

	arm_all(a, variant->index);
	vst_irq_eventfds(a->dev, variant->index, 0, 2, swapped);
	send_message(a, 0);
	EXPECT_EQ(1, vst_event_wait(a->fd[1]));
	send_message(a, 1);
	EXPECT_EQ(1, vst_event_wait(a->fd[0]));
	expect_silence(_metadata, a);
}

VST_MAIN("ports=1", "msi=8", "msix=8")
