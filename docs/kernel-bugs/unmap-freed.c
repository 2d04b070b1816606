// SPDX-License-Identifier: GPL-2.0-only
/*
 * unmap-freed GROUP BDF GROUP BDF - unmap by two threads what devices have pinned
 *
 * BDF is a function of vfiolab's serial card (own personality) with our driver,
 * GROUP the number of its group; two of them. One thread maps memory, write-only, so
 * that our driver pins what the cards write to, and has them write; two others unmap
 * it. A kernel with KASAN says "slab-use-after-free in vfio_iommu_type1_ioctl". See
 * README.md.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../uapi/vlab_dma.h"
#include "../../uapi/vlab_serial.h"

#define ROUNDS	200000
#define SIZE	4096UL
#define UNMAPPERS	2

static int container;

/* The first group is what the container gets its IOMMU for. */
static int open_device(const char *group, const char *bdf)
{
	static int done;
	char path[32];
	int fd, device;

	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	fd = open(path, O_RDWR);
	if (fd < 0 || ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container) ||
	    (!done++ && ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)))
		err(2, "%s", path);
	device = ioctl(fd, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		err(2, "%s", bdf);
	return device;
}

static void put(int device, unsigned int region, uint64_t off, uint64_t val, size_t len)
{
	if (pwrite(device, &val, len, ((uint64_t)region << 40) + off) != (ssize_t)len)
		err(2, "region %u", region);
}

static void engine(int device, unsigned int reg, uint64_t val, size_t len)
{
	put(device, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + reg, val, len);
}

static void *unmap(void *arg)
{
	while (1) {
		struct vfio_iommu_type1_dma_unmap range = {
			.argsz = sizeof(range), .iova = 0, .size = SIZE,
		};

		ioctl(container, VFIO_IOMMU_UNMAP_DMA, &range);
	}
	return NULL;
}

static void set_up(int device)
{
	put(device, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
	    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	engine(device, VLAB_DMA_LEN, 64, 8);
}

static void write_memory(int device)
{
	engine(device, VLAB_DMA_CTRL, VLAB_DMA_CTRL_START | VLAB_DMA_CTRL_SRC_CARD, 4);
}

int main(int argc, char **argv)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_WRITE, .size = SIZE,
	};
	pthread_t thread;
	int device[2], i;

	if (argc != 5)
		errx(2, "usage: unmap-freed GROUP BDF GROUP BDF");
	container = open("/dev/vfio/vfio", O_RDWR);
	for (i = 0; i < 2; i++) {
		device[i] = open_device(argv[1 + 2 * i], argv[2 + 2 * i]);
		set_up(device[i]);
	}
	map.vaddr = (uintptr_t)mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < UNMAPPERS; i++)
		pthread_create(&thread, NULL, unmap, NULL);
	for (i = 0; i < ROUNDS; i++) {
		ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
		write_memory(device[i % 2]);
	}
	return 0;
}
