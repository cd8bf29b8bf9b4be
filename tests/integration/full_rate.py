#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""40 000 steps/s with 200 flow records/s: every step made, no record lost."""
from device import CAUSE_END, FAULT_HIGH_FLOW, FAULT_OVER_PRESSURE, FLOW, STATE, TYPE_DROPPED, TYPE_FLOW, TYPE_STATE, Device
from rig import Edges, check, end, figure, note, truth

STEPS = 120_000
RATE_NHZ = 40_000 * 10**9
PERIOD_NS = 5_000_000
# The virtual machine's clock, which stamps the edges, ticks in this.
CLOCK_GRAIN_NS = 512

device = Device("/dev/nanodose0")
device.claim()
# 13 mL/min: six times what the sensor measures, at 60 bar; here the steps count.
device.warn_only(FAULT_OVER_PRESSURE | FAULT_HIGH_FLOW)
device.sensor(True, PERIOD_NS)
device.set_position(0)
edges = Edges("rig0")
steps0 = truth("rig0", "steps")
records = []
device.run(RATE_NHZ, 400_000 * 10**9, 10 * 10**9, end=STEPS)
ended = None
while ended is None:
    if not device.wait(5):
        break
    for record in device.records():
        records.append(record)
        if record[2] == TYPE_STATE and STATE.unpack(record[3])[5] == CAUSE_END:
            ended = record
    edges.collect()
device.sensor(False)

rises = edges.collect()
check("the move ends", ended is not None)
check("the rig made exactly the steps asked for", truth("rig0", "steps") - steps0 == STEPS,
      truth("rig0", "steps") - steps0)
check("the edges tell the same count", len(rises) == STEPS and edges.lost == 0, (len(rises), edges.lost))
gaps = [b - a for a, b in zip(rises, rises[1:])]
check("at full rate a step is never nearer than 25 us to the one before",
      min(gaps) > 25_000 - CLOCK_GRAIN_NS, min(gaps))
sequences = [record[1] for record in records]
check("no DROPPED record", not any(record[2] == TYPE_DROPPED for record in records))
figure("full_rate/records_lost", sequences[-1] - sequences[0] + 1 - len(sequences), "records", 0, "lower",
       "40 000 steps/s with 200 flow records/s, by sequence number")
check("record numbers have no gap", sequences == list(range(sequences[0], sequences[0] + len(sequences))))
flow = [(r[0], *FLOW.unpack(r[3])) for r in records if r[2] == TYPE_FLOW and sequences[0] <= r[1] <= ended[1]]
seconds = (ended[0] - flow[0][0]) / 1e9
note(f"{len(flow)} flow records in {seconds:.3f} s, {len(rises)} steps")
check("flow records come 200 a second", abs(len(flow) / seconds - 200) < 1, len(flow) / seconds)
wrong = 0
index = 0
for time_ns, position, *_ in flow:
    while index < len(rises) and rises[index] <= time_ns:
        index += 1
    wrong += abs(position - index) > 1
check("each flow record's position is the count of edges at its time", wrong == 0, wrong)
device.close()
end()
