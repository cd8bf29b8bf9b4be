// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose export: a run file as CSV or JSON. */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "output.h"
#include "record.h"
#include "verbs.h"

int verb_export(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "events", no_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool json = false, events = false;
	const char *output = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (strcmp(optarg, "csv") && strcmp(optarg, "json"))
				return verb_usage_error("export",
							"there is no format \"%s\"; there are csv and json",
							optarg);
			json = !strcmp(optarg, "json");
			break;
		case 'e':
			events = true;
			break;
		case 'j':
			json = true;
			break;
		case 'o':
			output = optarg;
			break;
		case 'h':
			return verb_help("export",
					 "  RUN.db         the file that \"nanodose run\" has written, or is writing\n"
					 "  --format csv   one line a sample, units in the header (the default)\n"
					 "  --events       CSV of the events instead of the samples\n"
					 "  --json         protocol, inputs, channels, events and summary as one object;\n"
					 "                 the same as --format json\n"
					 "  --output FILE  instead of standard output\n");
		default:
			return verb_usage_error("export", NULL);
		}
	}
	if (argc - optind != 1)
		return verb_usage_error("export", "it takes one run file");
	if (json && events)
		return verb_usage_error("export", "either --events or JSON, which has them already");
	return output_run("export", argv[optind], output, json ? record_export_json :
			  events ? record_export_events_csv : record_export_csv);
}
