// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is known of the rigs from before the run, and what the run adds to it: a
 * rig that has changed is told, one that has not is known better from then on.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "past.h"
#include "run.h"

#define CHANGED		1.3	/* times as much, or as little: more than a day's difference */
#define CHANGED_IN_RUN	1.5	/* what a run finds out on the way is no calibration */
#define GAIN_CHANGED	1.1
#define DEVIATIONS	4	/* and more than can be doubted */
#define DAY_ERROR	0.01	/* share by which a rig differs from one day to the next */

static struct calibration_key key_of(const struct channel *c)
{
	struct calibration_key key;

	calibration_key(&key, &c->info, c->plan->syringe, c->plan->fluid);
	return key;
}

static const char *day(int64_t utc_ns, char text[32])
{
	time_t seconds = utc_ns / 1000000000;
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(text, 32, "%Y-%m-%d", &local);
	return text;
}

static void describe(struct channel *c)
{
	const struct control_model *model = &c->calibration.model;
	char date[32], tau[40];

	if (c->weighing.share > 0)
		day(c->weighing.utc_ns, c->weighed_text);
	if (!(model->tau_s > 0))
		return;
	nanodose_quantity_format(model->tau_s, NANODOSE_DIMENSION_TIME, tau, sizeof(tau));
	snprintf(c->calibrated_text, sizeof(c->calibrated_text), "%s %s: time constant %s, sensor's gain %.3f%s",
		 c->calibration.by_run ? "calibration as refined by a run on" : "calibration of",
		 day(c->calibration.utc_ns, date), tau, model->gain,
		 model->taken_up ? "; the play of its screw is taken up" : "");
}

/* If nothing has turned it since it was left so. */
static int load_screw(struct channel *c, const struct calibration_key *key, char **error)
{
	struct calibration_screw screw;
	struct nanodose_status status;
	int found = calibration_load_screw(key, &screw, error);
	char boot_id[sizeof(screw.boot_id)];

	if (found == 1 && !nanodose_device_status(c->device, &status) && status.position == screw.position &&
	    !record_boot_id(boot_id, sizeof(boot_id)) && !strcmp(boot_id, screw.boot_id))
		c->calibration.model.taken_up = screw.taken_up;
	return found;
}

static bool load(struct channel *c)
{
	const struct calibration_key key = key_of(c);
	char *error;

	if (calibration_load_weighing(&key, &c->weighing, &error) >= 0 &&
	    (!(c->info.features & NANODOSE_FEATURE_FLOW) ||
	     (calibration_load(&key, &c->calibration, &error) >= 0 && load_screw(c, &key, &error) >= 0)))
		return true;
	fprintf(stderr, "nanodose: %s\n", error ? error : "out of memory");
	free(error);
	return false;
}

/*
 * What is kept goes by bore and way, as calibrate steps; a run steps by what was
 * weighed: so many times as much volume moves. @share: or its inverse, to keep it.
 */
static void scale(struct control_model *model, double share)
{
	model->gain /= share;
	model->compliance_m3_pa *= share;
	model->backlash_m3 *= share;
}

bool calibrated_load(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (!load(c))
			return false;
		if (c->weighing.share > 0)
			scale(&c->calibration.model, c->weighing.share);
		/* The gain was found without the fluid's correction. */
		if (c->plan->correction.unit_m3_s > 0 && c->calibration.model.tau_s > 0) {
			c->calibration.model.gain = 1;
			c->calibration.model.gain_error = 0.05;
		}
		c->known = c->calibration.model;
		describe(c);
	}
	return true;
}

void calibrated_tell(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		const struct channel *c = &r->channels[i];

		if (*c->weighed_text)
			run_event(r, RECORD_INFO, RECORD_PROGRAM, c, 0,
				  "a step moves %.4f of what bore and way say, as weighed on %s", c->weighing.share,
				  c->weighed_text);
		if (*c->calibrated_text)
			run_event(r, RECORD_INFO, RECORD_PROGRAM, c, 0, "begins with the %s", c->calibrated_text);
	}
}

/* ---- what the run has found -------------------------------------------------------- */

/* How many times as much; 1 where that may be chance. */
static double changed(double now, double now_error, double before, double before_error, double least)
{
	double doubt = DEVIATIONS * hypot(now_error, before_error), off = fabs(log(now / before));

	return off > log(least) && off > doubt ? now / before : 1;
}

/* Of both there is a "before": the calibration, or what the run itself had found. */
static void tell(struct runner *r, const struct channel *c, double times, const char *what, const char *where)
{
	run_event(r, RECORD_WARNING, RECORD_PROGRAM, c, lanes_line(r, c),
		  "the rig has changed: %s %.2f times %s: %s", what, times,
		  c->known_by_run ? "what it was in this run before" : "what it was when it was calibrated", where);
}

/* By its pressure a bubble is told from a clog; without one they look the same. */
static bool tell_parts(struct runner *r, const struct channel *c, const struct control_model *now,
		       const struct control_model *before)
{
	double least = c->known_by_run ? CHANGED_IN_RUN : CHANGED;
	double tau = changed(now->tau_s, now->tau_error, before->tau_s, before->tau_error, least);
	double compliance, resistance;

	if (!(now->compliance_m3_pa > 0) || !(before->compliance_m3_pa > 0)) {
		if (tau != 1)
			tell(r, c, tau, "the time its flow takes to follow is",
			     tau > 1 ? "look for air in the line, a clog or a valve half closed, or calibrate anew" :
				       "look for a loose or another tube, or calibrate anew");
		return tau != 1;
	}
	compliance = changed(now->compliance_m3_pa, now->compliance_error, before->compliance_m3_pa,
			     before->compliance_error, least);
	resistance = changed(now->tau_s / now->compliance_m3_pa, now->tau_error, before->tau_s / before->compliance_m3_pa,
			     before->tau_error, least);
	if (compliance != 1)
		tell(r, c, compliance, "its compliance is",
		     compliance > 1 ? "look for an air bubble, or calibrate anew" :
				      "less air, or another tube; calibrate anew");
	if (resistance != 1)
		tell(r, c, resistance, "its resistance is",
		     resistance > 1 ? "look for a clog or a valve half closed, or calibrate anew" :
				      "look for a leak, a loose or another tube, or calibrate anew");
	return compliance != 1 || resistance != 1;
}

void calibrated_look(struct runner *r, struct channel *c)
{
	struct control_model now;

	/* once each time it has settled */
	if (!control_learned(c->control, &now)) {
		c->learned = false;
		return;
	}
	if (c->learned)
		return;
	c->learned = true;
	if (!(c->known.tau_s > 0)) {
		c->known = now;
		c->known_by_run = true;
	} else if (tell_parts(r, c, &now, &c->known)) {
		c->known = now;
		c->known_by_run = true;
	}
}

static bool same_rig(const struct control_model *now, const struct control_model *before)
{
	return changed(now->tau_s, now->tau_error, before->tau_s, before->tau_error, CHANGED) == 1 &&
	       changed(now->gain, now->gain_error, before->gain, before->gain_error, GAIN_CHANGED) == 1;
}

/* One that has changed stays as it was calibrated, until somebody does that anew. */
static void keep(struct runner *r, const struct channel *c)
{
	const struct calibration_key key = key_of(c);
	const struct control_model *before = &c->calibration.model;
	struct control_model now;
	char *error;

	if (!(before->tau_s > 0) || c->plan->correction.unit_m3_s > 0 || !control_learned(c->control, &now) ||
	    !same_rig(&now, before))
		return;
	now.tau_error = hypot(now.tau_error, DAY_ERROR);
	now.gain_error = hypot(now.gain_error, DAY_ERROR);
	now.compliance_error = hypot(now.compliance_error, DAY_ERROR);
	now.backlash_m3 = before->backlash_m3;
	if (!(now.tau_error < before->tau_error))
		return;
	if (c->weighing.share > 0)
		scale(&now, 1 / c->weighing.share);
	if (calibration_save(&key, &now, true, &error) >= 0)
		return;
	run_event(r, RECORD_WARNING, RECORD_PROGRAM, c, 0, "%s", error ? error : "out of memory");
	free(error);
}

/* Where the run leaves the play of the screw. */
static void keep_screw(struct runner *r, const struct channel *c)
{
	const struct calibration_key key = key_of(c);
	struct calibration_screw screw = { .position = c->position, .taken_up = channel_taken_up(c) };
	char *error;

	if (!(c->calibration.model.tau_s > 0) || c->gone || c->moving ||
	    record_boot_id(screw.boot_id, sizeof(screw.boot_id)) || calibration_save_screw(&key, &screw, &error) >= 0)
		return;
	run_event(r, RECORD_WARNING, RECORD_PROGRAM, c, 0, "%s", error ? error : "out of memory");
	free(error);
}

void calibrated_keep(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count && !r->options.rehearsal; i++) {
		keep_screw(r, &r->channels[i]);
		if (r->outcome == NANODOSE_EXIT_DONE)
			keep(r, &r->channels[i]);
	}
}
