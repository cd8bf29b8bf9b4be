#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The machine loses its power at random instants of a run: its record is readable each time, no more than a second is
missing, and the rest in another machine makes the dose whole, by the rig's truth."""
import os
import random
import sqlite3
import subprocess

from rig import TOP, check, end, fresh, note, write_protocol

INSTANTS = int(os.environ.get("ND_POWER_CUTS", "30"))
STEPS = "  - infuse: {channel: line, volume: 60 uL, rate: 12 uL/min}\n  - hold: 5 s\n" \
    "  - infuse: {channel: line, volume: 5 uL, rate: 12 uL/min}\n"
PROTOCOL = write_protocol("power-cut.yaml", "nanodose: 1\nname: Power cut\nchannels:\n"
                          "  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}\nsteps:\n" + STEPS)
TOLD = os.path.join(TOP, "build/integration/power-cut.txt")
GUEST = os.path.join(TOP, "tests/integration/power_cut_guest.py")


def machine(*arguments):
    """Status of the run, steps and outlet volume, by the rig's truth; and what the run said."""
    if os.path.exists(TOLD):
        os.unlink(TOLD)
    subprocess.run([os.path.join(TOP, "tests/vm/uml"), "--rig", "rig0", "--", "/usr/bin/python3", GUEST, *arguments],
                   cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    with open(TOLD, encoding="utf-8") as file:
        first, _, said = file.read().partition("\n")
    status, steps, volume_fl = first.split()
    return status, int(steps), int(volume_fl) / 1e9, said


_, whole_steps, whole_ul, _ = machine("whole", PROTOCOL, fresh("power-whole.db"), TOLD)
note(f"in one piece: {whole_steps} steps, {whole_ul:.3f} uL")
random.seed(1)
readable, missing_s, steps_off, worst, failed = 0, [], [], [], []
for number in range(INSTANTS):
    instant_s = random.uniform(2, 325)
    record, rest = fresh(f"power-cut-{number}.db"), fresh(f"power-rest-{number}.db")
    status, steps, before_ul, _ = machine(f"{instant_s:.3f}", PROTOCOL, record, TOLD)
    try:
        with sqlite3.connect(f"file:{record}", uri=True) as database:
            good = database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            last_s, position = database.execute("SELECT max(time_ns) / 1e9, position FROM sample").fetchone()
            event_s = database.execute("SELECT max(time_ns) / 1e9 FROM event").fetchone()[0]
            origin = database.execute("SELECT origin_position FROM channel").fetchone()[0]
    except sqlite3.Error as error:
        failed.append((instant_s, str(error)))
        continue
    readable += good and event_s is not None
    missing_s.append(instant_s - last_s)
    steps_off.append(steps - (position - origin))
    status, more, after_ul, said = machine("rest", PROTOCOL, rest, TOLD, record)
    if status != "0":
        failed.append((instant_s, said))
        continue
    worst.append(abs(steps + more - whole_steps) / whole_steps)
    note(f"cut at {instant_s:.3f} s: {missing_s[-1]:.3f} s and {steps_off[-1]} steps unrecorded, {steps} + {more} steps")
check(f"{INSTANTS} cuts leave {INSTANTS} readable files", readable == INSTANTS, failed)
# The clock of the record begins when the program has opened its pumps, some hundredths of a second after the start.
check("no more than a second of records is missing", len(missing_s) == INSTANTS and max(missing_s) < 1.1, missing_s)
check("the volume delivered is known within the steps of that second",
      len(steps_off) == INSTANTS and min(steps_off) >= 0 and max(steps_off) <= 1.1 * 12 / 60 / 0.00541939 + 1, steps_off)
check("each goes on to its end in another machine", not failed and len(worst) == INSTANTS, failed)
check("both parts together are the whole within 0.5 %", worst and max(worst) < 0.005, worst)
end()
