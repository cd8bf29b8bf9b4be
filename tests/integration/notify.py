#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""notify: a line reaches a file, a FIFO and a socket; one that nobody takes is a warning, and the dose is given."""
import os
import socket
import tempfile

from rig import check, end, nanodose, query, truth

HEAD = """\
nanodose: 1
inputs:
  plate: {value: 7}
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
"""
DOSE = "  - infuse: {channel: line, volume: 1 uL, rate: 60 uL/min}\n"
FOLDER = tempfile.mkdtemp()


def path(name):
    return os.path.join(FOLDER, name)


def run(name, place, verb="run"):
    """Status, steps made, and what the events say."""
    protocol, record, before = path(name + ".yaml"), path(name + ".db"), truth("rig0", "steps")
    with open(protocol, "w", encoding="ascii") as file:
        file.write(HEAD + "  - notify: {%s, text: \"plate ${plate} begins\"}\n" % place + DOSE)
    status, _, _ = nanodose(verb, protocol, "--record", record, *(["--here"] if verb == "rehearse" else ["--headless", "--yes"]))
    return status, truth("rig0", "steps") - before, [text for (text,) in query(record, "SELECT text FROM event")]


def read(name):
    with open(path(name), encoding="ascii") as file:
        return file.read()


with open(path("log.txt"), "w", encoding="ascii") as log:
    log.write("before\n")
status, moved, told = run("file", "file: log.txt")
check("a file: the line comes at its end", status == 0 and moved > 0 and read("log.txt") == "before\nplate 7 begins\n",
      (status, moved, read("log.txt")))
check("the record tells of it", any(text.startswith("notify ") and text.endswith("log.txt: plate 7 begins") for text in told),
      told)
check("and of no trouble", not any("not notified" in text for text in told), told)
status, moved, _ = run("new", "file: new.txt")
check("a file that is not there yet is made", status == 0 and read("new.txt") == "plate 7 begins\n")

os.mkfifo(path("camera.fifo"))
reader = os.open(path("camera.fifo"), os.O_RDONLY | os.O_NONBLOCK)
status, moved, told = run("fifo", "fifo: camera.fifo")
check("a FIFO: its reader gets the line", status == 0 and moved > 0 and os.read(reader, 99) == b"plate 7 begins\n", told)
filler = os.open(path("camera.fifo"), os.O_WRONLY | os.O_NONBLOCK)
try:
    while True:
        os.write(filler, bytes(4096))
except BlockingIOError:
    pass
status, moved, told = run("full", "fifo: camera.fifo")
check("a reader that does not keep up is a warning, and the dose is given",
      status == 0 and moved > 0 and any("its reader does not keep up" in text for text in told), (status, moved, told))
os.close(filler)
os.close(reader)
status, moved, told = run("alone", "fifo: camera.fifo")
check("so is a FIFO that nobody reads", status == 0 and moved > 0 and
      any("nobody reads from it; going on" in text for text in told), (status, moved, told))
status, moved, told = run("missing", "fifo: none.fifo")
check("and one that is not there", status == 0 and moved > 0 and any("nobody reads from it" in text for text in told), told)

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
    listener.bind(path("camera.sock"))
    status, moved, told = run("socket", "socket: camera.sock")
    check("a socket: the line is a datagram", status == 0 and moved > 0 and
          listener.recv(99, socket.MSG_DONTWAIT) == b"plate 7 begins\n", told)
status, moved, told = run("deaf", "socket: camera.sock")
check("a socket that nobody listens to is a warning", status == 0 and moved > 0 and
      any("nobody listens to it" in text for text in told), told)

for place, reason in (("file: log.txt/x", "Not a directory"), ("file: camera.fifo", "no plain file"),
                      ("fifo: log.txt", "no FIFO")):
    status, moved, told = run("wrong", place)
    check(f"{place}: the warning says '{reason}'", status == 0 and moved > 0 and any(reason in text for text in told),
          (status, told))
    os.unlink(path("wrong.db"))

status, moved, told = run("rehearsal", "file: rehearsed.txt", "rehearse")
check("a rehearsal sends nothing, and says so", status == 0 and not os.path.exists(path("rehearsed.txt")) and
      any("a rehearsal sends nothing to" in text for text in told), (status, told))
end()
