"""Read a model's tensors into modules, without a second copy, with errors in one line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from noiseprobe.errors import NoiseprobeError, reason


@contextmanager
def reading(key: str, path: Path) -> Iterator[None]:
    """Wrong files fail anywhere in the libraries that read them, in many ways; say which files they were.

    Args:
        key: of the configuration that named them.
        path: the files.
    """
    try:
        yield
    except NoiseprobeError:
        raise
    except Exception as error:
        raise NoiseprobeError(f"{key}: {path} can't be loaded: {type(error).__name__}: {reason(error)}") from error


def fill(module: nn.Module, tensors: dict[str, Tensor], key: str, path: Path) -> None:
    """Give a module its tensors in the place of those that it has (which may be on the meta device), without a copy.

    Raises:
        NoiseprobeError: if any is missing, or has another shape.
    """
    wanted = module.state_dict().keys()
    try:
        module.load_state_dict({name: tensors[name] for name in wanted if name in tensors}, assign=True)
    except RuntimeError as error:
        lines = str(error).splitlines()
        what = lines[min(1, len(lines) - 1)].strip()
        raise NoiseprobeError(f"{key}: {path} doesn't fit its configuration: {what}") from error


def named_tensors(folder: Path, prefix: str) -> dict[str, Tensor]:
    """The tensors of a save_pretrained folder whose names begin so, without the prefix; mapped, not read."""
    found: dict[str, Tensor] = {}
    for path in sorted(folder.glob("model*.safetensors")):
        with safe_open(path, framework="pt") as f:
            found |= {name: f.get_tensor(name) for name in f.keys() if name.startswith(prefix)}  # noqa: SIM118  # no mapping
    if not found:
        for path in sorted(folder.glob("pytorch_model*.bin")):
            tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            found |= {name: value for name, value in tensors.items() if name.startswith(prefix)}
    return {_present(name.removeprefix(prefix)): value for name, value in found.items()}


def _present(name: str) -> str:
    """The released files name the parts of weight norm as torch did before 2.0."""
    for old, new in [
        ("weight_g", "parametrizations.weight.original0"),
        ("weight_v", "parametrizations.weight.original1"),
    ]:
        name = re.sub(rf"\b{old}$", new, name)
    return name
