"""Folders as transformers' save_pretrained writes them: config.json and safetensors files, or older pytorch_model.bin.

Whole models (MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration) and decoders alone
(MusicgenForCausalLM), whose codec is an EncodecModel folder of its own. MusicgenMelodyForCausalLM lacks the projection
that makes the null prefix, so it can't be scored.
"""

import json
import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.layouts.base import Checkpoint, Codec, Local, Shapes, check_codec, shapes

KINDS = {"musicgen": (False, "decoder."), "musicgen_melody": (True, "decoder."), "musicgen_decoder": (False, "")}
TOKENIZER = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "spiece.model"]
EXPECTED = "config.json and *.safetensors (every shard of them) as save_pretrained writes them"


def wanted(names: Collection[str], local: Local, codec_apart: bool) -> list[str] | None:
    """config.json and the weights, whose headers say whether they hold the codec.

    A model that isn't scored is refused here, before gigabytes are fetched.
    """
    files = with_config(names, local)
    if files:
        _kind(local("config.json"))
    return files


def with_config(names: Collection[str], local: Local) -> list[str] | None:
    """config.json and weights of any model: safetensors where there are any."""
    if "config.json" not in names:
        return None
    for whole in ["model.safetensors", "pytorch_model.bin"]:
        index = f"{whole}.index.json"
        if whole in names:  # before shards, as in transformers
            return ["config.json", whole]
        if index in names:
            try:
                shards = sorted(set(json.loads(local(index).read_text())["weight_map"].values()))
            except (ValueError, KeyError, TypeError, AttributeError):
                return None
            return ["config.json", index, *shards] if set(shards) <= set(names) else None
    return None


def with_tokenizer(names: Collection[str], local: Local) -> list[str] | None:
    """The same with the tokenizer of a text encoder."""
    files = with_config(names, local)
    tokenizer = [name for name in TOKENIZER if name in names]
    return None if files is None or not {"tokenizer.json", "spiece.model"} & set(tokenizer) else [*files, *tokenizer]


def inspect(folder: Path, files: Sequence[str]) -> Checkpoint:
    """What a folder holds.

    Raises:
        NoiseprobeError: for a model that isn't scored, and files that are broken or don't belong together.
    """
    path = folder / "config.json"
    config = _json(path)
    melody, prefix = KINDS[_kind(path)]
    decoder, codec = (config.get("decoder"), config.get("audio_encoder")) if prefix else (config, None)
    if not isinstance(decoder, dict) or (prefix and not isinstance(codec, dict)):
        raise NoiseprobeError(f"model.path: {path} isn't a model's configuration, expected a MusicGen's")
    width, layers = decoder.get("hidden_size", 1024), decoder.get("num_hidden_layers", 24)
    codebooks, cardinality = decoder.get("num_codebooks", 4), decoder.get("vocab_size", 2048)
    channels = decoder.get("audio_channels", 1)
    parts = ("audio_encoder.", "text_encoder.")
    own = {name: shape for name, shape in tensors(folder, files).items() if not name.startswith(parts)}
    _check_tensors(folder, own, f"{prefix}model.decoder.", codebooks, cardinality, width, layers)
    described = None if codec is None else inspect_codec_config(path, codec)
    found = Checkpoint(
        melody=melody, channels=channels, layers=layers, width=width, codebooks=codebooks, cardinality=cardinality,
        parameters=sum(math.prod(s) for n, s in own.items() if "embed_positions" not in n),
        sample_rate=described.sample_rate if described else None, codec=described, codec_hub=None, text_hub=None,
        no_text=None if prefix else "is a decoder alone, without the projection of a text",
    )  # fmt: skip
    if described:
        check_codec(described, path, found)
    return found


def inspect_codec(folder: Path) -> Codec:
    """The EncodecModel in a folder of its own.

    Raises:
        NoiseprobeError: if there is none, or its codes aren't those of a whole clip at its own level.
    """
    config = _json(folder / "config.json")
    if config.get("model_type") != "encodec":
        got = config.get("model_type")
        raise NoiseprobeError(f"model.codec: {folder}/config.json says model_type {got}, expected encodec")
    return inspect_codec_config(folder / "config.json", config)


def inspect_codec_config(path: Path, config: dict[str, Any]) -> Codec:
    chunk, normalize = config.get("chunk_length_s"), config.get("normalize", False)
    if chunk is not None or normalize:
        raise NoiseprobeError(
            f"model.path: {path}: the codec has chunk_length_s={chunk} and normalize={normalize}, expected null and"
            " false as MusicGen's has: it must encode a clip in one piece, at its own level"
        )
    if config.get("audio_channels", 1) != 1:
        raise NoiseprobeError(f"model.path: {path}: got a codec of 2 channels, expected 1 (stereo models use it twice)")
    rate, hop = config.get("sampling_rate", 24_000), math.prod(config.get("upsampling_ratios", [8, 5, 4, 2]))
    size = config.get("codebook_size", 1024)
    per_book = math.ceil(rate / hop) * math.log2(size)  # bits a second
    bandwidths = config.get("target_bandwidths", [1.5, 3.0, 6.0, 12.0, 24.0])
    books = tuple(max(1, math.floor(bandwidth * 1000 / per_book)) for bandwidth in bandwidths)
    return Codec(rate, hop, size, books)


def tensors(folder: Path, files: Sequence[str]) -> Shapes:
    """The shapes of all tensors; a shard that isn't whole is refused."""
    found: Shapes = {}
    for name in files:
        if name.endswith((".safetensors", ".bin")):
            found |= shapes(folder / name)
    index = next((name for name in files if name.endswith(".index.json")), None)
    if index:
        lost = sorted(set(_json(folder / index)["weight_map"]) - set(found))
        if lost:
            raise NoiseprobeError(f"model.path: {folder / index} lists {lost[0]}, which none of the files holds")
    return found


def _check_tensors(
    folder: Path, own: Shapes, prefix: str, codebooks: int, cardinality: int, width: int, layers: int
) -> None:
    """The tensors are those of the model that config.json describes."""
    expected: dict[str, tuple[int, ...] | None]
    expected = {f"{prefix}embed_tokens.{k}.weight": (cardinality + 1, width) for k in range(codebooks)}
    expected |= {f"{prefix}layers.{i}.fc1.weight": None for i in range(layers)}
    for name, shape in expected.items():
        if name not in own or shape not in (None, own[name]):
            raise NoiseprobeError(
                f"model.path: {folder} has other weights than its config.json says: {name} is"
                f" {own.get(name, 'missing')}, expected {shape or 'to be there'}"
            )
    more = max((int(m[1]) for n in own if (m := re.match(rf"{re.escape(prefix)}layers\.(\d+)\.", n))), default=-1) + 1
    if more != layers:
        raise NoiseprobeError(f"model.path: {folder} has weights of {more} layers, expected config.json's {layers}")


def _kind(path: Path) -> str:
    kind = _json(path).get("model_type")
    if kind not in KINDS:
        raise NoiseprobeError(f"model.path: {path} says model_type {kind}, expected {' or '.join(KINDS)}")
    return str(kind)


def _json(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text())
    except (ValueError, OSError) as error:
        raise NoiseprobeError(f"model.path: {path} isn't JSON ({error})") from error
    if not isinstance(config, dict) or not config:
        raise NoiseprobeError(f"model.path: {path} isn't a model's configuration, expected a MusicGen's")
    return config
