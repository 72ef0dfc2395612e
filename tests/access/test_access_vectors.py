"""The hostile clients of IMAP and POP3, wherever their octets are cut."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.access.dialogue import Client, Site
from tests.support import logged
from tests.vectors import imap, pop3
from tests.vectors.reader_model import Door, ReaderVector
from tests.wire.driver import cut, octets

VECTORS = (*imap.VECTORS, *pop3.VECTORS)
_SHORT = 120
_SOME = 3
_TLS = object()


def client_at(door: Door, site: Site) -> Client:
    match door:
        case Door.IMAP_CLEAR:
            return site.imap(encrypted=False, tls=_TLS)
        case Door.IMAP:
            return site.imap()
        case Door.IMAP_SELECTED:
            return site.reader(b"s SELECT INBOX")
        case Door.POP3_CLEAR:
            return site.pop3(encrypted=False, tls=_TLS)
        case Door.POP3:
            return site.pop3()
        case Door.POP3_OPEN:
            return site.collector()


def is_told(line: bytes, door: Door) -> bool:
    """Whether this is one of the lines that a vector tells of."""
    if "IMAP" in door.value:
        return line.startswith((b"a ", b"z ", b"+ ", b"* BYE", b"* BAD"))
    return line.startswith((b"+", b"-"))


def answered(vector: ReaderVector, pieces: Iterable[bytes], folder: Path) -> tuple[list[bytes], bool]:
    """What the server says, and whether it has ended the connection."""
    site = Site(folder)
    for number in range(2):
        site.deliver(b"Subject: %d\r\n\r\nbody\r\n" % number)
    client = client_at(vector.door, site)
    lines: list[bytes] = []
    with logged() as events:
        for piece in pieces:
            if not client.ended:
                lines += client.send(piece)
        site.clock.advance(1.0)
        lines += client.heard()
    assert [event["log_failure"] for event in events if "log_failure" in event] == []
    # Nothing has come into being beside the mailbox.
    assert {path.name for path in folder.rglob("*") if not path.is_relative_to(site.maildir)} <= {
        "example.org",
        "ann",
    }
    ended = client.ended
    client.leave()
    return lines, ended


def check(vector: ReaderVector, lines: list[bytes], *, ended: bool) -> None:
    told = [line for line in lines if is_told(line, vector.door)]
    assert len(told) == len(vector.told), told
    for line, expected in zip(told, vector.told, strict=True):
        assert line.startswith(expected.encode()), told
    assert ended == vector.ended
    for line in lines:
        assert line.isascii()
        assert line.decode().isprintable(), line


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_vector_is_answered_as_it_must_be_wherever_it_is_cut(vector: ReaderVector, tmp_path: Path) -> None:
    whole = answered(vector, [vector.said], tmp_path / "whole")
    check(vector, whole[0], ended=whole[1])
    if "injection" in vector.id:
        # What comes behind depends on whether TLS has begun by then.
        return
    choice = random.Random(vector.id)
    ways = [octets(vector.said)] * (len(vector.said) <= _SHORT)
    ways += [cut(vector.said, [choice.randrange(len(vector.said)) for _ in range(3)]) for _ in range(_SOME)]
    for number, pieces in enumerate(ways):
        assert answered(vector, pieces, tmp_path / str(number)) == whole
