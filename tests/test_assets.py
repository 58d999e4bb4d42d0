"""What ships in the package: sizes, songs, licences, and a model that has learnt something."""

import csv
import json
import math
import re
from collections import defaultdict
from pathlib import Path

import pytest
import soundfile as sf
import torch
from running import composed, weights
from transformers import MusicgenForConditionalGeneration

from noiseprobe.config import PACKAGE, check
from noiseprobe.data.audio import decode
from noiseprobe.data.sources.folder import listing
from noiseprobe.models.backends.transformers import load

TINY, DEMO = PACKAGE / "assets/tiny", PACKAGE / "assets/demo"
LICENSES = {"CC-BY-SA-3.0", "MIT", "public domain"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (DEMO / "manifest.csv").open(newline="") as f:
        return list(csv.DictReader(f))


def size(folder: Path) -> float:
    """Megabytes."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def test_sizes() -> None:
    assert size(TINY) < 15
    assert size(DEMO) < 6


def test_the_demo_is_two_dozen_clips_most_of_them_released_music(rows: list[dict[str, str]]) -> None:
    assert len(rows) == 24
    assert len({r["song"] for r in rows}) >= 12
    released = [r for r in rows if r["group"] != "bach"]
    assert len(released) >= len(rows) / 2
    assert len({r["song"] for r in released}) >= len({r["song"] for r in rows}) / 2
    for row in rows:
        info = sf.info(str(DEMO / row["path"]))
        assert (info.samplerate, info.channels, info.frames) == (32_000, 1, 480_000)


def test_every_clip_names_its_title_author_source_and_licence(rows: list[dict[str, str]]) -> None:
    assert {r["path"] for r in rows} == {p.relative_to(DEMO).as_posix() for p in DEMO.rglob("*.ogg")}
    readme = (DEMO / "README.md").read_text()
    for row in rows:
        assert all(row[name].strip() for name in ["title", "author", "source"])
        assert row["license"] in LICENSES
        assert row["author"].split(" (")[0] in readme


def test_the_card_names_every_held_out_song(rows: list[dict[str, str]]) -> None:
    card = (TINY / "README.md").read_text().lower()
    for row in rows:
        assert row["title"].lower() in card, row["title"]


def test_no_demo_song_was_trained_on(rows: list[dict[str, str]]) -> None:
    """Against the recipe's list of what the model was trained on."""
    trained = json.loads((PACKAGE.parent / "recipes/tiny/songs.json").read_text())["training"]
    assert len(trained) > 30
    assert not {r["song"] for r in rows} & {name.split("__")[0] for name in trained}
    # nor another version of a piece: bwv190.7-inst is bwv190.7
    number = re.compile(r"bwv\d+(_\d+)?")
    works, held_out = (
        {m[0] for name in names if (m := number.search(name))} for names in (trained, [r["song"] for r in rows])
    )
    assert len(works) > 30
    assert len(held_out) == 7
    assert not works & held_out


def test_the_model_is_one_that_transformers_itself_loads() -> None:
    """The same logits as our backend, from the library's own from_pretrained; a text condition changes nothing."""
    whole, ours = MusicgenForConditionalGeneration.from_pretrained(TINY).eval(), load(weights(TINY), "fp32")
    steps = torch.randint(256, (1, 4, 12), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = whole.decoder(input_ids=steps[0]).logits
        conditioned = whole.decoder(
            input_ids=steps[0],
            encoder_hidden_states=torch.randn(1, 5, 128, generator=torch.Generator().manual_seed(1)),
            encoder_attention_mask=torch.ones(1, 5),
        ).logits
        torch.testing.assert_close(ours.logits(steps)[0], expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(conditioned, expected, atol=1e-5, rtol=0)


def test_the_model_has_learnt_from_music_it_never_heard() -> None:
    """Below uniform guessing in every codebook, far below in the first; codes in shuffled order score worse."""
    model = load(weights(TINY), "fp32")
    by_group: dict[str, list[torch.Tensor]] = defaultdict(list)
    shuffled = []
    for clip in listing(check(composed("data.limit=19")).data).clips:
        with torch.inference_mode():
            codes = model.encode(decode(clip, 32_000, 1)[None])
            by_group[clip.group].append(model.nll(codes)[0, :, :-3].double().mean(1))
            order = torch.randperm(codes.shape[-1], generator=torch.Generator().manual_seed(0))
            shuffled.append(model.nll(codes[..., order])[0, :, :-3].double().mean(1))
    means = torch.stack([n for group in by_group.values() for n in group])
    uniform = math.log(256)
    assert len(by_group) == 3
    assert (means.mean(0) < uniform - 0.1).all()
    assert means.mean(0)[0] < 0.6 * uniform
    assert ((torch.stack(shuffled) - means).mean(1) > 0.2).all()
