/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIST_WATCH_H
#define LIST_WATCH_H

#include <stdbool.h>

/* The pumps that are there, then each that comes or goes, a line each, until it is ended. */
int list_watch(bool json);

#endif /* LIST_WATCH_H */
