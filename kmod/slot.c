// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the backplane, and cards going in and out
 *
 * A card sits in a slot of the backplane (a PCIe switch below an empty root
 * port, or in a segment of its own) or straight in an empty root port. Either way
 * the kernel finds it by a scan as it finds a hot-plugged card.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "compat.h"
#include "slot.h"

static char *backplane_port;
module_param_named(port, backplane_port, charp, 0444);
MODULE_PARM_DESC(port, "Root port for the backplane, as 0000:00:04.0 (default: the first empty one with enough bus numbers)");

static unsigned int slots = 4;
module_param(slots, uint, 0444);
MODULE_PARM_DESC(slots, "Slots of the backplane, 1 to 31 (default 4)");

/**
 * struct backplane - the switch
 * @root: below which root port; NULL: there is no backplane
 * @upstream: its upstream port
 * @fn: all its ports, the upstream port first
 * @slot: its slots
 *
 * Made and unmade with the module.
 */
static struct backplane {
	struct vlab_root *root;
	struct vlab_slot_fn *upstream;
	struct vlab_fn *fn[1 + VLAB_MAX_SLOTS];
	struct vlab_slot slot[VLAB_MAX_SLOTS];
} backplane;

/* Protects which card is in which slot. Taken inside of card->lock. */
static DEFINE_MUTEX(slots_lock);

/* ---- names of places ---- */

/**
 * struct place - what the slot attribute says
 * @kind: which of the three forms
 * @number: a slot's
 * @domain: a root port's
 * @bus: the same
 * @devfn: the same
 */
struct place {
	enum { PLACE_ANY, PLACE_SLOT, PLACE_PORT } kind;
	unsigned int number;
	unsigned int domain, bus, devfn;
};

static bool parse_port(const char *text, struct place *place)
{
	unsigned int dev, func;
	int end = 0;

	place->kind = PLACE_PORT;
	if (sscanf(text, "%x:%x:%x.%u%n", &place->domain, &place->bus, &dev, &func, &end) != 4)
		return false;
	place->devfn = PCI_DEVFN(dev, func);
	return !text[end] && place->domain <= INT_MAX && place->bus <= 0xff && dev < 32 && func < 8;
}

static bool parse_place(const char *text, struct place *place)
{
	*place = (struct place) {};
	if (!*text)
		return true;
	if (strchr(text, ':'))
		return parse_port(text, place);
	place->kind = PLACE_SLOT;
	return !kstrtouint(text, 10, &place->number) && place->number < VLAB_MAX_SLOTS;
}

bool vlab_slot_name_valid(const char *text)
{
	struct place place;

	return parse_place(text, &place);
}

/* ---- root ports ---- */

static bool is_root_port(struct pci_dev *pdev)
{
	return pci_is_pcie(pdev) && pci_pcie_type(pdev) == PCI_EXP_TYPE_ROOT_PORT;
}

static unsigned int bus_numbers(const struct pci_bus *bus)
{
	return bus->busn_res.end - bus->busn_res.start + 1;
}

/* What is wrong with a root port; of two ports the later one is nearer to do. */
enum verdict { MISSING, NO_ROOT_PORT, NOT_EMPTY, FEW_BUSES, NO_WINDOW, NOT_COVERED, FITS };

static const struct {
	int err;
	const char *text;
} verdicts[] = {
	[MISSING] = { -EINVAL, "does not exist" },
	[NO_ROOT_PORT] = { -EINVAL, "is not a root port" },
	[NOT_EMPTY] = { -EBUSY, "is not empty" },
	[FEW_BUSES] = { -ENOSPC,
		"has too few bus numbers: one for each slot and two more are needed" },
	[NO_WINDOW] = { -ENOSPC,
		"has no I/O or memory window" },
	[NOT_COVERED] = { -EOPNOTSUPP,
		"leads to buses that the IOMMU's table (IVRS) does not cover" },
	[FITS] = { 0, "will do" },
};

/* May it have something of ours below it that needs @buses bus numbers? */
static enum verdict judge_port(struct pci_dev *pdev, unsigned int buses)
{
	struct pci_bus *bus;

	if (!pdev)
		return MISSING;
	bus = pdev->subordinate;
	if (!is_root_port(pdev) || !bus)
		return NO_ROOT_PORT;
	if (!list_empty(&bus->devices) || vlab_root_in_use(pdev))
		return NOT_EMPTY;
	if (bus_numbers(bus) < buses)
		return FEW_BUSES;
	if (!vlab_windows_any(pdev))
		return NO_WINDOW;
	if (!vlab_ivrs_covers(pdev, bus->number, bus->number + buses - 1))
		return NOT_COVERED;
	return FITS;
}

/* The first root port that will do, else the one nearest to it; referenced. */
static struct pci_dev *best_port(unsigned int buses, enum verdict *verdict)
{
	struct pci_dev *pdev = NULL, *best = NULL;
	enum verdict v;

	*verdict = MISSING;
	for_each_pci_dev(pdev) {
		v = is_root_port(pdev) ? judge_port(pdev, buses) : MISSING;
		if (v <= *verdict)
			continue;
		*verdict = v;
		pci_dev_put(best);
		best = pci_dev_get(pdev);
	}
	return best;
}

static const char *port_name(struct pci_dev *pdev)
{
	return pdev ? pci_name(pdev) : "a root port";
}

/* ---- cards on the bus ---- */

/* All functions are there before the first access: function 0 tells of others. */
static int add_functions(struct vlab_card *card, struct list_head *bus)
{
	struct vlab_slot_fn *sf;
	unsigned int i;

	for (i = 0; i < card->nfns; i++) {
		if (card->nfns > 1) {
			card->fn[i]->cfg.val[PCI_HEADER_TYPE] |= PCI_HEADER_TYPE_MFD;
			card->fn[i]->cfg.reset[PCI_HEADER_TYPE] |= PCI_HEADER_TYPE_MFD;
		}
		sf = vlab_slot_fn_add(card->fn[i], PCI_DEVFN(0, i), bus);
		if (IS_ERR(sf))
			return PTR_ERR(sf);
	}
	return 0;
}

static void del_functions(struct vlab_card *card)
{
	unsigned int i;

	for (i = 0; i < card->nfns; i++)
		if (card->fn[i]->slot)
			vlab_slot_fn_del(card->fn[i]->slot);
}

static struct list_head *slot_list(struct vlab_slot *slot)
{
	return slot->port ? &slot->port->below : &slot->root->below;
}

static struct pci_bus *bus_below(struct pci_bus *bus, unsigned int devfn)
{
	struct pci_dev *pdev = bus ? pci_get_slot(bus, devfn) : NULL;

	bus = pdev ? pdev->subordinate : NULL;
	pci_dev_put(pdev);
	return bus;
}

static bool is_there(const struct vlab_root *root)
{
	return root->port->subordinate == root->bus || vlab_segment_has(root->bus);
}

/*
 * The kernel's bus of a slot, NULL when somebody removed a port above it.
 * pci_lock_rescan_remove() held.
 */
static struct pci_bus *slot_bus(const struct vlab_slot *slot)
{
	struct pci_bus *bus = slot->root->bus;

	if (!is_there(slot->root))
		return NULL;
	if (!slot->port)
		return bus;
	bus = bus_below(bus, backplane.upstream->devfn);
	return bus_below(bus, slot->port->devfn);
}

static void remove_devices(struct pci_bus *bus)
{
	struct pci_dev *pdev, *next;

	list_for_each_entry_safe_reverse(pdev, next, &bus->devices, bus_list)
		pci_stop_and_remove_bus_device(pdev);
}

static int space_for_devices(struct vlab_slot *slot, struct pci_bus *bus)
{
	int ret = slot->port ? vlab_windows_open(bus, slot->card) : 0;

	return ret ?: vlab_bars_assign(bus, slot->card);
}

static void remove_from_bus(struct vlab_slot *slot, struct pci_bus *bus)
{
	remove_devices(bus);
	if (slot->port)
		vlab_windows_close(bus->self);
}

static void tell_no_group(struct vlab_card *card, struct pci_bus *bus)
{
	struct pci_dev *pdev = pci_get_slot(bus, 0);

	if (pdev && !pdev->dev.iommu_group)
		pr_notice_once("vfiolab: %s: %s has no IOMMU group: no IOMMU, or none that knows the card. vfio-pci will not bind.\n",
			       card->name, pci_name(pdev));
	pci_dev_put(pdev);
}

static int scan_slot(struct vlab_slot *slot, struct pci_bus *bus)
{
	int ret;

	if (pci_scan_slot(bus, 0) != slot->card->nfns) {
		vlab_bad(slot->card, "slot: the kernel did not find all %u functions on bus %02x",
			 slot->card->nfns, bus->number);
		remove_devices(bus);
		return -ENODEV;
	}
	ret = space_for_devices(slot, bus);
	if (ret) {
		remove_from_bus(slot, bus);
		return ret;
	}
	pcie_bus_configure_settings(bus);
	pci_bus_add_devices(bus);
	tell_no_group(slot->card, bus);
	return 0;
}

/* Under one lock, so that nobody's rescan finds what is only half there. */
static int plug_locked(struct vlab_slot *slot)
{
	struct pci_bus *bus = slot_bus(slot);
	int ret;

	if (!bus) {
		vlab_bad(slot->card, "slot: the port above was removed; a rescan may help");
		return -ENODEV;
	}
	ret = add_functions(slot->card, slot_list(slot)) ?: scan_slot(slot, bus);
	if (ret)
		del_functions(slot->card);
	return ret;
}

static int plug_into(struct vlab_slot *slot)
{
	int ret;

	pci_lock_rescan_remove();
	ret = plug_locked(slot);
	pci_unlock_rescan_remove();
	return ret;
}

/*
 * Drivers let go before the lock is taken: a user who keeps his device open then
 * holds up his own card, and nobody else's.
 */
static void release_drivers(struct vlab_slot *slot)
{
	struct pci_dev *pdev[VLAB_MAX_FNS] = {};
	struct pci_bus *bus;
	unsigned int i;

	pci_lock_rescan_remove();
	bus = slot_bus(slot);
	for (i = 0; bus && i < slot->card->nfns; i++)
		pdev[i] = pci_get_slot(bus, PCI_DEVFN(0, i));
	pci_unlock_rescan_remove();

	for (i = 0; i < slot->card->nfns; i++) {
		if (pdev[i])
			device_release_driver(&pdev[i]->dev);
		pci_dev_put(pdev[i]);
	}
}

static void unplug_from(struct vlab_slot *slot)
{
	struct pci_bus *bus;

	release_drivers(slot);
	pci_lock_rescan_remove();
	bus = slot_bus(slot);
	if (bus)
		remove_from_bus(slot, bus);
	del_functions(slot->card);
	pci_unlock_rescan_remove();
}

/* ---- which slot ---- */

static struct vlab_slot *free_slot(void)
{
	unsigned int i;

	for (i = 0; i < slots; i++)
		if (!backplane.slot[i].card)
			return &backplane.slot[i];
	return NULL;
}

static struct vlab_slot *any_slot(struct vlab_card *card)
{
	struct vlab_slot *slot = free_slot();

	if (!slot)
		vlab_bad(card, "slot: all %u slots are taken", slots);
	return slot ?: ERR_PTR(-EBUSY);
}

static struct vlab_slot *numbered_slot(struct vlab_card *card, unsigned int number)
{
	if (!backplane.root) {
		vlab_bad(card, "slot: there is no backplane; a root port as 0000:00:04.0 may do");
		return ERR_PTR(-ENODEV);
	}
	if (number >= slots) {
		vlab_bad(card, "slot: %u is not one of the slots 0 to %u", number, slots - 1);
		return ERR_PTR(-EINVAL);
	}
	if (backplane.slot[number].card) {
		vlab_bad(card, "slot: %s is in slot %u", backplane.slot[number].card->name, number);
		return ERR_PTR(-EBUSY);
	}
	return &backplane.slot[number];
}

static struct vlab_slot *make_straight(struct pci_dev *pdev)
{
	struct vlab_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	struct vlab_root *root;

	if (!slot)
		return ERR_PTR(-ENOMEM);
	root = vlab_root_create(pdev, pdev->subordinate);
	if (IS_ERR(root)) {
		kfree(slot);
		return ERR_CAST(root);
	}
	slot->root = root;
	return slot;
}

/* At @place, or with no backplane anywhere. */
static struct vlab_slot *straight_slot(struct vlab_card *card, const struct place *place)
{
	enum verdict verdict;
	struct vlab_slot *slot;
	struct pci_dev *pdev;

	pci_lock_rescan_remove();
	if (place->kind == PLACE_PORT) {
		pdev = pci_get_domain_bus_and_slot(place->domain, place->bus, place->devfn);
		verdict = judge_port(pdev, 1);
	} else {
		pdev = best_port(1, &verdict);
	}
	slot = verdict == FITS ? make_straight(pdev) : ERR_PTR(verdicts[verdict].err);
	pci_unlock_rescan_remove();

	if (verdict != FITS)
		vlab_bad(card, "slot: %s %s", place->kind == PLACE_PORT ? card->slot_name :
			 port_name(pdev), verdicts[verdict].text);
	pci_dev_put(pdev);
	return slot;
}

static struct vlab_slot *choose_slot(struct vlab_card *card)
{
	struct place place;

	if (!parse_place(card->slot_name, &place)) {
		vlab_bad(card, "slot: '%s' is neither a slot number nor a root port",
			 card->slot_name);
		return ERR_PTR(-EINVAL);
	}
	switch (place.kind) {
	case PLACE_SLOT:
		return numbered_slot(card, place.number);
	case PLACE_PORT:
		return straight_slot(card, &place);
	default:
		return backplane.root ? any_slot(card) : straight_slot(card, &place);
	}
}

static struct vlab_slot *take_slot(struct vlab_card *card)
{
	struct vlab_slot *slot;

	mutex_lock(&slots_lock);
	slot = choose_slot(card);
	if (!IS_ERR(slot))
		slot->card = card;
	mutex_unlock(&slots_lock);
	return slot;
}

static void drop_slot(struct vlab_slot *slot)
{
	mutex_lock(&slots_lock);
	slot->card = NULL;
	if (!slot->port) {
		pci_lock_rescan_remove();
		vlab_root_destroy(slot->root);
		pci_unlock_rescan_remove();
		kfree(slot);
	}
	mutex_unlock(&slots_lock);
}

int vlab_slot_plug(struct vlab_card *card)
{
	struct vlab_slot *slot = take_slot(card);
	int ret;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	ret = plug_into(slot);
	if (ret)
		drop_slot(slot);
	else
		card->slot = slot;
	return ret;
}

void vlab_slot_unplug(struct vlab_card *card)
{
	struct vlab_slot *slot = card->slot;

	unplug_from(slot);
	card->slot = NULL;
	drop_slot(slot);
}

int vlab_slot_address(const struct vlab_card *card, char *buf, size_t len)
{
	const struct vlab_slot *slot = card->slot;
	unsigned int bus = slot->root->bus->number, i;
	int n = 0;

	if (slot->port)
		bus = vlab_cfg_get(&slot->port->fn->cfg, PCI_SECONDARY_BUS, 1);
	for (i = 0; i < card->nfns; i++)
		n += scnprintf(buf + n, len - n, "%s%04x:%02x:00.%x", i ? " " : "",
			       pci_domain_nr(slot->root->bus), bus, i);
	return n;
}

/* ---- the backplane ---- */

static void destroy_ports(void)
{
	unsigned int i;

	/* From the end: the upstream port's list has the others on it. */
	for (i = slots + 1; i--;) {
		if (!backplane.fn[i])
			continue;
		if (backplane.fn[i]->slot)
			vlab_slot_fn_del(backplane.fn[i]->slot);
		vlab_fn_destroy(backplane.fn[i]);
		backplane.fn[i] = NULL;
	}
	backplane.upstream = NULL;
}

static struct vlab_slot_fn *create_port(const struct vlab_model *model, unsigned int index,
					unsigned int number, unsigned int devfn,
					struct list_head *bus)
{
	struct vlab_fn *fn = vlab_fn_create(NULL, model, index);

	if (IS_ERR(fn))
		return ERR_CAST(fn);
	backplane.fn[number] = fn;
	return vlab_slot_fn_add(fn, devfn, bus);
}

static int create_ports(struct vlab_root *root)
{
	struct vlab_slot_fn *sf;
	unsigned int i;

	sf = create_port(&vlab_upstream_model, 0, 0, 0, &root->below);
	if (IS_ERR(sf))
		return PTR_ERR(sf);
	backplane.upstream = sf;

	for (i = 0; i < slots; i++) {
		sf = create_port(&vlab_downstream_model, i, i + 1, PCI_DEVFN(i, 0),
				 &backplane.upstream->below);
		if (IS_ERR(sf))
			return PTR_ERR(sf);
		backplane.slot[i] = (struct vlab_slot) {
			.number = i,
			.root = root,
			.port = sf,
		};
	}
	return 0;
}

static int open_backplane(struct vlab_root *root, struct pci_dev *upstream)
{
	int pass;

	if (!vlab_segment_joined(upstream))
		return -EOPNOTSUPP;
	/* The second pass numbers the buses, of the downstream ports too. */
	for (pass = 0; pass < 2; pass++)
		pci_scan_bridge(root->bus, upstream, root->bus->number, pass);
	if (!upstream->subordinate)
		return -ENODEV;
	vlab_windows_take(upstream);
	pcie_bus_configure_settings(root->bus);
	pci_bus_add_devices(root->bus);
	return 0;
}

static int scan_backplane(struct vlab_root *root)
{
	struct pci_dev *upstream;
	int ret;

	pci_scan_slot(root->bus, 0);
	upstream = pci_get_slot(root->bus, 0);
	ret = upstream ? open_backplane(root, upstream) : -ENODEV;
	pci_dev_put(upstream);
	return ret;
}

/* Where the backplane goes: below a root port, or beside it in its own segment. */
static struct vlab_root *create_root(struct pci_dev *pdev)
{
	struct pci_bus *bus = vlab_segment_wanted() ? vlab_segment_create(pdev) :
						      pdev->subordinate;
	struct vlab_root *root;

	if (IS_ERR(bus))
		return ERR_CAST(bus);
	root = vlab_root_create(pdev, bus);
	if (IS_ERR(root))
		vlab_segment_destroy();
	return root;
}

static void empty_root(struct vlab_root *root)
{
	remove_devices(root->bus);
	destroy_ports();
	vlab_segment_destroy();
	vlab_root_destroy(root);
}

static int create_backplane(struct pci_dev *pdev)
{
	struct vlab_root *root = create_root(pdev);
	int ret;

	if (IS_ERR(root))
		return PTR_ERR(root);
	ret = create_ports(root) ?: scan_backplane(root);
	if (ret)
		empty_root(root);
	else
		backplane.root = root;
	return ret;
}

static void destroy_backplane(void)
{
	if (!backplane.root)
		return;
	empty_root(backplane.root);
	backplane.root = NULL;
}

/* Root port's bus, the switch's, and one for each slot. A segment has its own. */
static unsigned int backplane_buses(void)
{
	return vlab_segment_wanted() ? 1 : 2 + slots;
}

static int backplane_at(const char *name)
{
	struct pci_dev *pdev = NULL;
	enum verdict verdict;
	struct place place;
	int ret;

	if (parse_place(name, &place) && place.kind == PLACE_PORT)
		pdev = pci_get_domain_bus_and_slot(place.domain, place.bus, place.devfn);
	verdict = judge_port(pdev, backplane_buses());
	ret = verdicts[verdict].err;
	if (ret)
		pr_err("vfiolab: port=%s %s\n", name, verdicts[verdict].text);
	else
		ret = create_backplane(pdev);
	pci_dev_put(pdev);
	return ret;
}

static int backplane_anywhere(void)
{
	enum verdict verdict;
	struct pci_dev *pdev = best_port(backplane_buses(), &verdict);
	int ret = 0;

	if (verdict == FITS) {
		ret = create_backplane(pdev);
	} else if (vlab_segment_wanted()) {
		ret = verdicts[verdict].err;
		pr_err("vfiolab: no root port for a segment: %s %s\n", port_name(pdev),
		       verdicts[verdict].text);
	} else {
		pr_notice("vfiolab: no backplane, cards go straight into root ports: %s %s\n",
			  port_name(pdev), verdicts[verdict].text);
	}
	pci_dev_put(pdev);
	return ret;
}

static int init_backplane(void)
{
	int ret;

	if (!slots || slots > VLAB_MAX_SLOTS) {
		pr_err("vfiolab: slots=%u: 1 to %u is allowed\n", slots, VLAB_MAX_SLOTS);
		return -EINVAL;
	}
	pci_lock_rescan_remove();
	ret = backplane_port ? backplane_at(backplane_port) : backplane_anywhere();
	pci_unlock_rescan_remove();
	return ret;
}

int vlab_slots_init(void)
{
	int ret = vlab_msi_init();

	if (ret)
		return ret;
	ret = vlab_bus_init();
	if (ret)
		goto err_msi;
	ret = init_backplane();
	if (!ret)
		return 0;
	vlab_segment_exit();
	vlab_bus_exit();
err_msi:
	vlab_msi_exit();
	return ret;
}

void vlab_slots_exit(void)
{
	pci_lock_rescan_remove();
	destroy_backplane();
	pci_unlock_rescan_remove();
	vlab_segment_exit();
	vlab_bus_exit();
	vlab_msi_exit();
}
