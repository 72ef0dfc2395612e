"""POP3 (RFC 1939), with STLS (RFC 2595), AUTH (RFC 5034) and CAPA (RFC 2449)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, BinaryIO, ClassVar

from twisted.cred.credentials import ICredentials, UsernamePassword
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail import pop3
from twisted.mail.pop3 import IMailbox
from twisted.python.failure import Failure

from mailext.access.connection import AccessConnection
from mailext.access.dots import DotStuffing
from mailext.access.factory import TooMany
from mailext.access.mime import Octets, close, end_of_header, octets_of
from mailext.access.settings import AccessSettings
from mailext.access.transport import IReaderTransport
from mailext.accounts.exchange import MalformedResponseError, SaslExchange
from mailext.clientid.login import AnyPortal, LoginRefusedError, LoginUnavailableError
from mailext.interfaces import IOpenableMailbox
from mailext.refusal_log import log_refusal
from mailext.threads import ThreadsBusyError
from mailext.values import Protocol
from mailext.wire.grammar import GrammarError, decode_base64
from mailext.wire.limits import SASL_LINE
from mailext.wire.lines import LineBuffer, LineTooLongError

__all__ = ["POP3"]

_log = Logger()

_NUMBER = re.compile(rb"[0-9]{1,9}")
_ERROR = re.compile(rb"-ERR (?:\[([A-Z/-]+)\] )?(.*)", re.DOTALL)
# What a client may send ahead of replies, in octets, before it is not read.
_AHEAD = 64 * 1024
_LONGEST_LINE = 1024
_CHUNK = 256 * 1024

_REFUSALS: Mapping[type[Exception], bytes] = {
    LoginRefusedError: b"[AUTH] Authentication failed",
    LoginUnavailableError: b"[SYS/TEMP] Temporary authentication failure",
    ThreadsBusyError: b"[SYS/TEMP] Too much to do, try again later",
    FileNotFoundError: b"The message is gone",
    ValueError: b"No such message",
}


class _MalformedError(Exception):
    """The command is not what the grammar wants."""


class POP3(AccessConnection, pop3.POP3):
    """
    The server's side of POP3. Mailboxes are what :mod:`twisted.mail.pop3`
    says; what a mailbox is asked for that may take long is asked in threads.

    :param ended: called without arguments when the connection is gone.
    """

    # The stock class gives these the types of its defaults.
    timeOut: float  # type: ignore[assignment]
    portal: AnyPortal  # type: ignore[assignment]
    transport: IReaderTransport
    mbox: Any

    #: Of connections beyond the limits.
    too_many = TooMany("-ERR", "SYS/TEMP")

    def __init__(
        self, settings: AccessSettings, portal: AnyPortal, clock: IReactorTime, ended: Callable[[], object]
    ) -> None:
        self.set_up(settings, portal, clock, ended)
        # The greeting has no time stamp: APOP is not offered.
        self.magic = settings.hostname.encode("ascii") + b" POP3"
        self._lines = LineBuffer()
        self._is_busy = False
        self._is_paused = False
        self._is_pumping = False
        self._answered: Deferred[bytes] | None = None
        self._errors = 0
        self._commands = 0
        self._farewell: tuple[bytes, str] | None = None

    # The connection

    def connectionMade(self) -> None:
        self.open(Protocol.POP3, self._pump)
        super().connectionMade()
        if self.presence.encrypted:
            self.await_handshake()

    def timeoutConnection(self) -> None:
        if self.is_leaving:
            self.transport.abortConnection()
        else:
            # RFC 1939 section 3: what was marked stays.
            self._leave(b"-ERR The connection was idle for too long", self.time_limit)

    def retire(self, farewell: bytes) -> None:
        """End the connection, after the command that is under way."""
        self.is_stopping = True
        if self._is_busy:
            self._farewell = farewell, ""
        else:
            self._leave(b"-ERR [SYS/TEMP] " + farewell)

    def _leave(self, last: bytes, limit: str = "") -> None:
        """:param limit: the key of [limits] that the client came up against."""
        if not self.is_leaving:
            self._log_error(last, limit)
            self.sendLine(last)
            self.part()

    def failResponse(self, message: bytes = b"") -> None:
        line = b"-ERR " + message
        self._log_error(line, "")
        self.sendLine(line)

    def _log_error(self, line: bytes, limit: str) -> None:
        match = _ERROR.fullmatch(line)
        if match is not None:
            log_refusal(
                self.sessionView(),
                command=self.verb,
                code="-ERR",
                enhanced=(match[1] or b"").decode("ascii"),
                reason=match[2].decode("ascii", "replace"),
                limit=limit,
            )

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_over = True
        super().connectionLost(reason)
        self.gone()

    # Commands, one after the other

    def dataReceived(self, data: bytes) -> None:
        if not self.is_leaving:
            self._lines.append(data)
            self._pump()

    def _pump(self) -> None:
        if self._is_pumping:
            # A command that needs nobody is done within this very loop.
            return
        self._is_pumping = True
        try:
            while not (self._is_busy or self.is_leaving or self.outflow.is_full):
                line = self._lines.take_line(_LONGEST_LINE if self._answered is None else SASL_LINE)
                if line is None:
                    break
                self.lineReceived(line)
        except LineTooLongError:
            self._leave(b"-ERR The line is too long")
        finally:
            self._is_pumping = False
        self._regulate()

    def _regulate(self) -> None:
        waits = self._is_busy or self.outflow.is_full
        too_much = waits and not self.is_leaving and len(self._lines) > _AHEAD
        if too_much and not self._is_paused:
            self._is_paused = True
            self.transport.pauseProducing()
        elif self._is_paused and not too_much and not self.is_over:
            self._is_paused = False
            self.transport.resumeProducing()

    def lineReceived(self, line: bytes) -> None:
        self.resetTimeout()
        answered, self._answered = self._answered, None
        if answered is not None:
            self._is_busy = True
            answered.callback(line)
            return
        self._commands += 1
        if self.mbox is None and self._commands > self.settings.commands:
            self._leave(b"-ERR Too many commands without a login", "junk-commands")
            return
        verb, _, rest = line.partition(b" ")
        self.verb = verb.upper().decode("ascii") if self._knows(verb) else "an unknown command"
        self._is_busy = True
        Deferred.fromCoroutine(self._command(verb.upper(), rest)).addErrback(
            lambda failure: _log.failure("A command could not be answered", failure)
        )

    def _knows(self, verb: bytes) -> bool:
        return verb.upper() in self._authorization.keys() | self._transaction.keys()

    async def _command(self, verb: bytes, rest: bytes) -> None:
        commands = self._authorization if self.mbox is None else self._transaction
        try:
            await commands.get(verb, POP3._unknown)(self, rest)
        except ConnectionLost:
            return
        except Exception:  # noqa: BLE001 - whatever a portal or a mailbox raises
            self._refuse(Failure())
        else:
            self._errors = 0
        self._is_busy = False
        if self._farewell is not None:
            last, limit = self._farewell
            self._leave(b"-ERR [SYS/TEMP] " + last, limit)
        if not self.is_over:
            self._pump()

    def _refuse(self, failure: Failure) -> None:
        if self.is_over:
            return
        if failure.check(_MalformedError):
            self.failResponse(failure.getErrorMessage().encode("ascii"))
            self._errors += 1
            if self._errors >= self.settings.errors:
                self._leave(b"-ERR Too many errors", "errors")
            return
        known = failure.check(*_REFUSALS)
        if known is None:
            _log.failure("A command failed", failure, session=self.sessionView().id)
        self.failResponse(_REFUSALS[known] if known else b"[SYS/TEMP] Internal error")

    async def _unknown(self, rest: bytes) -> None:  # noqa: ARG002 - as any command
        raise _MalformedError("Unknown command, or not for now")

    # Before the login

    async def _capa(self, rest: bytes) -> None:
        _nothing(rest)
        lines = [b"+OK", *self.listCapabilities(), b".", b""]
        self.transport.write(b"\r\n".join(lines))

    def listCapabilities(self) -> list[bytes]:
        offered = [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING"]
        if self.mbox is not None:
            return offered
        if self.presence.can_start_tls:
            offered.append(b"STLS")
        if self.presence.may_log_in:
            names = " ".join(self.settings.challengers).encode("ascii")
            offered += [b"USER", b"SASL " + names]
        return offered

    async def _stls(self, rest: bytes) -> None:
        _nothing(rest)
        if not self.presence.can_start_tls:
            raise _MalformedError("TLS cannot begin")
        if len(self._lines):
            # What came in clear behind the command would be taken for what is
            # said under TLS.
            self._leave(b"-ERR Nothing may follow STLS before TLS has begun")
            return
        self.successResponse(b"Begin TLS negotiation now")
        self.await_handshake()
        self._userIs = None
        self.presence.start_tls()

    async def _user(self, rest: bytes) -> None:
        self._must_be_private()
        if not rest:
            raise _MalformedError("A name is missing")
        self._userIs = rest
        self.successResponse(b"PASS is next")

    async def _pass(self, rest: bytes) -> None:
        self._must_be_private()
        user, self._userIs = self._userIs, None
        if user is None:
            raise _MalformedError("USER comes first")
        await self._log_in(UsernamePassword(user, rest), user.decode("utf-8", "replace"), "USER", None)

    async def _authenticate(self, rest: bytes) -> None:
        self._must_be_private()
        mechanism, _, initial = rest.partition(b" ")
        name = mechanism.decode("ascii", "replace").upper()
        if name not in self.settings.challengers:
            raise _MalformedError("No such mechanism")
        exchange = SaslExchange(self.settings.challengers, name)
        try:
            # RFC 5034 section 4: "=" is the empty response.
            response = b"" if initial == b"=" else decode_base64(initial) if initial else None
            challenge = exchange.start(response)
            while challenge is not None:
                challenge = exchange.respond(decode_base64(await self._ask(challenge)))
        except (GrammarError, MalformedResponseError):
            raise _MalformedError("Malformed response, or cancelled") from None
        await self._log_in(exchange.credentials, exchange.username, name, exchange)

    def _must_be_private(self) -> None:
        self.presence.login_comes()
        if not self.presence.may_log_in:
            raise _MalformedError("TLS has to begin first")

    async def _ask(self, challenge: bytes) -> bytes:
        answered: Deferred[bytes] = Deferred()
        self._answered = answered
        self._is_busy = False
        self.sendLine(b"+ " + b64encode(challenge))
        self._pump()
        return await answered

    async def _log_in(
        self, credentials: ICredentials, username: str, mechanism: str, exchange: SaslExchange | None
    ) -> None:
        try:
            login = await self.presence.log_in(credentials, username, mechanism, IMailbox)
        except LoginRefusedError:
            if self.presence.is_given_up:
                self._farewell = b"Too many failed logins", "auth-failures"
            raise
        if exchange is not None and exchange.last_word is not None and await self._ask(exchange.last_word):
            self._farewell = b"The server's proof was not acknowledged", ""
            raise _MalformedError("No acknowledgement")
        mailbox = login.avatar
        if IOpenableMailbox.providedBy(mailbox) and not await mailbox.open():
            self._leave(b"-ERR [IN-USE] Another session has the mailbox")
            return
        if self.is_over:
            raise ConnectionLost
        self.mbox = mailbox
        self.successResponse(b"Logged in")

    # The mailbox

    async def _stat(self, rest: bytes) -> None:
        _nothing(rest)
        sizes = [size for size in await self._sizes() if size]
        self.successResponse(b"%d %d" % (len(sizes), sum(sizes)))

    async def _list(self, rest: bytes) -> None:
        await self._tell(rest, lambda _, size: b"%d" % size)

    async def _uidl(self, rest: bytes) -> None:
        await self._tell(rest, lambda index, _: self.mbox.getUidl(index))

    async def _tell(self, rest: bytes, what: Callable[[int, int], bytes]) -> None:
        """Of one message or of all that are not marked."""
        sizes = await self._sizes()
        if rest:
            index = self._index(rest, sizes)
            self.successResponse(b"%d %b" % (index + 1, what(index, sizes[index])))
            return
        lines = [b"%d %b" % (index + 1, what(index, size)) for index, size in enumerate(sizes) if size]
        self.transport.write(b"\r\n".join([b"+OK", *lines, b".", b""]))

    async def _sizes(self) -> list[int]:
        return list(await maybeDeferred(self.mbox.listMessages))

    def _index(self, number: bytes, sizes: list[int]) -> int:
        if not _NUMBER.fullmatch(number):
            raise _MalformedError("Not a number")
        index = int(number) - 1
        if not 0 <= index < len(sizes) or not sizes[index]:
            raise ValueError(index)
        return index

    async def _retr(self, rest: bytes) -> None:
        index = self._index(rest, await self._sizes())
        await self._send(index, len)

    async def _top(self, rest: bytes) -> None:
        number, _, lines = rest.partition(b" ")
        if not _NUMBER.fullmatch(lines):
            raise _MalformedError("Not a number of lines")
        index = self._index(number, await self._sizes())
        await self._send(index, lambda octets: _end_of_top(octets, int(lines)))

    async def _send(self, index: int, end: Callable[[Octets], int]) -> None:
        octets, length = await self.settings.in_thread(_open, self.mbox.getMessage, index, end)
        outflow = self.outflow
        stuffing = DotStuffing()
        patience = self.setTimeout(None)
        try:
            await outflow.write(b"+OK %d octets\r\n" % length)
            for start in range(0, length, _CHUNK):
                place = slice(start, min(start + _CHUNK, length))
                await outflow.write(stuffing.feed(await self.settings.in_thread(_read, octets, place)))
            await outflow.write(stuffing.finish())
        except DeferredTimeoutError:
            self._log_error(b"-ERR The answer was not taken", "command-timeout")
            self.cut_off()
            raise ConnectionLost from None
        finally:
            close(octets)
            if not self.is_over:
                self.setTimeout(patience)

    async def _dele(self, rest: bytes) -> None:
        index = self._index(rest, await self._sizes())
        await maybeDeferred(self.mbox.deleteMessage, index)
        self.successResponse(b"Marked")

    async def _rset(self, rest: bytes) -> None:
        _nothing(rest)
        await maybeDeferred(self.mbox.undeleteMessages)
        self.successResponse(b"Nothing is marked")

    async def _noop(self, rest: bytes) -> None:
        _nothing(rest)
        self.successResponse(b"Done")

    async def _quit(self, rest: bytes) -> None:
        _nothing(rest)
        if self.mbox is not None:
            if IOpenableMailbox.providedBy(self.mbox):
                await self.mbox.commit()
            else:
                await maybeDeferred(self.mbox.sync)
        self._leave(b"+OK Goodbye")

    _authorization: ClassVar[Mapping[bytes, Callable[[POP3, bytes], Coroutine[Any, Any, None]]]] = {
        b"CAPA": _capa,
        b"STLS": _stls,
        b"USER": _user,
        b"PASS": _pass,
        b"AUTH": _authenticate,
        b"QUIT": _quit,
    }
    _transaction: ClassVar[Mapping[bytes, Callable[[POP3, bytes], Coroutine[Any, Any, None]]]] = {
        b"CAPA": _capa,
        b"STAT": _stat,
        b"LIST": _list,
        b"UIDL": _uidl,
        b"RETR": _retr,
        b"TOP": _top,
        b"DELE": _dele,
        b"RSET": _rset,
        b"NOOP": _noop,
        b"QUIT": _quit,
    }


def _nothing(rest: bytes) -> None:
    if rest.strip():
        raise _MalformedError("There is no argument")


def _open(
    open_file: Callable[[int], BinaryIO], index: int, end: Callable[[Octets], int]
) -> tuple[Octets, int]:
    with open_file(index) as file:
        octets = octets_of(file)
    return octets, end(octets)


def _read(octets: Octets, place: slice) -> bytes:
    return bytes(octets[place])


def _end_of_top(octets: Octets, lines: int) -> int:
    """Where the header section and so many lines of the body end."""
    end = end_of_header(octets, 0, len(octets))
    for _ in range(lines):
        found = octets.find(b"\n", end)
        if found < 0:
            return len(octets)
        end = found + 1
    return end
