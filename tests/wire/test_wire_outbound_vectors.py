"""Messages that would end themselves, on their way out, wherever they are cut."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

import pytest

from mailext.wire.encoders import BareLineEndingError, ChunkEncoder, DotEncoder
from tests.vectors.outbound import VECTORS, OutboundVector
from tests.wire.driver import cut, octets

_CHUNK = re.compile(rb"BDAT ([0-9]+)( LAST)?\r\n")


def stuffed(pieces: Iterable[bytes]) -> bytes | None:
    encoder = DotEncoder()
    try:
        return b"".join([encoder.feed(piece) for piece in pieces]) + encoder.finish()
    except BareLineEndingError:
        return None


def chunked(pieces: Iterable[bytes]) -> bytes | None:
    """The content of the chunks, without their commands."""
    encoder = ChunkEncoder()
    try:
        said = b"".join(b"".join(encoder.feed(piece)) for piece in pieces) + encoder.finish()
    except BareLineEndingError:
        return None
    content = b""
    while said:
        command = _CHUNK.match(said)
        assert command is not None
        end = command.end() + int(command[1])
        content += said[command.end() : end]
        said = said[end:]
        assert bool(command[2]) == (not said)
    return content


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_message_does_not_end_itself(vector: OutboundVector) -> None:
    content = vector.content
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    choice = random.Random(vector.id)
    ways = [[vector.content], octets(vector.content)]
    ways += [
        cut(vector.content, [choice.randrange(len(vector.content) + 1) for _ in range(4)]) for _ in range(8)
    ]
    if len(vector.content) < 100:
        ways += [cut(vector.content, [place]) for place in range(1, len(vector.content))]
    for pieces in ways:
        assert stuffed(pieces) == vector.sent
        assert chunked(pieces) == (None if vector.sent is None else content)
    if vector.sent is not None:
        # RFC 5321 section 4.1.1.4: there is no end before the end.
        assert (b"\r\n" + vector.sent).index(b"\r\n.\r\n") == len(vector.sent) - 3
