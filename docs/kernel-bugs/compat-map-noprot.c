// SPDX-License-Identifier: GPL-2.0-only
/*
 * compat-map-noprot GROUP BDF - make iommufd's VFIO compatibility warn
 *
 * Maps a page with neither READ nor WRITE through /dev/iommu: Linux 7.2 hits the
 * WARN_ON() of iommu_pt.h, a container of vfio's own says EINVAL. GROUP is the
 * number of BDF's group, and its functions have a driver of VFIO. See README.md.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/vfio.h>

#define PAGE	4096

int main(int argc, char **argv)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = 0, .iova = 0x100000, .size = PAGE,
	};
	int container = open("/dev/iommu", O_RDWR);
	char path[32];
	void *page;
	int group;

	if (argc != 3)
		errx(2, "usage: compat-map-noprot GROUP BDF");
	snprintf(path, sizeof(path), "/dev/vfio/%s", argv[1]);
	group = open(path, O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) ||
	    ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]) < 0)
		err(2, "%s in /dev/iommu", path);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map.vaddr = (uintptr_t)page;
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		err(1, "VFIO_IOMMU_MAP_DMA");
	puts("mapped: look at dmesg");
	return 0;
}
