// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * screen_cost SCENE FRAMES: draws a made-up run ten times a second of its time on
 * this terminal, and prints to stderr the processor's time of it, in nanoseconds.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "terminal.h"

#include "../tui/scenes.c"

static long long cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct terminal *terminal;
	struct cells *cells;
	long long took_ns = 0;
	int rows, columns;

	setlocale(LC_ALL, "C.UTF-8");
	terminal = argc > 2 ? terminal_open() : NULL;
	if (!terminal)
		return 2;
	terminal_size(terminal, &rows, &columns);
	cells = cells_new(rows, columns, true);
	for (int i = 0; i < atoi(argv[2]); i++) {
		struct scene *scene = scene_new(argv[1], 10 + i * 0.1);
		long long begin_ns = cpu_ns();

		screen_draw(cells, &scene->view, &scene->state);
		while (!terminal_show(terminal, cells))
			continue;
		took_ns += cpu_ns() - begin_ns;
		scene_free(scene);
	}
	terminal_close(terminal);
	cells_free(cells);
	fprintf(stderr, "%lld\n", took_ns);
	return 0;
}
