"""Whole cells of noise on tokens, every number worked out again from codes that are spliced and scored by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from running import run_cell, weights

from noiseprobe import load_results
from noiseprobe.config import PACKAGE
from noiseprobe.data.audio import decode
from noiseprobe.data.manifest import Clip
from noiseprobe.models.backends.transformers import load
from noiseprobe.noise.base import Draws

NEAR = 2e-5  # nats, between a sequence computed by itself and from a shared prefix
T, ON, LAST = 200, 100, 3  # 4 s, noise from 2 s on, the last 3 frames in no mean
OFF = {0.2: 110, 0.5: 125}
CONTEXT = {"delay": 2, "parallel": 0}  # frames that the delay pattern reaches back


@pytest.fixture(scope="module")
def tiny():
    return load(weights(PACKAGE / "assets/tiny"), "fp32")


def audio_of(name):
    """The clip's 4 s, mono, 32 kHz."""
    path, start = name.split("#")
    return decode(Clip(name, PACKAGE / "assets/demo" / path, float(start), 4.0, "s", "g"), 32_000, 1)


@torch.inference_mode()
def by_hand(tiny, name, kind, off):
    """Clean and corrupted codes of a clip."""
    audio = audio_of(name)
    clean = tiny.encode(audio[None])[0]
    if kind == "token_noise":
        numbers = Draws(0, name, "token_noise", "match").normal(2.0, 0, 128_000)
        span = slice(64_000, off * 640)
        gain = np.sqrt(np.mean(audio.numpy()[0, span].astype(float) ** 2) / np.mean(numbers[span] ** 2))
        other = tiny.encode(torch.from_numpy((numbers * gain).astype(np.float32))[None, None])[0]
    elif kind == "reencode":
        other = tiny.encode(tiny.decode(clean[None])[..., :128_000])[0]
    else:
        other = clean
    codes = torch.cat([clean[:, :ON], other[:, ON:off], clean[:, off:]], 1)
    return clean, codes


@pytest.mark.parametrize(
    ("kind", "scoring"),
    [
        ("token_self", "delay"),
        pytest.param("token_self", "parallel", marks=pytest.mark.slow),
        ("token_noise", "delay"),
        ("token_noise", "parallel"),
        ("reencode", "delay"),
        pytest.param("reencode", "parallel", marks=pytest.mark.slow),
    ],
)
def test_every_number_of_a_cell(tiny, tmp_path: Path, kind: str, scoring: str):
    results = load_results(run_cell(tmp_path, f"noise={kind}", f"scoring={scoring}", "logger=none"))
    assert len(results.clips) == 6
    nll, first = results.nll(), 0 if scoring == "delay" else 1
    for _, row in results.clips.iterrows():
        off = OFF[row["length_s"]]
        clean, codes = by_hand(tiny, row["clip"], kind, off)
        with torch.inference_mode():
            expected = {
                "nll_clean": tiny.nll(clean[None], scoring)[0].numpy(),
                "nll_corrupted": tiny.nll(codes[None], scoring)[0].numpy(),
            }
        own = nll[(nll["clip"] == row["clip"]) & (nll["variant"] == row["variant"])].sort_values(["codebook", "frame"])
        for column, values in expected.items():
            np.testing.assert_allclose(own[column].to_numpy(np.float32), values.ravel(), atol=NEAR, err_msg=column)

        # the row of clips.parquet; regions look no frame ahead or back, since codes change and samples don't
        counted = {c: v[:, first : T - LAST if scoring == "delay" else T].astype(float) for c, v in expected.items()}
        for column, values in counted.items():
            assert row[column] == pytest.approx(values.mean(), abs=NEAR)
        delta = (expected["nll_corrupted"].astype(float) - expected["nll_clean"]).mean(0)
        d = CONTEXT[scoring]
        bounds = {
            "peak": (ON - d, ON + 5),
            "assimilation": (ON + 5, off - d),
            "offset": (off - d, off + 5),
            "recovery": (off + 5, T - LAST if scoring == "delay" else T),
        }
        for region, (start, stop) in bounds.items():
            assert row[f"{region}_delta"] == pytest.approx(delta[start:stop].mean(), abs=NEAR), region
        changed = (clean != codes).any(0).nonzero()[:, 0].tolist()
        assert row["changed_frames"] == len(changed)
        assert (row["on_frame"], row["off_frame"], row["frames_corrupted"]) == (ON, off, T)
        if kind == "token_self":
            assert row[["delta", *(f"{region}_delta" for region in bounds)]].tolist() == [0.0] * 5
            assert row["changed_frames"] == 0
            assert pd.isna(row["first_changed_frame"])
            assert own["nll_clean"].equals(own["nll_corrupted"].rename("nll_clean"))
        else:
            assert ON <= row["first_changed_frame"] == changed[0]
            assert off > row["last_changed_frame"] == changed[-1]
            assert len(changed) > (off - ON) / 2
        if kind == "token_noise":
            music = audio_of(row["clip"]).numpy()[0, 64_000 : off * 640].astype(float)
            assert row["music_db"] == pytest.approx(10 * np.log10(np.mean(music**2)), abs=1e-9)
            assert row["level_db"] == pytest.approx(row["music_db"], abs=1e-9)
            assert row["noise_db"] == pytest.approx(row["music_db"], abs=1e-5)
            assert row["level"] == "match"
    if kind == "token_self":
        for column in ["delta_mean", "delta_se"]:
            assert (results.profile[column].dropna() == 0).all()
        assert (results.cells["delta"] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "overrides"),
    [
        ("token_random", []),
        ("token_other", ["noise.song=other"]),
        ("token_shuffle", ["noise.segment_frames=5"]),
        ("shuffle", ["noise.segment_frames=5"]),
    ],
)
def test_the_others_run_too(tmp_path: Path, kind: str, overrides: list[str]):
    results = load_results(run_cell(tmp_path, f"noise={kind}", "logger=none", *overrides))
    assert len(results.clips) == 6
    assert len(results.rejected) == 0
    assert (results.clips["changed_frames"] > 0).all()
    reach = 4 if kind == "shuffle" else 0
    assert (results.clips["first_changed_frame"] >= ON - reach).all()
    assert (results.clips["delta"] != 0).all()
    if kind != "shuffle":
        assert (results.clips["last_changed_frame"] < results.clips["off_frame"]).all()
    if kind == "token_other":
        assert (results.clips["other_clip"] != results.clips["clip"]).all()


def test_segments_longer_than_the_span_are_rejected_with_a_reason(tmp_path: Path):
    cell = run_cell(tmp_path, "noise=token_shuffle", "noise.segment_frames=12", "logger=none")
    results = load_results(cell)
    assert set(results.clips["variant"]) == {"token_shuffle@2.0s+0.5s"}
    assert set(results.rejected["variant"]) == {"token_shuffle@2.0s+0.2s"}
    assert set(results.rejected["reason"]) == {
        "a span of 10 frames has no two segments of 12 frames that could change places"
    }
