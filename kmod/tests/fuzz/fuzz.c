// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - fuzzing the pure logic: a card of a real model, in a world where time
 * passes on request, and anything done to its config space, its registers, the memory
 * that its descriptors are in, its lines and its interrupts
 *
 * What must hold: no sanitizer and no assertion complains, a refused access changes
 * nothing, bits that cannot be written keep their value, a reset gives back the config
 * space that the card came with, and a card that is pulled leaves no timer.
 */
#include "fuzz.h"
#include "core.h"
#include "world.h"

#define MAX_OPS		256
#define BAR_SPAN	0x4000

static struct vlab_card card;
static struct vlab_owner owner;
static struct vlab_cfg first;	/* config space of the function as it came */

/* ---- the input ---- */

struct input {
	const u8 *data;
	size_t left;
};

/* Bytes as a number; zeros after the end. */
static u64 take(struct input *in, unsigned int len)
{
	u64 val = 0;

	len = min(len, in->left);
	memcpy(&val, in->data, len);
	in->data += len;
	in->left -= len;
	return val;
}

/* A line without its end, as much of it as there is room for. */
static void take_line(struct input *in, char *line, size_t size)
{
	const u8 *end = memchr(in->data, '\n', in->left);
	size_t len = end ? end - in->data : in->left;

	snprintf(line, size, "%.*s", (int)len, (const char *)in->data);
	len = min(len + 1, in->left);
	in->data += len;
	in->left -= len;
}

/* ---- the card ---- */

/* As configfs does it. */
static void set(const char *line)
{
	const struct vlab_param *p;
	struct vlab_value *val;
	unsigned int i;
	char name[16];

	if (!strchr(line, '='))
		return;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, "="), line);
	p = vlab_param_find(card.model, name, &i);
	if (!p || p->type == VLAB_PARAM_ACTION || p->type == VLAB_PARAM_INFO)
		return;
	val = p->per_port ? &card.port[0][i] : &card.val[i];
	vlab_param_parse(p, strchr(line, '=') + 1, val);
}

static void protect(struct vlab_owner *o)
{
}

static bool plug(const struct fuzz_target *target, struct input *in)
{
	const char *const *attr;
	char line[80];

	world_reset();
	card = (struct vlab_card) { .name = "card0", .model = vlab_model_get(target->name) };
	assert(card.model);
	vlab_param_defaults(&card);
	for (attr = target->attrs; *attr; attr++)
		set(*attr);
	for (take_line(in, line, sizeof(line)); *line; take_line(in, line, sizeof(line)))
		set(line);
	mutex_lock(&card.lock);
	return !vlab_card_live(&card);
}

static void pull(void)
{
	vlab_card_pull(&card);
	shim_run();
	assert(!shim_timers());
}

/* ---- what must hold ---- */

static void reset(struct vlab_fn *fn)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	vlab_fn_reset(fn, "fuzz");
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	shim_run();
	assert(!memcmp(fn->cfg.val, first.val, sizeof(first.val)));
	assert(!world.intx);
}

/* Status bits of config space are the card's to change: they are in no mask of reads. */
static void check_config(struct vlab_fn *fn)
{
	assert(!memcmp(fn->cfg.wmask, first.wmask, sizeof(first.wmask)));
	assert(!memcmp(fn->cfg.w1c, first.w1c, sizeof(first.w1c)));
	assert(!memcmp(fn->cfg.val, first.val, PCI_COMMAND));
	assert(!memcmp(&fn->cfg.val[PCI_CLASS_REVISION], &first.val[PCI_CLASS_REVISION], 4));
}

/* ---- things to do ---- */

static unsigned int width(struct input *in)
{
	return 1 << (take(in, 1) & 3);
}

static void read_config(struct vlab_fn *fn, struct input *in)
{
	u16 off = take(in, 2);

	vlab_cfg_read(fn, off, 1 << take(in, 1) % 3);
}

static void write_config(struct vlab_fn *fn, struct input *in)
{
	u16 off = take(in, 2);
	unsigned int len = 1 << take(in, 1) % 3;

	vlab_cfg_write(fn, off, len, take(in, 4));
}

static void read_bar(struct vlab_fn *fn, struct input *in)
{
	unsigned int bar = take(in, 1) % VLAB_BARS, len = width(in);
	u64 val;

	vlab_bar_rw(fn, bar, take(in, 2) % BAR_SPAN, &val, len, false);
}

static void write_bar(struct vlab_fn *fn, struct input *in)
{
	unsigned int bar = take(in, 1) % VLAB_BARS, len = width(in);
	u16 off = take(in, 2) % BAR_SPAN;
	u64 val = take(in, len);

	vlab_bar_rw(fn, bar, off, &val, len, true);
}

/* One of those that there are: by number it is found sooner than by offset. */
struct place {
	unsigned int bar, width;
	u64 off;
};

static bool find_register(struct vlab_fn *fn, struct input *in, struct place *to)
{
	unsigned int n = take(in, 1), inst = take(in, 1) >> 5, i;

	for (i = 0; i < fn->nblocks; n -= fn->block[i++].nregs) {
		const struct vlab_regs *block = &fn->block[i];

		if (n >= block->nregs)
			continue;
		to->bar = block->bar;
		to->width = block->regs[n].width;
		to->off = block->off + inst % block->count * block->stride + block->regs[n].off;
		return true;
	}
	return false;
}

static void read_register(struct vlab_fn *fn, struct input *in)
{
	struct place at;
	u64 val;

	if (find_register(fn, in, &at))
		vlab_bar_rw(fn, at.bar, at.off, &val, at.width, false);
}

static void write_register(struct vlab_fn *fn, struct input *in)
{
	struct place at;
	u64 val;

	if (!find_register(fn, in, &at))
		return;
	val = take(in, at.width);
	vlab_bar_rw(fn, at.bar, at.off, &val, at.width, true);
}

/* An address that is mapped, where a register wants one. */
static void write_address(struct vlab_fn *fn, struct input *in)
{
	struct place at;
	u64 val;

	if (!find_register(fn, in, &at))
		return;
	val = WORLD_MEM_IOVA + take(in, 1) * 64;
	vlab_bar_rw(fn, at.bar, at.off, &val, at.width, true);
}

/* Stored to the page that user space maps. */
static void store(struct vlab_fn *fn, struct input *in)
{
	unsigned int off = take(in, 2) % PAGE_SIZE, len;
	u64 val;

	if (!fn->bar[0].mem)
		return;
	len = width(in);
	len = min(len, PAGE_SIZE - off);
	val = take(in, len);
	vlab_mem_rw(fn->bar[0].mem, off, &val, len, true);
}

static void fill_memory(struct vlab_fn *fn, struct input *in)
{
	u16 at = take(in, 2);
	unsigned int len = take(in, 1);

	while (len-- && in->left)
		world.mem[at++] = take(in, 1);
}

/* A descriptor, of what is mapped: ioat.rst 3. */
static void describe(struct vlab_fn *fn, struct input *in)
{
	u16 at = take(in, 1) * 64;
	u64 word[4];
	unsigned int i;

	word[0] = take(in, 2) | take(in, 2) << 32;
	for (i = 1; i < ARRAY_SIZE(word); i++)
		word[i] = WORLD_MEM_IOVA + take(in, 1) * 64;
	memcpy(&world.mem[at], word, sizeof(word));
}

static void fail_dma(struct vlab_fn *fn, struct input *in)
{
	world.dma_ret = take(in, 1) & 1 ? -EFAULT : 0;
}

static void wait(struct vlab_fn *fn, struct input *in)
{
	shim_advance(take(in, 2) * NSEC_PER_USEC);
}

/* As the kernel does for a driver. */
static void set_vector(struct vlab_fn *fn, struct input *in)
{
	unsigned int vec = take(in, 1);

	if (!fn->nvec)
		return;
	vlab_irq_vec_set(fn, vec % fn->nvec, take(in, 1) % ARRAY_SIZE(world.sent));
	vlab_irq_vec_mask(fn, vec % fn->nvec, take(in, 1) & 1);
}

/* What is written to the files of a card that is live. */
static void act(struct vlab_fn *fn, struct input *in)
{
	const struct vlab_param *p;
	unsigned int i;
	char line[32];

	take_line(in, line, sizeof(line));
	p = vlab_param_find(card.model, "line", &i);
	if (p && p->type == VLAB_PARAM_ACTION && vlab_card_ports(&card))
		p->act(&card, line[0] % vlab_card_ports(&card), line + !!line[0]);
}

static void do_reset(struct vlab_fn *fn, struct input *in)
{
	reset(fn);
}

static void (*const things[])(struct vlab_fn *fn, struct input *in) = {
	read_config, write_config, read_bar, write_bar, read_register, write_register,
	write_address, store, fill_memory, describe, fail_dma, wait, set_vector, act, do_reset,
};

/* ---- one input ---- */

static const struct fuzz_target targets[] = {
	{ "shape", (const char *const []){ NULL } },
	{ "serial", (const char *const []){ "ports=2", NULL } },
	{ "ioat", (const char *const []){ NULL } },
};

const struct fuzz_target *fuzz_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	return NULL;
}

static void drive(struct vlab_fn *fn, struct input *in)
{
	unsigned int n;

	first = fn->cfg;
	owner.protect = protect;
	fn->owner = &owner;
	vlab_poll_start(fn, NULL);
	vlab_cfg_write(fn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (n = 0; n < MAX_OPS && in->left; n++) {
		things[take(in, 1) % ARRAY_SIZE(things)](fn, in);
		shim_run();
		check_config(fn);
	}
	reset(fn);
	vlab_poll_stop(fn);
	fn->owner = NULL;
}

void fuzz_one(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (plug(target, &in)) {
		drive(card.fn[0], &in);
		pull();
	}
	mutex_unlock(&card.lock);
	vlab_model_put(card.model);
}
