// SPDX-License-Identifier: GPL-2.0-or-later
/* What a rig is by its own sensors: the test of control/identify.h, made with a pump. */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"
#include "identify.h"
#include "past.h"
#include "verbs.h"

#define PL_MIN		(1e-15 / 60)	/* m3/s */
#define FL_PA		1e-18		/* m3/Pa */
#define UL		1e-9		/* m3 */
/* What the model may leave unexplained of what the readings tell. */
#define MISFIT_MOST	0.2
/* Further off is no sensor's error (10 % with another fluid): volume goes elsewhere, or the syringe is another. */
#define GAIN_OFF_MOST	0.25
#define SENSOR_SEES	0.02	/* of its full scale, at least */

struct test {
	struct calibrate *calibrate;
	struct identify *identify;
	int64_t origin;
	enum identify_next next;
	double volume_m3;		/* of IDENTIFY_MOVE */
	unsigned int readings;
	const char *doing;
};

static void hear(void *whom, const struct nanodose_record *record)
{
	const struct nanodose_flow_record *flow = &record->flow;
	struct test *test = whom;
	const struct jog_view *view = jog_view(test->calibrate->jog);
	struct control_sample sample = {
		.time_s = record->time_ns * 1e-9,
		.stepped_m3 = (flow->position - test->origin) * view->step_m3,
		.flow_m3_s = flow->valid & NANODOSE_VALID_FLOW ? flow->flow_pl_min * PL_MIN : NAN,
		.pressure_pa = flow->valid & NANODOSE_VALID_PRESSURE ? flow->pressure_pa : NAN,
	};

	/* A move that is due is begun before anything else is taken in. */
	if (test->next != IDENTIFY_WAIT)
		return;
	test->readings += !isnan(sample.flow_m3_s);
	test->next = identify_sample(test->identify, &sample, view->task != JOG_REST, &test->volume_m3);
}

static void tell_doing(struct test *test)
{
	const char *doing = identify_doing(test->identify);

	if (doing != test->doing)
		fprintf(stderr, "nanodose calibrate: %s\n", doing);
	test->doing = doing;
}

/* Begins what is due. False: that was refused. */
static bool begin_move(struct test *test)
{
	struct calibrate *calibrate = test->calibrate;
	const struct jog_view *view = jog_view(calibrate->jog);

	test->next = IDENTIFY_WAIT;
	return jog_move(calibrate->jog, llround(test->volume_m3 / view->step_m3), calibrate->rate_nhz);
}

static enum nanodose_exit go(struct test *test)
{
	struct calibrate *calibrate = test->calibrate;
	const struct jog_view *view = jog_view(calibrate->jog);
	bool here = true;

	while (here && test->next != IDENTIFY_DONE && !view->result && !calibrate->by_hand.stops.stopped) {
		tell_doing(test);
		here = by_hand_turn(&calibrate->by_hand, calibrate->jog);
		if (here && test->next == IDENTIFY_MOVE && view->task == JOG_REST && !begin_move(test))
			break;
	}
	by_hand_wait(&calibrate->by_hand, calibrate->jog);
	if (test->next == IDENTIFY_DONE)
		return NANODOSE_EXIT_DONE;
	fprintf(stderr, "nanodose calibrate: %s; nothing is kept\n", view->result ? view->message : "stopped");
	return view->result ? view->result : NANODOSE_EXIT_OPERATOR;
}

/* ---- what came out -------------------------------------------------------------------- */

static void quantity(char text[40], double value, enum nanodose_dimension dimension)
{
	nanodose_quantity_format(value, dimension, text, 40);
}

static void print_text(const struct calibrate *calibrate, const struct control_model *model, const struct fit *fit)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	char text[40];

	printf("%s, %s, %s, sensor %llu\n", calibrate->key.pump, calibrate->key.syringe, calibrate->key.fluid,
	       (unsigned long long)calibrate->key.sensor_serial);
	quantity(text, model->tau_s, NANODOSE_DIMENSION_TIME);
	printf("  %-14s %s +- %.2g %%: so long the flow takes to follow\n", "time constant", text, 100 * model->tau_error);
	if (model->compliance_m3_pa > 0) {
		printf("  %-14s %.4g fL/Pa +- %.2g %%: %.3g uL are held back at 1 bar\n", "compliance",
		       model->compliance_m3_pa / FL_PA, 100 * model->compliance_error, model->compliance_m3_pa * 1e5 / UL);
		printf("  %-14s %.4g Pa s/uL: %.3g mbar at 1 uL/min\n", "resistance", fit->resistance_pa_s_m3 * UL,
		       fit->resistance_pa_s_m3 * UL / 60 / 100);
	} else {
		printf("  %-14s not told without a pressure sensor\n", "compliance");
	}
	if (model->lag_s > 0) {
		quantity(text, model->lag_s, NANODOSE_DIMENSION_TIME);
		printf("  %-14s %s\n", "sensor's lag", text);
	} else {
		printf("  %-14s less than this test can tell\n", "sensor's lag");
	}
	printf("  %-14s %.4f +- %.2g %%: reading over flow\n", "sensor's gain", model->gain, 100 * model->gain_error);
	if (isnan(model->backlash_m3)) {
		printf("  %-14s not told: the rig is too soft for it\n", "backlash");
	} else if (model->backlash_m3 < view->step_m3 / 2) {
		printf("  %-14s less than a step\n", "backlash");
	} else {
		quantity(text, model->backlash_m3, NANODOSE_DIMENSION_VOLUME);
		printf("  %-14s %.0f steps, %s\n", "backlash", model->backlash_m3 / view->step_m3, text);
	}
}

static void add(struct json_object *object, const char *name, double value)
{
	json_object_object_add(object, name, isfinite(value) ? json_object_new_double(value) : NULL);
}

static void print_json(const struct calibrate *calibrate, const struct control_model *model, const struct fit *fit,
		       const char *path)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	struct json_object *object = json_object_new_object();
	bool pressure = model->compliance_m3_pa > 0;

	json_object_object_add(object, "pump", json_object_new_string(calibrate->key.pump));
	json_object_object_add(object, "syringe", json_object_new_string(calibrate->key.syringe));
	json_object_object_add(object, "sensor_serial", json_object_new_uint64(calibrate->key.sensor_serial));
	json_object_object_add(object, "fluid", json_object_new_string(calibrate->key.fluid));
	add(object, "time_constant_s", model->tau_s);
	add(object, "time_constant_error", model->tau_error);
	add(object, "compliance_fl_pa", pressure ? model->compliance_m3_pa / FL_PA : NAN);
	add(object, "compliance_error", pressure ? model->compliance_error : NAN);
	add(object, "resistance_pa_s_ul", fit->resistance_pa_s_m3 * UL);
	add(object, "sensor_lag_s", model->lag_s > 0 ? model->lag_s : NAN);
	add(object, "sensor_gain", model->gain);
	add(object, "sensor_gain_error", model->gain_error);
	add(object, "backlash_steps", model->backlash_m3 / view->step_m3);
	add(object, "misfit", fit->misfit);
	json_object_object_add(object, "file", json_object_new_string(path));
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* What the readings are, where they are not those of such a rig. */
static const char *wrong(const struct test *test, const struct control_model *model, const struct fit *fit)
{
	if (!test->readings)
		return "the flow sensor answered with errors only: check its cable and its supply";
	if (isnan(fit->tau_s) || fit->moved_m3 <= 0)
		return "the sensors saw no flow that follows the steps: look for a clog, a closed valve or a leak, or push more with --volume";
	if (fit->misfit > MISFIT_MOST)
		return "the flow does not follow the steps as that of a syringe and a tube would: look for air, a clog, a leak or a loose plunger";
	if (model->gain < 1 - GAIN_OFF_MOST)
		return "the sensor saw far less than was pushed: look for a leak before it, and whether syringe and fluid are those named";
	if (model->gain > 1 + GAIN_OFF_MOST)
		return "the sensor saw far more than was pushed: look whether syringe and fluid are those named, and for a siphon";
	return NULL;
}

/* Where the test has left the play of the screw, for the run after it. */
static int keep_screw(const struct calibrate *calibrate, int taken_up, char **error)
{
	struct calibration_screw screw = {
		.position = jog_view(calibrate->jog)->status.position, .taken_up = taken_up,
	};

	*error = NULL;
	if (record_boot_id(screw.boot_id, sizeof(screw.boot_id)))
		return 0;
	return calibration_save_screw(&calibrate->key, &screw, error);
}

static int keep(struct test *test)
{
	struct calibrate *calibrate = test->calibrate;
	struct control_model model;
	char *error, *path;
	const char *why;
	struct fit fit;

	identify_result(test->identify, &model, &fit);
	why = wrong(test, &model, &fit);
	if (why) {
		fprintf(stderr, "nanodose calibrate: %s; nothing is kept\n", why);
		return NANODOSE_EXIT_FAULT;
	}
	if (calibration_save(&calibrate->key, &model, false, &error) < 0 ||
	    keep_screw(calibrate, model.taken_up, &error) < 0) {
		fprintf(stderr, "nanodose calibrate: %s\n", error ? error : "out of memory");
		free(error);
		return NANODOSE_EXIT_FAULT;
	}
	path = calibration_path();
	if (calibrate->by_hand.json)
		print_json(calibrate, &model, &fit, path ? path : "");
	else
		print_text(calibrate, &model, &fit);
	fprintf(stderr, "nanodose calibrate: kept in %s; runs with this pump, syringe, sensor and fluid begin with it\n",
		path ? path : "");
	free(path);
	return verb_output_done("calibrate") ? NANODOSE_EXIT_FAULT : NANODOSE_EXIT_DONE;
}

static bool asked(struct calibrate *calibrate)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	char volume[40], back[40], rate[40], most[80] = "", question[480];
	double rate_m3_s = calibrate->rate_nhz * 1e-9 * view->step_m3;

	quantity(volume, calibrate->volume_m3, NANODOSE_DIMENSION_VOLUME);
	quantity(back, calibrate->volume_m3 * IDENTIFY_BACK_SHARE, NANODOSE_DIMENSION_VOLUME);
	quantity(rate, rate_m3_s, NANODOSE_DIMENSION_RATE);
	if (rate_m3_s < SENSOR_SEES * view->info.sensor_full_scale_pl_min * PL_MIN)
		fprintf(stderr, "nanodose calibrate: %s is little for this sensor: a higher --rate tells more\n", rate);
	if (!calibrate->by_hand.volume)
		snprintf(most, sizeof(most), ", up to %d times that where the flow does not show", IDENTIFY_PUSHES);
	snprintf(question, sizeof(question),
		 "%s pushes %s out at %s%s, draws %s back and pushes that out again. Is the line filled, free of air, and its end in liquid?",
		 view->name, volume, rate, most, back);
	return calibrate_agreed(calibrate, question);
}

int calibrate_by_sensors(struct calibrate *calibrate)
{
	const struct jog_view *view = jog_view(calibrate->jog);
	struct identify_config config = {
		.volume_m3 = calibrate->volume_m3, .step_m3 = view->step_m3,
		.most_pushes = calibrate->by_hand.volume ? 1 : IDENTIFY_PUSHES,
	};
	struct test test = { .calibrate = calibrate, .origin = view->status.position };
	int status;

	if (!asked(calibrate))
		return NANODOSE_EXIT_REFUSED;
	test.identify = identify_new(&config);
	if (!test.identify) {
		perror("nanodose calibrate");
		return NANODOSE_EXIT_REFUSED;
	}
	jog_listen(calibrate->jog, hear, &test);
	status = go(&test);
	jog_listen(calibrate->jog, NULL, NULL);
	if (!status)
		status = keep(&test);
	identify_free(test.identify);
	return status;
}
