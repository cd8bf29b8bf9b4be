/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steps, by family; each verb is a line in the table of steps.c.
 *
 *	steps		- the list, and what all verbs share
 *	steps_flow	- infuse, withdraw, mix
 *	steps_curve	- ramp, gradient, profile: rates that change on the way
 *	steps_train	- pulse, agitate, prime, flush, park: made of the others
 *	steps_wait	- hold, wait
 *	steps_notify	- notify: a line to another program
 *	steps_loop	- repeat, every, while, if, parallel
 *	steps_call	- call: steps of another file
 *
 * A loader of a verb fills in @step and returns true, or reports and returns
 * false; the step is then cleared.
 */
#ifndef STEPS_H
#define STEPS_H

#include "expression.h"
#include "loader.h"

/* Volume, rate and duration of a step, two of them given and one worked out. */
struct amounts {
	const struct node *volume, *rate, *duration;	/* NULL: not given */
	const struct node *dose;			/* instead of the volume */
	char *volume_text, *rate_text, *duration_text;
	double volume_m3, rate_m3_s, duration_s;
};

/* Shares of channels in a mix, as read; they add up to 1. */
struct ratio {
	long channel[LOADER_MAX_CHANNELS];
	double part[LOADER_MAX_CHANNELS];
	size_t count;
	char names[200], parts[100];	/* "aqueous:lipid", "3:1" */
};

typedef bool step_loader(struct loader *loader, const struct node *node,
			 struct protocol_step *step, int depth);

/* steps.c */
bool steps_load_list(struct loader *loader, const struct node *node, const char *key, int depth,
		     struct protocol_step **steps, size_t *count);
/* A rate that a step asks of a channel: against its limit, and for the peak. */
void steps_note_rate(struct loader *loader, const struct protocol_flow *flow, const char *like);
/* The channel that @name, written at @at, means; -1 is reported. */
long steps_use_channel(struct loader *loader, const char *name, struct source_position at);
/* What the key "channel" of a step names; -1 is reported. */
long steps_channel(struct loader *loader, const struct node *node, const char *verb,
		   struct source_position at);
/* After an error from which neither levels nor use of channels can be told. */
void steps_unknown(struct loader *loader);

/* steps_flow.c */
bool amounts_read(struct loader *loader, struct amounts *amounts, const char *rate_key);
bool amounts_complete(struct loader *loader, struct amounts *amounts, struct source_position at);
void amounts_free(struct amounts *amounts);
/* One flow of infuse or withdraw, text included. */
bool steps_single_flow(struct loader *loader, struct protocol_step *step, const char *verb,
		       size_t channel, struct amounts *amounts);
/* @zero: a share may be nothing, as long as not all are. */
bool ratio_load(struct loader *loader, const struct node *node, const char *key, bool zero,
		struct ratio *ratio);

/* steps_loop.c */
/* False, and reported, where steps would be nested too deep. */
bool steps_deep_enough(struct loader *loader, const struct protocol_step *step, int depth);
/* A whole number of rounds. */
bool steps_count(struct loader *loader, const struct node *node, const char *key,
		 unsigned int *count);
/*
 * The end of a round's period as the last of @step's steps, for which there
 * is space. Steps that take longer are reported at @at.
 */
bool steps_add_period(struct loader *loader, struct protocol_step *step,
		      struct source_position at);

/* steps_wait.c */
/* A place for a condition, and what one means there that never changes. */
struct condition_place {
	const char *key;
	enum expression_change least;	/* what it has to hang on */
	const char *always[2];		/* false, true */
};
/* Whether @node is an expression that yields a truth while the run goes on; else reported. */
bool steps_condition(struct loader *loader, const struct node *node, const struct condition_place *place);

step_loader load_infuse, load_withdraw, load_mix, load_ramp, load_gradient, load_profile, load_pulse,
	load_agitate, load_prime, load_flush, load_park, load_hold, load_wait, load_repeat, load_every,
	load_while, load_if, load_parallel, load_call, load_notify;

#endif /* STEPS_H */
