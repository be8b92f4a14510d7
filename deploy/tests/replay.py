"""Replays the last stage of a Dockerfile in a root of Debian's own, and starts what it holds as an engine would: read-only, as its user.

Usage: replay.py DOCKERFILE PROGRAM    where PROGRAM is the directory that the stage before would have made; needs root
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dockerfile_parse import DockerfileParser

from support import API_KEY, free_port


def last_stage(dockerfile: str) -> list[tuple[str, str]]:
    stage: list[tuple[str, str]] = []
    for instruction in DockerfileParser(dockerfile).structure:
        if instruction["instruction"] == "FROM":
            stage = []
        if instruction["instruction"] != "COMMENT":
            stage.append((instruction["instruction"], instruction["value"]))
    return stage


class Image:
    """What the instructions have made so far."""

    def __init__(self, root: Path, program: Path):
        self.root, self.program = root, program
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.user, self.workdir = "0:0", "/"
        self.entrypoint: list[str] = []
        self.command: list[str] = []
        self.health: list[str] = []
        self.volumes: list[str] = []

    def chroot(self, command: list[str], user: str = "0:0") -> list[str]:
        return ["chroot", f"--userspec={user}", str(self.root), *command]

    def apply(self, name: str, value: str) -> None:
        print(f"replay: {name} {value}", file=sys.stderr)
        match name:
            case "FROM":
                image, release = value.split()[0].removesuffix("-slim").split(":")
                assert image == "debian", value
                subprocess.run(["debootstrap", "--variant=minbase", release, str(self.root)], check=True, stdout=2)
            case "RUN":
                subprocess.run(self.chroot(["/bin/sh", "-c", value]), env=self.env, check=True, stdout=2)
            case "COPY":
                origin, source, target = value.split()
                assert (origin, source) == ("--from=build", "/opt/axis"), value
                shutil.copytree(self.program, self.root / target.removeprefix("/"), symlinks=True)
            case "ENV":
                self.env |= dict(word.split("=", 1) for word in shlex.split(value))
            case "WORKDIR":
                self.workdir = value
            case "VOLUME":
                self.volumes = json.loads(value)
            case "USER":
                self.user = value
            case "HEALTHCHECK":
                self.health = json.loads(value.split(" CMD ")[1])
            case "ENTRYPOINT":
                self.entrypoint = json.loads(value)
            case "CMD":
                self.command = json.loads(value)
            case "EXPOSE":
                pass
            case _:
                raise AssertionError(f"{name} is not known here")

    def inside(self, command: list[str]) -> list[str]:
        """Runs in a mount namespace of its own, where the root is read-only but for the volumes and /tmp."""
        root = str(self.root)
        script = [f"mount --bind {root} {root}"]
        script += [f"mount --bind {root}{volume} {root}{volume}" for volume in self.volumes]
        script += [f"mount -t tmpfs tmpfs {root}/tmp", f"mount -t proc proc {root}/proc"]
        script += [f"mount -o remount,bind,ro {root}"]
        work = f"cd {self.workdir} && exec " + shlex.join(command)
        script += ["exec " + shlex.join(self.chroot(["/bin/sh", "-c", work], self.user))]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-ec", "\n".join(script)]


def main(dockerfile: str, program: str) -> None:
    assert os.getuid() == 0, "a root of its own is root's to make"
    with tempfile.TemporaryDirectory(prefix="axis-replay-") as directory:
        root = Path(directory) / "root"
        image = Image(root, Path(program))
        for name, value in last_stage(dockerfile):
            image.apply(name, value)
        port = free_port()
        env = image.env | {"PORT": str(port), "AXIS_API_KEY": API_KEY, "HOST": "127.0.0.1"}
        refused = subprocess.run(image.inside(["touch", "/app/custom/x"]), env=env, capture_output=True, text=True)
        assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr, refused.stderr
        server = subprocess.Popen(image.inside([*image.entrypoint, *image.command]), env=env, stdout=2)
        try:
            deadline = time.monotonic() + 60
            while (code := subprocess.run(image.inside(image.health), env=env, stdout=2).returncode) != 0:
                assert server.poll() is None and time.monotonic() < deadline, f"the health check ends with {code}"
                time.sleep(0.2)
            store = root / "app/data/local_store.duckdb"
            assert store.stat().st_uid == 10001, "the store belongs to the image's user"
            # As an engine stops it: the signal goes to the first process of the namespace.
            os.kill(int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()), signal.SIGTERM)
            assert server.wait(60) == 0, "the server ends well when it is told to stop"
            print("replay: the image is healthy, read-only, its user's own, and stops when it is told to", file=sys.stderr)
        finally:
            # `unshare` takes its child with it.
            server.kill()
            server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
