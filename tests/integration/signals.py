#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""Signals: values from a file, a FIFO and a socket decide; what is too old or no number stops the run."""
import os
import socket
import time

from rig import OUT, check, end, fresh, query, start, truth, wait_until, write_protocol

HEAD = """\
nanodose: 1
name: Signals
signals:
  marker: {%s, unit: ng/mL, max_age: %s}
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
"""
DOSE = "  - infuse: {channel: line, volume: 1 uL, rate: 60 uL/min}\n"
WAIT = "  - wait: {until: signal.marker < 5, timeout: 1 min}\n"


class Run:
    """A protocol with one signal, started; its record afterwards."""

    def __init__(self, name, source, steps, max_age="10 s"):
        self.record = fresh(name + ".db")
        self.steps = truth("rig0", "steps")
        self.process = start("run", write_protocol(name + ".yaml", HEAD % (source, max_age) + steps),
                             "--record", self.record, "--headless", "--yes")

    def end(self):
        """Status, steps made, and what the events say."""
        _, err = self.process.communicate()
        self.err = err
        told = [text for (text,) in query(self.record, "SELECT text FROM event")] if os.path.exists(self.record) else []
        return self.process.returncode, truth("rig0", "steps") - self.steps, told


def path(name):
    return os.path.join(OUT, name)


def write(name, text):
    """As a whole, as careful writers do it."""
    with open(path(name) + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path(name) + ".new", path(name))


def remove(name):
    if os.path.exists(path(name)):
        os.unlink(path(name))


os.makedirs(OUT, exist_ok=True)

write("marker.txt", "7\n")
run = Run("signal-file", "file: marker.txt", WAIT + DOSE)
time.sleep(3)
idle = truth("rig0", "steps") == run.steps
write("marker.txt", "4.5 ng/mL\n")
status, moved, told = run.end()
check("a file: nothing moves until its number is below 5, then the dose is given", status == 0 and idle and moved > 0,
      (status, idle, moved, run.err))
check("the record has the number, with its unit, that the run went on by",
      any("signal 'marker' was 4.5 ng/mL" in text for text in told), told)

CHOICE = """\
  - wait: {time: 2 s}
  - if: {condition: signal.marker > 5, then: [{infuse: {channel: line, volume: 1 uL, rate: 60 uL/min}}]}
  - hold: 1 s
"""
remove("marker.fifo")
run = Run("signal-fifo", "fifo: marker.fifo", CHOICE)
wait_until(lambda: os.path.exists(path("marker.fifo")), 5)
with open(path("marker.fifo"), "w", encoding="ascii") as file:
    file.write("1\n2\n0.00")
    file.flush()
    time.sleep(0.5)
    file.write("6 ug/mL\n")
status, moved, told = run.end()
check("a FIFO: the last whole line counts, in the unit of the signal", status == 0 and moved > 0 and
      any("was 6 ng/mL" in text for text in told), (status, moved, run.err, told))
check("the FIFO that the run made is gone with it", not os.path.exists(path("marker.fifo")))

remove("marker.sock")
run = Run("signal-socket", "socket: marker.sock", WAIT + DOSE)
wait_until(lambda: os.path.exists(path("marker.sock")), 5)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    for text in (b"9", b"4"):
        time.sleep(1)
        sender.sendto(text, path("marker.sock"))
status, moved, told = run.end()
check("a socket: each datagram is a reading", status == 0 and moved > 0 and any("was 4 ng/mL" in text for text in told),
      (status, moved, run.err, told))
check("the socket is gone with the run", not os.path.exists(path("marker.sock")))

write("marker.txt", "7\n")
run = Run("signal-old", "file: marker.txt", WAIT + DOSE, max_age="5 s")
status, moved, told = run.end()
check("too old is an error: the run stops by itself, before its time-out, and nothing has moved",
      status == 3 and moved == 0 and any("s old, 5 s are allowed" in text for text in told), (status, moved, told))

remove("marker.txt")
run = Run("signal-never", "file: marker.txt", WAIT + DOSE, max_age="5 s")
status, moved, told = run.end()
check("so is what never comes", status == 3 and moved == 0 and any("no reading has come" in text for text in told),
      (status, moved, told))

NOT = "  - wait: {until: not (signal.marker > 5), timeout: 3 s, then: continue}\n"
run = Run("signal-unknown", "file: marker.txt", NOT + DOSE, max_age="1 h")
status, moved, told = run.end()
check("what is not there yet is no answer, whatever is asked: the wait ends by its time-out", status == 0 and
      any("the condition did not hold within 3 s" in text for text in told), (status, told))

for text in ("high", "7 uL", "1,5", "nan"):
    write("marker.txt", text + "\n")
    run = Run("signal-no-number", "file: marker.txt", WAIT + DOSE)
    status, moved, told = run.end()
    check(f"'{text}' is no reading: the run stops and says so", status == 3 and moved == 0 and
          any("what came is no reading" in line for line in told), (status, moved, told))

write("marker.txt", "7\n")
run = Run("signal-no-fifo", "fifo: marker.txt", WAIT + DOSE)
status, moved, _ = run.end()
check("a plain file in place of the FIFO is refused before anything moves", status == 1 and moved == 0 and
      "no FIFO" in run.err, (status, run.err))
with open(path("marker.txt"), encoding="ascii") as file:
    check("and is left as it was", file.read() == "7\n")
run = Run("signal-no-socket", "socket: marker.txt", WAIT + DOSE)
status, moved, _ = run.end()
check("likewise in place of the socket", status == 1 and "cannot be made" in run.err and os.path.exists(path("marker.txt")),
      (status, run.err))
end()
