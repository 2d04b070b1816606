/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - as much of the kernel as its pure logic asks for, in a program
 *
 * Every <linux/...> header that the sources under test include becomes this one
 * (see the Makefile). One thread, so locks only check how they are used; time
 * stands still, and work waits, until a test says otherwise (shim_*).
 */
#ifndef VFIOLAB_TESTS_SHIM_H
#define VFIOLAB_TESTS_SHIM_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* ---- types, numbers, bits ---- */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef long long s64;
typedef u16 __le16;
typedef u32 __le32;
typedef u64 __le64;

#define U16_MAX		UINT16_MAX
#define U32_MAX		UINT32_MAX
#define U64_MAX		ULLONG_MAX
#define PAGE_SIZE	4096UL
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)	(((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L
#define SZ_2K		0x800
#define SZ_4K		0x1000
#define SZ_32K		0x8000
#define SZ_64K		0x10000
#define SZ_16M		0x1000000
#define SZ_1M		0x100000
#define SZ_1G		0x40000000
#define SZ_2G		0x80000000

#define gfp_t		unsigned int

#define BIT(n)			(1UL << (n))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define IS_ENABLED(...)		0
#define READ_ONCE(x)		(x)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define clamp_t(type, val, lo, hi)	max((type)(lo), min((type)(val), (type)(hi)))
#define min3(a, b, c)		min(min(a, b), c)
#define max3(a, b, c)		max(max(a, b), c)
#define DIV_ROUND_UP(n, by)	(((n) + (by) - 1) / (by))
#define check_add_overflow	__builtin_add_overflow
#define max_t(type, a, b)	max((type)(a), (type)(b))

static inline u64 div_u64(u64 n, u32 by)
{
	return n / by;
}

static inline bool is_power_of_2(u64 n)
{
	return n && !(n & (n - 1));
}

static inline unsigned int __ffs(unsigned long n)
{
	return __builtin_ctzl(n);
}

/* ---- memory that somebody else writes; little endian, as this machine ---- */

#define le16_to_cpu(x)		(x)
#define le32_to_cpu(x)		(x)
#define le64_to_cpu(x)		(x)
#define cpu_to_le16(x)		((__le16)(x))
#define cpu_to_le32(x)		((__le32)(x))
#define cpu_to_le64(x)		((__le64)(x))
/* A full barrier is more than is asked for. */
#define smp_rmb()		__sync_synchronize()
#define cmpxchg(p, old, val)	__sync_val_compare_and_swap(p, old, val)

/* ---- complaints ---- */

#define pr_err(...)		((void)printf("# " __VA_ARGS__))
#define WARN_ON_ONCE(cond)	({ assert(!(cond)); false; })
#define BUILD_BUG_ON(cond)	((void)sizeof(char[(cond) ? -1 : 1]))
#define WRITE_ONCE(x, val)	((x) = (val))
#define IS_ERR(p)		((unsigned long)(p) >= (unsigned long)-4095)
#define PTR_ERR(p)		((long)(p))
#define ERR_PTR(err)		((void *)(long)(err))

/* ---- text ---- */

static inline ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size);

	assert(size);
	if (len == size)
		len--;
	memcpy(to, from, len);
	to[len] = 0;
	return from[len] ? -E2BIG : (ssize_t)len;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
u64 memparse(const char *text, char **end);

/* ---- memory ---- */

#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	0

static inline void *kcalloc(size_t n, size_t size, gfp_t flags)
{
	return calloc(n, size);
}

static inline void *kzalloc(size_t size, gfp_t flags)
{
	return calloc(1, size);
}

static inline void *kvzalloc(size_t size, gfp_t flags)
{
	return calloc(1, size);
}

static inline void kfree(const void *p)
{
	free((void *)p);
}

#define kvfree	kfree
#define page_address(page)	((void *)(page))
#define struct_size(p, member, n)	(sizeof(*(p)) + (n) * sizeof(*((p)->member)))

static inline unsigned long *bitmap_zalloc(unsigned int bits, gfp_t flags)
{
	return calloc((bits + 63) / 64, 8);
}

#define bitmap_free	kfree

static inline void bitmap_zero(unsigned long *map, unsigned int bits)
{
	memset(map, 0, (bits + 63) / 64 * 8);
}

static inline void __set_bit(unsigned int n, unsigned long *map)
{
	map[n / 64] |= 1UL << n % 64;
}

static inline void __clear_bit(unsigned int n, unsigned long *map)
{
	map[n / 64] &= ~(1UL << n % 64);
}

static inline unsigned int find_first_bit(const unsigned long *map, unsigned int bits)
{
	unsigned int n;

	for (n = 0; n < bits; n++)
		if (map[n / 64] >> n % 64 & 1)
			break;
	return n;
}

/* ---- lists ---- */

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	node->next = head;
	node->prev = head->prev;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_del_init(struct list_head *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	node->next = node;
	node->prev = node;
}

#define list_del	list_del_init

#define list_for_each_entry(pos, head, member)					\
	for (pos = container_of((head)->next, __typeof__(*pos), member);	\
	     &pos->member != (head);						\
	     pos = container_of(pos->member.next, __typeof__(*pos), member))

/* ---- locks: at most a line's and one function's are held ---- */

#define SHIM_MAX_HELD	2

struct raw_spinlock {
	bool held;
};

#define raw_spinlock_t	struct raw_spinlock

void shim_lock(raw_spinlock_t *lock);
void shim_unlock(raw_spinlock_t *lock);

#define DEFINE_RAW_SPINLOCK(name)	raw_spinlock_t name
#define raw_spin_lock_init(lock)	((lock)->held = false)
#define raw_spin_lock_irqsave(lock, flags)	((flags) = 0, shim_lock(lock))
#define raw_spin_unlock_irqrestore(lock, flags)	((void)(flags), shim_unlock(lock))
#define lockdep_assert_held(lock)	assert((lock)->held)

struct mutex {
	bool held;
};

#define DEFINE_MUTEX(name)	struct mutex name
#define mutex_lock(lock)	(assert(!(lock)->held), (void)((lock)->held = true))
#define mutex_unlock(lock)	(assert((lock)->held), (void)((lock)->held = false))

struct rw_semaphore {
	int unused;
};

#define init_rwsem(sem)	((void)(sem))
#define down_read(sem)	((void)(sem))
#define up_read(sem)	((void)(sem))

/* ---- work that waits for shim_run() ---- */

struct irq_work {
	void (*func)(struct irq_work *work);
	bool queued;
	struct irq_work *next;
};

#define IRQ_WORK_INIT_HARD(fn)	((struct irq_work) { .func = (fn) })

bool irq_work_queue(struct irq_work *work);
void irq_work_sync(struct irq_work *work);

struct work_struct {
	void (*func)(struct work_struct *work);
	bool queued;
	struct work_struct *next;
};

#define INIT_WORK(work, fn)	(*(work) = (struct work_struct) { .func = (fn) })
#define cond_resched()		((void)0)

bool shim_queue_work(struct work_struct *work);
bool cancel_work_sync(struct work_struct *work);

#define synchronize_rcu_expedited()	((void)0)

/* Run irq_work and work until there is none. */
void shim_run(void);

/* ---- time that stands still but for shim_advance() ---- */

typedef s64 ktime_t;

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *timer);
	bool queued;
	ktime_t expires;
	struct hrtimer *next;
};

#define HRTIMER_MODE_REL_HARD		0
#define ns_to_ktime(ns)			((ktime_t)(ns))
#define ktime_to_ns(t)			(t)
#define ktime_sub(a, b)			((a) - (b))
#define hrtimer_init(timer, ...)	(*(timer) = (struct hrtimer) {})
#define hrtimer_setup(timer, fn, ...)	(*(timer) = (struct hrtimer) { .function = (fn) })

ktime_t ktime_get(void);
void hrtimer_start(struct hrtimer *timer, ktime_t ns, int mode);
void hrtimer_forward_now(struct hrtimer *timer, ktime_t ns);
bool hrtimer_is_queued(const struct hrtimer *timer);
ktime_t hrtimer_get_remaining(const struct hrtimer *timer);
int hrtimer_cancel(struct hrtimer *timer);

/* Let time pass: timers fire in order, and what they queue runs. */
void shim_advance(u64 ns);
unsigned int shim_timers(void);

/* ---- modules, tracing, configfs: not here ---- */

struct module;

#define THIS_MODULE		((struct module *)NULL)
#define __init
#define __exit
#define MODULE_DESCRIPTION(text)	struct module
#define MODULE_LICENSE(text)	struct module
/* Modules are there from the beginning. */
#define module_init(fn)		__attribute__((constructor)) static void run_##fn(void) { fn(); }
#define module_exit(fn)		__attribute__((destructor)) static void run_##fn(void) { fn(); }
#define EXPORT_TRACEPOINT_SYMBOL_GPL(...)
#define MODULE_IMPORT_NS(...)
#define request_module(...)	((void)0)
#define try_module_get(owner)	((void)(owner), true)
#define module_put(owner)	((void)(owner))

#define TP_PROTO(...)		__VA_ARGS__
#define TRACE_EVENT(name, proto, ...) \
	static inline void trace_##name(proto) {} \
	struct trace_##name##_unused

struct config_group;

#endif
