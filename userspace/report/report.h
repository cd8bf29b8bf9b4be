/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run as one HTML page that needs nothing else: no script, no second file,
 * plots as SVG, fit for the screen and for paper. It stays below 1 MB however
 * long the run was; what is left out of a plot is never its extremes.
 */
#ifndef REPORT_H
#define REPORT_H

/*
 * report_write() - the report of the run file at @path, to @stream (a FILE *)
 * Returns 0, or -1 and a message in *error, to be freed by the caller. A run
 * that was cut short or still goes on is reported as such.
 */
int report_write(const char *path, void *stream, char **error);

#endif /* REPORT_H */
