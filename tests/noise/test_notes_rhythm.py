"""Rhythm: how far notes move, that they stay in their span, and what is even."""

import itertools

import midibytes
import notehearing
import numpy as np
import pytest
from notehearing import (
    PLACES,
    RATE,
    SECONDS,
    WHOLE,
    N,
    clean,
    heard,
    inside,
    named,
    notes,
    picked,
    random_score,
    spans,
    whole,
    written,
)

from noiseprobe.noise import notes_rhythm
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.notes_rhythm import Options


def moved(path, where, seed=0, start=0.0, duration=SECONDS, **keys):
    clip = heard(path, start, duration)
    made = notes_rhythm.corrupt(clip, where, notehearing.draws("notes_rhythm", seed), Options(**keys))
    assert made.frame_map is None
    assert made.audio.shape == clip.audio.shape
    return named(notes(clip.renderer.heard))


def beat_at(beats, time):
    """Length of the beat that a time lies in, or of the nearest one."""
    for before, after in itertools.pairwise(beats):
        if time < after:
            return after - before
    return beats[-1] - beats[-2]


@pytest.mark.parametrize("seed", range(60))
def test_chosen_notes_move_by_a_share_of_a_beat_within_their_span(tmp_path, seed):
    path = random_score(tmp_path, seed)
    where, share = PLACES[seed % len(PLACES)], [0.1, 0.3, 0.6, 1.0][seed // 4 % 4]
    beats = [0.05, 0.25, 1.0, 4.0][seed % 4]
    before, lines = whole(path), clean(path, 0.0, 2 * SECONDS).beats.tolist()
    own = notehearing.draws("notes_rhythm", seed)
    chosen = picked(before, [inside(n, where) for n in before], share, own)
    old, new = named(before), moved(path, where, seed, notes=share, beats=beats)
    assert set(old) == set(new)
    assert {n for n in old if new[n] != old[n]} == {(n[0], n[4]) for n in chosen}
    mine = [n for n in before if round(n[1] * RATE) < N]
    numbers = dict(zip(((n[0], n[4]) for n in mine), own.state(0.0, "offset").uniform(size=len(mine)), strict=True))
    for name in ((n[0], n[4]) for n in chosen):
        a, b = old[name], new[name]
        assert (a[2], a[3]) == (b[2], b[3])
        span = next(s for s in where if inside(a, [s]))
        assert inside(b, [span])
        reach = beats * beat_at(lines, a[1])
        low, high = max(a[1] - reach, span.start / RATE), min(a[1] + reach, (span.stop - 1) / RATE)
        assert b[1] == pytest.approx(low + numbers[name] * (high - low), abs=1e-9)


def test_moves_are_uniform(tmp_path):
    # steady notes two seconds from the ends of the span, beats of half a second
    path = written(tmp_path / "a.mid", [(4 + i / 60, 1 / 120, 60, 1 + i) for i in range(120)])
    old, found = named(whole(path)), []
    for seed in range(20):
        new = moved(path, WHOLE, seed, notes=1.0, beats=0.5)
        found += [(new[n][1] - old[n][1]) / 0.25 for n in old]
    assert len(found) == 2400
    assert -1 <= min(found) < -0.99
    assert 0.99 < max(found) <= 1
    counts = np.histogram(found, 10, (-1, 1))[0]
    assert ((counts - 240) ** 2 / 240).sum() < 28  # nine degrees of freedom: p > 0.001


def test_beats_are_those_of_the_score(tmp_path):
    # 0.5 s a quarter note, then 1 s; in 6/8 a beat is three eighths
    slow = (1920, midibytes.tempo(1_000_000))
    path = written(tmp_path / "a.mid", [(1.5, 1, 60, 60), (5.5, 1, 62, 62)], slow)
    for seed in range(30):
        new = moved(path, spans((0, 6)), seed, notes=1.0, beats=0.5)
        assert abs(new[(0, False), 60][1] - 0.75) <= 0.25
        assert abs(new[(0, False), 62][1] - 3.5) <= 0.5
    assert max(abs(moved(path, WHOLE, s, notes=1.0, beats=0.5)[(0, False), 62][1] - 3.5) for s in range(30)) > 0.25
    path = written(tmp_path / "b.mid", [(3, 1, 60, 60)], (0, midibytes.metre(6, 3)))
    moves = [abs(moved(path, WHOLE, s, notes=1.0, beats=1.0)[(0, False), 60][1] - 1.5) for s in range(60)]
    assert 0.7 < max(moves) <= 0.75


def test_a_note_moves_alike_under_any_share(tmp_path):
    path = random_score(tmp_path, 7)
    old, all_of_them = named(whole(path)), moved(path, WHOLE, notes=1.0)
    sets = []
    for share in [0.2, 0.5, 0.8]:
        some = moved(path, WHOLE, notes=share)
        assert all(v in (old[n], all_of_them[n]) for n, v in some.items())
        sets.append({n for n in old if some[n] != old[n]})
    assert sets[0] < sets[1] < sets[2]


def test_a_note_that_lasts_beyond_the_clip_keeps_its_duration(tmp_path):
    path = written(tmp_path / "a.mid", [(10, 8, 60, 60), (0, 1, 62, 62)])  # from 5 s to 9 s; the clip ends at 6 s
    new = moved(path, spans((4, 6)), notes=1.0, beats=1.0)
    assert new[(0, False), 60][2] == 4.0
    assert new[(0, False), 60][1] != 5.0


def even(before, where):
    """Onsets of each span spread evenly, in plain Python: name -> begin."""
    found = {name: n[1] for name, n in before.items()}
    for span in where:
        own = sorted((n[1], name) for name, n in before.items() if inside(n, [span]))
        groups = []
        for start, name in own:
            if groups and start <= groups[-1][0][0] + 0.03:
                groups[-1].append((start, name))
            else:
                groups.append([(start, name)])
        for i, group in enumerate(groups):
            first, last = groups[0][0][0], groups[-1][0][0]
            slot = first + (last - first) * i / max(len(groups) - 1, 1)
            for start, name in group:
                found[name] = slot + (start - group[0][0])
    return found


@pytest.mark.parametrize("seed", range(40))
def test_even_onsets(tmp_path, seed):
    path = random_score(tmp_path, seed)
    where, share = PLACES[seed % len(PLACES)], [0.3, 0.7, 1.0][seed % 3]
    before, own = whole(path), notehearing.draws("notes_rhythm", seed)
    old, new = named(before), moved(path, where, seed, notes=share, mode="even")
    expected = even(old, where)
    names = [(n[0], n[4]) for n in before]
    able = [abs(expected[n] - old[n][1]) >= 0.001 for n in names]
    chosen = {(n[0], n[4]) for n in picked(before, able, share, own)}
    assert {n for n in old if new[n] != old[n]} == chosen
    for name in chosen:
        assert new[name][1] == pytest.approx(expected[name], abs=1e-9)
        assert new[name][2:] == old[name][2:]
        assert inside(new[name], [next(s for s in where if inside(old[name], [s]))])
    if share == 1.0:
        for span in where:
            onsets = sorted({n[1] for n in new.values() if inside(n, [span])})
            onsets = [t for i, t in enumerate(onsets) if i == 0 or t > onsets[i - 1] + 0.03]
            steps = np.diff(onsets)
            assert len(steps) < 2 or np.ptp(steps) < 0.061  # chords that are spread a little aside


def test_even_by_hand(tmp_path):
    melody = [(start, 0.5, 60 + i, 1 + i) for i, start in enumerate([0, 1, 1, 1.5, 1.52, 8, 20])]
    new = moved(written(tmp_path / "a.mid", melody), WHOLE, notes=1.0, mode="even")
    starts = {velocity: n[1] for (_, velocity), n in new.items()}
    expected = {1: 0.0, 2: 4 / 3, 3: 4 / 3, 4: 8 / 3, 5: 8 / 3 + 0.01, 6: 4.0, 7: 10.0}
    assert starts == pytest.approx(expected, abs=0.001)  # 0.01 s are 9.6 ticks


def test_what_is_even_already_is_rejected(tmp_path):
    melody = [(i - 3 * (i % 5 == 2) / 480, 0.5, 60, 1 + i) for i in range(20)]
    path = written(tmp_path / "a.mid", melody, (0, midibytes.tempo(499_987)))
    moved(path, WHOLE, mode="even")  # some come 3 ms early
    path = written(tmp_path / "b.mid", [(i, 0.5, 60, 1 + i) for i in range(20)], (0, midibytes.tempo(499_987)))
    with pytest.raises(CannotCorrupt, match="none of the 13 notes that begin in the span can be changed so"):
        moved(path, WHOLE, mode="even")
    with pytest.raises(CannotCorrupt, match="none of the 1 notes"):
        moved(path, spans((0, 0.4)), mode="even")
