// SPDX-License-Identifier: GPL-2.0-or-later
/* A run over the line: a screen elsewhere draws the same picture, and bad lines are no harm. */
#include <stdlib.h>

#include "test.h"

#include "../tui/scenes.c"
#include "wire.h"

static const char *const names[] = {
	"starting", "one", "two", "four", "six", "late", "withdraw", "blind", "paused", "question", "fault",
	"lost", "stopped", "done", "channel", "channel-fault", "channel-blind", "zoomed", "past", "whole", "protocol",
	"events", "faults", "manual",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static char *picture(const struct run_view *view, const struct screen_state *state)
{
	struct cells *cells = cells_new(40, 120, true);
	char *text;

	screen_draw(cells, view, state);
	text = cells_to_text(cells);
	cells_free(cells);
	return text;
}

static bool pass_on(const struct run_view *view, struct wire_told *told, struct replica *replica)
{
	char *line = wire_write(view, told, "anna (uid 1000)");
	bool good = line && !strchr(line, '\n') && !replica_take(replica, line);

	free(line);
	return good;
}

TEST(a_screen_elsewhere_draws_the_same_picture)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct scene *scene = scene_new(names[i], -1);
		struct wire_told told = { 0 };
		struct replica replica = { 0 };
		char *here, *there;

		CHECK(pass_on(&scene->view, &told, &replica));
		here = picture(&scene->view, &scene->state);
		there = picture(&replica.view, &scene->state);
		if (strcmp(here, there))
			printf("# %s: here\n%s# there\n%s", names[i], here, there);
		CHECK(!strcmp(here, there));
		CHECK_TEXT(replica.controller, "anna (uid 1000)");
		free(here);
		free(there);
		wire_forget(&told);
		replica_clear(&replica);
		scene_free(scene);
	}
}

TEST(later_lines_hold_only_what_is_new)
{
	struct wire_told told = { 0 };
	struct replica replica = { 0 };
	struct scene *scene = scene_new("two", -1);
	double now_s = scene->view.elapsed_s;
	char *first = wire_write(&scene->view, &told, NULL), *again, *here, *there;

	CHECK(!replica_take(&replica, first));
	CHECK(!replica.controller);
	again = wire_write(&scene->view, &told, NULL);
	CHECK(strlen(again) < strlen(first) / 10);
	CHECK(!replica_take(&replica, again));
	here = picture(&scene->view, &scene->state);
	there = picture(&replica.view, &scene->state);
	CHECK(!strcmp(here, there));
	CHECK_INT(replica.view.event_count, scene->view.event_count);
	CHECK_NEAR(replica.view.elapsed_s, now_s, 1e-6);
	free(here);
	free(there);
	free(first);
	free(again);
	wire_forget(&told);
	replica_clear(&replica);
	scene_free(scene);
}

TEST(lines_that_are_none_are_told_so)
{
	static const char *const bad[] = {
		"", "x", "[]", "{}", "{\"status\":1}", "{\"fixed\":{}}", "{\"fixed\":{\"channels\":[],\"steps\":[]}}",
		"{\"fixed\":{\"channels\":[],\"steps\":[]},\"status\":99}",
		"{\"fixed\":{\"channels\":3,\"steps\":[]},\"status\":1}", "null", "{\"status\":",
		/* what a terminal would obey */
		"{\"fixed\":{\"channels\":[],\"steps\":[],\"protocol\":\"\\u001b[2J\"},\"status\":1}",
		"{\"fixed\":{\"channels\":[],\"steps\":[],\"protocol\":\"\033[2J\"},\"status\":1}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct replica replica = { 0 };

		CHECK_INT(replica_take(&replica, bad[i]), -1);
		replica_clear(&replica);
	}
}

TEST(odd_values_stay_within_the_picture)
{
	static const char *const odd[] = {
		"{\"fixed\":{\"channels\":[7,null,{\"name\":3}],\"steps\":[[],\"x\",[null,-5,1e99]]},\"status\":1}",
		"{\"status\":1,\"active\":1e9,\"steps\":[[1e9,1,1],[-1],[\"x\"],[0,7],[1,1,-3,-3,1e99]],\"events\":[[],[1,2,3],[1,-9,1e9,\"x\"],7]}",
		"{\"status\":6,\"channels\":[[],7,[1,2,3,4,5,6,7,8,9,10,-1,1e99,-7]],\"history\":[[[],7,[1,2]],3,[[null]],[[1]]],\"question\":3}",
	};
	struct replica replica = { 0 };
	char *text;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		CHECK_INT(replica_take(&replica, odd[i]), 0);
		text = picture(&replica.view, &(struct screen_state){ .page = PAGE_CHANNEL });
		CHECK(*text);
		free(text);
	}
	replica_clear(&replica);
}

TEST(commands_have_names_both_ways)
{
	for (int i = RUN_PAUSE; i <= RUN_DETACH; i++)
		CHECK_INT(wire_command(wire_command_name(i)), i);
	CHECK_INT(wire_command("dance"), -1);
}

int main(void)
{
	RUN(a_screen_elsewhere_draws_the_same_picture);
	RUN(later_lines_hold_only_what_is_new);
	RUN(lines_that_are_none_are_told_so);
	RUN(odd_values_stay_within_the_picture);
	RUN(commands_have_names_both_ways);
	return test_end();
}
