"""Asks for what charts are made of.

Usage: charts.py STORE CONFIG
"""

import sys

import axis

store, config = sys.argv[1:]
with axis.open(store, config=config) as engine:
    engine["monitoring"].sync()
    monitoring = engine.analytics.monitoring
    print("summary:", monitoring.summary())
    print("trends:", monitoring.trends(granularity="daily"))
    print("production only:", monitoring.latency(environment="prod", bins=10))
