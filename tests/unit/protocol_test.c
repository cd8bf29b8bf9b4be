// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The protocol language: what a good file means, in values worked out by
 * hand, and what each bad one is told. Every file of protocols/invalid holds
 * the messages that a user should read, in its first comment lines:
 *
 *	# expect: 7:11: error: text	(without position: the file as a whole)
 *	# set: name=value		(as --set)
 *	# pump: steps/s microsteps/turn nm/turn [sensor]	(a pump to check against)
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader.h"
#include "protocol.h"
#include "test.h"
#include "tree.h"

#define UL 1e-9			/* m3 */
#define ML 1e-6
#define PER_MIN (1 / 60.0)
#define MAX_SETTINGS 4

static char top[4096];		/* of the source tree */
static char scratch[64];	/* a folder for files made here */

static const char good_head[] =
	"nanodose: 1\n"
	"channels:\n"
	"  a: {pump: rig0, syringe: BD Plastipak 10 mL, loaded: 4 mL, fluid: water}\n"
	"  b: {pump: rig1, syringe: BD Plastipak 3 mL, loaded: 2 mL, fluid: ipa}\n";

static const char *write_file(const void *text, size_t size)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/protocol.yaml", scratch);
	file = fopen(path, "w");
	if (!file || fwrite(text, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(1);
	}
	return path;
}

/* The messages as text, one a line, without the file's name. To be freed. */
static char *messages(struct diagnostics *diagnostics)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	diagnostics->file = "";
	diagnostics_print(diagnostics, stream);
	fclose(stream);
	/* ":7:11: error" to "7:11: error", ": error" to "error" */
	for (char *line = text; line && *line;) {
		size_t skip = line[1] == ' ' ? 2 : 1;
		char *end;

		memmove(line, line + skip, strlen(line + skip) + 1);
		end = strchr(line, '\n');
		line = end ? end + 1 : NULL;
	}
	return text;
}

static struct protocol *load_text(const char *text)
{
	struct diagnostics diagnostics;
	struct protocol *protocol;
	char *said;

	protocol = protocol_load(write_file(text, strlen(text)), NULL, 0, &diagnostics);
	said = messages(&diagnostics);
	if (!protocol || *said)
		printf("# said: %s\n", said);
	free(said);
	diagnostics_free(&diagnostics);
	return protocol;
}

static struct protocol *load_steps(const char *inputs, const char *steps)
{
	struct protocol *protocol;
	char *text;

	if (asprintf(&text, "%s%s%s", good_head, inputs, steps) < 0)
		exit(1);
	protocol = load_text(text);
	free(text);
	return protocol;
}

/* ---- good protocols ------------------------------------------------------------------ */

TEST(infuse_takes_any_two_of_volume_rate_and_duration)
{
	struct protocol *p = load_steps("", "steps:\n"
		"  - infuse: {channel: a, volume: 0.5 mL, rate: 3 mL/min}\n"
		"  - infuse: {channel: a, volume: 0.5 mL, duration: 10 s}\n"
		"  - infuse: {channel: a, rate: 3 mL/min, duration: 10 s}\n"
		"  - withdraw: {channel: b, volume: 100 uL, rate: 600 uL/min}\n");

	CHECK(p);
	if (!p)
		return;
	for (int i = 0; i < 3; i++) {
		CHECK_INT(p->steps[i].verb, PROTOCOL_INFUSE);
		CHECK_INT(p->steps[i].flow_count, 1);
		CHECK_INT(p->steps[i].flows[0].channel, 0);
		CHECK_NEAR(p->steps[i].flows[0].volume_m3, 0.5 * ML, 1e-18);
		CHECK_NEAR(p->steps[i].flows[0].rate_m3_s, 3 * ML * PER_MIN, 1e-18);
		CHECK_NEAR(p->steps[i].duration_s, 10, 1e-9);
		CHECK_INT(p->steps[i].at.line, 6 + i);
		CHECK_INT(p->steps[i].at.column, 5);
	}
	CHECK_TEXT(p->steps[0].text, "infuse a 0.5 mL at 3 mL/min");
	CHECK_TEXT(p->steps[1].text, "infuse a 0.5 mL in 10 s");
	CHECK_TEXT(p->steps[2].text, "infuse a 3 mL/min for 10 s");
	CHECK_INT(p->steps[3].verb, PROTOCOL_WITHDRAW);
	CHECK_INT(p->steps[3].flows[0].channel, 1);
	CHECK_NEAR(p->duration_s, 40, 1e-9);
	/* What is withdrawn is no dose. */
	CHECK_NEAR(p->channels[0].infused_m3, 1.5 * ML, 1e-18);
	CHECK_NEAR(p->channels[1].infused_m3, 0, 0);
	CHECK_NEAR(p->channels[0].peak_rate_m3_s, 3 * ML * PER_MIN, 1e-18);
	CHECK_INT(p->channels[0].at_peak.line, 6);
	CHECK_INT(p->channels[0].at_peak.column, 48);
	protocol_free(p);
}

TEST(mix_splits_rate_and_volume_by_ratio)
{
	struct protocol *p = load_steps("", "steps:\n"
		"  - mix: {ratio: {a: 3, b: 1}, total_rate: 12 mL/min, volume: 2 mL}\n"
		"  - mix: {ratio: {b: 0.5, a: 1.5}, total_rate: 1.2 mL/min, duration: 1 min}\n");

	CHECK(p);
	if (!p)
		return;
	CHECK_INT(p->steps[0].flow_count, 2);
	CHECK_INT(p->steps[0].flows[0].channel, 0);
	CHECK_NEAR(p->steps[0].flows[0].volume_m3, 1.5 * ML, 1e-18);
	CHECK_NEAR(p->steps[0].flows[0].rate_m3_s, 9 * ML * PER_MIN, 1e-18);
	CHECK_NEAR(p->steps[0].flows[1].volume_m3, 0.5 * ML, 1e-18);
	CHECK_NEAR(p->steps[0].flows[1].rate_m3_s, 3 * ML * PER_MIN, 1e-18);
	CHECK_NEAR(p->steps[0].duration_s, 10, 1e-9);
	CHECK_TEXT(p->steps[0].text, "mix a:b 3:1, 2 mL at 12 mL/min");
	CHECK_INT(p->steps[1].flows[0].channel, 1);
	CHECK_NEAR(p->steps[1].flows[0].volume_m3, 0.3 * ML, 1e-18);
	CHECK_NEAR(p->steps[1].flows[1].volume_m3, 0.9 * ML, 1e-18);
	CHECK_NEAR(p->channels[1].infused_m3, 0.8 * ML, 1e-18);
	CHECK_TEXT(p->channels[1].peak_text, "3 mL/min");
	protocol_free(p);
}

TEST(hold_wait_and_repeat_keep_what_they_say)
{
	struct protocol *p = load_steps("", "steps:\n"
		"  - mix: {ratio: {a: 1, b: 1}, total_rate: 600 uL/min, duration: 1 s}\n"
		"  - hold: 1.5 min\n"
		"  - wait: {time: 250 ms}\n"
		"  - wait: {operator: \"Is the chip primed?\", timeout: 10 min, then: continue}\n"
		"  - wait: {operator: Ready?}\n"
		"  - wait: {until: \"flow.a > 95 and pressure.b < 20\", timeout: 1 min}\n"
		"  - repeat:\n"
		"      times: 3\n"
		"      steps:\n"
		"        - hold: 2 s\n"
		"        - repeat: {times: 2, steps: [infuse: {channel: a, volume: 10 uL, rate: 600 uL/min}]}\n");

	CHECK(p);
	if (!p)
		return;
	CHECK_INT(p->steps[1].verb, PROTOCOL_HOLD);
	CHECK_NEAR(p->steps[1].duration_s, 90, 1e-9);
	CHECK_INT(p->steps[2].verb, PROTOCOL_WAIT_TIME);
	CHECK_NEAR(p->steps[2].duration_s, 0.25, 1e-12);
	CHECK_INT(p->steps[3].verb, PROTOCOL_WAIT_OPERATOR);
	CHECK_TEXT(p->steps[3].message, "Is the chip primed?");
	CHECK_NEAR(p->steps[3].timeout_s, 600, 1e-9);
	CHECK(p->steps[3].timeout_continues);
	CHECK(isinf(p->steps[4].timeout_s));
	CHECK(!p->steps[4].timeout_continues);
	CHECK_INT(p->steps[5].verb, PROTOCOL_WAIT_UNTIL);
	CHECK_TEXT(p->steps[5].until, "flow.a > 95 and pressure.b < 20");
	CHECK(!p->steps[5].timeout_continues);
	CHECK_INT(p->steps[6].verb, PROTOCOL_REPEAT);
	CHECK_INT(p->steps[6].times, 3);
	CHECK_INT(p->steps[6].step_count, 2);
	CHECK_INT(p->steps[6].steps[1].times, 2);
	/* 1 + 90 + 0.25 + 3 x (2 + 2 x 1) */
	CHECK_NEAR(p->duration_s, 103.25, 1e-9);
	/* 5 + 3 x 2 x 10 uL */
	CHECK_NEAR(p->channels[0].infused_m3, 65 * UL, 1e-18);
	protocol_free(p);
}

TEST(channels_and_limits_are_in_si_units)
{
	struct protocol *p = load_text(
		"nanodose: 1\n"
		"name: Two words\n"
		"channels:\n"
		"  a: {pump: nanodose3, syringe: bd  plastipak 1 ml, loaded: 500 uL, fluid: ipa,\n"
		"      particles: {concentration: 2.5e12 /mL}}\n"
		"limits:\n"
		"  a: {rate: 5 mL/min, volume: 1 mL, pressure: 2 bar}\n"
		"steps:\n"
		"  - infuse: {channel: a, volume: 500 uL, rate: 30 mL/h}\n");
	const struct protocol_channel *c;

	CHECK(p);
	if (!p)
		return;
	c = &p->channels[0];
	CHECK_TEXT(p->name, "Two words");
	CHECK_TEXT(c->pump, "nanodose3");
	CHECK_TEXT(c->syringe->name, "BD Plastipak 1 mL");
	CHECK_NEAR(c->loaded_m3, 500 * UL, 1e-18);
	CHECK_INT(c->medium, NANODOSE_MEDIUM_IPA);
	CHECK_NEAR(c->concentration_per_m3, 2.5e18, 1e6);
	CHECK_NEAR(c->limit_rate_m3_s, 5 * ML * PER_MIN, 1e-18);
	CHECK_NEAR(c->limit_volume_m3, 1 * ML, 1e-18);
	CHECK_NEAR(c->limit_pressure_pa, 200000, 1e-6);
	CHECK_NEAR(p->steps[0].flows[0].rate_m3_s, 0.5 * ML * PER_MIN, 1e-18);
	CHECK_NEAR(p->duration_s, 60, 1e-9);
	protocol_free(p);
}

TEST(all_that_is_loaded_may_be_infused_whatever_the_rounding)
{
	/* 0.1 mL ten times is not 1 mL in binary. */
	struct protocol *p = load_text(
		"nanodose: 1\n"
		"channels:\n"
		"  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 1 mL, fluid: water}\n"
		"limits: {a: {volume: 2 mL}}\n"
		"steps:\n"
		"  - repeat: {times: 10, steps: [infuse: {channel: a, volume: 0.1 mL, rate: 1 mL/min}]}\n"
		"  - repeat: {times: 10, steps: [withdraw: {channel: a, volume: 0.1 mL, rate: 1 mL/min}]}\n"
		"  - infuse: {channel: a, volume: 1 mL, rate: 1 mL/min}\n");

	CHECK(p);
	protocol_free(p);
}

TEST(inputs_stand_for_what_was_written_and_carry_their_dimension)
{
	struct protocol *p = load_steps(
		"inputs:\n"
		"  ratio: {value: 3, min: 1, max: 9}\n"
		"  total: {value: 12 mL/min}\n"
		"  batch: {value: 2 mL}\n"
		"  half: {value: \"${batch / 2}\"}\n"
		"  dose: {value: 1e12}\n"
		"  strength: {value: 1e12 /mL}\n",
		"steps:\n"
		"  - mix: {ratio: {a: \"${ratio}\", b: 1}, total_rate: \"${total}\", volume: \"${batch}\"}\n"
		"  - infuse: {channel: a, volume: \"${ratio / 6} mL\", rate: \"${total * 0.5}\"}\n"
		"  - infuse: {channel: a, volume: \"${half - batch / 4}\", duration: \"${batch / total}\"}\n"
		"  - infuse: {channel: a, volume: \"${dose / strength}\", rate: \"${math.min(total, total / 2)}\"}\n"
		"  - hold: \"${to(batch / total, 's') + ratio} s\"\n"
		"  - wait: {operator: \"Is ${batch} enough for ${ratio + 1}?\"}\n");

	CHECK(p);
	if (!p)
		return;
	CHECK_INT(p->inputs[0].dimension, NANODOSE_DIMENSION_NONE);
	CHECK_INT(p->inputs[1].dimension, NANODOSE_DIMENSION_RATE);
	CHECK_NEAR(p->inputs[1].value, 12 * ML * PER_MIN, 1e-18);
	CHECK_TEXT(p->inputs[1].text, "12 mL/min");
	CHECK_TEXT(p->inputs[3].text, "1 mL");
	CHECK_TEXT(p->steps[0].text, "mix a:b 3:1, 2 mL at 12 mL/min");
	CHECK_NEAR(p->steps[1].flows[0].volume_m3, 0.5 * ML, 1e-18);
	CHECK_NEAR(p->steps[1].flows[0].rate_m3_s, 6 * ML * PER_MIN, 1e-18);
	CHECK_TEXT(p->steps[1].text, "infuse a 0.5 mL at 6 mL/min");
	CHECK_NEAR(p->steps[2].flows[0].volume_m3, 0.5 * ML, 1e-18);
	CHECK_NEAR(p->steps[2].duration_s, 10, 1e-9);
	CHECK_NEAR(p->steps[3].flows[0].volume_m3, 1 * ML, 1e-18);
	CHECK_NEAR(p->steps[3].flows[0].rate_m3_s, 6 * ML * PER_MIN, 1e-18);
	CHECK_NEAR(p->steps[4].duration_s, 13, 1e-9);
	CHECK_TEXT(p->steps[5].message, "Is 2 mL enough for 4?");
	protocol_free(p);
}

TEST(set_replaces_the_default_of_an_input)
{
	static const struct protocol_setting settings[] = { { "speed", " 30 uL/s" } };
	struct diagnostics diagnostics;
	struct protocol *p;
	char text[1024];

	snprintf(text, sizeof(text), "%s%s", good_head,
		 "inputs: {speed: {value: 1 mL/min, max: 1.8 mL/min}}\n"
		 "steps: [mix: {ratio: {a: 1, b: 1}, total_rate: \"${speed}\", duration: 10 s}]\n");
	p = protocol_load(write_file(text, strlen(text)), settings, 1, &diagnostics);
	CHECK(p);
	CHECK_INT(diagnostics.count, 0);
	if (p) {
		CHECK(p->inputs[0].set);
		CHECK_TEXT(p->inputs[0].text, "30 uL/s");
		CHECK_NEAR(p->inputs[0].value, 30 * UL, 1e-18);
		CHECK_TEXT(p->steps[0].text, "mix a:b 1:1, 30 uL/s for 10 s");
	}
	diagnostics_free(&diagnostics);
	protocol_free(p);
}

TEST(an_unused_input_is_a_warning_and_the_protocol_is_good)
{
	struct diagnostics diagnostics;
	struct protocol *p;
	char text[1024], *said;

	snprintf(text, sizeof(text), "%s%s", good_head,
		 "inputs: {spare: {value: 3}}\n"
		 "steps: [mix: {ratio: {a: 1, b: 1}, total_rate: 1 mL/min, duration: 10 s}]\n");
	p = protocol_load(write_file(text, strlen(text)), NULL, 0, &diagnostics);
	CHECK(p);
	said = messages(&diagnostics);
	CHECK_TEXT(said, "5:10: warning: input 'spare' is used nowhere\n");
	free(said);
	diagnostics_free(&diagnostics);
	protocol_free(p);
}

TEST(columns_count_characters_and_begin_at_the_quote)
{
	struct diagnostics diagnostics;
	char text[1024], *said;

	snprintf(text, sizeof(text), "%s%s", good_head,
		 "name: é\n"
		 "steps:\n"
		 "  - {\"hold\": \"é µ\"}\n"
		 "  - mix: {ratio: {a: 1, b: 1}, total_rate: 1 mL/min, duration: 10 s}\n");
	CHECK(!protocol_load(write_file(text, strlen(text)), NULL, 0, &diagnostics));
	said = messages(&diagnostics);
	CHECK_TEXT(said, "7:14: error: hold: \"é µ\" is not a time; write one such as \"30 s\"\n");
	free(said);
	diagnostics_free(&diagnostics);
}

/* ---- the library that comes with the program ---------------------------------------------- */

static const struct library {
	const char *name;
	double duration_s;
	struct {
		const char *name;
		double infused_ul, peak_ul_min;
	} channels[2];
} library[] = {
	{ "demo", 120, { { "carrier", 1500, 1200 }, { "particles", 200, 300 } } },
	{ "vaccine-lnp-formulation", 12, { { "aqueous", 1500, 9000 }, { "lipid", 500, 3000 } } },
	{ "nanoparticle-bolus", 600, { { "particles", 100, 10 } } },
	{ "eight-hours", 28800, { { "medium", 2400, 5 } } },
};

static void check_library(const struct library *one)
{
	struct diagnostics diagnostics;
	struct protocol *p;
	char path[4500];

	snprintf(path, sizeof(path), "%s/protocols/%s.yaml", top, one->name);
	p = protocol_load(path, NULL, 0, &diagnostics);
	diagnostics_print(&diagnostics, stdout);
	CHECK(p && !diagnostics.count);
	diagnostics_free(&diagnostics);
	if (!p)
		return;
	CHECK_NEAR(p->duration_s, one->duration_s, 1e-6);
	CHECK_INT(p->channel_count, one->channels[1].name ? 2 : 1);
	for (size_t i = 0; i < p->channel_count; i++) {
		CHECK_TEXT(p->channels[i].name, one->channels[i].name);
		CHECK_NEAR(p->channels[i].infused_m3 / UL, one->channels[i].infused_ul, 1e-6);
		CHECK_NEAR(p->channels[i].peak_rate_m3_s / UL * 60, one->channels[i].peak_ul_min, 1e-6);
	}
	protocol_free(p);
}

TEST(the_protocols_that_come_with_it_are_good_and_dose_what_they_say)
{
	for (size_t i = 0; i < sizeof(library) / sizeof(library[0]); i++)
		check_library(&library[i]);
}

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(1 << 20);

	*size = 0;
	if (!file || !text) {
		perror(path);
		exit(1);
	}
	*size = fread(text, 1, (1 << 20) - 1, file);
	text[*size] = '\0';
	fclose(file);
	return text;
}

/* A rig's syringe must be the one the protocol computes with. */
TEST(each_rig_file_has_the_protocols_syringes_and_known_parameters)
{
	static const char *const parameters[] = {
		"syringe_diameter_um", "lead_pitch_nm", "microsteps_per_rev", "compliance_fl_per_pa",
		"resistance_pa_s_per_ul", "back_pressure_pa", "leak_fl_per_pa_s", "dead_volume_nl",
		"backlash_steps", "stall_pressure_pa", "sensor_model", "sensor_gain_ppm",
		"sensor_offset_pl_min", "sensor_noise_pl_min", "sensor_tau_us", "pressure_noise_pa",
		"seed",
	};

	for (size_t i = 0; i < sizeof(library) / sizeof(library[0]); i++) {
		struct diagnostics diagnostics, rig_diagnostics = { .file = "rig" };
		struct protocol *p;
		struct tree *tree;
		char path[4500], *text;
		size_t size;

		snprintf(path, sizeof(path), "%s/protocols/%s.yaml", top, library[i].name);
		p = protocol_load(path, NULL, 0, &diagnostics);
		diagnostics_free(&diagnostics);
		CHECK(p && p->rig);
		if (!p || !p->rig)
			continue;
		text = read_file(p->rig, &size);
		tree = tree_new(text, size, &rig_diagnostics);
		diagnostics_print(&rig_diagnostics, stdout);
		CHECK(tree && tree_root(tree));
		for (size_t c = 0; tree && c < p->channel_count; c++) {
			struct node *rig = node_get(tree_root(tree), p->channels[c].pump);
			struct node *diameter = rig ? node_get(rig, "syringe_diameter_um") : NULL;

			CHECK(rig && diameter);
			if (diameter)
				CHECK_NEAR(atof(diameter->text) * 1e-6,
					   p->channels[c].syringe->diameter_m, 0.5e-6);
			for (struct node *one = rig ? rig->first : NULL; one; one = one->next) {
				struct diagnostics ignored = { .file = "" };
				struct loader loader = { .diagnostics = &ignored };
				struct node only = { .type = NODE_MAPPING, .first = one };
				struct node *next = one->next;

				one->next = NULL;
				CHECK(LOADER_KEYS(&loader, &only, "a rig", parameters));
				CHECK_INT(ignored.count, 0);
				diagnostics_free(&ignored);
				one->next = next;
			}
		}
		tree_free(tree);
		free(text);
		diagnostics_free(&rig_diagnostics);
		protocol_free(p);
	}
}

/* ---- bad protocols -------------------------------------------------------------------------- */

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
				(struct protocol_setting){ line + 7, equals + 1 };
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
		if (entries[i]->d_name[0] != '.') {
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

/* ---- pumps ---------------------------------------------------------------------------------- */

TEST(fastest_rate_is_bore_area_times_travel_times_step_rate)
{
	/* Pump 11 Elite: 159 mm/min; BD Plastipak 10 mL, 14.427 mm: 25.99 mL/min. */
	static const struct nanodose_info info = {
		.max_rate_nhz = 8480000000000ull,	/* x 0.3125 um = 2.65 mm/s */
		.lead_pitch_nm = 1000000,
		.microsteps_per_rev = 3200,
	};
	const struct nanodose_syringe *syringe = nanodose_syringe_find("BD Plastipak 10 mL");
	struct protocol_channel channel = { .syringe = syringe };

	CHECK(syringe);
	CHECK_NEAR(protocol_max_rate_m3_s(&channel, &info) / ML * 60, 25.99, 0.005);
}

TEST(a_rate_beyond_the_sensor_is_a_warning)
{
	struct protocol *p = load_steps("", "steps:\n"
		"  - mix: {ratio: {a: 3, b: 1}, total_rate: 4 mL/min, volume: 2 mL}\n");
	static const struct nanodose_info info = {
		.features = NANODOSE_FEATURE_FLOW | NANODOSE_FEATURE_MEDIUM_IPA,
		.max_rate_nhz = 40000000000000ull,
		.sensor_full_scale_pl_min = 2000000000,		/* 2 mL/min */
		.sensor_model = NANODOSE_SENSOR_SLF3S_0600F,
		.lead_pitch_nm = 1000000,
		.microsteps_per_rev = 3200,
	};
	struct diagnostics diagnostics = { .file = "" };
	char *said;

	CHECK(p);
	if (!p)
		return;
	protocol_check_device(p, 0, &info, &diagnostics);
	protocol_check_device(p, 1, &info, &diagnostics);
	CHECK_INT(diagnostics.errors, 0);
	said = messages(&diagnostics);
	CHECK_TEXT(said, "6:44: warning: 'a' would run at 3 mL/min, but the SLF3S-0600F of pump 'rig0' measures up to 2 mL/min only\n");
	free(said);
	diagnostics_free(&diagnostics);
	protocol_free(p);
}

int main(void)
{
	int result;

	/* This file is tests/unit/protocol_test.c below the top. */
	snprintf(top, sizeof(top), "%s", __FILE__);
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(top, '/');

		if (slash)
			*slash = '\0';
		else
			snprintf(top, sizeof(top), i < 2 ? "" : ".");
	}
	snprintf(scratch, sizeof(scratch), "/tmp/protocol_test.XXXXXX");
	if (!mkdtemp(scratch)) {
		perror(scratch);
		return 1;
	}
	RUN(infuse_takes_any_two_of_volume_rate_and_duration);
	RUN(mix_splits_rate_and_volume_by_ratio);
	RUN(hold_wait_and_repeat_keep_what_they_say);
	RUN(channels_and_limits_are_in_si_units);
	RUN(all_that_is_loaded_may_be_infused_whatever_the_rounding);
	RUN(inputs_stand_for_what_was_written_and_carry_their_dimension);
	RUN(set_replaces_the_default_of_an_input);
	RUN(an_unused_input_is_a_warning_and_the_protocol_is_good);
	RUN(columns_count_characters_and_begin_at_the_quote);
	RUN(the_protocols_that_come_with_it_are_good_and_dose_what_they_say);
	RUN(each_rig_file_has_the_protocols_syringes_and_known_parameters);
	RUN(each_invalid_protocol_is_told_exactly_what_is_wrong_and_where);
	RUN(files_that_cannot_be_protocols_are_refused);
	RUN(hostile_input_ends_in_messages);
	RUN(fastest_rate_is_bore_area_times_travel_times_step_rate);
	RUN(a_rate_beyond_the_sensor_is_a_warning);
	result = test_end();
	unlink(write_file("", 0));
	rmdir(scratch);
	return result;
}
