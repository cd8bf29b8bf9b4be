// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sensirion SF06 liquid flow sensors: SLF3S-0600F, SLF3S-1300F, SLF3S-4000B,
 * LD20-0600L, LD20-2600B. Plain I2C, all three words of a frame in one
 * transfer, each with its check sum.
 *
 * Times from the data sheet SLF3S-1300F, version 1.0, section 2.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/i2c.h>
#include <linux/mod_devicetable.h>
#include <linux/regulator/consumer.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "nanodose.h"
#include "sf06.h"

#define SF06_POWER_UP_US	25000
#define SF06_STOP_US		500
#define SF06_FIRST_FRAME_NS	(12 * NSEC_PER_MSEC)
/* The sensor measures at 2 kHz, and 100 kHz I2C takes 0.9 ms for a frame. */
#define SF06_MIN_PERIOD_NS	(1 * NSEC_PER_MSEC)
#define SF06_SEARCH_PERIOD	(2 * HZ)

struct sf06 {
	struct nd_flow_sensor sensor;
	const struct sf06_variant *variant;
	struct delayed_work search;	/* for a sensor that was not there at probe */
	bool measuring;
};

static struct sf06 *to_sf06(struct nd_flow_sensor *sensor)
{
	return container_of(sensor, struct sf06, sensor);
}

/* No answer and a short one are the same to callers: the bus failed. */
static int sf06_command(struct i2c_client *client, u16 command)
{
	const u8 wire[SF06_COMMAND_BYTES] = { command >> 8, command & 0xff };

	return i2c_master_send(client, wire, sizeof(wire)) == sizeof(wire) ? 0 : -EIO;
}

static int sf06_receive(struct i2c_client *client, u8 *wire, int count)
{
	return i2c_master_recv(client, wire, count) == count ? 0 : -EIO;
}

/* An idle sensor may refuse it; what matters is that none measures after it. */
static void sf06_halt(struct i2c_client *client)
{
	sf06_command(client, SF06_CMD_STOP);
	fsleep(SF06_STOP_US);
}

static int sf06_stop(struct nd_flow_sensor *sensor)
{
	sf06_halt(to_i2c_client(sensor->dev));
	to_sf06(sensor)->measuring = false;
	return 0;
}

static int sf06_start(struct nd_flow_sensor *sensor, u32 medium)
{
	u16 command = medium == NANODOSE_MEDIUM_IPA ? SF06_CMD_START_IPA : SF06_CMD_START_WATER;
	struct i2c_client *client = to_i2c_client(sensor->dev);
	int ret;

	/* It may have been left measuring, with the other medium. */
	sf06_halt(client);
	ret = sf06_command(client, command);
	if (ret) {
		/* Plugged in a moment ago, or asleep and woken by being addressed. */
		fsleep(SF06_POWER_UP_US);
		ret = sf06_command(client, command);
	}
	to_sf06(sensor)->measuring = !ret;
	return ret;
}

static int sf06_read(struct nd_flow_sensor *sensor, struct nd_flow_reading *reading)
{
	const struct sf06_variant *variant = to_sf06(sensor)->variant;
	u8 wire[SF06_FRAME_BYTES];
	struct sf06_frame frame;
	int ret;

	ret = sf06_receive(to_i2c_client(sensor->dev), wire, sizeof(wire));
	if (!ret)
		ret = sf06_decode_frame(wire, &frame);
	if (ret)
		return ret;

	reading->flow_pl_min = sf06_flow_pl_min(variant, frame.flow);
	reading->temperature_mdegc = sf06_temperature_mdegc(frame.temperature);
	reading->flags = frame.flags;
	return 0;
}

static void sf06_free(struct nd_flow_sensor *sensor)
{
	kfree(to_sf06(sensor));
}

static const struct nd_flow_ops sf06_ops = {
	.start = sf06_start,
	.stop = sf06_stop,
	.read = sf06_read,
	.free = sf06_free,
};

static int sf06_identify(struct i2c_client *client, u32 *number, u64 *serial)
{
	u8 wire[SF06_PRODUCT_ID_BYTES];
	int ret;

	/* After a warm reboot it may still be measuring; then it refuses the rest. */
	sf06_halt(client);

	ret = sf06_command(client, SF06_CMD_PRODUCT_ID_PREPARE);
	if (ret) {
		/* Asleep, and woken by being addressed. */
		fsleep(SF06_POWER_UP_US);
		ret = sf06_command(client, SF06_CMD_PRODUCT_ID_PREPARE);
	}
	if (!ret)
		ret = sf06_command(client, SF06_CMD_PRODUCT_ID_READ);
	if (!ret)
		ret = sf06_receive(client, wire, sizeof(wire));
	if (!ret)
		ret = sf06_decode_product_id(wire, number, serial);
	return ret;
}

static void sf06_name(struct sf06 *sf06, const struct sf06_variant *variant, u64 serial)
{
	struct nd_flow_sensor *sensor = &sf06->sensor;
	struct i2c_client *client = to_i2c_client(sensor->dev);

	if (strcmp(client->name, variant->name))
		dev_warn(sensor->dev, "described as %s, but is a %s: going by the sensor\n",
			 client->name, variant->name);
	sf06->variant = variant;
	sensor->model = variant->model;
	sensor->serial = serial;
	sensor->full_scale_pl_min = sf06_flow_pl_min(variant, variant->full_scale);
	sensor->min_period_ns = SF06_MIN_PERIOD_NS;
	sensor->start_ns = SF06_FIRST_FRAME_NS;
	sensor->has_ipa = variant->has_ipa;
}

/* -ENODEV: another kind of device; what else is wrong may be over the next time. */
static int sf06_find(struct sf06 *sf06)
{
	struct i2c_client *client = to_i2c_client(sf06->sensor.dev);
	const struct sf06_variant *variant;
	u32 number;
	u64 serial;
	int ret;

	ret = sf06_identify(client, &number, &serial);
	if (ret)
		return ret;
	variant = sf06_find_variant(number);
	if (!variant) {
		dev_err(&client->dev,
			"reg: what answers at 0x%02x has the product number 0x%08x, which is no SLF3S or LD20 sensor\n",
			client->addr, number);
		return -ENODEV;
	}
	sf06_name(sf06, variant, serial);
	nd_flow_sensor_add(&sf06->sensor);
	return 0;
}

static void sf06_search(struct work_struct *work)
{
	struct sf06 *sf06 = container_of(to_delayed_work(work), struct sf06, search);
	int ret = sf06_find(sf06);

	if (ret) {
		if (ret != -ENODEV)
			schedule_delayed_work(&sf06->search, SF06_SEARCH_PERIOD);
		return;
	}
	dev_info(sf06->sensor.dev, "the sensor answers now\n");
	nd_flow_sensor_bind_pumps(&sf06->sensor);
}

/* Pumps keep the object for as long as they need; the client is gone after this. */
static void sf06_unbind(void *data)
{
	struct sf06 *sf06 = data;

	cancel_delayed_work_sync(&sf06->search);
	mutex_lock(&sf06->sensor.lock);
	if (sf06->measuring)
		sf06_stop(&sf06->sensor);
	mutex_unlock(&sf06->sensor.lock);
	nd_flow_sensor_remove(&sf06->sensor);
}

static int sf06_probe(struct i2c_client *client)
{
	struct device *dev = &client->dev;
	struct sf06 *sf06;
	int ret;

	if (!i2c_check_functionality(client->adapter, I2C_FUNC_I2C))
		return dev_err_probe(dev, -EOPNOTSUPP, "the adapter has no plain I2C\n");

	ret = devm_regulator_get_enable_optional(dev, "vdd");
	if (ret && ret != -ENODEV)
		return dev_err_probe(dev, ret, "vdd-supply: cannot be switched on\n");
	fsleep(SF06_POWER_UP_US);

	sf06 = kzalloc(sizeof(*sf06), GFP_KERNEL);
	if (!sf06)
		return -ENOMEM;
	sf06->sensor.dev = dev;
	sf06->sensor.ops = &sf06_ops;
	nd_flow_sensor_init(&sf06->sensor);
	INIT_DELAYED_WORK(&sf06->search, sf06_search);
	ret = devm_add_action_or_reset(dev, sf06_unbind, sf06);
	if (ret)
		return ret;

	ret = sf06_find(sf06);
	if (ret == -ENODEV)
		return ret;
	if (ret) {
		dev_warn(dev,
			 "reg: no product identifier from address 0x%02x (%pe): is the sensor plugged in and powered? It is looked for every 2 s\n",
			 client->addr, ERR_PTR(ret));
		schedule_delayed_work(&sf06->search, SF06_SEARCH_PERIOD);
	}
	return 0;
}

static const struct i2c_device_id sf06_ids[] = {
	{ .name = "slf3s-0600f" },
	{ .name = "slf3s-1300f" },
	{ .name = "slf3s-4000b" },
	{ .name = "ld20-0600l" },
	{ .name = "ld20-2600b" },
	{ }
};
MODULE_DEVICE_TABLE(i2c, sf06_ids);

static const struct of_device_id sf06_of_ids[] = {
	{ .compatible = "sensirion,slf3s-0600f" },
	{ .compatible = "sensirion,slf3s-1300f" },
	{ .compatible = "sensirion,slf3s-4000b" },
	{ .compatible = "sensirion,ld20-0600l" },
	{ .compatible = "sensirion,ld20-2600b" },
	{ }
};
MODULE_DEVICE_TABLE(of, sf06_of_ids);

struct i2c_driver nd_flow_sf06_driver = {
	.driver = {
		.name = "nanodose-sf06",
		.of_match_table = sf06_of_ids,
	},
	.ND_I2C_PROBE = sf06_probe,
	.id_table = sf06_ids,
};
