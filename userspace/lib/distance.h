/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing what people type with what there is. Inside the project only. */
#ifndef DISTANCE_H
#define DISTANCE_H

#include <stddef.h>

/* Edit distance (insert, delete, replace, swap of neighbours), case ignored. */
size_t text_distance(const char *left, const char *right);

#endif /* DISTANCE_H */
