"""What FETCH and SEARCH find in messages: the octets of their parts, and what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.access.describing import body_structure, envelope, string
from mailext.access.mime import read_structure

MIXED = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.net, Undisclosed\r\nSubject: =?utf-8?q?H=C3=A4?=\r\n"
    b"Received: one\r\nReceived: two\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b 1"\r\n\r\npreamble\r\n'
    b"--b 1\r\n\r\nfirst\r\n"
    b"--b 1 \r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nSMOkbGxv\r\n"
    b"--b 1\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
    b"--in\r\nContent-Type: text/plain\r\n\r\ninner one\r\n--in\r\n\r\ninner two\r\n--in--\r\n"
    b"--b 1\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nPDF\r\n"
    b"--b 1--\r\nepilogue\r\n"
)


def literal(answer: list[bytes]) -> bytes:
    """The octets of the one literal in a FETCH response."""
    response = b"\r\n".join(answer)
    size, _, rest = response.partition(b"{")[2].partition(b"}\r\n")
    return rest[: int(size)]


@pytest.fixture
def client(site):
    site.deliver(MIXED)
    return site.reader(b"s SELECT INBOX")


@pytest.mark.parametrize(
    ("section", "octets"),
    [
        (b"", MIXED),
        (b"HEADER", MIXED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"),
        (b"TEXT", MIXED.partition(b"\r\n\r\n")[2]),
        (b"1", b"first"),
        (b"2", b"SMOkbGxv"),
        (b"2.MIME", b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
        (b"3.HEADER", b"Subject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"),
        (b"3.HEADER.FIELDS (Subject)", b"Subject: inner\r\n\r\n"),
        (b"3.1", b"inner one"),
        (b"3.2", b"inner two"),
        (b"4", b"PDF"),
        (b'HEADER.FIELDS ("Received" X-None)', b"Received: one\r\nReceived: two\r\n\r\n"),
        (
            b"HEADER.FIELDS.NOT (From To Subject MIME-Version Content-Type)",
            b"Received: one\r\nReceived: two\r\n\r\n",
        ),
    ],
)
def test_sections_are_the_octets_of_the_message(client, section, octets):
    assert literal(client.say(b"a FETCH 1 BODY.PEEK[" + section + b"]")) == octets
    part = literal(client.say(b"b FETCH 1 BODY.PEEK[" + section + b"]<3.5>"))
    assert part == octets[3:8]


@pytest.mark.parametrize("section", [b"9", b"1.2", b"2.HEADER", b"3.9", b"4.TEXT", b"1.1.1.2"])
def test_sections_that_there_are_not(client, section):
    answer = client.say(b"a FETCH 1 BODY.PEEK[" + section + b"]")
    assert answer[0] == b"* 1 FETCH (BODY[" + section + b"] NIL)"


def test_old_names(client):
    assert literal(client.say(b"a FETCH 1 RFC822.HEADER")) == MIXED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert literal(client.say(b"b FETCH 1 RFC822.TEXT")) == MIXED.partition(b"\r\n\r\n")[2]
    assert literal(client.say(b"c FETCH 1 RFC822")) == MIXED


def test_macros(client):
    for macro in (b"ALL", b"FAST", b"FULL"):
        answer = client.say(b"a FETCH 1 " + macro)
        assert answer[-1] == b"a OK FETCH completed"
        assert b"RFC822.SIZE %d" % len(MIXED) in answer[0]


def test_envelope():
    assert envelope(read_structure(MIXED)) == (
        b'(NIL "=?utf-8?q?H=C3=A4?=" (("Ann" NIL "ann" "example.org")) (("Ann" NIL "ann" "example.org")) '
        b'(("Ann" NIL "ann" "example.org")) ((NIL NIL "bob" "example.net")(NIL NIL "Undisclosed" "")) '
        b"NIL NIL NIL NIL)"
    )


def test_body_structure():
    message = read_structure(MIXED)
    inner = MIXED[MIXED.index(b"Subject: inner") : MIXED.index(b"\r\n--b 1\r\nContent-Type: application")]
    assert body_structure(MIXED, message, extended=False) == (
        b'(("text" "plain" NIL NIL NIL "7bit" 5 0)'
        b'("text" "html" ("charset" "utf-8") NIL NIL "base64" 8 0)'
        b'("message" "rfc822" NIL NIL NIL "7bit" %d '
        b'(NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'(("text" "plain" NIL NIL NIL "7bit" 9 0)("text" "plain" NIL NIL NIL "7bit" 9 0) "alternative") %d)'
        b'("application" "pdf" NIL NIL NIL "7bit" 3) "mixed")'
    ) % (len(inner), inner.count(b"\n"))
    assert b'("attachment" ("filename" "a.pdf"))' in body_structure(MIXED, message, extended=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"no header at all",
        b"Subject: x",
        b"\xff\xfe: \x00\r\n\r\n\x00",
        b"Content-Type: multipart/mixed\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b",
        b"Content-Type: text\r\n\r\nx",
        b"Content-Type: text/plain; charset\r\n\r\nx",
        b"Content-Type: text/plain; name*=x'y\r\n\r\nx",
        b"Content-Type: ;;;==\r\n\r\nx",
        b"Content-Type: message/rfc822\r\n\r\n" * 100,
        b"From: " + b"(" * 5000 + b"\r\n\r\nx",
        b"From: " + b"a," * 20000 + b"\r\n\r\nx",
        b"From: \xff@\xff, =?x?=, <>, group: a@b;\r\n\r\nx",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200)
        ),
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 20000,
    ],
)
def test_messages_that_make_no_sense(site, content):
    site.deliver(content)
    client = site.reader(b"s SELECT INBOX")
    answer = client.say(
        b"a FETCH 1 (ENVELOPE BODYSTRUCTURE BODY BODY[1] BODY[1.MIME] BODY[2.1.HEADER] BODY[])"
    )
    assert answer[-1] == b"a OK FETCH completed"
    assert client.say(b'b SEARCH OR BODY "x" OR TEXT "y" OR FROM "z" SENTBEFORE 1-Jan-2020')[-1].startswith(
        b"b OK"
    )


@given(st.binary(max_size=300))
def test_any_octets_have_a_structure(content):
    message = read_structure(content)
    assert (message.start, message.end) == (0, len(content))
    envelope(message)
    body_structure(content, message, extended=True)


@given(st.one_of(st.text(), st.binary()))
def test_strings_can_be_read_again(text):
    written = string(text)
    octets = (text.encode("utf-8", "replace") if isinstance(text, str) else text).replace(b"\0", b"")
    if written.startswith(b"{"):
        size, _, rest = written[1:].partition(b"}\r\n")
        assert (int(size), rest) == (len(octets), octets)
    else:
        assert written[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\") == octets


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"ALL", b" 1 2"),
        (b"1", b" 1"),
        (b"2:*", b" 2"),
        (b"UID 2", b" 2"),
        (b"SUBJECT h\xc3\xa4", b" 1"),
        (b'SUBJECT "PLAIN"', b" 2"),
        (b"FROM ann", b" 1 2"),
        (b"NOT FROM ann", b""),
        (b"OR SUBJECT plain SUBJECT inner", b" 2"),
        (b"(FROM ann SUBJECT plain)", b" 2"),
        (b"HEADER Received two", b" 1"),
        (b'HEADER Received ""', b" 1"),
        (b'BODY "h\xc3\xa4llo"', b" 1"),
        (b"TEXT epsilon", b" 2"),
        (b"LARGER 500", b" 1"),
        (b"SMALLER 500", b" 2"),
        (b"SEEN", b""),
        (b"UNSEEN RECENT", b" 1 2"),
        (b"NEW", b" 1 2"),
        (b"OLD", b""),
        (b"KEYWORD $Label", b""),
        (b"UNKEYWORD $Label", b" 1 2"),
        (b"SENTON 1-Feb-2024", b" 2"),
        (b"SENTBEFORE 2-feb-2024", b" 2"),
        (b"SENTSINCE 2-Feb-2024", b""),
        (b"SINCE 1-Jan-2000", b" 1 2"),
        (b"BEFORE 1-Jan-2000", b""),
    ],
)
def test_search(site, query, found):
    site.deliver(MIXED)
    site.deliver(
        b"From: ann@example.org\r\nSubject: Plain\r\nDate: Thu, 1 Feb 2024 23:00:00 -0800\r\n\r\nepsilon\r\n"
    )
    client = site.reader(b"s SELECT INBOX")
    assert client.say(b"a SEARCH CHARSET UTF-8 " + query)[0] == b"* SEARCH" + found
    assert client.say(b"a UID SEARCH " + query)[0] == b"* SEARCH" + found


def test_search_with_literals(client):
    assert client.say(b"a SEARCH SUBJECT {3}")[0].startswith(b"+ ")
    assert client.say("hä".encode() + b" BODY {5}")[0].startswith(b"+ ")
    assert client.say(b"first") == [b"* SEARCH 1", b"a OK SEARCH completed"]
    assert client.say(b"b SEARCH CHARSET KOI8-R ALL")[0].startswith(b"b NO [BADCHARSET")


def test_a_message_of_many_pieces_arrives_whole(site):
    content = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 60_000
    site.deliver(content)
    client = site.reader(b"s SELECT INBOX")
    assert literal(client.say(b"a FETCH 1 BODY[]")) == content
    for _ in range(3):
        site.deliver(content)
    answer = b"\r\n".join(client.say(b"n NOOP", b"b FETCH 1:* (UID BODY.PEEK[])"))
    assert answer.count(content) == 4


def test_a_client_that_takes_nothing_is_cut_off(site):
    site.deliver(b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 60_000)
    client = site.reader(b"s SELECT INBOX", command_timeout=60.0)
    client.transport.producer.pauseProducing()
    client.say(b"a FETCH 1 BODY[]")
    site.clock.advance(59)
    assert not client.ended
    site.clock.advance(1)
    assert client.ended


@pytest.mark.parametrize(
    "delimiters", [b"--x\r\n\r\n--x--\r\n", b"--x\r\n--x--\r\n", b"--x\r\n\r\n--x\r\n\r\n"]
)
def test_a_part_of_nothing_has_no_octets(site, delimiters):
    site.deliver(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + delimiters)
    client = site.reader(b"s SELECT INBOX")
    (described, _) = client.say(b"a FETCH 1 BODY")
    assert b'("text" "plain" NIL NIL NIL "7bit" 0 0)' in described
    assert literal(client.say(b"a FETCH 1 BODY[1]")) == b""
