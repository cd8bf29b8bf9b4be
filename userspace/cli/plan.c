// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nanodose plan: what a protocol will do, before anything moves. No pump is
 * asked; the times are those of the set points, without what ramps and
 * draining lines add.
 */
#include <getopt.h>
#include <json-c/json.h>
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan_trace.h"
#include "runner.h"
#include "settings.h"
#include "verbs.h"
#include "wording.h"

#define UL_PER_M3	1e9
#define UL_MIN_PER_M3_S	(60 * 1e9)
#define PLOT_WIDTH	60
#define JSON_FLAGS	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

enum form { FORM_TEXT, FORM_CSV, FORM_SVG, FORM_JSON };

/* ---- the table --------------------------------------------------------------------- */

struct table {
	const struct protocol *protocol;
	FILE *out;
};

static void print_step(void *user, double begin_s, const struct protocol_step *step)
{
	struct table *table = user;
	char at[WORDING_SIZE], lasts[WORDING_SIZE];

	fprintf(table->out, "%14s  %12s  %5d  %s\n", format_duration(begin_s, at, sizeof(at)),
		step->duration_s > 0 ? format_duration(step->duration_s, lasts, sizeof(lasts)) : "-",
		step->at.line, step->text);
}

static void print_channel(const struct plan *plan, size_t i)
{
	const struct protocol_channel *channel = &plan->protocol->channels[i];
	const struct plan_trace *trace = &plan->traces[i];
	double arrival_s = plan_arrival_s(plan, i), shear_pa = protocol_shear_pa(channel, channel->peak_rate_m3_s);
	char a[WORDING_SIZE], b[WORDING_SIZE], c[WORDING_SIZE];
	const char *like = channel->loaded_text;

	printf("%s: infuses %s", channel->name,
	       format_like(channel->infused_m3, NANODOSE_DIMENSION_VOLUME, like, a, sizeof(a)));
	if (trace->withdrawn_m3 > 0)
		printf(", withdraws %s", format_like(trace->withdrawn_m3, NANODOSE_DIMENSION_VOLUME, like,
						     a, sizeof(a)));
	printf("; %s loaded, at least %s left\n", like,
	       format_like(fmax(0, trace->lowest_m3), NANODOSE_DIMENSION_VOLUME, like, b, sizeof(b)));
	if (channel->concentration_per_m3 > 0)
		printf("  dose: %.4g particles\n", channel->infused_m3 * channel->concentration_per_m3);
	if (channel->mass_concentration_kg_m3 > 0)
		printf("  dose: %s of particles\n",
		       nanodose_quantity_format(channel->infused_m3 * channel->mass_concentration_kg_m3,
						NANODOSE_DIMENSION_MASS, a, sizeof(a)));
	if (channel->peak_text)
		printf("  at most %s\n", channel->peak_text);
	if (channel->dead_volume_m3 > 0 && isnan(arrival_s))
		printf("  never reaches the chip: all of it stays in the dead volume\n");
	else if (channel->dead_volume_m3 > 0)
		printf("  at the chip from %s on, behind the dead volume of %s\n",
		       format_duration(arrival_s, a, sizeof(a)),
		       format_like(channel->dead_volume_m3, NANODOSE_DIMENSION_VOLUME, like, b, sizeof(b)));
	if (!isnan(shear_pa))
		printf("  in the chip at most %s across it and a wall shear of %s\n",
		       format_like(protocol_chip_pressure_pa(channel, channel->peak_rate_m3_s),
				   NANODOSE_DIMENSION_PRESSURE, NULL, b, sizeof(b)),
		       format_like(shear_pa, NANODOSE_DIMENSION_PRESSURE, NULL, c, sizeof(c)));
}

static void print_text(const struct plan *plan)
{
	struct table table = { plan->protocol, stdout };
	char text[WORDING_SIZE];

	printf("%s: %s\n\n", plan->protocol->name,
	       format_duration(plan->protocol->duration_s, text, sizeof(text)));
	printf("%14s  %12s  %5s  %s\n", "at", "for", "line", "step");
	protocol_walk(plan->protocol, print_step, &table);
	putchar('\n');
	plan_draw_text(plan, stdout, PLOT_WIDTH, !strcmp(nl_langinfo(CODESET), "UTF-8"));
	putchar('\n');
	for (size_t i = 0; i < plan->protocol->channel_count; i++)
		print_channel(plan, i);
}

/* ---- CSV and JSON ------------------------------------------------------------------- */

static void print_csv(const struct plan *plan)
{
	puts("time_s,channel,setpoint_ul_min,volume_ul");
	for (size_t i = 0; i < plan->protocol->channel_count; i++) {
		for (size_t k = 0; k < plan->traces[i].count; k++) {
			const struct plan_point *point = &plan->traces[i].points[k];

			printf("%.9g,%s,%.9g,%.9g\n", point->time_s, plan->protocol->channels[i].name,
			       point->rate_m3_s * UL_MIN_PER_M3_S, point->volume_m3 * UL_PER_M3);
		}
	}
}

static void add_number(struct json_object *object, const char *name, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.9g", value);
	json_object_object_add(object, name, isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

static void print_json(const struct plan *plan)
{
	struct json_object *object = json_object_new_object(), *channels = json_object_new_array();

	json_object_object_add(object, "protocol", json_object_new_string(plan->protocol->name));
	add_number(object, "duration_s", plan->protocol->duration_s);
	for (size_t i = 0; i < plan->protocol->channel_count; i++) {
		const struct protocol_channel *channel = &plan->protocol->channels[i];
		struct json_object *one = json_object_new_object();
		double concentration = channel->concentration_per_m3 > 0 ? channel->concentration_per_m3 : NAN;

		json_object_object_add(one, "name", json_object_new_string(channel->name));
		add_number(one, "loaded_ul", channel->loaded_m3 * UL_PER_M3);
		add_number(one, "infused_ul", channel->infused_m3 * UL_PER_M3);
		add_number(one, "withdrawn_ul", plan->traces[i].withdrawn_m3 * UL_PER_M3);
		add_number(one, "lowest_ul", plan->traces[i].lowest_m3 * UL_PER_M3);
		add_number(one, "particles", channel->infused_m3 * concentration);
		add_number(one, "peak_ul_min", channel->peak_rate_m3_s * UL_MIN_PER_M3_S);
		add_number(one, "arrival_s", plan_arrival_s(plan, i));
		add_number(one, "chip_pressure_pa", protocol_chip_pressure_pa(channel, channel->peak_rate_m3_s));
		add_number(one, "chip_shear_pa", protocol_shear_pa(channel, channel->peak_rate_m3_s));
		json_object_array_add(channels, one);
	}
	json_object_object_add(object, "channels", channels);
	puts(json_object_to_json_string_ext(object, JSON_FLAGS));
	json_object_put(object);
}

/* ---- arguments -------------------------------------------------------------------------- */

static const char help[] =
	"  --set NAME=VALUE  give an input another value; may be repeated\n"
	"  --inputs FILE     a YAML file of such values; --set stands before it\n"
	"  --csv             the set points as CSV: points with lines between them\n"
	"  --svg             a picture of them\n"
	"  --json            what the protocol needs, as JSON\n";

static int plan_file(const char *file, const struct settings *settings, enum form form)
{
	struct diagnostics diagnostics;
	struct protocol *protocol = protocol_load(file, settings->list, settings->count, &diagnostics);
	struct plan plan;
	bool made;

	diagnostics_print(&diagnostics, stderr);
	diagnostics_free(&diagnostics);
	if (!protocol)
		return NANODOSE_EXIT_REFUSED;
	made = plan_make(&plan, protocol);
	if (!made)
		fputs("nanodose plan: out of memory\n", stderr);
	else if (form == FORM_CSV)
		print_csv(&plan);
	else if (form == FORM_SVG)
		plan_draw_svg(&plan, stdout);
	else if (form == FORM_JSON)
		print_json(&plan);
	else
		print_text(&plan);
	plan_free(&plan);
	protocol_free(protocol);
	return made ? verb_output_done("plan") : NANODOSE_EXIT_REFUSED;
}

int verb_plan(int argc, char **argv)
{
	static const struct option options[] = {
		{ "set", required_argument, NULL, 's' }, { "inputs", required_argument, NULL, 'i' },
		{ "csv", no_argument, NULL, 'c' },
		{ "svg", no_argument, NULL, 'g' },	 { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },	 { 0 },
	};
	struct settings settings = { 0 };
	enum form form = FORM_TEXT;
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			status = verb_help("plan", help);
		else if (option == 's')
			status = settings_add(&settings, "plan", optarg) ?: -1;
		else if (option == 'i')
			status = settings_add_file(&settings, "plan", optarg) ?: -1;
		else if (option == 'c')
			form = FORM_CSV;
		else if (option == 'g')
			form = FORM_SVG;
		else if (option == 'j')
			form = FORM_JSON;
		else
			status = verb_usage_error("plan", NULL);
	}
	if (status < 0 && optind != argc - 1)
		status = verb_usage_error("plan", optind == argc ? "a protocol file is missing" :
					  "one protocol file at a time");
	if (status < 0)
		status = plan_file(argv[optind], &settings, form);
	settings_free(&settings);
	return status;
}
