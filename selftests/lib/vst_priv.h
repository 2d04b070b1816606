/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vst - what the library's files share
 */
#ifndef VST_PRIV_H
#define VST_PRIV_H

#include "vst.h"

#define VST_CONFIGFS	"/sys/kernel/config/vfiolab"
#define VST_PCI_DEVICES	"/sys/bus/pci/devices"

/* What names of this program's cards start with. */
const char *vst_prefix(void);

/* Why there is no iommufd, NULL: there is one. */
const char *vst_lacks_iommufd(void);

/* From now on what is traced of each test goes to $VLAB_TRACE, if that is set. */
void vst_trace_start(void);

/* ---- what back ends by vfio share (vst_vfio.c) ---- */

#define VST_INFO_ROOM	1024	/* an info struct and its capabilities */

/* The capability of @id, from @off on in an info struct, NULL: none. */
const void *vst_vfio_cap(const u8 *info, u32 off, u16 id);

int vst_vfio_region_info(struct vst_dev *dev, unsigned int index, struct vst_region *region);
ssize_t vst_vfio_region_rw(struct vst_dev *dev, unsigned int index, u64 off, void *buf,
			   size_t len, bool write);
int vst_vfio_region_mmap(struct vst_dev *dev, unsigned int index, u64 off, size_t len,
			 int prot, int flags, void **va);
int vst_vfio_set_irqs(struct vst_dev *dev, struct vfio_irq_set *set);
int vst_vfio_reset(struct vst_dev *dev);

#define VST_VFIO_OPS				\
	.region_info = vst_vfio_region_info,	\
	.region_rw = vst_vfio_region_rw,	\
	.region_mmap = vst_vfio_region_mmap,	\
	.set_irqs = vst_vfio_set_irqs,		\
	.reset = vst_vfio_reset,

#endif
