"""Clips: which stretches of which files there are, and which were turned away and why.

Conventions. A clip's id is the file's path relative to the root, `#`, and its start in seconds. A song is what several
clips come from and the unit of every statistic; a group is a set of songs. Clips are ordered by group, song and id, so
the clips of a song stand together. Nothing here decodes audio or needs torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from noiseprobe.variants import MARGIN, Variant


@dataclass(frozen=True)
class Clip:
    """A stretch of a file.

    Attributes:
        id: `path/in/root.wav#5.0`.
        path: the file.
        start: seconds into the file.
        duration: seconds; less than asked for where the file ends before.
        song, group: what it belongs to.
        content: sha256 of all that its audio is made from: the file, or score, SoundFont, loudness and player.
        file_sha256: of the file alone.
        description: text that the model is conditioned on; None: the null condition.
    """

    id: str
    path: Path
    start: float
    duration: float
    song: str
    group: str
    content: str = ""
    description: str | None = None
    file_sha256: str = ""

    @property
    def file(self) -> str:
        """The file as the id names it, without the start."""
        return self.id.rpartition("#")[0]

    def fits(self, variant: Variant) -> bool:
        """Whether the variant's noise, and what must follow it, fit into the clip."""
        return variant.needs(MARGIN) <= self.duration + 1e-9


@dataclass(frozen=True)
class Rejected:
    """A file, clip or variant that isn't scored."""

    path: str
    reason: str
    clip: str | None = None
    variant: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The clips in order, and what was turned away."""

    clips: tuple[Clip, ...]
    rejected: tuple[Rejected, ...] = ()


def clip_id(relative: str, start: float) -> str:
    """
    >>> clip_id("a/b.wav", 5)
    'a/b.wav#5.0'
    """
    return f"{relative}#{round(float(start), 6)}"


def in_order(clips: Iterable[Clip]) -> list[Clip]:
    """Clips by group, song, path and start."""
    return sorted(clips, key=lambda c: (c.group, c.song, str(c.path), c.start))


def limited(clips: Sequence[Clip], limit: int | None) -> list[Clip]:
    """At most `limit` clips, the first of each song first, then the second of each, and so on."""
    if limit is None:
        return list(clips)
    by_song: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        by_song.setdefault((clip.group, clip.song), []).append(clip)
    rounds = [clip for turn in zip_longest(*by_song.values()) for clip in turn if clip is not None]
    return in_order(rounds[:limit])


def shard(clips: Sequence[Clip], world: int, rank: int) -> list[int]:
    """The indices of one process's clips: whole songs, in order, as evenly as songs allow.

    Together the shards hold every clip once, without padding; a process may have none.

    >>> songs = ["a", "a", "b", "c"]
    >>> clips = [Clip(str(i), Path(), 0, 1, s, "g") for i, s in enumerate(songs)]
    >>> [shard(clips, 2, r) for r in range(2)]
    [[0, 1], [2, 3]]
    """
    first = 0  # index of the current song's first clip; it decides where the whole song goes
    mine = []
    for i, clip in enumerate(clips):
        if (clip.group, clip.song) != (clips[first].group, clips[first].song):
            first = i
        if first * world // len(clips) == rank:
            mine.append(i)
    return mine
