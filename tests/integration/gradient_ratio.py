#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0:compliance_fl_per_pa=10000,resistance_pa_s_per_ul=28000 --rig rig1:compliance_fl_per_pa=900000,resistance_pa_s_per_ul=4700
"""A gradient of two rigs of which one takes fifteen times as long (0.28 and 4.2 s): what comes out of both together
is the composition that the protocol says, from soon after the start to where the pumps end."""
import math
import time

from rig import check, end, figure, fresh, start, truth, write_protocol

RIGS = ("rig0", "rig1")
STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
DURATION_S = 40
SHOWN_UL = 10            # each alone first, so that the rig is known
PROTOCOL = """\
nanodose: 1
name: Two rigs
channels:
  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water}
  b: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water}
steps:
  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}
  - infuse: {channel: b, volume: 10 uL, rate: 100 uL/min}
  - hold: 25 s
  - gradient: {from: {a: %g, b: %g}, to: {a: %g, b: %g}, total_rate: 200 uL/min, duration: 40 s}
"""


def share(begin, finish, part):
    """Of b, by the protocol."""
    a, b = (one + (other - one) * part for one, other in zip(begin, finish))
    return b / (a + b)


def look(name, begin, finish):
    """Errors of the composition at the outlets, shares of the whole, from 1 s to where the slow rig's pump ends."""
    before = [truth(rig, "steps") for rig in RIGS]
    process = start("run", write_protocol(f"{name}.yaml", PROTOCOL % (begin + finish)), "--record", fresh(f"{name}.db"),
                    "--headless", "--json")
    looks = []
    while process.poll() is None:
        looks.append((time.monotonic(), truth("rig0", "outlet_flow_pl_min"), truth("rig1", "outlet_flow_pl_min"),
                      [truth(rig, "steps") - steps for rig, steps in zip(RIGS, before)]))
        time.sleep(0.02)
    err = process.communicate()[1]
    first = round(SHOWN_UL / STEP_UL)
    begin_s = [when for when, _, _, steps in looks if sum(steps) <= 2 * first + 1][-1]
    end_s = min([when for when, _, _, steps in looks if steps[i] < looks[-1][3][i]][-1] for i in (0, 1))
    ends = [round((SHOWN_UL + 200 / 60 * DURATION_S / 2) / STEP_UL)] * 2
    check(f"{name}: both volumes to the step", process.returncode == 0 and looks[-1][3] == ends, (looks[-1][3], ends, err))
    return sorted(abs(b / (a + b) - share(begin, finish, (when - begin_s) / DURATION_S))
                  for when, a, b, _ in looks if begin_s + 1 < when < end_s and a + b > 0)


for name, begin, finish in (("crossing", (3, 1), (1, 3)), ("from nothing", (1, 0), (0, 1))):
    off = look(name.replace(" ", "_"), begin, finish)
    median, most = off[len(off) // 2], off[int(0.95 * len(off))]
    figure(f"gradient/{name.replace(' ', '_')}/composition_error_p95", 100 * most, "% of the whole", None, "lower",
           f"{len(off)} looks at both outlets by the rigs")
    check(f"{name}: the composition is the protocol's within 1 % of the whole, median", median < 0.01, (median, most))
    check(f"{name}: and within 4 % for 95 % of the time", most < 0.04, (median, most))
end()
