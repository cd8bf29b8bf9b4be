#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""`nanodose plan`: figures against hand calculation, the CSV's integral, the picture, what is refused."""
import csv
import io
import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree

from rig import TOP, check, end, write_protocol

PROGRAM = os.path.join(TOP, "build/bin/nanodose")
CHIP = """\
nanodose: 1
name: Chip & line
channels:
  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water, dead_volume: 20 uL,
      particles: {concentration: 1e9 /mL}, chip: {width: 400 um, height: 100 um, length: 50 mm}}
  b: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water, dead_volume: 80 uL}
limits:
  a: {shear: 0.26 Pa}
steps:
  - hold: 30 s
  - infuse: {channel: a, volume: 50 uL, rate: 10 uL/min}
  - ramp: {channel: b, from: 0 uL/min, to: 60 uL/min, duration: 4 min}
  - withdraw: {channel: b, volume: 20 uL, rate: 60 uL/min}
  - every: {period: 1 min, times: 3, steps: [infuse: {channel: a, volume: 5 uL, rate: 10 uL/min}]}
"""


def plan(*arguments, locale="C.UTF-8"):
    done = subprocess.run([PROGRAM, "plan", *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": locale})
    return done.returncode, done.stdout, done.stderr


path = write_protocol("plan.yaml", CHIP)
status, out, err = plan(path, "--json")
facts = json.loads(out)
a, b = facts["channels"]
near = lambda value, expected, share=1e-6: abs(value - expected) <= share * abs(expected)
check("duration: 30 s, 5 min, 4 min, 20 s, two periods and 30 s", status == 0 and
      near(facts["duration_s"], 30 + 300 + 240 + 20 + 120 + 30), (facts, err))
check("volumes, and what is left at the least", near(a["infused_ul"], 65) and near(a["lowest_ul"], 335) and
      near(b["infused_ul"], 120) and near(b["withdrawn_ul"], 20) and near(b["lowest_ul"], 280), out)
check("the dose in particles", near(a["particles"], 65e-3 * 1e9), a)
check("behind 20 uL at 10 uL/min: 2 min after the hold", near(a["arrival_s"], 30 + 120), a)
# The ramp has infused 60 / 60 / 240 t^2 / 2 = 80 uL at t = 196 s.
check("behind 80 uL of a ramp: where its parabola is", near(b["arrival_s"], 330 + (80 * 2 * 240) ** 0.5, 1e-4), b)
# 6 u Q / (w h2) and 12 u L Q / (w h3 (1 - 0.63 h / w)) with u = 1.002 mPa s, Q = 1e-8 / 60 m3/s
check("wall shear in the chip: 0.2505 Pa", near(a["chip_shear_pa"], 0.2505), a)
check("pressure across it: 297.4 Pa", near(a["chip_pressure_pa"], 297.3, 1e-3), a)
check("without a chip there is none", b["chip_shear_pa"] is None, b)

status, out, err = plan(path, "--csv")
rows = list(csv.DictReader(io.StringIO(out)))
volume = 0
points = [(float(row["time_s"]), float(row["setpoint_ul_min"]), float(row["volume_ul"])) for row in rows
          if row["channel"] == "b"]
good = True
for (t0, r0, _), (t1, r1, v1) in zip(points, points[1:]):
    volume += (r0 + r1) / 2 * (t1 - t0) / 60
    good = good and t1 >= t0 and abs(volume - v1) < 1e-6
check("the CSV's set points have its volumes as their integral", status == 0 and good and near(volume, 100), points)

status, out, err = plan(path, "--svg")
tree = ElementTree.fromstring(out)
lines = [one for one in tree.iter() if one.tag.endswith("polyline")]
check("the picture is well-formed and has a line for each channel", status == 0 and len(lines) == 2, out[:300])
check("its title is the protocol's name", "Chip & line" in "".join(tree.itertext()), out[:300])

status, out, err = plan(path)
check("the table names each step with its line and each round of it", status == 0 and
      out.count("infuse a 5 uL at 10 uL/min") == 3 and "30 s" in out, out)
check("and the plot is drawn", "█" in out, out)
status, out, err = plan(path, locale="C")
check("without UTF-8 in plain characters", status == 0 and out.isascii() and "@" in out, out)

status, out, err = plan(write_protocol("plan-shear.yaml", CHIP.replace("0.26 Pa", "0.25 Pa")))
check("a wall shear beyond its limit is refused", status == 1 and "wall shear of 0.2505 Pa" in err and ":11:" in err, err)
status, out, err = plan(write_protocol("plan-shear.yaml", CHIP.replace("a: {shear", "b: {shear")))
check("a limit of shear without a chip is refused", status == 1 and "shear: cannot be known" in err, err)
status, out, err = plan(path, path)
check("two files: status 2", status == 2, err)
status, out, err = plan(os.path.join(TOP, "protocols/eight-hours.yaml"), "--json")
check("eight hours at 5 uL/min are 2.4 mL", near(json.loads(out)["channels"][0]["infused_ul"], 2400), out)
end()
