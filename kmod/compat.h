/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - what differs between kernels; the only version checks are here
 *
 * Each entry names the release from which on it can go.
 */
#ifndef VFIOLAB_COMPAT_H
#define VFIOLAB_COMPAT_H

#include <linux/export.h>
#include <linux/module.h>
#include <linux/version.h>

/* 6.13 made symbol namespaces strings. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define EXPORT_SYMBOL_VLAB(sym)	EXPORT_SYMBOL_NS_GPL(sym, VFIOLAB)
#define VLAB_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#else
#define EXPORT_SYMBOL_VLAB(sym)	EXPORT_SYMBOL_NS_GPL(sym, "VFIOLAB")
#define VLAB_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#endif
#define VLAB_EXPORT(sym)	EXPORT_SYMBOL_VLAB(sym)

/* 6.2: each device has an MSI domain on top of a parent; before, one for all. */
#define VLAB_MSI_PARENT	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0))

/* Who does a function's DMA can be said where Intel's VMD may be: x86, and not all. */
#if defined(CONFIG_X86) && IS_ENABLED(CONFIG_VMD)
#define VLAB_SEGMENTS
#endif

/* 6.7 */
#ifndef PCI_HEADER_TYPE_MFD
#define PCI_HEADER_TYPE_MFD	0x80
#endif

/* 6.3 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define vm_flags_set(vma, flags)	((vma)->vm_flags |= (flags))
#endif

/* 6.10: vfio_pci_core takes all mappings of a device away itself; see vfio_zap.c. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define VLAB_OWN_ZAP
#endif

/* 6.10: what a serial port is to send is in a kfifo. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define VLAB_UART_CIRC
#endif

/* 6.11: the widest access that vfio_pci_core makes to a BAR is 8 bytes. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define VLAB_VFIO_WIDTH	4
#else
#define VLAB_VFIO_WIDTH	8
#endif

/* By 7.2: region info is an op, and an ioeventfd writes 4 bytes at most. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
#define VLAB_IOEVENTFD_WIDTH	8
#define VLAB_VFIO_OPS	VLAB_VFIO_IOMMUFD_OPS
#else
#define VLAB_IOEVENTFD_WIDTH	4
#define VLAB_REGION_INFO_OP
#define VLAB_VFIO_OPS						\
	VLAB_VFIO_IOMMUFD_OPS					\
	.get_region_info_caps = vlab_vfio_region_info,		\
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#endif

/* 6.13: one call instead of two. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define vlab_hrtimer_setup(timer, fn, clock, mode)	\
do {							\
	struct hrtimer *__timer = (timer);		\
							\
	hrtimer_init(__timer, clock, mode);		\
	__timer->function = (fn);			\
} while (0)
#else
#define vlab_hrtimer_setup	hrtimer_setup
#endif

/* 6.3: tty_port_operations say bool; 6.6: tty_operations::write says size_t. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
typedef int vlab_tty_bool;
#else
typedef bool vlab_tty_bool;
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
typedef int vlab_tty_size, vlab_tty_ssize;
#else
typedef size_t vlab_tty_size;
typedef ssize_t vlab_tty_ssize;
#endif

#endif
