// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - what the kernel traced of each test, for vm run --report
 *
 * The harness knows no hook, but says on stdout when a test begins and how it ended.
 * So stdout goes through here, and each such line is when to look. With VLAB_TRACE in
 * the environment only; it names the file to append to:
 *
 *	test PROGRAM/NAME BEGIN MICROSECONDS
 *	... lines of trace_pipe
 *	more BYTES
 *
 * BEGIN is in microseconds, too, by the clock of the lines.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

#define TRACING		"/sys/kernel/tracing"
#define MAX_BYTES	24576	/* of one test: some 250 events */

static struct {
	int out, pipe, console;
	u64 begun;
} trace = { .out = -1, .pipe = -1, .console = STDOUT_FILENO };

static u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* What is not written in one go, is not written. */
static void put(const char *text, size_t len)
{
	if (write(trace.out, text, len) < 0)
		trace.out = -1;
}

/* All that was traced until now. Keeps what fits in, and tells how much it was. */
static size_t drain(char *keep, size_t size, size_t *kept)
{
	char buf[4096];
	size_t all = 0;
	ssize_t n;

	*kept = 0;
	while ((n = read(trace.pipe, buf, sizeof(buf))) > 0) {
		if (all + n <= size) {
			memcpy(keep + all, buf, n);
			*kept = all + n;
		}
		all += n;
	}
	return all;
}

static void begin(void)
{
	size_t kept;

	__vst_file_write(TRACING "/events/vfiolab/enable", "1");	/* the module may be new */
	drain(NULL, 0, &kept);
	trace.begun = now_us();
}

static void end(const char *name, size_t len)
{
	char keep[MAX_BYTES], line[512];
	size_t kept, all;

	len = snprintf(line, sizeof(line), "test %s/%.*s %llu %llu\n",
		       program_invocation_short_name, (int)len, name, trace.begun,
		       now_us() - trace.begun);
	all = drain(keep, sizeof(keep), &kept);
	put(line, len);
	put(keep, kept);
	if (all > kept)
		put(line, snprintf(line, sizeof(line), "more %zu\n", all - kept));
}

/* "#  RUN           NAME ...", "ok 1 NAME", "not ok 2 NAME # SKIP why" */
static void look_at(const char *line, size_t len)
{
	char text[512], name[256];

	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	if (!strncmp(text, "#  RUN ", 7))
		begin();
	else if (sscanf(text, "ok %*d %255s", name) == 1 ||
		 sscanf(text, "not ok %*d %255s", name) == 1)
		end(name, strlen(name));
}

static ssize_t see_output(void *cookie, const char *buf, size_t len)
{
	const char *line = buf, *next;
	const int *fd = cookie;

	for (; line < buf + len && trace.out >= 0; line = next) {
		next = memchr(line, '\n', buf + len - line);
		next = next ? next + 1 : buf + len;
		look_at(line, next - line);
	}
	return write(*fd, buf, len);
}

void vst_trace_start(void)
{
	const char *path = getenv("VLAB_TRACE");
	FILE *file;

	if (!path)
		return;
	trace.out = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	trace.pipe = open(TRACING "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (trace.out < 0 || trace.pipe < 0)
		return;
	__vst_file_write(TRACING "/trace_clock", "mono");
	__vst_file_write(TRACING "/options/overwrite", "0");
	__vst_file_write(TRACING "/buffer_size_kb", "64");
	file = fopencookie(&trace.console, "w", (cookie_io_functions_t){ .write = see_output });
	vst_assert(file);
	stdout = file;
}
