// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All numbers of one channel, each by its name, in as many columns as there is
 * room for.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bar.h"
#include "draw.h"
#include "format.h"
#include "glyphs.h"
#include "plot.h"
#include "text.h"

#define FIELD_COLUMNS	38
#define LABEL_COLUMNS	11
#define MOST_FIELDS	16
#define VALUE_SIZE	80

struct field {
	const char *label;
	char value[VALUE_SIZE];
	enum cell_style style;
};

struct fields {
	struct field list[MOST_FIELDS];
	int count;
};

static char *field(struct fields *fields, const char *label)
{
	struct field *one = &fields->list[fields->count++];

	one->label = label;
	one->style = CELL_NORMAL;
	return one->value;
}

static void rate(struct fields *fields, const char *label, const struct format_unit *unit, double value)
{
	char number[24];

	snprintf(field(fields, label), VALUE_SIZE, "%s %s", format_value(unit, value, number, sizeof(number)),
		 unit->name);
}

static void add_rates(struct fields *fields, const struct run_channel_view *channel, bool utf8)
{
	struct format_unit unit;
	char number[24], band[24];
	const char *off;

	plot_rate_unit(channel, &unit);
	rate(fields, "flow", &unit, channel->flow_ul_min);
	rate(fields, "set point", &unit, channel->setpoint_ul_min);
	format_value(&unit, channel->estimate_ul_min, number, sizeof(number));
	format_value(&unit, channel->band_ul_min, band, sizeof(band));
	off = band + strspn(band, " ");
	if (isnan(channel->band_ul_min))
		snprintf(field(fields, "estimate"), VALUE_SIZE, "%s %s", number, unit.name);
	else
		snprintf(field(fields, "estimate"), VALUE_SIZE, "%s %s %s %s", number, glyphs_of(utf8)->plus_minus,
			 off, unit.name);
	rate(fields, "pump", &unit, channel->pump_rate_ul_min);
}

static void add_volumes(struct fields *fields, const struct run_channel_view *channel)
{
	struct format_unit unit;
	char delivered[24], target[24], stored[24];

	format_volume_unit(fmax(fabs(channel->target_ul), 1e-3), &unit);
	format_value(&unit, channel->delivered_ul, delivered, sizeof(delivered));
	format_value(&unit, channel->target_ul, target, sizeof(target));
	snprintf(field(fields, "delivered"), VALUE_SIZE, "%s of %s %s", delivered, target + strspn(target, " "),
		 unit.name);
	if (!isnan(channel->particles_target))
		channel_particles(channel, field(fields, "particles"), VALUE_SIZE);
	if (isnan(channel->stored_ul)) {
		strcpy(field(fields, "stored"), "not known yet");
		return;
	}
	format_volume_unit(fmax(fabs(channel->stored_ul), 1e-3), &unit);
	snprintf(field(fields, "stored"), VALUE_SIZE, "%s %s",
		 format_value(&unit, channel->stored_ul, stored, sizeof(stored)), unit.name);
}

static void add_readings(struct fields *fields, const struct run_channel_view *channel, bool utf8)
{
	char *value = field(fields, "pressure");

	if (isnan(channel->pressure_kpa))
		strcpy(value, "no reading");
	else
		snprintf(value, VALUE_SIZE, "%.1f kPa", channel->pressure_kpa);
	value = field(fields, "temperature");
	if (isnan(channel->temperature_c))
		strcpy(value, "no reading");
	else
		snprintf(value, VALUE_SIZE, "%.1f %sC", channel->temperature_c, glyphs_of(utf8)->degree);
}

static void text(struct fields *fields, const char *label, const char *value)
{
	snprintf(field(fields, label), VALUE_SIZE, "%s", value && *value ? value : "-");
}

static void collect(struct fields *fields, const struct run_channel_view *channel, bool utf8)
{
	fields->count = 0;
	add_rates(fields, channel, utf8);
	add_volumes(fields, channel);
	add_readings(fields, channel, utf8);
	text(fields, "state", channel_word(channel));
	if (channel->gone || channel->faults)
		fields->list[fields->count - 1].style = CELL_FAULT;
	text(fields, "pump", channel->pump);
	text(fields, "syringe", channel->syringe);
	text(fields, "fluid", channel->fluid);
}

static int across(int columns)
{
	return columns / FIELD_COLUMNS > 0 ? columns / FIELD_COLUMNS : 1;
}

int draw_fields_rows(const struct run_channel_view *channel, int columns)
{
	struct fields fields;
	int beside = across(columns);

	collect(&fields, channel, true);
	return 1 + (fields.count + beside - 1) / beside;
}

/* The bar of the volume, then the fields, down each column first. */
void draw_fields(struct cells *cells, const struct layout_area *area, const struct run_channel_view *channel)
{
	int beside = across(area->columns), wide = area->columns / beside, down;
	double fraction = channel_fraction(channel);
	struct fields fields;
	char percent[16] = " --";

	if (area->rows < 1)
		return;
	if (!isnan(fraction))
		snprintf(percent, sizeof(percent), "%3.0f %%", floor(fmin(fmax(fraction, 0), 1) * 100 + 1e-9));
	bar_draw(cells, area->row, area->column, area->columns - 6, fraction);
	cells_text(cells, area->row, area->column + area->columns - 5, 5, CELL_NORMAL, "%s", percent);
	collect(&fields, channel, cells->utf8);
	down = (fields.count + beside - 1) / beside;
	for (int i = 0; i < fields.count; i++) {
		int row = 1 + i % down, column = area->column + i / down * wide;

		if (row >= area->rows)
			continue;
		cells_text(cells, area->row + row, column, LABEL_COLUMNS, CELL_DIM, "%s", fields.list[i].label);
		cells_text(cells, area->row + row, column + LABEL_COLUMNS + 1, wide - LABEL_COLUMNS - 2,
			   fields.list[i].style, "%s", fields.list[i].value);
	}
}
