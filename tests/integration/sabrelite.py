#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The sensor's driver over a true I2C controller: an emulated i.MX6 board with the distribution's 6.1 kernel for armhf. In the
sensor's place is a memory that answers at its address: where a command points to are the bytes that a sensor would send."""
import os
import re
import subprocess

from rig import OUT, TOP, check, end, note
from trees import compiled

VM = os.path.join(TOP, "tests/vm")
KERNEL = os.path.join(TOP, "build/vm/debian/6.1-armhf")
MODULES = os.path.join(TOP, "build/modules/6.1-armhf/kmod")
# Where they are in the board's tree, which names nothing
SYMBOLS = {"i2c1": "/soc/bus@2100000/i2c@21a0000", "gpio6": "/soc/bus@2000000/gpio@20b0000"}
OVERLAY = """\
/dts-v1/;
/plugin/;
&{/} {
	syringe-pump {
		compatible = "ti,drv8825";
		label = "board";
		step-gpios = <&gpio6 2 0>;
		dir-gpios = <&gpio6 3 0>;
		microsteps-per-revolution = <3200>;
		lead-pitch-nanometers = <1000000>;
		flow-sensor = <&flow>;
	};
	supply: regulator-sensor {
		compatible = "regulator-fixed";
		regulator-name = "sensor";
		regulator-min-microvolt = <3300000>;
		regulator-max-microvolt = <3300000>;
	};
};
&i2c1 {
	#address-cells = <1>;
	#size-cells = <0>;
	flow: flow-sensor@8 {
		compatible = "sensirion,slf3s-1300f";
		reg = <0x08>;
		vdd-supply = <&supply>;
	};
};
"""
WATER, PRODUCT_ID = 0x3608, 0xE102
PRODUCT, SERIAL = 0x07030202, 0x0123456789ABCDEF     # an SLF3S-1300F: 500 units are 1 mL/min
# Flow and temperature (200 units a degree) as words, flags, and whether a check sum is right
FRAMES = [(500, 4400, 0, True), (-500, 4400, 0, True), (250, 5000, 1, True), (32767, 4400, 2, True), (777, 4400, 0, False),
          (1, 4400, 0, True), (0, -200, 0, True), (-1, 4400, 0x20, True)]


def crc(data):
    """CRC-8 of the data sheet: x^8 + x^5 + x^4 + 1, from all ones; 0xBEEF gives 0x92."""
    value = 0xFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x31 if value & 0x80 else value << 1) & 0xFF
    return value


def words(*values, good=True):
    data = b"".join(word + bytes([crc(word)]) for word in ((value & 0xFFFF).to_bytes(2, "big") for value in values))
    return data if good else data[:-1] + bytes([data[-1] ^ 1])


def sh(*command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False, **keywords)
    return done.returncode, done.stdout + done.stderr


def memory(path):
    content = bytearray(65536)
    content[PRODUCT_ID:PRODUCT_ID + 18] = words(PRODUCT >> 16, PRODUCT, SERIAL >> 48, SERIAL >> 32, SERIAL >> 16, SERIAL)
    at = WATER
    for flow, temperature, flags, good in FRAMES:
        content[at:at + 9] = words(flow, temperature, flags, good=good)
        at += 9
    with open(path, "wb") as file:
        file.write(content)


def tree(path):
    base = next(os.path.join(folder, "imx6q-sabrelite.dtb") for folder, _, names in os.walk(os.path.join(KERNEL, "usr/lib"))
                if "imx6q-sabrelite.dtb" in names)
    named = path + ".named"
    with open(base, "rb") as source, open(named, "wb") as copy:
        copy.write(source.read())
    for number, (label, node) in enumerate(SYMBOLS.items()):
        status, said = sh("fdtput", "-p", "-t", "s", named, "/__symbols__", label, node)
        assert status == 0, said
        # What nothing refers to has no number to be referred by.
        if sh("fdtget", named, node, "phandle")[0]:
            sh("fdtput", "-t", "x", named, node, "phandle", f"{0x1000 + number:x}")
    return sh("fdtoverlay", "-i", named, "-o", path, compiled(OVERLAY, path + "o"))


def first_files(path, program):
    """The distribution's modules that are needed, and behind them ours."""
    status, said = sh(os.path.join(VM, "initramfs"), KERNEL, program, "i2c-imx", "gpio-mxc", os.path.join(MODULES, "nanodose.ko"))
    assert status == 0, said
    folder = path + ".d"
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(MODULES, "nanodose.ko"), "rb") as source, open(os.path.join(folder, "nanodose.ko"), "wb") as copy:
        copy.write(source.read())
    with open(os.path.join(folder, "load.more"), "w", encoding="ascii") as file:
        file.write("/nanodose.ko\n")
    more = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=folder, input=b"nanodose.ko\nload.more\n", capture_output=True, check=True).stdout
    with open(os.path.join(KERNEL, "initramfs"), "rb") as first, open(path, "wb") as both:
        both.write(first.read() + more)


subprocess.run([os.path.join(VM, "setup"), "qemu-armhf"], stdin=subprocess.DEVNULL, check=True)
status, said = sh(os.path.join(VM, "debian"), "6.1", "armhf")
if status:
    # The archive's lists for this architecture are not always whole.
    note(said)
    check("the kernel for armhf cannot be had today # SKIP", True)
    end()
status, said = sh(os.path.join(VM, "modules"), os.path.join(KERNEL, "headers"), "W=1", "ARCH=arm", "CROSS_COMPILE=arm-linux-gnueabihf-",
                  "MODPOST=" + os.path.join(KERNEL, "modpost"), env={**os.environ, "ND_MODULES_OUT": "6.1-armhf"})
check("the driver builds for a processor of 32 bits without a warning", status == 0 and "warning" not in said, said[-800:])
folder = os.path.join(OUT, "sabrelite")
os.makedirs(folder, exist_ok=True)
program = os.path.join(folder, "board")
status, said = sh("arm-linux-gnueabihf-gcc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-D_GNU_SOURCE",
                  "-I" + os.path.join(TOP, "kmod/include/uapi"), "-o", program, os.path.join(VM, "board.c"))
check("and the program that reads its records", status == 0, said)
first_files(os.path.join(folder, "initramfs"), program)
memory(os.path.join(folder, "sensor.bin"))
status, said = tree(os.path.join(folder, "board.dtb"))
check("the overlay merges with the board's tree", status == 0, said)
# The board does not go off by itself; it is let run until it has said END.
machine = subprocess.Popen(
    ["timeout", "-k", "5", "300", "qemu-system-arm", "-M", "sabrelite", "-m", "512M", "-display", "none", "-no-reboot", "-nodefaults",
     "-icount", "shift=1,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1",
     "-kernel", os.path.join(KERNEL, "vmlinuz"), "-initrd", os.path.join(folder, "initramfs"), "-dtb", os.path.join(folder, "board.dtb"),
     "-append", "console=ttymxc1,115200 ignore_loglevel panic=-1", "-serial", "null", "-serial", "stdio",
     "-drive", f"if=none,id=sensor,format=raw,file={folder}/sensor.bin",
     "-device", "at24c-eeprom,bus=i2c-bus.0,address=0x08,rom-size=65536,drive=sensor"],
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
log = ""
for line in machine.stdout:
    log += line
    if line.startswith("END"):
        break
machine.terminate()
machine.communicate()
with open(os.path.join(folder, "log"), "w", encoding="utf-8") as file:
    file.write(log)
check("the board comes up and the test ends", "\nEND" in log, log[-1500:])
check("its I2C controller is the processor's own", re.search(r"imx-i2c \S+: .*registered|i2c i2c-0: IMX I2C adapter registered", log), log[-1500:])
check("the sensor is known by its product number and serial number", f"sensor 2 {SERIAL}" in log, re.findall("^sensor.*", log, re.M))
readings = [tuple(int(one, 0) for one in line.split()) for line in re.findall(r"^reading (.*?)\r?$", log, re.M)]
check("eight frames are read", len(readings) == len(FRAMES), readings)
for number, (reading, (flow, temperature, flags, good)) in enumerate(zip(readings, FRAMES)):
    # 1 mL/min / 500 = 2e6 pL/min; 1 degree / 200 = 5 mdegC
    want = (flow * 2_000_000, temperature * 5, flags, 1)
    check(f"frame {number}: {'as it was sent' if good else 'with a wrong check sum it is none'}",
          reading == want if good else reading[3] == 0 and reading[0] == -2 ** 63, (reading, want))
check("the kernel reports no mistake", not re.search(r"BUG:|WARNING:|Oops|sleeping function", log), log[-1500:])
end()
