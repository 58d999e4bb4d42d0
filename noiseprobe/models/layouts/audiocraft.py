"""Folders as audiocraft releases and exports them: state_dict.bin and compression_state_dict.bin.

Each is a file of torch.save with `best_state` (tensors) and `xp.cfg` (the training's configuration as YAML text).
compression_state_dict.bin may instead hold `pretrained`, the name of a repository with an EncodecModel.
"""

import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models import torchfile
from noiseprobe.models.layouts.base import Checkpoint, Codec, Local, check_codec

LM, CODEC = "state_dict.bin", "compression_state_dict.bin"
CONDITIONERS = {"description": "t5", "self_wav": "chroma_stem"}
EXPECTED = f"{LM} and {CODEC} as audiocraft.utils.export writes them"


def wanted(names: Collection[str], local: Local, codec_apart: bool) -> list[str] | None:
    """The language model and the codec."""
    found = [name for name in [LM, CODEC] if name in names]
    return found if LM in found and (codec_apart or CODEC in found) else None


def inspect(folder: Path, files: Sequence[str]) -> Checkpoint:
    """What a folder holds.

    Raises:
        NoiseprobeError: for a model that isn't scored, and files that are broken or don't belong together.
    """
    path = folder / LM
    state, cfg = content(path)
    lm, options = cfg.get("lm_model"), OmegaConf.select(cfg, "codebooks_pattern.delay") or {}
    if lm != "transformer_lm" or delays(cfg) is None or options.get("flatten_first") or options.get("empty_initial"):
        raise NoiseprobeError(
            f"model.path: {path} is a {lm} with codebook pattern {cfg.get('codebooks_pattern')}, expected a"
            " transformer_lm with plain delays, as MusicGen is"
        )
    conditioners = {str(k): v.get("model") for k, v in (cfg.get("conditioners") or {}).items() if k != "args"}
    strange = {k: v for k, v in conditioners.items() if CONDITIONERS.get(k) != v}
    if strange:
        name, kind = next(iter(strange.items()))
        raise NoiseprobeError(
            f"model.path: {path} is conditioned by {name} ({kind}), whose null isn't known here; expected description"
            " (t5) and self_wav (chroma_stem) at most"
        )
    t = cfg.transformer_lm
    stereo = OmegaConf.select(cfg, "interleave_stereo_codebooks.use") is True
    if stereo and OmegaConf.select(cfg, "interleave_stereo_codebooks.per_timestep") is True:
        raise NoiseprobeError(f"model.path: {path} interleaves left and right in time, expected in codebooks")
    _check_tensors(path, state, t.n_q, t.card, t.dim, t.num_layers)
    codec = pretrained = None
    if CODEC in files:
        codec, pretrained = inspect_codec(folder / CODEC)
    found = Checkpoint(
        melody="self_wav" in conditioners, channels=2 if stereo else 1, layers=t.num_layers, width=t.dim,
        codebooks=t.n_q, cardinality=t.card,
        parameters=sum(math.prod(shape) for name, shape in state.items() if ".chroma." not in name),
        codec=codec, codec_hub=pretrained, text_hub=OmegaConf.select(cfg, "conditioners.description.t5.name"),
        has_text="description" in conditioners,
    )  # fmt: skip
    if codec:
        check_codec(codec, folder / CODEC, found.codebooks, found.channels, found.cardinality)
        if codec.sample_rate != cfg.get("sample_rate", codec.sample_rate):
            raise NoiseprobeError(
                f"model.path: {folder / CODEC} is another codec: it has {codec.sample_rate} Hz, expected the language"
                f" model's {cfg.sample_rate} Hz"
            )
    return found


def delays(cfg: DictConfig) -> list[int] | None:
    """The delay of each codebook in steps; None for another pattern."""
    pattern = OmegaConf.select(cfg, "codebooks_pattern.modeling") or OmegaConf.select(cfg, "transformer_lm.q_modeling")
    given = OmegaConf.select(cfg, "codebooks_pattern.delay.delays") or range(cfg.transformer_lm.n_q)
    return list(given) if pattern == "delay" else None


def inspect_codec(path: Path) -> tuple[Codec | None, str | None]:
    """The codec in a compression_state_dict.bin, or the name of the one that it stands for.

    Raises:
        NoiseprobeError: if the file is broken or holds something else.
    """
    whole = torchfile.read(path)
    if isinstance(whole, dict) and isinstance(whole.get("pretrained"), str):
        return None, str(whole["pretrained"]).removeprefix("//pretrained/")
    state, cfg = content(path)
    kind, quantizer = cfg.get("compression_model"), OmegaConf.select(cfg, "encodec.quantizer")
    if kind != "encodec" or quantizer != "rvq":
        raise NoiseprobeError(
            f"model.path: {path} is a {kind} with quantizer {quantizer}, expected an encodec with rvq"
        )
    options = cfg.encodec
    if options.channels != 1 or options.get("renormalize"):
        raise NoiseprobeError(
            f"model.path: {path}: the codec has {options.channels} channels and"
            f" renormalize={options.get('renormalize')}, expected 1 and false as MusicGen's has"
        )
    n_q, bins = cfg.rvq.n_q, cfg.rvq.bins
    embed = "quantizer.vq.layers.{}._codebook.embed"
    for k in range(n_q):
        shape = state.get(embed.format(k))
        if shape is None or shape[0] != bins:
            raise NoiseprobeError(
                f"model.path: {path} has other weights than its configuration says: {embed.format(k)} is {shape},"
                f" expected {bins} entries"
            )
    return Codec(options.sample_rate, math.prod(cfg.seanet.ratios), bins, (n_q,)), None


def content(path: Path) -> tuple[dict[str, torchfile.Shape], DictConfig]:
    """Shapes and configuration of an exported checkpoint.

    Raises:
        NoiseprobeError: if it is no such file.
    """
    whole = torchfile.read(path)
    state: Any = whole.get("best_state") if isinstance(whole, dict) else None
    text = whole.get("xp.cfg") if isinstance(whole, dict) else None
    if not isinstance(state, dict) or not isinstance(text, str):
        got = ", ".join(map(str, whole)) if isinstance(whole, dict) else type(whole).__name__
        raise NoiseprobeError(
            f"model.path: {path} holds {got[:120]}, expected best_state and xp.cfg (YAML text) as"
            " audiocraft.utils.export writes them"
        )
    cfg = OmegaConf.create(text)
    if not isinstance(cfg, DictConfig):
        raise NoiseprobeError(f"model.path: {path}: its xp.cfg isn't a configuration")
    return {name: shape for name, shape in state.items() if isinstance(shape, torchfile.Shape)}, cfg


def _check_tensors(
    path: Path, state: dict[str, torchfile.Shape], codebooks: int, cardinality: int, width: int, layers: int
) -> None:
    """The tensors are those of the model that the configuration describes."""
    expected = {f"emb.{k}.weight": (cardinality + 1, width) for k in range(codebooks)}
    expected |= {f"linears.{k}.weight": (cardinality, width) for k in range(codebooks)}
    for name, shape in expected.items():
        if state.get(name) != shape:
            raise NoiseprobeError(
                f"model.path: {path} has other weights than its configuration says: {name} is {state.get(name)},"
                f" expected {shape}"
            )
    there = {int(m[1]) for n in state if (m := re.match(r"transformer\.layers\.(\d+)\.", n))}
    if there != set(range(layers)):
        raise NoiseprobeError(f"model.path: {path} has weights of {len(there)} layers, expected its {layers}")
