// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Quantities with units, by UDUNITS-2. The number and the shape of the unit
 * are checked here first: UDUNITS takes much that a protocol must not ("12 3
 * mL" as 36 mL, "mL @ 5", "s since 1970").
 */
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <udunits2.h>

#include "nanodose.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LONGEST_UNIT 63

struct scale {
	double factor;		/* of the SI unit */
	const char *unit;
};

/* Units that values are shown in, smallest first. */
static const struct scale volumes[] = {
	{ 1e-15, "pL" }, { 1e-12, "nL" }, { 1e-9, "uL" }, { 1e-6, "mL" }, { 1e-3, "L" },
};
static const struct scale rates[] = {
	{ 1e-15 / 60, "pL/min" }, { 1e-12 / 60, "nL/min" }, { 1e-9 / 60, "uL/min" },
	{ 1e-6 / 60, "mL/min" }, { 1e-3 / 60, "L/min" },
};
static const struct scale times[] = {
	{ 1e-6, "us" }, { 1e-3, "ms" }, { 1, "s" }, { 60, "min" }, { 3600, "h" },
};
static const struct scale pressures[] = { { 1, "Pa" }, { 1e3, "kPa" }, { 1e6, "MPa" } };
static const struct scale lengths[] = { { 1e-9, "nm" }, { 1e-6, "um" }, { 1e-3, "mm" }, { 1, "m" } };
static const struct scale temperatures[] = { { 1, "degC" } };
static const struct scale number_concentrations[] = { { 1e6, "/mL" } };
static const struct scale mass_concentrations[] = {
	{ 1e-6, "ng/mL" }, { 1e-3, "ug/mL" }, { 1, "mg/mL" },
};
static const struct scale frequencies[] = { { 1e-3, "mHz" }, { 1, "Hz" }, { 1e3, "kHz" } };

static const struct scale masses[] = {
	{ 1e-12, "ng" }, { 1e-9, "ug" }, { 1e-6, "mg" }, { 1e-3, "g" },
};

static const struct scale accelerations[] = {
	{ 1e-12 / 60, "nL/min/s" }, { 1e-9 / 60, "uL/min/s" }, { 1e-6 / 60, "mL/min/s" },
};

static const struct scale viscosities[] = { { 1e-3, "mPa.s" } };

static const struct dimension {
	const char *name;
	const char *example;
	const char *unit;	/* SI unit, as UDUNITS spells it */
	const struct scale *scales;
	size_t scale_count;
	size_t zero;		/* the scale that zero is shown in */
} dimensions[] = {
	[NANODOSE_DIMENSION_NONE] = { "number without a unit", "3", "1", NULL, 0, 0 },
	[NANODOSE_DIMENSION_VOLUME] = { "volume", "1.5 mL", "m3", volumes, COUNT(volumes), 2 },
	[NANODOSE_DIMENSION_RATE] = { "rate", "12 mL/min", "m3/s", rates, COUNT(rates), 2 },
	[NANODOSE_DIMENSION_TIME] = { "time", "30 s", "s", times, COUNT(times), 2 },
	[NANODOSE_DIMENSION_PRESSURE] = { "pressure", "2 bar", "Pa", pressures,
					  COUNT(pressures), 1 },
	[NANODOSE_DIMENSION_LENGTH] = { "length", "4.7 mm", "m", lengths, COUNT(lengths), 2 },
	[NANODOSE_DIMENSION_TEMPERATURE] = { "temperature", "37 degC", "degree_Celsius",
					     temperatures, COUNT(temperatures), 0 },
	[NANODOSE_DIMENSION_NUMBER_CONCENTRATION] = { "number concentration", "2.5e12 /mL",
						      "m-3", number_concentrations,
						      COUNT(number_concentrations), 0 },
	[NANODOSE_DIMENSION_MASS_CONCENTRATION] = { "mass concentration", "1.5 mg/mL",
						    "kg/m3", mass_concentrations,
						    COUNT(mass_concentrations), 2 },
	[NANODOSE_DIMENSION_FREQUENCY] = { "frequency", "50 Hz", "s-1", frequencies,
					   COUNT(frequencies), 1 },
	[NANODOSE_DIMENSION_MASS] = { "mass", "20 ug", "kg", masses, COUNT(masses), 1 },
	[NANODOSE_DIMENSION_ACCELERATION] = { "change of a rate", "100 uL/min/s", "m3/s2",
					      accelerations, COUNT(accelerations), 1 },
	[NANODOSE_DIMENSION_VISCOSITY] = { "viscosity", "1.3 mPa.s", "Pa.s", viscosities,
					   COUNT(viscosities), 0 },
};

/* Read once; the library is used from one thread. */
static struct {
	bool tried;
	locale_t locale;
	ut_system *system;
	ut_unit *targets[COUNT(dimensions)];
} units;

/* "2.5e12 particles/mL" is how such suspensions are specified. */
static int add_particles(void)
{
	ut_unit *one = ut_get_dimensionless_unit_one(units.system);
	int result = -1;

	if (one && ut_map_name_to_unit("particle", UT_ASCII, one) == UT_SUCCESS &&
	    ut_map_name_to_unit("particles", UT_ASCII, one) == UT_SUCCESS)
		result = 0;
	ut_free(one);
	return result;
}

static void free_units(void)
{
	size_t i;

	for (i = 0; i < COUNT(units.targets); i++)
		ut_free(units.targets[i]);
	ut_free_system(units.system);
	if (units.locale)
		freelocale(units.locale);
	memset(&units, 0, sizeof(units));
}

static int read_units(void)
{
	size_t i;

	units.system = ut_read_xml(NULL);
	if (!units.system || add_particles())
		return -1;
	for (i = 0; i < COUNT(dimensions); i++) {
		units.targets[i] = ut_parse(units.system, dimensions[i].unit, UT_ASCII);
		if (!units.targets[i])
			return -1;
	}
	return 0;
}

/* Numbers here always have a decimal point, whatever the user's locale. */
static locale_t use_c_locale(void)
{
	if (!units.locale)
		units.locale = newlocale(LC_ALL_MASK, "C", NULL);
	return uselocale(units.locale);
}

static int load_units(void)
{
	locale_t previous;

	if (!units.tried) {
		units.tried = true;
		ut_set_error_message_handler(ut_ignore);
		previous = use_c_locale();
		if (read_units()) {
			ut_free_system(units.system);
			units.system = NULL;
		}
		uselocale(previous);
		atexit(free_units);
	}
	return units.system ? 0 : -1;
}

static int fail(char **error, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(char **error, int number, const char *format, ...)
{
	va_list arguments;

	if (error) {
		va_start(arguments, format);
		if (vasprintf(error, format, arguments) < 0)
			*error = NULL;
		va_end(arguments);
	}
	errno = number;
	return -1;
}

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t");
}

/*
 * The end of the decimal number at the start of @text, or @text if there is
 * none. Neither hexadecimal nor a comma; "nan" and "inf" are recognised so
 * that they can be refused for what they are.
 */
static const char *number_end(const char *text)
{
	const char *at = text + (*text == '-' || *text == '+'), *digits = at;
	size_t whole, fraction = 0;

	if (!strncasecmp(at, "infinity", 8) && !isalpha((unsigned char)at[8]))
		return at + 8;
	if ((!strncasecmp(at, "inf", 3) || !strncasecmp(at, "nan", 3)) &&
	    !isalpha((unsigned char)at[3]))
		return at + 3;
	whole = strspn(digits, "0123456789");
	at = digits + whole;
	if (*at == '.') {
		fraction = strspn(at + 1, "0123456789");
		at += 1 + fraction;
	}
	if (!whole && !fraction)
		return text;
	if (*at == 'e' || *at == 'E') {
		const char *exponent = at + 1 + (at[1] == '-' || at[1] == '+');

		if (isdigit((unsigned char)*exponent))
			at = exponent + strspn(exponent, "0123456789");
	}
	return at;
}

/*
 * Writes the unit as UDUNITS wants it: both micro signs as u, the degree sign
 * spelt out, "/mL" as "1/mL", no space around "/". -1 for what cannot be part
 * of a unit: a second number, brackets, offsets.
 */
static int normalise_unit(const char *text, char *unit, size_t size)
{
	static const struct { const char *sign, *ascii; } signs[] = {
		{ "\xc2\xb5", "u" }, { "\xce\xbc", "u" }, { "\xc2\xb0", "deg" },
		{ "\xc2\xb7", "." }, { "\xc2\xb2", "2" }, { "\xc2\xb3", "3" },
		{ "\xe2\x81\xbb\xc2\xb9", "-1" },
	};
	size_t length = 0, i;
	char before = '\0';	/* the character written last */

	if (*text == '1' && *skip_space(text + 1) == '/')
		text = skip_space(text + 1);
	if (*text == '/')
		unit[length++] = '1';
	while (*text) {
		const char *next = skip_space(text);

		if (length + 4 >= size)
			return -1;
		if (next != text) {
			if (!*next)
				break;
			if (isdigit((unsigned char)*next))
				return -1;
			if (*next != '/' && before != '/')
				unit[length++] = before = ' ';
			text = next;
			continue;
		}
		for (i = 0; i < COUNT(signs); i++)
			if (!strncmp(text, signs[i].sign, strlen(signs[i].sign)))
				break;
		if (i < COUNT(signs)) {
			memcpy(unit + length, signs[i].ascii, strlen(signs[i].ascii));
			length += strlen(signs[i].ascii);
			text += strlen(signs[i].sign);
			before = unit[length - 1];
			continue;
		}
		if (isdigit((unsigned char)*text) ? !isalnum((unsigned char)before) &&
		    before != '^' && before != '-' :
		    !isalpha((unsigned char)*text) && !strchr("/^-.*%_", *text))
			return -1;
		unit[length++] = before = *text++;
	}
	unit[length] = '\0';
	return 0;
}

/*
 * ut_are_convertible() is no help here: to UDUNITS a unit and its reciprocal
 * are convertible, and "5 min/mL" would pass for a rate.
 */
static bool is_of_dimension(const ut_unit *unit, size_t dimension)
{
	ut_unit *ratio = ut_divide(unit, units.targets[dimension]);
	bool result = ratio && ut_is_dimensionless(ratio);

	ut_free(ratio);
	return result;
}

/* What @unit measures, for messages; NULL if nothing known here. */
static const struct dimension *dimension_of(const ut_unit *unit)
{
	size_t i;

	for (i = 0; i < COUNT(dimensions); i++)
		if (is_of_dimension(unit, i))
			return &dimensions[i];
	return NULL;
}

static int refuse_dimension(const char *text, const ut_unit *unit, const struct dimension *wanted,
			    char **error)
{
	const struct dimension *given = dimension_of(unit);

	if (given && given != wanted)
		return fail(error, EDOM, "\"%s\" is a %s, but a %s is needed, such as \"%s\"",
			    text, given->name, wanted->name,
			    wanted->example);
	return fail(error, EDOM, "\"%s\" is not a %s; write one such as \"%s\"", text,
		    wanted->name, wanted->example);
}

static int convert(const char *text, const char *unit_text, double number,
		   enum nanodose_dimension dimension, double *value, char **error)
{
	const struct dimension *wanted = &dimensions[dimension];
	char spelling[LONGEST_UNIT + 1];
	cv_converter *converter = NULL;
	ut_unit *unit = NULL;

	if (!normalise_unit(unit_text, spelling, sizeof(spelling)))
		unit = ut_parse(units.system, spelling, UT_ASCII);
	if (!unit)
		return fail(error, EINVAL,
			    "\"%s\" in \"%s\" is not a unit; write a %s as one number and one unit, such as \"%s\"",
			    unit_text, text, wanted->name, wanted->example);
	/* A ratio or a percentage has no place where a plain number is asked for. */
	if (dimension != NANODOSE_DIMENSION_NONE && is_of_dimension(unit, dimension))
		converter = ut_get_converter(unit, units.targets[dimension]);
	if (!converter) {
		refuse_dimension(text, unit, wanted, error);
		ut_free(unit);
		errno = EDOM;
		return -1;
	}
	number = cv_convert_double(converter, number);
	cv_free(converter);
	ut_free(unit);
	if (!isfinite(number))
		return fail(error, ERANGE, "\"%s\" is too large", text);
	*value = number;
	return 0;
}

static int parse(const char *text, enum nanodose_dimension dimension, double *value, char **error)
{
	const struct dimension *wanted = &dimensions[dimension];
	const char *start = skip_space(text), *end = number_end(start), *unit;
	double number;

	if (end == start)
		return fail(error, EINVAL, "\"%s\" is not a %s; write one such as \"%s\"", text,
			    wanted->name, wanted->example);
	number = strtod(start, NULL);
	unit = skip_space(end);
	if (*end == ',')
		return fail(error, EINVAL,
			    "\"%s\" has a comma; write the decimal point as \".\", such as \"%s\"",
			    text, wanted->example);
	if (!isfinite(number))
		return fail(error, ERANGE, "\"%s\" is not a finite number; write a %s such as \"%s\"",
			    text, wanted->name, wanted->example);
	if (dimension == NANODOSE_DIMENSION_NONE && !*unit) {
		*value = number;
		return 0;
	}
	if (!*unit)
		return fail(error, EINVAL, "\"%s\" has no unit; a %s needs one, such as \"%s\"",
			    text, wanted->name, wanted->example);
	if (load_units())
		return fail(error, EINVAL,
			    "the unit database of UDUNITS-2 cannot be read; install the package libudunits2-data");
	return convert(text, unit, number, dimension, value, error);
}

int nanodose_quantity_parse(const char *text, enum nanodose_dimension dimension, double *value,
			    char **error)
{
	locale_t previous = use_c_locale();
	int result, number;

	if (error)
		*error = NULL;
	result = parse(text, dimension, value, error);
	number = errno;
	uselocale(previous);
	errno = number;
	return result;
}

/* NULL: not known. To be freed. */
static ut_unit *parse_unit(const char *text)
{
	char spelling[LONGEST_UNIT + 1];

	if (!strcmp(text, "1"))
		return ut_get_dimensionless_unit_one(units.system);
	if (!*text || normalise_unit(text, spelling, sizeof(spelling)))
		return NULL;
	return ut_parse(units.system, spelling, UT_ASCII);
}

bool nanodose_unit_known(const char *text)
{
	locale_t previous = use_c_locale();
	ut_unit *unit = load_units() ? NULL : parse_unit(text);
	bool known = unit;

	ut_free(unit);
	uselocale(previous);
	return known;
}

/* @number, of @text, from the unit written there to the one wanted. */
static int convert_reading(const char *text, const char *written, const char *wanted, double *number,
			   char **error)
{
	ut_unit *from = parse_unit(written), *to = parse_unit(wanted), *ratio = NULL;
	cv_converter *converter = NULL;
	bool good;

	/* Of a unit and its reciprocal UDUNITS says that they are convertible. */
	if (from && to)
		ratio = ut_divide(from, to);
	if (ratio && ut_is_dimensionless(ratio))
		converter = ut_get_converter(from, to);
	if (converter)
		*number = cv_convert_double(converter, *number);
	good = converter;
	cv_free(converter);
	ut_free(ratio);
	ut_free(from);
	ut_free(to);
	return good ? 0 : fail(error, EDOM, "\"%s\" is not in %s, or a unit that converts to it",
				    text, wanted);
}

static int parse_reading(const char *text, const char *unit, double *value, char **error)
{
	const char *start = skip_space(text), *end = number_end(start), *written = skip_space(end);
	double number = end == start ? NAN : strtod(start, NULL);

	if (!isfinite(number) || *end == ',')
		return fail(error, EINVAL, "\"%s\" is no number, such as \"12.5\" or \"12.5 %s\"", text, unit);
	if (*written && strcmp(written, unit)) {
		if (load_units())
			return fail(error, EINVAL, "the unit database of UDUNITS-2 cannot be read");
		if (convert_reading(text, written, unit, &number, error))
			return -1;
	}
	*value = number;
	return 0;
}

int nanodose_reading_parse(const char *text, const char *unit, double *value, char **error)
{
	locale_t previous = use_c_locale();
	int result, number;

	if (error)
		*error = NULL;
	result = parse_reading(text, unit, value, error);
	number = errno;
	uselocale(previous);
	errno = number;
	return result;
}

const char *nanodose_quantity_format(double value, enum nanodose_dimension dimension,
				     char *buffer, size_t size)
{
	const struct dimension *shown = &dimensions[dimension];
	const struct scale *scale;
	locale_t previous;
	size_t i;

	previous = use_c_locale();
	if (!isfinite(value)) {
		snprintf(buffer, size, isnan(value) ? "no value" : "no limit");
	} else if (!shown->scale_count) {
		snprintf(buffer, size, "%.4g", value);
	} else {
		scale = &shown->scales[value == 0 ? shown->zero : 0];
		/* The largest unit that leaves 1 or more, as rounded to what is shown. */
		for (i = 0; i < shown->scale_count && value != 0; i++)
			if (fabs(value) >= shown->scales[i].factor * 0.99995)
				scale = &shown->scales[i];
		snprintf(buffer, size, "%.4g %s", value / scale->factor, scale->unit);
	}
	uselocale(previous);
	return buffer;
}

const char *nanodose_dimension_name(enum nanodose_dimension dimension)
{
	return dimensions[dimension].name;
}

const char *nanodose_dimension_example(enum nanodose_dimension dimension)
{
	return dimensions[dimension].example;
}
