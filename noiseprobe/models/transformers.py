"""MusicGen through transformers: a MusicgenForConditionalGeneration folder as save_pretrained writes it.

Unconditional scoring uses the decoder and the EnCodec audio encoder. Without a condition cross-attention is skipped,
which equals MusicGen's null condition exactly (the released null is zeros in embedding and mask).
"""

from pathlib import Path

import torch
from torch import Tensor
from transformers import EncodecModel, MusicgenForCausalLM, MusicgenForConditionalGeneration
from transformers.utils import logging

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.base import MusicLM
from noiseprobe.models.reach import look

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TransformersMusicGen(MusicLM):
    """A mono MusicGen of transformers.

    Args:
        codec: the audio encoder.
        decoder: the language model.
    """

    def __init__(self, codec: EncodecModel, decoder: MusicgenForCausalLM) -> None:
        super().__init__()
        self.codec, self.decoder = codec, decoder
        self.sample_rate = codec.config.sampling_rate
        self.channels = codec.config.audio_channels
        self.hop = codec.config.hop_length
        self.codebooks = decoder.config.num_codebooks
        self.cardinality = decoder.config.vocab_size
        self.delays = tuple(range(self.codebooks))
        self.look_ahead, self.look_back = look(codec.config)
        # Positions are sinusoids: the limit is what the model was trained on, not a table's size.
        self.max_frames = decoder.config.max_position_embeddings - self.codebooks
        self.requires_grad_(False).eval()

    def encode(self, audio: Tensor) -> Tensor:
        return self.codec.encode(audio.float()).audio_codes[0]

    def logits(self, steps: Tensor) -> Tensor:
        b, k, s = steps.shape
        return self.decoder(input_ids=steps.flatten(0, 1), use_cache=False).logits.view(b, k, s, -1)


def load(folder: Path, precision: str) -> TransformersMusicGen:
    """The model in a folder that `weights.locate` has checked; the language model in fp32 or bf16, the codec in fp32.

    Raises:
        NoiseprobeError: for files that can't be read, and tensors that are missing or don't fit.
    """
    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        whole, info = MusicgenForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        bandwidth = whole.audio_encoder.config.target_bandwidths[0]
        books = whole.audio_encoder.quantizer.get_num_quantizers_for_bandwidth(bandwidth)
    except Exception as error:  # a wrong config.json or weights file fails anywhere in there, in many ways
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise NoiseprobeError(f"model.path: {folder} can't be loaded: {type(error).__name__}: {reason}") from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
    missing = sorted(str(k) for k in info["missing_keys"] if str(k).startswith(("decoder.", "audio_encoder.")))
    if missing or info["mismatched_keys"]:
        first = (missing or [str(k) for k in info["mismatched_keys"]])[0]
        raise NoiseprobeError(f"model.path: {folder} lacks tensors or has them in other shapes, {first} first")
    codec, decoder = whole.audio_encoder, whole.decoder
    if books != decoder.config.num_codebooks:
        raise NoiseprobeError(
            f"model.path: {folder}: the codec gives {books} codebooks at its first bandwidth, expected the language"
            f" model's {decoder.config.num_codebooks}"
        )
    decoder.to(PRECISIONS[precision])
    return TransformersMusicGen(codec, decoder)
