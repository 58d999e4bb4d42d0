"""Fill modules with the tensors of a checkpoint's files, without a second copy of them in memory."""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from noiseprobe.errors import NoiseprobeError


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


def check_finite(module: nn.Module, key: str, path: Path) -> None:
    """For what makes whole numbers: a codec with a NaN gives codes like any others.

    Raises:
        NoiseprobeError: naming a tensor that holds a NaN or an infinity.
    """
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise NoiseprobeError(f"{key}: {path} has {name} with values that aren't finite, expected numbers alone")


def named_tensors(paths: Iterable[Path], prefix: str) -> dict[str, Tensor]:
    """The tensors of files whose names begin so, without the prefix; mapped, not read."""
    found: dict[str, Tensor] = {}
    for path in paths:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as f:
                names = [name for name in f.keys() if name.startswith(prefix)]  # noqa: SIM118  # no mapping
                found |= {name: f.get_tensor(name) for name in names}
        elif path.suffix == ".bin":
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
