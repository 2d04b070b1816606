// SPDX-License-Identifier: GPL-2.0-only
/*
 * kick - keeps an emulated machine alive that runs guests (docs/surprises.md)
 *
 * QEMU's emulated processors can forget the interrupt that says a timer expired, and
 * with it all timers of that processor. The next interrupt from elsewhere brings it
 * back: each processor wakes all others, twice a second.
 *
 * They can also execute a breakpoint for ever that the kernel put into its code for a
 * moment, to patch it. KVM has the scheduler patched for the first virtual machine, and
 * back after the last: one is there all the time, made and ended while all other
 * processors stand still.
 *
 * Ends with who started it, and at once where nothing is emulated.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_CPUS	64
#define PERIOD_MS	500
#define STILL_MS	500	/* less than what the kernel grants a real-time task */

#define CPUID_HYPERVISOR	0x40000000

/* By all processes. */
struct shared {
	atomic_bool hush;	/* stand still */
	atomic_int still;	/* how many do */
};

static struct shared *shared;
static int events[MAX_CPUS], cpus;
static int kvm = -1, vm = -1, vcpu = -1;
static atomic_bool ended;

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

/* The processor is QEMU's own work, by the name that it gives itself. */
static bool emulated(void)
{
	unsigned int a, name[3];

	__cpuid(CPUID_HYPERVISOR, a, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
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

static void wake_others(int cpu)
{
	int i;

	for (i = 0; i < cpus; i++)
		if (i != cpu)
			eventfd_write(events[i], 1);
}

/* ---- nothing else is scheduled ---- */

static void stand_still(void)
{
	atomic_fetch_add(&shared->still, 1);
	while (atomic_load(&shared->hush))
		;
	atomic_fetch_sub(&shared->still, 1);
}

/* Of processor 0. One that cannot stand still is not waited for. */
static void quietly(void (*what)(void))
{
	long due = now_ms() + STILL_MS;

	atomic_store(&shared->hush, true);
	wake_others(0);
	while (atomic_load(&shared->still) < cpus - 1 && now_ms() < due)
		;
	what();
	atomic_store(&shared->hush, false);
}

/*
 * A processor with a local APIC, turned off as after a reset: its being on is another
 * thing that KVM patches code for. Without KVM there is nothing to hold.
 */
static void hold_machine(void)
{
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	check(vm, "KVM_CREATE_VM");
	check(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	check(vcpu, "KVM_CREATE_VCPU");
}

static void let_machine_go(void)
{
	close(vcpu);
	close(vm);
}

static void open_kvm(void)
{
	if (access("/dev/kvm", F_OK) && system("modprobe -q kvm_amd"))
		return;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

/* ---- all ---- */

/* Until its time has come, or another one finds that it should have. */
static void wait_until(long due, int cpu)
{
	struct pollfd fd = { .fd = events[cpu], .events = POLLIN };
	eventfd_t count;

	while (now_ms() < due && !ended) {
		if (poll(&fd, 1, due - now_ms()) > 0)
			eventfd_read(events[cpu], &count);
		if (cpu && atomic_load(&shared->hush))
			stand_still();
	}
}

static void serve(int cpu)
{
	while (!ended) {
		wait_until(now_ms() + PERIOD_MS, cpu);
		wake_others(cpu);
	}
}

static void start_others(void)
{
	pid_t parent = getpid();
	int cpu;

	for (cpu = 1; cpu < cpus; cpu++) {
		pid_t child = fork();

		check(child, "fork");
		if (child)
			continue;
		check(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
		settle_on(cpu);
		if (getppid() == parent)
			serve(cpu);
		_exit(0);
	}
}

static void set_up(void)
{
	int cpu;

	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	for (cpu = 0; cpu < cpus; cpu++) {
		events[cpu] = eventfd(0, EFD_NONBLOCK);
		check(events[cpu], "eventfd");
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared == MAP_FAILED ? -1 : 0, "mmap");
}

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&ended, true);
}

int main(void)
{
	const struct sigaction sa = { .sa_handler = on_signal };

	if (!emulated())
		return 0;
	set_up();
	start_others();
	check(sigaction(SIGTERM, &sa, NULL), "sigaction");
	check(prctl(PR_SET_PDEATHSIG, SIGTERM), "prctl");
	settle_on(0);
	open_kvm();
	if (kvm >= 0)
		quietly(hold_machine);
	serve(0);
	if (kvm >= 0)
		quietly(let_machine_go);
	return 0;
}
