"""MusicGen through transformers: folders as save_pretrained writes them.

Decoder, codec and, for descriptions alone, text encoder are filled each by itself from the mapped files: what isn't
needed is never read, and memory holds the rest once.

The null condition. In small, medium and large the released null is zeros in embedding and mask, and cross-attention on
zeros adds nothing, so it is skipped. Melody prepends its conditions instead, and its null is a prefix: `chroma_length`
(235) frames of a chroma with all in channel 0, projected, then one zero for the text.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    EncodecConfig,
    EncodecModel,
    MusicgenConfig,
    MusicgenForCausalLM,
    MusicgenMelodyConfig,
    MusicgenMelodyForCausalLM,
    PreTrainedModel,
)
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig
from transformers.utils import logging

from noiseprobe.errors import NoiseprobeError, reading
from noiseprobe.models.base import PRECISIONS
from noiseprobe.models.decoder import Block, Cross, Decoder
from noiseprobe.models.encodec import encoder_parts, load_encodec
from noiseprobe.models.linear import linear
from noiseprobe.models.reach import look
from noiseprobe.models.sharing import SharingLM
from noiseprobe.models.tensors import fill, named_tensors
from noiseprobe.models.text import TextEncoder, load_text
from noiseprobe.models.weights import Weights


class TransformersMusicGen(SharingLM):
    """A MusicGen of transformers: mono or stereo, with or without melody.

    Args:
        codec: the audio encoder, mono; a stereo model uses it for each channel.
        decoder: the language model.
        conditions: projections into the decoder's width: `chroma` for melody, `text` for descriptions.
        chroma_length: frames of melody's null prefix, 0 for other models.
        text: the text encoder, None without descriptions.
    """

    def __init__(
        self,
        codec: EncodecModel,
        decoder: MusicgenForCausalLM | MusicgenMelodyForCausalLM,
        conditions: nn.ModuleDict | None = None,
        chroma_length: int = 0,
        text: TextEncoder | None = None,
    ) -> None:
        super().__init__()
        self.codec, self.decoder, self.text = codec, decoder, text
        self.takes_text = text is not None
        self.conditions = nn.ModuleDict() if conditions is None else conditions
        self.chroma_length = chroma_length
        config = decoder.config
        self.sample_rate = codec.config.sampling_rate
        self.channels = config.audio_channels
        self.hop = codec.config.hop_length
        self.codebooks = config.num_codebooks
        self.cardinality = config.vocab_size
        self.delays = tuple(k // self.channels for k in range(self.codebooks))
        self.look_ahead, self.look_back = look(codec.config)
        # Positions are sinusoids: the limit is what the model was trained on, not a table's size.
        self.max_frames = config.max_position_embeddings - chroma_length - max(self.delays) - 1
        wanted = self.codebooks // self.channels
        count = codec.quantizer.get_num_quantizers_for_bandwidth
        self.bandwidth = next(b for b in codec.config.target_bandwidths if count(b) == wanted)
        self.requires_grad_(False).eval()
        self.share(
            encoder_parts(codec.encoder, list(codec.encoder.layers), self._quantize, codec.config), parts(decoder)
        )

    def encode(self, audio: Tensor) -> Tensor:
        # one channel after the other, as the library does; their codebooks in turn: left, right, left, right
        channels = [self.codec.encode(own[:, None], bandwidth=self.bandwidth) for own in audio.float().unbind(1)]
        return torch.stack([encoded.audio_codes[0] for encoded in channels], 2).flatten(1, 2)

    def decode(self, codes: Tensor) -> Tensor:
        b, k, t = codes.shape
        channels = codes.view(b, k // self.channels, self.channels, t).transpose(1, 2).flatten(0, 1)
        audio = self.codec.decode(channels[None], [None]).audio_values
        return audio.view(b, self.channels, -1)[..., : t * self.hop]

    def logits(self, steps: Tensor, description: str | None = None) -> Tensor:
        b, k, s = steps.shape
        return self._decode(steps, self._condition(b, description)).logits.view(b, k, -1, self.cardinality)[:, :, -s:]

    def condition(self, description: str | None) -> tuple[Tensor | None, Tensor | None]:
        found = self._condition(1, description)
        return (found, None) if self.chroma_length else (None, found)

    def _quantize(self, embeddings: Tensor) -> Tensor:
        return self.codec.quantizer.encode(embeddings, self.bandwidth).transpose(0, 1)

    @contextmanager
    def stream(self) -> Iterator[Callable[[Tensor], Tensor]]:
        past = None

        def following(step: Tensor) -> Tensor:
            nonlocal past
            b, k, _ = step.shape
            first = past is None
            condition = self._condition(b, None) if first else None
            out = self._decode(step, condition, use_cache=True, past_key_values=past)
            past = out.past_key_values
            return out.logits.view(b, k, -1, self.cardinality)[:, :, -1]

        yield following

    def _decode(
        self, steps: Tensor, condition: Tensor | None, use_cache: bool = False, past_key_values: Any = None
    ) -> Any:
        return self.decoder(
            input_ids=steps.flatten(0, 1), encoder_hidden_states=condition, use_cache=use_cache,
            past_key_values=past_key_values,
        )  # fmt: skip

    def _condition(self, batch: int, description: str | None) -> Tensor | None:
        """What the decoder attends to beside the codes, [batch, L, width]; None where that is nothing."""
        weight = self.decoder.lm_heads[0].weight
        parts = []
        if self.chroma_length:
            project = self.conditions["chroma"]
            chroma = weight.new_zeros(1, self.chroma_length, project.in_features)
            chroma[..., 0] = 1
            parts.append(project(chroma))
        if description is not None:
            if self.text is None:
                raise ValueError("description: got a text, expected None for a model without its text encoder")
            parts.append(self.conditions["text"](self.text(description).to(weight)))
        elif self.chroma_length:
            parts.append(weight.new_zeros(1, 1, weight.shape[1]))
        return torch.cat(parts, 1).expand(batch, -1, -1) if parts else None


def parts(model: MusicgenForCausalLM | MusicgenMelodyForCausalLM) -> Decoder:
    """The modules of a decoder, as they are run together by `noiseprobe.models.decoder`."""
    inner = model.model.decoder

    def block(layer: Any) -> Block:
        attention, cross = layer.self_attn, getattr(layer, "encoder_attn", None)
        return Block(
            norm=layer.self_attn_layer_norm,
            qkv=lambda x: (linear(x, attention.q_proj), linear(x, attention.k_proj), linear(x, attention.v_proj)),
            out=lambda x: linear(x, attention.out_proj),
            cross=None if cross is None else Cross(
                norm=layer.encoder_attn_layer_norm, q=lambda x: linear(x, cross.q_proj),
                kv=lambda states: (linear(states, cross.k_proj), linear(states, cross.v_proj)),
                out=lambda x: linear(x, cross.out_proj),
            ),
            feed_norm=layer.final_layer_norm,
            feed=lambda x: linear(layer.activation_fn(linear(x, layer.fc1)), layer.fc2),
        )  # fmt: skip

    def positions(first: int, size: int) -> Tensor:
        table = inner.embed_positions
        if first + size > len(table.weights):
            table.make_weights(first + size, table.embedding_dim)
        return table.weights[first : first + size]

    return Decoder(
        inner.embed_tokens, positions, [block(layer) for layer in inner.layers], inner.layer_norm,
        [partial(linear, layer=head) for head in model.lm_heads],
        model.config.num_attention_heads,
    )  # fmt: skip


def load(weights: Weights, precision: str) -> TransformersMusicGen:
    """The model that `weights.locate` has found; the language model in fp32 or bf16, the rest in fp32.

    Raises:
        NoiseprobeError: for files that can't be read, and tensors that are missing or don't fit.
    """
    dtype, folder, melody = PRECISIONS[precision], weights.model.folder, weights.checkpoint.melody
    files = weights.model.paths
    with _quiet(), reading("model.path", folder):
        # not AutoConfig: in some versions it doesn't know decoders alone
        whole = MusicgenMelodyConfig if melody else MusicgenConfig
        known = whole if weights.checkpoint.codec else MusicgenDecoderConfig
        config = known.from_pretrained(folder, local_files_only=True)
        own, prefix = (config.decoder, "decoder.") if known is whole else (config, "")
        decoder = _decoder(MusicgenMelodyForCausalLM if melody else MusicgenForCausalLM, own, weights, prefix, dtype)
        conditions, text = nn.ModuleDict(), None
        if melody:
            conditions["chroma"] = _projection(weights, "audio_enc_to_dec_proj", dtype)
        if weights.text is not None:
            text = load_text(weights.text)
            conditions["text"] = projection = _projection(weights, "enc_to_dec_proj", dtype)
            text.check_width(projection.in_features)
    with _quiet(), reading("model.codec", weights.codec.folder):
        if weights.codec == weights.model:
            codec = load_encodec(config.audio_encoder, files, "audio_encoder.", folder)
        else:
            codec = load_encodec(
                EncodecConfig.from_pretrained(weights.codec.folder, local_files_only=True),
                weights.codec.paths, "", weights.codec.folder,
            )  # fmt: skip
    return TransformersMusicGen(codec, decoder, conditions, config.chroma_length if melody else 0, text)


def _decoder(
    kind: type[PreTrainedModel], config: Any, weights: Weights, prefix: str, dtype: torch.dtype
) -> MusicgenForCausalLM | MusicgenMelodyForCausalLM:
    """A language model without the parts around it, which `from_pretrained` of the whole would read too."""
    with torch.device("meta"):
        decoder = kind(config)
    inner = decoder.model.decoder
    # a table that is no weight
    inner.embed_positions = type(inner.embed_positions)(config.max_position_embeddings, config.hidden_size).to(dtype)
    tensors = {name: value.to(dtype) for name, value in named_tensors(weights.model.paths, prefix).items()}
    strange = sorted(tensors.keys() - decoder.state_dict().keys() - {"model.decoder.embed_positions.weights"})
    if strange:
        raise NoiseprobeError(
            f"model.path: {weights.model.folder} has tensors that its configuration doesn't explain, {strange[0]}"
            " first; adapters must be merged into the weights"
        )
    fill(decoder, tensors, "model.path", weights.model.folder)
    return decoder


def _projection(weights: Weights, name: str, dtype: torch.dtype) -> nn.Linear:
    """A linear layer that belongs to the whole model and to none of its parts."""
    found = named_tensors(weights.model.paths, f"{name}.")
    if "weight" not in found:
        raise NoiseprobeError(f"model.path: {weights.model.folder} lacks {name}.weight, which projects the condition")
    layer = nn.Linear(found["weight"].shape[1], found["weight"].shape[0], bias="bias" in found, dtype=dtype)
    layer.load_state_dict(found)
    return layer


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers comments on the released configurations."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
