"""Runs SQL on the store and reads the answer as a data frame, as an Arrow table, and row by row.

Usage: frames.py STORE CONFIG
"""

import sys

import axis

SQL = "select environment, count(*) as n from monitoring_data where latency > ? group by all order by all"

store, config = sys.argv[1:]
with axis.open(store, config=config) as engine:
    engine["monitoring"].sync()
    print(engine.query(SQL, [5]).polars())
    print(engine.query(SQL, [5]).pandas())
    print(engine.query(SQL, [5]).arrow().schema)
    for row in engine.query(SQL, [5]):
        print(row["environment"], row["n"])
