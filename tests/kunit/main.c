// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module around the suites; they run when it is loaded.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("Unit tests of the nanodose driver");
MODULE_LICENSE("GPL");
