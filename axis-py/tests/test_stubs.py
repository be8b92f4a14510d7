"""The types say what is there, and users' code passes the strict checker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SETTINGS = HERE.parent / "pyproject.toml"
EXAMPLES = HERE.parents[1] / "examples" / "python"


def passes(*command: object, at: Path) -> None:
    run = subprocess.run([sys.executable, "-m", *map(str, command)], cwd=at, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_stubs_are_those_of_the_module(tmp_path: Path) -> None:
    # Names that are only there for types.
    allowed = tmp_path / "allowed"
    names = ("axis.result.(pandas|polars|pyarrow)", "axis..*.(Never|Unpack)", "axis..*.Value.__getattr__")
    allowed.write_text("\n".join(names) + "\n")
    passes("mypy.stubtest", "axis", "--mypy-config-file", SETTINGS, "--allowlist", allowed, "--ignore-unused-allowlist", at=tmp_path)


def test_the_package_and_the_examples_are_typed_strictly(tmp_path: Path) -> None:
    readme = (HERE.parent / "README.md").read_text()
    (tmp_path / "readme.py").write_text("\n".join(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)))
    passes("mypy", "--strict", "--config-file", SETTINGS, "-p", "axis", at=tmp_path)
    passes("mypy", "--strict", "--config-file", SETTINGS, tmp_path / "readme.py", *EXAMPLES.glob("*.py"), at=tmp_path)


def test_the_checker_finds_mistakes(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import axis\n"
        "engine = axis.open('x')\n"
        "engine['a'].sync(mod='full')\n"
        "engine['a'].sync().rows_read + 'x'\n"
        "engine.analytics.monitoring.summary(environment=1)\n"
        "engine['a'].status().nonsense\n"
    )
    run = subprocess.run([sys.executable, "-m", "mypy", "--strict", wrong], cwd=tmp_path, capture_output=True, text=True)
    lines = re.findall(r"wrong.py:(\d+): error", run.stdout)
    assert lines == ["3", "4", "5", "6"], run.stdout
