// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - the device gets at the memory of its user
 *
 * By the container, vfio_dma_rw() looks mapping and permission up and is serialised
 * against unmapping. It is made for drivers of devices without an IOMMU, hence two
 * things are left to do here. It wants read permission for a write as well: such a
 * write is done on the pinned page. And it never looks at the IOMMU: check_iommu
 * does, while the page is pinned, since a pin keeps the mapping in place and a
 * walk of the IOMMU's table is safe only for as long as that.
 *
 * By iommufd, all is done on pinned pages: those are looked up in the IOMMU's table,
 * where vfio_dma_rw() goes through the process that mapped them.
 */
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/pm_runtime.h>

#include "vfio_pci.h"

static bool check_iommu;
module_param(check_iommu, bool, 0644);
MODULE_PARM_DESC(check_iommu, "after each access by a card, see that the IOMMU leads there too");

/* ---- pins ---- */

/*
 * An unmap of a mapping with a pinned page asks everybody to let go, ten times
 * at most, and holds up the container meanwhile. So there is one pin at a time,
 * for the time of a copy, and none is taken while an unmap has asked.
 */
#define HOLD_OFF	(HZ / 10)

static void let_go(struct vlab_vfio_pin *pin)
{
	WRITE_ONCE(pin->held, false);
	wake_up_all(&pin->gone);
}

/* Says that there will be a pin, unless an unmap waits; see dma_unmap(). */
static bool try_hold(struct vlab_vfio_pin *pin)
{
	WRITE_ONCE(pin->held, true);
	smp_mb();	/* with the one in vlab_vfio_dma_unmap() */
	if (!time_before(jiffies, READ_ONCE(pin->hold_off)))
		return true;
	let_go(pin);
	return false;
}

static int pin_page(struct vlab_vfio *v, u64 iova, int prot, struct page **page)
{
	int ret = -ENXIO;

	mutex_lock(&v->pin.lock);
	if (vlab_vfio_lacks_ioas(v))
		goto unlock;
	while (!try_hold(&v->pin))
		schedule_timeout_uninterruptible(HOLD_OFF);
	ret = vfio_pin_pages(&v->core.vdev, ALIGN_DOWN(iova, PAGE_SIZE), 1, prot, page);
	if (ret == 1)
		return 0;
	let_go(&v->pin);
unlock:
	mutex_unlock(&v->pin.lock);
	return ret ?: -EFAULT;
}

static void unpin_page(struct vlab_vfio *v, u64 iova)
{
	vfio_unpin_pages(&v->core.vdev, ALIGN_DOWN(iova, PAGE_SIZE), 1);
	let_go(&v->pin);
	mutex_unlock(&v->pin.lock);
}

/**
 * vlab_vfio_dma_unmap() - user space unmaps what is pinned
 * @vdev: the device
 * @iova: start of the mapping
 * @len: its length
 *
 * The unpinning takes a lock that somebody may hold who waits for this to
 * return; hence the limit, after which type1 asks again.
 */
void vlab_vfio_dma_unmap(struct vfio_device *vdev, u64 iova, u64 len)
{
	struct vlab_vfio_pin *pin = &to_vlab_vfio(vdev)->pin;

	WRITE_ONCE(pin->hold_off, jiffies + HOLD_OFF);
	smp_mb();	/* with the one in try_hold() */
	wait_event_timeout(pin->gone, !READ_ONCE(pin->held), HZ);
}

/* ---- accesses ---- */

static int compare(struct vlab_vfio *v, u64 iova, struct page *page)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&v->core.pdev->dev);

	if (domain && iommu_iova_to_phys(domain, iova) !=
		      page_to_phys(page) + offset_in_page(iova))
		return -EIO;
	return 0;
}

/* A page that cannot be pinned cannot be checked: P2P, a version 1 container. */
static int check(struct vlab_vfio *v, u64 iova, bool write)
{
	struct page *page;
	int ret;

	if (pin_page(v, iova, write ? IOMMU_WRITE : IOMMU_READ, &page))
		return 0;
	ret = compare(v, iova, page);
	unpin_page(v, iova);
	return ret;
}

static int rw_pinned(struct vlab_vfio *v, u64 iova, void *buf, size_t len, bool write)
{
	struct page *page;
	int ret;

	ret = pin_page(v, iova, write ? IOMMU_WRITE : IOMMU_READ, &page);
	if (ret)
		return ret == -EACCES ? -EPERM : ret;	/* no pins in version 1 */
	vlab_page_rw(page, offset_in_page(iova), buf, len, write);
	unpin_page(v, iova);
	return 0;
}

static int container_rw(struct vlab_vfio *v, u64 iova, void *buf, size_t len, bool write)
{
	int ret = vfio_dma_rw(&v->core.vdev, iova, buf, len, write);

	if (ret == -EPERM && write)
		ret = rw_pinned(v, iova, buf, len, write);
	if (!ret && READ_ONCE(check_iommu))
		ret = check(v, iova, write);
	return ret;
}

/* Returns what vlab_dma_rw() promises. Asleep, or about to be: see vfio_pm.c. */
static int owner_rw(struct vlab_owner *owner, u64 iova, void *buf, size_t len, bool write)
{
	struct vlab_vfio *v = container_of(owner, struct vlab_vfio, owner);
	int ret;

	if (!pm_runtime_active(&v->core.pdev->dev))
		return -EACCES;
	if (vlab_vfio_by_iommufd(v))
		ret = rw_pinned(v, iova, buf, len, write);
	else
		ret = container_rw(v, iova, buf, len, write);
	switch (ret) {
	case 0:
	case -EPERM:
	case -ENXIO:
	case -EIO:
	case -ENOMEM:
		return ret;
	case -ENOTTY:
		return -ENXIO;
	default:
		return -EFAULT;
	}
}

/**
 * vlab_vfio_dma_init() - before the device is opened for the first time
 * @v: the device
 */
void vlab_vfio_dma_init(struct vlab_vfio *v)
{
	v->owner.rw = owner_rw;
	v->owner.protect = vlab_vfio_protect;
	mutex_init(&v->pin.lock);
	init_waitqueue_head(&v->pin.gone);
	v->pin.hold_off = jiffies;
}
