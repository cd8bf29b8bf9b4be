# SPDX-License-Identifier: GPL-2.0-or-later
# Programs and library; see nanodose-module.bb. libfyaml, udunits and hdf5 are in
# meta-openembedded and its kin.
SUMMARY = "Controller for microfluidic dosing pumps"
LICENSE = "GPL-2.0-or-later & LGPL-2.1-or-later"
LIC_FILES_CHKSUM = "file://LICENSES/GPL-2.0-or-later.txt;md5=b234ee4d69f5fce4486a80fdaf4a4263 \
    file://LICENSES/LGPL-2.1-or-later.txt;md5=4fbd65380cdd255951079008b364516c"

NANODOSE_SRC ?= "git:///path/to/nanodose;protocol=file;branch=main"
SRC_URI = "${NANODOSE_SRC}"
SRCREV = "${AUTOREV}"
PV = "0.1.0"
S = "${WORKDIR}/git"

DEPENDS = "udev libevdev libfyaml lua udunits sqlite3 json-c hdf5 nettle ncurses"
inherit pkgconfig useradd systemd

USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system nanodose"
USERADD_PARAM:${PN} = "--system --no-create-home --home-dir /var/lib/nanodose --gid nanodose nanodose"
SYSTEMD_SERVICE:${PN} = "nanodose@.service"
SYSTEMD_AUTO_ENABLE = "disable"

do_compile() {
    oe_runmake -C ${S}/userspace BUILD=${B}/out PREFIX=${prefix} LIBDIR=${libdir}
}
do_install() {
    oe_runmake -C ${S}/userspace BUILD=${B}/out PREFIX=${prefix} LIBDIR=${libdir} DESTDIR=${D} install
}
FILES:${PN} += "${datadir} ${nonarch_base_libdir} ${prefix}/lib"
RDEPENDS:${PN} = "nanodose-module"
