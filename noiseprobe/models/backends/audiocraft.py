"""MusicGen through audiocraft: LMModel and its compression model from exported checkpoints.

The modules are audiocraft's own, built from the checkpoint's configuration on the meta device and filled from the
mapped file, so memory holds the weights once. What a release builds around them and scoring doesn't need is left out:
Demucs, and T5 unless there is a description.

The null condition. Text: zeros, one step long, in embedding and mask. Melody (`self_wav`): the chroma of an empty clip
(all in channel 0), repeated over the length that training had, through the projection, unmasked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from audiocraft.models.builders import get_compression_model, get_condition_fuser
from audiocraft.models.encodec import CompressionModel, HFEncodecCompressionModel, InterleaveStereoCompressionModel
from audiocraft.models.lm import LMModel
from audiocraft.modules.chroma import ChromaExtractor
from audiocraft.modules.codebooks_patterns import DelayedPatternProvider
from audiocraft.modules.conditioners import BaseConditioner, ConditioningProvider, ConditionType
from audiocraft.modules.transformer import StreamingTransformer, create_sin_embedding
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from transformers import EncodecConfig
from xformers import _cpp_lib

from noiseprobe.config import MAX_DURATION
from noiseprobe.errors import NoiseprobeError, reading
from noiseprobe.models.base import PRECISIONS
from noiseprobe.models.decoder import Block, Cross, Decoder
from noiseprobe.models.encodec import encoder_parts, fuse_weight_norm, load_encodec
from noiseprobe.models.layouts.audiocraft import CODEC, LM, delays
from noiseprobe.models.linear import linear, product
from noiseprobe.models.reach import look
from noiseprobe.models.sharing import SharingLM
from noiseprobe.models.tensors import check_finite, fill
from noiseprobe.models.text import TextEncoder, load_text
from noiseprobe.models.tiles import Encoder
from noiseprobe.models.weights import Files, Weights

TEXT, MELODY = "description", "self_wav"

# xformers keeps the exception of operators that it can't load, and its traceback the frames of all who were importing
# it: whoever loaded the first model, with that model, which then was never freed.
_kept: BaseException | None = getattr(_cpp_lib, "_cpp_library_load_exception", None)
while _kept is not None:
    _kept.__traceback__, _kept = None, _kept.__cause__ or _kept.__context__


class AudiocraftMusicGen(SharingLM):
    """A MusicGen of audiocraft: mono or stereo, with or without melody.

    Args:
        codec: wrapped for stereo.
        lm: the language model.
        config: the shape of the codec's encoder.
        max_frames: the longest clip of its training.
        chroma: melody's null, [1, L, channels of the chroma]; None for other models.
        text: the text encoder, None without descriptions.
    """

    chroma: Tensor | None

    def __init__(
        self, codec: CompressionModel, lm: LMModel, config: EncodecConfig, max_frames: int,
        chroma: Tensor | None = None, text: TextEncoder | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.codec, self.lm, self.text = codec, lm, text
        self.takes_text = text is not None
        self.register_buffer("chroma", chroma, persistent=False)
        self.sample_rate, self.channels = codec.sample_rate, codec.channels
        self.hop = round(codec.sample_rate / codec.frame_rate)
        self.codebooks, self.cardinality = lm.n_q, lm.card
        self.delays = tuple(lm.pattern_provider.delays)
        self.look_ahead, self.look_back = look(config)
        self.max_frames = max_frames
        self.requires_grad_(False).eval()
        self.share(codec_parts(codec, config), parts(lm))

    def encode(self, audio: Tensor) -> Tensor:
        return self.codec.encode(audio.float())[0]

    def decode(self, codes: Tensor) -> Tensor:
        return self.codec.decode(codes)[..., : codes.shape[-1] * self.hop]

    def logits(self, steps: Tensor, description: str | None = None) -> Tensor:
        return self.lm(steps, conditions=[], condition_tensors=self._conditions(len(steps), description))

    def condition(self, description: str | None) -> tuple[Tensor | None, Tensor | None]:
        nothing = self.lm.linears[0].weight.new_zeros(1, 0, self.lm.dim)
        prefix, states = self.lm.fuser(nothing, self._conditions(1, description))
        return (prefix if prefix.shape[1] else None), states

    @contextmanager
    def stream(self) -> Iterator[Callable[[Tensor], Tensor]]:
        with self.lm.streaming():
            yield lambda step: self.logits(step)[:, :, -1]

    def _conditions(self, batch: int, description: str | None) -> dict[str, ConditionType]:
        """The tensors of each condition that the language model was built with."""
        weight = self.lm.linears[0].weight
        found: dict[str, ConditionType] = {}
        projections = self.lm.condition_provider.conditioners
        if description is not None:
            if self.text is None:
                raise ValueError("description: got a text, expected None for a model without its text encoder")
            embedding = projections[TEXT].output_proj(self.text(description).to(weight))
            found[TEXT] = (embedding, torch.ones_like(embedding[..., 0]))
        elif TEXT in self.lm.fuser.cond2fuse:
            found[TEXT] = (weight.new_zeros(1, 1, self.lm.dim), weight.new_zeros(1, 1))
        if self.chroma is not None:  # after the text: each is put before what is there
            embedding = projections[MELODY].output_proj(self.chroma.to(weight))
            found[MELODY] = (embedding, torch.ones_like(embedding[..., 0]))
        return {name: (e.expand(batch, -1, -1), mask.expand(batch, -1)) for name, (e, mask) in found.items()}


def codec_parts(codec: CompressionModel, config: EncodecConfig) -> Encoder | None:
    """The parts of the encoder of a codec, mono or wrapped for stereo."""
    mono = codec.model if isinstance(codec, InterleaveStereoCompressionModel) else codec
    if isinstance(mono, HFEncodecCompressionModel):
        bandwidth = mono.model.config.target_bandwidths[mono.possible_num_codebooks.index(mono.num_codebooks)]
        own, layers = mono.model, mono.model.encoder.layers
        return encoder_parts(
            own.encoder, list(layers), lambda x: own.quantizer.encode(x, bandwidth).transpose(0, 1), config
        )
    return encoder_parts(mono.encoder, list(mono.encoder.model), mono.quantizer.encode, config)


def parts(lm: LMModel) -> Decoder | None:
    """The modules of a language model as `noiseprobe.models.decoder` runs them; None if that doesn't know them all."""
    transformer = lm.transformer
    attentions = [layer.self_attn for layer in transformer.layers]
    crosses = [layer.cross_attention for layer in transformer.layers if layer.cross_attention is not None]
    plain = all(
        a.custom and a.kv_repeat == 1 and not (a.qk_layer_norm or a.attention_as_float32)
        and a.rope is None and a.past_context is None for a in [*attentions, *crosses]
    )  # fmt: skip
    added = lm.fuser.fuse2cond["sum"] or lm.fuser.fuse2cond["input_interpolate"]
    if not plain or not all(layer.norm_first for layer in transformer.layers) or added:
        return None

    def block(layer: Any) -> Block:
        attention, cross = layer.self_attn, layer.cross_attention

        def qkv(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            q, k, v = product(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1)
            return q, k, v

        return Block(
            norm=layer.norm1,
            qkv=qkv,
            out=lambda x: layer.layer_scale_1(linear(x, attention.out_proj)),
            cross=None if cross is None else _cross(layer, cross),
            feed_norm=layer.norm2,
            feed=lambda x: layer.layer_scale_2(linear(layer.activation(linear(x, layer.linear1)), layer.linear2)),
        )

    def positions(first: int, size: int) -> Tensor:
        weight = lm.linears[0].weight
        return _positions(transformer, torch.arange(first, first + size, device=weight.device)[None, :, None])[0].to(
            weight
        )

    norm = lm.out_norm or torch.nn.Identity()
    return Decoder(
        lm.emb, positions, [block(layer) for layer in transformer.layers], norm,
        [partial(linear, layer=head) for head in lm.linears], attentions[0].num_heads,
    )  # fmt: skip


def _cross(layer: Any, cross: Any) -> Cross:
    def project(x: Tensor, first: int, last: int) -> Tensor:
        width = cross.in_proj_weight.shape[0] // 3
        rows = slice(first * width, last * width)
        return product(x, cross.in_proj_weight[rows], None if cross.in_proj_bias is None else cross.in_proj_bias[rows])

    return Cross(
        norm=layer.norm_cross,
        q=lambda x: project(x, 0, 1),
        kv=lambda states: (project(states, 1, 2), project(states, 2, 3)),
        out=lambda x: layer.layer_scale_cross(linear(x, cross.out_proj)),
    )


def load(weights: Weights, precision: str) -> AudiocraftMusicGen:
    """The model that `weights.locate` has found; the language model in fp32 or bf16, the rest in fp32.

    Raises:
        NoiseprobeError: for files that can't be read, and tensors that are missing or don't fit.
    """
    path, checkpoint = weights.model.folder / LM, weights.checkpoint
    with reading("model.path", path):
        state, cfg = _content(path)
        text = None if weights.text is None else load_text(weights.text)
        if text is not None:
            text.check_width(_width(state, TEXT, path))
        lm = _lm(cfg, state, PRECISIONS[precision], path, described=text is not None)
        chroma = _null_chroma(cfg) if checkpoint.melody else None
    with reading("model.codec", weights.codec.folder):
        codec, encoder = _codec(weights.codec)
        codec.set_num_codebooks(checkpoint.codebooks // checkpoint.channels)
    if checkpoint.channels == 2:
        codec = InterleaveStereoCompressionModel(codec)
    seconds = OmegaConf.select(cfg, "dataset.segment_duration") or MAX_DURATION
    return AudiocraftMusicGen(codec, lm, encoder, int(seconds * codec.frame_rate), chroma, text)


def _lm(cfg: DictConfig, state: dict[str, Tensor], dtype: torch.dtype, path: Path, described: bool) -> LMModel:
    options: Any = OmegaConf.to_container(cfg.transformer_lm, resolve=True)
    options.pop("q_modeling", None)
    # what training alone needs
    options |= {"weight_init": None, "depthwise_init": None, "zero_bias_init": False, "checkpointing": "none"}
    unused = ["condition_provider."]
    # Cross-attention on the null's zeros adds nothing without biases in pre-norm layers, as the releases have.
    zero = options.get("norm_first") and options.get("bias_attn") is False
    if not described and zero and not cfg.fuser.get("cross_attention_pos_emb"):
        cfg.fuser.cross = []
        unused += [".cross_attention.", ".norm_cross.", ".layer_scale_cross."]
    fuser = get_condition_fuser(cfg)
    options["cross_attention"] = bool(fuser.fuse2cond["cross"])
    with torch.device("meta"):
        names = fuser.cond2fuse
        projections = {name: BaseConditioner(_width(state, name, path), options["dim"]) for name in names}
        lm = LMModel(
            pattern_provider=DelayedPatternProvider(options["n_q"], delays(cfg)), fuser=fuser,
            condition_provider=ConditioningProvider(projections), dtype=dtype, device="meta", **options,
        )  # fmt: skip
    wanted = lm.state_dict().keys()
    strange = sorted(key for key in state if key not in wanted and not any(part in key for part in unused))
    if strange:
        raise NoiseprobeError(
            f"model.path: {path} has tensors that its configuration doesn't explain, {strange[0]} first"
        )
    fill(lm, {key: value.to(dtype) for key, value in state.items() if key in wanted}, "model.path", path)
    if dtype != torch.float32:
        _exact_positions(lm.transformer)
    return lm


def _codec(files: Files) -> tuple[CompressionModel, EncodecConfig]:
    """A mono codec and the shape of its encoder, from audiocraft's file or an EncodecModel's folder."""
    path = files.folder / CODEC
    if CODEC not in files.names:
        config = EncodecConfig.from_pretrained(files.folder, local_files_only=True)
        return HFEncodecCompressionModel(load_encodec(config, files.paths, "", files.folder)), config
    state, cfg = _content(path)
    cfg.device = "meta"
    with torch.device("meta"):
        codec = get_compression_model(cfg)
    fill(codec, {key: value.float() for key, value in state.items()}, "model.path", path)
    fuse_weight_norm(codec)
    check_finite(codec, "model.codec", path)
    seanet = cfg.seanet
    config = EncodecConfig(
        kernel_size=seanet.kernel_size, residual_kernel_size=seanet.residual_kernel_size,
        last_kernel_size=seanet.last_kernel_size, dilation_growth_rate=seanet.dilation_base,
        num_residual_layers=seanet.n_residual_layers, upsampling_ratios=list(seanet.ratios),
        use_causal_conv=seanet.causal,
    )  # fmt: skip
    return codec, config


def _content(path: Path) -> tuple[dict[str, Tensor], DictConfig]:
    package = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return package["best_state"], OmegaConf.create(package["xp.cfg"])


def _width(state: dict[str, Tensor], condition: str, path: Path) -> int:
    key = f"condition_provider.conditioners.{condition}.output_proj.weight"
    if key not in state:
        raise NoiseprobeError(f"model.path: {path} lacks {key}, which projects the condition")
    return state[key].shape[1]


def _null_chroma(cfg: DictConfig) -> Tensor:
    """The chroma of an empty clip over the length of training, as ChromaStemConditioner makes it without its Demucs."""
    options: Any = OmegaConf.to_container(cfg.conditioners[MELODY].chroma_stem, resolve=True)
    kept = ["sample_rate", "n_chroma", "radix2_exp", "nfft", "winlen", "winhop", "argmax", "norm"]
    extract = ChromaExtractor(**{name: options[name] for name in kept if name in options})
    length = extract(torch.zeros(1, int(options["sample_rate"] * cfg.dataset.segment_duration))).shape[1]
    empty = extract(torch.zeros(1, 1, 1))
    return empty.repeat(1, -(-length // empty.shape[1]), 1)[:, :length]


def _exact_positions(transformer: StreamingTransformer) -> None:
    """Add the positions' sinusoids in float32: audiocraft computes them in the model's type, and bf16 has no number
    between 256 and 258, so that from there on two steps would share a position."""
    if transformer.positional_embedding not in ["sin", "sin_rope"]:
        return
    transformer.positional_embedding = "added by noiseprobe"

    def add(module: StreamingTransformer, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x = inputs[0]
        first = module._streaming_state.get("offsets", torch.zeros(len(x), dtype=torch.long, device=x.device))
        positions = torch.arange(x.shape[1], device=x.device).view(1, -1, 1) + first.view(-1, 1, 1)
        return (x + _positions(module, positions).to(x.dtype), *inputs[1:])

    transformer.register_forward_pre_hook(add)


def _positions(transformer: StreamingTransformer, positions: Tensor) -> Tensor:
    """Sinusoids [B, S, D] of positions [B, S, 1], in float32."""
    width = transformer.layers[0].self_attn.embed_dim
    return transformer.positional_scale * create_sin_embedding(positions, width, max_period=transformer.max_period)
