// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - config space
 */
#include "vst.h"

#define MAX_CAPS	48	/* as many as fit; a longer chain is a loop */

unsigned int vst_cap(struct vst_dev *dev, u8 id)
{
	unsigned int off, n;

	if (!(vst_cfg_read16(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	off = vst_cfg_read8(dev, PCI_CAPABILITY_LIST) & ~3;
	for (n = 0; off && n < MAX_CAPS; n++) {
		if (vst_cfg_read8(dev, off + PCI_CAP_LIST_ID) == id)
			return off;
		off = vst_cfg_read8(dev, off + PCI_CAP_LIST_NEXT) & ~3;
	}
	return 0;
}

unsigned int vst_ext_cap(struct vst_dev *dev, u16 id)
{
	unsigned int off = PCI_CFG_SPACE_SIZE, n;

	if (dev->region[VST_CONFIG].size <= PCI_CFG_SPACE_SIZE)
		return 0;
	for (n = 0; off && n < MAX_CAPS; n++) {
		u32 head = vst_cfg_read32(dev, off);

		if (head && PCI_EXT_CAP_ID(head) == id)
			return off;
		off = PCI_EXT_CAP_NEXT(head);
	}
	return 0;
}

void vst_command(struct vst_dev *dev, u16 set, u16 clear)
{
	u16 cmd = vst_cfg_read16(dev, PCI_COMMAND);

	vst_cfg_write16(dev, PCI_COMMAND, (cmd & ~clear) | set);
}

void vst_master(struct vst_dev *dev, bool on)
{
	vst_command(dev, on ? PCI_COMMAND_MASTER : 0, on ? 0 : PCI_COMMAND_MASTER);
}

void vst_power(struct vst_dev *dev, unsigned int state)
{
	unsigned int pm = vst_cap(dev, PCI_CAP_ID_PM);
	u16 ctrl;

	vst_assert(pm);
	ctrl = vst_cfg_read16(dev, pm + PCI_PM_CTRL);
	vst_cfg_write16(dev, pm + PCI_PM_CTRL, (ctrl & ~PCI_PM_CTRL_STATE_MASK) | state);
}
