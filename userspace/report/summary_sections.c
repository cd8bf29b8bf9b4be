// SPDX-License-Identifier: GPL-2.0-or-later
/* What a reader wants first: how it ended, what was delivered, how it went. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "reader.h"
#include "sections.h"

#define UL_PER_M3 1e9

/* "605.3 s (10 min 5 s)" */
static void put_duration(FILE *out, double duration_s)
{
	unsigned long whole = (unsigned long)llround(duration_s);

	fprintf(out, "%.1f s", duration_s);
	if (whole >= 3600)
		fprintf(out, " (%lu h %lu min %lu s)", whole / 3600, whole / 60 % 60, whole % 60);
	else if (whole >= 60)
		fprintf(out, " (%lu min %lu s)", whole / 60, whole % 60);
}

void section_summary(FILE *out, const struct source *source)
{
	struct reader_clock clock = { 0 };
	char utc[READER_UTC_SIZE];
	const char *status = source->status ? source->status : "without an end";

	fputs("<h1>", out);
	html_text(out, source->title && *source->title ? source->title : "Run");
	fprintf(out, "</h1>\n<p><span class=\"status %s\">",
		strcmp(status, "done") ? "bad" : "good");
	html_text(out, status);
	fputs("</span></p>\n", out);
	if (!source->status)
		fputs("<p><strong>This run has not come to its end:</strong> it still goes on, or it"
		      " was cut short, as by a power cut. What follows is what was recorded.</p>\n", out);
	fputs("<table class=facts>\n", out);
	html_row(out, "Began (UTC)", "%s", reader_utc(&clock, source->start_utc_ns, utc));
	html_row(out, source->status ? "Ended (UTC)" : "Last record (UTC)", "%s",
		 reader_utc(&clock, source->start_utc_ns + source->end_ns, utc));
	fputs("<tr><th scope=row>Lasted</th><td>", out);
	put_duration(out, (double)source->end_ns * 1e-9);
	fputs("</td></tr>\n", out);
	html_row(out, "Run file", "%s", source->path);
	fputs("</table>\n", out);
}

/* ---- doses ------------------------------------------------------------------------- */

static double or_else(double value, double otherwise)
{
	return isfinite(value) ? value : otherwise;
}

static double percent(double value, double of)
{
	return of != 0 ? 100 * (value - of) / fabs(of) : NAN;
}

/*
 * How far off a volume by steps may be: the screw's share, which a stiff one keeps
 * (0.5 %, as makers of syringe pumps state), and a step at its end. By the sensor:
 * 5 % of what was measured, which the datasheet of the LD20-2600B states and those
 * of the SLF3S are near.
 */
#define SCREW_SHARE	0.005
#define SENSOR_SHARE	0.05

static void put_dose(FILE *out, const struct source_channel *channel)
{
	const struct source_summary *summary = &channel->summary;
	const struct curves *curves = &channel->curves;
	double delivered_m3 = or_else(summary->delivered_m3, curves->delivered_m3);
	double sensed_m3 = channel->sensor && curves->samples > curves->bad ? curves->sensed_m3 : NAN;

	fputs("<tr>", out);
	html_cell(out, channel->name);
	html_number(out, summary->target_m3 * UL_PER_M3, 3);
	html_number(out, delivered_m3 * UL_PER_M3, 3);
	html_number(out, (SCREW_SHARE * fabs(delivered_m3) + channel->step_m3) * UL_PER_M3, 3);
	html_number(out, summary->error_pct, 3);
	html_number(out, sensed_m3 * UL_PER_M3, 3);
	html_number(out, SENSOR_SHARE * fabs(sensed_m3) * UL_PER_M3, 3);
	html_number(out, percent(sensed_m3, delivered_m3), 2);
	html_number(out, channel->step_m3 * 1e12, 3);
	fputs("</tr>\n", out);
}

static void put_flow(FILE *out, const struct source_channel *channel)
{
	const struct source_summary *summary = &channel->summary;
	const struct curves *curves = &channel->curves;

	fputs("<tr>", out);
	html_cell(out, channel->name);
	html_number(out, summary->settle_s, 2);
	html_number(out, summary->overshoot_pct, 1);
	html_number(out, summary->flow_cv_pct, 2);
	html_number(out, or_else(summary->max_pressure_pa, curves->max_pressure_pa) * 1e-3, 2);
	html_number(out, (double)curves->samples, 0);
	html_number(out, (double)curves->bad, 0);
	fputs("</tr>\n", out);
}

/* 1.25 x 10^12, as it is written by hand. */
static void put_count(FILE *out, double value)
{
	int power = value > 0 ? (int)floor(log10(value * (1 + 1e-9))) : 0;

	if (isfinite(value))
		fprintf(out, "<td class=n>%.4f × 10<sup>%d</sup></td>", value / pow(10, power), power);
	else
		html_number(out, value, 0);
}

static void put_particles(FILE *out, const struct source *source)
{
	bool any = false;
	size_t i;

	for (i = 0; i < source->channel_count; i++)
		any |= source->channels[i].concentration_per_m3 > 0;
	if (!any)
		return;
	fputs("<table><thead><tr><th>Channel<th class=n>Concentration<br>per mL<th class=n>Target<br>"
	      "particles<th class=n>Delivered<br>particles</tr></thead>\n", out);
	for (i = 0; i < source->channel_count; i++) {
		const struct source_channel *channel = &source->channels[i];
		double delivered = or_else(channel->summary.particles_delivered,
					   channel->curves.delivered_m3 * channel->concentration_per_m3);

		if (!(channel->concentration_per_m3 > 0))
			continue;
		fputs("<tr>", out);
		html_cell(out, channel->name);
		put_count(out, channel->concentration_per_m3 * 1e-6);
		put_count(out, channel->summary.particles_target);
		put_count(out, delivered);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

void section_doses(FILE *out, const struct source *source)
{
	size_t i;

	fputs("<h2>Doses</h2>\n<table><thead><tr><th>Channel<th class=n>Target<br>µL"
	      "<th class=n>Delivered<br>µL<th class=n>within<br>± µL<th class=n>Off target<br>%"
	      "<th class=n>By the sensor<br>µL<th class=n>within<br>± µL<th class=n>Sensor against<br>steps, %<th class=n>One step<br>nL</tr></thead>\n", out);
	for (i = 0; i < source->channel_count; i++)
		put_dose(out, &source->channels[i]);
	fputs("</table>\n", out);
	put_particles(out, source);
	fputs("<table><thead><tr><th>Channel<th class=n>Settled in<br>s<th class=n>Overshoot<br>%"
	      "<th class=n>Flow CV<br>%<th class=n>Highest pressure<br>kPa<th class=n>Flow records"
	      "<th class=n>without<br>a reading</tr></thead>\n", out);
	for (i = 0; i < source->channel_count; i++)
		put_flow(out, &source->channels[i]);
	fputs("</table>\n<p class=note><b>Delivered</b> counts the motor's steps times the volume of one;"
	      " within 0.5 % for the screw and one step. It is as good as the syringe's bore (1 % in"
	      " diameter is 2 % in volume) and does not know of leaks. <b>By the sensor</b> is the"
	      " measured flow summed up over the run, an independent witness within 5 %, as its maker"
	      " states; the two should agree within both. "
	      "<b>Settled</b>: until the flow stays within 5 % of the first set point. <b>Flow CV</b>:"
	      " standard deviation over mean of the readings from then on, sensor noise included.</p>\n",
	      out);
}

/* ---- plots -------------------------------------------------------------------------- */

static void plot_flow(FILE *out, const struct source_channel *channel)
{
	const struct curves *curves = &channel->curves;
	const struct chart_line lines[] = {
		{ &curves->flow, CHART_RAW, "measured flow" },
		{ &curves->estimate, CHART_MAIN, "estimate of the controller" },
		{ &curves->setpoint, CHART_WANTED, "set point" },
	};
	struct chart chart = {
		.title = "Flow against set point", .kind = AXIS_RATE,
		.begin_s = curves->flow.begin_s, .end_s = curves->flow.end_s, .from_zero = 1,
		.level = NAN, .lines = lines, .line_count = 3,
		.marks = channel->marks, .mark_count = channel->mark_count,
	};

	chart_write(out, &chart);
}

static void plot_volume(FILE *out, const struct source_channel *channel)
{
	const struct curves *curves = &channel->curves;
	const struct chart_line lines[] = {
		{ &curves->delivered, CHART_MAIN, "delivered" },
		{ &curves->asked, CHART_WANTED, "set point summed up" },
	};
	struct chart chart = {
		.title = "Delivered volume against target", .kind = AXIS_VOLUME,
		.begin_s = curves->flow.begin_s, .end_s = curves->flow.end_s, .from_zero = 1,
		.level = channel->summary.target_m3, .level_label = "target",
		.lines = lines, .line_count = 2,
		.marks = channel->marks, .mark_count = channel->mark_count,
	};

	chart_write(out, &chart);
}

static void plot_pressure(FILE *out, const struct source_channel *channel)
{
	const struct curves *curves = &channel->curves;
	const struct chart_line line = { &curves->pressure, CHART_MAIN, "pressure" };
	struct chart chart = {
		.title = "Pressure", .kind = AXIS_PRESSURE,
		.begin_s = curves->flow.begin_s, .end_s = curves->flow.end_s,
		.level = NAN, .lines = &line, .line_count = 1,
		.marks = channel->marks, .mark_count = channel->mark_count,
	};

	/* Not from zero where that would press the line flat: a gauge of absolute pressure. */
	chart.from_zero = curves->pressure.least < curves->pressure.most / 2;
	chart_write(out, &chart);
}

void section_plots(FILE *out, const struct source *source)
{
	size_t i;

	for (i = 0; i < source->channel_count; i++) {
		const struct source_channel *channel = &source->channels[i];

		fputs("<h2>Channel ", out);
		html_text(out, channel->name);
		fputs("</h2>\n", out);
		if (!channel->curves.samples) {
			fputs("<p>No sample was recorded.</p>\n", out);
			continue;
		}
		plot_flow(out, channel);
		plot_volume(out, channel);
		if (isfinite(channel->curves.pressure.most))
			plot_pressure(out, channel);
		if (channel->curves.unsensed_s > 0 && channel->sensor)
			fprintf(out, "<p class=note>For %.1f s of the run there was no reading of the"
				" flow; the line is broken there and the sensor's volume leaves it"
				" out.</p>\n", channel->curves.unsensed_s);
	}
	fputs("<p class=note>Plots keep the extremes: each column of a plot shows the lowest and the"
	      " highest sample that fall into it. Vertical lines: faults (full) and warnings"
	      " (dashed).</p>\n", out);
}
