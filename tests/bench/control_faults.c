// SPDX-License-Identifier: GPL-2.0-or-later
/* Rigs that go wrong: what the loop says of them, how soon, and what is let go afterwards. */
#include <math.h>
#include <stdio.h>

#include "control_bench.h"

#define BAR_PA		1e5
#define STIFF_S		0.5	/* to a bar */
#define PRESSED		0.8	/* of a bar; a rig with more by itself is given a bar more */
#define LEAK_SHARE	0.33
#define FREE_SHARE	0.5
#define GAIN_OFF	0.05	/* the sensor may read more */
#define WATCH_TAUS	12.0
#define WATCH_LEAST_S	20.0
#define LOOK_NS		500000000ULL
#define ROUNDS		3	/* of taking back, and seeing what is left */
#define LEFT		0.005	/* share of what was stored */

const char *const judge_fault_names[JUDGE_FAULTS] = {
	"well", "closed", "stalled", "leaks", "free", "same",
};

static double stored_m3(const struct bench *b)
{
	return (b->plant.stored.whole + b->plant.stored.part * 0x1p-64) * FL;
}

/* Until feedback has ended and the flow has been there for some time. */
static bool settle(struct bench *b)
{
	double limit_s = 12 * b->rig->tau_s + 60, calm_s = 0;

	for (double t = 0; t < limit_s; t += period_s(b->rig)) {
		bench_live(b);
		calm_s = control_settled(b->control) ? calm_s + period_s(b->rig) : 0;
		if (calm_s > 2 && fabs(bench_outlet_m3_s(b) / b->set_point - 1) < 0.03)
			return true;
	}
	return false;
}

static void go_wrong(struct bench *b, enum judge_fault fault)
{
	const struct sim_plant_params *p = &b->rig->params;

	switch (fault) {
	case JUDGE_CLOSED:
		sim_plant_set_occluded(&b->plant, b->now_ns, true);
		break;
	case JUDGE_STALLED:
		sim_plant_set_stalled(&b->plant, b->now_ns, true);
		break;
	case JUDGE_LEAKS:
		/* fL/(Pa s): of 1 / R, in the proportion that it takes */
		sim_plant_set_leak(&b->plant, b->now_ns,
				   lround(LEAK_SHARE / (1 - LEAK_SHARE) * 1e9 / p->resistance_pa_s_per_ul));
		break;
	case JUDGE_FREE:
		sim_plant_set_free_flow(&b->plant, b->now_ns,
					llround(FREE_SHARE * b->set_point * 60e15));
		break;
	case JUDGE_SAME:
		b->sensor.stuck = true;
		break;
	default:
		break;
	}
}

/* At rest, until the readings tell what is left. */
static void look_on(struct bench *b)
{
	uint64_t until_ns = b->now_ns + LOOK_NS;

	while (b->now_ns < until_ns)
		bench_live(b);
}

/* As the runner does: back by what is stored, and again by what is left. */
static double release(struct bench *b)
{
	double first = 0, before, begin;

	bench_rest(b);
	look_on(b);
	begin = stored_m3(b);
	for (int i = 0; i < ROUNDS; i++) {
		double volume_m3 = control_release_m3(b->control);

		first = i ? first : volume_m3;
		if (!(volume_m3 > LEFT * first))
			break;
		b->way = -1;
		b->end_steps = b->steps + llround(volume_m3 / b->rig->step_m3);
		b->wanted = b->rig->set_point_m3_s;
		while (b->steps < b->end_steps) {
			bench_live(b);
			b->wanted = b->rig->set_point_m3_s;
		}
		b->wanted = b->asked = 0;
		look_on(b);
	}
	before = sim_plant_outlet_volume_fl(&b->plant) * FL;
	sim_plant_set_occluded(&b->plant, b->now_ns, false);
	for (double t = 0; t < 8 * b->rig->tau_s + 1; t += period_s(b->rig))
		bench_live(b);
	return fabs(sim_plant_outlet_volume_fl(&b->plant) * FL - before) / begin;
}

/* From the pressure of the flow, and behind a closed outlet: until it is 1 bar, or a bar more. */
static double bar_s(const struct judge_rig *rig)
{
	double c = rig->params.compliance_fl_per_pa * FL, pressure = rig->set_point_m3_s * rig->tau_s / c;

	return (pressure < PRESSED * BAR_PA ? BAR_PA - pressure : BAR_PA) * c / rig->set_point_m3_s;
}

/* A stiff rig is to be looked at more often. */
static struct judge_rig watched(const struct judge_rig *rig)
{
	struct judge_rig watched = *rig;

	if (bar_s(rig) < STIFF_S)
		watched.period_ns = JUDGE_STIFF_PERIOD_NS;
	return watched;
}

bool judge_trouble(const struct judge_rig *drawn, enum judge_loop loop, enum judge_fault fault,
		   struct judge_trouble *trouble)
{
	double limit_s = WATCH_TAUS * drawn->tau_s + WATCH_LEAST_S;
	const struct judge_rig rig = watched(drawn);
	struct bench b;
	uint64_t at_ns;
	bool settled;

	*trouble = (struct judge_trouble){ .released = NAN, .bar_s = bar_s(&rig) };
	/* Beyond the sensor's range there is no reading to judge: the driver stops for that. */
	if (fault == JUDGE_FREE && (1 + FREE_SHARE) * (1 + GAIN_OFF) * rig.set_point_m3_s > rig.full_scale_m3_s)
		return false;
	bench_begin(&b, &rig, loop);
	bench_go(&b);
	settled = settle(&b);
	if (settled) {
		at_ns = b.now_ns;
		go_wrong(&b, fault);
		while (!trouble->named && (b.now_ns - at_ns) / 1e9 < limit_s) {
			bench_live(&b);
			trouble->named = b.output.trouble;
		}
		trouble->named_s = (b.now_ns - at_ns) / 1e9;
		trouble->records = (b.now_ns - at_ns) / rig.period_ns;
		trouble->sure = control_evidence(b.control)->sure;
		if (fault == JUDGE_CLOSED && trouble->named == DIAGNOSIS_OCCLUSION)
			trouble->released = release(&b);
	}
	control_free(b.control);
	return settled;
}

unsigned int judge_false_alarms(const struct judge_rig *drawn, enum judge_loop loop, double hours, bool tell)
{
	const struct judge_rig watched_rig = watched(drawn), *rig = &watched_rig;
	static const double shares[] = { 1, 0.5, 0.8, 0.3, 0, 1, 0.6 };
	double each_s = fmax(600, 12 * rig->tau_s), next_s;
	unsigned int alarms = 0, at = 0;
	struct bench b;

	bench_begin(&b, rig, loop);
	bench_go(&b);
	next_s = b.now_ns / 1e9 + each_s;
	while (b.now_ns / 1e9 < hours * 3600) {
		bench_live(&b);
		if (b.output.trouble) {
			alarms++;
			if (tell)
				fprintf(stderr, "%s %s at %.1f s, set point %.2g\n", rig->name,
					diagnosis_name(b.output.trouble), b.now_ns / 1e9,
					b.set_point / rig->set_point_m3_s);
			control_forget_trouble(b.control);
			b.output.trouble = DIAGNOSIS_NONE;
		}
		if (b.now_ns / 1e9 < next_s)
			continue;
		at = (at + 1) % (sizeof(shares) / sizeof(shares[0]));
		b.set_point = shares[at] * rig->set_point_m3_s;
		control_set_point(b.control, b.now_ns / 1e9, b.set_point);
		next_s += each_s;
	}
	control_free(b.control);
	return alarms;
}
