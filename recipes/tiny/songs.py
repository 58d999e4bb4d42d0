"""Which songs the tiny model hears, which it never hears, and where they come from.

Released music comes from Debian packages (`apt-get install singularity-music fretsonfire-songs-sectoid
fretsonfire-songs-muldjord flare-game`), Bach's pieces are read from the music21 package and rendered by
`render_bach.py`. Whole songs are held out; the demo clips of the package are cut from held-out songs only.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import torch
import torchaudio

RATE = 32_000
WORK = Path(__file__).resolve().parents[1] / "scratch"  # ignored by git: caches, renders, checkpoints
GAMES = Path("/usr/share/games")

SINGULARITY = GAMES / "singularity/music"
FRETS = GAMES / "fretsonfire/data/songs"
FLARE = GAMES / "flare/mods/fantasycore/music"

CC_BY_SA_3 = "CC-BY-SA-3.0"


@dataclass(frozen=True)
class Song:
    """One song: a stable name, the files whose sum it is, and what its licence asks us to say."""

    name: str
    group: str
    title: str
    author: str
    source: str
    license: str
    files: tuple[Path, ...]
    held_out: bool


HELD_OUT_SINGULARITY = {
    "Aberrations", "Awakening", "Coherence", "Enemy Unknown", "Inevitable", "Nebula", "Through Space", "Apex Aleph",
}  # fmt: skip
HELD_OUT_FRETS = {"Feelings", "War of freedom", "armygeddon", "mutilated_mime"}
FLARE_THEMES = [
    "battle", "boss", "cave", "dungeon", "forest", "magical", "overworld", "safe_room", "title", "town", "unrest",
]  # fmt: skip
HELD_OUT_BACH = {"bwv111.6", "bwv135.6", "bwv162.6-lpz", "bwv244.29-a", "bwv248.28", "bwv274", "bwv846"}
LEFT_OUT_BACH = {"bwv190.7"}  # the same music as bwv190.7-inst, which is trained on


def slug(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text.lower()).strip("_")


def released() -> list[Song]:
    """Music that its authors released as recordings, with the licences of the Debian packages' copyright files."""
    songs = []
    for path in sorted(SINGULARITY.rglob("*.ogg")):
        songs.append(Song(
            f"singularity_{slug(path.stem)}", "electronic", path.stem, "Maxstack",
            "Endgame: Singularity soundtrack (Debian singularity-music 007-2)", CC_BY_SA_3, (path,),
            path.stem in HELD_OUT_SINGULARITY,
        ))  # fmt: skip
    packs = {
        "sectoid": ("Carlos Viola Iborra (Sectoid)", "MIT", "fretsonfire-songs-sectoid 1.dfsg-3.1"),
        "muldjord": ("El Senator (Muldjord)", CC_BY_SA_3, "fretsonfire-songs-muldjord 2.dfsg-2.1"),
    }
    for pack, (author, license_, package) in packs.items():
        for folder in sorted(p.parent for p in (FRETS / pack).glob("*/song.ogg")):
            stems = (folder / "song.ogg", folder / "guitar.ogg")
            songs.append(Song(
                f"{pack}_{slug(folder.name)}", "rock", folder.name.replace("_", " ").title(), author,
                f"Frets on Fire song pack (Debian {package})", license_, stems, folder.name in HELD_OUT_FRETS,
            ))  # fmt: skip
    author, source = "the Flare project (Clint Bellanger and others)", "Flare (Debian flare-game 1.14-1)"
    for theme in FLARE_THEMES:
        title, files = f"{theme.replace('_', ' ').title()} Theme", (FLARE / f"{theme}_theme.ogg",)
        songs.append(Song(f"flare_{theme}", "game", title, author, source, CC_BY_SA_3, files, False))
    return songs


def bach() -> list[Song]:
    """Pieces by Bach (public domain), as rendered by render_bach.py with FluidR3_GM (MIT); a song is a piece.

    A piece's takes share a name up to "__" and are held out together.
    """
    songs = []
    for path in sorted((WORK / "bach").glob("*.wav")):
        piece, take = path.stem.split("#")
        if piece in LEFT_OUT_BACH:
            continue
        songs.append(Song(
            f"bach_{slug(piece)}__{take}", "bach", piece.replace("bwv", "BWV "), "J. S. Bach",
            "music21 10.5.1 corpus, rendered with FluidSynth and FluidR3_GM (MIT)", "public domain", (path,),
            piece in HELD_OUT_BACH,
        ))  # fmt: skip
    return songs


def load(song: Song) -> np.ndarray:
    """Mono samples [N] at 32 kHz, int16, peak-limited to full scale; stems are added, results cached under WORK."""
    cache = WORK / "songs" / f"{song.name}.npy"
    if cache.exists():
        return np.load(cache, mmap_mode="r")
    total: torch.Tensor | None = None
    for path in song.files:
        x, rate = sf.read(path, dtype="float32", always_2d=True)
        mono = torch.from_numpy(x.mean(1))
        if rate != RATE:
            mono = torchaudio.functional.resample(mono, rate, RATE)
        total = mono if total is None else total[: len(mono)] + mono[: len(total)]
    assert total is not None
    total = total / total.abs().max().clamp(min=1.0)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.save(cache, (total * 32767).round().to(torch.int16).numpy())
    return np.load(cache, mmap_mode="r")
