"""The clip's own tokens: the same audio is encoded again, and its frames are asked for in the span."""

from pathlib import Path

import numpy as np
import pytest
from running import composed

from noiseprobe.config import check
from noiseprobe.data.manifest import Clip
from noiseprobe.noise.base import Draws, Heard, NoOptions
from noiseprobe.noise.token_self import CHANGES, WHOLE, corrupt
from noiseprobe.noise.tools.splice import Splice
from noiseprobe.variants import Fixed, Place, Variant

RATE, HOP, N = 1000, 20, 4000


def test_the_clip_itself_is_encoded_once_more():
    audio = np.random.RandomState(0).normal(0, 0.1, (2, N)).astype(np.float32)
    heard = Heard(Clip("a#0.0", Path("a"), 0, 4, "s", "g"), audio, RATE, HOP, None)
    variant = Variant("token_self", Fixed((Place(1, 0.5), Place(3, None))))
    spans = variant.spans(RATE, HOP, N, np.random.RandomState(0))
    made = corrupt(heard, spans, Draws(0, "a#0.0", "token_self", ""), NoOptions())
    assert made.audio.tobytes() == audio.tobytes()
    assert not np.shares_memory(made.audio, audio)
    assert made.recode == Splice(((50, 75), (150, 200)))
    assert made.frame_map is None
    inside = np.concatenate([audio[:, 1000:1500], audio[:, 3000:]], 1).astype(float)
    assert made.measured.music_db == made.measured.noise_db == pytest.approx(10 * np.log10(np.mean(inside**2)))


def test_it_declares_what_it_does():
    assert (CHANGES, WHOLE) == ("codes", False)
    noise = check(composed("noise=token_self")).noise
    assert noise.options == NoOptions()
    assert len(noise.variants) == 6
