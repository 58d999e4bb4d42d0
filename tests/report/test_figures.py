"""The profile figure draws what the table says."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from noiseprobe.report.figures import common_spans, profile_figure

FRAMES, RATE = 750, 50.0


def table() -> pd.DataFrame:
    """Two variants; curves that are easy to recognise, null in the last three frames."""
    parts = []
    for length in [1.0, 2.0]:
        frame = np.arange(FRAMES)
        for codebook in [0, pd.NA]:
            shift = 0 if codebook is pd.NA else 100
            rows = pd.DataFrame({"frame": frame, "n_clips": 24, "n_songs": 20})
            rows["clean_mean"], rows["corrupted_mean"] = 4.0 + shift, 4.0 + frame / 1000 + shift
            rows["delta_mean"] = frame / 1000 + length
            for curve in ["clean", "corrupted", "delta"]:
                rows[f"{curve}_se"] = 0.1
            rows.loc[FRAMES - 3 :, ["clean_mean", "corrupted_mean", "delta_mean"]] = np.nan
            rows.loc[FRAMES - 3 :, ["n_clips", "n_songs"]] = 0
            labels = {"model": "toy", "noise": "white", "variant": f"white@5.0s+{length}s"}
            parts.append(rows.assign(**labels, length_s=length, onset_s=5.0, codebook=codebook))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return profile_figure(table(), {f"white@5.0s+{n}s": [(250, 250 + round(n * RATE))] for n in [1.0, 2.0]}, RATE)


def test_one_row_a_variant_with_its_noise_shaded(figure: Figure) -> None:
    assert len(figure.axes) == 4
    for axis, length in zip(figure.axes, [1.0, 1.0, 2.0, 2.0], strict=True):
        (shade,) = axis.patches
        x = shade.get_extents().transformed(axis.transData.inverted())
        assert (x.x0, x.x1) == pytest.approx((5.0, 5.0 + length))


def test_delta_is_drawn_as_it_is_for_the_mean_of_the_codebooks(figure: Figure) -> None:
    for axis, length in zip(figure.axes[1::2], [1.0, 2.0], strict=True):
        line = axis.lines[0]
        time, delta = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert delta == pytest.approx(time * RATE / 1000 + length)
        assert time[0] == pytest.approx(3.0)  # two seconds before the noise
        assert time[-1] == pytest.approx(11.0)  # four seconds after the longest


def test_bands_are_95_percent_of_the_mean(figure: Figure) -> None:
    (band,) = figure.axes[1].collections
    vertices = band.get_paths()[0].vertices
    at = np.isclose(vertices[:, 0], 6.0)
    middle = 300 / 1000 + 1.0
    assert sorted(set(vertices[at, 1].round(6))) == pytest.approx([middle - 0.2093024, middle + 0.2093024], abs=1e-5)


def test_the_caption_says_what_and_how_many(figure: Figure) -> None:
    assert figure.get_suptitle().startswith("toy, white, 24 clips of 20 songs")
    assert "95 % of the mean over songs (Student's t), at each frame by itself" in figure.get_suptitle()
    one = profile_figure(table().assign(n_clips=1, n_songs=1), {"white@5.0s+1.0s": [(250, 300)]}, RATE)
    assert one.get_suptitle().startswith("toy, white, 1 clip of 1 song;")
    assert "one song: no error" in one.get_suptitle()
    assert "95 %" not in one.get_suptitle()


def test_spans_are_common_where_all_clips_have_them_in_one_place() -> None:
    """Rows may come from a file one after the other: they are gone through once."""
    fixed = [{"variant": "a", "spans": [[100, 150]]}] * 3
    to_end = [{"variant": "end", "spans": [[100, off]]} for off in [300, 400, 350]]
    drawn = [{"variant": "drawn", "spans": [[on, on + 10], [400, 410]]} for on in [100, 200, 100]]
    found = common_spans(iter([*fixed, *drawn, *to_end]))
    assert found == {"a": [(100, 150)], "drawn": [], "end": [(100, 400)]}
