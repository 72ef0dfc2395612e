"""What a command says: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Protocol

from attrs import frozen
from rich.cells import cell_len
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


# Somebody will want to copy what stands in this column.
_COPIED = "id"
# Blanks between columns, as rich sets them.
_GAP = 2


def _printable(cell: str) -> Text:
    """What others wrote is neither markup nor a command to the terminal."""
    shown = cell.replace("\t", " ")
    return Text("".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in shown))


def _widths(sheet: Sheet, rows: Sequence[Sequence[Text]], room: int | None) -> list[int] | None:
    """
    How wide the columns of a table are.

    :param room: how wide it may be; None: as wide as it likes.
    :return: None if it does not fit without breaking words.
    """
    columns = [(Text(title), *cells) for title, *cells in zip(sheet.columns, *rows, strict=True)]
    widths = [max(cell.cell_len for cell in column) for column in columns]
    if room is None:
        return widths
    least = [
        width
        if title == _COPIED
        else max(max(map(cell_len, cell.plain.split()), default=0) for cell in column)
        for title, width, column in zip(sheet.columns, widths, columns, strict=True)
    ]
    surplus = sum(widths) + _GAP * (len(widths) - 1) - room
    if surplus > sum(widths) - sum(least):
        return None
    for _ in range(surplus):
        # The widest of those that have words to wrap.
        index = max(range(len(widths)), key=lambda each: (widths[each] > least[each], widths[each]))
        widths[index] -= 1
    return widths


def _print_table(titles: Sequence[str], rows: Sequence[Sequence[Text]], widths: Sequence[int]) -> None:
    columns = [Column(title, width=width) for title, width in zip(titles, widths, strict=True)]
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(width=sum(widths) + _GAP * len(widths)).print(table)


def _print_one_by_one(titles: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """Each row by itself, a cell on a line; what is longer than a line is folded, and nothing left out."""
    console = Console()
    for number, row in enumerate(rows):
        if number:
            console.print()
        record = Table(
            Column(no_wrap=True), Column(overflow="fold"), box=None, pad_edge=False, show_header=False
        )
        for title, cell in zip(titles, row, strict=True):
            if cell:
                record.add_row(title, cell)
        console.print(record)


class TextOutput:
    """For people."""

    def show(self, value: object, sheet: Sheet) -> None:  # noqa: ARG002 - it is for programs
        """See :meth:`Output.show`."""
        if not sheet.rows:
            self.tell(None, sheet.empty)
            return
        rows = [[*map(_printable, row)] for row in sheet.rows]
        # What a program cuts into lines is not to be wrapped.
        room = Console().width if sys.stdout.isatty() else None
        widths = _widths(sheet, rows, room)
        if widths is None:
            _print_one_by_one(sheet.columns, rows)
        else:
            _print_table(sheet.columns, rows, widths)
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
