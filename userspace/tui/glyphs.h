/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The characters the picture is made of, and what stands for them in ASCII. */
#ifndef GLYPHS_H
#define GLYPHS_H

#include <stdbool.h>
#include <stdint.h>

struct glyphs {
	uint32_t rule, bar_left, bar_right;
	uint32_t axis_y, tick_y, corner, axis_x, tick_x, marker;
	uint32_t box_top_left, box_top_right, box_bottom_left, box_bottom_right, box_x, box_y;
	uint32_t done, active, skipped, warning, fault;
	const char *degree, *plus_minus, *arrows, *flow_line, *setpoint_line;
};

const struct glyphs *glyphs_of(bool utf8);

#endif /* GLYPHS_H */
