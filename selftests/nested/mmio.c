// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmio FILE OFFSET.BITS[=VALUE]... - loads from and stores to a BAR, one after the other
 *
 * FILE is resourceN of a device, numbers are as in C. Prints what was loaded, a line
 * each. Exit status: 0; 1 it cannot be mapped; 2 usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static uint8_t *bar;
static size_t size;

static void map(const char *file)
{
	int fd = open(file, O_RDWR | O_SYNC);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st)) {
		size = st.st_size;
		bar = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (bar && bar != MAP_FAILED)
		return;
	fprintf(stderr, "mmio: %s: %s\n", file, strerror(errno));
	exit(1);
}

static void store(void *at, unsigned long bits, uint64_t val)
{
	switch (bits) {
	case 8:
		*(volatile uint8_t *)at = val;
		break;
	case 16:
		*(volatile uint16_t *)at = val;
		break;
	case 32:
		*(volatile uint32_t *)at = val;
		break;
	default:
		*(volatile uint64_t *)at = val;
	}
}

static uint64_t load(void *at, unsigned long bits)
{
	switch (bits) {
	case 8:
		return *(volatile uint8_t *)at;
	case 16:
		return *(volatile uint16_t *)at;
	case 32:
		return *(volatile uint32_t *)at;
	default:
		return *(volatile uint64_t *)at;
	}
}

static int access_bar(const char *text)
{
	unsigned long off, bits = 0;
	char *end;

	off = strtoul(text, &end, 0);
	if (*end == '.')
		bits = strtoul(end + 1, &end, 10);
	if ((bits != 8 && bits != 16 && bits != 32 && bits != 64) || off % (bits / 8) ||
	    off >= size || (*end && *end != '=')) {
		fprintf(stderr, "mmio: '%s' is no OFFSET.BITS[=VALUE] in %zu bytes\n", text, size);
		return 2;
	}
	if (*end)
		store(bar + off, bits, strtoull(end + 1, NULL, 0));
	else
		printf("0x%llx\n", (unsigned long long)load(bar + off, bits));
	return 0;
}

int main(int argc, char **argv)
{
	int i, ret = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: mmio FILE OFFSET.BITS[=VALUE]...\n");
		return 2;
	}
	map(argv[1]);
	for (i = 2; !ret && i < argc; i++)
		ret = access_bar(argv[i]);
	return ret;
}
