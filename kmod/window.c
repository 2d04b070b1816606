// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - bridge windows and BARs
 *
 * Not by pci_assign_unassigned_bridge_resources(), as pciehp does it: when a card
 * does not fit it releases the windows of the whole switch, and with them the
 * BARs of cards in use. Here the upstream port takes all that the root port has,
 * once; a slot's windows are as large as its card and go with it.
 */
#include <linux/align.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "compat.h"
#include "slot.h"

enum { WIN_IO, WIN_MEM, WIN_PREF, WINDOWS };

/**
 * struct kind - one of a bridge's windows
 * @name: for messages
 * @unit: granularity of base and limit
 * @closed: a base above the limit
 * @type: low bits of base and limit, which are in resource flags too
 */
struct kind {
	const char *name;
	resource_size_t unit;
	pci_bus_addr_t closed;
	unsigned long type;
};

static const struct kind windows[WINDOWS] = {
	[WIN_IO] = { "I/O", SZ_4K, 0xf000, PCI_IO_RANGE_TYPE_32 },
	[WIN_MEM] = { "memory", SZ_1M, 0xfff00000 },
	[WIN_PREF] = { "prefetchable memory", SZ_1M, 0xfff00000, PCI_PREF_RANGE_TYPE_64 },
};

#define KIND	(IORESOURCE_IO | IORESOURCE_MEM | IORESOURCE_PREFETCH | IORESOURCE_MEM_64)

static struct resource *window(struct pci_dev *port, unsigned int win)
{
	return &port->resource[PCI_BRIDGE_RESOURCES + win];
}

/* What a bridge's window is part of: that of the port above, or of the segment. */
static struct resource *window_above(struct pci_dev *bridge, unsigned int win)
{
	struct pci_dev *port = bridge->bus->self;

	return port ? window(port, win) : vlab_segment_window(win);
}

/* ---- the registers ---- */

static void write_io(struct pci_dev *port, const struct pci_bus_region *r)
{
	pci_write_config_word(port, PCI_IO_BASE,
			      (r->start >> 8 & 0xf0) | (r->end & 0xf000));
	pci_write_config_dword(port, PCI_IO_BASE_UPPER16,
			       r->start >> 16 | (r->end & 0xffff0000));
}

static void write_mem(struct pci_dev *port, const struct pci_bus_region *r)
{
	pci_write_config_dword(port, PCI_MEMORY_BASE,
			       (r->start >> 16 & 0xfff0) | (r->end & 0xfff00000));
}

static void write_pref(struct pci_dev *port, const struct pci_bus_region *r)
{
	pci_write_config_dword(port, PCI_PREF_MEMORY_BASE,
			       (r->start >> 16 & 0xfff0) | (r->end & 0xfff00000));
	pci_write_config_dword(port, PCI_PREF_BASE_UPPER32, upper_32_bits(r->start));
	pci_write_config_dword(port, PCI_PREF_LIMIT_UPPER32, upper_32_bits(r->end));
}

static void write_windows(struct pci_dev *port)
{
	static void (*const write[WINDOWS])(struct pci_dev *port,
					    const struct pci_bus_region *r) = {
		[WIN_IO] = write_io,
		[WIN_MEM] = write_mem,
		[WIN_PREF] = write_pref,
	};
	struct pci_bus_region region;
	unsigned int win;

	for (win = 0; win < WINDOWS; win++) {
		region = (struct pci_bus_region) { .start = windows[win].closed };
		if (window(port, win)->parent)
			pcibios_resource_to_bus(port->bus, &region, window(port, win));
		write[win](port, &region);
	}
}

static void close_window(struct resource *res)
{
	if (res->parent)
		release_resource(res);
	res->start = 0;
	res->end = 0;
	res->flags = 0;
}

/**
 * vlab_windows_any() - is there any room below a root port
 * @port: the root port
 *
 * Return: true when at least one of its windows is open.
 */
bool vlab_windows_any(struct pci_dev *port)
{
	unsigned int win;

	for (win = 0; win < WINDOWS; win++)
		if (window(port, win)->parent)
			return true;
	return false;
}

/* ---- the upstream port ---- */

/* All that the root port has, be it closed or smaller now. True: it changed. */
static bool take_window(struct pci_dev *upstream, unsigned int win)
{
	struct resource *above = window_above(upstream, win);
	struct resource *res = window(upstream, win);

	if (!above->parent || !(above->flags & KIND))
		return false;
	if (res->parent && res->start == above->start && res->end == above->end)
		return false;
	if (res->parent)
		return !adjust_resource(res, above->start, resource_size(above));

	close_window(res);
	res->flags = (above->flags & KIND) | windows[win].type;
	res->start = above->start;
	res->end = above->end;
	if (!request_resource(above, res))
		return true;
	close_window(res);
	return false;
}

/* Again before each card: a user's rescan makes them as small as they can be. */
static void take_windows(struct pci_dev *upstream)
{
	bool changed = false;
	unsigned int win;

	for (win = 0; win < WINDOWS; win++)
		changed |= take_window(upstream, win);
	if (!changed)
		return;
	write_windows(upstream);
	if (pci_reenable_device(upstream))
		pci_err(upstream, "windows changed, but it cannot be enabled again\n");
}

/**
 * vlab_windows_take() - give the upstream port all windows of the root port
 * @upstream: the upstream port, not yet enabled
 *
 * The downstream ports' are closed.
 */
void vlab_windows_take(struct pci_dev *upstream)
{
	struct pci_dev *down;
	unsigned int win;

	for (win = 0; win < WINDOWS; win++)
		close_window(window(upstream, win));
	write_windows(upstream);
	take_windows(upstream);
	list_for_each_entry(down, &upstream->subordinate->devices, bus_list)
		vlab_windows_close(down);
}

/* ---- a card ---- */

/* pci_assign_resource() goes by the same rules. */
static unsigned int window_of(const struct resource *bar, struct pci_dev *port)
{
	const struct resource *pref = window(port, WIN_PREF);

	if (bar->flags & IORESOURCE_IO)
		return WIN_IO;
	if (!(bar->flags & IORESOURCE_PREFETCH) || !pref->parent)
		return WIN_MEM;
	return bar->flags & IORESOURCE_MEM_64 || !(pref->flags & IORESOURCE_MEM_64) ?
	       WIN_PREF : WIN_MEM;
}

static bool wants_space(const struct resource *bar)
{
	return bar->flags & (IORESOURCE_IO | IORESOURCE_MEM) && !bar->parent;
}

/**
 * struct need - what the BARs of a card need of one window
 * @size: sum of their sizes; powers of two, largest first, leave no gap
 * @align: size of the largest
 */
struct need {
	resource_size_t size, align;
};

static void add_needs(struct need *need, struct pci_dev *pdev, struct pci_dev *above)
{
	const struct resource *bar;
	struct need *n;
	unsigned int i;

	for (i = 0; i <= PCI_ROM_RESOURCE; i++) {
		bar = &pdev->resource[i];
		if (!wants_space(bar))
			continue;
		n = &need[window_of(bar, above)];
		n->size += resource_size(bar);
		n->align = max(n->align, resource_size(bar));
	}
}

static int too_small(const struct vlab_card *card, struct pci_dev *port, unsigned int win,
		     resource_size_t size)
{
	struct resource *res = window(port, win);

	if (!res->parent)
		vlab_bad(card, "slot: %s has no %s window, and the card needs %llu KiB",
			 pci_name(port), windows[win].name, (u64)DIV_ROUND_UP(size, SZ_1K));
	else
		vlab_bad(card, "slot: the %s window of %s is short: %pR has no %llu KiB left",
			 windows[win].name, pci_name(port), res,
			 (u64)DIV_ROUND_UP(size, SZ_1K));
	return -ENOSPC;
}

static int open_window(struct pci_dev *port, unsigned int win, struct need need,
		       const struct vlab_card *card)
{
	struct resource *above = window(port->bus->self, win);
	struct resource *res = window(port, win);

	if (!need.size)
		return 0;
	need.size = ALIGN(need.size, windows[win].unit);
	need.align = max(need.align, windows[win].unit);
	res->flags = (above->flags & KIND) | windows[win].type;
	res->name = port->subordinate->name;
	if (!above->parent || allocate_resource(above, res, need.size, above->start, above->end,
						need.align, NULL, NULL))
		return too_small(card, port->bus->self, win, need.size);
	return 0;
}

/**
 * vlab_windows_open() - windows for what was just found below a downstream port
 * @bus: the port's secondary bus
 * @card: the card, for messages
 *
 * Return: 0; -ENOSPC after a line that names the window; the port's windows are
 * closed then.
 */
int vlab_windows_open(struct pci_bus *bus, const struct vlab_card *card)
{
	struct pci_dev *port = bus->self, *pdev;
	struct need need[WINDOWS] = {};
	unsigned int win;
	int ret = 0;

	take_windows(port->bus->self);
	list_for_each_entry(pdev, &bus->devices, bus_list)
		add_needs(need, pdev, port->bus->self);
	for (win = 0; !ret && win < WINDOWS; win++)
		ret = open_window(port, win, need[win], card);
	if (ret) {
		vlab_windows_close(port);
		return ret;
	}
	write_windows(port);
	return pci_reenable_device(port);
}

/**
 * vlab_windows_close() - give a downstream port's windows back
 * @port: the port, with no device below it
 */
void vlab_windows_close(struct pci_dev *port)
{
	unsigned int win;

	for (win = 0; win < WINDOWS; win++)
		close_window(window(port, win));
	write_windows(port);
}

static struct pci_dev *largest_bar(struct pci_bus *bus, unsigned int *which)
{
	struct pci_dev *pdev, *found = NULL;
	resource_size_t size = 0;
	unsigned int i;

	list_for_each_entry(pdev, &bus->devices, bus_list) {
		for (i = 0; i <= PCI_ROM_RESOURCE; i++) {
			if (!wants_space(&pdev->resource[i]) ||
			    resource_size(&pdev->resource[i]) <= size)
				continue;
			size = resource_size(&pdev->resource[i]);
			found = pdev;
			*which = i;
		}
	}
	return found;
}

/**
 * vlab_bars_assign() - addresses for the BARs of what was just found on a bus
 * @bus: the bus; its windows are open
 * @card: the card, for messages
 *
 * Return: 0; -ENOSPC after a line that names the window.
 */
int vlab_bars_assign(struct pci_bus *bus, const struct vlab_card *card)
{
	struct pci_dev *pdev;
	struct resource *bar;
	unsigned int i;

	while ((pdev = largest_bar(bus, &i))) {
		bar = &pdev->resource[i];
		if (pci_assign_resource(pdev, i))
			return too_small(card, bus->self, window_of(bar, bus->self),
					 resource_size(bar));
	}
	return 0;
}
