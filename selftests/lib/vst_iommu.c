// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - address spaces, and memory mapped in them
 */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vst.h"

#define FIRST_IOVA	0x100000000ULL	/* clear of the MSI window */
#define MAX_ALIGN	0x40000000ULL
#define MAX_RANGES	16

struct vst_iommu *vst_iommu_open_by(const struct vst_backend *ops)
{
	struct vst_iommu *iommu = calloc(1, sizeof(*iommu));
	unsigned int i;

	vst_assert(iommu);
	iommu->ops = ops;
	iommu->fd = -1;
	iommu->type = VFIO_TYPE1v2_IOMMU;
	for (i = 0; i < VST_MAX_GROUPS; i++)
		iommu->group[i].fd = -1;
	iommu->next_iova = FIRST_IOVA;
	if (iommu->ops->iommu_open)
		vst_ok(iommu->ops->iommu_open(iommu));
	return iommu;
}

struct vst_iommu *vst_iommu_open(void)
{
	return vst_iommu_open_by(vst_backend());
}

void vst_iommu_close(struct vst_iommu *iommu)
{
	if (!iommu)
		return;
	if (iommu->ops->iommu_close)
		iommu->ops->iommu_close(iommu);
	free(iommu);
}

int __vst_map(struct vst_iommu *iommu, void *va, u64 iova, u64 size, u32 prot)
{
	if (!iommu->ops->iommu_map)
		return -EOPNOTSUPP;
	return iommu->ops->iommu_map(iommu, va, iova, size, prot);
}

/* Those with CAP_IPC_LOCK have no limit. */
static bool has_no_limit(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !syscall(SYS_capget, &head, data) && data[0].effective & 1U << CAP_IPC_LOCK;
}

static void tell_of_limit(u64 size)
{
	u64 locked = (u64)vst_locked(0) * VST_PAGE;
	struct rlimit lim;

	if (has_no_limit() || getrlimit(RLIMIT_MEMLOCK, &lim) || lim.rlim_cur == RLIM_INFINITY ||
	    locked + size <= lim.rlim_cur)
		return;
	fprintf(stderr, "# RLIMIT_MEMLOCK is too low: ");
	fprintf(stderr, "%llu KiB may be locked, %llu are, this takes %llu more (ulimit -l %llu)\n",
		(u64)lim.rlim_cur / 1024, locked / 1024, size / 1024, (locked + size) / 1024);
}

int __vst_map_or_tell(struct vst_iommu *iommu, void *va, u64 iova, u64 size, u32 prot)
{
	int ret = __vst_map(iommu, va, iova, size, prot);

	if (ret == -ENOMEM)
		tell_of_limit(size);
	return ret;
}

int __vst_unmap(struct vst_iommu *iommu, u64 iova, u64 size, u64 *done)
{
	if (!iommu->ops->iommu_unmap)
		return -EOPNOTSUPP;
	return iommu->ops->iommu_unmap(iommu, iova, size, done);
}

static u64 alignment(u64 size)
{
	u64 align = VST_PAGE;

	while (align < size && align < MAX_ALIGN)
		align <<= 1;
	return align;
}

static u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

u64 vst_iova(struct vst_iommu *iommu, u64 size)
{
	struct vst_range range[MAX_RANGES];
	u64 align = alignment(size);
	int i, n = vst_ok(iommu->ops->iommu_ranges(iommu, range, MAX_RANGES));

	for (i = 0; i < n; i++) {
		u64 start = max_u64(iommu->next_iova, range[i].start);

		start = (start + align - 1) & ~(align - 1);
		if (start > range[i].end || range[i].end - start < size + VST_PAGE)
			continue;
		iommu->next_iova = start + size + VST_PAGE;
		return start;
	}
	vst_fail(__FILE__, __LINE__, "no IOVA left", ENOSPC);
}

void *vst_anon(size_t size)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (va == MAP_FAILED)
		vst_fail(__FILE__, __LINE__, "mmap", errno);
	return va;
}

struct vst_buf vst_buf(struct vst_iommu *iommu, size_t size, u32 prot)
{
	struct vst_buf buf = {
		.va = vst_anon(size),
		.iova = vst_iova(iommu, size),
		.size = size,
		.iommu = iommu,
	};

	vst_map(iommu, buf.va, buf.iova, size, prot);
	return buf;
}

void vst_buf_free(struct vst_buf *buf)
{
	if (!buf->va)
		return;
	__vst_unmap(buf->iommu, buf->iova, buf->size, NULL);
	munmap(buf->va, buf->size);
	buf->va = NULL;
}
