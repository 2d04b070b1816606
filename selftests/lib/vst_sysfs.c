// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - back end sysfs: config and resourceN of a function with no driver
 *
 * For a card in a nested guest that has no IOMMU. Reads and writes of memory
 * BARs are single accesses of the width asked for, as vfio's are.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

#define IORESOURCE_MEM	0x200	/* in the resource file; not in a uapi header */

static int open_file(const char *bdf, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), VST_PCI_DEVICES "/%s/%s", bdf, name);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int sysfs_open(struct vst_dev *dev)
{
	char driver[64];
	unsigned int i;

	if (!__vst_driver(dev->bdf, driver, sizeof(driver)))
		return -EBUSY;
	dev->fd = open_file(dev->bdf, "config");
	if (dev->fd < 0)
		return dev->fd;
	for (i = 0; i < VST_BARS; i++)
		dev->bar[i].fd = -1;
	vst_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, PCI_COMMAND_MASTER);
	return 0;
}

static void sysfs_close(struct vst_dev *dev)
{
	unsigned int i;

	for (i = 0; i < VST_BARS; i++) {
		if (dev->bar[i].va)
			munmap(dev->bar[i].va, dev->region[i].size);
		if (dev->bar[i].fd >= 0)
			close(dev->bar[i].fd);
	}
	close(dev->fd);
}

/* Line @index of the resource file: start, end, flags. */
static int read_resource(const char *bdf, unsigned int index, u64 *size, u64 *flags)
{
	char path[PATH_MAX], text[4096], *line = text;
	unsigned long long start, end, bits;
	int ret;

	snprintf(path, sizeof(path), VST_PCI_DEVICES "/%s/resource", bdf);
	ret = __vst_file_read(path, text, sizeof(text));
	if (ret < 0)
		return ret;
	while (index-- && line)
		line = strchr(line + 1, '\n');
	if (!line || sscanf(line, " %llx %llx %llx", &start, &end, &bits) != 3)
		return -EINVAL;
	*size = bits ? end - start + 1 : 0;
	*flags = bits;
	return 0;
}

static int sysfs_region_info(struct vst_dev *dev, unsigned int index, struct vst_region *region)
{
	u64 flags;
	int ret;

	memset(region, 0, sizeof(*region));
	if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		region->size = lseek(dev->fd, 0, SEEK_END);
		region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
		return 0;
	}
	if (index >= VST_BARS)
		return -EINVAL;
	ret = read_resource(dev->bdf, index, &region->size, &flags);
	if (ret || !region->size)
		return ret;
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (flags & IORESOURCE_MEM) {
		region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		region->nareas = 1;
		region->area[0].size = region->size;
	}
	return 0;
}

static int bar_fd(struct vst_dev *dev, unsigned int index)
{
	char name[16];

	if (dev->bar[index].fd >= 0)
		return dev->bar[index].fd;
	snprintf(name, sizeof(name), "resource%u", index);
	return dev->bar[index].fd = open_file(dev->bdf, name);
}

/* Mapped when it is first needed; NULL and errno on failure. */
static u8 *bar_va(struct vst_dev *dev, unsigned int index)
{
	int fd = bar_fd(dev, index);
	void *va = dev->bar[index].va;

	if (fd < 0 || va)
		return va;
	va = mmap(NULL, dev->region[index].size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (va == MAP_FAILED)
		return NULL;
	return dev->bar[index].va = va;
}

/* The largest aligned power of two that fits, at most 8. */
static size_t step_of(u64 off, size_t len)
{
	size_t step = 8;

	while (step > len || off & (step - 1))
		step >>= 1;
	return step;
}

/* One access to the bus, of exactly this width. */
#define BUS_LOAD(type, bar, buf) \
	(*(type *)(buf) = __atomic_load_n((const type *)(bar), __ATOMIC_RELAXED))
#define BUS_STORE(type, bar, buf) \
	__atomic_store_n((type *)(bar), *(const type *)(buf), __ATOMIC_RELAXED)

static void load(const void *bar, void *buf, size_t step)
{
	switch (step) {
	case 1:
		BUS_LOAD(u8, bar, buf);
		break;
	case 2:
		BUS_LOAD(u16, bar, buf);
		break;
	case 4:
		BUS_LOAD(u32, bar, buf);
		break;
	case 8:
		BUS_LOAD(u64, bar, buf);
		break;
	}
}

static void store(void *bar, const void *buf, size_t step)
{
	switch (step) {
	case 1:
		BUS_STORE(u8, bar, buf);
		break;
	case 2:
		BUS_STORE(u16, bar, buf);
		break;
	case 4:
		BUS_STORE(u32, bar, buf);
		break;
	case 8:
		BUS_STORE(u64, bar, buf);
		break;
	}
}

static ssize_t mem_rw(struct vst_dev *dev, unsigned int index, u64 off, u8 *buf, size_t len,
		      bool write)
{
	u8 *va = bar_va(dev, index);
	size_t done, step;

	if (!va)
		return -errno;
	for (done = 0; done < len; done += step) {
		step = step_of(off + done, len - done);
		if (write)
			store(va + off + done, buf + done, step);
		else
			load(va + off + done, buf + done, step);
	}
	return len;
}

static ssize_t file_rw(int fd, u64 off, void *buf, size_t len, bool write)
{
	ssize_t n;

	if (fd < 0)
		return fd;
	n = write ? pwrite(fd, buf, len, off) : pread(fd, buf, len, off);
	return n < 0 ? -errno : n;
}

static ssize_t sysfs_region_rw(struct vst_dev *dev, unsigned int index, u64 off, void *buf,
			       size_t len, bool write)
{
	const struct vst_region *region;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return file_rw(dev->fd, off, buf, len, write);
	if (index >= VST_BARS)
		return -EINVAL;
	region = &dev->region[index];
	if (off >= region->size)
		return -EINVAL;
	if (len > region->size - off)
		len = region->size - off;
	if (region->flags & VFIO_REGION_INFO_FLAG_MMAP)
		return mem_rw(dev, index, off, buf, len, write);
	return file_rw(bar_fd(dev, index), off, buf, len, write);
}

static int sysfs_region_mmap(struct vst_dev *dev, unsigned int index, u64 off, size_t len,
			     int prot, int flags, void **va)
{
	int fd = index < VST_BARS ? bar_fd(dev, index) : -EINVAL;

	if (fd < 0)
		return fd;
	*va = mmap(NULL, len, prot, flags, fd, off);
	return *va == MAP_FAILED ? -errno : 0;
}

static int sysfs_reset(struct vst_dev *dev)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), VST_PCI_DEVICES "/%s/reset", dev->bdf);
	return __vst_file_write(path, "1");
}

const struct vst_backend vst_sysfs = {
	.name = "sysfs",
	.busy = -EBUSY,
	.dev_open = sysfs_open,
	.dev_close = sysfs_close,
	.region_info = sysfs_region_info,
	.region_rw = sysfs_region_rw,
	.region_mmap = sysfs_region_mmap,
	.reset = sysfs_reset,
};
