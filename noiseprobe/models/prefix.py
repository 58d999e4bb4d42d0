"""Scoring a clip and its variants with what they share computed once.

A variant's codes are the clean ones up to the first changed frame, and so are the keys and values of the steps before
it. The clean sequence is computed once, and each variant from its first changed step on.

On a CPU the clean sequence is computed in blocks of `BLOCK` steps, always, and a variant begins where a block does. So
its keys and values are the same to the bit whichever variants there are, and whether its nll is wanted or known: a
variant's numbers depend on the clean codes and its own, and on nothing else. On a GPU, where numbers agree within a
tolerance, the clean sequence is one piece, and variants of one length are a batch.
"""

from bisect import bisect
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from noiseprobe.models.batches import Batches, together
from noiseprobe.models.decoder import Decoder, Memory
from noiseprobe.models.patterns import Pattern

# Two blocks end where variants with noise at 5 s, the paper's, first differ: step 245 (parallel) or 246 (delay).
BLOCK = 122


class PrefixScorer:
    """Gives the nll of clean codes and their variants.

    Args:
        decoder: the language model.
        batches: how many sequences at once.
    """

    def __init__(self, decoder: Decoder, batches: Batches) -> None:
        self.decoder, self.batches = decoder, batches
        self.kept: Memory | None = None  # one clip after the other in the same place

    def __call__(
        self, clean: Tensor, corrupted: Sequence[Tensor], pattern: Pattern, known: Tensor | None = None,
        prefix: Tensor | None = None, states: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        """nll of the clean codes and of each variant's; NaN at frames that the scoring leaves out.

        Args:
            clean: [K, T].
            corrupted: [K, T'] each.
            pattern: the scoring.
            known: the clean nll [K, T], where it was computed before.
            prefix: embeddings [1, L, D] before the first step.
            states: [1, L, D], what the cross-attention sees.

        Shape:
            -> [K, T], and [K, T'] each
        """
        one_by_one = not together(clean.device)
        codes = [clean, *corrupted]
        steps, targets = ([f(c[None]) for c in codes] for f in (pattern.layout, pattern.targets))
        starts = _starts([c.cpu()[None] for c in codes], pattern)
        # One that is the beginning of the clean sequence has no step of its own.
        begun = {i: start for i, start in starts.items() if start is not None and start < steps[i].shape[2]}
        size = steps[0].shape[2]
        blocks = _blocks(size) if one_by_one else [0, size]
        changed = {i: blocks[bisect(blocks, start) - 1] if one_by_one else start for i, start in begun.items()}
        before = 0 if prefix is None else prefix.shape[1]
        memory = self._memory(before + max(s.shape[2] for s in steps))
        memory.cross = None if states is None else self.decoder.cross(states)
        if prefix is not None:
            self.decoder.run(prefix, 0, memory)

        def run(which: Sequence[int], start: int, stop: int | None, memory: Memory) -> Tensor:
            x = self.decoder.embed(torch.cat([steps[i][..., start:stop] for i in which]))
            return self.decoder.run(x, before + start, memory)

        def score(which: Sequence[int]) -> list[Tensor]:
            start = min(changed[i] for i in which)
            # Alone, a variant takes the place of the clean steps, and of those of variants that began later.
            own = memory if one_by_one else memory.copies(len(which), before + start)
            found = self.decoder.nll(run(which, start, None, own), torch.cat([targets[i][..., start:] for i in which]))
            return [torch.cat([nll[0][..., :start], mine[None]], 2) for mine in found]

        needed = size if known is None else max(changed.values(), default=0)
        parts = []
        for start, stop in pairwise(blocks):
            if start >= needed:
                break
            hidden = run([0], start, min(stop, needed), memory)
            if known is None:
                parts.append(self.decoder.nll(hidden, targets[0][..., start:stop]))
        nll = {0: torch.cat(parts, 2) if known is None else pattern.spread(known[None, :, pattern.first :], 0.0)}
        nll |= {i: nll[0][..., : steps[i].shape[2]] for i in starts if i not in changed}
        by_size: dict[int, list[int]] = {}
        for i in sorted(changed, key=lambda i: -changed[i]):
            by_size.setdefault(0 if one_by_one else steps[i].shape[2], []).append(i)
        for group in by_size.values():
            nll |= zip(group, self.batches(group, clean.device, score), strict=True)
        found = [F.pad(pattern.align(nll[i])[0], (pattern.first, 0), value=torch.nan) for i in range(len(steps))]
        return found[0], found[1:]

    def _memory(self, steps: int) -> Memory:
        if self.kept is None or not self.kept.fits(steps, self.decoder.positions(0, 1)):
            self.kept = None  # before there is another one
            self.kept = self.decoder.memory(steps)
        return self.kept


def _blocks(size: int) -> list[int]:
    """Where blocks of so many steps begin, and the end; the last block has less than twice `BLOCK`."""
    return [*range(0, max(size - BLOCK, 0) + 1, BLOCK), size]


def _starts(codes: Sequence[Tensor], pattern: Pattern) -> dict[int, int | None]:
    """For each variant the first step whose input or target differs from the clean one's; None if none does.

    Args:
        codes: [1, K, T'] each, the clean ones first; on the CPU, where looking at them waits for nothing.
    """
    both = [torch.cat([pattern.layout(c), pattern.targets(c)], 1) for c in codes]
    found: dict[int, int | None] = {}
    for i, own in enumerate(both[1:], 1):
        size = min(both[0].shape[2], own.shape[2])
        differs = (own[..., :size] != both[0][..., :size]).any(1)[0].nonzero()
        same = None if own.shape == both[0].shape else size
        found[i] = int(differs[0]) if len(differs) else same
    return found
