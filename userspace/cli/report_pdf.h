/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_PDF_H
#define REPORT_PDF_H

/*
 * report_pdf() - the page of a run as PDF, printed by a browser that is installed
 * An output_function: it writes to @stream (a FILE *); -1 and *error to free.
 */
int report_pdf(const char *run, void *stream, char **error);

#endif /* REPORT_PDF_H */
