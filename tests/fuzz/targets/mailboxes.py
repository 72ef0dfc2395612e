"""What clients of IMAP and POP3 say."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from mailext.access.describing import body_structure, envelope
from mailext.access.mime import Part, read_structure
from mailext.access.sequences import parse_set
from tests.access.dialogue import Client, Site
from tests.fuzz.target import Target, expect, pieces
from tests.support import logged

_NOTE = (
    b"From: Ann <ann@example.org>\r\nSubject: note\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\n.body\r\n"
)
_PARTS = (
    b"From: b@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\n\r\none\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntwo\r\n--x--\r\n"
)
_SECONDS = 5
_DATE = re.compile(rb'INTERNALDATE "[^"]*"')
_STRING = re.compile(rb'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|\{([0-9]+)\}\r\n')
_NOT_NUMBER_OR_NIL = re.compile(rb"[^()0-9NIL ]")


def _said(kind: str, state: int, parts: list[bytes]) -> list[bytes]:
    """What a server of its own says to octets in these parts."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder, logged() as events:
        site = Site(Path(folder))
        site.deliver(_NOTE)
        site.deliver(_PARTS)
        client = _client(site, kind, state)
        lines: list[bytes] = []
        for part in parts:
            if not client.ended:
                lines += _told(client, part)
        for _ in range(_SECONDS):
            site.clock.advance(1.0)
            lines += client.heard()
        client.leave()
    failures = [event["log_failure"] for event in events if "log_failure" in event]
    expect(not failures, f"an exception that nobody expected: {failures}")
    # When a file came is told by the disk.
    return [_DATE.sub(b"INTERNALDATE", line) for line in lines]


def _memory() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None


def _client(site: Site, kind: str, state: int) -> Client:
    if kind == "pop3":
        return site.collector() if state & 1 else site.pop3()
    if state & 1:
        return site.reader(*[b"s SELECT INBOX"] * bool(state & 2))
    return site.imap()


def _told(client: Client, octets: bytes) -> list[bytes]:
    client.protocol.dataReceived(octets)
    octets = client.transport.value()
    expect(octets.endswith(b"\r\n") or not octets, "a reply that is no line")
    return client.heard()


def _check(kind: str, data: bytes) -> None:
    state, stream = (data[0] if data else 0), data[1:]
    whole = _said(kind, state, [stream])
    starts = b"STARTTLS" in stream.upper() or b"STLS" in stream.upper()
    expect(starts or _said(kind, state, pieces(stream, data[:3])) == whole, "a cut changes what is said")


def check_imap(data: bytes) -> None:
    """The first octet says whether one has logged in, and selected the mailbox."""
    _check("imap", data)


def check_pop3(data: bytes) -> None:
    """The first octet says whether one has logged in."""
    _check("pop3", data)


def check_message(data: bytes) -> None:
    """A message: how it is described, and its parts."""
    octets = data.replace(b"\r", b"").replace(b"\n", b"\r\n")
    structure = read_structure(octets)
    _check_part(structure, 0, len(octets))
    described = _without_strings(body_structure(octets, structure, extended=True) + envelope(structure))
    expect(_NOT_NUMBER_OR_NIL.search(described) is None, "what is no number, no string, and not NIL")
    expect(described.count(b"(") == described.count(b")"), "parentheses that do not match")


def _check_part(part: Part, start: int, end: int) -> None:
    expect(start <= part.start <= part.body <= part.end <= end, "a part beyond its message")
    for child in part.children:
        _check_part(child, part.body, part.end)


def _without_strings(octets: bytes) -> bytes:
    """
    The octets without quoted strings and literals.

    :raise InvariantError: if one has no end.
    """
    found, place = b"", 0
    while match := _STRING.search(octets, place):
        found += octets[place : match.start()]
        place = match.end() + int(match[1] or 0)
        expect(place <= len(octets), "a literal without end")
    return found + octets[place:]


def check_numbers(data: bytes) -> None:
    """Sets of message numbers."""
    try:
        found = parse_set(data)
    except ValueError:
        return
    expect(
        list(found.ranges) == sorted(found.ranges, key=lambda pair: (pair[0] is None, pair[0] or 0)),
        "not in order",
    )


TARGETS = (
    Target(
        "imap",
        check_imap,
        "clients of IMAP: whole sessions, before and after the login",
        "no exception reaches the log, lines are whole, cuts change nothing",
        (
            b"a LOGIN ann secret\r\n",
            b"b SELECT INBOX\r\n",
            b"c FETCH 1:* (FLAGS BODY[HEADER.FIELDS (SUBJECT)])\r\n",
            b"BODY.PEEK[1.2.MIME]<0.10>",
            b"ENVELOPE",
            b"BODYSTRUCTURE",
            b"d STORE 1 +FLAGS (\\Deleted)\r\n",
            b"e SEARCH OR SUBJECT x NOT (SEEN)\r\n",
            b"f APPEND INBOX {3}\r\nabc\r\n",
            b'g LIST "" *\r\n',
            b"h STATUS INBOX (MESSAGES UIDNEXT)\r\n",
            b"i IDLE\r\nDONE\r\n",
            b"j UID COPY 1 x\r\n",
            b"k CREATE &AOk-\r\n",
            b"l EXPUNGE\r\n",
            b"m AUTHENTICATE PLAIN\r\n",
            b"n CLIENTID UUID x\r\n",
            b"o RENAME a b\r\n",
            b"{5}\r\n",
            b"{5+}\r\n",
            b"p LOGOUT\r\n",
            b"q DELETE x\r\n",
            b"CHARSET UTF-8",
            b"SINCE 1-Jan-2024",
            b"LARGER 1",
            b"HEADER a b",
            b"KEYWORD",
            b"r NOOP\r\n",
            b"s CLOSE\r\n",
            b"t NAMESPACE\r\n",
        ),
        400,
    ),
    Target(
        "pop3",
        check_pop3,
        "clients of POP3: whole sessions, before and after the login",
        "no exception reaches the log, lines are whole, cuts change nothing",
        (
            b"USER ann\r\n",
            b"PASS secret\r\n",
            b"AUTH PLAIN\r\n",
            b"AUTH PLAIN =\r\n",
            b"STAT\r\n",
            b"LIST 1\r\n",
            b"RETR 1\r\n",
            b"TOP 1 0\r\n",
            b"UIDL\r\n",
            b"DELE 2\r\n",
            b"RSET\r\n",
            b"NOOP\r\n",
            b"CAPA\r\n",
            b"QUIT\r\n",
            b"STLS\r\n",
            b"APOP a b\r\n",
            b"*\r\n",
        ),
        300,
    ),
    Target(
        "message",
        check_message,
        "authors: messages that IMAP describes and takes apart",
        "no part reaches beyond its message; numbers, strings and NIL alone, in parentheses that match",
        (
            b"Content-Type: multipart/mixed; boundary=x\n",
            b"Content-Type: message/rfc822\n\n",
            b"\n--x\n",
            b"\n--x--\n",
            b"boundary*0=x; boundary*1=y",
            b"boundary*=utf-8''x",
            b"Content-Disposition: attachment; filename=",
            b"From: a <b@c>, d: e;\n",
            b"=?utf-8?q?x?=",
        ),
        500,
    ),
    Target(
        "numbers",
        check_numbers,
        "clients of IMAP: sets of message numbers",
        "ValueError alone; ranges in order",
        (b"1:*", b"*:1", b",", b"4294967295", b"0"),
        200,
    ),
)
