#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1 --rig rig2 --rig rig3 --rig rig4 --rig rig5 --rig rig6 --rig rig7
"""Eight pumps at 40 000 steps/s, each with 500 flow records a second: a reader that
keeps up loses nothing, and one that does not loses only its own, told to the record."""
import os
import select
import struct

from device import (CAUSE_END, FAULT_HIGH_FLOW, FAULT_OVER_PRESSURE, STATE, TYPE_DROPPED, TYPE_FLOW, TYPE_STATE,
                    Device, of_rig)
from exact import HZ
from rig import check, end, figure, note, now_ns, truth

PUMPS = 8
RATE = 40_000
ACCEL = 400_000
PERIOD_NS = 2_000_000
# The kernel that looks for mistakes is slow.
STEPS = 20_000 if os.path.exists("/sys/kernel/debug/kmemleak") else 80_000
RAMP_NS = RATE * HZ // ACCEL
DROPPED = struct.Struct("=QQ")
RING = 64
EVERYTHING = 0x1E                   # of record types


class Reader:
    """One descriptor, and what it got: {sequence: record}, and its gaps."""

    def __init__(self, path, mask=0, ring=0, decimation=0):
        self.device = Device(path)
        if mask or ring:
            self.device.subscribe(mask or EVERYTHING, ring, decimation)
        self.device.records()
        self.got, self.gaps, self.order = {}, [], []

    def read(self):
        for record in self.device.records():
            time_ns, sequence, kind, payload = record
            if kind == TYPE_DROPPED:
                self.gaps.append((*DROPPED.unpack_from(payload), sequence))
            else:
                self.order.append(sequence)
                self.got[sequence] = record

    def lost(self):
        return sum(count for _, count, _ in self.gaps)


class Pump:
    def __init__(self, rig):
        path = of_rig(rig)
        self.rig = rig
        self.name = path.split("/")[-1]
        self.fast = Reader(path)
        self.owner = self.fast.device
        self.owner.claim()
        # 13 mL/min: far beyond sensor and pressure; here the records count.
        self.owner.warn_only(FAULT_OVER_PRESSURE | FAULT_HIGH_FLOW)
        self.owner.set_position(0)
        self.offset = truth(rig, "steps")
        self.asleep = Reader(path, ring=RING)
        self.stutters = Reader(path, ring=RING)
        self.picky = Reader(path, mask=1 << TYPE_FLOW, ring=RING, decimation=3)
        self.fast.device.records()      # from here on all of them get the same
        self.before = self.lost()
        self.ended = None

    def lost(self):
        with open(f"/sys/kernel/debug/nanodose/{self.name}/records_lost") as file:
            return int(file.read())

    def read(self):
        seen = len(self.fast.order)
        self.fast.read()
        for sequence in self.fast.order[seen:]:
            _, _, kind, payload = self.fast.got[sequence]
            if kind == TYPE_STATE and STATE.unpack(payload)[5] == CAUSE_END:
                self.ended = sequence


def gaps_are_true(reader, every):
    """Each DROPPED names a run of what this reader should have got, and no more."""
    missing = [sequence for sequence in every if sequence not in reader.got]
    told = []
    for first, count, after in reader.gaps:
        run = [sequence for sequence in missing if first <= sequence < after]
        if not run or run[0] != first or len(run) != count:
            return False
        told += run
    return told == missing


pumps = [Pump(f"rig{i}") for i in range(PUMPS)]
for pump in pumps:
    pump.owner.sensor(True, PERIOD_NS)
start = now_ns() + HZ // 10
for pump in pumps:
    pump.owner.run(RATE * HZ, ACCEL * HZ, 10 * HZ, end=STEPS, start_ns=start)
poll = select.poll()
for pump in pumps:
    poll.register(pump.owner.fd, select.POLLIN)
by_fd = {pump.owner.fd: pump for pump in pumps}
looked_ns, rounds = now_ns(), 0
while not all(pump.ended for pump in pumps):
    ready = poll.poll(5000)
    if not ready:
        break
    for fd, _ in ready:
        by_fd[fd].read()
    if now_ns() - looked_ns > 300_000_000:
        looked_ns, rounds = now_ns(), rounds + 1
        for pump in pumps:
            pump.stutters.read()
            if rounds % 2:
                pump.picky.read()
for pump in pumps:
    pump.owner.sensor(False)
for pump in pumps:
    for reader in (pump.fast, pump.asleep, pump.stutters, pump.picky):
        reader.read()

check("all eight come to rest at their end", all(pump.ended for pump in pumps), [pump.ended for pump in pumps])
check("each made exactly its steps, by the rig",
      all(truth(pump.rig, "steps") - pump.offset == STEPS for pump in pumps),
      [truth(pump.rig, "steps") - pump.offset for pump in pumps])
took_ns = STEPS * HZ // RATE + RAMP_NS
total = lost = 0
for pump in pumps:
    order = pump.fast.order
    flow = [sequence for sequence in order if pump.fast.got[sequence][2] == TYPE_FLOW]
    total += len(order)
    lost += order[-1] - order[0] + 1 - len(order)
    moving = [s for s in flow if start <= pump.fast.got[s][0] <= start + took_ns]
    check(f"{pump.rig}: the reader that keeps up has every record, in order",
          not pump.fast.gaps and order == list(range(order[0], order[-1] + 1)), (pump.fast.gaps, len(order)))
    check(f"{pump.rig}: 500 flow records for each second", abs(len(moving) - took_ns // PERIOD_NS) <= 1,
          (len(moving), took_ns))
    for name, reader, every in (("who never reads", pump.asleep, order), ("who stutters", pump.stutters, order),
                                ("who stutters and takes every third flow record", pump.picky, flow[::3])):
        check(f"{pump.rig}: one {name} loses some, and each gap is told exactly: first, how many, and what is next",
              reader.gaps and gaps_are_true(reader, every), (reader.gaps, len(reader.got), len(every)))
        check(f"{pump.rig}: what one {name} got is what the other got",
              all(pump.fast.got.get(s) == record for s, record in reader.got.items()) and
              reader.order == sorted(reader.order) and set(reader.order) <= set(every), len(reader.got))
    check(f"{pump.rig}: one who never reads keeps the oldest, as many as its ring holds", pump.asleep.order == order[:RING],
          pump.asleep.order)
    check(f"{pump.rig}: the counter of lost records says the same",
          pump.lost() - pump.before == sum(r.lost() for r in (pump.asleep, pump.stutters, pump.picky)),
          (pump.lost(), pump.before))
note(f"{total} records of {PUMPS} pumps in {took_ns / 1e9:.1f} s, {PUMPS * STEPS} steps")
figure("eight_pumps/records_lost", lost, "records", 0, "lower",
       "8 pumps at 40 000 steps/s with 500 flow records/s each, by sequence number")
end()
