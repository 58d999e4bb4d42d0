"""Every kind of noise, with its own defaults, on four seconds of music: for the tests of what all kinds promise."""

import hashlib
import importlib
import json
import math
import pickle
import struct
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from hearing import HOP, RATE, heard, music, span
from running import composed

from noiseprobe.config import check, modules
from noiseprobe.noise.base import CannotCorrupt, Corruption, Draws, Heard
from noiseprobe.variants import Span

KINDS = modules("noise")
SECONDS = 4.0

# Places: onset and length in seconds; None: to the end.
PLACES = {
    "one": [(1.0, 0.5)],
    "unaligned": [(1.005, 0.5)],  # from the middle of a frame to the middle of another
    "two": [(1.0, 0.5), (2.0, 0.4)],
    "start": [(0.0, 0.5)],
    "end": [(3.0, None)],
    "long": [(0.5, 3.0)],
    "nothing": [(1.0, 0.0)],
    "nothing in the middle": [(1.0, 0.5), (2.0, 0.0), (3.0, 0.5)],
}
TEMPORARY = tempfile.TemporaryDirectory()


def module(kind):
    return importlib.import_module(f"noiseprobe.noise.{kind}")


CHANGES = {kind: module(kind).CHANGES for kind in KINDS}


class ToyCodec:
    """Codes [K, T] that hang on every sample of the audio, so that none is right by chance.

    Code k of frame t is a hash of that frame's samples, of k and of the whole audio's sum. Decoding gives a tone for
    each frame.
    """

    cardinality = 50

    def encode(self, audio):
        b, _, n = audio.shape
        frames = math.ceil(n / HOP)
        codes = torch.zeros(b, 3, frames, dtype=torch.long)
        for i in range(b):
            whole = audio[i].numpy().sum(dtype=np.float64).tobytes()
            for t in range(frames):
                samples = audio[i, :, t * HOP : (t + 1) * HOP].contiguous().numpy().tobytes()
                digest = hashlib.sha256(whole + samples).digest()
                codes[i, :, t] = torch.tensor([digest[k] % self.cardinality for k in range(3)])
        return codes

    def decode(self, codes):
        b, _, frames = codes.shape
        return (codes[:, :1].double() / self.cardinality).repeat_interleave(HOP, -1).float().view(b, 1, frames * HOP)


@dataclass(frozen=True)
class Recorded(Draws):
    """Draws that tell whether any were made."""

    made: list = field(default_factory=list, compare=False, hash=False)

    def state(self, onset, what):
        self.made.append((onset, what))
        return super().state(onset, what)


@dataclass(frozen=True)
class Result:
    """What became of a clip, its spans, its codes before and after, and what the kind asked for."""

    clean: np.ndarray
    spans: list
    made: Corruption
    codes: tuple[torch.Tensor, torch.Tensor]
    draws: list
    donors: list

    @property
    def fingerprint(self):
        """All that can differ between two runs."""
        m = self.made
        parts = [self.codes[1].numpy(), np.zeros(0) if m.audio is None else m.audio, m.frame_map]
        said = repr([None if p is None else (p.shape, str(p.dtype)) for p in parts]) + repr(m.measured)
        digest = hashlib.sha256(said.encode())
        for part in parts:
            digest.update(b"" if part is None else part.tobytes())
        return digest.hexdigest()


def score_file(folder):
    """A MIDI file of ten seconds: a bar lasts 1/8 s, and in each two notes of a scale begin."""
    ticks, up = 480, [0, 2, 4, 5, 7, 9, 11, 12, 11, 7, 4, 9, 5, 2]
    events = [b"\x00\xff\x58\x04\x01\x03\x18\x08", b"\x00\xff\x51\x03\x03\xd0\x90"]  # 1/8; 250 ms a quarter
    for i in range(160):
        key = 60 + up[(3 * i) % len(up)] - 12 * (i % 5 == 0)
        events += [bytes([0, 0x90, key, 60 + i % 40]), bytes([ticks // 4, 0x80, key, 0])]
    track = b"".join(events) + b"\x00\xff\x2f\x00"
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, ticks)
    path = folder / "scale.mid"
    path.write_bytes(head + b"MTrk" + struct.pack(">I", len(track)) + track)
    return path


@lru_cache
def score(channels):
    """A clip of a score: what it is, how it sounds, and what plays it."""
    folder = Path(TEMPORARY.name)
    score_file(folder)
    keys = ["noise=white", "noise.length=0.5", "noise.onset=1", "data=midi", f"data.duration={SECONDS}"]
    data = check(composed(*keys, f"data.root={folder}", "data.name=scores", "data.clips_per_file=1")).data
    (clip,) = data.module.listing(data).clips
    return clip, data.module.decode(clip, RATE, channels, data.options).numpy(), data.module.renderer(data.options)


def corrupt(kind, places, channels=1, seed=0):
    """What a kind with its own defaults makes of four seconds of music; `places` is a name, or pairs or spans.

    Raises:
        CannotCorrupt: if it does.
    """
    if CHANGES[kind] == "score":
        clip, audio, renderer = score(channels)
        h = Heard(clip, audio.copy(), RATE, HOP, heard(audio).others, renderer)
    else:
        h = heard(music(channels, SECONDS).copy())
    donors, give = [], h.others

    def others(song, samples):
        donor = give(song, samples)
        donors.append((song, samples, donor[0]))
        return donor

    clean = h.audio.copy()
    spans = [s if isinstance(s, Span) else span(*s, clean) for s in PLACES.get(places, places)]
    draws = Recorded(seed, h.clip.id, kind, "match")
    options = module(kind).Options()
    made = module(kind).corrupt(Heard(h.clip, h.audio, RATE, HOP, others, h.renderer), spans, draws, options)
    assert h.audio.tobytes() == clean.tobytes(), "the clip was written to"
    assert made.audio is None or not np.shares_memory(made.audio, h.audio), "the clip could still be written to"
    travelled = pickle.loads(pickle.dumps(made))  # from a worker to the device
    codec = ToyCodec()
    before = codec.encode(torch.from_numpy(clean)[None])[0]
    kept = before.clone()
    other = None if travelled.audio is None else codec.encode(torch.from_numpy(travelled.audio)[None])[0]
    after = other if travelled.recode is None else travelled.recode(before, other, codec)
    assert after is not None, "neither audio nor codes"
    assert torch.equal(before, kept), "the clean codes were written to"
    return Result(clean, spans, made, (before, after), _drawn(draws, made), donors)


def _drawn(draws, made):
    """What was drawn, in the making or by the recode, which may have draws of its own."""
    own = getattr(made.recode, "draws", None)
    return [*draws.made, *(["recode"] if own is not None else [])]


result = lru_cache(maxsize=None)(corrupt)


def attempt(kind, places, channels=1):
    """A result and no reason, or none and why not."""
    try:
        return corrupt(kind, places, channels), ""
    except CannotCorrupt as error:
        return None, str(error)


def report():
    """The fingerprints of all kinds, made in another order than tests do."""
    print(json.dumps({kind: corrupt(kind, "two", 2).fingerprint for kind in reversed(KINDS)}))
