"""The twins for asyncio."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any, Awaitable, Callable

import pytest
from conftest import until
from postgres import Database

import axis

Test = Callable[[axis.AsyncEngine], Awaitable[None]]


def run(store: Path, config: dict[str, Any], test: Test) -> None:
    async def main() -> None:
        async with await axis.open_async(store, config=config) as engine:
            await asyncio.wait_for(test(engine), 60)
        assert engine.closed

    asyncio.run(main())


async def reach(condition: Callable[[], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, until, condition)


def test_the_twins_have_the_same_words() -> None:
    def words(kind: type) -> dict[str, list[str]]:
        members = inspect.getmembers(kind, lambda member: inspect.isfunction(member) or isinstance(member, property))
        public = ((name, member) for name, member in members if not name.startswith("_"))
        return {name: list(inspect.signature(getattr(member, "fget", member)).parameters) for name, member in public}

    assert words(axis.Engine) == words(axis.AsyncEngine)
    dataset = words(axis.Dataset)
    # A task is what a job would be.
    del dataset["start_sync"]
    assert dataset == words(axis.AsyncDataset)
    assert {**words(axis.Result), "collect": ["self"]} == words(axis.AsyncResult)
    assert inspect.signature(axis.open).parameters.keys() == inspect.signature(axis.open_async).parameters.keys()


def test_everything_is_awaited(store: Path, config: dict[str, Any]) -> None:
    async def test(engine: axis.AsyncEngine) -> None:
        events: list[str] = []
        orders = engine["orders"]
        report = await orders.sync(on_progress=lambda event: events.append(event.event))
        assert report.rows_read == 100
        assert list(dict.fromkeys(events)) == ["started", "planned", "progress", "committed"]
        assert (await engine.sync())["monitoring"].rows_read == 40
        assert (await engine.verify())["orders"].equal and (await orders.verify()).equal
        assert [row async for row in await engine.query("select range as n from range(3)")] == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert await (await engine.query("select 1 as n")).rows() == [{"n": 1}]
        assert await (await engine.query("select 1 as n")).json_rows() == [{"n": 1}]
        assert (await (await engine.query("select 1 as n")).arrow()).num_rows == 1
        assert (await (await engine.query("select 1 as n")).polars()).height == 1
        assert len(await (await engine.query("select 1 as n")).pandas()) == 1
        async with await engine.query("select range from range(10000000000)") as answer:
            assert len(engine.queries()) == 1 and not answer.truncated
        summary = await engine.analytics.monitoring.summary(environment="prod")
        assert summary == await engine.analytics.monitoring.summary(environment="prod")
        metadata = await orders.metadata()
        assert metadata is not None and metadata.row_count == (await orders.page()).total == 100
        assert orders.status().state == "ready" and len(orders.watermarks()) == await orders.reset_watermarks() == 1
        assert len(await engine.runs(1)) == 1 and (await engine.usage()).query_slots > 0
        assert "orders" in engine and not orders.cancel_sync()
        with pytest.raises(axis.NotFoundError):
            await engine.cancel_query("00000000-0000-0000-0000-000000000000")

    run(store, config, test)


def test_a_cancelled_task_has_rolled_back(store: Path, config: dict[str, Any], database: Database) -> None:
    async def test(engine: axis.AsyncEngine) -> None:
        with database.held("lock table orders"):
            task = asyncio.ensure_future(engine["orders"].sync())
            await reach(database.waiting)
            assert engine["orders"].status().state == "syncing"
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert engine["orders"].status().running is None
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(engine["orders"].sync(), 0.2)
        assert (await engine["orders"].sync()).rows_read == 100

    run(store, config, test)


def test_a_task_that_is_cancelled_again_has_rolled_back(store: Path, config: dict[str, Any], database: Database) -> None:
    async def test(engine: axis.AsyncEngine) -> None:
        with database.held("lock table orders"):
            task = asyncio.ensure_future(engine["orders"].sync())
            await reach(database.waiting)
            task.cancel()
            while not task.done():
                await asyncio.sleep(0)
                task.cancel()
            assert task.cancelled() and engine["orders"].status().running is None
        assert (await engine["orders"].sync()).rows_read == 100

    run(store, config, test)


def test_opening_that_is_cancelled_leaves_the_store_free(store: Path) -> None:
    async def main() -> None:
        cancelled, turns = 0, 1
        while True:
            task = asyncio.ensure_future(axis.open_async(store))
            for _ in range(turns):
                await asyncio.sleep(0)
            if not task.cancel():
                await (await task).close()
                break
            with pytest.raises(asyncio.CancelledError):
                await task
            cancelled, turns = cancelled + 1, turns * 3 // 2 + 1
            async with await axis.open_async(store) as engine:
                assert not engine.closed
        assert cancelled > 3

    asyncio.run(main())


def test_what_is_closed_says_so(store: Path, config: dict[str, Any]) -> None:
    async def main() -> None:
        engine = await axis.open_async(store, config=config)
        orders = engine["orders"]
        await engine.close()
        with pytest.raises(axis.ClosedError):
            async with engine:
                pass
        for call in (orders.sync, orders.metadata, engine.usage, engine.runs, engine.verify, engine.analytics.kpi.filters):
            with pytest.raises(axis.ClosedError):
                await call()
        for tell in (orders.status, orders.watermarks, engine.queries):
            with pytest.raises(axis.ClosedError):
                tell()

    asyncio.run(main())


def test_a_callback_that_raises_cancels(store: Path, config: dict[str, Any]) -> None:
    async def test(engine: axis.AsyncEngine) -> None:
        def stop(event: axis.SyncEvent) -> None:
            raise ZeroDivisionError(event.event)

        with pytest.raises(ZeroDivisionError, match="started"):
            await engine["orders"].sync(on_progress=stop)
        await engine["orders"].sync()

    run(store, config, test)


def test_errors_are_the_same_and_the_loop_runs_on(store: Path, config: dict[str, Any]) -> None:
    async def test(engine: axis.AsyncEngine) -> None:
        with pytest.raises(axis.QueryError):
            await engine.query("select nonsense")
        with pytest.raises(axis.NotFoundError):
            engine["x"]
        with pytest.raises(axis.LockedError):
            await axis.open_async(store)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        slow = "select count(*) as n from range(20000) a, range(5000) b where (a.range * b.range) % 7 = 3"
        await (await engine.query(slow)).rows()
        counting.cancel()
        assert turns > 100

    run(store, config, test)


def test_a_loop_that_ends_early_is_nobodys_trouble(store: Path, config: dict[str, Any], database: Database) -> None:
    async def main() -> axis.AsyncEngine:
        engine = await axis.open_async(store, config=config)
        asyncio.ensure_future(engine["orders"].sync())
        await reach(database.waiting)
        return engine

    with database.held("lock table orders"):
        # The end of the loop cancels the task, which waits for its rollback.
        engine = asyncio.run(main())
        assert engine["orders"].status().running is None
    asyncio.run(engine.close())
