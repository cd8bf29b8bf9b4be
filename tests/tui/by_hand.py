#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""The screen of a pump moved by hand: its keys move the rig, as far as it says, and stop it."""
import math
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rig import (check, end, fault, fresh, nanodose, plug, processes, start, truth, unplug, wait_until,  # noqa: E402
                 write_protocol)
from tmux import Tmux  # noqa: E402

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
ONE_UL = round(1 / STEP_UL)


def comes_to_rest():
    at = None
    while at != truth("rig0", "steps"):
        at = truth("rig0", "steps")
        time.sleep(0.2)
    return at


def moved(screen, *keys):
    """Steps by the rig that some keys make."""
    before = comes_to_rest()
    screen.press(*keys)
    wait_until(lambda: truth("rig0", "steps") != before, 5)
    return comes_to_rest() - before


screen = Tmux("nanodose jog rig0 --syringe 'BD Plastipak 1 mL' --rate '300 uL/min'")
check("the screen comes up at rest, with the pump, the syringe and the position",
      screen.wait("rig0 by hand .* at rest") and screen.shows("BD Plastipak 1 mL") and screen.shows("position +0 steps"),
      screen.picture())
check("i infuses one microlitre", moved(screen, "i") == ONE_UL and screen.wait(f"infused 1.003 uL.*{ONE_UL} steps"), screen.picture())
check("w withdraws it", moved(screen, "w") == -ONE_UL and screen.wait("withdrew 1.003 uL"), screen.picture())
screen.press("+")
check("+ makes it ten", screen.wait("one press .*9.999 uL") and moved(screen, "i") == round(10 / STEP_UL), screen.picture())
screen.press("-", "-", "-", "-")
check("- down to a tenth", screen.wait("one press .* 97.55 nL") and moved(screen, "i") == round(0.1 / STEP_UL), screen.picture())
screen.press("Up")
check("the arrow doubles the rate", screen.wait("rate .*600 uL/min"), screen.picture())
screen.press("Down", "Down")
check("and halves it", screen.wait("rate .*150 uL/min"), screen.picture())

screen.press("+", "+", "+")
screen.wait("one press .* 100 uL")
screen.press("i")
screen.wait("by hand .* moves")
screen.press("w")
check("the other way is refused while it moves", screen.wait("rig0 still moves"), screen.picture())
screen.press("Space")
check("space stops it", screen.wait("then was stopped") and screen.wait("by hand .* at rest"), screen.picture())
at = comes_to_rest()
before = truth("rig0", "steps")
screen.press("i")
wait_until(lambda: truth("rig0", "steps") > before + 200, 10)
screen.press("x")
check("x stops it at once", screen.wait("then was stopped") and comes_to_rest() - before < 8000, screen.picture())

screen.press("z")
check("z calls this place 0", screen.wait("position +0 steps"), screen.picture())
fault("rig0", "estop")
check("the emergency stop is told with what to do", screen.wait("by hand .*FAULT") and screen.wait("FAULT emergency stop: make sure"),
      screen.picture())
screen.press("c")
check("it cannot be cleared while it is pressed", screen.wait("still pressed"), screen.picture())
fault("rig0", "estop", 0)
screen.press("c")
check("and can be once it is released", screen.wait("by hand .* at rest"), screen.picture())

fault("rig0", "air")
before = comes_to_rest()
screen.press("P")
check("P primes in air", wait_until(lambda: truth("rig0", "steps") > before + 500, 20) and screen.wait("air in line"), screen.picture())
fault("rig0", "air", 0)
check("until the line is clear", screen.wait("and the line is clear"), screen.picture())

screen.press("H")
check("H asks first", screen.wait(r"may it, is the plunger free of it\?"), screen.picture())
before = comes_to_rest()
screen.press("n")
time.sleep(1)
check("n leaves it where it is", truth("rig0", "steps") == before and not screen.shows("may it"), screen.picture())
screen.press("H", "y")
screen.wait("looks for its switch")
wait_until(lambda: truth("rig0", "steps") < before - 3000, 10)
fault("rig0", "limit", 2)
check("y goes home: on the switch it turns back", screen.wait("backs off its switch"), screen.picture())
fault("rig0", "limit", 0)
screen.wait("comes back slowly")
fault("rig0", "limit", 2)
check("comes back slowly, and that place is 0", screen.wait("home: this place is 0 now") and screen.wait("position +0 steps"),
      screen.picture())
fault("rig0", "limit", 0)

screen.resize(40, 12)
check("on a small terminal how far, how fast and where remain", screen.wait("one press") and screen.wait("position") and
      screen.shows("STOP"), screen.picture())
screen.resize(80, 24)
screen.press("i")
screen.wait("by hand .* moves")
screen.press("q")
check("q stops it and leaves, status 0, telling what was moved", screen.ended() == 0 and "then was stopped" in screen.left(), screen.left())

screen = Tmux("nanodose jog rig0")
check("without a syringe ways are of the plunger", screen.wait("one press .* 100 um") and screen.shows("--syringe NAME tells volumes"),
      screen.picture())
check("i moves a tenth of a millimetre", moved(screen, "i") == 320, screen.picture())
os.kill(processes("nanodose jog")[0], signal.SIGINT)
check("Ctrl-C leaves it, status 4", screen.ended() == 4, screen.left())

screen = Tmux("nanodose jog rig0")
screen.wait("one press")
values = unplug("rig0")
check("a pump that is unplugged ends it, status 5, and is told", screen.ended() == 5 and "rig0 is gone" in screen.left(), screen.left())
plug("rig0", values)
screen = Tmux("nanodose jog rig0")
check("plugged in again it can be moved again", screen.wait("one press") and moved(screen, "i") == 320, screen.picture())
run = start("run", write_protocol("by-hand-screen.yaml", """\
nanodose: 1
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 1 uL, rate: 60 uL/min}
"""), "--record", fresh("by-hand-screen.db"), "--headless")
out, err = run.communicate()
check("a run is refused while a person moves the pump, and told who", run.returncode == 1 and 'in use by "by hand, root"' in err, err)
screen.press("q")
check("until they have left", screen.ended() == 0 and nanodose("jog", "rig0", "1 mm")[0] == 0, screen.left())
end()
