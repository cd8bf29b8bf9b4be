#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""A first start: without a configuration a person is walked through making one, and it is a good one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from button import Button  # noqa: E402
from rig import OUT, check, end, nanodose, truth  # noqa: E402
from tmux import Tmux  # noqa: E402

HOME = os.path.join(OUT, "home")
CONFIG = os.path.join(HOME, ".config", "nanodose.yaml")
os.makedirs(HOME, exist_ok=True)
if os.path.exists(CONFIG):
    os.unlink(CONFIG)
environment = {**os.environ, "HOME": HOME}
red = Button("Big Red Button", "KEY_STOP")
before = [truth(rig, "steps") for rig in ("rig0", "rig1")]

first = Tmux("nanodose", environment={"HOME": HOME})
check("a first start tells the verbs and asks", first.wait("There is no configuration yet"), first.picture())
first.press("n", "Enter")
check("no leaves it at that", first.ended() == 2 and not os.path.exists(CONFIG), first.left())

walk = Tmux("nanodose", environment={"HOME": HOME})
walk.wait("There is no configuration yet")
walk.press("y", "Enter")
check("the walk begins: nothing moves", walk.wait("^Nothing moves"), walk.picture())
check("it has found the first pump and asks for its name", walk.wait("Pump nanodose0, labelled rig0") and
      walk.wait(r"called in protocols\? \[rig0\]"), walk.picture())
walk.press("4", "x", "Enter")
check("a name that is none is asked for again", walk.wait("A name is a letter and then"), walk.picture())
walk.press("west", "Enter")
walk.wait("Which syringe")
walk.press("BD Plastipack 1 mL", "Enter")
check("a syringe that is misspelt is told with those near it", walk.wait("Near it are: BD Plastipak 1 mL"), walk.picture())
walk.press("BD Plastipak 1 mL", "Enter")
check("then the second pump", walk.wait("Pump nanodose1, labelled rig1"), walk.picture())
walk.press("west", "Enter")
check("each needs a name of its own", walk.wait("That name is taken"), walk.picture())
walk.press("Enter")
walk.wait("Which syringe.*\n?")
walk.press("Enter")
check("it asks for the emergency stop's button", walk.wait("for the emergency stop: press it now"), walk.picture())
red.press("KEY_STOP")
check("a press is understood", walk.wait('KEY_STOP of "Big Red Button"') and walk.wait("to pause and resume"), walk.picture())
walk.press("Enter")
walk.wait("See them")
walk.press("games @mail", "Enter")
walk.wait("Control them")
walk.press("Enter")
check("it shows what it has gathered and asks", walk.wait(r"Write this to .*nanodose.yaml\?") and not os.path.exists(CONFIG),
      walk.picture())
walk.press("y", "Enter")
check("it is written, and what is next is told", walk.ended() == 0 and "nanodose jog NAME" in walk.left(), walk.left())
with open(CONFIG, encoding="utf-8") as file:
    text = file.read()
check("the file holds what was answered", all(line in text for line in (
    "nanodose: 1", 'west: {device: "rig0", syringe: "BD Plastipak 1 mL"}', 'rig1: {device: "rig1"}',
    '- {device: "Big Red Button", key: KEY_STOP, does: emergency_stop}', 'watch: ["games", "@mail"]')), text)
status, out, err = nanodose("jog", "west", "1 uL", env=environment)
check("it is a good one: what it says is used", status == 0 and "infused 1.003 uL" in err, err)
check("and only that moved", [truth(rig, "steps") for rig in ("rig0", "rig1")] == [before[0] + 185, before[1]])

again = Tmux("nanodose setup", environment={"HOME": HOME})
check("one that is there is left alone", again.ended() == 1 and "is there already" in again.left().replace("\n", ""), again.left())
os.unlink(CONFIG)
status, out, err = nanodose("setup", env=environment)
check("without answers nothing is written", status == 1 and "nothing was written" in err and not os.path.exists(CONFIG), err)
broken = Tmux("nanodose setup", environment={"HOME": HOME})
for answer in ("", "", "", "", "", "", "no_such_user", "", "y"):
    broken.wait(".")
    broken.press(*([answer] if answer else []), "Enter")
check("answers that make no good file are told, and it is not kept", broken.ended() == 1 and
      'is no user "no_such_user"' in broken.left().replace("\n", "") and not os.path.exists(CONFIG) and
      not os.path.exists(CONFIG + ".new"), broken.left())
end()
