"""What the engine tells: immutable values, made of the JSON that every language gets.

Attributes are decoded when they are asked for, so that a value costs next to nothing until then.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Dict, Generic, Iterator, Mapping, Optional, Tuple, Type, TypeVar, Union

from ._backup import BackupFailure as BackupFailure
from ._backup import BackupManifest as BackupManifest
from ._backup import BackupProgress as BackupProgress
from ._backup import BackupReport as BackupReport
from ._backup import BackupStatus as BackupStatus
from ._backup import CompactReport as CompactReport
from ._backup import DatasetBackup as DatasetBackup
from ._backup import FileBackup as FileBackup
from ._backup import RestoreReport as RestoreReport
from ._backup import TableBackup as TableBackup
from ._value import Strategy as Strategy
from ._value import Value as Value
from .exceptions import Error, _restore

R = TypeVar("R", bound=Value)


class Ranges(Value):
    """Into what a full read was cut, so that several sessions could share it."""

    count: int
    by: str
    because: str


class Reconciliation(Value):
    """What a comparison of all keys of a table found."""

    keys: int
    deleted: int
    missing: int


class TableReport(Value):
    """What a sync did to one table."""

    table: str
    strategy: Strategy
    ranges: Optional[Ranges]
    rows_read: int
    bytes_read: int
    rows_deleted: int
    rows_inserted: int
    rows_total: int
    truncated: bool
    reconciled: Optional[Reconciliation]
    watermark: Optional[str]
    schema_change: Optional[str]
    kept_aliases: Tuple[Dict[str, Any], ...]
    missing_columns: Tuple[str, ...]


class SyncReport(Value):
    """What one sync of one dataset did."""

    run_id: str
    dataset: str
    strategy: Strategy
    changed: bool
    generation: int
    started_at: dt.datetime
    finished_at: dt.datetime
    snapshot_at: dt.datetime
    elapsed: dt.timedelta
    rows_read: int
    bytes_read: int
    truncated: bool
    tables: Tuple[TableReport, ...]


class Failure(Value):
    """A sync that failed."""

    run_id: str
    at: dt.datetime
    code: str
    message: str
    retryable: bool


class Running(Value):
    """Work on a dataset that is going on."""

    work: str
    run_id: str
    since: dt.datetime
    rows: int
    bytes: int


class Derived(Value):
    """A relation that is made from a dataset in each commit."""

    relation: str
    rows: int
    added: int
    error: Optional[str]


class DatasetStatus(Value):
    """What is known about a dataset without touching its source."""

    dataset: str
    relation: Optional[str]
    enabled: bool
    configured: bool
    state: str
    """`not_synced`, `syncing`, `ready` or `error`."""
    generation: int
    running: Optional[Running]
    last_success: Optional[SyncReport]
    last_incremental: Optional[dt.datetime]
    last_failure: Optional[Failure]
    watermarks: Dict[str, Optional[str]]
    incremental_column: Optional[str]
    refresh_interval_minutes: int
    derived: Optional[Derived]


class Watermark(Value):
    """The greatest stored value of a table's cursor."""

    table: str
    column: str
    value: Dict[str, Any]
    """Its type and value, such as `{"type": "integer", "value": 7}`."""


class _Event(Value):
    event: str
    """`started`, `planned`, `progress`, `committed`, `failed`, `verifying` or `verified`."""
    run_id: Optional[str]
    table: Optional[str]
    rows: Optional[int]
    bytes: Optional[int]
    done: Optional[bool]
    report: Optional[SyncReport]
    failure: Optional[Failure]
    equal: Optional[bool]
    """Whether both sides of a comparison are equal; None also when it failed."""
    tables: Tuple[Any, ...]
    """The tables of a plan, with the strategy of each, or those that are compared."""

    def _dataset(self) -> Optional[str]:
        told = self._members()
        name: Optional[str] = told.get("dataset") or told.get("report", {}).get("dataset")
        return name


class SyncEvent(_Event):
    """Something that happens to a dataset during a sync; what an event does not tell is None."""

    @property
    def dataset(self) -> str:
        """The dataset."""
        return self._dataset() or ""


class Event(_Event):
    """Something that happens in an engine: what happens to a dataset, or to all, as `readiness` and `lost`."""

    id: str
    """Its name, for `Engine.events`; those of another engine are others."""
    at: dt.datetime
    ready: Optional[bool]
    """Whether every enabled dataset can be read."""
    degraded: Optional[bool]
    """Whether the last sync of one that can be read has failed."""

    @property
    def dataset(self) -> Optional[str]:
        """The dataset, if it happened to one."""
        return self._dataset()


class SidesOfRows(Value):
    """Rows of both sides."""

    source: int
    store: int


class SidesOfChecksum(Value):
    """Checksums of both sides."""

    source: str
    store: str


class ColumnDifference(Value):
    """A column that differs; `source` and `store` are its types when those do."""

    column: str
    difference: str
    source: Optional[str]
    store: Optional[str]


class TableVerification(Value):
    """What the comparison of one table found."""

    table: str
    equal: bool
    truncated: bool
    rows: SidesOfRows
    checksum: SidesOfChecksum
    columns: Tuple[ColumnDifference, ...]


class VerifyReport(Value):
    """What a comparison of a dataset with its source found."""

    run_id: str
    dataset: str
    equal: bool
    synced: Optional[SyncReport]
    generation: int
    started_at: dt.datetime
    finished_at: dt.datetime
    snapshot_at: dt.datetime
    elapsed: dt.timedelta
    tables: Tuple[TableVerification, ...]


class Column(Value):
    """A column of a relation."""

    column_name: str
    column_type: str


class TimeRange(Value):
    """Earliest and latest time, as text."""

    min: str
    max: str


class SummaryStats(Value):
    """Statistics over the scores of a dataset."""

    total_records: int
    avg_score: float
    pass_rate: float
    p50_latency: float
    p95_latency: float
    p99_latency: float


class DatasetMetadata(Value):
    """What a dataset holds."""

    row_count: int
    columns: Tuple[Column, ...]
    filter_values: Dict[str, Any]
    filter_values_truncated: Tuple[str, ...]
    time_range: Optional[TimeRange]
    summary_stats: Optional[SummaryStats]
    duplicate_dataset_ids: Optional[int]
    orphaned_results: Optional[int]


class Page(Value):
    """One page of rows, with values as in JSON."""

    rows: Tuple[Dict[str, Any], ...]
    total: int
    page: int
    page_size: int


class Run(Value):
    """One line of the run log."""

    run_id: str
    dataset: str
    started_at: dt.datetime
    elapsed: dt.timedelta
    outcome: str
    strategy: str
    because: Optional[str]
    """Why the run was full; None when it was not, or was of before this was kept."""
    rows_read: int
    generation: int
    code: Optional[str]
    message: Optional[str]


class QueryStatus(Value):
    """A query that waits for its turn or runs."""

    id: str
    since: dt.datetime
    elapsed: dt.timedelta
    client: Optional[str]
    statement: str
    state: str
    rows: int


class Usage(Value):
    """How much of its resources an engine uses."""

    store_bytes: int
    query_slots: int
    queries_running: int
    queries_waiting: int


class Outcomes(Mapping[str, R], Generic[R]):
    """What became of several datasets, by name. Asking for one that failed raises its error."""

    def __init__(self, told: Mapping[str, Union[R, Error]]) -> None:
        self._told = dict(told)

    @property
    def errors(self) -> Dict[str, Error]:
        """The errors of those that failed, by name."""
        return {name: told for name, told in self._told.items() if isinstance(told, Error)}

    @property
    def ok(self) -> bool:
        """Whether none failed."""
        return not self.errors

    def __getitem__(self, name: str) -> R:
        told = self._told[name]
        if isinstance(told, Error):
            raise told
        return told

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)

    def __repr__(self) -> str:
        return f"Outcomes({self._told!r})"


def outcomes(kind: Type[R], text: str) -> Outcomes[R]:
    def of(told: Dict[str, Any]) -> Union[R, Error]:
        return kind(told["ok"]) if "ok" in told else error(told["error"])

    return Outcomes({name: of(told) for name, told in json.loads(text).items()})


def error(told: Mapping[str, Any]) -> Error:
    return _restore(told["code"], told["message"], told["operation"], told["context"])
