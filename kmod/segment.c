// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - a PCI segment of our own
 *
 * A root bus with a segment (domain) number that no other has, for the backplane.
 * No IOMMU knows such a bus. But x86 has a hook for Intel's VMD, which is the same
 * in hardware: of each function on such a bus pci_real_dma_dev() says whose DMA its
 * DMA is. Here it is that of the root port whose windows the bus has; all below
 * are in the root port's IOMMU group.
 *
 * The root port is bound to a driver of ours, as VMD's is to its own: when somebody
 * removes the port, its remove() ends the bus first.
 */
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "compat.h"
#include "slot.h"

#define WINDOWS	3

static unsigned int segment;
module_param(segment, uint, 0444);
MODULE_PARM_DESC(segment, "Put the backplane into a PCI segment (domain) with that number, as 0x10000 (default 0: below the root port)");

/**
 * struct ours - the bus
 * @port: whose DMA and windows its functions have; NULL: there is no segment
 * @bus: the root bus; NULL: the port was removed, and the bus with it
 * @busn: its bus numbers
 * @window: what it has of the port's windows, in the order of a bridge's
 * @made: there was one
 * @released: the kernel has let go of it
 *
 * Made with the backplane and unmade with it, or when the port is removed;
 * pci_lock_rescan_remove() protects it.
 */
static struct ours {
	struct pci_dev *port;
	struct pci_bus *bus;
	struct resource busn;
	struct resource window[WINDOWS];
	bool made;
	struct completion released;
} ours;

/* ---- what is architecture ---- */

#ifdef VLAB_SEGMENTS

static void *make_sysdata(struct pci_dev *port)
{
	static struct pci_sysdata sysdata;

	sysdata = (struct pci_sysdata) {
		.domain = segment,
		.node = pcibus_to_node(port->bus),
		.vmd_dev = port,
	};
	return &sysdata;
}

#else

static void *make_sysdata(struct pci_dev *port)
{
	return NULL;
}

#endif

/* ---- may there be one ---- */

/**
 * vlab_segment_wanted() - did the user ask for one
 *
 * Return: true when the backplane goes into a segment of its own.
 */
bool vlab_segment_wanted(void)
{
	return segment;
}

static bool is_taken(unsigned int domain)
{
	struct pci_bus *bus = NULL;

	while ((bus = pci_find_next_bus(bus)))
		if (pci_domain_nr(bus) == domain)
			return true;
	return false;
}

/* VMD's begin there too. */
static unsigned int first_free(void)
{
	unsigned int domain = 0x10000;

	while (is_taken(domain))
		domain++;
	return domain;
}

static int may_create(struct pci_dev *port)
{
	if (segment > INT_MAX) {
		pr_err("vfiolab: segment=%#x: 1 to 0x7fffffff is allowed\n", segment);
		return -EINVAL;
	}
	if (!make_sysdata(port)) {
		pr_err("vfiolab: segment=%#x: this kernel cannot say whose DMA that of another segment is: CONFIG_VMD is not set\n",
		       segment);
		return -EOPNOTSUPP;
	}
	if (vlab_ivrs_used()) {
		pr_err("vfiolab: segment=%#x: an AMD IOMMU does not ask whose DMA that of another segment is\n",
		       segment);
		return -EOPNOTSUPP;
	}
	if (is_taken(segment)) {
		pr_err("vfiolab: segment=%#x is taken, %#x is not\n", segment, first_free());
		return -EBUSY;
	}
	return 0;
}

/* ---- the bus ---- */

static void give_windows(void)
{
	unsigned int i;

	for (i = 0; i < WINDOWS; i++)
		if (ours.window[i].parent)
			release_resource(&ours.window[i]);
}

static void take_window(unsigned int win, struct list_head *resources)
{
	struct resource *from = &ours.port->resource[PCI_BRIDGE_RESOURCES + win];
	struct resource *to = &ours.window[win];

	*to = (struct resource) {};
	if (!from->parent)
		return;
	to->name = "vfiolab segment";
	to->start = from->start;
	to->end = from->end;
	to->flags = from->flags & (IORESOURCE_IO | IORESOURCE_MEM | IORESOURCE_PREFETCH |
				   IORESOURCE_MEM_64);
	if (!request_resource(from, to))
		pci_add_resource(resources, to);
}

static void list_resources(struct list_head *resources)
{
	unsigned int i;

	ours.busn = (struct resource) {
		.name = "vfiolab segment",
		.end = 0xff,
		.flags = IORESOURCE_BUS | IORESOURCE_PCI_FIXED,
	};
	pci_add_resource(resources, &ours.busn);
	for (i = 0; i < WINDOWS; i++)
		take_window(i, resources);
}

static void bridge_released(struct pci_host_bridge *bridge)
{
	complete(&ours.released);
}

/* The operations are the port's bus' until vlab_root_create(): nobody asks yet. */
static int create_bus(void)
{
	LIST_HEAD(resources);

	list_resources(&resources);
	ours.bus = pci_create_root_bus(&ours.port->dev, 0, ours.port->bus->ops,
				       make_sysdata(ours.port), &resources);
	if (!ours.bus) {
		pci_free_resource_list(&resources);
		give_windows();
		return -ENODEV;
	}
	ours.made = true;
	init_completion(&ours.released);
	pci_set_host_bridge_release(to_pci_host_bridge(ours.bus->bridge), bridge_released, NULL);
	return 0;
}

/* pci_remove_root_bus() leaves the reference that came with the bridge to us. */
static void remove_bus(void)
{
	struct pci_bus *bus = ours.bus;
	struct pci_host_bridge *bridge;

	if (!bus)
		return;
	bridge = to_pci_host_bridge(bus->bridge);
	ours.bus = NULL;
	pci_stop_root_bus(bus);
	pci_remove_root_bus(bus);
	pci_free_host_bridge(bridge);
	give_windows();
}

/* ---- the root port's driver ---- */

static int port_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return pdev == ours.port ? 0 : -ENODEV;
}

static void port_remove(struct pci_dev *pdev)
{
	remove_bus();
}

/* The one port's; two, as the last is empty. */
static struct pci_device_id port_ids[2];

/* It touches no DMA of the port's, so the group stays free for VFIO. */
static struct pci_driver port_driver = {
	.name = "vfiolab_segment",
	.id_table = port_ids,
	.probe = port_probe,
	.remove = port_remove,
	.driver_managed_dma = true,
	.driver = {
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
		/* remove() wants pci_lock_rescan_remove(), which an unbind does not take. */
		.suppress_bind_attrs = true,
	},
};

static void give_port(void)
{
	struct device *dev = &ours.port->dev;

	if (device_is_registered(dev) && device_attach(dev) < 0)
		pci_warn(ours.port, "vfiolab: its own driver did not come back\n");
	pci_dev_put(ours.port);
	ours.port = NULL;
}

static int bind_port(void)
{
	int ret;

	device_release_driver(&ours.port->dev);
	port_ids[0] = (struct pci_device_id) {
		PCI_DEVICE(ours.port->vendor, ours.port->device)
	};
	ret = pci_register_driver(&port_driver);
	if (ret || ours.port->dev.driver == &port_driver.driver)
		return ret;
	pr_err("vfiolab: segment=%#x: %s cannot be bound, has it a driver_override?\n", segment,
	       pci_name(ours.port));
	pci_unregister_driver(&port_driver);
	return -EBUSY;
}

/**
 * vlab_segment_create() - make the bus
 * @port: an empty root port
 *
 * pci_lock_rescan_remove() held.
 *
 * Return: the root bus, number 0; an ERR_PTR, mostly after a line in dmesg.
 */
struct pci_bus *vlab_segment_create(struct pci_dev *port)
{
	int ret = may_create(port);

	if (ret)
		return ERR_PTR(ret);
	ours.port = pci_dev_get(port);
	ret = bind_port();
	if (ret) {
		give_port();
		return ERR_PTR(ret);
	}
	ret = create_bus();
	if (ret) {
		vlab_segment_destroy();
		return ERR_PTR(ret);
	}
	return ours.bus;
}

/**
 * vlab_segment_destroy() - remove bus and driver; the root port is as it was
 *
 * There need not be one. pci_lock_rescan_remove() held.
 */
void vlab_segment_destroy(void)
{
	if (!ours.port)
		return;
	pci_unregister_driver(&port_driver);	/* its remove() ends the bus */
	give_port();
}

/**
 * vlab_segment_exit() - wait until nobody has a reference to the bus any more
 *
 * A device that was removed keeps its bus for as long as somebody looks at it.
 * pci_lock_rescan_remove() not held.
 */
void vlab_segment_exit(void)
{
	if (ours.made)
		wait_for_completion(&ours.released);
	ours.made = false;
}

/**
 * vlab_segment_has() - is this the segment's root bus
 * @bus: a bus, or what was one
 *
 * Return: true when it is, and it is still there.
 */
bool vlab_segment_has(const struct pci_bus *bus)
{
	return ours.bus == bus;
}

/**
 * vlab_segment_window() - room for the bridge on the root bus
 * @win: 0 I/O, 1 memory, 2 prefetchable memory
 *
 * Return: the resource; without a parent there is none of that kind.
 */
struct resource *vlab_segment_window(unsigned int win)
{
	return &ours.window[win];
}

/**
 * vlab_segment_joined() - does the IOMMU take a function's DMA for the root port's
 * @pdev: a function that was just found
 *
 * Return: true when it is where the port is, or not in the segment.
 */
bool vlab_segment_joined(const struct pci_dev *pdev)
{
	if (!vlab_segment_has(pdev->bus) ||
	    pdev->dev.iommu_group == ours.port->dev.iommu_group)
		return true;
	pr_err("vfiolab: segment=%#x: the IOMMU does not take %s for %s\n", segment,
	       pci_name(pdev), pci_name(ours.port));
	return false;
}
