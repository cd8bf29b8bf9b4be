// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The nanodose command: finds the verb and hands over to it.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "distance.h"
#include "nanodose.h"
#include "runner.h"
#include "verbs.h"

#define SCREEN_COLUMNS 80

const struct verb verbs[] = {
	{ "list", "[--runs | --watch] [--json]", "show the pumps of this machine, and the runs under way", verb_list },
	{ "info", "DEVICE [--json]", "show what a pump is and how it stands", verb_info },
	{ "monitor", "DEVICE [--json] [--count N]", "print a pump's records as they come", verb_monitor },
	{ "check", "FILE... [--set NAME=VALUE]... [--json]", "find every error of a protocol; nothing moves",
	  verb_check },
	{ "plan", "FILE [--set NAME=VALUE]... [--csv | --svg | --json]",
	  "show what a protocol will do, over time; nothing moves", verb_plan },
	{ "rehearse", "FILE [--fault FAULT]... [--rig FILE.yaml | --rig-from RUN.db] [--set NAME=VALUE]... [--record RUN.db] [--json]",
	  "run a protocol on a model of the rig, in seconds; nothing moves", verb_rehearse },
	{ "run", "FILE | --resume RUN.db [--set NAME=VALUE]... [--record RUN.db] [--wait] [--headless] [--json]",
	  "dose as a protocol says, closed-loop and recorded", verb_run },
	{ "attach", "[RUN] [--watch | --take]", "the screen of a run under way", verb_attach },
	{ "stop", "DEVICE... | RUN... | --all [--now]", "bring pumps to rest, whoever drives them", verb_stop },
	{ "jog", "DEVICE [WAY] [--withdraw] [--syringe NAME] [--rate RATE] [--json]",
	  "move a pump by hand: so far, or by the keys of a screen", verb_jog },
	{ "prime", "DEVICE MOST [--syringe NAME] [--rate RATE] [--json]",
	  "fill a line by hand, until it is clear of air", verb_prime },
	{ "home", "DEVICE [--plus] [--rate RATE] [--yes] [--json]",
	  "find the end of travel by its switch and call it 0", verb_home },
	{ "calibrate", "DEVICE [--syringe NAME] [--fluid FLUID] [--name NAME] [--volume VOLUME] [--rate RATE] [--weigh] [--density D] [--yes] [--json]",
	  "find out what a rig is, or weigh a step, and keep it", verb_calibrate },
	{ "setup", "", "ask what a configuration needs, and write it", verb_setup },
	{ "export", "RUN.db [--format FORMAT | --events | --json] [--output FILE]",
	  "turn a run's record into CSV, JSON or HDF5", verb_export },
	{ "report", "RUN.db [--output FILE.html | FILE.pdf]", "make one page of a run, to read or to print",
	  verb_report },
	{ "verify", "RUN.db [--seal HEX] [--json]", "tell whether a run file was altered", verb_verify },
};

const size_t verb_count = sizeof(verbs) / sizeof(verbs[0]);

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < verb_count; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* Broken where an option begins. */
static void print_usage(const char *name, FILE *stream)
{
	const struct verb *verb = find_verb(name);
	const char *rest = verb ? verb->arguments : "";
	int column = fprintf(stream, "usage: nanodose %s", name), indent = column;

	while (*rest) {
		const char *next = strstr(rest, " [");
		int length = next ? next - rest : (int)strlen(rest);

		if (column + 1 + length > SCREEN_COLUMNS) {
			fprintf(stream, "\n%*s", indent, "");
			column = indent;
		}
		column += fprintf(stream, " %.*s", length, rest);
		rest += length + (next ? 1 : 0);
	}
	fputc('\n', stream);
}

int verb_help(const char *name, const char *options)
{
	const struct verb *verb = find_verb(name);

	print_usage(name, stdout);
	printf("\n%s\n", verb ? verb->help : "");
	if (options)
		printf("\n%s", options);
	return verb_output_done(name);
}

int verb_usage_error(const char *name, const char *format, ...)
{
	va_list arguments;

	if (format) {
		fprintf(stderr, "nanodose %s: ", name);
		va_start(arguments, format);
		vfprintf(stderr, format, arguments);
		va_end(arguments);
		fputc('\n', stderr);
	}
	print_usage(name, stderr);
	fprintf(stderr, "See \"nanodose %s --help\".\n", name);
	return NANODOSE_EXIT_USAGE;
}

int verb_output_done(const char *name)
{
	if (!fflush(stdout) && !ferror(stdout))
		return NANODOSE_EXIT_DONE;
	fprintf(stderr, "nanodose %s: the output could not be written: %m\n", name);
	return NANODOSE_EXIT_REFUSED;
}

static void print_verbs(FILE *stream)
{
	size_t i;

	fputs("usage: nanodose VERB [ARGUMENT...]\n\n", stream);
	for (i = 0; i < verb_count; i++)
		fprintf(stream, "  %-9s  %s\n", verbs[i].name, verbs[i].help);
	fputs("\n\"nanodose VERB --help\" tells more. Results go to standard output, talk to\n"
	      "standard error. Exit status: 0 done, 1 refused before anything moved, 2 wrong\n"
	      "usage, 3 stopped by a fault or interlock, 4 stopped by the operator, 5 device\n"
	      "gone.\n",
	      stream);
}

static int unknown_verb(const char *name)
{
	size_t i, distance, least = 3;
	const char *nearest = NULL;

	for (i = 0; i < verb_count; i++) {
		if (*name && !strncmp(name, verbs[i].name, strlen(name))) {
			nearest = verbs[i].name;
			break;
		}
		distance = text_distance(name, verbs[i].name);
		if (distance < least && distance < strlen(verbs[i].name) - 1) {
			least = distance;
			nearest = verbs[i].name;
		}
	}
	fprintf(stderr, "nanodose: there is no verb \"%s\"", name);
	if (nearest)
		fprintf(stderr, "; did you mean \"%s\"?", nearest);
	fputs("\nSee \"nanodose --help\".\n", stderr);
	return NANODOSE_EXIT_USAGE;
}

/*
 * A descriptor that the caller has closed would be given to the next file that
 * is opened: a pump, a record. Messages would then go there. Reading only, so
 * that writing to it is still the error it was.
 */
static void occupy_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Tells what there is; a person without a configuration is asked whether to make one. */
static bool first_start(void)
{
	const struct config *config;
	char answer[16] = "";

	print_verbs(stderr);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	config = config_get();
	if (!config || config->path)
		return false;
	fputs("\nThere is no configuration yet. Set up pumps, syringes and buttons now? [y/n] ", stderr);
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	static char title[32];
	static char help[] = "--help";

	occupy_standard_files();
	setlocale(LC_ALL, "");
	/* What is printed is read by programs, too: the decimal point is a point. */
	setlocale(LC_NUMERIC, "C");
	if (argc < 2)
		return first_start() ? verb_setup(argc, argv) : NANODOSE_EXIT_USAGE;
	/* "help run" is "run --help" */
	if (argc > 2 && !strcmp(argv[1], "help")) {
		argv[1] = argv[2];
		argv[2] = help;
		argc = 3;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_verbs(stdout);
		return verb_output_done("--help");
	}
	if (!strcmp(argv[1], "--version")) {
		puts("nanodose " NANODOSE_VERSION);
		return verb_output_done("--version");
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	/* getopt begins its messages with this. */
	snprintf(title, sizeof(title), "nanodose %s", verb->name);
	argv[1] = title;
	return verb->run(argc - 1, argv + 1);
}
