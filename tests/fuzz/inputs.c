// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer: a file of inputs, and a table of a profile, of any bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol.h"
#include "settings.h"

static const char protocol_text[] =
	"nanodose: 1\n"
	"inputs:\n"
	"  amount: {value: 1 uL, min: 1 uL, max: 9 uL}\n"
	"  share: {value: 1}\n"
	"channels:\n"
	"  line: {pump: p, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}\n"
	"steps:\n"
	"  - infuse: {channel: line, volume: \"${amount * share}\", rate: 1 uL/min}\n"
	"  - profile: {channel: line, table: /proc/self/fd/%d, unit: uL/min}\n";

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("inputs", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct settings settings = { 0 };
	struct diagnostics diagnostics;
	char path[32], text[sizeof(protocol_text) + 16];
	int inputs = file_of(data, size), protocol;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", inputs);
	settings_add_file(&settings, "fuzz", path);
	protocol = file_of(text, snprintf(text, sizeof(text), protocol_text, inputs));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", protocol);
	protocol_free(protocol_load(path, settings.list, settings.count, &diagnostics));
	diagnostics_free(&diagnostics);
	settings_free(&settings);
	close(inputs);
	close(protocol);
	return 0;
}
