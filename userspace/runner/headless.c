// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "headless.h"

#define PROGRESS_S	5.0	/* between two lines */
#define PROGRESS_LINES	200	/* of a run, not many more */

struct headless {
	struct run_front front;
	bool yes;
	bool input_ended;
	bool asked;		/* the present question has been printed */
	bool asking;
	double left_s;
	char line[64];
	size_t length;
	size_t events;		/* printed */
	double printed_s;
};

/* Input is looked at only while there is a question, so that none is answered ahead of time. */
static int headless_fds(struct run_front *front, struct pollfd *fds, int max)
{
	struct headless *h = (struct headless *)front;

	if (!h->asking || max < 1)
		return 0;
	fds[0] = (struct pollfd){ .fd = h->input_ended || h->yes ? -1 : STDIN_FILENO,
				  .events = POLLIN };
	return 1;
}

static void answer(struct headless *h, struct run_control *control)
{
	h->line[h->length] = '\0';
	h->length = 0;
	if (!strcasecmp(h->line, "y") || !strcasecmp(h->line, "yes")) {
		h->asking = false;
		control->command(control, RUN_YES, "the operator");
	} else if (!strcasecmp(h->line, "n") || !strcasecmp(h->line, "no")) {
		h->asking = false;
		control->command(control, RUN_NO, "the operator");
	} else {
		fprintf(stderr, "please answer y or n\n");
	}
}

static void headless_handle(struct run_front *front, struct run_control *control,
			    const struct pollfd *fds, int count)
{
	struct headless *h = (struct headless *)front;
	char c;

	if (!count || !h->asking)
		return;
	if (h->yes) {
		h->asking = false;
		control->command(control, RUN_YES, "--yes");
		return;
	}
	if (h->input_ended) {
		if (isfinite(h->left_s))
			return;
		h->asking = false;
		fprintf(stderr,
			"nanodose: nobody can answer, as input has ended; --yes would answer yes\n");
		control->command(control, RUN_NO, "the end of input");
		return;
	}
	if (!fds[0].revents)
		return;
	/* One byte a turn: a line that is not whole yet must not hold up the loop. */
	if (read(STDIN_FILENO, &c, 1) != 1 || !c)	/* a NUL is nobody's answer */
		h->input_ended = true;
	else if (c == '\n')
		answer(h, control);
	else if (h->length < sizeof(h->line) - 1)
		h->line[h->length++] = c;
}

static void print_events(struct headless *h, const struct run_view *view)
{
	for (; h->events < view->event_count; h->events++)
		fprintf(stderr, "[%9.2f s] %s%s\n", view->events[h->events].time_s,
			view->events[h->events].severity == RECORD_FAULT ? "FAULT: " :
			view->events[h->events].severity == RECORD_WARNING ? "warning: " : "",
			view->events[h->events].text);
}

/* An estimate that dies away is 0 before it is 1e-60; 0 has no sign. */
static double at_least(double least, double value)
{
	return fabs(value) < least ? 0 : value;
}

static void print_progress(const struct run_view *view)
{
	fprintf(stderr, "[%9.2f s] %3.0f %%  %s", view->elapsed_s, 100 * view->progress,
		view->status_text);
	for (size_t i = 0; i < view->channel_count; i++) {
		const struct run_channel_view *c = &view->channels[i];

		fprintf(stderr, "; %s %.4g uL/min (set %.4g), %.3f of %.6g uL", c->name,
			at_least(0.001, c->estimate_ul_min), c->setpoint_ul_min, c->delivered_ul, c->target_ul);
		if (isfinite(c->pressure_kpa))
			fprintf(stderr, ", %.1f kPa", at_least(0.05, c->pressure_kpa));
	}
	fputc('\n', stderr);
}

static void headless_draw(struct run_front *front, const struct run_view *view)
{
	struct headless *h = (struct headless *)front;

	print_events(h, view);
	if (view->question && !h->asked) {
		fprintf(stderr, "%s [y/n] ", view->question);
		fflush(stderr);
		h->asking = true;
	}
	h->asked = view->question;
	h->left_s = view->question_left_s;
	if (!view->question)
		h->asking = false;
	if (view->elapsed_s < h->printed_s + fmax(PROGRESS_S, view->planned_s / PROGRESS_LINES))
		return;
	h->printed_s = view->elapsed_s;
	print_progress(view);
}

static void headless_finish(struct run_front *front, const struct run_view *view)
{
	print_events((struct headless *)front, view);
	print_progress(view);
}

struct run_front *headless_new(bool yes)
{
	struct headless *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->yes = yes;
	h->front = (struct run_front){
		.fds = headless_fds,
		.handle = headless_handle,
		.draw = headless_draw,
		.finish = headless_finish,
	};
	return &h->front;
}

void headless_free(struct run_front *front)
{
	free(front);
}
