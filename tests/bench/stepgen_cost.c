// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the time of a step costs, for a program that counts instructions:
 *
 *	stepgen_cost RATE SECONDS            our generator
 *	stepgen_cost RATE SECONDS STEPGEN.SO a peer's, as its package has it
 *	... RATE ends in "/": a ramp from 1 step/s to that rate and back
 *
 * Prints how many steps were made while the counting was on. Of the peer its
 * thread for pulses alone is counted, at the longest base period that makes the
 * rate: half of a step's. What stands around it here is what its realtime
 * kernel would give it.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "stepgen.h"

#define NSEC_PER_SEC	1000000000LL
#define SERVO_NS	1000000LL	/* the peer's usual second thread */
#define SLOTS		256

/* ---- ours -------------------------------------------------------------------------------- */

static unsigned long count_segment(struct nd_segment *segment)
{
	unsigned long steps = segment->steps;

	CALLGRIND_TOGGLE_COLLECT;
	while (nd_segment_advance(segment))
		continue;
	CALLGRIND_TOGGLE_COLLECT;
	return steps;
}

static unsigned long ours(double rate, double seconds, bool ramp)
{
	struct nd_segment segment;
	unsigned long steps;

	if (!ramp) {
		nd_segment_cruise(&segment, 0, 0, rate * NSEC_PER_SEC, rate * seconds + 2);
		return count_segment(&segment);
	}
	steps = (rate + 1) / 2 * seconds / 2;
	nd_segment_ramp(&segment, 0, 0, NSEC_PER_SEC, rate * NSEC_PER_SEC, steps);
	steps = count_segment(&segment);
	nd_segment_ramp(&segment, segment.last_ns, 0, rate * NSEC_PER_SEC, NSEC_PER_SEC, steps);
	return steps + count_segment(&segment);
}

/* ---- the peer, and what it calls ------------------------------------------------------------ */

typedef void (*hal_function)(void *argument, long period_ns);

static struct {
	char name[64];
	void *data;
} slots[SLOTS];
static size_t slot_count;

static struct {
	char name[64];
	hal_function call;
	void *argument;
} functions[8];
static size_t function_count;

static void *keep(void *data, const char *format, va_list arguments)
{
	if (slot_count == SLOTS)
		abort();
	vsnprintf(slots[slot_count].name, sizeof(slots[0].name), format, arguments);
	slots[slot_count++].data = data;
	return data;
}

static void *find(const char *name)
{
	size_t i;

	for (i = 0; i < slot_count; i++) {
		if (!strcmp(slots[i].name, name))
			return slots[i].data;
	}
	fprintf(stderr, "stepgen_cost: the peer has no %s\n", name);
	exit(1);
}

/* The function names and forms are those of the peer's interface. */
#define PIN(type)									\
int hal_pin_##type##_newf(int direction, void **data, int id, const char *format, ...);	\
int hal_pin_##type##_newf(int direction, void **data, int id, const char *format, ...)	\
{											\
	va_list arguments;								\
											\
	(void)direction;								\
	(void)id;									\
	va_start(arguments, format);							\
	*data = keep(calloc(1, sizeof(double)), format, arguments);			\
	va_end(arguments);								\
	return 0;									\
}

#define PARAMETER(type)									\
int hal_param_##type##_newf(int direction, void *data, int id, const char *format, ...);	\
int hal_param_##type##_newf(int direction, void *data, int id, const char *format, ...)	\
{											\
	va_list arguments;								\
											\
	(void)direction;								\
	(void)id;									\
	va_start(arguments, format);							\
	keep(data, format, arguments);							\
	va_end(arguments);								\
	return 0;									\
}

PIN(bit)
PIN(float)
PIN(s32)
PIN(u32)
PARAMETER(float)
PARAMETER(s32)
PARAMETER(u32)

int hal_init(const char *name);
int hal_init(const char *name)
{
	(void)name;
	return 1;
}

int hal_ready(int id);
int hal_ready(int id)
{
	(void)id;
	return 0;
}

int hal_exit(int id);
int hal_exit(int id)
{
	(void)id;
	return 0;
}

void *hal_malloc(long size);
void *hal_malloc(long size)
{
	return calloc(1, size);
}

int hal_export_funct(const char *name, hal_function call, void *argument, int floats, int reentrant, int id);
int hal_export_funct(const char *name, hal_function call, void *argument, int floats, int reentrant, int id)
{
	(void)floats;
	(void)reentrant;
	(void)id;
	if (function_count == sizeof(functions) / sizeof(functions[0]))
		abort();
	snprintf(functions[function_count].name, sizeof(functions[0].name), "%s", name);
	functions[function_count].argument = argument;
	functions[function_count++].call = call;
	return 0;
}

int rtapi_get_msg_level(void);
int rtapi_get_msg_level(void)
{
	return 1;
}

int rtapi_set_msg_level(int level);
int rtapi_set_msg_level(int level)
{
	(void)level;
	return 0;
}

void rtapi_print_msg(int level, const char *format, ...);
void rtapi_print_msg(int level, const char *format, ...)
{
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
}

static size_t function(const char *name)
{
	size_t i;

	for (i = 0; i < function_count; i++) {
		if (!strcmp(functions[i].name, name))
			return i;
	}
	fprintf(stderr, "stepgen_cost: the peer has no function %s\n", name);
	exit(1);
}

static void call(size_t i, long period_ns)
{
	functions[i].call(functions[i].argument, period_ns);
}

static void *symbol(void *library, const char *name)
{
	void *found = dlsym(library, name);

	if (!found) {
		fprintf(stderr, "stepgen_cost: %s\n", dlerror());
		exit(1);
	}
	return found;
}

/* One generator of step and direction, ordered by velocity. */
static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	int (*start)(void);
	int *step_type;
	char **control;

	if (!library) {
		fprintf(stderr, "stepgen_cost: %s\n", dlerror());
		exit(1);
	}
	step_type = *(int **)symbol(library, "rtapi_info_address_step_type");
	control = *(char ***)symbol(library, "rtapi_info_address_ctrl_type");
	step_type[0] = 0;
	control[0] = "v";
	start = (int (*)(void))symbol(library, "rtapi_app_main");
	if (start())
		exit(1);
}

static unsigned long peer(double rate, double seconds, bool ramp)
{
	long base_ns = NSEC_PER_SEC / (2 * rate), servo_ns = base_ns > SERVO_NS ? base_ns : SERVO_NS;
	size_t pulses = function("stepgen.make-pulses"), update = function("stepgen.update-freq");
	volatile bool *step = find("stepgen.0.step");
	volatile double *velocity = find("stepgen.0.velocity-cmd");
	double now = 0, next_servo = 0;
	unsigned long steps = 0;
	bool before = false;

	/* It learns its base period first, and rounds pulse and gap up to that. */
	call(pulses, base_ns);
	*(volatile uint32_t *)find("stepgen.0.steplen") = 1;
	*(volatile uint32_t *)find("stepgen.0.stepspace") = 1;
	*(volatile bool *)find("stepgen.0.enable") = true;
	while (now < seconds * NSEC_PER_SEC) {
		if (now >= next_servo) {
			double part = 1 - 2 * now / (seconds * NSEC_PER_SEC);

			*velocity = ramp ? 1 + (rate - 1) * (1 - (part < 0 ? -part : part)) : rate;
			call(update, servo_ns);
			next_servo += servo_ns;
		}
		CALLGRIND_TOGGLE_COLLECT;
		call(pulses, base_ns);
		CALLGRIND_TOGGLE_COLLECT;
		steps += *step && !before;
		before = *step;
		now += base_ns;
	}
	return steps;
}

int main(int argc, char *argv[])
{
	double rate, seconds;
	unsigned long steps;
	char *rest;

	if (argc < 3) {
		fprintf(stderr, "usage: stepgen_cost RATE[/] SECONDS [STEPGEN.SO]\n");
		return 2;
	}
	rate = strtod(argv[1], &rest);
	seconds = strtod(argv[2], NULL);
	if (argc > 3) {
		load(argv[3]);
		steps = peer(rate, seconds, *rest == '/');
	} else {
		steps = ours(rate, seconds, *rest == '/');
	}
	printf("%lu\n", steps);
	return 0;
}
