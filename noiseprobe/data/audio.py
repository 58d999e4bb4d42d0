"""Decode a clip to what the model hears: its rate, its channels, float32, exactly as many samples as the clip has."""

import numpy as np
import soundfile as sf
import torch
import torchaudio.functional as AF
from torch import Tensor

from noiseprobe.data.manifest import Clip


class BadAudio(Exception):
    """The clip can't be decoded to finite samples; the message says why, and becomes the reason in rejected.parquet."""


def decode(clip: Clip, sample_rate: int, channels: int) -> Tensor:
    """The clip's samples, float32.

    Channels are averaged for a mono model; a stereo model gets two as they are, and the average on both sides of
    anything else. Resampling is torchaudio's windowed sinc interpolation with its defaults.

    Shape:
        -> [channels, round(clip.duration * sample_rate)]

    Raises:
        BadAudio: for a file that doesn't decode, ends early, or holds NaN or infinite samples.
    """
    try:
        with sf.SoundFile(str(clip.path)) as f:
            rate = f.samplerate
            f.seek(round(clip.start * rate))
            asked = round(clip.duration * rate)
            x = f.read(asked, dtype="float32", always_2d=True).T
    except (OSError, sf.LibsndfileError) as error:
        raise BadAudio(f"doesn't decode: {getattr(error, 'error_string', error)}") from error
    if x.shape[1] < asked:
        raise BadAudio(f"truncated: {x.shape[1]} of {asked} samples could be decoded")
    if not np.isfinite(x).all():
        raise BadAudio("holds NaN or infinite samples")
    if x.shape[0] != channels or channels > 2:
        x = np.repeat(x.mean(0, keepdims=True, dtype=np.float32), channels, axis=0)
    audio = torch.from_numpy(np.ascontiguousarray(x))
    if rate != sample_rate:
        audio = AF.resample(audio, rate, sample_rate)
    n = round(clip.duration * sample_rate)
    # Rounding at two rates can leave the end a sample short or long.
    return torch.nn.functional.pad(audio, (0, max(0, n - audio.shape[1])))[:, :n].contiguous()
