#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""Each protocol of the library: good, rehearsed to its end with the dose by the rig's truth, its limits kept, and
stopped by an interlock when its lines clog."""
import json
import os
import re
import subprocess

from rig import TOP, check, end, note

PROGRAM = os.path.join(TOP, "build/bin/nanodose")
UML = os.path.join(TOP, "tests/vm/uml")
GUEST = os.path.join(TOP, "tests/integration/library_guest.py")
FOLDER = os.path.join(TOP, "protocols")
# Limits as written there: uL/min and kPa by channel.
LIMITS = {
    "adoptive-cell-infusion": {"cells": (40, 100)},
    "biomarker-guided-dosing": {"drug": (60, 100), "medium": (60, 100)},
    "checkpoint-inhibitor-perfusion": {"antibody": (40, 100), "medium": (40, 100)},
    "combination-three-channels": {"first": (60, 100), "second": (60, 100), "medium": (60, 100)},
    "convection-enhanced-delivery": {"particles": (1.2, 50)},
    "dose-escalation": {"drug": (60, 100), "rescue": (60, 100)},
    "neoantigen-lnp-batch": {"aqueous": (10000, 300), "lipid": (6000, 300)},
    "patient-derived-dosing": {"suspension": (40, 100)},
    "pharmacokinetic-doxorubicin": {"drug": (20, 100), "medium": (20, 100)},
    "pharmacokinetic-gemcitabine": {"drug": (20, 100), "medium": (20, 100)},
    "vaccine-lnp-with-waste": {"aqueous": (10000, 300), "lipid": (6000, 300)},
}
# Hand-computed volumes, uL, where they are not the sums of what is written plainly.
HALF = lambda total, peak, minutes, half: total * peak * half / 0.69314718056 * (1 - 2 ** (-minutes / half))
VOLUMES = {
    "adoptive-cell-infusion": [60],
    "biomarker-guided-dosing": [50, 60],
    "checkpoint-inhibitor-perfusion": [52.5 + 200, 120],
    "combination-three-channels": [60 + 60, 60 + 60, 60 + 120],
    "convection-enhanced-delivery": [15 + 10],
    "dose-escalation": [60, 5],
    "neoantigen-lnp-batch": [300, 100],
    "patient-derived-dosing": [20],
    "pharmacokinetic-doxorubicin": [HALF(12, 0.8, 30, 5), 360 - HALF(12, 0.8, 30, 5)],
    "pharmacokinetic-gemcitabine": [HALF(12, 0.8, 30, 60), 360 - HALF(12, 0.8, 30, 60)],
    "vaccine-lnp-with-waste": [1050, 350],
}


def rehearse(name, *arguments):
    protocol = os.path.join(FOLDER, name + ".yaml")
    with open(protocol, encoding="utf-8") as file:
        rig = re.search(r"^rig: (\S+)", file.read(), re.M).group(1)
    done = subprocess.run([UML, "--rig", os.path.join(FOLDER, rig), "--", "/usr/bin/python3", GUEST, protocol,
                           f"library-{name}.db", "20" if "lnp" in rig else "10", *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, "ND_VM_BUILT": "1"})
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"status": done.returncode, "err": done.stdout + done.stderr, "summary": None}


def within(name, answer):
    """What went beyond a limit."""
    return [(channel, answer["peak"][channel], answer["pressure"][channel] / 1000)
            for channel, (rate, pressure) in LIMITS[name].items()
            if answer["peak"][channel] > rate * 1.0001 or (answer["pressure"][channel] or 0) / 1000 > pressure * 1.02]


for name, volumes in sorted(VOLUMES.items()):
    path = os.path.join(FOLDER, name + ".yaml")
    done = subprocess.run([PROGRAM, "check", path], capture_output=True, text=True, check=False)
    check(f"{name}: check is clean", done.returncode == 0 and not done.stderr, done.stdout + done.stderr)
    with open(path, encoding="utf-8") as file:
        head = file.read().split("nanodose:")[0]
    check(f"{name}: says in its first line that it is illustrative, or names its source",
          head.startswith("# Illustrative") or "10." in head or "PMID" in head or "ConductScience" in head, head)
    answer = rehearse(name)
    if not check(f"{name}: the rehearsal completes", answer["status"] == 0 and answer["summary"], answer["err"]):
        continue
    off = [(got / wanted - 1) * 100 for got, wanted in zip(answer["outlet_ul"], volumes)]
    check(f"{name}: the rig delivered the dose within 0.5 % on each channel",
          len(off) == len(answer["outlet_ul"]) and all(abs(one) <= 0.5 for one in off), (off, answer["outlet_ul"]))
    note(f"{name}: " + ", ".join(f"{one:+.3f} %" for one in off))
    check(f"{name}: no limit is exceeded", not within(name, answer), within(name, answer))

for name, fault in (("checkpoint-inhibitor-perfusion", "occlusion:antibody@10min"),
                    ("convection-enhanced-delivery", "occlusion@20min"),
                    ("combination-three-channels", "occlusion:second@4min")):
    answer = rehearse(name, "--fault", fault)
    check(f"{name} with {fault}: an interlock stops it", answer["status"] == 3, answer["err"])
    check(f"{name} with {fault}: no limit is exceeded", not within(name, answer), within(name, answer))

answer = rehearse("dose-escalation", "--fault", "occlusion:drug@100s")
check("dose-escalation: a barrier that swells ends the portions, and the rescue channel runs",
      answer["status"] == 0 and abs(answer["summary"]["channels"][1]["delivered_ul"] - 60) < 0.1, answer)
answer = rehearse("patient-derived-dosing", "--inputs", os.path.join(FOLDER, "inputs/patient-b.yaml"))
check("patient-derived-dosing: a file of inputs gives the dose: 50 uL", answer["status"] == 0 and
      abs(answer["outlet_ul"][0] / 50 - 1) < 0.005, answer)
answer = rehearse("patient-derived-dosing", "--inputs", os.path.join(FOLDER, "inputs/patient-b.yaml"),
                  "--set", "particles=1e10")
check("--set stands before the file: 10 uL", answer["status"] == 0 and
      abs(answer["outlet_ul"][0] / 10 - 1) < 0.005, answer)
end()
