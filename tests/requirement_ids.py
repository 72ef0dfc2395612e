"""What the tests claim to prove, read from their source, and what there is to prove."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_ROW = re.compile(r"^   \* - ([A-Z][0-9]+)$", re.MULTILINE)


def stated(page: str) -> list[str]:
    """:return: the ids in the tables of docs/reference/requirements.rst, in their order."""
    return _ROW.findall(page)


def unproved(listing: str) -> list[str]:
    """:return: the ids of the list of those not yet proved: one a line, ``#`` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in listing.splitlines())
    return [line for line in lines if line]


def claimed(source: str) -> Iterator[str]:
    """
    Find the ids that a test file names in ``@pytest.mark.requirement(...)``.

    :raise TypeError: if an id is not a literal: it could not be checked here.
    """
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.requirement")):
            continue
        for argument in node.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise TypeError(f"line {argument.lineno}: {ast.unparse(argument)} is not a literal id")
            yield argument.value


def claimed_in(folder: Path) -> dict[str, list[Path]]:
    """:return: each id that a test file below the folder names, with the files that do."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for requirement in claimed(path.read_text("utf-8")):
            found.setdefault(requirement, []).append(path)
    return found
