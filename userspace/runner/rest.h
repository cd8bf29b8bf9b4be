/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a line is at rest: readings before the first motion that stay the same. Pure. */
#ifndef REST_H
#define REST_H

#include <stdbool.h>

#define REST_READINGS	25

/* One sensor's; all zero: no reading yet. */
struct rest {
	double sums[2], last, step_var;		/* of the halves; of one reading to the next */
	unsigned int count;
};

/* One reading, in its own unit; NAN, beyond what can be told, is no rest. What comes after REST_READINGS is not taken. */
void rest_take(struct rest *rest, double reading);
/*
 * rest_holds() - whether the readings have stayed the same from one half to the other
 * @slack: by which they may have changed in any case, besides what their own noise explains.
 * True, too, while they are fewer than REST_READINGS.
 */
bool rest_holds(const struct rest *rest, double slack);

#endif /* REST_H */
