// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot_series.h"

#include <math.h>

#include "plot.h"

#define GAP_SAMPLES 20

static const struct run_sample *recent(const struct run_channel_view *channel, size_t index)
{
	return &channel->history[(channel->history_end + RUN_HISTORY - channel->history_count +
				  index) % RUN_HISTORY];
}

double series_newest_s(const struct run_channel_view *channel)
{
	return channel->history_count ? recent(channel, channel->history_count - 1)->time_s : 0;
}

double series_span_s(const struct run_channel_view *channel)
{
	size_t count = channel->history_count;
	double span_s = 10, next_s, holds_s;

	if (count < 2)
		return 60;
	holds_s = (recent(channel, count - 1)->time_s - recent(channel, 0)->time_s) /
		  (count - 1) * (RUN_HISTORY - 1);
	while ((next_s = plot_time_step(span_s * 1.01)) <= holds_s && next_s > span_s)
		span_s = next_s;
	return span_s;
}

/* Whether there is neither a reading nor a gap, but no sensor, or none any more. */
static bool blind(const struct series *series)
{
	for (size_t i = series->first; i < series->count; i++)
		if (!isnan(series_at(series, i)->flow_ul_min))
			return false;
	return series->first < series->count;
}

void series_of(struct series *series, const struct run_channel_view *channel,
	       enum plot_quantity quantity, double since_s)
{
	const struct run_whole *whole = channel->whole;

	*series = (struct series){
		.channel = channel, .quantity = quantity, .samples = channel->history,
		.begin = channel->history_end + RUN_HISTORY - channel->history_count,
		.count = channel->history_count,
		.gap_s = series_span_s(channel) / RUN_HISTORY * GAP_SAMPLES,
	};
	if (whole && whole->count > 1 && series->count && recent(channel, 0)->time_s > since_s &&
	    whole->samples[0].time_s < recent(channel, 0)->time_s) {
		series->samples = whole->samples;
		series->begin = 0;
		series->count = whole->count;
		series->gap_s = (whole->samples[whole->count - 1].time_s - whole->samples[0].time_s) /
				(whole->count - 1) * GAP_SAMPLES;
	}
	series->first = series->count;
	while (series->first > 0 && series_at(series, series->first - 1)->time_s >= since_s)
		series->first--;
	series->estimated = quantity == PLOT_FLOW && blind(series);
}

void series_end(struct series *series, double until_s)
{
	while (series->count > series->first && series_at(series, series->count - 1)->time_s > until_s)
		series->count--;
}

const struct run_sample *series_at(const struct series *series, size_t index)
{
	return &series->samples[(series->begin + index) % RUN_HISTORY];
}

double series_value(const struct series *series, const struct run_sample *sample)
{
	switch (series->quantity) {
	case PLOT_PRESSURE:
		return sample->pressure_kpa;
	case PLOT_VOLUME:
		return sample->delivered_ul;
	default:
		return series->estimated ? sample->estimate_ul_min : sample->flow_ul_min;
	}
}

double series_wanted(const struct series *series, const struct run_sample *sample)
{
	switch (series->quantity) {
	case PLOT_PRESSURE:
		return NAN;
	case PLOT_VOLUME:
		return series->channel->target_ul;
	default:
		return sample->setpoint_ul_min;
	}
}

const char *series_name(const struct series *series)
{
	static const char *const names[] = {
		[PLOT_FLOW] = "flow", [PLOT_PRESSURE] = "pressure", [PLOT_VOLUME] = "delivered",
	};

	return series->estimated ? "estimate" : names[series->quantity];
}

const char *series_wanted_name(const struct series *series)
{
	static const char *const names[] = {
		[PLOT_FLOW] = "set point", [PLOT_PRESSURE] = "", [PLOT_VOLUME] = "target",
	};

	return names[series->quantity];
}

void series_range_of(const struct series *series, struct series_range *range)
{
	double low = INFINITY, high = -INFINITY, wanted_low = 0, wanted_high = 0;

	range->any = series->first < series->count;
	for (size_t i = series->first; i < series->count; i++) {
		const struct run_sample *sample = series_at(series, i);

		low = fmin(low, series_value(series, sample));
		high = fmax(high, series_value(series, sample));
		wanted_low = fmin(wanted_low, series_wanted(series, sample));
		wanted_high = fmax(wanted_high, series_wanted(series, sample));
	}
	if (series->quantity == PLOT_PRESSURE && high < low)
		range->any = false;
	/* Zero is always on the axis: half the rate must look like half. */
	range->low = fmin(fmin(low, wanted_low), 0);
	range->high = fmax(fmax(high, wanted_high), 0);
	/* While nothing is asked for, the scale is that of what will be: noise must not fill it. */
	if (series->quantity == PLOT_FLOW && wanted_low == 0 && wanted_high == 0)
		range->high = fmax(range->high, series->channel->peak_ul_min * 1.05);
	/* Noise around rest is no reason to show negative flow, nor positive while withdrawing. */
	if (wanted_low == 0 && range->low > -0.03 * range->high)
		range->low = 0;
	if (wanted_high == 0 && range->high < -0.03 * range->low)
		range->high = 0;
	/* What is wanted keeps off the edges, so that an overshoot can be seen. */
	range->high = fmax(range->high, wanted_high * 1.05);
	range->low = fmin(range->low, wanted_low * 1.05);
	if (range->high - range->low < 1e-3)
		range->high = range->low + 1;
}
