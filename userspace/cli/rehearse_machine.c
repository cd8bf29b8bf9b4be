// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The machine of a rehearsal: tests/vm/uml of the checkout that this program
 * was built in, what NANODOSE_MACHINE names, or what was installed beside it.
 * It sees this machine's files read-only, so the record is written where it
 * may write and then put where it belongs.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"
#include "rehearse.h"
#include "runner.h"

#define MACHINE_FAILED	70	/* its own exit status */
#define MAX_WORDS	(32 + 2 * (REHEARSE_MAX_FAULTS + REHEARSE_MAX_SIGNALS + 64 + 16))

struct command {
	char *words[MAX_WORDS + 1];
	size_t count;
	bool failed;
};

static void add(struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (command->count == MAX_WORDS || vasprintf(&command->words[command->count], format, arguments) < 0)
		command->failed = true;
	else
		command->count++;
	va_end(arguments);
}

static void free_command(struct command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->words[i]);
}

/* The program that starts the machine, absolute; NULL after a message. */
static char *find_machine(void)
{
	static const char *const beside[] = { "/../../tests/vm/uml", "/../libexec/nanodose/vm/uml" };
	const char *named = getenv("NANODOSE_MACHINE");
	char self[PATH_MAX], path[PATH_MAX + 64], *found = NULL;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (named && *named) {
		found = access(named, X_OK) ? NULL : realpath(named, NULL);
		if (!found)
			fprintf(stderr, "nanodose rehearse: NANODOSE_MACHINE is \"%s\": %s\n", named,
				strerror(errno));
		return found;
	}
	self[length > 0 ? length : 0] = '\0';
	dirname(self);
	for (size_t i = 0; !found && i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", self, beside[i]);
		if (!access(path, X_OK))
			found = realpath(path, NULL);
	}
	if (!found)
		fputs("nanodose rehearse: there is no virtual machine beside this program; set NANODOSE_MACHINE to tests/vm/uml of a checkout of nanodose\n",
		      stderr);
	return found;
}

/* ---- the rig ---------------------------------------------------------------------- */

/* A rig file for the machine to read, which sees the files of this one. */
static bool add_fitted(struct command *command, const char *fitted, const char *path)
{
	FILE *file = fopen(path, "wxe");
	bool written = file && fputs(fitted, file) >= 0;

	if (file && fclose(file))
		written = false;
	if (!written) {
		fprintf(stderr, "nanodose rehearse: the rig file %s: %s\n", path, strerror(errno));
		return false;
	}
	add(command, "--rig");
	add(command, "%s", path);
	return true;
}

/*
 * A protocol without a rig of its own is rehearsed on stiff benches, each with
 * the syringe that the protocol names and a sensor that reads its fluid so.
 */
static bool add_rigs(struct command *command, const struct rehearsal *rehearsal,
		     const struct protocol *protocol)
{
	const char *rig = rehearsal->rig ? rehearsal->rig : protocol->rig;
	char *path;

	if (rig) {
		path = realpath(rig, NULL);
		if (!path) {
			fprintf(stderr, "nanodose rehearse: the rig file %s: %s\n", rig, strerror(errno));
			return false;
		}
		add(command, "--rig");
		add(command, "%s", path);
		free(path);
		return true;
	}
	fputs("nanodose rehearse: neither --rig nor the protocol names a model of the rig; taking stiff benches with the protocol's syringes\n",
	      stderr);
	for (size_t i = 0; i < protocol->channel_count; i++) {
		const struct protocol_channel *channel = &protocol->channels[i];
		/* as far as the model's sensor can be made to read wrong */
		double share = fmin(fmax(protocol_reading_share(channel), 0.5), 1.5);

		add(command, "--rig");
		add(command, "%s:syringe_diameter_um=%.0f,sensor_gain_ppm=%.0f", channel->pump,
		    channel->syringe->diameter_m * 1e6, (share - 1) * 1e6 + 0.0);
	}
	return true;
}

/* ---- the record ------------------------------------------------------------------- */

/* A folder that the machine may write to, in its checkout. */
static bool make_scratch(const char *machine, char *path, size_t size)
{
	char top[PATH_MAX];

	snprintf(top, sizeof(top), "%s", machine);
	for (int i = 0; i < 3; i++)
		dirname(top);
	snprintf(path, size, "%s/build/rehearse", top);
	if (mkdir(path, 0777) && errno != EEXIST) {
		fprintf(stderr, "nanodose rehearse: %s: %s\n", path, strerror(errno));
		return false;
	}
	snprintf(path, size, "%s/build/rehearse/XXXXXX", top);
	if (mkdtemp(path))
		return true;
	fprintf(stderr, "nanodose rehearse: %s: %s\n", path, strerror(errno));
	return false;
}

static bool copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	char buffer[65536];
	ssize_t got = -1;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	while (out >= 0 && (got = read(in, buffer, sizeof(buffer))) > 0) {
		if (write(out, buffer, got) != got) {
			got = -1;
			break;
		}
	}
	if (in >= 0)
		close(in);
	return !(out >= 0 && close(out)) && !got;
}

/* True if there is nothing to bring, too: a refused run has no record. */
static bool bring_record(const char *from, const char *to)
{
	if (access(from, F_OK) || !rename(from, to))
		return true;
	if (errno == EXDEV && copy_file(from, to) && !unlink(from))
		return true;
	fprintf(stderr, "nanodose rehearse: the record could not be put to %s (%s); it is in %s\n", to,
		strerror(errno), from);
	return false;
}

/* ---- the command ------------------------------------------------------------------ */

static void add_arguments(struct command *command, const struct rehearsal *rehearsal,
			  const char *file, const char *record, const char *called)
{
	const struct run_arguments *run = &rehearsal->run;

	add(command, "--");
	add(command, "nanodose");
	add(command, "rehearse");
	add(command, "--here");
	add(command, "--record");
	add(command, "%s", record);
	add(command, "--called");
	add(command, "%s", called);
	if (run->rate_hz > 0) {
		add(command, "--rate");
		add(command, "%.17g", run->rate_hz);
	}
	if (run->json)
		add(command, "--json");
	if (run->yes)
		add(command, "--yes");
	for (size_t i = 0; i < run->settings.count; i++) {
		add(command, "--set");
		add(command, "%s=%s", run->settings.list[i].name, run->settings.list[i].value);
	}
	for (unsigned int i = 0; i < rehearsal->fault_count; i++) {
		add(command, "--fault");
		add(command, "%s", rehearsal->faults[i].written);
	}
	for (unsigned int i = 0; i < rehearsal->signal_count; i++) {
		add(command, "--signal");
		add(command, "%s", rehearsal->signals[i].written);
	}
	add(command, "--");
	add(command, "%s", file);
}

/* The machine sees the folder it is started in, so that is the protocol's. */
static int start(char **words, const char *folder)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (chdir(folder)) {
			fprintf(stderr, "nanodose rehearse: %s: %s\n", folder, strerror(errno));
			_exit(MACHINE_FAILED);
		}
		execv(words[0], words);
		fprintf(stderr, "nanodose rehearse: %s: %s\n", words[0], strerror(errno));
		_exit(MACHINE_FAILED);
	}
	if (pid < 0)
		return MACHINE_FAILED;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return MACHINE_FAILED;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : MACHINE_FAILED;
}

int rehearse_in_machine(const struct rehearsal *rehearsal, const struct protocol *protocol,
			const char *fitted)
{
	struct command command = { .count = 0 };
	char scratch[PATH_MAX + 64], record[PATH_MAX + 128], rig[PATH_MAX + 128];
	char *machine = find_machine(), *file = realpath(rehearsal->run.file, NULL), *base;
	char *wished = rehearsal->run.record_path ? strdup(rehearsal->run.record_path) :
						    record_own_path("REHEARSAL", rehearsal->run.file);
	int status = NANODOSE_EXIT_REFUSED;

	if (!machine || !file || !wished)
		goto out;
	if (!access(wished, F_OK)) {
		fprintf(stderr, "nanodose rehearse: %s exists already; a record is never written over\n",
			wished);
		goto out;
	}
	if (!make_scratch(machine, scratch, sizeof(scratch)))
		goto out;
	snprintf(record, sizeof(record), "%s/rehearsal.db", scratch);
	snprintf(rig, sizeof(rig), "%s/fitted.yaml", scratch);
	add(&command, "%s", machine);
	if (fitted ? add_fitted(&command, fitted, rig) : add_rigs(&command, rehearsal, protocol)) {
		base = strrchr(file, '/');
		*base++ = '\0';
		add_arguments(&command, rehearsal, base, record, wished);
		status = command.failed ? NANODOSE_EXIT_REFUSED :
					  start(command.words, *file ? file : "/");
		if (status == MACHINE_FAILED) {
			fputs("nanodose rehearse: the virtual machine failed\n", stderr);
			status = NANODOSE_EXIT_REFUSED;
		}
		if (!bring_record(record, wished))
			status = status ? status : NANODOSE_EXIT_REFUSED;
	}
	unlink(rig);
	rmdir(scratch);
out:
	free_command(&command);
	free(machine);
	free(file);
	free(wished);
	return status;
}
