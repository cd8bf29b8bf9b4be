// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

/* Bytes of the UTF-8 character at @text, 0 if there is none that HTML may hold. */
static int character_length(const unsigned char *text)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int code;
	int length, i;

	if (*text < 0x80)
		return (*text >= 0x20 && *text != 0x7f) || *text == '\n' || *text == '\t';
	if (*text < 0xc2 || *text > 0xf4)
		return 0;
	length = *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
	code = *text & (0x7f >> length);
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ||
	    (code >= 0x80 && code < 0xa0))
		return 0;
	return length;
}

void html_text(FILE *out, const char *text)
{
	html_text_part(out, text, strlen(text));
}

void html_text_part(FILE *out, const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + size;
	int length;

	while (at < end) {
		length = character_length(at);
		if (*at == '&')
			fputs("&amp;", out);
		else if (*at == '<')
			fputs("&lt;", out);
		else if (*at == '>')
			fputs("&gt;", out);
		else if (*at == '"')
			fputs("&quot;", out);
		else if (length)
			fwrite(at, 1, (size_t)length, out);
		else if (*at != '\r')
			fputs("\xef\xbf\xbd", out);
		at += length ? length : 1;
	}
}

void html_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	html_text(out, text && *text ? text : "–");
	fputs("</td>", out);
}

void html_number(FILE *out, double value, int decimals)
{
	/* No "-0.00". */
	if (fabs(value) < 0.5 * pow(10, -decimals))
		value = 0;
	if (isfinite(value))
		fprintf(out, "<td class=n>%.*f</td>", decimals, value);
	else
		fputs("<td class=n>–</td>", out);
}

void html_row(FILE *out, const char *name, const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	fputs("<tr><th scope=row>", out);
	html_text(out, name);
	fputs("</th>", out);
	html_cell(out, text);
	fputs("</tr>\n", out);
	free(text);
}
