// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - what the IOMMU of an AMD machine covers
 *
 * Kernels before 6.19 index a table by device id before they look whether the
 * id is in it, and the table is as long as the highest id that the IVRS names:
 * a device beyond it oopses as it is added. AMD I/O Virtualization Technology
 * Specification, 5.2.2.
 */
#include <linux/acpi.h>
#include <linux/bitmap.h>
#include <linux/pci.h>

#include "compat.h"
#include "slot.h"

#define IDS	0x10000

/**
 * struct id_range - where a range of device ids began
 * @open: it began
 * @start: there
 */
struct id_range {
	bool open;
	unsigned int start;
};

static unsigned int entry_size(const struct acpi_ivrs_de_header *e)
{
	const struct acpi_ivrs_device_hid *hid = (const void *)e;

	if (e->type == ACPI_IVRS_TYPE_HID)
		return sizeof(*hid) + hid->uid_length;
	return 4U << (e->type >> 6);
}

static void add_entry(unsigned long *ids, struct id_range *range,
		      const struct acpi_ivrs_de_header *e)
{
	switch (e->type) {
	case ACPI_IVRS_TYPE_ALL:
		bitmap_fill(ids, IDS);
		break;
	case ACPI_IVRS_TYPE_SELECT:
	case ACPI_IVRS_TYPE_ALIAS_SELECT:
	case ACPI_IVRS_TYPE_EXT_SELECT:
		__set_bit(e->id, ids);
		break;
	case ACPI_IVRS_TYPE_START:
	case ACPI_IVRS_TYPE_ALIAS_START:
	case ACPI_IVRS_TYPE_EXT_START:
		*range = (struct id_range) { .open = true, .start = e->id };
		break;
	case ACPI_IVRS_TYPE_END:
		if (range->open && range->start <= e->id)
			bitmap_set(ids, range->start, e->id - range->start + 1);
		range->open = false;
		break;
	}
}

static unsigned int block_header(const struct acpi_ivrs_header *block)
{
	switch (block->type) {
	case ACPI_IVRS_TYPE_HARDWARE1:
		return sizeof(struct acpi_ivrs_hardware_10);
	case ACPI_IVRS_TYPE_HARDWARE2:
	case ACPI_IVRS_TYPE_HARDWARE3:
		return sizeof(struct acpi_ivrs_hardware_11);
	}
	return 0;
}

/* One IOMMU's device entries. */
static void add_block(unsigned long *ids, const struct acpi_ivrs_header *block, int segment)
{
	const struct acpi_ivrs_hardware_10 *hw = (const void *)block;
	const void *end = (const void *)block + block->length;
	const struct acpi_ivrs_de_header *e;
	struct id_range range = {};
	const void *pos;

	if (!block_header(block) || hw->pci_segment_group != segment)
		return;
	for (pos = (const void *)block + block_header(block); pos + sizeof(*e) <= end;
	     pos += entry_size(e)) {
		e = pos;
		add_entry(ids, &range, e);
	}
}

static void add_table(unsigned long *ids, const struct acpi_table_header *table, int segment)
{
	const void *end = (const void *)table + table->length;
	const void *pos = (const void *)table + sizeof(struct acpi_table_ivrs);
	const struct acpi_ivrs_header *block;

	for (; pos + sizeof(*block) <= end; pos += block->length) {
		block = pos;
		if (block->length < sizeof(*block) || pos + block->length > end)
			return;
		add_block(ids, block, segment);
	}
}

/*
 * Is there one that looks its devices up? The port's own group would not tell: a
 * port that the table leaves out has none.
 */
static bool iommu_at_work(void)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (pdev->dev.iommu_group) {
			pci_dev_put(pdev);
			return true;
		}
	}
	return false;
}

/**
 * vlab_ivrs_used() - is it an AMD IOMMU that looks devices up
 *
 * Return: true when there is one, and the kernel uses it.
 */
bool vlab_ivrs_used(void)
{
	struct acpi_table_header *table;

	if (!iommu_at_work() || ACPI_FAILURE(acpi_get_table(ACPI_SIG_IVRS, 0, &table)))
		return false;
	acpi_put_table(table);
	return true;
}

/**
 * vlab_ivrs_covers() - may there be devices on these buses
 * @port: the root port they are below
 * @first: first bus
 * @last: last bus
 *
 * Return: true without an AMD IOMMU, or when it knows each device id there.
 */
bool vlab_ivrs_covers(struct pci_dev *port, unsigned int first, unsigned int last)
{
	struct acpi_table_header *table;
	unsigned long *ids;
	bool covered;

	if (!iommu_at_work() || ACPI_FAILURE(acpi_get_table(ACPI_SIG_IVRS, 0, &table)))
		return true;

	ids = bitmap_zalloc(IDS, GFP_KERNEL);
	if (ids)
		add_table(ids, table, pci_domain_nr(port->bus));
	acpi_put_table(table);

	covered = ids && find_next_zero_bit(ids, (last + 1) << 8, first << 8) >= (last + 1) << 8;
	bitmap_free(ids);
	return covered;
}
