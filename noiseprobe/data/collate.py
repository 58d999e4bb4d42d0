"""From clips to pairs: the noise is injected here, on the fly, in the worker that decoded the clip."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from noiseprobe.config import MARGIN, NoiseConfig
from noiseprobe.data.manifest import Clip, Rejected
from noiseprobe.noise.base import Corrupt, Corruption, Level, draw
from noiseprobe.variants import Span, Variant


@dataclass(frozen=True)
class Loaded:
    """A decoded clip: its place in the manifest and its samples [C, N]."""

    index: int
    clip: Clip
    audio: Tensor


@dataclass(frozen=True)
class Corrupted:
    """One variant of a clip; `audio` is [C, N], `measured` says what the noise did."""

    variant: Variant
    span: Span
    audio: Tensor
    measured: Corruption


@dataclass(frozen=True)
class Pair:
    """A clip, clean and in all its variants: one unit of computation, whatever the batch."""

    index: int
    clip: Clip
    clean: Tensor
    corrupted: tuple[Corrupted, ...]

    def to(self, device: torch.device) -> "Pair":
        moved = tuple(replace(c, audio=c.audio.to(device)) for c in self.corrupted)
        return replace(self, clean=self.clean.to(device), corrupted=moved)


@dataclass(frozen=True)
class BadClip:
    """A clip of the manifest that turned out not to decode."""

    index: int
    rejected: Rejected


@dataclass(frozen=True)
class Done:
    """A clip that was scored before this run began."""

    index: int


@dataclass(frozen=True)
class Batch:
    """Clips in manifest order."""

    items: tuple[Pair | BadClip | Done, ...]

    def to(self, device: torch.device) -> "Batch":
        return Batch(tuple(item.to(device) if isinstance(item, Pair) else item for item in self.items))


class PairCollate:
    """Makes pairs of decoded clips.

    Args:
        noise: kind, variants and level.
        seed: of the noise.
        sample_rate, hop: the model's; samples a second and samples a frame.
    """

    def __init__(self, noise: NoiseConfig, seed: int, sample_rate: int, hop: int) -> None:
        self.noise, self.seed, self.sample_rate, self.hop = noise, seed, sample_rate, hop
        self.level = Level(noise.level, noise.snr)

    def __call__(self, items: Sequence[Loaded | BadClip | Done]) -> Batch:
        return Batch(tuple(self.pair(item) if isinstance(item, Loaded) else item for item in items))

    def pair(self, loaded: Loaded) -> Pair:
        """The clip with each variant that fits into it."""
        clip = loaded.clip
        fitting = [v for v in self.noise.variants if clip.fits(v, MARGIN)]
        return Pair(loaded.index, clip, loaded.audio, tuple(self.corrupted(loaded, v) for v in fitting))

    def corrupted(self, loaded: Loaded, variant: Variant) -> Corrupted:
        corrupt: Corrupt = importlib.import_module(f"noiseprobe.noise.{variant.kind}").corrupt
        span = variant.span(self.sample_rate, self.hop)
        random = draw(self.seed, loaded.clip.id, variant.kind, self.level.key, variant.onset)
        measured = corrupt(loaded.audio.numpy(), span, random, self.level)
        return Corrupted(variant, span, torch.from_numpy(measured.audio), measured)
