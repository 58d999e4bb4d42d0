"""Each claim on planted tables: which rows it takes, what it makes of them, what verdict comes out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import Planted

from noiseprobe.analysis.claims import amnesia, colors, discernment, length, regions, shuffling
from noiseprobe.analysis.evidence import judge
from noiseprobe.analysis.group import groups

LENGTHS = [0.1, 0.2, 1.0, 2.0, 4.0]


def only(planted):
    (group,) = groups(planted.results())
    return group


def verdicts(claim, planted, margin=0.05):
    found = judge(claim.find(only(planted), margin), "tiny", "demo", "delay", 0.05, 0.8)
    return {v.claim: v for v in found}


def mean_of_songs(planted, rows, column):
    table = pd.DataFrame(planted.clips).query(rows)
    return table.groupby(["variant", "song"])[column].mean().groupby("song").mean().mean()


def white(planted, slope=-0.06, **more):
    for seconds in LENGTHS:
        planted.add("white", seconds, delta=slope * seconds, **more)
    return planted


def test_length_holds_where_it_is_planted():
    planted = white(Planted())
    found = verdicts(length, planted)
    assert {c: v.verdict for c, v in found.items()} == {
        "short noise changes nothing": "holds", "noise lowers the loss": "holds", "longer lowers it more": "holds",
    }  # fmt: skip
    lower = found["noise lowers the loss"]
    assert lower.estimate == pytest.approx(mean_of_songs(planted, "length_s >= 1", "delta"))
    assert (lower.where, lower.unit, lower.songs) == ("white, 1, 2, 4 s", "nats", 20)
    assert found["short noise changes nothing"].where == "white, 0.1, 0.2 s"
    # the fall of the line: slope times 3.9 s
    assert found["longer lowers it more"].estimate == pytest.approx(-0.06 * 3.9, abs=0.03)
    assert "over 5 points Pearson -1.00, Spearman -1.00" in found["longer lowers it more"].note


def test_length_fails_where_the_opposite_is_planted():
    found = verdicts(length, white(Planted(), slope=0.1))
    assert [v.verdict for v in found.values()] == ["holds", "doesn't hold", "doesn't hold"]
    flat = verdicts(length, white(Planted(sd=0.005), slope=0.0))
    assert [v.verdict for v in flat.values()] == ["holds", "doesn't hold", "doesn't hold"]
    noisy = verdicts(length, white(Planted(sd=0.5), slope=0.0))
    assert [v.verdict for v in noisy.values()] == ["undecided"] * 3
    assert all(v.songs_needed > 20 for v in noisy.values())


def test_noise_of_no_length_or_up_to_the_end_is_no_length():
    planted = white(Planted()).add("white", 0.0, delta=9.0).add("white", None, onset=0.0, delta=9.0)
    assert verdicts(length, planted)["noise lowers the loss"].where == "white, 1, 2, 4 s"


def test_other_settings_of_a_kind_are_not_mixed_in():
    planted = white(Planted())
    planted.add("white", 1.0, name="quiet", options={"level": -60.0}, delta=9.0)
    assert verdicts(length, planted)["noise lowers the loss"].where == "white, 1, 2, 4 s"
    assert verdicts(length, planted)["noise lowers the loss"].estimate < 0


def test_a_song_that_lacks_a_variant_is_left_out_of_all():
    planted = white(Planted(songs=6))
    planted.clips = [c for c in planted.clips if not (c["song"] == "s2" and c["length_s"] == 4.0)]
    found = verdicts(length, planted)
    assert found["noise lowers the loss"].songs == 5
    assert found["short noise changes nothing"].songs == 6


def test_songs_of_the_same_name_in_two_groups_are_two():
    planted = white(Planted(songs=4))
    for clip in planted.clips:
        clip["group"], clip["song"] = f"g{clip['song'][1]}", "same"
    assert verdicts(length, planted)["noise lowers the loss"].songs == 4


def test_regions():
    planted = white(Planted(), peak_delta=0.4, assimilation_delta=-0.9, recovery_delta=0.01,
                    recovery_delta_unchanged=0.02)  # fmt: skip
    group = only(planted)
    object.__setattr__(group, "folders", {cell: Path("nowhere") for cell in group.cells["cell"]})  # no nll.parquet
    found = {e.claim: e for e in regions.find(group, 0.05)}
    without = [found.pop(name) for name in ["jump at the onset", "jump at the offset", "offset jump is larger"]]
    assert {e.untested for e in without} == {"needs nll.parquet (keep_nll=true)"}
    assert {v.verdict for v in judge(without, "m", "d", "delay", 0.05, 0.8)} == {"undecided"}
    assert list(found) == ["peak", "assimilation", "recovery", "unchanged codes suffer"]
    assert [(e.side, e.where) for e in found.values()] == [
        ("above", "white, 1, 2, 4 s"), ("below", "white, 1, 2, 4 s"), ("within", "white, 1, 2, 4 s"),
        ("above", "white, 1, 2, 4 s"),
    ]  # fmt: skip
    assert found["peak"].values.mean() == pytest.approx(mean_of_songs(planted, "length_s >= 1", "peak_delta"))
    assert [v.verdict for v in judge(list(found.values()), "m", "d", "delay", 0.05, 0.8)] == ["holds"] * 4


def test_shuffling():
    planted = Planted()
    for frames, delta in [(1, 0.3), (10, 0.1), (50, 0.01), (200, 0.0)]:
        planted.add("shuffle", None, onset=0.0, name=str(frames), options={"segment_frames": frames}, delta=delta)
    planted.add("shuffle", None, onset=0.0, name="far", options={"segment_frames": 1, "order": "far"}, delta=-9.0)
    found = verdicts(shuffling, planted)
    assert {c: (v.verdict, v.where) for c, v in found.items()} == {
        "short shuffling raises it": ("holds", "shuffle, 1, 10 frames"),
        "long shuffling changes nothing": ("holds", "shuffle, 50, 200 frames"),
    }
    assert found["short shuffling raises it"].estimate == pytest.approx(0.2, abs=0.02)


def test_colors():
    planted = Planted()
    for kind, delta in [("violet", -0.4), ("blue", -0.3), ("white", -0.2), ("pink", -0.1), ("brown", 0.0)]:
        planted.add(kind, 2.0, delta=delta)
    planted.add("white", 4.0, delta=9.0)  # a length that only white has
    found = verdicts(colors, planted)
    assert found["deeper noise raises it more"].estimate == pytest.approx(0.4, abs=0.02)
    assert found["deeper noise raises it more"].verdict == "holds"
    assert found["brown noise raises it"].estimate == pytest.approx(0.0, abs=0.02)
    assert [e.claim for e in colors.find(only(Planted().add("brown", 2.0)), 0.05)] == ["brown noise raises it"]


def test_amnesia_is_tested_without_a_ratio_and_shown_as_one():
    planted = Planted(sd=0.005)
    a = {"noisy": 0.3, "none": 0.9, "cut": 0.1, "alone": 0.5}  # worth .8, behind noise .2: amnesia .75
    for past, after in a.items():
        planted.add("token_past", 2.0, name=past, options={"past": past}, after_delta=after, inside_delta=0.1)
    group = only(planted)
    found = verdicts(amnesia, planted)
    assert found["old music helps"].estimate == pytest.approx(0.8, abs=0.01)
    shown = found["amnesia"]
    assert (shown.estimate, shown.verdict, shown.unit) == (pytest.approx(0.75, abs=0.01), "holds", "index")
    assert shown.low < shown.estimate < shown.high
    (row,) = amnesia.table(group)
    assert (row["amnesia"], row["amnesia low"]) == (shown.estimate, shown.low)
    assert row["context loss"] == pytest.approx(1 / 3, abs=0.01)
    assert [row[f"{name} - a"] for name in "bcef"] == pytest.approx([0.3, 0.9, 0.1, 0.5], abs=0.01)
    assert row["worth of old music"] == pytest.approx(0.8, abs=0.01)
    assert row["inside the noise"] == pytest.approx(0, abs=0.01)
    assert row["skipped frames"] == 3


def test_amnesia_of_music_that_is_worth_nothing_has_no_index():
    planted = Planted(sd=0.05)
    for past in ["noisy", "none", "cut", "alone"]:
        planted.add("token_past", 2.0, name=past, options={"past": past}, after_delta=0.1)
    found = verdicts(amnesia, planted)["amnesia"]
    assert (found.estimate, found.verdict) == (None, "undecided")
    assert found.note == "no index: what the music is worth may be 0 or less"


def test_amnesia_needs_all_four_pasts():
    planted = Planted()
    for past in ["noisy", "none", "cut"]:
        planted.add("token_past", 2.0, name=past, options={"past": past})
    assert amnesia.find(only(planted), 0.05) == []
    assert amnesia.table(only(planted)) == []


def test_amnesia_of_music_that_harms_is_no_index_whatever_the_ratio():
    """Worth -0.1 without noise and -0.2 behind it: no music was worth anything that could be lost."""
    planted = Planted(sd=0.005)
    for past, after in {"noisy": 0.5, "none": 0.1, "cut": 0.2, "alone": 0.3}.items():
        planted.add("token_past", 2.0, name=past, options={"past": past}, after_delta=after)
    found = verdicts(amnesia, planted)["amnesia"]
    assert (found.verdict, found.p_holm, found.songs_needed) == ("undecided", None, None)


def test_several_places_in_one_variant_are_no_length():
    planted = white(Planted())
    planted.cells.append(planted.cells[2] | {"variant": "white@5.0s+0.5s,8.0s+0.5s"})
    planted.clips += [c | {"variant": "white@5.0s+0.5s,8.0s+0.5s", "delta": 9.0} for c in planted.clips[80:120]]
    assert verdicts(length, planted)["noise lowers the loss"].estimate < 0
    assert len(only(planted).of("white")) == len(LENGTHS)


def test_a_small_cell_doesnt_take_a_claim_over():
    planted = white(Planted())
    few = Planted(songs=3, seed=1).add("white", 1.5, name="few", delta=9.0)
    planted.cells += few.cells
    planted.clips += few.clips
    found = verdicts(length, planted)["noise lowers the loss"]
    assert (found.songs, found.verdict) == (20, "holds")
    assert found.where == "white, 1, 2, 4 s; left out, of other clips: white@5.0s+1.5s"
    shuffled = Planted().add("shuffle", None, onset=0.0, name="1", options={"segment_frames": 10}, delta=0.1)
    few = Planted(songs=3).add("shuffle", None, onset=0.0, name="2", options={"segment_frames": 10}, delta=9.0)
    shuffled.cells += few.cells
    shuffled.clips += few.clips
    assert verdicts(shuffling, shuffled)["short shuffling raises it"].where == "shuffle, 10 frames"


def test_lengths_are_compared_on_the_same_clips():
    """Each song has a long clip at -0.2 whatever the length, and one at +0.2 too short for 2 s and more."""
    planted = Planted(songs=12, per_song=2, sd=0.01)
    for seconds in LENGTHS:
        planted.add("white", seconds)
    for i, clip in enumerate(planted.clips):
        clip["delta"] = (-0.2 if i % 2 else 0.2) + planted.random.normal(0, 0.01)
    planted.clips = [c for i, c in enumerate(planted.clips) if i % 2 or c["length_s"] < 2]
    found = verdicts(length, planted)
    assert found["longer lowers it more"].verdict == "doesn't hold"
    assert found["longer lowers it more"].estimate == pytest.approx(0, abs=0.02)


def test_clips_of_another_content_or_length_are_others():
    for name, value in [("content", "other"), ("frames", 450)]:
        planted, shorter = white(Planted()), Planted(songs=20, seed=1).add("white", 3.0, name="b", delta=9.0)
        planted.cells += shorter.cells
        planted.clips += [c | {name: value} for c in shorter.clips]
        assert verdicts(length, planted)["noise lowers the loss"].where.endswith("of other clips: white@5.0s+3.0s")


def test_onsets_are_told_where_there_are_several():
    planted = white(Planted())
    white(planted, name="late", onset=7.0)
    assert verdicts(length, planted)["short noise changes nothing"].where == "white, 0.1, 0.2 s from 5, 7 s on"


def test_halves_are_the_same_songs_in_all_variants(monkeypatch: pytest.MonkeyPatch):
    """Song 0 lacks one variant: the other 19 are split once."""
    planted = white(Planted(songs=20, per_song=1))
    planted.clips = [c for c in planted.clips if not (c["song"] == "s0" and c["length_s"] == 4.0)]
    group, asked = only(planted), []

    def at_frames(self, cell, frames, clips):
        asked.append(set(clips))
        songs = pd.MultiIndex.from_tuples([("g", f"s{i}") for i in range(20)], names=["group", "song"])
        random = np.random.default_rng(0)
        return {v: pd.DataFrame(random.normal(0, 1, (20, len(at))), songs) for v, at in frames.items()}

    monkeypatch.setattr(type(group), "at_frames", at_frames)
    monkeypatch.setattr(type(group), "has_curves", lambda self, rows: True)
    monkeypatch.setattr(regions, "reach", lambda folder: (4, 4, 2, 0, 3))
    object.__setattr__(group, "folders", {cell: Path("nowhere") for cell in group.cells["cell"]})
    found = {e.claim: e for e in regions.find(group, 0.05)}
    assert {len(found[c].values) for c in ["jump at the onset", "jump at the offset", "offset jump is larger"]} == {9}
    assert all(len(clips) == 19 for clips in asked)


def test_perfect_separation_is_tested_as_coins_and_else_on_the_logit_scale():
    clean = np.arange(6.0)
    both = dict.fromkeys(["maximum", "constant", "random"], (clean, clean))
    planted = Planted(songs=3).add("white", 1.0, signals=both | {"loss": (clean, clean), "shape": (clean, clean + 99)})
    told = {e.claim: e for e in discernment.find(only(planted), 0.05)}["shape tells"]
    assert told.ps == (0.125, 1.0)
    assert told.shown[:3] == (1.0, pytest.approx(0.025 ** (1 / 3)), 1.0)
    random = np.random.default_rng(3)
    clean, shape = random.normal(0, 1, (2, 20))
    planted = Planted(songs=10).add("white", 1.0, signals=both | {
        "maximum": (clean, clean), "constant": (clean, clean), "random": (clean, clean),
        "loss": (clean, clean), "shape": (shape, shape + 1.2)})  # fmt: skip
    told = {e.claim: e for e in discernment.find(only(planted), 0.05)}["shape tells"]
    half = np.log(told.shown.high / (1 - told.shown.high)) - np.log(told.shown.estimate / (1 - told.shown.estimate))
    assert half == pytest.approx(2.262157 * told.values.std(ddof=1) / np.sqrt(10), abs=1e-5), "the interval's own se"
    assert told.values.mean() == pytest.approx(np.log(told.shown.estimate / (1 - told.shown.estimate)))


def test_discernment():
    planted = Planted(songs=20)
    random, n = planted.random, 40
    clean, other = random.normal(0, 1, (2, n))
    planted.add("white", 1.0, signals={"loss": (clean, clean - 0.5), "shape": (other, other + 3), "maximum": (
        other, other), "constant": (other * 0, other * 0), "random": (other, random.normal(0, 1, n))})  # fmt: skip
    found = verdicts(discernment, planted)
    assert [v.verdict for v in found.values()] == ["holds", "doesn't hold", "holds"]
    assert found["shape beats loss"].unit == "AUC"
    rows = {r["signal"]: r for r in discernment.table(only(planted))}
    assert (rows["loss"]["paired"], rows["shape"]["paired"]) == (0, 1)
    pairs = np.sign((clean - 0.5)[:, None] - clean[None, :])
    assert rows["loss"]["auc"] == pytest.approx((pairs.mean() + 1) / 2)
    assert (rows["constant"]["auc"], rows["constant"]["paired"]) == (0.5, 0.5)
    assert rows["maximum"]["auc"] == 0.5, "twins alike"
    assert rows["shape"]["auc low"] < rows["shape"]["auc"] <= rows["shape"]["auc high"] <= 1


def test_groups_are_told_apart():
    planted = white(Planted())
    for cell in list(planted.cells):
        planted.cells.append(cell | {"seed": 1, "cell": cell["cell"] + "1"})
    for clip in list(planted.clips):
        planted.clips.append(clip | {"cell": clip["cell"] + "1"})
    assert [g.label for g in groups(planted.results())] == ["tiny seed 0", "tiny seed 1"]
    assert [g.label for g in groups(white(Planted()).results())] == ["tiny"]


@pytest.mark.slow
def test_on_tables_without_an_effect_few_verdicts_are_wrong():
    """A claim that isn't true holds in at most alpha of all families."""
    wrong = 0
    for seed in range(60):
        planted = Planted(songs=12, per_song=2, sd=0.3, seed=seed)
        for seconds in [1.0, 4.0]:
            planted.add("white", seconds)
        for kind in ["violet", "blue", "pink", "brown"]:
            planted.add(kind, 1.0)
        group = only(planted)
        evidence = [*length.find(group, 0.05), *colors.find(group, 0.05)]
        found = judge(evidence, "m", "d", "delay", 0.05, 0.8)
        wrong += any(v.verdict == "holds" for v in found)
    assert wrong <= 0.05 * 60 + 3 * np.sqrt(0.05 * 0.95 * 60)
