"""A release: one version everywhere, a workflow that can do no more than it must, the wheel and the sdist."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

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


def built(*arguments: str, source: Path, out: Path) -> Path:
    build = [sys.executable, "-m", "build", *arguments, "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (found,) = out.iterdir()
    return found


@pytest.mark.slow
def test_the_wheel_from_the_sdist_is_the_wheel_from_the_checkout(tmp_path: Path) -> None:
    pytest.importorskip("build", reason="build isn't installed")
    sdist = built("--sdist", source=CHECKOUT, out=tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("noiseprobe-*")
    wheels = [
        built("--wheel", source=source, out=tmp_path / f"wheel{i}") for i, source in enumerate([CHECKOUT, unpacked])
    ]
    contents = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            contents.append({name: archive.read(name) for name in archive.namelist()})
    assert contents[0] == contents[1]
    # enough to run the tests, and to say what it is
    git = (
        shutil.which("git")
        and subprocess.run(
            ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False
        ).stdout.splitlines()
    )
    tracked = set(git or [])
    assert tracked <= names, sorted(tracked - names)[:5]
    stray = {n for n in names - tracked if (unpacked / n).is_file()} - {"PKG-INFO"} if tracked else set()
    assert not {n for n in stray if n.startswith((".venv", "results", "recipes/scratch"))}
