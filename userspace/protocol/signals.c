// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals: values from outside of the run, with a unit and an age they may reach. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "expression.h"
#include "loader.h"

#define SOURCES 3

/* In the order of enum protocol_signal_source. */
static const char *const sources[SOURCES] = { "file", "fifo", "socket" };

bool loader_place(struct loader *loader, const struct node *node, const char *what, bool out,
		  enum protocol_signal_source *place, char **path)
{
	const struct node *found = NULL;
	char *text;

	for (int i = 0; i < SOURCES; i++) {
		const struct node *source = node_get(node, sources[i]);

		if (!source)
			continue;
		if (found) {
			loader_error(loader, source->at,
				     "%s: %s one place, 'file', 'fifo' or 'socket', not %s two",
				     what, out ? "goes to" : "comes from", out ? "to" : "from");
			return false;
		}
		found = source;
		*place = i;
	}
	if (!found) {
		loader_error(loader, out ? node->at : node->key->at,
			     "%s: where does it %s? Give 'file', 'fifo' or 'socket' with a path", what,
			     out ? "go" : "come from");
		return false;
	}
	text = value_text(loader, found, sources[*place]);
	if (!text)
		return false;
	*path = loader_path(loader, text);
	free(text);
	if (*path && *place == PROTOCOL_SIGNAL_SOCKET &&
	    strlen(*path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		loader_error(loader, found->at,
			     "socket: this path is longer than the %zu characters that a socket's may have",
			     sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return false;
	}
	return *path != NULL;
}

static bool name_is_free(struct loader *loader, const struct node *node)
{
	if (expression_good_name(node->key->text) && !expression_reserved(node->key->text))
		return true;
	loader_error(loader, node->key->at,
		     "signal '%.40s': a name is a letter, then letters, digits and _, at most 31, and no word of expressions",
		     node->key->text);
	return false;
}

static bool load_signal(struct loader *loader, const struct node *node,
			struct protocol_signal *signal)
{
	static const char *const keys[] = { "file", "fifo", "socket", "unit", "max_age" };
	const struct node *unit, *age;
	char what[80];
	bool good;

	snprintf(what, sizeof(what), "signal '%.40s'", node->key->text);
	if (!name_is_free(loader, node) || !LOADER_KEYS(loader, node, what, keys))
		return false;
	good = loader_place(loader, node, what, false, &signal->source, &signal->path);
	unit = loader_need(loader, node, "unit", what, node->key->at);
	age = loader_need(loader, node, "max_age", what, node->key->at);
	if (unit)
		signal->unit = value_text(loader, unit, "unit");
	if (signal->unit && !nanodose_unit_known(signal->unit)) {
		loader_error(loader, unit->at,
			     "unit: \"%s\" is no unit, such as \"ng/mL\", \"degC\", or \"1\" for a bare number",
			     signal->unit);
		good = false;
	}
	good = good && signal->unit && age &&
	       value_positive(loader, age, "max_age", NANODOSE_DIMENSION_TIME, &signal->max_age_s, NULL);
	signal->at = node->key->at;
	signal->name = loader_text(loader, "%s", node->key->text);
	return good && signal->name;
}

bool protocol_signals_from(struct protocol *protocol, const char *folder)
{
	for (size_t i = 0; i < protocol->signal_count; i++) {
		struct protocol_signal *signal = &protocol->signals[i];
		char *path;

		if (asprintf(&path, "%s/%s", folder, signal->name) < 0)
			return false;
		free(signal->path);
		signal->path = path;
		signal->source = PROTOCOL_SIGNAL_FILE;
	}
	return true;
}

void protocol_signal_clear(struct protocol_signal *signal)
{
	free(signal->name);
	free(signal->path);
	free(signal->unit);
	*signal = (struct protocol_signal){ 0 };
}

void signals_load(struct loader *loader, const struct node *node)
{
	struct protocol *protocol = loader->protocol;

	if (!node)
		return;
	if (node->type != NODE_MAPPING || !node->first) {
		loader_error(loader, node->at,
			     "signals: is a mapping of names, such as \"marker: {file: marker.txt, unit: ng/mL, max_age: 10 min}\"");
		loader->signals_unknown = true;
		return;
	}
	protocol->signals = loader_allocate(loader, LOADER_MAX_SIGNALS, sizeof(*protocol->signals));
	if (!protocol->signals)
		return;
	for (const struct node *child = node->first; child; child = child->next) {
		struct protocol_signal *signal;

		if (protocol->signal_count == LOADER_MAX_SIGNALS) {
			loader_error(loader, child->key->at, "signals: there are more than %d",
				     LOADER_MAX_SIGNALS);
			return;
		}
		signal = &protocol->signals[protocol->signal_count];
		if (load_signal(loader, child, signal)) {
			protocol->signal_count++;
		} else {
			protocol_signal_clear(signal);
			loader->signals_unknown = true;
		}
	}
}

long signals_find(const struct protocol *protocol, const char *name)
{
	for (size_t i = 0; i < protocol->signal_count; i++) {
		if (!strcmp(protocol->signals[i].name, name))
			return i;
	}
	return -1;
}
