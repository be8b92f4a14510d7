"""One operation a line on stdin, one answer a line on stdout, for the conformance suite; everything through the public API."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Dict

import pyarrow

import axis
from axis.analytics import QUESTIONS

engines: Dict[str, axis.Engine] = {}
jobs: Dict[str, axis.SyncJob] = {}
asked: Dict[str, Future[Dict[str, Any]]] = {}
threads = ThreadPoolExecutor()

BEGINS = 30.0
"""Longer than a query takes to begin, in seconds."""


def keywords(text: str) -> Dict[str, Any]:
    """Options as Python takes them: seconds for milliseconds, nothing for null."""
    given = json.loads(text)
    if not isinstance(given, (dict, type(None))):
        raise TypeError(f"options are {type(given).__name__}; allowed are keywords")
    options = {name: value for name, value in (given or {}).items() if value is not None}
    if "timeout_ms" in options:
        timeout = options.pop("timeout_ms")
        options["timeout"] = timeout / 1000 if isinstance(timeout, (int, float)) else timeout
    if "take_over_seconds" in options:
        options["take_over"] = options.pop("take_over_seconds")
    return options


def told(error: axis.Error) -> Dict[str, Any]:
    names = ("code", "number", "message", "operation", "retryable", "context")
    return {name: getattr(error, name) for name in names}


def outcomes(reports: axis.Outcomes) -> Dict[str, Any]:
    errors = reports.errors
    return {name: {"error": told(errors[name])} if name in errors else {"ok": reports[name].to_dict()} for name in reports}


def open_(name: str, options: str) -> None:
    engines[name] = axis.open(**keywords(options))


def answered(engine: str, sql: str, params: str, options: str, **more: str) -> axis.Result:
    return engines[engine].query(json.loads(sql), json.loads(params), **keywords(options), **more)


def query(*arguments: str, **more: str) -> Dict[str, Any]:
    answer = answered(*arguments, **more)
    columns = [{"name": name, "type": kind} for name, kind in answer.columns]
    return {"columns": columns, "rows": answer.json_rows()}


def query_arrow(*arguments: str) -> Dict[str, Any]:
    table = pyarrow.table(answered(*arguments))
    return {"rows": table.num_rows, "columns": table.column_names}


def query_start(id: str, engine: str, *arguments: str) -> None:
    """Returns once the query runs, or has ended: nobody is told when it begins."""
    asked[id] = threads.submit(query, engine, *arguments, id=id)
    deadline = time.monotonic() + BEGINS
    while not asked[id].done() and (id, "running") not in [(listed.id, listed.state) for listed in engines[engine].queries()]:
        if time.monotonic() > deadline:
            raise axis.TimeoutError("the query does not begin")
        time.sleep(0.005)


def sync_start(job: str, engine: str, dataset: str, options: str) -> None:
    jobs[job] = engines[engine][dataset].start_sync(**keywords(options))


def metadata(engine: str, dataset: str) -> Any:
    found = engines[engine][dataset].metadata()
    return None if found is None else found.to_dict()


def ask(engine: str, question: str, request: str) -> Any:
    if question not in QUESTIONS:
        return engines[engine].ask(question, json.loads(request))
    area, name = question.split(".")
    return getattr(getattr(engines[engine].analytics, area), name)(**keywords(request))


def progress(engine: str, dataset: str, options: str) -> Any:
    events: Dict[str, None] = {}
    engines[engine][dataset].sync(on_progress=lambda event: events.setdefault(event.event), **keywords(options))
    return list(events)


OPERATIONS: Dict[str, Callable[..., Any]] = {
    "open": open_,
    "close": lambda e: engines[e].close(),
    "version": lambda: axis.__version__,
    "datasets": lambda e: engines[e].datasets,
    "status": lambda e, dataset: engines[e][dataset].status().to_dict(),
    "watermarks": lambda e, dataset: [watermark.to_dict() for watermark in engines[e][dataset].watermarks()],
    "reset_watermarks": lambda e, dataset: engines[e][dataset].reset_watermarks(),
    "sync": lambda e, dataset, options: engines[e][dataset].sync(**keywords(options)).to_dict(),
    "sync_all": lambda e, options: outcomes(engines[e].sync(**keywords(options))),
    "sync_start": sync_start,
    "sync_wait": lambda job: jobs[job].wait().to_dict(),
    "sync_cancel": lambda job: jobs[job].cancel(),
    "cancel_sync": lambda e, dataset: engines[e][dataset].cancel_sync(),
    "verify": lambda e, dataset, options: engines[e][dataset].verify(**keywords(options)).to_dict(),
    "verify_all": lambda e, options: outcomes(engines[e].verify(**keywords(options))),
    "query": query,
    "query_arrow": query_arrow,
    "query_start": query_start,
    "query_wait": lambda id: asked.pop(id).result(),
    "queries": lambda e: [running.to_dict() for running in engines[e].queries()],
    "cancel_query": lambda e, id: engines[e].cancel_query(id),
    "page": lambda e, dataset, request: engines[e][dataset].page(**keywords(request)).to_dict(),
    "metadata": metadata,
    "ask": ask,
    "runs": lambda e, limit: [run.to_dict() for run in engines[e].runs(json.loads(limit))],
    "usage": lambda e: engines[e].usage().to_dict(),
    "questions": lambda: QUESTIONS,
    "progress": progress,
}


def answer(line: str) -> str:
    operation, *fields = line.split("\t")
    try:
        if operation not in OPERATIONS:
            raise axis.NotFoundError(f"there is no operation `{operation}`")
        return f"ok\t{json.dumps(OPERATIONS[operation](*fields))}"
    except axis.Error as error:
        return f"error\t{json.dumps(told(error))}"
    except TypeError as error:
        # A keyword that there is not is refused by Python itself, in its own words.
        return f"error\t{json.dumps(told(axis.InvalidArgumentError(str(error))))}"


if __name__ == "__main__":
    for line in open(0, encoding="utf-8", newline="\n"):
        print(answer(line.rstrip("\n")), flush=True)
    for engine in engines.values():
        engine.close()
