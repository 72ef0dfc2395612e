"""Which key of ``[limits]`` a reply is about."""

from __future__ import annotations

from collections.abc import Mapping

from mailext.wire import replies
from mailext.wire.replies import Reply
from mailext.wire.states import State

__all__ = ["limit_of"]

_LIMITS: Mapping[Reply, str] = {
    replies.TOO_MANY_COMMANDS: "commands",
    replies.TOO_MANY_JUNK_COMMANDS: "junk-commands",
    replies.TOO_MANY_ERRORS: "errors",
    replies.TOO_MANY_AUTH_FAILURES: "auth-failures",
    replies.TOO_MANY_RECIPIENTS: "recipients",
    replies.MESSAGE_TOO_BIG: "message-size",
    replies.HEADER_TOO_BIG: "header-size",
    replies.TOO_MANY_HOPS: "hops",
    replies.BELOW_LEAST_RATE: "min-rate",
    replies.QUEUE_FULL: "queue-messages",
    replies.DISK_FULL: "disk-reserve",
}

# That of a client that was too slow: what it was at.
_TIMES: Mapping[State, str] = {
    State.HANDSHAKE: "handshake-timeout",
    State.DATA: "message-timeout",
    State.CHUNKS: "message-timeout",
}


def limit_of(reply: Reply, state: State) -> str:
    """
    :param state: of the session before the reply.
    :return: empty if it is about none.
    """
    return _TIMES.get(state, "command-timeout") if reply == replies.TOO_SLOW else _LIMITS.get(reply, "")
