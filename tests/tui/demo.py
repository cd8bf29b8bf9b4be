#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""`make demo` at a terminal: the screen reaches out of the virtual machine,
keys reach in, and so does a change of size. In real time, so nothing moves
here: a busy machine may be late, and what the pumps do is tested elsewhere."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rig import TOP, check, end, write_protocol  # noqa: E402
from tmux import Tmux  # noqa: E402

PATIENCE_S = 300        # a machine boots meanwhile, maybe on a busy host
PROTOCOL = write_protocol("demo-question.yaml", """\
nanodose: 1
name: Ask before the dose
channels:
  carrier: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - wait: {operator: "Is the vial in place?"}
  - infuse: {channel: carrier, volume: 20 uL, rate: 100 uL/min}
""")

terminal = Tmux(f"{TOP}/tests/vm/demo {PROTOCOL}")
check("the screen comes up out of the virtual machine", terminal.wait(r"y or Enter: yes", PATIENCE_S),
      terminal.picture())
rows = terminal.rows()
check("it fills the 80 by 24 of the terminal outside",
      rows[0].rstrip().endswith("waiting for the operator") and len(rows[0].rstrip()) == 79 and
      rows[23].startswith("y yes  n no"), "\n".join(rows))
check("in braille, blocks and lines, as the terminal speaks UTF-8",
      terminal.shows("▕ +▏") and terminal.shows("min:s└┬0:00"), terminal.picture())
terminal.resize(100, 30)
check("it follows a change of size", terminal.until(lambda: terminal.rows()[29].startswith("y yes"), PATIENCE_S),
      terminal.picture())
terminal.press("?")
check("keys reach it: ? helps", terminal.wait("not one more step", PATIENCE_S), terminal.picture())
terminal.press("Escape")
terminal.press("q")
check("q asks", terminal.wait(r"Quit\? This stops the run", PATIENCE_S), terminal.picture())
terminal.press("n")
check("n goes back to the question", terminal.wait(r"y or Enter: yes", PATIENCE_S), terminal.picture())
terminal.press("s")
check("s stops", terminal.wait("The operator stopped the run", PATIENCE_S), terminal.picture())
terminal.press("z")
check("make demo ends with the protocol's status", terminal.ended(PATIENCE_S) == 4, terminal.picture())
check("and leaves the summary on the terminal",
      "Ask before the dose: stopped by the operator" in terminal.left(), terminal.left())
terminal.close()
end()
