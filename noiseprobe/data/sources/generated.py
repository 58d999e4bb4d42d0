"""Clips that the model itself generates as a data source: music whose likelihood under the model is as sure as can be.

For each top-k so many clips are drawn without a description at temperature 1 (`noiseprobe.models.sampling`) and kept:

    root/NAME-01234567/generated.json       what they were made from, in the clear
    root/NAME-01234567/top_k=10/000.wav     group: top_k=10   song: top_k=10/000

The digits are a digest of all that a clip's audio depends on beside its top-k and number: weights, backend, precision,
seed, duration. Each clip has random numbers of its own, so neither further clips, nor other top-k, nor an interruption
change one that is there. A clip is a whole file or none, and what is there isn't made again; where all are there the
model isn't loaded for them. Samples are 32-bit floats, nothing is clipped. Another device or other versions of the
libraries may round otherwise and so generate other clips; the cell's identity holds the contents of those it scored.
"""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile as sf

from noiseprobe import checks
from noiseprobe.config import Config, TrainerConfig
from noiseprobe.data.manifest import Clip, Manifest, clip_id, in_order, limited
from noiseprobe.data.wav import wav
from noiseprobe.errors import NoiseprobeError, reason
from noiseprobe.files import replacing, write_json
from noiseprobe.hashing import cache_folder, digest, hash_files
from noiseprobe.models.weights import AnyWeights
from noiseprobe.processes import exclusive, is_first
from noiseprobe.surroundings import full_float32

if TYPE_CHECKING:
    from torch import Tensor

    from noiseprobe.models.base import MusicLM

log = logging.getLogger(__name__)

PROTOCOL = 1  # goes up when the same values would give other clips


@dataclass(frozen=True)
class Options:
    """The keys of this source.

    Attributes:
        root: where the sets of clips are kept.
        top_k: ascending.
        clips_per_top_k: clips for each.
    """

    root: Path
    top_k: tuple[int, ...]
    clips_per_top_k: int


def options(raw: dict[str, Any]) -> Options:
    """The checked keys of this source.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    root = cache_folder() / "generated" if raw["root"] is None else checks.path("data.root", raw["root"])
    if checks.exists(root, "file"):
        raise checks.refusal("data.root", root, "a folder; it need not exist yet")
    top_k = checks.list_of("data.top_k", raw["top_k"], lambda k, v: checks.integer(k, v, low=1))
    if len(set(top_k)) < len(top_k):
        raise checks.refusal("data.top_k", raw["top_k"], "each top-k once")
    count = checks.integer("data.clips_per_top_k", raw["clips_per_top_k"], low=1)
    return Options(Path(os.path.abspath(root)), tuple(sorted(top_k)), count)


def manifest(config: Config, weights: AnyWeights, shortest: float) -> Manifest:
    """The clips of this model, generated now where they aren't there yet.

    Args:
        config: the cell's.
        weights: of the model that generates.
        shortest: seconds; all clips have `data.duration`, into which the configuration's check fits the noise.

    Raises:
        NoiseprobeError: if they can't be generated, or what is kept isn't what was generated.
    """
    if config.model.description is not None:
        expected = "null with data=generated, whose clips are made without one; data=folder scores them with a text"
        raise checks.refusal("model.description", config.model.description, expected)
    made_from = {
        "protocol": PROTOCOL, "weights": weights.hash, "backend": weights.backend, "precision": config.precision,
        "seed": config.seed, "duration": config.data.duration,
    }  # fmt: skip
    name = re.sub(r"[^\w.+]+", "_", config.model.name)
    folder = config.data.options.root / f"{name}-{digest(made_from)[:8]}"
    planned = _planned(folder, config.data.options, config.data.duration)
    clips = in_order(limited(list(planned), config.data.limit))
    try:
        if _missing(clips, weights):
            if not is_first():
                raise NoiseprobeError(
                    f"data.root: {folder} lacks clips, and several processes can't generate them; run the same command"
                    " with one process first (trainer.devices=1)"
                )
            folder.mkdir(parents=True, exist_ok=True)
            with exclusive(folder / "lock", f"data.root: {folder}"):
                missing = _missing(clips, weights)  # another run may have held the lock until now
                if missing:
                    about = {"model": config.model.name, **made_from}
                    _generate({clip: planned[clip] for clip in missing}, len(clips), folder, about, config, weights)
        content, errors = hash_files(clip.path for clip in clips)
        if errors:
            raise next(iter(errors.values()))
    except OSError as error:
        where = Path(error.filename or folder)
        if not where.is_relative_to(config.data.options.root) and not config.data.options.root.is_relative_to(where):
            raise
        raise NoiseprobeError(f"data.root: {where} can't be written or read: {error.strerror or error}") from error
    return Manifest(tuple(replace(clip, content=content[clip.path], file_sha256=content[clip.path]) for clip in clips))


def decode(clip: Clip, sample_rate: int, channels: int, options: Options) -> "Tensor":
    """The samples of a clip; `noiseprobe.data.audio.decode` says how."""
    from noiseprobe.data import audio  # only now, so that finished cells never wait for torch

    return audio.decode(clip, sample_rate, channels)


def _planned(folder: Path, options: Options, duration: float) -> dict[Clip, tuple[int, int]]:
    """All clips with top-k and number, those of the same number together: a limit then takes the top-k in turn."""
    planned = {}
    for number in range(options.clips_per_top_k):
        for top_k in options.top_k:
            group, song = f"top_k={top_k}", f"top_k={top_k}/{number:03d}"
            # relative to the set's folder, so that ids, and with them the noise, are the same for all models
            relative = f"{song}.wav"
            clip = Clip(clip_id(relative, 0.0), folder / relative, 0.0, duration, song, group)
            planned[clip] = (top_k, number)
    return planned


def _missing(clips: list[Clip], weights: AnyWeights) -> list[Clip]:
    """The clips that aren't there; what is there under their names must be what a generated clip is.

    Raises:
        NoiseprobeError: for another file.
    """
    missing = []
    for clip in clips:
        if not clip.path.exists():
            missing.append(clip)
            continue
        try:
            info = sf.info(str(clip.path))
        except sf.LibsndfileError as error:
            raise NoiseprobeError(
                f"data.root: {clip.path} isn't readable as audio ({error.error_string}), expected a generated clip;"
                " delete it, and it is generated again"
            ) from error
        wanted = (round(clip.duration * info.samplerate), weights.checkpoint.channels, "FLOAT")
        if (info.frames, info.channels, info.subtype) != wanted:
            got = f"{info.frames} samples of {info.channels} channels in {info.subtype}"
            expected = f"a generated clip's {wanted[0]} of {wanted[1]} in {wanted[2]}"
            raise NoiseprobeError(
                f"data.root: {clip.path} has {got}, expected {expected}; delete it, and it is generated again"
            )
    return missing


def _generate(
    missing: dict[Clip, tuple[int, int]], total: int, folder: Path, about: dict[str, Any], config: Config,
    weights: AnyWeights,
) -> None:  # fmt: skip
    # Only now, so that finished cells never wait for torch.
    import torch

    from noiseprobe.models.loading import load_model
    from noiseprobe.models.sampling import sample

    model = load_model(weights, config.precision)
    samples = round(config.data.duration * model.sample_rate)
    frames = -(-samples // model.hop)
    if frames > model.max_frames:
        seconds = model.max_frames / model.frame_rate
        got = f"{config.data.duration:g} s"
        raise NoiseprobeError(f"data.duration: got clips of {got}, expected at most this model's {seconds:g} s")
    if not (folder / "generated.json").exists():
        write_json(folder / "generated.json", about)
    log.info(f"generating {len(missing)} of {total} clips into {folder}")
    # as in scoring; a clip must not depend on whether a cell was scored before in this process
    full_float32()
    with _lent(model, config.trainer) as device, torch.inference_mode():
        start = time.monotonic()
        for made, (clip, (top_k, number)) in enumerate(missing.items(), 1):
            generator = torch.Generator().manual_seed(_seed(config.seed, top_k, number))
            codes = sample(model, frames, top_k, generator)
            audio = model.decode(codes.to(device))[0, :, :samples].float().cpu()
            clip.path.parent.mkdir(exist_ok=True)
            with replacing(clip.path) as part:
                part.write_bytes(wav(audio.numpy(), model.sample_rate))
            if made * 10 // len(missing) > (made - 1) * 10 // len(missing):
                rate = made / max(time.monotonic() - start, 1e-9)
                log.info(f"generated {made}/{len(missing)} clips, {rate:.2f} clips/s")


@contextmanager
def _lent(model: "MusicLM", trainer: TrainerConfig) -> Iterator[str]:
    """The model on the GPU that the trainer will use, or the first of several; without one on the CPU.

    Afterwards it is on the CPU again, where Lightning expects it.
    """
    device = "cpu"
    if trainer.on_cuda:
        device = f"cuda:{trainer.devices[0]}" if isinstance(trainer.devices, list) else "cuda"
    try:
        try:
            model.to(device)
        except (RuntimeError, AssertionError) as error:  # a torch without CUDA asserts
            raise checks.refusal(
                "trainer.accelerator",
                trainer.accelerator,
                f"a device that can hold the model ({device}: {reason(error)})",
            ) from error
        yield device
    finally:
        model.to("cpu")


def _seed(seed: int, top_k: int, number: int) -> int:
    return int(digest([seed, top_k, number])[:15], 16)  # what fits the generator's signed 64 bits
