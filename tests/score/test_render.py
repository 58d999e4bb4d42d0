"""The player with the embedded SoundFont: pitch, level, order and loudness by measurements of others' making."""

import hashlib
import math
import pickle
import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import soundfile as sf
import torch
import torchaudio
from midibytes import excerpt, midi, off, on, program, track
from sf2bytes import font

from noiseprobe.config import PACKAGE
from noiseprobe.score import read
from noiseprobe.score.notes import BadScore, Excerpt, Part
from noiseprobe.score.render import Renderer, held_until
from noiseprobe.score.soundfont import load

BUNDLED = PACKAGE / "assets/soundfont/piano_and_more.sf2"
PIECES = sorted((PACKAGE / "assets/midi").rglob("*.mid"))
RATE = 32_000
PIANO = Renderer(BUNDLED, -23.0)


def play(*notes, seconds=3.0, channels=1, rate=RATE, **more):
    return PIANO.play(excerpt(*notes, **more), rate, channels, seconds)


def rms(x):
    return float(np.sqrt((x.astype(float) ** 2).mean()))


def db(ratio):
    return 20 * math.log10(ratio)


def partials(x, wanted):
    """Hz of the strongest of the first four partials over its number, within 3 % of what is wanted."""
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), size))
    found = []
    for k in (1, 2, 3, 4):
        low, high = (round(wanted * k * share * size / RATE) for share in (0.97, 1.03))
        if high < len(spectrum):
            at = low + int(np.argmax(spectrum[low:high]))
            found.append((spectrum[at], at * RATE / size / k))
    return max(found)[1], max(found)[0] / spectrum.max()


# Pitches


@pytest.mark.parametrize("pitch", range(21, 109))
def test_every_key_of_the_piano_sounds_in_tune(pitch):
    x = play((0.0, 1.5, pitch, 90))[0]
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    hz, share = partials(x[1600 : 1600 + 24_000], wanted)
    assert hz == pytest.approx(wanted, rel=0.01)
    # a tone is made of its partials: the strongest of all is among the first four, but for the bass, which has many
    assert share > (0.1 if pitch < 36 else 0.99)
    assert rms(x[: RATE // 2]) > 0.005


def test_a4_is_440_hz():
    assert partials(play((0.0, 1.5, 69, 90))[0][1600:25_600], 440)[0] == pytest.approx(440, rel=0.001)


@pytest.mark.parametrize("which", range(128))
def test_every_program_makes_a_sound_of_its_pitch(which):
    x = play((0.0, 1.0, 64, 90), program=which, seconds=1.5)[0]
    assert rms(x[: RATE // 2]) > 0.003
    hz, _ = partials(x[3200:24_000], 440 * 2 ** (-5 / 12))
    assert hz == pytest.approx(440 * 2 ** (-5 / 12), rel=0.01)


@pytest.mark.parametrize("key", range(128))
def test_every_drum_makes_a_sound(key):
    assert rms(play((0.0, 0.1, key, 100), is_drum=True, seconds=0.5)) > 0.0005


def test_drums_of_all_128_programs():
    kit = play((0.0, 0.1, 38, 100), is_drum=True, seconds=0.5)
    for which in (1, 25, 127):
        np.testing.assert_array_equal(play((0.0, 0.1, 38, 100), is_drum=True, program=which, seconds=0.5), kit)


def test_programs_sound_different_and_the_font_has_the_families():
    sounds = {
        hashlib.sha256(play((0.0, 0.5, 60, 90), program=8 * f, seconds=0.5).tobytes()).digest() for f in range(16)
    }
    assert len(sounds) >= 10


# Levels


def test_level_goes_with_the_square_of_velocity_within_a_layer():
    loud, soft = play((0.0, 1.0, 60, 127)), play((0.0, 1.0, 60, 100))
    np.testing.assert_allclose(soft, loud * (100 / 127) ** 2, atol=1e-7)


def test_harder_is_louder_throughout():
    levels = [rms(play((0.0, 0.5, 60, v), seconds=0.7)) for v in range(1, 128, 3)]
    assert all(b > a for a, b in pairwise(levels))


def test_gain_is_in_db_and_may_be_silence():
    x = play((0.0, 1.0, 60, 90))
    np.testing.assert_allclose(play((0.0, 1.0, 60, 90), gain=np.array([-6.0])), x * 10 ** (-6 / 20), atol=1e-7)
    assert not play((0.0, 1.0, 60, 90), gain=np.array([-np.inf])).any()


def test_a_mono_model_hears_the_mean_of_left_and_right():
    both = play((0.0, 1.0, 60, 90), (0.2, 1.0, 64, 90), channels=2)
    assert both.shape == (2, 3 * RATE)
    np.testing.assert_allclose(play((0.0, 1.0, 60, 90), (0.2, 1.0, 64, 90))[0], both.mean(0), atol=1e-7)


def test_parts_and_notes_add_up():
    a, b = excerpt((0.0, 1.0, 60, 90)), excerpt((0.5, 1.0, 67, 70), program=48)
    both = Excerpt((*a.parts, *b.parts), 30.0, (0, "major"), [], [])
    total = sum(PIANO.play(e, RATE, 1, 3.0).astype(float) for e in (a, b))
    np.testing.assert_allclose(PIANO.play(both, RATE, 1, 3.0), total, atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 32_000, 44_100, 48_000])
def test_any_rate_gives_its_samples_at_the_same_level(rate):
    x = play((0.0, 1.0, 60, 90), rate=rate, seconds=1.2345)
    assert (x.shape, x.dtype) == ((1, round(1.2345 * rate)), np.float32)
    assert db(rms(x) / rms(play((0.0, 1.0, 60, 90), seconds=1.2345))) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize(
    ("pan", "left", "right"), [(-500, 1, 0), (0, 0.5**0.5, 0.5**0.5), (250, 0.3827, 0.9239), (500, 0, 1)]
)
def test_pan_is_of_equal_power_and_attenuation_in_db(tmp_path, pan, left, right):
    tone = (20_000 * np.sin(np.arange(64_000) * 0.1)).astype(np.int16)
    zone = [(17, pan), (48, 150), (53, 0)]  # 15 dB, of which 0.4 count
    path = font(tmp_path / "x.sf2", [(0, 0, [[(41, 0)]])], [[zone]], [(tone, RATE, 60)])
    audio = Renderer(path, -23.0).play(excerpt((0.0, 1.0, 60, 127)), RATE, 2, 1.0)
    assert [rms(x) / (20_000 / 32_768 * 0.5**0.5) for x in audio] == pytest.approx(
        [left * 10**-0.3, right * 10**-0.3], abs=2e-3
    )


# Time


@pytest.mark.parametrize("start", [0.0, 0.123, 1.0])
def test_a_note_begins_at_its_time(start):
    x = np.abs(play((start, 1.0, 69, 110))[0])
    first = np.flatnonzero(x > 1e-4)[0] / RATE
    assert start <= first < start + 0.01


def test_a_note_that_is_let_go_fades():
    long, short = play((0.0, 2.5, 60, 90))[0], play((0.0, 1.0, 60, 90))[0]
    np.testing.assert_array_equal(short[:RATE], long[:RATE])
    assert rms(short[2 * RATE : 3 * RATE]) == 0
    assert rms(long[2 * RATE : 2 * RATE + 8000]) > 0.002


def test_the_pedal_holds_a_note():
    held = play((0.0, 0.5, 60, 90), pedal=np.array([[0.2, 2.5]]))
    np.testing.assert_array_equal(held, play((0.0, 2.5, 60, 90)))


@pytest.mark.parametrize(
    ("end", "pedal", "until"),
    [
        (1.0, [[0.0, 2.0]], 2.0),
        (1.0, [[1.5, 2.0]], 1.0),  # down too late
        (1.0, [[0.0, 0.9]], 1.0),
        (1.0, [[1.0, 2.0]], 1.0),  # down just then: the pedal is changed
        (1.0, [[0.0, 1.0], [1.0, 2.0]], 1.0),
        (1.0, [[0.0, 0.5], [0.7, 1.2], [1.5, 3.0]], 1.2),
        (0.0, [], 0.01),  # no length: heard, if just
    ],
)
def test_until_when_a_note_is_held(end, pedal, until):
    part = Part(0, False, [0.0], [end], [60], [80], pedal=pedal)
    assert held_until(part).tolist() == [until]


def test_a_pitch_that_is_struck_again_ends_the_note_before():
    part = Part(0, False, [0, 1, 1, 2], [9, 0.5, 0.5, 0.5], [60, 62, 60, 60], [80] * 4, pedal=[(0, 8)])
    assert held_until(part).tolist() == [1, 2, 8, 8]  # by start and pitch: 60, 60, 62, 60


def test_two_notes_at_once_on_one_key_are_one():
    np.testing.assert_array_equal(play((0.0, 1.0, 60, 90), (0.0, 2.0, 60, 90)), play((0.0, 2.0, 60, 90)))


def test_a_closed_hi_hat_cuts_off_the_open_one():
    free, cut = (
        play(*notes, is_drum=True) for notes in [[(0.0, 0.1, 46, 100)], [(0.0, 0.1, 46, 100), (0.2, 0.1, 42, 1)]]
    )
    np.testing.assert_array_equal(cut[0, :6400], free[0, :6400])
    assert rms(cut[0, 8000:12_000]) < 0.05 * rms(free[0, 8000:12_000])


# The same bits


def music(seed, n=120, seconds=10.0):
    rng = np.random.default_rng(seed)
    start = np.sort(rng.uniform(0, seconds, n))
    columns = start, rng.uniform(0, 1, n), rng.integers(30, 90, n), rng.integers(20, 128, n)
    return [tuple(c[i].item() for c in columns) for i in range(n)]


@pytest.mark.parametrize("change", ["pitch", "velocity", "duration", "removed", "added", "later", "drum"])
def test_nothing_before_a_changed_note_changes(change):
    notes = music(1)
    i = next(i for i, n in enumerate(notes) if n[0] > 6)
    start, duration, pitch, velocity = notes[i]
    new = {
        "pitch": [(start, duration, pitch + 5, velocity)], "velocity": [(start, duration, pitch, 127 - velocity // 2)],
        "duration": [(start, duration + 3, pitch, velocity)], "later": [(start + 1, duration, pitch, velocity)],
        "added": [notes[i], (start, 1.0, 33, 100)], "removed": [], "drum": [notes[i]],
    }[change]  # fmt: skip
    more = {"is_drum": True} if change == "drum" else {}
    if change == "drum":
        new = [(start, duration, 42, velocity)]
    a = PIANO.play(excerpt(*notes, **more), RATE, 2, 10.0)
    b = PIANO.play(excerpt(*notes[:i], *new, *notes[i + 1 :], **more), RATE, 2, 10.0)
    at = round(start * RATE)
    np.testing.assert_array_equal(a[:, :at], b[:, :at])
    assert (a[:, at:] != b[:, at:]).any()


def test_an_excerpt_gives_the_same_bytes_whatever_was_played_before():
    first = PIANO.play(excerpt(*music(2)), RATE, 2, 8.0)
    PIANO.play(excerpt(*music(3), program=24), 44_100, 1, 9.0)
    from noiseprobe.score.voice import tone

    tone.cache_clear()
    load.cache_clear()
    PIANO.play(excerpt(*music(4)), RATE, 1, 30.0)  # longer tones are made first
    np.testing.assert_array_equal(PIANO.play(excerpt(*music(2)), RATE, 2, 8.0), first)


@pytest.mark.slow
def test_every_process_and_thread_count_gives_the_same_bytes():
    """Started afresh, with one thread and with several, in another order."""
    code = (
        "import hashlib, sys; from pathlib import Path; from noiseprobe.score import read\n"
        "from noiseprobe.score.render import Renderer\n"
        "r, out = Renderer(Path(sys.argv[1]), -23.0), {}\n"
        "for path in sys.argv[2:]:\n"
        "    audio = r.render(read.excerpt(Path(path), 3.0, 8.0), 32000, 1, 8.0)\n"
        "    out[path] = hashlib.sha256(audio.tobytes()).hexdigest()\n"
        "print(sorted(out.items()))"
    )
    answers = set()
    for threads, order in [("1", 1), ("4", -1)]:
        env = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PATH": "/usr/bin"}
        paths = [str(p) for p in PIECES[::order]]
        run = [sys.executable, "-c", code, str(BUNDLED), *paths]
        answers.add(subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout)
    assert len(answers) == 1
    here = PIANO.render(read.excerpt(PIECES[0], 3.0, 8.0), RATE, 1, 8.0)
    assert hashlib.sha256(here.tobytes()).hexdigest() in answers.pop()


def test_a_renderer_goes_to_workers():
    again = pickle.loads(pickle.dumps(PIANO))
    assert again == PIANO
    one = excerpt((0.0, 1.0, 60, 90))
    np.testing.assert_array_equal(again.render(one, RATE, 1, 2.0), PIANO.render(one, RATE, 1, 2.0))


# Loudness


@pytest.mark.parametrize("target", [-40.0, -23.0, -9.0])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("path", PIECES[:3], ids=lambda p: p.stem)
def test_every_excerpt_has_the_loudness(path, channels, target):
    audio = Renderer(BUNDLED, target).render(read.excerpt(path, 0.0, 15.0), RATE, channels, 15.0)
    assert (audio.shape, audio.dtype) == ((channels, 15 * RATE), np.float32)
    gain = 0.5 / np.abs(audio).max()  # torchaudio's filters clamp at 1
    measured = torchaudio.functional.loudness(torch.from_numpy(audio.astype(float) * gain), RATE).item()
    assert measured - 20 * math.log10(gain) == pytest.approx(target, abs=0.1)


def test_samples_beyond_full_scale_are_kept():
    audio = Renderer(BUNDLED, -3.0).render(excerpt((0.0, 0.2, 60, 127), (1.5, 0.2, 100, 127)), RATE, 1, 2.0)
    assert np.abs(audio).max() > 1.5


def test_no_loudness_is_a_bad_score():
    with pytest.raises(BadScore, match=r"too short: 0\.390 s"):
        PIANO.render(excerpt((0.0, 1.0, 60, 90)), RATE, 1, 0.39)
    with pytest.raises(BadScore, match="silent"):
        PIANO.render(excerpt((0.0, 1.0, 60, 90), gain=np.array([-np.inf])), RATE, 1, 2.0)
    with pytest.raises(BadScore, match="silent"):
        PIANO.render(excerpt((5.0, 1.0, 60, 90)), RATE, 1, 2.0)
    PIANO.render(excerpt((0.0, 1.0, 60, 90)), RATE, 1, 0.4)


def test_a_font_without_drums_says_so(tmp_path):
    font = load(BUNDLED)
    content = BUNDLED.read_bytes()
    at = content.index(b"Drums\0")
    assert font.presets[128, 0] >= 0
    path = tmp_path / "no_drums.sf2"
    path.write_bytes(content[: at + 22] + b"\x07\x00" + content[at + 24 :])  # in another bank
    with pytest.raises(BadScore, match="the SoundFont has no drums"):
        Renderer(path, -23.0).render(excerpt((0.0, 1.0, 36, 90), is_drum=True), RATE, 1, 2.0)


# Against FluidSynth, where it is installed


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="FluidSynth isn't installed")
@pytest.mark.parametrize(
    ("which", "pitch", "velocity"),
    [(0, 40, 100), (0, 60, 20), (0, 60, 100), (0, 60, 127), (0, 84, 100), (16, 60, 100), (24, 60, 100), (33, 40, 100),
     (48, 60, 100), (56, 67, 60), (71, 60, 100), (73, 72, 100), (80, 60, 100)],
)  # fmt: skip
def test_fluidsynth_plays_a_note_alike(tmp_path, which, pitch, velocity):
    """3 dB softer throughout, and else the same pitch and the same course of levels."""
    (tmp_path / "x.mid").write_bytes(midi(track((0, program(which)), (0, on(pitch, velocity)), (1920, off(pitch)))))
    wav = tmp_path / "x.wav"
    options = ["-R0", "-C0", "-g1", "-Ofloat", f"-r{RATE}"]
    subprocess.run(
        ["fluidsynth", "-niq", *options, "-F", wav, BUNDLED, tmp_path / "x.mid"], check=True, capture_output=True
    )
    theirs = sf.read(wav)[0].mean(1)
    ours = play((0.0, 2.0, pitch, velocity), program=which)[0]
    for start in (0.1, 0.5, 1.0, 1.5):
        a, b = (x[round(start * RATE) : round((start + 0.4) * RATE)] for x in (theirs, ours))
        assert db(rms(b) / rms(a)) == pytest.approx(3.0, abs=0.5)
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    a, b = (partials(x[3200:32_000], wanted)[0] for x in (theirs, ours))
    assert 1200 * math.log2(b / a) == pytest.approx(0, abs=0.5)
