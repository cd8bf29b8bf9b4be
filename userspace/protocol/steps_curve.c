// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ramp, gradient, profile: one flow or more whose rate changes on the way, as
 * points with lines between them.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "expression.h"
#include "steps.h"
#include "wording.h"

#define SAMPLES		256	/* lines that an expression of time is turned into */
#define MAX_ROWS	4096	/* of a table */
#define MAX_LINES	20000	/* with comments and empty ones */
#define MAX_ROW		256	/* characters */

/* What every curve has: time or volume, a number of stairs, a ceiling of pressure. */
struct course {
	const struct node *duration, *volume;
	double duration_s, volume_m3;	/* 0 where not given */
	unsigned int stairs;		/* 0: a slope */
};

static bool read_course(struct loader *loader, const struct node *node, const char *verb,
			struct protocol_step *step, struct course *course)
{
	const struct node *stairs = node_get(node, "stairs"), *ceiling = node_get(node, "ceiling");
	bool good = true;

	course->duration = node_get(node, "duration");
	course->volume = node_get(node, "volume");
	if (!course->duration == !course->volume) {
		loader_error(loader, step->at, "%s takes volume or duration, %s", verb,
			     course->volume ? "not both" : "and has neither");
		good = false;
	}
	if (course->duration)
		good &= value_positive(loader, course->duration, "duration",
				       NANODOSE_DIMENSION_TIME, &course->duration_s, NULL);
	if (course->volume)
		good &= value_positive(loader, course->volume, "volume", NANODOSE_DIMENSION_VOLUME,
				       &course->volume_m3, NULL);
	if (stairs)
		good &= steps_count(loader, stairs, "stairs", &course->stairs);
	if (course->stairs == 1 || course->stairs > SAMPLES) {
		loader_error(loader, stairs->at, "stairs: must be from 2 to %d", SAMPLES);
		good = false;
	}
	if (ceiling)
		good &= value_positive(loader, ceiling, "ceiling", NANODOSE_DIMENSION_PRESSURE,
				       &step->ceiling_pa, NULL);
	return good;
}

/* From one rate to another, as a slope or as stairs. */
static bool set_slope(struct loader *loader, struct protocol_flow *flow, double from, double to,
		      const struct course *course)
{
	size_t count = course->stairs ? 2 * course->stairs : 2;

	flow->points = loader_allocate(loader, count, sizeof(*flow->points));
	if (!flow->points)
		return false;
	flow->point_count = count;
	for (size_t i = 0; i < count; i++) {
		double stair = course->stairs ? (double)(i / 2) / (course->stairs - 1) : i;
		double time = course->stairs ? (double)((i + 1) / 2) / course->stairs : i;

		flow->points[i].time_s = time * course->duration_s;
		flow->points[i].rate_m3_s = from + (to - from) * stair;
	}
	return true;
}

/* Volume and peak from the points; a flow that moves nothing is taken out. False: none is left. */
static bool finish_flows(struct loader *loader, struct protocol_step *step, double duration_s,
			 const char *like)
{
	size_t kept = 0;

	for (size_t i = 0; i < step->flow_count; i++) {
		struct protocol_flow *flow = &step->flows[i];

		flow->rate_m3_s = 0;
		for (size_t k = 0; k < flow->point_count; k++)
			flow->rate_m3_s = fmax(flow->rate_m3_s, flow->points[k].rate_m3_s);
		flow->volume_m3 = protocol_curve_volume(flow, duration_s);
		if (flow->volume_m3 > 0 && isfinite(flow->volume_m3)) {
			steps_note_rate(loader, flow, like);
			step->flows[kept++] = *flow;
		} else {
			free(flow->points);
		}
	}
	step->flow_count = kept;
	step->duration_s = duration_s;
	if (!kept)
		loader_error(loader, step->at, "this step would move nothing");
	return kept;
}

/* ---- ramp ---------------------------------------------------------------------------- */

static bool read_rate(struct loader *loader, const struct node *node, const char *key, double *rate,
		      char **text)
{
	if (!value_quantity(loader, node, key, NANODOSE_DIMENSION_RATE, rate, text))
		return false;
	if (*rate >= 0)
		return true;
	loader_error(loader, node->at, "%s: \"%s\" must not be below zero", key, *text);
	return false;
}

bool load_ramp(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "channel", "from", "to", "duration", "volume", "stairs",
					    "ceiling" };
	struct course course = { 0 };
	const struct node *from, *to;
	char *from_text = NULL, *to_text = NULL;
	double from_rate = 0, to_rate = 0;
	long channel;
	bool good;

	(void)depth;
	step->verb = PROTOCOL_CURVE;
	if (!LOADER_KEYS(loader, node, "ramp", keys)) {
		loader->uses_unknown = true;
		return false;
	}
	channel = steps_channel(loader, node, "ramp", step->at);
	from = loader_need(loader, node, "from", "ramp", step->at);
	to = loader_need(loader, node, "to", "ramp", step->at);
	good = read_course(loader, node, "ramp", step, &course) && channel >= 0;
	good &= from && read_rate(loader, from, "from", &from_rate, &from_text);
	good &= to && read_rate(loader, to, "to", &to_rate, &to_text);
	if (good && !(from_rate + to_rate > 0)) {
		loader_error(loader, to->at, "to: one of both rates must be above zero");
		good = false;
	}
	if (course.volume)
		course.duration_s = course.volume_m3 / ((from_rate + to_rate) / 2);
	step->flows = good ? loader_allocate(loader, 1, sizeof(*step->flows)) : NULL;
	if (step->flows) {
		const struct node *size = course.volume ? course.volume : course.duration;

		step->flow_count = 1;
		step->flows[0].channel = channel;
		step->flows[0].at_volume = size->at;
		step->flows[0].at_rate = to_rate > from_rate ? to->at : from->at;
		good = set_slope(loader, &step->flows[0], from_rate, to_rate, &course) &&
		       finish_flows(loader, step, course.duration_s, to_text);
		step->text = loader_text(loader, "ramp %s from %s to %s",
					 loader->protocol->channels[channel].name, from_text, to_text);
	}
	free(from_text);
	free(to_text);
	return good && step->text;
}

/* ---- gradient -------------------------------------------------------------------------- */

static bool same_channels(const struct ratio *a, const struct ratio *b)
{
	size_t found = 0;

	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++)
			found += a->channel[i] == b->channel[k];
	return found == a->count && a->count == b->count;
}

static double part_of(const struct ratio *ratio, long channel)
{
	for (size_t i = 0; i < ratio->count; i++)
		if (ratio->channel[i] == channel)
			return ratio->part[i];
	return 0;
}

bool load_gradient(struct loader *loader, const struct node *node, struct protocol_step *step,
		   int depth)
{
	static const char *const keys[] = { "from", "to", "total_rate", "duration", "volume",
					    "stairs", "ceiling" };
	struct ratio begin = { .count = 0 }, end = { .count = 0 };
	struct course course = { 0 };
	const struct node *from, *to, *rate;
	char *text = NULL;
	double total = 0;
	bool good;

	(void)depth;
	step->verb = PROTOCOL_CURVE;
	if (!LOADER_KEYS(loader, node, "gradient", keys)) {
		loader->uses_unknown = true;
		return false;
	}
	from = loader_need(loader, node, "from", "gradient", step->at);
	to = loader_need(loader, node, "to", "gradient", step->at);
	rate = loader_need(loader, node, "total_rate", "gradient", step->at);
	good = read_course(loader, node, "gradient", step, &course);
	good &= from && ratio_load(loader, from, "from", true, &begin);
	good &= to && ratio_load(loader, to, "to", true, &end);
	good &= rate && value_positive(loader, rate, "total_rate", NANODOSE_DIMENSION_RATE, &total,
				       &text);
	if (!from || !to)
		loader->uses_unknown = true;
	if (good && !same_channels(&begin, &end)) {
		loader_error(loader, to->at, "to: must name the channels of 'from' (line %d)",
			     from->at.line);
		good = false;
	}
	if (course.volume && total > 0)
		course.duration_s = course.volume_m3 / total;
	step->flows = good ? loader_allocate(loader, begin.count, sizeof(*step->flows)) : NULL;
	for (size_t i = 0; step->flows && i < begin.count; i++) {
		struct protocol_flow *flow = &step->flows[step->flow_count++];
		double part = part_of(&end, begin.channel[i]);

		flow->channel = begin.channel[i];
		flow->at_volume = course.volume ? course.volume->at : course.duration->at;
		flow->at_rate = rate->at;
		good &= set_slope(loader, flow, total * begin.part[i], total * part, &course);
	}
	if (step->flows) {
		good = good && finish_flows(loader, step, course.duration_s, text);
		step->text = loader_text(loader, "gradient %s from %s to %s, %s in all", begin.names,
					 begin.parts, end.parts, text);
	}
	free(text);
	return good && step->text;
}

/* ---- profile --------------------------------------------------------------------------- */

/* An expression of time as points, in its own unit. */
static bool sample_expression(struct loader *loader, const struct node *node, double duration_s,
			      struct protocol_flow *flow)
{
	const struct protocol *protocol = loader->protocol;
	struct expression_channel channels[LOADER_MAX_CHANNELS];
	struct expression_values values = {
		.channels = channels,
		.channel_count = protocol->channel_count,
		.inputs = loader->scope->inputs,
		.input_count = loader->scope->input_count,
	};
	struct expression_result result = { 0 };
	char *error = NULL;
	struct expression *expression = expression_new(node->text, &error);
	bool good;

	/* Readings are not had: a profile of them is no number, and so refused. */
	for (size_t i = 0; i < protocol->channel_count; i++)
		channels[i] = (struct expression_channel){
			protocol->channels[i].name, NAN, NAN, NAN, NAN, NAN,
		};
	good = expression && value_check_names(loader, node->text, true, node->at);
	flow->points = loader_allocate(loader, SAMPLES + 1, sizeof(*flow->points));
	for (size_t i = 0; good && flow->points && i <= SAMPLES; i++) {
		values.time_s = duration_s * i / SAMPLES;
		good = !expression_result(expression, &values, &result, &error);
		if (good && (result.kind != EXPRESSION_NUMBER || !isfinite(result.number) ||
			     result.number < 0)) {
			loader_error(loader, node->at,
				     "\"%s\" must be a number of zero or above at every time, and is not at %g s",
				     node->text, values.time_s);
			expression_free(expression);
			return false;
		}
		flow->points[i] = (struct protocol_point){ values.time_s, result.number };
	}
	flow->point_count = SAMPLES + 1;
	if (error)
		loader_error(loader, node->at, "in \"%s\": %s", node->text, error);
	free(error);
	expression_free(expression);
	return good && flow->points;
}

/* One line "time_s,value"; 1: a point, 0: nothing on it, -1: neither. */
static int read_row(const char *row, struct protocol_point *point)
{
	char *end;

	row += strspn(row, " \t\r\n");
	if (!*row || *row == '#')
		return 0;
	point->time_s = strtod(row, &end);
	if (end == row || *(end += strspn(end, " \t")) != ',')
		return -1;
	row = end + 1;
	point->rate_m3_s = strtod(row, &end);
	if (end == row || end[strspn(end, " \t\r\n")])
		return -1;
	return isfinite(point->time_s) && isfinite(point->rate_m3_s) ? 1 : -1;
}

static bool read_rows(struct loader *loader, const struct node *node, FILE *file, const char *path,
		      struct protocol_flow *flow)
{
	char row[MAX_ROW];
	int line = 0;

	while (fgets(row, sizeof(row), file)) {
		struct protocol_point point;
		int kind = read_row(row, &point);

		if (++line > MAX_LINES) {
			loader_error(loader, node->at, "table: %s has more than %d lines", path, MAX_LINES);
			return false;
		}
		if (!kind || (kind < 0 && line == 1))
			continue;	/* the first may be a heading */
		if (kind < 0 || point.rate_m3_s < 0) {
			loader_error(loader, node->at,
				     "table: %s:%d should be a time in seconds, a comma and a value of zero or above",
				     path, line);
			return false;
		}
		if (flow->point_count ? point.time_s < flow->points[flow->point_count - 1].time_s :
					point.time_s != 0) {
			loader_error(loader, node->at,
				     "table: %s:%d: times begin at 0 and never go back", path, line);
			return false;
		}
		if (flow->point_count == MAX_ROWS) {
			loader_error(loader, node->at, "table: %s has more than %d rows", path, MAX_ROWS);
			return false;
		}
		flow->points[flow->point_count++] = point;
	}
	if (flow->point_count >= 2 && flow->points[flow->point_count - 1].time_s > 0)
		return true;
	loader_error(loader, node->at, "table: %s has no two rows of time and value", path);
	return false;
}

static bool read_table(struct loader *loader, const struct node *node, struct protocol_flow *flow)
{
	char *name = value_text(loader, node, "table"), *path;
	struct stat facts;
	bool good = false;
	FILE *file;
	int fd;

	if (!name)
		return false;
	path = loader_path(loader, name);
	fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	file = fd >= 0 ? fdopen(fd, "r") : NULL;
	flow->points = loader_allocate(loader, MAX_ROWS, sizeof(*flow->points));
	/* A device or a pipe might never end. */
	if (file && (fstat(fileno(file), &facts) || !S_ISREG(facts.st_mode)))
		loader_error(loader, node->at, "table: \"%s\" is no regular file", name);
	else if (!file)
		loader_error(loader, node->at, "table: \"%s\": %s; the path counts from the protocol's folder",
			     name, strerror(errno));
	else
		good = flow->points && read_rows(loader, node, file, name, flow);
	if (file)
		fclose(file);
	free(path);
	free(name);
	return good;
}

/* The values of the profile in its own unit, by expression or by table. */
static bool read_values(struct loader *loader, const struct node *node, const char *key,
			struct protocol_step *step, double *duration_s, struct protocol_flow *flow)
{
	const struct node *value = node_get(node, key), *table = node_get(node, "table");
	const struct node *duration = node_get(node, "duration");

	if (!value == !table) {
		loader_error(loader, step->at, "profile takes %s or table, %s", key,
			     value ? "not both" : "and has neither");
		return false;
	}
	if (!value == !!duration) {
		loader_error(loader, step->at, value ? "'duration' is missing in profile" :
			     "a table has its own duration");
		return false;
	}
	if (table) {
		if (!read_table(loader, table, flow))
			return false;
		*duration_s = flow->points[flow->point_count - 1].time_s;
		return true;
	}
	if (!value_positive(loader, duration, "duration", NANODOSE_DIMENSION_TIME, duration_s, NULL))
		return false;
	if (value->type != NODE_SCALAR || !*value->text || strstr(value->text, "${")) {
		loader_error(loader, value->at,
			     "%s: is an expression of time as it stands, without ${}, such as \"10 * math.exp(-time / 600)\"",
			     key);
		return false;
	}
	return sample_expression(loader, value, *duration_s, flow);
}

static bool load_rate_profile(struct loader *loader, const struct node *node,
			      struct protocol_step *step, long channel)
{
	const struct node *unit = loader_need(loader, node, "unit", "profile", step->at);
	struct protocol_flow *flow = &step->flows[0];
	char *text = unit ? value_text(loader, unit, "unit") : NULL, *one = NULL;
	double factor = 0, duration_s = 0;
	bool good = text != NULL;

	if (good) {
		one = loader_text(loader, "1 %s", text);
		good = one && !nanodose_quantity_parse(one, NANODOSE_DIMENSION_RATE, &factor, NULL);
		if (!good)
			loader_error(loader, unit->at, "unit: \"%s\" is no unit of a rate, such as uL/min",
				     text);
	}
	step->flow_count = 1;
	flow->channel = channel;
	flow->at_volume = step->at;
	flow->at_rate = step->at;
	good &= read_values(loader, node, "rate", step, &duration_s, flow) && channel >= 0;
	for (size_t i = 0; good && i < flow->point_count; i++)
		flow->points[i].rate_m3_s *= factor;
	if (good) {
		good = finish_flows(loader, step, duration_s, one);
		step->text = loader_text(loader, "profile %s", loader->protocol->channels[channel].name);
	}
	free(text);
	free(one);
	return good && step->text;
}

/* Two channels: the first has a share of a total rate that does not change. */
static bool load_share_profile(struct loader *loader, const struct node *node,
			       struct protocol_step *step, long channel, const struct node *carrier)
{
	const struct node *rate = loader_need(loader, node, "total_rate", "profile", step->at);
	struct protocol_flow *flow = &step->flows[0], *rest = &step->flows[1];
	char *name = value_text(loader, carrier, "carrier"), *text = NULL;
	long other = name ? steps_use_channel(loader, name, carrier->at) : -1;
	double total = 0, duration_s = 0;
	bool good = other >= 0;

	free(name);
	step->flow_count = 2;
	*rest = *flow = (struct protocol_flow){ .at_volume = step->at, .at_rate = step->at };
	flow->channel = channel;
	rest->channel = other;
	if (good && other == channel) {
		loader_error(loader, carrier->at, "carrier: must be another channel than '%s'",
			     loader->protocol->channels[channel].name);
		good = false;
	}
	good &= rate && value_positive(loader, rate, "total_rate", NANODOSE_DIMENSION_RATE, &total,
				       &text);
	good &= read_values(loader, node, "share", step, &duration_s, flow) && channel >= 0;
	rest->points = good ? loader_allocate(loader, flow->point_count, sizeof(*rest->points)) : NULL;
	rest->point_count = rest->points ? flow->point_count : 0;
	for (size_t i = 0; i < rest->point_count; i++) {
		double share = flow->points[i].rate_m3_s;

		if (good && share > 1) {
			loader_error(loader, step->at, "the share is %g at %g s; it is at most 1", share,
				     flow->points[i].time_s);
			good = false;
		}
		flow->points[i].rate_m3_s = total * share;
		rest->points[i].time_s = flow->points[i].time_s;
		rest->points[i].rate_m3_s = total * (1 - share);
	}
	if (good && rest->points) {
		good = finish_flows(loader, step, duration_s, text);
		step->text = loader_text(loader, "profile %s in %s, %s in all",
					 loader->protocol->channels[channel].name,
					 loader->protocol->channels[other].name, text);
	}
	free(text);
	return good && step->text;
}

bool load_profile(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "channel", "rate", "unit", "carrier", "share",
					    "total_rate", "table", "duration", "ceiling" };
	const struct node *carrier, *ceiling;
	long channel;
	bool good = true;

	(void)depth;
	step->verb = PROTOCOL_CURVE;
	if (!LOADER_KEYS(loader, node, "profile", keys)) {
		loader->uses_unknown = true;
		return false;
	}
	channel = steps_channel(loader, node, "profile", step->at);
	carrier = node_get(node, "carrier");
	ceiling = node_get(node, "ceiling");
	if (ceiling)
		good = value_positive(loader, ceiling, "ceiling", NANODOSE_DIMENSION_PRESSURE,
				      &step->ceiling_pa, NULL);
	step->flows = loader_allocate(loader, 2, sizeof(*step->flows));
	if (!step->flows)
		return false;
	return (carrier ? load_share_profile(loader, node, step, channel, carrier) :
			  load_rate_profile(loader, node, step, channel)) && good;
}
