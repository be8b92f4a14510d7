"""Subinterpreters are refused, and their end is nobody's."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

PROGRAM = """
import sys
first, store = sys.argv[1:]
try:
    import _interpreters
    def run(text):
        number = _interpreters.create("legacy")
        print(type(_interpreters.exec(number, text)).__name__)
        _interpreters.destroy(number)
except ImportError:
    import _xxsubinterpreters
    def run(text):
        number = _xxsubinterpreters.create(isolated=False)
        _xxsubinterpreters.run_string(number, text)
        _xxsubinterpreters.destroy(number)
        print("NoneType")
if first == "main":
    import axis
    engine = axis.open(store)
run('''
try:
    import axis
except ImportError as error:
    assert "this is a subinterpreter" in str(error), error
else:
    raise AssertionError("it works")
''')
if first == "sub":
    import axis
    engine = axis.open(store)
with engine:
    print(engine.query("select 1 as n").rows())
"""


@pytest.mark.parametrize("first", ["main", "sub"])
def test_a_subinterpreter_is_refused_and_does_no_harm(program: Callable, store: Path, first: str) -> None:
    process = program(PROGRAM, first, store)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "NoneType\n[{'n': 1}]\n"), err
