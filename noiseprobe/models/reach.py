"""How far a change of the audio reaches through a codec's convolutions: an EnCodec's are worked out, others measured.

The convolutions see a window of samples around each frame; its LSTM runs forward and carries a change on to the end of
the clip, in ever smaller amounts, which no window describes. Walking the layers backwards from output frame 0, a
convolution of kernel k, dilation r and stride s with p samples of padding on the left turns the window [lo, hi] of its
output into [lo * s - p, hi * s - p + (k - 1) * r] of its input. For MusicGen's EnCodec that is [-2402, 3025].
"""

from collections.abc import Callable

import torch
from torch import Tensor
from transformers import EncodecConfig

from noiseprobe.errors import NoiseprobeError


def window(config: EncodecConfig, last: bool = True) -> tuple[int, int]:
    """First and last sample that the convolutions see for frame 0, relative to the frame's first sample.

    Without the last of them, which comes after the LSTM, it is what goes into the LSTM.
    """
    layers: list[tuple[int, int]] = [(config.kernel_size, 1)]  # (kernel with dilation, stride), in order
    for ratio in reversed(config.upsampling_ratios):
        for j in range(config.num_residual_layers):
            layers.append(((config.residual_kernel_size - 1) * config.dilation_growth_rate**j + 1, 1))
        layers.append((2 * ratio, ratio))
    if last:
        layers.append((config.last_kernel_size, 1))
    lo = hi = 0
    for kernel, stride in reversed(layers):
        total = kernel - stride
        left = total if config.use_causal_conv else total - total // 2
        lo, hi = lo * stride - left, hi * stride - left + kernel - 1
    return lo, hi


def look(config: EncodecConfig) -> tuple[int, int]:
    """Look-ahead and look-back in frames.

    Frame n changes if hop * n + hi reaches sample hop * on, and if hop * n + lo is at most sample hop * off - 1.

    >>> look(EncodecConfig(upsampling_ratios=[8, 5, 4, 4], use_causal_conv=False))
    (4, 4)
    """
    lo, hi = window(config)
    return hi // config.hop_length, (-lo - 1) // config.hop_length + 1


def margin(config: EncodecConfig) -> tuple[int, int]:
    """Frames before and after one that what goes into the LSTM there is made of.

    >>> margin(EncodecConfig(upsampling_ratios=[8, 5, 4, 4], use_causal_conv=False))
    (1, 1)
    """
    lo, hi = window(config, last=False)
    return -(lo // config.hop_length), hi // config.hop_length


@torch.no_grad()
def measured(encode: Callable[[Tensor], Tensor], channels: int, hop: int) -> tuple[int | None, int | None]:
    """Look-ahead and look-back in frames as they show when a stretch of noise becomes another.

    Args:
        encode: what is measured: audio [1, C, N] -> [..., T]. Codes hide small changes, so it should give the features
            before they are quantised; a recurrent layer or attention left in it carries changes on to the ends.
        channels: C.
        hop: samples a frame.

    Returns:
        Each None where the change reaches that end of the audio, 50 frames away.

    Raises:
        NoiseprobeError: if nothing changes.

    >>> average = torch.nn.Conv1d(1, 1, 30, stride=10, padding=10)  # frame t sees the samples of frames t - 1 to t + 1
    >>> measured(average, 1, 10)
    (1, 1)
    """
    on, off, frames = 50, 60, 110
    random = torch.Generator().manual_seed(0)
    one, new = (0.1 * torch.randn(1, channels, n * hop, generator=random) for n in (frames, off - on))
    other = torch.cat([one[..., : on * hop], new, one[..., off * hop :]], -1)
    differs = (encode(one) != encode(other)).reshape(-1, frames).any(0).nonzero()[:, 0].tolist()
    if not differs:
        raise NoiseprobeError("encode: got the same for different audio, expected features that tell it apart")
    first, last = differs[0], differs[-1]
    return on - first if first > 0 else None, last + 1 - off if last < frames - 1 else None
