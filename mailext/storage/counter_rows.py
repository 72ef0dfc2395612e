"""The rows of what several server processes count together, as functions on a connection."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    Connection,
    Integer,
    Table,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from mailext.clientid.counters import ALARMS, MEMBERS, TALLIES, count_in_window
from mailext.storage.counter_schema import alarm, member, place, process, rate
from mailext.values import Tally

__all__ = [
    "add",
    "add_member",
    "alarms",
    "counts",
    "die",
    "enter",
    "leave",
    "live",
    "places",
    "raise_alarm",
    "trim",
]

# Statements that every login executes are made once.
_THIS_RATE = rate.c.name == bindparam("its_name"), rate.c.window == bindparam("its_window")
_WINDOWS = cast((bindparam("when") - rate.c.since) / rate.c.window, Integer)
_ADD = (
    update(rate)
    .where(*_THIS_RATE)
    .values(
        # What counts no longer may have been forgotten, and then begins anew.
        since=case((_WINDOWS < 2, rate.c.since + _WINDOWS * rate.c.window), else_=bindparam("when")),
        current=case((_WINDOWS == 0, rate.c.current), else_=0) + 1,
        previous=case((_WINDOWS == 0, rate.c.previous), (_WINDOWS == 1, rate.c.current), else_=0),
        added=bindparam("when"),
    )
)
_NEW_RATE = insert(rate).values(
    name=bindparam("its_name"),
    window=bindparam("its_window"),
    since=bindparam("when"),
    current=1,
    previous=0,
    added=bindparam("when"),
)
_RATE = select(rate.c.since, rate.c.current, rate.c.previous).where(*_THIS_RATE)

_THESE_MEMBERS = member.c.name == bindparam("its_name"), member.c.window == bindparam("its_window")
_SEEN = (
    update(member)
    .where(*_THESE_MEMBERS, member.c.member == bindparam("its_member"))
    .values(seen=bindparam("when"))
)
_NEW_MEMBER = insert(member).values(
    name=bindparam("its_name"),
    window=bindparam("its_window"),
    member=bindparam("its_member"),
    seen=bindparam("when"),
)
_SURPLUS_MEMBERS = delete(member).where(
    *_THESE_MEMBERS,
    member.c.member.in_(
        select(member.c.member)
        .where(*_THESE_MEMBERS)
        .order_by(member.c.seen.desc())
        .limit(MEMBERS)
        .offset(MEMBERS)
    ),
)
_MEMBERS = select(func.count()).select_from(member).where(*_THESE_MEMBERS, member.c.seen > bindparam("since"))


def add(connection: Connection, tallies: Sequence[Tally], now: float) -> None:
    """Count one more of each."""
    for tally in tallies:
        this = {"its_name": tally.name, "its_window": tally.window, "when": now}
        if not connection.execute(_ADD, this).rowcount:
            connection.execute(_NEW_RATE, this)


def add_member(connection: Connection, tally: Tally, member_name: str, now: float) -> None:
    """Count something that counts once."""
    whose = {"its_name": tally.name, "its_window": tally.window}
    this = {**whose, "its_member": member_name, "when": now}
    if not connection.execute(_SEEN, this).rowcount:
        connection.execute(_NEW_MEMBER, this)
        connection.execute(_SURPLUS_MEMBERS, whose)


def counts(connection: Connection, tallies: Sequence[Tally], now: float) -> tuple[int, ...]:
    """The count of each."""
    return tuple(_count(connection, tally, now) for tally in tallies)


def _count(connection: Connection, tally: Tally, now: float) -> int:
    this = {"its_name": tally.name, "its_window": tally.window}
    row = connection.execute(_RATE, this).one_or_none()
    if row is not None:
        return count_in_window(now - row.since, tally.window, row.current, row.previous)
    return min(MEMBERS, connection.scalar(_MEMBERS, {**this, "since": now - tally.window}) or 0)


def trim(connection: Connection, now: float) -> None:
    """Forget what counts no longer, and of very much what was added to the longest ago."""
    connection.execute(delete(rate).where(rate.c.added <= now - 2 * rate.c.window))
    connection.execute(delete(member).where(member.c.seen <= now - member.c.window))
    _keep_latest(connection, rate, "added", TALLIES)
    _keep_latest(connection, member, "seen", TALLIES)


def _keep_latest(connection: Connection, table: Table, by: str, most: int) -> None:
    key = list(table.primary_key)
    surplus = select(*key).order_by(table.c[by].desc()).limit(-1).offset(most)
    connection.execute(delete(table).where(tuple_(*key).in_(surplus)))


def live(connection: Connection, process_id: str, now: float, dead: float) -> None:
    """
    A process lives now; what others have left that have not said so is no
    place any more.

    :param dead: who has not said so since then is dead.
    """
    this = process.c.id == process_id
    if not connection.execute(update(process).where(this).values(alive=now)).rowcount:
        connection.execute(insert(process).values(id=process_id, alive=now))
    connection.execute(delete(process).where(process.c.alive <= dead))
    living = select(process.c.id)
    connection.execute(delete(place).where(place.c.process.not_in(living)))


def die(connection: Connection, process_id: str) -> None:
    """A process has come to its end."""
    connection.execute(delete(place).where(place.c.process == process_id))
    connection.execute(delete(process).where(process.c.id == process_id))


def enter(connection: Connection, names: Sequence[str], process_id: str, session: str) -> None:
    """A session takes one place under each name."""
    known = set(
        connection.scalars(
            select(place.c.name).where(place.c.process == process_id, place.c.session == session)
        )
    )
    rows = [{"name": name, "process": process_id, "session": session} for name in {*names} - known]
    if rows:
        connection.execute(insert(place), rows)


def leave(connection: Connection, process_id: str, session: str) -> None:
    """Give back all places of a session."""
    connection.execute(delete(place).where(place.c.process == process_id, place.c.session == session))


def places(connection: Connection, names: Sequence[str], process_id: str, dead: float) -> tuple[int, ...]:
    """How many places are taken under each name, by who is alive."""
    living = or_(
        place.c.process == process_id,
        select(literal(1)).where(process.c.id == place.c.process, process.c.alive > dead).exists(),
    )
    rows = connection.execute(
        select(place.c.name, func.count()).where(place.c.name.in_(names), living).group_by(place.c.name)
    )
    taken: dict[str, int] = {row[0]: row[1] for row in rows}
    return tuple(taken.get(name, 0) for name in names)


def raise_alarm(connection: Connection, scope: str, until: float, now: float) -> None:
    """Restrict logins for a while."""
    connection.execute(delete(alarm).where(or_(alarm.c.scope == scope, alarm.c.until <= now)))
    connection.execute(insert(alarm).values(scope=scope, until=until))
    _keep_latest(connection, alarm, "until", ALARMS)


def alarms(connection: Connection, now: float) -> dict[str, float]:
    """How long each scope's alarm lasts."""
    rows = connection.execute(select(alarm.c.scope, alarm.c.until).where(alarm.c.until > now))
    return {row.scope: row.until for row in rows}
