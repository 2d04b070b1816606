// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - a small virtual machine
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vst.h"
#include "vst_kvm.h"

#define MEM_SIZE	0x10000
#define IVT_ENTRIES	256
#define MAIN		0x1000
#define LINE_HANDLER	0x1100
#define MESSAGE_HANDLER	0x1200
#define PIC_BASE	0x20	/* vector of pin 0 */

#define MSI_ADDRESS	0xfee00000	/* processor 0, physical */
#define APIC_SPIV	0xf0
#define APIC_SPIV_ON	0x1ff
#define APIC_IRR	0x200
#define APIC_REG_STEP	0x10
#define APIC_IRR_REGS	8	/* 32 vectors each */
#define RFLAGS_IF	0x202

/* out DOORBELL, al; out IDLE, al; jmp to the first */
static const u8 main_code[] = { 0xe6, VST_VM_DOORBELL, 0xe6, VST_VM_IDLE, 0xeb, 0xfa };

/* out LINE, al; push ax; mov al, 0x20; out 0x20, al (end of interrupt); pop ax; iret */
static const u8 line_code[] = {
	0xe6, VST_VM_LINE, 0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf
};

/* out MESSAGE, al; iret: the local APIC is out of reach of real mode */
static const u8 message_code[] = { 0xe6, VST_VM_MESSAGE, 0xcf };

static int xioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static int load_module(const char *name)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execlp("modprobe", "modprobe", "-q", name, NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status ? 0 : -ENOENT;
}

const char *vst_vm_missing(void)
{
	if (!access("/dev/kvm", R_OK | W_OK))
		return NULL;
	if (load_module("kvm_amd"))
		load_module("kvm_intel");
	if (!access("/dev/kvm", R_OK | W_OK))
		return NULL;
	return "no /dev/kvm: the processor or the kernel has no KVM";
}

/* ---- making one ---- */

static void set_handler(struct vst_vm *vm, unsigned int vector, u16 offset)
{
	const u16 entry[] = { offset, 0 };

	memcpy(vm->mem + vector * sizeof(entry), entry, sizeof(entry));
}

static void load_program(struct vst_vm *vm)
{
	unsigned int i;

	for (i = 0; i < IVT_ENTRIES; i++)
		set_handler(vm, i, MESSAGE_HANDLER);
	set_handler(vm, PIC_BASE + VST_VM_LINE_GSI, LINE_HANDLER);
	memcpy(vm->mem + MAIN, main_code, sizeof(main_code));
	memcpy(vm->mem + LINE_HANDLER, line_code, sizeof(line_code));
	memcpy(vm->mem + MESSAGE_HANDLER, message_code, sizeof(message_code));
}

static void make_memory(struct vst_vm *vm)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEM_SIZE };

	vm->mem = vst_anon(MEM_SIZE);
	region.userspace_addr = (uintptr_t)vm->mem;
	vst_vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* As a BIOS leaves it, but for pins: one is open, and a level. */
static void set_up_pic(struct vst_vm *vm)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };

	vst_vm_ioctl(vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.pic.irq_base = PIC_BASE;
	chip.chip.pic.imr = ~(1 << VST_VM_LINE_GSI);
	chip.chip.pic.elcr = 1 << VST_VM_LINE_GSI;
	vst_vm_ioctl(vm, KVM_SET_IRQCHIP, &chip);
}

/* Real mode, all segments at 0, interrupts on. */
static void set_up_processor(struct vst_vm *vm)
{
	struct kvm_regs regs = { .rip = MAIN, .rsp = MEM_SIZE - 16, .rflags = RFLAGS_IF };
	struct kvm_sregs sregs;

	vst_ok(xioctl(vm->vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	vst_ok(xioctl(vm->vcpu, KVM_SET_SREGS, &sregs));
	vst_ok(xioctl(vm->vcpu, KVM_SET_REGS, &regs));
}

static void make_processor(struct vst_vm *vm)
{
	vm->vcpu = vst_vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
	vm->run_size = vst_ok(xioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL));
	vm->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	vst_assert(vm->run != MAP_FAILED);
	set_up_processor(vm);
}

/* Processors that are made in it have a local APIC, turned off as after a reset. */
static struct vst_vm *make_machine(void)
{
	struct vst_vm *vm = calloc(1, sizeof(*vm));

	vst_assert(vm);
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vst_assert(vm->kvm >= 0);
	vm->fd = vst_ok(xioctl(vm->kvm, KVM_CREATE_VM, NULL));
	vst_vm_ioctl(vm, KVM_CREATE_IRQCHIP, NULL);
	return vm;
}

struct vst_vm *vst_vm_open(void)
{
	struct vst_vm *vm = make_machine();

	make_memory(vm);
	load_program(vm);
	set_up_pic(vm);
	make_processor(vm);
	vst_vm_forget(vm);
	vst_vm_route(vm, VST_VM_MSI_VECTOR);
	return vm;
}

void vst_vm_close(struct vst_vm *vm)
{
	if (!vm)
		return;
	munmap(vm->run, vm->run_size);
	close(vm->vcpu);
	close(vm->fd);
	close(vm->kvm);
	munmap(vm->mem, MEM_SIZE);
	free(vm);
}

int __vst_vm_ioctl(struct vst_vm *vm, unsigned long request, void *arg)
{
	return xioctl(vm->fd, request, arg);
}

/* ---- running it ---- */

unsigned int vst_vm_run(struct vst_vm *vm)
{
	vst_ok(xioctl(vm->vcpu, KVM_RUN, NULL));
	vst_assert(vm->run->exit_reason == KVM_EXIT_IO);
	vst_assert(vm->run->io.direction == KVM_EXIT_IO_OUT);
	return vm->run->io.port;
}

bool vst_vm_sees(struct vst_vm *vm, unsigned int port)
{
	return vst_until(vst_vm_run(vm) == port, VST_DEADLINE_MS);
}

bool vst_vm_round(struct vst_vm *vm, unsigned int port)
{
	unsigned int now;
	bool seen = false;

	do {
		now = vst_vm_run(vm);
		seen |= now == port;
	} while (now != VST_VM_IDLE);
	return seen;
}

void vst_vm_doorbell(struct vst_vm *vm, u8 val)
{
	struct kvm_regs regs;

	vst_ok(xioctl(vm->vcpu, KVM_GET_REGS, &regs));
	regs.rax = val;
	vst_ok(xioctl(vm->vcpu, KVM_SET_REGS, &regs));
}

/* ---- its interrupts ---- */

static u32 *apic_reg(struct kvm_lapic_state *apic, unsigned int reg)
{
	return (u32 *)(apic->regs + reg);
}

static u32 *apic_irr(struct kvm_lapic_state *apic, unsigned int i)
{
	return apic_reg(apic, APIC_IRR + i * APIC_REG_STEP);
}

bool vst_vm_pending(struct vst_vm *vm, u8 vector)
{
	struct kvm_lapic_state apic;

	vst_ok(xioctl(vm->vcpu, KVM_GET_LAPIC, &apic));
	return *apic_irr(&apic, vector / 32) & 1U << vector % 32;
}

unsigned int vst_vm_pending_count(struct vst_vm *vm)
{
	struct kvm_lapic_state apic;
	unsigned int i, n = 0;

	vst_ok(xioctl(vm->vcpu, KVM_GET_LAPIC, &apic));
	for (i = 0; i < APIC_IRR_REGS; i++)
		n += __builtin_popcount(*apic_irr(&apic, i));
	return n;
}

void vst_vm_forget(struct vst_vm *vm)
{
	struct kvm_lapic_state apic;
	unsigned int i;

	vst_ok(xioctl(vm->vcpu, KVM_GET_LAPIC, &apic));
	for (i = 0; i < APIC_IRR_REGS; i++)
		*apic_irr(&apic, i) = 0;
	*apic_reg(&apic, APIC_SPIV) = APIC_SPIV_ON;
	vst_ok(xioctl(vm->vcpu, KVM_SET_LAPIC, &apic));
}

void vst_vm_route(struct vst_vm *vm, u8 vector)
{
	struct {
		struct kvm_irq_routing table;
		struct kvm_irq_routing_entry entry[1 + VST_VM_MSIS];
	} r = { .table.nr = 1 + VST_VM_MSIS };
	unsigned int i;

	r.entry[0] = (struct kvm_irq_routing_entry){
		.gsi = VST_VM_LINE_GSI,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { KVM_IRQCHIP_PIC_MASTER, VST_VM_LINE_GSI },
	};
	for (i = 0; i < VST_VM_MSIS; i++)
		r.entry[1 + i] = (struct kvm_irq_routing_entry){
			.gsi = VST_VM_MSI_GSI + i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = MSI_ADDRESS, .data = vector + i },
		};
	vst_vm_ioctl(vm, KVM_SET_GSI_ROUTING, &r);
}

int __vst_irqfd(struct vst_vm *vm, int fd, unsigned int gsi, int resample)
{
	struct kvm_irqfd irqfd = {
		.fd = fd,
		.gsi = gsi,
		.flags = resample < 0 ? 0 : KVM_IRQFD_FLAG_RESAMPLE,
		.resamplefd = resample,
	};

	return __vst_vm_ioctl(vm, KVM_IRQFD, &irqfd);
}

int __vst_irqfd_off(struct vst_vm *vm, int fd, unsigned int gsi)
{
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = gsi, .flags = KVM_IRQFD_FLAG_DEASSIGN };

	return __vst_vm_ioctl(vm, KVM_IRQFD, &irqfd);
}

/* ---- its ports, and KVM's devices ---- */

int __vst_kvm_ioeventfd(struct vst_vm *vm, int fd, unsigned int port, int val, bool on)
{
	struct kvm_ioeventfd io = {
		.fd = fd,
		.addr = port,
		.len = 1,
		.datamatch = val < 0 ? 0 : val,
		.flags = KVM_IOEVENTFD_FLAG_PIO,
	};

	if (val >= 0)
		io.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
	if (!on)
		io.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	return __vst_vm_ioctl(vm, KVM_IOEVENTFD, &io);
}

int __vst_kvm_device(struct vst_vm *vm, u32 type, u32 flags)
{
	struct kvm_create_device device = { .type = type, .flags = flags };
	int ret = __vst_vm_ioctl(vm, KVM_CREATE_DEVICE, &device);

	return ret ? ret : (int)device.fd;
}
