# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside a machine where an instruction takes 1 ns: what steps cost, and how late they are; see peers.bench.

The first argument is the folder of the peers. One processor; what the steps leave of it is used up by a process that
counts, which is the load, and tells how many instructions were taken from it.
"""
import glob
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from device import Device, of_rig   # noqa: E402
from rig import STEP, Edges         # noqa: E402

PEERS = sys.argv[1]
RIGS = "/sys/kernel/config/nanodose-sim"
COUNTS = (1, 4, 8)
RATE_HZ = 2000
SECONDS = 0.5
LEAD_S = 0.1            # until it cruises
PERIOD_NS = 10 ** 9 // RATE_HZ


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


class Spinner:
    """The load, and the account of what it was left."""

    def __init__(self):
        self.process = subprocess.Popen([PEERS + "/spin", "/tmp/rounds"])
        while not os.path.exists("/tmp/rounds") or os.path.getsize("/tmp/rounds") < 8:
            time.sleep(0.01)
        with open("/tmp/rounds", "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 8)
        self.free = None
        self.free = self.taken_by(lambda: None)

    def rounds(self):
        return struct.unpack("=Q", self.memory[:8])[0]

    def taken_by(self, before):
        """Instructions in SECONDS that others had; the rounds of an idle machine at first."""
        before()
        start_ns, start = time.clock_gettime_ns(time.CLOCK_MONOTONIC), self.rounds()
        time.sleep(SECONDS)
        took_ns, rounds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - start_ns, self.rounds() - start
        if self.free is None:
            return rounds / took_ns
        return (1 - rounds / took_ns / self.free) * took_ns


def make_rigs(count, parameters):
    for i in range(count):
        path = f"{RIGS}/rig{i}"
        os.mkdir(path)
        for name, value in parameters.items():
            write(f"{path}/{name}", value)
        write(path + "/live", 1)
    subprocess.run(["udevadm", "settle"], check=True)


def remove_rigs(count):
    for i in range(count):
        write(f"{RIGS}/rig{i}/live", 0)
        os.rmdir(f"{RIGS}/rig{i}")


def free_lines(count):
    for i in range(count):
        with open(f"{RIGS}/rig{i}/dev_name", encoding="ascii") as file:
            write("/sys/bus/platform/drivers/nanodose/unbind", file.read().strip())


def steps_of(edges, both_edges):
    """Times of the steps of one rig, in SECONDS from its first."""
    times = [t for t, line, value in edges.all if line == STEP and (value or both_edges)]
    return [t for t in times if t < times[0] + SECONDS * 1e9]


def late_ns(steps):
    """How late each step was on its own raster, against the one that was least late."""
    found = []
    for times in steps:
        phase = [t - i * PERIOD_NS for i, t in enumerate(times)]
        found += [p - min(phase) for p in phase]
    return sorted(found)


class Driver:
    """This driver: a RUN each."""

    def begin(self, count):
        self.pumps = [Device(of_rig(f"rig{i}")) for i in range(count)]
        for pump in self.pumps:
            pump.claim()
            pump.run(RATE_HZ * 10 ** 9, 10 ** 15, 10 * 10 ** 9)

    def finish(self):
        for pump in self.pumps:
            pump.stop(1)
            pump.close()


class Pwm:
    """Mainline's pwm-gpio, by its files."""

    def begin(self, count):
        free_lines(count)
        subprocess.run(["insmod", PEERS + "/pwm_lines.ko", f"lines={count}"], check=True)
        for i in range(count):
            chip = glob.glob(f"/sys/bus/platform/devices/pwm-gpio.{i}/pwm/pwmchip*")[0]
            write(chip + "/export", 0)
            write(chip + "/pwm0/period", PERIOD_NS)
            write(chip + "/pwm0/duty_cycle", PERIOD_NS // 2)
            write(chip + "/pwm0/enable", 1)

    def finish(self):
        subprocess.run(["rmmod", "pwm_lines"], check=True)


class Loop:
    """libgpiod and clock_nanosleep, a process each."""

    def begin(self, count):
        free_lines(count)
        self.loops = [subprocess.Popen([PEERS + "/gpio_loop", f"nanodose-sim-rig{i}", str(RATE_HZ)])
                      for i in range(count)]

    def finish(self):
        for loop in self.loops:
            loop.send_signal(signal.SIGKILL)
            loop.wait()


def measure(spinner, name, peer, count, parameters):
    make_rigs(count, parameters)
    peer.begin(count)
    time.sleep(LEAD_S)
    edges = []
    taken = spinner.taken_by(lambda: edges.extend(Edges(f"rig{i}") for i in range(count)))
    for one in edges:
        one.collect()
    peer.finish()
    steps = [steps_of(one, "step_both_edges" in parameters) for one in edges]
    late = late_ns(steps)
    for one in edges:
        one.close()
    remove_rigs(count)
    print(json.dumps({"peer": name, "pumps": count, "lost": sum(one.lost for one in edges), "steps": len(late),
                      "instructions_per_step": taken / (count * SECONDS * RATE_HZ), "late_p50_ns": late[len(late) // 2],
                      "late_p999_ns": late[int(len(late) * 0.999)], "late_max_ns": late[-1]}), flush=True)


def main():
    remove_rigs(1)
    subprocess.run(["insmod", PEERS + "/pwm-gpio.ko"], check=True)
    spinner = Spinner()
    for count in COUNTS:
        measure(spinner, "nanodose", Driver(), count, {"pulse_width_ns": 2000})
        measure(spinner, "nanodose-short", Driver(), count, {"pulse_width_ns": 500})
        measure(spinner, "nanodose-both-edges", Driver(), count, {"step_both_edges": 1})
        measure(spinner, "pwm-gpio", Pwm(), count, {})
        measure(spinner, "libgpiod", Loop(), count, {})
    spinner.process.kill()


main()
