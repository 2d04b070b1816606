// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_vfio_pci - VFIO_DEVICE_IOEVENTFD on BARs of ours
 *
 * The core would write to the BAR's physical address, where nothing is. Limits
 * and errors are the core's.
 */
#include <linux/bitops.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vfio_pci.h"

#define VLAB_IOEVENTFDS	1000

/**
 * struct ioeventfd - a write on a signal
 * @list: in vlab_vfio.ioeventfds
 * @v: the device
 * @virqfd: the eventfd's wait queue entry; NULL when the eventfd was closed
 * @bar: where to write
 * @pos: offset in it
 * @data: what to write, little endian
 * @count: bytes of it
 *
 * Made and freed by the ioctl, or freed when the device is closed.
 */
struct ioeventfd {
	struct list_head list;
	struct vlab_vfio *v;
	struct virqfd *virqfd;
	unsigned int bar;
	u64 pos;
	__le64 data;
	unsigned int count;
};

static void write_locked(struct ioeventfd *e)
{
	const struct vlab_bar *b = &e->v->fn->bar[e->bar];
	u8 *buf = (u8 *)&e->data;
	unsigned int done, n;

	for (done = 0; done < e->count; done += n) {
		n = vlab_vfio_step(b, e->pos + done, e->count - done, 8);
		if (vlab_vfio_access(e->v, e->bar, e->pos + done, buf + done, n, true))
			return;
	}
}

/*
 * In the signaller's context, interrupts off: registers can be written here. But not
 * when an interrupt signals it: it may be that of the register, and then would raise
 * itself for ever, and nothing else would run on this processor any more.
 */
static int ioeventfd_signal(void *opaque, void *unused)
{
	struct ioeventfd *e = opaque;

	if (in_hardirq() || e->pos + e->count > e->v->fn->bar[e->bar].mem_off ||
	    !down_read_trylock(&e->v->core.memory_lock))
		return 1;	/* let the thread do it */
	write_locked(e);
	up_read(&e->v->core.memory_lock);
	return 0;
}

static void ioeventfd_thread(void *opaque, void *unused)
{
	struct ioeventfd *e = opaque;

	down_read(&e->v->core.memory_lock);
	write_locked(e);
	up_read(&e->v->core.memory_lock);
}

static struct ioeventfd *find(struct vlab_vfio *v, const struct ioeventfd *key)
{
	struct ioeventfd *e;

	lockdep_assert_held(&v->ioeventfds_lock);
	list_for_each_entry(e, &v->ioeventfds, list)
		if (e->bar == key->bar && e->pos == key->pos && e->data == key->data &&
		    e->count == key->count)
			return e;
	return NULL;
}

static void remove(struct vlab_vfio *v, struct ioeventfd *e)
{
	vfio_virqfd_disable(&e->virqfd);
	list_del(&e->list);
	v->nioeventfds--;
	kfree(e);
}

static int add(struct vlab_vfio *v, const struct ioeventfd *key, int fd)
{
	struct ioeventfd *e;
	int ret;

	if (v->nioeventfds >= VLAB_IOEVENTFDS)
		return -ENOSPC;
	e = kmemdup(key, sizeof(*key), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	ret = vfio_virqfd_enable(e, ioeventfd_signal, ioeventfd_thread, NULL, &e->virqfd, fd);
	if (ret) {
		kfree(e);
		return ret;
	}
	list_add(&e->list, &v->ioeventfds);
	v->nioeventfds++;
	return 0;
}

static int add_or_remove(struct vlab_vfio *v, const struct ioeventfd *key, int fd)
{
	struct ioeventfd *e = find(v, key);

	if (e && fd >= 0)
		return -EEXIST;
	if (!e && fd < 0)
		return -ENODEV;
	if (!e)
		return add(v, key, fd);
	remove(v, e);
	return 0;
}

/* The core judges what it would refuse for any BAR in the same order. */
static long ours(struct vlab_vfio *v, const struct vfio_device_ioeventfd *arg)
{
	struct ioeventfd key = {
		.v = v,
		.bar = VFIO_PCI_OFFSET_TO_INDEX(arg->offset),
		.pos = arg->offset & VFIO_PCI_OFFSET_MASK,
		.data = cpu_to_le64(arg->data),
		.count = arg->flags & VFIO_DEVICE_IOEVENTFD_SIZE_MASK,
	};
	long ret;

	if (arg->flags & ~VFIO_DEVICE_IOEVENTFD_SIZE_MASK || hweight32(key.count) != 1 ||
	    key.count > VLAB_IOEVENTFD_WIDTH || arg->fd < -1 ||
	    key.pos + key.count > v->fn->bar[key.bar].size)
		return -EINVAL;

	mutex_lock(&v->ioeventfds_lock);
	ret = add_or_remove(v, &key, arg->fd);
	mutex_unlock(&v->ioeventfds_lock);
	return ret;
}

/* The core refuses a ROM by itself. */
static bool is_bar_of_ours(const struct vlab_vfio *v, u64 index)
{
	return index < VLAB_BARS && vlab_vfio_bar(v, index);
}

/**
 * vlab_vfio_ioctl_ioeventfd() - VFIO_DEVICE_IOEVENTFD
 * @v: the device
 * @arg: struct vfio_device_ioeventfd in user space
 *
 * Return: 0 or -errno.
 */
long vlab_vfio_ioctl_ioeventfd(struct vlab_vfio *v, unsigned long arg)
{
	size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);
	struct vfio_device_ioeventfd req;

	if (copy_from_user(&req, (void __user *)arg, minsz))
		return -EFAULT;
	/* The core of 6.1 takes the top half of all offsets for BARs before BAR0. */
	if (req.argsz >= minsz && (s64)req.offset < 0)
		return -EINVAL;
	if (req.argsz >= minsz && is_bar_of_ours(v, VFIO_PCI_OFFSET_TO_INDEX(req.offset)))
		return ours(v, &req);
	return vfio_pci_core_ioctl(&v->core.vdev, VFIO_DEVICE_IOEVENTFD, arg);
}

/**
 * vlab_vfio_ioeventfds_close() - forget them all
 * @v: the device, about to be closed
 */
void vlab_vfio_ioeventfds_close(struct vlab_vfio *v)
{
	struct ioeventfd *e, *next;

	mutex_lock(&v->ioeventfds_lock);
	list_for_each_entry_safe(e, next, &v->ioeventfds, list)
		remove(v, e);
	mutex_unlock(&v->ioeventfds_lock);
}
