"""Who judges the identity of a client."""

from __future__ import annotations

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from mailext.values import ClientIdentity, LoginAttempt, LoginOutcome, SessionView, Verdict

__all__ = ["IClientIdentified", "IClientIdentityChecker"]


class IClientIdentityChecker(Interface):
    """Decides what a client's identity is worth when it logs in."""

    identityTypes: frozenset[str] = Attribute(
        "frozenset[str]: the identity types it judges, upper case. Empty: all of them, and the "
        "absence of an identity."
    )

    def checkAttempt(attempt: LoginAttempt) -> Verdict | Deferred[Verdict]:
        """
        Judge an attempt before the password is looked at. No side effects.

        :param attempt: a :class:`~mailext.values.LoginAttempt`.
        :return: a :class:`~mailext.values.Verdict` or a Deferred of one.
        """

    def checkLogin(attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """
        Judge an attempt whose password was right. No side effects.

        :param avatarId: what the credentials checker returned.
        :return: a :class:`~mailext.values.Verdict` or a Deferred of one. A
            refusal is told to the client exactly as a wrong password is.
        """

    def settled(attempt: LoginAttempt, outcome: LoginOutcome) -> object:
        """
        All verdicts are folded: the one place where anything is recorded.

        :param attempt: the same attempt; if the password was right its
            session's ``avatar_id`` says whose, even if the login was refused
            then.
        :param outcome: a :class:`~mailext.values.LoginOutcome`.
        :return: ignored; a Deferred is not waited for.
        """

    def sessionEnded(session: SessionView) -> None:
        """
        The connection is gone.

        :param session: the :class:`~mailext.values.SessionView` at its end.
        """


class IClientIdentified(ICredentials):
    """
    Credentials that tell a credentials checker what the client said of itself
    (U8, draft-storey-smtp-client-id-13 section 6.3).

    Every credentials object that mailext passes to a portal provides this
    beside its own interface.
    """

    clientIdentity: ClientIdentity | None = Attribute("A ClientIdentity, or None.")
    session: SessionView = Attribute("The SessionView at the time of the login.")
