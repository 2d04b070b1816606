// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices by character device and iommufd: binding, address spaces (IOAS), page
 * tables (HWPT), and what a device reaches through them. <linux/iommufd.h> and
 * <linux/vfio.h> for the form, dma.rst for the device. What the back end "iommufd"
 * shares with type1 is in the other tests.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"
#include "vst_iommufd.h"

#define CARD		VLAB_SERIAL_BAR_CTRL
#define BUF		(16 * VST_PAGE)
#define MANY		1000000		/* repetitions that last longer than the test */
#define MESSAGES	0xfee00000ULL	/* the window that messages are written to */
#define NO_ID		0xffffU

#define READABLE	IOMMU_IOAS_MAP_READABLE
#define WRITEABLE	IOMMU_IOAS_MAP_WRITEABLE
#define FIXED		IOMMU_IOAS_MAP_FIXED_IOVA

#ifndef IOMMU_IOAS_CHANGE_PROCESS
struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};

#define IOMMU_IOAS_CHANGE_PROCESS	_IO(IOMMUFD_TYPE, 0x92)
#endif

/* In <linux/vfio.h> since 6.19. */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF	11
#endif

static int xioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

#define NEEDS_IOMMUFD() do {						\
	VST_NEEDS(VST_CAN_VFIO);					\
	if (vst_iommufd.lacks())					\
		SKIP(return, "%s", vst_iommufd.lacks());		\
} while (0)

/* ---- binding ---- */

FIXTURE(cdev) {
	int cdev, iommufd;
};

FIXTURE_SETUP(cdev)
{
	NEEDS_IOMMUFD();
	self->iommufd = open("/dev/iommu", O_RDWR);
	ASSERT_GE(self->iommufd, 0);
	self->cdev = vst_cdev_open(vst_bdf());
}

FIXTURE_TEARDOWN(cdev)
{
	close(self->cdev);
	close(self->iommufd);
}

static int bind_to(int cdev, int iommufd)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommufd };

	return xioctl(cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind);
}

static int device_info(int cdev)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return xioctl(cdev, VFIO_DEVICE_GET_INFO, &info);
}

static int group_open(void)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", vst_group(vst_bdf()));
	fd = open(path, O_RDWR);
	return fd < 0 ? -errno : fd;
}

/* uapi: IOMMUFD.BIND */
TEST_F(cdev, bound_device_answers)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind), .iommufd = self->iommufd,
	};

	ASSERT_EQ(0, xioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	EXPECT_NE(0, bind.out_devid);
	EXPECT_EQ(0, device_info(self->cdev));
	EXPECT_EQ(0, xioctl(self->cdev, VFIO_DEVICE_RESET, NULL));
}

/* uapi: CDEV.OPEN */
TEST_F(cdev, nothing_answers_before_it_is_bound)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach), .pt_id = 1 };
	struct vfio_region_info region = { .argsz = sizeof(region) };
	u32 val;

	EXPECT_EQ(-EINVAL, device_info(self->cdev));
	EXPECT_EQ(-EINVAL, xioctl(self->cdev, VFIO_DEVICE_GET_REGION_INFO, &region));
	EXPECT_EQ(-EINVAL, xioctl(self->cdev, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(-EINVAL, xioctl(self->cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	EXPECT_EQ(-1, pread(self->cdev, &val, sizeof(val), 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->cdev, &val, sizeof(val), 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, VST_PAGE, PROT_READ, MAP_SHARED, self->cdev, 0));
	EXPECT_EQ(EINVAL, errno);
}

/* uapi: DEVICE.FDINFO CDEV.OPEN */
TEST_F(cdev, proc_tells_the_same_of_a_file_before_it_is_bound_and_after)
{
	char before[512], after[512];

	if (__vst_fdinfo(self->cdev, "vfio-device-syspath", before, sizeof(before)) < 0)
		SKIP(return, "this kernel's fdinfo has no vfio-device-syspath");
	EXPECT_NE(NULL, strstr(before, vst_bdf()));
	ASSERT_EQ(0, bind_to(self->cdev, self->iommufd));
	ASSERT_LT(0, __vst_fdinfo(self->cdev, "vfio-device-syspath", after, sizeof(after)));
	EXPECT_STREQ(before, after);
}

/* uapi: CDEV.OPEN IOMMUFD.BIND */
TEST_F(cdev, file_is_bound_once)
{
	ASSERT_EQ(0, bind_to(self->cdev, self->iommufd));
	EXPECT_EQ(-EINVAL, bind_to(self->cdev, self->iommufd));
	EXPECT_EQ(0, device_info(self->cdev));
}

/* uapi: CDEV.OPEN */
TEST_F(cdev, second_file_has_to_wait_for_the_first)
{
	int second = vst_cdev_open(vst_bdf());

	ASSERT_EQ(0, bind_to(self->cdev, self->iommufd));
	EXPECT_EQ(-EINVAL, bind_to(second, self->iommufd));
	EXPECT_EQ(-EINVAL, device_info(second));
	close(self->cdev);
	self->cdev = second;
	EXPECT_EQ(0, bind_to(second, self->iommufd));
	EXPECT_EQ(0, device_info(second));
}

/* uapi: IOMMUFD.BIND */
TEST_F(cdev, is_bound_to_nothing_but_an_iommufd)
{
	int null = open("/dev/null", O_RDWR), closed = dup(null);

	close(closed);
	EXPECT_EQ(-EINVAL, bind_to(self->cdev, -1));
	EXPECT_EQ(-EBADF, bind_to(self->cdev, closed));
	EXPECT_EQ(-EBADFD, bind_to(self->cdev, null));
	EXPECT_EQ(-EBADFD, bind_to(self->cdev, self->cdev));
	EXPECT_EQ(-EINVAL, device_info(self->cdev));
	EXPECT_EQ(0, bind_to(self->cdev, self->iommufd));
	close(null);
}

/* uapi: IOMMUFD.BIND */
TEST_F(cdev, bind_with_flags_or_short_argsz_is_refused)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind), .flags = 1U << 31, .iommufd = self->iommufd,
	};

	EXPECT_EQ(-EINVAL, xioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	bind.flags = 0;
	bind.argsz = offsetof(struct vfio_device_bind_iommufd, out_devid);
	EXPECT_EQ(-EINVAL, xioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	EXPECT_EQ(-EFAULT, xioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD, NULL));
	EXPECT_EQ(-EINVAL, device_info(self->cdev));
}

/* uapi: CDEV.OPEN */
TEST_F(cdev, group_is_closed_to_others_while_the_device_is_bound)
{
	int group = group_open();

	ASSERT_GE(group, 0);
	close(group);
	ASSERT_EQ(0, bind_to(self->cdev, self->iommufd));
	EXPECT_EQ(-EBUSY, group_open());
	close(self->cdev);
	group = group_open();
	EXPECT_GE(group, 0);
	close(group);
}

/* uapi: CDEV.OPEN */
TEST_F(cdev, is_not_bound_while_the_group_is_open)
{
	int group = group_open();

	ASSERT_GE(group, 0);
	EXPECT_EQ(-EBUSY, bind_to(self->cdev, self->iommufd));
	EXPECT_EQ(-EINVAL, device_info(self->cdev));
	close(group);
	EXPECT_EQ(0, bind_to(self->cdev, self->iommufd));
}

/* uapi: CDEV.OPEN */
TEST_F(cdev, file_from_a_group_is_not_bound)
{
	struct vst_iommu *container = vst_iommu_open_by(&vst_type1);
	struct vst_dev *dev = vst_open_in(vst_bdf(), container);

	EXPECT_EQ(-EINVAL, bind_to(dev->fd, self->iommufd));
	EXPECT_EQ(0, device_info(dev->fd));
	vst_close(dev);
	vst_iommu_close(container);
}

/* uapi: IOMMUFD.BIND */
TEST_F(cdev, device_outlives_the_descriptor_of_its_iommufd)
{
	ASSERT_EQ(0, bind_to(self->cdev, self->iommufd));
	close(self->iommufd);
	EXPECT_EQ(0, device_info(self->cdev));
	EXPECT_EQ(0, xioctl(self->cdev, VFIO_DEVICE_RESET, NULL));
}

/* ---- attaching: a device, its own IOAS, and another one ---- */

FIXTURE(attach) {
	struct vst_iommu *iommu;
	struct vst_dev *dev;
	struct vst_buf buf;
	u32 other;
};

static u32 ioas_alloc(int iommufd)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	vst_ok(xioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc));
	return alloc.out_ioas_id;
}

static int destroy(int iommufd, u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	return xioctl(iommufd, IOMMU_DESTROY, &destroy);
}

static int attach_to(struct vst_dev *dev, u32 id)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach), .pt_id = id };

	return __vst_ioctl(dev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int detach(struct vst_dev *dev)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	return __vst_ioctl(dev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

/* Returns the id or -errno. */
static int hwpt_alloc(struct vst_dev *dev, u32 dev_id, u32 pt_id, u32 flags)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc), .flags = flags, .dev_id = dev_id, .pt_id = pt_id,
	};

	return xioctl(dev->iommu->fd, IOMMU_HWPT_ALLOC, &alloc) ?: (int)alloc.out_hwpt_id;
}

static int ioas_map(struct vst_iommu *iommu, u32 ioas, void *va, u64 *iova, u64 size, u32 flags)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = flags,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = size,
		.iova = *iova,
	};
	int ret = xioctl(iommu->fd, IOMMU_IOAS_MAP, &map);

	*iova = map.iova;
	return ret;
}

/* From card memory to @iova and the other way round; what the engine says. */
static u32 put(struct vst_dev *dev, u64 iova)
{
	struct vst_dma dma = { .dst = iova, .len = 8, .flags = VLAB_DMA_CTRL_SRC_CARD };

	__vst_dma_run(dev, &dma);
	return vst_dma_read32(dev, VLAB_DMA_ERROR);
}

static u32 get(struct vst_dev *dev, u64 iova)
{
	struct vst_dma dma = { .src = iova, .len = 8, .flags = VLAB_DMA_CTRL_DST_CARD };

	__vst_dma_run(dev, &dma);
	return vst_dma_read32(dev, VLAB_DMA_ERROR);
}

static void open_device(struct vst_iommu **iommu, struct vst_dev **dev)
{
	*iommu = vst_iommu_open_by(&vst_iommufd);
	*dev = vst_open_in(vst_bdf(), *iommu);
	vst_master(*dev, true);
	vst_write64(*dev, CARD, VLAB_SERIAL_MEM, 0x1122334455667788);
}

FIXTURE_SETUP(attach)
{
	NEEDS_IOMMUFD();
	open_device(&self->iommu, &self->dev);
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	self->other = ioas_alloc(self->iommu->fd);
}

FIXTURE_TEARDOWN(attach)
{
	vst_close(self->dev);
	vst_iommu_close(self->iommu);
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, ioas_is_answered_with_its_page_table)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach), .pt_id = self->iommu->ioas,
	};

	vst_ioctl(self->dev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
	EXPECT_NE(self->iommu->ioas, attach.pt_id);
	EXPECT_EQ(-EBUSY, destroy(self->iommu->fd, attach.pt_id));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, detached_device_reaches_nothing)
{
	ASSERT_EQ(0, detach(self->dev));
	EXPECT_EQ(VLAB_DMA_ERR_OWNER, put(self->dev, self->buf.iova));
	EXPECT_EQ(VLAB_DMA_ERR_OWNER, get(self->dev, self->buf.iova));
	EXPECT_EQ(0, self->buf.va[0]);
	ASSERT_EQ(0, attach_to(self->dev, self->iommu->ioas));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
	EXPECT_EQ(0x88, self->buf.va[0]);
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, detached_device_answers_and_can_be_detached_again)
{
	ASSERT_EQ(0, detach(self->dev));
	EXPECT_EQ(0, detach(self->dev));
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, CARD, VLAB_SERIAL_ID));
	EXPECT_EQ(0, __vst_reset(self->dev));
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, device_can_be_closed_detached)
{
	ASSERT_EQ(0, detach(self->dev));
	vst_close(self->dev);
	self->dev = vst_open_in(vst_bdf(), self->iommu);
	vst_master(self->dev, true);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, self->buf.iova));
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, replaced_ioas_is_the_one_that_counts)
{
	u64 iova = self->buf.iova, elsewhere = self->buf.iova + BUF;
	u8 *va = vst_anon(2 * VST_PAGE);

	ASSERT_EQ(0, ioas_map(self->iommu, self->other, va, &iova, VST_PAGE,
			      FIXED | READABLE | WRITEABLE));
	ASSERT_EQ(0, ioas_map(self->iommu, self->other, va + VST_PAGE, &elsewhere, VST_PAGE,
			      FIXED | READABLE | WRITEABLE));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, put(self->dev, elsewhere));
	ASSERT_EQ(0, attach_to(self->dev, self->other));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, iova));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, elsewhere));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, put(self->dev, iova + VST_PAGE));
	EXPECT_EQ(0, self->buf.va[0]);
	EXPECT_EQ(0x88, va[0]);
	EXPECT_EQ(0x88, va[VST_PAGE]);
	EXPECT_EQ(0, destroy(self->iommu->fd, self->iommu->ioas));
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, transfer_survives_a_replacement_with_the_same_mappings)
{
	struct vst_dma dma = {
		.src = self->buf.iova, .dst = self->buf.iova + BUF / 2, .len = BUF / 2,
		.count = MANY,
	};
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = FIXED | READABLE | WRITEABLE,
		.dst_ioas_id = self->other,
		.src_ioas_id = self->iommu->ioas,
		.length = BUF,
		.dst_iova = self->buf.iova,
		.src_iova = self->buf.iova,
	};
	unsigned int i;

	ASSERT_EQ(0, xioctl(self->iommu->fd, IOMMU_IOAS_COPY, &copy));
	vst_dma_start(self->dev, &dma);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, attach_to(self->dev, i & 1 ? self->iommu->ioas : self->other));
	EXPECT_EQ(VLAB_DMA_ST_BUSY, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	vst_dma_abort(self->dev);
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, detach_ends_a_transfer)
{
	struct vst_dma dma = {
		.src = self->buf.iova, .dst = self->buf.iova + BUF / 2, .len = BUF / 2,
		.count = MANY,
	};

	vst_dma_start(self->dev, &dma);
	vst_assert(vst_until(vst_dma_read64(self->dev, VLAB_DMA_DONE), VST_DEADLINE_MS));
	ASSERT_EQ(0, detach(self->dev));
	EXPECT_EQ(-EIO, __vst_dma_wait(self->dev));
	EXPECT_EQ(VLAB_DMA_ERR_OWNER, vst_dma_read32(self->dev, VLAB_DMA_ERROR));
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, refused_attach_leaves_the_device_where_it_was)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };

	EXPECT_EQ(-ENOENT, attach_to(self->dev, NO_ID));
	EXPECT_EQ(-EINVAL, attach_to(self->dev, self->dev->id));
	attach.pt_id = self->other;
	attach.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	attach.flags = 0;
	attach.argsz = offsetof(struct vfio_device_attach_iommufd_pt, pt_id);
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
	EXPECT_EQ(0x88, self->buf.va[0]);
}

/* uapi: IOMMUFD.ATTACH */
TEST_F(attach, refused_detach_leaves_the_device_where_it_was)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	detach.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	detach.flags = 0;
	detach.argsz = 4;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
}

/* Among them the one through which the device gets at memory. */
/* uapi: IOMMUFD.DESTROY */
TEST_F(attach, nothing_that_a_device_needs_can_be_destroyed)
{
	u32 id;

	EXPECT_EQ(-EBUSY, destroy(self->iommu->fd, self->iommu->ioas));
	EXPECT_EQ(-EBUSY, destroy(self->iommu->fd, self->dev->id));
	for (id = 0; id < 64; id++)
		destroy(self->iommu->fd, id);
	EXPECT_EQ(-ENOENT, destroy(self->iommu->fd, self->other));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
	EXPECT_EQ(0x88, self->buf.va[0]);
}

/* uapi: IOMMUFD.ATTACH IOAS.ALLOC */
TEST_F(attach, two_devices_share_an_ioas_and_part)
{
	struct vst_card card;
	struct vst_dev *two;

	VST_NEEDS_CARDS();
	vst_card_plug(&card, "memory=64K");
	two = vst_open_in(card.bdf[0], self->iommu);
	vst_master(two, true);
	EXPECT_NE(self->dev->id, two->id);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(two, self->buf.iova));
	EXPECT_EQ(0x1122334455667788, vst_read64(two, CARD, VLAB_SERIAL_MEM));
	EXPECT_EQ(0, attach_to(two, self->other));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, get(two, self->buf.iova));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, self->buf.iova));
	vst_close(two);
	vst_card_destroy(&card);
}

/* ---- page tables ---- */

/* dma.rst 9.4 */
/* uapi: HWPT.ALLOC */
TEST_F(attach, page_table_of_ones_own_holds_the_device_but_gives_it_no_memory)
{
	int hwpt = hwpt_alloc(self->dev, self->dev->id, self->iommu->ioas, 0);

	ASSERT_GT(hwpt, 0);
	ASSERT_EQ(0, attach_to(self->dev, hwpt));
	EXPECT_EQ(-EBUSY, destroy(self->iommu->fd, hwpt));
	EXPECT_EQ(VLAB_DMA_ERR_OWNER, put(self->dev, self->buf.iova));
	EXPECT_EQ(0, self->buf.va[0]);
	ASSERT_EQ(0, attach_to(self->dev, self->iommu->ioas));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
	EXPECT_EQ(0, destroy(self->iommu->fd, hwpt));
}

/* uapi: HWPT.ALLOC */
TEST_F(attach, page_table_needs_a_device_and_an_ioas)
{
	u32 id = self->dev->id, ioas = self->iommu->ioas;

	EXPECT_EQ(-ENOENT, hwpt_alloc(self->dev, NO_ID, ioas, 0));
	EXPECT_EQ(-ENOENT, hwpt_alloc(self->dev, ioas, ioas, 0));
	EXPECT_EQ(-EINVAL, hwpt_alloc(self->dev, id, NO_ID, 0));
	EXPECT_EQ(-EINVAL, hwpt_alloc(self->dev, id, id, 0));
	EXPECT_EQ(-EOPNOTSUPP, hwpt_alloc(self->dev, id, ioas, 1U << 31));
}

/* uapi: HWPT.ALLOC IOMMUFD.DESTROY */
TEST_F(attach, ioas_with_a_page_table_stays)
{
	int hwpt = hwpt_alloc(self->dev, self->dev->id, self->other, 0);

	ASSERT_GT(hwpt, 0);
	EXPECT_EQ(-EBUSY, destroy(self->iommu->fd, self->other));
	EXPECT_EQ(0, destroy(self->iommu->fd, hwpt));
	EXPECT_EQ(0, destroy(self->iommu->fd, self->other));
}

/* ---- what the IOMMU is ---- */

static int hw_info(struct vst_dev *dev, struct iommu_hw_info *info)
{
	info->size = sizeof(*info);
	return xioctl(dev->iommu->fd, IOMMU_GET_HW_INFO, info);
}

/* uapi: IOMMUFD.HW_INFO */
TEST_F(attach, hw_info_is_of_a_known_iommu_and_fills_what_it_does_not_know)
{
	u8 data[256];
	struct iommu_hw_info info = {
		.dev_id = self->dev->id, .data_len = sizeof(data), .data_uptr = (uintptr_t)data,
	};
	size_t i;

	memset(data, 0xa5, sizeof(data));
	ASSERT_EQ(0, hw_info(self->dev, &info));
	EXPECT_NE(IOMMU_HW_INFO_TYPE_NONE, info.out_data_type);
	ASSERT_GT(sizeof(data), info.data_len);
	for (i = info.data_len; i < sizeof(data); i++)
		ASSERT_EQ(0, data[i]);
}

/* uapi: IOMMUFD.HW_INFO */
TEST_F(attach, hw_info_writes_no_more_than_there_is_room)
{
	u8 data[8];
	struct iommu_hw_info info = {
		.dev_id = self->dev->id, .data_len = 4, .data_uptr = (uintptr_t)data,
	};

	memset(data, 0xa5, sizeof(data));
	ASSERT_EQ(0, hw_info(self->dev, &info));
	EXPECT_EQ(0xa5, data[4]);
	EXPECT_LE(4, info.data_len);
}

/* uapi: IOMMUFD.HW_INFO */
TEST_F(attach, hw_info_of_no_device_is_refused)
{
	struct iommu_hw_info info = { .dev_id = NO_ID };

	EXPECT_EQ(-ENOENT, hw_info(self->dev, &info));
	info.dev_id = self->iommu->ioas;
	EXPECT_EQ(-ENOENT, hw_info(self->dev, &info));
	info.dev_id = self->dev->id;
	info.flags = 1U << 31;
	EXPECT_EQ(-EOPNOTSUPP, hw_info(self->dev, &info));
}

/* ---- what not every IOMMU can ---- */

/* uapi: HWPT.DIRTY */
TEST_F(attach, page_table_tells_of_dirty_pages_only_where_the_iommu_can)
{
	struct iommu_hw_info info = { .dev_id = self->dev->id };
	int hwpt;

	ASSERT_EQ(0, hw_info(self->dev, &info));
	hwpt = hwpt_alloc(self->dev, self->dev->id, self->iommu->ioas,
			  IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	EXPECT_EQ(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING ? 0 : -EOPNOTSUPP,
		  hwpt > 0 ? 0 : hwpt);
}

/* uapi: HWPT.DIRTY */
TEST_F(attach, page_table_that_was_not_made_for_it_tells_of_no_dirty_pages)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set), .flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	int hwpt = hwpt_alloc(self->dev, self->dev->id, self->iommu->ioas, 0);

	ASSERT_LT(0, hwpt);
	set.hwpt_id = hwpt;
	EXPECT_EQ(-EOPNOTSUPP, xioctl(self->iommu->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set));
	set.hwpt_id = self->iommu->ioas;
	EXPECT_EQ(-ENOENT, xioctl(self->iommu->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set));
}

/* uapi: IOMMUFD.FAULT_QUEUE */
TEST_F(attach, fault_queue_is_empty_and_for_devices_that_ask_for_pages)
{
	struct iommu_fault_alloc queue = { .size = sizeof(queue) };
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = self->dev->id,
		.pt_id = self->iommu->ioas,
	};
	struct pollfd pfd = { .events = POLLIN };
	int ret;

	ASSERT_EQ(0, xioctl(self->iommu->fd, IOMMU_FAULT_QUEUE_ALLOC, &queue));
	pfd.fd = queue.out_fault_fd;
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	alloc.fault_id = queue.out_fault_id;
	ret = xioctl(self->iommu->fd, IOMMU_HWPT_ALLOC, &alloc) ?:
	      attach_to(self->dev, alloc.out_hwpt_id);
	EXPECT_GT(0, ret);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
	close(queue.out_fault_fd);
}

/* ---- address spaces: each test's first is attached to the device ---- */

FIXTURE(ioas) {
	struct vst_iommu *iommu;
	struct vst_dev *dev;
	u8 *va;
	u64 iova;
	u32 id, other;
};

FIXTURE_SETUP(ioas)
{
	NEEDS_IOMMUFD();
	open_device(&self->iommu, &self->dev);
	self->va = vst_anon(BUF);
	self->iova = vst_iova(self->iommu, BUF);
	self->id = self->iommu->ioas;
	self->other = ioas_alloc(self->iommu->fd);
}

FIXTURE_TEARDOWN(ioas)
{
	vst_close(self->dev);
	vst_iommu_close(self->iommu);
}

/* uapi: IOAS.MAP.AUTO */
TEST_F(ioas, map_where_it_likes_is_reached_by_the_device)
{
	u64 iova[2] = { 0 };

	ASSERT_EQ(0, ioas_map(self->iommu, self->id, self->va, &iova[0], VST_PAGE,
			      READABLE | WRITEABLE));
	ASSERT_EQ(0, ioas_map(self->iommu, self->id, self->va + VST_PAGE, &iova[1], VST_PAGE,
			      READABLE | WRITEABLE));
	EXPECT_NE(0, iova[0]);
	EXPECT_NE(iova[0], iova[1]);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, iova[0]));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, iova[1]));
	EXPECT_EQ(0x88, self->va[0]);
	EXPECT_EQ(0x88, self->va[VST_PAGE]);
}

/* uapi: IOAS.MAP.FIXED */
TEST_F(ioas, map_is_where_it_was_asked_for)
{
	u64 iova = self->iova;

	ASSERT_EQ(0, ioas_map(self->iommu, self->id, self->va, &iova, VST_PAGE,
			      FIXED | READABLE | WRITEABLE));
	EXPECT_EQ(self->iova, iova);
	EXPECT_EQ(-EEXIST, ioas_map(self->iommu, self->id, self->va, &iova, VST_PAGE,
				    FIXED | READABLE));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, iova));
	EXPECT_EQ(0x88, self->va[0]);
}

/* uapi: IOAS.MAP.FIXED */
TEST_F(ioas, permission_is_kept)
{
	u64 ro = self->iova, wo = self->iova + VST_PAGE;

	ASSERT_EQ(0, ioas_map(self->iommu, self->id, self->va, &ro, VST_PAGE, FIXED | READABLE));
	ASSERT_EQ(0, ioas_map(self->iommu, self->id, self->va + VST_PAGE, &wo, VST_PAGE,
			      FIXED | WRITEABLE));
	EXPECT_EQ(VLAB_DMA_ERR_PERM, put(self->dev, ro));
	EXPECT_EQ(VLAB_DMA_ERR_PERM, get(self->dev, wo));
	EXPECT_EQ(0, self->va[0]);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, wo));
	EXPECT_EQ(0x88, self->va[VST_PAGE]);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, ro));
	EXPECT_EQ(0, vst_read64(self->dev, CARD, VLAB_SERIAL_MEM));
}

/* uapi: IOAS.UNMAP */
TEST_F(ioas, unmapped_memory_is_out_of_reach)
{
	u64 done;

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, self->iova));
	vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(BUF, done);
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, put(self->dev, self->iova));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, get(self->dev, self->iova));
	EXPECT_EQ(0, self->va[0]);
}

/* Moved away, the old page stays where the IOMMU leads. */
TEST_F(ioas, device_reaches_the_page_that_was_mapped_not_what_took_its_place)
{
	u8 *old = vst_anon(VST_PAGE);

	vst_map(self->iommu, self->va, self->iova, VST_PAGE, VST_RW);
	ASSERT_EQ(old, mremap(self->va, VST_PAGE, VST_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, old));
	ASSERT_EQ(self->va, mmap(self->va, VST_PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
	EXPECT_EQ(0x88, old[0]);
	EXPECT_EQ(0, self->va[0]);
	old[0] = 0x99;
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, self->iova));
	EXPECT_EQ(0x99, vst_read8(self->dev, CARD, VLAB_SERIAL_MEM));
}

/* ---- files, and who pays for what is mapped ---- */

/* uapi: IOAS.MORE */
FIXTURE(file) {
	struct vst_iommu *iommu;
	struct vst_dev *dev;
	u64 iova;
	int fd;
};

FIXTURE_SETUP(file)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = FIXED | READABLE | WRITEABLE,
		.start = VST_PAGE,
		.length = VST_PAGE,
	};
	int ret;

	NEEDS_IOMMUFD();
	open_device(&self->iommu, &self->dev);
	self->iova = vst_iova(self->iommu, VST_PAGE);
	self->fd = memfd_create("iommufd_test", 0);
	ASSERT_EQ(0, ftruncate(self->fd, 2 * VST_PAGE));
	map.ioas_id = self->iommu->ioas;
	map.iova = self->iova;
	map.fd = self->fd;
	ret = xioctl(self->iommu->fd, IOMMU_IOAS_MAP_FILE, &map);
	if (ret == -ENOTTY)
		SKIP(return, "the kernel has no IOMMU_IOAS_MAP_FILE");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	vst_close(self->dev);
	vst_iommu_close(self->iommu);
}

static int change_process(int iommufd)
{
	struct iommu_ioas_change_process change = { .size = sizeof(change) };

	return xioctl(iommufd, IOMMU_IOAS_CHANGE_PROCESS, &change);
}

/* Returns what a child's change_process() returned; the child is gone. */
static int change_to_child(int iommufd)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(-change_process(iommufd));
	vst_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return -WEXITSTATUS(status);
}

TEST_F(file, mapped_is_reached_through_its_pages)
{
	u64 val[2] = { 0 };

	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
	EXPECT_EQ(sizeof(val), pread(self->fd, val, sizeof(val), VST_PAGE - 8));
	EXPECT_EQ(0, val[0]);
	EXPECT_EQ(0x1122334455667788, val[1]);
}

TEST_F(file, mapped_is_reached_when_it_is_closed)
{
	close(self->fd);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
	vst_write64(self->dev, CARD, VLAB_SERIAL_MEM, 0);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, self->iova));
	EXPECT_EQ(0x1122334455667788, vst_read64(self->dev, CARD, VLAB_SERIAL_MEM));
}

TEST_F(file, past_its_end_is_not_mapped)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = READABLE,
		.ioas_id = self->iommu->ioas,
		.fd = self->fd,
		.length = 3 * VST_PAGE,
	};

	EXPECT_GT(0, xioctl(self->iommu->fd, IOMMU_IOAS_MAP_FILE, &map));
	map.length = VST_PAGE;
	map.fd = self->dev->fd;
	EXPECT_GT(0, xioctl(self->iommu->fd, IOMMU_IOAS_MAP_FILE, &map));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
}

TEST_F(file, mapped_goes_over_to_another_process_and_back)
{
	EXPECT_EQ(0, change_to_child(self->iommu->fd));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
	EXPECT_EQ(0, change_process(self->iommu->fd));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, self->iova));
}

TEST_F(file, memory_of_a_process_stays_with_it)
{
	u64 iova = 0;

	ASSERT_EQ(0, ioas_map(self->iommu, self->iommu->ioas, vst_anon(VST_PAGE), &iova,
			      VST_PAGE, READABLE | WRITEABLE));
	EXPECT_EQ(-EINVAL, change_to_child(self->iommu->fd));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, iova));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
}

/* Nothing is where a BAR says, so nobody else must be led there. */
/* uapi: FEATURE.DMA_BUF */
TEST_F(attach, bar_is_not_given_out_as_a_dma_buf)
{
	struct {
		struct vfio_device_feature feature;
		u32 region_index, open_flags, flags, nr_ranges;
		u64 offset, length;
	} arg = {
		.feature = {
			.argsz = sizeof(arg),
			.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		},
		.region_index = CARD,
		.open_flags = O_RDWR,
		.nr_ranges = 1,
		.offset = self->dev->region[CARD].area[0].offset,
		.length = VST_PAGE,
	};

	EXPECT_GT(0, __vst_ioctl(self->dev, VFIO_DEVICE_FEATURE, &arg));
}

/* uapi: IOAS.MAP.FIXED IOAS.MAP.AUTO */
FIXTURE(bad_map) {
	struct vst_iommu *iommu;
	u8 *va;
};

FIXTURE_VARIANT(bad_map) {
	u64 iova, va, length;
	u32 flags, ioas, reserved;
	int err;
};

FIXTURE_VARIANT_ADD(bad_map, of_nothing) {
	.iova = VST_PAGE, .flags = FIXED | READABLE, .err = -EINVAL };
FIXTURE_VARIANT_ADD(bad_map, without_permission) {
	.iova = VST_PAGE, .length = VST_PAGE, .flags = FIXED, .err = -EINVAL };
FIXTURE_VARIANT_ADD(bad_map, with_unknown_flags) {
	.iova = VST_PAGE, .length = VST_PAGE, .flags = FIXED | READABLE | 1U << 31,
	.err = -EOPNOTSUPP };
FIXTURE_VARIANT_ADD(bad_map, with_reserved_bits) {
	.iova = VST_PAGE, .length = VST_PAGE, .flags = FIXED | READABLE, .reserved = 1,
	.err = -EOPNOTSUPP };
FIXTURE_VARIANT_ADD(bad_map, in_no_ioas) {
	.iova = VST_PAGE, .length = VST_PAGE, .flags = FIXED | READABLE, .ioas = NO_ID,
	.err = -ENOENT };
FIXTURE_VARIANT_ADD(bad_map, that_wraps) {
	.iova = -VST_PAGE, .length = 2 * VST_PAGE, .flags = FIXED | READABLE, .err = -EOVERFLOW };
FIXTURE_VARIANT_ADD(bad_map, of_all_there_is) {
	.length = UINT64_MAX, .flags = FIXED | READABLE, .err = -EOVERFLOW };
FIXTURE_VARIANT_ADD(bad_map, of_memory_that_wraps) {
	.iova = VST_PAGE, .va = -VST_PAGE, .length = 2 * VST_PAGE, .flags = FIXED | READABLE,
	.err = -EOVERFLOW };
FIXTURE_VARIANT_ADD(bad_map, of_so_much_that_no_place_is_left) {
	.length = 1ULL << 63, .flags = READABLE, .err = -EOVERFLOW };

FIXTURE_SETUP(bad_map)
{
	NEEDS_IOMMUFD();
	self->iommu = vst_iommu_open_by(&vst_iommufd);
	self->va = vst_anon(2 * VST_PAGE);
}

FIXTURE_TEARDOWN(bad_map)
{
	vst_iommu_close(self->iommu);
}

TEST_F(bad_map, is_refused)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = variant->flags,
		.ioas_id = variant->ioas ?: self->iommu->ioas,
		.__reserved = variant->reserved,
		.user_va = variant->va ?: (uintptr_t)self->va,
		.length = variant->length,
		.iova = variant->iova,
	};

	EXPECT_EQ(variant->err, xioctl(self->iommu->fd, IOMMU_IOAS_MAP, &map));
	EXPECT_EQ(-ENOENT, __vst_unmap(self->iommu, VST_PAGE, BUF, NULL));
}

/* How all structs of iommufd grow. */
/* uapi: IOAS.ALLOC */
TEST_F(ioas, longer_struct_is_taken_when_the_rest_is_zero)
{
	struct {
		struct iommu_ioas_alloc alloc;
		u8 more[64];
	} arg = { .alloc.size = sizeof(arg) };

	EXPECT_EQ(0, xioctl(self->iommu->fd, IOMMU_IOAS_ALLOC, &arg));
	arg.more[63] = 1;
	EXPECT_EQ(-E2BIG, xioctl(self->iommu->fd, IOMMU_IOAS_ALLOC, &arg));
	arg.alloc.size = sizeof(arg.alloc) - 1;
	EXPECT_EQ(-EINVAL, xioctl(self->iommu->fd, IOMMU_IOAS_ALLOC, &arg));
	EXPECT_EQ(-EFAULT, xioctl(self->iommu->fd, IOMMU_IOAS_ALLOC, NULL));
}

/* ---- copies ---- */

static int ioas_copy(struct vst_iommu *iommu, u32 from, u64 src, u32 to, u64 *dst, u64 size,
		     u32 flags)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = flags,
		.dst_ioas_id = to,
		.src_ioas_id = from,
		.length = size,
		.dst_iova = *dst,
		.src_iova = src,
	};
	int ret = xioctl(iommu->fd, IOMMU_IOAS_COPY, &copy);

	*dst = copy.dst_iova;
	return ret;
}

/* uapi: IOAS.MORE */
TEST_F(ioas, copy_is_the_same_memory_and_outlives_its_original)
{
	u64 src = 0x10000, dst = self->iova;
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas_id = self->other, .iova = src, .length = BUF,
	};

	ASSERT_EQ(0, ioas_map(self->iommu, self->other, self->va, &src, BUF,
			      FIXED | READABLE | WRITEABLE));
	ASSERT_EQ(0, ioas_copy(self->iommu, self->other, src, self->id, &dst, BUF,
			       FIXED | READABLE | WRITEABLE));
	EXPECT_EQ(self->iova, dst);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, dst));
	EXPECT_EQ(0x88, self->va[0]);
	ASSERT_EQ(0, xioctl(self->iommu->fd, IOMMU_IOAS_UNMAP, &unmap));
	ASSERT_EQ(0, destroy(self->iommu->fd, self->other));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, dst + BUF - 8));
	EXPECT_EQ(0x88, self->va[BUF - 8]);
}

/* uapi: IOAS.MORE */
TEST_F(ioas, copy_has_permissions_of_its_own)
{
	u64 dst = 0;

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	ASSERT_EQ(0, ioas_copy(self->iommu, self->id, self->iova, self->id, &dst, BUF, READABLE));
	EXPECT_NE(self->iova, dst);
	EXPECT_EQ(VLAB_DMA_ERR_PERM, put(self->dev, dst));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, get(self->dev, dst));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
}

/* uapi: IOAS.MORE */
TEST_F(ioas, copy_of_what_is_not_there_is_refused)
{
	u64 dst = self->iova + BUF, onto = self->iova;

	EXPECT_EQ(-ENOENT, ioas_copy(self->iommu, self->id, self->iova, self->id, &dst, BUF,
				     FIXED | READABLE));
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(-ENOENT, ioas_copy(self->iommu, self->id, self->iova, self->id, &dst,
				     2 * BUF, FIXED | READABLE));
	EXPECT_EQ(-ENOENT, ioas_copy(self->iommu, NO_ID, self->iova, self->id, &dst, BUF,
				     FIXED | READABLE));
	EXPECT_EQ(-ENOENT, ioas_copy(self->iommu, self->id, self->iova, NO_ID, &dst, BUF,
				     FIXED | READABLE));
	EXPECT_EQ(-EINVAL, ioas_copy(self->iommu, self->id, self->iova, self->id, &dst, BUF,
				     FIXED));
	EXPECT_EQ(-EEXIST, ioas_copy(self->iommu, self->id, self->iova, self->id, &onto, BUF,
				     FIXED | READABLE));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, get(self->dev, self->iova + BUF));
}

/* What was mapped for reading only has no writable copy. */
/* uapi: IOAS.MORE */
TEST_F(ioas, copy_cannot_gain_permission_over_read_only_memory)
{
	u64 dst = self->iova + BUF;

	ASSERT_EQ(0, mprotect(self->va, BUF, PROT_READ));
	vst_map(self->iommu, self->va, self->iova, BUF, VST_READ);
	EXPECT_EQ(-EPERM, ioas_copy(self->iommu, self->id, self->iova, self->id, &dst, BUF,
				    FIXED | READABLE | WRITEABLE));
	EXPECT_EQ(0, ioas_copy(self->iommu, self->id, self->iova, self->id, &dst, BUF,
			       FIXED | READABLE));
}

/* ---- unmapping ---- */

/* uapi: IOAS.UNMAP */
TEST_F(ioas, unmap_of_nothing_or_a_part_is_refused)
{
	EXPECT_EQ(-ENOENT, __vst_unmap(self->iommu, self->iova, BUF, NULL));
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(-ENOENT, __vst_unmap(self->iommu, self->iova, VST_PAGE, NULL));
	EXPECT_EQ(-ENOENT, __vst_unmap(self->iommu, self->iova + VST_PAGE, BUF, NULL));
	EXPECT_EQ(-EINVAL, __vst_unmap(self->iommu, self->iova, 0, NULL));
	EXPECT_EQ(-EOVERFLOW, __vst_unmap(self->iommu, -VST_PAGE, 2 * VST_PAGE, NULL));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova + BUF - 8));
}

/* uapi: IOAS.UNMAP */
TEST_F(ioas, unmap_of_everything_says_how_much_it_was)
{
	u64 done;

	vst_map(self->iommu, self->va, self->iova, VST_PAGE, VST_RW);
	vst_map(self->iommu, self->va, self->iova + BUF, 3 * VST_PAGE, VST_READ);
	vst_unmap(self->iommu, 0, UINT64_MAX, &done);
	EXPECT_EQ(4 * VST_PAGE, done);
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, get(self->dev, self->iova));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, get(self->dev, self->iova + BUF));
}

/* ---- which addresses there are ---- */

static int get_ranges(struct vst_iommu *iommu, u32 id, struct iommu_iova_range *range, u32 *n)
{
	struct iommu_ioas_iova_ranges ranges = {
		.size = sizeof(ranges),
		.ioas_id = id,
		.num_iovas = *n,
		.allowed_iovas = (uintptr_t)range,
	};
	int ret = xioctl(iommu->fd, IOMMU_IOAS_IOVA_RANGES, &ranges);

	*n = ranges.num_iovas;
	return ret;
}

static int allow(struct vst_iommu *iommu, u32 id, const struct iommu_iova_range *range, u32 n)
{
	struct iommu_ioas_allow_iovas allow = {
		.size = sizeof(allow),
		.ioas_id = id,
		.num_iovas = n,
		.allowed_iovas = (uintptr_t)range,
	};

	return xioctl(iommu->fd, IOMMU_IOAS_ALLOW_IOVAS, &allow);
}

/* uapi: IOAS.UNMAP */
TEST_F(ioas, ranges_of_an_empty_one_are_everything)
{
	struct iommu_iova_range range[4];
	u32 n = ARRAY_SIZE(range);

	ASSERT_EQ(0, get_ranges(self->iommu, self->other, range, &n));
	ASSERT_EQ(1, n);
	EXPECT_EQ(0, range[0].start);
	EXPECT_EQ(UINT64_MAX, range[0].last);
}

/* uapi: IOAS.UNMAP */
TEST_F(ioas, ranges_become_fewer_with_a_device_and_come_back_without)
{
	struct iommu_iova_range range[16];
	u32 i, n = ARRAY_SIZE(range);

	ASSERT_EQ(0, get_ranges(self->iommu, self->id, range, &n));
	ASSERT_LT(1, n);
	for (i = 0; i < n; i++)
		EXPECT_FALSE(range[i].start <= MESSAGES && range[i].last >= MESSAGES);
	ASSERT_EQ(0, detach(self->dev));
	ASSERT_EQ(0, get_ranges(self->iommu, self->id, range, &n));
	EXPECT_EQ(1, n);
}

/* uapi: IOAS.UNMAP */
TEST_F(ioas, ranges_without_room_tell_how_many_there_are)
{
	struct iommu_iova_range range[16];
	u32 all = ARRAY_SIZE(range), n = 0;

	ASSERT_EQ(0, get_ranges(self->iommu, self->id, range, &all));
	EXPECT_EQ(-EMSGSIZE, get_ranges(self->iommu, self->id, NULL, &n));
	EXPECT_EQ(all, n);
	EXPECT_EQ(-EFAULT, get_ranges(self->iommu, self->id, NULL, &all));
	EXPECT_EQ(-ENOENT, get_ranges(self->iommu, NO_ID, range, &n));
}

/* uapi: IOAS.MORE IOAS.MAP.AUTO */
TEST_F(ioas, map_where_it_likes_keeps_to_what_is_allowed)
{
	const struct iommu_iova_range two = { self->iova, self->iova + 2 * VST_PAGE - 1 };
	unsigned int i;
	u64 iova;

	ASSERT_EQ(0, allow(self->iommu, self->id, &two, 1));
	for (i = 0; i < 2; i++) {
		iova = 0;
		ASSERT_EQ(0, ioas_map(self->iommu, self->id, self->va + i * VST_PAGE, &iova,
				      VST_PAGE, READABLE));
		EXPECT_TRUE(iova >= two.start && iova < two.last);
	}
	EXPECT_EQ(-ENOSPC, ioas_map(self->iommu, self->id, self->va + 2 * VST_PAGE, &iova,
				    VST_PAGE, READABLE));
	ASSERT_EQ(0, allow(self->iommu, self->id, NULL, 0));
	EXPECT_EQ(0, ioas_map(self->iommu, self->id, self->va + 2 * VST_PAGE, &iova,
			      VST_PAGE, READABLE));
}

/* uapi: IOAS.MORE */
TEST_F(ioas, what_a_device_cannot_have_is_not_allowed)
{
	const struct iommu_iova_range window = { MESSAGES, MESSAGES + VST_PAGE - 1 };

	EXPECT_EQ(-EADDRINUSE, allow(self->iommu, self->id, &window, 1));
	ASSERT_EQ(0, allow(self->iommu, self->other, &window, 1));
	EXPECT_EQ(-EADDRINUSE, attach_to(self->dev, self->other));
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
}

/* uapi: IOAS.MAP.FIXED */
TEST_F(ioas, what_a_device_cannot_have_is_not_mapped)
{
	u64 iova = MESSAGES;

	EXPECT_EQ(-EINVAL, ioas_map(self->iommu, self->id, self->va, &iova, VST_PAGE,
				    FIXED | READABLE));
	ASSERT_EQ(0, ioas_map(self->iommu, self->other, self->va, &iova, VST_PAGE,
			      FIXED | READABLE));
	EXPECT_EQ(-EADDRINUSE, attach_to(self->dev, self->other));
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, get(self->dev, iova));
}

/* uapi: IOAS.MORE */
TEST_F(ioas, allowed_ranges_that_make_no_sense_are_refused)
{
	const struct iommu_iova_range turned = { 0x2000, 0x1000 };
	const struct iommu_iova_range twice[] = { { 0x1000, 0x1fff }, { 0x1800, 0x2fff } };

	EXPECT_EQ(-EINVAL, allow(self->iommu, self->other, &turned, 1));
	EXPECT_EQ(-EINVAL, allow(self->iommu, self->other, twice, 2));
	EXPECT_EQ(-EFAULT, allow(self->iommu, self->other, NULL, 1));
	EXPECT_EQ(-ENOENT, allow(self->iommu, NO_ID, twice, 1));
	EXPECT_EQ(0, allow(self->iommu, self->other, twice, 1));
}

/* ---- hot reset: no array, as it is known who has the functions ---- */

struct affected {
	struct vfio_pci_hot_reset_info info;
	struct vfio_pci_dependent_device dev[8];
};

static void get_affected(struct vst_dev *dev, struct affected *a)
{
	*a = (struct affected){ .info.argsz = sizeof(*a) };
	vst_ioctl(dev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, a);
}

/* uapi: HOT_RESET.INFO.DEV_ID */
TEST_F(attach, hot_reset_info_names_the_device_by_its_id)
{
	struct affected a;

	get_affected(self->dev, &a);
	ASSERT_EQ(1, a.info.count);
	EXPECT_EQ(VFIO_PCI_HOT_RESET_FLAG_DEV_ID | VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED,
		  a.info.flags);
	EXPECT_EQ(self->dev->id, a.dev[0].devid);
}

/* uapi: HOT_RESET.DO */
TEST_F(attach, hot_reset_with_an_array_is_refused)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int fd;
	} arg = { .reset = { .argsz = sizeof(arg), .count = 1 }, .fd = self->iommu->fd };
	u32 before = vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS);

	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_PCI_HOT_RESET, &arg));
	arg.fd = self->dev->fd;
	EXPECT_EQ(-EINVAL, __vst_ioctl(self->dev, VFIO_DEVICE_PCI_HOT_RESET, &arg));
	EXPECT_EQ(before, vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS));
}

/* uapi: HOT_RESET.DO */
TEST_F(attach, hot_reset_while_detached_resets)
{
	u32 before = vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS);

	ASSERT_EQ(0, detach(self->dev));
	vst_hot_reset(self->dev);
	EXPECT_EQ(before + 1, vst_read32(self->dev, CARD, VLAB_SERIAL_RESETS));
	ASSERT_EQ(0, attach_to(self->dev, self->iommu->ioas));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
}

/* A card of four functions in one slot. */
FIXTURE(slot) {
	struct vst_card card;
	struct vst_iommu *iommu;
	struct vst_dev *dev;
};

FIXTURE_SETUP(slot)
{
	NEEDS_IOMMUFD();
	VST_NEEDS_CARDS();
	vst_card_plug(&self->card, "personality=mcs9922", "ports=4");
	ASSERT_EQ(4, self->card.nfns);
	self->iommu = vst_iommu_open_by(&vst_iommufd);
	self->dev = vst_open_in(self->card.bdf[0], self->iommu);
}

FIXTURE_TEARDOWN(slot)
{
	vst_close(self->dev);
	vst_iommu_close(self->iommu);
	vst_card_destroy(&self->card);
}

/* uapi: HOT_RESET.INFO.DEV_ID */
TEST_F(slot, functions_of_the_group_are_owned_though_nobody_opened_them)
{
	struct affected a;
	unsigned int i;

	for (i = 1; i < 4; i++)
		if (vst_group(self->card.bdf[i]) != vst_group(self->card.bdf[0]))
			SKIP(return, "functions have groups of their own here");
	get_affected(self->dev, &a);
	ASSERT_EQ(4, a.info.count);
	EXPECT_TRUE(a.info.flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED);
	EXPECT_EQ(self->dev->id, a.dev[0].devid);
	for (i = 1; i < 4; i++)
		EXPECT_EQ(VFIO_PCI_DEVID_OWNED, a.dev[i].devid);
	EXPECT_EQ(0, __vst_hot_reset(self->dev));
}

/* uapi: HOT_RESET.INFO.DEV_ID HOT_RESET.DO */
TEST_F(slot, hot_reset_is_refused_while_a_function_is_nobodys)
{
	struct affected a;

	vst_bind(self->card.bdf[3], "");
	get_affected(self->dev, &a);
	ASSERT_EQ(4, a.info.count);
	EXPECT_FALSE(a.info.flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED);
	EXPECT_EQ((u32)VFIO_PCI_DEVID_NOT_OWNED, a.dev[3].devid);
	EXPECT_GT(0, __vst_hot_reset(self->dev));
}

/* uapi: IOMMUFD.BIND */
TEST_F(slot, function_of_the_group_is_not_bound_to_another_iommufd)
{
	int iommufd = open("/dev/iommu", O_RDWR), cdev = vst_cdev_open(self->card.bdf[1]);

	ASSERT_GE(iommufd, 0);
	if (vst_group(self->card.bdf[1]) != vst_group(self->card.bdf[0]))
		SKIP(return, "functions have groups of their own here");
	EXPECT_EQ(-EPERM, bind_to(cdev, iommufd));
	EXPECT_EQ(0, bind_to(cdev, self->iommu->fd));
	close(cdev);
	close(iommufd);
}

/* ---- options ---- */

static int option(int iommufd, u32 id, u32 object, u16 op, u64 *val)
{
	struct iommu_option arg = {
		.size = sizeof(arg), .option_id = id, .op = op, .object_id = object, .val64 = *val,
	};
	int ret = xioctl(iommufd, IOMMU_OPTION, &arg);

	*val = arg.val64;
	return ret;
}

static int set_option(int iommufd, u32 id, u32 object, u64 val)
{
	return option(iommufd, id, object, IOMMU_OPTION_OP_SET, &val);
}

/* -errno or the value. */
static int get_option(int iommufd, u32 id, u32 object)
{
	u64 val = ~0ULL;

	return option(iommufd, id, object, IOMMU_OPTION_OP_GET, &val) ?: (int)val;
}

/* uapi: IOAS.MORE */
TEST_F(ioas, large_pages_are_an_option_until_memory_is_mapped_for_a_device)
{
	int fd = self->iommu->fd;

	EXPECT_EQ(1, get_option(fd, IOMMU_OPTION_HUGE_PAGES, self->other));
	EXPECT_EQ(0, set_option(fd, IOMMU_OPTION_HUGE_PAGES, self->other, 0));
	EXPECT_EQ(0, get_option(fd, IOMMU_OPTION_HUGE_PAGES, self->other));
	EXPECT_EQ(0, set_option(fd, IOMMU_OPTION_HUGE_PAGES, self->other, 1));
	EXPECT_EQ(1, get_option(fd, IOMMU_OPTION_HUGE_PAGES, self->other));
	vst_map(self->iommu, self->va, self->iova, VST_PAGE, VST_RW);
	EXPECT_EQ(-EINVAL, set_option(fd, IOMMU_OPTION_HUGE_PAGES, self->id, 0));
	EXPECT_EQ(1, get_option(fd, IOMMU_OPTION_HUGE_PAGES, self->id));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->iova));
}

/* uapi: IOAS.MORE */
TEST_F(cdev, who_is_charged_is_an_option_until_there_are_objects)
{
	int fd = self->iommufd;

	EXPECT_EQ(0, get_option(fd, IOMMU_OPTION_RLIMIT_MODE, 0));
	EXPECT_EQ(0, set_option(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 1));
	EXPECT_EQ(1, get_option(fd, IOMMU_OPTION_RLIMIT_MODE, 0));
	EXPECT_EQ(-EINVAL, set_option(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 2));
	ioas_alloc(fd);
	EXPECT_EQ(-EBUSY, set_option(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 0));
	EXPECT_EQ(1, get_option(fd, IOMMU_OPTION_RLIMIT_MODE, 0));
}

/* uapi: IOAS.MORE */
TEST_F(cdev, options_that_make_no_sense_are_refused)
{
	u32 ioas = ioas_alloc(self->iommufd);
	u64 val = 0;

	EXPECT_EQ(-EOPNOTSUPP, get_option(self->iommufd, 99, 0));
	EXPECT_EQ(-EOPNOTSUPP, get_option(self->iommufd, IOMMU_OPTION_RLIMIT_MODE, ioas));
	EXPECT_EQ(-ENOENT, get_option(self->iommufd, IOMMU_OPTION_HUGE_PAGES, NO_ID));
	EXPECT_EQ(-EINVAL, set_option(self->iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, 2));
	EXPECT_EQ(-EOPNOTSUPP, option(self->iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, 9, &val));
	EXPECT_EQ(1, get_option(self->iommufd, IOMMU_OPTION_HUGE_PAGES, ioas));
}

/* ---- the container that an iommufd plays ---- */

/* uapi: CONTAINER.IOMMUFD */
FIXTURE(compat) {
	struct vst_iommu *iommu;
	struct vst_dev *dev;
	struct vst_buf buf;
};

FIXTURE_SETUP(compat)
{
	NEEDS_IOMMUFD();
	self->iommu = vst_iommu_open_by(&vst_compat);
	self->dev = vst_open_in(vst_bdf(), self->iommu);
	self->buf = vst_buf(self->iommu, BUF, VST_RW);
	vst_master(self->dev, true);
	vst_write64(self->dev, CARD, VLAB_SERIAL_MEM, 0x1122334455667788);
}

FIXTURE_TEARDOWN(compat)
{
	vst_close(self->dev);
	vst_iommu_close(self->iommu);
}

/* On success *@id is the address space. */
static int vfio_ioas(int iommufd, u32 op, u32 *id)
{
	struct iommu_vfio_ioas arg = { .size = sizeof(arg), .ioas_id = *id, .op = op };
	int ret = xioctl(iommufd, IOMMU_VFIO_IOAS, &arg);

	if (!ret)
		*id = arg.ioas_id;
	return ret;
}

TEST_F(compat, container_speaks_type1_and_promises_what_it_can)
{
	static const struct {
		unsigned int number;
		int there;
	} extensions[] = {
		{ VFIO_TYPE1_IOMMU, 1 }, { VFIO_TYPE1v2_IOMMU, 1 }, { VFIO_UNMAP_ALL, 1 },
		{ VFIO_UPDATE_VADDR, 0 }, { VFIO_SPAPR_TCE_IOMMU, 0 },
	};
	unsigned int i;

	EXPECT_EQ(VFIO_API_VERSION, vst_xioctl(self->iommu->fd, VFIO_GET_API_VERSION));
	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		EXPECT_EQ(extensions[i].there, __vst_xioctl(self->iommu->fd, VFIO_CHECK_EXTENSION,
							    extensions[i].number))
			TH_LOG("extension %u", extensions[i].number);
	}
}

TEST_F(compat, mapped_memory_is_reached_until_it_is_unmapped)
{
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
	EXPECT_EQ(0x88, self->buf.va[0]);
	vst_unmap(self->iommu, self->buf.iova, BUF, NULL);
	EXPECT_EQ(VLAB_DMA_ERR_NOMAP, put(self->dev, self->buf.iova));
}

TEST_F(compat, dirty_pages_are_not_told)
{
	struct vfio_iommu_type1_dirty_bitmap cmd = {
		.argsz = sizeof(cmd), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};

	EXPECT_EQ(-ENOTTY, __vst_xioctl(self->iommu->fd, VFIO_IOMMU_DIRTY_PAGES, &cmd));
}

/* uapi: IOMMUFD.VFIO_IOAS */
TEST_F(compat, address_space_of_the_container_can_be_used_as_any)
{
	u64 iova = vst_iova(self->iommu, VST_PAGE);
	u8 *va = vst_anon(VST_PAGE);
	u32 id = 0;

	ASSERT_EQ(0, vfio_ioas(self->iommu->fd, IOMMU_VFIO_IOAS_GET, &id));
	ASSERT_EQ(0, ioas_map(self->iommu, id, va, &iova, VST_PAGE, FIXED | READABLE | WRITEABLE));
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, iova));
	EXPECT_EQ(0x88, va[0]);
	EXPECT_EQ(-EBUSY, destroy(self->iommu->fd, id));
}

/* uapi: IOMMUFD.VFIO_IOAS */
TEST_F(compat, address_space_that_was_set_is_that_of_the_next_mapping)
{
	u32 id = ioas_alloc(self->iommu->fd), now = id;

	ASSERT_EQ(0, vfio_ioas(self->iommu->fd, IOMMU_VFIO_IOAS_SET, &now));
	now = 0;
	ASSERT_EQ(0, vfio_ioas(self->iommu->fd, IOMMU_VFIO_IOAS_GET, &now));
	EXPECT_EQ(id, now);
	/* The device stays where it was: what is mapped now is not for it. */
	EXPECT_EQ(0, __vst_map(self->iommu, self->buf.va, self->buf.iova, BUF, VST_RW));
	vst_unmap(self->iommu, self->buf.iova, BUF, NULL);
	EXPECT_EQ(VLAB_DMA_ERR_NONE, put(self->dev, self->buf.iova));
}

/* uapi: IOMMUFD.VFIO_IOAS */
TEST_F(cdev, container_has_no_address_space_before_its_first_group_or_when_it_is_cleared)
{
	u32 id = 0;

	EXPECT_EQ(-ENODEV, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_GET, &id));
	id = ioas_alloc(self->iommufd);
	ASSERT_EQ(0, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_SET, &id));
	EXPECT_EQ(0, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_GET, &id));
	EXPECT_EQ(0, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_CLEAR, &id));
	EXPECT_EQ(-ENODEV, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_GET, &id));
}

/* uapi: IOMMUFD.VFIO_IOAS */
TEST_F(cdev, container_takes_no_address_space_that_is_none)
{
	struct iommu_vfio_ioas arg = {
		.size = sizeof(arg), .op = IOMMU_VFIO_IOAS_GET, .__reserved = 1,
	};
	u32 id = NO_ID;

	EXPECT_EQ(-ENOENT, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_SET, &id));
	EXPECT_EQ(-EOPNOTSUPP, vfio_ioas(self->iommufd, 99, &id));
	EXPECT_EQ(-EOPNOTSUPP, xioctl(self->iommufd, IOMMU_VFIO_IOAS, &arg));
	EXPECT_EQ(-ENODEV, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_GET, &id));
}

VST_MAIN("memory=64K", "msi=8", "msix=16")
