// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "program.h"

enum op_kind { OP_DO, OP_REPEAT, OP_AGAIN, OP_CHOOSE, OP_JUMP, OP_PARALLEL, OP_BRANCH };

struct op {
	enum op_kind kind;
	const struct protocol_step *step;
	size_t view;		/* AGAIN: the view after the last inside */
	size_t begin;		/* AGAIN, and DO of a period: the REPEAT; JUMP: where to */
	size_t otherwise;	/* CHOOSE: where to if not; PARALLEL, BRANCH: the op after it */
	unsigned int round;	/* CHOOSE of a while: rounds chosen */
	uint64_t begin_ns;	/* REPEAT with a period: when its first round began, 0: not yet */
};

struct program {
	struct op *ops;
	size_t op_count;
	size_t periods;		/* REPEATs with a period */
	struct run_step_view *views;
	size_t view_count;
	double *net_m3;
	double done_s;
};

static void count_steps(const struct protocol_step *steps, size_t count, size_t *ops, size_t *views)
{
	for (size_t i = 0; i < count; i++) {
		++*views;
		*ops += 2;
		count_steps(steps[i].steps, steps[i].step_count, ops, views);
		count_steps(steps[i].others, steps[i].other_count, ops, views);
	}
}

/*
 * What steps move as far as is known beforehand: of an if its then, of a while
 * nothing. program_choose() puts that right.
 */
static void add_net(struct program *p, const struct protocol_step *steps, size_t count, double times)
{
	for (size_t i = 0; i < count; i++) {
		const struct protocol_step *step = &steps[i];

		for (size_t f = 0; f < step->flow_count; f++)
			p->net_m3[step->flows[f].channel] +=
				protocol_step_sign(step) * times * step->flows[f].volume_m3;
		if (step->verb == PROTOCOL_REPEAT)
			add_net(p, step->steps, step->step_count, times * step->times);
		else if (step->verb == PROTOCOL_IF || step->verb == PROTOCOL_PARALLEL ||
			 step->verb == PROTOCOL_BRANCH)
			add_net(p, step->steps, step->step_count, times);
	}
}

static void add_steps(struct program *p, const struct protocol_step *steps, size_t count, int depth,
		      size_t parent)
{
	for (size_t i = 0; i < count; i++) {
		const struct protocol_step *step = &steps[i];
		struct run_step_view *view = &p->views[p->view_count];
		struct op *op = &p->ops[p->op_count];
		size_t begin = p->op_count++;

		op->step = step;
		op->view = p->view_count++;
		op->begin = parent;
		view->text = step->text;
		view->depth = depth;
		view->line = step->at.line;
		switch (step->verb) {
		case PROTOCOL_REPEAT:
			op->kind = OP_REPEAT;
			view->rounds = step->times;
			p->periods += step->period_s > 0;
			add_steps(p, step->steps, step->step_count, depth + 1, begin);
			p->ops[p->op_count++] = (struct op){
				.kind = OP_AGAIN, .step = step, .view = p->view_count, .begin = begin,
			};
			break;
		case PROTOCOL_WHILE:
			op->kind = OP_CHOOSE;
			view->rounds = step->times;
			add_steps(p, step->steps, step->step_count, depth + 1, begin);
			p->ops[p->op_count++] = (struct op){ .kind = OP_JUMP, .begin = begin };
			op->otherwise = p->op_count;
			break;
		case PROTOCOL_IF:
			op->kind = OP_CHOOSE;
			add_steps(p, step->steps, step->step_count, depth + 1, begin);
			p->ops[p->op_count++] = (struct op){ .kind = OP_JUMP };
			op->otherwise = p->op_count;
			add_steps(p, step->others, step->other_count, depth + 1, begin);
			p->ops[op->otherwise - 1].begin = p->op_count;
			break;
		case PROTOCOL_PARALLEL:
		case PROTOCOL_BRANCH:
			op->kind = step->verb == PROTOCOL_PARALLEL ? OP_PARALLEL : OP_BRANCH;
			add_steps(p, step->steps, step->step_count, depth + 1, begin);
			op->otherwise = p->op_count;
			break;
		default:
			op->kind = OP_DO;
		}
	}
}

struct program *program_new_steps(const struct protocol *protocol, const struct protocol_step *steps,
				  size_t count)
{
	struct program *p = calloc(1, sizeof(*p));
	size_t ops = 0, views = 0;

	if (!p)
		return NULL;
	count_steps(steps, count, &ops, &views);
	p->ops = calloc(ops + 1, sizeof(*p->ops));
	p->views = calloc(views + 1, sizeof(*p->views));
	p->net_m3 = calloc(protocol->channel_count + 1, sizeof(*p->net_m3));
	if (!p->ops || !p->views || !p->net_m3) {
		program_free(p);
		return NULL;
	}
	add_steps(p, steps, count, 0, 0);
	add_net(p, steps, count, 1);
	return p;
}

struct program *program_new(const struct protocol *protocol)
{
	return program_new_steps(protocol, protocol->steps, protocol->step_count);
}

void program_free(struct program *p)
{
	if (!p)
		return;
	free(p->ops);
	free(p->views);
	free(p->net_m3);
	free(p);
}

static void set_views(struct program *p, size_t from, size_t to, enum run_step_state state)
{
	for (size_t i = from; i < to; i++) {
		p->views[i].state = state;
		p->views[i].progress = 0;
		p->views[i].round = 0;
	}
}

static void begin_round(struct program *p, size_t begin, size_t views_end)
{
	struct run_step_view *repeat = &p->views[p->ops[begin].view];

	repeat->state = RUN_STEP_ACTIVE;
	repeat->round++;
	repeat->progress = (double)(repeat->round - 1) / repeat->rounds;
	set_views(p, p->ops[begin].view + 1, views_end, RUN_STEP_TODO);
}

/* The AGAIN that closes the REPEAT at an index. */
static size_t find_again(const struct program *p, size_t begin)
{
	size_t i = begin + 1;

	while (p->ops[i].kind != OP_AGAIN || p->ops[i].begin != begin)
		i++;
	return i;
}

static void view_done(struct run_step_view *view)
{
	view->state = RUN_STEP_DONE;
	view->progress = 1;
}

/* The view after the last of what begins at an op. */
static size_t views_at(const struct program *p, size_t at)
{
	while (at < p->op_count && (p->ops[at].kind == OP_AGAIN || p->ops[at].kind == OP_JUMP))
		at++;
	return at < p->op_count ? p->ops[at].view : p->view_count;
}

/* The present step was a choice: into what was chosen. */
static void leave_choice(struct program *p, struct program_cursor *cursor)
{
	struct op *op = &p->ops[cursor->at];
	struct run_step_view *view = &p->views[op->view];
	size_t otherwise = views_at(p, op->otherwise);

	if (op->step->verb == PROTOCOL_IF) {
		view_done(view);
		if (cursor->chosen)
			set_views(p, otherwise, views_at(p, p->ops[op->otherwise - 1].begin),
				  RUN_STEP_SKIPPED);
		else
			set_views(p, op->view + 1, otherwise, RUN_STEP_SKIPPED);
	} else if (cursor->chosen) {
		op->round++;
		view->round = op->round;
		view->state = RUN_STEP_ACTIVE;
		view->progress = (double)(op->round - 1) / op->step->times;
		set_views(p, op->view + 1, otherwise, RUN_STEP_TODO);
	} else {
		if (!op->round)
			set_views(p, op->view + 1, otherwise, RUN_STEP_SKIPPED);
		op->round = 0;
		view_done(view);
	}
	cursor->at = cursor->chosen ? cursor->at + 1 : op->otherwise;
	cursor->chosen = false;
}

static void leave_step(struct program *p, struct program_cursor *cursor)
{
	const struct op *op = &p->ops[cursor->at];

	if (op->kind == OP_CHOOSE) {
		leave_choice(p, cursor);
		return;
	}
	view_done(&p->views[op->view]);
	/* A branch's time is that of its parallel, as all pass at once. */
	if (!cursor->branch)
		p->done_s += op->step->duration_s;
	cursor->at = op->kind == OP_PARALLEL ? op->otherwise : cursor->at + 1;
}

/* The last round of a repeat does not wait for the end of its period. */
static bool passed_over(const struct program *p, const struct op *op)
{
	const struct run_step_view *repeat = &p->views[p->ops[op->begin].view];

	return op->step->verb == PROTOCOL_PERIOD && repeat->round == repeat->rounds;
}

struct program_cursor program_begin(const struct program *p)
{
	return (struct program_cursor){ .end = p->op_count };
}

struct program_cursor program_branch(const struct program *p, const struct program_cursor *cursor,
				     size_t branch)
{
	size_t at = cursor->at + 1;

	while (branch--)
		at = p->ops[at].otherwise;
	return (struct program_cursor){ .at = at, .end = p->ops[at].otherwise, .branch = &p->ops[at] };
}

bool program_next(struct program *p, struct program_cursor *cursor)
{
	if (cursor->begun && cursor->at < cursor->end)
		leave_step(p, cursor);
	cursor->begun = true;
	while (cursor->at < cursor->end) {
		struct op *op = &p->ops[cursor->at];
		const struct run_step_view *repeat;
		size_t again;

		switch (op->kind) {
		case OP_DO:
			if (passed_over(p, op)) {
				view_done(&p->views[op->view]);
				cursor->at++;
				break;
			}
			p->views[op->view].state = RUN_STEP_ACTIVE;
			return true;
		case OP_BRANCH:
			p->views[op->view].state = RUN_STEP_ACTIVE;
			cursor->at++;
			break;
		case OP_CHOOSE:
		case OP_PARALLEL:
			p->views[op->view].state = RUN_STEP_ACTIVE;
			return true;
		case OP_JUMP:
			cursor->at = op->begin;
			break;
		case OP_REPEAT:
			again = find_again(p, cursor->at);
			if (!op->step->times || again == cursor->at + 1) {
				view_done(&p->views[op->view]);
				cursor->at = again + 1;
				break;
			}
			op->begin_ns = 0;
			begin_round(p, cursor->at, p->ops[again].view);
			cursor->at++;
			break;
		case OP_AGAIN:
			repeat = &p->views[p->ops[op->begin].view];
			if (repeat->round < repeat->rounds) {
				begin_round(p, op->begin, op->view);
				cursor->at = op->begin + 1;
			} else {
				view_done(&p->views[p->ops[op->begin].view]);
				cursor->at++;
			}
			break;
		}
	}
	if (cursor->branch)
		view_done(&p->views[cursor->branch->view]);
	return false;
}

unsigned int program_round(const struct program *p, const struct program_cursor *cursor)
{
	return p->ops[cursor->at].round;
}

void program_choose(struct program *p, struct program_cursor *cursor, bool holds)
{
	const struct protocol_step *step = p->ops[cursor->at].step;

	cursor->chosen = holds;
	if (step->verb == PROTOCOL_WHILE && holds) {
		add_net(p, step->steps, step->step_count, 1);
	} else if (step->verb == PROTOCOL_IF && !holds) {
		add_net(p, step->steps, step->step_count, -1);
		add_net(p, step->others, step->other_count, 1);
	}
}

void program_stamp(struct program *p, uint64_t now_ns)
{
	for (size_t i = 0; p->periods && i < p->op_count; i++) {
		struct op *op = &p->ops[i];

		if (op->kind == OP_REPEAT && op->step->period_s > 0 && !op->begin_ns &&
		    p->views[op->view].state == RUN_STEP_ACTIVE)
			op->begin_ns = now_ns;
	}
}

void program_shift(struct program *p, uint64_t paused_ns)
{
	for (size_t i = 0; p->periods && i < p->op_count; i++)
		if (p->ops[i].begin_ns)
			p->ops[i].begin_ns += paused_ns;
}

uint64_t program_period_end_ns(const struct program *p, const struct program_cursor *cursor)
{
	const struct op *repeat = &p->ops[p->ops[cursor->at].begin];

	return repeat->begin_ns +
	       (uint64_t)(p->views[repeat->view].round * repeat->step->period_s * 1e9);
}

const struct protocol_step *program_step(const struct program *p, const struct program_cursor *cursor)
{
	return cursor->begun && cursor->at < cursor->end ? p->ops[cursor->at].step : NULL;
}

double program_done_s(const struct program *p)
{
	return p->done_s;
}

double program_net_m3(const struct program *p, size_t channel)
{
	return p->net_m3[channel];
}

struct run_step_view *program_views(struct program *p, size_t *count)
{
	*count = p->view_count;
	return p->views;
}

size_t program_active(const struct program *p, const struct program_cursor *cursor)
{
	return program_step(p, cursor) ? p->ops[cursor->at].view : p->view_count;
}

void program_abandon(struct program *p)
{
	for (size_t i = 0; i < p->view_count; i++)
		if (p->views[i].state == RUN_STEP_TODO)
			p->views[i].state = RUN_STEP_SKIPPED;
}
