// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - card memory
 *
 * Pages that come into being when they are touched, so that a card with a BAR
 * of gigabytes costs what is used of it. A mapping of user space may outlive
 * the card, hence the reference count.
 */
#include <linux/align.h>
#include <linux/highmem.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "core.h"

/**
 * struct vlab_mem - card memory
 * @ref: one for the function, one for each mapping
 * @size: bytes, a multiple of PAGE_SIZE
 * @pages: what was touched, by page number
 */
struct vlab_mem {
	struct kref ref;
	u64 size;
	struct xarray pages;
};

/**
 * vlab_mem_create() - memory of zeros
 * @size: bytes, a multiple of PAGE_SIZE
 *
 * Return: the memory with one reference, NULL without memory.
 */
struct vlab_mem *vlab_mem_create(u64 size)
{
	struct vlab_mem *mem = kzalloc(sizeof(*mem), GFP_KERNEL);

	if (!mem)
		return NULL;
	kref_init(&mem->ref);
	mem->size = size;
	xa_init(&mem->pages);
	return mem;
}

static void mem_release(struct kref *ref)
{
	struct vlab_mem *mem = container_of(ref, struct vlab_mem, ref);
	unsigned long index;
	struct page *page;

	xa_for_each(&mem->pages, index, page)
		put_page(page);
	xa_destroy(&mem->pages);
	kfree(mem);
}

/**
 * vlab_mem_get() - take a reference
 * @mem: the memory
 */
void vlab_mem_get(struct vlab_mem *mem)
{
	kref_get(&mem->ref);
}
EXPORT_SYMBOL_VLAB(vlab_mem_get);

/**
 * vlab_mem_put() - give a reference back
 * @mem: the memory, or NULL
 */
void vlab_mem_put(struct vlab_mem *mem)
{
	if (mem)
		kref_put(&mem->ref, mem_release);
}
EXPORT_SYMBOL_VLAB(vlab_mem_put);

/**
 * vlab_mem_size() - bytes of card memory
 * @mem: the memory
 *
 * Return: bytes.
 */
u64 vlab_mem_size(const struct vlab_mem *mem)
{
	return mem->size;
}
EXPORT_SYMBOL_VLAB(vlab_mem_size);

static struct page *mem_add(struct vlab_mem *mem, unsigned long index)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	void *old;

	if (!page)
		return NULL;

	old = xa_cmpxchg(&mem->pages, index, NULL, page, GFP_KERNEL);
	if (!old)
		return page;
	put_page(page);
	return xa_is_err(old) ? NULL : old;
}

struct page *vlab_mem_page(struct vlab_mem *mem, u64 off)
{
	struct page *page;

	if (off >= mem->size)
		return NULL;
	page = xa_load(&mem->pages, off >> PAGE_SHIFT);
	return page ?: mem_add(mem, off >> PAGE_SHIFT);
}
EXPORT_SYMBOL_VLAB(vlab_mem_page);

static void write_whole(u64 *to, const void *from)
{
	u64 val;

	memcpy(&val, from, sizeof(val));
	smp_wmb();	/* pairs with whatever orders the loads of who waits for it */
	WRITE_ONCE(*to, val);
}

void vlab_page_rw(struct page *page, unsigned int off, void *buf, size_t len, bool write)
{
	void *at = kmap_local_page(page) + off;

	if (!write)
		memcpy(buf, at, len);
	else if (len == sizeof(u64) && IS_ALIGNED(off, sizeof(u64)))
		write_whole(at, buf);
	else
		memcpy(at, buf, len);
	kunmap_local(at);
}
EXPORT_SYMBOL_VLAB(vlab_page_rw);

static int page_rw(struct vlab_mem *mem, u64 off, void *buf, size_t len, bool write)
{
	struct page *page = vlab_mem_page(mem, off);

	if (!page)
		return -ENOMEM;
	if (write)
		memcpy_to_page(page, offset_in_page(off), buf, len);
	else
		memcpy_from_page(buf, page, offset_in_page(off), len);
	return 0;
}

int vlab_mem_rw(struct vlab_mem *mem, u64 off, void *buf, size_t len, bool write)
{
	size_t n;
	int ret;

	if (off > mem->size || len > mem->size - off)
		return -ERANGE;

	for (; len; off += n, buf += n, len -= n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(off));
		ret = page_rw(mem, off, buf, n, write);
		if (ret)
			return ret;
	}
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_mem_rw);
