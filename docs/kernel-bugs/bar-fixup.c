// SPDX-License-Identifier: GPL-2.0-only
/*
 * bar-fixup GROUP BDF - read back a BAR that is not what vfio-pci makes of it
 *
 * One thread sizes BAR 0 over and over, another does so with BAR 4. Ends when the
 * first reads ones where its BAR has read-only zeros. GROUP is the number of
 * BDF's group, whose functions have a driver of VFIO. See README.md.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#define ROUNDS	10000000

static int device;
static off_t config;

static uint32_t size_of(unsigned int reg)
{
	uint32_t val = ~0;

	if (pwrite(device, &val, sizeof(val), config + reg) != sizeof(val) ||
	    pread(device, &val, sizeof(val), config + reg) != sizeof(val))
		err(2, "config space");
	return val;
}

static void *disturb(void *arg)
{
	for (;;)
		size_of(PCI_BASE_ADDRESS_4);
	return arg;
}

int main(int argc, char **argv)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	int container = open("/dev/vfio/vfio", O_RDWR), group;
	uint32_t want, val;
	pthread_t thread;
	char path[32];
	long i;

	if (argc != 3)
		errx(2, "usage: bar-fixup GROUP BDF");
	snprintf(path, sizeof(path), "/dev/vfio/%s", argv[1]);
	group = open(path, O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(2, "%s", path);
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]);
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		err(2, "%s", argv[2]);
	config = info.offset;
	want = size_of(PCI_BASE_ADDRESS_0);
	if (pthread_create(&thread, NULL, disturb, NULL))
		errx(2, "no thread");
	for (i = 0; i < ROUNDS; i++) {
		val = size_of(PCI_BASE_ADDRESS_0);
		if (val != want) {
			printf("round %ld: BAR 0 reads %#x, not %#x\n", i, val, want);
			return 1;
		}
	}
	puts("not seen");
	return 0;
}
