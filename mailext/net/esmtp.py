"""
The protocol that stands in for :class:`twisted.mail.smtp.ESMTP`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLServerConnectionCreator,
    IReactorTime,
    ITCPTransport,
    ITLSTransport,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail import smtp
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.accounts.exchange import MalformedResponseError
from mailext.clientid.login import AnyLoginJudge, AnyPortal, Login, LoginJudge
from mailext.judgement import log_trouble
from mailext.message.trace import received
from mailext.net import tls
from mailext.net.answers import then
from mailext.net.authentication import Authentication, reply_to_malformed
from mailext.net.conversation import Conversation
from mailext.net.limit_names import limit_of
from mailext.net.settings import ListenerSettings
from mailext.net.transaction import Helo, SmtpHooks, Transaction
from mailext.refusal_log import log_refusal
from mailext.values import Protocol, SessionView, TlsFacts, Verdict
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
    RcptCommand,
    Reset,
    StartTls,
    UnknownCommand,
)
from mailext.wire.extensions import Offer, advertised
from mailext.wire.grammar import mailbox_of
from mailext.wire.replies import Reply
from mailext.wire.server import ServerSession
from mailext.wire.states import Command, State

__all__ = ["ESMTP"]

_log = Logger()


@implementer(IHandshakeListener)
class ESMTP(smtp.ESMTP):
    """
    A server's side of ESMTP or LMTP.

    What a program gave to the stock class works here: ``portal``,
    ``challengers``, ``ctx``, ``timeout``, ``host``, ``delivery`` and
    ``deliveryFactory``, overriding ``greeting``, ``extensions``,
    ``receivedHeader``, ``validateFrom`` and ``validateTo``, and ``ext_FOO``
    methods for verbs of its own, which answer by ``sendCode``. Overriding
    ``do_MAIL``, ``do_RCPT``, ``do_DATA``, ``state_...`` or ``lineReceived``
    has no effect: the octets go to :class:`~mailext.wire.server.ServerSession`.

    :cvar settings: limits, policies, identity checkers and the rest.
    :cvar plaintextAuth: whether AUTH is offered, and taken, outside of TLS.
    :cvar clock: what measures time; None: the reactor.
    :ivar ended: called with this protocol when the connection is gone.
    """

    settings: ListenerSettings = ListenerSettings()
    plaintextAuth: bool = False
    clock: IReactorTime | None = None
    ended: Callable[[ESMTP], object] | None = None

    host: bytes
    # The stock class gives these the types of its defaults.
    timeout: float | None = 300.0  # type: ignore[assignment]
    portal: AnyPortal | None = None  # type: ignore[assignment]
    delivery: IMessageDelivery | None = None
    deliveryFactory: IMessageDeliveryFactory | None = None
    challengers: Mapping[bytes | str, Callable[[], object]]
    ctx: IOpenSSLServerConnectionCreator | None = None
    transport: ITransport

    _session: ServerSession
    _conversation: Conversation
    _clock: IReactorTime
    _judge: AnyLoginJudge
    _authentication: Authentication
    _helo: Helo
    _onLogout: Callable[[], object] | None = None
    _extended = False
    _transaction: Transaction | None = None
    _avatar_id: str | None = None
    _refusal: Verdict | None = None
    _tls_facts: TlsFacts | None = None

    # The connection

    def connectionMade(self) -> None:
        clock = self.clock or _the_reactor()
        # What the program gave this protocol; a login puts another in its place.
        self._given = self.delivery, self.deliveryFactory
        self._id = secrets.token_hex(8)
        self._helo = (None, self._peer.encode("utf-8"))
        encrypted = tls.is_encrypted(self.transport)
        self.canStartTLS = not encrypted and self.ctx is not None and ITLSTransport.providedBy(self.transport)
        mechanisms = {
            (name if isinstance(name, str) else name.decode("ascii")).upper(): challenger
            for name, challenger in self.challengers.items()
        }
        offer = Offer(
            tls=encrypted,
            starttls=self.canStartTLS,
            mechanisms=tuple(mechanisms),
            plaintext_auth=self.plaintextAuth,
            clientid=self.settings.clientid_enabled,
            dsn=self.settings.dsn,
            limits=self.settings.limits,
        )
        self._session = ServerSession(self.settings.protocol, offer, self._log_refusal)
        self._judge = self.settings.login or LoginJudge((), clock, self.settings.policy_timeout)
        self._authentication = Authentication(
            mechanisms, self._judge, clock, self.settings.auth_failure_delay
        )
        self._conversation = Conversation(
            self.transport,
            self._session,
            self._handle,
            clock,
            timeout=lambda: self.timeout,
            message_timeout=self.settings.message_timeout,
            min_rate=self.settings.min_rate,
        )
        self._clock = clock
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._session.greet(Reply.of(220, None, *self.greeting().decode("ascii", "replace").splitlines()))
        self._conversation.flush()
        if encrypted:
            self._conversation.await_handshake(self.settings.handshake_timeout)

    @property
    def _peer(self) -> str:
        # Asked each time: behind a proxy it is known only after the greeting.
        peer = self.transport.getPeer()
        return "local" if isinstance(peer, UNIXAddress) else str(getattr(peer, "host", peer))

    def greeting(self) -> bytes:
        return self.host + (b" LMTP" if self.settings.protocol is Protocol.LMTP else b" ESMTP")

    def dataReceived(self, data: bytes) -> None:
        if self._session.state is State.HANDSHAKE:
            # The TLS layer hands on nothing before its handshake is complete.
            self.handshakeCompleted()
        self._conversation.receive(data)

    def handshakeCompleted(self) -> None:
        """TLS has begun (:class:`~twisted.internet.interfaces.IHandshakeListener`)."""
        self._tls_facts = tls.facts(self.transport)
        if self._session.state is State.HANDSHAKE:
            self._helo = (None, self._helo[1])
            self._forget_login()
            self._session.tls_established()
        self._conversation.await_command()

    def setTimeout(self, period: float | None) -> float | None:
        """
        Change how long the client has for its next command.

        :param period: seconds; None: as long as it likes.
        :return: what it was before.
        """
        before, self.timeout = self.timeout, period
        if period is None:
            self._conversation.forget_time()
        else:
            self._conversation.await_command()
        return before

    def timeoutConnection(self) -> None:
        """The client was too slow: end the connection with 421."""
        self._conversation.time_out()

    def retire(self, farewell: Reply = replies.SHUTTING_DOWN) -> None:
        """
        End the connection with a last reply, but let a message that is coming
        in come to its end first.

        :param farewell: 421 as a rule.
        """
        self._conversation.retire(farewell)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002 - Twisted's signature
        self._conversation.lost()
        self._authentication.stop()
        self._abandon()
        self._judge.session_ended(self.sessionView())
        self._log_out()
        if self.ended is not None:
            self.ended(self)

    def sessionView(self) -> SessionView:
        """What checkers and policies may know of this session."""
        return SessionView(
            self._id,
            self.settings.protocol,
            self.settings.name,
            self._peer,
            self._tls_facts,
            # C23, draft-storey-smtp-client-id-13 section 7.
            self.settings.dispositions.for_authentication(self._session.identity),
            self._avatar_id,
            (self._helo[0] or b"").decode("utf-8", "replace"),
            self._extended,
            self._judge.name_of(self._session.identity),
        )

    def _log_refusal(self, reply: Reply) -> None:
        log_refusal(
            self.sessionView(),
            command=self._session.command or "the session",
            code=reply.code,
            enhanced=reply.enhanced or "",
            reason=" ".join(reply.lines),
            limit=limit_of(reply, self._session.state),
        )

    # Events

    def _handle(self, event: Event) -> None:  # noqa: C901 - one line for each event
        match event:
            case MessageData():
                self._message_data(event)
            case RcptCommand():
                self._rcpt(event)
            case MailCommand():
                self._mail(event)
            case MessageStart():
                self._message_start()
            case MessageEnd():
                self._message_end()
            case Hello():
                self._hello(event)
            case AuthCommand():
                self._exchange(lambda: self._authentication.start(event))
            case AuthResponse():
                self._exchange(lambda: self._authentication.respond(event))
            case StartTls():
                self._starttls()
            case Reset() | MessageFault():
                self._abandon()
            case UnknownCommand():
                self._unknown(event)

    # EHLO, STARTTLS, verbs of the site

    def extensions(self) -> dict[bytes, list[bytes] | None]:
        """
        The keywords of the EHLO reply with their arguments, None where there
        are none. A site may add to them, or take some away.
        """
        return {
            keyword.encode("ascii"): [argument.encode("ascii") for argument in arguments] or None
            for keyword, arguments in advertised(self._session.offer).items()
        }

    def _hello(self, event: Hello) -> None:
        self._abandon()
        self._extended = event.command is not Command.HELO
        self._helo = (event.name.encode("utf-8"), self._peer.encode("utf-8"))
        lines = [f"{self.host.decode('ascii', 'replace')} Hello {self._peer}"]
        if self._extended:
            lines += self.listExtensions().decode("ascii").split("\n")
        self._session.reply(Reply.of(250, None, *lines))

    def _starttls(self) -> None:
        self._abandon()
        self._session.reply(replies.READY_FOR_TLS)
        self._conversation.flush()
        if self._session.state is State.HANDSHAKE and self.ctx is not None:
            self._conversation.await_handshake(self.settings.handshake_timeout)
            tls.begin(self.transport, self.ctx)
            self.startedTLS = True

    def _unknown(self, event: UnknownCommand) -> None:
        verb = event.verb.decode("ascii")
        method = self.lookupMethod(verb)
        if method is None or any(hasattr(smtp.ESMTP, prefix + verb) for prefix in ("do_", "ext_")):
            self._session.reply(replies.UNKNOWN_COMMAND)
            return
        try:
            method(event.argument)
        except Exception as error:  # noqa: BLE001 - whatever a site's method raises
            log_trouble(error, f"the method for {verb} failed", self.sessionView())
            self.sendCode(451, b"4.3.0 Requested action aborted: local error in processing")
        if self._session.asks(UnknownCommand):
            # The site takes its time: the client is not to blame.
            self._conversation.forget_time()

    def sendCode(self, code: int, message: bytes = b"") -> None:
        """
        Answer a verb of the site's own. A reply that no command has asked for
        is logged and dropped.
        """
        reply = Reply(code, None, tuple(message.decode("utf-8", "replace").splitlines()))
        if self._session.asks(UnknownCommand):
            self._session.reply(reply)
            self._conversation.pump()
        else:
            _log.warn("Dropped a reply that no command has asked for: {code}", code=code)

    # Logins

    def _exchange(self, step: Callable[[], bytes | None]) -> None:
        try:
            challenge = step()
        except MalformedResponseError as error:
            self._session.reply(reply_to_malformed(error))
            return
        if challenge is not None:
            self._session.challenge(challenge)
            return
        result = self._authentication.login(self.portal, self.sessionView(), self._session.identity)
        self._conversation.wait(result.addCallback(self._login_settled))

    def _login_settled(self, result: Login | Reply | bytes) -> Callable[[], None]:
        if self._conversation.is_over:
            if isinstance(result, Login):
                _call_logout(result.logout)
            self._authentication.stop()
        return lambda: self._logged_in(result)

    def _logged_in(self, result: Login | Reply | bytes) -> None:
        if isinstance(result, bytes):
            self._session.challenge(result)
            return
        if isinstance(result, Login):
            self._log_out()
            # The stock method raises at an avatar of another interface: what
            # has to be called then is known before.
            self._onLogout = result.logout
            self._cbAuthenticated((result.interface, result.avatar, result.logout))
            self._avatar_id = result.avatar_id
            self._refusal = result.refusal
            self._session.reply(replies.AUTHENTICATED)
            return
        self._session.reply(result)
        if self._authentication.failures >= self.settings.limits.auth_failures:
            self._session.close(replies.TOO_MANY_AUTH_FAILURES)

    def _forget_login(self) -> None:
        self.authenticated = False
        self._avatar_id = None
        self._refusal = None
        self.delivery, self.deliveryFactory = self._given
        self._log_out()

    def _log_out(self) -> None:
        logout, self._onLogout = self._onLogout, None
        if logout is not None:
            _call_logout(logout)

    # Messages

    def validateFrom(self, helo: Helo, origin: smtp.Address) -> smtp.Address | Deferred[smtp.Address]:
        if self._conversation.is_over:
            # An anonymous login took longer than the client waited.
            self._log_out()
            raise smtp.SMTPServerError(421, "4.4.2 The client has gone")
        if self.deliveryFactory is not None:
            self.delivery = self.deliveryFactory.getMessageDelivery()
        if self.delivery is None:
            # The stock class logs in anonymously and comes back here.
            return cast("Deferred[smtp.Address]", super().validateFrom(helo, origin))
        if self._transaction is not None:
            self._transaction.announce(self.delivery)
        return cast("smtp.Address", self.delivery.validateFrom(helo, origin))

    def receivedHeader(self, helo: Helo, origin: smtp.Address, recipients: list[smtp.User]) -> bytes | None:
        if self.delivery is not None:
            return cast("bytes | None", self.delivery.receivedHeader(helo, origin, recipients))
        return received(
            self.sessionView(),
            by=self.host.decode("ascii", "replace"),
            recipient=mailbox_of(bytes(recipients[0].dest)) if len(recipients) == 1 else None,
            smtputf8=self._transaction is not None and self._transaction.smtputf8,
            date=datetime.fromtimestamp(self._clock.seconds(), UTC).astimezone(),
        )

    def _mail(self, event: MailCommand) -> None:
        if self.settings.require_auth and not self.authenticated:
            self._session.reply(replies.AUTHENTICATION_REQUIRED)
        elif self._refusal is not None:
            self._session.reply(Reply.from_judgement(self._refusal))
        else:
            self._transaction = Transaction(
                cast("SmtpHooks", self), self.settings, self._clock, self.sessionView(), self._helo
            )
            self._conversation.reply(then(self._transaction.begin(event), self._began))

    def _began(self, reply: Reply) -> Reply:
        if reply.is_error:
            self._abandon()
        return reply

    def _rcpt(self, event: RcptCommand) -> None:
        assert self._transaction is not None
        self._conversation.reply(self._transaction.add_recipient(event))

    def _message_start(self) -> None:
        assert self._transaction is not None
        refusal = self._transaction.open()
        if refusal is not None:
            self._abandon()
            self._session.reply(refusal)
            return
        self._session.accept_message()
        self._conversation.await_message()

    def _message_data(self, event: MessageData) -> None:
        assert self._transaction is not None
        refusal = self._transaction.write(event.data)
        if isinstance(refusal, Deferred):
            self._conversation.wait(refusal.addCallback(lambda reply: lambda: self._refuse(reply)))
        else:
            self._refuse(refusal)

    def _refuse(self, refusal: Reply | None) -> None:
        if refusal is not None:
            self._abandon()
            self._session.refuse_message(refusal)

    def _message_end(self) -> None:
        assert self._transaction is not None
        answers = self._transaction.finish()
        if isinstance(answers, Deferred):
            self._conversation.wait(answers.addCallback(lambda answers: lambda: self._message_done(answers)))
        else:
            self._message_done(answers)

    def _message_done(self, answers: Sequence[Reply]) -> None:
        self._transaction = None
        self._session.reply(*answers)

    def _abandon(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.abort()


def _call_logout(logout: Callable[[], object]) -> None:
    maybeDeferred(logout).addErrback(lambda failure: _log.failure("A logout failed", failure))


def _the_reactor() -> IReactorTime:
    # Here is the edge: a program that uses the stock factory names no clock.
    from twisted.internet import reactor  # noqa: PLC0415 - it is installed when first imported

    return IReactorTime(reactor)
