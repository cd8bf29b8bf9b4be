#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""A fluid of one's own: what the sensor reads of it becomes its flow, for the loop, the
record and the report; and where a sensor does not say what flows, nothing is driven by it."""
import csv
import io
import json
import os
import sqlite3
import subprocess

from rig import TOP, check, end, fresh, write_protocol

PROGRAM = os.path.join(TOP, "build/bin/nanodose")
FLUID = "{{name: serum, viscosity: 1.3 mPa.s, calibration: water, correction: {}}}"
LINEAR = FLUID.format("{unit: uL/min, a: 1.25, saturation: 900 uL/min}")


def rehearse(name, fluid, rate="600 uL/min", rig="  sensor_gain_ppm: -200000\n", more=()):
    """Status, summary, what was said, and the samples of (set point, flow, raw, pump rate, estimate), uL/min."""
    rig = "" if rig is None else "rig: " + os.path.basename(write_protocol(
        f"fluid-{name}-rig.yaml", f"rig0:\n  syringe_diameter_um: 8585\n  seed: 3\n{rig}")) + "\n"
    path = write_protocol(f"fluid-{name}.yaml", f"""nanodose: 1
{rig}channels:
  line: {{pump: rig0, syringe: BD Plastipak 3 mL, loaded: 2 mL, fluid: {fluid}}}
steps:
  - infuse: {{channel: line, volume: 400 uL, rate: {rate}}}
""")
    record = fresh(f"fluid-{name}.db")
    done = subprocess.run([PROGRAM, "rehearse", path, "--json", "--record", record, *more], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL, env={**os.environ, "ND_VM_BUILT": "1"})
    if done.returncode:
        return done.returncode, None, done.stderr, [], record
    database = sqlite3.connect(record)
    rows = database.execute(
        "SELECT setpoint_pl_min, fluid_flow_pl_min, flow_pl_min, pump_rate_pl_min, estimate_pl_min"
        " FROM measured ORDER BY id").fetchall()
    events = "\n".join(row[0] for row in database.execute("SELECT text FROM events"))
    database.close()
    rows = [[None if value is None else value * 1e-6 for value in row] for row in rows]
    return 0, json.loads(done.stdout), done.stderr + events, rows, record


def mean(values):
    return sum(values) / len(values)


def steady(rows, column):
    """Of the middle third of the step, by when the loop has settled."""
    moving = [row for row in rows if row[0]]
    return mean([row[column] for row in moving[len(moving) // 3:2 * len(moving) // 3] if row[column] is not None])


def export(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


# ---- in proportion ---------------------------------------------------------------------

status, run, said, rows, record = rehearse("linear", LINEAR)
check("a fluid that reads 20 % low, with its correction: done", status == 0 and run["status"] == "done", said)
check("the dose is right within 0.5 %", abs(run["channels"][0]["delivered_ul"] - 400) <= 2, run)
check("the sensor reads 480 uL/min of it, the flow is 600, within 1 %",
      abs(steady(rows, 2) - 480) <= 5 and abs(steady(rows, 1) - 600) <= 6, (steady(rows, 2), steady(rows, 1)))
check("and the loop leaves the pump at 600 uL/min", abs(steady(rows, 3) - 600) <= 6, steady(rows, 3))
check("no warning that the sensor saw another volume", "the sensor saw" not in said, said)

status, run, said, rows, _ = rehearse("without", "water")
check("the same read as water: 480 uL/min is what is taken for its flow", abs(steady(rows, 1) - 480) <= 5,
      steady(rows, 1))

status, run, said, rows, _ = rehearse("no-rig", LINEAR, rig=None)
check("without a rig file the model's sensor reads the fluid as the correction says",
      status == 0 and abs(steady(rows, 2) - 480) <= 5 and abs(steady(rows, 3) - 600) <= 6,
      (said, rows and (steady(rows, 2), steady(rows, 3))))

again = ("--rig-from", record)
status, run, said, rows, _ = rehearse("fitted", LINEAR, rig=None, more=again)
check("a rig fitted to its record, too", status == 0 and abs(steady(rows, 2) - 480) <= 5 and
      abs(steady(rows, 3) - 600) <= 6, (said, rows and (steady(rows, 2), steady(rows, 3))))
status, run, said, rows, _ = rehearse("fitted-water", "water", rig=None, more=again)
check("which is not taken for that of another fluid", status == 1 and "ran with serum, the protocol has water" in said, said)

# ---- a cubic ---------------------------------------------------------------------------

A, B, C = 1.1, 2e-4, 1e-7
CUBIC = FLUID.format(f"{{unit: uL/min, a: {A}, b: {B}, c: {C}, saturation: 1500 uL/min}}")
status, run, said, rows, record = rehearse("cubic", CUBIC)


def cubic(x):
    return x * (A + abs(x) * (B + abs(x) * C))


off = [row for row in rows if row[2] is not None and abs(cubic(row[2]) - row[1]) > 1e-6]
check("a cubic: each flow of the record is that of its reading", status == 0 and len(rows) > 500 and not off, off[:3])
table = list(csv.DictReader(io.StringIO(export("export", record, "--format", "csv").stdout)))
check("the CSV has the flow", len(table) == len(rows) and
      all(abs(float(line["flow_ul_min"]) - row[1]) < 1e-6 for line, row in zip(table, rows)), table[:2])
h5 = fresh("fluid-cubic.h5")
export("export", record, "--format", "hdf5", "--output", h5)
dump = subprocess.run(["h5dump", "-m", "%.6f", "-y", "-w", "1", "-d", "/channels/line/flow_ul_min", h5], capture_output=True,
                      text=True, check=False).stdout
numbers = [float(line.strip(", \n")) for line in dump.split("DATA {")[1].split("}")[0].split("\n") if line.strip()]
check("HDF5 has it", len(numbers) == len(rows) and
      all(row[1] is None or abs(number - row[1]) < 1e-5 for number, row in zip(numbers, rows)), dump[:500])
page = fresh("fluid-cubic.html")
export("report", record, "--output", page)
with open(page, encoding="utf-8") as file:
    text = file.read()
check("the report has the fluid and its correction", "serum, 1.3 mPa s" in text and
      "flow = 1.1 x + 0.0002 x² + 1e-07 x³, of readings x in units of 1 uL/min; up to 1.5 mL/min" in text, text[-3000:])

# ---- beyond what a sensor can say ------------------------------------------------------


def driven_up(rows):
    """Where a set point and no flow is known, the rates that are above the one before."""
    return [(last[3], row[3]) for last, row in zip(rows, rows[1:])
            if row[0] and row[1] is None and last[1] is None and row[3] > last[3] * 1.0001]


SATURATED = FLUID.format("{unit: uL/min, a: 1.25, saturation: 500 uL/min}")
status, run, said, rows, _ = rehearse("saturated", SATURATED)
check("beyond its saturation: a warning beforehand, and one that the dose rests on the steps",
      status == 0 and "measures up to 500 uL/min only" in said and "rests on the steps alone" in said, said)
check("no flow is recorded there, and the reading is kept",
      any(row[1] is None and row[2] > 400 for row in rows) and
      all(row[1] is None or abs(row[1]) <= 500 for row in rows), rows[:3])
check("nothing drives the pump up there, it comes back to what was asked for, and the dose is right",
      not driven_up(rows) and abs(steady(rows, 3) - 600) <= 0.1 and
      abs(run["channels"][0]["delivered_ul"] - 400) <= 2, driven_up(rows) or steady(rows, 3))
status, run, said, rows, _ = rehearse("range", "water", rate="3 mL/min",
                                     rig="  resistance_pa_s_per_ul: 500\n")
check("beyond the sensor's own range, likewise", status == 0 and "measures up to" in said and
      "rests on the steps alone" in said and abs(steady(rows, 3) - 3000) <= 0.1 and
      abs(run["channels"][0]["delivered_ul"] - 400) <= 2, (said, rows and steady(rows, 3)))
end()
