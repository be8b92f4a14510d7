"""Waits while somebody else syncs the same dataset, and tries again what may succeed later.

Usage: busy.py STORE CONFIG
"""

import sys
import time

import axis


def patient_sync(dataset: axis.Dataset, attempts: int = 100) -> axis.SyncReport:
    for _ in range(attempts):
        try:
            return dataset.sync(timeout=30)
        except axis.Error as error:
            if not error.retryable:
                raise
            print(f"not yet: {error.code}")
            time.sleep(0.1)
    raise TimeoutError("it never became free")


store, config = sys.argv[1:]
with axis.open(store, config=config) as engine:
    job = engine["monitoring"].start_sync()
    try:
        engine["monitoring"].sync()
    except axis.BusyError as error:
        print(f"busy: {error}")
    print(f"generation {patient_sync(engine['monitoring']).generation}; the job read {job.wait().rows_read} rows")
