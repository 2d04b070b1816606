/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - fuzzing the pure logic: what libFuzzer and the replay of its corpus run
 */
#ifndef VFIOLAB_FUZZ_H
#define VFIOLAB_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct fuzz_target - a card that is fuzzed
 * @name: its model
 * @attrs: attributes that it has in any case, ended by NULL
 *
 * An input is lines "NAME=VALUE", attributes of the card, up to an empty one, and
 * after it things to do; see fuzz.c.
 */
struct fuzz_target {
	const char *name;
	const char *const *attrs;
};

/* The target of that name, NULL: there is none. */
const struct fuzz_target *fuzz_find(const char *name);

/* Do what the input says; ends the program when something does not hold. */
void fuzz_one(const struct fuzz_target *target, const uint8_t *data, size_t size);

#endif
