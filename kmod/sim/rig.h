/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One simulated rig: a pump axis with its bench around it, made of parts that
 * each live in a file of their own.
 *
 *	rig       - makes and takes down the parts, in order
 *	rig_gpio  - the lines between pump driver and motor
 *	rig_i2c   - the bus with the flow sensor
 *	rig_iio   - the pressure channel
 *	plant     - from steps to the outlet (pure)
 *	sensor    - the flow sensor's side of the bus (pure)
 *	edges     - time-stamped record of the output lines
 *	debugfs   - truth and faults, for tests
 *	configfs  - parameters, and the switch that makes a rig live
 *	rig_of    - rigs that a device tree describes; the pump is described there too
 *
 * rig.lock guards plant, sensor, noise and line levels; it is raw, as STEP is
 * driven from hard interrupt context also on PREEMPT_RT. The lock of the edge
 * record nests inside.
 */
#ifndef _NANODOSE_SIM_RIG_H
#define _NANODOSE_SIM_RIG_H

#include <linux/atomic.h>
#include <linux/gpio/driver.h>
#include <linux/i2c.h>
#include <linux/property.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "plant.h"
#include "sensor.h"

struct dentry;
struct gpiod_lookup_table;
struct iio_dev;
struct irq_domain;
struct platform_device;
struct sim_edges;

/* As in a device's label, which is the rig's name, with the NUL */
#define SIM_NAME_LEN		32

struct sim_params {
	s64 syringe_diameter_um;
	s64 lead_pitch_nm;
	s64 microsteps_per_rev;
	s64 max_step_rate_hz;
	s64 step_both_edges;		/* the motor driver steps on each edge */
	s64 pulse_width_ns;
	s64 dir_setup_ns;
	s64 dir_hold_ns;
	s64 compliance_fl_per_pa;
	s64 resistance_pa_s_per_ul;
	s64 back_pressure_pa;
	s64 leak_fl_per_pa_s;
	s64 dead_volume_nl;
	s64 backlash_steps;
	s64 stall_pressure_pa;
	s64 sensor_gain_ppm;
	s64 sensor_offset_pl_min;
	s64 sensor_noise_pl_min;	/* negative: typical of the model */
	s64 sensor_tau_us;
	s64 pressure_noise_pa;
	s64 seed;
	enum sim_sensor_model sensor_model;
};

enum sim_line {
	SIM_STEP,
	SIM_DIR,
	SIM_ENABLE,
	SIM_OUTPUTS,			/* of the driver under test */
	SIM_ESTOP = SIM_OUTPUTS,
	SIM_LIMIT_PLUS,
	SIM_LIMIT_MINUS,
	SIM_DRIVER_FAULT,
	SIM_HOME,
	SIM_SLEEP,			/* one more output */
	SIM_LINES,
};

static inline bool sim_is_output(enum sim_line line)
{
	return line < SIM_OUTPUTS || line == SIM_SLEEP;
}

enum sim_fault {
	SIM_FAULT_OCCLUSION,
	SIM_FAULT_AIR,
	SIM_FAULT_NACK,
	SIM_FAULT_CRC,
	SIM_FAULT_STUCK,
	SIM_FAULT_UNPLUG,
	SIM_FAULT_HIGH_FLOW,
	SIM_FAULT_STALL,
	SIM_FAULT_ESTOP,
	SIM_FAULT_LIMIT,
	SIM_FAULT_LEAK,
	SIM_FAULT_BUBBLE,
	SIM_FAULT_FREE_FLOW,
	SIM_FAULT_LATENCY,
	SIM_FAULT_DRIVER,
	SIM_FAULT_REFUSE_CALL,
	SIM_FAULT_HOME,
	SIM_FAULT_STRETCH,
	SIM_FAULT_LOCKUP,
	SIM_FAULTS,
};

struct sim_rig;

struct sim_fault_state {
	struct sim_rig *rig;
	enum sim_fault fault;
	s64 value;
};

struct sim_rig {
	char name[SIM_NAME_LEN];
	int id;
	struct sim_params params;
	struct device *bench;		/* parent of all parts */
	struct platform_device *own_bench;	/* NULL if a device tree describes it */

	raw_spinlock_t lock;
	struct sim_plant plant;
	struct sim_sensor sensor;
	struct sim_noise pressure_noise;
	bool level[SIM_LINES];
	u64 awake_ns;			/* of the motor driver: no step is taken before */

	char gpio_label[SIM_NAME_LEN + 16];
	struct gpio_chip gpio;
	bool driven[SIM_LINES];
	struct irq_domain *interrupts;
	unsigned int trigger[SIM_LINES];

	char sensor_label[SIM_NAME_LEN + 32];
	struct software_node sensor_node;
	struct i2c_adapter adapter;
	struct i2c_client *client;

	struct iio_dev *pressure;
	struct gpiod_lookup_table *lines;

	u32 stretch_us;			/* the sensor holds the clock in each message */
	bool locked_up;			/* or for good */
	atomic_t refuse_call;		/* the call that will fail, counted down to it */

	struct sim_edges *edges;
	struct dentry *dir;
	struct sim_fault_state faults[SIM_FAULTS];

	struct platform_device *pump;
};

/*
 * Make a rig with all its parts. May sleep. With a bench that a device tree
 * describes, sensor and pump are for that to describe; NULL: they are made too.
 */
struct sim_rig *sim_rig_create(const char *name, const struct sim_params *params,
			       struct device *bench);
/* Take it down, whatever its devices are used for. */
void sim_rig_destroy(struct sim_rig *rig);
/* Device name of the pump axis; not of one in a device tree */
const char *sim_rig_dev_name(const struct sim_rig *rig);

static inline u64 sim_now(void)
{
	return ktime_get_ns();
}

/*
 * Asked by each call of lines, bus and pressure channel that may fail: true for
 * the one that a test has chosen.
 */
static inline bool sim_rig_refuses(struct sim_rig *rig)
{
	return atomic_dec_if_positive(&rig->refuse_call) == 0;
}

int sim_rig_gpio_init(struct sim_rig *rig);
void sim_rig_gpio_exit(struct sim_rig *rig);
/* Level of an input of the driver; its interrupt is raised at once. */
void sim_rig_set_input(struct sim_rig *rig, enum sim_line line, bool level);

int sim_rig_i2c_init(struct sim_rig *rig);
void sim_rig_i2c_exit(struct sim_rig *rig);

int sim_rig_iio_init(struct sim_rig *rig);
void sim_rig_iio_exit(struct sim_rig *rig);

void sim_debugfs_register(void);
void sim_debugfs_unregister(void);
void sim_rig_debugfs_init(struct sim_rig *rig);
void sim_rig_debugfs_exit(struct sim_rig *rig);

void sim_params_default(struct sim_params *params);
/* By the properties of a device, named as in configfs with - for _. */
int sim_params_read(struct device *dev, struct sim_params *params);
extern struct platform_driver sim_rig_driver;

/* @rigs: how many default ones to make at once */
int sim_configfs_register(unsigned int rigs);
void sim_configfs_unregister(void);

#endif /* _NANODOSE_SIM_RIG_H */
