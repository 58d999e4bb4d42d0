"""Weights & Biases runs: begun before anything is scored, finished with an exit code whatever happens.

A run's id depends on what it is of and on nothing else, so what is done again, or goes on after an interruption,
continues the run that is there. A run that was written to disk alone (`offline`) and is begun again begins anew: what
the first one held is measured once more, and `wandb sync` would have to merge the two.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noiseprobe.errors import NoiseprobeError, reason
from noiseprobe.files import write_json
from noiseprobe.hashing import digest

MARK = "wandb.json"  # beside the tables: where they have been shown
LONGEST_TAG, LONGEST_NAME = 64, 128  # characters that Weights & Biases takes


@dataclass(frozen=True)
class About:
    """What tells one run from others.

    Attributes:
        name: shown, and hashed into the id.
        kind: `job_type`, by which the page can group runs.
        group: of the runs that belong together; None: none.
        tags: texts to find it by.
    """

    name: str
    kind: str
    group: str | None = None
    tags: Sequence[str] = ()

    @property
    def id(self) -> str:
        """16 hexadecimal digits.

        >>> About("tiny-demo-white-b8521c56", "tiny").id
        '878a7e92661d3e00'
        """
        return digest(self.name)[:16]


@contextmanager
def running(options: Mapping[str, Any], folder: Path, about: About, code: int = 0) -> Iterator[Any]:
    """A run, for as long as the block lasts.

    Args:
        options: of the configuration's section `logger`.
        folder: where it keeps its files, in `wandb`, and what says afterwards that it was shown.
        about: the run.
        code: its exit code; 1 if the block raises.

    Raises:
        NoiseprobeError: if Weights & Biases can't begin one, or has left nothing at its end.
    """
    run = _begin(options, folder, about)
    try:
        yield run
    except BaseException:
        code = 1
        raise
    finally:
        run.finish(exit_code=code)
    if is_offline(options) and not list(Path(run.dir).parent.glob("*.wandb")):
        raise NoiseprobeError(f"logger: wandb left nothing in {Path(run.dir).parent}; the same command tries again")
    write_json(folder / MARK, {"id": about.id, **_place(options)})


@contextmanager
def showing() -> Iterator[None]:
    """Around what is put into a run: what goes wrong there says nothing of the results.

    Raises:
        NoiseprobeError: in place of Weights & Biases' errors.
    """
    import wandb

    try:
        yield
    except (wandb.errors.Error, OSError, ValueError, TypeError) as error:
        said = f"{type(error).__name__}: {reason(error)}"
        raise NoiseprobeError(
            f"logger: the results are written, but wandb didn't take them ({said}); the same command tries again"
        ) from error


def is_offline(options: Mapping[str, Any]) -> bool:
    """Whether runs stay on disk: by the configuration, or as everywhere by the variable WANDB_MODE."""
    return bool(options["offline"]) or os.environ.get("WANDB_MODE") == "offline"


def where(run: Any, options: Mapping[str, Any]) -> str:
    """The page of a run, or its folder."""
    return str(Path(run.dir).parent) if is_offline(options) else str(run.url)


def was_shown(options: Mapping[str, Any], folder: Path) -> bool:
    """Whether what lies in a folder has been shown where these options say."""
    path = folder / MARK
    return path.exists() and _place(options).items() <= json.loads(path.read_text()).items()


def _place(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"project": options["project"], "entity": options["entity"], "offline": is_offline(options)}


def _begin(options: Mapping[str, Any], folder: Path, about: About) -> Any:
    import wandb  # slow, and it takes hold of the console

    offline = is_offline(options)
    if offline:
        for old in folder.glob(f"wandb/offline-run-*-{about.id}"):
            if not list(old.glob("*.synced")):
                shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # An absolute folder: the process that writes may be one that was started elsewhere, by another run.
        run = wandb.init(
            id=about.id, name=about.name, job_type=about.kind, group=about.group, tags=[_short(t) for t in about.tags],
            project=options["project"], entity=options["entity"], dir=folder.resolve(), allow_val_change=True,
            mode="offline" if offline else None, resume=None if offline else "allow",
            # A notebook's own run stays as it is.
            settings=wandb.Settings(quiet=True, silent=offline, reinit="create_new"),
        )  # fmt: skip
    except wandb.errors.Error as error:
        todo = "" if offline else "; log in (`wandb login`, or the variable WANDB_API_KEY), or logger.offline=true"
        raise NoiseprobeError(f"logger: wandb can't begin a run ({reason(error)}){todo}") from error
    return run


def artifact_name(kind: str, name: str) -> str:
    """A name that an artifact can have; of one that is too long the end stays, which tells cells apart.

    >>> artifact_name("model", "musicgen small/π"), artifact_name("results", "x" * 200 + "-b8521c56")[-12:]
    ('model-musicgen_small_', 'xxx-b8521c56')
    """
    text = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    return f"{kind}-{text[-(LONGEST_NAME - len(kind) - 1) :]}"


def _short(tag: str) -> str:
    """
    >>> _short("model=tiny"), len(_short("a" * 100))
    ('model=tiny', 64)
    """
    return tag if len(tag) <= LONGEST_TAG else tag[: LONGEST_TAG - 3] + "..."
