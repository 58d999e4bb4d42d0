"""Decoding against a full read with numpy, and resampling against pure sines."""

import math
import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from noiseprobe.data.audio import BadAudio, decode
from noiseprobe.data.manifest import Clip


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def clip(path, start, duration):
    return Clip(f"{path.name}#{start}", path, start, duration, "song", "group")


def noise(seconds, rate, channels=1):
    return np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels))


def sine(rate, seconds=0.5, hertz=440.0):
    return 0.5 * np.sin(2 * math.pi * hertz * np.arange(round(seconds * rate)) / rate + 0.3)


# Channels


@pytest.mark.parametrize(("there", "asked"), [(1, 1), (2, 1), (7, 1), (1, 2), (2, 2), (7, 2)], ids=lambda n: f"{n}")
def test_channels_are_averaged_repeated_or_kept(tmp_path, there, asked):
    x = noise(0.1, 8000, there)
    sf.write(tmp_path / "x.wav", x, 8000, subtype="DOUBLE")
    expected = x.T if there == asked == 2 else np.stack([x.mean(1)] * asked)
    found = decode(clip(tmp_path / "x.wav", 0.0, 0.1), 8000, asked)
    assert (found.dtype, found.shape) == (torch.float32, (asked, 800))
    np.testing.assert_allclose(found, expected, atol=1e-7)


# Rates


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_resampling_keeps_frequency_phase_and_amplitude_of_a_sine(tmp_path, rate):
    sf.write(tmp_path / "x.wav", sine(rate), rate, subtype="DOUBLE")
    found = decode(clip(tmp_path / "x.wav", 0.0, 0.5), 32_000, 1)[0].double().numpy()
    expected = sine(32_000)
    inner = slice(400, -400)  # silence beyond both ends of the file reaches a few milliseconds in
    assert found.shape == expected.shape
    assert np.abs(found - expected)[inner].max() < 2e-3 * 0.5


def test_what_the_new_rate_cant_hold_is_filtered_out(tmp_path):
    sf.write(tmp_path / "x.wav", sine(96_000, hertz=30_000.0), 96_000, subtype="DOUBLE")  # would alias to 2 kHz
    found = decode(clip(tmp_path / "x.wav", 0.0, 0.5), 32_000, 1)[0, 400:-400]
    assert found.abs().max() < 0.01


def test_the_models_own_rate_is_left_alone_bit_for_bit(tmp_path):
    x = noise(0.1, 32_000).astype(np.float32)
    sf.write(tmp_path / "x.wav", x, 32_000, subtype="FLOAT")
    assert decode(clip(tmp_path / "x.wav", 0.0, 0.1), 32_000, 1).numpy().tobytes() == x.tobytes()


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 32_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("duration", [0.1, 0.12345, 0.3333, 0.4])
def test_a_clip_has_exactly_as_many_samples_as_its_duration_says(tmp_path, rate, duration):
    sf.write(tmp_path / "x.wav", noise(0.45, rate), rate)
    found = decode(clip(tmp_path / "x.wav", 0.0, duration), 32_000, 1)
    assert found.shape == (1, round(duration * 32_000))


@pytest.mark.parametrize("rate", [44_101, 22_051])
def test_an_odd_rate_takes_no_gigabytes(tmp_path, rate):
    """A rate that shares no factor with the model's: a filter bank for every phase would be 32000 x 44113 numbers."""
    sf.write(tmp_path / "x.wav", sine(rate), rate, subtype="DOUBLE")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), before[1]))
    try:
        found = decode(clip(tmp_path / "x.wav", 0.0, 0.5), 32_000, 1)[0].double().numpy()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert np.abs(found - sine(32_000))[400:-400].max() < 2e-3 * 0.5


# Starts


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.ogg"])
@pytest.mark.parametrize("start", [0.0, 0.2501, 0.333, 1.0, 1.4999])
def test_a_start_is_exact_to_the_sample(tmp_path, name, start):
    sf.write(tmp_path / name, noise(2, 22_050, 2), 22_050)
    whole, _ = sf.read(tmp_path / name, dtype="float32", always_2d=True)
    first = math.floor(start * 22_050 + 0.5)
    found = decode(clip(tmp_path / name, start, 0.5), 22_050, 2)
    assert found.numpy().tobytes() == np.ascontiguousarray(whole[first : first + 11_025].T).tobytes()


def test_a_start_in_an_mp3_is_the_right_sample_but_for_the_decoders_memory(tmp_path):
    """After a seek an mp3's first samples lack the frame before; one sample's shift would differ by 0.04."""
    sf.write(tmp_path / "x.mp3", sine(32_000, 2.0), 32_000)
    whole, _ = sf.read(tmp_path / "x.mp3", dtype="float32")
    found = decode(clip(tmp_path / "x.mp3", 1.0, 0.5), 32_000, 1)[0].numpy()
    np.testing.assert_allclose(found, whole[32_000:48_000], atol=0.015)
    np.testing.assert_allclose(found[2000:], whole[34_000:48_000], atol=1e-6)


@pytest.mark.parametrize("samples", range(33_075, 33_091))
def test_the_last_clip_of_a_file_isnt_called_truncated(tmp_path, samples):
    """Start and duration both fall between samples: rounding each must not ask for more than there is."""
    sf.write(tmp_path / "x.wav", np.zeros(samples), 11_025)
    duration = samples / 11_025 - 1.5
    found = decode(clip(tmp_path / "x.wav", 1.5, duration), 32_000, 1)
    assert found.shape == (1, round(duration * 32_000))


# Bad audio


def cut(path, part):
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * part)])


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.ogg", "x.mp3"])
@pytest.mark.parametrize("start", [0.0, 1.5])
def test_a_truncated_file_is_bad_audio(tmp_path, name, start):
    sf.write(tmp_path / name, noise(2, 32_000), 32_000)
    cut(tmp_path / name, 0.4)
    with pytest.raises(BadAudio) as caught:
        decode(clip(tmp_path / name, start, 2.0 - start), 32_000, 1)
    assert len(str(caught.value).splitlines()) == 1


def test_a_truncated_file_says_how_much_there_is(tmp_path):
    sf.write(tmp_path / "x.wav", noise(1, 8000), 8000)
    with pytest.raises(BadAudio, match="truncated: 8000 of 16000 samples"):
        decode(clip(tmp_path / "x.wav", 0.0, 2.0), 8000, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_sample_that_isnt_finite_in_float32_is_bad_audio(tmp_path, value, channels):
    x = noise(0.1, 8000, channels)
    x[123, -1] = value
    sf.write(tmp_path / "x.wav", x, 8000, subtype="DOUBLE")
    with pytest.raises(BadAudio, match="NaN or infinite"):
        decode(clip(tmp_path / "x.wav", 0.0, 0.1), 32_000, 1)


def test_a_sample_outside_the_clip_doesnt_matter(tmp_path):
    x = noise(0.2, 8000)
    x[1500] = math.nan
    sf.write(tmp_path / "x.wav", x, 8000, subtype="DOUBLE")
    assert decode(clip(tmp_path / "x.wav", 0.0, 0.1), 8000, 1).isfinite().all()


def test_samples_beyond_full_scale_are_kept(tmp_path):
    sf.write(tmp_path / "x.wav", np.full(800, 1.75), 8000, subtype="FLOAT")
    assert (decode(clip(tmp_path / "x.wav", 0.0, 0.1), 8000, 1) == 1.75).all()


@pytest.mark.parametrize("content", [None, b"", b"not audio at all"])
def test_a_file_that_is_gone_or_garbage_is_bad_audio(tmp_path, content):
    if content is not None:
        (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(BadAudio, match=r"^doesn't decode: \S") as caught:
        decode(clip(tmp_path / "x.wav", 0.0, 1.0), 32_000, 1)
    assert len(str(caught.value).splitlines()) == 1
