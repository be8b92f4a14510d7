"""Programs that the tests run, and how they speak to them."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TARGET = Path(os.environ.get("AXIS_TARGET", ROOT / "target"))
AXIS = TARGET / "debug/axis"
# Longer than anything here takes on a slow machine.
DEADLINE = 60.0
API_KEY = "0123456789abcdef0123456789abcdef"
# What addresses, YAML, SQL and shells would each take for something else.
READER_PASSWORD = "s3ntinel/pa55#word?%41: 'q' \"d\" @$"


def tool(name: str) -> str:
    """Finds a program where `scripts/bootstrap.sh` has put it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = os.environ.get("AXIS_CACHE_DIR") or Path(home) / "axis"
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(Path(cache) / "tools")])
    found = shutil.which(name, path=path)
    assert found, f"{name} is missing; scripts/bootstrap.sh {name} gets it"
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def environment(**variables: str) -> dict[str, str]:
    """An environment that holds nothing of the machine's own settings."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | variables


@contextmanager
def running(command: list[str], log: Path, **options):
    """Runs a program until the end of the block; what it prints goes to `log`."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, **options)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(what: str, ask, process: subprocess.Popen, log: Path):
    """Asks again and again until the answer is true; a process that ends before that tells why in its log."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        assert process.poll() is None, f"it ended before {what}:\n{log.read_text()}"
        time.sleep(0.02)
    raise AssertionError(f"it takes too long until {what}:\n{log.read_text()}")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Client:
    """One connection to a server, which may come from any address of this machine."""

    def __init__(self, port: int, authority: Path | None = None, source: str = "127.0.0.1"):
        options = {"timeout": DEADLINE, "source_address": (source, 0)}
        if authority is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, **options)
        else:
            trusted = ssl.create_default_context(cafile=str(authority))
            self.connection = http.client.HTTPSConnection("localhost", port, context=trusted, **options)
            # `localhost` may lead to ::1 first, where nothing listens.
            self.connection._create_connection = lambda _, *rest: socket.create_connection(("127.0.0.1", port), *rest)

    def send(self, method: str, path: str, body=None, key: str | None = API_KEY, **headers: str):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            named["X-API-Key"] = key
        self.connection.request(method, path, body=body, headers=named)
        return self.connection.getresponse()

    def ask(self, method: str, path: str, body=None, key: str | None = API_KEY, **headers: str):
        """Returns the status, the headers and the whole body."""
        answer = self.send(method, path, body, key, **headers)
        return answer.status, answer.headers, answer.read()

    def close(self) -> None:
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def events(stream):
    """Yields the events of a stream, as they arrive."""
    event: dict[str, str] = {}
    while line := stream.readline():
        text = line.decode().rstrip("\r\n")
        if not text:
            if "data" in event:
                yield event["event"], json.loads(event["data"])
            event = {}
        elif not text.startswith(":"):
            name, _, value = text.partition(":")
            event[name] = value.removeprefix(" ")
