"""What is sent is what the server's decoders make of it again, wherever it is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailext.wire.body import ChunkDecoder, DotDecoder, has_bare_line_ending
from mailext.wire.encoders import BareLineEndingError, ChunkEncoder, DotEncoder
from tests.wire import reference
from tests.wire.driver import cut

# Lines that matter: dots at their beginning, alone, and behind each other.
lines = st.lists(
    st.sampled_from([b"", b".", b"..", b"a", b".a", b"a.", b"\0", b"\xff", b"." * 5, b"x" * 1200]),
    max_size=12,
).map(b"\r\n".join)
anything = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.\r\n", b"a"]), max_size=16).map(
    b"".join
)
places = st.lists(st.integers(0, 80), max_size=10)


def whole(content: bytes) -> bytes:
    """The content as whole lines."""
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def dotted(pieces: list[bytes]) -> bytes:
    encoder = DotEncoder()
    return b"".join([*map(encoder.feed, pieces), encoder.finish()])


def chunked(pieces: list[bytes]) -> list[bytes]:
    encoder = ChunkEncoder()
    return [*(chunk for piece in pieces for chunk in encoder.feed(piece)), encoder.finish()]


@given(lines, places)
@example(b".", [])
@example(b".\r\n", [1, 2])
@example(b"a\r\n.\r\nb", [1, 2, 3, 4, 5])
@example(b"", [])
@example(b"\r\n", [1])
def test_dots_come_back_as_they_were(content: bytes, places: list[int]) -> None:
    sent = dotted(cut(content, places))
    assert sent == dotted([content])
    assert DotDecoder().feed(sent + b"rest") == (whole(content), b"rest")
    # A server that knows other ends of a line sees no end before that.
    assert re.search(rb"(\r\n|\r|\n)\.(\r\n|\r|\n)", b"\r\n" + sent).end() == len(sent) + 2


@given(anything, places)
def test_a_bare_line_ending_is_never_sent(content: bytes, places: list[int]) -> None:
    pieces = cut(content, places)
    encoder = DotEncoder()
    sent = b""
    try:
        for piece in pieces:
            sent += encoder.feed(piece)
        sent += encoder.finish()
    except BareLineEndingError:
        assert reference.is_bare(content)
    else:
        assert not reference.is_bare(content)
    assert not has_bare_line_ending(sent)


@given(anything, places)
def test_nor_in_a_chunk(content: bytes, places: list[int]) -> None:
    if reference.is_bare(content):
        with pytest.raises(BareLineEndingError):
            chunked(cut(content, places))
        return
    (last,) = chunked(cut(content, places))
    command, octets = last.split(b"\r\n", 1)
    assert command == b"BDAT %d LAST" % len(octets)
    assert octets == whole(content)


def test_chunks_are_of_one_size_but_for_the_last() -> None:
    content = b"0123456789\r\n" * 20000
    chunks = chunked(cut(content, [1, 70000, 70001, 200000]))
    decoder = ChunkDecoder()
    octets = b""
    sizes = []
    for chunk in chunks:
        command, data = chunk.split(b"\r\n", 1)
        sizes.append((command, len(data)))
        octets += decoder.feed(data)
    assert octets + decoder.finish() == content
    assert sizes == [(b"BDAT 65536", 65536)] * 3 + [(b"BDAT 43392 LAST", 43392)]


@pytest.mark.parametrize("content", [b"a\r", b"\n", b"a\nb", b"\ra\n", b"a\r\r\n"])
def test_what_is_refused(content: bytes) -> None:
    with pytest.raises(BareLineEndingError, match="bare CR or LF"):
        dotted([content])
    with pytest.raises(BareLineEndingError):
        chunked([content])
