// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The volume of a step by a balance: dispense, weigh, enter. ISO 8655-6, Z
 * factor: V = m / rho_w (1 - rho_a / rho_b) / (1 - rho_a / rho_w).
 */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calibrate.h"
#include "identify.h"
#include "verbs.h"

#define AIR_KG_M3	1.2	/* at 20 degC and 101 kPa */
#define WEIGHT_KG_M3	8000.0	/* what balances are adjusted with */
#define IPA_KG_M3	785.1	/* at 20 degC; CRC Handbook */
#define ROOM_DEGC	20.0	/* where no sensor tells */
#define DRAIN_S		10.0	/* until what is held back has flowed out */
#define SHARE_OFF_MOST	0.1	/* more is no tolerance of a syringe */
/* Before the balance is tared the play of the screw is taken up. */
#define TAKE_UP_STEPS	(2 * IDENTIFY_BACKLASH_STEPS)

/* Of water without air. Tanaka et al., Metrologia 38 (2001) 301; 1e-6 of it from 0 to 40 degC. */
static double water_kg_m3(double degc)
{
	double a = degc - 3.983035;

	return 999.974950 * (1 - a * a * (degc + 301.797) / (522528.9 * (degc + 69.34881)));
}

static int find_density(const struct calibrate *calibrate, double *kg_m3)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	int32_t mdegc = view->status.temperature_mdegc;
	char *error = NULL;
	int status;

	*kg_m3 = calibrate->by_hand.medium == NANODOSE_MEDIUM_IPA ? IPA_KG_M3 :
		 water_kg_m3(mdegc == NANODOSE_NO_VALUE_S32 ? ROOM_DEGC : mdegc / 1000.0);
	if (!calibrate->by_hand.density)
		return 0;
	if (!nanodose_quantity_parse(calibrate->by_hand.density, NANODOSE_DIMENSION_MASS_CONCENTRATION, kg_m3, &error)) {
		if (*kg_m3 > 500 && *kg_m3 < 3000)
			return 0;
		return verb_usage_error("calibrate", "--density %s: should be that of a liquid, 0.5 g/mL to 3 g/mL",
					calibrate->by_hand.density);
	}
	status = verb_usage_error("calibrate", "--density %s", error);
	free(error);
	return status;
}

static double clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static void drain(struct calibrate *calibrate)
{
	double until_s = clock_s() + DRAIN_S;

	while (clock_s() < until_s && !calibrate->by_hand.stops.stopped)
		if (!by_hand_turn(&calibrate->by_hand, calibrate->jog))
			break;
}

/* A mass, asked for until it is one. False: there was no answer. */
static bool read_mass(struct calibrate *calibrate, double *kg)
{
	char line[128], *error = NULL;

	for (;;) {
		fputs("What does the balance say? ", stderr);
		if (!by_hand_read_line(&calibrate->by_hand, calibrate->jog, line, sizeof(line))) {
			fputs("\nnanodose calibrate: no mass was told; nothing is kept\n", stderr);
			return false;
		}
		if (!nanodose_quantity_parse(line, NANODOSE_DIMENSION_MASS, kg, &error) && *kg > 0)
			return true;
		fprintf(stderr, "%s\n", error ? error : "A mass is above 0, such as \"1.002 g\".");
		free(error);
		error = NULL;
	}
}

static int keep(struct calibrate *calibrate, double stepped_m3, double weighed_m3)
{
	double share = weighed_m3 / stepped_m3;
	struct json_object *object;
	char *error, text[40];

	if (fabs(share - 1) > SHARE_OFF_MOST) {
		fprintf(stderr, "nanodose calibrate: the balance saw %.1f %% of what was stepped: more than %.0f %% off is no tolerance; look at the syringe's name, the pitch of the screw, the microsteps, and for drops left behind. Nothing is kept\n",
			100 * share, 100 * SHARE_OFF_MOST);
		return NANODOSE_EXIT_FAULT;
	}
	if (calibration_save_weighing(&calibrate->key, share, &error) < 0) {
		fprintf(stderr, "nanodose calibrate: %s\n", error ? error : "out of memory");
		free(error);
		return NANODOSE_EXIT_FAULT;
	}
	if (calibrate->by_hand.json) {
		object = json_object_new_object();
		json_object_object_add(object, "pump", json_object_new_string(calibrate->key.pump));
		json_object_object_add(object, "syringe", json_object_new_string(calibrate->key.syringe));
		json_object_object_add(object, "stepped_ul", json_object_new_double(stepped_m3 * 1e9));
		json_object_object_add(object, "weighed_ul", json_object_new_double(weighed_m3 * 1e9));
		json_object_object_add(object, "volume_per_step_share", json_object_new_double(share));
		puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
		json_object_put(object);
	} else {
		nanodose_quantity_format(weighed_m3, NANODOSE_DIMENSION_VOLUME, text, sizeof(text));
		printf("%s, %s: weighed %s, a step moves %.4f of what bore and way say\n", calibrate->key.pump,
		       calibrate->key.syringe, text, share);
	}
	return verb_output_done("calibrate") ? NANODOSE_EXIT_FAULT : NANODOSE_EXIT_DONE;
}

int calibrate_by_weight(struct calibrate *calibrate)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	char volume[40], take_up[40], question[300];
	double density_kg_m3, kg, stepped_m3;
	int status = find_density(calibrate, &density_kg_m3);

	if (status)
		return status;
	stepped_m3 = llround(calibrate->volume_m3 / view->step_m3) * view->step_m3;
	nanodose_quantity_format(stepped_m3, NANODOSE_DIMENSION_VOLUME, volume, sizeof(volume));
	nanodose_quantity_format(TAKE_UP_STEPS * view->step_m3, NANODOSE_DIMENSION_VOLUME, take_up, sizeof(take_up));
	snprintf(question, sizeof(question),
		 "%s pushes %s out, to take up the play, and then %s to be weighed. Is the line filled, and a vessel under its end?",
		 view->name, take_up, volume);
	if (!calibrate_agreed(calibrate, question))
		return NANODOSE_EXIT_REFUSED;
	status = calibrate_move(calibrate, TAKE_UP_STEPS * view->step_m3);
	if (!status)
		drain(calibrate);
	if (!status && !calibrate_agreed(calibrate, "Wipe off the drop, put the vessel on the balance, tare it, put it back. Done?"))
		return NANODOSE_EXIT_OPERATOR;
	if (!status)
		status = calibrate_move(calibrate, stepped_m3);
	if (status)
		return status;
	drain(calibrate);
	if (calibrate->by_hand.stops.stopped) {
		fputs("nanodose calibrate: stopped; nothing is kept\n", stderr);
		return NANODOSE_EXIT_OPERATOR;
	}
	if (!read_mass(calibrate, &kg))
		return NANODOSE_EXIT_OPERATOR;
	return keep(calibrate, stepped_m3,
		    kg / density_kg_m3 * (1 - AIR_KG_M3 / WEIGHT_KG_M3) / (1 - AIR_KG_M3 / density_kg_m3));
}
