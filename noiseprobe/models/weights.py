"""Find a model's files before anything heavy is imported, look whether they fit, and say which weights they are."""

import importlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

from noiseprobe.config import ModelConfig, installed
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import digest, hash_files
from noiseprobe.models import hub
from noiseprobe.models.layouts import audiocraft, transformers
from noiseprobe.models.layouts.base import Checkpoint, Codec, Local, check_codec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weights:
    """A checkpoint on disk.

    Attributes:
        backend: which reads it.
        folder: where it is.
        checkpoint: what it holds.
        codec: the codec's folder; the same where the checkpoint holds it.
        hash: over the contents of the files that are read, whatever the folders are called.
        revision: the hub's commit, None for a local folder.
        text: the text encoder's folder, None without descriptions.
    """

    backend: str
    folder: Path
    checkpoint: Checkpoint
    codec: Path
    hash: str
    revision: str | None = None
    text: Path | None = None


def locate(model: ModelConfig) -> Weights:
    """The model's files: in `model.path`, in the hub's cache, or from the hub, in this order.

    Raises:
        NoiseprobeError: if there are none, they are broken, they don't belong together, or they hold another model than
            the one that was asked for.
    """
    backends = _backends(model)
    if model.path:
        folder, revision = model.path, None
    else:
        assert model.hub is not None
        snapshot = _fetch("model.hub", model.hub, model.revision, partial(_wanted, backends, bool(model.codec)))
        folder, revision = snapshot.folder, snapshot.commit
    backend, names = _choose(backends, bool(model.codec), folder)
    if model.backend == "auto":
        log.info(f"model {model.name}: backend {backend} (model.backend=auto)")
    checkpoint: Checkpoint = _layout(backend).inspect(folder, names)
    _as_asked(model, folder, checkpoint)
    files = {name: folder / name for name in names}
    codec = folder
    if model.codec or checkpoint.codec is None:
        codec, found, more = _codec(model, backend, checkpoint, folder)
        check_codec(found, codec, checkpoint.codebooks, checkpoint.channels, checkpoint.cardinality)
        files |= {f"codec/{name}": codec / name for name in more}
    return Weights(backend, folder, checkpoint, codec, _hash(files), revision)


def with_text(model: ModelConfig, weights: Weights) -> Weights:
    """The same weights with the text encoder that descriptions need.

    Raises:
        NoiseprobeError: if the model takes no text, or its text encoder isn't there.
    """
    where = model.text_encoder or weights.checkpoint.text_hub
    if not weights.checkpoint.has_text:
        raise NoiseprobeError(
            f"model.description: {weights.folder} has no text condition, expected a model that was trained with"
            " text, or null"
        )
    if isinstance(where, Path):
        folder = where
    elif where is not None:
        folder = _fetch("model.text_encoder", where, None, transformers.with_tokenizer).folder
    elif weights.revision:  # the checkpoint holds it
        assert model.hub is not None
        folder = _fetch("model.hub", model.hub, weights.revision, transformers.with_tokenizer).folder
    else:
        folder = weights.folder
    names = transformers.with_tokenizer(_names(folder), folder.joinpath)
    if names is None:
        raise NoiseprobeError(
            f"model.text_encoder: {folder} has {_listing(folder)}, expected the text encoder with its tokenizer"
            " (config.json, model.safetensors, and tokenizer.json or spiece.model)"
        )
    more = _hash({name: folder / name for name in names})
    return replace(weights, text=folder, hash=digest([weights.hash, more]))


def _backends(model: ModelConfig) -> list[str]:
    """The backends that may read the model, the preferred one first."""
    if model.backend != "auto":
        return [model.backend]
    return ["audiocraft", "transformers"] if installed("audiocraft") else ["transformers"]


def _layout(backend: str) -> ModuleType:
    return importlib.import_module(f"noiseprobe.models.layouts.{backend}")


def _wanted(backends: Sequence[str], codec_apart: bool, names: Collection[str], local: Local) -> list[str] | None:
    found = (_layout(backend).wanted(names, local, codec_apart) for backend in backends)
    return next((files for files in found if files is not None), None)


def _choose(backends: Sequence[str], codec_apart: bool, folder: Path) -> tuple[str, list[str]]:
    """The backend that reads a folder, and its files."""
    names = _names(folder)
    for backend in backends:
        files = _layout(backend).wanted(names, folder.joinpath, codec_apart)
        if files is not None:
            return backend, files
    expected = ", or ".join(_layout(backend).EXPECTED for backend in backends)
    hint = ""
    if audiocraft.LM in names and "audiocraft" in backends:
        hint = f"; for {audiocraft.LM} alone give the codec: model.codec=DIR"
    elif audiocraft.LM in names:
        hint = f"; {audiocraft.LM} needs audiocraft" + ("" if installed("audiocraft") else ", which isn't installed")
    raise NoiseprobeError(f"model.path: {folder} has {_listing(folder)}, expected {expected}{hint}")


def _as_asked(model: ModelConfig, folder: Path, checkpoint: Checkpoint) -> None:
    """A checkpoint of another kind or size would be scored under a false name."""
    for name, asked in model.shape.items():
        got = getattr(checkpoint, name)
        if got != asked:
            raise NoiseprobeError(
                f"model.path: {folder} has {name}={got}, expected {name}={asked} as {model.name} has; give the model"
                " that it is, or model=local for a model of your own"
            )


def _codec(model: ModelConfig, backend: str, checkpoint: Checkpoint, folder: Path) -> tuple[Path, Codec, list[str]]:
    """A codec outside the checkpoint: its folder, what it is, its files."""
    where = model.codec or checkpoint.codec_hub
    if where is None:
        raise NoiseprobeError(
            f"model.codec: {folder} holds a language model without its codec, expected model.codec=DIR, or the hub's"
            " name of one (facebook/encodec_32khz is that of the released models)"
        )
    found = (
        Path(where) if isinstance(where, Path) else _fetch("model.codec", where, None, transformers.with_config).folder
    )
    names = _names(found)
    if backend == "audiocraft" and audiocraft.CODEC in names:
        codec, _ = audiocraft.inspect_codec(found / audiocraft.CODEC)
        if codec is None:
            raise NoiseprobeError(f"model.codec: {found} only names a codec, expected one")
        return found, codec, [audiocraft.CODEC]
    files = transformers.with_config(names, found.joinpath)
    if files is None:
        raise NoiseprobeError(
            f"model.codec: {found} has {_listing(found)}, expected an EncodecModel: {transformers.EXPECTED}"
        )
    transformers.tensors(found, files)
    return found, transformers.inspect_codec(found), files


def _fetch(key: str, repo: str, revision: str | None, wanted: hub.Wanted) -> hub.Snapshot:
    return hub.cached(repo, revision, wanted, key) or hub.download(repo, revision, wanted, key)


def _hash(files: dict[str, Path]) -> str:
    """One hash over files by their names; those of the hub's cache must be what the hub states."""
    hashes, errors = hash_files(files.values())
    for path, error in errors.items():
        raise NoiseprobeError(f"model.path: {path} can't be read: {error.strerror}")
    for path, sha256 in hashes.items():
        hub.verify(path, sha256)
    return digest({name: hashes[path] for name, path in files.items()})


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_file()]


def _listing(folder: Path) -> str:
    return ", ".join(sorted(_names(folder))[:8]) or "no file"
