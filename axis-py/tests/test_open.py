"""Opening and closing."""

from __future__ import annotations

import gc
import os
import threading
import uuid
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import until

import axis


def test_a_store_alone_opens_with_the_built_in_datasets(store: Path) -> None:
    with axis.open(store) as engine:
        assert engine.datasets == ("monitoring", "eval", "human_signals", "kpi") == tuple(engine)
        assert "kpi" in engine and "kpis" not in engine
        assert engine["kpi"].name == "kpi" and not engine.closed
    assert engine.closed and "closed" in repr(engine)
    engine.close()


def test_a_directory_opens_as_the_command_does(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "duckdb.yaml").write_text("duckdb:\n  path: ${NAME}.duckdb\n")
    with axis.open(config=tmp_path, env={"NAME": str(tmp_path / "mine")}):
        assert (tmp_path / "mine.duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"store": 5}, "`store`"),
        ({"config": 5}, "`config`"),
        ({"config": {"nonsense": {}}}, "nonsense"),
        ({"config": {"duckdb": object()}}, "object"),
        ({"env": {"A": 1}}, "`env`"),
        ({"scheduler": "yes"}, "`scheduler`"),
        ({"take_over": -1}, "take_over"),
        ({"colour": "red"}, "`colour`.*there are store"),
        ({"colour": None}, "`colour`.*there are store"),
        ({"take_over_seconds": 3}, "`take_over_seconds`.*take_over$"),
        ({"take_over": "x"}, "`take_over`"),
        ({"store": "\udcff"}, "JSON"),
    ],
)
def test_what_is_wrong_is_named(arguments: dict, told: str) -> None:
    with pytest.raises(axis.InvalidArgumentError, match=told):
        axis.open(**arguments)


def test_the_configuration_is_named_when_it_is_wrong(store: Path) -> None:
    with pytest.raises(axis.ConfigError):
        axis.open(store, config={"duckdb": "duckdb: ["})


def test_a_store_is_one_engines_at_a_time(store: Path) -> None:
    with axis.open(store):
        with pytest.raises(axis.LockedError) as raised:
            axis.open(store)
        assert raised.value.retryable
    axis.open(store).close()


def test_what_is_closed_says_so(engine: axis.Engine) -> None:
    dataset = engine["orders"]
    engine.close()
    calls: list[Callable[[], object]] = [
        dataset.sync,
        dataset.start_sync,
        dataset.cancel_sync,
        dataset.verify,
        dataset.status,
        dataset.watermarks,
        dataset.reset_watermarks,
        dataset.metadata,
        dataset.page,
        engine.sync,
        engine.verify,
        engine.runs,
        engine.usage,
        engine.queries,
        engine.__enter__,
        engine.analytics.kpi.categories,
        lambda: engine.query("select 1"),
        lambda: engine.backup("b.axis"),
        lambda: engine.cancel_query(uuid.uuid4()),
        lambda: engine.datasets,
        lambda: engine["orders"],
        lambda: list(engine),
        lambda: "orders" in engine,
        lambda: engine.sync(on_progress=print),
    ]
    for call in calls:
        with pytest.raises(axis.ClosedError, match="the engine is closed"):
            call()
    assert engine.closed and "closed" in repr(engine) and dataset.name == "orders"
    engine.close()


def test_closing_while_others_read_is_no_accident(engine: axis.Engine) -> None:
    raised: list[BaseException] = []
    begun = threading.Barrier(9)

    def read() -> None:
        begun.wait()
        try:
            while True:
                engine.query("select count(*) from range(1000000)").rows()
        except axis.Error as error:
            raised.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.wait()
    engine.close()
    for thread in threads:
        thread.join(30)
    assert len(raised) == 8
    assert {type(error) for error in raised} <= {axis.ClosedError, axis.CancelledError}


def test_an_engine_that_nobody_closed_is_closed_with_a_warning(store: Path) -> None:
    engine = axis.open(store)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del engine
        gc.collect()
    told = [(warning.category, str(warning.message)) for warning in caught]
    assert told == [(ResourceWarning, "<axis.Engine open> was not closed")]
    # What was caught holds it still.
    caught.clear()
    del caught
    gc.collect()

    def opens() -> bool:
        try:
            axis.open(store).close()
            return True
        except axis.LockedError:
            return False

    until(opens)


def test_keywords_are_pythons(engine: axis.Engine) -> None:
    orders: Any = engine["orders"]
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: orders.sync(foo=None), "`foo`.*there are mode, timeout, on_progress$"),
        (lambda: orders.sync(timeout_ms=1), "`timeout_ms`.*there are mode, timeout, on_progress$"),
        (lambda: orders.start_sync(foo=1), "`foo`"),
        (lambda: orders.verify(timeout_ms=1), "`timeout_ms`.*there are sync, timeout$"),
        (lambda: engine.query("select 1", timeout_ms=5), "`timeout_ms`.*there are timeout, max_rows, id, client$"),  # type: ignore[call-arg]
        (lambda: orders.page(foo=None), "`foo`"),
        (lambda: engine.analytics.monitoring.summary(foo=None), "`foo`"),  # type: ignore[call-arg]
        (lambda: orders.sync(on_progress=1), "`on_progress` is a value of the type int; allowed is a function"),
        (lambda: engine.sync(on_progress="x"), "`on_progress`"),  # type: ignore[arg-type]
        (lambda: engine.runs(-1), "`limit` is no whole number from 0"),
    ]
    for call, told in calls:
        with pytest.raises(axis.InvalidArgumentError, match=told):
            call()
    assert orders.status().running is None and engine.runs() == ()
    with pytest.raises(TypeError):
        axis.open("x", 1)  # type: ignore[misc]


def test_texts_are_whole(engine: axis.Engine) -> None:
    half = "\ud800"
    calls: list[Callable[[], object]] = [
        lambda: engine.query(f"select '{half}'"),
        lambda: engine.query("select ?", [half]),
        lambda: engine.query("select $a", {half: 1}),
        lambda: engine[half],
        lambda: engine.ask(half),
        lambda: engine.cancel_query(half),
        lambda: engine["orders"].sync(mode=half),
        lambda: engine["orders"].page(search=half),
    ]
    for call in calls:
        with pytest.raises(axis.InvalidArgumentError):
            call()
    assert half not in engine


@pytest.mark.parametrize("timeout", [pytest.param(10**400, id="long"), float("nan"), float("inf"), -1, "3", True, timedelta(seconds=-1)])
def test_timeouts_are_seconds(engine: axis.Engine, timeout: object) -> None:
    with pytest.raises(axis.InvalidArgumentError, match="timeout"):
        engine["orders"].sync(timeout=timeout)  # type: ignore[arg-type]


def test_opening_again_and_again_keeps_nothing(tmp_path: Path) -> None:
    """Some hundreds of times; AXIS_SOAK=1 does it 10,000 times."""

    def used() -> tuple[int, int]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return len(os.listdir("/proc/self/fd")), pages * os.sysconf("SC_PAGE_SIZE") >> 20

    def round(number: int) -> None:
        with axis.open(tmp_path / f"{number % 4}.duckdb") as engine:
            assert engine.query("select ? as n", [number]).rows() == [{"n": number}]

    rounds = 10_000 if os.environ.get("AXIS_SOAK") == "1" else 150
    for number in range(50):
        round(number)
    files, megabytes = used()
    for number in range(rounds):
        round(number)
    files_after, megabytes_after = used()
    assert files_after <= files + 2
    assert megabytes_after <= megabytes + 32
