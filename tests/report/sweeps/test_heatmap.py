"""The map draws every clip's own delta, in the order that it says."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from cellfiles import PlantedClip, planted, write_cell
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from noiseprobe.errors import NoiseprobeError
from noiseprobe.report.sweeps.base import views
from noiseprobe.report.sweeps.heatmap import heatmap_figure


def figure_of(cell: Path) -> Figure:
    ((view,),) = views([cell]).values()
    return heatmap_figure(view)


def pixels(figure: Figure) -> np.ndarray:
    found: np.ndarray = figure.axes[0].images[0].get_array()  # type: ignore[assignment]
    return np.ma.filled(np.ma.asarray(found, float), np.nan)


def shifted(group: str, song: str, seed: int, by: float, clip: str | None = None) -> PlantedClip:
    """A clip whose assimilation is about -0.5 and `by`."""
    found = planted(group, song, seed, clip=clip)
    found.delta[:, 255:294] += by
    return found


def edges(axis: Axes) -> list[tuple[float, float, float]]:
    (lines,) = [c for c in axis.collections if isinstance(c, LineCollection) and c.get_gid() == "edges"]
    return [(round(s[0, 0], 6), s[0, 1], s[1, 1]) for s in lines.get_segments()]


def test_rows_are_clips_by_group_then_by_their_songs_assimilation(tmp_path: Path) -> None:
    clips = [
        shifted("h", "x", 0, -9), shifted("g", "one", 1, 5, "g/1.wav#0.0"), shifted("g", "one", 2, -4, "g/2.wav#0.0"),
        shifted("g", "two", 3, -2),
    ]  # fmt: skip
    figure = figure_of(write_cell(tmp_path / "a", clips))
    axis = figure.axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["two", "2", "1", "x"]
    drawn = pixels(figure)
    for row, i in zip(drawn, [3, 2, 1, 0], strict=True):
        assert row[:-3] == pytest.approx(clips[i].delta.mean(0)[150:-3], abs=1e-6)  # from 2 s before the noise on
        assert np.isnan(row[-3:]).all()
    assert axis.images[0].get_extent() == [3.0, 8.0, 3.5, -0.5]
    assert axis.yaxis.get_inverted()
    assert [t.get_text() for t in axis.texts] == ["g", "h"]
    assert "grey: no value" in " ".join(figure.get_suptitle().split())


def test_colours_are_centred_at_0_and_end_at_the_98th_percentile(tmp_path: Path) -> None:
    clips = [planted("g", f"s{i}", i) for i in range(5)]
    figure = figure_of(write_cell(tmp_path / "a", clips))
    image = figure.axes[0].images[0]
    near = np.abs([c.delta.mean(0)[244:309] for c in clips])
    low, high = image.get_clim()
    assert (low, high) == pytest.approx((-np.percentile(near, 98), np.percentile(near, 98)))
    assert np.allclose(image.cmap(0.5)[:3], 0.97, atol=0.02)  # 0 is white
    assert f"colours end at ±{high:.3g} nats, the 98th percentile" in " ".join(figure.get_suptitle().split())
    assert image.colorbar is not None
    assert image.colorbar.extend == "both"


def test_edges_of_the_noise_are_each_clips_own(tmp_path: Path) -> None:
    clips = [planted("g", "a", 0), planted("g", "b", 1, spans=[(50, 60), (100, 150)])]
    clips[1].delta[:, 50:160] -= 5
    axis = figure_of(write_cell(tmp_path / "a", clips)).axes[0]
    rows = [t.get_text() for t in axis.get_yticklabels()]
    expected = {(t, i - 0.5, i + 0.5) for i, name in enumerate(rows)
                for t in {"a": [5.0, 6.0], "b": [1.0, 1.2, 2.0, 3.0]}[name]}  # fmt: skip
    assert set(edges(axis)) == expected
    assert axis.get_xlim() == (0.0, 8.0)  # all of the clip


def test_too_short_noise_is_sorted_by_delta_and_says_so(tmp_path: Path) -> None:
    clips = [planted("g", n, i, spans=[(250, 255)]) for i, n in enumerate("ab")]
    clips[1].delta[:] -= 3
    figure = figure_of(write_cell(tmp_path / "a", clips))
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["b", "a"]
    assert "their mean delta (no clip has an assimilation)" in " ".join(figure.get_suptitle().split())


def test_frames_without_a_counterpart_have_the_colour_of_no_value(tmp_path: Path) -> None:
    clip = planted("g", "s", 0)
    clip.delta[:, 260:270] = np.nan
    figure = figure_of(write_cell(tmp_path / "a", [clip]))
    assert np.flatnonzero(np.isnan(pixels(figure)[0])).tolist() == [*range(110, 120), 247, 248, 249]
    assert np.isfinite(figure.axes[0].images[0].get_clim()).all()


def test_no_difference_at_all_is_white(tmp_path: Path) -> None:
    clip = planted("g", "s", 0, spans=[(250, 250)])
    clip.delta[:] = 0
    figure = figure_of(write_cell(tmp_path / "a", [clip]))
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    assert "colours end" not in figure.get_suptitle()


def test_200_clips_have_no_names_and_fit_on_a_page(tmp_path: Path) -> None:
    clips = [planted(f"group{i % 40:02d}", f"s{i}", i, [(10, 30)], 50) for i in range(200)]
    figure = figure_of(write_cell(tmp_path / "a", clips))
    assert pixels(figure).shape == (200, 50)
    assert figure.get_figheight() <= 9.5
    assert figure.axes[0].get_ylabel() == "clips"
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    assert all(a.y0 >= b.y1 for a, b in pairwise(boxes))  # names of groups don't overlap


def test_without_nll_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=r"no nll\.parquet"):
        figure_of(write_cell(tmp_path / "a", [planted("g", "s", 0)], nll=False))
