"""transformers' EncodecModel from the files of a checkpoint, for both backends."""

from collections.abc import Iterable
from pathlib import Path

from transformers import EncodecConfig, EncodecModel

from noiseprobe.models.tensors import fill, named_tensors


def load_encodec(config: EncodecConfig, paths: Iterable[Path], prefix: str, folder: Path) -> EncodecModel:
    """The codec, float32.

    Args:
        config: its configuration.
        paths: the files that hold its tensors.
        prefix: of the tensors' names.
        folder: named in errors.

    Raises:
        NoiseprobeError: if any tensor is missing, or has another shape.
    """
    codec = EncodecModel(config)
    tensors = {name: value.float() for name, value in named_tensors(paths, prefix).items()}
    fill(codec, tensors, "model.codec", folder)
    return codec.eval()
