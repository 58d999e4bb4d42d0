"""How loud noise is: by RMS, or by loudness as ITU-R BS.1770 measures it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import rms
from noiseprobe.variants import Span

MODES = ["match", "clip", "lufs", "snr"]
MAX_DB = 200.0  # levels beyond are typing errors, and overflow float32 further out
LONG = 4.0  # seconds of noise on which its loudness is measured where a span is shorter than a block


@dataclass(frozen=True)
class Level:
    """How loud noise is.

    `match`: the RMS of what the noise replaces; `clip`: of the whole clip; `snr`: so many dB under the music in the
    span; a number: dBFS of the RMS; `lufs`: the loudness of what it replaces. RMS is over all channels.
    """

    mode: str | float
    snr: float | None = None

    @property
    def key(self) -> str:
        """The level in text, for keys and tables: 'match', 'clip', 'lufs', 'snr+3.0dB', '-20.0dBFS'."""
        if isinstance(self.mode, str):
            return f"snr{float(self.snr or 0) + 0.0:+}dB" if self.mode == "snr" else self.mode
        return f"{float(self.mode) + 0.0}dBFS"

    def target(self, clean: np.ndarray, span: Span) -> float | None:
        """The RMS that the noise should have, or None where silence gives no level to match. Not for `lufs`."""
        if not isinstance(self.mode, str):
            return 10 ** (self.mode / 20)
        reference = rms(clean if self.mode == "clip" else clean[:, span.start : span.stop])
        if reference == 0:
            return None
        return reference / 10 ** ((self.snr or 0.0) / 20)


def level(raw: dict[str, Any]) -> Level:
    """The checked keys `level` and `snr`.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    mode, snr = raw["level"], raw["snr"]
    if isinstance(mode, list):
        raise checks.refusal("noise.level", mode, "one level; several make a sweep: noise.level=-20,match -m")
    if isinstance(mode, int | float) and not isinstance(mode, bool):
        mode = checks.number("noise.level", mode, -MAX_DB, MAX_DB) + 0.0  # -0.0 and 0.0 are one level
    else:
        mode = checks.choice("noise.level", mode, MODES, "or a number in dBFS")
    if snr is not None:
        snr = checks.number("noise.snr", snr, -MAX_DB, MAX_DB) + 0.0
    if mode == "snr" and snr is None:
        raise checks.refusal("noise.snr", snr, "a number in dB, which noise.level=snr asks for")
    if mode != "snr" and snr is not None:
        raise checks.refusal("noise.snr", snr, f"null, since noise.level is {mode} and not snr")
    return Level(mode, snr)
