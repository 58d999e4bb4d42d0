"""Scores for the kinds of noise that change notes: files written byte by byte, and a player whose sound can be read."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import midibytes
import numpy as np

from noiseprobe.data.manifest import Clip
from noiseprobe.noise.base import Draws, Heard
from noiseprobe.score import read
from noiseprobe.score.notes import BadScore, Excerpt
from noiseprobe.variants import Span

RATE, HOP = 8000, 160
SECONDS = 6.0
N = round(RATE * SECONDS)
MIDI = Path(__file__).parents[1] / "noiseprobe/assets/midi"
SOUNDFONT = Path(__file__).parents[1] / "noiseprobe/assets/soundfont/piano_and_more.sf2"

# a note: part (program, whether drums), begin, duration, pitch, velocity
Note = tuple[tuple[int, bool], float, float, int, int]


class Clicks:
    """A player: a note is one sample at its begin, of part, pitch and velocity; `heard` is the last excerpt."""

    def play(self, excerpt: Excerpt, sample_rate: int, channels: int, duration: float) -> np.ndarray:
        self.heard = excerpt
        audio = np.zeros(round(duration * sample_rate))
        for (program, drum), start, _, pitch, velocity in notes(excerpt):
            at = round(start * sample_rate)
            if at < len(audio):
                audio[at] += (velocity + 128 * pitch + 128 * 128 * (program + drum)) / 2**22
        if not audio.any():
            raise BadScore("silent")
        return np.repeat(audio[None], channels, 0).astype(np.float32)

    render = play

    def gain(self, audio: np.ndarray, sample_rate: int) -> float:
        return 1.0


def notes(excerpt: Excerpt) -> list[Note]:
    """All notes, in order; durations to a nanosecond, since they may be sums."""
    return [
        ((p.program, p.is_drum), float(s), round(float(d), 9), int(k), int(v))
        for p in excerpt.parts for s, d, k, v in zip(p.start, p.duration, p.pitch, p.velocity, strict=True)
    ]  # fmt: skip


def sounding(excerpt: Excerpt) -> list[Note]:
    """The same, each for as long as it is heard: while key or pedal are down, until its pitch is struck again."""
    found = []
    for part in excerpt.parts:
        own = notes(replace(excerpt, parts=(part,)))
        for name, start, duration, pitch, velocity in own:
            end = max(start + duration, start + 0.01)
            for down, up in part.pedal.tolist():
                if down < start + duration - 1e-12 and start + duration < up:
                    end = max(end, up)
            end = min([end, *(n[1] for n in own if n[3] == pitch and n[1] > start)])
            found.append((name, start, round(end - start, 9), pitch, velocity))
    return found


def named(found: Sequence[Note]) -> dict[tuple[tuple[int, bool], int], Note]:
    """Notes by part and velocity, of which random scores have each once."""
    by_name = {(n[0], n[4]): n for n in found}
    assert len(by_name) == len(found), "a note is there twice"
    return by_name


def file(path: Path, tracks: Sequence[Sequence[tuple[int, bytes]]]) -> Path:
    """A file of events at absolute ticks, 480 to a quarter note."""
    chunks = []
    for track in tracks:
        last, events = 0, []
        for tick, content in sorted(track, key=lambda e: (e[0], e[1][0] & 0xF0 == 0x90)):
            events.append((tick - last, content))
            last = tick
        chunks.append(midibytes.track(*events))
    path.write_bytes(midibytes.midi(*chunks))
    return path


def written(
    path: Path, melody: Sequence[tuple[float, float, int, int]], *more: tuple[int, bytes], channel: int = 0
) -> Path:
    """A file of notes in quarter notes of half a second: (begin, duration, pitch, velocity)."""
    events = list(more)
    for start, duration, pitch, velocity in melody:
        events += [(round(start * 480), midibytes.on(pitch, velocity, channel))]
        events += [(round((start + duration) * 480), midibytes.off(pitch, channel))]
    return file(path, [events])


def random_score(folder: Path, seed: int, seconds: float = 3 * SECONDS, drums: bool = True) -> Path:
    """Three parts with chords, long notes, changes of tempo and metre, pedal; no velocity of a part is there twice."""
    r = random.Random(seed)
    ticks = round(seconds * 960 * 1.2)
    head = [(0, midibytes.tempo(r.randint(350_000, 650_000))), (0, midibytes.metre(r.choice([2, 3, 4]), 2))]
    if r.random() < 0.5:
        head.append((0, midibytes.signature(r.randint(-5, 5), r.random() < 0.5)))
    for _ in range(r.randint(0, 4)):
        head.append((r.randint(0, ticks), midibytes.tempo(r.randint(350_000, 650_000))))
    if r.random() < 0.5:
        head.append((480 * r.randint(4, 12), midibytes.metre(r.choice([2, 3, 5]), 2)))
    tracks = [head]
    for channel, program in [(0, 0), (1, 40), (9, 0)][: 3 if drums else 2]:
        events = [(0, midibytes.program(program, channel))]
        velocities, taken = r.sample(range(1, 128), r.randint(25, 100)), set()
        for velocity in velocities:
            start = r.choice([r.randint(0, ticks), 120 * r.randint(0, ticks // 120)])
            pitch = r.randint(35, 60) if channel == 9 else r.choice([r.randint(40, 80), r.randint(0, 127)])
            end = start + r.choice([60, 120, 240, 480, 1920])
            if all(end <= s or start >= e for p, s, e in taken if p == pitch):
                taken.add((pitch, start, end))
                events += [(start, midibytes.on(pitch, velocity, channel)), (end, midibytes.off(pitch, channel))]
        if channel == 0:
            for i in range(0, ticks, 960):
                events += [(i + 5, midibytes.control(64, 127)), (i + r.randint(300, 950), midibytes.control(64, 0))]
        tracks.append(events)
    return file(folder / f"{seed}.mid", tracks)


def heard(
    path: Path, start: float = 0.0, duration: float = SECONDS, channels: int = 1, renderer: object = None,
    rate: int = RATE, hop: int = HOP,
) -> Heard:  # fmt: skip
    """A clip of a score."""

    def never(song: str, samples: int) -> tuple[str, np.ndarray]:
        raise AssertionError("no kind that changes notes asks for another clip")

    renderer = renderer or Clicks()
    clip = Clip(f"{path.name}#{start}", path, start, duration, path.stem, "g")
    audio = renderer.render(clean(path, start, duration), rate, channels, duration)  # type: ignore[attr-defined]
    audio.flags.writeable = False
    return Heard(clip, audio, rate, hop, never, renderer)  # type: ignore[arg-type]


def clean(path: Path, start: float = 0.0, duration: float = SECONDS) -> Excerpt:
    return read.excerpt(path, start, duration)


def whole(path: Path, start: float = 0.0, duration: float = SECONDS) -> list[Note]:
    """The notes of a clip and of as much after it, as they sound."""
    return sounding(read.excerpt(path, start, 2 * duration))


def spans(*places: tuple[float, float], rate: int = RATE, hop: int = HOP) -> list[Span]:
    """Places from one second to another."""
    found = []
    for start, stop in places:
        first, last = round(start * rate), round(stop * rate)
        found.append(Span(float(start), first, last, first // hop, -(-last // hop) if last > first else first // hop))
    return found


WHOLE = spans((0, SECONDS))
PLACES = [WHOLE, spans((1.0, 3.5)), spans((2.123, 4.001)), spans((0.5, 2), (2, 3.3), (4.4, SECONDS))]


def draws(kind: str, seed: int = 0, clip: str = "a.mid#0.0") -> Draws:
    return Draws(seed, clip, kind, "")


def inside(note: Note, where: Sequence[Span], rate: int = RATE) -> bool:
    """Whether a note begins in one of the spans."""
    return any(s.start <= round(note[1] * rate) < s.stop for s in where)


def picked(found: Sequence[Note], able: Sequence[bool], share: float, own: Draws, samples: int = N) -> list[Note]:
    """The notes that are chosen, by the definition: a number for each note of the clip, the smallest win."""
    mine = [(n, a) for n, a in zip(found, able, strict=True) if round(n[1] * RATE) < samples]
    numbers = own.state(0.0, "notes").uniform(size=len(mine))
    ranked = sorted((number, i) for i, number in enumerate(numbers) if mine[i][1])
    return [mine[i][0] for _, i in ranked[: round(share * len(ranked))]]
