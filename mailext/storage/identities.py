"""What is known of the client identities of each account."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, RowMapping, select, update
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IIdentityRegistry
from mailext.storage.identity_keys import IdentityKeys
from mailext.storage.schema import identity
from mailext.storage.transactions import Transactions
from mailext.values import ClientIdentity, IdentityRecord

__all__ = ["SqlIdentityRegistry"]

_ID_DIGITS = 16

# Nobody has judged it yet.
_OBSERVED = "observed"


@implementer(IIdentityRegistry)
class SqlIdentityRegistry:
    """
    The registry in a database. An identity that is recorded again and is known
    under an old key's hash gets the newest key's.

    :param transactions: what runs its operations.
    :param keys: hash the identities; tokens are not kept.
    """

    def __init__(self, transactions: Transactions, keys: IdentityKeys) -> None:
        self._transactions = transactions
        self._keys = keys

    def fingerprint(self, identity: ClientIdentity) -> str:
        """See :meth:`mailext.interfaces.IIdentityRegistry.fingerprint`."""
        return self._keys.hashes(identity)[0][:_ID_DIGITS]

    def find(self, account: str, identity: ClientIdentity) -> Deferred[IdentityRecord | None]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.find`."""
        return self._transactions.read(partial(_find, account=account, hashes=self._keys.hashes(identity)))

    def record(self, account: str, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IIdentityRegistry.record`."""
        return self._transactions.write(
            partial(
                _record,
                account=account,
                hashes=self._keys.hashes(identity),
                identity_type=identity.type,
                when=when,
            )
        )

    def records(self, account: str | None = None) -> Deferred[list[IdentityRecord]]:
        """
        :param account: whose identities; None for those of all accounts.
        :return: a Deferred of the records, by account and the first time seen.
        """
        return self._transactions.read(partial(_records, account=account))


def _find(connection: Connection, account: str, hashes: tuple[str, ...]) -> IdentityRecord | None:
    row = _find_row(connection, account, hashes)
    return None if row is None else _record_of(row)


def _record(
    connection: Connection, account: str, hashes: tuple[str, ...], identity_type: str, when: float
) -> None:
    known = _find_row(connection, account, hashes)
    if known is None:
        connection.execute(
            identity.insert().values(
                account=account,
                hash=hashes[0],
                type=identity_type,
                label="",
                status=_OBSERVED,
                first_seen=when,
                last_seen=when,
                count=1,
            )
        )
    else:
        connection.execute(
            update(identity)
            .where(identity.c.account == account, identity.c.hash == known["hash"])
            .values(hash=hashes[0], last_seen=when, count=identity.c.count + 1)
        )


def _records(connection: Connection, account: str | None) -> list[IdentityRecord]:
    statement = select(identity).order_by(identity.c.account, identity.c.first_seen, identity.c.hash)
    if account is not None:
        statement = statement.where(identity.c.account == account)
    return [_record_of(row) for row in connection.execute(statement).mappings()]


def _find_row(connection: Connection, account: str, hashes: tuple[str, ...]) -> RowMapping | None:
    found = connection.execute(
        select(identity).where(identity.c.account == account, identity.c.hash.in_(hashes))
    ).mappings()
    # Under several keys only if an old key was put back: the newest counts.
    return min(found, key=lambda row: hashes.index(row["hash"]), default=None)


def _record_of(row: RowMapping) -> IdentityRecord:
    return IdentityRecord(
        id=row["hash"][:_ID_DIGITS],
        account=row["account"],
        type=row["type"],
        label=row["label"],
        status=row["status"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        count=row["count"],
    )
