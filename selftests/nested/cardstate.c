// SPDX-License-Identifier: GPL-2.0-only
/*
 * cardstate - leave a card (personality vlab) as no reset would, or see that it
 * was reset
 *
 *	VLAB_BACKEND=sysfs cardstate dirty|fresh BDF
 *
 * Exit status: 0, else what is wrong is printed.
 */
#include <linux/serial_reg.h>
#include <stdio.h>
#include <string.h>

#include "kselftest.h"
#include "vst.h"

/* A register and what it is after a reset (serial.rst 3, 4, 5; dma.rst 1). */
static const struct reg {
	const char *name;
	unsigned int bar;
	u64 off;
	unsigned int width;
	u64 reset, dirt;
} regs[] = {
	{ "SCR", VLAB_SERIAL_BAR_UART, UART_SCR, 1, 0, 0x5a },
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

int main(int argc, char **argv)
{
	struct vst_dev *dev;
	unsigned int i;
	int ret = KSFT_PASS;

	if (argc != 3 || (strcmp(argv[1], "dirty") && strcmp(argv[1], "fresh"))) {
		fprintf(stderr, "usage: cardstate dirty|fresh BDF\n");
		return 2;
	}
	dev = vst_open(argv[2]);
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		if (argv[1][0] == 'f')
			ret |= check(dev, &regs[i]);
		else
			vst_write(dev, regs[i].bar, regs[i].off, &regs[i].dirt, regs[i].width);
	}
	vst_close(dev);
	return ret;
}
