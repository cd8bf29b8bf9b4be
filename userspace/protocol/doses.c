// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "doses.h"

bool doses_add(struct doses *doses, double begin_s, double end_s, double volume_m3)
{
	if (doses->count == doses->space) {
		size_t space = doses->space ? 2 * doses->space : 16;
		struct dose *list = realloc(doses->list, space * sizeof(*list));

		if (!list)
			return false;
		doses->list = list;
		doses->space = space;
	}
	doses->list[doses->count++] = (struct dose){ begin_s, end_s, volume_m3 };
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

size_t doses_fork(const struct doses *doses)
{
	return doses->count;
}

struct doses doses_take(struct doses *doses, size_t fork)
{
	struct doses taken = { 0 };

	for (size_t i = fork; i < doses->count; i++) {
		if (!doses_add(&taken, doses->list[i].begin_s, doses->list[i].end_s,
			       doses->list[i].volume_m3))
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
			good = doses_add(doses, other->list[i].begin_s, other->list[i].end_s,
					 other->list[i].volume_m3);
	}
	doses_free(other);
	return good;
}

void doses_free(struct doses *doses)
{
	free(doses->list);
	*doses = (struct doses){ 0 };
}
