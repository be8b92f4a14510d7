"""Backups, restoring them, and compacting, with what is told meanwhile."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import signal
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from postgres import Database

import axis

ALL = "select id, customer, price::varchar as price, placed::varchar as placed from orders order by id"
TRIES = 20
"""How often is tried to give up work before it is done, which may be quicker."""


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def stages(steps: list[axis.BackupProgress]) -> list[str]:
    assert all(0 < step.done <= step.total or step.done == 0 for step in steps)
    return list(dict.fromkeys(step.stage for step in steps))


def test_a_backup_goes_on_elsewhere_where_it_was_made(
    engine: axis.Engine, database: Database, config: dict[str, Any], tmp_path: Path
) -> None:
    engine["orders"].sync()
    before = engine.query(ALL).rows()
    steps: list[axis.BackupProgress] = []

    def hear(step: axis.BackupProgress) -> None:
        # A callback may ask the engine.
        assert engine.query("select 1 as one").rows() == [{"one": 1}]
        steps.append(step)

    file = tmp_path / "kept" / "monday.axis"
    report = engine.backup(file, on_progress=hear)
    assert stages(steps) == ["copying", "writing"] and steps[-1].done == steps[-1].total == report.bytes
    assert (report.path, report.bytes) == (str(file), file.stat().st_size) and report.elapsed.total_seconds() < 60
    manifest = report.manifest
    assert (manifest.format, manifest.axis_version, manifest.views) == ("duckdb", axis.__version__, ())
    assert manifest.datasets["orders"].generation == 1 and len(manifest.files[0].sha256) == 64
    assert [(table.rows, table.file) for table in manifest.tables if table.name == "orders"] == [(100, None)]
    assert pickle.loads(pickle.dumps(report)) == report and manifest.created_at.tzinfo is not None

    store = tmp_path / "other" / "other.duckdb"
    steps.clear()
    restored = axis.restore(file, store, on_progress=steps.append)
    assert (restored.store, restored.replaced, restored.manifest) == (str(store), False, manifest)
    assert stages(steps) == ["checking"] and restored.bytes == store.stat().st_size
    database.sql("insert into orders values (101, 'new', 1, now())")
    with axis.open(store, config=config) as other:
        assert other.query(ALL).rows() == before
        assert other["orders"].sync().strategy == "incremental"
        assert other["orders"].verify().equal


def test_a_folder_of_parquet_comes_back(engine: axis.Engine, tmp_path: Path) -> None:
    engine["orders"].sync()
    folder = tmp_path / "folder"
    report = engine.backup(folder, format="parquet")
    assert report.manifest.format == "parquet" and len(report.manifest.tables) == len(list(folder.glob("*.parquet")))
    steps: list[axis.BackupProgress] = []
    config = {"duckdb": {"path": "${PLACE}/again.duckdb"}}
    restored = axis.restore(folder, config=config, env={"PLACE": str(tmp_path)}, on_progress=steps.append)
    assert stages(steps) == ["checking", "loading"] and restored.store == str(tmp_path / "again.duckdb")
    with axis.open(restored.store) as other:
        assert other.query(ALL).rows() == engine.query(ALL).rows()
    with pytest.raises(axis.InvalidArgumentError, match="the folder exists already"):
        engine.backup(folder, format="parquet")


def test_what_is_there_is_only_replaced_when_that_was_meant(engine: axis.Engine, store: Path, tmp_path: Path) -> None:
    engine["orders"].sync()
    file, other = tmp_path / "b.axis", tmp_path / "notes"
    engine.backup(file)
    engine.backup(file)
    other.write_text("mine")
    with pytest.raises(axis.InvalidArgumentError, match="no backup"):
        engine.backup(other)
    with pytest.raises(axis.LockedError):
        axis.compact(store)
    with pytest.raises(axis.LockedError):
        axis.restore(file, store, force=True)
    engine.close()
    with pytest.raises(axis.InvalidArgumentError, match="there is a store already"):
        axis.restore(file, store)
    assert axis.restore(file, store, force=True).replaced
    steps: list[axis.BackupProgress] = []
    report = axis.compact(store, on_progress=steps.append)
    assert stages(steps) == ["writing"] and (report.store, report.bytes_after) == (str(store), store.stat().st_size)
    assert report.rows >= 100 and report.tables > 1 and report.bytes_before > 0
    with axis.open(store) as again:
        assert again.query("select count(*) as n from orders").rows() == [{"n": 100}]
    with pytest.raises(axis.NotFoundError):
        axis.compact(tmp_path / "none.duckdb")
    with pytest.raises(axis.NotFoundError):
        axis.restore(tmp_path / "none.axis", store, force=True)
    with pytest.raises(axis.StoreError, match="no backup"):
        axis.restore(other, store, force=True)


def test_wrong_options_are_named(engine: axis.Engine, tmp_path: Path) -> None:
    file, store = tmp_path / "b.axis", tmp_path / "other.duckdb"
    given: Any = axis
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: engine.backup(file, format="zip"), "`format` of the backup options is `zip`; allowed are duckdb, parquet"),
        (lambda: engine.backup(file, colour=1), "`colour` is no member of the backup options; there are format, on_progress$"),  # type: ignore[call-arg]
        (lambda: engine.backup(5), "`path` of the backup options"),  # type: ignore[arg-type]
        (lambda: engine.backup("\ud800"), "`path` holds half of a surrogate pair"),
        (lambda: engine.backup(file, on_progress=1), "`on_progress` is a value of the type int"),  # type: ignore[arg-type]
        (lambda: given.restore(file, store, scheduler=True), "`scheduler`.*there are store, config, env, force, on_progress$"),
        (lambda: given.restore(file, store, force="yes"), "`force` of the restore options"),
        (lambda: given.restore(file, 5), "`store` of the restore options"),
        (lambda: given.compact(store, force=True), "`force`.*there are store, config, env, on_progress$"),
        (lambda: given.compact(config=5), "`config` of the compact options"),
    ]
    for call, told in calls:
        with pytest.raises(axis.InvalidArgumentError, match=told):
            call()
    with pytest.raises(axis.ConfigError):
        axis.restore(file, store, config={"duckdb": "duckdb: ["})
    engine.close()
    with pytest.raises(axis.ClosedError):
        engine.backup(file)
    assert names(tmp_path) == ["store.duckdb", "store.duckdb.lock"]


class Enough(Exception):
    pass


def enough(step: axis.BackupProgress) -> None:
    raise Enough(step.stage)


def interrupt(step: axis.BackupProgress) -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Who was started in the background of a shell hears no Ctrl-C otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("stop", "raised"), [(enough, Enough), (interrupt, KeyboardInterrupt)])
def test_a_callback_that_raises_and_ctrl_c_leave_nothing_behind(
    engine: axis.Engine, tmp_path: Path, stop: Callable[[axis.BackupProgress], object], raised: type[BaseException]
) -> None:
    engine["orders"].sync()
    file, kept = tmp_path / "b.axis", tmp_path / "kept"
    engine.backup(file)

    def given_up(work: Callable[[], object], made: Path) -> None:
        for _ in range(TRIES):
            with pytest.raises(raised):
                work()
            if not made.exists():
                return
            made.unlink()
        raise AssertionError("it was never given up in time")

    given_up(lambda: engine.backup(kept / "b", on_progress=stop), kept / "b")
    assert names(kept) == []
    given_up(lambda: axis.restore(file, kept / "s.duckdb", on_progress=stop), kept / "s.duckdb")
    assert names(kept) == ["s.duckdb.lock"]
    # Nothing holds either of them.
    engine.backup(kept / "b")
    axis.restore(kept / "b", kept / "s.duckdb")


def test_the_twins_are_awaited(engine: axis.Engine, store: Path, tmp_path: Path) -> None:
    for one, other in ((axis.restore, axis.restore_async), (axis.compact, axis.compact_async)):
        assert inspect.signature(one).parameters.keys() == inspect.signature(other).parameters.keys()
    engine["orders"].sync()
    engine.close()
    kept = tmp_path / "kept"

    async def given_up(open_engine: axis.AsyncEngine) -> None:
        for _ in range(TRIES):
            begun = asyncio.Event()
            task = asyncio.ensure_future(open_engine.backup(kept / "b", on_progress=lambda step: begun.set()))
            await begun.wait()
            task.cancel()
            await asyncio.wait([task])
            if not (kept / "b").exists():
                assert task.cancelled()
                return
            (kept / "b").unlink()
        raise AssertionError("it was never given up in time")

    async def main() -> None:
        steps: list[axis.BackupProgress] = []
        async with await axis.open_async(store) as open_engine:
            await given_up(open_engine)
            assert names(kept) == []
            report = await open_engine.backup(kept / "b", on_progress=steps.append)
            assert report.manifest.datasets["orders"].generation == 1
        assert stages(steps) == ["copying", "writing"]
        with pytest.raises(Enough):
            await axis.restore_async(kept / "b", store, force=True, on_progress=enough)
        restored = await axis.restore_async(kept / "b", store, force=True)
        assert restored.replaced and restored.manifest == report.manifest
        assert (await axis.compact_async(store)).rows >= 100

    asyncio.run(asyncio.wait_for(main(), 60))


def test_scheduled_backups_tell_how_they_go(engine: axis.Engine, tmp_path: Path) -> None:
    assert engine.backup_status() is None
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder can be made here")
    config = {"duckdb": {"backup": {"directory": str(blocked)}}}
    with axis.open(tmp_path / "own.duckdb", config=config, scheduler=True) as own:
        status = until(own.backup_status, lambda status: status.last_failure)
        assert (status.directory, status.last_success) == (str(blocked), None)
        assert status.last_failure is not None and status.last_failure.code == "AXIS_STORE"

    async def main() -> axis.BackupStatus:
        folder = {"duckdb": {"backup": {"directory": str(tmp_path / "folder")}}}
        async with await axis.open_async(tmp_path / "other.duckdb", config=folder, scheduler=True) as other:
            return until(other.backup_status, lambda status: status.last_success)

    status = asyncio.run(main())
    assert status.last_success is not None and status.last_failure is None
    assert len(names(tmp_path / "folder")) == 1


def until(
    ask: Callable[[], axis.BackupStatus | None], is_there: Callable[[axis.BackupStatus], object]
) -> axis.BackupStatus:
    end = time.monotonic() + 60
    while True:
        status = ask()
        assert status is not None
        if is_there(status):
            return status
        assert time.monotonic() < end, status
        time.sleep(0.005)
