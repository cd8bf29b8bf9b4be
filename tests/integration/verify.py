#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""The seal of a real run, worked out anew by other means, and what verify says
of files that were altered or never closed."""
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import struct

from rig import (OUT, check, end, fresh, nanodose, query, run_protocol, start, steps_moved,
                 wait_until, write_protocol)

PROTOCOL = """nanodose: 1
name: Short
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 0.5 mL, fluid: water}
steps:
  - infuse: {channel: line, volume: 20 uL, rate: 300 uL/min}
"""
PARTS = {
    "sample": "select * from sample order by rowid",
    "kernel_state": "select * from kernel_state order by rowid",
    "kernel_fault": "select * from kernel_fault order by rowid",
    "kernel_dropped": "select * from kernel_dropped order by rowid",
    "event": "select time_ns, severity, source, channel, line, text from event order by id",
    "meta": "select * from meta order by key",
    "protocol": "select * from protocol order by rowid",
    "input": "select * from input order by name",
    "channel": "select * from channel order by rowid",
    "result": "select * from result order by rowid",
    "layout": "select type, name, tbl_name, sql from sqlite_schema"
              " where substr(name, 1, 7) <> 'sqlite_' order by type, name",
}


def digest(rows):
    """SHA-256 of rows as nanodose-run-file(5) says they are hashed."""
    total = hashlib.sha256()
    for row in rows:
        total.update(b"R" + struct.pack(">Q", len(row)))
        for value in row:
            if value is None:
                total.update(b"n" + bytes(8))
            elif isinstance(value, int):
                total.update(b"i" + struct.pack(">q", value))
            elif isinstance(value, float):
                total.update(b"r" + struct.pack(">d", value))
            else:
                data = value.encode()
                total.update(b"t" + struct.pack(">Q", len(data)) + data)
    return total.hexdigest()


def altered(name, sql):
    copy = fresh(name)
    shutil.copy(record, copy)
    database = sqlite3.connect(copy)
    database.execute(sql)
    database.commit()
    database.close()
    return copy


protocol = write_protocol("verify.yaml", PROTOCOL)
record = fresh("verify.db")
status, summary, err = run_protocol(protocol, record)
check("the run ends with status 0 and tells its seal",
      status == 0 and len(summary.get("seal", "")) == 64, err)
seal = summary["seal"]

status, out, err = nanodose("verify", record)
check("verify says: unaltered, with status 0", status == 0 and err == "" and
      out == f"{record}: unaltered since the run was closed\nseal: {seal}\n", out + err)
stored = {part: (rows, sha) for part, rows, sha in
          query(record, "select part, rows, sha256 from seal order by part, rows")}
for part, sql in PARTS.items():
    rows = query(record, sql)
    check(f"another program comes to the same digest of {part}",
          stored.get(part) == (len(rows), digest(rows)), stored.get(part))
whole = digest(query(record, "select part, rows, sha256 from seal where part <> 'whole'"
                             " order by part, rows"))
check("and to the same seal of the whole", whole == seal == stored["whole"][1], whole)

status, out, err = nanodose("verify", record, "--seal", seal.upper())
check("the seal that was noted down is the file's", status == 0, out + err)
status, out, err = nanodose("verify", record, "--seal", "0" * 64)
check("another seal is not", status == 1 and out.startswith("seal: it is not the one given"), out)

bad = altered("verify-dose.db", "update sample set flow_pl_min = 1 where rowid = 100")
status, out, err = nanodose("verify", bad)
check("one altered sample is told, with status 1", status == 1 and err == "" and
      out.startswith("sample: what rows 1 to ") and "ALTERED" in out, out + err)
status, out, err = nanodose("verify", bad, "--json")
found = json.loads(out)
check("and as JSON", status == 1 and found["verdict"] == "altered" and
      found["differences"][0].startswith("sample: ") and found["seal"] == seal, out)

cut = fresh("verify-cut.db")
process = start("run", protocol, "--record", cut, "--headless", "--rate", "200")
wait_until(steps_moved("rig0", 50), 30)
process.send_signal(signal.SIGKILL)
process.communicate()
status, out, err = nanodose("verify", cut)
check("a run that was killed is told as not closed, with status 1",
      status == 1 and "not closed" in out, out + err)

for arguments, expected in (((os.path.join(OUT, "verify.yaml"),), 1), (("/nowhere.db",), 1), ((), 2),
                            ((record, "--seal", "12"), 2)):
    status, out, err = nanodose("verify", *arguments)
    check(f"verify {' '.join(map(os.path.basename, arguments)) or 'of nothing'} is refused",
          status == expected and out == "" and err.startswith("nanodose verify: "), (status, err))
end()
