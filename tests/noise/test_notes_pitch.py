"""Pitches: in is in the key and out is out of it, notes move no farther than asked, and nothing else changes."""

from collections import Counter

import midibytes
import notehearing
import pytest
from notehearing import PLACES, WHOLE, clean, heard, inside, named, notes, picked, random_score, spans, whole, written

from noiseprobe.noise import notes_pitch
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.notes_pitch import Options

# names of the keys' tones, spelled out
TONES = {"c": 0, "c#": 1, "db": 1, "d": 2, "eb": 3, "d#": 3, "e": 4, "f": 5, "f#": 6, "g": 7, "g#": 8, "ab": 8, "a": 9,
         "bb": 10, "b": 11}  # fmt: skip
KEYS = {
    (0, "major"): "c d e f g a b", (2, "major"): "d e f# g a b c#", (3, "major"): "eb f g ab bb c d",
    (9, "minor"): "a b c d e f g", (0, "minor"): "c d eb f g ab bb", (4, "minor"): "e f# g a b c d",
}  # fmt: skip
SIGNATURES = {(0, "major"): (0, 0), (2, "major"): (2, 0), (3, "major"): (-3, 0), (9, "minor"): (0, 1),
              (0, "minor"): (-3, 1), (4, "minor"): (1, 1)}  # fmt: skip


def scale(key):
    """Pitch classes of a key, by a way of its own where the table has it not: a key has the tones of its signature."""
    if key in KEYS:
        return {TONES[t] for t in KEYS[key].split()}
    tonic = key[0] + (3 if key[1] == "minor" else 0)
    return {(tonic + 7 * fifth) % 12 for fifth in range(-1, 6)}


def moved(path, where, seed=0, **keys):
    clip = heard(path)
    made = notes_pitch.corrupt(clip, where, notehearing.draws("notes_pitch", seed), Options(**keys))
    assert made.frame_map is None
    return named(notes(clip.renderer.heard))


def test_the_tables_of_this_test_agree():
    for key, tones in KEYS.items():
        tonic = key[0] + (3 if key[1] == "minor" else 0)
        assert {TONES[t] for t in tones.split()} == {(tonic + 7 * f) % 12 for f in range(-1, 6)}


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("seed", range(40))
def test_the_chosen_notes_move_in_or_out_and_no_other(tmp_path, seed, way):
    path = random_score(tmp_path, seed)
    where, share = PLACES[seed % len(PLACES)], [0.2, 0.5, 1.0][seed % 3]
    semitones = [1, 2, 3, 12][seed // 4 % 4]
    before = whole(path)
    key = scale(clean(path).key)

    def can(n):
        near = [p for p in range(n[3] - semitones, n[3] + semitones + 1) if 0 <= p <= 127 and p != n[3]]
        return not n[0][1] and any((p % 12 in key) == (way == "in") for p in near)

    own = notehearing.draws("notes_pitch", seed)
    able = [inside(n, where) and can(n) for n in before]
    chosen = {(n[0], n[4]) for n in picked(before, able, share, own)}
    old, new = named(before), moved(path, where, seed, notes=share, scale=way, semitones=semitones)
    assert set(old) == set(new)
    assert {n for n in old if new[n] != old[n]} == chosen
    for n in chosen:
        assert new[n][:3] == old[n][:3]
        assert (new[n][3] % 12 in key) == (way == "in")
        assert 0 < abs(new[n][3] - old[n][3]) <= semitones
        assert 0 <= new[n][3] <= 127
        assert not n[0][1], "a drum has moved"


@pytest.mark.parametrize("key", list(KEYS))
def test_two_semitones_are_enough_for_all_notes_but_a_few(tmp_path, key):
    sharps, minor = SIGNATURES[key]
    melody = [(i / 20, 0.04, 1 + i, 1 + i) for i in range(2, 124)]
    path = written(tmp_path / "a.mid", melody, (0, midibytes.signature(sharps, bool(minor))))
    # a major signature alone would leave it to the notes whether the relative minor is meant
    before = whole(path)
    assert scale(clean(path).key) == scale(key)
    for way in ["in", "out"]:
        after = moved(path, WHOLE, notes=1.0, scale=way)
        assert all((n[3] % 12 in scale(key)) == (way == "in") for n in after.values())
        distances = Counter(abs(after[n][3] - old[3]) for n, old in named(before).items())
        assert set(distances) == {1, 2}


def test_every_place_is_as_likely(tmp_path):
    path = written(tmp_path / "a.mid", [(i / 100, 0.005, 60, 1 + i % 127) for i in range(1000)])
    clip = heard(path)
    clip_key = scale(clean(path).key)
    for way in ["in", "out"]:
        made = Options(1.0, way, 12)
        notes_pitch.corrupt(clip, WHOLE, notehearing.draws("notes_pitch"), made)
        found = Counter(n[3] for n in notes(clip.renderer.heard))
        allowed = [p for p in range(48, 73) if p != 60 and (p % 12 in clip_key) == (way == "in")]
        assert sorted(found) == allowed
        expected = 1000 / len(allowed)
        assert sum((found[p] - expected) ** 2 / expected for p in allowed) < 40  # at most 14 degrees of freedom


def test_a_note_moves_alike_under_any_share_and_span(tmp_path):
    path = random_score(tmp_path, 5)
    old, all_of_them = named(whole(path)), moved(path, WHOLE, notes=1.0)
    for share, where in [(0.3, WHOLE), (0.7, WHOLE), (0.5, PLACES[1]), (1.0, PLACES[3])]:
        some = moved(path, where, notes=share)
        assert all(v in (old[n], all_of_them[n]) for n, v in some.items())
        assert some != old


def test_smaller_shares_are_nested_and_seeds_differ(tmp_path):
    path = random_score(tmp_path, 6)
    old = named(whole(path))
    sets = []
    for share in [0.2, 0.4, 0.8]:
        new = moved(path, WHOLE, notes=share)
        sets.append({n for n in old if new[n] != old[n]})
    assert sets[0] < sets[1] < sets[2]
    assert moved(path, WHOLE, seed=1) != moved(path, WHOLE, seed=2)


def test_what_has_no_pitch_to_go_to_is_rejected(tmp_path):
    drums = written(tmp_path / "drums.mid", [(i, 0.5, 38, 64 + i) for i in range(10)], channel=9)
    with pytest.raises(CannotCorrupt, match="none of the 10 notes that begin in the span can be changed so"):
        moved(drums, WHOLE)
    # d in C major has no tone of the key a semitone away
    tones = written(tmp_path / "d.mid", [(i, 0.5, 62, 64 + i) for i in range(10)], (0, midibytes.signature(0, False)))
    with pytest.raises(CannotCorrupt, match="can be changed so"):
        moved(tones, WHOLE, semitones=1, scale="in")
    assert {n[3] for n in moved(tones, WHOLE, semitones=1, scale="out", notes=1.0).values()} == {61, 63}


def test_the_ends_of_the_keyboard(tmp_path):
    melody = [(i / 2, 0.25, p, 10 + i) for i, p in enumerate([0, 127, 0, 127, 0, 127])]
    path = written(tmp_path / "a.mid", melody, (0, midibytes.signature(0, True)))
    assert {n[3] for n in moved(path, spans((0, 6)), notes=1.0, scale="in").values()} == {2, 125}
    assert {n[3] for n in moved(path, spans((0, 6)), notes=1.0, scale="out").values()} == {1, 126}
