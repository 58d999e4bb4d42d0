"""Every kind of noise that there is keeps the promises of `noiseprobe.noise.base`.

Kinds are found, not listed: a new one is held to all of this. Where a kind is an exception it is named here, and so
found out when it is no longer one.
"""

import json
import math
import os
import subprocess
import sys
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hearing import HOP, RATE, db, outside
from kinds import CHANGES, KINDS, PLACES, ToyCodec, attempt, corrupt, module, result
from omegaconf import OmegaConf
from running import composed

from noiseprobe import positions
from noiseprobe.config import PACKAGE
from noiseprobe.noise.base import Corruption, Measured
from noiseprobe.variants import Fixed, Place

PRESETS = sorted(p.stem for p in (PACKAGE.parent / "conf/noise").glob("*.yaml"))
IDLE = {"token_self"}  # controls, which change nothing
PERMUTING = {"notes_structure"}  # whose frame map isn't increasing, as their docstring says
every_kind = pytest.mark.parametrize("kind", KINDS)
every_case = pytest.mark.parametrize(("kind", "places"), [(kind, places) for kind in KINDS for places in PLACES])


@lru_cache
def preset(name):
    """The noise section that Hydra composes of a yaml."""
    return composed(f"noise={name}").noise


def frames_in(spans, frames):
    inside = np.zeros(frames, dtype=bool)
    for s in spans:
        inside[s.on : s.off] = True
    return inside


# What it declares


def test_there_are_kinds():
    assert len(KINDS) >= 8
    assert "base" not in KINDS
    assert set(KINDS) >= IDLE | PERMUTING


@every_kind
def test_it_declares_what_a_kind_has(kind):
    m = module(kind)
    assert m.CHANGES in ["samples", "time", "codes", "score"]
    assert isinstance(m.WHOLE, bool)
    assert is_dataclass(m.Options)
    assert m.Options.__dataclass_params__.frozen
    assert callable(m.options)
    assert callable(m.corrupt)
    assert len(m.__doc__.splitlines()[0]) > 20
    assert m.Options() == m.Options(), "defaults that aren't equal to themselves have no identity"
    for f in fields(m.Options):
        value = getattr(m.Options(), f.name)
        for v in value if isinstance(value, tuple) else [value]:
            assert v is None or isinstance(v, bool | int | float | str), f"{f.name} is no plain value"
        assert f.name not in ["kind", *positions.KEYS]
    json.dumps({f.name: getattr(m.Options(), f.name) for f in fields(m.Options)})


@every_kind
def test_its_yaml_has_its_keys_at_its_defaults(kind):
    m = module(kind)
    raw = preset(kind)
    own = {f.name: getattr(m.Options(), f.name) for f in fields(m.Options)}
    assert set(raw) == {"kind", *positions.KEYS, *own}
    assert raw.kind == kind
    assert {key: raw[key] for key in own} == own
    assert [raw[key] for key in positions.KEYS] == [None] * len(positions.KEYS)
    checked = m.options({key: raw[key] for key in own})
    assert checked == m.Options()
    assert repr(checked) == repr(m.Options()), "1 and 1.0 are equal, and two identities"


@pytest.mark.parametrize("name", PRESETS)
def test_each_yaml_is_of_a_kind(name):
    raw = preset(name)
    assert raw.kind in KINDS
    m = module(raw.kind)
    assert m.options({f.name: raw[f.name] for f in fields(m.Options)})
    assert positions.variants(OmegaConf.to_container(raw), raw.kind, m.WHOLE, duration=15.0)


def test_each_kind_has_a_yaml():
    assert set(KINDS) <= set(PRESETS)


@every_kind
def test_a_key_that_it_lacks_is_refused_by_name(kind):
    for f in fields(module(kind).Options):
        with pytest.raises(KeyError, match=f.name):
            module(kind).options({g.name: getattr(module(kind).Options(), g.name) for g in fields(
                module(kind).Options) if g.name != f.name})  # fmt: skip


def test_kinds_are_imported_without_heavy_libraries():
    heavy = ["torch", "torchaudio", "scipy", "librosa", "pyloudnorm", "pandas"]
    names = ", ".join(f"noiseprobe.noise.{kind}" for kind in KINDS)
    code = f"import sys, {names}; print([m for m in {heavy} if m in sys.modules])"
    assert _python(code).strip() == "[]"


# What it keeps


@every_case
def test_it_keeps_what_it_promises(kind, places):
    for channels in [1, 2]:
        r = result(kind, places, channels)  # nothing here is rejected
        _is_whole(r, channels)
        PROMISES[CHANGES[kind]](kind, r)


def _is_whole(r, channels):
    assert isinstance(r.made, Corruption)
    if r.made.audio is not None:
        assert r.made.audio.dtype == np.float32
        assert r.made.audio.ndim == 2
        assert len(r.made.audio) == channels
        assert np.isfinite(r.made.audio).all()
    samples = r.clean.shape[1] if r.made.audio is None else r.made.audio.shape[1]
    assert r.codes[1].shape == (3, math.ceil(samples / HOP))
    assert r.codes[1].dtype == torch.long
    assert r.codes[1].min() >= 0
    assert r.codes[1].max() < ToyCodec.cardinality


def _samples(kind, r):
    assert r.made.recode is None
    assert r.made.frame_map is None
    assert r.made.audio.shape == r.clean.shape
    assert outside(r.made.audio, r.spans).tobytes() == outside(r.clean, r.spans).tobytes()


def _map(kind, r):
    """Which frames are mapped, of a clip of whole frames."""
    to, frames, first = r.made.frame_map, r.clean.shape[1] // HOP, r.spans[0].start
    assert (to.dtype, to.shape) == (np.int64, (frames,))
    assert to.min() >= -1
    assert to.max() < math.ceil(r.made.audio.shape[1] / HOP)
    assert to[: first // HOP].tolist() == list(range(first // HOP))
    mapped = np.flatnonzero(to >= 0)
    assert len(set(to[mapped])) == len(mapped), "two frames can't have become one"
    if kind in PERMUTING:
        assert "permutation" in module(kind).__doc__
    else:
        assert (np.diff(to[mapped]) > 0).all()
    # by default no span is made longer, so no frame beside the spans is pushed out
    spans = [s for s in r.spans if s.stop > s.start]
    lost = set(np.flatnonzero(~frames_in(spans, frames))) - set(mapped)
    assert lost <= ({s.off for s in spans} if kind in PERMUTING else set())  # a bar may come half a frame late
    return mapped


def _time(kind, r):
    clean, now, first = r.clean, r.made.audio, r.spans[0].start
    assert r.made.recode is None
    assert now[:, :first].tobytes() == clean[:, :first].tobytes()
    for t in _map(kind, r):
        i = r.made.frame_map[t]
        was, became = clean[:, t * HOP : (t + 1) * HOP], now[:, i * HOP : (i + 1) * HOP]
        assert was.tobytes() == became.tobytes(), f"frame {t} isn't what frame {i} is now"


def _codes(kind, r):
    before, after = (x.numpy() for x in r.codes)
    free = ~frames_in(r.spans, before.shape[1])
    assert r.made.frame_map is None
    assert r.made.recode is not None
    assert before.shape == after.shape
    assert (before[:, free] == after[:, free]).all()
    assert r.made.audio is None or r.made.audio.shape == r.clean.shape


def _score(kind, r):
    assert r.made.recode is None
    assert r.made.audio.shape == r.clean.shape
    if r.made.frame_map is not None:
        _map(kind, r)


PROMISES = {"samples": _samples, "time": _time, "codes": _codes, "score": _score}


@every_kind
@pytest.mark.parametrize("channels", [1, 2])
def test_a_span_of_length_0_changes_nothing(kind, channels):
    r = result(kind, "nothing", channels)
    assert r.made.audio is None or CHANGES[kind] == "codes" or r.made.audio.tobytes() == r.clean.tobytes()
    assert torch.equal(*r.codes)
    assert r.made.frame_map is None or r.made.frame_map.tolist() == list(range(len(r.made.frame_map)))
    m = r.made.measured
    assert (m.level_db, m.noise_db, m.music_db, m.level_lufs, m.noise_lufs, m.over_full_scale) == (*[None] * 5, 0)
    assert (m.other, r.donors) == (None, [])


@every_case
def test_it_changes_every_span_that_has_a_length(kind, places):
    for channels in [1, 2]:
        r = result(kind, places, channels)
        if kind in IDLE:
            assert torch.equal(*r.codes)
            assert r.made.audio is None or r.made.audio.tobytes() == r.clean.tobytes()
            continue
        for s in r.spans:
            if s.stop > s.start:
                some = 0.1 if CHANGES[kind] == "score" else 0.5  # notes that stay sound as before
                assert _changed(kind, r, s) > some


def _changed(kind, r, s):
    """The share of a span's frames or samples that is something else now."""
    if CHANGES[kind] == "codes":
        before, after = (x[:, s.on : s.off] for x in r.codes)
        return (before != after).any(0).float().mean()
    if CHANGES[kind] == "time":
        return (r.made.frame_map[s.on : s.off] != np.arange(s.on, s.off)).mean()
    return (r.made.audio[:, s.start : s.stop] != r.clean[:, s.start : s.stop]).mean()


# Draws


@every_kind
@pytest.mark.parametrize("places", ["two", "long"])
def test_the_same_comes_out_twice(kind, places):
    assert corrupt(kind, places).fingerprint == result(kind, places).fingerprint


@every_kind
def test_another_seed_gives_another_result_if_anything_is_drawn_and_else_the_same(kind):
    others = [corrupt(kind, "long", seed=seed) for seed in [1, 2]]  # seeds whose noise isn't kept from before
    different = len({result(kind, "long").fingerprint, *(r.fingerprint for r in others)})
    assert different == (3 if others[0].draws else 1)


@every_kind
def test_what_it_draws_is_keyed_by_its_own_spans_or_by_the_clip(kind):
    r = corrupt(kind, "two", seed=3)
    onsets = {onset for onset, _ in (d for d in r.draws if d != "recode")}
    assert onsets <= ({0.0} if CHANGES[kind] == "score" else set()) | {s.onset for s in r.spans}


def test_another_process_gives_the_same():
    found = json.loads(_python("import kinds; kinds.report()").splitlines()[-1])
    assert set(found) == set(KINDS)
    for kind, fingerprint in found.items():
        assert result(kind, "two", 2).fingerprint == fingerprint, kind


def _python(code):
    """What a fresh process prints, with other hashes of strings and more threads (conftest.py: one)."""
    env = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "3"}
    env["PYTHONPATH"] = os.pathsep.join(map(str, [Path(__file__).parents[1], PACKAGE.parent]))
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# What it measures


@every_case
def test_what_it_says_is_what_is_there(kind, places):
    for channels in [1, 2]:
        r = result(kind, places, channels)
        _is_plain(r.made.measured)
        if any(s.stop > s.start for s in r.spans):
            _is_true(kind, r)


def _is_plain(m):
    assert isinstance(m, Measured)
    for f in fields(Measured):
        value = getattr(m, f.name)
        assert value is None or isinstance(value, str) or math.isfinite(value), f.name
    assert isinstance(m.over_full_scale, int)


def _is_true(kind, r):
    m, asked = r.made.measured, getattr(module(kind).Options(), "level", None)
    was = [r.clean[:, s.start : s.stop] for s in r.spans]
    assert m.music_db == pytest.approx(db(*was), abs=1e-4)
    assert m.level_db == (pytest.approx(db(*was), abs=1e-4) if asked == "match" else None)
    if r.made.audio is None or r.made.frame_map is not None:  # what stands there now stands elsewhere
        return
    now = [r.made.audio[:, s.start : s.stop] for s in r.spans]
    silent = not any(x.any() for x in now)
    assert m.noise_db == (None if silent else pytest.approx(db(*now), abs=1e-4))
    assert m.over_full_scale == sum(int((np.abs(x) > 1).sum()) for x in now)
    if m.level_db is not None:
        assert m.noise_db == pytest.approx(m.level_db, abs=0.1)


@every_kind
def test_it_says_which_other_clip_it_took(kind):
    r = result(kind, "two")
    assert len(r.donors) <= 1
    assert r.made.measured.other == (r.donors[0][2] if r.donors else None)
    for _, samples, _ in r.donors:
        assert r.spans[-1].stop <= samples <= r.clean.shape[1]


# Places that meet frames in other ways


@every_kind
@pytest.mark.parametrize(("start", "n"), [(0, 1), (32_100, 32), (128_000 - 641, 641), (128_000 - 1, 1)])
def test_tiny_spans_work_or_are_rejected_with_a_reason(kind, start, n):
    r, why = attempt(kind, ((start / RATE, n / RATE),))
    if r is None:
        assert len(why) > 10
    else:
        _is_whole(r, 1)
        PROMISES[CHANGES[kind]](kind, r)


@every_kind
def test_spans_may_touch_and_share_a_frame(kind):
    """As scattered ones do: the frame is the earlier one's, and a span may have none of its own."""
    places = ((1.0, 0.41), (1.41, 0.4), (1.815, 0.005), (1.825, 0.4))
    spans = Fixed(tuple(Place(*p) for p in places)).spans(RATE, HOP, 128_000, np.random.RandomState(0))
    assert [(s.on, s.off) for s in spans] == [(50, 71), (71, 91), (91, 91), (91, 112)]
    r, why = attempt(kind, spans)
    if r is not None:
        PROMISES[CHANGES[kind]](kind, r)
        assert any(_changed(kind, r, s) > 0.1 for s in spans if s.off > s.on) or kind in IDLE
    else:
        assert why
