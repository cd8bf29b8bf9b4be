// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the whole protocol asks for: it is walked through once with every
 * repeat written out, and the level in each syringe followed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "doses.h"
#include "loader.h"
#include "wording.h"

/* Rounding of sums must not refuse "infuse all that is loaded". */
#define SLACK 1e-9

struct level {
	double now_m3;
	bool reported_empty, reported_full;
	bool reported[PROTOCOL_LIMITS][PROTOCOL_STRICTNESSES];
	struct doses doses;
};

struct walk {
	struct loader *loader;
	struct level levels[LOADER_MAX_CHANNELS];
	double duration_s;
	bool reported[PROTOCOL_LIMITS][PROTOCOL_STRICTNESSES];	/* of the total */
	struct doses doses;	/* of all channels, as number or mass */
};

static const char *volume_text(double volume_m3, const struct protocol_channel *channel,
			       char *buffer, size_t size)
{
	if (volume_m3 < SLACK * channel->loaded_m3)
		volume_m3 = 0;		/* what rounding has left of nothing */
	return format_like(volume_m3, NANODOSE_DIMENSION_VOLUME, channel->loaded_text, buffer, size);
}

/* A limit that was written, for its unit. */
static const char *dose_like(const struct loader_channel *more, enum protocol_limit limit)
{
	const char *hard = more->limits[PROTOCOL_HARD].text[limit];

	return hard ? hard : more->limits[PROTOCOL_SOFT].text[limit];
}

/* A volume as the dose in it, in the unit that the limit was written in. */
static const char *dose_text(double volume_m3, const struct protocol_channel *channel, const char *like,
			     char *buffer, size_t size)
{
	if (channel->mass_concentration_kg_m3 > 0)
		return format_like(volume_m3 * channel->mass_concentration_kg_m3, NANODOSE_DIMENSION_MASS,
				   like, buffer, size);
	snprintf(buffer, size, "%.6g particles", volume_m3 * channel->concentration_per_m3);
	return buffer;
}

/* All channels' doses together, as number or mass. */
static double total_dose(const struct protocol *protocol, const double *volumes_m3)
{
	double sum = 0;

	for (size_t i = 0; i < protocol->channel_count; i++)
		sum += volumes_m3[i] * (protocol->channels[i].concentration_per_m3 +
					protocol->channels[i].mass_concentration_kg_m3);
	return sum;
}

static const char *total_dose_text(const struct loader *loader, double dose, char *buffer, size_t size)
{
	if (loader->total_weighed)
		return format_like(dose, NANODOSE_DIMENSION_MASS, NULL, buffer, size);
	snprintf(buffer, size, "%.6g particles", dose);
	return buffer;
}

static void judge_total(struct walk *walk, enum protocol_limit limit, double asked, struct source_position at,
			const char *what, const char *text)
{
	limits_judge(walk->loader, walk->loader->total, walk->loader->total_written, limit, asked,
		     walk->reported[limit], at, "all channels together would have %s %s by here", what, text);
}

/* What one channel gives more, all give more. */
static void limit_total(struct walk *walk, const struct protocol_flow *flow)
{
	const struct protocol *protocol = walk->loader->protocol;
	double volumes_m3[LOADER_MAX_CHANNELS], sum_m3 = 0, dose;
	char text[WORDING_SIZE];

	for (size_t i = 0; i < protocol->channel_count; i++) {
		volumes_m3[i] = protocol->channels[i].infused_m3;
		sum_m3 += volumes_m3[i];
	}
	dose = total_dose(protocol, volumes_m3);
	judge_total(walk, PROTOCOL_LIMIT_VOLUME, sum_m3, flow->at_volume, "infused",
		    volume_text(sum_m3, &protocol->channels[flow->channel], text, sizeof(text)));
	judge_total(walk, PROTOCOL_LIMIT_DOSE, dose, flow->at_volume, "given",
		    total_dose_text(walk->loader, dose, text, sizeof(text)));
}

/* One step's doses of all its channels. */
static void limit_step_total(struct walk *walk, const struct protocol_step *step)
{
	double volumes_m3[LOADER_MAX_CHANNELS] = { 0 }, dose;
	char text[WORDING_SIZE];

	if (!step->flow_count || protocol_step_sign(step) < 0)
		return;
	for (size_t i = 0; i < step->flow_count; i++)
		volumes_m3[step->flows[i].channel] = step->flows[i].volume_m3;
	dose = total_dose(walk->loader->protocol, volumes_m3);
	limits_judge(walk->loader, walk->loader->total, walk->loader->total_written, PROTOCOL_LIMIT_STEP_DOSE, dose,
		     walk->reported[PROTOCOL_LIMIT_STEP_DOSE], step->flows[0].at_volume,
		     "all channels together would give %s in one step",
		     total_dose_text(walk->loader, dose, text, sizeof(text)));
}

static bool has_window(const struct protocol_limits *limits)
{
	return isfinite(limits[PROTOCOL_HARD].most[PROTOCOL_LIMIT_WINDOW_DOSE]) ||
	       isfinite(limits[PROTOCOL_SOFT].most[PROTOCOL_LIMIT_WINDOW_DOSE]);
}

static void add_total_window(struct walk *walk, const struct protocol_flow *flow, double duration_s)
{
	const struct protocol_channel *channel = &walk->loader->protocol->channels[flow->channel];
	struct dose dose = {
		walk->duration_s - duration_s, walk->duration_s,
		flow->volume_m3 * (channel->concentration_per_m3 + channel->mass_concentration_kg_m3), flow
	};

	if (has_window(walk->loader->total) && dose.volume_m3 > 0 && !doses_add(&walk->doses, &dose))
		loader_error(walk->loader, (struct source_position){ 0 }, "out of memory");
}

/* Branches in parallel give at the same time, so that only all doses together tell. */
static void limit_total_window(struct walk *walk)
{
	struct loader *loader = walk->loader;

	for (int i = 0; i < PROTOCOL_STRICTNESSES; i++) {
		struct protocol_limits *only = loader->total, kept = only[!i];
		char text[WORDING_SIZE];
		struct dose worst;

		if (isinf(only[i].most[PROTOCOL_LIMIT_WINDOW_DOSE]))
			continue;
		if (!doses_worst_window(&walk->doses, only[i].window_s, &worst)) {
			loader_error(loader, (struct source_position){ 0 }, "out of memory");
			return;
		}
		/* Each has a window of its own. */
		only[!i].most[PROTOCOL_LIMIT_WINDOW_DOSE] = INFINITY;
		if (worst.flow)
			limits_judge(loader, only, loader->total_written, PROTOCOL_LIMIT_WINDOW_DOSE, worst.volume_m3,
				     walk->reported[PROTOCOL_LIMIT_WINDOW_DOSE], worst.flow->at_volume,
				     "all channels together would have given %s within %s by here",
				     total_dose_text(loader, worst.volume_m3, text, sizeof(text)),
				     loader->total_written[i].window_text);
		only[!i] = kept;
	}
}

static void limit_window(struct walk *walk, const struct protocol_flow *flow, double duration_s)
{
	const struct protocol_channel *channel = &walk->loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &walk->loader->channels[flow->channel];
	struct level *level = &walk->levels[flow->channel];

	if (!has_window(channel->limits))
		return;
	if (!doses_add(&level->doses, &(struct dose){ walk->duration_s - duration_s, walk->duration_s,
						      flow->volume_m3, flow })) {
		loader_error(walk->loader, (struct source_position){ 0 }, "out of memory");
		return;
	}
	for (int i = 0; i < PROTOCOL_STRICTNESSES; i++) {
		struct protocol_limits only[PROTOCOL_STRICTNESSES] = { channel->limits[0], channel->limits[1] };
		const char *like = more->limits[i].text[PROTOCOL_LIMIT_WINDOW_DOSE];
		char asked[WORDING_SIZE];
		double sum_m3;

		if (isinf(channel->limits[i].most[PROTOCOL_LIMIT_WINDOW_DOSE]))
			continue;
		/* Each has a window of its own. */
		only[!i].most[PROTOCOL_LIMIT_WINDOW_DOSE] = INFINITY;
		sum_m3 = doses_in_window(&level->doses, channel->limits[i].window_s);
		limits_judge(walk->loader, only, more->limits, PROTOCOL_LIMIT_WINDOW_DOSE, sum_m3,
			     level->reported[PROTOCOL_LIMIT_WINDOW_DOSE], flow->at_volume,
			     "'%s' would have given %s within %s by here", channel->name,
			     dose_text(sum_m3, channel, like, asked, sizeof(asked)),
			     more->limits[i].window_text);
	}
}

static void limit_doses(struct walk *walk, const struct protocol_flow *flow, double duration_s)
{
	const struct protocol_channel *channel = &walk->loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &walk->loader->channels[flow->channel];
	struct level *level = &walk->levels[flow->channel];
	char asked[WORDING_SIZE];

	limits_judge(walk->loader, channel->limits, more->limits, PROTOCOL_LIMIT_STEP_DOSE, flow->volume_m3,
		     level->reported[PROTOCOL_LIMIT_STEP_DOSE], flow->at_volume, "gives %s of '%s' in one step",
		     dose_text(flow->volume_m3, channel, dose_like(more, PROTOCOL_LIMIT_STEP_DOSE), asked,
			       sizeof(asked)), channel->name);
	limits_judge(walk->loader, channel->limits, more->limits, PROTOCOL_LIMIT_DOSE, channel->infused_m3,
		     level->reported[PROTOCOL_LIMIT_DOSE], flow->at_volume, "'%s' would have given %s by here",
		     channel->name,
		     dose_text(channel->infused_m3, channel, dose_like(more, PROTOCOL_LIMIT_DOSE), asked,
			       sizeof(asked)));
	limit_window(walk, flow, duration_s);
	add_total_window(walk, flow, duration_s);
}

static void infuse(struct walk *walk, const struct protocol_flow *flow, double duration_s)
{
	struct protocol_channel *channel = &walk->loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &walk->loader->channels[flow->channel];
	struct level *level = &walk->levels[flow->channel];
	char asked[WORDING_SIZE], left[WORDING_SIZE], line[WORDING_SIZE];
	double slack = SLACK * (channel->loaded_m3 + flow->volume_m3);

	channel->infused_m3 += flow->volume_m3;
	limits_judge(walk->loader, channel->limits, more->limits, PROTOCOL_LIMIT_VOLUME, channel->infused_m3,
		     level->reported[PROTOCOL_LIMIT_VOLUME], flow->at_volume,
		     "'%s' would have infused %s by here", channel->name,
		     volume_text(channel->infused_m3, channel, asked, sizeof(asked)));
	limit_doses(walk, flow, duration_s);
	limit_total(walk, flow);
	if (!more->loaded_known || walk->loader->levels_unknown)
		return;
	level->now_m3 -= flow->volume_m3;
	if (level->now_m3 >= -slack || level->reported_empty)
		return;
	level->reported_empty = true;
	volume_text(flow->volume_m3, channel, asked, sizeof(asked));
	volume_text(level->now_m3 + flow->volume_m3, channel, left, sizeof(left));
	loader_error(walk->loader, flow->at_volume,
		     "infuses %s of '%s', which has %s left here (%s loaded, %s); load more or infuse less",
		     asked, channel->name, left, channel->loaded_text,
		     format_line(more->at_loaded, flow->at_volume, line, sizeof(line)));
}

static void withdraw(struct walk *walk, const struct protocol_flow *flow)
{
	struct protocol_channel *channel = &walk->loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &walk->loader->channels[flow->channel];
	struct level *level = &walk->levels[flow->channel];
	char asked[WORDING_SIZE], room[WORDING_SIZE];

	if (!more->loaded_known || !channel->syringe || walk->loader->levels_unknown)
		return;
	level->now_m3 += flow->volume_m3;
	if (level->now_m3 <= channel->syringe->volume_m3 * (1 + SLACK) || level->reported_full)
		return;
	level->reported_full = true;
	volume_text(flow->volume_m3, channel, asked, sizeof(asked));
	volume_text(channel->syringe->volume_m3 - level->now_m3 + flow->volume_m3, channel, room,
		    sizeof(room));
	loader_error(walk->loader, flow->at_volume,
		     "withdraws %s into '%s', whose %s has room for %s here; withdraw less or take a larger syringe",
		     asked, channel->name, channel->syringe->name, room);
}

/* Steps written out, but no more than one above the limit. */
static size_t written_out(const struct protocol_step *steps, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count && sum <= LOADER_MAX_STEPS; i++) {
		size_t inside = written_out(steps[i].steps, steps[i].step_count);

		sum++;
		/* A round takes time to walk even if all its steps were in error. */
		if (steps[i].verb == PROTOCOL_REPEAT || steps[i].verb == PROTOCOL_WHILE)
			sum += steps[i].times * (inside ? inside : 1);
		else
			sum += inside + written_out(steps[i].others, steps[i].other_count);
	}
	return sum > LOADER_MAX_STEPS ? LOADER_MAX_STEPS + 1 : sum;
}

static void walk_steps(struct walk *walk, const struct protocol_step *steps, size_t count);

/* Either way may be gone: what is worse for each channel counts from here on. */
static void walk_choice(struct walk *walk, const struct protocol_step *step)
{
	struct protocol *protocol = walk->loader->protocol;
	double now_m3[LOADER_MAX_CHANNELS], infused_m3[LOADER_MAX_CHANNELS];
	struct doses then[LOADER_MAX_CHANNELS], all;
	size_t forks[LOADER_MAX_CHANNELS], fork = doses_fork(&walk->doses);
	double begin_s = walk->duration_s, then_s;

	for (size_t i = 0; i < protocol->channel_count; i++) {
		forks[i] = doses_fork(&walk->levels[i].doses);
		now_m3[i] = walk->levels[i].now_m3;
		infused_m3[i] = protocol->channels[i].infused_m3;
	}
	walk_steps(walk, step->steps, step->step_count);
	then_s = walk->duration_s;
	walk->duration_s = begin_s;
	all = doses_take(&walk->doses, fork);
	for (size_t i = 0; i < protocol->channel_count; i++) {
		double level_m3 = walk->levels[i].now_m3, sum_m3 = protocol->channels[i].infused_m3;

		then[i] = doses_take(&walk->levels[i].doses, forks[i]);
		walk->levels[i].now_m3 = now_m3[i];
		protocol->channels[i].infused_m3 = infused_m3[i];
		now_m3[i] = level_m3;
		infused_m3[i] = sum_m3;
	}
	walk_steps(walk, step->others, step->other_count);
	walk->duration_s = fmax(walk->duration_s, then_s);
	doses_join(&walk->doses, fork, &all);
	for (size_t i = 0; i < protocol->channel_count; i++) {
		doses_join(&walk->levels[i].doses, forks[i], &then[i]);
		walk->levels[i].now_m3 = fmin(walk->levels[i].now_m3, now_m3[i]);
		protocol->channels[i].infused_m3 =
			fmax(protocol->channels[i].infused_m3, infused_m3[i]);
	}
}

/* No channel is in two of them, so that each can be followed by itself. */
static void walk_branches(struct walk *walk, const struct protocol_step *parallel)
{
	double begin_s = walk->duration_s, end_s = begin_s;

	for (size_t i = 0; i < parallel->step_count; i++) {
		walk->duration_s = begin_s;
		walk_steps(walk, parallel->steps[i].steps, parallel->steps[i].step_count);
		end_s = fmax(end_s, walk->duration_s);
	}
	walk->duration_s = end_s;
}

/* Recursion is bounded by LOADER_MAX_REPEATS, the work by LOADER_MAX_STEPS. */
static void walk_steps(struct walk *walk, const struct protocol_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct protocol_step *step = &steps[i];
		bool loop = step->verb == PROTOCOL_REPEAT || step->verb == PROTOCOL_WHILE;

		if (step->verb == PROTOCOL_PARALLEL) {
			walk_branches(walk, step);
			continue;
		}
		walk->duration_s += step->duration_s;
		for (size_t k = 0; k < step->flow_count; k++) {
			if (protocol_step_sign(step) < 0)
				withdraw(walk, &step->flows[k]);
			else
				infuse(walk, &step->flows[k], step->duration_s);
		}
		limit_step_total(walk, step);
		for (unsigned int round = 0; loop && round < step->times; round++)
			walk_steps(walk, step->steps, step->step_count);
		/* The last round does not wait for the period's end. */
		if (loop && step->period_s > 0 && step->step_count)
			walk->duration_s -= step->steps[step->step_count - 1].duration_s;
		if (step->verb == PROTOCOL_IF)
			walk_choice(walk, step);
	}
}

/*
 * Trouble may come at any time, at worst at the very end: rescue steps must do
 * with what the protocol leaves. Its own sums and duration are without them.
 */
static void walk_rescues(struct walk *walk)
{
	struct protocol *protocol = walk->loader->protocol;
	double infused_m3[LOADER_MAX_CHANNELS], now_m3[LOADER_MAX_CHANNELS], end_s = walk->duration_s;
	size_t forks[LOADER_MAX_CHANNELS], fork = doses_fork(&walk->doses);
	struct doses taken;

	for (size_t i = 0; i < protocol->channel_count; i++) {
		infused_m3[i] = protocol->channels[i].infused_m3;
		now_m3[i] = walk->levels[i].now_m3;
		forks[i] = doses_fork(&walk->levels[i].doses);
	}
	for (size_t i = 0; i < PROTOCOL_TROUBLES; i++) {
		walk_steps(walk, protocol->rules[i].steps, protocol->rules[i].step_count);
		limit_total_window(walk);
		taken = doses_take(&walk->doses, fork);
		doses_free(&taken);
		walk->duration_s = end_s;
		for (size_t k = 0; k < protocol->channel_count; k++) {
			taken = doses_take(&walk->levels[k].doses, forks[k]);
			doses_free(&taken);
			protocol->channels[k].infused_m3 = infused_m3[k];
			walk->levels[k].now_m3 = now_m3[k];
		}
	}
}

/* ---- rates that change, and the rate of all together -------------------------------------- */

/* The highest sum of a step's rates: its corners are the points of its channels. */
static double step_rate_m3_s(const struct protocol_step *step)
{
	double highest = 0;

	if (protocol_step_sign(step) < 0)
		return 0;
	for (size_t i = 0; i < step->flow_count; i++) {
		const struct protocol_flow *flow = &step->flows[i];

		for (size_t k = 0; k < (flow->points ? flow->point_count : 1); k++) {
			double sum = 0;

			for (size_t j = 0; j < step->flow_count; j++)
				sum += flow->points ?
				       protocol_curve_rate(&step->flows[j], flow->points[k].time_s) :
				       step->flows[j].rate_m3_s;
			highest = fmax(highest, sum);
		}
	}
	return highest;
}

static void judge_slopes(struct loader *loader, const struct protocol_flow *flow)
{
	const struct protocol_channel *channel = &loader->protocol->channels[flow->channel];
	double steepest = 0;
	char text[WORDING_SIZE];

	/* A step in the curve is a ramp of the pump, which keeps to the limit by itself. */
	for (size_t i = 1; i < flow->point_count; i++) {
		double passed_s = flow->points[i].time_s - flow->points[i - 1].time_s;

		if (passed_s > 0)
			steepest = fmax(steepest, fabs(flow->points[i].rate_m3_s -
						       flow->points[i - 1].rate_m3_s) / passed_s);
	}
	limits_judge(loader, channel->limits, loader->channels[flow->channel].limits, PROTOCOL_LIMIT_ACCELERATION,
		     steepest, NULL, flow->at_rate, "'%s' would change its rate by %s", channel->name,
		     format_like(steepest, NANODOSE_DIMENSION_ACCELERATION,
				 loader->channels[flow->channel].limits[PROTOCOL_HARD].text[PROTOCOL_LIMIT_ACCELERATION],
				 text, sizeof(text)));
}

/*
 * The highest rate of all channels together in some steps; where the branches
 * of a parallel meet is not known, so that their highest may all come at once.
 */
static double judge_rates(struct loader *loader, const struct protocol_step *steps, size_t count)
{
	double highest = 0;

	for (size_t i = 0; i < count; i++) {
		const struct protocol_step *step = &steps[i];
		double rate = step_rate_m3_s(step), branches = 0;
		char text[WORDING_SIZE];

		for (size_t k = 0; k < step->flow_count; k++)
			judge_slopes(loader, &step->flows[k]);
		if (step->verb == PROTOCOL_PARALLEL) {
			for (size_t k = 0; k < step->step_count; k++)
				branches += judge_rates(loader, step->steps[k].steps, step->steps[k].step_count);
			rate = branches;
		} else {
			rate = fmax(rate, judge_rates(loader, step->steps, step->step_count));
			rate = fmax(rate, judge_rates(loader, step->others, step->other_count));
		}
		highest = fmax(highest, rate);
		if (step->flow_count || step->verb == PROTOCOL_PARALLEL)
			limits_judge(loader, loader->total, loader->total_written, PROTOCOL_LIMIT_RATE, rate, NULL,
				     step->flow_count ? step->flows[0].at_rate : step->at,
				     "all channels together would run at %s",
				     nanodose_quantity_format(rate, NANODOSE_DIMENSION_RATE, text, sizeof(text)));
	}
	return highest;
}

void amounts_check(struct loader *loader)
{
	struct protocol *protocol = loader->protocol;
	struct walk walk = { .loader = loader };
	size_t written = written_out(protocol->steps, protocol->step_count);

	judge_rates(loader, protocol->steps, protocol->step_count);
	for (size_t i = 0; i < PROTOCOL_TROUBLES; i++) {
		judge_rates(loader, protocol->rules[i].steps, protocol->rules[i].step_count);
		written += written_out(protocol->rules[i].steps, protocol->rules[i].step_count);
	}
	if (written > LOADER_MAX_STEPS && protocol->step_count) {
		loader_error(loader, protocol->steps[0].at,
			     "with every repeat written out these are more than %d steps",
			     LOADER_MAX_STEPS);
		return;
	}
	for (size_t i = 0; i < protocol->channel_count; i++)
		walk.levels[i].now_m3 = protocol->channels[i].loaded_m3;
	walk_steps(&walk, protocol->steps, protocol->step_count);
	limit_total_window(&walk);
	protocol->duration_s = walk.duration_s;
	walk_rescues(&walk);
	for (size_t i = 0; i < protocol->channel_count; i++)
		doses_free(&walk.levels[i].doses);
	doses_free(&walk.doses);
}
