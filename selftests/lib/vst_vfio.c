// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - what a vfio device does, however it was opened
 */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

const void *vst_vfio_cap(const u8 *info, u32 off, u16 id)
{
	while (off && off < VST_INFO_ROOM) {
		const struct vfio_info_cap_header *cap = (const void *)(info + off);

		if (cap->id == id)
			return cap;
		off = cap->next;
	}
	return NULL;
}

static void region_areas(const u8 *room, const struct vfio_region_info *info,
			 struct vst_region *region)
{
	const struct vfio_region_info_cap_sparse_mmap *cap;
	unsigned int i;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return;
	region->nareas = 1;
	region->area[0].size = info->size;
	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return;
	cap = vst_vfio_cap(room, info->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	if (!cap)
		return;
	vst_assert(cap->nr_areas <= VST_MAX_AREAS);
	region->nareas = cap->nr_areas;
	for (i = 0; i < cap->nr_areas; i++) {
		region->area[i].offset = cap->areas[i].offset;
		region->area[i].size = cap->areas[i].size;
	}
}

int vst_vfio_region_info(struct vst_dev *dev, unsigned int index, struct vst_region *region)
{
	union {
		struct vfio_region_info info;
		u8 room[VST_INFO_ROOM];
	} u = { .info = { .argsz = sizeof(u), .index = index } };
	int ret = __vst_xioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &u);

	memset(region, 0, sizeof(*region));
	if (ret)
		return ret;
	region->size = u.info.size;
	region->flags = u.info.flags;
	region->offset = u.info.offset;
	region_areas(u.room, &u.info, region);
	return 0;
}

/* Also for what GET_REGION_INFO refused: the kernel is to refuse it again. */
static u64 region_offset(struct vst_dev *dev, unsigned int index)
{
	if (index < VFIO_PCI_NUM_REGIONS && dev->region[index].size)
		return dev->region[index].offset;
	return (u64)index << 40;
}

ssize_t vst_vfio_region_rw(struct vst_dev *dev, unsigned int index, u64 off, void *buf,
			   size_t len, bool write)
{
	off_t pos = region_offset(dev, index) + off;
	ssize_t n = write ? pwrite(dev->fd, buf, len, pos) : pread(dev->fd, buf, len, pos);

	return n < 0 ? -errno : n;
}

int vst_vfio_region_mmap(struct vst_dev *dev, unsigned int index, u64 off, size_t len,
			 int prot, int flags, void **va)
{
	*va = mmap(NULL, len, prot, flags, dev->fd, region_offset(dev, index) + off);
	return *va == MAP_FAILED ? -errno : 0;
}

int vst_vfio_set_irqs(struct vst_dev *dev, struct vfio_irq_set *set)
{
	return __vst_xioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set);
}

int vst_vfio_reset(struct vst_dev *dev)
{
	return __vst_xioctl(dev->fd, VFIO_DEVICE_RESET, NULL);
}
