// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - vfio-pci for cards made of software
 *
 * Binds by driver_override or new_id. Only what needs a trap is ours, see
 * vfio_pci.h.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "vfio_pci.h"
#include "vlab_ids.h"

/* ---- ops ---- */

static int vlab_vfio_init(struct vfio_device *vdev)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);

	v->fn = vlab_fn_of_pdev(to_pci_dev(vdev->dev));
	INIT_LIST_HEAD(&v->ioeventfds);
	mutex_init(&v->ioeventfds_lock);
	vlab_vfio_dma_init(v);
	vlab_vfio_zap_init(v);
	return vfio_pci_core_init_dev(vdev);
}

static void vlab_vfio_release(struct vfio_device *vdev)
{
	vlab_vfio_zap_exit(to_vlab_vfio(vdev));
	vfio_pci_core_release_dev(vdev);
}

/*
 * Nothing is behind the physical addresses of our BARs. What the core would have
 * mapped, we map: not I/O, and not a page that two BARs share.
 */
static void take_mappings(struct vlab_vfio *v)
{
	const struct vlab_bar *b;
	unsigned int i;

	for (i = 0; i < VLAB_BARS; i++) {
		b = vlab_vfio_bar(v, i);
		if (!b)
			continue;
		v->can_map[i] = b->mem && v->core.bar_mmap_supported[i];
		v->core.bar_mmap_supported[i] = false;
	}
}

static int vlab_vfio_open(struct vfio_device *vdev)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);
	int ret;

	ret = vlab_owner_set(v->fn, &v->owner);
	if (ret)
		return ret;
	ret = vfio_pci_core_enable(&v->core);
	if (ret)
		goto err_owner;
	ret = vlab_vfio_region_init(v);
	if (ret)
		goto err_disable;
	vfio_pci_core_finish_enable(&v->core);
	take_mappings(v);
	return 0;

err_disable:
	vfio_pci_core_disable(&v->core);
err_owner:
	vlab_owner_clear(v->fn);
	return ret;
}

static void vlab_vfio_close(struct vfio_device *vdev)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);

	vlab_vfio_ioeventfds_close(v);
	vlab_owner_clear(v->fn);
	vfio_pci_core_close_device(vdev);
}

/*
 * The core may just have reset the device, put it to sleep, or cut it off
 * memory or bus: mappings go, and accesses that began before are waited for.
 */
static void settle(struct vlab_vfio *v, bool reset)
{
	bool zap;

	down_read(&v->core.memory_lock);
	zap = reset || v->core.pm_runtime_engaged || !vlab_vfio_mem_enabled(v);
	up_read(&v->core.memory_lock);
	if (zap)
		vlab_vfio_zap(v);
	vlab_dma_drain(v->fn);
}

static bool is_ours(struct vlab_vfio *v, loff_t pos)
{
	return vlab_vfio_bar(v, VFIO_PCI_OFFSET_TO_INDEX(pos));
}

static ssize_t vlab_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count,
			      loff_t *ppos)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);

	if (is_ours(v, *ppos))
		return vlab_vfio_bar_rw(v, buf, count, ppos, false);
	return vfio_pci_core_read(vdev, buf, count, ppos);
}

static ssize_t vlab_vfio_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			       loff_t *ppos)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);
	ssize_t ret;

	if (is_ours(v, *ppos))
		return vlab_vfio_bar_rw(v, (char __user *)buf, count, ppos, true);
	ret = vfio_pci_core_write(vdev, buf, count, ppos);
	settle(v, false);
	return ret;
}

static long vlab_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);
	long ret;

	switch (cmd) {
	case VFIO_DEVICE_GET_REGION_INFO:
		return vlab_vfio_ioctl_region_info(v, arg);
	case VFIO_DEVICE_IOEVENTFD:
		return vlab_vfio_ioctl_ioeventfd(v, arg);
	case VFIO_DEVICE_RESET:
	case VFIO_DEVICE_PCI_HOT_RESET:
		ret = vfio_pci_core_ioctl(vdev, cmd, arg);
		settle(v, true);
		return ret;
	default:
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	}
}

static int vlab_vfio_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	int ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);

	settle(to_vlab_vfio(vdev), false);
	return ret;
}

static const struct vfio_device_ops vlab_vfio_ops = {
	.name = KBUILD_MODNAME,
	.init = vlab_vfio_init,
	.release = vlab_vfio_release,
	.open_device = vlab_vfio_open,
	.close_device = vlab_vfio_close,
	.read = vlab_vfio_read,
	.write = vlab_vfio_write,
	.ioctl = vlab_vfio_ioctl,
	.mmap = vlab_vfio_mmap,
	.device_feature = vlab_vfio_feature,
	.dma_unmap = vlab_vfio_dma_unmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	VLAB_VFIO_OPS
};

/* ---- driver ---- */

static int vlab_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vlab_vfio *v;
	int ret;

	if (!vlab_fn_of_pdev(pdev)) {
		pci_err(pdev, "not a card of vfiolab: bind vfio-pci instead\n");
		return -ENODEV;
	}

	v = vfio_alloc_device(vlab_vfio, core.vdev, &pdev->dev, &vlab_vfio_ops);
	if (IS_ERR(v))
		return PTR_ERR(v);

	dev_set_drvdata(&pdev->dev, &v->core);
	ret = vfio_pci_core_register_device(&v->core);
	if (ret)
		vfio_put_device(&v->core.vdev);
	else
		vlab_vfio_pm_init(&pdev->dev);
	return ret;
}

static void vlab_vfio_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

/*
 * Own ids only: a tool that looks for the vfio driver of a MosChip card must
 * find vfio-pci, since there are real ones. driver_override takes any id.
 */
static const struct pci_device_id vlab_vfio_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(VLAB_VENDOR, VLAB_DEVICE_NULL) },
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(VLAB_VENDOR, VLAB_DEVICE_SERIAL) },
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(VLAB_VENDOR, VLAB_DEVICE_SHAPE) },
	{}
};
MODULE_DEVICE_TABLE(pci, vlab_vfio_ids);

/*
 * Recipes and older libvirt know no other driver than vfio-pci. Where that is not
 * loaded its name is free.
 */
static char *driver_name = KBUILD_MODNAME;
module_param_named(name, driver_name, charp, 0444);
MODULE_PARM_DESC(name, "name of the driver, vfio-pci for programs that know no other");

static struct pci_driver vlab_vfio_driver = {
	.id_table = vlab_vfio_ids,
	.probe = vlab_vfio_probe,
	.remove = vlab_vfio_remove,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};

/* sysfs warns of a name that is empty, and turns a slash into something else. */
static int __init vlab_vfio_load(void)
{
	if (!*driver_name || strchr(driver_name, '/')) {
		pr_err("vfiolab: name=%s: a driver's name is wanted, as vfio-pci\n", driver_name);
		return -EINVAL;
	}
	vlab_vfio_driver.name = driver_name;
	return pci_register_driver(&vlab_vfio_driver);
}
module_init(vlab_vfio_load);

static void __exit vlab_vfio_unload(void)
{
	pci_unregister_driver(&vlab_vfio_driver);
}
module_exit(vlab_vfio_unload);

MODULE_DESCRIPTION("vfiolab: cards behind vfio-pci");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
