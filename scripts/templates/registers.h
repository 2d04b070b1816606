/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The sample card: what a driver must know of it. BAR0 is 4 KiB of trapped
 * memory; its registers are 32 bits wide.
 */
#ifndef VLAB_SAMPLE_H
#define VLAB_SAMPLE_H

#define VLAB_DEVICE_SAMPLE	0xdddd	/* see vlab_ids.h for what is free */

#define VLAB_SAMPLE_ID		0x00	/* RO: VLAB_SAMPLE_MAGIC */
#define VLAB_SAMPLE_SCRATCH	0x04	/* RW: keeps what was written */
#define VLAB_SAMPLE_LEVEL	0x08	/* RW: bit 0: interrupt, until it is cleared */

#define VLAB_SAMPLE_MAGIC	0x31415926

#endif
