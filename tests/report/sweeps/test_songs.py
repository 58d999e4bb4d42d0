"""Small multiples: each panel draws its song's own delta."""

from pathlib import Path

import numpy as np
import pytest
from cellfiles import planted, write_cell
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noiseprobe.errors import NoiseprobeError
from noiseprobe.report.sweeps.base import views
from noiseprobe.report.sweeps.songs import songs_figure


def figure_of(cell: Path, **options: int) -> Figure:
    ((view,),) = views([cell]).values()
    return songs_figure(view, **options)


def drawn(axis: Axes) -> tuple[np.ndarray, np.ndarray]:
    """The curve of each frame and the moving average."""
    thin, thick = axis.lines[1:]
    return np.asarray(thin.get_ydata(), float), np.asarray(thick.get_ydata(), float)


def caption(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def test_each_panel_is_the_mean_over_its_songs_clips(tmp_path: Path) -> None:
    clips = [planted("h", "s", i, clip=f"h/{i}.wav#0.0") for i in range(2)] + [planted("g", "t", 2)]
    figure = figure_of(write_cell(tmp_path / "a", clips))
    assert [a.get_title(loc="left") for a in figure.axes] == ["g\nt", "h\ns"]  # by group
    for axis, own in zip(figure.axes, [clips[2:], clips[:2]], strict=True):
        expected = np.mean([c.delta.mean(0) for c in own], axis=0)[150:]
        thin, thick = drawn(axis)
        assert thin[:-3] == pytest.approx(expected[:-3], abs=1e-6)
        assert np.isnan(thin[-3:]).all()  # the tail
        assert thick[100] == pytest.approx(expected[95:106].mean(), abs=1e-6)
        assert np.isnan(thick[-3:]).all()
        (shade,) = axis.patches
        box = shade.get_extents().transformed(axis.transData.inverted())
        assert (box.x0, box.x1) == pytest.approx((5.0, 6.0))
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert "3 clips of 2 songs all songs; mean over codebooks and clips of a song, no error" in caption(figure)


def test_of_many_songs_some_of_each_group_are_shown_and_the_title_says_so(tmp_path: Path) -> None:
    groups = {"big": 50, "small": 3, "mid": 17}
    clips = [planted(g, f"{g}{i:02d}", i, frames=60, spans=[(10, 30)]) for g, n in groups.items() for i in range(n)]
    cell = write_cell(tmp_path / "a", clips)
    figure = figure_of(cell)
    titles = [a.get_title(loc="left").split("\n") for a in figure.axes]
    assert len(titles) == 48
    assert titles == sorted(titles)
    counts = {g: sum(t[0] == g for t in titles) for g in groups}
    assert counts == {"big": 28, "small": 3, "mid": 17}
    assert "48 of 70 songs, groups taken in turn" in caption(figure)
    assert len(figure_of(cell, most=5).axes) == 5


def test_moving_averages_lie_within_the_axes_and_what_lies_beyond_is_counted(tmp_path: Path) -> None:
    clips = [planted("g", s, i) for i, s in enumerate("abc")]
    clips[0].delta[:, 270] += 30
    figure = figure_of(write_cell(tmp_path / "a", clips))
    low, high = figure.axes[0].get_ylim()
    assert low == -high
    values = [drawn(a) for a in figure.axes]
    assert max(np.nanmax(np.abs(thick)) for _, thick in values) <= high
    beyond = sum(int((np.abs(thin) > high).sum()) for thin, _ in values)
    assert beyond >= 1
    assert f"thin: each frame ({beyond} of 750 lie beyond ±{high:.3g} nats)" in caption(figure)


def test_one_song_and_no_difference_at_all(tmp_path: Path) -> None:
    clip = planted("g", "s", 0, spans=[(250, 250)])
    clip.delta[:] = 0
    figure = figure_of(write_cell(tmp_path / "a", [clip]))
    (axis,) = figure.axes
    assert axis.get_ylim() == (-1, 1)
    assert "beyond" not in caption(figure)


def test_noise_elsewhere_in_each_clip_is_not_shaded(tmp_path: Path) -> None:
    clips = [planted("g", "s", 0), planted("g", "t", 1, spans=[(100, 150)])]
    figure = figure_of(write_cell(tmp_path / "a", clips))
    assert [len(a.patches) for a in figure.axes] == [0, 0]
    assert figure.get_supxlabel() == "time in the clean clip (s); noise elsewhere in each clip"
    assert len(drawn(figure.axes[0])[0]) == 400


def test_clips_of_different_lengths(tmp_path: Path) -> None:
    """profile.parquet isn't read; the song's mean is over the clips that have the frame."""
    clips = [planted("g", "s", i, frames=n, clip=f"{n}.wav#0.0") for i, n in enumerate([400, 350])]
    cell = write_cell(tmp_path / "a", clips[:1])
    longer = write_cell(tmp_path / "b", clips[1:])
    _join_nll(cell, longer)
    (axis,) = figure_of(cell).axes
    thin, _ = drawn(axis)
    assert thin[190] == pytest.approx(np.mean([clips[0].delta[:, 340].mean(), clips[1].delta[:, 340].mean()]), abs=1e-6)
    assert thin[200] == pytest.approx(clips[0].delta[:, 350].mean(), abs=1e-6)


def _join_nll(cell: Path, other: Path) -> None:
    import pyarrow.parquet as pq

    tables = [pq.read_table(folder / "nll.parquet") for folder in [cell, other]]
    with pq.ParquetWriter(cell / "nll.parquet", tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)


def test_a_name_with_dollar_signs_is_no_formula(tmp_path: Path) -> None:
    figure = figure_of(write_cell(tmp_path / "a", [planted("$g$", r"$\frac$", 0), planted("h", "s", 1)]))
    figure.draw_without_rendering()  # as a formula it would be an error
    assert figure.axes[0].get_title(loc="left") == "$g$\n$\\frac$"


def test_without_nll_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=r"no nll\.parquet"):
        figure_of(write_cell(tmp_path / "a", [planted("g", "s", 0)], nll=False))
