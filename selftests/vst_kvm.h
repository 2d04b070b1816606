/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vst - a small virtual machine, for what VFIO does with KVM
 *
 * No QEMU: one processor in real mode, 64 KiB of memory and the kernel's own
 * interrupt controllers. Its program is three instructions long: it writes a byte to
 * the doorbell port, then one to the idle port, for ever. An interrupt handler
 * writes to a port that says which interrupt it was. A write that nobody in the
 * kernel takes ends vst_vm_run(), so a run is short whatever happens.
 *
 * Functions are in pairs as in vst.h: __vst_x() returns -errno.
 */
#ifndef VST_KVM_H
#define VST_KVM_H

#include <linux/kvm.h>

#include "vst.h"

/* Ports that the guest writes to. */
#define VST_VM_DOORBELL	0xd0	/* one byte, see vst_vm_doorbell() */
#define VST_VM_IDLE	0xea	/* once a round */
#define VST_VM_LINE	0xe9	/* in the handler of VST_VM_LINE_GSI, before its end of interrupt */
#define VST_VM_MESSAGE	0xeb	/* in the handler of all other vectors */

#define VST_VM_LINE_GSI	5	/* level, pin 5 of the PIC */
#define VST_VM_MSI_GSI	24	/* first of VST_VM_MSIS */
#define VST_VM_MSIS	8
#define VST_VM_MSI_VECTOR	0x50	/* of the first; the others follow */

/**
 * struct vst_vm - a virtual machine
 * @kvm: /dev/kvm
 * @fd: the machine
 * @vcpu: its processor
 * @run: shared with the kernel
 * @run_size: bytes of it
 * @mem: the guest's memory from address 0
 *
 * Made by vst_vm_open(), ends with vst_vm_close() or with the process.
 */
struct vst_vm {
	int kvm, fd, vcpu;
	struct kvm_run *run;
	size_t run_size;
	u8 *mem;
};

/**
 * vst_vm_missing() - why there cannot be a machine
 *
 * Loads kvm_amd or kvm_intel when there is no /dev/kvm.
 *
 * Return: the reason, NULL when there can.
 */
const char *vst_vm_missing(void);

/* SKIP the test where there is no KVM. */
#define VST_NEEDS_KVM() do {						\
	const char *__lack = vst_vm_missing();				\
	if (__lack)							\
		SKIP(return, "%s", __lack);				\
} while (0)

/**
 * vst_vm_open() - make a machine
 *
 * GSI VST_VM_LINE_GSI is a level of the PIC, each of the VST_VM_MSIS GSIs from
 * VST_VM_MSI_GSI on a message with a vector of its own.
 *
 * Return: the machine; it never fails to the caller.
 */
struct vst_vm *vst_vm_open(void);

/**
 * vst_vm_close() - end a machine
 * @vm: the machine; NULL is fine
 */
void vst_vm_close(struct vst_vm *vm);

/**
 * __vst_vm_ioctl() - an ioctl of the machine, as it is
 * @vm: the machine
 * @request: KVM_*
 * @arg: its argument
 *
 * Return: what the ioctl returned or -errno.
 */
int __vst_vm_ioctl(struct vst_vm *vm, unsigned long request, void *arg);
#define vst_vm_ioctl(...) vst_ok(__vst_vm_ioctl(__VA_ARGS__))

/**
 * vst_vm_run() - let the guest go on until it writes to a port that nobody takes
 * @vm: the machine
 *
 * Return: the port.
 */
unsigned int vst_vm_run(struct vst_vm *vm);

/**
 * vst_vm_sees() - let the guest go on until it writes to a port
 * @vm: the machine
 * @port: VST_VM_*; writes to others are passed over, for VST_DEADLINE_MS
 *
 * Return: true when it did.
 */
bool vst_vm_sees(struct vst_vm *vm, unsigned int port);

/**
 * vst_vm_round() - let the guest go on until it comes by the idle port
 * @vm: the machine
 * @port: VST_VM_*
 *
 * An interrupt that is there before is taken before.
 *
 * Return: true when it wrote to @port on its way.
 */
bool vst_vm_round(struct vst_vm *vm, unsigned int port);

/**
 * vst_vm_doorbell() - choose what the guest writes to the doorbell from now on
 * @vm: the machine
 * @val: the byte
 */
void vst_vm_doorbell(struct vst_vm *vm, u8 val);

/**
 * vst_vm_pending() - has a message come to the processor, and was not taken yet?
 * @vm: the machine
 * @vector: of the message
 *
 * Return: true when the bit of the vector is set in the local APIC's IRR.
 */
bool vst_vm_pending(struct vst_vm *vm, u8 vector);

/**
 * vst_vm_pending_count() - the same for all vectors
 * @vm: the machine
 *
 * Return: how many bits of the IRR are set.
 */
unsigned int vst_vm_pending_count(struct vst_vm *vm);

/**
 * vst_vm_forget() - clear all that vst_vm_pending() tells of
 * @vm: the machine
 */
void vst_vm_forget(struct vst_vm *vm);

/**
 * vst_vm_route() - choose the vectors of messages
 * @vm: the machine
 * @vector: of GSI VST_VM_MSI_GSI; the others follow
 */
void vst_vm_route(struct vst_vm *vm, u8 vector);

/**
 * __vst_irqfd() - an eventfd interrupts the guest
 * @vm: the machine
 * @fd: the eventfd
 * @gsi: which interrupt
 * @resample: eventfd that the end of interrupt signals, -1: none
 *
 * Return: 0 or -errno.
 */
int __vst_irqfd(struct vst_vm *vm, int fd, unsigned int gsi, int resample);
#define vst_irqfd(...) vst_ok(__vst_irqfd(__VA_ARGS__))

/**
 * __vst_irqfd_off() - it does so no more
 * @vm: the machine
 * @fd: the eventfd
 * @gsi: which interrupt
 *
 * Return: 0 or -errno.
 */
int __vst_irqfd_off(struct vst_vm *vm, int fd, unsigned int gsi);
#define vst_irqfd_off(...) vst_ok(__vst_irqfd_off(__VA_ARGS__))

/**
 * __vst_kvm_ioeventfd() - a write to a port signals an eventfd
 * @vm: the machine
 * @fd: the eventfd
 * @port: one byte
 * @val: only when this is written; -1: anything
 * @on: from now on, or no more
 *
 * Return: 0 or -errno.
 */
int __vst_kvm_ioeventfd(struct vst_vm *vm, int fd, unsigned int port, int val, bool on);
#define vst_kvm_ioeventfd(...) vst_ok(__vst_kvm_ioeventfd(__VA_ARGS__))

/**
 * __vst_kvm_device() - make a device of KVM's
 * @vm: the machine
 * @type: KVM_DEV_TYPE_*
 * @flags: KVM_CREATE_DEVICE_TEST or 0
 *
 * Return: its descriptor, -errno.
 */
int __vst_kvm_device(struct vst_vm *vm, u32 type, u32 flags);
#define vst_kvm_device(...) vst_ok(__vst_kvm_device(__VA_ARGS__))

#endif
