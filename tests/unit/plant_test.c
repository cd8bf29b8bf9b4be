// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rig's integer plant against a reference in floating point that shares
 * nothing with it: the two differential equations of the rig, integrated by
 * Runge and Kutta's fourth order method between the steps.
 */
#include <stdlib.h>

#include "sim/plant.h"
#include "test.h"

struct reference {
	double c, r, g, back, lag, free;		/* fL/Pa, Pa s/fL, fL/(Pa s), Pa, s, fL/s */
	double step;				/* fL */
	double t, p, y;				/* s, Pa, fL/s */
	double out, leaked, sensed;		/* fL */
	bool occluded;
};

static void reference_init(struct reference *ref, const struct sim_plant_params *params)
{
	double d = params->syringe_diameter_um * 1e-6;

	memset(ref, 0, sizeof(*ref));
	ref->c = params->compliance_fl_per_pa;
	ref->r = params->resistance_pa_s_per_ul * 1e-9;
	ref->g = params->leak_fl_per_pa_s;
	ref->back = params->back_pressure_pa;
	ref->lag = params->sensor_tau_us * 1e-6;
	/* m^3 to fL: 1e18 */
	ref->step = M_PI / 4 * d * d *
		    (params->lead_pitch_nm * 1e-9) / params->microsteps_per_rev * 1e18;
	ref->p = ref->back;
}

struct slope {
	double p, y, out, leaked;
};

static struct slope reference_slope(const struct reference *ref, double p, double y)
{
	double out = ref->occluded ? 0 : (p - ref->back) / ref->r;
	double leak = ref->g * p;
	double free = ref->occluded ? 0 : ref->free;

	return (struct slope){
		.p = -(out + leak) / ref->c,
		.y = ref->lag > 0 ? (out + free - y) / ref->lag : 0,
		.out = out + free,
		.leaked = leak,
	};
}

static void reference_advance(struct reference *ref, double t)
{
	double shortest = ref->c * ref->r, span = t - ref->t, h;
	long i, n;

	if (ref->lag > 0 && ref->lag < shortest)
		shortest = ref->lag;
	n = (long)(span / (shortest / 60)) + 1;
	h = span / n;
	for (i = 0; i < n; i++) {
		struct slope a = reference_slope(ref, ref->p, ref->y);
		struct slope b = reference_slope(ref, ref->p + a.p * h / 2, ref->y + a.y * h / 2);
		struct slope c = reference_slope(ref, ref->p + b.p * h / 2, ref->y + b.y * h / 2);
		struct slope d = reference_slope(ref, ref->p + c.p * h, ref->y + c.y * h);
		double before = ref->y, out;

		ref->p += h / 6 * (a.p + 2 * b.p + 2 * c.p + d.p);
		ref->y += h / 6 * (a.y + 2 * b.y + 2 * c.y + d.y);
		out = h / 6 * (a.out + 2 * b.out + 2 * c.out + d.out);
		ref->out += out;
		ref->leaked += h / 6 * (a.leaked + 2 * b.leaked + 2 * c.leaked + d.leaked);
		ref->sensed += out - ref->lag * (ref->y - before);
	}
	ref->t = t;
}

static const struct sim_plant_params stiff_bench = {
	.syringe_diameter_um = 4699,
	.lead_pitch_nm = 1000000,
	.microsteps_per_rev = 3200,
	.compliance_fl_per_pa = 10000,
	.resistance_pa_s_per_ul = 28000,
	.dead_volume_nl = 20000,
	.sensor_tau_us = 20000,
};

static double volume(struct sim_fixed v)
{
	return v.whole + v.part / 18446744073709551616.0;
}

/* injected + free flow = outlet + leaked + stored, to the last bit */
static bool conserves(const struct sim_plant *plant)
{
	struct sim_fixed start = sim_fixed((s64)plant->params.compliance_fl_per_pa *
					   plant->params.back_pressure_pa);
	struct sim_fixed left = sim_add(plant->injected, plant->siphoned);

	left = sim_add(left, plant->brought);
	left = sim_sub(left, plant->outlet);
	left = sim_sub(left, plant->leaked);
	left = sim_sub(left, sim_sub(plant->stored, start));
	return !left.whole && !left.part;
}

static bool near(double value, double expected, double part, double absolute)
{
	double off = value > expected ? value - expected : expected - value;
	double size = expected < 0 ? -expected : expected;

	if (off <= size * part || off <= absolute)
		return true;
	printf("# %.9g, expected %.9g\n", value, expected);
	return false;
}

/* Volume to 0.01 %, pressure and flow to 0.1 % or the last digit. */
static void compare(const struct sim_plant *plant, const struct reference *ref)
{
	double flow = reference_slope(ref, ref->p, ref->y).out * 0.06;

	CHECK(near(volume(plant->outlet), ref->out, 1e-4, 1));
	CHECK(near(volume(plant->leaked), ref->leaked, 1e-4, 1));
	CHECK(near(sim_plant_pressure_pa(plant), ref->p, 1e-3, 0.6));
	CHECK(near(sim_plant_outlet_flow_pl_min(plant), flow, 1e-3, 0.6));
	CHECK(near(volume(plant->outlet) - volume(plant->lagging), ref->sensed, 1e-4, 100));
	CHECK(conserves(plant));
}

/*
 * Steps of one direction at a rate, for a time; plant and reference are looked
 * at every @look_s. Returns at the end of the time, which need not be a step.
 */
static void dose(struct sim_plant *plant, struct reference *ref, double steps_per_s,
		 double for_s, double look_s)
{
	int direction = steps_per_s < 0 ? -1 : 1;
	u64 period = steps_per_s != 0 ? (u64)(1e9 / fabs(steps_per_s)) : 0;
	u64 start = plant->now_ns, end = start + (u64)(for_s * 1e9);
	u64 look = look_s > 0 ? (u64)(look_s * 1e9) : end - start;
	u64 step_at = start + period, look_at = start + look;

	for (;;) {
		u64 next = look_at < end ? look_at : end;

		if (period && step_at <= next) {
			sim_plant_step(plant, step_at, direction, true);
			reference_advance(ref, step_at * 1e-9);
			ref->p += direction * ref->step / ref->c;
			step_at += period;
			continue;
		}
		sim_plant_advance(plant, next);
		reference_advance(ref, next * 1e-9);
		compare(plant, ref);
		if (next == end)
			return;
		look_at += look;
	}
}

static void start(struct sim_plant *plant, struct reference *ref,
		  const struct sim_plant_params *params)
{
	sim_plant_init(plant, params, 0);
	reference_init(ref, params);
	CHECK(near(volume(plant->step_fl), ref->step, 1e-14, 0));
}

TEST(stiff_bench_doses_and_relaxes)
{
	struct sim_plant plant;
	struct reference ref;

	start(&plant, &ref, &stiff_bench);
	/* 100 uL/min, then a change to 10 uL/min, then rest */
	dose(&plant, &ref, 307.6, 5, 0.0131);
	dose(&plant, &ref, 30.76, 5, 0.0131);
	dose(&plant, &ref, 0, 5, 0.0131);
	CHECK(near(volume(plant.outlet), ref.step * plant.steps, 1e-6, 0));
}

TEST(time_constant_of_a_tenth_of_a_millisecond)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	struct reference ref;

	params.compliance_fl_per_pa = 1000;
	params.resistance_pa_s_per_ul = 100;
	params.sensor_tau_us = 50;
	start(&plant, &ref, &params);
	dose(&plant, &ref, 3000, 0.2, 0.00037);
	dose(&plant, &ref, 0, 0.002, 0.00001);
}

TEST(soft_syringe_of_50_ml_fills_for_minutes)
{
	/* compliance 9e-9 to 2.1e-8 L/Pa: Snijder 2015, 10.1515/bmt-2014-0148 */
	static const u32 compliance[] = { 9000000, 21000000 };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct sim_plant_params params = stiff_bench;
		struct sim_plant plant;
		struct reference ref;

		params.syringe_diameter_um = 26594;
		params.compliance_fl_per_pa = compliance[i];
		params.sensor_tau_us = 100000;
		start(&plant, &ref, &params);
		dose(&plant, &ref, 4.8, 900, 13.7);
		dose(&plant, &ref, 0, 300, 13.7);
	}
}

TEST(leak_takes_its_share)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	struct reference ref;

	params.leak_fl_per_pa_s = 9000;
	start(&plant, &ref, &params);
	dose(&plant, &ref, 100, 4, 0.0171);
	dose(&plant, &ref, 0, 4, 0.0171);
	/* 1/R is 35714 fL/(Pa s): a leak of 9000 takes 20.13 % */
	CHECK(near(volume(plant.leaked) / volume(plant.injected), 0.201278, 1e-4, 0));
}

TEST(back_pressure_holds_and_feeds_a_leak)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	struct reference ref;

	params.back_pressure_pa = 20000;
	start(&plant, &ref, &params);
	dose(&plant, &ref, 100, 3, 0.0171);
	CHECK(sim_plant_outlet_flow_pl_min(&plant) > 0);
	params.leak_fl_per_pa_s = 500;
	start(&plant, &ref, &params);
	dose(&plant, &ref, 0, 3, 0.0171);
	CHECK(sim_plant_outlet_flow_pl_min(&plant) < 0);
	dose(&plant, &ref, 50, 3, 0.0171);
	params.back_pressure_pa = -30000;
	start(&plant, &ref, &params);
	dose(&plant, &ref, 50, 3, 0.0171);
}

TEST(sensor_lag_equal_to_the_time_constant)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	struct reference ref;

	params.sensor_tau_us = 280000;
	sim_plant_init(&plant, &params, 0);
	/* the model keeps the two apart by a 64th: the reference does the same */
	CHECK_INT(plant.lag_ns, 284375000);
	params.sensor_tau_us = 284375;
	start(&plant, &ref, &params);
	dose(&plant, &ref, 100, 3, 0.0171);
	dose(&plant, &ref, 0, 3, 0.0171);
}

TEST(withdraws_as_it_dispenses)
{
	struct sim_plant plant;
	struct reference ref;

	start(&plant, &ref, &stiff_bench);
	dose(&plant, &ref, 200, 3, 0.0271);
	dose(&plant, &ref, -300, 3, 0.0271);
	CHECK(sim_plant_outlet_flow_pl_min(&plant) < 0);
	dose(&plant, &ref, 0, 5, 0.0271);
	CHECK_INT(plant.steps, 600 - 900);
	CHECK(near(volume(plant.outlet), -300 * ref.step, 1e-4, 0));
}

TEST(forty_thousand_steps_a_second)
{
	struct sim_plant plant;
	struct reference ref;

	start(&plant, &ref, &stiff_bench);
	dose(&plant, &ref, 40000, 2, 0.0171);
	dose(&plant, &ref, 0, 4, 0.0171);
	CHECK_INT(plant.steps, 80000);
	CHECK(near(volume(plant.outlet), 80000 * ref.step, 1e-6, 0));
}

TEST(ten_minutes_at_forty_thousand_steps_a_second_lose_nothing)
{
	struct sim_plant plant;
	struct reference ref;
	u64 t = 0;

	start(&plant, &ref, &stiff_bench);
	while (plant.steps < 24000000)
		sim_plant_step(&plant, t += 25000, 1, true);
	sim_plant_advance(&plant, t + 20000000000ULL);
	CHECK(conserves(&plant));
	CHECK(near(volume(plant.outlet), 24000000 * ref.step, 1e-12, 0));
}

TEST(eight_hours_at_a_step_a_minute)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	struct reference ref;

	params.compliance_fl_per_pa = 1000000;
	params.sensor_tau_us = 1000000;
	start(&plant, &ref, &params);
	dose(&plant, &ref, 1.0 / 60, 8 * 3600, 601);
	CHECK_INT(plant.steps, 480);
}

TEST(ten_thousand_seconds_of_time_constant_and_gaps_of_a_nanosecond)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	struct reference ref;
	double tau;
	int i;

	params.compliance_fl_per_pa = 21000000;
	params.resistance_pa_s_per_ul = 476190;
	start(&plant, &ref, &params);
	sim_plant_step(&plant, 1, 1, true);
	/* looks that are a nanosecond apart add up to one that is not */
	for (i = 1; i <= 1000000; i++)
		sim_plant_advance(&plant, 1 + i);
	tau = ref.c * ref.r;
	CHECK(near(volume(plant.outlet), -ref.step * expm1(-1e-3 / tau), 1e-4, 0));
	sim_plant_advance(&plant, 1 + 36000000000000ULL);
	CHECK(near(volume(plant.outlet), -ref.step * expm1(-36000 / tau), 1e-9, 0));
	CHECK(conserves(&plant));
}

TEST(decay_agrees_with_expm1)
{
	static const double tau_s[] = { 1e-6, 1e-4, 0.28, 13, 588, 1e4 };
	double worst = 0;
	unsigned int i;
	u64 t;

	for (i = 0; i < sizeof(tau_s) / sizeof(tau_s[0]); i++) {
		struct sim_rate per_s = sim_rate_div(sim_rate(1000000000),
						     sim_rate((u64)(tau_s[i] * 1e9)));
		struct sim_rate rate = sim_rate_per_s(per_s);

		for (t = 1; t < 100000000000000ULL; t += 1 + t / 7) {
			double x = t / (round(tau_s[i] * 1e9));
			double lost = sim_decay(rate, t) / 18446744073709551616.0;
			double expected = -expm1(-x);
			double off = fabs(lost - expected) / (expected + 1e-7);

			worst = off > worst ? off : worst;
		}
	}
	CHECK(worst < 1e-11);
}

TEST(backlash_is_lost_motion_at_each_reversal)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	u64 t = 0;
	int i;

	params.backlash_steps = 12;
	sim_plant_init(&plant, &params, 0);
	for (i = 0; i < 100; i++)
		sim_plant_step(&plant, t += 1000000, 1, true);
	for (i = 0; i < 50; i++)
		sim_plant_step(&plant, t += 1000000, -1, true);
	for (i = 0; i < 7; i++)
		sim_plant_step(&plant, t += 1000000, 1, true);
	CHECK_INT(plant.steps, 57);
	CHECK_INT(plant.missed_steps, 0);
	/* 100 - (50 - 12); of the last 7 none arrives */
	CHECK(near(volume(plant.injected), 62 * volume(plant.step_fl), 1e-14, 0));
	CHECK(conserves(&plant));
}

TEST(occluded_line_stores_until_the_motor_stalls_and_gives_it_back)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	s64 out;
	u64 t = 0;
	int i;

	params.stall_pressure_pa = 500000;
	sim_plant_init(&plant, &params, 0);
	sim_plant_set_occluded(&plant, 0, true);
	for (i = 0; i < 2000; i++)
		sim_plant_step(&plant, t += 1000000, 1, true);
	/* 500 kPa in 10 000 fL/Pa are 5 uL, 922.6 steps */
	CHECK_INT(plant.missed_steps, 2000 - 923);
	CHECK(near(sim_plant_pressure_pa(&plant), 923 * 541.949, 1e-4, 0));
	CHECK_INT(sim_plant_outlet_volume_fl(&plant), 0);
	CHECK_INT(sim_plant_outlet_flow_pl_min(&plant), 0);
	CHECK_INT(sim_plant_sensor_read(&plant, t), 0);
	sim_plant_set_occluded(&plant, t, false);
	out = sim_plant_outlet_flow_pl_min(&plant);
	/* 500.2 kPa over 28 000 Pa s/uL */
	CHECK(near(out, 923 * 541.949 / 28000 * 6e7, 1e-3, 0));
	sim_plant_advance(&plant, t + 10000000000ULL);
	CHECK(near(volume(plant.outlet), 923 * volume(plant.step_fl), 1e-9, 0));
	CHECK(conserves(&plant));
}

TEST(withdrawing_from_an_occluded_line_stalls_too)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	u64 t = 0;
	int i;

	params.stall_pressure_pa = 50000;
	sim_plant_init(&plant, &params, 0);
	sim_plant_set_occluded(&plant, 0, true);
	for (i = 0; i < 200; i++)
		sim_plant_step(&plant, t += 1000000, -1, true);
	CHECK_INT(plant.missed_steps, 200 - 93);
	CHECK_INT(plant.steps, -200);
	CHECK(sim_plant_pressure_pa(&plant) < -50000);
}

TEST(unpowered_or_stalled_motor_misses_steps)
{
	struct sim_plant plant;

	sim_plant_init(&plant, &stiff_bench, 0);
	sim_plant_step(&plant, 1000, 1, false);
	sim_plant_set_stalled(&plant, 2000, true);
	sim_plant_step(&plant, 3000, 1, true);
	sim_plant_set_stalled(&plant, 4000, false);
	sim_plant_step(&plant, 5000, 1, true);
	CHECK_INT(plant.steps, 3);
	CHECK_INT(plant.missed_steps, 2);
	CHECK(near(volume(plant.injected), volume(plant.step_fl), 0, 0));
}

TEST(free_flow_comes_on_top)
{
	struct sim_plant plant;
	struct reference ref;

	start(&plant, &ref, &stiff_bench);
	sim_plant_set_free_flow(&plant, 0, 5000000);
	ref.free = 5e9 / 60;
	dose(&plant, &ref, 100, 3, 0.0171);
	dose(&plant, &ref, 0, 60, 0.171);
	CHECK_INT(sim_plant_outlet_flow_pl_min(&plant), 5000000);
	/* 63 s at 5 uL/min */
	CHECK(near(volume(plant.siphoned), 5.25e9, 1e-9, 0));
}

TEST(faults_change_the_plant_from_that_instant_on)
{
	struct sim_plant plant;
	struct reference ref;

	start(&plant, &ref, &stiff_bench);
	dose(&plant, &ref, 100, 1, 0.0171);
	sim_plant_set_occluded(&plant, plant.now_ns, true);
	ref.occluded = true;
	dose(&plant, &ref, 100, 1, 0.0171);
	sim_plant_set_leak(&plant, plant.now_ns, 7000);
	ref.g = 7000;
	dose(&plant, &ref, 100, 1, 0.0171);
	sim_plant_set_occluded(&plant, plant.now_ns, false);
	ref.occluded = false;
	dose(&plant, &ref, 100, 1, 0.0171);
	sim_plant_set_leak(&plant, plant.now_ns, 0);
	ref.g = 0;
	dose(&plant, &ref, 100, 1, 0.0171);
	sim_plant_set_bubble(&plant, plant.now_ns, 3 * stiff_bench.compliance_fl_per_pa);
	ref.c *= 4;
	dose(&plant, &ref, 100, 1, 0.0171);
	sim_plant_set_bubble(&plant, plant.now_ns, 0);
	ref.c /= 4;
	dose(&plant, &ref, 0, 3, 0.0171);
}

TEST(sensor_readings_add_up_to_the_volume)
{
	struct sim_plant plant;
	double sum = 0;
	u64 t, step = 0;

	sim_plant_init(&plant, &stiff_bench, 0);
	sim_plant_sensor_begin(&plant, 0);
	for (t = 20000000; t <= 20000000000ULL; t += 20000000) {
		while (step + 3300000 <= t && step < 10000000000ULL)
			sim_plant_step(&plant, step += 3300000, 1, true);
		sum += sim_plant_sensor_read(&plant, t) * 1000.0 * (0.02 / 60);
	}
	CHECK(near(sum, volume(plant.outlet), 1e-5, 0));
	/* read twice in one instant: the flow of that instant, not a division by 0 */
	CHECK_INT(sim_plant_sensor_read(&plant, t), 0);
}

TEST(air_leaves_the_outlet_a_dead_volume_later_and_is_not_delivered)
{
	struct sim_plant plant;
	double step;
	u64 t = 0;
	int i;

	sim_plant_init(&plant, &stiff_bench, 0);
	step = volume(plant.step_fl);
	/* 1 s between steps is 3.6 time constants */
	for (i = 0; i < 10; i++)
		sim_plant_step(&plant, t += 1000000000, 1, true);
	sim_plant_advance(&plant, t += 20000000000ULL);
	sim_plant_set_air(&plant, t, true);
	for (i = 0; i < 100; i++)
		sim_plant_step(&plant, t += 1000000000, 1, true);
	sim_plant_advance(&plant, t += 20000000000ULL);
	sim_plant_set_air(&plant, t, false);
	CHECK(near(sim_plant_outlet_volume_fl(&plant), 110 * step, 1e-8, 0));
	/* 20 uL are 3690 steps: the slug is half out, what came before it delivered */
	for (; i < 3740; i++)
		sim_plant_step(&plant, t += 1000000000, 1, true);
	sim_plant_advance(&plant, t += 20000000000ULL);
	CHECK(near(sim_plant_outlet_volume_fl(&plant), 10 * step + 2e10, 1e-8, 0));
	for (i = 0; i < 200; i++)
		sim_plant_step(&plant, t += 1000000000, 1, true);
	sim_plant_advance(&plant, t += 20000000000ULL);
	CHECK(near(sim_plant_outlet_volume_fl(&plant), volume(plant.outlet) - 100 * step,
		   1e-8, 0));
}

TEST(many_bubbles_are_all_left_out)
{
	struct sim_plant_params params = stiff_bench;
	struct sim_plant plant;
	u64 t = 0;
	int i;

	params.dead_volume_nl = 0;
	sim_plant_init(&plant, &params, 0);
	for (i = 0; i < 50; i++) {
		sim_plant_set_air(&plant, t, i & 1);
		sim_plant_step(&plant, t, 1, true);
		sim_plant_advance(&plant, t += 20000000000ULL);
	}
	CHECK(near(sim_plant_outlet_volume_fl(&plant), 25 * volume(plant.step_fl), 1e-6, 0));
}

int main(void)
{
	RUN(decay_agrees_with_expm1);
	RUN(stiff_bench_doses_and_relaxes);
	RUN(time_constant_of_a_tenth_of_a_millisecond);
	RUN(soft_syringe_of_50_ml_fills_for_minutes);
	RUN(leak_takes_its_share);
	RUN(back_pressure_holds_and_feeds_a_leak);
	RUN(sensor_lag_equal_to_the_time_constant);
	RUN(withdraws_as_it_dispenses);
	RUN(forty_thousand_steps_a_second);
	RUN(ten_minutes_at_forty_thousand_steps_a_second_lose_nothing);
	RUN(eight_hours_at_a_step_a_minute);
	RUN(ten_thousand_seconds_of_time_constant_and_gaps_of_a_nanosecond);
	RUN(backlash_is_lost_motion_at_each_reversal);
	RUN(occluded_line_stores_until_the_motor_stalls_and_gives_it_back);
	RUN(withdrawing_from_an_occluded_line_stalls_too);
	RUN(unpowered_or_stalled_motor_misses_steps);
	RUN(free_flow_comes_on_top);
	RUN(faults_change_the_plant_from_that_instant_on);
	RUN(sensor_readings_add_up_to_the_volume);
	RUN(air_leaves_the_outlet_a_dead_volume_later_and_is_not_delivered);
	RUN(many_bubbles_are_all_left_out);
	return test_end();
}
