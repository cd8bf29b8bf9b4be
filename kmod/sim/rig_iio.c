// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pressure channel of a simulated rig: gauge pressure in the syringe, in
 * steps of 1 Pa. As on most chips there is one for the temperature beside it,
 * that of the room. Without IIO in the kernel the rig has none.
 */
#include <linux/err.h>

#include "rig.h"

#if IS_REACHABLE(CONFIG_IIO)
#include <linux/iio/driver.h>
#include <linux/iio/iio.h>
#include <linux/iio/machine.h>
#include <linux/minmax.h>
#include <linux/platform_device.h>

#define RIG_ROOM_MDEGC	25000

struct rig_pressure {
	struct sim_rig *rig;
	struct iio_map maps[2];
};

static int rig_pressure_pa(struct sim_rig *rig)
{
	unsigned long flags;
	s64 pa;

	raw_spin_lock_irqsave(&rig->lock, flags);
	sim_plant_advance(&rig->plant, sim_now());
	pa = sim_plant_pressure_pa(&rig->plant);
	pa += sim_noise(&rig->pressure_noise, rig->params.pressure_noise_pa);
	raw_spin_unlock_irqrestore(&rig->lock, flags);
	return clamp_t(s64, pa, INT_MIN, INT_MAX);
}

static int rig_iio_read(struct iio_dev *iio, struct iio_chan_spec const *channel, int *value,
			int *value2, long mask)
{
	struct rig_pressure *pressure = iio_priv(iio);

	if (sim_rig_refuses(pressure->rig))
		return -EIO;
	if (channel->type == IIO_TEMP) {
		*value = RIG_ROOM_MDEGC;
		return IIO_VAL_INT;
	}
	switch (mask) {
	case IIO_CHAN_INFO_RAW:
		*value = rig_pressure_pa(pressure->rig);
		return IIO_VAL_INT;
	case IIO_CHAN_INFO_SCALE:
		/* raw is in Pa, IIO wants kPa */
		*value = 0;
		*value2 = 1000;
		return IIO_VAL_INT_PLUS_MICRO;
	default:
		return -EINVAL;
	}
}

static const struct iio_info rig_iio_info = {
	.read_raw = rig_iio_read,
};

static const struct iio_chan_spec rig_iio_channels[] = {
	{
		.type = IIO_PRESSURE,
		.info_mask_separate = BIT(IIO_CHAN_INFO_RAW) | BIT(IIO_CHAN_INFO_SCALE),
		.datasheet_name = "pressure",
	}, {
		.type = IIO_TEMP,
		.info_mask_separate = BIT(IIO_CHAN_INFO_PROCESSED),
		.datasheet_name = "temperature",
	},
};

int sim_rig_iio_init(struct sim_rig *rig)
{
	struct rig_pressure *pressure;
	struct iio_dev *iio;
	int ret;

	iio = iio_device_alloc(rig->bench, sizeof(*pressure));
	if (!iio)
		return -ENOMEM;
	pressure = iio_priv(iio);
	pressure->rig = rig;
	/* empty, the pump of a device tree comes by its phandle */
	if (rig->own_bench)
		pressure->maps[0] = (struct iio_map){
			.adc_channel_label = "pressure",
			.consumer_dev_name = sim_rig_dev_name(rig),
			.consumer_channel = "pressure",
		};
	iio->name = "nanodose-sim-pressure";
	iio->label = rig->name;
	iio->info = &rig_iio_info;
	iio->modes = INDIO_DIRECT_MODE;
	iio->channels = rig_iio_channels;
	iio->num_channels = ARRAY_SIZE(rig_iio_channels);
	ret = iio_map_array_register(iio, pressure->maps);
	if (ret)
		goto err_free;
	ret = iio_device_register(iio);
	if (ret)
		goto err_maps;
	rig->pressure = iio;
	return 0;

err_maps:
	iio_map_array_unregister(iio);
err_free:
	iio_device_free(iio);
	return ret;
}

void sim_rig_iio_exit(struct sim_rig *rig)
{
	iio_device_unregister(rig->pressure);
	iio_map_array_unregister(rig->pressure);
	iio_device_free(rig->pressure);
}
#else
int sim_rig_iio_init(struct sim_rig *rig)
{
	return 0;
}

void sim_rig_iio_exit(struct sim_rig *rig)
{
}
#endif
