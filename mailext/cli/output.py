"""What a command says: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Protocol

from attrs import frozen
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from mailext.config.problems import Problem

__all__ = ["JsonOutput", "Output", "Sheet", "TextOutput", "minute"]


def minute(time: str) -> str:
    """A time of RFC 3339 in UTC, for people."""
    return time[:16].replace("T", " ")


@frozen
class Sheet:
    """
    A table.

    :param columns: their titles.
    :param rows: each with a cell for each column.
    :param empty: what is said of a table without rows.
    :param below: what is said below the rows.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str
    below: str = ""


class Output(Protocol):
    """Says what a command found."""

    def show(self, value: object, sheet: Sheet) -> None:
        """
        Show a list.

        :param value: the same as JSON.
        """

    def tell(self, value: object, text: str) -> None:
        """
        Say what was done.

        :param value: the same as JSON.
        """

    def complain(self, problems: Sequence[Problem]) -> None:
        """Say on standard error what is wrong."""


_UNWRAPPED = 10_000
# Somebody will want to copy what stands in this column.
_COPIED = "id"


def _printable(cell: str) -> Text:
    """What others wrote is neither markup nor a command to the terminal."""
    shown = cell.replace("\t", " ")
    return Text("".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in shown))


def _column(title: str) -> Column:
    """Where there is too little room, cells are folded; nothing is left out."""
    return Column(title, overflow="fold", no_wrap=title == _COPIED)


class TextOutput:
    """For people."""

    def show(self, value: object, sheet: Sheet) -> None:  # noqa: ARG002 - it is for programs
        """See :meth:`Output.show`."""
        if not sheet.rows:
            self.tell(None, sheet.empty)
            return
        table = Table(*map(_column, sheet.columns), box=None, pad_edge=False)
        for row in sheet.rows:
            table.add_row(*map(_printable, row))
        # What a program cuts into lines is not to be wrapped.
        Console(width=None if sys.stdout.isatty() else _UNWRAPPED).print(table)
        if sheet.below:
            self.tell(None, f"\n{sheet.below}")

    def tell(self, value: object, text: str) -> None:  # noqa: ARG002 - it is for programs
        """See :meth:`Output.tell`."""
        sys.stdout.write(text + "\n")

    def complain(self, problems: Sequence[Problem]) -> None:
        """See :meth:`Output.complain`."""
        for problem in problems:
            sys.stderr.write(f"mailext: {problem}\n")


class JsonOutput:
    """For programs."""

    def show(self, value: object, sheet: Sheet) -> None:  # noqa: ARG002 - it is for people
        """See :meth:`Output.show`."""
        sys.stdout.write(json.dumps(value, indent=2) + "\n")

    def tell(self, value: object, text: str) -> None:  # noqa: ARG002 - it is for people
        """See :meth:`Output.tell`."""
        sys.stdout.write(json.dumps(value, indent=2) + "\n")

    def complain(self, problems: Sequence[Problem]) -> None:
        """
        See :meth:`Output.complain`: one object, the first problem as
        ``error``; if there are more, they follow as ``others``.
        """
        first, *others = [
            {"file": problem.file, "key": problem.key, "reason": problem.reason} for problem in problems
        ]
        said: dict[str, object] = {"error": first}
        if others:
            said["others"] = others
        sys.stderr.write(json.dumps(said) + "\n")
