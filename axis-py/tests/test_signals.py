"""Ctrl-C, and the end of the interpreter, while something runs."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Callable

import pytest
from conftest import until
from postgres import Database

import axis

Program = Callable[..., "subprocess.Popen[str]"]

PRELUDE = """
import sys, time, threading, axis
store, url = sys.argv[1:]
config = {"datasets": {"orders": {"url": url, "tables": {"orders": {"query": "select * from orders"}}}}}
engine = axis.open(store, config=config)
"""


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=30)
    return out, err


@pytest.mark.parametrize("job", [False, True])
def test_ctrl_c_ends_a_sync_within_a_second_and_rolls_it_back(
    program: Program, store: Path, database: Database, job: bool
) -> None:
    call = 'engine["orders"].start_sync().wait()' if job else 'engine["orders"].sync()'
    text = PRELUDE + f"""
try:
    {call}
except KeyboardInterrupt:
    state = engine["orders"].status()
    print("interrupted", state.running is None, state.generation, flush=True)
    assert {job} or engine.query("select 1 as n").rows() == [{{"n": 1}}]
    engine.close()
"""
    with database.held("lock table orders"):
        process = program(text, store, database.url)
        until(database.waiting)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = time.monotonic() - began
        # Interrupting the wait for a job leaves the job alone.
        assert line == f"interrupted {not job} 0\n", ended(process)
        assert elapsed < 1
        out, err = ended(process)
    assert (process.returncode, err) == (0, "")
    with axis.open(store) as engine:
        assert engine.query("select count(*) as n from information_schema.tables where table_name = 'orders'").rows() == [{"n": 0}]


def test_ctrl_c_ends_a_query(program: Program, store: Path, database: Database) -> None:
    text = PRELUDE + """
def tell():
    while not engine.queries():
        time.sleep(0.01)
    print("begins", flush=True)
with engine:
    threading.Thread(target=tell).start()
    try:
        engine.query("select count(*) as n from range(1000000) a, range(1000000) b").rows()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""
    process = program(text, store, database.url)
    assert process.stdout is not None and process.stdout.readline() == "begins\n"
    process.send_signal(signal.SIGINT)
    assert ended(process) == ("interrupted\n", "")


@pytest.mark.parametrize("daemon", [True, False])
def test_the_interpreter_ends_during_a_sync(program: Program, store: Path, database: Database, daemon: bool) -> None:
    """A daemon's sync is cancelled; any other thread is waited for, as Python does."""
    text = PRELUDE + f"""
def sync():
    try:
        engine["orders"].sync()
    except axis.Error as error:
        print(type(error).__name__, flush=True)
threading.Thread(target=sync, daemon={daemon}).start()
sys.stdin.readline()
"""
    with database.held("lock table orders"):
        process = program(text, store, database.url)
        until(database.waiting)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        if daemon:
            out, err = ended(process)
            assert (process.returncode, err) == (0, ""), (out, err)
            assert out in ("", "CancelledError\n", "ClosedError\n")
    out, err = ended(process)
    assert process.returncode == 0 and err == ""


@pytest.mark.parametrize(
    "last",
    [
        'engine["orders"].start_sync()',
        "answer = engine.query('select range from range(10000000000)'); next(iter(answer))",
        "import pyarrow; r = pyarrow.RecordBatchReader.from_stream(engine.query('select range from range(10000000000)')); r.read_next_batch()",
        "threading.Thread(target=lambda: engine.query('select count(*) from range(1000000) a, range(1000000) b').rows(), daemon=True).start()",
        "import os; threading.Thread(target=os._exit, args=(0,)).start()",
        "sys.exit(0)",
    ],
)
def test_the_interpreter_ends_with_everything_open(program: Program, store: Path, database: Database, last: str) -> None:
    process = program(PRELUDE + last + "\n", store, database.url)
    _, err = ended(process)
    assert process.returncode == 0, err
    assert "Fatal" not in err and "panicked" not in err, err


def test_the_loop_ends_with_the_interpreter(program: Program, store: Path, database: Database) -> None:
    text = PRELUDE + """
import asyncio
engine.close()
async def main():
    engine = await axis.open_async(store, config=config)
    asyncio.ensure_future(engine["orders"].sync())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    raise SystemExit(0)
asyncio.run(main())
"""
    with database.held("lock table orders"):
        process = program(text, store, database.url)
        until(database.waiting)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        out, err = ended(process)
    assert (process.returncode, out, err) == (0, "", "")
