// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - config accesses find their function
 *
 * A root port's secondary bus gets our operations, buses below inherit them. An
 * access is routed as a bridge would: by the bus numbers that the kernel wrote
 * into our ports. Where nobody is, reads are ones.
 */
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "slot.h"

/**
 * struct host_bus - a bus with a root port that has, or had, something of ours below it
 * @node: in hosts
 * @bus: the bus
 * @ops: its operations with our write
 * @below: those of our buses below it
 * @old: its operations as they were
 *
 * Kept until the module goes, or for good: aer_inject replaces operations, calls
 * those that it found, and puts them back when it is unloaded.
 */
struct host_bus {
	struct list_head node;
	struct pci_bus *bus;
	struct pci_ops ops;
	struct pci_ops below;
	struct pci_ops *old;
};

/*
 * Protects all lists of functions, roots and hosts. Raw, and held over the
 * access: config accesses come from hard interrupt context too, and once a
 * function is taken off its list nobody is in it any more.
 */
static DEFINE_RAW_SPINLOCK(route_lock);
static LIST_HEAD(roots);
static LIST_HEAD(hosts);

/* ---- routing ---- */

static unsigned int bridge_reg(const struct vlab_slot_fn *sf, unsigned int off)
{
	return vlab_cfg_get(&sf->fn->cfg, off, 1);
}

static bool is_port(const struct vlab_slot_fn *sf)
{
	return bridge_reg(sf, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_BRIDGE;
}

static bool in_reset(const struct vlab_slot_fn *sf)
{
	return is_port(sf) && bridge_reg(sf, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_BUS_RESET;
}

static bool forwards(const struct vlab_slot_fn *sf, unsigned int number)
{
	return is_port(sf) && !in_reset(sf) && number >= bridge_reg(sf, PCI_SECONDARY_BUS) &&
	       number <= bridge_reg(sf, PCI_SUBORDINATE_BUS);
}

static struct vlab_slot_fn *find_on_bus(const struct list_head *bus, unsigned int devfn)
{
	struct vlab_slot_fn *sf;

	list_for_each_entry(sf, bus, node)
		if (sf->devfn == devfn)
			return sf;
	return NULL;
}

static struct vlab_slot_fn *find_port(const struct list_head *bus, unsigned int number)
{
	struct vlab_slot_fn *sf;

	list_for_each_entry(sf, bus, node)
		if (forwards(sf, number))
			return sf;
	return NULL;
}

static struct vlab_root *find_root(const struct pci_bus *bus)
{
	struct vlab_root *root;

	list_for_each_entry(root, &roots, node)
		if (pci_domain_nr(root->bus) == pci_domain_nr((struct pci_bus *)bus) &&
		    bus->number >= root->bus->number && bus->number <= root->bus->busn_res.end)
			return root;
	return NULL;
}

static struct vlab_slot_fn *route(const struct pci_bus *bus, unsigned int devfn)
{
	struct vlab_root *root = find_root(bus);
	struct list_head *here;
	struct vlab_slot_fn *port;
	unsigned int number;

	lockdep_assert_held(&route_lock);
	if (!root || root->in_reset)
		return NULL;

	here = &root->below;
	number = root->bus->number;
	while (number != bus->number) {
		port = find_port(here, bus->number);
		if (!port)
			return NULL;
		here = &port->below;
		number = bridge_reg(port, PCI_SECONDARY_BUS);
	}
	return find_on_bus(here, devfn);
}

/* ---- resets ---- */

/* A hot reset reaches everything below; three levels of ports at most. */
static void reset_below(const struct list_head *bus)
{
	struct vlab_slot_fn *sf;

	list_for_each_entry(sf, bus, node) {
		raw_spin_lock(&sf->fn->lock);
		vlab_fn_reset(sf->fn, "hot");
		raw_spin_unlock(&sf->fn->lock);
		reset_below(&sf->below);
	}
}

/* ---- the operations of our buses ---- */

static int bus_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct vlab_slot_fn *sf;
	unsigned long flags;

	raw_spin_lock_irqsave(&route_lock, flags);
	sf = route(bus, devfn);
	*val = sf ? vlab_cfg_read(sf->fn, where, size) : ~0U;
	raw_spin_unlock_irqrestore(&route_lock, flags);
	return sf ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static void write_routed(struct vlab_slot_fn *sf, int where, int size, u32 val)
{
	bool was = in_reset(sf);

	vlab_cfg_write(sf->fn, where, size, val);
	if (!was && in_reset(sf))
		reset_below(&sf->below);
}

static int bus_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct vlab_slot_fn *sf;
	unsigned long flags;

	raw_spin_lock_irqsave(&route_lock, flags);
	sf = route(bus, devfn);
	if (sf)
		write_routed(sf, where, size, val);
	raw_spin_unlock_irqrestore(&route_lock, flags);
	return sf ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static bool is_ours(const struct pci_bus *bus)
{
	return bus->ops->read == bus_read;
}

/* ---- the bus above: secondary bus resets by the root port itself ---- */

static struct host_bus *find_host(const struct pci_bus *bus)
{
	struct host_bus *host;

	list_for_each_entry(host, &hosts, node)
		if (host->bus == bus)
			return host;
	return NULL;
}

/* A bus that came to be below a watched one has inherited its operations. */
static struct host_bus *find_host_above(const struct pci_bus *bus)
{
	struct host_bus *host = NULL;

	for (; bus && !host; bus = bus->parent)
		host = find_host(bus);
	return host;
}

static void set_root_reset(const struct pci_bus *bus, unsigned int devfn, bool reset)
{
	struct vlab_root *root;

	lockdep_assert_held(&route_lock);
	list_for_each_entry(root, &roots, node) {
		if (root->port->bus != bus || root->port->devfn != devfn)
			continue;
		if (reset && !root->in_reset)
			reset_below(&root->below);
		root->in_reset = reset;
	}
}

static int host_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	int shift = (PCI_BRIDGE_CONTROL - where) * 8;
	struct host_bus *host;
	unsigned long flags;

	raw_spin_lock_irqsave(&route_lock, flags);
	host = find_host_above(bus);
	if (shift >= 0 && shift < size * 8)
		set_root_reset(bus, devfn, val >> shift & PCI_BRIDGE_CTL_BUS_RESET);
	raw_spin_unlock_irqrestore(&route_lock, flags);
	return host->old->write(bus, devfn, where, size, val);
}

static struct host_bus *add_host(struct pci_bus *bus)
{
	struct host_bus *host = kzalloc(sizeof(*host), GFP_KERNEL);

	if (!host)
		return NULL;
	host->bus = bus;
	get_device(&bus->dev);
	host->old = bus->ops;
	host->ops = *host->old;
	host->ops.write = host_write;
	host->below.read = bus_read;
	host->below.write = bus_write;
	raw_spin_lock_irq(&route_lock);
	list_add(&host->node, &hosts);
	raw_spin_unlock_irq(&route_lock);
	pci_bus_set_ops(bus, &host->ops);
	return host;
}

static void give_back(struct pci_bus *bus, const struct host_bus *host)
{
	struct pci_bus *child;

	if (bus->ops == &host->ops || bus->ops == &host->below)
		pci_bus_set_ops(bus, host->old);
	list_for_each_entry(child, &bus->children, node)
		give_back(child, host);
}

/* Who still calls ours, or will put them back, finds the kernel's. */
static void end_host(struct host_bus *host)
{
	give_back(host->bus, host);
	WRITE_ONCE(host->ops.write, host->old->write);
	WRITE_ONCE(host->below.read, host->old->read);
	WRITE_ONCE(host->below.write, host->old->write);
}

static void free_host(struct host_bus *host)
{
	bool taken = host->bus->ops != host->old;

	put_device(&host->bus->dev);
	if (!taken)
		kfree(host);
}

/* ---- root ports ---- */

/**
 * vlab_root_in_use() - is something of ours below a root port
 * @port: the root port
 *
 * Return: true when there is, whether or not the kernel has devices for it.
 */
bool vlab_root_in_use(const struct pci_dev *port)
{
	struct vlab_root *root;
	bool found = false;

	raw_spin_lock_irq(&route_lock);
	list_for_each_entry(root, &roots, node)
		found |= root->port == port;
	raw_spin_unlock_irq(&route_lock);
	return found;
}

static void take_bus(struct vlab_root *root, struct host_bus *host)
{
	raw_spin_lock_irq(&route_lock);
	list_add_tail(&root->node, &roots);
	raw_spin_unlock_irq(&route_lock);

	root->ops = pci_bus_set_ops(root->bus, &host->below);
	/* Put back there after a card had gone: buses inherit those of the one above. */
	if (root->ops == &host->below)
		root->ops = &host->ops;
	root->domain = dev_get_msi_domain(&root->bus->dev);
	dev_set_msi_domain(&root->bus->dev, vlab_msi_domain());
}

/**
 * vlab_root_create() - make a bus ours
 * @port: an empty root port
 * @bus: its secondary bus, or the segment's root bus
 *
 * pci_lock_rescan_remove() held.
 *
 * Return: the root, an ERR_PTR.
 */
struct vlab_root *vlab_root_create(struct pci_dev *port, struct pci_bus *bus)
{
	struct vlab_root *root = kzalloc(sizeof(*root), GFP_KERNEL);
	struct host_bus *host = find_host(port->bus) ?: add_host(port->bus);

	if (!root || !host) {
		kfree(root);
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&root->below);
	root->port = pci_dev_get(port);
	root->bus = bus;
	get_device(&root->bus->dev);
	/* Awake, as a port with devices below it would be kept. */
	pm_runtime_get_sync(&port->dev);
	take_bus(root, host);
	return root;
}

/**
 * vlab_root_destroy() - give a bus back
 * @root: a root with no device below it; freed
 *
 * pci_lock_rescan_remove() held.
 */
void vlab_root_destroy(struct vlab_root *root)
{
	dev_set_msi_domain(&root->bus->dev, root->domain);
	if (is_ours(root->bus))
		pci_bus_set_ops(root->bus, root->ops);

	raw_spin_lock_irq(&route_lock);
	list_del(&root->node);
	raw_spin_unlock_irq(&route_lock);

	pm_runtime_put(&root->port->dev);
	put_device(&root->bus->dev);
	pci_dev_put(root->port);
	kfree(root);
}

/* ---- functions ---- */

/* That of another function of the device, with the same pin. */
static struct vlab_intx *find_line(const struct vlab_slot_fn *sf, struct list_head *bus)
{
	u8 pin = sf->fn->cfg.val[PCI_INTERRUPT_PIN];
	struct vlab_intx *line = NULL;
	struct vlab_slot_fn *other;

	raw_spin_lock_irq(&route_lock);
	list_for_each_entry(other, bus, node)
		if (PCI_SLOT(other->devfn) == PCI_SLOT(sf->devfn) &&
		    other->fn->cfg.val[PCI_INTERRUPT_PIN] == pin)
			line = other->intx;
	raw_spin_unlock_irq(&route_lock);
	return line;
}

/**
 * vlab_slot_fn_add() - let a function answer on a bus
 * @fn: the function
 * @devfn: where
 * @bus: below of a root or of a port
 *
 * Return: what the slot knows about it, an ERR_PTR.
 */
struct vlab_slot_fn *vlab_slot_fn_add(struct vlab_fn *fn, unsigned int devfn,
				      struct list_head *bus)
{
	struct vlab_slot_fn *sf = kzalloc(sizeof(*sf), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!sf)
		return ERR_PTR(ret);
	INIT_LIST_HEAD(&sf->below);
	sf->fn = fn;
	sf->devfn = devfn;
	ret = vlab_intx_init(sf, find_line(sf, bus));
	if (ret) {
		kfree(sf);
		return ERR_PTR(ret);
	}
	WRITE_ONCE(fn->slot, sf);
	raw_spin_lock_irq(&route_lock);
	list_add_tail(&sf->node, bus);
	raw_spin_unlock_irq(&route_lock);
	return sf;
}

/**
 * vlab_slot_fn_del() - nobody answers there any more
 * @sf: from vlab_slot_fn_add(); its device is gone; freed
 *
 * On return no config access is under way and no interrupt will be sent.
 */
void vlab_slot_fn_del(struct vlab_slot_fn *sf)
{
	raw_spin_lock_irq(&route_lock);
	list_del(&sf->node);
	raw_spin_unlock_irq(&route_lock);

	WRITE_ONCE(sf->fn->slot, NULL);
	irq_work_sync(&sf->fn->irq_work);
	vlab_intx_exit(sf);
	kfree(sf);
}

static struct vlab_slot_fn *find_pdev(struct pci_dev *pdev)
{
	struct vlab_slot_fn *sf;

	if (!is_ours(pdev->bus))
		return NULL;
	raw_spin_lock_irq(&route_lock);
	sf = route(pdev->bus, pdev->devfn);
	raw_spin_unlock_irq(&route_lock);
	return sf;
}

struct vlab_fn *vlab_fn_of_pdev(struct pci_dev *pdev)
{
	struct vlab_slot_fn *sf = find_pdev(pdev);

	return sf ? sf->fn : NULL;
}
EXPORT_SYMBOL_VLAB(vlab_fn_of_pdev);

/*
 * A device of ours came to be: plugged in, or found again by a rescan.
 *
 * INTx: the interrupt is ours, not one that ACPI's tables name for the pin. With
 * no pin acpi_pci_irq_enable() leaves it alone, and acpi_pci_irq_disable() does
 * not free the root port's.
 *
 * Delays: pci_bridge_secondary_bus_reset() waits for what the devices below ask
 * for, as pci_set_power_state() does. No config bit says "none"; these fields
 * do, as for other devices in the kernel's quirks. FLR has Immediate Readiness.
 */
static void adopt(struct pci_dev *pdev, const struct vlab_slot_fn *sf)
{
	pdev->pin = 0;
	pdev->irq = sf->intx ? sf->intx->virq : 0;
	pdev->d3cold_delay = 0;
	pdev->d3hot_delay = 0;
	vlab_aperture_place(pdev, sf->fn);
}

static int device_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct vlab_slot_fn *sf;

	if (event != BUS_NOTIFY_ADD_DEVICE)
		return NOTIFY_DONE;
	sf = find_pdev(pdev);
	if (sf)
		adopt(pdev, sf);
	return NOTIFY_OK;
}

static struct notifier_block device_nb = {
	.notifier_call = device_event,
};

int vlab_bus_init(void)
{
	return bus_register_notifier(&pci_bus_type, &device_nb);
}

void vlab_bus_exit(void)
{
	struct host_bus *host, *next;

	bus_unregister_notifier(&pci_bus_type, &device_nb);
	pci_lock_rescan_remove();
	list_for_each_entry(host, &hosts, node)
		end_host(host);
	pci_unlock_rescan_remove();
	/*
	 * Config accesses hold no lock on x86. One that found our operations
	 * before they were replaced may still be in them: let each task pass
	 * through a voluntary switch.
	 */
	synchronize_rcu_tasks();
	list_for_each_entry_safe(host, next, &hosts, node)
		free_host(host);
	INIT_LIST_HEAD(&hosts);
}
