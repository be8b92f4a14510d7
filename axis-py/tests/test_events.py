"""What happens in an engine, told to whoever listens."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import itertools
import signal
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import until

import axis

SYNC = ["started", "planned", "progress", "committed"]


def of_datasets(events: axis.Events, count: int) -> list[axis.Event]:
    """As many events as were told of datasets."""
    return list(itertools.islice((event for event in events if event.dataset is not None), count))


def test_events_are_those_of_the_callback_with_id_and_time(engine: axis.Engine) -> None:
    events, told = engine.events(), []
    report = engine["orders"].sync(on_progress=told.append)
    heard = of_datasets(events, len(told))
    for event, same in zip(heard, told):
        assert {**same.to_dict(), "id": event.id, "at": event.to_dict()["at"]} == event.to_dict()
    assert list(dict.fromkeys(event.event for event in heard)) == SYNC
    assert {event.dataset for event in heard} == {"orders"} and heard[-1].report == report
    assert len({event.id for event in heard}) == len(heard)
    assert all(isinstance(event.at, dt.datetime) and event.at.tzinfo for event in heard)
    assert report.started_at - dt.timedelta(seconds=1) <= heard[0].at <= heard[-1].at
    # Behind an event come those that followed it.
    assert of_datasets(engine.events(after=heard[0].id), len(heard) - 1) == heard[1:]
    verified = engine["orders"].verify()
    begun = next(event for event in events if event.event == "verifying")
    assert (begun.dataset, begun.tables, begun.run_id) == ("orders", ("orders",), verified.run_id)
    ended = next(event for event in events if event.event == "verified")
    assert (ended.dataset, ended.equal, ended.run_id) == ("orders", True, verified.run_id)


def test_what_is_missing_is_told(engine: axis.Engine) -> None:
    first = next(engine.events(after="0-5"))
    assert (first.event, first.dataset, first.run_id, first.ready, first.tables) == ("lost", None, None, None, ())
    with pytest.raises(axis.InvalidArgumentError, match="`after`"):
        engine.events(after=5)  # type: ignore[arg-type]


def test_a_listener_lets_others_run_and_ends_when_the_engine_closes(engine: axis.Engine) -> None:
    heard: list[str] = []
    events = engine.events()
    thread = threading.Thread(target=lambda: heard.extend(event.event for event in events))
    thread.start()
    engine["orders"].sync()
    assert thread.is_alive()
    engine.close()
    thread.join(30)
    assert not thread.is_alive() and set(heard) >= {"started", "committed"}
    assert list(events) == []
    with pytest.raises(axis.ClosedError):
        engine.events()


def test_ctrl_c_ends_the_waiting_and_loses_nothing(program: Callable, store: Path) -> None:
    process = program(
        """
        import sys, axis
        tables = {"x": {"query": "select 1 as a"}}
        config = {"datasets": {"x": {"url": "postgresql://nobody@127.0.0.1:1/x", "tables": tables}}}
        engine = axis.open(sys.argv[1], config=config)
        events = engine.events()
        try:
            print("waiting", flush=True)
            next(events)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        try:
            engine["x"].sync(timeout=1)
        except axis.Error:
            pass
        print(next(events).event)
        engine.close()
        """,
        store,
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "started\n", "")


def test_the_interpreter_ends_while_somebody_listens(program: Callable, store: Path) -> None:
    process = program(
        """
        import sys, threading, axis
        engine = axis.open(sys.argv[1])
        begun = threading.Event()
        def listen():
            events = engine.events()
            begun.set()
            for event in events:
                pass
        threading.Thread(target=listen, daemon=True).start()
        begun.wait()
        """,
        store,
    )
    assert process.communicate(timeout=30) == ("", "") and process.returncode == 0


def test_the_twin_is_awaited(store: Path, config: dict[str, Any]) -> None:
    async def main() -> None:
        engine = await axis.open_async(store, config=config)
        events, heard = engine.events(), []

        async def listen() -> None:
            async for event in events:
                heard.append(event)

        listening = asyncio.ensure_future(listen())
        await engine["orders"].sync()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(engine.events().__anext__(), 0.05)
        again = engine.events(after=heard[0].id)
        assert (await again.__anext__()).event == "planned"
        await engine.close()
        await asyncio.wait_for(listening, 30)
        assert list(dict.fromkeys(event.event for event in heard if event.dataset)) == SYNC
        with pytest.raises(axis.ClosedError):
            engine.events()

    asyncio.run(main())


def test_who_listens_keeps_the_engine(store: Path) -> None:
    events = axis.open(store).events()
    with pytest.warns(ResourceWarning):
        gc.collect()
    with pytest.raises(axis.LockedError):
        axis.open(store)
    del events

    def opens() -> bool:
        gc.collect()
        try:
            axis.open(store).close()
            return True
        except axis.LockedError:
            return False

    until(opens)
