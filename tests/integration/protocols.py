#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""Each protocol of the library: good, rehearsed to its end with the dose by the rig's truth, its limits kept, and
and in trouble doing what its rules say."""
import json
import os
import re
import sqlite3
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
    "nanoparticle-bolus": {"particles": (50, 200)},
    "neoantigen-lnp-batch": {"aqueous": (10000, 300), "lipid": (6000, 300)},
    "neoantigen-lnp-table": {"aqueous": (10000, 300), "lipid": (6000, 300)},
    "patient-derived-dosing": {"suspension": (40, 100)},
    "pharmacokinetic-doxorubicin": {"drug": (20, 100), "medium": (20, 100)},
    "pharmacokinetic-gemcitabine": {"drug": (20, 100), "medium": (20, 100)},
    "vaccine-lnp-formulation": {"aqueous": (10000, 300), "lipid": (6000, 300)},
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
    "nanoparticle-bolus": [100],
    "neoantigen-lnp-batch": [300, 100],
    "neoantigen-lnp-table": [1200, 400],
    "patient-derived-dosing": [20],
    "pharmacokinetic-doxorubicin": [HALF(12, 0.8, 30, 5), 360 - HALF(12, 0.8, 30, 5)],
    "pharmacokinetic-gemcitabine": [HALF(12, 0.8, 30, 60), 360 - HALF(12, 0.8, 30, 60)],
    "vaccine-lnp-formulation": [1500, 500],
    "vaccine-lnp-with-waste": [1050, 350],
}

SIGNALS = {"biomarker-guided-dosing": ("--signal", "tumour_dna=40 /mL"), "dose-escalation": ("--signal", "toxicity=0.05")}


def rehearse(name, *arguments):
    protocol = os.path.join(FOLDER, name + ".yaml")
    with open(protocol, encoding="utf-8") as file:
        rig = re.search(r"^rig: (\S+)", file.read(), re.M).group(1)
    done = subprocess.run([UML, "--rig", os.path.join(FOLDER, rig), "--", "/usr/bin/python3", GUEST, protocol,
                           f"library-{name}.db", "20" if "lnp" in rig else "10", *arguments],
                          capture_output=True, text=True, check=False,
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
    answer = rehearse(name, *SIGNALS.get(name, ()))
    if not check(f"{name}: the rehearsal completes", answer["status"] == 0 and answer["summary"], answer["err"]):
        continue
    off = [(got / wanted - 1) * 100 for got, wanted in zip(answer["outlet_ul"], volumes)]
    check(f"{name}: the rig delivered the dose within 0.5 % on each channel",
          len(off) == len(answer["outlet_ul"]) and all(abs(one) <= 0.5 for one in off), (off, answer["outlet_ul"]))
    note(f"{name}: " + ", ".join(f"{one:+.3f} %" for one in off))
    check(f"{name}: no limit is exceeded", not within(name, answer), within(name, answer))

# ---- what comes from outside ---------------------------------------------------------

answer = rehearse("dose-escalation", "--signal", "toxicity=0.05", "--signal", "toxicity=0.4@100s")
given = answer["outlet_ul"]
check("dose-escalation: a sign of toxicity ends the portions, and the rescue channel runs",
      answer["status"] == 0 and 20 < given[0] < 40 and abs(given[1] - 60) < 0.3, answer)
for value, wanted in (("140 /mL", 100), ("100 /mL", 100), ("99 /mL", 50), ("3e3 /L", 0)):
    answer = rehearse("biomarker-guided-dosing", "--signal", f"tumour_dna={value}")
    given = answer["outlet_ul"]
    check(f"biomarker-guided-dosing: tumour DNA of {value}: {wanted} uL of the drug", answer["status"] == 0 and
          abs(given[0] - wanted) <= max(0.005 * wanted, 0.02) and abs(given[1] / 60 - 1) <= 0.005, answer)

# ---- the batch between its wastes -----------------------------------------------------


def flowed_ul(record, time_s):
    """By the sensors of the mixer's two lines, which lag by 20 ms."""
    database = sqlite3.connect(os.path.join(TOP, "build/integration", record))
    total = 0
    for channel in (0, 1):
        rows = database.execute("select time_ns / 1e9, flow_pl_min / 6e7 from sample where channel = ? and "
                                "time_ns <= ? order by rowid", (channel, (time_s + 0.02) * 1e9)).fetchall()
        total += sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(rows, rows[1:]))
    return total


answer = rehearse("vaccine-lnp-with-waste")
times = {text: time for time, text in answer["events"]}
begins = times.get("the start waste is out: the batch begins")
ends = times.get("the batch is out: what follows is waste")
# 200 uL/s and 20 records a second: a record is 10 uL.
check("vaccine-lnp-with-waste: it says when 350 uL are out, within two records, 20 uL",
      begins and abs(flowed_ul("library-vaccine-lnp-with-waste.db", begins) - 350) <= 20,
      begins and flowed_ul("library-vaccine-lnp-with-waste.db", begins))
check("and when the batch of 1000 uL is", ends and abs(flowed_ul("library-vaccine-lnp-with-waste.db", ends) - 1350) <= 20,
      ends and flowed_ul("library-vaccine-lnp-with-waste.db", ends))

# ---- trouble, and what the protocol says of it ----------------------------------------

# Of each: the fault, the status, what the record says, and the outlet's volumes where they are certain.
for name, arguments, status, words, volumes in (
        ("adoptive-cell-infusion", ["--fault", "occlusion@330s+60s"], 0, "on occlusion: at rest, retry", [60]),
        ("biomarker-guided-dosing", ["--signal", "tumour_dna=lost", "--set", "max_age=10 min"], 3, "on signal_lost", [0, 60]),
        ("checkpoint-inhibitor-perfusion", ["--fault", "occlusion:antibody@12min+60s"], 0,
         "on occlusion: at rest, retry", [252.5, 120]),
        ("checkpoint-inhibitor-perfusion", ["--fault", "occlusion:antibody@10min"], 3, "no retry is left of 2", None),
        ("combination-three-channels", ["--fault", "occlusion:second@7min"], 3, "on occlusion", None),
        ("convection-enhanced-delivery", ["--fault", "occlusion@28min+90s"], 0, "on occlusion: at rest, retry", [25]),
        ("convection-enhanced-delivery", ["--fault", "occlusion@20min"], 3, "no retry is left of 2", None),
        ("dose-escalation", ["--signal", "toxicity=0.05", "--signal", "toxicity=lost@50s"], 3, "on signal_lost", None),
        ("nanoparticle-bolus", ["--fault", "occlusion@3min+30s"], 0, "on occlusion: at rest, retry", [100]),
        ("neoantigen-lnp-batch", ["--fault", "air:lipid@1s"], 3, "on air", None),
        ("neoantigen-lnp-table", ["--fault", "air:aqueous@3s"], 3, "on air", None),
        ("patient-derived-dosing", ["--fault", "unplug@20s+3s"], 0, "on sensor_lost: at rest, retry", [20]),
        ("pharmacokinetic-doxorubicin", ["--fault", "nack:drug@10min+3s"], 0, "on sensor_lost: at rest, retry",
         VOLUMES["pharmacokinetic-doxorubicin"]),
        ("pharmacokinetic-gemcitabine", ["--fault", "air:drug@10min+5s"], 0, "on air: at rest, retry",
         VOLUMES["pharmacokinetic-gemcitabine"]),
        ("vaccine-lnp-formulation", ["--fault", "air:lipid@4s"], 3, "on air", None),
        ("vaccine-lnp-with-waste", ["--fault", "air:lipid@2s"], 3, "on air", None)):
    answer = rehearse(name, *arguments)
    what = f"{name} with {' '.join(arguments)}"
    said = "\n".join(text for _, text in answer.get("events", []))
    check(f"{what}: status {status}, and its rule was at work", answer["status"] == status and words in said,
          (answer["status"], said, answer["err"]))
    check(f"{what}: no limit is exceeded", not within(name, answer), within(name, answer))
    if volumes:
        check(f"{what}: the dose is right all the same, within 0.5 %",
              all(abs(got - wanted) <= max(0.005 * wanted, 0.02) for got, wanted in zip(answer["outlet_ul"], volumes)),
              answer["outlet_ul"])
    note(f"{what}: {answer.get('outlet_ul')}")

answer = rehearse("patient-derived-dosing", "--inputs", os.path.join(FOLDER, "inputs/patient-b.yaml"))
check("patient-derived-dosing: a file of inputs gives the dose: 50 uL", answer["status"] == 0 and
      abs(answer["outlet_ul"][0] / 50 - 1) < 0.005, answer)
answer = rehearse("patient-derived-dosing", "--inputs", os.path.join(FOLDER, "inputs/patient-b.yaml"),
                  "--set", "particles=1e10")
check("--set stands before the file: 10 uL", answer["status"] == 0 and
      abs(answer["outlet_ul"][0] / 10 - 1) < 0.005, answer)
end()
