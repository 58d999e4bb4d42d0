"""Pictures of sound: mel spectrograms, small enough to go with every clip of a report.

A column is 40 ms and a row one of 64 mel bands, the lowest at the bottom. Colours follow matplotlib's magma, which
grows lighter evenly, so it reads the same in grey and for the colour-blind. What stands side by side shares one scale:
the loudest value of all is white, `RANGE_DB` below it and all that is quieter is black.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image
from torchaudio.functional import melscale_fbanks

COLUMN_S = 0.04
BANDS = 64
RANGE_DB = 80.0
QUIETEST = 1e-10  # power, so that silence has a level


@cache
def _bands(bins: int, rate: int) -> np.ndarray:
    """The weights of mel bands: [bins, BANDS]."""
    return melscale_fbanks(bins, 0.0, rate / 2, BANDS, rate).numpy()


def mel_db(audio: np.ndarray, rate: int) -> np.ndarray:
    """Power in mel bands, in dB, of the mean over channels; a window of four columns around the middle of each.

    Shape:
        audio: [C, N] -> [BANDS, columns], columns = ceil(N / rate / 0.04)

    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(32_000) / 32_000)[None]
    >>> spectrum = mel_db(tone, 32_000)
    >>> spectrum.shape, int(spectrum[:, 12].argmax())  # 1000 mel of 3564: band 18 of 64
    ((64, 25), 17)
    """
    hop = round(rate * COLUMN_S)
    size = 4 * hop
    mono = audio.mean(0, dtype=np.float64)
    columns = -(-len(mono) // hop)
    padded = np.pad(mono, ((size - hop) // 2, columns * hop - len(mono) + (size - hop)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:columns]
    power = np.abs(np.fft.rfft(windows * np.hanning(size))) ** 2 / np.hanning(size).sum() ** 2
    return 10 * np.log10((power @ _bands(size // 2 + 1, rate)).T + QUIETEST)


def pictures(spectra: Sequence[np.ndarray]) -> list[Image.Image]:
    """One picture for each, all in one scale.

    Args:
        spectra: [bands, columns] in dB, the lowest band first.
    """
    loudest = max(float(s.max()) for s in spectra)
    found = []
    for s in spectra:
        level = np.clip((s - loudest) / RANGE_DB + 1, 0, 1)
        found.append(Image.fromarray(colormaps["magma"](level[::-1], bytes=True)[..., :3].copy()))
    return found


def save_picture(picture: Image.Image, path: Path) -> None:
    """WebP; a few kB."""
    picture.save(path, format="WEBP", quality=75, method=4)
