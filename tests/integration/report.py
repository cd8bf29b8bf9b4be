#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""The page of a run: its figures are the rig's, its markup is sound, it needs
nothing from elsewhere. tests/integration/report_pdf.py prints one."""
import hashlib
import html.parser
import os
import re

from rig import OUT, check, end, fault, fresh, nanodose, query, run_protocol, truth, write_protocol

PROTOCOL = """nanodose: 1
name: Rinse & fill <A>
inputs:
  rate: {value: 120 uL/min, max: 600 uL/min}
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 0.5 mL, fluid: water}
steps:
  - infuse: {channel: line, volume: 40 uL, rate: "${rate}"}
  - hold: 2 s
"""


class Page(html.parser.HTMLParser):
    """Tables as rows of text, SVG lines as points, and whatever would fetch or run."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.paths, self.active, self.tags = [], [], [], []
        self.cell = None
        self.words = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.append(tag)
        if tag in ("script", "link", "img", "iframe", "object") or \
                any(key.startswith("on") or key in ("src", "href") for key in named):
            self.active.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self.cell = True
        if tag == "path":
            self.paths.append((named.get("class"), named["d"]))

    def handle_endtag(self, tag):
        if tag in ("td", "tr", "table", "thead"):
            self.cell = None

    def handle_data(self, data):
        self.words.append(data)
        if self.cell:
            self.rows[-1][-1] += data

    def row(self, first):
        return next((row for row in self.rows if row and row[0] == first), [])


def points(drawing):
    """Absolute points of M, l and h."""
    found, x, y = [], 0, 0
    for command, numbers in re.findall(r"([Mlh])(-?\d+(?: -?\d+)?)", drawing):
        values = [int(number) for number in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "l":
            x, y = x + values[0], y + values[1]
        found.append((x, y))
    return found


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


record, page_path = fresh("report.db"), os.path.join(OUT, "report.html")
protocol = write_protocol("report.yaml", PROTOCOL)
before = truth("rig0", "outlet_volume_fl")
status, summary, err = run_protocol(protocol, record, "--set", "rate=240 uL/min")
delivered_ul = (truth("rig0", "outlet_volume_fl") - before) * 1e-9
check("the run ends with status 0", status == 0, err)
status, out, err = nanodose("report", record, "--output", page_path)
check("report ends with status 0 and says nothing", (status, out, err) == (0, "", ""), err)
page = Page(read(page_path))
text = " ".join(page.words)

check("nothing in the page runs, fetches or links", not page.active and "http" not in read(page_path),
      page.active)
check("the protocol's name is its title, markup in it is text", "Rinse & fill <A>" in text)
doses = page.row("line")
check("target and delivered volume are there",
      doses[1:2] == ["40.000"] and abs(float(doses[2]) - delivered_ul) <= 0.005 * 40, doses)
check("the sensor's volume agrees with the rig's outlet within 1 %",
      abs(float(doses[5]) - delivered_ul) <= 0.01 * 40, doses)
check("how sure both are is there: 0.5 % and a step of 5.4 nL, 5 %", float(doses[3]) == 0.205 and float(doses[6]) == 2, doses)
check("the input as the operator set it is there",
      page.row("rate")[1:] == ["240 uL/min", "rate", "the operator"], page.row("rate"))
check("the protocol is there word for word",
      all(line in text for line in PROTOCOL.splitlines()))
events = query(record, "select text from event")
check("every event is there", events and all(any(e[0] == row[-1] for row in page.rows if row)
                                             for e in events), events)
serial = int(query(record, "select sensor_serial from channel")[0][0]) % 2 ** 64
check("sensor, serial number and syringe are there",
      f"SLF3S-0600F, serial {serial}" in text and "BD Plastipak 1 mL, bore 4.699 mm" in text)
check("program and kernel are there with their versions",
      re.fullmatch(r"nanodose \d+\.\d+\.\d+", page.row("Program")[1]) and
      page.row("Kernel")[1] == os.uname().release, page.rows[-9:])
with open(record, "rb") as file:
    digest = hashlib.sha256(file.read()).hexdigest()
check("the run file's SHA-256 is there", page.row("SHA-256 of the run file")[1:] == [digest])
start = query(record, "select value from meta where key = 'start_utc_ns'")[0][0]
check("times are UTC", page.row("Began (UTC)")[1].endswith("Z") and
      page.row("Began (UTC)")[1].startswith("2026-01-01T00:"), (start, page.row("Began (UTC)")))

lines = {}
for kind, drawing in page.paths:
    lines.setdefault(kind, []).append(points(drawing))
check("flow, volume and pressure are plotted", page.tags.count("svg") == 3, page.tags.count("svg"))
volume = max((line for line in lines["main"]), key=lambda line: -line[-1][1])
check("the delivered volume's line only rises",
      all(b[0] >= a[0] and b[1] <= a[1] for a, b in zip(volume, volume[1:])))
check("all points are inside the drawing",
      all(0 <= x <= 7200 and 0 <= y <= 2140 for many in lines.values() for line in many
          for x, y in line))

# A run that a fault has ended shows it.
record = fresh("report-fault.db")
fault("rig0", "air", 1)
status, _, _ = run_protocol(protocol, record)
fault("rig0", "air", 0)
status, out, err = nanodose("report", record)
page = Page(out)
check("a run stopped by air says so at its top and in its events",
      status == 0 and "stopped by a fault or interlock" in " ".join(page.words) and
      any("air in line" in row[-1] for row in page.rows if row), err)
check("and marks the fault in its plots", any(kind == "fault" for kind, _ in page.paths))

with open(os.path.join(OUT, "report.txt"), "w", encoding="utf-8") as file:
    file.write("no run\n")
for arguments, expected in (((os.path.join(OUT, "report.txt"),), 1), (("/nowhere.db",), 1), ((), 2),
                            ((record, "--output", record), 1),
                            ((record, "--output", "/nowhere/x.html"), 1)):
    status, out, err = nanodose("report", *arguments)
    check(f"report {' '.join(map(os.path.basename, arguments)) or 'of nothing'} is refused",
          status == expected and out == "" and err.startswith("nanodose report: "), (status, err))
end()
