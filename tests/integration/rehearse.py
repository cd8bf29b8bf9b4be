#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""`nanodose rehearse`: a protocol on the real driver in a machine of its own, with faults, and what it refuses."""
import json
import os
import sqlite3
import subprocess
import tempfile

from rig import TOP, check, end, fresh

PROGRAM = os.path.join(TOP, "build/bin/nanodose")
BOLUS = os.path.join(TOP, "protocols/nanoparticle-bolus.yaml")
PLAIN = """\
nanodose: 1
name: Plain
channels:
  line: {pump: line0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
inputs:
  amount: {value: 50 uL}
steps:
  - infuse: {channel: line, volume: "${amount}", rate: 100 uL/min}
"""


def rehearse(*arguments, **keywords):
    environment = {**os.environ, "ND_VM_BUILT": "1", **keywords.pop("environment", {})}
    done = subprocess.run([PROGRAM, "rehearse", *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=environment, **keywords)
    return done.returncode, done.stdout, done.stderr


def event_texts(summary):
    return [event["text"] for event in summary["events"]]


record = fresh("rehearse.db")
status, out, err = rehearse(BOLUS, "--json", "--record", record)
summary = json.loads(out)
check("a rehearsal ends as the run would", status == 0 and summary["status"] == "done", err)
check("it says that it is one: in the summary, the record and the events",
      summary["rehearsal"] is True and summary["protocol"] == "Rehearsal: Nanoparticle bolus" and
      any("this is a rehearsal" in text for text in event_texts(summary)), out)
check("the summary names the record where it is", summary["record"] == record and os.path.exists(record), out)
check("the whole dose is delivered", abs(summary["channels"][0]["delivered_ul"] - 100) < 0.5, out)
check("ten minutes of the protocol were ten minutes of the rig", 600 < summary["duration_s"] < 620, out)
done = subprocess.run([PROGRAM, "verify", record], capture_output=True, text=True, check=False)
check("the record is sealed and whole", done.returncode == 0, done.stdout + done.stderr)
status, out, err = rehearse(BOLUS, "--record", record)
check("a record is never written over", status == 1 and "exists already" in err, err)

record = fresh("rehearse-fault.db")
status, out, err = rehearse(BOLUS, "--json", "--record", record, "--fault", "occlusion@2min")
summary = json.loads(out)
check("an occlusion at two minutes stops it by an interlock", status == 3 and summary["exit_status"] == 3 and
      120 < summary["duration_s"] < 600, out + err)
check("what was delivered until then is told", 20 < summary["channels"][0]["delivered_ul"] < 99, out)
check("the record says with what it was rehearsed",
      any("occlusion@2min" in text for text in event_texts(summary)), out)
with sqlite3.connect(f"file:{record}?mode=ro", uri=True) as database:
    text = str(database.execute("select * from event").fetchall())
check("the record of a rehearsal that stopped holds the fault", "occlusion" in text, text[-600:])

record = fresh("rehearse-passing.db")
status, out, err = rehearse(BOLUS, "--json", "--record", record, "--fault", "occlusion:particles@2min+10s")
check("a fault that passes is gone on after", status == 0 and "occlusion of rig0 ends" in err, err)

with tempfile.TemporaryDirectory(dir="/tmp") as folder:
    with open(os.path.join(folder, "plain.yaml"), "w", encoding="utf-8") as file:
        file.write(PLAIN)
    status, out, err = rehearse("plain.yaml", "--json", "--set", "amount=20 uL", cwd=folder)
    summary = json.loads(out)
    check("a protocol outside the checkout without a rig: on a bench with its syringe",
          status == 0 and "stiff benches" in err and abs(summary["channels"][0]["delivered_ul"] - 20) < 0.1, out + err)
    records = [name for name in os.listdir(folder) if name.endswith(".db")]
    check("its record is in the current folder, named a rehearsal",
          len(records) == 1 and records[0].startswith("REHEARSAL-") and records[0] == summary["record"],
          os.listdir(folder))
    status, out, err = rehearse("plain.yaml", "--set", "amount=2 mL", cwd=folder)
    check("a protocol with an error is refused before a machine starts", status == 1 and ":8:" in err, err)
    status, out, err = rehearse("plain.yaml", "--fault", "occlusion:lane@1s", cwd=folder)
    check("a fault of a channel that is not there is refused", status == 1 and "no channel 'lane'" in err, err)

for fault, words in (("occlusion", "NAME[:CHANNEL]"), ("occlusion@", "NAME[:CHANNEL]"), ("@5min", "NAME[:CHANNEL]"),
                     ("occlusion@5uL", "NAME[:CHANNEL]"), ("occlusion=x@5min", "NAME[:CHANNEL]"),
                     ("flood@5min", "there is no fault 'flood'")):
    status, out, err = rehearse(BOLUS, "--fault", fault)
    check(f"--fault {fault}: status 2, says what is right", status == 2 and words in err, err)
status, out, err = rehearse(BOLUS, environment={"NANODOSE_MACHINE": "/nowhere"})
check("no virtual machine: status 1, says where it looked", status == 1 and "/nowhere" in err, err)
status, out, err = rehearse(BOLUS, "--here")
check("--here without a simulated rig: status 1, and nothing moves", status == 1 and "rig0" in err, err)
SIGNALS = """\
nanodose: 1
name: Signals
signals:
  marker: {socket: /run/lab/marker, unit: ng/mL, max_age: 1 min}
channels:
  line: {pump: line0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
  rescue: {pump: line1, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - wait: {until: signal.marker < 5, timeout: 1 h}
  - infuse: {channel: line, volume: 50 uL, rate: 100 uL/min}
  - wait: {until: signal.marker > 50, timeout: 2 h}
on:
  signal_lost:
    rescue:
      - infuse: {channel: rescue, volume: 20 uL, rate: 100 uL/min}
"""
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "signals.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write(SIGNALS)
    status, out, err = rehearse(path)
    check("a signal that is not given is asked for before anything starts", status == 1 and
          "--signal marker=VALUE" in err, err)
    status, out, err = rehearse(path, "--signal", "marker=7 uL")
    check("a value that is no reading of it is refused", status == 1 and "not in ng/mL" in err, err)
    status, out, err = rehearse(path, "--signal", "other=7")
    check("so is a signal that the protocol does not have", status == 1 and "no signal 'other'" in err, err)
    status, out, err = rehearse(path, "--signal", "marker")
    check("and one without a value", status == 2 and "NAME=VALUE[@TIME]" in err, err)
    status, out, err = rehearse(path, "--json", "--record", fresh("rehearse-signal.db"), "--signal", "marker=9",
                                "--signal", "marker=4@20min", "--signal", "marker=0.06 ug/mL@40min")
    summary = json.loads(out)
    check("signals at their times: it waits for 20 minutes, doses, and ends after 40", status == 0 and
          2400 < summary["duration_s"] < 2410 and abs(summary["channels"][0]["delivered_ul"] - 50) < 0.25, out + err)
    check("the record says by which it was rehearsed",
          any("signals marker=9, marker=4@20min" in text for text in event_texts(summary)), out)
    status, out, err = rehearse(path, "--json", "--record", fresh("rehearse-lost.db"), "--signal", "marker=4",
                                "--signal", "marker=lost@10min")
    summary = json.loads(out)
    check("a signal that is lost: the rescue steps, a minute later", status == 3 and
          650 < summary["duration_s"] < 690 and abs(summary["channels"][1]["delivered_ul"] - 20) < 0.1, out + err)
end()
