"""The files that set a checkout up: pinned and hashed, in step with each other, silent about where packages come from.

Which index or mirror packages are fetched from is the installer's own setting. A setup file that named one would break
every machine that reaches another one only.
"""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import noiseprobe

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
WORKFLOWS = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / ".github/workflows").iterdir())
SETUP_FILES = [
    "pyproject.toml",
    "requirements.lock",
    "Makefile",
    ".ci/run",
    ".pre-commit-config.yaml",
    "CONTRIBUTING.md",
    *WORKFLOWS,
]

SOURCES = {
    "url": r"\b(?:[a-z]+\+)?(?:https?|ftp|file|ssh)://",
    "host": r"\b(?:[\w-]+\.)+(?:com|io|net|org)\b",
    "index": r"index[-_]url\b|(?<![\w-])--(?:default-)?index(?![\w-])|\buv_(?:default_)?index\b|\[tool\.uv\.index\]",
    "find-links": r"find[-_]links\b",
    "trusted-host": r"trusted[-_]host\b",
}
PLANTED = [
    ("url", "pip install -i http://10.0.0.1/simple torch"),
    ("url", "torch @ https://mirror/torch.whl"),
    ("url", "audiocraft @ git+ssh://git@somewhere/audiocraft"),
    ("url", "pip install file:///wheels/torch.whl"),
    ("host", "# wheels are on pypi.org"),
    ("host", "curl files.pythonhosted.org/packages/torch.whl"),
    ("host", "download.pytorch.org/whl/cpu"),
    ("host", "git clone git@github.com:facebookresearch/audiocraft"),
    ("index", "--index-url mirror"),
    ("index", "pip install --extra-index-url=mirror torch"),
    ("index", "PIP_INDEX_URL: mirror"),
    ("index", 'extra-index-url = ["mirror"]'),
    ("index", "uv sync --default-index mirror"),
    ("index", "uv add --index=mirror torch"),
    ("index", "UV_DEFAULT_INDEX=mirror"),
    ("index", '[[tool.uv.index]]\nname = "mirror"'),
    ("find-links", "--find-links wheels"),
    ("find-links", "PIP_FIND_LINKS=wheels"),
    ("find-links", 'find-links = ["wheels"]'),
    ("trusted-host", "pip install --trusted-host mirror torch"),
    ("trusted-host", "PIP_TRUSTED_HOST=mirror"),
]
INNOCENT = [
    "pip install --no-deps --require-hashes -r requirements.lock",
    "uv pip compile pyproject.toml --universal --generate-hashes --no-header -o requirements.lock",
    "huggingface-hub==1.0.0 ; sys_platform == 'linux' and python_full_version < '3.12'",
    "uses: actions/setup-python@v6",
    "working-directory: ${{ runner.temp }}",
    "No setup file names a package index; results have an index.parquet.",
    "python -m noiseprobe --index-of-songs noiseprobe.common noise.orgy",
]


def sources(text: str) -> dict[str, str]:
    """What in a text says where packages come from: the rule it breaks, and the words."""
    found = {rule: re.search(pattern, text, re.IGNORECASE) for rule, pattern in SOURCES.items()}
    return {rule: match[0] for rule, match in found.items() if match}


def locked() -> list[tuple[Requirement, list[str]]]:
    """The requirements of requirements.lock with their hashes; anything else in it doesn't parse."""
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    split = [entry.replace("\\\n", "").split("--hash=") for entry in entries]
    return [(Requirement(spec.strip()), [h.strip() for h in hashes]) for spec, *hashes in split]


LOCK = locked()


@pytest.mark.parametrize("name", SETUP_FILES)
def test_no_setup_file_says_where_packages_come_from(name: str) -> None:
    text = (ROOT / name).read_text()
    if name == "pyproject.toml":
        for link in PROJECT["urls"].values():  # for people to read; nothing is fetched from them
            text = text.replace(f'"{link}"', "")
    assert sources(text) == {}


@pytest.mark.parametrize(("rule", "text"), PLANTED)
def test_a_planted_source_is_caught(rule: str, text: str) -> None:
    assert rule in sources(text)


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_text_is_not_caught(text: str) -> None:
    assert sources(text) == {}


def test_uv_lock_is_ignored_and_not_tracked() -> None:
    assert "/uv.lock" in (ROOT / ".gitignore").read_text().splitlines()
    # Outside a checkout (an unpacked sdist) git lists nothing, and nothing is tracked.
    tracked = subprocess.run(["git", "ls-files", "uv.lock"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert tracked.stdout == ""


def test_pre_commit_hooks_are_local_and_run_from_the_environment() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = repos[0]["hooks"]
    assert hooks
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in hooks)


def test_every_locked_requirement_is_pinned_and_hashed() -> None:
    for requirement, hashes in LOCK:
        assert requirement.url is None, requirement
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in hashes), requirement


def test_malicious_lightning_is_neither_locked_nor_allowed() -> None:
    bad = ["2.6.2", "2.6.3"]
    pins = [r for r, _ in LOCK if canonicalize_name(r.name) in {"lightning", "pytorch-lightning"}]
    assert pins
    assert not [str(r) for r in pins if any(r.specifier.contains(version) for version in bad)]
    asked = next(r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "lightning")
    assert not list(asked.specifier.filter(bad))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    "wanted",
    [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["audiocraft"],
        *PYPROJECT["dependency-groups"]["dev"],
        *PYPROJECT["build-system"]["requires"],  # `make setup` builds without isolation
    ],
)
def test_what_pyproject_asks_for_is_locked(wanted: str, python: str) -> None:
    asked = Requirement(wanted)
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pins = [
        str(r.specifier).removeprefix("==")
        for r, _ in LOCK
        if canonicalize_name(r.name) == canonicalize_name(asked.name)
        and (r.marker is None or r.marker.evaluate(environment))
    ]
    assert len(pins) == 1
    assert asked.specifier.contains(pins[0], prereleases=True)


def test_a_new_lock_is_for_all_pythons() -> None:
    """uv resolves for the environment's Python and newer ones unless it is told where to begin."""
    assert f"--universal --python-version {PYTHONS[0]} " in (ROOT / "Makefile").read_text()


def test_requires_python_and_workflow_match_the_classifiers() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [v for v in (f"3.{minor}" for minor in range(30)) if allowed.contains(v)] == PYTHONS
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert workflow["jobs"]["check"]["strategy"]["matrix"]["python"] == PYTHONS


def test_the_oldest_versions_are_not_overridden() -> None:
    """[tool.uv] overrides what is locked; uv would apply that to the oldest versions as well."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    (install,) = [s["run"] for s in workflow["jobs"]["oldest"]["steps"] if "uv pip install" in s.get("run", "")]
    assert {"--no-config", "--resolution"} <= set(install.split())


def test_citation_has_the_version_of_the_package() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == noiseprobe.__version__
