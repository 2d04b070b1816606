// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vfio/GROUP, <linux/vfio.h>: what a group says of itself, when its devices
 * can be had, and when it cannot be used since a kernel driver has one of them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define VIABLE	VFIO_GROUP_FLAGS_VIABLE
#define BOTH	(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET)

static int get_status(int group)
{
	struct vfio_group_status status = { .argsz = sizeof(status), .flags = ~0U };
	int ret = __vst_xioctl(group, VFIO_GROUP_GET_STATUS, &status);

	return ret ?: (int)status.flags;
}

static int set_container(int group, int container)
{
	return __vst_xioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
}

static int set_iommu(int container)
{
	return __vst_xioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
}

static int get_device(int group, const char *name)
{
	return __vst_xioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
}

/* Works: the first config register names our vendor. */
static bool works(int device)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	u16 vendor;

	vst_xioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info);
	return pread(device, &vendor, sizeof(vendor), info.offset) == sizeof(vendor) &&
	       vendor == VLAB_VENDOR;
}

/* ---- a group by hand ---- */

FIXTURE(group) {
	int fd, container;
};

FIXTURE_SETUP(group)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->fd = vst_group_open(vst_bdf());
	self->container = vst_container_open();
}

FIXTURE_TEARDOWN(group)
{
	close(self->fd);
	close(self->container);
}

/* uapi: GROUP.GET_STATUS */
TEST_F(group, status_tells_of_the_container)
{
	EXPECT_EQ(VIABLE, get_status(self->fd));
	ASSERT_EQ(0, set_container(self->fd, self->container));
	EXPECT_EQ(BOTH, get_status(self->fd));
	ASSERT_EQ(0, set_iommu(self->container));
	EXPECT_EQ(BOTH, get_status(self->fd));
	ASSERT_EQ(0, __vst_xioctl(self->fd, VFIO_GROUP_UNSET_CONTAINER));
	EXPECT_EQ(VIABLE, get_status(self->fd));
}

/* uapi: GROUP.GET_STATUS */
TEST_F(group, status_with_short_argsz_or_no_room_is_refused)
{
	struct vfio_group_status status = { .argsz = sizeof(status) - 1 };

	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_GROUP_GET_STATUS, &status));
	EXPECT_EQ(-EFAULT, __vst_xioctl(self->fd, VFIO_GROUP_GET_STATUS, NULL));
}

TEST_F(group, unknown_request_is_enotty)
{
	EXPECT_EQ(-ENOTTY, __vst_xioctl(self->fd, _IO(VFIO_TYPE, VFIO_BASE + 99)));
	EXPECT_EQ(-ENOTTY, __vst_xioctl(self->fd, VFIO_GET_API_VERSION));
}

/* uapi: GROUP.SET_CONTAINER */
TEST_F(group, container_is_set_once)
{
	int other = vst_container_open();

	ASSERT_EQ(0, set_container(self->fd, self->container));
	EXPECT_EQ(-EINVAL, set_container(self->fd, self->container));
	EXPECT_EQ(-EINVAL, set_container(self->fd, other));
	close(other);
}

/* uapi: GROUP.SET_CONTAINER */
TEST_F(group, container_that_is_none_is_refused)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ret;

	EXPECT_EQ(-EBADF, set_container(self->fd, -1));
	EXPECT_EQ(-EFAULT, __vst_xioctl(self->fd, VFIO_GROUP_SET_CONTAINER, NULL));
	/* EBADFD since kernels know more than one kind of container. */
	ret = set_container(self->fd, null);
	EXPECT_TRUE(ret == -EINVAL || ret == -EBADFD);
	ret = set_container(self->fd, self->fd);
	EXPECT_TRUE(ret == -EINVAL || ret == -EBADFD);
	EXPECT_EQ(VIABLE, get_status(self->fd));
	close(null);
}

/* uapi: GROUP.UNSET_CONTAINER */
TEST_F(group, container_that_is_not_set_cannot_be_unset)
{
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_GROUP_UNSET_CONTAINER));
	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, __vst_xioctl(self->fd, VFIO_GROUP_UNSET_CONTAINER));
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->fd, VFIO_GROUP_UNSET_CONTAINER));
}

/* uapi: GROUP.UNSET_CONTAINER */
TEST_F(group, container_can_be_unset_when_the_device_is_closed)
{
	int device;

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	device = vst_ok(get_device(self->fd, vst_bdf()));
	EXPECT_EQ(-EBUSY, __vst_xioctl(self->fd, VFIO_GROUP_UNSET_CONTAINER));
	EXPECT_EQ(BOTH, get_status(self->fd));
	EXPECT_TRUE(works(device));
	close(device);
	EXPECT_EQ(0, __vst_xioctl(self->fd, VFIO_GROUP_UNSET_CONTAINER));
	EXPECT_EQ(-EINVAL, get_device(self->fd, vst_bdf()));
}

/* uapi: GROUP.GET_DEVICE_FD CONTAINER.SET_IOMMU */
TEST_F(group, gives_no_device_before_the_container_has_an_iommu)
{
	int device;

	EXPECT_EQ(-EINVAL, get_device(self->fd, vst_bdf()));
	ASSERT_EQ(0, set_container(self->fd, self->container));
	EXPECT_EQ(-EINVAL, get_device(self->fd, vst_bdf()));
	ASSERT_EQ(0, set_iommu(self->container));
	device = get_device(self->fd, vst_bdf());
	ASSERT_LE(0, device);
	EXPECT_TRUE(works(device));
	close(device);
}

/* The refused tries before a container was there must not have counted. */
/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(group, refused_devices_leave_the_group_free)
{
	struct vst_dev *dev;

	EXPECT_EQ(-EINVAL, get_device(self->fd, vst_bdf()));
	close(self->fd);
	dev = vst_open(vst_bdf());
	vst_close(dev);
	self->fd = vst_group_open(vst_bdf());
}

static const struct {
	const char *name;	/* appended to the function's, or alone */
	bool alone;
	int ret;
} names[] = {
	{ "", true, -ENODEV },
	{ "x", true, -ENODEV },
	{ "vfio", true, -ENODEV },
	{ "0000:00:00.0", true, -ENODEV },
	{ "0", false, -ENODEV },
	{ "-", false, -ENODEV },
	/* options: there is one, and it is for virtual functions */
	{ " nonsense", false, -EINVAL },
	{ " vf_token=", false, -EINVAL },
	{ " vf_token=00000000-0000-0000-0000-00000000000x", false, -EINVAL },
	{ " vf_token=bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3", false, -EINVAL },
};

/* uapi: GROUP.GET_DEVICE_FD FEATURE.VF_TOKEN */
TEST_F(group, gives_no_device_by_a_wrong_name)
{
	char name[128];
	unsigned int i;

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(name, sizeof(name), "%s%s", names[i].alone ? "" : vst_bdf(),
			 names[i].name);
		EXPECT_EQ(names[i].ret, get_device(self->fd, name))
			TH_LOG("name '%s'", name);
	}
}

/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(group, gives_no_device_by_a_name_without_end)
{
	char *name = vst_anon(2 * VST_PAGE);

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	memset(name, 'x', 2 * VST_PAGE);
	EXPECT_EQ(-EINVAL, get_device(self->fd, name));
	munmap(name + VST_PAGE, VST_PAGE);
	EXPECT_EQ(-EFAULT, get_device(self->fd, name + VST_PAGE - 4));
	EXPECT_EQ(-EFAULT, get_device(self->fd, NULL));
}

/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(group, trailing_spaces_are_no_option)
{
	char name[32];
	int device;

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	snprintf(name, sizeof(name), "%s  ", vst_bdf());
	device = get_device(self->fd, name);
	EXPECT_LE(0, device);
	close(device);
}

/* ---- opened twice, closed in any order ---- */

/* uapi: CDEV.OPEN */
TEST_F(group, copy_of_its_file_keeps_it_busy)
{
	int copy = dup(self->fd);

	close(self->fd);
	EXPECT_EQ(-EBUSY, __vst_group_open(vst_bdf()));
	EXPECT_EQ(VIABLE, get_status(copy));
	close(copy);
	self->fd = __vst_group_open(vst_bdf());
	EXPECT_LE(0, self->fd);
}

/* uapi: CDEV.OPEN */
TEST_F(group, child_keeps_it_busy)
{
	struct vst_child c = vst_fork();

	if (!c.pid) {
		vst_linger(c.sock);
		_exit(0);
	}
	close(self->fd);
	EXPECT_EQ(-EBUSY, __vst_group_open(vst_bdf()));
	EXPECT_EQ(0, vst_child_end(&c));
	self->fd = __vst_group_open(vst_bdf());
	EXPECT_LE(0, self->fd);
}

/* uapi: CDEV.OPEN */
TEST_F(group, device_keeps_it_busy_when_its_file_is_closed)
{
	int device;

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	device = vst_ok(get_device(self->fd, vst_bdf()));
	close(self->fd);
	EXPECT_EQ(-EBUSY, __vst_group_open(vst_bdf()));
	EXPECT_TRUE(works(device));
	close(device);
	self->fd = vst_group_open(vst_bdf());
	EXPECT_EQ(VIABLE, get_status(self->fd));
}

/* The group holds its container, which the last one to close frees. */
/* uapi: GROUP.SET_CONTAINER */
TEST_F(group, container_outlives_its_own_file)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int copy = dup(self->container), device;

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	close(self->container);
	EXPECT_EQ(0, __vst_xioctl(copy, VFIO_IOMMU_GET_INFO, &info));
	close(copy);
	EXPECT_EQ(BOTH, get_status(self->fd));
	device = get_device(self->fd, vst_bdf());
	ASSERT_LE(0, device);
	EXPECT_TRUE(works(device));
	close(device);
	ASSERT_EQ(0, __vst_xioctl(self->fd, VFIO_GROUP_UNSET_CONTAINER));
	self->container = vst_container_open();
	ASSERT_EQ(0, set_container(self->fd, self->container));
	EXPECT_EQ(0, set_iommu(self->container));
}

/* uapi: GROUP.SET_CONTAINER */
TEST_F(group, closed_in_a_container_leaves_it_unset)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	close(self->fd);
	EXPECT_EQ(-EINVAL, __vst_xioctl(self->container, VFIO_IOMMU_GET_INFO, &info));
	self->fd = vst_group_open(vst_bdf());
	EXPECT_EQ(VIABLE, get_status(self->fd));
	ASSERT_EQ(0, set_container(self->fd, self->container));
	EXPECT_EQ(0, set_iommu(self->container));
}

/* ---- a group whose last device goes ---- */

/* uapi: GROUP.GET_STATUS */
FIXTURE(last) {
	struct vst_card card;
	const char *bdf;
	int fd;
};

FIXTURE_SETUP(last)
{
	VST_NEEDS(VST_CAN_TYPE1);
	VST_PLUG_APART(&self->card, "ports=1");
	self->bdf = self->card.bdf[0];
	self->fd = vst_group_open(self->bdf);
}

FIXTURE_TEARDOWN(last)
{
	close(self->fd);
	vst_card_destroy(&self->card);
}

static void expect_dead(struct __test_metadata *_metadata, int group, const char *bdf)
{
	int container = vst_container_open();

	EXPECT_EQ(-ENODEV, get_status(group));
	EXPECT_EQ(-ENODEV, set_container(group, container));
	EXPECT_EQ(-ENODEV, get_device(group, bdf));
	close(container);
}

TEST_F(last, unbound_leaves_a_file_that_is_good_for_nothing)
{
	vst_unbind(self->bdf);
	expect_dead(_metadata, self->fd, self->bdf);
	EXPECT_EQ(-ENOENT, __vst_group_open(self->bdf));
}

TEST_F(last, unbound_in_a_container_leaves_the_container)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int container = vst_container_open();

	ASSERT_EQ(0, set_container(self->fd, container));
	ASSERT_EQ(0, set_iommu(container));
	vst_unbind(self->bdf);
	expect_dead(_metadata, self->fd, self->bdf);
	EXPECT_EQ(-EINVAL, __vst_xioctl(container, VFIO_IOMMU_GET_INFO, &info));
	close(container);
}

TEST_F(last, pulled_leaves_a_file_that_is_good_for_nothing)
{
	char bdf[VST_BDF_LEN];

	snprintf(bdf, sizeof(bdf), "%s", self->bdf);
	vst_card_pull(&self->card);
	expect_dead(_metadata, self->fd, bdf);
}

/* The old file stays of the old group: it does not come back with the driver. */
TEST_F(last, bound_again_is_another_group_file)
{
	int fresh;

	vst_unbind(self->bdf);
	vst_bind(self->bdf, VST_DRIVER);
	EXPECT_EQ(-ENODEV, get_status(self->fd));
	fresh = __vst_group_open(self->bdf);
	ASSERT_LE(0, fresh);
	EXPECT_EQ(VIABLE, get_status(fresh));
	close(fresh);
}

/* ---- four functions in a slot: one group ---- */

#define FNS	4
#define KERNEL_DRIVER	"serial"	/* of 8250_pci: it wants DMA by the kernel's API */

FIXTURE(many) {
	struct vst_card card;
	int fd, container;
};

FIXTURE_SETUP(many)
{
	static const char *const attrs[] = {
		"model=serial", "personality=mcs9922", "ports=4", NULL,
	};
	unsigned int i;
	int ret;

	VST_NEEDS(VST_CAN_TYPE1);
	VST_NEEDS_CARDS();
	ret = __vst_card_plug(&self->card, attrs);
	if (ret == -ENOSPC)
		SKIP(return, "no room here for what four functions want");
	vst_ok(ret);
	ASSERT_EQ(FNS, self->card.nfns);
	for (i = 1; i < FNS; i++)
		ASSERT_EQ(vst_group(self->card.bdf[0]), vst_group(self->card.bdf[i]));
	self->fd = vst_group_open(self->card.bdf[0]);
	self->container = vst_container_open();
}

FIXTURE_TEARDOWN(many)
{
	close(self->fd);
	close(self->container);
	vst_card_destroy(&self->card);
}

/* uapi: GROUP.GET_DEVICE_FD */
TEST_F(many, one_file_gives_all_devices)
{
	int device[FNS];
	unsigned int i;

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	for (i = 0; i < FNS; i++) {
		device[i] = get_device(self->fd, self->card.bdf[i]);
		EXPECT_LE(0, device[i]);
	}
	for (i = 0; i < FNS; i++)
		close(device[i]);
	EXPECT_EQ(-EBUSY, __vst_group_open(self->card.bdf[3]));
}

/* uapi: GROUP.NOT_VIABLE */
TEST_F(many, neighbour_without_a_driver_does_no_harm)
{
	int device;

	vst_bind(self->card.bdf[3], "");
	EXPECT_EQ(VIABLE, get_status(self->fd));
	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	device = get_device(self->fd, self->card.bdf[0]);
	EXPECT_LE(0, device);
	EXPECT_EQ(-ENODEV, get_device(self->fd, self->card.bdf[3]));
	close(device);
}

/* uapi: GROUP.NOT_VIABLE */
TEST_F(many, neighbour_with_another_vfio_driver_does_no_harm)
{
	int device;

	if (__vst_bind(self->card.bdf[3], "vfio-pci"))
		SKIP(return, "no vfio-pci driver in this kernel");
	EXPECT_EQ(VIABLE, get_status(self->fd));
	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	device = get_device(self->fd, self->card.bdf[3]);
	EXPECT_LE(0, device);
	close(device);
}

/* uapi: GROUP.NOT_VIABLE GROUP.GET_STATUS */
TEST_F(many, neighbour_with_a_kernel_driver_makes_it_not_viable)
{
	if (__vst_bind(self->card.bdf[3], KERNEL_DRIVER))
		SKIP(return, "no driver " KERNEL_DRIVER " in this kernel");
	EXPECT_EQ(0, get_status(self->fd));
	EXPECT_EQ(-EPERM, set_container(self->fd, self->container));
	EXPECT_EQ(0, get_status(self->fd));
	EXPECT_EQ(-EINVAL, get_device(self->fd, self->card.bdf[0]));
}

/* uapi: GROUP.NOT_VIABLE */
TEST_F(many, is_viable_again_when_the_kernel_driver_has_gone)
{
	int device;

	if (__vst_bind(self->card.bdf[3], KERNEL_DRIVER))
		SKIP(return, "no driver " KERNEL_DRIVER " in this kernel");
	EXPECT_EQ(-EPERM, set_container(self->fd, self->container));
	vst_unbind(self->card.bdf[3]);
	EXPECT_EQ(VIABLE, get_status(self->fd));
	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	device = get_device(self->fd, self->card.bdf[0]);
	EXPECT_LE(0, device);
	close(device);
}

/* uapi: GROUP.NOT_VIABLE */
TEST_F(many, in_use_keeps_kernel_drivers_from_its_neighbours)
{
	char now[64];
	int device;

	ASSERT_EQ(0, set_container(self->fd, self->container));
	ASSERT_EQ(0, set_iommu(self->container));
	device = get_device(self->fd, self->card.bdf[0]);
	ASSERT_LE(0, device);
	EXPECT_GT(0, __vst_bind(self->card.bdf[3], KERNEL_DRIVER));
	EXPECT_EQ(-ENODEV, __vst_driver(self->card.bdf[3], now, sizeof(now)));
	/* Its user does not notice, and an own driver may have it all the same. */
	EXPECT_EQ(BOTH, get_status(self->fd));
	close(device);
	vst_bind(self->card.bdf[3], VST_DRIVER);
	device = get_device(self->fd, self->card.bdf[3]);
	EXPECT_LE(0, device);
	close(device);
}

/* uapi: GROUP.NOT_VIABLE */
TEST_F(many, with_no_container_keeps_nobody_from_its_neighbours)
{
	if (__vst_bind(self->card.bdf[3], KERNEL_DRIVER))
		SKIP(return, "no driver " KERNEL_DRIVER " in this kernel");
	EXPECT_EQ(0, get_status(self->fd));
	vst_bind(self->card.bdf[3], VST_DRIVER);
	EXPECT_EQ(VIABLE, get_status(self->fd));
}

/* ---- two groups ---- */

/* uapi: GROUP.SET_CONTAINER */
TEST(two_containers_do_not_share_a_group)
{
	struct vst_iommu *iommu;
	struct vst_dev *dev, *again;

	VST_NEEDS(VST_CAN_TYPE1);
	dev = vst_open(vst_bdf());
	iommu = vst_iommu_open();
	EXPECT_EQ(-EBUSY, __vst_open_in(&again, vst_bdf(), iommu));
	vst_close(dev);
	EXPECT_EQ(0, __vst_open_in(&again, vst_bdf(), iommu));
	vst_close(again);
	vst_iommu_close(iommu);
}

/* ---- interrupts that are not isolated ---- */

#define ALLOWED		"/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
#define ISOLATED	"/sys/module/vfiolab/parameters/isolated_msi"

/* uapi: TYPE1.RESERVED */
FIXTURE(unsafe) {
	int fd, container, log;
};

FIXTURE_SETUP(unsafe)
{
	VST_NEEDS(VST_CAN_TYPE1);
	if (access(ISOLATED, F_OK))
		SKIP(return, "no " ISOLATED);
	self->fd = vst_group_open(vst_bdf());
	self->container = vst_container_open();
	ASSERT_EQ(0, set_container(self->fd, self->container));
	self->log = vst_log_open();
}

FIXTURE_TEARDOWN(unsafe)
{
	close(self->log);
	close(self->fd);
	close(self->container);
}

/* Parameters are everybody's: they are set for as long as one call. */
static void swap_param(const char *path, char *val, size_t len)
{
	char before[4];

	vst_file_read(path, before, sizeof(before));
	vst_file_write(path, val);
	snprintf(val, len, "%s", before);
}

static int set_iommu_when(int container, const char *isolated, const char *allowed)
{
	char one[4], two[4];
	int ret;

	snprintf(one, sizeof(one), "%s", isolated);
	snprintf(two, sizeof(two), "%s", allowed);
	swap_param(ISOLATED, one, sizeof(one));
	swap_param(ALLOWED, two, sizeof(two));
	ret = set_iommu(container);
	swap_param(ISOLATED, one, sizeof(one));
	swap_param(ALLOWED, two, sizeof(two));
	return ret;
}

static int warnings(int log)
{
	char line[8];

	return vst_log_count(log, "allow_unsafe_interrupts", line, sizeof(line));
}

TEST_F(unsafe, interrupts_are_not_those_of_our_cards)
{
	EXPECT_EQ(0, set_iommu_when(self->container, "Y", "N"));
	EXPECT_EQ(0, warnings(self->log));
}

/* Before 6.2 the kernel asks the IOMMU instead of the device. */
TEST_F(unsafe, interrupts_are_eperm_when_not_allowed)
{
	if (!set_iommu_when(self->container, "N", "N"))
		SKIP(return, "this kernel takes the IOMMU's word for it");
	EXPECT_EQ(1, warnings(self->log));
	EXPECT_EQ(-EPERM, set_iommu_when(self->container, "N", "N"));
	/* It was not the last try. */
	EXPECT_EQ(0, set_iommu(self->container));
}

TEST_F(unsafe, interrupts_are_let_in_when_allowed)
{
	int device;

	ASSERT_EQ(0, set_iommu_when(self->container, "N", "Y"));
	EXPECT_EQ(0, warnings(self->log));
	device = vst_ok(get_device(self->fd, vst_bdf()));
	EXPECT_TRUE(works(device));
	close(device);
}

VST_MAIN("ports=1")
