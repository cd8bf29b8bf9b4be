// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "program.h"

enum op_kind { OP_DO, OP_REPEAT, OP_AGAIN };

struct op {
	enum op_kind kind;
	const struct protocol_step *step;
	size_t view;		/* AGAIN: the view after the last inside */
	size_t begin;		/* AGAIN: its REPEAT */
};

struct program {
	struct op *ops;
	size_t op_count;
	size_t at;
	bool begun;
	struct run_step_view *views;
	size_t view_count;
	double *net_m3;
	double done_s;
};

static void count_steps(const struct protocol_step *steps, size_t count, size_t *ops, size_t *views)
{
	for (size_t i = 0; i < count; i++) {
		++*views;
		++*ops;
		if (steps[i].verb == PROTOCOL_REPEAT) {
			++*ops;
			count_steps(steps[i].steps, steps[i].step_count, ops, views);
		}
	}
}

static void add_steps(struct program *p, const struct protocol_step *steps, size_t count,
		      int depth, double times)
{
	for (size_t i = 0; i < count; i++) {
		const struct protocol_step *step = &steps[i];
		struct run_step_view *view = &p->views[p->view_count];
		struct op *op = &p->ops[p->op_count];
		size_t begin = p->op_count++;

		op->step = step;
		op->view = p->view_count++;
		view->text = step->text;
		view->depth = depth;
		view->line = step->at.line;
		if (step->verb != PROTOCOL_REPEAT) {
			op->kind = OP_DO;
			for (size_t f = 0; f < step->flow_count; f++)
				p->net_m3[step->flows[f].channel] +=
					(step->verb == PROTOCOL_WITHDRAW ? -times : times) *
					step->flows[f].volume_m3;
			continue;
		}
		op->kind = OP_REPEAT;
		view->rounds = step->times;
		add_steps(p, step->steps, step->step_count, depth + 1, times * step->times);
		p->ops[p->op_count++] = (struct op){
			.kind = OP_AGAIN, .step = step, .view = p->view_count, .begin = begin,
		};
	}
}

struct program *program_new(const struct protocol *protocol)
{
	struct program *p = calloc(1, sizeof(*p));
	size_t ops = 0, views = 0;

	if (!p)
		return NULL;
	count_steps(protocol->steps, protocol->step_count, &ops, &views);
	p->ops = calloc(ops + 1, sizeof(*p->ops));
	p->views = calloc(views + 1, sizeof(*p->views));
	p->net_m3 = calloc(protocol->channel_count + 1, sizeof(*p->net_m3));
	if (!p->ops || !p->views || !p->net_m3) {
		program_free(p);
		return NULL;
	}
	add_steps(p, protocol->steps, protocol->step_count, 0, 1);
	return p;
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

static void begin_round(struct program *p, size_t begin, size_t views_end)
{
	struct run_step_view *repeat = &p->views[p->ops[begin].view];

	repeat->state = RUN_STEP_ACTIVE;
	repeat->round++;
	repeat->progress = (double)(repeat->round - 1) / repeat->rounds;
	for (size_t i = p->ops[begin].view + 1; i < views_end; i++) {
		p->views[i].state = RUN_STEP_TODO;
		p->views[i].progress = 0;
		p->views[i].round = 0;
	}
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

bool program_next(struct program *p)
{
	if (p->begun && p->at < p->op_count) {
		view_done(&p->views[p->ops[p->at].view]);
		p->done_s += p->ops[p->at].step->duration_s;
		p->at++;
	}
	p->begun = true;
	while (p->at < p->op_count) {
		const struct op *op = &p->ops[p->at];
		const struct run_step_view *repeat;
		size_t again;

		switch (op->kind) {
		case OP_DO:
			p->views[op->view].state = RUN_STEP_ACTIVE;
			return true;
		case OP_REPEAT:
			again = find_again(p, p->at);
			if (!op->step->times || again == p->at + 1) {
				view_done(&p->views[op->view]);
				p->at = again + 1;
				break;
			}
			begin_round(p, p->at, p->ops[again].view);
			p->at++;
			break;
		case OP_AGAIN:
			repeat = &p->views[p->ops[op->begin].view];
			if (repeat->round < repeat->rounds) {
				begin_round(p, op->begin, op->view);
				p->at = op->begin + 1;
			} else {
				view_done(&p->views[p->ops[op->begin].view]);
				p->at++;
			}
			break;
		}
	}
	return false;
}

const struct protocol_step *program_step(const struct program *p)
{
	return p->begun && p->at < p->op_count ? p->ops[p->at].step : NULL;
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

size_t program_active(const struct program *p)
{
	return program_step(p) ? p->ops[p->at].view : p->view_count;
}

void program_abandon(struct program *p)
{
	for (size_t i = 0; i < p->view_count; i++)
		if (p->views[i].state == RUN_STEP_TODO)
			p->views[i].state = RUN_STEP_SKIPPED;
}
