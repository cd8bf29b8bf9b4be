#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""What the pages for boards say is so: wiring tables, messages, properties, and the recipes' versions and licences."""
import hashlib
import os
import re

from rig import TOP, check, end

# pin of the 40-pin header of a Raspberry Pi by its GPIO line
PINS = {2: 3, 3: 5, 4: 7, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22, 11: 23, 8: 24, 7: 26, 5: 29, 6: 31,
        12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40, 14: 8, 15: 10}
SIGNALS = {"STEP": "step", "DIR": "dir", "EN": "enable", "emergency stop": "estop", "end switch, dispensed end": "limit-plus",
           "end switch, withdrawn end": "limit-minus", "home switch": "home", "nFAULT": "fault"}


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def overlay_lines(name):
    return {line: int(number) for line, number in re.findall(r"([a-z-]+)-gpios = <&gpio (\d+) ", read("dts/overlays", name))}


parts = read("dts/from-parts-to-first-dose.md")
first, second = parts.split("A second pump:")
for name, text in (("rpi-pump.dtsi", first), ("rpi-second-pump.dtsi", second)):
    rows = re.findall(r"\| ([A-Za-z ,]+?) \| (\d+) \| (\d+) \|", text)
    told = {SIGNALS[signal]: int(line) for signal, line, _ in rows if signal in SIGNALS}
    check(f"the wiring table is that of {name}", told == overlay_lines(name) and len(told) == 8, (told, overlay_lines(name)))
    wrong = [row for row in rows if PINS.get(int(row[1])) != int(row[2])]
    check(f"with the right pins of the header, for {name}", wrong == [] and len(rows) >= 10, wrong)
    head = read("dts/overlays", name).split("*/")[0]
    wrong = [pair for pair in re.findall(r"(\d+) \((\d+)\)", head) if PINS.get(int(pair[0])) != int(pair[1])]
    check(f"and so is the head of {name}", wrong == [] and set(re.findall(r"(\d+) \(", head)) >= {str(line) for line in told.values()}, wrong)
overrides = set(re.findall(r"^\t\t(\w+) = <", read("dts/overlays/rpi-pump.dtsi").split("__overrides__")[1], re.M))
used = set(re.findall(r"(\w+)(?==|,|\n)", " ".join(re.findall(r"dtoverlay=nanodose-rpi4[\w-]*,(.*)\n", parts)) + "\n")) - {"1000000", "3200", "aqueous", "lipid"}
check("the parameters of the examples are there", used and used <= overrides, used - overrides)

page = read("dts/integrating.md")
sources = "".join(read("kmod", name) for name in sorted(os.listdir(os.path.join(TOP, "kmod"))) if name.endswith(".c"))
# In the source a name or a number may be put in.
plain = re.sub(r"%-?\w+", "…", re.sub(r'"\s*\n\s*"', "", sources))
for message in re.findall(r"^\| `([a-z -]+[:)]?[^`]*)`(?: \(deferred\))? \| ", page[page.index("| message |"):], re.M):
    words = message.split(": ", 1)[-1].replace("nanodose-sf06", "…")
    bits = [bit.strip(" …,") for bit in words.split("…") if bit.strip(" …,")]
    check(f"the kernel says \"{message}\"", all(bit in plain.replace("0x…x", "0x08").replace("0x…", "0x08") for bit in bits), bits)
schema = read("dts/bindings/ti,drv8825.yaml")
lines = re.findall(r"^  ([a-z-]+-gpios|[a-z]+-supply):", schema, re.M)
check("every line and supply of the binding is told", len(lines) >= 11 and all(f"`{line}`" in page for line in lines),
      [line for line in lines if f"`{line}`" not in page])

version = re.search(r'#define NANODOSE_VERSION "(.*)"', read("userspace/include/nanodose.h")).group(1)
for path in ("userspace/packaging/yocto/nanodose.bb", "userspace/packaging/yocto/nanodose-module.bb",
             "userspace/packaging/buildroot/nanodose/nanodose.mk"):
    text = read(path)
    check(f"{path} has the version of the tree", re.search(rf'^(PV|NANODOSE_VERSION) = "?{re.escape(version)}"?$', text, re.M), version)
    sums = re.findall(r"file://(LICENSES/\S+?);md5=(\w+)", text)
    wrong = [name for name, md5 in sums if hashlib.md5(read(name).encode()).hexdigest() != md5]
    named = sums or re.findall(r"LICENSES/\S+", text)
    check(f"and its licences", named and not wrong and all(os.path.exists(os.path.join(TOP, one if isinstance(one, str) else one[0])) for one in named), wrong)
    folders = re.findall(r"(?:-C \$[{(](?:S|@D)[})]/|M=\$\{S\}/|SUBDIRS = )(\w+)", text)
    check("and builds in folders that are there", folders and all(os.path.isdir(os.path.join(TOP, one)) for one in folders), folders)
end()
