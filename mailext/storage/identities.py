"""What is known of the client identities of each account."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IIdentityRegistry
from mailext.storage import identity_rows, places, strangers
from mailext.storage.at_hand import AnswersAtHand
from mailext.storage.identity_keys import ID_DIGITS, IdentityKeys
from mailext.storage.identity_rows import Known
from mailext.storage.registry_limits import RegistryLimits
from mailext.storage.transactions import Transactions
from mailext.values import (
    Circumstances,
    ClientIdentity,
    IdentityChurn,
    IdentityRecord,
    IdentityStatus,
    LoginOutcome,
    Place,
    SeenPlace,
)

__all__ = ["SqlIdentityRegistry"]


@implementer(IIdentityRegistry)
class SqlIdentityRegistry:
    """
    The registry in a database. An identity that is recorded again and is known
    under an old key's hash gets the newest key's.

    :param transactions: what runs its operations.
    :param keys: hash the identities; tokens are not kept.
    :param limits: how much is kept.
    """

    def __init__(
        self, transactions: Transactions, keys: IdentityKeys, limits: RegistryLimits | None = None
    ) -> None:
        self._transactions = transactions
        self._keys = keys
        self._limits = limits or RegistryLimits()
        self._found: AnswersAtHand[tuple[str, tuple[str, ...]], IdentityRecord | None] = AnswersAtHand()

    def configure(self, limits: RegistryLimits) -> None:
        """Keep so much from now on."""
        self._limits = limits

    def fingerprint(self, identity: ClientIdentity) -> str:
        """See :meth:`mailext.interfaces.IIdentityRegistry.fingerprint`."""
        return self._keys.hashes(identity)[0][:ID_DIGITS]

    def find(self, account: str, identity: ClientIdentity) -> Deferred[IdentityRecord | None]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.find`."""
        hashes = self._keys.hashes(identity)
        find = partial(identity_rows.find, account=account, hashes=hashes)
        return self._found.ask((account, hashes), partial(self._transactions.read, find))

    def record(
        self,
        account: str,
        identity: ClientIdentity,
        when: float,
        circumstances: Circumstances = Circumstances(),  # noqa: B008 - it is frozen
    ) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.record`."""
        room = self._limits.per_account
        known = self._known(account, identity)
        return self._transactions.write(
            partial(_record, known=known, when=when, circumstances=circumstances, room=room)
        )

    def enrol(self, account: str, identity: ClientIdentity, when: float, most: int) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.enrol`."""
        known, room = self._known(account, identity), self._limits.per_account
        return self._transactions.write(partial(_enrol, known=known, when=when, most=most, room=room))

    def holdForApproval(self, account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.holdForApproval`."""
        known, room = self._known(account, identity), self._limits.per_account
        return self._transactions.write(partial(_hold, known=known, when=when, room=room))

    def trustedCount(self, account: str) -> Deferred[int]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.trustedCount`."""
        return self._transactions.read(partial(identity_rows.count_trusted, account=account))

    def otherAccountsOf(self, account: str, identity: ClientIdentity, limit: int) -> Deferred[int]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.otherAccountsOf`."""
        hashes = self._keys.hashes(identity)
        return self._transactions.read(
            partial(identity_rows.count_other_accounts, account=account, hashes=hashes, limit=limit)
        )

    def placesOf(self, identity: ClientIdentity, since: float) -> Deferred[tuple[SeenPlace, ...]]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.placesOf`."""
        hashes = self._keys.hashes(identity)
        return self._transactions.read(partial(places.places, hashes=hashes, since=since))

    def churn(self, account: str, place: Place, since: float) -> Deferred[IdentityChurn]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.churn`."""
        return self._transactions.read(
            partial(strangers.churn, account=account, network=place.network, since=since)
        )

    def _known(self, account: str, identity: ClientIdentity) -> Known:
        return Known(account, self._keys.hashes(identity), identity.type)


def _record(
    connection: Connection, known: Known, when: float, circumstances: Circumstances, room: int
) -> None:
    place = circumstances.place
    if not identity_rows.record_use(connection, known, when, circumstances):
        if not circumstances.proved:
            network = place.network if place is not None else ""
            strangers.add_stranger(connection, known.account, known.hashes[0], network, when)
            return
        welcome = circumstances.outcome is LoginOutcome.SUCCESS
        if identity_rows.put_in(connection, known, when, IdentityStatus.OBSERVED, room, welcome=welcome):
            identity_rows.record_use(connection, known, when, circumstances)
    if place is not None and circumstances.outcome is LoginOutcome.SUCCESS:
        places.add_place(connection, known.hashes[0], known.account, place, when)


def _enrol(connection: Connection, known: Known, when: float, most: int, room: int) -> None:
    if identity_rows.count_trusted(connection, known.account) >= most:
        return
    if not identity_rows.set_status_of_new(connection, known, IdentityStatus.ENROLLED):
        identity_rows.put_in(connection, known, when, IdentityStatus.ENROLLED, room, welcome=True)


def _hold(connection: Connection, known: Known, when: float, room: int) -> None:
    if not identity_rows.set_status_of_new(connection, known, IdentityStatus.PENDING):
        identity_rows.put_in(connection, known, when, IdentityStatus.PENDING, room, welcome=False)
