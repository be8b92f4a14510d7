"""Keeps a local DuckDB file exactly equal to what SQL queries return from PostgreSQL, and answers questions from it.

    import axis

    with axis.open("store.duckdb", config="custom") as engine:
        report = engine["monitoring"].sync()
        print(report.strategy, report.rows_read, report.elapsed)
        frame = engine.query("select * from monitoring_data where environment = ?", ["prod"]).polars()

`open_async` opens the same for asyncio; `restore` and `compact` work on a store that nobody has open. Every error is an `Error`.
"""

import atexit as _atexit

from ._interpreter import check as _check

# Before anything of it is loaded.
_check()

from . import _axis, analytics, exceptions, values
from ._axis import __version__
from .aio import AsyncDataset, AsyncEngine, open_async
from .engine import Dataset, Engine, SyncJob, open
from .events import AsyncEvents, Events
from .exceptions import (
    BusyError,
    CancelledError,
    ClosedError,
    ConfigError,
    Error,
    InternalError,
    InvalidArgumentError,
    LockedError,
    NotFoundError,
    NotSyncedError,
    QueryError,
    SchemaMismatchError,
    SourceRejectedError,
    SourceUnavailableError,
    StoreError,
    TimeoutError,
)
from .offline import compact, compact_async, restore, restore_async
from .result import AsyncResult, Result
from .values import (
    BackupProgress,
    BackupReport,
    BackupStatus,
    CompactReport,
    DatasetStatus,
    Event,
    Outcomes,
    RestoreReport,
    SyncEvent,
    SyncReport,
    VerifyReport,
    Watermark,
)

# Threads of ours must not be at work while the interpreter goes down.
_atexit.register(_axis.shutdown)

__all__ = [
    "AsyncDataset",
    "AsyncEngine",
    "AsyncEvents",
    "AsyncResult",
    "BackupProgress",
    "BackupReport",
    "BackupStatus",
    "BusyError",
    "CancelledError",
    "ClosedError",
    "CompactReport",
    "ConfigError",
    "Dataset",
    "DatasetStatus",
    "Engine",
    "Error",
    "Event",
    "Events",
    "InternalError",
    "InvalidArgumentError",
    "LockedError",
    "NotFoundError",
    "NotSyncedError",
    "Outcomes",
    "QueryError",
    "RestoreReport",
    "Result",
    "SchemaMismatchError",
    "SourceRejectedError",
    "SourceUnavailableError",
    "StoreError",
    "SyncEvent",
    "SyncJob",
    "SyncReport",
    "TimeoutError",
    "VerifyReport",
    "Watermark",
    "__version__",
    "analytics",
    "compact",
    "compact_async",
    "exceptions",
    "open",
    "open_async",
    "restore",
    "restore_async",
    "values",
]
