"""The name of the sweep that a process works for: by it the runs of a sweep's cells are found together."""

import os
import re
from collections.abc import Sequence

from noiseprobe.hashing import digest

SWEEP = "NOISEPROBE_SWEEP"
# Keys that say where and how, and change no number.
ELSEWHERE = (
    "force", "fail_fast", "strict", "logger", "trainer", "paths", "hydra", "figures", "report", "keep_audio",
    "keep_nll", "cache", "cache_gb", "verdicts", "data.num_workers", "data.batch_size",
)  # fmt: skip


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
    return f"{sweep or 'sweep'}-{digest(sorted(measured(overrides)))[:8]}"


def measured(overrides: Sequence[str]) -> list[str]:
    """Those overrides that say what is measured.

    >>> measured(["noise=pink", "force=true", "trainer.devices=2", "data.num_workers=4", "data.limit=3"])
    ['noise=pink', 'data.limit=3']
    """
    return [o for o in overrides if not re.match(rf"[+~]*({'|'.join(map(re.escape, ELSEWHERE))})([=./@]|$)", o)]
