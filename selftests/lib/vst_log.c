// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - the kernel's log
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vst.h"

int __vst_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* One record a read; EPIPE says that records were overwritten meanwhile. */
static ssize_t next_record(int fd, char *rec, size_t len)
{
	ssize_t n;

	do {
		n = read(fd, rec, len - 1);
	} while (n < 0 && errno == EPIPE);
	if (n >= 0)
		rec[n] = '\0';
	return n;
}

int vst_log_count(int fd, const char *text, char *last, size_t len)
{
	char rec[1024];
	int lines = 0;

	while (next_record(fd, rec, sizeof(rec)) >= 0) {
		const char *line = strchr(rec, ';');

		if (!line || !strstr(line, text))
			continue;
		lines++;
		if (last)
			snprintf(last, len, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	}
	return lines;
}
