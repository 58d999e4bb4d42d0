"""Draw codes from a language model, without a description, in the factorisation that delay scoring scores.

Conventions as in `noiseprobe.models.patterns`: with delays d_k, codebook k of frame t stands at step t + d_k + 1 and is
drawn from the logits of step t + d_k. What no frame reaches holds the special token, before the first frame as after
the last, and the pattern is run to its end: each of the K x T codes is drawn once, from exactly the context in which
`MusicLM.nll` scores it. That leaves the special tokens behind the last frame as they are in scoring; generating with
audiocraft or transformers would show codes of further frames there.
"""

import torch
from torch import Tensor

from noiseprobe.models.base import MusicLM


@torch.inference_mode()
def sample(model: MusicLM, frames: int, top_k: int, generator: torch.Generator) -> Tensor:
    """Codes at temperature 1, each of the `top_k` most likely ones.

    Args:
        model: on any device.
        frames: how many, T.
        top_k: how many codes can be drawn at each place; all where it is the cardinality or more.
        generator: on the CPU, so that the random numbers don't depend on the device. Each code takes one.

    Shape:
        -> [1, K, T], on the CPU.
    """
    device = next(model.parameters(), torch.empty(0)).device
    special = model.cardinality
    codes = torch.full((1, model.codebooks, frames), special)
    step = torch.full((1, model.codebooks, 1), special)
    with model.stream() as following:
        for s in range(frames + max(model.delays)):
            logits = following(step.to(device))[0].float().cpu()
            step = torch.full_like(step, special)
            due = [k for k, d in enumerate(model.delays) if 0 <= s - d < frames]
            for k, code in zip(due, draw(logits[due], top_k, generator), strict=True):
                step[0, k, 0] = codes[0, k, s - model.delays[k]] = code
    return codes


def draw(logits: Tensor, top_k: int, generator: torch.Generator) -> Tensor:
    """One of the `top_k` largest of each row, by the softmax over them.

    The distribution function is inverted, from the likeliest down: one uniform number a row, of a stream that is the
    same on all machines. A difference in the logits' last bits then changes a code only where the number falls on the
    border between two.

    Shape:
        logits: [N, V], float32 -> [N]

    >>> draw(torch.tensor([[0.0, 3.0, 1.0]]), 1, torch.Generator())
    tensor([1])
    """
    likeliest, codes = logits.topk(min(top_k, logits.shape[-1]))
    reached = likeliest.softmax(-1).double().cumsum(-1)
    uniform = torch.rand(len(logits), 1, dtype=torch.float64, generator=generator)
    chosen = torch.searchsorted(reached, uniform * reached[:, -1:], right=True)
    return codes.gather(-1, chosen.clamp(max=reached.shape[-1] - 1))[:, 0]
