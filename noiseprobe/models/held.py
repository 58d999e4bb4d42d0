"""A model that a caller of `noiseprobe.probe` has in memory, in the place of others' files (`weights.Weights`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.layouts.base import Checkpoint

if TYPE_CHECKING:
    from noiseprobe.models.base import MusicLM


@dataclass(frozen=True)
class Held:
    """The model and what is known of it (`noiseprobe.models.own` finds out).

    Attributes:
        model: on one device.
        hash: of all in it that changes its numbers.
        precision: the types of its language model's parameters, in which it is scored.
        checkpoint: what it is.
    """

    model: "MusicLM"
    hash: str
    precision: str
    checkpoint: Checkpoint

    backend: ClassVar[str] = "python"
    text: ClassVar[None] = None  # a text encoder is one of its parts, and in the hash

    @property
    def key(self) -> str:
        """Of everything that is scored with."""
        return self.hash

    @property
    def origin(self) -> dict[str, Any]:
        """What it is made of, for meta.json."""
        kind = type(self.model)
        return {"class": f"{kind.__module__}.{kind.__qualname__}"}

    def with_text(self) -> "Held":
        """Itself, which takes descriptions or doesn't.

        Raises:
            NoiseprobeError: if it doesn't.
        """
        if self.checkpoint.no_text:
            name = type(self.model).__name__
            raise NoiseprobeError(
                f"model.description: {name} {self.checkpoint.no_text}, expected null for such a model"
            )
        return self
