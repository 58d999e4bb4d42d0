"""Noise in its place: all kinds, levels, modes, channels, rates and lengths; fades; several spans; silence."""

import itertools
import math
from functools import lru_cache, partial

import numpy as np
import pytest
import torch
from hearing import RATE, db, draws, heard, music, outside, samples, span
from torchaudio.functional import loudness as torchaudio_loudness

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import blue, brown, paper_blue, paper_brown, paper_pink, pink, violet, white
from noiseprobe.noise.tools.placing import Options, options, place

KINDS = {
    m.__name__.rpartition(".")[2]: m for m in [white, pink, brown, blue, violet, paper_pink, paper_brown, paper_blue]
}
COLORS = ["pink", "brown", "blue", "violet"]  # whose noise takes a tenth of a second
LEVELS = [
    {"level": "match"}, {"level": "clip"}, {"level": "lufs"}, {"level": "snr", "snr": 6.0}, {"level": -23.5},
]  # fmt: skip
LENGTHS = [0.001, 0.02, 0.1, 0.4, 0.5, 4.0]
MODES = ["replace", "add"]


def corrupt(kind, clean, spans, rate=RATE, seed=0, hop=None, **asked):
    found = KINDS[kind].corrupt(heard(clean, rate, hop or rate // 50), spans, draws(kind, seed), Options(**asked))
    assert (found.recode, found.frame_map) == (None, None)
    return found


@lru_cache
def loud(channels, rate):
    """Music of 5.5 seconds, softer in its first, so that clip and span differ by some dB."""
    clean = music(channels, 5.5, rate).copy()
    clean[:, :rate] *= 0.1
    clean.flags.writeable = False
    return clean


def lufs(audio, rate):
    """By another library, whose filters are rounded (test_level.py); it clips what is beyond 1."""
    scale = 0.5 / np.abs(audio).max()
    x = torch.from_numpy(audio.astype(np.float64) * scale)
    return torchaudio_loudness(x, rate).item() - 20 * math.log10(scale)


def whole_blocks(audio, rate):
    """What the last whole block of 0.4 s, a quarter of a block after the one before it, leaves of the audio."""
    block = rate * 2 // 5
    return audio[..., : audio.shape[-1] - (audio.shape[-1] - block) % (block // 4)]


@lru_cache
def music_lufs(channels, rate, length):
    """Of the music from 1 s on."""
    return lufs(whole_blocks(loud(channels, rate)[:, rate : rate + round(length * rate)], rate), rate)


def noise_of(found, clean, where, mode):
    """The noise that was placed, from the audio alone."""
    placed = found.audio[:, where.start : where.stop].astype(np.float64)
    return placed - clean[:, where.start : where.stop] if mode == "add" else placed


@pytest.mark.parametrize("rate", [32_000, pytest.param(48_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_level_mode_channel_and_length(kind, rate):
    """RMS targets are hit to 0.01 dB, loudness of 0.4 s and more to 0.1 dB; what is said is what is there."""
    for asked, mode, channels, length in itertools.product(LEVELS, MODES, [1, 2], LENGTHS):
        case = f"{asked} {mode} {channels} channels {length} s"
        clean = loud(channels, rate)
        where = span(1.0, length, clean, rate, rate // 50)
        found = corrupt(kind, clean, [where], rate, **asked, mode=mode)
        m = found.measured

        assert (found.audio.dtype, found.audio.shape) == (np.float32, clean.shape), case
        assert np.isfinite(found.audio).all(), case
        assert outside(found.audio, [where]).tobytes() == outside(clean, [where]).tobytes(), case
        assert (found.audio[:, where.start : where.stop] != clean[:, where.start : where.stop]).mean() > 0.99, case

        noise, there = noise_of(found, clean, where, mode), clean[:, where.start : where.stop]
        assert m.noise_db == pytest.approx(db(noise), abs=1e-4), case
        assert m.music_db == pytest.approx(db(there), abs=1e-6), case
        assert m.over_full_scale == (np.abs(found.audio[:, where.start : where.stop]) > 1).sum(), case
        assert m.other is None, case
        if asked["level"] == "lufs":
            assert m.level_db is None, case
            if length >= 0.4:
                target = music_lufs(channels, rate, length)
                assert lufs(whole_blocks(noise, rate), rate) == pytest.approx(target, abs=0.05), case
                assert m.level_lufs == pytest.approx(target, abs=0.08), case
                assert m.noise_lufs == pytest.approx(m.level_lufs, abs=1e-6), case
            else:
                assert m.level_lufs is not None, case
                assert m.noise_lufs is None, case
        else:
            wanted = {"match": db(there), "clip": db(clean), "snr": db(there) - 6.0}.get(asked["level"], -23.5)
            assert m.level_db == pytest.approx(wanted, abs=1e-6), case
            assert db(noise) == pytest.approx(wanted, abs=0.01), case
            assert (m.level_lufs, m.noise_lufs) == (None, None), case


# Where it goes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "stop"), [(8000, 16_000), (0, 1), (0, 100), (31_999, 32_000), (0, 32_000), (777, 778), (20_001, 32_000)]
)
def test_samples_outside_the_span_are_the_clean_ones_bit_for_bit(kind, start, stop):
    clean = music(2, 1.0)
    before = clean.tobytes()
    audio = corrupt(kind, clean, [samples(start, stop)]).audio
    assert clean.tobytes() == before, "the clean clip was written to"
    assert (audio.dtype, audio.shape) == (np.float32, clean.shape)
    assert audio[:, :start].tobytes() == clean[:, :start].tobytes()
    assert audio[:, stop:].tobytes() == clean[:, stop:].tobytes()
    assert np.isfinite(audio).all()
    if clean[:, start:stop].any():
        assert (audio[:, start:stop] != clean[:, start:stop]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", LEVELS)
@pytest.mark.parametrize("mode", MODES)
def test_length_0_changes_nothing_and_measures_nothing(kind, asked, mode):
    clean = music(2)
    found = corrupt(kind, clean, [samples(8000, 8000)], **asked, mode=mode, fade=0.5)
    assert found.audio.tobytes() == clean.tobytes()
    assert found.audio is not clean
    m = found.measured
    assert (m.level_db, m.noise_db, m.music_db, m.level_lufs, m.noise_lufs, m.over_full_scale) == (*[None] * 5, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_replacing_leaves_nothing_of_the_music_and_adding_all(kind):
    clean, where = music(), samples(32_000, 64_000)
    replaced, added = (corrupt(kind, clean, [where], level=-20.0, mode=m).audio[:, 32_000:64_000] for m in MODES)
    louder = corrupt(kind, clean * 2, [where], level=-20.0).audio[:, 32_000:64_000]
    assert louder.tobytes() == replaced.tobytes()
    assert added == pytest.approx(replaced + clean[:, 32_000:64_000], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [8000, 22_050, 44_099, 96_000])
def test_any_rate_and_a_single_sample(kind, rate):
    clean = music(1, 1.0, rate)
    for start, stop in [(rate // 2, rate // 2 + 1), (rate // 2, rate // 2 + 2), (rate // 2, rate // 2 + 501)]:
        for asked in [LEVELS[0], LEVELS[2]]:
            found = corrupt(kind, clean, [samples(start, stop, rate, rate // 50)], rate, **asked, fade=0.01)
            assert np.isfinite(found.audio).all()
            changed = found.audio[0, start:stop] != clean[0, start:stop]
            # one sample of the same power is the music's or its negative
            assert changed.mean() > 0.98 or stop == start + 1


# Channels and draws


@pytest.mark.parametrize("kind", KINDS)
def test_channels_have_their_own_noise(kind):
    """Whitened by differences until no frequency dominates, so that chance is 1/sqrt(n)."""
    left, right = corrupt(kind, music(2), [samples(0, 128_000)], level=-20.0).audio.astype(np.float64)
    for order in {"pink": [1], "brown": [1, 2], "paper_brown": [1, 2]}.get(kind, [0]):
        x, y = np.diff(left, order), np.diff(right, order)
        assert abs(np.corrcoef(x, y)[0, 1]) < 8 / math.sqrt(128_000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_has_the_same_noise_whatever_the_others_up_to_the_gain(kind):
    one = corrupt(kind, music(1), [samples(0, 1000)], level=-20.0).audio[0, :1000]
    two = corrupt(kind, music(2), [samples(0, 1000)], level=-20.0).audio[:, :1000]
    assert two[0] == pytest.approx(one * (two[0, 0] / one[0]), rel=1e-4, abs=1e-7)
    assert np.abs(two[1] - two[0]).max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", LEVELS)
def test_shorter_noise_is_the_beginning_of_longer_up_to_one_gain(kind, asked):
    clean = music(2)
    long = corrupt(kind, clean, [samples(3200, 100_000)], **asked).audio[:, 3200:].astype(np.float64)
    for n in [1, 3, 640, 3200, 12_799, 12_800, 60_000]:
        short = corrupt(kind, clean, [samples(3200, 3200 + n)], **asked).audio[:, 3200 : 3200 + n].astype(np.float64)
        gain = (short * long[:, :n]).sum() / (long[:, :n] ** 2).sum()
        assert gain > 0
        assert np.abs(short - gain * long[:, :n]).max() < 2e-6 * np.abs(short).max()


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_clip_kind_level_or_onset_gives_other_noise(kind):
    clean, where = music(), samples(32_000, 40_000)

    def noise(where=where, **key):
        made = KINDS[kind].corrupt(heard(clean), [where], draws(**({"kind": kind} | key)), Options(level=-20.0))
        return made.audio[0, where.start : where.stop]

    first = noise()
    assert noise().tobytes() == first.tobytes()
    changed = [{"seed": 1}, {"clip": "a.wav#0.0"}, {"kind": "silence"}, {"level": "clip"}]
    for other in [*(noise(**key) for key in changed), noise(samples(32_640, 40_640))]:
        assert not np.allclose(first, other, atol=0.01)


# Several spans


@pytest.mark.parametrize(
    ("kind", "asked", "mode"),
    [*itertools.product(["white", "paper_brown"], LEVELS, MODES), *((k, LEVELS[2], "replace") for k in COLORS)],
)
def test_each_of_several_spans_holds_what_it_holds_alone(kind, asked, mode):
    clean = loud(2, RATE)
    spans = [span(0.0, 0.1, clean), span(2.0, 0.5, clean), span(2.6, 0.02, clean), span(4.0, None, clean)]
    together = corrupt(kind, clean, spans, **asked, mode=mode, fade=0.005)
    alone = [corrupt(kind, clean, [s], **asked, mode=mode, fade=0.005) for s in spans]
    for s, one in zip(spans, alone, strict=True):
        assert together.audio[:, s.start : s.stop].tobytes() == one.audio[:, s.start : s.stop].tobytes()
    assert outside(together.audio, spans).tobytes() == outside(clean, spans).tobytes()

    n = np.array([s.stop - s.start for s in spans])

    def mean(field):
        values = [getattr(one.measured, field) for one in alone]
        return 10 * math.log10((n * 10 ** (np.array(values) / 10)).sum() / n.sum())

    for field in ["level_lufs" if asked["level"] == "lufs" else "level_db", "noise_db", "music_db"]:
        assert getattr(together.measured, field) == pytest.approx(mean(field), abs=1e-6)
    assert together.measured.over_full_scale == sum(one.measured.over_full_scale for one in alone)
    assert together.measured.noise_lufs is None


# Silence


SILENT = samples(32_000, 64_000)


def with_silence(channels=2):
    clean = music(channels).copy()
    clean[:, 32_000:64_000] = 0
    return clean


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("asked", [LEVELS[0], LEVELS[2], LEVELS[3]])
def test_a_silent_span_gives_no_level_and_stays_silent(kind, asked, mode):
    found = corrupt(kind, with_silence(), [SILENT], **asked, mode=mode)
    assert not found.audio[:, 32_000:64_000].any()
    m = found.measured
    assert (m.level_db, m.noise_db, m.music_db, m.level_lufs, m.noise_lufs, m.over_full_scale) == (*[None] * 5, 0)


@pytest.mark.parametrize("asked", [LEVELS[1], LEVELS[4]])
def test_a_silent_span_is_filled_where_the_level_comes_from_elsewhere(asked):
    clean = with_silence()
    found = corrupt("white", clean, [SILENT], **asked)
    assert found.audio[:, 32_000:64_000].all()
    assert found.measured.music_db is None
    assert found.measured.noise_db == pytest.approx(found.measured.level_db, abs=1e-6)
    assert found.measured.level_db == pytest.approx(db(clean) if asked["level"] == "clip" else -23.5, abs=1e-6)


@pytest.mark.parametrize("asked", LEVELS[:4])
def test_a_silent_clip_stays_silent(asked):
    found = corrupt("pink", np.zeros((1, 128_000), np.float32), [samples(32_000, 64_000)], **asked)
    assert not found.audio.any()
    assert (found.measured.level_db, found.measured.level_lufs, found.measured.noise_db) == (None, None, None)


def test_one_silent_span_of_two_leaves_no_level_of_both():
    clean = with_silence()
    for asked in [LEVELS[0], LEVELS[2], LEVELS[3]]:
        found = corrupt("white", clean, [samples(0, 16_000), SILENT], **asked)
        assert (found.measured.level_db, found.measured.level_lufs) == (None, None)
        assert found.measured.noise_db == pytest.approx(db(found.audio[:, :16_000], clean[:, 32_000:64_000]), abs=1e-4)


def test_music_below_the_gate_of_loudness_is_silence():
    clean = music().copy()
    clean[:, 32_000:64_000] *= 1e-4
    found = corrupt("white", clean, [SILENT], level="lufs")
    assert not found.audio[:, 32_000:64_000].any()
    assert found.measured.level_lufs is None
    assert found.measured.music_db < -90


# Loudness of short spans


WINDOWS = [  # a span, and where the 0.4 s around it begin
    (64_000, 67_200, 65_600 - 6400),
    (127_360, 128_000, 115_200),
    (64_000, 64_032, 64_016 - 6400),
    (64_000, 76_799, 70_399 - 6400),
    (0, 640, 0),
    (640, 3840, 0),
    (127_999, 128_000, 115_200),
]


@pytest.mark.parametrize(
    ("kind", "start", "stop", "window"),
    [*(("white", *w) for w in WINDOWS), *((k, *w) for k in KINDS if k != "white" for w in WINDOWS[:2])],
)
def test_short_spans_are_as_loud_as_the_music_around_them(kind, start, stop, window):
    """The noise is the beginning of 4 s of the same noise at the loudness of 0.4 s of music around the span."""
    clean = music(2)
    clean = clean * np.linspace(0.2, 1, clean.shape[1], dtype=np.float32)
    found = corrupt(kind, clean, [samples(start, stop)], level="lufs")
    target = lufs(clean[:, window : window + 12_800], RATE)
    assert found.measured.level_lufs == pytest.approx(target, abs=0.08)
    assert found.measured.noise_lufs is None
    long = corrupt(kind, music(2, 8.0), [samples(start, start + 128_000)], level=-20.0)
    long = long.audio[:, start : start + 128_000].astype(np.float64)
    gain = 10 ** ((target - lufs(long, RATE)) / 20)
    placed = found.audio[:, start:stop]
    assert placed == pytest.approx(long[:, : stop - start] * gain, rel=0.012)  # 0.1 dB
    assert found.measured.noise_db == pytest.approx(db(placed), abs=1e-4)


def test_a_silent_moment_in_music_is_filled_under_lufs():
    clean = music().copy()
    clean[:, 64_000:64_640] = 0
    assert corrupt("white", clean, [samples(64_000, 64_640)], level="lufs").audio[:, 64_000:64_640].all()


# Full scale


@pytest.mark.parametrize("mode", MODES)
def test_samples_beyond_full_scale_are_counted_and_not_clipped(mode):
    clean = music(2).copy()
    clean[0, 0] = 3.0  # outside the span: the music's own
    found = corrupt("white", clean, [samples(1000, 3000), samples(4000, 4100)], level=-3.0, mode=mode)
    placed = [v for c in found.audio.tolist() for a, b in [(1000, 3000), (4000, 4100)] for v in c[a:b]]
    assert found.measured.over_full_scale == sum(1 for v in placed if v > 1 or v < -1) > 0
    assert max(map(abs, placed)) > 1.5


# Fades


def ones(draws, onset, channel, n, sample_rate):
    """Noise that is a constant, so that a fade can be read off."""
    return np.ones(n)


def faded(n, fade, mode="replace", music=0.0, start=1000):
    clean = np.full((1, 40_000), music, np.float32)
    where = samples(start, start + n)
    found = place(ones, heard(clean), [where], draws("white"), Options(mode=mode, level=0.0, fade=fade))
    assert outside(found.audio, [where]).tobytes() == outside(clean, [where]).tobytes()
    return found, found.audio[0, start : start + n].astype(np.float64)


def test_without_a_fade_edges_are_hard():
    assert faded(640, 0.0)[1].tolist() == [1.0] * 640
    assert faded(640, 0.0, music=0.5)[1].tolist() == [1.0] * 640


@pytest.mark.parametrize("n", [640, 641, 20_000])
def test_a_fade_is_a_quarter_of_a_sine_inside_the_span(n):
    _, x = faded(n, 0.005)  # 160 samples
    expected = [math.sin((i + 0.5) / 160 * math.pi / 2) for i in range(160)]
    assert x[:160] == pytest.approx(expected, abs=1e-6)
    assert x[-160:] == pytest.approx(expected[::-1], abs=1e-6)
    assert (x[160:-160] == 1).all()


@pytest.mark.parametrize(("n", "half"), [(640, 320), (641, 320), (3, 1), (2, 1)])
def test_a_fade_takes_half_the_span_at_most(n, half):
    _, x = faded(n, 1.0)
    assert x[:half] == pytest.approx([math.sin((i + 0.5) / half * math.pi / 2) for i in range(half)], abs=1e-6)
    assert x.tolist() == x[::-1].tolist()
    assert x[half : n - half].tolist() == [1.0] * (n - 2 * half)


def test_a_span_of_one_sample_has_no_fade():
    assert faded(1, 1.0)[1].tolist() == [1.0]


def test_the_music_fades_out_where_it_is_replaced():
    _, x = faded(640, 0.005, music=0.5)
    angles = [(i + 0.5) / 160 * math.pi / 2 for i in range(160)]
    assert x[:160] == pytest.approx([math.sin(a) + 0.5 * math.cos(a) for a in angles], abs=1e-6)
    assert (x[160:-160] == 1).all()


def test_the_music_stays_where_noise_is_added():
    _, x = faded(640, 0.005, "add", music=0.5)
    assert x[:160] == pytest.approx([0.5 + math.sin((i + 0.5) / 160 * math.pi / 2) for i in range(160)], abs=1e-6)
    assert x[160:-160] == pytest.approx([1.5] * 320)


@pytest.mark.parametrize("kind", ["white", "paper_blue"])
def test_a_fade_keeps_the_power(kind):
    """On white music of the noise's RMS, over many onsets, in every tenth of the fade."""
    n, trials = 2000, 200
    power = np.zeros(10)
    for i in range(trials):
        clean = np.random.RandomState(i).standard_normal((1, n)).astype(np.float32)
        where = samples(0, n)
        found = KINDS[kind].corrupt(
            heard(clean, clip=f"{i}.wav#0.0"), [where], draws(kind, clip=f"{i}.wav#0.0"), Options(level=0.0, fade=1.0)
        )
        power += (found.audio[0].astype(np.float64) ** 2).reshape(10, -1).mean(1) / trials
    assert power == pytest.approx(np.ones(10), abs=0.05)


@pytest.mark.parametrize("mode", MODES)
def test_the_level_is_that_of_the_noise_before_its_fades_and_the_measurement_that_after_them(mode):
    clean, where = music(), samples(32_000, 64_000)
    hard, soft = (corrupt("white", clean, [where], level=-20.0, mode=mode, fade=f) for f in [0.0, 0.25])
    assert hard.measured.level_db == soft.measured.level_db == -20.0
    assert hard.measured.noise_db == pytest.approx(-20.0, abs=1e-9)
    # a quarter of a second twice, at half the power
    assert soft.measured.noise_db == pytest.approx(-20.0 + 10 * math.log10(0.75), abs=0.05)
    middle = slice(32_000 + 8000, 64_000 - 8000)
    assert soft.audio[:, middle].tobytes() == hard.audio[:, middle].tobytes()


# Keys


def test_the_keys_are_checked():
    plain = {"mode": "replace", "level": "match", "snr": None, "fade": 0.0}
    assert options(plain) == Options()
    assert options(plain | {"mode": "add", "level": -20, "fade": 1}) == Options("add", -20.0, None, 1.0)
    assert options(plain | {"level": "snr", "snr": 3}).level_key == "snr+3.0dB"
    for key, value, message in [
        ("mode", "mix", "noise.mode: got mix, expected one of replace, add"),
        ("mode", None, "noise.mode: got null, expected one of replace, add"),
        ("fade", -0.1, "noise.fade: got -0.1, expected a number of at least 0 and of at most 1"),
        ("fade", 1.1, "noise.fade: got 1.1, expected a number of at least 0 and of at most 1"),
        ("fade", None, "noise.fade: got null, expected a number of at least 0 and of at most 1"),
        ("level", "loud", "noise.level: got loud, expected one of match, clip, lufs, snr or a number in dBFS"),
        ("snr", 3, "noise.snr: got 3.0, expected null, since noise.level is match and not snr"),
    ]:
        with pytest.raises(NoiseprobeError) as caught:
            options(plain | {key: value})
        assert str(caught.value) == message


def test_kinds_can_travel_to_a_worker():
    """`corrupt` is a partial of functions with names."""
    for module in KINDS.values():
        assert isinstance(module.corrupt, partial)
        assert module.corrupt.func is place
