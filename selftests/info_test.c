// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device says about itself through its container, group and file:
 * <linux/vfio.h> for the form, serial.rst for the numbers.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define MEMORY		0x10000
#define MSI_VECTORS	8
#define MSIX_VECTORS	16

#define RW_FLAGS	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)

FIXTURE(info) {
	struct vst_dev *dev;
};

FIXTURE_SETUP(info)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
}

FIXTURE_TEARDOWN(info)
{
	vst_close(self->dev);
}

/* ---- the device ---- */

/* uapi: DEVICE.GET_INFO DEVICE.FLAGS_PCI DEVICE.FLAGS_RESET */
TEST_F(info, device_is_pci_and_can_be_reset)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info);
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_PCI);
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_RESET);
}

/* uapi: DEVICE.GET_INFO */
TEST_F(info, device_has_the_regions_and_irqs_of_pci)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info);
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, info.num_regions);
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, info.num_irqs);
}

/* uapi: DEVICE.FDINFO */
TEST_F(info, proc_tells_where_the_device_of_the_file_is)
{
	char path[PATH_MAX], told[PATH_MAX], link[64];

	if (__vst_fdinfo(self->dev->fd, "vfio-device-syspath", told, sizeof(told)) < 0)
		SKIP(return, "this kernel's fdinfo has no vfio-device-syspath");
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", vst_bdf());
	ASSERT_NE(NULL, realpath(link, path));
	EXPECT_STREQ(path, told);
}

/* uapi: DEVICE.GET_INFO */
TEST_F(info, device_info_with_short_argsz_is_refused)
{
	struct vfio_device_info info = { .argsz = 8 };

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(0, info.num_regions);
}

/* uapi: DEVICE.GET_INFO */
TEST_F(info, device_info_leaves_bytes_behind_the_struct_alone)
{
	struct {
		struct vfio_device_info info;
		u8 behind[64];
	} u = { .info.argsz = sizeof(u.info) };
	unsigned int i;

	memset(u.behind, 0xa5, sizeof(u.behind));
	vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, &u);
	for (i = 0; i < sizeof(u.behind); i++)
		ASSERT_EQ(0xa5, u.behind[i]);
}

/* uapi: DEVICE.GET_INFO */
TEST_F(info, device_info_into_nowhere_is_efault)
{
	EXPECT_EQ(-EFAULT, __vst_ioctl(self->dev, VFIO_DEVICE_GET_INFO, NULL));
}

TEST_F(info, unknown_ioctl_is_enotty)
{
	EXPECT_EQ(-ENOTTY, __vst_ioctl(self->dev, _IO(VFIO_TYPE, VFIO_BASE + 0x7f), NULL));
}

/* uapi: FEATURE */
TEST_F(info, unknown_feature_is_enotty)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET | 0xfff0,
	};

	EXPECT_EQ(-ENOTTY, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &feature));
}

/* Of vfio.h, what a PCI function has none of, or this one. */
static const struct {
	u32 feature;
	const char *name;
} lacking[] = {
	{ VFIO_DEVICE_FEATURE_MIGRATION, "migration" },
	{ VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, "state of migration" },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_START, "log of writes" },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, "end of that log" },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, "report of that log" },
	{ VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, "size of migration" },
	{ VFIO_DEVICE_FEATURE_BUS_MASTER, "bus master of CDX" },
};

/*
 * uapi: FEATURE FEATURE.MIGRATION FEATURE.MIG_STATE FEATURE.DMA_LOGGING
 * uapi: FEATURE.MIG_DATA_SIZE FEATURE.BUS_MASTER
 */
TEST_F(info, features_that_the_card_lacks_are_enotty)
{
	struct {
		struct vfio_device_feature feature;
		u8 room[256];
	} arg = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lacking); i++) {
		arg.feature.argsz = sizeof(arg);
		arg.feature.flags = VFIO_DEVICE_FEATURE_GET | lacking[i].feature;
		EXPECT_EQ(-ENOTTY, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &arg))
			TH_LOG("%s", lacking[i].name);
		arg.feature.flags |= VFIO_DEVICE_FEATURE_PROBE;
		EXPECT_EQ(-ENOTTY, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &arg))
			TH_LOG("%s, probed", lacking[i].name);
	}
}

/* uapi: GFX */
TEST_F(info, graphics_that_the_card_lacks_are_enotty)
{
	struct vfio_device_gfx_plane_info plane = { .argsz = sizeof(plane) };
	u32 id = 0;

	EXPECT_EQ(-ENOTTY, __vst_ioctl(self->dev, VFIO_DEVICE_QUERY_GFX_PLANE, &plane));
	EXPECT_EQ(-ENOTTY, __vst_ioctl(self->dev, VFIO_DEVICE_GET_GFX_DMABUF, &id));
}

/* uapi: FEATURE FEATURE.VF_TOKEN */
TEST_F(info, feature_with_get_and_set_but_no_probe_is_refused)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET |
			 VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
	};

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &feature));
}

/* ---- regions ---- */

/* serial.rst 1: registers of the ports, all trapped. */
/* uapi: REGION.GET_INFO */
TEST_F(info, uart_bar_is_4k_and_cannot_be_mapped)
{
	const struct vst_region *r = &self->dev->region[VLAB_SERIAL_BAR_UART];

	EXPECT_EQ(4096, r->size);
	EXPECT_EQ(RW_FLAGS, r->flags);
}

/* serial.rst 1: a trapped page, then memory. */
/* uapi: REGION.GET_INFO REGION.CAP.SPARSE_MMAP */
TEST_F(info, control_bar_can_be_mapped_behind_its_first_page)
{
	const struct vst_region *r = &self->dev->region[VLAB_SERIAL_BAR_CTRL];

	EXPECT_EQ(MEMORY, r->size);
	EXPECT_EQ(RW_FLAGS | VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS, r->flags);
	ASSERT_EQ(1, r->nareas);
	EXPECT_EQ(VLAB_SERIAL_MEM, r->area[0].offset);
	EXPECT_EQ(MEMORY - VLAB_SERIAL_MEM, r->area[0].size);
}

TEST_F(info, control_bar_agrees_with_the_memory_register)
{
	EXPECT_EQ(self->dev->region[VLAB_SERIAL_BAR_CTRL].size - VLAB_SERIAL_MEM,
		  vst_read64(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_MEMORY));
}

/* uapi: REGION.GET_INFO */
TEST_F(info, msix_bar_is_the_cores_own)
{
	const struct vst_region *r = &self->dev->region[VLAB_SERIAL_BAR_MSIX];

	EXPECT_EQ(0x10000, r->size);
	EXPECT_TRUE(r->flags & VFIO_REGION_INFO_FLAG_MMAP);
	EXPECT_TRUE(r->flags & VFIO_REGION_INFO_FLAG_CAPS);
}

/* uapi: REGION.CAP.MSIX_MAPPABLE */
TEST_F(info, msix_bar_says_that_it_can_be_mapped_and_can)
{
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header cap;
	} u = { .info = { .argsz = sizeof(u), .index = VLAB_SERIAL_BAR_MSIX } };
	u8 *va;

	vst_ioctl(self->dev, VFIO_DEVICE_GET_REGION_INFO, &u);
	ASSERT_EQ(offsetof(typeof(u), cap), u.info.cap_offset);
	EXPECT_EQ(VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, u.cap.id);
	EXPECT_EQ(0, u.cap.next);
	va = vst_mmap(self->dev, VLAB_SERIAL_BAR_MSIX, 0, u.info.size);
	munmap(va, u.info.size);
}

/* uapi: REGION.GET_INFO, mtty: 15 */
TEST_F(info, other_bars_are_not_there)
{
	const unsigned int none[] = { 1, 3, 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		EXPECT_EQ(0, self->dev->region[none[i]].size);
		EXPECT_EQ(0, self->dev->region[none[i]].flags);
	}
}

/* uapi: REGION.GET_INFO, mtty: 16 */
TEST_F(info, config_region_is_that_of_pci_express)
{
	EXPECT_EQ(4096, self->dev->region[VST_CONFIG].size);
	EXPECT_EQ(RW_FLAGS, self->dev->region[VST_CONFIG].flags);
}

/* uapi: REGION.GET_INFO REGION.ROM */
TEST_F(info, there_is_no_rom)
{
	EXPECT_EQ(0, self->dev->region[VFIO_PCI_ROM_REGION_INDEX].size);
}

/* uapi: REGION.VGA */
TEST_F(info, vga_region_is_refused)
{
	struct vst_region region;

	EXPECT_EQ(-EINVAL, __vst_region(self->dev, VFIO_PCI_VGA_REGION_INDEX, &region));
}

/* uapi: REGION.GET_INFO REGION.DEVICE */
TEST_F(info, region_past_the_last_is_refused)
{
	struct vst_region region;

	EXPECT_EQ(-EINVAL, __vst_region(self->dev, VFIO_PCI_NUM_REGIONS, &region));
	EXPECT_EQ(-EINVAL, __vst_region(self->dev, 0x7fffffff, &region));
	EXPECT_EQ(-EINVAL, __vst_region(self->dev, ~0U, &region));
}

/* uapi: REGION.GET_INFO */
TEST_F(info, region_offsets_do_not_overlap)
{
	const struct vst_region *r = self->dev->region;
	unsigned int i, j;

	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++)
		for (j = 0; j < i; j++)
			if (r[i].size && r[j].size)
				EXPECT_LE(r[j].offset + r[j].size, r[i].offset);
}

/* uapi: REGION.GET_INFO */
TEST_F(info, region_info_with_short_argsz_is_refused)
{
	struct vfio_region_info info = { .argsz = sizeof(info) - 8 };

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_GET_REGION_INFO, &info));
}

/* uapi: REGION.GET_INFO REGION.CAP.SPARSE_MMAP */
TEST_F(info, region_info_without_room_for_capabilities_says_how_much)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VLAB_SERIAL_BAR_CTRL,
	};

	vst_ioctl(self->dev, VFIO_DEVICE_GET_REGION_INFO, &info);
	EXPECT_TRUE(info.flags & VFIO_REGION_INFO_FLAG_CAPS);
	EXPECT_EQ(0, info.cap_offset);
	EXPECT_EQ(sizeof(info) + sizeof(struct vfio_region_info_cap_sparse_mmap) +
		  sizeof(struct vfio_region_sparse_mmap_area), info.argsz);
}

/* One byte short is as good as no room; nothing is written there. */
/* uapi: REGION.GET_INFO REGION.CAP.SPARSE_MMAP */
TEST_F(info, region_info_one_byte_short_of_its_capabilities_writes_none)
{
	struct {
		struct vfio_region_info info;
		u8 room[31];
	} u = { .info = { .argsz = sizeof(u.info) + 31, .index = VLAB_SERIAL_BAR_CTRL } };
	unsigned int i;

	memset(u.room, 0xa5, sizeof(u.room));
	vst_ioctl(self->dev, VFIO_DEVICE_GET_REGION_INFO, &u);
	EXPECT_EQ(0, u.info.cap_offset);
	for (i = 0; i < sizeof(u.room); i++)
		ASSERT_EQ(0xa5, u.room[i]);
}

/* uapi: REGION.GET_INFO */
TEST_F(info, region_info_into_nowhere_is_efault)
{
	EXPECT_EQ(-EFAULT, __vst_ioctl(self->dev, VFIO_DEVICE_GET_REGION_INFO, NULL));
}

/* ---- interrupts ---- */

static struct vfio_irq_info irq(struct vst_dev *dev, unsigned int index)
{
	struct vfio_irq_info info;

	vst_irq_info(dev, index, &info);
	return info;
}

/* uapi: IRQ.GET_INFO */
TEST_F(info, intx_is_one_automasked_level)
{
	struct vfio_irq_info info = irq(self->dev, VFIO_PCI_INTX_IRQ_INDEX);

	EXPECT_EQ(1, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
		  info.flags);
}

/* uapi: IRQ.GET_INFO */
TEST_F(info, msi_has_as_many_vectors_as_the_attribute_says)
{
	struct vfio_irq_info info = irq(self->dev, VFIO_PCI_MSI_IRQ_INDEX);

	EXPECT_EQ(MSI_VECTORS, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, info.flags);
}

/* NORESIZE depends on the kernel: vectors can be added later since 6.5. */
/* uapi: IRQ.GET_INFO */
TEST_F(info, msix_has_as_many_vectors_as_the_attribute_says)
{
	struct vfio_irq_info info = irq(self->dev, VFIO_PCI_MSIX_IRQ_INDEX);

	EXPECT_EQ(MSIX_VECTORS, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD, info.flags & ~VFIO_IRQ_INFO_NORESIZE);
}

/* uapi: IRQ.GET_INFO, mtty: 7 */
TEST_F(info, err_and_req_are_there_once)
{
	EXPECT_EQ(1, irq(self->dev, VFIO_PCI_ERR_IRQ_INDEX).count);
	EXPECT_EQ(1, irq(self->dev, VFIO_PCI_REQ_IRQ_INDEX).count);
}

/* uapi: IRQ.GET_INFO */
TEST_F(info, irq_past_the_last_is_refused)
{
	struct vfio_irq_info info;

	EXPECT_EQ(-EINVAL, __vst_irq_info(self->dev, VFIO_PCI_NUM_IRQS, &info));
	EXPECT_EQ(-EINVAL, __vst_irq_info(self->dev, ~0U, &info));
}

/* uapi: IRQ.GET_INFO */
TEST_F(info, irq_info_with_short_argsz_is_refused)
{
	struct vfio_irq_info info = { .argsz = sizeof(info) - 4 };

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_GET_IRQ_INFO, &info));
}

/* ---- group and container ---- */

/* uapi: GROUP.GET_STATUS */
TEST_F(info, group_is_viable_and_has_its_container)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	VST_NEEDS(VST_CAN_GROUP);
	ASSERT_EQ(0, ioctl(vst_group_fd(self->dev), VFIO_GROUP_GET_STATUS, &status));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET, status.flags);
}

/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(info, group_gives_no_device_of_another_name)
{
	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(-1, ioctl(vst_group_fd(self->dev), VFIO_GROUP_GET_DEVICE_FD, "ffff:ff:1f.7"));
	EXPECT_EQ(ENODEV, errno);
}

/* uapi: CDEV.OPEN */
TEST_F(info, group_cannot_be_opened_twice)
{
	char path[32];

	VST_NEEDS(VST_CAN_GROUP);
	snprintf(path, sizeof(path), "/dev/vfio/%d", vst_group(vst_bdf()));
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(EBUSY, errno);
}

/* uapi: GROUP.UNSET_CONTAINER */
TEST_F(info, group_in_use_keeps_its_container)
{
	VST_NEEDS(VST_CAN_TYPE1);
	EXPECT_EQ(-1, ioctl(vst_group_fd(self->dev), VFIO_GROUP_UNSET_CONTAINER));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(VLAB_SERIAL_MAGIC,
		  vst_read32(self->dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_ID));
}

/* uapi: CONTAINER.API_VERSION CONTAINER.CHECK_EXTENSION CONTAINER.EXT.TYPE1 */
TEST_F(info, container_speaks_type1)
{
	int fd = self->dev->iommu->fd;

	VST_NEEDS(VST_CAN_GROUP);
	EXPECT_EQ(VFIO_API_VERSION, ioctl(fd, VFIO_GET_API_VERSION));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, ioctl(fd, VFIO_CHECK_EXTENSION, 0x7fff));
}

/* uapi: CONTAINER.SET_IOMMU */
TEST_F(info, container_keeps_the_iommu_it_has)
{
	VST_NEEDS(VST_CAN_TYPE1);
	EXPECT_EQ(-1, ioctl(self->dev->iommu->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(EINVAL, errno);
}

/* uapi: TYPE1.PGSIZES */
TEST_F(info, container_maps_pages_of_4k)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	VST_NEEDS(VST_CAN_GROUP);
	ASSERT_EQ(0, ioctl(self->dev->iommu->fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_TRUE(info.flags & VFIO_IOMMU_INFO_PGSIZES);
	EXPECT_TRUE(info.iova_pgsizes & 4096);
}

/* The window that messages are written to: 0xfee00000 on x86. */
/* uapi: TYPE1.CAP.IOVA_RANGE TYPE1.RESERVED */
TEST_F(info, address_space_keeps_the_message_window_out)
{
	struct vst_range range[16];
	int i, n = self->dev->ops->iommu_ranges(self->dev->iommu, range, ARRAY_SIZE(range));

	ASSERT_GT(n, 0);
	for (i = 0; i < n; i++)
		EXPECT_FALSE(range[i].start <= 0xfee00000 && range[i].end >= 0xfee00000);
}

VST_MAIN("ports=4", "memory=64K", "msi=8", "msix=16")
