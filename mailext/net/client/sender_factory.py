"""The factory that stands in for :class:`twisted.mail.smtp.ESMTPSenderFactory`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConnector, IReactorTime
from twisted.internet.protocol import ClientFactory
from twisted.mail.smtp import DNSNAME, SMTPConnectError, SMTPDeliveryError
from twisted.python.failure import Failure

from mailext.net.client.opening import open_connection
from mailext.net.client.protocol import MailClient
from mailext.net.client.settings import ClientSettings, Credentials, Timeouts
from mailext.net.client.verification import TrustRoots
from mailext.values import Envelope, HopError, Mailbox, MailOptions, NextHop, Outcome, Recipient, TlsUse
from mailext.wire.grammar import parse_mailbox

__all__ = ["ESMTPSenderFactory"]

_PIECE = 1 << 16
#: One address for each recipient, its reply code, and what the server said.
Addresses = list[tuple[bytes, int, bytes]]


class ESMTPSenderFactory(ClientFactory):
    """
    Sends one message by ``reactor.connectTCP(host, port, factory)``, as the
    stock class does, with its arguments. What is different:

    - The server's certificate must prove its name where
      ``requireTransportSecurity`` is set, and before a password is said.
    - A connection is tried again only until the server was reached and has
      taken us: a message that was lost on its way is never sent twice.
    - ``options`` asks for REQUIRETLS and delivery status notifications.

    :param username: None, or the empty string, for no login.
    :param fromEmail: the reverse-path; empty for the null reverse-path.
    :param toEmail: one recipient, or several; each gets the message once.
    :param file: the message, in lines that end in LF or CRLF.
    :param deferred: fires with ``(numOk, [(address, code, response)])`` if a
        recipient was accepted, else fails with an ``SMTPClientError``.
    :param retries: how often to connect again.
    :param timeout: seconds for each reply; None: those of RFC 5321.
    :param contextFactory: the authorities that are trusted, a
        :class:`~mailext.net.client.verification.TrustRoots`; None: those of
        the system.
    :param heloFallback: whether HELO is said to a host that knows no EHLO.
    :param hostname: what the certificate must be for; None: what
        ``connectTCP`` was given.
    :param options: the parameters of MAIL.
    :param clock: what measures time; None: the reactor.
    :raise ValueError: if an address is none, there is no recipient, or a login
        is required and there is no user name.
    :cvar domain: what the client calls itself.
    """

    domain: bytes = DNSNAME
    noisy = False

    def __init__(  # noqa: PLR0917 - the stock class takes them so
        self,
        username: str | bytes | None,
        password: str | bytes | None,
        fromEmail: str | bytes,
        toEmail: str | bytes | Iterable[str | bytes],
        file: BinaryIO,
        deferred: Deferred[tuple[int, Addresses]],
        retries: int = 5,
        timeout: float | None = None,
        contextFactory: TrustRoots | None = None,
        heloFallback: bool = False,  # noqa: FBT001, FBT002 - the stock class has them
        requireAuthentication: bool = True,  # noqa: FBT001, FBT002
        requireTransportSecurity: bool = True,  # noqa: FBT001, FBT002
        hostname: str | bytes | None = None,
        *,
        options: MailOptions | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        if requireAuthentication and not username:
            raise ValueError("a login is required, and there is no user name")
        recipients = [toEmail] if isinstance(toEmail, str | bytes) else toEmail
        # Who is named twice gets it once.
        mailboxes = dict.fromkeys(parse_mailbox(_text(recipient)) for recipient in recipients)
        if not mailboxes:
            raise ValueError("there is no recipient")
        sender = _text(fromEmail)
        self._envelope = Envelope(
            parse_mailbox(sender) if sender else None,
            tuple(map(Recipient, mailboxes)),
            options or MailOptions(),
        )
        timeouts = Timeouts()
        if timeout is not None:
            timeouts = Timeouts(greeting=timeout, command=timeout, block=timeout, completion=timeout)
        self._timeouts = timeouts
        self._credentials = Credentials(_text(username), _text(password or "")) if username else None
        self._helo_fallback = heloFallback
        self._use = TlsUse.VERIFIED if requireTransportSecurity else TlsUse.WHERE_OFFERED
        self._roots = contextFactory
        self._hostname = _text(hostname) if hostname else None
        self._file = file
        self._retries = retries
        self._clock = clock
        self._result: Deferred[tuple[int, Addresses]] | None = deferred
        self._connector: IConnector | None = None
        self._error: Exception | None = None

    def startedConnecting(self, connector: IConnector) -> None:
        self._connector = connector

    def buildProtocol(self, addr: IAddress | None) -> MailClient:
        clock = self._clock or _the_reactor()
        hop = NextHop(self._hostname or _host(self._connector, addr), 0, authenticate=bool(self._credentials))
        settings = ClientSettings(
            self.domain.decode("ascii"),
            timeouts=self._timeouts,
            credentials=self._credentials,
            helo_fallback=self._helo_fallback,
        )
        roots = self._roots or TrustRoots()
        client = MailClient(hop, settings, roots.verifier(hop, self._use), clock)
        Deferred.fromCoroutine(self._send(client, settings)).addErrback(self._fail)
        return client

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self._try_again(connector, reason.value)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        self._try_again(connector, self._error or reason.value)

    async def _send(self, client: MailClient, settings: ClientSettings) -> None:
        try:
            await open_connection(client, settings, self._use)
        except HopError as error:
            self._error = error
            if not (error.outcome.is_temporary and self._retries > 0):
                self._give_up(error)
            client.quit()
            return
        # What was lost on its way is never sent twice.
        self._retries = 0
        outcomes = await client.send(self._envelope, _crlf(self._file))
        client.quit()
        result, self._result = self._result, None
        if result is not None:
            _tell(result, outcomes)

    def _try_again(self, connector: IConnector, error: BaseException | None) -> None:
        if self._result is None:
            return
        if self._retries > 0:
            self._retries -= 1
            connector.connect()
        else:
            self._give_up(error)

    def _give_up(self, error: BaseException | None) -> None:
        result, self._result = self._result, None
        if result is None:
            return
        code, text = -1, f"Unable to connect to SMTP server: {error}"
        if isinstance(error, HopError):
            code, text = error.outcome.code, f"{error.outcome.enhanced} {error.outcome.text}"
        told = SMTPConnectError(code, text.encode("utf-8"))
        told.__cause__ = error
        result.errback(told)

    def _fail(self, failure: Failure) -> None:
        self._give_up(failure.value)


def _tell(result: Deferred[tuple[int, Addresses]], outcomes: Mapping[Mailbox, Outcome]) -> None:
    addresses = [
        (str(mailbox).encode("utf-8"), outcome.code, f"{outcome.enhanced} {outcome.text}".encode())
        for mailbox, outcome in outcomes.items()
    ]
    accepted = sum(outcome.delivered for outcome in outcomes.values())
    if accepted:
        result.callback((accepted, addresses))
        return
    _, code, response = addresses[0]
    log = b"\n".join(b"%s: %03d %s" % address for address in addresses)
    result.errback(SMTPDeliveryError(code, response, log, addresses))


def _crlf(file: BinaryIO) -> Iterator[bytes]:
    """A file's lines with CRLF at their ends, in pieces."""
    held = b""
    while piece := file.read(_PIECE):
        piece, held = held + piece, b""
        if piece.endswith(b"\r"):
            piece, held = piece[:-1], b"\r"
        yield piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield held


def _host(connector: IConnector | None, addr: IAddress | None) -> str:
    destination = connector.getDestination() if connector is not None else addr
    return _text(getattr(destination, "host", "localhost"))


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value or ""


def _the_reactor() -> IReactorTime:
    # Here is the edge: the stock factory names no clock.
    from twisted.internet import reactor  # noqa: PLC0415 - it is installed when first imported

    return IReactorTime(reactor)
