#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0:compliance_fl_per_pa=10000,resistance_pa_s_per_ul=28000,seed=11 --rig rig1:compliance_fl_per_pa=940000,resistance_pa_s_per_ul=652,backlash_steps=10,sensor_gain_ppm=30000,seed=12 --rig rig2:compliance_fl_per_pa=280000,resistance_pa_s_per_ul=12220,backlash_steps=20,sensor_tau_us=50000,seed=13 --rig rig3:compliance_fl_per_pa=940000,resistance_pa_s_per_ul=4700,sensor_gain_ppm=-40000,seed=14
"""The closed loop on the real driver, on four of the field's rigs at once and 200 records a second of each: first use,
then calibrated; flows and volumes by the rigs' truth, and what the runner needs of the machine."""
import json
import math
import os
import threading
import time

from rig import check, end, figure, fresh, nanodose, note, run_protocol, start, truth, write_protocol

RIGS = {"rig0": ("1 uL of air before a chip", 0.28), "rig1": ("3 mL plastic, 0.5 mm tube", 0.613),
        "rig2": ("1 mL plastic, 0.25 mm tube and chip", 3.42), "rig3": ("3 mL plastic, 200 x 80 um chip", 4.418)}
RATE, VOLUME = 100.0, 60.0      # uL/min, uL of each
BAND = 0.05
RESIDENT_KB = 8192
os.environ["NANODOSE_CALIBRATIONS"] = fresh("closed-loop-calibrations.db")
FOUR = write_protocol("closed-loop.yaml", "nanodose: 1\nname: Four rigs\nchannels:\n" + "".join(
    f"  {rig}: {{pump: {rig}, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}}\n" for rig in RIGS) +
    "steps:\n  - parallel:\n" + "".join(
        f"      {rig}:\n        - infuse: {{channel: {rig}, volume: {VOLUME:g} uL, rate: {RATE:g} uL/min}}\n" for rig in RIGS))


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def watch(run):
    """What the outlets did, (time, volume of each), every 20 ms until all pumps rest; peak of the runner's memory."""
    looks, peak = [], 0
    steps = {rig: truth(rig, "steps") for rig in RIGS}
    while run.poll() is None:
        looks.append((time.monotonic(), *(truth(rig, "outlet_flow_pl_min") / 1e6 for rig in RIGS),
                      sum(abs(truth(rig, "steps") - steps[rig]) for rig in RIGS)))
        if len(looks) % 50 == 0:
            try:
                peak = max(peak, resident_kb(run.pid))
            except (FileNotFoundError, StopIteration):
                pass
        time.sleep(0.02)
    return looks, peak


def dose(kind):
    """Settling time and overshoot of each rig."""
    volumes = {rig: truth(rig, "outlet_volume_fl") for rig in RIGS}
    run = start("run", FOUR, "--record", fresh(f"closed-loop-{kind}.db"), "--headless", "--json", "--rate", "200")
    looks, peak = watch(run)
    out, err = run.communicate()
    check(f"{kind}: the run is done", run.returncode == 0, err)
    begin = next(i for i in range(1, len(looks)) if looks[i][-1] > 0)
    found = {}
    for i, rig in enumerate(RIGS, 1):
        pumping = [(look[0] - looks[begin - 1][0], look[i] / RATE) for look in looks[begin:] if look[0] - looks[begin - 1][0] < 30]
        late = [t for t, share in pumping if abs(share - 1) > BAND]
        settle_s, over = (late[-1] if late else 0), max(share for _, share in pumping) - 1
        delivered = (truth(rig, "outlet_volume_fl") - volumes[rig]) * 1e-9
        found[rig] = settle_s, over, delivered / VOLUME - 1
        note(f"{kind}, {RIGS[rig][0]}: settled after {settle_s:.2f} s (open loop {RIGS[rig][1] * math.log(20):.2f} s), "
             f"overshoot {100 * over:.1f} %, delivered {delivered:.3f} uL")
        figure(f"real_driver/{kind}/{rig}/settle", round(settle_s, 2), "s", None, "lower",
               f"{RIGS[rig][0]}: to 5 % of 100 uL/min, by the rig's outlet")
        figure(f"real_driver/{kind}/{rig}/dose_error", round(100 * abs(delivered / VOLUME - 1), 3), "%",
               0.1 if kind == "calibrated" else 0.5, "lower", f"{RIGS[rig][0]}: of {VOLUME:g} uL, by the rig's outlet")
    return found, peak


first, peak = dose("first_use")
for rig in RIGS:
    status, out, err = nanodose("calibrate", rig, "--syringe", "BD Plastipak 1 mL", "--yes", "--json")
    found = json.loads(out) if out else {}
    check(f"{rig}: calibrated, its time constant within 5 %", status == 0 and
          abs(found["time_constant_s"] / RIGS[rig][1] - 1) < 0.05, (found, err))
time.sleep(60)      # what is left of that flows out
calibrated, again = dose("calibrated")
for rig in RIGS:
    open_s = RIGS[rig][1] * math.log(20)
    check(f"{rig}: first use settles no later than open loop", first[rig][0] < open_s + 0.3, first[rig])
    check(f"{rig}: calibrated, it settles in less than half of that" if open_s > 1 else f"{rig}: calibrated likewise",
          calibrated[rig][0] < (open_s / 2 if open_s > 1 else open_s + 0.3), (calibrated[rig], open_s))
    check(f"{rig}: overshoot below 10 % at first, 3 % calibrated", first[rig][1] < 0.1 and calibrated[rig][1] < 0.03,
          (first[rig][1], calibrated[rig][1]))
    check(f"{rig}: the dose within 0.5 % at first, 0.1 % calibrated", abs(first[rig][2]) < 0.005 and abs(calibrated[rig][2]) < 0.001,
          (first[rig][2], calibrated[rig][2]))
figure("runner/resident", max(peak, again), "kB", RESIDENT_KB, "lower",
       "of nanodose run, headless, four channels at 200 records/s each, memory locked, at most")
check("the runner stays below 8 MiB with four channels at 200 records/s", 0 < max(peak, again) < RESIDENT_KB, (peak, again))
end()
