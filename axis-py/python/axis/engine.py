"""The engine and its datasets, for code that waits. Every call releases the GIL while it does, and Ctrl-C cancels it."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Callable, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from . import _axis
from ._arguments import (
    Config,
    Moment,
    PageFilter,
    Params,
    Path,
    Timeout,
    backup_options,
    backup_path,
    bindings,
    encode,
    opening,
    page_request,
    query_options,
    sync_options,
    text,
    verify_options,
    whole,
)
from ._calls import relay
from .analytics import Analytics, Answer
from .events import Events
from .offline import OnBackupProgress
from .result import Result
from .values import (
    BackupProgress,
    BackupReport,
    BackupStatus,
    DatasetMetadata,
    DatasetStatus,
    Outcomes,
    Page,
    QueryStatus,
    Run,
    SyncEvent,
    SyncReport,
    Usage,
    VerifyReport,
    Watermark,
    outcomes,
)

if TYPE_CHECKING:
    from typing_extensions import Never, Unpack

OnProgress = Callable[[SyncEvent], object]


def open(
    store: Optional[Path] = None,
    *,
    config: Optional[Config] = None,
    env: Optional[Mapping[str, str]] = None,
    scheduler: bool = False,
    take_over: Optional[Timeout] = None,
    **unknown: Never,
) -> Engine:
    """Opens a store and what is configured.

    `store` is the path of the DuckDB file, in place of the configured one. `config` is a directory as `axis --custom-dir`
    takes, or the files themselves by name: text, or what is in them. `env` are variables in addition to those of the process.
    With `scheduler` datasets are synced at their intervals. `take_over` takes the store from a process that has given no sign
    of life for so long.

    Raises InvalidArgumentError, ConfigError, LockedError when another engine has the store, StoreError.
    """
    return Engine(_axis.Engine.open(opening(store, config, env, scheduler, take_over, **unknown)).wait())


def warn_if_open(engine: object) -> None:
    """Warns as for files that nobody closed; the engine is closed all the same."""
    native = getattr(engine, "_native", None)
    if native is not None and not native.closed:
        warnings.warn(f"{engine!r} was not closed", ResourceWarning, source=engine)


class Engine:
    """An open engine; made by `axis.open`. May be used from several threads at once."""

    def __init__(self, native: _axis.Engine) -> None:
        self._native = native
        self.analytics: Analytics[Answer] = Analytics(self.ask)
        """The questions that charts are made of."""

    @property
    def datasets(self) -> Tuple[str, ...]:
        """The names of all datasets, in the order of the configuration."""
        return tuple(self._native.datasets())

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._native.closed

    def dataset(self, name: str) -> Dataset:
        """Returns a dataset; the same as `engine[name]`. Raises NotFoundError, which lists those there are."""
        self._native.status(text(name, "name"))
        return Dataset(self._native, name)

    def __getitem__(self, name: str) -> Dataset:
        return self.dataset(name)

    def __contains__(self, name: object) -> bool:
        return name in self._native.datasets()

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    def sync(
        self,
        *,
        mode: str = "auto",
        timeout: Optional[Timeout] = None,
        on_progress: Optional[OnProgress] = None,
        **unknown: Never,
    ) -> Outcomes[SyncReport]:
        """Syncs every dataset that is enabled and configured, several at a time, and returns what became of each.

        For the arguments see `Dataset.sync`.
        """
        return outcomes(SyncReport, self._native.sync_all(sync_options(mode, timeout, **unknown), relay(SyncEvent, on_progress)).wait())

    def verify(self, *, sync: bool = False, timeout: Optional[Timeout] = None, **unknown: Never) -> Outcomes[VerifyReport]:
        """Compares every dataset that is enabled and configured with its source."""
        return outcomes(VerifyReport, self._native.verify_all(verify_options(sync, timeout, **unknown)).wait())

    def backup(
        self,
        path: Path,
        *,
        format: str = "duckdb",
        on_progress: Optional[OnBackupProgress] = None,
        **unknown: Never,
    ) -> BackupReport:
        """Writes a backup of everything that is committed now, while syncs and queries go on.

        `format` is `duckdb`, one file, or `parquet`, a folder. A file takes the place of another backup; a folder must not exist
        yet, or be empty. It appears under its name once it is whole; its directory has room for twice the store meanwhile.
        `on_progress` is called with every step; when it raises, the backup is cancelled and what it raised comes out here. Ctrl-C
        cancels, and leaves nothing behind.

        Raises InvalidArgumentError when something else is there, BusyError while another backup is made, StoreError, LockedError,
        CancelledError, ClosedError.
        """
        file, options = backup_path(path, "backup options"), backup_options(format, **unknown)
        return BackupReport(self._native.backup(file, options, relay(BackupProgress, on_progress)).wait())

    def backup_status(self) -> Optional[BackupStatus]:
        """Returns how the backups go that `duckdb.backup` asks for, which `scheduler=True` makes; None when it asks for none."""
        status = json.loads(self._native.backup_status())
        return None if status is None else BackupStatus(status)

    def query(
        self,
        sql: str,
        params: Optional[Params] = None,
        *,
        timeout: Optional[Timeout] = None,
        max_rows: Optional[int] = None,
        id: Optional[object] = None,
        client: Optional[str] = None,
        **unknown: Never,
    ) -> Result:
        """Runs one SELECT on the store and returns its answer as soon as it begins.

        `params` is a list for `?` and `$1` or a dict for `$name`; dates, times and UUIDs are bound as text, decimals as
        whole numbers or doubles. What neither 64 bits nor a double hold exactly is refused. The timeout covers the reading of the answer. An answer that is neither read to its end nor closed holds one of
        the few places for queries: others wait for it. `id` is the UUID by which `cancel_query` finds it.

        Raises QueryError, InvalidArgumentError, TimeoutError, CancelledError, ClosedError; reading the answer may, too.
        """
        options = query_options(timeout, max_rows, id, client, **unknown)
        return Result(self._native.query(text(sql, "sql"), bindings(params), options).wait(), self._native)

    def events(self, after: Optional[str] = None) -> Events:
        """Listens to what happens to all datasets from now on, until the engine closes.

        With `after`, the id of an event, it begins behind that one. Who is more than 1,024 events behind, or names an event of
        another engine, gets the event `lost` in place of those that are missing. Ctrl-C ends the waiting, and loses none.
        """
        return Events(self._native.events(None if after is None else text(after, "after")), self._native)

    def queries(self) -> Tuple[QueryStatus, ...]:
        """Returns the queries that wait or run, the oldest first."""
        return tuple(map(QueryStatus, json.loads(self._native.queries())))

    def cancel_query(self, id: object) -> bool:
        """Cancels a query, waits two seconds at most for its end, and tells whether it has ended. Raises NotFoundError."""
        ended: bool = json.loads(self._native.cancel_query(text(str(id), "id")).wait())
        return ended

    def ask(self, question: str, request: Optional[Mapping[str, object]] = None) -> Answer:
        """Asks a question by its name, one of `axis.analytics.QUESTIONS`; `analytics` has a method for each."""
        call = self._native.ask(text(question, "question"), encode(request, "request"))
        answer: Answer = json.loads(call.wait())
        return answer

    def runs(self, limit: int = 50) -> Tuple[Run, ...]:
        """Returns the newest syncs of all datasets, the newest first."""
        return tuple(map(Run, json.loads(self._native.runs(whole(limit, "limit")).wait())))

    def usage(self) -> Usage:
        """Returns how much is in use."""
        return Usage(self._native.usage().wait())

    def close(self) -> None:
        """Cancels what runs, waits for commits that have begun, and lets go of the store. Again does no harm."""
        self._native.close().wait()

    def __enter__(self) -> Engine:
        self._native.datasets()  # which a closed engine refuses
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        warn_if_open(self)

    def __repr__(self) -> str:
        return f"<axis.{type(self).__name__} {'closed' if self.closed else 'open'}>"


class Dataset:
    """A dataset of an engine; made by `engine[name]`."""

    def __init__(self, native: _axis.Engine, name: str) -> None:
        self._native = native
        self.name = name
        """The name."""

    def sync(
        self,
        *,
        mode: str = "auto",
        timeout: Optional[Timeout] = None,
        on_progress: Optional[OnProgress] = None,
        **unknown: Never,
    ) -> SyncReport:
        """Brings the dataset up to date and returns what was done.

        `mode` is `auto`, which is incremental where possible, `full`, or `reconcile`, which also finds deleted rows.
        `on_progress` is called with every event; when it raises, the sync is cancelled and what it raised comes out here.
        Ctrl-C cancels and rolls back. Whatever the error, the data of before is served.

        Raises BusyError, ConfigError, SourceUnavailableError, SourceRejectedError, SchemaMismatchError, StoreError,
        TimeoutError, CancelledError, LockedError, ClosedError.
        """
        return SyncReport(self._native.sync(self.name, sync_options(mode, timeout, **unknown), relay(SyncEvent, on_progress)).wait())

    def start_sync(self, *, mode: str = "auto", timeout: Optional[Timeout] = None, **unknown: Never) -> SyncJob:
        """Starts a sync in the background. Raises BusyError, ConfigError, ClosedError; the job tells everything else."""
        return SyncJob(self._native.start_sync(self.name, sync_options(mode, timeout, **unknown)))

    def cancel_sync(self) -> bool:
        """Cancels the sync that is running, whoever began it; tells whether there was one."""
        return self._native.cancel_sync(self.name)

    def status(self) -> DatasetStatus:
        """Returns what is known, without I/O."""
        return DatasetStatus(self._native.status(self.name))

    def watermarks(self) -> Tuple[Watermark, ...]:
        """Returns the watermarks of the last commit, one for each table that has one."""
        return tuple(map(Watermark, json.loads(self._native.watermarks(self.name))))

    def reset_watermarks(self) -> int:
        """Makes the next sync a full one; data stays. Returns how many watermarks there were. Raises BusyError."""
        count: int = json.loads(self._native.reset_watermarks(self.name).wait())
        return count

    def verify(self, *, sync: bool = False, timeout: Optional[Timeout] = None, **unknown: Never) -> VerifyReport:
        """Compares the dataset with its source, row by row in sums; with `sync` after a sync of the same snapshot.

        Raises NotSyncedError, BusyError and what a sync raises.
        """
        return VerifyReport(self._native.verify(self.name, verify_options(sync, timeout, **unknown)).wait())

    def metadata(self) -> Optional[DatasetMetadata]:
        """Returns what the dataset holds; None when it was never synced."""
        told: Optional[Dict[str, object]] = json.loads(self._native.metadata(self.name).wait())
        return None if told is None else DatasetMetadata(told)

    def page(
        self,
        page: int = 1,
        page_size: int = 50,
        *,
        sort_by: Optional[str] = None,
        direction: Optional[str] = None,
        columns: Optional[Sequence[str]] = None,
        time_start: Optional[Moment] = None,
        time_end: Optional[Moment] = None,
        search: Optional[str] = None,
        **equal: Unpack[PageFilter],
    ) -> Page:
        """Returns one page of rows. `direction` is `asc` or `desc`; further keywords are filters: environment, source_name,
        source_component, source_type, metric_name, metric_category."""
        more = {"time_start": time_start, "time_end": time_end, "search": search, **equal}
        request = page_request(page, page_size, sort_by, direction, columns, more)
        return Page(self._native.page(self.name, request).wait())

    def __repr__(self) -> str:
        return f"<axis.{type(self).__name__} {self.name}>"


class SyncJob:
    """A sync in the background; made by `Dataset.start_sync`. It goes on when nobody holds this."""

    def __init__(self, native: _axis.Job) -> None:
        self._native = native

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._native.run_id

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._native.done

    def wait(self) -> SyncReport:
        """Waits for the report, or raises what the sync ended with. Ctrl-C ends the waiting, not the sync."""
        return SyncReport(self._native.wait().wait())

    def cancel(self) -> None:
        """Cancels the sync; `wait` then raises CancelledError."""
        self._native.cancel()

    def __repr__(self) -> str:
        return f"<axis.SyncJob {self.run_id}{' done' if self.done else ''}>"
