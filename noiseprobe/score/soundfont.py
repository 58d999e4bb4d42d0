"""A SoundFont 2 file: which samples sound, and how, for a program, a key and a velocity.

After the SoundFont Technical Specification 2.04 (E-mu Systems, 2006). A program of a bank is a list of zones; a zone is
a sample, the keys and velocities that it is for, and its generators: those of the instrument plus those of the preset.
Samples are 16 bits and stay on disk until they are asked for; those of SF3, which are Ogg Vorbis, are decoded then.

What is read: key and velocity ranges, sample offsets and loops, root key, tuning, pan, attenuation, the volume envelope
with its scaling by key, the low-pass filter at its initial cut-off, exclusive classes. What isn't: modulators (velocity
acts as the standard's default one says, on the level), the modulation envelope, LFOs, chorus and reverb.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from noiseprobe.errors import NoiseprobeError

Array = np.ndarray[Any, Any]
Range = tuple[int, int]

DRUMS = 128  # the bank of drum kits
FAMILY = 8  # General MIDI's programs come in families of 8: pianos, chromatic percussion, organs, ...
EMU = 0.4  # the share of a written attenuation that the hardware which fonts are made for applies, and players after it
COARSE = 32768  # samples in a step of the coarse offsets
VORBIS = 0x10  # the flag of a compressed sample
WIDE_OPEN = 13_500  # cents; a filter from here on does nothing

RECORDS: dict[bytes, list[tuple[str, str]]] = {
    b"phdr": [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "S12")],
    b"inst": [("name", "S20"), ("bag", "<u2")],
    b"pbag": [("gen", "<u2"), ("mod", "<u2")],
    b"ibag": [("gen", "<u2"), ("mod", "<u2")],
    b"pgen": [("oper", "<u2"), ("amount", "<i2")],
    b"igen": [("oper", "<u2"), ("amount", "<i2")],
    b"shdr": [
        ("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"),
        ("key", "u1"), ("correction", "i1"), ("link", "<u2"), ("type", "<u2"),
    ],
}  # fmt: skip

# Numbers of the generators that are read: those that a preset adds to its instrument's, with their defaults, ...
START, END, LOOP, LOOP_END, START_COARSE, FILTER, RESONANCE, END_COARSE, PAN = 0, 1, 2, 3, 4, 8, 9, 12, 17
DELAY, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE, KEY_TO_HOLD, KEY_TO_DECAY = 33, 34, 35, 36, 37, 38, 39, 40
LOOP_COARSE, ATTENUATION, LOOP_END_COARSE, COARSE_TUNE, FINE_TUNE, SCALE = 45, 48, 50, 51, 52, 56
ADDED = dict.fromkeys([RESONANCE, PAN, SUSTAIN, KEY_TO_HOLD, KEY_TO_DECAY, ATTENUATION, COARSE_TUNE, FINE_TUNE], 0)
ADDED |= {FILTER: WIDE_OPEN, SCALE: 100} | dict.fromkeys([DELAY, ATTACK, HOLD, DECAY, RELEASE], -12_000)
# ... and those that only an instrument has, or that are ranges.
ALONE = dict.fromkeys([START, END, LOOP, LOOP_END, START_COARSE, END_COARSE, LOOP_COARSE, LOOP_END_COARSE], 0)
INSTRUMENT, KEYS, VELOCITIES, AS_KEY, AS_VELOCITY, SAMPLE, MODES, EXCLUSIVE, ROOT = 41, 43, 44, 46, 47, 53, 54, 57, 58
ALONE |= {AS_KEY: -1, AS_VELOCITY: -1, MODES: 0, EXCLUSIVE: 0, ROOT: -1}


@dataclass(frozen=True, eq=False)
class Zone:
    """A sample as one program plays it.

    Attributes:
        keys, velocities: the first and last that it is for.
        samples: int16 [n], full scale 32768.
        loop: the first sample that repeats and the one after the last, or None; they do after the note's end too.
        rate: of the samples, Hz.
        root, scale, tune: a key sounds `(key - root) * scale + tune` semitones above what was recorded.
        pan: -0.5 left to 0.5 right.
        attenuation: dB.
        delay, attack, release: of the volume envelope, seconds; a release falls by 100 dB in its time.
        hold, decay: the same, at key 60; a decay falls by 100 dB in its time.
        hold_by_key, decay_by_key: by how many octaves of time a lower key lengthens them.
        sustain: where the decay ends, dB below full.
        cutoff, resonance: of the low-pass filter, Hz and dB; None: no filter.
        exclusive: a note cuts off those of its class; 0: none.
        as_key, as_velocity: what is played whatever the note's own; None: the note's.
    """

    keys: Range
    velocities: Range
    samples: Array
    loop: Range | None
    rate: int
    root: int
    scale: float
    tune: float
    pan: float
    attenuation: float
    delay: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float
    hold_by_key: float
    decay_by_key: float
    cutoff: float | None
    resonance: float
    exclusive: int
    as_key: int | None
    as_velocity: int | None


class SoundFont:
    """The presets of a file.

    Raises:
        NoiseprobeError: for a file that isn't a SoundFont 2 or 3.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zones: dict[tuple[int, int], tuple[Zone, ...]] = {}
        try:
            chunks = dict(_chunks(path))
            self.tables = {
                name: np.frombuffer(_read(path, *chunks[name]), np.dtype(fields)) for name, fields in RECORDS.items()
            }
            offset, size = chunks[b"smpl"]
            self.data: Array = np.memmap(path, np.uint8, "r", offset, (size,)) if size else np.zeros(0, np.uint8)
            heads = self.tables[b"phdr"][:-1]
            # the first of several of the same number, as players do
            self.presets = {(int(h["bank"]), int(h["program"])): i for i, h in reversed(list(enumerate(heads)))}
            if not self.presets:
                raise ValueError("no preset")
        except (OSError, ValueError, KeyError, struct.error) as error:
            why = f"no {error.args[0].decode()} chunk" if isinstance(error, KeyError) else str(error)
            raise NoiseprobeError(f"data.soundfont: {path} isn't a SoundFont: {why}") from error

    def zones(self, program: int, is_drum: bool, key: int, velocity: int) -> list[Zone]:
        """The zones that sound for a note; where none is for it, the nearest by key, then velocity.

        Raises:
            LookupError: if no preset stands in for the program.
        """
        preset = self.stand_in(program, is_drum)
        if preset not in self._zones:
            self._zones[preset] = self._checked(preset)
        zones = self._zones[preset]
        far = [(_distance(key, z.keys), _distance(velocity, z.velocities)) for z in zones]
        return [z for z, d in zip(zones, far, strict=True) if d == min(far)]

    def stand_in(self, program: int, is_drum: bool) -> tuple[int, int]:
        """(bank, program) of the preset that plays a program: itself, or else what comes nearest.

        Drums: the standard kit (program 0), else the font's first kit. Others: the nearest program of the same family
        of eight, the lower of two; else program 0, the piano; else the font's first.

        Raises:
            LookupError: for drums where the font has no kit, and for others where it has nothing else.
        """
        bank = DRUMS if is_drum else 0
        there = sorted(p for b, p in self.presets if b == bank)
        if not there:
            raise LookupError("drums" if is_drum else "instruments")
        family = [p for p in there if p // FAMILY == program // FAMILY and not is_drum]
        nearest = min(family, key=lambda p: (abs(p - program), p), default=there[0])
        return bank, program if program in there else nearest

    def _checked(self, preset: tuple[int, int]) -> tuple[Zone, ...]:
        try:
            zones = tuple(self._read_zones(self.presets[preset]))
        except (IndexError, ValueError, RuntimeError) as error:
            raise NoiseprobeError(f"data.soundfont: {self.path}: preset {preset} can't be read: {error}") from error
        if not zones:
            raise NoiseprobeError(f"data.soundfont: {self.path}: preset {preset} has no sound")
        return zones

    def _read_zones(self, preset: int) -> Iterator[Zone]:
        for above in self._bags(b"phdr", b"pbag", b"pgen", preset, INSTRUMENT):
            for own in self._bags(b"inst", b"ibag", b"igen", above[INSTRUMENT], SAMPLE):
                keys = _overlap(_range(above.get(KEYS)), _range(own.get(KEYS)))
                velocities = _overlap(_range(above.get(VELOCITIES)), _range(own.get(VELOCITIES)))
                if keys and velocities and not self.tables[b"shdr"][own[SAMPLE]]["type"] & 0x8000:  # not in a ROM
                    yield self._zone(above, own, keys, velocities)

    def _bags(self, heads: bytes, bags: bytes, gens: bytes, index: int, target: int) -> Iterator[dict[int, int]]:
        """The generators of each zone, with those of the global one, the first if it names no target."""
        shared: dict[int, int] = {}
        head, bag, gen = self.tables[heads], self.tables[bags], self.tables[gens]
        first, last = int(head[index]["bag"]), int(head[index + 1]["bag"])
        for i in range(first, last):
            listed = gen[bag[i]["gen"] : bag[i + 1]["gen"]]
            own = {int(g["oper"]): int(g["amount"]) for g in listed}
            if target in own:
                own[target] &= 0xFFFF
                yield shared | own
            elif i == first:
                shared = own

    def _zone(self, above: dict[int, int], own: dict[int, int], keys: Range, velocities: Range) -> Zone:
        g = {n: own.get(n, default) + above.get(n, 0) for n, default in ADDED.items()}
        g |= {n: own.get(n, default) for n, default in ALONE.items()}
        head = self.tables[b"shdr"][own[SAMPLE]]
        samples, start, loop = self._samples(own[SAMPLE]), g[START] + COARSE * g[START_COARSE], None
        if g[MODES] & 1:
            loop = (
                int(head["loop"]) + g[LOOP] + COARSE * g[LOOP_COARSE] - start,
                int(head["loop_end"]) + g[LOOP_END] + COARSE * g[LOOP_END_COARSE] - start,
            )
            if not head["type"] & VORBIS:  # there they are relative to the sample already
                loop = (loop[0] - int(head["start"]), loop[1] - int(head["start"]))
        samples = samples[max(start, 0) : max(len(samples) + g[END] + COARSE * g[END_COARSE], 0)]
        if not len(samples):
            raise ValueError(f"sample {own[SAMPLE]} is empty")
        if loop and not 0 <= loop[0] < loop[1] <= len(samples):
            loop = None
        recorded = int(head["key"]) if head["key"] < 128 else 60
        return Zone(
            keys=keys,
            velocities=velocities,
            samples=samples,
            loop=loop,
            rate=int(head["rate"]),
            root=g[ROOT] if g[ROOT] >= 0 else recorded,
            scale=g[SCALE] / 100,
            tune=g[COARSE_TUNE] + (g[FINE_TUNE] + int(head["correction"])) / 100,
            pan=float(np.clip(g[PAN] / 1000, -0.5, 0.5)),
            attenuation=EMU * max(g[ATTENUATION], 0) / 10,
            delay=_seconds(g[DELAY]),
            attack=_seconds(g[ATTACK]),
            hold=_seconds(g[HOLD]),
            decay=_seconds(g[DECAY]),
            sustain=max(g[SUSTAIN], 0) / 10,
            release=_seconds(g[RELEASE]),
            hold_by_key=g[KEY_TO_HOLD] / 1200,
            decay_by_key=g[KEY_TO_DECAY] / 1200,
            cutoff=8.176 * 2 ** (g[FILTER] / 1200) if g[FILTER] < WIDE_OPEN else None,
            resonance=max(g[RESONANCE], 0) / 10,
            exclusive=g[EXCLUSIVE],
            as_key=g[AS_KEY] if g[AS_KEY] >= 0 else None,
            as_velocity=g[AS_VELOCITY] if g[AS_VELOCITY] >= 0 else None,
        )

    def _samples(self, index: int) -> Array:
        head = self.tables[b"shdr"][index]
        if head["type"] & VORBIS:
            import soundfile as sf

            return sf.read(io.BytesIO(self.data[head["start"] : head["end"]].tobytes()), dtype="int16")[0]
        samples = self.data[2 * int(head["start"]) : 2 * int(head["end"])]
        return samples[: len(samples) // 2 * 2].view("<i2")


@lru_cache(maxsize=4)
def load(path: Path) -> SoundFont:
    """A file's presets, read once in a process."""
    return SoundFont(path)


def _chunks(path: Path) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Names of a RIFF file's chunks and of those in its lists, with where they are: offset and size."""
    with path.open("rb") as f:
        end = f.seek(0, 2)
        f.seek(0)
        start = f.read(12)
        if start[:4] != b"RIFF" or start[8:] != b"sfbk":
            raise ValueError("it doesn't begin like one")
        while f.tell() + 8 <= end:
            name, size = struct.unpack("<4sI", f.read(8))
            if name == b"LIST":
                f.seek(4, 1)  # what is in the list follows
                continue
            if f.tell() + size > end:
                raise ValueError("it is cut off")
            yield name, (f.tell(), size)
            f.seek(size + size % 2, 1)


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as f:
        f.seek(offset)
        return f.read(size)


def _range(amount: int | None) -> Range:
    return (0, 127) if amount is None else (amount & 0xFF, amount >> 8 & 0xFF)


def _overlap(a: Range, b: Range) -> Range | None:
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low <= high else None


def _distance(value: int, to: Range) -> int:
    return max(to[0] - value, value - to[1], 0)


def _seconds(timecents: int) -> float:
    return float(2 ** (min(timecents, 8_000) / 1200)) if timecents > -12_000 else 0.0
