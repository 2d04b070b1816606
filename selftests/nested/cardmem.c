// SPDX-License-Identifier: GPL-2.0-only
/*
 * cardmem - the memory of cards, as this side sees it
 *
 *	cardmem fill|check SEED BDF	all of it: store bytes, or compare with them
 *	cardmem reach|miss FROM TO	DMA from the memory of one into that of another, at
 *					the address that TO's BAR has here: it arrives, or
 *					is refused and leaves no trace
 *
 * Bytes of a SEED are the same on each side. By any back end (VLAB_BACKEND); reach and
 * miss are for a guest without an IOMMU, where an address is the device's, too.
 *
 * Exit status: 0, else what is wrong is printed.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest.h"
#include "vst.h"

#define CARD	VLAB_SERIAL_BAR_CTRL
#define MEM	VLAB_SERIAL_MEM

static u64 mem_size(struct vst_dev *dev)
{
	return dev->region[CARD].size - MEM;
}

static int fill(struct vst_dev *dev, u64 seed)
{
	u64 len = mem_size(dev);
	u8 *bytes = vst_anon(len);

	vst_fill(bytes, len, seed);
	vst_write(dev, CARD, MEM, bytes, len);
	return KSFT_PASS;
}

static int check(struct vst_dev *dev, u64 seed)
{
	u64 len = mem_size(dev);
	u8 *want = vst_anon(len), *have = vst_anon(len);
	ssize_t at;

	vst_fill(want, len, seed);
	vst_read(dev, CARD, MEM, have, len);
	at = vst_differs(have, want, len);
	if (at < 0)
		return KSFT_PASS;
	printf("at %#zx it has %#x, not %#x\n", at, have[at], want[at]);
	return KSFT_FAIL;
}

/* Where its BAR is: the line of that number, first word. */
static u64 bar_address(const char *bdf)
{
	unsigned long long start = 0;
	char path[PATH_MAX];
	unsigned int i;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	file = fopen(path, "r");
	vst_assert(file);
	for (i = 0; i <= CARD; i++)
		vst_assert(fscanf(file, "%llx %*x %*x", &start) == 1);
	fclose(file);
	return start;
}

static int transfer(struct vst_dev *from, const char *to)
{
	struct vst_dma dma = {
		.dst = bar_address(to) + MEM,
		.len = mem_size(from),
		.flags = VLAB_DMA_CTRL_SRC_CARD,
	};

	vst_master(from, true);
	return __vst_dma_run(from, &dma);
}

static int reach(struct vst_dev *from, struct vst_dev *to)
{
	fill(from, 3);
	fill(to, 4);
	vst_ok(transfer(from, to->bdf));
	return check(to, 3);
}

static int miss(struct vst_dev *from, struct vst_dev *to)
{
	u32 error;
	int ret;

	fill(to, 4);
	ret = transfer(from, to->bdf);
	error = vst_dma_read32(from, VLAB_DMA_ERROR);
	if (ret == -EIO && error == VLAB_DMA_ERR_NOMAP)
		return check(to, 4);
	printf("it ended with %d, error %u\n", ret, error);
	return KSFT_FAIL;
}

static int memory_of_one(const char *what, const char *seed, const char *bdf)
{
	struct vst_dev *dev = vst_open(bdf);
	int ret = (strcmp(what, "fill") ? check : fill)(dev, strtoull(seed, NULL, 0));

	vst_close(dev);
	return ret;
}

static int memory_of_two(const char *what, const char *from, const char *to)
{
	struct vst_dev *a = vst_open(from), *b = vst_open(to);
	int ret = (strcmp(what, "reach") ? miss : reach)(a, b);

	vst_close(b);
	vst_close(a);
	return ret;
}

int main(int argc, char **argv)
{
	const char *what = argc == 4 ? argv[1] : "";

	if (!strcmp(what, "fill") || !strcmp(what, "check"))
		return memory_of_one(what, argv[2], argv[3]);
	if (!strcmp(what, "reach") || !strcmp(what, "miss"))
		return memory_of_two(what, argv[2], argv[3]);
	fprintf(stderr, "usage: cardmem fill|check SEED BDF, or reach|miss FROM TO\n");
	return 2;
}
