"""The decoders of message content against the slow parser."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailext.wire.body import ChunkDecoder, Content, DotDecoder, has_bare_line_ending
from mailext.wire.events import MessageData, MessageFault
from mailext.wire.replies import BAD_LINE_ENDINGS, LOCAL_ERROR, MESSAGE_TOO_BIG
from tests.wire import reference
from tests.wire.driver import cut

# What a content is made of: much that matters, little that does not.
tricky = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"\r\n..", b"a", b"\ra\n", b"\0", b"\xff"]
    ),
    max_size=20,
).map(b"".join)
places = st.lists(st.integers(0, 60), max_size=8)


@given(tricky)
@example(b"\ra\n")
@example(b"\n\r")
@example(b"\r\r\n\n")
@example(b"")
def test_bare_line_endings_are_seen(content: bytes) -> None:
    assert has_bare_line_ending(content) == reference.is_bare(content)


@given(tricky, places)
@example(b".\r\nrest", [1, 2])
@example(b"..\r\n.\r\n", [1])
@example(b"\r\n.\r", [])
@example(b"\ra\n\r\n.\r\n", [1, 2])
@example(b"\r\n.\r\r\n.\r\n", [4])
def test_data_is_read_as_the_slow_parser_reads_it(stream: bytes, places: list[int]) -> None:
    expected = reference.parse_data(stream)
    decoder = DotDecoder()
    content = b""
    bare = False
    rest = None
    pieces = cut(stream, places)
    while pieces and rest is None:
        piece, rest = decoder.feed(pieces.pop(0))
        assert not (content.endswith(b"\r") and piece.startswith(b"\n"))
        content += piece
        bare = bare or has_bare_line_ending(piece)
    if expected.rest is None:
        assert rest is None
        # The end has not come. What might belong to it was held back.
        completed, rest = decoder.feed(b"\r\n.\r\n")
        again = reference.parse_data(stream + b"\r\n.\r\n")
        assert (content + completed, rest) == (again.content, again.rest)
        assert (bare or has_bare_line_ending(completed)) == again.is_bare
    else:
        assert rest is not None
        assert content == expected.content
        assert rest + b"".join(pieces) == expected.rest
        assert bare == expected.is_bare


@given(tricky, places)
def test_data_holds_back_no_more_than_could_be_the_end(stream: bytes, places: list[int]) -> None:
    decoder = DotDecoder()
    given_out = 0
    fed = 0
    for piece in cut(stream, places):
        content, rest = decoder.feed(piece)
        if rest is not None:
            return
        fed += len(piece)
        given_out += len(content)
        # Dots that were taken out are at most one in three octets.
        assert fed - fed // 3 - 4 <= given_out + 1


@given(st.lists(tricky, min_size=1, max_size=4), places)
@example([b"a\r", b"\n"], [])
@example([b"a\r"], [])
@example([b"a\r", b"b"], [1])
@example([b""], [])
def test_chunks_are_read_as_the_slow_parser_reads_them(chunks: list[bytes], places: list[int]) -> None:
    expected = reference.parse_chunks(chunks)
    decoder = ChunkDecoder()
    pieces = [decoder.feed(piece) for chunk in chunks for piece in cut(chunk, places)]
    pieces.append(decoder.finish())
    assert any(map(has_bare_line_ending, pieces)) == expected.is_bare
    if not expected.is_bare:
        assert b"".join(pieces) == expected.content
        assert not any(piece.endswith(b"\r") for piece in pieces)


whole_lines = st.lists(st.sampled_from([b"\r\n", b"ab\r\n", b"\n", b"a\rb", b"cd"]), min_size=1, max_size=12)


@given(whole_lines, st.integers(0, 20))
def test_the_fault_of_a_content_does_not_depend_on_its_pieces(pieces: list[bytes], limit: int) -> None:
    whole = b"".join(pieces)
    content = Content(limit)
    told = [content.take(piece) for piece in pieces]
    fault = None
    if len(whole) > limit:
        fault = MESSAGE_TOO_BIG
    elif reference.is_bare(whole):
        fault = BAD_LINE_ENDINGS
    assert content.fault is fault
    # The owner is told once, and of nothing that comes later.
    faults = [index for index, event in enumerate(told) if isinstance(event, MessageFault)]
    assert len(faults) == (fault is not None)
    last = faults[0] if faults else len(told)
    assert told[:last] == [MessageData(piece) for piece in pieces[:last]]
    assert not any(told[last + 1 :])


@pytest.mark.parametrize(
    ("later", "fault"), [(b"a\r\n", LOCAL_ERROR), (b"\n", BAD_LINE_ENDINGS), (b"x" * 20, MESSAGE_TOO_BIG)]
)
def test_a_refusal_by_the_owner_gives_way_to_what_is_wrong_with_the_octets(
    later: bytes, fault: object
) -> None:
    content = Content(10)
    content.fault = LOCAL_ERROR
    assert content.take(later) is None
    assert content.fault is fault


def test_nothing_is_told_of_no_octets() -> None:
    assert Content(0).take(b"") is None
