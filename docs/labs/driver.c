// SPDX-License-Identifier: GPL-2.0-only
/* driver - drives the card from user space, by VFIO: labs 3 to 6; uapi/serial.rst, uapi/dma.rst */
#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include "vlab_dma.h"
#include "vlab_serial.h"

#define PAGE 4096
#define IOVA 0x100000UL	/* where the device is to see our page */

static int container, device;
static struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VLAB_SERIAL_BAR_CTRL };

/* /dev/vfio/vfio is the container, /dev/vfio/N the group, and the group has the device. */
static void vfio_open(const char *bdf)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	char path[128], link[128] = "";
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	int group;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		err(1, "%s", path);
	snprintf(path, sizeof(path), "/dev/vfio/%s", basename(link));
	container = open("/dev/vfio/vfio", O_RDWR);
	group = open(path, O_RDWR);
	if (group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		err(1, "%s", path);
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "VFIO_SET_IOMMU");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config))
		err(1, "%s", bdf);
	if (pwrite(device, &command, 2, config.offset + PCI_COMMAND) != 2)
		err(1, "PCI_COMMAND");
}

static uint64_t in(unsigned long reg, size_t width)
{
	uint64_t val = 0;

	if (pread(device, &val, width, bar.offset + reg) != (ssize_t)width)
		err(1, "read at %#lx", reg);
	return val;
}

static void out(unsigned long reg, uint64_t val, size_t width)
{
	if (pwrite(device, &val, width, bar.offset + reg) != (ssize_t)width)
		err(1, "write at %#lx", reg);
}

static char *card_memory(void)
{
	char *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device,
			 bar.offset + VLAB_SERIAL_MEM);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	return mem;
}

/* What is written to the mapping is what a read of the region finds. */
static void show_mmap(const char *text)
{
	char *mem = card_memory();
	uint32_t word;

	snprintf(mem, PAGE, "%s", text);
	word = in(VLAB_SERIAL_MEM, 4);
	printf("mapped: %s, read: %.4s\n", mem, (char *)&word);
}

static void map(void *page, unsigned int flags)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma), .flags = flags,
		.vaddr = (uintptr_t)page, .iova = IOVA, .size = PAGE,
	};

	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &dma))
		err(1, "VFIO_IOMMU_MAP_DMA");
}

/* The card's memory goes to ours, if the IOMMU lets it: "rw", "r" or "none". */
static void dma(const char *access)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	snprintf(card_memory(), PAGE, "Hello from the card");
	if (!strcmp(access, "rw"))
		map(page, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	else if (!strcmp(access, "r"))
		map(page, VFIO_DMA_MAP_FLAG_READ);
	out(VLAB_SERIAL_DMA + VLAB_DMA_SRC, 0, 8);
	out(VLAB_SERIAL_DMA + VLAB_DMA_DST, IOVA, 8);
	out(VLAB_SERIAL_DMA + VLAB_DMA_LEN, PAGE, 8);
	out(VLAB_SERIAL_DMA + VLAB_DMA_CTRL, VLAB_DMA_CTRL_START | VLAB_DMA_CTRL_SRC_CARD, 4);
	while (in(VLAB_SERIAL_DMA + VLAB_DMA_STATUS, 4) & VLAB_DMA_ST_BUSY)
		;
	printf("error %lu, fault at %#lx, our page: \"%s\"\n",
	       in(VLAB_SERIAL_DMA + VLAB_DMA_ERROR, 4),
	       in(VLAB_SERIAL_DMA + VLAB_DMA_FAULT, 8), page);
}

/* An eventfd for MSI-X vector 1, which we have the card send so many times. */
static void irq(int times)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX,
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.start = 1, .count = 1,
		},
		.fd = eventfd(0, EFD_SEMAPHORE),
	};
	uint64_t one;
	int i;

	if (ioctl(device, VFIO_DEVICE_SET_IRQS, &irq))
		err(1, "VFIO_DEVICE_SET_IRQS");
	for (i = 1; i <= times; i++) {
		out(VLAB_SERIAL_DMA + VLAB_DMA_SEND, 1, 4);
		if (read(irq.fd, &one, 8) == 8)
			printf("interrupt %d\n", i);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: driver BDF read OFFSET | write OFFSET VALUE | mmap TEXT |\n"
			"                  dma rw|r|none | irq N");
	vfio_open(argv[1]);
	if (!strcmp(argv[2], "read"))
		printf("%#lx\n", in(strtoul(argv[3], NULL, 0), 4));
	else if (!strcmp(argv[2], "write") && argc > 4)
		out(strtoul(argv[3], NULL, 0), strtoul(argv[4], NULL, 0), 4);
	else if (!strcmp(argv[2], "mmap"))
		show_mmap(argv[3]);
	else if (!strcmp(argv[2], "dma"))
		dma(argv[3]);
	else if (!strcmp(argv[2], "irq"))
		irq(atoi(argv[3]));
	else
		errx(2, "no command %s", argv[2]);
	return 0;
}
