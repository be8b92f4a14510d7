"""What backups, restores and compactions tell."""

from __future__ import annotations

import datetime as dt
from typing import Dict, Optional, Tuple

from ._value import Value


class BackupProgress(Value):
    """How far a backup, a restore or a compaction is."""

    stage: str
    """`copying`, `writing`, `checking` or `loading`."""
    done: int
    """How much of the stage is done: bytes, or tables."""
    total: int


class DatasetBackup(Value):
    """A dataset in a backup."""

    generation: int
    revision: str


class TableBackup(Value):
    """A table in a backup."""

    schema: str
    """`main`, or `_axis` for the store's own."""
    name: str
    rows: int
    file: Optional[str]
    """Its Parquet file; None in a backup of one file."""
    create: Optional[str]


class FileBackup(Value):
    """A file in a backup."""

    name: str
    bytes: int
    sha256: str


class BackupManifest(Value):
    """What a backup holds, and who made it."""

    version: int
    format: str
    """`duckdb` or `parquet`."""
    created_at: dt.datetime
    axis_version: str
    duckdb_version: str
    layout: int
    datasets: Dict[str, DatasetBackup]
    tables: Tuple[TableBackup, ...]
    views: Tuple[str, ...]
    files: Tuple[FileBackup, ...]


class BackupReport(Value):
    """What became of a backup."""

    path: str
    bytes: int
    elapsed: dt.timedelta
    manifest: BackupManifest


class BackupFailure(Value):
    """Why a scheduled backup could not be made."""

    at: dt.datetime
    code: str
    """Such as `AXIS_STORE`."""
    message: str


class BackupStatus(Value):
    """How the backups go that `duckdb.backup` asks for."""

    directory: str
    last_success: Optional[dt.datetime]
    """When the newest one was made; None when there is none, or no scheduler was asked for."""
    last_failure: Optional[BackupFailure]
    """Why the last try failed; None when it did not."""


class RestoreReport(Value):
    """What became of a restore."""

    store: str
    replaced: bool
    """Whether another store was there, and is gone."""
    bytes: int
    elapsed: dt.timedelta
    manifest: BackupManifest


class CompactReport(Value):
    """What became of a store that was compacted."""

    store: str
    bytes_before: int
    bytes_after: int
    tables: int
    rows: int
    elapsed: dt.timedelta
