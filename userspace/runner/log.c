// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events of a run, and a record that cannot be written: the run then pauses
 * at rest until it can, so that nothing happens unrecorded.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define RETRY_NS 1000000000ULL

static void keep_event(struct runner *r, enum record_severity severity, enum record_source source,
		       char *text)
{
	if (r->event_count == r->event_space) {
		size_t space = r->event_space ? 2 * r->event_space : 64;
		struct run_event_view *events = realloc(r->events, space * sizeof(*events));

		if (!events) {
			free(text);
			return;
		}
		r->events = events;
		r->event_space = space;
	}
	r->events[r->event_count++] = (struct run_event_view){
		.time_s = run_elapsed_s(r),
		.severity = severity,
		.source = source,
		.text = text,
	};
}

void run_event(struct runner *r, enum record_severity severity, enum record_source source,
	       const struct channel *channel, int line, const char *format, ...)
{
	char *text, *named;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	if (channel) {
		length = asprintf(&named, "%s: %s", channel->plan->name, text);
		free(text);
		if (length < 0)
			return;
		text = named;
	}
	run_recorded(r, record_event(r->record, r->now_ns, severity, source,
				     channel ? (int)channel->index : -1, line, text));
	keep_event(r, severity, source, text);
}

void run_recorded(struct runner *r, int result)
{
	const char *what;

	if (!result || r->record_bad)
		return;
	what = errno == ENOSPC ? "disk full" : record_error(r->record);
	r->record_bad = true;
	r->record_try_ns = r->now_ns;
	snprintf(r->status_text, sizeof(r->status_text), "paused: %s (%s)", what, r->record_path);
	run_event(r, RECORD_WARNING, RECORD_PROGRAM, NULL, 0,
		  "%s: the record cannot be written, the pumps rest until it can", what);
	if (r->mode == MODE_RUNNING)
		run_pause(r, NULL);
}

void run_retry_record(struct runner *r)
{
	if (!r->record_bad || r->now_ns < r->record_try_ns + RETRY_NS)
		return;
	r->record_try_ns = r->now_ns;
	if (record_commit(r->record, r->now_ns, 1))
		return;
	r->record_bad = false;
	r->status_text[0] = '\0';
	run_event(r, RECORD_INFO, RECORD_PROGRAM, NULL, 0,
		  "the record is written again, nothing is missing");
}

bool run_close_record(struct runner *r)
{
	struct pollfd signals = { .fd = r->signal_fd, .events = POLLIN };
	bool told = false;

	while (record_commit(r->record, r->now_ns, 1)) {
		if (!told)
			fprintf(stderr,
				"nanodose: %s: %s; make room, or press Ctrl-C to give up what is not written\n",
				r->record_path, record_error(r->record));
		told = true;
		if (poll(&signals, 1, 1000) > 0)
			break;
	}
	/* What the last commit had to tell of lost records belongs to what is sealed. */
	if (!record_commit(r->record, r->now_ns, 1))
		strcpy(r->seal, record_seal(r->record));
	if (!record_close(r->record))
		return true;
	fprintf(stderr, "nanodose: %s: the end of the record could not be written\n",
		r->record_path);
	return false;
}
