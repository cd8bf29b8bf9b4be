// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rigs that a device tree describes: a GPIO controller, an I2C bus with what its
 * children say is on it, and a pressure channel. The pump is a node of its own
 * that refers to these, as on a board.
 */
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/property.h>

#include "../compat.h"
#include "rig.h"

static void rig_of_destroy(void *data)
{
	sim_rig_destroy(data);
}

static int rig_of_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct sim_params params;
	struct sim_rig *rig;
	const char *name;
	int ret;

	ret = device_property_read_string(dev, "label", &name);
	if (ret)
		return dev_err_probe(dev, ret, "label: missing, must be the name of the rig\n");
	sim_params_default(&params);
	ret = sim_params_read(dev, &params);
	if (ret)
		return ret;
	rig = sim_rig_create(name, &params, dev);
	if (IS_ERR(rig))
		return PTR_ERR(rig);
	return devm_add_action_or_reset(dev, rig_of_destroy, rig);
}

static const struct of_device_id rig_of_ids[] = {
	{ .compatible = "nanodose,sim-rig" },
	{ }
};
MODULE_DEVICE_TABLE(of, rig_of_ids);

struct platform_driver sim_rig_driver = {
	.driver = {
		.name = "nanodose-sim",
		.of_match_table = rig_of_ids,
	},
	.probe = rig_of_probe,
};
