"""Decode a clip to what the model hears: its rate, its channels, float32, exactly as many samples as the clip has."""

import math
import os

import numpy as np
import soundfile as sf
import torch
import torchaudio.functional as AF
from torch import Tensor

from noiseprobe.data.manifest import Clip

# torchaudio's defaults: zero crossings on each side of the sinc, and the cut-off as a share of the lower rate
WIDTH, ROLLOFF = 6, 0.99
MAX_FILTER = 10_000_000  # taps over all phases up to which torchaudio's own filter is used (40 MB)
CHUNK = 1 << 21  # weights at a time
# Integers of 16 bits stored as floats go so far. Far beyond, float32 swallows what tells the codec's codes apart, and
# they would come out all alike without any value being infinite.
LOUDEST = 2.0**15


class BadAudio(Exception):
    """The clip can't be decoded to finite samples; the message says why, and becomes the reason in rejected.parquet."""


def decode(clip: Clip, sample_rate: int, channels: int) -> Tensor:
    """The clip's samples, float32.

    Channels are averaged for a mono model; a stereo model gets two as they are, and the average on both sides of
    anything else. Resampling is torchaudio's windowed sinc interpolation with its defaults.

    Shape:
        -> [channels, round(clip.duration * sample_rate)]

    Raises:
        BadAudio: for a file that doesn't decode, ends early, or holds NaN, infinite or absurd samples.
    """
    try:
        with sf.SoundFile(os.fsencode(clip.path)) as f:
            rate = f.samplerate
            first, asked = round(clip.start * rate), round(clip.duration * rate)
            if first and f.seekable():
                f.seek(first)
            elif first:  # GSM 6.10 and its like only go forward
                f.read(first, dtype="float32")
            if first + asked == f.frames + 1:  # start and duration are rounded each by itself
                asked -= 1
            x = f.read(asked, dtype="float32", always_2d=True).T
    except (OSError, sf.LibsndfileError) as error:
        raise BadAudio(f"doesn't decode: {getattr(error, 'error_string', error)}") from error
    if x.shape[1] < asked:
        raise BadAudio(f"truncated: {x.shape[1]} of {asked} samples could be decoded")
    if not np.isfinite(x).all():
        raise BadAudio("holds NaN or infinite samples")
    if x.size and (loudest := np.abs(x).max()) > LOUDEST:
        raise BadAudio(f"holds samples of {loudest:.3g}, where full scale is 1")
    if x.shape[0] != channels or channels > 2:
        x = np.repeat(x.mean(0, keepdims=True, dtype=np.float32), channels, axis=0)
    audio = torch.from_numpy(np.ascontiguousarray(x))
    if rate != sample_rate:
        audio = resample(audio, rate, sample_rate)
    n = round(clip.duration * sample_rate)
    # Rounding at two rates can leave the end a sample short or long.
    return torch.nn.functional.pad(audio, (0, max(0, n - audio.shape[1])))[:, :n].contiguous()


def resample(audio: Tensor, rate: int, to: int) -> Tensor:
    """torchaudio's resampling at any pair of rates.

    torchaudio keeps a filter for each phase, which takes gigabytes where the rates share no large factor (44,101 Hz to
    32,000 Hz). There the same windowed sinc is evaluated for each output sample, in chunks.

    Shape:
        audio: [C, N] -> [C, ceil(N * to / rate)]
    """
    common = math.gcd(rate, to)
    if rate * to // common**2 <= MAX_FILTER:
        return AF.resample(audio, rate, to)
    base = min(rate, to) * ROLLOFF
    reach = math.ceil(WIDTH * rate / base) + 1
    padded = torch.nn.functional.pad(audio, (reach, reach))
    chunks = []
    for steps in torch.arange(math.ceil(audio.shape[1] * to / rate)).split(max(1, CHUNK // (2 * reach))):
        at = steps.double() * rate / to  # position of each output sample in the input
        nearest = at.floor().long()
        taps = nearest[:, None] + torch.arange(-reach + 1, reach + 1)
        x = ((taps - at[:, None]) * base / rate).clamp(-WIDTH, WIDTH)
        weights = torch.sinc(x) * torch.cos(math.pi * x / WIDTH / 2) ** 2 * base / rate
        inside = padded[:, (taps + reach).clamp(0, padded.shape[1] - 1)]
        chunks.append((inside.double() * weights).sum(-1).float())
    return torch.cat(chunks, 1)
