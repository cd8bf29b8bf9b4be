/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host unit tests: a program is a list of named cases, its output is TAP.
 *
 *	TEST(parses_a_rate) { CHECK(x == 1); CHECK_NEAR(a, b, 1e-9); }
 *	int main(void) { RUN(parses_a_rate); return test_end(); }
 */
#ifndef TEST_H
#define TEST_H

#include <math.h>
#include <stdio.h>
#include <string.h>

static int test_count, test_failed, test_bad;

#define TEST(name) static void test_##name(void)

#define CHECK(condition)                                                          \
	do {                                                                      \
		if (!(condition)) {                                               \
			test_bad = 1;                                             \
			printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
		}                                                                 \
	} while (0)

#define CHECK_NEAR(value, expected, tolerance)                                    \
	do {                                                                      \
		double v_ = (value), e_ = (expected);                             \
		if (!(fabs(v_ - e_) <= (tolerance))) {                            \
			test_bad = 1;                                             \
			printf("# %s:%d: %s is %.17g, expected %.17g\n", __FILE__, \
			       __LINE__, #value, v_, e_);                         \
		}                                                                 \
	} while (0)

#define CHECK_INT(value, expected)                                                \
	do {                                                                      \
		long long v_ = (long long)(value), e_ = (long long)(expected);    \
		if (v_ != e_) {                                                   \
			test_bad = 1;                                             \
			printf("# %s:%d: %s is %lld, expected %lld\n", __FILE__,  \
			       __LINE__, #value, v_, e_);                         \
		}                                                                 \
	} while (0)

#define CHECK_TEXT(value, expected)                                               \
	do {                                                                      \
		const char *v_ = (value), *e_ = (expected);                       \
		if (!v_ || strcmp(v_, e_)) {                                      \
			test_bad = 1;                                             \
			printf("# %s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, \
			       __LINE__, #value, v_ ? v_ : "(null)", e_);         \
		}                                                                 \
	} while (0)

#define RUN(name)                                                                 \
	do {                                                                      \
		test_bad = 0;                                                     \
		test_##name();                                                    \
		test_failed += test_bad;                                          \
		printf("%s %d - %s\n", test_bad ? "not ok" : "ok", ++test_count, #name); \
		fflush(stdout);                                                   \
	} while (0)

static inline int test_end(void)
{
	printf("1..%d\n", test_count);
	return test_failed ? 1 : 0;
}

#endif /* TEST_H */
