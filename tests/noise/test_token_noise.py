"""Noise on tokens: the noise clip (whose spectrum, how loud, what it hangs on) and the splice that is asked for."""

import math
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from running import composed
from scipy import signal

from noiseprobe.config import check, modules
from noiseprobe.data.manifest import Clip
from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import Draws, Heard
from noiseprobe.noise.token_noise import CHANGES, COLORS, WHOLE, Options, corrupt
from noiseprobe.noise.tools.splice import Splice
from noiseprobe.variants import Fixed, Place, Variant

RATE, HOP, SECONDS = 16_000, 320, 6.0
N = round(SECONDS * RATE)
DRAWS = Draws(0, "a.wav#0.0", "token_noise", "match")


def music(channels=1):
    """A sine of RMS 0.2 up to the middle and of 0.05 after it; on the right half as loud."""
    t = np.arange(N)
    x = np.sin(2 * np.pi * t / 100) * np.where(t < N // 2, 0.2, 0.05) * math.sqrt(2)
    return np.stack([x / (c + 1) for c in range(channels)]).astype(np.float32)


def noise(options, *places, audio=None, draws=DRAWS):
    audio = music() if audio is None else audio

    def never(song, samples):
        raise AssertionError("noise asks for no other clip")

    heard = Heard(Clip("a.wav#0.0", Path("a.wav"), 0, SECONDS, "s", "g"), audio, RATE, HOP, never)
    variant = Variant("token_noise", Fixed(tuple(Place(*p) for p in places)))
    before = audio.tobytes()
    made = corrupt(heard, variant.spans(RATE, HOP, N, np.random.RandomState(0)), draws, options)
    assert audio.tobytes() == before, "the clean clip was written to"
    assert made.frame_map is None
    return made


def db(x):
    return 20 * math.log10(math.sqrt(np.mean(np.float64(x) ** 2)))


def parallel(a, b, tolerance=1e-6):
    """Whether one is the other times a positive number."""
    a, b = np.float64(a).ravel(), np.float64(b).ravel()
    gain = a @ b / (b @ b)
    return gain > 0 and np.abs(a - gain * b).max() < tolerance * np.abs(a).max()


def test_it_declares_what_it_does():
    assert (CHANGES, WHOLE) == ("codes", False)


# The clip


@pytest.mark.parametrize("channels", [1, 2])
def test_white_noise_is_a_whole_clip_of_the_keyed_numbers(channels):
    made = noise(Options(), (2, 1), audio=music(channels))
    assert (made.audio.dtype, made.audio.shape) == (np.float32, (channels, N))
    assert parallel(made.audio, np.stack([DRAWS.normal(2.0, c, N) for c in range(channels)]))
    assert made.recode == Splice(((100, 150),))


@pytest.mark.parametrize(("color", "slope"), [("white", 0), ("pink", -1), ("brown", -2), ("blue", 1), ("violet", 2)])
def test_true_colors_have_their_slope(color, slope):
    x = noise(Options(color), (2, 1)).audio[0].astype(float)
    f, power = signal.welch(x, RATE, nperseg=2048)
    band = (f > 100) & (f < 6000)
    assert np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0] == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize(("color", "low", "high"), [("paper_pink", 1, 0), ("paper_brown", 1, 0), ("paper_blue", 0, 1)])
def test_the_paper_s_colors_are_filtered_white_noise(color, low, high):
    x = noise(Options(color), (2, 1)).audio[0].astype(float)
    f, power = signal.welch(x, RATE, nperseg=2048)
    lows, highs = power[(f > 100) & (f < 400)].mean(), power[(f > 7000) & (f < 7800)].mean()
    assert (lows > 20 * highs) if low else (highs > 20 * lows)


@pytest.mark.parametrize("color", COLORS)
def test_a_color_is_what_the_kind_of_that_name_makes_of_the_same_numbers(color):
    assert color in modules("noise")
    kind = import_module(f"noiseprobe.noise.{color}")
    heard = Heard(Clip("a.wav#0.0", Path("a.wav"), 0, SECONDS, "s", "g"), music(2), RATE, HOP, None)
    (whole,) = Variant(color, Fixed((Place(0, None),))).spans(RATE, HOP, N, np.random.RandomState(0))
    on_samples = kind.corrupt(heard, [replace(whole, onset=2.0)], DRAWS, kind.Options()).audio
    assert parallel(noise(Options(color), (2, 1), audio=music(2)).audio, on_samples)


def test_every_color_of_noise_on_samples_is_offered():
    """Those that have nothing but the common keys of noise."""
    from noiseprobe.noise.tools.placing import Options as Common

    common = {name for name in modules("noise") if import_module(f"noiseprobe.noise.{name}").Options is Common}
    assert common == set(COLORS)


@pytest.mark.parametrize("color", ["white", "brown", "paper_blue"])
@pytest.mark.parametrize("level", ["match", "clip", "lufs", -20.0])
def test_shorter_is_the_beginning_of_longer_up_to_its_gain(color, level):
    long = noise(Options(color, level), (2, 3)).audio
    for seconds in [0.02, 0.1, 0.5, 1.0, 2.9]:
        assert parallel(noise(Options(color, level), (2, seconds)).audio, long)


@pytest.mark.parametrize("change", [{"seed": 1}, {"clip": "b"}, {"kind": "white"}, {"level": "clip"}, {"onset": 2.02}])
def test_every_part_of_the_key_changes_the_noise(change):
    onset = change.get("onset", 2.0)
    draws = replace(DRAWS, **{k: v for k, v in change.items() if k != "onset"})
    a, b = noise(Options(), (2, 1)).audio[0], noise(Options(), (onset, 1), draws=draws).audio[0]
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / math.sqrt(N)


def test_channels_have_their_own_noise():
    left, right = noise(Options(), (2, 1), audio=music(2)).audio
    assert abs(np.corrcoef(left, right)[0, 1]) < 5 / math.sqrt(N)


def test_the_same_key_gives_the_same_bytes():
    assert noise(Options("pink"), (2, 1)).audio.tobytes() == noise(Options("pink"), (2, 1)).audio.tobytes()


# How loud it is


@pytest.mark.parametrize("color", ["white", "brown", "paper_pink"])
@pytest.mark.parametrize(
    ("level", "snr", "asked"),
    [
        ("match", None, 20 * math.log10(0.05)),  # the span lies in the soft half
        ("clip", None, 20 * math.log10(math.sqrt((0.2**2 + 0.05**2) / 2))),
        ("snr", 6.0, 20 * math.log10(0.05) - 6),
        ("snr", -6.0, 20 * math.log10(0.05) + 6),
        (-20.0, None, -20.0),
    ],
)
def test_noise_in_the_span_has_the_level_asked_for(color, level, snr, asked):
    made = noise(Options(color, level, snr), (4, 1))
    m = made.measured
    assert m.level_db == pytest.approx(asked, abs=1e-5)
    assert m.noise_db == pytest.approx(asked, abs=1e-5)
    assert db(made.audio[:, 4 * RATE : 5 * RATE]) == pytest.approx(asked, abs=1e-5)
    assert m.music_db == pytest.approx(20 * math.log10(0.05), abs=1e-5)
    assert (m.level_lufs, m.noise_lufs, m.other) == (None, None, None)
    if color == "white":  # elsewhere it is as loud, but for chance: five standard errors of a second's RMS
        assert db(made.audio[:, :RATE]) == pytest.approx(asked, abs=20 * math.log10(1 + 5 / math.sqrt(RATE)))


def test_level_lufs():
    """A second of noise is as loud as the music there; 0.1 s as loud as 4 s of it would have to be for that."""
    audio = music()
    meter = pyloudnorm.Meter(RATE, filter_class="DeMan")
    made = noise(Options("pink", "lufs"), (4, 1))
    here = made.audio[:, 4 * RATE : 5 * RATE]
    assert meter.integrated_loudness(here.T.astype(float)) == pytest.approx(
        meter.integrated_loudness(audio[:, 4 * RATE : 5 * RATE].T.astype(float)), abs=0.01
    )
    assert made.measured.noise_lufs == pytest.approx(made.measured.level_lufs, abs=1e-4)
    assert made.measured.level_db is None
    short = noise(Options("pink", "lufs"), (1, 0.1))
    heard = meter.integrated_loudness(short.audio[:, RATE : 5 * RATE].T.astype(float))
    assert heard == pytest.approx(short.measured.level_lufs, abs=0.05)
    assert short.measured.noise_lufs is None
    late = noise(Options("pink", "lufs"), (4.5, 0.1))  # less than 4 s are left
    assert np.isfinite(late.audio).all()
    assert db(late.audio) == pytest.approx(db(made.audio), abs=2)


def test_silence_gives_no_level_and_the_noise_is_silence():
    audio = music()
    audio[:, RATE : 3 * RATE] = 0
    made = noise(Options(), (1, 1), audio=audio)
    assert not made.audio.any()
    assert (made.measured.level_db, made.measured.noise_db, made.measured.music_db) == (None, None, None)
    assert made.recode == Splice(((50, 100),))
    assert noise(Options(level=-30.0), (1, 1), audio=audio).measured.noise_db == pytest.approx(-30, abs=1e-5)


def test_several_spans_share_a_clip_and_have_each_its_level():
    made = noise(Options(), (1, 0.5), (4, 1))
    assert db(made.audio[:, RATE : round(1.5 * RATE)]) == pytest.approx(20 * math.log10(0.2), abs=1e-5)
    assert db(made.audio[:, 4 * RATE : 5 * RATE]) == pytest.approx(20 * math.log10(0.05), abs=1e-5)
    numbers = DRAWS.normal(1.0, 0, N)  # of the first onset
    halfway = round(2.75 * RATE)
    assert parallel(made.audio[:, :halfway], numbers[:halfway])
    assert parallel(made.audio[:, halfway:], numbers[halfway:])
    assert not parallel(made.audio, numbers)
    assert made.recode == Splice(((50, 75), (200, 250)))
    power = (0.5 * 0.2**2 + 0.05**2) / 1.5
    for value in [made.measured.level_db, made.measured.noise_db, made.measured.music_db]:
        assert value == pytest.approx(10 * math.log10(power), abs=1e-5)


def test_at_the_start_to_the_end_and_nothing():
    assert noise(Options(), (0, 1)).recode == Splice(((0, 50),))
    assert noise(Options(), (4, None)).recode == Splice(((200, 300),))
    nothing = noise(Options(), (2, 0))
    assert nothing.audio is None
    assert nothing.recode == Splice(())
    assert (nothing.measured.level_db, nothing.measured.noise_db, nothing.measured.music_db) == (None, None, None)


def test_noise_beyond_full_scale_is_counted_in_the_span_and_not_clipped():
    made = noise(Options(level=-3.0), (2, 1))
    here = made.audio[:, 2 * RATE : 3 * RATE]
    assert made.measured.over_full_scale == sum(1 for v in here[0].tolist() if abs(v) > 1) > 0
    assert np.abs(here).max() > 1.5


# Keys


def test_keys():
    noise = check(composed("noise=token_noise")).noise
    assert noise.options == Options() == Options("white", "match", None)
    assert len(noise.variants) == 6
    assert noise.options.level_key == "match"
    asked = check(composed("noise=token_noise", "noise.color=paper_blue", "noise.level=snr", "noise.snr=3")).noise
    assert asked.options == Options("paper_blue", "snr", 3.0)
    assert asked.options.level_key == "snr+3.0dB"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("noise.color=grey", "noise.color: got grey, expected one of white, pink, brown, blue, violet, paper_pink, "),
        ("noise.level=loud", "noise.level: got loud, expected one of match, clip, lufs, snr or a number in dBFS"),
        ("noise.level=snr", "noise.snr: got null, expected a number in dB, which noise.level=snr asks for"),
        ("noise.snr=3", "noise.snr: got 3.0, expected null, since noise.level is match and not snr"),
        ("+noise.mode=add", "noise.mode: unknown key"),
        ("+noise.fade=0.1", "noise.fade: unknown key"),
    ],
)
def test_wrong_keys(override, message):
    with pytest.raises(NoiseprobeError, match=f"^{message}"):
        check(composed("noise=token_noise", override))
