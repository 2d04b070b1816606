// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - the kernel puts the device to sleep
 *
 * It does when the user has allowed that and nobody looks, later than the user's
 * call returned. A device asleep sends nothing: accesses that began before are
 * waited for as the device is suspended, and owner_rw() refuses new ones by then.
 */
#include <linux/pci.h>
#include <linux/pm.h>

#include "vfio_pci.h"

#ifdef CONFIG_PM
static const struct dev_pm_ops *core_pm;

static int vlab_vfio_runtime_suspend(struct device *dev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(dev);
	int ret = core_pm->runtime_suspend(dev);

	if (!ret)
		vlab_dma_drain(to_vlab_vfio(&core->vdev)->fn);
	return ret;
}

static int vlab_vfio_runtime_resume(struct device *dev)
{
	return core_pm->runtime_resume(dev);
}

static const struct dev_pm_ops vlab_vfio_pm = {
	SET_RUNTIME_PM_OPS(vlab_vfio_runtime_suspend, vlab_vfio_runtime_resume, NULL)
};

/**
 * vlab_vfio_pm_init() - be told when the device falls asleep
 * @dev: the device, just registered: vfio_pci_core gave the driver its own operations
 */
void vlab_vfio_pm_init(struct device *dev)
{
	const struct dev_pm_ops *pm = READ_ONCE(dev->driver->pm);

	/* Probes of two devices may meet here. */
	if (pm == &vlab_vfio_pm)
		return;
	WRITE_ONCE(core_pm, pm);
	WRITE_ONCE(dev->driver->pm, &vlab_vfio_pm);
}
#endif
