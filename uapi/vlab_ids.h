/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Ids of vfiolab's own cards.
 *
 * 1af4:10f0 to 1af4:10ff is the range that QEMU's docs/specs/pci-ids leaves
 * free for experiments without registration.
 */
#ifndef VLAB_IDS_H
#define VLAB_IDS_H

#define VLAB_VENDOR		0x1af4
#define VLAB_DEVICE_NULL	0x10f0
#define VLAB_DEVICE_SERIAL	0x10f1
#define VLAB_DEVICE_SHAPE	0x10f2
#define VLAB_DEVICE_UPSTREAM	0x10fe
#define VLAB_DEVICE_DOWNSTREAM	0x10ff

/* Subtypes of VFIO's regions with the type of our vendor id. */
#define VLAB_REGION_MEMORY	1

#endif
