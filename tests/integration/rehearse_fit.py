#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""`nanodose rehearse --rig-from RUN.db`: a rig whose parameters are known makes a
record, the fit to it finds them again, and what cannot be fitted is refused."""
import json
import os
import re
import shutil
import sqlite3
import subprocess

from rig import TOP, check, end, fresh, write_protocol

PROGRAM = os.path.join(TOP, "build/bin/nanodose")
DEMO = os.path.join(TOP, "protocols/demo.yaml")
# By pump: the bench of the demonstration, with sensors that are off and a back pressure.
TRUTH = {"rig0": {"compliance_fl_per_pa": 940000, "resistance_pa_s_per_ul": 652, "sensor_gain_ppm": 30000,
                  "sensor_offset_pl_min": 2000000, "back_pressure_pa": 0, "sensor_tau_us": 20000},
         "rig1": {"compliance_fl_per_pa": 420000, "resistance_pa_s_per_ul": 4860, "sensor_gain_ppm": -20000,
                  "sensor_offset_pl_min": 0, "back_pressure_pa": 3000, "sensor_tau_us": 60000}}
BORE_UM = {"rig0": 8585, "rig1": 4699}
NUMBER = r"(-?[\d.]+(?:e[+-]\d+)?)"
LINE = re.compile(rf"^(\w+): fitted from (\S+): time constant {NUMBER} s, compliance {NUMBER} fL/Pa, "
                  rf"resistance {NUMBER} Pa s/uL, {NUMBER} Pa at rest, sensor gain {NUMBER}, "
                  rf"zero {NUMBER} uL/min(?:, sensor lag {NUMBER} s)?$", re.M)


def rehearse(*arguments):
    done = subprocess.run([PROGRAM, "rehearse", *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, "ND_VM_BUILT": "1"})
    return done.returncode, done.stdout, done.stderr


def tau_s(rig):
    return TRUTH[rig]["compliance_fl_per_pa"] * TRUTH[rig]["resistance_pa_s_per_ul"] * 1e-9


def tau_found_s(err, rig):
    found = re.search(rf"^{rig}: fitted from \S+: time constant {NUMBER} s", err, re.M)
    return float(found.group(1)) if found else float("nan")


def near(value, expected, share):
    return abs(value - expected) <= share * abs(expected)


def changed(name, *statements, seal=False):
    """A copy of the record with a change; without its seal it is one of a run cut short."""
    path = fresh(name)
    shutil.copyfile(RECORD, path)
    database = sqlite3.connect(path)
    for statement in (*statements, *(() if seal else ("DELETE FROM seal",))):
        database.execute(statement)
    database.commit()
    database.close()
    return path


def refused(what, words, record, protocol=DEMO):
    name = fresh("fit-refused.db")
    status, _, err = rehearse(protocol, "--rig-from", record, "--record", name)
    check(f"{what}: refused, and says why", status == 1 and words in err and record in err and
          "virtual machine" not in err, err)
    check(f"{what}: nothing was rehearsed", not os.path.exists(name))


rig_file = write_protocol("fit-rig.yaml", "".join(
    f"{rig}:\n  syringe_diameter_um: {BORE_UM[rig]}\n  seed: 5\n" +
    "".join(f"  {key}: {value}\n" for key, value in values.items()) for rig, values in TRUTH.items()))
RECORD = fresh("fit-run.db")
status, out, err = rehearse(DEMO, "--rig", rig_file, "--json", "--record", RECORD)
run = json.loads(out)
check("the run to fit to ends well", status == 0, err)

# ---- the fit, and a rehearsal on it ----------------------------------------------------

status, out, err = rehearse("--rig-from", RECORD, DEMO, "--json", "--record", fresh("fit-rehearsal.db"))
summary = json.loads(out)
fitted = {match[0]: match for match in LINE.findall(err)}
check("a rehearsal on the rig of a record ends with status 0", status == 0 and summary["status"] == "done", err)
check("what was fitted is told, in a line for each channel", sorted(fitted) == sorted(TRUTH), err)
for rig, truth in TRUTH.items():
    _, path, tau, compliance, resistance, rest, gain, zero, lag = fitted.get(rig, ("",) + ("nan",) * 8)
    check(f"{rig}: the line names the record", path == RECORD, err)
    check(f"{rig}: the time constant within 10 %", near(float(tau), tau_s(rig), 0.1), (tau, tau_s(rig)))
    check(f"{rig}: compliance and resistance within 10 %",
          near(float(compliance), truth["compliance_fl_per_pa"], 0.1) and
          near(float(resistance), truth["resistance_pa_s_per_ul"], 0.1), (compliance, resistance))
    check(f"{rig}: the pressure at rest within 20 Pa", abs(float(rest) - truth["back_pressure_pa"]) <= 20, rest)
    check(f"{rig}: the sensor's gain within 0.5 %, its zero within 1 uL/min",
          abs(float(gain) - 1 - truth["sensor_gain_ppm"] * 1e-6) <= 0.005 and
          abs(float(zero) - truth["sensor_offset_pl_min"] * 1e-6) <= 1, (gain, zero))
    check(f"{rig}: the sensor's lag within 10 ms", abs(float(lag or 0.02) - truth["sensor_tau_us"] * 1e-6) <= 0.01, lag)
for then, now in zip(run["channels"], summary["channels"]):
    name = now["name"]
    check(f"{name}: the dose of the rehearsal is within 0.5 %",
          near(now["delivered_ul"], now["target_ul"], 0.005) and abs(now["error_pct"]) <= 0.5, now)
    check(f"{name}: as is its highest pressure that of the run, within 2 %",
          near(now["max_pressure_kpa"], then["max_pressure_kpa"], 0.02), (now, then))

status, out, err = rehearse(DEMO, "--rig-from", RECORD, "--json",
                            "--set", "total_rate=0.8 mL/min", "--record", fresh("fit-other.db"))
check("a protocol with another rate, on the same record's rig", status == 0 and
      near(json.loads(out)["channels"][0]["delivered_ul"], 1500, 0.005), err)

# ---- less to go by ----------------------------------------------------------------------

record = changed("fit-no-pressure.db", "UPDATE sample SET pressure_pa = NULL")
status, out, err = rehearse(DEMO, "--rig-from", record, "--json", "--record", fresh("fit-rehearsal.db"))
check("without a pressure: a resistance that no limit stops, and it says so", status == 0 and
      err.count("as no pressure was recorded") == 2 and
      "rig0: " in err and "resistance taken to be 500 Pa s/uL" in err, err)
check("the dose is none the worse for it",
      status == 0 and all(near(one["delivered_ul"], one["target_ul"], 0.005) for one in json.loads(out)["channels"]), out)
for rig in TRUTH:
    check(f"{rig}: the time constant is found by the flow alone, within 10 %",
          near(tau_found_s(err, rig), tau_s(rig), 0.1), (tau_found_s(err, rig), tau_s(rig)))
record = fresh("fit-stopped.db")
status, out, err = rehearse(DEMO, "--rig", rig_file, "--record", record, "--fault", "estop@80s")
check("a run that a fault ends", status == 3, err)
status, out, err = rehearse(DEMO, "--rig-from", record, "--record", fresh("fit-rehearsal.db"))
check("it is fitted to until its fault, and what followed does not count", status == 0 and
      all(near(tau_found_s(err, rig), tau_s(rig), 0.1) for rig in TRUTH), err)

# ---- what is refused --------------------------------------------------------------------

for trouble, words in (("occlusion:carrier@80s", "occlusion: the flow is"), ("stall@85s", "empty syringe: the flow is")):
    record = fresh("fit-trouble.db")
    status, out, err = rehearse(DEMO, "--rig", rig_file, "--record", record, "--fault", trouble)
    check(f"{trouble}: the loop names it and stops", status == 3 and words in err, err)
    status, out, err = rehearse(DEMO, "--rig-from", record, "--record", fresh("fit-rehearsal.db"))
    check(f"{trouble}: its record is fitted to until then", status == 0 and
          all(near(tau_found_s(err, rig), tau_s(rig), 0.1) for rig in TRUTH), err)
# Without a loop nobody says so.
OPEN = write_protocol("fit-open.yaml", open(DEMO, encoding="utf-8").read().replace("fluid: water", "fluid: water, control: open")
                      .replace("rig: rigs/", f"rig: {TOP}/protocols/rigs/"))
record = fresh("fit-clogged.db")
status, out, err = rehearse(OPEN, "--rig", rig_file, "--record", record, "--fault", "occlusion:carrier@80s")
check("a run whose line clogged seconds before a fault told of it", status == 3, err)
refused("its record", "until its first fault", record)
record = fresh("fit-stalled.db")
status, out, err = rehearse(OPEN, "--rig", rig_file, "--record", record, "--fault", "stall@85s")
check("a run whose pumps stalled unseen", status == 0, err)
refused("its record", "sensors that do not answer it", record)
refused("a run that had hardly begun", "too little motion",
        changed("fit-still.db", "DELETE FROM sample WHERE time_ns > 400000000"))
refused("a channel that never moved", "channel 'particles' moved 0 uL",
        changed("fit-one.db", "UPDATE sample SET position = (SELECT origin_position FROM channel WHERE id = 1) "
                "WHERE channel = 1"))
refused("a record without a reading", "too little motion",
        changed("fit-blind.db", "UPDATE sample SET flow_pl_min = NULL, pressure_pa = NULL"))
refused("a flow that comes and goes by itself", "cannot be explained",
        changed("fit-wild.db", "UPDATE sample SET flow_pl_min = flow_pl_min * (1 + time_ns / 5000000000 % 3) / 2"))
refused("a sensor of another flow", "flow sensor of channel 'carrier' read 3.09 times",
        changed("fit-gain.db", "UPDATE sample SET flow_pl_min = flow_pl_min * 3"))
with open(DEMO, encoding="utf-8") as file:
    text = file.read().replace("rigs/demo-bench.yaml", os.path.join(TOP, "protocols/rigs/demo-bench.yaml"))
refused("a channel by another name", "has a channel 'carrier', the protocol has not", RECORD,
        write_protocol("fit-names.yaml", re.sub(r"\bcarrier\b", "buffer", text)))
refused("a channel that the record has not", "channel 'carrier' is not in the record",
        changed("fit-fewer.db", "DELETE FROM channel WHERE name = 'carrier'"))
refused("another syringe", "ran with BD Plastipak 3 mL, 8.585 mm", RECORD,
        write_protocol("fit-syringe.yaml", text.replace("BD Plastipak 3 mL", "BD Plastipak 5 mL")))
refused("another medium", "ran with water, the protocol has ipa", RECORD,
        write_protocol("fit-medium.yaml", text.replace("fluid: water}", "fluid: ipa}", 1)))
refused("a record that was altered", "damaged or was altered",
        changed("fit-altered.db", "UPDATE sample SET flow_pl_min = flow_pl_min + 1 WHERE sequence = 100", seal=True))
refused("a record of another format", "the file has format 3",
        changed("fit-format.db", "PRAGMA user_version = 3", seal=True))
refused("a database of another program", "a database of another program",
        changed("fit-application.db", "PRAGMA application_id = 1", seal=True))
refused("a record of another layout", "no such column",
        changed("fit-layout.db", "ALTER TABLE channel RENAME COLUMN fluid TO liquid"))
path = fresh("fit-short.db")
with open(RECORD, "rb") as file, open(path, "wb") as out_file:
    out_file.write(file.read(20000))
refused("a record that is cut off", "damaged", path)
refused("a file that is no record", "this is not a run file", DEMO)
refused("no file at all", "No such file", fresh("fit-nothing.db"))
for arguments, words in ((("--rig", rig_file), "--rig and --rig-from both"), (("--here",), "and no --rig-from")):
    status, out, err = rehearse(DEMO, "--rig-from", RECORD, *arguments)
    check(f"--rig-from with {arguments[0]}: status 2, says why", status == 2 and words in err, err)
end()
