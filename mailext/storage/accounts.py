"""The accounts: addresses and the hashes of their passwords."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred

from mailext.storage.errors import StoreError
from mailext.storage.prepared import Row
from mailext.storage.schema import account
from mailext.storage.transactions import Transactions

__all__ = ["AccountExistsError", "SqlAccountStore"]


class AccountExistsError(StoreError):
    """There is an account of this address."""


class SqlAccountStore:
    """
    The accounts of the built-in store, by their addresses as keys: the caller
    brings them to one form first.

    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def add(self, address: str, password_hash: str, scram_verifier: str | None = None) -> Deferred[None]:
        """
        :param scram_verifier: in the form of RFC 5803; None: the account does
            not log in by SCRAM.
        :return: a Deferred of None; it fails with :class:`AccountExistsError`
            if there is an account of this address.
        """
        return self._transactions.write(
            partial(_add, address=address, password_hash=password_hash, scram_verifier=scram_verifier)
        )

    def set_password_hash(
        self, address: str, password_hash: str, scram_verifier: str | None = None
    ) -> Deferred[bool]:
        """
        Parameters are those of :meth:`add`.

        :return: a Deferred of whether there is such an account.
        """
        values = {"password_hash": password_hash, "scram_verifier": scram_verifier}
        return self._transactions.write(partial(_set_password, address=address, values=values))

    def scram_verifiers(self) -> Deferred[dict[str, str]]:
        """:return: a Deferred of the verifiers of those accounts that have one, by address."""
        return self._transactions.read(_scram_verifiers)

    def remove(self, address: str) -> Deferred[bool]:
        """:return: a Deferred of whether there was such an account."""
        return self._transactions.write(partial(_remove, address=address))

    def addresses(self) -> Deferred[list[str]]:
        """:return: a Deferred of the addresses of all accounts, the oldest account first."""
        return self._transactions.read(_addresses)

    def get_hash(self, address: str) -> Deferred[str | None]:
        """:return: a Deferred of the account's hash, None if there is no such account."""
        return self._transactions.read(partial(_get_hash, address=address))


def _add(connection: Connection, address: str, password_hash: str, scram_verifier: str | None) -> None:
    row = {"address": address, "password_hash": password_hash, "scram_verifier": scram_verifier}
    try:
        connection.execute(account.insert(), row)
    except IntegrityError:
        raise AccountExistsError(f"there is an account {address}") from None


def _set_password(connection: Connection, address: str, values: Row) -> bool:
    statement = update(account).where(account.c.address == address).values(values)
    return connection.execute(statement).rowcount == 1


def _scram_verifiers(connection: Connection) -> dict[str, str]:
    chosen = account.c.scram_verifier.is_not(None)
    rows = connection.execute(select(account.c.address, account.c.scram_verifier).where(chosen))
    return {address: str(verifier) for address, verifier in rows}


def _remove(connection: Connection, address: str) -> bool:
    return connection.execute(account.delete().where(account.c.address == address)).rowcount == 1


def _addresses(connection: Connection) -> list[str]:
    return list(connection.scalars(select(account.c.address).order_by(account.c.number)))


def _get_hash(connection: Connection, address: str) -> str | None:
    return connection.scalar(select(account.c.password_hash).where(account.c.address == address))
