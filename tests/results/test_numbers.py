"""Every number of a cell worked out again from nll.parquet alone, with pandas and numpy and none of our code."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from running import run_cell

from noiseprobe import load_results
from noiseprobe.results.load import Results

ON, T, LAST = 100, 200, 3  # noise from 2 s on; 4 s; the last D frames are in no mean
OFF = {"white@2.0s+0.2s": 110, "white@2.0s+0.5s": 125}


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # rock songs have two clips each, so song means and clip means differ
    return run_cell(tmp_path_factory.mktemp("results"), "data.limit=22")


@pytest.fixture(scope="module")
def results(cell: Path) -> Results:
    return load_results(cell)


@pytest.fixture(scope="module")
def curves(results: Results) -> pd.DataFrame:
    """Mean over codebooks: a row for each variant, group, song, clip and frame."""
    nll = results.nll()
    nll["delta"] = nll["nll_corrupted"].astype("float64") - nll["nll_clean"].astype("float64")
    keys = ["variant", "group", "song", "clip", "frame"]
    means = nll.astype({"nll_clean": "float64", "nll_corrupted": "float64"}).groupby(keys)
    return means[["nll_clean", "nll_corrupted", "delta"]].mean().reset_index()


def test_all_codes_are_there_and_finite(results: Results) -> None:
    nll = results.nll()
    assert len(nll) == 22 * 2 * 4 * T
    assert np.isfinite(nll[["nll_clean", "nll_corrupted"]].to_numpy("float64")).all()
    assert set(nll.loc[~nll["in_means"].astype(bool), "frame"]) == {197, 198, 199}


def test_more_than_one_clip_of_a_song(results: Results) -> None:
    assert results.clips.query("variant == 'white@2.0s+0.5s'").groupby("song")["clip"].count().max() == 2


@pytest.mark.parametrize("variant", OFF)
def test_clip_means_and_regions(results: Results, curves: pd.DataFrame, variant: str) -> None:
    off = OFF[variant]
    # look-ahead 4, d = 2, look-back 4, written out
    bounds = {
        "peak": (94, 105),
        "assimilation": (105, off - 6),
        "offset": (max(off - 6, 105), off + 9),
        "recovery": (off + 9, T - LAST),
    }
    for _, row in results.clips.query("variant == @variant").iterrows():
        own = curves[(curves["variant"] == variant) & (curves["clip"] == row["clip"])].set_index("frame")
        whole = own.loc[: T - LAST - 1].mean(numeric_only=True)
        for column in ["nll_clean", "nll_corrupted", "delta"]:
            assert row[column] == pytest.approx(whole[column], abs=1e-9)
        for region, (start, stop) in bounds.items():
            if start < stop:
                assert row[f"{region}_delta"] == pytest.approx(own.loc[start : stop - 1, "delta"].mean(), abs=1e-9)
            else:
                assert pd.isna(row[f"{region}_delta"])
        assert (row["on_frame"], row["off_frame"], row["frames"]) == (ON, off, T)


@pytest.mark.parametrize("codebook", [None, 0, 3])
def test_profiles_over_songs(results: Results, curves: pd.DataFrame, codebook: int | None) -> None:
    variant = "white@2.0s+0.5s"
    if codebook is None:
        own = curves.query("variant == @variant")
        profile = results.profile[results.profile["codebook"].isna()]
    else:
        own = results.nll(variant=variant, codebook=codebook).astype({"nll_clean": float, "nll_corrupted": float})
        own["delta"] = own["nll_corrupted"] - own["nll_clean"]
        profile = results.profile[results.profile["codebook"] == codebook]
    profile = profile.query("variant == @variant").set_index("frame")
    songs = own.groupby(["group", "song", "frame"])[["nll_clean", "nll_corrupted", "delta"]].mean()
    over = songs.groupby("frame")
    count = own.groupby(["group", "song"]).ngroups
    for column, curve in [("nll_clean", "clean"), ("nll_corrupted", "corrupted"), ("delta", "delta")]:
        for frame in [0, 93, 99, 104, 150, 196]:
            row = profile.loc[frame]
            assert row[f"{curve}_mean"] == pytest.approx(over.mean().loc[frame, column], abs=1e-9)
            assert row[f"{curve}_sd"] == pytest.approx(over.std(ddof=1).loc[frame, column], abs=1e-7)
            se = over.std(ddof=1).loc[frame, column] / math.sqrt(count)
            assert row[f"{curve}_se"] == pytest.approx(se, abs=1e-7)
            assert (row["n_clips"], row["n_songs"]) == (22, count)
    assert profile.loc[197:, "delta_mean"].isna().all()
    assert (profile.loc[197:, "n_clips"] == 0).all()


def test_the_summary_is_the_mean_of_song_means(cell: Path, results: Results) -> None:
    summary = json.loads((cell / "summary.json").read_text())
    for entry in summary["variants"]:
        own = results.clips[results.clips["variant"] == entry["variant"]]
        songs = own.groupby(["group", "song"])[
            ["nll_clean", "nll_corrupted", "delta", "peak_delta", "offset_delta", "recovery_delta"]
        ].mean()
        for column in songs.columns:
            assert entry[column]["mean"] == pytest.approx(songs[column].mean(), abs=1e-12)
            assert entry[column]["se"] == pytest.approx(songs[column].std(ddof=1) / math.sqrt(len(songs)), abs=1e-12)
            assert (entry[column]["songs"], entry[column]["clips"]) == (len(songs), 22)
        row = results.cells.set_index("variant").loc[entry["variant"]]
        assert (row["delta"], row["delta_se"]) == (entry["delta"]["mean"], entry["delta"]["se"])


def test_levels_asked_for_and_measured(results: Results) -> None:
    clips = results.clips
    assert (clips["level"] == "match").all()
    assert np.allclose(clips["level_db"], clips["music_db"], atol=1e-9)  # match: the music's own RMS
    assert (clips["noise_db"] - clips["level_db"]).abs().max() < 1e-4
    assert np.allclose(clips["snr_db"], clips["music_db"] - clips["noise_db"], atol=1e-9)


def test_the_signature_says_what_was_measured(cell: Path) -> None:
    signature = (cell / "DONE").read_text().strip()
    assert signature == json.loads((cell / "summary.json").read_text())["signature"]
    weights = json.loads((cell / "meta.json").read_text())["weights"]
    parts = signature.split("|")
    assert parts[:4] == ["noiseprobe", f"model:tiny@{weights[:4]}", "scoring:delay", "cond:null"]
    assert parts[4:8] == ["noise:white@match+10,25f@100", "data:demo", "n:22", f"songs:{_songs(cell)}"]
    assert parts[8:10] == ["agg:cb-frame-clip-song", "seed:0"]


def _songs(cell: Path) -> int:
    return len(load_results(cell).clips.groupby(["group", "song"]))
