"""A throw-away PostgreSQL, spoken to by lines; see testkit/src/bin/axis-testkit-postgres.rs."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from typing import Iterator


class Database:
    """An empty database of its own."""

    def __init__(self, server: Server, url: str) -> None:
        self._server = server
        self.url = url

    def sql(self, statements: str) -> list[list[str | None]]:
        return json.loads(self._server.ask("sql", self.url, json.dumps(statements)))

    @contextlib.contextmanager
    def held(self, statements: str) -> Iterator[None]:
        """Runs statements in a transaction that is open meanwhile."""
        self._server.ask("hold", self.url, self.url, json.dumps(statements))
        try:
            yield
        finally:
            self._server.ask("release", self.url)

    def waiting(self) -> int:
        """How many sessions wait for a lock."""
        rows = self.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
        return int(rows[0][0] or 0)


class Server:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        program = os.environ["AXIS_TESTKIT_POSTGRES"]
        self._process = subprocess.Popen([program], stdin=-1, stdout=-1, text=True, bufsize=1)
        self.url = self._line()

    def database(self) -> Database:
        with self._lock:
            self._write("database")
            return Database(self, self._line())

    def ask(self, *fields: str) -> str:
        with self._lock:
            self._write(*fields)
            kind, _, answer = self._line().partition("\t")
        assert kind == "ok", f"{fields}: {answer}"
        return answer

    def stop(self) -> None:
        self._process.communicate()

    def _write(self, *fields: str) -> None:
        assert self._process.stdin
        self._process.stdin.write("\t".join(fields) + "\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().rstrip("\n")
