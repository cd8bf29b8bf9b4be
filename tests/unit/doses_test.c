// SPDX-License-Identifier: GPL-2.0-or-later
/* Doses over a window: against sums by hand, and against every window tried out. */
#include "doses.h"
#include <math.h>
#include <string.h>

#include "protocol_fixture.h"

static unsigned int seed = 1;

static double draw(double least, double most)
{
	seed = seed * 1103515245 + 12345;
	return least + (most - least) * (seed >> 8) / (double)(1 << 24);
}

static bool add(struct doses *doses, double begin_s, double end_s, double volume_m3)
{
	return doses_add(doses, &(struct dose){ begin_s, end_s, volume_m3, NULL });
}

/* What flows from one time to another. */
static double between(const struct dose *list, size_t count, double from_s, double to_s)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		double begin_s = fmax(from_s, list[i].begin_s), end_s = fmin(to_s, list[i].end_s);

		if (end_s > begin_s)
			sum += list[i].volume_m3 * (end_s - begin_s) / (list[i].end_s - list[i].begin_s);
	}
	return sum;
}

/* The most of any window is that of one which ends with a dose, or begins with one. */
TEST(the_window_that_ends_with_a_dose_has_its_share_of_each)
{
	struct doses doses = { 0 };
	struct dose list[200];
	double time_s = 0;

	for (int i = 0; i < 200; i++) {
		double begin_s = time_s + draw(0, 50), end_s = begin_s + draw(1, 100), found;

		list[i] = (struct dose){ begin_s, end_s, draw(1, 5), NULL };
		time_s = end_s;
		CHECK(add(&doses, begin_s, end_s, list[i].volume_m3));
		found = doses_in_window(&doses, 300);
		CHECK_NEAR(found, between(list, i + 1, end_s - 300, end_s), 1e-9);
	}
	doses_free(&doses);
}

/* Of doses at the same time, in no order: against windows at a thousand places and at each of their ends. */
TEST(the_worst_window_is_as_bad_as_any_tried)
{
	for (int round = 0; round < 50; round++) {
		struct doses doses = { 0 };
		struct dose list[30], worst;
		double most = 0;

		for (int i = 0; i < 30; i++) {
			double begin_s = draw(0, 1000);

			list[i] = (struct dose){ begin_s, begin_s + draw(1, 200), draw(1, 5), NULL };
			CHECK(doses_add(&doses, &list[i]));
		}
		for (int i = 0; i < 1000; i++)
			most = fmax(most, between(list, 30, i * 1.3 - 100, i * 1.3));
		for (int i = 0; i < 30; i++) {
			most = fmax(most, between(list, 30, list[i].end_s - 100, list[i].end_s));
			most = fmax(most, between(list, 30, list[i].begin_s, list[i].begin_s + 100));
			most = fmax(most, between(list, 30, list[i].begin_s - 100, list[i].begin_s));
			most = fmax(most, between(list, 30, list[i].end_s, list[i].end_s + 100));
		}
		CHECK(doses_worst_window(&doses, 100, &worst));
		CHECK_NEAR(worst.volume_m3, most, 1e-9);
		CHECK_NEAR(between(list, 30, worst.begin_s, worst.end_s), worst.volume_m3, 1e-9);
		CHECK_NEAR(worst.end_s - worst.begin_s, 100, 1e-9);
		doses_free(&doses);
	}
}

TEST(no_doses_have_no_worst_window)
{
	struct doses doses = { 0 };
	struct dose worst;

	CHECK(doses_worst_window(&doses, 100, &worst));
	CHECK(worst.volume_m3 == 0 && !worst.flow);
}

TEST(of_two_ways_the_one_that_gives_more_stays)
{
	struct doses doses = { 0 }, then;
	size_t fork;

	CHECK(add(&doses, 0, 10, 1));
	fork = doses_fork(&doses);
	CHECK(add(&doses, 10, 20, 5));
	then = doses_take(&doses, fork);
	CHECK_INT(doses.count, 1);
	CHECK(add(&doses, 10, 20, 2));
	CHECK(doses_join(&doses, fork, &then));
	CHECK_NEAR(doses_in_window(&doses, 100), 6, 1e-12);

	fork = doses_fork(&doses);
	CHECK(add(&doses, 20, 30, 1));
	then = doses_take(&doses, fork);
	CHECK(add(&doses, 20, 30, 2));
	CHECK(doses_join(&doses, fork, &then));
	CHECK_NEAR(doses_in_window(&doses, 100), 8, 1e-12);
	doses_free(&doses);
}

/* How many errors a protocol has whose limit, of @whose, and steps are these; 1 mg/mL. */
static size_t errors_of(const char *whose, const char *limit, const char *steps)
{
	struct diagnostics diagnostics;
	struct protocol *protocol;
	size_t count;
	char *text;

	if (asprintf(&text,
		     "nanodose: 1\n"
		     "channels:\n"
		     "  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water, particles: {concentration: 1 mg/mL}}\n"
		     "limits: {%s: {window_dose: {dose: %s, window: 30 min}}}\n"
		     "steps:\n%s", whose, limit, steps) < 0)
		exit(1);
	protocol = protocol_load(write_file(text, strlen(text)), NULL, 0, &diagnostics);
	count = diagnostics.errors;
	diagnostics_free(&diagnostics);
	protocol_free(protocol);
	free(text);
	return count;
}

/* The total of one channel is that channel. */
static size_t errors(const char *limit, const char *steps)
{
	size_t count = errors_of("line", limit, steps);

	CHECK_INT(errors_of("total", limit, steps), count);
	return count;
}

#define HOUR_OF_60_UG	"  - infuse: {channel: line, volume: 60 uL, duration: 1 h}\n"

TEST(a_steady_infusion_is_limited_by_its_rate)
{
	CHECK_INT(errors("30.01 ug", HOUR_OF_60_UG HOUR_OF_60_UG), 0);
	CHECK_INT(errors("29.99 ug", HOUR_OF_60_UG HOUR_OF_60_UG), 1);
}

TEST(doses_further_apart_than_the_window_do_not_add_up)
{
	static const char apart[] =
		"  - every: {period: %d min, times: 5, steps: [{infuse: {channel: line, volume: 20 uL, rate: 60 uL/min}}]}\n";
	char steps[200];

	snprintf(steps, sizeof(steps), apart, 30);
	CHECK_INT(errors("20 ug", steps), 0);
	snprintf(steps, sizeof(steps), apart, 29);
	CHECK_INT(errors("20 ug", steps), 1);
	snprintf(steps, sizeof(steps), apart, 10);
	CHECK_INT(errors("60.01 ug", steps), 0);
	CHECK_INT(errors("59 ug", steps), 1);
}

TEST(of_a_choice_the_larger_dose_counts)
{
	static const char choice[] =
		"  - if: {condition: flow.line > 1, then: [{infuse: {channel: line, volume: %s, rate: 60 uL/min}}], else: [{infuse: {channel: line, volume: %s, rate: 60 uL/min}}]}\n"
		"  - infuse: {channel: line, volume: 10 uL, rate: 60 uL/min}\n";
	char steps[400];

	snprintf(steps, sizeof(steps), choice, "30 uL", "5 uL");
	CHECK_INT(errors("39 ug", steps), 1);
	CHECK_INT(errors("41 ug", steps), 0);
	snprintf(steps, sizeof(steps), choice, "5 uL", "30 uL");
	CHECK_INT(errors("39 ug", steps), 1);
	CHECK_INT(errors("41 ug", steps), 0);
}

int main(void)
{
	set_up(__FILE__);
	RUN(the_window_that_ends_with_a_dose_has_its_share_of_each);
	RUN(the_worst_window_is_as_bad_as_any_tried);
	RUN(no_doses_have_no_worst_window);
	RUN(of_two_ways_the_one_that_gives_more_stays);
	RUN(a_steady_infusion_is_limited_by_its_rate);
	RUN(doses_further_apart_than_the_window_do_not_add_up);
	RUN(of_a_choice_the_larger_dose_counts);
	return tear_down();
}
