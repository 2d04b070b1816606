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

#endif
