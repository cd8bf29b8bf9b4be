// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "doses.h"

bool doses_add(struct doses *doses, const struct dose *dose)
{
	if (doses->count == doses->space) {
		size_t space = doses->space ? 2 * doses->space : 16;
		struct dose *list = realloc(doses->list, space * sizeof(*list));

		if (!list)
			return false;
		doses->list = list;
		doses->space = space;
	}
	doses->list[doses->count++] = *dose;
	return true;
}

double doses_in_window(const struct doses *doses, double window_s)
{
	double since_s, sum_m3 = 0;

	if (!doses->count)
		return 0;
	since_s = doses->list[doses->count - 1].end_s - window_s;
	for (size_t i = doses->count; i > 0 && doses->list[i - 1].end_s > since_s; i--) {
		const struct dose *dose = &doses->list[i - 1];
		double share = 1;

		if (dose->begin_s < since_s)
			share = (dose->end_s - since_s) / (dose->end_s - dose->begin_s);
		if (share > 0)
			sum_m3 += share * dose->volume_m3;
	}
	return sum_m3;
}

/* Where the sum of all that flows changes its slope, and what has flowed by then. */
struct edge {
	double time_s, slope, sum;
};

static int by_time(const void *a, const void *b)
{
	double one = ((const struct edge *)a)->time_s, other = ((const struct edge *)b)->time_s;

	return (one > other) - (one < other);
}

static double flowed_by(const struct edge *edges, size_t count, double time_s)
{
	size_t low = 0, high = count;

	if (time_s <= edges[0].time_s)
		return 0;
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (edges[middle].time_s <= time_s)
			low = middle;
		else
			high = middle;
	}
	return edges[low].sum + edges[low].slope * (time_s - edges[low].time_s);
}

/* The dose that gives last before a time: under way then, or over by then. */
static const struct dose *last_before(const struct doses *doses, double time_s)
{
	const struct dose *last = NULL;

	for (size_t i = 0; i < doses->count; i++) {
		const struct dose *dose = &doses->list[i];

		if (dose->begin_s < time_s && (!last || fmin(dose->end_s, time_s) > fmin(last->end_s, time_s)))
			last = dose;
	}
	return last;
}

/* Between two edges the sum within a window is a line, so it is highest where one end is at an edge. */
bool doses_worst_window(const struct doses *doses, double window_s, struct dose *worst)
{
	size_t count = 2 * doses->count;
	struct edge *edges = malloc((count + 1) * sizeof(*edges));
	double slope = 0, sum = 0;

	*worst = (struct dose){ 0 };
	if (!edges)
		return false;
	for (size_t i = 0; i < doses->count; i++) {
		const struct dose *dose = &doses->list[i];
		double rate = dose->volume_m3 / (dose->end_s - dose->begin_s);

		edges[2 * i] = (struct edge){ .time_s = dose->begin_s, .slope = rate };
		edges[2 * i + 1] = (struct edge){ .time_s = dose->end_s, .slope = -rate };
	}
	qsort(edges, count, sizeof(*edges), by_time);
	for (size_t i = 0; i < count; i++) {
		if (i)
			sum += slope * (edges[i].time_s - edges[i - 1].time_s);
		slope += edges[i].slope;
		edges[i].slope = slope;
		edges[i].sum = sum;
	}
	for (size_t i = 0; i < count; i++) {
		for (int begins = 0; begins < 2; begins++) {
			double end_s = edges[i].time_s + (begins ? window_s : 0);
			double inside = flowed_by(edges, count, end_s) - flowed_by(edges, count, end_s - window_s);

			if (inside > worst->volume_m3)
				*worst = (struct dose){ end_s - window_s, end_s, inside, NULL };
		}
	}
	free(edges);
	if (worst->volume_m3 > 0)
		worst->flow = last_before(doses, worst->end_s)->flow;
	return true;
}

size_t doses_fork(const struct doses *doses)
{
	return doses->count;
}

struct doses doses_take(struct doses *doses, size_t fork)
{
	struct doses taken = { 0 };

	for (size_t i = fork; i < doses->count; i++) {
		if (!doses_add(&taken, &doses->list[i]))
			break;
	}
	doses->count = fork;
	return taken;
}

static double sum_m3(const struct doses *doses, size_t from)
{
	double sum = 0;

	for (size_t i = from; i < doses->count; i++)
		sum += doses->list[i].volume_m3;
	return sum;
}

bool doses_join(struct doses *doses, size_t fork, struct doses *other)
{
	bool good = true;

	if (sum_m3(other, 0) > sum_m3(doses, fork)) {
		doses->count = fork;
		for (size_t i = 0; good && i < other->count; i++)
			good = doses_add(doses, &other->list[i]);
	}
	doses_free(other);
	return good;
}

void doses_free(struct doses *doses)
{
	free(doses->list);
	*doses = (struct doses){ 0 };
}
