// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * call: the steps of another file. That file knows its own inputs, which the
 * call may give, and the channels by the names that the call says, no more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "steps.h"
#include "wording.h"

/* What a step does at a place in the called file is told of the place that called. */
static void relabel(struct loader *loader, struct protocol_step *steps, size_t count, size_t call,
		    struct source_position at, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		struct protocol_step *step = &steps[i];
		char *text = loader_text(loader, "%s (%s:%d)", step->text, name, step->at.line);

		relabel(loader, step->steps, step->step_count, call, at, name);
		relabel(loader, step->others, step->other_count, call, at, name);
		if (!step->call)
			step->call = call;
		step->at = at;
		if (!text)
			continue;
		free(step->text);
		step->text = text;
	}
}

/* False, and reported, where the file is being read already: it would never end. */
static bool is_new(struct loader *loader, const char *path, const char *written, struct source_position at)
{
	struct stat wanted, open;

	if (stat(path, &wanted))
		return true;	/* reading it tells */
	for (const struct loader_scope *scope = loader->scope; scope; scope = scope->caller) {
		if (stat(scope->path, &open) || open.st_dev != wanted.st_dev ||
		    open.st_ino != wanted.st_ino)
			continue;
		loader_error(loader, at, "\"%s\" calls itself by this: it would never end", written);
		return false;
	}
	return true;
}

/* The inputs that the call gives, by the caller's values. False is reported. */
static bool load_settings(struct loader *loader, const struct node *node,
			  struct protocol_setting *settings, size_t *count)
{
	bool good = true;

	if (!node)
		return true;
	if (node->type != NODE_MAPPING || node->count > LOADER_MAX_INPUTS) {
		loader_error(loader, node->at, "inputs: is a mapping of the file's inputs and their values, at most %d",
			     LOADER_MAX_INPUTS);
		return false;
	}
	for (const struct node *one = node->first; one; one = one->next) {
		settings[*count] = (struct protocol_setting){ .name = one->key->text };
		if (value_setting(loader, one, &settings[*count]))
			++*count;
		else
			good = false;
	}
	return good;
}

/* By channel, what the file calls it: as the call says, else as we do. False is reported. */
static bool load_names(struct loader *loader, const struct node *node, char **names)
{
	size_t channels = loader->protocol->channel_count;
	bool good = true;

	if (node && node->type != NODE_MAPPING) {
		loader_error(loader, node->at, "channels: is a mapping of the file's names and ours, such as {line: drug}");
		return false;
	}
	for (const struct node *one = node ? node->first : NULL; one; one = one->next) {
		char *ours = value_text(loader, one, one->key->text);
		long channel = ours ? steps_use_channel(loader, ours, one->at) : -1;

		free(ours);
		good = good && channel >= 0;
		if (channel < 0)
			continue;
		if (names[channel]) {
			loader_error(loader, one->at, "channels: '%s' and '%s' are one and the same channel",
				     names[channel], one->key->text);
			good = false;
			continue;
		}
		names[channel] = loader_text(loader, "%s", one->key->text);
	}
	for (size_t i = 0; i < channels; i++) {
		const char *here = channels_name_here(loader, i);

		/* A name that means another channel there does not mean ours too. */
		if (!names[i] && here && !(node && node_get(node, here)))
			names[i] = loader_text(loader, "%s", here);
	}
	return good && !loader->no_memory;
}

static bool load_file(struct loader *loader, const struct node *root, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "nanodose", "name", "inputs", "steps" };
	struct source_position whole = { .file = loader->scope->file };
	const struct node *steps;

	if (!root || root->type != NODE_MAPPING) {
		loader_error(loader, whole, "holds no steps; a file to be called begins with 'nanodose: 1'");
		return false;
	}
	LOADER_KEYS(loader, root, "a file that is called", keys);
	loader_version(loader, root, "a file that is called");
	inputs_load(loader, node_get(root, "inputs"));
	steps = loader_need(loader, root, "steps", "a file that is called", root->at);
	if (!steps || !steps_load_list(loader, steps, "steps", depth, &step->steps, &step->step_count))
		return false;
	loader_unused_inputs(loader);
	return true;
}

/* Its number; 0 is reported. */
static size_t add_call(struct loader *loader, struct protocol_call call)
{
	struct protocol *protocol = loader->protocol;
	struct protocol_call *calls = realloc(protocol->calls, (protocol->call_count + 1) * sizeof(*calls));

	if (calls && diagnostics_called(loader->diagnostics, call.path, call.text)) {
		protocol->calls = calls;
		calls[protocol->call_count++] = call;
		return protocol->call_count;
	}
	if (calls)
		protocol->calls = calls;
	protocol_call_clear(&call, protocol->channel_count);
	loader_error(loader, (struct source_position){ 0 }, "out of memory");
	return 0;
}

static bool load_called(struct loader *loader, const struct node *node, struct protocol_step *step,
			const char *name, const struct protocol_setting *settings, size_t setting_count,
			int depth)
{
	const struct node *file = node_get(node, "file");
	char given[40];
	struct loader_scope scope = {
		.caller = loader->scope, .given = given, .settings = settings,
		.setting_count = setting_count,
	};
	struct protocol_call call = { .path = loader_path(loader, name) };
	struct tree *tree;
	size_t size, number;
	bool good = false;

	call.channel_names = loader_allocate(loader, LOADER_MAX_CHANNELS, sizeof(*call.channel_names));
	if (call.path && call.channel_names && is_new(loader, call.path, name, file->at) &&
	    load_names(loader, node_get(node, "channels"), call.channel_names))
		call.text = loader_read_file(loader, call.path, name, file->at, &size);
	if (!call.text) {
		protocol_call_clear(&call, loader->protocol->channel_count);
		return false;
	}
	number = add_call(loader, call);
	if (!number)
		return false;
	snprintf(given, sizeof(given), "line %d gives", step->at.line);
	scope.path = call.path;
	scope.file = number;
	scope.channel_names = call.channel_names;
	loader->scope = &scope;
	tree = tree_new(call.text, size, scope.file, loader->diagnostics);
	if (tree)
		good = load_file(loader, tree_root(tree), step, depth + 1);
	tree_free(tree);
	loader->scope = (struct loader_scope *)scope.caller;
	loader->protocol->calls[number - 1].inputs = scope.inputs;
	loader->protocol->calls[number - 1].input_count = scope.input_count;
	loader_scope_clear(&scope);
	if (good)
		relabel(loader, step->steps, step->step_count, number, step->at, name);
	return good;
}

bool load_call(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "file", "inputs", "channels" };
	struct protocol_setting settings[LOADER_MAX_INPUTS];
	size_t setting_count = 0;
	const struct node *file;
	char *name = NULL;
	bool good;

	step->verb = PROTOCOL_REPEAT;
	step->times = 1;
	file = LOADER_KEYS(loader, node, "call", keys) ? loader_need(loader, node, "file", "call", step->at) :
							 NULL;
	good = file && steps_deep_enough(loader, step, depth);
	if (good && loader->protocol->call_count == LOADER_MAX_CALLS) {
		loader_error(loader, step->at, "these are more than %d calls", LOADER_MAX_CALLS);
		good = false;
	}
	if (good)
		name = value_text(loader, file, "file");
	good = name && load_settings(loader, node_get(node, "inputs"), settings, &setting_count);
	good = good && load_called(loader, node, step, name, settings, setting_count, depth);
	for (size_t i = 0; i < setting_count; i++)
		free((char *)settings[i].value);
	if (good)
		step->text = loader_text(loader, "call %s", name);
	else
		steps_unknown(loader);
	free(name);
	return good && step->text;
}
