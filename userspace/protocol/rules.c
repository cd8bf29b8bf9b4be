// SPDX-License-Identifier: GPL-2.0-or-later
/* on: what to do in each kind of trouble, where it is not to stop. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"
#include "wording.h"

#define RETRY_AFTER_S	10.0	/* where none is given */
#define RETRIES_MAX	1000
#define BACKOFF_MAX	10
#define RETRY_LONGEST_S	86400.0

/* In the order of enum protocol_trouble. */
static const char *const troubles[PROTOCOL_TROUBLES] = {
	"occlusion", "air", "sensor_lost", "empty", "leak", "signal_lost",
};

const char *protocol_trouble_name(enum protocol_trouble trouble)
{
	return troubles[trouble];
}

double protocol_retry_after_s(const struct protocol_rule *rule, unsigned int retry)
{
	return fmin(rule->after_s * pow(rule->backoff, retry - 1), fmax(rule->after_s, RETRY_LONGEST_S));
}

static bool load_retry(struct loader *loader, const struct node *node, const char *what,
		       struct protocol_rule *rule)
{
	static const char *const keys[] = { "retry", "after", "backoff", "release" };
	const struct node *after = node_get(node, "after"), *release = node_get(node, "release");
	const struct node *backoff = node_get(node, "backoff");
	bool good;

	rule->remedy = PROTOCOL_REMEDY_RETRY;
	rule->after_s = RETRY_AFTER_S;
	rule->backoff = 1;
	if (!LOADER_KEYS(loader, node, what, keys))
		return false;
	good = steps_count(loader, node_get(node, "retry"), "retry", &rule->retries);
	if (good && rule->retries > RETRIES_MAX) {
		loader_error(loader, node_get(node, "retry")->at, "retry: at most %d times", RETRIES_MAX);
		good = false;
	}
	if (after)
		good &= value_positive(loader, after, "after", NANODOSE_DIMENSION_TIME, &rule->after_s, NULL);
	if (backoff && !value_positive(loader, backoff, "backoff", NANODOSE_DIMENSION_NONE, &rule->backoff, NULL)) {
		good = false;
	} else if (rule->backoff < 1 || rule->backoff > BACKOFF_MAX) {
		loader_error(loader, backoff->at,
			     "backoff: each retry waits so many times as long as the one before, 1 to %d times",
			     BACKOFF_MAX);
		good = false;
	}
	if (!release)
		return good;
	if (strcmp(node->key->text, "occlusion")) {
		loader_error(loader, release->at,
			     "release: takes back what a clog holds under pressure, so it belongs to 'occlusion'");
		return false;
	}
	return value_positive(loader, release, "release", NANODOSE_DIMENSION_VOLUME, &rule->release_m3,
			      NULL) && good;
}

static bool load_rescue(struct loader *loader, const struct node *node, const char *what,
			struct protocol_rule *rule)
{
	static const char *const keys[] = { "rescue" };

	rule->remedy = PROTOCOL_REMEDY_RESCUE;
	return LOADER_KEYS(loader, node, what, keys) &&
	       steps_load_list(loader, node_get(node, "rescue"), "rescue", 0, &rule->steps,
			       &rule->step_count);
}

static void load_rule(struct loader *loader, const struct node *node, struct protocol_rule *rule)
{
	char what[80];

	snprintf(what, sizeof(what), "on %.40s", node->key->text);
	rule->at = node->key->at;
	if (node->type == NODE_SCALAR && !strcmp(node->text, "stop"))
		rule->remedy = PROTOCOL_REMEDY_STOP;
	else if (node->type == NODE_SCALAR && !strcmp(node->text, "hold"))
		rule->remedy = PROTOCOL_REMEDY_HOLD;
	else if (node->type == NODE_SCALAR && !strcmp(node->text, "open") && !strcmp(node->key->text, "sensor_lost"))
		rule->remedy = PROTOCOL_REMEDY_OPEN;
	else if (node->type == NODE_MAPPING && node_get(node, "retry"))
		load_retry(loader, node, what, rule);
	else if (node->type == NODE_MAPPING && node_get(node, "rescue"))
		load_rescue(loader, node, what, rule);
	else
		loader_error(loader, node->at,
			     "%s: is 'stop', 'hold', %s{retry: 3, after: 30 s}, or {rescue: [steps]}", what,
			     strcmp(node->key->text, "sensor_lost") ? "" : "'open', ");
}

void rules_load(struct loader *loader, const struct node *node)
{
	char known[200];

	if (!node)
		return;
	if (node->type != NODE_MAPPING || !node->count) {
		loader_error(loader, node->at, "on: is a mapping, such as \"occlusion: {retry: 3, after: 30 s}\"");
		return;
	}
	for (const struct node *child = node->first; child; child = child->next) {
		int i = 0;

		while (i < PROTOCOL_TROUBLES && strcmp(child->key->text, troubles[i]))
			i++;
		if (i < PROTOCOL_TROUBLES)
			load_rule(loader, child, &loader->protocol->rules[i]);
		else
			loader_error(loader, child->key->at, "on: unknown trouble '%s', known are %s",
				     child->key->text,
				     join_words(troubles, PROTOCOL_TROUBLES, known, sizeof(known)));
	}
	if (!loader->protocol->signal_count && node_get(node, "signal_lost") && !loader->signals_unknown)
		loader_error(loader, node_get(node, "signal_lost")->key->at,
			     "on signal_lost: this protocol has no signals");
}
