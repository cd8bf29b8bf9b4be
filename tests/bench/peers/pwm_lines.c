// SPDX-License-Identifier: GPL-2.0-only
/*
 * Describes a pwm-gpio on the STEP line of each of the first rigs, which a board
 * would do in its device tree.
 */
#include <linux/err.h>
#include <linux/gpio/machine.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#define LINES_MAX	8

static unsigned int lines = 1;
module_param(lines, uint, 0444);
MODULE_PARM_DESC(lines, "How many rigs, from rig0 on");

static struct {
	struct gpiod_lookup_table table;
	struct gpiod_lookup entries[2];
	char device[16], chip[32];
	struct platform_device *pwm;
} pwms[LINES_MAX];

static void pwm_lines_remove(unsigned int count)
{
	while (count--) {
		platform_device_unregister(pwms[count].pwm);
		gpiod_remove_lookup_table(&pwms[count].table);
	}
}

static int __init pwm_lines_init(void)
{
	unsigned int i;
	int ret;

	if (lines > LINES_MAX)
		return -EINVAL;
	for (i = 0; i < lines; i++) {
		snprintf(pwms[i].device, sizeof(pwms[i].device), "pwm-gpio.%u", i);
		snprintf(pwms[i].chip, sizeof(pwms[i].chip), "nanodose-sim-rig%u", i);
		pwms[i].table.dev_id = pwms[i].device;
		pwms[i].table.table[0] = GPIO_LOOKUP(pwms[i].chip, 0, NULL, GPIO_ACTIVE_HIGH);
		gpiod_add_lookup_table(&pwms[i].table);
		pwms[i].pwm = platform_device_register_simple("pwm-gpio", i, NULL, 0);
		if (IS_ERR(pwms[i].pwm)) {
			ret = PTR_ERR(pwms[i].pwm);
			gpiod_remove_lookup_table(&pwms[i].table);
			pwm_lines_remove(i);
			return ret;
		}
	}
	return 0;
}
module_init(pwm_lines_init);

static void __exit pwm_lines_exit(void)
{
	pwm_lines_remove(lines);
}
module_exit(pwm_lines_exit);

MODULE_DESCRIPTION("pwm-gpio on the lines of simulated rigs");
MODULE_LICENSE("GPL");
