"""What is known of a checkpoint from its files' headers, before torch is imported and anything large is read.

A layout is a module of this package that knows one way in which checkpoints lie on disk:

    wanted(names, local, codec_apart) -> list[str] | None
        which of a folder's files make up the model, None if any is missing; `local(name)` is a path to read a small
        one, and the codec may be missing if it is given apart
    inspect(folder, files) -> Checkpoint
        what they hold; refuses what is broken or isn't scored

A backend of the same name reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models import torchfile

Local = Callable[[str], Path]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Codec:
    """A mono EnCodec.

    Attributes:
        sample_rate, hop: Hz, samples a frame.
        cardinality: entries of a codebook.
        codebooks: how many it can give: several where it has several bandwidths.
    """

    sample_rate: int
    hop: int
    cardinality: int
    codebooks: tuple[int, ...]


@dataclass(frozen=True)
class Checkpoint:
    """A language model, and the codec where the files hold one.

    Attributes:
        melody: whether it takes a melody (MusicGen melody), by a prefix instead of cross-attention.
        channels: of the audio.
        layers, width: of the transformer; None for a model that isn't known to be one.
        codebooks, cardinality: of the codes.
        parameters: of the language model with its condition projections, without codec and text encoder.
        sample_rate: of the codec's audio, Hz; None where the language model's files don't say.
        codec: None where it must be given or fetched.
        codec_hub: repository of the codec, where the checkpoint names one.
        text_hub: repository of the text encoder; None where the files hold it.
        no_text: why no description can be scored; None where one can.
    """

    melody: bool
    channels: int
    layers: int | None
    width: int | None
    codebooks: int
    cardinality: int
    parameters: int
    sample_rate: int | None
    codec: Codec | None
    codec_hub: str | None
    text_hub: str | None
    no_text: str | None


def shapes(path: Path) -> Shapes:
    """The shapes of the tensors in a file of safetensors or torch.save.

    Raises:
        NoiseprobeError: for a file that isn't whole.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as f:  # checks the header against the file's size
                return {name: tuple(f.get_slice(name).get_shape()) for name in f.keys()}  # noqa: SIM118  # no mapping
        except (SafetensorError, OSError) as error:
            raise NoiseprobeError(
                f"model.path: {path} is truncated or no safetensors file ({error}); fetch it again"
            ) from error
    content = torchfile.read(path)
    if not isinstance(content, dict):
        raise NoiseprobeError(f"model.path: {path} holds a {type(content).__name__}, expected tensors by name")
    return {name: shape for name, shape in content.items() if isinstance(shape, torchfile.Shape)}


def check_codec(codec: Codec, where: Path, model: Checkpoint) -> None:
    """Refuse a codec whose codes the language model doesn't know.

    Raises:
        NoiseprobeError: if it has other codebooks, or another rate.
    """
    wanted = model.codebooks // model.channels
    if codec.cardinality != model.cardinality or wanted not in codec.codebooks:
        books = " or ".join(map(str, codec.codebooks))
        raise NoiseprobeError(
            f"model.codec: {where} is another codec: it gives {books} codebooks of {codec.cardinality} entries a"
            f" channel, expected the language model's {wanted} of {model.cardinality}"
        )
    if model.sample_rate not in (None, codec.sample_rate):
        raise NoiseprobeError(
            f"model.codec: {where} is another codec: it has {codec.sample_rate} Hz, expected the language model's"
            f" {model.sample_rate} Hz"
        )
