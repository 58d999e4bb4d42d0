"""Structure: bars in another order, whatever their length; no note lost; frames mapped where their notes are."""

import random
from itertools import pairwise

import midibytes
import notehearing
import numpy as np
import pytest
from notehearing import HOP, RATE, SECONDS, N, clean, file, heard, named, notes, random_score, spans, whole, written

from noiseprobe.noise import notes_structure
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.notes_structure import Options
from noiseprobe.score.render import Renderer

PIANO = (0, False)


def reordered(path, where, seed=0, renderer=None, channels=1, **keys):
    clip = heard(path, renderer=renderer, channels=channels)
    made = notes_structure.corrupt(clip, where, notehearing.draws("notes_structure", seed), Options(**keys))
    assert made.audio.shape == clip.audio.shape
    return clip, made


def bars(folder, seed, longest=3):
    """A piece in bars of one to three beats, with a note on each beat and others between; a velocity once."""
    r = random.Random(seed)
    events, tick, velocity = [(0, midibytes.tempo(r.choice([300_000, 333_333, 411_111])))], 0, 0
    while velocity < 115:
        beats = r.randint(1, longest)
        events.append((tick, midibytes.metre(beats, 2)))
        for beat in range(beats):
            for start in sorted({0, r.randint(1, 470)}):
                velocity += 1
                begin, pitch = tick + 480 * beat + start, 30 + velocity % 60
                end = begin + r.choice([100, 240, 1500])
                events += [(begin, midibytes.on(pitch, velocity)), (end, midibytes.off(pitch))]
        tick += 480 * beats
    return file(folder / f"bars{seed}.mid", [events])


def pieces(path, span, unit, size):
    """[start, stop) of the pieces of a span, samples, and its whole bars' end."""
    excerpt = clean(path, 0.0, 2 * SECONDS)
    lines = [round(t * RATE) for t in (excerpt.downbeats if unit == "bar" else excerpt.beats)]
    lines = [t for t in lines if span.start <= t <= span.stop]
    cut = lines[: len(lines) - (len(lines) - 1) % size]
    return list(pairwise(cut[::size]))


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("unit", ["bar", "beat"])
@pytest.mark.parametrize("seed", range(16))
def test_pieces_change_places_as_wholes(tmp_path, seed, unit, size):
    path = bars(tmp_path, seed, 3 - size)
    where = [spans((0, SECONDS)), spans((0.517, 5.3)), spans((0, 2.9), (3.0, SECONDS)), spans((0.004, 4.0))][seed % 4]
    clip, made = reordered(path, where, seed, unit=unit, size=size)
    old, new = named(whole(path)), named(notes(clip.renderer.heard))
    assert set(old) == set(new), "a note was lost"
    assert all(new[n][2:] == old[n][2:] for n in old)

    def shifts(start, stop):
        found = {round((new[n][1] - old[n][1]) * RATE) for n in old if start <= round(old[n][1] * RATE) < stop}
        assert len(found) == 1, "a piece fell apart"
        return found.pop()

    timeline = np.full(N, -1)
    at = 0
    for span in where:
        own = pieces(path, span, unit, size)
        found = [(start + shifts(start, stop), start, stop) for start, stop in own]
        assert all((now - start) % HOP == 0 for now, start, _ in found)
        order = sorted(found)
        assert order != found, "the old order"
        nominal = own[0][0]
        first = True  # of those that follow each other as before, from the first place on
        for i, (now, start, stop) in enumerate(order):
            first = first and (i == 0 or start == order[i - 1][2])
            late = now - nominal
            assert abs(late) <= HOP / 2 or (first and 0 < late <= HOP and now - HOP < span.start)
            assert now >= span.start
            nominal += stop - start
        assert nominal == own[-1][1]
        for now, start, stop in [(at, at, own[0][0]), *order]:
            for i in range(start, stop):
                to = int(now) + i - start
                if to < N:
                    timeline[to] = i if timeline[to] == -1 else -2  # two pieces meet here
        at = own[-1][1]
    for n in old:
        if at <= round(old[n][1] * RATE):
            assert new[n] == old[n], "what is after the last whole bar has moved"
    for i in range(at, N):
        timeline[i] = i if timeline[i] == -1 else -2

    there = {tuple(timeline[i : i + HOP]): i // HOP for i in range(0, N, HOP) if (timeline[i : i + HOP] >= 0).all()}
    expected = [there.get(tuple(range(i, i + HOP)), -1) for i in range(0, N, HOP)]
    assert made.frame_map.tolist() == expected
    assert made.frame_map.dtype == np.int64
    mapped = made.frame_map[made.frame_map >= 0]
    assert len(set(mapped.tolist())) == len(mapped) > 150, "no permutation"
    for f, to in enumerate(made.frame_map):
        a, b = (x[0, i * HOP : (i + 1) * HOP] for x, i in [(clip.audio, f), (made.audio, to)])
        assert to < 0 or a.tobytes() == b.tobytes()


def test_bars_of_unequal_length_by_hand(tmp_path):
    # bars of 1, 2 and 1.5 s from 0 on; the first and the last change places
    events = [(0, midibytes.metre(2, 2)), (960, midibytes.metre(4, 2)), (960 + 1920, midibytes.metre(3, 2))]
    melody = [(start, 0.5, 60 + i, 1 + i) for i, start in enumerate([0, 1, 2, 5, 6, 8.5, 9])]
    path = written(tmp_path / "a.mid", melody, *events)
    clip, made = reordered(path, spans((0, 4.5)), order="far")
    starts = {n[4]: n[1] for n in notes(clip.renderer.heard)}
    # 1.5 s are 75 frames: the last bar 3.0 -> 0, the middle one 1.0 -> 1.5, the first 0 -> 3.5
    assert starts == {5: 0.0, 6: 1.25, 3: 1.5, 4: 3.0, 1: 3.5, 2: 4.0, 7: 4.5}
    expected = [*range(175, 225), *range(75, 175), *range(75), *range(225, 300)]
    assert made.frame_map.tolist() == expected


@pytest.mark.parametrize("size", [1, 2])
def test_no_piece_begins_before_the_span_and_none_falls_apart(tmp_path, size):
    # a beat is 15.9 frames, so the second piece would come early; the span begins with the second beat
    path = written(tmp_path / "a.mid", [(i, 0.5, 60, 1 + i) for i in range(40)], (0, midibytes.tempo(318_000)))
    line = 318 * 8
    where = spans((line / RATE, (line * (1 + 2 * size) + 3) / RATE))
    clip, made = reordered(path, where, unit="beat", size=size, order="far")
    new = {n[4]: round(n[1] * RATE) for n in notes(clip.renderer.heard)}
    early, late = {1: (-15, 16), 2: (-31, 32)}[size]
    shifts = [0, *[late] * size, *[early] * size, *[0] * 5]
    assert [new[1 + i] for i in range(len(shifts))] == [i * line + shift * HOP for i, shift in enumerate(shifts)]
    assert made.frame_map[:15].tolist() == list(range(15))
    assert made.audio[:, :line].tobytes() == clip.audio[:, :line].tobytes()


def test_only_whole_bars_of_the_span_move(tmp_path):
    path = written(tmp_path / "a.mid", [(i / 2, 0.25, 60, 1 + i) for i in range(40)])  # bars of 2 s, notes of 0.25 s
    clip, _ = reordered(path, spans((0.1, 6.0)))  # the bars from 2 and from 4 s
    new = {n[4]: n[1] for n in notes(clip.renderer.heard)}
    later = [2 if 8 <= i < 16 else -2 if 16 <= i < 24 else 0 for i in range(40)]
    assert [new[1 + i] for i in range(40)] == [i / 4 + later[i] for i in range(40)]
    with pytest.raises(CannotCorrupt, match="a span of 1 bars has no two segments of 1 bars"):
        reordered(path, spans((0.1, 5.9)))
    with pytest.raises(CannotCorrupt, match="a span of 0 bars"):
        reordered(path, spans((2.1, 3.9)))
    with pytest.raises(CannotCorrupt, match="a span of 3 beats has no two segments of 2 beats"):
        reordered(path, spans((2.1, 4.4)), unit="beat", size=2)


def test_bars_that_are_alike_are_rejected(tmp_path):
    path = written(tmp_path / "a.mid", [(i, 0.25, 60, 80) for i in range(20)])
    with pytest.raises(CannotCorrupt, match="nothing that can be heard would change"):
        reordered(path, spans((0, SECONDS)))


def test_a_tied_note_sounds_on_and_one_from_before_stays(tmp_path):
    melody = [(1, 6, 50, 1), (4, 1, 60, 2), (7, 3, 62, 3), (8, 1, 64, 4)]  # bars of four quarter notes, 2 s each
    path = written(tmp_path / "a.mid", melody)
    clip, _ = reordered(path, spans((2, 6)))
    assert notes(clip.renderer.heard) == [
        (PIANO, 0.5, 3.0, 50, 1), (PIANO, 2.0, 0.5, 64, 4), (PIANO, 4.0, 0.5, 60, 2), (PIANO, 5.5, 1.5, 62, 3)
    ]  # fmt: skip


def test_a_pedalled_note_sounds_on_and_is_caught_by_no_other_pedal(tmp_path):
    # bars of 2 s; the pedal is down from 0.5 to 1.5, from 3 to 5, and in bars of its own from 6 s on
    changes = [(480, 127), (1440, 0), (2880, 127), (4800, 0), (5760, 127), (7680, 0), (7680, 127), (9600, 0)]
    pedal = [(t, midibytes.control(64, v)) for t, v in changes]
    path = written(tmp_path / "a.mid", [(2 * i, 1, 60 + i, 1 + i) for i in range(10)], *pedal)
    clip, _ = reordered(path, spans((0, 6)), order="far")  # bars 3 2 1 and what follows
    assert not len(clip.renderer.heard.parts[0].pedal)
    assert {n[4]: (n[1], n[2]) for n in notes(clip.renderer.heard)} == {
        5: (0, 1), 6: (1, 0.5), 3: (2, 0.5), 4: (3, 2), 1: (4, 0.5), 2: (5, 0.5),
        7: (6, 2), 8: (7, 1), 9: (8, 2), 10: (9, 1),
    }  # fmt: skip


def test_what_is_drawn(tmp_path):
    path = written(tmp_path / "a.mid", [(i / 2, 0.25, 60, 1 + i) for i in range(40)])
    orders = {tuple(reordered(path, spans((0, 6)), seed, unit="beat")[1].frame_map) for seed in range(8)}
    assert len(orders) == 8
    again = [reordered(path, spans((0, 6)), 3, unit="beat")[1].audio.tobytes() for _ in range(2)]
    assert again[0] == again[1]
    # the same onset and number of pieces, the same order, however long the piece
    a = reordered(path, spans((0, 6)), unit="beat", size=4)[1].frame_map[::100] // 100
    b = reordered(path, spans((0, 3)), unit="beat", size=2)[1].frame_map[:150:50] // 50
    assert a.tolist() == b.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_a_random_score_keeps_all_its_notes(tmp_path, seed):
    path = random_score(tmp_path, seed)
    clip, _ = reordered(path, spans((0, SECONDS)), unit="beat")
    old, new = named(whole(path)), named(notes(clip.renderer.heard))
    assert {n: v[2:] for n, v in old.items()} == {n: v[2:] for n, v in new.items()}
    assert old != new


def test_a_frame_is_the_same_sound_where_nothing_rings_into_it(tmp_path):
    class Played(Renderer):
        def gain(self, audio, sample_rate):
            return 1.0

    path = written(tmp_path / "a.mid", [(4 * i + 0.3, 0.25, 80 + i, 60 + i) for i in range(10)])
    clip, made = reordered(path, spans((0, 6)), 0, Played(notehearing.SOUNDFONT, -23.0), 2)
    loud = 0
    for f, to in enumerate(made.frame_map):
        a, b = clip.audio[:, f * HOP : (f + 1) * HOP], made.audio[:, to * HOP : (to + 1) * HOP]
        assert to < 0 or np.array_equal(a, b)
        loud += (np.abs(a) > 0.001).any()
    assert loud > 30
    assert not np.array_equal(made.audio, clip.audio)
    assert (made.frame_map >= 0).all()
