// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "identify.h"

#define REST_RECORDS	100	/* at first: the zeros of the sensors */
#define WINDOW		25	/* records that are averaged to see whether the flow has died away */
#define FLOW_LEFT	0.03	/* share of the move's flow: it has */
#define SHOWN		10.0	/* spreads of a reading: a flow that shows, */
#define SETTLE_LEAST_S	1.0
#define SETTLE_FIRST_S	60.0	/* a slow rig is seen long enough in this time, by its pressure; */
#define SETTLE_ALONE_S	300.0	/* by its flow alone not, unless */
#define ALONE_LEFT	0.25	/* of it so much is left only */
#define SETTLE_S	15.0
/* By which tau and lag may change places where no pressure tells them apart. */
#define SWAP_S		0.02
#define APART		4.0	/* unless one is so many times the other: */
#define APART_S		0.004
#define LAG_ERROR	0.15
#define LAG_ERROR_S	0.002
#define UNTOLD		0.5	/* share: no more is claimed */
/* Of what the test finds a rig may differ by so much another day. */
#define DAY_ERROR	0.01

enum stage { REST, OUT, OUT_SETTLE, BACK, BACK_SETTLE, AGAIN, AGAIN_SETTLE, OVER };

struct identify {
	struct identify_config config;
	enum stage stage;
	double stage_s;			/* since when */
	struct control_sample *samples;
	size_t count, room;
	double zero_m3_s, peak_m3_s;	/* of the readings, of the stage's */
	double spread_m3_s;		/* of a reading at rest */
	unsigned int pushes;
};

struct identify *identify_new(const struct identify_config *config)
{
	struct identify *id = calloc(1, sizeof(*id));

	if (id)
		id->config = *config;
	return id;
}

void identify_free(struct identify *id)
{
	if (id)
		free(id->samples);
	free(id);
}

static bool keep(struct identify *id, const struct control_sample *sample)
{
	if (id->count == id->room) {
		size_t room = id->room ? 2 * id->room : 1024;
		struct control_sample *more = realloc(id->samples, room * sizeof(*more));

		if (!more)
			return false;
		id->samples = more;
		id->room = room;
	}
	id->samples[id->count++] = *sample;
	return true;
}

/* Of the newest readings; NAN: there are none. */
static double mean_flow(const struct identify *id, size_t records)
{
	double sum = 0;
	int good = 0;

	for (size_t i = id->count > records ? id->count - records : 0; i < id->count; i++) {
		if (isnan(id->samples[i].flow_m3_s))
			continue;
		sum += id->samples[i].flow_m3_s;
		good++;
	}
	return good ? sum / good : NAN;
}

static double spread(const struct identify *id)
{
	double square = 0;

	for (size_t i = 1; i < id->count; i++)
		square += pow(id->samples[i].flow_m3_s - id->samples[i - 1].flow_m3_s, 2);
	return sqrt(square / 2 / (id->count - 1));
}

/* A slow rig before a coarse sensor is pushed until its flow shows. */
static bool push_on(const struct identify *id)
{
	return id->stage == OUT && id->pushes < id->config.most_pushes && id->peak_m3_s < SHOWN * id->spread_m3_s;
}

static bool died_away(const struct identify *id, const struct control_sample *now)
{
	double flow = fabs(mean_flow(id, WINDOW) - id->zero_m3_s) / id->peak_m3_s, for_s = now->time_s - id->stage_s;

	if (for_s < SETTLE_LEAST_S)
		return false;
	if (isnan(flow) || flow < FLOW_LEFT)
		return true;
	if (id->stage != OUT_SETTLE)
		return for_s >= SETTLE_S;
	return for_s >= SETTLE_ALONE_S ||
	       (for_s >= SETTLE_FIRST_S && (!isnan(now->pressure_pa) || flow < ALONE_LEFT));
}

static void enter(struct identify *id, enum stage stage, double time_s)
{
	id->stage = stage;
	id->stage_s = time_s;
}

enum identify_next identify_sample(struct identify *id, const struct control_sample *sample, bool moving,
				   double *volume_m3)
{
	static const double shares[] = {
		[OUT] = 1, [BACK] = -IDENTIFY_BACK_SHARE, [AGAIN] = IDENTIFY_BACK_SHARE,
	};

	if (id->stage == OVER)
		return IDENTIFY_DONE;
	if (!keep(id, sample)) {
		enter(id, OVER, sample->time_s);
		return IDENTIFY_DONE;
	}
	switch (id->stage) {
	case REST:
		if (id->count < REST_RECORDS)
			return IDENTIFY_WAIT;
		id->zero_m3_s = mean_flow(id, REST_RECORDS);
		id->spread_m3_s = spread(id);
		break;
	case OUT:
	case BACK:
	case AGAIN:
		id->peak_m3_s = fmax(id->peak_m3_s, fabs(mean_flow(id, WINDOW) - id->zero_m3_s));
		if (moving)
			return IDENTIFY_WAIT;
		if (push_on(id)) {
			id->pushes++;
			*volume_m3 = id->config.volume_m3;
			return IDENTIFY_MOVE;
		}
		enter(id, id->stage + 1, sample->time_s);
		return IDENTIFY_WAIT;
	default:
		if (!died_away(id, sample))
			return IDENTIFY_WAIT;
		break;
	}
	enter(id, id->stage + 1, sample->time_s);
	if (id->stage == OVER)
		return IDENTIFY_DONE;
	id->peak_m3_s = 0;
	id->pushes += id->stage == OUT;
	*volume_m3 = shares[id->stage] * id->config.volume_m3;
	return IDENTIFY_MOVE;
}

/* The last move was out, and longer than any play. */
static bool takes_up(const struct identify *id)
{
	return id->stage == OVER &&
	       IDENTIFY_BACK_SHARE * id->config.volume_m3 >= IDENTIFY_BACKLASH_STEPS * id->config.step_m3;
}

void identify_result(const struct identify *id, struct control_model *model, struct fit *told)
{
	struct fit_prior prior = {
		.backlash_m3 = fmin(IDENTIFY_BACKLASH_STEPS * id->config.step_m3,
				    IDENTIFY_BACK_SHARE / 2 * id->config.volume_m3),
		.gain_error = IDENTIFY_GAIN_ERROR,
	};
	double swap_s, error;
	struct fit fit;

	fit_rig(id->samples, id->count, &prior, &fit);
	if (told)
		*told = fit;
	*model = (struct control_model){ 0 };
	if (isnan(fit.tau_s))
		return;
	swap_s = !isnan(fit.resistance_pa_s_m3) ? 0 : fit.tau_s > APART * fit.lag_s ? APART_S : SWAP_S;
	/* one that is too short to be told is known to be short, and no more */
	error = fmin(hypot(fmin(fit.tau_error, UNTOLD), swap_s / fit.tau_s), UNTOLD);
	*model = (struct control_model){
		.tau_s = fit.tau_s,
		.tau_error = hypot(error, DAY_ERROR),
		.compliance_m3_pa = isnan(fit.compliance_m3_pa) ? 0 : fit.compliance_m3_pa,
		.compliance_error = hypot(error, DAY_ERROR),
		.lag_s = isnan(fit.lag_s) ? 0 : fit.lag_s,
		.lag_error = fmin(hypot(LAG_ERROR, (swap_s + LAG_ERROR_S) / fit.lag_s), UNTOLD),
		.gain = isnan(fit.gain) ? 1 : fit.gain,
		.gain_error = isnan(fit.gain) ? IDENTIFY_GAIN_ERROR : hypot(fit.gain_error, DAY_ERROR),
		.backlash_m3 = fit.backlash_m3,
		.taken_up = takes_up(id),
	};
}

const char *identify_doing(const struct identify *id)
{
	static const char *const words[] = {
		[REST] = "at rest, for the zeros of the sensors", [OUT] = "out",
		[OUT_SETTLE] = "at rest, the flow dies away", [BACK] = "a quarter of it back",
		[BACK_SETTLE] = "at rest, the flow dies away", [AGAIN] = "and out again",
		[AGAIN_SETTLE] = "at rest, the flow dies away", [OVER] = "over",
	};

	return words[id->stage];
}
