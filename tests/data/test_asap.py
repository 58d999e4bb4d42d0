"""ASAP: clones of a few files, which scores they give, and what is said of folders that are none."""

import csv

import pytest
import torch
from midibytes import midi, scale, tempo, track
from running import composed

from noiseprobe import config
from noiseprobe.config import DataConfig
from noiseprobe.data import scores
from noiseprobe.data.sources import asap
from noiseprobe.errors import NoiseprobeError
from noiseprobe.score.render import Renderer

COLUMNS = [
    "composer", "title", "folder", "xml_score", "midi_score", "midi_performance", "performance_annotations",
    "midi_score_annotations", "maestro_midi_performance", "maestro_audio_performance", "start", "end",
    "audio_performance",
]  # fmt: skip


def row(composer, title, folder, performance, **changed):
    files = {
        "xml_score": "xml_score.musicxml", "midi_score": "midi_score.mid", "midi_performance": f"{performance}.mid",
        "performance_annotations": f"{performance}_annotations.txt",
        "midi_score_annotations": "midi_score_annotations.txt",
    }  # fmt: skip
    values = {"composer": composer, "title": title, "folder": folder, "start": "12.5", "end": ""}
    return dict.fromkeys(COLUMNS, "") | values | {k: f"{folder}/{v}" for k, v in files.items()} | changed


ROWS = [
    row("Bach", "Fugue_bwv_846", "Bach/Fugue/bwv_846", "Shi05M"),
    row("Bach", "Fugue_bwv_846", "Bach/Fugue/bwv_846", "Lee01M"),
    row("Schubert", "Sonata_894", "Schubert/894_no_repeat", "X01"),
    row("Schubert", "Sonata_894", "Schubert/894_repeat", "X02"),
    row("Bach", "Prelude_bwv_875", "Bach/Prelude/bwv_875", "Y01"),
    row("Bach", "Prelude_bwv_875", "Bach/Prelude/bwv_875", "Y02"),
]


@pytest.fixture
def clone(tmp_path):
    root = tmp_path / "asap-dataset"
    for r in ROWS:
        scale(root / r["midi_score"], 5.0)
        scale(root / r["midi_performance"], 9.0)
    table(root, ROWS)
    return root


def table(root, rows, columns=COLUMNS):
    root.mkdir(exist_ok=True)
    with (root / "metadata.csv").open("w", newline="") as f:
        writer = csv.DictWriter(f, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def options(root):
    return asap.Options(root, scores.SOUNDFONT, -23.0)


def manifest(root, shortest=0.0, **changed):
    known = {"name": "asap", "source": "asap", "duration": 3.0, "limit": None, "batch_size": 1, "num_workers": 0}
    return asap.listing(DataConfig(**(known | changed), options=options(root)), shortest)


def reasons(found):
    return {r.path: r.reason for r in found.rejected}


def test_each_score_is_one_clip_from_its_begin(clone):
    found = manifest(clone)
    assert [(c.id, c.group, c.song, c.start, c.duration) for c in found.clips] == [
        ("Bach/Fugue/bwv_846/midi_score.mid#0.0", "Bach", "Fugue_bwv_846", 0.0, 3.0),
        ("Bach/Prelude/bwv_875/midi_score.mid#0.0", "Bach", "Prelude_bwv_875", 0.0, 3.0),
        ("Schubert/894_no_repeat/midi_score.mid#0.0", "Schubert", "Sonata_894", 0.0, 3.0),
        ("Schubert/894_repeat/midi_score.mid#0.0", "Schubert", "Sonata_894", 0.0, 3.0),
    ]
    assert found.rejected == ()
    assert all(len(c.content) == 64 for c in found.clips)


def test_bad_and_missing_scores_are_rejected_once_with_reasons(clone):
    (clone / "Bach/Fugue/bwv_846/midi_score.mid").write_bytes(b"")
    (clone / "Schubert/894_repeat/midi_score.mid").unlink()
    (clone / "Bach/Prelude/bwv_875/midi_score.mid").write_bytes(midi(track((0, tempo(500_000)))))
    found = manifest(clone)
    assert [c.id for c in found.clips] == ["Schubert/894_no_repeat/midi_score.mid#0.0"]
    assert len(found.rejected) == 3
    assert reasons(found) == {
        "Bach/Fugue/bwv_846/midi_score.mid": "an empty file",
        "Schubert/894_repeat/midi_score.mid": "No such file or directory",
        "Bach/Prelude/bwv_875/midi_score.mid": "no note in the file",
    }


def test_rows_without_a_score_are_rejected_by_their_number(clone):
    table(clone, [ROWS[0], ROWS[1] | {"midi_score": " "}])
    found = manifest(clone)
    assert len(found.clips) == 1
    assert reasons(found) == {"metadata.csv": "row 3 names no midi_score"}


def test_a_limit_goes_round_the_pieces(clone):
    assert [c.song for c in manifest(clone, limit=3).clips] == ["Fugue_bwv_846", "Prelude_bwv_875", "Sonata_894"]


def test_a_short_score_keeps_its_length_if_the_noise_fits(clone):
    scale(clone / ROWS[0]["midi_score"], 2.0)
    assert [c.duration for c in manifest(clone, shortest=2.0).clips] == [2.0, 3.0, 3.0, 3.0]
    assert "2.000 s are too short" in reasons(manifest(clone, shortest=2.5))[ROWS[0]["midi_score"]]


def test_a_clip_is_played(clone):
    clip = manifest(clone).clips[0]
    audio = asap.decode(clip, 32_000, 2, options(clone))
    assert (audio.shape, audio.dtype) == ((2, 96_000), torch.float32)
    assert asap.renderer(options(clone)) == Renderer(scores.SOUNDFONT, -23.0)


# Other folders


def refusal(root):
    with pytest.raises(NoiseprobeError) as caught:
        manifest(root)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "git clone https://github.com/fosfrancesco/asap-dataset" in message
    assert str(root) in message
    return message


def test_a_folder_without_the_table(tmp_path):
    assert "data.root: no metadata.csv in" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "column composer"),
        (b"", "column composer"),
        (b"composer,title,folder\nBach,x,y\n", "column midi_score"),
        (b"composer,title,midi_score\n", "names no score"),
        (b"composer,title,midi_score\nFu\xdf,x,y\n", "utf-8"),
        (b'composer,title,midi_score\n"' + b"x" * 200_000, "field larger"),
    ],
)
def test_another_table(tmp_path, content, message):
    (tmp_path / "metadata.csv").write_bytes(content)
    assert message in refusal(tmp_path)


def test_a_folder_in_the_tables_place(tmp_path):
    (tmp_path / "metadata.csv").mkdir()
    with pytest.raises(NoiseprobeError, match="Is a directory"):
        manifest(tmp_path)


# Options


def test_it_composes_and_is_checked(clone):
    data = config.check(composed("data=asap", f"data.root={clone}")).data
    assert (data.name, data.source, data.options) == ("asap", "asap", options(clone))
    assert len(asap.listing(data).clips) == 4


def test_without_a_root_it_says_what_to_clone():
    with pytest.raises(NoiseprobeError, match=r"data\.root: got null, .*git clone"):
        config.check(composed("data=asap"))


def test_start_is_no_key_of_it(clone):
    with pytest.raises(NoiseprobeError, match=r"data\.start: unknown key"):
        config.check(composed("data=asap", f"data.root={clone}", "+data.start=3"))
