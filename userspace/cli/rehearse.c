// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nanodose rehearse: what a protocol will do, on the real driver and a model
 * of the rig, in seconds, before a drop is spent.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "config.h"
#include "nanodose.h"
#include "rehearse.h"
#include "runner.h"
#include "verbs.h"

static const char help[] =
	"  --fault FAULT      NAME[:CHANNEL][=VALUE]@TIME[+DURATION], occlusion@12min;\n"
	"                     time counts from the start of the run; repeatable\n"
	"  --signal SIGNAL    NAME=VALUE[@TIME], marker=40, marker=lost@1h: what a signal\n"
	"                     of the protocol says from then on; repeatable\n"
	"  --rig FILE.yaml    the model of the rig, instead of the one of the protocol\n"
	"  --rig-from RUN.db  the same, fitted to a run with the protocol's channels\n"
	"  --set NAME=VALUE   give an input of the protocol another value; repeatable\n"
	"  --inputs FILE      a YAML file of such values; --set stands before it\n"
	"  --record RUN.db    where the record goes; must not exist yet\n"
	"                     (REHEARSAL-<date>-<protocol>.db in the current folder)\n"
	"  --rate HZ          flow records a second, 1 to 1000 (50)\n"
	"  --yes              answer yes to every question of the protocol\n"
	"  --json             the summary as JSON on stdout\n"
	"  --here             no machine of its own: on the simulated rigs of this kernel\n"
	"  --called PATH      with --here: how the summary calls the record\n";

enum { OPTION_FAULT = 256, OPTION_SIGNAL, OPTION_RIG, OPTION_RIG_FROM, OPTION_SET, OPTION_RECORD, OPTION_INPUTS,
       OPTION_RATE, OPTION_YES, OPTION_JSON, OPTION_HERE, OPTION_CALLED };

static const struct option options[] = {
	{ "fault", required_argument, NULL, OPTION_FAULT },
	{ "signal", required_argument, NULL, OPTION_SIGNAL },
	{ "rig", required_argument, NULL, OPTION_RIG },
	{ "rig-from", required_argument, NULL, OPTION_RIG_FROM },
	{ "set", required_argument, NULL, OPTION_SET },
	{ "inputs", required_argument, NULL, OPTION_INPUTS },
	{ "record", required_argument, NULL, OPTION_RECORD },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "here", no_argument, NULL, OPTION_HERE },
	{ "called", required_argument, NULL, OPTION_CALLED },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* 0, or the exit status to leave with; -1 after --help. */
static int parse(struct rehearsal *rehearsal, int argc, char **argv)
{
	int option, status = 0;

	while (!status && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case OPTION_FAULT:
			status = rehearse_add_fault(rehearsal, optarg);
			break;
		case OPTION_SIGNAL:
			status = rehearse_add_signal(rehearsal, optarg);
			break;
		case OPTION_RIG:
			rehearsal->rig = optarg;
			break;
		case OPTION_RIG_FROM:
			rehearsal->rig_from = optarg;
			break;
		case OPTION_SET:
			status = settings_add(&rehearsal->run.settings, "rehearse", optarg);
			break;
		case OPTION_INPUTS:
			status = settings_add_file(&rehearsal->run.settings, "rehearse", optarg);
			break;
		case OPTION_RECORD:
			rehearsal->run.record_path = optarg;
			break;
		case OPTION_RATE:
			status = run_parse_rate(&rehearsal->run, "rehearse", optarg);
			break;
		case OPTION_YES:
			rehearsal->run.yes = true;
			break;
		case OPTION_JSON:
			rehearsal->run.json = true;
			break;
		case OPTION_HERE:
			rehearsal->here = true;
			break;
		case OPTION_CALLED:
			rehearsal->run.record_called = optarg;
			break;
		case 'h':
			status = verb_help("rehearse", help);
			return status ? status : -1;
		default:
			status = verb_usage_error("rehearse", NULL);
		}
	}
	if (status)
		return status;
	if (rehearsal->here && (rehearsal->rig || rehearsal->rig_from))
		return verb_usage_error("rehearse", "--here takes the rigs that are there, and no %s",
					rehearsal->rig ? "--rig" : "--rig-from");
	if (rehearsal->rig && rehearsal->rig_from)
		return verb_usage_error("rehearse", "--rig and --rig-from both give the model of the rig; one of them");
	if (optind != argc - 1)
		return verb_usage_error("rehearse", optind == argc ? "a protocol file is missing" :
					"one protocol file at a time");
	rehearsal->run.file = argv[optind];
	rehearsal->run.headless = true;
	return 0;
}

/* The simulated rig behind a pump; NULL after a message. To be freed. */
static char *rig_of(const char *pump)
{
	struct nanodose_device *device = config_open_pump(pump, false);
	struct nanodose_info info;
	char *rig = NULL;

	if (!device || nanodose_device_info(device, &info))
		fprintf(stderr, "nanodose rehearse: pump '%s': %s\n", pump, strerror(errno));
	else if (!rehearse_simulated(info.label))
		fprintf(stderr, "nanodose rehearse: pump '%s' is not a simulated rig: --here would dose in earnest\n",
			pump);
	else
		rig = strdup(info.label);
	nanodose_device_close(device);
	return rig;
}

/* What is rehearsed, for the record. To be freed. */
static char *describe(const struct rehearsal *rehearsal)
{
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (unsigned int i = 0; i < rehearsal->fault_count; i++)
		fprintf(out, "%s%s", i ? ", " : "with ", rehearsal->faults[i].written);
	if (!rehearsal->fault_count)
		fputs("without faults", out);
	for (unsigned int i = 0; i < rehearsal->signal_count; i++)
		fprintf(out, "%s%s", i ? ", " : ", signals ", rehearsal->signals[i].written);
	fclose(out);
	return text;
}

static int rehearse_here(const struct rehearsal *rehearsal, const struct protocol *protocol)
{
	char **rigs = calloc(protocol->channel_count + 1, sizeof(*rigs));
	char *text = describe(rehearsal);
	struct run_arguments run = rehearsal->run;
	int status = NANODOSE_EXIT_REFUSED;
	bool good = rigs && text;
	char folder[] = "/tmp/nanodose-signals-XXXXXX";
	pid_t pid = 0, signals = 0;

	for (size_t i = 0; good && i < protocol->channel_count; i++) {
		rigs[i] = rig_of(protocol->channels[i].pump);
		good = rigs[i];
	}
	if (good && rehearsal->fault_count) {
		pid = rehearse_start_faults(rehearsal, protocol, rigs);
		good = pid > 0;
	}
	if (good && protocol->signal_count) {
		run.signal_folder = mkdtemp(folder);
		if (run.signal_folder)
			signals = rehearse_start_signals(rehearsal, protocol, folder);
		good = signals > 0;
		if (!good)
			perror("nanodose rehearse: signals");
	}
	if (good) {
		run.rehearsal = text;
		status = run_file(&run);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (signals > 0) {
		kill(signals, SIGKILL);
		waitpid(signals, NULL, 0);
	}
	if (run.signal_folder)
		rehearse_remove_signals(protocol, folder);
	for (size_t i = 0; rigs && i < protocol->channel_count; i++)
		free(rigs[i]);
	free(rigs);
	free(text);
	return status;
}

static int rehearse_there(const struct rehearsal *rehearsal, const struct protocol *protocol)
{
	char *fitted = NULL;
	int status = NANODOSE_EXIT_REFUSED;

	if (rehearsal->rig_from)
		fitted = rehearse_fit(rehearsal->rig_from, protocol);
	if (fitted || !rehearsal->rig_from)
		status = rehearse_in_machine(rehearsal, protocol, fitted);
	free(fitted);
	return status;
}

static int rehearse(const struct rehearsal *rehearsal)
{
	struct diagnostics diagnostics;
	struct protocol *protocol = protocol_load(rehearsal->run.file, rehearsal->run.settings.list,
						  rehearsal->run.settings.count, &diagnostics);
	int status = NANODOSE_EXIT_REFUSED;

	/* A good protocol's warnings come from the run itself. */
	if (!protocol)
		diagnostics_print(&diagnostics, stderr);
	diagnostics_free(&diagnostics);
	if (protocol && rehearse_faults_good(rehearsal, protocol) &&
	    rehearse_signals_good(rehearsal, protocol))
		status = rehearsal->here ? rehearse_here(rehearsal, protocol) :
					   rehearse_there(rehearsal, protocol);
	protocol_free(protocol);
	return status;
}

int verb_rehearse(int argc, char **argv)
{
	struct rehearsal rehearsal = { .fault_count = 0 };
	int status = parse(&rehearsal, argc, argv);

	if (status <= 0)
		status = status ? NANODOSE_EXIT_DONE : rehearse(&rehearsal);
	settings_free(&rehearsal.run.settings);
	return status;
}
