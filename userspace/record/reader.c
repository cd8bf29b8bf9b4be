// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reader.h"
#include "schema.h"

int reader_fail(char **error, const char *format, ...)
{
	va_list arguments;

	if (!error)
		return -1;
	va_start(arguments, format);
	if (vasprintf(error, format, arguments) < 0)
		*error = NULL;
	va_end(arguments);
	return -1;
}

/* SQLite's own messages for these cases do not help: "unable to open database file". */
static int look(const char *path, char **error)
{
	static const char magic[16] = "SQLite format 3";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char start[sizeof(magic)];
	ssize_t length;

	if (fd < 0)
		return reader_fail(error, "%s: %s", path, strerror(errno));
	length = read(fd, start, sizeof(start));
	close(fd);
	if (length < 0)
		return reader_fail(error, "%s: %s", path, strerror(errno));
	if (length != sizeof(start) || memcmp(start, magic, sizeof(magic)))
		return reader_fail(error, "%s: this is not a run file; give one that \"nanodose run\" has written",
				   path);
	return 0;
}

static sqlite3_int64 integer(sqlite3 *db, const char *sql, sqlite3_int64 otherwise)
{
	sqlite3_int64 value = otherwise;
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL))
		return otherwise;
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_INTEGER)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static int identify(sqlite3 *db, const char *path, char **error)
{
	sqlite3_int64 application, format;

	/* The first access; tells a damaged file and one that may not be read. */
	if (sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL))
		return reader_fail(error, "%s: the file cannot be read or is damaged: %s", path,
				   sqlite3_errmsg(db));
	application = integer(db, "PRAGMA application_id", 0);
	format = integer(db, "PRAGMA user_version", 0);
	if (application != RECORD_APPLICATION_ID)
		return reader_fail(error, "%s: this is a database of another program, not a run file; give one that \"nanodose run\" has written",
				   path);
	if (format != RECORD_FORMAT)
		return reader_fail(error, "%s: the file has format %lld, this program reads format %d; use %s",
				   path, (long long)format, RECORD_FORMAT,
				   format > RECORD_FORMAT ? "a newer program" : "the older program that wrote it");
	return 0;
}

sqlite3 *reader_open(const char *path, char **error)
{
	sqlite3 *db = NULL;

	if (error)
		*error = NULL;
	if (look(path, error))
		return NULL;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL)) {
		reader_fail(error, "%s: %s", path, sqlite3_errmsg(db));
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db, 2000);
	/* One point in time for all that is read of a run that goes on. */
	if (identify(db, path, error) || sqlite3_exec(db, "BEGIN", NULL, NULL, NULL)) {
		sqlite3_close(db);
		return NULL;
	}
	return db;
}

sqlite3_stmt *reader_prepare(sqlite3 *db, const char *path, const char *sql, char **error)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL))
		reader_fail(error, "%s: the file is damaged: %s", path, sqlite3_errmsg(db));
	return statement;
}

int reader_end(sqlite3 *db, const char *path, sqlite3_stmt *statement, char **error)
{
	if (sqlite3_finalize(statement))
		return reader_fail(error, "%s: the file is damaged: %s", path, sqlite3_errmsg(db));
	return 0;
}

sqlite3_int64 reader_start_utc_ns(sqlite3 *db, const char *path, char **error)
{
	sqlite3_int64 start = integer(db, "SELECT value FROM meta WHERE key = 'start_utc_ns'", -1);

	if (start < 0)
		reader_fail(error, "%s: the file is damaged: it has no start time", path);
	return start;
}

const char *reader_utc(struct reader_clock *clock, sqlite3_int64 utc_ns, char *buffer)
{
	sqlite3_int64 second = utc_ns / 1000000000, rest = utc_ns % 1000000000;
	struct tm fields;
	time_t time;

	if (rest < 0) {
		rest += 1000000000;
		second--;
	}
	if (second != clock->second || !*clock->text) {
		time = (time_t)second;
		gmtime_r(&time, &fields);
		strftime(clock->text, sizeof(clock->text), "%Y-%m-%dT%H:%M:%S", &fields);
		clock->second = second;
	}
	snprintf(buffer, READER_UTC_SIZE, "%.24s.%06lldZ", clock->text, (long long)rest / 1000);
	return buffer;
}
