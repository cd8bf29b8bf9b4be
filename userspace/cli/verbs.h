/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of the nanodose command, one file each. A verb gets its own
 * arguments, argv[0] being "nanodose VERB", and returns the exit status (enum
 * nanodose_exit). It handles --help itself, by verb_help().
 */
#ifndef VERBS_H
#define VERBS_H

#include <stddef.h>

struct verb {
	const char *name;
	const char *arguments;	/* for usage, after the name */
	const char *help;	/* one line */
	int (*run)(int argc, char **argv);
};

extern const struct verb verbs[];
extern const size_t verb_count;

int verb_list(int argc, char **argv);
int verb_info(int argc, char **argv);
int verb_monitor(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_plan(int argc, char **argv);
int verb_rehearse(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_attach(int argc, char **argv);
int verb_stop(int argc, char **argv);
int verb_jog(int argc, char **argv);
int verb_prime(int argc, char **argv);
int verb_home(int argc, char **argv);
int verb_calibrate(int argc, char **argv);
int verb_setup(int argc, char **argv);
int verb_export(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_verify(int argc, char **argv);

/* Prints usage, the one line and @options (lines, may be NULL) to stdout; returns 0. */
int verb_help(const char *verb, const char *options);
/*
 * verb_usage_error() - "nanodose VERB: message", how to call it; returns 2
 * @format: NULL when getopt has already said what is wrong
 */
int verb_usage_error(const char *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Flushes stdout; 0, or 1 and a message if what was printed could not be written. */
int verb_output_done(const char *verb);

#endif /* VERBS_H */
