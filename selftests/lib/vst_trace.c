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
 *	more LINES
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
	int out, console;
	FILE *pipe;
	u64 begun;
} trace = { .out = -1, .console = STDOUT_FILENO };

/*
 * What there may be so much of that nothing else would have room: opening a device takes
 * 200 accesses to config space, and who waits for the engine reads its status.
 */
static const struct {
	const char *event;
	unsigned int max;
} quotas[] = {
	{ ": vlab_config: ", 60 },
	{ ": vlab_access: ", 120 },
};

/**
 * struct kept - of what was traced, what is to be told
 * @len: bytes of it in @text
 * @lines: by quota
 * @more: lines there were beside it
 */
struct kept {
	size_t len;
	unsigned int lines[ARRAY_SIZE(quotas)], more;
	char text[MAX_BYTES];
};

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

static bool is_too_much(struct kept *kept, const char *line)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(quotas); i++)
		if (strstr(line, quotas[i].event))
			return kept->lines[i]++ >= quotas[i].max;
	return false;
}

static void keep(struct kept *kept, const char *line)
{
	size_t len = strlen(line);

	if (is_too_much(kept, line) || kept->len + len > sizeof(kept->text)) {
		kept->more++;
		return;
	}
	memcpy(kept->text + kept->len, line, len);
	kept->len += len;
}

/* All that was traced until now. */
static void drain(struct kept *kept)
{
	char line[512];

	while (fgets(line, sizeof(line), trace.pipe))
		if (kept)
			keep(kept, line);
	clearerr(trace.pipe);
}

static void begin(void)
{
	/* The module may have come just now. */
	__vst_file_write(TRACING "/events/vfiolab/enable", "1");
	drain(NULL);
	trace.begun = now_us();
}

static void end(const char *name)
{
	u64 took = now_us() - trace.begun;
	struct kept kept = { .len = 0 };
	char line[512];

	drain(&kept);
	put(line, snprintf(line, sizeof(line), "test %s/%s %llu %llu\n",
			   program_invocation_short_name, name, trace.begun, took));
	put(kept.text, kept.len);
	if (kept.more)
		put(line, snprintf(line, sizeof(line), "more %u\n", kept.more));
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
		end(name);
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
	int pipe;

	if (!path)
		return;
	trace.out = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	pipe = open(TRACING "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (trace.out < 0 || pipe < 0)
		return;
	trace.pipe = fdopen(pipe, "r");
	__vst_file_write(TRACING "/trace_clock", "mono");
	__vst_file_write(TRACING "/options/overwrite", "0");
	__vst_file_write(TRACING "/buffer_size_kb", "128");
	file = fopencookie(&trace.console, "w", (cookie_io_functions_t){ .write = see_output });
	vst_assert(trace.pipe && file);
	stdout = file;
}
