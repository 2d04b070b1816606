// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - card memory in user space
 *
 * Pages are ordinary ones, so DMA of other devices, KVM and GUP work on them.
 * They are put into the mapping under memory_lock, which closes the race against
 * memory being disabled: returning the page instead would map it after unlock.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "vfio_pci.h"

#define PGOFF_SHIFT	(VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)

static u64 offset_in_bar(unsigned long pgoff)
{
	return ((u64)pgoff << PAGE_SHIFT) & VFIO_PCI_OFFSET_MASK;
}

static vm_fault_t insert(struct vlab_vfio *v, struct vm_fault *vmf)
{
	const struct vlab_bar *b = &v->fn->bar[vmf->pgoff >> PGOFF_SHIFT];
	struct page *page;
	int ret;

	if (v->core.pm_runtime_engaged || !vlab_vfio_mem_enabled(v))
		return VM_FAULT_SIGBUS;
	page = vlab_mem_page(b->mem, offset_in_bar(vmf->pgoff) - b->mem_off);
	if (!page)
		return VM_FAULT_OOM;
	ret = vm_insert_page(vmf->vma, vmf->address & PAGE_MASK, page);
	/* -EBUSY: another thread was faster */
	if (ret && ret != -EBUSY)
		return vmf_error(ret);
	return VM_FAULT_NOPAGE;
}

static vm_fault_t vlab_vfio_fault(struct vm_fault *vmf)
{
	struct vlab_vfio *v = vmf->vma->vm_private_data;
	vm_fault_t ret;

	down_read(&v->core.memory_lock);
	ret = insert(v, vmf);
	up_read(&v->core.memory_lock);
	return ret;
}

static const struct vm_operations_struct vlab_vfio_vm_ops = {
	.fault = vlab_vfio_fault,
};

/* ---- polled registers ---- */

/*
 * Because of this, pages are put into such a mapping read-only, and the first
 * store to each comes here before it is done.
 */
static vm_fault_t vlab_vfio_mkwrite(struct vm_fault *vmf)
{
	struct vlab_vfio *v = vmf->vma->vm_private_data;
	const struct vlab_bar *b = &v->fn->bar[vmf->pgoff >> PGOFF_SHIFT];

	if (offset_in_bar(vmf->pgoff) < b->polled)
		vlab_poll_touched(v->fn);
	/* A page without a file would make the caller try again, for ever. */
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct vlab_vfio_polled_vm_ops = {
	.fault = vlab_vfio_fault,
	.page_mkwrite = vlab_vfio_mkwrite,
};

/**
 * vlab_vfio_protect() - take mappings of polled registers away
 * @owner: the device's
 *
 * They come back read-only.
 */
void vlab_vfio_protect(struct vlab_owner *owner)
{
	struct vlab_vfio *v = container_of(owner, struct vlab_vfio, owner);
	struct address_space *mapping = vlab_vfio_mapping(v);
	unsigned int i;

	for (i = 0; i < VLAB_BARS && mapping; i++)
		if (v->fn->bar[i].polled)
			unmap_mapping_range(mapping, VFIO_PCI_INDEX_TO_OFFSET((u64)i),
					    v->fn->bar[i].polled, true);
}

/* ---- mmap ---- */

static bool inside_memory(const struct vlab_bar *b, const struct vm_area_struct *vma)
{
	u64 start = offset_in_bar(vma->vm_pgoff), len = vma->vm_end - vma->vm_start;
	u64 end = PAGE_ALIGN(b->size);

	return start >= b->mem_off && start < end && len <= end - start;
}

/**
 * vlab_vfio_mmap() - mmap() of the device's file
 * @vdev: the device
 * @vma: what to map
 *
 * Return: 0; -EINVAL a private mapping, or one that is not all card memory; what
 * vfio_pci_core says for other regions; -ENOMEM.
 */
int vlab_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);
	u64 index = vma->vm_pgoff >> PGOFF_SHIFT;
	const struct vlab_bar *b = vlab_vfio_bar(v, index);

	if (!vlab_vfio_can_map(v, index))
		return vfio_pci_core_mmap(vdev, vma);
	if (!(vma->vm_flags & VM_SHARED) || !inside_memory(b, vma))
		return -EINVAL;

	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = v;
	vma->vm_ops = b->polled ? &vlab_vfio_polled_vm_ops : &vlab_vfio_vm_ops;
	return vlab_vfio_zap_attach(v, vma);
}
