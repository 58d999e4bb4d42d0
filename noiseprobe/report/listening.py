"""What the report page needs for listening: the clips of a cell with their numbers, curves, audio and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from noiseprobe.report.data import Cell, as_json, clip_curves
from noiseprobe.report.media import MB, Media
from noiseprobe.report.words import counted

CURVE_CLIPS = 100  # of a cell, whose curves are on the page
CURVES_MB = 24  # of packed curves of all cells together
PACKED = 2 * 4 / 3  # bytes of a value: int16 in base64

Kept = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Listening:
    """One cell's part of the page.

    Attributes:
        label: of the cell.
        variant: name of the default variant, whose audio is in the list.
        clips: rows of the list: id, song, group, numbers and addresses of audio of the default variant.
        note: how many have audio and curves, and how to get the rest.
        json: what the scripts read, with the other variants' audio.
    """

    label: str
    variant: str
    clips: list[dict[str, Any]]
    note: str
    json: Markup


def listenings(
    cells: Sequence[Cell], kept: Sequence[Kept], media: Media, labels: Mapping[str, str]
) -> list[Listening]:  # fmt: skip
    """Of each cell."""
    found = []
    for cell, audio in zip(cells, kept, strict=True):
        chosen = with_curves(cell, len(cells))
        curves = clip_curves(cell, chosen) if chosen else {}
        rows, data = [], []
        for clip in cell.clips:
            row, entry = _clip(cell, clip, audio.get(clip), media)
            rows.append(row)
            data.append(entry | {"curves": _in_order(cell, curves.get(clip))})
        why = why_no_curves(cell)
        found.append(Listening(
            label=labels[cell.name], variant=cell.variants[cell.default]["variant"], clips=rows,
            note=note(cell, audio, len(chosen)), json=as_json({"clips": data, "why": why}),
        ))  # fmt: skip
    return found


def with_curves(cell: Cell, cells: int) -> list[str]:
    """The clips whose curves are on the page: the first, as many as fit into this cell's share of the room."""
    if not (cell.folder / "nll.parquet").exists():
        return []
    frames = max(row["frames"] for rows in cell.clips.values() for row in rows.values())
    each = PACKED * frames * cell.meta["checkpoint"]["codebooks"] * (1 + len(cell.variants))
    room = max(int(CURVES_MB * MB / cells / each), 1)
    return list(cell.clips)[: min(room, CURVE_CLIPS)]


def why_no_curves(cell: Cell) -> str:
    if not (cell.folder / "nll.parquet").exists():
        return "No curves of single clips: run the cell with keep_nll=true force=true."
    return "This clip's curve isn't on the page; load_results().nll(clip=...) has it."


def note(cell: Cell, audio: Kept, curves: int) -> str:
    """How many clips have what."""
    n, heard = len(cell.clips), sum(clip in audio for clip in cell.clips)
    parts = [f"{cell.name}: {counted(n, 'clip')}."]
    if heard < n:
        of, how = (f"{heard:,} of them", "null") if heard else ("none", "100")
        parts.append(f"Audio was kept of {of}; run the cell with keep_audio={how} force=true for more.")
    if curves < n:
        parts.append(f"Curves of {curves:,} of {n:,} clips are on this page." if curves else why_no_curves(cell))
    if any(audio[clip]["source"] == "codes" for clip in cell.clips if clip in audio):
        parts.append("This noise changes codes, not samples: both versions are decoded from the scored codes.")
        if any(row["frames_corrupted"] < row["frames"] for own in cell.clips.values() for row in own.values()):
            parts.append("Frames were left out: the corrupted audio and its picture begin where its sequence does.")
    missing = {audio[clip]["missing"] for clip in cell.clips if clip in audio} - {None}
    parts += [f"No audio of the corrupted versions: {reason}." for reason in sorted(missing)]
    return " ".join(parts)


def _clip(
    cell: Cell, clip: str, audio: dict[str, Any] | None, media: Media
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """A clip's row of the list, and what the scripts get."""
    of_variants = cell.clips[clip]
    names = [v["variant"] for v in cell.variants]
    first = next(iter(of_variants.values()))
    stems: list[str | None] = [None] * (1 + len(names))
    if audio is not None:
        numbers = [audio["variants"].get(name) for name in names]
        stems = [f"{audio['stem']}-clean", *(None if i is None else f"{audio['stem']}-{i}" for i in numbers)]
    sound = [stem and media.address(cell, Path(f"{stem}.ogg")) for stem in stems]
    default = of_variants.get(names[cell.default])
    row = {
        "id": clip, "song": first["song"], "group": first["group"], "nll_clean": first["nll_clean"],
        "nll_corrupted": default and default["nll_corrupted"], "delta": default and default["delta"],
        "kept": audio is not None, "clean": sound[0], "corrupted": sound[1 + cell.default],
    }  # fmt: skip
    own = [of_variants.get(name) for name in names]
    rate = cell.meta["frame_rate"]
    in_list = {0, 1 + cell.default}  # not twice on the page
    return row, {
        "frames": first["frames"],
        "rows": [v and {"nll": v["nll_corrupted"], "delta": v["delta"], "spans": v["spans"]} for v in own],
        "audio": [None if i in in_list else address for i, address in enumerate(sound)],
        "pictures": [stem and media.address(cell, Path(f"{stem}.webp")) for stem in stems],
        "seconds": [first["frames"] / rate, *(v and v["frames_corrupted"] / rate for v in own)],
        "why": _why_no_audio(audio),
    }


def _why_no_audio(audio: dict[str, Any] | None) -> str:
    if audio is None:
        return "No audio was kept of this clip: run the cell with keep_audio=null force=true."
    return f"No audio of the corrupted clip: {audio['missing']}" if audio["missing"] else "No audio of this variant."


def _in_order(cell: Cell, curves: dict[str, Any] | None) -> dict[str, Any] | None:
    """A clip's curves with its variants in the cell's order."""
    if curves is None:
        return None
    return {"clean": curves["clean"], "variants": [curves["variants"].get(v["variant"]) for v in cell.variants]}


def audio_note(cells: Sequence[Cell], kept: Sequence[Kept], media: Media) -> str:
    """Where the audio is, and how large."""
    clips = sum(len(cell.clips) for cell in cells)
    heard = sum(clip in audio for cell, audio in zip(cells, kept, strict=True) for clip in cell.clips)
    if not heard:
        return "No audio was kept of these clips; run the cells with keep_audio=100 force=true to hear them."
    size = f"{media.bytes / MB:,.1f} MB"
    of = f"{heard:,} of {clips:,} clips" if heard < clips else counted(clips, "clip")
    if media.embedded:
        return f"Audio and spectrograms of {of}, {size}, are part of this file."
    where = "beside it" if not media.copied else f"in {media.page.stem}_audio beside it"
    return f"Audio and spectrograms of {of}, {size}, are not part of this file but {where}: keep them together."
