/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the driver: one struct nanodose per pump axis, made of parts that
 * each live in a file of their own.
 *
 *	chardev  - open, ioctl, read, poll
 *	stream   - a ring of records per opener
 *	engine   - hrtimer that turns a motion into STEP edges; owns the motion
 *		   state and the latched faults, under one raw spinlock
 *	gpio     - the lines, and the interrupts of the safety inputs
 *	flow     - sampler thread: flow sensor and pressure to FLOW records
 *	limits   - what the interlocks hold to: defaults, and what may be set
 *	guard    - decides what a reading means for the motion
 *	sysfs, debugfs, trace - facts, counters for tests, tracepoints
 *
 * Lock order: nanodose.lock (mutex) > engine.lock (raw) > stream.lock (raw).
 */
#ifndef _NANODOSE_H
#define _NANODOSE_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/gpio/consumer.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "include/uapi/linux/nanodose.h"
#include "plan.h"
#include "queue.h"
#include "stepgen.h"

struct dentry;
struct iio_channel;
struct nd_client;
struct nd_flow_sensor;
struct task_struct;

/* ---- stream: records to openers ---------------------------------------- */

struct nd_stream {
	raw_spinlock_t lock;		/* clients, their rings, sequence */
	struct list_head clients;
	u64 sequence;			/* of the next record, from 1 */
	bool shut;			/* no record any more */
	u64 lost;			/* records, of all rings; a counter for tests */
	u64 wakes;			/* likewise */
	wait_queue_head_t wait;		/* readers and pollers of all clients */
	struct work_struct wake;	/* wakes from any context, RT included */
};

/*
 * Written under the stream's lock, read without it: only the reader moves
 * tail, and what lies between tail and head is never written again.
 */
struct nd_ring {
	struct nanodose_record *records;
	u32 slots;			/* one of them is always empty */
	u32 capacity;			/* for all but faults, which have some more */
	u32 head;
	u32 tail;
	u64 lost;			/* records since the ring became full */
	u64 first_lost;			/* number of the first of them */
};

/* One open file. */
struct nd_client {
	struct nanodose *nd;
	struct list_head list;		/* in the stream's clients */
	struct mutex read_lock;		/* reading, and exchanging the ring */
	struct nd_ring ring;
	u32 mask;
	u32 flow_decimation;
	u32 flow_skipped;
};

void nd_stream_init(struct nd_stream *stream);
/* Later pushes do nothing. Waits for a pending wake; wakes everybody. */
void nd_stream_shutdown(struct nd_stream *stream);
/*
 * Number the record and copy it to each subscribed ring. Any context. The
 * caller fills time_ns, type and the payload, the rest is zero.
 */
void nd_stream_push(struct nd_stream *stream, struct nanodose_record *record);
/* The queue was full and is not. Any context. */
void nd_stream_wake_writers(struct nd_stream *stream);
u64 nd_stream_sequence(struct nd_stream *stream);
/* Shut: what is in the rings is all there will be. */
bool nd_stream_ended(const struct nd_stream *stream);

int nd_ring_alloc(struct nd_ring *ring, u32 records);
void nd_ring_free(struct nd_ring *ring);
/*
 * Give a client another ring, which begins with @first, and what it wants to
 * get; *ring is the old one then. False, and nothing done, unless the next
 * record would carry the number @sequence.
 */
bool nd_stream_begin(struct nd_stream *stream, struct nd_client *client, struct nd_ring *ring,
		     const struct nanodose_subscribe *subscribe,
		     const struct nanodose_record *first, u64 sequence);
void nd_stream_select(struct nd_stream *stream, struct nd_client *client,
		      const struct nanodose_subscribe *subscribe);
void nd_stream_detach(struct nd_stream *stream, struct nd_client *client);
bool nd_client_readable(const struct nd_client *client);
/* Whole records, as many as there are: bytes, 0 if none, -EFAULT. */
ssize_t nd_client_read(struct nd_client *client, char __user *buffer, size_t count);

/* ---- gpio: the lines ----------------------------------------------------- */

struct nd_gpio {
	struct gpio_desc *step;
	struct gpio_desc *dir;
	struct gpio_desc *enable;	/* NULL if not wired */
	struct gpio_desc *sleep;	/* NULL if not wired */
	struct gpio_desc *estop;	/* NULL if not wired */
	struct gpio_desc *limit_plus;	/* NULL if not wired */
	struct gpio_desc *limit_minus;	/* NULL if not wired */
	struct gpio_desc *fault;	/* NULL if not wired */
	struct gpio_desc *home;		/* NULL if not wired */
	int estop_irq;
	int limit_plus_irq;
	int limit_minus_irq;
	int fault_irq;
	int home_irq;
	bool step_both_edges;		/* a step on each edge, else on the rising one */
	u32 pulse_ns;			/* STEP high time, and low; with both edges, of a level */
	u32 dir_setup_ns;		/* DIR stable before a step */
	u32 dir_hold_ns;		/* and after it */
	u32 wake_up_us;			/* from sleep to the first step */
	u32 max_rate_hz;		/* of motor and mechanics */
	bool step_level;		/* of STEP at probe, with both edges */
};

struct nanodose;

/* Gets and checks the lines; refuses sleeping ones. Nothing moves. */
int nd_gpio_probe(struct nanodose *nd);
/* From here on the safety inputs act. After nd_engine_init(). */
int nd_gpio_arm(struct nanodose *nd);
/* Act on safety inputs that are active already, for which no edge will come. */
void nd_gpio_look(struct nanodose *nd);
/* Free the interrupts. Outputs rest already, see nd_engine_shutdown(). */
void nd_gpio_disarm(struct nanodose *nd);
/* NANODOSE_STATUS_ESTOP, _LIMIT_*, _DRIVER_FAULT, _HOME of the lines as they are. Any context. */
u32 nd_gpio_lines(const struct nd_gpio *gpio);

/* ---- engine: motion ------------------------------------------------------ */

#define ND_MAX_ACCEL_NHZ_S	1000000000000000ULL	/* 1e6 steps/s^2 */
#define ND_MAX_HOLD_NS		10000000000ULL
#define ND_MAX_START_NS		3600000000000ULL	/* RUN_START_AT, from now */
#define ND_MAX_POSITION		NANODOSE_POSITION_MAX
#define ND_ALL_FAULTS		(NANODOSE_FAULT_OWNER_SILENT | NANODOSE_FAULT_SENSOR_LOST | \
				 NANODOSE_FAULT_AIR_IN_LINE | NANODOSE_FAULT_ESTOP | \
				 NANODOSE_FAULT_LIMIT_PLUS | NANODOSE_FAULT_LIMIT_MINUS | \
				 NANODOSE_FAULT_LATE | NANODOSE_FAULT_POSITION | \
				 NANODOSE_FAULT_DRIVER | NANODOSE_FAULT_OVER_PRESSURE | \
				 NANODOSE_FAULT_HIGH_FLOW | NANODOSE_FAULT_NO_FLOW | \
				 NANODOSE_FAULT_FLOW_AT_REST | NANODOSE_FAULT_UNDERRUN | \
				 NANODOSE_FAULT_SUSPEND | NANODOSE_FAULT_UNBIND)
/* Those that stop at once whatever the limits say. */
#define ND_NOW_FAULTS		(NANODOSE_FAULT_ESTOP | NANODOSE_FAULT_LIMIT_PLUS | \
				 NANODOSE_FAULT_LIMIT_MINUS | NANODOSE_FAULT_DRIVER | \
				 NANODOSE_FAULT_UNBIND)

struct nd_engine {
	raw_spinlock_t lock;
	struct hrtimer timer;
	struct nd_segment segment;	/* the segment being stepped */
	struct nd_goal goal;
	struct nd_queue queue;
	u32 state;			/* NANODOSE_STATE_* */
	int direction;			/* +1, -1; of DIR as it stands */
	bool step_high;
	bool shut;			/* no motion any more: unbind */
	s64 position;
	u64 steps_total;
	u64 interrupts;			/* counters for tests */
	u64 segments;
	u64 late_steps;
	u32 faults;			/* latched */
	u32 warnings;			/* likewise */
	struct nanodose_limits limits;
	u64 late_max_ns;
	u64 max_rate_nhz;
	u64 max_accel_nhz_s;
	u64 max_lag_ns;
	/* the engine's own */
	bool step_both_edges;
	u32 pulse_ns;
	u32 dir_setup_ns;
	u32 dir_hold_ns;
	bool step_level;		/* of STEP as it stands, with both edges */
	int heading;			/* of the segment; DIR follows before a step */
	u64 step_rate_nhz;		/* at the last step, 0 from rest */
	u64 rise_ns;			/* last STEP edges; a fall may be to come */
	u64 fall_ns;
	u64 dir_ns;			/* DIR may change; then, STEP may rise */
	u64 earliest_ns;		/* STEP may rise, by the steps before */
	u64 awake_ns;			/* and by the motor driver's sleep */
	u64 start_ns;			/* while armed */
	u64 armed_ns;			/* expiry of the timer, if queued */
	pid_t run_pid;			/* who called RUN */
	bool enabled;
	bool off_at_rest;		/* motor power off once at rest */
};

/* Everything about the motion at one instant. */
struct nd_motion {
	u64 time_ns;
	s64 position;
	s64 rate_nhz;
	s64 target_rate_nhz;
	s64 end_position;		/* NANODOSE_NO_VALUE_S64 if none */
	u64 hold_until_ns;
	u64 steps_total;
	u64 late_max_ns;
	u32 state;
	u32 flags;			/* NANODOSE_STATUS_* */
	u32 faults;
	u32 warnings;
	u32 queued;			/* segments not begun */
	bool enabled;
};

/* After nd_gpio_probe(). */
int nd_engine_init(struct nanodose *nd);
/* Stop at once, cancel the timer, park the pins; later calls get -ENODEV. */
void nd_engine_shutdown(struct nanodose *nd);
/*
 * The system goes to sleep: a motion latches SUSPEND and stops, by a ramp if
 * that is short. The pins are parked. May sleep. And is awake again: the pins
 * are driven as they were left; 0, or an errno of the GPIO controller.
 */
void nd_engine_suspend(struct nanodose *nd);
int nd_engine_resume(struct nanodose *nd);
/*
 * The fields are checked here; unknown flags and reserved ones by the caller.
 * After an error the motion is what it was.
 */
int nd_engine_run(struct nanodose *nd, const struct nanodose_run *run);
/*
 * As for RUN; the list has request->count segments. Sets bad_index and room.
 */
int nd_engine_queue(struct nanodose *nd, struct nanodose_queue *request,
		    const struct nanodose_segment *list);
/*
 * Bring to rest and push a STATE record with this cause; if that takes a ramp,
 * one more with NANODOSE_CAUSE_REST when there. Any context.
 */
void nd_engine_stop(struct nanodose *nd, bool now, u32 cause);
/* Pushes a STATE record. -EBUSY unless at rest, -EDOM outside of the window. */
int nd_engine_set_position(struct nanodose *nd, s64 position);
/*
 * Pushes a STATE record. -EINVAL for unknown bits, -EBUSY unless at rest,
 * -EPIPE while the emergency stop line or the driver's fault line is active.
 */
int nd_engine_clear_faults(struct nanodose *nd, u32 faults);
/*
 * Latch, stop and push a FAULT record, or, if the limits say so, warn by a
 * STATE record; nothing if already latched. Any context.
 */
void nd_engine_fault(struct nanodose *nd, u32 fault, s64 value);
/* Pushes a STATE record. Checked by nd_limits_check(). -EBUSY, -EDOM. */
int nd_engine_set_limits(struct nanodose *nd, const struct nanodose_limits *limits);
void nd_engine_default_limits(struct nanodose *nd);
void nd_engine_get_limits(struct nanodose *nd, struct nanodose_limits *limits);
/*
 * A safety line became active; @fault is ESTOP, DRIVER, or a LIMIT which counts
 * only while heading there. Any context.
 */
void nd_engine_line(struct nanodose *nd, u32 fault);
void nd_engine_motion(struct nanodose *nd, struct nd_motion *motion);
/* Motor power; off once at rest. */
void nd_engine_enable(struct nanodose *nd, bool on);
/* STATE record of the present motion. */
void nd_engine_push_state(struct nanodose *nd, u32 cause, pid_t pid);
/* Fill a record with the present state, for an opener's first record. */
void nd_engine_fill_state(struct nanodose *nd, struct nanodose_record *record,
			  u32 cause, pid_t pid);

/* ---- flow: sensor and pressure -------------------------------------------- */

/* One reading of a flow sensor. */
struct nd_flow_reading {
	s64 flow_pl_min;
	s32 temperature_mdegc;
	u16 flags;
};

/* What a flow sensor driver offers; all may sleep. */
struct nd_flow_ops {
	int (*start)(struct nd_flow_sensor *sensor, u32 medium);
	int (*stop)(struct nd_flow_sensor *sensor);
	/* 0, or -EIO, -EBADMSG (checksum), -ENODEV: no reading */
	int (*read)(struct nd_flow_sensor *sensor, struct nd_flow_reading *reading);
	void (*free)(struct nd_flow_sensor *sensor);
};

struct nd_flow_sensor {
	struct device *dev;		/* NULL once its driver is unbound */
	const struct nd_flow_ops *ops;
	u32 model;			/* NANODOSE_SENSOR_* */
	u64 serial;
	s64 full_scale_pl_min;
	u64 min_period_ns;
	u64 start_ns;			/* from start to the first frame */
	bool has_ipa;
	struct mutex lock;		/* held in each of ops; dev */
	struct list_head list;
	struct kref refs;
};

/*
 * The sensor behind the "flow-sensor" reference of @dev; holds a reference to
 * it until nd_flow_sensor_put(). NULL if the property is absent,
 * -EPROBE_DEFER if its driver is not bound yet.
 */
struct nd_flow_sensor *nd_flow_sensor_get(struct device *dev);
void nd_flow_sensor_put(struct nd_flow_sensor *sensor);
/*
 * By sensor drivers: init, and once the sensor has been found add, with all but
 * lock, list and refs filled in. From remove on ops rest; the object is freed
 * with its last reference.
 */
void nd_flow_sensor_init(struct nd_flow_sensor *sensor);
void nd_flow_sensor_add(struct nd_flow_sensor *sensor);
/*
 * After adding one outside of its driver's probe, from where the driver core
 * tries deferred pumps by itself.
 */
void nd_flow_sensor_bind_pumps(struct nd_flow_sensor *sensor);
void nd_flow_sensor_remove(struct nd_flow_sensor *sensor);
extern struct i2c_driver nd_flow_sf06_driver;

struct nd_flow {
	struct nd_flow_sensor *sensor;	/* NULL if none */
	struct iio_channel *pressure;	/* NULL if none */
	struct task_struct *thread;	/* NULL while stopped */
	u64 period_ns;			/* 0 while stopped */
	u64 first_ns;			/* instant of the first sample */
	u64 samples;			/* a counter for tests */
	struct mutex lock;		/* the last reading below */
	u64 time_ns;
	s64 flow_pl_min;
	s32 temperature_mdegc;
	s32 pressure_pa;
	u32 bus_errors;
};

int nd_flow_probe(struct nanodose *nd);
int nd_flow_start(struct nanodose *nd, u32 medium, u64 period_ns);
/* Waits for the sampler to end. */
void nd_flow_stop(struct nanodose *nd);
void nd_flow_remove(struct nanodose *nd);

/* pressure.c: an IIO channel, optional. Pa, or a negative errno. */
int nd_pressure_probe(struct nanodose *nd);
int nd_pressure_read(struct nanodose *nd, s32 *pressure_pa);

/* ---- limits: what the interlocks hold to ------------------------------------ */

/* What holds from probe and from each CLAIM on. After nd_flow_probe(). */
void nd_limits_default(struct nanodose *nd, struct nanodose_limits *limits);
/* -EINVAL, -EDOM; what depends on the motion is for nd_engine_set_limits(). */
int nd_limits_check(struct nanodose *nd, const struct nanodose_limits *limits);

/* ---- guard: what readings mean -------------------------------------------- */

/* A stretch of time over which flow is summed up. */
struct nd_stretch {
	u64 start_ns;			/* 0: none begun */
	u64 start_steps;		/* emitted since probe */
	s64 volume_fl;			/* past the sensor, signed */
};

struct nd_guard {
	struct hrtimer watchdog;	/* for the next good frame */
	u64 period_ns;
	atomic64_t good_ns;		/* last good frame */
	u32 bad_in_row;
	/* the sampler's own */
	u64 last_ns;			/* record time of the last good frame */
	int heading;			/* of the stretch, 0 at rest */
	struct nd_stretch stretch;
	s64 rest_flow_pl_min;		/* mean over the stretch before, at rest */
	bool rest_flow_known;
};

void nd_guard_init(struct nanodose *nd);
/* Sampling begins, the first frame is due then; and has ended. */
void nd_guard_start(struct nanodose *nd, u64 first_ns, u64 period_ns);
void nd_guard_stop(struct nanodose *nd);
/* After each sample, good or not. Called by the sampler. */
void nd_guard_sample(struct nanodose *nd, const struct nanodose_record *record);

/* ---- the axis ------------------------------------------------------------- */

struct nanodose {
	struct device dev;		/* class device; release frees this */
	struct cdev cdev;
	struct device *parent;
	int id;
	struct mutex lock;		/* owner, gone, ioctls that change */
	bool gone;
	struct nd_client *owner;
	pid_t owner_pid;
	char owner_label[NANODOSE_NAME_LEN];
	char label[NANODOSE_NAME_LEN];
	u32 microsteps_per_rev;
	u32 lead_pitch_nm;
	struct nd_gpio gpio;
	struct nd_engine engine;
	struct nd_stream stream;
	struct nd_flow flow;
	struct nd_guard guard;
	struct dentry *debugfs;
};

/* chardev.c */
extern const struct file_operations nd_fops;
/* Called by core on unbind, after `gone` is set: owner out, everybody woken. */
void nd_chardev_gone(struct nanodose *nd);

/* core.c: a struct nanodose that some file still holds open stays valid. */
#define nd_get(nd)	get_device(&(nd)->dev)
#define nd_put(nd)	put_device(&(nd)->dev)

/* debugfs.c */
void nd_debugfs_init(void);
void nd_debugfs_exit(void);
void nd_debugfs_add(struct nanodose *nd);
void nd_debugfs_remove(struct nanodose *nd);

/* sysfs.c */
extern const struct attribute_group *nd_groups[];

#endif /* _NANODOSE_H */
