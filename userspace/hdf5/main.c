// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nanodose-hdf5 RUN.db FILE.h5: a run file as HDF5; called by "nanodose export
 * --format hdf5". A program of its own, so that the one that doses, which
 * keeps all its memory locked, does not carry HDF5 and what that needs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Columns of a channel; factor turns the stored integer into the unit, 0 keeps it whole. */
static const struct sample_column {
	const char *name, *sql, *unit, *note;
	double factor;
} sample_columns[] = {
	{ "time_s", "s.time_ns", "s", "since the start of the run", 1e-9 },
	{ "utc_ns", NULL, "ns", "since 1970-01-01 00:00 UTC", 0 },
	{ "setpoint_ul_min", "s.setpoint_pl_min", "uL/min", "flow that is wanted", 1e-6 },
	{ "flow_ul_min", "s.fluid_flow_pl_min", "uL/min", "flow that the sensor measured", 1e-6 },
	{ "estimate_ul_min", "s.estimate_pl_min", "uL/min", "flow as the controller sees it", 1e-6 },
	{ "pump_rate_ul_min", "s.pump_rate_pl_min", "uL/min", "rate of the pump", 1e-6 },
	{ "position_steps", "s.position", "microsteps", "of the pump; plus dispenses", 0 },
	{ "position_ul", "s.position * c.volume_per_step_m3", "uL", "the same as a volume", 1e9 },
	{ "temperature_degc", "s.temperature_mdegc", "degC", "of the liquid in the sensor", 1e-3 },
	{ "pressure_kpa", "s.pressure_pa", "kPa", "of the line", 1e-3 },
	{ "sensor_flags", "coalesce(s.sensor_flags, -1)", "1",
	  "bits: 1 air in line, 2 high flow; -1: none", 0 },
	{ "bus_errors", "s.bus_errors", "1", "frames of the sensor that failed so far", 0 },
	{ "sequence", "s.sequence", "1", "number of the driver's record", 0 },
};

struct run {
	const char *path;
	sqlite3 *db;
	sqlite3_int64 start_utc_ns;
	char *error;
};

static sqlite3_stmt *prepare(struct run *run, const char *sql)
{
	return reader_prepare(run->db, run->path, sql, &run->error);
}

static int end(struct run *run, sqlite3_stmt *row)
{
	return reader_end(run->db, run->path, row, &run->error);
}

/* ---- samples ------------------------------------------------------------------------- */

static void put_sample(struct run *run, struct store_column *columns, sqlite3_stmt *row)
{
	size_t i;
	int at = 0;

	for (i = 0; i < COUNT(sample_columns); i++) {
		if (!sample_columns[i].sql) {
			store_integer(&columns[i], run->start_utc_ns + sqlite3_column_int64(row, 0));
			continue;
		}
		if (sample_columns[i].factor == 0)
			store_integer(&columns[i], sqlite3_column_int64(row, at));
		else if (sqlite3_column_type(row, at) == SQLITE_NULL)
			store_real(&columns[i], NAN);
		else
			store_real(&columns[i], sqlite3_column_double(row, at) * sample_columns[i].factor);
		at++;
	}
}

static char *sample_query(void)
{
	size_t size, i;
	char *sql = NULL;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return NULL;
	fputs("SELECT ", out);
	for (i = 0; i < COUNT(sample_columns); i++)
		if (sample_columns[i].sql)
			fprintf(out, "%s, ", sample_columns[i].sql);
	fputs("s.channel FROM measured s JOIN channel c ON c.id = s.channel"
	      " WHERE s.channel = ? ORDER BY s.id", out);
	fclose(out);
	return sql;
}

static int write_samples(struct run *run, hid_t group, sqlite3_int64 channel)
{
	struct store_column columns[COUNT(sample_columns)];
	char *sql = sample_query();
	sqlite3_stmt *row = sql ? prepare(run, sql) : NULL;
	size_t i;

	free(sql);
	if (!row)
		return -1;
	for (i = 0; i < COUNT(sample_columns); i++)
		store_open(&columns[i], group, sample_columns[i].name,
			   sample_columns[i].factor == 0 ? STORE_INTEGER : STORE_REAL,
			   sample_columns[i].unit, sample_columns[i].note);
	sqlite3_bind_int64(row, 1, channel);
	while (store_good() && sqlite3_step(row) == SQLITE_ROW)
		put_sample(run, columns, row);
	for (i = 0; i < COUNT(sample_columns); i++)
		store_close(&columns[i]);
	return end(run, row);
}

/* ---- what surrounds them --------------------------------------------------------------- */

/* A row's values as attributes under the names of their columns. */
static void put_attributes(hid_t object, sqlite3_stmt *row)
{
	int i;

	for (i = 0; i < sqlite3_column_count(row); i++) {
		const char *name = sqlite3_column_name(row, i);

		switch (sqlite3_column_type(row, i)) {
		case SQLITE_INTEGER:
			store_attribute_integer(object, name, sqlite3_column_int64(row, i));
			break;
		case SQLITE_FLOAT:
			store_attribute_real(object, name, sqlite3_column_double(row, i));
			break;
		case SQLITE_TEXT:
			store_attribute_text(object, name, (const char *)sqlite3_column_text(row, i));
			break;
		}
	}
}

static int write_channels(struct run *run, hid_t file)
{
	sqlite3_stmt *row = prepare(run, "SELECT * FROM channel ORDER BY id");
	hid_t all = store_group(file, "channels"), group;
	int result = 0;
	char *name;

	if (!row)
		return -1;
	while (!result && store_good() && sqlite3_step(row) == SQLITE_ROW) {
		name = strdup((const char *)sqlite3_column_text(row, 1));
		if (!name)
			break;
		/* A slash would begin a group. */
		for (char *at = name; (at = strchr(at, '/'));)
			*at = '_';
		group = store_group(all, name);
		free(name);
		put_attributes(group, row);
		result = write_samples(run, group, sqlite3_column_int64(row, 0));
		H5Gclose(group);
	}
	H5Gclose(all);
	return end(run, row) || result ? -1 : 0;
}

static int write_events(struct run *run, hid_t file)
{
	static const char *const names[] = { "severity", "source", "channel", "text" };
	struct store_column time, line, texts[COUNT(names)];
	sqlite3_stmt *row = prepare(run, "SELECT e.time_ns, coalesce(e.line, 0), e.severity, e.source,"
				    " c.name, e.text FROM event e LEFT JOIN channel c ON c.id = e.channel"
				    " ORDER BY e.id");
	hid_t group = store_group(file, "events");
	size_t i;

	if (!row)
		return -1;
	store_open(&time, group, "time_s", STORE_REAL, "s", "since the start of the run");
	store_open(&line, group, "line", STORE_INTEGER, NULL, "of the protocol, 0: none");
	for (i = 0; i < COUNT(names); i++)
		store_open(&texts[i], group, names[i], STORE_TEXT, NULL, NULL);
	while (store_good() && sqlite3_step(row) == SQLITE_ROW) {
		store_real(&time, (double)sqlite3_column_int64(row, 0) * 1e-9);
		store_integer(&line, sqlite3_column_int64(row, 1));
		for (i = 0; i < COUNT(names); i++)
			store_text(&texts[i], (const char *)sqlite3_column_text(row, 2 + (int)i));
	}
	store_close(&time);
	store_close(&line);
	for (i = 0; i < COUNT(names); i++)
		store_close(&texts[i]);
	H5Gclose(group);
	return end(run, row);
}

/* Each key of meta, the protocol and how the run ended, as attributes of the file. */
static int write_facts(struct run *run, hid_t file)
{
	static const char facts[] =
		"SELECT p.name AS protocol_name, p.path AS protocol_path, p.text AS protocol,"
		" r.status, r.time_ns * 1e-9 AS duration_s, r.summary FROM protocol p LEFT JOIN result r"
		" WHERE p.rowid = 1";
	struct reader_clock clock = { 0 };
	char utc[READER_UTC_SIZE];
	sqlite3_stmt *row = prepare(run, facts);

	if (!row)
		return -1;
	store_attribute_text(file, "start_utc", reader_utc(&clock, run->start_utc_ns, utc));
	if (sqlite3_step(row) == SQLITE_ROW)
		put_attributes(file, row);
	if (end(run, row))
		return -1;
	row = prepare(run, "SELECT key, value FROM meta WHERE typeof(value) = 'text'");
	if (!row)
		return -1;
	while (sqlite3_step(row) == SQLITE_ROW)
		store_attribute_text(file, (const char *)sqlite3_column_text(row, 0),
				     (const char *)sqlite3_column_text(row, 1));
	return end(run, row);
}

static int convert(struct run *run, const char *output)
{
	hid_t file;
	int result;

	run->db = reader_open(run->path, &run->error);
	if (!run->db)
		return -1;
	run->start_utc_ns = reader_start_utc_ns(run->db, run->path, &run->error);
	if (run->start_utc_ns < 0)
		return -1;
	file = H5Fcreate(output, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	if (file < 0)
		return reader_fail(&run->error, "the HDF5 file cannot be created");
	result = write_facts(run, file) || write_channels(run, file) || write_events(run, file) ? -1 : 0;
	if ((H5Fclose(file) < 0 || !store_good()) && !run->error)
		result = reader_fail(&run->error, "the HDF5 file cannot be written; is the disk full?");
	return result;
}

int main(int argc, char **argv)
{
	struct run run = { .path = argv[1] };
	int result;

	if (argc != 3) {
		fputs("usage: nanodose-hdf5 RUN.db FILE.h5\n"
		      "Better: nanodose export RUN.db --format hdf5 --output FILE.h5\n", stderr);
		return 2;
	}
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	result = convert(&run, argv[2]);
	if (result)
		fprintf(stderr, "nanodose export: %s\n", run.error ? run.error : "out of memory");
	sqlite3_close(run.db);
	free(run.error);
	return result ? 1 : 0;
}
