// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose export: a run file as CSV or JSON. */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "hdf5_program.h"
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
	bool json = false, hdf5 = false, events = false;
	const char *output = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			json = !strcmp(optarg, "json");
			hdf5 = !strcmp(optarg, "hdf5");
			if (!json && !hdf5 && strcmp(optarg, "csv"))
				return verb_usage_error("export",
							"there is no format \"%s\"; there are csv, json and hdf5",
							optarg);
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
					 "  --format hdf5  columns that Python and R read, with units; needs --output\n"
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
	if ((json || hdf5) && events)
		return verb_usage_error("export", "--events is of CSV; JSON and HDF5 have them already");
	if (json && hdf5)
		return verb_usage_error("export", "one format at a time");
	if (hdf5 && (!output || !strcmp(output, "-")))
		return verb_usage_error("export", "HDF5 goes to a file; give --output FILE.h5");
	if (hdf5)
		return output_run("export", argv[optind], output, export_hdf5);
	return output_run("export", argv[optind], output, json ? record_export_json :
			  events ? record_export_events_csv : record_export_csv);
}
