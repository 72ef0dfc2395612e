"""The protocol of a client: a pure session on a transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, cast

from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHandshakeListener,
    IReactorTime,
    ISystemHandle,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.deadline import Deadline
from mailext.net import tls
from mailext.net.client.feeder import Feeder
from mailext.net.client.settings import ClientSettings
from mailext.net.client.verification import HostVerifier
from mailext.net.outlet import Outlet
from mailext.values import (
    ClientIdentity,
    Envelope,
    HopError,
    HopSession,
    Mailbox,
    NextHop,
    Outcome,
    TlsEvidence,
    TlsFailedError,
    TlsFailure,
    TlsLevel,
    TlsResultType,
)
from mailext.wire.client import ClientSession
from mailext.wire.client_commands import CannotCarryError
from mailext.wire.client_events import (
    Answered,
    AuthChallenge,
    BeginTls,
    ClientEvent,
    ContentRefused,
    ContentWanted,
    Fault,
    Greeted,
    MessageDone,
    MessageInDoubt,
)
from mailext.wire.client_states import TRANSITIONS, ClientState
from mailext.wire.encoders import BareLineEndingError
from mailext.wire.events import NEED_DATA
from mailext.wire.replies import Reply
from mailext.wire.states import Command

__all__ = ["MailClient"]

_log = Logger()

_E = TypeVar("_E", bound=ClientEvent)
_LITTLE = 1 << 14
_CANCELLED = Outcome(451, "4.3.0", "The connection was cut here")
_BARE = Outcome(550, "5.6.0", "The message contains a bare CR or LF")
_LOCAL_ERROR = Outcome(451, "4.3.0", "The message could not be read")


class _Message:
    """
    A message on its way.

    :param give_up: called with it when it is cancelled.
    :ivar done: fires with its outcomes.
    """

    __slots__ = ("cancelled", "content", "done")

    def __init__(
        self, content: Iterable[bytes | Deferred[None]], give_up: Callable[[_Message], None]
    ) -> None:
        self.content = content
        self.cancelled = False
        self.done: Deferred[Mapping[Mailbox, Outcome]] = Deferred(lambda _: give_up(self))


@implementer(IHandshakeListener)
class MailClient(Protocol):
    """
    One connection to a server. What it is asked to do is done one thing after
    the other; each gives a Deferred, which fails with a ``HopError`` when the
    connection ends meanwhile. Cancelling one cuts the connection.

    :param hop: where the connection leads to.
    :param verifier: what TLS begins with.
    :ivar session: the session.
    :ivar evidence: what the host showed in the TLS handshake, None without.
    :ivar content_sent: called without arguments when the end of a message was
        sent, and is not answered yet; the next may be sent if it is ``usable``.
    :ivar ended: called without arguments when the connection is gone.
    """

    transport: ITransport
    _outlet: Outlet

    def __init__(
        self, hop: NextHop, settings: ClientSettings, verifier: HostVerifier, clock: IReactorTime
    ) -> None:
        self.hop = hop
        self.session = ClientSession(
            settings.protocol,
            settings.name,
            hop.host,
            tls=hop.implicit_tls,
            plaintext_auth=(settings.credentials is not None and settings.credentials.needs is TlsLevel.NONE),
            discard=settings.discard,
        )
        self.evidence: TlsEvidence | None = None
        self.content_sent: Callable[[], object] = lambda: None
        self.ended: Callable[[], object] = lambda: None
        self._verifier = verifier
        self._timeouts = settings.timeouts
        self._deadline = Deadline(clock, self._too_slow)
        # However often a reply comes, the whole must come to its end.
        self._overall = Deadline(clock, self._too_slow)
        self._answer: Deferred[ClientEvent] | None = None
        self._early: ClientEvent | None = None
        self._helo = ""
        self._sending_address = ""
        self._feeder: Feeder | None = None
        # The message that is sent, and perhaps one whose envelope was said
        # behind it.
        self._messages: deque[_Message] = deque()
        self._replies = 0
        self._unflushed = 0
        self._pumping = False
        self._lost = False
        self._handshaking = False

    # The connection

    def connectionMade(self) -> None:
        self._outlet = Outlet(self.transport)
        if ITCPTransport.providedBy(self.transport) and not self.hop.path:
            self.transport.setTcpNoDelay(True)
        # Of a connection that is lost nobody knows it any more.
        self._sending_address = _host(self.transport.getHost())
        self._overall.begin(self._timeouts.opening)
        if self.hop.implicit_tls:
            self._begin_tls()
        else:
            self._keep_time()

    def dataReceived(self, data: bytes) -> None:
        if self._handshaking and tls.facts(self.transport) is not None:
            # Where the transport does not tell about its handshakes.
            self.handshakeCompleted()
        self.session.receive(data)
        self._pump()

    def handshakeCompleted(self) -> None:
        """TLS has begun (:class:`~twisted.internet.interfaces.IHandshakeListener`)."""
        if not self._handshaking:
            return
        self._handshaking = False
        connection = cast("ISystemHandle", self.transport).getHandle()
        assert isinstance(connection, SSL.Connection)
        self.evidence = self._verifier.evidence(connection)
        self._keep_time()
        if self.session.state is ClientState.HANDSHAKE:
            self.session.tls_established()
            self._fire(BeginTls())
            self._pump()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        if self._handshaking:
            self._no_handshake("4.7.5", f"The TLS handshake failed: {reason.getErrorMessage()}")
        self._end(self._temporary("4.4.2", f"Lost the connection {self._where}"))
        self.ended()

    @property
    def address(self) -> str:
        """The address at the other end."""
        return _host(self.transport.getPeer())

    @property
    def connection(self) -> HopSession:
        """What a TLS report tells of the connection."""
        return HopSession(self.address, self._sending_address, self._helo)

    @property
    def keywords(self) -> Mapping[str, tuple[str, ...]]:
        """What the last EHLO reply offers."""
        return self.session.offered

    @property
    def usable(self) -> bool:
        """Whether another message could be sent."""
        return (
            not self._lost
            and self._answer is None
            and len(self._messages) <= 1
            and not any(message.cancelled for message in self._messages)
            and self.session.takes_message
        )

    @property
    def worn_out(self) -> bool:
        """Whether a new connection may do better."""
        return self._lost or self.session.worn_out

    def abort(self) -> None:
        """Cut the connection."""
        self._end(_CANCELLED)

    # What is done

    def greeted(self) -> Deferred[Reply]:
        """:return: a Deferred of the server's greeting."""
        return self._ask(lambda: None).addCallback(self._on_greeting)

    def hello(self, command: Command) -> Deferred[Reply]:
        """Say EHLO, HELO or LHLO."""
        return self._answered(lambda: self.session.hello(command))

    def start_tls(self) -> Deferred[Reply | None]:
        """
        Say STARTTLS.

        :return: a Deferred of None once TLS has begun, or of a refusal. It
            fails with ``TlsFailedError`` where the handshake does.
        """
        return self._ask(self.session.start_tls).addCallback(
            lambda event: None if isinstance(event, BeginTls) else _expect(event, Answered).reply
        )

    def identify(self, identity: ClientIdentity) -> Deferred[Reply]:
        """Say CLIENTID."""
        return self._answered(lambda: self.session.identify(identity))

    def authenticate(self, mechanism: str, initial_response: bytes | None) -> Deferred[Reply | bytes]:
        """
        Say AUTH.

        :return: a Deferred of the server's challenge, to be answered by
            ``respond()``, or of its reply.
        """
        return self._exchanged(lambda: self.session.authenticate(mechanism, initial_response))

    def respond(self, data: bytes) -> Deferred[Reply | bytes]:
        """Answer a challenge; as ``authenticate()``."""
        return self._exchanged(lambda: self.session.respond(data))

    def cancel_authentication(self) -> Deferred[Reply | bytes]:
        """Answer a challenge by giving up; as ``authenticate()``."""
        return self._exchanged(self.session.cancel_authentication)

    def rest(self) -> None:
        """Nothing is asked of the server now: it has as long as it likes."""
        self._overall.rest()
        self._deadline.rest()

    def send(
        self, envelope: Envelope, content: Iterable[bytes | Deferred[None]]
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        """
        Send one message.

        :return: a Deferred of one outcome for each recipient.
        """
        if self._lost or self.session.state is ClientState.CLOSED:
            return succeed(envelope.to_each(self._temporary("4.4.2", "The connection was lost")))
        try:
            self.session.start_message(envelope)
        except CannotCarryError as error:
            return succeed(envelope.to_each(error.outcome))
        message = _Message(content, self._give_up)
        self._messages.append(message)
        if len(self._messages) == 1:
            self._overall.begin(self._timeouts.transaction)
            self._keep_time()
        self._pump()
        return message.done

    def quit(self) -> Deferred[None]:
        """
        Say QUIT and part.

        :return: a Deferred that fires when the server has answered, or the
            connection is gone.
        """
        if self._lost or Command.QUIT not in TRANSITIONS[self.session.state]:
            self._end(_CANCELLED)
            return succeed(None)
        return self._answered(self.session.quit).addBoth(lambda _: self._leave())

    # The flow

    def _ask(self, say: Callable[[], None]) -> Deferred[ClientEvent]:
        if self._lost or self._answer is not None:
            raise RuntimeError("the connection is gone, or busy")
        say()
        answer: Deferred[ClientEvent] = Deferred(self._cancel)
        self._answer = answer
        early, self._early = self._early, None
        if early is not None:
            self._fire(early)
            return answer
        self._keep_time()
        self._pump()
        return answer

    def _answered(self, say: Callable[[], None]) -> Deferred[Reply]:
        return self._ask(say).addCallback(lambda event: _expect(event, Answered).reply)

    def _on_greeting(self, event: ClientEvent) -> Reply:
        reply = _expect(event, Greeted).reply
        # RFC 5321 section 4.2, the host's name comes first.
        self._helo = reply.lines[0].partition(" ")[0]
        return reply

    def _exchanged(self, say: Callable[[], None]) -> Deferred[Reply | bytes]:
        return self._ask(say).addCallback(
            lambda event: event.data if isinstance(event, AuthChallenge) else _expect(event, Answered).reply
        )

    def _pump(self) -> None:
        """Handle what the server said, then send what there is to say."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while (event := self.session.next_event()) is not NEED_DATA:
                self._handle(cast("ClientEvent", event))
        finally:
            self._pumping = False
        self._flush()
        if self._replies != self.session.replies:
            self._replies = self.session.replies
            if self._answer is not None or self._messages:
                self._keep_time()

    def _flush(self) -> None:
        self._unflushed = 0
        data = self.session.data_to_send()
        if data and not self._lost:
            self._outlet.write(data)

    def _handle(self, event: ClientEvent) -> None:
        match event:
            case BeginTls():
                self._begin_tls()
            case ContentWanted():
                self._feed()
            case ContentRefused():
                self._stop_feeding()
            case Fault():
                self._fail(HopError(event.outcome))
                self._part()
            case MessageDone() | MessageInDoubt():
                self._settle(event.outcomes)
            case _:
                self._fire(event)

    def _fire(self, event: ClientEvent) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.callback(event)
        elif isinstance(event, Greeted):
            self._early = event

    def _fail(self, error: HopError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.errback(error)

    def _begin_tls(self) -> None:
        self._flush()
        self._handshaking = True
        self._deadline.begin(self._timeouts.handshake)
        tls.begin(self.transport, self._verifier)

    # Content

    def _feed(self) -> None:
        self._feeder = Feeder(
            self._messages[0].content,
            cast("IConsumer", self.transport),
            self._write,
            self._finish,
            self._cannot_feed,
        )
        self._feeder.start()

    def _write(self, data: bytes) -> None:
        self.session.send_content(data)
        self._unflushed += len(data)
        # What is little goes out together with the end of the message, and
        # with the envelope of the next.
        if self._unflushed > _LITTLE or not self._pumping:
            self._deadline.begin(self._timeouts.of(self.session.state))
            self._flush()

    def _finish(self) -> None:
        self.session.end_content()
        self._keep_time()
        self.content_sent()
        if not self._pumping:
            self._flush()

    def _settle(self, outcomes: Mapping[Mailbox, Outcome]) -> None:
        self._stop_feeding()
        message = self._messages.popleft()
        if not self._messages:
            self.rest()
        elif self._messages[0].cancelled:
            self._end(_CANCELLED)
        else:
            self._overall.begin(self._timeouts.transaction)
        if not message.cancelled:
            message.done.callback(outcomes)

    def _give_up(self, message: _Message) -> None:
        message.cancelled = True
        # One that is ahead is none of the other's business.
        if message is self._messages[0]:
            self._end(_CANCELLED)

    def _stop_feeding(self) -> None:
        feeder, self._feeder = self._feeder, None
        if feeder is not None:
            feeder.stop()

    def _cannot_feed(self, error: BaseException) -> None:
        if isinstance(error, BareLineEndingError):
            outcome = _BARE
        else:
            _log.failure("A message could not be read", Failure(error))
            outcome = _LOCAL_ERROR
        self.session.abort_message(outcome)
        self._pump()
        if self.session.state is ClientState.CLOSED:
            self._part()

    # Time, and the end

    def _keep_time(self) -> None:
        self._deadline.begin(self._timeouts.of(self.session.state))

    @property
    def _where(self) -> str:
        return f"in the state {self.session.state.value!r}"

    def _temporary(self, enhanced: str, text: str) -> Outcome:
        return Outcome(451, enhanced, f"{text} with {self.hop.host}")

    def _too_slow(self) -> None:
        outcome = self._temporary("4.4.2", f"Timed out {self._where}")
        if self._handshaking:
            self._no_handshake("4.4.2", f"Timed out {self._where}")
        self._end(outcome)

    def _no_handshake(self, enhanced: str, text: str) -> None:
        failure = TlsFailure(TlsResultType.VALIDATION_FAILURE, text)
        self._fail(TlsFailedError(self._temporary(enhanced, text), failure, self.connection))

    def _cancel(self, _: Deferred[ClientEvent]) -> None:
        self._answer = None
        self._end(_CANCELLED)

    def _end(self, outcome: Outcome) -> None:
        """Nothing more can be done here."""
        self.session.close(outcome)
        self._pump()
        self._fail(HopError(outcome))
        self._part()

    def _leave(self) -> None:
        if not self._lost:
            self._deadline.begin(self._timeouts.quit)
            self.transport.loseConnection()

    def _part(self) -> None:
        self._deadline.stop()
        self._overall.stop()
        self._stop_feeding()
        if not self._lost and ITCPTransport.providedBy(self.transport):
            self.transport.abortConnection()


def _host(address: IAddress) -> str:
    # As a session names it, a socket of this machine has no address.
    return str(getattr(address, "host", "local"))


def _expect(event: ClientEvent, kind: type[_E]) -> _E:
    assert isinstance(event, kind)
    return event
