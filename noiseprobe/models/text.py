"""Descriptions as a MusicGen is conditioned on them: the hidden states of a frozen T5 encoder, in float32."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer, T5EncoderModel

from noiseprobe.errors import NoiseprobeError, reading
from noiseprobe.models.tensors import fill, named_tensors
from noiseprobe.models.weights import Files


class TextEncoder(nn.Module):
    """A T5 encoder and its tokenizer.

    Args:
        tokenizer: gives input_ids of a text.
        encoder: frozen.
    """

    def __init__(self, tokenizer: Any, encoder: T5EncoderModel) -> None:
        super().__init__()
        self.tokenizer, self.encoder = tokenizer, encoder
        self.width = encoder.config.d_model
        self._last = lru_cache(maxsize=1)(self._hidden)  # a clip's variants share its description

    def forward(self, description: str) -> Tensor:
        """Hidden states, [1, L, width]; nothing is padded, so all of them count."""
        return self._last(description)

    def check_width(self, expected: int) -> None:
        """Refuse another text encoder than the one that the model was trained with.

        Raises:
            NoiseprobeError: if its states are of another width than the model projects.
        """
        if self.width != expected:
            raise NoiseprobeError(
                f"model.text_encoder: got one of width {self.width}, expected {expected}, that of the model's own"
            )

    def _hidden(self, description: str) -> Tensor:
        ids = self.tokenizer([description], return_tensors="pt").input_ids.to(self.encoder.device)
        return self.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state


def load_text(files: Files) -> TextEncoder:
    """The text encoder from files of its own, or from those of a whole MusicGen.

    Raises:
        NoiseprobeError: for files that can't be read.
    """
    folder = files.folder
    with reading("model.text_encoder", folder):
        # False, not the default: that asks on the terminal whether to run code that lies beside a checkpoint
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        own, prefix = (config.text_encoder, "text_encoder.") if hasattr(config, "text_encoder") else (config, "")
        encoder = T5EncoderModel(own)
        tensors = {name: value.float() for name, value in named_tensors(files.paths, prefix).items()}
        # one embedding under two names, of which a file may hold either
        embedding = next(tensors[n] for n in ["shared.weight", "encoder.embed_tokens.weight"] if n in tensors)
        tensors |= {"shared.weight": embedding, "encoder.embed_tokens.weight": embedding}
        fill(encoder, tensors, "model.text_encoder", folder)
    return TextEncoder(tokenizer, encoder.requires_grad_(False).eval())
