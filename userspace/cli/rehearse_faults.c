// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults at chosen times: NAME[:CHANNEL][=VALUE]@TIME[+DURATION]. They are the
 * simulated rig's own, switched in debugfs by a process beside the run, which
 * knows no more of them than it would on a bench.
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

#include "nanodose.h"
#include "rehearse.h"
#include "verbs.h"
#include "wording.h"

#define RIGS "/sys/kernel/debug/nanodose-sim"

static const char *const names[] = {
	"occlusion", "air", "nack", "crc", "stuck", "unplug", "high_flow", "stall", "estop", "limit",
	"leak", "free_flow",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* "12min" as a lab book has it: a space goes between number and unit. */
bool rehearse_parse_time(const char *text, size_t length, double *value_s)
{
	size_t number = strspn(text, "0123456789.");
	char spaced[64];

	if (number > length)
		number = length;
	if (!number || length > sizeof(spaced) - 2)
		return false;
	snprintf(spaced, sizeof(spaced), "%.*s %.*s", (int)number, text, (int)(length - number),
		 text + number);
	return !nanodose_quantity_parse(spaced, NANODOSE_DIMENSION_TIME, value_s, NULL);
}

bool rehearse_copy(char *to, size_t size, const char *from, size_t length)
{
	if (!length || length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

static bool parse_fault(struct rehearse_fault *fault, const char *text)
{
	const char *at = strchr(text, '@'), *plus, *colon, *equals, *end;

	if (!at)
		return false;
	plus = strchr(at, '+');
	colon = memchr(text, ':', at - text);
	equals = memchr(text, '=', at - text);
	if (colon && equals && equals < colon)
		return false;
	end = colon ? colon : equals ? equals : at;
	if (!rehearse_copy(fault->name, sizeof(fault->name), text, end - text))
		return false;
	end = equals ? equals : at;
	if (colon && !rehearse_copy(fault->channel, sizeof(fault->channel), colon + 1, end - colon - 1))
		return false;
	if (equals && !rehearse_copy(fault->value, sizeof(fault->value), equals + 1, at - equals - 1))
		return false;
	if (equals && fault->value[strspn(fault->value, "0123456789")])
		return false;
	end = plus ? plus : at + strlen(at);
	return rehearse_parse_time(at + 1, end - at - 1, &fault->begin_s) &&
	       (!plus || rehearse_parse_time(plus + 1, strlen(plus + 1), &fault->duration_s));
}

int rehearse_add_fault(struct rehearsal *rehearsal, const char *text)
{
	struct rehearse_fault *fault = &rehearsal->faults[rehearsal->fault_count];
	char known[200];

	if (rehearsal->fault_count == REHEARSE_MAX_FAULTS)
		return verb_usage_error("rehearse", "more than %d faults", REHEARSE_MAX_FAULTS);
	*fault = (struct rehearse_fault){ .written = text, .value = "1", .duration_s = INFINITY };
	if (!parse_fault(fault, text))
		return verb_usage_error("rehearse",
					"--fault %s: should be NAME[:CHANNEL][=VALUE]@TIME[+DURATION], such as occlusion@12min",
					text);
	for (size_t i = 0; i < NAMES; i++) {
		if (!strcmp(fault->name, names[i])) {
			rehearsal->fault_count++;
			return 0;
		}
	}
	return verb_usage_error("rehearse", "--fault %s: there is no fault '%s', there are %s", text,
				fault->name, join_words(names, NAMES, known, sizeof(known)));
}

bool rehearse_faults_good(const struct rehearsal *rehearsal, const struct protocol *protocol)
{
	bool good = true;

	for (unsigned int i = 0; i < rehearsal->fault_count; i++) {
		const struct rehearse_fault *fault = &rehearsal->faults[i];
		bool known = !*fault->channel;

		for (size_t k = 0; k < protocol->channel_count; k++)
			known = known || !strcmp(fault->channel, protocol->channels[k].name);
		if (!known)
			fprintf(stderr, "nanodose rehearse: --fault %s: the protocol has no channel '%s'\n",
				fault->written, fault->channel);
		good = good && known;
	}
	return good;
}

bool rehearse_simulated(const char *rig)
{
	char path[256];

	return !strchr(rig, '/') &&
	       snprintf(path, sizeof(path), RIGS "/%s/fault", rig) < (int)sizeof(path) &&
	       !access(path, W_OK | X_OK);
}

/* ---- the process ------------------------------------------------------------------ */

struct change {		/* one write */
	double at_s;
	const struct rehearse_fault *fault;
	const char *rig;
	bool end;
};

static int compare(const void *a, const void *b)
{
	const struct change *first = a, *second = b;

	return first->at_s < second->at_s ? -1 : first->at_s > second->at_s;
}

void rehearse_sleep_until(const struct timespec *begin, double at_s)
{
	struct timespec until = *begin;
	int result;

	until.tv_sec += (time_t)at_s;
	until.tv_nsec += (long)((at_s - floor(at_s)) * 1e9);
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	do
		result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	while (result == EINTR);
}

static void make(const struct change *change)
{
	char path[320];
	FILE *file;

	snprintf(path, sizeof(path), RIGS "/%s/fault/%s", change->rig, change->fault->name);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%s\n", change->end ? "0" : change->fault->value) < 0 ||
	    fclose(file))
		fprintf(stderr, "nanodose rehearse: %s: %s\n", path, strerror(errno));
	else
		fprintf(stderr, "nanodose rehearse: %g s: %s of %s %s\n", change->at_s,
			change->fault->name, change->rig, change->end ? "ends" : "begins");
}

pid_t rehearse_start_faults(const struct rehearsal *rehearsal, const struct protocol *protocol,
			    char *const *rigs)
{
	struct change *changes =
		calloc(2 * rehearsal->fault_count * protocol->channel_count + 1, sizeof(*changes));
	struct timespec begin;
	size_t count = 0;
	pid_t pid;

	if (!changes)
		return -1;
	for (unsigned int i = 0; i < rehearsal->fault_count; i++) {
		const struct rehearse_fault *fault = &rehearsal->faults[i];

		for (size_t k = 0; k < protocol->channel_count; k++) {
			if (*fault->channel && strcmp(fault->channel, protocol->channels[k].name))
				continue;
			changes[count++] = (struct change){ fault->begin_s, fault, rigs[k], false };
			if (isfinite(fault->duration_s))
				changes[count++] = (struct change){
					fault->begin_s + fault->duration_s, fault, rigs[k], true,
				};
		}
	}
	qsort(changes, count, sizeof(*changes), compare);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; i < count; i++) {
			rehearse_sleep_until(&begin, changes[i].at_s);
			make(&changes[i]);
		}
		_exit(0);
	}
	free(changes);
	return pid;
}
