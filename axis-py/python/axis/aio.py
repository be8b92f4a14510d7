"""The engine and its datasets for asyncio: the same words, awaited. A cancelled task waits for the rollback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Awaitable, Dict, Iterator, Mapping, Optional, Sequence, Tuple

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
from ._calls import awaited, listened, relay
from .analytics import Analytics, Answer
from .engine import OnProgress, warn_if_open
from .events import AsyncEvents
from .offline import OnBackupProgress
from .result import AsyncResult
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


async def open_async(
    store: Optional[Path] = None,
    *,
    config: Optional[Config] = None,
    env: Optional[Mapping[str, str]] = None,
    scheduler: bool = False,
    take_over: Optional[Timeout] = None,
    **unknown: Never,
) -> AsyncEngine:
    """As `axis.open`."""
    return AsyncEngine(await awaited(_axis.Engine.open(opening(store, config, env, scheduler, take_over, **unknown))))


class AsyncEngine:
    """An open engine; made by `axis.open_async`."""

    def __init__(self, native: _axis.Engine) -> None:
        self._native = native
        self.analytics: Analytics[Awaitable[Answer]] = Analytics(self.ask)
        """The questions that charts are made of; the answers are awaited."""

    @property
    def datasets(self) -> Tuple[str, ...]:
        """As `Engine.datasets`."""
        return tuple(self._native.datasets())

    @property
    def closed(self) -> bool:
        """As `Engine.closed`."""
        return self._native.closed

    def dataset(self, name: str) -> AsyncDataset:
        """As `Engine.dataset`."""
        self._native.status(text(name, "name"))
        return AsyncDataset(self._native, name)

    def __getitem__(self, name: str) -> AsyncDataset:
        return self.dataset(name)

    def __contains__(self, name: object) -> bool:
        return name in self._native.datasets()

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    async def sync(
        self,
        *,
        mode: str = "auto",
        timeout: Optional[Timeout] = None,
        on_progress: Optional[OnProgress] = None,
        **unknown: Never,
    ) -> Outcomes[SyncReport]:
        """As `Engine.sync`; the callback is called on the event loop."""
        options = sync_options(mode, timeout, **unknown)
        told = await listened(lambda listener: self._native.sync_all(options, listener), relay(SyncEvent, on_progress))
        return outcomes(SyncReport, told)

    async def verify(self, *, sync: bool = False, timeout: Optional[Timeout] = None, **unknown: Never) -> Outcomes[VerifyReport]:
        """As `Engine.verify`."""
        return outcomes(VerifyReport, await awaited(self._native.verify_all(verify_options(sync, timeout, **unknown))))

    async def backup(
        self,
        path: Path,
        *,
        format: str = "duckdb",
        on_progress: Optional[OnBackupProgress] = None,
        **unknown: Never,
    ) -> BackupReport:
        """As `Engine.backup`; the callback is called on the event loop. Cancelling the task cancels the backup."""
        file, options = backup_path(path, "backup options"), backup_options(format, **unknown)
        told = await listened(
            lambda listener: self._native.backup(file, options, listener), relay(BackupProgress, on_progress)
        )
        return BackupReport(told)

    def backup_status(self) -> Optional[BackupStatus]:
        """As `Engine.backup_status`."""
        status = json.loads(self._native.backup_status())
        return None if status is None else BackupStatus(status)

    async def query(
        self,
        sql: str,
        params: Optional[Params] = None,
        *,
        timeout: Optional[Timeout] = None,
        max_rows: Optional[int] = None,
        id: Optional[object] = None,
        client: Optional[str] = None,
        **unknown: Never,
    ) -> AsyncResult:
        """As `Engine.query`."""
        options = query_options(timeout, max_rows, id, client, **unknown)
        return AsyncResult(await awaited(self._native.query(text(sql, "sql"), bindings(params), options)), self._native)

    def events(self, after: Optional[str] = None) -> AsyncEvents:
        """As `Engine.events`; the events are awaited."""
        return AsyncEvents(self._native.events(None if after is None else text(after, "after")), self._native)

    def queries(self) -> Tuple[QueryStatus, ...]:
        """As `Engine.queries`."""
        return tuple(map(QueryStatus, json.loads(self._native.queries())))

    async def cancel_query(self, id: object) -> bool:
        """As `Engine.cancel_query`."""
        ended: bool = json.loads(await awaited(self._native.cancel_query(text(str(id), "id"))))
        return ended

    async def ask(self, question: str, request: Optional[Mapping[str, object]] = None) -> Answer:
        """As `Engine.ask`."""
        call = self._native.ask(text(question, "question"), encode(request, "request"))
        answer: Answer = json.loads(await awaited(call))
        return answer

    async def runs(self, limit: int = 50) -> Tuple[Run, ...]:
        """As `Engine.runs`."""
        return tuple(map(Run, json.loads(await awaited(self._native.runs(whole(limit, "limit"))))))

    async def usage(self) -> Usage:
        """As `Engine.usage`."""
        return Usage(await awaited(self._native.usage()))

    async def close(self) -> None:
        """As `Engine.close`."""
        await awaited(self._native.close())

    async def __aenter__(self) -> AsyncEngine:
        self._native.datasets()  # which a closed engine refuses
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def __del__(self) -> None:
        warn_if_open(self)

    def __repr__(self) -> str:
        return f"<axis.{type(self).__name__} {'closed' if self.closed else 'open'}>"


class AsyncDataset:
    """A dataset of an engine; made by `engine[name]`."""

    def __init__(self, native: _axis.Engine, name: str) -> None:
        self._native = native
        self.name = name
        """The name."""

    async def sync(
        self,
        *,
        mode: str = "auto",
        timeout: Optional[Timeout] = None,
        on_progress: Optional[OnProgress] = None,
        **unknown: Never,
    ) -> SyncReport:
        """As `Dataset.sync`; the callback is called on the event loop. Cancelling the task cancels the sync."""
        options = sync_options(mode, timeout, **unknown)
        told = await listened(lambda listener: self._native.sync(self.name, options, listener), relay(SyncEvent, on_progress))
        return SyncReport(told)

    def cancel_sync(self) -> bool:
        """As `Dataset.cancel_sync`."""
        return self._native.cancel_sync(self.name)

    def status(self) -> DatasetStatus:
        """As `Dataset.status`."""
        return DatasetStatus(self._native.status(self.name))

    def watermarks(self) -> Tuple[Watermark, ...]:
        """As `Dataset.watermarks`."""
        return tuple(map(Watermark, json.loads(self._native.watermarks(self.name))))

    async def reset_watermarks(self) -> int:
        """As `Dataset.reset_watermarks`."""
        count: int = json.loads(await awaited(self._native.reset_watermarks(self.name)))
        return count

    async def verify(self, *, sync: bool = False, timeout: Optional[Timeout] = None, **unknown: Never) -> VerifyReport:
        """As `Dataset.verify`."""
        return VerifyReport(await awaited(self._native.verify(self.name, verify_options(sync, timeout, **unknown))))

    async def metadata(self) -> Optional[DatasetMetadata]:
        """As `Dataset.metadata`."""
        told: Optional[Dict[str, object]] = json.loads(await awaited(self._native.metadata(self.name)))
        return None if told is None else DatasetMetadata(told)

    async def page(
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
        """As `Dataset.page`."""
        more = {"time_start": time_start, "time_end": time_end, "search": search, **equal}
        request = page_request(page, page_size, sort_by, direction, columns, more)
        return Page(await awaited(self._native.page(self.name, request)))

    def __repr__(self) -> str:
        return f"<axis.{type(self).__name__} {self.name}>"
