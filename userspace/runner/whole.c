// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A run's curves from its beginning, in bounded memory: the longer it lasts,
 * the coarser.
 */
#include "runner.h"

void run_whole_add(struct run_whole *whole, const struct run_sample *sample)
{
	if (!whole->every)
		whole->every = 1;
	if (whole->count && sample->time_s <= whole->samples[whole->count - 1].time_s)
		return;
	if (whole->count && ++whole->skipped < whole->every)
		return;
	whole->skipped = 0;
	if (whole->count == RUN_WHOLE) {
		for (size_t i = 0; i < RUN_WHOLE / 2; i++)
			whole->samples[i] = whole->samples[2 * i];
		whole->count = RUN_WHOLE / 2;
		whole->every *= 2;
	}
	whole->samples[whole->count++] = *sample;
}
