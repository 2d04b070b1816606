// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - fuzzing by libFuzzer: the program's name says which target
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* The names that libFuzzer looks for are not for a kernel's eyes. */
int set_up(int *argc, char ***argv) __asm__("LLVMFuzzerInitialize");
int take(const uint8_t *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

static const struct fuzz_target *target;

int set_up(int *argc, char ***argv)
{
	const char *name = strrchr((*argv)[0], '/');

	target = fuzz_find(name ? name + 1 : (*argv)[0]);
	if (target)
		return 0;
	fprintf(stderr, "%s is no target\n", (*argv)[0]);
	exit(2);
}

int take(const uint8_t *data, size_t size)
{
	fuzz_one(target, data, size);
	return 0;
}
