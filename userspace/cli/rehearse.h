/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rehearsal: the protocol on the real driver and a model of the rig, in a
 * virtual machine whose idle time takes none.
 *
 *	rehearse		- the arguments; a rehearsal where simulated rigs are
 *	rehearse_machine	- a machine with the model of the rig
 *	rehearse_faults		- faults of the rig at chosen times
 */
#ifndef REHEARSE_H
#define REHEARSE_H

#include <sys/types.h>

#include "run_file.h"

#define REHEARSE_MAX_FAULTS 32

struct rehearse_fault {
	const char *written;	/* as given, "occlusion@12min" */
	char name[24];		/* of the rig's fault, "occlusion" */
	char channel[32];	/* "": every channel */
	char value[24];		/* "1" where none was given */
	double begin_s;		/* since the run began */
	double duration_s;	/* INFINITY: it stays */
};

struct rehearsal {
	struct run_arguments run;
	const char *rig;	/* --rig; NULL: the protocol's, or one made up from it */
	struct rehearse_fault faults[REHEARSE_MAX_FAULTS];
	unsigned int fault_count;
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
/* In a machine of its own; returns the exit status. */
int rehearse_in_machine(const struct rehearsal *rehearsal, const struct protocol *protocol);

#endif /* REHEARSE_H */
