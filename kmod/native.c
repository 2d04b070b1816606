// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - drivers of the kernel's own
 *
 * Such a driver knows nothing of us. From before its probe() until after its
 * remove(), of which the bus tells, it owns the function: polled registers are
 * looked at where it finds them, at the BAR's address, if there is memory (see
 * aperture.c). Drivers that have DMA done for somebody else, as vfio-pci, ours too,
 * and those of ports, say so (driver_managed_dma): not for us.
 *
 * DMA goes to addresses of the DMA API: through the IOMMU's table, or physical ones
 * where the IOMMU is off or lets all through. A walk of the table is safe for as
 * long as the address stays mapped. The API wants that of the driver until the
 * device is done; an address that the driver never mapped may be walked while its
 * neighbours' tables are freed. What the table permits nobody tells.
 */
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "core.h"

/**
 * struct native - a function with a driver of the kernel's own
 * @node: in natives
 * @pdev: the device
 * @fn: its function
 * @owner: what DMA sees
 * @regs: the page at the BAR's address with polled registers, NULL none
 *
 * Made before the driver's probe(), freed after its remove().
 */
struct native {
	struct list_head node;
	struct pci_dev *pdev;
	struct vlab_fn *fn;
	struct vlab_owner owner;
	void __iomem *regs;
};

static LIST_HEAD(natives);
static DEFINE_MUTEX(natives_lock);	/* protects natives */

/* ---- memory ---- */

/*
 * Physical addresses reach memory that was handed out, and not the kernel itself.
 * What else is mapped, memory of other devices, is not reached at all.
 */
static struct page *page_at(phys_addr_t phys, bool translated)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(phys));

	if (!page || !page_is_ram(PHYS_PFN(phys)))
		return NULL;
	return translated || !PageReserved(page) ? page : NULL;
}

static struct page *find_page(struct device *dev, u64 iova)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	phys_addr_t phys;

	if (!domain || domain->type == IOMMU_DOMAIN_IDENTITY)
		return page_at(iova, false);
	phys = iommu_iova_to_phys(domain, iova);
	return phys ? page_at(phys, true) : NULL;
}

static int native_rw(struct vlab_owner *owner, u64 iova, void *buf, size_t len, bool write)
{
	struct native *n = container_of(owner, struct native, owner);
	struct page *page = find_page(&n->pdev->dev, iova);

	if (!page)
		return -EFAULT;
	vlab_page_rw(page, offset_in_page(iova), buf, len, write);
	return 0;
}

/* ---- registers ---- */

static const struct vlab_bar *polled_bar(const struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VLAB_BARS; i++)
		if (fn->bar[i].polled && fn->bar[i].real)
			return &fn->bar[i];
	return NULL;
}

/* Uncached, as the driver's own mapping, which would be refused beside another kind. */
static int map_regs(struct native *n)
{
	const struct vlab_bar *b = polled_bar(n->fn);

	if (!b)
		return 0;
	n->regs = ioremap(b->real->start, b->polled);
	n->owner.page = (void __force *)n->regs;
	return n->regs ? 0 : -ENOMEM;
}

static void unmap_regs(struct native *n)
{
	if (n->regs)
		iounmap(n->regs);
}

/* ---- drivers come and go ---- */

static void add(struct native *n)
{
	mutex_lock(&natives_lock);
	list_add(&n->node, &natives);
	mutex_unlock(&natives_lock);
}

static struct native *take(const struct pci_dev *pdev)
{
	struct native *n, *found = NULL;

	mutex_lock(&natives_lock);
	list_for_each_entry(n, &natives, node)
		if (n->pdev == pdev)
			found = n;
	if (found)
		list_del(&found->node);
	mutex_unlock(&natives_lock);
	return found;
}

static int own(struct native *n, struct pci_dev *pdev)
{
	int ret;

	n->pdev = pdev;
	n->owner.rw = native_rw;
	ret = map_regs(n) ?: vlab_owner_set(n->fn, &n->owner);
	if (ret)
		unmap_regs(n);
	else
		add(n);
	return ret;
}

static int begin(struct pci_dev *pdev, struct vlab_fn *fn)
{
	struct native *n = kzalloc(sizeof(*n), GFP_KERNEL);
	int ret;

	if (!n)
		return -ENOMEM;
	n->fn = fn;
	ret = own(n, pdev);
	if (ret)
		kfree(n);
	return ret;
}

static void driver_comes(struct pci_dev *pdev)
{
	struct vlab_fn *fn = vlab_fn_of_pdev(pdev);

	if (!fn || to_pci_driver(pdev->dev.driver)->driver_managed_dma)
		return;
	if (begin(pdev, fn))
		pci_err(pdev, "no memory: the card does no DMA for %s\n",
			pdev->dev.driver->name);
}

static void driver_has_gone(struct pci_dev *pdev)
{
	struct native *n = take(pdev);

	if (!n)
		return;
	vlab_owner_clear(n->fn);
	unmap_regs(n);
	kfree(n);
}

static int driver_event(struct notifier_block *nb, unsigned long event, void *data)
{
	switch (event) {
	case BUS_NOTIFY_BIND_DRIVER:
		driver_comes(to_pci_dev(data));
		return NOTIFY_OK;
	case BUS_NOTIFY_DRIVER_NOT_BOUND:
	case BUS_NOTIFY_UNBOUND_DRIVER:
		driver_has_gone(to_pci_dev(data));
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block driver_nb = {
	.notifier_call = driver_event,
};

/**
 * vlab_native_init() - look out for drivers
 *
 * Return: 0 or -errno.
 */
int vlab_native_init(void)
{
	return bus_register_notifier(&pci_bus_type, &driver_nb);
}

/**
 * vlab_native_exit() - there are no cards any more
 */
void vlab_native_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &driver_nb);
}
