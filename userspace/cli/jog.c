// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose jog: moves one pump by hand, so far or by the keys of a screen. */
#include <getopt.h>
#include <unistd.h>

#include "by_hand.h"
#include "jog_screen.h"
#include "verbs.h"

static const char help[] =
	"  DEVICE          device name, path or label, as \"nanodose list\" shows them\n"
	"  WAY             how far: of the plunger \"0.5 mm\", steps \"1600 steps\", or with\n"
	"                  --syringe liquid \"10 uL\". Without it, on a terminal, a screen\n"
	"                  whose keys infuse, withdraw, prime and home\n"
	"  --withdraw      the other way; else it infuses\n"
	BY_HAND_HELP;

static int on_screen(struct by_hand *by_hand, struct jog *jog)
{
	int64_t rate_nhz;
	int status = by_hand_rate(by_hand, jog, JOG_SPEED_M_S, &rate_nhz);

	return status ? status : (int)jog_screen(jog, &by_hand->stops, rate_nhz);
}

static int so_far(struct by_hand *by_hand, struct jog *jog, const char *way)
{
	int64_t steps, rate_nhz;
	int status = by_hand_steps(by_hand, jog, way, &steps);

	if (!status)
		status = by_hand_rate(by_hand, jog, JOG_SPEED_M_S, &rate_nhz);
	if (status)
		return status;
	return by_hand_finish(by_hand, jog, jog_move(jog, by_hand->withdraw ? -steps : steps, rate_nhz));
}

int verb_jog(int argc, char **argv)
{
	struct by_hand by_hand = { .verb = "jog" };
	int result = by_hand_parse(&by_hand, argc, argv, "w");
	enum nanodose_exit status;
	struct jog *jog;

	if (result)
		return result < 0 ? verb_help("jog", help) : result;
	if (argc - optind > 1)
		return verb_usage_error("jog", "it takes one pump and one way, such as \"0.5 mm\" in quotes");
	if (optind == argc && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return verb_usage_error("jog", "say how far, such as \"0.5 mm\": the keys need a terminal");
	jog = by_hand_open(&by_hand, &status);
	if (!jog)
		return status;
	result = optind < argc ? so_far(&by_hand, jog, argv[optind]) : on_screen(&by_hand, jog);
	by_hand_close(&by_hand, jog);
	return result;
}
