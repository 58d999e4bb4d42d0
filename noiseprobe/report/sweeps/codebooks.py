"""Delta of each codebook: its curve around the noise, and its mean in each region."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from noiseprobe.functional.regions import REGIONS
from noiseprobe.functional.statistics import song_mean
from noiseprobe.report.figures import band, half95
from noiseprobe.report.panels import COLORS, MARKERS
from noiseprobe.report.sheet import BLACK, WIDTH, Sheet, caption, printed
from noiseprobe.report.sweeps.base import (
    View,
    codebook_deltas,
    not_flat,
    shade_noise,
    time_label,
    within,
    write_views,
    zero,
)
from noiseprobe.results.curves import curves

ROOM = 0.6  # of the space of a region that its marks take


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each variant of each cell."""
    return write_views(results, cells, name, "codebooks", lambda view, _: codebooks_figure(view))


def region_means(view: View) -> Mapping[str, tuple[list[tuple[str, str]], np.ndarray]]:
    """For each region the mean delta of each codebook and song.

    Over frames first, then over the clips of a song that have the region.

    Returns:
        For each region (group, song) of each song that has it, and its means [G, K].

    Raises:
        NoiseprobeError: if the cell was run with keep_nll=false.
    """
    spans = dict(zip(view.clips["clip"], view.clips["spans"], strict=True))
    found: dict[str, dict[tuple[str, str], list[np.ndarray]]] = {region: {} for region in REGIONS}
    for c in curves(view.folder, variants=[view.variant]):
        delta = codebook_deltas(c)
        for region, frames in view.regions(spans[c.clip], delta.shape[1]).items():
            counted = frames[c.counts[frames]]
            if len(counted):
                found[region].setdefault((c.group, c.song), []).append(delta[:, counted].mean(1))
    return {
        region: (list(songs), np.array([np.mean(clips, axis=0) for clips in songs.values()]))
        for region, songs in found.items()
    }


@printed
def codebooks_figure(view: View) -> Figure:
    """Mean delta of each codebook around the noise (left), and over each region (right).

    Bands and bars are 95 % intervals of the mean over songs (clustered standard errors, Student's t); bands at each
    frame by itself.

    Args:
        view: what is drawn.

    Raises:
        NoiseprobeError: if the cell was run with keep_nll=false.
    """
    means = region_means(view)
    rows = view.profile[view.profile["codebook"].notna()]
    codebooks = sorted(rows["codebook"].astype(int).unique())
    figure = Sheet(figsize=(WIDTH, 1.3 + 0.85 * len(codebooks)), layout="constrained")
    grid = figure.add_gridspec(len(codebooks), 2, width_ratios=[1.35, 1])
    right = figure.add_subplot(grid[:, 1])
    first = None
    for i, codebook in enumerate(codebooks):
        axis = figure.add_subplot(grid[i, 0], sharex=first, sharey=first)
        first = first or axis
        own = rows[rows["codebook"] == codebook]
        own = own[within(view, own["frame"].to_numpy())]
        time = own["frame"].to_numpy() / view.frame_rate
        color = COLORS[i % len(COLORS)]
        shade_noise(axis, view)
        band(axis, time, own, "delta", color, alpha=0.3)
        axis.plot(time, own["delta_mean"], color=color, linewidth=0.7)
        zero(axis)
        axis.margins(x=0)
        axis.set_ylabel(f"codebook {codebook}\ndelta (nats)")
        axis.tick_params(labelbottom=i == len(codebooks) - 1)
        if i == len(codebooks) - 1:
            axis.set_xlabel(time_label(view))
        for r, region in enumerate(REGIONS):
            songs, values = means[region]
            if songs:
                at = r + ROOM * ((i + 0.5) / len(codebooks) - 0.5)
                m = song_mean(values[:, i].tolist(), songs)
                assert m.mean is not None
                right.errorbar(
                    [at], [m.mean], yerr=[half95(m.se, m.songs)], fmt=MARKERS[i % len(MARKERS)], color=color,
                    markersize=4, elinewidth=1.2, label=f"{codebook}" if region == _first(means) else "_",
                )  # fmt: skip
    if first is not None:
        not_flat(first)
    zero(right)
    not_flat(right)
    right.set_xticks(range(len(REGIONS)), REGIONS)
    right.set_xlim(-0.5, len(REGIONS) - 0.5)
    right.set_ylabel("mean delta over the region (nats)")
    if any(songs for songs, _ in means.values()):
        right.legend(
            title="codebook", ncols=len(codebooks), frameon=False, columnspacing=0.6, handletextpad=0.0, borderpad=0,
            loc="lower center", bbox_to_anchor=(0.5, 1.0),
        )  # fmt: skip
    else:
        right.text(0.5, 0.6, "no region has a frame", transform=right.transAxes, ha="center", color=BLACK)
    errors = "bars and bands: 95 % of the mean over songs (Student's t), bands at each frame by itself"
    caption(
        figure, view.title,
        f"means over frames (right), clips of a song, songs; {errors if view.songs > 1 else 'one song: no error'}",
    )  # fmt: skip
    return figure


def _first(means: Mapping[str, tuple[list[tuple[str, str]], np.ndarray]]) -> str:
    return next(region for region, (songs, _) in means.items() if songs)
