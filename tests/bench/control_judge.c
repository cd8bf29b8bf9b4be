// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A loop in command of a rig: the plant and the sensor are those of the
 * simulated rig, byte for byte; the pump makes whole steps on its way to the
 * rate asked for, at its acceleration, and hears of a new rate one millisecond
 * after the record. See control_judge.h.
 */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "control_bench.h"
#include "identify.h"

#define PL_MIN		(1e-15 / 60)	/* m3/s */
#define ORDER_NS	1000000ULL	/* from the record to the pump */
#define REST_RECORDS	25		/* before the set point */
#define PRESSURE_NOISE_PA 20
#define BAND		0.05
#define MAX_PRESSURE_PA	300e3
#define DOSE_S		100
#define DOSE_STORED	0.0003		/* share of the dose: what is stored counts no more */
#define DRAINED		0.02		/* share of the set point, read: the dose is over */
#define DRAIN_MAX_S	120.0		/* without an estimate of what is stored */
#define MIX_S		10
#define MIX_FROM_S	0.05

const char *const judge_loop_names[JUDGE_LOOPS] = {
	"open", "pi_simc", "pi_fixed", "uncalibrated", "calibrated",
};

/*
 * Skogestad, J. Process Control 13 (2003) 291: first order with delay by the
 * half rule, closed loop as fast as the delay; the delay is the sensor's lag or
 * the rig's, whichever is shorter, halved, and one and a half sample periods.
 */
static void tune(struct bench *b)
{
	double lag_s = b->rig->params.sensor_tau_us * 1e-6;
	double slow_s = fmax(b->rig->tau_s, lag_s), quick_s = fmin(b->rig->tau_s, lag_s);
	double delay_s = quick_s / 2 + 1.5 * period_s(b->rig);

	if (b->loop == JUDGE_PI_SIMC) {
		slow_s += quick_s / 2;
		b->kp = slow_s / (2 * delay_s);
		b->ki = b->kp / fmin(slow_s, 8 * delay_s);
	} else {
		b->kp = 0.5;
		b->ki = 1;
	}
}

void bench_begin(struct bench *b, const struct judge_rig *rig, enum judge_loop loop)
{
	static const uint8_t start_water[] = { 0x36, 0x08 };
	struct control_config config = {
		.max_rate_m3_s = rig->max_rate_m3_s,
		.max_pressure_pa = MAX_PRESSURE_PA,
		.sensor_full_scale_m3_s = rig->full_scale_m3_s,
		.sample_period_s = period_s(rig),
		.step_m3 = rig->step_m3,
	};

	if (loop == JUDGE_OURS_CALIBRATED)
		config.model = rig->model;
	*b = (struct bench){ .rig = rig, .loop = loop, .end_steps = INT64_MAX, .way = 1 };
	sim_plant_init(&b->plant, &rig->params, 0);
	b->plant.slack = rig->params.backlash_steps - rig->slack_steps;
	sim_sensor_init(&b->sensor, rig->sensor, 1, rig->seed, 0);
	b->sensor.gain_ppm = rig->sensor_gain_ppm;
	b->sensor.offset_pl_min = rig->sensor_offset_pl_min;
	b->smooth_slack_m3 = rig->slack_steps * rig->step_m3;
	b->noise.state = rig->seed + 1;
	sim_sensor_write(&b->sensor, &b->plant, 0, SIM_SENSOR_ADDRESS, start_water, 2);
	tune(b);
	if (loop == JUDGE_OURS || loop == JUDGE_OURS_CALIBRATED) {
		b->control = control_new(&config);
		control_set_accel(b->control, rig->accel_m3_s2);
	}
}

/* The outlet of a pump without steps, while the rate changes evenly. */
static void smooth(struct bench *b, double rate_m3_s, double slope, double span_s)
{
	double volume_m3 = (rate_m3_s + slope * span_s / 2) * span_s, tau_s = b->rig->tau_s;
	double lost_m3 = fmin(b->smooth_slack_m3, volume_m3), share = volume_m3 > 0 ? 1 - lost_m3 / volume_m3 : 0;
	double in = share * rate_m3_s, in_slope = share * slope;

	b->smooth_slack_m3 -= lost_m3;
	b->smooth_m3_s = in + in_slope * (span_s - tau_s) +
			 (b->smooth_m3_s - in + in_slope * tau_s) * exp(-span_s / tau_s);
}

/* Steps until a time, the rate on its way to the one asked for. */
void bench_turn(struct bench *b, uint64_t until_ns)
{
	double volume = b->rig->step_m3, accel = b->rig->accel_m3_s2 / volume;
	double left_s = (until_ns - b->now_ns) / 1e9, at_s = 0;

	while (at_s < left_s && b->steps < b->end_steps) {
		double rate = b->rate / volume, aim = b->asked / volume, a, span_s, t, root;

		a = aim > rate ? accel : -accel;
		span_s = fmin(left_s - at_s, fabs(aim - rate) / accel);
		if (!(span_s > 1e-12)) {
			a = 0;
			rate = aim;
			span_s = left_s - at_s;
		}
		/* phase + rate t + a t^2 / 2 = 1 */
		root = rate * rate + 2 * a * (1 - b->phase);
		t = root > 0 && rate + sqrt(root) > 0 ? 2 * (1 - b->phase) / (rate + sqrt(root)) :
							INFINITY;
		if (t > span_s) {
			b->phase += rate * span_s + a * span_s * span_s / 2;
			at_s += span_s;
		} else {
			span_s = t;
			at_s += t;
			b->phase = 0;
			b->steps++;
			b->position += b->way;
			sim_plant_step(&b->plant, b->now_ns + (uint64_t)(at_s * 1e9), b->way, true);
		}
		smooth(b, rate * volume, a * volume, span_s);
		b->rate = fmax(0, (rate + a * span_s) * volume);
	}
	if (b->steps >= b->end_steps)
		b->rate = 0;
	b->now_ns = until_ns;
	sim_plant_advance(&b->plant, until_ns);
}

double bench_outlet_m3_s(const struct bench *b)
{
	/* what sim_plant_outlet_flow_pl_min() says, in double precision */
	return (b->plant.stored.whole + b->plant.stored.part * 0x1p-64) * FL / b->rig->tau_s;
}

void bench_read(struct bench *b, struct control_sample *sample)
{
	const struct sim_sensor_type *type = b->sensor.type;
	uint8_t frame[SIM_SENSOR_FRAME_LEN];
	double count_m3_s = (double)type->per_pl_min / type->scale * PL_MIN;

	sample->time_s = b->now_ns / 1e9;
	sample->stepped_m3 = b->position * b->rig->step_m3;
	sample->flow_m3_s = NAN;
	sample->pressure_pa = NAN;
	b->saturated = false;
	if (sim_sensor_read(&b->sensor, &b->plant, b->now_ns, frame, sizeof(frame))) {
		sample->flow_m3_s = (int16_t)(frame[0] << 8 | frame[1]) * count_m3_s;
		b->saturated = frame[7] & SIM_SENSOR_HIGH_FLOW || fabs(sample->flow_m3_s) > b->rig->full_scale_m3_s;
	}
	if (b->rig->has_pressure)
		sample->pressure_pa = sim_plant_pressure_pa(&b->plant) +
				      sim_noise(&b->noise, PRESSURE_NOISE_PA);
	b->flow_m3_s = sample->flow_m3_s;
	b->read_m3 += isnan(b->flow_m3_s) ? 0 : b->flow_m3_s * period_s(b->rig);
}

static double pi_rate(struct bench *b, double flow)
{
	double error = b->set_point - flow, most = b->rig->max_rate_m3_s, rate;

	if (b->set_point == 0 || isnan(flow))
		return b->wanted;
	rate = b->kp * error + b->integral + b->ki * error * period_s(b->rig);
	/* at a limit the integral waits */
	if (rate > 0 && rate < most)
		b->integral += b->ki * error * period_s(b->rig);
	return fmin(fmax(rate, 0), most);
}

static double cpu_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

/* A record period of the rig's life. */
void bench_live(struct bench *b)
{
	struct control_sample sample;
	double begin_s;

	for (unsigned int i = 0; i < JUDGE_LOOKS; i++) {
		uint64_t until_ns = b->now_ns + b->rig->period_ns / JUDGE_LOOKS;

		if (i == 0) {
			bench_turn(b, b->now_ns + ORDER_NS);
			b->asked = b->wanted;
		}
		bench_turn(b, until_ns);
		b->looks[i] = bench_outlet_m3_s(b);
		b->smooth_looks[i] = b->smooth_m3_s;
	}
	bench_read(b, &sample);
	switch (b->loop) {
	case JUDGE_OPEN:
		b->wanted = b->set_point;
		break;
	case JUDGE_PI_SIMC:
	case JUDGE_PI_FIXED:
		b->wanted = pi_rate(b, sample.flow_m3_s);
		break;
	default:
		/* as the runner does: at its end of range it reads less than flows */
		if (b->saturated)
			sample.flow_m3_s = NAN;
		begin_s = cpu_now_s();
		control_sample(b->control, &sample, &b->output);
		b->cpu_s += cpu_now_s() - begin_s;
		b->records++;
		if (b->output.pump_rate_m3_s * b->set_point < 0 ||
		    (b->set_point == 0 && b->output.pump_rate_m3_s != 0))
			b->reverses = true;
		b->wanted = fmin(fmax(b->output.pump_rate_m3_s, 0), b->rig->max_rate_m3_s);
	}
}

void bench_go(struct bench *b)
{
	for (int i = 0; i < REST_RECORDS; i++)
		bench_live(b);
	b->set_point = b->rig->set_point_m3_s;
	b->wanted = b->set_point;
	b->integral = 0;
	b->read_m3 = 0;
	if (b->control)
		control_set_point(b->control, b->now_ns / 1e9, b->set_point);
	if (b->control)
		b->wanted = control_first_rate_m3_s(b->control);
}

void bench_rest(struct bench *b)
{
	b->end_steps = b->steps;
	b->rate = 0;
	b->set_point = 0;
	b->wanted = 0;
	if (b->control)
		control_set_point(b->control, b->now_ns / 1e9, 0);
}

void judge_calibrate(struct judge_rig *rig)
{
	struct identify_config config = {
		.volume_m3 = rig->set_point_m3_s * IDENTIFY_PUSH_S, .step_m3 = rig->step_m3,
		.most_pushes = IDENTIFY_PUSHES,
	};
	struct identify *identify = identify_new(&config);
	enum identify_next next = IDENTIFY_WAIT;
	struct control_sample sample;
	double volume_m3;
	struct bench b;

	bench_begin(&b, rig, JUDGE_OPEN);
	b.end_steps = 0;
	while (next != IDENTIFY_DONE) {
		bench_turn(&b, b.now_ns + rig->period_ns);
		bench_read(&b, &sample);
		next = identify_sample(identify, &sample, b.steps < b.end_steps, &volume_m3);
		if (next != IDENTIFY_MOVE)
			continue;
		b.way = volume_m3 < 0 ? -1 : 1;
		b.end_steps = b.steps + llround(fabs(volume_m3) / rig->step_m3);
		b.asked = rig->set_point_m3_s;
	}
	identify_result(identify, &rig->model, NULL);
	/* it may have been turned since */
	rig->model.taken_up = 0;
	identify_free(identify);
}

void judge_flow(const struct judge_rig *rig, enum judge_loop loop, struct judge_flow *flow)
{
	unsigned int periods = (3.5 * rig->tau_s + 5) / period_s(rig), late = periods * 3 / 4, count = 0;
	double ripple = rig->step_m3 / (rig->tau_s * rig->set_point_m3_s);
	double mean = 0, square = 0, low = INFINITY, high = -INFINITY;
	unsigned int crossings = 0;
	struct bench b;
	bool above = false;

	*flow = (struct judge_flow){ 0 };
	bench_begin(&b, rig, loop);
	bench_go(&b);
	for (unsigned int i = 0; i < periods; i++) {
		bench_live(&b);
		for (unsigned int k = 0; k < JUDGE_LOOKS; k++) {
			double share = b.looks[k] / rig->set_point_m3_s, off;

			if (fabs(share - 1) > BAND)
				flow->settle_s = (i + (k + 1.0) / JUDGE_LOOKS) * period_s(rig);
			flow->overshoot = fmax(flow->overshoot, share - 1);
			if (i < late)
				continue;
			off = share - mean;
			mean += off / ++count;
			square += off * (share - mean);
			low = fmin(low, share);
			high = fmax(high, share);
			if ((share > mean) != above) {
				above = !above;
				crossings++;
			}
		}
	}
	flow->cv = sqrt(fmax(0, square / count / (mean * mean) - ripple * ripple / 12));
	flow->oscillates = high - low > 0.1 + 2 * ripple && crossings > 6;
	flow->diverges = high > 2;
	flow->reverses = b.reverses;
	flow->records = b.records;
	flow->cpu_s = b.cpu_s;
	control_free(b.control);
}

/* Whether the loop takes the dose for delivered. */
static bool dose_over(const struct bench *b, double wait_s)
{
	double dose = b->rig->set_point_m3_s * DOSE_S;

	if (b->control && !isnan(b->output.stored_m3))
		return b->output.stored_m3 < DOSE_STORED * dose ||
		       wait_s > 10 * b->rig->tau_s + DRAIN_MAX_S;
	return b->flow_m3_s < DRAINED * b->rig->set_point_m3_s || wait_s > DRAIN_MAX_S;
}

void judge_dose(const struct judge_rig *rig, enum judge_loop loop, struct judge_dose *dose)
{
	double volume = rig->set_point_m3_s * DOSE_S, lost = rig->slack_steps * rig->step_m3;
	bool by_sensor = loop == JUDGE_PI_SIMC || loop == JUDGE_PI_FIXED;
	struct bench b;
	double limit_s;

	bench_begin(&b, rig, loop);
	bench_go(&b);
	if (!by_sensor)
		b.end_steps = b.steps + llround(volume / rig->step_m3);
	limit_s = b.now_ns / 1e9 + 3 * DOSE_S;
	/* PI loops count what the sensor has seen, as those who build them do. */
	while (b.now_ns / 1e9 < limit_s && (by_sensor ? b.read_m3 < volume : b.steps < b.end_steps))
		bench_live(&b);
	bench_rest(&b);
	limit_s = b.now_ns / 1e9;
	do
		bench_live(&b);
	while (!dose_over(&b, b.now_ns / 1e9 - limit_s));
	dose->wait_s = b.now_ns / 1e9 - limit_s;
	dose->error = fabs(sim_plant_outlet_volume_fl(&b.plant) * FL - (volume - lost)) / volume;
	control_free(b.control);
}

static void keep_ratio(struct bench b[2])
{
	struct control_way ways[2];

	if (!b[0].control)
		return;
	for (int i = 0; i < 2; i++)
		ways[i] = control_way(b[i].control);
	for (int i = 0; i < 2; i++)
		control_follow(b[i].control, &ways[!i]);
}

static double ratio_error(double one_m3_s, double other_m3_s, const struct judge_rig rigs[2])
{
	double one = one_m3_s / rigs[0].set_point_m3_s, other = other_m3_s / rigs[1].set_point_m3_s;

	return other > 0 ? fabs(one / other - 1) : one > 0;
}

unsigned int judge_mix(const struct judge_rig rigs[2], enum judge_loop loop, double *errors, double *stepped,
		       unsigned int room)
{
	struct judge_rig known[2];
	struct bench b[2];
	unsigned int count = 0;

	for (int i = 0; i < 2; i++) {
		known[i] = rigs[i];
		/* a calibrated one as calibration has left it */
		if (loop == JUDGE_OURS_CALIBRATED) {
			known[i].slack_steps = 0;
			known[i].model.taken_up = 1;
		}
		bench_begin(&b[i], &known[i], loop);
		bench_go(&b[i]);
	}
	keep_ratio(b);
	for (int i = 0; i < 2 && b[0].control; i++)
		b[i].wanted = control_first_rate_m3_s(b[i].control);
	for (unsigned int i = 0; i < MIX_S / period_s(rigs); i++) {
		keep_ratio(b);
		bench_live(&b[0]);
		bench_live(&b[1]);
		for (unsigned int k = 0; k < JUDGE_LOOKS; k++) {
			if ((i + (k + 1.0) / JUDGE_LOOKS) * period_s(rigs) < MIX_FROM_S || count == room)
				continue;
			stepped[count] = ratio_error(b[0].looks[k], b[1].looks[k], rigs);
			errors[count++] = ratio_error(b[0].smooth_looks[k], b[1].smooth_looks[k], rigs);
		}
	}
	for (int i = 0; i < 2; i++)
		control_free(b[i].control);
	return count;
}
