"""What the README and the examples show works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))
SHOWN = {
    "busy.py": ["generation", "the job read 40 rows"],
    "charts.py": ["summary: {", "trends: {", "production only: {"],
    "frames.py": ["shape: (2, 2)", "environment: string", "prod 8"],
    "progress.py": ["started", "planned", ", done", "committed", "generation 1"],
    "sync.py": ["orders: 100 rows", "monitoring: 40 rows"],
}


@pytest.fixture
def directory(tmp_path: Path, config: dict[str, Any]) -> Path:
    """A directory as `axis --custom-dir` takes it."""
    files = tmp_path / "custom" / "config"
    (files / "datasets").mkdir(parents=True)
    # Where the demonstration would put it, which the README of the project begins with.
    (tmp_path / "axis-demo").symlink_to(tmp_path)
    (files / "datasets" / "orders.yaml").write_text(json.dumps(config["datasets"]))
    (files / "monitoring_db.yaml").write_text(json.dumps({"monitoring_db": config["monitoring_db"]}))
    return files.parent


def output(*command: object, at: Path) -> str:
    line = [sys.executable, "-W", "error", *map(str, command)]
    run = subprocess.run(line, cwd=at, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, ""), run.stdout + run.stderr
    return run.stdout


def test_every_example_is_known() -> None:
    assert [path.name for path in EXAMPLES] == sorted(SHOWN)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_shows_what_it_says(path: Path, store: Path, directory: Path) -> None:
    shown = output(path, store, directory, at=directory)
    for part in SHOWN[path.name]:
        assert part in shown, shown


@pytest.mark.parametrize("readme", [ROOT / "axis-py" / "README.md", ROOT / "README.md"], ids=["python", "project"])
def test_the_readme_works(readme: Path, tmp_path: Path, directory: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        program = tmp_path / "readme.py"
        program.write_text(block)
        assert output(program, at=tmp_path)
