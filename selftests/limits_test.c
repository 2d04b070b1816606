// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mappings of type1 cost: locked memory (RLIMIT_MEMLOCK), of which process,
 * and entries of the container (dma_entry_limit).
 */
#include <linux/capability.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define PAGES	8UL
#define BUF	(PAGES * VST_PAGE)

/* ---- locked memory of a process ---- */

/* Pages that this process may lock. */
static void set_limit(unsigned long pages)
{
	struct rlimit lim;

	vst_assert(!getrlimit(RLIMIT_MEMLOCK, &lim));
	lim.rlim_cur = pages * VST_PAGE;
	if (lim.rlim_max < lim.rlim_cur)
		lim.rlim_max = lim.rlim_cur;
	vst_assert(!setrlimit(RLIMIT_MEMLOCK, &lim));
}

/* From now on the limit holds for this process. */
static void drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	vst_assert(!syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	vst_assert(!syscall(SYS_capset, &head, data));
}

/* uapi: TYPE1.ACCOUNTING */
FIXTURE(limit) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	u8 *va;
	u64 iova;
	unsigned long before;
};

FIXTURE_SETUP(limit)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	self->va = vst_anon(2 * BUF);
	self->iova = vst_iova(self->iommu, 4 * BUF);
	self->before = vst_locked(0);
	vst_master(self->dev, true);
	drop_ipc_lock();
	set_limit(self->before + PAGES);
}

FIXTURE_TEARDOWN(limit)
{
	vst_close(self->dev);
}

TEST_F(limit, mapped_pages_are_locked_pages)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_unmap(self->iommu, self->iova, BUF, NULL);
	EXPECT_EQ(self->before, vst_locked(0));
}

TEST_F(limit, pages_to_be_read_only_are_counted_too)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_READ);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va, self->iova + BUF, VST_PAGE, VST_READ));
}

TEST_F(limit, page_behind_the_limit_is_enomem)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va + BUF, self->iova + BUF, VST_PAGE,
				     VST_RW));
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_unmap(self->iommu, self->iova, BUF, NULL);
	EXPECT_EQ(0, __vst_map(self->iommu, self->va + BUF, self->iova + BUF, VST_PAGE, VST_RW));
}

TEST_F(limit, refused_map_leaves_nothing_locked_or_mapped)
{
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va, self->iova, BUF + VST_PAGE, VST_RW));
	EXPECT_EQ(self->before, vst_locked(0));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->iova, VST_PAGE, true));
	EXPECT_EQ(0, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF, true));
}

TEST_F(limit, map_that_faults_leaves_nothing_locked)
{
	munmap(self->va + 3 * VST_PAGE, VST_PAGE);
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, self->va, self->iova, BUF, VST_RW));
	EXPECT_EQ(self->before, vst_locked(0));
}

TEST_F(limit, page_mapped_twice_is_counted_twice)
{
	vst_map(self->iommu, self->va, self->iova, BUF / 2, VST_RW);
	vst_map(self->iommu, self->va, self->iova + BUF, BUF / 2, VST_RW);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va, self->iova + 2 * BUF, VST_PAGE,
				     VST_RW));
}

TEST_F(limit, of_nothing_lets_nothing_be_mapped)
{
	set_limit(0);
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va, self->iova, VST_PAGE, VST_RW));
}

TEST_F(limit, raised_counts_at_once)
{
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va, self->iova, 2 * BUF, VST_RW));
	set_limit(self->before + 2 * PAGES);
	EXPECT_EQ(0, __vst_map(self->iommu, self->va, self->iova, 2 * BUF, VST_RW));
}

TEST_F(limit, lowered_takes_nothing_away)
{
	u64 done;

	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	set_limit(0);
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->iova, BUF, true));
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va, self->iova + BUF, VST_PAGE, VST_RW));
	vst_unmap(self->iommu, self->iova, BUF, &done);
	EXPECT_EQ(BUF, done);
	EXPECT_EQ(self->before, vst_locked(0));
}

TEST_F(limit, is_shared_with_mlock)
{
	ASSERT_EQ(0, mlock(self->va, BUF / 2));
	EXPECT_EQ(-ENOMEM, __vst_map(self->iommu, self->va, self->iova, BUF / 2 + VST_PAGE,
				     VST_RW));
	ASSERT_EQ(0, __vst_map(self->iommu, self->va, self->iova, BUF / 2, VST_RW));
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	EXPECT_EQ(-1, mlock(self->va + BUF, VST_PAGE));
	EXPECT_EQ(ENOMEM, errno);
}

TEST_F(limit, memory_unmapped_by_the_process_is_counted_until_unmap_dma)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	munmap(self->va, BUF);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_unmap(self->iommu, self->iova, BUF, NULL);
	EXPECT_EQ(self->before, vst_locked(0));
}

TEST_F(limit, closed_container_gives_everything_back)
{
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	vst_close(self->dev);
	EXPECT_EQ(self->before, vst_locked(0));
	self->dev = vst_open(vst_bdf());
}

/* The pages of one mapping, however many devices reach them. */
TEST_F(limit, second_card_costs_nothing)
{
	struct vst_card card;
	struct vst_dev *two;

	VST_NEEDS_CARDS();
	vst_card_plug(&card, "memory=64K");
	vst_map(self->iommu, self->va, self->iova, BUF, VST_RW);
	two = vst_open_in(card.bdf[0], self->iommu);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_close(two);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_card_destroy(&card);
}

/* uapi: TYPE1.ACCOUNTING */
TEST(limit_does_not_hold_for_those_who_may_lock_but_they_are_counted)
{
	unsigned long before;
	struct vst_buf buf;
	struct vst_dev *dev;

	VST_NEEDS(VST_CAN_TYPE1);
	dev = vst_open(vst_bdf());
	before = vst_locked(0);
	set_limit(0);
	buf = vst_buf(dev->iommu, BUF, VST_RW);
	EXPECT_EQ(before + PAGES, vst_locked(0));
	vst_buf_free(&buf);
	EXPECT_EQ(before, vst_locked(0));
	vst_close(dev);
}

/* ---- whose memory it is: fork and exec ---- */

/* uapi: TYPE1.ACCOUNTING */
FIXTURE(charge) {
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	int file;
	struct vst_buf buf;	/* not mapped in the container yet */
	unsigned long before;
};

FIXTURE_SETUP(charge)
{
	VST_NEEDS(VST_CAN_TYPE1);
	self->dev = vst_open(vst_bdf());
	self->iommu = self->dev->iommu;
	self->file = syscall(SYS_memfd_create, "charge", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(self->file, BUF));
	self->buf = (struct vst_buf){
		.va = mmap(NULL, BUF, PROT_READ | PROT_WRITE, MAP_SHARED, self->file, 0),
		.iova = vst_iova(self->iommu, BUF),
		.size = BUF,
		.iommu = self->iommu,
	};
	ASSERT_NE(MAP_FAILED, self->buf.va);
	self->before = vst_locked(0);
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(charge)
{
	close(self->file);
	vst_close(self->dev);
}

static struct vst_child start(struct vst_buf *buf, void (*run)(struct vst_buf *buf, int sock))
{
	struct vst_child c = vst_fork();

	if (!c.pid) {
		run(buf, c.sock);
		_exit(0);
	}
	vst_hear(c.sock);
	return c;
}

/* Until the parent closes its end. */
static void linger(int sock)
{
	vst_say(sock);
	vst_linger(sock);
}

static void map(const struct vst_buf *buf)
{
	vst_map(buf->iommu, buf->va, buf->iova, BUF, VST_RW);
}

static void run_nothing(struct vst_buf *buf, int sock)
{
	(void)buf;
	linger(sock);
}

static void run_map(struct vst_buf *buf, int sock)
{
	map(buf);
	linger(sock);
}

static void run_unmap(struct vst_buf *buf, int sock)
{
	vst_unmap(buf->iommu, buf->iova, BUF, NULL);
	linger(sock);
}

TEST_F(charge, of_the_parent_is_not_inherited_by_its_child)
{
	struct vst_child c;

	map(&self->buf);
	c = start(&self->buf, run_nothing);
	EXPECT_EQ(0, vst_locked(c.pid));
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_child_end(&c);
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->buf.iova, BUF, true));
}

TEST_F(charge, goes_back_to_who_mapped_when_another_unmaps)
{
	struct vst_child c;

	map(&self->buf);
	c = start(&self->buf, run_unmap);
	EXPECT_EQ(self->before, vst_locked(0));
	EXPECT_EQ(0, vst_locked(c.pid));
	vst_child_end(&c);
}

TEST_F(charge, is_that_of_the_child_when_it_maps)
{
	struct vst_child c = start(&self->buf, run_map);

	EXPECT_EQ(PAGES, vst_locked(c.pid));
	EXPECT_EQ(self->before, vst_locked(0));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->buf.iova, BUF, true));
	vst_unmap(self->iommu, self->buf.iova, BUF, NULL);
	EXPECT_EQ(0, vst_locked(c.pid));
	EXPECT_EQ(self->before, vst_locked(0));
	vst_child_end(&c);
}

TEST_F(charge, of_a_dead_process_is_nobodys_and_its_mapping_stays)
{
	struct vst_child c = start(&self->buf, run_map);
	u64 done;

	vst_child_end(&c);
	EXPECT_EQ(self->before, vst_locked(0));
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, self->buf.va, self->buf.iova, BUF, VST_RW));
	/* dma.rst 9.3: hardware would reach the pages, which are pinned. */
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->buf.iova, BUF, true));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->buf.iova, BUF, false));
	vst_unmap(self->iommu, self->buf.iova, BUF, &done);
	EXPECT_EQ(BUF, done);
	EXPECT_EQ(self->before, vst_locked(0));
}

/* Becomes another program, one that ends when the parent closes its end. */
static void run_map_and_exec(struct vst_buf *buf, int sock)
{
	map(buf);
	vst_assert(vst_locked(0) == PAGES);
	vst_say(sock);
	vst_assert(dup2(sock, STDIN_FILENO) == STDIN_FILENO);
	close(sock);
	execlp("cat", "cat", NULL);
}

static bool is_named(pid_t pid, const char *name)
{
	char path[32], comm[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	vst_file_read(path, comm, sizeof(comm));
	return !strcmp(comm, name);
}

TEST_F(charge, does_not_go_with_a_process_that_execs)
{
	struct vst_child c = start(&self->buf, run_map_and_exec);
	u64 done;

	ASSERT_TRUE(vst_until(is_named(c.pid, "cat"), VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_locked(c.pid));
	EXPECT_EQ(-EEXIST, __vst_map(self->iommu, self->buf.va, self->buf.iova, BUF, VST_RW));
	vst_unmap(self->iommu, self->buf.iova, BUF, &done);
	EXPECT_EQ(BUF, done);
	EXPECT_EQ(0, vst_locked(c.pid));
	EXPECT_EQ(self->before, vst_locked(0));
	vst_child_end(&c);
}

/* ---- and when another process gives the memory its address ---- */

static int give_vaddr(const struct vst_buf *buf)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_VADDR,
		.vaddr = (uintptr_t)buf->va, .iova = buf->iova, .size = BUF,
	};

	return __vst_xioctl(buf->iommu->fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int take_vaddr(const struct vst_buf *buf)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .flags = VFIO_DMA_UNMAP_FLAG_VADDR,
		.iova = buf->iova, .size = BUF,
	};

	return __vst_xioctl(buf->iommu->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

static bool can_update(struct vst_iommu *iommu)
{
	return vst_xioctl(iommu->fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR);
}

/* uapi: MAP_DMA.VADDR */
TEST_F(charge, goes_to_the_process_that_gives_a_new_address)
{
	struct vst_child c;

	if (!can_update(self->iommu))
		SKIP(return, "the container has no VFIO_UPDATE_VADDR");
	c = start(&self->buf, run_map);
	ASSERT_EQ(0, take_vaddr(&self->buf));
	EXPECT_EQ(PAGES, vst_locked(c.pid));
	ASSERT_EQ(0, give_vaddr(&self->buf));
	EXPECT_EQ(0, vst_locked(c.pid));
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_child_end(&c);
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->buf.iova, BUF, true));
	vst_unmap(self->iommu, self->buf.iova, BUF, NULL);
	EXPECT_EQ(self->before, vst_locked(0));
}

/* uapi: MAP_DMA.VADDR */
TEST_F(charge, of_a_dead_process_is_taken_over_with_a_new_address)
{
	struct vst_child c;

	if (!can_update(self->iommu))
		SKIP(return, "the container has no VFIO_UPDATE_VADDR");
	c = start(&self->buf, run_map);
	vst_child_end(&c);
	ASSERT_EQ(0, take_vaddr(&self->buf));
	ASSERT_EQ(0, give_vaddr(&self->buf));
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->buf.iova, BUF, true));
}

/* uapi: MAP_DMA.VADDR */
TEST_F(charge, that_is_too_much_for_the_new_process_is_refused)
{
	struct vst_child c;

	if (!can_update(self->iommu))
		SKIP(return, "the container has no VFIO_UPDATE_VADDR");
	c = start(&self->buf, run_map);
	ASSERT_EQ(0, take_vaddr(&self->buf));
	drop_ipc_lock();
	set_limit(self->before + PAGES - 1);
	EXPECT_EQ(-ENOMEM, give_vaddr(&self->buf));
	EXPECT_EQ(PAGES, vst_locked(c.pid));
	EXPECT_EQ(self->before, vst_locked(0));
	set_limit(self->before + PAGES);
	EXPECT_EQ(0, give_vaddr(&self->buf));
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
	vst_child_end(&c);
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->buf.iova, BUF, true));
}

/* uapi: MAP_DMA.VADDR */
TEST_F(charge, stays_when_the_same_process_gives_a_new_address)
{
	if (!can_update(self->iommu))
		SKIP(return, "the container has no VFIO_UPDATE_VADDR");
	map(&self->buf);
	ASSERT_EQ(0, take_vaddr(&self->buf));
	ASSERT_EQ(0, give_vaddr(&self->buf));
	EXPECT_EQ(self->before + PAGES, vst_locked(0));
}

/* ---- entries of a container ---- */

#define ENTRY_LIMIT	"/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"
#define FEW		4U
#define FEW_TEXT	"4"

static u32 available(struct vst_iommu *iommu)
{
	union {
		struct vfio_iommu_type1_info info;
		u8 room[1024];
	} u = { .info.argsz = sizeof(u) };
	const struct vfio_iommu_type1_info_dma_avail *cap;
	u32 off;

	vst_xioctl(iommu->fd, VFIO_IOMMU_GET_INFO, &u);
	for (off = u.info.cap_offset; off; off = cap->header.next) {
		cap = (const void *)(u.room + off);
		if (cap->header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			return cap->avail;
	}
	vst_fail(__FILE__, __LINE__, "no capability DMA_AVAIL", 0);
}

/* uapi: TYPE1.CAP.DMA_AVAIL */
FIXTURE(entries) {
	char before[16];
	struct vst_dev *dev;
	struct vst_iommu *iommu;
	struct vst_buf buf;	/* to be mapped a page at a time */
};

/* The parameter is everybody's: it is set while the container gets its IOMMU. */
static struct vst_dev *open_with(const char *limit)
{
	struct vst_dev *dev;
	char before[16];
	int ret;

	vst_file_read(ENTRY_LIMIT, before, sizeof(before));
	vst_file_write(ENTRY_LIMIT, limit);
	ret = __vst_open_in(&dev, vst_bdf(), NULL);
	vst_file_write(ENTRY_LIMIT, before);
	vst_ok(ret);
	return dev;
}

FIXTURE_SETUP(entries)
{
	VST_NEEDS(VST_CAN_TYPE1);
	vst_file_read(ENTRY_LIMIT, self->before, sizeof(self->before));
	self->dev = open_with(FEW_TEXT);
	self->iommu = self->dev->iommu;
	self->buf = (struct vst_buf){
		.va = vst_anon(BUF),
		.iova = vst_iova(self->iommu, 2 * BUF),
		.iommu = self->iommu,
	};
	vst_master(self->dev, true);
}

FIXTURE_TEARDOWN(entries)
{
	vst_close(self->dev);
}

static int map_nth(const struct vst_buf *buf, unsigned int n)
{
	return __vst_map(buf->iommu, buf->va, buf->iova + n * VST_PAGE, VST_PAGE, VST_RW);
}

TEST_F(entries, run_out)
{
	unsigned int i;
	u64 done;

	for (i = 0; i < FEW; i++) {
		EXPECT_EQ(FEW - i, available(self->iommu));
		EXPECT_EQ(0, map_nth(&self->buf, i));
	}
	EXPECT_EQ(0, available(self->iommu));
	EXPECT_EQ(-ENOSPC, map_nth(&self->buf, FEW));
	EXPECT_EQ(-EIO, __vst_dma_touch(self->dev, self->buf.iova + FEW * VST_PAGE, 1, true));
	EXPECT_EQ(0, __vst_dma_touch(self->dev, self->buf.iova, FEW * VST_PAGE, true));
	vst_unmap(self->iommu, self->buf.iova, FEW * VST_PAGE, &done);
	EXPECT_EQ(FEW * VST_PAGE, done);
	EXPECT_EQ(FEW, available(self->iommu));
}

TEST_F(entries, come_back_one_by_one)
{
	unsigned int i;

	for (i = 0; i < FEW; i++)
		vst_ok(map_nth(&self->buf, i));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-ENOSPC, map_nth(&self->buf, FEW));
		vst_unmap(self->iommu, self->buf.iova, VST_PAGE, NULL);
		EXPECT_EQ(0, map_nth(&self->buf, 0));
	}
}

TEST_F(entries, are_not_used_up_by_what_is_refused)
{
	u8 *gone = vst_anon(VST_PAGE);

	munmap(gone, VST_PAGE);
	vst_ok(map_nth(&self->buf, 0));
	EXPECT_EQ(-EEXIST, map_nth(&self->buf, 0));
	EXPECT_EQ(-EFAULT, __vst_map(self->iommu, gone, self->buf.iova + BUF, VST_PAGE, VST_RW));
	EXPECT_EQ(-EINVAL, __vst_map(self->iommu, self->buf.va, self->buf.iova + BUF, 1, VST_RW));
	EXPECT_EQ(FEW - 1, available(self->iommu));
}

TEST_F(entries, refused_for_what_is_mapped_are_eexist)
{
	unsigned int i;

	for (i = 0; i < FEW; i++)
		vst_ok(map_nth(&self->buf, i));
	EXPECT_EQ(-EEXIST, map_nth(&self->buf, 0));
	EXPECT_EQ(-ENOSPC, map_nth(&self->buf, FEW));
}

/* It is read when a container gets its IOMMU, and not again. */
TEST_F(entries, are_as_many_as_the_parameter_said_at_the_opening)
{
	struct vst_dev *dev;

	EXPECT_EQ(FEW, available(self->iommu));
	vst_close(self->dev);
	dev = vst_open(vst_bdf());
	EXPECT_EQ(strtoul(self->before, NULL, 0), available(dev->iommu));
	self->dev = dev;
}

/* uapi: TYPE1.CAP.DMA_AVAIL */
TEST(no_entries_let_nothing_be_mapped)
{
	struct vst_dev *dev;

	VST_NEEDS(VST_CAN_TYPE1);
	dev = open_with("0");
	EXPECT_EQ(0, available(dev->iommu));
	EXPECT_EQ(-ENOSPC, __vst_map(dev->iommu, vst_anon(VST_PAGE), vst_iova(dev->iommu, VST_PAGE),
				     VST_PAGE, VST_RW));
	vst_close(dev);
}

VST_MAIN("memory=64K")
