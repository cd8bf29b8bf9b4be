// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <string.h>

#include "distance.h"

#define LONGEST 63	/* characters compared; names here are shorter */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t text_distance(const char *left, const char *right)
{
	size_t rows[3][LONGEST + 1], *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t height = least(strlen(left), LONGEST), width = least(strlen(right), LONGEST);
	size_t i, j;

	for (j = 0; j <= width; j++) {
		above[j] = j;
		before[j] = 0;
	}
	for (i = 1; i <= height; i++) {
		row[0] = i;
		for (j = 1; j <= width; j++) {
			int a = tolower((unsigned char)left[i - 1]);
			int b = tolower((unsigned char)right[j - 1]);

			row[j] = least(above[j - 1] + (a != b), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a == tolower((unsigned char)right[j - 2]) &&
			    b == tolower((unsigned char)left[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[width];
}
