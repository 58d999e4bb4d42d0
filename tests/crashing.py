"""Commands that are hit while they run: killed, signalled, or given a full disk, at a moment that a test chooses.

    from crashing import Commands
    with Commands() as commands:
        running = commands.start("seed=1,2", "-m", cwd=tmp_path, hit=Hit("kill", 3))
        running.wait()

A command is a process forked from a server that has done the imports (`forking`), and the leader of a group of its
own, so that its workers are killed with it. A hit falls on the n-th time that the process is about to move, remove or
make something: but for temporary files, what lies on the disk changes there and nowhere else.
"""

import errno
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

STEPS = ["replace", "unlink", "rmdir", "mkdir"]  # of os; pathlib, shutil and tempfile call them
BELOW = "results"


@dataclass(frozen=True)
class Hit:
    """What happens at the n-th step below `results` (the first is 1) in whose path is `at`: kill, interrupt, terminate,
    or full, which goes on: from there on no file gets its place, as on a full disk.
    """

    what: str = "nothing"
    n: int = 1
    at: str = "/"


@dataclass
class Command:
    """A command that was started."""

    pid: int
    commands: "Commands"
    folder: Path

    def wait(self, seconds: float = 300.0) -> int | None:
        """The exit status, negative for a signal; None if it runs still."""
        status = self.commands.ask(wait=self.pid, seconds=seconds).strip()
        return int(status) if status else None

    def send(self, number: int) -> None:
        """A signal to it and to all its workers."""
        os.killpg(self.pid, number)

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    @property
    def steps(self) -> list[str]:
        """The steps that it took, so far."""
        path = self.folder / "steps"
        return path.read_text().splitlines() if path.exists() else []


class Commands:
    """The server, for as long as the block lasts."""

    def __enter__(self) -> "Commands":
        self.server = subprocess.Popen(
            [sys.executable, __file__], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_ENDPOINT": "http://127.0.0.1:9"},
        )  # fmt: skip
        self.numbers = count()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.communicate()

    def start(self, *arguments: str, cwd: Path, hit: Hit | None = None, **env: str) -> Command:
        folder = cwd / f".command-{next(self.numbers)}"
        folder.mkdir()
        request = {
            "arguments": arguments, "cwd": str(cwd), "env": {**os.environ, "OMP_NUM_THREADS": "1", **env},
            "output": [str(folder / "out"), str(folder / "err")], "limit": 300,
        }  # fmt: skip
        pid = self.ask(start=request, hit=asdict(hit or Hit()), steps=str(folder / "steps"))
        return Command(int(pid), self, folder)

    def ask(self, **request: Any) -> str:
        assert self.server.stdin
        assert self.server.stdout
        print(json.dumps(request), file=self.server.stdin, flush=True)
        return self.server.stdout.readline()


def main() -> None:
    import forking  # the heavy imports

    forking.gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            print(status(request["wait"], request["seconds"]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            os.setsid()
            forking.become(**request["start"])
            watch(Hit(**request["hit"]), request["steps"])
            runpy.run_module("noiseprobe", run_name="__main__", alter_sys=True)
            break
        print(pid, flush=True)


def status(pid: int, seconds: float) -> int | str:
    """The exit status, or nothing if it runs still after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, found = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(found)
        time.sleep(0.005)
    return ""


def watch(hit: Hit, notes: str) -> None:
    """Have the hit fall, and each step noted."""
    below = os.path.abspath(BELOW)
    lock, numbers = threading.Lock(), count(1)
    written = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    full = threading.Event()

    def stepping(name: str) -> None:
        step = getattr(os, name)

        def stepped(path: Any, *args: Any, **kwargs: Any) -> Any:
            target = os.path.abspath(args[0] if name == "replace" else path)
            if (folder := kwargs.get("dir_fd")) is not None:  # shutil.rmtree's way
                target = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
            # A part that has got its place is removed once more, in vain.
            if target.startswith(below) and not (name == "unlink" and target.endswith(".part")):
                with lock:
                    os.write(written, f"{name} {target}\n".encode())
                    if hit.at in target and next(numbers) == hit.n:
                        strike(hit.what)
                if full.is_set() and name in ["replace", "mkdir"]:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return step(path, *args, **kwargs)

        setattr(os, name, stepped)

    def strike(what: str) -> None:
        if what == "kill":
            os.killpg(0, signal.SIGKILL)
        elif what == "full":
            full.set()
        elif what != "nothing":
            os.kill(os.getpid(), {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}[what])

    for name in STEPS:
        stepping(name)


if __name__ == "__main__":
    main()
