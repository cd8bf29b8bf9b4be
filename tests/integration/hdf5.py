#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""A run as HDF5, read by HDF5's own tools and held against the run file."""
import json
import os
import re
import sqlite3
import struct
import subprocess

from rig import OUT, check, end, fresh, nanodose, query, run_protocol, write_protocol

PROTOCOL = """nanodose: 1
name: Two columns µ
channels:
  left: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 0.5 mL, fluid: water}
  right: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 0.5 mL, fluid: water}
steps:
  - mix: {ratio: {left: 2, right: 1}, total_rate: 600 uL/min, volume: 30 uL}
"""
COLUMNS = {     # unit, format, column of the run file with its factor
    "time_s": ("s", "d", "time_ns * 1e-9"), "utc_ns": ("ns", "q", None),
    "setpoint_ul_min": ("uL/min", "d", "setpoint_pl_min * 1e-6"),
    "flow_ul_min": ("uL/min", "d", "flow_pl_min * 1e-6"),
    "estimate_ul_min": ("uL/min", "d", "estimate_pl_min * 1e-6"),
    "pump_rate_ul_min": ("uL/min", "d", "pump_rate_pl_min * 1e-6"),
    "position_steps": ("microsteps", "q", "position"),
    "position_ul": ("uL", "d", "position * (select volume_per_step_m3 from channel"
                               " where id = channel) * 1e9"),
    "temperature_degc": ("degC", "d", "temperature_mdegc * 1e-3"),
    "pressure_kpa": ("kPa", "d", "pressure_pa * 1e-3"),
    "sensor_flags": ("1", "q", "coalesce(sensor_flags, -1)"),
    "bus_errors": ("1", "q", "bus_errors"), "sequence": ("1", "q", "sequence"),
}


def h5dump(*arguments):
    return subprocess.run(["h5dump", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False).stdout


def values(dataset, letter):
    raw = os.path.join(OUT, "hdf5.raw")
    h5dump("-d", dataset, "-b", "LE", "-o", raw, path)
    with open(raw, "rb") as file:
        data = file.read()
    return [value for value, in struct.iter_unpack("<" + letter, data)]


def texts(dataset):
    return [json.loads(text) for text in
            re.findall(r'^\s*\(\d+\): (".*?"),?$', h5dump("-w", "1", "-d", dataset, path), re.M)]


def same(found, expected):
    return len(found) == len(expected) and all(
        value != value if wanted is None else abs(value - wanted) <= 1e-9 * abs(wanted)
        for value, wanted in zip(found, expected))


record, path = fresh("hdf5.db"), fresh("hdf5.h5")
protocol = write_protocol("hdf5.yaml", PROTOCOL)
status, _, err = run_protocol(protocol, record)
check("the run ends with status 0", status == 0, err)
# As it is when the sensor does not answer.
with sqlite3.connect(record) as database:
    database.execute("update sample set flow_pl_min = null, temperature_mdegc = null,"
                     " sensor_flags = null where rowid % 50 = 7")
status, out, err = nanodose("export", record, "--format", "hdf5", "--output", path)
check("export ends with status 0 and says nothing", (status, out, err) == (0, "", ""), err)

start = query(record, "select value from meta where key = 'start_utc_ns'")[0][0]
for channel, name in query(record, "select id, name from channel"):
    for column, (unit, letter, sql) in COLUMNS.items():
        expected = [row[0] for row in query(
            record, f"select {sql or f'{start} + time_ns'} from sample where channel = {channel}"
                    " order by rowid")]
        found = values(f"/channels/{name}/{column}", letter)
        check(f"{name}: {column} is that of the run file, what could not be had is NaN",
              same(found, expected), (found[:5], expected[:5]))
        shown = h5dump("-a", f"/channels/{name}/{column}/unit", path)
        check(f"{name}: {column} has its unit", f'"{unit}"' in shown, shown)
check("each event is there",
      texts("/events/text") == [row[0] for row in query(record, "select text from event order by id")],
      texts("/events/text"))
shown = h5dump("-A", path)
check("protocol, status, pumps and versions are there",
      all(word in shown for word in ("protocol_name", '"status"', "BD Plastipak 1 mL", "nanodose 0.",
                                     os.uname().release, "2026-01-01T00:")), shown[:2000])

before = os.stat(path)
for what, arguments in (("to standard output", (record, "--format", "hdf5")),
                        ("to a device", (record, "--format", "hdf5", "--output", "/dev/null")),
                        ("of no run", (protocol, "--format", "hdf5", "--output", path)),
                        ("with events alone", (record, "--format", "hdf5", "--events")),
                        ("over the run itself", (record, "--format", "hdf5", "--output", record))):
    status, out, err = nanodose("export", *arguments)
    check(f"HDF5 {what} is refused", status in (1, 2) and out == "" and "nanodose export: " in err,
          (status, err))
after = os.stat(path)
check("a file that was there stays as it was",
      (before.st_ino, before.st_size) == (after.st_ino, after.st_size))
check("no draft is left behind", not [name for name in os.listdir(OUT) if name.startswith("hdf5.h5.")])
end()
