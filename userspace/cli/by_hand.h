/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jog, prime, home and calibrate have in common. */
#ifndef BY_HAND_H
#define BY_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "stops.h"

struct by_hand {
	const char *verb;
	const char *device;
	const struct nanodose_syringe *syringe;	/* NULL: not named */
	uint32_t medium;
	const char *rate;	/* as given; NULL: not */
	const char *volume, *density, *name;	/* likewise */
	bool clear, json, yes, withdraw, plus, weigh;
	struct stops stops;	/* from by_hand_open() to by_hand_close() */
};

/* The help on the options that all have. */
#define BY_HAND_HELP \
	"  --syringe NAME  what is mounted, \"BD Plastipak 1 mL\", so that volumes can be\n" \
	"                  given and are told; unless the configuration says it\n" \
	"  --rate RATE     how fast: of the plunger \"0.1 mm/s\", \"320 steps/s\", or of\n" \
	"                  liquid, with --syringe, \"100 uL/min\"\n" \
	"  --fluid FLUID   water or ipa, for the flow sensor (water)\n" \
	"  --clear         clear latched faults first\n" \
	"  --json          the result as one object\n"

/*
 * by_hand_parse() - options of @letters and the arguments left, argv[optind] on
 * @letters: which of y (--yes), w (--withdraw), p (--plus), v (--volume),
 * g (--weigh), d (--density), n (--name) the verb has beside
 * 0, or the exit status after a message; -1: help was asked for.
 */
int by_hand_parse(struct by_hand *by_hand, int argc, char **argv, const char *letters);

/* The pump, ready to move. NULL: *status is set, the reason has been told. */
struct jog *by_hand_open(struct by_hand *by_hand, enum nanodose_exit *status);
void by_hand_close(struct by_hand *by_hand, struct jog *jog);
/* Both: 0, or the exit status after a message. @way: "0.5 mm", "200 steps", "10 uL" */
int by_hand_rate(const struct by_hand *by_hand, const struct jog *jog, double speed_m_s, int64_t *rate_nhz);
int by_hand_steps(const struct by_hand *by_hand, const struct jog *jog, const char *way, int64_t *steps);

/* One turn of poll(): records, keys, signals, buttons. False: the pump is gone. */
bool by_hand_turn(struct by_hand *by_hand, struct jog *jog);
/* A line from standard input, while all of these are looked after. False: none, a stop, or no pump. */
bool by_hand_read_line(struct by_hand *by_hand, struct jog *jog, char *line, int size);
/* Until the task is over, or the pump gone: keys, signals and buttons stop it. */
void by_hand_wait(struct by_hand *by_hand, struct jog *jog);

/*
 * The task to its end: told on stderr, as JSON on stdout. Returns the exit status.
 * @begun: what jog_move(), jog_prime() or jog_home() said
 */
int by_hand_finish(struct by_hand *by_hand, struct jog *jog, bool begun);

#endif /* BY_HAND_H */
