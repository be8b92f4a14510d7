"""Syncing, and what is told of it."""

from __future__ import annotations

import datetime as dt
import pickle
import threading
from pathlib import Path

import pytest
from conftest import until
from postgres import Database

import axis
from axis.values import Strategy


def test_a_sync_reports_in_pythons_types(engine: axis.Engine, database: Database) -> None:
    report = engine["orders"].sync()
    assert (report.dataset, report.rows_read, report.generation, report.changed) == ("orders", 100, 1, True)
    assert report.strategy == "full" and report.strategy.because == "first_sync"
    assert isinstance(report.elapsed, dt.timedelta)
    assert report.finished_at - report.started_at < dt.timedelta(minutes=1)
    assert report.started_at.tzinfo is dt.timezone.utc
    (table,) = report.tables
    assert (table.table, table.rows_total, table.missing_columns, table.reconciled) == ("orders", 100, (), None)

    database.sql("insert into orders values (101, 'new', 1, now())")
    report = engine["orders"].sync(timeout=dt.timedelta(seconds=30))
    assert (report.strategy, report.strategy.because) == ("incremental", None)
    assert engine["orders"].sync(mode="full", timeout=30.0).strategy.because == "requested"
    assert engine.query("select count(*) as n from orders").rows() == [{"n": 101}]
    runs = engine.runs(2)
    assert [run.strategy for run in runs] == ["full", "incremental"]
    assert all(run.outcome in ("ok", "unchanged") for run in runs)


def test_values_compare_hash_pickle_and_do_not_change(engine: axis.Engine) -> None:
    report = engine["orders"].sync()
    copy = pickle.loads(pickle.dumps(report))
    assert copy == report and hash(copy) == hash(report) and copy != engine["orders"].status()
    assert "rows_read=100" in repr(report) and "elapsed=" in repr(report) and "rows_read" in dir(report)
    assert report.to_dict()["strategy"] == {"type": "full", "because": "first_sync"}
    for change in (lambda: setattr(report, "rows_read", 1), lambda: delattr(report, "rows_read"), lambda: report.rows):
        with pytest.raises(AttributeError):
            change()
    strategy = pickle.loads(pickle.dumps(report.strategy))
    assert isinstance(strategy, Strategy) and strategy.because == "first_sync"


def test_status_watermarks_metadata_pages_and_verification(engine: axis.Engine, database: Database) -> None:
    orders = engine["orders"]
    assert orders.status().state == "not_synced" and orders.metadata() is None and orders.watermarks() == ()
    orders.sync()
    status = orders.status()
    assert (status.state, status.running, status.last_failure) == ("ready", None, None)
    assert status.last_success is not None and status.last_success.rows_read == 100
    (watermark,) = orders.watermarks()
    assert (watermark.table, watermark.column, watermark.value) == ("orders", "id", {"type": "integer", "value": 100})
    metadata = orders.metadata()
    assert metadata is not None and metadata.row_count == 100
    assert [column.column_name for column in metadata.columns] == ["id", "customer", "price", "placed"]
    page = orders.page(2, 30, sort_by="id", direction="asc", columns=["id"])
    assert (page.total, page.page, page.page_size, page.rows[0]) == (100, 2, 30, {"id": 31})
    with pytest.raises(axis.InvalidArgumentError, match="`direction`"):
        orders.page(direction="up")
    with pytest.raises(axis.InvalidArgumentError, match="nonsense"):
        orders.page(nonsense="x")  # type: ignore[call-arg]

    assert orders.verify().equal
    database.sql("update orders set customer = 'x' where id = 5")
    verified = orders.verify()
    assert not verified.equal and not verified.tables[0].equal
    assert [column.column for column in verified.tables[0].columns] == ["customer"]
    assert orders.verify(sync=True).synced is not None
    assert orders.reset_watermarks() == 1 and orders.watermarks() == ()


def test_progress_is_told_and_can_cancel(engine: axis.Engine) -> None:
    here = threading.current_thread()
    events: list[axis.SyncEvent] = []

    def hear(event: axis.SyncEvent) -> None:
        assert threading.current_thread() is here
        # A callback may ask the engine.
        assert engine.query("select 1 as one").rows() == [{"one": 1}]
        events.append(event)

    report = engine["orders"].sync(on_progress=hear)
    assert list(dict.fromkeys(event.event for event in events)) == ["started", "planned", "progress", "committed"]
    assert {event.dataset for event in events} == {"orders"}
    assert events[-1].report == report and [event.rows for event in events if event.done] == [100]

    class Enough(Exception):
        pass

    def stop(event: axis.SyncEvent) -> None:
        raise Enough(event.event)

    with pytest.raises(Enough, match="started"):
        engine["orders"].sync(mode="full", on_progress=stop)
    # It was rolled back by the time that the exception came out, or had committed before.
    assert engine["orders"].status().running is None
    engine["orders"].sync()


def test_all_datasets_sync_at_once(engine: axis.Engine, database: Database) -> None:
    database.sql("drop table scores")
    outcomes = engine.sync()
    assert set(outcomes) == {"orders", "monitoring"} and not outcomes.ok
    assert outcomes["orders"].rows_read == 100
    assert isinstance(outcomes.errors["monitoring"], axis.SourceRejectedError)
    with pytest.raises(axis.SourceRejectedError):
        outcomes["monitoring"]
    assert engine["monitoring"].status().last_failure is not None
    assert engine.verify()["orders"].equal


def test_a_dataset_is_busy_until_its_sync_is_cancelled(engine: axis.Engine, database: Database) -> None:
    orders = engine["orders"]
    with database.held("lock table orders"):
        job = orders.start_sync()
        until(database.waiting)
        with pytest.raises(axis.BusyError) as raised:
            orders.sync()
        assert raised.value.retryable and raised.value.context == {"dataset": "orders", "run_id": job.run_id}
        running = orders.status().running
        assert running is not None and running.run_id == job.run_id and not job.done
        job.cancel()
        with pytest.raises(axis.CancelledError):
            job.wait()
    assert job.done and orders.status().running is None and not orders.cancel_sync()
    job = orders.start_sync()
    assert job.wait().rows_read == 100 == job.wait().rows_read


def test_a_sync_ends_at_its_timeout_or_when_the_engine_closes(engine: axis.Engine, database: Database) -> None:
    with database.held("lock table orders"):
        with pytest.raises(axis.TimeoutError) as raised:
            engine["orders"].sync(timeout=0.2)
        assert isinstance(raised.value, TimeoutError)
        raising: list[axis.Error] = []

        def sync() -> None:
            try:
                engine["orders"].sync()
            except axis.Error as error:
                raising.append(error)

        thread = threading.Thread(target=sync)
        thread.start()
        until(database.waiting)
        engine.close()
        thread.join(10)
    assert [type(error) for error in raising] in ([axis.ClosedError], [axis.CancelledError])


def test_a_source_that_is_not_there_is_named(store: Path) -> None:
    config = {"datasets": {"x": {"url": "postgresql://a:topsecret@127.0.0.1:1/b", "tables": {"x": {"query": "select 1 as a"}}}}}
    with axis.open(store, config=config) as engine:
        with pytest.raises(axis.SourceUnavailableError) as raised:
            engine["x"].sync(timeout=20)
        assert isinstance(raised.value, ConnectionError)
        told = [str(raised.value), repr(raised.value), str(raised.value.__cause__), repr(engine["x"].status())]
        assert "topsecret" not in "".join(told)
