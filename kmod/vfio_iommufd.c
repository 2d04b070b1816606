// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - the device gets at the memory of its user, by iommufd
 *
 * A device behind an IOMMU has no access object: its hardware goes through the
 * IOMMU. Ours goes through the kernel, so it gets one beside what
 * vfio_pci_core makes, on the same address space. It is left where
 * vfio_pin_pages() looks for that of a device without an IOMMU; it needs no more
 * to work for this one.
 */
#include <linux/iommufd.h>
#include <linux/module.h>

#include "vfio_pci.h"

static void unmap(void *data, unsigned long iova, unsigned long len)
{
	vlab_vfio_dma_unmap(data, iova, len);
}

static const struct iommufd_access_ops access_ops = {
	.needs_pin_pages = 1,
	.unmap = unmap,
};

/**
 * vlab_vfio_bind_iommufd() - the device is opened by iommufd
 * @vdev: the device
 * @ictx: the user's iommufd
 * @id: gets the id of the device in it
 *
 * Return: 0 or -errno.
 */
int vlab_vfio_bind_iommufd(struct vfio_device *vdev, struct iommufd_ctx *ictx, u32 *id)
{
	struct iommufd_access *access;
	int ret = vfio_iommufd_physical_bind(vdev, ictx, id);
	u32 unused;

	if (ret)
		return ret;
	access = iommufd_access_create(ictx, &access_ops, vdev, &unused);
	if (IS_ERR(access)) {
		vfio_iommufd_physical_unbind(vdev);
		return PTR_ERR(access);
	}
	vdev->iommufd_access = access;
	return 0;
}

/**
 * vlab_vfio_unbind_iommufd() - it is closed
 * @vdev: the device, without an owner
 */
void vlab_vfio_unbind_iommufd(struct vfio_device *vdev)
{
	iommufd_access_destroy(vdev->iommufd_access);
	vdev->iommufd_access = NULL;
	to_vlab_vfio(vdev)->has_ioas = false;
	vfio_iommufd_physical_unbind(vdev);
}

static void leave_ioas(struct vlab_vfio *v)
{
	if (v->has_ioas)
		iommufd_access_detach(v->core.vdev.iommufd_access);
	v->has_ioas = false;
}

static void follow(struct vlab_vfio *v, u32 id)
{
	struct iommufd_access *access = v->core.vdev.iommufd_access;
	int ret = v->has_ioas ? iommufd_access_replace(access, id) :
				iommufd_access_attach(access, id);

	if (ret)
		leave_ioas(v);
	else
		v->has_ioas = true;
}

/**
 * vlab_vfio_attach_ioas() - the device goes to an address space
 * @vdev: the device
 * @id: of an IOAS, or of a page table; gets that of the page table
 *
 * Of a page table nobody says which IOAS it belongs to: with one the device works,
 * but its accesses to memory fail for lack of an owner. An access waits until device
 * and access object are in the same place; in between there is none to ask.
 *
 * Return: 0 or -errno.
 */
int vlab_vfio_attach_ioas(struct vfio_device *vdev, u32 *id)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);
	u32 given = *id;
	int ret;

	mutex_lock(&v->pin.lock);
	ret = vfio_iommufd_physical_attach_ioas(vdev, id);
	if (!ret)
		follow(v, given);
	mutex_unlock(&v->pin.lock);
	return ret;
}

/**
 * vlab_vfio_detach_ioas() - and leaves it
 * @vdev: the device
 */
void vlab_vfio_detach_ioas(struct vfio_device *vdev)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);

	mutex_lock(&v->pin.lock);
	leave_ioas(v);
	vfio_iommufd_physical_detach_ioas(vdev);
	mutex_unlock(&v->pin.lock);
}

VLAB_IMPORT_NS(IOMMUFD);
