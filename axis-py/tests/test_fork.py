"""What is forked off refuses to work, and does no harm."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import axis


def test_a_child_is_told_to_be_spawned_and_leaves_the_store_alone(program: Callable, store: Path) -> None:
    process = program(
        """
        import gc, os, sys, axis
        engine = axis.open(sys.argv[1])
        answer = engine.query("select range as n from range(2000000)")
        pid = os.fork()
        if pid == 0:
            told = []
            for call in (lambda: engine.query("select 1"), lambda: axis.open(sys.argv[1] + "2"), engine.close, answer.rows,
                         lambda: engine["kpi"].status(), lambda: engine["kpi"].start_sync(), engine.queries):
                try:
                    call()
                except axis.ClosedError as error:
                    told.append(error.operation == "fork" and "spawn" in error.message)
            assert told == [True] * 7, told
            del engine, answer, call
            gc.collect()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        assert len(answer.rows()) == 2000000
        engine.close()
        print("well")
        """,
        store,
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "well\n"), err
    axis.open(store).close()


def test_a_child_of_a_process_that_only_imported_it_works(program: Callable, store: Path) -> None:
    process = program(
        """
        import os, sys, axis
        if os.fork() == 0:
            with axis.open(sys.argv[1]) as engine:
                print(engine.query("select 1 as n").rows())
        else:
            os.wait()
        """,
        store,
    )
    assert process.communicate(timeout=60) == ("[{'n': 1}]\n", "")


def test_spawned_processes_work(program: Callable, store: Path) -> None:
    process = program(
        """
        import multiprocessing, sys, axis

        def work(path):
            with axis.open(path) as engine:
                try:
                    engine.query("select nonsense")
                except axis.Error as error:
                    return error

        if __name__ == "__main__":
            with axis.open(sys.argv[1]) as engine:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    error = pool.apply(work, [sys.argv[1] + "2"])
                print(type(error).__name__, error.operation, error.code)
        """,
        store,
    )
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("QueryError query AXIS_QUERY\n", "")
