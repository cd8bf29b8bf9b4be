// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plant of a simulated rig; see plant.h.
 */
#include "plant.h"

#define FL_PER_NL	1000000LL
#define NS_PER_S	1000000000ULL
/* fL/ns to pL/min: 1e-3 pL/fL, 6e10 ns/min */
#define PL_MIN_PER_FL_NS	60000000ULL
/* No rig of this kind has more flow: 4 L/min */
#define FLOW_MAX_PL_MIN		4000000000000LL

/* 2^64 / n */
static const u64 reciprocal[] = {
	0, ~0ULL,
	0x8000000000000000ULL, 0x5555555555555555ULL, 0x4000000000000000ULL,
	0x3333333333333333ULL, 0x2aaaaaaaaaaaaaaaULL, 0x2492492492492492ULL,
	0x2000000000000000ULL, 0x1c71c71c71c71c71ULL, 0x1999999999999999ULL,
	0x1745d1745d1745d1ULL, 0x1555555555555555ULL, 0x13b13b13b13b13b1ULL,
	0x1249249249249249ULL, 0x1111111111111111ULL, 0x1000000000000000ULL,
	0x0f0f0f0f0f0f0f0fULL, 0x0e38e38e38e38e38ULL, 0x0d79435e50d79435ULL,
};

u64 sim_decay(struct sim_rate rate, u64 time_ns)
{
	const u64 ln2 = 0xb17217f7d1cf79acULL;
	u64 high, low, halvings, fraction, r, lost, term;
	int shift = -rate.exp, n;

	if (!rate.mant || !time_ns)
		return 0;
	/* rate * time = halvings + fraction / 2^64 */
	sim_mul128(rate.mant, time_ns, &high, &low);
	if (shift < 64) {
		return ~0ULL;
	} else if (shift == 64) {
		halvings = high;
		fraction = low;
	} else if (shift < 128) {
		halvings = high >> (shift - 64);
		fraction = (high << (128 - shift)) | (low >> (shift - 64));
	} else {
		halvings = 0;
		fraction = shift < 192 ? high >> (shift - 128) : 0;
	}
	if (halvings > 63)
		return ~0ULL;
	/*
	 * 1 - exp(-r) = r (1 - r/2 (1 - r/3 (1 - ...))), from the inside; few
	 * terms do for the short spans between steps.
	 */
	r = sim_mul_high(fraction, ln2);
	n = r >> 52 ? 19 : 6;
	lost = 0;
	for (; n > 1; n--) {
		term = sim_mul_high(r, reciprocal[n]);
		lost = term - sim_mul_high(term, lost);
	}
	lost = r - sim_mul_high(r, lost);
	if (!halvings)
		return lost;
	/* what is kept, (1 - lost) / 2^halvings, is below 1/2 here */
	return -((lost ? -lost >> halvings : 1ULL << (64 - halvings)));
}

static u32 plant_compliance(const struct sim_plant *plant)
{
	return plant->params.compliance_fl_per_pa + plant->bubble_fl_per_pa;
}

static u32 plant_leak(const struct sim_plant *plant)
{
	return plant->params.leak_fl_per_pa_s + plant->extra_leak_fl_per_pa_s;
}

/* Flow in pL/min as fL/ns */
static struct sim_fixed plant_flow(s64 pl_min)
{
	return sim_fixed_div(sim_fixed(pl_min), PL_MIN_PER_FL_NS);
}

/* What follows from parameters and faults. */
static void plant_derive(struct sim_plant *plant)
{
	const struct sim_plant_params *p = &plant->params;
	u64 leak = plant_leak(plant), leak_x_r = leak * p->resistance_pa_s_per_ul;
	u64 compliance = plant_compliance(plant);
	struct sim_fixed held = sim_fixed((s64)compliance * p->back_pressure_pa);
	struct sim_rate top, bottom;

	plant->tight = !leak;
	if (plant->occluded) {
		/* nothing leaves but the leak, down to no pressure at all */
		top = sim_rate(leak);
		bottom = sim_rate(compliance);
		plant->outlet_share = 0;
		plant->rest_fl = sim_fixed(0);
		plant->seep = sim_fixed(0);
		plant->free = sim_fixed(0);
	} else {
		/* 1/tau = (1/R + G)/C; 1/R is 1e9/resistance fL/(Pa s) */
		top = sim_rate(NS_PER_S + leak_x_r);
		bottom = sim_rate(compliance * p->resistance_pa_s_per_ul);
		plant->outlet_share = leak ? sim_div128(NS_PER_S, 0, NS_PER_S + leak_x_r) : 0;
		plant->rest_fl = leak ? sim_share(held, plant->outlet_share) : held;
		plant->seep = sim_fixed_div(sim_fixed((s64)leak * p->back_pressure_pa), NS_PER_S);
		plant->seep = leak ? sim_share(plant->seep, plant->outlet_share) : sim_fixed(0);
		plant->free = plant_flow(plant->free_flow_pl_min);
	}
	plant->relax = sim_rate_per_s(sim_rate_div(top, bottom));
	plant->constant = sim_sub(plant->free, plant->seep);

	plant->lag_ns = (u64)p->sensor_tau_us * 1000;
	if (!plant->lag_ns)
		return;
	/*
	 * The closed form of two chambers in a row divides by the distance of
	 * their rates: a lag too close to the chamber's time constant (1/256)
	 * is made longer by 1/64.
	 */
	plant->lag = sim_rate_per_s(sim_rate_div(sim_rate(NS_PER_S), sim_rate(plant->lag_ns)));
	plant->apart = sim_rate_distance(plant->relax, plant->lag);
	if (plant->apart.exp + 8 < plant->lag.exp || !plant->apart.mant) {
		plant->lag_ns += plant->lag_ns >> 6;
		plant->lag = sim_rate_per_s(sim_rate_div(sim_rate(NS_PER_S),
							 sim_rate(plant->lag_ns)));
		plant->apart = sim_rate_distance(plant->relax, plant->lag);
	}
	plant->apart_ratio54 = sim_rate_ratio54(plant->relax, plant->apart);
}

void sim_plant_init(struct sim_plant *plant, const struct sim_plant_params *params, u64 now_ns)
{
	const u64 quarter_pi = 0xc90fdaa22168c234ULL;	/* pi/4 * 2^64 */
	struct sim_fixed area_lead;
	u64 square_lead;

	*plant = (struct sim_plant){
		.params = *params,
		.now_ns = now_ns,
		.read_ns = now_ns,
		.slack = params->backlash_steps,
	};
	/* um^2 nm are 1e-3 fL */
	square_lead = (u64)params->syringe_diameter_um * params->syringe_diameter_um *
		      params->lead_pitch_nm;
	area_lead.part = 0;
	sim_mul128(square_lead, quarter_pi, (u64 *)&area_lead.whole, &area_lead.part);
	plant->step_fl = sim_fixed_div(area_lead, (u64)params->microsteps_per_rev * 1000);
	plant->stored = sim_fixed((s64)params->compliance_fl_per_pa * params->back_pressure_pa);
	plant_derive(plant);
}

/* A constant flow for a time */
static struct sim_fixed plant_over(struct sim_fixed flow, u64 span_ns)
{
	return sim_scale(flow, span_ns, 0);
}

/*
 * The sensor's lag over a span in which @burst leaves the chamber for the
 * outlet at the chamber's rate, if it were given for ever, and the constant
 * flow besides. The outlet gets all of it, the lag keeps a part back.
 */
static void plant_lag(struct sim_plant *plant, u64 span_ns, struct sim_fixed burst)
{
	u64 lost = sim_decay(plant->lag, span_ns);
	struct sim_rate slower = plant->relax;
	struct sim_fixed kept;

	kept = sim_sub(plant->lagging, sim_share(plant->lagging, lost));
	/* constant * tau (1 - exp(-t/tau)) */
	kept = sim_add(kept, sim_share(plant_over(plant->constant, plant->lag_ns), lost));
	/*
	 * burst * a (exp(-a t) - exp(-b t)) / (b - a) for the rates a of the
	 * chamber and b of the lag, written with the slower and the distance
	 */
	if (sim_rate_less(plant->lag, slower))
		slower = plant->lag;
	burst = sim_sub(burst, sim_share(burst, sim_decay(slower, span_ns)));
	burst = sim_share(burst, sim_decay(plant->apart, span_ns));
	burst = sim_scale(burst, plant->apart_ratio54, 54);
	plant->lagging = sim_add(kept, burst);
}

void sim_plant_advance(struct sim_plant *plant, u64 now_ns)
{
	struct sim_fixed excess, gone, out;
	u64 span_ns;

	if (now_ns <= plant->now_ns)
		return;
	span_ns = now_ns - plant->now_ns;
	plant->now_ns = now_ns;

	excess = sim_sub(plant->stored, plant->rest_fl);
	gone = sim_share(excess, sim_decay(plant->relax, span_ns));
	plant->stored = sim_sub(plant->stored, gone);
	if (plant->occluded) {
		excess = sim_fixed(0);
		out = sim_fixed(0);
	} else if (plant->tight) {
		out = gone;
	} else {
		excess = sim_share(excess, plant->outlet_share);
		out = sim_share(gone, plant->outlet_share);
	}
	plant->leaked = sim_add(plant->leaked, sim_sub(gone, out));

	/* at rest the outlet may feed the leak, and a siphon the outlet */
	if (plant->free_flow_pl_min || !plant->tight) {
		struct sim_fixed free = plant_over(plant->free, span_ns);
		struct sim_fixed seep = plant_over(plant->seep, span_ns);

		plant->siphoned = sim_add(plant->siphoned, free);
		plant->leaked = sim_add(plant->leaked, seep);
		out = sim_add(out, sim_sub(free, seep));
	}
	plant->outlet = sim_add(plant->outlet, out);
	if (plant->lag_ns)
		plant_lag(plant, span_ns, excess);
}

void sim_plant_step(struct sim_plant *plant, u64 now_ns, int direction, bool powered)
{
	s64 stall_fl = (s64)plant_compliance(plant) * plant->params.stall_pressure_pa;
	bool plus = direction > 0;

	sim_plant_advance(plant, now_ns);
	plant->steps += plus ? 1 : -1;
	if (!powered || plant->stalled ||
	    (stall_fl && (plus ? plant->stored.whole >= stall_fl :
				 plant->stored.whole <= -stall_fl))) {
		plant->missed_steps++;
		return;
	}
	if (plus && plant->slack < plant->params.backlash_steps) {
		plant->slack++;
	} else if (!plus && plant->slack) {
		plant->slack--;
	} else {
		struct sim_fixed volume = plus ? plant->step_fl : sim_neg(plant->step_fl);

		plant->injected = sim_add(plant->injected, volume);
		plant->stored = sim_add(plant->stored, volume);
	}
}

void sim_plant_set_occluded(struct sim_plant *plant, u64 now_ns, bool on)
{
	sim_plant_advance(plant, now_ns);
	plant->occluded = on;
	plant_derive(plant);
}

void sim_plant_set_stalled(struct sim_plant *plant, u64 now_ns, bool on)
{
	sim_plant_advance(plant, now_ns);
	plant->stalled = on;
}

void sim_plant_set_leak(struct sim_plant *plant, u64 now_ns, u32 extra_fl_per_pa_s)
{
	sim_plant_advance(plant, now_ns);
	plant->extra_leak_fl_per_pa_s = extra_fl_per_pa_s;
	plant_derive(plant);
}

void sim_plant_set_bubble(struct sim_plant *plant, u64 now_ns, u32 compliance_fl_per_pa)
{
	s64 more_fl_per_pa = (s64)compliance_fl_per_pa - plant->bubble_fl_per_pa;
	struct sim_fixed held;

	sim_plant_advance(plant, now_ns);
	held = sim_fixed(more_fl_per_pa * sim_plant_pressure_pa(plant));
	plant->stored = sim_add(plant->stored, held);
	plant->brought = sim_add(plant->brought, held);
	plant->bubble_fl_per_pa = compliance_fl_per_pa;
	plant_derive(plant);
}

void sim_plant_set_free_flow(struct sim_plant *plant, u64 now_ns, s64 flow_pl_min)
{
	sim_plant_advance(plant, now_ns);
	plant->free_flow_pl_min = flow_pl_min;
	plant_derive(plant);
}

static s64 slug_length(const struct sim_plant *plant, u32 i)
{
	return plant->slug_to_fl[i] - plant->slug_from_fl[i];
}

void sim_plant_set_air(struct sim_plant *plant, u64 now_ns, bool on)
{
	u32 i;

	sim_plant_advance(plant, now_ns);
	if (on == plant->air)
		return;
	plant->air = on;
	if (!on) {
		plant->slug_to_fl[plant->slugs - 1] = plant->outlet.whole;
		return;
	}
	if (plant->slugs == SIM_PLANT_SLUGS) {
		/* the oldest has long left the line */
		plant->air_gone_fl += slug_length(plant, 0);
		for (i = 1; i < plant->slugs; i++) {
			plant->slug_from_fl[i - 1] = plant->slug_from_fl[i];
			plant->slug_to_fl[i - 1] = plant->slug_to_fl[i];
		}
		plant->slugs--;
	}
	plant->slug_from_fl[plant->slugs] = plant->outlet.whole;
	plant->slugs++;
}

s64 sim_plant_outlet_volume_fl(const struct sim_plant *plant)
{
	s64 volume = plant->outlet.whole;
	s64 dead = plant->params.dead_volume_nl * FL_PER_NL;
	s64 air = plant->air_gone_fl;
	u32 i;

	for (i = 0; i < plant->slugs; i++) {
		bool open = plant->air && i == plant->slugs - 1;
		s64 length = open ? volume - plant->slug_from_fl[i] : slug_length(plant, i);
		s64 out = volume - dead - plant->slug_from_fl[i];

		if (out > 0 && length > 0)
			air += min(out, length);
	}
	return volume - air;
}

/* fL/ns with a fraction to pL/min, rounded, within what a rig can have */
static s64 plant_pl_min(struct sim_fixed flow)
{
	bool negative = flow.whole < 0;
	s64 pl_min;

	if (negative)
		flow = sim_neg(flow);
	if (flow.whole >= FLOW_MAX_PL_MIN / (s64)PL_MIN_PER_FL_NS)
		pl_min = FLOW_MAX_PL_MIN;
	else
		pl_min = sim_add(sim_scale(flow, PL_MIN_PER_FL_NS, 0),
				 (struct sim_fixed){ 0, 1ULL << 63 }).whole;
	return negative ? -pl_min : pl_min;
}

s64 sim_plant_outlet_flow_pl_min(const struct sim_plant *plant)
{
	const struct sim_plant_params *p = &plant->params;
	u64 compliance = plant_compliance(plant);
	struct sim_fixed drive;

	if (plant->occluded)
		return 0;
	/* (stored/C - back pressure)/R: fL/s from Pa is 1e9/resistance */
	drive = sim_sub(plant->stored, sim_fixed((s64)compliance * p->back_pressure_pa));
	drive = sim_fixed_div(drive, compliance * p->resistance_pa_s_per_ul);
	return plant_pl_min(sim_add(drive, plant->free));
}

s64 sim_plant_pressure_pa(const struct sim_plant *plant)
{
	u64 compliance = plant_compliance(plant);
	s64 half = compliance / 2;
	s64 stored = plant->stored.whole;

	return sim_div_s64(stored < 0 ? stored - half : stored + half, (s64)compliance);
}

/* What has left the sensor's lag */
static struct sim_fixed plant_sensed(const struct sim_plant *plant)
{
	return sim_sub(plant->outlet, plant->lagging);
}

void sim_plant_sensor_begin(struct sim_plant *plant, u64 now_ns)
{
	sim_plant_advance(plant, now_ns);
	plant->read_ns = plant->now_ns;
	plant->read_fl = plant_sensed(plant);
}

s64 sim_plant_sensor_read(struct sim_plant *plant, u64 now_ns)
{
	struct sim_fixed volume;
	u64 span_ns;

	sim_plant_advance(plant, now_ns);
	span_ns = plant->now_ns - plant->read_ns;
	if (!span_ns)
		return plant->lag_ns ?
		       plant_pl_min(sim_fixed_div(plant->lagging, plant->lag_ns)) :
		       sim_plant_outlet_flow_pl_min(plant);
	volume = sim_sub(plant_sensed(plant), plant->read_fl);
	sim_plant_sensor_begin(plant, now_ns);
	return plant_pl_min(sim_fixed_div(volume, span_ns));
}
