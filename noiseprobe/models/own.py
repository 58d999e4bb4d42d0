"""A model of a user's own: what it declares and does is looked at before it is scored; afterwards it is as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.base import MusicLM
from noiseprobe.models.fingerprint import fingerprint
from noiseprobe.models.held import Held
from noiseprobe.models.layouts.base import Checkpoint

ASIDE = ("codec.", "text.")  # parts that are no language model
PRECISIONS = {torch.float64: "fp64", torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
SAME = 1e-3  # nats, within which kernels may differ

LEAST = {
    "sample_rate": 1, "channels": 1, "hop": 1, "codebooks": 1, "cardinality": 2, "look_ahead": 0, "look_back": 0,
    "max_frames": 2,
}  # fmt: skip


def hold(model: MusicLM) -> Held:
    """What is known of a model in memory.

    Raises:
        NoiseprobeError: for an attribute that is missing or isn't allowed.
    """
    check_declared(model)
    own = [p for name, p in model.named_parameters() if not name.startswith(ASIDE)]
    kinds = {PRECISIONS.get(p.dtype, str(p.dtype)) for p in own if p.is_floating_point()} or {"fp32"}
    checkpoint = Checkpoint(
        melody=False, channels=model.channels, layers=None, width=None, codebooks=model.codebooks,
        cardinality=model.cardinality, parameters=sum(p.numel() for p in own), sample_rate=model.sample_rate,
        codec=None, codec_hub=None, text_hub=None, no_text=None if model.takes_text else "takes no text (takes_text)",
    )  # fmt: skip
    return Held(model, fingerprint(model), "+".join(sorted(kinds)), checkpoint)


@contextmanager
def lent(model: MusicLM) -> Iterator[None]:
    """Afterwards the model is on its device again, and each of its parts in its mode, training or not."""
    training = [(part, part.training) for part in model.modules()]
    devices = _devices(model)
    try:
        yield
    finally:
        for part, mode in training:
            part.training = mode
        for device in devices:
            model.to(device)


def check_declared(model: MusicLM) -> None:
    """Look at the attributes of `MusicLM`.

    Raises:
        NoiseprobeError: for one that is missing or isn't allowed.
    """
    name = type(model).__name__
    for attribute, least in LEAST.items():
        value = getattr(model, attribute, None)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise NoiseprobeError(f"{name}.{attribute}: got {value}, expected a whole number of at least {least}")
    if model.channels > 2:
        raise NoiseprobeError(f"{name}.channels: got {model.channels}, expected 1 or 2")
    delays = getattr(model, "delays", None)
    if not isinstance(delays, tuple) or len(delays) != model.codebooks or not all(_whole(d) for d in delays):
        expected = f"a tuple of {model.codebooks} whole numbers of at least 0, one for each codebook"
        raise NoiseprobeError(f"{name}.delays: got {delays}, expected {expected}")
    if type(model).logits is MusicLM.logits and type(model).nll is MusicLM.nll:
        raise NoiseprobeError(f"{name}: got neither logits nor nll, expected one of them (docs/python.md)")
    if len(_devices(model)) > 1 or torch.device("meta") in _devices(model):
        where = ", ".join(sorted(map(str, _devices(model))))
        raise NoiseprobeError(f"{name}: its parameters are on {where}, expected one device that holds them all")


@torch.no_grad()
def check_behaviour(model: MusicLM) -> None:
    """Look at what `encode`, `logits` and `nll` give for a second of noise, and that no context sees what it mustn't.

    Raises:
        NoiseprobeError: if a result isn't what `MusicLM` says, differs from call to call, or depends on later codes
            than the delays allow.
        Exception: what the model's methods raise, as it is.
    """
    model.eval()
    name, random = type(model).__name__, torch.Generator().manual_seed(0)
    device = next(iter(_devices(model)), torch.device("cpu"))
    frames = min(max(2, round(model.frame_rate)), model.max_frames)
    audio = (0.1 * torch.randn(1, model.channels, frames * model.hop, generator=random)).to(device)
    codes = model.encode(audio)
    _check_result(f"{name}.encode", codes, [1, model.codebooks, frames], torch.long)
    if not 0 <= int(codes.min()) <= int(codes.max()) < model.cardinality:
        got = f"{int(codes.min())} to {int(codes.max())}"
        raise NoiseprobeError(
            f"{name}.encode: got codes from {got}, expected 0 to {model.cardinality - 1} (cardinality)"
        )
    if not torch.equal(codes, model.encode(audio)):
        raise NoiseprobeError(f"{name}.encode: got other codes for the same audio, expected the same in each call")
    if type(model).logits is not MusicLM.logits:
        layout = model.pattern("delay")
        steps = layout.layout(codes)
        logits = model.logits(steps, None)
        _check_result(f"{name}.logits", logits, [*steps.shape, model.cardinality])
        _check_finite(f"{name}.logits", layout.align(logits))
    nll = _nll(model, codes)
    if (apart := (nll - _nll(model, codes)).abs().max().item()) > SAME:
        raise NoiseprobeError(
            f"{name}.nll: got values {apart:.2g} nats apart for the same codes, expected the same in each call: in eval"
            " mode nothing may be random (dropout, sampling)"
        )
    changed = frames // 2
    other = codes.clone()
    drawn = torch.randint(1, model.cardinality, other[..., changed:].shape, generator=random).to(device)
    other[..., changed:] = (other[..., changed:] + drawn) % model.cardinality
    first = max(changed - model.pattern("delay").context, 0)
    leaks = ((nll - _nll(model, other)).abs()[..., :first].amax((0, 1)) > SAME).nonzero()
    if len(leaks):
        raise NoiseprobeError(
            f"{name}.nll: other codes from frame {changed} on change it at frame {int(leaks[0])}, expected none before"
            f" {first}: with delays {model.delays} no context there holds them"
        )


def _nll(model: MusicLM, codes: Tensor) -> Tensor:
    name = f"{type(model).__name__}.nll"
    nll = model.nll(codes, "delay", None)
    _check_result(name, nll, list(codes.shape))
    _check_finite(name, nll)
    if (least := nll.min().item()) < -SAME:
        raise NoiseprobeError(f"{name}: got {least:.4g}, expected 0 nats or more: a code's probability is at most 1")
    return nll.float()


def _check_result(name: str, value: object, shape: list[int], kind: torch.dtype | None = None) -> None:
    """`kind` None: floating point of any size."""
    if isinstance(value, Tensor):
        if list(value.shape) == shape and (value.is_floating_point() if kind is None else value.dtype == kind):
            return
        got = f"{list(value.shape)} of {value.dtype}"
    else:
        got = f"a {type(value).__name__}"
    raise NoiseprobeError(f"{name}: got {got}, expected {shape} of {kind or 'floating point'}")


def _check_finite(name: str, values: Tensor) -> None:
    bad = ~values.isfinite()
    if bad.any():
        _, codebook, frame, *_ = bad.nonzero()[0].tolist()
        raise NoiseprobeError(
            f"{name}: got {values[bad][0].item()} for codebook {codebook}, frame {frame}, expected finite numbers"
        )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _devices(model: MusicLM) -> set[torch.device]:
    return {t.device for t in (*model.parameters(), *model.buffers())}
