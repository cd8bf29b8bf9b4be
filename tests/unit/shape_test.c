// SPDX-License-Identifier: GPL-2.0-or-later
/* Against a chamber and a sensor stepped through time, 20 us at a time: no closed form. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "shape.h"
#include "test.h"

#define STEP_S		2e-5
#define BEFORE_RECORDS	4

enum fault { CLOSED, STOPPED, LEAKS };

struct rig {
	double tau_s, lag_s, dt_s, noise;
};

static double noise(void)
{
	return (rand() / (RAND_MAX + 1.0) - 0.5) * sqrt(12);
}

/* So many records since a fault that comes at a share of a record; what they are taken for. */
static enum shape_kind kind(const struct rig *rig, enum fault fault, unsigned int records, double onset, double lag_factor)
{
	const struct shape_rig known = { rig->dt_s, rig->tau_s, rig->lag_s / lag_factor, rig->lag_s * lag_factor };
	struct shape shape = { .next = 0 };
	double stored = rig->tau_s, seen = 1, time_s = -(BEFORE_RECORDS + onset) * rig->dt_s;

	for (unsigned int i = 0; i < BEFORE_RECORDS + records; i++) {
		double sum = 0, steps = round(rig->dt_s / STEP_S);

		for (int k = 0; k < steps; k++, time_s += STEP_S) {
			bool wrong = time_s >= 0;
			double out = wrong && fault == CLOSED ? 0 : stored / rig->tau_s;
			double lost = wrong && fault == LEAKS ? stored / rig->tau_s / 2 : 0;

			stored += ((wrong && fault == STOPPED ? 0 : 1) - out - lost) * STEP_S;
			seen += (out - seen) / rig->lag_s * STEP_S;
			sum += seen;
		}
		shape_take(&shape, sum / steps + rig->noise * noise());
	}
	return shape_tell(&shape, BEFORE_RECORDS + records, &known, rig->noise);
}

TEST(a_closed_outlet_is_told_within_a_lag)
{
	static const struct rig rigs[] = {
		{ 0.08, 0.08, 0.005, 0.002 }, { 0.1, 0.02, 0.005, 0.02 }, { 0.05, 0.02, 0.005, 0.001 },
		{ 1, 0.05, 0.02, 0.02 }, { 40, 0.1, 0.02, 0.05 },
	};

	for (size_t i = 0; i < sizeof(rigs) / sizeof(*rigs); i++)
		for (double onset = 0; onset < 1; onset += 0.2)
			CHECK_INT(kind(&rigs[i], CLOSED, ceil(rigs[i].lag_s / rigs[i].dt_s) + 2, onset, 1.2), SHAPE_CLOSED);
}

TEST(neither_is_ever_taken_for_the_other)
{
	static const double taus_s[] = { 0.02, 0.05, 0.1, 0.3, 1, 10 }, lags_s[] = { 0.005, 0.02, 0.05, 0.1 };
	static const double noises[] = { 0.0005, 0.01, 0.05, 0.15 }, periods_s[] = { 0.005, 0.02 };
	unsigned int told = 0, asked = 0;

	srand(1);
	for (int n = 0; n < 6 * 4 * 4 * 2; n++) {
		const struct rig rig = { taus_s[n % 6], lags_s[n / 6 % 4], periods_s[n / 24 % 2], noises[n / 48] };

		for (unsigned int records = 2; records <= 26; records += 4) {
			enum shape_kind closed = kind(&rig, CLOSED, records, 0.3, 2);

			CHECK(closed != SHAPE_STARVED);
			CHECK(kind(&rig, STOPPED, records, 0.3, 2) != SHAPE_CLOSED);
			CHECK(kind(&rig, LEAKS, records, 0.3, 2) != SHAPE_CLOSED);
			told += closed == SHAPE_CLOSED;
			asked++;
		}
	}
	/* nor is it silence that makes it so */
	CHECK(told > asked / 2);
}

TEST(what_is_steady_is_neither)
{
	const struct rig rig = { 0.1, 0.02, 0.005, 0.05 };

	for (int i = 0; i < 1000; i++)
		CHECK_INT(kind(&rig, CLOSED, 0, 0, 2), SHAPE_OPEN);
}

int main(void)
{
	RUN(a_closed_outlet_is_told_within_a_lag);
	RUN(neither_is_ever_taken_for_the_other);
	RUN(what_is_steady_is_neither);
	return test_end();
}
