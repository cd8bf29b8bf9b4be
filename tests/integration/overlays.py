#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The boards' overlays: they compile without a warning, merge with the trees that the distribution's arm64 kernel ships,
and what comes of it is valid; the parameters of the Raspberry Pi's name what is there."""
import glob
import os
import re
import struct
import subprocess
import tempfile

from rig import TOP, check, end, note

OVERLAYS = os.path.join(TOP, "dts/overlays")
BINDINGS = os.path.join(TOP, "dts/bindings")
# No tree of a Raspberry Pi 5 up to Linux 6.12 has the chip behind its header. This is what
# Raspberry Pi's own kernel adds to it, as far as the overlays refer to it.
RP1 = """\
/dts-v1/;
/plugin/;
&{/} {
	rp1 {
		compatible = "simple-bus";
		#address-cells = <1>;
		#size-cells = <1>;
		ranges = <0 0 0 0x400000>;

		gpio: pinctrl@d0000 {
			compatible = "raspberrypi,rp1-gpio";
			reg = <0xd0000 0xc000>;
			gpio-controller;
			#gpio-cells = <2>;
			interrupt-controller;
			#interrupt-cells = <2>;
		};
		i2c1: i2c@74000 {
			compatible = "snps,designware-i2c";
			reg = <0x74000 0x1000>;
			status = "disabled";
		};
		i2c2: i2c@78000 {
			compatible = "snps,designware-i2c";
			reg = <0x78000 0x1000>;
			status = "disabled";
		};
	};
};
"""
BOARDS = {"rpi4": "broadcom/bcm2711-rpi-4-b.dtb", "rpi5": "broadcom/bcm2712-rpi-5-b.dtb", "beagleplay": "ti/k3-am625-beagleplay.dtb"}
HEADER = set(range(2, 28))          # lines of the 40-pin header
PUMP, SENSOR = "ti,drv8825", "sensirion,slf3s-0600f"


def sh(*command, text=None):
    done = subprocess.run(command, capture_output=True, text=True, input=text, check=False, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def compiled(name, text):
    """The overlay at folder/name; what was said of it."""
    return sh("dtc", "-@", "-I", "dts", "-O", "dtb", "-i", OVERLAYS, "-o", name, "-", text=text)


def source(name, dormant=False):
    """The overlay's text; dormant: with each part switched on that is not by itself."""
    with open(os.path.join(OVERLAYS, name), encoding="utf-8") as file:
        text = file.read()
    if dormant:
        text = re.sub(r'^/include/ "(.*)"$', lambda found: source(found.group(1), True), text, flags=re.M)
        text = text.replace("__dormant__", "__overlay__")
    return text


def merged(base, *overlays):
    """The merged tree's path, or None and why."""
    out = "+".join(os.path.basename(one).split(".")[0] for one in (base, *overlays)) + ".dtb"
    status, said = sh("fdtoverlay", "-i", base, "-o", out, *overlays)
    return (out, said) if status == 0 else (None, said)


def judged(tree):
    return set(re.sub(r"^.*?: ", "", line) for line in sh("dt-validate", "-s", "schema.json", tree)[1].splitlines())


def dts(tree):
    return sh("dtc", "-q", "-I", "dtb", "-O", "dts", tree)[1]


def node(text, compatible):
    """Bodies of the nodes with this compatible."""
    return [found for found in re.findall(r"\{([^{}]*)\}", text) if f'compatible = "{compatible}"' in found]


def lines(body):
    """property -> line of the header, of a pump."""
    return {key: int(number, 16) for key, number in re.findall(r"(\S+-gpios) = <0x\w+ 0x(\w+) 0x\w+>", body)}


def trees():
    """Where the distribution's kernel keeps its boards' trees."""
    subprocess.run([os.path.join(TOP, "tests/vm/debian"), "6.12", "arm64"], stdin=subprocess.DEVNULL, check=True)
    return glob.glob(os.path.join(TOP, "build/vm/debian/6.12-arm64/usr/lib/linux-image-*"))[0]


def parameters(name):
    """The overrides of an overlay against its nodes: what they name that is not there."""
    text, wrong = dts(name), []
    fragments = set(re.findall(r"fragment[@-](\d+) \{", text))
    bodies = {int(found.group(2), 16): found.group(1) for found in re.finditer(r"\{([^{}]*phandle = <(0x\w+)>;[^{}]*)\}", text)}
    for key in sh("fdtget", "-p", name, "/__overrides__")[1].split():
        raw = bytes.fromhex("".join(f"{int(byte, 16):02x}" for byte in sh("fdtget", "-t", "bx", name, "/__overrides__", key)[1].split()))
        target, word = struct.unpack(">I", raw[:4])[0], raw[4:-1].decode("ascii")
        if target == 0:
            wrong += [f"{key}: no fragment {number}" for number in re.findall(r"[+-](\d+)", word) if number not in fragments]
            continue
        prop, offset = re.match(r"([a-z0-9-]+)(?::(\d+))?", word).groups()
        has = re.search(rf"^\s*{prop} = (.*);$", bodies.get(target, ""), re.M)
        if target not in bodies or not word.endswith("?") and (not has or offset and int(offset) + 4 > 4 * len(re.findall("0x", has.group(1)))):
            wrong.append(f"{key}: {word}")
    return wrong


with tempfile.TemporaryDirectory() as folder:
    boards = trees()
    status, said = sh("dt-mk-schema", "-j", "-o", "schema.json", BINDINGS)
    assert status == 0, said
    for name in sorted(os.listdir(OVERLAYS)):
        if not name.endswith(".dtso"):
            continue
        status, said = compiled(name[:-5] + ".dtbo", source(name))
        check(f"{name} compiles with -@ and without a warning", status == 0 and said == "", said)

    for board, path in BOARDS.items():
        base = os.path.join(boards, path)
        if not check(f"{board}: the distribution's tree is there", os.path.exists(base), os.listdir(boards)[:20]):
            continue
        if board == "rpi5" and not re.search(r"^\s*gpio = ", dts(base), re.M):
            note("this tree of the Raspberry Pi 5 has no GPIO controller of the header: it is added as in Raspberry Pi's kernel")
            assert compiled("rp1.dtbo", RP1)[0] == 0
            base, said = merged(base, "rp1.dtbo")
        before = judged(base)
        first, said = merged(base, f"nanodose-{board}.dtbo")
        if not check(f"{board}: one pump merges", first is not None, said):
            continue
        check(f"{board}: the merged tree has nothing wrong that it had not before", judged(first) <= before, judged(first) - before)
        text = dts(first)
        pumps = node(text, PUMP)
        compiled("broken.dtbo", source(f"nanodose-{board}.dtso").replace('/include/ "rpi-pump.dtsi"', source("rpi-pump.dtsi"))
                 .replace("lead-pitch-nanometers = <1000000>", "lead-pitch-nanometers = <1>"))
        wrong = judged(merged(base, "broken.dtbo")[0]) - before
        check(f"{board}: one with a lead screw that cannot be is found out", len(wrong) >= 1 and "lead-pitch-nanometers" in str(wrong), wrong)
        check(f"{board}: it has one pump and one sensor", len(pumps) == 1 and len(node(text, SENSOR)) == 1, text[:200])
        if board == "beagleplay":
            used = [key[1] for key in re.findall(r"(\S+-gpios) = <0x\w+ (0x\w+) 0x\w+>", pumps[0])]
            check("beagleplay: no line is used twice, and all safety inputs are there", len(set(used)) == len(used) == 8, used)
            check("beagleplay: nothing else uses these pins", 'status = "disabled"' in re.search(r"spi@20120000 \{([^{}]*)", text).group(1))
            continue
        second, said = merged(first, f"nanodose-{board}-second.dtbo")
        if not check(f"{board}: the second pump merges too", second is not None, said):
            continue
        check(f"{board}: with two pumps nothing more is wrong", judged(second) <= before, judged(second) - before)

        # All that parameters switch on, at once
        full = base
        for name in (f"nanodose-{board}", f"nanodose-{board}-second"):
            assert compiled(name + ".full.dtbo", source(name + ".dtso", True))[0] == 0
            full, said = merged(full, name + ".full.dtbo")
            check(f"{board}: {name} with all that its parameters switch on merges", full is not None, said)
        check(f"{board}: and is valid", judged(full) <= before, judged(full) - before)
        pumps = [lines(body) for body in node(dts(full), "adi,tmc2209")]
        used = [line for one in pumps for line in one.values()]
        check(f"{board}: two pumps of eight lines each on the header, none used twice, none of the buses'",
              [len(one) for one in pumps] == [8, 8] and len(set(used)) == 16 and set(used) <= HEADER - {2, 3, 4, 5}, pumps)
        for name in (f"nanodose-{board}.dtbo", f"nanodose-{board}-second.dtbo"):
            check(f"{name}: each parameter names what is there", parameters(name) == [], parameters(name))
end()
