# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside the machine: a rehearsal of one protocol, and what its rigs know for sure. Prints one JSON object."""
import json
import sys

from rig import fresh, nanodose, query, truth

protocol, record, rate, *arguments = sys.argv[1:]
record = fresh(record)
status, out, err = nanodose("rehearse", "--here", protocol, "--record", record, "--rate", rate, "--yes", "--json",
                            *arguments)
summary = json.loads(out) if out else None
answer = {"status": status, "err": err[-2000:], "summary": summary}
if summary:
    answer["outlet_ul"] = [truth(one["pump"], "outlet_volume_fl") / 1e9 for one in summary["channels"]]
    answer["peak"] = dict(query(record, "select c.name, max(abs(s.pump_rate_pl_min)) / 1e6 from sample s "
                                        "join channel c on c.id = s.channel group by c.id"))
    answer["pressure"] = dict(query(record, "select c.name, max(s.pressure_pa) from sample s "
                                            "join channel c on c.id = s.channel group by c.id"))
    answer["events"] = query(record, "select time_ns / 1e9, text from event order by id")
print(json.dumps(answer))
