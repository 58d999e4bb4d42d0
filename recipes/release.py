"""Check that a release is one, `python recipes/release.py v1.2.3`: all places that state a version state the tag's.

The version itself is in noiseprobe/__init__.py alone; the wheel gets it from there.
"""

import re
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def problems(tag: str, checkout: Path = CHECKOUT) -> list[str]:
    """What is wrong with a tag; nothing for a release."""

    def stated(name: str, pattern: str) -> str | None:
        found = re.search(pattern, (checkout / name).read_text(), re.MULTILINE)
        return found[1] if found else None

    version = stated("noiseprobe/__init__.py", r'^__version__ = "(.+)"$')
    wrong = []
    if tag != f"v{version}":
        wrong.append(f"tag: got {tag}, expected v{version}, as noiseprobe/__init__.py says")
    if (cited := stated("CITATION.cff", r"^version: (.+)$")) != version:
        wrong.append(f"CITATION.cff: got version {cited}, expected {version}")
    heading = stated("CHANGELOG.md", r"^## (.+)$") or ""
    if not re.fullmatch(rf"{re.escape(str(version))} - \d{{4}}-\d\d-\d\d", heading):
        wrong.append(f"CHANGELOG.md: got {heading} at the top, expected {version} - YYYY-MM-DD")
    return wrong


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected one argument, the tag")
    sys.exit("\n".join(problems(sys.argv[1])) or None)
