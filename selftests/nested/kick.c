// SPDX-License-Identifier: GPL-2.0-only
/*
 * kick - keeps an emulated machine alive that runs guests (docs/surprises.md)
 *
 * Where QEMU emulates a processor and that runs a guest, the interrupt that says a
 * timer expired can be forgotten, and with it all timers of that processor. The next
 * interrupt from elsewhere brings it back: each processor wakes all others, twice a
 * second.
 *
 * KVM patches the kernel's code for the first virtual machine and back after the last,
 * and an emulated processor can get caught in that: one is there all the time.
 *
 * Ends with who started it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_CPUS	64
#define PERIOD_MS	500

static void check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "kick: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

/*
 * A processor with a local APIC, turned off as after a reset: its being on is another
 * thing that KVM patches code for. Without KVM there is nothing to hold.
 */
static void hold_machine(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	if (kvm < 0)
		return;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	check(vm, "KVM_CREATE_VM");
	check(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
}

/* Real-time, as one that waits for its turn would be woken with no interrupt. */
static void settle_on(int cpu)
{
	const struct sched_param param = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
	check(sched_setscheduler(0, SCHED_FIFO, &param), "sched_setscheduler");
}

/* Until its time has come, or another one finds that it should have. */
static void wait_until(long due, int event)
{
	struct pollfd fd = { .fd = event, .events = POLLIN };
	eventfd_t count;

	while (now_ms() < due)
		if (poll(&fd, 1, due - now_ms()) > 0)
			eventfd_read(event, &count);
}

static void serve(const int *events, int n, int cpu)
{
	int i;

	settle_on(cpu);
	for (;;) {
		wait_until(now_ms() + PERIOD_MS, events[cpu]);
		for (i = 0; i < n; i++)
			if (i != cpu)
				eventfd_write(events[i], 1);
	}
}

int main(void)
{
	int n = sysconf(_SC_NPROCESSORS_ONLN), events[MAX_CPUS], cpu;
	pid_t parent = getpid();

	if (n > MAX_CPUS)
		n = MAX_CPUS;
	for (cpu = 0; cpu < n; cpu++) {
		events[cpu] = eventfd(0, EFD_NONBLOCK);
		check(events[cpu], "eventfd");
	}
	check(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
	hold_machine();
	for (cpu = 1; cpu < n; cpu++) {
		pid_t child = fork();

		check(child, "fork");
		if (child)
			continue;
		check(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
		if (getppid() == parent)
			serve(events, n, cpu);
		return 0;
	}
	serve(events, n, 0);
}
