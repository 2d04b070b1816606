// SPDX-License-Identifier: GPL-2.0-only
int main(int argc, char **argv)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX,
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.start = 2, .count = 1,
		},
		.fd = eventfd(0, EFD_SEMAPHORE),
	};
	int i, woken = 0;
	uint64_t one;

	if (argc < 4 || strcmp(argv[2], "done"))
		errx(2, "usage: lab6 BDF done N");
	vfio_open(argv[1]);
	if (ioctl(device, VFIO_DEVICE_SET_IRQS, &irq))
		err(1, "VFIO_DEVICE_SET_IRQS");
	out(VLAB_SERIAL_DMA + VLAB_DMA_VECTOR, 2, 4);
	out(VLAB_SERIAL_DMA + VLAB_DMA_DST, 2048, 8);
	out(VLAB_SERIAL_DMA + VLAB_DMA_LEN, 1024, 8);
	for (i = 0; i < atoi(argv[3]); i++) {
		out(VLAB_SERIAL_DMA + VLAB_DMA_CTRL, VLAB_DMA_CTRL_START | VLAB_DMA_CTRL_IRQ |
		    VLAB_DMA_CTRL_SRC_CARD | VLAB_DMA_CTRL_DST_CARD, 4);
		woken += read(irq.fd, &one, 8) == 8;
		out(VLAB_SERIAL_DMA + VLAB_DMA_STATUS, VLAB_DMA_ST_DONE, 4);
	}
	printf("%d\n", woken);
	return 0;
}
