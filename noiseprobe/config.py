"""The configuration as the code sees it: typed, checked, with every default resolved.

`check` turns what Hydra composed into a frozen `Config` or raises a `NoiseprobeError` that names the key, the value and
what is allowed. It loads nothing and takes milliseconds, so all cells of a sweep are checked before the first starts.
"""

import re
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noiseprobe import checks, positions
from noiseprobe.errors import NoiseprobeError, reason
from noiseprobe.hashing import cache_folder
from noiseprobe.schemas import (
    Config,
    DataConfig,
    ModelConfig,
    NoiseConfig,
    PathsConfig,
    TrainerConfig,
    VerdictsConfig,
    noise_module,
    source_module,
)

__all__ = [
    "MAX_DURATION", "PACKAGE", "Config", "DataConfig", "ModelConfig", "NoiseConfig", "PathsConfig", "TrainerConfig",
    "VerdictsConfig", "check", "installed", "modules",
]  # fmt: skip

MAX_DURATION = 30.0  # seconds; the longest that the released MusicGen models were trained on

PACKAGE = Path(__file__).resolve().parent
OmegaConf.register_new_resolver("noiseprobe", lambda path: str(PACKAGE / path), replace=True)

DATA_KEYS = ["name", "source", "duration", "limit", "batch_size", "num_workers"]
SHAPE_KEYS = ["melody", "channels", "layers", "width"]
LOGGER_KEYS = {"none": ["name"], "csv": ["name"], "wandb": ["name", "project", "entity", "offline"]}


def check(cfg: DictConfig, held: bool = False) -> Config:
    """The checked configuration of one cell.

    Args:
        cfg: as Hydra composes it.
        held: whether the caller has the model in memory, so that it has no files.

    Raises:
        NoiseprobeError: for a key or value that isn't allowed.
    """
    raw = _resolved(cfg)
    checks.keys("", raw, [f.name for f in fields(Config)])
    model, data, noise, trainer, logger, paths, verdicts = (
        checks.section(raw, name) for name in ["model", "data", "noise", "trainer", "logger", "paths", "verdicts"]
    )
    checks.keys("model", model, [f.name for f in fields(ModelConfig)])
    checks.keys("trainer", trainer, [f.name for f in fields(TrainerConfig)])
    checks.keys("paths", paths, [f.name for f in fields(PathsConfig)])
    checked_data = _data(data)
    checked_trainer = _trainer(trainer)
    return Config(
        model=_held(model) if held else _model(model),
        data=checked_data,
        noise=_noise(noise, checked_data),
        trainer=checked_trainer,
        logger=_logger(logger),
        paths=_paths(paths),
        verdicts=_verdicts(verdicts),
        scoring=checks.choice("scoring", raw["scoring"], ["delay", "parallel"]),
        precision=_precision(raw["precision"], checked_trainer),
        seed=checks.integer("seed", raw["seed"], low=0),
        keep_nll=checks.boolean("keep_nll", raw["keep_nll"]),
        keep_audio=checks.optional_integer("keep_audio", raw["keep_audio"], low=0),
        # Hydra's command line leaves on and off as text
        cache=checks.boolean("cache", {"on": True, "off": False}.get(str(raw["cache"]), raw["cache"])),
        cache_gb=checks.number("cache_gb", raw["cache_gb"], low=0.0, open_low=True),
        strict=checks.boolean("strict", raw["strict"]),
        force=checks.boolean("force", raw["force"]),
        fail_fast=checks.boolean("fail_fast", raw["fail_fast"]),
        sweep=None if raw["sweep"] is None else _stem("sweep", raw["sweep"]),
        figures=_figures(raw["figures"]),
        report=checks.boolean("report", raw["report"]),
    )


def _resolved(cfg: DictConfig) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
    except OmegaConfBaseException as error:  # Hydra would print it once more as the cause
        expected = "a value, or ${KEY} that leads to one"
        raise NoiseprobeError(f"{error.full_key or 'config'}: got {reason(error)}, expected {expected}") from None


def modules(folder: str) -> list[str]:
    """The names that a folder of the package offers: one module, one name; `base` and private ones aside."""
    return sorted(p.stem for p in (PACKAGE / folder).glob("*.py") if p.stem != "base" and not p.stem.startswith("_"))


def _stem(key: str, value: Any) -> str:
    """A text that file names can begin with."""
    text = checks.text(key, value)
    if not re.fullmatch(r"\w[\w.+-]*", text):
        raise checks.refusal(key, value, "a name for files, of letters, digits and _ . + -")
    return text


def _figures(value: Any) -> tuple[str, ...]:
    """Names of `report/sweeps`, each once; an empty list: no figure."""
    known = modules("report/sweeps")
    names = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(checks.choice("figures", name, known, "or a list of them") for name in names))


def installed(package: str) -> bool:
    """Whether a package is there, without importing it; a folder of that name without a package in it isn't one."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


def _model(raw: dict[str, Any]) -> ModelConfig:
    backend = checks.choice("model.backend", raw["backend"], ["auto", *modules("models/backends")])
    if backend != "auto" and not installed(backend):
        raise checks.refusal(
            "model.backend", backend, f"a backend whose package is installed ({backend} isn't), or auto"
        )
    path = None if raw["path"] is None else checks.folder("model.path", raw["path"])
    if path is None and raw["hub"] is None:
        raise checks.refusal("model.path", None, "a folder, since this model has no model.hub to fetch from")
    if raw["name"] is None and path is None:
        raise checks.refusal("model.name", None, "a text, since there is no model.path to take it from")
    return ModelConfig(
        name=path.resolve().name if path and raw["name"] is None else checks.text("model.name", raw["name"]),
        backend=backend,
        path=path,
        hub=None if raw["hub"] is None else checks.text("model.hub", raw["hub"]),
        revision=None if raw["revision"] is None else checks.text("model.revision", raw["revision"]),
        codec=_folder_or_repository("model.codec", raw["codec"]),
        text_encoder=_folder_or_repository("model.text_encoder", raw["text_encoder"]),
        description=None if raw["description"] is None else checks.text("model.description", raw["description"]),
        shape=_shape(raw["shape"]),
    )


def _held(raw: dict[str, Any]) -> ModelConfig:
    backend = checks.choice("model.backend", raw["backend"], ["auto", "python"])
    for key in ["path", "hub", "revision", "codec", "text_encoder", "shape"]:
        if raw[key] is not None:
            raise checks.refusal(f"model.{key}", raw[key], "null, since the model is an object in memory")
    description = None if raw["description"] is None else checks.text("model.description", raw["description"])
    return ModelConfig(checks.text("model.name", raw["name"]), backend, description=description)


def _shape(raw: Any) -> dict[str, int]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise checks.refusal("model.shape", raw, f"null, or a value for each of {', '.join(SHAPE_KEYS)}")
    checks.keys("model.shape", raw, SHAPE_KEYS)
    sizes = {key: checks.integer(f"model.shape.{key}", raw[key], low=1) for key in SHAPE_KEYS if key != "melody"}
    return {"melody": checks.boolean("model.shape.melody", raw["melody"]), **sizes}


def _folder_or_repository(key: str, value: Any) -> Path | str | None:
    """A folder, or owner/name (or an old name without owner) of a repository on the hub."""
    if value is None:
        return None
    text = checks.text(key, value)
    local = text.startswith((".", "~", "/")) or text.count("/") > 1 or checks.exists(Path(text), "dir")
    return checks.folder(key, text) if local else text


def _precision(value: Any, trainer: TrainerConfig) -> str:
    """bf16 where `auto` finds an NVIDIA GPU that the trainer will use, else fp32."""
    if checks.choice("precision", value, ["auto", "fp32", "bf16"]) != "auto":
        return str(value)
    return "bf16" if trainer.on_cuda else "fp32"


def _data(raw: dict[str, Any]) -> DataConfig:
    source = checks.choice("data.source", raw.get("source"), modules("data/sources"))
    module = source_module(source)
    own = [f.name for f in fields(module.Options)]
    checks.keys("data", raw, [*DATA_KEYS, *own])
    duration = checks.number("data.duration", raw["duration"], low=0.0, open_low=True)
    if duration > MAX_DURATION:
        raise checks.refusal("data.duration", duration, f"at most {MAX_DURATION:g} s, the released models' maximum")
    options = module.options({name: raw[name] for name in own})
    return DataConfig(
        name=options.root.name if raw["name"] is None else checks.text("data.name", raw["name"]),
        source=source,
        duration=duration,
        limit=checks.optional_integer("data.limit", raw["limit"], low=1),
        batch_size=checks.integer("data.batch_size", raw["batch_size"], low=1),
        num_workers=checks.integer("data.num_workers", raw["num_workers"], low=0),
        options=options,
    )


def _noise(raw: dict[str, Any], data: DataConfig) -> NoiseConfig:
    kind = checks.choice("noise.kind", raw.get("kind"), modules("noise"))
    module = noise_module(kind)
    own = [f.name for f in fields(module.Options)]
    checks.keys("noise", raw, ["kind", *positions.KEYS, *own])
    if module.CHANGES == "score" and not hasattr(data.module, "renderer"):
        sources = [name for name in modules("data/sources") if hasattr(source_module(name), "renderer")]
        allowed = f"a kind that works on audio: {kind} changes scores, which data={' and data='.join(sources)} have"
        raise checks.refusal("noise.kind", kind, allowed)
    return NoiseConfig(
        kind=kind,
        variants=positions.variants(raw, kind, module.WHOLE, data.duration),
        options=module.options({name: raw[name] for name in own}),
    )


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


def _paths(raw: dict[str, Any]) -> PathsConfig:
    return PathsConfig(
        results=checks.path("paths.results", raw["results"]),
        cache=cache_folder() / "clips" if raw["cache"] is None else checks.path("paths.cache", raw["cache"]),
    )


def _verdicts(raw: dict[str, Any]) -> VerdictsConfig:
    checks.keys("verdicts", raw, [f.name for f in fields(VerdictsConfig)])
    margin = checks.number("verdicts.margin", raw["margin"], low=0.0, open_low=True)
    alpha, power = (checks.number(f"verdicts.{name}", raw[name], low=0.0, open_low=True) for name in ["alpha", "power"])
    if alpha >= 1:
        raise checks.refusal("verdicts.alpha", alpha, "a number above 0 and below 1")
    if not alpha < power < 1:
        raise checks.refusal("verdicts.power", power, f"between verdicts.alpha ({alpha:g}) and 1")
    return VerdictsConfig(margin, alpha, power)


def _logger(raw: dict[str, Any]) -> dict[str, Any]:
    name = checks.choice("logger.name", raw.get("name"), list(LOGGER_KEYS))
    checks.keys("logger", raw, LOGGER_KEYS[name])
    if name == "wandb":
        for key in ["project"] if raw["entity"] is None else ["project", "entity"]:
            text = checks.text(f"logger.{key}", raw[key])
            if len(text) > 128 or set(text) & set("/\\#?%:"):
                raise checks.refusal(f"logger.{key}", text, "a name of at most 128 characters without / \\ # ? % :")
        checks.boolean("logger.offline", raw["offline"])
    return raw
