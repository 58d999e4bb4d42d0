"""The figure of codebooks draws each one's profile, and its means over regions as the nll has them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from cellfiles import REGIONS, K, planted, region_slices, write_cell
from matplotlib.figure import Figure
from scipy import stats

from noiseprobe.errors import NoiseprobeError
from noiseprobe.report.sweeps.base import View, views
from noiseprobe.report.sweeps.codebooks import codebooks_figure, region_means

CLIPS = [planted("g", f"s{i // 2}", i, clip=f"g/{i}.wav#0.0") for i in range(8)]  # four songs


def only(folder: Path) -> View:
    ((view,),) = views([folder]).values()
    return view


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cell(tmp_path_factory.mktemp("results") / "a", CLIPS)


@pytest.fixture(scope="module")
def figure(cell: Path) -> Figure:
    return codebooks_figure(only(cell))


def of_songs(region: str, codebook: int) -> np.ndarray:
    """The means of songs, from what was planted."""
    stretch = region_slices(250, 300, 400)[region]
    clips = [c.delta[codebook, stretch].mean() for c in CLIPS]
    return np.array(clips).reshape(4, 2).mean(1)


def test_each_codebook_has_its_curve_around_the_noise(cell: Path, figure: Figure) -> None:
    table = pq.read_table(cell / "profile.parquet").to_pandas()
    left = figure.axes[1:]
    assert len(left) == K
    for k, axis in enumerate(left):
        x, y = (np.asarray(v, float) for v in axis.lines[0].get_data())
        assert (x[0], x[-1]) == (3.0, 399 / 50)  # two seconds before the noise; less than four after it in this clip
        own = table[(table["codebook"] == k) & (table["frame"] >= 150)].sort_values("frame")
        assert y == pytest.approx(own["delta_mean"].to_numpy(), nan_ok=True)
        assert axis.get_ylabel().startswith(f"codebook {k}\n")


def test_each_region_has_each_codebooks_mean_over_songs_with_its_interval(figure: Figure) -> None:
    marks = figure.axes[0].containers
    assert len(marks) == 4 * K
    for mark in marks:
        x, y = float(mark.lines[0].get_xdata()[0]), float(mark.lines[0].get_ydata()[0])
        region = REGIONS[round(x)]
        k = round((x - round(x)) / 0.6 * K + (K - 1) / 2)
        own = of_songs(region, k)
        assert y == pytest.approx(own.mean(), abs=1e-6)  # nll.parquet has float32
        (bar,) = mark.lines[2][0].get_segments()
        half = stats.t.ppf(0.975, 3) * own.std(ddof=1) / 2
        assert bar[1, 1] - bar[0, 1] == pytest.approx(2 * half, rel=1e-4)
    legend = figure.axes[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == [str(k) for k in range(K)]


def test_the_mean_of_the_codebooks_is_the_tables_region(cell: Path) -> None:
    view = only(cell)
    for region, (songs, values) in region_means(view).items():
        expected = view.clips.groupby(["group", "song"])[f"{region}_delta"].mean()
        assert [expected[song] for song in songs] == pytest.approx(values.mean(1).tolist(), abs=1e-6)


def test_the_caption_says_how_many_and_which_error(figure: Figure) -> None:
    text = " ".join(figure.get_suptitle().split())
    assert "8 clips of 4 songs" in text
    assert "bars and bands: 95 % of the mean over songs (Student's t), bands at each frame by itself" in text


def test_clips_with_noise_elsewhere_have_their_own_regions(tmp_path: Path) -> None:
    clips = [planted("g", "s", 0), planted("g", "t", 1, spans=[(100, 150), (200, 260)])]
    means = region_means(only(write_cell(tmp_path / "a", clips)))
    songs, values = means["assimilation"]
    assert songs == [("g", "s"), ("g", "t")]
    both = np.concatenate([clips[1].delta[:, 105:144], clips[1].delta[:, 205:254]], axis=1).mean(1)
    assert values[1] == pytest.approx(both, abs=1e-6)


def test_a_region_without_a_frame_is_left_out(tmp_path: Path) -> None:
    clips = [planted("g", s, i, spans=[(250, 255)]) for i, s in enumerate("st")]
    axis = codebooks_figure(only(write_cell(tmp_path / "a", clips))).axes[0]
    assert {REGIONS[round(float(m.lines[0].get_xdata()[0]))] for m in axis.containers} == {"peak", "offset", "recovery"}


def test_without_noise_it_says_that_there_is_no_region(tmp_path: Path) -> None:
    clip = planted("g", "s", 0, spans=[(250, 250)])
    figure = codebooks_figure(only(write_cell(tmp_path / "a", [clip])))
    assert [t.get_text() for t in figure.axes[0].texts] == ["no region has a frame"]


def test_without_nll_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=r"has no nll\.parquet; run it with keep_nll=true force=true"):
        codebooks_figure(only(write_cell(tmp_path / "a", CLIPS, nll=False)))
