"""
The order of commands: the whole state machine of the server's session.

A command that stands in no row of the present state is out of sequence: 503
5.5.1. A command moves the session only once it is answered with success; any
other reply leaves the state as it was. Where a state is left without a
command, :data:`COMPLETIONS` says where to.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from mailext.values import Protocol

__all__ = ["COMMANDS", "COMPLETIONS", "TRANSACTION", "TRANSITIONS", "Command", "State"]


class State(Enum):
    """Where a session stands."""

    #: Connected, or a security layer has just begun: no EHLO yet.
    START = "start"
    #: Greeted; no mail transaction under way.
    READY = "ready"
    #: MAIL was accepted.
    SENDER = "sender"
    #: At least one RCPT was accepted.
    RECIPIENTS = "recipients"
    #: The message comes, up to the final dot.
    DATA = "data"
    #: The message comes in chunks; the last one has not come yet.
    CHUNKS = "chunks"
    #: A SASL exchange is under way.
    AUTHENTICATING = "authenticating"
    #: STARTTLS was answered; the TLS handshake is under way.
    HANDSHAKE = "handshake"
    #: Nothing more is read.
    CLOSED = "closed"


class Command(Enum):
    """The verbs that the session knows."""

    # A member is equal to itself alone; Enum's own way is slow.
    __hash__ = object.__hash__

    HELO = "HELO"
    EHLO = "EHLO"
    LHLO = "LHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BDAT = "BDAT"
    RSET = "RSET"
    NOOP = "NOOP"
    VRFY = "VRFY"
    HELP = "HELP"
    QUIT = "QUIT"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    CLIENTID = "CLIENTID"


_ALWAYS = {
    state: {
        Command.NOOP: state,
        Command.VRFY: state,
        Command.HELP: state,
        Command.QUIT: State.CLOSED,
    }
    for state in (State.START, State.READY, State.SENDER, State.RECIPIENTS, State.CHUNKS)
}
_HELLO = {Command.HELO: State.READY, Command.EHLO: State.READY, Command.LHLO: State.READY}

TRANSITIONS: Mapping[State, Mapping[Command, State]] = {
    State.START: {
        **_ALWAYS[State.START],
        **_HELLO,
        Command.RSET: State.START,
    },
    State.READY: {
        **_ALWAYS[State.READY],
        **_HELLO,
        Command.RSET: State.READY,
        Command.STARTTLS: State.HANDSHAKE,
        # C11, draft-storey-smtp-client-id-13 section 4: before AUTH; and never
        # within a mail transaction.
        Command.CLIENTID: State.READY,
        Command.AUTH: State.AUTHENTICATING,
        Command.MAIL: State.SENDER,
    },
    State.SENDER: {
        **_ALWAYS[State.SENDER],
        **_HELLO,
        Command.RSET: State.READY,
        Command.STARTTLS: State.HANDSHAKE,
        Command.RCPT: State.RECIPIENTS,
    },
    State.RECIPIENTS: {
        **_ALWAYS[State.RECIPIENTS],
        **_HELLO,
        Command.RSET: State.READY,
        Command.STARTTLS: State.HANDSHAKE,
        Command.RCPT: State.RECIPIENTS,
        Command.DATA: State.DATA,
        Command.BDAT: State.CHUNKS,
    },
    # RFC 3030 section 2: DATA and BDAT do not mix within a transaction.
    State.CHUNKS: {
        **_ALWAYS[State.CHUNKS],
        **_HELLO,
        Command.RSET: State.READY,
        Command.BDAT: State.CHUNKS,
    },
    State.DATA: {},
    State.AUTHENTICATING: {},
    State.HANDSHAKE: {},
    State.CLOSED: {},
}

#: Where a state is left for when what it waits for has come to its end.
COMPLETIONS: Mapping[State, State] = {
    State.DATA: State.READY,
    State.CHUNKS: State.READY,
    State.AUTHENTICATING: State.READY,
    # RFC 3207 section 4.2: what was known before TLS is forgotten.
    State.HANDSHAKE: State.START,
}

#: The states in which a mail transaction is under way.
TRANSACTION = frozenset({State.SENDER, State.RECIPIENTS, State.DATA, State.CHUNKS})

_SMTP_ONLY = {Command.HELO, Command.EHLO}
_LMTP_ONLY = {Command.LHLO}

#: The verbs of each protocol (RFC 2033 section 4.1: LMTP has LHLO alone).
COMMANDS: Mapping[Protocol, Mapping[bytes, Command]] = {
    protocol: {command.value.encode("ascii"): command for command in Command if command not in foreign}
    for protocol, foreign in ((Protocol.ESMTP, _LMTP_ONLY), (Protocol.LMTP, _SMTP_ONLY))
}
