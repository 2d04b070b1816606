/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - what the files of the slot front end share
 *
 *	bus.c		config accesses find their function
 *	window.c	bridge windows and BARs
 *	segment.c	a root bus of our own, in a PCI segment of its own
 *	msi.c		interrupts
 *	ivrs.c		what an AMD IOMMU covers
 *	port.c		the models of the backplane's ports
 *	slot.c		the backplane, and cards going in and out
 */
#ifndef VFIOLAB_SLOT_H
#define VFIOLAB_SLOT_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/pci.h>

#include "core.h"

#define VLAB_MAX_SLOTS	31	/* device numbers on one bus, less one */

/**
 * struct vlab_intx - an INTx line: a pin of a device, for all functions that have it
 * @lock: protects @fns
 * @fns: functions that drive it; it is up while one of them has it so
 * @virq: the interrupt
 * @again: sends it once more after the handlers ran and the line is still up
 *
 * Made with the first of the functions, freed with the last.
 */
struct vlab_intx {
	raw_spinlock_t lock;	/* see above */
	struct list_head fns;
	int virq;
	struct irq_work again;
};

/**
 * struct vlab_slot_fn - a function on a bus
 * @node: in the list of what is on the same bus
 * @below: a port's secondary bus: what is on it
 * @fn: the function
 * @devfn: where it answers
 * @intx: its INTx line, NULL none
 * @on_line: in the list of @intx
 *
 * Made when the function is plugged in, freed when the kernel's device is gone.
 * The lists change under the routing lock of bus.c only.
 */
struct vlab_slot_fn {
	struct list_head node;
	struct list_head below;
	struct vlab_fn *fn;
	unsigned int devfn;
	struct vlab_intx *intx;
	struct list_head on_line;
};

/**
 * struct vlab_root - a bus that is ours
 * @node: in the list of bus.c
 * @port: a root port
 * @bus: its secondary bus, or the segment's root bus; the kernel may have given it
 *	up, we have a reference
 * @ops: the bus' own operations
 * @domain: the bus' own MSI domain
 * @below: what is on the bus
 * @in_reset: the root port holds the bus in reset
 */
struct vlab_root {
	struct list_head node;
	struct pci_dev *port;
	struct pci_bus *bus;
	struct pci_ops *ops;
	struct irq_domain *domain;
	struct list_head below;
	bool in_reset;
};

/**
 * struct vlab_slot - a place for one card
 * @number: as in the slot attribute
 * @root: the root port it is under
 * @port: the downstream port above it; NULL: the root port itself
 * @card: the card in it, or on its way in or out; NULL: free
 */
struct vlab_slot {
	unsigned int number;
	struct vlab_root *root;
	struct vlab_slot_fn *port;
	struct vlab_card *card;
};

/* bus.c */
int vlab_bus_init(void);
void vlab_bus_exit(void);
struct vlab_root *vlab_root_create(struct pci_dev *port, struct pci_bus *bus);
void vlab_root_destroy(struct vlab_root *root);
bool vlab_root_in_use(const struct pci_dev *port);
struct vlab_slot_fn *vlab_slot_fn_add(struct vlab_fn *fn, unsigned int devfn,
				      struct list_head *bus);
void vlab_slot_fn_del(struct vlab_slot_fn *sf);

/* window.c: pci_lock_rescan_remove() held */
bool vlab_windows_any(struct pci_dev *port);
void vlab_windows_take(struct pci_dev *upstream);
int vlab_windows_open(struct pci_bus *bus, const struct vlab_card *card);
void vlab_windows_close(struct pci_dev *port);
int vlab_bars_assign(struct pci_bus *bus, const struct vlab_card *card);

/* segment.c: pci_lock_rescan_remove() held, but for wanted() and exit() */
bool vlab_segment_wanted(void);
struct pci_bus *vlab_segment_create(struct pci_dev *port);
void vlab_segment_destroy(void);
void vlab_segment_exit(void);
bool vlab_segment_has(const struct pci_bus *bus);
struct resource *vlab_segment_window(unsigned int win);
bool vlab_segment_joined(const struct pci_dev *pdev);

/* msi.c */
int vlab_msi_init(void);
void vlab_msi_exit(void);
struct irq_domain *vlab_msi_domain(void);
int vlab_intx_init(struct vlab_slot_fn *sf, struct vlab_intx *line);
void vlab_intx_exit(struct vlab_slot_fn *sf);

/* ivrs.c */
bool vlab_ivrs_used(void);
bool vlab_ivrs_covers(struct pci_dev *port, unsigned int first, unsigned int last);

/* port.c */
extern const struct vlab_model vlab_upstream_model;
extern const struct vlab_model vlab_downstream_model;

#endif
