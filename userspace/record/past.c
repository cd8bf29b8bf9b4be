// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "past.h"
#include "reader.h"

/* ---- what tells one start of this machine from another --------------------------------- */

int record_boot_id(char *text, size_t size)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool read = file && fgets(text, size, file);

	if (file)
		fclose(file);
	if (read)
		text[strcspn(text, "\n")] = '\0';
	return read ? 0 : -1;
}

/* ---- rows ------------------------------------------------------------------------------- */

/* Reads rows one by one, and remembers what went wrong. */
struct reading {
	struct record_past *past;
	sqlite3 *db;
	char **error;
	bool failed;
};

typedef void take_row(struct reading *reading, sqlite3_stmt *row);

static void read_rows(struct reading *reading, const char *sql, take_row *take)
{
	sqlite3_stmt *statement =
		reading->failed ? NULL : reader_prepare(reading->db, reading->past->path, sql, reading->error);

	if (!statement) {
		reading->failed = true;
		return;
	}
	while (!reading->failed && sqlite3_step(statement) == SQLITE_ROW)
		take(reading, statement);
	if (reader_end(reading->db, reading->past->path, statement, reading->failed ? NULL : reading->error))
		reading->failed = true;
}

static char *text_of(struct reading *reading, sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	char *copy = strdup(text ? text : "");

	if (!copy) {
		reader_fail(reading->error, "%s", strerror(ENOMEM));
		reading->failed = true;
	}
	return copy;
}

static void *more(struct reading *reading, void *list, size_t count, size_t size)
{
	void *longer = reallocarray(list, count + 1, size);

	if (longer)
		return longer;
	reader_fail(reading->error, "%s", strerror(ENOMEM));
	reading->failed = true;
	return list;
}

/* ---- the protocol, as it was ---------------------------------------------------------- */

static bool same_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(text), at = 0;
	char buffer[4096];
	bool same = file;
	size_t got;

	while (same && (got = fread(buffer, 1, sizeof(buffer), file))) {
		same = at + got <= length && !memcmp(buffer, text + at, got);
		at += got;
	}
	if (file)
		fclose(file);
	return same && at == length;
}

static void take_file(struct reading *reading, sqlite3_stmt *row)
{
	char *path = text_of(reading, row, 0), *text = text_of(reading, row, 1);

	if (!reading->failed && !same_text(path, text)) {
		reader_fail(reading->error,
			    "%s is not what it was when the run began: put that back (\"nanodose export --json\" has it), or begin a new run",
			    path);
		reading->failed = true;
	}
	if (!reading->past->protocol_path) {
		reading->past->protocol_path = path;
		path = NULL;
	}
	free(path);
	free(text);
}

static void take_setting(struct reading *reading, sqlite3_stmt *row)
{
	struct record_past *past = reading->past;

	past->settings = more(reading, past->settings, past->setting_count, sizeof(*past->settings));
	if (reading->failed)
		return;
	past->settings[past->setting_count++] = (struct protocol_setting){
		.name = text_of(reading, row, 0), .value = text_of(reading, row, 1),
	};
}

/* ---- how far it came -------------------------------------------------------------------- */

static void take_channel(struct reading *reading, sqlite3_stmt *row)
{
	struct record_past *past = reading->past;

	past->channels = more(reading, past->channels, past->channel_count, sizeof(*past->channels));
	if (reading->failed)
		return;
	past->channels[past->channel_count++] = (struct record_past_channel){
		.name = text_of(reading, row, 0),
		.microsteps_per_rev = sqlite3_column_int64(row, 1),
		.lead_pitch_nm = sqlite3_column_int64(row, 2),
		.step_m3 = sqlite3_column_double(row, 3),
		.origin = sqlite3_column_int64(row, 4),
		.position = sqlite3_column_int64(row, 4),
	};
}

/* The newest of each channel comes last. */
static void take_position(struct reading *reading, sqlite3_stmt *row)
{
	size_t channel = sqlite3_column_int64(row, 0);

	if (channel >= reading->past->channel_count)
		return;
	reading->past->channels[channel].position = sqlite3_column_int64(row, 1);
	reading->past->channels[channel].rate_hz = fabs(sqlite3_column_double(row, 2));
}

static void take_event(struct reading *reading, sqlite3_stmt *row)
{
	struct record_past *past = reading->past;

	past->events = more(reading, past->events, past->event_count, sizeof(*past->events));
	if (reading->failed)
		return;
	past->events[past->event_count++] = (struct record_past_event){
		.time_ns = sqlite3_column_int64(row, 0),
		.line = sqlite3_column_int(row, 1),
		.text = text_of(reading, row, 2),
	};
}

static void take_end(struct reading *reading, sqlite3_stmt *row)
{
	reading->past->end_ns = sqlite3_column_int64(row, 0);
}

static void take_status(struct reading *reading, sqlite3_stmt *row)
{
	free(reading->past->status);
	reading->past->status = text_of(reading, row, 0);
}

static void take_boot(struct reading *reading, sqlite3_stmt *row)
{
	free(reading->past->boot_id);
	reading->past->boot_id = text_of(reading, row, 0);
}

static void take_start(struct reading *reading, sqlite3_stmt *row)
{
	reading->past->start_utc_ns = sqlite3_column_int64(row, 0);
}

struct record_past *record_past_read(const char *path, char **error)
{
	struct record_past *past = calloc(1, sizeof(*past));
	struct reading reading = { .past = past, .error = error };

	*error = NULL;
	if (!past || !(past->path = strdup(path))) {
		record_past_free(past);
		return NULL;
	}
	reading.db = reader_open(path, error);
	reading.failed = !reading.db;
	read_rows(&reading, "SELECT path, text FROM protocol ORDER BY rowid", take_file);
	read_rows(&reading, "SELECT name, text FROM input WHERE set_by_user", take_setting);
	read_rows(&reading, "SELECT name, microsteps_per_rev, lead_pitch_nm, volume_per_step_m3, origin_position"
		  " FROM channel ORDER BY id", take_channel);
	read_rows(&reading, "SELECT s.channel, s.position, s.pump_rate_pl_min / 60e15 / c.volume_per_step_m3,"
		  " max(s.time_ns) FROM sample s JOIN channel c ON c.id = s.channel GROUP BY s.channel", take_position);
	read_rows(&reading, "SELECT channel, position, rate_nhz / 1e9, max(sequence) FROM kernel_state k GROUP BY channel"
		  " HAVING max(sequence) > coalesce((SELECT max(sequence) FROM sample s"
		  " WHERE s.channel = k.channel), -1)", take_position);
	read_rows(&reading, "SELECT time_ns, line, text FROM event WHERE source = 'protocol' AND line > 0"
		  " ORDER BY id", take_event);
	read_rows(&reading, "SELECT max(t) FROM (SELECT max(time_ns) AS t FROM sample UNION ALL"
		  " SELECT max(time_ns) FROM event UNION ALL SELECT max(time_ns) FROM kernel_state)", take_end);
	read_rows(&reading, "SELECT status FROM result", take_status);
	read_rows(&reading, "SELECT value FROM meta WHERE key = 'boot_id'", take_boot);
	read_rows(&reading, "SELECT value FROM meta WHERE key = 'start_utc_ns'", take_start);
	sqlite3_close(reading.db);
	if (!reading.failed)
		return past;
	record_past_free(past);
	return NULL;
}

int64_t record_past_position(const struct record_past *past, size_t channel, int64_t time_ns)
{
	int64_t position = past->channels[channel].position;
	sqlite3 *db = reader_open(past->path, NULL);
	sqlite3_stmt *statement;

	if (!db)
		return position;
	statement = reader_prepare(db, past->path, "SELECT position FROM sample WHERE channel = ? AND time_ns <= ?"
				   " ORDER BY time_ns DESC LIMIT 1", NULL);
	if (statement) {
		sqlite3_bind_int64(statement, 1, (sqlite3_int64)channel);
		sqlite3_bind_int64(statement, 2, time_ns);
		if (sqlite3_step(statement) == SQLITE_ROW)
			position = sqlite3_column_int64(statement, 0);
		sqlite3_finalize(statement);
	}
	sqlite3_close(db);
	return position;
}

void record_past_free(struct record_past *past)
{
	if (!past)
		return;
	for (size_t i = 0; i < past->setting_count; i++) {
		free((char *)past->settings[i].name);
		free((char *)past->settings[i].value);
	}
	for (size_t i = 0; i < past->channel_count; i++)
		free(past->channels[i].name);
	for (size_t i = 0; i < past->event_count; i++)
		free(past->events[i].text);
	free(past->settings);
	free(past->channels);
	free(past->events);
	free(past->path);
	free(past->protocol_path);
	free(past->status);
	free(past->boot_id);
	free(past);
}
