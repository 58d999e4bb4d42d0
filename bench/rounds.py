"""The two routes in turn, clip by clip and in both precisions, so that a noisy machine hits all of them.

noiseprobe chooses its tiles with the first clip of a process (`noiseprobe.models.tiles`), so that clip is timed apart.
On it the routes are compared, too: a benchmark of different results is worth nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import soundfile as sf
from torch import Tensor

from bench import bound
from bench.apart import Apart
from bench.ours import Ours, configured
from bench.published import DTYPES, Published
from bench.stopwatch import Stopwatch
from noiseprobe.data.audio import decode
from noiseprobe.data.collate import Pair

LENGTHS = [5, 10, 50, 100, 150, 200]  # frames of noise, from 5 s on
SECONDS, RATE, FRAMES = 15, 32_000, 750  # of a clip
# Of an nll, between the routes on the same codes; in bf16 every sum is rounded to 8 bits, in each route after another.
TOLERANCE = {"fp32": 1e-4, "bf16": 0.2}

# Of each figure one value a clip, in seconds unless the name says otherwise
Samples = defaultdict[tuple[str, ...], list[float]]


def write_clips(folder: Path, clips: int) -> Path:
    """So many clips of the demo's music, each of another song, as WAV files."""
    folder.mkdir()
    data = configured("data=demo", f"data.limit={clips}", f"data.duration={SECONDS}").data
    for i, clip in enumerate(data.module.listing(data).clips):
        sf.write(folder / f"{i:02d}.wav", decode(clip, RATE, 1)[0].numpy(), RATE, subtype="FLOAT")
    return folder


def overrides(checkpoint: Path, music: Path) -> list[str]:
    """The model and the clips, as arguments of `python -m noiseprobe`."""
    model = ["model=musicgen_small", f"model.path={checkpoint}", "model.backend=transformers"]
    data = ["data=folder", f"data.root={music}", f"data.duration={SECONDS}"]
    return [*model, *data, f"noise.frames={LENGTHS}".replace(" ", ""), "trainer=cpu", "logger=none"]


def disagreement(published: Apart | Published, pair: Pair, codes: Sequence[Tensor], nll: Sequence[Tensor]) -> float:
    """The largest difference of an nll between the published route and these.

    Raises:
        SystemExit: if a code differs.
    """
    for audio, own in zip([pair.clean, *(c.audio for c in pair.corrupted)], codes, strict=True):
        if not published.encode(audio[0]).equal(own):
            raise SystemExit(f"{pair.clip.id}: the routes encode the same samples to different codes")
    return max(float((published.nll(c) - own).abs().max()) for c, own in zip(codes, nll, strict=True))


def measure(folder: Path, checkpoint: Path, clips: int) -> Samples:
    """Time so many clips after the first one.

    Args:
        folder: for clips and records, empty.
        checkpoint: of small's shape, as save_pretrained writes it.
        clips: how many.

    Raises:
        SystemExit: if the routes disagree.
    """
    music = write_clips(folder / "music", clips + 1)
    samples: Samples = defaultdict(list)
    routes: dict[str, tuple[Apart, Ours]] = {}
    for precision in DTYPES:
        config = configured(*overrides(checkpoint, music), f"precision={precision}", "cache=off")
        (records := folder / precision).mkdir()
        routes[precision] = published, ours = Apart(checkpoint, precision), Ours(config, records)
        with (watch := Stopwatch())("clip"):
            found = ours.clip(0, watch)
        _add(samples, ("first", precision), watch.seconds)
        off = disagreement(published, *found)
        if not off <= TOLERANCE[precision]:
            raise SystemExit(f"{precision}: the routes give nll that differ by {off:.2g}, more than rounding does")
        samples["disagreement", precision].append(off)
    for i in range(1, clips + 1):
        for precision, (published, ours) in routes.items():
            taken = published.grid(music / f"{i:02d}.wav", LENGTHS, folder / "noisy.wav")
            _add(samples, ("published", precision), taken)
            with (watch := Stopwatch())("clip"):
                pair, codes, _ = ours.clip(i, watch)
            _add(samples, ("noiseprobe", precision), watch.seconds)
            with watch("single_encode"):
                ours.encode(pair.clean)
            samples["single_encode",].append(watch.seconds["single_encode"])
            speeds = bound.speeds(bound.SMALL, DTYPES[precision], codes[0].shape[1])
            for kind, products in speeds.items():
                for product, speed in products.items():
                    samples["operations_per_s", precision, kind, product].append(speed)
        needed = bound.grid(bound.SMALL, codes)
        samples["operations", "linear"].append(needed.linear)
        samples["operations", "attention"].append(needed.attention)
        print(f"{i}/{clips} clips", flush=True)
    return samples


def _add(samples: Samples, where: tuple[str, ...], taken: Mapping[str, float]) -> None:
    for part, seconds in taken.items():
        samples[*where, part].append(seconds)
