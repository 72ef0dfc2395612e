"""App passwords, and the devices that some of them are bound to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred

from mailext.judgement import log_trouble
from mailext.storage.errors import StoreError
from mailext.storage.identity_keys import ID_DIGITS, IdentityKeys
from mailext.storage.prepared import Row
from mailext.storage.schema import app_password, app_password_device
from mailext.storage.transactions import Transactions
from mailext.values import ClientIdentity

__all__ = ["AppPassword", "AppPasswordExistsError", "Binding", "SqlAppPasswords"]

# It is enough to know the hour of the latest use.
_HOUR = 3600.0


class AppPasswordExistsError(StoreError):
    """The account has an app password of this name."""


@dataclass(frozen=True, slots=True)
class Binding:
    """
    That a password is good for one device alone.

    :param hash: the device's keyed hash; None: the first one that uses it.
    """

    hash: str | None = None


@dataclass(frozen=True, slots=True)
class AppPassword:
    """
    An app password, without itself.

    :param bound: whether it is good for one device alone.
    :param device: the id of that device; empty while there is none.
    :param created: wall clock, seconds since the epoch; so is ``last_used``.
    :param last_used: to the hour; None: never.
    """

    account: str
    name: str
    bound: bool
    device: str
    created: float
    last_used: float | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be done about a password that was found."""

    admitted: bool
    name: str = ""
    bind: bool = False
    note_use: bool = False


class SqlAppPasswords:
    """
    :param transactions: what runs its operations.
    :param keys: hash the identities.
    """

    def __init__(self, transactions: Transactions, keys: IdentityKeys) -> None:
        self._transactions = transactions
        self._keys = keys

    def add(
        self, account: str, name: str, digest: str, binding: Binding | None, created: float
    ) -> Deferred[None]:
        """
        :param digest: of the password, which is not kept.
        :return: a Deferred of None; it fails with
            :class:`AppPasswordExistsError`.
        """
        row = {
            "account": account,
            "name": name,
            "digest": digest,
            "bound": binding is not None,
            "created": created,
        }
        device = binding.hash if binding is not None else None
        return self._transactions.write(partial(_add, row=row, device=device))

    def of_account(self, account: str) -> Deferred[list[AppPassword]]:
        """:return: a Deferred of the account's app passwords, the oldest first."""
        return self._transactions.read(partial(_of_account, account=account))

    def revoke(self, account: str, name: str | None) -> Deferred[int]:
        """
        :param name: of one; None: all of them.
        :return: a Deferred of how many there were.
        """
        return self._transactions.write(partial(_revoke, account=account, name=name))

    def admits(
        self, account: str, digest: str, identity: ClientIdentity | None, when: float
    ) -> Deferred[bool]:
        """See :meth:`mailext.accounts.app_passwords.AppPasswordSource.admits`."""
        hashes = self._keys.hashes(identity) if identity is not None else ()
        return Deferred.fromCoroutine(self._admits(account, digest, hashes, when))

    async def _admits(self, account: str, digest: str, hashes: tuple[str, ...], when: float) -> bool:
        found = await self._transactions.read(
            partial(_find, account=account, digest=digest, hashes=hashes, when=when)
        )
        if found.bind:
            bind = partial(_bind, account=account, name=found.name, hashes=hashes)
            if not await self._transactions.write(bind):
                return False
        if found.note_use:
            noted = self._transactions.write(partial(_note, account=account, name=found.name, when=when))
            noted.addErrback(log_trouble, "the use of an app password could not be noted", None)
        return found.admitted


def _add(connection: Connection, row: Row, device: str | None) -> None:
    account, name = row["account"], row["name"]
    try:
        connection.execute(app_password.insert(), row)
    except IntegrityError:
        raise AppPasswordExistsError(f"{account} has an app password {name!r}") from None
    if device is not None:
        connection.execute(app_password_device.insert(), {"account": account, "name": name, "hash": device})


_WITH_DEVICE = select(app_password, app_password_device.c.hash).join_from(
    app_password,
    app_password_device,
    (app_password.c.account == app_password_device.c.account)
    & (app_password.c.name == app_password_device.c.name),
    isouter=True,
)


def _of_account(connection: Connection, account: str) -> list[AppPassword]:
    statement = _WITH_DEVICE.where(app_password.c.account == account)
    rows = connection.execute(statement.order_by(app_password.c.created, app_password.c.name)).mappings()
    return [
        AppPassword(
            account=row["account"],
            name=row["name"],
            bound=row["bound"],
            device=(row["hash"] or "")[:ID_DIGITS],
            created=row["created"],
            last_used=row["last_used"],
        )
        for row in rows
    ]


def _find(connection: Connection, account: str, digest: str, hashes: tuple[str, ...], when: float) -> _Found:
    statement = _WITH_DEVICE.where(app_password.c.account == account, app_password.c.digest == digest)
    row = connection.execute(statement).mappings().first()
    if row is None or (row["bound"] and not hashes):
        return _Found(admitted=False)
    if row["bound"] and row["hash"] is not None and row["hash"] not in hashes:
        return _Found(admitted=False)
    last_used = row["last_used"]
    return _Found(
        admitted=True,
        name=row["name"],
        bind=row["bound"] and row["hash"] != hashes[0],
        note_use=last_used is None or last_used + _HOUR <= when,
    )


def _bind(connection: Connection, account: str, name: str, hashes: tuple[str, ...]) -> bool:
    """
    Bind it to the first device that uses it, or bring the hash to the newest key.

    :return: whether this device is the one: another may have been quicker.
    """
    mine = app_password_device.c.account == account, app_password_device.c.name == name
    bound = connection.scalar(select(app_password_device.c.hash).where(*mine))
    if bound is None:
        device = {"account": account, "name": name, "hash": hashes[0]}
        connection.execute(app_password_device.insert(), device)
        return True
    if bound not in hashes:
        return False
    connection.execute(update(app_password_device).where(*mine).values(hash=hashes[0]))
    return True


def _note(connection: Connection, account: str, name: str, when: float) -> None:
    mine = app_password.c.account == account, app_password.c.name == name
    connection.execute(update(app_password).where(*mine).values(last_used=when))


def _revoke(connection: Connection, account: str, name: str | None) -> int:
    revoked = 0
    for table in (app_password_device, app_password):
        statement = delete(table).where(table.c.account == account)
        if name is not None:
            statement = statement.where(table.c.name == name)
        revoked = connection.execute(statement).rowcount
    return revoked
