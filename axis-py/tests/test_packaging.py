"""The wheel as others get it: in empty environments, beside another DuckDB, under every Python there is."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from postgres import Database

WHEEL = os.environ["AXIS_WHEEL"]
QUICK_START = """
import sys, axis
store, url = sys.argv[1:]
config = {"datasets": {"orders": {"url": url, "tables": {"orders": {"query": "select * from orders"}}}}}
with axis.open(store, config=config) as engine:
    assert engine["orders"].sync().rows_read == 100
    answer = engine.query("select count(*) as n, max(placed) as last from orders where id > ?", [10])
    assert [row["n"] for row in answer] == [90]
    assert type(engine.query("select 1 as n").__arrow_c_stream__()).__name__ == "PyCapsule"
    for read in (engine.query("select 1").arrow, engine.query("select 1").pandas, engine.query("select 1").polars):
        try:
            read()
        except ImportError as error:
            assert "pip install 'axis-engine[" in str(error), error
        else:
            raise AssertionError("it was not to be installed")
needless = {"pyarrow", "pandas", "polars", "numpy", "asyncio"} & set(sys.modules)
assert not needless, needless
print("well")
"""


def run(*command: object) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LD_LIBRARY", "PYTHON"))}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pythons() -> list[str]:
    """The one of the tests, and others that pyenv has."""
    found = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python"))
    supported = (path for path in found if int(path.split("/versions/3.")[1].split(".")[0]) >= 9)
    return [os.environ["AXIS_BARE_PYTHON"], *sorted(supported)]


@pytest.mark.parametrize("python", pythons(), ids=lambda path: run(path, "--version").strip())
def test_the_quick_start_works_in_an_empty_environment(python: str, tmp_path: Path, store: Path, database: Database) -> None:
    venv = tmp_path / "venv"
    run(python, "-m", "venv", "--without-pip", venv)
    run(sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--no-index", "--quiet", WHEEL)
    program = tmp_path / "quick.py"
    program.write_text(QUICK_START)
    assert run(venv / "bin" / "python", "-W", "error", program, store, database.url) == "well\n"


def test_the_wheel_brings_everything_along() -> None:
    with zipfile.ZipFile(WHEEL) as wheel:
        names = wheel.namelist()
        metadata = next(wheel.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    for name in ("axis/__init__.py", "axis/_axis.pyi", "axis/py.typed", "axis/_axis.abi3.so"):
        assert name in names
    assert [name for name in names if name.endswith("/LICENSE-MIT")]
    assert not [name for name in names if "test" in name or name.endswith(".pyc")]
    needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert needs and all("extra ==" in need for need in needs)
    assert "Name: axis-engine" in metadata and "Requires-Python: >=3.9" in metadata


@pytest.mark.parametrize("order", ["import axis, duckdb", "import duckdb, axis"])
def test_another_duckdb_in_the_process_is_another_one(order: str, tmp_path: Path, store: Path) -> None:
    program = tmp_path / "two.py"
    program.write_text(
        f"""
{order}
import pathlib, pyarrow, sys
other = duckdb.connect(sys.argv[1] + "2")
with axis.open(sys.argv[1]) as engine:
    for turn in range(20):
        n = other.sql("select count(*) from range(100000)").fetchall()[0][0]
        assert engine.query("select count(*) as n from range(100000) where range >= ?", [0]).rows() == [{{"n": n}}]
        # What one answers the other reads.
        frame = engine.query("select range as a, 'x' || range as b from range(5000)").arrow()
        assert other.sql("select sum(a), max(b) from frame").fetchall() == [(12497500, "x999")]
    ours, theirs = engine.query("select version() as v").rows()[0]["v"], other.sql("select version()").fetchall()[0][0]
    libraries = {{line.split()[-1] for line in pathlib.Path("/proc/self/maps").read_text().splitlines() if "duckdb" in line and ".so" in line}}
    assert len(libraries) > 1 and any("axis_engine.libs/libduckdb-" in name for name in libraries), libraries
other.close()
print(ours, theirs)
"""
    )
    assert len(run(sys.executable, program, store).split()) == 2
