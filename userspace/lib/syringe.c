// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Inner diameters of common syringes. What a dose is worth hangs on them, so
 * each row says where it is from.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nanodose.h"
#include "distance.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LONGEST 63	/* characters of a name that are compared */

#define ELITE "Harvard Apparatus, Pump 11 Elite user's guide 5420-002, appendix A"

#define MILLILITRES(maker, volume, diameter_mm) \
	{ maker " " #volume " mL", volume * 1e-6, diameter_mm * 1e-3, ELITE }
#define MICROLITRES(maker, volume, diameter_mm) \
	{ maker " " #volume " uL", volume * 1e-9, diameter_mm * 1e-3, ELITE }

static const struct nanodose_syringe table[] = {
	MILLILITRES("BD Plastipak", 1, 4.699),
	MILLILITRES("BD Plastipak", 3, 8.585),
	MILLILITRES("BD Plastipak", 5, 11.989),
	MILLILITRES("BD Plastipak", 10, 14.427),
	MILLILITRES("BD Plastipak", 20, 19.05),
	MILLILITRES("BD Plastipak", 30, 21.59),
	/* One row in the source: "50/60 cc". */
	MILLILITRES("BD Plastipak", 50, 26.594),
	MILLILITRES("BD Plastipak", 60, 26.594),

	MILLILITRES("BD glass", 1, 4.64),
	MILLILITRES("BD glass", 2.5, 8.66),
	MILLILITRES("BD glass", 5, 11.86),
	MILLILITRES("BD glass", 10, 14.34),
	MILLILITRES("BD glass", 20, 19.13),
	MILLILITRES("BD glass", 30, 22.7),
	MILLILITRES("BD glass", 50, 28.6),

	MICROLITRES("Hamilton", 0.5, 0.103),
	MICROLITRES("Hamilton", 1, 0.146),
	MICROLITRES("Hamilton", 2, 0.206),
	MICROLITRES("Hamilton", 5, 0.343),
	MICROLITRES("Hamilton", 10, 0.485),
	MICROLITRES("Hamilton", 25, 0.729),
	MICROLITRES("Hamilton", 50, 1.03),
	MICROLITRES("Hamilton", 100, 1.457),
	MICROLITRES("Hamilton", 250, 2.304),
	MICROLITRES("Hamilton", 500, 3.256),
	MILLILITRES("Hamilton", 1, 4.608),
	MILLILITRES("Hamilton", 2.5, 7.285),
	MILLILITRES("Hamilton", 5, 10.3),
	MILLILITRES("Hamilton", 10, 14.567),
	MILLILITRES("Hamilton", 25, 23.033),
	MILLILITRES("Hamilton", 50, 32.573),

	MILLILITRES("SGE", 1, 4.606),
	MILLILITRES("SGE", 5, 10.301),
	MILLILITRES("SGE", 10, 14.567),

	MILLILITRES("Terumo", 1, 4.70),
	MILLILITRES("Terumo", 3, 8.95),
	MILLILITRES("Terumo", 5, 13),
	MILLILITRES("Terumo", 10, 15.8),
	MILLILITRES("Terumo", 20, 20.15),
	MILLILITRES("Terumo", 30, 23.1),
	MILLILITRES("Terumo", 60, 29.1),

	MILLILITRES("Monoject", 1, 4.674),
	MILLILITRES("Monoject", 3, 8.865),
	MILLILITRES("Monoject", 6, 12.6),
	MILLILITRES("Monoject", 12, 15.621),
	MILLILITRES("Monoject", 20, 20.142),
	MILLILITRES("Monoject", 35, 23.571),
	MILLILITRES("Monoject", 60, 26.568),

	MILLILITRES("HSW Norm-Ject", 1, 4.69),
	MILLILITRES("HSW Norm-Ject", 2.5, 9.65),
	MILLILITRES("HSW Norm-Ject", 5, 12.45),
	MILLILITRES("HSW Norm-Ject", 10, 15.9),
	MILLILITRES("HSW Norm-Ject", 20, 20.05),
	MILLILITRES("HSW Norm-Ject", 30, 22.9),
	MILLILITRES("HSW Norm-Ject", 50, 29.2),
};

/* Lower case, one space between words and between a number and its unit, micro as u. */
static void normalise(const char *name, char *result)
{
	size_t length = 0;
	bool space = false;

	for (; *name && length < LONGEST; name++) {
		if (isspace((unsigned char)*name)) {
			space = length > 0;
			continue;
		}
		if (length && isdigit((unsigned char)result[length - 1]) &&
		    (isalpha((unsigned char)*name) || *name == '\xc2' || *name == '\xce'))
			space = true;
		if (space && length < LONGEST - 1)
			result[length++] = ' ';
		space = false;
		if (!strncmp(name, "\xc2\xb5", 2) || !strncmp(name, "\xce\xbc", 2)) {
			result[length++] = 'u';
			name++;
		} else {
			result[length++] = (char)tolower((unsigned char)*name);
		}
	}
	result[length] = '\0';
}

const struct nanodose_syringe *nanodose_syringe_find(const char *name)
{
	char wanted[LONGEST + 1], row[LONGEST + 1];
	size_t i;

	normalise(name, wanted);
	for (i = 0; i < COUNT(table); i++) {
		normalise(table[i].name, row);
		if (!strcmp(row, wanted))
			return &table[i];
	}
	errno = ENOENT;
	return NULL;
}

/*
 * How far two words are from each other, in tenths. Numbers are equal or not:
 * 10 and 20 are one letter apart and a wrong dose.
 */
static size_t word_distance(const char *left, const char *right)
{
	if (isdigit((unsigned char)*left) || isdigit((unsigned char)*right))
		return strcmp(left, right) ? 40 : 0;
	return 10 * text_distance(left, right);
}

/*
 * How badly a row fits: each word asked for against the row's nearest one,
 * and a little for each of the row's words beyond those asked for.
 */
static size_t misfit(const char *wanted, const char *row)
{
	char left[LONGEST + 1], right[LONGEST + 1], *word, *other, *save, *save_other;
	size_t cost = 0, asked = 0, had = 0;

	strcpy(left, wanted);
	for (word = strtok_r(left, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		size_t nearest = 10 * strlen(word);

		had = 0;
		strcpy(right, row);
		for (other = strtok_r(right, " ", &save_other); other;
		     other = strtok_r(NULL, " ", &save_other)) {
			size_t distance = word_distance(word, other);

			if (distance < nearest)
				nearest = distance;
			had++;
		}
		cost += nearest;
		asked++;
	}
	return cost + (had > asked ? had - asked : 0);
}

struct candidate {
	size_t cost, index;
};

static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->cost != b->cost)
		return a->cost < b->cost ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

size_t nanodose_syringe_suggest(const char *name, const char **names, size_t max)
{
	struct candidate candidates[COUNT(table)];
	char wanted[LONGEST + 1], row[LONGEST + 1];
	size_t i;

	normalise(name, wanted);
	for (i = 0; i < COUNT(table); i++) {
		normalise(table[i].name, row);
		candidates[i].cost = misfit(wanted, row);
		candidates[i].index = i;
	}
	qsort(candidates, COUNT(candidates), sizeof(candidates[0]), compare_candidates);
	for (i = 0; i < COUNT(table) && i < max; i++)
		names[i] = table[candidates[i].index].name;
	return i;
}

size_t nanodose_syringe_count(void)
{
	return COUNT(table);
}

const struct nanodose_syringe *nanodose_syringe_at(size_t index)
{
	return index < COUNT(table) ? &table[index] : NULL;
}

double nanodose_volume_per_step(double diameter_m, uint32_t lead_pitch_nm,
				uint32_t microsteps_per_rev)
{
	return M_PI / 4 * diameter_m * diameter_m * (lead_pitch_nm * 1e-9) / microsteps_per_rev;
}
