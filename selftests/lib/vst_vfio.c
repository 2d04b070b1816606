// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - back end type1: devices of groups in a type1 container
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vst.h"

#define INFO_ROOM	1024	/* an info struct and its capabilities */

static int xioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* The next capability of @id behind @off in an info struct, NULL: none. */
static const void *find_cap(const u8 *info, u32 off, u16 id)
{
	while (off && off < INFO_ROOM) {
		const struct vfio_info_cap_header *cap = (const void *)(info + off);

		if (cap->id == id)
			return cap;
		off = cap->next;
	}
	return NULL;
}

/* ---- container ---- */

static int container_open(struct vst_iommu *iommu)
{
	iommu->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	return iommu->fd < 0 ? -errno : 0;
}

static void container_close(struct vst_iommu *iommu)
{
	close(iommu->fd);
}

static int container_ranges(struct vst_iommu *iommu, struct vst_range *range, int max)
{
	union {
		struct vfio_iommu_type1_info info;
		u8 room[INFO_ROOM];
	} u = { .info.argsz = sizeof(u) };
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	int i, ret = xioctl(iommu->fd, VFIO_IOMMU_GET_INFO, &u);

	if (ret)
		return ret;
	cap = find_cap(u.room, u.info.cap_offset, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	if (!cap)
		return -ENODATA;
	for (i = 0; i < (int)cap->nr_iovas && i < max; i++)
		range[i] = (struct vst_range){ cap->iova_ranges[i].start,
					       cap->iova_ranges[i].end };
	return i;
}

static int container_map(struct vst_iommu *iommu, void *va, u64 iova, u64 size, u32 prot)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = prot,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = size,
	};

	return xioctl(iommu->fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int container_unmap(struct vst_iommu *iommu, u64 iova, u64 size, u64 *done)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};
	int ret = xioctl(iommu->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

	if (done)
		*done = ret ? 0 : unmap.size;
	return ret;
}

/* ---- groups ---- */

static bool has_groups(const struct vst_iommu *iommu)
{
	unsigned int i;

	for (i = 0; i < VST_MAX_GROUPS; i++)
		if (iommu->group[i].users)
			return true;
	return false;
}

/* A container gets its IOMMU with the first group. */
static int group_attach(struct vst_iommu *iommu, int fd)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int ret = xioctl(fd, VFIO_GROUP_GET_STATUS, &status);

	if (ret)
		return ret;
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return -EPERM;
	ret = xioctl(fd, VFIO_GROUP_SET_CONTAINER, &iommu->fd);
	if (ret || has_groups(iommu))
		return ret;
	return ioctl(iommu->fd, VFIO_SET_IOMMU, iommu->type) ? -errno : 0;
}

static int group_file(int num)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", num);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int __vst_group_open(const char *bdf)
{
	int num = __vst_group(bdf);

	return num < 0 ? num : group_file(num);
}

static int group_open(struct vst_iommu *iommu, unsigned int slot, int num)
{
	int ret, fd = group_file(num);

	if (fd < 0)
		return fd;
	ret = group_attach(iommu, fd);
	if (ret) {
		close(fd);
		return ret;
	}
	iommu->group[slot].num = num;
	iommu->group[slot].fd = fd;
	return 0;
}

/* A group can be opened once: its devices share the descriptor. */
static int group_get(struct vst_iommu *iommu, int num)
{
	unsigned int i, slot = VST_MAX_GROUPS;
	int ret;

	for (i = 0; i < VST_MAX_GROUPS; i++) {
		if (iommu->group[i].users && iommu->group[i].num == num) {
			iommu->group[i].users++;
			return i;
		}
		if (!iommu->group[i].users)
			slot = i;
	}
	if (slot == VST_MAX_GROUPS)
		return -ENOSPC;
	ret = group_open(iommu, slot, num);
	if (ret)
		return ret;
	iommu->group[slot].users = 1;
	return slot;
}

static void group_put(struct vst_iommu *iommu, unsigned int slot)
{
	if (!--iommu->group[slot].users)
		close(iommu->group[slot].fd);
}

/* ---- device ---- */

static int device_open(struct vst_dev *dev)
{
	int num = __vst_group(dev->bdf);
	int slot, err;

	if (num < 0)
		return num;
	slot = group_get(dev->iommu, num);
	if (slot < 0)
		return slot;
	dev->group = slot;
	dev->fd = ioctl(vst_group_fd(dev), VFIO_GROUP_GET_DEVICE_FD, dev->bdf);
	if (dev->fd >= 0)
		return 0;
	err = errno;
	group_put(dev->iommu, slot);
	return -err;
}

static void device_close(struct vst_dev *dev)
{
	close(dev->fd);
	group_put(dev->iommu, dev->group);
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
	cap = find_cap(room, info->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	if (!cap)
		return;
	vst_assert(cap->nr_areas <= VST_MAX_AREAS);
	region->nareas = cap->nr_areas;
	for (i = 0; i < cap->nr_areas; i++) {
		region->area[i].offset = cap->areas[i].offset;
		region->area[i].size = cap->areas[i].size;
	}
}

static int device_region_info(struct vst_dev *dev, unsigned int index,
			      struct vst_region *region)
{
	union {
		struct vfio_region_info info;
		u8 room[INFO_ROOM];
	} u = { .info = { .argsz = sizeof(u), .index = index } };
	int ret = xioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &u);

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

static ssize_t device_region_rw(struct vst_dev *dev, unsigned int index, u64 off, void *buf,
				size_t len, bool write)
{
	off_t pos = region_offset(dev, index) + off;
	ssize_t n = write ? pwrite(dev->fd, buf, len, pos) : pread(dev->fd, buf, len, pos);

	return n < 0 ? -errno : n;
}

static int device_region_mmap(struct vst_dev *dev, unsigned int index, u64 off, size_t len,
			      int prot, int flags, void **va)
{
	*va = mmap(NULL, len, prot, flags, dev->fd, region_offset(dev, index) + off);
	return *va == MAP_FAILED ? -errno : 0;
}

static int device_set_irqs(struct vst_dev *dev, struct vfio_irq_set *set)
{
	return xioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set);
}

static int device_reset(struct vst_dev *dev)
{
	return xioctl(dev->fd, VFIO_DEVICE_RESET, NULL);
}

const struct vst_backend vst_type1 = {
	.name = "type1",
	.can = VST_CAN_DMA | VST_CAN_IRQ | VST_CAN_VFIO,
	.iommu_open = container_open,
	.iommu_close = container_close,
	.iommu_ranges = container_ranges,
	.iommu_map = container_map,
	.iommu_unmap = container_unmap,
	.dev_open = device_open,
	.dev_close = device_close,
	.region_info = device_region_info,
	.region_rw = device_region_rw,
	.region_mmap = device_region_mmap,
	.set_irqs = device_set_irqs,
	.reset = device_reset,
};
