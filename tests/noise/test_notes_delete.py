"""Notes left out: which, how many, and that nothing else happens."""

import notehearing
import numpy as np
import pytest
from notehearing import PLACES, WHOLE, heard, inside, notes, picked, random_score, spans, whole, written

from noiseprobe.noise import notes_delete
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.notes_delete import Options


def left(path, where, share, seed=0):
    clip = heard(path)
    made = notes_delete.corrupt(clip, where, notehearing.draws("notes_delete", seed), Options(share))
    assert made.frame_map is None
    assert made.audio.shape == clip.audio.shape
    return notes(clip.renderer.heard)


@pytest.mark.parametrize("seed", range(60))
def test_the_chosen_notes_go_and_no_other(tmp_path, seed):
    path = random_score(tmp_path, seed)
    where = PLACES[seed % len(PLACES)]
    share = [0.1, 0.3, 0.5, 0.85, 0.95 if where is WHOLE else 1.0][seed % 5]
    before = whole(path)
    own = notehearing.draws("notes_delete", seed)
    gone = picked(before, [inside(n, where) for n in before], share, own)
    assert gone
    assert left(path, where, share, seed) == [n for n in before if n not in gone]
    assert len(gone) == round(share * sum(inside(n, where) for n in before))


@pytest.mark.parametrize("seed", range(10))
def test_a_smaller_share_is_part_of_a_larger_one(tmp_path, seed):
    path = random_score(tmp_path, seed)
    all_notes = set(whole(path))
    gone = [all_notes - set(left(path, PLACES[seed % 4], share, seed)) for share in [0.15, 0.3, 0.6, 0.9]]
    assert gone[0]
    assert gone[0] < gone[1] < gone[2] < gone[3]


def test_all_notes_of_a_span_can_go_but_not_all_of_the_clip(tmp_path):
    path = written(tmp_path / "a.mid", [(i, 0.5, 60 + i, 80) for i in range(14)])
    assert [n[1] for n in left(path, spans((1, 3)), 1.0)] == [0, 0.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5]
    with pytest.raises(CannotCorrupt, match="with the notes changed: silent"):
        left(path, WHOLE, 1.0)


def test_seeds_and_clips_differ(tmp_path):
    path = random_score(tmp_path, 1)
    sets = {tuple(left(path, WHOLE, 0.5, seed)) for seed in range(5)}
    assert len(sets) == 5
    clip = heard(path)
    notes_delete.corrupt(clip, WHOLE, notehearing.draws("notes_delete", clip="b.mid#0.0"), Options(0.5))
    assert tuple(notes(clip.renderer.heard)) not in sets


def test_notes_that_began_before_the_clip_or_the_span(tmp_path):
    path = written(tmp_path / "a.mid", [(0, 8, 50, 90), (4, 1, 60, 80), (5, 1, 61, 81), (6, 1, 62, 82)])
    clip = heard(path, 1.0, 4.0)  # the long note began at 0 and is struck anew where the clip begins
    notes_delete.corrupt(clip, spans((0, 0.5)), notehearing.draws("notes_delete"), Options(1.0))
    assert [n[3] for n in notes(clip.renderer.heard)] == [60, 61, 62]
    notes_delete.corrupt(clip, spans((0.5, 2)), notehearing.draws("notes_delete"), Options(1.0))
    assert [n[3] for n in notes(clip.renderer.heard)] == [50, 62]


def test_levels_of_the_span_are_measured(tmp_path):
    path = random_score(tmp_path, 3)
    clip, where = heard(path, channels=2), spans((1, 3))
    made = notes_delete.corrupt(clip, where, notehearing.draws("notes_delete"), Options(0.5))
    for audio, level in [(clip.audio, made.measured.music_db), (made.audio, made.measured.noise_db)]:
        assert level == pytest.approx(10 * np.log10(np.mean(audio[:, 8000:24000].astype(float) ** 2)))
    assert made.measured.noise_db < made.measured.music_db
