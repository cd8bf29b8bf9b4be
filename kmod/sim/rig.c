// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a simulated rig: its parts are made in the order in which they
 * depend on each other, and taken down in reverse.
 */
#include <linux/gpio/machine.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "edges.h"
#include "rig.h"

static unsigned int rigs;
module_param(rigs, uint, 0444);
MODULE_PARM_DESC(rigs, "Number of rigs with default parameters to make at load");

#define RIGS_MAX		64

static DEFINE_IDA(rig_ids);

const char *sim_rig_dev_name(const struct sim_rig *rig)
{
	/* the bench has the pump's number, so it is known before the pump is there */
	return dev_name(rig->bench) + strlen("sim-");
}

/* 64-bit FNV-1a */
static u64 rig_serial(const char *name)
{
	u64 hash = 0xcbf29ce484222325ULL;

	while (*name)
		hash = (hash ^ (u8)*name++) * 0x100000001b3ULL;
	return hash;
}

static void rig_init_plant(struct sim_rig *rig)
{
	const struct sim_params *p = &rig->params;
	struct sim_plant_params plant = {
		.syringe_diameter_um = p->syringe_diameter_um,
		.lead_pitch_nm = p->lead_pitch_nm,
		.microsteps_per_rev = p->microsteps_per_rev,
		.compliance_fl_per_pa = p->compliance_fl_per_pa,
		.resistance_pa_s_per_ul = p->resistance_pa_s_per_ul,
		.back_pressure_pa = p->back_pressure_pa,
		.leak_fl_per_pa_s = p->leak_fl_per_pa_s,
		.dead_volume_nl = p->dead_volume_nl,
		.backlash_steps = p->backlash_steps,
		.stall_pressure_pa = p->stall_pressure_pa,
		.sensor_tau_us = p->sensor_tau_us,
	};
	u64 now_ns = sim_now();

	sim_plant_init(&rig->plant, &plant, now_ns);
	sim_sensor_init(&rig->sensor, p->sensor_model, rig_serial(rig->name), p->seed, now_ns);
	rig->sensor.gain_ppm = p->sensor_gain_ppm;
	rig->sensor.offset_pl_min = p->sensor_offset_pl_min;
	if (p->sensor_noise_pl_min >= 0)
		rig->sensor.noise_pl_min = p->sensor_noise_pl_min;
	rig->pressure_noise.state = ~(u64)p->seed;
}

static const struct {
	const char *name;
	enum sim_line line;
} pump_lines[] = {
	{ "step", SIM_STEP },
	{ "dir", SIM_DIR },
	{ "enable", SIM_ENABLE },
	{ "estop", SIM_ESTOP },
	{ "limit-plus", SIM_LIMIT_PLUS },
	{ "limit-minus", SIM_LIMIT_MINUS },
	{ "fault", SIM_DRIVER_FAULT },
};

/*
 * A table and not properties as for the rest: before v6.2 the GPIO core does
 * not look into software nodes.
 */
static int rig_init_lines(struct sim_rig *rig)
{
	struct gpiod_lookup_table *table;
	int i;

	if (!rig->own_bench)
		return 0;

	/* one more, empty, ends it */
	table = kzalloc(struct_size(table, table, ARRAY_SIZE(pump_lines) + 1), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	table->dev_id = sim_rig_dev_name(rig);
	for (i = 0; i < ARRAY_SIZE(pump_lines); i++)
		table->table[i] = GPIO_LOOKUP(rig->gpio_label, pump_lines[i].line,
					      pump_lines[i].name, GPIO_ACTIVE_HIGH);
	gpiod_add_lookup_table(table);
	rig->lines = table;
	return 0;
}

static void rig_exit_lines(struct sim_rig *rig)
{
	if (!rig->own_bench)
		return;
	gpiod_remove_lookup_table(rig->lines);
	kfree(rig->lines);
}

static int rig_init_pump(struct sim_rig *rig)
{
	const struct sim_params *p = &rig->params;
	const struct property_entry properties[] = {
		PROPERTY_ENTRY_STRING("label", rig->name),
		PROPERTY_ENTRY_U32("microsteps-per-revolution", p->microsteps_per_rev),
		PROPERTY_ENTRY_U32("lead-pitch-nanometers", p->lead_pitch_nm),
		PROPERTY_ENTRY_U32("pulse-width-ns", p->pulse_width_ns),
		PROPERTY_ENTRY_U32("dir-setup-ns", p->dir_setup_ns),
		PROPERTY_ENTRY_U32("dir-hold-ns", p->dir_hold_ns),
		PROPERTY_ENTRY_U32("max-step-rate-hz", p->max_step_rate_hz),
		PROPERTY_ENTRY_REF("flow-sensor", &rig->sensor_node),
		/* last, as it may be left out */
		p->step_both_edges ? PROPERTY_ENTRY_BOOL("step-both-edges") :
				     (struct property_entry){},
		{ }
	};
	const struct platform_device_info info = {
		.name = "nanodose",
		.id = rig->id,
		.parent = rig->bench,
		.properties = properties,
	};

	if (!rig->own_bench)
		return 0;
	rig->pump = platform_device_register_full(&info);
	return PTR_ERR_OR_ZERO(rig->pump);
}

/* What a device tree says of the state in which the bench is found. */
static void rig_read_state(struct sim_rig *rig)
{
	u32 high = 0;
	int i;

	if (device_property_read_bool(rig->bench, "sensor-unplugged"))
		sim_sensor_unplug(&rig->sensor, sim_now(), true);
	device_property_read_u32(rig->bench, "sensor-product-number", &rig->sensor.product_number);
	device_property_read_u32(rig->bench, "lines-high", &high);
	for (i = 0; i < SIM_LINES; i++)
		rig->level[i] = high & BIT(i) && !sim_is_output(i);
}

/* A bench of our own: nobody describes it, the sensor and the pump. */
static int rig_init_bench(struct sim_rig *rig)
{
	int ret;

	rig->own_bench = platform_device_register_simple("sim-nanodose", rig->id, NULL, 0);
	if (IS_ERR(rig->own_bench))
		return PTR_ERR(rig->own_bench);
	rig->bench = &rig->own_bench->dev;
	ret = software_node_register(&rig->sensor_node);
	if (ret)
		platform_device_unregister(rig->own_bench);
	return ret;
}

static void rig_exit_bench(struct sim_rig *rig)
{
	if (!rig->own_bench)
		return;
	software_node_unregister(&rig->sensor_node);
	platform_device_unregister(rig->own_bench);
}

struct sim_rig *sim_rig_create(const char *name, const struct sim_params *params,
			       struct device *bench)
{
	struct sim_rig *rig;
	int ret;

	rig = kzalloc(sizeof(*rig), GFP_KERNEL);
	if (!rig)
		return ERR_PTR(-ENOMEM);
	raw_spin_lock_init(&rig->lock);
	rig->params = *params;
	if (strscpy(rig->name, name, sizeof(rig->name)) < 0) {
		ret = -ENAMETOOLONG;
		goto err_free;
	}
	snprintf(rig->gpio_label, sizeof(rig->gpio_label), "nanodose-sim-%s", name);
	snprintf(rig->sensor_label, sizeof(rig->sensor_label), "nanodose-sim-%s-sensor", name);
	rig->sensor_node.name = rig->sensor_label;
	rig_init_plant(rig);

	rig->id = ida_alloc(&rig_ids, GFP_KERNEL);
	if (rig->id < 0) {
		ret = rig->id;
		goto err_free;
	}
	rig->edges = sim_edges_create();
	if (!rig->edges) {
		ret = -ENOMEM;
		goto err_id;
	}
	rig->bench = bench;
	ret = bench ? 0 : rig_init_bench(rig);
	if (ret)
		goto err_edges;
	if (bench)
		rig_read_state(rig);
	ret = sim_rig_gpio_init(rig);
	if (ret)
		goto err_bench;
	ret = sim_rig_i2c_init(rig);
	if (ret)
		goto err_gpio;
	ret = sim_rig_iio_init(rig);
	if (ret)
		goto err_i2c;
	ret = rig_init_lines(rig);
	if (ret)
		goto err_iio;
	sim_rig_debugfs_init(rig);
	ret = rig_init_pump(rig);
	if (ret)
		goto err_debugfs;
	return rig;

err_debugfs:
	sim_rig_debugfs_exit(rig);
	rig_exit_lines(rig);
err_iio:
	sim_rig_iio_exit(rig);
err_i2c:
	sim_rig_i2c_exit(rig);
err_gpio:
	sim_rig_gpio_exit(rig);
err_bench:
	rig_exit_bench(rig);
err_edges:
	sim_edges_put(rig->edges);
err_id:
	ida_free(&rig_ids, rig->id);
err_free:
	kfree(rig);
	return ERR_PTR(ret);
}

void sim_rig_destroy(struct sim_rig *rig)
{
	platform_device_unregister(rig->pump);
	sim_edges_end(rig->edges);
	sim_rig_debugfs_exit(rig);
	rig_exit_lines(rig);
	sim_rig_iio_exit(rig);
	sim_rig_i2c_exit(rig);
	sim_rig_gpio_exit(rig);
	rig_exit_bench(rig);
	sim_edges_put(rig->edges);
	ida_free(&rig_ids, rig->id);
	kfree(rig);
}

static int __init sim_init(void)
{
	int ret;

	if (rigs > RIGS_MAX) {
		pr_err("nanodose_sim: rigs=%u: at most %u\n", rigs, RIGS_MAX);
		return -EINVAL;
	}
	sim_debugfs_register();
	ret = platform_driver_register(&sim_rig_driver);
	if (ret)
		goto unregister_debugfs;
	ret = sim_configfs_register(rigs);
	if (ret)
		goto unregister_driver;
	return 0;

unregister_driver:
	platform_driver_unregister(&sim_rig_driver);
unregister_debugfs:
	sim_debugfs_unregister();
	return ret;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	sim_configfs_unregister();
	platform_driver_unregister(&sim_rig_driver);
	sim_debugfs_unregister();
	ida_destroy(&rig_ids);
}
module_exit(sim_exit);

MODULE_DESCRIPTION("Simulated rig for microfluidic dosing pumps");
MODULE_AUTHOR("nanodose maintainers");
MODULE_LICENSE("GPL");
