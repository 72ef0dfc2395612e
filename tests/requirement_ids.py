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


def rules(page: str) -> dict[str, str]:
    """:return: by id, what a rule says: the last cell of its row."""
    rows = re.split(r"^   \* - ", page, flags=re.MULTILINE)[1:]
    found = {}
    for row in rows:
        # Behind the last row of a table comes what is not indented.
        name, *cells = re.split(r"\n     - ", re.split(r"\n(?=\S)", row)[0])
        if re.fullmatch(r"[A-Z][0-9]+", name):
            found[name] = " ".join(cells[-1].split())
    return found


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


def proofs(source: str) -> dict[str, list[str]]:
    """:return: by id, the tests of a file that prove it; a mark of the whole file is of all of them."""
    found: dict[str, list[str]] = {}
    module = ast.parse(source)
    tests = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    for node in module.body:
        inside = [test for test in tests if node.lineno <= test.lineno <= (node.end_lineno or 0)]
        for name in claimed(ast.unparse(node)):
            marked = [test for test in inside if name in claimed(ast.unparse(test))]
            # A mark of a class is of its tests, one of no test at all is of every test.
            for test in marked or inside or tests:
                if test.name not in found.setdefault(name, []):
                    found[name].append(test.name)
    return found


def proofs_in(folder: Path) -> dict[str, dict[str, list[str]]]:
    """:return: by id, for each test file below the folder that proves it, its tests."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for requirement, tests in proofs(path.read_text("utf-8")).items():
            found.setdefault(requirement, {})[path.relative_to(folder).as_posix()] = tests
    return found


def claimed_in(folder: Path) -> dict[str, list[Path]]:
    """:return: each id that a test file below the folder names, with the files that do."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for requirement in claimed(path.read_text("utf-8")):
            found.setdefault(requirement, []).append(path)
    return found
