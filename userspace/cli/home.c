// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose home: finds the home switch, or the end of travel, and calls it 0. */
#include <getopt.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "by_hand.h"
#include "verbs.h"

static const char help[] =
	"  DEVICE          device name, path or label, as \"nanodose list\" shows them\n"
	"  --plus          towards the dispensed end; else towards the withdrawn one\n"
	"  --yes           do not ask first\n"
	BY_HAND_HELP
	"\nIt moves to the home switch, or without one to that at the end of travel,\n"
	"backs off it, comes back at a tenth of the rate (1 mm/s unless told otherwise)\n"
	"and calls that place 0. Take the syringe out first.\n";

static bool agreed(const struct by_hand *by_hand)
{
	char answer[16] = "";

	if (by_hand->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fputs("nanodose home: somebody has to say that the carriage may go to the end of its travel; --yes says it\n",
		      stderr);
		return false;
	}
	fprintf(stderr, "The carriage of %s goes to its %s end: may it, is the plunger free of it? [y/n] ",
		by_hand->device, by_hand->plus ? "dispensed" : "withdrawn");
	if (fgets(answer, sizeof(answer), stdin) && (!strcasecmp(answer, "y\n") || !strcasecmp(answer, "yes\n")))
		return true;
	fputs("nanodose home: nothing was moved\n", stderr);
	return false;
}

int verb_home(int argc, char **argv)
{
	struct by_hand by_hand = { .verb = "home" };
	int result = by_hand_parse(&by_hand, argc, argv, "yp");
	enum nanodose_exit status;
	int64_t rate_nhz;
	struct jog *jog;

	if (result)
		return result < 0 ? verb_help("home", help) : result;
	if (optind < argc)
		return verb_usage_error("home", "it takes one pump");
	if (!agreed(&by_hand))
		return NANODOSE_EXIT_REFUSED;
	jog = by_hand_open(&by_hand, &status);
	if (!jog)
		return status;
	result = by_hand_rate(&by_hand, jog, JOG_HOME_M_S, &rate_nhz);
	if (!result)
		result = by_hand_finish(&by_hand, jog, jog_home(jog, by_hand.plus, rate_nhz));
	by_hand_close(&by_hand, jog);
	return result;
}
