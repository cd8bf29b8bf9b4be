// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nanodose run: a protocol on the pumps it names.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buttons.h"
#include "headless.h"
#include "operator.h"
#include "protocol.h"
#include "run_apart.h"
#include "run_file.h"
#include "run_resume.h"
#include "run_wait.h"
#include "runner.h"
#include "server.h"
#include "verbs.h"

#define MIN_RATE_HZ 1.0
#define MAX_RATE_HZ 1000.0

static const char help[] =
	"  --set NAME=VALUE   give an input of the protocol another value; repeatable\n"
	"  --inputs FILE      a YAML file of such values; --set stands before it\n"
	"  --record RUN.db    where the record goes; must not exist yet\n"
	"                     (RUN-<date>-<protocol>.db in the current folder)\n"
	"  --rate HZ          flow records a second, 1 to 1000 (50)\n"
	"  --resume RUN.db    go on with a run that did not come to its end, once what\n"
	"                     was given is told and a person says yes; in place of FILE\n"
	"  --wait             where a pump is not there yet, until it is plugged in\n"
	"  --headless         progress lines on stderr instead of the screen; taken by\n"
	"                     itself where there is no terminal. A run paused by a full\n"
	"                     disk then goes on by itself once all is written\n"
	"  --yes              answer yes to every question of the protocol; headless.\n"
	"                     With --resume it is that yes\n"
	"  --json             the summary as JSON on stdout\n";

enum { OPTION_SET = 256, OPTION_RECORD, OPTION_INPUTS, OPTION_RATE, OPTION_RESUME, OPTION_WAIT, OPTION_HEADLESS, OPTION_YES, OPTION_JSON };

static const struct option options[] = {
	{ "set", required_argument, NULL, OPTION_SET },
	{ "inputs", required_argument, NULL, OPTION_INPUTS },
	{ "record", required_argument, NULL, OPTION_RECORD },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "resume", required_argument, NULL, OPTION_RESUME },
	{ "wait", no_argument, NULL, OPTION_WAIT },
	{ "headless", no_argument, NULL, OPTION_HEADLESS },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int run_parse_rate(struct run_arguments *arguments, const char *verb, const char *text)
{
	char *end;

	arguments->rate_hz = strtod(text, &end);
	if (*end || end == text ||
	    !(arguments->rate_hz >= MIN_RATE_HZ && arguments->rate_hz <= MAX_RATE_HZ))
		return verb_usage_error(
			verb, "--rate %s: should be a number of records a second from %g to %g",
			text, MIN_RATE_HZ, MAX_RATE_HZ);
	return 0;
}

/* 0, or the exit status to leave with; -1 after --help. */
static int parse(struct run_arguments *arguments, int argc, char **argv)
{
	int option, status = 0;

	optind = 1;
	while (!status && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case OPTION_SET:
			status = settings_add(&arguments->settings, "run", optarg);
			break;
		case OPTION_INPUTS:
			status = settings_add_file(&arguments->settings, "run", optarg);
			break;
		case OPTION_RECORD:
			arguments->record_path = optarg;
			break;
		case OPTION_RATE:
			status = run_parse_rate(arguments, "run", optarg);
			break;
		case OPTION_RESUME:
			arguments->resume = optarg;
			break;
		case OPTION_WAIT:
			arguments->wait = true;
			break;
		case OPTION_HEADLESS:
			arguments->headless = true;
			break;
		case OPTION_YES:
			arguments->yes = true;
			break;
		case OPTION_JSON:
			arguments->json = true;
			break;
		case 'h':
			status = verb_help("run", help);
			return status ? status : -1;
		default:
			status = verb_usage_error("run", NULL);
		}
	}
	if (status)
		return status;
	if (arguments->resume && (optind != argc || arguments->settings.count))
		return verb_usage_error("run", "--resume takes protocol and inputs from the record");
	if (!arguments->resume && optind != argc - 1)
		return verb_usage_error("run", optind == argc ? "a protocol file is missing" :
					"one protocol file at a time");
	arguments->file = argv[optind];	/* NULL with --resume */
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		arguments->headless = true;
	if (arguments->yes && !arguments->headless && !arguments->resume)
		return verb_usage_error("run",
					"--yes goes with --headless; the screen asks its operator");
	return 0;
}

static void print_summary(const struct runner *runner, bool json, FILE *stream)
{
	char *text;

	if (!json) {
		runner_summary_print(runner, stream);
		return;
	}
	text = runner_summary_json(runner);
	if (text)
		fprintf(stream, "%s\n", text);
	else
		perror("nanodose run");
	free(text);
}

/* In this process: there is no screen that could go. */
static enum nanodose_exit run_here(const struct run_arguments *arguments, const struct runner_options *options)
{
	enum nanodose_exit status = NANODOSE_EXIT_DONE;
	struct run_front *buttons = arguments->rehearsal ? NULL : buttons_new(&status), *front, *server;
	struct runner *runner = status ? NULL : runner_new(options, &status);

	front = runner ? headless_new(arguments->yes) : NULL;
	if (!front) {
		if (runner) {
			perror("nanodose run");
			status = NANODOSE_EXIT_REFUSED;
		}
		runner_free(runner);
		buttons_free(buttons);
		return status;
	}
	runner_attach(runner, front);
	if (buttons)
		runner_attach(runner, buttons);
	/* A rehearsal is over before anybody could come. */
	server = arguments->rehearsal ? NULL : server_new(runner_record_path(runner));
	if (server)
		runner_attach(runner, server);
	status = runner_run(runner);
	server_free(server);
	headless_free(front);
	buttons_free(buttons);
	/* The dose's own status counts, whatever becomes of the summary. */
	print_summary(runner, arguments->json, stdout);
	verb_output_done("run");
	runner_free(runner);
	return status;
}

/* Record, report and screens all show the name: none can be taken for a dose. */
static bool name_rehearsal(struct protocol *protocol)
{
	char *name;

	if (asprintf(&name, "Rehearsal: %s", protocol->name) < 0)
		return false;
	free(protocol->name);
	protocol->name = name;
	return true;
}

/*
 * Who says yes to what goes beyond soft limits, which has just been printed;
 * NULL: nobody, and *status is set.
 */
static const char *ask_soft(const struct run_arguments *arguments, char *user, size_t size,
			    enum nanodose_exit *status)
{
	char answer[16] = "";

	if (arguments->rehearsal)
		return "the rehearsal";
	if (arguments->yes)
		return "--yes";
	*status = NANODOSE_EXIT_REFUSED;
	if (!isatty(STDIN_FILENO)) {
		fputs("nanodose run: somebody has to say yes to what goes beyond soft limits; --yes says it\n",
		      stderr);
		return NULL;
	}
	fputs("Go beyond these soft limits? [y/n] ", stderr);
	if (!fgets(answer, sizeof(answer), stdin) || (strcasecmp(answer, "y\n") && strcasecmp(answer, "yes\n"))) {
		fputs("nanodose run: not begun\n", stderr);
		*status = NANODOSE_EXIT_OPERATOR;
		return NULL;
	}
	operator_name(user, size);
	return user;
}

int run_file(const struct run_arguments *arguments)
{
	struct diagnostics diagnostics;
	struct protocol *protocol = protocol_load(arguments->file, arguments->settings.list,
						  arguments->settings.count, &diagnostics);
	enum nanodose_exit status = NANODOSE_EXIT_REFUSED;
	const char *soft_yes = NULL;
	struct runner_options options;
	char user[64];

	diagnostics_print(&diagnostics, stderr);
	diagnostics_free(&diagnostics);
	if (!protocol)
		return NANODOSE_EXIT_REFUSED;
	if ((arguments->rehearsal && !name_rehearsal(protocol)) ||
	    (arguments->signal_folder && !protocol_signals_from(protocol, arguments->signal_folder))) {
		perror("nanodose");
		protocol_free(protocol);
		return NANODOSE_EXIT_REFUSED;
	}
	status = arguments->wait ? run_wait(protocol) : NANODOSE_EXIT_DONE;
	if (status) {
		protocol_free(protocol);
		return status;
	}
	if (arguments->past) {
		status = run_resume_ask(arguments->past, protocol, arguments->yes);
		if (status) {
			protocol_free(protocol);
			return status;
		}
	}
	if (protocol->soft_count) {
		soft_yes = ask_soft(arguments, user, sizeof(user), &status);
		if (!soft_yes) {
			protocol_free(protocol);
			return status;
		}
	}
	options = (struct runner_options){
		.protocol = protocol,
		.record_path = arguments->record_path,
		.sample_rate_hz = arguments->rate_hz,
		.unattended = arguments->headless,
		.record_called = arguments->record_called,
		.rehearsal = arguments->rehearsal,
		.soft_yes = soft_yes,
		.past = arguments->past,
		.yes = arguments->yes,
	};
	status = arguments->headless ? run_here(arguments, &options) :
				       run_apart(&options, print_summary, arguments->json);
	protocol_free(protocol);
	return status;
}

static int resume(struct run_arguments *arguments)
{
	struct record_past *past = run_resume_read(arguments->resume);
	int status;

	if (!past)
		return NANODOSE_EXIT_REFUSED;
	arguments->past = past;
	arguments->file = past->protocol_path;
	arguments->settings.list = past->settings;
	arguments->settings.count = past->setting_count;
	status = run_file(arguments);
	arguments->settings = (struct settings){ .count = 0 };
	record_past_free(past);
	return status;
}

int verb_run(int argc, char **argv)
{
	struct run_arguments arguments = { 0 };
	int status;

	status = parse(&arguments, argc, argv);
	if (status <= 0)
		status = status ? NANODOSE_EXIT_DONE : arguments.resume ? resume(&arguments) : run_file(&arguments);
	settings_free(&arguments.settings);
	return status;
}
