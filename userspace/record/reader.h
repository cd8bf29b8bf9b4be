/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a run file, one that is being written included. Inside record/ only. */
#ifndef RECORD_READER_H
#define RECORD_READER_H

#include <sqlite3.h>

/* Opens a run file and makes sure that it is one. NULL and *error to free. */
sqlite3 *reader_open(const char *path, char **error);
/* A statement, or NULL and *error. */
sqlite3_stmt *reader_prepare(sqlite3 *db, const char *path, const char *sql, char **error);
/* The end of a statement's rows: 0, or -1 and *error. Finalizes. */
int reader_end(sqlite3 *db, const char *path, sqlite3_stmt *statement, char **error);
/* A message, printf-like, into *error (which may be NULL); returns -1. */
int reader_fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Nanoseconds of UTC at the run's start; -1 and *error. */
sqlite3_int64 reader_start_utc_ns(sqlite3 *db, const char *path, char **error);

/* Enough for "2026-01-31T23:59:59.123456Z". */
#define READER_UTC_SIZE 40

/* Formats times that mostly go up; keeps the second it worked out last. */
struct reader_clock {
	sqlite3_int64 second;
	char text[READER_UTC_SIZE];
};

/* UTC with microseconds into buffer. Returns it. */
const char *reader_utc(struct reader_clock *clock, sqlite3_int64 utc_ns, char *buffer);

#endif /* RECORD_READER_H */
