"""transformers' EncodecModel from the files of a checkpoint, for both backends, and the parts of an encoder."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.utils import parametrize, remove_weight_norm
from transformers import EncodecConfig, EncodecModel

from noiseprobe.models.reach import margin
from noiseprobe.models.tensors import check_finite, fill, named_tensors
from noiseprobe.models.tiles import Encoder, Layer


def load_encodec(config: EncodecConfig, paths: Iterable[Path], prefix: str, folder: Path) -> EncodecModel:
    """The codec, float32.

    Args:
        config: its configuration.
        paths: the files that hold its tensors.
        prefix: of the tensors' names.
        folder: named in errors.

    Raises:
        NoiseprobeError: if any tensor is missing, has another shape or isn't finite.
    """
    codec = EncodecModel(config)
    tensors = {name: value.float() for name, value in named_tensors(paths, prefix).items()}
    fill(codec, tensors, "model.codec", folder)
    fuse_weight_norm(codec)
    check_finite(codec, "model.codec", folder)
    return codec.eval()


def fuse_weight_norm(codec: nn.Module) -> None:
    """Make the weights once, which weight norm otherwise makes anew whenever a layer runs; the same to the bit."""
    for module in codec.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
        elif hasattr(module, "weight_g"):
            remove_weight_norm(module)


def encoder_parts(whole: nn.Module, layers: Sequence[Any], quantize: Layer, config: EncodecConfig) -> Encoder | None:
    """The parts of an EnCodec's encoder; None if it isn't convolutions around one LSTM, as MusicGen's is.

    Args:
        whole: the encoder.
        layers: of it, in order.
        quantize: embeddings [1, E, T] -> codes [1, K, T].
        config: the encoder's shape.
    """
    at = [i for i, layer in enumerate(layers) if isinstance(getattr(layer, "lstm", None), nn.LSTM)]
    if len(at) != 1 or not getattr(layers[at[0]], "skip", True) or layers[at[0]].lstm.bidirectional:
        return None
    if any(isinstance(module, nn.GroupNorm) for module in whole.modules()):  # over the whole clip
        return None
    before, lstm, after = layers[: at[0]], layers[at[0]].lstm, layers[at[0] + 1 :]
    return Encoder(whole, before, lstm, after, quantize, config.hop_length, margin(config))
