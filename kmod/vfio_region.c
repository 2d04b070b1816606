// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - a region behind those of PCI
 *
 * Card memory that no BAR has, by a region with a type, as vfio_pci_core lets
 * drivers add them. It is not the function's memory decoder that answers there, so
 * the memory enable bit does not matter.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vfio_pci.h"
#include "vlab_ids.h"

/* A page at a time. */
static int copy_part(struct vlab_mem *mem, u64 pos, char __user *buf, size_t len, bool write,
		     void *page)
{
	int ret;

	if (write && copy_from_user(page, buf, len))
		return -EFAULT;
	ret = vlab_mem_rw(mem, pos, page, len, write);
	if (!ret && !write && copy_to_user(buf, page, len))
		ret = -EFAULT;
	return ret;
}

static ssize_t region_rw(struct vfio_pci_core_device *core, char __user *buf, size_t count,
			 loff_t *ppos, bool write)
{
	struct vlab_mem *mem = to_vlab_vfio(&core->vdev)->fn->region;
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK, size = vlab_mem_size(mem);
	size_t done, len;
	void *page;
	int ret = 0;

	if (pos >= size)
		return -EINVAL;
	count = min_t(u64, count, size - pos);
	page = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	for (done = 0; done < count; done += len) {
		len = min_t(size_t, count - done, PAGE_SIZE);
		ret = copy_part(mem, pos + done, buf + done, len, write, page);
		if (ret)
			break;
	}
	free_page((unsigned long)page);
	*ppos += done;
	return done ?: ret;
}

/* vfio_pci_core frees the region; the memory is the function's. */
static void region_release(struct vfio_pci_core_device *core, struct vfio_pci_region *region)
{
}

static const struct vfio_pci_regops region_ops = {
	.rw = region_rw,
	.release = region_release,
};

/**
 * vlab_vfio_region_init() - add the region, if the function has one
 * @v: the device, enabled; the core takes the region away as it disables it
 *
 * Return: 0, -ENOMEM.
 */
int vlab_vfio_region_init(struct vlab_vfio *v)
{
	if (!v->fn->region)
		return 0;
	return vfio_pci_core_register_dev_region(&v->core,
						 VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VLAB_VENDOR,
						 VLAB_REGION_MEMORY, &region_ops,
						 vlab_mem_size(v->fn->region),
						 VFIO_REGION_INFO_FLAG_READ |
						 VFIO_REGION_INFO_FLAG_WRITE, NULL);
}
