// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - PCI cards made of software, for everyone who has to test VFIO
 */
#include <linux/module.h>

#include "core.h"

static int __init vfiolab_init(void)
{
	int ret = vlab_dma_module_init();

	if (ret)
		return ret;
	ret = vlab_aperture_init();
	if (ret)
		goto err_dma;
	ret = vlab_slots_init();
	if (ret)
		goto err_aperture;
	ret = vlab_native_init();
	if (ret)
		goto err_slots;
	ret = vlab_configfs_init();
	if (ret)
		goto err_native;
	return 0;

err_native:
	vlab_native_exit();
err_slots:
	vlab_slots_exit();
err_aperture:
	vlab_aperture_exit();
err_dma:
	vlab_dma_module_exit();
	return ret;
}
module_init(vfiolab_init);

static void __exit vfiolab_exit(void)
{
	vlab_configfs_exit();
	vlab_native_exit();
	vlab_slots_exit();
	vlab_aperture_exit();
	vlab_dma_module_exit();
}
module_exit(vfiolab_exit);

MODULE_DESCRIPTION("PCI cards made of software");
MODULE_LICENSE("GPL");
