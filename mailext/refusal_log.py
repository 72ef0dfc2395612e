"""
The log event of a refusal, whatever the protocol: of each reply that is an
error, and of each connection that is not let in.
"""

from __future__ import annotations

from twisted.logger import Logger

from mailext.values import SessionView

__all__ = ["log_connection_refused", "log_refusal"]

_log = Logger()


def log_refusal(
    session: SessionView, *, command: str, code: int | str, enhanced: str, reason: str, limit: str
) -> None:
    """
    A client was given an error.

    :param session: whose it was.
    :param command: the command that it answers, by a name of ours; or what
        else is refused.
    :param code: as the protocol has it: a reply code of SMTP; NO, BAD or BYE
        of IMAP; -ERR of POP3.
    :param enhanced: an enhanced status code of SMTP, a response code of the
        others; empty without one.
    :param reason: the words of the reply.
    :param limit: the key of ``[limits]`` that was reached, empty if none.
    """
    _log.info(
        "refusal of {command} from {peer} on {listener}: {code} {enhanced} {reason!r} limit={limit}"
        " session={session} clientid={clientid}",
        event="refusal",
        command=command,
        code=code,
        enhanced=enhanced,
        reason=reason,
        limit=limit,
        listener=session.listener,
        peer=session.peer,
        session=session.id,
        clientid=session.clientid,
    )


def log_connection_refused(
    listener: str, peer: str, *, code: int | str, enhanced: str, reason: str, limit: str
) -> None:
    """A connection was closed at once, for there were as many as ``limit`` allows."""
    _log.info(
        "refusal of a connection from {peer} on {listener}: {code} {enhanced} {reason!r} limit={limit}",
        event="refusal",
        command="a connection",
        code=code,
        enhanced=enhanced,
        reason=reason,
        limit=limit,
        listener=listener,
        peer=peer,
        session="",
        clientid="",
    )
