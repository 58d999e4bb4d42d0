"""The error that a user sees: one line with what, got, expected and what to do; never a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import CompactHydraException


class NoiseprobeError(CompactHydraException):
    """Something that the user can mend.

    Hydra prints the message of a `CompactHydraException` without a traceback, exits with 1, and in a sweep goes on
    with the other cells. What can't be printed (a newline in a file's name) is written out.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


def reason(error: BaseException) -> str:
    """The first line of what an error of a library says, or its kind where it says nothing.

    >>> reason(ValueError("wrong size\\nfor tensor a"))
    'wrong size'
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def reading(key: str, path: Path) -> Iterator[None]:
    """Wrong files fail anywhere in the libraries that read them, in many ways; say which files they were.

    Args:
        key: of the configuration that named them.
        path: the files.
    """
    try:
        yield
    except NoiseprobeError:
        raise
    except Exception as error:
        raise NoiseprobeError(f"{key}: {path} can't be loaded: {type(error).__name__}: {reason(error)}") from error
