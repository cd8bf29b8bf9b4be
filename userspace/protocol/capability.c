// SPDX-License-Identifier: GPL-2.0-or-later
/* What a real pump's facts can refuse. */
#include <math.h>
#include <stdio.h>

#include "protocol.h"
#include "wording.h"

double protocol_max_rate_m3_s(const struct protocol_channel *channel,
			      const struct nanodose_info *info)
{
	return info->max_rate_nhz * 1e-9 *
	       nanodose_volume_per_step(channel->syringe->diameter_m, info->lead_pitch_nm,
					info->microsteps_per_rev);
}

void protocol_check_device(const struct protocol *protocol, size_t index,
			   const struct nanodose_info *info, struct diagnostics *diagnostics)
{
	const struct protocol_channel *channel = &protocol->channels[index];
	double max_rate = protocol_max_rate_m3_s(channel, info);
	double sensor_max = info->sensor_full_scale_pl_min * 1e-15 / 60;
	char text[WORDING_SIZE];

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
	if (isfinite(channel->limit_pressure_pa) && !(info->features & NANODOSE_FEATURE_PRESSURE))
		diagnostics_add(diagnostics, channel->at_limits, false,
				"'%s' has a limit of pressure, but pump '%s' has no pressure sensor",
				channel->name, channel->pump);
}
