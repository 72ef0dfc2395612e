"""
Whatever octets come, and whatever its owner answers, the session neither fails
nor says what is no reply.
"""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mailext.values import Protocol
from mailext.wire.commands import LONGEST_LINE
from mailext.wire.events import (
    AuthCommand,
    AuthResponse,
    Event,
    MessageData,
    MessageEnd,
    MessageStart,
    Question,
)
from mailext.wire.extensions import Offer
from mailext.wire.limits import SessionLimits
from mailext.wire.replies import Reply
from mailext.wire.states import State
from tests.vectors.model import Listener
from tests.vectors.table import VECTORS
from tests.wire.driver import Owner, check_sent, cut, octets, owner_of, run, run_late

_WORDS = [
    b"EHLO a\r\n", b"HELO a\r\n", b"LHLO a\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<ann@example.org>\r\n", b"DATA\r\n", b".\r\n", b"\r\n.\r\n",
    b"BDAT 3\r\n", b"BDAT 3 LAST\r\n", b"BDAT 0 LAST\r\n", b"BDAT 70000\r\n", b"BDAT x\r\n", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"VRFY a\r\n",
    b"AUTH PLAIN\r\n", b"AUTH LOGIN\r\n", b"AUTH PLAIN AGEAYg==\r\n", b"YQ==\r\n", b"*\r\n", b"CLIENTID UUID x\r\n", b"STARTTLS\r\n", b"FOO\r\n", b"GET /\r\n",
    b"\r\n", b"\r", b"\n", b".", b"a", b"\0", b"\xff", b" ", b"MAIL FROM:<a@b> ", b"SIZE=5000 ", b"REQUIRETLS ", b"SMTPUTF8 ", b"x" * 600, b"y" * 5000,
    b"RCPT TO:<", b"@example.org>", b"ENVID=", b"+0A",
]  # fmt: skip
_OPENED = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\n"

words = st.lists(st.sampled_from(_WORDS), max_size=25).map(b"".join)
beginnings = st.sampled_from(
    [b"", b"EHLO a\r\n", _OPENED, _OPENED + b"DATA\r\n", _OPENED + b"BDAT 9\r\n123456789"]
)
streams = st.builds(bytes.__add__, beginnings, words | st.binary(max_size=200))
places = st.lists(st.integers(0, 3000), max_size=10)
offers = st.builds(
    Offer,
    tls=st.booleans(),
    starttls=st.booleans(),
    mechanisms=st.sampled_from([(), ("PLAIN",), ("PLAIN", "LOGIN")]),
    plaintext_auth=st.booleans(),
    clientid=st.booleans(),
    limits=st.builds(
        SessionLimits,
        message_size=st.integers(0, 300),
        recipients=st.integers(0, 3),
        commands=st.integers(0, 30),
        errors=st.integers(1, 10),
        junk_commands=st.integers(0, 10),
    ),
)


class Whimsical(Owner):
    """
    An owner who answers as it likes.

    :param whim: decides.
    """

    def __init__(self, protocol: Protocol, offer: Offer, whim: random.Random) -> None:
        super().__init__(protocol, offer)
        self._whim = whim
        self._accepted = 0

    def _note(self, event: Event) -> None:
        assert self.session.state is not State.CLOSED
        super()._note(event)
        if isinstance(event, MessageData) and self._whim.random() < 0.1:
            self.session.refuse_message(self._reply(500))

    def _reply(self, code: int) -> Reply:
        text = "".join(self._whim.choices("a \r\n\x00\x85é\U0001f600", k=self._whim.choice((0, 9, 700))))
        return Reply.parse_text(code, text, default=f"{code // 100}.0.0")

    def answer(self, question: Question) -> None:
        refusal = self._whim.choice((None, None, None, 421, 451, 550))
        if isinstance(question, MessageStart) and refusal is None:
            self.session.accept_message()
        elif (
            isinstance(question, AuthCommand | AuthResponse) and refusal is None and self._whim.random() < 0.5
        ):
            self.session.challenge(self._whim.randbytes(5))
        elif isinstance(question, MessageEnd):
            # Too many replies do no harm; then the right number.
            count = next(n for n in range(1000) if self._takes(n, refusal or 250))
            assert count == 1 or self.session.protocol is Protocol.LMTP
        elif self._whim.random() < 0.02:
            self.session.close(self._reply(421))
        else:
            self.session.reply(self._reply(refusal or 250))

    def _takes(self, count: int, code: int) -> bool:
        try:
            self.session.reply(*[self._reply(code)] * count)
        except ValueError:
            return False
        return True


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([Protocol.ESMTP, Protocol.LMTP]), offers, streams, places, st.integers(0, 2**32))
def test_any_octets_and_any_answers(
    protocol: Protocol, offer: Offer, stream: bytes, places: list[int], seed: int
) -> None:
    owner = Whimsical(protocol, offer, random.Random(seed))
    for segment in cut(stream, places):
        if owner.session.state is State.HANDSHAKE:
            owner.session.tls_established()
        was_closed = owner.session.state is State.CLOSED
        said = len(owner.sent)
        owner.receive(segment)
        owner.answer_all()
        if was_closed:
            assert len(owner.sent) == said
        # With no question open, what is kept is less than a line.
        assert len(owner.session._buffer) <= LONGEST_LINE
    check_sent(owner.sent)
    if owner.session.state is State.CLOSED:
        assert len(owner.session._buffer) == 0


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(Listener)), streams, places)
def test_any_octets_are_answered_alike_wherever_they_are_cut(
    listener: Listener, stream: bytes, places: list[int]
) -> None:
    # Of what comes behind STARTTLS something depends on when it comes.
    if listener is Listener.CLEAR and b"STARTTLS" in stream.upper():
        return
    whole = run(owner_of(listener), [[stream]])
    check_sent(whole.sent)
    assert run(owner_of(listener), [cut(stream, places)]) == whole
    assert run_late(owner_of(listener), [cut(stream, places)]) == whole
    if len(stream) < 400:
        assert run(owner_of(listener), [octets(stream)]) == whole


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_vectors_with_octets_changed(data: st.DataObject) -> None:
    flight = bytearray(data.draw(st.sampled_from(VECTORS)).flights[0])
    for place in data.draw(st.lists(st.integers(0, len(flight) - 1), min_size=1, max_size=4)):
        flight[place] = data.draw(st.sampled_from(b"\r\n. \0<>@\xff0A"))
    for listener in Listener:
        whole = run(owner_of(listener), [[bytes(flight)]])
        check_sent(whole.sent)
        if not (listener is Listener.CLEAR and b"STARTTLS" in flight.upper()):
            assert run(owner_of(listener), [octets(bytes(flight))]) == whole
