// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - what the kernel keeps in memory
 */
#include <errno.h>
#include <fcntl.h>
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

/*
 * Free objects of each processor's own slabs count as used, until those are given back.
 * The files stay open: the kernel frees something for each that is closed, by
 * kfree_rcu(), which may wait for five seconds and 500 more.
 */
static void give_back(unsigned int index, const char *cache)
{
	static int shrink[VST_CACHES];
	char path[96];

	if (!shrink[index]) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
		shrink[index] = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (shrink[index] > 0 && pwrite(shrink[index], "1", 1, 0) < 0)
		ksft_print_msg("%s cannot be shrunk, its objects are not exact\n", cache);
}

static void count(FILE *slabinfo, struct vst_objects *objects)
{
	char line[512];

	rewind(slabinfo);
	for (objects->n = 0; objects->n < VST_CACHES && fgets(line, sizeof(line), slabinfo);) {
		char *name = objects->cache[objects->n].name;
		long *used = &objects->cache[objects->n].used;

		if (sscanf(line, "%31s %ld", name, used) == 2 && !strncmp(name, "kmalloc-", 8))
			objects->n++;
	}
}

int __vst_kernel_objects(struct vst_objects *objects)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	unsigned int i;

	objects->n = 0;
	if (!f)
		return -errno;
	count(f, objects);
	vst_kernel_settle();
	for (i = 0; i < objects->n; i++)
		give_back(i, objects->cache[i].name);
	count(f, objects);
	fclose(f);
	return 0;
}

long vst_objects_more(const struct vst_objects *before, const struct vst_objects *now, bool say)
{
	long sum = 0, more;
	unsigned int i;

	vst_assert(before->n == now->n);
	for (i = 0; i < now->n; i++) {
		more = now->cache[i].used - before->cache[i].used;
		sum += more;
		if (say && more)
			ksft_print_msg("%s: %+ld\n", now->cache[i].name, more);
	}
	return sum;
}
