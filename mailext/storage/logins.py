"""The attempts to log in: the latest ones, so many and no more."""

from __future__ import annotations

from collections import Counter
from functools import partial

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, select
from twisted.internet.defer import Deferred, succeed

from mailext.clientid.entries import LoginEntry
from mailext.judgement import log_trouble
from mailext.storage.places import place_of, place_values
from mailext.storage.prepared import Row
from mailext.storage.registry_limits import RegistryLimits
from mailext.storage.schema import login
from mailext.storage.transactions import BulkChange, Transactions
from mailext.values import LoginOutcome, Protocol

__all__ = ["SqlLoginLog"]

# Who does not know a password decides how often he tries, and what he says.
_MOST_UNPROVED_AN_HOUR = 200
_HOUR = 3600.0
_LONGEST_NAME = 320
_TRIM_EVERY = 5000


class SqlLoginLog:
    """
    A :class:`~mailext.clientid.entries.LoginSink` that keeps them. Of attempts with a wrong
    password it keeps so many an hour of each account, and of each network.

    :param transactions: what runs its operations.
    :param limits: how much is kept.
    """

    def __init__(self, transactions: Transactions, limits: RegistryLimits | None = None) -> None:
        self._transactions = transactions
        self._limits = limits or RegistryLimits()
        self._hour = 0
        # A server that is started often trims too.
        self._until_trim = 1
        self._unproved: Counter[tuple[str, str]] = Counter()

    def configure(self, limits: RegistryLimits) -> None:
        """Keep so much from now on."""
        self._limits = limits

    def take(self, entry: LoginEntry) -> Deferred[None]:
        """See :meth:`mailext.clientid.entries.LoginSink.take`."""
        if not entry.proved and self._is_one_too_many(entry):
            return succeed(None)
        self._until_trim -= 1
        if not self._until_trim:
            self._until_trim = _TRIM_EVERY
            trimmed = self._transactions.write(partial(_trim_both, most=self._limits.logins))
            trimmed.addErrback(log_trouble, "old logins could not be forgotten", None)
        return self._transactions.change(BulkChange(_APPEND, ([_row(entry)],)))

    def of_account(self, account: str, limit: int) -> Deferred[list[LoginEntry]]:
        """
        :param limit: how many at most.
        :return: a Deferred of the account's latest attempts, the latest first.
        """
        return self._transactions.read(partial(_latest, which=login.c.account == account, limit=limit))

    def of_holder(self, account: str, limit: int) -> Deferred[list[LoginEntry]]:
        """
        As :meth:`of_account`, but those alone that belong into the holder's
        own log (C23).
        """
        which = and_(login.c.account == account, login.c.user_log)
        return self._transactions.read(partial(_latest, which=which, limit=limit))

    def of_identity(self, account: str, identity_id: str, limit: int) -> Deferred[list[LoginEntry]]:
        """As :meth:`of_account`, but those with this identity alone."""
        which = and_(login.c.account == account, login.c.clientid == identity_id)
        return self._transactions.read(partial(_latest, which=which, limit=limit))

    def latest(self) -> Deferred[int]:
        """:return: a Deferred of the number of the latest attempt; 0 if there is none."""
        return self._transactions.read(_latest_number)

    def page(self, after: int, limit: int) -> Deferred[list[tuple[int, LoginEntry]]]:
        """
        :param after: the number of the last one that is known; 0 for none.
        :return: a Deferred of the attempts that follow, in their order, each
            with its number.
        """
        return self._transactions.read(partial(_page, after=after, limit=limit))

    def _is_one_too_many(self, entry: LoginEntry) -> bool:
        hour = int(entry.time // _HOUR)
        if hour != self._hour:
            self._hour = hour
            self._unproved.clear()
        # Whoever makes up accounts is stopped by his network first, and remembered as that alone.
        for whose in (("network", entry.place.network), ("account", entry.account[:_LONGEST_NAME])):
            self._unproved[whose] += 1
            if self._unproved[whose] > _MOST_UNPROVED_AN_HOUR:
                return True
        return False


# Logins that are committed together are inserted together.
_APPEND = (login.insert(),)


def _row(entry: LoginEntry) -> Row:
    return {
        "time": entry.time,
        "account": entry.account[:_LONGEST_NAME],
        "proved": entry.proved,
        "outcome": entry.outcome.value,
        "reason": entry.reason[:_LONGEST_NAME],
        "protocol": entry.protocol.value,
        "listener": entry.listener,
        "mechanism": entry.mechanism,
        "type": entry.type,
        "clientid": entry.clientid,
        "authenticate": entry.authenticate,
        "user_log": entry.user_log,
        "repeated": entry.repeated,
        **place_values(entry.place),
    }


def _trim_both(connection: Connection, most: int) -> None:
    for proved in (False, True):
        _trim(connection, most, proved=proved)


def _trim(connection: Connection, most: int, *, proved: bool) -> None:
    newest = select(login.c.number).where(login.c.proved == proved).order_by(login.c.number.desc())
    bound = connection.scalar(newest.limit(1).offset(most))
    if bound is not None:
        connection.execute(delete(login).where(login.c.proved == proved, login.c.number <= bound))


def _latest(connection: Connection, which: ColumnElement[bool], limit: int) -> list[LoginEntry]:
    statement = select(login).where(which).order_by(login.c.number.desc()).limit(limit)
    return [_entry_of(row) for row in connection.execute(statement).mappings()]


def _latest_number(connection: Connection) -> int:
    return connection.scalar(select(func.max(login.c.number))) or 0


def _page(connection: Connection, after: int, limit: int) -> list[tuple[int, LoginEntry]]:
    statement = select(login).where(login.c.number > after).order_by(login.c.number).limit(limit)
    return [(row["number"], _entry_of(row)) for row in connection.execute(statement).mappings()]


def _entry_of(row: RowMapping) -> LoginEntry:
    place = place_of(row)
    assert place is not None
    return LoginEntry(
        time=row["time"],
        account=row["account"],
        proved=row["proved"],
        outcome=LoginOutcome(row["outcome"]),
        reason=row["reason"],
        protocol=Protocol(row["protocol"]),
        listener=row["listener"],
        mechanism=row["mechanism"],
        place=place,
        type=row["type"],
        clientid=row["clientid"],
        authenticate=row["authenticate"],
        user_log=row["user_log"],
        repeated=row["repeated"],
    )
