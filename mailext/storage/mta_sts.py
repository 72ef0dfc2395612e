"""The MTA-STS policies that were fetched."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, RowMapping, delete, select, update
from twisted.internet.defer import Deferred

from mailext.storage.schema import sts_policy
from mailext.storage.transactions import Transactions
from mailext.trust.mta_sts.means import KnownPolicy
from mailext.trust.mta_sts.policy import StsMode, StsPolicy

__all__ = ["SqlStsPolicyStore"]


class SqlStsPolicyStore:
    """
    Policies in a database: a
    :class:`~mailext.trust.mta_sts.means.StsPolicyStore`.

    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find(self, domain: str) -> Deferred[KnownPolicy | None]:
        """See :meth:`StsPolicyStore.find`."""
        return self._transactions.read(partial(_find, domain=domain))

    def keep(self, known: KnownPolicy, refresh_at: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.keep`."""
        return self._transactions.write(partial(_keep, known=known, refresh_at=refresh_at))

    def note_use(self, domain: str, when: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.note_use`."""
        return self._transactions.write(partial(_note, domain=domain, values={"used": when}))

    def postpone(self, domain: str, refresh_at: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.postpone`."""
        return self._transactions.write(partial(_note, domain=domain, values={"refresh_at": refresh_at}))

    def due(self, now: float, used_since: float, limit: int) -> Deferred[list[KnownPolicy]]:
        """See :meth:`StsPolicyStore.due`."""
        return self._transactions.read(partial(_due, now=now, used_since=used_since, limit=limit))

    def forget_expired(self, now: float) -> Deferred[None]:
        """See :meth:`StsPolicyStore.forget_expired`."""
        return self._transactions.write(partial(_forget_expired, now=now))


def _find(connection: Connection, domain: str) -> KnownPolicy | None:
    row = connection.execute(select(sts_policy).where(sts_policy.c.domain == domain)).mappings().one_or_none()
    return None if row is None else _known(row)


def _keep(connection: Connection, known: KnownPolicy, refresh_at: float) -> None:
    connection.execute(delete(sts_policy).where(sts_policy.c.domain == known.domain))
    connection.execute(
        sts_policy.insert().values(
            domain=known.domain,
            policy_id=known.id,
            mode=known.policy.mode.value,
            max_age=known.policy.max_age,
            mx="\n".join(known.policy.mx),
            fetched=known.fetched,
            expires=known.expires,
            used=known.used,
            refresh_at=refresh_at,
        )
    )


def _note(connection: Connection, domain: str, values: dict[str, float]) -> None:
    connection.execute(update(sts_policy).where(sts_policy.c.domain == domain).values(values))


def _due(connection: Connection, now: float, used_since: float, limit: int) -> list[KnownPolicy]:
    statement = (
        select(sts_policy)
        .where(sts_policy.c.refresh_at <= now, sts_policy.c.used >= used_since)
        .order_by(sts_policy.c.expires)
        .limit(limit)
    )
    return [_known(row) for row in connection.execute(statement).mappings()]


def _forget_expired(connection: Connection, now: float) -> None:
    connection.execute(delete(sts_policy).where(sts_policy.c.expires <= now))


def _known(row: RowMapping) -> KnownPolicy:
    return KnownPolicy(
        domain=row["domain"],
        id=row["policy_id"],
        policy=StsPolicy(StsMode(row["mode"]), row["max_age"], tuple(row["mx"].split())),
        fetched=row["fetched"],
        used=row["used"],
    )
