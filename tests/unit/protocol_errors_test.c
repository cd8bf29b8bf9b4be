// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What bad protocols are told. Every file of protocols/invalid holds the
 * messages that a user should read, in its first comment lines:
 *
 *	# expect: 7:11: error: text	(without position: the file as a whole)
 *	# set: name=value		(as --set)
 *	# pump: steps/s microsteps/turn nm/turn [sensor]	(a pump to check against)
 */
#include <dirent.h>

#include "protocol_fixture.h"

#define MAX_SETTINGS 4

struct invalid {
	char *expected;			/* messages, one a line */
	struct protocol_setting settings[MAX_SETTINGS];
	size_t setting_count;
	bool has_pump;
	struct nanodose_info info;
};

static void read_pump(struct invalid *invalid, const char *text)
{
	unsigned long rate;
	unsigned int microsteps, pitch;
	char sensor[32] = "";

	invalid->has_pump = sscanf(text, "%lu %u %u %31s", &rate, &microsteps, &pitch, sensor) >= 3;
	CHECK(invalid->has_pump);
	invalid->info.max_rate_nhz = rate * 1000000000ull;
	invalid->info.microsteps_per_rev = microsteps;
	invalid->info.lead_pitch_nm = pitch;
	if (!*sensor)
		return;
	invalid->info.features = NANODOSE_FEATURE_FLOW;
	invalid->info.sensor_full_scale_pl_min = 16666666667;	/* 1000 mL/h */
	for (uint32_t model = NANODOSE_SENSOR_SLF3S_0600F; model <= NANODOSE_SENSOR_LD20_2600B; model++)
		if (!strcmp(nanodose_sensor_name(model), sensor))
			invalid->info.sensor_model = model;
	CHECK(invalid->info.sensor_model);
}

/* @text is changed and kept by @invalid. */
static void read_comments(struct invalid *invalid, char *text)
{
	size_t size;
	FILE *expected = open_memstream(&invalid->expected, &size);

	for (char *line = strtok(text, "\n"); line && *line == '#'; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "# expect: ", 10)) {
			fprintf(expected, "%s\n", line + 10);
		} else if (!strncmp(line, "# set: ", 7) && invalid->setting_count < MAX_SETTINGS) {
			char *equals = strchr(line, '=');

			CHECK(equals);
			*equals = '\0';
			invalid->settings[invalid->setting_count++] =
				(struct protocol_setting){ .name = line + 7, .value = equals + 1 };
		} else if (!strncmp(line, "# pump: ", 8)) {
			read_pump(invalid, line + 8);
		}
	}
	fclose(expected);
}

static void check_invalid(const char *path)
{
	struct invalid invalid = { 0 };
	struct diagnostics diagnostics;
	struct protocol *protocol;
	char *text, *said;
	size_t size;

	text = read_file(path, &size);
	read_comments(&invalid, text);
	CHECK(*invalid.expected);
	protocol = protocol_load(path, invalid.settings, invalid.setting_count, &diagnostics);
	for (size_t i = 0; protocol && invalid.has_pump && i < protocol->channel_count; i++)
		protocol_check_device(protocol, i, &invalid.info, &diagnostics);
	CHECK(diagnostics.errors > 0);
	said = messages(&diagnostics);
	if (strcmp(said, invalid.expected))
		printf("# %s\n", path);
	CHECK_TEXT(said, invalid.expected);
	free(said);
	free(invalid.expected);
	free(text);
	diagnostics_free(&diagnostics);
	protocol_free(protocol);
}

TEST(each_invalid_protocol_is_told_exactly_what_is_wrong_and_where)
{
	struct dirent **entries;
	char path[4500];
	int count, files = 0;

	snprintf(path, sizeof(path), "%s/protocols/invalid", top);
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		/* The folder holds files that these call. */
		if (entries[i]->d_type == DT_REG) {
			snprintf(path, sizeof(path), "%s/protocols/invalid/%s", top,
				 entries[i]->d_name);
			check_invalid(path);
			files++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	printf("# %d invalid protocols\n", files);
	CHECK(files >= 30);
}

static void expect_bytes(const void *text, size_t size, const char *expected)
{
	struct diagnostics diagnostics;
	char *said;

	CHECK(!protocol_load(write_file(text, size), NULL, 0, &diagnostics));
	said = messages(&diagnostics);
	CHECK_TEXT(said, expected);
	free(said);
	diagnostics_free(&diagnostics);
}

static void expect_path(const char *path, const char *expected)
{
	struct diagnostics diagnostics;
	char *said;

	CHECK(!protocol_load(path, NULL, 0, &diagnostics));
	said = messages(&diagnostics);
	CHECK_TEXT(said, expected);
	free(said);
	diagnostics_free(&diagnostics);
}

TEST(files_that_cannot_be_protocols_are_refused)
{
	size_t size = (1 << 20) + 1;
	char *large = malloc(size);

	memset(large, ' ', size);
	expect_bytes(large, size, "error: is larger than 1 MiB, which no protocol is\n");
	free(large);
	expect_bytes("nanodose: 1\nname: a\0b\n", 22,
		     "2:8: error: control character 0x00; a protocol is plain text\n");
	expect_bytes("", 0, "error: is empty; a protocol begins with 'nanodose: 1'\n");
	expect_path("/nowhere/x.yaml", "error: cannot be read: No such file or directory\n");
	expect_path(scratch, "error: cannot be read: Is a directory; name a protocol file in it\n");
}

TEST(the_place_of_a_message_is_marked_in_its_line)
{
	static const char text[] =
		"nanodose: 1\n"
		"name: \"caf\303\251\"\n"
		"channels:\n"
		"  \303\251t: {pump: p, syringe: \"No such\", loaded: 12, fluid: water}\n"
		"steps:\n"
		"  - hold: 5 uL   # not a time\n";
	static const char expected[] =
		"f:4:3: error: a channel's name is a letter and then letters, digits or _, at most 31, not \"\303\251t\"\n"
		"    \303\251t: {pump: p, syringe: \"No such\", loaded: 12, fluid: water}\n"
		"    ^~\n";
	static const char last[] =
		"    - hold: 5 uL   # not a time\n"
		"            ^~~~\n";
	struct diagnostics diagnostics;
	char *said = NULL;
	size_t size;
	FILE *stream = open_memstream(&said, &size);

	CHECK(!protocol_load(write_file(text, strlen(text)), NULL, 0, &diagnostics));
	diagnostics.file = "f";
	diagnostics_print_marked(&diagnostics, stream);
	fclose(stream);
	CHECK(!strncmp(said, expected, strlen(expected)));
	CHECK(strlen(said) > strlen(last) && !strcmp(said + strlen(said) - strlen(last), last));
	if (strncmp(said, expected, strlen(expected)))
		printf("# %s\n", said);
	free(said);
	diagnostics_free(&diagnostics);
}

/* Text built up by repetition, where only the end of the reading matters. */
static char *repeated(const char *head, const char *unit, size_t times, const char *tail)
{
	size_t size = strlen(head) + strlen(unit) * times + strlen(tail) + 1;
	char *text = malloc(size), *at = stpcpy(text, head);

	for (size_t i = 0; i < times; i++)
		at = stpcpy(at, unit);
	stpcpy(at, tail);
	return text;
}

TEST(hostile_input_ends_in_messages)
{
	static const struct {
		const char *head, *unit;
		size_t times;
		const char *tail;
	} cases[] = {
		{ "", "[", 200000, "" },
		{ "", "{a: ", 100000, "" },
		{ "", "- ", 200000, "" },
		{ "", "? ", 200000, "" },
		{ "nanodose: 1\nsteps:\n", "  - \n", 150000, "" },
		{ "nanodose: 1\nsteps: [", "x,", 300000, "]" },
		{ "nanodose: 1\nsteps:\n", "  - infuse: {channel: a}\n", 30000, "" },
		{ "nanodose: 1\n", "a: b\n", 150000, "" },
		{ "nanodose: 1\nsteps:\n  - hold: \"${", "(", 5000, "\"" },
		{ "nanodose: 1\nsteps:\n  - hold: \"${", "(", 500, "1}\"" },
		{ "nanodose: 1\nsteps:\n  - hold: \"", "${1}", 2000, "\"" },
		{ "a: &a x\nb: [", "*a,", 100000, "]" },
		{ "nanodose: 1\nchannels: {", "x", 100000, ": {}}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = repeated(cases[i].head, cases[i].unit, cases[i].times, cases[i].tail);
		struct diagnostics diagnostics;

		CHECK(!protocol_load(write_file(text, strlen(text)), NULL, 0, &diagnostics));
		CHECK(diagnostics.errors > 0);
		CHECK(diagnostics.count > 0 && diagnostics.count <= 1000);
		diagnostics_free(&diagnostics);
		free(text);
	}
}

int main(void)
{
	set_up(__FILE__);
	RUN(each_invalid_protocol_is_told_exactly_what_is_wrong_and_where);
	RUN(files_that_cannot_be_protocols_are_refused);
	RUN(the_place_of_a_message_is_marked_in_its_line);
	RUN(hostile_input_ends_in_messages);
	return tear_down();
}
