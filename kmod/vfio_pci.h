/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab_vfio_pci - shared by its files
 *
 * Ours only where a register needs a trap; everything else is vfio_pci_core's
 * own code, since that code is what users come to test.
 */
#ifndef VFIOLAB_VFIO_PCI_H
#define VFIOLAB_VFIO_PCI_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/vfio_pci_core.h>
#include <linux/wait.h>

#include "compat.h"
#include "core.h"

struct vm_area_struct;

/**
 * struct vlab_vfio_pin - the one page of user space that is pinned at a time
 * @lock: held from pin to unpin, and while the address space changes
 * @held: a pin is there or about to be
 * @gone: woken when @held goes
 * @hold_off: no new pin before this jiffy: an unmap waits for pages to be free
 */
struct vlab_vfio_pin {
	struct mutex lock;		/* see above */
	bool held;
	wait_queue_head_t gone;
	unsigned long hold_off;
};

/**
 * struct vlab_vfio - a function that is bound to this driver
 * @core: vfio_pci_core's part; first, since it is freed through it
 * @fn: the function; outlives the binding
 * @owner: how the function gets at memory; registered while open
 * @pin: see there
 * @can_map: BARs of ours that can be mapped, as a whole or in part; set by open
 * @has_ioas: the device is attached to an address space of iommufd; under @pin's lock,
 *	but for unbind, which comes when nobody has the device open
 * @ioeventfds: writes to our BARs on a signal
 * @nioeventfds: how many
 * @ioeventfds_lock: protects both
 * @zap_inode: mappings of card memory hang here (kernels before 6.10)
 * @zap_lock: protects its making
 *
 * Made by probe(), freed when the last reference to @core.vdev goes.
 */
struct vlab_vfio {
	struct vfio_pci_core_device core;
	struct vlab_fn *fn;
	struct vlab_owner owner;
	struct vlab_vfio_pin pin;
	bool can_map[VLAB_BARS];
	bool has_ioas;
	struct list_head ioeventfds;
	unsigned int nioeventfds;
	struct mutex ioeventfds_lock;	/* see above */
#ifdef VLAB_OWN_ZAP
	struct inode *zap_inode;
	struct mutex zap_lock;		/* see above */
#endif
};

static inline struct vlab_vfio *to_vlab_vfio(struct vfio_device *vdev)
{
	return container_of(vdev, struct vlab_vfio, core.vdev);
}

/* vfio_bar.c */
const struct vlab_bar *vlab_vfio_bar(const struct vlab_vfio *v, u64 index);
bool vlab_vfio_can_map(const struct vlab_vfio *v, u64 index);
bool vlab_vfio_mem_enabled(struct vlab_vfio *v);
int vlab_vfio_access(struct vlab_vfio *v, unsigned int bar, u64 pos, void *buf,
		     size_t len, bool write);
size_t vlab_vfio_step(const struct vlab_bar *b, u64 pos, size_t len, size_t most);
ssize_t vlab_vfio_bar_rw(struct vlab_vfio *v, char __user *buf, size_t count,
			 loff_t *ppos, bool write);
#ifdef VLAB_REGION_INFO_OP
int vlab_vfio_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			  struct vfio_info_cap *caps);

/* vfio calls the op instead. */
static inline long vlab_vfio_ioctl_region_info(struct vlab_vfio *v, unsigned long arg)
{
	return -ENOTTY;
}
#else
long vlab_vfio_ioctl_region_info(struct vlab_vfio *v, unsigned long arg);
#endif

/* vfio_mmap.c */
int vlab_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
void vlab_vfio_protect(struct vlab_owner *owner);

/* vfio_zap.c */
#ifdef VLAB_OWN_ZAP
void vlab_vfio_zap_init(struct vlab_vfio *v);
void vlab_vfio_zap_exit(struct vlab_vfio *v);
int vlab_vfio_zap_attach(struct vlab_vfio *v, struct vm_area_struct *vma);
void vlab_vfio_zap(struct vlab_vfio *v);

/* Where mappings of card memory hang; NULL when there has been none. */
static inline struct address_space *vlab_vfio_mapping(const struct vlab_vfio *v)
{
	struct inode *inode = READ_ONCE(v->zap_inode);

	return inode ? inode->i_mapping : NULL;
}
#else
static inline void vlab_vfio_zap_init(struct vlab_vfio *v) {}
static inline void vlab_vfio_zap_exit(struct vlab_vfio *v) {}
static inline int vlab_vfio_zap_attach(struct vlab_vfio *v, struct vm_area_struct *vma)
{
	return 0;
}

static inline void vlab_vfio_zap(struct vlab_vfio *v) {}

static inline struct address_space *vlab_vfio_mapping(const struct vlab_vfio *v)
{
	return v->core.vdev.inode->i_mapping;
}
#endif

/* vfio_region.c */
int vlab_vfio_region_init(struct vlab_vfio *v);

/* vfio_pm.c */
#ifdef CONFIG_PM
void vlab_vfio_pm_init(struct device *dev);
#else
static inline void vlab_vfio_pm_init(struct device *dev) {}
#endif

/* vfio_ioeventfd.c */
long vlab_vfio_ioctl_ioeventfd(struct vlab_vfio *v, unsigned long arg);
void vlab_vfio_ioeventfds_close(struct vlab_vfio *v);

/* vfio_iommufd.c */
#if IS_ENABLED(CONFIG_IOMMUFD)
int vlab_vfio_bind_iommufd(struct vfio_device *vdev, struct iommufd_ctx *ictx, u32 *id);
void vlab_vfio_unbind_iommufd(struct vfio_device *vdev);
int vlab_vfio_attach_ioas(struct vfio_device *vdev, u32 *id);
void vlab_vfio_detach_ioas(struct vfio_device *vdev);

#define VLAB_VFIO_IOMMUFD_OPS				\
	.bind_iommufd = vlab_vfio_bind_iommufd,		\
	.unbind_iommufd = vlab_vfio_unbind_iommufd,	\
	.attach_ioas = vlab_vfio_attach_ioas,		\
	.detach_ioas = vlab_vfio_detach_ioas,

/* Opened by iommufd, not by a container. */
static inline bool vlab_vfio_by_iommufd(const struct vlab_vfio *v)
{
	return v->core.vdev.iommufd_device;
}
#else
#define VLAB_VFIO_IOMMUFD_OPS

static inline bool vlab_vfio_by_iommufd(const struct vlab_vfio *v)
{
	return false;
}
#endif

/* Bound to iommufd, and no address space that could be asked for memory. */
static inline bool vlab_vfio_lacks_ioas(const struct vlab_vfio *v)
{
	return vlab_vfio_by_iommufd(v) && !v->has_ioas;
}

/* vfio_dma.c */
void vlab_vfio_dma_init(struct vlab_vfio *v);
void vlab_vfio_dma_unmap(struct vfio_device *vdev, u64 iova, u64 len);

#endif
