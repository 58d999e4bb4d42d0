"""The figure of the regions draws the index's means, and the songs behind them as the clips say."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from rows import points, row

from noiseprobe.report.sweeps.regions import Songs, regions_figure, song_means

REGIONS = ["peak", "assimilation", "offset", "recovery"]
NONE = dict.fromkeys([f"{r}_delta{e}" for r in REGIONS for e in ["", "_se"]])


def songs_of(rows: list[dict[str, object]]) -> Songs:
    return {(str(r["cell"]), str(r["variant"]), g): [float(i), i + 0.5] for r in rows for i, g in enumerate(REGIONS)}


def figure_of(rows: list[dict[str, object]]) -> Figure:
    figure = regions_figure(songs_of(rows), "delay", points(rows))
    assert figure is not None
    return figure


def test_means_bars_and_songs_of_each_region_and_length() -> None:
    (axis,) = figure_of([row(1.0), row(2.0)]).axes
    assert [t.get_text() for t in axis.get_xticklabels()] == REGIONS
    assert [c.get_label() for c in axis.containers] == ["1 s", "2 s"]
    for container, length in zip(axis.containers, [1.0, 2.0], strict=True):
        mean = container.lines[0]
        assert list(mean.get_ydata()) == pytest.approx([i + length / 10 for i in range(4)])
        bars = [s[1, 1] - s[0, 1] for s in container.lines[2][0].get_segments()]
        assert bars == pytest.approx([2 * 12.706205 * 0.1] * 4)
    faint = [line for line in axis.lines if line.get_alpha() == 0.5]
    assert sorted(tuple(line.get_ydata()) for line in faint) == sorted([(i, i + 0.5) for i in range(4)] * 2)
    # each beside its mean: nearer to it than to any other
    means = np.concatenate([np.asarray(c.lines[0].get_xdata(), float) for c in axis.containers])
    for line in faint:
        x = np.asarray(line.get_xdata(), float)
        assert len({int(np.abs(means - v).argmin()) for v in x}) == 1


def violins(axis: Axes) -> list[np.ndarray]:
    """The outline of each."""
    return [c.get_paths()[0].vertices for c in axis.collections if isinstance(c, PolyCollection)]


def of_number(n: int, value: float | None = None) -> Figure:
    """One row with n songs in each region, spread over [0, 1]; the peak has 3 more."""
    own = np.linspace(0, 1, n).tolist() if value is None else [value] * n
    r = row(1.0)
    songs = {(str(r["cell"]), str(r["variant"]), g): [*own, *([0.5] * 3 if g == "peak" else [])] for g in REGIONS}
    figure = regions_figure(songs, "delay", points([r]))
    assert figure is not None
    return figure


def test_violins_from_eight_songs_on_cut_at_the_songs_range() -> None:
    figure = of_number(8)
    outlines = violins(figure.axes[0])
    assert [round(v[:, 0].mean()) for v in outlines] == [0, 1, 2, 3]
    for outline in outlines:
        assert (outline[:, 1].min(), outline[:, 1].max()) == pytest.approx((0, 1))
        assert np.ptp(outline[:, 0]) < 0.8  # within its region
    # the density: widest in the middle of what is spread evenly, and even on both sides
    peak = outlines[0]
    assert abs(peak[np.abs(peak[:, 0]).argmax(), 1] - 0.5) < 0.05
    assert "violins: their density, cut at their range, from 8 songs on" in " ".join(figure.get_suptitle().split())


def test_fewer_songs_have_no_violin_and_the_caption_speaks_of_none() -> None:
    assert len(violins(of_number(7).axes[0])) == 1  # the peak has ten
    assert violins(of_number(4).axes[0]) == []
    assert "violin" not in of_number(4).get_suptitle()


def test_songs_without_any_spread_are_a_line() -> None:
    for outline in violins(of_number(9, value=0.5).axes[0]):
        assert set(outline[:, 1]) == {0.5}


def test_one_song_stands_at_its_mean_without_a_bar_and_the_caption_claims_none() -> None:
    r = row(1.0, n_clips=1, n_songs=1, **{f"{g}_delta_se": None for g in REGIONS})
    figure = regions_figure({k: v[:1] for k, v in songs_of([r]).items()}, "delay", points([r]))
    assert figure is not None
    (axis,) = figure.axes
    for line, x in zip([line for line in axis.lines if line.get_alpha() == 0.5], range(4), strict=True):
        assert list(line.get_xdata()) == [x]
    bars = axis.containers[0].lines[2][0].get_segments()
    assert [s[1, 1] - s[0, 1] for s in bars] == [0] * 4
    assert "1 clip of 1 song" in figure.get_suptitle()
    assert "one song: no error" in figure.get_suptitle()


def test_models_and_kinds_have_panels() -> None:
    rows = [row(n, model=m, weights=m, noise=k) for m in ["a", "b"] for k in ["white", "pink"] for n in [1.0, 2.0]]
    titles = [a.get_title(loc="left") for a in figure_of(rows).axes]
    assert titles == ["a, white", "a, pink", "b, white", "b, pink"]


def test_a_region_without_a_frame_is_left_out() -> None:
    rows = [row(1.0, assimilation_delta=None, assimilation_delta_se=None)]
    figure = regions_figure(
        {k: [] if k[2] == "assimilation" else v for k, v in songs_of(rows).items()}, "delay", points(rows)
    )
    assert figure is not None
    assert list(figure.axes[0].containers[0].lines[0].get_ydata()) == pytest.approx([0.1, 2.1, 3.1])


def test_no_region_at_all_is_no_figure() -> None:
    rows = [row(0.0, **NONE)]
    assert regions_figure(songs_of(rows), "delay", points(rows)) is None


def test_songs_are_means_over_their_clips_and_told_apart_by_group(tmp_path: Path) -> None:
    cell = tmp_path / "cell"
    cell.mkdir()
    table = {"variant": ["v"] * 4, "group": ["g", "g", "h", "h"], "song": ["s", "s", "s", "t"]}
    table |= {f"{r}_delta": [1.0, 3.0, 5.0, None] for r in REGIONS}
    pq.write_table(pa.table(table), cell / "clips.parquet")
    found = song_means([cell])
    assert set(found) == {("cell", "v", r) for r in REGIONS}
    assert sorted(found["cell", "v", "peak"]) == [2.0, 5.0]
