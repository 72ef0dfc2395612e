"""
Statements that are executed again and again, by the driver itself.

SQLAlchemy compiles a statement once, but makes its parameters anew for each
row, one by one. Here a row goes to the driver as the tuple that it wants. See
docs/reasons/performance.rst for what this gains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.dml import UpdateBase

__all__ = ["Row", "execute_many"]

#: The values of one execution of a statement, by the names of its parameters.
#: They are of types that the driver takes as they are.
Row = Mapping[str, object]


def execute_many(connection: Connection, statement: UpdateBase, rows: Sequence[Row]) -> None:
    """
    Execute a statement for each of these rows.

    :param statement: a constant of its module: it is compiled once.
    :param rows: one at least, all with the same names.
    """
    text, names, constants = _compiled(statement, connection.dialect, tuple(rows[0]))
    connection.exec_driver_sql(
        text, [tuple(row[name] if name in row else constants[name] for name in names) for row in rows]
    )


@lru_cache(maxsize=64)
def _compiled(
    statement: UpdateBase, dialect: Dialect, columns: tuple[str, ...]
) -> tuple[str, tuple[str, ...], Mapping[str, object]]:
    """:return: its text, the names of its parameters by their places, and those that are the same for all rows."""
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    # The parameters of SQLite, the one engine so far, have places.
    return str(compiled), tuple(compiled.positiontup or ()), compiled.params
