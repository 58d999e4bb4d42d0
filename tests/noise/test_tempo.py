"""Tempo: how long a span becomes, what stands in it, and where the frames after it went."""

import math

import hearing
import numpy as np
import promises
import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import tempo
from noiseprobe.noise.base import CannotCorrupt

RATE, HOP, N = hearing.RATE, hearing.HOP, promises.N


def new_length(n, rate):
    """The length nearest to n / rate that is a whole number of frames away from n."""
    whole = [n + k * HOP for k in range(-200, 600)]
    return min(whole, key=lambda m: (abs(m - n / rate), -m))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25, 1.9])
@pytest.mark.parametrize("places", promises.HOPS)
def test_what_is_outside_moves_by_whole_frames(places, rate, channels):
    clean = promises.heard(channels).audio
    if any(abs(n / rate - n) < HOP / 2 for n in [b - a for a, b in places]):
        with pytest.raises(CannotCorrupt, match="would change by less than half a frame"):
            promises.corrupted(tempo, places, channels, rate=rate)
        return
    expected, position = [], 0  # which clean sample stands at each place; -1: none
    for start, stop in places:
        expected += [*range(position, start), *[-1] * new_length(stop - start, rate)]
        position = stop
    expected = [*expected, *range(position, N)][:N]
    if len(expected) < RATE:
        with pytest.raises(CannotCorrupt, match="would be left of the clip, less than 1 s"):
            promises.corrupted(tempo, places, channels, rate=rate)
        return
    found = promises.corrupted(tempo, places, channels, rate=rate)
    assert found.audio.shape == (channels, len(expected))
    keep = np.array(expected) >= 0
    assert found.audio[:, keep].tobytes() == clean[:, np.array(expected)[keep]].tobytes()
    at = {sample: i for i, sample in enumerate(expected) if sample >= 0}
    frames = [at.get(t * HOP) if all(i in at for i in range(t * HOP, (t + 1) * HOP)) else None for t in range(75)]
    assert found.frame_map.tolist() == [-1 if i is None or i % HOP else i // HOP for i in frames]
    assert (found.frame_map >= 0).any()
    placed, music = found.audio[:, ~keep], [clean[:, a:b] for a, b in places]
    assert found.measured.noise_db == pytest.approx(hearing.db(placed))
    assert found.measured.music_db == pytest.approx(hearing.db(*music))


@pytest.mark.parametrize(("rate", "frames"), [(1.25, 4), (0.8, 6), (2.0, 3), (0.5, 10), (4.0, 1), (1.12, 4)])
def test_five_frames_at_a_rate(rate, frames):
    found = promises.corrupted(tempo, [(16_000, 19_200)], rate=rate)  # frames 25 to 29
    moved = frames - 5
    assert found.audio.shape[1] == min(N + moved * HOP, N)
    after = [t + moved if t + moved < 75 else -1 for t in range(30, 75)]
    assert found.frame_map.tolist() == [*range(25), *[-1] * 5, *after]


def test_a_tone_keeps_its_pitch_and_beats_pass_at_the_rate():
    t = np.arange(4 * RATE) / RATE
    beats = 1 + 0.5 * np.cos(2 * np.pi * 5 * t)  # five a second
    audio = (0.2 * np.sin(2 * np.pi * 1000 * t) * beats)[None].astype(np.float32)
    for rate in [0.8, 1.25]:
        found = tempo.corrupt(
            hearing.heard(audio), promises.spans([(RATE, 3 * RATE)]), hearing.draws("tempo"), tempo.Options(rate=rate)
        ).audio[0]  # fmt: skip
        inner = found[RATE + 3200 : RATE + round(2 * RATE / rate) - 3200].astype(float)
        spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner)), 1 << 20))
        assert spectrum.argmax() * RATE / (1 << 20) == pytest.approx(1000, abs=0.5)
        power = np.abs(np.fft.rfft((inner**2 - (inner**2).mean()) * np.hanning(len(inner)), 1 << 20))
        slow = np.arange(len(power)) * RATE / (1 << 20) < 50
        assert power[slow].argmax() * RATE / (1 << 20) == pytest.approx(5 * rate, rel=0.01)


def test_music_passes_at_the_rate_that_makes_the_length():
    """Five frames at 1.12 are 4.46 and become 4: a burst 80 ms into the span is 64 ms into it then, not 71."""
    t = np.arange(N) / RATE
    burst = (0.3 * np.sin(2 * np.pi * 4000 * t) * np.exp(-(((t - 0.58) / 0.004) ** 2)))[None].astype(np.float32)
    for rate in [1.12, 1.25, 1.4]:
        found = tempo.corrupt(
            hearing.heard(burst), promises.spans([(16_000, 19_200)]), None, tempo.Options(rate=rate)
        ).audio[0].astype(float) ** 2  # fmt: skip
        at = np.arange(len(found)) / RATE
        assert (at * found).sum() / found.sum() == pytest.approx(0.564, abs=0.002)


def test_ends_meet_the_music():
    """A tone goes on from before: at the seams it is the music, and further in another phase of the same tone."""
    clean = promises.heard().audio[0]
    found = promises.corrupted(tempo, [(16_000, 28_800)], rate=1.25).audio[0]
    assert found[16_000:16_004] == pytest.approx(clean[16_000:16_004], abs=5e-3)
    end = 16_000 + 10_240
    assert found[end - 4 : end] == pytest.approx(clean[28_796:28_800], abs=5e-3)
    hard = promises.corrupted(tempo, [(16_000, 28_800)], rate=1.25, fade=0.0).audio[0]
    up, down = (f((np.arange(320) + 0.5) / 320 * math.pi / 2) for f in [np.sin, np.cos])
    assert found[end - 320 : end] == pytest.approx(down * hard[end - 320 : end] + up * clean[28_480:28_800], abs=1e-6)
    assert found[16_320 : end - 320].tolist() == hard[16_320 : end - 320].tolist()


def test_a_clip_gets_no_longer():
    found = promises.corrupted(tempo, [(3200, 35_200)], rate=0.5)
    assert found.audio.shape == (1, N)
    assert found.frame_map.tolist() == [*range(5), *[-1] * 70]
    # a clip that ends within a frame: the last one's counterpart would, too, but begins further on
    clean = hearing.music(1, 1.51)[:, :48_300]
    found = tempo.corrupt(
        hearing.heard(clean), promises.spans([(6400, 12_800)]), hearing.draws("tempo"), tempo.Options(rate=0.8)
    )
    moved = round((8000 - 6400) / HOP + 0.01)  # 2.5 frames: longer by 3
    assert found.audio.shape == (1, 48_300)
    assert found.frame_map.tolist() == [*range(10), *[-1] * 10, *range(20 + moved, 75), *[-1] * (76 - 75 + moved)]


def test_length_0_changes_nothing():
    promises.leaves_length_0(tempo)


def test_rate_1_is_a_control():
    found = promises.corrupted(tempo, [(16_000, 22_400)], 2, rate=1.0)
    assert found.audio.tobytes() == promises.heard(2).audio.tobytes()
    assert found.frame_map.tolist() == list(range(75))


def test_channels_are_stretched_alone():
    promises.channels_alone(tempo, [(3200, 40_000)])


def test_what_would_hardly_change_or_vanish_is_rejected():
    with pytest.raises(CannotCorrupt, match=r"^0\.1 s at rate 1\.05 would change by less than half a frame"):
        promises.corrupted(tempo, [(3200, 6400)], rate=1.05)
    with pytest.raises(CannotCorrupt, match=r"^0\.01375 s at rate 4 would be less than half a frame"):
        promises.corrupted(tempo, [(3200, 3640)], rate=4.0)
    with pytest.raises(CannotCorrupt, match="would change by less than half a frame"):
        promises.corrupted(tempo, [(3200, 3201)])


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"rate": 0}, "noise.rate: got 0, expected a number of at least 0.25 and of at most 4"),
        ({"rate": "fast"}, "noise.rate: got fast, expected a number"),
        ({"fade": 1.5}, "noise.fade: got 1.5, expected a number of at least 0 and of at most 1"),
    ],
)
def test_wrong_values_are_refused(keys, line):
    with pytest.raises(NoiseprobeError) as error:
        tempo.options({"rate": 1.25, "fade": 0.01} | keys)
    assert str(error.value).startswith(line)


def test_the_keys_of_the_yaml_are_the_defaults():
    assert tempo.options({"rate": 1.25, "fade": 0.01}) == tempo.Options()
