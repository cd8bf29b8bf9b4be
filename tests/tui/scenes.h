/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made-up runs to draw: the same every time, at any instant of theirs. */
#ifndef SCENES_H
#define SCENES_H

#include "runner.h"
#include "screen.h"

struct scene {
	struct run_view view;
	struct screen_state state;
};

/* NULL: no scene of that name. @elapsed_s below 0: the instant the scene is about. */
struct scene *scene_new(const char *name, double elapsed_s);
void scene_free(struct scene *scene);

#endif /* SCENES_H */
