/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes over the line between a run and a screen elsewhere: lines of JSON.
 * The run says once what does not change, then what has changed, ten times a
 * second at most; numbers that are not known are null.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "runner.h"

struct json_object;

/* What a screen has been told of what only grows, or seldom changes. */
struct wire_told {
	const struct run_step_view *program;	/* NULL: nothing yet */
	struct run_step_view *steps;		/* as they were told */
	size_t step_count, event_count;
	double *history_s;			/* a channel: time of the newest sample; NULL: none told */
};

/* The next line for a screen that was told so much; to be freed, NULL: no memory. */
char *wire_write(const struct run_view *view, struct wire_told *told, const char *controller);
void wire_forget(struct wire_told *told);

/* A run elsewhere, as far as it was told. */
struct replica {
	struct run_view view;
	const char *controller;	/* who has the run in hand; NULL: nobody */
	bool told;		/* there is something to show */
	/* what the view's pointers are to */
	struct json_object *fixed, *now;
	struct run_event_view *events;
	struct run_sample *history;
	struct run_whole *wholes;
};

/* Takes in a line. -1: it is no such line. */
int replica_take(struct replica *replica, const char *line);
void replica_clear(struct replica *replica);

/* A command as a line, and back; -1: none. */
const char *wire_command_name(enum run_command command);
int wire_command(const char *name);

#endif /* WIRE_H */
