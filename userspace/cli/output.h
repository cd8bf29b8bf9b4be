/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is made of a run file, to standard output or into a file. */
#ifndef OUTPUT_H
#define OUTPUT_H

/* Writes what it makes of the run file to stream (a FILE *); -1 and *error to free. */
typedef int output_function(const char *run, void *stream, char **error);

/*
 * output_run() - @function's work to the file @output; the exit status
 * @verb: for messages
 * @output: NULL or "-" is standard output. Never the run itself; a file of
 *	that name is replaced once all is written, not before.
 */
int output_run(const char *verb, const char *run, const char *output, output_function *function);

#endif /* OUTPUT_H */
