"""Find a model's files before anything heavy is imported, look whether they fit, and say which weights they are."""

import importlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from noiseprobe.config import ModelConfig, installed
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import digest, hash_files
from noiseprobe.models import hub
from noiseprobe.models.held import Held
from noiseprobe.models.layouts import audiocraft, transformers
from noiseprobe.models.layouts.base import Checkpoint, Codec, Local, check_codec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Files:
    """Files in a folder, and the hub's commit where they come from there.

    Attributes:
        folder: where they are.
        names: those that are read, and no others.
        revision: None for a local folder.
    """

    folder: Path
    names: tuple[str, ...]
    revision: str | None = None

    @property
    def paths(self) -> list[Path]:
        return [self.folder / name for name in self.names]


@dataclass(frozen=True)
class Weights:
    """A checkpoint on disk.

    Attributes:
        backend: which reads it.
        model: the language model's files.
        codec: the codec's files; the same where the checkpoint holds it.
        checkpoint: what it holds.
        hash: over the contents of the model's and the codec's files, whatever the folders are called.
        text, text_hash: the text encoder's files and the same over them; None without descriptions.
    """

    backend: str
    model: Files
    codec: Files
    checkpoint: Checkpoint
    hash: str
    text: Files | None = None
    text_hash: str | None = None

    @property
    def key(self) -> str:
        """Of everything that is read."""
        return self.hash if self.text_hash is None else digest([self.hash, self.text_hash])

    @property
    def origin(self) -> dict[str, Any]:
        """Where it all comes from, for meta.json."""
        text = self.text
        return {
            "revision": self.model.revision, "codec": str(self.codec.folder), "codec_revision": self.codec.revision,
            "text_encoder": text and str(text.folder), "text_encoder_hash": self.text_hash,
            "text_encoder_revision": text and text.revision,
        }  # fmt: skip


AnyWeights = Weights | Held


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
        wanted = partial(_wanted, backends, bool(model.codec))
        snapshot = _fetch("model.hub", model.hub, model.revision, wanted)
        folder, revision = snapshot.folder, snapshot.commit
    backend, names = _choose(backends, bool(model.codec), folder)
    if model.backend == "auto":
        log.info(f"model {model.name}: backend {backend} (model.backend=auto)")
    checkpoint: Checkpoint = _layout(backend).inspect(folder, names)
    _as_asked(model, folder, checkpoint)
    files = codec = Files(folder, tuple(names), revision)
    if model.codec or checkpoint.codec is None:
        codec, found = _codec(model, backend, checkpoint, folder)
        check_codec(found, codec.folder, checkpoint)
    parts = {"": files} if codec is files else {"": files, "codec/": codec}
    return Weights(backend, files, codec, checkpoint, _hash(parts))


def with_text(model: ModelConfig, weights: AnyWeights) -> AnyWeights:
    """The same weights with the text encoder that descriptions need.

    Raises:
        NoiseprobeError: if the model takes no text, or its text encoder isn't there.
    """
    if isinstance(weights, Held):
        return weights.with_text()
    where = model.text_encoder or weights.checkpoint.text_hub
    folder, revision = weights.model.folder, weights.model.revision
    if weights.checkpoint.no_text:
        raise NoiseprobeError(
            f"model.description: {folder} {weights.checkpoint.no_text}, expected null for such a model"
        )
    if isinstance(where, Path):
        folder, revision = where, None
    elif where is not None or revision:
        # otherwise the checkpoint holds it, but its tokenizer wasn't fetched
        key, repo = ("model.text_encoder", where) if where else ("model.hub", str(model.hub))
        snapshot = _fetch(key, repo, None if where else revision, transformers.with_tokenizer)
        folder, revision = snapshot.folder, snapshot.commit
    names = transformers.with_tokenizer(_names(folder), folder.joinpath)
    if names is None:
        raise NoiseprobeError(
            f"model.text_encoder: {folder} has {_listing(folder)}, expected the text encoder with its tokenizer"
            " (config.json, model.safetensors, and tokenizer.json or spiece.model)"
        )
    transformers.tensors(folder, names)
    text = Files(folder, tuple(names), revision)
    return replace(weights, text=text, text_hash=_hash({"": text}))


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


def _codec(model: ModelConfig, backend: str, checkpoint: Checkpoint, folder: Path) -> tuple[Files, Codec]:
    """A codec outside the checkpoint: its files, and what it is."""
    where = model.codec or checkpoint.codec_hub
    if where is None:
        raise NoiseprobeError(
            f"model.codec: {folder} holds a language model without its codec, expected model.codec=DIR, or the hub's"
            " name of one (facebook/encodec_32khz is that of the released models)"
        )
    found, revision = where, None
    if not isinstance(found, Path):
        snapshot = _fetch("model.codec", found, None, transformers.with_config)
        found, revision = snapshot.folder, snapshot.commit
    names = _names(found)
    if backend == "audiocraft" and audiocraft.CODEC in names:
        codec, _ = audiocraft.inspect_codec(found / audiocraft.CODEC)
        if codec is None:
            raise NoiseprobeError(f"model.codec: {found} only names a codec, expected one")
        return Files(found, (audiocraft.CODEC,), revision), codec
    files = transformers.with_config(names, found.joinpath)
    if files is None:
        raise NoiseprobeError(
            f"model.codec: {found} has {_listing(found)}, expected an EncodecModel: {transformers.EXPECTED}"
        )
    transformers.tensors(found, files)
    return Files(found, tuple(files), revision), transformers.inspect_codec(found)


def _fetch(key: str, repo: str, revision: str | None, wanted: hub.Wanted) -> hub.Snapshot:
    return hub.cached(repo, revision, wanted, key) or hub.download(repo, revision, wanted, key)


def _hash(parts: dict[str, Files]) -> str:
    """One hash over files by their names, with a prefix for each part; the hub's must be what the hub states."""
    files = {prefix + name: part.folder / name for prefix, part in parts.items() for name in part.names}
    hashes, errors = hash_files(files.values())
    for path, error in errors.items():
        raise NoiseprobeError(f"model.path: {path} can't be read: {error.strerror}")
    for path, sha256 in hashes.items():
        hub.verify(path, sha256)
    return digest({name: hashes[path] for name, path in files.items()})


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise NoiseprobeError(f"model.path: {folder} can't be read: {error.strerror}") from error


def _listing(folder: Path) -> str:
    return ", ".join(sorted(_names(folder))[:8]) or "no file"
