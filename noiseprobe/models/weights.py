"""Find a model's files before anything heavy is imported, and say which weights they are."""

from dataclasses import dataclass
from pathlib import Path

from noiseprobe.config import ModelConfig
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import digest, hash_files

FILES = ["config.json", "*.safetensors", "*.safetensors.index.json"]
HUB_TIMEOUT = 5.0  # seconds until an unreachable hub is reported


@dataclass(frozen=True)
class Weights:
    """A folder in save_pretrained layout.

    Attributes:
        folder: where it is.
        hash: over the contents of all its files, whatever the folder is called.
        revision: the hub's commit, None for a local folder.
    """

    folder: Path
    hash: str
    revision: str | None = None


def locate(model: ModelConfig) -> Weights:
    """The model's folder: `model.path`, the hub's cache, or the hub, in this order.

    Raises:
        NoiseprobeError: if there is none, or it lacks files.
    """
    folder = model.path or _from_hub(model)
    config, tensors = folder / "config.json", sorted(folder.glob("*.safetensors"))
    if not config.is_file() or not tensors:
        has = sorted(p.name for p in folder.iterdir())
        other = " (audiocraft's own layout isn't read yet)" if "state_dict.bin" in has else ""
        raise NoiseprobeError(
            f"model.path: {folder} has {', '.join(has[:8]) or 'no file'}{other}, expected config.json and *.safetensors"
            " as save_pretrained writes them"
        )
    hashes, errors = hash_files([config, *tensors])
    for path, error in errors.items():
        raise NoiseprobeError(f"model.path: {path} can't be read: {error.strerror}")
    # The hub's cache is links to blobs below snapshots/<commit>.
    revision = folder.name if model.path is None else None
    return Weights(folder, digest({path.name: h for path, h in hashes.items()}), revision)


def _from_hub(model: ModelConfig) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    assert model.hub is not None
    try:
        return Path(snapshot_download(model.hub, revision=model.revision, allow_patterns=FILES, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    why = "HF_HUB_OFFLINE is set"
    if not constants.HF_HUB_OFFLINE:
        try:
            HfApi().model_info(model.hub, revision=model.revision, timeout=HUB_TIMEOUT)
            return Path(snapshot_download(model.hub, revision=model.revision, allow_patterns=FILES))
        except Exception as error:  # whatever the network or the hub says, the user can do the same about it
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise NoiseprobeError(
        f"model.path: got null, and {model.hub} is neither in the hub's cache nor reachable ({why}); download it where"
        f" there is a network (hf download {model.hub}) and give the folder: model.path=DIR"
    )
