"""The header section: found in pieces, changed by whole fields."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailext.message.headers import HeaderScanner, HeaderSection, HeaderTooLargeError, tls_demand
from mailext.values import HeaderField, TlsDemand

PLENTY = 1 << 20

# Pieces of which header sections and things that only look like one are made.
_PIECES = [
    b"Subject: x",
    b"\r\n",
    b"\r\n\r\n",
    b" folded",
    b"\tfolded",
    b"Name:",
    b"no field",
    b": nameless",
    b"Na me: x",
    b"X : y",
    b"From ann Mon Jan 1",
    b"\xff: z",
    b"Body: \xff\x00",
    b".",
    b"",
]
messages = st.lists(st.sampled_from(_PIECES), max_size=12).map(b"".join)
_LONG_PIECES = [*_PIECES, b"n" * 300, b"n" * 997, b"n" * 998, b"\t" * 998, b":", b"\xff" * 300]
long_messages = st.lists(st.sampled_from(_LONG_PIECES), max_size=12).map(
    lambda parts: b"".join(parts) + b"\r\n"
)


def feed(data: bytes, cuts: list[int], limit: int = PLENTY) -> tuple[HeaderSection, bytes]:
    """What a scanner finds, and the body with all that comes behind it."""
    scanner = HeaderScanner(limit)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    for number, piece in enumerate(pieces):
        if found := scanner.feed(piece):
            return found[0], found[1] + b"".join(pieces[number + 1 :])
    return scanner.finish()


def section(*fields: bytes) -> HeaderSection:
    return HeaderSection.parse(b"".join(field + b"\r\n" for field in fields) + b"\r\n")[0]


class TestParse:
    def test_fields_and_body(self):
        headers, body = HeaderSection.parse(b"Subject: a\r\n b\r\nX-Y:z\r\n\r\nBody: x\r\n\r\nmore")
        assert headers.fields == ((b"subject", b"Subject: a\r\n b\r\n"), (b"x-y", b"X-Y:z\r\n"))
        assert body == b"Body: x\r\n\r\nmore"

    def test_a_line_that_is_no_field_begins_the_body(self):
        headers, body = HeaderSection.parse(b"A: 1\r\nnot a field\r\nBcc: hidden\r\n\r\nx")
        assert [name for name, _ in headers] == [b"a"]
        assert body == b"not a field\r\nBcc: hidden\r\n\r\nx"

    @pytest.mark.parametrize(
        "data",
        [b" folded first\r\n", b"Na me: x\r\n", b": x\r\n", b"X\xff: x\r\n", b"From ann Mon Jan 1 10:00\r\n"],
    )
    def test_no_field(self, data):
        assert HeaderSection.parse(data) == (HeaderSection(), data)

    def test_white_space_before_the_colon_is_allowed(self):
        assert section(b"Bcc \t: x").fields[0][0] == b"bcc"

    def test_an_unfinished_field_is_none(self):
        assert HeaderSection.parse(b"A: 1\r\nB: 2") == (section(b"A: 1"), b"B: 2")

    @given(messages)
    def test_nothing_is_lost(self, data):
        headers, body = HeaderSection.parse(data)
        fields = bytes(headers).removesuffix(b"\r\n")
        assert data in (fields + b"\r\n" + body, fields + body)

    @given(messages)
    def test_what_was_parsed_is_parsed_again_alike(self, data):
        headers, body = HeaderSection.parse(data)
        assert HeaderSection.parse(bytes(headers) + body) == (headers, body)


class TestScanner:
    @given(messages, st.lists(st.integers(min_value=0), max_size=6))
    @example(b"\r\nbody", [1])
    @example(b"A: 1\r\n\r\n\r\n", [5, 6, 7, 8])
    @example(b"no field\r\nA: 1\r\n\r\n", [3])
    def test_the_cuts_make_no_difference(self, data, cuts):
        assert feed(data, cuts) == HeaderSection.parse(data)

    @given(long_messages, st.lists(st.integers(min_value=0), max_size=6))
    @example(b"n" * 997 + b"\t" * 997 + b":\r\n", [50, 1000, 1500, 1994])
    @example(b"n" * 998 + b":\r\n", [50, 997, 998])
    @example(b"A: 1\r\n \xff" + b"n" * 300 + b"\r\n", [6, 7, 8, 200])
    @example(b"no field" + b"n" * 300 + b"\r\nA: 1\r\n\r\n", [8, 200])
    def test_neither_do_they_where_the_limit_is_small(self, data, cuts):
        def outcome(cuts: list[int]) -> object:
            try:
                return feed(data, cuts, limit=100)
            except HeaderTooLargeError:
                return HeaderTooLargeError

        edges = [cut % (len(data) + 1) for cut in cuts]
        assert outcome([cut for cut in edges if data[cut - 1 : cut + 1] != b"\r\n"]) == outcome([])

    def test_octet_by_octet(self):
        data = b"A: 1\r\n b\r\nC: d\r\n\r\n\r\nbody\r\n"
        assert feed(data, list(range(len(data)))) == HeaderSection.parse(data)

    def test_the_end_is_found_as_soon_as_it_is_there(self):
        scanner = HeaderScanner(PLENTY)
        assert scanner.feed(b"A: 1\r\n\r") is None
        assert scanner.feed(b"\n") == (section(b"A: 1"), b"")

    def test_too_large(self):
        for end in (b"", b"\r\n\r\n"):
            with pytest.raises(HeaderTooLargeError):
                HeaderScanner(100).feed(b"A: " + b"x" * 200 + end)

    def test_too_large_is_the_section_and_not_the_message(self):
        headers, body = feed(b"A: 1\r\n\r\n" + b"x" * 1000, [], limit=100)
        assert (headers, body) == (section(b"A: 1"), b"x" * 1000)
        data = b"A: 1\r\nnot a field\r\n" + b"x" * 1000
        assert feed(data, [], limit=100) == (section(b"A: 1"), data[6:])

    def test_many_fields_too_large(self):
        with pytest.raises(HeaderTooLargeError):
            feed(b"A: 1\r\n" * 50 + b"\r\n", [10, 20, 150], limit=100)


class TestChanges:
    def test_count(self):
        headers = section(b"Received: a", b"X: y", b"RECEIVED: b", b"Delivered-To: c")
        assert headers.count(b"received", b"delivered-to") == 3
        assert headers.count(b"subject") == 0

    def test_values_are_unfolded(self):
        headers = section(b"Subject:  a\r\n\tb\r\n  c ", b"subject: \xff", b"X: y")
        assert headers.values(b"subject") == ["a\tb  c", "\ufffd"]

    def test_without(self):
        headers = section(b"A: 1", b"bcc: x\r\n y", b"B: 2", b"BCC : z")
        assert headers.without(["Bcc"]) == section(b"A: 1", b"B: 2")
        assert headers.without([]) is headers

    def test_on_top(self):
        headers = section(b"A: 1").with_on_top(HeaderField("X", "ä b"), HeaderField("Y", ""))
        assert bytes(headers) == b"X: \xc3\xa4 b\r\nY: \r\nA: 1\r\n\r\n"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("X", "a\r\nBcc: b"),
            ("X", "a\nb"),
            ("X", "a\r"),
            ("X: y\r\nZ", "a"),
            ("X:", "a"),
            ("X ", "a"),
            ("", "a"),
            ("Ä", "a"),
        ],
    )
    def test_nothing_begins_another_field(self, name, value):
        with pytest.raises(ValueError):
            HeaderSection().with_on_top(HeaderField(name, value))

    @given(st.text(), st.text())
    def test_an_added_field_is_one_field(self, name, value):
        try:
            headers = HeaderSection().with_on_top(HeaderField(name, value))
        except ValueError:
            return
        assert HeaderSection.parse(bytes(headers)) == (headers, b"")
        assert len(headers.fields) == 1
        assert headers.fields[0][0] == name.lower().encode()


@pytest.mark.requirement("R5")
class TestTlsDemand:
    @pytest.mark.parametrize(
        "fields",
        [
            [b"TLS-Required: No"],
            [b"tls-required:no"],
            [b"TLS-REQUIRED :\tNO "],
            [b"TLS-Required:\r\n No"],
            [b"TLS-Required: No", b"Subject: x", b"TLS-Required: no"],
            # The name of draft-ietf-uta-smtp-require-tls-03.
            [b"RequireTLS: NO"],
            [b"RequireTLS: No", b"TLS-Required: No"],
        ],
    )
    def test_no(self, fields):
        assert tls_demand(section(*fields)) is TlsDemand.OPTIONAL

    @pytest.mark.parametrize(
        "fields",
        [
            [],
            [b"TLS-Required: Yes"],
            [b"TLS-Required:"],
            [b"TLS-Required: No, thanks"],
            [b"TLS-Required: N\r\n o"],
            [b"TLS-Required: No", b"TLS-Required: Yes"],
            [b"TLS-Required: No", b"RequireTLS: Yes"],
            [b"X-TLS-Required: No"],
            [b"Subject: TLS-Required: No"],
            [b"TLS-Required: \xeeo"],
        ],
    )
    def test_nothing(self, fields):
        assert tls_demand(section(*fields)) is TlsDemand.NONE

    def test_the_body_says_nothing(self):
        headers, _ = HeaderSection.parse(b"Subject: x\r\n\r\nTLS-Required: No\r\n\r\n")
        assert tls_demand(headers) is TlsDemand.NONE
        headers, _ = HeaderSection.parse(b"Subject: x\r\nthe body\r\nTLS-Required: No\r\n\r\n")
        assert tls_demand(headers) is TlsDemand.NONE


@pytest.mark.requirement("R6")
def test_the_header_cannot_weaken_the_parameter():
    # The strictest statement holds, and the members are in that order.
    optional = tls_demand(section(b"TLS-Required: No"))
    assert max(TlsDemand.REQUIRE, optional) is TlsDemand.REQUIRE
