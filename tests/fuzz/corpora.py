"""The inputs that are kept: a file for each target, one line an input, in Python's escapes."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpora"


def corpus_file(name: str) -> Path:
    return FOLDER / f"{name}.txt"


def read_corpus(name: str) -> list[bytes]:
    """The inputs of a target, none if there is no file."""
    file = corpus_file(name)
    lines = file.read_text("ascii").splitlines() if file.exists() else []
    return [literal_eval(line) for line in lines]


def write_corpus(name: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs, each once, the shortest first."""
    ordered = sorted(set(inputs), key=lambda data: (len(data), data))
    corpus_file(name).write_text("".join(f"{data!r}\n" for data in ordered), "ascii")
