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
	for (int i = 1; i < CANVAS_LAYERS; i++)
		canvas->dots[i] = canvas->dots[0] + (size_t)rows * columns * i;
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
	static const enum cell_style styles[CANVAS_LAYERS] = {
		[CANVAS_BAND] = CELL_DIM, [CANVAS_SETPOINT] = CELL_SETPOINT, [CANVAS_FLOW] = CELL_FLOW,
	};
	static const char ascii[CANVAS_LAYERS] = {
		[CANVAS_BAND] = '.', [CANVAS_SETPOINT] = '-', [CANVAS_FLOW] = '*',
	};

	for (int y = 0; y < canvas->rows; y++) {
		for (int x = 0; x < canvas->columns; x++) {
			uint8_t dots = 0;
			int top = -1;

			for (int i = 0; i < CANVAS_LAYERS; i++) {
				uint8_t more = canvas->dots[i][y * canvas->columns + x];

				dots |= more;
				top = more ? i : top;
			}
			if (top >= 0)
				cells_put(cells, row + y, column + x,
					  canvas->utf8 ? BRAILLE + dots : ascii[top], styles[top]);
		}
	}
}
