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
	bool reported_empty, reported_full, reported_limit;
	bool reported_dose, reported_step_dose, reported_window_dose;
	struct doses doses;
};

struct walk {
	struct loader *loader;
	struct level levels[LOADER_MAX_CHANNELS];
	double duration_s;
};

static const char *volume_text(double volume_m3, const struct protocol_channel *channel,
			       char *buffer, size_t size)
{
	if (volume_m3 < SLACK * channel->loaded_m3)
		volume_m3 = 0;		/* what rounding has left of nothing */
	return format_like(volume_m3, NANODOSE_DIMENSION_VOLUME, channel->loaded_text, buffer, size);
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

static void limit_doses(struct walk *walk, const struct protocol_flow *flow, double duration_s)
{
	const struct protocol_channel *channel = &walk->loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &walk->loader->channels[flow->channel];
	struct level *level = &walk->levels[flow->channel];
	char asked[WORDING_SIZE], line[WORDING_SIZE];
	double sum_m3;

	if (flow->volume_m3 > channel->limit_step_dose_m3 * (1 + SLACK) && !level->reported_step_dose) {
		level->reported_step_dose = true;
		loader_error(walk->loader, flow->at_volume,
			     "gives %s of '%s' in one step, beyond its limit of %s (%s)",
			     dose_text(flow->volume_m3, channel, more->step_dose_limit_text, asked,
				       sizeof(asked)),
			     channel->name, more->step_dose_limit_text, format_line(more->at_step_dose_limit, flow->at_volume, line, sizeof(line)));
	}
	if (channel->infused_m3 > channel->limit_dose_m3 * (1 + SLACK) && !level->reported_dose) {
		level->reported_dose = true;
		loader_error(walk->loader, flow->at_volume,
			     "'%s' would have given %s by here, beyond its limit of %s (%s)",
			     channel->name,
			     dose_text(channel->infused_m3, channel, more->dose_limit_text, asked,
				       sizeof(asked)),
			     more->dose_limit_text, format_line(more->at_dose_limit, flow->at_volume, line, sizeof(line)));
	}
	if (isinf(channel->limit_window_dose_m3))
		return;
	if (!doses_add(&level->doses, walk->duration_s - duration_s, walk->duration_s, flow->volume_m3)) {
		loader_error(walk->loader, (struct source_position){ 0 }, "out of memory");
		level->reported_window_dose = true;
		return;
	}
	sum_m3 = doses_in_window(&level->doses, channel->dose_window_s);
	if (sum_m3 > channel->limit_window_dose_m3 * (1 + SLACK) && !level->reported_window_dose) {
		level->reported_window_dose = true;
		loader_error(walk->loader, flow->at_volume,
			     "'%s' would have given %s within %s by here, beyond its limit of %s (%s)",
			     channel->name,
			     dose_text(sum_m3, channel, more->window_dose_limit_text, asked, sizeof(asked)),
			     more->dose_window_text, more->window_dose_limit_text,
			     format_line(more->at_window_dose_limit, flow->at_volume, line, sizeof(line)));
	}
}

static void infuse(struct walk *walk, const struct protocol_flow *flow, double duration_s)
{
	struct protocol_channel *channel = &walk->loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &walk->loader->channels[flow->channel];
	struct level *level = &walk->levels[flow->channel];
	char asked[WORDING_SIZE], left[WORDING_SIZE], line[WORDING_SIZE];
	double slack = SLACK * (channel->loaded_m3 + flow->volume_m3);

	channel->infused_m3 += flow->volume_m3;
	if (channel->infused_m3 > channel->limit_volume_m3 * (1 + SLACK) && !level->reported_limit) {
		level->reported_limit = true;
		loader_error(walk->loader, flow->at_volume,
			     "'%s' would have infused %s by here, beyond its limit of %s (%s)",
			     channel->name,
			     volume_text(channel->infused_m3, channel, asked, sizeof(asked)),
			     more->volume_limit_text, format_line(more->at_volume_limit, flow->at_volume, line, sizeof(line)));
	}
	limit_doses(walk, flow, duration_s);
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
		     asked, channel->name, left, channel->loaded_text, format_line(more->at_loaded, flow->at_volume, line, sizeof(line)));
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
	struct doses then[LOADER_MAX_CHANNELS];
	size_t forks[LOADER_MAX_CHANNELS];
	double begin_s = walk->duration_s, then_s;

	for (size_t i = 0; i < protocol->channel_count; i++) {
		forks[i] = doses_fork(&walk->levels[i].doses);
		now_m3[i] = walk->levels[i].now_m3;
		infused_m3[i] = protocol->channels[i].infused_m3;
	}
	walk_steps(walk, step->steps, step->step_count);
	then_s = walk->duration_s;
	walk->duration_s = begin_s;
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
	size_t forks[LOADER_MAX_CHANNELS];

	for (size_t i = 0; i < protocol->channel_count; i++) {
		infused_m3[i] = protocol->channels[i].infused_m3;
		now_m3[i] = walk->levels[i].now_m3;
		forks[i] = doses_fork(&walk->levels[i].doses);
	}
	for (size_t i = 0; i < PROTOCOL_TROUBLES; i++) {
		walk_steps(walk, protocol->rules[i].steps, protocol->rules[i].step_count);
		walk->duration_s = end_s;
		for (size_t k = 0; k < protocol->channel_count; k++) {
			struct doses taken = doses_take(&walk->levels[k].doses, forks[k]);

			doses_free(&taken);
			protocol->channels[k].infused_m3 = infused_m3[k];
			walk->levels[k].now_m3 = now_m3[k];
		}
	}
}

void amounts_check(struct loader *loader)
{
	struct protocol *protocol = loader->protocol;
	struct walk walk = { .loader = loader };
	size_t written = written_out(protocol->steps, protocol->step_count);

	for (size_t i = 0; i < PROTOCOL_TROUBLES; i++)
		written += written_out(protocol->rules[i].steps, protocol->rules[i].step_count);
	if (written > LOADER_MAX_STEPS && protocol->step_count) {
		loader_error(loader, protocol->steps[0].at,
			     "with every repeat written out these are more than %d steps",
			     LOADER_MAX_STEPS);
		return;
	}
	for (size_t i = 0; i < protocol->channel_count; i++)
		walk.levels[i].now_m3 = protocol->channels[i].loaded_m3;
	walk_steps(&walk, protocol->steps, protocol->step_count);
	protocol->duration_s = walk.duration_s;
	walk_rescues(&walk);
	for (size_t i = 0; i < protocol->channel_count; i++)
		doses_free(&walk.levels[i].doses);
}
