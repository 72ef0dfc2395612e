"""What an operator, or the holder of an account, does with identities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import ColumnElement, Connection, delete, literal, select, tuple_, update
from twisted.internet.defer import Deferred

from mailext.storage.errors import StoreError
from mailext.storage.identity_keys import ID_DIGITS, IdentityKeys
from mailext.storage.identity_rows import begins_with, record_of, row_values
from mailext.storage.places import forget_places, places, places_of_account
from mailext.storage.revocations import add_revocation
from mailext.storage.schema import identity, identity_alert, identity_stranger, login
from mailext.storage.transactions import Transactions
from mailext.values import IdentityRecord, IdentityStatus, SeenPlace

__all__ = ["Forgotten", "HeldIdentity", "IdentityAdmin", "NoSuchIdentityError"]


class NoSuchIdentityError(StoreError):
    """The account has no such identity, or several that the id may mean."""


@dataclass(frozen=True, slots=True)
class HeldIdentity:
    """
    All that the registry holds of one identity of one account.

    :param hash: its whole keyed hash.
    :param places: where it was used.
    """

    hash: str
    record: IdentityRecord
    places: tuple[SeenPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was forgotten."""

    identities: int
    logins: int


class IdentityAdmin:
    """
    Identities are named by account and id: the first digits of the hash, as
    many as it takes to tell them apart.

    :param transactions: what runs its operations.
    :param keys: what the identities are hashed with.
    :param process: tells this process from others.
    """

    def __init__(self, transactions: Transactions, keys: IdentityKeys, process: str) -> None:
        self._transactions = transactions
        self._keys = keys
        self._process = process

    @property
    def key_names(self) -> tuple[str, ...]:
        """What tells whether an export's hashes are of use here: a name for each key, the newest first."""
        return self._keys.names

    def records(self, account: str | None, limit: int) -> Deferred[list[IdentityRecord]]:
        """
        :param account: whose identities; None for those of all accounts.
        :param limit: how many at most.
        :return: a Deferred of the records, by account and the first time seen.
        """
        return self._transactions.read(partial(_records, account=account, limit=limit))

    def page(self, after: tuple[str, str], limit: int) -> Deferred[list[IdentityRecord]]:
        """
        :param after: account and id of the last one that is known.
        :param limit: how many at most.
        :return: a Deferred of the records that follow, by account and id.
        """
        return self._transactions.read(partial(_page, after=after, limit=limit))

    def show(self, account: str, identity_id: str) -> Deferred[HeldIdentity]:
        """
        :return: a Deferred of the identity, with the places where it was used
            by whatever account; it fails with :class:`NoSuchIdentityError`.
        """
        return self._transactions.read(partial(_show, account=account, identity_id=identity_id))

    def label(self, account: str, identity_id: str, label: str) -> Deferred[IdentityRecord]:
        """
        Give an identity a name.

        :return: a Deferred of the changed record; it fails with
            :class:`NoSuchIdentityError`. So do the next two.
        """
        return self._change(account, identity_id, {"label": label})

    def approve(self, account: str, identity_id: str) -> Deferred[IdentityRecord]:
        """Take an identity on as one of the account's own. A revocation ends with it."""
        return self._change(
            account, identity_id, {"status": IdentityStatus.APPROVED.value, "revoked_until": None}
        )

    def revoke(self, account: str, identity_id: str, until: float | None) -> Deferred[IdentityRecord]:
        """
        Let an identity log in no more (C16). Other processes that share the
        registry learn of it (:mod:`mailext.storage.revocations`).

        :param until: wall clock, seconds since the epoch; then its status
            counts again. None: for good.
        """
        values: dict[str, object] = {"revoked_until": until}
        if until is None:
            values["status"] = IdentityStatus.REVOKED.value
        return self._transactions.write(
            partial(_revoke, account=account, identity_id=identity_id, values=values, process=self._process)
        )

    def forget(self, account: str, identity_id: str | None) -> Deferred[Forgotten]:
        """
        Forget an identity, or None: all that is held of the account's
        identities, its logins and the strangers that tried.

        :return: a Deferred of how much that was; it fails with
            :class:`NoSuchIdentityError`.
        """
        if identity_id is None:
            return self._transactions.write(partial(_forget_all, account=account))
        return self._transactions.write(partial(_forget, account=account, identity_id=identity_id))

    def held(self, account: str, identity_id: str | None) -> Deferred[list[HeldIdentity]]:
        """
        What is held of an account, to export it.

        :param identity_id: of one identity; None: of all.
        :return: a Deferred of it, with the places where this account used it;
            it fails with :class:`NoSuchIdentityError`.
        """
        return self._transactions.read(partial(_held, account=account, identity_id=identity_id))

    def add(self, held: Sequence[HeldIdentity]) -> Deferred[int]:
        """
        Take up what was exported. What is known already stays as it is.

        :return: a Deferred of how many were not known.
        """
        return self._transactions.write(partial(_add, held=held))

    def _change(self, account: str, identity_id: str, values: dict[str, object]) -> Deferred[IdentityRecord]:
        return self._transactions.write(
            partial(_change, account=account, identity_id=identity_id, values=values)
        )


def _records(connection: Connection, account: str | None, limit: int) -> list[IdentityRecord]:
    statement = select(identity).order_by(identity.c.account, identity.c.first_seen, identity.c.hash)
    if account is not None:
        statement = statement.where(identity.c.account == account)
    return [record_of(row) for row in connection.execute(statement.limit(limit)).mappings()]


def _page(connection: Connection, after: tuple[str, str], limit: int) -> list[IdentityRecord]:
    account, identity_id = after
    # Behind every hash that begins with the id.
    last = tuple_(literal(account), literal(identity_id + "g" if identity_id else ""))
    statement = select(identity).where(tuple_(identity.c.account, identity.c.hash) > last)
    statement = statement.order_by(identity.c.account, identity.c.hash).limit(limit)
    return [record_of(row) for row in connection.execute(statement).mappings()]


def _hash_of(connection: Connection, account: str, identity_id: str) -> str:
    named = identity.c.account == account, begins_with(identity_id)
    found = connection.scalars(select(identity.c.hash).where(*named).limit(2))
    hashes = found.all() if identity_id else []
    if not hashes:
        raise NoSuchIdentityError(f"{account} has no identity {identity_id}")
    if len(hashes) > 1:
        raise NoSuchIdentityError(f"{account} has several identities that begin with {identity_id}")
    return str(hashes[0])


def _is(account: str, identity_hash: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return identity.c.account == account, identity.c.hash == identity_hash


def _change(
    connection: Connection, account: str, identity_id: str, values: dict[str, object]
) -> IdentityRecord:
    mine = _is(account, _hash_of(connection, account, identity_id))
    connection.execute(update(identity).where(*mine).values(values))
    return record_of(connection.execute(select(identity).where(*mine)).mappings().one())


def _revoke(
    connection: Connection, account: str, identity_id: str, values: dict[str, object], process: str
) -> IdentityRecord:
    add_revocation(connection, account, process)
    return _change(connection, account, identity_id, values)


def _show(connection: Connection, account: str, identity_id: str) -> HeldIdentity:
    held = _held(connection, account, identity_id)[0]
    return replace(held, places=places(connection, [held.hash], 0.0))


def _held(connection: Connection, account: str, identity_id: str | None) -> list[HeldIdentity]:
    statement = (
        select(identity).where(identity.c.account == account).order_by(identity.c.first_seen, identity.c.hash)
    )
    if identity_id is not None:
        statement = statement.where(identity.c.hash == _hash_of(connection, account, identity_id))
    return [
        HeldIdentity(row["hash"], record_of(row), places_of_account(connection, row["hash"], account))
        for row in connection.execute(statement).mappings().all()
    ]


def _forget(connection: Connection, account: str, identity_id: str) -> Forgotten:
    identity_hash = _hash_of(connection, account, identity_id)
    connection.execute(delete(identity).where(*_is(account, identity_hash)))
    forget_places(connection, account, [identity_hash])
    identity_id = identity_hash[:ID_DIGITS]
    alerts = identity_alert.c.account == account, identity_alert.c.clientid == identity_id
    connection.execute(delete(identity_alert).where(*alerts))
    logins = login.c.account == account, login.c.clientid == identity_id
    return Forgotten(1, connection.execute(delete(login).where(*logins)).rowcount)


def _forget_all(connection: Connection, account: str) -> Forgotten:
    mine = identity.c.account == account
    forget_places(connection, account, connection.scalars(select(identity.c.hash).where(mine)).all())
    for table in (identity_alert, identity_stranger):
        connection.execute(delete(table).where(table.c.account == account))
    return Forgotten(
        identities=connection.execute(delete(identity).where(mine)).rowcount,
        logins=connection.execute(delete(login).where(login.c.account == account)).rowcount,
    )


def _add(connection: Connection, held: Sequence[HeldIdentity]) -> int:
    added = 0
    for each in held:
        known = select(identity.c.hash).where(*_is(each.record.account, each.hash))
        if connection.scalar(known) is None:
            connection.execute(identity.insert().values(hash=each.hash, **row_values(each.record)))
            added += 1
    return added
