"""Folders as audiocraft releases and exports them: state_dict.bin and compression_state_dict.bin.

Each is a file of torch.save with `best_state` (tensors) and `xp.cfg` (the training's configuration as YAML text).
compression_state_dict.bin may instead hold `pretrained`, the name of a repository with an EncodecModel.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from noiseprobe.errors import NoiseprobeError, reading
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
    with reading("model.path", folder / LM):
        found = _language_model(folder / LM)
    if CODEC in files:
        codec, pretrained = inspect_codec(folder / CODEC)
        found = replace(found, codec=codec, codec_hub=pretrained)
        if codec:
            check_codec(codec, folder / CODEC, found)
    return found


def _language_model(path: Path) -> Checkpoint:
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
    fused = {how: list(cfg.fuser.get(how) or []) for how in ["sum", "cross", "prepend", "input_interpolate"]}
    if fused["sum"] or fused["input_interpolate"] or "self_wav" in fused["cross"]:
        raise NoiseprobeError(
            f"model.path: {path} fuses its conditions as {fused}, expected description in cross or prepend and self_wav"
            " in prepend"
        )
    t = cfg.transformer_lm
    stereo = OmegaConf.select(cfg, "interleave_stereo_codebooks.use") is True
    if stereo and OmegaConf.select(cfg, "interleave_stereo_codebooks.per_timestep") is True:
        raise NoiseprobeError(f"model.path: {path} interleaves left and right in time, expected in codebooks")
    _check_tensors(path, state, t.n_q, t.card, t.dim, t.num_layers)
    return Checkpoint(
        melody="self_wav" in conditioners, channels=2 if stereo else 1, layers=t.num_layers, width=t.dim,
        codebooks=t.n_q, cardinality=t.card,
        parameters=sum(math.prod(s) for name, s in state.items() if ".chroma." not in name and ".t5." not in name),
        sample_rate=cfg.get("sample_rate"), codec=None, codec_hub=None,
        text_hub=OmegaConf.select(cfg, "conditioners.description.t5.name"), no_text=_no_text(cfg),
    )  # fmt: skip


def _no_text(cfg: DictConfig) -> str | None:
    t5 = OmegaConf.select(cfg, "conditioners.description.t5")
    if t5 is None:
        return "has no text condition"
    if t5.get("finetune"):
        return "was trained together with its T5, which isn't read from it"
    return "normalises its texts, which isn't done here" if t5.get("normalize_text") else None


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
    with reading("model.codec", path):
        return _codec(path), None


def _codec(path: Path) -> Codec:
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
    return Codec(options.sample_rate, math.prod(cfg.seanet.ratios), bins, (n_q,))


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
