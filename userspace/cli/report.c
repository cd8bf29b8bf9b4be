// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose report: a run file as one page for people, or as PDF. */
#include <getopt.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "output.h"
#include "report.h"
#include "report_pdf.h"
#include "verbs.h"

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && !strcasecmp(text + length - tail, end);
}

int verb_report(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *output = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			output = optarg;
			break;
		case 'h':
			return verb_help("report",
					 "  RUN.db              the file that \"nanodose run\" has written, or is writing\n"
					 "  --output FILE       instead of standard output; FILE.pdf is printed by\n"
					 "                      chromium, which has to be installed for it\n\n"
					 "One HTML page that needs nothing else: summary, doses against target, plots,\n"
					 "events, protocol, pumps, versions, checksum.\n");
		default:
			return verb_usage_error("report", NULL);
		}
	}
	if (argc - optind != 1)
		return verb_usage_error("report", "it takes one run file");
	return output_run("report", argv[optind], output,
			  output && ends_in(output, ".pdf") ? report_pdf : report_write);
}
