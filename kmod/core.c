// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binding to a pump axis that the board describes, and letting go of it, which
 * may happen at any time with files open, blocked and polled.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/idr.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/property.h>
#include <linux/regulator/consumer.h>
#include <linux/slab.h>

#include "nanodose.h"

#define ND_MINORS	256

/* Gears included. */
#define ND_MICROSTEPS_PER_REV_MAX	10000000
/* A screw with finer or coarser thread does not exist. */
#define ND_LEAD_PITCH_NM_MIN		1000
#define ND_LEAD_PITCH_NM_MAX		100000000

static dev_t nd_devt;
static DEFINE_IDA(nd_ida);

static struct class nd_class = {
	.name = "nanodose",
};

/* The last reference, of driver or open file, is gone. */
static void nd_release(struct device *dev)
{
	struct nanodose *nd = container_of(dev, struct nanodose, dev);

	nd_flow_remove(nd);
	ida_free(&nd_ida, nd->id);
	mutex_destroy(&nd->lock);
	kfree(nd);
}

static void nd_drop(void *data)
{
	struct nanodose *nd = data;

	nd_put(nd);
}

static struct nanodose *nd_alloc(struct device *parent)
{
	struct nanodose *nd;
	int ret;

	nd = kzalloc(sizeof(*nd), GFP_KERNEL);
	if (!nd)
		return ERR_PTR(-ENOMEM);
	nd->id = ida_alloc_max(&nd_ida, ND_MINORS - 1, GFP_KERNEL);
	if (nd->id < 0) {
		ret = nd->id;
		kfree(nd);
		return ERR_PTR(ret);
	}

	/* From here on nd_release() frees what was made. */
	mutex_init(&nd->lock);
	device_initialize(&nd->dev);
	nd->parent = parent;
	nd->dev.parent = parent;
	nd->dev.class = &nd_class;
	nd->dev.groups = nd_groups;
	nd->dev.devt = MKDEV(MAJOR(nd_devt), nd->id);
	nd->dev.release = nd_release;
	ret = devm_add_action_or_reset(parent, nd_drop, nd);
	if (!ret)
		ret = dev_set_name(&nd->dev, "nanodose%d", nd->id);
	return ret ? ERR_PTR(ret) : nd;
}

static int nd_read_u32(struct device *dev, const char *property, u32 *value, u32 min, u32 max)
{
	int ret = device_property_read_u32(dev, property, value);

	if (ret)
		return dev_err_probe(dev, ret, "%s: missing, must be a number\n", property);
	if (*value < min || *value > max)
		return dev_err_probe(dev, -EINVAL, "%s: %u, must be from %u to %u\n",
				     property, *value, min, max);
	return 0;
}

static int nd_read_properties(struct nanodose *nd)
{
	struct device *dev = nd->parent;
	const char *label;
	int ret;

	ret = device_property_read_string(dev, "label", &label);
	if (!ret && strscpy(nd->label, label, sizeof(nd->label)) < 0)
		return dev_err_probe(dev, -EINVAL, "label: longer than %zu characters\n",
				     sizeof(nd->label) - 1);
	if (!ret && !*label)
		return dev_err_probe(dev, -EINVAL, "label: is empty, must be a string\n");
	if (ret && device_property_present(dev, "label"))
		return dev_err_probe(dev, ret, "label: must be a string\n");

	ret = nd_read_u32(dev, "microsteps-per-revolution", &nd->microsteps_per_rev,
			  1, ND_MICROSTEPS_PER_REV_MAX);
	if (ret)
		return ret;
	return nd_read_u32(dev, "lead-pitch-nanometers", &nd->lead_pitch_nm,
			   ND_LEAD_PITCH_NM_MIN, ND_LEAD_PITCH_NM_MAX);
}

/* Of the motor driver; on after its inputs have been brought to rest. */
static int nd_supplies(struct device *dev)
{
	static const char * const supplies[] = { "vio", "vm" };
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(supplies); i++) {
		ret = devm_regulator_get_enable_optional(dev, supplies[i]);
		if (ret && ret != -ENODEV)
			return dev_err_probe(dev, ret, "%s-supply: cannot be switched on\n",
					     supplies[i]);
	}
	return 0;
}

/* Everything stops and everybody learns of it; files that are open stay valid. */
static void nd_unbind(struct nanodose *nd)
{
	mutex_lock(&nd->lock);
	WRITE_ONCE(nd->gone, true);
	mutex_unlock(&nd->lock);

	nd_engine_shutdown(nd);
	nd_gpio_disarm(nd);
	nd_flow_stop(nd);
	nd_chardev_gone(nd);
}

static void nd_remove(void *data)
{
	struct nanodose *nd = data;

	nd_debugfs_remove(nd);
	nd_unbind(nd);
	cdev_device_del(&nd->cdev, &nd->dev);
}

/* User space is frozen: nobody is in a call, and nobody can be told. */
static int nd_suspend(struct device *dev)
{
	struct nanodose *nd = dev_get_drvdata(dev);

	mutex_lock(&nd->lock);
	nd_engine_suspend(nd);
	nd_flow_stop(nd);
	nd_engine_push_state(nd, NANODOSE_CAUSE_SUSPEND, 0);
	mutex_unlock(&nd->lock);
	return 0;
}

/* At rest, whatever was going on: what moves next is for the owner to say. */
static int nd_resume(struct device *dev)
{
	struct nanodose *nd = dev_get_drvdata(dev);
	int ret = nd_engine_resume(nd);

	nd_gpio_look(nd);
	nd_engine_push_state(nd, NANODOSE_CAUSE_RESUME, 0);
	return ret;
}

static DEFINE_SIMPLE_DEV_PM_OPS(nd_pm_ops, nd_suspend, nd_resume);

static int nd_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct nanodose *nd;
	int ret;

	nd = nd_alloc(dev);
	if (IS_ERR(nd))
		return PTR_ERR(nd);

	dev_set_drvdata(dev, nd);
	ret = nd_read_properties(nd);
	if (ret)
		return ret;
	ret = nd_gpio_probe(nd);
	if (ret)
		return ret;
	ret = nd_supplies(dev);
	if (ret)
		return ret;
	nd_stream_init(&nd->stream);
	ret = nd_flow_probe(nd);
	if (ret)
		return ret;
	ret = nd_pressure_probe(nd);
	if (ret)
		return ret;
	ret = nd_engine_init(nd);
	if (ret)
		return ret;
	nd_guard_init(nd);

	/* The safety inputs act before anybody can ask for a step. */
	ret = nd_gpio_arm(nd);
	if (ret) {
		nd_unbind(nd);
		return ret;
	}
	cdev_init(&nd->cdev, &nd_fops);
	nd->cdev.owner = THIS_MODULE;
	ret = cdev_device_add(&nd->cdev, &nd->dev);
	if (ret) {
		nd_unbind(nd);
		return dev_err_probe(dev, ret, "cannot make the character device\n");
	}
	nd_debugfs_add(nd);
	return devm_add_action_or_reset(dev, nd_remove, nd);
}

/* "nanodose" for boards and models that describe an axis without a device tree. */
static const struct platform_device_id nd_ids[] = {
	{ .name = "nanodose" },
	{ }
};
MODULE_DEVICE_TABLE(platform, nd_ids);

static const struct of_device_id nd_of_ids[] = {
	{ .compatible = "ti,drv8825" },
	{ .compatible = "adi,tmc2209" },
	{ }
};
MODULE_DEVICE_TABLE(of, nd_of_ids);

static struct platform_driver nd_driver = {
	.driver = {
		.name = "nanodose",
		.of_match_table = nd_of_ids,
		.pm = pm_sleep_ptr(&nd_pm_ops),
	},
	.probe = nd_probe,
	.id_table = nd_ids,
};

static int __init nd_init(void)
{
	int ret;

	nd_debugfs_init();
	ret = class_register(&nd_class);
	if (ret)
		goto remove_debugfs;
	ret = alloc_chrdev_region(&nd_devt, 0, ND_MINORS, "nanodose");
	if (ret)
		goto unregister_class;
	ret = i2c_add_driver(&nd_flow_sf06_driver);
	if (ret)
		goto unregister_region;
	ret = platform_driver_register(&nd_driver);
	if (ret)
		goto delete_i2c_driver;
	return 0;

delete_i2c_driver:
	i2c_del_driver(&nd_flow_sf06_driver);
unregister_region:
	unregister_chrdev_region(nd_devt, ND_MINORS);
unregister_class:
	class_unregister(&nd_class);
remove_debugfs:
	nd_debugfs_exit();
	return ret;
}
module_init(nd_init);

static void __exit nd_exit(void)
{
	platform_driver_unregister(&nd_driver);
	i2c_del_driver(&nd_flow_sf06_driver);
	unregister_chrdev_region(nd_devt, ND_MINORS);
	class_unregister(&nd_class);
	nd_debugfs_exit();
	ida_destroy(&nd_ida);
}
module_exit(nd_exit);

MODULE_DESCRIPTION("Microfluidic dosing pumps");
MODULE_LICENSE("GPL");
