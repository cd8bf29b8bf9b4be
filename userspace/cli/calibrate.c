// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose calibrate: finds out what a rig is, so that its runs begin with that. */
#include "calibrate.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "identify.h"
#include "verbs.h"

#define SENSOR_SHARE	0.1	/* of its full scale: seen well, and gentle */
#define WEIGH_SHARE	0.2	/* of the syringe */

static const char help[] =
	"  DEVICE           device name, path or label, as \"nanodose list\" shows them\n"
	"  --syringe NAME   what is mounted, unless the configuration says it\n"
	"  --fluid FLUID    what the flow sensor is set to, water or ipa (water)\n"
	"  --name NAME      what protocols call the liquid, if it is neither\n"
	"  --volume VOLUME  to push out: \"20 uL\"; what 10 s of the rate give, up to\n"
	"                   four times that until the flow shows\n"
	"  --rate RATE      of liquid \"100 uL/min\", of the plunger \"0.1 mm/s\" (that,\n"
	"                   and at most a tenth of what the sensor can measure)\n"
	"  --weigh          volume of a step by balance; of a fifth of the syringe\n"
	"  --density D      \"1.02 g/mL\", of a weighed liquid that is none of these\n"
	"  --yes            do not ask first; the mass is read from standard input\n"
	"  --clear          clear latched faults first\n"
	"  --json           the result as one object\n"
	"\nIt pushes a little out, draws a quarter of it back and pushes that out again.\n"
	"What it finds of pump, syringe, sensor and fluid is kept; runs begin with it.\n";

bool calibrate_agreed(struct calibrate *calibrate, const char *question)
{
	char answer[16] = "";

	if (calibrate->by_hand.yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "nanodose calibrate: somebody has to say yes to this; --yes says it: %s\n", question);
		return false;
	}
	fprintf(stderr, "%s [y/n] ", question);
	if (by_hand_read_line(&calibrate->by_hand, calibrate->jog, answer, sizeof(answer)) &&
	    (!strcasecmp(answer, "y") || !strcasecmp(answer, "yes")))
		return true;
	fputs("nanodose calibrate: no yes, so it ends here; nothing is kept\n", stderr);
	return false;
}

enum nanodose_exit calibrate_move(struct calibrate *calibrate, double volume_m3)
{
	const struct jog_view *view = jog_view(calibrate->jog);

	if (jog_move(calibrate->jog, llround(volume_m3 / view->step_m3), calibrate->rate_nhz))
		by_hand_wait(&calibrate->by_hand, calibrate->jog);
	if (view->result)
		fprintf(stderr, "nanodose calibrate: %s\n", view->message);
	return view->result;
}

static int find_volume(struct calibrate *calibrate)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	double most_m3 = view->syringe->volume_m3;
	char *error = NULL;

	calibrate->volume_m3 = calibrate->by_hand.weigh ? WEIGH_SHARE * most_m3 :
			       calibrate->rate_nhz * 1e-9 * view->step_m3 * IDENTIFY_PUSH_S;
	if (!calibrate->by_hand.volume)
		return 0;
	if (nanodose_quantity_parse(calibrate->by_hand.volume, NANODOSE_DIMENSION_VOLUME, &calibrate->volume_m3, &error)) {
		int status = verb_usage_error("calibrate", "--volume %s", error);

		free(error);
		return status;
	}
	if (calibrate->volume_m3 < 100 * view->step_m3 || calibrate->volume_m3 > most_m3)
		return verb_usage_error("calibrate", "--volume %s: should be at least 100 steps, %.3g uL, and at most the syringe, %.6g mL",
					calibrate->by_hand.volume, 100e9 * view->step_m3, most_m3 * 1e6);
	return 0;
}

static int prepare(struct calibrate *calibrate)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	double speed_m_s = JOG_SPEED_M_S, seen_m_s;
	int status;

	if (!view->syringe)
		return verb_usage_error("calibrate", "name the --syringe that is mounted: all it finds out is of that one");
	if (!calibrate->by_hand.weigh && !(view->info.features & NANODOSE_FEATURE_FLOW)) {
		fprintf(stderr, "nanodose calibrate: %s has no flow sensor that could tell what the rig is; --weigh finds the volume of a step by a balance\n",
			view->name);
		return NANODOSE_EXIT_REFUSED;
	}
	if (!calibrate->by_hand.weigh) {
		seen_m_s = SENSOR_SHARE * view->info.sensor_full_scale_pl_min * 1e-15 / 60 / view->step_m3 * view->step_m;
		speed_m_s = fmin(speed_m_s, seen_m_s);
	}
	status = by_hand_rate(&calibrate->by_hand, calibrate->jog, speed_m_s, &calibrate->rate_nhz);
	if (status)
		return status;
	calibration_key(&calibrate->key, &view->info, view->syringe,
			calibrate->by_hand.name ? calibrate->by_hand.name :
			calibrate->by_hand.medium == NANODOSE_MEDIUM_IPA ? "ipa" : "water");
	return find_volume(calibrate);
}

int verb_calibrate(int argc, char **argv)
{
	struct calibrate calibrate = { .by_hand.verb = "calibrate" };
	int result = by_hand_parse(&calibrate.by_hand, argc, argv, "yvgdn");
	enum nanodose_exit status;

	if (result)
		return result < 0 ? verb_help("calibrate", help) : result;
	if (optind < argc)
		return verb_usage_error("calibrate", "it takes one pump");
	if (calibrate.by_hand.name && calibrate.by_hand.weigh)
		return verb_usage_error("calibrate", "--name is of no use with --weigh: a step moves as much of any liquid");
	if (calibrate.by_hand.density && !calibrate.by_hand.weigh)
		return verb_usage_error("calibrate", "--density belongs to --weigh");
	calibrate.jog = by_hand_open(&calibrate.by_hand, &status);
	if (!calibrate.jog)
		return status;
	result = prepare(&calibrate);
	if (!result)
		result = calibrate.by_hand.weigh ? calibrate_by_weight(&calibrate) : calibrate_by_sensors(&calibrate);
	by_hand_close(&calibrate.by_hand, calibrate.jog);
	return result;
}
