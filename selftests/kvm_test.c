// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO and KVM, in a machine of our own (vst_kvm.h): the vfio device of KVM that is
 * told of groups, interrupts of the card that reach a guest by irqfd without us,
 * and writes of a guest that reach the card by ioeventfd.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"
#include "vst_kvm.h"

#define CARD	VLAB_SERIAL_BAR_CTRL
#define SRC	(VLAB_SERIAL_DMA + VLAB_DMA_SRC)
#define SEND	(VLAB_SERIAL_DMA + VLAB_DMA_SEND)
#define VECTORS	VST_VM_MSIS

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

static void send_message(struct vst_dev *dev, unsigned int vector)
{
	vst_write32(dev, CARD, SEND, vector);
}

/* ---- the vfio device of KVM ---- */

/* uapi: KVM.VFIO_FILE */
FIXTURE(vfio) {
	struct vst_dev *dev;
	struct vst_vm *vm;
	int fd;
};

FIXTURE_SETUP(vfio)
{
	VST_NEEDS(VST_CAN_VFIO);
	VST_NEEDS_KVM();
	self->dev = vst_open(vst_bdf());
	self->vm = vst_vm_open();
	self->fd = vst_kvm_device(self->vm, KVM_DEV_TYPE_VFIO, 0);
}

FIXTURE_TEARDOWN(vfio)
{
	vst_vm_close(self->vm);
	vst_close(self->dev);
}

/* What KVM is told of: the group, or the device where there are no groups. */
static int file_of(const struct vst_dev *dev)
{
	return vst_can(VST_CAN_GROUP) ? vst_group_fd(dev) : dev->fd;
}

static int device_attr(int fd, unsigned long request, u32 group, u64 attr, void *arg)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)arg };

	return ioctl(fd, request, &a) ? -errno : 0;
}

static int file_add(int fd, int file)
{
	return device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD,
			   &file);
}

static int file_del(int fd, int file)
{
	return device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_DEL,
			   &file);
}

TEST_F(vfio, file_is_added_and_removed_any_number_of_times)
{
	int i, file = file_of(self->dev);

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, file_add(self->fd, file));
		EXPECT_EQ(0, file_del(self->fd, file));
	}
}

TEST_F(vfio, file_is_added_once)
{
	int file = file_of(self->dev);

	EXPECT_EQ(0, file_add(self->fd, file));
	EXPECT_EQ(-EEXIST, file_add(self->fd, file));
	EXPECT_EQ(0, file_del(self->fd, file));
	EXPECT_EQ(0, file_add(self->fd, file));
}

TEST_F(vfio, another_descriptor_of_the_same_file_is_that_file)
{
	int again = dup(file_of(self->dev));

	EXPECT_EQ(0, file_add(self->fd, file_of(self->dev)));
	EXPECT_EQ(-EEXIST, file_add(self->fd, again));
	EXPECT_EQ(0, file_del(self->fd, again));
	EXPECT_EQ(-ENOENT, file_del(self->fd, file_of(self->dev)));
}

TEST_F(vfio, file_that_was_not_added_is_not_removed)
{
	int file = file_of(self->dev);

	EXPECT_EQ(-ENOENT, file_del(self->fd, file));
	EXPECT_EQ(0, file_add(self->fd, file));
	EXPECT_EQ(0, file_del(self->fd, file));
	EXPECT_EQ(-ENOENT, file_del(self->fd, file));
}

TEST_F(vfio, closed_descriptor_is_refused)
{
	int closed = vst_eventfd();

	close(closed);
	EXPECT_EQ(-EBADF, file_add(self->fd, closed));
	EXPECT_EQ(-EBADF, file_del(self->fd, closed));
	EXPECT_EQ(-EBADF, file_add(self->fd, -1));
}

TEST_F(vfio, files_that_are_not_of_vfio_are_refused)
{
	const int file[] = { vst_eventfd(), open("/dev/null", O_RDWR), self->vm->fd, self->fd,
			     self->dev->iommu->fd };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(file); i++) {
		EXPECT_EQ(-EINVAL, file_add(self->fd, file[i]));
		EXPECT_EQ(-ENOENT, file_del(self->fd, file[i]));
	}
}

/* Kernels with KVM_DEV_VFIO_FILE_ADD, which has the same number, take it. */
TEST_F(vfio, device_is_taken_as_its_group_or_refused)
{
	int ret = file_add(self->fd, self->dev->fd);

	EXPECT_TRUE(ret == 0 || ret == -EINVAL);
	EXPECT_EQ(ret ? -EINVAL : -EEXIST, file_add(self->fd, self->dev->fd));
	EXPECT_EQ(ret ? -ENOENT : 0, file_del(self->fd, self->dev->fd));
	EXPECT_EQ(-ENOENT, file_del(self->fd, self->dev->fd));
}

TEST_F(vfio, bad_pointer_is_refused)
{
	EXPECT_EQ(-EFAULT, device_attr(self->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
				       KVM_DEV_VFIO_GROUP_ADD, NULL));
	EXPECT_EQ(-EFAULT, device_attr(self->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
				       KVM_DEV_VFIO_GROUP_DEL, NULL));
}

TEST_F(vfio, attributes_are_add_and_remove)
{
	int file = file_of(self->dev);

	EXPECT_EQ(0, device_attr(self->fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
				 KVM_DEV_VFIO_GROUP_ADD, NULL));
	EXPECT_EQ(0, device_attr(self->fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
				 KVM_DEV_VFIO_GROUP_DEL, NULL));
	EXPECT_EQ(-ENXIO, device_attr(self->fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 0, NULL));
	EXPECT_EQ(-ENXIO, device_attr(self->fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP + 1,
				      KVM_DEV_VFIO_GROUP_ADD, NULL));
	EXPECT_EQ(-ENXIO, device_attr(self->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 99,
				      &file));
	EXPECT_EQ(-ENXIO, device_attr(self->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP + 1,
				      KVM_DEV_VFIO_GROUP_ADD, &file));
	EXPECT_EQ(-EPERM, device_attr(self->fd, KVM_GET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
				      KVM_DEV_VFIO_GROUP_ADD, &file));
	EXPECT_EQ(-ENOENT, file_del(self->fd, file));
}

TEST_F(vfio, machine_has_one_such_device)
{
	EXPECT_EQ(-EBUSY, __vst_kvm_device(self->vm, KVM_DEV_TYPE_VFIO, 0));
	EXPECT_EQ(0, file_add(self->fd, file_of(self->dev)));
}

TEST_F(vfio, question_whether_there_is_one_makes_none)
{
	struct vst_vm *vm = vst_vm_open();

	EXPECT_EQ(0, __vst_kvm_device(vm, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST));
	EXPECT_LT(0, __vst_kvm_device(vm, KVM_DEV_TYPE_VFIO, 0));
	EXPECT_EQ(-ENODEV, __vst_kvm_device(vm, UINT32_MAX, KVM_CREATE_DEVICE_TEST));
	vst_vm_close(vm);
}

TEST_F(vfio, file_stays_open_until_the_machine_lets_go)
{
	struct vst_dev *dev;

	EXPECT_EQ(0, file_add(self->fd, file_of(self->dev)));
	vst_close(self->dev);
	self->dev = NULL;
	EXPECT_EQ(vst_backend()->busy, __vst_open_in(&dev, vst_bdf(), NULL));
	close(self->fd);
	vst_vm_close(self->vm);
	self->vm = NULL;
	self->dev = vst_open(vst_bdf());
}

TEST_F(vfio, device_goes_on_when_its_machine_ends)
{
	int irq = vst_eventfd();

	vst_master(self->dev, true);
	EXPECT_EQ(0, file_add(self->fd, file_of(self->dev)));
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &irq);
	close(self->fd);
	vst_vm_close(self->vm);
	self->vm = NULL;
	send_message(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(irq));
}

/* The device keeps the machine it was opened for. */
TEST_F(vfio, device_opened_for_a_machine_goes_on_when_that_ends)
{
	struct vst_iommu *iommu = self->dev->iommu;
	struct vst_dev *dev;
	struct vst_card card;

	VST_PLUG_APART(&card, "ports=1");
	EXPECT_EQ(0, file_add(self->fd, file_of(self->dev)));
	dev = vst_open_in(card.bdf[0], iommu);
	EXPECT_EQ(0, file_add(self->fd, file_of(dev)));
	close(self->fd);
	vst_vm_close(self->vm);
	self->vm = NULL;
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(dev, CARD, VLAB_SERIAL_ID));
	vst_close(dev);
	vst_card_destroy(&card);
}

TEST_F(vfio, file_moves_to_another_machine)
{
	struct vst_vm *vm = vst_vm_open();
	int file = file_of(self->dev), fd = vst_kvm_device(vm, KVM_DEV_TYPE_VFIO, 0);

	EXPECT_EQ(0, file_add(self->fd, file));
	EXPECT_EQ(0, file_del(self->fd, file));
	EXPECT_EQ(0, file_add(fd, file));
	EXPECT_EQ(-ENOENT, file_del(self->fd, file));
	EXPECT_EQ(0, file_del(fd, file));
	close(fd);
	vst_vm_close(vm);
}

/* ---- messages ---- */

FIXTURE(message) {
	struct vst_dev *dev;
	struct vst_vm *vm;
	int fd[VECTORS];
};

FIXTURE_VARIANT(message) {
	unsigned int index;
};

FIXTURE_VARIANT_ADD(message, msi) { .index = MSI };
FIXTURE_VARIANT_ADD(message, msix) { .index = MSIX };

FIXTURE_SETUP(message)
{
	unsigned int i;

	VST_NEEDS(VST_CAN_IRQ);
	VST_NEEDS_KVM();
	self->dev = vst_open_master(vst_bdf());
	self->vm = vst_vm_open();
	for (i = 0; i < VECTORS; i++) {
		self->fd[i] = vst_eventfd();
		vst_irqfd(self->vm, self->fd[i], VST_VM_MSI_GSI + i, -1);
	}
	vst_irq_eventfds(self->dev, variant->index, 0, VECTORS, self->fd);
}

FIXTURE_TEARDOWN(message)
{
	vst_vm_close(self->vm);
	vst_close(self->dev);
}

static bool comes(struct vst_vm *vm, u8 vector)
{
	return vst_until(vst_vm_pending(vm, vector), VST_DEADLINE_MS);
}

/* uapi: MSI.MESSAGE */
TEST_F(message, each_has_its_vector_in_the_guest)
{
	unsigned int i;

	for (i = 0; i < VECTORS; i++) {
		send_message(self->dev, i);
		EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR + i));
		EXPECT_EQ(1, vst_vm_pending_count(self->vm));
		vst_vm_forget(self->vm);
	}
}

TEST_F(message, guest_takes_it)
{
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_MESSAGE));
	send_message(self->dev, 3);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_MESSAGE));
	EXPECT_EQ(0, vst_vm_pending_count(self->vm));
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_MESSAGE));
}

TEST_F(message, event_is_the_guests_alone)
{
	send_message(self->dev, 0);
	EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR));
	EXPECT_EQ(0, vst_event_count(self->fd[0]));
}

/* uapi: SET_IRQS.MSI.LOOPBACK */
TEST_F(message, loopback_reaches_the_guest)
{
	vst_irq_loopback(self->dev, variant->index, 5);
	EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR + 5));
	EXPECT_EQ(1, vst_vm_pending_count(self->vm));
}

TEST_F(message, without_irqfd_the_event_is_ours)
{
	vst_irqfd_off(self->vm, self->fd[0], VST_VM_MSI_GSI);
	send_message(self->dev, 0);
	EXPECT_EQ(1, vst_event_wait(self->fd[0]));
	EXPECT_EQ(0, vst_vm_pending_count(self->vm));
}

TEST_F(message, event_from_before_the_irqfd_is_not_lost)
{
	vst_irqfd_off(self->vm, self->fd[1], VST_VM_MSI_GSI + 1);
	send_message(self->dev, 1);
	vst_irqfd(self->vm, self->fd[1], VST_VM_MSI_GSI + 1, -1);
	EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR + 1));
}

TEST_F(message, new_route_is_taken_at_once)
{
	vst_vm_route(self->vm, 0x90);
	send_message(self->dev, 2);
	EXPECT_TRUE(comes(self->vm, 0x92));
	EXPECT_EQ(1, vst_vm_pending_count(self->vm));
}

TEST_F(message, vector_moves_to_the_interrupt_of_its_new_eventfd)
{
	vst_irq_eventfds(self->dev, variant->index, 0, 1, &self->fd[7]);
	send_message(self->dev, 0);
	EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR + 7));
	EXPECT_EQ(1, vst_vm_pending_count(self->vm));
}

TEST_F(message, vector_without_eventfd_leaves_the_guest_alone)
{
	int none = -1;

	vst_irq_eventfds(self->dev, variant->index, 0, 1, &none);
	send_message(self->dev, 0);
	send_message(self->dev, 1);
	EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR + 1));
	EXPECT_EQ(1, vst_vm_pending_count(self->vm));
}

TEST_F(message, eventfd_has_one_irqfd)
{
	EXPECT_EQ(-EBUSY, __vst_irqfd(self->vm, self->fd[0], VST_VM_MSI_GSI + 1, -1));
	send_message(self->dev, 0);
	EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR));
	EXPECT_EQ(1, vst_vm_pending_count(self->vm));
}

TEST_F(message, irqfd_of_what_is_no_eventfd_is_refused)
{
	int null = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EINVAL, __vst_irqfd(self->vm, null, VST_VM_MSI_GSI, -1));
	close(null);
	EXPECT_EQ(-EBADF, __vst_irqfd(self->vm, null, VST_VM_MSI_GSI, -1));
}

TEST_F(message, machine_that_ends_gives_the_events_back)
{
	vst_vm_close(self->vm);
	self->vm = NULL;
	send_message(self->dev, 4);
	EXPECT_EQ(1, vst_event_wait(self->fd[4]));
}

TEST_F(message, device_that_is_closed_leaves_the_irqfd)
{
	vst_close(self->dev);
	self->dev = NULL;
	vst_assert(eventfd_write(self->fd[6], 1) == 0);
	EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR + 6));
}

struct storm {
	struct vst_dev *dev;
	atomic_bool stop;
};

static void *send_until_stopped(void *arg)
{
	struct storm *storm = arg;
	unsigned int i;

	for (i = 0; !atomic_load(&storm->stop); i++)
		send_message(storm->dev, i % VECTORS);
	return NULL;
}

TEST_F(message, irqfds_come_and_go_while_messages_fly)
{
	struct storm storm = { .dev = self->dev };
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_until_stopped, &storm));
	for (i = 0; i < 20; i++) {
		vst_irqfd_off(self->vm, self->fd[0], VST_VM_MSI_GSI);
		EXPECT_LE(1, vst_event_wait(self->fd[0]));
		vst_vm_forget(self->vm);
		vst_irqfd(self->vm, self->fd[0], VST_VM_MSI_GSI, -1);
		EXPECT_TRUE(comes(self->vm, VST_VM_MSI_VECTOR));
	}
	vst_vm_close(self->vm);
	self->vm = NULL;
	EXPECT_LE(1, vst_event_wait(self->fd[0]));
	atomic_store(&storm.stop, true);
	pthread_join(thread, NULL);
}

/* ---- the line, with resampling ---- */

FIXTURE(line) {
	struct vst_dev *dev;
	struct vst_vm *vm;
	int fd, resample;
};

/* The end of interrupt in the guest unmasks the line of @dev. */
static void wire(struct vst_vm *vm, struct vst_dev *dev, int fd, int resample)
{
	vst_irqfd(vm, fd, VST_VM_LINE_GSI, resample);
	vst_irq_eventfds(dev, INTX, 0, 1, &fd);
	vst_set_irqs(dev, INTX, VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD, 0, 1,
		     &resample);
}

FIXTURE_SETUP(line)
{
	VST_NEEDS(VST_CAN_IRQ);
	VST_NEEDS_KVM();
	self->dev = vst_open_master(vst_bdf());
	self->vm = vst_vm_open();
	self->fd = vst_eventfd();
	self->resample = vst_eventfd();
	wire(self->vm, self->dev, self->fd, self->resample);
}

FIXTURE_TEARDOWN(line)
{
	vst_vm_close(self->vm);
	vst_close(self->dev);
}

TEST_F(line, interrupts_the_guest)
{
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	vst_uart_raise(self->dev, 0);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
}

/* uapi: INTX.LEVEL SET_IRQS.INTX.UNMASK_EVENTFD */
TEST_F(line, that_stays_comes_again_after_each_end_of_interrupt)
{
	int i;

	vst_uart_raise(self->dev, 0);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
	vst_uart_lower(self->dev, 0);
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
}

TEST_F(line, that_went_down_in_the_handler_comes_once)
{
	int i;

	for (i = 0; i < 4; i++) {
		vst_uart_raise(self->dev, 0);
		EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
		vst_uart_lower(self->dev, 0);
		EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	}
}

TEST_F(line, end_of_interrupt_that_unmasks_nothing_is_told_to_us)
{
	int none = -1;

	vst_set_irqs(self->dev, INTX, VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD, 0, 1,
		     &none);
	vst_uart_raise(self->dev, 0);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
	EXPECT_EQ(0, vst_event_count(self->resample));
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	EXPECT_EQ(1, vst_event_wait(self->resample));
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
}

TEST_F(line, that_is_taken_off_while_up_is_down_for_the_guest)
{
	vst_uart_raise(self->dev, 0);
	vst_irqfd_off(self->vm, self->fd, VST_VM_LINE_GSI);
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
}

/* uapi: INTX.DISABLE */
TEST_F(line, disable_bit_keeps_it_from_the_guest)
{
	vst_command(self->dev, PCI_COMMAND_INTX_DISABLE, 0);
	vst_uart_raise(self->dev, 0);
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	vst_command(self->dev, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
}

TEST_F(line, is_shared_by_two_cards)
{
	struct vst_card card;
	struct vst_dev *dev;

	vst_card_plug(&card, "ports=1");
	dev = vst_open_in(card.bdf[0], self->dev->iommu);
	vst_master(dev, true);
	wire(self->vm, dev, vst_eventfd(), vst_eventfd());
	vst_uart_raise(self->dev, 0);
	vst_uart_raise(dev, 0);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
	vst_uart_lower(self->dev, 0);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
	vst_uart_lower(dev, 0);
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_LINE));
	vst_uart_raise(self->dev, 0);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
	vst_close(dev);
	vst_card_destroy(&card);
}

TEST_F(line, resample_by_what_is_no_eventfd_is_refused)
{
	int null = open("/dev/null", O_RDWR), fd = vst_eventfd();

	EXPECT_EQ(-EINVAL, __vst_irqfd(self->vm, fd, VST_VM_LINE_GSI, null));
	close(null);
	EXPECT_EQ(-EBADF, __vst_irqfd(self->vm, fd, VST_VM_LINE_GSI, null));
}

TEST_F(line, machine_that_ends_in_a_handler_leaves_it_masked)
{
	vst_uart_raise(self->dev, 0);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_LINE));
	vst_vm_close(self->vm);
	self->vm = NULL;
	EXPECT_EQ(0, vst_event_count(self->fd));
	vst_irq_unmask(self->dev, INTX);
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

/* ---- writes of the guest ---- */

FIXTURE(doorbell) {
	struct vst_dev *dev;
	struct vst_vm *vm;
	int fd;
};

FIXTURE_SETUP(doorbell)
{
	VST_NEEDS(VST_CAN_IRQ | VST_CAN_VFIO);
	VST_NEEDS_KVM();
	self->dev = vst_open_master(vst_bdf());
	self->vm = vst_vm_open();
	self->fd = vst_eventfd();
}

FIXTURE_TEARDOWN(doorbell)
{
	vst_vm_close(self->vm);
	vst_close(self->dev);
}

/* A signal writes @val, four bytes, at @off of the control BAR. fd -1: no more. */
static void on_signal_write(struct vst_dev *dev, u64 off, u32 val, int fd)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = dev->region[CARD].offset + off,
		.data = val,
		.fd = fd,
	};

	vst_ioctl(dev, VFIO_DEVICE_IOEVENTFD, &io);
}

TEST_F(doorbell, comes_to_us_while_nobody_takes_it)
{
	EXPECT_TRUE(vst_vm_round(self->vm, VST_VM_DOORBELL));
}

/* uapi: IOEVENTFD */
TEST_F(doorbell, writes_a_register_of_the_card)
{
	on_signal_write(self->dev, SRC, 0xfeed, self->fd);
	vst_kvm_ioeventfd(self->vm, self->fd, VST_VM_DOORBELL, -1, true);
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_DOORBELL));
	EXPECT_TRUE(vst_until(vst_read32(self->dev, CARD, SRC) == 0xfeed, VST_DEADLINE_MS));
}

TEST_F(doorbell, writes_by_the_value_that_was_agreed_on_only)
{
	on_signal_write(self->dev, SRC, 0xfeed, self->fd);
	vst_kvm_ioeventfd(self->vm, self->fd, VST_VM_DOORBELL, 7, true);
	vst_vm_doorbell(self->vm, 6);
	EXPECT_TRUE(vst_vm_round(self->vm, VST_VM_DOORBELL));
	EXPECT_EQ(0, vst_read32(self->dev, CARD, SRC));
	vst_vm_doorbell(self->vm, 7);
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_DOORBELL));
	EXPECT_TRUE(vst_until(vst_read32(self->dev, CARD, SRC) == 0xfeed, VST_DEADLINE_MS));
}

/* uapi: IOEVENTFD */
TEST_F(doorbell, each_value_writes_where_it_was_told_to)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		int fd = vst_eventfd();

		on_signal_write(self->dev, VLAB_SERIAL_MEM + 4 * i, 0x100 + i, fd);
		vst_kvm_ioeventfd(self->vm, fd, VST_VM_DOORBELL, i, true);
	}
	for (i = 0; i < 4; i++) {
		vst_vm_doorbell(self->vm, i);
		EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_DOORBELL));
		EXPECT_TRUE(vst_until(vst_read32(self->dev, CARD, VLAB_SERIAL_MEM + 4 * i) ==
				      0x100 + i, VST_DEADLINE_MS));
	}
}

TEST_F(doorbell, answer_of_the_card_interrupts_the_guest)
{
	int irq = vst_eventfd();

	vst_irqfd(self->vm, irq, VST_VM_MSI_GSI, -1);
	vst_irq_eventfds(self->dev, MSIX, 0, 1, &irq);
	on_signal_write(self->dev, SEND, 0, self->fd);
	vst_kvm_ioeventfd(self->vm, self->fd, VST_VM_DOORBELL, -1, true);
	EXPECT_TRUE(vst_vm_sees(self->vm, VST_VM_MESSAGE));
}

/* uapi: IOEVENTFD */
TEST_F(doorbell, that_the_card_took_no_more_of_signals_us_alone)
{
	on_signal_write(self->dev, SRC, 0xfeed, self->fd);
	on_signal_write(self->dev, SRC, 0xfeed, -1);
	vst_kvm_ioeventfd(self->vm, self->fd, VST_VM_DOORBELL, -1, true);
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_DOORBELL));
	EXPECT_EQ(1, vst_event_wait(self->fd));
	EXPECT_EQ(0, vst_read32(self->dev, CARD, SRC));
}

TEST_F(doorbell, that_was_taken_off_the_machine_comes_to_us_again)
{
	on_signal_write(self->dev, SRC, 0xfeed, self->fd);
	vst_kvm_ioeventfd(self->vm, self->fd, VST_VM_DOORBELL, -1, true);
	vst_kvm_ioeventfd(self->vm, self->fd, VST_VM_DOORBELL, -1, false);
	EXPECT_TRUE(vst_vm_round(self->vm, VST_VM_DOORBELL));
	EXPECT_EQ(0, vst_read32(self->dev, CARD, SRC));
}

TEST_F(doorbell, of_a_card_that_is_gone_does_no_harm)
{
	on_signal_write(self->dev, SRC, 0xfeed, self->fd);
	vst_kvm_ioeventfd(self->vm, self->fd, VST_VM_DOORBELL, -1, true);
	vst_close(self->dev);
	self->dev = NULL;
	EXPECT_FALSE(vst_vm_round(self->vm, VST_VM_DOORBELL));
	EXPECT_EQ(1, vst_event_wait(self->fd));
}

int main(int argc, char **argv)
{
	static const char *const attrs[] = { "model=serial", "ports=1", "msi=8", "msix=8", NULL };

	exit(vst_main(argc, argv, attrs, test_harness_run));
}
