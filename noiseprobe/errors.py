"""The error that a user sees: one line with what, got, expected and what to do; never a traceback."""

from hydra.errors import CompactHydraException


class NoiseprobeError(CompactHydraException):
    """Something that the user can mend.

    Hydra prints the message of a `CompactHydraException` without a traceback, exits with 1, and in a sweep goes on
    with the other cells.
    """


def reason(error: BaseException) -> str:
    """The first line of what an error of a library says, or its kind where it says nothing.

    >>> reason(ValueError("wrong size\\nfor tensor a"))
    'wrong size'
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]
