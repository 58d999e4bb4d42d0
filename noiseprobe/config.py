"""The configuration as the code sees it: typed, checked, with every default resolved.

`check` turns what Hydra composed into a frozen `Config` or raises a `NoiseprobeError` that names the key, the value and
what is allowed. It loads nothing and takes milliseconds, so all cells of a sweep are checked before the first starts.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from noiseprobe import checks
from noiseprobe.variants import PAPER_FRAME_RATE, PAPER_LENGTHS, Variant, seconds_of_frames

MAX_DURATION = 30.0  # seconds; the longest that the released MusicGen models were trained on
MARGIN = 1.0  # seconds that a clip must go on after the noise
SHORTEST = 0.001  # seconds of noise, where there is any
MAX_DB = 200.0  # levels beyond are typing errors, and overflow float32 further out

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

    @property
    def processes(self) -> int | None:
        """How many processes this asks for; None where the machine decides."""
        if self.devices == "auto" and self.accelerator != "cpu":
            return None
        devices = len(self.devices) if isinstance(self.devices, list) else 1 if self.devices == "auto" else self.devices
        return int(devices) * self.num_nodes


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
    keep_nll: bool
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
    checks.keys("", raw, [f.name for f in fields(Config)])
    model, data, noise, trainer, logger, paths = (
        checks.section(raw, name) for name in ["model", "data", "noise", "trainer", "logger", "paths"]
    )
    checks.keys("model", model, [f.name for f in fields(ModelConfig)])
    checks.keys("data", data, [f.name for f in fields(DataConfig)])
    checks.keys("noise", noise, NOISE_KEYS)
    checks.keys("trainer", trainer, [f.name for f in fields(TrainerConfig)])
    checks.keys("paths", paths, ["results"])
    checked_data = _data(data)
    return Config(
        model=_model(model),
        data=checked_data,
        noise=_noise(noise, checked_data.duration),
        trainer=_trainer(trainer),
        logger=_logger(logger),
        paths=PathsConfig(checks.path("paths.results", paths["results"])),
        scoring=checks.choice("scoring", raw["scoring"], ["delay", "parallel"]),
        precision=checks.choice("precision", raw["precision"], ["fp32", "bf16"]),
        seed=checks.integer("seed", raw["seed"], low=0),
        keep_nll=checks.boolean("keep_nll", raw["keep_nll"]),
        strict=checks.boolean("strict", raw["strict"]),
        force=checks.boolean("force", raw["force"]),
        fail_fast=checks.boolean("fail_fast", raw["fail_fast"]),
    )


def modules(folder: str) -> list[str]:
    """The names that a folder of the package offers: one module, one name; `base` and private ones aside."""
    return sorted(p.stem for p in (PACKAGE / folder).glob("*.py") if p.stem != "base" and not p.stem.startswith("_"))


def _model(raw: dict[str, Any]) -> ModelConfig:
    path = raw["path"]
    if path is not None:
        path = checks.path("model.path", path)
        if not checks.exists(path, "dir"):
            raise checks.refusal(
                "model.path", path, "a folder with config.json and the weights (save_pretrained layout)"
            )
    elif raw["hub"] is None:
        raise checks.refusal("model.path", None, "a folder, since this model has no model.hub to fetch from")
    return ModelConfig(
        name=checks.text("model.name", raw["name"]),
        backend=checks.choice("model.backend", raw["backend"], ["transformers"]),
        path=path,
        hub=None if raw["hub"] is None else checks.text("model.hub", raw["hub"]),
        revision=None if raw["revision"] is None else checks.text("model.revision", raw["revision"]),
    )


def _data(raw: dict[str, Any]) -> DataConfig:
    if raw["root"] is None:
        raise checks.refusal("data.root", None, "a folder of wav, flac, ogg or mp3 files, such as data.root=~/music")
    # Absolute and without "..": clip ids are paths relative to it, however it was written.
    root = Path(os.path.abspath(checks.path("data.root", raw["root"])))
    if not checks.exists(root, "dir"):
        raise checks.refusal("data.root", root, "a folder that exists")
    manifest = raw["manifest"]
    if manifest is not None:
        manifest = checks.path("data.manifest", manifest)
        if not checks.exists(manifest, "file"):
            raise checks.refusal("data.manifest", manifest, "a CSV file that exists")
    duration = checks.number("data.duration", raw["duration"], low=0.0, open_low=True)
    if duration > MAX_DURATION:
        raise checks.refusal("data.duration", duration, f"at most {MAX_DURATION:g} s, the released models' maximum")
    name = root.name if raw["name"] is None else checks.text("data.name", raw["name"])
    return DataConfig(
        name=name,
        source=checks.choice("data.source", raw["source"], ["folder"]),
        root=root,
        manifest=manifest,
        duration=duration,
        start=checks.number("data.start", raw["start"], low=0.0),
        clips_per_file=checks.optional_integer("data.clips_per_file", raw["clips_per_file"], low=1),
        limit=checks.optional_integer("data.limit", raw["limit"], low=1),
        batch_size=checks.integer("data.batch_size", raw["batch_size"], low=1),
        num_workers=checks.integer("data.num_workers", raw["num_workers"], low=0),
    )


def _noise(raw: dict[str, Any], duration: float) -> NoiseConfig:
    kind = checks.choice("noise.kind", raw["kind"], modules("noise"))
    if raw["length"] is not None and raw["frames"] is not None:
        raise checks.refusal(
            "noise.frames", raw["frames"], f"null while noise.length is {raw['length']}: set one of the two"
        )
    key = "noise.length" if raw["frames"] is None else "noise.frames"
    if raw["frames"] is not None:
        lengths = [
            seconds_of_frames(n) for n in checks.list_of(key, raw["frames"], lambda k, v: checks.integer(k, v, low=0))
        ]
    elif raw["length"] is not None:
        lengths = checks.list_of(key, raw["length"], lambda k, v: checks.number(k, v, low=0.0))
    else:
        lengths = list(PAPER_LENGTHS)
    onsets = checks.list_of("noise.onset", raw["onset"], lambda k, v: checks.number(k, v, low=0.0))
    for onset in onsets:
        if onset + MARGIN > duration:
            after = f"{MARGIN:g} s after the noise must fit in data.duration={duration:g}"
            raise checks.refusal("noise.onset", onset, f"at most {max(duration - MARGIN, 0):g} s: {after}")
    for length in lengths:
        if 0 < length < SHORTEST:
            raise checks.refusal(key, length, f"0 or at least {SHORTEST:g} s")
        if max(onsets) + length + MARGIN > duration + 1e-9:
            room = max(duration - MARGIN - max(onsets), 0)
            fit = f"noise from {max(onsets):g} s and {MARGIN:g} s after it must fit in data.duration={duration:g}"
            got = f"{length:g} s" if raw["frames"] is None else f"{length * PAPER_FRAME_RATE:g} frames"
            raise checks.refusal(key, got, f"at most {room:g} s: {fit}")
    if len(set(onsets)) < len(onsets):
        raise checks.refusal("noise.onset", raw["onset"], "each onset once")
    variants = sorted({Variant(kind, onset, length) for onset in onsets for length in lengths}, key=_by_time)
    if len(variants) < len(onsets) * len(lengths):
        raise checks.refusal(key, raw["length"] if raw["frames"] is None else raw["frames"], "each length once")
    level, snr = raw["level"], raw["snr"]
    if isinstance(level, int | float) and not isinstance(level, bool):
        level = checks.number("noise.level", level, -MAX_DB, MAX_DB)
    else:
        level = checks.choice("noise.level", level, ["match", "clip", "snr"], "or a number in dBFS")
    if snr is not None:
        snr = checks.number("noise.snr", snr, -MAX_DB, MAX_DB)
    if (level == "snr") != (snr is not None):
        raise checks.refusal("noise.snr", snr, "a number in dB together with noise.level=snr, else null")
    return NoiseConfig(kind, tuple(variants), level, snr)


def _by_time(variant: Variant) -> tuple[float, float]:
    return variant.onset, variant.length


def _trainer(raw: dict[str, Any]) -> TrainerConfig:
    devices = raw["devices"]
    if isinstance(devices, list):
        devices = checks.list_of("trainer.devices", devices, lambda k, v: checks.integer(k, v, low=0))
    elif devices != "auto":
        devices = checks.integer("trainer.devices", devices, low=1)
    return TrainerConfig(
        accelerator=checks.choice("trainer.accelerator", raw["accelerator"], ["auto", "cpu", "gpu", "cuda", "mps"]),
        devices=devices,
        num_nodes=checks.integer("trainer.num_nodes", raw["num_nodes"], low=1),
        strategy=checks.choice("trainer.strategy", raw["strategy"], ["auto", "ddp"]),
    )


def _logger(raw: dict[str, Any]) -> dict[str, Any]:
    name = checks.choice("logger.name", raw.get("name"), list(LOGGER_KEYS))
    checks.keys("logger", raw, LOGGER_KEYS[name])
    if name == "wandb":
        checks.text("logger.project", raw["project"])
        if raw["entity"] is not None:
            checks.text("logger.entity", raw["entity"])
        checks.boolean("logger.offline", raw["offline"])
    return raw
