"""Python's part of `language-bench`: options in JSON, rounds, calls; one line of JSON."""

import json
import sys
import time

begun = time.perf_counter()
import axis  # noqa: E402

import_ms = (time.perf_counter() - begun) * 1e3

options, rounds, calls = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with axis.open(**options) as engine:
    query_ms = []
    for _ in range(rounds):
        # Rust's part lets go of the rows outside of the measured time, too.
        table = None
        begun = time.perf_counter()
        table = engine.query("select * from rows").arrow()
        query_ms.append((time.perf_counter() - begun) * 1e3)
    dataset = engine["rows"]
    begun = time.perf_counter()
    for _ in range(calls):
        dataset.status()
    status_us = (time.perf_counter() - begun) * 1e6 / calls
print(json.dumps({"query_ms": query_ms, "status_us": status_us, "rows": table.num_rows, "import_ms": import_ms}))
