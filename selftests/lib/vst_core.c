// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - failing, waiting, bytes, small files
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "vst.h"

void vst_fail(const char *file, int line, const char *what, int err)
{
	fprintf(stderr, "# %s:%d: %s", file, line, what);
	if (err)
		fprintf(stderr, ": %s (%d)", strerror(err), err);
	fputc('\n', stderr);
	fflush(NULL);
	_exit(KSFT_FAIL);
}

u64 vst_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

u64 vst_number(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

u64 vst_seed(void)
{
	u64 seed = vst_number("VLAB_SEED", 1);

	while (!seed)
		vst_assert(getrandom(&seed, sizeof(u32), 0) == sizeof(u32));
	ksft_print_msg("VLAB_SEED=%llu\n", seed);
	return seed;
}

unsigned int vst_deadline_ms(void)
{
	return 10000 * vst_number("VLAB_PATIENCE", 1);
}

void vst_relax(void)
{
	sched_yield();
}

/* xorshift64*, a word at a time. */
void vst_fill(void *buf, size_t len, u64 seed)
{
	u64 x = seed * 0x9e3779b97f4a7c15ULL + 1;
	u8 *p = buf;

	while (len) {
		size_t n = len < sizeof(x) ? len : sizeof(x);

		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		memcpy(p, &x, n);
		p += n;
		len -= n;
	}
}

ssize_t vst_differs(const void *a, const void *b, size_t len)
{
	const u8 *p = a, *q = b;
	size_t i;

	if (!memcmp(a, b, len))
		return -1;
	for (i = 0; p[i] == q[i]; i++)
		;
	return i;
}

int __vst_file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;
	int ret;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	ret = n < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int __vst_file_read(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int __vst_fdinfo(int fd, const char *field, char *buf, size_t len)
{
	char path[64], line[PATH_MAX + 64];
	size_t n = strlen(field);
	FILE *file;
	int ret = -ENOENT;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	while (ret < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, n) && line[n] == ':')
			ret = snprintf(buf, len, "%.*s", (int)strcspn(line + n + 2, "\n"),
				       line + n + 2);
	fclose(file);
	return ret;
}

unsigned long vst_locked(pid_t pid)
{
	char path[32] = "/proc/self/status", text[4096], *line;
	unsigned long kb;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
	vst_file_read(path, text, sizeof(text));
	line = strstr(text, "VmLck:");
	vst_assert(line && sscanf(line, "VmLck: %lu kB", &kb) == 1);
	return kb * 1024 / VST_PAGE;
}
