"""
The slow parser: message content read octet by octet and line by line, as the
RFCs put it, with nothing clever. The fast one is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_CR = 0x0D
_LF = 0x0A


@dataclass(frozen=True)
class Parsed:
    """
    :param content: the content, un-stuffed.
    :param is_bare: whether a CR or LF stands alone in it.
    :param rest: what follows the end; None where the end has not come.
    """

    content: bytes
    is_bare: bool
    rest: bytes | None


def split_lines(stream: bytes) -> tuple[list[bytes], bytes]:
    """:return: the lines with their CRLFs, and what follows the last CRLF."""
    lines = []
    line = bytearray()
    for octet in stream:
        line.append(octet)
        if len(line) >= 2 and line[-2] == _CR and line[-1] == _LF:
            lines.append(bytes(line))
            line.clear()
    return lines, bytes(line)


def is_bare(content: bytes) -> bool:
    """Whether a CR is not followed by LF, or a LF does not follow a CR."""
    for index, octet in enumerate(content):
        if octet == _CR and (index + 1 == len(content) or content[index + 1] != _LF):
            return True
        if octet == _LF and (index == 0 or content[index - 1] != _CR):
            return True
    return False


def parse_data(stream: bytes) -> Parsed:
    """What follows the command line of DATA (RFC 5321 sections 4.1.1.4 and 4.5.2)."""
    lines, unfinished = split_lines(stream)
    content = bytearray()
    # A line is un-stuffed, but what it was decides whether its ends stand alone.
    bare = False
    for number, line in enumerate(lines):
        if line == b".\r\n":
            return Parsed(bytes(content), bare, b"".join(lines[number + 1 :]) + unfinished)
        bare = bare or is_bare(line)
        content += line[1:] if line.startswith(b".") else line
    return Parsed(bytes(content), bare, None)


def parse_chunks(chunks: Iterable[bytes]) -> Parsed:
    """The chunks of BDAT (RFC 3030), the last one included."""
    content = b"".join(chunks)
    _, unfinished = split_lines(content)
    return Parsed(content + b"\r\n" if unfinished else content, is_bare(content), b"")
