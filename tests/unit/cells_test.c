// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of the picture against cells worked out by hand. */
#include <stdlib.h>

#include "test.h"

#include "bar.h"
#include "canvas.h"
#include "cells.h"
#include "format.h"
#include "layout.h"
#include "plot.h"
#include "text.h"

static void check_text(const struct cells *cells, const char *expected)
{
	char *text = cells_to_text(cells);

	CHECK_TEXT(text, expected);
	free(text);
}

TEST(text_is_clipped_with_an_ellipsis)
{
	struct cells *cells = cells_new(4, 10, true);

	CHECK_INT(cells_text(cells, 0, 2, 20, CELL_BOLD, "%s", "abc"), 5);
	CHECK_INT(cells_text(cells, 1, 0, 4, CELL_BOLD, "%s", "abcdef"), 4);
	CHECK_INT(cells_text(cells, 2, 6, 20, CELL_BOLD, "%s", "abcdef"), 10);
	CHECK_INT(cells_text(cells, 3, 0, 6, CELL_BOLD, "%s", "abcdef"), 6);
	check_text(cells, "  abc\nabc\u2026\n      abc\u2026\nabcdef\n");
	CHECK_INT(cells->grid[2].style, CELL_BOLD);
	CHECK_INT(cells->grid[5].style, CELL_NORMAL);
	cells_free(cells);
}

TEST(nothing_is_written_outside_the_grid)
{
	struct cells *cells = cells_new(2, 4, true);

	cells_text(cells, -1, 0, 4, CELL_BOLD, "above");
	cells_text(cells, 2, 0, 4, CELL_BOLD, "below");
	cells_text(cells, 0, -2, 6, CELL_BOLD, "abcdef");
	cells_put(cells, 1, 4, 'x', CELL_BOLD);
	cells_put(cells, 1, -1, 'x', CELL_BOLD);
	check_text(cells, "cdef\n\n");
	cells_free(cells);
}

TEST(wide_and_combining_characters_keep_the_columns)
{
	struct cells *cells = cells_new(3, 8, true);

	/* Two ideographs are four columns, an e with a combining acute accent is one. */
	CHECK_INT(cells_text(cells, 0, 0, 8, CELL_NORMAL, "\u6c34\u76f8|"), 5);
	CHECK_INT(cells_text(cells, 1, 0, 8, CELL_NORMAL, "e\u0301|"), 2);
	/* A wide one is not cut in half: the ellipsis stands where it would begin. */
	CHECK_INT(cells_text(cells, 2, 0, 3, CELL_NORMAL, "\u6c34\u76f8"), 3);
	check_text(cells, "\u6c34\u76f8|\ne|\n\u6c34\u2026\n");
	/* Overwriting a half takes the other half away. */
	cells_put(cells, 0, 1, 'x', CELL_NORMAL);
	check_text(cells, " x\u76f8|\ne|\n\u6c34\u2026\n");
	cells_free(cells);
}

TEST(an_ascii_grid_holds_ascii_only)
{
	struct cells *cells = cells_new(1, 20, false);

	cells_text(cells, 0, 0, 20, CELL_NORMAL, "5 \u00b5L \u00d7 2 \u2013 \u6c34 \u00e4 \u2026");
	check_text(cells, "5 uL x 2 - ?  ? ~\n");
	cells_free(cells);
}

TEST(bytes_that_are_no_utf8_become_one_mark_each)
{
	static const struct {
		const char *text;
		uint32_t expected;
		int bytes;
	} cases[] = {
		{ "A", 'A', 1 }, { "\u00b0", 0xb0, 2 }, { "\u2713", 0x2713, 3 },
		{ "\U0001f600", 0x1f600, 4 },
		{ "\x80", TEXT_BAD, 1 }, { "\xc0\xaf", TEXT_BAD, 1 }, { "\xe2\x82", TEXT_BAD, 2 },
		{ "\xed\xa0\x80", TEXT_BAD, 3 }, { "\xf5\x80\x80\x80", TEXT_BAD, 1 },
		{ "\033", TEXT_BAD, 1 }, { "\xc2\x9b", TEXT_BAD, 2 }, { "\xe0\x80\xaf", TEXT_BAD, 3 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;

		CHECK_INT(text_next(&text), cases[i].expected);
		CHECK_INT(text - cases[i].text, cases[i].bytes);
	}
}

TEST(lines_break_at_blanks_and_long_words_where_they_must)
{
	static const char *const lines[] = { "the line", "until no", "bubblesa", "ndgas" };
	const char *text = "the line  until no bubblesandgas";

	for (size_t i = 0; i < 4; i++) {
		const char *next;
		int bytes = text_wrap(text, 8, &next);

		CHECK_INT(bytes, strlen(lines[i]));
		CHECK(!strncmp(text, lines[i], bytes));
		text = next;
	}
	CHECK_TEXT(text, "");
}

TEST(bars_fill_by_eighths_and_only_at_the_end_completely)
{
	static const struct {
		double fraction;
		const char *unicode, *ascii;
	} cases[] = {
		/* ten cells between the ends: 80 eighths */
		{ 0, "\u2595          \u258f\n", "[          ]\n" },
		{ NAN, "\u2595          \u258f\n", "[          ]\n" },
		{ -1, "\u2595          \u258f\n", "[          ]\n" },
		{ 0.0125, "\u2595\u258f         \u258f\n", "[          ]\n" },
		{ 0.3, "\u2595\u2588\u2588\u2588       \u258f\n", "[###       ]\n" },
		{ 0.55, "\u2595\u2588\u2588\u2588\u2588\u2588\u258c    \u258f\n", "[#####     ]\n" },
		{ 0.9999, "\u2595\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2589\u258f\n",
		  "[######### ]\n" },
		{ 1, "\u2595\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u258f\n",
		  "[##########]\n" },
		{ 7, "\u2595\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u258f\n",
		  "[##########]\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cells *unicode = cells_new(1, 12, true), *ascii = cells_new(1, 12, false);

		bar_draw(unicode, 0, 0, 12, cases[i].fraction);
		bar_draw(ascii, 0, 0, 12, cases[i].fraction);
		check_text(unicode, cases[i].unicode);
		check_text(ascii, cases[i].ascii);
		cells_free(unicode);
		cells_free(ascii);
	}
}

/* Numbers of the dots by the Unicode Standard, chapter 21.1. */
TEST(dots_are_the_braille_patterns_of_the_unicode_standard)
{
	static const uint32_t patterns[4][2] = {
		{ 0x2801, 0x2808 }, { 0x2802, 0x2810 }, { 0x2804, 0x2820 }, { 0x2840, 0x2880 },
	};
	struct cells *cells = cells_new(1, 2, true);

	for (int y = 0; y < 4; y++) {
		for (int x = 0; x < 2; x++) {
			struct canvas canvas;

			CHECK(canvas_init(&canvas, 1, 2, true));
			canvas_dot(&canvas, CANVAS_FLOW, y, 2 + x);
			canvas_dot(&canvas, CANVAS_FLOW, y, 4);
			canvas_dot(&canvas, CANVAS_FLOW, -1, 0);
			cells_clear(cells);
			canvas_draw(&canvas, cells, 0, 0);
			CHECK_INT(cells->grid[0].character, ' ');
			CHECK_INT(cells->grid[1].character, patterns[y][x]);
			CHECK_INT(cells->grid[1].style, CELL_FLOW);
			canvas_release(&canvas);
		}
	}
	cells_free(cells);
}

TEST(where_flow_meets_set_point_both_dots_show_in_the_flows_style)
{
	struct cells *cells = cells_new(1, 1, true);
	struct canvas canvas;

	CHECK(canvas_init(&canvas, 1, 1, true));
	canvas_dot(&canvas, CANVAS_SETPOINT, 0, 0);
	canvas_dot(&canvas, CANVAS_FLOW, 3, 1);
	canvas_draw(&canvas, cells, 0, 0);
	CHECK_INT(cells->grid[0].character, 0x2881);
	CHECK_INT(cells->grid[0].style, CELL_FLOW);
	canvas_release(&canvas);
	cells_free(cells);
}

TEST(axes_are_round_and_hold_what_they_must)
{
	static const struct {
		double low, high;
		int intervals;
		double axis_low, axis_high, step;
	} cases[] = {
		{ 0, 9.45, 3, 0, 10, 5 },
		{ 0, 10.5, 3, 0, 12.5, 5 },
		{ 0, 10.5, 2, 0, 15, 10 },
		{ 0, 3.15, 3, 0, 4, 2 },
		{ 0, 1, 5, 0, 1, 0.2 },
		{ 0, 0.00042, 3, 0, 0.0005, 0.0002 },
		{ -60, 42, 3, -75, 50, 50 },
		{ -3, 0, 3, -3, 0, 1 },
		{ 0, 0, 2, 0, 1, 0.5 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plot_axis axis;

		plot_axis_choose(cases[i].low, cases[i].high, cases[i].intervals, &axis);
		CHECK_NEAR(axis.low, cases[i].axis_low, 1e-9);
		CHECK_NEAR(axis.high, cases[i].axis_high, 1e-9);
		CHECK_NEAR(axis.step, cases[i].step, 1e-9);
	}
}

TEST(values_fall_on_the_nearest_dot)
{
	static const struct plot_axis axis = { .low = 0, .high = 10, .step = 5 };

	/* 21 dots from 10 down to 0: half a unit each. */
	CHECK_INT(plot_axis_dot(&axis, 21, 10), 0);
	CHECK_INT(plot_axis_dot(&axis, 21, 0), 20);
	CHECK_INT(plot_axis_dot(&axis, 21, 5), 10);
	CHECK_INT(plot_axis_dot(&axis, 21, 9.3), 1);
	CHECK_INT(plot_axis_dot(&axis, 21, 9.2), 2);
	CHECK_INT(plot_axis_dot(&axis, 21, 99), 0);
	CHECK_INT(plot_axis_dot(&axis, 21, -99), 20);
}

TEST(time_ticks_are_seconds_minutes_or_hours_people_count_in)
{
	CHECK_NEAR(plot_time_step(0.3), 1, 0);
	CHECK_NEAR(plot_time_step(10), 10, 0);
	CHECK_NEAR(plot_time_step(11), 20, 0);
	CHECK_NEAR(plot_time_step(31), 60, 0);
	CHECK_NEAR(plot_time_step(601), 1200, 0);
	CHECK_NEAR(plot_time_step(100000), 172800, 0);
}

static struct run_sample ring[RUN_HISTORY];

/* Samples every @period_s up to @until_s: flow and set point constant. */
static struct run_channel_view channel_of(double period_s, double until_s, float flow, float setpoint)
{
	struct run_channel_view channel = {
		.name = "a", .history = ring, .setpoint_ul_min = setpoint, .flow_ul_min = flow,
	};

	for (long i = 0; i * period_s < until_s - 1e-9; i++) {
		ring[channel.history_end] = (struct run_sample){
			.time_s = i * period_s, .flow_ul_min = flow, .estimate_ul_min = flow,
			.setpoint_ul_min = setpoint,
		};
		channel.history_end = (channel.history_end + 1) % RUN_HISTORY;
		if (channel.history_count < RUN_HISTORY)
			channel.history_count++;
	}
	return channel;
}

TEST(the_window_is_the_longest_round_time_that_the_samples_fill)
{
	struct run_channel_view channel = channel_of(0.02, 30, 1, 1);

	/* 4096 samples hold 81.9 s at 50 Hz, 409.5 s at 10 Hz, 4095 s at 1 Hz. */
	CHECK_NEAR(series_span_s(&channel), 60, 0);
	channel = channel_of(0.1, 30, 1, 1);
	CHECK_NEAR(series_span_s(&channel), 300, 0);
	channel = channel_of(1, 30, 1, 1);
	CHECK_NEAR(series_span_s(&channel), 3600, 0);
	channel.history_count = 0;
	CHECK_NEAR(series_span_s(&channel), 60, 0);
}

/*
 * 60 cells of graph for 60 s: one a second. The range up to the set point and
 * 5 % more, 10.5, at two intervals gives steps of 10 and an axis 0..15; of
 * five rows 15 is row 0 and 0 is row 4, so 10 is row 1 (1.33) and 5 row 3 (2.67).
 */
TEST(a_plot_in_ascii_is_drawn_where_the_sum_says)
{
	struct run_channel_view channel = channel_of(0.02, 3, 5, 10);
	struct cells *cells = cells_new(7, 67, false);

	plot_draw(cells, 0, 0, 7, 67, &channel, PLOT_FLOW, NULL);
	check_text(cells,
		   "     a  uL/min                               ** flow  -- set point\n"
		   "     |\n"
		   "   10+---                                                         <\n"
		   "     |\n"
		   "     |***\n"
		   "    0+\n"
		   "min:s++0:00-----+0:10-----+0:20-----+0:30-----+0:40-----+0:50-----\n");
	cells_free(cells);
}

/* The same in dots: 120 of 0.5 s by 20; 5 at round(10/15*19) = 13, 10 at round(5/15*19) = 6. */
TEST(a_plot_in_braille_is_drawn_where_the_sum_says)
{
	struct run_channel_view channel = channel_of(0.02, 3, 5, 10);
	struct cells *cells = cells_new(7, 67, true);

	plot_draw(cells, 0, 0, 7, 67, &channel, PLOT_FLOW, NULL);
	for (int column = 6; column < 66; column++) {
		/* Row of dots 13 is the second in row 3 of cells: dots 2 and 5. */
		CHECK_INT(cells->grid[4 * 67 + column].character, column < 9 ? 0x2812 : ' ');
		/* 6 is the third in row 1, every second column: dot 3. */
		CHECK_INT(cells->grid[2 * 67 + column].character, column < 9 ? 0x2804 : ' ');
	}
	CHECK_INT(cells->grid[4 * 67 + 6].style, CELL_FLOW);
	CHECK_INT(cells->grid[2 * 67 + 6].style, CELL_SETPOINT);
	cells_free(cells);
}

TEST(missing_readings_leave_a_gap)
{
	struct run_channel_view channel = channel_of(0.02, 9, 5, 5);
	struct cells *cells = cells_new(7, 67, false);

	for (int i = 3 * 50; i < 6 * 50; i++)
		ring[i].flow_ul_min = NAN;
	plot_draw(cells, 0, 0, 7, 67, &channel, PLOT_FLOW, NULL);
	/* 5.25 gives an axis 0..7.5 at steps of 5: 5 is row 1.33. The set point shows in the gap. */
	for (int column = 0; column < 9; column++)
		CHECK_INT(cells->grid[2 * 67 + 6 + column].character,
			  column >= 3 && column < 6 ? '-' : '*');
	cells_free(cells);
}

TEST(the_window_moves_by_whole_dots_and_ticks_with_it)
{
	struct run_channel_view channel = channel_of(0.02, 75, 5, 5);
	struct cells *cells = cells_new(7, 67, false);

	plot_draw(cells, 0, 0, 7, 67, &channel, PLOT_FLOW, NULL);
	/* The newest sample is of second 74: the 60 columns begin with second 15. */
	check_text(cells,
		   "     a  uL/min                               ** flow  -- set point\n"
		   "     |\n"
		   "    5+************************************************************<\n"
		   "     |\n"
		   "     |\n"
		   "    0+\n"
		   "min:s+-----+0:20-----+0:30-----+0:40-----+0:50-----+1:00-----+1:10\n");
	cells_free(cells);
}

TEST(numbers_have_four_digits_in_the_unit_of_the_largest)
{
	static const struct {
		double largest, value;
		const char *text, *unit;
	} cases[] = {
		{ 9450, 8986, "8.986", "mL/min" }, { 10500, 9995, "10.00", "mL/min" },
		{ 10500, 12, " 0.01", "mL/min" }, { 10.5, 9.95, " 9.95", "uL/min" },
		{ 0.63, 0.6, "600.0", "nL/min" }, { 420, 12.34, " 12.3", "uL/min" },
		{ 9450, NAN, "   --", "mL/min" }, { 9450, -0.2, "0.000", "mL/min" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct format_unit unit;
		char buffer[32];

		format_rate_unit(cases[i].largest, &unit);
		CHECK_TEXT(format_value(&unit, cases[i].value, buffer, sizeof(buffer)), cases[i].text);
		CHECK_TEXT(unit.name, cases[i].unit);
	}
}

TEST(times_are_cut_not_rounded)
{
	char buffer[32];

	CHECK_TEXT(format_time(0, 0, buffer, sizeof(buffer)), "0:00");
	CHECK_TEXT(format_time(59.99, 0, buffer, sizeof(buffer)), "0:59");
	CHECK_TEXT(format_time(59.99, 1, buffer, sizeof(buffer)), "0:59.9");
	CHECK_TEXT(format_time(11.3, 1, buffer, sizeof(buffer)), "0:11.3");
	CHECK_TEXT(format_time(3723, 0, buffer, sizeof(buffer)), "1:02:03");
	CHECK_TEXT(format_time(28800, 1, buffer, sizeof(buffer)), "8:00:00.0");
	CHECK_TEXT(format_time(-3, 0, buffer, sizeof(buffer)), "0:00");
	CHECK_TEXT(format_time(NAN, 0, buffer, sizeof(buffer)), "--");
}

static void mark(unsigned char *taken, int rows, int columns, const struct layout_area *area)
{
	for (int row = area->row; row < area->row + area->rows; row++) {
		for (int column = area->column; column < area->column + area->columns; column++) {
			CHECK(row < rows && column < columns);
			if (row < rows && column < columns)
				CHECK_INT(taken[row * columns + column]++, 0);
		}
	}
}

TEST(areas_never_overlap_nor_leave_the_screen)
{
	for (int rows = 0; rows < 60; rows += 1 + rows / 12) {
		for (int columns = 1; columns < 260; columns = columns * 3 / 2 + 1) {
			for (int channels = 0; channels < 9; channels += 2) {
				unsigned char *taken = calloc(rows * columns + 1, 1);
				struct layout layout;

				layout_choose(&layout, rows, columns, channels, 7, channels / 2);
				mark(taken, rows, columns, &layout.title);
				mark(taken, rows, columns, &layout.plots);
				mark(taken, rows, columns, &layout.channels);
				mark(taken, rows, columns, &layout.run);
				mark(taken, rows, columns, &layout.steps);
				mark(taken, rows, columns, &layout.events);
				mark(taken, rows, columns, &layout.notices);
				mark(taken, rows, columns, &layout.keys);
				free(taken);
			}
		}
	}
}

TEST(two_channels_on_80_by_24_have_plots_numbers_steps_and_events)
{
	struct layout layout;

	layout_choose(&layout, 24, 80, 2, 5, 0);
	CHECK_INT(layout.plots_across, 2);
	CHECK(layout.plots.rows >= 8);
	CHECK_INT(layout.channel_rows, 2);
	CHECK_INT(layout.channels.rows, 4);
	CHECK_INT(layout.run.rows, 1);
	CHECK(layout.steps.rows >= 4);
	CHECK(layout.events.rows >= 4);
	CHECK_INT(layout.keys.row, 23);
}

TEST(a_whole_run_fits_whatever_its_length)
{
	static struct run_whole whole;
	struct run_sample sample = { 0 };

	for (int i = 0; i < 100000; i++) {
		sample.time_s = i;
		run_whole_add(&whole, &sample);
		CHECK(whole.count <= RUN_WHOLE);
	}
	/* Doubled seven times: 1024 * 128 > 100000. */
	CHECK_INT(whole.every, 128);
	CHECK_NEAR(whole.samples[0].time_s, 0, 0);
	for (size_t i = 1; i < whole.count; i++)
		CHECK_NEAR(whole.samples[i].time_s - whole.samples[i - 1].time_s, 128, 0);
	CHECK(whole.samples[whole.count - 1].time_s > 100000 - 129);
	/* What is no newer is not taken. */
	sample.time_s = 5;
	for (int i = 0; i < 100; i++)
		run_whole_add(&whole, &sample);
	CHECK(whole.samples[whole.count - 1].time_s > 99000);
}

TEST(the_finest_samples_that_reach_back_are_plotted)
{
	static struct run_sample ring[RUN_HISTORY];
	static struct run_whole whole;
	struct run_channel_view channel = { .history = ring, .whole = &whole };
	struct series series;

	for (int i = 0; i < 3 * RUN_HISTORY; i++) {
		struct run_sample sample = { .time_s = i, .flow_ul_min = i, .delivered_ul = -i };

		ring[channel.history_end] = sample;
		channel.history_end = (channel.history_end + 1) % RUN_HISTORY;
		channel.history_count += channel.history_count < RUN_HISTORY;
		run_whole_add(&whole, &sample);
	}
	series_of(&series, &channel, PLOT_FLOW, 3 * RUN_HISTORY - 10);
	CHECK(series.samples == ring);
	CHECK_INT(series.count - series.first, 10);
	series_of(&series, &channel, PLOT_VOLUME, 100);
	/* every 16th of them is kept */
	CHECK(series.samples == whole.samples);
	CHECK_NEAR(series_at(&series, series.first)->time_s, 112, 0);
	CHECK_NEAR(series_value(&series, series_at(&series, series.first)), -112, 0);
	series_end(&series, 200);
	CHECK_NEAR(series_at(&series, series.count - 1)->time_s, 192, 0);
	CHECK_INT(series.count - series.first, 6);
}

TEST(zooming_goes_by_round_times)
{
	CHECK_NEAR(plot_zoom(60, true), 30, 0);
	CHECK_NEAR(plot_zoom(60, false), 120, 0);
	CHECK_NEAR(plot_zoom(5, true), 5, 0);
	CHECK_NEAR(plot_zoom(45, true), 30, 0);
}

int main(void)
{
	RUN(text_is_clipped_with_an_ellipsis);
	RUN(nothing_is_written_outside_the_grid);
	RUN(wide_and_combining_characters_keep_the_columns);
	RUN(an_ascii_grid_holds_ascii_only);
	RUN(bytes_that_are_no_utf8_become_one_mark_each);
	RUN(lines_break_at_blanks_and_long_words_where_they_must);
	RUN(bars_fill_by_eighths_and_only_at_the_end_completely);
	RUN(dots_are_the_braille_patterns_of_the_unicode_standard);
	RUN(where_flow_meets_set_point_both_dots_show_in_the_flows_style);
	RUN(axes_are_round_and_hold_what_they_must);
	RUN(values_fall_on_the_nearest_dot);
	RUN(time_ticks_are_seconds_minutes_or_hours_people_count_in);
	RUN(the_window_is_the_longest_round_time_that_the_samples_fill);
	RUN(a_plot_in_ascii_is_drawn_where_the_sum_says);
	RUN(a_plot_in_braille_is_drawn_where_the_sum_says);
	RUN(missing_readings_leave_a_gap);
	RUN(the_window_moves_by_whole_dots_and_ticks_with_it);
	RUN(numbers_have_four_digits_in_the_unit_of_the_largest);
	RUN(times_are_cut_not_rounded);
	RUN(areas_never_overlap_nor_leave_the_screen);
	RUN(two_channels_on_80_by_24_have_plots_numbers_steps_and_events);
	RUN(a_whole_run_fits_whatever_its_length);
	RUN(the_finest_samples_that_reach_back_are_plotted);
	RUN(zooming_goes_by_round_times);
	return test_end();
}
