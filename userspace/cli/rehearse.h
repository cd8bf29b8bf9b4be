/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rehearsal: the protocol on the real driver and a model of the rig, in a
 * virtual machine whose idle time takes none.
 *
 *	rehearse		- the arguments; a rehearsal where simulated rigs are
 *	rehearse_machine	- a machine with the model of the rig
 *	rehearse_fit		- the model of the rig from the record of a run
 *	rehearse_faults		- faults of the rig at chosen times
 *	rehearse_signals	- signals of the protocol, likewise
 */
#ifndef REHEARSE_H
#define REHEARSE_H

#include <sys/types.h>
#include <time.h>

#include "run_file.h"

#define REHEARSE_MAX_FAULTS 32
#define REHEARSE_MAX_SIGNALS 64

struct rehearse_fault {
	const char *written;	/* as given, "occlusion@12min" */
	char name[24];		/* of the rig's fault, "occlusion" */
	char channel[32];	/* "": every channel */
	char value[24];		/* "1" where none was given */
	double begin_s;		/* since the run began */
	double duration_s;	/* INFINITY: it stays */
};

struct rehearse_signal {
	const char *written;	/* as given, "marker=40@12min" */
	char name[32];		/* of the protocol's signal */
	char value[64];		/* or "lost" */
	double at_s;		/* since the run began */
};

struct rehearsal {
	struct run_arguments run;
	const char *rig;	/* --rig; NULL: the protocol's, or one made up from it */
	const char *rig_from;	/* --rig-from: a run file; before these two */
	struct rehearse_fault faults[REHEARSE_MAX_FAULTS];
	unsigned int fault_count;
	struct rehearse_signal signals[REHEARSE_MAX_SIGNALS];
	unsigned int signal_count;
	bool here;
};

/* One --fault; 0, or the exit status after a message. */
int rehearse_add_fault(struct rehearsal *rehearsal, const char *text);
/* True if each fault's channel is one of the protocol's; else it is told. */
bool rehearse_faults_good(const struct rehearsal *rehearsal, const struct protocol *protocol);
/* True if the rig of that name is simulated by this kernel. */
bool rehearse_simulated(const char *rig);
/*
 * rehearse_start_faults() - a process that makes the faults happen
 * @rigs: by channel, the names of the simulated rigs
 * Times count from now. It ends with this process. -1 with errno.
 */
pid_t rehearse_start_faults(const struct rehearsal *rehearsal, const struct protocol *protocol,
			    char *const *rigs);
/* One --signal; 0, or the exit status after a message. */
int rehearse_add_signal(struct rehearsal *rehearsal, const char *text);
/* True if each is a signal of the protocol, and each of these is given; else it is told. */
bool rehearse_signals_good(const struct rehearsal *rehearsal, const struct protocol *protocol);
/* A process that keeps files of the signals' names in @folder; as the one above. */
pid_t rehearse_start_signals(const struct rehearsal *rehearsal, const struct protocol *protocol,
			     const char *folder);
void rehearse_remove_signals(const struct protocol *protocol, const char *folder);

/* What the two share: "12min" to seconds; a word into a buffer; waiting since a beginning. */
bool rehearse_parse_time(const char *text, size_t length, double *value_s);
bool rehearse_copy(char *to, size_t size, const char *from, size_t length);
void rehearse_sleep_until(const struct timespec *begin, double at_s);

/*
 * rehearse_fit() - the text of a rig file, fitted to the record of a run
 * @path: the run file; it must have the protocol's channels
 * Tells what was found, a line for each channel. NULL after a message; to be freed.
 */
char *rehearse_fit(const char *path, const struct protocol *protocol);
/*
 * In a machine of its own; returns the exit status.
 * @fitted: the text of the rig file to take, NULL if there is none
 */
int rehearse_in_machine(const struct rehearsal *rehearsal, const struct protocol *protocol,
			const char *fitted);

#endif /* REHEARSE_H */
