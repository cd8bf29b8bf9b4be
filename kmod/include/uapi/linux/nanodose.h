/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * nanodose: character device for microfluidic dosing pumps
 *
 * One /dev/nanodoseN is one pump axis with its sensors. Any opener may read
 * records and ask for status; one opener at a time, the owner, may move the
 * pump; every writable opener may stop it.
 *
 * Conventions
 *  - Positions are signed microsteps; plus dispenses.
 *  - Rates are nano-steps per second (_nhz, 1e-9 steps/s); plus dispenses.
 *  - Times are CLOCK_MONOTONIC nanoseconds.
 *  - Structures have no implicit padding and are the same for 32-bit and
 *    64-bit callers. Reserved fields and unknown flags must be zero, else
 *    the call fails with EINVAL. What the kernel returns in them is zero.
 *  - A new meaning gets a new feature bit or a new ioctl number, never a
 *    version. Unknown commands fail with ENOTTY.
 *
 * Errors common to the calls: EBUSY owned by another, EPERM not the owner,
 * EBADF descriptor not open for writing, EAGAIN queue full, EDOM outside the
 * limits, EINVAL malformed, EPIPE a fault is latched, ENODEV device gone,
 * EOPNOTSUPP no such sensor.
 */
#ifndef _UAPI_LINUX_NANODOSE_H
#define _UAPI_LINUX_NANODOSE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define NANODOSE_NAME_LEN	32	/* bytes, NUL-terminated */

/* A reading that could not be had; never to be taken for zero. */
#define NANODOSE_NO_VALUE_S64	((__s64)(1ULL << 63))
#define NANODOSE_NO_VALUE_S32	((__s32)(1U << 31))

/* nanodose_info.features */
#define NANODOSE_FEATURE_ENABLE		(1ULL << 0)	/* motor enable line */
#define NANODOSE_FEATURE_ESTOP		(1ULL << 1)	/* emergency stop input */
#define NANODOSE_FEATURE_LIMIT_PLUS	(1ULL << 2)	/* end-of-travel input, dispense end */
#define NANODOSE_FEATURE_LIMIT_MINUS	(1ULL << 3)	/* end-of-travel input, withdraw end */
#define NANODOSE_FEATURE_FLOW		(1ULL << 4)	/* liquid flow sensor */
#define NANODOSE_FEATURE_MEDIUM_IPA	(1ULL << 5)	/* sensor has an isopropanol calibration */
#define NANODOSE_FEATURE_PRESSURE	(1ULL << 6)	/* pressure channel */
#define NANODOSE_FEATURE_START_TIME	(1ULL << 7)	/* NANODOSE_RUN_START_AT */
#define NANODOSE_FEATURE_DRIVER_FAULT	(1ULL << 8)	/* fault output of the motor driver */
#define NANODOSE_FEATURE_LIMITS		(1ULL << 9)	/* SET_LIMITS, GET_LIMITS */
#define NANODOSE_FEATURE_QUEUE		(1ULL << 10)	/* QUEUE */
#define NANODOSE_FEATURE_HOME		(1ULL << 11)	/* home switch */

/* Fault bits, latched until NANODOSE_IOC_CLEAR_FAULTS. */
#define NANODOSE_FAULT_OWNER_SILENT	(1U << 0)	/* hold time ran out while moving */
#define NANODOSE_FAULT_SENSOR_LOST	(1U << 1)	/* bad frames in a row, or none in time */
#define NANODOSE_FAULT_AIR_IN_LINE	(1U << 2)	/* sensor reports air */
#define NANODOSE_FAULT_ESTOP		(1U << 3)	/* emergency stop line active */
#define NANODOSE_FAULT_LIMIT_PLUS	(1U << 4)	/* end of travel while dispensing */
#define NANODOSE_FAULT_LIMIT_MINUS	(1U << 5)	/* end of travel while withdrawing */
#define NANODOSE_FAULT_LATE		(1U << 6)	/* a step came too late */
#define NANODOSE_FAULT_POSITION		(1U << 7)	/* at the end of the position window */
#define NANODOSE_FAULT_DRIVER		(1U << 8)	/* the motor driver reports a fault */
#define NANODOSE_FAULT_OVER_PRESSURE	(1U << 9)	/* pressure too high while dispensing */
#define NANODOSE_FAULT_HIGH_FLOW	(1U << 10)	/* flow too high while moving */
#define NANODOSE_FAULT_NO_FLOW		(1U << 11)	/* steps without flow: occlusion, empty */
#define NANODOSE_FAULT_FLOW_AT_REST	(1U << 12)	/* leak, siphon, free flow */
#define NANODOSE_FAULT_UNDERRUN		(1U << 13)	/* a queue was not continued in time */
#define NANODOSE_FAULT_SUSPEND		(1U << 14)	/* the system went to sleep in motion */
#define NANODOSE_FAULT_UNBIND		(1U << 15)	/* the device went away in motion */

/* nanodose_status.state and record.state.state */
#define NANODOSE_STATE_REST		0	/* at standstill */
#define NANODOSE_STATE_ARMED		1	/* waits for a start time */
#define NANODOSE_STATE_RAMP		2	/* changes its rate */
#define NANODOSE_STATE_CRUISE		3	/* constant rate */
#define NANODOSE_STATE_STOPPING		4	/* on the way to standstill */

/* nanodose_status.flags */
#define NANODOSE_STATUS_OWNED		(1U << 0)
#define NANODOSE_STATUS_SAMPLING	(1U << 1)	/* flow sensor started */
#define NANODOSE_STATUS_ENABLED		(1U << 2)	/* motor powered */
#define NANODOSE_STATUS_ESTOP		(1U << 3)	/* line active now */
#define NANODOSE_STATUS_LIMIT_PLUS	(1U << 4)	/* line active now */
#define NANODOSE_STATUS_LIMIT_MINUS	(1U << 5)	/* line active now */
#define NANODOSE_STATUS_DRIVER_FAULT	(1U << 6)	/* line active now */
#define NANODOSE_STATUS_WARN_ONLY	(1U << 7)	/* some fault is set to warn only */
#define NANODOSE_STATUS_HOME		(1U << 8)	/* line active now */

/* nanodose_info.sensor_model */
#define NANODOSE_SENSOR_NONE		0
#define NANODOSE_SENSOR_SLF3S_0600F	1
#define NANODOSE_SENSOR_SLF3S_1300F	2
#define NANODOSE_SENSOR_SLF3S_4000B	3
#define NANODOSE_SENSOR_LD20_0600L	4
#define NANODOSE_SENSOR_LD20_2600B	5

/**
 * struct nanodose_info - what the device is; constant while it exists
 * @name: device name, as in /dev
 * @label: name given by the board description, empty if none
 * @features: NANODOSE_FEATURE_*
 * @max_rate_nhz: highest step rate of driver and line timing
 * @max_accel_nhz_s: highest acceleration
 * @max_hold_ns: longest hold time RUN accepts
 * @max_lag_ns: a step later than this latches NANODOSE_FAULT_LATE
 * @sensor_serial: serial number of the flow sensor, 0 if none
 * @sensor_full_scale_pl_min: largest flow the sensor reports
 * @sensor_min_period_ns: shortest sample period
 * @sensor_model: NANODOSE_SENSOR_*
 * @microsteps_per_rev: microsteps in one turn of the lead screw
 * @lead_pitch_nm: travel of the plunger in one turn
 * @queue_segments: how many segments QUEUE can hold
 * @reserved: zero
 */
struct nanodose_info {
	char name[NANODOSE_NAME_LEN];
	char label[NANODOSE_NAME_LEN];
	__u64 features;
	__u64 max_rate_nhz;
	__u64 max_accel_nhz_s;
	__u64 max_hold_ns;
	__u64 max_lag_ns;
	__u64 sensor_serial;
	__s64 sensor_full_scale_pl_min;
	__u64 sensor_min_period_ns;
	__u32 sensor_model;
	__u32 microsteps_per_rev;
	__u32 lead_pitch_nm;
	__u32 queue_segments;
	__u32 reserved[16];
};

/**
 * struct nanodose_status - one consistent snapshot
 * @time_ns: instant the motion fields belong to
 * @position: steps emitted since the last SET_POSITION, signed
 * @rate_nhz: present rate, signed
 * @target_rate_nhz: rate of the last RUN, or at the end of the segment under
 *	way; 0 at rest
 * @end_position: end position of the last RUN, NANODOSE_NO_VALUE_S64 if none
 * @hold_until_ns: when the owner becomes silent, 0 at rest
 * @steps_total: steps emitted in either direction since probe
 * @late_max_ns: largest lateness of a step since probe
 * @flow_time_ns: instant of the last good sensor frame, 0 if none yet
 * @flow_pl_min: its flow, NANODOSE_NO_VALUE_S64 if the last frame was bad
 * @temperature_mdegc: its temperature, or NANODOSE_NO_VALUE_S32
 * @pressure_pa: last pressure, or NANODOSE_NO_VALUE_S32
 * @sequence: device-wide number the next record will carry
 * @state: NANODOSE_STATE_*
 * @flags: NANODOSE_STATUS_*
 * @faults: NANODOSE_FAULT_*, latched
 * @bus_errors: sensor frames that failed since probe
 * @owner_pid: process that claimed, 0 if none
 * @warnings: NANODOSE_FAULT_* whose policy is to warn, latched
 * @owner_label: label it gave, empty if none
 * @sample_period_ns: sensor period, 0 if stopped
 * @queued: segments of QUEUE not begun yet
 * @reserved: zero
 */
struct nanodose_status {
	__u64 time_ns;
	__s64 position;
	__s64 rate_nhz;
	__s64 target_rate_nhz;
	__s64 end_position;
	__u64 hold_until_ns;
	__u64 steps_total;
	__u64 late_max_ns;
	__u64 flow_time_ns;
	__s64 flow_pl_min;
	__s32 temperature_mdegc;
	__s32 pressure_pa;
	__u64 sequence;
	__u32 state;
	__u32 flags;
	__u32 faults;
	__u32 bus_errors;
	__s32 owner_pid;
	__u32 warnings;
	char owner_label[NANODOSE_NAME_LEN];
	__u64 sample_period_ns;
	__u32 queued;
	__u32 reserved[9];
};

/* Record types; bit (1 << type) in nanodose_subscribe.mask selects one. */
#define NANODOSE_RECORD_STATE		1
#define NANODOSE_RECORD_FLOW		2
#define NANODOSE_RECORD_FAULT		3
#define NANODOSE_RECORD_DROPPED		4	/* always delivered */

/* Why a STATE record was written. */
#define NANODOSE_CAUSE_OPEN		0	/* first record of an opener */
#define NANODOSE_CAUSE_CLAIM		1
#define NANODOSE_CAUSE_RELEASE		2	/* by RELEASE, close or exit of the owner */
#define NANODOSE_CAUSE_RUN		3	/* motion begins */
#define NANODOSE_CAUSE_STOP		4	/* STOP was called */
#define NANODOSE_CAUSE_END		5	/* end position reached, or end of the queue */
#define NANODOSE_CAUSE_REST		6	/* came to rest for another reason */
#define NANODOSE_CAUSE_CLEAR		7	/* faults cleared */
#define NANODOSE_CAUSE_POSITION		8	/* SET_POSITION */
#define NANODOSE_CAUSE_SENSOR		9	/* sensor started or stopped */
#define NANODOSE_CAUSE_WARNING		10	/* a fault whose policy is to warn */
#define NANODOSE_CAUSE_LIMITS		11	/* SET_LIMITS */
#define NANODOSE_CAUSE_SUSPEND		12	/* the system goes to sleep */
#define NANODOSE_CAUSE_RESUME		13	/* and is awake again; time did not count */
#define NANODOSE_CAUSE_HOME		14	/* the home switch changed, at this position */

/* nanodose_flow_record.valid */
#define NANODOSE_VALID_FLOW		(1U << 0)	/* flow, temperature, sensor flags */
#define NANODOSE_VALID_PRESSURE		(1U << 1)

/* nanodose_flow_record.sensor_flags: the sensor's own signalling word */
#define NANODOSE_SENSOR_FLAG_AIR	(1U << 0)
#define NANODOSE_SENSOR_FLAG_HIGH_FLOW	(1U << 1)
#define NANODOSE_SENSOR_FLAG_SMOOTHING	(1U << 5)

/**
 * struct nanodose_flow_record - one sample of the sensors
 * @position: step position at the record's time
 * @flow_pl_min: flow, NANODOSE_NO_VALUE_S64 unless NANODOSE_VALID_FLOW
 * @temperature_mdegc: likewise, NANODOSE_NO_VALUE_S32
 * @pressure_pa: NANODOSE_NO_VALUE_S32 unless NANODOSE_VALID_PRESSURE
 * @bus_errors: sensor frames that failed since probe
 * @sensor_flags: NANODOSE_SENSOR_FLAG_*, 0 unless NANODOSE_VALID_FLOW
 * @valid: NANODOSE_VALID_*
 * @reserved: zero
 */
struct nanodose_flow_record {
	__s64 position;
	__s64 flow_pl_min;
	__s32 temperature_mdegc;
	__s32 pressure_pa;
	__u32 bus_errors;
	__u16 sensor_flags;
	__u16 valid;
	__u64 reserved;
};

/**
 * struct nanodose_state_record - something about the axis changed
 * @position: step position at the record's time
 * @rate_nhz: rate at the record's time
 * @state: NANODOSE_STATE_*
 * @flags: NANODOSE_STATUS_*
 * @faults: NANODOSE_FAULT_*, latched
 * @cause: NANODOSE_CAUSE_*
 * @pid: process that caused it, 0 if none
 * @warnings: NANODOSE_FAULT_* whose policy is to warn, latched
 */
struct nanodose_state_record {
	__s64 position;
	__s64 rate_nhz;
	__u32 state;
	__u32 flags;
	__u32 faults;
	__u32 cause;
	__s32 pid;
	__u32 warnings;
};

/**
 * struct nanodose_fault_record - a fault was latched
 * @position: step position at the record's time
 * @rate_nhz: rate at the record's time
 * @value: what was seen; lateness in ns for LATE, count of bad frames in a row
 *	for SENSOR_LOST (0: no frame at all), sensor flags for AIR_IN_LINE, hold
 *	time in ns for OWNER_SILENT, end of the window for POSITION, pressure in
 *	Pa for OVER_PRESSURE, flow in pL/min for HIGH_FLOW and FLOW_AT_REST and,
 *	the mean of it, for NO_FLOW, segments stepped for UNDERRUN; 1 for lines,
 *	SUSPEND and UNBIND
 * @fault: the NANODOSE_FAULT_* bit
 * @faults: all bits now latched
 * @reserved: zero
 */
struct nanodose_fault_record {
	__s64 position;
	__s64 rate_nhz;
	__s64 value;
	__u32 fault;
	__u32 faults;
	__u64 reserved;
};

/**
 * struct nanodose_dropped_record - this opener's ring overflowed
 * @first_sequence: number of the first record lost
 * @count: how many of this opener's records were lost
 * @reserved: zero
 */
struct nanodose_dropped_record {
	__u64 first_sequence;
	__u64 count;
	__u64 reserved[3];
};

/**
 * struct nanodose_record - what read() returns, whole records only
 * @time_ns: when it happened
 * @sequence: device-wide number, from 1; for DROPPED that of the record after
 *	the gap, for an opener's first STATE record, which nobody else gets, that
 *	of the record before
 * @type: NANODOSE_RECORD_*
 * @reserved: zero
 * @flow: of NANODOSE_RECORD_FLOW
 * @state: of NANODOSE_RECORD_STATE
 * @fault: of NANODOSE_RECORD_FAULT
 * @dropped: of NANODOSE_RECORD_DROPPED
 * @raw: the same bytes, for who passes them on
 */
struct nanodose_record {
	__u64 time_ns;
	__u64 sequence;
	__u32 type;
	__u32 reserved;
	union {
		struct nanodose_flow_record flow;
		struct nanodose_state_record state;
		struct nanodose_fault_record fault;
		struct nanodose_dropped_record dropped;
		__u64 raw[5];
	};
};

/**
 * struct nanodose_subscribe - which records this descriptor gets
 * @mask: bits (1 << NANODOSE_RECORD_*); DROPPED and FAULT cannot be masked
 * @ring_records: size of this descriptor's ring, a power of two, 64 to 65536;
 *	0 keeps it. Changing it empties the ring, which begins with a STATE
 *	record then, as for an opener.
 * @flow_decimation: deliver every Nth flow record, 0 and 1 mean all
 * @flags: zero
 *
 * Without this call an opener gets all records in a ring of 1024. A ring that
 * is full loses the newest records, faults last of all; what it lost is told by
 * a DROPPED record as soon as there is room.
 */
struct nanodose_subscribe {
	__u32 mask;
	__u32 ring_records;
	__u32 flow_decimation;
	__u32 flags;
};

/**
 * struct nanodose_claim - become the owner
 * @label: who claims, shown to others; NUL-terminated
 * @flags: zero
 * @reserved: zero
 */
struct nanodose_claim {
	char label[NANODOSE_NAME_LEN];
	__u32 flags;
	__u32 reserved;
};

/* nanodose_run.flags */
#define NANODOSE_RUN_END_POSITION	(1U << 0)	/* end_position counts */
#define NANODOSE_RUN_START_AT		(1U << 1)	/* start_ns counts; from rest only */

/**
 * struct nanodose_run - ramp to a rate, cruise for the hold, ramp to rest
 * @rate_nhz: signed rate; 0 ramps to rest
 * @accel_nhz_s: acceleration, above 0
 * @hold_ns: from this call (or from @start_ns) until the owner counts as
 *	silent, above 0. Calling again before is the heartbeat.
 * @end_position: come to rest exactly there
 * @start_ns: CLOCK_MONOTONIC, in the future, at most 1 h ahead
 * @flags: NANODOSE_RUN_*
 * @reserved: zero
 *
 * A change of rate that one step's way at this acceleration would cover is made
 * at once, without a ramp: so are starts and stops of slow rates.
 *
 * EDOM: beyond max rate, acceleration or hold, or too close to the end
 * position to stop in time, or a start time out of its range, or an
 * acceleration so low that the ramp would take a day or 2^31 steps. EINVAL:
 * acceleration or hold is 0, the end lies behind the direction, or a start time
 * is given while moving. EPIPE: a fault is latched, or an end-of-travel line is
 * active in this direction. After an error the motion is what it was.
 */
struct nanodose_run {
	__s64 rate_nhz;
	__u64 accel_nhz_s;
	__u64 hold_ns;
	__s64 end_position;
	__u64 start_ns;
	__u32 flags;
	__u32 reserved[5];
};

/*
 * Faults of the sensors, which may be set to warn only, and those that may be
 * set to stop at once. The lines always stop at once, the position window
 * always by a ramp that ends within it.
 */
#define NANODOSE_WARN_FAULTS	(NANODOSE_FAULT_SENSOR_LOST | NANODOSE_FAULT_AIR_IN_LINE | \
				 NANODOSE_FAULT_OVER_PRESSURE | NANODOSE_FAULT_HIGH_FLOW | \
				 NANODOSE_FAULT_NO_FLOW | NANODOSE_FAULT_FLOW_AT_REST)
#define NANODOSE_NOW_FAULTS	(NANODOSE_WARN_FAULTS | NANODOSE_FAULT_OWNER_SILENT | \
				 NANODOSE_FAULT_LATE | NANODOSE_FAULT_SUSPEND)

#define NANODOSE_POSITION_MAX	0x4000000000000000LL	/* either way */
#define NANODOSE_STEP_VOLUME_MAX_FL	1000000000ULL	/* 1 uL */

/**
 * struct nanodose_limits - what the interlocks hold to
 * @max_rate_nhz: highest rate, up to nanodose_info.max_rate_nhz
 * @max_accel_nhz_s: highest acceleration, up to that of nanodose_info
 * @position_min: lower end of the position window
 * @position_max: its upper end; the position must lie within. A motion without
 *	an end of its own comes to rest there and latches POSITION; what could
 *	not stop within the window is refused with EDOM. Up to
 *	NANODOSE_POSITION_MAX either way, which is the default and no window.
 * @step_volume_fl: volume of one microstep, up to NANODOSE_STEP_VOLUME_MAX_FL; 0,
 *	the default, if not known: then NO_FLOW cannot be judged and is not
 * @sensor_timeout_ns: without a good frame for this long after it was due,
 *	SENSOR_LOST; 1 ms to 60 s, default 1 s
 * @high_flow_pl_min: more flow than this either way while moving is HIGH_FLOW;
 *	0, the default: by the sensor's own flag alone, which always counts
 * @no_flow_least_pl_min: NO_FLOW is judged where the steps make at least this
 *	flow; default 1 % of the sensor's full scale, as less is not told from
 *	its zero error
 * @no_flow_time_ns: over stretches of motion this long; 100 ms to 1 h, default
 *	5 min: soft syringes take up to 10 min to settle
 * @rest_flow_pl_min: more mean flow than this either way at rest, after two
 *	stretches of the time below and not falling by a sixteenth from one to the
 *	other, as the flow of a line that relaxes does, is FLOW_AT_REST; default
 *	1 % of full scale
 * @rest_flow_time_ns: 100 ms to 1 h, default 60 s, enough for time constants up
 *	to 15 min
 * @no_flow_ppm: less than this part of the stepped volume is NO_FLOW; default
 *	100000, which is 10 %; 0: never
 * @over_pressure_pa: more than this while dispensing is OVER_PRESSURE, above 0;
 *	withdrawing relieves it and remains allowed; default 1 MPa
 * @bad_frames: so many in a row are SENSOR_LOST; 1 to 1000, default 3
 * @warn_faults: those of NANODOSE_WARN_FAULTS that warn only: the bit appears in
 *	the warnings of STATE records and GET_STATUS, until CLEAR_FAULTS
 * @now_faults: those of NANODOSE_NOW_FAULTS that stop at once; the others stop
 *	by a ramp. A bit in both masks is refused.
 * @reserved: zero
 *
 * SET_LIMITS: owner, at rest. CLAIM sets the defaults: nobody inherits what
 * another has weakened. EBUSY: in motion or armed. EDOM: beyond the ranges
 * above. EINVAL: a mask with other bits, a window that ends before it begins.
 */
struct nanodose_limits {
	__u64 max_rate_nhz;
	__u64 max_accel_nhz_s;
	__s64 position_min;
	__s64 position_max;
	__u64 step_volume_fl;
	__u64 sensor_timeout_ns;
	__s64 high_flow_pl_min;
	__s64 no_flow_least_pl_min;
	__u64 no_flow_time_ns;
	__s64 rest_flow_pl_min;
	__u64 rest_flow_time_ns;
	__u32 no_flow_ppm;
	__s32 over_pressure_pa;
	__u32 bad_frames;
	__u32 warn_faults;
	__u32 now_faults;
	__u32 reserved[9];
};

/**
 * struct nanodose_segment - steps at constant acceleration
 * @steps: signed, not 0
 * @start_rate_nhz: rate at its start, without sign
 * @end_rate_nhz: at its end; the same makes a cruise, and then is not 0
 */
struct nanodose_segment {
	__s64 steps;
	__u64 start_rate_nhz;
	__u64 end_rate_nhz;
};

/* nanodose_queue.flags */
#define NANODOSE_QUEUE_TRY		(1U << 0)	/* check, but do not take the list */
#define NANODOSE_QUEUE_REPLACE		(1U << 1)	/* of the segments not begun */
#define NANODOSE_QUEUE_START_AT		(1U << 2)	/* start_ns counts; from rest only */
#define NANODOSE_QUEUE_MORE		(1U << 3)	/* more is to follow in time */

/**
 * struct nanodose_queue - step a list of segments, one after the other
 * @segments: address of an array of struct nanodose_segment
 * @hold_ns: from this call (or from @start_ns) until the owner counts as
 *	silent, as in RUN. Each QUEUE renews it; one with a count of 0 and no
 *	flags does nothing else.
 * @accel_nhz_s: no segment may be steeper; STOP and faults brake with it. While
 *	a queue is under way it must be the same in each call.
 * @start_ns: CLOCK_MONOTONIC, in the future, at most 1 h ahead
 * @count: how many, up to nanodose_info.queue_segments
 * @flags: NANODOSE_QUEUE_*
 * @bad_index: returned with EDOM: the first segment that is wrong, or @count if
 *	hold, acceleration or start time is
 * @room: returned, also with EAGAIN: how many more there would be room for
 * @reserved: zero
 *
 * The list is taken as a whole or not at all. It follows on what is queued, or
 * with REPLACE on the segment under way. In it a segment begins at the rate at
 * which the one before ends. From standstill, to standstill and where the
 * direction changes the rate is 0, or so low that acceleration reaches it
 * within one step. The last one must end at standstill: a queue never runs
 * empty in motion. What is not followed by more in time ends there; if the last
 * call that brought segments had the flag MORE, this is the fault UNDERRUN.
 * poll() says OUT while there is room.
 *
 * EAGAIN: no room for all. EBUSY: a RUN is under way, or a stop; RUN itself may
 * take over from a queue. EDOM: a segment of no steps, of rate 0, beyond the
 * limits, steeper than the acceleration, that does not join, or leads out of
 * the position window; a list that does not end at standstill. EINVAL: another
 * acceleration or a start time while a queue is under way; a count of 0 while
 * none is.
 */
struct nanodose_queue {
	__u64 segments;
	__u64 hold_ns;
	__u64 accel_nhz_s;
	__u64 start_ns;
	__u32 count;
	__u32 flags;
	__u32 bad_index;
	__u32 room;
	__u32 reserved[4];
};

#define NANODOSE_STOP_RAMP	0	/* with the acceleration of the last RUN */
#define NANODOSE_STOP_NOW	1	/* no further step */

/**
 * struct nanodose_stop - stop; allowed on every writable descriptor
 * @mode: NANODOSE_STOP_*
 * @reserved: zero
 */
struct nanodose_stop {
	__u32 mode;
	__u32 reserved[3];
};

/**
 * struct nanodose_clear_faults - unlatch; owner, at rest
 * @faults: bits to clear, of faults and warnings; EINVAL for bits never latched
 *	by this kernel. EPIPE if the cause is still there (emergency stop line or
 *	the motor driver's fault line active).
 * @reserved: zero
 */
struct nanodose_clear_faults {
	__u32 faults;
	__u32 reserved[3];
};

/**
 * struct nanodose_set_position - name the present position; owner, at rest
 * @position: its new value
 * @reserved: zero
 */
struct nanodose_set_position {
	__s64 position;
	__u64 reserved;
};

#define NANODOSE_SENSOR_STOP	0
#define NANODOSE_SENSOR_START	1

#define NANODOSE_MEDIUM_WATER	0
#define NANODOSE_MEDIUM_IPA	1

/**
 * struct nanodose_sensor - start or stop sampling; owner
 * @op: NANODOSE_SENSOR_START or _STOP
 * @medium: NANODOSE_MEDIUM_*
 * @period_ns: sample period, from nanodose_info.sensor_min_period_ns to 10 s
 * @flags: zero
 * @reserved: zero
 */
struct nanodose_sensor {
	__u32 op;
	__u32 medium;
	__u64 period_ns;
	__u32 flags;
	__u32 reserved[3];
};

#define NANODOSE_IOC_MAGIC	0xBD

#define NANODOSE_IOC_GET_INFO		_IOR(NANODOSE_IOC_MAGIC, 0x00, struct nanodose_info)
#define NANODOSE_IOC_GET_STATUS		_IOR(NANODOSE_IOC_MAGIC, 0x01, struct nanodose_status)
#define NANODOSE_IOC_SUBSCRIBE		_IOW(NANODOSE_IOC_MAGIC, 0x02, struct nanodose_subscribe)
#define NANODOSE_IOC_CLAIM		_IOW(NANODOSE_IOC_MAGIC, 0x03, struct nanodose_claim)
#define NANODOSE_IOC_RELEASE		_IO(NANODOSE_IOC_MAGIC, 0x04)
#define NANODOSE_IOC_SET_LIMITS		_IOW(NANODOSE_IOC_MAGIC, 0x05, struct nanodose_limits)
#define NANODOSE_IOC_RUN		_IOW(NANODOSE_IOC_MAGIC, 0x06, struct nanodose_run)
#define NANODOSE_IOC_QUEUE		_IOWR(NANODOSE_IOC_MAGIC, 0x07, struct nanodose_queue)
#define NANODOSE_IOC_STOP		_IOW(NANODOSE_IOC_MAGIC, 0x08, struct nanodose_stop)
#define NANODOSE_IOC_CLEAR_FAULTS	_IOW(NANODOSE_IOC_MAGIC, 0x09, struct nanodose_clear_faults)
#define NANODOSE_IOC_SET_POSITION	_IOW(NANODOSE_IOC_MAGIC, 0x0a, struct nanodose_set_position)
#define NANODOSE_IOC_SENSOR		_IOW(NANODOSE_IOC_MAGIC, 0x0b, struct nanodose_sensor)
#define NANODOSE_IOC_GET_LIMITS		_IOR(NANODOSE_IOC_MAGIC, 0x0c, struct nanodose_limits)

#endif /* _UAPI_LINUX_NANODOSE_H */
