# SPDX-License-Identifier: GPL-2.0-or-later
# The driver. NANODOSE_SRC: where this tree is, a git URL as SRC_URI takes it.
SUMMARY = "Driver of microfluidic dosing pumps"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://LICENSES/GPL-2.0-only.txt;md5=b234ee4d69f5fce4486a80fdaf4a4263"

NANODOSE_SRC ?= "git:///path/to/nanodose;protocol=file;branch=main"
SRC_URI = "${NANODOSE_SRC}"
SRCREV = "${AUTOREV}"
PV = "0.1.0"
S = "${WORKDIR}/git"

inherit module

EXTRA_OEMAKE += "-C ${STAGING_KERNEL_DIR} M=${S}/kmod"
MAKE_TARGETS = "modules"
MODULES_INSTALL_TARGET = "modules_install"

# The overlays, for a board's own bootloader to apply.
DEPENDS += "dtc-native"
do_compile:append() {
    for overlay in ${S}/dts/overlays/*.dtso; do
        (cd ${S}/dts/overlays && dtc -@ -I dts -O dtb -o ${B}/$(basename $overlay .dtso).dtbo $overlay)
    done
}
do_install:append() {
    install -d ${D}${datadir}/nanodose/overlays
    install -m 0644 ${B}/*.dtbo ${D}${datadir}/nanodose/overlays/
}
FILES:${PN} += "${datadir}/nanodose"

# The kernel: CONFIG_HIGH_RES_TIMERS, CONFIG_GPIOLIB, CONFIG_I2C, CONFIG_IIO; 6.1 or newer.
