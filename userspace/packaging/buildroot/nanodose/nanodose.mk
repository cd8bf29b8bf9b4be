# SPDX-License-Identifier: GPL-2.0-or-later
NANODOSE_VERSION = 0.1.0
NANODOSE_SITE = $(call qstrip,$(BR2_PACKAGE_NANODOSE_PATH))
NANODOSE_SITE_METHOD = local
NANODOSE_LICENSE = GPL-2.0-only (driver), GPL-2.0-or-later (programs), LGPL-2.1-or-later (library)
NANODOSE_LICENSE_FILES = LICENSES/GPL-2.0-only.txt LICENSES/GPL-2.0-or-later.txt LICENSES/LGPL-2.1-or-later.txt
NANODOSE_INSTALL_STAGING = YES
NANODOSE_DEPENDENCIES = host-pkgconf host-dtc udev libevdev libfyaml lua udunits sqlite json-c hdf5 nettle ncurses
NANODOSE_MODULE_SUBDIRS = kmod
NANODOSE_MAKE = $(TARGET_MAKE_ENV) $(MAKE) -C $(@D)/userspace $(TARGET_CONFIGURE_OPTS) \
	BUILD=$(@D)/build PREFIX=/usr PKG_CONFIG="$(PKG_CONFIG_HOST_BINARY)"

define NANODOSE_BUILD_CMDS
	$(NANODOSE_MAKE)
	cd $(@D)/dts/overlays && for f in *.dtso; do $(HOST_DIR)/bin/dtc -@ -I dts -O dtb -o $(@D)/build/$${f%.dtso}.dtbo $$f; done
endef

define NANODOSE_INSTALL_STAGING_CMDS
	$(NANODOSE_MAKE) DESTDIR=$(STAGING_DIR) install
endef

define NANODOSE_INSTALL_TARGET_CMDS
	$(NANODOSE_MAKE) DESTDIR=$(TARGET_DIR) install
	mkdir -p $(TARGET_DIR)/usr/share/nanodose/overlays
	cp $(@D)/build/*.dtbo $(TARGET_DIR)/usr/share/nanodose/overlays/
endef

define NANODOSE_USERS
	nanodose -1 nanodose -1 * /var/lib/nanodose - - Dosing runs
endef

$(eval $(kernel-module))
$(eval $(generic-package))
