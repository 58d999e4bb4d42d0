"""The figure of curves draws what profile.parquet says, and marks the regions where they are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from cellfiles import planted, write_cell
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy import stats

from noiseprobe.report.sweeps.base import views
from noiseprobe.report.sweeps.curves import TINTS, curves_figure, write

CLIPS = [planted("g", f"s{i // 2}", i, clip=f"g/{i}.wav#0.0") for i in range(6)]  # three songs


def figure_of(*cells: Path) -> Figure:
    (found,) = views(list(cells)).values()
    return curves_figure(found[0], found)


def caption(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def line(axis: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [x for x in axis.lines if x.get_label() == label]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def means(cell: Path) -> pd.DataFrame:
    table = pq.read_table(cell / "profile.parquet").to_pandas()
    return table[table["codebook"].isna()].reset_index(drop=True)


def test_delta_and_changed_codes_are_drawn_as_they_are(tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", CLIPS)
    _, middle, bottom = figure_of(cell).axes
    rows = means(cell)
    for axis, column, unit in [(middle, "delta", 1), (bottom, "changed", 100)]:
        x, y = (np.asarray(v, float) for v in axis.lines[0].get_data())
        assert x == pytest.approx(np.arange(400) / 50)
        assert y == pytest.approx(unit * rows[f"{column}_mean"].to_numpy(), nan_ok=True)
    assert np.isnan(np.asarray(middle.lines[0].get_ydata(), float)).sum() == 3  # the tail


def test_at_the_top_thin_lines_are_the_means_and_thick_ones_averages_of_11_frames(tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", CLIPS)
    top = figure_of(cell).axes[0]
    rows = means(cell)
    for i, label in enumerate(["clean", "corrupted"]):
        values = rows[f"{label}_mean"].to_numpy()
        thin = np.asarray(top.lines[2 * i].get_ydata(), float)
        assert thin == pytest.approx(values, nan_ok=True)
        _, thick = line(top, label)
        assert thick[200] == pytest.approx(values[195:206].mean())
        assert thick[1] == pytest.approx(values[:7].mean())


def test_bands_are_95_percent_of_the_mean_over_songs(tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", CLIPS)
    figure = figure_of(cell)
    rows = means(cell)
    row = rows.loc[275]
    half = stats.t.ppf(0.975, 2) * row["delta_se"]  # three songs
    (band,) = [c for c in figure.axes[1].collections if isinstance(c, PolyCollection)]
    vertices = np.concatenate([p.vertices for p in band.get_paths()])
    at = vertices[np.isclose(vertices[:, 0], 5.5), 1]
    assert (at.min(), at.max()) == pytest.approx((row["delta_mean"] - half, row["delta_mean"] + half))
    assert "95 % of the mean over songs (Student's t), at each frame by itself" in caption(figure)


def tinted(axis: Axes) -> list[tuple[str, float, float]]:
    names = {tint: name for name, tint in TINTS.items() if name != "offset"}  # the same as the peak's
    found = []
    for patch in axis.patches:
        box = patch.get_extents().transformed(axis.transData.inverted())
        color = "#" + "".join(f"{round(255 * v):02X}" for v in patch.get_facecolor()[:3])
        found.append((names[color], round(float(box.x0), 6), round(float(box.x1), 6)))
    return found


def test_regions_are_tinted_and_named_where_the_readme_says(tmp_path: Path) -> None:
    figure = figure_of(write_cell(tmp_path / "a", CLIPS))
    expected = [("peak", 4.88, 5.1), ("assimilation", 5.1, 5.88), ("peak", 5.88, 6.18), ("recovery", 6.18, 7.94)]
    for axis in figure.axes:
        assert tinted(axis) == expected
    top = figure.axes[0]
    assert [(t.get_text(), round(t.xy[0], 2)) for t in top.texts] == [  # type: ignore[attr-defined]
        ("peak", 4.99), ("assimilation", 5.49), ("offset", 6.03), ("recovery", 7.06),
    ]  # fmt: skip
    (bar,) = [x for x in top.lines if x.get_gid() == "noise"]
    assert list(bar.get_xdata()) == [5.0, 6.0]


def test_names_of_regions_do_not_overlap(tmp_path: Path) -> None:
    spans = [(60, 65), (120, 160), (250, 255)]
    figure = figure_of(write_cell(tmp_path / "a", [planted("g", "s", 0, spans), planted("g", "t", 1, spans)]))
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(t) for t in figure.axes[0].texts]  # an annotation's has its arrow, too
    assert len(boxes) >= 10
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert not (min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1)


def test_pure_noise_of_the_same_model_data_and_seed_is_drawn_with_it(tmp_path: Path) -> None:
    whole = [(0, 400)]
    clips = [planted("g", f"s{i // 2}", 10 + i, whole, clip=f"g/{i}.wav#0.0") for i in range(6)]
    cell = write_cell(tmp_path / "a", CLIPS)
    pure = write_cell(tmp_path / "p", clips, "white@0.0s+end")
    others = [
        write_cell(tmp_path / "q", clips, "white@0.0s+end", weights="2"),
        write_cell(tmp_path / "r", clips, "white@0.0s+end", data="other"),
        write_cell(tmp_path / "s", clips, "white@0.0s+end", seed=1),
    ]
    top = figure_of(cell, *others, pure).axes[0]
    assert [x.get_label() for x in top.lines if not x.get_label().startswith("_")] == [  # type: ignore[union-attr]
        "pure white noise", "clean", "corrupted", "where the noise is",
    ]  # fmt: skip
    assert np.asarray(top.lines[0].get_ydata(), float) == pytest.approx(means(pure)["corrupted_mean"], nan_ok=True)
    assert "pure" not in " ".join(str(x.get_label()) for x in figure_of(cell, *others).axes[0].lines)
    # one file: pure noise is no figure of its own beside other noise
    assert [p.name for p in write(tmp_path, [cell, pure], None)] == ["curves-delay.png"]


def test_pure_noise_of_other_clips_or_another_level_says_so(tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", CLIPS)
    other = [planted("g", "s0", 1, [(0, 400)], clip="g/0.wav#0.0")]
    options = '{"mode": "replace", "level": -20.0}'
    pure = write_cell(tmp_path / "p", other, "white@0.0s+end", level="-20.0", options=options)
    label = figure_of(cell, pure).axes[0].lines[1].get_label()
    assert label == "pure white noise, level -20.0 (1 clip of 1 song)"


def test_of_several_pure_noises_none_is_chosen_by_chance(tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", CLIPS)
    pure = [
        write_cell(tmp_path / n, CLIPS, "white@0.0s+end", options=f'{{"mode": "replace", "level": {n}}}')
        for n in ["-20", "-10"]
    ]
    assert len([x for x in figure_of(cell, *pure).axes[0].lines if x.get_gid() is None]) == 4


def test_noise_elsewhere_in_each_clip_has_no_regions_and_the_caption_says_so(tmp_path: Path) -> None:
    clips = [planted("g", "s", 0), planted("g", "t", 1, spans=[(100, 150)])]
    figure = figure_of(write_cell(tmp_path / "a", clips))
    assert [len(a.patches) for a in figure.axes] == [0, 0, 0]
    assert "no regions to mark: noise elsewhere in each clip" in caption(figure)


def test_frames_without_a_counterpart_are_gaps_in_no_region(tmp_path: Path) -> None:
    clips = [planted("g", "s", 0), planted("g", "t", 1)]
    for c in clips:
        c.delta[:, 250:300] = np.nan
    figure = figure_of(write_cell(tmp_path / "a", clips))
    assert np.isnan(np.asarray(figure.axes[1].lines[0].get_ydata(), float)[250:300]).all()
    assert tinted(figure.axes[0]) == [("peak", 4.88, 5.0), ("peak", 6.0, 6.18), ("recovery", 6.18, 7.94)]
    assert "gaps: frames without a counterpart" in caption(figure)


def test_one_song_has_no_band_and_the_caption_claims_none(tmp_path: Path) -> None:
    figure = figure_of(write_cell(tmp_path / "a", CLIPS[:1], nll=False))  # nor is nll.parquet needed
    text = caption(figure)
    assert "1 clip of 1 song" in text
    assert "one song: no error" in text
    assert "95 %" not in text
    (band,) = [c for c in figure.axes[1].collections if isinstance(c, PolyCollection)]
    y = np.asarray(figure.axes[1].lines[0].get_ydata(), float)
    vertices = np.concatenate([p.vertices for p in band.get_paths()])
    assert set(vertices[np.isclose(vertices[:, 0], 5.5), 1]) == {y[275]}


def test_where_nothing_changed_the_axis_is_not_one_of_rounding(tmp_path: Path) -> None:
    clip = planted("g", "s", 0, spans=[(250, 250)])
    clip.delta[:] = 0
    figure = figure_of(write_cell(tmp_path / "a", [clip]))
    assert figure.axes[1].get_ylim() == (-1, 1)
    assert "no regions to mark" in caption(figure)


def test_the_dotted_lines_are_the_simultaneous_band_of_the_songs(tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", CLIPS)
    middle = figure_of(cell).axes[1]
    low, high = (np.asarray(x.get_ydata(), float) for x in middle.lines if x.get_gid() == "at once")
    rows = means(cell)
    # three songs: Bonferroni over the frames that differ between songs; wider than the pointwise band everywhere
    half, se = (high - low) / 2, rows["delta_se"].to_numpy()
    varies = se > 0
    assert (high + low)[varies] / 2 == pytest.approx(rows["delta_mean"].to_numpy()[varies])
    t = stats.t.isf(0.025 / varies.sum(), 2)
    assert half[varies] == pytest.approx(t * se[varies], rel=1e-6)
    assert "dotted: 95 % for all frames at once" in caption(figure_of(cell))
    (cell / "nll.parquet").unlink()
    bare = figure_of(cell)
    assert not [x for x in bare.axes[1].lines if x.get_gid() == "at once"]
    assert "dotted" not in caption(bare)
