// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Step times against exact integer arithmetic and 113-bit floating point. The
 * largest errors are printed as figures.
 */
#include <stdlib.h>

#include "stepgen.h"
#include "test.h"

typedef unsigned __int128 u128;
typedef __float128 f128;

#define NHZ	1000000000ULL		/* 1 step/s */

/* The largest errors seen. */
static struct {
	double cruise_ns;
	double ramp_end_ns;
	double ramp_inside;		/* as a part of what is allowed there */
} worst_of;

static u64 seed;

/* xorshift64*: the same sequence everywhere */
static u64 draw(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

/* Spread over all magnitudes. */
static u64 draw_bits(void)
{
	return draw() >> (draw() % 64);
}

static f128 root(f128 x)
{
	f128 y = x > 0 ? sqrt((double)x) : 0;

	for (int i = 0; i < 4 && y > 0; i++)
		y = (y + x / y) / 2;
	return y;
}

/* The definition in stepgen.h, in ns from t0. */
static f128 exact_ramp_ns(u64 v0_nhz, u64 v1_nhz, u64 steps, f128 fraction, u64 n)
{
	f128 v0 = v0_nhz, v1 = v1_nhz, part = (n - fraction) / (steps - fraction);
	f128 vn = n == steps ? v1 : root(v0 * v0 + part * (v1 * v1 - v0 * v0));

	return 2 * (n - fraction) * 1e18 / (v0 + vn);
}

TEST(product_by_quotient_is_exact_to_128_bits)
{
	static const u64 edges[] = {0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
				    0x100000001, 0x7fffffffffffffff, 0x8000000000000000,
				    0xffffffff00000000, 0xfffffffffffffffe, 0xffffffffffffffff};
	int count = sizeof(edges) / sizeof(*edges), wrong = 0, tried = 0;

	for (int i = 0; i < count; i++)
		for (int j = 0; j < count; j++)
			for (int k = 1; k < count; k++) {
				u128 quotient = (u128)edges[i] * edges[j] / edges[k];

				if (quotient >> 64)
					continue;
				tried++;
				wrong += nd_mul_div(edges[i], edges[j], edges[k]) != (u64)quotient;
			}
	seed = 1;
	for (int i = 0; i < 500000; i++) {
		u64 a = draw_bits(), b = draw_bits(), c = draw_bits() | 1;
		u128 quotient = (u128)a * b / c;

		if (quotient >> 64)
			continue;
		tried++;
		wrong += nd_mul_div(a, b, c) != (u64)quotient;
	}
	CHECK(tried > 250000);
	CHECK_INT(wrong, 0);
}

TEST(division_of_128_bits_gives_quotient_and_remainder)
{
	int wrong = 0;

	seed = 2;
	for (int i = 0; i < 300000; i++) {
		struct nd_wide a = {.hi = draw_bits(), .lo = draw()};
		u128 whole = (u128)a.hi << 64 | a.lo;
		u64 d = draw_bits() | 1, remainder;
		struct nd_wide q = nd_wide_div_full(a, d, &remainder);

		wrong += q.hi != (u64)(whole / d >> 64) || q.lo != (u64)(whole / d) ||
			 remainder != (u64)(whole % d);
	}
	CHECK_INT(wrong, 0);
}

TEST(wide_square_root_is_never_too_large_and_at_most_one_too_small)
{
	int wrong = 0;

	seed = 4;
	for (int i = 0; i < 300000; i++) {
		u64 r = draw() >> (9 + draw() % 54);
		u128 x = (u128)r * r + (r ? draw() % (2 * r) : 0);
		u64 found = nd_sqrt_wide((struct nd_wide){.hi = x >> 64, .lo = x});

		wrong += found > r || found + 1 < r;
	}
	CHECK_INT(wrong, 0);
}

static int cruise_errors(u64 rate_nhz, u64 fraction, u64 t0_ns, u64 steps)
{
	struct nd_segment segment;
	int wrong = 0;

	nd_segment_cruise(&segment, t0_ns, fraction, rate_nhz, steps);
	for (u64 n = 1; n <= steps; n++) {
		u128 way = (u128)n * ND_STEP_ASTEPS - fraction;
		u128 exact = way / rate_nhz + t0_ns;
		f128 error = (f128)way / rate_nhz - (f128)(segment.due_ns - t0_ns);

		worst_of.cruise_ns = fmax(worst_of.cruise_ns, fabs((double)error));
		wrong += segment.next != n || segment.due_ns != (u64)exact;
		wrong += nd_segment_advance(&segment) != (n < steps);
	}
	return wrong;
}

TEST(a_million_cruise_steps_at_7919_000000003_per_s_are_each_the_exact_time_rounded_down)
{
	CHECK_INT(cruise_errors(7919000000003, 0, 0, 1000000), 0);
	CHECK_INT(cruise_errors(7919000000003, 987654321987654321, 1234567890123, 1000000), 0);
}

TEST(cruise_is_exact_from_one_step_in_hours_to_40000_per_s)
{
	static const u64 rates[] = {100000, 14000000, NHZ, 333333333333, 7919000000003,
				    40000 * NHZ, 27777, 1, 3, 199999999999999};

	seed = 5;
	for (unsigned int i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		CHECK_INT(cruise_errors(rates[i], 0, 0, rates[i] < 100 ? 3 : 10000), 0);
		CHECK_INT(cruise_errors(rates[i], draw() % ND_STEP_ASTEPS, draw() >> 4,
					rates[i] < 100 ? 3 : 10000), 0);
	}
}

struct ramp {
	u64 v0_nhz, v1_nhz, steps;
	f128 fraction;
};

/* Largest error of a step, as a part of what is allowed there. */
static double ramp_error(const struct ramp *ramp, double *end_ns, double *largest_ns)
{
	struct nd_segment segment;
	u64 fraction = (u64)(ramp->fraction * 1e18Q), last_ns = 0;
	f128 f = (f128)fraction / 1e18Q, last = 0;
	double worst = 0;

	*largest_ns = 0;
	nd_segment_ramp(&segment, 0, fraction, ramp->v0_nhz, ramp->v1_nhz, ramp->steps);
	for (u64 n = 1; n <= ramp->steps; n++) {
		f128 exact = exact_ramp_ns(ramp->v0_nhz, ramp->v1_nhz, ramp->steps, f, n);
		double error = fabs((double)(segment.due_ns - exact));
		/* a time in whole ns is up to 1 ns off by itself */
		double allowed = fmax(fmin(10000, (double)((exact - last) * 1e-3)), 1);

		worst = fmax(worst, error / allowed);
		*largest_ns = fmax(*largest_ns, error);
		if (n > 1 && segment.due_ns <= last_ns)
			worst = INFINITY;
		last_ns = segment.due_ns;
		last = exact;
		if (nd_segment_advance(&segment) != (n < ramp->steps))
			worst = INFINITY;
	}
	*end_ns = fabs((double)(segment.last_ns - last));
	return worst;
}

TEST(ramps_keep_every_step_within_a_thousandth_of_its_period_and_end_within_1_ns)
{
	static const struct ramp ramps[] = {
		{1 * NHZ, 200 * NHZ, 400, 0},
		{1 * NHZ, 200 * NHZ, 7, 0.25},
		{50 * NHZ, 20000 * NHZ, 4000, 0},
		{50 * NHZ, 20000 * NHZ, 4000, 0.999999999},
		{10 * NHZ, 40000 * NHZ, 8000, 0},
		{10 * NHZ, 40000 * NHZ, 2000500, 0},		/* 100 s */
		{10 * NHZ, 40000 * NHZ, 2000500, 0.5},
		{1 * NHZ, 200 * NHZ, 10050, 0},			/* 100 s */
		{0, 200 * NHZ, 50, 0},
		{0, 40000 * NHZ, 800, 0},
		{0, 40000 * NHZ, 2000000, 0},			/* 100 s */
		{1, 40000 * NHZ, 800, 0},
		{39999 * NHZ, 40000 * NHZ, 100000, 0.1},
		{7919000000003, 7919000000004, 1000, 0.3},
		{0, 40000 * NHZ, 1, 0},
		{0, 100000, 3, 0},				/* hours a step */
		{100000, 300000, 5, 0.7},
		{0, 200000 * NHZ, 20000, 0},
	};

	for (unsigned int i = 0; i < 2 * sizeof(ramps) / sizeof(*ramps); i++) {
		struct ramp ramp = ramps[i / 2];
		double end_ns, largest_ns, worst;

		if (i % 2) {
			u64 swap = ramp.v0_nhz;

			ramp.v0_nhz = ramp.v1_nhz;
			ramp.v1_nhz = swap;
		}
		worst = ramp_error(&ramp, &end_ns, &largest_ns);
		worst_of.ramp_inside = fmax(worst_of.ramp_inside, worst);
		worst_of.ramp_end_ns = fmax(worst_of.ramp_end_ns, end_ns);
		if (worst > 1 || end_ns > 1)
			printf("# %g to %g steps/s in %llu steps: %g of the limit, %g ns, end %g ns\n",
			       ramp.v0_nhz / 1e9, ramp.v1_nhz / 1e9,
			       (unsigned long long)ramp.steps, worst, largest_ns, end_ns);
		CHECK(worst <= 1);
		CHECK(end_ns <= 1);
	}
}

TEST(the_longest_ramp_of_2_to_the_31_steps_keeps_its_precision)
{
	struct nd_segment segment;
	static const u64 at[] = {1, 2, 1000, 1000003, 1ULL << 30, (1ULL << 31) - 1, 1ULL << 31};

	for (int down = 0; down < 2; down++) {
		u64 v0 = down ? 40000 * NHZ : 0, v1 = down ? 0 : 40000 * NHZ;

		nd_segment_ramp(&segment, 0, 0, v0, v1, ND_RAMP_STEPS_MAX);
		for (unsigned int i = 0; i < sizeof(at) / sizeof(*at); i++) {
			u64 n = at[i];
			f128 exact = exact_ramp_ns(v0, v1, ND_RAMP_STEPS_MAX, 0, n);
			f128 before = exact_ramp_ns(v0, v1, ND_RAMP_STEPS_MAX, 0, n - 1);
			double period_ns = exact - before;

			/* as if the steps before had been made */
			segment.next = n - 1;
			segment.due_ns = before;
			if (n > 1)
				CHECK(nd_segment_advance(&segment));
			else
				nd_segment_ramp(&segment, 0, 0, v0, v1, ND_RAMP_STEPS_MAX);
			CHECK(segment.next == n);
			CHECK_NEAR((double)(segment.due_ns - exact), 0,
				   fmin(10000, 1e-3 * period_ns));
		}
	}
}

TEST(rate_and_phase_inside_a_ramp_are_those_of_constant_acceleration)
{
	static const struct ramp ramps[] = {
		{1 * NHZ, 200 * NHZ, 400, 0}, {200 * NHZ, 1 * NHZ, 400, 0.5},
		{0, 40000 * NHZ, 2000000, 0}, {40000 * NHZ, 0, 2000000, 0.25},
		{50 * NHZ, 20000 * NHZ, 4000, 0.75},
	};

	seed = 6;
	for (unsigned int i = 0; i < sizeof(ramps) / sizeof(*ramps); i++) {
		const struct ramp *ramp = &ramps[i];
		u64 fraction = (u64)(ramp->fraction * 1e18Q), t0_ns = 1000000000000;
		f128 total_ns = exact_ramp_ns(ramp->v0_nhz, ramp->v1_nhz, ramp->steps,
					      ramp->fraction, ramp->steps);
		double slope = fabs((double)(((f128)ramp->v1_nhz - ramp->v0_nhz) / total_ns));
		struct nd_segment segment;
		bool more = true;
		int looked = 0;

		nd_segment_ramp(&segment, t0_ns, fraction, ramp->v0_nhz, ramp->v1_nhz, ramp->steps);
		while (more) {
			u64 gap = segment.due_ns - segment.last_ns;
			u64 now_ns = segment.last_ns + draw() % gap;
			f128 t = now_ns - t0_ns, v0 = ramp->v0_nhz;
			f128 v = v0 + ((f128)ramp->v1_nhz - v0) * t / total_ns;
			f128 way = (v0 + v) / 2 * t / 1e18Q + ramp->fraction - (segment.next - 1);
			double rate = nd_segment_rate(&segment, now_ns);
			double phase = nd_segment_fraction(&segment, now_ns) / 1e18;

			if (looked++ % 97 == 0) {
				/* the ramp's duration is in whole ns */
				CHECK_NEAR(rate, (double)v, 2 + slope);
				/* 1 ns at this rate, and near a step the step itself */
				CHECK_NEAR(phase, (double)way, 2e-18 * (double)v + 2e-7);
			}
			more = nd_segment_advance(&segment);
		}
		CHECK(nd_segment_rate(&segment, segment.last_ns) == ramp->v1_nhz);
		CHECK(nd_segment_rate(&segment, t0_ns) == ramp->v0_nhz);
	}
}

/*
 * The controller's way: every so often the rate changes a little, in mid-step.
 * The integral of the rate, in asteps, is a whole number: exactly what the
 * phase must hold.
 */
static void phase_continues(u64 rate_nhz, u64 spread_nhz, u64 every_ns, int changes)
{
	struct nd_segment segment;
	u64 now_ns = 5000000000, count = 0, rate = rate_nhz;
	u128 integral = 0;
	u64 phase;
	int wrong = 0;

	nd_segment_cruise(&segment, now_ns, 0, rate, ND_STEPS_UNLIMITED);
	for (int i = 0; i < changes; i++) {
		u64 gap = every_ns + draw() % 1000;

		now_ns += gap;
		while (segment.due_ns <= now_ns) {
			count++;
			nd_segment_advance(&segment);
		}
		integral += (u128)rate * gap;
		wrong += count != (u64)(integral / ND_STEP_ASTEPS);
		phase = nd_segment_fraction(&segment, now_ns);
		rate = rate_nhz - spread_nhz / 2 + draw() % spread_nhz;
		nd_segment_cruise(&segment, now_ns, phase, rate, ND_STEPS_UNLIMITED);
	}
	CHECK(count > 3);
	CHECK_INT(wrong, 0);
	CHECK(phase == (u64)(integral % ND_STEP_ASTEPS));
}

TEST(a_rate_changed_50_times_a_second_around_15_4_per_s_loses_no_part_of_a_step)
{
	seed = 7;
	phase_continues(15400000000, 400000000, 20000000, 50 * 3600);
}

TEST(a_rate_changed_500_times_a_second_loses_no_part_of_a_step_that_takes_minutes)
{
	seed = 8;
	phase_continues(10000000, 1000000, 2000000, 500 * 600);
	phase_continues(1000000000, 900000000, 2000000, 500 * 100);
}

TEST(an_overdue_step_is_all_but_done)
{
	struct nd_segment segment;

	nd_segment_cruise(&segment, 0, 0, 10 * NHZ, ND_STEPS_UNLIMITED);
	CHECK(nd_segment_fraction(&segment, 50000000) == ND_STEP_ASTEPS / 2);
	CHECK(nd_segment_fraction(&segment, 100000000) == ND_STEP_ASTEPS - 1);
	CHECK(nd_segment_fraction(&segment, 900000000) == ND_STEP_ASTEPS - 1);
	nd_segment_ramp(&segment, 0, 0, 0, 10 * NHZ, 5);
	CHECK(nd_segment_fraction(&segment, segment.due_ns + 1) == ND_STEP_ASTEPS - 1);
	CHECK(nd_segment_fraction(&segment, 0) == 0);
}

TEST(steps_of_a_ramp_are_rounded_up_exactly)
{
	int wrong = 0;

	CHECK_INT(nd_ramp_steps(0, 200 * NHZ, 100 * NHZ, 0), 200);
	CHECK_INT(nd_ramp_steps(200 * NHZ, 0, 100 * NHZ, 0), 200);
	CHECK_INT(nd_ramp_steps(200 * NHZ, 0, 100 * NHZ, 1), 201);
	CHECK_INT(nd_ramp_steps(200 * NHZ, 0, 100 * NHZ, ND_STEP_ASTEPS), 201);
	CHECK_INT(nd_ramp_steps(200 * NHZ + 1, 0, 100 * NHZ, 0), 201);
	CHECK_INT(nd_ramp_steps(5 * NHZ, 5 * NHZ, 1, 0), 0);
	CHECK(nd_ramp_steps(0, ND_RATE_MAX_NHZ, 1, 0) == ~0ULL);

	seed = 9;
	for (int i = 0; i < 300000; i++) {
		u64 v0 = draw_bits() % 100000000000000, v1 = draw_bits() % 100000000000000;
		u64 accel = (draw_bits() & 0x3ffffffffffff) | 1, f = draw() % ND_STEP_ASTEPS;
		u128 squares = (u128)(v0 > v1 ? v0 - v1 : v1 - v0) * (v0 + v1);
		u128 asteps = (squares * NHZ + 2 * accel - 1) / (2 * accel) + f;
		u128 steps = (asteps + ND_STEP_ASTEPS - 1) / ND_STEP_ASTEPS;

		wrong += nd_ramp_steps(v0, v1, accel, f) != (steps >> 64 ? ~0ULL : (u64)steps);
	}
	CHECK_INT(wrong, 0);
}

/* Up, along, down, along and so on, at rates and over steps of all sizes. */
TEST(a_chain_of_256_segments_is_on_time_to_the_ns_at_its_end)
{
	u64 now_ns = 1000000000, rate = 0, steps, next;
	f128 exact = now_ns, due;
	double worst_cruise = 0, worst_end = 0;
	struct nd_segment segment;
	u32 sub_ns = 0;
	bool more;

	seed = 10;
	for (int i = 0; i < 256; i++) {
		next = i % 2 ? rate : 1 + draw() % (40000 * NHZ);
		steps = 1 + draw() % 40;
		if (next == rate)
			nd_segment_cruise(&segment, now_ns, 0, rate, steps);
		else
			nd_segment_ramp(&segment, now_ns, 0, rate, next, steps);
		nd_segment_carry(&segment, sub_ns);
		do {
			due = exact + (next == rate ? (f128)segment.next * 1e18Q / rate :
				       exact_ramp_ns(rate, next, steps, 0, segment.next));
			if (next == rate)
				worst_cruise = fmax(worst_cruise, fabs((double)(segment.due_ns - due)));
			more = nd_segment_advance(&segment);
		} while (more);
		worst_end = fmax(worst_end, fabs((double)(segment.last_ns - due)));
		exact = due;
		now_ns = segment.last_ns;
		sub_ns = nd_segment_sub_ns(&segment);
		rate = next;
	}
	/* rounded down to whole ns, and 2^-32 ns lost at each joint at most */
	CHECK(worst_cruise < 1.000001);
	CHECK(worst_end < 1.000001);
}

TEST(a_delayed_segment_is_later_as_a_whole)
{
	struct nd_segment a, b;

	nd_segment_ramp(&a, 1000, 0, 0, 100 * NHZ, 10);
	nd_segment_ramp(&b, 8000, 0, 0, 100 * NHZ, 10);
	nd_segment_delay(&a, 7000);
	for (int n = 1; n <= 10; n++) {
		CHECK_INT(a.due_ns, b.due_ns);
		CHECK_INT(nd_segment_rate(&a, b.due_ns), nd_segment_rate(&b, b.due_ns));
		CHECK(nd_segment_advance(&a) == nd_segment_advance(&b));
	}
}

static void figure(const char *name, double value, const char *unit, const char *how)
{
	printf("# figure {\"name\": \"%s\", \"value\": %.9g, \"unit\": \"%s\", \"bound\": 1, "
	       "\"better\": \"lower\", \"how\": \"%s\"}\n", name, value, unit, how);
}

int main(void)
{
	RUN(product_by_quotient_is_exact_to_128_bits);
	RUN(division_of_128_bits_gives_quotient_and_remainder);
	RUN(wide_square_root_is_never_too_large_and_at_most_one_too_small);
	RUN(a_million_cruise_steps_at_7919_000000003_per_s_are_each_the_exact_time_rounded_down);
	RUN(cruise_is_exact_from_one_step_in_hours_to_40000_per_s);
	RUN(ramps_keep_every_step_within_a_thousandth_of_its_period_and_end_within_1_ns);
	RUN(the_longest_ramp_of_2_to_the_31_steps_keeps_its_precision);
	RUN(rate_and_phase_inside_a_ramp_are_those_of_constant_acceleration);
	RUN(a_rate_changed_50_times_a_second_around_15_4_per_s_loses_no_part_of_a_step);
	RUN(a_rate_changed_500_times_a_second_loses_no_part_of_a_step_that_takes_minutes);
	RUN(an_overdue_step_is_all_but_done);
	RUN(steps_of_a_ramp_are_rounded_up_exactly);
	RUN(a_chain_of_256_segments_is_on_time_to_the_ns_at_its_end);
	RUN(a_delayed_segment_is_later_as_a_whole);
	figure("motion/cruise_error", worst_of.cruise_ns, "ns",
	       "scheduled time of a cruise step against exact arithmetic, 0.0001 to 200 000 steps/s");
	figure("motion/ramp_end_error", worst_of.ramp_end_ns, "ns",
	       "scheduled end of a ramp against 113-bit arithmetic");
	figure("motion/ramp_error", worst_of.ramp_inside, "of what is allowed",
	       "a step inside a ramp; allowed are 10 us and 0.1 % of the local period, at least 1 ns");
	return test_end();
}
