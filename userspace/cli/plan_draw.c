// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "plan_trace.h"
#include "wording.h"

#define SVG_WIDTH	900
#define SVG_LEFT	110
#define SVG_ROW		110
#define SVG_PLOT	80

static double peak_of(const struct plan_trace *trace)
{
	double peak = 0;

	for (size_t i = 0; i < trace->count; i++)
		peak = fmax(peak, fabs(trace->points[i].rate_m3_s));
	return peak;
}

static void draw_row(const struct plan *plan, size_t channel, FILE *out, int width, bool utf8)
{
	static const char *const blocks[] = {
		"\u00b7", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588",
	};
	static const char *const marks[] = { ".", "_", "-", "~", "=", "+", "*", "#", "@" };
	double slice_s = plan->protocol->duration_s / width, peak = peak_of(&plan->traces[channel]);

	for (int i = 0; i < width; i++) {
		double moved = plan_volume_m3(plan, channel, (i + 1) * slice_s) -
			       plan_volume_m3(plan, channel, i * slice_s);
		double share = peak > 0 && slice_s > 0 ? moved / slice_s / peak : 0;
		int level = share > 1e-9 ? 1 + (int)fmin(7, share * 8 - 1e-9) : 0;

		/* Drawn in: what the scale of what flows out cannot show. */
		fputs(share < -1e-9 ? "v" : utf8 ? blocks[level] : marks[level], out);
	}
}

void plan_draw_text(const struct plan *plan, FILE *out, int width, bool utf8)
{
	char peak[WORDING_SIZE], end[WORDING_SIZE];

	for (size_t i = 0; i < plan->protocol->channel_count; i++) {
		const struct protocol_channel *channel = &plan->protocol->channels[i];

		fprintf(out, "%-12.12s ", channel->name);
		draw_row(plan, i, out, width, utf8);
		fprintf(out, " %s\n",
			format_like(peak_of(&plan->traces[i]), NANODOSE_DIMENSION_RATE,
				    channel->peak_text, peak, sizeof(peak)));
	}
	format_duration(plan->protocol->duration_s, end, sizeof(end));
	fprintf(out, "%-12s 0%*s\n", "", width - 1, end);
}

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else
			fputc(*text, out);
	}
}

void plan_draw_svg(const struct plan *plan, FILE *out)
{
	const struct protocol *protocol = plan->protocol;
	double across = (SVG_WIDTH - SVG_LEFT - 20) / fmax(protocol->duration_s, 1e-9);
	char text[WORDING_SIZE];

	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" font-family=\"sans-serif\" font-size=\"12\">\n<title>",
		SVG_WIDTH, protocol->channel_count * SVG_ROW + 40);
	put_escaped(out, protocol->name);
	fputs("</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n", out);
	for (size_t i = 0; i < protocol->channel_count; i++) {
		const struct plan_trace *trace = &plan->traces[i];
		double base = (i + 1) * SVG_ROW - 10, peak = peak_of(trace);

		fprintf(out, "<text x=\"5\" y=\"%g\">", base - SVG_PLOT + 12);
		put_escaped(out, protocol->channels[i].name);
		fprintf(out, "</text>\n<text x=\"5\" y=\"%g\">%s</text>\n", base - SVG_PLOT + 28,
			format_like(peak, NANODOSE_DIMENSION_RATE, protocol->channels[i].peak_text,
				    text, sizeof(text)));
		fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%g\" y2=\"%g\" stroke=\"#888\"/>\n",
			SVG_LEFT, SVG_WIDTH - 20, base, base);
		fputs("<polyline fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\" points=\"", out);
		for (size_t k = 0; k < trace->count; k++)
			fprintf(out, "%s%.2f,%.2f", k ? " " : "",
				SVG_LEFT + trace->points[k].time_s * across,
				base - (peak > 0 ? trace->points[k].rate_m3_s / peak * SVG_PLOT : 0));
		fputs("\"/>\n", out);
	}
	fprintf(out, "<text x=\"%d\" y=\"%zu\">0</text>\n<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s</text>\n</svg>\n",
		SVG_LEFT, protocol->channel_count * SVG_ROW + 20, SVG_WIDTH - 20,
		protocol->channel_count * SVG_ROW + 20,
		format_duration(protocol->duration_s, text, sizeof(text)));
}
