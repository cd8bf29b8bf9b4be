#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1 --rig rig2 --rig rig3
"""The screen of four channels on a line of 9600 baud: what it shows is hardly older than the line needs for one picture, keys
act at once, the dose does not wait for it. Bytes leave the pseudo-terminal as such a line would take them."""
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rig import OUT, check, end, fresh, note, query, truth, wait_until, write_protocol  # noqa: E402
from tmux import Tmux  # noqa: E402

GRAIN_S = 1                     # of the time that is shown
BYTES_S = 960                   # eight bits, a start and a stop
RIGS = ["rig0", "rig1", "rig2", "rig3"]
PROTOCOL = write_protocol("slow-line.yaml", "nanodose: 1\nname: Slow line\nchannels:\n" + "".join(
    f"  {rig}: {{pump: {rig}, syringe: BD Plastipak 1 mL, loaded: 800 uL, fluid: water}}\n" for rig in RIGS) +
    "steps:\n  - mix: {ratio: {rig0: 4, rig1: 3, rig2: 2, rig3: 1}, total_rate: 600 uL/min, duration: 60 s}\n")


class Line:
    """A program on a slow line; all that has come through it, with when."""

    def __init__(self, command, baud=termios.B9600):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        modes = termios.tcgetattr(slave)
        modes[4] = modes[5] = baud
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"})
        os.close(slave)
        os.set_blocking(self.master, False)
        self.data, self.waiting, self.begin = b"", 0, time.monotonic()

    def waits(self):
        return struct.unpack("i", fcntl.ioctl(self.master, termios.FIONREAD, b"\0" * 4))[0]

    def run(self, seconds):
        """Virtual time passes, at the line's speed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.05)
            self.waiting = max(self.waiting, self.waits())
            try:
                self.data += os.read(self.master, int(BYTES_S * 0.05))
            except (BlockingIOError, OSError):
                continue

    def shown(self):
        """What a terminal at the other end of the line shows now."""
        with open(os.path.join(OUT, "slow-line.bytes"), "wb") as file:
            file.write(self.data)
        screen = Tmux("cat " + shlex.quote(os.path.join(OUT, "slow-line.bytes")) + "; sleep 100")
        screen.until(lambda: screen.picture().strip() != "", 20)
        time.sleep(0.5)
        rows = screen.rows()
        screen.close()
        return rows


def elapsed_s(rows):
    """Of the run, as the picture tells."""
    found = [re.search(r"(\d+):(\d\d) of \d+:\d\d", row) for row in rows]
    return [int(match[1]) * 60 + int(match[2]) for match in found if match][-1:]


before = [truth(rig, "steps") for rig in RIGS]
record = fresh("slow-line.db")
line = Line(["nanodose", "run", PROTOCOL, "--record", record])
wait_until(lambda: line.run(0.05) or truth("rig0", "steps") > before[0], 60)
moving = time.monotonic()
line.run(5)
line.waiting = 0
lags = []
for _ in range(6):
    line.run(5)
    seen = elapsed_s(line.shown())
    at = query(record, "SELECT max(time_ns) FROM sample")[0][0] / 1e9 if seen else 0
    lags.append((round(at, 1), seen))
note(f"time of the newest record, and what is shown: {lags}; at most {line.waiting} bytes under way")
check("what is shown is at most two seconds old", all(seen and at - seen[0] <= 2 + GRAIN_S for at, seen in lags), lags)
check("never more than a picture is under way", line.waiting <= 2 * BYTES_S, line.waiting)
os.write(line.master, b"x")
steps = truth("rig0", "steps")
line.run(0.3)
at = truth("rig0", "steps")
line.run(1)
check("a key acts at once: the emergency stop", truth("rig0", "steps") == at and at - steps < 60 and time.monotonic() - moving < 60,
      (at - steps, truth("rig0", "steps") - at))
line.run(6)
check("and its picture comes through", any("stopped" in row for row in line.shown()), "\n".join(line.shown()))
os.write(line.master, b"q")
line.run(4)
check("q leaves, status 4", line.process.wait() == 4)

line = Line(["nanodose", "run", PROTOCOL, "--record", fresh("slow-line-2.db")])
before = [truth(rig, "steps") for rig in RIGS]
wait_until(lambda: line.run(0.05) or truth("rig0", "steps") > before[0], 60)
time.sleep(30)                  # a line that takes nothing at all
check("a line that hangs holds up no dose", truth("rig0", "steps") - before[0] > 0.9 * 30 * 4 / 0.0054193,
      truth("rig0", "steps") - before[0])
line.run(45)
check("and the dose is whole", sum(truth(rig, "steps") - at for rig, at in zip(RIGS, before)) * 0.0054193 > 599,
      [truth(rig, "steps") - at for rig, at in zip(RIGS, before)])
os.write(line.master, b"q")
line.run(4)
check("it ends well, status 0", line.process.wait() == 0)
end()
