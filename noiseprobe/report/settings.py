"""In what the cells and variants of a sweep differ: the words for columns, lines and panels, without pandas.

A setting says for one row of the index what it was, key by key: model, data, kind of noise, the kind's keys, where the
noise is, seed. Of the kind's keys those count whose value differs between rows of the same kind; that another kind has
other keys is told by its name. No two rows have the same setting, so no two are taken for repetitions of each other.
"""

import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

Setting = dict[str, Hashable]

FIRST = ["model", "backend", "data", "condition", "precision", "noise"]  # then the kind's keys
PLACE = ["places", "share", "piece_s", "onset_s", "length_s"]
LAST = ["seed", "clips", "cell"]
# instead of a length: noise up to the end of the clip; from its beginning, too
END, WHOLE = "to the end", "whole clip"

ONE_PLACE = re.compile(r"(?P<onset_s>[\d.e-]+)s\+(?:end|(?P<length_s>[\d.e-]+)s)")
SCATTERED = re.compile(r"(?P<share>[\d.e-]+)%x(?P<piece_s>[\d.e-]+)s(?:>(?P<onset_s>[\d.e-]+)s)?")
# how a value is told; else its key and itself
TEXTS = {
    "length_s": "{} s", "onset_s": "from {} s on", "share": "{} % of the clip", "piece_s": "in pieces of {} s",
    "level": "level {}", "cell": "cell {}",
    **dict.fromkeys(["model", "data", "noise", "condition", "precision", "backend", "places"], "{}"),
    "clips": "{} clips",
}  # fmt: skip


def settings(rows: Sequence[Mapping[str, Any]]) -> list[Setting]:
    """The setting of each row of an index, with the same keys for all; None where a key says nothing of a row."""
    weights: dict[str, set[str]] = {}
    clips: dict[str, int] = {}
    for row in rows:
        weights.setdefault(row["model"], set()).add(row["weights"])
        clips[row["cell"]] = max(clips.get(row["cell"], 0), row["n_clips"])
    taken = {*FIRST, *PLACE, *LAST}
    own = [
        {f"noise.{n}" if n in taken else n: value for n, value in options.items()}
        for options in differing_options([(row["noise"], row["options"]) for row in rows])
    ]
    names = list(dict.fromkeys(name for options in own for name in options))
    found: list[Setting] = []
    for row, options in zip(rows, own, strict=True):
        several = len(weights[row["model"]]) > 1
        first = {name: row[name] for name in FIRST}
        first["model"] = f"{row['model']}@{row['weights'][:4]}" if several else row["model"]
        place = dict.fromkeys(PLACE) | _place(row["variant"])
        found.append({**first, **{n: options.get(n) for n in names}, **place, "seed": row["seed"]})
    # Data of the same name with other clips, and whatever no key tells.
    for name, more in [("clips", [clips[r["cell"]] for r in rows]), ("cell", [r["cell"][-8:] for r in rows])]:
        if len({tuple(s.items()) for s in found}) < len(found):
            found = [{**s, name: value} for s, value in zip(found, more, strict=True)]
    return found


def differing_options(cells: Sequence[tuple[str, str]]) -> list[Setting]:
    """Of each cell the kind's keys whose values differ among the cells of its kind, and its values.

    Args:
        cells: kind, and its keys as JSON.

    >>> differing_options([("gain", '{"db": -6.0, "fade": 0}'), ("gain", '{"db": null, "fade": 0}')])
    [{'db': -6.0}, {'db': 'null'}]
    """
    expanded = [{k: _plain(v) for k, v in json.loads(options).items()} for _, options in cells]
    values: dict[tuple[str, str], set[Hashable]] = {}
    for (kind, _), options in zip(cells, expanded, strict=True):
        for name, value in options.items():
            values.setdefault((kind, name), set()).add(value)
    return [
        {name: value for name, value in options.items() if len(values[kind, name]) > 1}
        for (kind, _), options in zip(cells, expanded, strict=True)
    ]


def _plain(value: Any) -> Hashable:
    return json.dumps(value) if value is None or isinstance(value, list | dict) else value


def _place(variant: str) -> Setting:
    """Where the noise of a variant is, from its name."""
    where = variant.partition("@")[2]
    for pattern in [ONE_PLACE, SCATTERED]:
        if match := pattern.fullmatch(where):
            found: Setting = {k: None if v is None else float(v) for k, v in match.groupdict().items()}
            if found.get("length_s", 0) is None:
                return dict.fromkeys(found, WHOLE) if found["onset_s"] == 0 else found | {"length_s": END}
            return found
    return {"places": where}


def varying(found: Iterable[Setting]) -> list[str]:
    """The keys that have more than one value, in the order in which they are told."""
    values: dict[str, set[Hashable]] = {}
    for setting in found:
        for name, value in setting.items():
            values.setdefault(name, set()).add(value)
    return [name for name, own in values.items() if len(own) > 1]


def axis(found: Sequence[Setting]) -> str | None:
    """The number to draw delta against: of those that vary while all else stays the same the one with most values.

    The length of the noise goes before others with as many. None: no number varies so.
    """
    best, most = None, 1
    not_axes = [*FIRST, *LAST, "places"]
    for name in sorted(varying(found), key=lambda n: n != "length_s"):
        if name in not_axes:
            continue
        groups: dict[Hashable, set[Hashable]] = {}
        for setting in found:
            if is_number(setting[name]):
                rest = tuple((k, v) for k, v in setting.items() if k != name)
                groups.setdefault(rest, set()).add(setting[name])
        count = max(map(len, groups.values()), default=0)
        if count > most:
            best, most = name, count
    return best


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def label(setting: Setting, names: Iterable[str]) -> str:
    """What a setting is, as far as some keys say it.

    >>> label({"noise": "shuffle", "segment_frames": 10, "fade": None, "seed": 0}, ["noise", "segment_frames", "fade"])
    'shuffle, segment_frames 10'
    """
    # a text once: the whole clip is where and how long
    return ", ".join(dict.fromkeys(text(name, setting[name]) for name in names if setting.get(name) is not None))


def text(name: str, value: Hashable) -> str:
    """One key and its value.

    >>> text("length_s", 0.5), text("length_s", "to the end"), text("fade", 0.25), text("level", -20.0)
    ('0.5 s', 'to the end', 'fade 0.25', 'level -20')
    """
    if name in PLACE and not is_number(value):
        return str(value)
    shown = f"{value:.10g}" if isinstance(value, float) else str(value)
    return TEXTS.get(name, name + " {}").format(shown)


def ordered(values: Iterable[Hashable]) -> list[Hashable]:
    """Each once: numbers in order, then texts in order.

    >>> ordered([2.0, "to the end", 0.5, 2.0])
    [0.5, 2.0, 'to the end']
    """
    return sorted(set(values), key=lambda v: (False, float(str(v)), "") if is_number(v) else (True, 0.0, str(v)))
