/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A protocol's steps as a list to walk through, repeats, choices and branches
 * included. Pure: knows the order, not the time. A cursor is where somebody is
 * in it; each branch of a parallel has its own.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "protocol.h"
#include "runner.h"

struct program;
struct op;

struct program_cursor {
	size_t at, end;
	bool begun;
	bool chosen;		/* for the choice that is the present step */
	const struct op *branch;	/* NULL: the whole program */
};

/* NULL with errno ENOMEM. The protocol must outlive it. */
struct program *program_new(const struct protocol *protocol);
/* The same of other steps of it. */
struct program *program_new_steps(const struct protocol *protocol, const struct protocol_step *steps,
				  size_t count);
void program_free(struct program *program);
struct program_cursor program_begin(const struct program *program);
/* The present step is a parallel: before the first step of one of its branches. */
struct program_cursor program_branch(const struct program *program,
				     const struct program_cursor *cursor, size_t branch);
/* The present step is done: on to the next, at first to the first. False: all done. */
bool program_next(struct program *program, struct program_cursor *cursor);
/*
 * The present step is an if or a while: whether its condition holds, before
 * program_next(). program_round(): rounds of a while that were chosen before.
 */
void program_choose(struct program *program, struct program_cursor *cursor, bool holds);
unsigned int program_round(const struct program *program, const struct program_cursor *cursor);
/* Repeats with a period that have just begun: begun now; and after a pause later. */
void program_stamp(struct program *program, uint64_t now_ns);
void program_shift(struct program *program, uint64_t paused_ns);
/* The present step is the end of a period: when that is. */
uint64_t program_period_end_ns(const struct program *program, const struct program_cursor *cursor);
/* The present step, never a repeat; NULL before the first and after the last. */
const struct protocol_step *program_step(const struct program *program,
					 const struct program_cursor *cursor);
/* Planned seconds of all steps done, each round of a repeat counted. */
double program_done_s(const struct program *program);
/* Infused less withdrawn by the whole protocol, as far as its choices are known, m3. */
double program_net_m3(const struct program *program, size_t channel);
/* What a front sees of the steps; states and rounds are kept up to date. */
struct run_step_view *program_views(struct program *program, size_t *count);
/* Index of the present step in the views; their count when there is none. */
size_t program_active(const struct program *program, const struct program_cursor *cursor);
/* The run is over before its end: what was not reached is skipped. */
void program_abandon(struct program *program);

#endif /* PROGRAM_H */
