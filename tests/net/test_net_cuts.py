"""
Recorded dialogues, cut at every place: the replies are the same octets, what
is delivered is the same, and so is what the site is asked about the envelope.
"""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.mail.smtp import SMTPBadRcpt

from mailext.testing import ScriptedPolicy
from mailext.values import HeaderField, Protocol, Verdict
from mailext.wire.limits import SessionLimits
from tests.net.client import Client
from tests.net.site import (
    ANN,
    EHLO,
    LHLO,
    MAIL,
    RCPT,
    AwareDelivery,
    DeliveryFactory,
    Server,
    TargetSite,
    plain,
    serve,
)

ANOTHER = b"RCPT TO:<ann@example.org>"
_POLICIES = (ScriptedPolicy(message=Verdict(add_headers=(HeaderField("X-Seen", "yes"),))),)


#: A message that is refused in the end may have been begun, or not.
_ASKED = ("beginTransaction", "validateFrom", "recipientOptions", "validateTo")


def lines(*of: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in of)


def chunk(content: bytes, last: bytes = b"") -> bytes:
    return b"BDAT %d%s\r\n%s" % (len(content), last, content)


DIALOGUES = {
    "two messages": lines(
        EHLO, MAIL + b" BODY=8BITMIME SIZE=100", RCPT, ANOTHER, b"DATA", b"A: b", b" c", b"", b"..dot", b"", b".",
        b"NOOP", MAIL, RCPT, b"DATA", b".", b"QUIT",
    ),
    "chunks": lines(EHLO, MAIL, RCPT)
    + chunk(b"A: b\r\n\r\n.\r") + chunk(b"\nx\r\n.\r\n") + chunk(b"QUIT\r\nend", b" LAST")
    + lines(MAIL, RCPT) + chunk(b"bare\nLF", b" LAST") + lines(b"RSET", b"QUIT"),
    "refusals": lines(
        EHLO, MAIL, b"RCPT TO:<nobody@example.org>", b"DATA", RCPT, b"RCPT TO:<>", b"MAIL FROM:<x", b"DATA",
        b"TLS-Required: No", b"", b"bare\nLF", b".", b"VRFY x", b"EXPN", b"x" * 600, b"QUIT",
    ),
    "logins": lines(
        EHLO, b"AUTH PLAIN", b"*", plain("ann", b"wrong"), b"AUTH LOGIN", b64encode(b"ann"), b64encode(b"secret"),
        MAIL, ANN, b"RSET", ANN, MAIL, RCPT, b"DATA", b"Subject: x", b".", b"QUIT",
    ),
    "too long": lines(EHLO, MAIL, RCPT, b"DATA", b"A: " + b"x" * 300, b"", b"body", b".", b"NOOP", b"QUIT"),
    "too big": lines(EHLO, MAIL, RCPT, b"DATA", b"A: b", b"", *[b"x" * 60] * 12, b".", b"NOOP", b"QUIT"),
    "what is behind the end is dropped": lines(EHLO, b"QUIT", MAIL, RCPT, b"DATA"),
    "errors end it": lines(EHLO, *[b"NONSENSE"] * 12, b"NOOP"),
}  # fmt: skip
_LMTP = lines(LHLO, MAIL, RCPT, ANOTHER, b"DATA", b"A: b", b"", b"x", b".", MAIL, RCPT) + (
    chunk(b"hi") + chunk(b"", b" LAST") + lines(b"QUIT")
)


@dataclass(frozen=True)
class Outcome:
    """What came of a dialogue."""

    sent: bytes
    messages: tuple[object, ...]
    calls: tuple[object, ...]
    closed: bool


class Waiting:
    """Answers that come when the test has sent everything that can be read."""

    def __init__(self, *, at_once: bool) -> None:
        self._at_once = at_once
        self._waiting: list[tuple[Deferred[object], object]] = []

    def ask(self, answer: object) -> Deferred[object]:
        if self._at_once:
            return succeed(answer)
        waiting: Deferred[object] = Deferred()
        self._waiting.append((waiting, answer))
        return waiting

    def answer_all(self, client: Client) -> None:
        while self._waiting:
            waiting, answer = self._waiting.pop(0)
            waiting.callback(answer)
            client.pump()


class _Site:
    """Makes the delivery objects of one run, and knows them all."""

    def __init__(self, kind: type[AwareDelivery], waiting: Waiting) -> None:
        self.made: list[AwareDelivery] = []
        self._kind = kind
        self._waiting = waiting

    def make(self) -> AwareDelivery:
        self.made.append(self._kind(sender=self._waiting.ask, recipient=self._judge))
        return self.made[-1]

    def _judge(self, user):
        if user.dest.local == b"nobody":
            raise SMTPBadRcpt(user, 550, "5.1.1 No such mailbox")
        return self._waiting.ask(self.made[-1].begin)

    def outcome(self, client: Client) -> Outcome:
        calls = [_comparable(call) for delivery in self.made for call in delivery.calls if call[0] in _ASKED]
        messages: list[object] = [
            (b"\n".join(message.lines), tuple(message.ends))
            for delivery in self.made
            for message in delivery.messages
            if message.ends == ["complete"]
        ]
        for delivery in self.made:
            if isinstance(delivery, TargetSite):
                messages += [
                    (each.headers, each.body) for each in delivery.deliveries if each.ends == ["commit"]
                ]
        return Outcome(client.octets(), tuple(messages), tuple(calls), client.closed)


def _comparable(call: tuple[object, ...]) -> tuple[object, ...]:
    """A call without the session, whose id is random."""
    return call[:2] if call[0] == "beginTransaction" else call


def run(
    name: str, pieces: Iterable[bytes], kind: type[AwareDelivery] = AwareDelivery, *, at_once: bool = True
) -> Outcome:
    waiting = Waiting(at_once=at_once)
    site = _Site(kind, waiting)
    server = server_of(name, site)
    client = server.connect()
    for piece in pieces:
        if client.closed:
            break
        client.send(piece)
    for _ in range(4):
        waiting.answer_all(client)
        server.advance(1.0)
    return site.outcome(client)


def server_of(name: str, site: _Site) -> Server:
    return serve(
        DeliveryFactory(site.make),
        protocol=Protocol.LMTP if name == "lmtp" else Protocol.ESMTP,
        plaintext_auth=True,
        policies=_POLICIES,
        header_size=200,
        limits=SessionLimits(message_size=600, errors=10),
    )


def dialogue(name: str) -> bytes:
    return _LMTP if name == "lmtp" else DIALOGUES[name]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


NAMES = pytest.mark.parametrize("name", [*DIALOGUES, "lmtp"])
KINDS = pytest.mark.parametrize("kind", [AwareDelivery, TargetSite])


@NAMES
@KINDS
def test_octet_by_octet(name, kind) -> None:
    data = dialogue(name)
    whole = run(name, [data], kind)
    assert run(name, [data[place : place + 1] for place in range(len(data))], kind) == whole


@NAMES
def test_in_two_pieces_wherever(name) -> None:
    data = dialogue(name)
    whole = run(name, [data])
    assert whole.sent.count(b"\r\n") > 3
    for place in range(1, len(data)):
        assert run(name, [data[:place], data[place:]]) == whole, data[max(place - 20, 0) : place + 20]


@NAMES
@KINDS
def test_whether_the_site_answers_at_once_or_late(name, kind) -> None:
    data = dialogue(name)
    whole = run(name, [data], kind)
    choice = random.Random(name)
    assert run(name, [data], kind, at_once=False) == whole
    for _ in range(10):
        places = [choice.randrange(len(data)) for _ in range(5)]
        assert run(name, cut(data, places), kind, at_once=False) == whole


@given(
    name=st.sampled_from([*DIALOGUES, "lmtp"]),
    places=st.lists(st.integers(0, 1 << 16), max_size=12),
    at_once=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_in_any_pieces(name, places, at_once) -> None:
    data = dialogue(name)
    assert run(name, cut(data, places), at_once=at_once) == run(name, [data])


@pytest.mark.parametrize("step", [1, 2, 7, 100])
def test_the_records_of_tls_make_no_difference(tls_settings, step) -> None:
    data = DIALOGUES["two messages"]
    outcomes = []
    for size in (len(data), step):
        delivery = AwareDelivery()
        client = serve(delivery, **tls_settings).connect_tls()
        for place in range(0, len(data), size):
            client.send(data[place : place + size])
        outcomes.append((client.octets(), [message.lines for message in delivery.messages], client.closed))
    assert outcomes[0] == outcomes[1]
