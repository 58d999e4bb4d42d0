"""Deletion: what is left, sample by sample, and where each frame went."""

import math

import hearing
import numpy as np
import promises
import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import deletion
from noiseprobe.noise.base import CannotCorrupt

HOP, N = hearing.HOP, promises.N


def slow(places, samples=N):
    """What is left of a clip whose samples are numbers, and the frame map, one frame at a time."""
    left = [i for i in range(samples) if not any(a <= i < b for a, b in places)]
    at = {number: i for i, number in enumerate(left)}
    found = []
    for t in range(math.ceil(samples / HOP)):
        own = range(t * HOP, min((t + 1) * HOP, samples))
        whole = all(i in at for i in own)
        found.append(at[own[0]] // HOP if whole and at[own[0]] % HOP == 0 else -1)
    return left, found


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("places", [p for p in promises.HOPS if p != [(0, N)]])
def test_the_span_is_gone_and_frames_moved_forward(places, channels):
    clean = promises.heard(channels).audio
    if sum(b - a for a, b in places) > N - hearing.RATE:
        with pytest.raises(CannotCorrupt, match=r"^0\.500 s would be left of the clip, less than 1 s$"):
            promises.corrupted(deletion, places, channels)
        return
    found = promises.corrupted(deletion, places, channels)
    left, frames = slow(places)
    assert found.audio.tobytes() == np.ascontiguousarray(clean[:, left]).tobytes()
    assert found.frame_map.tolist() == frames
    assert found.frame_map.dtype == np.int64
    assert found.recode is None
    m = found.measured
    assert (m.level_db, m.noise_db, m.over_full_scale, m.other) == (None, None, 0, None)
    assert m.music_db == pytest.approx(hearing.db(*(clean[:, a:b] for a, b in places)))


def test_frames_of_which_a_part_is_cut_have_no_counterpart():
    found = promises.corrupted(deletion, [(6400, 9600)]).frame_map  # frames 10 to 14
    assert found.tolist() == [*range(10), *[-1] * 5, *range(10, 70)]
    found = promises.corrupted(deletion, [(6401, 9601)]).frame_map  # a sample later: of frame 15, too
    assert found.tolist() == [*range(10), *[-1] * 6, *range(11, 70)]


def test_a_clip_that_ends_within_a_frame():
    clean = hearing.music(1, 1.51)[:, :48_300]
    clip = hearing.heard(clean)
    assert clip.frames == 76
    found = deletion.corrupt(clip, promises.spans([(6400, 7680)]), None, deletion.Options())
    assert found.frame_map.tolist() == [*range(10), -1, -1, *range(10, 74)] == slow([(6400, 7680)], 48_300)[1]
    found = deletion.corrupt(clip, promises.spans([(40_100, 48_300)]), None, deletion.Options())
    assert found.audio.tobytes() == clean[:, :40_100].tobytes()
    assert found.frame_map.tolist() == [*range(62), *[-1] * 14]


def test_length_0_changes_nothing_and_maps_each_frame_to_itself():
    promises.leaves_length_0(deletion)
    found = promises.corrupted(deletion, [(16_000, 16_000)], fade=0.1)
    assert found.frame_map.tolist() == list(range(75))
    assert found.audio.tobytes() == promises.heard().audio.tobytes()


@pytest.mark.parametrize("n", [1, 639, 641, 16_001])
def test_other_than_whole_frames_are_rejected(n):
    with pytest.raises(CannotCorrupt) as error:
        promises.corrupted(deletion, [(3200, 3200 + n)])
    expected = f"{n / 32_000:g} s are {n / 640:g} frames: only whole frames can be cut out, or later ones couldn't be"
    assert str(error.value).startswith(expected)


@pytest.mark.parametrize("seed", range(30))
def test_any_cut_of_whole_frames(seed):
    r = np.random.RandomState(seed)
    at, places, room = 0, [], 20
    for _ in range(r.randint(1, 5)):
        start = at + r.randint(0, 5000)
        frames = r.randint(1, 6)
        if frames > room:
            break
        room -= frames
        at = start + HOP * frames
        places.append((start, at))
    found = promises.corrupted(deletion, places)
    left, frames = slow(places)
    assert found.audio[0].tolist() == promises.heard().audio[0, left].tolist()
    assert found.frame_map.tolist() == frames
    assert (found.frame_map >= 0).sum() + sum(-(-b // HOP) - a // HOP for a, b in places) >= 75


def test_a_fade_changes_the_first_samples_after_the_seam_alone():
    clean = promises.heard(2).audio.astype(float)
    hard = promises.corrupted(deletion, [(16_000, 19_200), (22_400, 22_400 + HOP)], 2)
    soft = promises.corrupted(deletion, [(16_000, 19_200), (22_400, 22_400 + HOP)], 2, fade=0.05)
    assert soft.frame_map.tolist() == hard.frame_map.tolist()
    assert soft.audio[:, :16_000].tobytes() == hard.audio[:, :16_000].tobytes()
    for c in range(2):
        for i in range(1600):
            p = (i + 0.5) / 1600 * math.pi / 2
            expected = math.sin(p) * clean[c, 19_200 + i] + math.cos(p) * clean[c, 16_000 + i]
            assert soft.audio[c, 16_000 + i] == pytest.approx(expected, abs=1e-6)
        for i in range(HOP):  # no longer than the span, whose music goes on
            p = (i + 0.5) / HOP * math.pi / 2
            expected = math.sin(p) * clean[c, 22_400 + HOP + i] + math.cos(p) * clean[c, 22_400 + i]
            assert soft.audio[c, 19_200 + i] == pytest.approx(expected, abs=1e-6)
    assert soft.audio[:, 17_600:19_200].tobytes() == hard.audio[:, 17_600:19_200].tobytes()
    assert soft.audio[:, 19_200 + HOP :].tobytes() == hard.audio[:, 19_200 + HOP :].tobytes()


def test_a_fade_ends_where_the_next_span_begins_and_there_is_none_at_the_clips_ends():
    places = [(16_000, 19_200), (19_200, 19_840)]
    soft, hard = (promises.corrupted(deletion, places, fade=fade).audio for fade in [0.1, 0.0])
    assert (soft != hard)[0].nonzero()[0].max() < 16_640  # the second span's own; after the first there's no room
    for places in [[(0, 6400)], [(40_000, N)]]:
        soft, hard = (promises.corrupted(deletion, places, fade=fade).audio for fade in [0.1, 0.0])
        assert soft.tobytes() == hard.tobytes()


@pytest.mark.parametrize("value", [-0.1, 0.2, "x", None])
def test_wrong_fades_are_refused(value):
    with pytest.raises(NoiseprobeError, match=r"^noise.fade: got .*, expected a number .* of at most 0.1$"):
        deletion.options({"fade": value})


def test_the_keys_of_the_yaml_are_the_defaults():
    assert deletion.options({"fade": 0}) == deletion.Options()
