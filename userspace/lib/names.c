// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Words for the numbers of the driver's interface.
 */
#include "nanodose.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	uint32_t bit;
	const char *name;
	const char *advice;
} faults[] = {
	{ NANODOSE_FAULT_OWNER_SILENT, "owner silent",
	  "the program that drove the pump stopped renewing its orders; see whether it was killed or the machine was overloaded, then start the run again" },
	{ NANODOSE_FAULT_SENSOR_LOST, "flow sensor lost",
	  "check the flow sensor's plug, cable and supply, then start again" },
	{ NANODOSE_FAULT_AIR_IN_LINE, "air in line",
	  "find where air gets in, flush the line until no bubble is left, then start again" },
	{ NANODOSE_FAULT_ESTOP, "emergency stop",
	  "make sure the cause is gone, release the emergency stop button, then start again" },
	{ NANODOSE_FAULT_LIMIT_PLUS, "end of travel, dispensing",
	  "the syringe is empty or the carriage is at its end: withdraw or refill, then start again" },
	{ NANODOSE_FAULT_LIMIT_MINUS, "end of travel, withdrawing",
	  "the carriage is at its far end: dispense, then start again" },
	{ NANODOSE_FAULT_LATE, "steps too late",
	  "the machine could not time the steps: lower the rate or the load, or use a real-time kernel" },
	{ NANODOSE_FAULT_POSITION, "end of the position window",
	  "the plunger is where the limits end its travel: move the other way or set a wider window, then clear the fault" },
	{ NANODOSE_FAULT_DRIVER, "motor driver fault",
	  "the motor driver is too hot or overloaded: check its supply, its current setting and the motor, then clear the fault" },
	{ NANODOSE_FAULT_OVER_PRESSURE, "over-pressure",
	  "find what blocks the line, withdraw a little to relieve the pressure before opening it, then clear the fault" },
	{ NANODOSE_FAULT_HIGH_FLOW, "flow too high",
	  "the flow is beyond the limit or the sensor: look for a burst line or a wrong syringe, then clear the fault" },
	{ NANODOSE_FAULT_NO_FLOW, "no flow",
	  "steps moved no liquid: look for an occlusion, an empty syringe or a loose plunger; pressure may be stored in the line" },
	{ NANODOSE_FAULT_FLOW_AT_REST, "flow at rest",
	  "liquid flows although the pump stands still: look for a leak, a siphon or pressure from another pump" },
	{ NANODOSE_FAULT_UNDERRUN, "queue ran empty",
	  "the program that drives the pump did not send more steps in time; see whether it hung or the machine was overloaded" },
	{ NANODOSE_FAULT_SUSPEND, "system went to sleep",
	  "the machine was suspended: keep it awake for the time of a run, for instance by systemd-inhibit, then start again" },
	{ NANODOSE_FAULT_UNBIND, "driver let go",
	  "the driver was unloaded or unbound while the pump moved; bind it again, then start again" },
};

static const char *const sensors[] = {
	[NANODOSE_SENSOR_NONE] = "none",
	[NANODOSE_SENSOR_SLF3S_0600F] = "SLF3S-0600F",
	[NANODOSE_SENSOR_SLF3S_1300F] = "SLF3S-1300F",
	[NANODOSE_SENSOR_SLF3S_4000B] = "SLF3S-4000B",
	[NANODOSE_SENSOR_LD20_0600L] = "LD20-0600L",
	[NANODOSE_SENSOR_LD20_2600B] = "LD20-2600B",
};

static const char *const states[] = {
	[NANODOSE_STATE_REST] = "at rest",
	[NANODOSE_STATE_ARMED] = "armed",
	[NANODOSE_STATE_RAMP] = "ramping",
	[NANODOSE_STATE_CRUISE] = "moving",
	[NANODOSE_STATE_STOPPING] = "stopping",
};

static const char *const causes[] = {
	[NANODOSE_CAUSE_OPEN] = "opened",
	[NANODOSE_CAUSE_CLAIM] = "claimed",
	[NANODOSE_CAUSE_RELEASE] = "released",
	[NANODOSE_CAUSE_RUN] = "motion begins",
	[NANODOSE_CAUSE_STOP] = "stop asked for",
	[NANODOSE_CAUSE_END] = "end position reached",
	[NANODOSE_CAUSE_REST] = "came to rest",
	[NANODOSE_CAUSE_CLEAR] = "faults cleared",
	[NANODOSE_CAUSE_POSITION] = "position set",
	[NANODOSE_CAUSE_SENSOR] = "sensor started or stopped",
	[NANODOSE_CAUSE_WARNING] = "warning",
	[NANODOSE_CAUSE_LIMITS] = "limits set",
	[NANODOSE_CAUSE_SUSPEND] = "system goes to sleep",
	[NANODOSE_CAUSE_RESUME] = "system is awake again",
	[NANODOSE_CAUSE_HOME] = "home switch changed",
};

const char *nanodose_fault_name(uint32_t fault_bit)
{
	size_t i;

	for (i = 0; i < COUNT(faults); i++)
		if (faults[i].bit == fault_bit)
			return faults[i].name;
	return "unknown fault";
}

const char *nanodose_fault_advice(uint32_t fault_bit)
{
	size_t i;

	for (i = 0; i < COUNT(faults); i++)
		if (faults[i].bit == fault_bit)
			return faults[i].advice;
	return "the driver is newer than this program; see the kernel's log";
}

const char *nanodose_sensor_name(uint32_t model)
{
	return model < COUNT(sensors) ? sensors[model] : "unknown sensor";
}

const char *nanodose_state_name(uint32_t state)
{
	return state < COUNT(states) ? states[state] : "unknown state";
}

const char *nanodose_cause_name(uint32_t cause)
{
	return cause < COUNT(causes) ? causes[cause] : "unknown cause";
}
