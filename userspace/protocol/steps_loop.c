// SPDX-License-Identifier: GPL-2.0-or-later
/* repeat, every, while, if, parallel: steps that hold steps. */
#include <math.h>
#include <stdlib.h>

#include "steps.h"
#include "wording.h"

bool steps_count(struct loader *loader, const struct node *node, const char *key,
		 unsigned int *count)
{
	double number;
	char *text;
	bool good;

	if (!value_quantity(loader, node, key, NANODOSE_DIMENSION_NONE, &number, &text))
		return false;
	good = number >= 1 && number <= LOADER_MAX_STEPS && number == floor(number);
	if (good)
		*count = number;
	else
		loader_error(loader, node->at,
			     "%s: must be a whole number from 1 to %d, not \"%s\"", key,
			     LOADER_MAX_STEPS, text);
	free(text);
	return good;
}

/* What one round is planned to take. */
static double round_s(const struct protocol_step *steps, size_t count)
{
	double sum_s = 0;

	for (size_t i = 0; i < count; i++) {
		const struct protocol_step *step = &steps[i];
		double inside_s = round_s(step->steps, step->step_count);

		sum_s += step->duration_s;
		if (step->verb == PROTOCOL_PARALLEL)
			continue;
		if (step->verb == PROTOCOL_REPEAT)
			sum_s += step->period_s > 0 ? (step->times - 1) * step->period_s +
			      inside_s - step->steps[step->step_count - 1].duration_s :
			      step->times * inside_s;
		else if (step->verb == PROTOCOL_WHILE)
			sum_s += step->times * inside_s;
		else if (step->verb == PROTOCOL_IF)
			sum_s += fmax(inside_s, round_s(step->others, step->other_count));
	}
	return sum_s;
}

bool steps_add_period(struct loader *loader, struct protocol_step *step, struct source_position at)
{
	double used_s = round_s(step->steps, step->step_count);
	char takes[WORDING_SIZE], period[WORDING_SIZE];
	struct protocol_step *last = &step->steps[step->step_count];

	if (used_s > step->period_s * (1 + 1e-9)) {
		loader_error(loader, at, "period: one round takes %s, longer than the period of %s",
			     format_duration(used_s, takes, sizeof(takes)),
			     format_duration(step->period_s, period, sizeof(period)));
		return false;
	}
	*last = (struct protocol_step){
		.verb = PROTOCOL_PERIOD, .at = step->at, .duration_s = step->period_s - used_s,
		.timeout_s = INFINITY, .ceiling_pa = INFINITY,
		.text = loader_text(loader, "until the round is over"),
	};
	step->step_count++;
	return last->text != NULL;
}

bool steps_deep_enough(struct loader *loader, const struct protocol_step *step, int depth)
{
	if (depth < LOADER_MAX_REPEATS)
		return true;
	loader_error(loader, step->at, "repeats are nested more than %d deep", LOADER_MAX_REPEATS);
	steps_unknown(loader);
	return false;
}

bool load_repeat(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "times", "steps" };
	const struct node *times, *steps;
	bool counted;

	step->verb = PROTOCOL_REPEAT;
	if (!LOADER_KEYS(loader, node, "repeat", keys)) {
		steps_unknown(loader);
		return false;
	}
	times = loader_need(loader, node, "times", "repeat", step->at);
	steps = loader_need(loader, node, "steps", "repeat", step->at);
	/* Once is the least it can be, so that what the steps ask for is still judged. */
	step->times = 1;
	counted = times && steps_count(loader, times, "times", &step->times);
	if (!counted || !steps)
		loader->levels_unknown = true;
	if (!steps)
		loader->uses_unknown = true;
	if (!steps_deep_enough(loader, step, depth))
		return false;
	step->text = loader_text(loader, "repeat %u times", step->times);
	return steps && steps_load_list(loader, steps, "steps", depth + 1, &step->steps, &step->step_count) &&
	       step->text;
}

bool load_every(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "period", "times", "steps" };
	const struct node *period, *times, *steps;
	struct protocol_step *longer;
	bool good;
	char *text = NULL;

	step->verb = PROTOCOL_REPEAT;
	if (!LOADER_KEYS(loader, node, "every", keys)) {
		steps_unknown(loader);
		return false;
	}
	period = loader_need(loader, node, "period", "every", step->at);
	times = loader_need(loader, node, "times", "every", step->at);
	steps = loader_need(loader, node, "steps", "every", step->at);
	step->times = 1;
	good = times && steps_count(loader, times, "times", &step->times);
	good &= period && value_positive(loader, period, "period", NANODOSE_DIMENSION_TIME,
					 &step->period_s, &text);
	if (!good || !steps)
		loader->levels_unknown = true;
	if (!steps)
		loader->uses_unknown = true;
	good = steps_deep_enough(loader, step, depth) && steps &&
	       steps_load_list(loader, steps, "steps", depth + 1, &step->steps, &step->step_count) && good;
	longer = good ? realloc(step->steps, (step->step_count + 1) * sizeof(*longer)) : NULL;
	if (longer) {
		step->steps = longer;
		step->text = loader_text(loader, "every %s, %u times", text, step->times);
		good = step->text && steps_add_period(loader, step, period->at);
	}
	free(text);
	return good && longer;
}

bool load_while(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const struct condition_place place = {
		"condition", EXPRESSION_IN_RUN, { "its steps are never reached", "it does not end by itself" },
	};
	static const char *const keys[] = { "condition", "at_most", "steps" };
	const struct node *condition, *most, *steps;
	bool good;

	step->verb = PROTOCOL_WHILE;
	if (!LOADER_KEYS(loader, node, "while", keys)) {
		steps_unknown(loader);
		return false;
	}
	condition = loader_need(loader, node, "condition", "while", step->at);
	steps = loader_need(loader, node, "steps", "while", step->at);
	most = node_get(node, "at_most");
	if (!most)
		loader_error(loader, step->at,
			     "'at_most' is missing in while: the greatest number of rounds, so that it surely ends");
	good = condition && steps_condition(loader, condition, &place);
	step->times = 1;
	good &= most && steps_count(loader, most, "at_most", &step->times);
	if (!good || !steps)
		loader->levels_unknown = true;
	if (!steps)
		loader->uses_unknown = true;
	if (!steps_deep_enough(loader, step, depth))
		return false;
	good = steps && steps_load_list(loader, steps, "steps", depth + 1, &step->steps, &step->step_count) &&
	       good;
	if (good) {
		step->until = loader_text(loader, "%s", condition->text);
		step->text = loader_text(loader, "while %s", condition->text);
	}
	return good && step->until && step->text;
}

bool load_if(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const struct condition_place place = {
		"condition", EXPRESSION_BY_INPUT,
		{ "the steps of 'then' are never reached", "the steps of 'else' are never reached" },
	};
	static const char *const keys[] = { "condition", "then", "else" };
	const struct node *condition, *then, *other;
	bool good;

	step->verb = PROTOCOL_IF;
	if (!LOADER_KEYS(loader, node, "if", keys)) {
		steps_unknown(loader);
		return false;
	}
	condition = loader_need(loader, node, "condition", "if", step->at);
	then = loader_need(loader, node, "then", "if", step->at);
	other = node_get(node, "else");
	good = condition && steps_condition(loader, condition, &place);
	if (!then)
		steps_unknown(loader);
	if (!steps_deep_enough(loader, step, depth))
		return false;
	good = then && steps_load_list(loader, then, "then", depth + 1, &step->steps, &step->step_count) &&
	       good;
	if (other)
		good &= steps_load_list(loader, other, "else", depth + 1, &step->others,
					&step->other_count);
	if (good) {
		step->until = loader_text(loader, "%s", condition->text);
		step->text = loader_text(loader, "if %s", condition->text);
	}
	return good && step->until && step->text;
}

/* Which channels steps move; reported where one of them is moved by another branch too. */
static void claim_channels(struct loader *loader, const struct protocol_step *steps, size_t count,
			   const struct protocol_step *branch, const struct protocol_step **owners)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < steps[i].flow_count; k++) {
			size_t channel = steps[i].flows[k].channel;

			if (!owners[channel])
				owners[channel] = branch;
			if (owners[channel] == branch)
				continue;
			loader_error(loader, steps[i].at,
				     "'%s' is moved by the branch of line %d too; a pump follows one branch at a time",
				     loader->protocol->channels[channel].name, owners[channel]->at.line);
			owners[channel] = branch;
		}
		claim_channels(loader, steps[i].steps, steps[i].step_count, branch, owners);
		claim_channels(loader, steps[i].others, steps[i].other_count, branch, owners);
	}
}

bool load_parallel(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	const struct protocol_step *owners[LOADER_MAX_CHANNELS] = { NULL };
	bool good = true;

	step->verb = PROTOCOL_PARALLEL;
	if (node->type != NODE_MAPPING || node->count < 2) {
		loader_error(loader, node->at,
			     "parallel: is a mapping of two branches or more, each a name with its list of steps");
		steps_unknown(loader);
		return false;
	}
	if (!steps_deep_enough(loader, step, depth))
		return false;
	step->steps = loader_allocate(loader, node->count, sizeof(*step->steps));
	if (!step->steps)
		return false;
	for (const struct node *one = node->first; one; one = one->next) {
		struct protocol_step *branch = &step->steps[step->step_count++];

		*branch = (struct protocol_step){
			.verb = PROTOCOL_BRANCH, .at = one->key->at, .timeout_s = INFINITY,
			.ceiling_pa = INFINITY, .text = loader_text(loader, "%s", one->key->text),
		};
		good &= steps_load_list(loader, one, one->key->text, depth + 1, &branch->steps,
					&branch->step_count) && branch->text;
		claim_channels(loader, branch->steps, branch->step_count, branch, owners);
		step->duration_s = fmax(step->duration_s, round_s(branch->steps, branch->step_count));
	}
	step->text = loader_text(loader, "%zu branches in parallel", step->step_count);
	return good && step->text;
}
