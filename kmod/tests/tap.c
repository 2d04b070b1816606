// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests: runs all, prints TAP; with an argument those whose name
 * contains it
 */
#include <stdio.h>
#include <string.h>

#include "tap.h"

static struct test *first, **last = &first;
static unsigned int failures;	/* of the case that runs */

void tap_add(struct test *test)
{
	*last = test;
	last = &test->next;
}

void tap_fail(const char *file, int line, const char *what, long long want, long long got)
{
	printf("# %s:%d: %s is %#llx, not %#llx\n", file, line, what, got, want);
	failures++;
}

static bool run(const struct test *test, unsigned int number)
{
	const char *base = strrchr(test->file, '/');

	failures = 0;
	test->run();
	printf("%sok %u %s: %s\n", failures ? "not " : "", number,
	       base ? base + 1 : test->file, test->name);
	return !failures;
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";
	const struct test *test;
	unsigned int number = 0;
	int ret = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
	for (test = first; test; test = test->next)
		if (strstr(test->name, part) && !run(test, ++number))
			ret = 1;
	printf("1..%u\n", number);
	return ret;
}
