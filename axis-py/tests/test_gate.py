"""There is one way from Python into the core."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
CHORES = re.compile(r"\b(detach|attach|try_attach|check_signals|spawn_on|tokio::spawn|Builder::new|process::id)\b")


def test_only_the_gate_does_its_chores() -> None:
    found = {path.name for path in SOURCE.glob("*.rs") if CHORES.search(path.read_text())}
    assert found == {"gate.rs"}


def test_files_are_short() -> None:
    files = [*SOURCE.glob("*.rs"), *SOURCE.parent.glob("python/axis/*.py*")]
    assert len(files) > 10
    assert not [path.name for path in files if len(path.read_text().splitlines()) > 400]
