"""Render pieces by Bach, nearly all of them chorales, to wav, each in five seeded instrumentations.

    pip install music21==10.5.1; apt-get install fluidsynth fluid-soundfont-gm
    python recipes/tiny/render_bach.py

The compositions are in the public domain. Only the 47 files that carry no notice of their own are used: the other
361 of the corpus say "PDF (c) Margaret Greentree" and are left out, to have no question about the encoding.
"""

import random
import subprocess
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from music21 import converter, corpus, instrument, note, stream, tempo

WORK = Path(__file__).resolve().parents[1] / "scratch" / "bach"
SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
TAKES = 5  # instrumentations, tempi and transpositions of each piece
# General MIDI programs (0-based) that sound well in four parts
ENSEMBLES = [
    [0], [4], [6], [11], [16], [19], [21], [24], [25], [26], [46], [48], [52], [56, 56, 57, 58], [60],
    [68, 69, 71, 70], [73, 68, 71, 70], [40, 40, 41, 42], [80], [88], [89], [27, 25, 4, 33], [12, 0, 0, 32],
]  # fmt: skip


def free_of_notices(path: Path) -> bool:
    with zipfile.ZipFile(path) as z:
        xml = next(z.read(n) for n in z.namelist() if n.endswith("xml") and "META" not in n)
    return b"\xc2\xa9" not in xml and b"(c)" not in xml.lower() and b"copyright" not in xml.lower()


def drums(beats: int, rng: random.Random) -> stream.Part:
    """A plain beat: bass drum, snare and closed hi-hat on channel 10."""
    part = stream.Part()
    part.insert(0, instrument.UnpitchedPercussion())
    for beat in range(beats):
        hits = [(36, 0.0)] if beat % 2 == 0 else [(38, 0.0)]
        hits += [(42, 0.0), (42, 0.5)]
        for pitch, at in hits:
            n = note.Note(pitch, quarterLength=0.25)
            n.volume.velocity = rng.randint(50, 90)
            part.insert(beat + at, n)
    return part


def arrange(path: Path, take: int, midi: Path) -> None:
    rng = random.Random(f"{path.stem}#{take}")
    score = converter.parse(path)
    programs = rng.choice(ENSEMBLES)
    out = stream.Score()
    out.insert(0, tempo.MetronomeMark(number=rng.randint(66, 132)))
    shift = rng.randint(-5, 6)
    for i, part in enumerate(score.parts):
        flat = part.stripTies().flatten().notes.stream()
        voice = stream.Part()
        inst = instrument.instrumentFromMidiProgram(programs[i % len(programs)])
        voice.insert(0, inst)
        loudness = rng.randint(70, 110)
        for n in flat:
            copy = n.transpose(shift)
            copy.volume.velocity = max(30, min(120, loudness + rng.randint(-12, 12)))
            voice.insert(n.offset, copy)
        out.insert(0, voice)
    if rng.random() < 0.4:
        out.insert(0, drums(int(score.highestTime), rng))
    out.write("midi", fp=midi)


def render(job: tuple[Path, int]) -> None:
    path, take = job
    wav = WORK / f"{path.stem}#{take}.wav"
    if wav.exists():
        return
    with tempfile.TemporaryDirectory() as tmp:
        midi = Path(tmp) / "a.mid"
        arrange(path, take, midi)
        part = Path(tmp) / "a.wav"
        subprocess.run(
            ["fluidsynth", "-niq", "-F", part, "-r", "32000", "-g", "0.7", SOUNDFONT, midi],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wav.write_bytes(part.read_bytes())


if __name__ == "__main__":
    WORK.mkdir(parents=True, exist_ok=True)
    files = [Path(p) for p in corpus.getComposer("bach") if str(p).endswith(".mxl")]
    files = sorted(p for p in files if free_of_notices(p))
    print(len(files), "pieces")
    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(render, [(f, take) for f in files for take in range(TAKES)]), 1):
            if done % 50 == 0:
                print(done, flush=True)
