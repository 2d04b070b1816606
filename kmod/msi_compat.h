/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - the kernel's PCI/MSI domain on top of ours, old way and new
 *
 * compat.h says which: VLAB_MSI_PARENT.
 */
#ifndef VFIOLAB_MSI_COMPAT_H
#define VFIOLAB_MSI_COMPAT_H

#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>

#include "compat.h"

/* What makes a PCI/MSI chip one on top of ours (msi.c). */
void vlab_msi_set_chip(struct irq_chip *chip);

#if VLAB_MSI_PARENT

#define VLAB_MSI_DOMAIN_FLAGS	IRQ_DOMAIN_FLAG_MSI_PARENT
#define VLAB_MSI_ISOLATED	IRQ_DOMAIN_FLAG_ISOLATED_MSI

static inline bool vlab_msi_init_dev(struct device *dev, struct irq_domain *domain,
				     struct irq_domain *parent, struct msi_domain_info *info)
{
	info->flags &= parent->msi_parent_ops->supported_flags;
	info->flags |= MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS;
	info->handler = handle_edge_irq;
	info->handler_name = "edge";
	vlab_msi_set_chip(info->chip);
	return true;
}

/* Each device makes its own domain on top of ours. */
static inline struct irq_domain *vlab_msi_on_top(struct irq_domain *inner)
{
	static const struct msi_parent_ops ops = {
		.supported_flags = MSI_GENERIC_FLAGS_MASK | MSI_FLAG_MULTI_PCI_MSI |
				   MSI_FLAG_PCI_MSIX | MSI_FLAG_PCI_MSIX_ALLOC_DYN,
		.prefix = "vfiolab-",
		.init_dev_msi_info = vlab_msi_init_dev,
	};

	inner->msi_parent_ops = &ops;
	return inner;
}

#else

#define VLAB_MSI_DOMAIN_FLAGS	0
#define VLAB_MSI_ISOLATED	IRQ_DOMAIN_FLAG_MSI_REMAP

/*
 * One domain for all devices. The token says that it is not the usual one:
 * interrupt remapping would put its own in its place.
 */
static inline struct irq_domain *vlab_msi_on_top(struct irq_domain *inner)
{
	static struct irq_chip chip = { .name = "vfiolab-PCI-MSI" };
	static struct msi_domain_info info = {
		.flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
			 MSI_FLAG_MULTI_PCI_MSI | MSI_FLAG_PCI_MSIX,
		.chip = &chip,
		.handler = handle_edge_irq,
		.handler_name = "edge",
	};
	struct irq_domain *domain;

	vlab_msi_set_chip(&chip);
	domain = pci_msi_create_irq_domain(NULL, &info, inner);
	if (domain)
		irq_domain_update_bus_token(domain, DOMAIN_BUS_VMD_MSI);
	return domain;
}

#endif

#endif
