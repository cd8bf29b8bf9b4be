// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A run as CSV (RFC 4180, but lines end as Unix lines do). The stored integers
 * are written as exact decimal fractions; what could not be had is an empty
 * field.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "record.h"

#define SENSOR_AIR	NANODOSE_SENSOR_FLAG_AIR
#define SENSOR_HIGH	NANODOSE_SENSOR_FLAG_HIGH_FLOW

static void put_text(FILE *stream, const char *text)
{
	if (!text)
		return;
	if (!strpbrk(text, ",\"\r\n") && *text != ' ') {
		fputs(text, stream);
		return;
	}
	putc('"', stream);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', stream);
		putc(*text, stream);
	}
	putc('"', stream);
}

/* @value / 10^@decimals, without trailing zeros. */
static void put_fixed(FILE *stream, sqlite3_int64 value, int decimals)
{
	unsigned long long rest = value < 0 ? -(unsigned long long)value : (unsigned long long)value;
	char digits[32];
	int at = sizeof(digits), i;

	digits[--at] = '\0';
	for (i = 0; i < decimals; i++, rest /= 10)
		if (rest % 10 || digits[at])
			digits[--at] = (char)('0' + rest % 10);
	if (digits[at])
		digits[--at] = '.';
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--at] = '-';
	fputs(digits + at, stream);
}

static void put_column(FILE *stream, sqlite3_stmt *row, int column, int decimals)
{
	putc(',', stream);
	if (sqlite3_column_type(row, column) != SQLITE_NULL)
		put_fixed(stream, sqlite3_column_int64(row, column), decimals);
}

static void put_flag(FILE *stream, sqlite3_stmt *row, int column, int flag)
{
	putc(',', stream);
	if (sqlite3_column_type(row, column) != SQLITE_NULL)
		putc(sqlite3_column_int64(row, column) & flag ? '1' : '0', stream);
}

static void put_times(FILE *stream, struct reader_clock *clock, sqlite3_int64 start_utc_ns,
		      sqlite3_int64 time_ns)
{
	char utc[READER_UTC_SIZE];

	put_fixed(stream, time_ns, 9);
	putc(',', stream);
	fputs(reader_utc(clock, start_utc_ns + time_ns, utc), stream);
	putc(',', stream);
}

static void put_sample(FILE *stream, sqlite3_stmt *row)
{
	put_text(stream, (const char *)sqlite3_column_text(row, 1));
	put_column(stream, row, 2, 6);		/* set point */
	put_column(stream, row, 3, 6);		/* flow */
	put_column(stream, row, 4, 6);		/* estimate */
	put_column(stream, row, 5, 6);		/* pump rate */
	put_column(stream, row, 6, 0);		/* position */
	fprintf(stream, ",%.9g", sqlite3_column_double(row, 7));
	put_column(stream, row, 8, 3);		/* temperature */
	put_column(stream, row, 9, 3);		/* pressure */
	put_flag(stream, row, 10, SENSOR_AIR);
	put_flag(stream, row, 10, SENSOR_HIGH);
	put_column(stream, row, 11, 0);		/* bus errors */
	put_column(stream, row, 12, 0);		/* sequence */
	putc('\n', stream);
}

static void put_event(FILE *stream, sqlite3_stmt *row)
{
	int i;

	for (i = 1; i <= 5; i++) {
		if (i > 1)
			putc(',', stream);
		put_text(stream, (const char *)sqlite3_column_text(row, i));
	}
	putc('\n', stream);
}

/* Every query's first column is the time; @put writes what follows it. */
static int export(const char *path, FILE *stream, const char *header, const char *sql,
		  void (*put)(FILE *stream, sqlite3_stmt *row), char **error)
{
	struct reader_clock clock = { 0 };
	sqlite3_int64 start_utc_ns;
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = reader_open(path, error);
	int result = -1;

	if (!db)
		return -1;
	start_utc_ns = reader_start_utc_ns(db, path, error);
	if (start_utc_ns >= 0)
		statement = reader_prepare(db, path, sql, error);
	if (statement) {
		fputs(header, stream);
		while (sqlite3_step(statement) == SQLITE_ROW && !ferror(stream)) {
			put_times(stream, &clock, start_utc_ns, sqlite3_column_int64(statement, 0));
			put(stream, statement);
		}
		result = reader_end(db, path, statement, error);
	}
	sqlite3_close(db);
	return result;
}

int record_export_csv(const char *path, void *stream, char **error)
{
	return export(path, stream,
		      "time_s,utc,channel,setpoint_ul_min,flow_ul_min,estimate_ul_min,"
		      "pump_rate_ul_min,position_steps,delivered_ul,temperature_degc,pressure_kpa,"
		      "air_in_line,high_flow,bus_errors,sequence\n",
		      "SELECT s.time_ns, c.name, s.setpoint_pl_min, s.fluid_flow_pl_min, s.estimate_pl_min,"
		      " s.pump_rate_pl_min, s.position,"
		      " (s.position - c.origin_position) * c.volume_per_step_m3 * 1e9, s.temperature_mdegc,"
		      " s.pressure_pa, s.sensor_flags, s.bus_errors, s.sequence"
		      " FROM measured s JOIN channel c ON c.id = s.channel ORDER BY s.id",
		      put_sample, error);
}

int record_export_events_csv(const char *path, void *stream, char **error)
{
	return export(path, stream, "time_s,utc,severity,source,channel,line,text\n",
		      "SELECT e.time_ns, e.severity, e.source, c.name, e.line, e.text"
		      " FROM event e LEFT JOIN channel c ON c.id = e.channel ORDER BY e.id",
		      put_event, error);
}
