/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - what front ends and the core's own files share
 *
 * Front ends: the slot (slot.c, msi.c: a real pci_dev), the vfio-pci variant
 * driver, drivers of the kernel's own (native.c), the far end tty. None of them
 * knows a register.
 */
#ifndef VFIOLAB_CORE_H
#define VFIOLAB_CORE_H

#include <linux/configfs.h>
#include <linux/mutex.h>

#include "vfiolab.h"

struct page;
struct pci_dev;

/* ---- card (card.c) ---- */

/**
 * struct vlab_value - value of an attribute
 * @num: number, or index of a choice
 * @text: for VLAB_PARAM_TEXT
 */
struct vlab_value {
	u64 num;
	char text[VLAB_TEXT_LEN];
};

#define VLAB_MAX_PARAMS	32

/**
 * struct vlab_card - what one configfs directory stands for
 * @name: directory name
 * @lock: protects all below; held over going live and being removed, so a
 *	store waits until the device is there or gone
 * @model: NULL until the model attribute was written; pins its module
 * @val: attributes of the card, in the order of model->params
 * @port: attributes of each port, in the same order
 * @slot_name: what was written to the slot attribute
 * @live: it is plugged in
 * @fn: functions while live
 * @nfns: how many
 * @slot: where it is plugged in
 *
 * Made by mkdir, freed when the last reference to the directory goes.
 */
struct vlab_card {
	const char *name;
	struct mutex lock;	/* protects all below */
	const struct vlab_model *model;
	struct vlab_value val[VLAB_MAX_PARAMS];
	struct vlab_value port[VLAB_MAX_PORTS][VLAB_MAX_PARAMS];
	char slot_name[16];
	bool live;
	struct vlab_fn *fn[VLAB_MAX_FNS];
	unsigned int nfns;
	struct vlab_slot *slot;
};

const struct vlab_model *vlab_model_get(const char *name);
void vlab_model_put(const struct vlab_model *model);
void vlab_model_names(char *buf, size_t len);

const struct vlab_param *vlab_param_find(const struct vlab_model *model, const char *name,
					 unsigned int *index);
int vlab_param_parse(const struct vlab_param *p, const char *text, struct vlab_value *val);
void vlab_param_describe(const struct vlab_param *p, char *buf, size_t len);
void vlab_param_defaults(struct vlab_card *card);

int vlab_card_live(struct vlab_card *card);
void vlab_card_pull(struct vlab_card *card);

/* ---- function (fn.c) ---- */

struct vlab_fn *vlab_fn_create(struct vlab_card *card, const struct vlab_model *model,
			       unsigned int index);
void vlab_fn_start(struct vlab_fn *fn);
void vlab_fn_stop(struct vlab_fn *fn);
void vlab_fn_destroy(struct vlab_fn *fn);

/**
 * vlab_fn_reset() - FLR, hot reset, D3hot to D0
 * @fn: the function
 * @why: for the tracepoint
 *
 * fn->lock held, any context.
 */
void vlab_fn_reset(struct vlab_fn *fn, const char *why);

/* What the command and PM registers say; fn->lock held. */
bool vlab_fn_in_d0(const struct vlab_fn *fn);
bool vlab_fn_may_dma(const struct vlab_fn *fn);

/* Does it answer to I/O accesses: I/O Space set, in D0? Takes fn->lock. */
bool vlab_fn_io_enabled(struct vlab_fn *fn);

/**
 * vlab_cfg_read() - config read as from the bus
 * @fn: the function
 * @off: offset, any
 * @len: 1, 2 or 4
 *
 * Takes fn->lock; hard interrupt context is fine.
 *
 * Return: the value; ones past the end of config space or when misaligned.
 */
u32 vlab_cfg_read(struct vlab_fn *fn, unsigned int off, unsigned int len);

/* The same for a write. All side effects have happened when it returns. */
void vlab_cfg_write(struct vlab_fn *fn, unsigned int off, unsigned int len, u32 val);

/* The bytes alone (cfg.c): masks applied, no side effect. */
void vlab_cfg_bar(struct vlab_cfg *cfg, unsigned int bar, u64 size, u32 flags);
void vlab_cfg_store(struct vlab_cfg *cfg, unsigned int off, unsigned int len, u32 val);

/* ---- register access (reg.c) ---- */

/**
 * vlab_bar_rw() - the door: one access to the trapped part of a BAR
 * @fn: the function
 * @bar: 0 to 5
 * @off: offset in the BAR
 * @buf: @len bytes, little endian as on the wire; always filled by a read
 * @len: 1, 2, 4 or 8, @off aligned to it
 * @write: direction
 *
 * Takes fn->lock. What no register claims reads as ones and ignores writes.
 *
 * Return: 0; -EINVAL when it is not inside the trapped part or not of that form.
 */
int vlab_bar_rw(struct vlab_fn *fn, unsigned int bar, u64 off, void *buf,
		unsigned int len, bool write);

/* A write of a whole register: masks, then its hook; fn->lock held. */
void vlab_reg_store(struct vlab_fn *fn, struct vlab_regs *block, const struct vlab_reg *reg,
		    unsigned int inst, u64 val);

void vlab_regs_reset(struct vlab_fn *fn);
void vlab_regs_free(struct vlab_fn *fn);

/* ---- polled registers (poll.c) ---- */

/*
 * Look at the page as long as there is an owner: its own, or with NULL that of card
 * memory. Process context; stop sleeps.
 */
void vlab_poll_start(struct vlab_fn *fn, void *page);
void vlab_poll_stop(struct vlab_fn *fn);
void vlab_poll_free(struct vlab_fn *fn);

/* What was stored until now does not count, the registers do; fn->lock held. */
void vlab_poll_reset(struct vlab_fn *fn);

/**
 * vlab_poll_touched() - a mapping of polled registers becomes writable
 * @fn: the function
 *
 * From the front end's fault handler; it maps the page after that. May be called
 * for functions and for pages without polled registers.
 */
void vlab_poll_touched(struct vlab_fn *fn);

/* ---- card memory (mem.c) ---- */

struct vlab_mem *vlab_mem_create(u64 size);
void vlab_mem_get(struct vlab_mem *mem);
void vlab_mem_put(struct vlab_mem *mem);

/**
 * vlab_mem_page() - the page behind an offset of card memory
 * @mem: the memory
 * @off: offset in it; need not be aligned
 *
 * Pages come into being, zeroed, when they are first asked for, and stay until
 * the last reference to the memory goes. Process context.
 *
 * Return: the page, NULL outside of the memory or without memory.
 */
struct page *vlab_mem_page(struct vlab_mem *mem, u64 off);
u64 vlab_mem_size(const struct vlab_mem *mem);

/**
 * vlab_page_rw() - the device reads or writes memory of its user
 * @page: the page
 * @off: offset in it
 * @buf: kernel buffer
 * @len: bytes, not past the end of the page
 * @write: direction
 *
 * As on the bus: whoever looks at 8 bytes, aligned, finds all of them written or
 * none, and what was written before them.
 */
void vlab_page_rw(struct page *page, unsigned int off, void *buf, size_t len, bool write);

/* ---- BARs that are real memory (aperture.c) ---- */

int vlab_aperture_init(void);
void vlab_aperture_exit(void);
void vlab_aperture_place(struct pci_dev *pdev, const struct vlab_fn *fn);
void vlab_bar_real_put(struct vlab_bar *b);

/* ---- interrupts (irq.c) ---- */

void vlab_irq_free(struct vlab_fn *fn);
void vlab_irq_reset(struct vlab_fn *fn);
/* Config space or a mask changed: what may be sent now, and is INTx right? */
void vlab_irq_update(struct vlab_fn *fn);

/*
 * The slot's side (msi.c). vlab_slot_msi() and vlab_slot_intx() are called from
 * the function's irq_work: hard interrupt context, no lock held.
 * The chip's callbacks call vlab_irq_vec_*() with the message's index.
 */
void vlab_slot_msi(struct vlab_fn *fn, unsigned long hwirq);
void vlab_slot_intx(struct vlab_fn *fn);
void vlab_irq_vec_set(struct vlab_fn *fn, unsigned int vec, unsigned long hwirq);
void vlab_irq_vec_mask(struct vlab_fn *fn, unsigned int vec, bool masked);

/* ---- who owns the function (dma.c) ---- */

/**
 * struct vlab_owner - the driver that has the function, seen from DMA
 * @rw: access memory behind the IOMMU; see vlab_dma_rw() for arguments and
 *	errors. Called from a worker, no lock held.
 * @protect: take write permission away from mappings of polled registers;
 *	vlab_poll_touched() when somebody wants it back. Sleeps. May be NULL:
 *	there are no mappings.
 * @page: where the driver finds polled registers; NULL: in card memory
 *
 * Lives in the front end's device struct, from vlab_owner_set() to
 * vlab_owner_clear().
 */
struct vlab_owner {
	int (*rw)(struct vlab_owner *owner, u64 iova, void *buf, size_t len, bool write);
	void (*protect)(struct vlab_owner *owner);
	void *page;
};

int vlab_owner_set(struct vlab_fn *fn, struct vlab_owner *owner);

/**
 * vlab_owner_clear() - the driver lets go
 * @fn: the function
 *
 * Return when no access is under way and none will start. Sleeps.
 */
void vlab_owner_clear(struct vlab_fn *fn);

/**
 * vlab_dma_drain() - wait until accesses that started before are done
 * @fn: the function
 *
 * For resets: new ones are refused by the cleared Bus Master. Sleeps.
 */
void vlab_dma_drain(struct vlab_fn *fn);

int vlab_dma_module_init(void);
void vlab_dma_module_exit(void);

/* ---- slots (slot.c, msi.c, port.c) ---- */

int vlab_slots_init(void);
void vlab_slots_exit(void);

/**
 * vlab_slot_plug() - put a card's functions into a slot
 * @card: the card, its functions made; slot_name says where: empty the first
 *	free slot of the backplane, a number that slot, a BDF that root port
 *
 * On success card->slot is set and the functions are in sysfs. On failure one
 * line in dmesg says why and nothing is left behind. Process context, may
 * sleep long, takes pci_lock_rescan_remove().
 *
 * Return: 0; -EINVAL no such slot or port; -EBUSY taken or not empty; -ENODEV no
 * backplane; -ENOSPC no room in the port's windows or bus numbers; -EOPNOTSUPP
 * the IOMMU's tables do not cover the place.
 */
int vlab_slot_plug(struct vlab_card *card);

/**
 * vlab_slot_unplug() - pull a card
 * @card: a plugged card
 *
 * Drivers are told to let go; returns when the devices are gone from sysfs and
 * no config access can reach the functions any more. Sleeps until the drivers
 * have let go.
 */
void vlab_slot_unplug(struct vlab_card *card);

/* Could it be one? "", a number from 0 to 30, or a BDF with its domain. */
bool vlab_slot_name_valid(const char *text);

/* "0000:05:00.0", one word a function; the slot attribute's and address' text. */
int vlab_slot_address(const struct vlab_card *card, char *buf, size_t len);

/**
 * vlab_fn_of_pdev() - the function behind a pci_dev
 * @pdev: any PCI device
 *
 * For drivers bound to @pdev: the function lives at least until their remove().
 *
 * Return: the function, NULL when it is not one of ours.
 */
struct vlab_fn *vlab_fn_of_pdev(struct pci_dev *pdev);

/* ---- drivers of the kernel's own (native.c) ---- */

int vlab_native_init(void);
void vlab_native_exit(void);

/* ---- configfs (configfs.c) ---- */

int vlab_configfs_init(void);
void vlab_configfs_exit(void);

#endif
