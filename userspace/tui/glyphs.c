// SPDX-License-Identifier: GPL-2.0-or-later
#include "glyphs.h"

static const struct glyphs unicode = {
	.rule = 0x2500, .bar_left = 0x2595, .bar_right = 0x258f,
	.axis_y = 0x2502, .tick_y = 0x2524, .corner = 0x2514, .axis_x = 0x2500, .tick_x = 0x252c,
	.marker = 0x25c4,
	.box_top_left = 0x250c, .box_top_right = 0x2510,
	.box_bottom_left = 0x2514, .box_bottom_right = 0x2518, .box_x = 0x2500, .box_y = 0x2502,
	.done = 0x2713, .active = 0x25ba, .skipped = 0x2013, .warning = '!', .fault = 0x2716,
	.degree = "\u00b0", .plus_minus = "\u00b1", .arrows = "\u2191\u2193",
	.flow_line = "\u2812\u2812", .setpoint_line = "\u2802\u2802",
};

static const struct glyphs ascii = {
	.rule = '-', .bar_left = '[', .bar_right = ']',
	.axis_y = '|', .tick_y = '+', .corner = '+', .axis_x = '-', .tick_x = '+', .marker = '<',
	.box_top_left = '+', .box_top_right = '+',
	.box_bottom_left = '+', .box_bottom_right = '+', .box_x = '-', .box_y = '|',
	.done = 'v', .active = '>', .skipped = '-', .warning = '!', .fault = 'X',
	.degree = "", .plus_minus = "+-", .arrows = "up/down",
	.flow_line = "**", .setpoint_line = "--",
};

const struct glyphs *glyphs_of(bool utf8)
{
	return utf8 ? &unicode : &ascii;
}
