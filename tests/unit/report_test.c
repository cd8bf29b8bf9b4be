// SPDX-License-Identifier: GPL-2.0-or-later
/* The report: decimation, ticks, escaping, and whole pages of whole runs. */
#include <ctype.h>

#include "test.h"
#include "record_fixture.h"

#include "axis.h"
#include "chart.h"
#include "curves.h"
#include "html.h"
#include "report.h"

/* ---- series ------------------------------------------------------------------------- */

static struct series series_of(size_t samples, double period_s, double (*value)(size_t i),
			       size_t columns)
{
	struct series series;
	size_t i;

	series_init(&series, 0, (double)samples * period_s, columns);
	for (i = 0; i < samples; i++)
		series_add(&series, (double)i * period_s, value(i));
	return series;
}

static double spiky(size_t i)
{
	return i == 123456 ? 40 : i == 700001 ? -7 : 10 + (double)(i % 3);
}

TEST(one_spike_in_a_million_samples_stays)
{
	struct series series = series_of(1400000, 0.02, spiky, 600);
	struct series_point points[4];
	size_t i, k, count, total = 0;
	bool high = false, low = false;

	for (i = 0; i < series.count; i++) {
		count = series_points(&series.columns[i], points);
		total += count;
		for (k = 0; k < count; k++) {
			high |= points[k].value == 40 && points[k].time_s == 123456 * 0.02;
			low |= points[k].value == -7 && points[k].time_s == 700001 * 0.02;
		}
	}
	CHECK(high);
	CHECK(low);
	CHECK(total <= 4 * 600);
	CHECK_NEAR(series.most, 40, 0);
	CHECK_NEAR(series.least, -7, 0);
	series_free(&series);
}

static double ramp(size_t i)
{
	return (double)i;
}

TEST(few_samples_are_all_kept_in_their_order)
{
	struct series series = series_of(50, 1, ramp, 600);
	struct series_point points[4];
	double next = 0;
	size_t i, k, count;

	for (i = 0; i < series.count; i++) {
		count = series_points(&series.columns[i], points);
		for (k = 0; k < count; k++)
			CHECK_NEAR(points[k].value, next++, 0);
	}
	CHECK_NEAR(next, 50, 0);
	series_free(&series);
}

TEST(points_of_a_column_go_forward_in_time)
{
	struct series series;
	struct series_point points[4];

	series_init(&series, 0, 10, 1);
	series_add(&series, 1, 5);
	series_add(&series, 2, 9);
	series_add(&series, 3, 1);
	series_add(&series, 4, 6);
	CHECK_INT(series_points(&series.columns[0], points), 4);
	CHECK_NEAR(points[0].value, 5, 0);
	CHECK_NEAR(points[1].value, 9, 0);
	CHECK_NEAR(points[2].value, 1, 0);
	CHECK_NEAR(points[3].value, 6, 0);
	series_free(&series);
}

TEST(a_missing_reading_breaks_the_line)
{
	struct series series;

	series_init(&series, 0, 10, 10);
	series_add(&series, 1.5, 5);
	series_add(&series, 2.5, NAN);
	series_add(&series, 3.5, 5);
	series_add(&series, 4.5, 5);
	CHECK(!series.columns[1].gap);
	CHECK(!series.columns[2].used);
	CHECK(series.columns[3].gap);
	CHECK(!series.columns[4].gap);
	series_free(&series);
}

TEST(samples_outside_the_span_and_a_span_of_nothing_are_kept)
{
	struct series series;

	series_init(&series, 5, 5, 4);
	series_add(&series, 4, 1);
	series_add(&series, 5, 2);
	series_add(&series, 7, 3);
	CHECK_NEAR(series.columns[0].first.value, 1, 0);
	CHECK_NEAR(series.columns[3].last.value, 3, 0);
	series_free(&series);
}

/* ---- sums ------------------------------------------------------------------------------ */

/* 10 uL/min for 60 s is 10 uL, by steps, by the set point and by the sensor. */
TEST(volumes_are_summed_up)
{
	struct curve_sample sample = { .pressure_pa = 5 };
	struct curves curves;
	int i;

	curves_init(&curves, 0, 60, 100, 1e-12);
	for (i = 0; i <= 600; i++) {
		sample.time_s = i * 0.1;
		sample.position = 500 + i * 10000 / 600;
		sample.flow_m3_s = sample.setpoint_m3_s = 10 * UL_MIN;
		sample.pressure_pa = i == 300 ? 2000 : 1000;
		curves_add(&curves, &sample);
	}
	CHECK_NEAR(curves.delivered_m3, 10e-9, 1e-18);
	CHECK_NEAR(curves.asked_m3, 10e-9, 1e-18);
	CHECK_NEAR(curves.sensed_m3, 10e-9, 1e-18);
	CHECK_NEAR(curves.unsensed_s, 0, 0);
	CHECK_NEAR(curves.max_pressure_pa, 2000, 0);
	CHECK_INT(curves.samples, 601);
	curves_free(&curves);
}

TEST(time_without_a_reading_counts_as_unknown_not_as_zero)
{
	struct curve_sample sample = { .flow_m3_s = 60 * UL_MIN, .setpoint_m3_s = NAN };
	struct curves curves;
	int i;

	curves_init(&curves, 0, 100, 100, 1e-12);
	for (i = 0; i <= 20; i++) {
		sample.time_s = i;
		sample.flow_m3_s = i == 5 ? NAN : 60 * UL_MIN;
		curves_add(&curves, &sample);
	}
	sample.time_s = 90;
	curves_add(&curves, &sample);
	/* 1 uL a second for 18 s; 4 to 6 s and 20 to 90 s are unknown. */
	CHECK_NEAR(curves.sensed_m3, 18e-9, 1e-15);
	CHECK_NEAR(curves.unsensed_s, 72, 1e-9);
	CHECK_INT(curves.bad, 1);
	CHECK(curves.flow.columns[90].gap);
	curves_free(&curves);
}

/* ---- axes ------------------------------------------------------------------------------- */

static void check_axis(double low, double high, double first, double last, size_t count)
{
	struct axis axis;

	axis_values(&axis, low, high, 5);
	CHECK_NEAR(axis.ticks[0], first, 1e-9 * fabs(last));
	CHECK_INT(axis.count, count);
	CHECK_NEAR(axis.ticks[axis.count - 1], last, 1e-9 * fabs(last));
}

TEST(ticks_are_round_numbers_around_the_values)
{
	check_axis(0, 9.7, 0, 10, 6);
	check_axis(0, 0.0043, 0, 0.005, 6);
	check_axis(-30, 100, -50, 100, 4);
	check_axis(-0.3, 10.8, 0, 10, 3);
	check_axis(101200, 101400, 101200, 101400, 5);
	check_axis(0, 0, 0, 1, 6);
	check_axis(7, 7, 6, 8, 5);
}

TEST(units_suit_the_size)
{
	CHECK_TEXT(axis_unit(AXIS_RATE, 10 * UL_MIN).name, "µL/min");
	CHECK_TEXT(axis_unit(AXIS_RATE, -12e3 * UL_MIN).name, "mL/min");
	CHECK_TEXT(axis_unit(AXIS_RATE, 0.05 * UL_MIN).name, "nL/min");
	CHECK_NEAR(axis_unit(AXIS_RATE, 10 * UL_MIN).per_si * 10 * UL_MIN, 10, 1e-9);
	CHECK_TEXT(axis_unit(AXIS_VOLUME, 100e-9).name, "µL");
	CHECK_TEXT(axis_unit(AXIS_PRESSURE, 2148).name, "kPa");
	CHECK_TEXT(axis_unit(AXIS_TIME, 90).name, "s");
	CHECK_TEXT(axis_unit(AXIS_TIME, 12).name, "s");
	CHECK_TEXT(axis_unit(AXIS_TIME, 28800).name, "h");
	CHECK_TEXT(axis_unit(AXIS_VOLUME, NAN).name, "µL");
}

/* ---- text -------------------------------------------------------------------------------- */

static char *escaped(const char *text)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	html_text(out, text);
	fclose(out);
	return result;
}

static void check_text(const char *text, const char *expected)
{
	char *result = escaped(text);

	CHECK_TEXT(result, expected);
	free(result);
}

TEST(nobody_s_text_becomes_markup)
{
	check_text("a < b & \"c\" > d", "a &lt; b &amp; &quot;c&quot; &gt; d");
	check_text("µL – 𝛼\n", "µL – 𝛼\n");
	check_text("bad \xff\xc0\xaf \xed\xa0\x80.", "bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
		   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd.");
	check_text("\x1b[2Jx", "\xef\xbf\xbd[2Jx");
	check_text("cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd");
}

/* ---- pages -------------------------------------------------------------------------------- */

static char *report_of(const char *path, size_t *size)
{
	char *page = NULL, *error = NULL;
	FILE *out = open_memstream(&page, size);
	int result = report_write(path, out, &error);

	fclose(out);
	CHECK_TEXT(result ? error ? error : "no message" : "good", "good");
	free(error);
	return page;
}

/* Every element that is opened is closed, in order, but for those HTML closes by itself. */
static bool well_nested(const char *page)
{
	static const char *const alone[] = { "!DOCTYPE", "meta", "br", "th", "path", "tr" };
	char stack[64][16], name[16];
	int depth = 0;
	size_t i, length;
	bool closing, lone;

	for (page = strchr(page, '<'); page; page = strchr(page, '<')) {
		closing = page[1] == '/';
		page += 1 + closing;
		for (length = 0; isalnum((unsigned char)page[length]) || page[length] == '!';)
			length++;
		snprintf(name, sizeof(name), "%.*s", (int)length, page);
		lone = false;
		for (i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
			lone |= !strcmp(name, alone[i]);
		if (lone)
			continue;
		if (!closing && depth < 64)
			strcpy(stack[depth++], name);
		else if (!depth || strcmp(stack[--depth], name))
			return false;
	}
	return !depth;
}

static void write_run(const char *path, unsigned long samples, bool finish)
{
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path), time_ns = start;
	struct nanodose_record data;
	unsigned long i;

	for (i = 0; i < samples; i++) {
		time_ns = start + i * 20000000;
		data = flow_record(time_ns, i, (int64_t)i, 10000000 + (int64_t)(i * 7919 % 100) * 9999);
		data.flow.pressure_pa = (int32_t)(2000 + i * 31 % 97);
		record_sample(record, i & 1, &data, 10 * UL_MIN, 10 * UL_MIN, 10 * UL_MIN);
	}
	record_event(record, time_ns, RECORD_FAULT, RECORD_INTERLOCK, 1, 12,
		     "<script>alert('air in line')</script>");
	if (finish)
		record_finish(record, time_ns, "done", "{\"channels\": [{\"target_ul\": 20,"
			      " \"delivered_ul\": 19.9, \"error_pct\": -0.5, \"settle_s\": null}]}");
	record_close(record);
}

TEST(a_page_says_what_happened_and_runs_nothing)
{
	const char *path = in_folder("page.db");
	size_t size;
	char *page;

	write_run(path, 1000, true);
	page = report_of(path, &size);
	CHECK(well_nested(page));
	CHECK(!strstr(page, "<script"));
	CHECK(!strstr(page, "http"));
	CHECK(strstr(page, "&lt;script&gt;alert("));
	CHECK(strstr(page, "<h1>Test</h1>"));
	CHECK(strstr(page, ">done</span>"));
	CHECK(strstr(page, "<td class=n>20.000</td><td class=n>19.900</td><td class=n>0.104</td><td class=n>-0.500</td>"));
	CHECK(strstr(page, "Channel lipid, &quot;old&quot;"));
	CHECK(strstr(page, "class=fault d="));
	CHECK(strstr(page, "<i>   1  </i>nanodose: 1"));
	CHECK(strstr(page, "60 uL/min"));
	CHECK(strstr(page, "BD Plastipak 10 mL, bore"));
	CHECK(strstr(page, "serial 4711"));
	CHECK(strstr(page, "the maker's, for water"));
	free(page);
}

/* By the tool everybody has. */
TEST(the_checksum_is_that_of_sha256sum)
{
	const char *path = in_folder("page.db");
	char command[256], expected[65] = "", *page;
	size_t size;
	FILE *tool;

	snprintf(command, sizeof(command), "sha256sum '%s'", path);
	tool = popen(command, "r");
	CHECK(tool && fscanf(tool, "%64s", expected) == 1);
	pclose(tool);
	page = report_of(path, &size);
	CHECK(strlen(expected) == 64 && strstr(page, expected));
	free(page);
}

TEST(a_run_without_an_end_says_so)
{
	const char *path = in_folder("cut.db");
	size_t size;
	char *page;

	write_run(path, 100, false);
	page = report_of(path, &size);
	CHECK(strstr(page, "has not come to its end"));
	CHECK(well_nested(page));
	free(page);
}

TEST(a_run_that_never_moved_has_a_report)
{
	const char *path = in_folder("empty.db");
	size_t size;
	char *page;

	write_run(path, 0, true);
	page = report_of(path, &size);
	CHECK(strstr(page, "No sample was recorded"));
	CHECK(well_nested(page));
	free(page);
}

/* Eight hours at 50 a second. */
TEST(eight_hours_make_less_than_a_megabyte)
{
	const char *path = in_folder("long.db");
	size_t size;
	char *page;

	write_run(path, 1440000, true);
	page = report_of(path, &size);
	printf("# %zu bytes\n", size);
	CHECK(size < 1000000);
	CHECK(well_nested(page));
	free(page);
}

TEST(what_is_no_run_file_is_refused)
{
	char *error = NULL;

	CHECK_INT(report_write("/nowhere/x.db", stdout, &error), -1);
	CHECK_TEXT(error, "/nowhere/x.db: No such file or directory");
	free(error);
}

int main(void)
{
	folder_make();
	RUN(one_spike_in_a_million_samples_stays);
	RUN(few_samples_are_all_kept_in_their_order);
	RUN(points_of_a_column_go_forward_in_time);
	RUN(a_missing_reading_breaks_the_line);
	RUN(samples_outside_the_span_and_a_span_of_nothing_are_kept);
	RUN(volumes_are_summed_up);
	RUN(time_without_a_reading_counts_as_unknown_not_as_zero);
	RUN(ticks_are_round_numbers_around_the_values);
	RUN(units_suit_the_size);
	RUN(nobody_s_text_becomes_markup);
	RUN(a_page_says_what_happened_and_runs_nothing);
	RUN(the_checksum_is_that_of_sha256sum);
	RUN(a_run_without_an_end_says_so);
	RUN(a_run_that_never_moved_has_a_report);
	RUN(eight_hours_make_less_than_a_megabyte);
	RUN(what_is_no_run_file_is_refused);
	folder_remove();
	return test_end();
}
