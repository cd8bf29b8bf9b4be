// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I2C bus of a simulated rig, with nothing on it but the flow sensor.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>

#include "../compat.h"
#include "rig.h"

/* As controllers have it: a clock held low for so long counts as lost. */
#define RIG_I2C_TIMEOUT_US	20000

static int rig_i2c_clock(struct sim_rig *rig)
{
	u32 us = READ_ONCE(rig->stretch_us);
	bool lost = READ_ONCE(rig->locked_up) || us > RIG_I2C_TIMEOUT_US;

	if (lost)
		us = RIG_I2C_TIMEOUT_US;
	if (us)
		usleep_range(us, us + us / 16);
	return lost ? -ETIMEDOUT : 0;
}

static int rig_i2c_message(struct sim_rig *rig, struct i2c_msg *msg)
{
	unsigned long flags;
	bool there;
	int taken;
	int ret;

	if (msg->flags & I2C_M_TEN)
		return -EOPNOTSUPP;
	ret = rig_i2c_clock(rig);
	if (ret)
		return ret;
	if (sim_rig_refuses(rig))
		return -EIO;
	if (msg->flags & I2C_M_RD) {
		raw_spin_lock_irqsave(&rig->lock, flags);
		there = msg->addr == SIM_SENSOR_ADDRESS &&
			sim_sensor_read(&rig->sensor, &rig->plant, sim_now(), msg->buf, msg->len);
		raw_spin_unlock_irqrestore(&rig->lock, flags);
		return there ? 0 : -ENXIO;
	}
	raw_spin_lock_irqsave(&rig->lock, flags);
	taken = sim_sensor_write(&rig->sensor, &rig->plant, sim_now(), msg->addr, msg->buf,
				 msg->len);
	raw_spin_unlock_irqrestore(&rig->lock, flags);
	if (taken < 0)
		return -ENXIO;
	return taken < msg->len ? -EIO : 0;
}

static int rig_i2c_xfer(struct i2c_adapter *adapter, struct i2c_msg *msgs, int count)
{
	struct sim_rig *rig = i2c_get_adapdata(adapter);
	int i, ret;

	for (i = 0; i < count; i++) {
		ret = rig_i2c_message(rig, &msgs[i]);
		if (ret)
			return ret;
	}
	return count;
}

static u32 rig_i2c_functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | (I2C_FUNC_SMBUS_EMUL & ~I2C_FUNC_SMBUS_QUICK);
}

static const struct i2c_algorithm rig_i2c_algorithm = {
	.ND_I2C_XFER = rig_i2c_xfer,
	.functionality = rig_i2c_functionality,
};

int sim_rig_i2c_init(struct sim_rig *rig)
{
	struct i2c_adapter *adapter = &rig->adapter;
	struct i2c_board_info info = {
		.addr = SIM_SENSOR_ADDRESS,
		.swnode = &rig->sensor_node,
	};
	int ret;

	adapter->owner = THIS_MODULE;
	adapter->algo = &rig_i2c_algorithm;
	adapter->dev.parent = rig->bench;
	if (!rig->own_bench)
		adapter->dev.of_node = of_get_child_by_name(rig->bench->of_node, "i2c");
	snprintf(adapter->name, sizeof(adapter->name), "nanodose-sim %s", rig->name);
	i2c_set_adapdata(adapter, rig);
	ret = i2c_add_adapter(adapter);
	if (ret) {
		of_node_put(adapter->dev.of_node);
		return ret;
	}
	if (!rig->own_bench)
		return 0;
	strscpy(info.type, rig->sensor.type->name, sizeof(info.type));
	rig->client = i2c_new_client_device(adapter, &info);
	if (IS_ERR(rig->client)) {
		i2c_del_adapter(adapter);
		return PTR_ERR(rig->client);
	}
	return 0;
}

void sim_rig_i2c_exit(struct sim_rig *rig)
{
	struct device_node *node = rig->adapter.dev.of_node;

	i2c_unregister_device(rig->client);
	i2c_del_adapter(&rig->adapter);
	of_node_put(node);
}
