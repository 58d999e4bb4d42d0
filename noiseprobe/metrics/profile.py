"""Position-wise loss profiles with song-clustered errors, as torchmetrics.

A profile is the nll as a function of the frame, averaged over the clips of a song, then over songs; one row for each
codebook and a last one for their mean. The states are fixed-shape float64 sums and int64 counts, reduced by "sum", so
they stay small whatever the number of clips, and processes add up to the same numbers as one.

Whole songs must come to one process, in the order of their indices; both are what the DataModule does. The
sums always hold the open song's mean so far: `base_*` are the sums before it, and `open_*` the song itself. Those are
states only to be reset, moved and pickled with the rest; `compute` doesn't read them.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from noiseprobe.functional.statistics import moments


class Profile(NamedTuple):
    """Curves [..., K + 1, T] (codebooks, then their mean) and counts [T]; NaN where too few songs have a frame."""

    mean: Tensor
    sd: Tensor
    se: Tensor
    clips: Tensor
    songs: Tensor


class LossProfile(Metric):
    """Mean nll (or another value of each code) at each frame with song-clustered standard errors.

    Args:
        codebooks: K.
        frames: T of the longest clip.

    Example::
        >>> metric = LossProfile(codebooks=1, frames=2)
        >>> metric.update(torch.tensor([[1.0, 2.0]]), song=0)
        >>> metric.update(torch.tensor([[3.0, 2.0]]), song=1)
        >>> metric.compute().mean[-1]
        tensor([2., 2.], dtype=torch.float64)
        >>> metric.compute().se[-1]
        tensor([1., 0.], dtype=torch.float64)
    """

    full_state_update = True
    curves: tuple[int, ...] = ()  # leading dimensions of the curves
    total: Tensor
    squares: Tensor
    base_total: Tensor
    base_squares: Tensor
    open_total: Tensor
    clips: Tensor
    songs: Tensor
    base_songs: Tensor
    open_clips: Tensor
    open_song: Tensor

    def __init__(self, codebooks: int, frames: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if codebooks < 1 or frames < 1:
            raise ValueError(f"codebooks, frames: got {codebooks}, {frames}, expected at least 1 of each")
        self.codebooks, self.frames = codebooks, frames
        shape = (*self.curves, codebooks + 1, frames)
        for name in ["total", "squares", "base_total", "base_squares", "open_total"]:
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")
        for name in ["clips", "songs", "base_songs", "open_clips"]:
            self.add_state(name, torch.zeros(frames, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("open_song", torch.tensor(-1), dist_reduce_fx="sum")

    def update(self, nll: Tensor, song: int, scored: Tensor | None = None) -> None:
        """Add one clip.

        Args:
            nll: [K, T'] with T' <= frames.
            song: the song's index; songs come in the order of their indices.
            scored: bool [T'], False at frames that have no value; None: all have one.
        """
        self._add(nll, song, scored)

    def _add(self, values: Tensor, song: int, scored: Tensor | None) -> None:
        t = values.shape[-1] if values.dim() else 0
        if values.shape[:-1] != (*self.curves, self.codebooks) or not 0 < t <= self.frames:
            got = tuple(values.shape[len(self.curves) :])
            raise ValueError(f"nll: got shape {got}, expected ({self.codebooks}, 1 to {self.frames})")
        if scored is not None and scored.shape != (t,):
            raise ValueError(f"scored: got shape {tuple(scored.shape)}, expected ({t},)")
        counted = torch.zeros_like(self.open_clips)
        counted[:t] = 1 if scored is None else scored.to(counted)
        values = values.to(self.total)
        padded = self.total.new_zeros(self.total.shape)
        padded[..., :-1, :t] = values
        padded[..., -1, :t] = values.mean(-2)
        padded = torch.where(counted > 0, padded, 0.0)
        if song < int(self.open_song):
            raise ValueError(f"song: got {song} after {int(self.open_song)}, expected the clips in the order of songs")
        if song != int(self.open_song):
            self.base_total, self.base_squares = self.total.clone(), self.squares.clone()
            self.base_songs = self.songs.clone()
            self.open_total, self.open_clips = torch.zeros_like(self.open_total), torch.zeros_like(self.open_clips)
            self.open_song = torch.full_like(self.open_song, song)
        self.open_total = self.open_total + padded
        self.open_clips = self.open_clips + counted
        mean = self.open_total / self.open_clips.clamp(min=1)
        self.total = self.base_total + mean
        self.squares = self.base_squares + mean**2
        self.songs = self.base_songs + (self.open_clips > 0).long()
        self.clips = self.clips + counted

    def compute(self) -> Profile:
        """Mean, standard deviation over songs and standard error, with the counts of clips and songs."""
        mean, sd, se = moments(self.total, self.squares, self.songs)
        return Profile(mean, sd, se, self.clips, self.songs)


class PairedLossProfile(LossProfile):
    """Clean, corrupted and delta profiles of the same clips; the error of delta is that of the paired difference.

    The curves of `compute()` are [3, K + 1, T]: clean, corrupted, corrupted minus clean.

    Example::
        >>> metric = PairedLossProfile(codebooks=1, frames=2)
        >>> metric.update(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 5.0]]), song=0)
        >>> metric.compute().mean[2, -1]
        tensor([0., 3.], dtype=torch.float64)
    """

    curves = (3,)

    def update(  # type: ignore[override]  # a pair is two curves
        self, clean: Tensor, corrupted: Tensor, song: int, scored: Tensor | None = None
    ) -> None:
        """Add one clip's pair.

        Args:
            clean: nll [K, T'].
            corrupted: nll [K, T'].
            song: the song's index; songs come in the order of their indices.
            scored: bool [T'], False at frames that have no value.
        """
        if clean.shape != corrupted.shape:
            raise ValueError(f"corrupted: got shape {tuple(corrupted.shape)}, expected clean's {tuple(clean.shape)}")
        clean, corrupted = clean.to(self.total), corrupted.to(self.total)
        self._add(torch.stack([clean, corrupted, corrupted - clean]), song, scored)
