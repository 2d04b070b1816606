/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The DMA engine of vfiolab's cards: a block of registers in a trapped page.
 * The rules are in dma.rst; offsets are from the start of the block.
 */
#ifndef VLAB_DMA_H
#define VLAB_DMA_H

#define VLAB_DMA_ID		0x00	/* RO 32: VLAB_DMA_MAGIC */
#define VLAB_DMA_CTRL		0x04	/* RW 32: VLAB_DMA_CTRL_* */
#define VLAB_DMA_STATUS		0x08	/* RO/W1C 32: VLAB_DMA_ST_* */
#define VLAB_DMA_ERROR		0x0c	/* RO 32: VLAB_DMA_ERR_* of the last transfer */
#define VLAB_DMA_SRC		0x10	/* RW 64: IOVA or offset in card memory */
#define VLAB_DMA_DST		0x18	/* RW 64: IOVA or offset in card memory */
#define VLAB_DMA_LEN		0x20	/* RW 64: bytes */
#define VLAB_DMA_DONE		0x28	/* RO 64: bytes of the last transfer that reached DST */
#define VLAB_DMA_FAULT		0x30	/* RO 64: IOVA (or offset) that failed; all ones: none */
#define VLAB_DMA_COUNT		0x38	/* RW 32: how often SRC goes to DST; 0 is stored as 1 */
#define VLAB_DMA_VECTOR		0x3c	/* RW 32: interrupt vector of completion */
#define VLAB_DMA_SEND		0x40	/* WO 32: write a vector: one interrupt message on it */
#define VLAB_DMA_FAULTS		0x44	/* RO 32: accesses denied since reset; saturates */
#define VLAB_DMA_SIZE		0x80	/* the block */

#define VLAB_DMA_MAGIC		0x414d4456	/* "VDMA" */
#define VLAB_DMA_CHUNK		0x1000	/* no chunk crosses a multiple of it */

#define VLAB_DMA_CTRL_START	0x0001	/* write 1: start; ignored while busy; reads 0 */
#define VLAB_DMA_CTRL_ABORT	0x0002	/* write 1: stop; reads 0 */
#define VLAB_DMA_CTRL_IRQ	0x0004	/* interrupt on completion, error and abort */
#define VLAB_DMA_CTRL_SRC_CARD	0x0010	/* SRC is an offset in card memory */
#define VLAB_DMA_CTRL_DST_CARD	0x0020	/* DST is an offset in card memory */

#define VLAB_DMA_ST_BUSY	0x0001	/* RO: a transfer is under way */
#define VLAB_DMA_ST_DONE	0x0002	/* W1C: it ended well */
#define VLAB_DMA_ST_ERROR	0x0004	/* W1C: it ended by an error */
#define VLAB_DMA_ST_ABORTED	0x0008	/* W1C: it was aborted */

#define VLAB_DMA_ERR_NONE	0
#define VLAB_DMA_ERR_NOMAP	1	/* no mapping at VLAB_DMA_FAULT */
#define VLAB_DMA_ERR_PERM	2	/* mapping without the permission needed */
#define VLAB_DMA_ERR_MASTER	3	/* Bus Master off, or not in D0 */
#define VLAB_DMA_ERR_RANGE	4	/* outside of card memory, or IOVA + LEN overflows */
#define VLAB_DMA_ERR_OWNER	5	/* no driver that could be asked owns the function */
#define VLAB_DMA_ERR_CHECK	6	/* the IOMMU's table disagrees with the access */
#define VLAB_DMA_ERR_LEN	7	/* LEN is 0 */
#define VLAB_DMA_ERR_NOMEM	8	/* the machine ran out of memory */

#endif
