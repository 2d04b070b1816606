/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - what a device model sees
 *
 * A model describes one kind of PCI function: identity, capabilities, BARs and
 * registers as tables, side effects as small hooks. It knows no framework: no
 * pci_dev, no vfio, no configfs. It embeds struct vlab_fn first in its own
 * struct and gets everything else from the core.
 *
 * Locking, once for all: fn->lock is a raw spinlock because config space is
 * read and written from hard interrupt context. It protects config space,
 * registers and interrupt state. Register and reset hooks run with it held, so
 * they never sleep and do bounded work. A model defers the rest to a
 * vlab_timer, an irq_work or a work item and stops those in its stop() hook.
 */
#ifndef VFIOLAB_H
#define VFIOLAB_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pci_regs.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define VLAB_MAX_PORTS	8	/* ports of one card */
#define VLAB_MAX_FNS	8	/* functions of one card: devfn has three bits for it */
#define VLAB_BARS	6
#define VLAB_ROM	VLAB_BARS
#define VLAB_CFG_SIZE	4096

struct vlab_card;
struct vlab_fn;
struct vlab_dma;
struct vlab_mem;
struct vlab_poll;
struct vlab_reg;

/* ---- attributes that a model takes from configfs ---- */

enum vlab_param_type {
	VLAB_PARAM_UINT,	/* a number from min to max */
	VLAB_PARAM_POW2,	/* a power of two from min to max; K, M and G may follow */
	VLAB_PARAM_CHOICE,	/* one of choices[]; its number is the index */
	VLAB_PARAM_TEXT,	/* up to VLAB_TEXT_LEN - 1 characters, checked by check() */
	VLAB_PARAM_ACTION,	/* write only, only while live: calls act() */
	VLAB_PARAM_INFO,	/* read only, only while live: calls info() */
};

#define VLAB_TEXT_LEN	48

/**
 * struct vlab_param - one attribute of a card or of each of its ports
 * @name: file name; it must be one that configfs.c lists
 * @type: how the text is parsed
 * @per_port: one value for each port instead of one for the card
 * @min: smallest number, for UINT and POW2
 * @max: largest number
 * @def: number, or index of a choice, before the user says otherwise
 * @def_text: the same for TEXT
 * @choices: NULL terminated words, for CHOICE
 * @help: TEXT and ACTION: what would be right, for the one line in dmesg when a
 *	value is refused; the other types describe themselves
 * @check: TEXT only: 0 or -EINVAL; process context, may be NULL
 * @act: ACTION only: do @text to @port (0 for a card attribute); 0 or -errno,
 *	-EINVAL when it knows no such action; process context, the card stays
 *	live during the call
 * @info: INFO only: write a line without its end to @buf; returns 0 or -errno
 */
struct vlab_param {
	const char *name;
	enum vlab_param_type type;
	bool per_port;
	u64 min, max, def;
	const char *def_text;
	const char *const *choices;
	const char *help;
	int (*check)(const char *text);
	int (*act)(struct vlab_card *card, unsigned int port, const char *text);
	int (*info)(struct vlab_card *card, unsigned int port, char *buf, size_t len);
};

/*
 * How many ports the card has (0 when the model has no "ports" attribute), and
 * the value of an attribute by name; the name must be in the model's table.
 */
unsigned int vlab_card_ports(const struct vlab_card *card);
u64 vlab_card_num(const struct vlab_card *card, const char *name);
const char *vlab_card_text(const struct vlab_card *card, const char *name);
u64 vlab_port_num(const struct vlab_card *card, unsigned int port, const char *name);
const char *vlab_port_text(const struct vlab_card *card, unsigned int port, const char *name);

/**
 * vlab_card_name() - the name of a card, as in mkdir
 * @card: the card
 */
const char *vlab_card_name(const struct vlab_card *card);

/**
 * vlab_card_fn() - a function of a live card
 * @card: the card
 * @index: function number
 *
 * Return: the function, NULL where the card has no such function.
 */
struct vlab_fn *vlab_card_fn(const struct vlab_card *card, unsigned int index);

/* One line in dmesg that names the card, what was wrong and what is right. */
#define vlab_bad(card, fmt, ...) \
	pr_err("vfiolab: %s: " fmt "\n", vlab_card_name(card), ##__VA_ARGS__)

/* ---- the model ---- */

/**
 * struct vlab_model - one kind of card
 * @name: as written to the model attribute; the module is vfiolab_NAME
 * @owner: THIS_MODULE, pinned while a card uses the model
 * @fn_size: size of the model's struct, which has a struct vlab_fn first
 * @params: attributes, ended by an entry without a name; may be NULL
 * @features: space separated words for the features attribute; may be NULL
 * @functions: how many functions a card of this configuration has; NULL: one
 * @check: judge all attributes together before anything is made; 0 or -EINVAL
 *	after vlab_bad(); may be NULL
 * @init: fill config space, BARs and register blocks of a zeroed function;
 *	process context, may fail; what it took is given back by exit()
 * @start: the function is about to be seen by the kernel; may be NULL
 * @stop: it has been removed: stop timers and work, wait for them; process
 *	context, may be NULL
 * @exit: free what init() took; copes with a half done init(); may be NULL
 * @reset: back to the reset state (FLR, D3hot to D0, hot reset, and once after
 *	init()); fn->lock held, registers already have their reset values; may be NULL
 * @cfg_written: config bytes @off to @off + @len were just written; fn->lock
 *	held; for registers that only this model has; may be NULL
 * @touched: somebody who maps polled registers is about to store to them; see
 *	vlab_poll_protect(); fn->lock held, may be NULL
 *
 * A model is const, static and lives as long as its module.
 */
struct vlab_model {
	const char *name;
	struct module *owner;
	size_t fn_size;
	const struct vlab_param *params;
	const char *features;
	unsigned int (*functions)(const struct vlab_card *card);
	int (*check)(const struct vlab_card *card);
	int (*init)(struct vlab_fn *fn);
	void (*start)(struct vlab_fn *fn);
	void (*stop)(struct vlab_fn *fn);
	void (*exit)(struct vlab_fn *fn);
	void (*reset)(struct vlab_fn *fn);
	void (*cfg_written)(struct vlab_fn *fn, unsigned int off, unsigned int len);
	void (*touched)(struct vlab_fn *fn);
};

int vlab_model_register(const struct vlab_model *model);
void vlab_model_unregister(const struct vlab_model *model);

/* All that a model's file needs at its end. */
#define module_vlab_model(_model)				\
static int __init _model##_module_init(void)			\
{								\
	return vlab_model_register(&_model);			\
}								\
module_init(_model##_module_init);				\
static void __exit _model##_module_exit(void)			\
{								\
	vlab_model_unregister(&_model);				\
}								\
module_exit(_model##_module_exit)

/* ---- config space ---- */

/**
 * struct vlab_cfg - config space as bytes and masks
 * @val: what a read returns, little endian as on the wire
 * @reset: what a reset puts back
 * @wmask: bits that a write changes
 * @w1c: bits that a written 1 clears; disjoint from @wmask
 * @size: 256 (conventional) or 4096
 * @tail: where the next capability's offset goes
 * @ext_tail: the same for extended capabilities
 *
 * BAR sizing needs no special case: the low bits of a BAR are not in @wmask.
 */
struct vlab_cfg {
	u8 val[VLAB_CFG_SIZE];
	u8 reset[VLAB_CFG_SIZE];
	u8 wmask[VLAB_CFG_SIZE];
	u8 w1c[VLAB_CFG_SIZE];
	u16 size;
	u16 tail;
	u16 ext_tail;
};

/**
 * struct vlab_ident - who the function says it is
 * @vendor: vendor id
 * @device: device id
 * @subvendor: subsystem vendor id
 * @subdevice: subsystem id
 * @class: 24 bit class code
 * @revision: revision id
 * @pin: INTx pin, 0 none, 1 INTA
 */
struct vlab_ident {
	u16 vendor, device, subvendor, subdevice;
	u32 class;
	u8 revision;
	u8 pin;
};

/* Little endian helpers for builders and hooks; @len is 1, 2 or 4, aligned. */
u32 vlab_cfg_get(const struct vlab_cfg *cfg, unsigned int off, unsigned int len);
void vlab_cfg_set(struct vlab_cfg *cfg, unsigned int off, unsigned int len, u32 val);

/* Set value, write mask and w1c mask of one register at once (init only). */
void vlab_cfg_reg(struct vlab_cfg *cfg, unsigned int off, unsigned int len,
		  u32 val, u32 wmask, u32 w1c);

void vlab_cfg_header(struct vlab_fn *fn, const struct vlab_ident *id);
void vlab_cfg_bridge_header(struct vlab_fn *fn, const struct vlab_ident *id);

/* Capabilities are chained in the order of the calls, at the offset given. */
void vlab_cap_pm(struct vlab_fn *fn, unsigned int off, bool no_soft_reset);
void vlab_cap_msi(struct vlab_fn *fn, unsigned int off, unsigned int vectors, u16 flags);
void vlab_cap_msix(struct vlab_fn *fn, unsigned int off, unsigned int vectors,
		   u32 table, u32 pba);
void vlab_cap_pcie(struct vlab_fn *fn, unsigned int off, unsigned int type, bool flr);
void vlab_cap_af(struct vlab_fn *fn, unsigned int off);
unsigned int vlab_cap_raw(struct vlab_fn *fn, unsigned int off, u8 id,
			  const u8 *body, unsigned int len);
unsigned int vlab_ext_cap_raw(struct vlab_fn *fn, unsigned int off, u16 id, u8 ver,
			      const u8 *body, unsigned int len);
void vlab_ext_cap_aer(struct vlab_fn *fn, unsigned int off);
void vlab_ext_cap_dsn(struct vlab_fn *fn, unsigned int off, u64 serial);
void vlab_ext_cap_ltr(struct vlab_fn *fn, unsigned int off);

/* ---- BARs ---- */

/**
 * struct vlab_bar - one base address register
 * @size: bytes, a power of two, 16 or more (I/O: 4 or more); 0 none
 * @flags: PCI_BASE_ADDRESS_SPACE_IO, _MEM_TYPE_64 and _MEM_PREFETCH
 * @mem_off: offset from which the BAR is card memory; below it accesses are
 *	trapped. Page aligned. @size or more: all of it is trapped. I/O and less
 *	than a page can be card memory too.
 * @polled: bytes at the start of card memory that are registers as well, by
 *	vlab_poll_init(); 0 none
 * @mem: the memory, made by vlab_bar_init()
 * @hole: nothing is behind it (an MSI-X table): not ours to trap
 * @real: real memory at its address. With a @hole that is all there is; else
 *	drivers of the kernel's own find polled registers in it
 */
struct vlab_bar {
	u64 size;
	u32 flags;
	u64 mem_off;
	u32 polled;
	struct vlab_mem *mem;
	bool hole;
	struct resource *real;
};

/* Does an access to this offset go to registers, by vlab_bar_rw()? */
static inline bool vlab_bar_is_trapped(const struct vlab_bar *b, u64 off)
{
	return off < b->mem_off || off < b->polled;
}

int vlab_bar_init(struct vlab_fn *fn, unsigned int bar, u64 size, u32 flags, u64 mem_off);
int vlab_bar_hole(struct vlab_fn *fn, unsigned int bar, u64 size, u32 flags);
int vlab_bar_real(struct vlab_fn *fn, unsigned int bar, u64 size, u32 flags);
int vlab_bar_back(struct vlab_fn *fn, unsigned int bar);
int vlab_rom_init(struct vlab_fn *fn, u32 size);
int vlab_region_init(struct vlab_fn *fn, u32 size);

/* ---- registers ---- */

/**
 * struct vlab_reg - one register
 * @name: as in the spec, for traces
 * @off: offset in its block
 * @width: bytes: 1, 2, 4 or 8
 * @reset: value after reset
 * @rw: bits that a write changes
 * @w1c: bits that a written 1 clears
 * @read: what a read returns instead of the stored value; may have side effects
 * @write: side effects of a write; @old is the value before, the stored value
 *	is already the new one, @val is what was written, unmasked
 *
 * @inst is the instance of the block (a port's number). Hooks run with
 * fn->lock held.
 */
struct vlab_reg {
	const char *name;
	u16 off;
	u8 width;
	u64 reset, rw, w1c;
	u64 (*read)(struct vlab_fn *fn, unsigned int inst);
	void (*write)(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old);
};

/**
 * struct vlab_regs - a block of registers, repeated @count times
 * @bar: which BAR
 * @off: where the first instance starts
 * @stride: bytes from one instance to the next
 * @count: instances
 * @first: number of the first instance
 * @regs: the registers, ascending, not overlapping
 * @nregs: how many
 * @val: stored values, @count * @nregs of them; made by vlab_regs_add()
 */
struct vlab_regs {
	u8 bar;
	u32 off;
	u32 stride;
	u8 count;
	u8 first;
	const struct vlab_reg *regs;
	unsigned int nregs;
	u64 *val;
};

#define VLAB_MAX_BLOCKS	4

int vlab_regs_add(struct vlab_fn *fn, const struct vlab_regs *block);

/* The stored value of a register, for hooks of other registers. */
u64 *vlab_reg_val(struct vlab_fn *fn, const struct vlab_reg *reg, unsigned int inst);

/**
 * vlab_poll_init() - registers in memory that user space maps
 * @fn: the function
 * @bar: a BAR that is all card memory, with register blocks in its first page
 *
 * From a model's init(), once, after its register blocks were added. The first
 * page stays plain memory. While the function has an owner it is looked at, and
 * what was stored goes to the registers' write hooks; their read hooks see
 * accesses through the device's file only. A block lists its registers in the
 * order in which stores take effect and changes become visible: what sets things
 * going after all that a driver writes before it.
 *
 * Return: 0, -ENOMEM.
 */
int vlab_poll_init(struct vlab_fn *fn, unsigned int bar);

/**
 * vlab_poll_take() - what was stored to the page until now takes effect
 * @fn: the function; without polled registers nothing happens
 *
 * Before a worker does what it was told to a while ago: what is stored between the
 * command and its end cannot be told from what came before. fn->lock held.
 */
void vlab_poll_take(struct vlab_fn *fn);

/**
 * vlab_poll_show() - let the page say what the registers say
 * @fn: the function; without polled registers nothing happens
 *
 * After changes from a worker or a timer; after hooks the core does it. fn->lock
 * held.
 */
void vlab_poll_show(struct vlab_fn *fn);

/**
 * vlab_poll_protect() - catch the next store to polled registers
 * @fn: the function
 *
 * Looking at the page comes too late for a driver that stores and reads back at
 * once. So mappings can be made read-only: whoever stores next is held up until
 * the model's touched() has run. Once; after that stores go unnoticed again. A
 * new mapping begins this way. Sleeps, no lock held.
 */
void vlab_poll_protect(struct vlab_fn *fn);

/**
 * vlab_poll_can_protect() - does that work?
 * @fn: the function
 *
 * Not with a driver of the kernel's own, nor without polled registers. fn->lock
 * held.
 *
 * Return: false when the next store goes unnoticed whatever was asked for.
 */
bool vlab_poll_can_protect(const struct vlab_fn *fn);

/* ---- interrupts ---- */

/* Who may assert a vector. Each sends a message of its own when it begins to. */
enum vlab_irq_source {
	VLAB_IRQ_MODEL,
	VLAB_IRQ_DMA,		/* the engine of dma.c */
	VLAB_IRQ_RING,		/* DMA rings beside a port's registers */
};

/**
 * struct vlab_vec - one interrupt source of a function
 * @level: who wants attention, a bit for each enum vlab_irq_source
 * @pending: a message is due but masked (MSI mask bit, MSI-X mask, not set up)
 * @masked: masked by the interrupt controller's side
 * @hwirq: message in the MSI domain, 0 none
 */
struct vlab_vec {
	u8 level;
	bool pending, masked;
	unsigned long hwirq;
};

/**
 * vlab_irq_set() - a source of interrupts changed
 * @fn: the function
 * @vec: its vector, 0 to fn->nvec - 1; with fewer vectors allocated by MSI the
 *	core folds it
 * @level: true while the source wants attention
 *
 * Message mode sends one message on the rising edge; INTx drives the line by
 * the OR of all levels. fn->lock held, any context.
 */
void vlab_irq_set(struct vlab_fn *fn, unsigned int vec, bool level);

/* The same for a source that shares its vector with the model's own. */
void vlab_irq_source(struct vlab_fn *fn, unsigned int vec, enum vlab_irq_source source,
		     bool level);

/**
 * vlab_irq_pulse() - one message, no level to acknowledge
 * @fn: the function
 * @vec: its vector
 *
 * Nothing happens in INTx mode. fn->lock held.
 */
void vlab_irq_pulse(struct vlab_fn *fn, unsigned int vec);

/* ---- DMA by the device ---- */

/**
 * vlab_dma_rw() - one access of the device to memory behind the IOMMU
 * @fn: the function
 * @era: counts what ends accesses that have not begun, resets of the function at
 *	least; changes under fn->lock
 * @then: what it was as the access was decided on, under fn->lock
 * @iova: I/O virtual address
 * @buf: kernel buffer
 * @len: bytes, at most PAGE_SIZE, not across a page boundary of @iova
 * @write: true: device writes memory
 *
 * Checks Bus Master, D0, @era and that somebody owns the function at the time
 * of the access. All or nothing. Process context (a worker), no lock held.
 *
 * Return: 0; -EACCES Bus Master is off, not in D0 or in reset; -ENXIO nobody
 * owns the function; -ECANCELED it ended before it began; -EFAULT no mapping; -EPERM
 * mapping lacks permission; -EIO the IOMMU's table disagrees (checked on demand,
 * after the access); -ENOMEM.
 */
int vlab_dma_rw(struct vlab_fn *fn, const unsigned int *era, unsigned int then, u64 iova,
		void *buf, size_t len, bool write);

/* Queue work on the queue that vlab_dma_rw() wants; stopped by the model. */
bool vlab_dma_queue(struct work_struct *work);

/*
 * The engine of uapi/vlab_dma.h as a register block: a model adds it with
 * vlab_dma_init() and forwards its reset and stop hooks.
 */
int vlab_dma_init(struct vlab_fn *fn, unsigned int bar, u32 off);
void vlab_dma_reset(struct vlab_fn *fn);
void vlab_dma_stop(struct vlab_fn *fn);
void vlab_dma_exit(struct vlab_fn *fn);

/**
 * vlab_mem_rw() - read or write card memory
 * @mem: the memory
 * @off: offset in it
 * @buf: kernel buffer
 * @len: bytes
 * @write: direction
 *
 * Process context, may allocate.
 *
 * Return: 0, -ERANGE outside of the memory, -ENOMEM.
 */
int vlab_mem_rw(struct vlab_mem *mem, u64 off, void *buf, size_t len, bool write);

/* ---- the function ---- */

struct vlab_owner;
struct vlab_slot_fn;

/**
 * struct vlab_fn - one PCI function
 * @model: what it is
 * @card: the card it is on
 * @index: function number on the card
 * @name: CARD.INDEX, for messages and traces
 * @lock: see the top of this file
 * @cfg: config space
 * @bar: base address registers, then the expansion ROM
 * @block: register blocks
 * @nblocks: how many
 * @vec: interrupt sources, @nvec of them
 * @nvec: set by the model in init() through vlab_irq_init()
 * @irq_work: sends what is due, outside of fn->lock
 * @due: bitmap of vectors whose message is due
 * @intx: level of the INTx line as last driven
 * @intx_due: the slot has yet to be told about @intx
 * @pm: offset of the PM capability, 0 none
 * @msi: the same for MSI
 * @msix: the same for MSI-X
 * @pcie: the same for PCI Express
 * @af: the same for Advanced Features
 * @resets: how often it was reset; also tells workers that what they are about
 *	to do is of the past
 * @owner: who may be asked for DMA, NULL none; see core.h
 * @dma_gate: held for reading over an access, for writing to change @owner and
 *	to wait for accesses; nests outside of all that an owner takes
 * @dma_busy: accesses under way; Transactions Pending while not 0
 * @dma: the engine, if the model has one
 * @poll: polled registers, if the model has some
 * @region: memory that no BAR has, for the user of a front end; NULL none
 * @slot: what the slot knows about it, NULL before it is plugged in
 *
 * Made and freed by its card; models and front ends use it between init() and
 * exit().
 */
struct vlab_fn {
	const struct vlab_model *model;
	struct vlab_card *card;
	unsigned int index;
	char name[32];
	raw_spinlock_t lock;
	struct vlab_cfg cfg;
	struct vlab_bar bar[VLAB_BARS + 1];
	struct vlab_regs block[VLAB_MAX_BLOCKS];
	unsigned int nblocks;
	struct vlab_vec *vec;
	unsigned int nvec;
	struct irq_work irq_work;
	unsigned long *due;
	bool intx, intx_due;
	u16 pm, msi, msix, pcie, af;
	unsigned int resets;
	struct vlab_owner *owner;
	struct rw_semaphore dma_gate;
	unsigned int dma_busy;
	struct vlab_dma *dma;
	struct vlab_poll *poll;
	struct vlab_mem *region;
	struct vlab_slot_fn *slot;
};

int vlab_irq_init(struct vlab_fn *fn, unsigned int nvec);

#endif
