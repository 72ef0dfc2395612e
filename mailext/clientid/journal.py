"""
The login's line in the log.

What the line tells of the client identity depends on the flags of its type
(C23); it is never the token, but the identity's keyed hash (C24).
"""

from __future__ import annotations

from traceback import format_exception

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from mailext.clientid.dispositions import Disposition, Dispositions
from mailext.interfaces import IIdentityRegistry
from mailext.values import ClientIdentity, LoginAttempt, LoginOutcome, SessionView

__all__ = ["LoginJournal", "log_trouble", "without_token"]

_log = Logger()


def without_token(text: str, identity: ClientIdentity | None) -> str:
    """
    A text by a third party that is to be logged, less the identity's token.

    :param identity: None leaves the text as it is.
    """
    # C24, draft-storey-smtp-client-id-13 section 9.
    if identity is None:
        return text
    quoted = repr(identity.token)[1:-1]
    return text.replace(identity.token, "[token]").replace(quoted, "[token]")


def log_trouble(trouble: Exception | Failure, what: str, session: SessionView) -> None:
    """
    Log an error of somebody's code, with its traceback less the token.

    :param what: what did not work.
    """
    error = trouble.value if isinstance(trouble, Failure) else trouble
    _log.error(
        "{what}: session={session}\n{traceback}",
        what=what,
        session=session.id,
        traceback=without_token("".join(format_exception(error)), session.identity),
    )


class LoginJournal:
    """
    Writes one structured event, ``event="login"``, for each attempt to log in.

    Its keys: ``outcome``, ``account`` (the account, or the user name as given
    while none is proved), ``mechanism``, ``listener``, ``peer``, ``session``,
    ``reason``, ``clientid`` (16 hexadecimal digits, or empty) and ``flags``,
    those of the identity's type; by ``user-log`` an observer finds what
    belongs into a user's own log. An alert makes it a warning.

    :param dispositions: the flags of every type; their defaults if not given.
    :param registry: who knows the keyed hash of an identity. Without one no
        line names an identity.
    """

    def __init__(
        self, dispositions: Dispositions | None = None, registry: IIdentityRegistry | None = None
    ) -> None:
        self._dispositions = dispositions or Dispositions()
        self._registry = registry

    def record(
        self, attempt: LoginAttempt, identity: ClientIdentity | None, outcome: LoginOutcome, reason: str
    ) -> None:
        """
        Write the line of one attempt.

        :param identity: what the client presented, whatever its disposition.
        :param reason: why it was refused; empty if it was not.
        """
        session = attempt.session
        flags = frozenset[Disposition]() if identity is None else self._dispositions.of(identity.type)
        if Disposition.DEBUG in flags:
            _log.debug(
                "client identity {clientid} session={session}",
                clientid=self._id(identity),
                session=session.id,
            )
        logged = self._dispositions.for_log(identity)
        _log.emit(
            _level(flags, outcome),
            "login of {account!r} by {mechanism} from {peer} on {listener}: {outcome} {reason!r}"
            " session={session} clientid={clientid}",
            event="login",
            outcome=outcome.value,
            account=session.avatar_id or attempt.username,
            mechanism=attempt.mechanism,
            listener=session.listener,
            peer=session.peer,
            session=session.id,
            reason=without_token(reason, identity),
            clientid=self._id(logged),
            flags=tuple(flag.value for flag in Disposition if logged and flag in flags),
        )

    def _id(self, identity: ClientIdentity | None) -> str:
        if identity is None or self._registry is None:
            return ""
        return self._registry.fingerprint(identity)


def _level(flags: frozenset[Disposition], outcome: LoginOutcome) -> LogLevel:
    alert = Disposition.ALERT_SUCCESS if outcome is LoginOutcome.SUCCESS else Disposition.ALERT_FAILURE
    level: LogLevel = LogLevel.warn if alert in flags else LogLevel.info
    return level
