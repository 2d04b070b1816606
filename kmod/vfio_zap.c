// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - taking mappings of card memory away, before 6.10
 *
 * Since 6.10 the files of a vfio device have an inode of their own, by which
 * vfio_pci_core takes away all mappings, ours too. Before, they share one with
 * the whole system, and the core finds its own mappings only. So mappings of
 * ours get an inode here, and a file that keeps the device's file open.
 *
 * Taking away happens right after the core's work. That is soon enough: new
 * faults fail already, and what is stored until then was posted before.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>

#include "vfio_pci.h"

#ifdef VLAB_OWN_ZAP
/**
 * vlab_vfio_zap_init() - nothing is mapped yet
 * @v: the device
 */
void vlab_vfio_zap_init(struct vlab_vfio *v)
{
	mutex_init(&v->zap_lock);
}

/**
 * vlab_vfio_zap_exit() - nothing is mapped any more
 * @v: the device
 */
void vlab_vfio_zap_exit(struct vlab_vfio *v)
{
	iput(v->zap_inode);
}

static int release_device_file(struct inode *inode, struct file *file)
{
	fput(file->private_data);
	return 0;
}

/* No owner: the device's file holds the module. */
static const struct file_operations zap_fops = {
	.release = release_device_file,
};

static struct inode *get_inode(struct vlab_vfio *v, struct super_block *sb)
{
	struct inode *inode;

	mutex_lock(&v->zap_lock);
	inode = v->zap_inode;
	if (!inode) {
		inode = alloc_anon_inode(sb);
		if (!IS_ERR(inode))
			v->zap_inode = inode;
	}
	if (!IS_ERR(inode))
		ihold(inode);
	mutex_unlock(&v->zap_lock);
	return inode;
}

/**
 * vlab_vfio_zap_attach() - put a new mapping where it can be found
 * @v: the device
 * @vma: the mapping, from mmap(); otherwise complete
 *
 * Return: 0, -ENOMEM, -ENFILE.
 */
int vlab_vfio_zap_attach(struct vlab_vfio *v, struct vm_area_struct *vma)
{
	struct file *dev = vma->vm_file, *file;
	struct inode *inode = get_inode(v, file_inode(dev)->i_sb);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	file = alloc_file_pseudo(inode, dev->f_path.mnt, "[vfiolab]", O_RDWR, &zap_fops);
	if (IS_ERR(file)) {
		iput(inode);
		return PTR_ERR(file);
	}
	file->private_data = get_file(dev);
	vma_set_file(vma, file);
	fput(file);
	return 0;
}

/**
 * vlab_vfio_zap() - take all mappings away
 * @v: the device; memory_lock not held
 */
void vlab_vfio_zap(struct vlab_vfio *v)
{
	struct inode *inode = READ_ONCE(v->zap_inode);

	if (inode)
		unmap_mapping_range(inode->i_mapping, 0, 0, true);
}
#endif
