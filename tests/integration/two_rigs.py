#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0:compliance_fl_per_pa=10000,resistance_pa_s_per_ul=28000,microsteps_per_rev=25600 --rig rig1:compliance_fl_per_pa=900000,resistance_pa_s_per_ul=4700,microsteps_per_rev=25600
"""Two rigs of which one takes fifteen times as long (0.28 and 4.2 s) in a gradient and in a mix: what comes out of
both together is the composition that the protocol says, while they are on the way, too."""
import math
import os
import time

from rig import check, end, figure, fresh, nanodose, start, truth, write_protocol

os.environ["NANODOSE_CALIBRATIONS"] = fresh("calibrations.db")
RIGS = ("rig0", "rig1")
STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 25600
DURATION_S = 40
SHOWN_UL = 10            # each alone first, so that the rig is known
PROTOCOL = """\
nanodose: 1
name: Two rigs
channels:
  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water}
  b: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water}
steps:
"""
FIRST = """\
  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}
  - infuse: {channel: b, volume: 10 uL, rate: 100 uL/min}
  - hold: 25 s
"""
GRADIENT = "  - gradient: {from: {a: %g, b: %g}, to: {a: %g, b: %g}, total_rate: 200 uL/min, duration: 40 s}\n"
MIX = "  - mix: {ratio: {a: 1, b: 1}, volume: %g uL, total_rate: 200 uL/min}\n"


def run(name, steps):
    """Status, what was said, and looks from the start of the last step on: when, both outlets, both pumps' steps."""
    before = [truth(rig, "steps") for rig in RIGS]
    process = start("run", write_protocol(f"{name}.yaml", PROTOCOL + steps), "--record", fresh(f"{name}.db"), "--headless",
                    "--json")
    looks = []
    while process.poll() is None:
        looks.append((time.monotonic(), truth("rig0", "outlet_flow_pl_min"), truth("rig1", "outlet_flow_pl_min"),
                      [truth(rig, "steps") - steps for rig, steps in zip(RIGS, before)]))
        time.sleep(0.01)
    err = process.communicate()[1]
    first = 2 * round(SHOWN_UL / STEP_UL) if FIRST in steps else 0
    begin = max(i for i, look in enumerate(looks) if sum(look[3]) <= first + 1)
    return process.returncode, err, looks[begin:]


def ends_s(looks):
    """When each pump made its last step, from the first look on."""
    return [max(look[0] for look in looks if look[3][i] < looks[-1][3][i]) - looks[0][0] for i in (0, 1)]


def share(begin, finish, part):
    """Of b, by the protocol."""
    a, b = (one + (other - one) * part for one, other in zip(begin, finish))
    return b / (a + b)


def gradient(name, begin, finish):
    """Errors of the composition at the outlets, shares of the whole, from 1 s to where a pump ends."""
    status, err, looks = run(name, FIRST + GRADIENT % (begin + finish))
    ends = [round((SHOWN_UL + 200 / 60 * DURATION_S / 2) / STEP_UL)] * 2
    check(f"{name}: both volumes to the step", status == 0 and looks[-1][3] == ends, (looks[-1][3], ends, err))
    begin_s = looks[0][0]
    return sorted(abs(b / (a + b) - share(begin, finish, (when - begin_s) / DURATION_S))
                  for when, a, b, _ in looks if 1 < when - begin_s < min(ends_s(looks)) and a + b > 0)


for name, begin, finish in (("crossing", (3, 1), (1, 3)), ("from_nothing", (1, 0), (0, 1))):
    off = gradient(name, begin, finish)
    median, most = off[len(off) // 2], off[int(0.95 * len(off))]
    figure(f"gradient/{name}/composition_error_p95", 100 * most, "% of the whole", None, "lower",
           f"{len(off)} looks at both outlets by the rigs")
    check(f"{name}: the composition is the protocol's within 1 % of the whole, median", median < 0.01, (median, most))
    check(f"{name}: and within 4 % for 95 % of the time", most < 0.04, (median, most))

# ---- a mix of calibrated rigs, from the first moment on ------------------------------------

for rig in RIGS:
    status, out, err = nanodose("calibrate", rig, "--syringe", "BD Plastipak 1 mL", "--yes")
    check(f"{rig} is calibrated", status == 0, err)
status, err, looks = run("mix", MIX % (200 / 60 * 10))
begin_s, ended_s = looks[0][0], ends_s(looks)
check("both are known, and their play", err.count("the play of its screw is taken up") == 2, err)
off = sorted(abs(a / b - 1) if b else 1 for when, a, b, _ in looks if 0.1 < when - begin_s < min(ended_s))
figure("mix/calibrated/ratio_error_p95", 100 * off[int(0.95 * len(off))], "%", 2, "lower",
       f"{len(off)} looks at both outlets by the rigs, microsteps and all, from 0.1 s after the start")
check("the ratio is within 2 % for 95 % of the time, the way to the flow and all", status == 0 and off[int(0.95 * len(off))] < 0.02,
      (off[int(0.95 * len(off))], err))

status, err, looks = run("short", MIX % 8)
ended_s = ends_s(looks)
check("a mix so short that one pump is done before the flow is there: the other waits no more for it", status == 0 and
      ended_s[1] < 2 < ended_s[0] < 4, (ended_s, err))
end()
