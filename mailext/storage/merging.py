"""
What is known twice becomes one: two processes knew it before they began to share,
or it is known under the keys of both.

The stricter decision holds: who was refused by one must not be let in because
another had not heard of it.
"""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Insert,
    Integer,
    Select,
    Table,
    case,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.sqlite import insert

from mailext.storage.places import PLACE_COLUMNS
from mailext.storage.schema import identity, identity_place, licence
from mailext.values import IdentityStatus

__all__ = ["merge_identities", "merge_licences", "merge_places", "rows_to_insert", "stricter"]

# What was decided, the strictest last.
_DECISIONS = (
    IdentityStatus.OBSERVED,
    IdentityStatus.PENDING,
    IdentityStatus.ENROLLED,
    IdentityStatus.APPROVED,
    IdentityStatus.REVOKED,
)


def stricter(one: IdentityStatus, other: IdentityStatus) -> IdentityStatus:
    """The stricter of two decisions."""
    return max(one, other, key=_DECISIONS.index)


def rows_to_insert(source: FromClause, table: Table, **instead: object) -> Select[tuple[object, ...]]:
    """
    Rows as they are put into a table, all but their numbers, which are given anew.

    :param source: that table, or one like it.
    :param instead: values of columns that have another one there.
    """
    columns = (
        literal(instead[name]).label(name) if name in instead else source.c[name]
        for name in _columns_without_number(table)
    )
    # SQLite takes ON for a join's where there is no WHERE.
    return select(*columns).where(true())


def merge_identities(rows: Select[tuple[object, ...]]) -> Insert:
    """
    :param rows: see :func:`rows_to_insert`.
    """
    merged = insert(identity).from_select(_columns_without_number(identity), rows)
    other, here = merged.excluded, identity.c
    is_later = other.last_seen > here.last_seen
    return merged.on_conflict_do_update(
        index_elements=[here.account, here.hash],
        set_={
            "status": case(
                (_strictness(other.status) > _strictness(here.status), other.status), else_=here.status
            ),
            "label": case((here.label == "", other.label), else_=here.label),
            "first_seen": func.min(here.first_seen, other.first_seen),
            "last_seen": func.max(here.last_seen, other.last_seen),
            "count": here.count + other.count,
            "failures": here.failures + other.failures,
            "refusals": here.refusals + other.refusals,
            "protocols": here.protocols.op("|")(other.protocols),
            "revoked_until": _later(here.revoked_until, other.revoked_until),
            **{name: case((is_later, other[name]), else_=here[name]) for name in PLACE_COLUMNS},
        },
    )


def merge_places(rows: Select[tuple[object, ...]]) -> Insert:
    """
    :param rows: see :func:`rows_to_insert`.
    """
    merged = insert(identity_place).from_select(_columns_without_number(identity_place), rows)
    other, here = merged.excluded, identity_place.c
    is_later = other.last_seen > here.last_seen
    where = (name for name in PLACE_COLUMNS if name not in identity_place.primary_key.columns)
    return merged.on_conflict_do_update(
        index_elements=[here.hash, here.account, here.network],
        set_={
            "last_seen": func.max(here.last_seen, other.last_seen),
            "count": here.count + other.count,
            **{name: case((is_later, other[name]), else_=here[name]) for name in where},
        },
    )


def merge_licences(rows: Select[tuple[object, ...]]) -> Insert:
    """
    :param rows: see :func:`rows_to_insert`.
    """
    merged = insert(licence).from_select(_columns_without_number(licence), rows)
    other, here = merged.excluded, licence.c
    return merged.on_conflict_do_update(
        index_elements=[here.hash],
        set_={
            "revoked": here.revoked | other.revoked,
            "valid_from": func.max(here.valid_from, other.valid_from),
            "valid_until": func.coalesce(
                func.min(here.valid_until, other.valid_until), here.valid_until, other.valid_until
            ),
            "last_used": _later(here.last_used, other.last_used),
        },
    )


def _columns_without_number(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name != "number"]


def _strictness(status: ColumnElement[str]) -> ColumnElement[int]:
    ranks = {each.value: rank for rank, each in enumerate(_DECISIONS)}
    return case(ranks, value=status, else_=literal(0, Integer))


def _later(
    one: ColumnElement[float | None], other: ColumnElement[float | None]
) -> ColumnElement[float | None]:
    """The later of two times, of which one or both may be null."""
    return func.coalesce(func.max(one, other), one, other)
