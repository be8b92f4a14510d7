"""The tree of exceptions is the table of kinds."""

from __future__ import annotations

import builtins
import copy
import json
import pickle
import subprocess
from pathlib import Path
from typing import Callable

import pytest

import axis
from axis.exceptions import _KINDS, _restore

TABLE = json.loads((Path(__file__).parents[2] / "conformance" / "errors.json").read_text())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["code"])
def test_every_kind_is_a_class(row: dict) -> None:
    kind = getattr(axis, row["python_class"])
    assert kind.__name__ in axis.__all__ and kind.__doc__
    assert (kind.code, kind.number, kind.retryable) == (row["code"], row["number"], row["retryable"])
    assert kind.__bases__ == (axis.Error, *(getattr(builtins, base) for base in row["python_bases"]))


def test_no_class_is_without_a_kind() -> None:
    assert set(_KINDS) == {row["code"] for row in TABLE}


@pytest.mark.parametrize("code", [*_KINDS, "AXIS_OF_THE_FUTURE"])
def test_errors_are_pickled_and_copied_whole(code: str) -> None:
    error = _restore(code, "it went wrong", "sync.read", {"dataset": "x"})
    for other in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is type(error) and other.code == code
        assert str(other) == "it went wrong (dataset=x)" and other.message == "it went wrong"
        assert (other.operation, other.context, other.args) == ("sync.read", {"dataset": "x"}, ("it went wrong",))


def test_errors_of_the_engine_carry_everything(engine: axis.Engine) -> None:
    with pytest.raises(axis.QueryError) as raised:
        engine.query("select nonsense")
    error = raised.value
    assert isinstance(error, ValueError) and (error.code, error.operation) == ("AXIS_QUERY", "query")
    # What the driver said may hold anything, and a traceback would print it.
    assert error.__cause__ is None and error.__context__ is None
    with pytest.raises(LookupError, match="there is no dataset `x`; there are"):
        engine["x"]
    with pytest.raises(axis.InvalidArgumentError, match="`name`"):
        engine[5]  # type: ignore[index]


def test_a_panic_is_an_internal_error(program: Callable[..., subprocess.Popen[str]], store: Path) -> None:
    # No thread can have a stack of that size, and a runtime without threads panics.
    running = program(
        """
        import asyncio, os, sys
        os.environ["RUST_MIN_STACK"] = str(1 << 47)
        import axis

        for way in (lambda: axis.open(sys.argv[1]), lambda: asyncio.run(axis.open_async(sys.argv[1]))):
            try:
                way()
            except Exception as error:
                print(type(error) is axis.InternalError, error.code, error)
        """,
        store,
    )
    out, err = running.communicate(timeout=60)
    assert out == "True AXIS_INTERNAL axis has panicked; this is a defect of axis\n" * 2, err
    assert running.returncode == 0 and "spawn" in err, err
