"""`python -m noiseprobe.dashboard ENTITY/PROJECT`: save the workspace on the server, once for a project."""

import argparse
import sys
from importlib.util import find_spec

from noiseprobe.errors import NoiseprobeError, reason


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m noiseprobe.dashboard", description=__doc__)
    parser.add_argument("project", metavar="ENTITY/PROJECT", help="on the server that wandb is logged in to")
    try:
        print(save(parser.parse_args().project))
    except NoiseprobeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def save(project: str) -> str:
    """Save the workspace as a new view.

    Returns:
        Its address.

    Raises:
        NoiseprobeError: if it can't be saved.
    """
    entity, _, name = project.partition("/")
    if not entity or not name or "/" in name:
        raise NoiseprobeError(f"got {project!r}, expected ENTITY/PROJECT, such as my-team/noiseprobe")
    if find_spec("wandb_workspaces") is None:
        raise NoiseprobeError("wandb-workspaces isn't installed: pip install noiseprobe[workspaces]")
    from noiseprobe.dashboard.workspace import make

    try:
        return str(make(entity, name).save().url)
    except Exception as error:  # whatever the server and its client say
        raise NoiseprobeError(
            f"{project}: the workspace can't be saved: {type(error).__name__}: {reason(error)}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
