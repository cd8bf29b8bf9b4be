// SPDX-License-Identifier: GPL-2.0-or-later
/* The walk through a protocol's steps, repeats included. */
#include <stdlib.h>

#include "program.h"
#include "test.h"

static struct protocol_flow one_ul = { .channel = 0, .volume_m3 = 1e-9, .rate_m3_s = 1e-9 };
static struct protocol_flow three_ul = { .channel = 1, .volume_m3 = 3e-9, .rate_m3_s = 1e-9 };

static struct protocol_step infuse = {
	.verb = PROTOCOL_INFUSE,
	.text = "infuse",
	.at = { 3, 1 },
	.flows = &one_ul,
	.flow_count = 1,
	.duration_s = 1,
};

static struct protocol_step withdraw = {
	.verb = PROTOCOL_WITHDRAW,
	.text = "withdraw",
	.flows = &three_ul,
	.flow_count = 1,
	.duration_s = 3,
};

static struct protocol_step hold = { .verb = PROTOCOL_HOLD, .text = "hold", .duration_s = 10 };

/* Of the walk at hand. */
static struct program_cursor cursor;

static struct program *walk_of(struct protocol_step *steps, size_t count)
{
	static struct protocol protocol;
	struct program *program;

	protocol = (struct protocol){ .steps = steps, .step_count = count, .channel_count = 2 };
	program = program_new(&protocol);
	cursor = program_begin(program);
	return program;
}

TEST(plain_steps_come_in_order)
{
	struct protocol_step steps[] = { infuse, hold, withdraw };
	struct program *program = walk_of(steps, 3);
	const struct run_step_view *views;
	size_t count;

	views = program_views(program, &count);
	CHECK_INT(count, 3);
	CHECK(!program_step(program, &cursor));
	CHECK_INT(program_active(program, &cursor), 3);
	CHECK(program_next(program, &cursor) && program_step(program, &cursor) == &steps[0]);
	CHECK_INT(views[0].state, RUN_STEP_ACTIVE);
	CHECK_INT(views[1].state, RUN_STEP_TODO);
	CHECK_INT(views[0].line, 3);
	CHECK(program_next(program, &cursor) && program_step(program, &cursor) == &steps[1]);
	CHECK_INT(views[0].state, RUN_STEP_DONE);
	CHECK_NEAR(program_done_s(program), 1, 1e-12);
	CHECK(program_next(program, &cursor) && program_step(program, &cursor) == &steps[2]);
	CHECK_INT(program_active(program, &cursor), 2);
	CHECK(!program_next(program, &cursor));
	CHECK(!program_step(program, &cursor));
	CHECK(!program_next(program, &cursor));
	CHECK_NEAR(program_done_s(program), 14, 1e-12);
	CHECK_NEAR(program_net_m3(program, 0), 1e-9, 1e-20);
	CHECK_NEAR(program_net_m3(program, 1), -3e-9, 1e-20);
	program_free(program);
}

TEST(nested_repeats_do_each_round)
{
	struct protocol_step inner_steps[] = { infuse, infuse };
	struct protocol_step inner = {
		.verb = PROTOCOL_REPEAT,
		.text = "inner",
		.times = 2,
		.steps = inner_steps,
		.step_count = 2,
	};
	struct protocol_step outer_steps[] = { hold, inner };
	struct protocol_step outer = {
		.verb = PROTOCOL_REPEAT,
		.text = "outer",
		.times = 3,
		.steps = outer_steps,
		.step_count = 2,
	};
	struct protocol_step steps[] = { outer, withdraw };
	struct program *program = walk_of(steps, 2);
	const struct run_step_view *views;
	size_t count, infused = 0, held = 0, withdrawn = 0;

	views = program_views(program, &count);
	CHECK_INT(count, 6);
	CHECK_INT(views[0].depth, 0);
	CHECK_INT(views[1].depth, 1);
	CHECK_INT(views[3].depth, 2);
	CHECK_INT(views[5].depth, 0);
	while (program_next(program, &cursor)) {
		switch (program_step(program, &cursor)->verb) {
		case PROTOCOL_HOLD:
			held++;
			/* A new round begins with all inside still to do. */
			CHECK_INT(views[2].state, RUN_STEP_TODO);
			CHECK_INT(views[3].state, RUN_STEP_TODO);
			CHECK_INT(views[0].round, held);
			CHECK_INT(views[0].rounds, 3);
			break;
		case PROTOCOL_INFUSE:
			infused++;
			CHECK_INT(views[2].round, (infused - 1) / 2 % 2 + 1);
			break;
		default:
			withdrawn++;
			CHECK_INT(views[0].state, RUN_STEP_DONE);
			CHECK_INT(views[4].state, RUN_STEP_DONE);
		}
	}
	CHECK_INT(held, 3);
	CHECK_INT(infused, 12);
	CHECK_INT(withdrawn, 1);
	CHECK_NEAR(program_net_m3(program, 0), 12e-9, 1e-20);
	CHECK_NEAR(program_done_s(program), 3 * 10 + 12 * 1 + 3, 1e-9);
	program_free(program);
}

TEST(a_repeat_of_nothing_or_no_times_is_passed_over)
{
	struct protocol_step steps[] = {
		{ .verb = PROTOCOL_REPEAT, .text = "empty", .times = 4000000000U },
		{ .verb = PROTOCOL_REPEAT,
		  .text = "never",
		  .times = 0,
		  .steps = &infuse,
		  .step_count = 1 },
		hold,
	};
	struct program *program = walk_of(steps, 3);

	CHECK(program_next(program, &cursor));
	CHECK(program_step(program, &cursor) == &steps[2]);
	CHECK(!program_next(program, &cursor));
	CHECK_NEAR(program_net_m3(program, 0), 0, 0);
	program_free(program);
}

TEST(an_abandoned_walk_skips_what_was_not_reached)
{
	struct protocol_step steps[] = { infuse, hold, withdraw };
	struct program *program = walk_of(steps, 3);
	const struct run_step_view *views;
	size_t count;

	views = program_views(program, &count);
	program_next(program, &cursor);
	program_next(program, &cursor);
	program_abandon(program);
	CHECK_INT(views[0].state, RUN_STEP_DONE);
	CHECK_INT(views[1].state, RUN_STEP_ACTIVE);
	CHECK_INT(views[2].state, RUN_STEP_SKIPPED);
	program_free(program);
}

TEST(branches_go_each_at_its_own_pace)
{
	struct protocol_step left_steps[] = { infuse, { .verb = PROTOCOL_REPEAT, .text = "twice", .times = 2,
							.steps = &infuse, .step_count = 1 } };
	struct protocol_step branches[] = {
		{ .verb = PROTOCOL_BRANCH, .text = "left", .steps = left_steps, .step_count = 2 },
		{ .verb = PROTOCOL_BRANCH, .text = "right", .steps = &withdraw, .step_count = 1 },
	};
	struct protocol_step steps[] = {
		hold,
		{ .verb = PROTOCOL_PARALLEL, .text = "both", .steps = branches, .step_count = 2, .duration_s = 3 },
		hold,
	};
	struct program *program = walk_of(steps, 3);
	struct program_cursor left, right;
	const struct run_step_view *views;
	size_t count;

	views = program_views(program, &count);
	CHECK_INT(count, 9);
	CHECK(program_next(program, &cursor) && program_next(program, &cursor));
	CHECK(program_step(program, &cursor) == &steps[1]);
	left = program_branch(program, &cursor, 0);
	right = program_branch(program, &cursor, 1);
	CHECK(program_next(program, &left) && program_step(program, &left) == &left_steps[0]);
	CHECK(program_next(program, &right) && program_step(program, &right) == &withdraw);
	CHECK_INT(views[2].state, RUN_STEP_ACTIVE);
	CHECK_INT(views[6].state, RUN_STEP_ACTIVE);
	CHECK(!program_next(program, &right));
	CHECK_INT(views[6].state, RUN_STEP_DONE);
	CHECK_INT(views[2].state, RUN_STEP_ACTIVE);
	CHECK(program_next(program, &left) && program_next(program, &left));
	CHECK_INT(views[4].round, 2);
	CHECK(!program_next(program, &left) && !program_step(program, &left));
	CHECK_INT(views[2].state, RUN_STEP_DONE);
	/* What passes at once counts once. */
	CHECK_NEAR(program_done_s(program), 10, 1e-12);
	CHECK(program_next(program, &cursor) && program_step(program, &cursor) == &steps[2]);
	CHECK_NEAR(program_done_s(program), 13, 1e-12);
	CHECK_INT(views[1].state, RUN_STEP_DONE);
	CHECK(!program_next(program, &cursor));
	CHECK_NEAR(program_net_m3(program, 0), 3e-9, 1e-20);
	CHECK_NEAR(program_net_m3(program, 1), -3e-9, 1e-20);
	program_free(program);
}

int main(void)
{
	RUN(plain_steps_come_in_order);
	RUN(nested_repeats_do_each_round);
	RUN(a_repeat_of_nothing_or_no_times_is_passed_over);
	RUN(branches_go_each_at_its_own_pace);
	RUN(an_abandoned_walk_skips_what_was_not_reached);
	return test_end();
}
