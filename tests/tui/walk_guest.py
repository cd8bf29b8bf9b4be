# SPDX-License-Identifier: GPL-2.0-or-later
"""What walk.py has done in the virtual machine, on a terminal: walk_guest.py HOME COMMAND..."""
import math
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rig import OUT, check, end, truth  # noqa: E402
from tmux import Tmux  # noqa: E402

HOME, WORK = sys.argv[1], os.path.join(OUT, "walk")
commands = sys.argv[2:]
STEP_UL = [math.pi / 4 * bore ** 2 / 3200 for bore in (8.585, 4.699)]     # BD Plastipak 3 mL, 1 mL
shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
shell = Tmux("bash --norc", columns=100, rows=30, environment={"HOME": HOME, "PS1": "'$ '"})


def do(starts):
    """The next line of the walk, which begins so."""
    command = commands.pop(0)
    check(f"the walk's next line: {command}", command.startswith(starts), command)
    shell.tmux("send-keys", "-l", command)
    shell.press("Enter")


def prompt(limit_s=60):
    return shell.until(lambda: [row for row in shell.rows() if row.strip()][-1:] == ["$ "] or
                       [row.rstrip() for row in shell.rows() if row.strip()][-1:] == ["$"], limit_s)


def given_ul():
    return [(truth(rig, "steps") - at) * step for rig, at, step in zip(("rig0", "rig1"), before, STEP_UL)]


before = [truth(rig, "steps") for rig in ("rig0", "rig1")]
prompt()
shell.tmux("send-keys", "-l", f"PATH=$HOME/.local/bin:/usr/bin:/bin; cd {WORK}; clear")
shell.press("Enter")
do("nanodose list")
check("the pumps are there", shell.wait(r"^nanodose0 +rig0") and shell.wait(r"^nanodose1 +rig1"), shell.picture())
prompt()
do("nanodose run ")
check("the screen comes up and doses", shell.wait("Demonstration .* dosing"), shell.picture())
shell.press("d")
check("d leaves it alone: it goes on", shell.wait("it goes on") and prompt(), shell.picture())
do("nanodose list")
check("the run is on the list", shell.wait(r"^RUN +DONE") and shell.wait(r"^walk +\d+"), shell.picture())
prompt()
do("(sleep 5;")
prompt()
do("nanodose attach")
check("attach comes back to it", shell.wait("Demonstration .* dosing"), shell.picture())
check("the sensor is pulled: it stops and says what to do", shell.wait("FAULT carrier: flow sensor lost: check") and
      shell.wait("A fault stopped the run"), shell.picture())
part = given_ul()
shell.press("q")
check("q leaves", prompt(), shell.picture())
shell.press("clear", "Enter")
do("echo 0 >")
prompt()
do("nanodose run --resume walk.db")
check("it tells what was given and asks", shell.wait("uL given") and shell.wait(r"\[y/n\]"), shell.picture())
shell.press("y", "Enter")
check("it goes on to the end", shell.wait("Demonstration .* dosing") and shell.wait("The run is done", 300), shell.picture())
whole = given_ul()
check("both parts together are the whole, by the rig", 0 < part[0] < 1499 and abs(whole[0] - 1500) < 0.05 and abs(whole[1] - 200) < 0.02,
      (part, whole))
shell.press("q")
prompt()
do("nanodose report")
check("the report is there", prompt() and os.path.getsize(os.path.join(WORK, "walk-2.html")) > 10000, shell.picture())
do("nanodose verify")
check("and the record is as it was", shell.wait("walk-2.db.*(as it was|whole|unaltered|not altered)"), shell.picture())
check("nothing of the walk is left out", commands == [], commands)
end()
