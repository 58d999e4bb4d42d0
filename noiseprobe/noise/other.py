"""Other music: the span holds what another clip of the data has at the same place in time.

The other clip is of the same song or of another (`song`); which one it is hangs on seed and clip alone, among those
that reach the end of the last span (`data.others`), and its id is recorded. All spans of a variant are of one clip. It
stands there hard, or with `fade` crossfaded with the music, keeping the power (`tools.crossfade`: inside the span, at
most half of it each, none at the clip's own ends).

`level=match` gives each span's content the RMS over all channels of the music that it replaces, before fades;
`level=null` puts it in as it is. Silence can't be matched: under `match`, a clip whose other clip is silent in a span,
or so soft that it would need more than 60 dB, is rejected, while music that is silent there itself stays silent
(a row with null `level_db`). Without a clip that is long enough this one is rejected.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import CannotCorrupt, Corruption, Draws, Heard, decibel, inside, measure, rms
from noiseprobe.noise.tools import crossfade
from noiseprobe.variants import Span

CHANGES = "samples"
WHOLE = False

MOST_DB = 60.0  # what is so much softer than the music is noise, dither or the tail of a fade, and no music


@dataclass(frozen=True)
class Options:
    """The keys of other.

    Attributes:
        song: whose clip: of the `same` song, or of an `other`.
        level: `match`: as loud as what it replaces; None: as it is.
        fade: seconds of crossfade with the music.
    """

    song: str = "other"
    level: str | None = "match"
    fade: float = 0.0

    @property
    def level_key(self) -> str | None:
        return self.level


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    level = raw["level"]
    return Options(
        song=checks.choice("noise.song", raw["song"], ["same", "other"]),
        level=None if level is None else checks.choice("noise.level", level, ["match"], "or null (as it is)"),
        fade=crossfade.fade(raw),
    )


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    audio, spans = heard.audio.copy(), [s for s in spans if s.stop > s.start]
    if not spans:
        return Corruption(audio)
    donor, found = heard.others(options.song, spans[-1].stop)
    silent = False
    for span in spans:
        music, content = (x[:, span.start : span.stop] for x in [heard.audio, found])
        if options.level == "match":
            content = content * _gain(music, content, donor)
            silent |= not music.any()
        up = crossfade.rise(music.shape[1], round(options.fade * heard.sample_rate), crossfade.seams(heard, span))
        audio[:, span.start : span.stop] = crossfade.mixed(music, content, up)
    level_db = None if options.level is None or silent else decibel(rms(inside(heard.audio, spans)))
    return Corruption(audio, measure(heard.audio, audio, spans, level_db=level_db, other=donor))


def _gain(music: np.ndarray, content: np.ndarray, donor: str) -> float:
    """What makes the content as loud as the music; 0 where the music is silent."""
    wanted, given = rms(music), rms(content)
    if wanted and not given:
        raise CannotCorrupt(f"the other clip, {donor}, is silent where this one isn't: no level to match")
    gain = wanted / given if wanted else 0.0
    if gain and 20 * math.log10(gain) > MOST_DB:
        raise CannotCorrupt(f"the other clip, {donor}, is more than {MOST_DB:g} dB softer than this one there")
    return gain
