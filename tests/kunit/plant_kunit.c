// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rig's plant in the kernel's own arithmetic.
 *
 * The expected values are those of the closed form, worked out in decimal
 * arithmetic of 50 digits: n steps of volume V at T, 2T, ... leave at time t
 *
 *	S = exp(-(t - nT)/tau) (1 - exp(-nT/tau)) / (1 - exp(-T/tau))
 *
 * step volumes behind in the chamber, tau = C / (1/R + G). What is gone is
 * shared by outlet and leak as 1/R to G, about the rest at which the back
 * pressure holds the leak.
 */
#include <kunit/test.h>

#include "../../kmod/sim/plant.c"

struct plant_case {
	const char *name;
	struct sim_plant_params params;
	u64 steps, period_ns, at_ns;
	s64 outlet_fl, leaked_fl, pressure_pa, flow_pl_min;
};

static const struct plant_case plant_cases[] = {
	{
		.name = "stiff bench at 100 uL/min for 0.5 s",
		.params = { 4699, 1000000, 3200, 10000, 28000, 0, 0, 0, 0, 0, 0 },
		.steps = 153, .period_ns = 3250000, .at_ns = 500000000,
		.outlet_fl = 442884520, .leaked_fl = 0,
		.pressure_pa = 38628, .flow_pl_min = 82774905,
	},
	{
		.name = "stiff bench, 2 s after 153 steps",
		.params = { 4699, 1000000, 3200, 10000, 28000, 0, 0, 0, 0, 0, 0 },
		.steps = 153, .period_ns = 3250000, .at_ns = 2500000000,
		.outlet_fl = 828862057, .leaked_fl = 0,
		.pressure_pa = 31, .flow_pl_min = 65433,
	},
	{
		.name = "time constant 0.1 ms",
		.params = { 4699, 1000000, 3200, 1000, 100, 0, 0, 0, 0, 0, 0 },
		.steps = 40, .period_ns = 500000, .at_ns = 20025000,
		.outlet_fl = 212526533, .leaked_fl = 0,
		.pressure_pa = 4249, .flow_pl_min = 2549556139,
	},
	{
		.name = "40 000 steps a second",
		.params = { 4699, 1000000, 3200, 10000, 28000, 0, 0, 0, 0, 0, 0 },
		.steps = 20000, .period_ns = 25000, .at_ns = 500010000,
		.outlet_fl = 57867766712, .leaked_fl = 0,
		.pressure_pa = 5052013, .flow_pl_min = 10825742140,
	},
	{
		.name = "soft 50 mL syringe after 10 min",
		.params = { 26594, 1000000, 3200, 21000000, 28000, 0, 0, 0, 0, 0, 0 },
		.steps = 3000, .period_ns = 200000000, .at_ns = 600000000000,
		.outlet_fl = 194308256889, .leaked_fl = 0,
		.pressure_pa = 15545, .flow_pl_min = 33310285,
	},
	{
		.name = "soft 50 mL syringe, 3 h after",
		.params = { 26594, 1000000, 3200, 21000000, 28000, 0, 0, 0, 0, 0, 0 },
		.steps = 3000, .period_ns = 200000000, .at_ns = 11400000000000,
		.outlet_fl = 520749046876, .leaked_fl = 0,
		.pressure_pa = 0, .flow_pl_min = 0,
	},
	{
		.name = "leak of a fifth",
		.params = { 4699, 1000000, 3200, 10000, 28000, 0, 9000, 0, 0, 0, 0 },
		.steps = 300, .period_ns = 10000000, .at_ns = 3500000000,
		.outlet_fl = 1287993897, .leaked_fl = 324574462,
		.pressure_pa = 1325, .flow_pl_min = 2839305,
	},
	{
		.name = "back pressure with a leak",
		.params = { 4699, 1000000, 3200, 10000, 28000, 20000, 500, 0, 0, 0, 0 },
		.steps = 100, .period_ns = 20000000, .at_ns = 4000000000,
		.outlet_fl = 497677892, .leaked_fl = 46967490,
		.pressure_pa = 19729, .flow_pl_min = -579835,
	},
	{
		.name = "8 h at a step a minute",
		.params = { 4699, 1000000, 3200, 1000000, 28000, 0, 0, 0, 0, 0, 0 },
		.steps = 480, .period_ns = 60000000000, .at_ns = 28830000000000,
		.outlet_fl = 2599206558, .leaked_fl = 0,
		.pressure_pa = 2, .flow_pl_min = 4506,
	},
	{
		.name = "time constant 10 000 s",
		.params = { 4699, 1000000, 3200, 21000000, 476190, 0, 0, 0, 0, 0, 0 },
		.steps = 100, .period_ns = 1000000, .at_ns = 1000000000000,
		.outlet_fl = 51569933, .leaked_fl = 0,
		.pressure_pa = 23, .flow_pl_min = 2942,
	},
};

static void plant_case_name(const struct plant_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(plant, plant_cases, plant_case_name);

static bool within_ppm(s64 value, s64 expected, u32 ppm, s64 least)
{
	s64 off = value > expected ? value - expected : expected - value;
	s64 bound = div_s64(expected < 0 ? -expected : expected, 1000000 / ppm);

	return off <= max(bound, least);
}

static struct sim_fixed plant_balance(const struct sim_plant *plant)
{
	struct sim_fixed left = sim_add(plant->injected, plant->siphoned);

	left = sim_add(left, plant->brought);
	left = sim_sub(left, plant->outlet);
	left = sim_sub(left, plant->leaked);
	left = sim_sub(left, plant->stored);
	return sim_add(left, sim_fixed((s64)plant->params.compliance_fl_per_pa *
				       plant->params.back_pressure_pa));
}

static void plant_expect_balance(struct kunit *test, const struct sim_plant *plant)
{
	struct sim_fixed balance = plant_balance(plant);

	KUNIT_EXPECT_EQ(test, balance.whole, 0);
	KUNIT_EXPECT_EQ(test, balance.part, 0);
}

static void plant_agrees_with_the_closed_form(struct kunit *test)
{
	const struct plant_case *c = test->param_value;
	struct sim_plant *plant = kunit_kzalloc(test, sizeof(*plant), GFP_KERNEL);
	u64 i;

	KUNIT_ASSERT_NOT_NULL(test, plant);
	sim_plant_init(plant, &c->params, 0);
	for (i = 1; i <= c->steps; i++)
		sim_plant_step(plant, i * c->period_ns, 1, true);
	sim_plant_advance(plant, c->at_ns);
	/* 0.01 % of volume, 0.1 % of pressure and flow */
	KUNIT_EXPECT_TRUE_MSG(test, within_ppm(plant->outlet.whole, c->outlet_fl, 100, 1),
			      "outlet %lld, expected %lld fL", plant->outlet.whole, c->outlet_fl);
	KUNIT_EXPECT_TRUE_MSG(test, within_ppm(plant->leaked.whole, c->leaked_fl, 100, 1),
			      "leaked %lld, expected %lld fL", plant->leaked.whole, c->leaked_fl);
	KUNIT_EXPECT_TRUE_MSG(test, within_ppm(sim_plant_pressure_pa(plant), c->pressure_pa,
					       1000, 1),
			      "%lld, expected %lld Pa", sim_plant_pressure_pa(plant),
			      c->pressure_pa);
	KUNIT_EXPECT_TRUE_MSG(test, within_ppm(sim_plant_outlet_flow_pl_min(plant),
					       c->flow_pl_min, 1000, 1),
			      "%lld, expected %lld pL/min", sim_plant_outlet_flow_pl_min(plant),
			      c->flow_pl_min);
	plant_expect_balance(test, plant);
}

/* However finely the time is cut, the outcome is the same. */
static void plant_does_not_care_how_often_it_is_looked_at(struct kunit *test)
{
	const struct plant_case *c = test->param_value;
	struct sim_plant *plant = kunit_kzalloc(test, sizeof(*plant), GFP_KERNEL);
	u64 look_ns = div_u64(c->at_ns, 9973), step = 1, t;

	KUNIT_ASSERT_NOT_NULL(test, plant);
	sim_plant_init(plant, &c->params, 0);
	for (t = look_ns; t < c->at_ns + look_ns; t += look_ns) {
		for (; step <= c->steps && step * c->period_ns <= t; step++)
			sim_plant_step(plant, step * c->period_ns, 1, true);
		sim_plant_advance(plant, min(t, c->at_ns));
	}
	KUNIT_EXPECT_TRUE_MSG(test, within_ppm(plant->outlet.whole, c->outlet_fl, 100, 1),
			      "outlet %lld, expected %lld fL", plant->outlet.whole, c->outlet_fl);
	plant_expect_balance(test, plant);
}

static const struct sim_plant_params stiff_bench = {
	4699, 1000000, 3200, 10000, 28000, 0, 0, 20000, 0, 0, 20000,
};

static void plant_withdraws_what_it_dispensed(struct kunit *test)
{
	struct sim_plant *plant = kunit_kzalloc(test, sizeof(*plant), GFP_KERNEL);
	u64 t = 0;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, plant);
	sim_plant_init(plant, &stiff_bench, 0);
	for (i = 0; i < 500; i++)
		sim_plant_step(plant, t += 1000000, 1, true);
	for (i = 0; i < 500; i++)
		sim_plant_step(plant, t += 1000000, -1, true);
	KUNIT_EXPECT_LT(test, sim_plant_outlet_flow_pl_min(plant), 0);
	/* 36 time constants later there is nothing left to flow */
	sim_plant_advance(plant, t + 10000000000ULL);
	KUNIT_EXPECT_EQ(test, plant->steps, 0);
	KUNIT_EXPECT_EQ(test, sim_plant_outlet_volume_fl(plant), 0);
	KUNIT_EXPECT_EQ(test, sim_plant_pressure_pa(plant), 0);
	plant_expect_balance(test, plant);
}

static void plant_backlash_swallows_steps_at_a_reversal(struct kunit *test)
{
	struct sim_plant *plant = kunit_kzalloc(test, sizeof(*plant), GFP_KERNEL);
	struct sim_plant_params params = stiff_bench;
	u64 t = 0;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, plant);
	params.backlash_steps = 12;
	sim_plant_init(plant, &params, 0);
	for (i = 0; i < 100; i++)
		sim_plant_step(plant, t += 1000000, 1, true);
	for (i = 0; i < 50; i++)
		sim_plant_step(plant, t += 1000000, -1, true);
	/* 62 steps of 5.4194 nL: 100 - (50 - 12) */
	KUNIT_EXPECT_TRUE(test, within_ppm(plant->injected.whole, 336002480, 10, 1));
	KUNIT_EXPECT_EQ(test, plant->missed_steps, 0);
}

static void plant_stalls_at_its_pressure_and_not_before(struct kunit *test)
{
	struct sim_plant *plant = kunit_kzalloc(test, sizeof(*plant), GFP_KERNEL);
	struct sim_plant_params params = stiff_bench;
	u64 t = 0;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, plant);
	params.stall_pressure_pa = 500000;
	sim_plant_init(plant, &params, 0);
	sim_plant_set_occluded(plant, 0, true);
	for (i = 0; i < 2000; i++)
		sim_plant_step(plant, t += 1000000, 1, true);
	/* 500 kPa times 10 000 fL/Pa are 922.6 steps */
	KUNIT_EXPECT_EQ(test, plant->missed_steps, 2000 - 923);
	KUNIT_EXPECT_EQ(test, sim_plant_outlet_volume_fl(plant), 0);
	plant_expect_balance(test, plant);
}

static struct kunit_case plant_kunit_cases[] = {
	KUNIT_CASE_PARAM(plant_agrees_with_the_closed_form, plant_gen_params),
	KUNIT_CASE_PARAM(plant_does_not_care_how_often_it_is_looked_at, plant_gen_params),
	KUNIT_CASE(plant_withdraws_what_it_dispensed),
	KUNIT_CASE(plant_backlash_swallows_steps_at_a_reversal),
	KUNIT_CASE(plant_stalls_at_its_pressure_and_not_before),
	{ }
};

static struct kunit_suite plant_suite = {
	.name = "nanodose_plant",
	.test_cases = plant_kunit_cases,
};

kunit_test_suite(plant_suite);
