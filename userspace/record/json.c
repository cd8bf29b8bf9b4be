// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A run as one JSON object: everything but the samples.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "record.h"

static struct json_object *value(sqlite3_stmt *row, int column)
{
	switch (sqlite3_column_type(row, column)) {
	case SQLITE_INTEGER:
		return json_object_new_int64(sqlite3_column_int64(row, column));
	case SQLITE_FLOAT:
		return json_object_new_double(sqlite3_column_double(row, column));
	case SQLITE_TEXT:
		return json_object_new_string((const char *)sqlite3_column_text(row, column));
	default:
		return NULL;
	}
}

/* Rows as an array of objects, the keys being the columns' names. */
static struct json_object *rows(sqlite3 *db, const char *path, const char *sql, char **error)
{
	sqlite3_stmt *statement = reader_prepare(db, path, sql, error);
	struct json_object *array, *object;
	int i;

	if (!statement)
		return NULL;
	array = json_object_new_array();
	while (sqlite3_step(statement) == SQLITE_ROW) {
		object = json_object_new_object();
		for (i = 0; i < sqlite3_column_count(statement); i++)
			json_object_object_add(object, sqlite3_column_name(statement, i),
					       value(statement, i));
		json_object_array_add(array, object);
	}
	if (reader_end(db, path, statement, error)) {
		json_object_put(array);
		return NULL;
	}
	return array;
}

/* The first row alone, or null. */
static struct json_object *first(struct json_object *array)
{
	struct json_object *object = json_object_array_length(array) ?
				     json_object_get(json_object_array_get_idx(array, 0)) : NULL;

	json_object_put(array);
	return object;
}

/* The summary is stored as JSON text; here it becomes part of the whole. */
static void unfold_summary(struct json_object *result)
{
	struct json_object *text;

	if (json_object_object_get_ex(result, "summary", &text) && text)
		json_object_object_add(result, "summary",
				       json_tokener_parse(json_object_get_string(text)));
}

static void add_start(struct json_object *root, sqlite3_int64 start_utc_ns)
{
	struct reader_clock clock = { 0 };
	char utc[READER_UTC_SIZE];

	json_object_object_add(root, "start_utc",
			       json_object_new_string(reader_utc(&clock, start_utc_ns, utc)));
}

static int add_parts(struct json_object *root, sqlite3 *db, const char *path, char **error)
{
	static const struct { const char *key, *sql; bool one; } parts[] = {
		{ "protocol", "SELECT path, name, text FROM protocol WHERE rowid = 1", true },
		{ "called", "SELECT path, text FROM protocol WHERE rowid > 1", false },
		{ "result", "SELECT time_ns, status, summary FROM result", true },
		{ "inputs", "SELECT name, dimension, value, text, set_by_user FROM input", false },
		{ "channels", "SELECT * FROM channel ORDER BY id", false },
		{ "events", "SELECT e.time_ns, e.severity, e.source, c.name AS channel, e.line, e.text"
			    " FROM event e LEFT JOIN channel c ON c.id = e.channel ORDER BY e.id", false },
		{ "faults", "SELECT * FROM faults", false },
		{ "meta", "SELECT key, value FROM meta", false },
	};
	struct json_object *part;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = rows(db, path, parts[i].sql, error);
		if (!part)
			return -1;
		if (parts[i].one)
			part = first(part);
		if (part && !strcmp(parts[i].key, "result"))
			unfold_summary(part);
		json_object_object_add(root, parts[i].key, part);
	}
	return 0;
}

int record_export_json(const char *path, void *stream, char **error)
{
	sqlite3 *db = reader_open(path, error);
	sqlite3_int64 start_utc_ns;
	struct json_object *root;
	int result = -1;

	if (!db)
		return -1;
	root = json_object_new_object();
	start_utc_ns = reader_start_utc_ns(db, path, error);
	if (start_utc_ns >= 0) {
		add_start(root, start_utc_ns);
		result = add_parts(root, db, path, error);
	}
	if (!result)
		fprintf(stream, "%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
								       JSON_C_TO_STRING_SPACED |
								       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	sqlite3_close(db);
	return result;
}
