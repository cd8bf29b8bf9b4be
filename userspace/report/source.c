// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "reader.h"
#include "source.h"

#define COLUMNS		600
#define COLUMNS_MANY	300	/* a column of a plot, when there are many plots */
#define MANY_CHANNELS	8
#define MARKS_MAX	200
#define M3_S_PER_PL_MIN	(1e-15 / 60)
#define UL		1e-9

static double real(sqlite3_stmt *row, int column, double factor)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN :
	       sqlite3_column_double(row, column) * factor;
}

/* A copy, NULL for NULL. */
static char *text(sqlite3_stmt *row, int column)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	return value ? strdup(value) : NULL;
}

/* ---- the run as a whole ------------------------------------------------------------ */

static int read_protocol(struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(source->db, source->path,
					   "SELECT name, path, text FROM protocol WHERE rowid = 1", error);

	if (!row)
		return -1;
	if (sqlite3_step(row) == SQLITE_ROW) {
		source->title = text(row, 0);
		source->protocol_path = text(row, 1);
		source->protocol = text(row, 2);
	}
	return reader_end(source->db, source->path, row, error);
}

static double number(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) && value ?
	       json_object_get_double(value) : NAN;
}

static void read_summary(struct source *source, const char *json)
{
	struct json_object *root = json_tokener_parse(json), *list = NULL, *one;
	size_t i;

	json_object_object_get_ex(root, "channels", &list);
	for (i = 0; list && i < source->channel_count && i < json_object_array_length(list); i++) {
		one = json_object_array_get_idx(list, i);
		source->channels[i].summary = (struct source_summary){
			.target_m3 = number(one, "target_ul") * UL,
			.delivered_m3 = number(one, "delivered_ul") * UL,
			.error_pct = number(one, "error_pct"),
			.settle_s = number(one, "settle_s"),
			.overshoot_pct = number(one, "overshoot_pct"),
			.flow_cv_pct = number(one, "flow_cv_pct"),
			.max_pressure_pa = number(one, "max_pressure_kpa") * 1e3,
			.particles_target = number(one, "particles_target"),
			.particles_delivered = number(one, "particles_delivered"),
		};
	}
	json_object_put(root);
}

/* After the channels, which it adds to. */
static int read_result(struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(source->db, source->path,
					   "SELECT status, summary, time_ns FROM result", error);

	if (!row)
		return -1;
	if (sqlite3_step(row) == SQLITE_ROW) {
		source->status = text(row, 0);
		source->end_ns = sqlite3_column_int64(row, 2);
		if (sqlite3_column_type(row, 1) == SQLITE_TEXT)
			read_summary(source, (const char *)sqlite3_column_text(row, 1));
	}
	return reader_end(source->db, source->path, row, error);
}

static int read_seal(struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(source->db, source->path,
					   "SELECT sha256 FROM seal WHERE part = 'whole'", error);

	if (!row)
		return -1;
	if (sqlite3_step(row) == SQLITE_ROW)
		source->seal = text(row, 0);
	return reader_end(source->db, source->path, row, error);
}

/* ---- channels ------------------------------------------------------------------------ */

static void read_channel(struct source_channel *channel, sqlite3_stmt *row)
{
	*channel = (struct source_channel){
		.name = text(row, 0), .pump = text(row, 1), .device = text(row, 2),
		.label = text(row, 3), .syringe = text(row, 4), .medium = text(row, 5),
		.sensor = text(row, 6),
		.diameter_m = real(row, 7, 1),
		.loaded_m3 = real(row, 8, 1),
		.concentration_per_m3 = real(row, 9, 1),
		.step_m3 = sqlite3_column_double(row, 10),
		.microsteps_per_rev = sqlite3_column_int64(row, 11),
		.lead_pitch_nm = sqlite3_column_int64(row, 12),
		.max_rate_nhz = sqlite3_column_int64(row, 13),
		/* SQLite's integers are signed, serial numbers are not. */
		.sensor_serial = (uint64_t)sqlite3_column_int64(row, 14),
		.sensor_full_scale_pl_min = sqlite3_column_int64(row, 15),
		.fluid = text(row, 16),
		.viscosity_pa_s = real(row, 17, 1),
		.correction_unit_m3_s = real(row, 18, M3_S_PER_PL_MIN),
		.correction_a = real(row, 19, 1),
		.correction_b = real(row, 20, 1),
		.correction_c = real(row, 21, 1),
		.saturation_m3_s = real(row, 22, M3_S_PER_PL_MIN),
		.summary = { NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN },
	};
}

static int read_channels(struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(
		source->db, source->path,
		"SELECT name, pump, device, label, syringe, medium, sensor, syringe_diameter_m,"
		" loaded_m3, concentration_per_m3, volume_per_step_m3, microsteps_per_rev,"
		" lead_pitch_nm, max_rate_nhz, sensor_serial, sensor_full_scale_pl_min, fluid,"
		" viscosity_pa_s, correction_unit_pl_min, correction_a, correction_b, correction_c,"
		" correction_saturation_pl_min"
		" FROM channel ORDER BY id", error);
	struct source_channel *channels;

	if (!row)
		return -1;
	while (sqlite3_step(row) == SQLITE_ROW) {
		channels = realloc(source->channels,
				   (source->channel_count + 1) * sizeof(*channels));
		if (!channels) {
			sqlite3_finalize(row);
			return reader_fail(error, "%s", strerror(ENOMEM));
		}
		source->channels = channels;
		read_channel(&channels[source->channel_count++], row);
	}
	return reader_end(source->db, source->path, row, error);
}

static int add_mark(struct source_channel *channel, const struct chart_mark *mark)
{
	struct chart_mark *marks;

	if (channel->mark_count == MARKS_MAX)
		return 0;
	marks = realloc(channel->marks, (channel->mark_count + 1) * sizeof(*marks));
	if (!marks)
		return -1;
	channel->marks = marks;
	marks[channel->mark_count++] = *mark;
	return 0;
}

static int read_marks(struct source *source, char **error)
{
	sqlite3_stmt *row = reader_prepare(
		source->db, source->path,
		"SELECT time_ns, severity = 'fault', coalesce(channel, -1) FROM event"
		" WHERE severity IN ('fault', 'warning') ORDER BY id", error);
	struct chart_mark mark;
	int bad = 0, channel;
	size_t i;

	if (!row)
		return -1;
	while (!bad && sqlite3_step(row) == SQLITE_ROW) {
		mark.time_s = (double)sqlite3_column_int64(row, 0) * 1e-9;
		mark.fault = sqlite3_column_int(row, 1);
		channel = sqlite3_column_int(row, 2);
		for (i = 0; !bad && i < source->channel_count; i++)
			if (channel < 0 || channel == (int)i)
				bad = add_mark(&source->channels[i], &mark);
	}
	if (reader_end(source->db, source->path, row, error))
		return -1;
	return bad ? reader_fail(error, "%s", strerror(ENOMEM)) : 0;
}

/* ---- samples --------------------------------------------------------------------------- */

static int measure(struct source *source, double *begin_s, char **error)
{
	sqlite3_stmt *row = reader_prepare(source->db, source->path,
					   "SELECT min(time_ns), max(time_ns) FROM sample", error);

	if (!row)
		return -1;
	*begin_s = 0;
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_type(row, 0) != SQLITE_NULL) {
		*begin_s = fmin(0, (double)sqlite3_column_int64(row, 0) * 1e-9);
		if (sqlite3_column_int64(row, 1) > source->end_ns)
			source->end_ns = sqlite3_column_int64(row, 1);
	}
	return reader_end(source->db, source->path, row, error);
}

static int read_samples(struct source *source, char **error)
{
	size_t columns = source->channel_count > MANY_CHANNELS ? COLUMNS_MANY : COLUMNS, i;
	struct curve_sample sample;
	sqlite3_int64 channel;
	sqlite3_stmt *row;
	double begin_s;

	if (measure(source, &begin_s, error))
		return -1;
	for (i = 0; i < source->channel_count; i++)
		if (curves_init(&source->channels[i].curves, begin_s, (double)source->end_ns * 1e-9,
				columns, source->channels[i].step_m3))
			return reader_fail(error, "%s", strerror(errno));
	row = reader_prepare(source->db, source->path,
			     "SELECT channel, time_ns, position, fluid_flow_pl_min, estimate_pl_min,"
			     " setpoint_pl_min, pressure_pa FROM measured ORDER BY id", error);
	if (!row)
		return -1;
	while (sqlite3_step(row) == SQLITE_ROW) {
		channel = sqlite3_column_int64(row, 0);
		if (channel < 0 || (size_t)channel >= source->channel_count)
			continue;
		sample = (struct curve_sample){
			.time_s = (double)sqlite3_column_int64(row, 1) * 1e-9,
			.position = sqlite3_column_int64(row, 2),
			.flow_m3_s = real(row, 3, M3_S_PER_PL_MIN),
			.estimate_m3_s = real(row, 4, M3_S_PER_PL_MIN),
			.setpoint_m3_s = real(row, 5, M3_S_PER_PL_MIN),
			.pressure_pa = real(row, 6, 1),
		};
		curves_add(&source->channels[channel].curves, &sample);
	}
	return reader_end(source->db, source->path, row, error);
}

/* ---- all of it ----------------------------------------------------------------------------- */

int source_read(struct source *source, const char *path, char **error)
{
	memset(source, 0, sizeof(*source));
	source->path = path;
	source->db = reader_open(path, error);
	if (!source->db)
		return -1;
	source->start_utc_ns = reader_start_utc_ns(source->db, path, error);
	if (source->start_utc_ns < 0 || read_protocol(source, error) ||
	    read_channels(source, error) || read_result(source, error) || read_seal(source, error) ||
	    read_marks(source, error) || read_samples(source, error))
		return -1;
	return digest_file(path, source->sha256, error);
}

void source_free(struct source *source)
{
	size_t i;

	for (i = 0; i < source->channel_count; i++) {
		struct source_channel *channel = &source->channels[i];

		free(channel->name);
		free(channel->pump);
		free(channel->device);
		free(channel->label);
		free(channel->syringe);
		free(channel->medium);
		free(channel->fluid);
		free(channel->sensor);
		free(channel->marks);
		curves_free(&channel->curves);
	}
	free(source->channels);
	free(source->status);
	free(source->seal);
	free(source->title);
	free(source->protocol_path);
	free(source->protocol);
	sqlite3_close(source->db);
}
