/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the page in their order. Inside report/ only. */
#ifndef SECTIONS_H
#define SECTIONS_H

#include <stdio.h>

#include "source.h"

void section_summary(FILE *out, const struct source *source);
void section_doses(FILE *out, const struct source *source);
void section_plots(FILE *out, const struct source *source);
/* These read tables of their own; 0, or -1 and *error. */
int section_events(FILE *out, const struct source *source, char **error);
int section_protocol(FILE *out, const struct source *source, char **error);
void section_pumps(FILE *out, const struct source *source);
int section_origin(FILE *out, const struct source *source, char **error);

#endif /* SECTIONS_H */
