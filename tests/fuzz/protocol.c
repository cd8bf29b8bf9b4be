// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer: a protocol file of any bytes. It has to end in messages or a
 * protocol; a good one is walked through as plan and run do.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plan_trace.h"
#include "program.h"

#define MAX_WALK 1000	/* steps; what comes after them is more of the same */

static void use(const struct protocol *protocol)
{
	struct program *program = program_new(protocol);
	struct program_cursor cursor = program ? program_begin(program) : (struct program_cursor){ 0 };
	struct plan plan;

	for (int i = 0; program && i < MAX_WALK && program_next(program, &cursor); i++) {
		enum protocol_verb verb = program_step(program, &cursor)->verb;

		if (verb == PROTOCOL_IF || verb == PROTOCOL_WHILE)
			program_choose(program, &cursor, i & 1);
	}
	program_free(program);
	plan_make(&plan, protocol);
	plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	int fd = memfd_create("protocol", MFD_CLOEXEC);
	struct diagnostics diagnostics;
	struct protocol *protocol;
	char path[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	protocol = protocol_load(path, NULL, 0, &diagnostics);
	/* Refused with a reason, or taken without one. */
	if (!protocol != !!diagnostics.errors)
		abort();
	if (protocol)
		use(protocol);
	protocol_free(protocol);
	diagnostics_free(&diagnostics);
	close(fd);
	return 0;
}
