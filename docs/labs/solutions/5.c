// SPDX-License-Identifier: GPL-2.0-only
int main(int argc, char **argv)
{
	char *page;

	if (argc < 4 || strcmp(argv[2], "back"))
		errx(2, "usage: lab5 BDF back TEXT");
	vfio_open(argv[1]);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(page, PAGE, "%s", argv[3]);
	map(page, VFIO_DMA_MAP_FLAG_READ);
	out(VLAB_SERIAL_DMA + VLAB_DMA_SRC, IOVA, 8);
	out(VLAB_SERIAL_DMA + VLAB_DMA_DST, 0, 8);
	out(VLAB_SERIAL_DMA + VLAB_DMA_LEN, PAGE, 8);
	out(VLAB_SERIAL_DMA + VLAB_DMA_CTRL, VLAB_DMA_CTRL_START | VLAB_DMA_CTRL_DST_CARD, 4);
	while (in(VLAB_SERIAL_DMA + VLAB_DMA_STATUS, 4) & VLAB_DMA_ST_BUSY)
		;
	puts(card_memory());
	return 0;
}
