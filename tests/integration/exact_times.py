#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig both:step_both_edges=1
"""Motion by the rig's edges: each step of cruises from hours a step to 40 000 a
second, of ramps, of a chain of 256 segments and of turns is when exact arithmetic
says, on a motor driver that steps on pulses and on one that steps on both edges;
two pumps begin together; and no step is lost or made up, whatever ends a motion.

Times are exact in the driver to 1 ns (tests/unit/stepgen_test.c). Here a timer fires
at its instant or up to two grains of 256 ns of the clock later, two more where the
kernel's own timers are due as well: an edge 10 ns early, or four grains late, fails.
"""
import os
import random
import time

from device import QUEUE_REPLACE, QUEUE_START_AT, Device, of_rig
from exact import HZ, Judge, Lines, cruise_ns, list_ns
from rig import Edges, check, end, fault, figure, now_ns, note, truth, wait_until

GRAIN_NS = 256
EARLY_NS = 10
LATE_NS = 4 * GRAIN_NS
HOLD_NS = 10 * HZ
ACCEL = 10**6                       # steps/s^2, the driver's highest
REST = 0
# The kernel that looks for mistakes is slow: there a tenth of the steps will do.
MILLION = 10**5 if os.path.exists("/sys/kernel/debug/kmemleak") else 10**6


class Pump:
    def __init__(self, rig, **keywords):
        self.rig, self.device = rig, Device(of_rig(rig))
        self.device.claim()
        self.lines = Lines(Edges(rig), **keywords)
        self.offset = truth(rig, "steps") - self.device.position()

    def state(self):
        return int.from_bytes(self.device.status_bytes()[96:100], "little")

    def faults(self):
        return int.from_bytes(self.device.status_bytes()[104:108], "little")

    def counts_agree(self):
        return truth(self.rig, "steps") - self.offset == self.device.position()

    def queue(self, segments, accel=ACCEL):
        """Begin a list at a known time; that time."""
        self.lines.forget()
        start = now_ns() + HZ // 10
        self.device.queue(segments, accel * HZ, HOLD_NS, QUEUE_START_AT, start)
        return start

    def judged(self, what, segments, expected=None, accel=ACCEL):
        """Steps a list and judges each step of it."""
        global latest_ns
        steps = sum(abs(n) for n, _, _ in segments)
        judge = Judge(self.lines, expected or list_ns(segments), self.queue(segments, accel))
        # Often enough for the ring of edges, and for the owner to count as alive.
        pause_s = 0.5 if steps > 20000 else 5
        while self.state() != REST:
            time.sleep(pause_s)
            judge.take()
            if self.state() != REST:
                self.device.queue([], accel * HZ, HOLD_NS)
        judge.take()
        latest_ns = max(latest_ns, judge.late)
        note(f"{self.rig}: {what}: {judge.count} steps, {judge.early:.0f} to {judge.late:.0f} ns late")
        check(f"{self.rig}: {what}: {steps} steps, each at its exact time",
              judge.count == steps and not judge.extra and judge.early >= -EARLY_NS and judge.late <= LATE_NS,
              (judge.count, judge.extra, judge.early, judge.late))
        check(f"{self.rig}: {what}: so many by the rig", self.counts_agree(),
              (truth(self.rig, "steps") - self.offset, self.device.position()))


latest_ns = 0                       # of all judged steps


def cruises(pump):
    for text, steps in (("0.0001", 3), ("0.014", 20), ("1", 60), ("333.333333333", 3000)):
        rate = round(float(text) * HZ)
        pump.judged(f"cruise at {text} steps/s", [(steps, rate, rate)])
    for text, ramp, steps in (("7919.000000003", 32, 40000), ("40000", 800, 40000)):
        whole, _, part = text.partition(".")
        rate = int(whole + part.ljust(9, "0"))
        pump.judged(f"cruise at {text} steps/s", [(ramp, 0, rate), (steps, rate, rate), (ramp, rate, 0)])


def a_million(pump):
    rate, ramp = 40000 * HZ, 800
    up, down = list_ns([(ramp, 0, rate)]), list_ns([(ramp, rate, 0)])
    over = int(up[-1]) + MILLION * 25000

    def expected():
        yield from up
        yield from cruise_ns(MILLION, rate, int(up[-1]))
        yield from (over + t for t in down)

    pump.judged(f"{MILLION} steps in one go", [(ramp, 0, rate), (MILLION, rate, rate), (ramp, rate, 0)], expected())


def ramps(pump):
    for low, high, steps in ((1, 200, 400), (50, 20000, 4000), (10, 40000, 4000)):
        accel = (high * high - low * low + 2 * steps - 1) // (2 * steps)
        pump.judged(f"ramp {low} to {high} steps/s and back",
                    [(steps, low * HZ, high * HZ), (100, high * HZ, high * HZ), (steps, high * HZ, low * HZ)],
                    accel=accel)


def chain(pump):
    """256 segments of a few steps, no two alike."""
    draw = random.Random(1)
    segments, rate = [], 0
    while len(segments) < 255:
        steps = draw.randrange(1, 25)
        if segments and len(segments) % 3 == 0:
            segments.append((steps, rate, rate))
            continue
        most = (rate * rate // HZ**2 + 2 * steps * ACCEL) ** 0.5
        least = max(rate * rate // HZ**2 - 2 * steps * ACCEL, 0) ** 0.5
        target = min(draw.uniform(least * 1.001, most * 0.999), 39000)
        rate = int(target * HZ)
        segments.append((steps, segments[-1][2] if segments else 0, rate))
    segments.append((rate * rate // HZ**2 // (2 * ACCEL) + 1, rate, 0))
    pump.judged("a chain of 256 segments", segments)


def turns(pump):
    there = [(50, 0, 1000 * HZ), (7, 1000 * HZ, 1000 * HZ), (50, 1000 * HZ, 0)]
    back = [(-n, v0, v1) for n, v0, v1 in there]
    pump.judged("eight turns", (there + back) * 4, list_ns((there + there) * 4), accel=10000)


def together(one, two):
    """By RUN and by QUEUE, on pumps of two kinds."""
    move = [(50, 0, 1000 * HZ), (50, 1000 * HZ, 0)]
    apart = 0
    for name in ("RUN", "QUEUE"):
        start = now_ns() + HZ
        for pump in (one, two):
            pump.lines.forget()
            if name == "RUN":
                pump.device.run(1000 * HZ, 10000 * HZ, HZ, start_ns=start)
            else:
                pump.device.queue(move, 10000 * HZ, HZ, QUEUE_START_AT, start)
        time.sleep(1.5)
        one.device.stop(1)
        two.device.stop(1)
        first = [pump.lines.take()[0] for pump in (one, two)]
        due = start + float(list_ns(move)[0])
        note(f"{name}: first edges {first[0] - due:.0f} and {first[1] - due:.0f} ns after their time")
        apart = max(apart, abs(first[0] - first[1]))
        check(f"{name}: two pumps with one start time make their first edges within 1 us",
              abs(first[0] - first[1]) <= 1000 and abs(first[0] - due) <= 1000, (first, due))
    figure("motion/start_together", apart, "ns", 1000, "lower",
           "first edges of two pumps with one start time, by the rigs' edges in virtual time")


def endings(pump):
    """Whatever ends or changes a motion, the counts agree and no two steps are too near."""
    draw = random.Random(2)
    device, rig = pump.device, pump.rig
    ends = {
        "STOP by a ramp": lambda: device.stop(0),
        "STOP at once": lambda: device.stop(1),
        "another rate": lambda: device.run(3000 * HZ, 50000 * HZ, HZ // 5),
        "the other way": lambda: device.run(-3000 * HZ, 50000 * HZ, HZ // 5),
        "an end position": lambda: device.run(3000 * HZ, 300000 * HZ, HZ, end=device.position() + 1234),
        "a silent owner": lambda: None,
        "the emergency stop": lambda: fault(rig, "estop", 1),
        "the end switch": lambda: fault(rig, "limit", 1),
        "the motor driver's fault": lambda: fault(rig, "driver", 1),
        "a processor held up for 3 ms": lambda: fault(rig, "latency_us", 3000),
        "a processor held up for 30 ms": lambda: fault(rig, "latency_us", 30000),
    }
    for name, act in ends.items():
        agree, rested, nearest = True, True, None
        for _ in range(6):
            rate = draw.randrange(500, 9000)
            pump.lines.gap_ns = None
            device.run(rate * HZ, 200000 * HZ, HZ // 5)
            time.sleep(draw.uniform(0.001, 0.15))
            act()
            rested &= wait_until(lambda: pump.state() == REST, 5)
            for line in ("estop", "limit", "driver"):
                fault(rig, line, 0)
            device.clear_faults(pump.faults())
            agree &= pump.counts_agree()
            pump.lines.forget()
            fastest_ns = HZ / max(rate, 3000)
            nearest = min(nearest or 2, (pump.lines.gap_ns + GRAIN_NS) / fastest_ns)
        check(f"{rig}: {name}: comes to rest with the counts agreed", rested and agree, (rested, agree))
        check(f"{rig}: {name}: steps are never nearer than 7/8 of the shortest time asked for", nearest >= 7 / 8, nearest)


def held_up_at_full_rate(pump):
    """The worst for the lines: as fast as is allowed, and behind."""
    device = pump.device
    pump.lines.forget()
    pump.lines.gap_ns = None
    for _ in range(5):
        device.run(40000 * HZ, ACCEL * HZ, HZ)
        time.sleep(0.1)
        fault(pump.rig, "latency_us", 2000)
    time.sleep(0.1)
    device.stop(0)
    wait_until(lambda: pump.state() == REST, 5)
    steps = len(pump.lines.take())
    note(f"{pump.rig}: held up at 40000 steps/s: {steps} steps, the nearest {pump.lines.gap_ns} ns apart")
    check(f"{pump.rig}: held up at the highest rate: no step is lost, none nearer than 7/8 of its time",
          pump.counts_agree() and not pump.faults() and steps > 20000 and
          pump.lines.gap_ns >= 25000 * 7 / 8 - GRAIN_NS, (steps, pump.lines.gap_ns, pump.faults()))


def replaced(pump):
    """REPLACE at any instant: what was under way is finished, the rest is the new list."""
    draw = random.Random(3)
    along = [(50, 0, 1000 * HZ), (200, 1000 * HZ, 1000 * HZ), (200, 1000 * HZ, 1000 * HZ), (50, 1000 * HZ, 0)]
    wrong = []
    for _ in range(20):
        begin, tail = pump.device.position(), draw.randrange(1, 100)
        pump.queue(along, 10000)
        time.sleep(draw.uniform(0.2, 0.5))
        under_way = pump.device.position() - begin
        pump.device.queue([(tail, 1000 * HZ, 1000 * HZ), (50, 1000 * HZ, 0)], 10000 * HZ, HOLD_NS, QUEUE_REPLACE)
        wait_until(lambda: pump.state() == REST, 5)
        finished = 50 if under_way < 50 else 250 if under_way < 250 else 450
        if pump.device.position() - begin != finished + tail + 50 or not pump.counts_agree() or \
                len(pump.lines.take()) != finished + tail + 50:
            wrong.append((under_way, tail, pump.device.position() - begin))
    check(f"{pump.rig}: REPLACE twenty times: exactly what was under way, and the new list", not wrong, wrong)


pulses = Pump("rig0")
both = Pump("both", both_edges=True)
for each in (pulses, both):
    cruises(each)
    ramps(each)
    chain(each)
    turns(each)
    replaced(each)
    endings(each)
    held_up_at_full_rate(each)
a_million(pulses)
together(pulses, both)
figure("motion/edge_lateness", latest_ns, "ns", LATE_NS, "lower",
       "latest of all edges against exact arithmetic in virtual time, whose clock ticks in 256 ns")
for each in (pulses, both):
    note(f"{each.rig}: shortest seen {each.lines.seen}")
    check(f"{each.rig}: in all of this no pulse, pause, set-up or hold was shorter than configured",
          None not in each.lines.seen.values() and not each.lines.too_short(GRAIN_NS), (each.lines.seen, each.lines.least))
    check(f"{each.rig}: no edge was lost on the way to this test", not each.lines.edges.lost, each.lines.edges.lost)
end()
