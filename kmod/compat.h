/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Newer kernel interfaces under their newest names, for kernels from 6.1 on.
 * The only place with a version check.
 */
#ifndef _NANODOSE_COMPAT_H
#define _NANODOSE_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "nanodose needs Linux 6.1 or newer"
#endif

/* v6.13: hrtimer_init() and setting the function became hrtimer_setup() */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include <linux/hrtimer.h>

static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* v6.3: i2c_driver.probe lost its second argument, and with it probe_new */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define ND_I2C_PROBE	probe_new
#else
#define ND_I2C_PROBE	probe
#endif

/* v6.17: gpio_chip.set reports errors */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define ND_GPIO_SET_RESULT	void
#define ND_GPIO_SET_OK
#else
#define ND_GPIO_SET_RESULT	int
#define ND_GPIO_SET_OK		0
#endif

/* v6.11: i2c_algorithm.master_xfer became xfer */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define ND_I2C_XFER	master_xfer
#else
#define ND_I2C_XFER	xfer
#endif

#endif /* _NANODOSE_COMPAT_H */
