/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vst - what the library's files share
 */
#ifndef VST_PRIV_H
#define VST_PRIV_H

#include "vst.h"

#define VST_CONFIGFS	"/sys/kernel/config/vfiolab"
#define VST_PCI_DEVICES	"/sys/bus/pci/devices"

/* What names of this program's cards start with. */
const char *vst_prefix(void);

#endif
