// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pressure in the line: an IIO channel of some other driver, optional.
 */
#include <linux/err.h>
#include <linux/kconfig.h>
#include <linux/property.h>

#include "nanodose.h"

#if IS_REACHABLE(CONFIG_IIO)
#include <linux/iio/consumer.h>
#include <linux/iio/types.h>

#define ND_PA_PER_KPA	1000	/* IIO gives pressures in kPa */

int nd_pressure_probe(struct nanodose *nd)
{
	struct iio_channel *channel = devm_iio_channel_get(nd->parent, "pressure");
	int ret = PTR_ERR_OR_ZERO(channel);
	enum iio_chan_type type;

	/* the board describes none, in a tree or by a map */
	if ((ret == -EINVAL || ret == -ENODEV) &&
	    !device_property_present(nd->parent, "io-channels"))
		return 0;
	if (ret)
		return dev_err_probe(nd->parent, ret,
				     "io-channels: no channel by the name of pressure\n");
	/* kPa is the unit of this type and of no other */
	ret = iio_get_channel_type(channel, &type);
	if (ret)
		return dev_err_probe(nd->parent, ret, "io-channels: the channel is gone\n");
	if (type != IIO_PRESSURE)
		return dev_err_probe(nd->parent, -EINVAL,
				     "io-channels: the channel measures no pressure, must be of that type\n");
	nd->flow.pressure = channel;
	return 0;
}

int nd_pressure_read(struct nanodose *nd, s32 *pressure_pa)
{
	struct iio_channel *channel = nd->flow.pressure;
	int ret, value, fraction = 0;

	/*
	 * A sensor that computes for itself gives kPa with a fraction, which the
	 * helper that scales would cut off.
	 */
	ret = iio_read_channel_attribute(channel, &value, &fraction, IIO_CHAN_INFO_PROCESSED);
	switch (ret) {
	case IIO_VAL_INT:
		*pressure_pa = value * ND_PA_PER_KPA;
		return 0;
	case IIO_VAL_INT_PLUS_MICRO:
		*pressure_pa = value * ND_PA_PER_KPA + fraction / 1000;
		return 0;
	case IIO_VAL_INT_PLUS_NANO:
		*pressure_pa = value * ND_PA_PER_KPA + fraction / 1000000;
		return 0;
	}

	ret = iio_read_channel_raw(channel, &value);
	if (ret < 0)
		return ret;
	ret = iio_convert_raw_to_processed(channel, value, pressure_pa, ND_PA_PER_KPA);
	return ret < 0 ? ret : 0;
}

#else

int nd_pressure_probe(struct nanodose *nd)
{
	return 0;
}

int nd_pressure_read(struct nanodose *nd, s32 *pressure_pa)
{
	return -EOPNOTSUPP;
}

#endif
