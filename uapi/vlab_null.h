/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The null card, 1af4:10f0: the smallest model there is, to start one's own
 * from. BAR0 is 4 KiB of trapped 32-bit memory. Rules are in null.rst.
 */
#ifndef VLAB_NULL_H
#define VLAB_NULL_H

#define VLAB_NULL_ID		0x00	/* RO 32: VLAB_NULL_MAGIC */
#define VLAB_NULL_SCRATCH	0x04	/* RW 32: keeps what was written */
#define VLAB_NULL_IRQ		0x08	/* W1C 32: write 1 to VLAB_NULL_RAISE sets bit 0 */
#define VLAB_NULL_RAISE		0x0c	/* WO 32: write: raise vector 0 */

#define VLAB_NULL_MAGIC		0x4c4c554e	/* "NULL" */

#endif
