"""Our evaluation of the windowed sinc against torchaudio's own filters, at rates where both can be had."""

import pytest
import torch
import torchaudio

from noiseprobe.data import audio


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_each_output_sample_is_torchaudios(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, rate // 3 + 1, generator=torch.Generator().manual_seed(rate))
    # in float64, where its filters are as exact as ours (in float32 they are off by 1e-4 at 22,050 Hz)
    expected = torchaudio.functional.resample(x.double(), rate, 32_000).float()
    monkeypatch.setattr(audio, "MAX_FILTER", 0)
    monkeypatch.setattr(audio, "CHUNK", 1000)
    torch.testing.assert_close(audio.resample(x, rate, 32_000), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("rate", [44_101, 22_051, 31_999])
def test_rates_without_a_common_factor_keep_a_sine(rate: int) -> None:
    seconds, hertz = 0.5, 1000.0
    x = torch.sin(2 * torch.pi * hertz * torch.arange(round(rate * seconds), dtype=torch.float64) / rate).float()
    y = audio.resample(x[None], rate, 32_000)[0].double()
    expected = torch.sin(2 * torch.pi * hertz * torch.arange(len(y), dtype=torch.float64) / 32_000)
    inner = slice(100, -100)  # the ends see the silence around the clip
    assert (y - expected)[inner].abs().max() < 2e-3
