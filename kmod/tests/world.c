// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests: what is around a function: slot, memory, owner
 */
#include "world.h"

struct world world;

void world_reset(void)
{
	memset(&world, 0, sizeof(world));
}

struct vlab_fn *world_fn(struct vlab_card *card, const struct vlab_model *model)
{
	struct vlab_fn *fn;

	world_reset();
	fn = vlab_fn_create(card, model, 0);
	assert(!IS_ERR(fn));
	vlab_fn_start(fn);
	return fn;
}

u64 world_read(struct vlab_fn *fn, unsigned int bar, u64 off, unsigned int len)
{
	u64 val = 0;

	assert(!vlab_bar_rw(fn, bar, off, &val, len, false));
	return val;
}

void world_write(struct vlab_fn *fn, unsigned int bar, u64 off, unsigned int len, u64 val)
{
	assert(!vlab_bar_rw(fn, bar, off, &val, len, true));
}

/* Always the same numbers: a failure can be seen again. */
u32 world_random(void)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return state >> 32;
}

/* ---- what the core calls ---- */

void vlab_slot_msi(struct vlab_fn *fn, unsigned long hwirq)
{
	assert(hwirq < ARRAY_SIZE(world.sent));
	world.sent[hwirq]++;
}

void vlab_slot_intx(struct vlab_fn *fn)
{
	world.intx = fn->intx;
}

/* There is always a slot. */
int vlab_slot_plug(struct vlab_card *card)
{
	return 0;
}

void vlab_slot_unplug(struct vlab_card *card)
{
}

struct vlab_mem {
	u64 size;
	u8 page[PAGE_SIZE] __attribute__((aligned(8)));
};

struct vlab_mem *vlab_mem_create(u64 size)
{
	struct vlab_mem *mem = kcalloc(1, sizeof(*mem), GFP_KERNEL);

	mem->size = size;
	return mem;
}

/* The first page is all that the sources under test look at. */
struct page *vlab_mem_page(struct vlab_mem *mem, u64 off)
{
	assert(off < PAGE_SIZE);
	return (struct page *)mem->page;
}

void vlab_mem_put(struct vlab_mem *mem)
{
	kfree(mem);
}

int vlab_mem_rw(struct vlab_mem *mem, u64 off, void *buf, size_t len, bool write)
{
	assert(off + len <= PAGE_SIZE);
	if (write)
		memcpy(&mem->page[off], buf, len);
	else
		memcpy(buf, &mem->page[off], len);
	return 0;
}

/* There is no aperture. */
int vlab_bar_real(struct vlab_fn *fn, unsigned int bar, u64 size, u32 flags)
{
	return -ENODEV;
}

int vlab_bar_back(struct vlab_fn *fn, unsigned int bar)
{
	return 0;
}

void vlab_bar_real_put(struct vlab_bar *b)
{
}

/* No engine: what it does is tested where there is an IOMMU. */
int vlab_dma_init(struct vlab_fn *fn, unsigned int bar, u32 off)
{
	return 0;
}

void vlab_dma_reset(struct vlab_fn *fn)
{
}

void vlab_dma_stop(struct vlab_fn *fn)
{
}

void vlab_dma_exit(struct vlab_fn *fn)
{
}

bool vlab_dma_queue(struct work_struct *work)
{
	return shim_queue_work(work);
}

int vlab_dma_rw(struct vlab_fn *fn, const unsigned int *era, unsigned int then, u64 iova,
		void *buf, size_t len, bool write)
{
	u64 at = iova - WORLD_MEM_IOVA;

	assert(!fn->lock.held);
	if (world.before)
		world.before();
	if (*era != then)
		return -ECANCELED;
	assert(len && len <= PAGE_SIZE - offset_in_page(iova));
	world.accesses++;
	world.longest = max(world.longest, len);
	if (world.during)
		world.during();
	if (world.dma_ret)
		return world.dma_ret;
	if (at >= WORLD_MEM_SIZE || len > WORLD_MEM_SIZE - at)
		return -EFAULT;
	if (write)
		memcpy(&world.mem[at], buf, len);
	else
		memcpy(buf, &world.mem[at], len);
	return 0;
}
