"""What the tables of a cell need to know about it, beyond the records."""

import json
from dataclasses import asdict, dataclass

from noiseprobe.config import Config
from noiseprobe.data.manifest import Clip, Rejected
from noiseprobe.hashing import digest
from noiseprobe.models.patterns import Pattern
from noiseprobe.models.weights import AnyWeights
from noiseprobe.variants import Variant


@dataclass(frozen=True)
class CellInfo:
    """One cell.

    Attributes:
        name: of its folder.
        config: checked.
        clips: of the manifest, in order.
        rejected: before anything was decoded.
        weights: the model's files and what they hold, or the model that a caller holds.
        pattern: the scoring's layout.
        look_ahead, look_back: of the codec, frames.
        hop, sample_rate: of the model.
    """

    name: str
    config: Config
    clips: tuple[Clip, ...]
    rejected: tuple[Rejected, ...]
    weights: AnyWeights
    pattern: Pattern
    look_ahead: int
    look_back: int
    hop: int
    sample_rate: int

    @property
    def condition(self) -> str:
        """What conditioned the model: `null`, or `text` with the first digits of a hash over all descriptions."""
        texts = [clip.description for clip in self.clips]
        return f"text@{digest(texts)[:4]}" if any(texts) else "null"

    @property
    def look(self) -> tuple[int, int]:
        """Look-ahead and look-back of the corruption: the codec's, or none where codes are changed and not samples."""
        return (0, 0) if self.config.noise.module.CHANGES == "codes" else (self.look_ahead, self.look_back)

    @property
    def level(self) -> str | None:
        """Of the noise, in text; None for a kind that has none."""
        return getattr(self.config.noise.options, "level_key", None)

    @property
    def noise_options(self) -> str:
        """The kind's keys as JSON, in order."""
        return json.dumps(asdict(self.config.noise.options))

    @property
    def variants(self) -> dict[str, Variant]:
        """By name, in the cell's order."""
        return {v.name: v for v in self.config.noise.variants}
