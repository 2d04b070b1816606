// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - what the kernel keeps in memory
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vst.h"

void vst_kernel_settle(void)
{
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	if (__vst_file_write("/proc/sys/vm/drop_caches", "3") ||
	    __vst_file_write("/proc/sys/vm/stat_refresh", "1"))
		ksft_print_msg("/proc/sys/vm cannot be written, memory is not exact\n");
	/* What caches let go may wait for RCU, too. */
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

long vst_meminfo_kib(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	long kib = 0, val;
	char key[64];

	vst_assert(f);
	while (fscanf(f, "%63[^:]: %ld%*[^\n]\n", key, &val) == 2)
		if (!strcmp(key, name))
			kib = val;
	fclose(f);
	return kib;
}

/* Free objects of each processor's own slabs count as used, until those are given back. */
static void give_back(const char *cache)
{
	char path[192];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	__vst_file_write(path, "1");
}

static long count(FILE *slabinfo, bool may_shrink)
{
	char line[512], cache[128];
	long used, sum = 0;

	rewind(slabinfo);
	while (fgets(line, sizeof(line), slabinfo)) {
		if (sscanf(line, "%127s %ld", cache, &used) != 2 || strncmp(cache, "kmalloc-", 8))
			continue;
		if (may_shrink)
			give_back(cache);
		sum += used;
	}
	return sum;
}

long __vst_kernel_objects(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	long sum;

	if (!f)
		return -errno;
	vst_kernel_settle();
	count(f, true);
	sum = count(f, false);
	fclose(f);
	return sum;
}
