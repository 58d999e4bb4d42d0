"""The configuration as the code sees it: typed, checked, with every default resolved.

`check` turns what Hydra composed into a frozen `Config` or raises a `NoiseprobeError` that names the key, the value and
what is allowed. It loads nothing and takes milliseconds, so all cells of a sweep are checked before the first starts.
"""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf

from noiseprobe.errors import NoiseprobeError
from noiseprobe.variants import PAPER_FRAME_RATE, PAPER_LENGTHS, Variant, seconds_of_frames

T = TypeVar("T")

MAX_DURATION = 30.0  # seconds; the longest that the released MusicGen models were trained on
MARGIN = 1.0  # seconds that a clip must go on after the noise
SHORTEST = 0.001  # seconds of noise, where there is any
MAX_DB = 200.0  # levels beyond are typing errors, and overflow float32 further out
MAX_INTEGER = 2**63 - 1  # what the tables can hold

PACKAGE = Path(__file__).resolve().parent
OmegaConf.register_new_resolver("package", lambda path: str(PACKAGE / path), replace=True)


@dataclass(frozen=True)
class ModelConfig:
    name: str
    backend: str
    path: Path | None
    hub: str | None
    revision: str | None


@dataclass(frozen=True)
class DataConfig:
    name: str
    source: str
    root: Path
    manifest: Path | None
    duration: float
    start: float
    clips_per_file: int | None
    limit: int | None
    batch_size: int
    num_workers: int


@dataclass(frozen=True)
class NoiseConfig:
    kind: str
    variants: tuple[Variant, ...]
    level: str | float
    snr: float | None


@dataclass(frozen=True)
class TrainerConfig:
    accelerator: str
    devices: Any
    num_nodes: int
    strategy: str


@dataclass(frozen=True)
class PathsConfig:
    results: Path


@dataclass(frozen=True)
class Config:
    model: ModelConfig
    data: DataConfig
    noise: NoiseConfig
    trainer: TrainerConfig
    logger: Mapping[str, Any]
    paths: PathsConfig
    scoring: str
    precision: str
    seed: int
    strict: bool
    force: bool
    fail_fast: bool


NOISE_KEYS = ["kind", "length", "frames", "onset", "level", "snr"]
LOGGER_KEYS = {"none": ["name"], "csv": ["name"], "wandb": ["name", "project", "entity", "offline"]}


def check(cfg: DictConfig) -> Config:
    """The checked configuration of one cell.

    Raises:
        NoiseprobeError: for a key or value that isn't allowed.
    """
    raw = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
    _keys("", raw, [f.name for f in fields(Config)])
    model, data, noise, trainer, logger, paths = (
        _section(raw, name) for name in ["model", "data", "noise", "trainer", "logger", "paths"]
    )
    _keys("model", model, [f.name for f in fields(ModelConfig)])
    _keys("data", data, [f.name for f in fields(DataConfig)])
    _keys("noise", noise, NOISE_KEYS)
    _keys("trainer", trainer, [f.name for f in fields(TrainerConfig)])
    _keys("paths", paths, ["results"])
    checked_data = _data(data)
    return Config(
        model=_model(model),
        data=checked_data,
        noise=_noise(noise, checked_data.duration),
        trainer=_trainer(trainer),
        logger=_logger(logger),
        paths=PathsConfig(_path("paths.results", paths["results"])),
        scoring=_choice("scoring", raw["scoring"], ["delay", "parallel"]),
        precision=_choice("precision", raw["precision"], ["fp32", "bf16"]),
        seed=_integer("seed", raw["seed"], low=0),
        strict=_boolean("strict", raw["strict"]),
        force=_boolean("force", raw["force"]),
        fail_fast=_boolean("fail_fast", raw["fail_fast"]),
    )


def modules(folder: str) -> list[str]:
    """The names that a folder of the package offers: one module, one name; `base` and private ones aside."""
    return sorted(p.stem for p in (PACKAGE / folder).glob("*.py") if p.stem != "base" and not p.stem.startswith("_"))


def _model(raw: dict[str, Any]) -> ModelConfig:
    path = raw["path"]
    if path is not None:
        path = _path("model.path", path)
        if not _is(path, "dir"):
            raise _error("model.path", path, "a folder with config.json and the weights (save_pretrained layout)")
    elif raw["hub"] is None:
        raise _error("model.path", None, "a folder, since this model has no model.hub to fetch from")
    return ModelConfig(
        name=_text("model.name", raw["name"]),
        backend=_choice("model.backend", raw["backend"], ["transformers"]),
        path=path,
        hub=None if raw["hub"] is None else _text("model.hub", raw["hub"]),
        revision=None if raw["revision"] is None else _text("model.revision", raw["revision"]),
    )


def _data(raw: dict[str, Any]) -> DataConfig:
    if raw["root"] is None:
        raise _error("data.root", None, "a folder of wav, flac, ogg or mp3 files, such as data.root=~/music")
    root = _path("data.root", raw["root"])
    if not _is(root, "dir"):
        raise _error("data.root", root, "a folder that exists")
    manifest = raw["manifest"]
    if manifest is not None:
        manifest = _path("data.manifest", manifest)
        if not _is(manifest, "file"):
            raise _error("data.manifest", manifest, "a CSV file that exists")
    duration = _number("data.duration", raw["duration"], low=0.0, open_low=True)
    if duration > MAX_DURATION:
        raise _error("data.duration", duration, f"at most {MAX_DURATION:g} s, the released models' maximum")
    name = root.resolve().name if raw["name"] is None else _text("data.name", raw["name"])
    return DataConfig(
        name=name,
        source=_choice("data.source", raw["source"], ["folder"]),
        root=root,
        manifest=manifest,
        duration=duration,
        start=_number("data.start", raw["start"], low=0.0),
        clips_per_file=_optional_integer("data.clips_per_file", raw["clips_per_file"], low=1),
        limit=_optional_integer("data.limit", raw["limit"], low=1),
        batch_size=_integer("data.batch_size", raw["batch_size"], low=1),
        num_workers=_integer("data.num_workers", raw["num_workers"], low=0),
    )


def _noise(raw: dict[str, Any], duration: float) -> NoiseConfig:
    kind = _choice("noise.kind", raw["kind"], modules("noise"))
    if raw["length"] is not None and raw["frames"] is not None:
        raise _error("noise.frames", raw["frames"], f"null while noise.length is {raw['length']}: set one of the two")
    key = "noise.length" if raw["frames"] is None else "noise.frames"
    if raw["frames"] is not None:
        lengths = [seconds_of_frames(n) for n in _list(key, raw["frames"], lambda k, v: _integer(k, v, low=0))]
    elif raw["length"] is not None:
        lengths = _list(key, raw["length"], lambda k, v: _number(k, v, low=0.0))
    else:
        lengths = list(PAPER_LENGTHS)
    onsets = _list("noise.onset", raw["onset"], lambda k, v: _number(k, v, low=0.0))
    for onset in onsets:
        if onset + MARGIN > duration:
            after = f"{MARGIN:g} s after the noise must fit in data.duration={duration:g}"
            raise _error("noise.onset", onset, f"at most {max(duration - MARGIN, 0):g} s: {after}")
    for length in lengths:
        if 0 < length < SHORTEST:
            raise _error(key, length, f"0 or at least {SHORTEST:g} s")
        if max(onsets) + length + MARGIN > duration + 1e-9:
            room = max(duration - MARGIN - max(onsets), 0)
            fit = f"noise from {max(onsets):g} s and {MARGIN:g} s after it must fit in data.duration={duration:g}"
            got = f"{length:g} s" if raw["frames"] is None else f"{length * PAPER_FRAME_RATE:g} frames"
            raise _error(key, got, f"at most {room:g} s: {fit}")
    if len(set(onsets)) < len(onsets):
        raise _error("noise.onset", raw["onset"], "each onset once")
    variants = sorted({Variant(kind, onset, length) for onset in onsets for length in lengths}, key=_by_time)
    if len(variants) < len(onsets) * len(lengths):
        raise _error(key, raw["length"] if raw["frames"] is None else raw["frames"], "each length once")
    level, snr = raw["level"], raw["snr"]
    if isinstance(level, int | float) and not isinstance(level, bool):
        level = _number("noise.level", level, -MAX_DB, MAX_DB)
    else:
        level = _choice("noise.level", level, ["match", "clip", "snr"], "or a number in dBFS")
    if snr is not None:
        snr = _number("noise.snr", snr, -MAX_DB, MAX_DB)
    if (level == "snr") != (snr is not None):
        raise _error("noise.snr", snr, "a number in dB together with noise.level=snr, else null")
    return NoiseConfig(kind, tuple(variants), level, snr)


def _by_time(variant: Variant) -> tuple[float, float]:
    return variant.onset, variant.length


def _trainer(raw: dict[str, Any]) -> TrainerConfig:
    devices = raw["devices"]
    if isinstance(devices, list):
        devices = _list("trainer.devices", devices, lambda k, v: _integer(k, v, low=0))
    elif devices != "auto":
        devices = _integer("trainer.devices", devices, low=1)
    return TrainerConfig(
        accelerator=_choice("trainer.accelerator", raw["accelerator"], ["auto", "cpu", "gpu", "cuda", "mps"]),
        devices=devices,
        num_nodes=_integer("trainer.num_nodes", raw["num_nodes"], low=1),
        strategy=_choice("trainer.strategy", raw["strategy"], ["auto", "ddp"]),
    )


def _logger(raw: dict[str, Any]) -> dict[str, Any]:
    name = _choice("logger.name", raw.get("name"), list(LOGGER_KEYS))
    _keys("logger", raw, LOGGER_KEYS[name])
    if name == "wandb":
        _text("logger.project", raw["project"])
        if raw["entity"] is not None:
            _text("logger.entity", raw["entity"])
        _boolean("logger.offline", raw["offline"])
    return raw


# Checks of single values. Each returns the value or raises with key, value and what is allowed.


def _error(key: str, value: Any, expected: str) -> NoiseprobeError:
    shown = "null" if value is None else str(value)
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown)  # one line, whatever the value
    return NoiseprobeError(f"{key}: got {shown}, expected {expected}")


def _section(raw: dict[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(raw[name], dict):
        raise _error(name, raw[name], f"one of the group's options ({name}=OPTION; --help lists them)")
    return raw[name]


def _keys(section: str, raw: dict[str, Any], known: list[str]) -> None:
    prefix = f"{section}." if section else ""
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known keys: {', '.join(prefix + k for k in known)}"
            raise NoiseprobeError(f"{prefix}{key}: unknown key; {hint}")
    for key in known:
        if key not in raw:
            raise NoiseprobeError(f"{prefix}{key}: missing; the option's yaml must set it (null where it has no value)")


def _text(key: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # Hydra reads a folder called 2024 as a number
    if not isinstance(value, str) or not value.strip() or value == "???":
        raise _error(key, value, "a text")
    return value


def _path(key: str, value: Any) -> Path:
    try:
        return Path(_text(key, value)).expanduser()
    except RuntimeError as error:  # ~nobody
        raise _error(key, value, "a path whose user exists") from error


def _is(path: Path, what: str) -> bool:
    try:
        return path.is_dir() if what == "dir" else path.is_file()
    except OSError:  # a name that is too long, for one
        return False


def _choice(key: str, value: Any, allowed: list[str], more: str = "") -> str:
    if value not in allowed:
        raise _error(key, value, " ".join(["one of", ", ".join(allowed), more]).strip())
    return str(value)


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _error(key, value, "true or false")
    return value


def _number(key: str, value: Any, low: float = -math.inf, high: float = math.inf, open_low: bool = False) -> float:
    bounds = [f"{'above' if open_low else 'of at least'} {low:g}"] if low > -math.inf else []
    bounds += [f"of at most {high:g}"] if high < math.inf else []
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or not math.isfinite(value) or (open_low and value == low):
        raise _error(key, value, " ".join(["a number", " and ".join(bounds)]).strip())
    return float(value)


def _integer(key: str, value: Any, low: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= MAX_INTEGER:
        raise _error(key, value, f"a whole number of at least {low} and at most {MAX_INTEGER}")
    return value


def _optional_integer(key: str, value: Any, low: int) -> int | None:
    return None if value is None else _integer(key, value, low)


def _list(key: str, value: Any, one: Callable[[str, Any], T]) -> list[T]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise _error(key, value, "a number or a list with at least one")
    return [one(key, v) for v in values]
