// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing a run file. Rows gather in memory and go out in one transaction a
 * second: few system calls, and a failed transaction leaves nothing behind but
 * the rows, which are tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "facts.h"
#include "row_queue.h"
#include "record.h"
#include "rows.h"
#include "schema.h"
#include "seal.h"
#include "sync.h"

#define COMMIT_NS 1000000000

enum { BEGIN = ROWS_STATEMENTS, COMMIT, STATEMENTS };

struct record {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	struct record_sync *sync;
	struct queue queue;
	int64_t start_ns;
	int64_t tried_ns;	/* when a commit was last tried, CLOCK_MONOTONIC */
	struct seal seal;
	bool finished;
	char digest[DIGEST_TEXT_SIZE], sealed[DIGEST_TEXT_SIZE];	/* sealed: committed */
	int failure;		/* errno while rows cannot be written, else 0 */
	char *error;
};

/* ---- errors ------------------------------------------------------------------- */

/*
 * SQLite takes ENOSPC alone for a full disk; a used-up quota or a file system
 * that can hold no larger file is the same to the user. sqlite3_system_errno()
 * has forgotten the reason by the time it could be asked.
 */
static int to_errno(int result, int system)
{
	if (result == SQLITE_FULL)
		return ENOSPC;
	if (result == SQLITE_NOMEM)
		return ENOMEM;
	if ((result & 0xff) == SQLITE_IOERR &&
	    (system == ENOSPC || system == EDQUOT || system == EFBIG))
		return ENOSPC;
	return EIO;
}

static int fail(struct record *record, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct record *record, int number, const char *format, ...)
{
	va_list arguments;

	free(record->error);
	va_start(arguments, format);
	if (vasprintf(&record->error, format, arguments) < 0)
		record->error = NULL;
	va_end(arguments);
	record->failure = number;
	errno = number;
	return -1;
}

static int fail_sqlite(struct record *record, int result, int system)
{
	int number = to_errno(result, system);

	if (number == ENOSPC)
		return fail(record, ENOSPC, "%s: the disk is full", record->path);
	return fail(record, number, "%s: %s", record->path, sqlite3_errmsg(record->db));
}

/* ---- transactions --------------------------------------------------------------- */

/* On failure errno is the system's reason, or 0 if it had none. */
static int step(struct record *record, int which)
{
	sqlite3_stmt *statement = record->statements[which];
	int result, system;

	errno = 0;
	result = sqlite3_step(statement);
	system = errno;
	sqlite3_reset(statement);
	errno = system;
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int write_rows(struct record *record)
{
	int result, which;
	size_t i;

	result = step(record, BEGIN);
	for (i = 0; !result && i < record->queue.count; i++) {
		which = rows_bind(&record->queue.rows[i], record->statements, &record->seal);
		result = step(record, which);
		if (!result && which < SEAL_STREAMS)
			result = seal_row_added(&record->seal, which);
	}
	if (!result && record->finished)
		result = seal_finish(&record->seal, record->digest);
	if (!result)
		result = step(record, COMMIT);
	return result;
}

static int commit(struct record *record)
{
	int result, error;

	if (!record->queue.count && !record->failure)
		return 0;
	seal_save(&record->seal);
	result = write_rows(record);
	if (result) {
		fail_sqlite(record, result, errno);
		error = errno;
		if (!sqlite3_get_autocommit(record->db))
			sqlite3_exec(record->db, "ROLLBACK", NULL, NULL, NULL);
		seal_restore(&record->seal);
		errno = error;
		return -1;
	}
	queue_clear(&record->queue);
	strcpy(record->sealed, record->digest);
	record->failure = 0;
	record_sync_request(record->sync);
	return 0;
}

/* What had no room is told in the record itself as soon as there is room. */
static void tell_lost(struct record *record, int64_t time_ns)
{
	struct row *row;
	char *text;

	if (!record->queue.lost || record->failure)
		return;
	if (asprintf(&text, "%" PRIu64 " records were lost: the disk was full for too long",
		     record->queue.lost) < 0)
		return;
	row = queue_add(&record->queue, ROW_EVENT, -1, time_ns);
	if (!row) {
		free(text);
		return;
	}
	row->event.severity = RECORD_WARNING;
	row->event.source = RECORD_PROGRAM;
	row->event.line = 0;
	row->event.text = text;
	record->queue.lost = 0;
}

/* Writes what has gathered if it is time to, and says whether all is well. */
static int settle(struct record *record, uint64_t time_ns, bool now)
{
	int number;

	if (now || (int64_t)time_ns - record->tried_ns >= COMMIT_NS) {
		record->tried_ns = (int64_t)time_ns;
		if (commit(record))
			return -1;
		tell_lost(record, (int64_t)time_ns - record->start_ns);
		number = record_sync_error(record->sync);
		if (number)
			return fail(record, number == EDQUOT ? ENOSPC : number,
				    "%s: cannot be brought to the disk: %s", record->path,
				    strerror(number));
	}
	if (record->failure) {
		errno = record->failure;
		return -1;
	}
	return 0;
}

static struct row *add(struct record *record, enum row_kind kind, int channel, uint64_t time_ns)
{
	return queue_add(&record->queue, kind, channel, (int64_t)time_ns - record->start_ns);
}

static int no_room(struct record *record)
{
	if (record->failure) {
		errno = record->failure;
		return -1;
	}
	return fail(record, errno, "%s: no memory for more records", record->path);
}

int record_sample(struct record *record, size_t channel, const struct nanodose_record *data,
		  double setpoint_m3_s, double pump_rate_m3_s, double estimate_m3_s)
{
	struct row *row = add(record, ROW_SAMPLE, (int)channel, data->time_ns);

	if (!row) {
		settle(record, data->time_ns, false);
		return no_room(record);
	}
	row->sample.data = *data;
	row->sample.setpoint_m3_s = setpoint_m3_s;
	row->sample.pump_rate_m3_s = pump_rate_m3_s;
	row->sample.estimate_m3_s = estimate_m3_s;
	return settle(record, data->time_ns, false);
}

int record_kernel(struct record *record, size_t channel, const struct nanodose_record *data)
{
	struct row *row = add(record, ROW_KERNEL, (int)channel, data->time_ns);

	if (!row) {
		settle(record, data->time_ns, false);
		return no_room(record);
	}
	row->sample.data = *data;
	return settle(record, data->time_ns, false);
}

int record_event(struct record *record, uint64_t time_ns, enum record_severity severity,
		 enum record_source source, int channel, int line, const char *text)
{
	char *copy = strdup(text);
	struct row *row = copy ? add(record, ROW_EVENT, channel, time_ns) : NULL;

	if (!row) {
		free(copy);
		settle(record, time_ns, false);
		return no_room(record);
	}
	row->event.severity = severity;
	row->event.source = source;
	row->event.line = line;
	row->event.text = copy;
	return settle(record, time_ns, false);
}

int record_commit(struct record *record, uint64_t time_ns, int now)
{
	return settle(record, time_ns, now);
}

int record_finish(struct record *record, uint64_t time_ns, const char *status,
		  const char *summary_json)
{
	char *status_copy = strdup(status), *summary = summary_json ? strdup(summary_json) : NULL;
	struct row *row = NULL;

	if (status_copy && (summary || !summary_json))
		row = add(record, ROW_RESULT, -1, time_ns);
	if (!row) {
		free(status_copy);
		free(summary);
		return no_room(record);
	}
	row->result.status = status_copy;
	row->result.summary = summary;
	record->finished = true;
	return settle(record, time_ns, true);
}

/* ---- begin and end ---------------------------------------------------------------- */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int prepare(struct record *record)
{
	static const char *const others[] = { "BEGIN IMMEDIATE", "COMMIT" };
	int result = SQLITE_OK, i;

	for (i = 0; !result && i < STATEMENTS; i++)
		result = sqlite3_prepare_v3(record->db, i < ROWS_STATEMENTS ? rows_insertions[i] :
					    others[i - ROWS_STATEMENTS], -1, SQLITE_PREPARE_PERSISTENT,
					    &record->statements[i], NULL);
	return result;
}

/*
 * Readers may look at the file while the run goes on, so it is not locked for
 * good. SQLite itself never waits for the disk here (NORMAL, no checkpoint of
 * its own): record/sync.c does, beside the loop.
 */
static int fill(struct record *record, const struct protocol *protocol,
		const struct record_channel *channels, size_t channel_count)
{
	static const char setup[] =
		"PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -128;"
		"BEGIN IMMEDIATE;";
	char identity[96];
	int result;

	snprintf(identity, sizeof(identity), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 RECORD_APPLICATION_ID, RECORD_FORMAT);
	result = sqlite3_exec(record->db, setup, NULL, NULL, NULL);
	if (!result)
		result = sqlite3_exec(record->db, identity, NULL, NULL, NULL);
	if (!result)
		result = sqlite3_exec(record->db, record_schema, NULL, NULL, NULL);
	if (!result)
		result = facts_write(record->db, protocol, channels, channel_count,
				     (uint64_t)record->start_ns, now_ns(CLOCK_REALTIME));
	if (!result)
		result = sqlite3_exec(record->db, "COMMIT", NULL, NULL, NULL);
	if (!result)
		result = prepare(record);
	if (!result)
		result = seal_open(&record->seal, record->db);
	return result;
}

static void release(struct record *record)
{
	int i;

	record_sync_free(record->sync);
	for (i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(record->statements[i]);
	seal_close(&record->seal);
	sqlite3_close(record->db);
	queue_free(&record->queue);
	free(record->error);
	free(record->path);
	free(record);
}

/* A file that could not be filled is of no use to anyone. */
static void remove_files(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char *name;
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (asprintf(&name, "%s%s", path, suffixes[i]) < 0)
			continue;
		unlink(name);
		free(name);
	}
}

static struct record *refuse(struct record *record, bool created, int number, char **error)
{
	if (created)
		remove_files(record->path);
	if (error && asprintf(error, "%s", record->error ? record->error : strerror(number)) < 0)
		*error = NULL;
	release(record);
	errno = number;
	return NULL;
}

struct record *record_create(const char *path, const struct protocol *protocol,
			     const struct record_channel *channels, size_t channel_count,
			     char **error)
{
	struct record *record = calloc(1, sizeof(*record));
	int fd, result;

	if (error)
		*error = NULL;
	if (!record)
		return NULL;
	record->path = strdup(path);
	if (!record->path)
		return refuse(record, false, ENOMEM, error);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0) {
		result = errno;
		fail(record, result, result == EEXIST ?
		     "%s: there is such a file already; a record is never overwritten, give another name" :
		     "%s: the record cannot be created: %s", path, strerror(result));
		return refuse(record, false, result, error);
	}
	close(fd);
	record->start_ns = record->tried_ns = (int64_t)now_ns(CLOCK_MONOTONIC);
	errno = 0;
	result = sqlite3_open_v2(path, &record->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (!result)
		result = fill(record, protocol, channels, channel_count);
	if (result) {
		fail_sqlite(record, result, errno);
		return refuse(record, true, record->failure, error);
	}
	record->sync = record_sync_new(path);
	if (!record->sync) {
		result = errno;
		fail(record, result, "%s: %s", path, strerror(result));
		return refuse(record, true, result, error);
	}
	return record;
}

int record_close(struct record *record)
{
	uint64_t time_ns = now_ns(CLOCK_MONOTONIC);
	int result, error = 0;

	result = settle(record, time_ns, true);
	if (!result)
		result = settle(record, time_ns, true);	/* what tell_lost() added */
	if (result)
		error = errno;
	record_sync_free(record->sync);
	record->sync = NULL;
	/*
	 * One plain file that can be read from anywhere, write-protected media
	 * too. If a reader is at it just now it stays as it is, as complete.
	 */
	sqlite3_exec(record->db, "PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE", NULL,
		     NULL, NULL);
	release(record);
	errno = error;
	return result;
}

const char *record_path(const struct record *record)
{
	return record->path;
}

const char *record_seal(const struct record *record)
{
	return record->sealed;
}

const char *record_error(const struct record *record)
{
	return record->error ? record->error : "no error";
}
