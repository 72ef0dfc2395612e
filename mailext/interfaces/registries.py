"""What the server remembers of clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from mailext.values import (
    AttackMode,
    Circumstances,
    ClientIdentity,
    IdentityChurn,
    IdentityRecord,
    Licence,
    Place,
    SeenPlace,
    Tally,
)

__all__ = ["ICounterStore", "IIdentityRegistry", "ILicenceRegistry"]


class IIdentityRegistry(Interface):
    """
    What is known of the client identities of each account.

    Tokens are kept as a keyed hash alone (C24), apart from credentials (C22).
    It does not grow without bound: of each account a bounded number of
    identities is kept, for a bounded time; those that were approved or revoked
    stay. An account is named as an avatar id, or as
    :attr:`mailext.values.LoginAttempt.account`, spells it.

    What is changed at the same time may be done in any order; who needs an
    order waits for the first Deferred.
    """

    def fingerprint(identity: ClientIdentity) -> str:
        """:return: the first 16 hexadecimal digits of the identity's keyed hash: its id."""

    def find(account: str, identity: ClientIdentity) -> Deferred[IdentityRecord | None]:
        """:return: a Deferred of the :class:`~mailext.values.IdentityRecord`, or None."""

    def record(
        account: str,
        identity: ClientIdentity,
        when: float,
        circumstances: Circumstances = Circumstances(),  # noqa: B008 - it is frozen
    ) -> Deferred[None]:
        """
        Note that the account was used with this identity, or was tried to be.

        The login procedure (:class:`mailext.clientid.journal.LoginJournal`)
        calls this once for each attempt, whatever checkers there are: they
        have no need to.

        :param when: wall clock, seconds since the epoch.
        :param circumstances: how, a :class:`~mailext.values.Circumstances`; by
            default a login that succeeded. An identity that the account does
            not know is taken up only where the password was right; where it
            was not, it counts as churn.
        :return: a Deferred of None.
        """

    def enrol(account: str, identity: ClientIdentity, when: float, most: int) -> Deferred[None]:
        """
        Take the identity on as one of the account's own: ENROLLED, if it is
        OBSERVED or not known yet. What the user or the operator has decided
        stays.

        :param when: wall clock, seconds since the epoch.
        :param most: an account that has so many ENROLLED or APPROVED gets no
            further one, whoever asks for it at the same time.
        :return: a Deferred of None.
        """

    def holdForApproval(account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """
        Let the identity wait for the user or the operator: PENDING, if it is
        OBSERVED or not known yet; else nothing changes.

        :param when: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """

    def trustedCount(account: str) -> Deferred[int]:
        """
        :return: a Deferred of how many identities of the account are ENROLLED
            or APPROVED. One that is revoked until some time still counts.
        """

    def otherAccountsOf(account: str, identity: ClientIdentity, limit: int) -> Deferred[int]:
        """
        :param account: which one not to count.
        :param limit: where counting may stop.
        :return: a Deferred of how many other accounts have logged in with the
            identity (U2), at most ``limit``.
        """

    def placesOf(identity: ClientIdentity, since: float) -> Deferred[tuple[SeenPlace, ...]]:
        """
        Where the identity logged in from, whatever the account (U11).

        :param since: wall clock, seconds since the epoch.
        :return: a Deferred of :class:`~mailext.values.SeenPlace`, one for each
            network, the latest first; not more than 20.
        """

    def churn(account: str, place: Place, since: float) -> Deferred[IdentityChurn]:
        """
        :param place: a client's; its network counts.
        :param since: wall clock, seconds since the epoch.
        :return: a Deferred of the :class:`~mailext.values.IdentityChurn`. What
            is kept of strangers is bounded, and so is what this counts to.
        """


class ILicenceRegistry(Interface):
    """
    The identities that the operator has set up outside of any session (U4):
    licence keys. Tokens are kept as a keyed hash alone (C24).
    """

    def find(identity: ClientIdentity) -> Deferred[Licence | None]:
        """
        :return: a Deferred of the :class:`~mailext.values.Licence`, in force
            or not; None if it was never set up.
        """

    def used(identity: ClientIdentity, when: float) -> Deferred[None]:
        """
        Note that somebody logged in with it.

        :param when: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """


class ICounterStore(Interface):
    """
    Rates, concurrency and attack mode, over all processes and nodes.

    Counts are approximate in two ways that bound what they cost. A tally
    knows its window and the one before, as totals, and takes the older one to
    have come evenly; and of very many tallies those that were added to the
    longest ago are forgotten.
    """

    def add(tallies: Sequence[Tally]) -> Deferred[None]:
        """
        Count one more, now.

        :param tallies: each a :class:`~mailext.values.Tally`.
        :return: a Deferred of None.
        """

    def addMember(tally: Tally, member: str) -> Deferred[None]:
        """
        Count something that counts once, however often it is added. What a
        tally counts is always of this kind, or never.

        :param member: no token, nor a password.
        :return: a Deferred of None.
        """

    def counts(tallies: Sequence[Tally]) -> Deferred[tuple[int, ...]]:
        """
        :return: a Deferred of the count of each tally within its window; of
            members, 1000 at most.
        """

    def enter(names: Sequence[str], session: str) -> Deferred[None]:
        """
        A session takes one place under each name, until it leaves. What a
        process that has died left is no place any more.

        :param names: no token, nor a password.
        :param session: the id of the session.
        :return: a Deferred of None.
        """

    def leave(session: str) -> Deferred[None]:
        """
        Give back all places of a session, which may have none.

        :return: a Deferred of None.
        """

    def places(names: Sequence[str]) -> Deferred[tuple[int, ...]]:
        """:return: a Deferred of how many places are taken under each name."""

    def setAttackMode(scope: str, mode: AttackMode) -> Deferred[None]:
        """
        Set by hand whether logins are restricted.

        :param scope: as :mod:`mailext.clientid.attack` spells it.
        :param mode: AUTO takes back what was set before.
        :return: a Deferred of None.
        """

    def attackModes() -> Deferred[Mapping[str, AttackMode]]:
        """:return: a Deferred of what was set by hand, by scope."""

    def raiseAlarm(scope: str, until: float) -> Deferred[None]:
        """
        Restrict logins, where nothing was set by hand, for a while.

        :param until: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """

    def alarms() -> Deferred[Mapping[str, float]]:
        """:return: a Deferred of how long each scope's alarm lasts, of those that do; 1000 at most."""
