// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole pictures against tests/tui/golden/SCENE.COLUMNSxROWS[.ascii].txt.
 * ND_GOLDEN_UPDATE=1 writes them anew: look at each before it is committed.
 *
 *	build/unit/screen_test SCENE [COLUMNS ROWS [ascii]]	prints one
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

#include "../tui/jog_scenes.c"
#include "../tui/scenes.c"
#include "draw.h"
#include "text.h"

static const struct picture {
	const char *scene;
	int columns, rows;
	bool ascii;
} pictures[] = {
	/* every situation on the common terminal */
	{ "starting", 80, 24, false }, { "two", 80, 24, false }, { "one", 80, 24, false },
	{ "four", 80, 24, false }, { "six", 80, 24, false }, { "late", 80, 24, false },
	{ "withdraw", 80, 24, false }, { "blind", 80, 24, false }, { "paused", 80, 24, false },
	{ "question", 80, 24, false }, { "confirm-quit", 80, 24, false }, { "help", 80, 24, false },
	{ "scrolled", 80, 24, false }, { "fault", 80, 24, false }, { "lost", 80, 24, false },
	{ "stopped", 80, 24, false }, { "done", 80, 24, false },
	/* every page */
	{ "channel", 80, 24, false }, { "channel", 60, 15, false }, { "channel", 120, 40, false },
	{ "channel", 300, 100, false }, { "channel", 20, 5, false }, { "channel", 80, 24, true },
	{ "channel-fault", 80, 24, false }, { "channel-blind", 80, 40, false },
	{ "zoomed", 80, 24, false }, { "past", 80, 24, false }, { "whole", 80, 24, false },
	{ "protocol", 80, 24, false }, { "protocol", 40, 12, false }, { "protocol", 80, 24, true },
	{ "events", 80, 24, false }, { "events", 120, 40, false }, { "events", 80, 24, true },
	{ "faults", 80, 24, false }, { "faults", 40, 12, false }, { "faults", 80, 24, true },
	{ "faults-none", 80, 24, false }, { "manual", 80, 24, false }, { "manual", 20, 5, false },
	{ "manual-refused", 80, 24, false },
	/* a pump moved by hand */
	{ "jog", 80, 24, false }, { "jog", 40, 12, false }, { "jog", 20, 5, false }, { "jog", 120, 40, false },
	{ "jog", 80, 24, true }, { "jog-bare", 80, 24, false }, { "jog-fault", 80, 24, false },
	{ "jog-fault", 40, 12, false }, { "jog-prime", 80, 24, false }, { "jog-home", 80, 24, false },
	/* every fault, by its bit */
	{ "fault-0", 80, 16, false }, { "fault-1", 80, 16, false }, { "fault-2", 80, 16, false }, { "fault-3", 80, 16, false },
	{ "fault-4", 80, 16, false }, { "fault-5", 80, 16, false }, { "fault-6", 80, 16, false }, { "fault-7", 80, 16, false },
	{ "fault-8", 80, 16, false }, { "fault-9", 80, 16, false }, { "fault-10", 80, 16, false }, { "fault-11", 80, 16, false },
	{ "fault-12", 80, 16, false }, { "fault-13", 80, 16, false }, { "fault-14", 80, 16, false }, { "fault-15", 80, 16, false },
	/* other sizes */
	{ "two", 120, 40, false }, { "four", 120, 40, false }, { "four", 300, 100, false },
	{ "one", 60, 15, false }, { "two", 60, 15, false }, { "four", 60, 15, false },
	{ "fault", 60, 15, false }, { "help", 60, 15, false }, { "question", 40, 12, false },
	{ "one", 20, 5, false }, { "two", 20, 5, false }, { "four", 20, 5, false },
	{ "fault", 20, 5, false }, { "question", 20, 5, false }, { "two", 10, 3, false },
	/* without UTF-8 */
	{ "two", 80, 24, true }, { "fault", 80, 24, true }, { "help", 80, 24, true },
	{ "six", 80, 24, true }, { "one", 60, 15, true },
};

static void golden_path(const struct picture *picture, char *path, size_t size)
{
	const char *slash = strrchr(__FILE__, '/');
	int folder = slash ? (int)(slash - __FILE__) : 1;

	snprintf(path, size, "%.*s/../tui/golden/%s.%dx%d%s.txt", folder, slash ? __FILE__ : ".",
		 picture->scene, picture->columns, picture->rows, picture->ascii ? ".ascii" : "");
}

static struct cells *draw(const char *name, int columns, int rows, bool utf8)
{
	struct cells *cells = cells_new(rows, columns, utf8);
	struct scene *scene;

	if (cells && !strncmp(name, "jog", 3)) {
		jog_scene_draw(cells, name);
		return cells;
	}
	scene = scene_new(name, -1);
	if (!scene || !cells) {
		fprintf(stderr, "no scene \"%s\", or no memory\n", name);
		exit(2);
	}
	screen_draw(cells, &scene->view, &scene->state);
	scene_free(scene);
	return cells;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	FILE *memory;
	int byte;

	if (!file)
		return NULL;
	memory = open_memstream(&text, &size);
	while ((byte = getc(file)) != EOF)
		putc(byte, memory);
	fclose(memory);
	fclose(file);
	return text;
}

/* Shows the first line that differs, as TAP comments. */
static bool same_text(const char *drawn, const char *golden)
{
	for (int line = 1; *drawn || *golden; line++) {
		int a = strcspn(drawn, "\n"), b = strcspn(golden, "\n");

		if (a != b || strncmp(drawn, golden, a)) {
			printf("# line %d is\n#   %.*s\n# and should be\n#   %.*s\n", line, a, drawn, b,
			       golden);
			return false;
		}
		drawn += a + (drawn[a] == '\n');
		golden += b + (golden[b] == '\n');
	}
	return true;
}

static void compare(const struct picture *picture)
{
	struct cells *cells = draw(picture->scene, picture->columns, picture->rows, !picture->ascii);
	char *drawn = cells_to_text(cells), *golden;
	bool same = false;
	char path[4096];

	golden_path(picture, path, sizeof(path));
	if (getenv("ND_GOLDEN_UPDATE")) {
		FILE *file = fopen(path, "w");

		if (file) {
			fputs(drawn, file);
			fclose(file);
		}
	}
	golden = read_file(path);
	if (golden)
		same = same_text(drawn, golden);
	else
		printf("# %s is missing\n", path);
	test_failed += !same;
	printf("%s %d - the scene \"%s\" on %d x %d%s looks as it was judged right\n",
	       same ? "ok" : "not ok", ++test_count, picture->scene, picture->columns,
	       picture->rows, picture->ascii ? " in ASCII" : "");
	free(golden);
	free(drawn);
	cells_free(cells);
}

/* A picture that nothing draws any more must not lie about. */
TEST(every_golden_file_is_compared)
{
	char path[4096];
	struct dirent *entry;
	DIR *folder;

	golden_path(&pictures[0], path, sizeof(path));
	*strrchr(path, '/') = '\0';
	folder = opendir(path);
	CHECK(folder);
	while (folder && (entry = readdir(folder))) {
		bool known = entry->d_name[0] == '.';

		for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
			golden_path(&pictures[i], path, sizeof(path));
			if (!strcmp(strrchr(path, '/') + 1, entry->d_name))
				known = true;
		}
		CHECK(known);
	}
	if (folder)
		closedir(folder);
}

/* Finds text in a row; the style of its first cell. */
static int style_of(const struct cells *cells, const char *text)
{
	int length = strlen(text);

	for (int at = 0; at + length <= cells->rows * cells->columns; at++) {
		int i = 0;

		while (i < length && cells->grid[at + i].character == (unsigned char)text[i])
			i++;
		if (i == length)
			return cells->grid[at].style;
	}
	return -1;
}

static int count_style(const struct cells *cells, enum cell_style style)
{
	int count = 0;

	for (int i = 0; i < cells->rows * cells->columns; i++)
		count += cells->grid[i].style == style && cells->grid[i].character != ' ';
	return count;
}

TEST(faults_stand_out_by_style_and_by_word)
{
	struct cells *cells = draw("fault", 80, 24, true);

	CHECK_INT(style_of(cells, "FAULT lipid: air in line"), CELL_FAULT);
	CHECK_INT(style_of(cells, "stopped by a fault"), CELL_FAULT);
	CHECK_INT(style_of(cells, "aqueous "), CELL_BOLD);
	cells_free(cells);
}

TEST(a_healthy_run_shows_nothing_in_the_style_of_faults)
{
	struct cells *cells = draw("one", 80, 24, true);

	CHECK_INT(count_style(cells, CELL_FAULT), 0);
	CHECK_INT(count_style(cells, CELL_WARNING), 0);
	CHECK(count_style(cells, CELL_FLOW) > 10);
	CHECK(count_style(cells, CELL_SETPOINT) > 5);
	cells_free(cells);
}

TEST(the_pause_key_says_what_it_does_next)
{
	struct cells *running = draw("two", 80, 24, true), *paused = draw("paused", 80, 24, true);

	CHECK(style_of(running, " pause ") >= 0);
	CHECK(style_of(running, " resume ") < 0);
	CHECK(style_of(paused, " resume ") >= 0);
	cells_free(running);
	cells_free(paused);
}

TEST(emergency_stop_is_on_the_key_line_wherever_there_is_one)
{
	for (int columns = 8; columns < 200; columns += 3) {
		for (int rows = 3; rows < 60; rows += 5) {
			struct cells *cells = draw("two", columns, rows, true);

			CHECK_INT(cells->grid[(rows - 1) * columns].character, 'x');
			CHECK_INT(cells->grid[(rows - 1) * columns].style, CELL_KEY);
			cells_free(cells);
		}
	}
}

TEST(text_of_a_protocol_cannot_steer_the_terminal)
{
	struct scene *scene = scene_new("two", -1);
	struct cells *cells = cells_new(24, 80, true);

	scene->view.protocol_name = "evil \033[2J\r\n\x9b" "31m \302\233 name \xff";
	scene->view.channels[0].name = "\033]0;x\007";
	screen_draw(cells, &scene->view, &scene->state);
	for (int i = 0; i < 24 * 80; i++) {
		uint32_t character = cells->grid[i].character;

		CHECK(character == CELL_CONTINUED || (character >= 0x20 && character != 0x7f &&
		      !(character >= 0x80 && character < 0xa0)));
	}
	cells_free(cells);
	scene_free(scene);
}

TEST(any_size_can_be_drawn)
{
	static const char *const names[] = {
		"starting", "six", "lost", "help", "question", "channel", "channel-blind", "protocol", "events",
		"faults", "manual", "past",
	};
	static const int rows[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 17, 24, 70 };
	static const int columns[] = { 0, 1, 2, 3, 4, 5, 7, 10, 15, 23, 24, 25, 40, 80, 119, 120, 250 };

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		struct scene *scene = scene_new(names[n], -1);

		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
				struct cells *cells = cells_new(rows[r], columns[c], (r + c) % 2);

				screen_draw(cells, &scene->view, &scene->state);
				cells_free(cells);
			}
		}
		scene_free(scene);
	}
}

TEST(scrolling_beyond_the_oldest_event_stays_there)
{
	struct scene *scene = scene_new("four", -1);
	struct cells *cells = cells_new(24, 80, true);

	scene->state.events_scroll = 1000000;
	screen_draw(cells, &scene->view, &scene->state);
	CHECK(style_of(cells, "event number 1 of") >= 0);
	CHECK(style_of(cells, "event number 20 of") < 0);
	cells_free(cells);
	scene_free(scene);
}

TEST(a_target_between_two_steps_counts_as_reached)
{
	struct scene *scene = scene_new("done", -1);
	struct cells *cells = cells_new(24, 80, false);

	/* Shown as 3.300 mL: less than half of the last digit is missing. */
	scene->view.channels[0].delivered_ul = 3299.6;
	screen_draw(cells, &scene->view, &scene->state);
	CHECK(style_of(cells, "100 %  3.300 of 3.300 mL") >= 0);
	scene->view.channels[0].delivered_ul = 3299.4;
	screen_draw(cells, &scene->view, &scene->state);
	CHECK(style_of(cells, " 99 %  3.299 of 3.300 mL") >= 0);
	cells_free(cells);
	scene_free(scene);
}

static void look(int count, char **arguments)
{
	struct cells *cells = draw(arguments[1], count > 3 ? atoi(arguments[2]) : 80,
				   count > 3 ? atoi(arguments[3]) : 24, count < 5);
	char *text = cells_to_text(cells);

	fputs(text, stdout);
	free(text);
	cells_free(cells);
}

int main(int count, char **arguments)
{
	if (count > 1) {
		look(count, arguments);
		return 0;
	}
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++)
		compare(&pictures[i]);
	RUN(every_golden_file_is_compared);
	RUN(faults_stand_out_by_style_and_by_word);
	RUN(a_healthy_run_shows_nothing_in_the_style_of_faults);
	RUN(the_pause_key_says_what_it_does_next);
	RUN(emergency_stop_is_on_the_key_line_wherever_there_is_one);
	RUN(text_of_a_protocol_cannot_steer_the_terminal);
	RUN(any_size_can_be_drawn);
	RUN(scrolling_beyond_the_oldest_event_stays_there);
	RUN(a_target_between_two_steps_counts_as_reached);
	return test_end();
}
