// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rigs are made in configfs: mkdir nanodose-sim/RIG, write its parameters,
 * then 1 to `live`. While it is live the parameters cannot change; 0 to
 * `live`, or rmdir, takes the rig down.
 */
#include <linux/configfs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "rig.h"

struct sim_item {
	struct config_group group;
	struct list_head node;		/* default rigs only */
	struct mutex lock;		/* the two below */
	struct sim_params params;
	struct sim_rig *rig;		/* NULL unless live */
};

static LIST_HEAD(default_items);

static struct sim_item *to_sim_item(struct config_item *item)
{
	return container_of(to_config_group(item), struct sim_item, group);
}

/* A stiff bench with a 1 mL syringe */
static const struct sim_params defaults = {
	.syringe_diameter_um = 4699,
	.lead_pitch_nm = 1000000,
	.microsteps_per_rev = 3200,
	.max_step_rate_hz = 40000,
	/* what the motor driver chip asks for */
	.pulse_width_ns = 2000,
	.dir_setup_ns = 1000,
	.dir_hold_ns = 1000,
	.compliance_fl_per_pa = 10000,
	.resistance_pa_s_per_ul = 28000,
	.dead_volume_nl = 20000,
	.sensor_noise_pl_min = -1,
	.sensor_tau_us = 20000,
	.pressure_noise_pa = 20,
	.seed = 1,
	.sensor_model = SIM_SLF3S_0600F,
};

struct sim_param {
	const char *key;
	size_t offset;			/* of an s64 in struct sim_params */
	s64 least, most;
};

static s64 *param_of(struct sim_item *sim, const struct sim_param *param)
{
	return (void *)&sim->params + param->offset;
}

static ssize_t param_show(struct config_item *item, const struct sim_param *param, char *page)
{
	return sysfs_emit(page, "%lld\n", *param_of(to_sim_item(item), param));
}

static ssize_t param_store(struct config_item *item, const struct sim_param *param,
			   const char *page, size_t size)
{
	struct sim_item *sim = to_sim_item(item);
	s64 value;
	int ret;

	ret = kstrtoll(page, 0, &value);
	if (ret)
		return ret;
	if (value < param->least || value > param->most)
		return -EINVAL;
	mutex_lock(&sim->lock);
	if (sim->rig)
		ret = -EBUSY;
	else
		*param_of(sim, param) = value;
	mutex_unlock(&sim->lock);
	return ret ? ret : size;
}

/* A parameter that is an integer from @smallest to @largest */
#define SIM_PARAM(name, smallest, largest)					\
static const struct sim_param name##_param = {					\
	.key = #name,								\
	.offset = offsetof(struct sim_params, name),				\
	.least = (smallest),							\
	.most = (largest),							\
};										\
										\
static ssize_t sim_##name##_show(struct config_item *item, char *page)		\
{										\
	return param_show(item, &name##_param, page);				\
}										\
										\
static ssize_t sim_##name##_store(struct config_item *item, const char *page,	\
				  size_t size)					\
{										\
	return param_store(item, &name##_param, page, size);			\
}										\
										\
static struct configfs_attribute sim_attr_##name = {				\
	.ca_name = #name,							\
	.ca_mode = 0644,							\
	.ca_owner = THIS_MODULE,						\
	.show = sim_##name##_show,						\
	.store = sim_##name##_store,						\
}

SIM_PARAM(syringe_diameter_um, 50, 60000);
SIM_PARAM(lead_pitch_nm, 1000, 50000000);
SIM_PARAM(microsteps_per_rev, 1, 1000000);
SIM_PARAM(max_step_rate_hz, 1, 1000000);
SIM_PARAM(step_both_edges, 0, 1);
SIM_PARAM(pulse_width_ns, 0, 1000000);
SIM_PARAM(dir_setup_ns, 0, 10000000);
SIM_PARAM(dir_hold_ns, 0, 10000000);
SIM_PARAM(compliance_fl_per_pa, 10, 100000000);
SIM_PARAM(resistance_pa_s_per_ul, 1, 100000000);
SIM_PARAM(back_pressure_pa, -90000, 10000000);
SIM_PARAM(leak_fl_per_pa_s, 0, 10000000);
SIM_PARAM(dead_volume_nl, 0, 100000000);
SIM_PARAM(backlash_steps, 0, 1000000);
SIM_PARAM(stall_pressure_pa, 0, 100000000);
SIM_PARAM(sensor_gain_ppm, -500000, 500000);
SIM_PARAM(sensor_offset_pl_min, -100000000000LL, 100000000000LL);
SIM_PARAM(sensor_tau_us, 0, 10000000);
SIM_PARAM(pressure_noise_pa, 0, 1000000);
SIM_PARAM(seed, 0, S64_MAX);

static const struct sim_param noise_param = {
	.key = "sensor_noise_pl_min",
	.offset = offsetof(struct sim_params, sensor_noise_pl_min),
	.most = 100000000000LL,
};

static ssize_t sim_sensor_noise_pl_min_show(struct config_item *item, char *page)
{
	const struct sim_params *params = &to_sim_item(item)->params;
	s64 noise = params->sensor_noise_pl_min;

	if (noise < 0)
		noise = sim_sensor_typical_noise_pl_min(params->sensor_model);
	return sysfs_emit(page, "%lld\n", noise);
}

static ssize_t sim_sensor_noise_pl_min_store(struct config_item *item, const char *page,
					     size_t size)
{
	return param_store(item, &noise_param, page, size);
}
CONFIGFS_ATTR(sim_, sensor_noise_pl_min);

static ssize_t sim_sensor_model_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n",
			  sim_sensor_types[to_sim_item(item)->params.sensor_model].name);
}

static ssize_t sim_sensor_model_store(struct config_item *item, const char *page, size_t size)
{
	struct sim_item *sim = to_sim_item(item);
	int i, ret = 0;

	for (i = 0; i < SIM_SENSOR_MODELS; i++) {
		if (sysfs_streq(page, sim_sensor_types[i].name))
			break;
	}
	if (i == SIM_SENSOR_MODELS)
		return -EINVAL;
	mutex_lock(&sim->lock);
	if (sim->rig)
		ret = -EBUSY;
	else
		sim->params.sensor_model = i;
	mutex_unlock(&sim->lock);
	return ret ? ret : size;
}
CONFIGFS_ATTR(sim_, sensor_model);

/* All that are numbers */
static const struct sim_param * const number_params[] = {
	&syringe_diameter_um_param,
	&lead_pitch_nm_param,
	&microsteps_per_rev_param,
	&max_step_rate_hz_param,
	&step_both_edges_param,
	&pulse_width_ns_param,
	&dir_setup_ns_param,
	&dir_hold_ns_param,
	&compliance_fl_per_pa_param,
	&resistance_pa_s_per_ul_param,
	&back_pressure_pa_param,
	&leak_fl_per_pa_s_param,
	&dead_volume_nl_param,
	&backlash_steps_param,
	&stall_pressure_pa_param,
	&sensor_gain_ppm_param,
	&sensor_offset_pl_min_param,
	&sensor_tau_us_param,
	&pressure_noise_pa_param,
	&seed_param,
	&noise_param,
};

void sim_params_default(struct sim_params *params)
{
	*params = defaults;
}

/* The value of a property has 32 bits, with a sign where the parameter has one. */
static int param_read(struct device *dev, struct sim_params *params, const struct sim_param *param)
{
	char property[SIM_NAME_LEN];
	u32 number;
	s64 value;
	int ret;

	strscpy(property, param->key, sizeof(property));
	strreplace(property, '_', '-');
	if (!device_property_present(dev, property))
		return 0;
	ret = device_property_read_u32(dev, property, &number);
	if (ret)
		return dev_err_probe(dev, ret, "%s: must be one number\n", property);
	value = param->least < 0 ? (s64)(s32)number : number;
	if (value < param->least || value > param->most)
		return dev_err_probe(dev, -EINVAL, "%s: %lld, must be from %lld to %lld\n",
				     property, value, param->least, param->most);
	*(s64 *)((void *)params + param->offset) = value;
	return 0;
}

int sim_params_read(struct device *dev, struct sim_params *params)
{
	const char *model;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(number_params); i++) {
		ret = param_read(dev, params, number_params[i]);
		if (ret)
			return ret;
	}
	if (device_property_read_string(dev, "sensor-model", &model))
		return 0;
	for (i = 0; i < SIM_SENSOR_MODELS; i++) {
		if (!strcmp(model, sim_sensor_types[i].name)) {
			params->sensor_model = i;
			return 0;
		}
	}
	return dev_err_probe(dev, -EINVAL, "sensor-model: no such sensor: %s\n", model);
}

static int item_set_live(struct sim_item *item, bool live)
{
	struct sim_rig *rig;
	int ret = 0;

	mutex_lock(&item->lock);
	if (live && !item->rig) {
		rig = sim_rig_create(config_item_name(&item->group.cg_item), &item->params,
				     NULL);
		if (IS_ERR(rig))
			ret = PTR_ERR(rig);
		else
			item->rig = rig;
	} else if (!live && item->rig) {
		sim_rig_destroy(item->rig);
		item->rig = NULL;
	}
	mutex_unlock(&item->lock);
	return ret;
}

static ssize_t sim_live_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", !!READ_ONCE(to_sim_item(item)->rig));
}

static ssize_t sim_live_store(struct config_item *item, const char *page, size_t size)
{
	bool live;
	int ret;

	ret = kstrtobool(page, &live);
	if (ret)
		return ret;
	ret = item_set_live(to_sim_item(item), live);
	return ret ? ret : size;
}
CONFIGFS_ATTR(sim_, live);

/* Name of the pump's platform device; empty unless live */
static ssize_t sim_dev_name_show(struct config_item *item, char *page)
{
	struct sim_item *sim = to_sim_item(item);
	ssize_t len;

	mutex_lock(&sim->lock);
	len = sysfs_emit(page, "%s\n", sim->rig ? sim_rig_dev_name(sim->rig) : "");
	mutex_unlock(&sim->lock);
	return len;
}
CONFIGFS_ATTR_RO(sim_, dev_name);

static struct configfs_attribute *sim_attrs[] = {
	&sim_attr_syringe_diameter_um,
	&sim_attr_lead_pitch_nm,
	&sim_attr_microsteps_per_rev,
	&sim_attr_max_step_rate_hz,
	&sim_attr_step_both_edges,
	&sim_attr_pulse_width_ns,
	&sim_attr_dir_setup_ns,
	&sim_attr_dir_hold_ns,
	&sim_attr_compliance_fl_per_pa,
	&sim_attr_resistance_pa_s_per_ul,
	&sim_attr_back_pressure_pa,
	&sim_attr_leak_fl_per_pa_s,
	&sim_attr_dead_volume_nl,
	&sim_attr_backlash_steps,
	&sim_attr_stall_pressure_pa,
	&sim_attr_sensor_model,
	&sim_attr_sensor_gain_ppm,
	&sim_attr_sensor_offset_pl_min,
	&sim_attr_sensor_noise_pl_min,
	&sim_attr_sensor_tau_us,
	&sim_attr_pressure_noise_pa,
	&sim_attr_seed,
	&sim_attr_live,
	&sim_attr_dev_name,
	NULL
};

static void sim_item_release(struct config_item *item)
{
	struct sim_item *sim = to_sim_item(item);

	mutex_destroy(&sim->lock);
	kfree(sim);
}

static struct configfs_item_operations sim_item_ops = {
	.release = sim_item_release,
};

static const struct config_item_type sim_item_type = {
	.ct_item_ops = &sim_item_ops,
	.ct_attrs = sim_attrs,
	.ct_owner = THIS_MODULE,
};

static struct sim_item *sim_item_new(const char *name)
{
	struct sim_item *sim;

	/* it is to be a label, a device's name and a folder in debugfs */
	if (strlen(name) >= SIM_NAME_LEN)
		return ERR_PTR(-ENAMETOOLONG);
	sim = kzalloc(sizeof(*sim), GFP_KERNEL);
	if (!sim)
		return ERR_PTR(-ENOMEM);
	mutex_init(&sim->lock);
	sim->params = defaults;
	config_group_init_type_name(&sim->group, name, &sim_item_type);
	return sim;
}

static struct config_group *sim_make_group(struct config_group *parent, const char *name)
{
	struct sim_item *sim = sim_item_new(name);

	return IS_ERR(sim) ? ERR_CAST(sim) : &sim->group;
}

static void sim_drop_item(struct config_group *parent, struct config_item *item)
{
	item_set_live(to_sim_item(item), false);
	config_item_put(item);
}

static struct configfs_group_operations sim_group_ops = {
	.make_group = sim_make_group,
	.drop_item = sim_drop_item,
};

static const struct config_item_type sim_subsystem_type = {
	.ct_group_ops = &sim_group_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem sim_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "nanodose-sim",
			.ci_type = &sim_subsystem_type,
		},
	},
};

static void drop_default_items(void)
{
	struct sim_item *sim, *next;

	list_for_each_entry_safe_reverse(sim, next, &default_items, node) {
		list_del(&sim->node);
		item_set_live(sim, false);
		configfs_unregister_group(&sim->group);
		config_group_put(&sim->group);
	}
}

static int make_default_item(unsigned int number)
{
	char name[SIM_NAME_LEN];
	struct sim_item *sim;
	int ret;

	snprintf(name, sizeof(name), "rig%u", number);
	sim = sim_item_new(name);
	if (IS_ERR(sim))
		return PTR_ERR(sim);
	ret = configfs_register_group(&sim_subsystem.su_group, &sim->group);
	if (ret) {
		config_group_put(&sim->group);
		return ret;
	}
	list_add_tail(&sim->node, &default_items);
	return item_set_live(sim, true);
}

int sim_configfs_register(unsigned int rigs)
{
	unsigned int i;
	int ret;

	config_group_init(&sim_subsystem.su_group);
	mutex_init(&sim_subsystem.su_mutex);
	ret = configfs_register_subsystem(&sim_subsystem);
	if (ret)
		return ret;
	for (i = 0; i < rigs; i++) {
		ret = make_default_item(i);
		if (ret) {
			sim_configfs_unregister();
			return ret;
		}
	}
	return 0;
}

void sim_configfs_unregister(void)
{
	drop_default_items();
	configfs_unregister_subsystem(&sim_subsystem);
	mutex_destroy(&sim_subsystem.su_mutex);
}
