"""What a music language model is to noiseprobe: a codec that makes codes and a language model that gives logits.

A model of one's own implements two methods and declares the attributes (docs/python.md): `encode`, and `logits` where
it predicts all codebooks of a step at once, as MusicGen does; the likelihood is then computed here. One that predicts
in another order, code after code for instance, implements `nll` in the place of `logits`: its own likelihood is what
`scoring=delay` then stands for.

`encode_all` and `nll_all` take a clip with all its variants: here each is computed by itself, which is the reference; a
model may override them to compute once what they share (`sharing.py`).

Conventions: audio `[B, C, N]`, codes `[B, K, T]`, nll `[B, K, T]` in nats. A description is a text that the model is
conditioned on, the same for the whole batch; None is the model's null condition.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.batches import Batches
from noiseprobe.models.patterns import Pattern, pattern

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}  # of the language model


@dataclass(frozen=True)
class Encoded:
    """A clean clip's codes [K, T], and what else of its encoding helps to encode its variants; None: nothing."""

    codes: Tensor
    features: Tensor | None = None


class MusicLM(nn.Module, ABC):
    """A frozen music language model and its codec.

    Attributes:
        sample_rate: of the audio that the codec takes, Hz.
        channels: of the audio, 1 or 2.
        hop: samples a frame.
        codebooks: K.
        cardinality: entries of a codebook; the special token has this number as its id.
        delays: of each codebook, in frames; 0 for all where no code is predicted from one of a later frame.
        look_ahead: frames before a corrupted frame on whose features the codec's convolutions change.
        look_back: the same from the first clean frame after the corruption on.
        max_frames: the longest sequence that the model takes.
        takes_text: whether it can be conditioned on a description; one that can't is never given any.
    """

    sample_rate: int
    channels: int
    hop: int
    codebooks: int
    cardinality: int
    delays: tuple[int, ...]
    look_ahead: int
    look_back: int
    max_frames: int
    takes_text: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.batches = Batches()

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop

    @abstractmethod
    def encode(self, audio: Tensor) -> Tensor:
        """Codes of audio; in float32 whatever the language model's precision.

        Shape:
            audio: [B, C, N] -> [B, K, T], T = ceil(N / hop)
        """

    def logits(self, steps: Tensor, description: str | None = None) -> Tensor:
        """Logits of what follows each step; a model with an `nll` of its own may do without.

        Shape:
            steps: [B, K, S], ids of codes and of the special token -> [B, K, S, cardinality]
        """
        raise NoiseprobeError(f"{type(self).__name__} has no logits, which this needs: it has an nll of its own alone")

    def encode_all(
        self, clean: Tensor, corrupted: Sequence[Tensor], known: Encoded | None = None
    ) -> tuple[Encoded, list[Tensor]]:
        """Codes of a clip and its variants.

        Args:
            clean: audio [C, N].
            corrupted: audio [C, N'] each.
            known: what this gave for the same clip before.

        Shape:
            -> codes [K, T], and [K, T'] each
        """
        if known is not None:
            return known, self._each(corrupted, self.encode)
        codes, *others = self._each([clean, *corrupted], self.encode)
        return Encoded(codes), others

    def nll_all(
        self, clean: Tensor, corrupted: Sequence[Tensor], scoring: str = "delay", description: str | None = None,
        known: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        """`nll` of a clip and its variants.

        Args:
            clean: codes [K, T].
            corrupted: codes [K, T'] each.
            scoring: as in `nll`.
            description: as in `nll`.
            known: the clean nll that this gave before.

        Shape:
            -> nll [K, T], and [K, T'] each
        """

        def nll(codes: Tensor) -> Tensor:
            return self.nll(codes, scoring, description)

        if known is not None:
            return known, self._each(corrupted, nll)
        first, *others = self._each([clean, *corrupted], nll)
        return first, others

    def _each(self, items: Sequence[Tensor], compute: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """`compute` on each; on a GPU those of one shape as a batch."""
        done: dict[int, Tensor] = {}
        for shape in dict.fromkeys(item.shape for item in items):
            own = [i for i, item in enumerate(items) if item.shape == shape]
            found = self.batches(
                [items[i] for i in own], items[0].device, lambda batch: list(compute(torch.stack(list(batch))))
            )
            done |= zip(own, found, strict=True)
        return [done[i] for i in range(len(items))]

    def decode(self, codes: Tensor) -> Tensor:
        """Audio of codes; only generated clips and noise=reencode need it.

        Shape:
            codes: [B, K, T] -> [B, C, T * hop]
        """
        raise NotImplementedError(f"{type(self).__name__} has no decode, which generated clips and noise=reencode need")

    @contextmanager
    def stream(self) -> Iterator[Callable[[Tensor], Tensor]]:
        """A function that takes the next step and gives the logits of what follows it, without a description.

        This one computes all steps anew each time; a model that keeps keys and values overrides it.

        Shape:
            step: [B, K, 1] -> [B, K, cardinality]
        """
        steps: list[Tensor] = []

        def following(step: Tensor) -> Tensor:
            steps.append(step)
            return self.logits(torch.cat(steps, -1))[:, :, -1]

        yield following

    def pattern(self, scoring: str) -> Pattern:
        """The layout and alignment of a scoring, `delay` (the model's own factorisation) or `parallel`.

        Raises:
            NoiseprobeError: for `parallel` of a model without `logits`.
        """
        if scoring == "parallel" and type(self).logits is MusicLM.logits:
            raise NoiseprobeError(f"scoring: got parallel, expected delay, since {type(self).__name__} has no logits")
        return pattern(scoring, self.delays, special=self.cardinality)

    def nll(self, codes: Tensor, scoring: str = "delay", description: str | None = None) -> Tensor:
        """Negative log likelihood of every code, in nats; NaN at frames that the scoring leaves out (`Pattern.first`).

        This one is the cross-entropy of `logits`, computed in float32.

        Shape:
            codes: [B, K, T] -> [B, K, T]
        """
        layout = self.pattern(scoring)
        logits = layout.align(self.logits(layout.layout(codes), description))
        target = codes[..., layout.first :]
        nll = F.cross_entropy(logits.float().flatten(0, 2), target.flatten(), reduction="none").view_as(target)
        return F.pad(nll, (layout.first, 0), value=torch.nan)
