/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vst - what tests of iommufd itself need: its header, and what old ones lack
 */
#ifndef VST_IOMMUFD_H
#define VST_IOMMUFD_H

#include <linux/iommufd.h>
#include <linux/types.h>

/* In <linux/iommufd.h> since 6.14. */
#ifndef IOMMU_IOAS_MAP_FILE
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

#define IOMMU_IOAS_MAP_FILE	_IO(IOMMUFD_TYPE, 0x8f)
#endif

#endif
