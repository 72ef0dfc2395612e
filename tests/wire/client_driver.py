"""
An owner of a client's session: it does one thing after the other, whatever
comes of each, and writes down what it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mailext.values import Envelope, Mailbox, MailOptions, Outcome, Protocol, RcptOptions, Recipient
from mailext.wire.client import ClientSession, SequenceError
from mailext.wire.client_events import AuthChallenge, BeginTls, ClientEvent, ContentWanted
from mailext.wire.client_states import ClientState
from mailext.wire.events import NEED_DATA
from mailext.wire.states import Command

Step = Callable[[ClientSession], None]

HOST = "mx.example.net"
ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.net")
EVE = Mailbox("eve", "example.net")
LOST = Outcome(451, "4.4.2", "The connection was lost")

GREETING = b"220 mx.example.net ESMTP\r\n"
PLAIN_EHLO = b"250 mx.example.net\r\n"
PIPELINING = b"250-mx.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
CHUNKING = b"250-mx.example.net\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
OK = b"250 2.0.0 OK\r\n"
REFUSED = b"550 5.1.1 No such mailbox\r\n"
START_INPUT = b"354 Go on\r\n"


def ehlo(session: ClientSession) -> None:
    session.hello(Command.EHLO)


def lhlo(session: ClientSession) -> None:
    session.hello(Command.LHLO)


def starttls(session: ClientSession) -> None:
    session.start_tls()


def envelope(
    *recipients: Mailbox, sender: Mailbox | None = ANN, options: MailOptions | None = None
) -> Envelope:
    listed = tuple(Recipient(recipient, RcptOptions()) for recipient in recipients or (BOB,))
    return Envelope(sender, listed, options or MailOptions())


def message(*recipients: Mailbox) -> Step:
    return lambda session: session.start_message(envelope(*recipients))


def bye(session: ClientSession) -> None:
    session.quit()


@dataclass(frozen=True)
class Heard:
    """
    What came of a dialogue.

    :param sent: what the client said in answer to each flight of the server.
    :param events: what its owner was told.
    :param state: the session's last.
    """

    sent: tuple[bytes, ...]
    events: tuple[ClientEvent, ...]
    state: ClientState

    @property
    def octets(self) -> bytes:
        """All that the client said."""
        return b"".join(self.sent)


class ClientOwner:
    """
    :param steps: taken one by one, whenever the session can go on.
    :param content: sent when a message is wanted.
    :param responses: sent to challenges; then it gives up.
    """

    def __init__(
        self,
        session: ClientSession,
        steps: Iterable[Step],
        content: Sequence[bytes] = (b"Subject: x\r\n\r\n.dot\r\n",),
        responses: Iterable[bytes] = (),
    ) -> None:
        self.session = session
        self.events: list[ClientEvent] = []
        self._steps = list(steps)
        self._content = content
        self._responses = list(responses)

    def receive(self, data: bytes) -> bytes:
        """:return: what the client says then."""
        self.session.receive(data)
        return self.listen()

    def listen(self) -> bytes:
        while (event := self.session.next_event()) is not NEED_DATA:
            self.events.append(event)
            self._act(event)
        return self.session.data_to_send()

    def _act(self, event: ClientEvent) -> None:
        session = self.session
        if isinstance(event, BeginTls):
            session.next_event()
            session.tls_established()
        elif isinstance(event, AuthChallenge):
            if self._responses:
                session.respond(self._responses.pop(0))
            else:
                session.cancel_authentication()
        elif isinstance(event, ContentWanted):
            for data in self._content:
                session.send_content(data)
            session.end_content()
        if session.state in (ClientState.START, ClientState.READY) and self._steps:
            try:
                self._steps.pop(0)(session)
            except SequenceError:
                # The server has not let it come so far.
                self._steps.clear()


def session(protocol: Protocol = Protocol.ESMTP, **settings: object) -> ClientSession:
    return ClientSession(protocol, "client.example.org", HOST, **settings)


def converse(owner: ClientOwner, flights: Iterable[Iterable[bytes]]) -> Heard:
    """
    :param flights: each is the segments of what the server says before the
        client's next word.
    """
    sent = [b"".join(owner.receive(segment) for segment in segments) for segments in flights]
    return Heard(tuple(sent), tuple(owner.events), owner.session.state)


def run(steps: Iterable[Step], *flights: bytes, **settings: object) -> Heard:
    """A dialogue with a session of its own."""
    return converse(ClientOwner(session(**settings), steps), [[flight] for flight in flights])
