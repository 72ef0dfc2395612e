"""Whom a message about an identity was sent to, so that nobody gets too many."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, func, select
from twisted.internet.defer import Deferred

from mailext.storage.identity_rows import begins_with
from mailext.storage.schema import identity, identity_alert
from mailext.storage.transactions import Transactions

__all__ = ["AlertLedger"]

_DAY = 86400.0
# Whoever forges identities decides how many new ones there are.
_MOST_A_DAY = 5
# What he can bring about without a password leaves room for what he can do with one.
_MOST_A_DAY_PROVED = 10


class AlertLedger:
    """
    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def claim(
        self, account: str, identity_id: str, when: float, *, proved: bool, succeeded: bool
    ) -> Deferred[bool]:
        """
        Ask whether the holder of an account is to be sent a message, and note
        that it is.

        :param when: wall clock, seconds since the epoch.
        :param proved: whether it is about a login with the right password.
        :param succeeded: whether that login succeeded.
        :return: a Deferred of the answer: yes, once for each identity and day;
            not more than ten times a day, of which wrong passwords are five. A
            login that succeeded is worth it only on the first day of an identity.
        """
        return self._transactions.write(
            partial(
                _claim,
                account=account,
                identity_id=identity_id,
                when=when,
                succeeded=succeeded,
                most=_MOST_A_DAY_PROVED if proved else _MOST_A_DAY,
            )
        )


def _claim(
    connection: Connection, account: str, identity_id: str, when: float, *, succeeded: bool, most: int
) -> bool:
    mine = identity_alert.c.account == account
    connection.execute(delete(identity_alert).where(mine, identity_alert.c.sent <= when - _DAY))
    if succeeded:
        first_seen = connection.scalar(
            select(func.min(identity.c.first_seen)).where(
                identity.c.account == account, begins_with(identity_id)
            )
        )
        if first_seen is not None and first_seen <= when - _DAY:
            return False
    sent = connection.execute(select(identity_alert.c.clientid, identity_alert.c.succeeded).where(mine)).all()
    if len(sent) >= most or (identity_id, succeeded) in sent:
        return False
    connection.execute(
        identity_alert.insert().values(account=account, clientid=identity_id, succeeded=succeeded, sent=when)
    )
    return True
