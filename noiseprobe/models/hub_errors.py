"""What goes wrong with the Hugging Face hub, in one line that tells what to do about it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from noiseprobe.errors import NoiseprobeError, reason

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def explained(repo: str, revision: str | None, key: str) -> Iterator[None]:
    """Whatever the network, the hub or the disk says, in one line that tells what to do about it."""
    from huggingface_hub import constants, errors

    try:
        yield
    except NoiseprobeError:
        raise
    except Exception as error:
        # huggingface_hub's own words for a failed look-up hide the cause
        cause = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ else error
        why = reason(cause)
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(cause, errors.HFValidationError):
            message = f"{key}: got {repo}, expected owner/name ({why})"
        elif isinstance(cause, errors.RevisionNotFoundError):
            message = f"model.revision: got {revision}, and {repo} has no such, expected a branch, tag or commit of it"
        elif isinstance(cause, errors.RepositoryNotFoundError) and not isinstance(cause, errors.GatedRepoError):
            message = f"{key}: got {repo}, and the hub has no such model, or a private one: for that, hf auth login"
        elif status in (401, 403):
            message = (
                f"{key}: got {repo}, which the hub doesn't give to you ({why}); ask for access at"
                f" {constants.ENDPOINT}/{repo} and log in (hf auth login), or give a folder: {folder_key(key)}=DIR"
            )
        elif isinstance(cause, OSError) and cause.errno in DISK:
            message = (
                f"{key}: got {repo}, which can't be written to the hub's cache, {constants.HF_HUB_CACHE}"
                f" ({cause.strerror}); make room there, or set HF_HUB_CACHE to another folder"
            )
        else:
            raise unreachable(repo, why, key) from error
        raise NoiseprobeError(message) from error


def unreachable(repo: str, why: str, key: str) -> NoiseprobeError:
    """The error for a repository that isn't here and can't be fetched."""
    return NoiseprobeError(
        f"{key}: got {repo}, which is neither in the hub's cache nor reachable ({why}); download it where there is a"
        f" network (hf download {repo}) and give the folder: {folder_key(key)}=DIR"
    )


def folder_key(key: str) -> str:
    """The key that takes a folder in the place of a repository."""
    return "model.path" if key == "model.hub" else key
