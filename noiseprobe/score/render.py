"""Notes as sound: an excerpt played with a SoundFont, at a loudness.

The player is our own. symusic's was tried: that of 0.6.0 can't return its audio ("Unable to convert function return
value to a Python type"), and that of 0.5.8 takes no notice of velocity and pedal and plays FluidR3's C4 at 293.6 Hz.
This one adds up notes in numpy, one after the other, and sounds as FluidSynth does (`recipes/soundfont/README.md`):

- The same excerpt gives the same bytes in every process, whatever was rendered before; nothing is random.
- A note adds to the samples from its begin on and to no earlier ones: excerpts whose notes are the same until some
  time are the same until then, bit for bit, before the loudness is set.
- A note's level goes with the square of its velocity (40 dB per decade: the SoundFont standard's default modulator).
- A note lasts until its key and the sustain pedal are let go, or its pitch is struck again in the same part; then it
  fades as its zone says. Of two notes of a part with the same begin and pitch only the longer sounds.
- Programs that the SoundFont lacks are played by those that `SoundFont.stand_in` names, never left out.

Loudness is that of ITU-R BS.1770-4 over the whole excerpt (`noiseprobe.loudness`), in the channels that are asked for.
Samples are floats and may go beyond 1.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from noiseprobe.loudness import BLOCK, loudness
from noiseprobe.score.notes import BadScore, Excerpt, Part
from noiseprobe.score.soundfont import SoundFont, Zone, load

Array = np.ndarray[Any, Any]

VERSION = 1  # goes up when the same notes would sound otherwise
SHORTEST = 0.01  # seconds that a note sounds at least, even if it has no length


class Voice(NamedTuple):
    """A zone that sounds for a note: in samples, from when, when it is let go and when it is cut off."""

    zone: Zone
    key: int
    amplitude: float
    start: int
    end: int
    choked: int | None


@dataclass(frozen=True)
class Renderer:
    """Plays excerpts.

    Args:
        soundfont: a SoundFont 2 or 3 file.
        loudness: LUFS of what `render` gives.
    """

    soundfont: Path
    loudness: float

    def render(self, excerpt: Excerpt, sample_rate: int, channels: int, duration: float) -> Array:
        """The excerpt at the renderer's loudness.

        Shape:
            -> float32 [channels, round(duration * sample_rate)]

        Raises:
            BadScore: if it can't be played, or is too short or too soft to have a loudness.
            NoiseprobeError: if the SoundFont can't be read.
        """
        audio = self.play(excerpt, sample_rate, channels, duration)
        return audio * np.float32(self.gain(audio, sample_rate))

    def play(self, excerpt: Excerpt, sample_rate: int, channels: int, duration: float) -> Array:
        """The excerpt at the level that it happens to have.

        A mono model gets the mean of left and right, and so does every channel of anything but mono and stereo.

        Shape:
            -> float32 [channels, round(duration * sample_rate)]

        Raises:
            BadScore: if it can't be played.
            NoiseprobeError: if the SoundFont can't be read.
        """
        font, n = load(self.soundfont), round(duration * sample_rate)
        stereo = np.zeros((2, n))
        for part in excerpt.parts:
            for voice in _voices(part, font, sample_rate):
                _add(stereo, voice, sample_rate)
        if channels != 2:
            stereo = np.repeat(stereo.mean(0, keepdims=True), channels, axis=0)
        return stereo.astype(np.float32)

    def gain(self, audio: Array, sample_rate: int) -> float:
        """The factor that brings audio [channels, n] to the renderer's loudness.

        Raises:
            BadScore: for audio that is too short or too soft to have a loudness.
        """
        seconds = audio.shape[1] / sample_rate
        if seconds < BLOCK:
            raise BadScore(f"too short: {seconds:.3f} s, and a loudness needs {BLOCK:g} s")
        now = loudness(audio, sample_rate)
        if now is None:
            raise BadScore("silent: no loudness above the gate of -70 LUFS")
        return float(10 ** ((self.loudness - now) / 20))


def held_until(part: Part) -> Array:
    """When each note of a part ends: key and pedal are let go, or the same pitch is struck again; float64 [n].

    A note that ends just when the pedal goes down isn't caught by it: scores write the change of pedal on the beat.
    """
    end = np.maximum(part.end, part.start + SHORTEST)
    if len(part.pedal):
        i = np.searchsorted(part.pedal[:, 0], part.end, side="left") - 1
        caught = (i >= 0) & (part.end < part.pedal[i, 1])
        end[caught] = np.maximum(end, part.pedal[i, 1])[caught]
    last: dict[int, int] = {}  # the latest note of each pitch
    for now, pitch in enumerate(part.pitch.tolist()):
        if pitch in last:
            end[last[pitch]] = min(end[last[pitch]], part.start[now])
        last[pitch] = now
    return end


def _voices(part: Part, font: SoundFont, rate: int) -> Iterator[Voice]:
    """What sounds for each note, in the order of the notes."""
    ends = held_until(part)
    voices: list[Voice] = []
    classes: dict[int, list[int]] = {}  # what sounds of each exclusive class
    for i in range(len(part)):
        start, end = round(float(part.start[i]) * rate), round(float(ends[i]) * rate)
        if ends[i] <= part.start[i]:  # struck again at once
            continue
        key, velocity = int(part.pitch[i]), int(part.velocity[i])
        try:
            zones = font.zones(part.program, part.is_drum, key, velocity)
        except LookupError as error:
            raise BadScore(f"the SoundFont has no {error.args[0]}") from error
        for number in {z.exclusive for z in zones if z.exclusive}:
            for j in classes.pop(number, []):
                voices[j] = voices[j]._replace(choked=start - voices[j].start)
        for zone in zones:
            if zone.exclusive:
                classes.setdefault(zone.exclusive, []).append(len(voices))
            level = 40 * math.log10((zone.as_velocity or velocity) / 127) + float(part.gain[i]) - zone.attenuation
            voices.append(Voice(zone, key, 10 ** (level / 20), start, end, None))
    return iter(voices)


def _add(stereo: Array, voice: Voice, rate: int) -> None:
    from noiseprobe.score.voice import sound

    room = stereo.shape[1] - voice.start
    if room <= 0:
        return
    audio = voice.amplitude * sound(voice.zone, voice.key, rate, voice.end - voice.start, room, voice.choked)
    angle = (voice.zone.pan + 0.5) * math.pi / 2  # equal power
    place = slice(voice.start, voice.start + len(audio))
    stereo[0, place] += math.cos(angle) * audio
    stereo[1, place] += math.sin(angle) * audio
