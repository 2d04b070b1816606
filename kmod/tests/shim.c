// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - as much of the kernel as its pure logic asks for, in a program
 */
#include <stdarg.h>

#include "shim.h"

/* ---- text ---- */

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n < (int)size ? n : (int)size - 1;
}

u64 memparse(const char *text, char **end)
{
	static const char suffix[] = "KMGTPE";
	u64 n = strtoull(text, end, 0);
	const char *at = memchr(suffix, **end & ~0x20, strlen(suffix));

	if (!at)
		return n;
	++*end;
	return n << 10 * (at - suffix + 1);
}

/* ---- locks ---- */

static unsigned int held;

void shim_lock(raw_spinlock_t *lock)
{
	assert(!lock->held);
	assert(held < SHIM_MAX_HELD);
	lock->held = true;
	held++;
}

void shim_unlock(raw_spinlock_t *lock)
{
	assert(lock->held);
	lock->held = false;
	held--;
}

/* ---- work ---- */

static struct irq_work *irq_works;
static struct work_struct *works;

bool irq_work_queue(struct irq_work *work)
{
	struct irq_work **at = &irq_works;

	if (work->queued)
		return false;
	while (*at)
		at = &(*at)->next;
	work->queued = true;
	work->next = NULL;
	*at = work;
	return true;
}

static bool run_irq_work(void)
{
	struct irq_work *work = irq_works;

	if (!work)
		return false;
	irq_works = work->next;
	work->queued = false;
	work->func(work);
	return true;
}

void irq_work_sync(struct irq_work *work)
{
	while (work->queued)
		run_irq_work();
}

bool shim_queue_work(struct work_struct *work)
{
	struct work_struct **at = &works;

	if (work->queued)
		return false;
	while (*at)
		at = &(*at)->next;
	work->queued = true;
	work->next = NULL;
	*at = work;
	return true;
}

bool cancel_work_sync(struct work_struct *work)
{
	struct work_struct **at = &works;
	bool was = work->queued;

	while (*at && *at != work)
		at = &(*at)->next;
	if (*at)
		*at = work->next;
	work->queued = false;
	return was;
}

static bool run_work(void)
{
	struct work_struct *work = works;

	if (!work)
		return false;
	works = work->next;
	work->queued = false;
	work->func(work);
	return true;
}

void shim_run(void)
{
	assert(!held);
	while (run_irq_work() || run_work())
		;
}

/* ---- time ---- */

static ktime_t now;
static struct hrtimer *timers;

ktime_t ktime_get(void)
{
	return now;
}

int hrtimer_cancel(struct hrtimer *timer)
{
	struct hrtimer **at = &timers;
	bool was = timer->queued;

	while (*at && *at != timer)
		at = &(*at)->next;
	if (*at)
		*at = timer->next;
	timer->queued = false;
	return was;
}

void hrtimer_start(struct hrtimer *timer, ktime_t ns, int mode)
{
	struct hrtimer **at = &timers;

	hrtimer_cancel(timer);
	timer->queued = true;
	timer->expires = now + ns;
	while (*at && (*at)->expires <= timer->expires)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

void hrtimer_forward_now(struct hrtimer *timer, ktime_t ns)
{
	timer->expires = now + ns;
}

bool hrtimer_is_queued(const struct hrtimer *timer)
{
	return timer->queued;
}

ktime_t hrtimer_get_remaining(const struct hrtimer *timer)
{
	return timer->expires - now;
}

static void fire(struct hrtimer *timer)
{
	now = timer->expires;
	timers = timer->next;
	timer->queued = false;
	if (timer->function(timer) == HRTIMER_RESTART)
		hrtimer_start(timer, timer->expires - now, HRTIMER_MODE_REL_HARD);
	shim_run();
}

void shim_advance(u64 ns)
{
	ktime_t until = now + ns;

	shim_run();
	while (timers && timers->expires <= until)
		fire(timers);
	now = until;
}

unsigned int shim_timers(void)
{
	const struct hrtimer *timer;
	unsigned int n = 0;

	for (timer = timers; timer; timer = timer->next)
		n++;
	return n;
}
