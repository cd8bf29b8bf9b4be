#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""report --output FILE.pdf: a real browser prints the page of a run, and its pages say what the page says."""
import os
import re
import subprocess
import tempfile

from rig import TOP, check, end

PROGRAM = os.path.join(TOP, "build/bin/nanodose")


def sh(*command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **keywords)
    return done.returncode, done.stdout, done.stderr


with tempfile.TemporaryDirectory() as folder:
    record, page, pdf = (os.path.join(folder, name) for name in ("run.db", "run.html", "run.pdf"))
    status, out, err = sh(PROGRAM, "rehearse", "protocols/demo.yaml", "--record", record, "--yes", cwd=TOP)
    check("a run to report", status == 0, err)
    status, out, err = sh(PROGRAM, "report", record, "--output", pdf)
    check("report makes a PDF and says nothing", (status, out, err) == (0, "", ""), err)
    check("it leaves nothing else", sorted(os.listdir(folder)) == ["run.db", "run.pdf"] and
          not [name for name in os.listdir("/tmp") if name.startswith("nanodose-report.")], os.listdir(folder))
    facts = sh("pdfinfo", pdf)[1]
    pages = int(re.search(r"^Pages: +(\d+)", facts, re.M).group(1))
    check("on A4, on a few pages, without a script", "(A4)" in facts and 2 <= pages <= 12 and "JavaScript:      no" in facts, facts)
    text = sh("pdftotext", "-layout", pdf, "-")[1]
    sh(PROGRAM, "report", record, "--output", page)
    with open(page, encoding="utf-8") as file:
        html = file.read()
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    check("it has every part of the page", len(headings) >= 5 and all(one in text for one in headings), (headings, text))
    with open(os.path.join(TOP, "protocols/demo.yaml"), encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and len(line) < 60]
    words = re.sub(r"\s+", " ", text)
    check("and the protocol", all(re.sub(r"\s+", " ", line) in words for line in lines),
          [line for line in lines if re.sub(r"\s+", " ", line) not in words])
    drawn = sh("pdftoppm", "-r", "40", "-gray", pdf, os.path.join(folder, "page"))[0]
    sizes = []
    for name in sorted(name for name in os.listdir(folder) if name.startswith("page-")):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read().split(b"\n", 3)[-1]
        sizes.append(sum(value < 128 for value in data) / len(data))
    check("every page has something on it, and room around", drawn == 0 and len(sizes) == pages and
          all(0.002 < size < 0.4 for size in sizes), sizes)

    before = sorted(os.listdir(folder))
    status, out, err = sh(PROGRAM, "report", record, "--output", os.path.join(folder, "none.pdf"), env={"PATH": "/nowhere"})
    check("without a browser it says what to install, and leaves nothing",
          status == 1 and "apt install chromium" in err and sorted(os.listdir(folder)) == before, (err, os.listdir(folder)))
    status, out, err = sh(PROGRAM, "report", page, "--output", pdf)
    check("what is no run is refused as ever, and the PDF that was there stays", status == 1 and "run.html" in err and
          os.path.getsize(pdf) > 10000, err)
end()
