/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OPERATOR_H
#define OPERATOR_H

#include <stddef.h>

/* Who acts, for the record: who logged in, whoever they have become since. */
void operator_name(char *who, size_t size);

#endif /* OPERATOR_H */
