"""From clips to pairs: the noise is injected here, on the fly, in the worker that decoded the clip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from noiseprobe.config import NoiseConfig
from noiseprobe.data.manifest import Clip, Rejected
from noiseprobe.data.others import Others
from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import CannotCorrupt, Corrupt, Corruption, Draws, Heard
from noiseprobe.variants import Span, Variant

if TYPE_CHECKING:
    from noiseprobe.score.render import Renderer


@dataclass(frozen=True)
class Loaded:
    """A decoded clip: its place in the manifest and its samples [C, N]."""

    index: int
    clip: Clip
    audio: Tensor


@dataclass(frozen=True)
class Corrupted:
    """One variant of a clip: where it is, the audio [C, N'] to be encoded, if any, and all that its kind made of it.

    `corruption.audio` is left out: it is `audio` here, as a tensor.
    """

    variant: Variant
    spans: tuple[Span, ...]
    audio: Tensor | None
    corruption: Corruption


@dataclass(frozen=True)
class Pair:
    """A clip, clean and in all its variants: one unit of computation, whatever the batch.

    `rejected` are the variants that this clip can't have, with reasons.
    """

    index: int
    clip: Clip
    clean: Tensor
    corrupted: tuple[Corrupted, ...]
    rejected: tuple[Rejected, ...] = ()

    def to(self, device: torch.device) -> "Pair":
        return self._each(lambda audio: audio.to(device, non_blocking=True))

    def pin_memory(self) -> "Pair":
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Pair":
        changed = tuple(replace(c, audio=None if c.audio is None else change(c.audio)) for c in self.corrupted)
        return replace(self, clean=change(self.clean), corrupted=changed)


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
class Failed:
    """An error for the user: a worker that raised it would have torch add where it comes from."""

    message: str


@dataclass(frozen=True)
class Batch:
    """Clips in manifest order."""

    items: tuple[Pair | BadClip | Done | Failed, ...]

    def to(self, device: torch.device) -> "Batch":
        return Batch(tuple(item.to(device) if isinstance(item, Pair) else item for item in self.items))

    def pin_memory(self) -> "Batch":
        """Called by the DataLoader where there is a GPU."""
        return Batch(tuple(item.pin_memory() if isinstance(item, Pair) else item for item in self.items))


class PairCollate:
    """Makes pairs of decoded clips.

    Args:
        noise: kind, variants and the kind's options.
        seed: of the noise.
        sample_rate, hop: the model's; samples a second and samples a frame.
        clips: of the manifest, for kinds that put one clip into another.
        decode: a clip's samples [C, N].
        renderer: of scores; None where the data are no scores.
    """

    def __init__(
        self, noise: NoiseConfig, seed: int, sample_rate: int, hop: int, clips: Sequence[Clip],
        decode: Callable[[Clip], Tensor], renderer: "Renderer | None" = None,
    ) -> None:  # fmt: skip
        self.noise, self.seed, self.sample_rate, self.hop = noise, seed, sample_rate, hop
        self.clips, self.decode, self.renderer = clips, decode, renderer

    def __call__(self, items: Sequence[Loaded | BadClip | Done | Failed]) -> Batch:
        return Batch(tuple(self._item(item) if isinstance(item, Loaded) else item for item in items))

    def _item(self, loaded: Loaded) -> Pair | Failed:
        try:
            return self.pair(loaded)
        except NoiseprobeError as error:
            return Failed(str(error))

    def pair(self, loaded: Loaded) -> Pair:
        """The clip with each variant that fits into it."""
        clip, corrupted, rejected = loaded.clip, [], []
        decode = lru_cache(maxsize=2)(self.decode)  # variants get the same other clip, where it is long enough
        for variant in self.noise.variants:
            if clip.fits(variant):
                try:
                    corrupted.append(self.corrupted(loaded, variant, decode))
                except CannotCorrupt as error:
                    rejected.append(Rejected(clip.file, str(error), clip.id, variant.name))
        return Pair(loaded.index, clip, loaded.audio, tuple(corrupted), tuple(rejected))

    def corrupted(self, loaded: Loaded, variant: Variant, decode: Callable[[Clip], Tensor] | None = None) -> Corrupted:
        """One variant of a clip.

        Args:
            loaded: the clip.
            variant: which.
            decode: used for other clips in the place of the collate's own.

        Raises:
            CannotCorrupt: if this clip can't have it.
        """
        corrupt: Corrupt = self.noise.module.corrupt
        clip, audio = loaded.clip, loaded.audio.numpy()
        # Where the places of a variant are drawn, they are the same for every kind and level.
        random = Draws(self.seed, clip.id, "places", "").state(0.0, variant.where.name)
        spans = variant.spans(self.sample_rate, self.hop, audio.shape[1], random)
        draws = Draws(self.seed, clip.id, variant.kind, getattr(self.noise.options, "level_key", None) or "")
        others = Others(clip, self.clips, [self.seed, variant.kind], decode or self.decode, self.sample_rate)
        heard = Heard(clip, audio, self.sample_rate, self.hop, others, self.renderer)
        made = corrupt(heard, spans, draws, self.noise.options)
        tensor = None if made.audio is None else torch.from_numpy(made.audio)
        return Corrupted(variant, spans, tensor, replace(made, audio=None))
