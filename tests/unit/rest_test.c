// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>

#include "rest.h"
#include "test.h"

#define PERIOD_S	0.02

/* Evenly spread, of the variance 1. */
static double noise(void)
{
	return (rand() / (RAND_MAX + 1.0) - 0.5) * sqrt(12);
}

static bool holds(double begin, double tau_s, double noise_sd, double slack)
{
	struct rest rest = { .count = 0 };

	for (int i = 0; i < REST_READINGS; i++)
		rest_take(&rest, begin * exp(-i * PERIOD_S / tau_s) + noise_sd * noise());
	return rest_holds(&rest, slack);
}

TEST(noise_is_rest)
{
	int restless = 0;

	srand(1);
	for (int i = 0; i < 100000; i++)
		restless += !holds(5, INFINITY, 1, 0);
	CHECK(restless < 20);
}

TEST(what_dies_away_is_none)
{
	static const double taus_s[] = { 0.1, 0.28, 1, 5 };

	for (size_t i = 0; i < sizeof(taus_s) / sizeof(*taus_s); i++)
		CHECK(!holds(1000, taus_s[i], 1, 10));
	/* what is over by now is over, and so is what is too slow to matter */
	CHECK(holds(5, 0.28, 1, 10));
	CHECK(holds(1000, 1e4, 1, 10));
}

TEST(beyond_the_range_is_none)
{
	struct rest rest = { .count = 0 };

	for (int i = 0; i < REST_READINGS; i++)
		rest_take(&rest, i ? 1 : NAN);
	CHECK(!rest_holds(&rest, 10));
}

TEST(few_readings_tell_nothing)
{
	struct rest rest = { .count = 0 };

	for (int i = 0; i < REST_READINGS - 1; i++)
		rest_take(&rest, 1000 * i);
	CHECK(rest_holds(&rest, 0));
	rest_take(&rest, 1000 * REST_READINGS);
	CHECK(!rest_holds(&rest, 0));
	/* later ones are not asked */
	for (int i = 0; i < 1000; i++)
		rest_take(&rest, 0);
	CHECK(!rest_holds(&rest, 0));
}

int main(void)
{
	RUN(noise_is_rest);
	RUN(what_dies_away_is_none);
	RUN(beyond_the_range_is_none);
	RUN(few_readings_tell_nothing);
	return test_end();
}
