"""
The examples of README.md and docs/, read as a reader would use them.

A ``console`` block holds commands behind ``$``; a ``python`` block is a program
to run, or, where it has a caption, a file to save.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

_MARKDOWN = re.compile(
    r"^```(?P<language>console|python)(?: title=(?P<caption>\S+))?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_REST = re.compile(
    r"^\.\. code-block:: (?P<language>console|python)\n(?:   :caption: (?P<caption>\S+)\n)?\n"
    r"(?P<text>(?:   [^\n]*\n|\n)+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class File:
    """A file to save under its caption."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Program:
    """Python to run."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """One line for the shell."""

    line: str


def steps(page: str) -> Iterator[File | Program | Command]:
    """:return: what a page tells its reader to do, in its order. Markdown and reStructuredText."""
    for block in sorted([*_MARKDOWN.finditer(page), *_REST.finditer(page)], key=lambda block: block.start()):
        text = textwrap.dedent(block["text"]).strip("\n") + "\n"
        if block["language"] == "console":
            yield from (Command(line[2:]) for line in text.splitlines() if line.startswith("$ "))
        elif block["caption"]:
            yield File(block["caption"], text)
        else:
            yield Program(text)
