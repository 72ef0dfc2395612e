"""The identities that the operator has set up: licence keys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial, reduce

from sqlalchemy import Connection, RowMapping, delete, func, select, update
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import ILicenceRegistry
from mailext.storage.errors import StoreError
from mailext.storage.identity_keys import IdentityKeys
from mailext.storage.schema import licence
from mailext.storage.transactions import Transactions
from mailext.values import ClientIdentity, Licence

__all__ = ["LicenceExistsError", "SqlLicenceRegistry"]

_ID_DIGITS = 16


class LicenceExistsError(StoreError):
    """This identity was set up before."""


@implementer(ILicenceRegistry)
class SqlLicenceRegistry:
    """
    The licences in a database. One that is used and is known under an old
    key's hash gets the newest key's.

    :param transactions: what runs its operations.
    :param keys: hash the identities; tokens are not kept.
    """

    def __init__(self, transactions: Transactions, keys: IdentityKeys) -> None:
        self._transactions = transactions
        self._keys = keys

    def find(self, identity: ClientIdentity) -> Deferred[Licence | None]:
        """See :meth:`mailext.interfaces.ILicenceRegistry.find`."""
        return self._transactions.read(partial(_find, hashes=self._keys.hashes(identity)))

    def used(self, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ILicenceRegistry.used`."""
        return self._transactions.write(partial(_used, hashes=self._keys.hashes(identity), when=when))

    def add(
        self,
        identity: ClientIdentity,
        *,
        account: str | None,
        label: str,
        valid_from: float,
        valid_until: float | None,
    ) -> Deferred[Licence]:
        """
        Set up a licence.

        :param account: a canonical address; None: it is good for any account.
        :param valid_from: wall clock, seconds since the epoch; so is
            ``valid_until``, None for ever.
        :return: a Deferred of it; it fails with :class:`LicenceExistsError` if
            there is one of this identity, revoked or not.
        """
        hashes = self._keys.hashes(identity)
        made = Licence(hashes[0][:_ID_DIGITS], identity.type, account, label, valid_from, valid_until)
        return self._transactions.write(partial(_add, hashes=hashes, made=made))

    def revoke(self, licence_id: str) -> Deferred[Licence | None]:
        """:return: a Deferred of the licence, which is no good any more; None if there is none."""
        return self._transactions.write(partial(_revoke, licence_id=licence_id))

    def licences(self) -> Deferred[list[Licence]]:
        """:return: a Deferred of all licences, the oldest first."""
        return self._transactions.read(_licences)


def _find(connection: Connection, hashes: tuple[str, ...]) -> Licence | None:
    # Of processes that share the registry, each had set it up under its own key.
    known = select(licence).where(licence.c.hash.in_(hashes)).order_by(licence.c.number)
    rows = connection.execute(known).mappings().all()
    return reduce(_as_one, map(_licence_of, rows)) if rows else None


def _as_one(one: Licence, other: Licence) -> Licence:
    """What two rows say together; see :mod:`mailext.storage.merging`."""
    ends = [each.valid_until for each in (one, other) if each.valid_until is not None]
    return replace(
        one,
        valid_from=max(one.valid_from, other.valid_from),
        valid_until=min(ends, default=None),
        revoked=one.revoked or other.revoked,
    )


def _used(connection: Connection, hashes: tuple[str, ...], when: float) -> None:
    known = _find(connection, hashes)
    if known is None:
        return
    mine = select(licence.c.number).where(licence.c.hash.in_(hashes)).order_by(licence.c.number)
    first, *others = connection.scalars(mine).all()
    connection.execute(delete(licence).where(licence.c.number.in_(others)))
    connection.execute(
        update(licence)
        .where(licence.c.number == first)
        .values(
            hash=hashes[0],
            valid_from=known.valid_from,
            valid_until=known.valid_until,
            revoked=known.revoked,
            last_used=when,
        )
    )


def _add(connection: Connection, hashes: tuple[str, ...], made: Licence) -> Licence:
    if _find(connection, hashes) is not None:
        raise LicenceExistsError("this identity was set up before")
    connection.execute(
        licence.insert().values(
            hash=hashes[0],
            type=made.type,
            account=made.account,
            label=made.label,
            valid_from=made.valid_from,
            valid_until=made.valid_until,
            revoked=made.revoked,
        )
    )
    return made


def _revoke(connection: Connection, licence_id: str) -> Licence | None:
    # Of the whole id: what begins like it may be another one.
    named = func.substr(licence.c.hash, 1, _ID_DIGITS) == licence_id
    connection.execute(update(licence).where(named).values(revoked=True))
    row = connection.execute(select(licence).where(named)).mappings().one_or_none()
    return None if row is None else _licence_of(row)


def _licences(connection: Connection) -> list[Licence]:
    rows = connection.execute(select(licence).order_by(licence.c.number)).mappings()
    return [_licence_of(row) for row in rows]


def _licence_of(row: RowMapping) -> Licence:
    return Licence(
        id=row["hash"][:_ID_DIGITS],
        type=row["type"],
        account=row["account"],
        label=row["label"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        revoked=row["revoked"],
        last_used=row["last_used"],
    )
