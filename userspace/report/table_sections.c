// SPDX-License-Identifier: GPL-2.0-or-later
/* What happened, what was asked for, and with what: events, protocol, pumps, origin. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "axis.h"
#include "html.h"
#include "nanodose.h"
#include "reader.h"
#include "sections.h"

/* A run that repeats a step ten thousand times must not make a page of ten thousand lines. */
#define EVENTS_MAX 1500

/* ---- events --------------------------------------------------------------------------- */

static void put_event(FILE *out, const struct source *source, sqlite3_stmt *row)
{
	int64_t time_ns = sqlite3_column_int64(row, 0);
	const char *severity = (const char *)sqlite3_column_text(row, 1);
	struct reader_clock clock = { 0 };
	char utc[READER_UTC_SIZE];
	int i;

	fputs("<tr class=\"", out);
	html_text(out, severity);
	fprintf(out, "\"><td class=n>%.3f</td><td class=time>%.23sZ</td>", (double)time_ns * 1e-9,
		reader_utc(&clock, source->start_utc_ns + time_ns, utc));
	for (i = 1; i <= 5; i++)
		html_cell(out, (const char *)sqlite3_column_text(row, i));
	fputs("</tr>\n", out);
}

/* Faults and warnings always have their place; of the rest the first ones. */
int section_events(FILE *out, const struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(
		source->db, source->path,
		"SELECT e.time_ns, e.severity, e.source, c.name, e.line, e.text FROM event e"
		" LEFT JOIN channel c ON c.id = e.channel"
		" WHERE e.id IN (SELECT id FROM event ORDER BY severity = 'info', id LIMIT ?)"
		" ORDER BY e.id", error);
	sqlite3_int64 count = 0;

	if (!row)
		return -1;
	sqlite3_bind_int(row, 1, EVENTS_MAX);
	fputs("<h2>Events</h2>\n<table><thead><tr><th class=n>Time, s<th>UTC<th>Severity<th>Source"
	      "<th>Channel<th>Line<th>What</tr></thead>\n", out);
	for (; sqlite3_step(row) == SQLITE_ROW; count++)
		put_event(out, source, row);
	fputs("</table>\n", out);
	if (reader_end(source->db, source->path, row, error))
		return -1;
	row = reader_prepare(source->db, source->path, "SELECT count(*) FROM event", error);
	if (!row)
		return -1;
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int64(row, 0) > count)
		fprintf(out, "<p class=note>%lld more events are left out here;"
			" <code>nanodose export --events</code> lists all.</p>\n",
			(long long)(sqlite3_column_int64(row, 0) - count));
	fputs("<p class=note><b>Line</b> is the protocol's.</p>\n", out);
	return reader_end(source->db, source->path, row, error);
}

/* ---- protocol ---------------------------------------------------------------------------- */

static int put_inputs(FILE *out, const struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(source->db, source->path,
					   "SELECT name, coalesce(text, value), dimension,"
					   " CASE set_by_user WHEN 0 THEN 'the protocol'"
					   " ELSE 'the operator' END FROM input ORDER BY name",
					   error);
	int i, count = 0;

	if (!row)
		return -1;
	while (sqlite3_step(row) == SQLITE_ROW) {
		if (!count++)
			fputs("<table><thead><tr><th>Input<th>Value<th>Dimension<th>Set by</tr>"
			      "</thead>\n", out);
		fputs("<tr>", out);
		for (i = 0; i < 4; i++)
			html_cell(out, (const char *)sqlite3_column_text(row, i));
		fputs("</tr>\n", out);
	}
	if (count)
		fputs("</table>\n", out);
	return reader_end(source->db, source->path, row, error);
}

static void put_lines(FILE *out, const char *text)
{
	int line;

	fputs("<pre>", out);
	for (line = 1; *text; line++) {
		const char *end = strchrnul(text, '\n');

		fprintf(out, "<i>%4d  </i>", line);
		html_text_part(out, text, end - text);
		text = *end ? end + 1 : end;
		putc('\n', out);
	}
	fputs("</pre>\n", out);
}

/* Files that the protocol calls. */
static int put_called(FILE *out, const struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(source->db, source->path,
					   "SELECT path, text FROM protocol WHERE rowid > 1 ORDER BY rowid",
					   error);

	if (!row)
		return -1;
	while (sqlite3_step(row) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(row, 1);

		fputs("<p>It calls ", out);
		html_text(out, (const char *)sqlite3_column_text(row, 0));
		fputs("</p>\n", out);
		if (text)
			put_lines(out, text);
	}
	return reader_end(source->db, source->path, row, error);
}

int section_protocol(FILE *out, const struct source *source, char **error)
{
	fputs("<h2>Protocol</h2>\n<p>", out);
	html_text(out, source->protocol_path ? source->protocol_path : "");
	fputs("</p>\n", out);
	if (put_inputs(out, source, error))
		return -1;
	if (source->protocol)
		put_lines(out, source->protocol);
	return put_called(out, source, error);
}

/* ---- pumps ------------------------------------------------------------------------------- */

static void put_volume(FILE *out, const char *name, double value_m3)
{
	struct axis_unit unit = axis_unit(AXIS_VOLUME, value_m3);

	if (isfinite(value_m3))
		html_row(out, name, "%.6g %s", value_m3 * unit.per_si, unit.name);
}

/* How the readings became the flow that the report shows. */
static void put_correction(FILE *out, const struct source_channel *channel)
{
	char unit[40], most[40];

	if (!(channel->correction_unit_m3_s > 0))
		return;
	nanodose_quantity_format(channel->correction_unit_m3_s, NANODOSE_DIMENSION_RATE, unit, sizeof(unit));
	nanodose_quantity_format(channel->saturation_m3_s, NANODOSE_DIMENSION_RATE, most, sizeof(most));
	html_row(out, "Correction for the fluid",
		 "flow = %.9g x + %.9g x² + %.9g x³, of readings x in units of %s; up to %s",
		 channel->correction_a, channel->correction_b, channel->correction_c, unit, most);
}

static void put_pump(FILE *out, const struct source_channel *channel)
{
	double fastest_hz = (double)channel->max_rate_nhz * 1e-9;
	struct axis_unit unit;

	fputs("<h3>", out);
	html_text(out, channel->name);
	fputs("</h3>\n<table class=facts>\n", out);
	html_row(out, "Pump", "%s (%s, label \"%s\")", channel->pump, channel->device,
		 channel->label ? channel->label : "");
	if (channel->syringe)
		html_row(out, "Syringe", "%s, bore %.4g mm", channel->syringe,
			 channel->diameter_m * 1e3);
	put_volume(out, "Loaded", channel->loaded_m3);
	if (channel->fluid)
		html_row(out, "Fluid", "%s, %.4g mPa s", channel->fluid, channel->viscosity_pa_s * 1e3);
	html_row(out, "Lead screw", "%.6g mm a turn, %" PRId64 " microsteps a turn",
		 (double)channel->lead_pitch_nm * 1e-6, channel->microsteps_per_rev);
	put_volume(out, "Volume of one step", channel->step_m3);
	unit = axis_unit(AXIS_RATE, fastest_hz * channel->step_m3);
	html_row(out, "Fastest", "%.9g steps/s, %.4g %s", fastest_hz,
		 fastest_hz * channel->step_m3 * unit.per_si, unit.name);
	if (channel->sensor) {
		unit = axis_unit(AXIS_RATE, (double)channel->sensor_full_scale_pl_min / 60e15);
		html_row(out, "Flow sensor", "%s, serial %" PRIu64 ", full scale %.4g %s",
			 channel->sensor, channel->sensor_serial,
			 (double)channel->sensor_full_scale_pl_min / 60e15 * unit.per_si, unit.name);
		html_row(out, "Sensor calibration", "the maker's, for %s",
			 channel->medium && !strcmp(channel->medium, "ipa") ? "isopropanol" : "water");
		put_correction(out, channel);
	} else {
		html_row(out, "Flow sensor", "none");
	}
	fputs("</table>\n", out);
}

void section_pumps(FILE *out, const struct source *source)
{
	size_t i;

	fputs("<h2>Pumps, syringes and sensors</h2>\n", out);
	for (i = 0; i < source->channel_count; i++)
		put_pump(out, &source->channels[i]);
}

/* ---- origin -------------------------------------------------------------------------------- */

/* Words for the keys of meta, in this order. */
static const struct { const char *key, *name; } origins[] = {
	{ "program", "Program" }, { "driver", "Driver" }, { "kernel", "Kernel" },
	{ "kernel_build", "Kernel build" }, { "machine", "Processor" }, { "host", "Computer" },
	{ "user", "Run by" },
};

int section_origin(FILE *out, const struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(source->db, source->path,
					   "SELECT value FROM meta WHERE key = ?", error);
	size_t i;

	if (!row)
		return -1;
	fputs("<h2>Software and run file</h2>\n<table class=facts>\n", out);
	for (i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		sqlite3_bind_text(row, 1, origins[i].key, -1, SQLITE_STATIC);
		if (sqlite3_step(row) == SQLITE_ROW)
			html_row(out, origins[i].name, "%s",
				 (const char *)sqlite3_column_text(row, 0));
		sqlite3_reset(row);
	}
	html_row(out, "Report by", "nanodose " NANODOSE_VERSION);
	html_row(out, "Run file", "%s", source->path);
	html_row(out, "SHA-256 of the run file", "%s", *source->sha256 ? source->sha256 :
		 "not taken: the file is still being written, or was not closed");
	html_row(out, "Seal of its content", "%s", source->seal ? source->seal : "none");
	fputs("</table>\n", out);
	return reader_end(source->db, source->path, row, error);
}
