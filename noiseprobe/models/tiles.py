"""EnCodec's encoder over a clip and its variants, with what they share computed once; on a CPU.

Its convolutions see little more than a frame, so they run on tiles of some frames, each with the frames beside it that
they reach into, and a variant computes only the tiles in which a sample differs. Tiles are also faster than the whole,
whose first layers don't stay in cache. The LSTM runs forward: a variant continues from the state before its first
changed frame. What follows it is little, and runs on the whole clip.

Codes are those of the whole encoder because what goes into the quantizer is, to the bit. Kernels are chosen by shape,
so this is looked at once for each length of a clip, and a size of tiles chosen with which it holds; where none is
found, `Inexact` says so, and clips of that length are to be encoded whole.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)

Layer = Callable[[Tensor], Tensor]
State = tuple[Tensor, Tensor]

# Frames, tried in this order: MusicGen's codec is fastest with 40. Small codecs need more of them, since torch takes
# another kernel for less than 20,480 values.
TILES = (40, 100, 160)


class Inexact(Exception):
    """No tiles give what the whole clip gives."""


@dataclass(frozen=True)
class Encoder:
    """The parts of a codec's encoder.

    Attributes:
        whole: all of it, the library's own: [1, 1, N] -> [1, E, T].
        before: layers before the LSTM, [1, 1, N] -> [1, D, T].
        lstm: forward, its output added to its input.
        after: layers after it, [1, D, T] -> [1, E, T].
        quantize: [1, E, T] -> codes [1, K, T].
        hop: samples a frame.
        margin: frames that the layers before the LSTM reach into on the left and on the right.
    """

    whole: Layer
    before: Sequence[Layer]
    lstm: nn.LSTM
    after: Sequence[Layer]
    quantize: Layer
    hop: int
    margin: tuple[int, int]

    def carried(self, features: Tensor, state: State | None = None) -> tuple[Tensor, State | None]:
        """Features [T, D] through the LSTM, from a state on; the output [T, D] and the state after it."""
        if not len(features):
            return features, state
        found, state = self.lstm(features[:, None], state)
        return found[:, 0], state

    def embeddings(self, features: Tensor, carried: Tensor) -> Tensor:
        """[1, E, T] of the features [1, D, T] and what the LSTM made of them [T, D]."""
        return _through(self.after, (carried[:, None] + features.permute(2, 0, 1)).permute(1, 2, 0))


class TiledEncoder:
    """Encodes clips, one channel at a time.

    Args:
        encoder: its parts.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.chosen: dict[int, int | None] = {}  # size of tiles by length in samples; None: Inexact

    def clip(self, audio: Tensor) -> "TiledClip":
        """A clean clip.

        Args:
            audio: [N].

        Raises:
            Inexact: for clips of this length.
        """
        features = self.features(audio)
        return TiledClip(self, audio, features, self.codes(features, self.encoder.carried(features[0].T)[0]))

    def codes(self, features: Tensor, carried: Tensor) -> Tensor:
        """[K, T] of the features [1, D, T] and what the LSTM made of them [T, D]."""
        return self.encoder.quantize(self.encoder.embeddings(features, carried))[0]

    def features(self, audio: Tensor, clean: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """What goes into the LSTM.

        Args:
            audio: [N].
            clean: samples [N] and features [1, D, T] of the clip that this is a variant of; used if it is as long.

        Shape:
            -> [1, D, T]

        Raises:
            Inexact: for clips of this length.
        """
        if len(audio) not in self.chosen:
            self.chosen[len(audio)] = self._choose(audio)
        tile = self.chosen[len(audio)]
        if tile is None:
            raise Inexact
        return self._tiled(audio, tile, clean if clean is not None and len(clean[0]) == len(audio) else None)

    def _tiled(self, audio: Tensor, tile: int, clean: tuple[Tensor, Tensor] | None = None) -> Tensor:
        hop, (left, right) = self.encoder.hop, self.encoder.margin
        frames, size = math.ceil(len(audio) / hop), left + tile + right
        found = []
        for first in range(0, frames, tile):
            # At an edge of the clip the tile reaches further inwards; the layers pad there as they do for the whole.
            start = max(0, min(first - left, frames - size))
            samples = slice(start * hop, (start + size) * hop)
            end = min(first + tile, frames)
            if clean is not None and torch.equal(audio[samples], clean[0][samples]):
                found.append(clean[1][..., first:end])
            else:
                features = _through(self.encoder.before, audio[None, None, samples])
                found.append(features[..., first - start : end - start])
        return torch.cat(found, 2)

    def _choose(self, audio: Tensor) -> int | None:
        """The first size with which a clip's embeddings are those of the whole encoder, the LSTM run in two pieces."""
        whole = self.encoder.whole(audio[None, None])
        for tile in TILES:
            features = self._tiled(audio, tile)
            cut = features.shape[2] // 3
            first, state = self.encoder.carried(features[0, :, :cut].T)
            rest, _ = self.encoder.carried(features[0, :, cut:].T, state)
            if torch.equal(self.encoder.embeddings(features, torch.cat([first, rest])), whole):
                return tile
        log.info(f"clips of {len(audio)} samples are encoded whole: in tiles they would be rounded otherwise")
        return None


class TiledClip:
    """A clean clip, whose variants are encoded with what they share with it.

    Args:
        tiles: the encoder.
        audio, features, codes: [N], [1, D, T] and [K, T].
    """

    def __init__(self, tiles: TiledEncoder, audio: Tensor, features: Tensor, codes: Tensor) -> None:
        self.tiles, self.audio, self.features, self.codes = tiles, audio, features, codes
        self.before: dict[int, tuple[Tensor, State | None]] = {}  # the LSTM's output and state, by frame

    def variant(self, audio: Tensor) -> Tensor:
        """Codes [K, T'] of a variant [N'].

        Raises:
            Inexact: for clips of its length.
        """
        features = self.tiles.features(audio, (self.audio, self.features))
        first = _first_difference(self.features, features)
        if first is None:
            return self.codes
        first = max(0, min(first, features.shape[2] - 2))  # a kernel of its own runs single frames
        carry = self.tiles.encoder.carried
        if first not in self.before:
            self.before[first] = carry(self.features[0, :, :first].T)
        carried, state = self.before[first]
        rest, _ = carry(features[0, :, first:].T, state)
        return self.tiles.codes(features, torch.cat([carried, rest]))


def _through(layers: Sequence[Layer], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _first_difference(a: Tensor, b: Tensor) -> int | None:
    """The first frame at which features [1, D, T] differ; None if they are the same."""
    size = min(a.shape[2], b.shape[2])
    differs = (a[..., :size] != b[..., :size]).any(1)[0].nonzero()
    if len(differs):
        return int(differs[0])
    return None if a.shape[2] == b.shape[2] else size
