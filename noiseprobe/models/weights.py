"""Find a model's files before anything heavy is imported, and say which weights they are."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from noiseprobe.config import ModelConfig
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import digest, hash_files

FILES = ["config.json", "*.safetensors", "*.safetensors.index.json"]
HUB_TIMEOUT = 3.0  # seconds until an unreachable hub is reported


@dataclass(frozen=True)
class Weights:
    """A folder in save_pretrained layout.

    Attributes:
        folder: where it is.
        hash: over the contents of the files that are read, whatever the folder is called.
        revision: the hub's commit, None for a local folder.
    """

    folder: Path
    hash: str
    revision: str | None = None


def locate(model: ModelConfig) -> Weights:
    """The model's folder: `model.path`, the hub's cache, or the hub, in this order.

    Raises:
        NoiseprobeError: if there is none, it lacks files, or it holds a model that isn't scored.
    """
    folder = model.path or _cached(model) or _from_hub(model)
    files = _files(folder)
    if files is None:
        has = sorted(p.name for p in folder.iterdir())
        other = " (audiocraft's own layout isn't read yet)" if "state_dict.bin" in has else ""
        raise NoiseprobeError(
            f"model.path: {folder} has {', '.join(has[:8]) or 'no file'}{other}, expected config.json and *.safetensors"
            " (every shard of them) as save_pretrained writes them"
        )
    _check(folder / "config.json")
    hashes, errors = hash_files(files)
    for path, error in errors.items():
        raise NoiseprobeError(f"model.path: {path} can't be read: {error.strerror}")
    # The hub's cache is links to blobs below snapshots/<commit>.
    revision = folder.name if model.path is None else None
    return Weights(folder, digest({path.name: h for path, h in hashes.items()}), revision)


def _files(folder: Path) -> list[Path] | None:
    """All files that make up the model, None if any is missing."""
    config, index = folder / "config.json", folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        files = [config, index, *(folder / name for name in shards)]
    else:
        files = [config, folder / "model.safetensors"]
    return files if all(f.is_file() for f in files) else None


def _check(path: Path) -> None:
    """Refuse what isn't scored, from config.json alone."""
    try:
        config = json.loads(path.read_text())
    except ValueError as error:
        raise NoiseprobeError(f"model.path: {path} isn't JSON ({error})") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    parts = [config.get(name) for name in ["decoder", "audio_encoder"]] if kind == "musicgen" else [{}, {}]
    if not kind or not all(isinstance(part, dict) for part in parts):
        raise NoiseprobeError(f"model.path: {path} isn't a model's configuration, expected a MusicGen's")
    decoder, codec = parts
    channels = decoder.get("audio_channels", 1)
    if kind != "musicgen" or channels != 1:
        got = f"{kind} with {channels} channels" if kind == "musicgen" else kind
        raise NoiseprobeError(
            f"model.path: {path} says {got}, expected a mono musicgen (small, medium, large or a fine-tuned one);"
            " melody and stereo models aren't scored yet"
        )
    chunk, normalize = codec.get("chunk_length_s"), codec.get("normalize", False)
    if chunk is not None or normalize:
        raise NoiseprobeError(
            f"model.path: {path}: the codec has chunk_length_s={chunk} and normalize={normalize}, expected null and"
            " false as MusicGen's has: it must encode a clip in one piece, at its own level"
        )


def _cached(model: ModelConfig) -> Path | None:
    """A complete snapshot in the hub's cache; other programs leave parts of one there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    assert model.hub is not None
    try:
        folder = snapshot_download(model.hub, revision=model.revision, allow_patterns=FILES, local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    except HFValidationError as error:
        raise NoiseprobeError(f"model.hub: got {model.hub}, expected owner/name ({error})") from error
    return Path(folder) if _files(Path(folder)) else None


def _from_hub(model: ModelConfig) -> Path:
    from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download

    assert model.hub is not None
    for client in ["httpx", "httpx2"]:  # they report every request
        logging.getLogger(client).setLevel(logging.WARNING)
    why = "HF_HUB_OFFLINE is set"
    if not constants.HF_HUB_OFFLINE:
        try:
            HfApi().model_info(model.hub, revision=model.revision, timeout=HUB_TIMEOUT)
            # a few kB first: whether the model is one that can be scored
            _check(Path(hf_hub_download(model.hub, "config.json", revision=model.revision)))
            return Path(snapshot_download(model.hub, revision=model.revision, allow_patterns=FILES))
        except NoiseprobeError:
            raise
        except Exception as error:  # whatever the network or the hub says, the user can do the same about it
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise NoiseprobeError(
        f"model.path: got null, and {model.hub} is neither in the hub's cache nor reachable ({why}); download it where"
        f" there is a network (hf download {model.hub}) and give the folder: model.path=DIR"
    )
