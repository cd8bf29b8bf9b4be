/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the virtual machine: process 1, in two parts. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>

#define EXIT_USAGE 2
#define EXIT_BROKEN 70

/* What the host wants, from the job folder. */
struct job {
	const char *folder;
	const char *checkout;
	bool travel;		/* time runs only while everybody waits */
	bool debug;		/* look for leaks at the end */
	bool emulated;		/* QEMU with a kernel of the distribution */
	bool bare;		/* no modules, no rigs */
};

/* What the user called: starts what is said to them. */
extern const char *machine_name;

/* relay.c: the command and its streams. */
int relay_open(bool travel);
void relay_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Run the command of the job to its end; the status as a shell gives it. */
int relay_run(const struct job *job);
void relay_exit(int status);

/* guest.c */
/* Contents of a file of the job folder; NULL if absent. Ends in a NUL byte. */
char *job_read(const struct job *job, const char *name, size_t *length);

#endif /* GUEST_H */
