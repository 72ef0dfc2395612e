"""
The order of a client's session: the whole of its state machine.

A command may be said only in a state whose row has it. The state that it leads
to waits for the reply; :data:`SETTLEMENTS` says where a success and a refusal
lead from there. A reply of 421, a fault, or the loss of the connection leads
to ``CLOSED`` from everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from mailext.wire.states import Command

__all__ = ["SETTLEMENTS", "TRANSITIONS", "ClientState"]


class ClientState(Enum):
    """Where a client's session stands."""

    # A member is equal to itself alone; Enum's own way is slow.
    __hash__ = object.__hash__

    #: Connected: the server's greeting is awaited.
    CONNECTED = "connected"
    #: Greeted, or a TLS layer has just begun: no EHLO yet.
    START = "start"
    #: The server has refused to serve us: there is nothing to say but QUIT.
    UNWELCOME = "unwelcome"
    #: EHLO, HELO or LHLO was said.
    HELLO = "hello"
    #: Ready for anything; no mail transaction under way.
    READY = "ready"
    #: STARTTLS was said.
    STARTTLS = "starttls"
    #: STARTTLS was accepted; the TLS handshake is under way.
    HANDSHAKE = "handshake"
    #: CLIENTID was said.
    IDENTIFYING = "identifying"
    #: AUTH was said, and its exchange is under way.
    AUTHENTICATING = "authenticating"
    #: MAIL was said, and RCPT and DATA where commands are pipelined.
    ENVELOPE = "envelope"
    #: The message may be sent.
    CONTENT = "content"
    #: The end of the message was sent: what comes of it is awaited.
    COMPLETION = "completion"
    #: The same, and the envelope of the next message was said behind it.
    AHEAD = "ahead"
    #: RSET was said, to end a transaction that failed.
    RESETTING = "resetting"
    #: QUIT was said.
    QUITTING = "quitting"
    #: Nothing more is said, and nothing read.
    CLOSED = "closed"


_HELLO = dict.fromkeys((Command.EHLO, Command.HELO, Command.LHLO), ClientState.HELLO)
_QUIT = {Command.QUIT: ClientState.QUITTING}

#: The commands that may be said in each state, and where they lead.
TRANSITIONS: Mapping[ClientState, Mapping[Command, ClientState]] = {
    ClientState.CONNECTED: {},
    ClientState.START: {**_HELLO, **_QUIT},
    ClientState.UNWELCOME: _QUIT,
    ClientState.HELLO: {},
    ClientState.READY: {
        Command.STARTTLS: ClientState.STARTTLS,
        Command.CLIENTID: ClientState.IDENTIFYING,
        Command.AUTH: ClientState.AUTHENTICATING,
        Command.MAIL: ClientState.ENVELOPE,
        **_QUIT,
    },
    ClientState.STARTTLS: {},
    ClientState.HANDSHAKE: {},
    ClientState.IDENTIFYING: {},
    ClientState.AUTHENTICATING: {},
    ClientState.ENVELOPE: {
        Command.RCPT: ClientState.ENVELOPE,
        Command.DATA: ClientState.ENVELOPE,
        Command.RSET: ClientState.RESETTING,
    },
    ClientState.CONTENT: {
        Command.BDAT: ClientState.CONTENT,
        Command.RSET: ClientState.RESETTING,
    },
    ClientState.COMPLETION: {Command.MAIL: ClientState.AHEAD, Command.RSET: ClientState.RESETTING},
    ClientState.AHEAD: {Command.RCPT: ClientState.AHEAD, Command.DATA: ClientState.AHEAD},
    ClientState.RESETTING: {},
    ClientState.QUITTING: {},
    ClientState.CLOSED: {},
}

#: Where a success and a refusal lead.
SETTLEMENTS: Mapping[ClientState, tuple[ClientState, ClientState]] = {
    ClientState.CONNECTED: (ClientState.START, ClientState.UNWELCOME),
    ClientState.HELLO: (ClientState.READY, ClientState.START),
    ClientState.STARTTLS: (ClientState.HANDSHAKE, ClientState.READY),
    # RFC 3207 section 4.2: what was known before TLS is forgotten.
    ClientState.HANDSHAKE: (ClientState.START, ClientState.CLOSED),
    ClientState.IDENTIFYING: (ClientState.READY, ClientState.READY),
    ClientState.AUTHENTICATING: (ClientState.READY, ClientState.READY),
    ClientState.ENVELOPE: (ClientState.CONTENT, ClientState.READY),
    ClientState.CONTENT: (ClientState.COMPLETION, ClientState.CONTENT),
    ClientState.COMPLETION: (ClientState.READY, ClientState.READY),
    ClientState.AHEAD: (ClientState.ENVELOPE, ClientState.ENVELOPE),
    ClientState.RESETTING: (ClientState.READY, ClientState.CLOSED),
    ClientState.QUITTING: (ClientState.CLOSED, ClientState.CLOSED),
}
