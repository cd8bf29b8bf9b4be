#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig p0 --rig p1 --rig p2 --rig p3 --rig p4 --rig p5 --rig p6 --rig p7 --rig p8 --rig p9 --rig p10 --rig p11 --rig p12 --rig p13 --rig p14 --rig p15
"""Sixteen pumps in one run with 200 flow records a second each: none is lost, none late, and the record stays below 60 bytes
for each. `make soak` does the same for an hour of the machine's time."""
import json
import os
import sqlite3

from rig import check, end, figure, fresh, note, query, run_protocol, truth, write_protocol

PUMPS = [f"p{number}" for number in range(16)]
RATE_HZ = 200
SECONDS = int(os.environ.get("ND_SECONDS", "20"))
UL_MIN = min(30, 54000 / SECONDS)    # of each: what its syringe holds lasts
VOLUME_UL = UL_MIN * SECONDS / 60

protocol = write_protocol("endurance.yaml", "nanodose: 1\nname: Endurance\nchannels:\n" + "".join(
    f"  {pump}: {{pump: {pump}, syringe: BD Plastipak 1 mL, loaded: 950 uL, fluid: water}}\n" for pump in PUMPS) +
    f"steps:\n  - mix: {{ratio: {{{', '.join(f'{pump}: 1' for pump in PUMPS)}}}, total_rate: {UL_MIN * len(PUMPS)} uL/min, "
    f"duration: {SECONDS} s}}\n")
record = fresh("endurance.db")
before = [truth(pump, "steps") for pump in PUMPS]
status, summary, err = run_protocol(protocol, record, "--rate", str(RATE_HZ))
check("the run ends well", status == 0 and summary, err[-2000:])
made = [truth(pump, "steps") - at for pump, at in zip(PUMPS, before)]
step_ul = query(record, "SELECT volume_per_step_m3 FROM channel")[0][0] * 1e9
check("every pump made its steps, by the rig", all(abs(steps - VOLUME_UL / step_ul) <= 1 for steps in made), made)
duration_s = summary["duration_s"]
rows = query(record, "SELECT channel, count(*), count(flow_pl_min), min(time_ns), max(time_ns) FROM sample GROUP BY channel")
check("all of them are in the record, for as long as it took", len(rows) == len(PUMPS) and
      all(abs(count - RATE_HZ * duration_s) <= RATE_HZ * 0.6 for _, count, *_ in rows), (duration_s, rows))
check("every record has its reading", all(count == read for _, count, read, *_ in rows), rows)
last, longest = {}, 0
with sqlite3.connect(f"file:{record}?mode=ro", uri=True) as database:
    for channel, time_ns in database.execute("SELECT channel, time_ns FROM sample ORDER BY rowid"):
        longest = max(longest, time_ns - last.get(channel, time_ns))
        last[channel] = time_ns
check("none is missing between two", longest < 1.5e9 / RATE_HZ, longest)
check("the driver dropped none", query(record, "SELECT * FROM kernel_dropped") == [])
check("nothing was out of order", query(record, "SELECT text FROM event WHERE severity != 'info'") == [],
      query(record, "SELECT severity, text FROM event"))
count = sum(row[1] for row in rows)
size = os.path.getsize(record)
note(json.dumps({"records": count, "bytes": size, "virtual_s": duration_s}))
figure("endurance/bytes_per_record", round(size / count, 2), "bytes", 60, "lower", f"{len(PUMPS)} pumps at {RATE_HZ} records/s for {SECONDS} s")
check("a record takes at most 60 bytes on the disk, all else of the file counted in", size / count <= 60, (size, count, size / count))
end()
