"""Which notes a share takes, and the notes that there are to take."""

import itertools

import midibytes
import notehearing
import numpy as np
import pytest
from notehearing import PLACES, SECONDS, WHOLE, N, clean, heard, notes, random_score, spans, whole, written

from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.tools import notes_share, score
from noiseprobe.score.render import Renderer


def sets(path, where, shares, can=None, seed=0):
    clip = heard(path)
    own, found = notehearing.draws("kind", seed), []
    for share in shares:
        which = notes_share.chosen(clip, score.excerpt(clip), where, own, share, can)
        found.append(set(np.flatnonzero(which).tolist()))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_a_share_is_exact_and_nested(tmp_path, seed):
    path, where = random_score(tmp_path, seed), PLACES[seed % 4]
    every = whole(path)
    inside = {i for i, n in enumerate(every) if notehearing.inside(n, where)}
    shares = [0.1, 0.2, 0.35, 0.5, 0.501, 0.9, 1.0]
    found = sets(path, where, shares, seed=seed)
    assert [len(s) for s in found] == [round(share * len(inside)) for share in shares]
    assert found[-1] == inside
    assert all(a <= b for a, b in itertools.pairwise(found))
    some = np.arange(len(every)) % 3 > 0
    assert sets(path, where, [1.0], some, seed=seed) == [{i for i in inside if i % 3 > 0}]


def test_notes_are_taken_evenly_and_not_by_their_place(tmp_path):
    path = written(tmp_path / "a.mid", [(i / 10, 0.05, 60, 1 + i) for i in range(120)])  # all in the clip
    counts = np.zeros(120)
    for seed in range(300):
        counts[list(sets(path, WHOLE, [0.3], seed=seed)[0])] += 1
    assert counts.sum() == 300 * 36
    assert (np.abs(counts - 90) < 4.5 * np.sqrt(300 * 0.3 * 0.7)).all()


def test_numbers_hang_on_nothing_but_the_note_and_the_draws(tmp_path):
    path = random_score(tmp_path, 2)
    clip = heard(path)
    own = notehearing.draws("kind")
    a = notes_share.numbers(clip, score.excerpt(clip), own, "notes")
    assert np.isfinite(a).sum() == len({n for n in whole(path) if round(n[1] * 8000) < N})
    assert ((a >= 0) & ((a < 1) | np.isinf(a))).all()
    assert notes_share.numbers(clip, score.excerpt(clip), own, "notes").tolist() == a.tolist()
    assert (notes_share.numbers(clip, score.excerpt(clip), own, "other") != a)[np.isfinite(a)].all()
    other_seed = notehearing.draws("kind", 1)
    assert (notes_share.numbers(clip, score.excerpt(clip), other_seed, "notes") != a)[np.isfinite(a)].all()


def test_nothing_to_take_is_rejected(tmp_path):
    path = written(tmp_path / "a.mid", [(i, 0.5, 60, 80) for i in range(4)])
    with pytest.raises(CannotCorrupt, match="no note begins in the span"):
        sets(path, spans((2.0, 3.0)), [0.5])
    with pytest.raises(CannotCorrupt, match="none of the 4 notes that begin in the span can be changed so"):
        sets(path, WHOLE, [0.5], np.zeros(4, dtype=bool))
    with pytest.raises(CannotCorrupt, match=r"0\.1 of the 4 notes in the span that can be changed so is less than one"):
        sets(path, WHOLE, [0.1])


@pytest.mark.parametrize("seed", range(15))
def test_notes_as_they_sound(tmp_path, seed):
    path = random_score(tmp_path, seed)
    found = score.excerpt(heard(path))
    assert notes(found) == whole(path)
    assert found.key == clean(path).key
    assert found.duration == 2 * SECONDS
    assert not any(len(part.pedal) for part in found.parts)


def test_of_two_notes_that_are_heard_as_one_there_is_one(tmp_path):
    path = notehearing.file(tmp_path / "a.mid", [
        [(0, midibytes.on(60, 50)), (240, midibytes.off(60)), (960, midibytes.on(62, 70)), (1200, midibytes.off(62))],
        [(0, midibytes.on(60, 90)), (480, midibytes.off(60))],
    ])  # fmt: skip
    assert len(clean(path)) == 3
    assert notes(score.excerpt(heard(path))) == [((0, False), 0.0, 0.5, 60, 90), ((0, False), 1.0, 0.25, 62, 70)]


def test_a_file_that_is_gone_is_rejected(tmp_path):
    clip = heard(random_score(tmp_path, 1))
    clip.clip.path.unlink()
    with pytest.raises(CannotCorrupt, match="No such file"):
        score.excerpt(clip)


@pytest.mark.parametrize("seed", range(3))
def test_they_sound_like_the_clean_clip(tmp_path, seed):
    path = [*sorted(notehearing.MIDI.glob("*/*.mid"))[1:3], random_score(tmp_path, 5, drums=False)][seed]
    player = Renderer(notehearing.SOUNDFONT, -23.0)
    clip = heard(path, renderer=player, rate=16_000, hop=320)
    with pytest.raises(CannotCorrupt, match="nothing that can be heard would change"):
        score.rendered(clip, score.excerpt(clip), [])
