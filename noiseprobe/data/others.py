"""Another clip of the data, to be put into one: which it is hangs on nothing but seed, clip, kind and the candidates.

Each candidate gets a hash with the clip, and the smallest wins (rendezvous hashing): whatever else is in the data, in
whatever order, a clip keeps its donor as long as that one is there. The same stretch of the same file under another
name, in two groups for instance, is no other clip.
"""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from noiseprobe.data.audio import BadAudio
from noiseprobe.data.manifest import Clip
from noiseprobe.hashing import digest
from noiseprobe.noise.base import CannotCorrupt


class Others:
    """`noise.base.OtherClips` for one clip.

    Args:
        clip: which gets something of another.
        clips: of the manifest.
        key: what else the choice hangs on: seed and kind.
        decode: a clip's samples.
        sample_rate: Hz.
    """

    def __init__(
        self,
        clip: Clip,
        clips: Sequence[Clip],
        key: Sequence[object],
        decode: Callable[[Clip], Tensor],
        sample_rate: int,
    ) -> None:
        self.clip, self.clips, self.key, self.decode, self.sample_rate = clip, clips, list(key), decode, sample_rate

    def __call__(self, song: str, samples: int) -> tuple[str, np.ndarray]:
        mine = (self.clip.group, self.clip.song)
        found = [
            c for c in self.clips
            if not self._itself(c) and ((c.group, c.song) == mine) == (song == "same")
            and round(c.duration * self.sample_rate) >= samples
        ]  # fmt: skip
        for donor in sorted(found, key=lambda c: digest([*self.key, self.clip.id, c.id])):
            try:
                return donor.id, self.decode(donor).numpy()
            except BadAudio:
                continue  # it is counted as rejected where it is a clip itself
        seconds = samples / self.sample_rate
        whose = "the same song" if song == "same" else "another song"
        raise CannotCorrupt(f"no other clip of {whose} is at least {seconds:.3f} s long")

    def _itself(self, other: Clip) -> bool:
        same = other.content == self.clip.content != "" and other.start == self.clip.start
        return other.id == self.clip.id or same
