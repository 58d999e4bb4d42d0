"""Audio as the bytes of a WAV file of 32-bit floats: nothing is rounded or clipped, and equal clips are equal bytes."""

import struct

import numpy as np


def wav(audio: np.ndarray, rate: int) -> bytes:
    """The content of the file.

    Made by hand, since libsndfile puts the time of writing into such a file.

    Shape:
        audio: [C, N]
    """
    channels, width = len(audio), 4 * len(audio)
    samples = audio.T.astype("<f4").tobytes()
    sections = [
        (b"fmt ", struct.pack("<HHIIHHH", 3, channels, rate, rate * width, width, 32, 0)),  # 3: float
        (b"fact", struct.pack("<I", len(samples) // width)),
        (b"data", samples),
    ]
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(content)) + content for name, content in sections)
    return b"RIFF" + struct.pack("<I", len(body)) + body
