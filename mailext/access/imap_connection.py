"""
One IMAP connection: commands one after the other, TLS, CLIENTID, the login.

The commands that work on mailboxes are those of :mod:`mailext.access.imap`.
"""

from __future__ import annotations

import errno
import re
from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar

from twisted.cred.credentials import ICredentials, UsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail.imap4 import (
    IAccount,
    IllegalClientResponse,
    IllegalOperation,
    IllegalQueryError,
    MailboxCollision,
    MailboxException,
    NoSuchMailbox,
    ReadOnlyMailbox,
)
from twisted.python.failure import Failure

from mailext.access.arguments import BoundedArguments
from mailext.access.connection import AccessConnection
from mailext.access.names import FolderNameError
from mailext.access.presence import IdentityRefusedError
from mailext.access.settings import AccessSettings
from mailext.access.transport import IReaderTransport
from mailext.accounts.exchange import MalformedResponseError, SaslExchange
from mailext.clientid.login import AnyPortal, LoginRefusedError, LoginUnavailableError
from mailext.deadline import Deadline
from mailext.refusal_log import log_refusal
from mailext.threads import ThreadsBusyError
from mailext.values import Protocol
from mailext.wire.grammar import GrammarError, decode_base64
from mailext.wire.limits import SASL_LINE

__all__ = ["CommandEntry", "ImapConnection", "TryCreateError"]

_log = Logger()

#: A method, and what reads its arguments.
CommandEntry = tuple[Callable[..., Any], ...]

# ASTRING-CHAR but for "+" (RFC 3501 section 9, tag).
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]{1,100}')
_VERB = re.compile(rb"[A-Za-z]{1,32}")
# RFC 7888: its octets follow without being asked for.
_UNASKED_LITERAL = re.compile(rb"\{[0-9]+[+-]\}\Z")
_RESPONSE_CODE = re.compile(rb"\[([A-Z-]+)[^\]]*\] ?")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_ERRORS = frozenset({b"NO", b"BAD"})


class TryCreateError(NoSuchMailbox):
    """There is no such mailbox, but the client may create it."""


_REFUSALS: Mapping[type[Exception], bytes] = {
    FolderNameError: b"[CANNOT] No mailbox can have this name",
    TryCreateError: b"[TRYCREATE] No such mailbox",
    NoSuchMailbox: b"[NONEXISTENT] No such mailbox",
    MailboxCollision: b"[ALREADYEXISTS] There is a mailbox of this name",
    ReadOnlyMailbox: b"The mailbox is selected to be read only",
    MailboxException: b"[CANNOT] That cannot be done",
    IllegalOperation: b"[CANNOT] That cannot be done",
    LoginRefusedError: b"[AUTHENTICATIONFAILED] Authentication failed",
    LoginUnavailableError: b"[UNAVAILABLE] Temporary authentication failure",
    ThreadsBusyError: b"[UNAVAILABLE] Too much to do, try again later",
}


class ImapConnection(AccessConnection, BoundedArguments):
    """
    :param ended: called without arguments when the connection is gone.
    """

    # RFC 3501 section 5.4: not less than 30 minutes.
    POSTAUTH_TIMEOUT = 1800

    # The stock class gives these the types of its defaults.
    timeOut: float  # type: ignore[assignment]
    portal: AnyPortal  # type: ignore[assignment]
    transport: IReaderTransport
    account: Any
    mbox: Any

    def __init__(
        self, settings: AccessSettings, portal: AnyPortal, clock: IReactorTime, ended: Callable[[], object]
    ) -> None:
        super().__init__({}, settings.tls)
        self.set_up(settings, portal, clock, ended)
        self.message_size = settings.message_size
        self.has_room = settings.has_room
        self.IDENT = settings.hostname.encode("ascii") + b" IMAP4rev1"
        self._tag: bytes | None = None
        self._literal_time = Deadline(
            clock,
            lambda: self._leave(b"The literal takes too long", "message-timeout"),
            lambda: self._leave(b"The literal comes too slowly", "min-rate"),
        )
        self._errors = 0
        self._commands = 0
        self._farewell: tuple[bytes, str] | None = None

    # The connection

    def connectionMade(self) -> None:
        self.open(Protocol.IMAP, self._go_on)
        super().connectionMade()
        if self.presence.encrypted:
            self.await_handshake()

    def timeoutConnection(self) -> None:
        if self.is_leaving:
            self.transport.abortConnection()
        else:
            self._leave(b"Autologout; the connection was idle for too long", self.time_limit)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: ARG002 - Twisted's signature
        self._leave(b"The line is too long")

    def retire(self, farewell: bytes) -> None:
        """End the connection, after the command that is under way."""
        self.is_stopping = True
        if self._is_busy:
            self._farewell = farewell, ""
        else:
            self._leave(farewell)

    def _leave(self, farewell: bytes, limit: str = "") -> None:
        """:param limit: the key of [limits] that the client came up against."""
        if not self.is_leaving:
            self._log_refusal(b"BYE", farewell, limit)
            self.sendUntaggedResponse(b"BYE " + farewell)
            self.part()

    def part(self) -> None:
        """See :meth:`AccessConnection.part`."""
        self._literal_time.stop()
        super().part()

    def took_too_long(self) -> None:
        """The client does not take what it has asked for."""
        self._log_refusal(b"BYE", b"The answer was not taken", "command-timeout")
        self.cut_off()

    def _log_refusal(self, state: bytes, text: bytes, limit: str) -> None:
        match = _RESPONSE_CODE.match(text)
        code, words = (match[1], text[match.end() :]) if match else (b"", text)
        # What Twisted says behind a colon may be a piece of the command, and a secret.
        reason = words.partition(b":")[0].decode("ascii", "replace")
        log_refusal(
            self.sessionView(),
            command=self.verb,
            code=state.decode("ascii"),
            enhanced=code.decode("ascii"),
            reason=reason,
            limit=limit,
        )

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_over = True
        self._literal_time.stop()
        super().connectionLost(reason)
        self.gone()

    # Commands, one after the other

    @property
    def _is_busy(self) -> bool:
        """Whether a command is under way that needs nothing more from the client."""
        return self._tag is not None and self.parseState == "command"

    def lineReceived(self, line: bytes) -> None:
        if self.is_leaving:
            return
        if _UNASKED_LITERAL.search(line):
            # What follows may be a message, and would be read as commands.
            self._leave(b"LITERAL+ is not offered")
            return
        super().lineReceived(line)
        if self._is_busy or self.outflow.is_full:
            # What the client has sent ahead stays unread.
            self.pauseProducing()

    def setRawMode(self) -> None:
        """A literal comes."""
        super().setRawMode()
        self._literal_time.begin(self.settings.message_timeout, self.settings.min_rate)

    def rawDataReceived(self, data: bytes) -> None:
        self._literal_time.count(len(data))
        super().rawDataReceived(data)

    def setLineMode(self, extra: bytes = b"") -> None:
        """The literal has come."""
        self._literal_time.stop()
        super().setLineMode(extra)

    def _go_on(self) -> None:
        if self.paused and not (self._is_busy or self.is_over or self.outflow.is_full):
            self.resumeProducing()

    def parse_command(self, line: bytes) -> None:
        tag, _, rest = line.partition(b" ")
        verb, _, arguments = rest.partition(b" ")
        if not _TAG.fullmatch(tag):
            self.sendBadResponse(None, b"A tag is missing")
            self._count_error()
            return
        self._tag = tag
        self.verb = verb.upper().decode("ascii") if self._knows(verb) else "an unknown command"
        self._commands += 1
        if self.state == "unauth" and self._commands > self.settings.commands:
            self._leave(b"Too many commands without a login", "junk-commands")
            return
        try:
            self.dispatchCommand(tag, verb, arguments)
        except IllegalClientResponse:
            self.sendBadResponse(tag, b"Malformed command")

    def _knows(self, verb: bytes) -> bool:
        return self.lookupCommand(verb) is not None and verb.isascii()

    def lookupCommand(self, cmd: bytes) -> CommandEntry | None:
        verb = cmd.upper()
        if verb in self.commands[self.state]:
            return self.commands[self.state][verb]
        inherited: CommandEntry | None = super().lookupCommand(verb) if _VERB.fullmatch(verb) else None
        return inherited

    def _respond(self, state: bytes, tag: bytes | None, message: bytes | None) -> None:
        super()._respond(state, tag, message)
        if state in _ERRORS:
            self._log_refusal(state, message or b"", self.limit_reached)
            self.limit_reached = ""
        if tag is None or tag != self._tag:
            return
        self._tag = None
        if self._farewell is not None:
            self._leave(*self._farewell)
        elif state == b"BAD":
            self._count_error()
        else:
            self._errors = 0
        self._go_on()

    def _count_error(self) -> None:
        self._errors += 1
        if self._errors >= self.settings.errors:
            self._leave(b"Too many errors", "errors")

    def run(self, tag: bytes, command: Coroutine[Deferred[Any], Any, bytes]) -> None:
        """
        Have a command done, and answer it.

        :param command: gives the text of OK. What it raises is answered with
            NO or BAD; what was not to be expected is logged.
        """
        done: Deferred[bytes] = Deferred.fromCoroutine(command)
        done.addCallback(self._succeeded, tag).addErrback(self._failed, tag).addErrback(_not_answered)

    def _succeeded(self, text: bytes, tag: bytes) -> None:
        self.sendPositiveResponse(tag, text)

    def _failed(self, failure: Failure, tag: bytes) -> None:
        if self.is_over or failure.check(ConnectionLost):
            return
        if failure.check(IllegalClientResponse, IllegalQueryError):
            self.sendBadResponse(tag, b"Malformed command")
            return
        known = failure.check(*_REFUSALS)
        if known is None:
            _log.failure("A command failed", failure, session=self.sessionView().id)
            full = isinstance(failure.value, OSError) and failure.value.errno in _FULL
            self.sendNegativeResponse(
                tag, b"[OVERQUOTA] There is no room for it" if full else b"[SERVERBUG] Internal error"
            )
            return
        self.sendNegativeResponse(tag, _REFUSALS[known])

    # What is offered

    def capabilities(self) -> dict[bytes, list[bytes] | None]:
        offered: dict[bytes, list[bytes] | None] = {b"IDLE": None, b"NAMESPACE": None, b"UNSELECT": None}
        if self.state != "unauth":
            return offered
        offered[b"SASL-IR"] = None
        if self.presence.can_start_tls:
            offered[b"STARTTLS"] = None
        if self.presence.may_log_in:
            offered[b"AUTH"] = [name.encode("ascii") for name in self.settings.challengers]
        else:
            offered[b"LOGINDISABLED"] = None
        if self.presence.offers_clientid:
            offered[b"CLIENTID"] = None
        return offered

    def do_STARTTLS(self, tag: bytes) -> None:
        if not self.presence.can_start_tls:
            self.sendBadResponse(tag, b"TLS cannot begin")
        elif self._buffer:
            # What came in clear behind the command would be taken for what is
            # said under TLS.
            self._leave(b"Nothing may follow STARTTLS before TLS has begun")
        else:
            self.sendPositiveResponse(tag, b"Begin TLS negotiation now")
            self.await_handshake()
            self.presence.start_tls()

    def do_CLIENTID(self, tag: bytes, kind: bytes, token: bytes) -> None:
        try:
            self.presence.identify(kind, token)
        except IdentityRefusedError as error:
            self.sendBadResponse(tag, str(error).encode("ascii"))
        except GrammarError:
            self.sendBadResponse(tag, b"Not a client identity")
        else:
            self.sendPositiveResponse(tag, b"CLIENTID completed")

    # Logins

    def do_LOGIN(self, tag: bytes, user: bytes, passwd: bytes) -> None:
        self.presence.login_comes()
        if not self.presence.may_log_in:
            self._refuse_in_clear(tag)
            return
        credentials = UsernamePassword(user, passwd)
        self._log_in(tag, credentials, user.decode("utf-8", "replace"), "LOGIN")

    def do_AUTHENTICATE(self, tag: bytes, args: bytes, initial: bytes = b"") -> None:
        self.presence.login_comes()
        name = args.decode("ascii").upper()
        if not self.presence.may_log_in:
            self._refuse_in_clear(tag)
        elif name not in self.settings.challengers:
            self.sendNegativeResponse(tag, b"No such mechanism")
        else:
            self.run(tag, self._authenticate(SaslExchange(self.settings.challengers, name), initial))

    def _refuse_in_clear(self, tag: bytes) -> None:
        self.sendNegativeResponse(tag, b"[PRIVACYREQUIRED] TLS has to begin first")

    async def _authenticate(self, exchange: SaslExchange, initial: bytes) -> bytes:
        try:
            # RFC 4959 section 3: "=" is the empty response.
            response = b"" if initial == b"=" else decode_base64(initial) if initial else None
            challenge = exchange.start(response)
            while challenge is not None:
                challenge = exchange.respond(decode_base64(await self._ask(challenge)))
        except (GrammarError, MalformedResponseError):
            raise IllegalClientResponse("not a response") from None
        return await self._logged_in(exchange.credentials, exchange.username, exchange.mechanism, exchange)

    async def _ask(self, challenge: bytes) -> bytes:
        answered: Deferred[bytes] = Deferred()
        self.parseState = "pending"
        self._pendingLiteral = answered  # type: ignore[assignment] # Twisted keeps both there
        self.sendLine(b"+ " + b64encode(challenge))
        line = await answered
        if len(line) > SASL_LINE:
            raise IllegalClientResponse("too long")
        # "*" is no base64, and cancels the exchange.
        return line

    def _log_in(self, tag: bytes, credentials: ICredentials, username: str, mechanism: str) -> None:
        self.run(tag, self._logged_in(credentials, username, mechanism, None))

    async def _logged_in(
        self, credentials: ICredentials, username: str, mechanism: str, exchange: SaslExchange | None
    ) -> bytes:
        try:
            login = await self.presence.log_in(credentials, username, mechanism, IAccount)
        except LoginRefusedError:
            if self.presence.is_given_up:
                self._farewell = b"Too many failed logins", "auth-failures"
            raise
        if exchange is not None and exchange.last_word is not None and await self._ask(exchange.last_word):
            self._farewell = b"The server's proof was not acknowledged", ""
            raise IllegalClientResponse("no acknowledgement")
        self.account = login.avatar
        self.state = "auth"
        # No limit of ours: IMAP itself says how long a reader may be idle.
        self.time_limit = ""
        self.setTimeout(self.POSTAUTH_TIMEOUT)
        return b"[CAPABILITY " + b" ".join(self.listCapabilities()) + b"] Logged in"

    def do_LOGOUT(self, tag: bytes) -> None:
        self.sendUntaggedResponse(b"BYE Logging out")
        self.is_leaving = True
        self.sendPositiveResponse(tag, b"LOGOUT completed")
        self.part()

    #: By state and verb: a method, and how its arguments are read one after the
    #: other. Twisted's own tables, with its own methods, hold for the rest.
    commands: ClassVar[Mapping[str, Mapping[bytes, CommandEntry]]] = {
        "unauth": {
            b"STARTTLS": (do_STARTTLS,),
            b"CLIENTID": (do_CLIENTID, BoundedArguments.arg_astring, BoundedArguments.arg_finalastring),
            b"LOGIN": (do_LOGIN, BoundedArguments.arg_astring, BoundedArguments.arg_finalastring),
            b"AUTHENTICATE": (do_AUTHENTICATE, BoundedArguments.arg_atom, BoundedArguments.arg_rest),
            b"LOGOUT": (do_LOGOUT,),
        },
        "auth": {b"LOGOUT": (do_LOGOUT,)},
        "select": {b"LOGOUT": (do_LOGOUT,)},
    }


def _not_answered(failure: Failure) -> None:
    _log.failure("A command could not be answered", failure)
