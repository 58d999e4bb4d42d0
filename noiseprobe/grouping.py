"""The name of the sweep that a process works for: by it the runs of a sweep's cells are found together."""

import os
from collections.abc import Sequence

from noiseprobe.hashing import digest

SWEEP = "NOISEPROBE_SWEEP"
ELSEWHERE = ("force=", "fail_fast=", "logger", "trainer", "paths.", "hydra")  # where and how, not what


def group() -> str | None:
    """The sweep that this process works for; None for a single cell."""
    return os.environ.get(SWEEP)


def join(name: str | None) -> None:
    """Work for a sweep, or for none, with all processes that this one starts."""
    if name is None:
        os.environ.pop(SWEEP, None)
    else:
        os.environ[SWEEP] = name


def sweep_name(sweep: str | None, overrides: Sequence[str]) -> str:
    """The same for the same command, wherever it runs.

    Args:
        sweep: what the configuration calls it.
        overrides: of the command line.

    >>> sweep_name("fig5", ["seed=1,2"]) == sweep_name("fig5", ["seed=1,2", "trainer=gpu"]) != sweep_name("fig5", [])
    True
    """
    own = sorted(o for o in overrides if not o.startswith(ELSEWHERE))
    return f"{sweep or 'sweep'}-{digest(own)[:8]}"
