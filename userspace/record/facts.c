// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "facts.h"
#include "past.h"
#include "protocol.h"

#define PL_MIN_PER_M3_S (1e15 * 60)

/*
 * Runs one statement with values by type: t text, i integer, r real; NULL
 * text and NAN become NULL.
 */
static int execute(sqlite3 *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list arguments;
	int result, i;

	result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result)
		return result;
	va_start(arguments, types);
	for (i = 0; types[i]; i++) {
		switch (types[i]) {
		case 't':
			sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1,
					  SQLITE_STATIC);
			break;
		case 'i':
			sqlite3_bind_int64(statement, i + 1, va_arg(arguments, sqlite3_int64));
			break;
		case 'r':
			/* SQLite stores NAN as NULL. */
			sqlite3_bind_double(statement, i + 1, va_arg(arguments, double));
			break;
		}
	}
	va_end(arguments);
	sqlite3_step(statement);
	return sqlite3_finalize(statement);
}

static int meta_text(sqlite3 *db, const char *key, const char *value)
{
	return execute(db, "INSERT INTO meta VALUES (?, ?)", "tt", key, value);
}

static int meta_integer(sqlite3 *db, const char *key, uint64_t value)
{
	return execute(db, "INSERT INTO meta VALUES (?, ?)", "ti", key, (sqlite3_int64)value);
}

/* What tells one build of the driver from another, if it is a module that has it. */
static int write_driver(sqlite3 *db)
{
	FILE *file = fopen("/sys/module/nanodose/srcversion", "re");
	char version[64], text[80];
	int result = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%63s", version) == 1) {
		snprintf(text, sizeof(text), "srcversion %s", version);
		result = meta_text(db, "driver", text);
	}
	fclose(file);
	return result;
}

static int write_boot(sqlite3 *db)
{
	char text[64];

	return record_boot_id(text, sizeof(text)) ? 0 : meta_text(db, "boot_id", text);
}

static int write_user(sqlite3 *db)
{
	const struct passwd *user = getpwuid(getuid());

	return user ? meta_text(db, "user", user->pw_name) : 0;
}

static int write_meta(sqlite3 *db, uint64_t start_monotonic_ns, uint64_t start_utc_ns)
{
	struct utsname system = { 0 };
	int result;

	uname(&system);
	result = meta_text(db, "program", "nanodose " NANODOSE_VERSION);
	if (!result)
		result = meta_text(db, "kernel", system.release);
	if (!result)
		result = meta_text(db, "kernel_build", system.version);
	if (!result)
		result = write_driver(db);
	if (!result)
		result = write_user(db);
	if (!result)
		result = write_boot(db);
	if (!result)
		result = meta_text(db, "machine", system.machine);
	if (!result)
		result = meta_text(db, "host", system.nodename);
	if (!result)
		result = meta_integer(db, "start_monotonic_ns", start_monotonic_ns);
	if (!result)
		result = meta_integer(db, "start_utc_ns", start_utc_ns);
	return result;
}

static int write_input(sqlite3 *db, const struct protocol_input *input)
{
	return execute(db, "INSERT INTO input VALUES (?, ?, ?, ?, ?)", "ttrti", input->name,
		       nanodose_dimension_name(input->dimension), input->value, input->text,
		       (sqlite3_int64)input->set);
}

static int write_fluid(sqlite3 *db, size_t id, const struct protocol_channel *wanted)
{
	const struct protocol_correction *correction = &wanted->correction;
	int result;

	result = execute(db, "UPDATE channel SET fluid = ?, viscosity_pa_s = ? WHERE id = ?", "tri", wanted->fluid,
			 wanted->viscosity_pa_s, (sqlite3_int64)id);
	if (!result && correction->unit_m3_s > 0)
		result = execute(db, "UPDATE channel SET correction_unit_pl_min = ?, correction_a = ?,"
				 " correction_b = ?, correction_c = ?, correction_saturation_pl_min = ?,"
				 " correction_reading_max_pl_min = ? WHERE id = ?", "rrrrrri",
				 correction->unit_m3_s * PL_MIN_PER_M3_S, correction->a, correction->b,
				 correction->c, correction->saturation_m3_s * PL_MIN_PER_M3_S,
				 correction->saturated_reading_m3_s * PL_MIN_PER_M3_S, (sqlite3_int64)id);
	return result;
}

static int write_channel(sqlite3 *db, size_t id, const struct protocol_channel *wanted,
			 const struct record_channel *found)
{
	const struct nanodose_info *info = &found->info;
	const struct nanodose_syringe *syringe = wanted ? wanted->syringe : NULL;
	bool sensor = info->sensor_model != NANODOSE_SENSOR_NONE;
	int result;

	result = execute(db, "INSERT INTO channel VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
			 " ?, ?, ?, ?, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
			 "ittttt" "rtrrr" "iiiiiit",
			 (sqlite3_int64)id, found->name, found->pump, found->device_path,
			 info->label, syringe ? syringe->name : NULL,
			 syringe ? syringe->diameter_m : NAN,
			 !wanted ? NULL : wanted->medium == NANODOSE_MEDIUM_IPA ? "ipa" : "water",
			 wanted ? wanted->loaded_m3 : NAN,
			 wanted && wanted->concentration_per_m3 > 0 ? wanted->concentration_per_m3 : NAN,
			 found->volume_per_step_m3, (sqlite3_int64)found->origin,
			 (sqlite3_int64)info->microsteps_per_rev,
			 (sqlite3_int64)info->lead_pitch_nm, (sqlite3_int64)info->max_rate_nhz,
			 (sqlite3_int64)info->max_accel_nhz_s, (sqlite3_int64)info->features,
			 sensor ? nanodose_sensor_name(info->sensor_model) : NULL);
	if (!result && sensor)
		result = execute(db, "UPDATE channel SET sensor_serial = ?,"
				 " sensor_full_scale_pl_min = ? WHERE id = ?", "iii",
				 (sqlite3_int64)info->sensor_serial,
				 (sqlite3_int64)info->sensor_full_scale_pl_min, (sqlite3_int64)id);
	if (!result && wanted)
		result = write_fluid(db, id, wanted);
	return result;
}

/* A file that was called, once, however often it was. */
static int write_called(sqlite3 *db, const struct protocol *protocol, size_t index)
{
	const struct protocol_call *call = &protocol->calls[index];

	for (size_t i = 0; i < index; i++)
		if (!strcmp(protocol->calls[i].path, call->path))
			return 0;
	return execute(db, "INSERT INTO protocol VALUES (?, ?, ?)", "ttt", call->path, "called", call->text);
}

/* The protocol's channel of that name, for what the device does not know. */
static const struct protocol_channel *find_channel(const struct protocol *protocol,
						   const char *name)
{
	size_t i;

	for (i = 0; i < protocol->channel_count; i++)
		if (!strcmp(protocol->channels[i].name, name))
			return &protocol->channels[i];
	return NULL;
}

int facts_write(sqlite3 *db, const struct protocol *protocol,
		const struct record_channel *channels, size_t channel_count,
		uint64_t start_monotonic_ns, uint64_t start_utc_ns)
{
	size_t i;
	int result;

	result = write_meta(db, start_monotonic_ns, start_utc_ns);
	if (!result)
		result = execute(db, "INSERT INTO protocol VALUES (?, ?, ?)", "ttt", protocol->path,
				 protocol->name ? protocol->name : "", protocol->text);
	for (i = 0; !result && i < protocol->call_count; i++)
		result = write_called(db, protocol, i);
	for (i = 0; !result && i < protocol->input_count; i++)
		result = write_input(db, &protocol->inputs[i]);
	for (i = 0; !result && i < channel_count; i++)
		result = write_channel(db, i, find_channel(protocol, channels[i].name), &channels[i]);
	return result;
}
