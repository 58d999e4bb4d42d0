"""A server of commands: it has imported what a cell needs, and each command is a process forked from it.

Each line of its input is a command in JSON, and the answer is a line with the exit status.
"""

import gc
import json
import os
import runpy
import signal
import sys

import noiseprobe.callbacks.sweep
import noiseprobe.evaluate
import noiseprobe.models.backends.transformers
import noiseprobe.report.html  # noqa: F401


def main() -> None:
    gc.freeze()  # pages stay shared, and collections are short
    for line in sys.stdin:
        command = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become(**command)
            runpy.run_module("noiseprobe", run_name="__main__", alter_sys=True)
            break
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def become(arguments: list[str], cwd: str, env: dict[str, str], output: list[str], limit: int) -> None:
    """What a process of its own would have been given; after a limit in seconds it ends."""
    signal.alarm(limit)
    for descriptor, path in enumerate([os.devnull, *output]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[1:] = arguments
    sys.path[0] = cwd


if __name__ == "__main__":
    main()
