// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - regions: BARs that go to the model
 *
 * Limits and errors are those of vfio_pci_core's own BARs.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vfio_pci.h"

/**
 * vlab_vfio_bar() - is a region ours?
 * @v: the device
 * @index: index of the region, from anywhere
 *
 * Return: the BAR or ROM; NULL when the region is vfio_pci_core's.
 */
const struct vlab_bar *vlab_vfio_bar(const struct vlab_vfio *v, u64 index)
{
	const struct vlab_bar *b;

	if (index >= ARRAY_SIZE(v->fn->bar))
		return NULL;
	b = &v->fn->bar[array_index_nospec(index, ARRAY_SIZE(v->fn->bar))];
	return b->size && !b->hole ? b : NULL;
}

/**
 * vlab_vfio_can_map() - can a region be mapped, by us?
 * @v: the device, open
 * @index: index of the region, from anywhere
 *
 * Return: true when it is a BAR of ours with card memory that can.
 */
bool vlab_vfio_can_map(const struct vlab_vfio *v, u64 index)
{
	return index < VLAB_BARS && v->can_map[array_index_nospec(index, VLAB_BARS)];
}

/**
 * vlab_vfio_mem_enabled() - does the device answer to memory accesses?
 * @v: the device; core.memory_lock held
 *
 * Return: what vfio_pci_core thinks, which exports it from 7.2 on only.
 */
bool vlab_vfio_mem_enabled(struct vlab_vfio *v)
{
	const struct pci_dev *pdev = v->core.pdev;
	u16 cmd = le16_to_cpu(*(__le16 *)&v->core.vconfig[PCI_COMMAND]);

	lockdep_assert_held(&v->core.memory_lock);
	return (__force int)pdev->current_state < (__force int)PCI_D3hot &&
	       (pdev->no_command_memory || cmd & PCI_COMMAND_MEMORY);
}

/**
 * vlab_vfio_step() - how much of an access goes at once
 * @b: the BAR
 * @pos: offset in it
 * @len: bytes left, not past the end of the BAR
 * @most: no more than this, a power of two of at least 8
 *
 * Return: the largest aligned power of two in the trapped part, anything in
 * memory.
 */
size_t vlab_vfio_step(const struct vlab_bar *b, u64 pos, size_t len, size_t most)
{
	if (!vlab_bar_is_trapped(b, pos))
		return min(len, most);
	return 1 << min(__ffs(pos | VLAB_VFIO_WIDTH), __fls(len));
}

/**
 * vlab_vfio_access() - one access to a BAR of ours
 * @v: the device; core.memory_lock held
 * @bar: which BAR
 * @pos: offset in it
 * @buf: bytes, in kernel space
 * @len: as vlab_vfio_step() says
 * @write: direction
 *
 * Does not sleep in the trapped part.
 *
 * Return: 0, -EIO memory is disabled, -ENOMEM.
 */
int vlab_vfio_access(struct vlab_vfio *v, unsigned int bar, u64 pos, void *buf, size_t len,
		     bool write)
{
	const struct vlab_bar *b = &v->fn->bar[bar];
	bool io = b->flags & PCI_BASE_ADDRESS_SPACE_IO;

	if (!io && !vlab_vfio_mem_enabled(v))
		return -EIO;
	/* As on the bus: nobody answers. The core does not check I/O either. */
	if (io && !vlab_fn_io_enabled(v->fn)) {
		if (!write)
			memset(buf, 0xff, len);
		return 0;
	}
	if (vlab_bar_is_trapped(b, pos))
		return vlab_bar_rw(v->fn, bar, pos, buf, len, write);
	return vlab_mem_rw(b->mem, pos - b->mem_off, buf, len, write);
}

static int rw_step(struct vlab_vfio *v, unsigned int bar, u64 pos, char __user *buf, size_t len,
		   bool write)
{
	u8 bytes[64];
	int ret;

	if (write && copy_from_user(bytes, buf, len))
		return -EFAULT;
	down_read(&v->core.memory_lock);
	ret = vlab_vfio_access(v, bar, pos, bytes, len, write);
	up_read(&v->core.memory_lock);
	if (!ret && !write && copy_to_user(buf, bytes, len))
		return -EFAULT;
	return ret;
}

static ssize_t rw_awake(struct vlab_vfio *v, char __user *buf, size_t count, loff_t *ppos,
			bool write)
{
	unsigned int bar = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	const struct vlab_bar *b = vlab_vfio_bar(v, bar);
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	size_t done, n;
	int ret = 0;

	if (pos >= b->size)
		return -EINVAL;

	count = min_t(u64, count, b->size - pos);
	for (done = 0; done < count; done += n) {
		n = vlab_vfio_step(b, pos + done, count - done, 64);
		ret = rw_step(v, bar, pos + done, buf + done, n, write);
		if (ret)
			break;
	}
	*ppos += done;
	return done ?: ret;
}

/**
 * vlab_vfio_bar_rw() - read or write a BAR of ours
 * @v: the device
 * @buf: in user space
 * @count: bytes
 * @ppos: offset in the device's file, moved by what was done
 * @write: direction
 *
 * Return: bytes done; -EINVAL past the end or a write to the ROM, -EIO memory is
 * disabled, -EFAULT.
 */
ssize_t vlab_vfio_bar_rw(struct vlab_vfio *v, char __user *buf, size_t count, loff_t *ppos,
			 bool write)
{
	ssize_t ret;

	if (!count)
		return 0;
	if (write && VFIO_PCI_OFFSET_TO_INDEX(*ppos) == VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	if (pm_runtime_resume_and_get(&v->core.pdev->dev))
		return -EIO;
	ret = rw_awake(v, buf, count, ppos, write);
	pm_runtime_put(&v->core.pdev->dev);
	return ret;
}

/* ---- region info ---- */

static int add_sparse(const struct vlab_bar *b, struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_sparse_mmap *sparse;
	size_t size = struct_size(sparse, areas, 1);
	int ret;

	sparse = kzalloc(size, GFP_KERNEL);
	if (!sparse)
		return -ENOMEM;
	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].offset = b->mem_off;
	sparse->areas[0].size = b->size - b->mem_off;
	ret = vfio_info_add_capability(caps, &sparse->header, size);
	kfree(sparse);
	return ret;
}

/* Would the core say something else? It finds no image in a ROM of ours. */
static bool is_our_info(const struct vlab_vfio *v, u32 index)
{
	return vlab_vfio_can_map(v, index) ||
	       (index == VFIO_PCI_ROM_REGION_INDEX && vlab_vfio_bar(v, index));
}

static int our_info(const struct vlab_vfio *v, struct vfio_region_info *info,
		    struct vfio_info_cap *caps)
{
	const struct vlab_bar *b = vlab_vfio_bar(v, info->index);

	info->offset = VFIO_PCI_INDEX_TO_OFFSET(info->index);
	info->size = b->size;
	info->flags = VFIO_REGION_INFO_FLAG_READ;
	if (info->index == VFIO_PCI_ROM_REGION_INDEX)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP;
	return b->mem_off ? add_sparse(b, caps) : 0;
}

#ifdef VLAB_REGION_INFO_OP
/**
 * vlab_vfio_region_info() - VFIO_DEVICE_GET_REGION_INFO as an op
 * @vdev: the device
 * @info: to be filled
 * @caps: capabilities are added
 *
 * Return: 0 or -errno.
 */
int vlab_vfio_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			  struct vfio_info_cap *caps)
{
	struct vlab_vfio *v = to_vlab_vfio(vdev);

	if (is_our_info(v, info->index))
		return our_info(v, info, caps);
	return vfio_pci_ioctl_get_region_info(vdev, info, caps);
}
#else
static int put_caps(struct vfio_region_info *info, struct vfio_info_cap *caps,
		    void __user *behind)
{
	int ret = 0;

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < sizeof(*info) + caps->size) {
		info->argsz = sizeof(*info) + caps->size;
		info->cap_offset = 0;
	} else {
		vfio_info_cap_shift(caps, sizeof(*info));
		if (copy_to_user(behind, caps->buf, caps->size))
			ret = -EFAULT;
		info->cap_offset = sizeof(*info);
	}
	kfree(caps->buf);
	return ret;
}

/**
 * vlab_vfio_ioctl_region_info() - VFIO_DEVICE_GET_REGION_INFO as an ioctl
 * @v: the device
 * @arg: struct vfio_region_info in user space
 *
 * Return: 0 or -errno.
 */
long vlab_vfio_ioctl_region_info(struct vlab_vfio *v, unsigned long arg)
{
	size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info __user *uarg = (void __user *)arg;
	struct vfio_info_cap caps = {};
	struct vfio_region_info info;
	int ret;

	if (copy_from_user(&info, uarg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || !is_our_info(v, info.index))
		return vfio_pci_core_ioctl(&v->core.vdev, VFIO_DEVICE_GET_REGION_INFO, arg);

	ret = our_info(v, &info, &caps);
	if (!ret && caps.size)
		ret = put_caps(&info, &caps, uarg + 1);
	if (!ret && copy_to_user(uarg, &info, minsz))
		ret = -EFAULT;
	return ret;
}
#endif
