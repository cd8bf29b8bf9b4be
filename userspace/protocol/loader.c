// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a protocol file: the file itself and its top level. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader.h"
#include "wording.h"

#define MAX_FILE (1u << 20)	/* bytes */

static const struct source_position whole_file;

void loader_error(struct loader *loader, struct source_position at, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	diagnostics_add(loader->diagnostics, at, false, "%s", text);
}

void loader_warning(struct loader *loader, struct source_position at, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	diagnostics_add(loader->diagnostics, at, true, "%s", text);
}

static void out_of_memory(struct loader *loader)
{
	if (!loader->no_memory)
		loader_error(loader, whole_file, "out of memory");
	loader->no_memory = true;
}

void *loader_allocate(struct loader *loader, size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		out_of_memory(loader);
	return memory;
}

char *loader_text(struct loader *loader, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text)
		out_of_memory(loader);
	return text;
}

bool loader_keys(struct loader *loader, const struct node *node, const char *what,
		 const char *const *keys, size_t count)
{
	char known[256];

	join_words(keys, count, known, sizeof(known));
	if (node->type != NODE_MAPPING) {
		loader_error(loader, node->at, "%s must be a mapping with the keys %s", what, known);
		return false;
	}
	for (const struct node *one = node->first; one; one = one->next) {
		const char *near, *after;
		size_t i = 0;

		while (i < count && strcmp(keys[i], one->key->text))
			i++;
		if (i < count)
			continue;
		near = nearest_word(one->key->text, keys, count);
		after = one->key->text + strcspn(one->key->text, " :");
		if (isdigit((unsigned char)one->key->text[0]))
			loader_error(loader, one->key->at,
				     "'%s' has become a key of its own in %s; write a decimal point as \".\", not as a comma",
				     one->key->text, what);
		else if (*after == ':')
			loader_error(loader, one->key->at,
				     "unknown key '%s' in %s; a key's ':' has a space behind it",
				     one->key->text, what);
		else if (near)
			loader_error(loader, one->key->at, "unknown key '%s' in %s, did you mean '%s'?",
				     one->key->text, what, near);
		else
			loader_error(loader, one->key->at, "unknown key '%s' in %s, known are %s",
				     one->key->text, what, known);
	}
	return true;
}

const struct node *loader_need(struct loader *loader, const struct node *mapping,
			       const char *key, const char *what, struct source_position at)
{
	const struct node *node = node_get(mapping, key);

	if (!node)
		loader_error(loader, at, "'%s' is missing in %s", key, what);
	return node;
}

/* ---- the file --------------------------------------------------------------------- */

char *loader_path(struct loader *loader, const char *written)
{
	const char *slash = strrchr(loader->scope->path, '/');

	if (*written == '/' || !slash)
		return loader_text(loader, "%s", written);
	return loader_text(loader, "%.*s/%s", (int)(slash - loader->scope->path), loader->scope->path,
			   written);
}

char *loader_read_file(struct loader *loader, const char *path, const char *written, struct source_position at,
		       size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL;
	ssize_t got = -1;

	*size = 0;
	if (fd >= 0)
		text = loader_allocate(loader, MAX_FILE + 2, 1);
	if (fd >= 0 && !text) {
		close(fd);
		return NULL;
	}
	while (fd >= 0 && *size <= MAX_FILE) {
		got = read(fd, text + *size, MAX_FILE + 1 - *size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*size += got;
	}
	if (got < 0 && written)
		loader_error(loader, at, "\"%s\" cannot be read: %s; the path counts from the folder of the file that names it",
			     written, strerror(errno));
	else if (got < 0)
		loader_error(loader, at, "cannot be read: %s%s", strerror(errno),
			     errno == EISDIR ? "; name a protocol file in it" : "");
	if (fd >= 0)
		close(fd);
	if (got >= 0 && *size > MAX_FILE)
		loader_error(loader, at, "is larger than 1 MiB, which no protocol is");
	if (got >= 0 && *size <= MAX_FILE)
		return text;
	free(text);
	return NULL;
}

/* ---- the top level ---------------------------------------------------------------- */

void loader_version(struct loader *loader, const struct node *root, const char *what)
{
	const struct node *node = node_get(root, "nanodose");

	if (!node)
		loader_error(loader, root->at,
			     "the key 'nanodose' is missing; %s says 'nanodose: 1', the version of its language", what);
	else if (node->type != NODE_SCALAR || strcmp(node->text, "1"))
		loader_error(loader, node->at, "nanodose: this program reads version 1 of the language, not \"%s\"",
			     node->type == NODE_SCALAR ? node->text : node_type_name(node));
}

/* "protocols/demo.yaml" is called "demo" unless it says otherwise. */
static void load_name(struct loader *loader, const struct node *root)
{
	struct protocol *protocol = loader->protocol;
	const struct node *node = node_get(root, "name");
	const char *base = strrchr(protocol->path, '/');
	const char *end;

	if (node) {
		protocol->name = value_text(loader, node, "name");
		return;
	}
	base = base ? base + 1 : protocol->path;
	end = strrchr(base, '.');
	if (!end || end == base)
		end = base + strlen(base);
	protocol->name = loader_text(loader, "%.*s", (int)(end - base), base);
}

static void load_rig(struct loader *loader, const struct node *root)
{
	struct protocol *protocol = loader->protocol;
	const struct node *node = node_get(root, "rig");
	struct stat status;
	char *text;

	if (!node)
		return;
	text = value_text(loader, node, "rig");
	if (!text)
		return;
	protocol->rig = loader_path(loader, text);
	if (protocol->rig && (stat(protocol->rig, &status) || !S_ISREG(status.st_mode)))
		loader_error(loader, node->at,
			     "rig: there is no file \"%s\"; the path counts from the protocol's folder",
			     text);
	free(text);
}

void loader_unused_inputs(struct loader *loader)
{
	const struct loader_scope *scope = loader->scope;

	for (size_t i = 0; i < scope->input_count; i++) {
		if (!scope->input_used[i])
			loader_warning(loader, scope->input_at[i], "input '%s' is used nowhere",
				       scope->inputs[i].name);
	}
}

static void report_unused(struct loader *loader)
{
	const struct protocol *protocol = loader->protocol;

	for (size_t i = 0; i < protocol->channel_count; i++) {
		if (!loader->channels[i].used && !loader->uses_unknown)
			loader_error(loader, protocol->channels[i].at,
				     "channel '%s' is used by no step; use it or remove it",
				     protocol->channels[i].name);
	}
	loader_unused_inputs(loader);
	for (size_t i = 0; i < protocol->signal_count; i++) {
		if (!loader->signal_used[i] && !loader->uses_unknown)
			loader_error(loader, protocol->signals[i].at,
				     "signal '%s' is used by no condition; use it, as signal.%s, or remove it",
				     protocol->signals[i].name, protocol->signals[i].name);
	}
}

static void load_root(struct loader *loader, const struct node *root)
{
	static const char *const keys[] = {
		"nanodose", "name", "rig", "inputs", "signals", "channels", "limits", "steps", "on",
	};
	const struct node *channels, *steps;

	if (!root || (root->type == NODE_SCALAR && !*root->text)) {
		loader_error(loader, whole_file, "is empty; a protocol begins with 'nanodose: 1'");
		return;
	}
	if (root->type != NODE_MAPPING) {
		loader_error(loader, root->at, "a protocol is a mapping that begins with 'nanodose: 1', not %s",
			     node_type_name(root));
		return;
	}
	LOADER_KEYS(loader, root, "a protocol", keys);
	loader_version(loader, root, "a protocol");
	inputs_load(loader, node_get(root, "inputs"));
	signals_load(loader, node_get(root, "signals"));
	load_name(loader, root);
	load_rig(loader, root);
	channels = loader_need(loader, root, "channels", "the protocol", root->at);
	channels_load(loader, channels);
	limits_load(loader, node_get(root, "limits"));
	steps = loader_need(loader, root, "steps", "the protocol", root->at);
	if (steps)
		steps_load(loader, steps);
	rules_load(loader, node_get(root, "on"));
	if (steps && channels) {
		report_unused(loader);
		amounts_check(loader);
	}
}

static void load(struct loader *loader, const char *path)
{
	struct protocol *protocol = loader->protocol;
	struct tree *tree;
	size_t size;

	protocol->path = loader_text(loader, "%s", path);
	protocol->text = loader_read_file(loader, path, NULL, whole_file, &size);
	if (!protocol->path || !protocol->text)
		return;
	/* Outlives the protocol; without it messages are not marked in their line. */
	loader->diagnostics->source = strdup(protocol->text);
	tree = tree_new(protocol->text, size, 0, loader->diagnostics);
	if (tree)
		load_root(loader, tree_root(tree));
	tree_free(tree);
}

struct protocol *protocol_load(const char *path, const struct protocol_setting *settings,
			       size_t setting_count, struct diagnostics *diagnostics)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	struct protocol *protocol = calloc(1, sizeof(*protocol));
	struct loader_scope scope = {
		.path = path, .given = "--set", .settings = settings, .setting_count = setting_count,
	};

	*diagnostics = (struct diagnostics){ .file = path };
	if (loader && protocol) {
		loader->protocol = protocol;
		loader->diagnostics = diagnostics;
		loader->scope = &scope;
		load(loader, path);
		protocol->inputs = scope.inputs;
		protocol->input_count = scope.input_count;
		for (size_t i = 0; i < LOADER_MAX_CHANNELS; i++) {
			for (int k = 0; k < PROTOCOL_STRICTNESSES; k++)
				limits_clear(&loader->channels[i].limits[k]);
		}
		for (int k = 0; k < PROTOCOL_STRICTNESSES; k++)
			limits_clear(&loader->total_written[k]);
		loader_scope_clear(&scope);
	} else {
		diagnostics_add(diagnostics, whole_file, false, "out of memory");
	}
	free(loader);
	if (diagnostics->errors) {
		protocol_free(protocol);
		return NULL;
	}
	return protocol;
}

void loader_scope_clear(struct loader_scope *scope)
{
	free(scope->input_at);
	free(scope->input_used);
}

void protocol_step_clear(struct protocol_step *step)
{
	for (size_t i = 0; i < step->step_count; i++)
		protocol_step_clear(&step->steps[i]);
	for (size_t i = 0; i < step->other_count; i++)
		protocol_step_clear(&step->others[i]);
	for (size_t i = 0; i < step->flow_count; i++)
		free(step->flows[i].points);
	free(step->steps);
	free(step->others);
	free(step->flows);
	free(step->text);
	free(step->message);
	free(step->notify_path);
	free(step->until);
}

void protocol_call_clear(struct protocol_call *call, size_t channel_count)
{
	for (size_t i = 0; i < call->input_count; i++)
		protocol_input_clear(&call->inputs[i]);
	free(call->inputs);
	for (size_t i = 0; call->channel_names && i < channel_count; i++)
		free(call->channel_names[i]);
	free(call->channel_names);
	free(call->path);
	free(call->text);
}

void protocol_free(struct protocol *protocol)
{
	if (!protocol)
		return;
	for (size_t i = 0; i < protocol->step_count; i++)
		protocol_step_clear(&protocol->steps[i]);
	free(protocol->steps);
	for (size_t i = 0; i < PROTOCOL_TROUBLES; i++) {
		for (size_t j = 0; j < protocol->rules[i].step_count; j++)
			protocol_step_clear(&protocol->rules[i].steps[j]);
		free(protocol->rules[i].steps);
	}
	for (size_t i = 0; i < protocol->soft_count; i++)
		free(protocol->soft_texts[i]);
	free(protocol->soft_texts);
	for (size_t i = 0; i < protocol->channel_count; i++) {
		free(protocol->channels[i].name);
		free(protocol->channels[i].pump);
		free(protocol->channels[i].fluid);
		free((char *)protocol->channels[i].own_syringe.name);
		free(protocol->channels[i].loaded_text);
		free(protocol->channels[i].peak_text);
	}
	free(protocol->channels);
	for (size_t i = 0; i < protocol->input_count; i++)
		protocol_input_clear(&protocol->inputs[i]);
	free(protocol->inputs);
	for (size_t i = 0; i < protocol->call_count; i++)
		protocol_call_clear(&protocol->calls[i], protocol->channel_count);
	free(protocol->calls);
	for (size_t i = 0; i < protocol->signal_count; i++)
		protocol_signal_clear(&protocol->signals[i]);
	free(protocol->signals);
	free(protocol->path);
	free(protocol->text);
	free(protocol->name);
	free(protocol->rig);
	free(protocol);
}
