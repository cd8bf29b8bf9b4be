/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run file: SQLite, one per run. Written ahead and committed at least once
 * a second of the run's time, so that a power cut loses no more than that. A
 * thread of the record's own waits for the disk; the caller never does.
 *
 * Times are CLOCK_MONOTONIC nanoseconds here and nanoseconds since the start
 * of the run in the file; the file's meta table has the start in both clocks.
 */
#ifndef RECORD_H
#define RECORD_H

#include <linux/nanodose.h>
#include <stddef.h>
#include <stdint.h>

struct protocol;
struct record;

enum record_severity { RECORD_INFO, RECORD_WARNING, RECORD_FAULT };

/* Where an event came from. */
enum record_source { RECORD_OPERATOR, RECORD_PROTOCOL, RECORD_INTERLOCK, RECORD_KERNEL, RECORD_PROGRAM };

struct record_channel {
	const char *name, *pump, *device_path;
	struct nanodose_info info;
	double volume_per_step_m3;
	int64_t origin;		/* position in microsteps at the start: nothing delivered yet */
};

/*
 * Where a record goes that was given no path, in the current folder:
 * RUN-20260131-142501-name.db for the kind "RUN", name being the protocol's
 * file without folder and ending; -2 and so on behind it where a clock that
 * stands still, or another run of the same second, has taken that name. To be
 * freed; NULL: no memory.
 */
char *record_own_path(const char *kind, const char *protocol_path);
/* A new file; refuses to overwrite (EEXIST). On failure NULL and a message to free. */
struct record *record_create(const char *path, const struct protocol *protocol,
			     const struct record_channel *channels, size_t channel_count,
			     char **error);
/*
 * Each of these returns 0, or -1 with errno: ENOSPC disk full, EIO otherwise.
 * After a failure the data is kept in memory and tried again once a second, by
 * whatever call comes next; all calls fail until a try succeeds. There is room
 * for 262144 records (80 minutes of one channel at 50 a second); beyond it new
 * ones are lost, and an event tells how many as soon as there is room again.
 */
int record_sample(struct record *record, size_t channel, const struct nanodose_record *data,
		  double setpoint_m3_s, double pump_rate_m3_s, double estimate_m3_s);
/* STATE, FAULT and DROPPED records of the kernel. */
int record_kernel(struct record *record, size_t channel, const struct nanodose_record *data);
/* channel: index, or -1 for the run as a whole. line: in the protocol, 0 if none. */
int record_event(struct record *record, uint64_t time_ns, enum record_severity severity,
		 enum record_source source, int channel, int line, const char *text);
/* Commits if a second has passed, or now. */
int record_commit(struct record *record, uint64_t time_ns, int now);
/* The run's end: status as in the exit codes' words, and the summary as JSON. */
int record_finish(struct record *record, uint64_t time_ns, const char *status,
		  const char *summary_json);
/* Commits what it can and closes; 0, or -1 if something could not be written. */
int record_close(struct record *record);
const char *record_path(const struct record *record);
/*
 * The digest of the finished run, 64 hexadecimal digits; empty until record_finish()
 * has been committed. It changes if more is recorded after that. Keep it
 * elsewhere to be able to tell a forgery, too.
 */
const char *record_seal(const struct record *record);
/* Text for the last failure. */
const char *record_error(const struct record *record);

/* CSV with units in the header, to stream (a FILE *). -1 and *error to free. */
int record_export_csv(const char *path, void *stream, char **error);
/* The same of the events. */
int record_export_events_csv(const char *path, void *stream, char **error);
/* Protocol, inputs, channels, events and summary, one JSON object. */
int record_export_json(const char *path, void *stream, char **error);

#define RECORD_DIGEST_SIZE 65

enum record_verdict { RECORD_UNALTERED, RECORD_ALTERED, RECORD_UNFINISHED };

/*
 * record_verify() - is the file as it was when the run was closed?
 * @stream: a FILE *, gets a line for each difference
 * @digest: the seal found in the file, empty if there is none
 *
 * Returns an enum record_verdict, or -1 and *error to free if the file cannot
 * be read. The seal has no key: it tells accident and carelessness, and a
 * forger only to those who know the digest of old.
 */
int record_verify(const char *path, void *stream, char digest[RECORD_DIGEST_SIZE], char **error);

#endif /* RECORD_H */
