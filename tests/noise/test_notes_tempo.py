"""Tempo of a score: where each note goes, what fills the clip, and which frames are compared."""

import math

import notehearing
import numpy as np
import pytest
from notehearing import HOP, RATE, SECONDS, N, heard, named, notes, random_score, spans, whole, written

from noiseprobe.noise import notes_tempo
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.notes_tempo import Options
from noiseprobe.score.render import Renderer

PLACES = [
    spans((1.0, 3.0)), spans((2.123, 4.001)), spans((0, 2)), spans((3, SECONDS)), spans((0, SECONDS)),
    spans((0.5, 1.5), (1.5, 2.5), (4.01, 4.987)),
]  # fmt: skip


def warped(path, where, rate, channels=1, renderer=None):
    clip = heard(path, channels=channels, renderer=renderer)
    return clip, notes_tempo.corrupt(clip, where, notehearing.draws("notes_tempo"), Options(rate))


def lengths(where, rate):
    """Of each span now, in samples: the nearest by whole frames, of two the longer."""
    old = [s.stop - s.start for s in where]
    return [n + HOP * math.floor((n / rate - n) / HOP + 0.5) for n in old]


def later(time, where, new):
    """When a time is now, span by span."""
    delay = 0.0
    for span, length in zip(where, new, strict=True):
        start, old, new_length = span.start / RATE, (span.stop - span.start) / RATE, length / RATE
        if time <= start:
            break
        delay += (min(time, start + old) - start) * (new_length / old - 1)
    return time + delay


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(12))
def test_every_time_goes_where_it_should(tmp_path, seed, rate):
    path = random_score(tmp_path, seed)
    where = PLACES[seed % len(PLACES)]
    new = lengths(where, rate)
    clip, made = warped(path, where, rate)
    assert made.audio.shape == clip.audio.shape
    old, now = named(whole(path)), named(notes(clip.renderer.heard))
    assert set(old) == set(now)
    for name, n in old.items():
        assert now[name][1] == pytest.approx(later(n[1], where, new), abs=1e-8)
        assert now[name][1] + now[name][2] == pytest.approx(later(n[1] + n[2], where, new), abs=1e-8)
        assert now[name][3] == n[3]
        if n[1] + n[2] <= where[0].start / RATE:
            assert now[name] == n


def numbered(where, new):
    """The clip's samples by number, in their new order; -1 where a span was, and what comes after the clip."""
    found, at = [], 0
    for span, length in zip(where, new, strict=True):
        found += [*range(at, span.start), *[-1] * length]
        at = span.stop
    return [*found, *range(at, 10 * N)][:N]


def frames(samples, n=N):
    return [tuple(samples[i : min(i + HOP, n)]) for i in range(0, n, HOP)]


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(12))
def test_frames_are_mapped_where_their_notes_are(tmp_path, seed, rate):
    path = random_score(tmp_path, seed)
    where = PLACES[seed % len(PLACES)]
    clip, made = warped(path, where, rate)
    there = {f: i for i, f in enumerate(frames(numbered(where, lengths(where, rate)))) if -1 not in f}
    assert made.frame_map.tolist() == [there.get(f, -1) for f in frames(range(N))]
    assert made.frame_map.dtype == np.int64
    now, old = frames(made.audio[0].tolist()), frames(clip.audio[0].tolist())
    for f, to in enumerate(made.frame_map):
        assert to < 0 or now[to] == old[f]


@pytest.mark.parametrize(("rate", "duration"), [(0.8, 5.99), (1.25, 5.99), (1.25, 5.995), (2.0, 5.9951)])
def test_a_last_frame_that_is_cut_off_meets_no_whole_one(tmp_path, rate, duration):
    path, n = random_score(tmp_path, 3), round(duration * RATE)
    clip = heard(path, duration=duration)
    made = notes_tempo.corrupt(clip, spans((1, 3)), notehearing.draws("t"), Options(rate))
    assert len(made.frame_map) == -(-n // HOP)
    assert made.frame_map[-1] == -1
    assert made.frame_map[:50].tolist() == list(range(50))
    mapped = made.frame_map[150:][made.frame_map[150:] >= 0]
    assert (np.diff(mapped) == 1).all()
    assert mapped.max() * HOP + HOP <= n


def test_what_follows_in_the_file_fills_the_clip(tmp_path):
    path = written(tmp_path / "a.mid", [(i, 0.5, 60, 1 + i) for i in range(40)])
    clip, made = warped(path, spans((1, 3)), 2.0)
    onsets = (made.audio[0].nonzero()[0] / RATE).tolist()
    assert onsets == pytest.approx([0, 0.5, 1, 1.25, 1.5, 1.75, *np.arange(2, 6, 0.5)])
    short = written(tmp_path / "b.mid", [(i, 0.5, 60, 1 + i) for i in range(12)])
    clip, made = warped(short, spans((1, 3)), 2.0)
    assert made.audio.shape == clip.audio.shape
    assert (made.audio[0].nonzero()[0] / RATE).max() == 4.5


def test_a_frame_is_the_same_sound_where_nothing_rings_into_it(tmp_path):
    class Played(Renderer):
        def gain(self, audio, sample_rate):
            return 1.0

    melody = [(2 * i, 0.25, 80 + i, 60 + i) for i in range(20)]
    path = written(tmp_path / "a.mid", melody)
    clip, made = warped(path, spans((1.5, 3.5)), 1.3, 2, Played(notehearing.SOUNDFONT, -23.0))
    mapped, loud, same = np.flatnonzero(made.frame_map >= 0), 0, 0
    assert len(mapped) > 150
    for f in mapped:
        a = clip.audio[:, f * HOP : (f + 1) * HOP]
        b = made.audio[:, made.frame_map[f] * HOP : (made.frame_map[f] + 1) * HOP]
        same += np.array_equal(a, b)
        loud += (np.abs(a) > 0.001).any()
    assert loud > 40
    tail = 200 - 175  # frames to the next note after the span
    assert same >= len(mapped) - tail
    assert not np.array_equal(made.audio, clip.audio)


def test_rate_1_is_a_control(tmp_path):
    clip, made = warped(random_score(tmp_path, 1), PLACES[0], 1.0)
    assert made.audio.tobytes() == clip.audio.tobytes()
    assert made.frame_map.tolist() == list(range(300))


def test_what_cannot_be_is_rejected(tmp_path):
    path = random_score(tmp_path, 1)
    with pytest.raises(CannotCorrupt, match=r"0\.04 s at rate 1\.25 would change by less than half a frame"):
        warped(path, spans((1, 1.04)), 1.25)
    with pytest.raises(CannotCorrupt, match="nothing of it would be left"):
        warped(path, spans((1, 1.02)), 4.0)
    silent = written(tmp_path / "s.mid", [(0, 1, 60, 60)])
    with pytest.raises(CannotCorrupt, match="nothing that can be heard would change"):
        warped(silent, spans((2, 4)), 1.25)


def test_levels_are_those_of_the_span_where_it_is_now(tmp_path):
    path = random_score(tmp_path, 2)
    where = spans((1, 2.2), (3, 4.6))
    clip, made = warped(path, where, 0.8)  # 1-2.2 -> 1-2.5; 3-4.6 -> 3.3-5.3
    now = np.concatenate([made.audio[0, 8000:20000], made.audio[0, 26400:42400]]).astype(float)
    then = np.concatenate([clip.audio[0, 8000:17600], clip.audio[0, 24000:36800]]).astype(float)
    assert made.measured.noise_db == pytest.approx(10 * np.log10(np.mean(now**2)))
    assert made.measured.music_db == pytest.approx(10 * np.log10(np.mean(then**2)))
    clip, made = warped(path, spans((4, SECONDS)), 0.5)  # its second half falls out of the clip
    assert made.measured.noise_db == pytest.approx(10 * np.log10(np.mean(made.audio[0, 32000:].astype(float) ** 2)))
