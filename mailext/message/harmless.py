"""What others said, made fit to stand within one line of ours."""

from __future__ import annotations

__all__ = ["ascii_line", "line"]

_CUT = "..."


def line(text: str, limit: int) -> str:
    """
    Printable characters alone, whatever the text holds: no line end, no
    control, no lone surrogate.

    :param limit: the most octets of UTF-8; a longer text is cut, and says so.
    """
    printable = "".join(character if character.isprintable() else " " for character in text).strip()
    octets = printable.encode("utf-8")
    if len(octets) <= limit:
        return printable
    return octets[: limit - len(_CUT)].decode("utf-8", "ignore") + _CUT


def ascii_line(text: str, limit: int) -> str:
    """The same in ASCII: any other character becomes ``?``."""
    return line(text, limit).encode("ascii", "replace").decode("ascii")
