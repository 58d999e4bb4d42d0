"""What a checked configuration holds: one frozen class for each of its sections (`noiseprobe.config` makes them)."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noiseprobe.devices import has_cuda
from noiseprobe.variants import Variant


def source_module(name: str) -> Any:
    """A data source's module (`noiseprobe.data.sources` says what it has)."""
    return importlib.import_module(f"noiseprobe.data.sources.{name}")


def noise_module(kind: str) -> Any:
    """A noise kind's module (`noiseprobe.noise.base` says what it has)."""
    return importlib.import_module(f"noiseprobe.noise.{kind}")


@dataclass(frozen=True)
class ModelConfig:
    """Which model; `codec` and `text_encoder` are a folder or a repository on the hub."""

    name: str
    backend: str = "auto"
    path: Path | None = None
    hub: str | None = None
    revision: str | None = None
    codec: Path | str | None = None
    text_encoder: Path | str | None = None
    description: str | None = None
    shape: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DataConfig:
    """Where clips come from; `options` are the source's own keys, as its module declares them."""

    name: str
    source: str
    duration: float
    limit: int | None
    batch_size: int
    num_workers: int
    options: Any

    @property
    def module(self) -> Any:
        """The source's module, in `noiseprobe.data.sources`."""
        return source_module(self.source)


@dataclass(frozen=True)
class NoiseConfig:
    """What corrupts and where; `options` are the kind's own keys, as its module declares them."""

    kind: str
    variants: tuple[Variant, ...]
    options: Any

    @property
    def module(self) -> Any:
        """The kind's module (`noiseprobe.noise.base` says what it has)."""
        return noise_module(self.kind)


@dataclass(frozen=True)
class TrainerConfig:
    accelerator: str
    devices: Any
    num_nodes: int
    strategy: str

    @property
    def on_cuda(self) -> bool:
        """Whether it will run on an NVIDIA GPU."""
        return self.accelerator in ["gpu", "cuda"] or (self.accelerator == "auto" and has_cuda())

    @property
    def processes(self) -> int | None:
        """How many processes this asks for; None where the machine decides."""
        if self.devices == "auto" and self.accelerator != "cpu":
            return None
        devices = len(self.devices) if isinstance(self.devices, list) else 1 if self.devices == "auto" else self.devices
        return int(devices) * self.num_nodes


@dataclass(frozen=True)
class VerdictsConfig:
    """`margin` (nats), below which an effect counts as none; `alpha` of a verdict; `power` for numbers of songs."""

    margin: float
    alpha: float
    power: float


@dataclass(frozen=True)
class PathsConfig:
    """`results`: finished cells, a folder each; `cache`: clean results for all cells."""

    results: Path
    cache: Path


@dataclass(frozen=True)
class Config:
    model: ModelConfig
    data: DataConfig
    noise: NoiseConfig
    trainer: TrainerConfig
    logger: Mapping[str, Any]
    paths: PathsConfig
    verdicts: VerdictsConfig
    scoring: str
    precision: str
    seed: int
    keep_nll: bool
    keep_audio: int | None
    cache: bool
    cache_gb: float
    strict: bool
    force: bool
    fail_fast: bool
    sweep: str | None
    figures: tuple[str, ...]
    report: bool
