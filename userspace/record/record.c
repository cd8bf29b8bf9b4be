// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing a run file. Rows gather in memory and go out in one transaction a
 * second: few system calls, and a failed transaction leaves nothing behind but
 * the rows, which are tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "facts.h"
#include "queue.h"
#include "record.h"
#include "schema.h"
#include "sync.h"

#define COMMIT_NS 1000000000
#define PL_MIN_PER_M3_S (1e15 * 60)

static const char *const insertions[] = {
	"INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	"INSERT INTO kernel_state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	"INSERT INTO kernel_fault VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	"INSERT INTO kernel_dropped VALUES (?, ?, ?, ?, ?)",
	"INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?)",
	"INSERT OR REPLACE INTO result VALUES (1, ?, ?, ?)",
	"BEGIN IMMEDIATE",
	"COMMIT",
};

enum { SAMPLE, STATE, FAULT, DROPPED, EVENT, RESULT, BEGIN, COMMIT, STATEMENTS };

struct record {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	struct record_sync *sync;
	struct queue queue;
	int64_t start_ns;
	int64_t tried_ns;	/* when a commit was last tried, CLOCK_MONOTONIC */
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

/* ---- rows --------------------------------------------------------------------- */

static void bind_rate(sqlite3_stmt *statement, int column, double rate_m3_s)
{
	if (isfinite(rate_m3_s))
		sqlite3_bind_int64(statement, column, llround(rate_m3_s * PL_MIN_PER_M3_S));
	else
		sqlite3_bind_null(statement, column);
}

static void bind_s64(sqlite3_stmt *statement, int column, int64_t value)
{
	if (value == NANODOSE_NO_VALUE_S64)
		sqlite3_bind_null(statement, column);
	else
		sqlite3_bind_int64(statement, column, value);
}

static void bind_s32(sqlite3_stmt *statement, int column, int32_t value)
{
	if (value == NANODOSE_NO_VALUE_S32)
		sqlite3_bind_null(statement, column);
	else
		sqlite3_bind_int(statement, column, value);
}

static void bind_flow(sqlite3_stmt *statement, const struct row *row)
{
	const struct nanodose_flow_record *flow = &row->sample.data.flow;
	bool had = flow->valid & NANODOSE_VALID_FLOW;

	sqlite3_bind_int64(statement, 4, flow->position);
	bind_s64(statement, 5, had ? flow->flow_pl_min : NANODOSE_NO_VALUE_S64);
	bind_s32(statement, 6, had ? flow->temperature_mdegc : NANODOSE_NO_VALUE_S32);
	bind_s32(statement, 7, flow->valid & NANODOSE_VALID_PRESSURE ? flow->pressure_pa :
		 NANODOSE_NO_VALUE_S32);
	bind_s32(statement, 8, had ? flow->sensor_flags : NANODOSE_NO_VALUE_S32);
	sqlite3_bind_int(statement, 9, flow->valid);
	sqlite3_bind_int64(statement, 10, flow->bus_errors);
	bind_rate(statement, 11, row->sample.setpoint_m3_s);
	bind_rate(statement, 12, row->sample.pump_rate_m3_s);
	bind_rate(statement, 13, row->sample.estimate_m3_s);
}

static void bind_state(sqlite3_stmt *statement, const struct nanodose_state_record *state)
{
	sqlite3_bind_int64(statement, 4, state->position);
	sqlite3_bind_int64(statement, 5, state->rate_nhz);
	sqlite3_bind_int64(statement, 6, state->state);
	sqlite3_bind_int64(statement, 7, state->flags);
	sqlite3_bind_int64(statement, 8, state->faults);
	sqlite3_bind_int64(statement, 9, state->cause);
	bind_s32(statement, 10, state->pid ? state->pid : NANODOSE_NO_VALUE_S32);
}

static void bind_fault(sqlite3_stmt *statement, const struct nanodose_fault_record *fault)
{
	sqlite3_bind_int64(statement, 4, fault->position);
	sqlite3_bind_int64(statement, 5, fault->rate_nhz);
	sqlite3_bind_int64(statement, 6, fault->value);
	sqlite3_bind_int64(statement, 7, fault->fault);
	sqlite3_bind_int64(statement, 8, fault->faults);
}

static void bind_dropped(sqlite3_stmt *statement, const struct nanodose_dropped_record *dropped)
{
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)dropped->first_sequence);
	sqlite3_bind_int64(statement, 5, (sqlite3_int64)dropped->count);
}

static void bind_event(sqlite3_stmt *statement, const struct row *row)
{
	static const char *const severities[] = {
		[RECORD_INFO] = "info", [RECORD_WARNING] = "warning", [RECORD_FAULT] = "fault",
	};
	static const char *const sources[] = {
		[RECORD_OPERATOR] = "operator", [RECORD_PROTOCOL] = "protocol",
		[RECORD_INTERLOCK] = "interlock", [RECORD_KERNEL] = "kernel",
		[RECORD_PROGRAM] = "program",
	};

	sqlite3_bind_int64(statement, 1, row->time_ns);
	sqlite3_bind_text(statement, 2, severities[row->event.severity], -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, sources[row->event.source], -1, SQLITE_STATIC);
	bind_s32(statement, 4, row->channel >= 0 ? row->channel : NANODOSE_NO_VALUE_S32);
	bind_s32(statement, 5, row->event.line > 0 ? row->event.line : NANODOSE_NO_VALUE_S32);
	sqlite3_bind_text(statement, 6, row->event.text, -1, SQLITE_STATIC);
}

/* The statement for a row, bound. */
static sqlite3_stmt *bind(struct record *record, const struct row *row)
{
	const struct nanodose_record *data = &row->sample.data;
	sqlite3_stmt *statement;

	if (row->kind == ROW_EVENT) {
		bind_event(record->statements[EVENT], row);
		return record->statements[EVENT];
	}
	if (row->kind == ROW_RESULT) {
		statement = record->statements[RESULT];
		sqlite3_bind_int64(statement, 1, row->time_ns);
		sqlite3_bind_text(statement, 2, row->result.status, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 3, row->result.summary, -1, SQLITE_STATIC);
		return statement;
	}
	switch (data->type) {
	case NANODOSE_RECORD_FLOW:
		statement = record->statements[SAMPLE];
		bind_flow(statement, row);
		break;
	case NANODOSE_RECORD_STATE:
		statement = record->statements[STATE];
		bind_state(statement, &data->state);
		break;
	case NANODOSE_RECORD_FAULT:
		statement = record->statements[FAULT];
		bind_fault(statement, &data->fault);
		break;
	default:
		statement = record->statements[DROPPED];
		bind_dropped(statement, &data->dropped);
		break;
	}
	sqlite3_bind_int(statement, 1, row->channel);
	sqlite3_bind_int64(statement, 2, row->time_ns);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)data->sequence);
	return statement;
}

/* On failure errno is the system's reason, or 0 if it had none. */
static int step(sqlite3_stmt *statement)
{
	int result, system;

	errno = 0;
	result = sqlite3_step(statement);
	system = errno;
	sqlite3_reset(statement);
	errno = system;
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* ---- transactions --------------------------------------------------------------- */

static int write_rows(struct record *record)
{
	size_t i;
	int result;

	result = step(record->statements[BEGIN]);
	for (i = 0; !result && i < record->queue.count; i++)
		result = step(bind(record, &record->queue.rows[i]));
	if (!result)
		result = step(record->statements[COMMIT]);
	return result;
}

static int commit(struct record *record)
{
	int result, error;

	if (!record->queue.count && !record->failure)
		return 0;
	result = write_rows(record);
	if (result) {
		fail_sqlite(record, result, errno);
		error = errno;
		if (!sqlite3_get_autocommit(record->db))
			sqlite3_exec(record->db, "ROLLBACK", NULL, NULL, NULL);
		errno = error;
		return -1;
	}
	queue_clear(&record->queue);
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
	int result = SQLITE_OK, i;

	for (i = 0; !result && i < STATEMENTS; i++)
		result = sqlite3_prepare_v3(record->db, insertions[i], -1, SQLITE_PREPARE_PERSISTENT,
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
		"PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"
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
	return result;
}

static void release(struct record *record)
{
	int i;

	record_sync_free(record->sync);
	for (i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(record->statements[i]);
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

const char *record_error(const struct record *record)
{
	return record->error ? record->error : "no error";
}
