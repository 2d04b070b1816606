// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the corpus once more, without libFuzzer: replay FILE.corpus... prints TAP
 *
 * A line is an input in hexadecimal, or a comment. What an input does wrong ends the
 * program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MAX_INPUT	1024

/* Bytes in the line, 0: none. */
static size_t parse(const char *line, uint8_t *data)
{
	size_t size = 0;

	while (size < MAX_INPUT && sscanf(&line[2 * size], "%2hhx", &data[size]) == 1)
		size++;
	return size;
}

static unsigned int replay(const struct fuzz_target *target, FILE *file)
{
	static char line[2 * MAX_INPUT + 2];
	uint8_t data[MAX_INPUT];
	unsigned int n = 0;

	while (fgets(line, sizeof(line), file)) {
		size_t size = parse(line, data);

		if (!size)
			continue;
		printf("# %s", line);
		fuzz_one(target, data, size);
		n++;
	}
	return n;
}

/* Inputs of a file, 0: there are none, or no such target. */
static unsigned int replay_file(const char *path, const char *name)
{
	const struct fuzz_target *target = fuzz_find(name);
	FILE *file = fopen(path, "r");
	unsigned int n = 0;

	if (target && file)
		n = replay(target, file);
	if (file)
		fclose(file);
	return n;
}

int main(int argc, char **argv)
{
	int i, ret = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n", argc - 1);
	for (i = 1; i < argc; i++) {
		const char *base = strrchr(argv[i], '/');
		char name[32];
		unsigned int n;

		snprintf(name, sizeof(name), "%s", base ? base + 1 : argv[i]);
		name[strcspn(name, ".")] = 0;
		n = replay_file(argv[i], name);
		printf("%sok %d fuzz: %s: %u inputs\n", n ? "" : "not ", i, name, n);
		ret |= !n;
	}
	return ret;
}
