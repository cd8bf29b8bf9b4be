// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose attach: a screen of a run that is under way. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "meeting.h"
#include "screen.h"
#include "verbs.h"

static const char help[] =
	"  RUN      name of the run, or a part of it, as \"nanodose list\" shows them;\n"
	"           not needed where there is one only\n"
	"  --watch  only look on\n"
	"  --take   take the run in hand, whoever has it\n\n"
	"Without these the screen has the run in hand if nobody else has; c takes it\n"
	"over. d leaves the run alone again, as closing the terminal does. To stop a\n"
	"run is everybody's.\n";

int verb_attach(int argc, char **argv)
{
	static const struct option options[] = {
		{ "watch", no_argument, NULL, 'w' },
		{ "take", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum attach_as as = ATTACH_TO_ACT;
	struct attach_end end;
	struct run_front *screen;
	int option;
	char *name;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'w':
			as = ATTACH_TO_WATCH;
			break;
		case 't':
			as = ATTACH_TO_TAKE;
			break;
		case 'h':
			return verb_help("attach", help);
		default:
			return verb_usage_error("attach", NULL);
		}
	}
	if (argc - optind > 1)
		return verb_usage_error("attach", "one run at a time");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fputs("nanodose attach: a screen needs a terminal; \"nanodose list --runs --json\" tells how a run stands\n",
		      stderr);
		return NANODOSE_EXIT_REFUSED;
	}
	name = meeting_find(argv[optind], "attach", stderr);
	if (!name)
		return NANODOSE_EXIT_REFUSED;
	screen = screen_new();
	if (screen) {
		client_attach(name, as, screen, &end);
		screen_free(screen);
		if (*end.text)
			fprintf(stderr, "nanodose attach: %s\n", end.text);
	}
	free(name);
	return screen ? end.status : NANODOSE_EXIT_REFUSED;
}
