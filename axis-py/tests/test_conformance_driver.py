"""The driver of the conformance suite answers by itself; the suite has the scenarios."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ID = "5d1e2f0e-7a55-4e9f-8a52-6f6c0a6f4b51"
DRIVER = Path(__file__).with_name("conformance_driver.py")


def test_the_driver_speaks_lines(store: Path, config: dict[str, Any]) -> None:
    options = json.dumps({"store": str(store), "config": config, "scheduler": None})
    lines = [
        f"open\te\t{options}",
        "progress\te\torders\tnull",
        'sync\te\torders\t{"mode": "full", "timeout_ms": 30000}',
        "sync_start\tj\te\torders\tnull",
        "sync_wait\tj",
        'query\te\t"select count(*) as n from orders where id > ?"\t[10]\tnull',
        f'query_start\t{ID}\te\t"select 1 as n"\tnull\tnull',
        f"query_wait\t{ID}",
        'query_arrow\te\t"select 1 as n"\tnull\t{"max_rows": 5}',
        'sync\te\torders\t{"mod": "full"}',
        "ask\te\tmonitoring.sumary\tnull",
        'ask\te\tmonitoring.summary\t{"environment": "prod"}',
        "status\te\tnope",
        "nonsense",
        "close\te",
        'query\te\t"select 1"\tnull\tnull',
    ]
    run = subprocess.run([sys.executable, DRIVER], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    answers = [(kind, json.loads(text)) for kind, text in (line.split("\t") for line in run.stdout.splitlines())]
    kinds = [kind if kind == "ok" else answer["code"] for kind, answer in answers]
    assert kinds == [*["ok"] * 9, "AXIS_INVALID_ARGUMENT", "AXIS_NOT_FOUND", "AXIS_NOT_SYNCED", "AXIS_NOT_FOUND",
                     "AXIS_NOT_FOUND", "ok", "AXIS_CLOSED"]  # fmt: skip
    assert answers[1][1] == ["started", "planned", "progress", "committed"]
    assert answers[2][1]["strategy"] == {"type": "full", "because": "requested"}
    assert answers[5][1] == {"columns": [{"name": "n", "type": "BIGINT"}], "rows": [{"n": 90}]}
    assert answers[7][1] == {"columns": [{"name": "n", "type": "INTEGER"}], "rows": [{"n": 1}]}
    assert answers[8][1] == {"rows": 1, "columns": ["n"]}
    assert answers[10][1]["number"] == 102
