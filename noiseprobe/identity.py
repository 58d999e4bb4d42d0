"""What a cell is: a hash of everything that changes its numbers, and of nothing else.

In it: the weights, the clips with their contents, the noise, scoring, precision, seed, and the protocol version, which
goes up whenever the code's numbers change. Not in it: the names of model and data set, paths, batch size, workers,
devices, loggers.
"""

import re
from dataclasses import asdict

from noiseprobe.config import Config
from noiseprobe.data.manifest import Clip
from noiseprobe.hashing import digest

PROTOCOL = 4


def identity(config: Config, weights: str, clips: tuple[Clip, ...]) -> str:
    """sha256 in hex."""
    noise = config.noise
    return digest({
        "protocol": PROTOCOL,
        "weights": weights,
        "clips": [[c.id, c.song, c.group, c.duration, c.content, c.description] for c in clips],
        "variants": [v.name for v in noise.variants],
        "noise": [noise.kind, asdict(noise.options)],
        "scoring": config.scoring,
        "precision": config.precision,
        "seed": config.seed,
    })  # fmt: skip


def cell_name(config: Config, identity: str) -> str:
    """The name of the cell's folder: readable, and told apart by the identity's first 8 digits."""
    parts = [config.model.name, config.data.name, config.noise.kind, identity[:8]]
    return "-".join(re.sub(r"[^\w.+]+", "_", part) for part in parts)
