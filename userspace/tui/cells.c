// SPDX-License-Identifier: GPL-2.0-or-later
#include "cells.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

struct cells *cells_new(int rows, int columns, bool utf8)
{
	struct cells *cells = calloc(1, sizeof(*cells));

	if (!cells)
		return NULL;
	cells->rows = rows;
	cells->columns = columns;
	cells->utf8 = utf8;
	cells->grid = calloc((size_t)rows * columns + 1, sizeof(*cells->grid));
	if (!cells->grid) {
		free(cells);
		return NULL;
	}
	cells_clear(cells);
	return cells;
}

void cells_free(struct cells *cells)
{
	if (!cells)
		return;
	free(cells->grid);
	free(cells);
}

void cells_clear(struct cells *cells)
{
	for (int i = 0; i < cells->rows * cells->columns; i++)
		cells->grid[i] = (struct cell){ .character = ' ', .style = CELL_NORMAL };
}

void cells_put(struct cells *cells, int row, int column, uint32_t character, enum cell_style style)
{
	struct cell *cell;

	if (row < 0 || row >= cells->rows || column < 0 || column >= cells->columns)
		return;
	if (!cells->utf8)
		character = text_to_ascii(character);
	cell = &cells->grid[row * cells->columns + column];
	/* Half of a wide character must not stay behind. */
	if (cell->character == CELL_CONTINUED && column > 0)
		cell[-1].character = ' ';
	if (column + 1 < cells->columns && cell[1].character == CELL_CONTINUED)
		cell[1].character = ' ';
	cell->character = character;
	cell->style = style;
}

void cells_fill(struct cells *cells, int row, int column, int width, uint32_t character,
		enum cell_style style)
{
	for (int i = 0; i < width; i++)
		cells_put(cells, row, column + i, character, style);
}

static int put_wide(struct cells *cells, int row, int column, uint32_t character,
		    enum cell_style style)
{
	if (!cells->utf8 || column < 0 || column + 1 >= cells->columns) {
		cells_put(cells, row, column, cells->utf8 ? TEXT_BAD : '?', style);
		cells_put(cells, row, column + 1, ' ', style);
		return 2;
	}
	cells_put(cells, row, column + 1, ' ', style);
	cells_put(cells, row, column, character, style);
	if (row >= 0 && row < cells->rows)
		cells->grid[row * cells->columns + column + 1].character = CELL_CONTINUED;
	return 2;
}

int cells_text(struct cells *cells, int row, int column, int width, enum cell_style style,
	       const char *format, ...)
{
	char buffer[2048];
	const char *text = buffer;
	int end = column + width;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	va_end(arguments);
	if (end > cells->columns)
		end = cells->columns;

	while (*text) {
		uint32_t character = text_next(&text);
		int columns = text_character_columns(character);

		if (!columns)
			continue;
		if (column + columns > end || (column + columns == end && *text && text_columns(text))) {
			if (column < end)
				cells_put(cells, row, column, cells->utf8 ? 0x2026 : '~', style);
			for (column++; column < end; column++)
				cells_put(cells, row, column, ' ', style);
			return end;
		}
		if (columns == 2) {
			column += put_wide(cells, row, column, character, style);
		} else {
			cells_put(cells, row, column, character, style);
			column++;
		}
	}
	return column;
}

char *cells_to_text(const struct cells *cells)
{
	char *text = malloc(((size_t)cells->columns * 4 + 1) * cells->rows + 1);
	char *at = text;

	if (!text)
		return NULL;
	for (int row = 0; row < cells->rows; row++) {
		const struct cell *line = &cells->grid[row * cells->columns];
		int end = cells->columns;

		while (end > 0 && line[end - 1].character == ' ')
			end--;
		for (int column = 0; column < end; column++)
			if (line[column].character != CELL_CONTINUED)
				at += text_encode(line[column].character, at);
		*at++ = '\n';
	}
	*at = '\0';
	return text;
}
