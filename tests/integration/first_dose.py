#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig protocols/rigs/tumour-chip.yaml
"""A bolus of 100 uL at 10 uL/min: dose, step count, record, export."""
import csv
import io
import math
import os

from rig import TOP, check, end, figure, fresh, nanodose, query, run_protocol, truth

TARGET_UL = 100.0
# BD Plastipak 1 mL, inner diameter 4.699 mm; 1 mm a turn, 3200 microsteps.
STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200

record = fresh("bolus.db")
steps0, volume0 = truth("rig0", "steps"), truth("rig0", "outlet_volume_fl")
status, summary, err = run_protocol(os.path.join(TOP, "protocols/nanoparticle-bolus.yaml"), record)
steps = truth("rig0", "steps") - steps0
delivered_ul = (truth("rig0", "outlet_volume_fl") - volume0) * 1e-9

check("the bolus ends with status 0", status == 0, f"status {status}\n{err}")
check("the rig's step count is exactly that of 100 uL", steps == round(TARGET_UL / STEP_UL),
      f"{steps} steps, expected {round(TARGET_UL / STEP_UL)}")
figure("bolus/delivered_error", 100 * abs(delivered_ul / TARGET_UL - 1), "%", 0.5, "lower",
       "outlet volume by the rig against 100 uL")
check("the outlet delivered 100 uL within 0.5 %", abs(delivered_ul - TARGET_UL) <= 0.005 * TARGET_UL,
      f"{delivered_ul} uL")
check("no step was missed", truth("rig0", "missed_steps") == 0)

channel = summary["channels"][0] if summary else {}
check("the summary is JSON with status, duration and channels",
      summary is not None and summary["status"] == "done" and 600 <= summary["duration_s"] <= 620,
      summary)
check("the summary's target and delivered volume are 100 uL",
      math.isclose(channel.get("target_ul", 0), TARGET_UL, rel_tol=1e-9) and
      abs(channel.get("delivered_ul", 0) - TARGET_UL) < STEP_UL, channel)
for key in ("error_pct", "settle_s", "overshoot_pct", "flow_cv_pct", "max_pressure_kpa"):
    check(f"the summary has {key}", key in channel, channel)

status, out, err = nanodose("export", record)
rows = list(csv.reader(io.StringIO(out)))
header = rows[0] if rows else []
check("export gives CSV with units in the header",
      status == 0 and any("ul_min" in name for name in header) and
      any(name.endswith("_s") for name in header), header)
check("export has a row for each flow record of ten minutes at 50 a second",
      len(rows) > 600 * 50, len(rows))
samples = query(record, "select count(*) from sample")[0][0]
check("every sample of the run file is exported", len(rows) - 1 == samples, (len(rows), samples))
end()
