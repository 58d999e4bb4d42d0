"""Cut the SoundFont that ships with noiseprobe from FluidR3 GM.

    apt-get install fluid-soundfont-gm
    .venv/bin/python recipes/soundfont/make.py

A piano of 13 samples, one instrument for most families of General MIDI, and a drum kit: 3 MB instead of 148. Of stereo
pairs the left is taken. Samples are kept whole with their loops, except that drums are cut short and the lowest three
of the piano are brought to 16 kHz. The same input gives the same file.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from noiseprobe.score import soundfont
from noiseprobe.score.soundfont import Zone
from noiseprobe.score.voice import tone

SOURCE = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
TARGET = Path(__file__).resolve().parents[2] / "noiseprobe/assets/soundfont/piano_and_more.sf2"
RATE = 32_000
VELOCITY = 80  # whose layer is taken

PIANO = [26, 34, 42, 50, 54, 58, 62, 66, 70, 74, 84, 94, 104]
HALVED = PIANO[:3]
# Brighter when struck harder: the standard's default modulator lowers the cut-off by 2400 cents from velocity 127 to 0.
LAYERS = [(0, 40), (41, 72), (73, 96), (97, 127)]
SHARPEST = 10  # cents that a piano key may be above equal temperament; FluidR3's highest are 27

# program: keys at which samples were recorded
INSTRUMENTS = {11: [78], 16: [96], 24: [59, 71], 33: [41], 48: [61], 56: [67], 71: [61, 72], 73: [71],
               80: [45, 57, 69, 81, 93]}  # fmt: skip
# what else plays them, so that every family but the sound effects has something of its kind
ALSO = {42: 48, 89: 48, 98: 48, 107: 24, 114: 11}
# drum: seconds kept
DRUMS = {36: 0.3, 37: 0.15, 38: 0.4, 39: 0.35, 42: 0.2, 45: 0.6, 46: 0.6, 49: 1.05, 51: 0.8, 54: 0.3, 56: 0.3}
# keys from, to: which drum, and the key at which it sounds as recorded (None: at all of them)
KIT = [
    (0, 36, 36, None), (37, 37, 37, None), (38, 38, 38, None), (39, 39, 39, None), (40, 40, 38, None),
    (41, 41, 45, 45), (42, 42, 42, None), (43, 43, 45, 45), (44, 44, 42, None), (45, 45, 45, 45), (46, 46, 46, None),
    (47, 48, 45, 45), (49, 49, 49, None), (50, 50, 45, 45), (51, 51, 51, None), (52, 52, 49, None), (53, 53, 51, None),
    (54, 54, 54, None), (55, 55, 49, None), (56, 56, 56, None), (57, 57, 49, None), (58, 58, 54, None),
    (59, 59, 51, None), (60, 66, 45, 57), (67, 68, 56, 64), (69, 70, 42, None), (71, 74, 37, None), (75, 79, 37, 72),
    (80, 81, 51, None), (82, 83, 42, None), (84, 84, 51, None), (85, 127, 37, None),
]  # fmt: skip
HATS = {42, 46}


@dataclass
class Sample:
    name: str
    audio: np.ndarray  # int16
    rate: int
    key: int
    loop: tuple[int, int] | None


@dataclass
class Font:
    """Tables of a SoundFont as they grow."""

    samples: list[Sample] = field(default_factory=list)
    instruments: list[tuple[str, list[list[tuple[int, int]]]]] = field(default_factory=list)
    presets: list[tuple[str, int, int, int]] = field(default_factory=list)  # name, bank, program, instrument

    def sample(self, name: str, zone: Zone, seconds: float | None = None, factor: int = 1) -> int:
        audio, loop, rate = zone.samples.astype(float), zone.loop, zone.rate
        if seconds is not None:
            audio, loop, rate = resample_poly(audio, 320, 441), None, RATE
            audio = audio[: round(seconds * rate)]
            fade = min(len(audio), rate // 20)
            audio[len(audio) - fade :] *= np.linspace(1, 0, fade)
        elif factor > 1:
            audio, rate = resample_poly(audio, 1, factor), rate // factor
            loop = (round(loop[0] / factor), round(loop[1] / factor)) if loop else None
        if loop:
            audio = audio[: loop[1] + 8]  # the standard wants 8 samples after a loop
        whole = np.clip(np.round(audio), -32768, 32767).astype("<i2")
        self.samples.append(Sample(name, whole, rate, min(recorded(zone)[0], 127), loop))
        return len(self.samples) - 1


def taken(zones: Iterable[Zone]) -> list[Zone]:
    """The left or only ones of the layer of VELOCITY."""
    return [z for z in zones if z.velocities[0] <= VELOCITY <= z.velocities[1] and z.pan <= 0]


def generators(zone: Zone, keys: tuple[int, int], layer: tuple[int, int] | None = None) -> list[tuple[int, int]]:
    """The instrument's generators for a zone; the first two must be the ranges."""
    times = {33: zone.delay, 34: zone.attack, 35: zone.hold, 36: zone.decay, 38: zone.release}
    out = [(43, keys[0] | keys[1] << 8)]
    if layer:
        out.append((44, layer[0] | layer[1] << 8))
    out += [(n, round(1200 * np.log2(t))) for n, t in times.items() if t > 0]
    out += [(37, round(10 * zone.sustain)), (48, round(10 * zone.attenuation / soundfont.EMU))]
    cents = 1200 * np.log2((zone.cutoff or 20_000) / 8.176)
    if layer:
        cents -= 2400 * (1 - sum(layer) / 2 / 127)
    if cents < soundfont.WIDE_OPEN:
        out.append((8, round(cents)))
    if zone.loop:
        out.append((54, 1))
    return out


def sharpness(zone: Zone, key: int) -> float:
    """Cents above equal temperament of what sounds, from its strongest of the first two partials."""
    x = tone(zone, key, RATE, 2)[1600 : 1600 + RATE].astype(float)
    size, wanted = 1 << 20, 440 * 2 ** ((key - 69) / 12)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), size))
    peaks = []
    for partial in (1, 2):
        low, high = (round(wanted * partial * share * size / RATE) for share in (0.965, 1.035))
        if high < len(spectrum):
            at = low + int(np.argmax(spectrum[low:high]))
            peaks.append((spectrum[at], 1200 * np.log2(at * RATE / size / wanted / partial)))
    return float(max(peaks)[1])


def recorded(zone: Zone) -> tuple[int, int]:
    """The key at which a zone sounds as recorded, and the cents to be added there."""
    key = round(zone.root - zone.tune)
    return key, round(100 * (zone.tune - zone.root + key))


def split(roots: list[int]) -> list[tuple[int, int]]:
    """Ranges of keys that end halfway to the next."""
    ends = [(a + b) // 2 for a, b in pairwise(roots)]
    return list(zip([0, *(e + 1 for e in ends)], [*ends, 127], strict=True))


def zones_of(source: soundfont.SoundFont, program: int, is_drum: bool) -> list[Zone]:
    source.zones(program, is_drum, 60, VELOCITY)
    return taken(source._zones[source.stand_in(program, is_drum)])


def make() -> Font:
    source, font = soundfont.load(SOURCE), Font()
    grand = {recorded(z)[0]: z for z in zones_of(source, 0, False)}
    zones = []
    for root, keys in zip(PIANO, split(PIANO), strict=True):
        zone = grand[root]
        index = font.sample(f"piano {root}", zone, factor=2 if root in HALVED else 1)
        down = min(0, SHARPEST - round(sharpness(zone, root))) if root > 60 else 0
        for layer in LAYERS:
            zones.append([*generators(zone, keys, layer), (58, root), (52, recorded(zone)[1] + down), (53, index)])
    font.instruments.append(("Piano", zones))
    font.presets.append(("Piano", 0, 0, 0))
    for program, roots in INSTRUMENTS.items():
        there = zones_of(source, program, False)
        name = source.tables[b"phdr"][source.presets[0, program]]["name"].decode()
        zones = []
        for root, keys in zip(roots, split(roots), strict=True):
            zone = next(z for z in there if recorded(z)[0] == root)
            index = font.sample(f"{name[:14]} {root}", zone)
            zones.append([*generators(zone, keys), (58, root), (52, recorded(zone)[1]), (53, index)])
        font.presets.append((name, 0, program, len(font.instruments)))
        font.instruments.append((name, zones))
    names = {program: (name, instrument) for name, _, program, instrument in font.presets}
    font.presets += [(names[like][0], 0, program, names[like][1]) for program, like in ALSO.items()]
    hits = zones_of(source, 0, True)
    indices, zones = {}, []
    for drum, seconds in DRUMS.items():
        zone = next(z for z in hits if z.keys[0] <= drum <= z.keys[1])
        indices[drum] = zone, font.sample(f"drum {drum}", zone, seconds)
    for low, high, drum, root in KIT:
        zone, index = indices[drum]
        own = [(43, low | high << 8), (38, 6000), (48, round(10 * zone.attenuation / soundfont.EMU))]
        own += [(56, 0)] if root is None else []
        own += [(57, 1)] if drum in HATS else []
        zones.append([*own, (58, root or drum), (53, index)])
    font.presets.append(("Drums", 128, 0, len(font.instruments)))
    font.instruments.append(("Drums", zones))
    font.presets.sort(key=lambda p: p[1:3])
    return font


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def text(value: str, size: int) -> bytes:
    return value.encode("ascii")[: size - 1].ljust(size, b"\0")


def encode(font: Font) -> bytes:
    """The file's bytes."""
    heads, audio, at = b"", b"", 0
    for s in font.samples:
        end, loop = at + len(s.audio), s.loop or (0, 0)
        fields = (at, end, at + loop[0], at + loop[1], s.rate, s.key, 0, 0, 1)
        heads += struct.pack("<20sIIIIIBbHH", text(s.name, 20), *fields)
        audio += s.audio.tobytes() + bytes(92)  # 46 samples of silence, as the standard wants
        at = end + 46
    heads += struct.pack("<20s26x", text("EOS", 20))
    phdr = pbag = pgen = inst = ibag = igen = b""
    for i, (name, bank, program, instrument) in enumerate(font.presets):
        phdr += struct.pack("<20sHHHIII", text(name, 20), program, bank, i, 0, 0, 0)
        pbag += struct.pack("<HH", i, 0)
        pgen += struct.pack("<HH", 41, instrument)
    phdr += struct.pack("<20sHHHIII", text("EOP", 20), 0, 0, len(font.presets), 0, 0, 0)
    pbag, pgen = pbag + struct.pack("<HH", len(font.presets), 0), pgen + bytes(4)
    bags = gens = 0
    for name, zones in font.instruments:
        inst += struct.pack("<20sH", text(name, 20), bags)
        for zone in zones:
            ibag += struct.pack("<HH", gens, 0)
            igen += b"".join(struct.pack("<HH", number, amount & 0xFFFF) for number, amount in zone)
            bags, gens = bags + 1, gens + len(zone)
    inst += struct.pack("<20sH", text("EOI", 20), bags)
    ibag, igen = ibag + struct.pack("<HH", gens, 0), igen + bytes(4)
    info = chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", text("EMU8000", 8))
    info += chunk(b"INAM", text("Piano and more", 16)) + chunk(b"ICOP", text("Cut from FluidR3 GM, Frank Wen, MIT", 36))
    tables = [(b"phdr", phdr), (b"pbag", pbag), (b"pmod", bytes(10)), (b"pgen", pgen), (b"inst", inst)]
    tables += [(b"ibag", ibag), (b"imod", bytes(10)), (b"igen", igen), (b"shdr", heads)]
    lists = [b"INFO" + info, b"sdta" + chunk(b"smpl", audio), b"pdta" + b"".join(chunk(*t) for t in tables)]
    return chunk(b"RIFF", b"sfbk" + b"".join(chunk(b"LIST", content) for content in lists))


if __name__ == "__main__":
    font = make()
    TARGET.write_bytes(encode(font))
    for sample in font.samples:
        print(f"{sample.name:20} {len(sample.audio) / sample.rate:5.2f} s at {sample.rate} Hz")
    print(TARGET.name, TARGET.stat().st_size / 1e6, "MB")
