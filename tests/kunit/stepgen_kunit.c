// SPDX-License-Identifier: GPL-2.0-only
/*
 * Step times in the kernel's own arithmetic, against values worked out with
 * 60 decimal digits from the definition in stepgen.h.
 */
#include <kunit/test.h>
#include <linux/kernel.h>

#include "../../kmod/stepgen.c"

#define HZ_NHZ	1000000000ULL		/* 1 step/s */
#define QUARTER	(ND_STEP_ASTEPS / 4)

struct cruise_case {
	const char *name;
	u64 rate_nhz;
	u64 fraction_asteps;
	u64 n;
	u64 due_ns;			/* exact, rounded down */
};

static const struct cruise_case cruise_cases[] = {
	{ "7919.000000003/s", 7919000000003ULL, 0, 1, 126278 },
	{ "7919.000000003/s", 7919000000003ULL, 0, 2, 252557 },
	{ "7919.000000003/s", 7919000000003ULL, 0, 1000, 126278570 },
	{ "7919.000000003/s", 7919000000003ULL, 0, 999999, 126278444247ULL },
	{ "7919.000000003/s", 7919000000003ULL, 0, 1000000, 126278570526ULL },
	{ "7919.000000003/s, in mid-step", 7919000000003ULL, 987654321987654321ULL, 1, 1558 },
	{ "7919.000000003/s, in mid-step", 7919000000003ULL, 987654321987654321ULL, 1000000,
	  126278445806ULL },
	{ "0.0001/s", 100000, 0, 1, 10000000000000ULL },
	{ "0.0001/s", 100000, 0, 2, 20000000000000ULL },
	{ "0.0001/s", 100000, 0, 3, 30000000000000ULL },
	{ "0.014/s", 14000000, 0, 1, 71428571428ULL },
	{ "0.014/s", 14000000, 0, 1000, 71428571428571ULL },
	{ "1/s", 1 * HZ_NHZ, 0, 1, 1000000000 },
	{ "1/s", 1 * HZ_NHZ, 0, 86400, 86400000000000ULL },
	{ "333.333333333/s", 333333333333ULL, 0, 1, 3000000 },
	{ "333.333333333/s", 333333333333ULL, 0, 3, 9000000 },
	{ "333.333333333/s", 333333333333ULL, 0, 1000000, 3000000000003ULL },
	{ "40000/s", 40000000000000ULL, 0, 1, 25000 },
	{ "40000/s", 40000000000000ULL, 0, 1000000, 25000000000ULL },
	{ "one in ten hours, half-way", 27777, ND_STEP_ASTEPS / 2, 1, 18000504014112ULL },
	{ "one in ten hours, half-way", 27777, ND_STEP_ASTEPS / 2, 2, 54001512042337ULL },
};

struct ramp_case {
	const char *name;
	u64 v0_nhz;
	u64 v1_nhz;
	u64 steps;
	u64 fraction_asteps;
	u64 n;
	u64 due_ns;			/* exact, rounded down */
	u64 allowed_ns;			/* 0.1 % of the local period, 10 us; 1 ns at the end */
};

static const struct ramp_case ramp_cases[] = {
	{ "1 to 200/s", 1 * HZ_NHZ, 200 * HZ_NHZ, 400, 0, 1, 180999549, 10000 },
	{ "1 to 200/s", 1 * HZ_NHZ, 200 * HZ_NHZ, 400, 0, 2, 263551999, 10000 },
	{ "1 to 200/s", 1 * HZ_NHZ, 200 * HZ_NHZ, 400, 0, 200, 2808532693ULL, 7079 },
	{ "1 to 200/s", 1 * HZ_NHZ, 200 * HZ_NHZ, 400, 0, 399, 3975096373ULL, 5009 },
	{ "1 to 200/s", 1 * HZ_NHZ, 200 * HZ_NHZ, 400, 0, 400, 3980099502ULL, 1 },
	{ "200 to 1/s", 200 * HZ_NHZ, 1 * HZ_NHZ, 400, 0, 1, 5003128, 5003 },
	{ "200 to 1/s", 200 * HZ_NHZ, 1 * HZ_NHZ, 400, 0, 2, 10012531, 5009 },
	{ "200 to 1/s", 200 * HZ_NHZ, 1 * HZ_NHZ, 400, 0, 200, 1171566809, 7062 },
	{ "200 to 1/s", 200 * HZ_NHZ, 1 * HZ_NHZ, 400, 0, 399, 3799099952ULL, 10000 },
	{ "200 to 1/s", 200 * HZ_NHZ, 1 * HZ_NHZ, 400, 0, 400, 3980099502ULL, 1 },
	{ "50 to 20000/s", 50 * HZ_NHZ, 20000 * HZ_NHZ, 4000, 0, 1, 5403138, 5403 },
	{ "50 to 20000/s", 50 * HZ_NHZ, 20000 * HZ_NHZ, 4000, 0, 2, 8000022, 2596 },
	{ "50 to 20000/s", 50 * HZ_NHZ, 20000 * HZ_NHZ, 4000, 0, 2000, 281845357, 70 },
	{ "50 to 20000/s", 50 * HZ_NHZ, 20000 * HZ_NHZ, 4000, 0, 3999, 398952490, 50 },
	{ "50 to 20000/s", 50 * HZ_NHZ, 20000 * HZ_NHZ, 4000, 0, 4000, 399002493, 1 },
	{ "20000 to 50/s, in mid-step", 20000 * HZ_NHZ, 50 * HZ_NHZ, 4000, QUARTER, 1, 37501, 37 },
	{ "20000 to 50/s, in mid-step", 20000 * HZ_NHZ, 50 * HZ_NHZ, 4000, QUARTER, 2, 87509, 50 },
	{ "20000 to 50/s, in mid-step", 20000 * HZ_NHZ, 50 * HZ_NHZ, 4000, QUARTER, 2000,
	  117140974, 70 },
	{ "20000 to 50/s, in mid-step", 20000 * HZ_NHZ, 50 * HZ_NHZ, 4000, QUARTER, 3999,
	  393574560, 2596 },
	{ "20000 to 50/s, in mid-step", 20000 * HZ_NHZ, 50 * HZ_NHZ, 4000, QUARTER, 4000,
	  398977556, 1 },
	{ "10 to 40000/s in 100 s", 10 * HZ_NHZ, 40000 * HZ_NHZ, 2000500, 0, 1, 50004167, 10000 },
	{ "10 to 40000/s in 100 s", 10 * HZ_NHZ, 40000 * HZ_NHZ, 2000500, 0, 2, 78085034, 10000 },
	{ "10 to 40000/s in 100 s", 10 * HZ_NHZ, 40000 * HZ_NHZ, 2000500, 0, 1000250,
	  70703356167ULL, 35 },
	{ "10 to 40000/s in 100 s", 10 * HZ_NHZ, 40000 * HZ_NHZ, 2000500, 0, 2000499,
	  99999974999ULL, 25 },
	{ "10 to 40000/s in 100 s", 10 * HZ_NHZ, 40000 * HZ_NHZ, 2000500, 0, 2000500,
	  100000000000ULL, 1 },
	{ "40000 to 10/s in 100 s", 40000 * HZ_NHZ, 10 * HZ_NHZ, 2000500, 0, 1, 25000, 25 },
	{ "40000 to 10/s in 100 s", 40000 * HZ_NHZ, 10 * HZ_NHZ, 2000500, 0, 2, 50000, 25 },
	{ "40000 to 10/s in 100 s", 40000 * HZ_NHZ, 10 * HZ_NHZ, 2000500, 0, 1000250,
	  29296643832ULL, 35 },
	{ "40000 to 10/s in 100 s", 40000 * HZ_NHZ, 10 * HZ_NHZ, 2000500, 0, 2000499,
	  99949995832ULL, 10000 },
	{ "40000 to 10/s in 100 s", 40000 * HZ_NHZ, 10 * HZ_NHZ, 2000500, 0, 2000500,
	  100000000000ULL, 1 },
	{ "rest to 40000/s", 0, 40000 * HZ_NHZ, 800, 0, 1, 1414213, 1414 },
	{ "rest to 40000/s", 0, 40000 * HZ_NHZ, 800, 0, 2, 2000000, 585 },
	{ "rest to 40000/s", 0, 40000 * HZ_NHZ, 800, 0, 400, 28284271, 35 },
	{ "rest to 40000/s", 0, 40000 * HZ_NHZ, 800, 0, 799, 39974992, 25 },
	{ "rest to 40000/s", 0, 40000 * HZ_NHZ, 800, 0, 800, 40000000, 1 },
	{ "40000/s to rest", 40000 * HZ_NHZ, 0, 800, 0, 1, 25007, 25 },
	{ "40000/s to rest", 40000 * HZ_NHZ, 0, 800, 0, 2, 50031, 25 },
	{ "40000/s to rest", 40000 * HZ_NHZ, 0, 800, 0, 400, 11715728, 35 },
	{ "40000/s to rest", 40000 * HZ_NHZ, 0, 800, 0, 799, 38585786, 585 },
	{ "40000/s to rest", 40000 * HZ_NHZ, 0, 800, 0, 800, 40000000, 1 },
	{ "rest to 40000/s in 2^31 steps", 0, 40000 * HZ_NHZ, 1ULL << 31, 0, 1,
	  2317047500ULL, 10000 },
	{ "rest to 40000/s in 2^31 steps", 0, 40000 * HZ_NHZ, 1ULL << 31, 0, 2,
	  3276800000ULL, 10000 },
	{ "rest to 40000/s in 2^31 steps", 0, 40000 * HZ_NHZ, 1ULL << 31, 0, 1073741824,
	  75925012499401ULL, 35 },
	{ "rest to 40000/s in 2^31 steps", 0, 40000 * HZ_NHZ, 1ULL << 31, 0, 2147483647,
	  107374182374999ULL, 25 },
	{ "rest to 40000/s in 2^31 steps", 0, 40000 * HZ_NHZ, 1ULL << 31, 0, 1ULL << 31,
	  107374182400000ULL, 1 },
	{ "rest to 0.0001/s", 0, 100000, 3, 0, 1, 34641016151377ULL, 10000 },
	{ "rest to 0.0001/s", 0, 100000, 3, 0, 2, 48989794855663ULL, 10000 },
	{ "rest to 0.0001/s", 0, 100000, 3, 0, 3, 60000000000000ULL, 1 },
	{ "1 to 200/s in 7 steps", 1 * HZ_NHZ, 200 * HZ_NHZ, 7, QUARTER, 1, 22165304, 10000 },
	{ "1 to 200/s in 7 steps", 1 * HZ_NHZ, 200 * HZ_NHZ, 7, QUARTER, 2, 34033896, 10000 },
	{ "1 to 200/s in 7 steps", 1 * HZ_NHZ, 200 * HZ_NHZ, 7, QUARTER, 3, 42748571, 8714 },
	{ "1 to 200/s in 7 steps", 1 * HZ_NHZ, 200 * HZ_NHZ, 7, QUARTER, 6, 61963863, 5675 },
	{ "1 to 200/s in 7 steps", 1 * HZ_NHZ, 200 * HZ_NHZ, 7, QUARTER, 7, 67164179, 1 },
};

struct product_case {
	u64 a, b, c, quotient;
};

static const struct product_case product_cases[] = {
	{ 0, 5, 7, 0 },
	{ ~0ULL, ~0ULL, ~0ULL, ~0ULL },
	{ ~0ULL, 0xfffffffffffffffeULL, ~0ULL, 0xfffffffffffffffeULL },
	{ 0x8000000000000000ULL, 2, 0x100000000ULL, 0x100000000ULL },
	{ 0x123456789abcdef0ULL, 0xfedcba9876543210ULL, 0xfedcba9876543211ULL,
	  0x123456789abcdeefULL },
	{ 1000000000000000000ULL, 4294967296ULL, 7919000000003ULL, 542362330597092ULL },
	/* digits whose first guess is two too large */
	{ 0xffffffff00000000ULL, 0x8000000000000000ULL, 0x80000000ffffffffULL,
	  0xfffffffd00000007ULL },
};

static void stepgen_cruise_step_is_due_at_the_exact_time(struct kunit *test)
{
	const struct cruise_case *c = test->param_value;
	struct nd_segment segment;
	u64 n;

	nd_segment_cruise(&segment, 0, c->fraction_asteps, c->rate_nhz, c->n);
	for (n = 1; n < c->n; n++)
		KUNIT_ASSERT_TRUE(test, nd_segment_advance(&segment));
	KUNIT_EXPECT_EQ(test, segment.due_ns, c->due_ns);
	KUNIT_EXPECT_FALSE(test, nd_segment_advance(&segment));
	KUNIT_EXPECT_EQ(test, segment.last_ns, c->due_ns);
}

static void stepgen_ramp_step_is_due_within_what_is_allowed(struct kunit *test)
{
	const struct ramp_case *c = test->param_value;
	struct nd_segment segment;

	nd_segment_ramp(&segment, 0, c->fraction_asteps, c->v0_nhz, c->v1_nhz, c->steps);
	if (c->n > 1) {
		/* as if the steps before had been made */
		segment.next = c->n - 1;
		KUNIT_ASSERT_TRUE(test, nd_segment_advance(&segment));
	}
	KUNIT_EXPECT_LE(test, segment.due_ns, c->due_ns + c->allowed_ns);
	KUNIT_EXPECT_GE(test, segment.due_ns + c->allowed_ns, c->due_ns);
}

static void stepgen_chain_keeps_what_is_below_a_nanosecond(struct kunit *test)
{
	struct nd_segment segment;
	u64 now_ns = 0;
	u32 sub_ns = 0;
	int i;

	/* a step up to 3 steps/s, one along, one down: 5/3 s in all, a thousand times */
	for (i = 0; i < 3000; i++) {
		if (i % 3 == 1)
			nd_segment_cruise(&segment, now_ns, 0, 3 * HZ_NHZ, 1);
		else
			nd_segment_ramp(&segment, now_ns, 0, i % 3 ? 3 * HZ_NHZ : 0,
					i % 3 ? 0 : 3 * HZ_NHZ, 1);
		nd_segment_carry(&segment, sub_ns);
		KUNIT_EXPECT_FALSE(test, nd_segment_advance(&segment));
		now_ns = segment.last_ns;
		sub_ns = nd_segment_sub_ns(&segment);
	}
	KUNIT_EXPECT_EQ(test, now_ns, 1666666666666ULL);
	/* two thirds, in 2^-32, less the rounding of 3000 joints */
	KUNIT_EXPECT_LE(test, sub_ns, 2863311530U);
	KUNIT_EXPECT_GE(test, sub_ns, 2863311530U - 4000);
}

static void stepgen_product_by_quotient_is_exact(struct kunit *test)
{
	const struct product_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, nd_mul_div(c->a, c->b, c->c), c->quotient);
}

static void stepgen_rate_changed_in_mid_step_loses_no_part_of_it(struct kunit *test)
{
	/* 15 and 16 steps/s in turn, 20 ms each: 1860 steps in two minutes */
	struct nd_segment segment;
	u64 now_ns = 0, count = 0;
	int i;

	nd_segment_cruise(&segment, 0, 0, 15 * HZ_NHZ, ND_STEPS_UNLIMITED);
	for (i = 1; i <= 6000; i++) {
		now_ns += 20000000;
		while (segment.due_ns <= now_ns) {
			count++;
			nd_segment_advance(&segment);
		}
		nd_segment_cruise(&segment, now_ns, nd_segment_fraction(&segment, now_ns),
				  (15 + i % 2) * HZ_NHZ, ND_STEPS_UNLIMITED);
	}
	KUNIT_EXPECT_EQ(test, count, 1860);
	KUNIT_EXPECT_EQ(test, nd_segment_fraction(&segment, now_ns), 0);
}

static void stepgen_ramp_steps_are_rounded_up(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, nd_ramp_steps(0, 200 * HZ_NHZ, 100 * HZ_NHZ, 0), 200);
	KUNIT_EXPECT_EQ(test, nd_ramp_steps(200 * HZ_NHZ, 0, 100 * HZ_NHZ, 1), 201);
	KUNIT_EXPECT_EQ(test, nd_ramp_steps(200 * HZ_NHZ + 1, 0, 100 * HZ_NHZ, 0), 201);
	KUNIT_EXPECT_EQ(test, nd_ramp_steps(0, ND_RATE_MAX_NHZ, 1, 0), ~0ULL);
}

static void stepgen_square_root_is_never_too_large(struct kunit *test)
{
	static const u64 roots[] = {
		1, 3, 4, 0xffff, 0xffffffff, 0x100000001ULL, 0x1fffffffffffffULL,
	};
	int i;

	KUNIT_EXPECT_EQ(test, nd_sqrt_wide(nd_wide(0)), 0);
	for (i = 0; i < ARRAY_SIZE(roots); i++) {
		struct nd_wide square = nd_wide_mul(roots[i], roots[i]);
		u64 below = nd_sqrt_wide(nd_wide_sub(square, nd_wide(1)));

		KUNIT_EXPECT_LE(test, nd_sqrt_wide(square), roots[i]);
		KUNIT_EXPECT_GE(test, nd_sqrt_wide(square), roots[i] - 1);
		KUNIT_EXPECT_LT(test, below, roots[i]);
		KUNIT_EXPECT_GE(test, below + 2, roots[i]);
	}
}

static void stepgen_describe_cruise(const struct cruise_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s, step %llu", c->name, c->n);
}

static void stepgen_describe_ramp(const struct ramp_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s, step %llu", c->name, c->n);
}

static void stepgen_describe_product(const struct product_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "0x%llx * 0x%llx / 0x%llx", c->a, c->b, c->c);
}

KUNIT_ARRAY_PARAM(stepgen_cruise, cruise_cases, stepgen_describe_cruise);
KUNIT_ARRAY_PARAM(stepgen_ramp, ramp_cases, stepgen_describe_ramp);
KUNIT_ARRAY_PARAM(stepgen_product, product_cases, stepgen_describe_product);

static struct kunit_case stepgen_cases[] = {
	KUNIT_CASE_PARAM(stepgen_product_by_quotient_is_exact, stepgen_product_gen_params),
	KUNIT_CASE(stepgen_square_root_is_never_too_large),
	KUNIT_CASE_PARAM(stepgen_cruise_step_is_due_at_the_exact_time, stepgen_cruise_gen_params),
	KUNIT_CASE_PARAM(stepgen_ramp_step_is_due_within_what_is_allowed,
			 stepgen_ramp_gen_params),
	KUNIT_CASE(stepgen_chain_keeps_what_is_below_a_nanosecond),
	KUNIT_CASE(stepgen_rate_changed_in_mid_step_loses_no_part_of_it),
	KUNIT_CASE(stepgen_ramp_steps_are_rounded_up),
	{}
};

static struct kunit_suite stepgen_suite = {
	.name = "nanodose_stepgen",
	.test_cases = stepgen_cases,
};

kunit_test_suite(stepgen_suite);
