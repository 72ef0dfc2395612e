"""Whom a message about an identity was sent to, so that nobody gets too many."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, func, select
from twisted.internet.defer import Deferred

from mailext.storage.identity_keys import IdentityKeys
from mailext.storage.schema import identity, identity_alert
from mailext.storage.transactions import Transactions
from mailext.values import ClientIdentity

__all__ = ["AlertLedger"]

_DAY = 86400.0
# Whoever forges identities decides how many new ones there are.
_MOST_A_DAY = 5


class AlertLedger:
    """
    :param transactions: what runs its operations.
    :param keys: hash the identities.
    """

    def __init__(self, transactions: Transactions, keys: IdentityKeys) -> None:
        self._transactions = transactions
        self._keys = keys

    def claim(
        self, account: str, identity: ClientIdentity, when: float, *, succeeded: bool
    ) -> Deferred[bool]:
        """
        Ask whether the holder of an account is to be sent a message, and note
        that it is.

        :param when: wall clock, seconds since the epoch.
        :param succeeded: whether it is about a login that succeeded.
        :return: a Deferred of the answer: yes, once for each identity and day,
            and not more than five times a day. A login that succeeded is worth
            it only on the first day of an identity.
        """
        hashes = self._keys.hashes(identity)
        return self._transactions.write(
            partial(_claim, account=account, hashes=hashes, when=when, succeeded=succeeded)
        )


def _claim(
    connection: Connection, account: str, hashes: tuple[str, ...], when: float, *, succeeded: bool
) -> bool:
    mine = identity_alert.c.account == account
    connection.execute(delete(identity_alert).where(mine, identity_alert.c.sent <= when - _DAY))
    if succeeded:
        first_seen = connection.scalar(
            select(func.min(identity.c.first_seen)).where(
                identity.c.account == account, identity.c.hash.in_(hashes)
            )
        )
        if first_seen is not None and first_seen <= when - _DAY:
            return False
    sent = connection.execute(select(identity_alert.c.hash, identity_alert.c.succeeded).where(mine)).all()
    if len(sent) >= _MOST_A_DAY or any((each, succeeded) in sent for each in hashes):
        return False
    connection.execute(
        identity_alert.insert().values(account=account, hash=hashes[0], succeeded=succeeded, sent=when)
    )
    return True
