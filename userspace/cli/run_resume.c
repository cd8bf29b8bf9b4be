// SPDX-License-Identifier: GPL-2.0-or-later
/* What a person is told and asked before a run goes on that did not come to its end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "run_resume.h"
#include "wording.h"

#define UNRECORDED_S 1.0	/* of a run that was cut off, at most */

struct record_past *run_resume_read(const char *record)
{
	char *error;
	struct record_past *past = record_past_read(record, &error);

	if (!past) {
		fprintf(stderr, "nanodose run: %s\n", error ? error : "out of memory");
		free(error);
		return NULL;
	}
	if (!past->status || strcmp(past->status, "done"))
		return past;
	fprintf(stderr, "nanodose run: %s: this run is done, there is nothing left to give\n", record);
	record_past_free(past);
	return NULL;
}

static void tell_channel(const struct record_past_channel *was, const struct protocol_channel *channel)
{
	double given_m3 = (was->position - was->origin) * was->step_m3;
	char given[WORDING_SIZE], planned[WORDING_SIZE], more[WORDING_SIZE];

	nanodose_quantity_format(given_m3, NANODOSE_DIMENSION_VOLUME, given, sizeof(given));
	nanodose_quantity_format(channel->infused_m3, NANODOSE_DIMENSION_VOLUME, planned, sizeof(planned));
	fprintf(stderr, "  %s: %s given; the protocol infuses %s in all", channel->name, given, planned);
	if (was->rate_hz > 0) {
		nanodose_quantity_format(was->rate_hz * UNRECORDED_S * was->step_m3, NANODOSE_DIMENSION_VOLUME,
					 more, sizeof(more));
		fprintf(stderr, "; it was in motion, up to %s more may have been given", more);
	}
	fprintf(stderr, ". Its %s has to be where it was.\n", channel->syringe->name);
}

enum nanodose_exit run_resume_ask(const struct record_past *past, const struct protocol *protocol, bool yes)
{
	char answer[16] = "", after[WORDING_SIZE];

	fprintf(stderr, "%s: \"%s\" %s after %s\n", past->path, protocol->name,
		past->status ? past->status : "was cut short", format_duration(past->end_ns / 1e9, after, sizeof(after)));
	for (size_t i = 0; i < protocol->channel_count; i++)
		for (size_t k = 0; k < past->channel_count; k++)
			if (!strcmp(protocol->channels[i].name, past->channels[k].name))
				tell_channel(&past->channels[k], &protocol->channels[i]);
	if (yes)
		return NANODOSE_EXIT_DONE;
	if (!isatty(STDIN_FILENO)) {
		fputs("nanodose run: somebody has to say yes to going on; --yes says it\n", stderr);
		return NANODOSE_EXIT_REFUSED;
	}
	fputs("Go on from there? [y/n] ", stderr);
	if (fgets(answer, sizeof(answer), stdin) && (!strcasecmp(answer, "y\n") || !strcasecmp(answer, "yes\n")))
		return NANODOSE_EXIT_DONE;
	fputs("nanodose run: not begun\n", stderr);
	return NANODOSE_EXIT_OPERATOR;
}
