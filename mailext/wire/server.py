"""
The server's session: ESMTP, and LMTP from the same tables.

::

    session = ServerSession(Protocol.ESMTP, Offer(starttls=True))
    session.greet(Reply.of(220, None, "mx.example.org ESMTP"))
    session.receive(octets)
    while not isinstance(event := session.next_event(), Signal):
        ...  # a Question is answered with session.reply()
    transport.write(session.data_to_send())
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from mailext.values import ClientIdentity, Protocol
from mailext.wire import grammar, replies
from mailext.wire.body import ChunkDecoder, Content, DotDecoder
from mailext.wire.commands import (
    LONGEST_LINE,
    CommandError,
    decode_response,
    line_limit,
    parse_auth,
    parse_mail,
    parse_rcpt,
)
from mailext.wire.events import (
    NEED_DATA,
    PAUSED,
    AuthCommand,
    AuthResponse,
    Event,
    Hello,
    MailCommand,
    MessageEnd,
    MessageStart,
    Question,
    RcptCommand,
    Reset,
    Signal,
    StartTls,
    UnknownCommand,
)
from mailext.wire.extensions import Offer
from mailext.wire.grammar import GrammarError
from mailext.wire.limits import SASL_LINE
from mailext.wire.lines import LineBuffer, LineTooLongError
from mailext.wire.replies import Reply
from mailext.wire.states import COMMANDS, COMPLETIONS, TRANSACTION, TRANSITIONS, Command, State

__all__ = ["ServerSession"]

Replies = tuple[Reply, ...]

_HELLO = frozenset({Command.HELO, Command.EHLO, Command.LHLO})
_JUNK = _HELLO | {Command.NOOP, Command.RSET, Command.VRFY, Command.HELP}
#: What a web browser says when it was made to connect to a mail server: it
#: must not get to the point where its body is taken for commands.
_WEB_VERBS = frozenset({b"GET", b"POST", b"PUT", b"CONNECT", b"OPTIONS"})


class ServerSession:
    """
    One connection, seen from the server.

    :param protocol: ``ESMTP`` or ``LMTP``.
    :param offer: what the server offers. Its ``tls`` says whether the session
        is under TLS from the beginning.
    :param refused: called with each reply that is an error, before it is said.
    :ivar command: the verb of the last command that is known here.
    :ivar identity: what the client said with CLIENTID, None if nothing.
    """

    # Of the message that is coming in.
    _content: Content
    _dots: DotDecoder
    _chunks: ChunkDecoder

    def __init__(
        self, protocol: Protocol, offer: Offer, refused: Callable[[Reply], object] = lambda _: None
    ) -> None:
        self.command = ""
        self._refused = refused
        self.protocol = protocol
        self.offer = offer
        self.state = State.START
        self.authenticated = False
        self.identity: ClientIdentity | None = None
        self._buffer = LineBuffer()
        self._to_send: list[bytes] = []
        self._question: Question | None = None
        self._read: Callable[[], Event | Signal | None] = self._read_command
        self._ehlo_seen = False
        self._auth_seen = False
        self._smtputf8 = False
        self._recipients = 0
        self._chunk_left = 0
        self._chunk_is_last = False
        self._chunk_refusal: Reply | None = None
        self._command_count = 0
        self._junk_count = 0
        self._error_count = 0

    # What the owner does

    def greet(self, greeting: Reply) -> None:
        """Send the greeting of the connection."""
        self._to_send.append(bytes(greeting))

    def receive(self, data: bytes) -> None:
        """
        Take octets from the peer. While the session is paused they are kept
        unread: the owner stops reading from its transport meanwhile.
        """
        if self.state is State.HANDSHAKE:
            # CVE-2011-0411: nothing but the handshake follows the 220.
            self.close(replies.BYTES_BEHIND_STARTTLS)
        elif self.state is not State.CLOSED:
            self._buffer.append(data)

    def next_event(self) -> Event | Signal:
        """The next event, ``NEED_DATA`` or ``PAUSED``."""
        while self._question is None:
            try:
                event = self._read()
            except CommandError as error:
                self._answer(error.reply)
                continue
            if event is None:
                continue
            if isinstance(event, Question):
                self._question = event
            return event
        return PAUSED

    def asks(self, kind: type[Question]) -> bool:
        """Whether a question of this kind waits for its answer."""
        return isinstance(self._question, kind)

    def data_to_send(self) -> bytes:
        """What is to be sent to the peer by now."""
        data = b"".join(self._to_send)
        self._to_send.clear()
        return data

    def reply(self, *answers: Reply) -> None:
        """
        Answer the last question.

        :param answers: one reply; to ``MessageEnd`` in LMTP one for each
            accepted recipient, in their order.
        """
        question = self._question
        if question is None:
            raise RuntimeError("there is no question to answer")
        settled = self._SETTLE[type(question)](self, question, answers)
        self._question = None
        self._answer(*settled)

    def challenge(self, data: bytes) -> None:
        """Answer ``AuthCommand`` or ``AuthResponse`` by a challenge (334)."""
        if not isinstance(self._question, AuthCommand | AuthResponse):
            raise RuntimeError("no SASL exchange is under way")  # noqa: TRY004 - the session's state is wrong, no type is
        self._question = None
        self.state = State.AUTHENTICATING
        self._read = self._read_sasl
        self._to_send.append(b"334 " + base64.b64encode(data) + b"\r\n")

    def accept_message(self) -> None:
        """Answer ``MessageStart`` by taking the message."""
        if not isinstance(self._question, MessageStart):
            raise RuntimeError("no message is to begin")  # noqa: TRY004 - the session's state is wrong, no type is
        self._question = None
        self._content = Content(self.offer.limits.message_size)
        if self._read == self._read_chunk:
            self.state = TRANSITIONS[self.state][Command.BDAT]
            self._chunks = ChunkDecoder()
        else:
            self.state = TRANSITIONS[self.state][Command.DATA]
            self._dots = DotDecoder()
            self._read = self._read_dots
            self._answer(replies.START_INPUT)

    def refuse_message(self, refusal: Reply) -> None:
        """
        Refuse the message that is coming in: the session reads on to its end
        and gives this reply there.
        """
        if self._content.fault is None:
            self._content.fault = refusal

    def tls_established(self) -> None:
        """The TLS handshake that STARTTLS began is complete."""
        if self.state is not State.HANDSHAKE:
            raise RuntimeError("no handshake is under way")
        self.offer = replace(self.offer, tls=True)
        self.authenticated = False
        self.security_layer_established()

    def security_layer_established(self) -> None:
        """
        A security layer has begun: the session is back in its initial state,
        and what the client said of itself is forgotten.
        """
        # C12, draft-storey-smtp-client-id-13 section 4; RFC 3207 section 4.2.
        self._end_transaction(COMPLETIONS[State.HANDSHAKE])
        self.identity = None
        self._ehlo_seen = False
        self._auth_seen = False

    def close(self, farewell: Reply) -> None:
        """Say a last reply, 421 as a rule, and read nothing more. Only the first one is said."""
        if self.state is State.CLOSED:
            return
        if farewell.is_error:
            self._refused(farewell)
        self._to_send.append(bytes(farewell))
        self.state = State.CLOSED
        self._question = None
        self._buffer.clear()
        self._read = self._read_nothing

    # Replies to commands

    def _answer(self, *answers: Reply) -> None:
        self._to_send += map(bytes, answers)
        errors = [answer for answer in answers if answer.is_error]
        if errors:
            for error in errors:
                self._refused(error)
            self._error_count += 1
            if self._error_count >= self.offer.limits.errors:
                self.close(replies.TOO_MANY_ERRORS)

    @property
    def _replies_to_message(self) -> int:
        # RFC 2033 section 4.2.
        return self._recipients if self.protocol is Protocol.LMTP else 1

    def _end_transaction(self, state: State) -> None:
        self.state = state
        self._recipients = 0

    # Commands. Each gives an event, None once it has answered by itself, or
    # raises the refusal.

    def _read_command(self) -> Event | Signal | None:
        try:
            line = self._buffer.take_line(LONGEST_LINE)
        except LineTooLongError as error:
            # As long as it takes to be refused, whatever its verb.
            line = error.beginning.ljust(LONGEST_LINE)
        if line is None:
            return NEED_DATA
        self._command_count += 1
        if self._command_count > self.offer.limits.commands:
            self.close(replies.TOO_MANY_COMMANDS)
            return None
        verb, _, argument = line.rstrip(b" \t").partition(b" ")
        verb = verb.upper()
        command = COMMANDS[self.protocol].get(verb)
        self.command = "an unknown command" if command is None else command.value
        # C11: an AUTH received is enough, whatever becomes of it.
        self._auth_seen = self._auth_seen or command is Command.AUTH
        if len(line) + 2 > line_limit(command):
            self._too_long(command)
            return None
        if command is None:
            return self._unknown(verb, argument)
        if command in _JUNK and not (command in _HELLO and self.state is State.START):
            self._junk_count += 1
            if self._junk_count > self.offer.limits.junk_commands:
                self.close(replies.TOO_MANY_JUNK_COMMANDS)
                return None
        if command is not Command.CLIENTID:
            # Spaces too many are forgiven; but C9: an identity is matched raw.
            argument = argument.lstrip(b" \t")
        return self._PARSE[command](self, command, argument)

    def _too_long(self, command: Command | None) -> None:
        if command is Command.BDAT:
            self._lose_chunk(replies.LINE_TOO_LONG)
        else:
            self._answer(replies.SASL_LINE_TOO_LONG if command is Command.AUTH else replies.LINE_TOO_LONG)

    def _check_sequence(self, command: Command) -> None:
        if command not in TRANSITIONS[self.state]:
            raise CommandError(replies.BAD_SEQUENCE)

    def _unknown(self, verb: bytes, argument: bytes) -> Event | None:
        if verb in _WEB_VERBS:
            self.close(replies.NOT_SMTP)
            return None
        if not verb.isalnum() or grammar.has_control(argument):
            raise CommandError(replies.UNKNOWN_COMMAND)
        return UnknownCommand(verb, argument)

    def _hello(self, command: Command, argument: bytes) -> Event:
        self._check_sequence(command)
        try:
            return Hello(command, grammar.parse_client_name(argument))
        except GrammarError:
            raise CommandError(replies.BAD_ARGUMENTS) from None

    def _mail(self, command: Command, argument: bytes) -> Event:
        self._check_sequence(command)
        return parse_mail(argument, self.offer)

    def _rcpt(self, command: Command, argument: bytes) -> Event | None:
        self._check_sequence(command)
        event = parse_rcpt(argument, smtputf8=self._smtputf8)
        if self._recipients < self.offer.limits.recipients:
            return event
        # RFC 5321 section 4.5.3.1.10: the client goes on with those that were
        # taken, so this is no error of its own.
        self._refused(replies.TOO_MANY_RECIPIENTS)
        self._to_send.append(bytes(replies.TOO_MANY_RECIPIENTS))
        return None

    def _data(self, command: Command, argument: bytes) -> Event:
        self._check_sequence(command)
        if argument:
            raise CommandError(replies.BAD_ARGUMENTS)
        return MessageStart()

    def _rset(self, command: Command, argument: bytes) -> Event | None:
        self._check_sequence(command)
        if argument:
            raise CommandError(replies.BAD_ARGUMENTS)
        in_transaction = self.state in TRANSACTION
        self._end_transaction(TRANSITIONS[self.state][command])
        self._answer(replies.OK)
        return Reset() if in_transaction else None

    def _quit(self, _: Command, argument: bytes) -> None:
        if argument:
            raise CommandError(replies.BAD_ARGUMENTS)
        self.close(replies.BYE)

    def _noop(self, _: Command, argument: bytes) -> None:
        if grammar.has_control(argument):
            raise CommandError(replies.BAD_ARGUMENTS)
        self._answer(replies.OK)

    def _vrfy(self, _: Command, argument: bytes) -> None:
        if not argument or grammar.has_control(argument):
            raise CommandError(replies.BAD_ARGUMENTS)
        # RFC 5321 section 7.3: who exists is not told.
        self._answer(replies.CANNOT_VERIFY)

    def _help(self, _: Command, argument: bytes) -> None:
        if grammar.has_control(argument):
            raise CommandError(replies.BAD_ARGUMENTS)
        verbs = " ".join(verb.decode("ascii") for verb in COMMANDS[self.protocol])
        self._answer(Reply.of(214, "2.0.0", "Commands:", verbs))

    def _starttls(self, command: Command, argument: bytes) -> Event | None:
        self._check_sequence(command)
        if self.offer.tls:
            raise CommandError(replies.BAD_SEQUENCE)
        if not self.offer.starttls:
            raise CommandError(replies.NOT_AVAILABLE)
        if argument:
            raise CommandError(replies.BAD_ARGUMENTS)
        if self._buffer:
            self.close(replies.BYTES_BEHIND_STARTTLS)
            return None
        return StartTls()

    def _auth(self, command: Command, argument: bytes) -> Event:
        if not self.offer.mechanisms:
            raise CommandError(replies.NOT_AVAILABLE)
        self._check_sequence(command)
        if self.authenticated:
            raise CommandError(replies.BAD_SEQUENCE)
        if not self.offer.auth:
            raise CommandError(replies.TLS_NEEDED_FOR_AUTH)
        return parse_auth(argument, self.offer)

    def _clientid(self, command: Command, argument: bytes) -> None:
        # The order of the checks: C2 and C7, then C8, C10 and C11, then C9.
        if not (self.offer.clientid and self.offer.tls):
            raise CommandError(replies.UNKNOWN_COMMAND)
        self._check_sequence(command)
        if not self._ehlo_seen or self._auth_seen or self.identity is not None:
            raise CommandError(replies.BAD_SEQUENCE)
        try:
            self.identity = grammar.parse_client_identity(argument)
        except GrammarError:
            raise CommandError(replies.BAD_ARGUMENTS) from None
        # C18: what it is worth is told at AUTH.
        self._answer(replies.OK)

    def _bdat(self, command: Command, argument: bytes) -> Event | None:
        try:
            self._chunk_left, self._chunk_is_last = grammar.parse_bdat(argument)
        except GrammarError:
            self._lose_chunk(replies.BAD_ARGUMENTS)
            return None
        self._read = self._read_chunk
        self._chunk_refusal = None
        if command not in TRANSITIONS[self.state]:
            self._chunk_refusal = replies.BAD_SEQUENCE
            return None
        if self._chunk_left:
            self._command_count -= 1
        return MessageStart() if self.state is State.RECIPIENTS else None

    def _lose_chunk(self, refusal: Reply) -> None:
        """A chunk follows that cannot be told from commands."""
        self._answer(refusal)
        self.close(replies.BROKEN_CHUNKS)

    # Content

    def _read_dots(self) -> Event | Signal | None:
        if not self._buffer:
            return NEED_DATA
        data, rest = self._dots.feed(self._buffer.take(len(self._buffer)))
        if rest is not None:
            self._buffer.append(rest)
            self._read = self._end_message
        return self._content.take(data)

    def _read_chunk(self) -> Event | Signal | None:
        if not self._chunk_left:
            return self._end_chunk()
        if not self._buffer:
            return NEED_DATA
        octets = self._buffer.take(self._chunk_left)
        self._chunk_left -= len(octets)
        if self._chunk_refusal is not None:
            return None
        event = self._content.take(self._chunks.feed(octets))
        if self._content.fault is replies.MESSAGE_TOO_BIG:
            # RFC 3030 section 2: the chunk that crosses the limit is refused.
            self._chunk_refusal = replies.MESSAGE_TOO_BIG
        return event

    def _end_chunk(self) -> Event | None:
        self._read = self._read_command
        if self._chunk_refusal is not None:
            if self.state is State.CHUNKS:
                self.state = COMPLETIONS[self.state]
            # RFC 2033 section 4.3: LAST is answered once per recipient, even if there are none.
            self._answer(*[self._chunk_refusal] * (self._replies_to_message if self._chunk_is_last else 1))
            return None
        if not self._chunk_is_last:
            self._answer(replies.OK)
            return None
        self._read = self._end_message
        return self._content.take(self._chunks.finish())

    def _end_message(self) -> Event | None:
        self._read = self._read_command
        if self._content.fault is None:
            return MessageEnd()
        refusals = [self._content.fault] * self._replies_to_message
        self._end_transaction(COMPLETIONS[self.state])
        self._answer(*refusals)
        return None

    # SASL

    def _read_sasl(self) -> Event | Signal | None:
        try:
            line = self._buffer.take_line(SASL_LINE)
        except LineTooLongError:
            line = None
            refusal = replies.SASL_LINE_TOO_LONG
        else:
            if line is None:
                return NEED_DATA
            refusal = replies.AUTH_CANCELLED
        self._read = self._read_command
        self.state = COMPLETIONS[State.AUTHENTICATING]
        if line is None or line == b"*":
            raise CommandError(refusal)
        return AuthResponse(decode_response(line))

    def _read_nothing(self) -> Signal:
        return NEED_DATA

    # What an answer to a question does. Each gives the replies to send now.

    def _settle_hello(self, question: Question, answers: Replies) -> Replies:
        if not answers[0].is_error and isinstance(question, Hello):
            self._end_transaction(TRANSITIONS[self.state][question.command])
            self._ehlo_seen = self._ehlo_seen or question.command is not Command.HELO
        return answers

    def _settle_starttls(self, _: Question, answers: Replies) -> Replies:
        if answers[0].is_error:
            return answers
        if self._buffer:
            self.close(replies.BYTES_BEHIND_STARTTLS)
            return ()
        self.state = TRANSITIONS[self.state][Command.STARTTLS]
        return answers

    def _settle_auth(self, _: Question, answers: Replies) -> Replies:
        self.authenticated = not answers[0].is_error
        return answers

    def _settle_mail(self, question: Question, answers: Replies) -> Replies:
        if not answers[0].is_error and isinstance(question, MailCommand):
            self.state = TRANSITIONS[self.state][Command.MAIL]
            self._smtputf8 = question.options.smtputf8
            self._recipients = 0
        return answers

    def _settle_rcpt(self, _: Question, answers: Replies) -> Replies:
        if not answers[0].is_error:
            self.state = TRANSITIONS[self.state][Command.RCPT]
            self._recipients += 1
            self._command_count -= 1
        return answers

    def _settle_start(self, _: Question, answers: Replies) -> Replies:
        # A refused message ends the transaction.
        self.state = COMPLETIONS[State.DATA]
        if self._read == self._read_chunk:
            self._chunk_refusal = answers[0]
            return ()
        return answers

    def _settle_end(self, _: Question, answers: Replies) -> Replies:
        if len(answers) != self._replies_to_message:
            raise ValueError(f"{self._replies_to_message} replies wanted, {len(answers)} given")
        self._end_transaction(COMPLETIONS[self.state])
        if not all(answer.is_error for answer in answers):
            self._command_count = 0
            self._junk_count = 0
            self._error_count = 0
        return answers

    def _settle_unknown(self, _: Question, answers: Replies) -> Replies:
        return answers

    _PARSE: ClassVar[Mapping[Command, Callable[[ServerSession, Command, bytes], Event | None]]] = {
        Command.HELO: _hello,
        Command.EHLO: _hello,
        Command.LHLO: _hello,
        Command.MAIL: _mail,
        Command.RCPT: _rcpt,
        Command.DATA: _data,
        Command.BDAT: _bdat,
        Command.RSET: _rset,
        Command.NOOP: _noop,
        Command.VRFY: _vrfy,
        Command.HELP: _help,
        Command.QUIT: _quit,
        Command.STARTTLS: _starttls,
        Command.AUTH: _auth,
        Command.CLIENTID: _clientid,
    }

    _SETTLE: ClassVar[Mapping[type[Question], Callable[[ServerSession, Question, Replies], Replies]]] = {
        Hello: _settle_hello,
        StartTls: _settle_starttls,
        AuthCommand: _settle_auth,
        AuthResponse: _settle_auth,
        MailCommand: _settle_mail,
        RcptCommand: _settle_rcpt,
        MessageStart: _settle_start,
        MessageEnd: _settle_end,
        UnknownCommand: _settle_unknown,
    }
