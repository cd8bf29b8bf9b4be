#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""call: another file's steps, with its own inputs and its own names for our channels."""
import json
import math
import os

from rig import OUT, check, end, fresh, nanodose, query, run_protocol, truth, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
os.makedirs(os.path.join(OUT, "parts"), exist_ok=True)
write_protocol("parts/rounds.yaml", """\
nanodose: 1
name: rounds
inputs:
  most: {value: 10 uL, max: 50 uL}
  portion: {value: 5 uL}
steps:
  - while:
      condition: "volume.line < to(most, 'uL') - 0.01"
      at_most: 20
      steps:
        - call: {file: one.yaml, inputs: {amount: "${portion}"}, channels: {syringe: line}}
""")
write_protocol("parts/one.yaml", """\
nanodose: 1
inputs:
  amount: {value: 1 uL}
steps:
  - infuse: {channel: syringe, volume: "${amount}", rate: 300 uL/min}
""")
path = write_protocol("calls.yaml", """\
nanodose: 1
name: Calls
inputs:
  sum: {value: 30 uL, max: 60 uL}
channels:
  left: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
  line: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - call: {file: parts/rounds.yaml, inputs: {most: "${sum / 2}"}, channels: {line: left}}
  - parallel:
      a: [{call: {file: parts/rounds.yaml, inputs: {most: "${sum}", portion: 10 uL}}}]
      b: [{hold: 1 s}]
""")
status, out, err = nanodose("check", path)
check("the whole is checked", status == 0 and not err, err)
begin = [truth(f"rig{i}", "steps") for i in range(2)]
record = fresh("calls.db")
status, summary, err = run_protocol(path, record)
moved = [truth(f"rig{i}", "steps") - begin[i] for i in range(2)]
check("each call moves the channel it means, as far as its own inputs say",
      status == 0 and moved == [round(15 / STEP_UL), round(30 / STEP_UL)], (status, moved, err))
texts = [text for (text,) in query(record, "select text from event where source = 'protocol' and line = 9")]
check("events tell the place in the called file, by the line that calls",
      sum("(one.yaml:5)" in text and "rounds.yaml:11" in text for text in texts) == 3, texts)
rows = query(record, "select name, path, text from protocol order by rowid")
with open(os.path.join(OUT, "parts/one.yaml"), encoding="utf-8") as file:
    one = file.read()
check("the record holds the protocol, and each called file once",
      [os.path.basename(row[1]) for row in rows] == ["calls.yaml", "rounds.yaml", "one.yaml"] and rows[2][2] == one, rows)
status, out, err = nanodose("export", "--json", record)
called = json.loads(out)["called"] if status == 0 else []
check("and so does its export", [os.path.basename(row["path"]) for row in called] == ["rounds.yaml", "one.yaml"], err)
status, out, err = nanodose("verify", record)
check("which is sealed with the rest", status == 0, err)
page = fresh("calls.html")
status, out, err = nanodose("report", record, "--output", page)
with open(page, encoding="utf-8") as file:
    check("the report shows them", status == 0 and "It calls" in file.read(), err)
status, out, err = nanodose("check", path, "--set", "sum=60 uL")
check("what a call gives is held against the file's own bounds", status == 1 and "line 11 gives most" in err and
      "parts/rounds.yaml:4:3" in err, err)
status, out, err = nanodose("check", "--json", path, "--set", "sum=60 uL")
messages = json.loads(out)
check("JSON names the file of a message", "parts/rounds.yaml" in json.dumps(messages), messages)
end()
