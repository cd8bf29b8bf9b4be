/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dots below the size of a character: 2 x 4 a cell with Unicode's braille
 * patterns, 1 x 1 in ASCII. Layers are told apart by their form as well as by
 * their style: the caller draws one solid and the others dotted, ASCII has '*',
 * '-' and '.'.
 */
#ifndef CANVAS_H
#define CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "cells.h"

enum canvas_layer { CANVAS_BAND, CANVAS_SETPOINT, CANVAS_FLOW, CANVAS_LAYERS };

struct canvas {
	int rows, columns;	/* cells */
	int height, width;	/* dots */
	bool utf8;
	uint8_t *dots[CANVAS_LAYERS];	/* a bit a dot, one byte a cell */
};

/* False: no memory. */
bool canvas_init(struct canvas *canvas, int rows, int columns, bool utf8);
void canvas_release(struct canvas *canvas);
/* From the top left; clipped. */
void canvas_dot(struct canvas *canvas, enum canvas_layer layer, int y, int x);
/* Where several layers have dots in a cell, the later one's style wins. */
void canvas_draw(const struct canvas *canvas, struct cells *cells, int row, int column);

#endif /* CANVAS_H */
