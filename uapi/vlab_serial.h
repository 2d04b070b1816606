/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The serial card, own personality: 1af4:10f1. Rules are in serial.rst.
 *
 *	BAR0  32-bit memory, 4 KiB, trapped: port N's 16550 registers at N * 8,
 *	      as in <linux/serial_reg.h>
 *	BAR2  64-bit prefetchable: a trapped control page, then card memory; the
 *	      attribute "memory" is the size of both
 *	BAR4  32-bit memory, 64 KiB: MSI-X table and pending bits
 */
#ifndef VLAB_SERIAL_H
#define VLAB_SERIAL_H

#define VLAB_SERIAL_BAR_UART	0
#define VLAB_SERIAL_BAR_CTRL	2
#define VLAB_SERIAL_BAR_MSIX	4

#define VLAB_SERIAL_UART_STRIDE	8

/* BAR2: the control page. 4 KiB; card memory starts behind it. */
#define VLAB_SERIAL_ID		0x000	/* RO 32: VLAB_SERIAL_MAGIC */
#define VLAB_SERIAL_PORTS	0x004	/* RO 32: number of ports */
#define VLAB_SERIAL_MEMORY	0x008	/* RO 64: bytes of card memory: BAR2 but its control page */
#define VLAB_SERIAL_LIVENESS	0x010	/* RW 32: reads as the complement of what was written */
#define VLAB_SERIAL_IRQ_STATUS	0x014	/* RO 32: bit N: vector N is asserted */
#define VLAB_SERIAL_RESETS	0x018	/* RO 32: resets since the card was plugged in */
#define VLAB_SERIAL_DMA		0x100	/* the engine of vlab_dma.h */
#define VLAB_SERIAL_RING	0x200	/* + port * 0x80: DMA rings of a port */
#define VLAB_SERIAL_RING_STRIDE	0x80
#define VLAB_SERIAL_MEM		0x1000	/* card memory from here on */

#define VLAB_SERIAL_MAGIC	0x4c524553	/* "SERL" */

/* Rings, offsets from VLAB_SERIAL_RING + port * VLAB_SERIAL_RING_STRIDE. */
#define VLAB_RING_TX_BASE	0x00	/* RW 64: IOVA of the ring's bytes */
#define VLAB_RING_TX_SIZE	0x08	/* RW 32: bytes, a power of two, 16 to 1 MiB */
#define VLAB_RING_TX_HEAD	0x0c	/* RO 32: next byte the card fetches */
#define VLAB_RING_TX_TAIL	0x10	/* RW 32: behind the last byte to send; a write rings */
#define VLAB_RING_RX_BASE	0x20	/* RW 64 */
#define VLAB_RING_RX_SIZE	0x28	/* RW 32 */
#define VLAB_RING_RX_HEAD	0x2c	/* RO 32: behind the last byte the card stored */
#define VLAB_RING_RX_TAIL	0x30	/* RW 32: next byte the driver reads */
#define VLAB_RING_CTRL		0x40	/* RW 32: VLAB_RING_CTRL_* */
#define VLAB_RING_STATUS	0x44	/* RO/W1C 32: VLAB_RING_ST_* */
#define VLAB_RING_FAULT		0x48	/* RO 64: IOVA that failed; all ones: none */

#define VLAB_RING_CTRL_TX	0x0001	/* transmit from the ring; THR is ignored */
#define VLAB_RING_CTRL_RX	0x0002	/* receive into the ring; the FIFO stays empty */
#define VLAB_RING_CTRL_IRQ	0x0004	/* the port's vector follows STATUS too */

#define VLAB_RING_ST_TX_EMPTY	0x0001	/* W1C: the ring ran empty */
#define VLAB_RING_ST_RX_DATA	0x0002	/* W1C: bytes were stored */
#define VLAB_RING_ST_RX_FULL	0x0004	/* W1C: a byte found the ring full */
#define VLAB_RING_ST_ERROR	0x0008	/* W1C: an access failed; the direction is stopped */

/* Vectors: port N interrupts on vector N, the engine on VLAB_DMA_VECTOR. */

#endif
