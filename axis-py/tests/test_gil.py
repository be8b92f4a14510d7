"""Whoever waits does not hold the GIL."""

from __future__ import annotations

import threading
from typing import Callable

import polars
import pyarrow
import pytest
from conftest import until
from postgres import Database

import axis

SLOW = "select count(*) as n from range(20000) a, range(5000) b where (a.range * b.range) % 7 = 3"


def counted(work: Callable[[], object]) -> int:
    """How far another thread counts meanwhile."""
    count, done = 0, threading.Event()

    def run() -> None:
        nonlocal count
        while not done.is_set():
            count += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return count


@pytest.mark.parametrize(
    "read",
    [axis.Result.rows, axis.Result.arrow, axis.Result.pandas, axis.Result.polars, pyarrow.table, polars.DataFrame, list],
)
def test_a_thread_counts_while_a_query_runs(engine: axis.Engine, read: Callable[[axis.Result], object]) -> None:
    assert counted(lambda: read(engine.query(SLOW))) > 1_000


def test_threads_wait_side_by_side(engine: axis.Engine, database: Database) -> None:
    reports: list[axis.SyncReport] = []
    with database.held("lock table orders"):
        thread = threading.Thread(target=lambda: reports.append(engine["orders"].sync()))
        thread.start()
        # It can only be seen to wait when it does not hold the GIL.
        until(database.waiting)
        assert engine.query("select 1 as n").rows() == [{"n": 1}]
    thread.join(30)
    assert reports[0].rows_read == 100


def test_one_engine_serves_many_threads(engine: axis.Engine) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(50):
                assert engine.query("select ? as n", [number * turn]).rows() == [{"n": number * turn}]
                engine["orders"].status()
                if turn % 10 == 0:
                    try:
                        engine["orders"].sync()
                    except axis.BusyError:
                        pass
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and not any(thread.is_alive() for thread in threads)
