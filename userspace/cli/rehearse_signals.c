// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals of a rehearsal: NAME=VALUE[@TIME]. They come from files that a process
 * beside the run keeps up to date, whatever source the protocol names; a value
 * of "lost" is one that is no longer kept so.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "rehearse.h"
#include "verbs.h"

#define REFRESHES_PER_AGE	3

int rehearse_add_signal(struct rehearsal *rehearsal, const char *text)
{
	struct rehearse_signal *signal = &rehearsal->signals[rehearsal->signal_count];
	const char *equals = strchr(text, '='), *at = strrchr(text, '@');
	const char *end = at ? at : text + strlen(text);

	if (rehearsal->signal_count == REHEARSE_MAX_SIGNALS)
		return verb_usage_error("rehearse", "more than %d signals", REHEARSE_MAX_SIGNALS);
	*signal = (struct rehearse_signal){ .written = text };
	if (!equals || end < equals ||
	    !rehearse_copy(signal->name, sizeof(signal->name), text, equals - text) ||
	    !rehearse_copy(signal->value, sizeof(signal->value), equals + 1, end - equals - 1) ||
	    (at && !rehearse_parse_time(at + 1, strlen(at + 1), &signal->at_s)))
		return verb_usage_error("rehearse",
					"--signal %s: should be NAME=VALUE[@TIME], such as marker=40@12min, or marker=lost@1h",
					text);
	rehearsal->signal_count++;
	return 0;
}

static const struct protocol_signal *find(const struct protocol *protocol, const char *name)
{
	for (size_t i = 0; i < protocol->signal_count; i++) {
		if (!strcmp(protocol->signals[i].name, name))
			return &protocol->signals[i];
	}
	return NULL;
}

bool rehearse_signals_good(const struct rehearsal *rehearsal, const struct protocol *protocol)
{
	bool good = true;

	for (unsigned int i = 0; i < rehearsal->signal_count; i++) {
		const struct rehearse_signal *one = &rehearsal->signals[i];
		const struct protocol_signal *signal = find(protocol, one->name);
		char *error = NULL;
		double value;

		if (!signal)
			fprintf(stderr, "nanodose rehearse: --signal %s: the protocol has no signal '%s'\n",
				one->written, one->name);
		else if (strcmp(one->value, "lost") &&
			 nanodose_reading_parse(one->value, signal->unit, &value, &error))
			fprintf(stderr, "nanodose rehearse: --signal %s: %s\n", one->written,
				error ? error : strerror(ENOMEM));
		else
			continue;
		free(error);
		good = false;
	}
	for (size_t i = 0; i < protocol->signal_count; i++) {
		bool given = false;

		for (unsigned int k = 0; k < rehearsal->signal_count; k++)
			given = given || !strcmp(rehearsal->signals[k].name, protocol->signals[i].name);
		if (given)
			continue;
		fprintf(stderr, "nanodose rehearse: the protocol's signal '%s' comes from nowhere here; give it by --signal %s=VALUE[@TIME]\n",
			protocol->signals[i].name, protocol->signals[i].name);
		good = false;
	}
	return good;
}

/* ---- the process ------------------------------------------------------------------ */

/* What is in force at a time; NULL: nothing yet, or lost. */
static const struct rehearse_signal *in_force(const struct rehearsal *rehearsal, const char *name,
					      double at_s)
{
	const struct rehearse_signal *found = NULL;

	for (unsigned int i = 0; i < rehearsal->signal_count; i++) {
		const struct rehearse_signal *one = &rehearsal->signals[i];

		if (!strcmp(one->name, name) && one->at_s <= at_s && (!found || one->at_s >= found->at_s))
			found = one;
	}
	return found && strcmp(found->value, "lost") ? found : NULL;
}

static void write_signal(const char *folder, const struct rehearse_signal *signal)
{
	char path[256], fresh[264];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, signal->name);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "w");
	if (!file || fprintf(file, "%s\n", signal->value) < 0 || fclose(file) || rename(fresh, path))
		fprintf(stderr, "nanodose rehearse: %s: %s\n", path, strerror(errno));
}

/* Each so often that it is never too old, and whenever it changes. */
static double next_after(const struct rehearsal *rehearsal, const struct protocol *protocol, double at_s)
{
	double next_s = INFINITY;

	for (size_t i = 0; i < protocol->signal_count; i++) {
		double period_s = protocol->signals[i].max_age_s / REFRESHES_PER_AGE;

		next_s = fmin(next_s, (floor(at_s / period_s * (1 + 1e-12)) + 1) * period_s);
	}
	for (unsigned int i = 0; i < rehearsal->signal_count; i++) {
		if (rehearsal->signals[i].at_s > at_s)
			next_s = fmin(next_s, rehearsal->signals[i].at_s);
	}
	return next_s;
}

static void write_all(const struct rehearsal *rehearsal, const struct protocol *protocol,
		      const char *folder, double at_s)
{
	for (size_t i = 0; i < protocol->signal_count; i++) {
		const struct rehearse_signal *signal = in_force(rehearsal, protocol->signals[i].name, at_s);

		if (signal)
			write_signal(folder, signal);
	}
}

pid_t rehearse_start_signals(const struct rehearsal *rehearsal, const struct protocol *protocol,
			     const char *folder)
{
	struct timespec begin;
	double at_s = 0;
	pid_t pid;

	/* Those of the very beginning are there before the run looks. */
	write_all(rehearsal, protocol, folder, 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			at_s = next_after(rehearsal, protocol, at_s);
			rehearse_sleep_until(&begin, at_s);
			write_all(rehearsal, protocol, folder, at_s);
		}
	}
	return pid;
}

void rehearse_remove_signals(const struct protocol *protocol, const char *folder)
{
	char path[300];

	for (size_t i = 0; i < protocol->signal_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, protocol->signals[i].name);
		unlink(path);
		strcat(path, ".new");
		unlink(path);
	}
	rmdir(folder);
}
