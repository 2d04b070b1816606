// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - devices
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vst.h"

static struct vst_dev *alloc_dev(const char *bdf, struct vst_iommu *iommu)
{
	struct vst_dev *dev = calloc(1, sizeof(*dev));

	vst_assert(dev);
	dev->own_iommu = !iommu;
	dev->iommu = iommu ?: vst_iommu_open();
	dev->ops = dev->iommu->ops;
	dev->fd = -1;
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	return dev;
}

static void free_dev(struct vst_dev *dev)
{
	if (dev->own_iommu)
		vst_iommu_close(dev->iommu);
	free(dev);
}

int __vst_open_in(struct vst_dev **dev, const char *bdf, struct vst_iommu *iommu)
{
	struct vst_dev *new = alloc_dev(bdf, iommu);
	unsigned int i;
	int ret = new->ops->dev_open(new);

	if (ret) {
		free_dev(new);
		return ret;
	}
	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++)
		__vst_region(new, i, &new->region[i]);
	*dev = new;
	return 0;
}

void vst_close(struct vst_dev *dev)
{
	if (!dev)
		return;
	dev->ops->dev_close(dev);
	free_dev(dev);
}

int vst_group_fd(const struct vst_dev *dev)
{
	return dev->iommu->group[dev->group].fd;
}

ssize_t __vst_read(struct vst_dev *dev, unsigned int index, u64 off, void *buf, size_t len)
{
	return dev->ops->region_rw(dev, index, off, buf, len, false);
}

ssize_t __vst_write(struct vst_dev *dev, unsigned int index, u64 off, const void *buf,
		    size_t len)
{
	return dev->ops->region_rw(dev, index, off, (void *)buf, len, true);
}

int __vst_region(struct vst_dev *dev, unsigned int index, struct vst_region *region)
{
	return dev->ops->region_info(dev, index, region);
}

int __vst_mmap(struct vst_dev *dev, unsigned int index, u64 off, size_t len, int prot,
	       int flags, void **va)
{
	return dev->ops->region_mmap(dev, index, off, len, prot, flags, va);
}

int __vst_reset(struct vst_dev *dev)
{
	return dev->ops->reset(dev);
}

int __vst_hot_reset(struct vst_dev *dev)
{
	return dev->ops->hot_reset(dev);
}

int __vst_ioctl(struct vst_dev *dev, unsigned long request, void *arg)
{
	int ret = ioctl(dev->fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* ---- memory that may not be there ---- */

static sigjmp_buf fault_jump;

static void on_fault(int sig)
{
	siglongjmp(fault_jump, sig);
}

static void catch_faults(bool on)
{
	struct sigaction sa = { .sa_handler = on ? on_fault : SIG_DFL };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

static int try_copy(void *to, const void *from, size_t len)
{
	catch_faults(true);
	if (sigsetjmp(fault_jump, 1)) {
		catch_faults(false);
		return -EFAULT;
	}
	memcpy(to, from, len);
	catch_faults(false);
	return 0;
}

int __vst_peek(const void *va, void *buf, size_t len)
{
	return try_copy(buf, va, len);
}

int __vst_poke(void *va, const void *buf, size_t len)
{
	return try_copy(va, buf, len);
}
