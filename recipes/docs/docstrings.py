"""What the API reference makes of docstrings (mkdocs.yml; an extension of griffe): doctests and shapes become code.

griffe knows Google's `Examples:`; here an example stands after `Example:` or in the text, and Markdown would take its
prompts for quotations. A `Shape:` block is lines of tensors' shapes, which Markdown would run together.
"""

import re
from typing import Any

import griffe

PROMPT = re.compile(r"^( *)>>> ")


class CodeBlocks(griffe.Extension):
    """Puts fences around them."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """
    >>> print(fenced("Adds.\\n\\nExample::\\n    >>> add(1, 2)\\n    3"))
    Adds.
    <BLANKLINE>
    ```pycon
    >>> add(1, 2)
    3
    ```
    """
    lines, found = text.splitlines(), []
    while lines:
        line = lines.pop(0)
        block: list[str] = []
        if re.fullmatch(r" *Examples?::?", line):
            continue
        if re.fullmatch(r" *Shape:", line):
            while lines and lines[0].strip():
                block.append(lines.pop(0))
            found += ["**Shape**", "", *_fence(block, "text")]
        elif PROMPT.match(line):
            block.append(line)
            while lines and lines[0].strip():
                block.append(lines.pop(0))
            found += _fence(block, "pycon")
        else:
            found.append(line)
    return "\n".join(found)


def _fence(block: list[str], language: str) -> list[str]:
    indent = min(len(line) - len(line.lstrip()) for line in block)
    plain = [re.sub(r"  # doctest: .*", "", line[indent:]) for line in block]
    return [f"```{language}", *plain, "```"]
