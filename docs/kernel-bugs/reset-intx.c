// SPDX-License-Identifier: GPL-2.0-only
/*
 * reset-intx GROUP BDF - lose the mask of INTx in a reset, and let the line scream
 *
 * BDF is a function of vfiolab's serial card (own personality) with a driver of
 * VFIO, GROUP the number of its group. One process resets the device, another masks
 * and unmasks its INTx: when a mask gets lost, the line is raised, and the kernel
 * says "nobody cared", 6.1 as well as 7.2. See README.md.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/serial_reg.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS		100000
#define SCREAM_SECONDS	5

static int open_device(const char *group, const char *bdf)
{
	int container = open("/dev/vfio/vfio", O_RDWR), fd, device;
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	fd = open(path, O_RDWR);
	if (container < 0 || fd < 0 || ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(2, "%s", path);
	device = ioctl(fd, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		err(2, "%s", bdf);
	return device;
}

static int open_config(const char *bdf)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

static void intx(int device, uint32_t flags, int event)
{
	char buf[sizeof(struct vfio_irq_set) + sizeof(event)];
	struct vfio_irq_set *set = (void *)buf;

	*set = (struct vfio_irq_set) {
		.argsz = sizeof(buf), .flags = flags, .index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
	};
	memcpy(set->data, &event, sizeof(event));
	if (ioctl(device, VFIO_DEVICE_SET_IRQS, set))
		err(2, "VFIO_DEVICE_SET_IRQS");
}

static void mask(int device)
{
	intx(device, VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_DATA_NONE, 0);
}

static void unmask(int device)
{
	intx(device, VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE, 0);
}

/* What the register has, not what VFIO shows; while nobody resets. */
static int is_masked(int config, pid_t other)
{
	__u16 command;

	kill(other, SIGSTOP);
	if (waitpid(other, NULL, WUNTRACED) != other ||
	    pread(config, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		err(2, "config");
	kill(other, SIGCONT);
	return command & PCI_COMMAND_INTX_DISABLE;
}

static void raise_line(int device)
{
	struct vfio_region_info bar = {
		.argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX,
	};
	__u8 ier = UART_IER_THRI;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    pwrite(device, &ier, 1, bar.offset + UART_IER) != 1)
		err(2, "IER");
}

int main(int argc, char **argv)
{
	int device, config, i;
	pid_t pid;

	if (argc != 3)
		errx(2, "usage: reset-intx GROUP BDF");
	device = open_device(argv[1], argv[2]);
	config = open_config(argv[2]);
	intx(device, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
	     eventfd(0, EFD_NONBLOCK));
	pid = fork();
	while (!pid)
		ioctl(device, VFIO_DEVICE_RESET);
	for (i = 0; i < ROUNDS; i++) {
		unmask(device);
		mask(device);
		if (!is_masked(config, pid))
			break;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (i == ROUNDS)
		return 0;
	printf("round %d: masked, but the device may interrupt. Look at dmesg\n", i);
	raise_line(device);
	sleep(SCREAM_SECONDS);
	return 1;
}
