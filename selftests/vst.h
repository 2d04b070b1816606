/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vst - the library of vfiolab's self tests
 *
 * Every function that can fail has the form __vst_x() and returns -errno. Its
 * twin vst_x() takes the same arguments and does not return on failure: it
 * prints the caller's file and line, the expression and the errno, and ends the
 * test as failed. Twins are made by vst_ok() and are not described again.
 *
 *	FIXTURE_SETUP(bar)
 *	{
 *		self->dev = vst_open(vst_bdf());
 *	}
 *
 *	TEST_F(bar, unclaimed_offset_reads_ones)
 *	{
 *		EXPECT_EQ(0xffffffff, vst_read32(self->dev, 2, 0xffc));
 *	}
 *
 *	FIXTURE_TEARDOWN(bar)
 *	{
 *		vst_close(self->dev);
 *	}
 *
 *	VST_MAIN("ports=4")
 *
 * A device in a nested guest without an IOMMU is reached through the "sysfs"
 * back end: config space and BARs only. Tests ask vst_can() and SKIP.
 */
#ifndef VST_H
#define VST_H

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "kselftest.h"
#include "vlab_dma.h"
#include "vlab_ids.h"
#include "vlab_serial.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define VST_DEADLINE_MS	vst_deadline_ms()	/* for what must happen */
#define VST_PAGE	4096UL
#define VST_MAX_FNS	8
#define VST_BDF_LEN	16
#define VST_MAX_AREAS	4
#define VST_MAX_GROUPS	8
#define VST_BARS	6

/* ---- failing (vst_core.c) ---- */

/**
 * vst_fail() - end the test as failed
 * @file: where
 * @line: where
 * @what: expression or claim
 * @err: errno, 0 when there is none
 *
 * Prints one diagnostic line and exits with KSFT_FAIL. What the test created is
 * removed by the program when its last test is over.
 */
void __noreturn vst_fail(const char *file, int line, const char *what, int err);

/**
 * vst_ok() - the value of an expression that must not be negative
 * @expr: returns -errno on failure
 *
 * Return: the value.
 */
#define vst_ok(expr) ({							\
	__typeof__(expr) __ret = (expr);				\
	if (__ret < 0)							\
		vst_fail(__FILE__, __LINE__, #expr, (int)-__ret);	\
	__ret;								\
})

/**
 * vst_assert() - a claim about the test's own environment
 * @cond: what must be true
 *
 * For library and set-up code; tests use ASSERT_ and EXPECT_ of the harness.
 */
#define vst_assert(cond) do {						\
	if (!(cond))							\
		vst_fail(__FILE__, __LINE__, #cond, 0);			\
} while (0)

/**
 * vst_now_ms() - monotonic time
 *
 * Return: milliseconds.
 */
u64 vst_now_ms(void);

/**
 * vst_number() - a number from the environment
 * @name: of the variable
 * @otherwise: what it is when it is not set
 *
 * Return: the number; 0x and 0 are prefixes as in C.
 */
u64 vst_number(const char *name, u64 otherwise);

/**
 * vst_seed() - where random choices begin
 *
 * $VLAB_SEED, 1 when that is not set, so that each run is the same; 0 asks for a new
 * one each time. It is printed.
 *
 * Return: the seed, never 0.
 */
u64 vst_seed(void);

/**
 * vst_deadline_ms() - how long to wait for what must happen
 *
 * Long enough for a slow machine; VLAB_PATIENCE in the environment is how many times
 * slower than that a kernel with all its checks makes it.
 *
 * Return: milliseconds.
 */
unsigned int vst_deadline_ms(void);

/**
 * vst_until() - wait for a condition, busily, with a deadline
 * @cond: evaluated again and again
 * @ms: deadline
 *
 * Return: true when the condition came true in time.
 */
#define vst_until(cond, ms) ({						\
	u64 __end = vst_now_ms() + (ms);				\
	bool __met;							\
	while (!(__met = (cond)) && vst_now_ms() < __end)		\
		vst_relax();						\
	__met;								\
})

/**
 * vst_relax() - let others run while waiting
 */
void vst_relax(void);

/**
 * vst_fill() - fill a buffer with pseudo random bytes
 * @buf: the buffer
 * @len: its bytes
 * @seed: the same seed gives the same bytes
 */
void vst_fill(void *buf, size_t len, u64 seed);

/**
 * vst_differs() - where two buffers differ
 * @a: a buffer
 * @b: another
 * @len: bytes of both
 *
 * Return: offset of the first byte that differs, -1 when they are equal.
 */
ssize_t vst_differs(const void *a, const void *b, size_t len);

/**
 * vst_locked() - memory that a process has locked, mappings of type1 among it
 * @pid: which, 0 is the caller
 *
 * Return: pages.
 */
unsigned long vst_locked(pid_t pid);

/**
 * __vst_file_write() - write a short text to a file of sysfs or configfs
 * @path: the file
 * @text: what to write, in one write()
 *
 * Return: 0 or -errno.
 */
int __vst_file_write(const char *path, const char *text);
#define vst_file_write(...) vst_ok(__vst_file_write(__VA_ARGS__))

/**
 * __vst_file_read() - read a short file, without its last newline
 * @path: the file
 * @buf: for the text
 * @len: size of @buf
 *
 * Return: length of the text or -errno.
 */
int __vst_file_read(const char *path, char *buf, size_t len);
#define vst_file_read(...) vst_ok(__vst_file_read(__VA_ARGS__))

/**
 * __vst_fdinfo() - what /proc/self/fdinfo says of an open file
 * @fd: the file
 * @field: which line, by the word before its colon
 * @buf: for the rest of the line
 * @len: size of @buf
 *
 * Return: length of the text, or -ENOENT without such a line, or another -errno.
 */
int __vst_fdinfo(int fd, const char *field, char *buf, size_t len);

/**
 * __vst_xioctl() - an ioctl of any file, as it is
 * @fd: a container, a group
 * @request: VFIO_*
 * @...: its argument, a pointer or a number
 *
 * For those who include sys/ioctl.h.
 *
 * Return: what the ioctl returned or -errno.
 */
#define __vst_xioctl(fd, request, ...) ({				\
	int __ret = ioctl(fd, request, ##__VA_ARGS__);			\
									\
	__ret < 0 ? -errno : __ret;					\
})
#define vst_xioctl(...) vst_ok(__vst_xioctl(__VA_ARGS__))

/* ---- the kernel's memory (vst_mem.c) ---- */

/**
 * vst_kernel_settle() - have the kernel let go of what it keeps for later
 *
 * Caches, what waits for RCU, counters of processors that are not yet folded.
 */
void vst_kernel_settle(void);

/**
 * vst_meminfo_kib() - a line of /proc/meminfo
 * @name: "Slab"
 *
 * Return: KiB, 0 when there is no such line.
 */
long vst_meminfo_kib(const char *name);

#define VST_CACHES	512

/**
 * struct vst_objects - how many objects the kernel has from kmalloc()
 * @n: of how many caches; 0: it does not tell
 * @cache: each, and its objects, in the order of /proc/slabinfo
 */
struct vst_objects {
	unsigned int n;
	struct {
		char name[32];
		long used;
	} cache[VST_CACHES];
};

/**
 * __vst_kernel_objects() - count them
 * @objects: gets the numbers
 *
 * After vst_kernel_settle(); exact but for what others do at the time.
 *
 * Return: 0, -ENOENT where the kernel does not tell.
 */
int __vst_kernel_objects(struct vst_objects *objects);

/**
 * vst_objects_more() - how many more there are than before
 * @before: counted before
 * @now: counted now
 * @say: print each cache with its difference, if there is one
 *
 * Return: the number; 0 when the kernel does not tell.
 */
long vst_objects_more(const struct vst_objects *before, const struct vst_objects *now, bool say);

/* ---- children (vst_child.c) ---- */

/**
 * struct vst_child - a process at the other end of a socket
 * @pid: its pid, 0 in the child itself
 * @sock: this side's end, for vst_say() and vst_hear()
 *
 * Made by vst_fork(), ended by vst_child_end().
 */
struct vst_child {
	pid_t pid;
	int sock;
};

/**
 * vst_fork() - start a child
 *
 * It has a copy of all that is open and mapped, and ends by _exit().
 *
 * Return: in the parent the child, in the child what reaches the parent.
 */
struct vst_child vst_fork(void);

/**
 * vst_say() - give the other side a word: "ready", "go"
 * @sock: this side's end
 */
void vst_say(int sock);

/**
 * vst_hear() - wait for a word of the other side
 * @sock: this side's end
 */
void vst_hear(int sock);

/**
 * vst_linger() - wait until the other side has closed its end
 * @sock: this side's end
 */
void vst_linger(int sock);

/**
 * vst_child_end() - close our end and wait for the child to end
 * @c: the child
 *
 * Return: its status, as of waitpid().
 */
int vst_child_end(struct vst_child *c);

/* ---- the kernel's log (vst_log.c) ---- */

/**
 * __vst_log_open() - follow the kernel's log from now on
 *
 * Return: file descriptor for vst_log_count(), or -errno.
 */
int __vst_log_open(void);
#define vst_log_open() vst_ok(__vst_log_open())

/**
 * vst_log_count() - count lines since the last call
 * @fd: from vst_log_open()
 * @text: count lines that contain it
 * @last: gets the last such line, may be NULL
 * @len: size of @last
 *
 * Return: how many lines.
 */
int vst_log_count(int fd, const char *text, char *last, size_t len);

/* ---- cards (vst_card.c) ---- */

/**
 * struct vst_card - one directory in configfs
 * @name: its name, for null-modem:NAME/PORT
 * @nfns: functions, once it is live
 * @bdf: address of each of them
 */
struct vst_card {
	char name[32];
	unsigned int nfns;
	char bdf[VST_MAX_FNS][VST_BDF_LEN];
};

/**
 * __vst_card_create() - make a directory and choose the model
 * @card: filled in; the name is chosen by the library
 * @model: "serial", "null"
 *
 * Return: 0 or -errno; on failure there is no directory.
 */
int __vst_card_create(struct vst_card *card, const char *model);
#define vst_card_create(...) vst_ok(__vst_card_create(__VA_ARGS__))

/**
 * __vst_card_set() - write an attribute
 * @card: the card
 * @attr: "slot", "ports", "port0/far"
 * @value: text
 *
 * Return: 0 or -errno.
 */
int __vst_card_set(const struct vst_card *card, const char *attr, const char *value);
#define vst_card_set(...) vst_ok(__vst_card_set(__VA_ARGS__))

/**
 * __vst_card_get() - read an attribute
 * @card: the card
 * @attr: as above
 * @buf: for the text
 * @len: size of @buf
 *
 * Return: length of the text or -errno.
 */
int __vst_card_get(const struct vst_card *card, const char *attr, char *buf, size_t len);
#define vst_card_get(...) vst_ok(__vst_card_get(__VA_ARGS__))

/**
 * __vst_card_live() - plug it in
 * @card: the card; nfns and bdf are filled in
 *
 * Return: 0 or -errno.
 */
int __vst_card_live(struct vst_card *card);
#define vst_card_live(...) vst_ok(__vst_card_live(__VA_ARGS__))

/**
 * __vst_card_pull() - pull it; sleeps until the kernel has let go of it
 * @card: the card
 *
 * Return: 0 or -errno.
 */
int __vst_card_pull(struct vst_card *card);
#define vst_card_pull(...) vst_ok(__vst_card_pull(__VA_ARGS__))

/**
 * __vst_card_destroy() - remove the directory; a live card is pulled before
 * @card: the card; zeroed memory is fine
 *
 * Return: 0 or -errno.
 */
int __vst_card_destroy(struct vst_card *card);
#define vst_card_destroy(...) vst_ok(__vst_card_destroy(__VA_ARGS__))

/**
 * __vst_card_plug() - all in one: create, configure, plug in, bind
 * @card: filled in
 * @attrs: "name=value", ended by NULL. "model=" chooses the model, "driver="
 *	what each function is bound to (default vfiolab_vfio_pci, empty:
 *	nothing); the last one counts
 *
 * Return: 0 or -errno; on failure nothing is left.
 */
int __vst_card_plug(struct vst_card *card, const char *const *attrs);

/**
 * vst_card_plug() - the same with the attributes as arguments
 * @card: filled in
 * @...: "name=value"; it is a serial card unless "model=" says otherwise
 */
#define vst_card_plug(card, ...) \
	vst_ok(__vst_card_plug(card, (const char *const []){ "model=serial", ##__VA_ARGS__, NULL }))

/**
 * vst_card_feature() - what the model's build can do
 * @card: a card with a model
 * @word: a word of its features attribute
 *
 * Return: true when it is there.
 */
bool vst_card_feature(const struct vst_card *card, const char *word);

/**
 * vst_slots() - how many slots the backplane has
 *
 * Return: the number, 0 when there is no backplane.
 */
unsigned int vst_slots(void);

/**
 * vst_segment() - the PCI segment that the backplane has of its own
 *
 * Return: its number, 0 when it has none.
 */
unsigned int vst_segment(void);

/**
 * vst_cards_sweep() - remove all cards that this program's tests left behind
 *
 * Return: how many there were.
 */
int vst_cards_sweep(void);

/* SKIP the test where it must not make cards: the device was given to it. */
#define VST_NEEDS_CARDS() do {						\
	if (!vst_card())						\
		SKIP(return, "cards cannot be made where VLAB_BDF is");	\
} while (0)

/* Plug in a second card; SKIP the test when both are in one IOMMU group. */
#define VST_PLUG_APART(card, ...) do {					\
	VST_NEEDS_CARDS();						\
	vst_card_plug(card, ##__VA_ARGS__);				\
	if (vst_group(vst_bdf()) == vst_group((card)->bdf[0])) {	\
		vst_card_destroy(card);					\
		SKIP(return, "both are in one IOMMU group");		\
	}								\
} while (0)

/* ---- binding (vst_bind.c) ---- */

#define VST_DRIVER "vfiolab_vfio_pci"

/**
 * __vst_bind() - bind by driver_override
 * @bdf: a PCI function
 * @driver: driver's name; it takes the place of the one bound now. Empty:
 *	unbind, and let nothing bind.
 *
 * Return: 0 or -errno; -ENODEV when the driver would not have it.
 */
int __vst_bind(const char *bdf, const char *driver);
#define vst_bind(...) vst_ok(__vst_bind(__VA_ARGS__))

/**
 * __vst_unbind() - take the driver off; sleeps until it has let go
 * @bdf: a PCI function
 *
 * Return: 0 or -errno.
 */
int __vst_unbind(const char *bdf);
#define vst_unbind(...) vst_ok(__vst_unbind(__VA_ARGS__))

/**
 * __vst_new_id() - add or remove an id of a driver
 * @driver: driver's name
 * @vendor: vendor id
 * @device: device id
 * @add: add, else remove
 *
 * Return: 0 or -errno.
 */
int __vst_new_id(const char *driver, u16 vendor, u16 device, bool add);
#define vst_new_id(...) vst_ok(__vst_new_id(__VA_ARGS__))

/**
 * __vst_driver() - which driver is bound
 * @bdf: a PCI function
 * @buf: for the name
 * @len: size of @buf
 *
 * Return: 0, -ENODEV when there is none.
 */
int __vst_driver(const char *bdf, char *buf, size_t len);
#define vst_driver(...) vst_ok(__vst_driver(__VA_ARGS__))

/**
 * __vst_group() - IOMMU group
 * @bdf: a PCI function
 *
 * Return: the group's number, -ENODEV when it has none.
 */
int __vst_group(const char *bdf);
#define vst_group(...) vst_ok(__vst_group(__VA_ARGS__))

/**
 * __vst_group_open() - the file of a function's group, with no container yet
 * @bdf: a PCI function
 *
 * Return: the descriptor, the caller's, or -errno.
 */
int __vst_group_open(const char *bdf);
#define vst_group_open(...) vst_ok(__vst_group_open(__VA_ARGS__))

/**
 * __vst_container_open() - an empty container, with neither group nor IOMMU
 *
 * Return: the descriptor, the caller's, or -errno.
 */
int __vst_container_open(void);
#define vst_container_open() vst_ok(__vst_container_open())

/* ---- kernel modules (vst_module.c) ---- */

/**
 * __vst_module_load() - load a module of the build that is tested
 * @name: its name; the file is in $VLAB_MODULES, else the one installed is taken
 * @params: "slots=4 acs=0"
 *
 * Return: 0 or -errno; -ENOENT it is not there.
 */
int __vst_module_load(const char *name, const char *params);
#define vst_module_load(...) vst_ok(__vst_module_load(__VA_ARGS__))

/**
 * __vst_module_unload() - unload a module, without waiting
 * @name: its name
 *
 * Return: 0 or -errno; -EWOULDBLOCK somebody uses it.
 */
int __vst_module_unload(const char *name);
#define vst_module_unload(...) vst_ok(__vst_module_unload(__VA_ARGS__))

/**
 * __vst_modules_unload() - unload all of vfiolab's
 *
 * Return: 0 or -errno; -EWOULDBLOCK somebody uses one.
 */
int __vst_modules_unload(void);
#define vst_modules_unload() vst_ok(__vst_modules_unload())

/**
 * vst_modules_restore() - load all anew, as the runner did
 */
void vst_modules_restore(void);

/* SKIP the test when modules cannot be loaded anew. */
#define VST_NEEDS_MODULES() do {						\
	if (!getenv("VLAB_MODULES") || !*getenv("VLAB_MODULES"))		\
		SKIP(return, "VLAB_MODULES names no directory of modules");	\
} while (0)

/* ---- PCI functions in sysfs (vst_pci.c) ---- */

/**
 * vst_pci_exists() - is there a function
 * @bdf: which
 *
 * Return: true when there is.
 */
bool vst_pci_exists(const char *bdf);

/**
 * vst_pci_attr() - read an attribute
 * @bdf: a function
 * @name: "irq", "resource"
 * @buf: for the text, without its last newline
 * @len: size of @buf
 */
void vst_pci_attr(const char *bdf, const char *name, char *buf, size_t len);

/**
 * vst_pci_above() - the bridge that a function is below
 * @bdf: the function
 * @parent: gets the bridge, of a segment's root bus what stands in for it
 */
void vst_pci_above(const char *bdf, char parent[VST_BDF_LEN]);

/**
 * vst_pci_remove() - take a function away, and what is below it
 * @bdf: which; vst_pci_rescan() brings it back
 */
void vst_pci_remove(const char *bdf);

/**
 * vst_pci_rescan() - look at all buses again
 */
void vst_pci_rescan(void);

/**
 * vst_pci_find() - the first function with a device id
 * @device: the id; our vendor is not looked at
 * @bdf: gets the function
 *
 * Return: true when there is one.
 */
bool vst_pci_find(unsigned int device, char bdf[VST_BDF_LEN]);

/**
 * vst_pci_empty_port() - a root port that nothing is below, with a memory window
 * @root: segment and number of the root bus, as "0000:00"; a pattern of glob()
 * @skip: how many to leave out, from the last on
 * @bdf: gets the root port
 *
 * Return: true when there is one.
 */
bool vst_pci_empty_port(const char *root, unsigned int skip, char bdf[VST_BDF_LEN]);

/**
 * vst_pci_state() - what must be the same when all is as it was
 *
 * Return: all functions and addresses as text, for vst_pci_unchanged().
 */
char *vst_pci_state(void);

/**
 * vst_pci_unchanged() - is all as it was
 * @before: from vst_pci_state(); freed
 *
 * Return: true when it is; else the first line that differs is printed.
 */
bool vst_pci_unchanged(char *before);

/* ---- the program (vst_main.c) ---- */

/**
 * vst_bdf() - the function under test
 *
 * Return: VLAB_BDF of the environment, else function 0 of the card that
 * VST_MAIN() plugged in.
 */
const char *vst_bdf(void);

/**
 * vst_card() - the card that VST_MAIN() plugged in
 *
 * Return: the card, NULL when the device was given by VLAB_BDF.
 */
struct vst_card *vst_card(void);

/**
 * vst_main() - run a program's tests with a card plugged in
 * @argc: of main()
 * @argv: of main()
 * @attrs: the card's attributes as for __vst_card_plug(), NULL: no card
 * @run: the harness
 *
 * Tests run in a child, so that the card is removed also when they crash.
 *
 * Return: exit code.
 */
int vst_main(int argc, char **argv, const char *const *attrs, int (*run)(int, char **));

/* kselftest's limit of each test, 30 s unless it says otherwise, times VLAB_PATIENCE. */
#define VST_SCALE_LIMITS() do {						\
	struct __fixture_metadata *f;					\
	struct __test_metadata *t;					\
									\
	for (f = __fixture_list; f; f = f->next)			\
		for (t = f->tests; t; t = t->next)			\
			t->timeout *= vst_number("VLAB_PATIENCE", 1);	\
} while (0)

/**
 * VST_MAIN() - takes the place of TEST_HARNESS_MAIN
 * @...: "name=value" attributes of the card; it is a serial card unless
 *	"model=" says otherwise
 */
#define VST_MAIN(...)							\
int main(int argc, char **argv)						\
{									\
	static const char *const attrs[] = { "model=serial", ##__VA_ARGS__, NULL };	\
									\
	VST_SCALE_LIMITS();						\
	exit(vst_main(argc, argv, attrs, test_harness_run));		\
}

/* The same for tests that plug in all their cards themselves. */
#define VST_MAIN_NO_CARD						\
int main(int argc, char **argv)						\
{									\
	VST_SCALE_LIMITS();						\
	exit(vst_main(argc, argv, NULL, test_harness_run));		\
}

/* ---- back ends ---- */

struct vst_dev;
struct vst_iommu;

/* What a back end can do beside config space and BARs. */
#define VST_CAN_DMA	0x1	/* an IOMMU to map memory in */
#define VST_CAN_IRQ	0x2	/* eventfds */
#define VST_CAN_VFIO	0x4	/* dev->fd is a vfio device */
#define VST_CAN_GROUP	0x8	/* vst_group_fd() in container iommu->fd */
#define VST_CAN_TYPE1	0x10	/* which is vfio's own */
#define VST_CAN_NOPROT	0x20	/* refuse to map without permission */

/**
 * struct vst_range - IOVAs
 * @start: first
 * @end: last
 */
struct vst_range {
	u64 start, end;
};

/**
 * struct vst_region - a region of a device
 * @size: bytes, 0: not there
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @offset: file offset
 * @nareas: areas that can be mapped; when it can be mapped as a whole, one
 * @area: offset and size of each
 */
struct vst_region {
	u64 size;
	u32 flags;
	u64 offset;
	unsigned int nareas;
	struct {
		u64 offset, size;
	} area[VST_MAX_AREAS];
};

/**
 * struct vst_backend - how devices and their IOMMU are reached
 * @name: for VLAB_BACKEND
 * @can: VST_CAN_*
 * @lacks: what it misses here, NULL: nothing
 * @busy: what dev_open returns while another has the device
 * @iommu_open: make an empty address space
 * @iommu_close: let go
 * @iommu_ranges: valid IOVAs, returns how many; needs a device
 * @iommu_map: @prot is VFIO_DMA_MAP_FLAG_READ and _WRITE
 * @iommu_unmap: exact or covering; @done, if not NULL, gets the bytes unmapped. When
 *	there is nothing to unmap, 0 or -ENOENT
 * @dev_open: open dev->bdf, attached to dev->iommu
 * @dev_close: let go
 * @region_info: as GET_REGION_INFO
 * @region_rw: as pread() and pwrite(), returns bytes or -errno
 * @region_mmap: map part of a region
 * @set_irqs: as SET_IRQS
 * @reset: reset the function
 * @hot_reset: reset its slot
 *
 * Each returns -errno. Unsupported: NULL.
 */
struct vst_backend {
	const char *name;
	unsigned int can;
	const char *(*lacks)(void);
	int busy;
	int (*iommu_open)(struct vst_iommu *iommu);
	void (*iommu_close)(struct vst_iommu *iommu);
	int (*iommu_ranges)(struct vst_iommu *iommu, struct vst_range *range, int max);
	int (*iommu_map)(struct vst_iommu *iommu, void *va, u64 iova, u64 size, u32 prot);
	int (*iommu_unmap)(struct vst_iommu *iommu, u64 iova, u64 size, u64 *done);
	int (*dev_open)(struct vst_dev *dev);
	void (*dev_close)(struct vst_dev *dev);
	int (*region_info)(struct vst_dev *dev, unsigned int index, struct vst_region *region);
	ssize_t (*region_rw)(struct vst_dev *dev, unsigned int index, u64 off, void *buf,
			     size_t len, bool write);
	int (*region_mmap)(struct vst_dev *dev, unsigned int index, u64 off, size_t len,
			   int prot, int flags, void **va);
	int (*set_irqs)(struct vst_dev *dev, struct vfio_irq_set *set);
	int (*reset)(struct vst_dev *dev);
	int (*hot_reset)(struct vst_dev *dev);
};

extern const struct vst_backend vst_type1;	/* group and type1 container */
extern const struct vst_backend vst_compat;	/* the same, by iommufd */
extern const struct vst_backend vst_iommufd;	/* character device and iommufd */
extern const struct vst_backend vst_sysfs;	/* config and resourceN of sysfs */

/**
 * vst_backend() - the back end of this run
 *
 * Return: what VLAB_BACKEND names: "type1" (default), "compat", "iommufd" or "sysfs".
 */
const struct vst_backend *vst_backend(void);

/**
 * vst_can() - what this run's back end can do
 * @what: VST_CAN_*
 *
 * Return: true when it can do all of that.
 */
bool vst_can(unsigned int what);

/* SKIP the test unless the back end can do it. */
#define VST_NEEDS(what) do {						\
	if (!vst_can(what))						\
		SKIP(return, "back end '%s' has no " #what, vst_backend()->name);	\
} while (0)

/* ---- address spaces (vst_iommu.c) ---- */

/**
 * struct vst_iommu - an address space that devices are attached to
 * @ops: how
 * @fd: container or iommufd
 * @type: VFIO_TYPE1v2_IOMMU; may be changed until the first device is attached
 * @ioas: its id in the iommufd
 * @group: groups attached, those with users
 * @next_iova: see vst_iova()
 *
 * Made by vst_iommu_open(), or by vst_open() for one device.
 */
struct vst_iommu {
	const struct vst_backend *ops;
	int fd;
	int type;
	u32 ioas;
	struct {
		int num, fd;
		unsigned int users;
	} group[VST_MAX_GROUPS];
	u64 next_iova;
};

/**
 * vst_iommu_open() - make an address space
 *
 * Return: the address space; it never fails to the caller.
 */
struct vst_iommu *vst_iommu_open(void);

/**
 * vst_iommu_open_by() - make one by another back end than this run's
 * @ops: the back end; devices opened in it are opened by the same
 *
 * Return: the address space; it never fails to the caller.
 */
struct vst_iommu *vst_iommu_open_by(const struct vst_backend *ops);

/**
 * vst_iommu_close() - let go of an address space
 * @iommu: no device is attached any more; NULL is fine
 */
void vst_iommu_close(struct vst_iommu *iommu);

/**
 * __vst_map() - map memory
 * @iommu: where; a device must be attached
 * @va: memory of this process
 * @iova: I/O virtual address
 * @size: bytes
 * @prot: VFIO_DMA_MAP_FLAG_READ, _WRITE: what the device may do
 *
 * Return: 0 or -errno.
 */
int __vst_map(struct vst_iommu *iommu, void *va, u64 iova, u64 size, u32 prot);
#define vst_map(...) vst_ok(__vst_map_or_tell(__VA_ARGS__))

/**
 * __vst_map_or_tell() - the same; what fails by the limit of locked memory, says so
 * @iommu: as __vst_map(), as the others
 * @va: memory
 * @iova: I/O virtual address
 * @size: bytes
 * @prot: what the device may do
 *
 * Prints which limit it is, how much of it is used and what would do.
 *
 * Return: 0 or -errno.
 */
int __vst_map_or_tell(struct vst_iommu *iommu, void *va, u64 iova, u64 size, u32 prot);

/**
 * __vst_unmap() - unmap a range
 * @iommu: where
 * @iova: start
 * @size: bytes
 * @done: gets the bytes unmapped, may be NULL
 *
 * Return: 0 or -errno.
 */
int __vst_unmap(struct vst_iommu *iommu, u64 iova, u64 size, u64 *done);
#define vst_unmap(...) vst_ok(__vst_unmap(__VA_ARGS__))

/**
 * vst_iova() - IOVAs that nobody uses
 * @iommu: where; a device must be attached
 * @size: bytes; what is given out is aligned to @size's next power of two, at
 *	most 1 GiB, and a page behind it stays unused
 *
 * Return: the first of them.
 */
u64 vst_iova(struct vst_iommu *iommu, u64 size);

#define VST_READ	VFIO_DMA_MAP_FLAG_READ	/* the device may read */
#define VST_WRITE	VFIO_DMA_MAP_FLAG_WRITE
#define VST_RW		(VST_READ | VST_WRITE)

/**
 * struct vst_buf - memory of this process that a device can reach
 * @va: where we see it
 * @iova: where the device sees it
 * @size: bytes
 * @iommu: in which address space
 */
struct vst_buf {
	u8 *va;
	u64 iova;
	size_t size;
	struct vst_iommu *iommu;
};

/**
 * vst_buf() - zeroed memory, mapped
 * @iommu: where; a device must be attached
 * @size: bytes, whole pages
 * @prot: VST_READ, VST_WRITE, VST_RW
 *
 * Return: the buffer.
 */
struct vst_buf vst_buf(struct vst_iommu *iommu, size_t size, u32 prot);

/**
 * vst_buf_free() - unmap and free
 * @buf: a buffer; its mapping may be gone already
 */
void vst_buf_free(struct vst_buf *buf);

/**
 * vst_anon() - private anonymous memory, populated
 * @size: bytes
 *
 * Return: its address.
 */
void *vst_anon(size_t size);

/* ---- devices (vst_dev.c) ---- */

/**
 * struct vst_dev - an open device
 * @ops: how
 * @bdf: which
 * @iommu: attached to it
 * @own_iommu: made for this device alone
 * @group: index in iommu->group; those of one group share its descriptor
 * @id: in the iommufd
 * @fd: the device; config space with the sysfs back end
 * @bar: sysfs back end: descriptor and mapping of each BAR
 * @region: what is known of each region
 */
struct vst_dev {
	const struct vst_backend *ops;
	char bdf[VST_BDF_LEN];
	struct vst_iommu *iommu;
	bool own_iommu;
	unsigned int group;
	u32 id;
	int fd;
	struct {
		int fd;
		u8 *va;
	} bar[VST_BARS];
	struct vst_region region[VFIO_PCI_NUM_REGIONS];
};

/**
 * __vst_open_in() - open a device in an address space
 * @dev: gets the device
 * @bdf: which
 * @iommu: address space, NULL: one of its own
 *
 * Memory decoding and Bus Master are as the driver left them: memory on, Bus
 * Master off.
 *
 * Return: 0 or -errno.
 */
int __vst_open_in(struct vst_dev **dev, const char *bdf, struct vst_iommu *iommu);

/**
 * vst_open_in() - the same, asserting
 * @bdf: which
 * @iommu_: address space, NULL: one of its own
 *
 * Return: the device.
 */
#define vst_open_in(bdf, iommu_) ({					\
	struct vst_dev *__dev;						\
	vst_ok(__vst_open_in(&__dev, bdf, iommu_));			\
	__dev;								\
})

#define vst_open(bdf) vst_open_in(bdf, NULL)

/* With Bus Master on: it may read and write memory, and send messages. */
#define vst_open_master(bdf) ({						\
	struct vst_dev *__master = vst_open(bdf);			\
	vst_master(__master, true);					\
	__master;							\
})

/**
 * __vst_cdev_open() - open a device's own file of /dev/vfio/devices
 * @bdf: which
 *
 * Return: a descriptor that is of no use before it is bound to an iommufd, or -errno.
 */
int __vst_cdev_open(const char *bdf);
#define vst_cdev_open(...) vst_ok(__vst_cdev_open(__VA_ARGS__))

/**
 * vst_group_fd() - the descriptor of a device's group
 * @dev: the device
 *
 * Return: a descriptor that stays the library's, -1 unless VST_CAN_GROUP.
 */
int vst_group_fd(const struct vst_dev *dev);

/**
 * vst_close() - close a device, then its group, then its own address space
 * @dev: a device; NULL is fine
 */
void vst_close(struct vst_dev *dev);

/**
 * __vst_read() - read a region
 * @dev: the device
 * @index: VFIO_PCI_BAR0_REGION_INDEX to VFIO_PCI_CONFIG_REGION_INDEX
 * @off: offset in it, anything
 * @buf: for the bytes
 * @len: how many, anything
 *
 * Return: bytes read, less than @len at the end of the region, or -errno.
 */
ssize_t __vst_read(struct vst_dev *dev, unsigned int index, u64 off, void *buf, size_t len);

/**
 * __vst_write() - write a region
 * @dev: the device
 * @index: as above
 * @off: offset in it
 * @buf: the bytes
 * @len: how many
 *
 * Return: bytes written or -errno.
 */
ssize_t __vst_write(struct vst_dev *dev, unsigned int index, u64 off, const void *buf,
		    size_t len);

/* All of it or the test fails. */
#define vst_read(dev, index, off, buf, len) do {				\
	ssize_t __len = (len);						\
									\
	vst_assert(vst_ok(__vst_read(dev, index, off, buf, __len)) == __len);	\
} while (0)

#define vst_write(dev, index, off, buf, len) do {			\
	ssize_t __len = (len);						\
									\
	vst_assert(vst_ok(__vst_write(dev, index, off, buf, __len)) == __len);	\
} while (0)

/**
 * vst_get() - the value of a register
 * @type: u8, u16, u32 or u64: one access of this width
 * @dev: the device
 * @index: region
 * @off: offset
 */
#define vst_get(type, dev, index, off) ({				\
	type __val;							\
	vst_read(dev, index, off, &__val, sizeof(__val));		\
	__val;								\
})

#define vst_read8(dev, index, off)	vst_get(u8, dev, index, off)
#define vst_read16(dev, index, off)	vst_get(u16, dev, index, off)
#define vst_read32(dev, index, off)	vst_get(u32, dev, index, off)
#define vst_read64(dev, index, off)	vst_get(u64, dev, index, off)

/**
 * vst_put() - write a register
 * @type: u8, u16, u32 or u64: one access of this width
 * @dev: the device
 * @index: region
 * @off: offset
 * @val: value
 */
#define vst_put(type, dev, index, off, val) do {			\
	type __val = (type)(val);					\
	vst_write(dev, index, off, &__val, sizeof(__val));		\
} while (0)

#define vst_write8(dev, index, off, val)	vst_put(u8, dev, index, off, val)
#define vst_write16(dev, index, off, val)	vst_put(u16, dev, index, off, val)
#define vst_write32(dev, index, off, val)	vst_put(u32, dev, index, off, val)
#define vst_write64(dev, index, off, val)	vst_put(u64, dev, index, off, val)

/**
 * __vst_region() - describe a region anew
 * @dev: the device
 * @index: region
 * @region: filled in
 *
 * Return: 0 or -errno. dev->region has the same, asked for once at open.
 */
int __vst_region(struct vst_dev *dev, unsigned int index, struct vst_region *region);
#define vst_region(...) vst_ok(__vst_region(__VA_ARGS__))

/**
 * __vst_mmap() - map part of a region
 * @dev: the device
 * @index: region
 * @off: offset in it
 * @len: bytes
 * @prot: PROT_*
 * @flags: MAP_SHARED or MAP_PRIVATE
 * @va: gets the address
 *
 * Return: 0 or -errno.
 */
int __vst_mmap(struct vst_dev *dev, unsigned int index, u64 off, size_t len, int prot,
	       int flags, void **va);

/**
 * vst_mmap() - the same, readable, writable, shared
 * @dev: the device
 * @index: region
 * @off: offset in it
 * @len: bytes
 *
 * Return: the address.
 */
#define vst_mmap(dev, index, off, len) ({				\
	void *__va;							\
	vst_ok(__vst_mmap(dev, index, off, len, PROT_READ | PROT_WRITE,	\
			  MAP_SHARED, &__va));				\
	__va;								\
})

/**
 * __vst_peek() - read memory that may not be there
 * @va: address
 * @buf: for the bytes
 * @len: how many
 *
 * Return: 0, -EFAULT when it raised SIGBUS or SIGSEGV.
 */
int __vst_peek(const void *va, void *buf, size_t len);
#define vst_peek(...) vst_ok(__vst_peek(__VA_ARGS__))

/**
 * __vst_poke() - write memory that may not be there
 * @va: address
 * @buf: the bytes
 * @len: how many
 *
 * Return: 0, -EFAULT when it raised SIGBUS or SIGSEGV.
 */
int __vst_poke(void *va, const void *buf, size_t len);
#define vst_poke(...) vst_ok(__vst_poke(__VA_ARGS__))

/**
 * __vst_reset() - reset the function (VFIO_DEVICE_RESET)
 * @dev: the device
 *
 * Return: 0 or -errno.
 */
int __vst_reset(struct vst_dev *dev);
#define vst_reset(...) vst_ok(__vst_reset(__VA_ARGS__))

/**
 * __vst_hot_reset() - reset the slot that the function is in
 * @dev: the device; VST_CAN_VFIO
 *
 * Return: 0 or -errno.
 */
int __vst_hot_reset(struct vst_dev *dev);
#define vst_hot_reset(...) vst_ok(__vst_hot_reset(__VA_ARGS__))

/**
 * __vst_ioctl() - an ioctl of the device, as it is
 * @dev: the device; VST_CAN_VFIO
 * @request: VFIO_*
 * @arg: its argument
 *
 * Return: what the ioctl returned or -errno.
 */
int __vst_ioctl(struct vst_dev *dev, unsigned long request, void *arg);
#define vst_ioctl(...) vst_ok(__vst_ioctl(__VA_ARGS__))

/* ---- config space (vst_config.c) ---- */

#define VST_CONFIG	VFIO_PCI_CONFIG_REGION_INDEX

#define vst_cfg_read8(dev, off)		vst_read8(dev, VST_CONFIG, off)
#define vst_cfg_read16(dev, off)	vst_read16(dev, VST_CONFIG, off)
#define vst_cfg_read32(dev, off)	vst_read32(dev, VST_CONFIG, off)
#define vst_cfg_write8(dev, off, val)	vst_write8(dev, VST_CONFIG, off, val)
#define vst_cfg_write16(dev, off, val)	vst_write16(dev, VST_CONFIG, off, val)
#define vst_cfg_write32(dev, off, val)	vst_write32(dev, VST_CONFIG, off, val)

/**
 * vst_cap() - find a capability
 * @dev: the device
 * @id: PCI_CAP_ID_*
 *
 * Return: its offset, 0 when it is not there.
 */
unsigned int vst_cap(struct vst_dev *dev, u8 id);

/**
 * vst_ext_cap() - find an extended capability
 * @dev: the device
 * @id: PCI_EXT_CAP_ID_*
 *
 * Return: its offset, 0 when it is not there.
 */
unsigned int vst_ext_cap(struct vst_dev *dev, u16 id);

/**
 * vst_command() - set and clear bits of the command register
 * @dev: the device
 * @set: PCI_COMMAND_*
 * @clear: PCI_COMMAND_*
 */
void vst_command(struct vst_dev *dev, u16 set, u16 clear);

/**
 * vst_master() - Bus Master on or off
 * @dev: the device
 * @on: may the device read and write memory, and send messages?
 */
void vst_master(struct vst_dev *dev, bool on);

/**
 * vst_power() - change the power state
 * @dev: the device
 * @state: 0 D0 or 3 D3hot, as in PCI_PM_CTRL_STATE_MASK
 */
void vst_power(struct vst_dev *dev, unsigned int state);

/* ---- interrupts (vst_irq.c) ---- */

/**
 * __vst_set_irqs() - VFIO_DEVICE_SET_IRQS in all its forms
 * @dev: the device
 * @index: VFIO_PCI_*_IRQ_INDEX
 * @flags: VFIO_IRQ_SET_ACTION_* and VFIO_IRQ_SET_DATA_*
 * @start: first vector
 * @count: how many
 * @data: int or u8 for each, NULL with DATA_NONE
 *
 * Return: 0 or -errno.
 */
int __vst_set_irqs(struct vst_dev *dev, unsigned int index, u32 flags, u32 start, u32 count,
		   const void *data);
#define vst_set_irqs(...) vst_ok(__vst_set_irqs(__VA_ARGS__))

/**
 * __vst_irq_info() - VFIO_DEVICE_GET_IRQ_INFO
 * @dev: the device
 * @index: VFIO_PCI_*_IRQ_INDEX
 * @info: filled in
 *
 * Return: 0 or -errno.
 */
int __vst_irq_info(struct vst_dev *dev, unsigned int index, struct vfio_irq_info *info);
#define vst_irq_info(...) vst_ok(__vst_irq_info(__VA_ARGS__))

/* Eventfds for vectors: enable, replace (-1: none), all off. */
#define __vst_irq_eventfds(dev, index, start, count, fds)		\
	__vst_set_irqs(dev, index, VFIO_IRQ_SET_ACTION_TRIGGER |	\
		       VFIO_IRQ_SET_DATA_EVENTFD, start, count, fds)
#define vst_irq_eventfds(...) vst_ok(__vst_irq_eventfds(__VA_ARGS__))

#define __vst_irq_disable(dev, index)					\
	__vst_set_irqs(dev, index, VFIO_IRQ_SET_ACTION_TRIGGER |	\
		       VFIO_IRQ_SET_DATA_NONE, 0, 0, NULL)
#define vst_irq_disable(...) vst_ok(__vst_irq_disable(__VA_ARGS__))

/* Loopback by DATA_NONE: vector @vec as if the device had raised it. */
#define __vst_irq_loopback(dev, index, vec)				\
	__vst_set_irqs(dev, index, VFIO_IRQ_SET_ACTION_TRIGGER |	\
		       VFIO_IRQ_SET_DATA_NONE, vec, 1, NULL)
#define vst_irq_loopback(...) vst_ok(__vst_irq_loopback(__VA_ARGS__))

#define __vst_irq_mask(dev, index)					\
	__vst_set_irqs(dev, index, VFIO_IRQ_SET_ACTION_MASK |		\
		       VFIO_IRQ_SET_DATA_NONE, 0, 1, NULL)
#define vst_irq_mask(...) vst_ok(__vst_irq_mask(__VA_ARGS__))

#define __vst_irq_unmask(dev, index)					\
	__vst_set_irqs(dev, index, VFIO_IRQ_SET_ACTION_UNMASK |		\
		       VFIO_IRQ_SET_DATA_NONE, 0, 1, NULL)
#define vst_irq_unmask(...) vst_ok(__vst_irq_unmask(__VA_ARGS__))

/**
 * vst_eventfd() - a non-blocking eventfd
 *
 * Return: its descriptor, the caller's.
 */
int vst_eventfd(void);

/**
 * __vst_event_wait() - wait for an eventfd
 * @fd: the eventfd
 * @ms: deadline
 *
 * Return: how often it was signalled, -ETIMEDOUT.
 */
int __vst_event_wait(int fd, unsigned int ms);

/* An event that must come: VST_DEADLINE_MS. */
#define vst_event_wait(fd) vst_ok(__vst_event_wait(fd, VST_DEADLINE_MS))

/**
 * vst_event_count() - how often was it signalled until now
 * @fd: the eventfd; its count is reset
 *
 * To show that an event does not come, wait for a later event first.
 *
 * Return: the count.
 */
u64 vst_event_count(int fd);

/**
 * vst_irq_handlers() - how many handlers of interrupts VFIO has for a device
 * @bdf: which
 *
 * It names each of its interrupts in /proc/interrupts.
 *
 * Return: the number.
 */
unsigned int vst_irq_handlers(const char *bdf);

/* ---- the serial card: engine (vst_dma.c), ports (vst_uart.c) ---- */

/**
 * struct vst_dma - a transfer of uapi/vlab_dma.h
 * @src: IOVA, or offset in card memory
 * @dst: the same
 * @len: bytes
 * @flags: VLAB_DMA_CTRL_SRC_CARD, _DST_CARD, _IRQ
 * @count: repeats, 0 is 1
 * @vector: of the interrupt
 */
struct vst_dma {
	u64 src, dst, len;
	u32 flags;
	u32 count;
	u32 vector;
};

/**
 * struct vst_dma_result - the engine's registers after a transfer
 * @status: VLAB_DMA_ST_*
 * @error: VLAB_DMA_ERR_*
 * @done: bytes
 * @fault: IOVA
 * @faults: accesses denied since reset
 */
struct vst_dma_result {
	u32 status, error;
	u64 done, fault;
	u32 faults;
};

/* One register of the engine. */
#define vst_dma_read32(dev, reg)						\
	vst_read32(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + (reg))
#define vst_dma_read64(dev, reg)						\
	vst_read64(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + (reg))
#define vst_dma_write32(dev, reg, val)						\
	vst_write32(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + (reg), val)
#define vst_dma_write64(dev, reg, val)						\
	vst_write64(dev, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA + (reg), val)

/**
 * vst_dma_start() - clear old status, write the registers and start
 * @dev: the device
 * @dma: the transfer
 */
void vst_dma_start(struct vst_dev *dev, const struct vst_dma *dma);

/**
 * __vst_dma_wait() - wait until the engine is not busy
 * @dev: the device
 *
 * Return: 0 done, -EIO ended by an error, -ECANCELED aborted, -ETIMEDOUT,
 * -ENODATA not busy and nothing to say (reset).
 */
int __vst_dma_wait(struct vst_dev *dev);
#define vst_dma_wait(...) vst_ok(__vst_dma_wait(__VA_ARGS__))

/**
 * __vst_dma_run() - start and wait
 * @dev: the device
 * @dma: the transfer
 *
 * Return: as __vst_dma_wait().
 */
int __vst_dma_run(struct vst_dev *dev, const struct vst_dma *dma);
#define vst_dma_run(...) vst_ok(__vst_dma_run(__VA_ARGS__))

/**
 * __vst_dma_touch() - read or write memory; the other end is card memory
 * @dev: the device
 * @iova: memory
 * @len: bytes, no more than card memory has
 * @write: write it, else read it
 *
 * Return: as __vst_dma_wait().
 */
int __vst_dma_touch(struct vst_dev *dev, u64 iova, u64 len, bool write);
#define vst_dma_touch(...) vst_ok(__vst_dma_touch(__VA_ARGS__))

/**
 * vst_dma_abort() - write ABORT and wait until the engine is not busy
 * @dev: the device
 */
void vst_dma_abort(struct vst_dev *dev);

/**
 * vst_dma_result() - read the result registers
 * @dev: the device
 *
 * Return: all of them.
 */
struct vst_dma_result vst_dma_result(struct vst_dev *dev);

/**
 * struct vst_uart - a port
 * @dev: the function it is on
 * @bar: BAR of its registers
 * @off: where they start
 */
struct vst_uart {
	struct vst_dev *dev;
	unsigned int bar;
	u64 off;
};

/**
 * vst_uart() - a port of a function
 * @dev: the function, of any personality
 * @port: port on this function
 *
 * Return: what vst_in() and vst_out() want.
 */
struct vst_uart vst_uart(struct vst_dev *dev, unsigned int port);

/* One register: UART_RX, UART_LSR, ... of <linux/serial_reg.h>. */
#define vst_in(u, reg) ({						\
	const struct vst_uart *__u = (u);				\
	vst_read8(__u->dev, __u->bar, __u->off + (reg));		\
})

#define vst_out(u, reg, val) do {					\
	const struct vst_uart *__u = (u);				\
									\
	vst_write8(__u->dev, __u->bar, __u->off + (reg), val);		\
} while (0)

/**
 * vst_uart_setup() - 8N1, FIFOs on and empty, no interrupts, DTR RTS OUT2
 * @u: the port
 * @divisor: of the baud rate, 1 is 115200
 */
void vst_uart_setup(const struct vst_uart *u, u16 divisor);

/**
 * vst_uart_raise() - interrupt, at once
 * @dev: the function
 * @port: number; idle
 *
 * The transmitter is empty, and asks for attention until vst_uart_lower().
 */
void vst_uart_raise(struct vst_dev *dev, unsigned int port);

/**
 * vst_uart_lower() - no interrupt any more
 * @dev: the function
 * @port: number
 */
void vst_uart_lower(struct vst_dev *dev, unsigned int port);

/**
 * __vst_uart_send() - send bytes by polling LSR
 * @u: the port
 * @buf: the bytes
 * @len: how many
 *
 * Return: 0 or -ETIMEDOUT.
 */
int __vst_uart_send(const struct vst_uart *u, const void *buf, size_t len);
#define vst_uart_send(...) vst_ok(__vst_uart_send(__VA_ARGS__))

/**
 * __vst_uart_recv() - receive bytes by polling LSR
 * @u: the port
 * @buf: for the bytes
 * @len: how many must come
 *
 * Return: 0 or -ETIMEDOUT.
 */
int __vst_uart_recv(const struct vst_uart *u, void *buf, size_t len);
#define vst_uart_recv(...) vst_ok(__vst_uart_recv(__VA_ARGS__))

/* ---- ttys (vst_tty.c) ---- */

#define VST_XON		0x11
#define VST_XOFF	0x13

/**
 * vst_tty_raw() - bytes as they are, 8N1 at 115200
 * @fd: a tty
 * @iflag: of struct termios
 * @cflag: the same, beside what always is
 */
void vst_tty_raw(int fd, unsigned int iflag, unsigned int cflag);

/**
 * vst_tty_ready() - wait, with a deadline
 * @fd: a tty
 * @events: POLLIN, POLLOUT, POLLHUP
 *
 * Return: true when one of them came.
 */
bool vst_tty_ready(int fd, short events);

/**
 * vst_tty_recv() - receive, with a deadline
 * @fd: a tty
 * @buf: for the bytes
 * @len: how many must come
 */
void vst_tty_recv(int fd, void *buf, size_t len);

/**
 * vst_tty_lines() - the modem lines
 * @fd: a tty
 *
 * Return: TIOCM_*.
 */
int vst_tty_lines(int fd);

#endif
