// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - back ends type1 and compat: devices of groups in a type1 container, which is
 * vfio's own or an iommufd that plays one
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

/* ---- container ---- */

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int __vst_container_open(void)
{
	return open_file("/dev/vfio/vfio");
}

static int container_open(struct vst_iommu *iommu)
{
	iommu->fd = __vst_container_open();
	return iommu->fd < 0 ? iommu->fd : 0;
}

static int compat_open(struct vst_iommu *iommu)
{
	iommu->fd = open_file("/dev/iommu");
	return iommu->fd < 0 ? iommu->fd : 0;
}

static void container_close(struct vst_iommu *iommu)
{
	close(iommu->fd);
}

static int container_ranges(struct vst_iommu *iommu, struct vst_range *range, int max)
{
	union {
		struct vfio_iommu_type1_info info;
		u8 room[VST_INFO_ROOM];
	} u = { .info.argsz = sizeof(u) };
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	int i, ret = __vst_xioctl(iommu->fd, VFIO_IOMMU_GET_INFO, &u);

	if (ret)
		return ret;
	cap = vst_vfio_cap(u.room, u.info.cap_offset, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
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

	return __vst_xioctl(iommu->fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int container_unmap(struct vst_iommu *iommu, u64 iova, u64 size, u64 *done)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};
	int ret = __vst_xioctl(iommu->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

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
	int ret = __vst_xioctl(fd, VFIO_GROUP_GET_STATUS, &status);

	if (ret)
		return ret;
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return -EPERM;
	ret = __vst_xioctl(fd, VFIO_GROUP_SET_CONTAINER, &iommu->fd);
	if (ret || has_groups(iommu))
		return ret;
	return ioctl(iommu->fd, VFIO_SET_IOMMU, iommu->type) ? -errno : 0;
}

static int group_file(int num)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d", num);
	return open_file(path);
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

static int device_hot_reset(struct vst_dev *dev)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int group;
	} arg = {
		.reset = { .argsz = sizeof(arg), .count = 1 },
		.group = vst_group_fd(dev),
	};

	return __vst_xioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &arg);
}

#define CAN	(VST_CAN_DMA | VST_CAN_IRQ | VST_CAN_VFIO | VST_CAN_GROUP)
#define OPS					\
	.busy = -EBUSY,				\
	.iommu_close = container_close,		\
	.iommu_ranges = container_ranges,	\
	.iommu_map = container_map,		\
	.iommu_unmap = container_unmap,		\
	.dev_open = device_open,		\
	.dev_close = device_close,		\
	.hot_reset = device_hot_reset,		\
	VST_VFIO_OPS

const struct vst_backend vst_type1 = {
	.name = "type1",
	.can = CAN | VST_CAN_TYPE1 | VST_CAN_NOPROT,
	.iommu_open = container_open,
	OPS
};

/* No NOPROT: the container's side of iommufd does not look, and in 7.2 what is below warns. */
const struct vst_backend vst_compat = {
	.name = "compat",
	.can = CAN,
	.lacks = vst_lacks_iommufd,
	.iommu_open = compat_open,
	OPS
};
