// SPDX-License-Identifier: GPL-2.0-only
/*
 * fail-nth FUNCTION FILE TEXT [FILE TEXT] - write to a file of the kernel's while an
 * allocation fails
 *
 * Of those that are made on behalf of FUNCTION, the first fails, then the second, and
 * so on, until none is left. A write that succeeds is undone by the second FILE and
 * TEXT. Wants CONFIG_FAULT_INJECTION_STACKTRACE_FILTER: lane fault. See README.md.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ALLOCATIONS	1000

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static void set(const char *what, const char *knob, const char *format, unsigned long long n)
{
	char path[80], text[24];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", what, knob);
	snprintf(text, sizeof(text), format, n);
	if (put(path, text))
		err(2, "%s", path);
}

/* Where it begins, and the next one, as symbols are in no order. */
static void find(const char *function, unsigned long long *start, unsigned long long *end)
{
	unsigned long long addr;
	char name[256];
	FILE *file;

	*start = 0;
	*end = ~0ULL;
	file = fopen("/proc/kallsyms", "r");
	while (file && fscanf(file, "%llx %*c %255s%*[^\n]", &addr, name) == 2)
		if (!strcmp(name, function))
			*start = addr;
	if (!*start)
		errx(2, "no function %s", function);
	rewind(file);
	while (fscanf(file, "%llx %*c %255s%*[^\n]", &addr, name) == 2)
		if (addr > *start && addr < *end)
			*end = addr;
	fclose(file);
}

static void filter(const char *what, unsigned long long start, unsigned long long end)
{
	set(what, "ignore-gfp-wait", "N", 0);
	set(what, "verbose", "%llu", 0);
	set(what, "stacktrace-depth", "%llu", 32);
	set(what, "require-start", "0x%llx", start);
	set(what, "require-end", "0x%llx", end);
}

/* Does allocation @n of the write fail? 0: there are fewer. */
static int write_failing(int fd, unsigned int n, char **file_text, int *ret)
{
	char text[16] = "";

	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		err(2, "fail-nth");
	*ret = put(file_text[0], file_text[1]);
	if (pread(fd, text, sizeof(text), 0) <= 0 || pwrite(fd, "0", 1, 0) < 0)
		err(2, "fail-nth");
	return !strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR), ret, failed = 1;
	unsigned long long start, end;
	unsigned int n;

	if (argc != 4 && argc != 6)
		errx(2, "usage: fail-nth FUNCTION FILE TEXT [FILE TEXT]");
	if (fd < 0)
		err(2, "fail-nth");
	find(argv[1], &start, &end);
	filter("failslab", start, end);
	filter("fail_page_alloc", start, end);
	set("fail_page_alloc", "min-order", "%llu", 0);
	for (n = 1; failed && n < MAX_ALLOCATIONS; n++) {
		failed = write_failing(fd, n, &argv[2], &ret);
		printf("allocation %u%s: %s\n", n, failed ? "" : " is not there",
		       ret ? "refused" : "done");
		fflush(stdout);
		if (!ret && argc == 6)
			put(argv[4], argv[5]);
	}
	return 0;
}
