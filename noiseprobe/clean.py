"""What is known of clean clips from earlier cells, so that no cell computes it again.

Of each clip its encoding is kept, by its samples, and its nll, by its codes, each with the hash of the model's files
and all that the numbers depend on besides: in their last bits they differ between processors, numbers of threads and
versions of libraries. So what is kept is, to the bit, what would be computed.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from noiseprobe.config import installed
from noiseprobe.devices import processor
from noiseprobe.hashing import digest
from noiseprobe.identity import PROTOCOL
from noiseprobe.models.base import Encoded, MusicLM
from noiseprobe.store import Store

LIBRARIES = ["torch", "transformers", "audiocraft"]


@dataclass(frozen=True)
class CleanStore:
    """Kept results of a model under one scoring.

    Attributes:
        store: where they lie.
        model: of the cell.
        weights: hash over all of the model's files.
        scoring, precision: of the cell.
    """

    store: Store
    model: MusicLM
    weights: str
    scoring: str
    precision: str

    def encoded(self, audio: Tensor) -> Encoded | None:
        """The encoding of a clip's audio [C, N] on its device; None if it isn't known."""
        found = self.store.get("encoded", self._encoded_key(audio))
        if found is None:
            return None
        features = torch.from_numpy(found["features"]).to(audio.device) if "features" in found else None
        return Encoded(torch.from_numpy(found["codes"].astype(np.int64)).to(audio.device), features)

    def keep_encoded(self, audio: Tensor, encoded: Encoded) -> None:
        """Keep the encoding of a clip's audio [C, N]."""
        arrays = {"codes": encoded.codes.cpu().numpy().astype(np.int32)}
        if encoded.features is not None:
            arrays["features"] = encoded.features.cpu().numpy()
        self.store.put("encoded", self._encoded_key(audio), **arrays)

    def nll(self, codes: Tensor, description: str | None) -> Tensor | None:
        """The nll [K, T] of codes [K, T] on their device; None if it isn't known."""
        found = self.store.get("nll", self._nll_key(codes, description))
        return None if found is None else torch.from_numpy(found["nll"]).to(codes.device)

    def keep_nll(self, codes: Tensor, description: str | None, nll: Tensor) -> None:
        """Keep the nll [K, T] of codes [K, T]."""
        self.store.put("nll", self._nll_key(codes, description), nll=nll.cpu().numpy())

    def _encoded_key(self, audio: Tensor) -> str:
        return digest([_content(audio), self._by(), *_machine(audio.device)])

    def _nll_key(self, codes: Tensor, description: str | None) -> str:
        how = [*self._by(), self.scoring, self.precision, description]
        return digest([_content(codes), *how, *_machine(codes.device)])

    def _by(self) -> list[str]:
        """The files that hold model, codec and their configurations, and the libraries that run them."""
        versions = [f"{name} {version(name)}" for name in LIBRARIES if installed(name)]
        return [self.weights, type(self.model).__module__, type(self.model).__qualname__, *versions]


def _content(x: Tensor) -> list[Any]:
    array = np.ascontiguousarray(x.cpu().numpy())
    return [str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]


def _machine(device: torch.device) -> list[Any]:
    """What else numbers depend on, in their last bits."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    capability = torch.backends.cpu.get_cpu_capability()
    return [PROTOCOL, device.type, name, capability, torch.get_num_threads()]
