#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""Hostile protocols, inputs, tables, rig files and configurations: libFuzzer with the address and undefined-behaviour
sanitizers, and AFL++ in a limited memory, a minute each, seeded with the library and every invalid protocol. An input that
fails is kept in build/fuzz/ and fails each time. `make fuzz` takes ten minutes for each and goes on with what it found
before."""
import glob
import os
import re
import shutil
import subprocess

from rig import TOP, check, end, note

BUILD = os.path.join(TOP, "build/fuzz")
SEEDS = {
    "protocol": ["protocols", "protocols/invalid"],
    "inputs": ["protocols/inputs", "tests/fuzz/seeds"],
    "rig": ["protocols/rigs"],
    "config": ["tests/fuzz/configs"],
}
MEMORY_MB = 256
HANG_S = 60         # for one input; the work of each is bounded, so this is only for one that never ends
goes_on = "ND_FUZZ_SECONDS" in os.environ
seconds = os.environ.get("ND_FUZZ_SECONDS", "60")
environment = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=8:malloc_context_size=4",
               "LSAN_OPTIONS": f"suppressions={TOP}/tests/fuzz/leaks.supp:print_suppressions=0"}

running = {}
for name, seeds in SEEDS.items():
    done = subprocess.run([os.path.join(TOP, "tests/fuzz/build"), name], capture_output=True, text=True, check=False)
    if not check(f"{name}: the target builds", done.returncode == 0, done.stderr[-3000:]):
        continue
    corpus = os.path.join(BUILD, ("corpus-" if goes_on else "new-") + name)
    if not goes_on:
        shutil.rmtree(corpus, ignore_errors=True)
    os.makedirs(corpus, exist_ok=True)
    with open(os.path.join(BUILD, name + ".log"), "wb") as log:
        running[name] = subprocess.Popen(
            [os.path.join(BUILD, name), f"-rss_limit_mb={MEMORY_MB}", f"-timeout={HANG_S}", "-max_len=8192",
             f"-max_total_time={seconds}", f"-seed={0 if goes_on else 1}", f"-artifact_prefix={BUILD}/{name}-", corpus,
             *[os.path.join(TOP, seed) for seed in seeds]],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
for name, process in running.items():
    status = process.wait()
    with open(os.path.join(BUILD, name + ".log"), encoding="utf-8", errors="replace") as file:
        text = file.read()
    runs = re.search(r"^Done (\d+) runs", text, re.M)
    check(f"{name}: no crash, no hang, no leak, and no more than {MEMORY_MB} MB", status == 0 and runs, text[-3000:])
    note(f"{name}: {runs.group(1) if runs else 0} inputs")
    check(f"{name}: it got on: more than a thousand inputs", runs and int(runs.group(1)) > 1000, text[-300:])

# ---- AFL++ ------------------------------------------------------------------------------

environment = {**os.environ, "AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_BIN_CHECK": "1",
               "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}
running = {}
for name, seeds in SEEDS.items():
    done = subprocess.run([os.path.join(TOP, "tests/fuzz/build"), name, "afl"], capture_output=True, text=True,
                          check=False)
    if not check(f"{name}: the target builds for AFL++", done.returncode == 0, done.stderr[-3000:]):
        continue
    begin, out = os.path.join(BUILD, "afl-seeds-" + name), os.path.join(BUILD, "afl-" + name)
    shutil.rmtree(begin, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(begin)
    for number, path in enumerate(sorted(path for seed in seeds for path in glob.glob(os.path.join(TOP, seed, "*.*")))):
        shutil.copyfile(path, os.path.join(begin, f"{number}"))
    with open(os.path.join(BUILD, f"afl-{name}.log"), "wb") as log:
        running[name] = subprocess.Popen(
            ["afl-fuzz", "-m", str(MEMORY_MB), "-t", str(HANG_S * 1000), "-s", "1", "-V", seconds, "-i", begin, "-o", out,
             "--", os.path.join(BUILD, name + "-afl")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
for name, process in running.items():
    status = process.wait()
    with open(os.path.join(BUILD, f"afl-{name}.log"), encoding="utf-8", errors="replace") as file:
        text = file.read()
    told = re.search(r"Statistics: .* (\d+) crashes saved, (\d+) timeouts saved", text)
    check(f"{name} by AFL++: no crash, no hang, and no more than {MEMORY_MB} MB",
          status == 0 and told and told.groups() == ("0", "0"), text[-3000:])
    check(f"{name} by AFL++: it got on", "Time limit was reached" in text, text[-3000:])
end()
