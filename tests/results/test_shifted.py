"""Time that was shifted, in records, pairs, tables and profiles: what belongs to what, worked out by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from noiseprobe.data.manifest import Clip, Rejected
from noiseprobe.lightning_module import changed
from noiseprobe.models.patterns import pattern
from noiseprobe.noise.base import Measured
from noiseprobe.results import tables
from noiseprobe.results.pairing import pairing
from noiseprobe.results.records import Record, Records, VariantRecord
from noiseprobe.variants import Variant, at

K, T = 2, 12
DELAY = pattern("delay", (0, 1), special=9)  # the last frame is in no mean
CUT = np.array([0, 1, 2, 3, -1, -1, 4, 5, 6, 7, 8, 9])  # frames 4 and 5 are gone
CLEAN = np.arange(K * T, dtype=np.float32).reshape(K, T)
AFTER = np.array([[100 + t for t in range(10)], [200 + t for t in range(10)]], dtype=np.float32)
CHANGED = np.zeros((K, T), dtype=bool)
CHANGED[1, 6] = True
# a corrupted frame that nothing has become: frame 2 of 3 here
GAP = np.array([0, 1, -1, 3] + [-1] * 8)


def variant(nll=AFTER, frame_map=CUT, spans=((4, 6),)):
    return VariantRecord("cut@0.1s+0.1s", spans, nll, CHANGED, frame_map, Measured(music_db=-20.0))


def test_a_frame_is_paired_with_what_it_has_become():
    paired, counts = pairing(variant(), T, DELAY)
    assert paired[0].tolist()[:4] == [100, 101, 102, 103]
    assert np.isnan(paired[:, 4:6]).all()
    assert paired[1].tolist()[6:] == [204, 205, 206, 207, 208, 209]
    # Neither the clean clip's last frame counts nor the one that became the corrupted clip's last.
    assert counts.tolist() == [True] * 4 + [False] * 2 + [True] * 5 + [False]


def test_a_frame_that_became_one_of_the_last_is_in_no_mean():
    to = np.full(T, -1)
    to[3] = 9  # the corrupted clip's last frame, though the clean clip's fourth
    _, counts = pairing(variant(frame_map=to), T, DELAY)
    assert not counts.any()


def test_without_a_map_frames_stay_where_they_are():
    nll = CLEAN + 1
    paired, counts = pairing(variant(nll, None), T, DELAY)
    assert paired is nll
    assert counts.tolist() == [True] * 11 + [False]


def test_changed_codes_are_those_whose_counterpart_differs():
    clean = torch.arange(K * T).view(K, T)
    after = clean[:, torch.tensor([0, 1, 2, 3, 6, 7, 8, 9, 10, 11])].clone()
    assert not changed(clean, after, CUT).any()
    after[1, 4] += 1  # what frame 6 has become
    assert changed(clean, after, CUT).tolist() == CHANGED.tolist()
    assert not changed(clean, clean, None).any()
    assert changed(clean, clean + 1, None).all()


def cell(v=None):
    clip = Clip("a.wav#0.0", "a.wav", 0.0, 1.0, "song", "group", content="c0ffee")
    return SimpleNamespace(
        name="cell", clips=(clip,), pattern=DELAY, look=(0, 0), level=None, noise_options="{}",
        variants={"cut@0.1s+0.1s": Variant("cut", at(0.1, 0.1))},
        config=SimpleNamespace(model=SimpleNamespace(name="m")), sample_rate=30, hop=10,
    )  # fmt: skip


def test_the_clips_table_has_deltas_over_mapped_frames_and_nll_over_all():
    (row,) = tables.clip_rows(cell(), Record(0, "a.wav#0.0", CLEAN, (variant(),)))
    assert (row["frames"], row["frames_corrupted"], row["mapped_frames"]) == (12, 10, 10)
    clean = CLEAN.mean(0)
    assert row["nll_clean"] == pytest.approx(clean[:11].mean())
    assert row["nll_corrupted"] == pytest.approx(AFTER.mean(0)[:9].mean())
    differences = [AFTER.mean(0)[CUT[t]] - clean[t] for t in [0, 1, 2, 3, 6, 7, 8, 9, 10]]
    assert row["delta"] == pytest.approx(np.mean(differences))
    # peak [4-1, 9): frames 3, 6, 7, 8 have a counterpart; offset begins at 9, recovery at 11, which is in no mean
    d = dict(zip([0, 1, 2, 3, 6, 7, 8, 9, 10], differences, strict=True))
    context = DELAY.context
    peak = [t for t in range(4 - context, 9) if t in d]
    assert row["peak_delta"] == pytest.approx(np.mean([d[t] for t in peak]))
    assert row["assimilation_delta"] is None
    assert row["offset_delta"] == pytest.approx(np.mean([d[9], d[10]]))
    assert row["recovery_delta"] is None
    assert row["spans"] == [[4, 6]]
    # one of 18 codes that count has changed, one of 6 in the peak
    assert (row["changed"], row["peak_changed"], row["offset_changed"]) == (1 / 18, 1 / 6, 0)
    assert row["assimilation_changed"] is None
    by_code = {(k, t): AFTER[k, CUT[t]] - CLEAN[k, t] for k in range(K) for t in d}
    same = [v for at, v in by_code.items() if at != (1, 6)]
    assert row["delta_unchanged"] == pytest.approx(np.mean(same))
    assert row["peak_delta_unchanged"] == pytest.approx(np.mean([by_code[k, t] for k in range(K) for t in peak
                                                                 if (k, t) != (1, 6)]))  # fmt: skip
    # D = 1: one frame is skipped after each seam; a second is 3 frames here
    assert row["skipped"] == 1
    assert row["inside_delta"] is None  # frame 5 has no counterpart
    assert row["after_delta"] == pytest.approx(np.mean([d[7], d[8], d[9]]))
    assert row["content"] == "c0ffee"


def test_without_any_counterpart_delta_is_null():
    (row,) = tables.clip_rows(cell(), Record(0, "a.wav#0.0", CLEAN, (variant(frame_map=np.full(T, -1)),)))
    assert (row["delta"], row["peak_delta"], row["mapped_frames"]) == (None, None, 0)
    assert math.isfinite(row["nll_corrupted"])


def test_the_nll_table_loses_no_value():
    rows = tables.nll(cell(), Record(0, "a.wav#0.0", CLEAN, (variant(AFTER[:, :4], GAP),))).to_pylist()
    assert len(rows) == K * (T + 1)
    own = [r for r in rows if r["codebook"] == 1]
    assert [r["frame"] for r in own] == [*range(T), None]
    assert [r["frame_corrupted"] for r in own] == [0, 1, None, 3] + [None] * 8 + [2]
    assert [r["nll_corrupted"] for r in own] == [200, 201, None, 203] + [None] * 8 + [202]
    assert [r["nll_clean"] for r in own] == [*CLEAN[1].tolist(), None]
    nothing = [None] * 9
    assert [r["changed"] for r in own] == [False, False, None, False, *nothing]
    assert [r["in_means"] for r in own] == [True, True] + [False] * 11  # frame 3 became the corrupted clip's last
    everything = sorted(r["nll_corrupted"] for r in rows if r["nll_corrupted"] is not None)
    assert everything == sorted(AFTER[:, :4].ravel().tolist())


def test_records_come_back_as_they_went(tmp_path):
    records = Records(tmp_path)
    plain = VariantRecord(
        "white@1.0s+1.0s", ((1, 2), (5, 6)), CLEAN, np.array([], dtype=int), None, Measured(other="b")
    )
    rejected = (Rejected("a.wav", "no other clip", "a.wav#0.0", "cut@0.5s+0.1s"),)
    record = Record(3, "a.wav#0.0", CLEAN, (variant(), plain), rejected)
    records.write(record)
    found = records.read(3)
    assert (found.index, found.clip, found.rejected) == (3, "a.wav#0.0", rejected)
    assert found.clean.tobytes() == CLEAN.tobytes()
    for got, put in zip(found.variants, record.variants, strict=True):
        assert (got.variant, got.spans, got.measured) == (put.variant, put.spans, put.measured)
        assert got.nll.tobytes() == put.nll.tobytes()
        assert got.changed.tolist() == put.changed.tolist()
        assert (got.frame_map is None) == (put.frame_map is None)
    assert found.variants[0].frame_map.tolist() == CUT.tolist()
