// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "html.h"
#include "report.h"
#include "sections.h"

/*
 * Colours of Okabe and Ito, which colour-blind people can tell apart; lines
 * differ by width and dashes, too, for printers without colour.
 */
static const char style[] =
	"@page{size:A4;margin:15mm}"
	"body{font:14px/1.45 system-ui,'DejaVu Sans',sans-serif;color:#111;background:#fff;"
	"max-width:56em;margin:2em auto;padding:0 1em}"
	"h1{font-size:1.7em;margin:0 0 .2em}"
	"h2{font-size:1.25em;margin:1.8em 0 .5em;border-bottom:1px solid #bbb;break-after:avoid}"
	"h3{font-size:1.05em;margin:1.2em 0 .3em;break-after:avoid}"
	"p{margin:.4em 0}.note{color:#444;font-size:.9em}"
	".status{display:inline-block;padding:.15em .7em;border:2px solid;border-radius:.3em;"
	"font-weight:600}.good{color:#00664b}.bad{color:#a33b00}"
	"table{border-collapse:collapse;width:100%;margin:.4em 0 .8em;font-variant-numeric:tabular-nums}"
	"th,td{padding:.22em .6em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top;"
	"overflow-wrap:break-word}"
	"thead th{border-bottom:2px solid #888;vertical-align:bottom}"
	"thead{display:table-header-group}"
	"tr{break-inside:avoid}.n{text-align:right;white-space:nowrap}"
	".facts th{width:13em;font-weight:600}.facts td{overflow-wrap:anywhere}.time{white-space:nowrap}"
	"tr.warning td{background:#fff6e0}tr.fault td{background:#fde8df}"
	"figure{margin:.3em 0 1em;break-inside:avoid}figcaption{font-weight:600}"
	"svg{display:block;width:100%;height:auto}"
	"svg text{font-size:110px;fill:#222}svg .x{text-anchor:middle}svg .y{text-anchor:end}"
	"svg path{fill:none;stroke-linejoin:round;stroke-linecap:round}"
	"svg .grid{stroke:#e4e4e4;stroke-width:6}svg .frame{stroke:#666;stroke-width:10}"
	"svg .raw{stroke:#8cc6ec;stroke-width:10}svg .main{stroke:#0072b2;stroke-width:17}"
	"svg .wanted{stroke:#d55e00;stroke-width:14;stroke-dasharray:70 35}"
	"svg .other{stroke:#009e73;stroke-width:13;stroke-dasharray:25 30}"
	"svg .level{stroke:#111;stroke-width:10;stroke-dasharray:110 50}"
	"svg .fault{stroke:#a33b00;stroke-width:12}"
	"svg .warning{stroke:#e69f00;stroke-width:10;stroke-dasharray:40 40}"
	"pre{background:#f6f6f6;border:1px solid #ddd;padding:.6em;font-size:.82em;line-height:1.35;"
	"white-space:pre-wrap;overflow-wrap:anywhere}"
	"pre i{font-style:normal;color:#777;-webkit-user-select:none;user-select:none}"
	"code{font-size:.92em;overflow-wrap:anywhere}"
	"@media print{body{font-size:10pt;margin:0;max-width:none;padding:0;"
	"-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

static int write_page(FILE *out, const struct source *source, char **error)
{
	fputs("<!DOCTYPE html>\n"
	      "<html lang=en><head><meta charset=utf-8>"
	      "<meta name=viewport content=\"width=device-width\">\n<title>", out);
	html_text(out, source->title && *source->title ? source->title : source->path);
	fprintf(out, " – run report</title>\n<style>%s</style></head>\n<body>\n", style);
	section_summary(out, source);
	section_doses(out, source);
	section_plots(out, source);
	if (section_events(out, source, error) || section_protocol(out, source, error))
		return -1;
	section_pumps(out, source);
	if (section_origin(out, source, error))
		return -1;
	fputs("</body></html>\n", out);
	return 0;
}

int report_write(const char *path, void *stream, char **error)
{
	struct source source;
	int result = source_read(&source, path, error);

	if (!result)
		result = write_page(stream, &source, error);
	source_free(&source);
	return result;
}
