// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - interrupts
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vst.h"

static size_t data_size(u32 flags)
{
	switch (flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		return sizeof(int);
	case VFIO_IRQ_SET_DATA_BOOL:
		return sizeof(u8);
	default:
		return 0;
	}
}

int __vst_set_irqs(struct vst_dev *dev, unsigned int index, u32 flags, u32 start, u32 count,
		   const void *data)
{
	size_t size = data_size(flags) * count;
	struct vfio_irq_set *set;
	int ret;

	if (!dev->ops->set_irqs)
		return -EOPNOTSUPP;
	set = calloc(1, sizeof(*set) + size);
	vst_assert(set);
	set->argsz = sizeof(*set) + size;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (size)
		memcpy(set->data, data, size);
	ret = dev->ops->set_irqs(dev, set);
	free(set);
	return ret;
}

int __vst_irq_info(struct vst_dev *dev, unsigned int index, struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info){ .argsz = sizeof(*info), .index = index };
	return __vst_ioctl(dev, VFIO_DEVICE_GET_IRQ_INFO, info);
}

int vst_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	vst_assert(fd >= 0);
	return fd;
}

int __vst_event_wait(int fd, unsigned int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, ms) <= 0)
		return -ETIMEDOUT;
	return vst_event_count(fd);
}

u64 vst_event_count(int fd)
{
	u64 count = 0;

	if (read(fd, &count, sizeof(count)) < 0)
		vst_assert(errno == EAGAIN);
	return count;
}

unsigned int vst_irq_handlers(const char *bdf)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char text[512], name[VST_BDF_LEN + 3];
	unsigned int n = 0;

	vst_assert(file);
	snprintf(name, sizeof(name), "(%s)", bdf);
	while (fgets(text, sizeof(text), file))
		n += strstr(text, "vfio-") && strstr(text, name);
	fclose(file);
	return n;
}
