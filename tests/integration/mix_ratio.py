#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig protocols/rigs/lnp-mixer.yaml
"""Lipid nanoparticle formulation: 3:1 at 12 mL/min, watched from the rig."""
import math
import os
import time

from rig import TOP, check, end, figure, fresh, note, start, truth

RIGS = {"rig0": (1500.0, "aqueous"), "rig1": (500.0, "lipid")}     # uL


def diameter_mm(rig):
    with open(f"/sys/kernel/config/nanodose-sim/{rig}/syringe_diameter_um") as file:
        return int(file.read()) / 1000


record = fresh("mix.db")
before = {rig: (truth(rig, "steps"), truth(rig, "outlet_volume_fl")) for rig in RIGS}
process = start("run", os.path.join(TOP, "protocols/vaccine-lnp-formulation.yaml"),
                "--record", record, "--headless", "--json")
samples = []                        # (time_s, steps moved in all, flow of each rig)
while process.poll() is None:
    samples.append((time.monotonic(),
                    sum(abs(truth(rig, "steps") - before[rig][0]) for rig in RIGS),
                    truth("rig0", "outlet_flow_pl_min"), truth("rig1", "outlet_flow_pl_min")))
    time.sleep(0.005)
out, err = process.communicate()
check("the formulation ends with status 0", process.returncode == 0, err)

for rig, (target_ul, name) in RIGS.items():
    steps = truth(rig, "steps") - before[rig][0]
    delivered = (truth(rig, "outlet_volume_fl") - before[rig][1]) * 1e-9
    step_ul = math.pi / 4 * diameter_mm(rig) ** 2 / 3200
    figure(f"lnp/{name}/delivered_error", 100 * abs(delivered / target_ul - 1), "%", 0.5, "lower",
           f"outlet volume by the rig against {target_ul:.0f} uL")
    check(f"{name}: step count exact", steps == round(target_ul / step_ul),
          f"{steps}, expected {target_ul / step_ul}")
    check(f"{name}: delivered within 0.5 % of target",
          abs(delivered - target_ul) <= 0.005 * target_ul, delivered)

moving = [i for i in range(1, len(samples)) if samples[i][1] != samples[i - 1][1]]
begin, finish = samples[moving[0] - 1][0], samples[moving[-1]][0]
window = [s for s in samples if begin + 0.5 <= s[0] <= finish - 0.2]
good = sum(1 for s in window if s[3] > 0 and abs(s[2] / s[3] / 3 - 1) <= 0.02)
worst = max(abs(s[2] / s[3] / 3 - 1) if s[3] > 0 else 9 for s in window)
note(f"worst ratio error {100 * worst:.2f} %, mix took {finish - begin:.3f} s")
figure("lnp/ratio_within_2_pct", 100 * good / len(window), "% of time", 95, "higher",
       f"outlet flows by the rig, {len(window)} looks from 0.5 s after start to 0.2 s before the end")
check("the mix takes the ten seconds that 2 mL at 12 mL/min take", abs(finish - begin - 10) < 0.5,
      finish - begin)
check("the outlet ratio is 3:1 within 2 % for 95 % of the time", good >= 0.95 * len(window),
      f"{good} of {len(window)}")
end()
