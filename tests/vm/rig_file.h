/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RIG_FILE_H
#define RIG_FILE_H

#include <stdbool.h>
#include <stdio.h>

/*
 * A rig file, YAML of the plainest kind, to lines "rig NAME" and
 * "set NAME KEY VALUE" on out:
 *
 *	rig0:                       # a rig
 *	  compliance_fl_per_pa: 500 # its parameters: integers or words
 *	rig1: {}                    # one with nothing but defaults
 *
 * False: there was something wrong, and complaints says what, by path and line.
 */
bool rig_file_read(FILE *in, const char *path, FILE *out, FILE *complaints);

/* Letters, digits and what is in more: safe in a path, on a line and in a shell. */
bool rig_word(const char *text, const char *more);

#endif
