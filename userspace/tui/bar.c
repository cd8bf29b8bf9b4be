// SPDX-License-Identifier: GPL-2.0-or-later
#include "bar.h"

#include <math.h>

#include "glyphs.h"

#define FULL_BLOCK 0x2588	/* the seven before it are 7/8 down to 1/8 at + 1 to + 7 */

void bar_draw(struct cells *cells, int row, int column, int width, double fraction)
{
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	int parts = cells->utf8 ? 8 : 1, inner = width - 2, filled, rest;

	if (inner < 1)
		return;
	if (!(fraction > 0))
		fraction = 0;
	if (fraction > 1)
		fraction = 1;
	/* The small addition undoes the rounding of, say, 0.3 * 10. */
	filled = floor(fraction * inner * parts + 1e-9);
	rest = filled % parts;
	filled /= parts;

	cells_put(cells, row, column, glyphs->bar_left, CELL_DIM);
	cells_fill(cells, row, column + 1, inner, ' ', CELL_BAR);
	cells_fill(cells, row, column + 1, filled, cells->utf8 ? FULL_BLOCK : '#', CELL_BAR);
	if (rest)
		cells_put(cells, row, column + 1 + filled, FULL_BLOCK + 8 - rest, CELL_BAR);
	cells_put(cells, row, column + width - 1, glyphs->bar_right, CELL_DIM);
}
