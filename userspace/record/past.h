/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run file tells of a run that did not come to its end, for going on with it. */
#ifndef RECORD_PAST_H
#define RECORD_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

struct record_past_channel {
	char *name;
	uint64_t microsteps_per_rev, lead_pitch_nm;
	double step_m3;
	int64_t origin, position;	/* in microsteps: at its start, and last known */
	double rate_hz;			/* of steps, last known */
};

struct record_past_event {
	int64_t time_ns;	/* since the start of that run */
	int line;
	char *text;
};

struct record_past {
	char *path;		/* of the run file */
	char *protocol_path;
	char *status;		/* how it ended; NULL: it was cut short */
	char *boot_id;		/* of the machine then; NULL: not known */
	int64_t start_utc_ns;	/* 0: not known */
	int64_t end_ns;		/* of the newest row */
	struct protocol_setting *settings;	/* inputs that were given */
	size_t setting_count;
	struct record_past_channel *channels;
	size_t channel_count;
	struct record_past_event *events;	/* those of the protocol's steps, oldest first */
	size_t event_count;
};

/* What tells one start of this machine from another. -1: not known. */
int record_boot_id(char *text, size_t size);

/*
 * NULL and *error to free; also where a file of the protocol is not what it was.
 * To be freed by record_past_free().
 */
struct record_past *record_past_read(const char *path, char **error);
void record_past_free(struct record_past *past);
/* Where a channel was at a time of its run, in microsteps. */
int64_t record_past_position(const struct record_past *past, size_t channel, int64_t time_ns);

#endif /* RECORD_PAST_H */
