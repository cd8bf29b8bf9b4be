/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A grid of character cells: what the screen shows, as data. */
#ifndef CELLS_H
#define CELLS_H

#include <stdbool.h>
#include <stdint.h>

enum cell_style {
	CELL_NORMAL, CELL_DIM, CELL_BOLD, CELL_TITLE, CELL_SETPOINT, CELL_FLOW,
	CELL_GOOD, CELL_WARNING, CELL_FAULT, CELL_BAR, CELL_KEY,
	CELL_STYLES,
};

#define CELL_CONTINUED 0	/* right half of the wide character before it */

struct cell {
	uint32_t character;	/* Unicode, or CELL_CONTINUED */
	uint8_t style;
};

struct cells {
	int rows, columns;
	bool utf8;		/* else ASCII only */
	struct cell *grid;	/* rows * columns */
};

struct cells *cells_new(int rows, int columns, bool utf8);
void cells_free(struct cells *cells);
void cells_clear(struct cells *cells);
/*
 * Clipped at the edges and to @width columns, with an ellipsis where something
 * was cut; text is UTF-8; returns the column after the text.
 */
int cells_text(struct cells *cells, int row, int column, int width, enum cell_style style,
	       const char *format, ...) __attribute__((format(printf, 6, 7)));
/* One narrow character; its nearest ASCII where the grid is ASCII. */
void cells_put(struct cells *cells, int row, int column, uint32_t character, enum cell_style style);
void cells_fill(struct cells *cells, int row, int column, int width, uint32_t character,
		enum cell_style style);
/* Trailing blanks cut, one line a row; to be freed. */
char *cells_to_text(const struct cells *cells);

#endif /* CELLS_H */
