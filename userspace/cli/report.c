// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose report: a run file as one page for people. */
#include <getopt.h>
#include <stddef.h>

#include "output.h"
#include "report.h"
#include "verbs.h"

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
					 "  --output FILE.html  instead of standard output\n\n"
					 "One HTML page that needs nothing else: summary, doses against target, plots,\n"
					 "events, protocol, pumps, versions, checksum. For a PDF print it from any\n"
					 "browser, or: chromium --headless --print-to-pdf=run.pdf run.html\n");
		default:
			return verb_usage_error("report", NULL);
		}
	}
	if (argc - optind != 1)
		return verb_usage_error("report", "it takes one run file");
	return output_run("report", argv[optind], output, report_write);
}
