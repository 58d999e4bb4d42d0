"""The sound of single zones: pitch by Fourier transform, envelopes by the standard's formulas, whatever the length."""

import numpy as np
import pytest
from scipy.signal import freqz

from noiseprobe.score.soundfont import Zone
from noiseprobe.score.voice import FADE, envelope, sound, tone

RATE = 32_000
PLAIN = {
    "keys": (0, 127), "velocities": (0, 127), "loop": None, "rate": RATE, "root": 60, "scale": 1.0, "tune": 0.0,
    "pan": 0.0, "attenuation": 0.0, "delay": 0.0, "attack": 0.0, "hold": 0.0, "decay": 0.0, "sustain": 0.0,
    "release": 0.1, "hold_by_key": 0.0, "decay_by_key": 0.0, "cutoff": None, "resonance": 0.0, "exclusive": 0,
    "as_key": None, "as_velocity": None,
}  # fmt: skip


def zone(samples, **changed):
    return Zone(samples=np.asarray(samples, np.int16), **(PLAIN | changed))


def sine(hz, n=3 * RATE, rate=RATE):
    return 16_000 * np.sin(2 * np.pi * hz * np.arange(n) / rate)


def frequency(x, rate=RATE):
    """Hz of the strongest partial, to a hundredth."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 21))
    return np.argmax(spectrum) * rate / (1 << 21)


def db(x):
    return 20 * np.log10(np.maximum(x, 1e-12))


# Pitch


@pytest.mark.parametrize("key", [36, 47, 59, 60, 61, 72, 84])
@pytest.mark.parametrize(("rate", "to"), [(32_000, 32_000), (44_100, 32_000), (16_000, 48_000)])
def test_a_key_sounds_at_its_pitch(key, rate, to):
    x = tone(zone(sine(440, 3 * rate, rate), rate=rate), key, to, 1)
    assert frequency(x[2000:], to) == pytest.approx(440 * 2 ** ((key - 60) / 12), rel=1e-4)


def test_tuning_and_scale():
    samples = sine(440)
    assert frequency(tone(zone(samples, tune=0.5), 60, RATE, 1)) == pytest.approx(440 * 2 ** (0.5 / 12), rel=1e-4)
    assert frequency(tone(zone(samples, scale=0.0), 90, RATE, 1)) == pytest.approx(440, rel=1e-4)
    assert frequency(tone(zone(samples, scale=0.5), 72, RATE, 1)) == pytest.approx(440 * 2**0.5, rel=1e-4)
    played = sound(zone(samples, as_key=72), 60, RATE, RATE, RATE)
    assert frequency(played) == pytest.approx(880, rel=1e-4)


def test_at_its_own_pitch_and_rate_a_sample_is_itself():
    """Below the interpolation's band edge."""
    samples = sine(1000) + sine(333)
    x = tone(zone(samples), 60, RATE, 1)
    np.testing.assert_allclose(x[50:-50], samples[50 : RATE - 50] / 32768, atol=2e-4)


def test_what_would_fold_is_filtered_out():
    """12 kHz an octave up is beyond half the rate."""
    x = tone(zone(sine(12_000)), 72, RATE, 1)
    assert db(np.abs(x[500:-500]).max()) < -60
    assert db(np.abs(tone(zone(sine(6_000)), 72, RATE, 1)[500:-500]).max()) == pytest.approx(
        db(16_000 / 32_768), abs=0.2
    )


# Length


@pytest.mark.parametrize("loop", [None, (20_000, 30_000)])
@pytest.mark.parametrize("key", [48, 60, 67])
@pytest.mark.parametrize("cutoff", [None, 3_000.0])
def test_the_beginning_of_a_longer_sound_is_the_shorter_one(loop, key, cutoff):
    z = zone(np.random.default_rng(0).normal(0, 5000, 4 * RATE), loop=loop, cutoff=cutoff)
    long = tone(z, key, RATE, 4)
    for seconds in [1, 2, 3]:
        short = tone(z, key, RATE, seconds)
        np.testing.assert_array_equal(short, long[: len(short)])
    for n in [1, 777, RATE, RATE + 1]:
        np.testing.assert_array_equal(sound(z, key, RATE, 2 * RATE, n), sound(z, key, RATE, 2 * RATE, 2 * RATE)[:n])


def test_a_sample_without_a_loop_ends():
    x = tone(zone(sine(440, 8000)), 60, RATE, 2)
    assert len(x) == 8000
    assert len(sound(zone(sine(440, 8000)), 60, RATE, 2 * RATE, 2 * RATE)) == 8000
    assert len(tone(zone(sine(440, 8000)), 48, RATE, 2)) == 16_000


def test_a_loop_goes_on_without_a_seam():
    """Whole periods: the sine goes on for ever at its pitch."""
    z = zone(sine(320, 5000), loop=(1000, 4000))  # periods of 100 samples
    x = tone(z, 60, RATE, 3)
    assert len(x) == 3 * RATE
    np.testing.assert_allclose(x[50:-50], sine(320)[50 : 3 * RATE - 50] / 32768, atol=2e-4)


# Envelope


def test_an_envelope_rises_straight_holds_falls_in_db_and_stays():
    z = zone([1], delay=0.1, attack=0.2, hold=0.3, decay=2.0, sustain=40.0, release=1.0)
    e = envelope(z, 60, 1000, 3000, 4500)
    assert (e[:101] == 0).all()
    np.testing.assert_allclose(e[100:301], np.linspace(0, 1, 201), atol=1e-12)
    np.testing.assert_allclose(e[300:601], 1)
    # 100 dB in 2 s, until 40 dB are reached after 0.8 s
    np.testing.assert_allclose(db(e[600:1401]), np.linspace(0, -40, 801), atol=1e-9)
    np.testing.assert_allclose(db(e[1400:3001]), -40, atol=1e-9)
    # let go: 100 dB in a second
    np.testing.assert_allclose(db(e[3000:3501]), np.linspace(-40, -90, 501), atol=1e-9)


def test_let_go_while_it_rises_it_falls_from_where_it_is():
    e = envelope(zone([1], attack=1.0, release=1.0), 60, 1000, 500, 600)
    np.testing.assert_allclose(e[500:], 0.5 * 10 ** (-np.arange(100) / 200), rtol=1e-9)


def test_lower_keys_hold_and_decay_for_longer():
    z = zone([1], hold=0.1, decay=1.0, sustain=100.0, hold_by_key=1 / 12, decay_by_key=1 / 12)
    low = envelope(z, 48, 1000, 4000, 4000)
    assert db(low[200]) == pytest.approx(0, abs=1e-9)  # an octave lower twice as long
    assert db(low[1200]) == pytest.approx(-50)
    assert db(envelope(z, 72, 1000, 4000, 4000)[300]) == pytest.approx(-50)


def test_a_sound_ends_with_its_release_and_never_in_a_click():
    z = zone(sine(440), release=0.0)
    x = sound(z, 60, RATE, 1000, 9000)
    assert len(x) == 1000 + FADE * RATE
    assert np.abs(x[-4:]).max() < 1e-4
    assert len(sound(zone(sine(440), release=0.5), 60, RATE, 1000, 99_000)) == 1000 + RATE // 2


def test_a_choked_sound_fades_from_there_and_is_itself_before():
    z = zone(sine(440), release=1.0)
    free, choked = sound(z, 60, RATE, 9000, 20_000), sound(z, 60, RATE, 9000, 20_000, 5000)
    assert len(choked) == 5000 + FADE * RATE
    np.testing.assert_array_equal(choked[:5000], free[:5000])
    assert np.abs(choked[-4:]).max() < 0.05


# Filter


@pytest.mark.parametrize(("cutoff", "resonance"), [(1000.0, 0.0), (4000.0, 0.0), (2000.0, 12.0)])
def test_the_filter_is_a_second_order_low_pass_with_its_resonance(cutoff, resonance):
    impulse = np.zeros(4000)
    impulse[2000] = 30_000
    x = tone(zone(impulse, cutoff=cutoff, resonance=resonance), 60, RATE, 1)[2000:]
    w, h = freqz(x / (30_000 / 32_768), worN=2048, fs=RATE)
    level = db(np.abs(h))
    assert level[1] == pytest.approx(-resonance / 2, abs=0.1)
    at = np.argmin(np.abs(w - cutoff))
    assert level[at] - level[1] == pytest.approx(resonance - 3, abs=0.15)
    # 12 dB an octave, measured well below half the rate
    octave = [np.argmin(np.abs(w - f * cutoff)) for f in (2.2, 3.3)]
    if cutoff == 1000:
        assert level[octave[0]] - level[octave[1]] == pytest.approx(12 * np.log2(1.5), abs=1.5)
