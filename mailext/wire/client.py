"""
The client's session: ESMTP, and LMTP from the same tables.

::

    session = ClientSession(Protocol.ESMTP, "client.example.org", "mx.example.net")
    session.receive(octets)
    while (event := session.next_event()) is not NEED_DATA:
        ...  # for example, after Greeted: session.hello(Command.EHLO)
    transport.write(session.data_to_send())

The session is told what to do next, and tells what came of it. It has no
opinion on whether a plaintext connection or a refusal will do: that is its
owner's.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from mailext.values import ClientIdentity, Envelope, Mailbox, Outcome, Protocol, Recipient
from mailext.wire import grammar
from mailext.wire.client_commands import (
    CannotCarryError,
    Offered,
    clientid_command,
    hello_command,
    mail_command,
    parse_offer,
    rcpt_command,
)
from mailext.wire.client_events import (
    Answered,
    AuthChallenge,
    BeginTls,
    ClientEvent,
    ContentRefused,
    ContentWanted,
    Fault,
    FaultKind,
    Greeted,
    MessageDone,
    MessageInDoubt,
)
from mailext.wire.client_limits import BEYOND_LIMITS, ServerLimits
from mailext.wire.client_replies import ReplyError, ReplyReader
from mailext.wire.client_states import SETTLEMENTS, TRANSITIONS, ClientState
from mailext.wire.client_transaction import ClientTransaction
from mailext.wire.encoders import ChunkEncoder, DotEncoder
from mailext.wire.events import NEED_DATA, Signal
from mailext.wire.grammar import GrammarError
from mailext.wire.limits import COMMAND_LINE
from mailext.wire.replies import Reply
from mailext.wire.states import Command

__all__ = ["ClientSession", "SequenceError"]

Handler = Callable[[Reply], None]
Said = tuple[Command, bytes, Handler]

#: No mechanism has as many steps; a server that goes on asking never ends.
_MOST_CHALLENGES = 20
_GREETING = 220
_INTERMEDIATE = 300
_CHALLENGE = 334
_START_INPUT = 354
_ERRORS = 400
_CLOSING = 421
_TOO_MANY_OF_OLD = 552
_DATA = b"DATA\r\n"
_RSET = b"RSET\r\n"
_BROKEN_OFF = Outcome(451, "4.5.0", "The session was broken off behind a refusal")


class SequenceError(RuntimeError):
    """What the owner wants cannot be said now."""


class ClientSession:
    """
    One connection, seen from the client.

    :param protocol: ``ESMTP`` or ``LMTP``.
    :param name: what the client calls itself.
    :param host: the server's name, for outcomes in its words.
    :param tls: whether the connection is under TLS from the beginning.
    :param plaintext_auth: whether AUTH may be said outside of TLS.
    :param discard: keywords of the server, upper case, of which no use is made.
    :ivar offered: what the last EHLO reply offers; that of a plaintext one
        counts for nothing once TLS has begun.
    :ivar identified: whether a CLIENTID was accepted.
    :ivar authenticated: whether an AUTH was.
    :ivar replies: how many replies have come: whether the server gets on.
    :ivar limits: what the server says of its limits.
    """

    def __init__(
        self,
        protocol: Protocol,
        name: str,
        host: str,
        *,
        tls: bool = False,
        plaintext_auth: bool = False,
        discard: frozenset[str] = frozenset(),
    ) -> None:
        self.protocol = protocol
        self.state = ClientState.CONNECTED
        self.tls = tls
        self.offered: Offered = {}
        self.identified = False
        self.authenticated = False
        self.replies = 0
        self.limits = ServerLimits()
        self._mails = 0
        self._mail_deferred = False
        self._domains: set[str] = set()
        self._name = name
        self._host = host
        self._plaintext_auth = plaintext_auth
        self._discard = discard
        self._auth_said = False
        self._initial_response: bytes | None = None
        self._challenges = 0
        self._reader = ReplyReader()
        self._events: deque[ClientEvent] = deque()
        self._to_send: list[bytes] = []
        # What was said, and who takes the reply to it; and what is to be said
        # when that has come.
        self._awaited: deque[Handler] = deque([self._on_greeting])
        self._unsaid: deque[Said] = deque()
        self._transaction: ClientTransaction | None = None
        # The one whose envelope was said behind the end of a message.
        self._next: ClientTransaction | None = None
        self._encoder: DotEncoder | ChunkEncoder = DotEncoder()

    # What the owner does

    def receive(self, data: bytes) -> None:
        """Take octets from the server."""
        if self.state is ClientState.HANDSHAKE:
            self._injected()
        elif self.state is not ClientState.CLOSED:
            self._reader.append(data)

    def next_event(self) -> ClientEvent | Signal:
        """The next event, or ``NEED_DATA``."""
        while not self._events:
            if self.state in (ClientState.CLOSED, ClientState.HANDSHAKE):
                return NEED_DATA
            try:
                reply = self._reader.next_reply()
            except ReplyError as error:
                self._fail(FaultKind.MALFORMED, Outcome(451, "4.5.0", f"Not a reply of SMTP: {error}"))
                continue
            if reply is None:
                return NEED_DATA
            self._take(reply)
        return self._events.popleft()

    def data_to_send(self) -> bytes:
        """What is to be sent to the server by now."""
        data = b"".join(self._to_send)
        self._to_send.clear()
        return data

    def hello(self, command: Command) -> None:
        """
        Say EHLO, or in LMTP LHLO; or HELO to a server that knows no EHLO.

        :raise SequenceError: if it is not the time for it.
        """
        self._say(command, hello_command(command, self._name), partial(self._on_hello, command))

    def start_tls(self) -> None:
        """
        Say STARTTLS, whether it was offered or not: who offers it in clear may
        have been somebody else.

        :raise SequenceError: if the connection is under TLS.
        """
        if self.tls:
            raise SequenceError("the connection is under TLS")
        self._say(Command.STARTTLS, b"STARTTLS\r\n", self._on_starttls)

    def tls_established(self) -> None:
        """The TLS handshake after :class:`BeginTls` is complete: say EHLO again."""
        if self.state is not ClientState.HANDSHAKE:
            raise SequenceError("no handshake is under way")
        self.tls = True
        # RFC 3207 section 4.2: what was known before TLS is forgotten.
        self.offered = {}
        self.limits = ServerLimits()
        self.authenticated = self._auth_said = False
        self._settle(success=True)

    def identify(self, identity: ClientIdentity) -> None:
        """
        Say CLIENTID.

        :raise SequenceError: without TLS (C7), if it was not offered since TLS
            began (C8), after a success (C10), or after AUTH (C11).
        :raise ValueError: if the identity breaks the grammar.
        """
        # C7, C8, C10, C11, draft-storey-smtp-client-id-13 section 4.
        if not self.tls or "CLIENTID" not in self.offered or self.identified or self._auth_said:
            raise SequenceError("this is not the time for CLIENTID")
        self._say(Command.CLIENTID, clientid_command(identity), self._on_clientid)

    def authenticate(self, mechanism: str, initial_response: bytes | None) -> None:
        """
        Say AUTH.

        :param mechanism: one of those that the server offers.
        :param initial_response: None where the mechanism begins with a
            challenge.
        :raise SequenceError: in clear, unless the session was made for that,
            or after a success.
        """
        if not (self.tls or self._plaintext_auth) or self.authenticated:
            raise SequenceError("this is not the time for AUTH")
        if mechanism.upper() not in map(str.upper, self.offered.get("AUTH", ())):
            raise SequenceError("the mechanism is not offered")
        line = b"AUTH " + mechanism.encode("ascii")
        self._initial_response = None
        if initial_response is not None:
            encoded = base64.b64encode(initial_response) or b"="
            # RFC 4954 section 4: within the length of a command line, or not
            # before the server asks for it.
            if len(line) + len(encoded) + 3 <= COMMAND_LINE:
                line += b" " + encoded
            else:
                self._initial_response = initial_response
        self._say(Command.AUTH, line + b"\r\n", self._on_auth)
        self._auth_said = True
        self._challenges = 0

    def respond(self, data: bytes) -> None:
        """Answer an :class:`AuthChallenge`."""
        self._answer_challenge(base64.b64encode(data))

    def cancel_authentication(self) -> None:
        """Answer an :class:`AuthChallenge` by giving up."""
        self._answer_challenge(b"*")

    @property
    def takes_message(self) -> bool:
        """
        Whether ``start_message()`` can be said: now, or before the server has
        answered the end of the last message.
        """
        if self._mail_deferred or self.limits.is_reached(self._mails, self._domains):
            return False
        if self.state is ClientState.READY:
            return True
        # RFC 2920 section 3.1. Not behind chunks that were refused, or might
        # still be: they leave a transaction that wants RSET.
        return (
            self.state is ClientState.COMPLETION
            and self.protocol is Protocol.ESMTP
            and "PIPELINING" in self.offered
            and len(self._awaited) == 1
            and bool(self._the_transaction.accepted)
        )

    @property
    def worn_out(self) -> bool:
        """
        Whether it is over, or the server has said to MAIL that it takes no
        message now: as some do after so many in a session.
        """
        return self._mail_deferred or self.state is ClientState.CLOSED

    def start_message(self, envelope: Envelope) -> None:
        """
        Say MAIL and RCPT, and DATA with them where commands are pipelined.

        What is asked of the server is in ``envelope.options``, REQUIRETLS too:
        ``envelope.tls_demand`` is not looked at. A recipient that the server
        has no room for, by its limits, is not named: its outcome is
        :data:`~mailext.wire.client_limits.BEYOND_LIMITS`.

        :raise CannotCarryError: if the server lacks what the message needs, or
            has no room for any of its recipients; nothing was said.
        :raise SequenceError: if it is not the time for it.
        :raise ValueError: if there is no recipient, or one is there twice.
        """
        self._check(Command.MAIL)
        if self.state is ClientState.COMPLETION and not self.takes_message:
            raise SequenceError("the end of the last message must be answered first")
        transaction = ClientTransaction([recipient.address for recipient in envelope.recipients])
        named = self._within_limits(envelope.recipients, transaction)
        commands: list[Said] = [(Command.MAIL, mail_command(envelope, self.offered), self._on_mail)]
        for recipient in named:
            line = rcpt_command(recipient, envelope.options, self.offered)
            commands.append((Command.RCPT, line, partial(self._on_rcpt, recipient.address)))
        self._mails += 1
        if self.limits.domains is not None:
            self._domains.update(recipient.address.domain.lower() for recipient in named)
        if self._transaction is None:
            self._transaction = transaction
        else:
            self._next = transaction
        self._unsaid.extend(commands)
        if self._takes_chunks:
            self._encoder = ChunkEncoder()
        else:
            self._encoder = DotEncoder()
            if "PIPELINING" in self.offered:
                self._unsaid.append((Command.DATA, _DATA, self._on_data))
        self._say_on()

    def send_content(self, data: bytes) -> None:
        """
        Send the next part of the message, after :class:`ContentWanted`.

        :param data: lines that end in CRLF, cut anywhere.
        :raise BareLineEndingError: the message cannot be sent: say
            ``abort_message()``.
        """
        self._need(ClientState.CONTENT)
        if isinstance(self._encoder, DotEncoder):
            self._to_send.append(self._encoder.feed(data))
            return
        for chunk in self._encoder.feed(data):
            self._say(Command.BDAT, chunk, self._on_chunk)

    def end_content(self) -> None:
        """
        Send the end of the message. From now on a loss of the connection
        leaves it in doubt.

        :raise BareLineEndingError: as ``send_content()`` does.
        """
        self._need(ClientState.CONTENT)
        if self._reader and not self._awaited:
            # What is said already cannot be the answer to what is not: the end
            # is not said, and next_event() tells why.
            return
        self._to_send.append(self._encoder.finish())
        self._settle(success=True)
        if self.protocol is Protocol.LMTP:
            # RFC 2033 section 4.2: a reply for each recipient that was accepted.
            accepted = self._the_transaction.accepted
            self._awaited.extend(partial(self._on_delivery, mailbox) for mailbox in accepted)
        else:
            self._awaited.append(self._on_completion)

    def abort_message(self, outcome: Outcome) -> None:
        """
        Give the message up while its content is being sent. A chunked one is
        reset; behind DATA there is no way but to close the session.

        :param outcome: what that means for the recipients that were accepted.
        """
        self._need(ClientState.CONTENT)
        self._the_transaction.settle_all(outcome)
        if isinstance(self._encoder, DotEncoder):
            self.close(outcome)
        else:
            self._refuse_content()

    def quit(self) -> None:
        """Say QUIT."""
        self._say(Command.QUIT, b"QUIT\r\n", partial(self._on_simple, Command.QUIT))

    def close(self, outcome: Outcome) -> None:
        """
        The connection is lost, or is about to be cut.

        :param outcome: what that means for recipients that are not settled.
        """
        if self.state is ClientState.CLOSED:
            return
        transaction, self._transaction = self._transaction, None
        following, self._next = self._next, None
        in_doubt = False
        if transaction is not None:
            if self.state in (ClientState.COMPLETION, ClientState.AHEAD):
                in_doubt = transaction.lose(outcome)
            transaction.settle_all(outcome)
        self.state = ClientState.CLOSED
        self._awaited.clear()
        self._unsaid.clear()
        self._to_send.clear()
        self._reader.clear()
        if transaction is not None:
            done = MessageInDoubt if in_doubt else MessageDone
            self._events.append(done(transaction.outcomes))
        if following is not None:
            following.settle_all(outcome)
            self._events.append(MessageDone(following.outcomes))

    # What is said, and when

    def _within_limits(
        self, recipients: Sequence[Recipient], transaction: ClientTransaction
    ) -> Sequence[Recipient]:
        named = self.limits.within(recipients, self._domains)
        if not named or self._mails == self.limits.mails:
            raise CannotCarryError(BEYOND_LIMITS)
        if len(named) < len(recipients):
            within = set(named)
            for recipient in recipients:
                if recipient not in within:
                    transaction.settle(recipient.address, BEYOND_LIMITS)
        return named

    @property
    def _takes_chunks(self) -> bool:
        # Without PIPELINING each chunk would wait for a reply: DATA is faster.
        return "CHUNKING" in self.offered and "PIPELINING" in self.offered

    @property
    def _the_transaction(self) -> ClientTransaction:
        assert self._transaction is not None
        return self._transaction

    def _need(self, state: ClientState) -> None:
        if self.state is not state:
            raise SequenceError(f"the session is not in the state {state.value!r}")

    def _check(self, command: Command) -> None:
        if command not in TRANSITIONS[self.state]:
            raise SequenceError(f"{command.value} cannot be said in the state {self.state.value!r}")

    def _say(self, command: Command, line: bytes, on_reply: Handler) -> None:
        self._check(command)
        self.state = TRANSITIONS[self.state][command]
        if self._reader and not self._awaited:
            # The server has said more than it was asked: nothing is said to
            # it any more, and next_event() tells why.
            return
        self._awaited.append(on_reply)
        self._to_send.append(line)

    def _say_on(self) -> None:
        """Say what waits: all of it, or one by one."""
        pipelining = "PIPELINING" in self.offered
        while self._unsaid and (pipelining or not self._awaited):
            self._say(*self._unsaid.popleft())

    def _settle(self, *, success: bool) -> None:
        on_success, on_refusal = SETTLEMENTS[self.state]
        self.state = on_success if success else on_refusal

    def _answer_challenge(self, line: bytes) -> None:
        self._need(ClientState.AUTHENTICATING)
        if self._awaited:
            raise SequenceError("there is no challenge to answer")
        self._awaited.append(self._on_auth)
        self._to_send.append(line + b"\r\n")

    # What becomes of replies

    def _take(self, reply: Reply) -> None:
        self.replies += 1
        if reply.code == _CLOSING and self.state is not ClientState.QUITTING:
            self._refuse_service(reply)
        elif self._awaited:
            self._awaited.popleft()(reply)
        elif self.state is ClientState.CONTENT and reply.is_error:
            # It will not wait for the end of the message. There is no way
            # back to where it takes commands.
            self._refuse_service(reply)
        else:
            self._out_of_step(reply)

    def _refuse_service(self, reply: Reply) -> None:
        outcome = reply.as_outcome(self._host)
        if self._transaction is not None:
            # Behind the end of a message too this is an answer: it was not taken.
            self._transaction.settle_all(outcome)
        self._break_off(outcome)

    def _break_off(self, outcome: Outcome) -> None:
        # A refusal for good is that of one message, and of no other.
        self._fail(FaultKind.CLOSING, outcome if outcome.is_temporary else _BROKEN_OFF)

    def _fail(self, kind: FaultKind, outcome: Outcome) -> None:
        self.close(outcome)
        self._events.append(Fault(kind, outcome))

    def _out_of_step(self, reply: Reply) -> None:
        self._fail(
            FaultKind.UNEXPECTED,
            Outcome(451, "4.5.0", f"Reply {reply.code} makes no sense in the state {self.state.value!r}"),
        )

    def _injected(self) -> None:
        # CVE-2021-38371: it might have been anybody on the way.
        self._fail(FaultKind.INJECTED, Outcome(451, "4.7.0", "Octets in clear behind the reply to STARTTLS"))

    def _on_greeting(self, reply: Reply) -> None:
        if not reply.is_error and reply.code != _GREETING:
            self._out_of_step(reply)
            return
        self._settle(success=not reply.is_error)
        self._events.append(Greeted(reply))

    def _on_simple(self, command: Command, reply: Reply) -> None:
        if _INTERMEDIATE <= reply.code < _ERRORS:
            self._out_of_step(reply)
            return
        self._settle(success=not reply.is_error)
        self._events.append(Answered(command, reply))

    def _on_hello(self, command: Command, reply: Reply) -> None:
        if not reply.is_error:
            offered = parse_offer(reply.lines) if command is not Command.HELO else {}
            self.offered = {
                keyword: arguments for keyword, arguments in offered.items() if keyword not in self._discard
            }
            self.limits = ServerLimits.parse(self.offered.get("LIMITS", ()))
        self._on_simple(command, reply)

    def _on_starttls(self, reply: Reply) -> None:
        if reply.is_error:
            self._on_simple(Command.STARTTLS, reply)
        elif reply.code != _GREETING:
            self._out_of_step(reply)
        elif self._reader:
            self._injected()
        else:
            self._settle(success=True)
            self._events.append(BeginTls())

    def _on_clientid(self, reply: Reply) -> None:
        self.identified = not reply.is_error
        self._on_simple(Command.CLIENTID, reply)

    def _on_auth(self, reply: Reply) -> None:
        if reply.code != _CHALLENGE:
            self.authenticated = not reply.is_error
            self._on_simple(Command.AUTH, reply)
            return
        self._challenges += 1
        try:
            data = grammar.decode_base64(reply.lines[0].encode("utf-8"))
        except GrammarError:
            self._out_of_step(reply)
            return
        if self._challenges > _MOST_CHALLENGES:
            self._out_of_step(reply)
        elif self._initial_response is None:
            self._events.append(AuthChallenge(data))
        else:
            response, self._initial_response = self._initial_response, None
            self.respond(response)

    def _on_mail(self, reply: Reply) -> None:
        if reply.is_error:
            outcome = reply.as_outcome(self._host)
            self._mail_deferred = outcome.is_temporary
            self._the_transaction.settle_all(outcome)
            self._unsaid.clear()
        elif reply.code >= _INTERMEDIATE:
            self._out_of_step(reply)
            return
        else:
            self._the_transaction.is_open = True
        self._advance()

    def _on_rcpt(self, mailbox: Mailbox, reply: Reply) -> None:
        if reply.is_error:
            self._the_transaction.settle(mailbox, _of_recipient(reply.as_outcome(self._host)))
        elif reply.code >= _INTERMEDIATE:
            self._out_of_step(reply)
            return
        else:
            self._the_transaction.accept(mailbox)
        self._advance()

    def _advance(self) -> None:
        if self._unsaid:
            self._say_on()
        elif self._awaited:
            return
        elif not self._the_transaction.accepted:
            self._conclude()
        elif self._takes_chunks:
            self._settle(success=True)
            self._events.append(ContentWanted())
        else:
            self._say(Command.DATA, _DATA, self._on_data)

    def _on_data(self, reply: Reply) -> None:
        if reply.is_error:
            self._the_transaction.settle_all(reply.as_outcome(self._host))
            self._conclude()
        elif reply.code != _START_INPUT:
            self._out_of_step(reply)
        elif self._the_transaction.accepted:
            self._settle(success=True)
            self._events.append(ContentWanted())
        elif self.protocol is Protocol.ESMTP:
            # RFC 2920 section 3.1: nobody is to get it, yet it must be ended.
            self._to_send.append(b".\r\n")
            self._awaited.append(self._on_nothing)
        else:
            # RFC 2033 section 4.2: that must not be.
            self._out_of_step(reply)

    def _on_nothing(self, reply: Reply) -> None:
        self._the_transaction.is_open = reply.is_error
        self._conclude()

    def _on_chunk(self, reply: Reply) -> None:
        if not reply.is_error:
            if reply.code >= _INTERMEDIATE:
                self._out_of_step(reply)
            return
        outcome = reply.as_outcome(self._host)
        self._the_transaction.settle_all(outcome)
        if self.state is ClientState.CONTENT:
            self._refuse_content()
            self._events.append(ContentRefused())
        elif self.state is ClientState.COMPLETION and self.protocol is Protocol.LMTP:
            # How many replies LAST gets now is anybody's guess.
            self._break_off(outcome)

    def _refuse_content(self) -> None:
        # RFC 3030 section 4.2: the replies to chunks on their way come first.
        self._say(Command.RSET, _RSET, self._on_rset)

    def _on_completion(self, reply: Reply) -> None:
        if not reply.is_error and reply.code >= _INTERMEDIATE:
            self._out_of_step(reply)
            return
        if self._the_transaction.accepted:
            self._the_transaction.is_open = False
        self._the_transaction.settle_all(reply.as_outcome(self._host))
        self._conclude()

    def _on_delivery(self, mailbox: Mailbox, reply: Reply) -> None:
        if not reply.is_error and reply.code >= _INTERMEDIATE:
            self._out_of_step(reply)
            return
        self._the_transaction.settle(mailbox, reply.as_outcome(self._host))
        if not self._awaited:
            self._the_transaction.is_open = False
            self._conclude()

    def _conclude(self) -> None:
        """End a transaction: nothing is left of it, here or there."""
        if self._the_transaction.is_open:
            self._say(Command.RSET, _RSET, self._on_rset)
            return
        self._settle_message()

    def _on_rset(self, reply: Reply) -> None:
        if reply.is_error or reply.code >= _INTERMEDIATE:
            self._out_of_step(reply)
            return
        self._settle_message()

    def _settle_message(self) -> None:
        transaction, self._transaction = self._the_transaction, self._next
        self._next = None
        self._settle(success=self.state is not ClientState.ENVELOPE)
        self._events.append(MessageDone(transaction.outcomes))


def _of_recipient(outcome: Outcome) -> Outcome:
    # RFC 5321 section 4.5.3.1.10: 552 is what RFC 821 had for too many recipients.
    if outcome.code != _TOO_MANY_OF_OLD:
        return outcome
    return replace(outcome, code=452, enhanced=f"4{outcome.enhanced[1:]}")
