/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One protocol file on the pumps it names: what "run" and "rehearse" share. */
#ifndef RUN_FILE_H
#define RUN_FILE_H

#include <stdbool.h>

#include "settings.h"

struct run_arguments {
	const char *file;
	const char *resume;		/* the record of a run to go on with, in place of the file */
	const char *record_path;	/* NULL: a name of its own */
	const char *record_called;	/* its path in the summary; NULL: record_path */
	struct settings settings;
	double rate_hz;			/* flow records a second, 0: 50 */
	bool headless, json, yes;
	bool wait;			/* for pumps that are not there yet */
	const char *signal_folder;	/* signals come from files there; NULL: as the protocol says */
	const struct record_past *past;	/* the run to go on with; NULL: a new one */
	const char *rehearsal;		/* NULL: a real run; else what is rehearsed, for the record */
};

/* Reads --rate; 0, or the exit status after a message. */
int run_parse_rate(struct run_arguments *arguments, const char *verb, const char *text);
/* To its end, summary printed; returns the exit status. */
int run_file(const struct run_arguments *arguments);

#endif /* RUN_FILE_H */
