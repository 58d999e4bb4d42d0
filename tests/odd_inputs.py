"""Odd inputs: a table of files that a folder of music may hold, with what is to become of each.

A case is a path below the folder, what puts the input there, and what is expected: a reason (a pattern) to be rejected
for, or the sound in it as a function of time, which knows nothing of files, rates and decoders. Written for a clip of
1.5 s at 32 kHz, mono, of which at least 1.3 s must be there. Folders of the table are groups of songs, as everywhere.
"""

import functools
import gzip
import io
import math
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

RATE = 32_000  # the model's
DURATION = 1.5  # seconds of a clip
SHORTEST = 1.3  # seconds that a file must have
WHOLE = 2.0  # seconds of a file that says nothing else

Wave = Callable[[np.ndarray, int], np.ndarray]  # (seconds, channel) -> samples
Make = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        path: relative to the folder, as the operating system has it.
        make: puts it there.
        rejected: a pattern of the reason; None for inputs that are scored.
        sound: what is heard, by seconds and channel.
        channels: of the file; a mono model hears their mean.
        seconds: of the clip.
        rate: of the file; resampling rings a few of the slower rate's samples into both ends.
        tolerance: the largest difference to the sound.
        settle: samples that the encoding needs to find its step.
    """

    path: str
    make: Make
    rejected: str | None = None
    sound: Wave | None = None
    channels: int = 1
    seconds: float = DURATION
    rate: int = RATE
    tolerance: float = 0.0
    settle: int = 0

    @property
    def relative(self) -> str:
        """The path as tables show it: bytes that aren't UTF-8 written out."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")

    @property
    def heard(self) -> np.ndarray:
        """The clip's samples at the model's rate."""
        t = np.arange(round(self.seconds * RATE)) / RATE
        return sum(self.sound(t, c) for c in range(self.channels)) / self.channels

    @property
    def inner(self) -> slice:
        """The samples to compare: those that resampling doesn't reach from the ends."""
        edge = 0 if self.rate == RATE else math.ceil(10 * RATE / min(self.rate, RATE))
        return slice(edge + self.settle, round(self.seconds * RATE) - edge)


# Sounds


def song(t: np.ndarray, channel: int = 0) -> np.ndarray:
    """Two sines; every channel has phases of its own."""
    return 0.3 * np.sin(2 * np.pi * 200 * t + 0.3 + channel) + 0.1 * np.sin(2 * np.pi * 700 * t + channel)


def constant(value: float) -> Wave:
    return lambda t, channel: np.full(len(t), value)


def scaled(gain: float) -> Wave:
    return lambda t, channel: gain * song(t, channel)


def only(wave: Wave, inside: Callable[[np.ndarray], np.ndarray]) -> Wave:
    """A sound where it may be heard, silence elsewhere."""
    return lambda t, channel: np.where(inside(t), wave(t, channel), 0.0)


def with_sample(value: float, at: int, rate: int = RATE, channel: int = 0) -> Wave:
    """The song with one sample that isn't it."""

    def wave(t: np.ndarray, c: int) -> np.ndarray:
        x = song(t, c)
        if c == channel:
            x[np.floor(t * rate + 1e-6) == at] = value
        return x

    return wave


def samples(wave: Wave, rate: int = RATE, channels: int = 1, seconds: float = WHOLE) -> np.ndarray:
    """[N, C]"""
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([wave(t, c) for c in range(channels)], 1)


# Files


@functools.cache
def encoded(
    format: str, subtype: str | None, wave: Wave, rate: int, channels: int, seconds: float, endian: str = "FILE"
) -> bytes:
    """A file's content as libsndfile writes it."""
    file = io.BytesIO()
    sf.write(file, samples(wave, rate, channels, seconds), rate, subtype, endian, format)
    return file.getvalue()


def riff(
    data: bytes, rate: int = RATE, channels: int = 1, bits: int = 16, tag: int = 1, *,
    data_size: int | None = None, riff_size: int | None = None, extra: bytes = b"",
) -> bytes:  # fmt: skip
    """A WAV file by hand, whose header may lie."""
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    size = struct.pack("<I", len(data) if data_size is None else data_size)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + extra + b"data" + size + data
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def pcm(x: np.ndarray, bits: int = 16) -> bytes:
    """Samples [N, C] as the integers of a WAV file."""
    whole = np.round(x * (2 ** (bits - 1) - 1)).astype("<i4")
    if bits == 8:
        return (whole + 128).astype("u1").tobytes()
    return whole.reshape(-1, 1).view("u1")[:, : bits // 8].tobytes()


def put(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)


def sound(
    path: str, format: str = "WAV", subtype: str | None = None, rate: int = RATE, channels: int = 1,
    seconds: float = WHOLE, wave: Wave = song, tolerance: float = 0.0, rejected: str | None = None,
) -> Case:  # fmt: skip
    """A file that libsndfile writes."""
    subtype = subtype or sf.default_subtype(format)
    tolerance = tolerance or PRECISION[subtype] + (0.0 if rate == RATE else RESAMPLING)

    def make(path: Path) -> None:
        path.write_bytes(encoded(format, subtype, wave, rate, channels, seconds))

    settle = 32 if subtype in ADAPTIVE else 0
    return Case(path, make, rejected, wave, channels, min(DURATION, seconds), rate, tolerance, settle)


def raw(path: str, content: bytes, rejected: str | None = None, **expected: object) -> Case:
    """A file of these bytes: the song of 16 bits, if anything."""
    return Case(path, put(content), rejected, song, **({"tolerance": PRECISION["PCM_16"]} | expected))


# The largest error that an encoding makes in the song, whose values go to 0.4: a step for integers, as measured for
# the others. A wrong channel, rate or start is an error of 0.4.
PRECISION = {
    "PCM_U8": 2**-6, "PCM_S8": 2**-6, "PCM_16": 2**-14, "PCM_24": 2**-22, "PCM_32": 2**-23,
    "FLOAT": 2**-24, "DOUBLE": 2**-24, "ULAW": 0.02, "ALAW": 0.02, "DPCM_16": 2**-14, "DPCM_8": 2**-6,
    "ALAC_16": 2**-14, "ALAC_20": 2**-14, "ALAC_24": 2**-14, "ALAC_32": 2**-14,
    "IMA_ADPCM": 0.03, "MS_ADPCM": 0.04, "GSM610": 0.15, "G721_32": 0.02, "G723_24": 0.05, "G723_40": 0.02,
    "NMS_ADPCM_16": 0.05, "NMS_ADPCM_24": 0.02, "NMS_ADPCM_32": 0.02,
    "VORBIS": 0.03, "OPUS": 0.08, "MPEG_LAYER_III": 0.06,
}  # fmt: skip
ADAPTIVE = {"IMA_ADPCM", "G721_32", "G723_40", "NMS_ADPCM_16"}
RESAMPLING = 1e-3

TOO_SHORT = r"^\S+ s are too short: .* 1\.3 s$"
NO_AUDIO = "^no audio in the file$"
UNREADABLE = "^not readable as audio: "
UNKNOWN_FORMAT = "^not readable as audio: Format not recognised"
NO_MPEG = "^not readable as audio: no MPEG audio in it$"
NO_LENGTH = "^a stream whose header doesn't say how long it is$"
NOT_FINITE = "^holds NaN or infinite samples$"


def formats() -> list[Case]:
    """What libsndfile knows: the name's ending doesn't matter, the content does."""
    encodings = {
        "WAV": "PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM GSM610 G721_32 NMS_ADPCM_16",
        "WAVEX": "PCM_24 DOUBLE", "W64": "PCM_U8 DOUBLE", "RF64": "PCM_16 FLOAT", "FLAC": "PCM_S8 PCM_16 PCM_24",
        "OGG": "VORBIS", "MP3": "MPEG_LAYER_III", "AIFF": "PCM_S8 PCM_24 DOUBLE", "AU": "PCM_16 FLOAT G723_40",
        "CAF": "PCM_32 ALAC_16 ALAC_24", "NIST": "PCM_16", "IRCAM": "FLOAT", "SVX": "PCM_16", "PAF": "PCM_24",
        "PVF": "PCM_32", "VOC": "PCM_16", "AVR": "PCM_16", "MAT4": "DOUBLE", "MAT5": "FLOAT", "SDS": "PCM_24",
        "MPC2K": "PCM_16",
    }  # fmt: skip
    ending = {"FLAC": "flac", "OGG": "ogg", "MP3": "mp3"}
    pairs = [(format, subtype) for format, subtypes in encodings.items() for subtype in subtypes.split()]
    return [
        *[sound(f"formats/{f} {s}.{ending.get(f, 'wav')}", f, s) for f, s in pairs],
        # each as its format has it: rates it can state, or its only one
        sound("formats/HTK.wav", "HTK", rate=8000),
        sound("formats/WVE.wav", "WVE", rate=8000),
        sound("formats/XI.wav", "XI", "DPCM_16", rate=44_100),
        sound("formats/opus.ogg", "OGG", "OPUS", rate=48_000),
        raw("formats/big endian.wav", encoded("WAV", "PCM_24", song, RATE, 1, WHOLE, "BIG"), tolerance=2**-22),
        *[raw(f"formats/{bits} bits.wav", riff(pcm(samples(song), bits), bits=bits), tolerance=2.0 ** (2 - bits))
          for bits in [8, 16, 24]],
        sound("formats/DWVW.wav", "AIFF", "DWVW_16", tolerance=1.0, rejected="^doesn't decode: "),
        raw("formats/MP3 in WAV.wav", riff(encoded("MP3", None, song, RATE, 1, WHOLE), tag=0x55), UNREADABLE),
        raw("formats/48 bits.wav", riff(pcm(samples(song)), bits=48), UNREADABLE),
        raw("formats/unknown tag.wav", riff(pcm(samples(song)), tag=0x1234), UNREADABLE),
    ]  # fmt: skip


def rates() -> list[Case]:
    def slow(t: np.ndarray, channel: int) -> np.ndarray:
        return 0.4 * np.sin(2 * np.pi * 5 * t + 0.3)

    wav = [4000, 8000, 11_025, 12_000, 16_000, 22_050, 24_000, 31_999, 44_100, 44_101, 47_999, 48_000, 88_200, 96_000,
           176_400, 192_000, 384_000, 400_009]  # fmt: skip
    return [
        *[sound(f"rates/{rate}.wav", subtype="PCM_24", rate=rate) for rate in wav],
        *[sound(f"rates/{rate}.flac", "FLAC", rate=rate) for rate in [8000, 44_101, 192_000, 655_350]],
        *[sound(f"rates/{rate}.ogg", "OGG", rate=rate) for rate in [8000, 44_100, 192_000]],
        *[sound(f"rates/{rate}.mp3", "MP3", rate=rate) for rate in [8000, 11_025, 22_050, 44_100, 48_000]],
        sound("rates/100.wav", rate=100, wave=slow, tolerance=0.01),
        sound("rates/20.wav", rate=20, wave=constant(0.25), tolerance=0.01),
        raw("rates/0.wav", riff(pcm(samples(song)), rate=0), UNREADABLE),
        raw("rates/2147483647.wav", riff(pcm(samples(song)), rate=2**31 - 1), TOO_SHORT),
        raw("rates/4294967295.wav", riff(pcm(samples(song)), rate=2**32 - 1), UNREADABLE),
    ]


def channels() -> list[Case]:
    return [
        *[sound(f"channels/{n}.wav", channels=n) for n in [2, 3, 4, 5, 6, 7, 8, 16]],
        sound("channels/1024.wav", channels=1024, rate=100, wave=constant(0.25), tolerance=0.01),
        *[sound(f"channels/{n}.flac", "FLAC", channels=n) for n in [2, 7, 8]],
        *[sound(f"channels/{n}.ogg", "OGG", channels=n) for n in [2, 7]],
        sound("channels/2.mp3", "MP3", channels=2),
        sound("channels/7 at 192 kHz.wav", subtype="DOUBLE", rate=192_000, channels=7),
        sound("channels/7 at 8 kHz.wav", subtype="PCM_U8", rate=8000, channels=7),
        sound("channels/opposite.wav", channels=2, wave=lambda t, c: song(t) * (-1) ** c),
        raw("channels/0.wav", riff(pcm(samples(song)), channels=0), UNREADABLE),
        raw("channels/1025.wav", riff(pcm(samples(song)), channels=1025), UNREADABLE),
        raw("channels/65535.wav", riff(pcm(samples(song)), channels=65_535), UNREADABLE),
    ]


def lengths() -> list[Case]:
    kinds = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3"}
    enough = math.ceil(SHORTEST * 44_101)  # 57331.3 samples

    def hour(path: Path) -> None:
        """The song and then silence, in 40 kB."""
        with sf.SoundFile(os.fsencode(path), "w", 8000, 1, "PCM_16", format="FLAC") as f:
            f.write(samples(song, 8000))
            for _ in range(3598):
                f.write(np.zeros(8000))

    def sparse(path: Path) -> None:
        size = 3600 * 16_000
        path.write_bytes(riff(pcm(samples(song, 8000)), 8000, data_size=size))
        os.truncate(path, 44 + size)

    return [
        *[sound(f"lengths/0 s.{e}", kinds[e], seconds=0, rejected=NO_AUDIO) for e in ["wav", "ogg"]],
        *[sound(f"lengths/1 sample.{e}", f, seconds=1 / RATE, rejected=TOO_SHORT) for e, f in kinds.items()],
        *[sound(f"lengths/10 ms.{e}", f, seconds=0.01, rejected=TOO_SHORT) for e, f in kinds.items()],
        *[sound(f"lengths/1.29 s.{e}", f, seconds=1.29, rejected=TOO_SHORT) for e, f in kinds.items()],
        *[sound(f"lengths/1.3 s.{e}", f, seconds=1.3) for e, f in kinds.items()],
        *[sound(f"lengths/1.5 s.{e}", f, seconds=1.5) for e, f in kinds.items()],
        *[sound(f"lengths/30 s.{e}", f, seconds=30, rate=16_000) for e, f in kinds.items()],
        sound("lengths/one short at 44101.wav", rate=44_101, seconds=(enough - 1) / 44_101, rejected=TOO_SHORT),
        sound("lengths/just so at 44101.wav", rate=44_101, seconds=enough / 44_101),
        sound("lengths/1.4 s at 192 kHz.wav", rate=192_000, seconds=1.4),
        Case("lengths/1 h.flac", hour, None, song, rate=8000, tolerance=PRECISION["PCM_16"] + RESAMPLING),
        Case("lengths/1 h.wav", sparse, None, song, rate=8000, tolerance=PRECISION["PCM_16"] + RESAMPLING),
    ]


def contents() -> list[Case]:
    floats = functools.partial(sound, subtype="FLOAT")
    last = round(DURATION * RATE) - 1
    nan, inf = math.nan, math.inf
    silence, span = constant(0.0), lambda t: (t >= 0.2) & (t < 0.3)
    x32, x64 = 1e-40, 1e-310  # below what a normal number of their type can be
    return [
        *[floats(f"contents/NaN at {n}.wav", wave=with_sample(nan, n), rejected=NOT_FINITE) for n in [0, 24_000, last]],
        *[floats(f"contents/NaN at {n}.wav", wave=with_sample(nan, n)) for n in [last + 1, 63_999]],
        sound("contents/NaN, float64.wav", subtype="DOUBLE", wave=with_sample(nan, 7000), rejected=NOT_FINITE),
        floats("contents/NaN in one of 7.wav", channels=7, wave=with_sample(nan, 7, channel=5), rejected=NOT_FINITE),
        floats("contents/NaN at 8 kHz.wav", rate=8000, wave=with_sample(nan, 11_999, 8000), rejected=NOT_FINITE),
        floats("contents/NaN after the clip at 8 kHz.wav", rate=8000, wave=with_sample(nan, 12_000, 8000)),
        floats("contents/NaN only.wav", wave=constant(nan), rejected=NOT_FINITE),
        sound("contents/NaN as AU.wav", "AU", "FLOAT", wave=with_sample(nan, 0), rejected=NOT_FINITE),
        *[floats(f"contents/{v} at {n}.wav", wave=with_sample(v, n), rejected=NOT_FINITE)
          for v in [inf, -inf] for n in [0, last]],
        *[floats(f"contents/{v} after the clip.wav", wave=with_sample(v, last + 1)) for v in [inf, -inf]],
        sound("contents/1e300, float64.wav", subtype="DOUBLE", wave=with_sample(1e300, 7), rejected=NOT_FINITE),
        floats("contents/1e30.wav", wave=scaled(1e30), rejected="^holds samples of .*e.29, where full scale is 1$"),
        floats("contents/3e38 in both.wav", channels=2, wave=constant(3e38), rejected="^holds samples of 3e.38"),
        floats("contents/one sample of 1e9.wav", wave=with_sample(-1e9, 100), rejected="^holds samples of 1e.09"),
        floats("contents/as integers.wav", wave=scaled(32_767.0), tolerance=2**-9),
        floats("contents/beyond full scale.wav", wave=scaled(9.0), tolerance=2**-21),
        sound("contents/beyond full scale.ogg", "OGG", wave=scaled(4.0), tolerance=0.3),
        *[sound(f"contents/DC {v}.wav", subtype="FLOAT", wave=constant(v)) for v in [0.5, -1.0, 1.0, 1e-6]],
        sound("contents/DC at 44.1 kHz.wav", rate=44_100, wave=constant(0.5), tolerance=5e-3),
        sound("contents/DC.flac", "FLAC", wave=constant(0.5)),
        sound("contents/song on DC.wav", subtype="FLOAT", wave=lambda t, c: song(t, c) + 0.5),
        *[sound(f"contents/silence {s}.wav", subtype=s, wave=silence) for s in ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"]],
        sound("contents/silence.flac", "FLAC", wave=silence),
        sound("contents/silence.ogg", "OGG", wave=silence, tolerance=1e-4),
        sound("contents/silence.mp3", "MP3", wave=silence, tolerance=1e-4),
        sound("contents/silence at 44.1 kHz.wav", rate=44_100, wave=silence),
        sound("contents/minus zero.wav", subtype="FLOAT", wave=constant(-0.0)),
        sound("contents/silence in the span.wav", wave=only(song, lambda t: ~span(t))),
        sound("contents/silence but in the span.wav", wave=only(song, span)),
        sound("contents/silence but the last sample.wav", wave=only(constant(0.5), lambda t: t == last / RATE)),
        sound("contents/one bit.wav", wave=lambda t, c: np.where(np.arange(len(t)) % 2, 2**-15, 0.0)),
        sound("contents/full scale square.wav", subtype="FLOAT", wave=lambda t, c: (-1.0) ** (np.arange(len(t)) // 32)),
        sound("contents/full scale noise.flac", "FLAC",
              wave=lambda t, c: np.random.default_rng(0).uniform(-1, 1, 64_000)[: len(t)]),
        floats("contents/denormal.wav", wave=scaled(x32), tolerance=2e-45),
        floats("contents/smallest.wav", wave=constant(1.4e-45), tolerance=1e-45),
        sound("contents/denormal, float64.wav", subtype="DOUBLE", wave=scaled(x64), tolerance=1e-45),
    ]  # fmt: skip


def truncated() -> list[Case]:
    data = pcm(samples(song))
    whole = riff(data)
    flac, ogg, mp3 = (encoded(f, None, song, RATE, 1, 10.0) for f in ["FLAC", "OGG", "MP3"])
    seven = encoded("OGG", None, song, RATE, 7, 10.0)  # pages of half a second

    def cut(content: bytes, part: float) -> bytes:
        return content[: round(len(content) * part)]

    def streaminfo(count: int) -> bytes:
        """FLAC whose header states another number of samples: 36 bits from byte 21 on."""
        return flac[:21] + bytes([flac[21] & 0xF0 | count >> 32]) + struct.pack(">I", count & 0xFFFFFFFF) + flac[26:]

    def flipped(content: bytes, part: float) -> bytes:
        at = round(len(content) * part)
        return content[:at] + bytes(255 - b for b in content[at : at + 20]) + content[at + 20 :]

    tag = b"ID3\x04\0\0"  # and four times 7 bits: how long it is
    junk = np.random.default_rng(0).bytes
    vorbis, mpeg = {"tolerance": PRECISION["VORBIS"]}, {"tolerance": PRECISION["MPEG_LAYER_III"]}
    lost = "^(truncated: \\d+ of 48000 samples could be decoded|doesn't decode: .*)$"
    return [
        *[raw(f"truncated/{n} bytes.wav", whole[:n], UNREADABLE) for n in [1, 4, 8, 12, 20, 36, 40]],
        *[raw(f"truncated/{n} bytes.wav", whole[:n], NO_AUDIO) for n in [43, 44, 45]],
        raw("truncated/46 bytes.wav", whole[:46], TOO_SHORT),
        raw("truncated/too early.wav", whole[: 44 + 2 * 41_599], TOO_SHORT),
        raw("truncated/just late enough.wav", whole[: 44 + 2 * 41_600], seconds=1.3),
        raw("truncated/inside a sample.wav", whole[: 44 + 2 * 44_800 + 1], seconds=1.4),
        raw("truncated/after the clip.wav", whole[: 44 + 2 * 48_000]),
        raw("truncated/inside a frame of 7.wav",
            riff(pcm(samples(song, channels=7)), channels=7)[: 44 + 14 * 48_000 + 5], channels=7),
        raw("truncated/header only.flac", flac[:42], lost),
        raw("truncated/in the header.flac", flac[:20], UNREADABLE),
        raw("truncated/in the clip.flac", cut(flac, 0.1), lost),
        raw("truncated/after the clip.flac", cut(flac, 0.4)),
        raw("truncated/header only.ogg", ogg[:58], UNREADABLE),
        raw("truncated/in the first page.ogg", cut(ogg, 0.3), NO_AUDIO),
        raw("truncated/too early.ogg", cut(seven, 0.1), TOO_SHORT),
        raw("truncated/after the clip.ogg", cut(ogg, 0.5), **vorbis),
        raw("truncated/header only.mp3", mp3[:100], NO_MPEG),
        raw("truncated/in the clip.mp3", cut(mp3, 0.1), lost),
        raw("truncated/after the clip.mp3", cut(mp3, 0.4), **mpeg),
        # headers that lie
        raw("truncated/says 0.wav", riff(data, data_size=0), NO_AUDIO),
        raw("truncated/says 0 twice.wav", riff(data, data_size=0, riff_size=0), NO_AUDIO),
        raw("truncated/says too little.wav", riff(data, data_size=1000), TOO_SHORT),
        raw("truncated/says less.wav", riff(data, data_size=100_000)),
        *[raw(f"truncated/says {n:x}.wav", riff(data, data_size=n)) for n in [2 * len(data), 2**31, 2**32 - 2]],
        raw("truncated/streamed.wav", riff(data, data_size=2**32 - 1, riff_size=2**32 - 1)),
        raw("truncated/says more than a short one has.wav", riff(data[:1000], data_size=len(data)), TOO_SHORT),
        *[raw(f"truncated/RIFF says {n:x}.wav", riff(data, riff_size=n)) for n in [0, 1, 2**32 - 1]],
        raw("truncated/a chunk says too much.wav", riff(data, extra=b"LIST\xf0\xff\xff\xff" + bytes(99)), UNREADABLE),
        raw("truncated/a chunk before the data.wav", riff(data, extra=b"JUNK" + struct.pack("<I", 100) + bytes(100))),
        raw("truncated/no fmt.wav", b"RIFF\xff\xff\0\0WAVEdata" + struct.pack("<I", len(data)) + data, UNREADABLE),
        raw("truncated/streamed.flac", streaminfo(0), NO_LENGTH),
        raw("truncated/streamed, nothing came.flac", streaminfo(0)[:42], NO_LENGTH),
        raw("truncated/says more.flac", streaminfo(2**35)),
        raw("truncated/says less.flac", streaminfo(50_000)),
        raw("truncated/says too little.flac", streaminfo(5), TOO_SHORT),
        # damaged, or with something around it
        raw("truncated/flipped in the clip.flac", flipped(flac, 0.08), lost),
        raw("truncated/flipped after the clip.flac", flipped(flac, 0.5)),
        raw("truncated/garbage after.wav", whole + junk(3000)),
        raw("truncated/garbage before.wav", b"garbage!" * 100 + whole, UNKNOWN_FORMAT),
        raw("truncated/garbage before.flac", junk(1000) + flac, UNKNOWN_FORMAT),
        raw("truncated/a tag before.flac", tag + bytes([0, 0, 7, 104]) + bytes(1000) + flac),
        raw("truncated/garbage after.ogg", ogg + junk(3000), **vorbis),
        raw("truncated/two in one.ogg", ogg + ogg, **vorbis),
        raw("truncated/zeros before.mp3", bytes(5000) + mp3, **mpeg),
        raw("truncated/garbage before.mp3", junk(1000) + mp3, **mpeg),
        raw("truncated/too much garbage before.mp3", bytes(100_000) + mp3, NO_MPEG),
        raw("truncated/a large tag before.mp3", tag + bytes([0, 12, 0, 0]) + bytes(12 << 14) + mp3, **mpeg),
        raw("truncated/a tag that says too much.mp3", tag + bytes([127] * 4) + mp3, NO_MPEG),
        raw("truncated/only a tag.mp3", tag + bytes([0, 0, 0, 10]) + bytes(10), NO_MPEG),
        raw("truncated/a tag after.mp3", mp3 + b"TAG" + b"name".ljust(125), **mpeg),
    ]  # fmt: skip


def wrong_extensions() -> list[Case]:
    names = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3"}
    other = {"wav": "mp3", "flac": "wav", "ogg": "flac", "mp3": "ogg"}
    wav = riff(pcm(samples(song)))
    things = {
        "text.wav": b"this is not music\n" * 200, "html.flac": b"<!DOCTYPE html><html><body>404</body></html>",
        "json.ogg": b'{"error": "not found"}', "UTF-16.mp3": ("Füße\n" * 99).encode("utf-16"),
        "png.wav": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(500),
        "jpg.mp3": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(500),
        "pdf.wav": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(500), "zip.flac": b"PK\x03\x04\x14\0" + bytes(500),
        "gzip.wav": gzip.compress(wav, mtime=0), "elf.wav": b"\x7fELF\x02\x01\x01" + bytes(500),
        "m4a.mp3": b"\0\0\0\x20ftypM4A \0\0\0\0" + bytes(500), "aac.mp3": b"\xff\xf1\x50\x80\x02\x1f\xfc" * 99,
        "webm.ogg": b"\x1a\x45\xdf\xa3" + bytes(500), "midi.wav": b"MThd\0\0\0\6\0\0\0\1\0\x60" + bytes(50),
        "zeros.wav": bytes(5000), "zeros.mp3": bytes(5000), "ones.mp3": b"\xff" * 5000, "ones.wav": b"\xff" * 5000,
        "one byte.wav": b"R", "one byte.mp3": b"\xff", "newline.flac": b"\n",
        "not fetched.wav": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    }  # fmt: skip
    return [
        *[sound(f"wrong/{e} called {other[e]}.{other[e]}", f) for e, f in names.items()],
        *[raw(f"wrong/{name}", content, UNREADABLE) for name, content in things.items()],
        *[raw(f"wrong/random.{e}", np.random.default_rng(0).bytes(9000), UNREADABLE) for e in names],
        *[raw(f"wrong/zero bytes.{e}", b"", "^an empty file$") for e in names],
    ]


def no_files() -> list[Case]:
    """What a folder holds besides files. None may be opened that never ends or never begins."""

    def link(target: str) -> Make:
        return lambda path: path.symlink_to(target)

    def hidden(path: Path) -> None:
        sound("", seconds=2.0).make(path.with_name(".hidden.wav"))
        os.link(path.with_name(".hidden.wav"), path)

    def unreadable(path: Path) -> None:
        sound("").make(path)
        path.chmod(0)

    def case(name: str, make: Make, rejected: str | None = None) -> Case:
        return Case(f"no files/{name}", make, rejected, song, tolerance=PRECISION["PCM_16"])

    return [
        case("folder.wav", Path.mkdir, "^a folder, not an audio file$"),
        case("folder.MP3", Path.mkdir, "^a folder, not an audio file$"),
        case("pipe.wav", os.mkfifo, "^a named pipe, not an audio file$"),
        case("pipe.mp3", os.mkfifo, "^a named pipe, not an audio file$"),
        case("socket.wav", lambda p: os.mknod(p, stat.S_IFSOCK | 0o600), "^a socket, not an audio file$"),
        *[case(f"{name}.wav", link(f"/dev/{name}"), "^a device, not an audio file$")
          for name in ["zero", "full", "null", "random"]],
        case("linked pipe.wav", link("pipe.wav"), "^a named pipe, not an audio file$"),
        case("linked folder.wav", link("folder.wav"), "^a folder, not an audio file$"),
        case("linked root.wav", link(".."), "^a folder, not an audio file$"),
        case("no length.wav", link("/proc/version"), "^an empty file$"),
        case("dangling.wav", link("nowhere.wav"), "^No such file or directory$"),
        case("through a file.wav", link("good.wav/x.wav"), "^Not a directory$"),
        case("loop.wav", link("loop.wav"), "^Too many levels of symbolic links$"),
        case("loop of 2.wav", link("loop to 1.wav"), "^Too many levels of symbolic links$"),
        case("loop to 1.wav", link("loop of 2.wav"), "^Too many levels of symbolic links$"),
        case("good.wav", sound("").make),
        case("linked.wav", link("good.wav")),
        case("linked from another folder.wav", link("../no files/./good.wav")),
        case("hard link.wav", lambda p: os.link(p.with_name("good.wav"), p)),
        case("link of a hidden file.wav", hidden),
        case("unreadable.wav", unreadable, None if os.geteuid() == 0 else "^Permission denied$"),
    ]  # fmt: skip


def names() -> list[Case]:
    plain = [
        "Füße, 音楽", "nai\u0308ve", "naïve", "🎵🎶", "موسيقى", "\u202egnp", "zero\u200bwidth", "new\nline", "return\r",
        "two\n\nlines\n", "tab\t", "bell\a", "escape\x1b[31mred", "delete\x7f", "back\\slash", "'quote", '"quote"',
        "`id`", "$HOME", "${oc.env:HOME}", "{}", "{0}", "%s%n", "a=b", "a#1.0", "#", "a,b", "a;b", "[a-z]",
        "[red]red[/red]", "*?", "<b>", "a:b", "a|b", "&", "!", "@", "~", "-", "--help", "-rf", " leading", "trailing ",
        " ", "a..", "a.wav", "CON", "NUL", "null", "nan", "0", "1e5", "True", "#5.0", "a" * 246, "ü" * 123,
    ]  # fmt: skip
    case = functools.partial(sound, rate=8000)  # small
    return [
        *[case(f"names/{name}.wav") for name in plain],
        case("names/UPPER.WAV"), case("names/Mixed.FlAc", "FLAC"), case("names/two.mp3.ogg", "OGG"),
        case("names/bad\nline.wav", rejected=NO_AUDIO, seconds=0),
        *[case(os.fsdecode(b"names/" + name)) for name in [b"caf\xe9.wav", b"\xff\xfe\x80.wav", b"\xed\xa0\x80.wav"]],
        raw(os.fsdecode(b"names/bad\xe9.wav"), b"", "^an empty file$"),
        case(os.fsdecode(b"names/g\xfcnter/l\xfctte/1.wav")), case("names/x.wav.d/y.wav/z.wav"),
        raw("names/x.wav.d/y.wav", b"", "^a folder, not an audio file$"),
        case("names/" + "/".join(["deep"] * 150) + "/x.wav"),
        case("names/" + "/".join(["n" * 200] * 3) + "/long.wav"),
        case("names/" + "/".join(["n" * 200] * 15) + "/longer.wav",
             rejected="^not readable as audio: .*filename too long"),
    ]  # fmt: skip


CASES = [
    *formats(), *rates(), *channels(), *lengths(), *contents(),
    *truncated(), *wrong_extensions(), *no_files(), *names(),
]  # fmt: skip


def build(folder: Path) -> None:
    """Put every case into the folder."""
    for case in CASES:
        path = folder / case.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_dir() or path.is_symlink():  # some folder is the case, and has other cases in it
            case.make(path)
