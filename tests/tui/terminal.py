#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig protocols/rigs/demo-bench.yaml
"""The screen in a real terminal emulator: what it shows is what the rig does.

tmux is the terminal; keys go in and pictures come out through it. What the
pumps do meanwhile is read from the rig.
"""
import math
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rig import TOP, check, end, fault, fresh, query, truth, wait_until, write_protocol  # noqa: E402
from tmux import Tmux  # noqa: E402

DEMO = os.path.join(TOP, "protocols", "demo.yaml")
# BD Plastipak 3 mL, inner diameter 8.585 mm; 1 mm a turn, 3200 microsteps.
CARRIER_STEP_UL = math.pi / 4 * 8.585 ** 2 * 1.0 / 3200
PATIENCE_S = 30         # of the machine's time: only a hang lasts this long


class Terminal(Tmux):
    """`nanodose run` on a terminal."""

    def __init__(self, protocol, record, columns=80, rows=24, environment=None):
        super().__init__(f"nanodose run {protocol} --record {record}", columns, rows, environment)
        self.record = record

    def numbers(self, channel):
        """Flow and set point as written in the row below the channel's bar."""
        rows = self.rows()
        for above, row in zip(rows, rows[1:]):
            found = re.search(r"flow +(\S+), set +(\S+) uL/min", row)
            if above.startswith(channel + " ") and found:
                return float(found.group(1)), float(found.group(2))
        return None

    def delivered_ul(self, channel):
        for row in self.rows():
            found = re.match(channel + r" .* (\S+) of +(\S+) (mL|uL)", row)
            if found:
                return float(found.group(1)) * (1000 if found.group(3) == "mL" else 1)
        return None


def at_rest(*rigs):
    """No step of any of them for two seconds."""
    before = [truth(rig, "steps") for rig in rigs]
    time.sleep(2)
    return before == [truth(rig, "steps") for rig in rigs]


def moving(rig):
    before = truth(rig, "steps")
    return wait_until(lambda: truth(rig, "steps") != before, PATIENCE_S)


def event_texts(record):
    return [row[0] for row in query(record, "SELECT text FROM event ORDER BY time_ns")]


# ---- a dose, watched ----------------------------------------------------------------

terminal = Terminal(DEMO, fresh("terminal.db"))
steps0 = truth("rig0", "steps")
check("the screen shows the protocol dosing", terminal.wait(r"Demonstration .* dosing"), terminal.picture())
wait_until(lambda: abs(truth("rig0", "outlet_flow_pl_min") - 600e6) < 12e6, PATIENCE_S)
terminal.wait(r"^► infuse carrier 200 uL at 600 uL/min +[23]\d %")
picture = terminal.rows()
check("plots, bars, steps, events and keys are all on 80 by 24",
      all(any(re.search(pattern, row) for row in picture) for pattern in
          (r"carrier +uL/min.*particles", r"min:s└┬0:00", r"^carrier +▕[▏▎▍▌▋▊▉█]", r"^particles +▕ ", r"^run +▕",
           r"── Steps ", r"► infuse carrier 200 uL at 600 uL/min +\d+ %", r"── Events ",
           r"EMERGENCY STOP.*pause.*help")), "\n".join(picture))
flow, setpoint = terminal.numbers("carrier")
check("the flow on the screen is that at the outlet within 3 %, the set point as written",
      abs(flow - 600) < 18 and setpoint == 600, f"{flow} {setpoint}")
check("the plot draws the flow", sum(0x2800 < ord(c) < 0x2900 for row in picture[1:10] for c in row) > 5,
      "\n".join(picture))

terminal.press("Space")
check("space pauses: the screen says so", terminal.wait(r"Demonstration .* paused"), terminal.picture())
check("space pauses: the pumps are at rest", at_rest("rig0", "rig1"))
shown, true = terminal.delivered_ul("carrier"), abs(truth("rig0", "steps") - steps0) * CARRIER_STEP_UL
check("the volume on the screen is that of the steps made",
      shown is not None and abs(shown - true) <= 0.5 + 1e-6, f"shown {shown} uL, made {true} uL")
terminal.press("Space")
check("space again goes on", terminal.wait(r"Demonstration .* dosing") and moving("rig0"), terminal.picture())

terminal.press("?")
check("? helps", terminal.wait(r"EMERGENCY STOP: not one more step"), terminal.picture())
terminal.press("Escape")
check("a key closes the help", wait_until(lambda: not terminal.shows("not one more step"), PATIENCE_S),
      terminal.picture())

for key, pattern in (("1", r"channel carrier +dosing"), ("2", r"channel particles +dosing"), ("p", r"protocol +dosing"),
                     ("e", r"events +dosing"), ("f", r"^No fault stands"), ("m", r"^This run owns the pumps")):
    terminal.press(key)
    check(f"{key} turns to its page, with the emergency stop on it",
          terminal.wait(pattern) and terminal.shows(r"^x EMERGENCY STOP"), terminal.picture())
steps = truth("rig0", "steps")
terminal.press("i", "P", "H")
check("by hand nothing is moved while a run owns the pump: no pause, no event, no step back",
      terminal.wait(r"dosing") and moving("rig0") and truth("rig0", "steps") > steps and
      not any("jog" in text for text in event_texts(terminal.record)))
for key, pattern in (("Tab", r"^run +▕"), ("Tab", r"channel carrier"), ("BTab", r"── Steps ")):
    terminal.press(key)
    check(f"{key} turns the pages in their order", terminal.wait(pattern), terminal.picture())
terminal.press("1")
terminal.wait("channel carrier")
shown = next((row for row in terminal.rows() if row.startswith("estimate")), "")
check("the channel's page has the estimate with its band, and the volume stored",
      re.search(r"estimate +\S+ ± \S+ uL/min", shown) and terminal.shows(r"^stored +\S+ (uL|nL)"), terminal.picture())
terminal.press("+", "+", "+", "+", "+", "+", "Left")
check("plots are zoomed into and scrolled back", terminal.wait("in the past"), terminal.picture())
terminal.press("0", "o")
check("0 is now again", wait_until(lambda: not terminal.shows("in the past"), PATIENCE_S) and
      terminal.wait("── Steps "), terminal.picture())

terminal.resize(100, 30)
check("a resize is followed", wait_until(lambda: "EMERGENCY STOP" in terminal.rows()[29], PATIENCE_S),
      terminal.picture())
picture = terminal.rows()
check("the new picture fills the terminal and nothing of the old one stays",
      picture[0].rstrip().endswith("dosing") and len(picture[0].rstrip()) >= 98 and
      sum("EMERGENCY STOP" in row for row in picture) == 1 and
      sum("── Steps" in row for row in picture) == 1, "\n".join(picture))

terminal.press("q")
check("q asks", terminal.wait(r"Quit\? This stops the run"), terminal.picture())
terminal.press("n")
check("n goes on", wait_until(lambda: not terminal.shows(r"Quit\?"), PATIENCE_S) and moving("rig0"),
      terminal.picture())

terminal.press("s")
check("s stops: the result is shown", terminal.wait("The operator stopped the run"), terminal.picture())
check("s stops: the pumps are at rest", at_rest("rig0", "rig1"))
check("the result stays until a key", terminal.status() is None)
terminal.press("z")
check("a run stopped by the operator ends with status 4", terminal.ended() == 4, terminal.status())
# With what has scrolled off: this tmux restores the old screen wrongly after a resize.
left = terminal.left()
check("the terminal is given back: the summary stands on it",
      "Demonstration: stopped by the operator" in left and "EMERGENCY" not in left, left)
check("the record names who paused, resumed and stopped",
      [text.split(" by ")[0] for text in event_texts(terminal.record) if " by root" in text] ==
      ["paused", "resumed", "stopped"], event_texts(terminal.record))
terminal.close()

# ---- other ends ---------------------------------------------------------------------

terminal = Terminal(DEMO, fresh("terminal-quit.db"))
terminal.wait(r"Demonstration .* dosing")
moving("rig0")
terminal.press("q")
terminal.wait(r"Quit\?")
terminal.press("y")
check("q and y stop the run and leave the screen, with status 4", terminal.ended() == 4, terminal.picture())
check("after q and y the pumps are at rest", at_rest("rig0", "rig1"))
terminal.close()

terminal = Terminal(DEMO, fresh("terminal-emergency.db"))
terminal.wait(r"Demonstration .* dosing")
moving("rig0")
terminal.press("x")
check("x is the emergency stop", terminal.wait("operator +emergency stop by root") and
      terminal.wait("q leaves"), terminal.picture())
check("after it the pumps are at rest", at_rest("rig0", "rig1"))
terminal.press("z")
check("the emergency stop ends with status 4", terminal.ended() == 4, terminal.status())
terminal.close()

terminal = Terminal(DEMO, fresh("terminal-fault.db"))
terminal.wait(r"Demonstration .* dosing")
moving("rig0")
fault("rig0", "air")
check("a fault is named with its channel and what to do",
      terminal.wait(r"FAULT carrier: air in line: find where air gets in"), terminal.picture())
terminal.wait("q leaves")
terminal.press("z")
check("a run stopped by a fault ends with status 3", terminal.ended() == 3, terminal.status())
fault("rig0", "air", 0)
terminal.close()

# ---- questions, and terminals of other kinds ------------------------------------------

QUESTION = write_protocol("terminal-question.yaml", """\
nanodose: 1
name: Ask and dose
channels:
  carrier: {pump: rig0, syringe: BD Plastipak 3 mL, loaded: 2 mL, fluid: water}
steps:
  - wait: {operator: "Is the vial in place?"}
  - infuse: {channel: carrier, volume: 20 uL, rate: 600 uL/min}
""")
steps0 = truth("rig0", "steps")
terminal = Terminal(QUESTION, fresh("terminal-question.db"), environment={"NO_COLOR": "1"})
check("a question is asked", terminal.wait(r"Is the vial in place\?  \(y or Enter: yes, n: no\)"), terminal.picture())
check("nothing moves before the answer", at_rest("rig0") and truth("rig0", "steps") == steps0)
terminal.press("Enter")
check("the run is done and says so", terminal.wait("The run is done"), terminal.picture())
check("all of it was delivered and is shown, to a step",
      terminal.shows(r"^carrier .* 100 %") and abs(terminal.delivered_ul("carrier") - 20) < CARRIER_STEP_UL and
      abs(abs(truth("rig0", "steps") - steps0) * CARRIER_STEP_UL - 20) < CARRIER_STEP_UL, terminal.picture())
check("with NO_COLOR no colour is set",
      not re.search(r"\033\[[0-9;]*\b3[0-8]", terminal.tmux("capture-pane", "-p", "-e")))
terminal.press("z")
check("a run that is done ends with status 0", terminal.ended() == 0, terminal.status())
terminal.close()

terminal = Terminal(QUESTION, fresh("terminal-ascii.db"), 60, 15, environment={"LC_ALL": "C"})
check("without UTF-8 the screen works in ASCII",
      terminal.wait(r"y or Enter") and terminal.picture().isascii() and terminal.shows(r"^carrier +\[ "),
      terminal.picture())
terminal.press("n")
check("n to a question stops the run", terminal.wait("The operator stopped the run") and
      (terminal.press("z"), terminal.ended())[1] == 4, terminal.picture())
terminal.close()

terminal = Terminal(DEMO, fresh("terminal-gone.db"))
terminal.wait(r"Demonstration .* dosing")
moving("rig0")
terminal.close()
check("the terminal closes and the dose goes on", moving("rig0"))
check("and comes to its end by itself",
      wait_until(lambda: "the run is over: done" in event_texts(terminal.record), 300, 1),
      event_texts(terminal.record))

end()
