"""Changed notes through whole cells, every number worked out again from notes that are changed by hand."""

from dataclasses import replace
from pathlib import Path

import notehearing
import numpy as np
import pandas as pd
import pytest
import torch
from notehearing import MIDI, SOUNDFONT, sounding
from running import run_cell, weights

from noiseprobe import load_results
from noiseprobe.config import PACKAGE
from noiseprobe.models.backends.transformers import load
from noiseprobe.noise.base import Draws
from noiseprobe.score import read
from noiseprobe.score.notes import Part
from noiseprobe.score.render import Renderer

NEAR = 2e-5  # nats, between a sequence computed by itself and from a shared prefix
CELL = ["data=midi", "data.limit=2", "data.duration=4", "logger=none"]
T, LAST = 200, 3  # frames, and those at the end that are in no mean
PLAYER = Renderer(SOUNDFONT, -23.0)


@pytest.fixture(scope="module")
def tiny():
    return load(weights(PACKAGE / "assets/tiny"), "fp32")


def played(excerpt, notes, like=None):
    """Notes without a pedal, as sound at 32 kHz; with the gain of the excerpt `like`, or as loud as any."""
    parts = []
    for part in dict.fromkeys(n[0] for n in notes):
        columns = zip(*(n[1:] for n in notes if n[0] == part), strict=True)
        parts.append(Part(part[0], part[1], *columns))
    made = replace(excerpt, parts=tuple(parts))
    if like is None:
        return PLAYER.render(made, 32_000, 1, 4.0)
    gain = PLAYER.gain(PLAYER.play(like, 32_000, 1, 4.0), 32_000)
    return PLAYER.play(made, 32_000, 1, 4.0) * np.float32(gain)


@torch.inference_mode()
def scored(tiny, audio):
    codes = tiny.encode(torch.from_numpy(audio)[None])
    return codes[0], tiny.nll(codes, "delay")[0].numpy()


def test_every_number_of_a_cell(tiny, tmp_path: Path):
    own = [*CELL, "noise=notes_delete", "noise.notes=0.5", "noise.onset=null", "noise.length=null"]
    results = load_results(run_cell(tmp_path, *own))
    assert len(results.clips) == 2
    assert len(results.rejected) == 0
    assert set(results.clips["variant"]) == {"notes_delete@0.0s+end"}
    nll = results.nll()
    for _, row in results.clips.iterrows():
        path = MIDI / row["clip"].split("#")[0]
        excerpt = read.excerpt(path, 0.0, 4.0)
        clean = PLAYER.render(excerpt, 32_000, 1, 4.0)
        # the notes that begin in the clip, part by part; half of them go, those with the smallest numbers
        notes = [n for n in sounding(read.excerpt(path, 0.0, 8.0)) if round(n[1] * 32_000) < 128_000]
        numbers = Draws(0, row["clip"], "notes_delete", "").state(0.0, "notes").uniform(size=len(notes))
        gone = set(np.argsort(numbers)[: round(len(notes) / 2)].tolist())
        corrupted = played(excerpt, [n for i, n in enumerate(notes) if i not in gone])

        codes, expected = zip(*(scored(tiny, audio) for audio in (clean, corrupted)), strict=True)
        mine = nll[nll["clip"] == row["clip"]].sort_values(["codebook", "frame"])
        for column, values in zip(["nll_clean", "nll_corrupted"], expected, strict=True):
            np.testing.assert_allclose(mine[column].to_numpy(np.float32), values.ravel(), atol=NEAR, err_msg=column)
        delta = (expected[1].astype(float) - expected[0])[:, : T - LAST].mean()
        assert row["delta"] == pytest.approx(delta, abs=NEAR)
        assert row["changed_frames"] == int((codes[0] != codes[1]).any(0).sum())
        assert (row["frames_corrupted"], row["mapped_frames"], row["on_frame"], row["off_frame"]) == (T, T, 0, T)
        for audio, column in [(clean, "music_db"), (corrupted, "noise_db")]:
            assert row[column] == pytest.approx(10 * np.log10(np.mean(audio.astype(float) ** 2)), abs=1e-6)


def test_a_tempo_is_compared_where_frames_have_counterparts(tiny, tmp_path: Path):
    own = [*CELL, "noise=notes_tempo", "noise.rate=2", "noise.onset=1", "noise.length=1"]
    results = load_results(run_cell(tmp_path, *own))
    nll = results.nll()
    assert len(results.clips) == 2
    for _, row in results.clips.iterrows():
        path = MIDI / row["clip"].split("#")[0]

        def now(time):
            return time if time < 1 else 1 + (time - 1) / 2 if time < 2 else time - 0.5

        notes = [
            (part, now(start), now(start + length) - now(start), pitch, velocity)
            for part, start, length, pitch, velocity in sounding(read.excerpt(path, 0.0, 8.0))
        ]
        excerpt = read.excerpt(path, 0.0, 4.0)
        clean, corrupted = PLAYER.render(excerpt, 32_000, 1, 4.0), played(excerpt, notes, excerpt)
        expected = [scored(tiny, audio)[1] for audio in (clean, corrupted)]
        counterpart = np.array([*range(50), *[-1] * 50, *range(75, 175)])

        mine = nll[(nll["clip"] == row["clip"]) & nll["frame"].notna()].sort_values(["codebook", "frame"])
        np.testing.assert_allclose(mine["nll_clean"].to_numpy(np.float32), expected[0].ravel(), atol=NEAR)
        paired = np.where(counterpart >= 0, expected[1][:, counterpart], np.nan)
        np.testing.assert_allclose(mine["nll_corrupted"].to_numpy(np.float32).reshape(4, T), paired, atol=NEAR)
        counted = (counterpart >= 0) & (np.arange(T) < T - LAST)
        delta = (paired.astype(float) - expected[0]).mean(0)
        assert row["delta"] == pytest.approx(delta[counted].mean(), abs=NEAR)
        assert pd.isna(row["assimilation_delta"])
        assert (row["mapped_frames"], row["frames_corrupted"]) == (150, T)
        added = nll[(nll["clip"] == row["clip"]) & nll["frame"].isna()]
        assert sorted(set(added["frame_corrupted"])) == [*range(50, 75), *range(175, 200)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "overrides"),
    [
        ("notes_pitch", ["noise.scale=out"]),
        ("notes_velocity", []),
        ("notes_rhythm", []),
        ("notes_rhythm", ["noise.mode=even", "noise.notes=1", "data.limit=6"]),
        ("notes_structure", ["noise.unit=beat"]),
    ],
)
def test_the_others_run_too(tmp_path: Path, kind: str, overrides: list[str]):
    results = load_results(run_cell(tmp_path, *CELL, f"noise={kind}", "noise.onset=1", "noise.length=2", *overrides))
    assert len(results.clips) + len(results.rejected) == (6 if "data.limit=6" in overrides else 2)
    assert len(results.clips) > 0
    assert (results.clips["changed_frames"] > 0).all()
    assert (results.clips["delta"] != 0).all()
    assert ((results.clips["mapped_frames"] == T) != (kind == "notes_structure")).all()


def test_a_clip_whose_notes_cannot_change_is_a_row_of_the_rejected(tmp_path: Path):
    notehearing.written(tmp_path / "a.mid", [(i, 0.5, 60, 80) for i in range(12)])
    notehearing.written(tmp_path / "b.mid", [(i * i / 5, 0.5, 60, 80) for i in range(8)])
    own = [f"data.root={tmp_path}", "noise=notes_rhythm", "noise.mode=even", "noise.onset=0", "noise.length=3"]
    results = load_results(run_cell(tmp_path / "results", *CELL, *own))
    assert results.clips["clip"].tolist() == ["b.mid#0.0"]
    assert results.rejected["clip"].tolist() == ["a.mid#0.0"]
    assert results.rejected["reason"].tolist() == ["none of the 6 notes that begin in the span can be changed so"]
