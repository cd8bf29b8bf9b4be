# SPDX-License-Identifier: GPL-2.0-or-later
"""What the integration tests share: TAP, the rig's truth, the program.

Runs inside the virtual machine. Nothing here looks at the driver's or the
program's own idea of what was delivered: truth comes from the rig's debugfs.
"""
import json
import os
import sqlite3
import struct
import subprocess
import sys
import time

DEBUGFS = "/sys/kernel/debug/nanodose-sim"
CONFIGFS = "/sys/kernel/config/nanodose-sim"
TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
OUT = os.path.join(TOP, "build", "integration")

EDGE = struct.Struct("=QBBHI")      # time_ns, line, value, zero, sequence
STEP, DIR, ENABLE = 0, 1, 2

_count = 0
_failed = 0


def check(name, good, detail=""):
    """One TAP line; detail is shown when it fails."""
    global _count, _failed
    _count += 1
    if good:
        print(f"ok {_count} - {name}")
    else:
        _failed += 1
        print(f"not ok {_count} - {name}")
        for line in str(detail).splitlines():
            print(f"# {line}")
    sys.stdout.flush()
    return good


def note(text):
    print(f"# {text}", flush=True)


def figure(name, value, unit, bound, better, how):
    """A measured number for `make bench`, which reads these lines."""
    print("# figure " + json.dumps({"name": name, "value": value, "unit": unit, "bound": bound,
                                    "better": better, "how": how}), flush=True)


def end():
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)


def truth(rig, name):
    """A number the rig knows for sure."""
    with open(f"{DEBUGFS}/{rig}/{name}") as file:
        return int(file.read())


def fault(rig, name, value=1):
    with open(f"{DEBUGFS}/{rig}/fault/{name}", "w") as file:
        file.write(f"{value}\n")


def unplug(rig):
    """The pump goes. What the rig was, for plug()."""
    folder, found = f"{CONFIGFS}/{rig}", {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name == "live" or not os.stat(path).st_mode & 0o200:
            continue
        with open(path, encoding="ascii") as file:
            found[name] = file.read().strip()
    os.rmdir(folder)
    return found


def plug(rig, values):
    """A pump comes, once udev has seen to it."""
    os.mkdir(f"{CONFIGFS}/{rig}")
    for name, value in [*values.items(), ("live", "1")]:
        with open(f"{CONFIGFS}/{rig}/{name}", "w", encoding="ascii") as file:
            file.write(value + "\n")
    subprocess.run(["udevadm", "settle", "--timeout=30"], check=True)


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Edges:
    """The rig's stream of line changes, recorded while this is open."""

    def __init__(self, rig):
        self.fd = os.open(f"{DEBUGFS}/{rig}/edges", os.O_RDONLY | os.O_NONBLOCK)
        self.rest = b""
        self.all = []       # (time_ns, line, value)
        self.sequence = None
        self.lost = 0

    def collect(self):
        """Takes in what has come; returns all STEP rises so far, in ns."""
        while True:
            try:
                data = os.read(self.fd, 1 << 20)
            except BlockingIOError:
                break
            if not data:
                break
            data = self.rest + data
            whole = len(data) - len(data) % EDGE.size
            self.rest = data[whole:]
            for time_ns, line, value, _, sequence in EDGE.iter_unpack(data[:whole]):
                if self.sequence is not None and sequence != self.sequence + 1:
                    self.lost += sequence - self.sequence - 1
                self.sequence = sequence
                self.all.append((time_ns, line, value))
        return self.rises()

    def rises(self):
        return [t for t, line, value in self.all if line == STEP and value]

    def close(self):
        os.close(self.fd)


def fresh(name):
    """A path for a run file that does not exist yet."""
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, name)
    for suffix in ("", "-wal", "-shm", "-journal"):
        try:
            os.unlink(path + suffix)
        except FileNotFoundError:
            pass
    return path


def write_protocol(name, text):
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def start(*arguments, **keywords):
    """The program, running; a process group of its own."""
    return subprocess.Popen(
        ["nanodose", *arguments], stdin=keywords.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords)


def nanodose(*arguments, **keywords):
    """The program, to its end: (status, stdout, stderr)."""
    process = start(*arguments, **keywords)
    out, err = process.communicate()
    return process.returncode, out, err


def run_protocol(path, record, *arguments):
    """A headless run with a JSON summary: (status, summary or None, stderr)."""
    status, out, err = nanodose("run", path, "--record", record, "--headless", "--json", *arguments)
    try:
        summary = json.loads(out)
    except ValueError:
        summary = None
    return status, summary, err


def wait_until(condition, limit_s, step_s=0.002):
    """Virtual time passes until it holds; False after the limit."""
    end_ns = now_ns() + int(limit_s * 1e9)
    while not condition():
        if now_ns() > end_ns:
            return False
        time.sleep(step_s)
    return True


def processes(command):
    """Those with that command line, the oldest first."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", encoding="utf-8") as file:
                if file.read().replace("\0", " ").startswith(command):
                    found.append(int(name))
        except OSError:
            continue
    return sorted(found)


def steps_moved(rig, steps):
    """A condition: the rig has made so many steps since now."""
    begin = truth(rig, "steps")
    return lambda: abs(truth(rig, "steps") - begin) >= steps


def query(record, sql):
    with sqlite3.connect(f"file:{record}?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()
