#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The same protocol with the same seed, in two machines: identical records."""
import os
import sqlite3
import subprocess

from rig import TOP, check, end, fresh, note

TABLES = ("sample", "kernel_state", "kernel_fault", "event")


def dump(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return {table: database.execute(f"select * from {table} order by rowid").fetchall() for table in TABLES}


def once(protocol, rig, name):
    record = fresh(name)
    done = subprocess.run(
        [os.path.join(TOP, "tests/vm/uml"), "--rig", rig, "--", "nanodose", "run", protocol,
         "--record", record, "--headless", "--json"],
        cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    check(f"{name}: the run ends with status 0", done.returncode == 0, done.stderr)
    return dump(record)


for protocol, rig in (("protocols/vaccine-lnp-formulation.yaml", "protocols/rigs/lnp-mixer.yaml"),
                      ("protocols/nanoparticle-bolus.yaml", "protocols/rigs/tumour-chip.yaml")):
    first, second = (once(protocol, rig, f"twice{n}.db") for n in (1, 2))
    note(f"{protocol}: {len(first['sample'])} samples")
    for table in TABLES:
        differ = [(a, b) for a, b in zip(first[table], second[table]) if a != b]
        check(f"{protocol}: {table} identical", first[table] == second[table] and (first[table] or table == "kernel_fault"),
              f"{len(first[table])} and {len(second[table])} rows, {len(differ)} differ, first {differ[:1]}")
end()
