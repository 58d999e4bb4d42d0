"""Cut the demo clips of the package from the held-out songs.

    python recipes/tiny/make_demo.py

24 clips of 15 s from 19 songs, at fixed shares of each song: one clip of each held-out song of the Singularity
soundtrack and of each piece by Bach, two of each rock song and of BWV 846. Mono, 32 kHz, OGG Vorbis.
"""

import csv
from pathlib import Path

import numpy as np
import soundfile as sf
from songs import RATE, Song, bach, load, released

DEMO = Path(__file__).resolve().parents[2] / "noiseprobe/assets/demo"
SECONDS = 15
# share of the song before the clip, by song or else by group
PLACES = {"electronic": [0.4], "rock": [0.25, 0.6], "bach": [0.2], "bach_bwv846": [0.2, 0.7]}


def chosen() -> list[Song]:
    return [s for s in released() if s.held_out] + [s for s in bach() if s.held_out and s.name.endswith("__0")]


def main() -> None:
    for path in DEMO.glob("*/*.ogg"):
        path.unlink()
    rows = []
    for song in chosen():
        x, n = load(song), SECONDS * RATE
        name = song.name.split("__")[0]
        for i, place in enumerate(PLACES.get(name, PLACES[song.group]), 1):
            at = round(place * (len(x) - n))
            relative = f"{song.group}/{name}_{i}.ogg"
            (DEMO / song.group).mkdir(parents=True, exist_ok=True)
            clip = np.asarray(x[at : at + n], dtype=np.float32) / 32768
            # full precision of time and level; Vorbis at about 80 kbit/s
            sf.write(DEMO / relative, clip, RATE, format="OGG", subtype="VORBIS", compression_level=0.5)
            row = {"path": relative, "song": name, "group": song.group, "title": song.title, "author": song.author}
            rows.append(row | {"source": song.source, "seconds": round(at / RATE, 3), "license": song.license})
    with (DEMO / "manifest.csv").open("w", newline="") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(len(rows), "clips", sum(p.stat().st_size for p in DEMO.rglob("*.ogg")) / 1e6, "MB")


if __name__ == "__main__":
    main()
