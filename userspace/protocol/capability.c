// SPDX-License-Identifier: GPL-2.0-or-later
/* What a real pump's facts can refuse: too fast, too slow, too little. */
#include <math.h>
#include <stdio.h>

#include "config.h"
#include "protocol.h"
#include "wording.h"

/* Half a step of rounding is then 0.5 % of the volume. */
#define FEW_STEPS 100
/* A pump that steps more rarely than that does not flow. */
#define SLOWEST_STEP_S 86400
#define FL_PER_M3 1e18

double protocol_max_rate_m3_s(const struct protocol_channel *channel,
			      const struct nanodose_info *info)
{
	return info->max_rate_nhz * 1e-9 *
	       nanodose_volume_per_step(channel->syringe->diameter_m, info->lead_pitch_nm,
					info->microsteps_per_rev);
}

/* A volume that one microstep cannot divide finely enough, a rate that is no flow. */
static void check_flow(const struct protocol_channel *channel, const struct protocol_flow *flow,
		       double step_m3, struct diagnostics *diagnostics)
{
	char asked[WORDING_SIZE], least[WORDING_SIZE];
	double steps = flow->volume_m3 / step_m3;

	nanodose_quantity_format(flow->volume_m3, NANODOSE_DIMENSION_VOLUME, asked, sizeof(asked));
	nanodose_quantity_format(step_m3, NANODOSE_DIMENSION_VOLUME, least, sizeof(least));
	if (steps < 1)
		diagnostics_add(diagnostics, flow->at_volume, false,
				"'%s' would move %s, but one microstep of pump '%s' with a %s is %s; take a larger volume or a smaller syringe",
				channel->name, asked, channel->pump, channel->syringe->name, least);
	else if (steps < FEW_STEPS)
		diagnostics_add(diagnostics, flow->at_volume, true,
				"'%s' would move %s, which is %.3g microsteps of %s: it may be off by %.1f %%",
				channel->name, asked, steps, least, 50 / steps);
	if (flow->rate_m3_s * SLOWEST_STEP_S >= step_m3)
		return;
	nanodose_quantity_format(flow->rate_m3_s, NANODOSE_DIMENSION_RATE, asked, sizeof(asked));
	nanodose_quantity_format(step_m3 / SLOWEST_STEP_S, NANODOSE_DIMENSION_RATE, least,
				 sizeof(least));
	diagnostics_add(diagnostics, flow->at_rate, false,
			"'%s' would run at %s, less than one microstep a day; with a %s write at least %s",
			channel->name, asked, channel->syringe->name, least);
}

/* Recursion is bounded by the loader's limit of nested repeats. */
static void check_flows(const struct protocol *protocol, size_t index,
			const struct protocol_step *steps, size_t count, double step_m3,
			const struct nanodose_info *info, struct diagnostics *diagnostics)
{
	const struct protocol_channel *channel = &protocol->channels[index];

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < steps[i].flow_count; k++) {
			if (steps[i].flows[k].channel != index)
				continue;
			check_flow(channel, &steps[i].flows[k], step_m3, diagnostics);
			if (steps[i].until_clear && !(info->features & NANODOSE_FEATURE_FLOW))
				diagnostics_add(diagnostics, steps[i].at, false,
						"'%s' is to be primed until it is clear, but pump '%s' has no flow sensor that sees air",
						channel->name, channel->pump);
		}
		check_flows(protocol, index, steps[i].steps, steps[i].step_count, step_m3, info,
			    diagnostics);
		check_flows(protocol, index, steps[i].others, steps[i].other_count, step_m3, info,
			    diagnostics);
	}
}

static bool has_limit(const struct protocol_channel *channel, enum protocol_limit limit)
{
	return isfinite(channel->limits[PROTOCOL_HARD].most[limit]) ||
	       isfinite(channel->limits[PROTOCOL_SOFT].most[limit]);
}

/* The bore decides how much a step moves: two that disagree would dose wrongly. */
static void check_mounted(const struct protocol_channel *channel, const struct nanodose_info *info,
			  struct diagnostics *diagnostics)
{
	const struct nanodose_syringe *mounted = config_mounted(channel->pump, info);

	if (!mounted || fabs(mounted->diameter_m / channel->syringe->diameter_m - 1) < 1e-6)
		return;
	diagnostics_add(diagnostics, channel->at_pump, false,
			"'%s' is to use a %s, but %s says that pump '%s' carries a %s; mount the one, or set the other right",
			channel->name, channel->syringe->name, config_get()->path, channel->pump, mounted->name);
}

void protocol_check_device(const struct protocol *protocol, size_t index,
			   const struct nanodose_info *info, struct diagnostics *diagnostics)
{
	const struct protocol_channel *channel = &protocol->channels[index];
	double max_rate = protocol_max_rate_m3_s(channel, info);
	double sensor_max = protocol_flow_m3_s(channel, info->sensor_full_scale_pl_min * 1e-15 / 60);
	char text[WORDING_SIZE];
	double step_m3;

	check_mounted(channel, info, diagnostics);
	if (isnan(sensor_max))
		sensor_max = channel->correction.saturation_m3_s;
	if (channel->peak_rate_m3_s > max_rate * (1 + 1e-9))
		diagnostics_add(diagnostics, channel->at_peak, false,
				"'%s' would run at %s, but pump '%s' with a %s reaches at most %s",
				channel->name, channel->peak_text, channel->pump,
				channel->syringe->name,
				format_maximum(max_rate, NANODOSE_DIMENSION_RATE, channel->peak_text,
					       text, sizeof(text)));
	if ((info->features & NANODOSE_FEATURE_FLOW) && channel->peak_rate_m3_s > sensor_max)
		diagnostics_add(diagnostics, channel->at_peak, true,
				"'%s' would run at %s, but the %s of pump '%s' measures up to %s only",
				channel->name, channel->peak_text,
				nanodose_sensor_name(info->sensor_model), channel->pump,
				format_maximum(sensor_max, NANODOSE_DIMENSION_RATE,
					       channel->peak_text, text, sizeof(text)));
	if (channel->medium == NANODOSE_MEDIUM_IPA && (info->features & NANODOSE_FEATURE_FLOW) &&
	    !(info->features & NANODOSE_FEATURE_MEDIUM_IPA))
		diagnostics_add(diagnostics, channel->at, false,
				"'%s' holds ipa, but the %s of pump '%s' is calibrated for water only",
				channel->name, nanodose_sensor_name(info->sensor_model), channel->pump);
	if (has_limit(channel, PROTOCOL_LIMIT_PRESSURE) && !(info->features & NANODOSE_FEATURE_PRESSURE))
		diagnostics_add(diagnostics, channel->at_limits, false,
				"'%s' has a limit of pressure, but pump '%s' has no pressure sensor",
				channel->name, channel->pump);
	if (has_limit(channel, PROTOCOL_LIMIT_TEMPERATURE) && !(info->features & NANODOSE_FEATURE_FLOW))
		diagnostics_add(diagnostics, channel->at_limits, false,
				"'%s' has a limit of temperature, but pump '%s' has no flow sensor to measure it",
				channel->name, channel->pump);
	step_m3 = nanodose_volume_per_step(channel->syringe->diameter_m, info->lead_pitch_nm,
					   info->microsteps_per_rev);
	if (step_m3 * FL_PER_M3 > NANODOSE_STEP_VOLUME_MAX_FL) {
		nanodose_quantity_format(step_m3, NANODOSE_DIMENSION_VOLUME, text, sizeof(text));
		diagnostics_add(diagnostics, channel->at, false,
				"one microstep of pump '%s' with a %s is %s, and the driver doses by no more than 1 uL each; take a smaller syringe",
				channel->pump, channel->syringe->name, text);
		return;
	}
	check_flows(protocol, index, protocol->steps, protocol->step_count, step_m3, info, diagnostics);
	for (int i = 0; i < PROTOCOL_TROUBLES; i++)
		check_flows(protocol, index, protocol->rules[i].steps, protocol->rules[i].step_count, step_m3,
			    info, diagnostics);
}
