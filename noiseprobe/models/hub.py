"""Fetch a model's files through the Hugging Face hub's cache: from one commit, resumed, and checked.

huggingface_hub starts a broken file anew and takes what arrives for what was asked for. So large files are continued
here, in the cache's own places, and every file is compared with the hash that the hub states for it.
"""

import errno
import fcntl
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import replace_file
from noiseprobe.hashing import hash_files
from noiseprobe.models.hub_errors import explained, unreachable

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

HUB_TIMEOUT = 3.0  # seconds until a silent hub is given up

# From the names that there are, and the way to read one (it is fetched where it must be), those that make up the model;
# None if some of them are missing.
Wanted = Callable[[Collection[str], Callable[[str], Path]], list[str] | None]


@dataclass(frozen=True)
class Snapshot:
    """A commit's files.

    Attributes:
        folder: snapshots/<commit> in the hub's cache.
        commit: its 40 digits.
    """

    folder: Path
    commit: str


def cached(repo: str, revision: str | None, wanted: Wanted, key: str = "model.hub") -> Snapshot | None:
    """A complete snapshot in the hub's cache, without the network; other programs leave parts of one there.

    Args:
        repo, revision: owner/name, and a branch, tag or commit; None for the main branch.
        wanted: says which files are needed.
        key: of the configuration that named the repository, for messages.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    with explained(repo, revision, key):
        try:
            # no pattern: the folder whatever it holds
            found = snapshot_download(repo, revision=revision, allow_patterns=[], local_files_only=True)
        except LocalEntryNotFoundError:
            return None
    folder = Path(found).resolve()
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return Snapshot(folder, folder.name) if wanted(names, folder.joinpath) else None


def download(repo: str, revision: str | None, wanted: Wanted, key: str = "model.hub") -> Snapshot:
    """Fetch what the cache lacks; what was broken off is continued.

    Raises:
        NoiseprobeError: if the hub can't be asked, lacks files, or sends other content than it states.
    """
    from huggingface_hub import HfApi, constants

    for client in ["httpx", "httpx2"]:  # they report every request
        logging.getLogger(client).setLevel(logging.WARNING)
    if constants.HF_HUB_OFFLINE:
        raise unreachable(repo, "HF_HUB_OFFLINE is set", key)
    with explained(repo, revision, key):
        info = HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=HUB_TIMEOUT)
    commit = str(info.sha)
    files = {file.rfilename: file for file in info.siblings or []}
    home = Path(constants.HF_HUB_CACHE).expanduser().resolve() / f"models--{repo.replace('/', '--')}"

    def fetch(name: str) -> Path:
        file = files[name]
        with explained(repo, revision, key):
            return _fetch(repo, commit, file, home)

    names = wanted(list(files), fetch)
    if not names:
        has = [*sorted(files)[:8], *([f"{len(files) - 8} more"] if len(files) > 8 else [])]
        raise NoiseprobeError(
            f"{key}: {repo} has {', '.join(has) or 'no file'} (at {commit[:8]}), expected all files of a model in a"
            " layout that noiseprobe reads"
        )
    for name in names:
        fetch(name)
    if revision != commit:  # how `cached` finds the commit; last, so that a broken download changes nothing
        ref = home / "refs" / (revision or constants.DEFAULT_REVISION)
        with explained(repo, revision, key):
            ref.parent.mkdir(parents=True, exist_ok=True)
            replace_file(ref, lambda path: path.write_text(commit))
    return Snapshot(home / "snapshots" / commit, commit)


def verify(path: Path, sha256: str) -> None:
    """Compare a file's hash with what the hub stated: large files are links to blobs of that name.

    Raises:
        NoiseprobeError: if they differ.
    """
    # not its last target: a blob may itself be a link, to a store that repositories share
    stated = path.readlink().name if path.is_symlink() else ""
    if re.fullmatch("[0-9a-f]{64}", stated) and stated != sha256:
        raise NoiseprobeError(
            f"model.path: {path} has the sha256 {sha256}, expected {stated} as the hub states; delete {path.resolve()}"
            " and run again to download it anew"
        )


def _fetch(repo: str, commit: str, file: "RepoSibling", home: Path) -> Path:
    from huggingface_hub import hf_hub_download

    stated = file.lfs.sha256 if file.lfs else file.blob_id
    if stated is None:
        raise ValueError(f"it states no hash of {file.rfilename}")
    if file.lfs and not (home / "snapshots" / commit / file.rfilename).exists():
        _continue(repo, commit, file.rfilename, file.lfs.size, home / "blobs" / stated)
    path = Path(hf_hub_download(repo, file.rfilename, revision=commit))  # a blob that is there is linked
    hashes, errors = hash_files([path]) if file.lfs else ({path: _git_hash(path)}, {})
    for error in errors.values():
        raise error
    if hashes[path] != stated:
        path.resolve().unlink(missing_ok=True)  # or it would be taken from the cache for ever
        path.unlink(missing_ok=True)
        raise NoiseprobeError(
            f"model.hub: {file.rfilename} of {repo} came with the {'sha256' if file.lfs else 'git hash'}"
            f" {hashes[path]}, expected {stated} as the hub states; it was removed, run again to download it anew"
        )
    return path


def _continue(repo: str, commit: str, name: str, size: int, blob: Path) -> None:
    """Fetch a large file to its place among the blobs, from where an earlier try stopped."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # lazily exported

    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{blob.name}.incomplete")
    with part.open("ab") as f:
        fcntl.flock(f, fcntl.LOCK_EX)  # of several processes one fetches, the others wait
        if blob.exists():
            part.unlink(missing_ok=True)
            return
        have = f.seek(0, os.SEEK_END)
        if have > size:
            have = f.truncate(0)
        if shutil.disk_usage(part.parent).free < size - have:
            raise OSError(errno.ENOSPC, f"{(size - have) / 1e9:.1f} GB to come and no space for them")
        url, headers = hf_hub_url(repo, name, revision=commit), build_hf_headers()
        http_get(url, f, resume_size=have, headers=headers, expected_size=size, displayed_filename=name)
        f.flush()
        part.replace(blob)


def _git_hash(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
