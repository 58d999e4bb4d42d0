"""The configuration as the code sees it: typed, checked, with every default resolved.

`check` turns what Hydra composed into a frozen `Config` or raises a `NoiseprobeError` that names the key, the value and
what is allowed. It loads nothing and takes milliseconds, so all cells of a sweep are checked before the first starts.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from noiseprobe.errors import NoiseprobeError
from noiseprobe.variants import PAPER_LENGTHS, Variant, seconds_of_frames

MAX_DURATION = 30.0  # seconds; the longest that the released MusicGen models were trained on
MARGIN = 1.0  # seconds that a clip must go on after the noise

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
    _choice("logger.name", logger.get("name"), list(LOGGER_KEYS))
    _keys("logger", logger, LOGGER_KEYS[logger["name"]])
    checked_data = _data(data)
    return Config(
        model=_model(model),
        data=checked_data,
        noise=_noise(noise, checked_data.duration),
        trainer=_trainer(trainer),
        logger=logger,
        paths=PathsConfig(Path(_text("paths.results", paths["results"])).expanduser()),
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
        path = Path(_text("model.path", path)).expanduser()
        if not path.is_dir():
            raise _error("model.path", str(path), "a folder with config.json and the weights (save_pretrained layout)")
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
    root = Path(_text("data.root", raw["root"])).expanduser()
    if not root.is_dir():
        raise _error("data.root", str(root), "a folder that exists")
    manifest = raw["manifest"]
    if manifest is not None:
        manifest = Path(_text("data.manifest", manifest)).expanduser()
        if not manifest.is_file():
            raise _error("data.manifest", str(manifest), "a CSV file that exists")
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
    if raw["frames"] is not None:
        lengths = [seconds_of_frames(n) for n in _integers("noise.frames", raw["frames"], low=0)]
    elif raw["length"] is not None:
        lengths = _numbers("noise.length", raw["length"], low=0.0)
    else:
        lengths = list(PAPER_LENGTHS)
    onsets = _numbers("noise.onset", raw["onset"], low=0.0)
    variants = tuple(Variant(kind, onset, length) for onset in onsets for length in lengths)
    if len(set(variants)) < len(variants):
        key = "frames" if raw["length"] is None else "length"
        raise _error(f"noise.{key}", raw[key], "each length and each onset once")
    for v in variants:
        if v.onset + v.length + MARGIN > duration + 1e-9:
            raise _error(
                "noise.length", v.length,
                f"at most {max(duration - MARGIN - v.onset, 0):g} s: noise from {v.onset:g} s and {MARGIN:g} s after it"
                f" must fit in data.duration={duration:g}",
            )  # fmt: skip
    level, snr = raw["level"], raw["snr"]
    if isinstance(level, str):
        _choice("noise.level", level, ["match", "clip", "snr"], "or a number in dBFS")
    else:
        level = _number("noise.level", level)
    if snr is not None:
        snr = _number("noise.snr", snr)
    if (level == "snr") != (snr is not None):
        raise _error("noise.snr", snr, "a number in dB together with noise.level=snr, else null")
    return NoiseConfig(kind, variants, level, snr)


def _trainer(raw: dict[str, Any]) -> TrainerConfig:
    devices = raw["devices"]
    if devices != "auto" and not isinstance(devices, list):
        devices = _integer("trainer.devices", devices, low=1)
    return TrainerConfig(
        accelerator=_choice("trainer.accelerator", raw["accelerator"], ["auto", "cpu", "gpu", "cuda", "mps"]),
        devices=devices,
        num_nodes=_integer("trainer.num_nodes", raw["num_nodes"], low=1),
        strategy=_choice("trainer.strategy", raw["strategy"], ["auto", "ddp"]),
    )


# Checks of single values. Each returns the value or raises with key, value and what is allowed.


def _error(key: str, value: Any, expected: str) -> NoiseprobeError:
    shown = "null" if value is None else value
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
    if not isinstance(value, str) or not value.strip():
        raise _error(key, value, "a text")
    return value


def _choice(key: str, value: Any, allowed: list[str], more: str = "") -> str:
    if value not in allowed:
        raise _error(key, value, " ".join(["one of", ", ".join(allowed), more]).strip())
    return str(value)


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _error(key, value, "true or false")
    return value


def _number(key: str, value: Any, low: float = -math.inf, open_low: bool = False) -> float:
    bounds = "" if low == -math.inf else f" {'above' if open_low else 'of at least'} {low:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _error(key, value, f"a number{bounds}")
    if value < low or (open_low and value == low):
        raise _error(key, value, f"a number{bounds}")
    return float(value)


def _integer(key: str, value: Any, low: int) -> int:
    number = _number(key, value, low)
    if number != int(number):
        raise _error(key, value, f"a whole number of at least {low}")
    return int(number)


def _optional_integer(key: str, value: Any, low: int) -> int | None:
    return None if value is None else _integer(key, value, low)


def _numbers(key: str, value: Any, low: float) -> list[float]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise _error(key, value, "a number or a list with at least one")
    return [_number(key, v, low) for v in values]


def _integers(key: str, value: Any, low: int) -> list[int]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise _error(key, value, "a whole number or a list with at least one")
    return [_integer(key, v, low) for v in values]
