/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The shape card, 1af4:10f2: it has the BARs, capabilities and interrupts that
 * its attributes ask for. Rules are in shape.rst.
 *
 * Registers are at the start of the BAR that attribute "regs" names, BAR2 unless
 * said otherwise. The DMA engine's are those of vlab_dma.h.
 */
#ifndef VLAB_SHAPE_H
#define VLAB_SHAPE_H

#define VLAB_SHAPE_ID		0x00	/* RO 32: VLAB_SHAPE_MAGIC */
#define VLAB_SHAPE_SCRATCH	0x04	/* RW 32: keeps what was written until a reset */
#define VLAB_SHAPE_RAISE	0x08	/* WO 32: write a vector: raise it */
#define VLAB_SHAPE_LOWER	0x0c	/* WO 32: write a vector: lower it */
#define VLAB_SHAPE_VECTORS	0x14	/* RO 32: how many vectors there are */
#define VLAB_SHAPE_RESETS	0x18	/* RO 32: resets since the card was plugged in */
#define VLAB_SHAPE_DMA		0x100	/* the DMA engine, where the serial card has it */
#define VLAB_SHAPE_REGS_SIZE	0x1000	/* all of them */

#define VLAB_SHAPE_MAGIC	0x50414853	/* "SHAP" */

#define VLAB_SHAPE_VPD_SIZE	128	/* bytes of vital product data */
#define VLAB_SHAPE_VPD_RW	44	/* from here to the last but one they can be written */

#endif
