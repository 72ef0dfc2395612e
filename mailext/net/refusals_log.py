"""
The log event of a refusal: of every reply that is an error, and of every
connection that is not let in.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import Logger

from mailext.values import SessionView
from mailext.wire import replies
from mailext.wire.replies import Reply
from mailext.wire.states import State

__all__ = ["log_connection_refused", "log_refusal"]

_log = Logger()

# The key of [limits] that a reply is about.
_LIMITS: Mapping[Reply, str] = {
    replies.TOO_MANY_COMMANDS: "commands",
    replies.TOO_MANY_ERRORS: "errors",
    replies.TOO_MANY_AUTH_FAILURES: "auth-failures",
    replies.TOO_MANY_RECIPIENTS: "recipients",
    replies.MESSAGE_TOO_BIG: "message-size",
    replies.HEADER_TOO_BIG: "header-size",
    replies.TOO_MANY_HOPS: "hops",
}

# That of a client that was too slow: what it was at.
_TIMES: Mapping[State, str] = {
    State.HANDSHAKE: "handshake-timeout",
    State.DATA: "message-timeout",
    State.CHUNKS: "message-timeout",
}


def log_refusal(reply: Reply, command: str, state: State, session: SessionView) -> None:
    """
    A client was given an error.

    :param command: the verb that it answers, empty before the first.
    :param state: of the session before the reply.
    """
    limit = _TIMES.get(state, "command-timeout") if reply == replies.TOO_SLOW else _LIMITS.get(reply, "")
    _log.info(
        "refusal of {command} from {peer} on {listener}: {code} {enhanced} {reason!r} limit={limit}"
        " session={session} clientid={clientid}",
        event="refusal",
        command=command or "the session",
        code=reply.code,
        enhanced=reply.enhanced or "",
        reason=" ".join(reply.lines),
        limit=limit,
        listener=session.listener,
        peer=session.peer,
        session=session.id,
        clientid=session.clientid,
    )


def log_connection_refused(listener: str, peer: str) -> None:
    """One connection more than ``connections`` or ``connections-per-address`` allows was closed."""
    reply = replies.TOO_MANY_CONNECTIONS
    _log.info(
        "refusal of a connection from {peer} on {listener}: {code} {enhanced} {reason!r} limit={limit}",
        event="refusal",
        command="a connection",
        code=reply.code,
        enhanced=reply.enhanced or "",
        reason=" ".join(reply.lines),
        limit="connections",
        listener=listener,
        peer=peer,
        session="",
        clientid="",
    )
