"""
What is kept of a login: its line in the log, and what the registry learns.

What the line tells of the client identity depends on the flags of its type
(C23); it is never the token, but the identity's keyed hash (C24).
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger, LogLevel

from mailext.clientid.dispositions import Disposition, Dispositions
from mailext.clientid.entries import LoginEntry, LoginSink
from mailext.interfaces import IIdentityRegistry
from mailext.judgement import log_trouble, without_token
from mailext.values import Circumstances, ClientIdentity, LoginAttempt, LoginOutcome

__all__ = ["LoginJournal"]

_log = Logger()


class LoginJournal:
    """
    Writes one structured event, ``event="login"``, for each attempt to log in.

    Its keys: ``outcome``, ``account`` (the account, or the user name as given
    while none is proved), ``mechanism``, ``listener``, ``peer``, ``session``,
    ``reason``, ``clientid`` (16 hexadecimal digits, or empty) and ``flags``,
    those of the identity's type. An alert makes it a warning.

    The registry is told of each identity whose type is not to be disregarded,
    and each attempt is handed to the sinks as an entry.

    :param dispositions: the flags of every type; their defaults if not given.
    :param registry: who knows the keyed hash of an identity, and what became
        of each. Without one no line names an identity, and none is kept.
    :param sinks: what takes the entries.
    """

    def __init__(
        self,
        dispositions: Dispositions | None = None,
        registry: IIdentityRegistry | None = None,
        sinks: Sequence[LoginSink] = (),
    ) -> None:
        self._dispositions = dispositions or Dispositions()
        self._registry = registry
        self._sinks = tuple(sinks)

    def record(
        self,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        outcome: LoginOutcome,
        reason: str,
        when: float,
    ) -> None:
        """
        Write the line of one attempt, and tell the registry and the sinks.

        :param attempt: with its session's ``avatar_id`` if the password was
            right.
        :param identity: what the client presented, whatever its disposition.
        :param reason: why it was refused; empty if it was not.
        :param when: wall clock, seconds since the epoch.
        """
        # C23: what is ignored, or for debugging alone, is not kept.
        kept = self._dispositions.for_registry(identity)
        flags = frozenset[Disposition]() if identity is None else self._dispositions.of(identity.type)
        entry = self._entry(attempt, kept, outcome, without_token(reason, identity), when)
        self._write(attempt, identity, entry, flags)
        session = attempt.session
        # The registry first: it sees to it that a device whose key has rotated
        # is none that nobody was told of.
        if kept is not None and self._registry is not None:
            circumstances = Circumstances(outcome, session.protocol, attempt.place, entry.proved)
            maybeDeferred(self._registry.record, entry.account, kept, when, circumstances).addErrback(
                log_trouble, "an identity could not be recorded", session
            )
        for sink in self._sinks:
            maybeDeferred(sink.take, entry).addErrback(log_trouble, "a login could not be kept", session)

    def name_of(self, identity: ClientIdentity | None) -> str:
        """
        What logs call an identity: its keyed hash, or nothing where its type's
        flags keep it out of them.
        """
        return self._id(self._dispositions.for_log(identity))

    def _entry(
        self,
        attempt: LoginAttempt,
        kept: ClientIdentity | None,
        outcome: LoginOutcome,
        reason: str,
        when: float,
    ) -> LoginEntry:
        session = attempt.session
        flags = frozenset[Disposition]() if kept is None else self._dispositions.of(kept.type)
        return LoginEntry(
            time=when,
            account=session.avatar_id or attempt.account,
            proved=session.avatar_id is not None,
            outcome=outcome,
            reason=reason,
            protocol=session.protocol,
            listener=session.listener,
            mechanism=attempt.mechanism,
            place=attempt.place,
            type="" if kept is None else kept.type,
            clientid=self._id(kept),
            authenticate=Disposition.AUTHENTICATE in flags,
            # To its holder a second mechanism with the same password is no news.
            user_log=Disposition.USER_LOG in flags and not attempt.repeated,
            alert=_alert(outcome) in flags,
            repeated=attempt.repeated,
        )

    def _write(
        self,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        entry: LoginEntry,
        flags: frozenset[Disposition],
    ) -> None:
        session = attempt.session
        if Disposition.DEBUG in flags:
            _log.debug(
                "client identity {clientid} session={session}",
                clientid=self._id(identity),
                session=session.id,
            )
        named = self._dispositions.for_log(identity) is not None
        _log.emit(
            LogLevel.warn if entry.alert else LogLevel.info,
            "login of {account!r} by {mechanism} from {peer} on {listener}: {outcome}"
            " session={session} clientid={clientid} reason={reason!r}",
            event="login",
            outcome=entry.outcome.value,
            account=session.avatar_id or attempt.username,
            mechanism=attempt.mechanism,
            listener=session.listener,
            peer=session.peer,
            session=session.id,
            reason=entry.reason,
            clientid=self.name_of(identity),
            flags=tuple(flag.value for flag in Disposition if named and flag in flags),
        )

    def _id(self, identity: ClientIdentity | None) -> str:
        if identity is None or self._registry is None:
            return ""
        return self._registry.fingerprint(identity)


def _alert(outcome: LoginOutcome) -> Disposition:
    return Disposition.ALERT_SUCCESS if outcome is LoginOutcome.SUCCESS else Disposition.ALERT_FAILURE
