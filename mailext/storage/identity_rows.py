"""
The rows of the identity registry, as functions on a connection.

An identity is looked for under the hashes of all keys, the newest first; what
is recorded under an old one is rewritten to the newest. It may have rows under
several: processes that share the registry had each its own key before, and old
keys are put back. Then they count as one (:mod:`mailext.storage.merging`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import attrgetter

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    update,
)

from mailext.storage.identity_keys import ID_DIGITS
from mailext.storage.merging import merge_identities, merge_places, rows_to_insert, stricter
from mailext.storage.places import PLACE_COLUMNS, forget_places, place_of, place_values
from mailext.storage.schema import identity, identity_alert, identity_place, login
from mailext.values import Circumstances, IdentityRecord, IdentityStatus, LoginOutcome, Protocol

__all__ = [
    "Known",
    "begins_with",
    "count_other_accounts",
    "count_trusted",
    "find",
    "put_in",
    "record_of",
    "record_use",
    "row_values",
    "set_status_of_new",
]

_PROTOCOL_BITS: Mapping[Protocol, int] = {
    Protocol.ESMTP: 1,
    Protocol.LMTP: 2,
    Protocol.IMAP: 4,
    Protocol.POP3: 8,
}

_KEPT_FOR_EVER = (IdentityStatus.APPROVED, IdentityStatus.REVOKED)
# What an identity is worth that nobody has judged: the greater, the longer it is kept.
_WAITING, _KNOWN, _ENROLLED = 1, 2, 3
_WORTH = case(
    (identity.c.status == IdentityStatus.ENROLLED, _ENROLLED),
    (identity.c.count > 0, _KNOWN),
    (identity.c.status == IdentityStatus.PENDING, _WAITING),
    else_=0,
)
_TRUSTED = (IdentityStatus.ENROLLED, IdentityStatus.APPROVED)


@dataclass(frozen=True, slots=True)
class Known:
    """
    An identity of an account, as rows know it.

    :param hashes: under each key, the newest key's first.
    """

    account: str
    hashes: tuple[str, ...]
    type: str


def begins_with(identity_id: str) -> ColumnElement[bool]:
    """
    Whether an identity has this id.

    :param identity_id: the first digits of a hash.
    """
    # Behind every hexadecimal digit comes "g".
    return and_(identity.c.hash >= identity_id, identity.c.hash < identity_id + "g")


def find(connection: Connection, account: str, hashes: tuple[str, ...]) -> IdentityRecord | None:
    """What is known of one identity of one account."""
    rows = _rows(connection, account, hashes)
    return reduce(_as_one, map(record_of, rows)) if rows else None


# Statements that every login executes are made once.
_THIS = identity.c.account == bindparam("its_account"), identity.c.hash == bindparam("its_hash")
_COUNT = (
    update(identity)
    .where(*_THIS)
    .values(
        count=identity.c.count + bindparam("success"),
        failures=identity.c.failures + bindparam("failure"),
        refusals=identity.c.refusals + bindparam("refusal"),
    )
)
_COUNT_PROVED = _COUNT.values(
    last_seen=bindparam("when"),
    protocols=identity.c.protocols.op("|")(bindparam("protocol")),
    **{name: bindparam(name) for name in PLACE_COLUMNS},
)
_FIND = select(identity).where(*_THIS)
_INSERT = identity.insert()
_HELD = select(func.count()).select_from(identity).where(identity.c.account == bindparam("its_account"))


def record_use(connection: Connection, known: Known, when: float, circumstances: Circumstances) -> bool:
    """
    Count what became of an attempt in the identity's row.

    :return: False if there is no row.
    """
    _move_to_newest(connection, known)
    outcome = circumstances.outcome
    values: dict[str, object] = {
        "its_account": known.account,
        "its_hash": known.hashes[0],
        "success": int(outcome is LoginOutcome.SUCCESS),
        "failure": int(outcome is LoginOutcome.BAD_CREDENTIALS),
        "refusal": int(outcome is LoginOutcome.REFUSED),
    }
    if circumstances.proved:
        values |= {
            "when": when,
            "protocol": _PROTOCOL_BITS[circumstances.protocol],
            **place_values(circumstances.place),
        }
    return connection.execute(_COUNT_PROVED if circumstances.proved else _COUNT, values).rowcount > 0


def set_status_of_new(connection: Connection, known: Known, status: IdentityStatus) -> bool:
    """
    Give an identity that nobody has judged yet a status.

    :return: False if there is no row.
    """
    _move_to_newest(connection, known)
    judged = case((identity.c.status == IdentityStatus.OBSERVED, status.value), else_=identity.c.status)
    return connection.execute(update(identity).where(*_is(known)).values(status=judged)).rowcount > 0


def put_in(
    connection: Connection, known: Known, when: float, status: IdentityStatus, room: int, *, welcome: bool
) -> bool:
    """
    Make the row of an identity that has none, with nothing counted yet.

    :param room: how many rows an account may have.
    :param welcome: whether it was let in, or taken on. One that was not takes
        no known device's place, or whoever knows a password could have them
        all forgotten by making up new ones.
    :return: False if there is no room: all that are there are to be kept.
    """
    if not _make_room(connection, known.account, room, _ENROLLED if welcome else _WAITING):
        return False
    row = {
        "account": known.account,
        "hash": known.hashes[0],
        "type": known.type,
        "label": "",
        "status": status.value,
        "first_seen": when,
        "last_seen": when,
        "count": 0,
    }
    connection.execute(_INSERT, row)
    return True


def _make_room(connection: Connection, account: str, room: int, worth: int) -> bool:
    """
    Let the account have room for one more: what never got in goes first, then
    what waits for approval, then what has logged in, then what a rule
    enrolled; of each the one that was not seen for longest. What was approved
    or revoked stays.

    :param worth: what is worth more stays, too.
    :return: whether there is room.
    """
    held = connection.scalar(_HELD, {"its_account": account})
    assert held is not None
    if held < room:
        return True
    mine = identity.c.account == account
    surplus = (
        select(identity.c.hash)
        .where(
            mine,
            identity.c.status.not_in(_KEPT_FOR_EVER),
            identity.c.revoked_until.is_(None),
            worth >= _WORTH,
        )
        .order_by(_WORTH, identity.c.last_seen)
        .limit(held - room + 1)
    )
    gone = connection.execute(delete(identity).where(mine, identity.c.hash.in_(surplus.scalar_subquery())))
    return held - gone.rowcount < room


def count_trusted(connection: Connection, account: str) -> int:
    """How many identities of the account are enrolled or approved."""
    return _count(
        connection, select(literal(1)).where(identity.c.account == account, identity.c.status.in_(_TRUSTED))
    )


def count_other_accounts(connection: Connection, account: str, hashes: Collection[str], limit: int) -> int:
    """How many accounts besides this one have logged in with an identity, at most ``limit``."""
    used = select(literal(1)).where(
        identity.c.hash.in_(hashes), identity.c.account != account, identity.c.count > 0
    )
    return _count(connection, used.limit(limit))


def _count(connection: Connection, rows: Select[int]) -> int:
    return connection.scalar(select(func.count()).select_from(rows.subquery())) or 0


def record_of(row: RowMapping) -> IdentityRecord:
    """A row as a value."""
    return IdentityRecord(
        id=row["hash"][:ID_DIGITS],
        account=row["account"],
        type=row["type"],
        label=row["label"],
        status=IdentityStatus(row["status"]),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        count=row["count"],
        failures=row["failures"],
        refusals=row["refusals"],
        place=place_of(row),
        protocols=frozenset(each for each, bit in _PROTOCOL_BITS.items() if bit & row["protocols"]),
        revoked_until=row["revoked_until"],
    )


def row_values(record: IdentityRecord) -> dict[str, object]:
    """A record as the columns of a row, all but the hash."""
    return {
        "account": record.account,
        "type": record.type,
        "label": record.label,
        "status": record.status.value,
        "first_seen": record.first_seen,
        "last_seen": record.last_seen,
        "count": record.count,
        "failures": record.failures,
        "refusals": record.refusals,
        "protocols": sum(_PROTOCOL_BITS[each] for each in record.protocols),
        "revoked_until": record.revoked_until,
        **place_values(record.place),
    }


def _rows(connection: Connection, account: str, hashes: Sequence[str]) -> list[RowMapping]:
    found = (
        connection.execute(_FIND, {"its_account": account, "its_hash": each}).mappings().first()
        for each in hashes
    )
    return [row for row in found if row is not None]


def _as_one(newer: IdentityRecord, older: IdentityRecord) -> IdentityRecord:
    """What a row under a newer key and one under an older key say together."""
    latest = max(newer, older, key=attrgetter("last_seen"))
    ends = [each.revoked_until for each in (newer, older) if each.revoked_until is not None]
    return replace(
        newer,
        label=newer.label or older.label,
        status=stricter(newer.status, older.status),
        first_seen=min(newer.first_seen, older.first_seen),
        last_seen=latest.last_seen,
        count=newer.count + older.count,
        failures=newer.failures + older.failures,
        refusals=newer.refusals + older.refusals,
        place=latest.place,
        protocols=newer.protocols | older.protocols,
        revoked_until=max(ends, default=None),
    )


def _move_to_newest(connection: Connection, known: Known) -> None:
    """What is known under the hashes of older keys is known under the newest key's from now on."""
    newest, *older = known.hashes
    for row in _rows(connection, known.account, older):
        _move(connection, known.account, row["hash"], newest)


def _move(connection: Connection, account: str, old: str, new: str) -> None:
    for table, merge in ((identity, merge_identities), (identity_place, merge_places)):
        mine = table.c.account == account, table.c.hash == old
        connection.execute(merge(rows_to_insert(table, table, hash=new).where(*mine)))
    connection.execute(delete(identity).where(identity.c.account == account, identity.c.hash == old))
    forget_places(connection, account, [old])
    for table in (login, identity_alert):
        of_account = table.c.account == account, table.c.clientid == old[:ID_DIGITS]
        renamed = update(table).where(*of_account).values(clientid=new[:ID_DIGITS])
        # There may be an alert under either.
        connection.execute(renamed.prefix_with("OR REPLACE", dialect="sqlite"))


def _is(known: Known) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return identity.c.account == known.account, identity.c.hash == known.hashes[0]
