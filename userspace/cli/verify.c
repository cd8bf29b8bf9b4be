// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose verify: is a run file still what it was when the run was closed? */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "record.h"
#include "runner.h"
#include "verbs.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

static const char *const words[] = {
	[RECORD_UNALTERED] = "unaltered", [RECORD_ALTERED] = "altered",
	[RECORD_UNFINISHED] = "unfinished",
};

static const char *const sentences[] = {
	[RECORD_UNALTERED] = "unaltered since the run was closed",
	[RECORD_ALTERED] = "ALTERED since the run was closed",
	[RECORD_UNFINISHED] = "not closed: the run still goes on or was cut short, so there is no seal to hold it against",
};

struct finding {
	const char *path;
	int verdict;
	char digest[RECORD_DIGEST_SIZE];
	char *differences;		/* lines */
};

static void print_text(const struct finding *finding)
{
	fputs(finding->differences, stdout);
	printf("%s: %s\n", finding->path, sentences[finding->verdict]);
	if (*finding->digest)
		printf("seal: %s\n", finding->digest);
}

static void print_json(const struct finding *finding)
{
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	char *rest = finding->differences, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			json_object_array_add(list, json_object_new_string(line));
	json_object_object_add(object, "file", json_object_new_string(finding->path));
	json_object_object_add(object, "verdict", json_object_new_string(words[finding->verdict]));
	json_object_object_add(object, "seal", *finding->digest ?
			       json_object_new_string(finding->digest) : NULL);
	json_object_object_add(object, "differences", list);
	puts(json_object_to_json_string_ext(object, JSON_FLAGS));
	json_object_put(object);
}

/* Looks, and compares with the digest @known if there is one; -1: the file cannot be read. */
static int look(struct finding *finding, const char *known)
{
	char *error = NULL;
	size_t size;
	FILE *stream = open_memstream(&finding->differences, &size);

	if (!stream) {
		perror("nanodose verify");
		return -1;
	}
	finding->verdict = record_verify(finding->path, stream, finding->digest, &error);
	if (finding->verdict == RECORD_UNALTERED && known && strcasecmp(known, finding->digest)) {
		finding->verdict = RECORD_ALTERED;
		fputs("seal: it is not the one given; the file was sealed anew, or it is another run's\n",
		      stream);
	}
	if (fclose(stream))
		finding->verdict = -1;
	if (finding->verdict < 0)
		fprintf(stderr, "nanodose verify: %s\n", error ? error : "out of memory");
	free(error);
	return finding->verdict;
}

static int verify(const char *path, const char *known, int json)
{
	struct finding finding = { .path = path };
	int status = NANODOSE_EXIT_REFUSED;

	if (look(&finding, known) >= 0) {
		if (json)
			print_json(&finding);
		else
			print_text(&finding);
		status = verb_output_done("verify");
		if (finding.verdict != RECORD_UNALTERED)
			status = NANODOSE_EXIT_REFUSED;
	}
	free(finding.differences);
	return status;
}

static int is_digest(const char *text)
{
	return strlen(text) == RECORD_DIGEST_SIZE - 1 &&
	       strspn(text, "0123456789abcdefABCDEF") == RECORD_DIGEST_SIZE - 1;
}

int verb_verify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seal", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *known = NULL;
	int option, json = 0;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			known = optarg;
			if (!is_digest(known))
				return verb_usage_error("verify",
							"\"%s\" is not a seal; it has 64 digits from 0 to f",
							known);
			break;
		case 'j':
			json = 1;
			break;
		case 'h':
			return verb_help("verify",
					 "  RUN.db      the file that \"nanodose run\" has written\n"
					 "  --seal HEX  the seal as it was noted down at the end of the run\n"
					 "  --json      verdict, seal and differences as one object\n\n"
					 "Status 0: unaltered; 1: altered, or never closed. The seal is a SHA-256 without\n"
					 "a key: alone it shows accident and carelessness. With --seal and a seal that was\n"
					 "kept elsewhere, as in a lab book, it shows a forgery, too.\n");
		default:
			return verb_usage_error("verify", NULL);
		}
	}
	if (argc - optind != 1)
		return verb_usage_error("verify", "it takes one run file");
	return verify(argv[optind], known, json);
}
