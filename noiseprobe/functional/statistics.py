"""Means and errors over songs.

Clips of one song are not independent, so the song is the unit of every statistic: values are averaged over the clips of
a song first and over songs then, and the standard error is that of the mean of song means. (With equally many clips a
song this is the clustered standard error; with one clip a song the ordinary one.)
"""

import math
from array import array
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from noiseprobe.functional.intervals import t_quantile


class SongMean(NamedTuple):
    """Mean over songs, its standard error (None for fewer than two songs), and the counts behind it."""

    mean: float | None
    se: float | None
    songs: int
    clips: int


def song_mean(values: Sequence[float | None], songs: Sequence[Hashable]) -> SongMean:
    """Mean over clips of a song, then over songs; clips without a value are left out.

    Args:
        values: one value a clip; None where there is none.
        songs: the song of each clip.

    Raises:
        ValueError: if there isn't one song for each value, or a value is NaN.

    >>> song_mean([1.0, 3.0, 5.0], ["a", "a", "b"])
    SongMean(mean=3.5, se=1.5, songs=2, clips=3)
    """
    if len(values) != len(songs):
        raise ValueError(f"songs: got {len(songs)}, expected one for each of {len(values)} values")
    by_song: dict[Hashable, list[float | None]] = {}
    for value, song in zip(values, songs, strict=True):
        by_song.setdefault(song, []).append(value)
    mean = MeanOverSongs()
    for song, own in by_song.items():
        for value in own:
            mean.add(value, song)
    return mean.result()


class MeanOverSongs:
    """`song_mean` of clips that come one by one, song by song; in memory are 8 bytes a song and a clip of the last.

    Each song's mean is kept, since of sums over songs a standard error that is small beside the mean would be the
    difference of two nearly equal numbers.

    >>> mean = MeanOverSongs()
    >>> for value, song in [(1.0, "a"), (3.0, "a"), (5.0, "b")]:
    ...     mean.add(value, song)
    >>> mean.result()
    SongMean(mean=3.5, se=1.5, songs=2, clips=3)
    """

    def __init__(self) -> None:
        self.means = array("d")
        self.clips = 0
        self.song: Hashable = None
        self.own = array("d")  # of the song that isn't finished

    def add(self, value: float | None, song: Hashable) -> None:
        """One clip; without a value it counts for nothing.

        Args:
            value: of the clip.
            song: its song; all clips of a song come one after the other.

        Raises:
            ValueError: if the value is NaN.
        """
        if value is None:
            return
        if math.isnan(value):
            raise ValueError(f"values: got NaN for song {song}, expected a number, or None where there is none")
        if self.own and song != self.song:
            self._finish()
        self.song = song
        self.own.append(value)
        self.clips += 1

    def result(self) -> SongMean:
        """Over the clips so far; no more can come."""
        if self.own:
            self._finish()
        g = len(self.means)
        if g == 0:
            return SongMean(None, None, 0, 0)
        mean = math.fsum(self.means) / g
        if g == 1:
            return SongMean(mean, None, 1, self.clips)
        variance = math.fsum((m - mean) ** 2 for m in self.means) / (g - 1)
        return SongMean(mean, math.sqrt(variance / g), g, self.clips)

    def _finish(self) -> None:
        self.means.append(math.fsum(self.own) / len(self.own))
        self.own = array("d")


def t95(songs: int) -> float:
    """Half the width of a 95 % interval of a mean over so many songs, in standard errors: Student's t.

    Raises:
        ValueError: for fewer than two songs, which have no standard error.

    >>> round(t95(2), 1), round(t95(20), 2)
    (12.7, 2.09)
    """
    if songs < 2:
        raise ValueError(f"songs: got {songs}, expected at least 2")
    return t_quantile(songs, 0.95)


def moments(total: Tensor, squares: Tensor, songs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation and standard error over songs from sums over song means m.

    Args:
        total: sum of m.
        squares: sum of m^2.
        songs: G, how many songs, broadcastable to the sums.

    Returns:
        mean, sd (with G - 1) and se = sd / sqrt(G); NaN where there are too few songs.
    """
    g = songs.double()
    mean = total / g  # 0 / 0 is NaN: no song has this frame
    variance = (squares - total * mean) / (g - 1)
    sd = torch.where(g > 1, variance.clamp(min=0).sqrt(), torch.nan)
    return mean, sd, sd / g.sqrt()
