// SPDX-License-Identifier: GPL-2.0-or-later
#include "jog_screen.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "terminal.h"

#define CTRL(key)	((key) & 0x1f)
#define STRIDE		1	/* 1 uL or 0.1 mm, to begin with */

struct jog_screen {
	struct jog *jog;
	struct stops *stops;
	struct terminal *terminal;
	struct cells *cells;
	struct jog_state state;
	bool leave;
};

static void draw(struct jog_screen *screen)
{
	int rows, columns;

	terminal_size(screen->terminal, &rows, &columns);
	if (!screen->cells || screen->cells->rows != rows || screen->cells->columns != columns) {
		cells_free(screen->cells);
		screen->cells = cells_new(rows, columns, terminal_utf8(screen->terminal));
	}
	if (!screen->cells || terminal_gone(screen->terminal))
		return;
	jog_draw(screen->cells, jog_view(screen->jog), &screen->state);
	terminal_show(screen->terminal, screen->cells);
}

static void set_rate(struct jog_screen *screen, double factor)
{
	double rate = screen->state.rate_nhz * factor, most = jog_view(screen->jog)->info.max_rate_nhz;

	if (rate >= 1 && rate <= most)
		screen->state.rate_nhz = rate;
}

static void set_stride(struct jog_screen *screen, int by)
{
	int stride = screen->state.stride + by;

	if (stride >= 0 && stride < JOG_STRIDES)
		screen->state.stride = stride;
}

static void move(struct jog_screen *screen, int way)
{
	jog_move(screen->jog, way * jog_stride_steps(jog_view(screen->jog), screen->state.stride), screen->state.rate_nhz);
}

static void act(struct jog_screen *screen, int key)
{
	bool asked = screen->state.ask_home;

	/* Whatever is asked for, a stop comes first. Any key takes the question away. */
	screen->state.ask_home = false;
	switch (key) {
	case 'x':
	case 'X':
	case '!':
		jog_stop(screen->jog, NANODOSE_STOP_NOW);
		break;
	case ' ':
	case 's':
	case 'S':
		jog_stop(screen->jog, NANODOSE_STOP_RAMP);
		break;
	case 'i':
		move(screen, 1);
		break;
	case 'w':
		move(screen, -1);
		break;
	case '+':
	case '=':
		set_stride(screen, 1);
		break;
	case '-':
		set_stride(screen, -1);
		break;
	case TERMINAL_UP:
	case '>':
		set_rate(screen, 2);
		break;
	case TERMINAL_DOWN:
	case '<':
		set_rate(screen, 0.5);
		break;
	case 'P':
		jog_prime(screen->jog, jog_prime_steps(jog_view(screen->jog)), screen->state.rate_nhz);
		break;
	case 'H':
		screen->state.ask_home = jog_view(screen->jog)->task == JOG_REST;
		break;
	case 'y':
	case 'Y':
		if (asked)
			jog_home(screen->jog, false, jog_rate_nhz(screen->jog, JOG_HOME_M_S));
		break;
	case 'c':
	case 'C':
		jog_clear_faults(screen->jog);
		break;
	case 'z':
		jog_zero(screen->jog);
		break;
	case 'q':
	case 'Q':
		screen->leave = true;
		break;
	case CTRL('L'):
		terminal_refresh(screen->terminal);
		break;
	default:
		break;
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void take_keys(struct jog_screen *screen)
{
	int key;

	while (!screen->leave && (key = terminal_key(screen->terminal)) != TERMINAL_NONE)
		act(screen, key);
	/* Nobody is there any more to see what moves. */
	if (terminal_gone(screen->terminal))
		screen->leave = true;
}

/* One turn: what came, a picture at most ten times a second. False: the pump is gone. */
static bool turn(struct jog_screen *screen, int64_t *drawn_ms)
{
	struct pollfd fds[STOPS_FDS + 3] = {
		{ .fd = jog_fd(screen->jog), .events = POLLIN },
		{ .fd = terminal_input_fd(screen->terminal), .events = POLLIN },
		{ .fd = terminal_waits(screen->terminal) ? terminal_output_fd(screen->terminal) : -1, .events = POLLOUT },
	};
	int count = stops_fds(screen->stops, fds + 3, STOPS_FDS);

	if (poll(fds, count + 3, JOG_TICK_MS) > 0) {
		stops_handle(screen->stops, fds + 3, count);
		if (fds[1].revents)
			take_keys(screen);
	}
	if (!jog_tick(screen->jog))
		return false;
	terminal_flush(screen->terminal);
	if (screen->stops->resized)
		terminal_resize(screen->terminal);
	if (screen->stops->resized || fds[1].revents || now_ms() - *drawn_ms >= 100) {
		screen->stops->resized = false;
		draw(screen);
		*drawn_ms = now_ms();
	}
	return true;
}

enum nanodose_exit jog_screen(struct jog *jog, struct stops *stops, int64_t rate_nhz)
{
	struct jog_screen screen = {
		.jog = jog, .stops = stops, .state = { .stride = STRIDE, .rate_nhz = rate_nhz },
	};
	int64_t drawn_ms = 0;
	bool here = true;

	screen.terminal = terminal_open();
	if (!screen.terminal)
		return NANODOSE_EXIT_REFUSED;
	while (here && !screen.leave && !stops->asked)
		here = turn(&screen, &drawn_ms);
	/* Comes to rest before its person looks away. */
	if (here && jog_view(jog)->task != JOG_REST)
		jog_stop(jog, NANODOSE_STOP_RAMP);
	while (here && jog_view(jog)->task != JOG_REST)
		here = turn(&screen, &drawn_ms);
	terminal_close(screen.terminal);
	cells_free(screen.cells);
	if (*jog_view(jog)->message)
		fprintf(stderr, "nanodose jog: %s\n", jog_view(jog)->message);
	return !here ? NANODOSE_EXIT_GONE : stops->asked ? NANODOSE_EXIT_OPERATOR : NANODOSE_EXIT_DONE;
}
