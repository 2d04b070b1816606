// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - back end iommufd: character devices, bound to an iommufd and attached to
 * an I/O address space (IOAS) of it
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

const char *vst_lacks_iommufd(void)
{
	if (access("/dev/iommu", F_OK))
		return "no /dev/iommu: the kernel has no CONFIG_IOMMUFD";
	return NULL;
}

/* ---- address space ---- */

static int ioas_open(struct vst_iommu *iommu)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int ret;

	iommu->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommu->fd < 0)
		return -errno;
	ret = __vst_xioctl(iommu->fd, IOMMU_IOAS_ALLOC, &alloc);
	if (ret)
		close(iommu->fd);
	iommu->ioas = alloc.out_ioas_id;
	return ret;
}

static void ioas_close(struct vst_iommu *iommu)
{
	close(iommu->fd);
}

/* The kernel's struct is ours: start and last. */
static int ioas_ranges(struct vst_iommu *iommu, struct vst_range *range, int max)
{
	struct iommu_ioas_iova_ranges ranges = {
		.size = sizeof(ranges),
		.ioas_id = iommu->ioas,
		.num_iovas = max,
		.allowed_iovas = (uintptr_t)range,
	};
	int ret = __vst_xioctl(iommu->fd, IOMMU_IOAS_IOVA_RANGES, &ranges);

	static_assert(sizeof(*range) == sizeof(struct iommu_iova_range), "one is the other");
	if (ret == -EMSGSIZE)
		return max;
	return ret ?: (int)ranges.num_iovas;
}

static int ioas_map(struct vst_iommu *iommu, void *va, u64 iova, u64 size, u32 prot)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
			 (prot & VST_READ ? IOMMU_IOAS_MAP_READABLE : 0) |
			 (prot & VST_WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = iommu->ioas,
		.user_va = (uintptr_t)va,
		.length = size,
		.iova = iova,
	};

	return __vst_xioctl(iommu->fd, IOMMU_IOAS_MAP, &map);
}

static int ioas_unmap(struct vst_iommu *iommu, u64 iova, u64 size, u64 *done)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = iommu->ioas,
		.iova = iova,
		.length = size,
	};
	int ret = __vst_xioctl(iommu->fd, IOMMU_IOAS_UNMAP, &unmap);

	if (done)
		*done = ret ? 0 : unmap.length;
	return ret;
}

/* ---- device ---- */

/* Its file is called after the one entry of vfio-dev that is named vfioN. */
int __vst_cdev_open(const char *bdf)
{
	char path[PATH_MAX];
	struct dirent *de;
	int fd = -ENODEV;
	DIR *dir;

	snprintf(path, sizeof(path), VST_PCI_DEVICES "/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -ENODEV;
	while ((de = readdir(dir))) {
		if (strncmp(de->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", de->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	closedir(dir);
	return fd;
}

static int cdev_bind(struct vst_dev *dev)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = dev->iommu->fd,
	};
	int ret = __vst_xioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);

	dev->id = bind.out_devid;
	return ret;
}

static int cdev_attach(struct vst_dev *dev)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = dev->iommu->ioas,
	};

	return __vst_xioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int device_open(struct vst_dev *dev)
{
	int ret;

	dev->fd = __vst_cdev_open(dev->bdf);
	if (dev->fd < 0)
		return dev->fd;
	ret = cdev_bind(dev) ?: cdev_attach(dev);
	if (ret)
		close(dev->fd);
	return ret;
}

static void device_close(struct vst_dev *dev)
{
	close(dev->fd);
}

/* No groups: that the functions are ours is known by the iommufd. */
static int device_hot_reset(struct vst_dev *dev)
{
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	return __vst_xioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset);
}

const struct vst_backend vst_iommufd = {
	.name = "iommufd",
	.can = VST_CAN_DMA | VST_CAN_IRQ | VST_CAN_VFIO | VST_CAN_NOPROT,
	.lacks = vst_lacks_iommufd,
	.busy = -EINVAL,
	.iommu_open = ioas_open,
	.iommu_close = ioas_close,
	.iommu_ranges = ioas_ranges,
	.iommu_map = ioas_map,
	.iommu_unmap = ioas_unmap,
	.dev_open = device_open,
	.dev_close = device_close,
	.hot_reset = device_hot_reset,
	VST_VFIO_OPS
};
