"""Where each code sits in the language model's input, and which logits predict it.

Conventions. Codes are `[B, K, T]`: batch, codebook, frame. A *step* is a position of the language model. With delays
`d_k`, codebook `k` of frame `t` stands in the input at step `t + d_k + 1`; step 0 holds the special token in every
codebook, and so does every position that no frame reaches. The logits of step `s` predict what stands at step
`s + 1`, so codebook `k` of frame `t` is predicted by step `t + d_k`. MusicGen's delays are 0, 1, 2, 3 (Copet et al.,
"Simple and Controllable Music Generation", 2023, section 2.2). The pattern is run to its end: all K x T codes are
scored. The contexts of the last `D = max(d_k)` frames hold special tokens in places where training never had them;
`tail` says how many frames that are, and means leave them out.

    delay, d = (0, 1, 2), T = 4; rows are codebooks, columns steps, numbers frames, S the special token:

        input    k=0   S 0 1 2 3 S          scored by   k=0   0 1 2 3 . .
                 k=1   S S 0 1 2 3                      k=1   . 0 1 2 3 .
                 k=2   S S S 0 1 2                      k=2   . . 0 1 2 3

`parallel` is the layout of the code published with "When Noise Lowers the Loss": no delay, no special token, all
codebooks of frame t + 1 from the frames up to t. MusicGen was never trained so, frame 0 is never scored, and the
values are no likelihood that the model defines: it is there for comparison with that paper's numbers only.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

NONE = -100  # as a target: no code, as torch's losses have it


@dataclass(frozen=True)
class Pattern:
    """A scoring: how codes are laid out and how logits are aligned with them.

    Args:
        name: `delay` or `parallel`.
        delays: one delay in steps for each codebook.
        special: id of the special token, or None where the layout has none.
    """

    name: str
    delays: tuple[int, ...]
    special: int | None

    @property
    def first(self) -> int:
        """The first scored frame."""
        return 0 if self.special is not None else 1

    @property
    def tail(self) -> int:
        """How many frames at the end are scored but left out of means."""
        return max(self.delays)

    @property
    def context(self) -> int:
        """How many frames before a changed frame have a context that may change: max(D - 1, 0)."""
        return max(self.tail - 1, 0)

    def averaged(self, frames: int) -> slice:
        """The frames that means are over: the scored ones without the tail."""
        return slice(self.first, frames - self.tail)

    def layout(self, codes: Tensor) -> Tensor:
        """The language model's input for these codes.

        Shape:
            codes: [B, K, T] -> [B, K, T + D] with a special token, [B, K, T - 1] without.
        """
        if self.special is None:
            return codes[..., :-1]
        b, k, t = codes.shape
        steps = codes.new_full((b, k, t + self.tail), self.special)
        for i, d in enumerate(self.delays):
            steps[:, i, d + 1 : d + 1 + t] = codes[:, i, : t + self.tail - d - 1]
        return steps

    def targets(self, codes: Tensor) -> Tensor:
        """What each step is scored by: the code that follows it, or -100 where none does.

        Shape:
            codes: [B, K, T] -> [B, K, S] as in `layout`; step `s` holds what stands at step `s + 1` of the input.
        """
        return self.spread(codes[..., self.first :], NONE)

    def spread(self, values: Tensor, fill: float) -> Tensor:
        """The reverse of `align`: a value for each scored code, at the step that predicts it.

        Shape:
            values: [B, K, T] (delay) or [B, K, T - 1] (parallel) -> [B, K, S]
        """
        b, k, frames = values.shape
        steps = values.new_full((b, k, frames + self.tail), fill)
        for i, d in enumerate(self.delays):
            steps[:, i, d : d + frames] = values[:, i]
        return steps

    def align(self, logits: Tensor) -> Tensor:
        """Undo the layout: the logits, or what was made of them, that belong to each scored code.

        Shape:
            logits: [B, K, S, ...] -> [B, K, T, ...] (delay) or [B, K, T - 1, ...] for the frames from 1 on (parallel).
        """
        frames = logits.shape[2] - self.tail
        return torch.stack([logits[:, i, d : d + frames] for i, d in enumerate(self.delays)], dim=1)


def pattern(name: str, delays: tuple[int, ...], special: int) -> Pattern:
    """The named scoring of a model with these delays and this special token.

    >>> pattern("delay", (0, 1), special=9).layout(torch.tensor([[[1, 2, 3], [4, 5, 6]]]))
    tensor([[[9, 1, 2, 3],
             [9, 9, 4, 5]]])
    """
    if name == "delay":
        return Pattern(name, delays, special)
    if name == "parallel":
        return Pattern(name, (0,) * len(delays), None)
    raise ValueError(f"scoring: got {name!r}, expected 'delay' or 'parallel'")
