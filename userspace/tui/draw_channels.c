// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bar.h"
#include "draw.h"
#include "format.h"
#include "glyphs.h"
#include "plot.h"
#include "text.h"

#define NAME_MAX_COLUMNS	16
#define BAR_MIN_COLUMNS		6
#define BAR_GOOD_COLUMNS	20	/* before this the long forms of numbers wait */
#define FIELD_SIZE		96
#define RUN_COLUMNS		37	/* "100 %  59:59 of 1:02:03, 59:59 left" and the gap before it */
#define FIELD_GAP		2
#define FLOW_LONG_COLUMNS	30	/* "flow -12.34, set -12.34 mL/min" */
#define FLOW_SHORT_COLUMNS	13
#define STATE_COLUMNS		8

enum field {
	FIELD_PERCENT, FIELD_VOLUME, FIELD_FLOW, FIELD_PRESSURE, FIELD_TEMPERATURE,
	FIELD_PARTICLES, FIELD_STATE, FIELDS,
};

enum form { FORM_NONE, FORM_SHORT, FORM_LONG };

/* What a row holds: chosen once for all channels, so that they stand in columns. */
struct row_plan {
	enum form form[FIELDS];
	int columns[FIELDS];
	int used;
};

struct channels_plan {
	int name_columns, bar_columns;
	struct row_plan first, second;
};

double channel_fraction(const struct run_channel_view *channel)
{
	struct format_unit unit;
	char delivered[24], target[24];

	if (!channel->target_ul)
		return NAN;
	/* A target between two steps of the pump is reached when the numbers say so. */
	format_volume_unit(channel->target_ul, &unit);
	if (!strcmp(format_value(&unit, channel->delivered_ul, delivered, sizeof(delivered)),
		    format_value(&unit, channel->target_ul, target, sizeof(target))))
		return 1;
	/* A withdrawal's target is negative, and so is what was delivered. */
	return channel->delivered_ul / channel->target_ul;
}

static void write_percent(double fraction, char *text)
{
	if (isnan(fraction))
		snprintf(text, FIELD_SIZE, "  -- ");
	else
		snprintf(text, FIELD_SIZE, "%3.0f %%",
			 floor(fmin(fmax(fraction, 0), 1) * 100 + 1e-9));
}

static void write_volume(const struct run_channel_view *channel, enum form form, char *text)
{
	struct format_unit unit;
	char delivered[24], target[24];

	format_volume_unit(fmax(fabs(channel->target_ul), 1e-3), &unit);
	snprintf(text, FIELD_SIZE, form == FORM_LONG ? "%s of %s %s" : "%s/%s %s",
		 format_value(&unit, channel->delivered_ul, delivered, sizeof(delivered)),
		 format_value(&unit, channel->target_ul, target, sizeof(target)), unit.name);
}

static void write_flow(const struct run_channel_view *channel, enum form form, char *text)
{
	bool estimated = isnan(channel->flow_ul_min);
	double flow = estimated ? channel->estimate_ul_min : channel->flow_ul_min;
	struct format_unit unit;
	char now[24], wanted[24];

	/* In the unit of the plot, whatever the moment's value. */
	plot_rate_unit(channel, &unit);
	format_value(&unit, flow, now, sizeof(now));
	format_value(&unit, channel->setpoint_ul_min, wanted, sizeof(wanted));
	if (form == FORM_LONG)
		snprintf(text, FIELD_SIZE, "%s %s, set %s %s", estimated ? "est." : "flow", now,
			 wanted, unit.name);
	else
		snprintf(text, FIELD_SIZE, "%s %s", now, unit.name);
}

/* "2.08e12": no sign, no leading zero in the exponent. */
static const char *write_count(double count, char *text, size_t size)
{
	int exponent = floor(log10(fmax(count, 1)) + 1e-9);
	double leading = count / pow(10, exponent);

	if (count < 1) {
		snprintf(text, size, "0");
		return text;
	}
	/* 9.996 would be written as 10.00. */
	if (leading >= 9.995) {
		leading /= 10;
		exponent++;
	}
	snprintf(text, size, "%.2fe%d", leading, exponent);
	return text;
}

static void write_particles(const struct run_channel_view *channel, enum form form, char *text)
{
	char delivered[32], target[32];

	write_count(channel->particles_delivered, delivered, sizeof(delivered));
	write_count(channel->particles_target, target, sizeof(target));
	if (form == FORM_LONG)
		snprintf(text, FIELD_SIZE, "%*s of %s particles", (int)strlen(target), delivered,
			 target);
	else
		snprintf(text, FIELD_SIZE, "%*s particles", (int)strlen(target), delivered);
}

void channel_particles(const struct run_channel_view *channel, char *text, size_t size)
{
	char delivered[32], target[32];

	snprintf(text, size, "%s of %s",
		 write_count(channel->particles_delivered, delivered, sizeof(delivered)),
		 write_count(channel->particles_target, target, sizeof(target)));
}

const char *channel_word(const struct run_channel_view *channel)
{
	if (channel->gone)
		return "gone";
	if (channel->faults)
		return "FAULT";
	return nanodose_state_name(channel->state);
}

static void write_field(const struct run_channel_view *channel, enum field field, enum form form,
			bool utf8, char *text)
{
	text[0] = '\0';
	switch (field) {
	case FIELD_PERCENT:
		write_percent(channel_fraction(channel), text);
		break;
	case FIELD_VOLUME:
		write_volume(channel, form, text);
		break;
	case FIELD_FLOW:
		write_flow(channel, form, text);
		break;
	case FIELD_PRESSURE:
		if (isnan(channel->pressure_kpa))
			snprintf(text, FIELD_SIZE, "   -- kPa");
		else
			snprintf(text, FIELD_SIZE, "%5.1f kPa", channel->pressure_kpa);
		break;
	case FIELD_TEMPERATURE:
		if (isnan(channel->temperature_c))
			snprintf(text, FIELD_SIZE, "  -- %sC", glyphs_of(utf8)->degree);
		else
			snprintf(text, FIELD_SIZE, "%4.1f %sC", channel->temperature_c,
				 glyphs_of(utf8)->degree);
		break;
	case FIELD_PARTICLES:
		if (isnan(channel->particles_target))
			break;
		write_particles(channel, form, text);
		break;
	case FIELD_STATE:
		snprintf(text, FIELD_SIZE, "%s", channel_word(channel));
		break;
	default:
		break;
	}
}

static int field_columns(const struct run_view *view, enum field field, enum form form, bool utf8)
{
	int columns = 0;

	/* The text of these varies during a run; the column keeps its width. */
	if (field == FIELD_FLOW)
		return form == FORM_LONG ? FLOW_LONG_COLUMNS : FLOW_SHORT_COLUMNS;
	if (field == FIELD_STATE)
		return STATE_COLUMNS;
	for (size_t i = 0; i < view->channel_count; i++) {
		char text[FIELD_SIZE];
		int wide;

		write_field(&view->channels[i], field, form, utf8, text);
		wide = text_columns(text);
		if (wide > columns)
			columns = wide;
	}
	return columns;
}

struct wish {
	enum field field;
	enum form form;
};

/* Puts fields into a row, the most needed first, as far as room goes. */
static void plan_row(struct row_plan *plan, const struct run_view *view, const struct wish *wishes,
		     int count, int room, int long_room, bool utf8)
{
	for (int i = 0; i < count; i++) {
		enum field field = wishes[i].field;
		int before = plan->form[field] ? plan->columns[field] + FIELD_GAP : 0;
		int wanted = field_columns(view, field, wishes[i].form, utf8);

		if (plan->used - before + wanted + FIELD_GAP >
		    (wishes[i].form == FORM_LONG ? long_room : room)) {
			/* A lesser reading must not take the place of a needed one. */
			if (wishes[i].form == FORM_SHORT)
				break;
			continue;
		}
		if (!wanted)
			continue;
		plan->used += wanted + FIELD_GAP - before;
		plan->form[field] = wishes[i].form;
		plan->columns[field] = wanted;
	}
}

static void plan_channels(struct channels_plan *plan, const struct run_view *view, int columns,
			  int channel_rows, bool utf8)
{
	static const struct wish volumes[] = {
		{ FIELD_PERCENT, FORM_SHORT }, { FIELD_VOLUME, FORM_SHORT }, { FIELD_VOLUME, FORM_LONG },
	};
	static const struct wish readings[] = {
		{ FIELD_FLOW, FORM_SHORT }, { FIELD_PRESSURE, FORM_SHORT },
		{ FIELD_TEMPERATURE, FORM_SHORT }, { FIELD_PARTICLES, FORM_SHORT },
		{ FIELD_FLOW, FORM_LONG }, { FIELD_PARTICLES, FORM_LONG }, { FIELD_STATE, FORM_LONG },
	};
	int room;

	memset(plan, 0, sizeof(*plan));
	plan->name_columns = 3;
	for (size_t i = 0; i < view->channel_count; i++) {
		int wide = text_columns(view->channels[i].name);

		if (wide > plan->name_columns)
			plan->name_columns = wide;
	}
	if (plan->name_columns > NAME_MAX_COLUMNS)
		plan->name_columns = NAME_MAX_COLUMNS;
	if (plan->name_columns > columns / 3)
		plan->name_columns = columns / 3;

	/* A blank on each side of the bar; none after the last field. */
	room = columns - plan->name_columns - 2 + FIELD_GAP;
	plan_row(&plan->first, view, volumes, 3, room - BAR_MIN_COLUMNS, room - BAR_GOOD_COLUMNS, utf8);
	if (channel_rows == 1)
		plan_row(&plan->first, view, readings, 7, room - BAR_MIN_COLUMNS,
			 room - BAR_GOOD_COLUMNS, utf8);
	else
		plan_row(&plan->second, view, readings, 7, room + 1, room + 1, utf8);
	plan->bar_columns = room - plan->first.used;
	if (!plan->first.used)
		plan->bar_columns = columns - plan->name_columns - 1;
	if (plan->bar_columns > columns / 2)
		plan->bar_columns = columns / 2;
	if (plan->bar_columns > room - RUN_COLUMNS && room - RUN_COLUMNS >= BAR_GOOD_COLUMNS)
		plan->bar_columns = room - RUN_COLUMNS;
}

static void draw_row(struct cells *cells, int row, int column, const struct row_plan *plan,
		     const struct run_channel_view *channel)
{
	for (enum field field = 0; field < FIELDS; field++) {
		enum cell_style style = CELL_NORMAL;
		char text[FIELD_SIZE];

		if (!plan->form[field])
			continue;
		write_field(channel, field, plan->form[field], cells->utf8, text);
		if (field == FIELD_STATE)
			style = channel->gone || channel->faults ? CELL_FAULT : CELL_DIM;
		cells_text(cells, row, column, plan->columns[field], style, "%s", text);
		column += plan->columns[field] + FIELD_GAP;
	}
}

static void draw_run(struct cells *cells, int row, const struct channels_plan *plan,
		     const struct run_view *view)
{
	char elapsed[32], total[32], left[32], percent[FIELD_SIZE], text[128];
	int column = plan->name_columns + 1;

	cells_text(cells, row, 0, plan->name_columns, CELL_BOLD, "run");
	bar_draw(cells, row, column, plan->bar_columns, view->progress);
	column += plan->bar_columns + 1;
	write_percent(view->progress, percent);
	if (column + 5 > cells->columns)
		return;
	cells_text(cells, row, column, 5, CELL_NORMAL, "%s", percent);
	column += 7;

	format_time(view->elapsed_s, 0, elapsed, sizeof(elapsed));
	/* By what is left, not as planned: flow takes its time to settle, people to answer. */
	format_time(view->elapsed_s + view->left_s, 0, total, sizeof(total));
	format_time(ceil(view->left_s - 1e-6), 0, left, sizeof(left));
	if (view_is_over(view))
		snprintf(text, sizeof(text), "took %s", elapsed);
	else
		snprintf(text, sizeof(text), "%s of %s, %s left", elapsed, total, left);
	if (column + text_columns(text) > cells->columns && !view_is_over(view))
		snprintf(text, sizeof(text), "%s left", left);
	if (column + text_columns(text) <= cells->columns)
		cells_text(cells, row, column, cells->columns - column, CELL_NORMAL, "%s", text);
}

void draw_run_row(struct cells *cells, const struct layout_area *area, const struct run_view *view)
{
	struct channels_plan plan = { .name_columns = 3 };

	plan.bar_columns = area->columns - plan.name_columns - 1 - RUN_COLUMNS;
	if (plan.bar_columns < BAR_MIN_COLUMNS)
		plan.bar_columns = area->columns / 3;
	draw_run(cells, area->row, &plan, view);
}

void draw_channels(struct cells *cells, const struct layout *layout, const struct run_view *view)
{
	int shown = layout->channels.rows / layout->channel_rows;
	struct channels_plan plan;

	plan_channels(&plan, view, layout->channels.columns, layout->channel_rows, cells->utf8);
	for (int i = 0; i < shown && i < (int)view->channel_count; i++) {
		const struct run_channel_view *channel = &view->channels[i];
		int row = layout->channels.row + i * layout->channel_rows;
		bool bad = channel->gone || channel->faults;

		if (i > 0 && i == shown - 1 && shown < (int)view->channel_count) {
			cells_text(cells, row, 0, cells->columns, CELL_DIM, "and %d more",
				   (int)view->channel_count - i);
			break;
		}
		cells_text(cells, row, 0, plan.name_columns, bad ? CELL_FAULT : CELL_BOLD, "%s",
			   channel->name);
		bar_draw(cells, row, plan.name_columns + 1, plan.bar_columns,
			 channel_fraction(channel));
		draw_row(cells, row, plan.name_columns + 1 + plan.bar_columns + 1, &plan.first,
			 channel);
		if (layout->channel_rows == 2)
			draw_row(cells, row + 1, plan.name_columns + 1, &plan.second, channel);
	}
	if (layout->run.rows)
		draw_run(cells, layout->run.row, &plan, view);
}
