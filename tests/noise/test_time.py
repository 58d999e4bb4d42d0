"""Whole cells of kinds that change time, their numbers worked out again: encode, score and compare by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from running import run_cell, weights

from noiseprobe import load_results
from noiseprobe.config import PACKAGE
from noiseprobe.data.audio import decode
from noiseprobe.data.manifest import Clip
from noiseprobe.models.backends.transformers import TransformersMusicGen, load
from noiseprobe.noise.tools.stretch import stretched
from noiseprobe.results.load import Results

NEAR = 2e-5  # nats, between a sequence computed by itself and from a shared prefix
HOP, T, LAST = 640, 200, 3  # 4 s; the last D frames are in no mean
PLACES = {  # frames [on, off) of each span, and how many frames each becomes
    "deletion@2.0s+0.0s": [(100, 100, 0)],
    "deletion@2.0s+0.5s": [(100, 125, 0)],
    "deletion@1.0s+0.2s,2.0s+0.4s": [(50, 60, 0), (100, 120, 0)],
    "tempo@2.0s+0.0s": [(100, 100, 0)],
    "tempo@2.0s+0.5s": [(100, 125, 20)],
    "slower@2.0s+0.2s": [(100, 110, 20)],
}
CELLS = {
    "deletion": ["noise=deletion", "noise.length=[0,0.5]"],
    "spans": ["noise=deletion", "noise.spans=[[1,0.2],[2,0.4]]", "noise.onset=null", "noise.length=null"],
    "tempo": ["noise=tempo", "noise.fade=0", "noise.length=[0,0.5]"],
    "slower": ["noise=tempo", "noise.fade=0", "noise.rate=0.5", "noise.length=0.2"],
}


@pytest.fixture(scope="module")
def model() -> TransformersMusicGen:
    return load(weights(PACKAGE / "assets/tiny"), "fp32")


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    folder = tmp_path_factory.mktemp("results")
    return {name: load_results(run_cell(folder, *keys, "data.limit=2")) for name, keys in CELLS.items()}


def samples(clip: str) -> torch.Tensor:
    path, _, start = clip.partition("#")
    return decode(Clip(clip, PACKAGE / "assets/demo" / path, float(start), 4.0, "", ""), 32_000, 1)


def by_hand(audio: np.ndarray, places: list[tuple[int, int, int]]) -> tuple[np.ndarray, list[int]]:
    """The corrupted audio, and for each clean frame the corrupted one that holds it; -1 without one."""
    parts, frames, position, length = [], [], 0, 0
    for on, off, new in places:
        parts.append(audio[:, position * HOP : on * HOP])
        frames += [*range(length, length + on - position), *[-1] * (off - on)]
        length += on - position + new
        if new:
            rate = (off - on) / new
            parts.append(stretched(audio, on * HOP, rate, new * HOP, 32_000).astype(np.float32))
        position = off
    parts.append(audio[:, position * HOP :])
    frames += range(length, length + T - position)
    total = min(length + T - position, T)
    return np.concatenate(parts, 1)[:, : total * HOP], [f if f < total else -1 for f in frames]


@pytest.mark.parametrize("cell", CELLS)
@torch.inference_mode()
def test_every_number_is_the_one_worked_out_by_hand(
    cells: dict[str, Results], model: TransformersMusicGen, cell: str
) -> None:
    results, deltas = cells[cell], {}
    assert len(results.clips) == 2 * len(results.clips["variant"].unique()) > 0
    for _, row in results.clips.iterrows():
        places = PLACES[row["variant"].replace("tempo", cell) if cell == "slower" else row["variant"]]
        clean = samples(row["clip"])
        audio, frames = by_hand(clean.numpy(), places)
        to = np.array(frames)
        codes, own = (model.encode(x[None]) for x in [clean, torch.from_numpy(np.ascontiguousarray(audio))])
        before, after = (model.nll(c)[0].numpy() for c in [codes, own])
        t = after.shape[1]

        assert (row["frames"], row["frames_corrupted"]) == (T, t)
        assert row["mapped_frames"] == (to >= 0).sum()
        assert [s.tolist() for s in row["spans"]] == [[on, off] for on, off, _ in places]
        assert row["nll_clean"] == pytest.approx(before[:, : T - LAST].astype(float).mean(), abs=NEAR)
        assert row["nll_corrupted"] == pytest.approx(after[:, : t - LAST].astype(float).mean(), abs=NEAR)

        delta = np.full(T, np.nan)
        for f, g in enumerate(frames):
            if g >= 0 and f < T - LAST and g < t - LAST:
                delta[f] = after[:, g].astype(float).mean() - before[:, f].astype(float).mean()
        deltas.setdefault(row["variant"], []).append(delta)
        assert row["delta"] == pytest.approx(np.nanmean(delta), abs=NEAR)
        changed = [f for f, g in enumerate(frames) if g >= 0 and (codes[0, :, f] != own[0, :, g]).any()]
        assert row["changed_frames"] == len(changed)
        if changed:
            assert (row["first_changed_frame"], row["last_changed_frame"]) == (changed[0], changed[-1])
        on, off, _ = places[0]
        if len(places) == 1 and off > on:
            regions = {"peak": (on - 6, on + 5), "offset": (off - 6, off + 9), "recovery": (off + 9, T)}
            for region, (start, stop) in regions.items():
                assert row[f"{region}_delta"] == pytest.approx(np.nanmean(delta[start:stop]), abs=NEAR)
            assert pd.isna(row["assimilation_delta"])  # no frame of the span has a counterpart

        table = results.nll(clip=row["clip"], variant=row["variant"])
        added = sorted(set(range(t)) - set(frames))
        for k in range(4):
            rows = table[table["codebook"] == k]
            assert rows["frame"].fillna(-1).tolist() == [*range(T), *[-1] * len(added)]
            assert rows["frame_corrupted"].fillna(-1).tolist() == [*frames, *added]
            expected = [after[k, g] if g >= 0 else np.nan for g in [*frames, *added]]
            assert rows["nll_corrupted"].to_numpy("float64", na_value=np.nan) == pytest.approx(
                np.array(expected, dtype=float), abs=NEAR, nan_ok=True
            )
            found = rows["nll_clean"].to_numpy("float64", na_value=np.nan)
            assert found[:T] == pytest.approx(before[k].astype(float), abs=NEAR)
            assert np.isnan(found[T:]).all()
            assert rows["in_means"].tolist() == [*np.isfinite(delta).tolist(), *[False] * len(added)]

    for variant, own_deltas in deltas.items():  # two clips of two songs
        rows = results.profile[(results.profile["variant"] == variant) & results.profile["codebook"].isna()]
        assert rows["frame"].tolist() == list(range(T))
        both = np.array(own_deltas)
        assert rows["n_songs"].tolist() == np.isfinite(both).sum(0).tolist()
        expected = both.mean(0)  # the same frames in both
        assert rows["delta_mean"].to_numpy("float64") == pytest.approx(expected, abs=NEAR, nan_ok=True)


@pytest.mark.parametrize("kind", ["deletion", "tempo"])
def test_without_a_length_the_two_are_the_same_to_the_bit(cells: dict[str, Results], kind: str) -> None:
    results = cells[kind]
    variant = f"{kind}@2.0s+0.0s"
    rows = results.clips[results.clips["variant"] == variant]
    assert rows["delta"].tolist() == [0.0, 0.0]
    assert rows["changed_frames"].tolist() == [0, 0]
    assert rows["mapped_frames"].tolist() == [T, T]
    nll = results.nll(variant=variant)
    assert nll["nll_corrupted"].tolist() == nll["nll_clean"].tolist()
    assert nll["frame_corrupted"].tolist() == nll["frame"].tolist()


def test_frames_before_the_codecs_reach_are_the_same(cells: dict[str, Results]) -> None:
    """Up to 6 frames before the cut: 4 of look-ahead and 2 of the delay pattern. Sums over sequences of other lengths
    go another way, so they are the same but for float32's last bits."""
    for kind, off in [("deletion", 125), ("tempo", 125), ("slower", 110)]:
        nll = cells[kind].nll()
        before = nll[nll["frame"] < 94]
        assert len(before) == 94 * 4 * 2 * nll["variant"].nunique()
        assert before["nll_corrupted"].to_numpy(float) == pytest.approx(before["nll_clean"].to_numpy(float), abs=1e-5)
        after = nll[(nll["frame"] >= off + 9) & ~nll["variant"].str.endswith("+0.0s") & nll["in_means"]]
        assert (after["nll_corrupted"] != after["nll_clean"]).mean() > 0.9
        # and it is the same music: a frame earlier or later it isn't
        likeness = [after["nll_clean"].astype(float).corr(after["nll_corrupted"].shift(by)) for by in [-1, 0, 1]]
        assert likeness[1] > 0.95 > 0.7 > max(likeness[0], likeness[2])
