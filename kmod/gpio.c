// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lines of the axis: STEP, DIR and EN, and the safety inputs, which act in
 * the interrupt handler itself.
 */
#include <linux/err.h>
#include <linux/gpio/consumer.h>
#include <linux/interrupt.h>
#include <linux/property.h>
#include <linux/time64.h>

#include "nanodose.h"

#define ND_PULSE_DEFAULT_NS	2000
#define ND_PULSE_MIN_NS		100
#define ND_PULSE_MAX_NS		100000
#define ND_DIR_SETUP_DEFAULT_NS	1000
#define ND_DIR_MAX_NS		1000000
#define ND_WAKE_UP_DEFAULT_US	1700
#define ND_WAKE_UP_MAX_US	100000
#define ND_RATE_DEFAULT_HZ	40000
#define ND_RATE_MAX_HZ		200000

static_assert(ND_RATE_MAX_HZ * (u64)NSEC_PER_SEC <= ND_RATE_MAX_NHZ);

/* An optional number within its range. */
static int nd_gpio_u32(struct nanodose *nd, const char *property, u32 *value,
		       u32 missing, u32 least, u32 most)
{
	struct device *dev = nd->parent;
	int ret;

	*value = missing;
	if (!device_property_present(dev, property))
		return 0;
	ret = device_property_read_u32(dev, property, value);
	if (ret)
		return dev_err_probe(dev, ret, "%s: must be one number\n", property);
	if (*value < least || *value > most)
		return dev_err_probe(dev, -EINVAL, "%s: %u, must be from %u to %u\n",
				     property, *value, least, most);
	return 0;
}

static int nd_gpio_timing(struct nanodose *nd)
{
	struct nd_gpio *gpio = &nd->gpio;
	u32 most;
	int ret;

	ret = nd_gpio_u32(nd, "max-step-rate-hz", &gpio->max_rate_hz,
			  ND_RATE_DEFAULT_HZ, 1, ND_RATE_MAX_HZ);
	if (ret)
		return ret;
	ret = nd_gpio_u32(nd, "dir-setup-ns", &gpio->dir_setup_ns,
			  ND_DIR_SETUP_DEFAULT_NS, 0, ND_DIR_MAX_NS);
	if (ret)
		return ret;
	ret = nd_gpio_u32(nd, "dir-hold-ns", &gpio->dir_hold_ns,
			  gpio->dir_setup_ns, 0, ND_DIR_MAX_NS);
	if (ret)
		return ret;
	ret = nd_gpio_u32(nd, "pulse-width-ns", &gpio->pulse_ns,
			  ND_PULSE_DEFAULT_NS, ND_PULSE_MIN_NS, ND_PULSE_MAX_NS);
	if (ret)
		return ret;
	ret = nd_gpio_u32(nd, "wake-up-us", &gpio->wake_up_us,
			  ND_WAKE_UP_DEFAULT_US, 0, ND_WAKE_UP_MAX_US);
	if (ret)
		return ret;

	/* High and low, with what steps may come closer after one that was late. */
	gpio->step_both_edges = device_property_read_bool(nd->parent, "step-both-edges");
	most = (u32)NSEC_PER_SEC / gpio->max_rate_hz / 16 * 7;
	if (gpio->step_both_edges)
		most *= 2;
	if (gpio->pulse_ns > most)
		return dev_err_probe(nd->parent, -EINVAL,
				     "pulse-width-ns: %u leaves STEP no time for the next level at max-step-rate-hz %u, must be at most %u\n",
				     gpio->pulse_ns, gpio->max_rate_hz, most);
	return 0;
}

static int nd_gpio_line(struct nanodose *nd, struct gpio_desc **line, const char *name,
			enum gpiod_flags flags, bool required)
{
	struct device *dev = nd->parent;

	*line = required ? devm_gpiod_get(dev, name, flags) :
			   devm_gpiod_get_optional(dev, name, flags);
	if (PTR_ERR_OR_ZERO(*line) == -ENOENT)
		return dev_err_probe(dev, -ENOENT, "%s-gpios: missing, must name a line\n", name);
	if (IS_ERR(*line))
		return dev_err_probe(dev, PTR_ERR(*line), "%s-gpios: cannot get the line\n", name);
	if (*line && gpiod_cansleep(*line))
		return dev_err_probe(dev, -EINVAL,
				     "%s-gpios: this GPIO controller sleeps, the line must be on one that can be used in interrupts\n",
				     name);
	return 0;
}

/* With both edges any change of level is a step: STEP is taken over as it is. */
static enum gpiod_flags nd_step_flags(const struct nd_gpio *gpio)
{
	return gpio->step_both_edges ? GPIOD_ASIS : GPIOD_OUT_LOW;
}

static int nd_gpio_take_over_step(struct nanodose *nd)
{
	struct nd_gpio *gpio = &nd->gpio;
	int ret;

	if (!gpio->step_both_edges)
		return 0;
	ret = gpiod_get_value(gpio->step);
	if (ret < 0)
		return dev_err_probe(nd->parent, ret, "step-gpios: cannot be read\n");
	gpio->step_level = ret;
	ret = gpiod_direction_output(gpio->step, gpio->step_level);
	return ret ? dev_err_probe(nd->parent, ret, "step-gpios: cannot be an output\n") : 0;
}

static int nd_gpio_get(struct nanodose *nd)
{
	struct nd_gpio *gpio = &nd->gpio;
	const struct {
		struct gpio_desc **line;
		const char *name;
		enum gpiod_flags flags;
		bool required;
	} lines[] = {
		{ &gpio->step, "step", nd_step_flags(gpio), true },
		{ &gpio->dir, "dir", GPIOD_OUT_LOW, true },
		{ &gpio->enable, "enable", GPIOD_OUT_LOW, false },
		{ &gpio->sleep, "sleep", GPIOD_OUT_HIGH, false },
		{ &gpio->estop, "estop", GPIOD_IN, false },
		{ &gpio->limit_plus, "limit-plus", GPIOD_IN, false },
		{ &gpio->limit_minus, "limit-minus", GPIOD_IN, false },
		{ &gpio->fault, "fault", GPIOD_IN, false },
		{ &gpio->home, "home", GPIOD_IN, false },
	};
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(lines); i++)
		ret = nd_gpio_line(nd, lines[i].line, lines[i].name, lines[i].flags,
				   lines[i].required);
	return ret ?: nd_gpio_take_over_step(nd);
}

/* A safety input that cannot be read counts as active. */
static bool nd_gpio_active(struct gpio_desc *line)
{
	return line && gpiod_get_value(line);
}

/* The carriage is not at both ends: a line is inverted, cut or at the wrong pin. */
static int nd_gpio_check_ends(struct nanodose *nd)
{
	if (nd_gpio_active(nd->gpio.limit_plus) && nd_gpio_active(nd->gpio.limit_minus))
		return dev_err_probe(nd->parent, -EINVAL,
				     "limit-plus-gpios, limit-minus-gpios: both end switches are active, at most one can be\n");
	return 0;
}

int nd_gpio_probe(struct nanodose *nd)
{
	int ret = nd_gpio_timing(nd);

	if (!ret)
		ret = nd_gpio_get(nd);
	return ret ?: nd_gpio_check_ends(nd);
}

u32 nd_gpio_lines(const struct nd_gpio *gpio)
{
	u32 lines = 0;

	if (nd_gpio_active(gpio->estop))
		lines |= NANODOSE_STATUS_ESTOP;
	if (nd_gpio_active(gpio->limit_plus))
		lines |= NANODOSE_STATUS_LIMIT_PLUS;
	if (nd_gpio_active(gpio->limit_minus))
		lines |= NANODOSE_STATUS_LIMIT_MINUS;
	if (nd_gpio_active(gpio->fault))
		lines |= NANODOSE_STATUS_DRIVER_FAULT;
	if (nd_gpio_active(gpio->home))
		lines |= NANODOSE_STATUS_HOME;
	return lines;
}

static irqreturn_t nd_gpio_estop(int irq, void *data)
{
	struct nanodose *nd = data;

	if (nd_gpio_active(nd->gpio.estop))
		nd_engine_line(nd, NANODOSE_FAULT_ESTOP);
	return IRQ_HANDLED;
}

static irqreturn_t nd_gpio_limit_plus(int irq, void *data)
{
	struct nanodose *nd = data;

	if (nd_gpio_active(nd->gpio.limit_plus))
		nd_engine_line(nd, NANODOSE_FAULT_LIMIT_PLUS);
	return IRQ_HANDLED;
}

static irqreturn_t nd_gpio_limit_minus(int irq, void *data)
{
	struct nanodose *nd = data;

	if (nd_gpio_active(nd->gpio.limit_minus))
		nd_engine_line(nd, NANODOSE_FAULT_LIMIT_MINUS);
	return IRQ_HANDLED;
}

static irqreturn_t nd_gpio_fault(int irq, void *data)
{
	struct nanodose *nd = data;

	if (nd_gpio_active(nd->gpio.fault))
		nd_engine_line(nd, NANODOSE_FAULT_DRIVER);
	return IRQ_HANDLED;
}

/* It stops nothing: the record tells the position at which it changed. */
static irqreturn_t nd_gpio_home(int irq, void *data)
{
	nd_engine_push_state(data, NANODOSE_CAUSE_HOME, 0);
	return IRQ_HANDLED;
}

static int nd_gpio_request(struct nanodose *nd, struct gpio_desc *line, const char *name,
			   irq_handler_t handler, int *irq)
{
	int ret;

	if (!line)
		return 0;
	ret = gpiod_to_irq(line);
	if (ret < 0)
		return dev_err_probe(nd->parent, ret, "%s-gpios: the line has no interrupt\n",
				     name);
	*irq = ret;
	ret = request_irq(*irq, handler,
			  IRQF_TRIGGER_RISING | IRQF_TRIGGER_FALLING | IRQF_NO_THREAD,
			  dev_name(&nd->dev), nd);
	if (ret) {
		*irq = 0;
		return dev_err_probe(nd->parent, ret,
				     "%s-gpios: no interrupt on both edges to be had\n", name);
	}
	return 0;
}

int nd_gpio_arm(struct nanodose *nd)
{
	struct nd_gpio *gpio = &nd->gpio;
	int ret;

	ret = nd_gpio_request(nd, gpio->estop, "estop", nd_gpio_estop, &gpio->estop_irq);
	if (!ret)
		ret = nd_gpio_request(nd, gpio->limit_plus, "limit-plus", nd_gpio_limit_plus,
				      &gpio->limit_plus_irq);
	if (!ret)
		ret = nd_gpio_request(nd, gpio->limit_minus, "limit-minus", nd_gpio_limit_minus,
				      &gpio->limit_minus_irq);
	if (!ret)
		ret = nd_gpio_request(nd, gpio->fault, "fault", nd_gpio_fault, &gpio->fault_irq);
	if (!ret)
		ret = nd_gpio_request(nd, gpio->home, "home", nd_gpio_home, &gpio->home_irq);
	if (ret) {
		nd_gpio_disarm(nd);
		return ret;
	}
	nd_gpio_look(nd);
	return 0;
}

void nd_gpio_look(struct nanodose *nd)
{
	/* end switches are asked before each motion */
	if (nd_gpio_active(nd->gpio.estop))
		nd_engine_line(nd, NANODOSE_FAULT_ESTOP);
	if (nd_gpio_active(nd->gpio.fault))
		nd_engine_line(nd, NANODOSE_FAULT_DRIVER);
}

static void nd_gpio_free(struct nanodose *nd, int *irq)
{
	if (*irq)
		free_irq(*irq, nd);
	*irq = 0;
}

void nd_gpio_disarm(struct nanodose *nd)
{
	nd_gpio_free(nd, &nd->gpio.estop_irq);
	nd_gpio_free(nd, &nd->gpio.limit_plus_irq);
	nd_gpio_free(nd, &nd->gpio.limit_minus_irq);
	nd_gpio_free(nd, &nd->gpio.fault_irq);
	nd_gpio_free(nd, &nd->gpio.home_irq);
}
