/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The I/OAT card, 8086:2021: a DMA engine after the one in Intel's Skylake
 * servers, QuickData version 3.2, one channel. Rules are in ioat.rst.
 *
 *	BAR0  64-bit memory, 16 KiB, all of it can be mapped: registers in the
 *	      first page, the MSI-X table at 8 KiB
 */
#ifndef VLAB_IOAT_H
#define VLAB_IOAT_H

#include <linux/types.h>

#define VLAB_IOAT_VENDOR	0x8086
#define VLAB_IOAT_DEVICE	0x2021

#define VLAB_IOAT_BAR		0
#define VLAB_IOAT_BAR_SIZE	0x4000
#define VLAB_IOAT_MSIX_TABLE	0x2000
#define VLAB_IOAT_MSIX_PBA	0x3000

/* The engine */
#define VLAB_IOAT_CHANCNT	0x00	/* RO 8: channels, 1 */
#define VLAB_IOAT_XFERCAP	0x01	/* RO 8: log2 of the longest transfer */
#define VLAB_IOAT_GENCTRL	0x02	/* RW 8 */
#define VLAB_IOAT_INTRCTRL	0x03	/* RW/RO 8: VLAB_IOAT_INTRCTRL_* */
#define VLAB_IOAT_ATTNSTATUS	0x04	/* RO 32: bit 0: the channel interrupted */
#define VLAB_IOAT_CBVER		0x08	/* RO 8: VLAB_IOAT_VERSION */
#define VLAB_IOAT_INTRDELAY	0x0c	/* RO 16: no coalescing */
#define VLAB_IOAT_CS_STATUS	0x0e	/* RO 16 */
#define VLAB_IOAT_DMACAP	0x10	/* RO 32: nothing but copies */

/* The channel */
#define VLAB_IOAT_CHANCTRL	0x80	/* RW 16: VLAB_IOAT_CHANCTRL_* */
#define VLAB_IOAT_DMA_COMP	0x82	/* RO 16: works like versions 2 and 3 */
#define VLAB_IOAT_CHANCMD	0x84	/* RW 8: VLAB_IOAT_CHANCMD_*; reads 0 when done */
#define VLAB_IOAT_DMACOUNT	0x86	/* RW 16: descriptors from CHAINADDR on, modulo 2^16 */
#define VLAB_IOAT_CHANSTS	0x88	/* RO 64: last descriptor done | VLAB_IOAT_CHANSTS_* */
#define VLAB_IOAT_CHAINADDR	0x90	/* RW 64: IOVA of the first descriptor */
#define VLAB_IOAT_CHANCMP	0x98	/* RW 64: IOVA that CHANSTS is written to */
#define VLAB_IOAT_CDAR		0xa0	/* RO 64: IOVA of the descriptor being done */
#define VLAB_IOAT_CHANERR	0xa8	/* W1C 32: VLAB_IOAT_ERR_* */
#define VLAB_IOAT_CHANERRMSK	0xac	/* RW 32: errors that do not interrupt */
#define VLAB_IOAT_DCACTRL	0xb0	/* RW 32: no effect */

/* Config space */
#define VLAB_IOAT_CFG_UNCERRSTS	0x148	/* W1C 32: VLAB_IOAT_UNCERR_* */
#define VLAB_IOAT_CFG_UNCERRMSK	0x14c	/* RW 32 */
#define VLAB_IOAT_CFG_UNCERRSEV	0x150	/* RW 32 */
#define VLAB_IOAT_CFG_CHANERR	0x180	/* W1C 32: the same bits as CHANERR */
#define VLAB_IOAT_CFG_ERRMSK	0x184	/* RW 32 */
#define VLAB_IOAT_CFG_ERRSEV	0x188	/* RW 32 */
#define VLAB_IOAT_CFG_ERRPTR	0x18c	/* RO 8: number of the first bit set in CHANERR */

#define VLAB_IOAT_VERSION	0x32
#define VLAB_IOAT_XFERCAP_LOG2	13

#define VLAB_IOAT_INTRCTRL_MASTER	0x01	/* RW: INTx is driven */
#define VLAB_IOAT_INTRCTRL_STATUS	0x02	/* RO: some bit of ATTNSTATUS is set */
#define VLAB_IOAT_INTRCTRL_INT		0x04	/* RO: STATUS and MASTER */
#define VLAB_IOAT_INTRCTRL_MSIX		0x08	/* RW: no effect */

#define VLAB_IOAT_CHANCTRL_REARM	0x0001	/* write 1: allow one interrupt; reads 0 */
#define VLAB_IOAT_CHANCTRL_ERR_CMP	0x0004	/* write CHANSTS to memory on an error */
#define VLAB_IOAT_CHANCTRL_ABORT	0x0008	/* no effect: any error halts */
#define VLAB_IOAT_CHANCTRL_ERR_INT	0x0010	/* interrupt on an error */
#define VLAB_IOAT_CHANCTRL_RW		0x033c	/* bits that are kept */

#define VLAB_IOAT_CHANCMD_RESET		0x20
#define VLAB_IOAT_CHANCMD_SUSPEND	0x04

#define VLAB_IOAT_CHANSTS_ADDR		(~0x3fULL)
#define VLAB_IOAT_CHANSTS_STATE		0x7
#define VLAB_IOAT_ACTIVE		0x0	/* descriptors are being done */
#define VLAB_IOAT_DONE			0x1	/* as many as DMACOUNT are done */
#define VLAB_IOAT_SUSPENDED		0x2
#define VLAB_IOAT_HALTED		0x3	/* after a reset or an error */

#include <linux/types.h>
#define VLAB_IOAT_ARMED			0x4	/* after a reset, being set up */

#define VLAB_IOAT_ERR_SRC_ADDR		0x00001	/* source passes 2^64 */
#define VLAB_IOAT_ERR_DST_ADDR		0x00002	/* destination passes 2^64 */
#define VLAB_IOAT_ERR_NEXT_ADDR		0x00004	/* no descriptor at NEXT, or not aligned */
#define VLAB_IOAT_ERR_CHAIN_ADDR	0x00010	/* the same for CHAINADDR */
#define VLAB_IOAT_ERR_CHANCMD		0x00020	/* more than one command at once */
#define VLAB_IOAT_ERR_READ_DATA		0x00100	/* reading the source was refused */
#define VLAB_IOAT_ERR_WRITE_DATA	0x00200	/* writing the destination was refused */
#define VLAB_IOAT_ERR_CONTROL		0x00400	/* operation or flag not supported */
#define VLAB_IOAT_ERR_LENGTH		0x00800	/* 0, or above XFERCAP */
#define VLAB_IOAT_ERR_CMP_ADDR		0x01000	/* CHANCMP not aligned, or refused */
#define VLAB_IOAT_ERR_ALL		0x73fff

#define VLAB_IOAT_UNCERR_READ		0x0080	/* a read came back with an error */
#define VLAB_IOAT_UNCERR_ALL		0x148c

/**
 * struct vlab_ioat_desc - a descriptor, 64 bytes, aligned to that; little endian
 * @size: bytes to copy
 * @ctl: VLAB_IOAT_CTL_*, operation in the upper 8 bits
 * @src: IOVA to read
 * @dst: IOVA to write
 * @next: IOVA of the next descriptor
 * @user: not looked at
 */
struct vlab_ioat_desc {
	__le32 size;
	__le32 ctl;
	__le64 src;
	__le64 dst;
	__le64 next;
	__le64 user[4];
};

#define VLAB_IOAT_CTL_INT	0x00000001	/* interrupt when done */
#define VLAB_IOAT_CTL_CMP	0x00000008	/* write CHANSTS to CHANCMP when done */
#define VLAB_IOAT_CTL_NULL	0x00000020	/* copy nothing */
/* No effect: no snoop (source, destination), fence, bundle, DCA, hint. */
#define VLAB_IOAT_CTL_HINTS	0x00000716
#define VLAB_IOAT_CTL_OP	0xff000000	/* 0: copy; there is no other */

#endif
