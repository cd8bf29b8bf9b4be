// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The planner driven as the engine drives it, judged by the steps it makes:
 * their number, their order in time and the acceleration between them.
 */
#include <errno.h>
#include <stdlib.h>

#include "plan.h"
#include "test.h"

#define NHZ	1000000000ULL		/* 1 step/s */
/* of v^2 between two steps: their times are whole ns */
#define ROUNDING	1.5e-3

static u64 seed;

static u64 draw(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

/* An axis that makes steps as planned, and keeps the books on them. */
struct walk {
	struct nd_axis axis;
	struct nd_goal goal;
	struct nd_segment segment;
	bool moving;
	int direction;		/* of the segment */
	u64 last_step_ns;
	double step_rate;	/* steps/s at the last step */
	double worst_accel;	/* excess over the goal's, as a factor */
	double peak_rate;
	long steps;
	int wrong;		/* steps out of order in time, stuck plans */
};

/* What a step costs in v^2 against 2 a, from step to step. */
static void judge(struct walk *walk, double rate)
{
	double squares = fabs(rate * rate - walk->step_rate * walk->step_rate);

	walk->worst_accel = fmax(walk->worst_accel, squares / (2e-9 * walk->goal.accel_nhz_s));
	walk->peak_rate = fmax(walk->peak_rate, rate);
	walk->step_rate = rate;
}

static void plan(struct walk *walk)
{
	walk->moving = nd_plan(&walk->axis, &walk->goal, &walk->segment, &walk->direction);
	if (!walk->moving || walk->direction != walk->axis.direction) {
		judge(walk, 0);
		walk->axis.step_rate_nhz = 0;
	}
	walk->axis.direction = walk->direction;
}

/* Make the steps due up to this time, or until rest. */
static void go(struct walk *walk, u64 until_ns)
{
	struct nd_segment *segment = &walk->segment;

	while (walk->moving && segment->due_ns <= until_ns) {
		u64 due_ns = segment->due_ns;

		walk->wrong += due_ns < walk->last_step_ns;
		walk->last_step_ns = due_ns;
		walk->axis.position += walk->direction;
		walk->steps++;
		judge(walk, nd_segment_rate(segment, due_ns) / 1e9);
		if (nd_segment_advance(segment))
			continue;
		walk->axis.now_ns = segment->last_ns;
		walk->axis.rate_nhz = segment->v1_nhz;
		walk->axis.step_rate_nhz = segment->v1_nhz;
		walk->axis.fraction_asteps = 0;
		plan(walk);
	}
	if (!walk->moving)
		walk->axis.rate_nhz = 0;
}

/* A new goal at this time; -errno if refused, and then nothing has changed. */
static int ask(struct walk *walk, u64 now_ns, struct nd_goal goal)
{
	struct nd_axis axis = walk->axis;
	int err;

	axis.now_ns = now_ns;
	if (walk->moving) {
		if (walk->segment.next > 1)
			axis.step_rate_nhz = nd_segment_rate(&walk->segment, walk->segment.last_ns);
		axis.rate_nhz = nd_segment_rate(&walk->segment, now_ns);
		axis.fraction_asteps = nd_segment_fraction(&walk->segment, now_ns);
	} else {
		axis.rate_nhz = 0;
		axis.step_rate_nhz = 0;
		axis.fraction_asteps = 0;
	}
	err = nd_plan_check(&axis, &goal);
	if (err)
		return err;
	walk->axis = axis;
	walk->goal = goal;
	plan(walk);
	return 0;
}

static struct nd_goal to_end(double rate, double accel, s64 from, s64 end)
{
	return (struct nd_goal){.rate_nhz = rate * 1e9, .accel_nhz_s = accel * 1e9,
				.end_position = end, .has_end = true,
				.direction = end < from ? -1 : 1};
}

static struct nd_goal at_rate(double rate, double accel)
{
	return (struct nd_goal){.rate_nhz = fabs(rate) * 1e9, .accel_nhz_s = accel * 1e9,
				.direction = rate < 0 ? -1 : 1};
}

static struct walk at_rest(s64 position)
{
	return (struct walk){.axis = {.position = position, .direction = 1}, .direction = 1};
}

TEST(every_distance_from_1_to_2000_steps_ends_exactly_there_within_rate_and_acceleration)
{
	static const double rates[] = {0.5, 20, 1000, 40000};
	static const double accels[] = {1, 100, 20000, 1000000};

	for (int r = 0; r < 4; r++)
		for (int a = 0; a < 4; a++)
			for (int n = 1; n <= 2000; n += n < 60 ? 1 : 97) {
				struct walk walk = at_rest(-17);
				s64 end = n % 2 ? -17 + n : -17 - n;

				CHECK_INT(ask(&walk, 0, to_end(rates[r], accels[a], -17, end)), 0);
				go(&walk, ND_NEVER_NS);
				CHECK_INT(walk.axis.position, end);
				CHECK_INT(walk.steps, n);
				CHECK_INT(walk.wrong, 0);
				CHECK(walk.worst_accel <= 1 + ROUNDING);
				CHECK(walk.peak_rate <= rates[r]);
			}
}

/* Time of the ideal move: up, cruise, down at full acceleration. */
static double ideal_s(double steps, double rate, double accel)
{
	return steps >= rate * rate / accel ? steps / rate + rate / accel : 2 * sqrt(steps / accel);
}

TEST(a_move_takes_hardly_longer_than_full_acceleration_allows)
{
	seed = 11;
	for (int i = 0; i < 3000; i++) {
		double rate = pow(10, draw() % 1000 / 200.0), accel = pow(10, 1 + draw() % 1000 / 200.0);
		s64 steps = 1 + draw() % 5000;
		struct walk walk = at_rest(0);
		double took, ideal = ideal_s(steps, rate, accel);

		CHECK_INT(ask(&walk, 0, to_end(rate, accel, 0, steps)), 0);
		go(&walk, ND_NEVER_NS);
		took = walk.last_step_ns / 1e9;
		CHECK_INT(walk.steps, steps);
		/* ramps in whole steps: at worst each at half its acceleration for two steps */
		CHECK(took <= ideal + 4 * sqrt(2 / accel));
		CHECK(took >= ideal - 4 * sqrt(2 / accel));
	}
}

TEST(a_slow_rate_starts_stops_and_changes_at_once)
{
	struct walk walk = at_rest(0);
	struct nd_goal stop = {.accel_nhz_s = 1000 * NHZ, .stop = true, .direction = 1};

	/* from rest: the first step after one whole period */
	CHECK_INT(ask(&walk, 0, at_rate(0.01, 1000)), 0);
	CHECK(walk.segment.v0_nhz == NHZ / 100 && walk.segment.v1_nhz == NHZ / 100);
	CHECK_INT(walk.segment.due_ns, 100 * NHZ);
	/* half of the step later, faster: the other half at the new rate */
	CHECK_INT(ask(&walk, 50 * NHZ, at_rate(10, 1000)), 0);
	CHECK_INT(walk.segment.due_ns, 50 * NHZ + NHZ / 20);
	go(&walk, 51 * NHZ);
	CHECK_INT(walk.steps, 10);
	/* and a fast one at once, by a ramp that begins with what is done */
	CHECK_INT(ask(&walk, 51 * NHZ, at_rate(1000, 1000)), 0);
	CHECK(walk.segment.due_ns - 51 * NHZ < NHZ / 10);
	go(&walk, 51 * NHZ + 2 * NHZ);
	CHECK(nd_segment_rate(&walk.segment, 53 * NHZ) == 1000 * NHZ);

	walk = at_rest(0);
	CHECK_INT(ask(&walk, 0, at_rate(0.0001, 1000)), 0);
	go(&walk, NHZ);
	CHECK_INT(ask(&walk, NHZ, stop), 0);
	CHECK(!walk.moving);
	CHECK_INT(walk.steps, 0);
}

TEST(the_same_change_is_not_made_at_once_twice_within_one_step)
{
	struct walk walk = at_rest(0);
	double rate = 0;

	/* each call would by itself be small enough to be made at once */
	for (int i = 1; i <= 100; i++) {
		double next = sqrt(rate * rate + 2 * 1000 * 0.99);

		CHECK_INT(ask(&walk, i, at_rate(next, 1000)), 0);
		rate = next;
	}
	go(&walk, NHZ);
	CHECK(walk.worst_accel <= 1 + ROUNDING);
	CHECK_INT(walk.wrong, 0);
}

TEST(a_ramped_stop_keeps_the_acceleration_and_ends_at_rest)
{
	seed = 12;
	for (int i = 0; i < 1000; i++) {
		double rate = pow(10, 1 + draw() % 1000 / 280.0);
		double accel = fmax(rate, pow(10, 2 + draw() % 1000 / 300.0));
		struct walk walk = at_rest(0);
		struct nd_goal stop;
		u64 now_ns;
		long before;

		CHECK_INT(ask(&walk, 0, at_rate(rate, accel)), 0);
		now_ns = draw() % (u64)(1.5e9 * rate / accel + 1e7);
		go(&walk, now_ns);
		stop = walk.goal;
		stop.stop = true;
		before = walk.steps;
		CHECK_INT(ask(&walk, now_ns, stop), 0);
		go(&walk, ND_NEVER_NS);
		CHECK(!walk.moving);
		CHECK(walk.worst_accel <= 1 + ROUNDING);
		CHECK(walk.steps - before <= rate * rate / 2 / accel + 2);
		CHECK_INT(walk.wrong, 0);
	}
}

TEST(a_reversal_comes_to_rest_first_and_ends_where_asked)
{
	seed = 13;
	for (int i = 0; i < 1000; i++) {
		double rate = 1 + draw() % 5000, accel = 100 + draw() % 100000;
		struct walk walk = at_rest(0);
		s64 end = -(s64)(draw() % 3000);
		u64 now_ns = draw() % NHZ;

		CHECK_INT(ask(&walk, 0, at_rate(rate, accel)), 0);
		go(&walk, now_ns);
		struct nd_goal back = to_end(rate, accel, 1, end);
		CHECK_INT(ask(&walk, now_ns, back), 0);
		go(&walk, ND_NEVER_NS);
		CHECK_INT(walk.axis.position, end);
		CHECK(walk.worst_accel <= 1 + ROUNDING);
		CHECK_INT(walk.wrong, 0);
	}
}

TEST(an_end_too_near_to_stop_is_refused_and_the_nearest_accepted_one_is_reached)
{
	seed = 14;
	for (int i = 0; i < 1000; i++) {
		double rate = 100 + draw() % 20000, accel = 1000 + draw() % 100000;
		struct walk walk = at_rest(0), kept;
		u64 now_ns = draw() % (2 * NHZ);
		double v, f, least;
		s64 end;

		CHECK_INT(ask(&walk, 0, at_rate(rate, accel)), 0);
		go(&walk, now_ns);
		v = nd_segment_rate(&walk.segment, now_ns) / 1e9;
		f = nd_segment_fraction(&walk.segment, now_ns) / 1e18;
		least = v * v / (2 * accel);
		if (least <= 1.001 || fabs(least + f - round(least + f)) < 2e-3)
			continue;
		end = walk.axis.position + (s64)ceil(least + f);
		kept = walk;
		CHECK_INT(ask(&walk, now_ns, to_end(rate, accel, 0, end - 1)), -EDOM);
		CHECK(!memcmp(&kept.segment, &walk.segment, sizeof(kept.segment)));
		CHECK_INT(ask(&walk, now_ns, to_end(rate, accel, 0, end)), 0);
		go(&walk, ND_NEVER_NS);
		CHECK_INT(walk.axis.position, end);
		CHECK(walk.worst_accel <= 1 + ROUNDING);
	}
}

TEST(an_end_behind_the_direction_is_refused)
{
	struct walk walk = at_rest(100);
	struct nd_goal goal = to_end(10, 100, 0, 99);

	CHECK_INT(ask(&walk, 0, goal), -EINVAL);
	goal.direction = -1;
	CHECK_INT(ask(&walk, 0, goal), 0);
	/* there already: at rest, and content */
	walk = at_rest(100);
	CHECK_INT(ask(&walk, 0, to_end(10, 100, 100, 100)), 0);
	CHECK(!walk.moving);
	/* a reversal turns where it stops, not where it is */
	walk = at_rest(0);
	CHECK_INT(ask(&walk, 0, at_rate(1000, 1000)), 0);
	go(&walk, 2 * NHZ);
	CHECK_INT(ask(&walk, 2 * NHZ, (struct nd_goal){.rate_nhz = NHZ, .accel_nhz_s = 1000 * NHZ,
			.direction = -1, .has_end = true,
			.end_position = walk.axis.position + 600}), -EINVAL);
	CHECK_INT(ask(&walk, 2 * NHZ, (struct nd_goal){.rate_nhz = NHZ, .accel_nhz_s = 1000 * NHZ,
			.direction = -1, .has_end = true,
			.end_position = walk.axis.position + 400}), 0);
}

TEST(an_acceleration_that_takes_days_is_refused)
{
	struct walk walk = at_rest(0);

	CHECK_INT(ask(&walk, 0, at_rate(40000, 0.000001)), -EDOM);
	CHECK_INT(ask(&walk, 0, at_rate(10, 0.0001)), -EDOM);
	CHECK_INT(ask(&walk, 0, at_rate(40000, 1)), 0);
	go(&walk, 1000 * NHZ);
	CHECK_INT(ask(&walk, 1000 * NHZ, at_rate(0.001, 0.000001)), -EDOM);
}

/*
 * The controller refreshes with a slightly different rate, in mid-ramp, in
 * mid-step, while braking; end and acceleration stay. Whatever it asks, the
 * end is exact and the acceleration kept.
 */
TEST(rates_changed_at_random_times_still_end_exactly)
{
	seed = 15;
	for (int i = 0; i < 1500; i++) {
		double base = pow(10, draw() % 1000 / 230.0), accel = pow(10, 2 + draw() % 1000 / 300.0);
		u64 every_ns = 2000000 + draw() % 20000000, now_ns = 0;
		s64 end = (1 + draw() % 4000) * (draw() % 2 ? 1 : -1);
		struct walk walk = at_rest(0);
		int refused = 0;

		do {
			double rate = base * (0.5 + draw() % 1000 / 1000.0);

			refused += ask(&walk, now_ns, to_end(rate, accel, 0, end)) != 0;
			now_ns += every_ns;
			if (base * every_ns < 1e9)
				now_ns += draw() % (u64)(1e9 / base);
			go(&walk, now_ns);
		} while (walk.moving);
		CHECK_INT(refused, 0);
		CHECK_INT(walk.axis.position, end);
		CHECK_INT(walk.steps, llabs(end));
		CHECK_INT(walk.wrong, 0);
		CHECK(walk.worst_accel <= 1 + ROUNDING);
		CHECK(walk.peak_rate <= base * 1.5);
	}
}

/* Every kind of request at any time: what is accepted keeps the rules. */
TEST(random_requests_keep_the_acceleration_and_the_order_of_steps)
{
	int accepted = 0, refused = 0;

	seed = 16;
	for (int i = 0; i < 300; i++) {
		struct walk walk = at_rest(0);
		double accel = pow(10, 1 + draw() % 1000 / 250.0);
		u64 now_ns = 0;

		for (int j = 0; j < 60; j++) {
			struct nd_goal goal = at_rate(pow(10, draw() % 1000 / 250.0 - 1) *
						      (draw() % 4 ? 1 : -1), accel);
			bool ends = draw() % 3 == 0;

			if (ends) {
				goal.has_end = true;
				goal.end_position = walk.axis.position +
						    ((s64)(draw() % 3000) - 200) * goal.direction;
			}
			goal.stop = draw() % 9 == 0;
			if (ask(&walk, now_ns, goal)) {
				refused++;
			} else {
				accepted++;
				if (ends && !goal.stop && draw() % 4 == 0) {
					go(&walk, ND_NEVER_NS);
					CHECK_INT(walk.axis.position, goal.end_position);
					if (now_ns < walk.last_step_ns)
						now_ns = walk.last_step_ns;
				}
			}
			now_ns += draw() % 300000000;
			go(&walk, now_ns);
		}
		CHECK_INT(walk.wrong, 0);
		CHECK(walk.worst_accel <= 1 + ROUNDING);
	}
	CHECK(accepted > 10000 && refused > 100);
}

/* 50 changes a second for an hour: the steps are the integral of the rate. */
TEST(a_rate_changed_50_times_a_second_around_15_4_per_s_makes_the_integral_of_the_rate)
{
	struct walk walk = at_rest(0);
	u64 now_ns = 0;
	double integral = 0;

	seed = 17;
	for (int i = 0; i < 50 * 3600; i++) {
		double rate = 15.2 + draw() % 1000 * 0.0004;

		CHECK_INT(ask(&walk, now_ns, at_rate(rate, 2000)), 0);
		now_ns += 20000000;
		integral += rate * 0.02;
		go(&walk, now_ns);
	}
	CHECK_NEAR(walk.steps, integral, 1);
}

int main(void)
{
	RUN(every_distance_from_1_to_2000_steps_ends_exactly_there_within_rate_and_acceleration);
	RUN(a_move_takes_hardly_longer_than_full_acceleration_allows);
	RUN(a_slow_rate_starts_stops_and_changes_at_once);
	RUN(the_same_change_is_not_made_at_once_twice_within_one_step);
	RUN(a_ramped_stop_keeps_the_acceleration_and_ends_at_rest);
	RUN(a_reversal_comes_to_rest_first_and_ends_where_asked);
	RUN(an_end_too_near_to_stop_is_refused_and_the_nearest_accepted_one_is_reached);
	RUN(an_end_behind_the_direction_is_refused);
	RUN(an_acceleration_that_takes_days_is_refused);
	RUN(rates_changed_at_random_times_still_end_exactly);
	RUN(random_requests_keep_the_acceleration_and_the_order_of_steps);
	RUN(a_rate_changed_50_times_a_second_around_15_4_per_s_makes_the_integral_of_the_rate);
	return test_end();
}
