// SPDX-License-Identifier: GPL-2.0-or-later
#include "canvas.h"

#include <stdlib.h>

#define BRAILLE 0x2800

bool canvas_init(struct canvas *canvas, int rows, int columns, bool utf8)
{
	*canvas = (struct canvas){
		.rows = rows, .columns = columns, .utf8 = utf8,
		.height = rows * (utf8 ? 4 : 1), .width = columns * (utf8 ? 2 : 1),
	};
	canvas->dots[0] = calloc(CANVAS_LAYERS, (size_t)rows * columns);
	canvas->dots[1] = canvas->dots[0] + (size_t)rows * columns;
	return canvas->dots[0];
}

void canvas_release(struct canvas *canvas)
{
	free(canvas->dots[0]);
}

void canvas_dot(struct canvas *canvas, enum canvas_layer layer, int y, int x)
{
	/* Unicode numbers the left column 1 2 3 7, the right one 4 5 6 8. */
	static const uint8_t bits[4][2] = {
		{ 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 },
	};

	if (y < 0 || y >= canvas->height || x < 0 || x >= canvas->width)
		return;
	if (canvas->utf8)
		canvas->dots[layer][y / 4 * canvas->columns + x / 2] |= bits[y % 4][x % 2];
	else
		canvas->dots[layer][y * canvas->columns + x] = 1;
}

void canvas_draw(const struct canvas *canvas, struct cells *cells, int row, int column)
{
	for (int y = 0; y < canvas->rows; y++) {
		for (int x = 0; x < canvas->columns; x++) {
			uint8_t flow = canvas->dots[CANVAS_FLOW][y * canvas->columns + x];
			uint8_t setpoint = canvas->dots[CANVAS_SETPOINT][y * canvas->columns + x];
			uint32_t character = flow ? '*' : '-';

			if (!flow && !setpoint)
				continue;
			if (canvas->utf8)
				character = BRAILLE + (flow | setpoint);
			cells_put(cells, row + y, column + x, character,
				  flow ? CELL_FLOW : CELL_SETPOINT);
		}
	}
}
