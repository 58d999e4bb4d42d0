"""`noiseprobe.probe`: what the command line does, from Python, on any model with the `MusicLM` interface."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from noiseprobe import checks
from noiseprobe.cell import run
from noiseprobe.composing import composed, conf_dir, options
from noiseprobe.config import Config, check
from noiseprobe.data.given import NAME as MEMORY
from noiseprobe.data.given import keep, listed
from noiseprobe.errors import NoiseprobeError
from noiseprobe.processes import check_launched
from noiseprobe.results.load import Results, load_results
from noiseprobe.surroundings import apart

if TYPE_CHECKING:
    from noiseprobe.models.base import MusicLM
    from noiseprobe.models.held import Held

NAMES = ["model.name", "data.name"]  # which arguments only propose
log = logging.getLogger(__name__)


@apart()
def probe(
    model: "str | PathLike[str] | MusicLM",
    clips: str | PathLike[str] | Mapping[str, Any],
    noise: str | Mapping[str, Any] = "white",
    *,
    results: str | PathLike[str] = "results",
    overrides: Mapping[str, Any] | None = None,
) -> Results:
    """Score clips clean and corrupted with a model: one cell, as `python -m noiseprobe` runs it.

    The same model, clips and noise give the same folder and the same tables as the command. A finished cell is read, an
    unfinished one goes on clip by clip. Autocast, defaults and precisions of torch that the caller has set have no part
    in it, and are afterwards as before; calls from several threads wait for each other.

    Args:
        model: an option of the command's `model=`, a folder with a checkpoint, or an object. An object is scored as it
            is, in the types of its parameters; its device and modes are afterwards what they were.
        clips: an option of `data=`, a folder or file of audio, or by name audio in memory, `(samples, rate)` with
            samples [N] or [C, N] of numpy or torch; `keep` in `noiseprobe.data.given` says what names mean.
        noise: an option of `noise=`, or a kind with its keys, `{"kind": "white", "length": [0.5, 1]}`.
        results: the folder of cells.
        overrides: any other key of the configuration with its value, named as on the command line.

    Returns:
        The cell's tables.

    Raises:
        NoiseprobeError: for what the caller can mend.

    Example:
        >>> import noiseprobe
        >>> r = noiseprobe.probe("tiny", "demo", overrides={"noise.length": [0.5, 1]})  # doctest: +SKIP
        >>> r.cells[["variant", "delta", "delta_se"]]  # doctest: +SKIP
    """
    overrides = dict(overrides or {})
    folder = checks.path("results", str(results))
    keys = {"paths.results": folder, **_model(model), **_clips(clips), **_noise(noise)}
    if twice := [key for key in overrides if key in keys and key not in NAMES]:
        raise NoiseprobeError(f"overrides: {twice[0]} is said by another argument too, expected it once")
    cfg = composed(keys | overrides)
    held = None if isinstance(model, str | PathLike) else _hold(model)
    config = _checked(cfg, held)
    if config.trainer.processes != 1:
        raise checks.refusal("trainer.devices", config.trainer.devices, "1; several processes are the command's")
    check_launched(1, sweep=False)
    _check_alone()
    if written := _written(clips, folder / "clips"):  # last: it may be gigabytes
        config = _checked(composed(keys | written | overrides), held)
    found = load_results(run(config) if held is None else _run_held(config, held))
    if len(found.rejected):  # the command prints it
        log.warning(f"{len(found.rejected)} rejected, with reasons in the results' table `rejected`")
    return found


def _check_alone() -> None:
    """A cell would end a group of processes.

    Raises:
        NoiseprobeError: within one.
    """
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        raise NoiseprobeError("trainer: got a process group of torch.distributed, expected a process without one")


def _model(model: Any) -> dict[str, Any]:
    known = options("model")
    if isinstance(model, str) and model in known:
        return {"model": model}
    if isinstance(model, str | PathLike):
        if not checks.exists(Path(model).expanduser(), "dir"):
            raise checks.refusal("model", model, f"a folder that exists, or one of {', '.join(known)}")
        return {"model": "local", "model.path": str(model)}
    from noiseprobe.models.base import MusicLM

    if not isinstance(model, MusicLM):
        expected = "a name, a folder, or an object whose class inherits noiseprobe.MusicLM (docs/python.md)"
        raise checks.refusal("model", f"a {type(model).__name__}", expected)
    return {"model": "local", "model.name": type(model).__name__}


def _hold(model: "MusicLM") -> "Held":
    from noiseprobe.models.own import hold

    return hold(model)


def _checked(cfg: DictConfig, held: "Held | None") -> Config:
    """The configuration; the precision of an object is what it has."""
    if held is None:
        return check(cfg)
    if cfg.precision not in ["auto", held.precision]:
        raise checks.refusal("precision", cfg.precision, f"auto: an object is scored as it is, in {held.precision}")
    cfg.precision = "auto"
    config = check(cfg, held=True)
    return replace(config, precision=held.precision, model=replace(config.model, backend=held.backend))


def _run_held(config: Config, held: "Held") -> Path:
    from noiseprobe.models.own import lent

    with lent(held.model):
        return run(config, held)


def _clips(clips: Any) -> dict[str, Any]:
    """The keys of clips; of those that `_written` has to write, with a folder that is there in place of theirs."""
    known = options("data")
    if isinstance(clips, str) and clips in known:
        return {"data": clips}
    if isinstance(clips, Mapping):
        return {"data": "folder", "data.root": conf_dir(), "data.name": MEMORY}
    if not isinstance(clips, str | PathLike):
        expected = "a name, a folder or file, or a mapping of names to (samples, rate)"
        raise checks.refusal("clips", f"a {type(clips).__name__}", expected)
    path = Path(clips).expanduser()
    if checks.exists(path, "file"):
        whole = path.absolute()
        return {"data": "folder", "data.root": whole.parent, "data.name": path.stem, "data.manifest": None}
    if not checks.exists(path, "dir"):
        raise checks.refusal("clips", clips, f"a folder or file that exists, or one of {', '.join(known)}")
    return {"data": "folder", "data.root": path}


def _written(clips: Any, folder: Path) -> dict[str, Any]:
    """What clips that aren't a folder are read from, once it is there; nothing for others."""
    if isinstance(clips, Mapping):
        return {"data.root": keep(clips, folder)}
    if (isinstance(clips, str) and clips in options("data")) or checks.exists(Path(clips).expanduser(), "dir"):
        return {}
    return {"data.manifest": listed(Path(clips).expanduser().absolute(), folder)}


def _noise(noise: Any) -> dict[str, Any]:
    if not isinstance(noise, Mapping):
        return {"noise": noise}
    if "kind" not in noise:
        raise checks.refusal("noise", dict(noise), 'a name, or a mapping with "kind" in it')
    return {"noise": noise["kind"]} | {f"noise.{key}": value for key, value in noise.items() if key != "kind"}
