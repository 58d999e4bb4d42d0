"""A release: one version everywhere, a workflow that can do no more than it must, the wheel and the sdist."""

import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import BytesParser
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import markdown
import pytest
import yaml

import noiseprobe

CHECKOUT = Path(__file__).parents[1]
WORKFLOWS = {p.stem: yaml.safe_load(p.read_text()) for p in (CHECKOUT / ".github/workflows").glob("*.yml")}
STATED = ["noiseprobe/__init__.py", "CITATION.cff", "CHANGELOG.md"]


def recipe(name: str) -> Any:
    spec = spec_from_file_location(name, CHECKOUT / f"recipes/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_version_everywhere() -> None:
    heading = re.findall(r"^## (\S+) - ", (CHECKOUT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert heading == noiseprobe.__version__
    assert yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())["version"] == noiseprobe.__version__


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The files that state a version, as at a release of 1.2.3."""
    for name in STATED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = (CHECKOUT / name).read_text().replace(noiseprobe.__version__, "1.2.3")
        (tmp_path / name).write_text(re.sub(r"^## 1\.2\.3 - .*$", "## 1.2.3 - 2030-01-31", text, flags=re.MULTILINE))
    return tmp_path


def test_a_release_has_no_problem(release: Path) -> None:
    assert recipe("release").problems("v1.2.3", release) == []


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        (STATED[0], '"1.2.3"', '"1.2.4"', "tag: got v1.2.3, expected v1.2.4"),
        (STATED[1], "version: 1.2.3", "version: 1.2.2", "CITATION.cff: got version 1.2.2, expected 1.2.3"),
        (
            STATED[2],
            "## 1.2.3 - 2030-01-31",
            "## 1.2.3 - unreleased",
            "CHANGELOG.md: got 1.2.3 - unreleased",
        ),
        (STATED[2], "## 1.2.3", "## 1.2.4 - unreleased\n\n## 1.2.3", "CHANGELOG.md: got 1.2.4 - unreleased"),
    ],
)
def test_what_is_not_in_step_is_said(name: str, before: str, after: str, said: str, release: Path) -> None:
    text = (release / name).read_text()
    assert before in text
    (release / name).write_text(text.replace(before, after))
    assert recipe("release").problems("v1.2.3", release)[0].startswith(said)


def test_only_the_job_that_publishes_may_write_anything() -> None:
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}, name
        for job, content in workflow["jobs"].items():
            expected = {"id-token": "write"} if (name, job) == ("publish", "publish") else None
            assert content.get("permissions") == expected, (name, job)
    assert "password" not in (CHECKOUT / ".github/workflows/publish.yml").read_text()


def test_what_is_published_is_what_was_tried() -> None:
    build, publish = WORKFLOWS["publish"]["jobs"].values()
    runs = [step.get("run", "") for step in build["steps"]]
    order = ["recipes/release.py", "-m build", "twine check", "pip install dist/*.whl", "recipes/smoke.py"]
    at = [next(i for i, run in enumerate(runs) if part in run) for part in order]
    assert at == sorted(at)
    assert (publish["needs"], publish["environment"]) == ("build", "pypi")
    assert not any("run" in step for step in publish["steps"])  # no code of ours has the right to publish
    used = [step["uses"].partition("@")[0] for step in publish["steps"]]
    assert used == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert WORKFLOWS["publish"][True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true


def test_actions_are_named_by_commit_and_kept_current() -> None:
    """A tag can be moved to other code, a commit can't; Dependabot reads the version beside it."""
    texts = [p.read_text() for p in (CHECKOUT / ".github/workflows").glob("*.yml")]
    used = [line for text in texts for line in re.findall(r"uses: (.+)", text)]
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    assert len(set(used)) == len({line.partition("@")[0] for line in used})  # one version of each
    updates = yaml.safe_load((CHECKOUT / ".github/dependabot.yml").read_text())["updates"]
    assert [(update["package-ecosystem"], update["directory"]) for update in updates] == [("github-actions", "/")]


def test_what_is_published_is_checked_by_a_twine_that_knows_its_metadata() -> None:
    """The backend isn't pinned, and a twine before 7 refuses metadata 2.5, which newer backends write."""
    jobs = [WORKFLOWS["ci"]["jobs"]["build"], WORKFLOWS["publish"]["jobs"]["build"]]
    for job in jobs:
        runs = [step.get("run") for step in job["steps"]]
        assert 'python -m pip install build "twine>=7"' in runs
        assert "python -m twine check --strict dist/*" in runs


def test_recipes_that_workflows_run_are_there() -> None:
    text = "".join(p.read_text() for p in (CHECKOUT / ".github/workflows").glob("*.yml"))
    named = set(re.findall(r"recipes/\w+\.py", text))
    assert {"recipes/smoke.py", "recipes/release.py"} <= named
    assert all((CHECKOUT / name).is_file() for name in named)


@pytest.mark.parametrize("path", sorted((CHECKOUT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda p: p.stem)
def test_issue_templates_are_forms(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= set(form)
    ids = [part["id"] for part in form["body"]]
    assert len(ids) == len(set(ids)) > 0
    for part in form["body"]:
        assert part["type"] in ["input", "textarea"]
        assert part["attributes"]["label"]


def test_a_wrong_number_comes_with_what_it_takes_to_see_it_again() -> None:
    form = yaml.safe_load((CHECKOUT / ".github/ISSUE_TEMPLATE/number.yml").read_text())
    assert all(part["validations"]["required"] for part in form["body"])
    assert [part["id"] for part in form["body"]] == ["command", "cell", "meta", "number", "expected"]


def built(*arguments: str, source: Path, out: Path) -> Path:
    pytest.importorskip("build", reason="build isn't installed")
    build = [sys.executable, "-m", "build", *arguments, "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (found,) = out.iterdir()
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return contents(built("--wheel", source=CHECKOUT, out=tmp_path_factory.mktemp("wheel")))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(wheel: dict[str, bytes]) -> Message:
    (found,) = [content for name, content in wheel.items() if name.endswith(".dist-info/METADATA")]
    return BytesParser().parsebytes(found)


@pytest.mark.slow
def test_the_sdist_is_what_git_has_and_gives_the_same_wheel(wheel: dict[str, bytes], tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    tracked = {name for name in listed.stdout.splitlines() if (CHECKOUT / name).is_file()}
    if not tracked:
        pytest.skip("no git checkout, as in an unpacked sdist")
    source = tmp_path / "source"
    made = {".venv/bin/python", "results/a/DONE", "recipes/scratch/a.wav", "site/index.html", "dist/a.whl", "uv.lock"}
    for name in tracked | made:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((CHECKOUT / name).read_bytes() if name in tracked else b"")
    sdist = built("--sdist", source=source, out=tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
        archive.extractall(tmp_path, filter="data")
    assert names == tracked | {"PKG-INFO"}
    (unpacked,) = tmp_path.glob("noiseprobe-*")
    assert contents(built("--wheel", source=unpacked, out=tmp_path / "wheel")) == wheel


class Page(HTMLParser):
    """The words of a page, and where its links and figures point to."""

    def __init__(self, markdown_text: str) -> None:
        super().__init__()
        self.text = ""
        self.targets: list[str | None] = []
        self.feed(markdown.markdown(markdown_text))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value for name, value in attrs if name in ("href", "src")]


@pytest.mark.slow
def test_the_licence_names_all_that_embedded_files_have(wheel: dict[str, bytes]) -> None:
    stated = str(metadata(wheel)["License-Expression"]).split(" AND ")
    notes = {name: text.decode() for name, text in wheel.items() if re.search(r"/licenses/noiseprobe/assets/", name)}
    folders = {name.split("/")[2] for name in wheel if name.startswith("noiseprobe/assets/")}
    assert {name.split("/")[-2] for name in notes} == folders
    named = re.findall(r"\bMIT\b|\bCC BY-SA \d\.\d|\bCC0 \d\.\d", "".join(notes.values()))
    assert set(stated) == {name.replace(" ", "-") for name in named}


@pytest.mark.slow
def test_the_description_is_the_readme_without_its_relative_links(wheel: dict[str, bytes]) -> None:
    """An index shows it by itself: there a relative link leads nowhere."""
    described = metadata(wheel)
    assert described["Description-Content-Type"] == "text/markdown"
    page = Page(str(described.get_payload(decode=True), "utf-8"))
    readme = Page((CHECKOUT / "README.md").read_text())
    absolute = [target for target in readme.targets if str(target).startswith("https:")]
    assert absolute != readme.targets
    assert page.targets == absolute
    assert page.text.split() == readme.text.split()
