// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "draw.h"
#include "operator.h"
#include "plot.h"
#include "signal_fd.h"
#include "terminal.h"

#define PAGE_LINES	5
#define ALL_LINES	1000000
#define SCROLL_PARTS	4	/* of what the plots show: that far at once */
#define OWED_MS		100	/* until a picture that was left out is tried again */
#define CTRL(key)	((key) & 0x1f)
#define ESCAPE		0x1b

struct screen {
	struct run_front front;
	struct terminal *terminal;
	struct cells *cells;
	struct screen_state state;
	char who[64];
	/* of the last picture */
	enum run_status status;
	bool question;
	size_t event_count, channel_count;
	double newest_s, span_s;	/* of the plots: the newest sample, what they show by themselves */
	bool over;		/* the result has been shown */
	bool owed;		/* the last picture was left out: the terminal is slow */
	bool leave;		/* the operator has quit: no last picture */
};

static struct screen *screen_of(struct run_front *front)
{
	return (struct screen *)front;
}

/* ---- the picture --------------------------------------------------------------------- */

static bool fit_cells(struct screen *screen)
{
	int rows, columns;

	terminal_size(screen->terminal, &rows, &columns);
	if (screen->cells && screen->cells->rows == rows && screen->cells->columns == columns)
		return true;
	cells_free(screen->cells);
	screen->cells = cells_new(rows, columns, terminal_utf8(screen->terminal));
	return screen->cells;
}

static void draw(struct run_front *front, const struct run_view *view)
{
	struct screen *screen = screen_of(front);

	/* What was scrolled to stays in sight while events come in. */
	if (screen->state.events_scroll && view->event_count > screen->event_count)
		screen->state.events_scroll += view->event_count - screen->event_count;
	screen->event_count = view->event_count;
	screen->status = view->status;
	screen->question = view->question;
	screen->channel_count = view->channel_count;
	screen->newest_s = 0;
	for (size_t i = 0; i < view->channel_count; i++)
		screen->newest_s = fmax(screen->newest_s, series_newest_s(&view->channels[i]));
	screen->span_s = view->channel_count ? series_span_s(&view->channels[0]) : 0;
	if (terminal_gone(screen->terminal) || !fit_cells(screen))
		return;
	/* A key meant for the run must not take its result away. */
	if (view_is_over(view) && !screen->over) {
		screen->over = true;
		while (terminal_key(screen->terminal) != TERMINAL_NONE)
			continue;
	}
	screen_scroll_fit(screen->cells, view, &screen->state);
	screen_draw(screen->cells, view, &screen->state);
	screen->owed = !terminal_show(screen->terminal, screen->cells);
}

static void resize(struct run_front *front)
{
	terminal_resize(screen_of(front)->terminal);
}

/* ---- keys ---------------------------------------------------------------------------- */

/* Pages in their order: the overview, each channel, the others. */
static void turn_page(struct screen *screen, int by)
{
	struct screen_state *state = &screen->state;
	int count = screen->channel_count + SCREEN_PAGES - 1, at;

	at = state->page == PAGE_OVERVIEW ? 0 :
	     state->page == PAGE_CHANNEL ? 1 + (int)state->channel :
					   (int)screen->channel_count - 1 + (int)state->page;
	at = (at + by + count) % count;
	if (at > 0 && at <= (int)screen->channel_count) {
		state->page = PAGE_CHANNEL;
		state->channel = at - 1;
	} else {
		state->page = at ? at + 1 - (int)screen->channel_count : PAGE_OVERVIEW;
	}
}

static bool choose_page(struct screen *screen, int key)
{
	static const struct {
		int key;
		enum screen_page page;
	} pages[] = {
		{ 'o', PAGE_OVERVIEW }, { 'p', PAGE_PROTOCOL }, { 'e', PAGE_EVENTS }, { 'f', PAGE_FAULTS },
		{ 'm', PAGE_MANUAL },
	};
	struct screen_state *state = &screen->state;

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (key == pages[i].key) {
			state->page = pages[i].page;
			state->refused = false;
			return true;
		}
	}
	if (key >= '1' && key <= '9' && key - '1' < (int)screen->channel_count) {
		state->page = PAGE_CHANNEL;
		state->channel = key - '1';
		return true;
	}
	if (key == '\t' || key == TERMINAL_BACK_TAB)
		turn_page(screen, key == '\t' ? 1 : -1);
	return key == '\t' || key == TERMINAL_BACK_TAB;
}

/* Along the plots' time; false: it is another key. */
static bool look_along(struct screen *screen, int key)
{
	struct screen_state *state = &screen->state;
	double span_s = state->span_s > 0 ? state->span_s : screen->span_s;
	double end_s = state->end_s > 0 ? state->end_s : screen->newest_s;

	switch (key) {
	case '+':
	case '=':
		state->span_s = plot_zoom(span_s, true);
		return true;
	case '-':
		/* Not far beyond the whole run. */
		if (span_s <= screen->newest_s)
			state->span_s = plot_zoom(span_s, false);
		return true;
	case TERMINAL_LEFT:
	case '<':
		/* The oldest stays at the left edge. */
		if (end_s > span_s)
			state->end_s = fmax(end_s - span_s / SCROLL_PARTS, span_s);
		return true;
	case TERMINAL_RIGHT:
	case '>':
		end_s += span_s / SCROLL_PARTS;
		state->end_s = state->end_s > 0 && end_s < screen->newest_s ? end_s : 0;
		return true;
	case '0':
		state->end_s = 0;
		state->span_s = 0;
		return true;
	default:
		return false;
	}
}

/* Up in the list that the page shows; below 0: down. */
static void scroll_list(struct screen *screen, long by)
{
	struct screen_state *state = &screen->state;

	if (state->page == PAGE_PROTOCOL)
		state->steps_scroll -= by;
	else if (by < 0 && state->events_scroll < (size_t)-by)
		state->events_scroll = 0;
	else
		state->events_scroll += by;
}

/* Keys that only change the picture; false: it is another one. */
static bool look(struct screen *screen, int key)
{
	switch (key) {
	case TERMINAL_UP:
		scroll_list(screen, 1);
		return true;
	case TERMINAL_DOWN:
		scroll_list(screen, -1);
		return true;
	case TERMINAL_PAGE_UP:
		scroll_list(screen, PAGE_LINES);
		return true;
	case TERMINAL_PAGE_DOWN:
		scroll_list(screen, -PAGE_LINES);
		return true;
	case TERMINAL_HOME:
		scroll_list(screen, ALL_LINES);
		return true;
	case TERMINAL_END:
		scroll_list(screen, -ALL_LINES);
		return true;
	case '?':
	case 'h':
		screen->state.help = true;
		return true;
	case CTRL('L'):
		terminal_refresh(screen->terminal);
		return true;
	default:
		return look_along(screen, key) || choose_page(screen, key);
	}
}

static void quit(struct screen *screen, struct run_control *control)
{
	screen->leave = true;
	if (screen->status != RUN_STOPPING)
		control->command(control, RUN_STOP, screen->who);
}

/* What lies over the page hides nothing of a stop. */
static void clear_over(struct screen_state *state)
{
	state->help = false;
	state->confirm_quit = false;
}

/* The run goes on: what the key asks for. */
static void act(struct screen *screen, struct run_control *control, int key)
{
	struct screen_state *state = &screen->state;

	/* Whatever is on the screen, these two work. */
	if (key == 'x' || key == 'X' || key == '!') {
		clear_over(state);
		control->command(control, RUN_EMERGENCY_STOP, screen->who);
		return;
	}
	if (key == 's' || key == 'S') {
		clear_over(state);
		control->command(control, RUN_STOP, screen->who);
		return;
	}
	if (state->help) {
		state->help = false;
		return;
	}
	if (state->confirm_quit) {
		if (key == 'y' || key == 'Y')
			quit(screen, control);
		if (key == 'y' || key == 'Y' || key == 'n' || key == 'N' || key == 'q' || key == ESCAPE)
			state->confirm_quit = false;
		return;
	}
	if (look(screen, key))
		return;
	switch (key) {
	case 'i':
	case 'w':
	case 'P':
	case 'H':
		/* What moves a pump by hand: this one is the run's. */
		state->refused = state->page == PAGE_MANUAL;
		break;
	case ' ':
		if (screen->status == RUN_PAUSED || screen->status == RUN_PAUSING)
			control->command(control, RUN_RESUME, screen->who);
		else
			control->command(control, RUN_PAUSE, screen->who);
		break;
	case 'q':
	case 'Q':
		if (screen->status == RUN_STOPPING)
			screen->leave = true;
		else
			state->confirm_quit = true;
		break;
	case 'c':
	case 'C':
		control->command(control, RUN_TAKE, screen->who);
		break;
	case 'd':
	case 'D':
		control->command(control, RUN_DETACH, screen->who);
		break;
	case 'y':
	case 'Y':
	case '\n':
		if (screen->question)
			control->command(control, RUN_YES, screen->who);
		break;
	case 'n':
	case 'N':
		if (screen->question)
			control->command(control, RUN_NO, screen->who);
		break;
	default:
		break;
	}
}

static int fds(struct run_front *front, struct pollfd *fds, int max)
{
	struct terminal *terminal = screen_of(front)->terminal;
	int count = 0;

	if (terminal_gone(terminal))
		return 0;
	if (count < max)
		fds[count++] = (struct pollfd){ .fd = terminal_input_fd(terminal), .events = POLLIN };
	if (count < max && terminal_waits(terminal))
		fds[count++] = (struct pollfd){ .fd = terminal_output_fd(terminal), .events = POLLOUT };
	return count;
}

static void handle(struct run_front *front, struct run_control *control, const struct pollfd *fds, int count)
{
	struct screen *screen = screen_of(front);
	int key;

	for (int i = 0; i < count; i++) {
		if (!fds[i].revents)
			continue;
		if (fds[i].fd == terminal_output_fd(screen->terminal)) {
			terminal_flush(screen->terminal);
			continue;
		}
		while ((key = terminal_key(screen->terminal)) != TERMINAL_NONE)
			act(screen, control, key);
	}
}

/* ---- the end ------------------------------------------------------------------------- */

/* False: the operator has seen enough. */
static bool look_on(struct screen *screen)
{
	int key;

	while ((key = terminal_key(screen->terminal)) != TERMINAL_NONE) {
		if (screen->state.help)
			screen->state.help = false;
		else if (!look(screen, key))
			return false;
	}
	return !terminal_gone(screen->terminal);
}

static bool take_signals(struct screen *screen, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH)
			return false;
		terminal_resize(screen->terminal);
	}
	return true;
}

static void finish(struct run_front *front, const struct run_view *view)
{
	struct screen *screen = screen_of(front);
	sigset_t before;
	int signal_fd;

	screen->state.help = false;
	screen->state.confirm_quit = false;
	if (screen->leave || terminal_gone(screen->terminal))
		return;
	signal_fd = signal_fd_open(&before);
	terminal_take_interrupt(screen->terminal, true);
	for (;;) {
		struct pollfd waited[3] = { { .fd = signal_fd, .events = POLLIN } };
		int count;

		draw(front, view);
		count = fds(front, waited + 1, 2);
		if (!count || poll(waited, count + 1, screen->owed ? OWED_MS : -1) < 0)
			break;
		if (waited[0].revents && !take_signals(screen, signal_fd))
			break;
		terminal_flush(screen->terminal);
		if (waited[1].revents && !look_on(screen))
			break;
	}
	if (signal_fd >= 0)
		close(signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

struct run_front *screen_new(void)
{
	struct screen *screen = calloc(1, sizeof(*screen));

	if (!screen) {
		perror("nanodose: screen");
		return NULL;
	}
	screen->terminal = terminal_open();
	if (!screen->terminal) {
		free(screen);
		return NULL;
	}
	screen->front = (struct run_front){
		.fds = fds, .handle = handle, .draw = draw, .resize = resize, .finish = finish,
	};
	operator_name(screen->who, sizeof(screen->who));
	return &screen->front;
}

void screen_free(struct run_front *front)
{
	struct screen *screen = screen_of(front);

	if (!front)
		return;
	terminal_close(screen->terminal);
	cells_free(screen->cells);
	free(screen);
}
