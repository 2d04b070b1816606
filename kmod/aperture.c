// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - BARs that are real memory
 *
 * "memmap=SIZE$START" on the kernel's command line keeps a range of RAM out of its
 * hands. A BAR in there is as one of a card with memory: who maps or accesses its
 * physical address finds it, without us. So drivers need no help from the variant
 * driver, and vfio_pci_core's own paths serve it.
 *
 * No bridge's window leads there, and none is needed: nothing decodes addresses.
 *
 * A BAR of ours can have such memory behind its address, too: for drivers of the
 * kernel's own, which go there.
 */
#include <linux/align.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "compat.h"
#include "core.h"

static char *range;
module_param_named(aperture, range, charp, 0444);
MODULE_PARM_DESC(aperture, "Memory for BARs that are real memory, as 63M@0x40000000; at least a page less than what memmap=64M$0x40000000 on the kernel's command line reserves");

static struct resource aperture = { .name = "vfiolab aperture", .flags = IORESOURCE_MEM };

static int parse_range(const char *text, u64 *start, u64 *size)
{
	char *end;

	*size = memparse(text, &end);
	if (*end != '@')
		return -EINVAL;
	*start = memparse(end + 1, &end);
	return *end || !*size || (*start | *size) & ~PAGE_MASK || *start + *size < *start ?
	       -EINVAL : 0;
}

/**
 * vlab_aperture_init() - take the range that the module's parameter names
 *
 * Return: 0 also when it names none; -EINVAL, -EBUSY after a line that says why.
 */
int vlab_aperture_init(void)
{
	u64 start, size;

	if (!range || !*range)
		return 0;
	if (parse_range(range, &start, &size)) {
		pr_err("vfiolab: aperture=%s is not SIZE@START in whole pages, as 63M@0x40000000\n",
		       range);
		return -EINVAL;
	}
	if (region_intersects(start, size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_DISJOINT) {
		pr_err("vfiolab: aperture=%s is memory of the kernel: memmap=SIZE$START on its command line keeps it free\n",
		       range);
		return -EBUSY;
	}
	aperture.start = start;
	aperture.end = start + size - 1;
	if (insert_resource(&iomem_resource, &aperture)) {
		pr_err("vfiolab: aperture=%s is taken, see /proc/iomem\n", range);
		return -EBUSY;
	}
	return 0;
}

/**
 * vlab_aperture_exit() - give the range back; no BAR is in it any more
 */
void vlab_aperture_exit(void)
{
	if (aperture.parent)
		remove_resource(&aperture);
}

/* BARs find zeros, whatever was there before. */
static int clear(const struct resource *res)
{
	void *mem = memremap(res->start, resource_size(res), MEMREMAP_WB);

	if (!mem)
		return -ENOMEM;
	memset(mem, 0, resource_size(res));
	memunmap(mem);
	return 0;
}

/* Not by allocate_resource(): it leaves out whatever the firmware's map reserves. */
static int find_room(struct resource *res, u64 size, u64 last)
{
	u64 at;

	for (at = ALIGN(aperture.start, size); at + size - 1 <= last; at += size) {
		res->start = at;
		res->end = at + size - 1;
		if (!request_resource(&aperture, res))
			return 0;
	}
	return -EBUSY;
}

static int take(struct resource *res, u64 size, u64 last)
{
	int ret = find_room(res, size, last);

	if (ret)
		return ret;
	ret = clear(res);
	if (ret)
		release_resource(res);
	return ret;
}

static int take_for(struct vlab_fn *fn, u64 size, u32 flags, struct resource **taken)
{
	u64 last = flags & PCI_BASE_ADDRESS_MEM_TYPE_64 ? U64_MAX : U32_MAX;
	struct resource *res;
	int ret;

	if (!aperture.parent)
		return -ENODEV;
	res = kzalloc(sizeof(*res), GFP_KERNEL);
	if (!res)
		return -ENOMEM;
	res->name = fn->name;
	res->flags = IORESOURCE_MEM;
	ret = take(res, size, min_t(u64, last, aperture.end));
	if (ret)
		kfree(res);
	else
		*taken = res;
	return ret;
}

/**
 * vlab_bar_real() - a BAR that is real memory
 * @fn: the function
 * @bar: 0 to 5
 * @size: bytes, a power of two, a page or more
 * @flags: PCI_BASE_ADDRESS_MEM_TYPE_64 and _MEM_PREFETCH
 *
 * Drivers behind vfio see what vfio_pci_core makes of it.
 *
 * Return: 0; -ENODEV there is no aperture, -EBUSY it has no room, -ENOMEM: nothing
 * has been done.
 */
int vlab_bar_real(struct vlab_fn *fn, unsigned int bar, u64 size, u32 flags)
{
	struct resource *res;
	int ret = take_for(fn, size, flags, &res);

	if (ret)
		return ret;
	vlab_bar_hole(fn, bar, size, flags);
	fn->bar[bar].real = res;
	return 0;
}
EXPORT_SYMBOL_VLAB(vlab_bar_real);

/**
 * vlab_bar_back() - real memory behind the address of a BAR
 * @fn: the function
 * @bar: a memory BAR of its, of a page or more
 *
 * What user space maps of it stays as it was. Without an aperture, or room in it,
 * nothing is behind the address, and drivers of the kernel's own find nothing.
 *
 * Return: 0, -ENOMEM.
 */
int vlab_bar_back(struct vlab_fn *fn, unsigned int bar)
{
	struct vlab_bar *b = &fn->bar[bar];
	int ret = take_for(fn, b->size, b->flags, &b->real);

	return ret == -ENOMEM ? ret : 0;
}
EXPORT_SYMBOL_VLAB(vlab_bar_back);

/**
 * vlab_bar_real_put() - the BAR's memory is free again
 * @b: a BAR of a function that is not plugged in
 */
void vlab_bar_real_put(struct vlab_bar *b)
{
	if (!b->real)
		return;
	release_resource(b->real);
	kfree(b->real);
}

static void place(struct pci_dev *pdev, unsigned int bar, struct resource *real)
{
	struct resource *res = &pdev->resource[bar];
	unsigned int reg = PCI_BASE_ADDRESS_0 + bar * 4;

	res->start = real->start;
	res->end = real->end;
	res->flags &= ~IORESOURCE_UNSET;
	if (request_resource(real, res)) {
		pci_err(pdev, "BAR %u: its memory is still taken\n", bar);
		return;
	}
	pci_write_config_dword(pdev, reg, lower_32_bits(res->start));
	if (res->flags & IORESOURCE_MEM_64)
		pci_write_config_dword(pdev, reg + 4, upper_32_bits(res->start));
}

/**
 * vlab_aperture_place() - addresses for BARs that are real memory
 * @pdev: a device that was just found; the kernel has not looked for room yet
 * @fn: its function
 */
void vlab_aperture_place(struct pci_dev *pdev, const struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VLAB_BARS; i++)
		if (fn->bar[i].real)
			place(pdev, i, fn->bar[i].real);
}
