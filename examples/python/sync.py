"""Opens a store, brings every dataset up to date, and says what was done.

Usage: sync.py STORE CONFIG
"""

import sys

import axis

store, config = sys.argv[1:]
with axis.open(store, config=config) as engine:
    outcomes = engine.sync()
    for name, error in outcomes.errors.items():
        print(f"{name}: {error.code}: {error}")
    for name in outcomes.keys() - outcomes.errors.keys():
        report = outcomes[name]
        print(f"{name}: {report.rows_read} rows in {report.elapsed} ({report.strategy})")
sys.exit(not outcomes.ok)
