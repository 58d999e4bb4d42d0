"""Our layout and alignment against audiocraft's own DelayedPatternProvider, which MusicGen was trained with."""

import pytest
import torch

from noiseprobe.models.patterns import pattern

pytestmark = pytest.mark.slow  # importing audiocraft takes 15 s


@pytest.mark.parametrize("delays", [(0, 1, 2, 3), (0, 0, 1, 1, 2, 2, 3, 3)])
def test_layout_and_alignment_are_audiocrafts(delays: tuple[int, ...]) -> None:
    audiocraft = pytest.importorskip("audiocraft.modules.codebooks_patterns", reason="audiocraft isn't installed")
    k, frames, special = len(delays), 20, 7
    provider = audiocraft.DelayedPatternProvider(k, delays=list(delays)).get_pattern(frames)
    codes = torch.randint(special, (2, k, frames), generator=torch.Generator().manual_seed(0))
    theirs, _, _ = provider.build_pattern_sequence(codes, special, keep_only_valid_steps=False)
    ours = pattern("delay", delays, special)
    layout = ours.layout(codes)
    # theirs has one more step, which is only ever predicted
    assert torch.equal(theirs[..., : layout.shape[-1]], layout)
    logits = torch.randn(2, 3, k, layout.shape[-1], generator=torch.Generator().manual_seed(1))  # [B, card, K, S]
    values, _, mask = provider.revert_pattern_logits(logits, special_token=float("nan"), keep_only_valid_steps=False)
    aligned = ours.align(logits.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert bool(mask.all())
    assert torch.equal(values, aligned)
