// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "jog_screen.h"
#include "text.h"

#define LABEL_COLUMNS	14
#define UL_M3		1e-9
#define PRIME_M		0.02
#define TEXT_SIZE	256

int64_t jog_stride_steps(const struct jog_view *view, int stride)
{
	double of_one = isnan(view->step_m3) ? 1e-5 / view->step_m : 0.1 * UL_M3 / view->step_m3;

	return llround(fmax(1, of_one * pow(10, stride)));
}

int64_t jog_prime_steps(const struct jog_view *view)
{
	return llround(view->syringe ? view->syringe->volume_m3 / view->step_m3 : PRIME_M / view->step_m);
}

struct page {
	struct cells *cells;
	int row, end;	/* the next row; the first that is not the page's */
};

static void field(struct page *page, const char *label, enum cell_style style, const char *text)
{
	if (page->row >= page->end)
		return;
	cells_text(page->cells, page->row, 1, LABEL_COLUMNS - 1, CELL_DIM, "%s", label);
	cells_text(page->cells, page->row++, LABEL_COLUMNS, page->cells->columns - LABEL_COLUMNS, style, "%s", text);
}

/* Wrapped, on a ground of its own where @style has one. */
static void paragraph(struct page *page, enum cell_style style, const char *text)
{
	int columns = page->cells->columns;

	while (*text && page->row < page->end) {
		const char *next;
		int bytes = text_wrap(text, columns > 2 ? columns - 2 : 1, &next);

		cells_fill(page->cells, page->row, 0, columns, ' ', style);
		cells_text(page->cells, page->row++, 1, columns - 1, style, "%.*s", bytes, text);
		text = next;
	}
}

/* "184 steps, 0.0576 mm, 1 uL", each per second if @rate */
static void way_text(const struct jog_view *view, double steps, bool rate, char *text, size_t size)
{
	char length[40], volume[40] = "";

	nanodose_quantity_format(steps * view->step_m, NANODOSE_DIMENSION_LENGTH, length, sizeof(length));
	if (!isnan(view->step_m3))
		nanodose_quantity_format(steps * view->step_m3, rate ? NANODOSE_DIMENSION_RATE : NANODOSE_DIMENSION_VOLUME,
					 volume, sizeof(volume));
	snprintf(text, size, "%.6g steps%s, %s%s%s%s", steps, rate ? "/s" : "", length, rate ? "/s" : "",
		 *volume ? ", " : "", volume);
}

static void draw_pump(struct page *page, const struct jog_view *view)
{
	char text[TEXT_SIZE], step[40];

	snprintf(text, sizeof(text), "%s, a screw of %.4g mm, %u microsteps a turn", view->info.name,
		 view->info.lead_pitch_nm * 1e-6, view->info.microsteps_per_rev);
	field(page, "pump", CELL_NORMAL, text);
	nanodose_quantity_format(view->step_m3, NANODOSE_DIMENSION_VOLUME, step, sizeof(step));
	snprintf(text, sizeof(text), "%s, a microstep is %s", view->syringe ? view->syringe->name : "", step);
	field(page, "syringe", CELL_NORMAL, view->syringe ? text : "not named: --syringe NAME tells volumes");
}

static void draw_readings(struct page *page, const struct jog_view *view)
{
	const struct nanodose_status *status = &view->status;
	char text[TEXT_SIZE], flow[40];

	way_text(view, status->position, false, text, sizeof(text));
	field(page, "position", CELL_BOLD, text);
	if (view->info.features & NANODOSE_FEATURE_FLOW) {
		bool known = status->flow_pl_min != NANODOSE_NO_VALUE_S64;

		nanodose_quantity_format(status->flow_pl_min * 1e-15 / 60, NANODOSE_DIMENSION_RATE, flow, sizeof(flow));
		snprintf(text, sizeof(text), "%s%s", known ? flow : "no reading",
			 view->sensor_flags & NANODOSE_SENSOR_FLAG_AIR ? ", air in line" : "");
		field(page, "flow", CELL_FLOW, text);
		snprintf(text, sizeof(text), "%.1f degC", status->temperature_mdegc * 1e-3);
		field(page, "temperature", CELL_NORMAL,
		      status->temperature_mdegc == NANODOSE_NO_VALUE_S32 ? "no reading" : text);
	}
	if (view->info.features & NANODOSE_FEATURE_PRESSURE) {
		nanodose_quantity_format(status->pressure_pa, NANODOSE_DIMENSION_PRESSURE, text, sizeof(text));
		field(page, "pressure", CELL_NORMAL, status->pressure_pa == NANODOSE_NO_VALUE_S32 ? "no reading" : text);
	}
}

static const char *end_switches(const struct nanodose_status *status)
{
	bool plus = status->flags & NANODOSE_STATUS_LIMIT_PLUS, minus = status->flags & NANODOSE_STATUS_LIMIT_MINUS;

	return plus && minus ? "both are active: that cannot be" :
	       plus ? "at the dispensed end" : minus ? "at the withdrawn end" : "between them";
}

static void draw_faults(struct page *page, const struct jog_view *view)
{
	char text[2 * TEXT_SIZE];

	for (uint32_t bit = 1; bit; bit <<= 1) {
		if (!(view->status.faults & bit))
			continue;
		snprintf(text, sizeof(text), "FAULT %s: %s. c clears it.", nanodose_fault_name(bit),
			 nanodose_fault_advice(bit));
		paragraph(page, CELL_FAULT, text);
	}
}

static const char *task_word(const struct jog_view *view)
{
	static const char *const words[] = {
		[JOG_REST] = "at rest", [JOG_MOVE] = "moves", [JOG_PRIME] = "primes",
		[JOG_HOME_SEEK] = "looks for its switch", [JOG_HOME_BACK] = "backs off its switch",
		[JOG_HOME_SLOW] = "comes back slowly",
	};

	return view->status.faults ? "FAULT" : words[view->task];
}

static void draw_title(struct cells *cells, const struct jog_view *view)
{
	enum cell_style style = view->status.faults ? CELL_FAULT : view->task != JOG_REST ? CELL_WARNING : CELL_TITLE;
	const char *word = task_word(view);
	int columns = text_columns(word) + 2;

	cells_fill(cells, 0, 0, cells->columns, ' ', CELL_TITLE);
	cells_text(cells, 0, 1, cells->columns - columns - 2, CELL_TITLE, "%s by hand", view->name);
	cells_fill(cells, 0, cells->columns - columns, columns, ' ', style);
	cells_text(cells, 0, cells->columns - columns + 1, columns - 1, style, "%s", word);
}

void jog_draw(struct cells *cells, const struct jog_view *view, const struct jog_state *state)
{
	static const struct hint keys[] = {
		{ "x", "STOP NOW", "STOP" }, { "i", "infuse", "infuse" }, { "w", "withdraw", "withdraw" },
		{ "space", "stop", "stop" }, { "q", "quit", "quit" }, { "P", "prime", "prime" }, { "H", "home", "home" },
		{ "c", "clear", "clear" }, { "z", "zero", "zero" },
	};
	static const struct hint asked[] = {
		{ "y", "yes", "yes" }, { "n", "no", "no" }, { "x", "STOP NOW", "STOP" },
	};
	struct page page = { .cells = cells, .row = 2, .end = cells->rows - 1 };
	struct layout_area area = { .row = cells->rows - 1, .rows = 1, .columns = cells->columns };
	char text[TEXT_SIZE];

	cells_clear(cells);
	draw_title(cells, view);
	/* On a small screen what is wrong comes first. */
	draw_faults(&page, view);
	if (state->ask_home)
		paragraph(&page, CELL_WARNING,
			  "The carriage goes to its withdrawn end: may it, is the plunger free of it? (y: yes, n: no)");
	else
		paragraph(&page, view->result ? CELL_WARNING : CELL_NORMAL, view->message);
	if (page.row > 2)
		page.row++;
	way_text(view, jog_stride_steps(view, state->stride), false, text, sizeof(text));
	field(&page, "one press", CELL_BOLD, text);
	way_text(view, state->rate_nhz * 1e-9, true, text, sizeof(text));
	field(&page, "rate", CELL_BOLD, text);
	draw_readings(&page, view);
	if (view->info.features & (NANODOSE_FEATURE_LIMIT_PLUS | NANODOSE_FEATURE_LIMIT_MINUS))
		field(&page, "end switches", CELL_NORMAL, end_switches(&view->status));
	draw_pump(&page, view);
	page.row++;
	paragraph(&page, CELL_DIM, "+ - set how far one press goes, up and down how fast.");
	way_text(view, jog_prime_steps(view), false, text, sizeof(text));
	field(&page, "P gives", CELL_DIM, text);
	if (cells->rows > 1)
		draw_hints(cells, &area, state->ask_home ? asked : keys,
			   state->ask_home ? sizeof(asked) / sizeof(asked[0]) : sizeof(keys) / sizeof(keys[0]));
}
