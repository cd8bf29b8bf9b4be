#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The ratio of the formulation must not hang on one run of the sensors' noise."""
import os
import re
import subprocess

from rig import OUT, TOP, check, end

RIG = os.path.join(TOP, "protocols/rigs/lnp-mixer.yaml")
UML = os.path.join(TOP, "tests/vm/uml")

with open(RIG, encoding="utf-8") as file:
    rig = file.read()
os.makedirs(OUT, exist_ok=True)
for seed in range(3, 13):
    path = os.path.join(OUT, "mix-seed.yaml")
    changed, count = re.subn(r"seed: (\d+)", lambda found: f"seed: {seed * 10 + int(found.group(1))}", rig)
    with open(path, "w", encoding="utf-8") as file:
        file.write(changed)
    done = subprocess.run([UML, "--rig", path, "--", "/usr/bin/python3", os.path.join(TOP, "tests/integration/mix_ratio.py")],
                          cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    check(f"seeds {seed * 10 + 1} and {seed * 10 + 2}: doses and ratio hold", count == 2 and done.returncode == 0,
          done.stdout + done.stderr)
end()
