/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - unit tests: TEST(name_states_the_claim) { EXPECT_EQ(2, 1 + 1); }
 */
#ifndef VFIOLAB_TESTS_TAP_H
#define VFIOLAB_TESTS_TAP_H

#include <stdbool.h>

/**
 * struct test - one test case
 * @file: source file
 * @name: what it claims
 * @run: the case
 * @next: the one that was registered after it
 */
struct test {
	const char *file;
	const char *name;
	void (*run)(void);
	struct test *next;
};

void tap_add(struct test *test);
void tap_fail(const char *file, int line, const char *what, long long want, long long got);

#define TEST(_name)							\
	static void _name(void);					\
	static struct test _name##_test = { __FILE__, #_name, _name };	\
	static void __attribute__((constructor)) _name##_add(void)	\
	{								\
		tap_add(&_name##_test);					\
	}								\
	static void _name(void)

#define EXPECT_EQ(want, got)						\
	do {								\
		long long _want = (long long)(want);			\
		long long _got = (long long)(got);			\
									\
		if (_want != _got)					\
			tap_fail(__FILE__, __LINE__, #got, _want, _got);	\
	} while (0)

#define EXPECT_TRUE(cond)	EXPECT_EQ(true, !!(cond))
#define EXPECT_FALSE(cond)	EXPECT_EQ(false, !!(cond))

#endif
