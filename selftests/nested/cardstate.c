// SPDX-License-Identifier: GPL-2.0-only
/*
 * cardstate - leave cards as no reset would, or see that they were reset
 *
 *	VLAB_BACKEND=sysfs cardstate dirty|fresh BDF...
 *
 * A function with a driver has the 8250 driver and I/O ports: of such only the
 * scratch registers are ours.
 *
 * Exit status: 0, else what is wrong is printed.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/serial_reg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest.h"
#include "vst.h"

#define DIRT	0x5a
#define PORT_REGS	8

/* A register and what it is after a reset (serial.rst 3, 4, 5; dma.rst 1). */
static const struct reg {
	const char *name;
	unsigned int bar;
	u64 off;
	unsigned int width;
	u64 reset, dirt;
} regs[] = {
	{ "SCR", VLAB_SERIAL_BAR_UART, UART_SCR, 1, 0, DIRT },
	{ "IER", VLAB_SERIAL_BAR_UART, UART_IER, 1, 0, UART_IER_MSI },
	{ "MCR", VLAB_SERIAL_BAR_UART, UART_MCR, 1, 0, UART_MCR_LOOP },
	{ "LIVENESS", VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_LIVENESS, 4, 0, 0x12345678 },
	{ "DMA SRC", VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + VLAB_DMA_SRC, 8, 0, 0x1000 },
	{ "DMA COUNT", VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + VLAB_DMA_COUNT, 4, 1, 7 },
	{ "TX_BASE", VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_RING + VLAB_RING_TX_BASE, 8, 0, 0x2000 },
	{ "RX_SIZE", VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_RING + VLAB_RING_RX_SIZE, 4, 0, 64 },
};

static int check(struct vst_dev *dev, const struct reg *reg)
{
	u64 val = 0;

	vst_read(dev, reg->bar, reg->off, &val, reg->width);
	if (val == reg->reset)
		return 0;
	printf("%s is %#llx, not %#llx\n", reg->name, (unsigned long long)val,
	       (unsigned long long)reg->reset);
	return KSFT_FAIL;
}

static int all_registers(const char *bdf, bool dirty)
{
	struct vst_dev *dev = vst_open(bdf);
	int ret = KSFT_PASS;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		if (dirty)
			vst_write(dev, regs[i].bar, regs[i].off, &regs[i].dirt, regs[i].width);
		else
			ret |= check(dev, &regs[i]);
	}
	vst_close(dev);
	return ret;
}

/* BAR 0 has a scratch register at the end of each port's eight. */
static int scratch_registers(const char *bdf, bool dirty)
{
	char path[PATH_MAX];
	int ret = KSFT_PASS;
	struct stat st;
	u8 val = DIRT;
	off_t off;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st)) {
		perror(path);
		return KSFT_FAIL;
	}
	for (off = UART_SCR; off < st.st_size; off += PORT_REGS) {
		if ((dirty ? pwrite(fd, &val, 1, off) : pread(fd, &val, 1, off)) != 1) {
			perror(path);
			ret = KSFT_FAIL;
		} else if (!dirty && val) {
			printf("%s: SCR at %#lx is %#x, not 0\n", bdf, (long)off, val);
			ret = KSFT_FAIL;
		}
	}
	close(fd);
	return ret;
}

int main(int argc, char **argv)
{
	char driver[64];
	bool dirty;
	int i, ret = KSFT_PASS;

	if (argc < 3 || (strcmp(argv[1], "dirty") && strcmp(argv[1], "fresh"))) {
		fprintf(stderr, "usage: cardstate dirty|fresh BDF...\n");
		return 2;
	}
	dirty = !strcmp(argv[1], "dirty");
	for (i = 2; i < argc; i++) {
		if (__vst_driver(argv[i], driver, sizeof(driver)))
			ret |= all_registers(argv[i], dirty);
		else
			ret |= scratch_registers(argv[i], dirty);
	}
	return ret;
}
