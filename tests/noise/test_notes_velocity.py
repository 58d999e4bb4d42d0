"""Velocities: how far they go, and that nothing else changes."""

from collections import Counter

import notehearing
import pytest
from notehearing import PLACES, WHOLE, heard, inside, notes, picked, random_score, whole, written

from noiseprobe.noise import notes_velocity
from noiseprobe.noise.notes_velocity import Options


def struck(path, where, seed=0, **keys):
    clip = heard(path)
    made = notes_velocity.corrupt(clip, where, notehearing.draws("notes_velocity", seed), Options(**keys))
    assert made.frame_map is None
    return {n[:4]: n[4] for n in notes(clip.renderer.heard)}


@pytest.mark.parametrize("seed", range(60))
def test_the_chosen_notes_change_within_range_and_no_other(tmp_path, seed):
    path = random_score(tmp_path, seed)
    where, share = PLACES[seed % len(PLACES)], [0.1, 0.3, 0.5, 1.0][seed // 4 % 4]
    steps = [1, 5, 30, 126][seed % 4]
    before = whole(path)
    own = notehearing.draws("notes_velocity", seed)
    chosen = picked(before, [inside(n, where) for n in before], share, own)
    after = struck(path, where, seed, notes=share, range=steps)
    assert set(after) == {n[:4] for n in before}
    assert {n for n in before if after[n[:4]] != n[4]} == set(chosen)
    for n in chosen:
        assert 1 <= after[n[:4]] <= 127
        assert 0 < abs(after[n[:4]] - n[4]) <= steps


@pytest.mark.parametrize("velocity", [1, 3, 64, 126, 127])
def test_every_other_velocity_is_as_likely(tmp_path, velocity):
    path = written(tmp_path / f"{velocity}.mid", [(i / 100, 0.005, 60, velocity) for i in range(1000)])
    found = Counter(struck(path, WHOLE, notes=1.0, range=5).values())
    allowed = [v for v in range(velocity - 5, velocity + 6) if 1 <= v <= 127 and v != velocity]
    assert sorted(found) == allowed
    expected = 1000 / len(allowed)
    chi2 = sum((found[v] - expected) ** 2 / expected for v in allowed)
    assert chi2 < 30  # nine degrees of freedom at most: p > 0.0004


def test_a_note_changes_alike_under_any_share_and_span(tmp_path):
    path = random_score(tmp_path, 5)
    before = {n[:4]: n[4] for n in whole(path)}
    all_of_them = struck(path, WHOLE, notes=1.0)
    for share, where in [(0.3, WHOLE), (0.7, WHOLE), (0.5, PLACES[1]), (1.0, PLACES[3])]:
        some = struck(path, where, notes=share)
        assert all(v in (before[n], all_of_them[n]) for n, v in some.items())
        assert some != before


def test_notes_that_begin_together_get_a_change_each(tmp_path):
    path = written(tmp_path / "a.mid", [(0, 1, pitch, 64) for pitch in range(40, 80)])
    assert len(set(struck(path, WHOLE, notes=1.0).values())) > 15


def test_drums_change_too(tmp_path):
    path = written(tmp_path / "a.mid", [(i, 0.5, 38, 64) for i in range(10)], channel=9)
    assert all(v != 64 for v in struck(path, WHOLE, notes=1.0).values())
