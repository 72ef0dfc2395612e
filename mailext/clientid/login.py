"""
The whole procedure of a login, whatever protocol asks for it.

In its order: the checkers judge the attempt; the portal has the password
looked at; the checkers judge the account; the site's realm makes the avatar;
every checker that took part hears of the outcome, once. Nothing that happens
after the password was found right looks different from a wrong password, or
the difference would tell that it was right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from mailext.clientid.binding import AnyPortal, log_in
from mailext.clientid.decisions import name_of
from mailext.clientid.hearing import Hearing
from mailext.clientid.journal import LoginJournal
from mailext.clientid.result import Login, LoginRefusedError, LoginUnavailableError, RejectAt
from mailext.interfaces import IClientIdentityChecker
from mailext.judgement import log_trouble
from mailext.values import ClientIdentity, LoginAttempt, LoginOutcome, SessionView

__all__ = [
    "AnyLoginJudge",
    "AnyPortal",
    "Login",
    "LoginJudge",
    "LoginRefusedError",
    "LoginUnavailableError",
    "RejectAt",
]

# The longest address (RFC 5321 section 4.5.3.1): no account's name is longer.
_LONGEST_NAME = 320


class AnyLoginJudge(Protocol):
    """Who judges logins, here or in another process: see :class:`LoginJudge`."""

    def login(
        self,
        portal: AnyPortal,
        credentials: ICredentials,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        *interfaces: type[Interface],
    ) -> Deferred[Login]: ...

    def name_of(self, identity: ClientIdentity | None) -> str: ...

    def session_ended(self, session: SessionView) -> None: ...


class LoginJudge:
    """
    Lets clients log in, under the eyes of the identity checkers.

    :param checkers: asked in this order; the first refusal wins.
    :param timeout: for how many seconds one answer may keep a login waiting.
    :param reject_at: which command a refused identity makes fail. IMAP and
        POP3 know the login alone.
    :param journal: who writes the login's line in the log, and into the
        registry.
    :param completed: adds to an attempt what the site knows of it: the account
        that is meant, and where the client is.
    """

    def __init__(
        self,
        checkers: Sequence[IClientIdentityChecker],
        clock: IReactorTime,
        timeout: float,
        reject_at: RejectAt = RejectAt.AUTH,
        journal: LoginJournal | None = None,
        *,
        completed: Callable[[LoginAttempt], LoginAttempt] | None = None,
    ) -> None:
        self._checkers = tuple(checkers)
        self._clock = clock
        self._timeout = timeout
        self._reject_at = reject_at
        self._journal = journal or LoginJournal()
        self._completed = completed or _as_it_is
        # Sessions with a login under way, and those of them that have ended.
        self._under_way: dict[str, SessionView | None] = {}

    def login(
        self,
        portal: AnyPortal,
        credentials: ICredentials,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        *interfaces: type[Interface],
    ) -> Deferred[Login]:
        """
        Try to log in.

        :param portal: a :class:`twisted.cred.portal.Portal`, or something
            like it. It is not changed. One without a ``realm`` does not tell
            who logged in, so that ``checkLogin`` cannot be asked.
        :param credentials: what the SASL mechanism made. Credentials checkers
            find the client's identity by
            :class:`~mailext.interfaces.IClientIdentified`.
        :param attempt: its session holds the identity after its disposition,
            the one that is judged.
        :param identity: what the client presented, whatever its disposition;
            for the journal.
        :param interfaces: those of which the avatar shall provide one.
        :return: a Deferred of a :class:`Login`. It fails with
            :class:`LoginRefusedError` or :class:`LoginUnavailableError`. It
            has fired already if nobody had to be waited for. It is not to be
            cancelled: a client that has left by then is logged out.
        """
        return Deferred.fromCoroutine(self._login(portal, credentials, attempt, identity, interfaces))

    def name_of(self, identity: ClientIdentity | None) -> str:
        """What logs call an identity; see :meth:`LoginJournal.name_of`."""
        return self._journal.name_of(identity)

    def session_ended(self, session: SessionView) -> None:
        """
        Tell every checker that the connection is gone: at once, or behind the
        outcome of a login that is still under way.
        """
        if session.id in self._under_way:
            self._under_way[session.id] = session
            return
        for checker in self._checkers:
            maybeDeferred(checker.sessionEnded, session).addErrback(
                log_trouble, f"{name_of(checker)} failed at the end of the session", session
            )

    async def _login(
        self,
        portal: AnyPortal,
        credentials: ICredentials,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        interfaces: tuple[type[Interface], ...],
    ) -> Login:
        self._under_way[attempt.session.id] = None
        try:
            completed = self._completed(_bounded(attempt))
            return await self._judged(portal, credentials, completed, identity, interfaces)
        finally:
            ended = self._under_way.pop(attempt.session.id)
            if ended is not None:
                self.session_ended(ended)

    async def _judged(
        self,
        portal: AnyPortal,
        credentials: ICredentials,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        interfaces: tuple[type[Interface], ...],
    ) -> Login:
        hearing = Hearing(self._checkers, attempt, self._clock, self._timeout, self._reject_at)
        try:
            await hearing.before_password()
            login = await log_in(hearing, portal, credentials, interfaces)
        except (LoginRefusedError, LoginUnavailableError) as error:
            if hearing.avatar_id is not None:
                attempt = _proved(attempt, hearing.avatar_id)
            self._settle(hearing, attempt, identity, error.outcome, error.reason)
            raise
        attempt = _proved(attempt, login.avatar_id)
        if login.refusal is None:
            self._settle(hearing, attempt, identity, LoginOutcome.SUCCESS, "")
        else:
            self._settle(hearing, attempt, identity, LoginOutcome.REFUSED, login.refusal.reason)
        return login

    def _settle(
        self,
        hearing: Hearing,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        outcome: LoginOutcome,
        reason: str,
    ) -> None:
        hearing.close(attempt, outcome)
        self._journal.record(attempt, identity, outcome, reason, self._clock.seconds())


def _bounded(attempt: LoginAttempt) -> LoginAttempt:
    """
    The attempt with a name that can be counted and kept of each: a longer one
    than any account has is cut, and told from others by its hash.
    """
    name = attempt.username
    if len(name) <= _LONGEST_NAME:
        return attempt
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return replace(attempt, username=name[: _LONGEST_NAME - len(digest)] + digest, account="")


def _as_it_is(attempt: LoginAttempt) -> LoginAttempt:
    return attempt


def _proved(attempt: LoginAttempt, avatar_id: str) -> LoginAttempt:
    return replace(attempt, session=replace(attempt.session, avatar_id=avatar_id))
