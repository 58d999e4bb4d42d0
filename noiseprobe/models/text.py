"""Descriptions as a MusicGen is conditioned on them: the hidden states of a frozen T5 encoder, in float32."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, T5EncoderModel

from noiseprobe.errors import NoiseprobeError


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

    def _hidden(self, description: str) -> Tensor:
        ids = self.tokenizer([description], return_tensors="pt").input_ids.to(self.encoder.device)
        return self.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state


def load_text(folder: Path, **options: Any) -> TextEncoder:
    """The text encoder in a folder; options go to `from_pretrained` (a whole MusicGen's folder needs them).

    Raises:
        NoiseprobeError: for files that can't be read.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        encoder = T5EncoderModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True, **options)
    except Exception as error:  # wrong files fail anywhere in there, in many ways
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise NoiseprobeError(
            f"model.text_encoder: {folder} can't be loaded: {type(error).__name__}: {reason}"
        ) from error
    return TextEncoder(tokenizer, encoder)
