// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IIO device whose scans are as large as a record of nanodose, 64 bytes with
 * their time stamp, in the usual buffer. As many as are written to the module's
 * parameter `push` are pushed.
 */
#include <linux/err.h>
#include <linux/iio/buffer.h>
#include <linux/iio/iio.h>
#include <linux/iio/kfifo_buf.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#define CHANNELS	7

static struct platform_device *parent;
static struct iio_dev *source;

#define CHANNEL(number)					\
	{						\
		.type = IIO_PRESSURE,			\
		.indexed = 1,				\
		.channel = (number),			\
		.scan_index = (number),			\
		.scan_type = {				\
			.sign = 's',			\
			.realbits = 64,			\
			.storagebits = 64,		\
			.endianness = IIO_CPU,		\
		},					\
	}

static const struct iio_chan_spec channels[] = {
	CHANNEL(0), CHANNEL(1), CHANNEL(2), CHANNEL(3), CHANNEL(4), CHANNEL(5), CHANNEL(6),
	IIO_CHAN_SOFT_TIMESTAMP(CHANNELS),
};

static const struct iio_info info = { };
static const struct iio_buffer_setup_ops setup = { };

static int push_set(const char *text, const struct kernel_param *parameter)
{
	s64 scan[CHANNELS + 1] = { };
	unsigned int count;
	int ret = kstrtouint(text, 0, &count);

	while (!ret && count--)
		ret = iio_push_to_buffers_with_timestamp(source, scan, iio_get_time_ns(source));
	return ret;
}

static const struct kernel_param_ops push_ops = {
	.set = push_set,
};
module_param_cb(push, &push_ops, NULL, 0200);

static int __init iio_source_init(void)
{
	int ret;

	parent = platform_device_register_simple("iio-source", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	source = iio_device_alloc(&parent->dev, 0);
	if (!source) {
		ret = -ENOMEM;
		goto unregister;
	}
	source->name = "iio-source";
	source->info = &info;
	source->modes = INDIO_DIRECT_MODE;
	source->channels = channels;
	source->num_channels = ARRAY_SIZE(channels);
	ret = devm_iio_kfifo_buffer_setup(&source->dev, source, &setup);
	if (!ret)
		ret = iio_device_register(source);
	if (!ret)
		return 0;
	iio_device_free(source);
unregister:
	platform_device_unregister(parent);
	return ret;
}
module_init(iio_source_init);

static void __exit iio_source_exit(void)
{
	iio_device_unregister(source);
	iio_device_free(source);
	platform_device_unregister(parent);
}
module_exit(iio_source_exit);

MODULE_DESCRIPTION("Scans of 64 bytes in an IIO buffer");
MODULE_LICENSE("GPL");
