"""What the engine logs reaches `logging.getLogger("axis")`."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import until
from postgres import Database

import axis


def test_a_sync_is_logged_before_it_returns(engine: axis.Engine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "axis"):
        report = engine["orders"].sync()
    records = [record for record in caplog.records if record.name == "axis"]
    assert records and {record.levelno for record in records} == {logging.INFO}
    synced = records[-1]
    assert synced.fields["dataset"] == "orders"  # type: ignore[attr-defined]
    assert "dataset=orders" in synced.getMessage() and synced.pathname.startswith("axis_core::")
    assert report.started_at.timestamp() <= synced.created <= report.finished_at.timestamp() + 1


def test_a_level_that_is_off_is_off(engine: axis.Engine, caplog: pytest.LogCaptureFixture) -> None:
    engine["orders"].sync()
    with caplog.at_level(logging.DEBUG, "axis"):
        logging.disable(logging.CRITICAL)
        try:
            engine["orders"].sync(mode="full")
        finally:
            logging.disable(logging.NOTSET)
    assert not caplog.records


def test_what_fails_is_logged_without_secrets(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = "postgresql://a:topsecret@127.0.0.1:1/b?password=topsecret"
    config = {"datasets": {"x": {"url": url, "tables": {"x": {"query": "select 1 as a"}}}}}
    with caplog.at_level(1), axis.open(store, config=config) as engine:
        with pytest.raises(axis.SourceUnavailableError):
            engine["x"].sync(timeout=20)
    levels = {record.levelname for record in caplog.records if record.name == "axis"}
    assert levels >= {"WARNING", "DEBUG"}
    assert "topsecret" not in caplog.text and "topsecret" not in str([vars(record) for record in caplog.records])


def test_work_that_nobody_waits_for_is_logged(
    engine: axis.Engine, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "axis"):
        engine.usage()  # a call asks for the level
        job = engine["orders"].start_sync()
        until(lambda: "axis" in {record.name for record in caplog.records})
        job.wait()


def test_a_task_is_logged_before_it_returns(
    store: Path, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with await axis.open_async(store, config=config) as engine:
            await engine["orders"].sync()
            assert "dataset=orders" in caplog.text

    with caplog.at_level(logging.INFO, "axis"):
        asyncio.run(main())


def test_a_handler_may_call_axis_and_may_raise(engine: axis.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []

    class Asking(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            told.append(engine.query("select 1 as n").rows())
            raise ZeroDivisionError(record.getMessage())

    raised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda it: raised.append(it.exc_type))
    logger, handler = logging.getLogger("axis"), Asking()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        assert engine["orders"].sync().rows_read == 100
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert told and told == [[{"n": 1}]] * len(raised) and set(raised) == {ZeroDivisionError}


PROGRAM = """
import sys, threading, axis
store, url, how = sys.argv[1:]
config = {"datasets": {"orders": {"url": url, "tables": {"orders": {"query": "select * from orders"}}}}}
heard = threading.Event()
assert "logging" not in sys.modules
if how != "without":
    import logging, time
    class Slow(logging.StreamHandler):
        def emit(self, record):
            heard.set()
            time.sleep(0.001)
            super().emit(record)
    logging.basicConfig(level=logging.DEBUG, handlers=[Slow(sys.stdout)])
engine = axis.open(store, config=config)
if how == "daemon":
    def work():
        try:
            while True:
                engine["orders"].sync(mode="full")
        except axis.Error:
            pass
    threading.Thread(target=work, daemon=True).start()
    heard.wait()
else:
    engine["orders"].start_sync().wait()
if how == "without":
    assert "logging" not in sys.modules
"""


@pytest.mark.parametrize("how", ["with", "without", "daemon"])
def test_the_interpreter_ends_while_it_is_logged(program: Callable, store: Path, database: Database, how: str) -> None:
    process = program(PROGRAM, store, database.url, how)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert how == "daemon" or ("dataset=orders" in out) == (how == "with")
