"""What the tests share: a PostgreSQL, engines on it, and programs in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from postgres import Database, Server

import axis

ORDERS = """
create table orders (id bigint primary key, customer text, price numeric(10, 2), placed timestamptz);
insert into orders select n, 'c' || n % 3, n / 4.0, timestamptz '2026-01-01Z' + n * interval '1 hour' from generate_series(1, 100) n;
"""
TRACES = """
create table traces (id text primary key, created_at timestamp, environment text, query text, actual_output text, latency float8);
create table scores (trace_id text, created_at timestamp, metric_name text, metric_score float8, metric_category text);
insert into traces select 't' || n, timestamp '2026-01-01' + n * interval '1 hour', case when n % 2 = 0 then 'prod' else 'test' end, 'q', 'a', n
  from generate_series(1, 20) n;
insert into scores select 't' || n, timestamp '2026-01-01' + n * interval '1 hour', 'faithfulness', n / 20.0, 'SCORE' from generate_series(1, 20) n;
"""


def configuration(url: str) -> dict[str, Any]:
    return {
        "datasets": {
            "orders": {
                "url": url,
                "incremental_column": "id",
                "tables": {"orders": {"query": "select * from orders", "primary_key": "id"}},
            }
        },
        "monitoring_db": {
            "enabled": True,
            "url": url,
            "dataset_query": "select id as dataset_id, created_at, environment, query, actual_output, latency from traces",
            "results_query": "select trace_id as dataset_id, created_at, metric_name, metric_score, metric_category from scores",
            "incremental_column": "created_at",
        },
    }


def until(condition: Callable[[], object]) -> None:
    """Asks again and again, for half a minute at most, what nobody tells of by itself."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def database(server: Server) -> Database:
    database = server.database()
    database.sql(ORDERS + TRACES)
    return database


@pytest.fixture
def config(database: Database) -> dict[str, Any]:
    return configuration(database.url)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.duckdb"


@pytest.fixture
def engine(store: Path, config: dict[str, Any]) -> Iterator[axis.Engine]:
    with axis.open(store, config=config) as engine:
        yield engine


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a program in a process of its own, with everything that goes wrong told loudly."""

    def start(text: str, *arguments: object, python: str = sys.executable) -> subprocess.Popen[str]:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text))
        command = [python, "-X", "faulthandler", str(path), *map(str, arguments)]
        return subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True, preexec_fn=heeding_ctrl_c)

    return start


def heeding_ctrl_c() -> None:
    """Programs of a shell's background ignore Ctrl-C, and hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
