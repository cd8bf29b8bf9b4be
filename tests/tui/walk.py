#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The README's walk through a run, typed as it stands there: install, first run, detach, attach, sensor pulled, resume, report."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rig import OUT, TOP, check, end  # noqa: E402

HOME = os.path.join(OUT, "walk-home")
GUEST = os.path.join(TOP, "tests/tui/walk_guest.py")
# --realtime is for people: here what is typed and what doses go by the machine's own time.
MACHINE = ["tests/vm/uml", "--realtime", "--rig", "protocols/rigs/demo-bench.yaml", "--", "bash"]

with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
    walk = re.search(r"^## A walk through a run\n(.*?)^## ", file.read(), re.M | re.S).group(1)
commands = re.findall(r"^    (\S.*)$", walk, re.M)
shutil.rmtree(HOME, ignore_errors=True)
os.makedirs(HOME)
install = subprocess.run(["bash", "-c", commands[0] + " && command -v nanodose"], cwd=TOP, env={**os.environ, "HOME": HOME},
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
check(f"the walk's first line: {commands[0]}", install.returncode == 0 and
      install.stdout.split("\n")[-2] == os.path.join(HOME, ".local/bin/nanodose"), install.stdout + install.stderr)
check(f"its second: {commands[1]}", commands[1].split() == MACHINE, commands[1])
guest = subprocess.run([*(word for word in MACHINE[:-1] if word != "--realtime"), sys.executable, GUEST, HOME, *commands[2:]],
                       cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
told = re.findall(r"^(not )?ok \d+ - (.*)\n((?:#.*\n)*)", guest.stdout, re.M)
for bad, name, detail in told:
    check(name, not bad, re.sub(r"^# ?", "", detail, flags=re.M))
check("it came to its end", guest.returncode in (0, 1) and f"1..{len(told)}\n" in guest.stdout, guest.stdout + guest.stderr)
end()
