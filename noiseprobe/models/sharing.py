"""A MusicGen that computes once what a clip and its variants share, in its codec and in its language model.

A backend builds the parts from its library's modules. Where it finds something that they don't know (another codec's
encoder, another transformer), that part is None, and each sequence is computed by itself, as in `MusicLM`.
"""

import logging
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from noiseprobe.models.base import Encoded, MusicLM
from noiseprobe.models.batches import together
from noiseprobe.models.decoder import Decoder
from noiseprobe.models.prefix import PrefixScorer
from noiseprobe.models.tiles import Encoder, Inexact, TiledClip, TiledEncoder

log = logging.getLogger(__name__)


class SharingLM(MusicLM):
    """Overrides `encode_all` and `nll_all`; `encode` and `nll` stay the library's, and their reference."""

    tiles: TiledEncoder | None = None
    scorer: PrefixScorer | None = None

    def share(self, encoder: Encoder | None, decoder: Decoder | None) -> None:
        """Say what the codec's encoder and the language model are made of."""
        self.tiles = None if encoder is None else TiledEncoder(encoder)
        self.scorer = None if decoder is None else PrefixScorer(decoder, self.batches)
        for part, what in [(self.tiles, "codec"), (self.scorer, "language model")]:
            if part is None:
                log.info(f"each sequence passes the {what} by itself: it isn't built as MusicGen's is")

    @abstractmethod
    def condition(self, description: str | None) -> tuple[Tensor | None, Tensor | None]:
        """What is put before the steps and what the cross-attention sees, [1, L, D]; None where that is nothing."""

    @torch.no_grad()
    def encode_all(
        self, clean: Tensor, corrupted: Sequence[Tensor], known: Encoded | None = None
    ) -> tuple[Encoded, list[Tensor]]:
        if self.tiles is None or together(clean.device) or (known is not None and known.features is None):
            return super().encode_all(clean, corrupted, known)
        try:
            channels = [self._channel(c, own.float(), known) for c, own in enumerate(clean)]
        except Inexact:
            return super().encode_all(clean, corrupted)
        if known is None:
            known = Encoded(_in_turn([c.codes for c in channels]), torch.stack([c.features for c in channels]))
        return known, [self._variant(channels, audio) for audio in corrupted]

    def _channel(self, number: int, audio: Tensor, known: Encoded | None) -> TiledClip:
        assert self.tiles is not None
        if known is None or known.features is None:
            return self.tiles.clip(audio)
        return TiledClip(self.tiles, audio, known.features[number], known.codes[number :: self.channels])

    def _variant(self, channels: Sequence[TiledClip], audio: Tensor) -> Tensor:
        try:
            return _in_turn([c.variant(own.float()) for c, own in zip(channels, audio, strict=True)])
        except Inexact:
            return self.encode(audio[None])[0]

    @torch.inference_mode()  # keys and values are kept from one clip to the next
    def nll_all(
        self, clean: Tensor, corrupted: Sequence[Tensor], scoring: str = "delay", description: str | None = None,
        known: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        if self.scorer is None:
            return super().nll_all(clean, corrupted, scoring, description, known)
        return self.scorer(clean, corrupted, self.pattern(scoring), known, *self.condition(description))


def _in_turn(codes: Sequence[Tensor]) -> Tensor:
    """The codebooks of the channels in turn: left, right, left, right. [K, T] each -> [C * K, T]."""
    return torch.stack(list(codes), 1).flatten(0, 1)
