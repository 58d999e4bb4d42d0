"""Curves of single clips and songs, held against results.nll(); the tables made of them; the reach of a cell."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from running import run_cell

from noiseprobe import load_results
from noiseprobe.errors import NoiseprobeError
from noiseprobe.functional.shape import Shape, shape
from noiseprobe.functional.signals import SIGNALS
from noiseprobe.results.curves import curves, song_curves
from noiseprobe.results.reach import reach


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_cell(tmp_path_factory.mktemp("results"), "data.limit=22", "noise.length=[0,0.5]", "logger=none")


def table(cell: Path, clip: str, variant: str, column: str) -> np.ndarray:
    own = load_results(cell).nll(clip=clip, variant=variant)
    return own.pivot(index="codebook", columns="frame", values=column).to_numpy(dtype=float)


def test_each_curve_is_the_tables(cell: Path):
    found = list(curves(cell))
    assert len(found) == 22 * 2
    assert [(c.clip, c.variant) for c in found] == list(
        load_results(cell).clips[["clip", "variant"]].itertuples(index=False, name=None)
    )
    for c in found[3:8]:
        np.testing.assert_array_equal(c.clean, table(cell, c.clip, c.variant, "nll_clean"))
        np.testing.assert_array_equal(c.corrupted, table(cell, c.clip, c.variant, "nll_corrupted"))
        np.testing.assert_array_equal(c.changed, table(cell, c.clip, c.variant, "changed"))
        assert c.counts.tolist() == [True] * 197 + [False] * 3
        assert np.isnan(c.delta[197:]).all()


def test_a_choice_of_clips_and_variants(cell: Path):
    one = load_results(cell).clips["clip"].iloc[5]
    (found,) = curves(cell, variants=["white@2.0s+0.5s"], clips=[one])
    assert (found.clip, found.variant) == (one, "white@2.0s+0.5s")


def test_song_curves_are_means_over_the_clips_of_a_song(cell: Path):
    songs, found = song_curves(cell, "white@2.0s+0.5s")
    rows = load_results(cell).clips.query("variant == 'white@2.0s+0.5s'")
    assert len(songs) == rows["song"].nunique() < len(rows)
    by_song = rows.groupby(["group", "song"])["delta"].mean()
    for song, curve in zip(songs, found, strict=True):
        assert np.nanmean(curve) == pytest.approx(by_song[song], abs=1e-9)
    profile = load_results(cell).profile.query("variant == 'white@2.0s+0.5s' and codebook.isna()")
    np.testing.assert_allclose(found.mean(0)[:197], profile["delta_mean"].to_numpy(float)[:197], atol=1e-12)


def test_the_profile_has_the_rate_of_changed_codes(cell: Path):
    _, found = song_curves(cell, "white@2.0s+0.5s", lambda c: np.where(c.counts, c.changed.mean(0), np.nan))
    profile = load_results(cell).profile.query("variant == 'white@2.0s+0.5s' and codebook.isna()")
    np.testing.assert_allclose(found.mean(0)[:197], profile["changed_mean"].to_numpy(float)[:197], atol=1e-12)
    rates = profile.set_index("frame")["changed_mean"]
    assert (rates[:96] == 0).all()
    assert rates[101:124].min() > 0.8
    se = found.std(0, ddof=1) / np.sqrt(len(found))
    np.testing.assert_allclose(se[:197], profile["changed_se"].to_numpy(float)[:197], atol=1e-12)


def test_the_shape_of_each_clip(cell: Path):
    results = load_results(cell)
    assert set(results.shapes["variant"]) == {"white@2.0s+0.5s"}, "no noise has no shape"
    assert len(results.shapes) == 22
    for c in list(curves(cell, variants=["white@2.0s+0.5s"]))[:4]:
        row = results.shapes.query("clip == @c.clip").iloc[0]
        delta = c.delta[:197]
        expected = shape(delta, 100, 125, 50.0, 4, 4, 2, 0)
        for name, value in zip(Shape._fields, expected, strict=True):
            assert row[name] == value if value is not None else pd.isna(row[name]), name
        assert row["onset_peak"] == max(delta[94:105])
        assert row["assimilation_level"] == pytest.approx(delta[105:119].mean())


def test_the_signals_of_each_clip(cell: Path):
    results = load_results(cell)
    both = results.signals.merge(results.clips, on=["cell", "clip", "variant"])
    assert len(both) == 44
    np.testing.assert_allclose(both["loss_clean"], both["nll_clean"], atol=1e-12)
    np.testing.assert_allclose(both["loss_corrupted"], both["nll_corrupted"], atol=1e-12)
    none = both[both["variant"] == "white@2.0s+0.0s"]
    for name in SIGNALS:
        assert none[f"{name}_clean"].equals(none[f"{name}_corrupted"].rename(f"{name}_clean")), name
    for c in list(curves(cell, variants=["white@2.0s+0.5s"]))[:4]:
        row = both.query("clip == @c.clip and variant == @c.variant").iloc[0]
        assert row["maximum_corrupted"] == pytest.approx(c.corrupted[:, :197].mean(0).max())


def test_the_reach_of_a_cell(cell: Path, tmp_path: Path):
    assert reach(cell) == (4, 4, 2, 0, 3)
    codes = run_cell(tmp_path, "noise=token_noise", "scoring=parallel", "data.limit=1", "keep_nll=false", "logger=none")
    assert reach(codes) == (0, 0, 0, 1, 0)
    with pytest.raises(NoiseprobeError, match=r"has no nll\.parquet"):
        list(curves(codes))
    assert len(load_results(codes).shapes) == 2
