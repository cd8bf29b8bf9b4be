#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0:compliance_fl_per_pa=900000,resistance_pa_s_per_ul=4700,backlash_steps=30,sensor_tau_us=40000,sensor_gain_ppm=-30000 --rig rig1:compliance_fl_per_pa=2000000,resistance_pa_s_per_ul=4700,backlash_steps=30,sensor_tau_us=40000,sensor_gain_ppm=-30000 --rig rig2:leak_fl_per_pa_s=100000,seed=5
"""calibrate finds what the rig is, by its truth, keeps it for runs that begin with it, and tells when the rig
has changed; by a balance it finds the volume of a step."""
import json
import math
import os
import re
import signal
import sqlite3

from rig import OUT, check, end, fault, fresh, nanodose, query, run_protocol, start, steps_moved, truth, wait_until, write_protocol

NOMINAL_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
SYRINGE = ("--syringe", "BD Plastipak 1 mL")
TAU_S = 900000 * 4700 * 1e-9
KEPT = fresh("calibrations.db")
os.environ["NANODOSE_CALIBRATIONS"] = KEPT
DOSE = """\
nanodose: 1
name: Calibrated
channels:
  line: {pump: %s, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 40 uL, rate: 100 uL/min}
"""


def rows(table):
    if not os.path.exists(KEPT):
        return 0
    with sqlite3.connect(KEPT) as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def calibrate(*arguments, **keywords):
    """Exit status, the result, what was said, steps by the rig net and at most."""
    status, out, err = nanodose("calibrate", *arguments, "--json", **keywords)
    return status, json.loads(out) if out else None, err


def dose(rig, name):
    """Summary of the channel, texts of the events."""
    record = fresh(name)
    status, summary, err = run_protocol(write_protocol(f"{name}.yaml", DOSE % rig), record)
    texts = [text for text, in query(record, "SELECT text FROM event")]
    check(f"{name}: the run is done", status == 0 and summary["status"] == "done", err)
    return summary["channels"][0], texts, record


# ---- what is refused; nothing moves -----------------------------------------------------

before = [truth(rig, "steps") for rig in ("rig0", "rig1", "rig2")]
REFUSED = [
    (("calibrate",), 2, "name the pump"),
    (("calibrate", "rig0", "rig1", *SYRINGE), 2, "one pump"),
    (("calibrate", "rig0", "--yes"), 2, "name the --syringe"),
    (("calibrate", "rig0", *SYRINGE), 1, "--yes says it"),
    (("calibrate", "rig0", *SYRINGE, "--weigh"), 1, "--yes says it"),
    (("calibrate", "rig0", *SYRINGE, "--weigh", "--name", "medium 2"), 2, "of any liquid"),
    (("calibrate", "rig9", *SYRINGE, "--yes"), 1, 'no pump named "rig9"'),
    (("calibrate", "rig0", *SYRINGE, "--yes", "--volume", "3"), 2, "--volume"),
    (("calibrate", "rig0", *SYRINGE, "--yes", "--volume", "2 mL"), 2, "at most the syringe"),
    (("calibrate", "rig0", *SYRINGE, "--yes", "--volume", "1 nL"), 2, "at least 100 steps"),
    (("calibrate", "rig0", *SYRINGE, "--yes", "--rate", "1 kg"), 2, '"0.1 mm/s"'),
    (("calibrate", "rig0", *SYRINGE, "--yes", "--density", "1 g/mL"), 2, "belongs to --weigh"),
    (("calibrate", "rig0", *SYRINGE, "--yes", "--weigh", "--density", "13 g/mL"), 2, "of a liquid"),
    (("calibrate", "rig0", *SYRINGE, "--yes", "--weigh", "--density", "1 mL"), 2, "--density"),
]
for arguments, expected, words in REFUSED:
    status, out, err = nanodose(*arguments)
    check(f"{' '.join(arguments)}: refused, and told what would be right", status == expected and words in err and not out,
          (status, err))
check("nothing moved, nothing is kept", before == [truth(rig, "steps") for rig in ("rig0", "rig1", "rig2")] and
      not os.path.exists(KEPT))

# ---- what the rig is -------------------------------------------------------------------

plain, texts, record = dose("rig0", "uncalibrated.db")
check("a run without a calibration says nothing of one", not any("calibrat" in text for text in texts), texts)
check("and keeps nothing", not os.path.exists(KEPT))

begin = truth("rig0", "steps")
status, found, err = calibrate("rig0", *SYRINGE, "--yes")
pushed = truth("rig0", "steps") - begin
rate_ul_s = 1e-4 * math.pi / 4 * 4.699e-3 ** 2 * 1e9
check("calibrate says what it does and ends well", status == 0 and "a quarter of it back" in err and "kept in " + KEPT in err,
      (status, err))
check("it has pushed what 10 s of 0.1 mm/s give", abs(pushed * NOMINAL_UL - 10 * rate_ul_s) < 3 * NOMINAL_UL, pushed)
if found:
    check("time constant within 3 % of the rig's", abs(found["time_constant_s"] / TAU_S - 1) < 0.03, found)
    check("compliance and resistance likewise", abs(found["compliance_fl_pa"] / 900000 - 1) < 0.03 and
          abs(found["resistance_pa_s_ul"] / 4700 - 1) < 0.03, found)
    check("gain within 1 %", abs(found["sensor_gain"] / 0.97 - 1) < 0.01, found)
    check("lag within 15 ms", found["sensor_lag_s"] is None or abs(found["sensor_lag_s"] - 0.04) < 0.015, found)
    check("backlash within 5 steps", abs(found["backlash_steps"] - 30) < 5, found)
    check("errors are told", 0 < found["time_constant_error"] < 0.05 and 0 < found["sensor_gain_error"] < 0.05, found)
check("one row is kept", rows("rig") == 1)

quick, texts, record = dose("rig0", "calibrated.db")
check("the next run tells that it begins with that", any("begins with the calibration of" in text for text in texts), texts)
check("settles sooner than the one before", quick["settle_s"] < plain["settle_s"], (plain, quick))
check("without more overshoot than 3 %", quick["overshoot_pct"] < 3, quick)
check("finds nothing changed", not any("has changed" in text or "part:" in text for text in texts), texts)
check("knows that the test has left the play of the screw taken up", any("play of its screw is taken up" in text for text in texts),
      texts)
dose("rig0", "refined.db")
texts = dose("rig0", "refined-2.db")[1]
check("what is known better than by a run stays", not rows("rig WHERE by_run"), texts)
check("runs leave the play taken up, too", any("play of its screw is taken up" in text for text in texts), texts)
check("it is moved by hand", nanodose("jog", "rig0", "1 uL", *SYRINGE, "--withdraw")[0] == 0)
texts = dose("rig0", "moved.db")[1]
check("after a move by hand nobody knows where it is", any("begins with the calibration" in text for text in texts) and
      not any("play of its screw" in text for text in texts), texts)

status, out, err = nanodose("calibrate", "rig0", *SYRINGE, "--yes", "--rate", "60 uL/min", "--volume", "15 uL")
check("without --json a table for people", status == 0 and "time constant" in out and "steps" in out and "at 1 bar" in out, (out, err))
status, found, err = calibrate("rig0", *SYRINGE, "--yes", "--fluid", "ipa")
with sqlite3.connect(KEPT) as database:
    fluids = {fluid for fluid, in database.execute("SELECT fluid FROM rig")}
check("each fluid is kept apart", status == 0 and found["fluid"] == "ipa" and fluids == {"water", "ipa"}, (fluids, err))

status, found, err = calibrate("rig0", *SYRINGE, "--yes", "--name", "medium 2")
OWN = DOSE.replace("fluid: water", "fluid: {name: medium 2, viscosity: 1.3 mPa.s, calibration: water}")
record = fresh("own.db")
status, summary, err = run_protocol(write_protocol("own.yaml", OWN % "rig0"), record)
texts = [text for text, in query(record, "SELECT text FROM event")]
check("a fluid of the protocol's own has a calibration by its name", status == 0 and found["fluid"] == "medium 2" and
      any("begins with the calibration of" in text for text in texts), (texts, err))

with sqlite3.connect(KEPT) as database:
    database.executescript("DROP TABLE screw; PRAGMA user_version = 1;")
texts = dose("rig0", "older.db")[1]
check("a file from before screws were kept is read, and goes on to be used", any("begins with the calibration" in text for text in texts)
      and rows("screw") == 1, texts)

# ---- one that was calibrated badly: its copy, a tenth off and not sure of it ----------------

COLUMNS = "pump, syringe, sensor_serial, fluid, compliance_m3_pa, lag_s, lag_error, gain, gain_error, backlash_m3"
with sqlite3.connect(KEPT) as database:
    database.execute(f"INSERT INTO rig ({COLUMNS}, utc_ns, by_run, tau_s, tau_error, compliance_error) SELECT {COLUMNS}, utc_ns,"
                     " 0, 1.1 * tau_s, 0.2, 0.2 FROM rig WHERE id = 1")
    kept = database.execute("SELECT max(id) FROM rig").fetchone()[0]
dose("rig0", "refining.db")
with sqlite3.connect(KEPT) as database:
    newer = database.execute("SELECT by_run, tau_s, tau_error FROM rig WHERE id > ?", (kept,)).fetchall()
check("a run refines it: within 5 % of the rig's", len(newer) == 1 and newer[0][0] and abs(newer[0][1] / TAU_S - 1) < 0.05 and
      newer[0][2] < 0.2, newer)
texts = dose("rig0", "refined-3.db")[1]
check("and later ones say so", any("begins with the calibration as refined by a run on" in text for text in texts), texts)

# ---- another rig than the one that was calibrated -----------------------------------------

with sqlite3.connect(KEPT) as database:
    serial = query(record, "SELECT sensor_serial FROM channel")[0][0]
    record = dose("rig1", "rig1.db")[2]
    other = query(record, "SELECT sensor_serial FROM channel")[0][0]
    database.execute("INSERT INTO rig SELECT NULL, utc_ns + 1, by_run, 'rig1', syringe, ?, fluid, tau_s, tau_error,"
                     " compliance_m3_pa, compliance_error, lag_s, lag_error, gain, gain_error, backlash_m3"
                     " FROM rig WHERE id = 1", (other,))
changed, texts, record = dose("rig1", "bubble.db")
check("a rig that gives way more than when it was calibrated: told, and where to look",
      any("its compliance is 2.2" in text and "when it was calibrated: look for an air bubble" in text for text in texts), texts)
check("of its resistance nothing is said", not any("its resistance" in text for text in texts), texts)
check("the dose is right none the less", abs(changed["error_pct"]) < 0.5, changed)
with sqlite3.connect(KEPT) as database:
    count = database.execute("SELECT count(*) FROM rig WHERE pump = 'rig1'").fetchone()[0]
check("what was calibrated stays", count == 1, count)

# ---- a bubble that comes between two doses of a run ---------------------------------------

record = fresh("between.db")
out_fl = truth("rig1", "outlet_volume_fl")
process = start("run", write_protocol("between.yaml", DOSE % "rig1" + """\
  - hold: 20 s
  - infuse: {channel: line, volume: 40 uL, rate: 100 uL/min}
"""), "--record", record, "--headless", "--json")
wait_until(lambda: truth("rig1", "outlet_volume_fl") - out_fl > 39.9e9, 60)
fault("rig1", "bubble", 3000000)
out, err = process.communicate()
fault("rig1", "bubble", 0)
texts = [text for text, in query(record, "SELECT text FROM event")]
check("a bubble between two doses is told by what the rig was in the first",
      any(re.search(r"its compliance is 2\.[2-7]\d times what it was in this run before: look for an air bubble", text)
          for text in texts), texts)
doses = json.loads(out)["channels"][0] if out else {}
check("both doses are right none the less", process.returncode == 0 and abs(doses["error_pct"]) < 0.5, (doses, err))

# ---- stops and faults ----------------------------------------------------------------------

kept = rows("rig")
for signals in ((signal.SIGINT,), (signal.SIGTERM,)):
    process = start("calibrate", "rig0", *SYRINGE, "--yes", "--json")
    wait_until(steps_moved("rig0", 500), 20)
    process.send_signal(signals[0])
    out, err = process.communicate()
    check(f"{signals[0].name} in mid-motion: status 4, nothing kept", process.returncode == 4 and not out and "nothing is kept" in err,
          (process.returncode, out, err))
process = start("calibrate", "rig0", *SYRINGE, "--yes", "--json")
moved = steps_moved("rig0", 1)
wait_until(moved, 20)
process.stderr.readline()
while "dies away" not in process.stderr.readline():
    pass
process.send_signal(signal.SIGINT)
out, err = process.communicate()
check("Ctrl-C at rest: status 4", process.returncode == 4 and "nothing is kept" in err, (process.returncode, err))
process = start("calibrate", "rig0", *SYRINGE, "--yes", "--json")
wait_until(steps_moved("rig0", 500), 20)
fault("rig0", "estop")
out, err = process.communicate()
check("emergency stop: status 3, named", process.returncode == 3 and "emergency stop" in err, (process.returncode, err))
fault("rig0", "estop", 0)
fault("rig0", "nack")
status, found, err = calibrate("rig0", *SYRINGE, "--yes", "--clear")
check("a sensor that does not answer: status 3, and nothing kept", status in (1, 3) and "sensor" in err, (status, err))
fault("rig0", "nack", 0)
fault("rig0", "occlusion")
status, found, err = calibrate("rig0", *SYRINGE, "--yes", "--clear")
check("a closed outlet: status 3, a clog is named", status == 3 and "clog" in err, (status, err))
fault("rig0", "occlusion", 0)
status, found, err = calibrate("rig2", *SYRINGE, "--yes")
check("a leak before the sensor: status 3, and named", status == 3 and "leak" in err, (status, found, err))
check("of all these nothing is kept", rows("rig") == kept, (rows("rig"), kept))

# ---- by a balance ---------------------------------------------------------------------------


def weigh(answers, *arguments):
    with open(os.path.join(OUT, "answers"), "w", encoding="ascii") as file:
        file.write(answers)
    with open(os.path.join(OUT, "answers"), encoding="ascii") as file:
        return calibrate("rig1", *SYRINGE, "--yes", "--weigh", "--rate", "1 mL/min", *arguments, stdin=file)


begin = truth("rig1", "outlet_volume_fl")
status, found, err = weigh("0.1990 g\n", "--volume", "200 uL")
# ISO 8655-6: a gram of water is 1.0029 mL at 20 degC; 24 degC: 1.0037. The rig's sensor says which.
check("a weighing: status 0, the share by water's density and the air's lift",
      status == 0 and abs(found["volume_per_step_share"] - 0.1990 * 1.0033 / 0.2) < 0.001, (status, found, err))
share = found["volume_per_step_share"] if found else 1
status, found, err = weigh("lots\n-1 g\n199 mg\n", "--volume", "200 uL", "--density", "1 g/mL")
check("what is no mass is asked for again; a density of one's own", status == 0 and "such as" in err and
      abs(found["volume_per_step_share"] - 0.995 * 1.00105) < 0.0005, (status, found, err))
share = found["volume_per_step_share"] if found else 1
status, found, err = weigh("0.15 g\n", "--volume", "200 uL")
check("25 % off is no tolerance: status 3, told where to look", status == 3 and "no tolerance" in err, (status, err))
status, found, err = weigh("", "--volume", "20 uL")
check("no answer: status 4", status == 4 and "nothing is kept" in err, (status, err))
check("two are kept", rows("weighing") == 2, rows("weighing"))
begin = truth("rig1", "steps")
dosed, texts, record = dose("rig1", "weighed.db")
check("a run steps as it was weighed", abs((truth("rig1", "steps") - begin) * NOMINAL_UL * share - 40) < 2 * NOMINAL_UL,
      truth("rig1", "steps") - begin)
check("and says so, in its events and its record", any("as weighed on" in text for text in texts) and
      abs(query(record, "SELECT volume_per_step_m3 FROM channel")[0][0] * 1e9 / (NOMINAL_UL * share) - 1) < 1e-6, texts)

# A screw that is told to move 8 % less than it does: the sensor reads so much more of what the steps stand for.
with sqlite3.connect(KEPT) as database:
    database.execute("INSERT INTO weighing (utc_ns, pump, syringe, share) SELECT utc_ns, 'rig0', syringe, 0.92 FROM weighing LIMIT 1")
texts = dose("rig0", "heavier.db")[1]
gains = [float(text.rsplit(" ", 1)[1]) for text in texts if "sensor's gain" in text]
check("the gain goes by the step as weighed", len(gains) == 1 and abs(gains[0] / (0.97 / 0.92) - 1) < 0.01, texts)
check("and nothing is taken for wrong because of it",
      not any(word in text for text in texts for word in ("leak", "free flow", "has changed")), texts)

# ---- the file ----------------------------------------------------------------------------------

with open(KEPT, "wb") as file:
    file.write(b"something else altogether, and long enough to be looked at" * 20)
before = truth("rig0", "steps")
status, summary, err = run_protocol(write_protocol("calibrated.yaml", DOSE % "rig0"), fresh("bad-file.db"))
check("a file that is none of calibrations: the run is refused, nothing moves", status == 1 and KEPT in err and
      truth("rig0", "steps") == before, (status, err))
status, found, err = calibrate("rig0", *SYRINGE, "--yes")
check("and a calibration is not written over it", status == 3 and KEPT in err and open(KEPT, "rb").read(9) == b"something", err)
os.remove(KEPT)
end()
