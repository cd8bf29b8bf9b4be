// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose prime: fills a line by hand, until it is clear of air. */
#include <getopt.h>

#include "by_hand.h"
#include "verbs.h"

static const char help[] =
	"  DEVICE          device name, path or label, as \"nanodose list\" shows them\n"
	"  MOST            at most so much: of the plunger \"5 mm\", or of liquid, with\n"
	"                  --syringe, \"100 uL\". With a flow sensor it ends once that has\n"
	"                  seen no air for a second; without one all of it is given\n"
	BY_HAND_HELP;

static int prime(struct by_hand *by_hand, struct jog *jog, const char *most)
{
	int64_t steps, rate_nhz;
	int status = by_hand_steps(by_hand, jog, most, &steps);

	if (!status)
		status = by_hand_rate(by_hand, jog, JOG_SPEED_M_S, &rate_nhz);
	if (status)
		return status;
	return by_hand_finish(by_hand, jog, jog_prime(jog, steps, rate_nhz));
}

int verb_prime(int argc, char **argv)
{
	struct by_hand by_hand = { .verb = "prime" };
	int result = by_hand_parse(&by_hand, argc, argv, "");
	enum nanodose_exit status;
	struct jog *jog;

	if (result)
		return result < 0 ? verb_help("prime", help) : result;
	if (argc - optind != 1)
		return verb_usage_error("prime", "it takes one pump and the most it may give, such as \"5 mm\" in quotes");
	jog = by_hand_open(&by_hand, &status);
	if (!jog)
		return status;
	result = prime(&by_hand, jog, argv[optind]);
	by_hand_close(&by_hand, jog);
	return result;
}
