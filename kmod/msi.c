// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - interrupts of plugged in functions
 *
 * Messages: an interrupt domain below the kernel's own PCI/MSI domains. A message
 * has a number in it; the function is told which, and raising it is one call.
 * Nothing interprets address and data.
 *
 * INTx: one interrupt a function, level triggered.
 *
 * Everything is raised from the function's irq_work.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "msi_compat.h"
#include "slot.h"

/**
 * struct message - one allocated message
 * @fn: whose
 * @index: which of its messages, as in the MSI-X table
 *
 * Chip data of the interrupt, from alloc to free.
 */
struct message {
	struct vlab_fn *fn;
	unsigned int index;
};

/* Numbers go round, so that a late message does not hit a new owner. */
static DEFINE_XARRAY_ALLOC1(messages);
static u32 next_message = 1;

static struct fwnode_handle *fwnode;
static struct irq_domain *inner;	/* ours */
static struct irq_domain *outer;	/* what devices are given: on top of it, or the same */

/* ---- messages: are they isolated? ---- */

static bool isolated_msi = true;

static void mark_isolated(void)
{
	if (isolated_msi)
		inner->flags |= VLAB_MSI_ISOLATED;
	else
		inner->flags &= ~VLAB_MSI_ISOLATED;
}

/* Under the module's parameter lock, as is all that changes @inner meanwhile. */
static int set_isolated(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_bool(val, kp);

	if (!ret && inner)
		mark_isolated();
	return ret;
}

static const struct kernel_param_ops isolated_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_isolated,
	.get = param_get_bool,
};

module_param_cb(isolated_msi, &isolated_ops, &isolated_msi, 0644);
MODULE_PARM_DESC(isolated_msi, "Say that a card can send no interrupts but its own (default 1); 0: VFIO wants allow_unsafe_interrupts, since 6.2");

/* ---- messages: the chip ---- */

static void message_mask(struct irq_data *data)
{
	struct message *msg = irq_data_get_irq_chip_data(data);

	vlab_irq_vec_mask(msg->fn, msg->index, true);
}

static void message_unmask(struct irq_data *data)
{
	struct message *msg = irq_data_get_irq_chip_data(data);

	vlab_irq_vec_mask(msg->fn, msg->index, false);
}

static void message_compose(struct irq_data *data, struct msi_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->address_lo = 0xfee00000;
	msg->data = data->hwirq;
}

/* It is raised wherever the irq_work runs; say so about one CPU of the mask. */
static int message_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	unsigned int cpu = cpumask_any_and(mask, cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		return -EINVAL;
	irq_data_update_effective_affinity(data, cpumask_of(cpu));
	return IRQ_SET_MASK_OK_DONE;
}

static struct irq_chip message_chip = {
	.name = "vfiolab",
	.irq_mask = message_mask,
	.irq_unmask = message_unmask,
	.irq_compose_msi_msg = message_compose,
	.irq_set_affinity = message_set_affinity,
};

/* ---- messages: our domain ---- */

static int message_alloc(struct irq_domain *domain, unsigned int virq, struct vlab_fn *fn,
			 unsigned int index)
{
	struct message *msg = kzalloc(sizeof(*msg), GFP_KERNEL);
	u32 hwirq;
	int ret;

	if (!msg)
		return -ENOMEM;
	msg->fn = fn;
	msg->index = index;
	ret = xa_alloc_cyclic(&messages, &hwirq, msg, xa_limit_31b, &next_message, GFP_KERNEL);
	if (ret < 0) {
		kfree(msg);
		return ret;
	}
	return irq_domain_set_hwirq_and_chip(domain, virq, hwirq, &message_chip, msg);
}

static void domain_free(struct irq_domain *domain, unsigned int virq, unsigned int count)
{
	struct irq_data *data;

	for (; count--; virq++) {
		data = irq_domain_get_irq_data(domain, virq);
		kfree(xa_erase(&messages, data->hwirq));
		irq_domain_reset_irq_data(data);
	}
}

static int domain_alloc(struct irq_domain *domain, unsigned int virq, unsigned int count,
			void *arg)
{
	struct msi_desc *desc = ((msi_alloc_info_t *)arg)->desc;
	struct vlab_fn *fn = vlab_fn_of_pdev(to_pci_dev(desc->dev));
	unsigned int i;
	int ret = fn ? 0 : -ENODEV;

	for (i = 0; !ret && i < count; i++)
		ret = message_alloc(domain, virq + i, fn, desc->msi_index + i);
	if (ret && i)
		domain_free(domain, virq, i - 1);
	return ret;
}

/* It starts masked; the chip unmasks it when there is a handler. */
static int domain_activate(struct irq_domain *domain, struct irq_data *data, bool reserve)
{
	struct message *msg = irq_data_get_irq_chip_data(data);

	vlab_irq_vec_set(msg->fn, msg->index, data->hwirq);
	return 0;
}

static void domain_deactivate(struct irq_domain *domain, struct irq_data *data)
{
	struct message *msg = irq_data_get_irq_chip_data(data);

	vlab_irq_vec_set(msg->fn, msg->index, 0);
}

static const struct irq_domain_ops domain_ops = {
	.alloc = domain_alloc,
	.free = domain_free,
	.activate = domain_activate,
	.deactivate = domain_deactivate,
};

/* ---- messages: the chip of the PCI/MSI domain on top ---- */

static void pci_mask(struct irq_data *data)
{
	pci_msi_mask_irq(data);
	irq_chip_mask_parent(data);
}

static void pci_unmask(struct irq_data *data)
{
	irq_chip_unmask_parent(data);
	pci_msi_unmask_irq(data);
}

static void pci_ack(struct irq_data *data)
{
}

void vlab_msi_set_chip(struct irq_chip *chip)
{
	chip->irq_mask = pci_mask;
	chip->irq_unmask = pci_unmask;
	chip->irq_ack = pci_ack;
	chip->irq_startup = NULL;
	chip->irq_shutdown = NULL;
}

void vlab_slot_msi(struct vlab_fn *fn, unsigned long hwirq)
{
	generic_handle_domain_irq_safe(inner, hwirq);
}

struct irq_domain *vlab_msi_domain(void)
{
	return outer;
}

static int create_domains(void)
{
	inner = irq_domain_create_hierarchy(NULL, VLAB_MSI_DOMAIN_FLAGS, 0, fwnode,
					    &domain_ops, NULL);
	if (!inner)
		return -ENOMEM;
	mark_isolated();
	outer = vlab_msi_on_top(inner);
	return outer ? 0 : -ENOMEM;
}

static void remove_domains(void)
{
	if (outer && outer != inner)
		irq_domain_remove(outer);
	if (inner)
		irq_domain_remove(inner);
	inner = NULL;
}

int vlab_msi_init(void)
{
	int ret;

	fwnode = irq_domain_alloc_named_fwnode("vfiolab");
	if (!fwnode)
		return -ENOMEM;
	kernel_param_lock(THIS_MODULE);
	ret = create_domains();
	kernel_param_unlock(THIS_MODULE);
	if (ret)
		vlab_msi_exit();
	return ret;
}

void vlab_msi_exit(void)
{
	kernel_param_lock(THIS_MODULE);
	remove_domains();
	kernel_param_unlock(THIS_MODULE);
	irq_domain_free_fwnode(fwnode);
}

/* ---- INTx ---- */

static void intx_mask(struct irq_data *data)
{
}

static bool is_up(struct vlab_intx *line)
{
	struct vlab_slot_fn *sf;
	unsigned long flags;
	bool up = false;

	raw_spin_lock_irqsave(&line->lock, flags);
	list_for_each_entry(sf, &line->fns, on_line)
		up |= READ_ONCE(sf->fn->intx);
	raw_spin_unlock_irqrestore(&line->lock, flags);
	return up;
}

/* The line may have stayed up. Not from here: the handler's lock is held. */
static void intx_unmask(struct irq_data *data)
{
	struct vlab_intx *line = irq_data_get_irq_chip_data(data);

	if (is_up(line))
		irq_work_queue(&line->again);
}

static struct irq_chip intx_chip = {
	.name = "vfiolab-INTx",
	.irq_mask = intx_mask,
	.irq_unmask = intx_unmask,
};

static void raise_intx(struct vlab_intx *line)
{
	if (is_up(line))
		generic_handle_irq_safe(line->virq);
}

static void raise_again(struct irq_work *work)
{
	raise_intx(container_of(work, struct vlab_intx, again));
}

void vlab_slot_intx(struct vlab_fn *fn)
{
	struct vlab_slot_fn *sf = READ_ONCE(fn->slot);

	if (sf && sf->intx)
		raise_intx(sf->intx);
}

/* Numbers below 16 are ISA's, and 255 in pdev->irq means "not connected". */
static int alloc_virq(void)
{
	int virq = irq_alloc_descs(-1, 16, 1, NUMA_NO_NODE);
	int other;

	if (virq != 255)
		return virq;
	other = irq_alloc_descs(-1, 256, 1, NUMA_NO_NODE);
	irq_free_descs(virq, 1);
	return other;
}

static struct vlab_intx *create_line(void)
{
	struct vlab_intx *line = kzalloc(sizeof(*line), GFP_KERNEL);
	int virq;

	if (!line)
		return ERR_PTR(-ENOMEM);
	virq = alloc_virq();
	if (virq < 0) {
		kfree(line);
		return ERR_PTR(virq);
	}
	raw_spin_lock_init(&line->lock);
	INIT_LIST_HEAD(&line->fns);
	line->virq = virq;
	line->again = IRQ_WORK_INIT_HARD(raise_again);
	irq_set_chip_data(virq, line);
	irq_set_chip_and_handler_name(virq, &intx_chip, handle_level_irq, "level");
	/* A level, so that one that came and went while it was disabled is forgotten. */
	irq_modify_status(virq, IRQ_NOREQUEST, IRQ_NOPROBE | IRQ_LEVEL);
	return line;
}

/**
 * vlab_intx_init() - connect a function to its INTx line
 * @sf: the function; without an interrupt pin it gets none
 * @line: of another function of the device with the same pin, NULL: there is none
 *
 * Return: 0, -errno when there is no memory or no number left.
 */
int vlab_intx_init(struct vlab_slot_fn *sf, struct vlab_intx *line)
{
	if (!sf->fn->cfg.val[PCI_INTERRUPT_PIN])
		return 0;
	if (!line)
		line = create_line();
	if (IS_ERR(line))
		return PTR_ERR(line);
	raw_spin_lock_irq(&line->lock);
	list_add_tail(&sf->on_line, &line->fns);
	raw_spin_unlock_irq(&line->lock);
	sf->intx = line;
	return 0;
}

/**
 * vlab_intx_exit() - disconnect it
 * @sf: the function; no driver of its has the interrupt, and it raises none
 */
void vlab_intx_exit(struct vlab_slot_fn *sf)
{
	struct vlab_intx *line = sf->intx;
	bool last;

	if (!line)
		return;
	raw_spin_lock_irq(&line->lock);
	list_del(&sf->on_line);
	last = list_empty(&line->fns);
	raw_spin_unlock_irq(&line->lock);
	if (!last)
		return;
	irq_work_sync(&line->again);
	irq_free_descs(line->virq, 1);
	kfree(line);
}
