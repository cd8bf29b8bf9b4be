// SPDX-License-Identifier: GPL-2.0-or-later
/* notify: one line to another program, such as one that triggers a camera. */
#include <stdlib.h>
#include <string.h>

#include "steps.h"

#define MOST_TEXT 200	/* bytes: it is in the events, too */

static bool good_text(struct loader *loader, const struct node *node, const char *text)
{
	if (*text && strlen(text) <= MOST_TEXT && !strpbrk(text, "\r\n"))
		return true;
	loader_error(loader, node->at, "text: is one line of 1 to %d bytes, as it is sent with an end of line",
		     MOST_TEXT);
	return false;
}

bool load_notify(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "file", "fifo", "socket", "text" };
	const struct node *text;
	bool good;

	(void)depth;
	step->verb = PROTOCOL_NOTIFY;
	if (node->type != NODE_MAPPING) {
		loader_error(loader, node->at,
			     "notify takes where it goes and what it says, such as {fifo: camera.fifo, text: start}");
		return false;
	}
	if (!LOADER_KEYS(loader, node, "notify", keys))
		return false;
	good = loader_place(loader, node, "notify", true, &step->notify_place, &step->notify_path);
	text = loader_need(loader, node, "text", "notify", step->at);
	step->message = text ? value_text(loader, text, "text") : NULL;
	if (!step->message || !good_text(loader, text, step->message) || !good)
		return false;
	step->text = loader_text(loader, "notify %s: %s", step->notify_path, step->message);
	return step->text != NULL;
}
