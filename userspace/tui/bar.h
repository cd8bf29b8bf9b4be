/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A progress bar: eighths of a block, or '#' in ASCII. */
#ifndef BAR_H
#define BAR_H

#include "cells.h"

/*
 * @width counts the two ends. @fraction is cut to 0..1; NAN draws an empty
 * bar. It is full only at 1: what remains to be done stays visible.
 */
void bar_draw(struct cells *cells, int row, int column, int width, double fraction);

#endif /* BAR_H */
