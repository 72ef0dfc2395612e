"""
An owner of a session: it answers every question by a fixed policy, that of the
site in :mod:`tests.vectors.model`, and writes down what it was told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mailext.values import ClientIdentity, Mailbox, Protocol
from mailext.wire import replies
from mailext.wire.events import (
    AuthCommand,
    AuthResponse,
    Event,
    Hello,
    MailCommand,
    MessageData,
    MessageEnd,
    MessageFault,
    MessageStart,
    Question,
    RcptCommand,
    Reset,
    Signal,
    StartTls,
    UnknownCommand,
)
from mailext.wire.extensions import Offer, advertised
from mailext.wire.replies import Reply
from mailext.wire.server import ServerSession
from mailext.wire.states import Command, State
from tests.vectors.model import ACCOUNT, DOMAIN, LIMITS, PASSWORD, RECIPIENTS, Listener

OFFERS = {
    Listener.CLEAR: Offer(starttls=True, mechanisms=("PLAIN", "LOGIN"), clientid=True, limits=LIMITS),
    Listener.TLS: Offer(tls=True, mechanisms=("PLAIN", "LOGIN"), clientid=True, limits=LIMITS),
    Listener.LMTP: Offer(limits=LIMITS),
}
PROTOCOLS = {
    Listener.CLEAR: Protocol.ESMTP,
    Listener.TLS: Protocol.ESMTP,
    Listener.LMTP: Protocol.LMTP,
}

_PROMPTS = {"PLAIN": (b"",), "LOGIN": (b"Username:", b"Password:")}
_REPLY = re.compile(rb"(?:([0-9]{3})-[^\r\n]*\r\n)*?([0-9]{3})(?: [^\r\n]*)?\r\n")


@dataclass(frozen=True)
class Transcript:
    """
    What came of a dialogue.

    :param sent: all that the server sent.
    :param events: without ``MessageData``.
    :param messages: the contents that were accepted.
    :param state: the session's last.
    """

    sent: bytes
    events: tuple[Event, ...]
    messages: tuple[bytes, ...]
    state: State
    identity: ClientIdentity | None

    @property
    def replies(self) -> list[str]:
        """The last line of each reply, in their order."""
        return [reply.splitlines()[-1] for reply in split_replies(self.sent)]


def split_replies(sent: bytes) -> list[str]:
    """
    Take replies apart, as a strict client does.

    :raise ValueError: if they are not what RFC 5321 section 4.2 wants.
    """
    found = []
    position = 0
    while position < len(sent):
        match = _REPLY.match(sent, position)
        if match is None:
            raise ValueError(f"not a reply: {sent[position : position + 80]!r}")
        lines = match[0].decode("ascii").splitlines()
        if len({line[:3] for line in lines}) != 1:
            raise ValueError(f"not one reply: {lines!r}")
        found.append(match[0].decode("ascii"))
        position = match.end()
    return found


def check_sent(sent: bytes) -> None:
    """
    Whatever a server was told, this is what it may say.

    :raise ValueError: if it is no replies.
    """
    split_replies(sent)
    for line in sent.splitlines():
        assert len(line) + 2 <= 512
        assert all(0x20 <= octet < 0x7F for octet in line)


class Owner:
    """
    Someone who has a session.

    :ivar events: all that the session told, without ``MessageData``.
    :ivar messages: the contents that were accepted.
    :ivar question: the last event, if it was a question and waits for its answer.
    """

    def __init__(self, protocol: Protocol, offer: Offer) -> None:
        self.session = ServerSession(protocol, offer)
        self.sent = b""
        self.events: list[Event] = []
        self.messages: list[bytes] = []
        self.question: Question | None = None
        self._content = bytearray()
        self._recipients = 0
        self._prompts: list[bytes] = []
        self._responses: list[bytes] = []
        self._failures = 0

    def receive(self, data: bytes) -> None:
        """Hand octets to the session, and take what it has to tell."""
        self.session.receive(data)
        self.listen()

    def listen(self) -> None:
        """Take what the session has to tell, up to a question."""
        while not isinstance(event := self.session.next_event(), Signal):
            self._note(event)
            if isinstance(event, Question):
                self.question = event
        self.sent += self.session.data_to_send()

    def answer_all(self) -> None:
        """Answer the question that waits, and those that come then."""
        while self.question is not None:
            question, self.question = self.question, None
            self.answer(question)
            self.listen()

    def transcript(self) -> Transcript:
        return Transcript(
            self.sent, tuple(self.events), tuple(self.messages), self.session.state, self.session.identity
        )

    def _note(self, event: Event) -> None:
        if isinstance(event, MessageData):
            self._content += event.data
            return
        self.events.append(event)
        if isinstance(event, MessageFault | Reset):
            self._content.clear()

    def answer(self, question: Question) -> None:
        """Answer as the site does."""
        session = self.session
        match question:
            case Hello(command=Command.HELO):
                session.reply(Reply.of(250, None, "mx.example.org"))
            case Hello():
                keywords = (" ".join((k, *v)) for k, v in advertised(session.offer).items())
                session.reply(Reply.of(250, None, "mx.example.org", *keywords))
            case StartTls():
                session.reply(replies.READY_FOR_TLS)
            case AuthCommand(mechanism=mechanism, initial_response=response):
                self._prompts = list(_PROMPTS[mechanism])
                self._responses = []
                self._exchange(response)
            case AuthResponse(data=response):
                self._exchange(response)
            case MailCommand():
                self._recipients = 0
                session.reply(replies.SENDER_OK)
            case RcptCommand(forward_path=path):
                session.reply(self._judge(path))
            case MessageStart():
                self._content.clear()
                session.accept_message()
            case MessageEnd():
                self.messages.append(bytes(self._content))
                count = self._recipients if session.protocol is Protocol.LMTP else 1
                session.reply(*[replies.OK] * count)
            case UnknownCommand():
                session.reply(replies.UNKNOWN_COMMAND)

    def _judge(self, path: Mailbox) -> Reply:
        if path.domain and path.domain.lower() != DOMAIN:
            return Reply.of(550, "5.7.1", "Relaying denied")
        if path.local_part.partition("+")[0].lower() not in RECIPIENTS:
            return Reply.of(550, "5.1.1", "No such mailbox")
        self._recipients += 1
        return replies.RECIPIENT_OK

    def _exchange(self, response: bytes | None) -> None:
        if response is not None:
            del self._prompts[0]
            self._responses.append(response)
        if self._prompts:
            self.session.challenge(self._prompts[0])
            return
        # PLAIN gives all at once, LOGIN one by one.
        said = self._responses if len(self._responses) > 1 else self._responses[0].split(b"\0")
        if len(said) == 3 and len(self._responses) == 1:
            authorization, *said = said
            said = said if authorization in (b"", said[0]) else []
        elif len(self._responses) == 1:
            self.session.reply(replies.NOT_BASE64)
            return
        if said == [ACCOUNT, PASSWORD]:
            self.session.reply(replies.AUTHENTICATED)
            return
        self.session.reply(replies.AUTHENTICATION_FAILED)
        self._failures += 1
        if self._failures >= LIMITS.auth_failures:
            self.session.close(replies.TOO_MANY_AUTH_FAILURES)


def owner_of(listener: Listener) -> Owner:
    return Owner(PROTOCOLS[listener], OFFERS[listener])


def run(owner: Owner, flights: Iterable[Iterable[bytes]]) -> Transcript:
    """
    A dialogue whose questions are answered at once.

    :param flights: each is the segments of what the client sends up to a TLS
        handshake, or the end.
    """
    for segments in _with_handshakes(owner, flights):
        for segment in segments:
            owner.receive(segment)
            owner.answer_all()
    return owner.transcript()


def run_late(owner: Owner, flights: Iterable[Iterable[bytes]]) -> Transcript:
    """A dialogue whose questions are answered when a whole flight has come in."""
    for segments in _with_handshakes(owner, flights):
        for segment in segments:
            owner.receive(segment)
        owner.answer_all()
    return owner.transcript()


def _with_handshakes(owner: Owner, flights: Iterable[Iterable[bytes]]) -> Iterator[Iterable[bytes]]:
    for segments in flights:
        if owner.session.state is State.HANDSHAKE:
            owner.session.tls_established()
        yield segments


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """:return: the data in pieces; places beyond it do nothing."""
    edges = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def octets(data: bytes) -> list[bytes]:
    return [bytes((octet,)) for octet in data]
